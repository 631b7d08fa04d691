"""Surfaces: a card raised by a hairline, a divider, and the head of a page."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QVBoxLayout, QWidget

from desktop.ui.labels import ElidedLabel, label
from desktop.ui.theme import theme


class Card(QFrame):
    """A raised panel with an optional section title; fill `body` (a vertical layout)."""

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.body = QVBoxLayout(self)
        inset = theme().px(16)
        self.body.setContentsMargins(inset, inset, inset, inset)
        self.body.setSpacing(theme().px(12))
        if title:
            self.title = label(title, "section", parent=self)
            self.body.addWidget(self.title)
            self.setAccessibleName(title)


class Panel(QFrame):
    """A plain surface of the panel colour, edge to edge; fill `body`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)


def hairline(parent: QWidget | None = None) -> QFrame:
    """A one-pixel divider."""
    line = QFrame(parent)
    line.setProperty("role", "line")
    line.setFixedHeight(1)
    return line


class PageHeader(QWidget):
    """Title and one sentence at the left, whatever is added with `add` at the right, in that order."""

    def __init__(self, title: str, sentence: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(theme().px(8))
        words = QVBoxLayout()
        words.setSpacing(theme().px(2))
        self._title = ElidedLabel(title, "title", self, keep=theme().px(240))
        self._sentence = label(sentence, "secondary", wrap=True, parent=self)
        self._sentence.setVisible(bool(sentence))
        words.addWidget(self._title)
        words.addWidget(self._sentence)
        self._row.addLayout(words, 1)
        self.setAccessibleName(title)

    def add(self, widget: QWidget) -> None:
        """Put `widget` at the right end."""
        self._row.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)


def empty_out(layout: QLayout, keep: int = 0) -> None:
    """Take everything after the first `keep` parts out of `layout`, and let it go."""
    while layout.count() > keep:
        taken = layout.takeAt(keep)
        part = taken.widget() if taken is not None else None
        if part is not None:
            part.deleteLater()
