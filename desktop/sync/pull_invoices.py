"""Invoices from the service: ours follow field by field, theirs come in read-only for linked customers (E1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.pulled import PulledInvoice, PulledLine, keep_invoice, rewrite_invoice, take_into_invoice
from desktop.errors import InputError, NumberTaken, TotalsDiffer
from desktop.models.connection import ExternalLink
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice, TaxCode
from desktop.models.item import Item
from desktop.models.states import InvoiceStatus
from desktop.providers.base import stamp_of
from desktop.providers.records import InvoiceRecord, Kind, LineRecord
from desktop.sync.copied import sent_since, tie
from desktop.sync.planning import Ours, same_name
from desktop.sync.pull_feed import Arrived
from desktop.sync.pull_merge import Merge, merge_sides
from desktop.sync.pull_records import ask_about_fields, clear_difference, linked_ones, load_work_of, settle_fields
from desktop.sync.pull_run import PullRun, links_to, portions, status_of
from desktop.sync.pull_states import VOID, Gone, back_again, record_gone
from desktop.sync.pulled import CAME_IN, CHANGED, LINKED
from desktop.sync.settling import find_link, first_link, log_link, store_link
from desktop.sync.snapshots import compared
from desktop.sync.verifying import money_words
from desktop.text import tr

NOBODY: Gone = frozenset()
COLUMNS = {"number": "number", "issued_on": "issued_on", "due_on": "due_on", "memo": "note"}


async def bring_invoices(run: PullRun, arrived: Arrived, since: date, lost: Gone) -> None:
    """Apply the invoices that arrived; those made there come in if dated on or after `since` (C6).

    `lost` customers are gone or merged there: their invoices name another one now, and keep ours until the owner
    has said yes to that (M141).
    """
    rows = [one for one in arrived.records[Kind.INVOICE].values() if isinstance(one, InvoiceRecord)]
    for part in portions(rows, 50):
        await run.company.db.in_write(partial(_apply, run=run, records=part, since=since, lost=lost))


def _apply(session: Session, run: PullRun, records: Sequence[InvoiceRecord], since: date, lost: Gone) -> None:
    run.check(session)
    links, linked = linked_ones(session, run, Kind.INVOICE, records)
    for ours, link, record in linked:
        follow_invoice(session, run, ours, link, record, lost)
    unknown = [one for one in records if (one.external_id or "") not in links]
    if unknown:
        books = _Books.of(session, run)
        for record in unknown:
            _bring(session, run, record, since, books)


# --- ours ----------------------------------------------------------------------------------------------


def follow_invoice(
    session: Session, run: PullRun, ours: Ours, link: ExternalLink, theirs: InvoiceRecord, lost: Gone = NOBODY
) -> None:
    """One linked invoice, as it reads there now: what changed there comes in, what changed on both sides asks."""
    invoice = session.get_one(Invoice, ours.local_id)
    if theirs.voided:
        record_gone(session, run, Kind.INVOICE, link, VOID)
        return
    back_again(session, run, ours)
    if invoice.from_service:
        _rewrite(session, run, invoice, link, theirs)
        return
    agreed = link.agreed or {}
    edited = ours.revision > link.agreed_revision
    found = merge_sides(Kind.INVOICE, ours.record, theirs, agreed, edited=edited)
    if found.changed_there:
        found = _with_customer(session, run, agreed, theirs, lost, found)
        taken, clash = take_into_ours(session, run, ours, theirs, found.take)
        clash |= found.clash
        settle_fields(session, Kind.INVOICE, ours, link, theirs, taken, found.same, edited=edited, whole=not clash)
        if taken:
            run.pulled.note(CHANGED, Kind.INVOICE)
            run.log(session, Kind.INVOICE, ours.local_id, ours.label, "update", link.external_id, sorted(taken))
        if clash:
            ask_about_fields(session, run, Kind.INVOICE, ours, clash)
            return
    elif not found.ours:
        link.external_version = theirs.version or link.external_version
    if not found.ours and _total_agrees(session, run, invoice, theirs):  # a tax changed there moves it alone (I5)
        clear_difference_of_values(session, run, ours.local_id)


def clear_difference_of_values(session: Session, run: PullRun, invoice_id: int) -> None:
    """Fields and total read alike again; a balance that differs is looked at once the payments are in."""
    row = status_of(session, Kind.INVOICE, invoice_id)
    if row is not None and (row.extra or {}).get("what") != "balance":
        clear_difference(session, run, Kind.INVOICE, invoice_id)


def _with_customer(
    session: Session, run: PullRun, agreed: Mapping[str, Any], theirs: InvoiceRecord, lost: Gone, found: Merge
) -> Merge:
    """The invoice may name another customer there: the survivor of an unanswered merge is no edit of the invoice;
    one whom we don't have can't be taken over, so the owner is asked."""
    before = str(agreed.get("theirs", {}).get("customer_id", ""))
    moved = {"customer_id"} & (found.take | found.clash)
    if (Kind.CUSTOMER, before) in lost or _asks_about_customer(session, run, before):
        return replace(found, take=found.take - moved, clash=found.clash - moved)
    if moved and not links_to(session, run.key, Kind.CUSTOMER, [theirs.customer_id]):
        return replace(found, take=found.take - moved, clash=found.clash | moved)
    return found


def _asks_about_customer(session: Session, run: PullRun, external_id: str) -> bool:
    link = links_to(session, run.key, Kind.CUSTOMER, [external_id]).get(external_id)
    row = status_of(session, Kind.CUSTOMER, link.local_id) if link is not None else None
    return row is not None and bool((row.extra or {}).get("gone"))


def take_into_ours(
    session: Session, run: PullRun, ours: Ours, theirs: InvoiceRecord, fields: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """The fields that were taken over, and those that can't be: a number that is another invoice's here."""
    if not fields:
        return frozenset(), frozenset()
    values: dict[str, Any] = {COLUMNS[name]: getattr(theirs, name) for name in fields if name in COLUMNS}
    if "customer_id" in fields:
        link = links_to(session, run.key, Kind.CUSTOMER, [theirs.customer_id]).get(theirs.customer_id)
        if link is None:
            run.pulled.problems.append(
                (ours.label, tr("Its customer there is not here yet: import the customer first."))
            )
            return frozenset(), fields
        values["customer_id"] = link.local_id
    if "discount" in fields:
        percent = theirs.discount_percent
        values["discount_percent"] = percent
        values["discount_amount"] = theirs.discount if percent is None and theirs.discount else None
    lines = _Books.of(session, run).lines(theirs) if "lines" in fields else None
    try:
        with session.begin_nested():
            take_into_invoice(session, run.desk, ours.local_id, values, lines)
    except InputError as error:
        run.pulled.problems.append((ours.label, error.title))
        return frozenset(), fields
    return fields, frozenset()


def _total_agrees(session: Session, run: PullRun, invoice: Invoice, theirs: InvoiceRecord) -> bool:
    session.refresh(invoice)
    if theirs.total is None or invoice.total == theirs.total:
        return True
    error = TotalsDiffer(run.service, money_words(invoice.total), money_words(theirs.total), number=invoice.number)
    extra = {"ours": error.ours, "theirs": error.theirs, "what": "total"}
    run.ask(session, Kind.INVOICE, invoice.id, invoice.number, error, extra)
    return False


# --- theirs --------------------------------------------------------------------------------------------


@dataclass
class _Books:
    """What of ours the lines of an invoice there refer to."""

    items: Mapping[str, int]
    names: Mapping[str, int]
    codes: Mapping[str, tuple[int, Decimal]]
    currency: str
    rounding: str

    @classmethod
    def of(cls, session: Session, run: PullRun) -> _Books:
        rows = session.execute(
            select(ExternalLink.external_id, ExternalLink.local_id).where(
                ExternalLink.provider == run.key.provider,
                ExternalLink.company_id == run.key.company_id,
                ExternalLink.kind == Kind.ITEM.value,
            )
        )
        codes = session.execute(
            select(TaxCode.external_id, TaxCode.id, TaxCode.rate).where(
                TaxCode.provider == run.key.provider, TaxCode.company_id == run.key.company_id
            )
        )
        settings = run.settings(session)
        return cls(
            items={external_id: local_id for external_id, local_id in rows},
            names={name.casefold(): local_id for local_id, name in session.execute(select(Item.id, Item.name))},
            codes={external_id or "": (code_id, rate) for external_id, code_id, rate in codes},
            currency=settings.home_currency,
            rounding="on_total" if settings.tax_on_total else "per_line",
        )

    def lines(self, record: InvoiceRecord) -> tuple[PulledLine, ...]:
        return tuple(self._line(line) for line in record.lines)

    def _line(self, line: LineRecord) -> PulledLine:
        item = self.items.get(line.item_id or "") or self.names.get(line.item_name.casefold())
        code = self.codes.get(line.tax_code_id or "") if line.taxable else None
        text = line.description or ("" if item is not None else line.item_name)
        return PulledLine(
            item_id=item,
            description=text,
            quantity=line.quantity,
            unit_price=line.unit_price,
            amount=line.amount,
            tax_code_id=code[0] if code is not None else None,
            tax_rate=code[1] if code is not None else Decimal(0),
        )

    def document(self, record: InvoiceRecord, customer_id: int, service: str) -> PulledInvoice:
        lines = self.lines(record)
        plain = sum((line.amount for line in lines), Decimal(0)) - record.discount
        total = record.total if record.total is not None else plain + (record.tax_total or Decimal(0))
        return PulledInvoice(
            number=record.number.strip() or f"{service} {record.external_id}",
            customer_id=customer_id,
            issued_on=record.issued_on,
            due_on=record.due_on,
            currency=record.currency or self.currency,
            lines=lines,
            total=total,
            tax=record.tax_total if record.tax_total is not None else total - plain,
            discount=record.discount,
            discount_percent=record.discount_percent,
            note=record.memo,
            rounding=self.rounding,
        )


def _bring(session: Session, run: PullRun, record: InvoiceRecord, since: date, books: _Books) -> None:
    """An invoice that is not linked: ours by its stamp, or made there."""
    if record.voided or record.draft:
        return
    if _ours_by_stamp(session, run, record):
        return
    if record.issued_on < since:
        return
    customer = links_to(session, run.key, Kind.CUSTOMER, [record.customer_id]).get(record.customer_id)
    if customer is None:
        return
    same = session.scalar(select(Invoice).where(Invoice.number == record.number)) if record.number else None
    if same is not None:
        _number_is_ours(session, run, record, same, customer.local_id)
        return
    try:
        with session.begin_nested():
            invoice_id = keep_invoice(session, run.desk, books.document(record, customer.local_id, run.service))
    except InputError as error:
        run.not_kept(Kind.INVOICE, record.number, error.title)
        return
    now = run.now()
    link = first_link(now, run.key, Kind.INVOICE, invoice_id, record, record, 1, run.company.connection_id)
    link.agreed = _document_agreed(record)
    session.add(link)
    run.pulled.note(CAME_IN, Kind.INVOICE)
    run.log(session, Kind.INVOICE, invoice_id, record.number, "create", record.external_id or "")


def _document_agreed(record: InvoiceRecord) -> dict[str, Any]:
    known = compared(Kind.INVOICE, record)
    return {"ours": known, "theirs": known, "total": str(record.total), "tax": str(record.tax_total)}


def _rewrite(session: Session, run: PullRun, invoice: Invoice, link: ExternalLink, theirs: InvoiceRecord) -> None:
    """Made there, changed there: the whole document is taken over."""
    link.external_version = theirs.version or link.external_version
    wanted = _document_agreed(theirs)
    if link.agreed == wanted and invoice.status == InvoiceStatus.SENT:
        return
    customer = links_to(session, run.key, Kind.CUSTOMER, [theirs.customer_id]).get(theirs.customer_id)
    customer_id = customer.local_id if customer is not None else invoice.customer_id
    document = _Books.of(session, run).document(theirs, customer_id, run.service)
    try:
        with session.begin_nested():
            rewrite_invoice(session, run.desk, invoice.id, document)
    except InputError as error:
        run.pulled.problems.append((invoice.number, error.title))
        return
    session.refresh(invoice)
    invoice.status = InvoiceStatus.SENT.value
    link.agreed, link.agreed_revision = wanted, invoice.revision
    run.pulled.note(CHANGED, Kind.INVOICE)
    run.log(session, Kind.INVOICE, invoice.id, invoice.number, "update", link.external_id)


def _ours_by_stamp(session: Session, run: PullRun, record: InvoiceRecord) -> bool:
    """Our own invoice, whose link is not known here: books from an older copy. It is tied by its stamp (S6)."""
    uuid, generation = stamp_of(record.marker)
    if not uuid:
        return False
    invoice = session.scalar(select(Invoice).where(Invoice.uuid == uuid))
    if invoice is None:
        return False
    if find_link(session, run.key, Kind.INVOICE.value, invoice.id) is None:
        _tie(session, run, invoice, record, generation)
    return True


def _tie(session: Session, run: PullRun, invoice: Invoice, theirs: InvoiceRecord, generation: int) -> None:
    sent_since(session, run, invoice)
    session.flush()
    ours = load_work_of(session, Kind.INVOICE, invoice.id)
    if ours is not None and ours.copied and not ours.gone:
        follow_invoice(session, run, ours, tie(session, run, ours, theirs), theirs)
        return
    now = run.now()
    store_link(
        session, now, run.key, Kind.INVOICE.value, invoice.id, theirs, theirs, 0, run.company.connection_id,
        generation=generation,
    )  # fmt: skip
    external_id = theirs.external_id or ""
    session.add(log_link(now, run.key, Kind.INVOICE, invoice.id, invoice.number, external_id, run.actor))
    run.pulled.note(LINKED, Kind.INVOICE)


def _number_is_ours(session: Session, run: PullRun, record: InvoiceRecord, ours: Invoice, customer_id: int) -> None:
    """The number stands on an invoice of ours: the same document typed twice, or a stranger (C18)."""
    linked = find_link(session, run.key, Kind.INVOICE.value, ours.id) is not None
    same = ours.customer_id == customer_id and ours.total == record.total
    if not same:  # changed there since a copy of the books was taken, or a stranger's: the owner can tell
        mine = load_work_of(session, Kind.INVOICE, ours.id)
        same = mine is not None and mine.copied and not run.company.provider.capabilities.invoice_stamps
    same = same and not stamp_of(record.marker)[0] and same_name(ours.number, record.number)
    if not linked and same and ours.status == InvoiceStatus.SENT:
        who = tr("the same customer")
        if ours.customer_id != customer_id:
            who = session.get_one(Customer, customer_id).display_name
        error = NumberTaken(run.service, ours.number, taken_by=who, can_link=True)
        run.ask(session, Kind.INVOICE, ours.id, ours.number, error, {})
    else:
        why = tr("This number is on another invoice of yours; give one of the two another number.")
        run.not_kept(Kind.INVOICE, record.number, why)
