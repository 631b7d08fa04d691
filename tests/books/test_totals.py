"""What an invoice adds up to: by example, and for any invoice at all."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.books.totals import Line, Rounding, compute

CENT = Decimal("0.01")
quantities = st.decimals("-1000", "1000", places=6)
prices = st.decimals("-10000", "100000", places=6)
rates = st.one_of(st.just(Decimal(0)), st.decimals("0", "30", places=4))
invoices = st.lists(st.builds(Line, quantities, prices, rates), min_size=1, max_size=30)
positive = st.lists(
    st.builds(Line, st.decimals("1", "1000", places=2), st.decimals("1", "10000", places=2), rates),
    min_size=1,
    max_size=30,
)
percents = st.decimals("0", "100", places=4)


def money(text: str) -> Decimal:
    return Decimal(text)


def test_a_line_is_quantity_times_price_rounded_half_up() -> None:
    totals = compute([Line(money("0.5"), money("0.01"))], currency="USD")
    assert totals.amounts == (money("0.01"),)


def test_U6_a_yen_has_no_cents_and_a_dinar_three_places() -> None:
    line = [Line(money("1"), money("10.0056"), money("10"))]
    assert compute(line, currency="JPY").total == 11
    assert compute(line, currency="KWD").total == money("11.007")


def test_discount_comes_off_before_tax_in_proportion_to_the_taxed_lines() -> None:
    lines = [Line(money("1"), money("80"), money("8.25")), Line(money("1"), money("20"))]
    totals = compute(lines, currency="USD", discount_amount=money("10"))
    assert totals.tax == money("5.94")  # 80 bear 8 of the 10: 72 x 8.25 %
    assert totals.total == money("95.94")


def test_discount_in_percent_is_rounded_once() -> None:
    totals = compute([Line(money("1"), money("33.33"))], currency="USD", discount_percent=money("10"))
    assert (totals.discount, totals.total) == (money("3.33"), money("30.00"))


def test_E5_the_two_ways_of_rounding_tax_differ_by_a_cent() -> None:
    lines = [Line(money("1"), money("0.50"), money("5"))] * 3
    assert compute(lines, currency="USD", rounding=Rounding.ON_TOTAL).tax == money("0.08")
    assert compute(lines, currency="USD", rounding=Rounding.PER_LINE).tax == money("0.09")


def test_tax_is_decided_on_the_exact_fraction() -> None:
    """A third of a cent times three is a cent, not 0.99999."""
    lines = [Line(money("1"), money("1.50"), money("1")), Line(money("1"), money("1.50"), money("1"))]
    totals = compute(lines, currency="USD", discount_amount=money("1.00"))
    assert totals.tax == money("0.02")


def test_no_lines_and_nothing_to_divide_by() -> None:
    assert compute([], currency="USD").total == 0
    free = [Line(money("1"), money("5"), money("7")), Line(money("-1"), money("5"))]
    assert compute(free, currency="USD", discount_percent=money("10")).total == money("0.35")


@given(invoices, st.sampled_from(list(Rounding)), st.sampled_from(["USD", "JPY", "KWD"]))
def test_total_is_what_its_parts_say_to_the_cent(lines: list[Line], rounding: Rounding, currency: str) -> None:
    totals = compute(lines, currency=currency, rounding=rounding)
    assert totals.subtotal == sum(totals.amounts)
    assert totals.total == totals.subtotal - totals.discount + totals.tax
    for part in (*totals.amounts, totals.tax, totals.total):
        places = {"USD": 2, "JPY": 0, "KWD": 3}[currency]
        assert part == part.quantize(Decimal(1).scaleb(-places))


@given(invoices)
def test_order_of_lines_never_matters(lines: list[Line]) -> None:
    there = compute(lines, currency="USD")
    back = compute(lines[::-1], currency="USD")
    assert (there.subtotal, there.tax, there.total) == (back.subtotal, back.tax, back.total)


@given(positive, percents)
def test_discount_never_makes_an_invoice_negative_or_dearer(lines: list[Line], percent: Decimal) -> None:
    plain = compute(lines, currency="USD")
    reduced = compute(lines, currency="USD", discount_percent=percent)
    assert 0 <= reduced.total <= plain.total
    assert 0 <= reduced.discount <= plain.subtotal


@given(positive)
def test_percent_and_the_same_amount_give_the_same_invoice(lines: list[Line]) -> None:
    by_percent = compute(lines, currency="USD", discount_percent=Decimal(15))
    by_amount = compute(lines, currency="USD", discount_amount=by_percent.discount)
    assert by_percent == by_amount


@given(positive, percents)
def test_tax_on_the_total_is_the_exact_tax_within_half_a_cent(lines: list[Line], percent: Decimal) -> None:
    totals = compute(lines, currency="USD", discount_percent=percent)
    kept = 1 - Fraction(totals.discount) / Fraction(totals.subtotal)
    exact = sum(
        Fraction(amount) * kept * Fraction(line.tax_rate) / 100
        for amount, line in zip(totals.amounts, lines, strict=True)
    )
    assert abs(Fraction(totals.tax) - exact) <= Fraction(1, 200)


@given(positive)
def test_per_line_tax_is_the_sum_of_what_each_line_says(lines: list[Line]) -> None:
    totals = compute(lines, currency="USD", rounding=Rounding.PER_LINE)
    each = [
        (amount * line.tax_rate / 100).quantize(CENT, ROUND_HALF_UP)
        for amount, line in zip(totals.amounts, lines, strict=True)
    ]
    assert totals.tax == sum(each)


@settings(max_examples=25)
@given(st.integers(1, 1000))
def test_U6_a_thousand_lines_of_ten_cents_lose_nothing(count: int) -> None:
    totals = compute([Line(Decimal(1), Decimal("0.10"))] * count, currency="USD")
    assert totals.total == Decimal(count) / 10


def test_largest_numbers_stay_exact() -> None:
    totals = compute([Line(money("9999999999.99"), money("1.000001"))], currency="USD")
    assert totals.amounts[0] == money("10000009999.99")


@pytest.mark.parametrize("currency", ["XXZ", "", "usd", "US"])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    from desktop.errors import InputError

    with pytest.raises(InputError):
        compute([Line(money("1"), money("1"))], currency=currency)
