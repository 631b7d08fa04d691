"""What came from the service is marked where the owner looks, and what may be one of ours leads to the import."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from desktop.providers.records import Kind
from desktop.sync.pulled import POSSIBLE, Pulled
from desktop.sync.push import Report
from desktop.ui import wizard_door
from desktop.ui.invoices_page import SYNC
from desktop.ui.routes import Route
from tests.helpers.waiting import until
from tests.ui.screens.acting import numbered, still, synced
from tests.ui.screens.conftest import Books, shown


async def test_E1_an_invoice_made_there_says_so_in_the_list(qloop, look, connected, control) -> None:
    async with connected() as core:
        await synced(core, "PM-1")
        await core.sync_now()
        (ours,) = numbered(control, "PM-1")
        line = {"item_id": ours["lines"][0]["item_id"], "quantity": "1", "unit_price": "90"}
        today = Books(core).day.isoformat()
        made = {"customer_id": ours["customer_id"], "number": "QB-77", "date": today, "lines": [line]}
        control.edit("invoice", "", {"create": made})
        report = await core.sync_now()
        assert report.pulled is not None and not report.pulled.quiet
        async with shown(core) as window:
            window.go(Route("invoices"))
            await still()
            page = window.pages["invoices"]
            cells = {}
            for row in range(page.model.rowCount()):
                number = page.model.index(row, 0).data()
                cell = page.model.index(row, SYNC)
                cells[number] = (cell.data(), cell.data(Qt.ItemDataRole.ToolTipRole))
            assert cells["PM-1"][0] == "Synced"
            assert cells["QB-77"][0] == "Made there" and "Made in QuickBooks" in cells["QB-77"][1]
            folder = os.environ.get("BLUECLERK_PICTURES")
            if folder:
                name = f"pulled-{QGuiApplication.styleHints().colorScheme().name}-{window.devicePixelRatio()}.png"
                window.grab().save(str(Path(folder) / name))


async def test_M35_M117_a_customer_who_may_be_ours_leads_to_the_import_page(qloop, look, connected) -> None:
    async with connected() as core:
        came = Pulled()
        came.note(POSSIBLE, Kind.CUSTOMER)
        opened: list[str] = []
        before = wizard_door._open
        wizard_door.install(lambda _core, _parent, *, only="": opened.append(only))
        try:
            async with shown(core) as window:
                window.sync._tell(Report(pulled=came), None)
                assert "1 new customer may be one of yours" in window.toaster.accessibleName()
                window.toaster.action_button.click()
                await until(lambda: bool(opened))
                assert opened == ["customers"]
        finally:
            wizard_door.install(before)
