"""The connection as the window shows it: who, which state, what waits, what needs the owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.books.outbox import live_connection
from desktop.errors import Fix, NotAllowed
from desktop.models.connection import Connection, ExternalLink
from desktop.models.session import db_now, note_change
from desktop.models.states import CompanyKey, ConnectionState, Switches, SyncState
from desktop.models.work import OutboxEntry, SyncStatus
from desktop.sync import failures
from desktop.sync.leases import syncing_desk
from desktop.sync.pending import promise_pending
from desktop.text import tr

STEPS = ("customers", "items", "accounts", "settings", "done")
"""The wizard's five steps (M12)."""


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """The one live connection."""

    id: int
    provider: str
    company_id: str
    company_name: str
    environment: str
    state: ConnectionState
    title: str
    advice: str
    fix: Fix
    until: datetime | None
    connected_at: datetime
    last_synced_at: datetime | None
    refresh_expires_at: datetime | None
    switches: Switches
    waiting: int
    """Records promised and not sent yet."""
    needs_you: int
    wizard: Mapping[str, Any] = field(default_factory=dict)
    home_currency: str = "USD"
    closed_until: date | None = None
    """The company's books are closed up to and including this day (N7), as last read."""

    syncing_by: str = ""
    """The user at whose desk a sync is running now; "" while none is, or it is this desk's own."""

    @property
    def key(self) -> CompanyKey:
        return CompanyKey(self.provider, self.company_id)


def connection_view(session: Session, own: str = "") -> ConnectionView | None:
    """The live connection, or None while nothing is connected. `own` is this desk as owner of leases."""
    row = live_connection(session)
    if row is None:
        return None
    waiting = session.scalar(select(func.count(OutboxEntry.id))) or 0
    needs = (
        session.scalar(
            select(func.count(SyncStatus.id)).where(
                SyncStatus.state.in_((SyncState.NEEDS_YOU.value, SyncState.CONFLICT.value))
            )
        )
        or 0
    )
    settings: Mapping[str, Any] = row.company_settings or {}
    desk = syncing_desk(session, row.id)
    return ConnectionView(
        id=row.id,
        provider=row.provider,
        company_id=row.company_id,
        company_name=row.company_name,
        environment=row.environment,
        state=ConnectionState(row.state),
        title=row.state_title,
        advice=row.state_advice,
        fix=Fix(row.state_fix) if row.state_fix else Fix.NONE,
        until=row.state_until,
        connected_at=row.connected_at,
        last_synced_at=row.last_synced_at,
        refresh_expires_at=row.token_refresh_expires_at,
        switches=Switches.from_json(row.switches or {}),
        waiting=waiting,
        needs_you=needs,
        wizard=dict(row.wizard or {}),
        home_currency=settings.get("home_currency", "USD"),
        closed_until=date.fromisoformat(settings["closed_until"]) if settings.get("closed_until") else None,
        syncing_by="" if desk == own else desk.rpartition(":")[0],
    )


def save_switches(session: Session, desk: Desk, switches: Switches) -> None:
    """Store the switches; they take effect at once (M58): turning one on sends what waited for it."""
    row = _live(session)
    before = Switches.from_json(row.switches or {})
    row.switches = dict(switches.to_json())
    note_change(session, "connection", row.id)
    session.flush()
    kinds = ("customers", "items", "invoices", "payments")
    turned_on = any(getattr(switches, name) and not getattr(before, name) for name in kinds)
    if switches.auto and (turned_on or not before.auto):
        promise_pending(session, desk, row, by_hand=False)


def forget_queue(session: Session) -> None:
    """Another company was connected: what was promised, or stood in the way, concerned the one before (M138).

    Links, activity and open calls stay: they belong to their company and count again when it comes back.
    """
    session.execute(delete(OutboxEntry))
    rows = session.scalars(select(SyncStatus)).all()
    failures.clear(session, db_now(session), [(row.kind, row.local_id) for row in rows])


def note_step(session: Session, desk: Desk, step: str, result: Mapping[str, Any]) -> None:
    """Remember that a step of the wizard was finished or skipped, and what it came to (M14, M17)."""
    row = _live(session)
    row.wizard = {**(row.wizard or {}), step: dict(result)}
    note_change(session, "connection", row.id)


def forget_steps(session: Session, desk: Desk) -> None:
    """The wizard starts at its first page again (M15); what was imported stays."""
    row = _live(session)
    row.wizard = {}
    note_change(session, "connection", row.id)


def sync_everything(session: Session, desk: Desk) -> int:
    """Promise all that waits, as Sync Now does; says how many records."""
    return promise_pending(session, desk, _live(session))


def linked_count(session: Session, company: CompanyKey, kind: str) -> int:
    """How many records of this kind are linked to the company."""
    return (
        session.scalar(
            select(func.count(ExternalLink.id)).where(
                ExternalLink.provider == company.provider,
                ExternalLink.company_id == company.company_id,
                ExternalLink.kind == kind,
            )
        )
        or 0
    )


def _live(session: Session) -> Connection:
    row = live_connection(session)
    if row is None:
        raise NotAllowed(tr("No accounting service is connected."), tr("Connect one in Settings > Integrations."))
    return row
