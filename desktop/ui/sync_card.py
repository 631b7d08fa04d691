"""Where one record stands towards the service: a sentence, what mends it first, the technique folded away."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.text import tr
from desktop.ui.buttons import PlainButton, QuietButton
from desktop.ui.icons import icon
from desktop.ui.labels import label
from desktop.ui.layouts import clear
from desktop.ui.status import Status
from desktop.ui.theme import set_role, theme


class SyncCard(QFrame):
    """Filled with `show_state`; each button is (key, words) and comes back through `acted`."""

    acted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        px = theme().px
        self._icon = QLabel(self)
        self.sentence = label("", wrap=True, parent=self)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.advice = label("", "secondary", wrap=True, parent=self)
        self._details = label("", "hint", wrap=True, parent=self)
        self._details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._fold = PlainButton(tr("Details"), self)
        self._fold.setCheckable(True)
        self._fold.toggled.connect(self._on_fold)
        self.buttons: dict[str, QuietButton] = {}
        self._row = QHBoxLayout()
        self._row.setSpacing(px(8))
        words = QVBoxLayout()
        words.setSpacing(px(6))
        for part in (self.sentence, self.advice):
            words.addWidget(part)
        words.addLayout(self._row)
        words.addWidget(self._details)
        body = QHBoxLayout(self)
        body.setContentsMargins(px(12), px(12), px(12), px(12))
        body.setSpacing(px(8))
        body.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        body.addLayout(words, 1)

    def show_state(
        self,
        status: Status,
        sentence: str,
        advice: str = "",
        *,
        buttons: Sequence[tuple[str, str]] = (),
        details: str = "",
    ) -> None:
        """Show a state in its colours, with its ways out in order."""
        set_role(self, "status", status.kind or "info")
        size = theme().px(18)
        name = status.icon or "info"
        self._icon.setPixmap(icon(name, status.kind or "info").pixmap(QSize(size, size), self.devicePixelRatioF()))
        self.sentence.setText(sentence)
        self.advice.setText(advice)
        self.advice.setVisible(bool(advice))
        self._details.setText(details)
        self._fold.setChecked(False)
        self._details.hide()
        self.setAccessibleName(f"{status.text}. {sentence}")
        clear(self._row, keep=self._fold)
        self.buttons = {}
        for key, words in buttons:
            button = QuietButton(words.replace("&", "&&"), self)
            button.setAccessibleName(words)
            button.clicked.connect(lambda _on=False, key=key: self.acted.emit(key))
            self.buttons[key] = button
            self._row.addWidget(button)
        self._fold.setVisible(bool(details))
        self._row.addWidget(self._fold)
        self._row.addStretch(1)

    def set_enabled(self, on: bool) -> None:
        """Whether the buttons can be pressed."""
        for button in self.buttons.values():
            button.setEnabled(on)

    def _on_fold(self, opened: bool) -> None:
        self._details.setVisible(opened)
        self._fold.setText(tr("Hide details") if opened else tr("Details"))
