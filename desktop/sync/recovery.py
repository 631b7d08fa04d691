"""Finds out what became of everything `InDoubt`: calls that were stored and never settled.

Whoever holds the runner's lease treats every open call as in doubt. While the service remembers keys, the
stored call is repeated byte for byte under its own key. Otherwise, and when a repeat answers nothing
useful, our own marks are looked up there; only what is certainly absent is planned anew, under a new key.
Nothing is ever resent blindly.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from desktop.crashpoint import crashpoint
from desktop.errors import (
    AnswerUnreadable,
    Concern,
    ConnectionProblem,
    ItemError,
    NoEffect,
    StorageProblem,
    UnexpectedAnswer,
)
from desktop.models.states import SyncState
from desktop.models.work import Intention, OutboxEntry, SyncStatus, WriteCall
from desktop.providers.base import (
    SETTLED_THERE,
    Action,
    CallElement,
    InDoubt,
    Linked,
    NotSent,
    Outcome,
    PreparedCall,
    Refused,
)
from desktop.providers.permits import only_with
from desktop.providers.records import (
    CustomerRecord,
    Found,
    InvoiceRecord,
    ItemRecord,
    Kind,
    Lookup,
    PaymentRecord,
    Record,
)
from desktop.sync import failures
from desktop.sync.company import Company
from desktop.sync.leases import HeldLease
from desktop.sync.planning import may_be_same, payment_question, same_name
from desktop.sync.push import LeaseLost, count_attempt, still_ours
from desktop.sync.settling import IN_DOUBT, NOT_SENT, OPEN, TAKES_AWAY, Settled, holder_of, settle
from desktop.sync.snapshots import record_from_json, unlike
from desktop.sync.verifying import by_id
from desktop.sync.work import connections_of

_log = logging.getLogger(__name__)

NamedT = TypeVar("NamedT", CustomerRecord, ItemRecord)

REPLAYS = 6
"""Repeats of one call before looking up instead."""


def took(branch: str) -> None:
    """Say which way the recovery went: for reports of long tests, and for whoever reads a log of details."""
    _log.debug("branch: %s", branch)


@dataclass
class Recovered:
    """What came of it. `again` are records to be planned anew; `unsure` those still in doubt."""

    again: set[tuple[str, int]] = field(default_factory=set)
    unsure: set[tuple[str, int]] = field(default_factory=set)
    problem: ConnectionProblem | None = None


@dataclass(frozen=True, slots=True)
class _Open:
    call_id: int
    attempts: int
    first_sent_at: datetime
    answered: bool = False
    """It was answered with a record that is not to be found: its key would only say the same again (D15)."""


async def recover(
    company: Company, held: HeldLease, *, actor: str = "", ended: frozenset[int] = frozenset()
) -> Recovered:
    """Settle every open call of this company, oldest first. Raises LeaseLost, nothing else that a service does.

    Calls in `ended` are over there, and their keys only repeat an error: they are looked up at once.
    """
    result = Recovered()
    for one in await company.db.in_read(lambda session: _open_calls(session, company)):
        try:
            await _recover_call(company, held, one, result, actor, ended=one.call_id in ended)
        except AnswerUnreadable:  # one record there makes no sense: the other calls need not wait for it
            took("unreadable")
            await company.db.in_read(partial(_note_unsure, call_id=one.call_id, result=result))
        except ConnectionProblem as problem:
            took("stopped by the connection")
            await company.db.in_read(partial(_note_unsure, call_id=one.call_id, result=result))
            result.problem = problem
        except (LeaseLost, StorageProblem):
            raise
        except Exception:  # one stored call that can't be understood must not stop all others for good
            _log.exception("a call could not be recovered")
            await company.db.in_read(partial(_note_unsure, call_id=one.call_id, result=result))
        if result.problem is not None:
            break
    again = await company.db.in_write(lambda session: _left_over(session, company, held, result))
    result.again |= again
    return result


def _open_calls(session: Session, company: Company) -> list[_Open]:
    rows = session.scalars(
        select(WriteCall)
        .where(WriteCall.connection_id.in_(connections_of(company.key)), WriteCall.state == OPEN)
        .order_by(WriteCall.id)
    )
    made = select(Intention.call_id).where(Intention.outcome == IN_DOUBT, Intention.external_id != "")
    answered = set(session.scalars(made))
    return [_Open(row.id, row.attempts, row.first_sent_at or row.created_at, row.id in answered) for row in rows]


async def _recover_call(
    company: Company, held: HeldLease, one: _Open, result: Recovered, actor: str, *, ended: bool = False
) -> None:
    now = company.desk.clock.now()
    age = now - one.first_sent_at
    if age < timedelta(0):  # the clock was set back since: nobody knows how old it is, nor whether its key still counts
        took("sent in the future")
        one = replace(one, attempts=REPLAYS + 1, first_sent_at=now)
        await company.db.in_write(partial(_reckon_from, call_id=one.call_id, now=now))
        age = timedelta(0)
    capabilities = company.provider.capabilities
    remembered = capabilities.native_keys and age < timedelta(seconds=capabilities.key_trust_seconds)
    if ended:
        took("looked up after a kept error")
        await _look_up(company, held, one, result, actor, absent_means_again=True)
    elif remembered and one.attempts <= REPLAYS and not one.answered:
        took("repeated under its key")
        await _replay(company, held, one, result, actor)
    elif age >= SETTLED_THERE or one.answered or not capabilities.native_keys:
        took("looked up")  # found is found; absent counts only when all is over
        await _look_up(company, held, one, result, actor, absent_means_again=age >= SETTLED_THERE)
    else:
        took("too young to be judged")
        await company.db.in_read(partial(_note_unsure, call_id=one.call_id, result=result))


async def _replay(company: Company, held: HeldLease, one: _Open, result: Recovered, actor: str) -> None:
    def count(session: Session) -> tuple[PreparedCall, str]:
        _check(session, company, held)
        return count_attempt(session, one.call_id)

    permit = still_ours(company, held)
    call, key = await company.db.in_write(count)
    crashpoint("call.sent")
    with only_with(permit):
        outcomes = await company.provider.send(call, key)
    crashpoint("reply.read")
    settled = await _store(company, one, outcomes, result, actor, call.elements)
    if settled.disputed and result.problem is None:
        took("looked up after a refused repeat")
        over = company.desk.clock.now() - one.first_sent_at >= SETTLED_THERE
        await _look_up(company, held, one, result, actor, absent_means_again=over, disputed=settled.disputed)


async def _look_up(
    company: Company,
    held: HeldLease,
    one: _Open,
    result: Recovered,
    actor: str,
    *,
    absent_means_again: bool,
    disputed: Mapping[str, ItemError] | None = None,
) -> None:
    """See what of the call is there. `disputed` are refusals of its repeat, by ref: true of what is not there, unless
    they are about no record at all and the first attempt may still be under way (`absent_means_again` False)."""
    intentions = await company.db.in_read(lambda session: _intentions(session, one.call_id))
    records = {row.ref: record_from_json(Kind(row.kind), row.record) for row in intentions}
    found = await company.provider.find(_lookup(intentions, records))

    def judge(session: Session) -> list[Outcome | None]:
        became = [_became(session, company, row, records[row.ref], found) for row in intentions]
        return [one or _refusal((disputed or {}).get(row.ref)) for row, one in zip(intentions, became, strict=True)]

    outcomes = await company.db.in_read(judge)
    elements = tuple(CallElement(r.element_key, r.ref, Kind(r.kind), Action(r.action)) for r in intentions)
    holding = held if absent_means_again else None
    await _store(company, one, outcomes, result, actor, elements, holding=holding, looked_up=True)


def _refusal(error: ItemError | None) -> Outcome | None:
    """Why what is not there was refused; None where the answer was about no record (H11)."""
    return None if error is None or isinstance(error, UnexpectedAnswer) else Refused(error, error.service_ref)


async def _store(
    company: Company,
    one: _Open,
    outcomes: Sequence[Outcome | None],
    result: Recovered,
    actor: str,
    elements: Sequence[CallElement],
    *,
    holding: HeldLease | None = None,
    looked_up: bool = False,
) -> Settled:
    """Store the outcomes. With `holding`, None among them means "not there", which only the lease's holder may say."""

    def write(session: Session) -> Settled:
        if holding is not None:
            _check(session, company, holding)
        now = company.desk.clock.now()
        known = [outcome if outcome is not None else InDoubt("not found") for outcome in outcomes]
        settled = settle(
            session,
            now,
            company.key,
            one.call_id,
            known,
            actor=actor,
            connection_id=company.connection_id,
            looked_up=looked_up,
        )
        rows = session.scalars(select(Intention).where(Intention.call_id == one.call_id)).all()
        for row, outcome in zip(sorted(rows, key=lambda r: r.id), outcomes, strict=True):
            if outcome is None and holding is not None and row.outcome == IN_DOUBT:
                took("certainly not there")
                row.outcome, row.settled_at = NOT_SENT, now
                if _never_kept(session, row):
                    took("answered and not kept, again")
                    _give_up(session, company, row, now)
                    result.unsure.discard((row.kind, row.local_id))
                    continue
            if row.outcome == IN_DOUBT:
                took("still in doubt")
                result.unsure.add((row.kind, row.local_id))
            else:
                took(f"settled as {row.outcome}")
                result.unsure.discard((row.kind, row.local_id))
                result.again.add((row.kind, row.local_id))
        if all(row.outcome not in (OPEN, IN_DOUBT) for row in rows):
            session.get_one(WriteCall, one.call_id).state = "settled"
        return settled

    settled = await company.db.in_write(write)
    crashpoint("link.committed")
    told = [outcome.problem for outcome in outcomes if isinstance(outcome, NotSent | InDoubt)]
    result.problem = next((problem for problem in told if problem is not None), None)
    return settled


