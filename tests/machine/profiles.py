"""The three sizes of the state machine test, and what each of them prints."""

from __future__ import annotations

import gc
import itertools
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.machine.driver import REGRESSIONS, Plan, Result, draw, play, regressions, shorten
from tests.machine.world import ALL_SERVICES, Templates

COMMIT_LENGTH, MERGE_LENGTH = 30, 40
SHORTEN_SECONDS = 60.0
SLOW_SECONDS = 30.0


@dataclass
class Totals:
    """What many runs came to."""

    runs: int = 0
    steps: int = 0
    faulted: int = 0
    calls: int = 0
    cpu: float = 0.0
    virtual: float = 0.0
    hits: Counter[str] = field(default_factory=Counter)
    seeds: dict[str, list[int]] = field(default_factory=dict)
    broken: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        self.runs += 1
        self.steps += result.steps
        self.faulted += result.faulted
        self.calls += result.calls
        self.cpu += result.cpu
        self.virtual += result.virtual
        self.hits.update(result.hits)
        self.seeds.setdefault(f"{result.plan.service} {result.plan.database}", []).append(result.plan.seed)
        if result.broken:
            self.broken.append(result)

    def text(self, wall: float) -> str:
        """Steps, pace, hits, seeds."""
        per = self.steps / self.cpu if self.cpu else 0.0
        lines = [
            f"{self.runs} runs, {self.steps} steps ({self.faulted} of them faulted), {self.calls} calls, "
            f"{self.virtual / 86400:.0f} days of virtual time",
            f"{wall:.0f} s, {self.cpu:.0f} s of processor: {per:.1f} steps a second and core",
        ]
        lines += [f"  seeds {name}: {_ranges(found)}" for name, found in sorted(self.seeds.items())]
        kinds = {"faults": [], "crash points": [], "recovery": [], "hand edits": [], "what the program said": []}
        for name, count in sorted(self.hits.items()):
            head, _, rest = name.partition(":")
            group = {"crash": "crash points", "branch": "recovery", "error": "what the program said"}.get(
                head, "faults"
            )
            kinds[group].append(f"{rest or head} {count}")
        lines += [f"  {name}: {', '.join(found)}" for name, found in kinds.items() if found]
        lines += [f"BROKEN {one.plan.service} {one.plan.database} seed {one.plan.seed}: {one.broken[:300]}"
                  for one in self.broken]  # fmt: skip
        return "\n".join(lines)


def _ranges(found: Sequence[int]) -> str:
    """1-4, 9 for 1, 2, 3, 4, 9."""
    parts = []
    for _, group in itertools.groupby(enumerate(sorted(found)), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        parts.append(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]))
    return ", ".join(parts)


def settle_memory() -> None:
    """What was imported stays; looking through it again and again is a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def boxed(service: str, seconds: float, least: int, templates: Templates, first: int = 0) -> Iterator[Result]:
    """Runs of one service from seed `first` on, until the time is over and at least `least` are done."""
    ends = time.perf_counter() + seconds
    for seed in itertools.count(first):
        if seed - first >= least and time.perf_counter() >= ends:
            return
        yield play(draw(service, seed, COMMIT_LENGTH), templates)


def keep(result: Result, templates: Templates, folder: Path = REGRESSIONS) -> Path:
    """Cut a failing plan down and write it where it is replayed for ever."""
    short = shorten(result.plan, templates, SHORTEN_SECONDS)
    name = result.broken.split(":")[0].replace("/", "-").replace(" ", "-")
    path = folder / f"{name}-{result.plan.service}-{result.plan.seed}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(short.to_json(), encoding="utf-8")
    return path


# --- many at once -----------------------------------------------------------------------------------------

_templates: Templates | None = None


def _job(job: tuple[str, int, int, str]) -> Result:
    global _templates
    if _templates is None:
        settle_memory()
        _templates = Templates()
    service, seed, length, database = job
    return play(draw(service, seed, length, database), _templates)


def _end(_: int) -> None:
    global _templates
    if _templates is not None:
        _templates.close()
        _templates = None


def jobs(first: int, length: int, postgres: bool) -> Iterator[tuple[str, int, int, str]]:
    """All services in turn; every fourth round on a server's database if there is one."""
    for seed in itertools.count(first):
        database = "postgres" if postgres and seed % 4 == 3 else "sqlite"
        for service in ALL_SERVICES:
            yield service, seed, length, database


def many(
    found: Iterable[tuple[str, int, int, str]],
    processes: int,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    most_broken: int = 20,
) -> Totals:
    """Runs until so many faulted steps are done or the time is over, on so many processes; stops at some failures."""
    totals, started, told = Totals(), time.perf_counter(), time.perf_counter()
    source = iter(found)
    with ProcessPoolExecutor(processes) as pool:
        waiting = [pool.submit(_job, next(source)) for _ in range(processes * 2)]
        while waiting:
            result: Result = waiting.pop(0).result()
            totals.add(result)
            plan = result.plan
            if result.wall > SLOW_SECONDS:
                busy = f"{result.wall:.0f} s, {result.cpu:.1f} s of them at work"
                print(f"slow: {plan.service} {plan.database} {plan.seed}: {busy}", flush=True)
            if result.broken:
                print(f"BROKEN {plan.service} {plan.database} {plan.seed}: {result.broken[:200]}", flush=True)
            now = time.perf_counter()
            more = (steps is None or totals.faulted < steps) and (seconds is None or now - started < seconds)
            if more and len(totals.broken) < most_broken:
                waiting.append(pool.submit(_job, next(source)))
            if now - told > 60:
                told = now
                print(f"[{now - started:.0f} s] {totals.steps} steps, {len(totals.broken)} broken", flush=True)
        list(pool.map(_end, range(processes)))
    print(totals.text(time.perf_counter() - started), flush=True)
    return totals


def replay_all(templates: Templates) -> list[Result]:
    """Every plan that failed once; those of a server's books where there is one."""
    plans = [Plan.from_json(path.read_text(encoding="utf-8")) for path in regressions()]
    return [play(plan, templates) for plan in plans if plan.database == "sqlite" or has_postgres()]


def has_postgres() -> bool:
    return bool(os.environ.get("BLUECLERK_TEST_POSTGRES"))


def failed(totals: Totals, keep_in: Path | None) -> int:
    """Print each failure in full and keep its plan; the exit code."""
    if not totals.broken:
        return 0
    templates = Templates()
    for result in totals.broken[:5]:
        print(result.report(), file=sys.stderr)
        if keep_in is not None:
            print(f"kept in {keep(result, templates, keep_in)}", file=sys.stderr)
    templates.close()
    return 1
