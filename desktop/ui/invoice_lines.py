"""The lines of an invoice while it is written: one row of fields each, amounts as they are typed."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from decimal import Decimal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.books import queries
from desktop.books.drafts import LineDraft
from desktop.books.queries import Choice, ItemChoice, TaxChoice
from desktop.errors import InputError
from desktop.text import tr
from desktop.ui import formats
from desktop.ui.buttons import IconButton, QuietButton
from desktop.ui.choice_edit import ChoiceEdit
from desktop.ui.context import Context
from desktop.ui.labels import label
from desktop.ui.money_edit import MoneyEdit, QuantityEdit
from desktop.ui.theme import set_role, theme

COLUMNS = ("item_id", "description", "quantity", "unit_price", "tax_code_id", "amount", "remove")


class InvoiceLine:
    """The fields of one line."""

    def __init__(self, context: Context, currency: str, taxes: Sequence[TaxChoice], parent: QWidget) -> None:
        def find(text: str) -> Awaitable[Sequence[Choice]]:
            return context.core.ask(queries.item_choices, text)

        self.item = ChoiceEdit(find, parent)
        self.item.setPlaceholderText(tr("Item, or free text"))
        self.description = QLineEdit(parent)
        self.description.setMaxLength(4000)
        self.quantity = QuantityEdit(parent, negative=True)
        self.quantity.set_value(Decimal(1))
        self.price = MoneyEdit(currency, parent, negative=True, places=6)
        self.tax = QComboBox(parent)
        self.tax.addItem(tr("No tax"), None)
        for code in taxes:
            rate = f" {formats.decimal(code.rate)} %" if code.rate else ""
            self.tax.addItem(f"{code.name}{rate}", code.id)
        self.rates = {code.id: code.rate for code in taxes}
        self.amount = label("", parent=parent)
        self.amount.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.remove = IconButton("delete", tr("Remove this line"), parent)
        self.error = label("", "error", wrap=True, parent=parent)
        self.error.hide()
        self._kept = ""
        for name, field in self.fields().items():
            field.setAccessibleName(name)

    def fields(self) -> dict[str, QWidget]:
        """The inputs by their words."""
        return {
            tr("Item"): self.item,
            tr("Description"): self.description,
            tr("Quantity"): self.quantity,
            tr("Price"): self.price,
            tr("Tax"): self.tax,
        }

    def field(self, name: str) -> QWidget:
        """The input that an InputError names."""
        return {
            "item_id": self.item,
            "description": self.description,
            "quantity": self.quantity,
            "unit_price": self.price,
            "tax_code_id": self.tax,
        }.get(name, self.item)

    def load(self, draft: LineDraft, name: str) -> None:
        """Show a line that is there already; `name` is its item's."""
        if draft.item_id is not None:
            self.item.set_choice(Choice(draft.item_id, name))
        self._kept = draft.description
        self.description.setText(draft.description.replace("\n", " "))
        self.description.setModified(False)
        self.description.setCursorPosition(0)
        self.quantity.set_value(draft.quantity)
        self.price.set_value(draft.unit_price)
        self.tax.setCurrentIndex(max(0, self.tax.findData(draft.tax_code_id)))

    @property
    def is_blank(self) -> bool:
        return not (self.item.text().strip() or self.description.text().strip() or self.price.text().strip())

    @property
    def rate(self) -> Decimal:
        return self.rates.get(self.tax.currentData(), Decimal(0))

    def draft(self, place: int) -> LineDraft:
        """What is typed. Raises InputError for what is no number."""
        for name, field in (("quantity", self.quantity), ("unit_price", self.price)):
            if field.value is None:
                missing = tr("How many?") if name == "quantity" else tr("What does one cost?")
                raise InputError(f"lines.{place}.{name}", field.error or missing)
        description = self.description.text() if self.description.isModified() else self._kept
        choice = self.item.choice
        typed = self.item.text().strip()
        if choice is None and typed:  # free text in the item's place is what the line says (E4)
            description = f"{typed}\n{description}" if description.strip() else typed
        return LineDraft(
            choice.id if choice is not None else None,
            description,
            self.quantity.value or Decimal(0),
            self.price.value or Decimal(0),
            self.tax.currentData(),
        )

    def snapshot(self) -> tuple[object, ...]:
        choice = self.item.choice
        return (
            choice.id if choice is not None else self.item.text(),
            self.description.text(),
            self.quantity.text(),
            self.price.text(),
            self.tax.currentData(),
        )


