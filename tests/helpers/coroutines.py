"""Running `async def` tests, and what they must leave behind: nothing."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import Coroutine
from typing import Any

Context = dict[str, Any]

asyncio.constants.DEBUG_STACK_DEPTH = 1  # debug mode notes where each callback was asked for: the place is enough
EVERY = 50
_collected = itertools.count(1)


def collect() -> None:
    """Find what a test dropped: a task that nobody awaited, a connection that nobody closed.

    What outlived an earlier test is set aside and looked through in every `EVERY`th only: it is by far the most.
    """
    if next(_collected) % EVERY == 0:
        gc.unfreeze()
    gc.collect()
    gc.freeze()


def describe(problem: Context) -> str:
    """One line for what a loop's exception handler was told."""
    return f"{problem.get('message')}: {problem.get('exception')!r} {problem.get('task') or ''}"


async def bounded(test: Coroutine[Any, Any, None], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await test


async def cancel_rest() -> list[str]:
    """Cancel every other task of this loop and wait for its end; the answer names them."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    return [str(task.get_coro()) for task in rest]


def run_plain(test: Coroutine[Any, Any, None], seconds: float) -> None:
    """Run on a fresh asyncio loop in debug mode; a task left behind or an unseen exception fails."""
    problems: list[Context] = []
    with asyncio.Runner(debug=True) as runner:
        loop = runner.get_loop()
        loop.slow_callback_duration = 1.0
        loop.set_exception_handler(lambda _, context: problems.append(context))
        try:
            runner.run(bounded(test, seconds))
        finally:
            left = runner.run(cancel_rest())
            collect()  # a dropped task reports its exception when it is collected
    assert not left, f"tasks left running: {left}"
    assert not problems, [describe(problem) for problem in problems]
