"""Dates, amounts and yes/no as people's files write them; a column decides its style, and what is open is asked. Pure.

"03/04/2026" and "1,234" can each mean two things. A column as a whole mostly knows: one "25/04/2026" or one
"1,234.50" settles it. Where nothing does, the owner is asked; nothing is guessed (N2).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from desktop.errors import InputError
from desktop.text import tr

DATE_STYLES = ("ymd", "mdy", "dmy", "serial")
"""Year first (2026-04-03), month first (04/03/2026), day first (03.04.2026), a spreadsheet's day number (46115)."""
MARKS = (".", ",")
"""The decimal point, or the decimal comma."""
_DAY_ZERO = date(1899, 12, 30)
"""Where the day numbers of spreadsheets count from (Excel's 1900 system, right from 1 March 1900 on)."""
_PIVOT = 70
"""Two-digit years up to this one are of this century."""
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier enero janv ene gennaio",
            "feb february februar fevrier febrero fevr febr",
            "mar march marz mars marzo mrz maerz",
            "apr april avril abril avr abr aprile",
            "may mai mayo maggio",
            "jun june juni juin junio",
            "jul july juli juillet julio juil",
            "aug august aout agosto ago",
            "sep sept september septembre septiembre",
            "oct october oktober octobre octubre okt",
            "nov november novembre noviembre",
            "dec december dezember decembre diciembre dez dic",
        ),
        1,
    )
    for name in names.split()
}
_NUMERIC = re.compile(r"^(\d{1,4})\s*[./\-]\s*(\d{1,2})\s*[./\-]\s*(\d{1,4})\.?$")
_PLAIN = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_TIME = re.compile(r"[T\s]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*(am|pm)?\s*(z|utc|gmt|[+\-]\d{2}:?\d{2})?$", re.IGNORECASE)
_YES = frozenset(
    ["yes", "y", "true", "t", "1", "x", "on", "active", "taxable", "si", "ja", "oui", "wahr", "vrai", "tax", "paid"]
)
_NO = frozenset(
    ["no", "n", "false", "f", "0", "off", "inactive", "nontaxable", "non", "nein", "falsch", "faux", "archived"]
) | {"non taxable"}
_DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "TTD", "JMD", "BBD", "BSD", "BZD", "FJD"})
_SIGNS = {
    "$": _DOLLARS,
    "US$": frozenset({"USD"}),
    "C$": frozenset({"CAD"}),
    "CA$": frozenset({"CAD"}),
    "CAN$": frozenset({"CAD"}),
    "A$": frozenset({"AUD"}),
    "AU$": frozenset({"AUD"}),
    "NZ$": frozenset({"NZD"}),
    "€": frozenset({"EUR"}),
    "£": frozenset({"GBP"}),
    "¥": frozenset({"JPY", "CNY"}),
    "kr": frozenset({"SEK", "NOK", "DKK", "ISK"}),
    "Fr.": frozenset({"CHF"}),
    "R": frozenset({"ZAR"}),
    "R$": frozenset({"BRL"}),
    "₹": frozenset({"INR"}),
    "zł": frozenset({"PLN"}),
}
_AMOUNT = re.compile(r"^(?P<front>[^\d.,()+\-]*)(?P<body>[\d.,'\u2019 ]*\d[\d.,'\u2019 ]*)(?P<back>[^\d.,()+\-]*)$")


@dataclass(frozen=True, slots=True)
class Style:
    """How a column writes its values. `open` lists the styles that fit equally well: more than one is asked about."""

    value: str
    open: tuple[str, ...] = ()

    @property
    def ambiguous(self) -> bool:
        return len(self.open) > 1


# --- dates --------------------------------------------------------------------------------------------


