"""What stands in the way of a record, told once per admin, closed by success.

One row of `sync_status` per record says what the lists show; one unread notification per admin and record
rings the bell (M105-M112). A cause of the whole connection is told once, never once per record (I16).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from desktop.errors import (
    AccessBlocked,
    AccessRefused,
    AppKeysWrong,
    BlueClerkError,
    BooksMoved,
    BooksOlder,
    Concern,
    Conflict,
    ConnectionProblem,
    Fix,
    GoneRemote,
    NeedsSignIn,
    OtherBooks,
    RateLimited,
    SubscriptionLapsed,
)
from desktop.models.connection import Connection
from desktop.models.desk import User
from desktop.models.session import note_change
from desktop.models.states import ConnectionState, SyncState
from desktop.models.work import Notification, SyncStatus

KEPT = ("gone", "how", "into", "into_name")
"""What a pull found out about a record that is gone there: a push that is tried meanwhile must not forget it."""
_REFUSED = AccessBlocked | AccessRefused | BooksOlder | OtherBooks | SubscriptionLapsed | AppKeysWrong
"""What waits for something that the owner does elsewhere, or decides."""
QUIET = timedelta(minutes=30)
"""How long a passing trouble of the connection may last before the bell rings (E8, H7)."""


@dataclass(frozen=True, slots=True)
class BellEntry:
    """One entry of the bell, as the panel and the tray show it."""

    id: int
    kind: str
    local_id: int
    label: str
    title: str
    advice: str
    fix: Fix
    details: str
    concerns: tuple[Concern, ...]
    count: int
    updated_at: datetime
    read: bool
    others: tuple[BellEntry, ...] = ()
    """Further entries with the same cause (`causes.by_cause`)."""

    @property
    def ids(self) -> list[int]:
        """The rows behind this entry."""
        return [self.id, *(other.id for other in self.others)]

    @property
    def records(self) -> list[tuple[str, int]]:
        """(kind, local id) of every record that waits for this."""
        return [(one.kind, one.local_id) for one in (self, *self.others)]


# --- a record ----------------------------------------------------------------------------------------


def printable(text: str) -> str:
    """`text` without what no database keeps: NUL and halves of surrogate pairs, as a service may send them."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def fail(
    session: Session,
    now: datetime,
    kind: str,
    local_id: int,
    label: str,
    error: BlueClerkError,
    extra: dict[str, Any] | None = None,
) -> None:
    """The record needs the owner: the list shows it at once (M111), and each admin gets one unread entry (M109)."""
    state = SyncState.CONFLICT if isinstance(error, Conflict) else SyncState.NEEDS_YOU
    row = _status(session, kind, local_id)
    row.state = state.value
    row.title, row.advice, row.fix = printable(error.title), printable(error.advice), error.fix.value
    row.details = printable(error.details)
    row.concerns = [asdict(concern) for concern in error.concerns]
    row.extra = extra or {}
    row.until, row.at = None, now
    note_change(session, kind, local_id)
    _ring(session, now, kind, local_id, label, error)


def mark(
    session: Session,
    now: datetime,
    records: Iterable[tuple[str, int]],
    state: SyncState,
    until: datetime | None = None,
    title: str = "",
) -> None:
    """Set a passing state (syncing, in doubt, waiting) without ringing; `title` is a sentence in place of the usual."""
    for kind, local_id in records:
        row = _status(session, kind, local_id)
        row.state = state.value
        row.title, row.advice, row.details = title, "", ""
        row.fix = Fix.NONE.value
        row.concerns = []
        row.extra = {name: value for name, value in (row.extra or {}).items() if name in KEPT}
        row.until, row.at = until, now
        note_change(session, kind, local_id)


def clear(session: Session, now: datetime, records: Iterable[tuple[str, int]]) -> None:
    """The record is in order: nothing stands in its way, and its entries in the bell are closed."""
    for kind, local_id in records:
        session.execute(delete(SyncStatus).where(SyncStatus.kind == kind, SyncStatus.local_id == local_id))
        note_change(session, kind, local_id)
        _close(session, now, f"{kind}:{local_id}")


