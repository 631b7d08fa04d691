"""Small whole numbers and times of day, for settings: stepped, typed, never changed by scrolling past."""

from __future__ import annotations

from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QSpinBox, QTimeEdit, QWidget

from desktop.ui.formats import people_locale
from desktop.ui.theme import theme


class SpinField(QSpinBox):
    """A count with its unit behind it: `SpinField(1, 120, " min")`."""

    def __init__(self, least: int, most: int, unit: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRange(least, most)
        self.setSuffix(unit)
        self.lineEdit().setTextMargins(theme().px(8), 0, 0, 0)  # a stylesheet's padding is lost here

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class TimeField(QTimeEdit):
    """A time of day in the system's short form."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        locale = people_locale()
        self.setLocale(locale)
        self.setDisplayFormat(locale.timeFormat(locale.FormatType.ShortFormat))
        self.lineEdit().setTextMargins(theme().px(8), 0, 0, 0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
