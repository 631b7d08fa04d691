"""Quitting in the middle of a send: over in seconds, and the next start finds out what became of it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from desktop.app import Desktop
from desktop.core import Core
from desktop.ui.screenshots import settle
from desktop.ui.tray import NullTray
from tests.e2e.books import connect, sent_invoice
from tests.helpers.control import Control
from tests.helpers.desk import options
from tests.helpers.waiting import until

QUIT_SECONDS = 5.0
SLACK = 1.5
"""For closing the books and the window on a busy machine."""


@pytest.mark.slow
@pytest.mark.usefixtures("last_window_ends_nothing")
async def test_P4_N5_quitting_while_an_answer_is_out_takes_seconds_and_the_invoice_is_there_once(
    qloop: Any, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async def prepare(core: Core) -> None:
        await connect(core, sandbox.services)
        await sent_invoice(core)

    chosen = options(tmp_path / "desk", sandbox.services)
    first = Desktop(chosen, tray=NullTray(), prepare=prepare)
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
