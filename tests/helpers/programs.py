"""The real program, started as a person or a script starts it: a process of its own, bounded in time, cleaned up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.helpers.sources import ROOT

T = TypeVar("T")
BLUECLERK = (sys.executable, "-m", "desktop.cli")
STEP_SECONDS = 0.02


def environment(**changes: str | None) -> dict[str, str]:
    """The test's own environment (with its empty home), drawn off screen, in English; None takes a name away."""
    merged = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", **changes}
    merged["PYTHONPATH"] = str(ROOT)
    return {name: value for name, value in merged.items() if value is not None}


def run(
    command: Sequence[str | Path], *, seconds: float = 60.0, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run to the end; fails the test if that takes longer than `seconds`."""
    return subprocess.run(
        [str(part) for part in command],
        env=env or environment(),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=seconds,
        check=False,
    )


@dataclass
class Program:
    """A program that is running. Its words go to a file, so that it never waits for a reader."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def words(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def wait(self, seconds: float) -> int:
        """The exit code; fails the test if it does not end in time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s: {self.words()}") from None

    def until(self, look: Callable[[], T], seconds: float = 20.0) -> T:
        """The first true answer of `look`; fails when the program ends before, or the time is up."""
        return wait_for(look, seconds, lambda: self.process.poll() is None, self.words)


@contextmanager
def started(command: Sequence[str | Path], log: Path, *, env: Mapping[str, str] | None = None) -> Iterator[Program]:
    """A program in a process group of its own; whatever is left of the group afterwards is ended."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=env or environment(),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Program(process, log)
    finally:
        for pid in [process.pid, *family(process.pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait()


def wait_for(
    look: Callable[[], T],
    seconds: float = 10.0,
    alive: Callable[[], bool] = lambda: True,
    words: Callable[[], str] = lambda: "",
) -> T:
    """The first true answer of `look`, asked every 20 ms; fails after `seconds`, or once `alive` is false."""
    pause, ends = threading.Event(), time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert alive(), f"the program has ended: {words()}"
        assert time.monotonic() < ends, f"not so within {seconds} s: {getattr(look, '__qualname__', look)} {words()}"
        pause.wait(STEP_SECONDS)  # between two looks at another process; nothing tells us of its changes


# --- processes, as Linux lists them ---


def family(session: int) -> list[int]:
    """Living processes of the session that a program was started in (the program itself among them)."""
    return [pid for pid, kin in _processes() if kin == session]


def children(pid: int) -> list[int]:
    """The living processes that descend from the program, itself left out."""
    return [one for one in family(pid) if one != pid]


def lives(pid: int) -> bool:
    """Whether a process runs (one that nobody has asked for its end is dead all the same)."""
    return any(one == pid for one, _ in _processes())


def _processes() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except OSError:
            continue  # it has ended since
        state, _parent, _group, session = text.rpartition(")")[2].split()[:4]
        if state not in "ZX":
            yield int(folder.name), int(session)
