"""What several of the end-to-end tests stand on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def last_window_ends_nothing(qapp: Any) -> Iterator[None]:
    """As the program itself has it: only its own Quit ends it."""
    before = qapp.quitOnLastWindowClosed()
    qapp.setQuitOnLastWindowClosed(False)
    yield
    qapp.setQuitOnLastWindowClosed(before)
