"""Tests run as on a machine whose network ends at its own loopback."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

_LOCAL_NAMES = {None, "", "localhost", "localhost.localdomain", "0.0.0.0", "::"}


def _is_local(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _guard(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo" and not _is_local(args[0]):
        raise socket.gaierror(socket.EAI_NONAME, f"tests have no network: {args[0]}")
    if event in ("socket.connect", "socket.sendto"):
        address = args[1]
        if isinstance(address, tuple) and not _is_local(address[0]):
            raise OSError(f"tests have no network: {address[0]}")


def stay_on_loopback() -> None:
    """Refuse every name and address but loopback, in this process, until it ends (audit hooks stay)."""
    sys.addaudithook(_guard)
