"""The search box of a list: one query after the typing pauses, not one per key."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from desktop.text import tr
from desktop.ui.icons import icon
from desktop.ui.theme import theme

PAUSE_MS = 150


class SearchField(QLineEdit):
    """Emits `searched` 150 ms after the last key, at once on Enter, clear and Esc."""

    searched = Signal(str)

    def __init__(self, placeholder: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(placeholder or tr("Search"))
        self.setAccessibleName(placeholder or tr("Search"))
        self.setClearButtonEnabled(True)
        self.setProperty("search", True)
        self.addAction(icon("search", "text3"), QLineEdit.ActionPosition.LeadingPosition)
        self.setMinimumWidth(theme().px(120))
        self._last = ""
        self._timer = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._timer.timeout.connect(self._on_pause)
        self.textChanged.connect(self._on_text_changed)
        self.returnPressed.connect(self._on_pause)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            event.accept()
            return
        super().keyPressEvent(event)

    def _on_text_changed(self, text: str) -> None:
        if text:
            self._timer.start()
        else:
            self._on_pause()

    def _on_pause(self) -> None:
        self._timer.stop()
        text = self.text().strip()
        if text != self._last:
            self._last = text
            self.searched.emit(text)
