"""The database: one engine, two kinds of units of work, and what tells the rest that something changed.

SQLite (the default) is opened in WAL mode with `synchronous=FULL`, because the last commit before a power
cut may be the intention of a write at a service. A write unit takes the write lock with its first
statement: a deferred one fails at once, whatever the timeout, when another writer got in between its read
and its write. PostgreSQL gets the same by an advisory lock, so that the same tests hold on both.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from desktop.clock import Clock, SystemClock
from desktop.errors import StorageProblem
from desktop.models.following import Follower, announce
from desktop.models.trouble import in_plain_words
from desktop.text import tr

T = TypeVar("T")

BUSY_MILLISECONDS = 5000
"""How long a writer waits for another one before it says so (S1)."""
READER_THREADS = 3
WRITER_LOCK = 0x424C5545
"""The advisory lock that PostgreSQL's writers take in turn."""

_log = logging.getLogger(__name__)


class Change(NamedTuple):
    """A record that a committed unit of work has touched."""

    kind: str
    """customer, item, invoice, payment, connection, notification, activity, mapping or outbox."""
    local_id: int


Listener = Callable[[frozenset[Change]], None]
Password = Callable[[], str | None]


def note_change(session: Session, kind: str, local_id: int) -> None:
    """Have subscribers told of this record once the unit of work is committed; forgotten if it is not."""
    session.info.setdefault("changes", set()).add(Change(kind, local_id))


def db_now(session: Session) -> datetime:
    """The database's own clock (aware, UTC): what leases are judged by, whatever a desk's clock says."""
    if session.get_bind().dialect.name == "sqlite":
        stamp = session.execute(text("SELECT blueclerk_now()")).scalar_one()
        return datetime.fromisoformat(stamp)
    instant: datetime = session.execute(
        text("SELECT coalesce(nullif(current_setting('blueclerk.now', true), '')::timestamptz, clock_timestamp())")
    ).scalar_one()
    return instant.astimezone(UTC)


def database_url(url: str | URL) -> URL:
    """`url` as a URL; a plain path means a SQLite file.

    Raises StorageProblem for an address that can't be read, a database in memory, another kind of
    database, or one that holds a password (a list of processes would show it: design 2.8).
    """
    try:
        parsed = make_url(url if isinstance(url, URL) or "://" in url else URL.create("sqlite", database=url))
    except ArgumentError as error:
        raise StorageProblem(tr("This is not the address of a database.")) from error
    if parsed.password is not None or "password" in parsed.query:
        raise StorageProblem(
            tr("The address of the database must not hold a password."),
            tr("Other programs could read it. Put it into the password file (pgpass) or the password store."),
        )
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise StorageProblem(tr("The books need a file to be kept in."))
        return parsed.set(drivername="sqlite")
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise StorageProblem(tr("Books can be kept in a file or on a PostgreSQL server, nowhere else."))


def sqlite_path(url: str | URL) -> Path | None:
    """The file behind a SQLite address; None for a server."""
    parsed = database_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def make_engine(
    url: str | URL,
    clock: Clock | None = None,
    *,
    password: Password | None = None,
    read_only: bool = False,
    foreign_keys: bool = True,
) -> Engine:
    """An engine that begins as this page's head says. `password` is asked at each connect to a server."""
    parsed = database_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, clock or SystemClock(), read_only, foreign_keys)
    return _postgres_engine(parsed, clock, password, read_only)


def _sqlite_engine(url: URL, clock: Clock, read_only: bool, foreign_keys: bool) -> Engine:
    engine = create_engine(url, pool_size=READER_THREADS)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # BEGIN is ours: the driver's own comes too late and is deferred
        connection.create_function("blueclerk_now", 0, lambda: clock.now().astimezone(UTC).isoformat())
        connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        if sys.platform == "darwin":
            connection.execute("PRAGMA fullfsync=1")
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}
"""A server that went away without a word is noticed within a minute: a desk that only listens would wait for hours.
Seconds, seconds, tries, milliseconds."""


def _postgres_engine(url: URL, clock: Clock | None, password: Password | None, read_only: bool) -> Engine:
    options = f"-c lock_timeout={BUSY_MILLISECONDS} -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
    engine = create_engine(
        url,
        pool_size=READER_THREADS,
        pool_pre_ping=True,
        isolation_level="REPEATABLE READ" if read_only else "READ COMMITTED",
        execution_options={"postgresql_readonly": True} if read_only else {},
        connect_args={"options": options, "connect_timeout": 10, "application_name": "blueclerk", **KEEPALIVE},
    )
    chosen = clock if clock is not None and not isinstance(clock, SystemClock) else None

    @event.listens_for(engine, "do_connect")
    def sign_in(_dialect: object, _record: object, _args: object, values: dict[str, Any]) -> None:
        found = password() if password is not None else None
        if found is not None:
            values["password"] = found

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if not read_only:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
        if chosen is not None:  # a test's clock stands in for the server's
            stamp = chosen.now().astimezone(UTC).isoformat()
            connection.execute(text("SELECT set_config('blueclerk.now', :stamp, true)"), {"stamp": stamp})

    return engine