def date_style(values: Iterable[str]) -> Style:
    """The style of a column of dates; ambiguous while day and month could be swapped in every one of them."""
    texts = [text for text in values if text]
    fits = {style: sum(1 for text in texts if read_date(text, style) is not None) for style in DATE_STYLES}
    most = max(fits.values(), default=0)
    if not most:
        return Style("ymd")
    best = [style for style in DATE_STYLES if fits[style] == most]
    if {"mdy", "dmy"} <= set(best) and any(read_date(t, "mdy") != read_date(t, "dmy") for t in texts):
        return Style("mdy", ("mdy", "dmy"))
    return Style(best[0])


def read_date(text: str, style: str) -> date | None:
    """The day that `text` names in this style, or None. Dates with the month as a word, and ISO dates, fit all."""
    plain = _TIME.sub("", text.strip())
    if style == "serial":
        if re.fullmatch(r"\d{5}(\.\d+)?", plain) and 20000 <= float(plain) <= 75000:
            return _DAY_ZERO + timedelta(days=int(float(plain)))
        return None
    worded = _worded(plain)
    if worded is not None:
        return worded
    match = _NUMERIC.match(plain) or _PLAIN.match(plain)
    if match is None:
        return None
    first, second, third = match.groups()
    if len(first) == 4:
        return _day(int(first), int(second), int(third)) if len(third) <= 2 else None
    if style == "ymd" or len(third) == 3 or len(first) > 2:
        return None
    year = _year(third)
    return _day(year, int(first), int(second)) if style == "mdy" else _day(year, int(second), int(first))


def _worded(text: str) -> date | None:
    """ "3 Apr 2026", "April 3, 2026", "Fri, 03-Apr-26": the month is a word, so nothing is open."""
    parts = re.findall(r"[^\W\d_]+|\d+", text)
    words = [_folded(part) for part in parts if not part.isdigit()]
    months = [_MONTHS[word] for word in words if word in _MONTHS]
    numbers = [part for part in parts if part.isdigit()]
    if len(months) != 1 or len(numbers) != 2:
        return None
    day, year = numbers
    if len(day) == 4:
        day, year = year, day
    if len(day) > 2 or len(year) not in (2, 4):
        return None
    return _day(_year(year), months[0], int(day))


