"""How often a service may be called, and when a failed call may be tried again; no I/O but the clock's sleep.

The services count sliding windows, so this does too: a bucket would let nearly twice the allowance through
at first. Several desks share one allowance, so a demanded wait (429) is honoured on top (I14).
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from desktop.clock import Clock, Entropy
from desktop.errors import ConnectionProblem

RECHECK = 0.05
"""Seconds between looks while only running calls fill a window."""
LONGEST_DEMAND = 24 * 3600.0
"""A Retry-After beyond a day is taken as a day, in seconds."""


@dataclass(frozen=True, slots=True)
class Window:
    """At most `calls` starts within any `seconds`; with `kind` only calls of that kind count."""

    seconds: float
    calls: int
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything that bounds the calls of one connection. Times in seconds."""

    windows: tuple[Window, ...] = ()
    concurrency: int = 8
    demanded_wait: float = 60.0
    """How long to stay away after a 429 that names no time."""
    backoff: tuple[float, ...] = ()
    """In place of `demanded_wait`: the waits after the first, second ... 429 in a row that names no time."""
    jitter: float = 3.0
    """Up to so much is added to a demanded wait, so that desks don't come back together."""
    patience: float = 20.0
    """A wait up to this is slept through; a longer one is reported as RateLimited."""
    read_deadline: float = 60.0
    write_deadline: float = 125.0
    """Total for one attempt, from the first byte to the last (N6); the services work up to 120 s."""
    connect_timeout: float = 10.0
    response_bytes: int = 30_000_000


class Failure(StrEnum):
    """What became of an attempt that brought no usable answer."""

    NOT_SENT = "not_sent"
    """No connection: the service saw nothing."""
    LOST = "lost"
    """Bytes may have left, no usable answer came."""
    SERVER_ERROR = "server_error"
    """The service answered 5xx."""
    INTERCEPTED = "intercepted"
    """Something else answered in its place."""
    THROTTLED = "throttled"
    """The service asked us to wait: certain that nothing was done."""


READ_ATTEMPTS = 4
WRITE_ATTEMPTS = 3
THROTTLED_ATTEMPTS = 3


def retry_delay(failure: Failure, attempt: int, rand: float, *, write: bool, keyed: bool) -> float | None:
    """Seconds until the next attempt, or None to give up. `attempt` counts from 1, `rand` lies in 0..1.

    A write is only tried again when it certainly was not done, and only under an idempotency key; one in
    doubt is the recovery's business. After THROTTLED the wait itself is the limiter's, hence 0.
    """
    if failure is Failure.INTERCEPTED:
        return None
    if failure is Failure.THROTTLED:
        return 0.0 if attempt < THROTTLED_ATTEMPTS else None
    if write and (failure is not Failure.NOT_SENT or not keyed):
        return None
    if attempt >= (WRITE_ATTEMPTS if write else READ_ATTEMPTS):
        return None
    return float(0.5 * 2 ** (attempt - 1) * (0.5 + rand))


def retry_after(header: str, *, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (a number or an HTTP date), 0 to a day; None if unreadable.

    `now` should be the service's own time (its Date header), so that a wrong clock here changes nothing.
    """
    header = header.strip()
    if not header:
        return None
    if header.isascii() and header.replace(".", "", 1).isdigit():
        return min(float(header), LONGEST_DEMAND)
    instant = http_date(header)
    return None if instant is None else min(max(0.0, (instant - now).total_seconds()), LONGEST_DEMAND)


def http_date(header: str) -> datetime | None:
    """An HTTP date as aware UTC, or None."""
    try:
        instant = parsedate_to_datetime(header)
    except (TypeError, ValueError, OverflowError):
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


MARGIN = 0.05
"""Seconds that a window lasts longer for us: clocks differ, and an answer may have been another call's (N11)."""

Explain = Callable[[datetime], ConnectionProblem]
"""Makes the problem to report while a wait until that instant is on."""


class _Gate:
    """One window. A call counts from its start until a window's length after its end.

    The service counts a call when it arrives, which lies somewhere between: counting it for all that time
    keeps every window of the service's within the allowance, however long some calls are under way.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.seconds = window.seconds + MARGIN
        self.running = 0
        self.ended: deque[float] = deque()

    def delay(self, now: float) -> float:
        """Seconds until one more call fits."""
        while self.ended and self.ended[0] <= now - self.seconds:
            self.ended.popleft()
        excess = self.running + len(self.ended) - self.window.calls
        if excess < 0:
            return 0.0
        if excess >= len(self.ended):  # only the end of a running call can make room
            return RECHECK
        return self.ended[excess] + self.seconds - now


class Limiter:
    """Keeps one connection's calls within its windows, and away during a demanded wait."""

    def __init__(self, limits: Limits, clock: Clock, entropy: Entropy, explain: Explain) -> None:
        self._limits = limits
        self._clock = clock
        self._entropy = entropy
        self._explain = explain
        self._pause_explain = explain
        self._pause_until = float("-inf")
        self._gates = [_Gate(window) for window in limits.windows]
        self._throttled = 0

    def pause(self, seconds: float | None, explain: Explain | None = None) -> datetime:
        """Nothing is sent for `seconds` (or the usual demanded wait) plus jitter; returns until when, in UTC.

        A wait that is already on is never shortened.
        """
        wait = self._usual_wait() if seconds is None else seconds
        wait += self._entropy.uniform(0.0, self._limits.jitter)
        until = self._clock.monotonic() + wait
        if until > self._pause_until:
            self._pause_until = until
            self._pause_explain = explain or self._explain
        return self._instant(self._pause_until - self._clock.monotonic())

    def _usual_wait(self) -> float:
        backoff = self._limits.backoff
        if not backoff:
            return self._limits.demanded_wait
        self._throttled += 1
        return backoff[min(self._throttled, len(backoff)) - 1]

    def served(self) -> None:
        """An answer came that was no 429: the next one starts the waits anew."""
        self._throttled = 0

    def check(self, kind: str) -> None:
        """Raises the ConnectionProblem if a call of this kind would have to wait longer than our patience."""
        delay = self._delay(kind)
        if delay > self._limits.patience:
            paused = self._pause_until - self._clock.monotonic() >= delay
            raise (self._pause_explain if paused else self._explain)(self._instant(delay))

    @asynccontextmanager
    async def call(self, kind: str) -> AsyncIterator[None]:
        """Enters when a call of this kind may start, and counts it until long enough after it ends.

        Raises as `check`.
        """
        while (delay := self._delay(kind)) > 0:
            self.check(kind)
            await self._clock.sleep(delay)
        gates = self._for(kind)
        for gate in gates:
            gate.running += 1
        try:
            yield
        finally:
            for gate in gates:
                gate.running -= 1
                gate.ended.append(self._clock.monotonic())

    def _for(self, kind: str) -> list[_Gate]:
        return [gate for gate in self._gates if gate.window.kind in ("", kind)]

    def _delay(self, kind: str) -> float:
        now = self._clock.monotonic()
        return max(0.0, self._pause_until - now, *(gate.delay(now) for gate in self._for(kind)))

    def _instant(self, seconds: float) -> datetime:
        return self._clock.now() + timedelta(seconds=max(0.0, seconds))
