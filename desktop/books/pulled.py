"""What came from the accounting service, written into our books: kept, changed, voided, never deleted (I7).

Nothing here is promised back to the service. Amounts are taken as they stand there, because that is the
document; what is computed is only what an invoice of our own adds up to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.books.invoices import load_invoice
from desktop.books.items import other_work
from desktop.books.numbers import check_number, number_key
from desktop.books.totals import Line, Rounding, compute
from desktop.models.invoice import Invoice, InvoiceLine
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.session import note_change
from desktop.models.states import InvoiceStatus
from desktop.money import round_money

FINE = 6
"""Decimal places of the quantities and prices that we keep."""


@dataclass(frozen=True, slots=True)
class PulledLine:
    """A line as it stands there; amounts in the invoice's currency."""

    item_id: int | None
    """Ours; None for "Other work"."""
    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    tax_code_id: int | None = None
    tax_rate: Decimal = Decimal(0)
    """Percent."""


@dataclass(frozen=True, slots=True)
class PulledInvoice:
    """An invoice as it stands there."""

    number: str
    customer_id: int
    issued_on: date
    due_on: date | None
    currency: str
    lines: tuple[PulledLine, ...]
    total: Decimal
    tax: Decimal
    discount: Decimal = Decimal(0)
    discount_percent: Decimal | None = None
    note: str = ""
    rounding: str = Rounding.ON_TOTAL.value


@dataclass(frozen=True, slots=True)
class PulledPayment:
    """Money received there; `parts` are (our invoice, amount)."""

    customer_id: int
    paid_on: date
    amount: Decimal
    currency: str
    method: str
    parts: tuple[tuple[int, Decimal], ...]
    reference: str = ""


# --- invoices ------------------------------------------------------------------------------------------


def keep_invoice(session: Session, desk: Desk, pulled: PulledInvoice) -> int:
    """Keep an invoice that was made there: sent, read-only, marked (E1); its id.

    Raises InputError where its number is another invoice's here.
    """
    now = desk.clock.now()
    number = check_number(session, pulled.number) if len(pulled.number) <= 21 else pulled.number[:40]
    invoice = Invoice(
        uuid=desk.entropy.uuid(),
        number=number,
        number_key=number_key(number),
        status=InvoiceStatus.SENT.value,
        from_service=True,
        revision=1,
        created_at=now,
        updated_at=now,
        lines=[],
        **_head(pulled),
    )
    _set_lines(session, desk, invoice, pulled.lines)
    session.add(invoice)
    session.flush()
    note_change(session, "invoice", invoice.id)
    return invoice.id


def rewrite_invoice(session: Session, desk: Desk, invoice_id: int, pulled: PulledInvoice) -> None:
    """An invoice that was made there changed there: all of it is taken over. Raises InputError for its number."""
    invoice = load_invoice(session, invoice_id)
    if pulled.number != invoice.number:
        invoice.number = check_number(session, pulled.number, invoice.id)
        invoice.number_key = number_key(invoice.number)
    for name, value in _head(pulled).items():
        setattr(invoice, name, value)
    _set_lines(session, desk, invoice, pulled.lines)
    _changed(session, desk, invoice)


def take_into_invoice(
    session: Session, desk: Desk, invoice_id: int, fields: Mapping[str, Any], lines: Sequence[PulledLine] | None
) -> None:
    """Take fields over into an invoice of our own, which is then added up anew in its own rounding (E5).

    `fields` are columns ("number", "issued_on", ...). Raises InputError for a number that is taken.
    """
    invoice = load_invoice(session, invoice_id)
    values = dict(fields)
    if "number" in values:
        values["number"] = check_number(session, values["number"], invoice.id)
        values["number_key"] = number_key(values["number"])
    for name, value in values.items():
        setattr(invoice, name, value)
    if lines is not None:
        _set_lines(session, desk, invoice, lines)
    totals = compute(
        [Line(line.quantity, line.unit_price, line.tax_rate) for line in invoice.lines],
        currency=invoice.currency,
        discount_percent=invoice.discount_percent,
        discount_amount=invoice.discount_amount,
        rounding=Rounding(invoice.rounding),
    )
    for line, amount in zip(invoice.lines, totals.amounts, strict=True):
        line.amount = amount
    invoice.subtotal, invoice.discount = totals.subtotal, totals.discount
    invoice.tax, invoice.total = totals.tax, totals.total
    _changed(session, desk, invoice)


def void_pulled_invoice(session: Session, desk: Desk, invoice_id: int) -> bool:
    """An invoice that was made there is void or gone there: here it stays as void (I7); False if it was already."""
    invoice = session.get(Invoice, invoice_id)
    if invoice is None or invoice.status == InvoiceStatus.VOID:
        return False
    invoice.status = InvoiceStatus.VOID.value
    _changed(session, desk, invoice)
    return True