def _never_kept(session: Session, row: Intention) -> bool:
    """Whether the service said yes to this record once before and kept nothing: it is not sent without end (I15)."""
    before = select(Intention.id).where(
        Intention.kind == row.kind,
        Intention.local_id == row.local_id,
        Intention.generation == row.generation,
        Intention.action == Action.CREATE.value,
        Intention.outcome == NOT_SENT,
        Intention.external_id != "",
        Intention.id < row.id,
    )
    return row.external_id != "" and session.scalar(before.limit(1)) is not None


def _give_up(session: Session, company: Company, row: Intention, now: datetime) -> None:
    error = NoEffect(company.provider.terms.service)
    error.concerns = (Concern(row.kind, row.local_id, row.label),)
    failures.fail(session, now, row.kind, row.local_id, row.label, error)
    promised = (OutboxEntry.kind == row.kind, OutboxEntry.local_id == row.local_id)
    session.execute(delete(OutboxEntry).where(*promised))


def _note_unsure(session: Session, call_id: int, result: Recovered) -> None:
    for row in _intentions(session, call_id):
        result.unsure.add((row.kind, row.local_id))


def _reckon_from(session: Session, call_id: int, now: datetime) -> None:
    """Have the call's age count from now on, and its key no longer trusted (T2)."""
    row = session.get_one(WriteCall, call_id)
    row.first_sent_at, row.attempts = now, max(row.attempts, REPLAYS + 1)


