"""Items: services and products, their price and the account that they earn for."""

from __future__ import annotations

from array import array

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.books import exports, queries
from desktop.books.queries import ItemRow
from desktop.providers.records import Kind
from desktop.text import tr
from desktop.ui import formats
from desktop.ui.columns import Column
from desktop.ui.context import Context
from desktop.ui.empty_state import EmptyState
from desktop.ui.item_editor import ItemEditor
from desktop.ui.list_export import export_list
from desktop.ui.record_page import RecordPage
from desktop.ui.routes import settings
from desktop.ui.status import Status
from desktop.ui.sync_actions import SyncActions

CODE, ACCOUNT, SYNC = 1, 3, 4


class ItemsPage(RecordPage):
    """The list, with a pane for the one with the cursor."""

    kind = Kind.ITEM
    help_topic = "items"
    title = tr("Items")
    search_hint = tr("Search items")
    watches = frozenset({"item", "mapping", "outbox", "connection"})
    giving_way = (CODE, SYNC, ACCOUNT)

    def __init__(self, context: Context, sync: SyncActions, parent: QWidget | None = None) -> None:
        super().__init__(context, sync, parent)
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
        ]
        empty = EmptyState("items", tr("No items yet"), primary=tr("New item"), secondary=tr("Import"))
        chips = [("", tr("All")), ("unmapped", tr("No account")), ("inactive", tr("Inactive"))]
        self.build(
            columns,
            queries.item_rows,
            chips,
            empty=empty,
            nothing_fits=tr("No item fits"),
            create_words=tr("New item"),
        )

    def export_csv(self) -> QFileDialog:
        """What the list shows, as a CSV file (N17)."""
        return export_list(self, self.context, self.title, exports.items_table, lambda: self.model.ids)

    def open_new(self) -> ItemEditor:
        return self.new_item()

    def new_item(self) -> ItemEditor:
        """Open the editor for a new item."""
        return self.show_editor(ItemEditor(self.context, self.window()))

    def edit(self, item_id: int, field: str = "") -> ItemEditor:
        """Open the editor of an item, at `field` if one is named."""
        return self.show_editor(ItemEditor(self.context, self.window(), item_id=item_id, field=field))

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

    def show_record(self, row: ItemRow) -> None:
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
            buttons.insert(0, ("account", tr("Choose account"), "account")) if row.unmapped else None
            buttons += self.sync_buttons(row)
        pill = Status(tr("Active"), "good") if row.active else Status(tr("Inactive"))
        if connected and row.unmapped:
            pill = _account(row)
        self.detail.show_record(row.id, row.name, pill, facts, buttons, row.sync, row.external_id)

    def _price(self, row: ItemRow) -> str:
        if row.unit_price is None:
            return ""
        exact, shown = formats.decimal(row.unit_price), formats.amount(row.unit_price, self.context.currency)
        return shown if len(exact) <= len(shown) else exact

    def acted(self, key: str, record_id: int) -> None:
        if key == "account":
            self.context.go(settings("account_mapping", ids=(record_id,)))


def _account(row: ItemRow) -> Status:
    if row.account_name:
        return Status(row.account_name)
    if row.account_id:
        return Status(tr("Account is gone"), "bad", "bad")
    return Status(tr("No income account"), "wait", "not_synced")
