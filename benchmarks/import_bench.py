"""10,000 customers come through the wizard in the real window: the event loop meanwhile, against the same loop idle.

What is driven is what an owner drives: the main window, the wizard over it, its commit button. The second run must
offer nothing and change nothing.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import qasync
from PySide6.QtWidgets import QApplication, QWizard

from benchmarks.gaps import Heartbeat
from desktop.app import lively_threads
from desktop.books import queries
from desktop.clock import SystemClock
from desktop.core import Core, Options
from desktop.practice import Practice, running_sandbox
from desktop.providers.records import CustomerRecord, Page
from desktop.sync.remote_lists import RemoteList
from desktop.sync.secrets import MemoryStore
from desktop.ui import operations
from desktop.ui.main_window import MainWindow
from desktop.ui.screenshots import settle
from desktop.walk import sign_in
from desktop.wizard.wizard import prepare

T = TypeVar("T")
ROWS = 10_000
LIMIT_SECONDS = 600.0


def run() -> None:
    application = QApplication.instance() or QApplication([])
    lively_threads()
    loop = qasync.QEventLoop(application)
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory() as folder, running_sandbox(Path(folder), control=True, company="large") as made:
        loop.run_until_complete(_measure(Path(folder), made))
    loop.close()


async def _measure(folder: Path, practice: Practice) -> None:
    options = Options(
        database=str(folder / "bench.db"),
        data_dir=folder,
        store=MemoryStore(),
        account="owner",
        clock=SystemClock(),
        addresses=practice.addresses(),
    )
    core = await Core.open(options)
    await practice.enter_keys(core)
    await sign_in(core, "quickbooks")
    window = MainWindow()
    window.attach(core)
    window.show()
    await settle()
    heart = Heartbeat()
    heart.start()
    await asyncio.sleep(1.0)
    print(f"{'idle':30}{heart.line()}")
    first = await _through(core, window, heart, "first run")
    second = await _through(core, window, heart, "second run")
    heart.stop()
    print(f"customers here after the first run {first:,}, after the second {second:,}; the second changed "
          f"{second - first:,}")  # fmt: skip
    window.detach()
    window.hide()
    await settle()
    await core.close()


async def _through(core: Core, window: MainWindow, heart: Heartbeat, name: str) -> int:
    """Open the import of customers over the window, let all stream in, import what is ticked; how many are here."""
    lists = await core.lists()
    lists.forget()
    lists.customers = _first_ten_thousand(core, await core.require_company())
    wizard = await prepare(core, window, "customers")
    shown: list[int] = []
    page: Any = wizard.page(0)
    page.model.rowsInserted.connect(lambda *_: shown.append(page.model.rowCount()))
    await _timed(heart, f"{name}: stream and judge", _open(wizard, page))
    print(f"{'':30}rows came in {len(shown)} portions, the first of {shown[0]:,}; ticked {page.model.checked_count:,}")
    await _timed(heart, f"{name}: chips and sort", _look_around(page))
    button = wizard.button(QWizard.WizardButton.CommitButton)
    words = button.text().replace("&", "")
    button.click()
    await _timed(heart, f"{name}: {words}", _until(lambda: wizard.step == "done" and not operations.pending()))
    wizard.reject()
    await settle(60)
    ids = await core.ask(queries.customer_ids, queries.CustomerFilter(active=None), ("name", False), None)
    return len(ids)


def _first_ten_thousand(core: Core, company: Any) -> RemoteList[CustomerRecord]:
    """The service's own pages, as far as 10,000 rows."""

    async def pages() -> Any:
        seen = 0
        async for page in company.provider.customers():
            yield Page(page.records[: ROWS - seen], ROWS, unreadable=page.unreadable)
            seen += len(page.records)
            if seen >= ROWS:
                return

    return RemoteList(core.clock, pages)


async def _open(wizard: Any, page: Any) -> None:
    wizard.open()
    await _until(lambda: page.loaded and not operations.pending())


async def _look_around(page: Any) -> None:
    for key in ("builder", "new", "all"):
        page.chips.button(key).click()
        await asyncio.sleep(0)
    for column in (2, 1):
        page.table.sortByColumn(column, page.table.horizontalHeader().sortIndicatorOrder())
        await asyncio.sleep(0)


async def _until(done: Callable[[], object]) -> None:
    ends = time.perf_counter() + LIMIT_SECONDS
    while not done():
        if time.perf_counter() > ends:
            raise TimeoutError
        await asyncio.sleep(0.01)


async def _timed(heart: Heartbeat, name: str, work: Awaitable[T]) -> T:
    heart.start()
    started = time.perf_counter()
    result = await work
    seconds = time.perf_counter() - started
    await asyncio.sleep(0)
    print(f"{name:30}{heart.line()}   {seconds:.1f} s")
    return result
