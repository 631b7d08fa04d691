"""The table of every list: calm rows, keyboard, copying, columns that can be hidden and are remembered."""

from __future__ import annotations

import json
from array import array
from collections.abc import Container, Iterable, Sequence
from typing import Any

from PySide6.QtCore import (
    QByteArray,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QItemSelectionRange,
    QModelIndex,
    QPoint,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QGuiApplication, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from desktop.text import tr
from desktop.ui.busy import SkeletonOverlay
from desktop.ui.clipboard import table_mime
from desktop.ui.columns import Column
from desktop.ui.empty_state import EmptyState
from desktop.ui.status import StatusDelegate
from desktop.ui.theme import theme

COPY_LIMIT = 2_000
"""Rows copied at once: the clipboard is filled in the GUI thread. More are for the CSV export."""
KEEP_SELECTED = 5_000
_STATE_VERSION = 2


class RecordTable(QTableView):
    """A view over a model with `columns`, `id_at(row)` and `row_of(id)`, such as `WindowedTableModel`."""

    activated_record = Signal(object)
    """Double click or Enter on a row: its id."""
    selection_changed = Signal()
    """Which rows are selected is different now; ask `selected_ids`."""
    copied = Signal(int, int)
    """(rows copied, rows selected)."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """`name` is what a screen reader calls the list ("Invoices")."""
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setProperty("role", "records")
        self._hovered = -1
        self._unwanted: set[int] = set()
        self._full: dict[int, int] = {}
        """Columns made slim for want of room, with the width they have otherwise."""
        self._by_keyboard = False
        self._remembered: tuple[list[int], int | None] = ([], None)
        self._sorted: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)
        self._status_delegate = StatusDelegate(self)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setCornerButtonEnabled(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self._set_up_headers()
        self.doubleClicked.connect(self._on_activated)
        theme().changed.connect(self._measure)

    # -- model --------------------------------------------------------------------------------

    def setModel(self, model: Any) -> None:
        super().setModel(model)
        model.modelAboutToBeReset.connect(self._on_about_to_reset)
        model.modelReset.connect(self._on_reset)
        # its own, always empty: with the list's, each repaint of the header would ask every selected row's column
        self.horizontalHeader().setSelectionModel(QItemSelectionModel(model, self.horizontalHeader()))
        self.selectionModel().selectionChanged.connect(lambda *_: self.selection_changed.emit())
        for number, column in enumerate(model.columns):  # Python paints only where it must
            if column.status:
                self.setItemDelegateForColumn(number, self._status_delegate)
        self._size_columns()

    @property
    def columns(self) -> list[Column[Any]]:
        model: Any = self.model()
        return model.columns if model is not None else []

    def selected_ids(self) -> array[int]:
        """The ids of the selected rows, in the order shown; fast for 100,000 rows too."""
        model: Any = self.model()
        found = array("q")
        ranges = sorted((part.top(), part.bottom()) for part in self._ranges())
        every: array[int] | None = getattr(model, "ids", None)
        last = -1
        for top, bottom in ranges:
            first = max(top, last + 1)
            if every is not None:
                found.extend(every[first : bottom + 1])
            else:
                found.extend(model.id_at(row) for row in range(first, bottom + 1))
            last = max(last, bottom)
        return found

    def current_id(self) -> int | None:
        """The id of the row with the cursor."""
        index = self.currentIndex()
        model: Any = self.model()
        return model.id_at(index.row()) if index.isValid() else None

    def select_ids(self, ids: Iterable[int], current: int | None = None) -> None:
        """Select the rows with these ids, as far as they are in the list, and put the cursor on `current`."""
        model: Any = self.model()
        wanted = list(ids)
        rows = [row for row in map(model.row_of, wanted) if row is not None] if len(wanted) < 50 else None
        if rows is None:
            many = set(wanted)
            rows = [row for row in range(model.rowCount()) if model.id_at(row) in many]
        selection = QItemSelection()
        last = model.columnCount() - 1
        for row in rows:
            selection.select(model.index(row, 0), model.index(row, last))
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(selection, flags.ClearAndSelect)
        place = model.row_of(current) if current is not None else None
        if place is not None:
            column = max(0, self.horizontalHeader().logicalIndex(0))
            self.selectionModel().setCurrentIndex(model.index(place, column), flags.NoUpdate)

    def show_sorted(self, sort_key: str, descending: bool) -> None:
        """Set the arrow in the header without asking the model to sort."""
        for number, column in enumerate(self.columns):
            if column.sort_key == sort_key:
                order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
                header = self.horizontalHeader()
                blocked = header.blockSignals(True)
                header.setSortIndicator(number, order)
                header.blockSignals(blocked)
                self._sorted = (number, order)
                header.viewport().update()

    # -- remembered state ---------------------------------------------------------------------

    def save_state(self) -> str:
        """Widths, order, hidden columns and sorting, as text for the settings."""
        slim = {column: self.columnWidth(column) for column in self._full}
        self._widen()
        state = bytes(self.horizontalHeader().saveState().toBase64().data()).decode("ascii")
        for column, width in slim.items():
            self._make_slim(column, width)
        names = [column.name for column in self.columns]
        hidden = sorted(self._unwanted)
        return json.dumps({"version": _STATE_VERSION, "columns": names, "hidden": hidden, "header": state})

    def restore_state(self, saved: str) -> bool:
        """Take over what `save_state` gave; False (and nothing changed) if the columns are others by now.

        A remembered sorting is asked for through the model's `sort_requested`, so connect that first.
        """
        try:
            stored = json.loads(saved)
            names = [column.name for column in self.columns]
            if stored["version"] != _STATE_VERSION or stored["columns"] != names:
                return False
            header = QByteArray.fromBase64(stored["header"].encode("ascii"))
            unwanted = {number for number in stored["hidden"] if number in range(len(names))}
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        if not self.horizontalHeader().restoreState(header):
            return False
        self._full.clear()
        self._unwanted = unwanted if len(unwanted) < len(names) else set()
        for number in range(len(names)):
            self.setColumnHidden(number, number in self._unwanted)
        return True

    # -- keys and mouse -----------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self._by_keyboard = True
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.state() != QAbstractItemView.State.EditingState:
                self._on_activated(self.currentIndex())
        else:
            super().keyPressEvent(event)
        self.viewport().update()

    def copy(self) -> None:
        """Several rows as a table; of a single one the cell with the cursor."""
        rows = sorted({row for part in self._ranges() for row in range(part.top(), part.bottom() + 1)})
        model: Any = self.model()
        if len(rows) == 1 and self.currentIndex().isValid():
            self._put([[str(self.currentIndex().data() or "")]], 1)
        elif rows:
            columns = [self.columns[number] for number in self._shown_columns()]
            model.with_records(
                rows[:COPY_LIMIT],
                lambda found: self._put([[column.text(row) for column in columns] for row in found], len(rows)),
            )

    def _put(self, texts: list[list[str]], selected: int) -> None:
        QGuiApplication.clipboard().setMimeData(table_mime(texts))
        self.copied.emit(len(texts), selected)

    def mousePressEvent(self, event) -> None:  # noqa: ANN001
        self._by_keyboard = False
        super().mousePressEvent(event)

    def focusInEvent(self, event) -> None:  # noqa: ANN001
        reasons = Qt.FocusReason
        if event.reason() in (
            reasons.TabFocusReason,
            reasons.BacktabFocusReason,
            reasons.ShortcutFocusReason,
        ):
            self._by_keyboard = True
        super().focusInEvent(event)
        if (
            self._by_keyboard
            and not self.currentIndex().isValid()
            and self.model() is not None
            and self.model().rowCount()
        ):
            first = max(0, self.horizontalHeader().logicalIndex(0))
            self.selectionModel().setCurrentIndex(
                self.model().index(0, first), QItemSelectionModel.SelectionFlag.NoUpdate
            )

    def viewportEvent(self, event: Any) -> bool:
        if event.type() in (QEvent.Type.MouseMove, QEvent.Type.HoverMove):
            self._hover(self.rowAt(event.position().toPoint().y()))
        elif event.type() in (QEvent.Type.Leave, QEvent.Type.HoverLeave):
            self._hover(-1)
        return super().viewportEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        self._read_ahead()
        if self._hovered >= 0 and self.model() is not None and self._hovered < self.model().rowCount():
            painter = QPainter(self.viewport())
            painter.fillRect(self._row_rect(self._hovered), theme().color("hover"))
            painter.end()
        super().paintEvent(event)
        index = self.currentIndex()
        if self._by_keyboard and self.hasFocus() and index.isValid():
            painter = QPainter(self.viewport())
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme().color("accent"), 2))
            painter.drawRoundedRect(self._row_rect(index.row()).adjusted(1, 1, -1, -2), 3, 3)
            painter.end()

    # -- private ------------------------------------------------------------------------------

    def _read_ahead(self) -> None:
        """Have a windowed model read all rows of the screen at once, not a page at a time."""
        read_ahead = getattr(self.model(), "read_ahead", None)
        first = self.rowAt(0)
        if read_ahead is not None and first >= 0:
            last = self.rowAt(self.viewport().height() - 1)
            read_ahead(first, last if last >= 0 else self.model().rowCount() - 1)

    def _set_up_headers(self) -> None:
        vertical, header = self.verticalHeader(), self.horizontalHeader()
        vertical.hide()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionsMovable(True)
        header.setHighlightSections(False)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._on_header_menu)
        header.setAccessibleName(tr("Columns"))
        header.sortIndicatorChanged.connect(self._on_sort_indicator)
        self.setSortingEnabled(True)
        self._measure()

    def _measure(self) -> None:
        self.verticalHeader().setMinimumSectionSize(theme().row_height())
        self.verticalHeader().setDefaultSectionSize(theme().row_height())
        self.horizontalHeader().setMinimumSectionSize(theme().px(48))
        self.viewport().update()

    def _size_columns(self) -> None:
        header = self.horizontalHeader()
        metrics = QFontMetrics(theme().font())
        for number, column in enumerate(self.columns):
            wide = max(
                column.width * metrics.averageCharWidth(),
                metrics.horizontalAdvance(column.title) + theme().px(16),
            )
            header.resizeSection(number, wide + theme().px(28))
            if column.stretch:
                header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)

    def _ranges(self) -> list[QItemSelectionRange]:
        chosen: Any = self.selectionModel()
        return list(chosen.selection()) if chosen is not None else []

    def _row_rect(self, row: int) -> QRect:
        return QRect(0, self.rowViewportPosition(row), self.viewport().width(), self.rowHeight(row))

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            before, self._hovered = self._hovered, row
            for changed in (before, row):
                if changed >= 0:
                    self.viewport().update(self._row_rect(changed))

    def _on_activated(self, index: QModelIndex) -> None:
        model: Any = self.model()
        if index.isValid():
            self.activated_record.emit(model.id_at(index.row()))

    def _on_sort_indicator(self, number: int, order: Qt.SortOrder) -> None:
        columns = self.columns
        if 0 <= number < len(columns) and columns[number].sort_key is None:
            header = self.horizontalHeader()
            blocked = header.blockSignals(True)
            header.setSortIndicator(*self._sorted)
            header.blockSignals(blocked)
        else:
            self._sorted = (number, order)

    def _on_about_to_reset(self) -> None:
        count = sum(part.height() for part in self._ranges())
        self._remembered = (list(self.selected_ids()) if count <= KEEP_SELECTED else [], self.current_id())

    def _on_reset(self) -> None:
        ids, current = self._remembered
        self._remembered = ([], None)
        self._hovered = -1
        if ids or current is not None:
            self.select_ids(ids, current)
        self.selection_changed.emit()

    def _shown_columns(self) -> list[int]:
        header = self.horizontalHeader()
        order = [header.logicalIndex(place) for place in range(header.count())]
        return [number for number in order if self.columns[number].title and not header.isSectionHidden(number)]

    def show_column(self, number: int, shown: bool) -> None:
        """Show or hide a column, as the owner asks; the last one left cannot be hidden."""
        header = self.horizontalHeader()
        if shown:
            self._unwanted.discard(number)
            header.setSectionHidden(number, False)
        elif header.count() - header.hiddenSectionCount() > 1:
            self._unwanted.add(number)
            header.setSectionHidden(number, True)

    def make_room(
        self,
        giving_way: Sequence[int],
        stretches: int,
        least: int,
        empty: Container[int] = frozenset(),
        *,
        slim: tuple[int, int, int] | None = None,
    ) -> None:
        """Hide columns in the order `giving_way` while the list is too narrow, so that what remains is never cut off.

        The column `stretches` keeps at least `least` pixels. `empty` columns have nothing to say and stay hidden, as
        do those that the owner hid. `slim` is (a column of states, its width for the sign alone, what `stretches`
        keeps then): it loses its words before it goes.
        """
        self._widen()
        for column in giving_way:
            self.setColumnHidden(column, column in empty or column in self._unwanted)
        for column in giving_way:
            if self._fits(stretches, least):
                break
            if slim is not None and slim[0] == column and not self.isColumnHidden(column):
                self._make_slim(column, slim[1])
                if self._fits(stretches, slim[2]):
                    break
                self._widen()
            self.setColumnHidden(column, True)

    def _fits(self, stretches: int, least: int) -> bool:
        header = self.horizontalHeader()
        others = (n for n in range(header.count()) if not header.isSectionHidden(n) and n != stretches)
        return sum(header.sectionSize(n) for n in others) + least <= self.viewport().width()

    def _make_slim(self, column: int, width: int) -> None:
        self._full[column] = self.columnWidth(column)
        self.setColumnWidth(column, width)

    def _widen(self) -> None:
        while self._full:
            column, width = self._full.popitem()
            self.setColumnWidth(column, width)

    def column_menu(self) -> QMenu:
        """Which columns are shown; also for the View menu."""
        menu = QMenu(self)
        header = self.horizontalHeader()
        shown = header.count() - header.hiddenSectionCount()
        for number, column in enumerate(self.columns):
            if not column.title:
                continue
            action = menu.addAction(column.title.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(not header.isSectionHidden(number))
            action.setEnabled(shown > 1 or header.isSectionHidden(number))
            action.toggled.connect(lambda on, number=number: self.show_column(number, on))
        return menu

    def _on_header_menu(self, place: QPoint) -> None:
        menu = self.column_menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.horizontalHeader().mapToGlobal(place))


class RecordList(QWidget):
    """A table with its other faces: nothing there yet, no hits for this filter, still loading."""

    def __init__(
        self, table: RecordTable, empty: EmptyState, no_hits: EmptyState, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.table, self.empty, self.no_hits = table, empty, no_hits
        body = QWidget(self)
        self._stack = QStackedLayout(body)
        for face in (table, empty, no_hits):
            self._stack.addWidget(face)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(body)
        self._skeleton = SkeletonOverlay(body)
        self.busy = self._skeleton.busy
        """Give this to `operations.run(busy=...)` for the query that fills the list."""

    def show_rows(self, *, filtered: bool) -> None:
        """Choose the face by the number of rows; `filtered`: a filter or search is set (none: no hits)."""
        if self.table.model() is not None and self.table.model().rowCount():
            self._stack.setCurrentWidget(self.table)
        else:
            self._stack.setCurrentWidget(self.no_hits if filtered else self.empty)

    @property
    def face(self) -> str:
        """ "table", "empty" or "no_hits"."""
        return ("table", "empty", "no_hits")[self._stack.currentIndex()]
