"""Quitting in the middle of a send: over in seconds, and the next start finds out what became of it."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from desktop.app import Desktop
from desktop.books import customers, invoices, items
from desktop.books.customers import CustomerDraft
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.items import ItemDraft
from desktop.core import Core
from desktop.sync import mapping
from desktop.ui.screenshots import settle
from desktop.ui.tray import NullTray
from tests.helpers.control import Control
from tests.helpers.desk import options, sign_in
from tests.helpers.waiting import until

QUIT_SECONDS = 5.0
SLACK = 1.5
"""For closing the books and the window on a busy machine."""


@pytest.fixture(autouse=True)
def last_window_ends_nothing(qapp: Any) -> Any:
    before = qapp.quitOnLastWindowClosed()
    qapp.setQuitOnLastWindowClosed(False)
    yield
    qapp.setQuitOnLastWindowClosed(before)


async def connect_and_write_an_invoice(core: Core, services: dict[str, Any]) -> None:
    keys = await core.app_keys()
    for name, service in services.items():
        await keys.save(name, "sandbox", service["client_id"], service["client_secret"])
    await sign_in(core)
    item = await core.do(items.create_item, ItemDraft(name="Leak survey", unit_price=Decimal("130")))
    key = await core.company_key()
    assert key is not None
    view = await core.ask(mapping.mapping_view, key)
    await core.do(mapping.save_mapping, key, {item: view.accounts[0].external_id})
    customer = await core.do(customers.create_customer, CustomerDraft("Harriet Vance"))
    day = core.clock.now().date()
    draft = InvoiceDraft(customer, day, day + timedelta(days=14), (LineDraft(item, "", Decimal(1), Decimal("130")),))
    await core.do(invoices.mark_sent, await core.do(invoices.create_invoice, draft))


@pytest.mark.slow
async def test_P4_N5_quitting_while_an_answer_is_out_takes_seconds_and_the_invoice_is_there_once(
    qloop: Any, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    chosen = options(tmp_path / "desk", sandbox.services)
    first = Desktop(chosen, tray=NullTray(), prepare=lambda core: connect_and_write_an_invoice(core, sandbox.services))
    task = asyncio.get_running_loop().create_task(first.run())
    await until(lambda: first.tray is not None, 20)
    await settle()
    control.faults({"id": "N5", "op": "create_invoice", "nth": 1, "phase": "after", "params": {"delay_s": 60}})
    first.window.sync.resync([("invoice", 1)])
    await until(lambda: copies(control) == 1, 10)
    assert not task.done()
    began = time.monotonic()
    first.window.menus["quit"].trigger()
    await asyncio.wait_for(task, 30)
    took = time.monotonic() - began
    first.window.deleteLater()
    assert took < QUIT_SECONDS + SLACK
    control.clear_faults()

    again = Desktop(chosen, tray=NullTray())
    task = asyncio.get_running_loop().create_task(again.run())
    await until(lambda: again.tray is not None, 20)
    assert again.core is not None
    await again.core.sync_now()
    assert again.core.runner.idle
    bell = await again.core.bell()
    again.quit()
    await asyncio.wait_for(task, 10)
    again.window.deleteLater()
    assert bell == []
    assert copies(control) == 1


def copies(control: Control) -> int:
    """How often our invoice stands at QuickBooks."""
    return sum(1 for one in control.books()["invoices"] if one["number"] == "INV-0001")
