"""Items: services and products, their price and the account that they earn for."""

from __future__ import annotations

from array import array

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.books import exports, queries
from desktop.books.queries import ItemRow
from desktop.models.states import SyncState
from desktop.providers.records import Kind
from desktop.text import tr
from desktop.ui import formats, words
from desktop.ui.buttons import QuietButton
from desktop.ui.check_dialog import CheckDialog
from desktop.ui.columns import Column
from desktop.ui.context import Context
from desktop.ui.empty_state import EmptyState
from desktop.ui.item_editor import ItemEditor
from desktop.ui.link_dialog import link_to_existing
from desktop.ui.list_export import export_list
from desktop.ui.list_page import ListPage
from desktop.ui.record_pane import RecordPane
from desktop.ui.routes import Route, settings
from desktop.ui.status import Status
from desktop.ui.sync_actions import SyncActions

CODE, ACCOUNT, SYNC = 1, 3, 4


class ItemsPage(ListPage):
    """The list, with a pane for the one with the cursor."""

    help_topic = "items"
    title = tr("Items")
    search_hint = tr("Search items")
    watches = frozenset({"item", "mapping", "outbox", "connection"})
    stretches = 0
    giving_way = (CODE, SYNC, ACCOUNT)

    def __init__(self, context: Context, sync: SyncActions, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._sync = sync
        columns = [
            Column[ItemRow](tr("Name"), lambda r: r.name, key="name", sort_key="name", stretch=True, width=22),
            Column[ItemRow](tr("Code"), lambda r: r.sku, key="sku", sort_key="sku", width=9),
            Column[ItemRow](
                tr("Price"),
                self._price,
                key="price",
                sort_key="unit_price",
                align=Qt.AlignmentFlag.AlignRight,
                width=10,
            ),
            Column[ItemRow](
                tr("Account"),
                lambda r: _account(r).text,
                key="account",
                sort_key="account",
                status=lambda r: _account(r),
                width=20,
            ),
            Column[ItemRow](
                tr("Sync"),
                lambda r: words.sync_status(r.sync).text,
                key="sync",
                sort_key="sync",
                status=lambda r: words.sync_status(r.sync),
                width=12,
            ),
        ]
        empty = EmptyState("items", tr("No items yet"), primary=tr("New item"), secondary=tr("Import"))
        empty.primary.connect(lambda: self.new_item())
        empty.secondary.connect(lambda: context.go(settings("import_data")))
        no_hits = EmptyState(
            "no_hits", tr("No item fits"), tr("Nothing matches this filter."), primary=tr("Clear filter")
        )
        chips = [("", tr("All")), ("unmapped", tr("No account")), ("inactive", tr("Inactive"))]
        pane = RecordPane("item", context, sync, self)
        self.export_button = QuietButton(tr("E&xport…"), self)
        self.export_button.clicked.connect(self.export_csv)
        self.set_up(
            columns,
            queries.item_rows,
            lambda: (context.company,),
            chips,
            empty,
            no_hits,
            primary=tr("New item"),
            pane=pane,
            aside=(self.export_button,),
            sort=("name", False),
        )
        self.detail = pane
        pane.acted.connect(self._on_acted)
        assert self.primary is not None
        self.primary.clicked.connect(lambda: self.new_item())
        self.table.activated_record.connect(self.edit)
        sync.working.connect(lambda _busy: pane.update_buttons())

    def export_csv(self) -> QFileDialog:
        """What the list shows, as a CSV file (N17)."""
        return export_list(self, self.context, self.title, exports.items_table, lambda: self.model.ids)

    def open(self, route: Route) -> None:
        if route.action == "new":
            self.new_item()
        elif route.record_id is not None:
            self.select(route.record_id)
            if route.action == "link":
                self.link(route.record_id)
            elif route.field:
                self.edit(route.record_id, route.field)

    def new_item(self) -> ItemEditor:
        """Open the editor for a new item."""
        return self._open(ItemEditor(self.context, self.window()))

    def edit(self, item_id: int, field: str = "") -> ItemEditor:
        """Open the editor of an item, at `field` if one is named."""
        return self._open(ItemEditor(self.context, self.window(), item_id=item_id, field=field))

    def link(self, item_id: int) -> QWidget | None:
        """Open the dialog that links an item to one at the service."""
        if self.context.connection is None:
            self.context.go(settings("integrations"))
            return None
        return self.open_link(item_id)

    def open_link(self, record_id: int) -> QWidget | None:
        """The dialog itself; None while the list does not hold the record."""
        place = self.model.row_of(record_id)
        row = self.model.row_at(place) if place is not None else None
        name = row.name if row is not None else ""
        dialog = link_to_existing(self.context.core, self, "item", record_id, name, self.context.service)
        dialog.linked.connect(lambda _id: self.reload())
        return dialog

    async def read_ids(self) -> array[int]:
        return await self.context.core.ask(
            queries.item_ids, self._filter(self.chips.current, self._text), self._sort, self.context.company
        )

    async def read_counts(self) -> dict[str, int]:
        ask, company = self.context.core.ask, self.context.company
        return {
            key: len(await ask(queries.item_ids, self._filter(key, ""), ("name", False), company))
            for key in ("", "unmapped", "inactive")
        }

    def _filter(self, chip: str, text: str) -> queries.ItemFilter:
        return queries.ItemFilter(text=text, active=chip != "inactive", unmapped=chip == "unmapped")

    def hides(self, column: int) -> bool:
        return column in (ACCOUNT, SYNC) and self.context.connection is None

    def describe_empty(self) -> None:
        self.chips.set_chip_visible("unmapped", self.context.connection is not None)
        self.empty.set_text(
            tr("No items yet"),
            tr("Add the first one, or import them from {service}.", service=self.context.service)
            if self.context.connection is not None
            else tr("Add the services and products that stand on your invoices."),
        )

    def show_record(self, record_id: int | None) -> None:
        place = self.model.row_of(record_id) if record_id is not None else None
        row: ItemRow | None = self.model.row_at(place) if place is not None else None
        if row is None or record_id is None:
            return
        connected = self.context.connection is not None
        account = _account(row).text if connected else ""
        facts = [
            (tr("Price"), self._price(row) or tr("agreed each time")),
            (tr("Code"), row.sku),
            (tr("Description"), row.description),
            (tr("Taxable"), tr("yes") if row.taxable else tr("no")),
            (tr("Account"), account),
            (tr("Use"), tr("Lines of free text use this item.") if row.builtin else ""),
        ]
        buttons = [("edit", tr("Edit"), "edit")]
        if connected:
            service = self.context.service
            buttons.insert(0, ("account", tr("Choose account"), "account")) if row.unmapped else None
            text = (
                tr("Resync to {service}", service=service) if row.linked else tr("Sync to {service}", service=service)
            )
            buttons.append(("sync", text, "syncing"))
            if row.sync is not SyncState.SYNCED:
                buttons.append(("why", tr("Why doesn't it sync?"), "checking"))
            if not row.linked:
                buttons.append(("link", tr("Link to existing in {service}…", service=service), "link"))
        pill = Status(tr("Active"), "good") if row.active else Status(tr("Inactive"))
        if connected and row.unmapped:
            pill = _account(row)
        self.detail.show_record(row.id, row.name, pill, facts, buttons, row.sync, row.external_id)

    def _price(self, row: ItemRow) -> str:
        if row.unit_price is None:
            return ""
        exact, shown = formats.decimal(row.unit_price), formats.amount(row.unit_price, self.context.currency)
        return shown if len(exact) <= len(shown) else exact

    def _open(self, editor: ItemEditor) -> ItemEditor:
        editor.saved.connect(self._on_saved)
        editor.open()
        return editor

    def _why(self, record_id: int) -> None:
        """Name what keeps this one from the service (M140)."""
        place = self.model.row_of(record_id)
        row = self.model.row_at(place) if place is not None else None
        if row is not None:
            dialog = CheckDialog(self.context.core, self.context, self, Kind.ITEM, record_id, row.name)
            dialog.sync_asked.connect(lambda records: self._sync.resync(records or [("item", record_id)]))
            dialog.open()

    def _on_acted(self, key: str) -> None:
        record_id = self.table.current_id()
        if record_id is None:
            return
        if key == "edit":
            self.edit(record_id)
        elif key == "account":
            self.context.go(settings("account_mapping", ids=(record_id,)))
        elif key == "sync":
            self._sync.resync([("item", record_id)])
        elif key == "why":
            self._why(record_id)
        elif key == "link":
            self.link(record_id)

    def _on_saved(self, item_id: int) -> None:
        self.select(item_id)
        self.context.toast(tr("Saved."))


def _account(row: ItemRow) -> Status:
    if row.account_name:
        return Status(row.account_name)
    if row.account_id:
        return Status(tr("Account is gone"), "bad", "bad")
    return Status(tr("No income account"), "wait", "not_synced")
