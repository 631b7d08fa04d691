"""Users of the desk, leases between desks, and settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from desktop.models.base import Base, Id, Json, Utc


class User(Base):
    """A person at a desk: the operating system's account name; the first one is admin (E10)."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(String(100), unique=True)
    admin: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(Utc)


class Lease(Base):
    """Who may do a thing now: taken by compare-and-swap, judged by the database's clock (design 2.5)."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), default="")
    fencing: Mapped[int] = mapped_column(Integer, default=0)
    """Grows with every change of owner; a sleeper's write under an older number is refused."""
    until: Mapped[datetime | None] = mapped_column(Utc)


class Setting(Base):
    """A named value of the program that the whole office shares."""

    __tablename__ = "setting"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[Any] = mapped_column(Json)
