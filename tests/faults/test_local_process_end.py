"""P3, P4: a mistake in a slot, a thread or a finaliser is told and nothing ends; the end itself takes seconds."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import Any

import pytest

from desktop.app import watch_failures
from desktop.core import QUIT_SECONDS
from desktop.providers.records import Kind
from desktop.ui import operations
from desktop.ui.main_window import MainWindow
from desktop.ui.screenshots import settle
from tests.faults.conftest import OpenDesk
from tests.helpers.waiting import until


@pytest.mark.allow_errors("failed", "not caught", "never retrieved", "boom")
async def test_P3_a_mistake_anywhere_is_logged_and_the_window_lives(qloop: Any) -> None:
    window = MainWindow()
    hooks = sys.excepthook, threading.excepthook
    before = asyncio.get_running_loop()._exception_handler  # type: ignore[attr-defined]  # put back below
    watch_failures(window)
    try:
        window.show()
        sys.excepthook(RuntimeError, RuntimeError("boom in a slot"), None)  # what Qt's binding calls
        assert window.banner.isVisible()
        window.banner.clear()
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()

        async def fails() -> None:
            raise ValueError("boom in an operation")

        operations.run(window, fails())
        await until(window.banner.isVisible)
        assert window.isVisible()
    finally:
        sys.excepthook, threading.excepthook = hooks
        operations.set_unhandled(None)
        asyncio.get_running_loop().set_exception_handler(before)
        window.hide()
        await settle()
        window.deleteLater()


@pytest.mark.parametrize("service", ["quickbooks", "wave"])
async def test_P4_the_end_waits_for_nobody_longer_than_its_seconds(service: str, desk_on: OpenDesk) -> None:
    """The service does not answer; the call is left in doubt, found again at the next start, and there once."""
    async with desk_on(service) as desk:
        invoice = desk.bill("P4-1", "80", paid="30")
        desk.arm({"id": "N5", "op": "create_invoice", "nth": 1, "phase": "after", "params": {"delay_s": 60}})
        pressed = asyncio.create_task(desk.sync(invoice))
        await until(lambda: len(desk.remote("P4-1")) == 1, 20)
        began = time.monotonic()
        pressed.cancel()
        await desk.core.close(0.2)
        assert time.monotonic() - began < QUIT_SECONDS
        await asyncio.gather(pressed, return_exceptions=True)
        desk.control.clear_faults()
    async with desk_on(service) as desk:
        for _ in range(4):
            desk.clock.advance(200)
            report = await desk.core.sync([(Kind.INVOICE, 1)])
            if report.clean:
                break
        assert report.clean, report
        (there,) = desk.remote("P4-1")
        assert there["balance"] == "50.00"