def blocked_by(session: Session, records: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Records that need the owner because of one of `records`: they go out by themselves once that is mended (N2)."""
    mended = set(records)
    if not mended:
        return []
    rows = session.scalars(select(SyncStatus).where(SyncStatus.state == SyncState.NEEDS_YOU.value))
    return [
        (row.kind, row.local_id)
        for row in rows
        if (row.kind, row.local_id) not in mended
        and any((one.get("kind"), one.get("local_id")) in mended for one in row.concerns or ())
    ]


def _status(session: Session, kind: str, local_id: int) -> SyncStatus:
    row = session.scalar(select(SyncStatus).where(SyncStatus.kind == kind, SyncStatus.local_id == local_id))
    if row is None:
        row = SyncStatus(kind=kind, local_id=local_id)
        session.add(row)
    return row


# --- the connection ------------------------------------------------------------------------------------


def connection_trouble(
    session: Session, now: datetime, connection: Connection, problem: ConnectionProblem, *, by_hand: bool
) -> None:
    """The connection can't be used now. What needs the owner rings at once; what passes rings after 30 minutes.

    A wait that the service demanded (H1) is never a failure and never rings.
    """
    before = connection.state
    since = connection.company_settings.get("trouble_since") if connection.company_settings else None
    if isinstance(problem, NeedsSignIn | BooksMoved):
        connection.state = ConnectionState.NEEDS_SIGN_IN.value
    elif isinstance(problem, _REFUSED):
        connection.state = ConnectionState.REFUSED.value
    else:
        connection.state = ConnectionState.PAUSED.value
    connection.state_title, connection.state_advice = printable(problem.title), printable(problem.advice)
    connection.state_fix = problem.fix.value
    if problem.until is not None or connection.still_to_wait(now) is None:  # another trouble ends no wait (I14)
        connection.state_until, connection.state_at = problem.until, now
    if before == ConnectionState.CONNECTED.value or since is None:
        since = now.isoformat()
        connection.company_settings = {**(connection.company_settings or {}), "trouble_since": since}
    note_change(session, "connection", connection.id)
    lasting = now - datetime.fromisoformat(since) >= QUIET
    passing = connection.state == ConnectionState.PAUSED.value
    if not passing or (not isinstance(problem, RateLimited) and (by_hand or lasting)):
        _ring(session, now, "connection", connection.id, connection.company_name, problem)


def connection_fine(session: Session, now: datetime, connection: Connection) -> None:
    """The service answered as it should: the trouble, if any, is over."""
    if connection.state != ConnectionState.CONNECTED.value:
        connection.state = ConnectionState.CONNECTED.value
        connection.state_title = connection.state_advice = connection.state_fix = ""
        connection.state_until = None
        settings = dict(connection.company_settings or {})
        settings.pop("trouble_since", None)
        connection.company_settings = settings
        note_change(session, "connection", connection.id)
    _close(session, now, f"connection:{connection.id}")


# --- the bell --------------------------------------------------------------------------------------------


def _ring(session: Session, now: datetime, kind: str, local_id: int, label: str, error: BlueClerkError) -> None:
    key = f"{kind}:{local_id}"
    for user_id in session.scalars(select(User.id).where(User.admin.is_(True))):
        row = session.scalar(
            select(Notification).where(
                Notification.user_id == user_id,
                Notification.dedup_key == key,
                Notification.read_at.is_(None),
                Notification.cleared_at.is_(None),
            )
        )
        if row is None:
            row = Notification(user_id=user_id, dedup_key=key, kind=kind, local_id=local_id, count=0, created_at=now)
            session.add(row)
        row.label, row.title, row.advice = label[:500], printable(error.title), printable(error.advice)
        gone = isinstance(error, GoneRemote) and error.fix is Fix.LINK_INVOICE  # nothing is there to link it to
        row.fix = (Fix.SHOW_DIFFERENCE if gone else error.fix).value
        row.details = printable(_details(error))
        row.concerns = [asdict(concern) for concern in error.concerns]
        row.count += 1
        row.updated_at = now
        session.flush()
        note_change(session, "notification", row.id)


def _details(error: BlueClerkError) -> str:
    return "\n".join(part for part in (error.details, error.service_ref) if part)


def _close(session: Session, now: datetime, key: str) -> None:
    rows = session.scalars(
        select(Notification).where(Notification.dedup_key == key, Notification.cleared_at.is_(None))
    ).all()
    for row in rows:
        row.cleared_at = now
        note_change(session, "notification", row.id)


def ring_once(session: Session, now: datetime, key: str, connection_id: int, error: BlueClerkError) -> None:
    """Tell each admin of something that lasts: once, whether it was read or not, until it is over."""
    told = select(Notification.id).where(Notification.dedup_key == key, Notification.cleared_at.is_(None))
    if session.scalar(told.limit(1)) is not None:
        return
    for user_id in session.scalars(select(User.id).where(User.admin.is_(True))).all():
        row = Notification(
            user_id=user_id,
            dedup_key=key,
            kind="connection",
            local_id=connection_id,
            label="",
            title=error.title,
            advice=error.advice,
            fix=error.fix.value,
            details=_details(error),
            concerns=[asdict(concern) for concern in error.concerns],
            count=1,
            created_at=now,
            updated_at=now,
        )
        session.add(row)
        session.flush()
        note_change(session, "notification", row.id)


def close_others(session: Session, now: datetime, prefix: str, keep: Iterable[str], *, but_prefix: str = "") -> None:
    """Take back the entries under `prefix` that no longer hold; those under `but_prefix` were not looked at."""
    kept = set(keep)
    query = select(Notification).where(Notification.dedup_key.startswith(prefix), Notification.cleared_at.is_(None))
    for row in session.scalars(query).all():
        if row.dedup_key in kept or (but_prefix and row.dedup_key.startswith(but_prefix)):
            continue
        row.cleared_at = now
        note_change(session, "notification", row.id)


def bell_entries(session: Session, account: str, limit: int = 1000) -> list[BellEntry]:
    """The open entries of this user, newest first; a user who is no admin has none (M108)."""
    query = (
        select(Notification)
        .join(User, User.id == Notification.user_id)
        .where(User.account == account, User.admin.is_(True), Notification.cleared_at.is_(None))
        .order_by(Notification.updated_at.desc(), Notification.id.desc())
        .limit(limit)
    )
    return [_entry(row) for row in session.scalars(query)]


def mark_read(session: Session, now: datetime, ids: Sequence[int]) -> None:
    """These entries were seen; the next failure of the same record makes a new one (M110)."""
    session.execute(
        update(Notification).where(Notification.id.in_(ids), Notification.read_at.is_(None)).values(read_at=now)
    )
    for row_id in ids:
        note_change(session, "notification", row_id)


def _entry(row: Notification) -> BellEntry:
    return BellEntry(
        id=row.id,
        kind=row.kind,
        local_id=row.local_id,
        label=row.label,
        title=row.title,
        advice=row.advice,
        fix=Fix(row.fix),
        details=row.details,
        concerns=tuple(Concern(**concern) for concern in row.concerns or ()),
        count=row.count,
        updated_at=row.updated_at,
        read=row.read_at is not None,
    )
