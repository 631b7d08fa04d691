"""Older invoices, sent to the service on the owner's word: chosen by date, shown first, then exactly that (C6, N11)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from desktop.models.connection import ExternalLink
from desktop.models.invoice import Invoice
from desktop.models.states import CompanyKey, InvoiceStatus
from desktop.providers.records import Kind
from desktop.sync.work import Ref


def older_invoices(session: Session, company: CompanyKey, since: date, until: date | None = None) -> list[Ref]:
    """Sent invoices issued from `since` to `until` that the company does not hold, the oldest first.

    Neither Auto-Sync nor Sync Now nor the weekly run takes those that were sent before connecting (C6).
    """
    linked = exists().where(
        ExternalLink.provider == company.provider,
        ExternalLink.company_id == company.company_id,
        ExternalLink.kind == Kind.INVOICE.value,
        ExternalLink.local_id == Invoice.id,
    )
    query = (
        select(Invoice.id)
        .where(
            Invoice.status == InvoiceStatus.SENT.value,
            Invoice.from_service.is_(False),
            Invoice.issued_on >= since,
            ~linked,
        )
        .order_by(Invoice.issued_on, Invoice.id)
    )
    if until is not None:
        query = query.where(Invoice.issued_on <= until)
    return [(Kind.INVOICE, invoice_id) for invoice_id in session.scalars(query)]


def first_day(session: Session, company: CompanyKey) -> date | None:
    """The date of the oldest invoice that could be sent; None while there is none."""
    found = older_invoices(session, company, date.min)
    return session.get_one(Invoice, found[0][1]).issued_on if found else None
