"""Customers: who they are, what they owe, whether the books know them."""

from __future__ import annotations

from array import array

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.books import exports, queries
from desktop.books.queries import CustomerRow
from desktop.kinds import CustomerKind
from desktop.providers.records import Kind
from desktop.text import tr
from desktop.ui import formats, words
from desktop.ui.columns import Column
from desktop.ui.context import Context
from desktop.ui.customer_editor import CustomerEditor
from desktop.ui.empty_state import EmptyState
from desktop.ui.list_export import export_list
from desktop.ui.record_page import RecordPage
from desktop.ui.routes import Route
from desktop.ui.status import Status
from desktop.ui.sync_actions import SyncActions

BALANCE, SYNC = 4, 5


class CustomersPage(RecordPage):
    """The list, with a pane for the one with the cursor."""

    kind = Kind.CUSTOMER
    help_topic = "customers"
    title = tr("Customers")
    search_hint = tr("Search customers")
    watches = frozenset({"customer", "invoice", "payment", "outbox", "connection"})
    giving_way = (3, 2, 1, SYNC)

    def __init__(self, context: Context, sync: SyncActions, parent: QWidget | None = None) -> None:
        super().__init__(context, sync, parent)
        right = Qt.AlignmentFlag.AlignRight
        columns = [
            Column[CustomerRow](tr("Name"), lambda r: r.name, key="name", sort_key="name", stretch=True, width=20),
            Column[CustomerRow](
                tr("Type"),
                lambda r: words.customer_kind(r.kind),
                key="kind",
                sort_key="kind",
                tooltip=lambda r: r.kind_reason,
                width=11,
            ),
            Column[CustomerRow](
                tr("E-mail"), lambda r: r.email or tr("no e-mail"), key="email", sort_key="email", width=20
            ),
            Column[CustomerRow](tr("City"), lambda r: r.city, key="city", sort_key="city", width=12),
            Column[CustomerRow](
                tr("Owes"),
                lambda r: formats.amount(r.open_balance, r.currency) if r.open_balance else "",
                key="balance",
                sort_key="balance",
                align=right,
                width=10,
            ),
        ]
        empty = EmptyState("customers", tr("No customers yet"), primary=tr("New customer"), secondary=tr("Import"))
        chips = [
            ("", tr("All")),
            (CustomerKind.HOMEOWNER.value, tr("Homeowners")),
            (CustomerKind.BUSINESS.value, tr("Businesses")),
            (CustomerKind.BUILDER.value, tr("Builders")),
            ("inactive", tr("Inactive")),
        ]
        self.build(
            columns,
            queries.customer_rows,
            chips,
            empty=empty,
            nothing_fits=tr("No customer fits"),
            create_words=tr("New customer"),
        )

    def export_csv(self) -> QFileDialog:
        """What the list shows, as a CSV file (N17)."""
        return export_list(self, self.context, self.title, exports.customers_table, lambda: self.model.ids)

    def open_new(self) -> CustomerEditor:
        return self.new_customer()

    def new_customer(self, name: str = "") -> CustomerEditor:
        """Open the editor for a new customer."""
        return self.show_editor(CustomerEditor(self.context, self.window(), name=name))

    def edit(self, customer_id: int, field: str = "") -> CustomerEditor:
        """Open the editor of a customer, at `field` if one is named."""
        return self.show_editor(CustomerEditor(self.context, self.window(), customer_id=customer_id, field=field))

    async def read_ids(self) -> array[int]:
        return await self.context.core.ask(
            queries.customer_ids, self._filter(self.chips.current), self._sort, self.context.company
        )

    async def read_counts(self) -> dict[str, int]:
        ask, company = self.context.core.ask, self.context.company
        found = {}
        for key in ("", *(kind.value for kind in CustomerKind), "inactive"):
            found[key] = len(await ask(queries.customer_ids, self._filter(key, ""), ("name", False), company))
        return found

    def _filter(self, chip: str, text: str | None = None) -> queries.CustomerFilter:
        words_ = self._text if text is None else text
        if chip == "inactive":
            return queries.CustomerFilter(text=words_, active=False)
        return queries.CustomerFilter(text=words_, kind=chip)

    def hides(self, column: int) -> bool:
        return column == SYNC and self.context.connection is None

    def describe_empty(self) -> None:
        self.empty.set_text(
            tr("No customers yet"),
            tr("Add the first one, or import them from {service}.", service=self.context.service)
            if self.context.connection is not None
            else tr("Add the first one, or connect your accounting and import them."),
        )

    def show_record(self, row: CustomerRow) -> None:
        kind = words.customer_kind(row.kind)
        owes = formats.money(row.open_balance, row.currency) if row.open_balance else tr("nothing")
        facts = [
            (tr("Type"), f"{kind} ({row.kind_reason})" if row.kind_reason else kind),
            (tr("E-mail"), row.email or tr("no e-mail")),
            (tr("Phone"), row.phone),
            (tr("City"), row.city),
            (tr("Owes"), owes),
        ]
        buttons = [("edit", tr("Edit"), "edit"), ("invoice", tr("New invoice"), "invoices")]
        if self.context.connection is not None:
            buttons += self.sync_buttons(row)
        pill = Status(kind) if row.active else Status(tr("Inactive"))
        self.detail.show_record(row.id, row.name, pill, facts, buttons, row.sync, row.external_id)

    def acted(self, key: str, record_id: int) -> None:
        if key == "invoice":
            self.context.go(Route("invoices", kind="customer", record_id=record_id, action="new"))
