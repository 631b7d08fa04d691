"""Invoices with their lines."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from desktop.models.base import Amount, Base, Fine, Id, Utc


class Invoice(Base):
    """An invoice. Stored states are draft, sent and void; paid and overdue are derived, as are paid and balance.

    Subtotal, tax and total are what `books.totals` computed from the lines when they were last saved, so
    that a list can be sorted by them; amounts are in `currency`.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        Index("ix_invoice_issued_on_id", "issued_on", "id"),
        Index("ix_invoice_total_id", "total", "id"),
        Index("ix_invoice_status_id", "status", "id", "total", "due_on"),  # all that "owed" and "overdue" need
        Index("ix_invoice_customer_id_id", "customer_id", "id"),
        Index("ix_invoice_number_key_id", "number_key", "id"),
        Index("ix_invoice_due_on_id", "due_on", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    number_key: Mapped[str] = mapped_column(String(60))
    """`number` with its digits padded, so that 9 sorts before 10."""
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    status: Mapped[str] = mapped_column(String(8))
    """`InvoiceStatus` value: draft, sent or void."""
    issued_on: Mapped[date] = mapped_column(Date)
    due_on: Mapped[date | None] = mapped_column(Date)
    currency: Mapped[str] = mapped_column(String(3))
    discount_percent: Mapped[Decimal | None] = mapped_column(Fine)
    discount_amount: Mapped[Decimal | None] = mapped_column(Amount)
    """A fixed discount; at most one of the two is set."""
    rounding: Mapped[str] = mapped_column(String(10))
    """`Rounding` value; frozen when the invoice becomes sent (E5)."""
    note: Mapped[str] = mapped_column(Text, default="")
    """Shown to the customer."""
    subtotal: Mapped[Decimal] = mapped_column(Amount)
    discount: Mapped[Decimal] = mapped_column(Amount)
    tax: Mapped[Decimal] = mapped_column(Amount)
    total: Mapped[Decimal] = mapped_column(Amount)
    from_service: Mapped[bool] = mapped_column(Boolean, default=False)
    """Made in the service and pulled in: its lines are read-only here (E1)."""
    revision: Mapped[int] = mapped_column(Integer, default=1)
    sent_at: Mapped[datetime | None] = mapped_column(Utc)
    """When it became SENT here (C6 compares it with the time of connecting); None for one sent by another program."""
    created_at: Mapped[datetime] = mapped_column(Utc)
    updated_at: Mapped[datetime] = mapped_column(Utc)

    lines: Mapped[list[InvoiceLine]] = relationship(
        order_by="InvoiceLine.position", cascade="all, delete-orphan", lazy="raise"
    )


class InvoiceLine(Base):
    """One line; `amount` is quantity x unit price rounded to the currency."""

    __tablename__ = "invoice_line"
    __table_args__ = (UniqueConstraint("invoice_id", "position"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), index=True)
    description: Mapped[str] = mapped_column(Text, default="")
    quantity: Mapped[Decimal] = mapped_column(Fine)
    unit_price: Mapped[Decimal] = mapped_column(Fine)
    amount: Mapped[Decimal] = mapped_column(Amount)
    tax_code_id: Mapped[int | None] = mapped_column(ForeignKey("tax_code.id"))
    tax_rate: Mapped[Decimal] = mapped_column(Fine, default=Decimal(0))
    """Percent, as it was when the invoice was saved."""


class TaxCode(Base):
    """A tax code. `external_id` ties it to the company it was read from; None for one typed in here."""

    __tablename__ = "tax_code"
    __table_args__ = (UniqueConstraint("provider", "company_id", "external_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    rate: Mapped[Decimal] = mapped_column(Fine)
    """Percent."""
    provider: Mapped[str | None] = mapped_column(String(16))
    company_id: Mapped[str | None] = mapped_column(String(64))
    external_id: Mapped[str | None] = mapped_column(String(128))
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class NumberSeries(Base):
    """The next invoice number, reserved in the same transaction that uses it so that two desks never collide."""

    __tablename__ = "number_series"

    prefix: Mapped[str] = mapped_column(String(20), primary_key=True)
    next_value: Mapped[int] = mapped_column(Integer)
    width: Mapped[int] = mapped_column(Integer, default=4)
