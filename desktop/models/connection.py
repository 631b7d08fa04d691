"""The connection to one company at one service, its secrets (sealed) and what was read of its chart."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from desktop.models.base import Amount, Base, Id, Json, Utc


class Connection(Base):
    """At most one row is live at a time (M4); ended ones are kept for their links (M135)."""

    __tablename__ = "connection"
    __table_args__ = (
        Index(
            "uq_connection_live",
            "live",
            unique=True,
            sqlite_where=text("live = 1"),
            postgresql_where=text("live = 1"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    live: Mapped[int] = mapped_column(Integer)
    """1 while connected, 0 afterwards; the partial unique index allows one 1."""
    provider: Mapped[str] = mapped_column(String(16))
    environment: Mapped[str] = mapped_column(String(16))
    """"sandbox" or "live": never mixed (W2)."""
    company_id: Mapped[str] = mapped_column(String(64))
    company_name: Mapped[str] = mapped_column(String(255), default="")
    state: Mapped[str] = mapped_column(String(16))
    """`ConnectionState` value (desktop.models.states)."""
    state_title: Mapped[str] = mapped_column(Text, default="")
    state_advice: Mapped[str] = mapped_column(Text, default="")
    state_fix: Mapped[str] = mapped_column(String(32), default="")
    state_until: Mapped[datetime | None] = mapped_column(Utc)
    state_at: Mapped[datetime | None] = mapped_column(Utc)
    """When `state_until` was noted: a clock that is before that was put back since, and the wait means nothing (T1)."""
    connected_at: Mapped[datetime] = mapped_column(Utc)
    disconnected_at: Mapped[datetime | None] = mapped_column(Utc)
    last_synced_at: Mapped[datetime | None] = mapped_column(Utc)
    settings_read_at: Mapped[datetime | None] = mapped_column(Utc)
    company_settings: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What `Provider.settings` said, without accounts, tax codes and payment methods."""
    switches: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """`Switches` as JSON (desktop.models.states)."""
    wizard: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Progress of the wizard per step."""
    redirect_uri: Mapped[str] = mapped_column(String(255), default="")
    weekly_for: Mapped[datetime | None] = mapped_column(Utc)
    """The last due time of the weekly run that was served, by whichever desk."""
    unproven: Mapped[bool] = mapped_column(Boolean, default=False)
    """Signed in, and not yet found to hold the records that are linked: nothing is written before (W4)."""

    token_blob: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The sealed token grant (AEAD, bound to the connection id)."""
    token_version: Mapped[int] = mapped_column(Integer, default=0)
    token_key_id: Mapped[str] = mapped_column(String(40), default="")
    token_expires_at: Mapped[datetime | None] = mapped_column(Utc)
    token_refresh_expires_at: Mapped[datetime | None] = mapped_column(Utc)
    token_state: Mapped[str] = mapped_column(String(16), default="none")
    """"ok", "reconnect" or "none"."""

    def still_to_wait(self, now: datetime) -> datetime | None:
        """Until when the service is to be left alone, if that is not over; a wait noted by a clock that was ahead and
        has been put right since says nothing (T1)."""
        put_back = self.state_at is not None and now < self.state_at
        return self.state_until if self.state_until is not None and self.state_until > now and not put_back else None


class AppKey(Base):
    """The owner's own app registration at a service; the secret is sealed."""

    __tablename__ = "app_key"
    __table_args__ = (UniqueConstraint("provider", "environment"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    provider: Mapped[str] = mapped_column(String(16))
    environment: Mapped[str] = mapped_column(String(16))
    client_id: Mapped[str] = mapped_column(String(255))
    secret_blob: Mapped[bytes] = mapped_column(LargeBinary)
    secret_key_id: Mapped[str] = mapped_column(String(40))


class RemoteAccount(Base):
    """An account of the company's chart, as last read; kept so that the mapping opens without a call."""

    __tablename__ = "remote_account"
    __table_args__ = (UniqueConstraint("provider", "company_id", "external_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    provider: Mapped[str] = mapped_column(String(16))
    company_id: Mapped[str] = mapped_column(String(64))
    external_id: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16))
    """`AccountKind` value."""
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    is_default: Mapped[bool] = mapped_column(Boolean, default=False)


class RemoteMethod(Base):
    """A payment method of the company, and which of ours it stands for; with the deposit account chosen for it."""

    __tablename__ = "remote_method"
    __table_args__ = (UniqueConstraint("provider", "company_id", "method"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    provider: Mapped[str] = mapped_column(String(16))
    company_id: Mapped[str] = mapped_column(String(64))
    method: Mapped[str] = mapped_column(String(16))
    external_id: Mapped[str] = mapped_column(String(128), default="")
    name: Mapped[str] = mapped_column(String(100), default="")
    deposit_account_id: Mapped[str] = mapped_column(String(128), default="")


class LeftOut(Base):
    """A record there that the owner deselected in an import: stays out until picked by hand (E1)."""

    __tablename__ = "left_out"
    __table_args__ = (UniqueConstraint("provider", "company_id", "kind", "external_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    provider: Mapped[str] = mapped_column(String(16))
    company_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    external_id: Mapped[str] = mapped_column(String(128))
    older: Mapped[bool] = mapped_column(Boolean, default=False)
    """Nobody deselected it: it was there before connecting, and only what came since comes in by itself."""


class PullCursor(Base):
    """Up to which moment the changes of one kind were brought in; moves only with what was applied."""

    __tablename__ = "pull_cursor"

    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    cursor: Mapped[datetime] = mapped_column(Utc)
    """By the service's clock."""


class PaymentTwin(Base):
    """A payment of ours and one there that may be the same money: neither crosses before the owner has said (D10)."""

    __tablename__ = "payment_twin"
    __table_args__ = (UniqueConstraint("payment_id", "external_id", "company_id", "provider"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    provider: Mapped[str] = mapped_column(String(16))
    company_id: Mapped[str] = mapped_column(String(64))
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(128))
    different: Mapped[bool] = mapped_column(Boolean, default=False)
    """The owner said that these are two payments."""
    paid_on: Mapped[date] = mapped_column(Date)
    """Of the one there."""
    amount: Mapped[Decimal] = mapped_column(Amount)


class ExternalLink(Base):
    """A record of ours and its counterpart in one company.

    Primary links are unique both ways; an alias points at the survivor of a merge there (E3). The promised
    quickbooksPaymentId-like fields are rows of this table (M79).
    """

    __tablename__ = "external_link"
    __table_args__ = (
        # the narrow columns first: lists look up a hundred thousand records of one kind in it
        UniqueConstraint("kind", "local_id", "company_id", "provider"),
        Index(
            "uq_external_link_external",
            "provider",
            "company_id",
            "kind",
            "external_id",
            unique=True,
            sqlite_where=text("alias = 0"),
            postgresql_where=text("alias = 0"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    provider: Mapped[str] = mapped_column(String(16))
    company_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    local_id: Mapped[int] = mapped_column(Id)
    external_id: Mapped[str] = mapped_column(String(128))
    external_version: Mapped[str] = mapped_column(String(128), default="")
    alias: Mapped[int] = mapped_column(Integer, default=0)
    generation: Mapped[int] = mapped_column(Integer, default=0)
    """Grows when the owner has a deleted remote record created anew."""
    agreed: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """The fields as both sides last agreed on them."""
    agreed_revision: Mapped[int] = mapped_column(Integer, default=0)
    """Our revision that `agreed` shows; lower than the record's own means "changed since sync"."""
    linked_at: Mapped[datetime] = mapped_column(Utc)
    agreed_at: Mapped[datetime] = mapped_column(Utc)
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("connection.id"))
