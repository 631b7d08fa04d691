"""Disks that are full, small, slow or broken: real ones where the machine allows it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

PAGE = 4096
FRAME = PAGE + 24
"""A page with its head as the write-ahead journal holds it."""


def journal(database: str | Path) -> Path:
    """The write-ahead journal of a SQLite file."""
    return Path(f"{database}-wal")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes meanwhile: writes fail as on a broken disk (EFBIG)."""
    resource = pytest.importorskip("resource", reason="needs limits of POSIX")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class SmallDisk:
    """A disk of its own with room for what the test leaves free."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def leave(self, pages: int) -> None:
        """Fill it up but for so many pages."""
        self._filler.unlink(missing_ok=True)
        space = os.statvfs(self.folder)
        taken = space.f_bavail * space.f_frsize - pages * PAGE
        with self._filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, taken))

    def make_room(self) -> None:
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, megabytes: int = 8) -> Iterator[SmallDisk]:
    """A RAM disk at `folder`; the test is skipped where none may be made (needs root on Linux)."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        made = sys.platform == "linux" and subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        made = False
    if not made:
        pytest.skip("no RAM disk may be made here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=True)


LOCKER = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
held.execute("ROLLBACK")
print("free", flush=True)
"""


class Locker:
    """Another program that has the file for itself until `let_go`."""

    def __init__(self, database: str) -> None:
        command = [sys.executable, "-c", LOCKER, database]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None and self._process.stdout.readline() == "held\n"

    def let_go(self) -> None:
        """Free it; returns when it is free."""
        if self._process.poll() is None:
            self._process.communicate("go\n", timeout=30)


def image(database: str | Path, to: Path) -> Path:
    """What a power cut leaves: the file and its journal as they lie on the disk now, without the shared memory."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(Path(database).read_bytes())
    lying = journal(database)
    journal(to).write_bytes(lying.read_bytes() if lying.exists() else b"")
    return to


def unsound(database: str | Path) -> str:
    """What SQLite itself finds wrong with a file; "" for nothing."""
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    return "" if found == [("ok",)] and not broken else f"{found} {broken}"
