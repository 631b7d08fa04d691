"""A field for one out of thousands: type any words of the name, pick from what the books answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QCompleter, QLineEdit, QWidget

from desktop.books.queries import Choice
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.theme import theme

_ROLE = int(Qt.ItemDataRole.UserRole) + 1
PAUSE_MS = 60


class ChoiceEdit(QLineEdit):
    """Holds a `Choice` or free text. `find(text)` gives the choices; it is asked after each pause in typing."""

    chosen = Signal(object)
    """The choice is another one now: a `Choice`, or None while the text is free."""
    new_asked = Signal(str)
    """ "Add ... as new" was picked, with the text typed."""

    def __init__(
        self,
        find: Callable[[str], Awaitable[Sequence[Choice]]],
        parent: QWidget | None = None,
        *,
        new_words: str = "",
    ) -> None:
        """`new_words`: "Add “{text}” as a new customer"; "" offers no such entry."""
        super().__init__(parent)
        self._find = find
        self._new_words = new_words
        self._choice: Choice | None = None
        self._task: asyncio.Task[None] | None = None
        self._model = QStandardItemModel(self)
        self._completer = QCompleter(self._model, self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._completer.setMaxVisibleItems(8)
        self._completer.setWidget(self)
        activated: Any = self._completer.activated
        activated[QModelIndex].connect(self._on_activated)
        popup: Any = self._completer.popup()
        popup.setMinimumWidth(theme().px(280))
        self._popup = popup
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._pause.timeout.connect(self._ask)
        self.textEdited.connect(self._on_edited)

    @property
    def choice(self) -> Choice | None:
        """What was picked; None for free text."""
        return self._choice

    def set_choice(self, choice: Choice | None, text: str = "") -> None:
        """Show `choice`, or free `text`."""
        self._choice = choice
        self.setText(choice.name if choice is not None else text)
        self.setCursorPosition(0)
        self.setModified(False)

    def keyPressEvent(self, event) -> None:  # noqa: ANN001
        popup = self._popup
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab)
        if popup.isVisible() and event.key() in keys:
            index = popup.currentIndex()
            self._on_activated(index if index.isValid() else self._model.index(0, 0))
            popup.hide()
            if event.key() != Qt.Key.Key_Tab:
                event.accept()
                return
        if event.key() == Qt.Key.Key_Down and not popup.isVisible():
            self._ask()
            return
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._settle_text()

    def _settle_text(self) -> None:
        """A name typed in full is the same as picking it."""
        if self._choice is None and self.text().strip():
            typed = self.text().strip().casefold()
            for row in range(self._model.rowCount()):
                found = self._model.item(row).data(_ROLE)
                if isinstance(found, Choice) and found.name.casefold() == typed:
                    self._take(found)
                    return

    def _on_edited(self, _text: str) -> None:
        if self._choice is not None:
            self._choice = None
            self.chosen.emit(None)
        self._pause.start()

    def _ask(self) -> None:
        if self._task is not None:
            self._task.cancel()
        text = self.text().strip()

        async def look() -> Sequence[Choice]:
            return await self._find(text)

        self._task = operations.run(self, look(), success=self._offer)

    def _offer(self, found: Sequence[Choice]) -> None:
        self._model.clear()
        for choice in found:
            item = QStandardItem(f"{choice.name}   {choice.hint}" if choice.hint else choice.name)
            item.setData(choice, _ROLE)
            item.setData(choice.name, Qt.ItemDataRole.EditRole) if not choice.hint else None
            self._model.appendRow(item)
        text = self.text().strip()
        if self._new_words and text and not any(one.name.casefold() == text.casefold() for one in found):
            item = QStandardItem(tr(self._new_words, text=text))
            item.setData(text, _ROLE)
            self._model.appendRow(item)
        if self._model.rowCount() and self.hasFocus():
            self._completer.complete()
        else:
            self._popup.hide()

    def _on_activated(self, index: QModelIndex) -> None:
        found = index.data(_ROLE)
        if isinstance(found, Choice):
            self._take(found)
        elif isinstance(found, str) and found:
            QTimer.singleShot(0, lambda: self.new_asked.emit(found))

    def _take(self, choice: Choice) -> None:
        self._choice = choice
        self.setText(choice.name)
        self.chosen.emit(choice)
