"""Runs plans: draws them from a seed, does their steps, checks after each, cuts a failing one down, replays it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.errors import BlueClerkError
from desktop.models.connection import Connection
from desktop.models.states import Switches
from desktop.sync.overview import save_switches
from tests.machine.checks import Broken, Checks, need
from tests.machine.loop import Deadlock, run
from tests.machine.rules import HOUR, RULES, _state
from tests.machine.world import Desk, Killed, Templates, World

REGRESSIONS = Path(__file__).parent / "regressions"
LONGEST = 12 * HOUR
"""Seconds of the run's own time that one step may take (I15); the longest wait is not counted."""
CONCURRENT_STEP_S = 400.0
DRAIN = (0.0, 2 * HOUR, 20 * HOUR)
"""When Sync Now is pressed after the last fault: three rounds within a day (I23)."""

Step = tuple[str, int, dict[str, Any]]


@dataclass
class Plan:
    """One run, complete: the same plan gives the same calls. A step is (rule, desk, arguments)."""

    service: str
    seed: int
    steps: list[Step]
    database: str = "sqlite"
    why: str = ""
    meets: list[str] = field(default_factory=list)
    """What the plan is there to meet, as hits are named: a replay that misses one of them proves nothing."""

    def to_json(self) -> str:
        head: dict[str, Any] = {"service": self.service, "seed": self.seed, "database": self.database, "why": self.why}
        head |= {"meets": self.meets} if self.meets else {}
        lines = ",\n".join("  " + json.dumps(step, ensure_ascii=False) for step in self.steps)
        return json.dumps(head, ensure_ascii=False)[:-1] + ',\n "steps": [\n' + lines + "\n]}\n"

    @classmethod
    def from_json(cls, text: str) -> Plan:
        data = json.loads(text)
        steps = [(name, desk, arguments) for name, desk, arguments in data.pop("steps")]
        return cls(**data, steps=steps)


def draw(service: str, seed: int, length: int, database: str = "sqlite") -> Plan:
    """The plan of a seed: faults first in most runs, then whatever a day brings."""
    chance = random.Random(f"{service} {seed}")
    steps: list[Step] = []
    if chance.random() < 0.92:
        steps.append(("faults", 0, RULES["faults"].draw(chance)))
    names, weights = list(RULES), [one.weight for one in RULES.values()]
    while len(steps) < length:
        (name,) = chance.choices(names, weights)
        steps.append((name, chance.randrange(2), RULES[name].draw(chance)))
    return Plan(service, seed, steps, database)


Scene = Callable[["Runner"], Awaitable[None]]


@dataclass
class Result:
    """What a run came to. `broken` is "" where all invariants held."""

    plan: Plan
    steps: int = 0
    faulted: int = 0
    """Steps with a fault armed, a cable out, or a crash."""
    hits: Counter[str] = field(default_factory=Counter)
    digest: str = ""
    broken: str = ""
    at: int = -1
    ledger: list[str] = field(default_factory=list)
    cpu: float = 0.0
    wall: float = 0.0
    virtual: float = 0.0
    calls: int = 0

    def report(self) -> str:
        """What a failing run prints: seed, plan, ledger."""
        plan = self.plan
        head = f"{self.broken}\n  service {plan.service}, seed {plan.seed}, {plan.database}, step {self.at}"
        steps = "\n".join(f"  {at:3} {step}" for at, step in enumerate(plan.steps))
        return f"{head}\nplan:\n{steps}\nledger:\n" + "\n".join(self.ledger[-60:])


