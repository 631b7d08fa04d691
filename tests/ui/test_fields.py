"""Fields for money, quantities, dates and searches, and the form around them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from PySide6.QtCore import QDate, QLocale, QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QWheelEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from desktop.errors import InputError
from desktop.ui.date_field import DateField, four_digit_years
from desktop.ui.form_field import FormField, focus_first_error
from desktop.ui.money_edit import MoneyEdit, QuantityEdit
from desktop.ui.search_field import SearchField
from desktop.ui.spin_field import SpinField, TimeField


@pytest.fixture
def form(qtbot, look) -> QWidget:
    page = QWidget()
    QVBoxLayout(page)
    qtbot.addWidget(page)
    page.show()
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    return page


def put(form: QWidget, field: QWidget) -> None:
    form.layout().addWidget(field)
    field.show()
    field.setFocus()


@pytest.mark.parametrize(
    ("locale", "typed", "value", "shown"),
    [
        ("en_US", "1234.5", "1234.5", "1,234.50"),
        ("en_US", "€ 12", None, "€ 12"),
        ("en_US", "(5)", None, "(5)"),
        ("de_DE", "1.234,5", "1234.5", "1.234,50"),
        ("de_DE", "1234.50", "1234.50", "1.234,50"),
        ("fr_FR", "12,00 $", "12", "12,00"),
        ("en_US", "12.345", None, "12.345"),
        ("en_US", "99999999999", None, "99999999999"),
        ("en_US", "", None, ""),
    ],
)
def test_money_is_read_at_once_and_tidied_on_leaving(form, qtbot, locale, typed, value, shown) -> None:
    field, other = MoneyEdit("USD"), QLineEdit()
    field.setLocale(QLocale(locale))
    put(form, other)
    put(form, field)
    field.insert(typed)  # as typed; QTest has no key for "€"
    assert field.text() == typed
    assert field.value == (None if value is None else Decimal(value))
    assert bool(field.error) == (value is None and typed != "")
    other.setFocus()
    assert field.text() == shown


def test_money_knows_its_currency(qtbot, look) -> None:
    field = MoneyEdit("USD", negative=True)
    qtbot.addWidget(field)
    field.set_value(Decimal("-1234"))
    assert field.text() == "-1,234.00"
    field.set_currency("JPY")
    assert field.text() == "-1,234" and field.value == -1234
    field.setText("12.5")
    assert field.value is None and "decimal places" in field.error
    with pytest.raises(InputError):
        MoneyEdit("XXZ")


def test_unit_prices_may_be_finer_than_the_currency(qtbot, look) -> None:
    field = MoneyEdit("USD", places=6)
    qtbot.addWidget(field)
    field.set_value(Decimal("0.125"))
    assert field.text() == "0.125"


def test_quantities_show_no_needless_zeros(qtbot, look) -> None:
    field = QuantityEdit()
    qtbot.addWidget(field)
    field.set_value(Decimal("2.500"))
    assert field.text() == "2.5"
    field.setText("1.0000001")
    assert field.value is None and field.error


def test_the_error_stands_beside_the_field_and_is_its_description(form, qtbot) -> None:
    field = MoneyEdit("USD")
    row = FormField("&Amount", field, hint="Before tax.")
    other = QLineEdit()
    form.layout().addWidget(row)
    row.show()
    put(form, other)
    field.setFocus()
    assert field.accessibleName() == "Amount" and field.accessibleDescription() == "Before tax."
    qtbot.keyClicks(field, "abc")
    assert row.error == ""  # nobody is corrected while still typing
    other.setFocus()
    assert "not an amount" in row.error
    spoken = QAccessible.queryAccessibleInterface(field)
    assert spoken.text(QAccessible.Text.Description) == row.error
    assert focus_first_error([row]) and field.hasFocus()
    field.setText("5")
    assert row.error == "" and field.accessibleDescription() == "Before tax."
    assert not focus_first_error([row])


def test_the_date_field_holds_only_dates(form, qtbot) -> None:
    field = DateField(date(2026, 11, 20), locale=QLocale("en_US"))
    put(form, field)
    assert field.text() == "11/20/2026"
    field.lineEdit().selectAll()
    qtbot.keyClicks(field, "nonsense")
    assert field.value.year >= 1970
    field.setDate(QDate())
    assert field.date().isValid()


def test_dates_move_by_plus_minus_and_t(form, qtbot) -> None:
    field = DateField(date(2026, 11, 20), locale=QLocale("en_US"))
    put(form, field)
    seen: list[date] = []
    field.date_chosen.connect(seen.append)
    qtbot.keyClick(field, Qt.Key.Key_Plus, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(field, "+")
    assert field.value == date(2026, 11, 22)
    qtbot.keyClicks(field, "-")
    assert field.value == date(2026, 11, 21)
    qtbot.keyClicks(field, "t")
    assert field.value == date(2026, 11, 20)
    assert seen[-1] == date(2026, 11, 20)


@pytest.mark.parametrize("name", ["de_DE", "en_US", "en_GB", "fr_FR", "ar_EG"])
def test_dates_look_as_the_country_has_them_with_the_whole_year(name, qtbot, look) -> None:
    locale = QLocale(name)
    field = DateField(date(2026, 11, 2), locale=locale)
    qtbot.addWidget(field)
    assert "yyyy" in field.displayFormat()
    assert field.calendarWidget().firstDayOfWeek() == locale.firstDayOfWeek()
    assert field.value == date(2026, 11, 2)
    assert four_digit_years("dd.MM.yy") == "dd.MM.yyyy"


def test_typing_ten_keys_asks_once(form, qtbot) -> None:
    field = SearchField("Search invoices")
    put(form, field)
    asked: list[str] = []
    field.searched.connect(asked.append)
    qtbot.keyClicks(field, "0123456789")
    assert not asked
    qtbot.waitUntil(lambda: bool(asked))
    assert asked == ["0123456789"]
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert asked == ["0123456789", ""] and field.text() == ""
    qtbot.keyClicks(field, "x")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert asked[-1] == "x"


@pytest.mark.parametrize("make", [lambda: SpinField(1, 120, " min"), TimeField], ids=["count", "time"])
def test_scrolling_past_changes_nothing(form, make) -> None:
    field = make()
    form.layout().addWidget(field)
    field.show()
    before = field.text()
    turn = QWheelEvent(
        QPointF(5, 5),
        QPointF(field.mapToGlobal(QPoint(5, 5))),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    field.clearFocus()
    field.wheelEvent(turn)
    assert field.text() == before and not turn.isAccepted()
