"""Fields for amounts and quantities: typed as people write, held as exact `Decimal`s."""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from desktop.money import AMOUNT_LIMIT, PRICE_PLACES, currency_places
from desktop.text import tr
from desktop.ui.amounts import AmountError, parse_decimal
from desktop.ui.formats import decimal


class _NumberEdit(QLineEdit):
    """What money and quantity fields share; the text is tidied only when the field is left."""

    value_changed = Signal()
    """The value is another one now (while typing too)."""
    error_changed = Signal(str)
    """A sentence about what was typed, or "" - when the field is left, and as soon as it is mended."""

    def __init__(self, parent: QWidget | None, places: int, least_places: int, negative: bool) -> None:
        super().__init__(parent)
        self._places, self._least_places, self._negative = places, least_places, negative
        self._currency = ""
        self._value: Decimal | None = None
        self._error = ""
        self._shown_error = ""
        self.setMaxLength(40)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.textChanged.connect(self._on_text_changed)
        self.returnPressed.connect(self.tidy)

    @property
    def value(self) -> Decimal | None:
        """The amount; None when the field is empty or holds no acceptable amount (see `error`)."""
        return self._value

    def set_value(self, value: Decimal | None) -> None:
        """Show `value`, or nothing for None."""
        self.setText(self._shown(value) if value is not None else "")
        self.tidy()

    @property
    def error(self) -> str:
        """What is wrong with the text as it stands, as a sentence; "" if nothing."""
        return self._error

    def tidy(self) -> None:
        """Write the amount the customary way and tell what is wrong; happens when the field is left."""
        if self._value is not None:
            tidied = self._shown(self._value)
            if tidied != self.text():
                self.setText(tidied)
        self._tell(self._error)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self.tidy()

    def changeEvent(self, event) -> None:  # noqa: ANN001
        super().changeEvent(event)
        if event.type() == event.Type.LocaleChange and self._value is not None:
            self.setText(self._shown(self._value))

    def _shown(self, value: Decimal) -> str:
        exact = max(0, -int(value.normalize().as_tuple().exponent)) if value else 0
        return decimal(value, max(self._least_places, exact), self.locale())

    def _read(self, text: str) -> Decimal | None:
        value = parse_decimal(text, self.locale(), self._currency)
        if value is None:
            return None
        if abs(value) > AMOUNT_LIMIT:
            raise AmountError(tr("This amount is too large to be booked."))
        if value < 0 and not self._negative:
            raise AmountError(tr("This can't be less than zero."))
        if value != round(value, self._places):
            raise AmountError(
                tr("This can't have decimal places.")
                if not self._places
                else tr("At most {places} decimal places, please.", places=self._places)
            )
        return value

    def _on_text_changed(self, text: str) -> None:
        before = self._value
        try:
            self._value, self._error = self._read(text), ""
        except AmountError as problem:
            self._value, self._error = None, str(problem)
        if not self._error:
            self._tell("")
        if self._value != before:
            self.value_changed.emit()

    def _tell(self, sentence: str) -> None:
        if sentence != self._shown_error:
            self._shown_error = sentence
            self.error_changed.emit(sentence)


class MoneyEdit(_NumberEdit):
    """An amount in one currency. `locale()` decides about separators; other spellings are understood."""

    def __init__(
        self,
        currency: str,
        parent: QWidget | None = None,
        *,
        negative: bool = False,
        places: int | None = None,
    ) -> None:
        """`places`: more than the currency has, for unit prices. InputError for an unknown currency."""
        fine = currency_places(currency)
        super().__init__(parent, fine if places is None else places, fine, negative)
        self._currency = currency

    @property
    def currency(self) -> str:
        return self._currency

    def set_currency(self, currency: str) -> None:
        """Amounts are in `currency` from now on; what stands in the field is read again."""
        fine = currency_places(currency)
        self._places = max(fine, self._places) if self._places > self._least_places else fine
        self._least_places, self._currency = fine, currency
        self._on_text_changed(self.text())
        self.tidy()


class QuantityEdit(_NumberEdit):
    """How many or how much of an item: up to six decimal places, shown without needless zeros."""

    def __init__(self, parent: QWidget | None = None, *, negative: bool = False) -> None:
        super().__init__(parent, PRICE_PLACES, 0, negative)