class Runner:
    """One run under way."""

    def __init__(self, plan: Plan, templates: Templates) -> None:
        self.world = World(plan.service, plan.seed, templates, plan.database)
        self.plan = plan
        self.result = Result(plan)
        self.killed = False

    async def go(self) -> None:
        world = self.world
        await world.open()
        self.checks = Checks(world)
        self._watch()
        for at, (name, desk, arguments) in enumerate(self.plan.steps):
            self.result.at = at
            await self.step(name, world.desks[desk % len(world.desks)], arguments)
        self.result.at = len(self.plan.steps)
        await self.drain()

    async def act(self, scene: Scene) -> None:
        """A directed scene instead of a plan; its steps and its end are checked like a plan's."""
        await self.world.open()
        self.checks = Checks(self.world)
        self._watch()
        await scene(self)
        await self.drain()

    def _watch(self) -> None:
        for desk in self.world.desks:
            if desk.line.before_write is None:
                self.checks.watch(desk)

    async def step(self, name: str, desk: Desk, arguments: dict[str, Any]) -> None:
        world = self.world
        faulted = world.armed or name in ("crash", "offline") or desk.line.cut_until > world.loop.time()
        await self._do(desk, RULES[name].do(world, desk, **arguments), float(arguments.get("seconds", 0)))
        self.result.steps += 1
        self.result.faulted += faulted
        self._watch()
        self.checks.always(self.killed or name in ("sleeper", "restart", "cancel"))
        world.restored = False

    async def _do(self, desk: Desk, work: Any, allowed: float = 0.0) -> None:
        world = self.world
        self.killed = False
        started = time.perf_counter()
        try:
            async with asyncio.timeout(LONGEST + max(0.0, allowed)):
                await world.on(desk, work)
        except BlueClerkError as error:
            world.hits[f"error:{type(error).__name__}"] += 1
        except Killed:
            self.killed = True
        except TimeoutError:
            raise Broken("I15: a step does not end") from None
        need(time.perf_counter() - started < CONCURRENT_STEP_S, "I15: a step never comes to rest")
        for place, one in enumerate(list(world.desks)):
            if one.db.dead:
                await world.bury(one)
                await asyncio.sleep(float(world.rest))
                await world.start_desk(place)
                self.killed = True

    async def drain(self) -> None:
        """Faults off, network back, signed in; three rounds of Sync Now within a day; then all must be in order."""
        world = self.world
        world.box.faults.clear()
        world.crash = None
        for desk in world.desks:
            desk.line.cut_until = desk.line.flap_until = 0.0
        world.clock.skew = 0.0
        desk = world.desk
        for pause in DRAIN:
            await asyncio.sleep(pause)
            await self._do(desk, self._sign_in(desk))
            await self._do(desk, desk.core.sync_now())
        self.checks.quiet(desk)
        await self.checks.newest_pair(desk)
        if await self._switched_on(desk):
            await self._do(desk, desk.core.sync_now())
            self.checks.quiet(desk)
        before = len(world.box.ledger)
        await self._do(desk, desk.core.sync_now())
        troubles = self.checks.troubles(desk)  # what needs the owner is tried again at each Sync Now, as he asks
        refused = tuple(f"update_{one.split(':')[0]}" for one in troubles)
        again = [entry.op for entry in world.box.ledger.since(before) if entry.changed and entry.op not in refused]
        need(not again, f"I18: a further sync wrote again: {again} {troubles}")

    async def _switched_on(self, desk: Desk) -> bool:
        """What a switch kept apart is found as soon as it is on again (M58, M61). False when all were on."""
        on = Switches(auto=True)

        def press(session: Session, at: Any) -> bool:
            was = Switches.from_json(session.scalars(select(Connection).where(Connection.live == 1)).one().switches)
            if was != on:
                save_switches(session, at, on)
            return was != on

        return bool(await desk.core.do(press))

    async def _sign_in(self, desk: Desk) -> None:
        found = await _state(desk)
        if found is None or found[1] != "ok" or found[0] == "needs_sign_in":
            await self.world.connect(desk)


async def _main(plan: Plan, templates: Templates, scene: Scene | None = None) -> Result:
    started, since = time.process_time(), time.perf_counter()
    runner = Runner(plan, templates)
    result, world = runner.result, runner.world
    try:
        await (runner.go() if scene is None else runner.act(scene))
    except Broken as broken:
        result.broken = str(broken)
    except Deadlock:
        result.broken = "I15: the program waits for something that never comes"
    except Exception as error:  # anything that escapes the program is a finding, and needs its plan as well
        import traceback

        result.broken = f"escaped: {type(error).__name__}: {error}\n{traceback.format_exc()[-3000:]}"
    finally:
        entries = list(world.box.ledger.since(0))
        told = [
            (e.service, e.op, e.method, e.path, e.status, e.key, e.identity, e.fault, e.changed, str(e.time))
            for e in entries
        ]
        result.digest = hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()
        result.ledger = [
            f"  {e.sequence:4} {e.time:%m-%d %H:%M:%S} {e.op:16} {e.status} {e.fault:4} {e.note.get('reply', '')}"
            f" {[c['kind'] + ' ' + c['id'][-12:] + ' ' + c['action'] for c in e.changed] or ''}"
            for e in entries
        ]
        result.calls = len(entries)
        result.hits.update(world.hits)
        result.hits.update(world.box.faults.as_json()["hits"])
        result.virtual = world.loop.time()
        result.cpu, result.wall = time.process_time() - started, time.perf_counter() - since
        await world.close()
    return result


def play(plan: Plan, templates: Templates, scene: Scene | None = None) -> Result:
    """Run a plan, or a scene, on a loop of its own."""
    return run(_main(plan, templates, scene))


def shorten(plan: Plan, templates: Templates, seconds: float = 60.0) -> Plan:
    """The plan without the steps that its failure does not need (same invariant, whatever the details)."""
    first = play(plan, templates)
    wanted = first.broken.split(":")[0]
    steps = plan.steps[: first.at + 1]
    ends = time.perf_counter() + seconds
    size = max(1, len(steps) // 2)
    while size and time.perf_counter() < ends:
        at = 0
        while at < len(steps) and time.perf_counter() < ends:
            tried = steps[:at] + steps[at + size :]
            found = play(Plan(plan.service, plan.seed, tried, plan.database), templates)
            if found.broken.split(":")[0] == wanted:
                steps = tried
            else:
                at += size
        size //= 2
    return Plan(plan.service, plan.seed, steps, plan.database, first.broken.splitlines()[0][:200])


def regressions() -> Iterable[Path]:
    """Plans that once failed; replayed for ever."""
    return sorted(REGRESSIONS.glob("*.json"))
