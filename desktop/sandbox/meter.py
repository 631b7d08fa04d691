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


TOKEN_OPS = frozenset({"token", "refresh"})
"""The token endpoint's calls: it counts for itself, and a wait that it demands is its own (H4)."""


class Waits:
    """Waits that were demanded, by the token endpoint and by all the rest, and how many calls came meanwhile."""

    def __init__(self) -> None:
        self.broken = 0
        self._on: dict[bool, tuple[float, float]] = {}

    def demand(self, op: str, now: float, seconds: float) -> None:
        """An answer to a call of `op` asked to stay away for `seconds`."""
        _, until = self._on.get(op in TOKEN_OPS, (0.0, 0.0))
        self._on[op in TOKEN_OPS] = (now, max(until, now + seconds))

    def see(self, op: str, now: float) -> None:
        """A call of `op` came; what was on its way when the wait was demanded is no offence."""
        since, until = self._on.get(op in TOKEN_OPS, (0.0, 0.0))
        self.broken += since + WAIT_GRACE_S < now < until


class Gauge:
    """What one company's calls came to. Time comes as an argument (seconds on the sandbox's clock)."""

    def __init__(self) -> None:
        self._peaks: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._refused = 0
        self._in_flight = 0
        self._waits = Waits()

    def count(self, op: str, now: float) -> None:
        """A call outside the limits (sign-in, tokens)."""
        self._calls[op] += 1
        if op == "refresh":  # a person who signs in by hand waits for nobody
            self._waits.see(op, now)

    def leave(self) -> None:
        self._in_flight = max(0, self._in_flight - 1)  # a reset may have begun anew meanwhile

    def demand_wait(self, op: str, now: float, seconds: float) -> None:
        self._waits.demand(op, now, seconds)

    def limits(self) -> dict[str, int]:
        """The limits by name."""
        raise NotImplementedError

    def as_json(self) -> dict[str, Any]:
        limits = self.limits()
        return {
            "calls": sum(self._calls.values()),
            "by_op": dict(sorted(self._calls.items())),
            "limits": limits,
            "peaks": {name: self._peaks[name] for name in limits},
            "refused": self._refused,
            "inside_demanded_wait": self._waits.broken,
        }


class Meter(Gauge):
    """One company's meter with sliding windows."""

    def __init__(self, limits: tuple[Limit, ...], concurrency: int) -> None:
        super().__init__()
        self._limits = limits
        self._concurrency = concurrency
        self._windows: dict[str, deque[float]] = {limit.name: deque() for limit in limits}

    def enter(self, op: str, now: float, enforce: bool) -> str | None:
        """Count a call; the name of the limit it breaks if `enforce`, else None. Refused calls count nowhere else."""
        self._in_flight += 1
        self._waits.see(op, now)
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

    def _broken(self, op: str, now: float) -> str | None:
        found = "concurrent" if self._in_flight > self._concurrency else None
        for limit in self._limits:
            window = self._windows[limit.name]
            while window and (window[0] <= now - limit.seconds or window[0] > now):
                window.popleft()
            if (limit.ops is None or op in limit.ops) and len(window) >= limit.most:
                found = limit.name
        return found

    def limits(self) -> dict[str, int]:
        return {limit.name: limit.most for limit in self._limits} | {"concurrent": self._concurrency}
