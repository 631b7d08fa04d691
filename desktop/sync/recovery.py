"""Finds out what became of everything `InDoubt`: calls that were stored and never settled.

Whoever holds the runner's lease treats every open call as in doubt. While the service remembers keys, the
stored call is repeated byte for byte under its own key. Otherwise, and when a repeat answers nothing
useful, our own marks are looked up there; only what is certainly absent is planned anew, under a new key.
Nothing is ever resent blindly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.crashpoint import crashpoint
from desktop.models.connection import ExternalLink
from desktop.models.states import SyncState
from desktop.models.work import Intention, SyncStatus, WriteCall
from desktop.providers.base import Action, CallElement, InDoubt, Linked, NotSent, Outcome
from desktop.providers.records import (
    CustomerRecord,
    Found,
    InvoiceRecord,
    ItemRecord,
    Kind,
    Lookup,
    PaymentLookup,
    PaymentRecord,
    Record,
)
from desktop.sync import failures
from desktop.sync.company import Company
from desktop.sync.leases import HeldLease
from desktop.sync.planning import same_name
from desktop.sync.push import LeaseLost, count_attempt, send_held
from desktop.sync.settling import IN_DOUBT, OPEN, settle
from desktop.sync.snapshots import compared, record_from_json

SETTLED_THERE = timedelta(seconds=150)
"""A request older than this has ended at the service, one way or the other (its own limit is 120 s)."""
REPLAYS = 6
"""Repeats of one call before looking up instead."""


@dataclass
class Recovered:
    """What came of it. `again` are records to be planned anew; `unsure` those still in doubt."""

    again: set[tuple[str, int]] = field(default_factory=set)
    unsure: set[tuple[str, int]] = field(default_factory=set)
    problem: NotSent | None = None


@dataclass(frozen=True, slots=True)
class _Open:
    call_id: int
    attempts: int
    first_sent_at: datetime


async def recover(company: Company, held: HeldLease, *, actor: str = "") -> Recovered:
    """Settle every open call of this connection, oldest first. Raises LeaseLost and ConnectionProblem."""
    result = Recovered()
    for one in await company.db.in_read(lambda session: _open_calls(session, company.connection_id)):
        await _recover_call(company, held, one, result, actor)
        if result.problem is not None:
            break
    again = await company.db.in_write(lambda session: _left_over(session, company, held, result))
    result.again |= again
    return result


def _open_calls(session: Session, connection_id: int) -> list[_Open]:
    rows = session.scalars(
        select(WriteCall)
        .where(WriteCall.connection_id == connection_id, WriteCall.state == OPEN)
        .order_by(WriteCall.id)
    )
    return [_Open(row.id, row.attempts, row.first_sent_at or row.created_at) for row in rows]


async def _recover_call(company: Company, held: HeldLease, one: _Open, result: Recovered, actor: str) -> None:
    now = company.desk.clock.now()
    age = now - one.first_sent_at
    capabilities = company.provider.capabilities
    remembered = capabilities.native_keys and age < timedelta(seconds=capabilities.key_trust_seconds)
    if remembered and one.attempts <= REPLAYS:
        await _replay(company, held, one, result, actor)
    elif age >= SETTLED_THERE:
        await _look_up(company, held, one, result, actor)
    else:
        await company.db.in_read(lambda session: _note_unsure(session, one.call_id, result))


async def _replay(company: Company, held: HeldLease, one: _Open, result: Recovered, actor: str) -> None:
    def count(session: Session):  # type: ignore[no-untyped-def]
        _check(session, company, held)
        return count_attempt(session, one.call_id)

    call, key = await company.db.in_write(count)
    outcomes = await send_held(company, held, call, key)
    crashpoint("reply.read")
    await _store(company, one, outcomes, result, actor, call.elements)


async def _look_up(company: Company, held: HeldLease, one: _Open, result: Recovered, actor: str) -> None:
    intentions = await company.db.in_read(lambda session: _intentions(session, one.call_id))
    records = {row.ref: record_from_json(Kind(row.kind), row.record) for row in intentions}
    found = await company.provider.find(_lookup(intentions, records))
    linked = await company.db.in_read(lambda session: _linked_ids(session, company))
    outcomes = [_became(row, records[row.ref], found, linked) for row in intentions]
    elements = tuple(CallElement(r.element_key, r.ref, Kind(r.kind), Action(r.action)) for r in intentions)
    await _store(company, one, outcomes, result, actor, elements, absent_means_again=True)


async def _store(
    company: Company,
    one: _Open,
    outcomes: Sequence[Outcome | None],
    result: Recovered,
    actor: str,
    elements: Sequence[CallElement],
    *,
    absent_means_again: bool = False,
) -> None:
    def write(session: Session) -> None:
        now = company.desk.clock.now()
        known = [outcome if outcome is not None else InDoubt("not found") for outcome in outcomes]
        settle(session, now, company.key, one.call_id, known, actor=actor, connection_id=company.connection_id)
        rows = session.scalars(select(Intention).where(Intention.call_id == one.call_id)).all()
        for row, outcome in zip(sorted(rows, key=lambda r: r.id), outcomes, strict=True):
            if outcome is None and absent_means_again and row.outcome == IN_DOUBT:
                row.outcome, row.settled_at = "not_sent", now
            if row.outcome == IN_DOUBT:
                result.unsure.add((row.kind, row.local_id))
            else:
                result.again.add((row.kind, row.local_id))
        if all(row.outcome not in (OPEN, IN_DOUBT) for row in rows):
            session.get_one(WriteCall, one.call_id).state = "settled"

    await company.db.in_write(write)
    crashpoint("link.committed")
    problem = next((outcome for outcome in outcomes if isinstance(outcome, NotSent)), None)
    if problem is not None:
        result.problem = problem


def _note_unsure(session: Session, call_id: int, result: Recovered) -> None:
    for row in _intentions(session, call_id):
        result.unsure.add((row.kind, row.local_id))


def _left_over(session: Session, company: Company, held: HeldLease, result: Recovered) -> set[tuple[str, int]]:
    """Records that a run left as "syncing" or "in doubt" with nothing open any more: to be looked at again."""
    _check(session, company, held)
    rows = session.scalars(
        select(SyncStatus).where(SyncStatus.state.in_((SyncState.SYNCING.value, SyncState.IN_DOUBT.value)))
    ).all()
    again = {(row.kind, row.local_id) for row in rows} - result.unsure
    failures.mark(session, company.desk.clock.now(), sorted(result.unsure), SyncState.IN_DOUBT)
    return again


def _intentions(session: Session, call_id: int) -> list[Intention]:
    return list(session.scalars(select(Intention).where(Intention.call_id == call_id).order_by(Intention.id)))


def _linked_ids(session: Session, company: Company) -> set[tuple[str, str]]:
    rows = session.execute(
        select(ExternalLink.kind, ExternalLink.external_id).where(
            ExternalLink.provider == company.key.provider, ExternalLink.company_id == company.key.company_id
        )
    )
    return {(kind, external_id) for kind, external_id in rows}


def _lookup(intentions: Sequence[Intention], records: Mapping[str, Record]) -> Lookup:
    """Creates are looked up by name, number and reference; everything else by its id."""
    creates = [records[row.ref] for row in intentions if row.action == Action.CREATE]
    ids: dict[str, list[str]] = {kind.value: [] for kind in Kind}
    for row in intentions:
        if row.action != Action.CREATE:
            ids[row.kind].append(records[row.ref].external_id or "")
    return Lookup(
        customer_names=tuple(r.display_name for r in creates if isinstance(r, CustomerRecord)),
        item_names=tuple(r.name for r in creates if isinstance(r, ItemRecord)),
        invoice_numbers=tuple(r.number for r in creates if isinstance(r, InvoiceRecord)),
        payments=tuple(
            PaymentLookup(r.customer_id, r.paid_on, r.reference) for r in creates if isinstance(r, PaymentRecord)
        ),
        customer_ids=tuple(ids[Kind.CUSTOMER]),
        item_ids=tuple(ids[Kind.ITEM]),
        invoice_ids=tuple(ids[Kind.INVOICE]),
        payment_ids=tuple(ids[Kind.PAYMENT]),
    )


def _became(row: Intention, record: Record, found: Found, linked: set[tuple[str, str]]) -> Outcome | None:
    """`Linked` when our own mark was found there; None when it is certain that nothing was done."""
    if row.action != Action.CREATE:
        return _became_update(row, record, found)
    candidate = _ours_among(record, found)
    if candidate is None or (row.kind, candidate.external_id or "") in linked:
        return None
    return Linked(candidate)


def _ours_among(record: Record, found: Found) -> Record | None:
    if isinstance(record, InvoiceRecord):
        return next((i for i in found.invoices if record.marker and i.marker == record.marker), None)
    if isinstance(record, PaymentRecord):
        return next((p for p in found.payments if record.marker and p.marker == record.marker), None)
    if isinstance(record, CustomerRecord):
        return next((c for c in found.customers if same_name(c.display_name, record.display_name) and c.active), None)
    return next((i for i in found.items if same_name(i.name, record.name) and i.active), None)


def _became_update(row: Intention, record: Record, found: Found) -> Outcome | None:
    kind = Kind(row.kind)
    groups: Mapping[Kind, Sequence[Record]] = {
        Kind.CUSTOMER: found.customers,
        Kind.ITEM: found.items,
        Kind.INVOICE: found.invoices,
        Kind.PAYMENT: found.payments,
    }
    now = next((one for one in groups[kind] if one.external_id == record.external_id), None)
    if now is None:
        return None
    if row.action != Action.UPDATE:
        return Linked(now) if getattr(now, "voided", False) else None
    theirs, ours = compared(kind, now), compared(kind, record)
    return Linked(now) if all(theirs[name] == ours[name] for name in row.fields) else None


def _check(session: Session, company: Company, held: HeldLease) -> None:
    if not company.leases.still_held(session, held):
        raise LeaseLost