class InvoiceLines(QWidget):
    """All lines, a button for another one, and the fault of a line under it."""

    changed = Signal()
    """Something that counts for the totals is different now."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._currency = context.currency
        self._taxes: Sequence[TaxChoice] = ()
        self.lines: list[InvoiceLine] = []
        px = theme().px
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(px(8))
        self._grid.setVerticalSpacing(px(6))
        for column, stretch in enumerate((5, 6, 2, 3, 3, 3, 0)):
            self._grid.setColumnStretch(column, stretch)
        heads = (tr("Item"), tr("Description"), tr("Quantity"), tr("Price"), tr("Tax"), tr("Amount"))
        for column, words in enumerate(heads):
            head = label(words, "hint")
            if column in (2, 3, 5):
                head.setAlignment(Qt.AlignmentFlag.AlignRight)
            self._grid.addWidget(head, 0, column)
        self.add_button = QuietButton(tr("Add &line"), self, icon_name="add")
        self.add_button.clicked.connect(lambda: self.add().item.setFocus())
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(px(8))
        outer.addLayout(self._grid)
        outer.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.setAccessibleName(tr("Lines"))

    def set_up(self, currency: str, taxes: Sequence[TaxChoice]) -> None:
        """Which currency prices are in, and the tax codes to choose from; before the first line."""
        self._currency, self._taxes = currency, taxes

    def add(self, draft: LineDraft | None = None, name: str = "") -> InvoiceLine:
        """Another line at the end, blank or as `draft`."""
        line = InvoiceLine(self._context, self._currency, self._taxes, self)
        if draft is not None:
            line.load(draft, name)
        self.lines.append(line)
        row = 2 * len(self.lines)
        parts = (line.item, line.description, line.quantity, line.price, line.tax, line.amount, line.remove)
        for column, part in enumerate(parts):
            self._grid.addWidget(part, row, column)
        self._grid.addWidget(line.error, row + 1, 0, 1, len(COLUMNS))
        line.item.chosen.connect(lambda choice: self._on_item(line, choice))
        line.quantity.value_changed.connect(self.changed)
        line.price.value_changed.connect(self.changed)
        line.tax.currentIndexChanged.connect(lambda _n: self.changed.emit())
        for edited in (line.item.textEdited, line.item.chosen, line.description.textEdited):
            edited.connect(lambda _what, line=line: self._forget_error(line))
        for counted in (line.quantity, line.price):
            counted.value_changed.connect(lambda line=line: self._forget_error(line))
        for field in (line.quantity, line.price):
            field.error_changed.connect(lambda words, line=line, field=field: self._show_error(line, field, words))
        line.remove.clicked.connect(lambda: self.remove(line))
        self.changed.emit()
        return line

    def remove(self, line: InvoiceLine) -> None:
        """Take a line away; the last one is only emptied."""
        kept = [one for one in self.lines if one is not line]
        values = [(one.snapshot(), one) for one in kept]
        for part in (*line.fields().values(), line.amount, line.remove, line.error):
            self._grid.removeWidget(part)
            part.hide()
            part.deleteLater()
        self.lines = [one for _, one in values]
        if not self.lines:
            self.add()
        self.changed.emit()

    def drafts(self) -> tuple[LineDraft, ...]:
        """All lines but blank ones. Raises InputError named by the place the line has then."""
        filled = [line for line in self.lines if not line.is_blank]
        return tuple(line.draft(place) for place, line in enumerate(filled))

    def set_amounts(self, amounts: Sequence[Decimal | None]) -> None:
        """Show each line's amount."""
        for line, amount in zip(self.lines, amounts, strict=False):
            line.amount.setText(formats.amount(amount, self._currency) if amount is not None else "")

    def clear_errors(self) -> None:
        for line in self.lines:
            for field in line.fields().values():
                set_role(field, "invalid", False)
            line.error.hide()

    def show_error(self, error: InputError) -> bool:
        """Show a fault named "lines.<place>.<field>" under its line and go there."""
        parts = error.field.split(".")
        if parts[0] != "lines":
            return False
        filled = [line for line in self.lines if not line.is_blank] or self.lines
        place = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
        line = filled[min(place, len(filled) - 1)]
        field = line.field(parts[2] if len(parts) > 2 else "item_id")
        self._show_error(line, field, error.sentence)
        field.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def _show_error(self, line: InvoiceLine, field: QWidget, words: str) -> None:
        set_role(field, "invalid", bool(words))
        field.setAccessibleDescription(words)
        line.error.setText(words)
        line.error.setVisible(bool(words))

    def _forget_error(self, line: InvoiceLine) -> None:
        """What was refused is typed anew: the words stay only where a figure itself can't be read."""
        if not line.error.isHidden() and not (line.quantity.error or line.price.error):
            for field in line.fields().values():
                self._show_error(line, field, "")

    def _on_item(self, line: InvoiceLine, choice: Choice | None) -> None:
        if not isinstance(choice, ItemChoice):
            return
        if choice.unit_price is not None:
            line.price.set_value(choice.unit_price)
        if choice.description and not line.description.isModified():
            line.description.setText(choice.description.replace("\n", " "))
            line.description.setModified(True)
            line.description.setCursorPosition(0)
        if choice.taxable and line.tax.currentData() is None:
            taxed = next((code.id for code in self._taxes if code.rate), None)
            if taxed is not None:
                line.tax.setCurrentIndex(line.tax.findData(taxed))
        if line is self.lines[-1]:
            self.add()
        line.quantity.setFocus()
        line.quantity.selectAll()
        self.changed.emit()
