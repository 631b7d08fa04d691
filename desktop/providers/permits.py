"""A last question before a write leaves this machine: may it still?

A program can be stopped between its decision and the first byte, by a laptop's lid or for want of memory, and wake
up hours later when somebody else has gone on in its place. Where a service knows no idempotency keys, only not
sending helps then. The question is asked after every wait of our own (limits, tokens, connecting).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Permit = Callable[[], Awaitable[None]]
"""Returns if the write may leave; raises what its caller wants raised if not."""

_permit: ContextVar[Permit | None] = ContextVar("write permit", default=None)


@contextmanager
def only_with(permit: Permit) -> Iterator[None]:
    """Ask `permit` before each write that is sent inside; what it raises comes out of the sending, nothing left."""
    token = _permit.set(permit)
    try:
        yield
    finally:
        _permit.reset(token)


async def ask_permit() -> None:
    """Raises what the permit in force raises; does nothing without one."""
    permit = _permit.get()
    if permit is not None:
        await permit()
