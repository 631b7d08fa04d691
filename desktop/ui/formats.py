"""Amounts, dates and times as people read them. Pure: the locale and the present come in as arguments.

Money never passes through a float here: Qt's own currency formatting takes one, and drops cents of integers.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from PySide6.QtCore import QDate, QLocale

from desktop.money import currency_places
from desktop.text import tr

_SYMBOLS = {
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "INR": "₹",
    "KRW": "₩",
    "ILS": "₪",
    "UAH": "₴",
    "TRY": "₺",
}
_DOLLARS = {"USD": "US$", "CAD": "CA$", "AUD": "A$", "NZD": "NZ$", "SGD": "S$", "HKD": "HK$", "MXN": "MX$"}
FSI, PDI = "\u2068", "\u2069"


def people_locale() -> QLocale:
    """The system's locale for texts, dates and figures; American where the system says none ("C")."""
    system = QLocale.system()
    return QLocale("en_US") if system.language() == QLocale.Language.C else system


def number(value: int, locale: QLocale | None = None) -> str:
    """A count with the locale's digits and grouping: "1,240"."""
    return (locale or QLocale()).toString(value) if abs(value) < 2**63 else str(value)


def decimal(value: Decimal, places: int | None = None, locale: QLocale | None = None, *, grouped: bool = True) -> str:
    """`value` in the locale's figures; with `places` rounded half up to them, else as exact as it is."""
    locale = locale or QLocale()
    if places is None:
        places = max(0, -int(value.normalize().as_tuple().exponent)) if value else 0
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    whole, _, fraction = f"{abs(rounded):f}".partition(".")
    digits = number(int(whole), locale) if grouped else _digits(whole, locale)
    if fraction:
        digits += locale.decimalPoint() + _digits(fraction, locale)
    return (locale.negativeSign() if rounded < 0 else "") + digits


def amount(value: Decimal, currency: str, locale: QLocale | None = None) -> str:
    """`value` in the places of `currency` (ISO 4217), without its symbol: "350.00"."""
    return decimal(value, currency_places(currency), locale)


def money(value: Decimal, currency: str, locale: QLocale | None = None) -> str:
    """`value` with the symbol of `currency` where the locale puts it: "$350.00", "350,00 €", "-$5.00"."""
    locale = locale or QLocale()
    bare = amount(abs(value), currency, locale)
    pattern = locale.toCurrencyString(1, "\u00a4")  # only the order of sign and figure is taken from it
    one = locale.toString(1)
    before, _, after = pattern.partition(one)
    text = (before + bare + after.lstrip("0" + locale.zeroDigit() + locale.decimalPoint())).replace(
        "\u00a4", currency_symbol(currency, locale)
    )
    negative = value < 0 and any(c in "123456789" or c.isdigit() and int(c) for c in bare)
    return (locale.negativeSign() if negative else "") + text


def currency_symbol(currency: str, locale: QLocale | None = None) -> str:
    """The symbol of `currency`, unmistakable in the locale: "$" in the US, "US$" in Canada."""
    locale = locale or QLocale()
    home = locale.currencySymbol(QLocale.CurrencySymbolFormat.CurrencyIsoCode)
    if home == currency:
        return locale.currencySymbol(QLocale.CurrencySymbolFormat.CurrencySymbol) or currency
    if currency in _DOLLARS and (currency != "USD" or "$" in locale.currencySymbol()):
        return _DOLLARS[currency]
    return _SYMBOLS.get(currency, f"{currency}\u00a0")


def short_date(day: date, today: date, locale: QLocale | None = None) -> str:
    """A date for a list: "26 Nov", with the year once it is not this one: "26 Nov 2025"."""
    locale = locale or QLocale()
    month_first = locale.dateFormat(QLocale.FormatType.ShortFormat).upper().find("M") < locale.dateFormat(
        QLocale.FormatType.ShortFormat
    ).upper().find("D")
    pattern = "MMM d" if month_first else "d MMM"
    if day.year != today.year:
        pattern += ", yyyy" if month_first else " yyyy"
    return locale.toString(QDate(day.year, day.month, day.day), pattern)


def list_date(day: date, today: date, locale: QLocale | None = None) -> str:
    """A date for a column: "Nov 26", and once the year is not this one in figures, "11/26/25", which is no wider."""
    locale = locale or QLocale()
    if day.year == today.year:
        return short_date(day, today, locale)
    return locale.toString(QDate(day.year, day.month, day.day), QLocale.FormatType.ShortFormat)


def full_date(day: date, locale: QLocale | None = None) -> str:
    """A date in full, in the locale's long form: "Thursday, November 26, 2026"."""
    return (locale or QLocale()).toString(QDate(day.year, day.month, day.day), QLocale.FormatType.LongFormat)


def clock_time(moment: datetime, locale: QLocale | None = None) -> str:
    """The hour of an aware `moment` in its own zone, in the locale's short form: "14:05", "2:05 PM"."""
    from PySide6.QtCore import QTime

    return (locale or QLocale()).toString(QTime(moment.hour, moment.minute), QLocale.FormatType.ShortFormat)


def ago(moment: datetime, now: datetime, locale: QLocale | None = None) -> str:
    """How long `moment` is past: "just now", "2 minutes ago", "yesterday at 10:02", "3 Nov".

    Both aware; days are counted in the zone of `now`. A moment in the future (clocks differ) is "just now".
    """
    locale = locale or QLocale()
    minutes = int((now - moment).total_seconds() // 60)
    here = moment.astimezone(now.tzinfo)
    if minutes < 1:
        return tr("just now")
    if minutes < 60:
        return tr("1 minute ago") if minutes == 1 else tr("{count} minutes ago", count=number(minutes, locale))
    if here.date() == now.date():
        hours = minutes // 60
        return tr("1 hour ago") if hours == 1 else tr("{count} hours ago", count=number(hours, locale))
    if here.date() == now.date() - timedelta(days=1):
        return tr("yesterday at {time}", time=clock_time(here, locale))
    return short_date(here.date(), now.date(), locale)


def when(moment: datetime, now: datetime, locale: QLocale | None = None) -> str:
    """A point in time for histories: "today at 14:05", "12 Nov at 10:02". Shown in the zone of `now`."""
    here = moment.astimezone(now.tzinfo)
    time = clock_time(here, locale)
    if here.date() == now.date():
        return tr("today at {time}", time=time)
    return tr("{date} at {time}", date=short_date(here.date(), now.date(), locale), time=time)


def until(moment: datetime, now: datetime, locale: QLocale | None = None) -> str:
    """A point in the future for "goes on ...": "at 14:05", "tomorrow at 09:00", "26 Nov at 09:00"."""
    here = moment.astimezone(now.tzinfo)
    time = clock_time(here, locale)
    if here.date() <= now.date():
        return tr("at {time}", time=time)
    if here.date() == now.date() + timedelta(days=1):
        return tr("tomorrow at {time}", time=time)
    return tr("{date} at {time}", date=short_date(here.date(), now.date(), locale), time=time)


def isolated(name: str) -> str:
    """A name wrapped so that its writing direction does not disturb the sentence around it."""
    return f"{FSI}{name}{PDI}" if name else name


def _digits(text: str, locale: QLocale) -> str:
    zero = ord(locale.zeroDigit())
    return text if zero == ord("0") else "".join(chr(zero + int(c)) for c in text)
