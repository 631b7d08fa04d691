"""Customers: who they are, what they owe, whether the books know them."""

from __future__ import annotations

from array import array

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.books import exports, queries
from desktop.books.queries import CustomerRow
from desktop.kinds import CustomerKind
from desktop.models.states import SyncState
from desktop.providers.records import Kind
from desktop.text import tr
from desktop.ui import formats, words
from desktop.ui.buttons import QuietButton
from desktop.ui.check_dialog import CheckDialog
from desktop.ui.columns import Column
from desktop.ui.context import Context
from desktop.ui.customer_editor import CustomerEditor
from desktop.ui.empty_state import EmptyState
from desktop.ui.link_dialog import link_to_existing
from desktop.ui.list_export import export_list
from desktop.ui.list_page import ListPage
from desktop.ui.record_pane import RecordPane
from desktop.ui.routes import Route, settings
from desktop.ui.status import Status
from desktop.ui.sync_actions import SyncActions

BALANCE, SYNC = 4, 5


class CustomersPage(ListPage):
    """The list, with a pane for the one with the cursor."""

    help_topic = "customers"
    title = tr("Customers")
    search_hint = tr("Search customers")
    watches = frozenset({"customer", "invoice", "payment", "outbox", "connection"})
    stretches = 0
    giving_way = (3, 2, 1, SYNC)

    def __init__(self, context: Context, sync: SyncActions, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._sync = sync
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
            Column[CustomerRow](
                tr("Sync"),
                lambda r: words.sync_status(r.sync).text,
                key="sync",
                sort_key="sync",
                status=lambda r: words.sync_status(r.sync),
                width=12,
            ),
        ]
        empty = EmptyState("customers", tr("No customers yet"), primary=tr("New customer"), secondary=tr("Import"))
        empty.primary.connect(lambda: self.new_customer())
        empty.secondary.connect(lambda: context.go(settings("import_data")))
        no_hits = EmptyState(
            "no_hits", tr("No customer fits"), tr("Nothing matches this filter."), primary=tr("Clear filter")
        )
        chips = [
            ("", tr("All")),
            (CustomerKind.HOMEOWNER.value, tr("Homeowners")),
            (CustomerKind.BUSINESS.value, tr("Businesses")),
            (CustomerKind.BUILDER.value, tr("Builders")),
            ("inactive", tr("Inactive")),
        ]
        pane = RecordPane("customer", context, sync, self)
        self.export_button = QuietButton(tr("E&xport…"), self)
        self.export_button.clicked.connect(self.export_csv)
        self.set_up(
            columns,
            queries.customer_rows,
            lambda: (context.company,),
            chips,
            empty,
            no_hits,
            primary=tr("New customer"),
            pane=pane,
            aside=(self.export_button,),
            sort=("name", False),
        )
        self.detail = pane
        pane.acted.connect(self._on_acted)
        assert self.primary is not None
        self.primary.clicked.connect(lambda: self.new_customer())
        self.table.activated_record.connect(self.edit)
        sync.working.connect(lambda _busy: pane.update_buttons())

    def export_csv(self) -> QFileDialog:
        """What the list shows, as a CSV file (N17)."""
        return export_list(self, self.context, self.title, exports.customers_table, lambda: self.model.ids)

    def open(self, route: Route) -> None:
        if route.action == "new":
            self.new_customer()
        elif route.record_id is not None:
            self.select(route.record_id)
            if route.action == "link":
                self.link(route.record_id)
            elif route.field:
                self.edit(route.record_id, route.field)

    def new_customer(self, name: str = "") -> CustomerEditor:
        """Open the editor for a new customer."""
        editor = CustomerEditor(self.context, self.window(), name=name)
        editor.saved.connect(self._on_saved)
        editor.open()
        return editor

    def edit(self, customer_id: int, field: str = "") -> CustomerEditor:
        """Open the editor of a customer, at `field` if one is named."""
        editor = CustomerEditor(self.context, self.window(), customer_id=customer_id, field=field)
        editor.saved.connect(self._on_saved)
        editor.open()
        return editor

    def link(self, customer_id: int) -> QWidget | None:
        """Open the dialog that links a customer to one at the service."""
        if self.context.connection is None:
            self.context.go(settings("integrations"))
            return None
        return self.open_link(customer_id)

    def open_link(self, record_id: int) -> QWidget | None:
        """The dialog itself; None while the list does not hold the record."""
        place = self.model.row_of(record_id)
        row = self.model.row_at(place) if place is not None else None
        name = row.name if row is not None else ""
        dialog = link_to_existing(self.context.core, self, "customer", record_id, name, self.context.service)
        dialog.linked.connect(lambda _id: self.reload())
        return dialog

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

    def show_record(self, record_id: int | None) -> None:
        place = self.model.row_of(record_id) if record_id is not None else None
        row: CustomerRow | None = self.model.row_at(place) if place is not None else None
        if row is None or record_id is None:
            return
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
            service = self.context.service
            text = (
                tr("Resync to {service}", service=service) if row.linked else tr("Sync to {service}", service=service)
            )
            buttons.append(("sync", text, "syncing"))
            if row.sync is not SyncState.SYNCED:
                buttons.append(("why", tr("Why doesn't it sync?"), "checking"))
            if not row.linked:
                buttons.append(("link", tr("Link to existing in {service}…", service=service), "link"))
        pill = Status(kind) if row.active else Status(tr("Inactive"))
        self.detail.show_record(row.id, row.name, pill, facts, buttons, row.sync, row.external_id)

    def _why(self, record_id: int) -> None:
        """Name what keeps this one from the service (M140)."""
        place = self.model.row_of(record_id)
        row = self.model.row_at(place) if place is not None else None
        if row is not None:
            dialog = CheckDialog(self.context.core, self.context, self, Kind.CUSTOMER, record_id, row.name)
            dialog.sync_asked.connect(lambda records: self._sync.resync(records or [("customer", record_id)]))
            dialog.open()

    def _on_acted(self, key: str) -> None:
        record_id = self.table.current_id()
        if record_id is None:
            return
        if key == "edit":
            self.edit(record_id)
        elif key == "invoice":
            self.context.go(Route("invoices", kind="customer", record_id=record_id, action="new"))
        elif key == "sync":
            self._sync.resync([("customer", record_id)])
        elif key == "why":
            self._why(record_id)
        elif key == "link":
            self.link(record_id)

    def _on_saved(self, customer_id: int) -> None:
        self.select(customer_id)
        self.context.toast(tr("Saved."))
