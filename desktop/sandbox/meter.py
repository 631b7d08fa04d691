"""Counts calls against a service's limits in sliding windows, and remembers the peaks."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

WAIT_GRACE_S = 0.25
"""Calls already on their way when a 429 goes out are no offence."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` calls in `seconds`; `ops` None counts all of them."""

    name: str
    most: int
    seconds: float
    ops: frozenset[str] | None = None


class Meter:
    """One company's meter. Time comes as an argument (seconds on the sandbox's clock)."""

    def __init__(self, limits: tuple[Limit, ...], concurrency: int) -> None:
        self._limits = limits
        self._concurrency = concurrency
        self._windows: dict[str, deque[float]] = {limit.name: deque() for limit in limits}
        self._peaks: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._refused = 0
        self._in_wait = 0
        self._in_flight = 0
        self._wait_from = 0.0
        self._wait_until = 0.0

    def enter(self, op: str, now: float, enforce: bool) -> str | None:
        """Count a call; the name of the limit it breaks if `enforce`, else None. Refused calls count nowhere else."""
        self._in_flight += 1
        if self._wait_from + WAIT_GRACE_S < now < self._wait_until:
            self._in_wait += 1
        broken = self._broken(op, now)
        if broken and enforce:
            self._refused += 1
            return broken
        self._calls[op] += 1
        self._peaks["concurrent"] = max(self._peaks["concurrent"], self._in_flight)
        for limit in self._limits:
            if limit.ops is None or op in limit.ops:
                window = self._windows[limit.name]
                window.append(now)
                self._peaks[limit.name] = max(self._peaks[limit.name], len(window))
        return None

    def count(self, op: str) -> None:
        """A call outside the limits (sign-in, tokens)."""
        self._calls[op] += 1

    def leave(self) -> None:
        self._in_flight = max(0, self._in_flight - 1)  # a reset may have begun anew meanwhile

    def demand_wait(self, now: float, seconds: float) -> None:
        self._wait_from, self._wait_until = now, max(self._wait_until, now + seconds)

    def _broken(self, op: str, now: float) -> str | None:
        found = "concurrent" if self._in_flight > self._concurrency else None
        for limit in self._limits:
            window = self._windows[limit.name]
            while window and (window[0] <= now - limit.seconds or window[0] > now):
                window.popleft()
            if (limit.ops is None or op in limit.ops) and len(window) >= limit.most:
                found = limit.name
        return found

    def as_json(self) -> dict[str, Any]:
        limits = {limit.name: limit.most for limit in self._limits} | {"concurrent": self._concurrency}
        return {
            "calls": sum(self._calls.values()),
            "by_op": dict(sorted(self._calls.items())),
            "limits": limits,
            "peaks": {name: self._peaks[name] for name in limits},
            "refused": self._refused,
            "inside_demanded_wait": self._in_wait,
        }
