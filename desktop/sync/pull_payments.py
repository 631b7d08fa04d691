"""Payments from the service: they arrive as payments, linked by their id, with all invoices that they pay (N9, E2).

A payment that was typed on both sides is never counted twice: one of the same amount and about the same day,
on the same invoice, waits with ours for the owner's word (N6, D10).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from desktop.books.balances import paid_of
from desktop.books.pulled import PulledPayment, keep_payment, rewrite_payment
from desktop.errors import BalanceDiffers, Concern, PaymentThere
from desktop.models.connection import ExternalLink, PaymentTwin
from desktop.models.invoice import Invoice
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.states import SyncState
from desktop.models.work import SyncStatus
from desktop.providers.base import stamp_of
from desktop.providers.records import (
    Found,
    InvoiceRecord,
    Kind,
    Lookup,
    PaymentLookup,
    PaymentRecord,
)
from desktop.sync.copied import tie
from desktop.sync.planning import Ours, ref, resolve
from desktop.sync.pull_feed import Arrived
from desktop.sync.pull_merge import merge_sides
from desktop.sync.pull_records import ask_about_fields, linked_ones, load_work_of, settle_fields
from desktop.sync.pull_run import PullRun, links_to, portions, status_of
from desktop.sync.pull_states import DELETED, VOID, back_again, record_gone
from desktop.sync.pulled import CAME_IN, CHANGED, LINKED
from desktop.sync.settling import find_link, first_link, log_link, store_link
from desktop.sync.snapshots import compared
from desktop.sync.verifying import by_id, expected_balances, lookup_for, money_words
from desktop.sync.work import load_work, open_refs
from desktop.text import day_in_words

SAME_MONEY = timedelta(days=3)
"""A payment typed on both sides: the same amount within this many days (D10)."""
ASKING = (SyncState.NEEDS_YOU.value, SyncState.CONFLICT.value)


async def bring_payments(run: PullRun, records: Iterable[PaymentRecord]) -> None:
    """Apply these payments; raises nothing that the service does."""
    for part in portions(list(records), 50):
        await run.company.db.in_write(partial(apply_payments, run=run, records=part))


def apply_payments(session: Session, run: PullRun, records: Sequence[PaymentRecord]) -> None:
    """Linked ones follow; unknown ones come in if they pay an invoice that is linked."""
    run.check(session)
    links, linked = linked_ones(session, run, Kind.PAYMENT, records)
    for ours, link, record in linked:
        follow_payment(session, run, ours, link, record)
    for record in records:
        if (record.external_id or "") not in links and not record.voided:
            _bring(session, run, record)


# --- linked ones ---------------------------------------------------------------------------------------


def follow_payment(session: Session, run: PullRun, ours: Ours, link: ExternalLink, theirs: PaymentRecord) -> None:
    """One linked payment, as it reads there now: what changed there comes in, what changed on both sides asks."""
    payment = session.get_one(Payment, ours.local_id)
    if theirs.voided:
        record_gone(session, run, Kind.PAYMENT, link, VOID)
        return
    back_again(session, run, ours)
    if payment.from_service:
        _rewrite(session, run, payment, link, theirs)
        return
    edited = ours.revision > link.agreed_revision
    found = merge_sides(Kind.PAYMENT, ours.record, theirs, link.agreed or {}, edited=edited)
    if not found.changed_there:
        if not found.ours:
            link.external_version = theirs.version or link.external_version
        return
    taken = found.take - {"customer_id"} - _of_lost_invoices(session, payment)
    if taken:
        change_ours(session, run, payment, theirs, taken)
        run.pulled.note(CHANGED, Kind.PAYMENT)
        run.log(session, Kind.PAYMENT, payment.id, ours.label, "update", link.external_id, sorted(taken))
    settle_fields(session, Kind.PAYMENT, ours, link, theirs, taken, found.same, edited=edited, whole=not found.clash)
    if found.clash:
        ask_about_fields(session, run, Kind.PAYMENT, ours, found.clash)


def change_ours(
    session: Session, run: PullRun, payment: Payment, theirs: PaymentRecord, fields: frozenset[str]
) -> None:
    """Their values of these fields in our own payment; amount and paid invoices belong together."""
    before = _as_pulled(session, payment)
    now = document(session, run, theirs)
    money = {"amount", "allocations"} & fields
    rewrite_payment(
        session,
        run.desk,
        payment.id,
        replace(
            before,
            paid_on=now.paid_on if "paid_on" in fields else before.paid_on,
            method=now.method if "method" in fields else before.method,
            reference=now.reference if "reference" in fields else before.reference,
            amount=now.amount if money else before.amount,
            parts=now.parts if money else before.parts,
        ),
    )


def _of_lost_invoices(session: Session, payment: Payment) -> frozenset[str]:
    """An invoice that is gone there took its payments' parts with it: they stay here until the owner has decided."""
    paid = select(PaymentAllocation.invoice_id).where(PaymentAllocation.payment_id == payment.id)
    for invoice_id in session.scalars(paid):
        row = status_of(session, Kind.INVOICE, invoice_id)
        if row is not None and (row.extra or {}).get("gone"):
            return frozenset({"allocations", "amount"})
    return frozenset()


