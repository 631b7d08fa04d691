"""Invoices: who owes me, is it in the books, what needs me - the list with its detail beside it."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QSplitter, QVBoxLayout, QWidget

from desktop.books import exports, invoices, payments, queries
from desktop.books.queries import InvoiceRow
from desktop.errors import BlueClerkError
from desktop.models.states import InvoiceView
from desktop.text import tr
from desktop.ui import dialogs, formats, operations, words
from desktop.ui.buttons import IconButton, PrimaryButton, QuietButton
from desktop.ui.chips import FilterChips
from desktop.ui.columns import Column
from desktop.ui.context import Context, Rows
from desktop.ui.empty_state import EmptyState
from desktop.ui.flow_layout import FlowLayout
from desktop.ui.invoice_detail import InvoiceDetailPane
from desktop.ui.invoice_editor import InvoiceEditor
from desktop.ui.invoice_pdf import write_pdf
from desktop.ui.labels import label
from desktop.ui.list_export import export_list, tell_of_a_cut
from desktop.ui.menus import Menus
from desktop.ui.page import Change, Page
from desktop.ui.panels import Panel, hairline
from desktop.ui.payment_dialog import PaymentDialog
from desktop.ui.record_table import RecordList, RecordTable
from desktop.ui.routes import Route, settings
from desktop.ui.status import Status
from desktop.ui.sync_actions import SyncActions
from desktop.ui.theme import theme
from desktop.ui.windowed_model import WindowedTableModel

Chip = queries.Chip
CUSTOMER, DATE, DUE, TOTAL, BALANCE, STATUS, SYNC = 1, 2, 3, 4, 5, 6, 7
"""The places of the columns beside the number."""
GIVING_WAY = (DATE, TOTAL, DUE, STATUS, SYNC)
"""Columns that go, in this order, while the list is too narrow for all: who owes how much is seen to the last."""
NAME_ROOM = 156
"""Pixels that a customer's name keeps, about 18 letters. Who owes comes before until when: Overdue says that too."""
LEAST_NAME_ROOM, SIGN_ROOM = 118, 60
"""What a name keeps, and the sync column has, where only its sign is left: that is the last to go."""

MANY = 5_000
"""Rows up to which each is painted again by itself."""
LOOKED_AT = 200
"""Selected invoices up to which each is looked at before something is done with them."""


