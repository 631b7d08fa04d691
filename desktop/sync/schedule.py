"""The weekly run: Sunday 06:00 UTC, once per due time over all desks, one catch-up after any time off (M116, C19).

Which due time was served last stands with the connection in the database, and is looked at again under the
runner's lease: so two desks, a clock set back or sixty weeks off never make two runs of one (T2, T3). UTC knows
no daylight saving.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from desktop.books.outbox import live_connection
from desktop.models.connection import Connection
from desktop.models.states import ConnectionState, Switches

WEEK = timedelta(days=7)
_FIRST = datetime(2024, 1, 7, 6, tzinfo=UTC)
"""A Sunday at 06:00 UTC."""
WAITS_FOR_OWNER = (ConnectionState.NEEDS_SIGN_IN.value, ConnectionState.REFUSED.value)
LOOK_SECONDS = 300.0
"""How often the clock is looked at: a computer that slept notices soon after it wakes."""
AGAIN_SECONDS = 900.0
"""After a run that could not be finished."""


@dataclass(frozen=True, slots=True)
class Wish:
    """That what changed there be brought in. `due` is the weekly due time it serves; None for Sync Now."""

    actor: str = ""
    due: datetime | None = None

    @property
    def by_schedule(self) -> bool:
        return self.due is not None


def last_due(now: datetime) -> datetime:
    """The newest due time that is not after `now`."""
    return _FIRST + (now - _FIRST) // WEEK * WEEK


def next_due(now: datetime) -> datetime:
    """The first due time after `now`."""
    return last_due(now) + WEEK


def due_now(session: Session, now: datetime) -> datetime | None:
    """The due time that waits to be served; None when there is none, the switch is off, or the owner must act first.

    Due times from before connecting don't count, and of several that were missed only the last one does (T3).
    """
    connection = live_connection(session)
    if connection is None or connection.state in WAITS_FOR_OWNER:
        return None
    if not Switches.from_json(connection.switches or {}).weekly:
        return None
    due = last_due(now)
    return None if served(connection, due) else due


def served(connection: Connection, due: datetime) -> bool:
    """Whether this due time was served, by whichever desk, or lies before the connection."""
    since = connection.weekly_for
    return due <= connection.connected_at or (since is not None and due <= since)


def seconds_to_wait(now: datetime) -> float:
    """How long to sleep before looking again."""
    return max(1.0, min(LOOK_SECONDS, (next_due(now) - now).total_seconds()))
