"""Callback ports of a test process's own.

The three that the program registers at the services are shared by all that runs on a machine, and they lie among
those which systems hand to outgoing connections: one of a test's many calls may hold such a port for a minute after
it ended. Several test processes side by side would now and then find none of the three free.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from desktop.sync.loopback import PORTS

FIRST, LAST = 20_000, 32_000
"""Below what Linux, macOS and Windows give to outgoing connections."""


@contextmanager
def own_ports() -> Iterator[tuple[int, ...]]:
    """As many ports as the program has, which no other process that asks here gets meanwhile."""
    block = len(PORTS) + 1
    for first in range(FIRST, LAST, block):
        with socket.socket() as flag:  # held and never connected to: whoever has it has the ports after it
            try:
                if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
                    flag.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
                flag.bind(("127.0.0.1", first))
                flag.listen()
            except OSError:
                continue
            yield tuple(range(first + 1, first + block))
            return
    raise RuntimeError("no ports are free for the callbacks of the tests")


def callback_address(port: int) -> str:
    """The redirect address of a listener on `port`."""
    return f"http://localhost:{port}/callback"


def callback_ports(services: dict[str, Any]) -> tuple[int, ...]:
    """The ports registered at these services besides the program's three; those three where there are no others."""
    registered = [
        urlsplit(address).port
        for service in services.values()
        for address in service["redirect_uris"]
        if address.startswith("http://localhost:")
    ]
    return tuple(port for port in dict.fromkeys(registered) if port and port not in PORTS) or PORTS
