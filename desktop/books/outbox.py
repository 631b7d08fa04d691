"""A push is promised in the transaction of the change that causes it, so that neither is ever without the other."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.models.connection import Connection, ExternalLink
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.session import note_change
from desktop.models.states import InvoiceStatus, PushReason, Switches
from desktop.models.work import Intention, OutboxEntry

DEBOUNCE = timedelta(seconds=2)
"""How long an automatic push waits for further changes of the same record (M70)."""


def promise(session: Session, desk: Desk, kind: str, local_id: int, reason: PushReason, *, asked: bool = False) -> None:
    """Have this record pushed: at once when it was asked for, else after `DEBOUNCE`.

    A record has one entry; promising again raises its `serial`, so that a run under way keeps the newer
    promise. What was asked for by hand stays asked for. No switch is looked at (`promise_if_due` does).
    """
    reason = PushReason.ASKED if asked else reason
    now = desk.clock.now()
    due = now + DEBOUNCE if reason is PushReason.CHANGED else now
    entry = session.execute(
        select(OutboxEntry).where(OutboxEntry.kind == kind, OutboxEntry.local_id == local_id)
    ).scalar_one_or_none()
    if entry is None:
        entry = OutboxEntry(kind=kind, local_id=local_id, serial=0, reason="", not_before=due, created_at=now)
        session.add(entry)
    entry.serial += 1
    if reason is PushReason.ASKED:
        entry.asked_by = desk.account
    if entry.reason != PushReason.ASKED or reason is PushReason.ASKED:
        entry.reason = reason
        entry.not_before = due
    if reason is not PushReason.RETRY:
        entry.attempts = 0
    session.flush()
    note_change(session, "outbox", entry.id)
    note_change(session, kind, local_id)


def promise_if_due(session: Session, desk: Desk, kind: str, local_id: int) -> bool:
    """Promise this record if its change goes out by itself; says whether it does.

    It does when a company is connected, Auto-Sync and the switch of its kind are on (C15, E7), and the
    record is linked already or came into being, or was sent, after connecting (C6, M74).
    """
    connection = live_connection(session)
    if connection is None:
        return False
    switches = Switches.from_json(connection.switches)
    if not switches.auto or not getattr(switches, f"{kind}s"):
        return False
    if not _goes_out(session, connection, switches, kind, local_id):
        return False
    promise(session, desk, kind, local_id, PushReason.CHANGED)
    return True


def live_connection(session: Session) -> Connection | None:
    """The one connection that is not ended, whatever state it is in."""
    return session.execute(select(Connection).where(Connection.live == 1)).scalar_one_or_none()


def linked(session: Session, connection: Connection, kind: str, local_id: int) -> bool:
    """Whether the connected company holds this record."""
    found = session.execute(
        select(func.count()).where(
            ExternalLink.provider == connection.provider,
            ExternalLink.company_id == connection.company_id,
            ExternalLink.kind == kind,
            ExternalLink.local_id == local_id,
        )
    )
    return bool(found.scalar_one())


def on_its_way(session: Session, kind: str, local_id: int) -> bool:
    """Whether this record is being sent now, or was and nobody knows: what is changed meanwhile must follow."""
    promised = session.scalar(
        select(OutboxEntry.id).where(OutboxEntry.kind == kind, OutboxEntry.local_id == local_id).limit(1)
    )
    if promised is not None:
        return True
    unsettled = select(Intention.id).where(
        Intention.kind == kind, Intention.local_id == local_id, Intention.outcome.in_(("open", "in_doubt"))
    )
    return session.scalar(unsettled.limit(1)) is not None


def _goes_out(session: Session, connection: Connection, switches: Switches, kind: str, local_id: int) -> bool:
    if kind == "invoice":
        return _invoice_goes_out(session, connection, session.get_one(Invoice, local_id))
    if kind == "payment":
        return _payment_goes_out(session, connection, switches, session.get_one(Payment, local_id))
    table: type[Customer] | type[Item] = Customer if kind == "customer" else Item
    created_at = session.execute(select(table.created_at).where(table.id == local_id)).scalar_one()
    return linked(session, connection, kind, local_id) or created_at >= connection.connected_at


def _invoice_goes_out(session: Session, connection: Connection, invoice: Invoice) -> bool:
    if invoice.status == InvoiceStatus.DRAFT:
        return False
    if linked(session, connection, "invoice", invoice.id) or on_its_way(session, "invoice", invoice.id):
        return True
    sent_since = invoice.sent_at is not None and invoice.sent_at >= connection.connected_at
    return invoice.status == InvoiceStatus.SENT and sent_since


def _payment_goes_out(session: Session, connection: Connection, switches: Switches, payment: Payment) -> bool:
    """A payment follows its invoice (M84): it never drags along one that would stay here by itself."""
    if payment.deleted:
        return linked(session, connection, "payment", payment.id) or on_its_way(session, "payment", payment.id)
    invoices = session.scalars(
        select(Invoice)
        .join(PaymentAllocation, PaymentAllocation.invoice_id == Invoice.id)
        .where(PaymentAllocation.payment_id == payment.id, Invoice.status == InvoiceStatus.SENT)
    ).all()
    return any(
        linked(session, connection, "invoice", invoice.id)
        or (switches.invoices and _invoice_goes_out(session, connection, invoice))
        for invoice in invoices
    )