def _as_pulled(session: Session, payment: Payment) -> PulledPayment:
    rows = session.scalars(select(PaymentAllocation).where(PaymentAllocation.payment_id == payment.id))
    return PulledPayment(
        customer_id=payment.customer_id,
        paid_on=payment.paid_on,
        amount=payment.amount,
        currency=payment.currency,
        method=payment.method,
        parts=tuple((row.invoice_id, row.amount) for row in rows),
        reference=payment.reference,
    )


def _rewrite(session: Session, run: PullRun, payment: Payment, link: ExternalLink, theirs: PaymentRecord) -> None:
    """Entered there, changed there: all of it is taken over."""
    link.external_version = theirs.version or link.external_version
    known = compared(Kind.PAYMENT, theirs)
    pulled = document(session, run, theirs)
    if pulled.customer_id == 0:  # whoever pays there is nobody of ours: it stays with whom it was kept
        pulled = replace(pulled, customer_id=payment.customer_id)
    same = not payment.deleted and sorted(_as_pulled(session, payment).parts) == sorted(pulled.parts)
    if same and (link.agreed or {}).get("theirs") == known:
        return
    rewrite_payment(session, run.desk, payment.id, pulled)
    session.refresh(payment)
    link.agreed, link.agreed_revision = {"ours": known, "theirs": known}, payment.revision
    run.pulled.note(CHANGED, Kind.PAYMENT)
    run.log(session, Kind.PAYMENT, payment.id, label_of(theirs), "update", link.external_id)


# --- unknown ones --------------------------------------------------------------------------------------


def document(session: Session, run: PullRun, record: PaymentRecord) -> PulledPayment:
    """The payment in our terms: the invoices of it that we have, and their customer."""
    invoices = links_to(session, run.key, Kind.INVOICE, (part.invoice_id for part in record.allocations))
    parts: dict[int, Decimal] = {}
    for part in record.allocations:
        if part.invoice_id in invoices:
            local_id = invoices[part.invoice_id].local_id
            parts[local_id] = parts.get(local_id, Decimal(0)) + part.amount
    customer = links_to(session, run.key, Kind.CUSTOMER, [record.customer_id]).get(record.customer_id)
    return PulledPayment(
        customer_id=customer.local_id if customer is not None else 0,
        paid_on=record.paid_on,
        amount=record.amount,
        currency=record.currency or run.settings(session).home_currency,
        method=record.method.value,
        parts=tuple(parts.items()),
        reference=record.reference,
    )


def label_of(record: PaymentRecord) -> str:
    """What the owner may call it."""
    return record.reference or f"{money_words(record.amount)}, {day_in_words(record.paid_on)}"


def _bring(session: Session, run: PullRun, record: PaymentRecord) -> None:
    if _ours_by_stamp(session, run, record):
        return
    pulled = document(session, run, record)
    if not pulled.parts:
        return
    if pulled.customer_id == 0:
        pulled = replace(pulled, customer_id=_payer(session, pulled.parts[0][0]))
    if _may_be_ours(session, run, record, pulled):
        return
    payment_id = keep_payment(session, run.desk, pulled)
    now = run.now()
    session.add(first_link(now, run.key, Kind.PAYMENT, payment_id, record, record, 1, run.company.connection_id))
    run.pulled.note(CAME_IN, Kind.PAYMENT)
    run.log(session, Kind.PAYMENT, payment_id, label_of(record), "create", record.external_id or "")


