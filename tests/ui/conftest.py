"""The look and the language every window test starts from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QLocale

from desktop.ui.theme import Mode, Theme, theme


@pytest.fixture
def look(qapp) -> Iterator[Theme]:
    """The theme, light and without motion; put back afterwards."""
    kit = theme()
    kit.set_calm(True)
    kit.set_mode(Mode.LIGHT)
    yield kit
    kit.set_text_scale(1.0)
    kit.set_mode(Mode.SYSTEM)
    kit.set_calm(None)


@pytest.fixture(autouse=True)
def american() -> Iterator[None]:
    """Figures and dates as in the US, whatever the machine says."""
    before = QLocale()
    QLocale.setDefault(QLocale("en_US"))
    yield
    QLocale.setDefault(before)
