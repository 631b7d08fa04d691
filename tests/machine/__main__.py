"""The state machine test by hand: python -m tests.machine commit | merge | soak | replay | seed | guards."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.helpers.offline import stay_on_loopback
from tests.helpers.sources import ROOT
from tests.machine import hits, profiles
from tests.machine.driver import REGRESSIONS, Plan, draw, play
from tests.machine.world import ALL_SERVICES, Templates


def commit(options: argparse.Namespace) -> int:
    """What the test command does, without pytest."""
    totals, templates, started = profiles.Totals(), Templates(), time.perf_counter()
    for service in options.services:
        for result in profiles.boxed(service, options.seconds, 4, templates, options.seed):
            totals.add(result)
    for result in profiles.replay_all(templates):
        totals.add(result)
    templates.close()
    print(totals.text(time.perf_counter() - started))
    return profiles.failed(totals, None)


def merge(options: argparse.Namespace) -> int:
    found = profiles.jobs(options.seed or 10_000, profiles.MERGE_LENGTH, profiles.has_postgres())
    totals = profiles.many(found, options.processes, steps=options.steps)
    templates = Templates()
    for result in profiles.replay_all(templates):  # some ways are so narrow that chance alone misses them for hours
        totals.add(result)
    templates.close()
    for fault, count in totals.hits.items():
        hits.struck(fault, count)
    told = Counter(totals.hits) + (hits.read(options.hits) if options.hits is not None else Counter())
    if options.hits is not None:
        print("hits of each fault, over the whole check: " + ", ".join(f"{one} {told[one]}" for one in hits.CATALOGUE))
    absent = [*(hits.missing(told) if options.hits is not None else ()), *hits.branches_missing(totals.hits)]
    if absent:
        print(f"FAILED: nothing has met {', '.join(absent)}", file=sys.stderr)
    return profiles.failed(totals, options.keep) or int(bool(absent))


SOAKED = ("tests/faults/test_kills.py", "tests/faults/test_local_storage.py", "tests/signin/test_token_race.py")
MORE = {"BLUECLERK_MACHINE": "1", "BLUECLERK_KILLS": "20", "BLUECLERK_ROUNDS": "100"}


def soak(options: argparse.Namespace) -> int:
    """Real kills at random moments, a full and a broken disk at every write, a hundred races for a token; then
    random schedules until the time is over."""
    started, first = time.perf_counter(), options.seed or int(time.time()) % 1_000_000 * 1000
    print(f"soak of {options.hours} h from seed {first}", flush=True)
    apart = subprocess.run([sys.executable, "-m", "pytest", "-q", *SOAKED], env=os.environ | MORE, cwd=ROOT)
    left = options.hours * 3600 - (time.perf_counter() - started)
    found = profiles.jobs(first, profiles.MERGE_LENGTH, profiles.has_postgres())
    totals = profiles.many(found, options.processes, seconds=max(60.0, left), most_broken=500)
    return profiles.failed(totals, options.keep) or apart.returncode


def replay(options: argparse.Namespace) -> int:
    templates, code = Templates(), 0
    for name in options.plans:
        result = play(Plan.from_json(Path(name).read_text(encoding="utf-8")), templates)
        print(result.report() if result.broken else f"{name}: all invariants hold ({result.digest[:12]})")
        code = code or int(bool(result.broken))
    templates.close()
    return code


def seed(options: argparse.Namespace) -> int:
    """One seed in full; with --keep cut down and kept."""
    templates = Templates()
    result = play(draw(options.service, options.seed, options.length, options.database), templates)
    print(result.report())
    if result.broken and options.keep is not None:
        print(f"kept in {profiles.keep(result, templates, options.keep)}")
    templates.close()
    return int(bool(result.broken))


def prove(options: argparse.Namespace) -> int:
    from tests.machine import guards

    return guards.prove(options.guard, options.runs)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("tests.machine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, work in (
        ("commit", commit),
        ("merge", merge),
        ("soak", soak),
        ("replay", replay),
        ("seed", seed),
        ("guards", prove),
    ):
        one = commands.add_parser(name)
        one.set_defaults(work=work)
        one.add_argument("--seed", type=int, default=0)
        one.add_argument("--keep", type=Path, default=None, help=f"where failing plans go, e.g. {REGRESSIONS.name}")
        one.add_argument("--processes", type=int, default=1 if name == "soak" else 2)
        one.add_argument("--services", nargs="+", default=list(ALL_SERVICES))
        one.add_argument("--service", default="quickbooks")
        one.add_argument("--length", type=int, default=profiles.COMMIT_LENGTH)
        one.add_argument("--database", default="sqlite")
        one.add_argument("--seconds", type=float, default=10.0)
        one.add_argument("--steps", type=int, default=20_000)
        one.add_argument("--hours", type=float, default=1.0)
        one.add_argument("--hits", type=Path, default=None, help="what the tests before this have met")
        one.add_argument("--guard", nargs="+", default=None)
        one.add_argument("--runs", type=int, default=3)
        if name == "replay":
            one.add_argument("plans", nargs="+")
    options = parser.parse_args(argv)
    stay_on_loopback()
    profiles.settle_memory()
    with tempfile.TemporaryDirectory():
        return int(options.work(options))


if __name__ == "__main__":
    sys.exit(main())
