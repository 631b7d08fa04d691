"""The two lists of the wizard, customers and items: read, judge, filter, tick, import."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QHeaderView

from desktop.sync import overview
from desktop.sync.importing import Imported
from desktop.text import tr
from desktop.ui import formats
from desktop.ui.buttons import QuietButton
from desktop.ui.check_model import CheckTableModel
from desktop.ui.check_table import CheckTable
from desktop.ui.chips import FilterChips
from desktop.ui.columns import Column
from desktop.ui.empty_state import EmptyState
from desktop.ui.labels import ElidedLabel, LinkLabel, label
from desktop.ui.panels import Card
from desktop.ui.record_table import RecordList
from desktop.ui.search_field import SearchField
from desktop.ui.status import Status
from desktop.ui.theme import theme
from desktop.wizard.flow import SKIPPED, import_result
from desktop.wizard.page import StepPage


class Row(Protocol):
    """A record there with what the owner decided about it."""

    @property
    def review(self) -> Any:
        """What comparing it with ours found: `CustomerReview`, `ItemReview` or `InvoiceReview`."""
        ...

    @property
    def is_known(self) -> bool:
        """Here already: shown, skipped, never ticked."""
        ...


RowT = TypeVar("RowT", bound=Row)
PORTION = 500
"""Rows shown or judged at once, so that the window stays alive while thousands come in."""
NAME_COLUMN = 1


class ImportPage(StepPage, Generic[RowT]):
    """A list with ticks; what it lists and imports is said by the page for customers or items."""

    is_import = True
    noun = ""
    """"customers" in a sentence."""
    giving_way: tuple[str, ...] = ()
    """Columns that go first where the window is too narrow for what the others wish."""
    spare_chips: tuple[str, ...] = ()
    """Filters that go while the window is low: the rows themselves come first."""
    last_to_give: str = ""
    """The column that goes only where the others would not even have what they need."""
    wishes: dict[str, int] = {"name": 200, "verdict": 230}  # noqa: RUF012 - never changed
    """Pixels that a column which takes the room left is worth giving up others for."""

    def __init__(self, wizard: Any, title: str) -> None:
        super().__init__(wizard, title)
        self._text = ""
        self.loaded = False
        self.unreadable = 0
        px = theme().px
        self.hint = ElidedLabel("", "hint", self)
        self.open_link = LinkLabel("", self)
        self.open_link.clicked.connect(lambda: self._show_chip("possible"))
        self.chips = FilterChips(self.chip_words(), self)
        self.chips.chosen.connect(lambda _key: self.refilter())
        self.search = SearchField(tr("Search"), self)
        self.search.searched.connect(self._on_search)
        self.model = CheckTableModel[RowT](
            self.columns(), self, can_check=self.can_check, name=lambda row: self.name_of(row)
        )
        self.model.choice_made.connect(self.on_choice)
        self.model.checks_changed.connect(self._on_checks)
        self.table = CheckTable(title, self)
        self.table.setModel(self.model)
        self.table.selection_changed.connect(self._on_selection)
        header = self.table.horizontalHeader()
        self._widths = {column.name: header.sectionSize(n) for n, column in enumerate(self.model.columns)}
        self._given: set[str] = set()
        empty = EmptyState("empty", tr("Nothing there yet"), "", parent=self)
        self.empty = empty
        no_hits = EmptyState("no_hits", tr("Nothing matches"), "", primary=tr("Clear filter"), parent=self)
        no_hits.primary.connect(self._clear_filter)
        self.list = RecordList(self.table, empty, no_hits, self)
        card = Card(parent=self)
        card.body.setContentsMargins(1, 1, 1, 1)
        card.body.addWidget(self.list)
        card.setMinimumHeight(px(120))
        tools = QHBoxLayout()
        tools.setSpacing(px(8))
        tools.addWidget(self.chips, 1)
        tools.addWidget(self.search, 0, Qt.AlignmentFlag.AlignTop)
        self.foot = QHBoxLayout()
        self.foot.setSpacing(px(8))
        self.link_button = QuietButton(tr("&Link to one of ours …"), self)
        self.link_button.clicked.connect(self.on_link)
        self.link_button.setEnabled(False)
        self.foot.addWidget(self.link_button)
        self.foot.addStretch(1)
        self.foot.addWidget(self.open_link)
        self.foot.addWidget(self.hint)
        self.about = label("", "secondary", wrap=True, parent=self)
        self.about.setMinimumHeight(2 * self.about.fontMetrics().lineSpacing() + px(2))
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.column.addLayout(tools)
        self.column.addWidget(card, 1)
        self.column.addWidget(self.about)
        self.column.addLayout(self.foot)
        self.open_link.hide()

    # -- what the two pages say ---------------------------------------------------------------

    def chip_words(self) -> list[tuple[str, str]]:
        raise NotImplementedError

    def columns(self) -> Sequence[Column[RowT]]:
        raise NotImplementedError

    def verdict(self, row: RowT) -> Status:
        """What becomes of the row, as icon and words."""
        raise NotImplementedError

    def verdict_reason(self, row: RowT) -> str:
        """The verdict with its reasons."""
        return self.verdict(row).text

    def decisions(self, row: RowT) -> list[tuple[str, str]]:
        """What the owner can make of the row instead."""
        raise NotImplementedError

    def verdict_column(self) -> Column[RowT]:
        return Column(
            tr("Verdict"),
            lambda row: self.verdict(row).text,
            key="verdict",
            sort_key="verdict",
            stretch=True,
            status=self.verdict,
            tooltip=self.verdict_reason,
            choices=self.decisions,
        )

    def can_check(self, row: RowT) -> bool:
        raise NotImplementedError

    def preselected(self, row: RowT) -> bool:
        """Whether the row is ticked to begin with."""
        return bool(row.review.preselected)

    def name_of(self, row: RowT) -> str:
        raise NotImplementedError

    def chips_of(self, row: RowT) -> tuple[str, ...]:
        """The chips that a row stands under, beside "all"."""
        raise NotImplementedError

    def words_of(self, row: RowT) -> str:
        """What the search looks in."""
        raise NotImplementedError

    def stream(self) -> AsyncGenerator[list[RowT]]:
        """The rows as they come in, with what can be said of each at once."""
        raise NotImplementedError

    def judged(self) -> Coroutine[Any, Any, list[RowT]]:
        """All rows once more, compared with ours, when all are here."""
        raise NotImplementedError

    def id_of(self, row: RowT) -> str:
        """The service's own id of the record."""
        return str(row.review.external_id)

    def settled(self, before: RowT, row: RowT) -> RowT:
        """`row` with what the owner chose while it was still open."""
        raise NotImplementedError

    def explain(self, row: RowT) -> str:
        """Everything known of the marked row in a sentence or two: nothing is hidden in a narrow column."""
        return ""

    def take(self, rows: list[RowT]) -> Coroutine[Any, Any, Imported]:
        """Import the ticked `rows`."""
        raise NotImplementedError

    def on_choice(self, row_id: int, column: int, key: str) -> None:
        """A choice was made in place."""

    def on_selection(self) -> None:
        """Other rows are marked now."""

    def on_link(self) -> None:
        """Link the marked row to one of ours by hand."""

    def describe(self) -> str:
        """One line under the table."""
        return self.describe_known(self.counts.get("exists", 0))

    def describe_known(self, known: int) -> str:
        """What becomes of those we have already."""
        if not known:
            return ""
        return (
            tr("1 that you already have is linked, not copied.")
            if known == 1
            else tr("{count} that you already have are linked, not copied.", count=formats.number(known))
        )

    # -- reading ------------------------------------------------------------------------------

    def start(self) -> None:
        self.loaded = False
        self.setCommitPage(True)
        self.model.clear()
        self._recount()
        self.work(
            self._load(), progress=tr("Reading {noun} from {service}", noun=self.noun, service=self.terms.service)
        )

    async def _load(self) -> None:
        places: dict[str, int] = {}
        async with aclosing(self.stream()) as stream:
            async for rows in stream:
                for start in range(0, len(rows), PORTION):
                    part = rows[start : start + PORTION]
                    places.update((self.id_of(row), len(self.model.rows) + n) for n, row in enumerate(part))
                    self.model.append_rows(part)
                    self.list.show_rows(filtered=self.chips.current != "all" or bool(self._text))
                    await asyncio.sleep(0)
        self.progress.start(tr("Comparing with your {noun}", noun=self.noun))
        await self._settle(await self.judged(), places)
        self.loaded = True
        await asyncio.sleep(0)  # each of these takes a moment with 10,000 rows
        if self.model.sorted_by < 0:
            self.table.sortByColumn(NAME_COLUMN, Qt.SortOrder.AscendingOrder)
        else:
            self.model.sort_again()
        await asyncio.sleep(0)
        if self.chips.current != "all" or self._text or not self.model.rows:
            self.refilter()
            await asyncio.sleep(0)
        self._tell_unreadable()
        self._recount()
        if not self.search.hasFocus():
            self.table.setFocus()
        if not self.table.selected_ids() and self.model.rowCount():
            self.table.selectRow(0)
        self.commit_changed.emit()

    async def _settle(self, rows: list[RowT], places: dict[str, int]) -> None:
        """Put the verdicts into the rows that are shown already, and tick what is new."""
        if places.keys() - {self.id_of(row) for row in rows}:  # the list was read anew meanwhile
            self.model.clear()
            places = {}
        await asyncio.sleep(0)
        for start in range(0, len(rows), PORTION):
            part = rows[start : start + PORTION]
            known = {places[self.id_of(row)]: row for row in part if self.id_of(row) in places}
            self.model.replace_rows({n: self.settled(self.model.rows[n], row) for n, row in known.items()})
            self.model.set_checked([n for n, row in known.items() if self.preselected(row)], True)
            self.model.append_rows([row for row in part if self.id_of(row) not in places], checked=self.preselected)
            await asyncio.sleep(0)

    def _on_selection(self) -> None:
        marked = self.table.current_id()
        self.about.setText(self.explain(self.model.rows[marked]) if marked is not None else "")
        self.on_selection()

    def _tell_unreadable(self) -> None:
        """Rows that make no sense are left out, never guessed, and never silently."""
        if self.unreadable:
            text = (
                tr("1 record could not be read and is left out.")
                if self.unreadable == 1
                else tr("{count} records could not be read and are left out.", count=formats.number(self.unreadable))
            )
            self.banner.show_message(text, status="wait")

    def on_pages(self, done: int, total: int | None) -> None:
        """Progress while the service's pages stream in."""
        self.progress.set_progress(done, total)

    def on_judged(self, done: int, total: int) -> None:
        """Progress while they are compared with ours."""
        self.progress.set_progress(done, total)

    def on_stopped(self) -> None:
        if not self.loaded:
            self.banner.show_message(
                tr("Reading was stopped. Nothing was changed."), status="info", action=tr("Read again")
            )
        else:
            self.banner.show_message(
                tr("The import was stopped. What was imported until then stays."),
                status="info",
                action=tr("Read again"),
            )

    # -- going on -----------------------------------------------------------------------------

    def isComplete(self) -> bool:
        return super().isComplete() and self.loaded

    def commit_words(self) -> str:
        count = self.model.checked_count
        if not self.loaded:
            return tr("&Import Selected")
        if count:
            return tr("&Import Selected ({count})", count=formats.number(count))
        return tr("&Continue")

    def commit(self) -> Coroutine[Any, Any, object]:
        return self._import(self.model.checked_rows())

    async def _import(self, rows: list[RowT]) -> Imported:
        imported = await self.take(rows)
        result = import_result(imported)
        self.setup.results[self.step] = result
        if self.flow.only is None:
            await self.core.do(overview.note_step, self.step, result)
        return imported

    def skip(self) -> Coroutine[Any, Any, object] | None:
        """What Skip keeps: that it was skipped, and nothing else (M13)."""
        self.setup.results[self.step] = dict(SKIPPED)
        return self.core.do(overview.note_step, self.step, SKIPPED) if self.flow.only is None else None

    # -- room ---------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_low()
        QTimer.singleShot(0, self, self._give_way)  # the table gets its own size after this

    def _make_low(self) -> None:
        """In a low window the list keeps its rows, and what explains it or can be found otherwise goes."""
        px = theme().px
        low, narrow = self.height() < px(460), self.width() < px(820)
        self.column.setSpacing(px(8 if low else 12))
        self.search.setFixedWidth(px(140 if narrow else 180))
        self.about.setVisible(not low)
        self.sentence.setVisible(not (low and self.banner.isVisibleTo(self)))
        self.hint.setVisible(bool(self.hint.text()) and not (low and narrow))
        for key in self.spare_chips:
            self.chips.set_chip_visible(key, self.chips.current == key or not (low and narrow))

    def _give_way(self) -> None:
        """Show as many columns as there is room for; what says most goes last."""
        room = self.table.viewport().width()
        names = [column.name for column in self.model.columns]
        hidden: set[str] = set()

        def needed(at_least: int) -> int:
            return sum(
                theme().px(max(at_least, self.wishes.get(column.name, 0) if not at_least else 0))
                if column.stretch
                else self._widths[column.name]
                for column in self.model.columns
                if column.name not in hidden
            )

        for name in self.giving_way:
            if name in names and needed(0) > room:
                hidden.add(name)
        if self.last_to_give and needed(170) > room:
            hidden.add(self.last_to_give)
        for name in hidden ^ self._given:
            self.table.setColumnHidden(names.index(name), name in hidden)
        self._given = hidden
        self._share(room)

    def _share(self, room: int) -> None:
        """Columns that take the room left get as much of it as they wish for; the last one takes the rest."""
        header = self.table.horizontalHeader()
        shown = [(n, column) for n, column in enumerate(self.model.columns) if column.name not in self._given]
        wide = [(n, self.wishes.get(column.name, 200)) for n, column in shown if column.stretch]
        left = room - sum(self._widths[column.name] for _n, column in shown if not column.stretch)
        every = sum(wish for _n, wish in wide)
        for n, wish in wide[:-1]:
            header.setSectionResizeMode(n, QHeaderView.ResizeMode.Interactive)
            header.resizeSection(n, max(header.minimumSectionSize(), left * wish // every))

    # -- filter -------------------------------------------------------------------------------

    def refilter(self) -> None:
        """Show what the chip and the search let through."""
        chip, text = self.chips.current, self._text.casefold()
        if chip == "all" and not text:
            predicate: Callable[[RowT], bool] | None = None
        else:

            def predicate(row: RowT) -> bool:
                return (chip == "all" or chip in self.chips_of(row)) and (
                    not text or all(word in self.words_of(row).casefold() for word in text.split())
                )

        self.model.set_filter(predicate)
        self.list.show_rows(filtered=predicate is not None and bool(self.model.rows))

    def _recount(self) -> None:
        counts = {key: 0 for key, _words in self.chip_words() if key != "all"}
        if self.loaded:
            counts.update(Counter(chain.from_iterable(map(self.chips_of, self.model.rows))))
        self.counts = {"all": len(self.model.rows), **counts}
        self.chips.set_counts(self.counts if self.loaded else {})
        self.hint.setText(self.describe() if self.loaded else "")
        waiting = counts.get("possible", 0)
        self.open_link.setVisible(self.loaded and waiting > 0)
        self.open_link.setText(
            tr("1 possible duplicate waits for you")
            if waiting == 1
            else tr("{count} possible duplicates wait for you", count=formats.number(waiting))
        )
        self._make_low()

    def _show_chip(self, key: str) -> None:
        self.chips.choose(key)
        self.refilter()

    def _clear_filter(self) -> None:
        self.search.clear()
        self._show_chip("all")

    def _on_search(self, text: str) -> None:
        self._text = text
        self.refilter()

    def _on_checks(self) -> None:
        self.commit_changed.emit()