def _folded(word: str) -> str:
    parts = unicodedata.normalize("NFKD", word.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


def _year(text: str) -> int:
    year = int(text)
    if len(text) <= 2:
        return year + (2000 if year <= _PIVOT else 1900)
    return year


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


# --- amounts ------------------------------------------------------------------------------------------


def decimal_mark(values: Iterable[str]) -> Style:
    """Whether a column writes a decimal point or a decimal comma; ambiguous while "1,234" is all there is to go by."""
    votes = {".": 0, ",": 0}
    doubtful = 0
    for text in values:
        told = _told_mark(text)
        if told:
            votes[told] += 1
        elif told is None:
            doubtful += 1
    if votes["."] and not votes[","]:
        return Style(".")
    if votes[","] and not votes["."]:
        return Style(",")
    if votes["."] or doubtful:
        return Style("." if votes["."] >= votes[","] else ",", MARKS)
    return Style(".")


def _told_mark(text: str) -> str | None:
    """The decimal mark that one amount proves, "" where it says nothing, None where it could be either."""
    body = "".join(char for char in text if char.isdigit() or char in ".,")
    dots, commas = body.count("."), body.count(",")
    if not dots and not commas:
        return ""
    if dots and commas:
        return "." if body.rfind(".") > body.rfind(",") else ","
    mark = "." if dots else ","
    if dots + commas > 1:
        return "," if mark == "." else "."
    whole, fraction = body.split(mark)
    if len(fraction) != 3 or whole in ("", "0") or len(whole) > 3:
        return mark
    return None


def read_amount(text: str, mark: str, field: str = "amount") -> tuple[Decimal, str]:
    """The number in `text` and the currency sign or code beside it ("" for none). Raises InputError naming `field`."""
    plain = _ascii(text)
    negative = False
    if plain.startswith("(") and plain.endswith(")"):
        negative, plain = True, plain[1:-1].strip()
    for mark_ in ("-", "+"):
        if plain.startswith(mark_) or plain.endswith(mark_):
            inside = plain[1:] if plain.startswith(mark_) else plain[:-1]
            negative, plain = negative or mark_ == "-", inside.strip()
            break
    match = _AMOUNT.match(plain)
    if match is None and (inner := re.match(r"^([^\d.,()+\-]+)-(.*)$", plain)):  # $-5.00
        negative, match = True, _AMOUNT.match(inner[1] + inner[2])
    if match is None:
        raise _no_amount(text, field)
    front, back = match["front"].strip(), match["back"].strip()
    if front and back:
        raise _no_amount(text, field)
    value = _number(match["body"].strip(), mark)
    if value is None:
        raise _no_amount(text, field)
    sign = front or back
    if sign and not _is_currency(sign):
        raise _no_amount(text, field)
    return (-value if negative and value else value), sign


def _ascii(text: str) -> str:
    """One spelling for digits, minus signs and blanks."""
    out = []
    for char in text.strip():
        if unicodedata.category(char) == "Nd":
            out.append(str(unicodedata.digit(char)))
        elif char in "\u2212\u2010\u2011\u2013\ufe63\uff0d":
            out.append("-")
        elif unicodedata.category(char) == "Zs":
            out.append(" ")
        elif unicodedata.category(char) != "Cf":
            out.append(char)
    return "".join(out).strip()


def _number(body: str, mark: str) -> Decimal | None:
    group = "," if mark == "." else "."
    body = re.sub(r"(?<=\d)['\u2019 ](?=\d{3}(?!\d))", "", body)
    if body.count(mark) > 1 or not re.fullmatch(r"[\d.,]+", body):
        return None
    whole, _, fraction = body.partition(mark)
    if group in fraction:
        return None
    if group in whole and not re.fullmatch(
        rf"\d{{1,3}}({re.escape(group)}\d{{3}})+|\d{{1,2}}(,\d{{2}})+,\d{{3}}", whole
    ):
        return None
    digits = whole.replace(group, "")
    return Decimal(f"{digits or '0'}.{fraction or '0'}") if digits or fraction else None


def _is_currency(sign: str) -> bool:
    if sign in _SIGNS or all(unicodedata.category(char) == "Sc" for char in sign):
        return True
    return bool(re.fullmatch(r"[A-Za-z]{3}", sign)) and sign.upper() in _codes()


def _codes() -> frozenset[str]:
    from babel.numbers import list_currencies

    return frozenset(list_currencies())


def fits_currency(sign: str, currency: str) -> bool:
    """Whether a sign or code beside an amount can stand for `currency`; none at all always does."""
    if not sign or sign.upper() == currency:
        return True
    return currency in _SIGNS.get(sign, frozenset())


def _no_amount(text: str, field: str) -> InputError:
    return InputError(field, tr("“{text}” is not an amount.", text=text[:40]))


# --- yes and no ---------------------------------------------------------------------------------------


def read_yes(text: str, default: bool, field: str) -> bool:
    """A yes or no; `default` for an empty cell. Raises InputError for anything else."""
    plain = " ".join(_folded(text).replace("-", " ").split())
    if not plain:
        return default
    if plain in _YES:
        return True
    if plain in _NO:
        return False
    raise InputError(field, tr("“{text}” is neither yes nor no.", text=text[:40]))


def shown_date_style(style: str, values: Sequence[str]) -> str:
    """A style in words, with what the first open date of the column would mean in it."""
    words = {
        "ymd": tr("year, month, day"),
        "mdy": tr("month, day, year"),
        "dmy": tr("day, month, year"),
        "serial": tr("day number of a spreadsheet"),
    }[style]
    for text in values:
        day = read_date(text, style)
        if day is not None:
            return tr("{style}: {text} is {day}", style=words, text=text, day=f"{day.day} {day:%b %Y}")
    return words


__all__ = [
    "DATE_STYLES",
    "MARKS",
    "Style",
    "date_style",
    "decimal_mark",
    "fits_currency",
    "read_amount",
    "read_date",
    "read_yes",
    "shown_date_style",
]
