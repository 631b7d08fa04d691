"""Money has come in: how much, when, how."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QWidget

from desktop.books import payments, queries
from desktop.books.payments import PaymentDraft
from desktop.errors import InputError
from desktop.text import tr
from desktop.ui import formats, words
from desktop.ui.closed_period import ClosedPeriodWarning
from desktop.ui.context import Context
from desktop.ui.date_field import DateField
from desktop.ui.editor_dialog import EditorDialog
from desktop.ui.form_field import FormField
from desktop.ui.labels import label
from desktop.ui.money_edit import MoneyEdit
from desktop.ui.theme import theme

LAST_METHOD = "payment.method"


class PaymentDialog(EditorDialog):
    """Records a payment of one invoice; the amount starts as all that is owed."""

    help_topic = "payments"

    recorded = Signal(int)
    """The id of the new payment."""

    def __init__(self, context: Context, invoice: queries.InvoiceDetail, parent: QWidget | None = None) -> None:
        super().__init__(context, tr("Record payment"), parent, accept=tr("&Record payment"))
        self._invoice = invoice
        row = invoice.row
        px = theme().px
        self.form.addWidget(label(tr("Record payment"), "section"))
        text = tr(
            "Invoice {number} for {customer}, {amount} owed.",
            number=row.number,
            customer=row.customer_name,
            amount=formats.money(row.balance, row.currency),
        )
        self.form.addWidget(label(text, "secondary", wrap=True))
        self.closed_warning = ClosedPeriodWarning(context, self)
        self.form.addWidget(self.closed_warning)
        self.amount = MoneyEdit(row.currency)
        self.amount.set_value(row.balance)
        self.day = DateField(context.today())
        self.method = QComboBox()
        for value, name in words.payment_methods():
            self.method.addItem(name, value)
        self.method.setCurrentIndex(max(0, self.method.findData(context.preferences.text(LAST_METHOD))))
        self.reference = QLineEdit()
        self.note = QLineEdit()
        self.fields = {
            "amount": FormField(tr("&Amount ({currency})", currency=row.currency), self.amount),
            "paid_on": FormField(tr("&Date"), self.day),
            "method": FormField(tr("&Method"), self.method),
            "reference": FormField(tr("Re&ference"), self.reference, hint=tr("Number of the check or transfer.")),
            "note": FormField(tr("&Note"), self.note),
        }
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(12))
        grid.setVerticalSpacing(px(12))
        for place, field in enumerate(self.fields.values()):
            grid.addWidget(field, place // 2, place % 2, 1, 2 if field is self.fields["note"] else 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.form.addLayout(grid)
        self.form.addStretch(1)
        self.day.date_chosen.connect(self.closed_warning.check)
        self.closed_warning.check(self.day.value)
        self.resize(px(480), px(400))
        self.remember_as_saved()
        self.amount.setFocus()
        self.amount.selectAll()

    def snapshot(self) -> tuple[object, ...]:
        return (
            self.amount.text(),
            self.day.value,
            self.method.currentData(),
            self.reference.text(),
            self.note.text(),
        )

    async def save(self, *, send: bool = False) -> int:
        if self.amount.value is None:
            raise InputError("amount", self.amount.error or tr("How much was paid?"))
        draft = PaymentDraft(
            invoice_id=self._invoice.row.id,
            paid_on=self.day.value,
            amount=Decimal(self.amount.value),
            method=self.method.currentData(),
            reference=self.reference.text().strip(),
            note=self.note.text(),
        )
        return await self.context.core.do(payments.record_payment, draft)

    def done_saving(self, result: Any, *, send: bool = False) -> None:
        self.context.preferences.keep(LAST_METHOD, self.method.currentData())
        self.recorded.emit(result)
