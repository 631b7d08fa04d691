"""Who may do a thing now: rows of one table, taken by compare-and-swap under the database's clock.

A lease keeps several desks, threads and tasks from doing the same thing at once without holding a
transaction while a request is under way. It ends by itself, so a desk that dies blocks nobody for long;
its fencing number tells the one who comes back late that somebody else went on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from desktop.models.desk import Lease
from desktop.models.session import Database, db_now, note_change

LEASE_SECONDS = 60.0
"""What a run takes the runner's lease for; renewed while it is on."""
LONGEST_SECONDS = 600
"""No lease is taken for longer. One that seems to run longer was taken before the clock was set back (T1)."""


class LeaseLost(Exception):
    """Another desk took over; what we have in flight is the other's to find out."""


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease as it was taken. `until` (UTC, database's clock) moves with `renew`; `fencing` never does."""

    name: str
    owner: str
    fencing: int
    until: datetime


class Leases:
    """The leases of one desk. `owner` must be unique per running program (host, process, random part).

    A lease is not re-entrant: while it runs, its own owner can't take it again, so two tasks of one desk
    exclude each other as two desks do. The `..._in` forms work inside a caller's own write unit.
    """

    def __init__(self, db: Database, owner: str) -> None:
        self._db = db
        self.owner = owner

    async def take(self, name: str, ttl_seconds: float) -> HeldLease | None:
        """The lease for `ttl_seconds`, or None while somebody has it."""
        return await self._db.in_write(lambda session: self.take_in(session, name, ttl_seconds))

    def take_in(self, session: Session, name: str, ttl_seconds: float) -> HeldLease | None:
        _make_row(session, name)
        now = db_now(session)
        until = now + _length(ttl_seconds)
        taken = _changed(
            session,
            update(Lease)
            .where(Lease.name == name, _free_at(now))
            .values(owner=self.owner, until=until, fencing=Lease.fencing + 1),
        )
        if not taken:
            return None
        _note(session, name)
        fencing = session.execute(select(Lease.fencing).where(Lease.name == name)).scalar_one()
        return HeldLease(name, self.owner, fencing, until)

    async def renew(self, held: HeldLease, ttl_seconds: float) -> HeldLease | None:
        """The same lease until `ttl_seconds` from now; None when somebody else has taken it over.

        One that ran out but that nobody took is renewed too: nothing can have happened in between.
        """

        def extend(session: Session) -> HeldLease | None:
            until = db_now(session) + _length(ttl_seconds)
            if not _changed(session, update(Lease).where(*_is(held)).values(until=until)):
                return None
            return HeldLease(held.name, held.owner, held.fencing, until)

        return await self._db.in_write(extend)

    async def release(self, held: HeldLease) -> None:
        """Give it back; does nothing when it is no longer ours."""
        await self._db.in_write(lambda session: self.release_in(session, held))

    def release_in(self, session: Session, held: HeldLease) -> None:
        if _changed(session, update(Lease).where(*_is(held)).values(owner="", until=None)):
            _note(session, held.name)

    def still_held(self, session: Session, held: HeldLease) -> bool:
        """Whether `held` is in force. Inside a write unit nobody can take it before that unit commits."""
        row = session.execute(select(Lease.until).where(*_is(held)).with_for_update(read=True)).one_or_none()
        return row is not None and row.until is not None and row.until > db_now(session)


RUNNER = "runner:"
"""The name of a connection's runner lease begins so, and ends with the connection's id."""


def runner_lease(connection_id: int) -> str:
    """The name of the lease under which this connection is synced: one runner, whatever the number of desks."""
    return f"{RUNNER}{connection_id}"


def syncing_desk(session: Session, connection_id: int) -> str:
    """The owner of the running sync of this connection (`Leases.owner`); "" while there is none."""
    name = runner_lease(connection_id)
    if lease_is_free(session, name):
        return ""
    return session.execute(select(Lease.owner).where(Lease.name == name)).scalar_one()


def _note(session: Session, name: str) -> None:
    """Every desk shows who syncs: the connection looks different while somebody does."""
    if name.startswith(RUNNER):
        note_change(session, "connection", int(name.removeprefix(RUNNER)))


def lease_is_free(session: Session, name: str) -> bool:
    """Whether `name` could be taken now: a cheap look for those who wait, which takes no lock."""
    row = session.execute(select(Lease.owner, Lease.until).where(Lease.name == name)).one_or_none()
    if row is None or row.owner == "" or row.until is None:
        return True
    now = db_now(session)
    return bool(row.until <= now or row.until > now + timedelta(seconds=LONGEST_SECONDS))


def _free_at(now: datetime) -> Any:
    impossible = now + timedelta(seconds=LONGEST_SECONDS)
    return or_(Lease.owner == "", Lease.until.is_(None), Lease.until <= now, Lease.until > impossible)


def _length(ttl_seconds: float) -> timedelta:
    if not 0 < ttl_seconds <= LONGEST_SECONDS:
        raise ValueError(f"a lease lasts up to {LONGEST_SECONDS} s, not {ttl_seconds}")
    return timedelta(seconds=ttl_seconds)


def _is(held: HeldLease) -> tuple[Any, ...]:
    return Lease.name == held.name, Lease.owner == held.owner, Lease.fencing == held.fencing


def _make_row(session: Session, name: str) -> None:
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    values = {"name": name, "owner": "", "fencing": 0}
    session.execute(dialect.insert(Lease).values(**values).on_conflict_do_nothing(index_elements=[Lease.name]))


def _changed(session: Session, statement: Any) -> bool:
    result: CursorResult[Any] = session.execute(statement.execution_options(synchronize_session=False))  # type: ignore[assignment]
    return result.rowcount == 1
