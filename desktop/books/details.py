"""One invoice with everything that belongs to it, and records as the editors load them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from desktop.books.customers import CustomerDraft, real_email
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.invoice_lists import InvoiceRow, invoice_rows
from desktop.books.invoices import load_invoice
from desktop.books.items import ItemDraft
from desktop.books.sync_view import link_of, record_states
from desktop.errors import NotAllowed
from desktop.models.connection import ExternalLink
from desktop.models.customer import Customer
from desktop.models.invoice import InvoiceLine, TaxCode
from desktop.models.item import Item
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.states import CompanyKey, InvoiceStatus, SyncState
from desktop.models.work import ActivityRow, SyncStatus
from desktop.text import tr


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line of an invoice; amounts in its currency."""

    item_id: int
    item_name: str
    item_code: str
    """The item's own code (SKU), or ""."""
    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    tax_code_id: int | None
    tax_name: str
    tax_rate: Decimal
    """Percent."""
    free_text: bool
    """It uses the built-in item (E4)."""


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment of this invoice."""

    id: int
    paid_on: date
    amount: Decimal
    """The part that pays this invoice, in its currency."""
    method: str
    reference: str
    note: str
    from_service: bool
    external_id: str
    """The company's id of it (M79); "" while it is not there."""
    sync: SyncState


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One thing that happened to this invoice or its payments."""

    at: datetime
    actor: str
    direction: str
    """"out", "in" or "here"."""
    kind: str
    label: str
    action: str
    fields: tuple[str, ...]
    result: str
    message: str
    external_id: str
    service_ref: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stands in the way of a record: `SyncStatus` as plain values."""

    kind: str
    local_id: int
    state: SyncState
    title: str
    advice: str
    fix: str
    """A `Fix` value."""
    details: str
    concerns: tuple[dict[str, Any], ...]
    extra: dict[str, Any]
    until: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class InvoiceDetail:
    """Everything the detail pane shows; amounts in the invoice's currency."""

    row: InvoiceRow
    status: InvoiceStatus
    subtotal: Decimal
    discount: Decimal
    discount_percent: Decimal | None
    tax: Decimal
    rounding: str
    note: str
    sent_at: datetime | None
    revision: int
    customer_email: str
    """"" for none, and for a placeholder (M133)."""
    customer_linked: bool
    external_id: str
    """The company's id of this invoice (M75); "" while it is not there."""
    linked_at: datetime | None
    agreed_at: datetime | None
    lines: tuple[LineRow, ...]
    payments: tuple[PaymentRow, ...]
    history: tuple[HistoryRow, ...]
    """Newest first."""
    trouble: Trouble | None
    """Of the invoice itself, else of one of its payments."""


def invoice_detail(
    session: Session, invoice_id: int, company: CompanyKey | None, today: date | None = None
) -> InvoiceDetail:
    """The invoice with all that belongs to it. Raises NotAllowed when it is gone."""
    invoice = load_invoice(session, invoice_id)
    customer = session.get_one(Customer, invoice.customer_id)
    link = _link(session, company, "invoice", invoice_id)
    payments = _payments(session, company, invoice_id)
    payment_ids = list(session.scalars(_parts(invoice_id)))
    return InvoiceDetail(
        row=invoice_rows(session, [invoice_id], company, today)[0],
        status=InvoiceStatus(invoice.status),
        subtotal=invoice.subtotal,
        discount=invoice.discount,
        discount_percent=invoice.discount_percent,
        tax=invoice.tax,
        rounding=invoice.rounding,
        note=invoice.note,
        sent_at=invoice.sent_at,
        revision=invoice.revision,
        customer_email=real_email(customer.email),
        customer_linked=_link(session, company, "customer", customer.id) is not None,
        external_id=link.external_id if link else "",
        linked_at=link.linked_at if link else None,
        agreed_at=link.agreed_at if link else None,
        lines=_lines(session, invoice_id),
        payments=payments,
        history=_history(session, invoice_id, payment_ids),
        trouble=_trouble(session, invoice_id, payment_ids),
    )


def invoice_draft(session: Session, invoice_id: int) -> InvoiceDraft:
    """The invoice as its editor loads it; lines of free text have no item. Raises NotAllowed when it is gone."""
    invoice = load_invoice(session, invoice_id)
    builtin = set(session.scalars(select(Item.id).where(Item.builtin)))
    lines = tuple(
        LineDraft(
            None if line.item_id in builtin else line.item_id,
            line.description,
            line.quantity,
            line.unit_price,
            line.tax_code_id,
        )
        for line in invoice.lines
    )
    return InvoiceDraft(
        customer_id=invoice.customer_id,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        lines=lines,
        discount_percent=invoice.discount_percent,
        discount_amount=invoice.discount_amount,
        note=invoice.note,
        number=invoice.number,
        currency=invoice.currency,
    )


