"""The activity log as a file for a bookkeeper: CSV for a spreadsheet, JSON for a program (N1).

The log never held a secret: what goes in are our labels, the services' ids and sentences of our own.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from io import StringIO

from sqlalchemy.orm import Session

from desktop.books.activity import Activity, ActivityFilter, activity_ids, activity_rows
from desktop.books.sheets import neutral

COLUMNS = tuple(field.name for field in fields(Activity))
"""The names of the columns, the same in both forms; times in UTC, ISO 8601."""
PAGE = 500


def activity_csv(session: Session, wanted: ActivityFilter) -> str:
    """The lines that the filter lets through, in order, with a heading; no cell runs as a formula (fault U5)."""
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in _rows(session, wanted):
        writer.writerow([_cell(value) for value in _plain(row).values()])
    return out.getvalue()


def activity_json(session: Session, wanted: ActivityFilter) -> str:
    """The lines that the filter lets through, in order, as a JSON list with one object a line."""
    return json.dumps([_plain(row) for row in _rows(session, wanted)], ensure_ascii=False, indent=1)


def _rows(session: Session, wanted: ActivityFilter) -> Iterator[Activity]:
    ids = activity_ids(session, wanted)
    for start in range(0, len(ids), PAGE):
        page = ids[start : start + PAGE]
        found = {row.id: row for row in activity_rows(session, page)}
        yield from (found[each] for each in page if each in found)


def _plain(row: Activity) -> dict[str, object]:
    return {**asdict(row), "at": row.at.isoformat(timespec="seconds"), "fields": list(row.fields)}


def _cell(value: object) -> object:
    if isinstance(value, list):
        return neutral(", ".join(map(str, value)))
    return neutral(value) if isinstance(value, str) else value
