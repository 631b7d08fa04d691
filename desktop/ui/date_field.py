"""A date: typed, stepped or chosen in a calendar, in the system's own short form."""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import QDate, QLocale, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCharFormat, QWheelEvent
from PySide6.QtWidgets import QCalendarWidget, QDateEdit, QToolButton, QWidget

from desktop.ui.formats import people_locale
from desktop.ui.icons import icon
from desktop.ui.theme import theme


class DateField(QDateEdit):
    """Never holds anything but a real date between 1970 and 2199. "T" is today; + and - move by a day."""

    date_chosen = Signal(object)
    """The date (a `datetime.date`) is another one now."""

    def __init__(self, today: date, parent: QWidget | None = None, *, locale: QLocale | None = None) -> None:
        """`today` is where the field starts and what "T" means."""
        super().__init__(parent)
        self._today = today
        self.setLocale(locale or people_locale())
        self.setDisplayFormat(four_digit_years(self.locale().dateFormat(QLocale.FormatType.ShortFormat)))
        self.setDateRange(QDate(1970, 1, 1), QDate(2199, 12, 31))
        self.setCalendarPopup(True)
        self.set_value(today)
        calendar = self.calendarWidget()
        calendar.setLocale(self.locale())
        calendar.setFirstDayOfWeek(self.locale().firstDayOfWeek())
        calendar.setGridVisible(False)
        calendar.setVerticalHeaderFormat(QCalendarWidget.VerticalHeaderFormat.NoVerticalHeader)
        self.dateChanged.connect(lambda _day: self.date_chosen.emit(self.value))
        theme().changed.connect(self._tint)
        self._tint()

    @property
    def value(self) -> date:
        day = self.date()
        return date(day.year(), day.month(), day.day())

    def set_value(self, day: date) -> None:
        self.setDate(QDate(day.year, day.month, day.day))

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), theme().px(32))

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), theme().px(32))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.text().lower() == "t" and not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier:
            self.set_value(self._today)
        elif event.text() in ("+", "-") and event.text() not in self.displayFormat():
            self.setDate(self.date().addDays(1 if event.text() == "+" else -1))
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:  # scrolling a page must not change an invoice
            event.ignore()

    def _tint(self) -> None:
        plain = QTextCharFormat()
        plain.setForeground(theme().color("text"))
        head = QTextCharFormat()
        head.setForeground(theme().color("text2"))
        calendar = self.calendarWidget()
        calendar.setHeaderTextFormat(head)
        for name, picture in (("qt_calendar_prevmonth", "chevron-left"), ("qt_calendar_nextmonth", "chevron-right")):
            button = calendar.findChild(QToolButton, name)
            if button is not None:  # Qt's own arrows are black in the dark
                button.setIcon(icon(picture))
        for day in (Qt.DayOfWeek.Saturday, Qt.DayOfWeek.Sunday):
            calendar.setWeekdayTextFormat(day, plain)


def four_digit_years(pattern: str) -> str:
    """A Qt date pattern whose year cannot be read as another century's."""
    return pattern if "yyyy" in pattern else pattern.replace("yy", "yyyy")
