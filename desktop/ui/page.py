"""What the main window asks of a page."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QElapsedTimer, QTimer, Signal
from PySide6.QtWidgets import QWidget

from desktop.ui.context import Context
from desktop.ui.routes import Route

PAUSE_MS, BURST_MS = 60, 400
"""How long changes are gathered before a page is read again: the first ones, and while they keep coming."""


class Change(Protocol):
    """A record that was changed: what the core tells of after each commit."""

    @property
    def kind(self) -> str: ...

    @property
    def local_id(self) -> int: ...


class Page(QWidget):
    """One destination of the rail. The window draws its title, its search field and the bell above it."""

    title = ""
    search_hint = ""
    """Words in the search field; "" hides it."""
    help_topic = ""
    """The help page of this page; what is nearer to the focus comes first."""
    watches: frozenset[str] = frozenset()
    """Kinds of changes after which `reload` is called."""

    actions_changed = Signal()
    """Which actions of the menu bar apply is different now."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.setAccessibleName(self.title)
        self._settle = QTimer(self, singleShot=True)
        self._since = QElapsedTimer()
        self._settle.timeout.connect(self._on_settled)
        self._touched: set[Change] = set()
        self._stale = True
        self._unread: Exception | None = None

    def reload(self, touched: frozenset[Change] = frozenset()) -> None:
        """Read again what is shown; `touched` are the records that changed, none means everything."""

    def search(self, text: str) -> None:
        """Show what matches `text`."""

    def open(self, route: Route) -> None:
        """Show what `route` names."""

    def focus_first(self) -> None:
        """Put the focus where work starts."""
        self.setFocus()

    def may_leave(self) -> bool:
        """Whether nothing unsaved would be lost by closing the window now."""
        return True

    @property
    def foot(self) -> int:
        """Pixels at the bottom that messages in passing must leave free."""
        return 0

    def on_reading(self, error: Exception | None) -> None:
        """What is shown can't be read: the window says why, with a button to try again. None: it can (again)."""
        before, self._unread = self._unread, error
        if error is not None:
            self.context.show_problem(error, self.reload)
        elif before is not None:
            self.context.problem_over(before)

    def on_changes(self, changes: frozenset[Change]) -> None:
        """Records were changed somewhere; bursts are answered once."""
        wanted = {change for change in changes if change.kind in self.watches}
        if wanted:
            self._touched |= wanted
            self._stale = True
            if self.isVisible() and not self._settle.isActive():
                busy = self._since.isValid() and self._since.elapsed() < 1000
                self._settle.start(BURST_MS if busy else PAUSE_MS)

    def showEvent(self, event) -> None:  # noqa: ANN001
        super().showEvent(event)
        if self._stale:
            self._on_settled()

    @property
    def is_waiting(self) -> bool:
        """Changes have come in that are not read yet."""
        return self._settle.isActive()

    def stop(self) -> None:
        """Read nothing any more: the books are about to be closed."""
        self._settle.stop()

    def _on_settled(self) -> None:
        touched, self._touched = frozenset(self._touched), set()
        self._stale = False
        self._since.start()
        self.reload(touched)
