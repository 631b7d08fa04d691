"""The imitated services' own time: a source (normally the wall clock) plus what a test has added to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable


def wall_clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class SandboxClock:
    """Tokens, limits, dates and demanded waits are all reckoned by this clock, so that a test can age them."""

    def __init__(self, source: Callable[[], dt.datetime] = wall_clock) -> None:
        self._source = source
        self._offset = dt.timedelta()

    def now(self) -> dt.datetime:
        """Aware UTC."""
        return self._source() + self._offset

    def timestamp(self) -> float:
        """Seconds since 1970, for windows and expiry."""
        return self.now().timestamp()

    def advance(self, seconds: float) -> dt.datetime:
        """Move on (or back, if negative) and return the new time."""
        self._offset += dt.timedelta(seconds=seconds)
        return self.now()

    def reset(self) -> None:
        self._offset = dt.timedelta()
