"""Items: what is sold, and where its revenue is booked."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from desktop.models.base import Base, Fine, Id, Utc


class Item(Base):
    """A service or product. `builtin` marks "Other work", which free-text lines use (E4)."""

    __tablename__ = "item"
    __table_args__ = (Index("ix_item_name_key_id", "name_key", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    unit_price: Mapped[Decimal | None] = mapped_column(Fine)
    taxable: Mapped[bool] = mapped_column(Boolean, default=False)
    sku: Mapped[str] = mapped_column(String(100), default="")
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    builtin: Mapped[bool] = mapped_column(Boolean, default=False)
    imported: Mapped[bool] = mapped_column(Boolean, default=False)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Utc)
    updated_at: Mapped[datetime] = mapped_column(Utc)


class ItemAccount(Base):
    """The mapping: which income account an item's revenue goes to, in one company."""

    __tablename__ = "item_account"
    __table_args__ = (UniqueConstraint("provider", "company_id", "item_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    provider: Mapped[str] = mapped_column(String(16))
    company_id: Mapped[str] = mapped_column(String(64))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[str] = mapped_column(String(128))
    """External id of the account."""
