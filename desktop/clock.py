"""Time and chance come in as arguments: that is what makes a fault schedule replayable."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the core may know about time."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, for deadlines; unaffected by a changed system clock."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let other work go on for `seconds` of this clock."""
        ...


class SystemClock:
    """The real clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that a test moves by hand; sleeping advances it at once and gives way to other tasks.

    `on_advance` is told the seconds of every step, so that a test can move the sandbox's clock along.
    """

    def __init__(self, start: datetime, on_advance: Callable[[float], Awaitable[None]] | None = None) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock starts at an aware instant")
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0
        self._on_advance = on_advance

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move wall and monotonic time forward together."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += max(0.0, seconds)

    def set_wall(self, instant: datetime) -> None:
        """Change only the wall clock, as a person or a time server does; monotonic time stays."""
        self._now = instant.astimezone(UTC)

    async def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.advance(seconds)
            if self._on_advance is not None:
                await self._on_advance(seconds)
        await asyncio.sleep(0)


class Entropy(Protocol):
    """Where keys, states and jitter come from."""

    def token(self, nbytes: int) -> str:
        """`nbytes` of randomness as URL-safe text, fit for secrets."""
        ...

    def uuid(self) -> str:
        """A new UUID as 36 characters."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """A number for jitter; not for secrets."""
        ...


class SystemEntropy:
    """The operating system's randomness."""

    def token(self, nbytes: int) -> str:
        return secrets.token_urlsafe(nbytes)

    def uuid(self) -> str:
        return str(uuid.uuid4())

    def uniform(self, low: float, high: float) -> float:
        return random.uniform(low, high)


class SeededEntropy:
    """Repeatable randomness for tests; its tokens are guessable and must never guard anything real."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def token(self, nbytes: int) -> str:
        return self._random.randbytes(nbytes).hex()

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)
