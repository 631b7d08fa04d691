"""A list of any length, of which only the rows near the screen are in memory.

The order is an array of ids made by one query; rows come in pages of 8 when they are painted, those of one screen
with one question. So 100,000 rows cost 800 kB, and sorting and filtering are the database's work: a proxy would ask
Python a million times.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from desktop.ui import operations
from desktop.ui.columns import SERVED_ROLES, Column, cell, header_cell

PAGE = 8
KEPT = 512
Index = QModelIndex | QPersistentModelIndex


class HasId(Protocol):
    @property
    def id(self) -> int: ...


R = TypeVar("R", bound=HasId)
R_co = TypeVar("R_co", bound=HasId, covariant=True)


class RowSource(Protocol[R_co]):
    """Rows from a local file, fast enough to be read while painting."""

    def page(self, ids: Sequence[int]) -> Sequence[R_co]:
        """The rows with these ids in any order, without those that are gone; at most 5 ms for a screen of them."""
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
        *,
        told: Callable[[Exception | None], object] | None = None,
    ) -> None:
        """`told` is called once when rows can't be read, and with None once they can again; meanwhile they are tried
        whenever they are painted. Without it the error goes wherever errors go that nobody takes."""
        super().__init__(parent)
        self._told = told
        self._unreadable = False
        self.columns = list(columns)
        self._source: Any = source
        self._later = hasattr(source, "fetch")
        self._ids = array("q")
        self._pages: OrderedDict[int, list[R | None]] = OrderedDict()
        self._asked: dict[int, asyncio.Task[None]] = {}
        self._before: dict[int, R] = {}
        """Rows as they stood, by id, to be painted until a server has said how they are now: nothing flickers."""

    # -- filling ------------------------------------------------------------------------------

    def set_ids(self, ids: array[int]) -> None:
        """Show these rows in this order; pages read before are forgotten."""
        self.beginResetModel()
        self._forget_requests()
        self._unreadable = False  # whoever has read the ids is told anew
        self._ids = ids
        for number in tuple(self._pages):
            self._put_aside(number)
        self.endResetModel()

    def row_changed(self, record_id: int) -> None:
        """Read a row again because it was changed (synced, paid); an id that is not shown is ignored."""
        self.rows_changed((record_id,))

    def rows_changed(self, record_ids: Iterable[int]) -> None:
        """As `row_changed`, for many at once."""
        wanted = set(record_ids)
        self._unreadable = False
        if len(wanted) == 1:
            row = self.row_of(next(iter(wanted)))
            rows = [] if row is None else [row]
        else:
            rows = [row for row, record_id in enumerate(self._ids) if record_id in wanted]
        for number in {row // PAGE for row in rows}:
            self._put_aside(number)
            self._asked.pop(number, None)  # what is on its way may be what it was before
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
        number = row // PAGE
        if number in self._pages:
            self._pages.move_to_end(number)
        else:
            self._load([number])
        return self._kept_row(row)

    def record(self, record_id: int) -> R | None:
        """What stands in the row that shows an id; None where there is no such row, or while it is on its way."""
        row = self.row_of(record_id)
        return None if row is None else self.row_at(row)

    def read_ahead(self, first: int, last: int) -> None:
        """Read with one question what is missing of these rows, which are about to be painted.

        From across a network a screen more is fetched on either side, so that scrolling finds it there.
        """
        if self._later:
            more = last - first + 1
            first, last = first - more, last + more
        self._load(self._missing(range(max(0, first), min(last + 1, len(self._ids)))))

    def with_records(self, rows: Iterable[int], then: Callable[[list[R]], object]) -> None:
        """Call `then` with what stands in these rows, in order, without what is gone: rows not read yet are read.

        At once where they lie here or in a local file, when they have arrived where they come from a server.
        """
        places = list(rows)
        if not self._later and len(places) <= KEPT // 2:  # asked again and again while a selection grows
            self._load(self._missing(places))
        kept = [self._kept_row(row) for row in places]
        if None not in kept:
            then([row for row in kept if row is not None])
            return
        ids = array("q", (self._ids[row] for row in places))

        def arrived(found: Sequence[R]) -> None:
            by_id = {row.id: row for row in found}
            then([by_id[record_id] for record_id in ids if record_id in by_id])

        if self._later:
            operations.run(self, _fetched(self._source, ids), success=arrived)
        else:
            arrived(self._source.page(ids))

    def _missing(self, rows: Iterable[int]) -> list[int]:
        """The pages of these rows that are not here."""
        return [number for number in dict.fromkeys(row // PAGE for row in rows) if number not in self._pages]

    def _kept_row(self, row: int) -> R | None:
        number, place = divmod(row, PAGE)
        page = self._pages.get(number)
        return page[place] if page is not None else None

    # -- what Qt asks -------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = 0) -> Any:
        if role not in SERVED_ROLES or not index.isValid():
            return None
        row = self.row_at(index.row())
        if row is None and self._before:
            row = self._before.get(self._ids[index.row()])
        return None if row is None else cell(self.columns[index.column()], row, role)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        return header_cell(self.columns[section], role)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(self.columns) and (key := self.columns[column].sort_key):
            self.sort_requested.emit(key, order == Qt.SortOrder.DescendingOrder)

    # -- pages --------------------------------------------------------------------------------

    def _load(self, numbers: Sequence[int]) -> None:
        if self._later:
            numbers = [number for number in numbers if number not in self._asked]
        ids = array("q")
        for number in numbers:
            ids.extend(self._ids_of(number))
        if not ids:
            return
        if not self._later:
            try:
                rows = self._source.page(ids)
            except Exception as error:  # the border: while painting there is nobody to catch it
                self._tell(error)
                return
            self._keep(numbers, rows)
            return

        def arrived(rows: Sequence[R]) -> None:
            self._on_arrived(task, rows)

        def failed(error: Exception) -> None:
            numbers = self._awaited(task)  # asked again at the next repaint
            if self._before:  # who knows how they are by now
                self._before.clear()
                self._repaint(numbers)
            self._tell(error)

        task = operations.run(self, _fetched(self._source, ids), success=arrived, failure=failed)
        self._asked.update(dict.fromkeys(numbers, task))

    def _ids_of(self, number: int) -> array[int]:
        return self._ids[number * PAGE : (number + 1) * PAGE]

    def _tell(self, error: Exception | None) -> None:
        if error is not None and self._told is None:
            raise error
        before, self._unreadable = self._unreadable, error is not None
        if self._told is not None and before != self._unreadable:
            QTimer.singleShot(0, self, partial(self._told, error))  # not amid the painting

    def _keep(self, numbers: Sequence[int], rows: Sequence[R]) -> None:
        self._tell(None)
        by_id = {row.id: row for row in rows}
        for number in numbers:
            ids = self._ids_of(number)
            self._pages[number] = [by_id.get(record_id) for record_id in ids]
            for record_id in ids if self._before else ():
                self._before.pop(record_id, None)
        while len(self._pages) > KEPT:
            self._pages.popitem(last=False)

    def _on_arrived(self, task: asyncio.Task[None], rows: Sequence[R]) -> None:
        numbers = self._awaited(task)
        self._keep(numbers, rows)
        self._repaint(numbers)

    def _put_aside(self, number: int) -> None:
        page = self._pages.pop(number, None)
        if page is not None and self._later:
            if len(self._before) >= KEPT * PAGE:
                self._before.clear()
            self._before.update((row.id, row) for row in page if row is not None)

    def _repaint(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            first = number * PAGE
            last = min(first + PAGE, len(self._ids)) - 1
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(self.columns) - 1))

    def _awaited(self, task: asyncio.Task[None]) -> list[int]:
        """The pages that still wait for `task`; from now on they wait for nothing."""
        numbers = [number for number, asked in self._asked.items() if asked is task]
        for number in numbers:
            del self._asked[number]
        return numbers

    def _forget_requests(self) -> None:
        for task in set(self._asked.values()):
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
