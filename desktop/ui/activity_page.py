"""Activity: what was written where, by whom, with which result (N1)."""

from __future__ import annotations

import asyncio
from array import array
from datetime import datetime, timedelta
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QFileDialog, QWidget

from desktop.books import activity, activity_export
from desktop.books.activity import Activity, ActivityFilter
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.buttons import QuietButton
from desktop.ui.columns import Column
from desktop.ui.context import Context
from desktop.ui.empty_state import EmptyState
from desktop.ui.happened import note_of, result_status, what_happened
from desktop.ui.list_page import ListPage
from desktop.ui.problems import unwritable
from desktop.ui.routes import Route
from desktop.ui.summary_dialog import SummaryDialog
from desktop.ui.theme import theme


class ActivityPage(ListPage):
    """Read-only; a double click leads to the record."""

    help_topic = "activity"
    title = tr("Activity")
    search_hint = tr("Search activity")
    watches = frozenset({"activity", "invoice", "payment", "customer", "item", "connection", "outbox"})
    stretches = 3
    giving_way = (5, 4)
    least_stretch = 80

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._names = {info.key.value: info.terms.service for info in context.core.services()}
        columns = [
            Column[Activity](
                tr("When"), lambda r: formats.when(r.at, context.now()), key="at", sort_key="at", width=16
            ),
            Column[Activity](tr("What"), self._what, key="what", width=28),
            Column[Activity](tr("Record"), lambda r: r.label, key="label", width=21),
            Column[Activity](tr("Note"), note_of, key="note", stretch=True, tooltip=note_of),
            Column[Activity](tr("Who"), lambda r: r.actor or tr("by itself"), key="actor", width=10),
            Column[Activity](
                tr("Request"), lambda r: r.service_ref, key="ref", width=14, tooltip=lambda r: r.service_ref
            ),
            Column[Activity](
                tr("Result"),
                lambda r: result_status(r.result).text,
                key="result",
                status=lambda r: result_status(r.result),
                width=12,
            ),
        ]
        empty = EmptyState(
            "activity", tr("Nothing has happened yet"), tr("Each thing sent to or read from your books is listed here.")
        )
        no_hits = EmptyState(
            "no_hits", tr("Nothing matches"), tr("No entry matches this filter."), primary=tr("Clear filter")
        )
        chips = [
            ("", tr("All")),
            ("done", tr("Done")),
            ("refused", tr("Not accepted")),
            ("in_doubt", tr("Checking")),
        ]
        self.kinds = _combo(
            tr("Which records"),
            ("", tr("All records")),
            ("invoice", tr("Invoices")),
            ("payment", tr("Payments")),
            ("customer", tr("Customers")),
            ("item", tr("Items")),
            ("connection", tr("Connection")),
        )
        self.period = _combo(
            tr("Which time"),
            (0, tr("Any time")),
            (1, tr("Today")),
            (7, tr("Last 7 days")),
            (30, tr("Last 30 days")),
            (365, tr("Last 12 months")),
        )
        for combo in (self.kinds, self.period):
            combo.currentIndexChanged.connect(lambda _place: self.reload())
        self.export = QuietButton(tr("Export…"))
        self.export.clicked.connect(self.ask_where)
        self.summary_button = QuietButton(tr("&Daily summary…"))
        self.summary_button.clicked.connect(self.show_summary)
        aside = (self.kinds, self.period, self.summary_button, self.export)
        self.set_up(columns, activity.activity_rows, tuple, chips, empty, no_hits, aside=aside, sort=("at", True))
        self.table.activated_record.connect(self._on_activated)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.summary_button.setVisible(self.width() >= theme().px(820))  # narrower, the View menu leads there

    def show_summary(self) -> SummaryDialog:
        """What happened on a day, in a few lines (C12)."""
        dialog = SummaryDialog(self.context, self.window())
        dialog.open()
        return dialog

    def export_csv(self) -> None:
        """What the list shows, from the menu too."""
        self.ask_where()

    @property
    def wanted(self) -> ActivityFilter:
        """What the chips, fields and the search ask for; the list and an export show the same."""
        return ActivityFilter(
            result=self.chips.current,
            kind=self.kinds.currentData(),
            text=self._text,
            since=self._first_moment(),
            newest_first=self._sort[1],
        )

    async def read_ids(self) -> array[int]:
        return await self.context.core.ask(activity.activity_ids, self.wanted)

    async def read_counts(self) -> dict[str, int]:
        counts = await self.context.core.ask(activity.activity_counts, self.wanted)
        return {key: counts.get(key, 0) for key in ("", "done", "refused", "in_doubt")}

    @property
    def is_filtered(self) -> bool:
        return super().is_filtered or bool(self.kinds.currentIndex() or self.period.currentIndex())

    def clear_filter(self) -> None:
        for combo in (self.kinds, self.period):
            combo.blockSignals(True)
            combo.setCurrentIndex(0)
            combo.blockSignals(False)
        super().clear_filter()

    def _first_moment(self) -> datetime | None:
        days = self.period.currentData()
        if not days:
            return None
        midnight = self.context.now().replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=days - 1)

    # -- export -------------------------------------------------------------------------------

    def ask_where(self) -> None:
        """Ask for a file, and write what the list shows there: CSV, or JSON by the file's ending."""
        dialog = QFileDialog(self.window(), tr("Export activity"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([tr("Table for a spreadsheet (*.csv)"), tr("JSON (*.json)")])
        dialog.setDefaultSuffix("csv")
        dialog.filterSelected.connect(lambda name: dialog.setDefaultSuffix("json" if "json" in name else "csv"))
        dialog.selectFile(tr("activity") + f" {self.context.today():%Y-%m-%d}.csv")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.write(Path(name)))
        dialog.open()

    def write(self, path: Path) -> None:
        """Write what the list shows to `path`; says when it is there, or why it isn't."""
        operations.run(
            self,
            self._write(path, self.wanted),
            success=lambda _none: self.context.toast(tr("Saved as {name}.", name=path.name)),
            failure=lambda error: self.context.show_problem(
                unwritable(path, error) if isinstance(error, OSError) else error, lambda: self.write(path)
            ),
        )

    async def _write(self, path: Path, wanted: ActivityFilter) -> None:
        if path.suffix.lower() == ".json":
            data = (await self.context.core.ask(activity_export.activity_json, wanted)).encode("utf-8")
        else:  # with the mark that makes a spreadsheet read it as UTF-8
            data = (await self.context.core.ask(activity_export.activity_csv, wanted)).encode("utf-8-sig")
        await asyncio.to_thread(path.write_bytes, data)

    def _what(self, row: Activity) -> str:
        return what_happened(row, self._names.get(row.provider, ""))

    def _on_activated(self, row_id: int) -> None:
        row = self.model.record(row_id)
        pages = {"invoice": "invoices", "customer": "customers", "item": "items"}
        if row is not None and row.kind in pages and row.local_id is not None:
            self.context.go(Route(pages[row.kind], kind=row.kind, record_id=row.local_id))


def _combo(name: str, *choices: tuple[object, str]) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    for key, words in choices:
        combo.addItem(words, key)
    return combo
