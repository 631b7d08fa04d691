"""Opening books is a story: look at their version, copy them aside, bring them up to date, check them.

Alembic is imported only when there is something to do: reading the version by hand takes a few
milliseconds, importing Alembic hundreds.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from desktop.clock import Clock
from desktop.models.backup import list_backups, take_backup, thin_out
from desktop.models.session import Password, make_engine, sqlite_path
from desktop.models.trouble import cannot_open, damaged, in_plain_words, newer

if TYPE_CHECKING:
    from alembic.config import Config

REVISIONS = ("0001_first_books",)
"""Every version that our books have had, oldest first; the last is this program's."""
CHECKED_BYTES = 16 * 1024 * 1024
"""Files up to this size are read whole at each start (about 0.1 s)."""
SCRIPTS = Path(__file__).parent / "migrations"


def migrate(url: str | URL, clock: Clock, *, backup_dir: Path, password: Password | None = None) -> str | None:
    """Bring the books at `url` to this program's version, and say which one they had (None: new ones).

    One transaction: it happens whole or not at all (P7). A SQLite file is copied to `backup_dir` first; on
    a server one desk at a time migrates. Raises StorageProblem and leaves the books as they were: newer
    than this program, damaged, not ours, locked, write-protected, no room.
    """
    path = sqlite_path(url)
    if path is not None:
        _look_at_file(path, backup_dir)
    engine = make_engine(url, clock, password=password, foreign_keys=False)
    try:
        with engine.connect() as connection:
            found = _version(connection)
        if found == REVISIONS[-1]:
            return found
        if path is not None and found is not None:
            take_backup(path, backup_dir, f"before-upgrade-from-{found}", clock.now())
            thin_out(backup_dir, clock.now())
        _upgrade(engine)
        return found
    except DBAPIError as error:
        problem = in_plain_words(error)
        if problem is None:
            raise
        raise problem from error
    finally:
        engine.dispose()


def _look_at_file(path: Path, backup_dir: Path) -> None:
    """Refuse what is no sound database before anything is opened for writing (S4)."""
    if not path.parent.is_dir():
        raise cannot_open(str(path.parent.name))
    if not path.exists():
        return
    if path.is_dir():
        raise cannot_open(path.name)
    if path.stat().st_size == 0 and list_backups(backup_dir):
        raise damaged()  # books that were there are gone: never begin new ones in their place
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.text_factory = bytes  # the answer quotes what it found: no text in a damaged file
            connection.execute("PRAGMA busy_timeout=5000")
            check = "PRAGMA quick_check(1)" if _worth_checking(path) else "SELECT 'ok' FROM sqlite_master"
            answer = connection.execute(check).fetchone()
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the driver quotes a damaged file as text
        raise in_plain_words(error) or damaged(str(error)) from error
    if answer is not None and answer[0] != b"ok":
        raise damaged(answer[0].decode(errors="replace"))


def _worth_checking(path: Path) -> bool:
    """Small files always, large ones after a crash: reading 80 MB at each start takes half a second.

    Damage in the rest is found when the page is read, and by the daily copy, which is checked whole.
    """
    journal = path.with_name(path.name + "-wal")
    return path.stat().st_size <= CHECKED_BYTES or (journal.exists() and journal.stat().st_size > 0)


def _version(connection: Connection) -> str | None:
    """The version of these books; None for an empty database. Raises StorageProblem for anything unknown."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        if tables:
            raise damaged()
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if found is None:
        raise damaged()
    if found not in REVISIONS:
        raise newer(str(found))
    return str(found)


def _upgrade(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin():
        if _version(connection) == REVISIONS[-1]:
            return  # another desk was faster while this one waited for the lock
        from alembic import command

        command.upgrade(alembic_config(connection), "head")
        if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            raise damaged("foreign_key_check")


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings, made in code; the open connection is handed over instead of an address."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
