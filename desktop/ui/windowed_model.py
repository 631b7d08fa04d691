"""A list of any length, of which only the rows near the screen are in memory.

The order is an array of ids made by one query; rows come in pages of 32 when they are painted. So 100,000
rows cost 800 kB, and sorting and filtering are the database's work: a proxy would ask Python a million times.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from desktop.ui import operations
from desktop.ui.columns import SERVED_ROLES, Column, cell, header_cell

PAGE = 32
KEPT = 128
Index = QModelIndex | QPersistentModelIndex


class HasId(Protocol):
    @property
    def id(self) -> int: ...


R = TypeVar("R", bound=HasId)
R_co = TypeVar("R_co", bound=HasId, covariant=True)


class RowSource(Protocol[R_co]):
    """Rows from a local file, fast enough to be read while painting."""

    def page(self, ids: Sequence[int]) -> Sequence[R_co]:
        """The rows with these ids in any order, without those that are gone; at most 5 ms for a page."""
        ...


class AsyncRowSource(Protocol[R_co]):
    """Rows from across a network: painted empty first, filled in when they arrive."""

    def fetch(self, ids: Sequence[int]) -> Awaitable[Sequence[R_co]]:
        """The rows with these ids in any order, without those that are gone."""
        ...


class WindowedTableModel(QAbstractTableModel, Generic[R]):
    """Table model over `set_ids` and a row source. Sorting is asked for, never done here."""

    sort_requested = Signal(str, bool)
    """(sort key of the column, descending): answer with `set_ids` in the new order."""

    def __init__(
        self,
        columns: Sequence[Column[R]],
        source: RowSource[R] | AsyncRowSource[R],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.columns = list(columns)
        self._source: Any = source
        self._later = hasattr(source, "fetch")
        self._ids = array("q")
        self._pages: OrderedDict[int, list[R | None]] = OrderedDict()
        self._asked: dict[int, asyncio.Task[None]] = {}
        self._generation = 0

    # -- filling ------------------------------------------------------------------------------

    def set_ids(self, ids: array[int]) -> None:
        """Show these rows in this order; pages read before are forgotten."""
        self.beginResetModel()
        self._forget_requests()
        self._ids = ids
        self._pages.clear()
        self.endResetModel()

    def row_changed(self, record_id: int) -> None:
        """Read a row again because it was changed (synced, paid); an id that is not shown is ignored."""
        self.rows_changed((record_id,))

    def rows_changed(self, record_ids: Iterable[int]) -> None:
        """As `row_changed`, for many at once."""
        wanted = set(record_ids)
        if len(wanted) == 1:
            row = self.row_of(next(iter(wanted)))
            rows = [] if row is None else [row]
        else:
            rows = [row for row, record_id in enumerate(self._ids) if record_id in wanted]
        for number in {row // PAGE for row in rows}:
            self._pages.pop(number, None)
            task = self._asked.pop(number, None)
            if task is not None:
                task.cancel()
        for first, last in _runs(rows):
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(self.columns) - 1))

    # -- asking -------------------------------------------------------------------------------

    @property
    def ids(self) -> array[int]:
        """The ids in the order shown. Not to be changed."""
        return self._ids

    def id_at(self, row: int) -> int:
        """The id in a row. Raises IndexError outside the list."""
        return self._ids[row]

    def row_of(self, record_id: int) -> int | None:
        """The row that shows an id, None if it is not in the list."""
        try:
            return self._ids.index(record_id)
        except ValueError:
            return None

    def row_at(self, row: int) -> R | None:
        """The row object, None while it is on its way or if it was deleted meanwhile."""
        number, place = divmod(row, PAGE)
        page = self._pages.get(number)
        if page is None:
            page = self._load(number)
            if page is None:
                return None
        else:
            self._pages.move_to_end(number)
        return page[place]

    # -- what Qt asks -------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = 0) -> Any:
        if role not in SERVED_ROLES or not index.isValid():
            return None
        row = self.row_at(index.row())
        return None if row is None else cell(self.columns[index.column()], row, role)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        return header_cell(self.columns[section], role)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(self.columns) and (key := self.columns[column].sort_key):
            self.sort_requested.emit(key, order == Qt.SortOrder.DescendingOrder)

    # -- pages --------------------------------------------------------------------------------

    def _load(self, number: int) -> list[R | None] | None:
        ids = self._ids[number * PAGE : (number + 1) * PAGE]
        if not self._later:
            return self._keep(number, ids, self._source.page(ids))
        if number not in self._asked:
            born = self._generation

            def arrived(rows: Sequence[R]) -> None:
                self._on_arrived(number, ids, rows, born)

            def failed(error: Exception) -> None:
                self._on_failed(number, error, born)

            rows = _fetched(self._source, ids)
            self._asked[number] = operations.run(self, rows, success=arrived, failure=failed)
        return None

    def _keep(self, number: int, ids: array[int], rows: Sequence[R]) -> list[R | None]:
        by_id = {row.id: row for row in rows}
        page = self._pages[number] = [by_id.get(record_id) for record_id in ids]
        while len(self._pages) > KEPT:
            self._pages.popitem(last=False)
        return page

    def _on_arrived(self, number: int, ids: array[int], rows: Sequence[R], born: int) -> None:
        if born != self._generation:
            return
        self._asked.pop(number, None)
        self._keep(number, ids, rows)
        first = number * PAGE
        self.dataChanged.emit(self.index(first, 0), self.index(first + len(ids) - 1, len(self.columns) - 1))

    def _on_failed(self, number: int, error: Exception, born: int) -> None:
        if born == self._generation:
            self._asked.pop(number, None)  # asked again at the next repaint
        raise error

    def _forget_requests(self) -> None:
        self._generation += 1
        for task in self._asked.values():
            task.cancel()
        self._asked.clear()


async def _fetched(source: AsyncRowSource[R], ids: Sequence[int]) -> Sequence[R]:
    return await source.fetch(ids)


def _runs(rows: list[int]) -> Iterable[tuple[int, int]]:
    """Ascending row numbers as (first, last) of each unbroken run."""
    start = previous = None
    for row in rows:
        if previous is not None and row == previous + 1:
            previous = row
            continue
        if start is not None and previous is not None:
            yield start, previous
        start = previous = row
    if start is not None and previous is not None:
        yield start, previous
