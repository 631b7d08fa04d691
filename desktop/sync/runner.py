"""Drains the outbox: one run at a time per connection, whatever the number of clicks, tasks and desks.

A run takes the runner's lease, finds out what became of calls left open, pushes what is due, and gives the
lease back. Promises made meanwhile wait for the next round (debounced, M70).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from desktop.books.outbox import promise
from desktop.crashpoint import crashpoint
from desktop.errors import AnswerUnreadable, Concern, ConnectionProblem, Fix, InternalMistake, ItemError, StorageProblem
from desktop.models.connection import Connection
from desktop.models.session import note_change
from desktop.models.states import ConnectionState, PushReason, SyncState
from desktop.models.work import OutboxEntry, SyncStatus, WriteCall
from desktop.providers.records import Kind
from desktop.sync import failures
from desktop.sync.company import Company
from desktop.sync.copied import looked_first, to_look_first
from desktop.sync.identity import prove_if_new
from desktop.sync.leases import HeldLease
from desktop.sync.planning import ref
from desktop.sync.pull import pull
from desktop.sync.pulled import Pulled
from desktop.sync.push import LEASE_SECONDS, LeaseLost, Push, Report
from desktop.sync.recovery import recover
from desktop.sync.schedule import Wish
from desktop.sync.settings import refresh_settings
from desktop.sync.work import Ref, connections_of

BACKOFF = (15.0, 60.0, 180.0, 600.0, 960.0, 1800.0)
"""Seconds until the next try after a connection problem, when the service named no time. The sixth try comes
after half an hour, when the owner is to be told (E8)."""
DOUBT_SECONDS = 30.0
LOOK_SECONDS = 2.0
"""After a lost answer of a service that knows no keys: what got through is found there at once."""
TOGETHER = timedelta(seconds=1)
"""What falls due within this time goes along: records saved together leave together."""
LEASE_POLL_SECONDS = 0.25
RENEW_SECONDS = 20.0
WAITS_FOR_OWNER = (ConnectionState.NEEDS_SIGN_IN.value, ConnectionState.REFUSED.value)
"""In these states only what the owner asks for anew is tried."""
LEFT = (SyncState.SYNCING.value, SyncState.IN_DOUBT.value)
ORDER = {Kind.CUSTOMER.value: 0, Kind.ITEM.value: 1, Kind.INVOICE.value: 2, Kind.PAYMENT.value: 3}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Due:
    entry_id: int
    kind: str
    local_id: int
    serial: int
    fresh: bool
    """Asked for by hand, and not tried since."""
    asked_by: str
    created_at: datetime

    @property
    def token(self) -> tuple[int, int, datetime]:
        """This promise and no other: SQLite gives the id of a deleted row to the next one."""
        return self.entry_id, self.serial, self.created_at


class Runner:
    """Keeps one connection's outbox empty. `company` gives the connected company, or None while there is none.

    `mark` is awaited ahead of each run, once the lease is held, and behind one that wrote something there.
    """

    def __init__(
        self, company: Callable[[], Awaitable[Company | None]], *, mark: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._company = company
        self._mark = mark
        self._wake = asyncio.Event()
        self._busy = asyncio.Lock()
        self._wish: Wish | None = None
        """What changed there is to be brought in, and could not be yet."""
        self._probes = 0
        self._probed_at: datetime | None = None

    def wake(self) -> None:
        """Look at the outbox soon. Only from the loop's own thread."""
        self._wake.set()

    @property
    def idle(self) -> bool:
        """Whether no run is under way."""
        return not self._busy.locked()

    async def wait_idle(self) -> None:
        """Return once no run is under way."""
        async with self._busy:
            return

    async def run_forever(self) -> None:
        """Drain whenever woken and whenever an entry falls due, until cancelled."""
        while True:
            self._wake.clear()
            await self.drain()
            company = await self._company()
            due = await self._next_due(company)
            if due is None or company is None:
                await self._wake.wait()
                continue
            pause = max(LEASE_POLL_SECONDS, (due - company.desk.clock.now()).total_seconds())
            await self._wait(min(pause, 60.0))

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _next_due(self, company: Company | None) -> datetime | None:
        if company is None:
            return None
        return await company.db.in_read(lambda session: self._look_ahead(session, company))

    def _look_ahead(self, session: Session, company: Company) -> datetime | None:
        connection = session.get(Connection, company.connection_id)
        if connection is None:
            return None
        waits = connection.state in WAITS_FOR_OWNER
        first = session.scalar(_entries(waits).with_only_columns(func.min(OutboxEntry.not_before)))
        times = [first] if first is not None else []
        now = company.desk.clock.now()
        if not waits and _left_open(session, company):
            times.append(now + timedelta(seconds=DOUBT_SECONDS))
        if not times and connection.state == ConnectionState.PAUSED.value:
            times.append(self._probe_due(connection, now))
        return min(times) if times else None

    def _probe_due(self, connection: Connection, now: datetime) -> datetime:
        """When a paused connection with nothing to send is to be tried again."""
        until = connection.still_to_wait(now)
        if until is not None:
            return until
        if self._probed_at is None:
            return now
        return self._probed_at + timedelta(seconds=BACKOFF[min(self._probes, len(BACKOFF) - 1)])

    async def drain(
        self, *, everything: bool = False, wait_for_lease: bool = False, wish: Wish | None = None
    ) -> Report:
        """Push all that is due; with `everything`, also what waits for later. Never raises what a service does.

        With a `wish`, what changed there is brought in afterwards: when calls are scarce, ours go first.
        What the owner asked for and another task or desk pushed meanwhile is in the report too.
        """
        total = Report()
        company = await self._company()
        if company is None:
            return total
        asked = await company.db.in_read(_asked_now) if wait_for_lease else ()
        async with self._busy:
            company = await self._company()
            if company is None:
                return total
            self._wish = wish or self._wish
            held = await self._take(company, everything, wait_for_lease)
            if held is None:
                return total
            keeper = asyncio.get_running_loop().create_task(_keep(company, held))
            try:
                crashpoint("lease.taken")
                if self._mark is not None:
                    await self._mark()
                await self._run(company, held, total, everything)
                if self._mark is not None and (total.writes or total.in_doubt):
                    await self._mark()
            except LeaseLost:
                _log.info("another desk took over the sync")
            finally:
                keeper.cancel()
                with suppress(asyncio.CancelledError):
                    await keeper
                await company.leases.release(held)
                crashpoint("lease.freed")
            known = total.done | set(total.refused) | total.in_doubt | total.waiting
            elsewhere = [name for name in asked if name not in known]
            if elsewhere:
                _add(total, await company.db.in_read(lambda session: _came_to(session, elsewhere)))
        return total

    async def run_exactly(self, targets: Sequence[Ref], expected: str, actor: str) -> Report:
        """Push `targets` by the plan with the digest `expected`, or nothing (N11). Raises PlanChanged.

        What a connection problem keeps from leaving is not promised for later: it would be another plan.
        """
        async with self._busy:
            company = await self._company()
            if company is None:
                return Report()
            held = await self._take(company, False, True)
            assert held is not None  # it was waited for
            keeper = asyncio.get_running_loop().create_task(_keep(company, held))
            try:
                if self._mark is not None:
                    await self._mark()
                stopped = Report()
                if not await self._as_it_was(company, stopped, True):
                    return stopped
                if not await self._look_first(company, held, stopped, actor, by_hand=True):
                    return stopped
                report = await Push(company, held, asked=True, actor=actor, expected=expected).run(targets)
                if self._mark is not None and (report.writes or report.in_doubt):
                    await self._mark()
                await company.db.in_write(partial(_after_exactly, company=company, report=report, actor=actor))
                return report
            except LeaseLost:
                _log.info("another desk took over the sync")
                names = [ref(kind, local_id) for kind, local_id in targets]
                return await company.db.in_read(lambda session: _came_to(session, names))
            finally:
                keeper.cancel()
                with suppress(asyncio.CancelledError):
                    await keeper
                await company.leases.release(held)

    async def alone(self, work: Callable[[Session, Company], None]) -> None:
        """One transaction while no run is under way at any desk; nothing without a connected company."""
        async with self._busy:
            company = await self._company()
            if company is None:
                return
            held = await self._take(company, False, True)
            assert held is not None  # it was waited for

            def write(session: Session) -> None:
                if not company.leases.still_held(session, held):
                    raise LeaseLost
                work(session, company)

            try:
                await company.db.in_write(write)
            finally:
                await company.leases.release(held)

    async def _take(self, company: Company, everything: bool, wait: bool) -> HeldLease | None:
        if not wait and not await company.db.in_read(lambda session: self._has_work(session, company, everything)):
            return None
        while True:
            held = await company.leases.take(company.lease_name, LEASE_SECONDS)
            if held is not None or not wait:
                return held
            await company.desk.clock.sleep(LEASE_POLL_SECONDS)

    def _has_work(self, session: Session, company: Company, everything: bool) -> bool:
        if _due(session, company, everything, limit=1) or _left_open(session, company):
            return True
        return self._probe_wanted(session, company)

    def _probe_wanted(self, session: Session, company: Company) -> bool:
        """A paused connection with an empty outbox has nothing that would find out when the service is back."""
        connection = session.get_one(Connection, company.connection_id)
        if connection.state != ConnectionState.PAUSED.value:
            return False
        if session.scalar(select(OutboxEntry.id).limit(1)) is not None:
            return False
        now = company.desk.clock.now()
        return self._probe_due(connection, now) <= now

    async def _run(self, company: Company, held: HeldLease, total: Report, everything: bool) -> None:
        if not await self._as_it_was(company, total, everything):
            return
        await self._send(company, held, total, everything)
        if self._wish is not None and total.problem is None:
            await self._bring(company, held, total, self._wish)

    async def _as_it_was(self, company: Company, total: Report, by_hand: bool) -> bool:
        """After a sign-in: whether the company still holds what is linked (W4), before anything is sent or repeated."""
        try:
            await prove_if_new(company)
        except ConnectionProblem as problem:
            await self._trouble(company, problem, total, by_hand=by_hand)
        return total.problem is None

    async def _bring(self, company: Company, held: HeldLease, total: Report, wish: Wish) -> None:
        if await self._pull(company, held, total, wish, by_hand=not wish.by_schedule):
            mended = await company.db.in_read(lambda session: _no_more_asked(session, total.refused))
            for name in mended:  # what came in has answered what the push was refused for
                total.done.add(name)
                del total.refused[name]
        if total.problem is None and not (total.pulled is not None and total.pulled.put_off):
            self._wish = None

    async def _pull(self, company: Company, held: HeldLease, total: Report, wish: Wish, *, by_hand: bool) -> bool:
        """What changed there comes in, unless something sent is in doubt: it might be taken for a stranger's.

        False where it could not be read to its end.
        """
        if await company.db.in_read(lambda session: _open_calls(session, company)):
            total.pulled = Pulled(put_off=True)
            return False
        try:
            total.pulled = await pull(company, held, wish)
        except (LeaseLost, StorageProblem):
            raise
        except ConnectionProblem as problem:
            await self._trouble(company, problem, total, by_hand=by_hand)
            return False
        except Exception:  # whatever one record there set off, what was sent is sent and must be told
            _log.exception("a pull failed unexpectedly")
            service = company.provider.terms.service
            total.pulled = Pulled(problems=[(service, InternalMistake(service).title)])
            return False
        await company.db.in_write(lambda session: looked_first(session, company.key))
        return True

    async def _send(self, company: Company, held: HeldLease, total: Report, everything: bool) -> None:
        recovered = await recover(company, held)
        await company.db.in_write(lambda session: _promise_again(session, company, recovered.again))
        unsure = {ref(kind, local_id) for kind, local_id in recovered.unsure}
        await company.db.in_write(lambda session: _promise_doubtful(session, company, unsure))
        total.in_doubt |= unsure
        if recovered.problem is not None:
            await self._trouble(company, recovered.problem, total)
            return
        if not await self._ready(company, total, everything):
            return
        seen: set[tuple[int, int, datetime]] = set()
        first = True
        while True:
            due = await company.db.in_read(lambda session: _due(session, company, everything))
            due = [one for one in due if one.token not in seen and _name(one) not in unsure]
            if not due:
                return
            if first:
                first = False
                actor = next((one.asked_by for one in due if one.asked_by), "")
                if not await self._look_first(company, held, total, actor, by_hand=everything):
                    return
                continue
            group = [one for one in due if one.asked_by] or due
            seen.update(one.token for one in group)
            report = await self._push(company, held, group)
            _add(total, report)
            if report.problem is not None:
                return
            if report.in_doubt and (report.ended or report.disputed or not company.provider.capabilities.native_keys):
                await company.desk.clock.sleep(LOOK_SECONDS)
                looked = await recover(company, held, ended=frozenset(report.ended))
                waiting = {_key(name) for name in report.waiting if name.startswith("invoice:")}  # for their payments
                again = looked.again | waiting if looked.again else looked.again
                await company.db.in_write(partial(_promise_again, company=company, records=again))
                unsure |= {ref(kind, local_id) for kind, local_id in looked.unsure}
                total.in_doubt = (total.in_doubt - report.in_doubt) | unsure
                if looked.problem is not None:
                    await self._trouble(company, looked.problem, total)
                    return

    async def _look_first(self, company: Company, held: HeldLease, total: Report, actor: str, *, by_hand: bool) -> bool:
        """Books put back from a copy know nothing of what left since: what is there comes in before anything goes (S4).

        Once for each company. False where the service can't be reached: nothing may leave. What can't be read for
        another reason is told and read by the next run; meanwhile each record is looked up by our marks.
        """
        if await company.db.in_read(lambda session: to_look_first(session, company.key)):
            await self._pull(company, held, total, Wish(actor), by_hand=by_hand)
        return total.problem is None

    async def _ready(self, company: Company, total: Report, everything: bool) -> bool:
        """Have the company's settings fresh (once a day), and a troubled connection tried out when nothing else does.

        `everything` is the owner's Sync Now: it tries whatever the state.
        """

        def look(session: Session) -> tuple[bool, bool]:
            state = session.get_one(Connection, company.connection_id).state
            idle = not _due(session, company, everything, limit=1)
            by_hand = everything and state != ConnectionState.CONNECTED.value
            return idle, by_hand or self._probe_wanted(session, company)

        idle, wanted = await company.db.in_read(look)
        if idle and not wanted:
            return True
        try:
            asked = await refresh_settings(company, force=idle)
        except AnswerUnreadable:  # one odd row among the settings: our copy of yesterday has to do
            _log.warning("the company's settings could not be read")
            return True
        except ConnectionProblem as problem:
            self._probes, self._probed_at = self._probes + 1, company.desk.clock.now()
            await self._trouble(company, problem, total, by_hand=everything)
            return False
        if asked:
            self._probes, self._probed_at = 0, None
            await company.db.in_write(lambda session: _connection_fine(session, company))
        return True

    async def _push(self, company: Company, held: HeldLease, group: Sequence[_Due]) -> Report:
        actor = next((one.asked_by for one in group if one.asked_by), "")
        fresh = any(one.fresh for one in group)
        push = Push(company, held, asked=bool(actor), actor=actor, fresh=fresh)
        try:
            report = await push.run([(Kind(one.kind), one.local_id) for one in group])
        except (LeaseLost, StorageProblem):
            raise
        except Exception:  # whatever one record or answer set off must not stop the others (M112)
            _log.exception("a push failed unexpectedly")
            return await self._apart(company, held, group)
        await company.db.in_write(lambda session: _after(session, company, group, report))
        return report

    async def _apart(self, company: Company, held: HeldLease, group: Sequence[_Due]) -> Report:
        """Each record by itself; the one that can't be pushed is given to the owner."""
        total = Report()
        if len(group) > 1:
            for one in group:
                _add(total, await self._push(company, held, [one]))
                if total.problem is not None:
                    break
            return total
        (one,) = group
        error = InternalMistake(company.provider.terms.service)
        total.refused[_name(one)] = error

        def give_up(session: Session) -> None:
            failures.fail(session, company.desk.clock.now(), one.kind, one.local_id, "", error)
            _done_with(session, one)

        await company.db.in_write(give_up)
        return total

    async def _trouble(
        self, company: Company, problem: ConnectionProblem, total: Report, *, by_hand: bool = False
    ) -> None:
        total.problem = problem

        def write(session: Session) -> None:
            now = company.desk.clock.now()
            connection = session.get_one(Connection, company.connection_id)
            due = _due(session, company, False)
            fresh = by_hand or any(one.fresh for one in due)
            failures.connection_trouble(session, now, connection, problem, by_hand=fresh)
            held_up = [(one.kind, one.local_id) for one in due if _name(one) not in total.in_doubt]
            failures.mark(session, now, held_up, SyncState.WAITING, problem.until)
            for one in due:
                _postpone(session, company, one, problem.until)
                total.waiting.add(_name(one))

        await company.db.in_write(write)


