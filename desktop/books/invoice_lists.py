"""Invoices for lists: ids in the wanted order, and the rows of one page of them.

A list holds nothing but an array of ids (800 kB for a hundred thousand); rows are read page by page.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.orm import Session

from desktop.books.raw_ids import id_array, id_set
from desktop.books.sync_view import (
    States,
    add_payment_states,
    in_order,
    invoice_states,
    invoices_needing_you,
    link_of,
    with_state,
)
from desktop.books.typed import fold
from desktop.models.base import Amount
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.session import db_now
from desktop.models.states import CompanyKey, InvoiceStatus, InvoiceView, SyncState
from desktop.money import ZERO


class Chip(StrEnum):
    """The filter chips above the list."""

    ALL = "all"
    DRAFT = "draft"
    SENT = "sent"  # sent and still owed, overdue or not
    OVERDUE = "overdue"
    PAID = "paid"
    NOT_SYNCED = "not_synced"  # sent, and the company lacks it or its last changes and payments
    NEEDS_YOU = "needs_you"  # the owner must decide something


PAGE = 500
"""Ids that go into one query: far below what either database takes."""


class Sort(NamedTuple):
    """The order of a list; equal rows follow their age."""

    by: str = "issued_on"
    """number, customer, issued_on, due_on, total, balance, status or sync (for other lists see there)."""
    descending: bool = True


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """What a list shows."""

    chip: str = Chip.ALL
    text: str = ""
    """Words that must all occur in the number or the customer's name; case and accents don't matter."""
    today: date | None = None
    """The day that decides what is overdue; None takes the database's clock."""


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """An invoice in a list; amounts in `currency`."""

    id: int
    number: str
    customer_id: int
    customer_name: str
    issued_on: date
    due_on: date | None
    total: Decimal
    paid: Decimal
    balance: Decimal
    """What is still owed; 0 for drafts and void ones."""
    currency: str
    view: InvoiceView
    sync: SyncState
    sync_at: datetime | None
    """When the company last agreed with ours, or the trouble arose; None if it never got there."""
    sync_title: str
    """What stands in the way, in words; "" if nothing does."""
    from_service: bool = False


def invoice_ids(
    session: Session, wanted: InvoiceFilter, sort: Sort | tuple[str, bool], company: CompanyKey | None
) -> array[int]:
    """Ids of all invoices that the filter lets through, in order."""
    sort = Sort(*sort)
    chip = Chip(wanted.chip)
    states = None
    if sort.by == "sync" or chip is Chip.NOT_SYNCED:
        states = invoice_states(session, company)
    today = wanted.today or db_now(session).date()
    conditions = [_chip(chip, today), *_words(wanted.text)]
    query = select(Invoice.id).where(*conditions)
    if sort.by in ("balance", "status"):
        query = query.where(_ANY_STATUS)
    if sort.by == "customer":
        query = query.join(Customer, Customer.id == Invoice.customer_id)
    ids = id_array(session, query.order_by(*_order(sort, today)))
    if states is not None and chip is Chip.NOT_SYNCED:
        ids = array("q", states.lacking(ids, _staying(session)))
    if chip is Chip.NEEDS_YOU:
        ids = array("q", filter(invoices_needing_you(session).__contains__, ids))
    if states is not None and sort.by == "sync":
        ordered = in_order(ids, states)
        ids = array("q", reversed(ordered) if sort.descending else ordered)
    return ids


def invoice_rows(
    session: Session, ids: Sequence[int], company: CompanyKey | None, today: date | None = None
) -> list[InvoiceRow]:
    """The rows of `ids`, in their order; ids that are gone are left out."""
    day = today or db_now(session).date()
    pages = (list(ids[start : start + PAGE]) for start in range(0, len(ids), PAGE))
    return [row for page in pages for row in _page(session, page, company, day)]


def _page(session: Session, ids: list[int], company: CompanyKey | None, day: date) -> list[InvoiceRow]:
    found = {row.id: row for row in session.execute(_rows_query(company), {"ids": ids})}
    paid: dict[int, Decimal] = {}
    states, notes = _page_states(list(found.values()), company)
    troubles = []
    parts = session.execute(_parts_query(company), {"ids": ids}).all()
    for part in parts:
        if not part.deleted:
            paid[part.invoice_id] = paid.get(part.invoice_id, ZERO) + part.amount
        if part.state is not None:
            troubles.append((part.invoice_id, part.state))
            if part.invoice_id not in states.stored:
                notes[part.invoice_id] = (part.at, part.title)
        if part.promised is not None:
            states.queued.add(part.invoice_id)
        missing = part.agreed_revision is None and not part.deleted
        if missing or (part.agreed_revision is not None and part.agreed_revision < part.revision):
            states.changed.add(part.invoice_id)
    add_payment_states(states, troubles)
    return [
        _row(found[each], paid.get(each, ZERO), states, notes.get(each, (None, "")), day)
        for each in ids
        if each in found
    ]


