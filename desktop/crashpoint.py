"""Named places where a test may stop, break or kill the program: `CRASH_POINTS` of a push, `PULL_POINTS` of a pull."""

from __future__ import annotations

from collections.abc import Callable

CRASH_POINTS = (
    "load",
    "lease.taken",
    "token.check",
    "token.refresh.sent",
    "token.refresh.got",
    "token.stored",
    "intent.committed",
    "call.sent",
    "reply.read",
    "link.committed",
    "log.committed",
    "readback",
    "state.done",
    "notify",
    "lease.freed",
)

PULL_POINTS = (
    "pull.read",  # everything was read, nothing applied
    "pull.kind",  # one kind is in: passed after customers, items, invoices and payments
    "pull.applied",  # everything is in, the cursors have not moved
    "pull.done",  # the cursors have moved
)

_handler: Callable[[str], None] | None = None


def install(handler: Callable[[str], None] | None) -> None:
    """Call `handler(name)` at every crash point; None restores the no-op."""
    global _handler
    _handler = handler


def crashpoint(name: str) -> None:
    """Does nothing unless a test installed a handler; the handler may raise or end the process."""
    if _handler is not None:
        _handler(name)
