"""Activity: what was written where, by whom, with which result (N1)."""

from __future__ import annotations

from array import array

from PySide6.QtWidgets import QWidget

from desktop.books import activity
from desktop.books.activity import Activity, ActivityFilter
from desktop.text import tr
from desktop.ui import formats
from desktop.ui.columns import Column
from desktop.ui.context import Context
from desktop.ui.empty_state import EmptyState
from desktop.ui.list_page import ListPage
from desktop.ui.routes import Route
from desktop.ui.status import Status


class ActivityPage(ListPage):
    """Read-only; a double click leads to the record."""

    title = tr("Activity")
    search_hint = tr("Search activity")
    watches = frozenset({"activity", "invoice", "payment", "customer", "item", "connection", "outbox"})
    stretches = 3
    giving_way = (5, 4)

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._names = {info.key.value: info.terms.service for info in context.core.services()}
        columns = [
            Column[Activity](
                tr("When"), lambda r: formats.when(r.at, context.now()), key="at", sort_key="at", width=17
            ),
            Column[Activity](tr("What"), self._what, key="what", width=24),
            Column[Activity](tr("Record"), lambda r: r.label, key="label", width=18),
            Column[Activity](
                tr("Note"), lambda r: r.message or ", ".join(r.fields), key="note", stretch=True, tooltip=_note
            ),
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
            "no_hits", tr("Nothing fits"), tr("No entry matches this filter."), primary=tr("Clear filter")
        )
        chips = [
            ("", tr("All")),
            ("done", tr("Done")),
            ("refused", tr("Not accepted")),
            ("in_doubt", tr("Checking")),
        ]
        self.set_up(columns, activity.activity_rows, tuple, chips, empty, no_hits)
        self._sort = ("at", True)
        self.table.show_sorted("at", True)
        self.table.activated_record.connect(self._on_activated)

    async def read_ids(self) -> array[int]:
        wanted = ActivityFilter(result=self.chips.current, text=self._text, newest_first=self._sort[1])
        return await self.context.core.ask(activity.activity_ids, wanted)

    async def read_counts(self) -> dict[str, int]:
        counts = await self.context.core.ask(activity.activity_counts)
        return {key: counts.get(key, 0) for key in ("", "done", "refused", "in_doubt")}

    def _what(self, row: Activity) -> str:
        service = self._names.get(row.provider, "") or tr("the service")
        kinds = {
            "customer": tr("Customer"),
            "item": tr("Item"),
            "invoice": tr("Invoice"),
            "payment": tr("Payment"),
        }
        what = kinds.get(row.kind, tr("Connection"))
        said = {
            "create": tr("{what} added in {service}", what=what, service=service),
            "update": tr("{what} updated in {service}", what=what, service=service),
            "void": tr("{what} voided in {service}", what=what, service=service),
            "delete": tr("{what} removed in {service}", what=what, service=service),
            "link": tr("{what} linked", what=what),
            "adopt": tr("{what} found and linked", what=what),
            "import": tr("{what} imported", what=what),
            "connect": tr("Connected to {service}", service=service),
            "disconnect": tr("Disconnected from {service}", service=service),
            "refuse": tr("{what} not accepted", what=what),
        }
        return said.get(row.action, what)

    def _on_activated(self, row_id: int) -> None:
        place = self.model.row_of(row_id)
        row = self.model.row_at(place) if place is not None else None
        pages = {"invoice": "invoices", "customer": "customers", "item": "items"}
        if row is not None and row.kind in pages and row.local_id is not None:
            self.context.go(Route(pages[row.kind], kind=row.kind, record_id=row.local_id))


def result_status(result: str) -> Status:
    """A result as icon and word."""
    return {
        "done": Status(tr("Done"), "good", "good"),
        "refused": Status(tr("Not accepted"), "bad", "bad"),
        "in_doubt": Status(tr("Checking"), "info", "checking"),
        "waiting": Status(tr("Waiting"), "wait", "wait"),
    }.get(result, Status(tr("Noted"), "", "info"))


def _note(row: Activity) -> str:
    return row.message or ", ".join(row.fields)