def _page_states(
    rows: Sequence[Any], company: CompanyKey | None
) -> tuple[States, dict[int, tuple[datetime | None, str]]]:
    """The states by what stands with the invoices themselves, and when and why."""
    states = States(unlinked=None if company is None else set())
    notes: dict[int, tuple[datetime | None, str]] = {}
    for row in rows:
        if row.agreed_revision is None:
            if states.unlinked is not None:
                states.unlinked.add(row.id)
        else:
            notes[row.id] = (row.agreed_at, "")
            if row.agreed_revision < row.revision:
                states.changed.add(row.id)
        if row.promised is not None:
            states.queued.add(row.id)
        if row.state is not None:
            states.stored[row.id] = SyncState(row.state)
            notes[row.id] = (row.at, row.title)
    return states, notes


_IDS: BindParameter[Any] = bindparam("ids", expanding=True)


@lru_cache(maxsize=8)
def _rows_query(company: CompanyKey | None) -> Any:
    """Invoices `ids` with all that one row of another table says about each: one query, not seven.

    Built once: it is asked while the list is painted, and building takes longer than the database does.
    """
    query = with_state(
        select(
            Invoice.id,
            Invoice.number,
            Invoice.customer_id,
            Customer.display_name,
            Invoice.issued_on,
            Invoice.due_on,
            Invoice.total,
            Invoice.currency,
            Invoice.status,
            Invoice.from_service,
            Invoice.revision,
        ).join(Customer, Customer.id == Invoice.customer_id),
        "invoice",
        Invoice.id,
        company,
    )
    return query.where(Invoice.id.in_(_IDS))


@lru_cache(maxsize=8)
def _parts_query(company: CompanyKey | None) -> Any:
    part = PaymentAllocation
    query = select(part.invoice_id, part.amount, Payment.deleted, Payment.revision)
    query = with_state(query.join(Payment, Payment.id == part.payment_id), "payment", Payment.id, company)
    return query.where(part.invoice_id.in_(_IDS))


def invoice_counts(session: Session, company: CompanyKey | None, today: date | None = None) -> dict[Chip, int]:
    """How many invoices each chip would show."""
    day = today or db_now(session).date()
    owed = Invoice.total > PAID
    groups = select(
        Invoice.status,
        case((Invoice.status == InvoiceStatus.SENT, owed), else_=true()).label("owed"),
        and_(Invoice.due_on.is_not(None), Invoice.due_on < day).label("late"),
    )
    marked = groups.where(_ANY_STATUS).subquery()
    each = (marked.c.status, marked.c.owed, marked.c.late)
    query = select(*each, func.count()).group_by(*each)
    counts = dict.fromkeys(Chip, 0)
    for status, is_owed, late, count in session.execute(query):
        counts[Chip.ALL] += count
        if status == InvoiceStatus.DRAFT:
            counts[Chip.DRAFT] += count
        elif status == InvoiceStatus.SENT:
            counts[Chip.SENT if is_owed else Chip.PAID] += count
            counts[Chip.OVERDUE] += count if is_owed and late else 0
    counts[Chip.NOT_SYNCED] = not_synced(session, company)
    counts[Chip.NEEDS_YOU] = len(invoices_needing_you(session))
    return counts


def not_synced(session: Session, company: CompanyKey | None) -> int:
    """How many sent invoices the company lacks, or holds without their last changes and payments, unpromised."""
    states = invoice_states(session, company)
    everything = id_array(session, select(Invoice.id))
    return sum(1 for _ in states.lacking(everything, _staying(session)))


def has_synced_invoice(session: Session, company: CompanyKey | None) -> bool:
    """Whether the company holds any of our invoices: from then on the list has its sync column (M113)."""
    if company is None:
        return False
    return bool(session.scalar(select(exists().where(link_of(company, "invoice")))))


def view_of(status: str, total: Decimal, paid: Decimal, due_on: date | None, today: date) -> InvoiceView:
    """What a list calls an invoice: paid before overdue, overdue before partly paid."""
    if status != InvoiceStatus.SENT:
        return InvoiceView(status)
    if paid >= total:
        return InvoiceView.PAID
    if due_on is not None and due_on < today:
        return InvoiceView.OVERDUE
    return InvoiceView.PARTLY_PAID if paid else InvoiceView.SENT


