"""The activity log is filtered and given out as it is shown, safe for a spreadsheet (N1, U5)."""

from __future__ import annotations

import csv
import json
from datetime import timedelta

from desktop.books.activity import ActivityFilter, activity_counts, activity_ids
from desktop.books.activity_export import COLUMNS, activity_csv, activity_json
from desktop.models.tables import ActivityRow
from tests.books.writing import START, Office

HOSTILE = '=HYPERLINK("http://x")\nsecond line'


def fill(office: Office) -> None:
    lines = [("invoice", "1001", "done"), ("payment", HOSTILE, "refused"), ("invoice", "1002", "refused")]
    with office.database.write() as session:
        for number, (kind, label, result) in enumerate(lines):
            row = ActivityRow(at=START + timedelta(days=number), direction="out", kind=kind, local_id=number + 1)
            row.label, row.result, row.action = label, result, "create"
            row.fields, row.service_ref, row.actor = ["total", "due_on"], f"tid-{number}", "pat"
            session.add(row)


def test_N1_the_log_is_filtered_by_kind_time_and_words(office: Office) -> None:
    fill(office)
    assert len(office.ask(activity_ids, ActivityFilter(kind="invoice"))) == 2
    later = ActivityFilter(since=START + timedelta(days=1))
    assert len(office.ask(activity_ids, later)) == 2
    assert len(office.ask(activity_ids, ActivityFilter(until=START + timedelta(days=1)))) == 1
    assert len(office.ask(activity_ids, ActivityFilter(text="tid-2"))) == 1
    assert office.ask(activity_counts, later) == {"": 2, "refused": 2}
    assert office.ask(activity_counts, ActivityFilter(kind="invoice", result="done")) == {
        "": 2,
        "done": 1,
        "refused": 1,
    }


def test_N1_U5_an_export_as_csv_holds_what_the_list_shows_and_runs_nothing(office: Office) -> None:
    fill(office)
    text = office.ask(activity_csv, ActivityFilter(result="refused", newest_first=False))
    heading, *rows = list(csv.reader(text.splitlines()))
    assert tuple(heading) == COLUMNS
    assert [row[heading.index("label")] for row in rows] == ['\'=HYPERLINK("http://x") second line', "1002"]
    assert [row[heading.index("service_ref")] for row in rows] == ["tid-1", "tid-2"]
    assert rows[0][heading.index("fields")] == "total, due_on"


def test_N1_an_export_as_json_is_the_same_list(office: Office) -> None:
    fill(office)
    rows = json.loads(office.ask(activity_json, ActivityFilter()))
    assert [row["label"] for row in rows] == ["1002", HOSTILE, "1001"]
    assert rows[0]["at"] == (START + timedelta(days=2)).isoformat()
    assert set(rows[0]) == set(COLUMNS)
