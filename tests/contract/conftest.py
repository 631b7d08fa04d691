"""Empty books for desks of the contract's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.clock import SystemClock
from desktop.models.session import open_database


@pytest.fixture(scope="session")
def no_books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with this version's tables and nothing in them, made once."""
    folder = tmp_path_factory.mktemp("books")
    open_database(str(folder / "empty.db"), SystemClock(), backup_dir=folder / "backups").close()
    return folder / "empty.db"
