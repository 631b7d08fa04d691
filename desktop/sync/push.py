"""Executes a plan: intention committed -> call -> settled -> read back, level by level.

One `Push` is one run for one set of records under one held lease. Nothing here decides what should
happen (`planning` does) and nothing here knows a wire format (the provider does).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desktop.crashpoint import crashpoint
from desktop.errors import (
    BalanceDiffers,
    Conflict,
    ConnectionProblem,
    GoneRemote,
    ItemError,
    NameTaken,
    NoEffect,
    NumberTaken,
    StaleVersion,
    TotalsDiffer,
)
from desktop.models.connection import Connection, ExternalLink
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.session import note_change
from desktop.models.states import SyncState
from desktop.models.work import SyncStatus, WriteCall
from desktop.providers.base import Outcome, PreparedCall, Step
from desktop.providers.records import Found, InvoiceRecord, Kind, Lookup, Record
from desktop.sync import failures
from desktop.sync.company import Company
from desktop.sync.leases import HeldLease
from desktop.sync.planning import (
    Ours,
    Plan,
    PlannedStep,
    Work,
    differences,
    merge,
    plan,
    questions,
    ref,
    refuse_early,
    resolve,
)
from desktop.sync.settling import (
    Settled,
    field_words,
    kept_otherwise,
    settle,
    store_link,
    stored_call,
    write_intentions,
)
from desktop.sync.snapshots import changed_fields, compared, with_identity
from desktop.sync.work import Ref, load_work, markers

LEASE_SECONDS = 60.0
RENEW_SECONDS = 20.0
REPLAY_DELAYS = (1.0, 3.0)
"""Seconds before each repeat, under the same key, of a call whose answer was lost."""
STALE_ROUNDS = 2
"""How often a record that changed there meanwhile is read and tried again (H10)."""

_log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Another desk took over; what we have in flight is the other's to find out."""


@dataclass
class Report:
    """What a run came to, by ref ("invoice:12")."""

    done: set[str] = field(default_factory=set)
    refused: dict[str, ItemError] = field(default_factory=dict)
    in_doubt: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    problem: ConnectionProblem | None = None
    writes: int = 0
    """Records written there."""

    @property
    def clean(self) -> bool:
        return not (self.refused or self.in_doubt or self.waiting or self.problem)