class Database:
    """Everything that reads or writes our books goes through one of these.

    `clock` is what SQLite's `blueclerk_now()` answers; a PostgreSQL server uses its own clock unless a
    test's clock is given. `password` is asked for a server's password whenever a connection is made.
    Raises StorageProblem for an address that can't be used; the file itself is opened by the first unit.
    """

    def __init__(self, url: str | URL, *, clock: Clock | None = None, password: Password | None = None) -> None:
        self.url = database_url(url)
        self.dialect = self.url.get_backend_name()
        """"sqlite" or "postgresql"."""
        self.path = sqlite_path(self.url)
        self._reading = make_engine(self.url, clock, password=password, read_only=True)
        self._writing = make_engine(self.url, clock, password=password)
        self._readers = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="books-read")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="books-write")
        self._listeners: list[Listener] = []
        self._guard = threading.Lock()
        self._origin = uuid.uuid4().hex
        self._follower: Follower | None = None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A unit that sees one state of the books throughout and can't change it.

        Raises StorageProblem.
        """
        with _troubles_named(), Session(self._reading, expire_on_commit=False, autoflush=False) as session:
            session.connection()
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A unit that holds the write lock from its start, commits at its end, and rolls back on any error.

        Subscribers are told after the commit. Raises StorageProblem; then nothing was changed, save that a
        server whose answer to the commit was lost may have done it (S8).
        """
        with _troubles_named(), Session(self._writing, expire_on_commit=False) as session:
            session.connection()
            yield session
            if self.dialect == "postgresql" and session.info.get("changes"):
                announce(session, self._origin, session.info["changes"])
            session.commit()
        changes = frozenset(session.info.get("changes", ()))
        if changes:
            self._deliver(changes)

    async def in_read(self, fn: Callable[[Session], T]) -> T:
        """`fn` in a read unit on a reader thread; it must return plain values, not rows of the session."""
        return await asyncio.wrap_future(self._readers.submit(_run, self.read, fn))

    async def in_write(self, fn: Callable[[Session], T]) -> T:
        """`fn` in a write unit on the one writer thread.

        A caller cancelled meanwhile does not stop it: a unit that has begun is finished.
        """
        future = self._writer.submit(_run, self.write, fn)
        return await asyncio.wrap_future(future)

    def subscribe(self, listener: Callable[[frozenset[Change]], None]) -> Callable[[], None]:
        """Call `listener` after each commit, on the thread that wrote; the answer ends it."""
        with self._guard:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._guard:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def follow(self) -> Follower | None:
        """Tell subscribers of what other desks change, too, from now on; None for a file, which has one desk."""
        if self.dialect == "postgresql" and self._follower is None:
            self._follower = Follower(
                self._reading, self._origin, lambda pairs: self._deliver(frozenset(Change(*pair) for pair in pairs))
            )
        return self._follower

    def close(self) -> None:
        """Finish what runs on the threads and let go of the file; calling it twice is harmless."""
        if self._follower is not None:
            self._follower.stop()
            self._follower = None
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self._reading.dispose()
        self._writing.dispose()

    def _deliver(self, changes: frozenset[Change]) -> None:
        with self._guard:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(changes)
            except Exception:  # the change is committed: no listener may make it look as if it had failed
                _log.exception("a listener failed")


def _run(unit: Callable[[], AbstractContextManager[Session]], fn: Callable[[Session], T]) -> T:
    with unit() as session:
        return fn(session)


@contextmanager
def _troubles_named() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        problem = in_plain_words(error)
        if problem is None:
            raise
        raise problem from error


def open_database(url: str | URL, clock: Clock, *, backup_dir: Path, password: Password | None = None) -> Database:
    """The books at `url`, brought to this version's tables; a SQLite file is copied to `backup_dir` first.

    Raises StorageProblem (desktop.models.trouble): newer tables, damaged, locked, write-protected, disk
    full, server not reachable. Nothing was changed then.
    """
    from desktop.models.migrate import migrate

    migrate(url, clock, backup_dir=backup_dir, password=password)
    return Database(url, clock=clock, password=password)
