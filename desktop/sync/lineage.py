"""Notices that these books are not the newest ones, or not this computer's: an old copy was put back (S6), or one
was brought here from elsewhere (A13).

The books carry a number that grows at each start and around each run that may send something; the password store
remembers the highest one, outside any file that could be copied back. Books with a lower number lack what was sent
since: nothing leaves by itself then, and what is sent by hand is looked up there by our marks first. A file also
carries the mark of the one installation that it belongs to: a copy elsewhere would use up the same sign-in, so it
has to sign in for itself.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from desktop.clock import Clock, Entropy
from desktop.errors import BooksMoved, BooksOlder, ConnectionProblem, SecretStoreProblem
from desktop.models.backup import COPIED_UNTIL, PUT_BACK_AT, RESTORED_AT
from desktop.models.connection import Connection
from desktop.models.desk import Setting
from desktop.models.session import Database
from desktop.models.states import PushReason
from desktop.models.tables import RECORDS
from desktop.models.work import OutboxEntry
from desktop.sync import failures
from desktop.sync.secrets import SecretStore
from desktop.sync.tokens import service_name
from desktop.sync.vault import DATABASE_ID

EPOCH = "books.epoch"
HOME = "books.home"
INSTALLATION = "installation"
"""Name under which the password store keeps this installation's mark."""

_log = logging.getLogger(__name__)


class Lineage:
    """The number of one database, here and in the password store. `check` once at the start, `grow` before a run."""

    def __init__(self, db: Database, store: SecretStore, clock: Clock, entropy: Entropy) -> None:
        self._db = db
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._name = ""
        self.older = False
        """Whether `check` found books that are older than those seen before."""
        self.moved = False
        """Whether `check` found a copy of another installation's file."""

    def use(self, store: SecretStore) -> None:
        """Compare with, and note in, this store from now on."""
        self._store, self._name = store, ""

    async def check(self) -> None:
        """Compare, note what was found in the connection's state, and take the next number.

        Raises SecretStoreProblem or StorageProblem; nothing was changed then.
        """
        database_id = await self._db.in_read(lambda session: str(_value(session, DATABASE_ID) or ""))
        self._name = f"{database_id}:epoch"
        seen, home = await asyncio.to_thread(self._remembered)
        epoch = await self._db.in_write(lambda session: self._compare(session, seen, home))
        await asyncio.to_thread(self._store.write, self._name, str(epoch))

    async def grow(self) -> None:
        """Take the next number, so that a copy taken before this moment can be told from the books after it.

        A password store that refuses is passed over: the next number that it takes counts as well.
        """
        if not self._name:
            return
        epoch = await self._db.in_write(_next)
        try:
            await asyncio.to_thread(self._store.write, self._name, str(epoch))
        except SecretStoreProblem as problem:
            _log.info("the number of the books was not remembered: %s", problem.title)

    def _remembered(self) -> tuple[int, str]:
        home = self._store.read(INSTALLATION)
        if home is None:
            home = self._entropy.uuid()
            self._store.write(INSTALLATION, home)
        text = self._store.read(self._name) or ""
        return int(text) if text.isdecimal() else 0, home

    def _compare(self, session: Session, seen: int, home: str) -> int:
        epoch, now = _epoch(session), self._clock.now()
        put_back = session.get(Setting, PUT_BACK_AT)
        self.older = epoch < seen
        if self.older:
            _hold(session, now, BooksOlder)
            since = str(put_back.value) if put_back is not None else now.isoformat()
            session.merge(Setting(key=RESTORED_AT, value=since))
            if put_back is None:  # a file was put back by hand: nobody has noted how far it reaches
                until = max([datetime.fromisoformat(since), *_newest(session)])
                session.merge(Setting(key=COPIED_UNTIL, value=until.isoformat()))
        if put_back is not None:
            session.delete(put_back)
        if self._db.dialect == "sqlite":  # a server's books belong to all desks
            self.moved = _value(session, HOME) not in (None, home)
            if self.moved:
                _hold(session, now, BooksMoved)
            session.merge(Setting(key=HOME, value=home))
        epoch = max(epoch, seen) + 1
        session.merge(Setting(key=EPOCH, value=epoch))
        return epoch


def _newest(session: Session) -> list[datetime]:
    """When each kind of record was made and edited last."""
    moments = [moment for table in RECORDS.values() for moment in (table.created_at, table.updated_at)]
    found = [session.scalar(select(func.max(one))) for one in moments]
    return [one for one in found if one is not None]


def _value(session: Session, key: str) -> object:
    row = session.get(Setting, key)
    return row.value if row is not None else None


def _epoch(session: Session) -> int:
    return int(str(_value(session, EPOCH) or 0))


def _next(session: Session) -> int:
    epoch = _epoch(session) + 1
    session.merge(Setting(key=EPOCH, value=epoch))
    return epoch


def _hold(session: Session, now: datetime, kind: type[BooksOlder] | type[BooksMoved]) -> None:
    """Nothing of the live connection leaves by itself any more; what an old copy asked for counts as not asked."""
    row = session.scalars(select(Connection).where(Connection.live == 1)).one_or_none()
    if row is None:
        return
    problem: ConnectionProblem = kind(service_name(row.provider))
    if kind is BooksMoved:
        row.token_blob, row.token_key_id, row.token_state = None, "", "reconnect"
        row.token_version += 1
    failures.connection_trouble(session, now, row, problem, by_hand=True)
    asked = update(OutboxEntry).where(OutboxEntry.reason == PushReason.ASKED.value)
    session.execute(asked.values(reason=PushReason.CHANGED.value).execution_options(synchronize_session=False))