def _payer(session: Session, invoice_id: int) -> int:
    return session.get_one(Invoice, invoice_id).customer_id


def _ours_by_stamp(session: Session, run: PullRun, record: PaymentRecord) -> bool:
    """Our own payment whose link is not known here: books from an older copy (S6)."""
    uuid, _ = stamp_of(record.marker)
    if not uuid:
        return False
    payment = session.scalar(select(Payment).where(Payment.uuid == uuid))
    if payment is None:
        return False
    unsure = ref(Kind.PAYMENT, payment.id) in open_refs(session, run.key)
    if not unsure and find_link(session, run.key, Kind.PAYMENT.value, payment.id) is None:
        ours = load_work_of(session, Kind.PAYMENT, payment.id)
        if ours is not None and ours.copied and not ours.gone:
            if resolve(ours.record, {}) is None:  # its invoice or customer is not tied yet: the push looks it up then
                return True
            follow_payment(session, run, ours, tie(session, run, ours, record), record)
            return True
        now = run.now()
        store_link(session, now, run.key, Kind.PAYMENT.value, payment.id, record, record, 0, run.company.connection_id)
        external_id = record.external_id or ""
        session.add(log_link(now, run.key, Kind.PAYMENT, payment.id, label_of(record), external_id, run.actor))
        run.pulled.note(LINKED, Kind.PAYMENT)
    return True


def _may_be_ours(session: Session, run: PullRun, record: PaymentRecord, pulled: PulledPayment) -> bool:
    """Whether a payment of ours that is not there yet may be this one; then the owner is asked (N6)."""
    twins = session.scalars(
        select(PaymentTwin).where(
            PaymentTwin.provider == run.key.provider,
            PaymentTwin.company_id == run.key.company_id,
            PaymentTwin.external_id == (record.external_id or ""),
        )
    ).all()
    settled = {one.payment_id for one in twins if one.different}
    candidates = [one for one in _candidates(session, run, pulled) if one.id not in settled]
    for payment in candidates:
        if payment.id not in {one.payment_id for one in twins}:
            session.add(
                PaymentTwin(
                    provider=run.key.provider,
                    company_id=run.key.company_id,
                    payment_id=payment.id,
                    external_id=record.external_id or "",
                    paid_on=record.paid_on,
                    amount=pulled.amount,
                )
            )
        ask_about_twin(session, run, payment, pulled)
    return bool(candidates)


def ask_about_twin(session: Session, run: PullRun, payment: Payment, there: PulledPayment) -> None:
    """The card of our payment: is this the same money?"""
    amount = f"{there.amount:,.2f} {there.currency}"
    error = PaymentThere(run.service, amount, there.paid_on)
    label = payment.reference or f"{money_words(payment.amount)}, {day_in_words(payment.paid_on)}"
    run.ask(session, Kind.PAYMENT, payment.id, label, error, {"twin": True})


def _candidates(session: Session, run: PullRun, pulled: PulledPayment) -> list[Payment]:
    """Payments of ours on one of these invoices, of the same amount and about the same day, not linked.

    One there may be several of ours: what counts is what it pays on that invoice (E2).
    """
    linked = select(ExternalLink.local_id).where(
        ExternalLink.provider == run.key.provider,
        ExternalLink.company_id == run.key.company_id,
        ExternalLink.kind == Kind.PAYMENT.value,
    )
    parts = dict(pulled.parts)
    rows = session.execute(
        select(Payment, PaymentAllocation.invoice_id, PaymentAllocation.amount)
        .join(PaymentAllocation, PaymentAllocation.payment_id == Payment.id)
        .where(
            PaymentAllocation.invoice_id.in_(parts),
            Payment.from_service.is_(False),
            Payment.deleted.is_(False),
            Payment.paid_on >= pulled.paid_on - SAME_MONEY,
            Payment.paid_on <= pulled.paid_on + SAME_MONEY,
            Payment.id.not_in(linked),
        )
        .order_by(Payment.id)
    )
    alike = [one for one, invoice, part in rows if one.amount == pulled.amount or part == parts[invoice]]
    return list(dict.fromkeys(alike))


