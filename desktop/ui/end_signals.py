"""Ctrl+C in a terminal, and a system that shuts down, end the program as its own Quit does (P4)."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

from PySide6.QtCore import QObject, QSocketNotifier

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class EndSignals(QObject):
    """Calls `end` for each such signal until `undo`. Main thread only.

    Python runs a signal's handler between two of its own instructions, and there are none while Qt waits for
    something to happen. So the signal also writes a byte to a socket that Qt watches.
    """

    def __init__(self, end: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ours, self._theirs = socket.socketpair()
        for one in (self._ours, self._theirs):
            one.setblocking(False)
        self._handle_before = signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._ours.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_byte)
        known = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
        if _is_under_nohup():
            known.remove(signal.SIGHUP)
        self._before = {number: signal.signal(number, lambda *_: end()) for number in known}

    def undo(self) -> None:
        """The signals mean again what they meant before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._handle_before)
        self._notifier.setEnabled(False)
        self._ours.close()
        self._theirs.close()

    def _on_byte(self, *_: object) -> None:
        try:
            self._ours.recv(64)
        except BlockingIOError:
            return


def _is_under_nohup() -> bool:
    """Whether whoever started this wants it to go on when the terminal is closed."""
    return hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
