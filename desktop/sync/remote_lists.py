"""The one shared list of the service's customers and items: fetched once, good for 60 seconds (C11).

The unsynced-customer alert and the import page both ask here, so that opening one after the other costs
one fetch (M122-M125).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from desktop.clock import Clock
from desktop.providers.base import Provider
from desktop.providers.records import CustomerRecord, ItemRecord, Page

CACHE_SECONDS = 60.0

RecordT = TypeVar("RecordT", bound=CustomerRecord | ItemRecord)
Progress = Callable[[int, int | None], None]
"""Told (rows so far, rows in all if known) after each page."""


@dataclass
class _Cached(Generic[RecordT]):
    records: tuple[RecordT, ...]
    fetched_at: float
    unreadable: int = 0


class RemoteList(Generic[RecordT]):
    """One list of one connection. `pages` starts a fresh read of all its pages."""

    def __init__(self, clock: Clock, pages: Callable[[], AsyncIterator[Page[RecordT]]]) -> None:
        self._clock = clock
        self._pages = pages
        self._cached: _Cached[RecordT] | None = None
        self._running: asyncio.Task[tuple[RecordT, ...]] | None = None
        self._listeners: list[Progress] = []
        self._arrived: dict[str, RecordT] = {}

    async def stream(self, progress: Progress | None = None) -> AsyncGenerator[Sequence[RecordT]]:
        """The records of `get` as their pages come in, each once; a fresh cache comes in one piece.

        A record that a later page shows anew is yielded as it was first seen: `get` afterwards, which costs
        nothing then, has the last word. Closing it (`aclosing`) gives the fetch up like a cancelled `get`.
        """
        news = asyncio.Event()

        def tell(done: int, total: int | None) -> None:
            news.set()
            if progress is not None:
                progress(done, total)

        whole = asyncio.ensure_future(self.get(tell))
        whole.add_done_callback(lambda _task: news.set())
        seen = 0
        try:
            while not whole.done():
                await news.wait()
                news.clear()
                fresh = [] if whole.done() else list(islice(self._arrived.values(), seen, None))
                if fresh:
                    seen += len(fresh)
                    yield fresh
            rest = (await whole)[seen:]
            if rest:
                yield rest
        finally:
            if not whole.done():
                whole.cancel()
                with suppress(asyncio.CancelledError):
                    await whole

    async def get(self, progress: Progress | None = None) -> tuple[RecordT, ...]:
        """All records, from the cache while it is fresh; callers at the same time share one fetch.

        A caller may be cancelled without harm to the others; with the last one the fetch ends too.
        Raises ConnectionProblem.
        """
        fresh = self.fresh
        if fresh is not None:
            if progress is not None:
                progress(len(fresh), len(fresh))
            return fresh
        if progress is not None:
            self._listeners.append(progress)
        try:
            if self._running is None:
                self._running = asyncio.ensure_future(self._fetch())
                self._waiting = 0
            task = self._running
            self._waiting += 1
            try:
                return await asyncio.shield(task)
            finally:
                self._waiting -= 1
                if self._waiting == 0:
                    if not task.done():
                        task.cancel()
                    if self._running is task:
                        self._running = None
        finally:
            if progress is not None and progress in self._listeners:
                self._listeners.remove(progress)

    _waiting = 0

    @property
    def fresh(self) -> tuple[RecordT, ...] | None:
        """The cached list if it is younger than 60 seconds; asks nobody."""
        if self._cached is None or self._clock.monotonic() - self._cached.fetched_at >= CACHE_SECONDS:
            return None
        return self._cached.records

    @property
    def unreadable(self) -> int:
        """Rows of the list as last read that made no sense and are left out; the owner must be told."""
        return self._cached.unreadable if self._cached is not None else 0

    def forget(self) -> None:
        """The next caller fetches anew."""
        self._cached = None

    async def _fetch(self) -> tuple[RecordT, ...]:
        newest: dict[str, RecordT] = {}
        self._arrived = newest
        unreadable = 0
        async for page in self._pages():
            for record in page.records:
                newest[record.external_id or ""] = record
            unreadable += page.unreadable
            for listener in list(self._listeners):
                listener(len(newest), page.total)
        records = tuple(newest.values())
        self._cached = _Cached(records, self._clock.monotonic(), unreadable)
        return records


class RemoteLists:
    """The lists of the connected company."""

    def __init__(self, provider: Provider, clock: Clock) -> None:
        self.customers: RemoteList[CustomerRecord] = RemoteList(clock, provider.customers)
        self.items: RemoteList[ItemRecord] = RemoteList(clock, provider.items)

    def forget(self) -> None:
        """Both lists are read anew by the next caller."""
        self.customers.forget()
        self.items.forget()
