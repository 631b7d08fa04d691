"""What waits to be sent, what was sent, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from desktop.models.base import Base, Id, Json, Utc


class OutboxEntry(Base):
    """A push promised in the same transaction as the change that caused it; one per record (debounced, M70)."""

    __tablename__ = "outbox_entry"
    __table_args__ = (UniqueConstraint("kind", "local_id"), Index("ix_outbox_entry_not_before", "not_before"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    local_id: Mapped[int] = mapped_column(Id)
    reason: Mapped[str] = mapped_column(String(16))
    """`PushReason` value: why it waits ("changed", "asked", "retry")."""
    asked_by: Mapped[str] = mapped_column(String(100), default="")
    """The user who asked for it by hand; "" for automatic."""
    serial: Mapped[int] = mapped_column(Integer, default=1)
    """Grows with every further promise for the same record, so that a run deletes only what it has seen."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    not_before: Mapped[datetime] = mapped_column(Utc)
    created_at: Mapped[datetime] = mapped_column(Utc)


class WriteCall(Base):
    """A request as it leaves, committed before its first byte: key, body and target (I10)."""

    __tablename__ = "write_call"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"), index=True)
    company_id: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(64), unique=True)
    """The idempotency key."""
    op: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(Text)
    body_hash: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(10), index=True)
    """"open" until every element is settled, then "settled"."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    fencing: Mapped[int] = mapped_column(Integer)
    """The runner lease's fencing number under which it was written."""
    first_sent_at: Mapped[datetime | None] = mapped_column(Utc)
    created_at: Mapped[datetime] = mapped_column(Utc)


class Intention(Base):
    """One element of a call: what it should do to which record, and what came of it."""

    __tablename__ = "intention"
    __table_args__ = (
        UniqueConstraint("call_id", "element_key"),
        Index("ix_intention_kind_local_id", "kind", "local_id"),
        Index("ix_intention_outcome", "outcome"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("write_call.id", ondelete="CASCADE"))
    element_key: Mapped[str] = mapped_column(String(32))
    ref: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    local_id: Mapped[int] = mapped_column(Id)
    label: Mapped[str] = mapped_column(String(500), default="")
    marker: Mapped[str] = mapped_column(String(64), default="")
    action: Mapped[str] = mapped_column(String(8))
    generation: Mapped[int] = mapped_column(Integer, default=0)
    revision: Mapped[int] = mapped_column(Integer)
    """Our revision that this element carries."""
    record: Mapped[dict[str, Any]] = mapped_column(Json)
    """The record as sent, for the look-up and as the agreed snapshot."""
    fields: Mapped[list[str]] = mapped_column(Json, default=list)
    outcome: Mapped[str] = mapped_column(String(10))
    """"open", "linked", "refused", "not_sent" or "in_doubt"."""
    external_id: Mapped[str] = mapped_column(String(128), default="")
    settled_at: Mapped[datetime | None] = mapped_column(Utc)


class SyncStatus(Base):
    """What stands in the way of a record, or its run state. No row = derive it from link and outbox."""

    __tablename__ = "sync_status"
    __table_args__ = (UniqueConstraint("kind", "local_id"), Index("ix_sync_status_state", "state"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    local_id: Mapped[int] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(12))
    """`SyncState` value: syncing, in_doubt, waiting, needs_you or conflict."""
    title: Mapped[str] = mapped_column(Text, default="")
    advice: Mapped[str] = mapped_column(Text, default="")
    fix: Mapped[str] = mapped_column(String(32), default="")
    details: Mapped[str] = mapped_column(Text, default="")
    concerns: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    extra: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What the card needs besides: both totals, the other record's id, fields in conflict."""
    until: Mapped[datetime | None] = mapped_column(Utc)
    at: Mapped[datetime] = mapped_column(Utc)


class ActivityRow(Base):
    """One remote write, or one event of the connection; append-only and kept after disconnecting (N1)."""

    __tablename__ = "activity"
    __table_args__ = (Index("ix_activity_at_id", "at", "id"), Index("ix_activity_kind_local_id", "kind", "local_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(Utc)
    actor: Mapped[str] = mapped_column(String(100), default="")
    """The user who asked, or "" for the program itself."""
    direction: Mapped[str] = mapped_column(String(4))
    """"out", "in" or "here"."""
    provider: Mapped[str] = mapped_column(String(16), default="")
    company_id: Mapped[str] = mapped_column(String(64), default="")
    kind: Mapped[str] = mapped_column(String(16), default="")
    local_id: Mapped[int | None] = mapped_column(Id)
    label: Mapped[str] = mapped_column(String(500), default="")
    action: Mapped[str] = mapped_column(String(16))
    fields: Mapped[list[str]] = mapped_column(Json, default=list)
    result: Mapped[str] = mapped_column(String(12))
    """"done", "refused", "in_doubt", "waiting" or "noted"."""
    message: Mapped[str] = mapped_column(Text, default="")
    external_id: Mapped[str] = mapped_column(String(128), default="")
    service_ref: Mapped[str] = mapped_column(String(100), default="")
    call_key: Mapped[str] = mapped_column(String(64), default="")
    element_key: Mapped[str] = mapped_column(String(32), default="")


class Notification(Base):
    """One entry of the bell: per admin and record (or connection) at most one unread (M109)."""

    __tablename__ = "notification"
    __table_args__ = (
        Index("ix_notification_user_id_dedup_key", "user_id", "dedup_key"),
        Index("ix_notification_updated_at", "updated_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    dedup_key: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    """"customer", "item", "invoice", "payment" or "connection"."""
    local_id: Mapped[int] = mapped_column(Id)
    label: Mapped[str] = mapped_column(String(500), default="")
    title: Mapped[str] = mapped_column(Text)
    advice: Mapped[str] = mapped_column(Text, default="")
    fix: Mapped[str] = mapped_column(String(32))
    details: Mapped[str] = mapped_column(Text, default="")
    concerns: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    count: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Utc)
    updated_at: Mapped[datetime] = mapped_column(Utc)
    read_at: Mapped[datetime | None] = mapped_column(Utc)
    cleared_at: Mapped[datetime | None] = mapped_column(Utc)
    """Set when the record was synced after all: closed by success."""
