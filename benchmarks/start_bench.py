"""Time until the window stands, against a bare Qt window; each in a process of its own, in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

BARE = """
from PySide6.QtWidgets import QApplication, QMainWindow
import time
app = QApplication([]); window = QMainWindow(); window.show(); app.processEvents()
print(time.time())
"""
ROUNDS = 5


def run() -> None:
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        window = f"from desktop.app import time_to_window; time_to_window({folder!r})"
        for _ in range(ROUNDS):
            bare.append(_seconds(BARE))
            ours.append(_seconds(window))
    print(f"bare window {statistics.median(bare) * 1000:.0f} ms, BlueClerk {statistics.median(ours) * 1000:.0f} ms")
    print(f"ratio {statistics.median(o / b for o, b in zip(ours, bare, strict=True)):.2f}")


def _seconds(program: str) -> float:
    """From starting the process to the instant that it prints when its window is drawn."""
    import time

    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    started = time.time()
    output = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True
    )
    return float(output.stdout.split()[-1]) - started
