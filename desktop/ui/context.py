"""What all pages share: the program behind the window, the connection as last read, and ways to say something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal

from desktop.books import queries
from desktop.core import Core
from desktop.models.states import CompanyKey
from desktop.providers.base import Terms
from desktop.sync.overview import ConnectionView
from desktop.ui.preferences import Preferences
from desktop.ui.routes import Route


class Host(Protocol):
    """The main window, as pages see it."""

    def go(self, route: Route) -> None: ...

    def toast(self, sentence: str, action: str = "", acted: Callable[[], object] | None = None) -> None: ...

    def show_problem(self, error: Exception, retry: Callable[[], object] | None = None) -> None: ...

    def problem_over(self, error: Exception) -> None: ...


class Context(QObject):
    """One per main window, made when the books are open."""

    connection_changed = Signal()
    """The connection, its state or its counts are others now."""

    def __init__(self, core: Core, host: Host, preferences: Preferences, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.core = core
        self.preferences = preferences
        self.connection: ConnectionView | None = None
        self.terms: Terms | None = None
        self.not_synced = 0
        """Sent invoices that the company lacks though nothing is on its way: beside them nothing is "in sync"."""
        self._host = host

    @property
    def company(self) -> CompanyKey | None:
        """Whose links count now."""
        return self.connection.key if self.connection is not None else None

    @property
    def service(self) -> str:
        """What to call the connected service in a sentence; "" while none is connected."""
        return self.terms.service if self.terms is not None else ""

    @property
    def currency(self) -> str:
        """What new invoices are written in."""
        return self.connection.home_currency if self.connection is not None else self.core.desk.currency

    def now(self) -> datetime:
        """The present, in this computer's zone."""
        return self.core.clock.now().astimezone()

    def today(self) -> date:
        return self.now().date()

    async def read_connection(self) -> None:
        """Read the connection again and tell everybody if it is another now."""
        view = await self.core.connection()
        terms = await self.core.terms() if view is not None else None
        left = 0
        if view is not None and view.last_synced_at is not None and not (view.waiting or view.needs_you):
            left = await self.core.ask(queries.not_synced, view.key)
        if (view, terms, left) != (self.connection, self.terms, self.not_synced):
            self.connection, self.terms, self.not_synced = view, terms, left
            self.connection_changed.emit()

    def go(self, route: Route) -> None:
        self._host.go(route)

    def toast(self, sentence: str, action: str = "", acted: Callable[[], object] | None = None) -> None:
        """A word in passing, with an optional way back."""
        self._host.toast(sentence, action, acted)

    def show_problem(self, error: Exception, retry: Callable[[], object] | None = None) -> None:
        """A failure in the window's banner, with what mends it as its button."""
        self._host.show_problem(error, retry)

    def problem_over(self, error: Exception) -> None:
        """Take back what `show_problem` said of `error`, if it still stands there."""
        self._host.problem_over(error)


class Rows:
    """Rows for a windowed list: read while painting from a local file, fetched ahead from a server."""

    def __init__(
        self, core: Core, read: Callable[..., Sequence[Any]], arguments: Callable[[], tuple[Any, ...]]
    ) -> None:
        """`read(session, ids, *arguments())` gives the rows."""
        self._core, self._read, self._arguments = core, read, arguments
        if core.db.dialect != "sqlite":
            self.fetch = self.fetch_now

    def page(self, ids: Sequence[int]) -> Sequence[Any]:
        with self._core.db.read() as session:
            return self._read(session, list(ids), *self._arguments())

    async def fetch_now(self, ids: Sequence[int]) -> Sequence[Any]:
        """The rows with these ids, read on another thread."""
        return await self._core.ask(partial(self._read), list(ids), *self._arguments())
