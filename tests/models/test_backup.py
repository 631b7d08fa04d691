"""Copies of the books: whole, checked, thinned out, and good to go on with."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from desktop.errors import StorageProblem
from desktop.models.backup import Backup, is_sound, list_backups, newest_good, take_backup, thin_out, to_keep

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.fixture
def books(tmp_path: Path) -> Path:
    path = tmp_path / "books.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE notes (text)")
        connection.execute("INSERT INTO notes VALUES ('kept')")
    return path


def test_a_copy_of_open_books_holds_what_was_committed(books: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(books)) as busy:
        busy.execute("INSERT INTO notes VALUES ('not yet')")
        copy = take_backup(books, tmp_path / "backups", "daily", NOW)
        busy.rollback()
    with closing(sqlite3.connect(copy.path)) as connection:
        assert connection.execute("SELECT text FROM notes").fetchall() == [("kept",)]
    assert list_backups(tmp_path / "backups") == [copy]
    assert [path.name for path in (tmp_path / "backups").iterdir()] == ["blueclerk 2026-06-01 090000Z daily.db"]


def test_a_copy_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(StorageProblem):
        take_backup(tmp_path / "nothing.db", tmp_path / "backups", "daily", NOW)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_damaged_file_is_not_copied(books: Path, tmp_path: Path) -> None:
    books.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(StorageProblem):
        take_backup(books, tmp_path / "backups", "daily", NOW)
    assert list_backups(tmp_path / "backups") == []


def test_S4_the_newest_good_copy_is_offered(books: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    good = take_backup(books, folder, "daily", NOW)
    bad = take_backup(books, folder, "daily", NOW + timedelta(days=1))
    bad.path.write_bytes(bad.path.read_bytes()[:100])
    assert not is_sound(bad.path)
    assert newest_good(folder) == good
    assert newest_good(tmp_path / "none") is None


def test_the_ladder_thins_out_with_age() -> None:
    copies = [Backup(Path(f"{hours}"), NOW - timedelta(hours=hours), "daily") for hours in range(0, 24 * 400, 6)]
    kept = to_keep(copies, NOW)
    ages = sorted(NOW - copy.taken_at for copy in copies if copy.path in kept)
    assert sum(age <= timedelta(days=2) for age in ages) == 9
    assert 20 <= len(kept) <= 9 + 12 + 10 + 9
    assert timedelta(days=200) < ages[-1] < timedelta(days=300)
    assert copies[0].path in kept


def test_thinning_out_touches_only_copies(books: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    for days in (0, 1, 500, 501):
        take_backup(books, folder, "daily", NOW - timedelta(days=days))
    mine = folder / "my notes.db"
    mine.write_text("mine")
    thin_out(folder, NOW)
    assert mine.exists() and len(list_backups(folder)) <= 4
