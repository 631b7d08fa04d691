"""Gives sync tests a connected desk."""

from __future__ import annotations

import asyncio
import functools
import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.clock import SystemClock
from desktop.models.session import open_database, sqlite_path
from tests.helpers.control import Control
from tests.helpers.office import Office, open_office


@pytest.fixture(scope="session")
def empty_books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with this version's tables and nothing in them, made once."""
    folder = tmp_path_factory.mktemp("books")
    open_database(str(folder / "empty.db"), SystemClock(), backup_dir=folder / "backups").close()
    return folder / "empty.db"


@pytest.fixture
def office(database_url: str, tmp_path: Path, sandbox: Any, control: Control, empty_books: Path) -> Iterator[Office]:
    """A desk connected to the sandbox's demo company, Auto-Sync on. Its HTTP client lives on the test's own loop."""
    path = sqlite_path(database_url)
    if path is not None:
        shutil.copyfile(empty_books, path)
    made = asyncio.run(open_office(database_url, tmp_path, control, sandbox.services, migrated=path is not None))
    yield made
    made.db.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Closes the desk's HTTP client before the loop that it lives on ends."""
    desk = pyfuncitem.funcargs.get("office")
    test = pyfuncitem.obj
    if isinstance(desk, Office) and inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def closing(**values: Any) -> None:
            try:
                await test(**values)
            finally:
                await desk.http.close()

        pyfuncitem.obj = closing
    return (yield)
