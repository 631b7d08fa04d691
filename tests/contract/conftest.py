"""A new desk for each row of the error tables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.error_rows import Row, Table, read_row
from tests.helpers.control import Control

Meeting = Callable[[Table, Row], Awaitable[None]]


@pytest.fixture
def meets(sandbox: Any, control: Control, tmp_path: Path, empty_books: Path) -> Meeting:
    """Has a new desk meet a row of a table; see `read_row`."""
    return lambda table, row: read_row(table, row, sandbox, control, tmp_path, empty_books)
