"""One window for one data folder: a second start shows the first one's window and ends.

Loads next to nothing, so that the second start is over before the books could have been.
"""

from __future__ import annotations

import hashlib
import logging
import sys
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QApplication

from desktop.text import tr

_log = logging.getLogger(__name__)

CONNECT_MS = 1500
ANSWER_MS = 15_000
"""How long a second start waits for the answer of a first one that listens: that one may just be starting itself."""

ENDING_MS = 12_000
"""How long an ending program may still hold the lock: its sync gets five seconds, its books a little more."""


class SingleInstance(QObject):
    """The lock of one data folder, and the line on which a second start is heard."""

    show_asked = Signal()

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = QLockFile(str(folder / "window.lock"))
        self._lock.setStaleLockTime(0)  # a lock is stale when its process is gone, however old it is
        self._name = f"blueclerk-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]}"
        self._server: QLocalServer | None = None

    def win(self, wait_ms: int = 0) -> bool:
        """True for the first start, or once that one has ended within `wait_ms`; it then listens for others."""
        if not self._lock.tryLock(wait_ms):
            return False
        QLocalServer.removeServer(self._name)  # what a crash left behind; the lock proves that nobody listens
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)
        if not self._server.listen(self._name):
            _log.warning("a second start can't be heard: %s", self._server.errorString())
        return True

    def call_first(self) -> bool:
        """Ask the first start to show its window; False if it did not answer."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(CONNECT_MS):
            return False
        socket.write(b"show\n")
        socket.waitForBytesWritten(CONNECT_MS)
        heard = socket.waitForReadyRead(ANSWER_MS) and bytes(socket.readAll().data()).startswith(b"shown")
        socket.disconnectFromServer()
        return heard

    def stop_listening(self) -> None:
        """The program is ending: a start that comes now is not answered, and waits for the lock instead."""
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
            server.deleteLater()

    def release(self) -> None:
        self.stop_listening()
        self._lock.unlock()

    def _on_connection(self) -> None:
        socket = self._server.nextPendingConnection() if self._server is not None else None
        if socket is None:
            return

        def heard() -> None:
            if self._server is None:
                socket.abort()
            elif bytes(socket.readAll().data()).startswith(b"show"):
                self.show_asked.emit()
                socket.write(b"shown\n")
                socket.flush()

        socket.readyRead.connect(heard)
        socket.disconnected.connect(socket.deleteLater)
        if socket.bytesAvailable():
            heard()


def first_start(folder: Path) -> SingleInstance | int:
    """Become the one start for `folder`. Where there is one already, show its window: the answer is the exit code.

    One that is just ending no longer answers: this start waits for its end and takes its place.
    """
    QApplication.instance() or QApplication(sys.argv[:1])
    instance = SingleInstance(folder)
    if instance.win():
        return instance
    if instance.call_first():
        return 0
    if instance.win(ENDING_MS):
        return instance
    print(tr("BlueClerk is running already, but does not answer."), file=sys.stderr)
    return 1
