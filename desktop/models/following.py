"""What other desks of an office change on a server's books, told here as if it had been changed at this desk.

PostgreSQL delivers a notice when a unit of work is committed, never for one that is not. A file has one desk.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

CHANNEL = "blueclerk_changes"
LONGEST_BYTES = 7000
"""PostgreSQL takes a little less than 8,000; a larger change is told by its kinds alone."""
LOOK_SECONDS = 0.5
AGAIN_SECONDS = 5.0
"""Pause before the next try when the server could not be reached."""

KINDS = (
    "activity",
    "connection",
    "customer",
    "invoice",
    "item",
    "mapping",
    "notification",
    "outbox",
    "payment",
    "rules",
)
"""All that a change may be of. With the id 0 it is told that any of them may have changed."""

Pair = tuple[str, int]
_log = logging.getLogger(__name__)


def announce(session: Session, origin: str, changes: Iterable[Pair]) -> None:
    """Tell the other desks once this unit is committed; `origin` names the desk that knows already."""
    pairs = sorted(set(changes))
    payload = json.dumps([origin, pairs])
    if len(payload) > LONGEST_BYTES:
        payload = json.dumps([origin, [(kind, 0) for kind in sorted({kind for kind, _ in pairs})]])
    session.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload})


class Follower:
    """A thread that listens on a connection of its own and gives other desks' changes to `deliver`."""

    def __init__(self, engine: Engine, origin: str, deliver: Callable[[list[Pair]], None]) -> None:
        self._engine, self._origin, self._deliver = engine, origin, deliver
        self._stop = threading.Event()
        self.listening = threading.Event()
        """Set while notices come in."""
        self._thread = threading.Thread(target=self._run, name="books-follow", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; takes half a second at most."""
        self._stop.set()
        self._thread.join(AGAIN_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except Exception as error:  # the server went away, in whatever way the driver puts it: try again later
                known = isinstance(error, SQLAlchemyError) or type(error).__module__.startswith("psycopg")
                _log.info("other desks can't be heard at the moment: %s", type(error).__name__, exc_info=not known)
            finally:
                self.listening.clear()
            self._stop.wait(AGAIN_SECONDS)

    def _listen(self) -> None:
        raw = self._engine.raw_connection()
        connection: Any = raw.driver_connection
        raw.detach()  # it stays busy: the pool gets another one
        try:
            connection.rollback()
            connection.autocommit = True
            connection.execute(f"LISTEN {CHANNEL}")
            self._deliver([(kind, 0) for kind in KINDS])  # what was changed while nobody listened was told to nobody
            self.listening.set()
            while not self._stop.is_set():
                for notice in connection.notifies(timeout=LOOK_SECONDS):
                    self._heard(notice.payload)
        finally:
            connection.close()

    def _heard(self, payload: str) -> None:
        try:
            origin, pairs = json.loads(payload)
            changes = [(str(kind), int(local_id)) for kind, local_id in pairs]
        except (ValueError, TypeError):
            return  # somebody else's notice
        if origin != self._origin:
            self._deliver(changes)
