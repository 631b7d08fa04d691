"""Customers: the payers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from desktop.models.base import Base, Id, Utc


class Customer(Base):
    """A payer. `revision` grows with every edit made through the app; nothing else counts as the owner's (S7)."""

    __tablename__ = "customer"
    __table_args__ = (
        Index("ix_customer_name_key_id", "name_key", "id"),
        Index("ix_customer_email", "email"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    display_name: Mapped[str] = mapped_column(String(500))
    name_key: Mapped[str] = mapped_column(String(500))
    """`display_name` folded (case, accents) for search and order."""
    given_name: Mapped[str] = mapped_column(String(100), default="")
    family_name: Mapped[str] = mapped_column(String(100), default="")
    company_name: Mapped[str] = mapped_column(String(500), default="")
    kind: Mapped[str] = mapped_column(String(16))
    """A `CustomerKind` value."""
    kind_reason: Mapped[str] = mapped_column(Text, default="")
    kind_chosen: Mapped[bool] = mapped_column(Boolean, default=False)
    """The owner chose the kind; rules never change it again."""
    email: Mapped[str] = mapped_column(String(320), default="")
    """May be a generated `@placeholder.local` address (M129): use `customers.real_email`."""
    phone: Mapped[str] = mapped_column(String(64), default="")
    line1: Mapped[str] = mapped_column(String(500), default="")
    line2: Mapped[str] = mapped_column(String(500), default="")
    city: Mapped[str] = mapped_column(String(255), default="")
    region: Mapped[str] = mapped_column(String(255), default="")
    postal_code: Mapped[str] = mapped_column(String(30), default="")
    country: Mapped[str] = mapped_column(String(255), default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    imported: Mapped[bool] = mapped_column(Boolean, default=False)
    """Came from a service; false for one typed in here (daily summary)."""
    revision: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Utc)
    updated_at: Mapped[datetime] = mapped_column(Utc)
