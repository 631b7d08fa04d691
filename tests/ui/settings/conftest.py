"""A desk in a window: the theme, a parent to hang dialogs on, and failures that nobody may lose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from desktop.ui import operations, wizard_door
from desktop.ui.theme import Theme
from desktop.wizard.wizard import open_wizard


@pytest.fixture
def window(qtbot, look: Theme) -> Iterator[QWidget]:
    """An empty main window of 1180 x 760."""
    made = QWidget()
    made.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    made.resize(1180, 760)
    qtbot.addWidget(made)
    made.show()
    yield made


@pytest.fixture(autouse=True)
def door() -> Iterator[None]:
    wizard_door.install(open_wizard)
    yield
    wizard_door.install(None)


@pytest.fixture(autouse=True)
def unseen() -> Iterator[list[Exception]]:
    """Failures that no screen took; a test that expects none fails on one."""
    found: list[Exception] = []
    operations.set_unhandled(lambda _owner, error: found.append(error))
    yield found
    operations.set_unhandled(None)
    assert not found, found
