"""A page with chips, a list and, where it has one, a pane beside it: what customers, items and activity share."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from desktop.ui import operations
from desktop.ui.buttons import PrimaryButton
from desktop.ui.chips import FilterChips
from desktop.ui.columns import Column
from desktop.ui.context import Context, Rows
from desktop.ui.empty_state import EmptyState
from desktop.ui.list_export import tell_of_a_cut
from desktop.ui.page import Change, Page
from desktop.ui.panels import Panel, hairline
from desktop.ui.record_table import RecordList, RecordTable
from desktop.ui.theme import theme
from desktop.ui.windowed_model import WindowedTableModel


class ListPage(Page):
    """Implement `read_ids` and `read_counts`; call `set_up` once."""

    giving_way: tuple[int, ...] = ()
    """Columns that go, in this order, while the list is too narrow."""
    stretches = 0
    """The column that takes the room that is left."""
    least_stretch = 140

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._text = ""
        self._sort: tuple[str, bool] = ("", False)
        self._wanted: int | None = None
        self._round = 0
        self._restoring = False
        self.primary: PrimaryButton | None = None
        context.connection_changed.connect(self._on_connection)

    # -- to be filled in ----------------------------------------------------------------------

    async def read_ids(self) -> array[int]:
        """The ids to list, under the present chip, search and order."""
        raise NotImplementedError

    async def read_counts(self) -> dict[str, int]:
        """How many rows each chip has."""
        return {}

    def show_record(self, row: Any) -> None:
        """The cursor is on the record of this row: fill the pane."""

    def describe_empty(self) -> None:
        """Put the fitting words into `self.empty`."""

    # -- building -----------------------------------------------------------------------------

    def set_up(
        self,
        columns: list[Column[Any]],
        read: Any,
        arguments: Any,
        chips: list[tuple[str, str]],
        empty: EmptyState,
        no_hits: EmptyState,
        *,
        primary: str = "",
        pane: QWidget | None = None,
        aside: Sequence[QWidget] = (),
        sort: tuple[str, bool] = ("", False),
    ) -> None:
        """Make the table over `read(session, ids, *arguments())`, with chips and `aside` above and `pane` beside it.

        `sort` is the order (key, descending) until the owner chooses another, which is remembered.
        """
        px = theme().px
        self.table = RecordTable(self.title)
        self._rows = Rows(self.context.core, read, arguments)
        self.model: WindowedTableModel[Any] = WindowedTableModel(columns, self._rows, self.table, told=self.on_reading)
        self.table.setModel(self.model)
        self.table.viewport().installEventFilter(self)
        self.model.sort_requested.connect(self._on_sort)
        self.table.selection_changed.connect(self._on_selection)
        self.table.copied.connect(partial(tell_of_a_cut, self.context))
        self._sort = sort
        self.table.show_sorted(*sort)
        self._restoring = True
        self.table.restore_state(self.context.preferences.text(self._kept_as))
        self._restoring = False
        self.chips = FilterChips(chips)
        self.chips.chosen.connect(lambda _key: self.reload())
        self.empty, self.no_hits = empty, no_hits
        no_hits.primary.connect(self.clear_filter)
        self.list = RecordList(self.table, empty, no_hits)
        head = QHBoxLayout()
        head.setContentsMargins(px(24), 0, px(24), px(12))
        head.setSpacing(px(12))
        head.addWidget(self.chips, 1)
        for widget in aside:
            head.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)
        if primary:
            self.primary = PrimaryButton(primary, self, icon_name="add")
            head.addWidget(self.primary, 0, Qt.AlignmentFlag.AlignTop)
        left = Panel(self)
        left.body.addWidget(self.list)
        left.setMinimumWidth(px(300))
        self.pane = pane
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(left)
        if pane is not None:
            pane.setMinimumWidth(px(300))
            pane.hide()
            self.splitter.addWidget(pane)
            self.splitter.setStretchFactor(0, 1)
            self.splitter.setSizes([px(640), px(364)])
        self.splitter.splitterMoved.connect(lambda *_: self._fit())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(hairline())
        column.addWidget(self.splitter, 1)

    # -- what the window asks -----------------------------------------------------------------

    def reload(self, touched: frozenset[Change] = frozenset()) -> None:
        self._round += 1
        round_ = self._round
        operations.run(
            self,
            self._read(),
            success=lambda found: self._show(round_, *found),
            failure=self.on_reading,
            busy=self.list.busy if not self.model.rowCount() else None,
        )

    def search(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.reload()

    def focus_first(self) -> None:
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def select(self, record_id: int) -> None:
        """Put the cursor on a record, leaving the filter if it hides it."""
        self._wanted = record_id
        if self.model.row_of(record_id) is None and (self._text or self.is_filtered):
            self.clear_filter()
        else:
            self.reload()

    @property
    def is_filtered(self) -> bool:
        return self.chips.current != next(iter(self.chips._words), "")

    def clear_filter(self) -> None:
        """Show everything again."""
        self.chips.choose(next(iter(self.chips._words)))
        self._text = ""
        self.reload()

    # -- private ------------------------------------------------------------------------------

    async def _read(self) -> tuple[array[int], dict[str, int]]:
        return await self.read_ids(), await self.read_counts()

    def _show(self, round_: int, ids: array[int], counts: dict[str, int]) -> None:
        if round_ != self._round:
            return
        self.on_reading(None)
        self.chips.set_counts(counts)
        if ids == self.model.ids:
            self.model.rows_changed(ids)
        else:
            place = self.table.verticalScrollBar().value()
            self.model.set_ids(ids)
            self.table.verticalScrollBar().setValue(place)
        self.describe_empty()
        self.list.show_rows(filtered=bool(self._text) or self.is_filtered)
        if self.primary is not None:
            self.primary.set_filled(self.list.face != "empty")
        if self._wanted is not None and self.model.row_of(self._wanted) is not None:
            wanted, self._wanted = self._wanted, None
            self.table.select_ids([wanted], wanted)
            self.table.scrollTo(self.table.currentIndex())
        elif self.pane is not None and len(ids) and not len(self.table.selected_ids()):
            current = self.table.current_id()
            first = current if current is not None else ids[0]
            self.table.select_ids([first], first)
        self._on_selection()
        self._fit()

    def _on_selection(self) -> None:
        ids = self.table.selected_ids()
        one = ids[0] if len(ids) == 1 else None
        if self.pane is not None:
            self.pane.setVisible(one is not None)
            if one is not None:
                self.with_record(one, self._on_record)
        self._fit()

    def with_record(self, record_id: int, then: Callable[[Any], object]) -> None:
        """Call `then` with the row of a record, in this list or not: at once if it lies here, else when it was read.

        Nothing is called for a record that is gone.
        """
        row = self.model.record(record_id)
        if row is not None:
            then(row)
            return
        operations.run(
            self,
            self._rows.fetch_now([record_id]),
            success=lambda rows: then(rows[0]) if rows else None,
            failure=self.context.show_problem,
        )

    def _on_record(self, row: Any) -> None:
        if list(self.table.selected_ids()) == [row.id]:
            self.show_record(row)

    def _on_sort(self, key: str, descending: bool) -> None:
        if (key, descending) == self._sort:
            return  # Qt asks twice for one click
        self._sort = (key, descending)
        if not self._restoring:
            self.reload()

    def _on_connection(self) -> None:
        self._stale = True
        if self.isVisible():
            self.reload()

    def eventFilter(self, watched, event) -> bool:  # noqa: ANN001
        if event.type() == QEvent.Type.Resize and watched is self.table.viewport():
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        empty = [column for column in self.giving_way if self.hides(column)]
        self.table.make_room(self.giving_way, self.stretches, theme().px(self.least_stretch), empty)

    def remember(self) -> None:
        """Keep the columns' widths, order and sorting for the next start."""
        self.context.preferences.keep(self._kept_as, self.table.save_state())

    @property
    def _kept_as(self) -> str:
        return f"{type(self).__name__.lower()}.table"

    def hides(self, column: int) -> bool:
        """Whether a column has nothing to say at the moment."""
        return False
