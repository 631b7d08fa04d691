"""Lets an ASGI program break its own connection: the socket's transport travels with the call."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Any

from starlette.types import Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

KEY = "sandbox.transport"


class BreakableProtocol(H11Protocol):
    """uvicorn's protocol, which hands its transport to the program as an ASGI extension."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[KEY] = transport
            await inner(scope, receive, send)

        self.app = with_transport


class ConnectionDropped(Exception):
    """Raised in place of a broken socket where there is none (the program called without a server)."""


def transport_of(scope: Scope) -> asyncio.Transport:
    transport = scope.get("extensions", {}).get(KEY)
    if transport is None:
        raise ConnectionDropped("the sandbox dropped this connection")
    found: asyncio.Transport = transport
    return found


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the socket without another byte: the client sees an orderly end where an answer was due."""
    transport_of(scope).close()
    await _gone(receive)


async def reset(scope: Scope, receive: Receive) -> None:
    """Break the connection so that the client's next read fails."""
    transport = transport_of(scope)
    raw = transport.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):  # already gone: that is what we want
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await _gone(receive)


def write_raw(scope: Scope, data: bytes) -> None:
    """Put bytes on the wire past the HTTP machinery."""
    transport_of(scope).write(data)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def wait_or_gone(receive: Receive, seconds: float) -> bool:
    """Wait `seconds` of real time; True at once if the client leaves meanwhile."""
    try:
        await asyncio.wait_for(_gone(receive), seconds)
    except TimeoutError:
        return False
    return True