def _left_over(session: Session, company: Company, held: HeldLease, result: Recovered) -> set[tuple[str, int]]:
    """Records that a run left as "syncing" or "in doubt" with nothing open any more: to be looked at again."""
    _check(session, company, held)
    rows = session.scalars(
        select(SyncStatus).where(SyncStatus.state.in_((SyncState.SYNCING.value, SyncState.IN_DOUBT.value)))
    ).all()  # whoever ran has lost the lease: nobody is working on them
    again = {(row.kind, row.local_id) for row in rows} - result.unsure
    if again:
        took("left over without a call")
    failures.mark(session, company.desk.clock.now(), sorted(result.unsure), SyncState.IN_DOUBT)
    return again


def _intentions(session: Session, call_id: int) -> list[Intention]:
    return list(session.scalars(select(Intention).where(Intention.call_id == call_id).order_by(Intention.id)))


def _lookup(intentions: Sequence[Intention], records: Mapping[str, Record]) -> Lookup:
    """Creates are looked up by name, number and reference, and by the id that the answer named; all else by its id."""
    creates = [records[row.ref] for row in intentions if row.action == Action.CREATE]
    ids: dict[str, list[str]] = {kind.value: [] for kind in Kind}
    for row in intentions:
        if row.action != Action.CREATE:
            ids[row.kind].append(records[row.ref].external_id or "")
        elif row.external_id:
            ids[row.kind].append(row.external_id)
    return Lookup(
        customer_names=tuple(r.display_name for r in creates if isinstance(r, CustomerRecord)),
        item_names=tuple(r.name for r in creates if isinstance(r, ItemRecord)),
        invoice_numbers=tuple(r.number for r in creates if isinstance(r, InvoiceRecord)),
        payments=tuple(payment_question(record) for record in creates if isinstance(record, PaymentRecord)),
        customer_ids=tuple(ids[Kind.CUSTOMER]),
        item_ids=tuple(ids[Kind.ITEM]),
        invoice_ids=tuple(ids[Kind.INVOICE]),
        payment_ids=tuple(ids[Kind.PAYMENT]),
    )


