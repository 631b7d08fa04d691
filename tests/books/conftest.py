"""Open books on each database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.clock import ManualClock
from desktop.models.session import open_database, sqlite_path
from tests.books.writing import START, Office


@pytest.fixture(scope="session")
def new_books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with empty books, to copy: making them takes longer than most tests."""
    path: Path = tmp_path_factory.mktemp("books") / "new.db"
    open_database(str(path), ManualClock(START), backup_dir=path.parent).close()
    return path


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def office(database_url: str, clock: ManualClock, tmp_path: Path, new_books: Path) -> Iterator[Office]:
    path = sqlite_path(database_url)
    if path is not None:
        shutil.copyfile(new_books, path)
    database = open_database(database_url, clock, backup_dir=tmp_path / "backups")
    yield Office(database, clock)
    database.close()
