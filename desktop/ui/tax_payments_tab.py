"""Tax and payments: what the service taxes with, and where each way of being paid puts the money."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QGridLayout, QVBoxLayout, QWidget

from desktop.core import Core
from desktop.providers.base import Terms
from desktop.sync.tax_payments import MethodRow, TaxPaymentsView, save_deposits, tax_payments_view
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.banner import Banner
from desktop.ui.labels import ElidedLabel, label
from desktop.ui.panels import Card, empty_out
from desktop.ui.problems import show_problem
from desktop.ui.theme import theme
from desktop.ui.words import payment_method


class TaxPaymentsTab(QWidget):
    """Two cards of plain lines."""

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        self._terms: Terms | None = None
        px = theme().px
        self.banner = Banner(self)
        self.taxes, self.methods = Card(tr("Tax codes"), self), Card(tr("Payment methods"), self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, px(16), 0, px(16))
        self._column.setSpacing(px(12))
        self._column.addWidget(self.banner)
        self._column.addWidget(self.taxes)
        self._column.addWidget(self.methods)
        self._column.addStretch(1)

    def set_terms(self, terms: Terms | None) -> None:
        self._terms = terms

    def load(self) -> None:
        operations.run(self, self._read(), success=self._fill, failure=lambda error: show_problem(self.banner, error))

    async def _read(self) -> TaxPaymentsView:
        key = await self._core.company_key()
        return await self._core.ask(tax_payments_view, key) if key is not None else TaxPaymentsView()

    def _fill(self, view: TaxPaymentsView) -> None:
        service = self._terms.service if self._terms is not None else ""
        intro = tr("These come from {service} and are used on your invoice lines; change them there.", service=service)
        if view.automatic_tax:
            intro += " " + tr(
                "{service} works tax out by itself and may replace the figure shown here; BlueClerk then tells you.",
                service=service,
            )
        used = [tax for tax in view.taxes if tax.active]
        idle = len(view.taxes) - len(used)
        if idle:
            intro += " " + (
                tr("1 more can't be used on invoices.")
                if idle == 1
                else tr("{n} more can't be used on invoices.", n=idle)
            )
        self._table(
            self.taxes,
            intro if view.taxes else tr("{service} has no tax codes: invoices go there without tax.", service=service),
            [(tax.name, tr("{rate} %", rate=formats.decimal(tax.rate)), "") for tax in used],
        )
        self._methods_card(view, service)

    def _methods_card(self, view: TaxPaymentsView, service: str) -> None:
        default = view.default_account or tr("the account that {service} uses by default", service=service)
        intro = tr(
            "How a payment recorded here is entered in {service}, and where the money goes. A change counts for "
            "payments sent from now on.",
            service=service,
        )
        rows = [(payment_method(one.method), one.name or tr("recorded without a method"), "") for one in view.methods]
        if not view.accounts:
            rows = [(name, middle, default) for name, middle, _ in rows]
        grid = self._table(self.methods, intro, rows)
        if not view.accounts:
            return
        for line, one in enumerate(view.methods):
            grid.addWidget(self._picker(view, one, default), line, 2)

    def _picker(self, view: TaxPaymentsView, method: MethodRow, default: str) -> QComboBox:
        """Where this way of being paid puts the money (N4); stored at once."""
        box = QComboBox(self.methods)
        box.setAccessibleName(tr("Account for {method}", method=payment_method(method.method)))
        if view.default_account or not self._needs_account():
            box.addItem(tr("Default: {account}", account=default), "")
        else:
            box.addItem(tr("Choose an account"), "")
        for account in view.accounts:
            box.addItem(account.name, account.external_id)
        box.setCurrentIndex(max(0, box.findData(method.account_id)))
        box.activated.connect(lambda _index: self._save(method.method, str(box.currentData() or "")))
        return box

    def _needs_account(self) -> bool:
        """Whether the service wants to be told (Wave, Xero)."""
        mine = (one for one in self._core.services() if one.terms is self._terms)
        return any(one.capabilities.deposit_account_required for one in mine)

    def _save(self, method: str, account_id: str) -> None:
        operations.run(self, self._store(method, account_id), failure=lambda error: show_problem(self.banner, error))

    async def _store(self, method: str, account_id: str) -> None:
        key = await self._core.company_key()
        if key is not None:
            await self._core.do(save_deposits, key, {method: account_id})

    def _table(self, card: Card, intro: str, rows: list[tuple[str, str, str]]) -> QGridLayout:
        empty_out(card.body, keep=1)
        card.body.addWidget(label(intro, "secondary", wrap=True, parent=card))
        box = QWidget(card)
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme().px(24))
        grid.setVerticalSpacing(theme().px(8))
        for line, (name, middle, right) in enumerate(rows):
            grid.addWidget(label(name, parent=box), line, 0)
            grid.addWidget(label(middle, parent=box), line, 1)
            if right:
                grid.addWidget(ElidedLabel(right, "secondary", box), line, 2)
        grid.setColumnStretch(2, 1)
        box.setVisible(bool(rows))
        card.body.addWidget(box)
        return grid