async def drop_answered_twins(run: PullRun) -> None:
    """Questions whose payment is linked or was removed here are no questions any more; theirs comes in then."""
    left = await run.company.db.in_write(lambda session: _drop_twins(session, run))
    if left:
        found = await run.company.provider.find(Lookup(payment_ids=tuple(left)))
        await bring_payments(run, [one for one in found.payments if one.external_id in left])


def _drop_twins(session: Session, run: PullRun) -> list[str]:
    run.check(session)
    rows = session.scalars(
        select(PaymentTwin)
        .join(Payment, Payment.id == PaymentTwin.payment_id)
        .where(
            PaymentTwin.provider == run.key.provider,
            PaymentTwin.company_id == run.key.company_id,
            PaymentTwin.different.is_(False),
            Payment.deleted.is_(True),
        )
    ).all()
    for row in rows:
        run.clear(session, Kind.PAYMENT, row.payment_id)
        session.execute(delete(PaymentTwin).where(PaymentTwin.id == row.id))
    return [row.external_id for row in rows]


# --- balances that payments don't explain ---------------------------------------------------------------


async def explain_balances(run: PullRun, arrived: Arrived) -> None:
    """An invoice whose balance there is not what its known payments leave: all its payments are looked up.

    This finds a payment that no feed told of: removed in a service that tells no deletions, or older than
    the link. Cards about a balance that agrees now are taken back.
    """
    records = [one for one in arrived.records[Kind.INVOICE].values() if isinstance(one, InvoiceRecord)]
    records += await _asked_about(run, {one.external_id or "" for one in records})
    strange = await run.company.db.in_read(partial(unexplained, run=run, records=records))
    if strange:
        await bring_payments_of(run, strange)
        ids = tuple(one.external_id or "" for one in strange)
        now = (await run.company.provider.find(Lookup(invoice_ids=ids))).invoices
        await run.company.db.in_write(partial(_ask_about_balances, run=run, records=now))
        known = {one.external_id: one for one in now}
        records = [known.get(one.external_id, one) for one in records]
    await run.company.db.in_write(partial(_clear_balances, run=run, records=records))


def _ask_about_balances(session: Session, run: PullRun, records: Sequence[InvoiceRecord]) -> None:
    """What no payment explains (a credit, a write-off) is said, never shown as in step (I5, I3).

    Where a payment of the invoice or the invoice itself asks already, that is the question.
    """
    run.check(session)
    strange = unexplained(session, run, records)
    links = links_to(session, run.key, Kind.INVOICE, (one.external_id or "" for one in strange))
    for record in strange:
        invoice = session.get(Invoice, links[record.external_id or ""].local_id)
        if invoice is None or _asks(session, invoice.id):
            continue
        due = invoice.total - paid_of(session, invoice.id)
        error = BalanceDiffers(run.service, money_words(due), money_words(record.balance))
        error.concerns = (Concern(Kind.INVOICE.value, invoice.id, invoice.number),)
        extra = {"ours": error.ours, "theirs": error.theirs, "what": "balance"}
        run.ask(session, Kind.INVOICE, invoice.id, invoice.number, error, extra)


def _asks(session: Session, invoice_id: int) -> bool:
    """Whether the invoice or one of its payments waits for the owner for another reason."""
    parts = select(PaymentAllocation.payment_id).where(PaymentAllocation.invoice_id == invoice_id)
    rows = [(Kind.PAYMENT, one) for one in session.scalars(parts)]
    for kind, local_id in [(Kind.INVOICE, invoice_id), *rows]:
        row = status_of(session, kind, local_id)
        if row is not None and row.state in ASKING and (row.extra or {}).get("what") != "balance":
            return True
    return False


async def _asked_about(run: PullRun, known: set[str]) -> list[InvoiceRecord]:
    """The invoices with a card about their balance, as they are there now."""

    def wanted(session: Session) -> list[str]:
        rows = session.execute(
            select(ExternalLink.external_id, SyncStatus.extra)
            .join(SyncStatus, (SyncStatus.kind == ExternalLink.kind) & (SyncStatus.local_id == ExternalLink.local_id))
            .where(
                ExternalLink.provider == run.key.provider,
                ExternalLink.company_id == run.key.company_id,
                ExternalLink.kind == Kind.INVOICE.value,
            )
        )
        return [external_id for external_id, extra in rows if (extra or {}).get("what") == "balance"]

    ids = [one for one in await run.company.db.in_read(wanted) if one not in known]
    if not ids:
        return []
    found = await run.company.provider.find(Lookup(invoice_ids=tuple(ids[:100])))
    return list(found.invoices)


