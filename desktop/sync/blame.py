"""Names the record of ours that a service's refusal of an invoice is really about.

A service that finds a customer inactive says so of the invoice: only our books know which customer that is. Without
it the owner would be led to the invoice, and linking the customer anew would not send what waits (M141, M145).
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.errors import Concern, Fix, GoneRemote, ItemError
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice, InvoiceLine
from desktop.models.item import Item
from desktop.providers.records import Kind


def named(session: Session, service: str, invoice_id: int, error: ItemError) -> ItemError:
    """`error` with the invoice's customer, or its only item, among its concerns where that is what it is about."""
    culprit = _culprit(session, invoice_id, error)
    if culprit is None or any(one.kind == culprit.kind for one in error.concerns):
        return error
    if isinstance(error, GoneRemote):
        better = GoneRemote(service, culprit.label, fix=error.fix, details=error.details)
        better.service_ref = error.service_ref
        better.concerns = error.concerns
        error = better
    error.concerns = (culprit, *error.concerns)
    return error


def _culprit(session: Session, invoice_id: int, error: ItemError) -> Concern | None:
    if error.fix is Fix.LINK_CUSTOMER:
        row = session.execute(
            select(Customer.id, Customer.display_name)
            .join(Invoice, Invoice.customer_id == Customer.id)
            .where(Invoice.id == invoice_id)
        ).one_or_none()
        return Concern(Kind.CUSTOMER.value, row[0], row[1]) if row is not None else None
    if error.fix is Fix.LINK_ITEM:
        rows = session.execute(
            select(Item.id, Item.name)
            .join(InvoiceLine, InvoiceLine.item_id == Item.id)
            .where(InvoiceLine.invoice_id == invoice_id)
            .distinct()
        ).all()
        return Concern(Kind.ITEM.value, rows[0][0], rows[0][1]) if len(rows) == 1 else None
    return None
