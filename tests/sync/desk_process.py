"""Desks as processes of their own: one helper imports everything once, then forks a desk for each job.

A job is one line of JSON: the database, the sandbox, which invoices to sync, whether to pull, and where to die. A desk
that dies does so by SIGKILL, without a chance to clean up. The answer is one line of JSON, "died" or the report.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.helpers.office import Office

ROOT = Path(__file__).resolve().parents[2]


# --- the desk ------------------------------------------------------------------------------------------


def die_at(place: str, nth: int) -> None:
    from desktop import crashpoint

    passed: Counter[str] = Counter()

    def handler(name: str) -> None:
        passed[name] += 1
        if name == place and passed[name] == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    crashpoint.install(handler)


def die_in(seconds: float) -> None:
    """SIGKILL wherever the process is by then."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()


async def press_sync(job: dict[str, Any]) -> dict[str, Any]:
    from tests.helpers.control import Control
    from tests.helpers.office import open_office
    from tests.helpers.waiting import until

    control = Control(job["base"], job["secret"], job["service"])
    folder, account = Path(job["folder"]), job["account"]
    office = await open_office(job["database"], folder, control, job["services"], account=account, migrated=True)
    if job.get("die_at"):
        die_at(job["die_at"], job.get("nth", 1))
    try:
        if job.get("at"):  # both desks press at the same moment
            await until(Path(job["at"]).exists, timeout=60)
        from desktop.providers.records import Kind
        from desktop.sync.schedule import Wish

        office.ask(*((Kind.INVOICE, one) for one in job["invoices"]))
        wish = Wish(account) if job.get("pull") else None
        report = await office.runner.drain(wait_for_lease=True, wish=wish)
        return {"refused": sorted(report.refused), "in_doubt": sorted(report.in_doubt), "writes": report.writes}
    finally:
        await office.http.close()
        office.db.close()


async def sync_now(job: dict[str, Any]) -> dict[str, Any]:
    """The whole program, with tokens of its own."""
    from desktop.core import Core
    from desktop.providers.records import Kind
    from desktop.sync.secrets import MemoryStore
    from tests.helpers.control import Control
    from tests.helpers.desk import options
    from tests.helpers.office import ElasticClock

    clock = ElasticClock(Control(job["base"], job["secret"]))
    clock.advance(job["later_s"])
    store = MemoryStore(job["store"])
    desk = options(Path(job["folder"]), job["services"], database=job["database"], clock=clock, store=store)
    core = await Core.open(desk)
    if job.get("die_at"):
        die_at(job["die_at"], job.get("nth", 1))
    if job.get("die_in_s") is not None:
        die_in(job["die_in_s"])
    began = time.monotonic()
    try:
        report = await core.sync([(Kind.INVOICE, one) for one in job["invoices"]])
        told = {"refused": sorted(report.refused), "in_doubt": sorted(report.in_doubt), "writes": report.writes}
        return told | {"took_s": time.monotonic() - began}
    finally:
        await core.close()


def serve() -> None:
    import desktop.core  # noqa: F401  everything is imported once, before any fork
    import tests.helpers.office  # noqa: F401

    for line in sys.stdin:
        job = json.loads(line)
        if os.fork() == 0:
            answer = asyncio.run((sync_now if job.get("whole") else press_sync)(job))
            Path(job["answer"]).write_text(json.dumps(answer), encoding="utf-8")
            os._exit(0)
        while job.get("together", 1) == 1:
            _, status = os.wait()
            died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            print(json.dumps({"died": died, "code": status}), flush=True)
            break
        else:
            if job["last"]:
                codes = [os.wait()[1] for _ in range(job["together"])]
                print(json.dumps({"died": False, "code": max(codes)}), flush=True)


# --- the parent's side ---------------------------------------------------------------------------------


def job_for(office: Office, sandbox: Any, folder: Path, invoices: list[int], **more: Any) -> dict[str, Any]:
    """The job of a desk on the books of `office`."""
    return {
        "database": office.db.url.render_as_string(hide_password=False),
        "folder": str(folder),
        "base": sandbox.base,
        "secret": sandbox.control_secret,
        "services": sandbox.services,
        "service": office.control.service,
        "account": "owner",
        "invoices": invoices,
        "answer": str(folder / "answer.json"),
    } | more


class Desks:
    """Starts desks; `run` waits for the end of one, `race` for several that press Sync at the same moment."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.sync.desk_process"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _say(self, job: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def run(self, job: dict[str, Any]) -> bool:
        """Whether the desk died; raises AssertionError when it failed otherwise."""
        self._say(job)
        answer = self._hear()
        assert answer["died"] or answer["code"] == 0, answer
        return bool(answer["died"])

    def race(self, jobs: list[dict[str, Any]], go: Path) -> list[dict[str, Any]]:
        for place, job in enumerate(jobs):
            self._say(job | {"together": len(jobs), "last": place == len(jobs) - 1, "at": str(go)})
        go.touch()
        assert self._hear()["code"] == 0
        return [json.loads(Path(job["answer"]).read_text(encoding="utf-8")) for job in jobs]

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


if __name__ == "__main__":
    serve()
