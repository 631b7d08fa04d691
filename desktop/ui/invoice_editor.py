"""Writing an invoice: customer, lines, discount, and the total as it will be booked."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.books import invoices, queries
from desktop.books.desk import Desk
from desktop.books.drafts import InvoiceDraft
from desktop.books.invoices import company_rounding, next_number
from desktop.books.queries import Choice
from desktop.books.totals import Line, Rounding, Totals, compute
from desktop.errors import InputError
from desktop.models.states import InvoiceStatus
from desktop.money import ZERO
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.banner import Banner
from desktop.ui.buttons import QuietButton
from desktop.ui.choice_edit import ChoiceEdit
from desktop.ui.closed_period import ClosedPeriodWarning
from desktop.ui.context import Context
from desktop.ui.date_field import DateField
from desktop.ui.editor_dialog import EditorDialog
from desktop.ui.form_field import FormField
from desktop.ui.invoice_lines import InvoiceLines
from desktop.ui.labels import label
from desktop.ui.money_edit import QuantityEdit
from desktop.ui.panels import hairline
from desktop.ui.theme import theme

TERM = timedelta(days=30)


class InvoiceEditor(EditorDialog):
    """For a new invoice (no `invoice_id`) or an existing one; at `field` if one is named."""

    help_topic = "invoice_editor"

    saved = Signal(int, bool)
    """(id, whether it was marked as sent)."""
    ready = Signal()
    """Everything is loaded and can be edited."""

    def __init__(
        self,
        context: Context,
        parent: QWidget | None = None,
        *,
        invoice_id: int | None = None,
        customer_id: int | None = None,
        field: str = "",
    ) -> None:
        title = tr("Edit invoice") if invoice_id is not None else tr("New invoice")
        super().__init__(context, title, parent)
        self._invoice_id, self._customer_id, self._field = invoice_id, customer_id, field
        self._rounding = Rounding.ON_TOTAL
        self._currency = context.currency
        self._is_draft = True
        self._number = ""
        self.totals: Totals | None = None
        self._build(title)
        px = theme().px
        self.resize(px(940), px(680))
        self.setMinimumSize(px(720), px(480))
        for button in (self.save_button, self.send_button):
            button.setEnabled(False)
        operations.run(self, self._load(), success=lambda _: self._begin(), failure=self.show_failure)

    # -- building -----------------------------------------------------------------------------

    def _build(self, title: str) -> None:
        px = theme().px
        today = self.context.today()
        self.customer = ChoiceEdit(self._find_customers, new_words="Add “{text}” as a new customer")
        self.customer.setPlaceholderText(tr("Type any part of the name"))
        self.customer.chosen.connect(self._on_customer)
        self.customer.new_asked.connect(self._on_new_customer)
        self.issued = DateField(today)
        self.due = DateField(today)
        self.due.set_value(today + TERM)
        self._due_follows = True
        self.issued.date_chosen.connect(self._on_issued)
        self.due.date_chosen.connect(self._on_due)
        self.number = QLineEdit()
        self.number.setMaxLength(40)
        self.fields = {
            "customer_id": FormField(tr("&Customer"), self.customer),
            "number": FormField(tr("N&umber"), self.number),
            "issued_on": FormField(tr("&Date"), self.issued),
            "due_on": FormField(tr("D&ue"), self.due),
        }
        top = QGridLayout()
        top.setHorizontalSpacing(px(12))
        for place, (name, stretch) in enumerate((("customer_id", 5), ("number", 2), ("issued_on", 2), ("due_on", 2))):
            top.addWidget(self.fields[name], 0, place)
            top.setColumnStretch(place, stretch)
        self.warning = Banner(self, closable=False)
        self.closed_warning = ClosedPeriodWarning(self.context, self)
        self.lines = InvoiceLines(self.context)
        self.lines.changed.connect(self._add_up)
        self.note = QPlainTextEdit()
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(px(72))
        self.fields["note"] = FormField(tr("&Note for the customer"), self.note)
        self.discount = QuantityEdit()
        self.discount_kind = QComboBox()
        self.discount_kind.addItem(tr("%"), "percent")
        self.discount_kind.addItem(self._currency, "amount")
        self.discount_kind.setAccessibleName(tr("Discount in"))
        self.discount.value_changed.connect(self._add_up)
        self.discount_kind.currentIndexChanged.connect(lambda _n: self._add_up())
        self.fields["discount"] = FormField(tr("Di&scount"), self.discount)
        self.form.addWidget(label(title, "section"))
        self.form.addLayout(top)
        self.form.addWidget(self.closed_warning)
        self.form.addWidget(hairline())
        self.form.addWidget(self.lines)
        self.form.addWidget(hairline())
        bottom = QHBoxLayout()
        bottom.setSpacing(px(24))
        beside = QVBoxLayout()  # beside the totals there is room: the lines stay where the eye and the hand are
        beside.setSpacing(px(12))
        beside.addWidget(self.fields["note"])
        beside.addWidget(self.warning)
        beside.addStretch(1)
        bottom.addLayout(beside, 5)
        bottom.addLayout(self._build_totals(), 4)
        self.form.addLayout(bottom)
        self.form.addStretch(1)
        self.send_button = QuietButton(tr("Save and mark as s&ent"), icon_name="send")
        self.send_button.clicked.connect(lambda: self.start_saving(send=True))
        self.foot.insertWidget(self.foot.count() - 1, self.send_button)

    def _build_totals(self) -> QVBoxLayout:
        px = theme().px
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(12))
        grid.setVerticalSpacing(px(6))
        grid.setColumnStretch(0, 1)
        self.sums = {}
        for place, (name, words, role) in enumerate(
            (
                ("subtotal", tr("Subtotal"), "secondary"),
                ("discount", tr("Discount"), "secondary"),
                ("tax", tr("Tax"), "secondary"),
                ("total", tr("Total"), "section"),
            )
        ):
            value = label("", role)
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            value.setAccessibleName(words)
            grid.addWidget(label(words, role), place, 0)
            grid.addWidget(value, place, 1)
            self.sums[name] = value
        discount = QHBoxLayout()
        discount.setSpacing(px(8))
        discount.addWidget(self.fields["discount"], 1)
        discount.addWidget(self.discount_kind, 0, Qt.AlignmentFlag.AlignBottom)
        column = QVBoxLayout()
        column.setSpacing(px(12))
        column.addLayout(discount)
        column.addLayout(grid)
        column.addStretch(1)
        return column

    def _find_customers(self, text: str) -> Awaitable[Sequence[Choice]]:
        return self.context.core.ask(queries.customer_choices, text)

    # -- loading ------------------------------------------------------------------------------

    async def _load(self) -> None:
        ask, company = self.context.core.ask, self.context.company
        taxes = await ask(queries.tax_choices, company)
        if self._invoice_id is None:
            self._rounding = await ask(company_rounding)
            self.lines.set_up(self._currency, taxes)
            self._number = await ask(next_number)
            self.number.setText(self._number)
            self.lines.add()
            if self._customer_id is not None:
                await self._load_customer(self._customer_id)
            return
        detail = await ask(queries.invoice_detail, self._invoice_id, company)
        draft = await ask(queries.invoice_draft, self._invoice_id)
        self._is_draft = detail.status is InvoiceStatus.DRAFT
        self._rounding = Rounding(detail.rounding)
        self._currency = detail.row.currency
        self.discount_kind.setItemText(1, self._currency)
        self.lines.set_up(self._currency, taxes)
        self._fill(draft, detail)
        self.remember_as_loaded(draft, self.draft)

    def _fill(self, draft: InvoiceDraft, detail: queries.InvoiceDetail) -> None:
        self.customer.set_choice(Choice(draft.customer_id, detail.row.customer_name))
        self._number = draft.number or ""
        self.number.setText(self._number)
        self.issued.set_value(draft.issued_on)
        self.due.set_value(draft.due_on or draft.issued_on)
        self._on_due(self.due.value)
        for line, shown in zip(draft.lines, detail.lines, strict=True):
            self.lines.add(line, shown.item_name)
        self.note.setPlainText(draft.note)
        if draft.discount_percent is not None:
            self.discount.set_value(draft.discount_percent)
        elif draft.discount_amount is not None:
            self.discount_kind.setCurrentIndex(1)
            self.discount.set_value(draft.discount_amount)
        self._on_customer(self.customer.choice)

    async def _load_customer(self, customer_id: int) -> None:
        found = await self.context.core.ask(queries.customer_rows, [customer_id], self.context.company)
        if found:
            self.customer.set_choice(Choice(found[0].id, found[0].name))
            self._on_customer(self.customer.choice)

    def _begin(self) -> None:
        self.send_button.setVisible(self._is_draft)
        self.save_button.setEnabled(True)
        self.send_button.setEnabled(True)
        self._add_up()
        self.closed_warning.check(self.issued.value)
        self.remember_as_saved()
        self._go_to(self._field)
        self.ready.emit()

    def _go_to(self, field: str) -> None:
        if field.startswith("lines") and self.lines.lines:
            self.lines.lines[0].item.setFocus()
        elif field in self.fields:
            target = self.fields[field].field
            target.setFocus(Qt.FocusReason.OtherFocusReason)
            if isinstance(target, QLineEdit):
                target.selectAll()
        elif self.customer.choice is None:
            self.customer.setFocus()
        elif self.lines.lines:
            self.lines.lines[0].item.setFocus()

    # -- reacting -----------------------------------------------------------------------------

    def _on_issued(self, day: date) -> None:
        if self._due_follows:
            self.due.set_value(min(day, date.max - TERM) + TERM)
        self._check_dates()

    def _on_due(self, day: date) -> None:
        """The usual term goes along with the date; a day of the owner's own choice stays, and a promised one too."""
        self._due_follows = self._is_draft and day == self.issued.value + TERM
        self._check_dates()

    def _check_dates(self) -> None:
        early = self.due.value < self.issued.value
        self.fields["due_on"].set_error(tr("The due date lies before the date.") if early else "")
        self.closed_warning.check(self.issued.value)

    def _on_customer(self, choice: Choice | None) -> None:
        self.fields["customer_id"].set_error("")
        self.warning.clear()
        if choice is None or self.context.connection is None:
            return
        operations.run(
            self,
            self.context.core.ask(queries.customer_rows, [choice.id], self.context.company),
            success=lambda rows: self._warn(rows[0]) if rows else None,
            failure=self.show_failure,
        )

    def _warn(self, row: queries.CustomerRow) -> None:
        """The chosen customer is not linked: say what will happen (M151)."""
        connection = self.context.connection
        if row.linked or connection is None:
            return
        values = {"name": row.name, "service": self.context.service}
        if connection.switches.customers:
            text = tr("{name} is not linked to {service} yet, and will be linked or added there.", **values)
            self.warning.show_message(text, status="info")
        else:
            text = tr("{name} is not in {service}, and Sync Customers is off: link this customer first.", **values)
            self.warning.show_message(text, status="wait")

    def _on_new_customer(self, text: str) -> None:
        from desktop.ui.customer_editor import CustomerEditor

        editor = CustomerEditor(self.context, self, name=text)
        editor.saved.connect(self._on_customer_added)
        editor.open()

    def _on_customer_added(self, customer_id: int) -> None:
        operations.run(self, self._load_customer(customer_id), failure=self.show_failure)

    def _add_up(self) -> None:
        counted, places = [], []
        for place, line in enumerate(self.lines.lines):
            if line.quantity.value is not None and line.price.value is not None:
                counted.append(Line(line.quantity.value, line.price.value, line.rate))
                places.append(place)
        percent, amount = self._discount()
        totals = compute(
            counted,
            currency=self._currency,
            discount_percent=percent,
            discount_amount=amount,
            rounding=self._rounding,
        )
        self.totals = totals
        amounts: list[Decimal | None] = [None] * len(self.lines.lines)
        for place, value in zip(places, totals.amounts, strict=True):
            amounts[place] = value
        self.lines.set_amounts(amounts)
        self.sums["subtotal"].setText(formats.amount(totals.subtotal, self._currency))
        self.sums["discount"].setText(formats.amount(-totals.discount if totals.discount else ZERO, self._currency))
        self.sums["tax"].setText(formats.amount(totals.tax, self._currency))
        self.sums["total"].setText(formats.money(totals.total, self._currency))

    def _discount(self) -> tuple[Decimal | None, Decimal | None]:
        value = self.discount.value
        if not value:
            return None, None
        return (value, None) if self.discount_kind.currentData() == "percent" else (None, value)

    # -- saving -------------------------------------------------------------------------------

    def snapshot(self) -> tuple[object, ...]:
        choice = self.customer.choice
        return (
            choice.id if choice is not None else self.customer.text(),
            self.number.text(),
            self.issued.value,
            self.due.value,
            tuple(line.snapshot() for line in self.lines.lines if not line.is_blank),
            self.discount.text(),
            self.discount_kind.currentData() if self.discount.text() else "",
            self.note.toPlainText(),
        )

    def draft(self) -> InvoiceDraft:
        """What is typed. Raises InputError naming the field."""
        choice = self.customer.choice
        if choice is None:
            typed = self.customer.text().strip()
            text = tr("“{name}” is not a customer yet: pick one, or add it.", name=typed) if typed else ""
            raise InputError("customer_id", text or tr("Choose a customer."))
        percent, amount = self._discount()
        number = self.number.text().strip()
        taken = number != self._number or self._invoice_id is not None
        return InvoiceDraft(
            customer_id=choice.id,
            issued_on=self.issued.value,
            due_on=self.due.value,
            lines=self.lines.drafts(),
            discount_percent=percent,
            discount_amount=amount,
            note=self.note.toPlainText(),
            number=number if taken else None,
            currency=self._currency,
        )

    def start_saving(self, *, send: bool = False) -> None:
        self.lines.clear_errors()
        super().start_saving(send=send)

    async def save(self, *, send: bool = False) -> int:
        draft = self.draft()
        invoice_id, laid_over = self._invoice_id, self.laid_over(draft)

        def keep(session, desk: Desk) -> int:  # noqa: ANN001
            if invoice_id is None:
                kept = invoices.create_invoice(session, desk, draft)
            else:
                now = queries.invoice_draft(session, invoice_id)
                invoices.update_invoice(session, desk, invoice_id, laid_over(now))
                kept = invoice_id
            if send:
                invoices.mark_sent(session, desk, kept)
            return kept

        return await self.context.core.do(keep)

    def done_saving(self, result: Any, *, send: bool = False) -> None:
        self.saved.emit(result, send)

    def show_input_error(self, error: InputError) -> bool:
        if self.lines.show_error(error):
            return True
        if error.field.startswith("discount"):
            self.fields["discount"].set_error(error.sentence)
            self.discount.setFocus()
            return True
        return super().show_input_error(error)
