"""Tying a record of ours to one of the service by hand, from either side (M36, M40). Nothing is written there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop.books import queries
from desktop.core import Core
from desktop.providers.records import CustomerRecord, ItemRecord, Kind
from desktop.sync import importing, reviewing
from desktop.sync.reviewing import CustomerReview, ItemReview, Standing
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.banner import Banner
from desktop.ui.busy import ProgressLine
from desktop.ui.buttons import PrimaryButton, QuietButton
from desktop.ui.check_model import CheckTableModel
from desktop.ui.columns import Column
from desktop.ui.empty_state import EmptyState
from desktop.ui.help_route import HelpButton
from desktop.ui.labels import label
from desktop.ui.panels import Card
from desktop.ui.problems import show_problem
from desktop.ui.record_table import RecordList, RecordTable
from desktop.ui.search_field import SearchField
from desktop.ui.status import Status
from desktop.ui.theme import theme

LIMIT = 200
"""Rows of ours offered at once; the search finds the others."""
NOTE_COLUMN = 3
"""Hidden while there is nothing to note: names and addresses get its room."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """One record that may be picked."""

    key: Any
    name: str
    hint: str
    note: str = ""
    can_pick: bool = True
    likely: bool = False
    words: str = ""


class _PickDialog(QDialog):
    """A list to search in and one button. Use `open()`."""

    help_topic = "linking"

    picked = Signal(object)
    """The `_Choice` that was picked."""

    def __init__(self, title: str, sentence: str, accept: str, parent: QWidget) -> None:
        super().__init__(parent.window())
        px = theme().px
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self._text = ""
        self._task: asyncio.Task[None] | None = None
        self.banner = Banner(self, closable=False)
        self.banner.acted.connect(self.load)
        self.search = SearchField(tr("Search by name, e-mail or town"), self)
        self.search.searched.connect(self._on_search)
        self.progress = ProgressLine(self)
        self.progress.cancelled.connect(self.reject)
        columns = [
            Column[_Choice](
                tr("Name"), lambda row: row.name, key="name", sort_key="name", width=22, tooltip=lambda row: row.name
            ),
            Column[_Choice](
                "",
                lambda row: row.hint,
                key="hint",
                stretch=True,
                status=lambda row: Status(row.hint) if row.hint else None,
                tooltip=lambda row: row.hint,
            ),
            Column[_Choice](
                "",
                lambda row: row.note,
                key="note",
                width=18,
                tooltip=lambda row: row.note,
                status=lambda row: (
                    Status(row.note, "wait" if row.likely else "", "warning" if row.likely else "")
                    if row.note
                    else None
                ),
            ),
        ]
        self.model = CheckTableModel[_Choice](columns, self, can_check=lambda row: False)
        self.table = RecordTable(title, self)
        self.table.setSelectionMode(RecordTable.SelectionMode.SingleSelection)
        self.table.setModel(self.model)
        self.table.setColumnHidden(0, True)
        self.table.selection_changed.connect(self._on_selection)
        self.table.activated_record.connect(lambda _id: self._accept())
        empty = EmptyState("empty", tr("Nothing to choose from"), "", parent=self)
        no_hits = EmptyState("no_hits", tr("Nothing matches"), tr("Try fewer letters, or another name."), parent=self)
        self.list = RecordList(self.table, empty, no_hits, self)
        card = Card(parent=self)
        card.body.setContentsMargins(1, 1, 1, 1)
        card.body.addWidget(self.list)
        self.accept_button = PrimaryButton(accept, self)
        self.accept_button.setDefault(True)
        self.accept_button.setEnabled(False)
        self.accept_button.clicked.connect(self._accept)
        cancel = QuietButton(tr("Cancel"), self)
        cancel.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.setSpacing(px(8))
        foot.addWidget(HelpButton(self))
        foot.addStretch(1)
        foot.addWidget(cancel)
        foot.addWidget(self.accept_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(20), px(24), px(20))
        column.setSpacing(px(12))
        column.addWidget(label(title, "section", wrap=True, parent=self))
        column.addWidget(label(sentence, "secondary", wrap=True, parent=self))
        column.addWidget(self.search)
        column.addWidget(self.banner)
        column.addWidget(self.progress)
        column.addWidget(card, 1)
        column.addLayout(foot)
        self.resize(px(740), px(460))
        self.finished.connect(lambda _code: self._stop())
        self.search.setFocus()

    def load(self) -> None:
        """Fill the list; again after a failure."""

    def run(self, coroutine: Any, success: Callable[[Any], object]) -> None:
        self._stop()
        self.banner.clear()
        self._task = operations.run(
            self, coroutine, success=success, failure=self.on_failed, busy=lambda on: None if on else self._ended()
        )

    def on_failed(self, error: Exception) -> None:
        show_problem(self.banner, error, tr("Try again"))

    def show_choices(self, choices: list[_Choice]) -> None:
        """Put these into the list, the likely ones first."""
        self.model.clear()
        self.table.setColumnHidden(NOTE_COLUMN, not any(row.note for row in choices))
        self.model.append_rows(sorted(choices, key=lambda row: (not row.likely, row.name.casefold())))
        self._refilter()

    def chosen(self) -> _Choice | None:
        """The marked row, if it may be picked."""
        marked = self.table.selected_ids()
        row = self.model.rows[marked[0]] if len(marked) == 1 else None
        return row if row is not None and row.can_pick else None

    def on_searched(self, text: str) -> None:
        """Another text is searched for."""
        self._refilter()

    def _refilter(self) -> None:
        words = self._text.casefold().split()

        def shown(row: _Choice) -> bool:
            return all(word in row.words for word in words)

        self.model.set_filter(shown if words else None)
        self.list.show_rows(filtered=bool(self._text))
        if self.model.rowCount() and not self.table.selected_ids():
            first: QModelIndex = self.model.index(0, 1)
            if self.model.row_at(0).likely:
                self.table.selectRow(first.row())
        self._on_selection()

    def _on_search(self, text: str) -> None:
        self._text = text
        self.on_searched(text)

    def _on_selection(self) -> None:
        self.accept_button.setEnabled(self.chosen() is not None)

    def _accept(self) -> None:
        choice = self.chosen()
        if choice is not None:
            self.picked.emit(choice)

    def _ended(self) -> None:
        self.progress.finish()

    def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()


class LinkDialog(_PickDialog):
    """Link one of our customers or items to a record that is at the service already."""

    linked = Signal(int)
    """Done: our record's id."""

    def __init__(self, core: Core, kind: str, local_id: int, name: str, service: str, parent: QWidget) -> None:
        super().__init__(
            tr("Link “{name}” to {service}", name=name, service=service),
            tr(
                "Choose the record in {service} that is the same. Both stay as they are; from now on changes here go "
                "to that one.",
                service=service,
            ),
            tr("&Link"),
            parent,
        )
        self._core, self._kind, self._local_id, self._service = core, Kind(kind), local_id, service
        self._records: dict[str, CustomerRecord | ItemRecord] = {}
        self.picked.connect(self._on_picked)
        self.load()

    def load(self) -> None:
        self.progress.start(tr("Reading from {service}", service=self._service))
        self.run(self._read(), self.show_choices)

    async def _read(self) -> list[_Choice]:
        company = await self._core.require_company()
        lists = await self._core.lists()
        if self._kind is Kind.CUSTOMER:
            customers = await lists.customers.get(self.progress.set_progress)
            reviews = await reviewing.review_customers(company, customers)
            return [self._customer(review) for review in reviews]
        items = await lists.items.get(self.progress.set_progress)
        return [self._item(review) for review in await reviewing.review_items(company, items)]

    def _customer(self, review: CustomerReview) -> _Choice:
        record = review.record
        self._records[review.external_id] = record
        hint = ", ".join(part for part in (record.email, record.address.city) if part)
        return self._choice(review, record.display_name, hint, record.active)

    def _item(self, review: ItemReview) -> _Choice:
        record = review.record
        self._records[review.external_id] = record
        price = "" if record.unit_price is None else formats.decimal(record.unit_price, 2)
        return self._choice(review, record.name, price, record.active)

    def _choice(self, review: CustomerReview | ItemReview, name: str, hint: str, active: bool) -> _Choice:
        taken = review.standing is Standing.LINKED
        likely = not taken and review.local_id == self._local_id
        note = ""
        if taken:
            note = tr("Linked to {name}", name=review.same_as or name)
        elif likely:
            note = tr("Looks the same")
        elif not active:
            note = tr("Inactive there")
        return _Choice(review.external_id, name, hint, note, not taken, likely, f"{name} {hint}".casefold())

    def _on_picked(self, choice: _Choice) -> None:
        self.accept_button.setEnabled(False)
        self.run(self._link(self._records[choice.key]), lambda _done: self._on_linked())

    async def _link(self, record: CustomerRecord | ItemRecord) -> None:
        company = await self._core.require_company()
        await importing.link_by_hand(company, self._kind, self._local_id, record)

    def _on_linked(self) -> None:
        self.linked.emit(self._local_id)
        self.accept()


