"""Money received. Only payment rows are ever pushed; "paid" is what they add up to (C5, M82)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.balances import balance_of, paid_of
from desktop.books.desk import Desk
from desktop.books.drafts import check_day
from desktop.books.outbox import promise_if_due
from desktop.books.typed import checked
from desktop.errors import InputError, NotAllowed
from desktop.models.invoice import Invoice
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.session import note_change
from desktop.models.states import InvoiceStatus
from desktop.money import bookable
from desktop.text import tr

METHODS = ("cash", "check", "card", "bank_transfer", "other")
"""How money comes in (M78): the values of the providers' `PaymentMethod`."""
AHEAD = timedelta(days=366)
"""A post-dated check is fine; a date further off is a slip of the keyboard."""

__all__ = [
    "METHODS",
    "PaymentDraft",
    "mark_paid",
    "paid_of",
    "record_payment",
    "remove_payment",
    "restore_payment",
    "update_payment",
]


@dataclass(frozen=True, slots=True)
class PaymentDraft:
    """A payment as typed, in the currency of its invoice."""

    invoice_id: int
    paid_on: date
    amount: Decimal
    method: str = "other"
    """One of `METHODS`."""
    reference: str = ""
    """The number of the check or transfer."""
    note: str = ""


def record_payment(session: Session, desk: Desk, draft: PaymentDraft) -> int:
    """Keep a payment of one sent invoice and return its id (M76).

    It goes out by itself when its switch is on and its invoice does (M84, M85). Raises InputError naming
    the field, NotAllowed for invoices that are not sent.
    """
    invoice = _payable(session, draft.invoice_id)
    _check(session, desk, invoice, draft, balance_of(session, invoice))
    now = desk.clock.now()
    payment = Payment(
        uuid=desk.entropy.uuid(),
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        created_at=now,
        updated_at=now,
        **_values(draft),
    )
    session.add(payment)
    session.flush()
    session.add(PaymentAllocation(payment_id=payment.id, invoice_id=invoice.id, amount=draft.amount))
    _settle(session, desk, payment)
    return payment.id


def mark_paid(
    session: Session, desk: Desk, invoice_id: int, paid_on: date, method: str = "other", reference: str = ""
) -> int:
    """Record a payment of all that is still open, and return its id (C5, M77). Raises InputError, NotAllowed."""
    open_balance = balance_of(session, _payable(session, invoice_id))
    if open_balance <= 0:
        raise NotAllowed(tr("Nothing is owed on this invoice any more."))
    return record_payment(session, desk, PaymentDraft(invoice_id, paid_on, open_balance, method, reference))


def update_payment(session: Session, desk: Desk, payment_id: int, draft: PaymentDraft) -> None:
    """Keep the owner's edit; the invoice it pays stays the same. Raises InputError, NotAllowed."""
    payment, parts = _own(session, payment_id)
    if payment.deleted:
        raise NotAllowed(tr("This payment was removed."))
    if [part.invoice_id for part in parts] != [draft.invoice_id]:
        raise NotAllowed(tr("A payment can't be moved to another invoice."), tr("Remove it and record it there."))
    invoice = _payable(session, draft.invoice_id)
    _check(session, desk, invoice, draft, balance_of(session, invoice) + parts[0].amount)
    for name, value in _values(draft).items():
        setattr(payment, name, value)
    parts[0].amount = draft.amount
    if session.is_modified(payment) or session.is_modified(parts[0]):
        _changed(session, desk, payment)


def remove_payment(session: Session, desk: Desk, payment_id: int) -> None:
    """Take a payment back: it no longer counts, and is removed at the service if it went there.

    The row is kept, so that this can be sent and undone. Raises NotAllowed for one made in the service.
    """
    payment, _ = _own(session, payment_id)
    if not payment.deleted:
        payment.deleted = True
        _changed(session, desk, payment)


def restore_payment(session: Session, desk: Desk, payment_id: int) -> None:
    """Undo a removal. Raises NotAllowed when the invoice has been paid otherwise meanwhile."""
    payment, parts = _own(session, payment_id)
    if not payment.deleted:
        return
    for part in parts:
        if part.amount > balance_of(session, _payable(session, part.invoice_id)):
            raise NotAllowed(tr("The invoice has been paid otherwise meanwhile."))
    payment.deleted = False
    _changed(session, desk, payment)


def _payable(session: Session, invoice_id: int) -> Invoice:
    invoice = session.get(Invoice, invoice_id)
    if invoice is None:
        raise NotAllowed(tr("This invoice is no longer there."))
    if invoice.status == InvoiceStatus.DRAFT:
        raise NotAllowed(
            tr("Invoice {number} is still a draft.", number=invoice.number), tr("Mark it as sent, then record it.")
        )
    if invoice.status == InvoiceStatus.VOID:
        raise NotAllowed(tr("Invoice {number} is void: nothing is owed on it.", number=invoice.number))
    return invoice


def _own(session: Session, payment_id: int) -> tuple[Payment, list[PaymentAllocation]]:
    payment = session.get(Payment, payment_id)
    if payment is None:
        raise NotAllowed(tr("This payment is no longer there."))
    if payment.from_service:
        raise NotAllowed(
            tr("This payment was entered in the accounting service."),
            tr("Change or remove it there; that arrives here with the next sync."),
        )
    query = select(PaymentAllocation).where(PaymentAllocation.payment_id == payment_id)
    return payment, list(session.scalars(query.order_by(PaymentAllocation.id)))


def _check(session: Session, desk: Desk, invoice: Invoice, draft: PaymentDraft, open_balance: Decimal) -> None:
    if bookable(draft.amount, invoice.currency, "amount") <= 0:
        raise InputError("amount", tr("A payment must be more than nothing."))
    if draft.amount > open_balance:
        raise InputError(
            "amount",
            tr(
                "{amount} {currency} is more than the {balance} {currency} still owed on invoice {number}.",
                amount=draft.amount,
                balance=bookable(open_balance, invoice.currency),
                currency=invoice.currency,
                number=invoice.number,
            ),
        )
    check_day("paid_on", draft.paid_on)
    if draft.paid_on > desk.clock.now().date() + AHEAD:
        raise InputError("paid_on", tr("{day} lies too far ahead for a payment.", day=draft.paid_on))
    if draft.method not in METHODS:
        raise InputError("method", tr("Choose how the money came in."))
    checked("reference", tr("The reference"), draft.reference, 40)
    checked("note", tr("The note"), draft.note, 4000, multiline=True)


def _values(draft: PaymentDraft) -> dict[str, object]:
    return {
        "paid_on": draft.paid_on,
        "amount": draft.amount,
        "method": str(draft.method),
        "reference": draft.reference,
        "note": draft.note,
    }


def _changed(session: Session, desk: Desk, payment: Payment) -> None:
    payment.revision += 1
    payment.updated_at = desk.clock.now()
    _settle(session, desk, payment)


def _settle(session: Session, desk: Desk, payment: Payment) -> None:
    """Tell of the payment and of the invoices it pays, and promise it where it is due."""
    session.flush()
    note_change(session, "payment", payment.id)
    parts = select(PaymentAllocation.invoice_id).where(PaymentAllocation.payment_id == payment.id)
    for invoice_id in session.scalars(parts):
        note_change(session, "invoice", invoice_id)
    promise_if_due(session, desk, "payment", payment.id)
