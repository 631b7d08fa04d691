"""Money is `Decimal` with a currency beside it; this page knows how fine each currency is booked."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from desktop.errors import InputError
from desktop.text import tr

AMOUNT_LIMIT = Decimal("9999999999.99")
"""The largest single amount that can be booked: all four services take ten digits before the point."""
PRICE_PLACES = 6
"""Decimal places kept of unit prices, quantities and rates."""
ZERO = Decimal("0")

_PLACES: dict[str, int] = {}


def currency_places(currency: str) -> int:
    """Decimal places that `currency` (ISO 4217) is booked with: 2 for USD, 0 for JPY, 3 for KWD.

    Raises InputError for something that is no currency code.
    """
    if currency not in _PLACES:
        from babel.numbers import get_currency_precision, is_currency

        if not is_currency(currency):
            raise InputError("currency", tr("“{code}” is not a currency.", code=currency[:20]))
        _PLACES[currency] = get_currency_precision(currency)
    return _PLACES[currency]


def round_money(amount: Decimal, currency: str) -> Decimal:
    """`amount` rounded half up to what `currency` can be booked with (the way all four services round)."""
    return amount.quantize(Decimal(1).scaleb(-currency_places(currency)), rounding=ROUND_HALF_UP) + ZERO


def plain(number: Decimal) -> str:
    """`number` for people: no needless zeros, no exponent."""
    return format(number.normalize(), "f")


def bookable(amount: Decimal, currency: str, field: str = "amount") -> Decimal:
    """`amount` unchanged in value, in the currency's own places.

    Raises InputError (naming `field`) for infinities, NaN, more places than the currency has, or an
    amount beyond `AMOUNT_LIMIT`; an amount is never rounded in silence.
    """
    if not amount.is_finite():
        raise InputError(field, tr("This is not an amount of money."))
    if abs(amount) > AMOUNT_LIMIT:
        raise InputError(field, tr("This amount is too large to be booked."))
    rounded = round_money(amount, currency)
    if rounded != amount:
        raise InputError(
            field,
            tr(
                "{currency} is booked with {places} decimal places.",
                currency=currency,
                places=currency_places(currency),
            ),
        )
    return rounded


def fine_number(value: Decimal, field: str, *, negative: bool = False) -> Decimal:
    """A quantity, unit price or rate with at most six decimal places.

    Raises InputError (naming `field`) when it is not finite, too large, too fine, or negative without leave.
    """
    if not value.is_finite() or abs(value) > AMOUNT_LIMIT:
        raise InputError(field, tr("This number is too large."))
    if value < 0 and not negative:
        raise InputError(field, tr("This number can't be negative."))
    if value != round(value, PRICE_PLACES):
        raise InputError(field, tr("At most {places} decimal places can be kept.", places=PRICE_PLACES))
    return value + ZERO
