"""What the owner can do with invoices: draft -> sent -> void; paid and overdue follow from payments and dates."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, selectinload

from desktop.books.balances import paid_of
from desktop.books.desk import Desk
from desktop.books.drafts import InvoiceDraft, LineDraft, Written, write_out
from desktop.books.numbers import check_number, next_number, number_key, reserve_number
from desktop.books.outbox import live_connection, promise_if_due
from desktop.books.totals import Line, Rounding, compute
from desktop.errors import InputError, NotAllowed
from desktop.models.invoice import Invoice, InvoiceLine
from desktop.models.session import note_change
from desktop.models.states import InvoiceStatus
from desktop.models.work import OutboxEntry, SyncStatus
from desktop.text import tr

__all__ = [
    "InvoiceDraft",
    "LineDraft",
    "change_number",
    "company_rounding",
    "create_invoice",
    "delete_draft",
    "load_invoice",
    "mark_sent",
    "next_number",
    "update_invoice",
    "void_invoice",
]


def create_invoice(session: Session, desk: Desk, draft: InvoiceDraft) -> int:
    """Keep a new draft and return its id; without a number of its own it takes the next one.

    Drafts never leave the desk (C4). Raises InputError naming the field.
    """
    written = write_out(session, desk, draft, company_rounding(session))
    number = check_number(session, draft.number) if draft.number is not None else reserve_number(session)
    now = desk.clock.now()
    invoice = Invoice(
        uuid=desk.entropy.uuid(),
        number=number,
        number_key=number_key(number),
        status=InvoiceStatus.DRAFT.value,
        created_at=now,
        updated_at=now,
        lines=[],
        **written.values,
    )
    _set_lines(invoice, written)
    session.add(invoice)
    session.flush()
    note_change(session, "invoice", invoice.id)
    return invoice.id


def update_invoice(session: Session, desk: Desk, invoice_id: int, draft: InvoiceDraft) -> None:
    """Keep the owner's edit of a draft or sent invoice; a number of None keeps the one it has.

    An edit of a synced one goes out by itself when Auto-Sync is on, else it shows as changed (C4). The
    rounding of a sent invoice stays what it was (E5). Raises InputError, NotAllowed; nothing happens when
    nothing differs.
    """
    invoice = load_invoice(session, invoice_id)
    _may_edit(invoice)
    sent = invoice.status == InvoiceStatus.SENT
    rounding = Rounding(invoice.rounding) if sent else company_rounding(session)
    written = write_out(session, desk, draft, rounding, currency=invoice.currency)
    _fits_payments(session, invoice, written)
    if draft.number is not None and draft.number != invoice.number:
        invoice.number = check_number(session, draft.number, invoice.id)
        invoice.number_key = number_key(invoice.number)
    for name, value in written.values.items():
        setattr(invoice, name, value)
    _set_lines(invoice, written)
    if session.is_modified(invoice) or any(session.is_modified(line) for line in invoice.lines):
        _changed(session, desk, invoice)


def mark_sent(session: Session, desk: Desk, invoice_id: int) -> None:
    """Draft -> sent: from now on it counts, may be paid, and goes out (C4). Freezes the rounding (E5).

    Raises NotAllowed for anything but a draft.
    """
    invoice = load_invoice(session, invoice_id)
    if invoice.status != InvoiceStatus.DRAFT:
        raise NotAllowed(tr("Invoice {number} is not a draft any more.", number=invoice.number))
    rounding = company_rounding(session)
    lines = [Line(line.quantity, line.unit_price, line.tax_rate) for line in invoice.lines]
    totals = compute(
        lines,
        currency=invoice.currency,
        discount_percent=invoice.discount_percent,
        discount_amount=invoice.discount_amount,
        rounding=rounding,
    )
    invoice.rounding, invoice.tax, invoice.total = rounding.value, totals.tax, totals.total
    invoice.status = InvoiceStatus.SENT.value
    invoice.sent_at = desk.clock.now()
    _changed(session, desk, invoice)


def void_invoice(session: Session, desk: Desk, invoice_id: int) -> None:
    """Sent -> void: it stays as a record with nothing owed. Raises NotAllowed for drafts and while it is paid."""
    invoice = load_invoice(session, invoice_id)
    if invoice.status == InvoiceStatus.DRAFT:
        raise NotAllowed(tr("A draft is not voided but deleted."))
    if invoice.status == InvoiceStatus.VOID:
        raise NotAllowed(tr("Invoice {number} is void already.", number=invoice.number))
    _may_edit(invoice)
    if paid_of(session, invoice.id):
        raise NotAllowed(
            tr("Invoice {number} has payments.", number=invoice.number), tr("Remove them first, then void it.")
        )
    invoice.status = InvoiceStatus.VOID.value
    _changed(session, desk, invoice)


def delete_draft(session: Session, desk: Desk, invoice_id: int) -> None:
    """Delete a draft for good; its number is not given again. Raises NotAllowed for anything else."""
    invoice = load_invoice(session, invoice_id)
    if invoice.status != InvoiceStatus.DRAFT:
        raise NotAllowed(
            tr("Invoice {number} was sent and can't be deleted.", number=invoice.number), tr("Void it instead.")
        )
    for table in (OutboxEntry, SyncStatus):
        session.execute(delete(table).where(table.kind == "invoice", table.local_id == invoice.id))
    session.delete(invoice)
    session.flush()
    note_change(session, "invoice", invoice_id)


def change_number(session: Session, desk: Desk, invoice_id: int, number: str) -> None:
    """Give a draft or sent invoice another number (M143, C18). Raises InputError, NotAllowed."""
    invoice = load_invoice(session, invoice_id)
    _may_edit(invoice)
    if number == invoice.number:
        return
    invoice.number = check_number(session, number, invoice.id)
    invoice.number_key = number_key(number)
    _changed(session, desk, invoice)


def load_invoice(session: Session, invoice_id: int) -> Invoice:
    """The invoice with its lines, fresh from the database. Raises NotAllowed when it is gone."""
    query = select(Invoice).where(Invoice.id == invoice_id).options(selectinload(Invoice.lines))
    invoice = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if invoice is None:
        raise NotAllowed(tr("This invoice is no longer there."))
    return invoice


def company_rounding(session: Session) -> Rounding:
    """How the connected service rounds tax; once on the invoice where none is connected."""
    connection = live_connection(session)
    if connection is None or connection.company_settings.get("tax_on_total", True):
        return Rounding.ON_TOTAL
    return Rounding.PER_LINE


def _may_edit(invoice: Invoice) -> None:
    if invoice.status == InvoiceStatus.VOID:
        raise NotAllowed(tr("Invoice {number} is void and can't be changed.", number=invoice.number))
    if invoice.from_service:
        raise NotAllowed(
            tr("Invoice {number} was written in the accounting service.", number=invoice.number),
            tr("Change it there; the change arrives here with the next sync."),
        )


def _fits_payments(session: Session, invoice: Invoice, written: Written) -> None:
    paid = paid_of(session, invoice.id)
    if not paid:
        return
    advice = tr("Remove the payment first.")
    if written.values["total"] < paid:
        title = tr("{paid} has been paid already: the total can't be less.", paid=paid)
        raise InputError("lines", title, advice)
    if written.values["customer_id"] != invoice.customer_id:
        raise InputError("customer_id", tr("A paid invoice keeps its customer."), advice)
    if written.values["currency"] != invoice.currency:
        raise InputError("currency", tr("A paid invoice keeps its currency."), advice)


def _set_lines(invoice: Invoice, written: Written) -> None:
    """Lines keep their rows by position: replacing them would meet their own positions in one flush."""
    del invoice.lines[len(written.lines) :]
    for position, values in enumerate(written.lines):
        if position == len(invoice.lines):
            invoice.lines.append(InvoiceLine(position=position))
        for name, value in values.items():
            setattr(invoice.lines[position], name, value)


def _changed(session: Session, desk: Desk, invoice: Invoice) -> None:
    invoice.revision += 1
    invoice.updated_at = desk.clock.now()
    session.flush()
    note_change(session, "invoice", invoice.id)
    promise_if_due(session, desk, "invoice", invoice.id)
