"""Invoices that were written elsewhere and are brought in whole: as they were then, and never sent by themselves.

An invoice that another program sent counts here from its own date on. It never was sent from this desk, so its
`sent_at` stays empty and nothing promises it, whatever its date (C6); a button or a back-fill sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.books.drafts import InvoiceDraft, check_day, write_out
from desktop.books.numbers import check_number, number_key
from desktop.books.totals import Rounding
from desktop.errors import InputError
from desktop.models.invoice import Invoice, InvoiceLine
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.session import note_change
from desktop.models.states import InvoiceStatus
from desktop.money import bookable
from desktop.text import tr


@dataclass(frozen=True, slots=True)
class PaidBefore:
    """What had been paid on an invoice when it was brought in, in its currency."""

    amount: Decimal
    paid_on: date
    note: str = ""


def keep_old_invoice(
    session: Session,
    desk: Desk,
    draft: InvoiceDraft,
    *,
    sent: bool,
    rounding: Rounding,
    paid: PaidBefore | None = None,
) -> int:
    """Keep an invoice with its own number, and what was paid on it; returns its id.

    A `sent` one was sent elsewhere: it has no moment of sending here. Raises InputError naming the field; nothing is
    kept then.
    """
    number = check_number(session, draft.number or "")
    written = write_out(session, desk, draft, rounding)
    now = desk.clock.now()
    invoice = Invoice(
        uuid=desk.entropy.uuid(),
        number=number,
        number_key=number_key(number),
        status=(InvoiceStatus.SENT if sent else InvoiceStatus.DRAFT).value,
        created_at=now,
        updated_at=now,
        lines=[InvoiceLine(position=place, **values) for place, values in enumerate(written.lines)],
        **written.values,
    )
    if paid is not None:
        _check_paid(invoice, paid)
    session.add(invoice)
    session.flush()
    note_change(session, "invoice", invoice.id)
    if paid is not None:
        _keep_paid(session, desk, invoice, paid)
    return invoice.id


def _check_paid(invoice: Invoice, paid: PaidBefore) -> None:
    if invoice.status != InvoiceStatus.SENT:
        raise InputError("paid", tr("A draft can't be paid."))
    if bookable(paid.amount, invoice.currency, "paid") <= 0:
        raise InputError("paid", tr("A payment must be more than nothing."))
    if paid.amount > invoice.total:
        raise InputError("paid", tr("{paid} was paid on a total of {total}.", paid=paid.amount, total=invoice.total))
    check_day("paid_on", paid.paid_on)


def _keep_paid(session: Session, desk: Desk, invoice: Invoice, paid: PaidBefore) -> None:
    now = min(desk.clock.now(), datetime.combine(paid.paid_on, time(12), UTC))  # no money of today's summary
    payment = Payment(
        uuid=desk.entropy.uuid(),
        customer_id=invoice.customer_id,
        paid_on=paid.paid_on,
        amount=paid.amount,
        currency=invoice.currency,
        method="other",
        note=paid.note,
        created_at=now,
        updated_at=now,
    )
    session.add(payment)
    session.flush()
    session.add(PaymentAllocation(payment_id=payment.id, invoice_id=invoice.id, amount=paid.amount))
    session.flush()
    note_change(session, "payment", payment.id)
