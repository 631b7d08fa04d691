"""The wizard's lists: up to 50,000 rows in memory, each with a tick, filtered without a proxy."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from desktop.text import tr
from desktop.ui.columns import SERVED_ROLES, Column, cell, header_cell

R = TypeVar("R")
Index = QModelIndex | QPersistentModelIndex
_CHECK = int(Qt.ItemDataRole.CheckStateRole)
_EDIT = int(Qt.ItemDataRole.EditRole)
_ACCESSIBLE = int(Qt.ItemDataRole.AccessibleTextRole)
CHOICES_ROLE = int(Qt.ItemDataRole.UserRole) + 3
"""Model role that answers with the (key, words) of a choice column."""


class CheckTableModel(QAbstractTableModel, Generic[R]):
    """Column 0 is the tick, the given columns follow. A row's id is its place in `rows`, for ever."""

    checks_changed = Signal()
    """Other rows are ticked or shown now: counts and the header's box are out of date."""
    choice_made = Signal(int, int, str)
    """(row id, number of the given column, key) chosen in place; answer with `replace_row`."""

    def __init__(
        self,
        columns: Sequence[Column[R]],
        parent: QObject | None = None,
        *,
        can_check: Callable[[R], bool] = lambda row: True,
        name: Callable[[R], str] | None = None,
    ) -> None:
        """`can_check`: rows that may be ticked at all; `name`: what a screen reader calls a row's tick."""
        super().__init__(parent)
        self.columns = [Column[R]("", lambda row: "", key="check", width=0), *columns]
        self.rows: list[R] = []
        self._can_check = can_check
        self._name = name or columns[0].text
        self._checks = bytearray()
        self._possible = bytearray()  # what `can_check` said of each row: asking anew takes long with thousands
        self._shown = array("l")
        self._filter: Callable[[R], bool] | None = None
        self._sort: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)
        self._counts: tuple[int, int] | None = None

    # -- rows ---------------------------------------------------------------------------------

    def append_rows(self, rows: Iterable[R], checked: Callable[[R], bool] | bool = False) -> None:
        """Add rows at the end as they stream in; those the filter lets through appear at once."""
        fresh = list(rows)
        start = len(self.rows)
        shown = [start + n for n, row in enumerate(fresh) if self._filter is None or self._filter(row)]
        if shown:
            self.beginInsertRows(QModelIndex(), len(self._shown), len(self._shown) + len(shown) - 1)
        self.rows.extend(fresh)
        possible = bytes(self._can_check(row) for row in fresh)
        self._possible.extend(possible)
        if callable(checked):
            self._checks.extend(bool(can and checked(row)) for can, row in zip(possible, fresh, strict=True))
        else:
            self._checks.extend(possible if checked else bytes(len(fresh)))
        self._shown.extend(shown)
        if shown:
            self.endInsertRows()
        self._changed()

    def replace_row(self, row_id: int, row: R) -> None:
        """A row is different now (another type was chosen); it stays in sight whatever the filter says."""
        self._put(row_id, row)
        place = self.row_of(row_id)
        if place is not None:
            self.dataChanged.emit(self.index(place, 0), self.index(place, len(self.columns) - 1))
        self._changed()

    def replace_rows(self, rows: Mapping[int, R]) -> None:
        """Many rows are different now, told in one go."""
        for row_id, row in rows.items():
            self._put(row_id, row)
        if rows and self._shown:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._shown) - 1, len(self.columns) - 1))
        self._changed()

    def _put(self, row_id: int, row: R) -> None:
        self.rows[row_id] = row
        self._possible[row_id] = self._can_check(row)
        self._checks[row_id] &= self._possible[row_id]

    def shown_ids(self) -> list[int]:
        """The ids of the rows that the filter lets through, in the order shown."""
        return list(self._shown)

    def clear(self) -> None:
        """Take all rows away, before reading them anew."""
        self.beginResetModel()
        self.rows, self._checks, self._possible, self._shown = [], bytearray(), bytearray(), array("l")
        self.endResetModel()
        self._changed()

    def set_filter(self, predicate: Callable[[R], bool] | None) -> None:
        """Show only rows that `predicate` holds for; ticks of hidden rows are kept."""
        self.beginResetModel()
        self._filter = predicate
        self._shown = array("l", (n for n, row in enumerate(self.rows) if predicate is None or predicate(row)))
        self._put_in_order()
        self.endResetModel()
        self._changed()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By a given column's text, as people sort it; column -1 is the order of arrival."""
        if column == 0 or column >= len(self.columns) or (column > 0 and self.columns[column].sort_key is None):
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        ids = [self._shown[index.row()] for index in before]
        if column < 0:
            self._shown = array("l", sorted(self._shown))
        self._sort = (column, order)
        self._put_in_order()
        places = {row_id: place for place, row_id in enumerate(self._shown)} if ids else {}
        after = [self.index(places[i], index.column()) for i, index in zip(ids, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def sort_again(self) -> None:
        """Put rows that came in or changed since into the order last asked for."""
        self.sort(*self._sort)

    @property
    def sorted_by(self) -> int:
        """The column last sorted by; -1 for the order of arrival."""
        return self._sort[0]

    def _put_in_order(self) -> None:
        column, order = self._sort
        if column > 0:
            text = self.columns[column].text
            keys = {n: text(self.rows[n]).casefold() for n in self._shown}
            descending = order == Qt.SortOrder.DescendingOrder
            self._shown = array("l", sorted(self._shown, key=keys.__getitem__, reverse=descending))

    # -- ticks --------------------------------------------------------------------------------

    def set_checked(self, row_ids: Iterable[int], checked: bool) -> None:
        """Tick or clear rows; those that may not be ticked are left out."""
        value = 1 if checked else 0
        for row_id in row_ids:
            self._checks[row_id] = value & self._possible[row_id]
        if self._shown:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._shown) - 1, 0), [_CHECK])
        self._changed()

    def set_all_shown(self, checked: bool) -> None:
        """Tick or clear all rows the filter lets through."""
        self.set_checked(self._shown, checked)

    def is_checked(self, row_id: int) -> bool:
        return bool(self._checks[row_id])

    def checked_ids(self) -> list[int]:
        """The ids of all ticked rows, also of those the filter hides, in order of arrival."""
        return [row_id for row_id, check in enumerate(self._checks) if check]

    def checked_rows(self) -> list[R]:
        """The ticked rows, as `checked_ids`."""
        return [self.rows[row_id] for row_id in self.checked_ids()]

    @property
    def checked_count(self) -> int:
        return self._checks.count(1)

    def shown_state(self) -> Qt.CheckState:
        """For the box in the header: whether all, none or some of the shown rows that can be ticked are."""
        if self._counts is None:
            self._counts = _sum_at(self._checks, self._shown), _sum_at(self._possible, self._shown)
        on, possible = self._counts
        if not on:
            return Qt.CheckState.Unchecked
        return Qt.CheckState.Checked if on == possible else Qt.CheckState.PartiallyChecked

    # -- what the view asks -------------------------------------------------------------------

    def id_at(self, row: int) -> int:
        return self._shown[row]

    def row_of(self, row_id: int) -> int | None:
        try:
            return self._shown.index(row_id)
        except ValueError:
            return None

    def row_at(self, row: int) -> R:
        return self.rows[self._shown[row]]

    def with_records(self, rows: Iterable[int], then: Callable[[list[R]], object]) -> None:
        """Call `then` with what stands in these rows, in order."""
        then([self.row_at(row) for row in rows])

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if not index.isValid():
            return flags
        if index.column() == 0:
            return flags | Qt.ItemFlag.ItemIsUserCheckable
        return flags | Qt.ItemFlag.ItemIsEditable if self.columns[index.column()].choices else flags

    def data(self, index: Index, role: int = 0) -> Any:
        if role not in SERVED_ROLES and role not in (_CHECK, CHOICES_ROLE) or not index.isValid():
            return None
        row_id, column = self._shown[index.row()], index.column()
        row = self.rows[row_id]
        if role == _CHECK:
            if column or not self._possible[row_id]:
                return None
            return Qt.CheckState.Checked if self._checks[row_id] else Qt.CheckState.Unchecked
        if role == CHOICES_ROLE:
            choices = self.columns[column].choices
            return list(choices(row)) if choices else None
        if column == 0 and role == _ACCESSIBLE:
            words = tr("{name}, selected") if self._checks[row_id] else tr("{name}, not selected")
            return words.format(name=self._name(row))
        return cell(self.columns[column], row, role)

    def setData(self, index: Index, value: Any, role: int = _EDIT) -> bool:
        if not index.isValid():
            return False
        row_id = self._shown[index.row()]
        if role == _CHECK and index.column() == 0 and self._possible[row_id]:
            self._checks[row_id] = int(Qt.CheckState(value) == Qt.CheckState.Checked)
            self.dataChanged.emit(index, index, [_CHECK])
            self._changed()
            return True
        choices = self.columns[index.column()].choices
        if role == _EDIT and choices and any(key == value for key, _words in choices(self.rows[row_id])):
            self.choice_made.emit(row_id, index.column() - 1, value)
            return True
        return False

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        if section == 0 and role == _ACCESSIBLE:
            return tr("Select all")
        return header_cell(self.columns[section], role)

    def _changed(self) -> None:
        self._counts = None
        self.checks_changed.emit()


def _sum_at(flags: bytearray, places: Sequence[int]) -> int:
    """How many of the `flags` at these places are set."""
    return sum(map(flags.__getitem__, places))
