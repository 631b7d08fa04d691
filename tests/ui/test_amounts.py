"""Amounts as people in six countries write them, exactly, or a sentence; never a guess and never a float."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QLocale

from desktop.ui.amounts import AmountError, parse_decimal
from desktop.ui.formats import decimal, money

ANYWHERE = {
    "1234.50": "1234.50",
    "1234,50": "1234.50",
    "1.234,5": "1234.5",
    "1,234.5": "1234.5",
    "1 234,50": "1234.50",
    "1\u202f234,50": "1234.50",
    "1'234.50": "1234.50",
    "1.234.567": "1234567",
    "1,234,567.89": "1234567.89",
    "1.234.567,89": "1234567.89",
    "12,34,567.00": "1234567.00",
    "(5)": "-5",
    "($ 5.00)": "-5.00",
    "-5": "-5",
    "5-": "-5",
    "\u22125": "-5",
    "$-5": "-5",
    "+5": "5",
    "€ 12": "12",
    "12 €": "12",
    "EUR 12": "12",
    "12,00 EUR": "12.00",
    "$.50": "0.50",
    ",5": "0.5",
    "5.": "5",
    "0,125": "0.125",
    "007": "7",
    "١٢٣": "123",
    "  12\t": "12",
    "\u20681.50\u2069": "1.50",
    "99999999999999999999.01": "99999999999999999999.01",
}
REFUSED = [
    "abc",
    "1e5",
    "NaN",
    "inf",
    "1.2.3",
    "1.23.456",
    "12 34",
    "--5",
    "(-5)",
    "(5",
    "$",
    "1,2,3",
    "1..2",
    "0x10",
    "½",
    "5 apples",
]
LOCALES = ["en_US", "en_GB", "de_DE", "fr_FR", "de_CH", "ar_EG"]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("text", "value"), ANYWHERE.items())
def test_the_customary_spellings_are_understood_everywhere(text: str, value: str, locale: str) -> None:
    assert parse_decimal(text, QLocale(locale)) == Decimal(value)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_amount_is_refused_with_a_sentence(text: str, locale: str) -> None:
    with pytest.raises(AmountError) as problem:
        parse_decimal(text, QLocale(locale))
    assert str(problem.value).endswith((".", "?"))


@pytest.mark.parametrize(
    ("text", "locale", "value"),
    [
        ("1,234", "en_US", "1234"),
        ("1.234", "en_US", "1.234"),
        ("1.234", "de_DE", "1234"),
        ("1,234", "de_DE", "1.234"),
        ("1,234", "fr_FR", "1.234"),
        ("1.234", "de_CH", "1.234"),
    ],
)
def test_three_figures_after_one_mark_mean_what_they_mean_here(text: str, locale: str, value: str) -> None:
    assert parse_decimal(text, QLocale(locale)) == Decimal(value)


def test_what_could_be_two_amounts_is_asked_about() -> None:
    with pytest.raises(AmountError, match="more than a thousand"):
        parse_decimal("1.234", QLocale("fr_FR"))


def test_another_currency_is_refused() -> None:
    assert parse_decimal("$ 12", QLocale("en_US"), "USD") == 12
    assert parse_decimal("12 usd", QLocale("de_DE"), "USD") == 12
    for text in ("€ 12", "12 EUR", "£12"):
        with pytest.raises(AmountError, match="USD"):
            parse_decimal(text, QLocale("en_US"), "USD")


def test_nothing_is_nothing() -> None:
    assert parse_decimal("") is None
    assert parse_decimal(" \u00a0") is None


@given(st.decimals(-(10**10), 10**10, places=2), st.sampled_from(LOCALES))
def test_what_is_shown_is_read_back_exactly(value: Decimal, name: str) -> None:
    locale = QLocale(name)
    assert parse_decimal(decimal(value, 2, locale), locale) == value
    assert parse_decimal(money(value, "USD", locale), locale, "USD") == value
