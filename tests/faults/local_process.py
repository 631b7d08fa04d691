"""A desk as a process of its own that can be frozen or killed at a crash point of its push.

Started as `python -m tests.faults.local_process` with one line of JSON: the job of `tests.sync.desk_process`, and
`freeze_at` (SIGSTOP) or `die_at` (SIGKILL) with `nth`. Its report is written to the job's `answer`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.helpers.programs import wait_for
from tests.helpers.sources import ROOT


def freeze_at(place: str, nth: int) -> None:
    """Stop this process at a crash point, as a closed lid does."""
    from desktop import crashpoint

    passed: Counter[str] = Counter()

    def handler(name: str) -> None:
        passed[name] += 1
        if name == place and passed[name] == nth:
            os.kill(os.getpid(), signal.SIGSTOP)

    crashpoint.install(handler)


def main() -> None:
    from tests.sync.desk_process import press_sync

    job = json.loads(sys.stdin.readline())
    if job.get("freeze_at"):
        freeze_at(job["freeze_at"], job.get("nth", 1))
    answer = asyncio.run(press_sync(job))
    Path(job["answer"]).write_text(json.dumps(answer), encoding="utf-8")


class Frozen:
    """The other process, once it stands still."""

    def __init__(self, process: subprocess.Popen[str], answer: Path) -> None:
        self._process, self._answer = process, answer

    def stands(self) -> bool:
        """Whether it is stopped (T in the list of processes)."""
        state = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "T"

    def wake(self) -> dict[str, Any]:
        """Let it go on; what it says came of it."""
        self._process.send_signal(signal.SIGCONT)
        assert self._process.wait(60) == 0
        report: dict[str, Any] = json.loads(self._answer.read_text("utf-8"))
        return report


@contextmanager
def frozen(job: dict[str, Any]) -> Iterator[Frozen]:
    """A desk that has come to its crash point and stands still there."""
    command = [sys.executable, "-m", "tests.faults.local_process"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True)
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.close()
        there = Frozen(process, Path(job["answer"]))
        wait_for(there.stands, 60, lambda: process.poll() is None)
        yield there
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
