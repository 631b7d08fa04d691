"""Reading what a caller sent, as strictly as Xero does (contract 2.4, 2.5, 3)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from desktop.sandbox.service import Json
from desktop.sandbox.xero_errors import TOO_LONG, BadData

_SLASH_DATE = re.compile(r"^/Date\((-?\d+)([+-]\d{4})?\)/$")
_PLAIN_DATE = re.compile(r"^(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?)?$")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def text(body: Json, name: str, most: int = 0, problems: list[str] | None = None) -> str:
    """A text, "" if absent; numbers are taken as text. Too long goes to `problems`."""
    value = body.get(name)
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise BadData(f"Invalid value for {name}")
    found = str(value)
    if most and len(found) > most and problems is not None:
        problems.append(TOO_LONG.format(field=name, most=most))
    return found


def number(body: Json, name: str) -> Decimal | None:
    """A number, None if absent or blank. Raises `BadData`."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool | dict | list):
        raise BadData(f"Invalid number for {name}")
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise BadData(f"Invalid number for {name}: {value}") from None
    if not found.is_finite() or abs(found) > Decimal("1e12"):
        raise BadData(f"Invalid number for {name}: {value}")
    return found


def flag(body: Json, name: str) -> bool | None:
    value = body.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise BadData(f"Invalid boolean for {name}: {value}")


def day(body: Json, name: str) -> str:
    """A calendar date as ISO text, "" if absent: `2026-02-15`, with a time behind a `T`, or `/Date(ms+0000)/`.

    Raises `BadData` for anything else, a blank in place of the `T` included (ErrorNumber 14).
    """
    value = body.get(name)
    if value is None or value == "":
        return ""
    found = _SLASH_DATE.match(str(value))
    try:
        if found:
            return (EPOCH + dt.timedelta(milliseconds=int(found[1]))).date().isoformat()
        plain = _PLAIN_DATE.match(str(value))
        if plain:
            return dt.date.fromisoformat(plain[1]).isoformat()
    except (ValueError, OverflowError):
        pass
    raise BadData(f"The string '{value}' is not a valid date for {name}")


def choice(body: Json, name: str, allowed: Sequence[str]) -> str:
    """One of `allowed`, exactly as it is written there; "" if absent."""
    value = text(body, name)
    if value and value not in allowed:
        raise BadData(f"Invalid {name} value: '{value}'")
    return value


def objects(body: Json, name: str) -> list[Json]:
    """A list of objects, empty if absent. Raises `BadData`."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise BadData(f"{name} must be a list of objects")
    return value


def part(body: Json, name: str) -> Json:
    """An object, empty if absent. Raises `BadData`."""
    value: Any = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadData(f"{name} must be an object")
    return value
