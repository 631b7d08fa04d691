"""Drains the outbox: one run at a time per connection, whatever the number of clicks, tasks and desks.

A run takes the runner's lease, finds out what became of calls left open, pushes what is due, and gives the
lease back. Promises made meanwhile wait for the next round (debounced, M70).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from desktop.books.outbox import promise
from desktop.crashpoint import crashpoint
from desktop.errors import ConnectionProblem
from desktop.models.connection import Connection
from desktop.models.session import note_change
from desktop.models.states import ConnectionState, PushReason, SyncState
from desktop.models.work import OutboxEntry, SyncStatus, WriteCall
from desktop.providers.records import Kind
from desktop.sync import failures
from desktop.sync.company import Company
from desktop.sync.leases import HeldLease
from desktop.sync.planning import ref
from desktop.sync.push import LEASE_SECONDS, LeaseLost, Push, Report
from desktop.sync.recovery import recover

BACKOFF = (15.0, 60.0, 180.0, 600.0, 1800.0)
"""Seconds until the next try after a connection problem, when the service named no time."""
DOUBT_SECONDS = 30.0
TOGETHER = timedelta(seconds=1)
"""What falls due within this time goes along: records saved together leave together."""
LEASE_POLL_SECONDS = 0.25
ORDER = {Kind.CUSTOMER.value: 0, Kind.ITEM.value: 1, Kind.INVOICE.value: 2, Kind.PAYMENT.value: 3}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Due:
    entry_id: int
    kind: str
    local_id: int
    serial: int
    asked: bool
    asked_by: str


class Runner:
    """Keeps one connection's outbox empty. `company` gives the connected company, or None while there is none."""

    def __init__(self, company: Callable[[], Awaitable[Company | None]]) -> None:
        self._company = company
        self._wake = asyncio.Event()
        self._busy = asyncio.Lock()

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
            pause = max(0.05, (due - company.desk.clock.now()).total_seconds())
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

        def look(session: Session) -> datetime | None:
            connection = session.get(Connection, company.connection_id)
            if connection is None or connection.state == ConnectionState.NEEDS_SIGN_IN.value:
                return None
            return session.scalar(select(OutboxEntry.not_before).order_by(OutboxEntry.not_before).limit(1))

        return await company.db.in_read(look)

    async def drain(self, *, everything: bool = False, wait_for_lease: bool = False) -> Report:
        """Push all that is due; with `everything`, also what waits for later. Never raises what a service does."""
        total = Report()
        async with self._busy:
            company = await self._company()
            if company is None:
                return total
            held = await self._take(company, wait_for_lease)
            if held is None:
                return total
            crashpoint("lease.taken")
            try:
                await self._run(company, held, total, everything)
            except LeaseLost:
                _log.info("another desk took over the sync")
            finally:
                await company.leases.release(held)
                crashpoint("lease.freed")
        return total

    async def _take(self, company: Company, wait: bool) -> HeldLease | None:
        if not wait and not await company.db.in_read(lambda session: _has_work(session, company)):
            return None
        while True:
            held = await company.leases.take(company.lease_name, LEASE_SECONDS)
            if held is not None or not wait:
                return held
            await company.desk.clock.sleep(LEASE_POLL_SECONDS)

    async def _run(self, company: Company, held: HeldLease, total: Report, everything: bool) -> None:
        try:
            recovered = await recover(company, held)
        except ConnectionProblem as problem:
            await self._trouble(company, problem, total)
            return
        if recovered.problem is not None:
            await self._trouble(company, recovered.problem.problem, total)
            return
        await company.db.in_write(lambda session: _promise_again(session, company, recovered.again))
        unsure = {ref(kind, local_id) for kind, local_id in recovered.unsure}
        total.in_doubt |= unsure
        seen: set[tuple[int, int]] = set()
        while True:
            due = await company.db.in_read(lambda session: _due(session, company, everything))
            due = [one for one in due if (one.entry_id, one.serial) not in seen and _name(one) not in unsure]
            if not due:
                return
            seen.update((one.entry_id, one.serial) for one in due)
            group = [one for one in due if one.asked] or due
            report = await self._push(company, held, group)
            _add(total, report)
            seen.difference_update((one.entry_id, one.serial) for one in due if one not in group)
            renewed = await company.leases.renew(held, LEASE_SECONDS)
            if report.problem is not None or renewed is None:
                return
            held = renewed

    async def _push(self, company: Company, held: HeldLease, group: Sequence[_Due]) -> Report:
        asked = group[0].asked
        actor = next((one.asked_by for one in group if one.asked_by), "")
        push = Push(company, held, asked=asked, actor=actor)
        report = await push.run([(Kind(one.kind), one.local_id) for one in group])
        await company.db.in_write(lambda session: _after(session, company, group, report))
        return report

    async def _trouble(self, company: Company, problem: ConnectionProblem, total: Report) -> None:
        total.problem = problem

        def write(session: Session) -> None:
            now = company.desk.clock.now()
            connection = session.get_one(Connection, company.connection_id)
            due = _due(session, company, False)
            by_hand = any(one.asked for one in due)
            failures.connection_trouble(session, now, connection, problem, by_hand=by_hand)
            records = [(one.kind, one.local_id) for one in due]
            failures.mark(session, now, records, SyncState.WAITING, problem.until)
            for one in due:
                _postpone(session, company, one, problem.until)

        await company.db.in_write(write)