def unexplained(session: Session, run: PullRun, records: Sequence[InvoiceRecord]) -> list[InvoiceRecord]:
    """Those of these linked invoices whose balance there is not their total less the payments we know of there."""
    alive = {one.external_id or "": one for one in records if not one.voided and one.balance is not None}
    links = links_to(session, run.key, Kind.INVOICE, alive)
    unsure = open_refs(session, run.key)
    work = load_work(
        session, run.connection(session), [(Kind.INVOICE, link.local_id) for link in links.values()], asked=False
    )
    ours = [work.ours[name] for link in links.values() if (name := ref(Kind.INVOICE, link.local_id)) in work.ours]
    due = expected_balances(session, run.key, ours, unsure)
    return [
        alive[external_id]
        for external_id, link in links.items()
        if link.local_id in due and alive[external_id].balance != due[link.local_id]
    ]


async def bring_payments_of(run: PullRun, invoices: Sequence[InvoiceRecord]) -> None:
    """All payments on these invoices, as they are there now; linked ones that are no longer among them are gone."""
    found = await run.company.provider.find(_lookup_for_payments(invoices))
    wanted = {one.external_id for one in invoices}
    payments = [one for one in found.payments if any(part.invoice_id in wanted for part in one.allocations)]
    await bring_payments(run, payments)
    left = await run.company.db.in_read(partial(_not_seen, run=run, invoices=invoices, seen=payments))
    if left:
        there: Found = await run.company.provider.find(lookup_for((Kind.PAYMENT, one) for one in left))
        alive = by_id(there)
        gone = [one for one in left if (Kind.PAYMENT, one) not in alive]
        await bring_payments(run, there.payments)
        await run.company.db.in_write(partial(_take_away, run=run, ids=gone))


def _lookup_for_payments(invoices: Sequence[InvoiceRecord]) -> Lookup:
    """By the ids that the invoices name, or by the invoices where they name none."""
    named = tuple(dict.fromkeys(one for invoice in invoices for one in invoice.payment_ids))
    silent = [one for one in invoices if not one.payment_ids]
    questions = tuple(
        PaymentLookup(one.customer_id, one.issued_on, invoice_ids=(one.external_id or "",)) for one in silent
    )
    return Lookup(payment_ids=named, payments=questions)


def _not_seen(
    session: Session, run: PullRun, invoices: Sequence[InvoiceRecord], seen: Sequence[PaymentRecord]
) -> list[str]:
    known = {one.external_id for one in seen}
    links = links_to(session, run.key, Kind.INVOICE, (one.external_id or "" for one in invoices))
    rows = session.scalars(
        select(ExternalLink.external_id)
        .join(PaymentAllocation, PaymentAllocation.payment_id == ExternalLink.local_id)
        .join(Payment, Payment.id == ExternalLink.local_id)
        .where(
            ExternalLink.provider == run.key.provider,
            ExternalLink.company_id == run.key.company_id,
            ExternalLink.kind == Kind.PAYMENT.value,
            PaymentAllocation.invoice_id.in_([link.local_id for link in links.values()]),
            Payment.deleted.is_(False),
        )
    )
    return sorted({one for one in rows if one not in known})


def _take_away(session: Session, run: PullRun, ids: Sequence[str]) -> None:
    run.check(session)
    for link in links_to(session, run.key, Kind.PAYMENT, ids).values():
        record_gone(session, run, Kind.PAYMENT, link, DELETED)


def _clear_balances(session: Session, run: PullRun, records: Sequence[InvoiceRecord]) -> None:
    """A card about a balance that agrees now is taken back (I4)."""
    run.check(session)
    strange = {one.external_id for one in unexplained(session, run, records)}
    links = links_to(session, run.key, Kind.INVOICE, (one.external_id or "" for one in records))
    for external_id, link in links.items():
        row = status_of(session, Kind.INVOICE, link.local_id)
        if row is not None and (row.extra or {}).get("what") == "balance" and external_id not in strange:
            run.clear(session, Kind.INVOICE, link.local_id)