class Push:
    """One run. `asked` means that the owner started it; `actor` is the user named in the activity log."""

    def __init__(self, company: Company, held: HeldLease, *, asked: bool, actor: str = "") -> None:
        self._company = company
        self._held = held
        self._asked = asked
        self._actor = actor
        self._report = Report()
        self._ids: dict[str, str] = {}
        self._ours: dict[str, Ours] = {}
        self._invoices: dict[str, InvoiceRecord] = {}
        self._published: set[str] = set()

    async def run(self, targets: Iterable[Ref]) -> Report:
        """Push `targets` and what they need. Raises LeaseLost; everything else ends in the report."""
        crashpoint("load")
        work = await self._company.db.in_write(lambda session: self._begin(session, list(targets)))
        self._work = work
        self._ours = dict(work.ours)
        self._ids = {name: ours.link.external_id for name, ours in work.ours.items() if ours.link is not None}
        try:
            planned = await self._plan(work)
            await self._adopt(planned)
            for level in planned.levels:
                await self._level(list(level))
                if self._report.problem is not None:
                    break
            await self._read_back(work)
        except ConnectionProblem as problem:
            self._report.problem = problem
        await self._finish(work)
        return self._report

    # --- planning -------------------------------------------------------------------------------

    def _begin(self, session: Session, targets: Sequence[Ref]) -> Work:
        self._check_lease(session)
        connection = session.get_one(Connection, self._company.connection_id)
        work = load_work(session, connection, targets, asked=self._asked)
        records = [(ours.kind.value, ours.local_id) for name, ours in work.ours.items() if name in set(work.targets)]
        failures.mark(session, self._now(), records, SyncState.SYNCING)
        return work

    async def _plan(self, work: Work) -> Plan:
        provider = self._company.provider
        refused = refuse_early(work, provider.capabilities, provider.terms, provider.check)
        lookup = questions(work, refused)
        found = await provider.find(lookup) if lookup is not None else Found()
        elsewhere = await self._company.db.in_read(lambda session: self._linked_elsewhere(session, found))
        return plan(work, refused, found, elsewhere, provider.capabilities, provider.terms, markers(work))

    def _linked_elsewhere(self, session: Session, found: Found) -> dict[tuple[Kind, str], str]:
        key = self._company.key
        result: dict[tuple[Kind, str], str] = {}
        groups: tuple[tuple[Kind, Sequence[Record]], ...] = (
            (Kind.CUSTOMER, found.customers),
            (Kind.ITEM, found.items),
            (Kind.INVOICE, found.invoices),
        )
        for kind, records in groups:
            ids = [record.external_id for record in records if record.external_id]
            for start in range(0, len(ids), 500):
                rows = session.scalars(
                    select(ExternalLink).where(
                        ExternalLink.provider == key.provider,
                        ExternalLink.company_id == key.company_id,
                        ExternalLink.kind == kind.value,
                        ExternalLink.external_id.in_(ids[start : start + 500]),
                    )
                )
                for row in rows:
                    result[(kind, row.external_id)] = str(row.agreed.get("ours", {}).get("display_name", ""))
        return result

    async def _adopt(self, planned: Plan) -> None:
        """Everything that needs no call: refusals shown at once (M111), adopted links, equal records."""
        self._report.refused.update(planned.refused)
        crashpoint("link.committed")

        def write(session: Session) -> None:
            self._check_lease(session)
            for adoption in planned.adoptions:
                ours = adoption.ours
                mine = adoption.record if ours.kind is Kind.INVOICE else ours.record
                equal = not changed_fields(ours.kind, ours.record, compared(ours.kind, mine))
                store_link(
                    session,
                    self._now(),
                    self._company.key,
                    ours.kind.value,
                    ours.local_id,
                    mine,
                    adoption.record,
                    ours.revision if equal else 0,
                    self._company.connection_id,
                )
            for ours in planned.settled:
                self._agree(session, ours)
            self._publish_refused(session, planned.refused)

        await self._company.db.in_write(write)
        for adoption in planned.adoptions:
            self._ids[adoption.ours.ref] = adoption.record.external_id or ""

    def _agree(self, session: Session, ours: Ours) -> None:
        """Linked, and nothing of it would be written: the revision is noted as agreed."""
        key = self._company.key
        link = session.scalar(
            select(ExternalLink).where(
                ExternalLink.provider == key.provider,
                ExternalLink.company_id == key.company_id,
                ExternalLink.kind == ours.kind.value,
                ExternalLink.local_id == ours.local_id,
            )
        )
        if link is not None:
            link.agreed_revision = max(link.agreed_revision, ours.revision)
            note_change(session, ours.kind.value, ours.local_id)

    # --- calls ------------------------------------------------------------------------------------

    async def _level(self, level: list[PlannedStep]) -> None:
        for _ in range(STALE_ROUNDS + 1):
            ready = self._ready(level)
            stale, taken = await self._send_all(ready)
            if taken and self._report.problem is None:
                await self._look_up_taken(taken)
            if not stale or self._report.problem is not None:
                return
            level = await self._refresh_stale(stale)
        for step in level:
            self._refuse(step.ours, StaleVersion(self._company.provider.terms.service))
        await self._publish()

    def _ready(self, level: Sequence[PlannedStep]) -> list[tuple[PlannedStep, Record]]:
        """The steps of this level whose needs are at the service, with real ids put in."""
        ready = []
        for step in level:
            blocking = next((self._report.refused[n] for n in step.ours.needs if n in self._report.refused), None)
            record = resolve(step.step.record, self._ids)
            if record is not None:
                ready.append((step, record))
            elif blocking is not None and step.ours.kind is Kind.INVOICE:
                self._refuse(step.ours, blocking)
            else:
                self._report.waiting.add(step.ours.ref)
        return ready

    async def _send_all(
        self, ready: Sequence[tuple[PlannedStep, Record]]
    ) -> tuple[list[PlannedStep], dict[str, ItemError]]:
        """Send one level; returns the steps that met a newer version, and names or numbers that turned out taken."""
        provider = self._company.provider
        steps = [replace_record(step.step, record) for step, record in ready]
        planned = {step.ours.ref: (step, record) for step, record in ready}
        stale: list[PlannedStep] = []
        taken: dict[str, ItemError] = {}
        for call in provider.prepare(steps):
            result = await self._call(call, planned)
            for name, error in result.refused.items():
                if isinstance(error, StaleVersion):
                    stale.append(planned[name][0])
                elif isinstance(error, NameTaken | NumberTaken):
                    taken[name] = error
                else:
                    self._refuse(planned[name][0].ours, error)
            for name, record in result.linked.items():
                self._linked(planned[name], record)
            self._report.in_doubt |= result.in_doubt
            if result.problem is not None:
                self._report.problem = result.problem
                break
            await self._publish()
        return stale, taken

    async def _look_up_taken(self, taken: Mapping[str, ItemError]) -> None:
        """A name or number is taken after all: by an attempt of ours whose answer was lost, or by others (E13, C18)."""
        work = replace(self._work, targets=tuple(taken))
        lookup = questions(work, {})
        if lookup is None:
            return
        provider = self._company.provider
        found = await provider.find(lookup)
        elsewhere = await self._company.db.in_read(lambda session: self._linked_elsewhere(session, found))
        again = plan(work, {}, found, elsewhere, provider.capabilities, provider.terms, markers(work))
        adopted = {adoption.ours.ref for adoption in again.adoptions}
        refused = {name: again.refused.get(name, error) for name, error in taken.items() if name not in adopted}
        for name, error in refused.items():
            self._refuse(self._ours[name], error)
        await self._adopt(replace(again, refused=refused, settled=()))
        for adoption in again.adoptions:
            if adoption.ours.kind is not Kind.INVOICE and adoption.ours.ref in self._work.targets:
                self._report.done.add(adoption.ours.ref)

    async def _call(self, call: PreparedCall, planned: Mapping[str, tuple[PlannedStep, Record]]) -> Settled:
        company = self._company
        key = company.desk.entropy.uuid().replace("-", "")

        def intend(session: Session) -> int:
            self._check_lease(session)
            return write_intentions(
                session,
                self._now(),
                connection_id=company.connection_id,
                company=company.key,
                call=call,
                key=key,
                fencing=self._held.fencing,
                planned=planned,
            )

        call_id = await company.db.in_write(intend)
        crashpoint("intent.committed")
        result = await self._send(call, key, call_id)
        for delay in REPLAY_DELAYS:
            if not result.in_doubt or not company.provider.capabilities.native_keys:
                break
            await company.desk.clock.sleep(delay)
            again = await self._repeat(call_id)
            result = _combined(result, again)
        return result

    async def _send(self, call: PreparedCall, key: str, call_id: int) -> Settled:
        crashpoint("call.sent")
        outcomes = await send_held(self._company, self._held, call, key)
        crashpoint("reply.read")
        result = await self._company.db.in_write(lambda session: self._settle(session, call_id, outcomes))
        crashpoint("log.committed")
        return result

    async def _repeat(self, call_id: int) -> Settled:
        call, key = await self._company.db.in_write(lambda session: self._count_attempt(session, call_id))
        return await self._send(call, key, call_id)

    def _count_attempt(self, session: Session, call_id: int) -> tuple[PreparedCall, str]:
        self._check_lease(session)
        return count_attempt(session, call_id)

    def _settle(self, session: Session, call_id: int, outcomes: Sequence[Outcome]) -> Settled:
        # No lease check: what the service answered is true whoever holds the lease now.
        return settle(
            session,
            self._now(),
            self._company.key,
            call_id,
            outcomes,
            actor=self._actor,
            connection_id=self._company.connection_id,
        )

    def _linked(self, planned: tuple[PlannedStep, Record], answered: Record) -> None:
        step, sent = planned
        self._ids[step.ours.ref] = answered.external_id or ""
        self._report.writes += 1
        if step.ours.gone:
            self._report.done.add(step.ours.ref)
            return
        error = kept_otherwise(self._company.provider.terms.service, step.ours.kind, sent, answered)
        if isinstance(sent, InvoiceRecord):
            self._invoices[step.ours.ref] = sent
            if error is not None:
                self._refuse(step.ours, error)
        elif error is not None:
            self._refuse(step.ours, error)
        else:
            self._report.done.add(step.ours.ref)

    async def _refresh_stale(self, stale: Sequence[PlannedStep]) -> list[PlannedStep]:
        """Read the records that changed there meanwhile; what we change and they changed too is a conflict (N10)."""
        ids = {kind: tuple(_external(s) for s in stale if s.ours.kind is kind) for kind in Kind}
        found = await self._company.provider.find(
            Lookup(
                customer_ids=ids[Kind.CUSTOMER],
                item_ids=ids[Kind.ITEM],
                invoice_ids=ids[Kind.INVOICE],
                payment_ids=ids[Kind.PAYMENT],
            )
        )
        theirs: dict[tuple[Kind, str], Record] = {}
        for kind, records in _groups(found):
            theirs.update({(kind, record.external_id or ""): record for record in records})
        service = self._company.provider.terms.service
        again: list[PlannedStep] = []
        for step in stale:
            now = theirs.get((step.ours.kind, _external(step)))
            if now is None:
                self._refuse(step.ours, GoneRemote(service, step.ours.label))
                continue
            link = step.ours.link
            clash = merge(step.ours.kind, step.step.record, now, link, step.step.fields) if link is not None else ()
            if clash:
                self._refuse(step.ours, Conflict(service, step.ours.label, field_words(clash)))
            else:
                record = with_identity(step.step.record, now.external_id, now.version)
                again.append(replace(step, step=replace_record(step.step, record)))
        await self._publish()
        return again

    # --- what it came to ----------------------------------------------------------------------------

    def _refuse(self, ours: Ours, error: ItemError) -> None:
        error.concerns = error.concerns or (ours.concern,)
        self._report.refused[ours.ref] = error

    async def _publish(self) -> None:
        """Show refusals while the run goes on (M111, M112)."""
        new = {name: error for name, error in self._report.refused.items() if name not in self._published}
        if new:
            await self._company.db.in_write(lambda session: self._publish_refused(session, new))

    def _publish_refused(self, session: Session, refused: Mapping[str, ItemError]) -> None:
        for name, error in refused.items():
            ours = self._ours[name]
            extra: dict[str, object] = {}
            if isinstance(error, TotalsDiffer | BalanceDiffers):
                extra = {"ours": error.ours, "theirs": error.theirs}
            elif isinstance(error, Conflict):
                extra = {"fields": list(error.fields)}
            failures.fail(session, self._now(), ours.kind.value, ours.local_id, ours.label, error, extra)
        self._published |= set(refused)

    async def _read_back(self, work: Work) -> None:
        """Invoices are green only after they were read and found equal, balance included (N5, D15, I3)."""
        if self._report.problem is not None:
            return
        wanted = {
            name: ours
            for name, ours in self._ours.items()
            if ours.kind is Kind.INVOICE
            and name in self._ids
            and not ours.gone
            and name not in self._report.refused
            and (name in work.targets or self._paid_now(ours))
        }
        if not wanted:
            return
        found = await self._company.provider.find(Lookup(invoice_ids=tuple(self._ids[name] for name in wanted)))
        crashpoint("readback")
        theirs = {record.external_id: record for record in found.invoices}
        expected = await self._company.db.in_read(lambda session: self._expected_balances(session, wanted))
        agreed: list[tuple[Ours, InvoiceRecord]] = []
        for name, ours in wanted.items():
            record = theirs.get(self._ids[name])
            error = self._verdict(ours, record, expected.get(ours.local_id))
            if error is not None:
                self._refuse(ours, error)
            elif record is not None:
                self._report.done.add(name)
            if record is not None:
                agreed.append((ours, record))
        await self._company.db.in_write(lambda session: self._note_versions(session, agreed))

    def _paid_now(self, ours: Ours) -> bool:
        return any(
            ours.ref in one.needs and one.ref in self._report.done
            for one in self._ours.values()
            if one.kind is Kind.PAYMENT
        )

    def _verdict(self, ours: Ours, theirs: InvoiceRecord | None, balance: Decimal | None) -> ItemError | None:
        service = self._company.provider.terms.service
        if theirs is None or theirs.voided:
            return GoneRemote(service, ours.label)
        sent = self._invoices.get(ours.ref) or resolve(ours.record, self._ids)
        assert isinstance(sent, InvoiceRecord)
        wrong = differences(Kind.INVOICE, sent, theirs)
        if "total" in wrong:
            return TotalsDiffer(service, _money(sent.total, sent), _money(theirs.total, sent), number=sent.number)
        if wrong:
            written = ours.ref in self._invoices
            changed = Conflict(service, ours.label, field_words(wrong))
            return NoEffect(service) if written else changed
        if balance is not None and theirs.balance != balance:
            return BalanceDiffers(service, _money(balance, sent), _money(theirs.balance, sent))
        return None

    def _expected_balances(self, session: Session, wanted: Mapping[str, Ours]) -> dict[int, Decimal]:
        """What each invoice should still owe there: its total less the payments that are there.

        Invoices with a payment in doubt are left out.
        """
        unsure = {need for name in self._report.in_doubt for need in self._ours[name].needs}
        key = self._company.key
        result: dict[int, Decimal] = {}
        ids = [ours.local_id for name, ours in wanted.items() if name not in unsure]
        paid: dict[int, Decimal] = {}
        for start in range(0, len(ids), 500):
            rows = session.execute(
                select(PaymentAllocation.invoice_id, func.sum(PaymentAllocation.amount))
                .join(Payment, Payment.id == PaymentAllocation.payment_id)
                .join(
                    ExternalLink,
                    (ExternalLink.kind == Kind.PAYMENT.value)
                    & (ExternalLink.local_id == Payment.id)
                    & (ExternalLink.provider == key.provider)
                    & (ExternalLink.company_id == key.company_id),
                )
                .where(PaymentAllocation.invoice_id.in_(ids[start : start + 500]), Payment.deleted.is_(False))
                .group_by(PaymentAllocation.invoice_id)
            )
            paid.update({invoice: Decimal(amount) for invoice, amount in rows})
        for ours in wanted.values():
            record = ours.record
            if ours.local_id in ids and isinstance(record, InvoiceRecord) and record.total is not None:
                result[ours.local_id] = record.total - paid.get(ours.local_id, Decimal(0))
        return result

    def _note_versions(self, session: Session, agreed: Sequence[tuple[Ours, InvoiceRecord]]) -> None:
        """A payment changes its invoice's version there: note the newest, so that the next update meets no surprise."""
        key = self._company.key
        for ours, record in agreed:
            link = session.scalar(
                select(ExternalLink).where(
                    ExternalLink.provider == key.provider,
                    ExternalLink.company_id == key.company_id,
                    ExternalLink.kind == Kind.INVOICE.value,
                    ExternalLink.local_id == ours.local_id,
                )
            )
            if link is not None and link.external_id == record.external_id:
                link.external_version = record.version or ""
                if ours.ref not in self._report.refused:
                    link.agreed = {**(link.agreed or {}), "theirs": compared(Kind.INVOICE, record)}

    async def _finish(self, work: Work) -> None:
        self._nothing_to_do(work)
        await self._company.db.in_write(lambda session: self._write_end(session, work))
        crashpoint("state.done")

    def _nothing_to_do(self, work: Work) -> None:
        """Targets that needed neither a call nor a check are done; what a problem stopped waits."""
        report = self._report
        known = report.done | set(report.refused) | report.in_doubt | report.waiting
        for name in work.targets:
            if name in known:
                continue
            ours = self._ours[name]
            if report.problem is None and (name in self._ids or ours.gone):
                report.done.add(name)
            else:
                report.waiting.add(name)

    def _write_end(self, session: Session, work: Work) -> None:
        report = self._report
        now = self._now()
        self._publish_refused(session, {n: e for n, e in report.refused.items() if n not in self._published})
        failures.clear(session, now, [_key(name) for name in report.done if name not in report.refused])
        failures.mark(session, now, [_key(name) for name in report.in_doubt], SyncState.IN_DOUBT)
        held_up = [_key(name) for name in report.waiting if name in work.targets]
        until = report.problem.until if report.problem is not None else None
        if report.problem is not None:
            failures.mark(session, now, held_up, SyncState.WAITING, until)
        else:
            self._unmark(session, held_up)
        connection = session.get_one(Connection, self._company.connection_id)
        if report.problem is None:
            failures.connection_fine(session, now, connection)
            connection.last_synced_at = now
            note_change(session, "connection", connection.id)
        else:
            failures.connection_trouble(session, now, connection, report.problem, by_hand=self._asked)
        crashpoint("notify")

    def _unmark(self, session: Session, records: Sequence[tuple[str, int]]) -> None:
        """Payments that wait for their invoice show nothing of their own (M84)."""
        for kind, local_id in records:
            row = session.scalar(select(SyncStatus).where(SyncStatus.kind == kind, SyncStatus.local_id == local_id))
            if row is not None and row.state == SyncState.SYNCING.value:
                session.delete(row)
                note_change(session, kind, local_id)

    def _check_lease(self, session: Session) -> None:
        if not self._company.leases.still_held(session, self._held):
            raise LeaseLost

    def _now(self) -> datetime:
        return self._company.desk.clock.now()


