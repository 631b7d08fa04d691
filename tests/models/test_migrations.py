"""Opening books of any age: up to date, copied aside, whole or not at all, never harmed (S4, P7, M3)."""

from __future__ import annotations

import random
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from desktop.clock import ManualClock
from desktop.errors import StorageProblem
from desktop.models import migrate as migrate_module
from desktop.models.backup import list_backups
from desktop.models.migrate import REVISIONS, alembic_config, migrate
from desktop.models.session import Database, make_engine, open_database
from desktop.models.tables import Base, Setting
from desktop.models.trouble import DatabaseDamaged, DatabaseNewer

CLOCK = ManualClock(datetime(2026, 6, 1, 9, tzinfo=UTC))


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """A file with books that hold one setting."""
    path = tmp_path / "books.db"
    database = open_database(str(path), CLOCK, backup_dir=tmp_path / "backups")
    with database.write() as session:
        session.add(Setting(key="kept", value=1))
    database.close()
    return path


def content(path: Path) -> bytes:
    return path.read_bytes()


def reopen(path: Path) -> Database:
    return open_database(str(path), CLOCK, backup_dir=path.parent / "backups")


def age(path: Path, version: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_migrated_tables_are_those_of_the_models(database_url: str, tmp_path: Path) -> None:
    migrate(database_url, CLOCK, backup_dir=tmp_path)
    engine = make_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_the_list_of_versions_is_what_the_scripts_say() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == REVISIONS


def test_opening_up_to_date_books_changes_and_copies_nothing(books: Path) -> None:
    reopen(books).close()
    assert migrate(str(books), CLOCK, backup_dir=books.parent / "backups") == REVISIONS[-1]
    assert list_backups(books.parent / "backups") == []


def test_opening_up_to_date_books_does_not_load_alembic(books: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from pathlib import Path; from desktop.clock import SystemClock;"
        "from desktop.models.session import open_database;"
        f"open_database({str(books)!r}, SystemClock(), backup_dir=Path({str(books.parent)!r})).close();"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


def test_P7_newer_books_are_refused_and_left_as_they_are(books: Path) -> None:
    age(books, "9999_from_the_future")
    before = content(books)
    with pytest.raises(DatabaseNewer):
        reopen(books)
    assert content(books) == before


def second_version(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upgrade: str) -> None:
    """Pretend that this program's tables have moved on by one migration, which does `upgrade`."""
    scripts = tmp_path / "scripts"
    (scripts / "versions").mkdir(parents=True)
    for source in [*migrate_module.SCRIPTS.glob("*"), *(migrate_module.SCRIPTS / "versions").glob("m*.py")]:
        if source.is_file():
            target = scripts / source.relative_to(migrate_module.SCRIPTS)
            target.write_bytes(source.read_bytes())
    (scripts / "versions" / "m0002_next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision = '0002_next'\ndown_revision = {REVISIONS[-1]!r}\n"
        f"def upgrade():\n    {upgrade}\n",
        "utf-8",
    )
    monkeypatch.setattr(migrate_module, "SCRIPTS", scripts)
    monkeypatch.setattr(migrate_module, "REVISIONS", (*REVISIONS, "0002_next"))


def test_P7_an_upgrade_is_copied_aside_first_and_keeps_children_of_rebuilt_tables(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(books)) as connection, connection:
        connection.execute("INSERT INTO item VALUES (1,'u','n','n','',NULL,0,'',1,0,0,1,'2026-01-01','2026-01-01')")
        connection.execute("INSERT INTO item_account VALUES (1,'p','c',1,'79')")
    rebuild = (
        "with op.batch_alter_table('item', recreate='always') as batch: "
        "batch.add_column(sa.Column('shade', sa.String(10)))"
    )
    second_version(books, tmp_path, monkeypatch, rebuild)
    reopen(books).close()
    with closing(sqlite3.connect(books)) as connection:
        assert connection.execute("SELECT account_id FROM item_account").fetchall() == [("79",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0002_next",)
    copies = list_backups(books.parent / "backups")
    assert [copy.label for copy in copies] == [f"before-upgrade-from-{REVISIONS[-1]}"]
    with closing(sqlite3.connect(copies[0].path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (REVISIONS[-1],)
        assert connection.execute("SELECT count(*) FROM setting").fetchone() == (1,)


def test_P7_an_upgrade_that_stops_half_way_leaves_nothing_behind(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = "op.create_table('half', sa.Column('id', sa.Integer)); raise ZeroDivisionError('the power went')"
    second_version(books, tmp_path, monkeypatch, half)
    with pytest.raises(ZeroDivisionError):
        reopen(books)
    with closing(sqlite3.connect(books)) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (REVISIONS[-1],)
    assert "half" not in names and "setting" in names


def test_P7_an_upgrade_that_would_break_a_reference_is_taken_back(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan = "op.execute(\"INSERT INTO item_account VALUES (9,'p','c',999,'79')\")"
    second_version(books, tmp_path, monkeypatch, orphan)
    with pytest.raises(StorageProblem):
        reopen(books)
    with closing(sqlite3.connect(books)) as connection:
        assert connection.execute("SELECT count(*) FROM item_account").fetchone() == (0,)


def test_M3_many_desks_opening_new_books_at_once_make_them_once(database_url: str, tmp_path: Path) -> None:
    problems: list[BaseException] = []

    def open_books() -> None:
        try:
            open_database(database_url, CLOCK, backup_dir=tmp_path / "backups").close()
        except BaseException as error:  # shown below: a thread must not fail unseen
            problems.append(error)

    threads = [threading.Thread(target=open_books) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert problems == []
    engine = make_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [(REVISIONS[-1],)]
    engine.dispose()


def test_S4_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    path.write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(DatabaseDamaged):
        reopen(path)
    assert content(path) == b"Dear diary, " * 1000


def test_S4_a_foreign_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE songs (id)")
    with pytest.raises(DatabaseDamaged):
        reopen(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


def test_S4_an_emptied_file_is_refused_where_there_are_backups(books: Path) -> None:
    from desktop.models.backup import take_backup

    take_backup(books, books.parent / "backups", "daily", CLOCK.now())
    books.write_bytes(b"")
    with pytest.raises(DatabaseDamaged):
        reopen(books)
    assert content(books) == b""


@pytest.mark.parametrize("seed", range(12))
def test_S4_flipped_bytes_are_found_or_harmless(books: Path, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(content(books))
    for _ in range(200):
        data[chance.randrange(100, len(data))] ^= 1 << chance.randrange(8)
    books.write_bytes(data)
    try:
        database = reopen(books)
    except StorageProblem as problem:
        assert problem.title and problem.advice
        assert content(books) == data
        return
    database.close()


def test_a_missing_folder_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(StorageProblem) as problem:
        reopen(tmp_path / "nowhere" / "books.db")
    assert "folder" in problem.value.advice
