"""The owner's answers to what a push asked: link to what is there, create it anew, let go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.outbox import promise
from desktop.books.payments import remove_payment
from desktop.errors import GoneRemote, InputError, NumberTaken, PlanChanged
from desktop.models.connection import ExternalLink, PaymentTwin
from desktop.models.invoice import Invoice
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.session import note_change
from desktop.models.states import PushReason
from desktop.models.work import ActivityRow
from desktop.providers.base import stamp_of
from desktop.providers.records import Found, InvoiceRecord, Kind, Lookup, PaymentRecord, Record
from desktop.sync import failures
from desktop.sync.adopting import tie_named_by
from desktop.sync.company import Company
from desktop.sync.copied import tie
from desktop.sync.planning import Ours, same_name
from desktop.sync.pull_invoices import follow_invoice, take_into_ours
from desktop.sync.pull_merge import STATES, merge_sides
from desktop.sync.pull_payments import apply_payments, change_ours
from desktop.sync.pull_records import load_work_of, take_fields
from desktop.sync.pull_run import SEEN, PullRun, status_of
from desktop.sync.settling import field_words, find_link, holder_of, log_link, store_link
from desktop.sync.snapshots import COMPARED, compared, unlike
from desktop.sync.verifying import GONE_FIX, by_id, lookup_for, money_words
from desktop.sync.work import AGAIN

TOTAL_OF = frozenset({"lines", "discount"})
"""What a card about a total decides; another field that was changed there alone comes in."""


async def link_invoice(company: Company, invoice_id: int) -> None:
    """Tie our invoice to the one that carries its number there; the next push brings that one up to date (C18).

    Where ours is from a copy of the books that was put back, what is there is newer and comes in instead (S4).

    Raises GoneRemote when there is none any more, NumberTaken when it belongs to another invoice of ours.
    """
    number = await company.db.in_read(lambda session: session.get_one(Invoice, invoice_id).number)
    service = company.provider.terms.service
    found = await company.provider.find(Lookup(invoice_numbers=(number,)))
    theirs = next((one for one in found.invoices if same_name(one.number, number) and not one.voided), None)
    if theirs is None:
        raise GoneRemote(service, number)
    await tie_named_by(PullRun(company, None, company.desk.account), invoice_id, theirs)
    await company.db.in_write(lambda session: _link_invoice(session, company, invoice_id, theirs))


def _link_invoice(session: Session, company: Company, invoice_id: int, theirs: InvoiceRecord) -> None:
    clash = session.scalar(
        select(ExternalLink).where(
            ExternalLink.provider == company.key.provider,
            ExternalLink.company_id == company.key.company_id,
            ExternalLink.kind == Kind.INVOICE.value,
            ExternalLink.external_id == theirs.external_id,
        )
    )
    strange = stamp_of(theirs.marker)[0] not in ("", session.get_one(Invoice, invoice_id).uuid)  # another one of ours
    if strange or (clash is not None and clash.local_id != invoice_id):
        raise NumberTaken(company.provider.terms.service, theirs.number)
    now = company.desk.clock.now()
    ours = load_work_of(session, Kind.INVOICE, invoice_id)
    if ours is not None and ours.copied and not ours.gone:
        run = PullRun(company, None, company.desk.account)
        follow_invoice(session, run, ours, tie(session, run, ours, theirs), theirs)
        promise(session, company.desk, Kind.INVOICE.value, invoice_id, PushReason.ASKED, asked=True)
        return
    store_link(session, now, company.key, Kind.INVOICE.value, invoice_id, theirs, theirs, 0, company.connection_id)
    session.add(
        ActivityRow(
            at=now,
            actor=company.desk.account,
            direction="in",
            provider=company.key.provider,
            company_id=company.key.company_id,
            kind=Kind.INVOICE.value,
            local_id=invoice_id,
            label=theirs.number,
            action="link",
            result="done",
            external_id=theirs.external_id or "",
        )
    )
    promise(session, company.desk, Kind.INVOICE.value, invoice_id, PushReason.ASKED, asked=True)


async def keep_ours(company: Company, kind: Kind, local_id: int) -> None:
    """The owner chose our version of a record that differs on both sides: the next push writes it over theirs (N10).

    What is there now counts as known from here on, so that only a still newer edit there asks again; but a field
    that was changed there alone, and that nobody asked about, comes in with the next pull. Raises GoneRemote when
    there is none any more, PlanChanged where it reads otherwise there than the card showed, ConnectionProblem.
    """
    theirs = await _as_shown(company, kind, local_id)
    if theirs is None:
        return
    known = compared(kind, theirs)

    def write(session: Session) -> None:
        row = find_link(session, company.key, kind.value, local_id)
        if row is not None and row.external_id == theirs.external_id:
            ours = load_work_of(session, kind, local_id)
            asked = _in_question(session, kind, local_id)
            left = _not_asked_about(ours, theirs, row.agreed or {}, asked) if ours is not None else frozenset()
            row = session.get_one(ExternalLink, row.id)
            row.external_version = theirs.version or ""
            row.agreed = _agreed_but(left, known, known, row.agreed or {})
            row.agreed_revision = 0
            promise(session, company.desk, kind.value, local_id, PushReason.ASKED, asked=True)

    await company.db.in_write(write)


async def _as_shown(company: Company, kind: Kind, local_id: int) -> Record | None:
    """The record there, if it still reads as the owner's card showed it; None when ours is linked no more.

    Raises GoneRemote, PlanChanged and ConnectionProblem.
    """
    link = await company.db.in_read(lambda session: find_link(session, company.key, kind.value, local_id))
    if link is None:
        return None
    found = await company.provider.find(lookup_for([(kind, link.external_id)]))
    theirs = by_id(found).get((kind, link.external_id))
    if theirs is None or getattr(theirs, "voided", False):
        raise GoneRemote(company.provider.terms.service, "", fix=GONE_FIX[kind])
    await _refuse_unseen(company, kind, local_id, theirs)
    return theirs


async def _refuse_unseen(company: Company, kind: Kind, local_id: int, theirs: Record) -> None:
    """An answer is to what the owner saw: where that was changed there again since, the card is drawn anew instead.

    Raises PlanChanged then.
    """
    if await company.db.in_write(partial(_is_newer, kind=kind, local_id=local_id, theirs=theirs)):
        raise PlanChanged


def _is_newer(session: Session, kind: Kind, local_id: int, theirs: Record) -> bool:
    row = status_of(session, kind, local_id)
    shown = dict(row.extra or {}) if row is not None else {}
    now = compared(kind, theirs)
    newer = any(now.get(name) != value for name, value in shown.get(SEEN, {}).items())
    if isinstance(theirs, InvoiceRecord) and shown.get("what") == "total":
        newer = newer or shown.get("theirs") != money_words(theirs.total)
    if newer:
        note_change(session, kind.value, local_id)
    return newer


def _in_question(session: Session, kind: Kind, local_id: int) -> frozenset[str]:
    """The fields that the record's card names; none where it is about something else."""
    row = status_of(session, kind, local_id)
    words = (row.extra or {}).get("fields", ()) if row is not None else ()
    if row is not None and (row.extra or {}).get("what") == "total":
        return TOTAL_OF
    return frozenset(name for name in COMPARED[kind] if field_words([name])[0] in words)


