"""The daily summary: what happened on one day, as plain values (C12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desktop.books.customers import real_email
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.payment import Payment
from desktop.models.states import InvoiceStatus
from desktop.models.work import ActivityRow


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A customer who was entered that day."""

    id: int
    name: str
    email: str
    """A real address or "" (M130)."""


@dataclass(frozen=True, slots=True)
class Money:
    """How many, and how much in which currency."""

    count: int
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class DailySummary:
    """One day of the books."""

    day: date
    new_customers: tuple[NewCustomer, ...]
    """Entered here; imported ones are no sign-ups, with or without an address (M132)."""
    imported_customers: int
    sent: tuple[Money, ...]
    """Invoices that became sent, one entry a currency; void ones left out."""
    paid: tuple[Money, ...]
    """Payments recorded, one entry a currency; those taken back left out."""
    failed: int
    """Records that a service refused that day, each counted once."""


def daily_summary(session: Session, day: date, zone: tzinfo = UTC) -> DailySummary:
    """What happened on `day` as the clock in `zone` counts it; payments by when they were recorded."""
    start = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    added = session.execute(
        select(Customer.id, Customer.display_name, Customer.email, Customer.imported)
        .where(Customer.created_at >= start, Customer.created_at < end)
        .order_by(Customer.created_at, Customer.id)
    ).all()
    sent = (
        select(Invoice.currency, func.count(), func.sum(Invoice.total))
        .where(Invoice.sent_at >= start, Invoice.sent_at < end, Invoice.status == InvoiceStatus.SENT.value)
        .group_by(Invoice.currency)
        .order_by(Invoice.currency)
    )
    paid = (
        select(Payment.currency, func.count(), func.sum(Payment.amount))
        .where(Payment.created_at >= start, Payment.created_at < end, Payment.deleted.is_(False))
        .group_by(Payment.currency)
        .order_by(Payment.currency)
    )
    refused = (
        select(ActivityRow.kind, ActivityRow.local_id)
        .where(ActivityRow.at >= start, ActivityRow.at < end, ActivityRow.result == "refused")
        .distinct()
    )
    return DailySummary(
        day=day,
        new_customers=tuple(
            NewCustomer(each.id, each.display_name, real_email(each.email)) for each in added if not each.imported
        ),
        imported_customers=sum(1 for each in added if each.imported),
        sent=tuple(Money(count, total, currency) for currency, count, total in session.execute(sent)),
        paid=tuple(Money(count, total, currency) for currency, count, total in session.execute(paid)),
        failed=len(session.execute(refused).all()),
    )
