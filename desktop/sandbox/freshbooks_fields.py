"""Reading what a client wrote: numbers, dates, money, texts; each with the errno that FreshBooks gives for it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from desktop.sandbox.freshbooks_books import CENT, Account
from desktop.sandbox.freshbooks_errors import Refused
from desktop.sandbox.service import Json

TEXT_MOST = 255
LONG_TEXT_MOST = 10_000
CODES = frozenset({"USD", "CAD", "GBP", "EUR", "AUD", "NZD", "INR", "CHF", "JPY", "MXN", "SGD", "ZAR"})
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_LONG = frozenset({"note", "notes", "terms", "description"})


def texts(body: Mapping[str, Any], names: tuple[str, ...], obj: str) -> Json:
    """The text fields among `names` that the body holds; null counts as empty."""
    found: Json = {}
    for name in names:
        if name not in body:
            continue
        value = body[name]
        if value is None:
            value = ""
        if isinstance(value, Decimal | int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise Refused(1004, name, f"{name} must be a string.", obj, value)
        if len(value) > (LONG_TEXT_MOST if name in _LONG else TEXT_MOST):
            raise Refused(1017, name, f"{name} is too long.", obj, value[:50])
        if _CONTROL.search(value):
            raise Refused(1004, name, f"{name} contains invalid characters.", obj)
        found[name] = value
    return found


def email(value: str, obj: str) -> None:
    if value and not _EMAIL.fullmatch(value):
        raise Refused(1004, "email", "Email address is not valid.", obj, value)


def number(value: Any, field: str, obj: str) -> Decimal:
    try:
        found = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found) > Decimal("1e12"):
        raise Refused(1004, field, f"{field} must be a number.", obj, value)
    return found


def whole(value: Any, field: str, obj: str) -> int:
    """An id or another whole number, given as number or text."""
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,15}", str(value)):
        raise Refused(1004, field, f"{field} must be an integer.", obj, value)
    return int(str(value))


def percent(value: Any, field: str, obj: str) -> Decimal:
    """A percentage with up to three decimals, 0 to 100."""
    try:
        found = number(value, field, obj)
    except Refused:
        raise Refused(1018, field, obj=obj, value=value) from None
    if not 0 <= found <= 100 or found != round(found, 3):
        raise Refused(1018, field, obj=obj, value=value)
    return found


def day(value: Any, field: str, obj: str) -> str:
    text = str(value)
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError(text)
        dt.date.fromisoformat(text)
    except ValueError:
        raise Refused(1033, field, f"{field} is not a valid date.", obj, value) from None
    return text


def currency(value: Any, obj: str) -> str:
    if value not in CODES:
        raise Refused(1004, "currency_code", "Unknown currency code.", obj, value)
    return str(value)


def amount(account: Account, value: Any, code: str, field: str, obj: str) -> Decimal:
    """The number of a money object whose currency is `code`."""
    if not isinstance(value, Mapping) or "amount" not in value:
        raise Refused(1004, field, f"{field} must hold amount and code.", obj, value)
    if value.get("code") not in (None, code):
        raise Refused(1004, field, f"{field} must be in {code}.", obj, value.get("code"))
    found = number(value["amount"], field, obj)
    if account.rules.fine_money == "refuse" and found != found.quantize(CENT):
        raise Refused(1004, field, f"{field} may have two decimal places.", obj, value["amount"])
    return found


def vis_state(value: Any, obj: str) -> int:
    found = whole(value, "vis_state", obj)
    if found not in (0, 1, 2):
        raise Refused(1004, "vis_state", "vis_state is 0, 1 or 2.", obj, value)
    return found
