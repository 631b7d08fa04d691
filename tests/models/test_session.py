"""Units of work: what is committed, what is told, what is refused, and in which words (S1-S4)."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from desktop.clock import ManualClock, SystemClock
from desktop.errors import StorageProblem
from desktop.models import session as session_module
from desktop.models.following import KINDS
from desktop.models.session import Change, Database, database_url, db_now, note_change, open_database
from desktop.models.tables import ItemAccount, Setting
from desktop.models.trouble import DatabaseBusy, DatabaseReadOnly, DiskFull, in_plain_words

START = datetime(2026, 6, 1, 9, tzinfo=UTC)


WATCHED = re.compile(r"watches = frozenset\(\{[^}]*\}|watch\(\s*self,\s*[\w.]+,\s*\([^)]*\)")
"""Where windows say which changes they want to hear of."""


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    found = open_database(database_url, ManualClock(START), backup_dir=tmp_path / "backups")
    yield found
    found.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "books.db"


def keep(session: Session, key: str = "a", value: object = 1) -> None:
    session.add(Setting(key=key, value=value))


def keys(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Setting.key).order_by(Setting.key)))


def test_a_unit_is_committed_at_its_end_and_rolled_back_on_an_error(database: Database) -> None:
    with database.write() as session:
        keep(session, "a")
    with pytest.raises(ValueError, match="stop"), database.write() as session:
        keep(session, "b")
        session.flush()
        raise ValueError("stop")
    assert keys(database) == ["a"]


def test_changes_are_told_after_the_commit_and_only_then(database: Database) -> None:
    told: list[tuple[frozenset[Change], list[str]]] = []
    forget = database.subscribe(lambda changes: told.append((changes, keys(database))))
    with database.write() as session:
        keep(session)
        note_change(session, "item", 7)
        note_change(session, "item", 7)
        assert not told
    with pytest.raises(ValueError), database.write() as session:
        note_change(session, "item", 8)
        raise ValueError
    forget()
    forget()
    with database.write() as session:
        note_change(session, "item", 9)
    assert told == [(frozenset({Change("item", 7)}), ["a"])]


@pytest.mark.allow_errors("a listener failed")
def test_a_failing_listener_harms_neither_the_unit_nor_the_others(database: Database) -> None:
    told: list[frozenset[Change]] = []

    def fail(_changes: frozenset[Change]) -> None:
        raise RuntimeError("no")

    database.subscribe(fail)
    database.subscribe(told.append)
    with database.write() as session:
        keep(session)
        note_change(session, "item", 1)
    assert keys(database) == ["a"] and len(told) == 1


def test_a_read_unit_sees_one_state_throughout(database: Database) -> None:
    with database.read() as reading:
        assert reading.get(Setting, "a") is None
        with database.write() as session:
            keep(session)
        assert reading.scalars(select(Setting)).all() == []
    assert keys(database) == ["a"]


def test_a_read_unit_cannot_write(database: Database) -> None:
    with pytest.raises(StorageProblem), database.read() as session:
        keep(session)
        session.flush()
    assert keys(database) == []


def test_a_write_unit_holds_the_lock_from_its_start(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, order = threading.Event(), []

    def second() -> None:
        entered.set()
        with database.write() as session:
            order.append("second begins")
            keep(session, "b")

    with database.write() as session:
        other = threading.Thread(target=second)
        other.start()
        assert entered.wait(10)
        assert session.scalars(select(Setting)).all() == []
        keep(session, "a")
        session.flush()
        order.append("first ends")
    other.join(30)
    assert order == ["first ends", "second begins"]
    assert keys(database) == ["a", "b"]


def test_read_then_write_never_fails_for_want_of_a_lock(database: Database) -> None:
    """Eight threads that read, then write: a deferred BEGIN loses a third of them at once."""
    with database.write() as session:
        keep(session, "count", 0)

    def count() -> None:
        for _ in range(10):
            with database.write() as session:
                row = session.get_one(Setting, "count")
                row.value = row.value + 1

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.read() as session:
        assert session.get_one(Setting, "count").value == 80


def test_foreign_keys_are_watched(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(ItemAccount(provider="p", company_id="c", item_id=99, account_id="1"))


def test_the_databases_clock_can_be_set(database: Database, database_url: str) -> None:
    with database.read() as session:
        assert db_now(session) == START
    with database.write() as session:
        assert db_now(session) == START
    real = Database(database_url, clock=SystemClock())
    with real.read() as session:
        assert abs((db_now(session) - datetime.now(UTC)).total_seconds()) < 60
    real.close()


async def test_units_run_beside_the_event_loop(database: Database) -> None:
    main, seen = threading.get_ident(), []

    def write(session: Session) -> str:
        seen.append(threading.get_ident())
        keep(session)
        return "kept"

    assert await database.in_write(write) == "kept"
    assert await database.in_read(lambda session: session.get_one(Setting, "a").value) == 1
    await asyncio.gather(*(database.in_write(lambda session, key=str(n): keep(session, key)) for n in range(5)))
    assert main not in seen
    assert len(keys(database)) == 6
    with pytest.raises(ValueError):
        await database.in_write(lambda _session: (_ for _ in ()).throw(ValueError()))


async def test_a_unit_that_has_begun_is_finished_though_nobody_waits(database: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def write(session: Session) -> None:
        begun.set()
        go_on.wait(20)
        keep(session)

    task = asyncio.ensure_future(database.in_write(write))
    await asyncio.to_thread(begun.wait, 20)
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.in_write(lambda _session: None)
    assert keys(database) == ["a"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:secret@server/books",
        "postgresql://server/books?password=secret",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://server/books",
        "what is this://",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_in_words(url: str) -> None:
    with pytest.raises(StorageProblem) as refusal:
        Database(url)
    assert "secret" not in refusal.value.sentence + refusal.value.details


def test_addresses_are_completed() -> None:
    assert database_url("/some/where.db").drivername == "sqlite"
    assert database_url("postgresql://server/books").drivername == "postgresql+psycopg"
    assert database_url(make_url("postgresql+psycopg://me@server/books?passfile=x")).username == "me"


def test_S8_a_server_that_does_not_answer_is_told_in_words() -> None:
    database = Database("postgresql+psycopg://me@127.0.0.1:1/books")
    with pytest.raises(StorageProblem) as problem, database.read():
        raise AssertionError("never reached")
    assert problem.value.retryable and "server" in problem.value.advice
    database.close()


def test_pragmas_of_a_file(file: Path) -> None:
    database = Database(str(file))
    with database.write() as session:
        answers = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    assert answers == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_S1_a_database_locked_too_long_is_told_in_words(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "BUSY_MILLISECONDS", 50)
    database = open_database(str(file), SystemClock(), backup_dir=file.parent)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy) as problem, database.write():
            raise AssertionError("never reached")
        assert problem.value.retryable and "in use" in problem.value.title
        assert keys(database) == []
        other.execute("ROLLBACK")
    with database.write() as session:
        keep(session)
    database.close()


def test_S2_a_full_disk_changes_nothing_and_work_goes_on_when_there_is_room(file: Path) -> None:
    database = open_database(str(file), SystemClock(), backup_dir=file.parent)
    with database.write() as session:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(DiskFull) as problem, database.write() as session:
        keep(session, "big", "x" * 200_000)
    assert "Nothing was changed" in problem.value.advice
    assert keys(database) == []
    with database.write() as session:
        session.execute(text("PRAGMA max_page_count=100000"))
    with database.write() as session:
        keep(session, "big", "x" * 200_000)
    assert keys(database) == ["big"]
    database.close()


def test_S3_a_read_only_file_is_told_in_words() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA query_only=ON")
        with pytest.raises(sqlite3.OperationalError) as refusal:
            connection.execute("CREATE TABLE t (a)")
    problem = in_plain_words(OperationalError("secret statement", {"value": "secret"}, refusal.value))
    assert isinstance(problem, DatabaseReadOnly)
    assert "secret" not in problem.sentence + problem.details


def test_every_kind_of_change_is_among_those_told_after_silence() -> None:
    """What is noted under a kind that no desk is told of after it was away would never be shown there again."""
    folder = Path(session_module.__file__).parents[1]
    texts = [path.read_text("utf-8") for path in folder.rglob("*.py")]
    noted = {kind for text_ in texts for kind in re.findall(r'note_change\(\s*\w+,\s*"(\w+)"', text_)}
    watched = {kind for text_ in texts for kind in re.findall(r'"(\w+)"', " ".join(WATCHED.findall(text_)))}
    assert len(noted) > 8 and len(watched) > 6
    assert noted | watched <= set(KINDS)


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_server_that_went_away_without_a_word_is_noticed_soon(database: Database) -> None:
    """A connection that only listens learns of it by the system's own questions, which come after hours by default."""
    with closing(database._reading.raw_connection()) as connection:
        asked = connection.driver_connection.info.get_parameters()
        waits = int(asked["keepalives_idle"]) + int(asked["keepalives_interval"]) * int(asked["keepalives_count"])
        assert waits <= 60 and int(asked["tcp_user_timeout"]) <= 60_000
