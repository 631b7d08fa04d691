"""One invoice beside the list: where it stands, what it holds, what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QMenu, QScrollArea, QVBoxLayout, QWidget

from desktop.books import queries
from desktop.errors import NotAllowed
from desktop.models.states import InvoiceStatus, InvoiceView, SyncState
from desktop.providers.records import Kind
from desktop.text import tr
from desktop.ui import formats, operations, words
from desktop.ui.buttons import IconButton, QuietButton
from desktop.ui.context import Context
from desktop.ui.flow_layout import FlowLayout
from desktop.ui.labels import ElidedLabel, IdLink, LinkLabel, label
from desktop.ui.layouts import clear
from desktop.ui.panels import Panel, hairline
from desktop.ui.routes import Route
from desktop.ui.status import Status, StatusPill
from desktop.ui.sync_actions import SyncActions
from desktop.ui.sync_card import SyncCard
from desktop.ui.theme import theme
from desktop.ui.ways_out import WaysOut, act, record_url, show_both_sides, ways_out

SHORT_ID = 20
"""Characters of an id that fit beside its name."""
OWED = {InvoiceView.SENT, InvoiceView.PARTLY_PAID, InvoiceView.OVERDUE}


class InvoiceDetailPane(Panel):
    """Shows one invoice; everything it offers is asked of the page through signals."""

    edit_asked = Signal(int)
    payment_asked = Signal(int)
    sent_asked = Signal(int)
    paid_asked = Signal(int)
    void_asked = Signal(int)
    delete_asked = Signal(int)
    pdf_asked = Signal(int)
    payment_removed = Signal(int)
    fold_asked = Signal()
    loaded = Signal()
    """What is shown is up to date now."""

    def __init__(self, context: Context, sync: SyncActions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._sync = context, sync
        self.shown: queries.InvoiceDetail | None = None
        self._wanted: int | None = None
        self._round = 0
        self._url: str | None = None
        self._ways = WaysOut()
        self.setAccessibleName(tr("Invoice details"))
        self._build()

    # -- showing ------------------------------------------------------------------------------

    def show_invoice(self, invoice_id: int) -> None:
        """Read this invoice and show it; nothing happens if it is shown already."""
        if invoice_id != self._wanted:
            self._wanted = invoice_id
            self.reload()

    def reload(self) -> None:
        """Read again what is shown."""
        if self._wanted is None:
            return
        self._round += 1
        round_, wanted = self._round, self._wanted
        operations.run(
            self, self._read(wanted), success=lambda found: self._show(round_, *found), failure=self._on_failed
        )

    def clear(self) -> None:
        """Show nothing."""
        self._round += 1
        self._wanted = self.shown = None

    async def _read(self, invoice_id: int) -> tuple[queries.InvoiceDetail, str | None]:
        context = self._context
        detail = await context.core.ask(queries.invoice_detail, invoice_id, context.company, context.today())
        url = await record_url(context, Kind.INVOICE, detail.external_id)
        return detail, url

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, NotAllowed):  # it was deleted meanwhile: the list shows that
            self.clear()
            self.hide()
        else:
            self._context.show_problem(error, self.reload)

    def _show(self, round_: int, detail: queries.InvoiceDetail, url: str | None) -> None:
        if round_ != self._round:
            return
        before = self.shown
        self.shown, self._url = detail, url
        row = detail.row
        self.number.setText(row.number)
        self.status.set_status(words.invoice_status(row.view))
        self.customer.setText(row.customer_name.replace("&", "&&"))
        self.customer.setAccessibleName(row.customer_name)
        due = tr(" · due {day}", day=formats.short_date(row.due_on, self._context.today())) if row.due_on else ""
        self.dates.setText(formats.short_date(row.issued_on, self._context.today()) + due)
        self.origin.setVisible(row.from_service)
        self.origin.set_status(Status(tr("From {service}", service=self._context.service or tr("the service"))))
        self.amount.setText(formats.money(row.total, row.currency))
        self.open_amount.setText(self._owed(row))
        self.open_amount.setVisible(bool(self.open_amount.text()))
        self._show_card(detail)
        self._fill_body(detail)
        self.update_buttons()
        if before is None or before.row.id != row.id:
            self._scroll.verticalScrollBar().setValue(0)
        self.loaded.emit()

    def _owed(self, row: queries.InvoiceRow) -> str:
        if row.view not in OWED:
            return ""
        if not row.paid:
            return tr("not paid yet")
        return tr("{amount} still owed", amount=formats.money(row.balance, row.currency))

    # -- building -----------------------------------------------------------------------------

    def _build(self) -> None:
        px = theme().px
        self.number = label("", "title")
        self.number.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.status = StatusPill()
        fold = IconButton("close", tr("Fold the detail pane"), self)
        fold.clicked.connect(self.fold_asked)
        top = QHBoxLayout()
        top.setSpacing(px(8))
        top.addWidget(self.number)
        top.addWidget(self.status)
        top.addStretch(1)
        self.more_button = IconButton("more", tr("More"), self)
        top.addWidget(self.more_button)
        top.addWidget(fold)
        self.customer = LinkLabel("")
        self.customer.setStyleSheet("padding: 0; border-left: 0")  # in line with the text above and below
        self.customer.clicked.connect(self._on_customer)
        self.dates = label("", "secondary")
        self.origin = StatusPill()
        self.origin.setToolTip(tr("Written there: change it there, the change arrives with the next sync."))
        self.origin.hide()
        self.amount = label("", "title")
        self.open_amount = label("", "secondary")
        amounts = QHBoxLayout()
        amounts.setSpacing(px(8))
        amounts.addWidget(self.amount)
        amounts.addWidget(self.open_amount, 0, Qt.AlignmentFlag.AlignBottom)
        amounts.addStretch(1)
        self.card = SyncCard()
        self.card.acted.connect(self._on_card)
        self._buttons_box = QWidget()
        self._buttons = FlowLayout(self._buttons_box, px(8))
        self._buttons.setContentsMargins(0, 0, 0, 0)
        self.sync_button = QuietButton("", icon_name="syncing")
        self.send_button = QuietButton(tr("Mark as sent"), icon_name="send")
        self.pay_button = QuietButton(tr("Record payment"))
        self.pdf_button = QuietButton(tr("PDF"))
        self.edit_button = QuietButton(tr("Edit"))
        self.sync_button.clicked.connect(lambda: self._sync.sync_invoices([self._id]))
        self.send_button.clicked.connect(lambda: self.sent_asked.emit(self._id))
        self.pay_button.clicked.connect(lambda: self.payment_asked.emit(self._id))
        self.pdf_button.clicked.connect(lambda: self.pdf_asked.emit(self._id))
        self.edit_button.clicked.connect(lambda: self.edit_asked.emit(self._id))
        self.more_button.clicked.connect(self._on_more)
        self._ordered = (
            self.send_button,
            self.sync_button,
            self.pay_button,
            self.edit_button,
            self.pdf_button,
        )
        for button in self._ordered:
            self._buttons.addWidget(button)
        self._body = QWidget()
        self._inner = QVBoxLayout(self._body)
        self._inner.setContentsMargins(0, 0, 0, 0)
        self._inner.setSpacing(px(16))
        content = QWidget()
        content.setProperty("role", "plain")
        column = QVBoxLayout(content)
        column.setContentsMargins(px(20), px(12), px(20), px(20))
        column.setSpacing(px(12))
        who = QVBoxLayout()
        who.setSpacing(0)
        who.addWidget(self.customer)
        under = QHBoxLayout()
        under.setSpacing(px(8))
        under.addWidget(self.dates)
        under.addWidget(self.origin)
        under.addStretch(1)
        who.addLayout(under)
        column.addLayout(top)
        column.addLayout(who)
        column.addLayout(amounts)
        column.addWidget(self.card)
        column.addWidget(self._buttons_box)
        column.addWidget(self._body)
        column.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(content)
        self._scroll.viewport().setAutoFillBackground(False)
        content.setAutoFillBackground(False)
        self.body.addWidget(self._scroll)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(336), theme().px(600))

    # -- the card -----------------------------------------------------------------------------

    def _show_card(self, detail: queries.InvoiceDetail) -> None:
        row, trouble = detail.row, detail.trouble
        service = self._context.service
        state = row.sync
        self._ways = WaysOut()
        if self._context.connection is None or row.view is InvoiceView.DRAFT:
            self.card.hide()
            return
        advice = details = ""
        if trouble is not None and state in (SyncState.NEEDS_YOU, SyncState.CONFLICT):
            self._ways = ways_out(trouble, "invoice", row.id, service, self._url)
            sentence, advice, details = trouble.title, self._ways.advice or trouble.advice, trouble.details
        else:
            sentence = words.sync_reason(
                state, detail.agreed_at or row.sync_at, row.sync_title, self._context.now(), service
            )
            if row.from_service and state is SyncState.SYNCED:
                sentence = tr("In sync with {service}.", service=service)
            if trouble is not None and trouble.until is not None:
                until = formats.until(trouble.until, self._context.now())
                advice = tr("Goes on {until}.", until=until)
        buttons = self._ways.buttons
        self.card.show_state(words.sync_status(state), sentence, advice, buttons=buttons, details=details)
        self.card.show()
        show_both_sides(self, self.card, self._context, self._ways, trouble, row.currency)

    def _on_card(self, key: str) -> None:
        detail = self.shown
        if detail is None or act(key, self._ways, self._context, self._sync, self.card.marked):
            return
        if key == "number":
            self._context.go(Route("invoices", kind="invoice", record_id=detail.row.id, field="number"))
        elif self._ways.fix is not None and self._ways.fix.action == "link_invoice":
            self._sync.link_to_existing(detail.row.id)

    # -- the body -----------------------------------------------------------------------------

    def _fill_body(self, detail: queries.InvoiceDetail) -> None:
        clear(self._inner)
        for section in (
            self._lines(detail),
            self._payments(detail),
            self._facts(detail),
            self._history(detail),
        ):
            if section is not None:
                self._inner.addWidget(section)

    def _lines(self, detail: queries.InvoiceDetail) -> QWidget:
        box, grid = _section(tr("1 line") if len(detail.lines) == 1 else tr("{n} lines", n=len(detail.lines)))
        currency = detail.row.currency
        at = 1
        for line in detail.lines[:100]:
            name = line.description or line.item_name if line.free_text else line.item_name
            grid.addWidget(label(name, wrap=True), at, 0)
            grid.addWidget(_right(formats.amount(line.amount, currency)), at, 1, Qt.AlignmentFlag.AlignTop)
            parts = [f"{formats.decimal(line.quantity)} × {formats.decimal(line.unit_price, 2)}"]
            if line.tax_rate:
                parts.append(tr("{rate} % tax", rate=formats.decimal(line.tax_rate)))
            if line.description and not line.free_text and line.description != line.item_name:
                parts.append(line.description.replace("\n", " "))
            grid.addWidget(label(" · ".join(parts), "hint", wrap=True), at + 1, 0, 1, 2)
            at += 2
        if len(detail.lines) > 100:
            more = tr("and {count} more lines, in the PDF", count=len(detail.lines) - 100)
            grid.addWidget(label(more, "hint"), at, 0, 1, 2)
            at += 1
        grid.addWidget(hairline(), at, 0, 1, 2)
        sums = []
        if detail.discount or detail.tax:
            sums.append((tr("Subtotal"), detail.subtotal, "secondary"))
        if detail.discount:
            percent = detail.discount_percent
            words_ = tr("Discount {rate} %", rate=formats.decimal(percent)) if percent else tr("Discount")
            sums.append((words_, -detail.discount, "secondary"))
        if detail.tax:
            sums.append((tr("Tax"), detail.tax, "secondary"))
        sums.append((tr("Total"), detail.row.total, "strong"))
        if detail.row.paid:
            sums.append((tr("Paid"), -detail.row.paid, "secondary"))
            sums.append((tr("Balance"), detail.row.balance, "strong"))
        for place, (text, value, role) in enumerate(sums, at + 1):
            grid.addWidget(label(text, role), place, 0)
            grid.addWidget(_right(formats.amount(value, currency), role), place, 1)
        return box

    def _payments(self, detail: queries.InvoiceDetail) -> QWidget | None:
        if detail.status is InvoiceStatus.DRAFT:
            return None
        box, grid = _section(tr("Payments"))
        if not detail.payments:
            grid.addWidget(label(tr("None yet."), "secondary"), 1, 0)
        connected = self._context.connection is not None
        for place, one in enumerate(detail.payments):
            at = 1 + 2 * place
            day = formats.short_date(one.paid_on, self._context.today())
            text = f"{day} · {words.payment_method(one.method)}" + (f" · {one.reference}" if one.reference else "")
            grid.addWidget(label(text, wrap=True), at, 0)
            grid.addWidget(_right(formats.amount(one.amount, detail.row.currency)), at, 1)
            under = QHBoxLayout()
            under.setSpacing(theme().px(8))
            if connected:
                pill = StatusPill(words.sync_status(one.sync))
                under.addWidget(pill)
            if one.from_service:
                under.addWidget(label(tr("From {service}", service=self._context.service), "hint"))
            elif one.external_id:
                under.addWidget(label(f"{self._context.service} {one.external_id}", "hint"))
            under.addStretch(1)
            if not one.from_service:
                remove = IconButton("delete", tr("Remove this payment"))
                remove.clicked.connect(lambda _on=False, each=one.id: self.payment_removed.emit(each))
                under.addWidget(remove)
            grid.addLayout(under, at + 1, 0, 1, 2)
        return box

    def _facts(self, detail: queries.InvoiceDetail) -> QWidget | None:
        service = self._context.service
        if not detail.external_id and not detail.note:
            return None
        box, grid = _section(tr("In {service}", service=service) if detail.external_id else tr("Note"))
        at = 1
        if detail.external_id:
            grid.addWidget(label(tr("Invoice id"), "secondary"), at, 0)
            wide = len(detail.external_id) > SHORT_ID  # under its name, then
            at += wide
            column, columns = (0, 2) if wide else (1, 1)
            if self._url:
                link = IdLink(detail.external_id)
                link.setAccessibleName(tr("Open {id} in {service}", id=detail.external_id, service=service))
                link.clicked.connect(self._open_remote)
                grid.addWidget(link, at, column, 1, columns, Qt.AlignmentFlag.AlignRight)
                self.remote_link: LinkLabel | None = link
            else:
                shown = ElidedLabel(detail.external_id)
                shown.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                grid.addWidget(shown, at, column, 1, columns)
            at += 1
        if detail.note:
            grid.addWidget(label(detail.note, "secondary", wrap=True), at, 0, 1, 2)
        return box

    def _history(self, detail: queries.InvoiceDetail) -> QWidget | None:
        lines = [(one.at, history_words(one, self._context.service)) for one in detail.history[:20]]
        if detail.sent_at is not None:
            lines.append((detail.sent_at, tr("Marked as sent")))
        if not lines:
            return None
        box, grid = _section(tr("History"))
        for place, (at, text) in enumerate(sorted(lines, key=lambda pair: pair[0], reverse=True), 1):
            grid.addWidget(label(text, wrap=True), place, 0)
            grid.addWidget(_right(formats.when(at, self._context.now()), "hint"), place, 1, Qt.AlignmentFlag.AlignTop)
        return box

    # -- buttons ------------------------------------------------------------------------------

    @property
    def _id(self) -> int:
        return self.shown.row.id if self.shown is not None else 0

    def update_buttons(self) -> None:
        """Which buttons are there, and which can be pressed, for what is shown and going on now."""
        detail = self.shown
        if detail is None:
            return
        row = detail.row
        connected = self._context.connection is not None
        self.send_button.setVisible(row.view is InvoiceView.DRAFT)
        self.pay_button.setVisible(row.view in OWED)
        self.edit_button.setVisible(row.view is not InvoiceView.VOID and not row.from_service)
        offered = not self.card.isHidden() and "resync" in self.card.buttons  # once is enough
        self.sync_button.setVisible(connected and row.view is not InvoiceView.DRAFT and not offered)
        service = self._context.service
        text = (
            tr("Resync to {service}", service=service)
            if detail.external_id
            else tr("Sync to {service}", service=service)
        )
        self.sync_button.setText(text.replace("&", "&&"))
        self.sync_button.setAccessibleName(text)
        self.sync_button.setEnabled(not self._sync.is_working)
        self.card.set_enabled(not self._sync.is_working)
        self._buttons_box.setMinimumHeight(self._buttons.heightForWidth(max(1, self._buttons_box.width())))

    def resizeEvent(self, event) -> None:  # noqa: ANN001
        super().resizeEvent(event)
        self._buttons_box.setMinimumHeight(self._buttons.heightForWidth(max(1, self._buttons_box.width())))

    def _on_more(self) -> None:
        detail = self.shown
        if detail is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if detail.row.view in OWED:
            menu.addAction(tr("Mark paid"), lambda: self.paid_asked.emit(self._id))
        if self._url:
            menu.addAction(tr("Open in {service}", service=self._context.service), self._open_remote)
        if detail.row.view is InvoiceView.DRAFT:
            menu.addAction(tr("Delete draft…"), lambda: self.delete_asked.emit(self._id))
        elif detail.row.view is not InvoiceView.VOID and not detail.row.from_service:
            menu.addAction(tr("Void…"), lambda: self.void_asked.emit(self._id))
        if not menu.isEmpty():
            menu.popup(self.more_button.mapToGlobal(self.more_button.rect().bottomLeft()))

    def _on_customer(self) -> None:
        if self.shown is not None:
            self._context.go(Route("customers", kind="customer", record_id=self.shown.row.customer_id))

    def _open_remote(self) -> None:
        if self._url:
            QDesktopServices.openUrl(self._url)


def history_words(row: queries.HistoryRow, service: str) -> str:
    """What happened, in the owner's words."""
    what = tr("Payment") if row.kind == "payment" else tr("Invoice")
    name = service or tr("the service")
    if row.result in ("refused", "failed"):
        return tr("{what} not accepted: {why}", what=what, why=row.message or tr("no reason given"))
    if row.result == "in_doubt":
        return tr("{what} sent, no answer yet", what=what)
    if row.direction == "in":
        came = {
            "create": tr("{what} came from {service}", what=what, service=name),
            "update": tr("{what} changed in {service}", what=what, service=name),
            "void": tr("{what} taken back in {service}", what=what, service=name),
        }
        if row.action in came:
            return came[row.action]
    done = {
        "create": tr("{what} sent to {service}", what=what, service=name),
        "update": tr("{what} brought up to date in {service}", what=what, service=name),
        "void": tr("{what} made void in {service}", what=what, service=name),
        "delete": tr("{what} removed in {service}", what=what, service=name),
        "link": tr("{what} linked to the one in {service}", what=what, service=name),
        "adopt": tr("{what} found in {service} and linked", what=what, service=name),
    }
    return done.get(row.action, row.message or what)


def _section(title: str) -> tuple[QWidget, QGridLayout]:
    px = theme().px
    box = QWidget()
    grid = QGridLayout(box)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(px(12))
    grid.setVerticalSpacing(px(4))
    grid.setColumnStretch(0, 1)
    head = label(title, "strong")
    grid.addWidget(head, 0, 0, 1, 2)
    box.setAccessibleName(title)
    return box, grid


def _right(text: str, role: str = "") -> QWidget:
    made = label(text, role)
    made.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return made
