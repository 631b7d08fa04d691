"""What has been paid is always added up from payment rows, never stored (M82, design 2.9)."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desktop.models.invoice import Invoice
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.states import InvoiceStatus
from desktop.money import ZERO


def paid_of(session: Session, invoice_id: int) -> Decimal:
    """The sum of this invoice's parts of all payments that were not taken back, in its currency."""
    query = (
        select(func.sum(PaymentAllocation.amount))
        .join(Payment, Payment.id == PaymentAllocation.payment_id)
        .where(PaymentAllocation.invoice_id == invoice_id, Payment.deleted.is_(False))
    )
    return session.execute(query).scalar_one() or ZERO


def balance_of(session: Session, invoice: Invoice) -> Decimal:
    """What is still owed on a sent invoice, in its currency; nothing on drafts and void ones."""
    if invoice.status != InvoiceStatus.SENT:
        return ZERO
    return invoice.total - paid_of(session, invoice.id)