def _not_asked_about(
    ours: Ours, theirs: Record, agreed: Mapping[str, Mapping[str, Any]], asked: frozenset[str]
) -> frozenset[str]:
    """Fields that were changed there alone since the card was written: no answer to it may write over them (N10)."""
    if not asked:
        return frozenset()
    return merge_sides(ours.kind, ours.record, theirs, agreed, edited=True).take - asked


def _agreed_but(
    left: frozenset[str], ours: Mapping[str, Any], theirs: Mapping[str, Any], agreed: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """These snapshots; `left` stays as it was last agreed, so that a pull sees the change and a push sends nothing."""
    before = {side: agreed.get(side, {}) for side in ("ours", "theirs")}
    now = {"ours": ours, "theirs": theirs}
    return {side: {**now[side], **{name: before[side][name] for name in left}} for side in now}


async def resolve_fields(company: Company, kind: Kind, local_id: int, take: Collection[str]) -> None:
    """The owner decided field by field (N10): those in `take` (names of the record's fields) are taken over from
    the service, every other one that differs stays ours and goes out with the next push.

    Where the card names fields, only these are decided: an edit here of another one stays, one there comes in.

    Raises GoneRemote when there is none any more, PlanChanged where it reads otherwise there than the card showed,
    InputError for a value that can't be kept here (nothing was changed then), ConnectionProblem.
    """
    theirs = await _as_shown(company, kind, local_id)
    if theirs is None:
        return
    await company.db.in_write(
        partial(_resolve, company=company, kind=kind, local_id=local_id, theirs=theirs, take=take)
    )


async def take_theirs(company: Company, kind: Kind, local_id: int) -> None:
    """The owner chose their version of everything that differs. Raises as `resolve_fields` does."""
    await resolve_fields(company, kind, local_id, COMPARED[kind])


def _resolve(
    session: Session, company: Company, kind: Kind, local_id: int, theirs: Record, take: Collection[str]
) -> None:
    run = PullRun(company, None, company.desk.account)
    ours = load_work_of(session, kind, local_id)
    row = find_link(session, company.key, kind.value, local_id)
    if ours is None or row is None or row.external_id != theirs.external_id:
        return
    asked, before = _in_question(session, kind, local_id), dict(row.agreed or {})
    left = _not_asked_about(ours, theirs, before, asked)
    wanted = (unlike(kind, ours.record, theirs) & frozenset(take) & (asked or frozenset(take))) - STATES
    taken = _take_over(session, run, kind, ours, theirs, wanted)
    if taken != wanted:
        _, why = run.pulled.problems[-1]
        raise InputError("", why)
    session.flush()
    now = load_work_of(session, kind, local_id)
    row = find_link(session, company.key, kind.value, local_id)
    assert now is not None and row is not None
    mine, known = compared(kind, now.record), compared(kind, theirs)
    kept = unlike(kind, now.record, theirs) - STATES - left
    row.agreed = _agreed_but(left, {**mine, **{name: known[name] for name in kept}}, known, before)
    row.external_version = theirs.version or ""
    row.agreed_revision = 0 if kept else now.revision
    failures.clear(session, company.desk.clock.now(), [(kind.value, local_id)])
    if taken:
        run.log(session, kind, local_id, now.label, "update", row.external_id, sorted(taken))
    if kept:
        promise(session, company.desk, kind.value, local_id, PushReason.ASKED, asked=True)


def _take_over(
    session: Session, run: PullRun, kind: Kind, ours: Ours, theirs: Record, fields: frozenset[str]
) -> frozenset[str]:
    if not fields:
        return fields
    if isinstance(theirs, InvoiceRecord):
        return take_into_ours(session, run, ours, theirs, fields)[0]
    if isinstance(theirs, PaymentRecord):
        change_ours(session, run, session.get_one(Payment, ours.local_id), theirs, fields)
        return fields
    return take_fields(session, run, kind, ours, theirs, fields)


# --- a payment on both sides ------------------------------------------------------------------------------


async def same_payment(company: Company, payment_id: int) -> None:
    """The one there is the same money: the two are linked, nothing is written (N6). Raises GoneRemote."""
    twins = await company.db.in_read(lambda session: _twins(session, company, payment_id))
    found = await company.provider.find(Lookup(payment_ids=tuple(twins)))
    theirs = next((one for one in found.payments if one.external_id in twins and not one.voided), None)
    if theirs is None:
        await company.db.in_write(lambda session: _answer_twins(session, company, payment_id, None))
        raise GoneRemote(company.provider.terms.service, "", fix=GONE_FIX[Kind.PAYMENT], how="deleted")

    def write(session: Session) -> None:
        ours = load_work_of(session, Kind.PAYMENT, payment_id)
        if ours is None or holder_of(session, company.key, Kind.PAYMENT.value, theirs.external_id or "") is not None:
            return
        now = company.desk.clock.now()
        if session.get_one(Payment, payment_id).amount != theirs.amount:
            _theirs_instead(session, company, payment_id, ours.label, theirs)
            return
        # what differs (a day, a reference) is left as it is on each side: both are the same money
        store_link(
            session, now, company.key, Kind.PAYMENT.value, payment_id, ours.record, theirs, ours.revision,
            company.connection_id,
        )  # fmt: skip
        _answer_twins(session, company, payment_id, None)
        there, who = theirs.external_id or "", company.desk.account
        session.add(log_link(now, company.key, Kind.PAYMENT, payment_id, ours.label, there, who))

    await company.db.in_write(write)


def _theirs_instead(session: Session, company: Company, payment_id: int, label: str, theirs: PaymentRecord) -> None:
    """One there is several of ours (E2): it comes in with all that it pays, and ours counts no more.

    It waits while another of ours may be part of it too: that one is asked about by itself.
    """
    remove_payment(session, company.desk, payment_id)
    _answer_twins(session, company, payment_id, None)
    there, who, now = theirs.external_id or "", company.desk.account, company.desk.clock.now()
    session.add(log_link(now, company.key, Kind.PAYMENT, payment_id, label, there, who))
    apply_payments(session, PullRun(company, None, who), [theirs])


async def two_payments(company: Company, payment_id: int) -> None:
    """They are two payments: the one there comes in, ours goes out; nobody is asked about the two again."""
    twins = await company.db.in_read(lambda session: _twins(session, company, payment_id))
    found = await company.provider.find(Lookup(payment_ids=tuple(twins))) if twins else Found()

    def write(session: Session) -> None:
        _answer_twins(session, company, payment_id, True)
        apply_payments(session, PullRun(company, None, company.desk.account), found.payments)
        promise(session, company.desk, Kind.PAYMENT.value, payment_id, PushReason.ASKED, asked=True)

    await company.db.in_write(write)


def _twins(session: Session, company: Company, payment_id: int) -> list[str]:
    return [row.external_id for row in _twin_rows(session, company, payment_id)]


def _twin_rows(session: Session, company: Company, payment_id: int) -> Sequence[PaymentTwin]:
    return session.scalars(
        select(PaymentTwin).where(
            PaymentTwin.provider == company.key.provider,
            PaymentTwin.company_id == company.key.company_id,
            PaymentTwin.payment_id == payment_id,
            PaymentTwin.different.is_(False),
        )
    ).all()


def _answer_twins(session: Session, company: Company, payment_id: int, different: bool | None) -> None:
    for row in _twin_rows(session, company, payment_id):
        if different:
            row.different = True
        else:
            session.delete(row)
    failures.clear(session, company.desk.clock.now(), [(Kind.PAYMENT.value, payment_id)])
    session.flush()


async def unlink(company: Company, kind: Kind, local_id: int, *, create_again: bool = False) -> None:
    """Let go of a counterpart that is gone there; with `create_again` it is made anew under a new stamp (D4).

    What is there stays untouched. Our record stays too.
    """

    def write(session: Session) -> None:
        link = session.scalar(
            select(ExternalLink).where(
                ExternalLink.provider == company.key.provider,
                ExternalLink.company_id == company.key.company_id,
                ExternalLink.kind == kind.value,
                ExternalLink.local_id == local_id,
            )
        )
        if link is not None and create_again:
            link.generation += 1  # the new one bears another stamp than the one that is gone
            link.agreed, link.agreed_revision = {AGAIN: True}, 0
            if kind is Kind.INVOICE:
                _apply_payments_again(session, company, local_id)
        elif link is not None:
            session.delete(link)
        failures.clear(session, company.desk.clock.now(), [(kind.value, local_id)])
        if create_again:
            promise(session, company.desk, kind.value, local_id, PushReason.ASKED, asked=True)

    await company.db.in_write(write)


def _apply_payments_again(session: Session, company: Company, invoice_id: int) -> None:
    """Payments that are there are applied to the new invoice by the same run that makes it."""
    rows = session.scalars(
        select(ExternalLink)
        .join(PaymentAllocation, PaymentAllocation.payment_id == ExternalLink.local_id)
        .join(Payment, Payment.id == ExternalLink.local_id)
        .where(
            ExternalLink.provider == company.key.provider,
            ExternalLink.company_id == company.key.company_id,
            ExternalLink.kind == Kind.PAYMENT.value,
            PaymentAllocation.invoice_id == invoice_id,
            Payment.deleted.is_(False),
            Payment.from_service.is_(False),
        )
    )
    for row in rows:
        row.agreed_revision = 0
