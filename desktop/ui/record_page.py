"""What the lists of customers and items share: a pane beside the list, and the ways from a record to the service."""

from __future__ import annotations

from typing import Any, TypeVar

from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.models.states import SyncState
from desktop.providers.records import Kind
from desktop.text import tr
from desktop.ui import words
from desktop.ui.buttons import QuietButton
from desktop.ui.check_dialog import CheckDialog
from desktop.ui.columns import Column
from desktop.ui.context import Context
from desktop.ui.customer_editor import CustomerEditor
from desktop.ui.empty_state import EmptyState
from desktop.ui.item_editor import ItemEditor
from desktop.ui.link_dialog import link_to_existing
from desktop.ui.list_page import ListPage
from desktop.ui.record_pane import RecordPane
from desktop.ui.routes import Route, settings
from desktop.ui.sync_actions import SyncActions

EditorT = TypeVar("EditorT", CustomerEditor, ItemEditor)


class RecordPage(ListPage):
    """Implement `open_new`, `edit` and `export_csv` besides what `ListPage` wants; call `build` once."""

    kind: Kind
    stretches = 0

    def __init__(self, context: Context, sync: SyncActions, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._sync = sync

    # -- to be filled in ----------------------------------------------------------------------

    def open_new(self) -> CustomerEditor | ItemEditor:
        """Open the editor for a new record."""
        raise NotImplementedError

    def edit(self, record_id: int, field: str = "") -> CustomerEditor | ItemEditor:
        """Open the editor of a record, at `field` if one is named."""
        raise NotImplementedError

    def export_csv(self) -> QFileDialog:
        """What the list shows, as a CSV file (N17)."""
        raise NotImplementedError

    # -- building -----------------------------------------------------------------------------

    def build(
        self,
        columns: list[Column[Any]],
        read: Any,
        chips: list[tuple[str, str]],
        *,
        empty: EmptyState,
        nothing_fits: str,
        create_words: str,
    ) -> None:
        """The page over `read`; `empty` offers to create a record or to import some."""
        empty.primary.connect(lambda: self.open_new())
        empty.secondary.connect(lambda: self.context.go(settings("import_data")))
        no_hits = EmptyState("no_hits", nothing_fits, tr("Nothing matches this filter."), primary=tr("Clear filter"))
        pane = RecordPane(self.kind.value, self.context, self._sync, self)
        self.export_button = QuietButton(tr("E&xport…"), self)
        self.export_button.clicked.connect(lambda: self.export_csv())
        self.set_up(
            [*columns, _sync_column()],
            read,
            lambda: (self.context.company,),
            chips,
            empty,
            no_hits,
            primary=create_words,
            pane=pane,
            aside=(self.export_button,),
            sort=("name", False),
        )
        self.detail = pane
        pane.acted.connect(self._on_acted)
        assert self.primary is not None
        self.primary.clicked.connect(lambda: self.open_new())
        self.table.activated_record.connect(self.edit)
        self._sync.working.connect(lambda _busy: pane.update_buttons())

    # -- doing --------------------------------------------------------------------------------

    def open(self, route: Route) -> None:
        if route.action == "new":
            self.open_new()
        elif route.record_id is not None:
            self.select(route.record_id)
            if route.action == "link":
                self.link(route.record_id)
            elif route.field:
                self.edit(route.record_id, route.field)

    def link(self, record_id: int) -> None:
        """Open the dialog that links a record to one at the service."""
        if self.context.connection is None:
            self.context.go(settings("integrations"))
        else:
            self.with_record(record_id, self._open_link)

    def _open_link(self, row: Any) -> None:
        link_to_existing(
            self.context.core,
            self,
            self.kind.value,
            row.id,
            row.name,
            self.context.service,
            lambda _id: self.reload(),
        )

    def sync_buttons(self, row: Any) -> list[tuple[str, str, str]]:
        """What can be done between this record and the connected service, for the pane."""
        service = self.context.service
        text = tr("Resync to {service}", service=service) if row.linked else tr("Sync to {service}", service=service)
        buttons = [("sync", text, "syncing")]
        if row.sync is not SyncState.SYNCED:
            buttons.append(("why", tr("Why doesn't it sync?"), "checking"))
        if not row.linked:
            buttons.append(("link", tr("Link to existing in {service}…", service=service), "link"))
        return buttons

    def acted(self, key: str, record_id: int) -> None:
        """A button of the pane was pressed that only one of the lists has."""

    def _on_acted(self, key: str) -> None:
        record_id = self.detail.record_id
        if record_id is None:
            return
        if key == "edit":
            self.edit(record_id)
        elif key == "sync":
            self._sync.resync([(self.kind.value, record_id)])
        elif key == "why":
            self.with_record(record_id, self._why)
        elif key == "link":
            self.link(record_id)
        else:
            self.acted(key, record_id)

    def _why(self, row: Any) -> None:
        """Name what keeps this one from the service (M140)."""
        dialog = CheckDialog(self.context.core, self.context, self, self.kind, row.id, row.name)
        dialog.sync_asked.connect(lambda records: self._sync.resync(records or [(self.kind.value, row.id)]))
        dialog.open()

    def show_editor(self, editor: EditorT) -> EditorT:
        """`editor`, opened; what it saves is shown."""
        editor.saved.connect(self._on_saved)
        editor.open()
        return editor

    def _on_saved(self, record_id: int) -> None:
        self.select(record_id)
        self.context.toast(tr("Saved."))


def _sync_column() -> Column[Any]:
    return Column[Any](
        tr("Sync"),
        lambda r: words.sync_status(r.sync).text,
        key="sync",
        sort_key="sync",
        status=lambda r: words.sync_status(r.sync),
        width=12,
    )