def _head(pulled: PulledInvoice) -> dict[str, Any]:
    subtotal = sum((line.amount for line in pulled.lines), Decimal(0))
    percent = pulled.discount_percent
    return {
        "customer_id": pulled.customer_id,
        "issued_on": pulled.issued_on,
        "due_on": pulled.due_on,
        "currency": pulled.currency,
        "discount_percent": round(percent, FINE) if percent is not None else None,
        "discount_amount": pulled.discount if percent is None and pulled.discount else None,
        "rounding": pulled.rounding,
        "note": pulled.note,
        "subtotal": round_money(subtotal, pulled.currency),
        "discount": round_money(pulled.discount, pulled.currency),
        "tax": round_money(pulled.tax, pulled.currency),
        "total": round_money(pulled.total, pulled.currency),
    }


def _set_lines(session: Session, desk: Desk, invoice: Invoice, lines: Sequence[PulledLine]) -> None:
    """Lines keep their rows by position: replacing them would meet their own positions in one flush."""
    with session.no_autoflush:
        values = [_line_values(session, desk, invoice.currency, line) for line in lines]
    del invoice.lines[len(values) :]
    for position, columns in enumerate(values):
        if position == len(invoice.lines):
            invoice.lines.append(InvoiceLine(position=position))
        for name, value in columns.items():
            setattr(invoice.lines[position], name, value)


def _line_values(session: Session, desk: Desk, currency: str, line: PulledLine) -> dict[str, Any]:
    return {
        "item_id": line.item_id if line.item_id is not None else other_work(session, desk),
        "description": line.description,
        "quantity": round(line.quantity, FINE),
        "unit_price": round(line.unit_price, FINE),
        "amount": round_money(line.amount, currency),
        "tax_code_id": line.tax_code_id,
        "tax_rate": round(line.tax_rate, FINE),
    }


def _changed(session: Session, desk: Desk, invoice: Invoice) -> None:
    invoice.revision += 1
    invoice.updated_at = desk.clock.now()
    session.flush()
    note_change(session, "invoice", invoice.id)


# --- payments ------------------------------------------------------------------------------------------


def keep_payment(session: Session, desk: Desk, pulled: PulledPayment) -> int:
    """Keep a payment that was entered there, with the invoices that it pays (E2, N9); its id."""
    now = desk.clock.now()
    payment = Payment(
        uuid=desk.entropy.uuid(), from_service=True, revision=1, created_at=now, updated_at=now, **_money(pulled)
    )
    session.add(payment)
    session.flush()
    _set_parts(session, payment, pulled.parts)
    return payment.id


def rewrite_payment(session: Session, desk: Desk, payment_id: int, pulled: PulledPayment) -> None:
    """A payment changed there: date, amount and the invoices that it pays are taken over; it counts again."""
    payment = session.get_one(Payment, payment_id)
    for name, value in _money(pulled).items():
        setattr(payment, name, value)
    payment.deleted = False
    payment.revision += 1
    payment.updated_at = desk.clock.now()
    _set_parts(session, payment, pulled.parts)


def remove_pulled_payment(session: Session, desk: Desk, payment_id: int) -> bool:
    """Taken back there: it no longer counts, so that its invoices are open again (N9). The row stays (I7)."""
    payment = session.get(Payment, payment_id)
    if payment is None or payment.deleted:
        return False
    payment.deleted = True
    payment.revision += 1
    payment.updated_at = desk.clock.now()
    session.flush()
    _tell(session, payment)
    return True


def _money(pulled: PulledPayment) -> dict[str, Any]:
    return {
        "customer_id": pulled.customer_id,
        "paid_on": pulled.paid_on,
        "amount": round_money(pulled.amount, pulled.currency),
        "currency": pulled.currency,
        "method": pulled.method,
        "reference": pulled.reference[:40],
    }


def _set_parts(session: Session, payment: Payment, parts: Sequence[tuple[int, Decimal]]) -> None:
    wanted = dict(parts)
    _tell(session, payment)  # invoices that it no longer pays must be shown anew too
    rows = session.scalars(select(PaymentAllocation).where(PaymentAllocation.payment_id == payment.id)).all()
    for row in rows:
        amount = wanted.pop(row.invoice_id, None)
        if amount is None:
            session.delete(row)
        else:
            row.amount = round_money(amount, payment.currency)
    for invoice_id, amount in wanted.items():
        session.add(
            PaymentAllocation(
                payment_id=payment.id, invoice_id=invoice_id, amount=round_money(amount, payment.currency)
            )
        )
    session.flush()
    _tell(session, payment)


def _tell(session: Session, payment: Payment) -> None:
    note_change(session, "payment", payment.id)
    parts = select(PaymentAllocation.invoice_id).where(PaymentAllocation.payment_id == payment.id)
    for invoice_id in session.scalars(parts):
        note_change(session, "invoice", invoice_id)
