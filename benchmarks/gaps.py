"""How long the window's event loop is kept from turning: a precise 5 ms timer notes when it was late."""

from __future__ import annotations

import statistics
import time

from PySide6.QtCore import QObject, Qt, QTimer


class Heartbeat(QObject):
    """Collects the time between its own beats, and how much of it this thread worked, in milliseconds.

    On a machine that does other things too the time says more of them than of us; the work is ours alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[float] = []
        self.work: list[float] = []
        self._last = time.perf_counter()
        self._worked = time.thread_time()
        self._timer = QTimer(self, interval=5)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self.gaps.clear()
        self.work.clear()
        self._last = time.perf_counter()
        self._worked = time.thread_time()
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def _beat(self) -> None:
        now, worked = time.perf_counter(), time.thread_time()
        self.gaps.append((now - self._last) * 1000)
        self.work.append((worked - self._worked) * 1000)
        self._last, self._worked = now, worked

    def line(self) -> str:
        """p99, longest, and how many over 50 ms."""
        ordered = sorted(self.gaps) or [0.0]
        p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        late = sum(1 for gap in ordered if gap > 50)
        middle = statistics.median(ordered)
        most = max(self.work, default=0.0)
        return (
            f"median {middle:5.1f}  p99 {p99:5.1f}  longest {ordered[-1]:5.1f} ms (work {most:5.1f})"
            f"  over 50 ms: {late}"
        )
