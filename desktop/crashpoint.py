"""Named places where a test may stop, break or kill the program (the list: `CRASH_POINTS`)."""

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

_handler: Callable[[str], None] | None = None


def install(handler: Callable[[str], None] | None) -> None:
    """Call `handler(name)` at every crash point; None restores the no-op."""
    global _handler
    _handler = handler


def crashpoint(name: str) -> None:
    """Does nothing unless a test installed a handler; the handler may raise or end the process."""
    if _handler is not None:
        _handler(name)