def _asked_now(session: Session) -> tuple[str, ...]:
    rows = session.scalars(select(OutboxEntry).where(OutboxEntry.reason == PushReason.ASKED.value))
    return tuple(ref(row.kind, row.local_id) for row in rows)


def _no_more_asked(session: Session, names: Iterable[str]) -> list[str]:
    """Those of these records in whose way nothing stands any more."""
    asked = {ref(row.kind, row.local_id) for row in session.scalars(select(SyncStatus))}
    return [name for name in names if name not in asked]


def _came_to(session: Session, names: Iterable[str]) -> Report:
    """What another desk or task made of these records, as their states tell."""
    report = Report()
    for name in names:
        kind, local_id = _key(name)
        row = session.scalar(select(SyncStatus).where(SyncStatus.kind == kind, SyncStatus.local_id == local_id))
        if row is None:
            report.done.add(name)
        elif row.state in (SyncState.NEEDS_YOU.value, SyncState.CONFLICT.value):
            concerns = [Concern(**one) for one in row.concerns or ()]
            report.refused[name] = ItemError(
                row.title, row.advice, concerns=concerns, details=row.details, fix=Fix(row.fix)
            )
        elif row.state == SyncState.IN_DOUBT.value:
            report.in_doubt.add(name)
        else:
            report.waiting.add(name)
    return report