def _has_work(session: Session, company: Company) -> bool:
    if _due(session, company, False, limit=1):
        return True
    if session.scalar(select(WriteCall.id).where(WriteCall.state == "open").limit(1)) is not None:
        return True
    left = (SyncState.SYNCING.value, SyncState.IN_DOUBT.value)
    return session.scalar(select(SyncStatus.id).where(SyncStatus.state.in_(left)).limit(1)) is not None


def _due(session: Session, company: Company, everything: bool, limit: int | None = None) -> list[_Due]:
    connection = session.get_one(Connection, company.connection_id)
    query = select(OutboxEntry)
    if not everything:
        query = query.where(OutboxEntry.not_before <= company.desk.clock.now() + TOGETHER)
    rows = session.scalars(query.limit(limit)).all()
    asked_only = connection.state in (ConnectionState.NEEDS_SIGN_IN.value, ConnectionState.REFUSED.value)
    entries = [
        _Due(row.id, row.kind, row.local_id, row.serial, row.reason == PushReason.ASKED.value, row.asked_by)
        for row in rows
    ]
    if asked_only:
        entries = [one for one in entries if one.asked]
    return sorted(entries, key=lambda one: (ORDER.get(one.kind, 9), one.local_id))


def _after(session: Session, company: Company, group: Sequence[_Due], report: Report) -> None:
    """Take back what is finished; what waits or is in doubt stays promised for later."""
    for one in group:
        name = _name(one)
        if name in report.in_doubt:
            _postpone(session, company, one, company.desk.clock.now() + timedelta(seconds=DOUBT_SECONDS))
        elif report.problem is not None and name in report.waiting:
            _postpone(session, company, one, report.problem.until)
        else:
            session.execute(delete(OutboxEntry).where(OutboxEntry.id == one.entry_id, OutboxEntry.serial == one.serial))
            note_change(session, one.kind, one.local_id)


def _postpone(session: Session, company: Company, one: _Due, until: datetime | None) -> None:
    row = session.get(OutboxEntry, one.entry_id)
    if row is None or row.serial != one.serial:
        return
    pause = BACKOFF[min(row.attempts, len(BACKOFF) - 1)]
    row.attempts += 1
    row.not_before = until or company.desk.clock.now() + timedelta(seconds=pause)
    if row.reason == PushReason.ASKED.value and row.attempts > 1:
        row.reason = PushReason.RETRY.value


def _promise_again(session: Session, company: Company, records: Iterable[tuple[str, int]]) -> None:
    for kind, local_id in sorted(records, key=lambda one: (ORDER.get(one[0], 9), one[1])):
        promise(session, company.desk, kind, local_id, PushReason.RETRY)


def _name(one: _Due) -> str:
    return ref(one.kind, one.local_id)


def _add(total: Report, report: Report) -> None:
    total.done |= report.done
    total.refused.update(report.refused)
    total.in_doubt |= report.in_doubt
    total.waiting |= report.waiting
    total.writes += report.writes
    total.problem = report.problem or total.problem