class _OursDialog(_PickDialog):
    """Pick one of our records for a record of the service."""

    def __init__(self, core: Core, kind: str, name: str, taken: set[int], parent: QWidget) -> None:
        super().__init__(
            tr("Which of yours is “{name}”?", name=name),
            tr("The two are linked when you press Import; nothing is copied, and nothing changes there."),
            tr("&Choose"),
            parent,
        )
        self._core, self._kind, self._taken = core, kind, taken
        self.load()

    def load(self) -> None:
        self.run(self._read(self._text), self.show_choices)

    def on_searched(self, text: str) -> None:
        self.load()

    async def _read(self, text: str) -> list[_Choice]:
        company = await self._core.company_key()
        sort = queries.Sort("name", False)
        if self._kind == "customer":
            found = await self._core.ask(queries.customer_ids, queries.CustomerFilter(text), sort, company)
            rows = await self._core.ask(queries.customer_rows, list(found[:LIMIT]), company)
            return [
                _Choice(row.id, row.name, row.email or row.city, words=f"{row.name} {row.email} {row.city}".casefold())
                for row in rows
                if not row.linked and row.id not in self._taken
            ]
        ids = await self._core.ask(queries.item_ids, queries.ItemFilter(text), sort, company)
        items = await self._core.ask(queries.item_rows, list(ids[:LIMIT]), company)
        return [
            _Choice(row.id, row.name, row.sku, words=f"{row.name} {row.sku}".casefold())
            for row in items
            if not row.linked and row.id not in self._taken and not row.builtin
        ]

    def _refilter(self) -> None:
        self.model.set_filter(None)  # our own search knows accents and word order
        self.list.show_rows(filtered=bool(self._text))
        self._on_selection()


def link_to_existing(
    core: Core,
    parent: QWidget,
    kind: str,
    local_id: int,
    name: str,
    service: str,
    done: Callable[[int], object] | None = None,
) -> LinkDialog:
    """Open the dialog that links our customer or item to one at the service; `done(local_id)` once it is."""
    dialog = LinkDialog(core, kind, local_id, name, service, parent)
    if done is not None:
        dialog.linked.connect(done)
    dialog.open()
    return dialog


def pick_ours(
    core: Core, parent: QWidget, kind: str, name: str, taken: set[int], picked: Callable[[int, str], object]
) -> QDialog:
    """Open a list of our unlinked records; `picked(local_id, name)` once one is chosen."""
    dialog = _OursDialog(core, kind, name, taken, parent)

    def take(choice: _Choice) -> None:
        picked(choice.key, choice.name)
        dialog.accept()

    dialog.picked.connect(take)
    dialog.open()
    return dialog
