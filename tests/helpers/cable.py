"""The network between the program and the sandbox: a relay that can be pulled out and put back (N4, N7).

Real sockets: while it is out, the operating system itself refuses the connection, and what was under way breaks.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

CHUNK = 65_536


class Cable:
    """Relays every connection of `base` to a port of its own; `services(ready)` are the addresses through it."""

    def __init__(self, base: str) -> None:
        there = urlsplit(base)
        self._there = (there.hostname or "127.0.0.1", there.port or 80)
        self._port = 0
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.refused = 0
        """Times that it was pulled out."""
        self.plug_in()

    @property
    def base(self) -> str:
        """The address of this end."""
        return f"http://{self._there[0]}:{self._port}"

    def address(self, url: str) -> str:
        """`url` through this cable."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{self._there[0]}:{self._port}"))

    def plug_in(self) -> None:
        """Let connections through (again), at the same address."""
        if self._listener is not None:
            return
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self._there[0], self._port))
        listener.listen(64)
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=[listener], name="cable", daemon=True).start()

    def pull_out(self) -> None:
        """Break what is under way and refuse all that comes."""
        listener, self._listener = self._listener, None
        if listener is not None:
            self.refused += 1
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
            listener.close()
        with self._lock:
            running, self._open = self._open, set()
        for one in running:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                here, _ = listener.accept()
                there = socket.create_connection(self._there, 5)
            except OSError:
                return
            for one in (here, there):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {here, there}
            for source, sink in ((here, there), (there, here)):
                threading.Thread(target=self._pump, args=[source, sink], name="cable", daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        with self._lock:
            self._open -= {source, sink}

    def __enter__(self) -> Cable:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.pull_out()
