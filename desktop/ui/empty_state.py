"""What a list says when it has nothing to show, and the first thing to do about it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.ui.buttons import PrimaryButton, QuietButton
from desktop.ui.icons import icon
from desktop.ui.labels import label
from desktop.ui.theme import theme


class EmptyState(QWidget):
    """A large quiet icon, a title, one sentence and up to two actions, in the middle of its space."""

    primary = Signal()
    secondary = Signal()

    def __init__(
        self,
        icon_name: str,
        title: str,
        sentence: str = "",
        *,
        primary: str = "",
        secondary: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        px = theme().px
        self._icon_name = icon_name
        self._icon = QLabel(self)
        self._title = label(title, "section", wrap=True, parent=self)
        self._sentence = label(sentence, "secondary", wrap=True, parent=self)
        self.primary_button = PrimaryButton(primary, self)
        self.primary_button.set_filled(icon_name != "no_hits")  # to clear a filter is a way back, no more
        self.secondary_button = QuietButton(secondary, self)
        self.primary_button.clicked.connect(self.primary)
        self.secondary_button.clicked.connect(self.secondary)
        centre = Qt.AlignmentFlag.AlignHCenter
        column = QVBoxLayout()
        column.setSpacing(px(8))
        for part in (self._icon, self._title, self._sentence):
            part.setAlignment(centre | Qt.AlignmentFlag.AlignTop)
            column.addWidget(part)
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        buttons.setContentsMargins(0, px(8), 0, 0)
        buttons.addStretch(1)
        for button, words in ((self.primary_button, primary), (self.secondary_button, secondary)):
            button.setVisible(bool(words))
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        inner = QWidget(self)
        inner.setLayout(column)
        inner.setMaximumWidth(px(440))
        inner.setMinimumWidth(px(220))
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(inner, 4)
        row.addStretch(1)
        outer.addLayout(row)
        outer.addStretch(3)
        self.set_text(title, sentence)
        self._draw()
        theme().changed.connect(self._draw)

    def set_text(self, title: str, sentence: str = "") -> None:
        self._title.setText(title)
        self._sentence.setText(sentence)
        self._sentence.setVisible(bool(sentence))
        self.setAccessibleName(title)
        self.setAccessibleDescription(sentence)

    def _draw(self) -> None:
        size = theme().px(48)
        self._icon.setPixmap(icon(self._icon_name, "text3").pixmap(QSize(size, size), self.devicePixelRatioF()))
