"""Catches the browser's return from a service's sign-in page, on this machine only (RFC 8252, I22).

The gate judges what came back, from the listener or pasted by hand, and lets exactly one answer through: the
one that carries our live, unused `state`. Everything else is turned away and the waiting goes on, so that
neither a stray tab nor another program on this machine can end or hijack a sign-in.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qsl, urlsplit

from desktop.sync.callback_page import HEADERS, Page, render

PORTS = (53682, 53683, 53684)
"""Registered as redirect addresses at every service, so they can't be chosen freely."""
PATH = "/callback"
HEADER_BYTES = 16 * 1024
REQUEST_SECONDS = 5.0
LAST_PAGE_SECONDS = 1.0
CONNECTIONS = 16
CODE_LENGTH = 2048

Query = Sequence[tuple[str, str]]


class NoPortFree(Exception):
    """Every registered port is taken by another program; pasting the address still works (C5)."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What the service sent back through the browser. `query` holds everything but code and state."""

    code: str = field(repr=False)
    query: dict[str, str]


@dataclass(frozen=True, slots=True)
class Declined:
    """The service answered with an error under our own state: "access_denied", "invalid_scope" and such."""

    error: str
    description: str = ""


class Verdict(Enum):
    """What the gate made of a query."""

    ACCEPTED = "accepted"
    DENIED = "denied"
    STRANGE = "strange"
    """Wrong, missing or doubled state or code: the waiting goes on."""
    USED = "used"
    """Our own state once more, after it has been used."""


class Gate:
    """Lets one answer through, for one `state`. Belongs to the loop it was made on."""

    def __init__(self, state: str) -> None:
        self._state = state
        self._answer: asyncio.Future[Returned | Declined | None] = asyncio.get_running_loop().create_future()

    async def answer(self) -> Returned | Declined | None:
        """Wait for the one answer, None once the gate is closed; cancelling the wait does no harm."""
        return await asyncio.shield(self._answer)

    def close(self) -> None:
        """Nothing is let through any more (time is over, or the owner cancelled)."""
        if not self._answer.done():
            self._answer.set_result(None)

    def judge(self, pairs: Query) -> Verdict:
        """Look at a query as it came; the first good one is kept."""
        values: dict[str, str] = {}
        for name, value in pairs:
            if name in values:
                return Verdict.STRANGE
            values[name] = value
        if not hmac.compare_digest(_bytes(values.pop("state", "")), _bytes(self._state)):
            return Verdict.STRANGE
        if self._answer.done():
            return Verdict.USED
        return self._let_through(values)

    def judge_without_state(self, code: str, query: dict[str, str]) -> Verdict:
        """For a code that the owner copied by hand from the bounce page: their own hand stands for the state."""
        return Verdict.USED if self._answer.done() else self._let_through({"code": code} | query)

    def _let_through(self, values: dict[str, str]) -> Verdict:
        code, error = values.pop("code", ""), values.pop("error", "")
        if bool(code) == bool(error):
            return Verdict.STRANGE
        if error:
            self._answer.set_result(Declined(error[:100], values.get("error_description", "")[:500]))
            return Verdict.DENIED
        if len(code) > CODE_LENGTH or not code.isprintable() or " " in code:
            return Verdict.STRANGE
        self._answer.set_result(Returned(code, values))
        return Verdict.ACCEPTED


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


