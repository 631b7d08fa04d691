"""A date that lies where the company's books are closed: said before anything is sent (N7)."""

from __future__ import annotations

from datetime import date

from PySide6.QtWidgets import QWidget

from desktop.text import tr
from desktop.ui import formats
from desktop.ui.banner import Banner
from desktop.ui.context import Context


class ClosedPeriodWarning(Banner):
    """Hidden until `check` is given a day that the service would refuse."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent, closable=False)
        self._context = context

    def check(self, day: date) -> None:
        """Show or hide the warning for something dated `day`."""
        connection = self._context.connection
        closed = connection.closed_until if connection is not None else None
        if closed is None or day > closed:
            self.clear()
            return
        text = tr(
            "The books in {service} are closed up to {day}. Use a later date, or ask the bookkeeper to reopen the "
            "period: with this date it is not accepted there.",
            service=self._context.service,
            day=formats.short_date(closed, self._context.today()),
        )
        if text != self.accessibleName():
            self.show_message(text, status="wait")
