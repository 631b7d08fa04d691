"""The event loop while 10,000 customers are fetched, judged and imported, against the same loop left idle."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import qasync
from PySide6.QtWidgets import QApplication

from benchmarks.gaps import Heartbeat
from desktop.app import rare_collections
from desktop.clock import SystemClock
from desktop.core import Core, Options
from desktop.practice import Practice, running_sandbox
from desktop.sync import importing
from desktop.sync.secrets import MemoryStore
from desktop.walk import agree_to

T = TypeVar("T")
ROWS = 10_000


def run() -> None:
    application = QApplication.instance() or QApplication([])
    rare_collections()
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
    flow = await core.sign_in()
    page = await flow.begin("quickbooks")
    waiting = asyncio.create_task(flow.wait())
    await asyncio.to_thread(agree_to, page.url)
    await waiting
    await core.after_connecting()
    company, lists = await core.require_company(), await core.lists()
    heart = Heartbeat()
    heart.start()
    await asyncio.sleep(1.0)
    print(f"{'idle':26}{heart.line()}")
    records = await _timed(heart, "fetching 20,000", lists.customers.get())
    reviews = await _timed(heart, "judging 10,000", importing.review_customers(company, records[:ROWS]))
    choices = [importing.CustomerChoice(r.external_id, r.kind) for r in reviews if r.record.active]
    await _timed(heart, "importing 10,000", importing.import_customers(company, reviews, choices))
    again = await _timed(heart, "judging them once more", importing.review_customers(company, records[:ROWS]))
    heart.stop()
    left = sum(1 for review in again if review.preselected)
    print(f"a second run would import {left}")
    await core.close()


async def _timed(heart: Heartbeat, name: str, work: Awaitable[T]) -> T:
    heart.start()
    started = time.perf_counter()
    result = await work
    seconds = time.perf_counter() - started
    await asyncio.sleep(0)
    print(f"{name:26}{heart.line()}   {seconds:.1f} s")
    return result
