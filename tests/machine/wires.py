"""The way between a desk and the imitated services without a socket, and what can go wrong on it.

The services' real ASGI program answers each request; hanging up, resets, half bodies and late answers reach the
desk as the HTTP library would report them. A desk that was killed sends nothing more.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from email.utils import format_datetime
from typing import Any

import httpx

from desktop.sandbox.transport import KEY
from tests.machine.loop import LoopClock

ORIGIN = "http://127.0.0.1:8900"


class Killed(BaseException):
    """The desk's process is gone: nothing of it runs on, no `except` holds it up."""


class Line:
    """One desk's network cable. `cut_until` and `flap` are times and odds of its being out."""

    def __init__(self, loop: asyncio.AbstractEventLoop, hits: Counter[str], chance: random.Random) -> None:
        self.loop = loop
        self._hits = hits
        self._chance = chance
        self.cut_until = 0.0
        self.flap_until = 0.0
        self.dead = False
        self.awake = asyncio.Event()
        self.awake.set()
        self.slowness = 0.0
        """Seconds that a request is on its way at most: no service answers in no time."""
        self.before_write: Callable[[httpx.Request], None] | None = None
        self.sent = 0

    def check(self) -> None:
        """Raises what a client meets when nothing can be reached."""
        if self.dead:
            raise Killed
        self.sent += 1
        now = self.loop.time()
        if now < self.cut_until:
            self._hits["N4"] += 1
            self._hits["N7"] += self.cut_until - now > 3600
            raise httpx.ConnectError("the network is unreachable")
        if now < self.flap_until and int(now / 2) % 2 == 0 and self._chance.random() < 0.5:
            self._hits["N8"] += 1
            raise httpx.ConnectError("the network is unreachable")

    def delay(self) -> float:
        """Seconds that the next request takes to arrive."""
        return self.slowness * (0.5 + self._chance.random() / 2) if self.slowness else 0.0


class _Exchange:
    """One request under way: the server's messages, and how its side of the connection ended."""

    def __init__(self) -> None:
        self.messages: deque[Any] = deque()
        self.news = asyncio.Event()
        self.ended = ""
        self.client_gone = asyncio.Event()

    # what the sandbox's broken-connection helpers call on the transport
    def close(self) -> None:
        self._end("closed")

    def abort(self) -> None:
        self._end("reset")

    def get_extra_info(self, name: str) -> None:
        return None

    def write(self, data: bytes) -> None:
        """Bytes past the answer: the library drops such a connection when it is used next."""

    def _end(self, how: str) -> None:
        self.ended = self.ended or how
        self.client_gone.set()
        self.news.set()

    async def next(self) -> Any:
        """The next message. Raises as the HTTP library does when the connection broke instead."""
        while not self.messages:
            if self.ended == "reset":
                raise httpx.ReadError("connection reset by peer")
            if self.ended:
                raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
            self.news.clear()
            await self.news.wait()
        return self.messages.popleft()


class _Body(httpx.AsyncByteStream):
    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._exchange.next()
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def aclose(self) -> None:
        self._exchange.client_gone.set()


class InProcess(httpx.AsyncBaseTransport):
    """Hands a desk's requests to the sandbox's program over `line`."""

    def __init__(self, app: Any, line: Line) -> None:
        self._app = app
        self._line = line
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._line.awake.wait()
        self._line.check()
        trace = request.extensions.get("trace")
        if trace is not None:
            await trace("http11.send_request_headers.started", {})
        body = await request.aread()
        await asyncio.sleep(self._line.delay())
        await self._line.awake.wait()
        if self._line.dead:
            raise Killed
        if self._line.before_write is not None:
            self._line.before_write(request)
        exchange = _Exchange()
        # in a context of its own: the service goes on when the desk that called is killed
        serving = self._serve(request, body, exchange)
        task = asyncio.get_running_loop().create_task(serving, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            start = await exchange.next()
        except BaseException:
            exchange.client_gone.set()
            raise
        if self._line.dead:
            raise Killed
        # what the server in front of the program adds, by the service's own clock and not by the desk's
        date = format_datetime(LoopClock(self._line.loop).now(), usegmt=True)
        headers = [*start["headers"], (b"date", date.encode())]
        return httpx.Response(start["status"], headers=headers, stream=_Body(exchange), request=request)

    async def _serve(self, request: httpx.Request, body: bytes, exchange: _Exchange) -> None:
        url = request.url
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "root_path": "",
            "query_string": url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": ("127.0.0.1", 50000),
            "server": (url.host, url.port),
            "extensions": {KEY: exchange},
        }
        asked = False

        async def receive() -> Any:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": body, "more_body": False}
            await exchange.client_gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            exchange.messages.append(message)
            exchange.news.set()

        await self._app(scope, receive, send)
        exchange._end("closed")