# --- shared with recovery ---------------------------------------------------------------------------------


async def send_held(company: Company, held: HeldLease, call: PreparedCall, key: str) -> list[Outcome]:
    """Send one call while the lease is renewed beside it, so that a slow service never costs us the lease."""
    keeper = asyncio.get_running_loop().create_task(_keep(company, held))
    try:
        return await company.provider.send(call, key)
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


async def _keep(company: Company, held: HeldLease) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        if await company.leases.renew(held, LEASE_SECONDS) is None:
            return


def count_attempt(session: Session, call_id: int) -> tuple[PreparedCall, str]:
    """The stored call, with one more attempt noted before it leaves again."""
    session.get_one(WriteCall, call_id).attempts += 1
    return stored_call(session, call_id)


def replace_record(step: Step, record: Record) -> Step:
    """`step` for a newer form of its record."""
    return replace(step, record=record)


def _combined(first: Settled, second: Settled) -> Settled:
    return Settled(
        linked={**first.linked, **second.linked},
        refused={**first.refused, **second.refused},
        in_doubt=second.in_doubt,
        problem=second.problem or first.problem,
    )


def _groups(found: Found) -> tuple[tuple[Kind, Sequence[Record]], ...]:
    return (
        (Kind.CUSTOMER, found.customers),
        (Kind.ITEM, found.items),
        (Kind.INVOICE, found.invoices),
        (Kind.PAYMENT, found.payments),
    )


def _external(step: PlannedStep) -> str:
    return step.step.record.external_id or ""


def _key(name: str) -> tuple[str, int]:
    kind, local_id = name.split(":")
    return kind, int(local_id)


def _money(amount: Decimal | None, record: InvoiceRecord) -> str:
    return f"{amount:,.2f}" if amount is not None else "?"


__all__ = ["LEASE_SECONDS", "LeaseLost", "Push", "Report", "count_attempt", "ref", "send_held"]
