"""Waiting on conditions, so that no test sleeps for a guessed time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

STEP_SECONDS = 0.005


async def until(pred: Callable[[], object], timeout: float = 5.0) -> None:
    """Return as soon as `pred()` is true; other tasks run in between.

    The one to use in coroutine tests: qtbot's waits open a nested Qt loop, which stalls other tasks for good.
    Raises AssertionError, naming the predicate, after `timeout` seconds.
    """
    end = time.monotonic() + timeout
    while not pred():
        if time.monotonic() > end:
            raise AssertionError(f"not true within {timeout} s: {getattr(pred, '__qualname__', pred)}")
        await asyncio.sleep(STEP_SECONDS)
