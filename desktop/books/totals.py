"""What an invoice adds up to: exact, pure, and in the way of the connected service.

The rule, which all four services share where they agree at all:
- a line's amount is quantity x unit price, rounded half up to the currency;
- the subtotal is the sum of the lines' amounts;
- a discount comes off before tax. It is an amount, or a percentage of the subtotal rounded to the currency.
  For tax it is spread over all lines in proportion to their amounts, so that taxed lines bear their share;
- tax is rate x (amount - share of the discount), rounded once on the invoice or on each line (`Rounding`).
Amounts are in one currency; rates and discounts in percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from enum import StrEnum
from fractions import Fraction

from desktop.money import ZERO, currency_places, round_money


class Rounding(StrEnum):
    """Where tax is rounded; the values are those that an invoice stores and the services' settings name."""

    PER_LINE = "per_line"
    ON_TOTAL = "on_total"


@dataclass(frozen=True, slots=True)
class Line:
    """What counts of a line."""

    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal = ZERO
    """Percent; 0 where the line is not taxed."""


@dataclass(frozen=True, slots=True)
class Totals:
    """`total` = `subtotal` - `discount` + `tax`, to the cent."""

    amounts: tuple[Decimal, ...]
    """One per line, in order."""
    subtotal: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal


def compute(
    lines: Sequence[Line],
    *,
    currency: str,
    discount_percent: Decimal | None = None,
    discount_amount: Decimal | None = None,
    rounding: Rounding = Rounding.ON_TOTAL,
) -> Totals:
    """Totals of an invoice in `currency`; of the two discounts at most one is given.

    Raises InputError for an unknown currency.
    """
    with localcontext() as context:
        context.prec = 60  # two factors of 16 digits each, and room to add them up
        amounts = tuple(round_money(line.quantity * line.unit_price, currency) for line in lines)
        subtotal = sum(amounts, ZERO)
        if discount_percent is not None:
            discount = round_money(subtotal * discount_percent / 100, currency)
        else:
            discount = round_money(discount_amount or ZERO, currency)
        rates = [line.tax_rate for line in lines]
        tax = _tax(amounts, rates, subtotal, discount, rounding, currency)
        return Totals(amounts, subtotal, discount, tax, subtotal - discount + tax)


def _tax(
    amounts: Sequence[Decimal],
    rates: Sequence[Decimal],
    subtotal: Decimal,
    discount: Decimal,
    rounding: Rounding,
    currency: str,
) -> Decimal:
    kept = 1 - Fraction(discount) / Fraction(subtotal) if subtotal else Fraction(1)
    taxes = [
        Fraction(amount) * kept * Fraction(rate) / 100 for amount, rate in zip(amounts, rates, strict=True) if rate
    ]
    if rounding is Rounding.PER_LINE:
        return sum((_rounded(tax, currency) for tax in taxes), ZERO)
    return _rounded(sum(taxes, Fraction(0)), currency)


def _rounded(value: Fraction, currency: str) -> Decimal:
    """Half away from zero, decided on the exact fraction: a quotient cut off first may round twice."""
    places = currency_places(currency)
    scaled = abs(value) * 10**places
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(units if value >= 0 else -units).scaleb(-places) + ZERO
