"""The list of 100,000 invoices in the real window, against the same window with none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from desktop.clock import SystemClock
from desktop.models.session import open_database
from tests.books.many import fill

ROWS = 100_000
BUDGET = {
    "first paint": 150,
    "sort by total": 150,
    "sort by date": 150,
    "filter by a word": 150,
    "filter by two": 150,
    "jump": 16,
}


def run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        full, empty = Path(folder, "full.db"), Path(folder, "empty.db")
        for path, rows in ((full, ROWS), (empty, 0)):
            database = open_database(str(path), SystemClock(), backup_dir=Path(folder, "backups"))
            if rows:
                fill(database, rows)
            database.close()
        nothing, much = _measure(empty), _measure(full)
    print(f"{int(much['rows']):,} invoices, a window with {int(nothing['rows'])} beside it")
    for name, budget in BUDGET.items():
        taken = sorted(much[name])
        print(f"{name:16}{median(taken):7.0f} ms   budget {budget} ms   (of {len(taken)}, worst {taken[-1]:.0f} ms)")
    bare = median(much["bare jump"])
    print(
        f"{'jump, ratio':16}{median(much['jump']) / bare:7.1f}x   Qt's own table with constant texts: {bare:.0f} ms now"
    )
    print(f"{'memory':16}{much['memory'] - nothing['memory']:7.1f} MB over {nothing['memory']:.0f} MB   budget 20 MB")


def _measure(database: Path) -> dict[str, Any]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "benchmarks.list_child", str(database)]
    output = subprocess.run(command, env=environment, capture_output=True, check=False, text=True)
    if output.returncode:
        raise SystemExit(output.stderr)
    figures: dict[str, Any] = json.loads(output.stdout.splitlines()[-1])
    return figures
