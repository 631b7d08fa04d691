"""An event loop whose time is counted, not waited for: whoever sleeps is woken at once, in the right order.

Everything of one run happens on it - desks, imitated services, deadlines - so an hour of a slow service costs
nothing, and the same seed gives the same order of events (I24).
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
"""When each run begins: the day on which the imitated companies' books end."""


class Deadlock(Exception):
    """Everybody waits and nothing is due: the program would hang for ever (I15)."""


class _Instant(selectors.BaseSelector):
    """Never waits: what would be waited for is added to the loop's time."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()
        self.elapsed = 0.0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return []
        ready = self._inner.select(0)
        if ready:
            return ready
        if timeout is None:
            raise Deadlock
        self.elapsed += timeout
        return []

    def close(self) -> None:
        self._inner.close()

    def get_map(self) -> Any:
        return self._inner.get_map()


class CountedLoop(asyncio.SelectorEventLoop):
    """See the module's docstring. What is meant for a thread is done at once: a run has no threads."""

    def __init__(self) -> None:
        self._instant = _Instant()
        super().__init__(self._instant)

    def time(self) -> float:
        return self._instant.elapsed

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except BaseException as error:  # whatever it was belongs to whoever awaits it
            future.set_exception(error)
        return future


class LoopClock:
    """The loop's time as a desk's clock; `skew` (seconds) is how wrong its wall clock is."""

    def __init__(self, loop: asyncio.AbstractEventLoop, skew: float = 0.0) -> None:
        self._loop = loop
        self.skew = skew

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time() + self.skew)

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def run(main: Any) -> Any:
    """Run a coroutine to its end on a loop of its own."""
    loop = CountedLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()