async def _keep(company: Company, held: HeldLease) -> None:
    """Renew the lease while a run is on, however slow the service. In real time: it is about this program's life."""
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        with suppress(StorageProblem):  # said by whoever writes next
            if await company.leases.renew(held, LEASE_SECONDS) is None:
                return


def _connection_fine(session: Session, company: Company) -> None:
    connection = session.get_one(Connection, company.connection_id)
    failures.connection_fine(session, company.desk.clock.now(), connection)


def _open_calls(session: Session, company: Company) -> bool:
    """Whether something was sent of which nobody knows what became of it."""
    opened = select(WriteCall.id).where(
        WriteCall.state == "open", WriteCall.connection_id.in_(connections_of(company.key))
    )
    return session.scalar(opened.limit(1)) is not None


def _left_open(session: Session, company: Company) -> bool:
    """Whether a run that ended badly left something to find out."""
    if _open_calls(session, company):
        return True
    return session.scalar(select(SyncStatus.id).where(SyncStatus.state.in_(LEFT)).limit(1)) is not None


def _entries(waits_for_owner: bool) -> Select[OutboxEntry]:
    query = select(OutboxEntry)
    return query.where(OutboxEntry.reason == PushReason.ASKED.value) if waits_for_owner else query


def _due(session: Session, company: Company, everything: bool, limit: int | None = None) -> list[_Due]:
    connection = session.get_one(Connection, company.connection_id)
    query = _entries(connection.state in WAITS_FOR_OWNER)
    if not everything:
        query = query.where(OutboxEntry.not_before <= company.desk.clock.now() + TOGETHER)
    entries = [
        _Due(
            row.id,
            row.kind,
            row.local_id,
            row.serial,
            row.reason == PushReason.ASKED.value,
            row.asked_by,
            row.created_at,
        )
        for row in session.scalars(query.limit(limit))
    ]
    return sorted(entries, key=lambda one: (ORDER.get(one.kind, 9), one.local_id))


