"""Time until something is seen, the window stands, its list has rows, against a bare Qt window; in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from desktop.clock import SystemClock
from desktop.models.session import open_database
from tests.books.many import fill

BARE = """
from PySide6.QtWidgets import QApplication, QMainWindow
import time
app = QApplication([]); window = QMainWindow(); window.show(); app.processEvents()
print(time.time())
"""
ROUNDS = 7
ROWS = 10_000
BUDGET = {"first sign": 1.5, "window": None, "rows": 4.0}
"""Times a bare window (design 6): something of ours is seen, and the list has its rows."""


def run() -> None:
    bare: list[float] = []
    ours: dict[str, list[float]] = {name: [] for name in BUDGET}
    with tempfile.TemporaryDirectory() as folder:
        books = Path(folder, "books.db")
        database = open_database(str(books), SystemClock(), backup_dir=Path(folder, "backups"))
        fill(database, ROWS)
        database.close()
        child = (folder, "-m", "benchmarks.start_child", str(books))
        _seconds(*child)  # compiles
        for _ in range(ROUNDS):
            bare += _seconds(folder, "-c", BARE)
            for name, seconds in zip(BUDGET, _seconds(*child), strict=True):
                ours[name].append(seconds)
    print(f"bare window {statistics.median(bare) * 1000:.0f} ms; books of {ROWS:,} invoices")
    for name, budget in BUDGET.items():
        ratio = statistics.median(o / b for o, b in zip(ours[name], bare, strict=True))
        said = f", budget {budget}" if budget else ""
        print(f"{name:12}{statistics.median(ours[name]) * 1000:6.0f} ms   ratio {ratio:.2f}{said}")


def _seconds(cache: str, *program: str) -> list[float]:
    """From starting the process to each instant that it prints; `cache` keeps what Python compiled."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPYCACHEPREFIX": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
    started = time.time()
    output = subprocess.run([sys.executable, *program], env=environment, capture_output=True, check=False, text=True)
    if output.returncode:
        raise SystemExit(output.stderr)
    return [float(line) - started for line in output.stdout.split()]