_PAGES = {
    Verdict.ACCEPTED: (200, Page.ACCEPTED),
    Verdict.DENIED: (200, Page.DENIED),
    Verdict.STRANGE: (400, Page.NOT_OURS),
    Verdict.USED: (400, Page.USED),
}
_REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    421: "Misdirected Request",
    431: "Request Header Fields Too Large",
}


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class LoopbackListener:
    """A tiny web server for one callback, on 127.0.0.1 and ::1, never on another address."""

    def __init__(self, ports: Sequence[int] = PORTS, *, request_seconds: float = REQUEST_SECONDS) -> None:
        self._ports = tuple(ports)
        self._request_seconds = request_seconds
        self._servers: list[asyncio.Server] = []
        self._open: dict[asyncio.StreamWriter, None] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._gate: Gate | None = None
        self.port = 0

    async def start(self) -> int:
        """Listen on the first registered port that is free on both stacks, and return it. Raises NoPortFree."""
        for port in self._ports:
            with contextlib.suppress(OSError):
                sockets = _bind(port)
                self.port = sockets[0].getsockname()[1]
                for one in sockets:
                    self._servers.append(await asyncio.start_server(self._serve, sock=one, limit=HEADER_BYTES))
                return self.port
        raise NoPortFree(", ".join(map(str, self._ports)))

    def expect(self, gate: Gate) -> None:
        """Hand callbacks to `gate` from now on; before, every one is turned away."""
        self._gate = gate

    def close(self) -> None:
        """Close the port at once, and every connection; calling it twice is harmless."""
        for server in self._servers:
            server.close()
        for writer in tuple(self._open):
            writer.transport.abort()

    async def stop(self) -> None:
        """`close`, and wait until nothing of it is left. A page being sent is finished first."""
        for server in self._servers:
            server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_PAGE_SECONDS):
                await asyncio.gather(*self._answering, return_exceptions=True)
        self.close()
        servers, self._servers = self._servers, []
        for server in servers:
            await server.wait_closed()

    # --- one connection ---

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[writer] = None
        if len(self._open) > CONNECTIONS:  # the one that has been idle longest makes room (C4)
            oldest = next(iter(self._open))
            self._open.pop(oldest)
            oldest.transport.abort()
        try:
            async with asyncio.timeout(self._request_seconds):
                await self._answer(reader, writer, task)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            writer.transport.abort()  # too slow, gone, or never asked anything
        finally:
            self._open.pop(writer, None)
            self._answering.discard(task)
            writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]
    ) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self._answering.add(task)
            status, page = _PAGES[self._judge(head)]
            body, kind = render(page), "text/html; charset=utf-8"
        except asyncio.LimitOverrunError:
            status, body, kind = 431, b"", "text/plain"
        except _Refused as refused:
            status, body, kind = refused.status, b"", "text/plain"
        lines = [
            f"HTTP/1.1 {status} {_REASONS[status]}",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *(["Allow: GET"] if status == 405 else []),
            *(f"{name}: {value}" for name, value in HEADERS),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode("ascii") + body)
        await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    def _judge(self, head: bytes) -> Verdict:
        method, target, headers = _parse(head)
        own = {f"{host}:{self.port}" for host in ("localhost", "127.0.0.1", "[::1]")}
        if headers.get("host", "").lower() not in own:
            raise _Refused(421)  # a foreign name that points here: DNS rebinding
        parts = urlsplit(target)
        if parts.path != PATH:
            raise _Refused(404)
        if method != "GET":
            raise _Refused(405)
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in own}:
            raise _Refused(403)
        try:
            pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=30, errors="strict")
        except ValueError:
            return Verdict.STRANGE
        return self._gate.judge(pairs) if self._gate is not None else Verdict.STRANGE


def _parse(head: bytes) -> tuple[str, str, dict[str, str]]:
    """Method, target and headers of a request. Raises _Refused(400) for what no browser sends."""
    try:
        first, *lines = head[:-4].decode("ascii").split("\r\n")
        method, target, version = first.split(" ")
    except ValueError:
        raise _Refused(400) from None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not name or name != name.strip() or (name in headers and name in ("host", "origin")):
            raise _Refused(400)
        headers[name] = value.strip()
    if not version.startswith("HTTP/1.") or not target.startswith("/") or target.startswith("//"):
        raise _Refused(400)
    return method, target, headers


def _bind(port: int) -> list[socket.socket]:
    """Sockets on both loopback addresses, or on the first alone where the machine has no IPv6.

    Raises OSError when another program has the port on either of them: the browser may take "localhost" for
    one or the other, and the code must not end up with a stranger.
    """
    first = _bound(socket.AF_INET, "127.0.0.1", port)
    try:
        second = _bound(socket.AF_INET6, "::1", first.getsockname()[1])
    except OSError:
        if _has_ipv6():
            first.close()
            raise
        return [first]
    return [first, second]


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
        opened.listen(CONNECTIONS)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def _has_ipv6() -> bool:
    try:
        _bound(socket.AF_INET6, "::1", 0).close()
    except OSError:
        return False
    return True
