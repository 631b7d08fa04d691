"""Guards prove themselves: each is taken away by a patch of this process, and the checks must turn red.

A directed scene per guard goes where only that guard stands between a fault and a wrong book. The scenes are part of
the commit profile as they are: with the guard in place they must be green.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import threading
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from desktop.clock import SystemClock
from desktop.errors import BlueClerkError, StorageProblem
from desktop.models.connection import ExternalLink
from desktop.models.desk import Setting
from desktop.models.session import Database
from desktop.models.work import Intention, WriteCall
from desktop.sync import connection_rows, leases, loopback, push, recovery, tokens
from tests.machine.checks import Broken, need
from tests.machine.driver import Plan, Result, Runner, Scene, draw, play
from tests.machine.rules import _state
from tests.machine.world import ALL_SERVICES, Desk, DirectDatabase, Templates

Patch = Callable[[], contextlib.AbstractContextManager[Any]]
RANDOM_RUNS = 3
"""Random runs per service without the guard; what they find is told besides, the scene has to find it alone."""


@contextlib.contextmanager
def swapped(target: Any, name: str, made: Callable[[Any], Any]) -> Iterator[None]:
    """`target.name` replaced by `made(old)` for the length of a block."""
    old = getattr(target, name)
    setattr(target, name, made(old))
    try:
        yield
    finally:
        setattr(target, name, old)


# --- what is taken away --------------------------------------------------------------------------------------


@contextlib.contextmanager
def no_intention() -> Iterator[None]:
    """Nothing is written down before a call: the rows exist, so that its answer can be stored, but as if settled."""

    def unwritten(old: Any) -> Any:
        def write(session: Any, *args: Any, **more: Any) -> int:
            call_id: int = old(session, *args, **more)
            session.get_one(WriteCall, call_id).state = "settled"
            return call_id

        return write

    with swapped(push, "write_intentions", unwritten):
        yield


@contextlib.contextmanager
def no_key_reuse() -> Iterator[None]:
    """A repeat leaves under a new key."""
    count = 0

    def fresh(old: Any) -> Any:
        def attempt(session: Any, call_id: int) -> Any:
            nonlocal count
            count += 1
            call, key = old(session, call_id)
            return call, f"{key[:20]}{count:08}"

        return attempt

    with swapped(push, "count_attempt", fresh), swapped(recovery, "count_attempt", fresh):
        yield


@contextlib.contextmanager
def no_look_up() -> Iterator[None]:
    """What is in doubt is taken as not done, and what left before is not looked for."""
    with (
        swapped(recovery, "_became", lambda old: lambda *args: None),
        swapped(push, "questions", lambda old: lambda *args: None),
    ):
        yield


@contextlib.contextmanager
def no_unique_index() -> Iterator[None]:
    """The books without the index that lets a record there belong to one of ours only."""

    def opened(old: Any) -> Any:
        def make(self: Any, *args: Any, **more: Any) -> None:
            old(self, *args, **more)
            with self.write() as session:
                session.execute(text("DROP INDEX IF EXISTS uq_external_link_external"))

        return make

    with swapped(DirectDatabase, "__init__", opened):
        yield


@contextlib.contextmanager
def no_lease() -> Iterator[None]:
    """Everybody gets the lease at once, and keeps it."""

    def given(old: Any) -> Any:
        def take(self: Any, session: Any, name: str, ttl_seconds: float) -> Any:
            found = old(self, session, name, ttl_seconds)
            return found or leases.HeldLease(name, self.owner, 0, leases.db_now(session))

        return take

    with swapped(leases.Leases, "take_in", given), no_fencing():
        yield


@contextlib.contextmanager
def no_fencing() -> Iterator[None]:
    """Whoever had the lease once goes on as if he had it still."""

    async def renewed(self: Any, held: Any, ttl_seconds: float) -> Any:
        return held

    with (
        swapped(leases.Leases, "still_held", lambda old: lambda self, session, held: True),
        swapped(leases.Leases, "renew", lambda old: renewed),
    ):
        yield


@contextlib.contextmanager
def no_token_reading() -> Iterator[None]:
    """Whoever found the token old renews it, whatever happened to it since."""

    class Same:
        def __ne__(self, other: object) -> bool:
            return False

        __hash__ = None  # type: ignore[assignment]

    def claim(old: Any) -> Any:
        return lambda self, session, seen: self._leases.take_in(session, tokens.token_lease(self._id), 60)

    def progress(old: Any) -> Any:
        return lambda self, session: (Same(), old(self, session)[1])

    with swapped(tokens.Tokens, "_claim", claim), swapped(tokens.Tokens, "_progress", progress):
        yield


@contextlib.contextmanager
def no_generation() -> Iterator[None]:
    """A pair is stored whatever was stored meanwhile."""

    def change(old: Any) -> Any:
        def any_version(self: Any, session: Any, seen: Any, values: dict[str, Any]) -> bool:
            row = session.get_one(tokens.Connection, self._id)
            for name, value in values.items():
                setattr(row, name, value)
            return True

        return any_version

    with swapped(tokens.Tokens, "_change", change):
        yield


@contextlib.contextmanager
def no_state() -> Iterator[None]:
    """Any state that comes back from a browser is taken for ours."""
    lax = types.SimpleNamespace(compare_digest=lambda left, right: True)
    with swapped(loopback, "hmac", lambda old: lax):
        yield


@contextlib.contextmanager
def no_tenant() -> Iterator[None]:
    """Nobody looks whether it is the company that the links belong to."""
    with swapped(connection_rows, "_check_company", lambda old: lambda session, new: None):
        yield


@contextlib.contextmanager
def no_read_back() -> Iterator[None]:
    """What the service said is believed."""

    def believed(old: Any) -> Any:
        async def done(self: Any, work: Any) -> None:
            self._report.done.update(name for name in self._ids if name not in self._report.refused)

        return done

    with swapped(push.Push, "_read_back", believed):
        yield


@contextlib.contextmanager
def no_begin_immediate() -> Iterator[None]:
    """A write unit begins as SQLite does by itself: it takes the write lock only when it writes."""
    from sqlalchemy import event

    def opened(old: Any) -> Any:
        def make(self: Any, *args: Any, **more: Any) -> None:
            old(self, *args, **more)
            listeners = list(self._writing.dispatch.begin)
            for one in listeners:
                event.remove(self._writing, "begin", one)
            event.listen(self._writing, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))

        return make

    with swapped(Database, "__init__", opened):
        yield


# --- where it matters ------------------------------------------------------------------------------------------

BILL = {"customer": 0, "lines": [[0, 2, 50]], "sent": True}


async def _bill(run: Runner, paid: int = 0) -> None:
    """One more invoice, for a new customer and a new item."""
    await run.step("add_customer", run.world.desk, {"name": 0, "mail": True})
    await run.step("add_item", run.world.desk, {"mapped": True, "price": 50, "account": 0})
    await run.step("add_invoice", run.world.desk, {**BILL, "customer": -1, "lines": [[-1, 2, 50]], "paid": paid})


async def lost_while_killed(run: Runner) -> None:
    """Killed after the service has done it: the next start must know that it left."""
    await _bill(run, paid=1)
    await run.step("crash", run.world.desk, _crash("reply.read", 3))


def _crash(point: str, nth: int) -> dict[str, Any]:
    return {"point": point, "nth": nth, "which": 0, "old": False, "wait": 61}


async def lost_reply_of_a_payment(run: Runner) -> None:
    """A payment is booked there and the answer is lost; where there are keys it is asked for again under its own."""
    await _bill(run)
    await run.step("sync_now", run.world.desk, {})
    await run.step("pay", run.world.desk, {"which": -1, "part": 2, "method": 1})
    world = run.world
    world.box.faults.arm([{"id": "N1", "op": "create_payment", "nth": 1, "times": 1, "phase": "after"}], 1)
    await run.step("push", world.desk, {"which": -1})
    world.box.faults.clear()
    await run.step("wait", world.desk, {"seconds": 600})
    await run.step("push", world.desk, {"which": -1})


async def lost_reply_of_a_customer(run: Runner) -> None:
    """A customer is made there and the answer is lost; the service knows no keys."""
    await _bill(run)
    run.world.box.faults.arm([{"id": "N1", "op": "create_customer", "nth": 1, "times": 1, "phase": "after"}], 1)
    await run.step("push", run.world.desk, {"which": -1})
    run.world.box.faults.clear()
    await run.step("wait", run.world.desk, {"seconds": 600})
    await run.step("push", run.world.desk, {"which": -1})


async def one_there_for_two_of_ours(run: Runner) -> None:
    """Two records of ours tied to one there: the books refuse it whoever tries."""
    await _bill(run)
    await run.step("sync_now", run.world.desk, {})

    def twice(session: Any) -> None:
        row = session.query(ExternalLink).filter_by(kind="invoice").first()
        values = {name: getattr(row, name) for name in ("provider", "company_id", "kind", "external_id", "linked_at")}
        session.add(ExternalLink(**values, local_id=row.local_id + 1000, agreed_at=row.agreed_at))
        session.flush()

    try:
        await run.world.desk.db.in_write(twice)
    except IntegrityError:
        return
    raise Broken("I2: one record there belongs to two of ours")


async def two_press_at_once(run: Runner) -> None:
    """Two desks push the same invoice at the same moment."""
    await run.step("second_desk", run.world.desk, {})
    await _bill(run, paid=1)
    await run.step("both_desks", run.world.desk, {"which": -1, "all": False})
    await run.step("sync_now", run.world.desk, {})


async def asleep_before_sending(run: Runner) -> None:
    """A desk stands still between its intention and its call; the other one goes on; it wakes."""
    await _bill(run)
    await run.step("sync_now", run.world.desk, {})
    await run.step("pay", run.world.desk, {"which": -1, "part": 2, "method": 1})
    await run.step("sleeper", run.world.desk, {"point": "intent.committed", "nth": 1, "which": -1, "old": False})
    await run.step("sync_now", run.world.desk, {})


async def both_find_the_token_old(run: Runner) -> None:
    """Two desks meet the same expired token at the same moment."""
    world = run.world
    await run.step("second_desk", world.desk, {})

    async def look(desk: Desk) -> None:
        company = await desk.core.require_company()
        await company.provider.settings()

    for _ in range(2):
        await asyncio.sleep(13 * 3600)
        await asyncio.gather(*(world.on(desk, look(desk)) for desk in world.desks))
        run.checks.always()


async def asleep_with_a_new_token(run: Runner) -> None:
    """A desk stands still with a pair just received; another one renews again; it wakes and stores its own."""
    await _bill(run)
    await run.step("sleeper", run.world.desk, {"point": "token.refresh.got", "nth": 1, "which": -1, "old": True})
    await run.checks.newest_pair(run.world.desk)


async def a_strangers_callback(run: Runner) -> None:
    """Another program sends its own code back under a state of its own: no token is asked for (I22)."""
    world = run.world
    await run.step("disconnect", world.desk, {})
    flow = await world.desk.core.sign_in()
    page = await flow.begin(world.service)
    before = len(world.box.ledger)
    waiting = asyncio.get_running_loop().create_task(flow.wait())
    with contextlib.suppress(BlueClerkError):
        flow.finish_with_pasted(f"{page.redirect_uri}?code=stranger&state=stranger&realmId=1")
    await world.clock.sleep(5.0)
    asked = [entry.op for entry in world.box.ledger.since(before) if entry.op in ("token", "refresh")]
    await flow.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    need(not asked, "I22: a stranger's code was traded")


async def another_company(run: Runner) -> None:
    """Signed in again, to the other company (W1)."""
    await _bill(run)
    await run.step("sync_now", run.world.desk, {})
    await run.step("disconnect", run.world.desk, {})
    await run.step("reconnect", run.world.desk, {"other": True})
    found = await _state(run.world.desk)
    need(found is None or found[2] == run.world.home, "I12: the other company is connected with the links of ours")


async def accepted_without_effect(run: Runner) -> None:
    """The service says yes and changes nothing (D15); what is green right after the push must be true."""
    await _bill(run)
    await run.step("push", run.world.desk, {"which": -1})
    await run.step("edit_invoice", run.world.desk, {"which": -1, "price": 77, "number": False})
    run.world.box.faults.arm([{"id": "D15", "op": "update_invoice", "nth": 1}], 1)
    await run.step("push", run.world.desk, {"which": -1})
    run.world.box.faults.clear()
    run.checks.green_is_true(run.world.desk)


async def two_writers(run: Runner) -> None:
    """Two writers read, then write: neither may fail, neither may be lost (S1)."""
    path = Path(run.world.folder) / "two.db"
    path.write_bytes(Path(run.world.address).read_bytes()) if run.world.database == "sqlite" else None
    from desktop.models.session import open_database

    path.unlink(missing_ok=True)
    open_database(str(path), SystemClock(), backup_dir=run.world.folder / "two").close()
    first, second = Database(str(path)), Database(str(path))
    read_too, troubles = threading.Event(), []

    def add(db: Database, wait: bool) -> None:
        try:
            with db.write() as session:
                row = session.get(Setting, "counter")
                was = int(str(row.value)) if row is not None else 0
                if wait:
                    other.start()
                    read_too.wait(0.3)
                else:
                    read_too.set()
                session.merge(Setting(key="counter", value=was + 1))
        except StorageProblem as problem:
            troubles.append(problem.title)

    other = threading.Thread(target=add, args=(second, False))
    add(first, True)
    other.join()
    with first.read() as session:
        row = session.get(Setting, "counter")
        count = row.value if row is not None else 0
    first.close()
    second.close()
    need(not troubles and count == 2, f"S1: two writers: {count}, {troubles}")


@dataclass(frozen=True)
class Guard:
    """What is taken away, where that shows, and on which services the scene runs."""

    name: str
    patch: Patch
    scene: Scene
    services: tuple[str, ...] = ALL_SERVICES


GUARDS = (
    Guard("intention row", no_intention, lost_while_killed),
    Guard("key reuse", no_key_reuse, lost_reply_of_a_payment, ("quickbooks", "xero")),
    Guard("look-up before create", no_look_up, lost_reply_of_a_customer, ("wave",)),
    Guard("unique index", no_unique_index, one_there_for_two_of_ours),
    Guard("lease", no_lease, two_press_at_once),
    Guard("fencing number", no_fencing, asleep_before_sending, ("wave", "freshbooks")),
    Guard("token re-read", no_token_reading, both_find_the_token_old, ("freshbooks", "xero")),
    Guard("generation check", no_generation, asleep_with_a_new_token, ("xero",)),
    Guard("state check", no_state, a_strangers_callback),
    Guard("tenant check", no_tenant, another_company),
    Guard("read-back", no_read_back, accepted_without_effect),
    Guard("BEGIN IMMEDIATE", no_begin_immediate, two_writers, ("quickbooks",)),
)


def act(guard: Guard, service: str, templates: Templates) -> Result:
    """The guard's scene on one service, with whatever is in place now."""
    return play(Plan(service, 1, [], why=guard.name), templates, guard.scene)


