"""The one way a widget runs a coroutine, so that busy signs always end and no failure is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

import shiboken6
from PySide6.QtCore import QObject

T = TypeVar("T")
Unhandled = Callable[[QObject | None, Exception], object]

_log = logging.getLogger(__name__)
_running: set[asyncio.Task[Any]] = set()
_unhandled: Unhandled | None = None


class Busy(Protocol):
    """Told True when the work starts and False when it ends, however it ends."""

    def __call__(self, busy: bool, /) -> object: ...


def set_unhandled(show: Unhandled | None) -> None:
    """Where failures go that no `failure` took: `show(owner, error)`, owner None if it is gone."""
    global _unhandled
    _unhandled = show


def run(
    owner: QObject,
    coroutine: Coroutine[Any, Any, T],
    *,
    success: Callable[[T], object] | None = None,
    failure: Callable[[Exception], object] | None = None,
    busy: Busy | None = None,
) -> asyncio.Task[None]:
    """Run `coroutine` on the event loop for `owner`.

    `success(result)` and `failure(error)` are called in the GUI thread, but not once `owner` is destroyed:
    then the work is cancelled. Cancelling the returned task ends the work with neither called. An error in
    `failure` or `success` itself, or without a `failure`, goes to `set_unhandled`. The task is kept here.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # a window that starts loading before the loop turns
        loop = asyncio.get_event_loop_policy().get_event_loop()
    if busy is not None:
        busy(True)
    task = loop.create_task(_attend(owner, coroutine, success, failure))
    _running.add(task)

    def cancel_orphan(_gone: object = None) -> None:
        task.cancel()

    owner.destroyed.connect(cancel_orphan)

    def clean_up(done: asyncio.Task[None]) -> None:
        _running.discard(done)
        coroutine.close()  # a task cancelled before its first step never started it
        if shiboken6.isValid(owner):
            owner.destroyed.disconnect(cancel_orphan)
            if busy is not None:
                busy(False)
        if not done.cancelled() and (error := done.exception()) is not None:
            loop.call_exception_handler({"message": "An operation ended badly", "exception": error, "task": done})

    task.add_done_callback(clean_up)
    return task


def pending() -> int:
    """How many operations are under way (for a clean end of the program)."""
    return len(_running)


async def end_all() -> None:
    """Cancel all that is under way and wait until it has ended: before the books are closed."""
    tasks = list(_running)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _attend(
    owner: QObject,
    coroutine: Coroutine[Any, Any, T],
    success: Callable[[T], object] | None,
    failure: Callable[[Exception], object] | None,
) -> None:
    try:
        try:
            result = await coroutine
        except Exception as error:  # the border: each failure reaches the screen, of whatever kind
            if not shiboken6.isValid(owner):
                _report(None, error)
            elif failure is None:
                _report(owner, error)
            else:
                failure(error)
            return
        if success is not None and shiboken6.isValid(owner):
            success(result)
    except Exception as error:  # a callback failed: that is a fault of ours, and must be seen too
        _report(owner if shiboken6.isValid(owner) else None, error)


def _report(owner: QObject | None, error: Exception) -> None:
    if _unhandled is None:
        _log.error("An operation failed and nothing shows it", exc_info=error)
    else:
        _unhandled(owner, error)