def _row(found: Any, paid: Decimal, states: States, note: tuple[datetime | None, str], today: date) -> InvoiceRow:
    return InvoiceRow(
        id=found.id,
        number=found.number,
        customer_id=found.customer_id,
        customer_name=found.display_name,
        issued_on=found.issued_on,
        due_on=found.due_on,
        total=found.total,
        paid=paid,
        balance=found.total - paid if found.status == InvoiceStatus.SENT else ZERO,
        currency=found.currency,
        view=view_of(found.status, found.total, paid, found.due_on, today),
        sync=states.of(found.id),
        sync_at=note[0],
        sync_title=note[1],
        from_service=found.from_service,
    )


def _paid() -> ColumnElement[Decimal]:
    part = PaymentAllocation
    deleted = select(Payment.id).where(Payment.deleted)
    total = select(func.sum(part.amount)).where(part.invoice_id == Invoice.id, part.payment_id.not_in(deleted))
    return func.coalesce(total.correlate(Invoice).scalar_subquery(), literal(ZERO, Amount))


PAID = _paid()
"""What an invoice has been paid, for use in queries on `Invoice` (M82)."""
_ANY_STATUS = Invoice.status.in_([status.value for status in InvoiceStatus])
"""Always true; leads SQLite to the index that holds all that "owed" needs (half the time)."""


def _chip(chip: Chip, today: date) -> ColumnElement[bool]:
    sent = Invoice.status == InvoiceStatus.SENT.value
    if chip is Chip.DRAFT:
        return Invoice.status == InvoiceStatus.DRAFT.value
    if chip is Chip.SENT:
        return and_(sent, Invoice.total > PAID)
    if chip is Chip.OVERDUE:
        return and_(sent, Invoice.due_on < today, Invoice.total > PAID)
    if chip is Chip.PAID:
        return and_(sent, Invoice.total <= PAID)
    return true()


def _staying(session: Session) -> set[int]:
    quiet = (InvoiceStatus.DRAFT.value, InvoiceStatus.VOID.value)
    return id_set(session, select(Invoice.id).where(Invoice.status.in_(quiet)))


def _words(text: str) -> list[ColumnElement[bool]]:
    """Every word in the customer's name, or at least one of them in the number and the rest in the name.

    A union of two look-ups, because an OR of them would visit every invoice with its customer; the numbers are gone
    through once, however many words there are.
    """
    words = fold(text).split()
    if not words:
        return []
    named = [Customer.name_key.contains(word, autoescape=True) for word in words]
    numbered = [Invoice.number.icontains(word, autoescape=True) for word in words]
    by_name = select(Invoice.id).where(Invoice.customer_id.in_(select(Customer.id).where(*named)))
    by_number = select(Invoice.id).where(or_(*numbered))
    if len(words) > 1:
        by_number = by_number.join(Customer, Customer.id == Invoice.customer_id)
        by_number = by_number.where(*(or_(*pair) for pair in zip(named, numbered, strict=True)))
    return [Invoice.id.in_(union(by_name, by_number))]


def _order(sort: Sort, today: date) -> tuple[ColumnElement[Any], ...]:
    key = _sort_key(sort.by, today)
    if sort.by == "sync":
        return key.asc(), Invoice.id.asc()  # turned round only when all is in order
    ordered = key.desc() if sort.descending else key.asc()
    if sort.by == "due_on":
        ordered = ordered.nulls_last()
    return ordered, Invoice.id.desc() if sort.descending else Invoice.id.asc()


def _sort_key(by: str, today: date) -> ColumnElement[Any]:
    if by == "balance":
        return case((Invoice.status == InvoiceStatus.SENT.value, Invoice.total - PAID), else_=0)
    if by == "status":
        return _status_rank(today)
    keys: dict[str, Any] = {
        "number": Invoice.number_key,
        "customer": Customer.name_key,
        "due_on": Invoice.due_on,
        "total": Invoice.total,
    }
    return keys.get(by, Invoice.issued_on)  # type: ignore[no-any-return]


def _status_rank(today: date) -> ColumnElement[int]:
    owed = Invoice.total - PAID
    return case(
        (Invoice.status == InvoiceStatus.DRAFT.value, 0),
        (Invoice.status == InvoiceStatus.VOID.value, 5),
        (owed <= literal(ZERO, Amount), 4),
        (Invoice.due_on < today, 1),
        (owed < Invoice.total, 3),
        else_=2,
    )