def _after(session: Session, company: Company, group: Sequence[_Due], report: Report) -> None:
    """Take back what is finished; what waits or is in doubt stays promised for later (I2)."""
    doubt = company.desk.clock.now() + timedelta(seconds=DOUBT_SECONDS)
    for one in group:
        name = _name(one)
        if name in report.in_doubt:
            _postpone(session, company, one, doubt)
        elif name in report.waiting and report.problem is not None:
            _postpone(session, company, one, report.problem.until)
        elif name in report.waiting and (report.in_doubt or one.kind != Kind.PAYMENT.value):
            _postpone(session, company, one, doubt)
        else:  # done, refused, or a payment that goes out with its invoice (M84)
            _done_with(session, one)
    brought = report.in_doubt | (report.waiting if report.problem is not None else set())
    asked_by = next((one.asked_by for one in group if one.asked_by), "")
    _promise_doubtful(session, company, brought - {_name(one) for one in group}, asked_by)
    mended = [_key(name) for name in report.done if name.startswith(("customer:", "item:"))]
    for kind, local_id in failures.blocked_by(session, mended):
        promise(session, company.desk, kind, local_id, PushReason.ASKED, asked=True)


def _after_exactly(session: Session, company: Company, report: Report, actor: str) -> None:
    """Doubts are looked into later; what waits was never begun and stands as it did before."""
    _promise_doubtful(session, company, report.in_doubt, actor)
    for kind, local_id in map(_key, report.waiting - report.in_doubt):
        query = select(SyncStatus).where(SyncStatus.kind == kind, SyncStatus.local_id == local_id)
        row = session.scalar(query)
        if row is not None and row.state in (SyncState.WAITING.value, SyncState.SYNCING.value):
            session.delete(row)
            note_change(session, kind, local_id)


