"""A label above, the field, and under it in words what is wrong with it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.ui.announce import announce
from desktop.ui.labels import label
from desktop.ui.theme import set_role, theme


class FormField(QWidget):
    """Wraps any input. The error is shown beside the field and is its accessible description."""

    def __init__(self, words: str, field: QWidget, *, hint: str = "", parent: QWidget | None = None) -> None:
        """`words` may carry a mnemonic ("&Due date"); a field with `error_changed` reports by itself."""
        super().__init__(parent)
        self.field: Any = field
        """The widget that was given; typed by who made it."""
        px = theme().px
        name = words.replace("&&", "\0").replace("&", "").replace("\0", "&")
        self._label = label(words, "field", parent=self)
        self._label.setBuddy(field)
        self._hint_text = hint
        self._hint = label(hint, "hint", wrap=True, parent=self)
        self._hint.setVisible(bool(hint))
        self._error = label("", "error", wrap=True, parent=self)
        self._error.hide()
        field.setAccessibleName(name)
        field.setAccessibleDescription(hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        for part in (self._label, field, self._hint, self._error):
            column.addWidget(part)
        column.addStretch(1)
        self.setFocusProxy(field)
        changed = getattr(field, "error_changed", None)
        if changed is not None:
            changed.connect(self.set_error)

    @property
    def error(self) -> str:
        return self._error.text()

    def set_error(self, sentence: str) -> None:
        """Show `sentence` under the field, or nothing for ""."""
        self._error.setText(sentence)
        self._error.setVisible(bool(sentence))
        self._hint.setVisible(bool(self._hint_text) and not sentence)
        set_role(self.field, "invalid", bool(sentence))
        self.field.setAccessibleDescription(sentence or self._hint_text)
        announce(self.field, sentence)


def focus_first_error(fields: list[FormField]) -> bool:
    """Lead to the first field with an error; False when there is none."""
    for field in fields:
        if field.error:
            field.field.setFocus(Qt.FocusReason.OtherFocusReason)
            return True
    return False
