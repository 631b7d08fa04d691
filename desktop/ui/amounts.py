"""Reading amounts the way people write them, exactly: text to `Decimal`, never through a float."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from PySide6.QtCore import QLocale

from desktop.text import tr

_SPACES = " \u00a0\u202f\u2009\t"
_QUOTES = "'\u2019\u066c"
_MINUS = "-\u2212\u2010\u2011\u2013\ufe63\uff0d"
_ISO = re.compile(r"^[A-Z]{3}$")


class AmountError(ValueError):
    """What was typed is no amount; the message is a sentence for the person who typed it."""


def parse_decimal(text: str, locale: QLocale | None = None, currency: str = "") -> Decimal | None:
    """The number in `text`, None for nothing at all.

    Takes the locale's separators and, where they cannot be meant, the other customary ones; signs in front
    or behind, accountants' brackets, currency symbols and codes. With `currency` (ISO 4217) another
    currency's sign is refused. Raises AmountError when nothing certain can be read: nothing is guessed.
    """
    locale = locale or QLocale()
    plain = _plain_digits("".join(c for c in text if unicodedata.category(c) != "Cf").strip())
    if not plain:
        return None
    negative, body = _sign(plain)
    body = _without_currency(body, locale, currency)
    inner_negative, body = _sign(body)
    if negative and inner_negative:
        raise AmountError(tr("“{text}” has two minus signs.", text=text.strip()[:40]))
    value = _number(body, locale)
    if value is None:
        raise AmountError(
            tr(
                "“{text}” is not an amount. Write it like {example}.",
                text=text.strip()[:40],
                example=_example(locale),
            )
        )
    return -value if (negative or inner_negative) and value else value


def _example(locale: QLocale) -> str:
    from desktop.ui.formats import decimal

    return decimal(Decimal("1234.50"), 2, locale)


def _plain_digits(text: str) -> str:
    """ASCII digits for any script's, and one spelling for each kind of separator."""
    out = []
    for char in text:
        digit = unicodedata.digit(char, None) if unicodedata.category(char) == "Nd" else None
        if digit is not None:
            out.append(str(digit))
        elif char == "\u066b":
            out.append(".")
        elif char in _MINUS:
            out.append("-")
        else:
            out.append(char)
    return "".join(out)


def _sign(text: str) -> tuple[bool, str]:
    """Takes off one pair of brackets or one sign, at either end."""
    if text.startswith("(") and text.endswith(")"):
        return True, text[1:-1].strip()
    if text[:1] in ("-", "+"):
        return text[0] == "-", text[1:].strip()
    if text.endswith("-"):
        return True, text[:-1].strip()
    return False, text


def _without_currency(text: str, locale: QLocale, currency: str) -> str:
    """Takes a symbol or code off either end; refuses one that stands for another currency."""
    from desktop.ui.formats import currency_symbol

    own = {
        currency,
        currency_symbol(currency, locale).strip(),
        "$" if currency_symbol(currency, locale).endswith("$") else "",
    }
    match = re.fullmatch(r"([^\d\-+(.,]*)(.*?)([^\d\-+).,]*)", text, re.DOTALL)
    if match is None:
        return text
    front, body, back = (part.strip() for part in match.groups())
    if not any(c.isdigit() for c in body):
        return text
    for mark in (front, back):
        if not mark:
            continue
        home = locale.currencySymbol()
        known = all(unicodedata.category(c) == "Sc" for c in mark) or _ISO.match(mark.upper()) or mark in own | {home}
        if not known:
            return text
        if currency and mark not in own and mark.upper() != currency:
            raise AmountError(tr("This amount is in {currency}; “{mark}” does not fit.", currency=currency, mark=mark))
    return body


def _number(text: str, locale: QLocale) -> Decimal | None:
    for char in _SPACES + _QUOTES:  # nobody writes these as a decimal point
        text = re.sub(rf"(?<=\d){re.escape(char)}(?=\d{{3}}(?!\d))", "\0", text)
    if re.search(r"\0\d{3}\0?\d{1,2}(?!\d)", text) or not re.fullmatch(r"[\d.,\0]*\d[\d.,\0]*", text):
        return None
    text = text.replace("\0", "")
    point = locale.decimalPoint() if locale.decimalPoint() in ".," else "."
    dots, commas = text.count("."), text.count(",")
    if dots and commas:
        last = max(text.rfind("."), text.rfind(","))
        mark = text[last]
        other = "," if mark == "." else "."
        if text.count(mark) > 1:
            return None
        return _joined(text[:last], other, text[last + 1 :])
    mark = "." if dots else ","
    if dots + commas == 0:
        return Decimal(text)
    if dots + commas > 1:
        return _joined(text, mark, "")
    whole, fraction = text.split(mark)
    if mark == point or len(fraction) != 3 or whole in ("", "0"):
        return Decimal(f"{whole or '0'}.{fraction or '0'}")
    if locale.groupSeparator() == mark or locale.groupSeparator() in _QUOTES and mark == ",":
        return _joined(text, mark, "")
    raise AmountError(
        tr(
            "Is “{text}” more than a thousand, or a bit more than {whole}? Please write it without “{mark}”.",
            text=text,
            whole=whole,
            mark=mark,
        )
    )


def _joined(whole: str, separator: str, fraction: str) -> Decimal | None:
    """Groups put together: of three, or with commas as in India (12,34,567)."""
    mark = re.escape(separator)
    groups = rf"\d{{1,3}}(?:{mark}\d{{3}})+"
    if separator == ",":
        groups += r"|\d{1,2}(?:,\d{2})+,\d{3}"
    if separator in whole and not re.fullmatch(groups, whole):
        return None
    digits = whole.replace(separator, "")
    return Decimal(f"{digits or '0'}.{fraction or '0'}") if digits or fraction else None
