"""The benchmarks run: nobody starts them each day, and what they measure moves."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES
from desktop.clock import SystemClock
from desktop.models.session import open_database
from tests.books.many import fill


@pytest.mark.parametrize("name", NAMES)
def test_each_named_benchmark_is_there(name: str) -> None:
    assert callable(importlib.import_module(f"benchmarks.{name}_bench").run)


@pytest.mark.parametrize("child", ["start_child", "list_child"])
def test_the_program_that_a_benchmark_watches_still_shows_its_rows(child: str, tmp_path: Path) -> None:
    books = tmp_path / "books.db"
    database = open_database(str(books), SystemClock(), backup_dir=tmp_path / "backups")
    fill(database, 50)
    database.close()
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", f"benchmarks.{child}", str(books)]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")[:-1]
    if child == "start_child":
        seen = [float(line) for line in lines]
        assert len(seen) == 3 and seen == sorted(seen)
    else:
        assert '"rows": 50' in lines[-1]