class InvoicesPage(Page):
    """The list, its chips, the bar for several, and the pane at the right."""

    help_topic = "invoices"
    title = tr("Invoices")
    search_hint = tr("Search invoices")
    watches = frozenset({"invoice", "payment", "customer", "outbox", "connection", "notification"})

    sandbox_asked = Signal()
    """ "Try it with a sandbox company" was pressed."""

    def __init__(self, context: Context, sync: SyncActions, menus: Menus, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._sync, self._menus = sync, menus
        self._text, self._sort = "", queries.Sort("issued_on", True)
        self._synced_before = False
        self._wanted: int | None = None
        self._cleared = False
        self._loading = 0
        self._build_table()
        self._build()
        self._connect_actions()
        context.connection_changed.connect(self._on_connection_changed)
        sync.working.connect(self._on_working)

    # -- what the window asks -----------------------------------------------------------------

    def reload(self, touched: frozenset[Change] = frozenset()) -> None:
        self._loading += 1
        round_ = self._loading
        operations.run(
            self,
            self._read(round_, touched),
            failure=self.on_reading,
            busy=self.list.busy if not self.model.rowCount() else None,
        )

    def search(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.reload()

    def open(self, route: Route) -> None:
        if route.action == "new":
            self.new_invoice(route.record_id if route.kind == "customer" else None)
            return
        if route.filter:
            self.chips.choose(route.filter)
            self.reload()
        if route.record_id is not None:
            self.select(route.record_id)
            if route.field:
                self.edit(route.record_id, route.field)

    def focus_first(self) -> None:
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def primary(self) -> PrimaryButton:
        """The one thing to do here."""
        return self.new_button

    @property
    def foot(self) -> int:
        return 0 if self.bar.isHidden() else self.bar.height()

    # -- doing --------------------------------------------------------------------------------

    def new_invoice(self, customer_id: int | None = None) -> InvoiceEditor:
        """Open the editor for a new invoice."""
        editor = InvoiceEditor(self.context, parent=self.window(), customer_id=customer_id)
        editor.saved.connect(self._on_saved)
        editor.open()
        return editor

    def edit(self, invoice_id: int, field: str = "") -> InvoiceEditor:
        """Open the editor of an invoice, at `field` if one is named."""
        editor = InvoiceEditor(self.context, parent=self.window(), invoice_id=invoice_id, field=field)
        editor.saved.connect(self._on_saved)
        editor.open()
        return editor

    def record_payment(self, invoice_id: int) -> PaymentDialog | None:
        """Open the payment dialog of the invoice that is shown."""
        shown = self.detail.shown
        if shown is None or shown.row.id != invoice_id:
            return None
        dialog = PaymentDialog(self.context, shown, self.window())
        dialog.recorded.connect(self._on_payment_recorded)
        dialog.open()
        return dialog

    def sync_selected(self) -> None:
        """Send what is selected; drafts among few are left out, as they never leave (C4)."""
        ids = self.selected()
        if len(ids) > LOOKED_AT:
            self._sync.sync_invoices(ids)
            return
        self._with_rows(
            ids,
            lambda rows: self._sync.sync_invoices([row.id for row in rows if row.view is not InvoiceView.DRAFT]),
        )

    def mark_sent(self, ids: list[int]) -> None:
        """Draft -> sent; what is no draft is left alone and told."""
        self._do(self._mark_all_sent(ids))

    def mark_paid(self, invoice_id: int) -> None:
        """A payment of all that is owed, today (C5)."""
        self._do(
            self.context.core.do(payments.mark_paid, invoice_id, self.context.today()),
            lambda payment_id: self._offer_undo(tr("Marked as paid."), payment_id),
        )

    def void(self, invoice_id: int) -> None:
        """Ask, then void."""
        number = self._number(invoice_id)
        self._ask_then(
            tr("Void invoice {number}?", number=number),
            tr("It stays as a record with nothing owed. This can't be taken back."),
            tr("Void invoice"),
            lambda: self.context.core.do(invoices.void_invoice, invoice_id),
            tr("Invoice {number} is void.", number=number),
        )

    def delete(self, invoice_id: int) -> None:
        """Ask, then delete a draft."""
        number = self._number(invoice_id)
        self._ask_then(
            tr("Delete draft {number}?", number=number),
            tr("It was never sent. Its number is not used again."),
            tr("Delete draft"),
            lambda: self.context.core.do(invoices.delete_draft, invoice_id),
            tr("Draft {number} deleted.", number=number),
        )

    def remove_payment(self, payment_id: int) -> None:
        """Take a payment back, with a way to undo it."""

        async def undo() -> None:
            await self.context.core.do(payments.restore_payment, payment_id)

        self._do(
            self.context.core.do(payments.remove_payment, payment_id),
            lambda _: self.context.toast(tr("Payment removed."), tr("Undo"), lambda: self._do(undo())),
        )

    def save_pdf(self, invoice_id: int) -> None:
        """Ask for a place and write the invoice there as a PDF."""
        shown = self.detail.shown
        if shown is None or shown.row.id != invoice_id:
            return
        dialog = QFileDialog(self.window(), tr("Save invoice as PDF"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("pdf")
        dialog.setNameFilter(tr("PDF documents (*.pdf)"))
        dialog.selectFile(f"{shown.row.number}.pdf".replace("/", "-"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self._write_pdf(Path(name)))
        dialog.open()

    def export_csv(self) -> QFileDialog:
        """What the list shows, a row for each line, as a CSV file (N17)."""
        return export_list(self, self.context, self.title, exports.invoices_table, lambda: self.model.ids)

    def select(self, invoice_id: int) -> None:
        """Show an invoice: in the list if it is there under this filter, in the pane in any case."""
        self._wanted = invoice_id
        if self.model.row_of(invoice_id) is not None:
            self._show_wanted()
        elif self.chips.current != Chip.ALL or self._text:
            self.chips.choose(Chip.ALL)
            self._text = ""
            self.reload()
        else:
            self.reload()

    def selected(self) -> list[int]:
        """The ids of the selected rows, in the order shown."""
        return list(self.table.selected_ids())

    # -- building -----------------------------------------------------------------------------

    def _build_table(self) -> None:
        right = Qt.AlignmentFlag.AlignRight
        today = self.context.today
        columns = [
            Column[InvoiceRow](tr("No."), lambda r: r.number, key="number", sort_key="number", width=8),
            Column[InvoiceRow](
                tr("Customer"),
                lambda r: r.customer_name,
                key="customer",
                sort_key="customer",
                stretch=True,
                width=14,
                tooltip=lambda r: r.customer_name,
            ),
            Column[InvoiceRow](
                tr("Date"),
                lambda r: formats.list_date(r.issued_on, today()),
                key="date",
                sort_key="issued_on",
                width=8,
                tooltip=lambda r: formats.full_date(r.issued_on),
            ),
            Column[InvoiceRow](
                tr("Due"),
                lambda r: formats.list_date(r.due_on, today()) if r.due_on else "",
                key="due",
                sort_key="due_on",
                width=8,
                tooltip=lambda r: formats.full_date(r.due_on) if r.due_on else "",
            ),
            Column[InvoiceRow](
                tr("Total"),
                lambda r: formats.amount(r.total, r.currency),
                key="total",
                sort_key="total",
                align=right,
                width=8,
                tooltip=lambda r: formats.money(r.total, r.currency),
            ),
            Column[InvoiceRow](
                tr("Balance"),
                _owed,
                key="balance",
                sort_key="balance",
                align=right,
                width=8,
                tooltip=lambda r: formats.money(r.balance, r.currency) if _owed(r) else tr("A draft: nothing is owed."),
            ),
            Column[InvoiceRow](
                tr("Status"),
                lambda r: words.invoice_status(r.view).text,
                key="status",
                sort_key="status",
                status=lambda r: words.invoice_status(r.view),
                width=8,
            ),
            Column[InvoiceRow](
                tr("Sync"),
                lambda r: self._sync_status(r).text,
                key="sync",
                sort_key="sync",
                status=self._sync_status,
                tooltip=lambda r: words.invoice_sync_reason(r, self.context.now(), self.context.service),
                width=12,
            ),
        ]
        self.table = RecordTable(tr("Invoices"))
        source = Rows(self.context.core, queries.invoice_rows, lambda: (self.context.company, today()))
        self.model: WindowedTableModel[InvoiceRow] = WindowedTableModel(
            columns, source, self.table, told=self.on_reading
        )
        self.table.setModel(self.model)
        self.table.show_sorted("issued_on", True)
        self.table.setColumnHidden(SYNC, True)
        self.table.viewport().installEventFilter(self)
        self.model.sort_requested.connect(self._take_sort)
        self.table.restore_state(self.context.preferences.text("invoices.table"))
        self.model.sort_requested.disconnect(self._take_sort)
        self.model.sort_requested.connect(self._on_sort)
        self.table.selection_changed.connect(self._on_selection)
        self.table.copied.connect(partial(tell_of_a_cut, self.context))
        self.table.activated_record.connect(self._on_activated)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._on_context_menu)

    def _sync_status(self, row: queries.InvoiceRow) -> Status:
        return words.invoice_sync(row)

    def _build(self) -> None:
        px = theme().px
        self.chips = FilterChips(
            [
                (Chip.ALL, tr("All")),
                (Chip.DRAFT, tr("Draft")),
                (Chip.SENT, tr("Sent")),
                (Chip.OVERDUE, tr("Overdue")),
                (Chip.PAID, tr("Paid")),
                (Chip.NOT_SYNCED, tr("Not synced")),
                (Chip.NEEDS_YOU, tr("Needs you")),
            ]
        )
        self.chips.set_chip_visible(Chip.NOT_SYNCED, False)
        self.chips.set_chip_visible(Chip.NEEDS_YOU, False)
        self.chips.chosen.connect(lambda _key: self.reload())
        self.new_button = PrimaryButton(tr("New invoice"), self, icon_name="add")
        self.new_button.clicked.connect(lambda: self.new_invoice())
        self.empty = EmptyState("invoices", tr("No invoices yet"))
        self.empty.primary.connect(self._on_empty_primary)
        self.empty.secondary.connect(self.sandbox_asked)
        self.no_hits = EmptyState(
            "no_hits", tr("No invoice fits"), tr("Nothing matches this filter."), primary=tr("Clear filter")
        )
        self.no_hits.primary.connect(self._clear_filter)
        self.list = RecordList(self.table, self.empty, self.no_hits)
        self.detail = InvoiceDetailPane(self.context, self._sync, self)
        self._wire_detail()
        left = Panel(self)
        left.body.addWidget(self.list, 1)
        left.body.addWidget(self._build_bar())
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.setHandleWidth(1)
        self.splitter.addWidget(left)
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.splitterMoved.connect(lambda *_: self._fit())
        left.setMinimumWidth(px(300))
        self.detail.setMinimumWidth(px(300))
        self.detail.hide()
        head = QHBoxLayout()
        head.setContentsMargins(px(24), 0, px(24), px(12))
        head.setSpacing(px(12))
        head.addWidget(self.chips, 1)
        self.export_button = QuietButton(tr("E&xport…"), self)
        self.export_button.clicked.connect(self.export_csv)
        head.addWidget(self.export_button, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.new_button, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(hairline())
        column.addWidget(self.splitter, 1)
        self._folded = self.context.preferences.flag("invoices.detail_folded")
        self._menus["detail"].setChecked(not self._folded)
        saved = self.context.preferences.data("invoices.splitter")
        if saved.isEmpty() or not self.splitter.restoreState(saved):
            self.splitter.setSizes([px(668), px(336)])
        self.splitter.setHandleWidth(1)

    def _build_bar(self) -> QWidget:
        px = theme().px
        self.bar = QWidget(self)
        buttons = QWidget(self.bar)
        around = QHBoxLayout(self.bar)
        around.setContentsMargins(px(16), px(8), px(16), px(8))
        around.addWidget(buttons)
        row = FlowLayout(buttons, px(8))
        self._bar_words = label("", "strong")
        self.bar_sync = QuietButton(tr("Sync selected"))
        self.bar_sent = QuietButton(tr("Mark as sent"))
        self.bar_clear = IconButton("close", tr("Clear selection"))
        self.bar_sync.clicked.connect(self.sync_selected)
        self.bar_sent.clicked.connect(lambda: self.mark_sent(self.selected()))
        self.bar_clear.clicked.connect(self._on_clear)
        self._bar_words.setMinimumHeight(self.bar_sync.sizeHint().height())
        for part in (self._bar_words, self.bar_sync, self.bar_sent, self.bar_clear):
            row.addWidget(part)
        self.bar.hide()
        return self.bar

    def _wire_detail(self) -> None:
        pane = self.detail
        pane.edit_asked.connect(self.edit)
        pane.payment_asked.connect(self.record_payment)
        pane.sent_asked.connect(lambda each: self.mark_sent([each]))
        pane.paid_asked.connect(self.mark_paid)
        pane.void_asked.connect(self.void)
        pane.delete_asked.connect(self.delete)
        pane.pdf_asked.connect(self.save_pdf)
        pane.payment_removed.connect(self.remove_payment)
        pane.fold_asked.connect(lambda: self._menus["detail"].setChecked(False))
        pane.loaded.connect(self.update_actions)

    def _connect_actions(self) -> None:
        one = self._on_one
        table = {
            "edit": lambda: one(self.edit),
            "mark_sent": lambda: self.mark_sent(self.selected()),
            "sync": self.sync_selected,
            "record_payment": lambda: one(self.record_payment),
            "mark_paid": lambda: one(self.mark_paid),
            "pdf": lambda: one(self.save_pdf),
            "void": lambda: one(self.void),
            "delete": lambda: one(self.delete),
        }
        for name, act in table.items():
            self._menus[name].triggered.connect(lambda _on=False, act=act: act())
        self._menus["detail"].toggled.connect(self._on_fold)

    # -- reading ------------------------------------------------------------------------------

    async def _read(self, round_: int, touched: frozenset[Change]) -> None:
        """The rows first, the figures on the chips after they stand: counting takes longer than listing."""
        core, company, today = self.context.core, self.context.company, self.context.today()
        wanted = queries.InvoiceFilter(self.chips.current, self._text, today)
        ids = await core.ask(queries.invoice_ids, wanted, self._sort, company)
        synced = company is not None and await core.ask(queries.has_synced_invoice, company)
        if round_ != self._loading:  # a later question is under way
            return
        self._show(touched, ids, synced)
        counts = await core.ask(queries.invoice_counts, company, today)
        if round_ == self._loading:
            self._show_counts(counts)

    def _show_counts(self, counts: dict[Chip, int]) -> None:
        self.chips.set_counts({str(key): count for key, count in counts.items()})
        self.chips.set_chip_visible(Chip.NOT_SYNCED, self._synced_before)
        self.chips.set_chip_visible(Chip.NEEDS_YOU, self._synced_before or counts.get(Chip.NEEDS_YOU, 0) > 0)

    def _show(self, touched: frozenset[Change], ids: array[int], synced: bool) -> None:
        self.on_reading(None)
        self._synced_before = synced
        if ids == self.model.ids and touched and (len(ids) < MANY or self._only_invoices(touched)):
            self.model.rows_changed(self._rows_of(touched, ids))
        else:
            place = self.table.verticalScrollBar().value()
            self.model.set_ids(ids)
            self.table.verticalScrollBar().setValue(place)
        self._words_when_empty()
        self.list.show_rows(filtered=bool(self._text) or self.chips.current != Chip.ALL)
        self.new_button.set_filled(self.list.face != "empty")
        self._fit()
        self._show_wanted()
        if self.detail.shown is not None:
            self.detail.reload()
        self._on_selection()

    def _rows_of(self, touched: frozenset[Change], ids: array) -> list[int]:  # type: ignore[type-arg]
        """Which rows to paint again: those named, or all where something else has changed."""
        if self._only_invoices(touched):
            return [change.local_id for change in touched if change.kind == "invoice"]
        return list(ids)

    def _only_invoices(self, touched: frozenset[Change]) -> bool:
        """Whether the invoices that changed are named; 0 stands for any of them."""
        return all(change.kind in ("invoice", "outbox", "notification") and change.local_id for change in touched)

    def _show_wanted(self) -> None:
        if self._wanted is None and self.model.rowCount() and not self._cleared:
            if not self.selected():
                first = self.table.current_id()
                first = first if first is not None else self.model.id_at(0)
                self.table.select_ids([first], first)
            return
        wanted = self._wanted
        if wanted is not None and self.model.row_of(wanted) is not None:
            self._wanted = None
            self.table.select_ids([wanted], wanted)
            self.table.scrollTo(self.table.currentIndex())

    def _on_empty_primary(self) -> None:
        if self.context.connection is None:
            self.context.go(settings("integrations"))
        else:
            self.new_invoice()

    @property
    def _is_practice(self) -> bool:
        """The services are imitated already: nothing real can be touched from here."""
        return bool(self.context.core.options.addresses)

    def _words_when_empty(self) -> None:
        calm = self.chips.current == Chip.NEEDS_YOU and not self._text
        self.no_hits.set_text(
            tr("No invoice needs you") if calm else tr("No invoice fits"),
            tr("Whatever else does is in the bell.") if calm else tr("Nothing matches this filter."),
        )
        self.no_hits.primary_button.setText(tr("Show all invoices") if calm else tr("Clear filter"))
        if self.context.connection is None:
            self.empty.set_text(
                tr("Write invoices here, keep your books there"),
                tr("BlueClerk sends your invoices and payments to your accounting service, each exactly once."),
            )
            texts = (tr("Connect your accounting"), "" if self._is_practice else tr("Try it with a sandbox company"))
        else:
            self.empty.set_text(
                tr("No invoices yet"),
                tr("Once you mark one as sent, it appears in {service} by itself.", service=self.context.service)
                if self.context.connection.switches.auto
                else tr(
                    "Auto-Sync is off: what you mark as sent goes to {service} when you press Sync Now.",
                    service=self.context.service,
                ),
            )
            texts = (tr("New invoice"), "")
        for button, text in zip((self.empty.primary_button, self.empty.secondary_button), texts, strict=True):
            button.setText(text)
            button.setVisible(bool(text))

    # -- reacting -----------------------------------------------------------------------------

    def _on_clear(self) -> None:
        self._cleared = True
        self.table.clearSelection()

    def _on_selection(self) -> None:
        ids = self.selected()
        self._cleared = self._cleared and not ids
        several = len(ids) > 1
        self.bar.setVisible(several)
        if several:
            self._bar_words.setText(tr("{count} selected", count=formats.number(len(ids))))
        if not self._folded and len(ids) == 1:
            self.detail.show_invoice(ids[0])
            if self.detail.isHidden():
                self.detail.show()
                QTimer.singleShot(0, self._fit)
        elif not several:
            self.detail.clear()
            self.detail.hide()
            self._fit()
        self.update_actions()

    def update_actions(self) -> None:
        """Offer what can be done with the selection; among very many, anything may be."""
        ids = self.selected()
        if len(ids) > LOOKED_AT:
            self._offer(ids, set(InvoiceView))
        else:
            self._with_rows(ids, lambda rows: self._offer(ids, {row.view for row in rows}, any(map(_may_edit, rows))))

    def _offer(self, ids: list[int], views: set[InvoiceView], editable: bool = False) -> None:
        if ids != self.selected():
            return  # another selection by now, of which the rows are on their way
        one = len(ids) == 1
        owed = bool(views & {InvoiceView.SENT, InvoiceView.PARTLY_PAID, InvoiceView.OVERDUE})
        connected = self.context.connection is not None and not self._sync.is_working
        sendable = bool(views - {InvoiceView.DRAFT})
        self.bar_sync.setEnabled(connected and sendable)
        self.bar_sent.setEnabled(InvoiceView.DRAFT in views)
        self._menus.enable(
            edit=one and editable,
            mark_sent=InvoiceView.DRAFT in views,
            sync=connected and sendable,
            record_payment=one and owed,
            mark_paid=one and owed,
            pdf=one,
            void=one and bool(views & {InvoiceView.SENT, InvoiceView.OVERDUE}),
            delete=one and views == {InvoiceView.DRAFT},
        )
        action = self._menus["sync"]
        service = self.context.service or tr("accounting")
        shown = self.detail.shown
        linked = one and shown is not None and shown.row.id == ids[0] and bool(shown.external_id)
        action.setText(
            tr("&Resync to {service}", service=service) if linked else tr("&Sync to {service}", service=service)
        )

    def _on_activated(self, invoice_id: int) -> None:
        self._with_rows([invoice_id], lambda rows: self.edit(invoice_id) if any(map(_may_edit, rows)) else None)

    def _on_sort(self, key: str, descending: bool) -> None:
        if (key, descending) == tuple(self._sort):
            return  # Qt asks twice for one click
        self._take_sort(key, descending)
        self.reload()

    def _take_sort(self, key: str, descending: bool) -> None:
        self._sort = queries.Sort(key, descending)

    def _on_fold(self, shown: bool) -> None:
        self._folded = not shown
        self.context.preferences.keep("invoices.detail_folded", self._folded)
        if self._folded:
            self.detail.hide()
        self._on_selection()
        self._fit()

    def _on_connection_changed(self) -> None:
        self._stale = True
        if self.isVisible():
            self.reload()

    def _on_working(self, _busy: bool) -> None:
        self.update_actions()
        self.detail.update_buttons()

    def _on_context_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in ("edit", "mark_sent", "sync", None, "record_payment", "mark_paid", None, "pdf", "void", "delete"):
            if name is None:
                menu.addSeparator()
            else:
                menu.addAction(self._menus[name])
        menu.popup(self.table.viewport().mapToGlobal(place))

    def _on_saved(self, invoice_id: int, sent: bool) -> None:
        self.select(invoice_id)
        if sent:
            auto = self.context.connection is not None and self.context.connection.switches.auto
            self.context.toast(
                tr("Saved and marked as sent. It goes to {service} by itself.", service=self.context.service)
                if auto
                else tr("Saved and marked as sent.")
            )
        else:
            self.context.toast(tr("Saved."))

    def _on_payment_recorded(self, payment_id: int) -> None:
        self._offer_undo(tr("Payment recorded."), payment_id)

    def _offer_undo(self, sentence: str, payment_id: int) -> None:
        def undo() -> None:
            self._do(self.context.core.do(payments.remove_payment, payment_id))

        self.context.toast(sentence, tr("Undo"), undo)

    def _on_one(self, act: Callable[[int], object]) -> None:
        ids = self.selected()
        if len(ids) == 1:
            act(ids[0])

    def _clear_filter(self) -> None:
        self.chips.choose(Chip.ALL)
        self._text = ""
        self.context.go(Route("invoices", filter=Chip.ALL))

    def _number(self, invoice_id: int) -> str:
        shown = self.detail.shown
        row = shown.row if shown is not None and shown.row.id == invoice_id else self.model.record(invoice_id)
        return row.number if row is not None else ""

    def _with_rows(self, ids: list[int], then: Callable[[list[InvoiceRow]], object]) -> None:
        self.model.with_records([row for row in map(self.model.row_of, ids) if row is not None], then)

    # -- work ---------------------------------------------------------------------------------

    def _do(self, work, success: Callable[..., object] | None = None) -> None:  # noqa: ANN001
        operations.run(self, work, success=success, failure=self.context.show_problem)

    async def _mark_all_sent(self, ids: list[int]) -> None:
        done, last = 0, None
        for each in ids:
            try:
                await self.context.core.do(invoices.mark_sent, each)
                done += 1
            except BlueClerkError as problem:
                last = problem
        if done:
            self.context.toast(
                tr("Marked as sent.") if done == 1 else tr("{count} invoices marked as sent.", count=done)
            )
        elif last is not None:
            raise last

    def _ask_then(self, title: str, text: str, accept: str, act: Callable, said: str) -> None:  # type: ignore[type-arg]
        async def work() -> None:
            if await dialogs.ask(self, title, text, accept, destructive=True):
                await act()
                self.context.toast(said)

        self._do(work())

    def _write_pdf(self, path: Path) -> None:
        shown = self.detail.shown
        if shown is None:
            return
        company = self.context.connection.company_name if self.context.connection is not None else ""
        try:
            write_pdf(shown, path, company)
        except OSError as problem:
            self.context.show_problem(
                BlueClerkError(tr("The PDF could not be written."), tr("Choose another place."), details=str(problem))
            )
            return
        self.context.toast(tr("Saved as {name}.", name=path.name), tr("Open"), partial(_open_file, path))

    # -- room ---------------------------------------------------------------------------------

    def eventFilter(self, watched, event) -> bool:  # noqa: ANN001
        if event.type() == QEvent.Type.Resize and watched is self.table.viewport():
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        """Let columns go while the list is too narrow for all: what remains is never cut off."""
        px = theme().px
        never = () if self._synced_before else (SYNC,)
        slim = (SYNC, px(SIGN_ROOM), px(LEAST_NAME_ROOM))
        self.table.make_room(GIVING_WAY, CUSTOMER, px(NAME_ROOM), never, slim=slim)

    def remember(self) -> None:
        """Keep the place of the splitter, the columns and the sorting for the next start."""
        self.context.preferences.keep("invoices.table", self.table.save_state())
        self.context.preferences.keep("invoices.splitter", self.splitter.saveState())


def _owed(row: queries.InvoiceRow) -> str:
    """What is still to come in; nothing beside a draft, where "0.00" would look like what it is worth."""
    return "" if row.view is InvoiceView.DRAFT else formats.amount(row.balance, row.currency)


def _may_edit(row: InvoiceRow) -> bool:
    return row.view is not InvoiceView.VOID and not row.from_service


def _open_file(path: Path) -> None:
    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QDesktopServices

    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