def _done_with(session: Session, one: _Due) -> None:
    session.execute(
        delete(OutboxEntry).where(
            OutboxEntry.id == one.entry_id,
            OutboxEntry.serial == one.serial,
            OutboxEntry.kind == one.kind,
            OutboxEntry.local_id == one.local_id,
        )
    )
    note_change(session, one.kind, one.local_id)


def _postpone(session: Session, company: Company, one: _Due, until: datetime | None) -> None:
    row = session.get(OutboxEntry, one.entry_id)
    if row is None or (row.serial, row.kind, row.local_id) != (one.serial, one.kind, one.local_id):
        return
    pause = BACKOFF[min(row.attempts, len(BACKOFF) - 1)]
    row.attempts += 1
    row.not_before = until or company.desk.clock.now() + timedelta(seconds=pause)
    row.reason = PushReason.RETRY.value  # who asked stays noted: it is still the owner's word


def _promise_again(session: Session, company: Company, records: Iterable[tuple[str, int]]) -> None:
    for kind, local_id in sorted(records, key=lambda one: (ORDER.get(one[0], 9), one[1])):
        promise(session, company.desk, kind, local_id, PushReason.RETRY)


def _promise_doubtful(session: Session, company: Company, names: Iterable[str], asked_by: str = "") -> None:
    """What went along with another record and is not settled is promised by itself, so that it is never forgotten."""
    later = company.desk.clock.now() + timedelta(seconds=DOUBT_SECONDS)
    for kind, local_id in sorted(map(_key, names)):
        entry = select(OutboxEntry).where(OutboxEntry.kind == kind, OutboxEntry.local_id == local_id)
        if session.scalars(entry).one_or_none() is not None:
            continue
        promise(session, company.desk, kind, local_id, PushReason.RETRY)
        row = session.scalars(entry).one()
        row.not_before, row.asked_by = later, asked_by


def _name(one: _Due) -> str:
    return ref(one.kind, one.local_id)


def _key(name: str) -> tuple[str, int]:
    kind, local_id = name.split(":")
    return kind, int(local_id)


def _add(total: Report, report: Report) -> None:
    """What a later push came to counts over what an earlier one said of the same record."""
    for name in report.done:
        total.refused.pop(name, None)
    total.done |= report.done
    total.refused.update(report.refused)
    total.in_doubt |= report.in_doubt
    total.waiting |= report.waiting
    total.in_doubt -= report.done
    total.waiting -= report.done
    total.done -= set(report.refused)
    total.writes += report.writes
    total.problem = report.problem or total.problem
    total.pulled = report.pulled or total.pulled
