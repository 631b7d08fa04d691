from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.clock import SystemClock
from desktop.models.session import Database
from tests.signin.helpers import Bench, Endpoint, HttpSignIn, add_connection, open_books, start_endpoint, unlocked


@pytest.fixture
def db(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """New books on each of the two databases."""
    books = open_books(database_url, tmp_path)
    yield books
    books.close()


@pytest.fixture
def file_db(tmp_path: Path) -> Iterator[Database]:
    """New books in a file, where the database makes no difference."""
    books = open_books(f"sqlite:///{(tmp_path / 'books.db').as_posix()}", tmp_path)
    yield books
    books.close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server, stop = start_endpoint()
    yield server
    stop()


@pytest.fixture
def bench(file_db: Database, endpoint: Endpoint) -> Bench:
    """A desk whose access token has run out."""
    cipher = unlocked()
    access, refresh = endpoint.grant()
    connection_id = add_connection(file_db, cipher, access, refresh, expires_in=-10)
    return Bench(file_db, cipher, endpoint, HttpSignIn(endpoint.base), SystemClock(), connection_id)