def _became(session: Session, company: Company, row: Intention, record: Record, found: Found) -> Outcome | None:
    """`Linked` when our own mark was found there; None when it is certain that nothing was done."""
    if row.action != Action.CREATE:
        return _became_update(row, record, found)
    candidate = by_id(found).get((Kind(row.kind), row.external_id)) if row.external_id else None
    candidate = candidate or _ours_among(record, found, stamped=company.provider.capabilities.invoice_stamps)
    if candidate is None or holder_of(session, company.key, row.kind, candidate.external_id or "") is not None:
        return None
    return Linked(candidate)


def _ours_among(record: Record, found: Found, *, stamped: bool = True) -> Record | None:
    if isinstance(record, InvoiceRecord) and not stamped:  # sent by us, so number, customer and total tell it (D1)
        return next((one for one in found.invoices if _same_invoice(one, record)), None)
    if isinstance(record, InvoiceRecord):
        marked = [one for one in found.invoices if record.marker and one.marker == record.marker]
        return next((one for one in marked if not one.voided), None)
    if isinstance(record, PaymentRecord):
        paid = [one for one in found.payments if record.marker and one.marker == record.marker]
        return next((one for one in paid if not one.voided), None)
    if isinstance(record, CustomerRecord):  # by our stamp, else by the name unless something speaks against it
        customers = [c for c in found.customers if c.active and _same_customer(c, record)]
        return next((c for c in customers if c.marker == record.marker), None) or _unmarked(customers)
    items = [i for i in found.items if same_name(i.name, record.name) and i.active]
    return next((i for i in items if i.marker == record.marker), None) or _unmarked(items)


def _unmarked(found: Sequence[NamedT]) -> NamedT | None:
    """The first that bears nobody's stamp: another stamp means another record of ours."""
    return next((one for one in found if not one.marker), None)


def _same_invoice(theirs: InvoiceRecord, ours: InvoiceRecord) -> bool:
    known = same_name(theirs.number, ours.number) and theirs.customer_id == ours.customer_id
    return known and theirs.total == ours.total and not theirs.voided


def _same_customer(theirs: CustomerRecord, ours: CustomerRecord) -> bool:
    return same_name(theirs.display_name, ours.display_name) and may_be_same(ours, theirs)


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
        return Linked(record) if row.action in TAKES_AWAY else None
    if row.action != Action.UPDATE:
        return Linked(now) if getattr(now, "voided", False) else None
    return None if unlike(kind, record, now) & set(row.fields) else Linked(now)


def _check(session: Session, company: Company, held: HeldLease) -> None:
    if not company.leases.still_held(session, held):
        raise LeaseLost
