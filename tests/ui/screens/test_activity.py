"""The activity page: what was written where, filtered and exported (N1)."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from desktop.books.activity import Activity
from desktop.providers.records import Kind
from desktop.ui.activity_page import ActivityPage
from desktop.ui.happened import note_of, what_happened
from desktop.ui.routes import Route
from tests.helpers.waiting import until
from tests.ui.screens.acting import still
from tests.ui.screens.conftest import Books, shown


async def test_N1_each_write_is_listed_once_filtered_and_exported(
    qloop, look, connected, control, tmp_path: Path
) -> None:
    async with connected() as core:
        books = Books(core)
        invoice = await books.invoice(await books.customer("Ada's Bakery"), await books.item("Repair"))
        await books.pay(invoice, "100")
        await core.sync([(Kind.INVOICE, invoice)])
        async with shown(core) as window:
            window.go(Route("activity"))
            page = window.pages["activity"]
            assert isinstance(page, ActivityPage)
            await until(lambda: page.model.rowCount() >= 4)
            everything = page.model.rowCount()
            assert page._what(page.model.row_at(everything - 1)) == "Connected to QuickBooks"
            page.kinds.setCurrentIndex(page.kinds.findData("payment"))
            await until(lambda: page.model.rowCount() == 1)
            assert page.is_filtered
            page.write(tmp_path / "payments.csv")
            await until(lambda: (tmp_path / "payments.csv").exists())
            await still()
            rows = list(csv.DictReader(io.StringIO((tmp_path / "payments.csv").read_bytes().decode("utf-8-sig"))))
            assert [(row["kind"], row["action"], row["result"]) for row in rows] == [("payment", "create", "done")]
            assert rows[0]["service_ref"]
            page.clear_filter()
            await until(lambda: page.model.rowCount() == everything)
            page.write(tmp_path / "all.json")
            await until(lambda: (tmp_path / "all.json").exists())
            await still()
            listed = json.loads((tmp_path / "all.json").read_text("utf-8"))
            assert len(listed) == everything
            writes = [e for e in control.ledger() if e["op"].split("_")[0] in ("create", "batch") and e["changed"]]
            changed = sum(len(entry["changed"]) for entry in writes)
            assert len([row for row in listed if row["action"] == "create"]) == changed
            page.write(tmp_path / "nowhere" / "x.csv")
            await still()
            assert "could not be written" in window.banner.sentence


def test_N1_a_line_says_which_way_it_went_and_claims_nothing_that_was_not_done() -> None:
    day = datetime(2026, 11, 21, tzinfo=UTC)
    line = Activity(1, day, "", "out", "quickbooks", "invoice", 1, "INV-0047", "create", (), "done", "", "128", "")
    said = {
        (way, result): what_happened(replace(line, direction=way, result=result), "QuickBooks")
        for way in ("out", "in")
        for result in ("done", "refused", "in_doubt", "waiting")
    }
    assert said["out", "done"] == "Invoice added in QuickBooks"
    assert said["in", "done"] == "Invoice came from QuickBooks"
    tried = {said["out", result] for result in ("refused", "in_doubt", "waiting")}
    assert tried == {"Invoice to add in QuickBooks"}, "beside “Not accepted” nothing was added"
    changed = replace(line, direction="in", action="update", fields=("due_on", "unit_price"))
    assert (what_happened(changed, ""), note_of(changed)) == ("Invoice was changed in the service", "due date, price")