def customer_draft(session: Session, customer_id: int) -> CustomerDraft:
    """The customer as its editor loads it; a placeholder shows as "". Raises NotAllowed when it is gone."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise NotAllowed(tr("This customer is no longer there."))
    values = {name: getattr(customer, name) for name in CustomerDraft.__dataclass_fields__}
    return CustomerDraft(**{**values, "email": real_email(customer.email)})


def item_draft(session: Session, item_id: int) -> ItemDraft:
    """The item as its editor loads it. Raises NotAllowed when it is gone."""
    item = session.get(Item, item_id)
    if item is None:
        raise NotAllowed(tr("This item is no longer there."))
    return ItemDraft(**{name: getattr(item, name) for name in ItemDraft.__dataclass_fields__})


def trouble_of(session: Session, kind: str, local_id: int) -> Trouble | None:
    """What stands in the way of this record, if anything."""
    query = select(SyncStatus).where(SyncStatus.kind == kind, SyncStatus.local_id == local_id)
    row = session.scalars(query).one_or_none()
    return None if row is None else _plain(row)


def _plain(row: SyncStatus) -> Trouble:
    return Trouble(
        kind=row.kind,
        local_id=row.local_id,
        state=SyncState(row.state),
        title=row.title,
        advice=row.advice,
        fix=row.fix,
        details=row.details,
        concerns=tuple(row.concerns),
        extra=dict(row.extra),
        until=row.until,
        at=row.at,
    )


def _parts(invoice_id: int) -> Any:
    return select(PaymentAllocation.payment_id).where(PaymentAllocation.invoice_id == invoice_id)


def _trouble(session: Session, invoice_id: int, payment_ids: list[int]) -> Trouble | None:
    found = trouble_of(session, "invoice", invoice_id)
    if found is None and payment_ids:
        query = select(SyncStatus).where(SyncStatus.kind == "payment", SyncStatus.local_id.in_(payment_ids))
        row = session.scalars(query.order_by(SyncStatus.at.desc())).first()
        found = None if row is None else _plain(row)
    return found


def _link(session: Session, company: CompanyKey | None, kind: str, local_id: int) -> ExternalLink | None:
    query = select(ExternalLink).where(link_of(company, kind), ExternalLink.local_id == local_id)
    return session.scalars(query).one_or_none()


def _lines(session: Session, invoice_id: int) -> tuple[LineRow, ...]:
    query = (
        select(InvoiceLine, Item.name, Item.sku, Item.builtin, TaxCode.name)
        .join(Item, Item.id == InvoiceLine.item_id)
        .outerjoin(TaxCode, TaxCode.id == InvoiceLine.tax_code_id)
        .where(InvoiceLine.invoice_id == invoice_id)
        .order_by(InvoiceLine.position)
    )
    return tuple(
        LineRow(
            item_id=line.item_id,
            item_name=name,
            item_code=sku,
            description=line.description,
            quantity=line.quantity,
            unit_price=line.unit_price,
            amount=line.amount,
            tax_code_id=line.tax_code_id,
            tax_name=tax_name or "",
            tax_rate=line.tax_rate,
            free_text=builtin,
        )
        for line, name, sku, builtin, tax_name in session.execute(query)
    )


def _payments(session: Session, company: CompanyKey | None, invoice_id: int) -> tuple[PaymentRow, ...]:
    part = PaymentAllocation
    query = (
        select(Payment, part.amount, ExternalLink.external_id)
        .join(part, part.payment_id == Payment.id)
        .outerjoin(ExternalLink, and_(link_of(company, "payment"), ExternalLink.local_id == Payment.id))
        .where(part.invoice_id == invoice_id, Payment.deleted.is_(False))
        .order_by(Payment.paid_on, Payment.id)
    )
    rows = session.execute(query).all()
    states = record_states(session, company, "payment", [payment.id for payment, _, _ in rows])
    return tuple(
        PaymentRow(
            id=payment.id,
            paid_on=payment.paid_on,
            amount=amount,
            method=payment.method,
            reference=payment.reference,
            note=payment.note,
            from_service=payment.from_service,
            external_id=external_id or "",
            sync=states.of(payment.id),
        )
        for payment, amount, external_id in rows
    )


def _history(session: Session, invoice_id: int, payment_ids: list[int]) -> tuple[HistoryRow, ...]:
    row = ActivityRow
    mine = and_(row.kind == "invoice", row.local_id == invoice_id)
    theirs = and_(row.kind == "payment", row.local_id.in_(payment_ids))
    query = select(row).where(or_(mine, theirs)).order_by(row.at.desc(), row.id.desc()).limit(200)
    return tuple(
        HistoryRow(
            at=each.at,
            actor=each.actor,
            direction=each.direction,
            kind=each.kind,
            label=each.label,
            action=each.action,
            fields=tuple(each.fields),
            result=each.result,
            message=each.message,
            external_id=each.external_id,
            service_ref=each.service_ref,
        )
        for each in session.scalars(query)
    )
