"""What Sync Now sends: everything that would have gone out by itself, had Auto-Sync been on (M60, E7)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.books.outbox import promise
from desktop.models.connection import Connection, ExternalLink
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.states import InvoiceStatus, PushReason, Switches
from desktop.models.work import SyncStatus
from desktop.providers.records import Kind


def pending(session: Session, connection: Connection, *, by_hand: bool = True) -> list[tuple[Kind, int]]:
    """Records that wait to be sent, as the entity switches allow; older invoices never (C6).

    Linked records that were edited, customers and items made since connecting, invoices sent since
    connecting, payments of linked invoices, and everything that failed before. `by_hand` takes payments
    along although their switch is off: that switch only keeps them from going by themselves (M85, E7).
    """
    switches = Switches.from_json(connection.switches)
    found: dict[tuple[Kind, int], None] = {}
    if switches.customers:
        found.update(_edited_or_new(session, connection, Kind.CUSTOMER, Customer))
    if switches.items:
        found.update(_edited_or_new(session, connection, Kind.ITEM, Item))
    if switches.invoices:
        found.update(_invoices(session, connection))
    if switches.payments or by_hand:
        found.update(_payments(session, connection))
    return list(found)


def promise_pending(session: Session, desk: Desk, connection: Connection, *, by_hand: bool = True) -> int:
    """Promise all of it, and say how many; not `by_hand` when a switch was turned on and it goes by itself."""
    records = pending(session, connection, by_hand=by_hand)
    reason = PushReason.ASKED if by_hand else PushReason.CHANGED
    for kind, local_id in records:
        promise(session, desk, kind.value, local_id, reason, asked=by_hand)
    return len(records)


def _link_of(connection: Connection, kind: Kind, local_id: Any) -> ColumnElement[bool]:
    return and_(
        ExternalLink.provider == connection.provider,
        ExternalLink.company_id == connection.company_id,
        ExternalLink.kind == kind.value,
        ExternalLink.local_id == local_id,
    )


def _edited_or_new(
    session: Session, connection: Connection, kind: Kind, table: type[Customer] | type[Item]
) -> dict[tuple[Kind, int], None]:
    query = (
        select(table.id)
        .outerjoin(ExternalLink, _link_of(connection, kind, table.id))
        .where(
            or_(
                and_(ExternalLink.id.is_not(None), table.revision > ExternalLink.agreed_revision),
                and_(
                    ExternalLink.id.is_(None),
                    table.created_at >= connection.connected_at,
                    table.active.is_(True),
                    table.imported.is_(False),
                ),
                exists().where(SyncStatus.kind == kind.value, SyncStatus.local_id == table.id),
            )
        )
    )
    if table is Item:
        query = query.where(Item.builtin.is_(False))
    return {(kind, local_id): None for local_id in session.scalars(query)}


def _invoices(session: Session, connection: Connection) -> dict[tuple[Kind, int], None]:
    failed = exists().where(SyncStatus.kind == Kind.INVOICE.value, SyncStatus.local_id == Invoice.id)
    query = (
        select(Invoice.id)
        .outerjoin(ExternalLink, _link_of(connection, Kind.INVOICE, Invoice.id))
        .where(
            Invoice.status != InvoiceStatus.DRAFT.value,
            or_(
                and_(ExternalLink.id.is_not(None), Invoice.revision > ExternalLink.agreed_revision),
                and_(
                    ExternalLink.id.is_(None),
                    Invoice.status == InvoiceStatus.SENT.value,
                    Invoice.sent_at >= connection.connected_at,
                ),
                failed,
            ),
        )
        .order_by(Invoice.id)
    )
    return {(Kind.INVOICE, local_id): None for local_id in session.scalars(query)}


def _payments(session: Session, connection: Connection) -> dict[tuple[Kind, int], None]:
    """Payments not sent yet whose invoice is there already, and removals of sent ones."""
    invoice_linked = (
        select(func.count())
        .select_from(PaymentAllocation)
        .join(ExternalLink, _link_of(connection, Kind.INVOICE, PaymentAllocation.invoice_id))
        .where(PaymentAllocation.payment_id == Payment.id)
        .scalar_subquery()
    )
    query = (
        select(Payment.id)
        .outerjoin(ExternalLink, _link_of(connection, Kind.PAYMENT, Payment.id))
        .where(
            Payment.from_service.is_(False),
            or_(
                and_(ExternalLink.id.is_(None), Payment.deleted.is_(False), invoice_linked > 0),
                and_(ExternalLink.id.is_not(None), Payment.revision > ExternalLink.agreed_revision),
            ),
        )
        .order_by(Payment.id)
    )
    return {(Kind.PAYMENT, local_id): None for local_id in session.scalars(query)}
