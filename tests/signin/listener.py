"""The listener on loopback that the browser comes back to, and a client for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from desktop.sync.loopback import (
    Gate,
    LoopbackListener,
)

STATE = "a-state-that-nobody-can-guess"


ANY = (0, 0, 0)


GOOD = {"code": "c0de", "state": STATE, "realmId": "9130"}


@dataclass
class Desk:
    listener: LoopbackListener
    gate: Gate

    @property
    def host(self) -> str:
        return f"localhost:{self.listener.port}"

    async def raw(self, request: bytes, address: str = "127.0.0.1") -> bytes:
        """The whole answer, b"" when the connection was dropped."""
        reader, writer = await asyncio.open_connection(address, self.listener.port)
        answer = b""
        with suppress(ConnectionError):
            writer.write(request)
            answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer

    async def get(self, query: object = None, *, path: str = "/callback", method: str = "GET", **headers: str) -> bytes:
        text = query if isinstance(query, str) else urlencode(query or {})  # type: ignore[call-overload]
        lines = {"Host": self.host} | {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        return await self.raw(f"{method} {path}?{text} HTTP/1.1\r\n{head}\r\n".encode())


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@asynccontextmanager
async def listening(**options: float) -> AsyncIterator[Desk]:
    listener, gate = LoopbackListener(ANY, **options), Gate(STATE)
    await listener.start()
    listener.expect(gate)
    try:
        yield Desk(listener, gate)
    finally:
        await listener.stop()