def prove(names: list[str] | None = None, runs: int = RANDOM_RUNS) -> int:
    """Print the table: with the guard, without it, and what random runs without it find. 1 if a guard is not missed."""
    templates, missed = Templates(), []
    print(f"{'guard':24} {'with':6} {'scene without it':62} random runs without it")
    for guard in GUARDS:
        if names and guard.name not in names:
            continue
        kept = [result.broken for service in guard.services if (result := act(guard, service, templates)).broken]
        with guard.patch():
            found = [(service, act(guard, service, templates).broken) for service in guard.services]
            chance = [
                play(draw(service, seed, 30), templates).broken for service in ALL_SERVICES for seed in range(runs)
            ]
        red = [f"{service}: {_short(broken)}" for service, broken in found if broken]
        chance_red = [_short(broken) for broken in chance if broken]
        if kept or not red:
            missed.append(guard.name)
        first = red[0] if red else "GREEN"
        tail = f"{len(chance_red)} of {len(chance)} {chance_red[:1] or ''}"
        print(f"{guard.name:24} {'RED' if kept else 'green':6} {first:62} {tail}", flush=True)
        for broken in kept:
            print(f"    with the guard in place: {broken[:400]}")
    templates.close()
    print("every guard is missed where it is taken away" if not missed else f"NOT PROVEN: {', '.join(missed)}")
    return int(bool(missed))


def _short(broken: str) -> str:
    return broken.splitlines()[0][:58]


__all__ = ["GUARDS", "Guard", "Intention", "act", "hmac", "prove", "replace"]
