"""The look and the language every window test starts from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QLocale
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.ui.clipboard import let_go
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


@pytest.fixture(autouse=True)
def kept_widgets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Holds every window of a test until it was closed: pytest-qt does so weakly, and a window that Python collects
    while it is being painted takes the process with it."""
    held: list[QWidget] = []
    add = QtBot.addWidget

    def hold(bot: QtBot, widget: QWidget, **more: Any) -> None:
        held.append(widget)
        add(bot, widget, **more)

    monkeypatch.setattr(QtBot, "addWidget", hold)
    yield
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    held.clear()


@pytest.fixture(autouse=True, scope="session")
def clipboard_let_go() -> Iterator[None]:
    """What a test copied must not outlive the interpreter."""
    yield
    if QApplication.instance() is not None:
        let_go()
