"""Reading single values out of a QuickBooks request: types, lengths, references; refusals by the contract's codes."""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from desktop.sandbox.quickbooks_books import Realm
from desktop.sandbox.quickbooks_errors import Refused
from desktop.sandbox.service import Json

CENT = Decimal("0.01")
_EMAIL = re.compile(r"^[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+$")


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def without_nulls(value: Any) -> Any:
    """The same JSON with null attributes gone, as the service reads it."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def number(source: Json, name: str, where: str = "") -> Decimal | None:
    """A number, also one sent as a string; None if absent or "". Raises `Refused` 2010."""
    value = source.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise Refused("2010", f"Property Name:Can not read {where}{name} as a number", where + name)
    try:
        found = Decimal(value)
    except InvalidOperation:
        raise Refused("2010", f"Property Name:Can not read {where}{name} as a number", where + name) from None
    if not found.is_finite() or abs(found) >= Decimal(10) ** 15:
        raise Refused("2010", f"Property Name:{where}{name} is out of range", where + name)
    return found


def amount(source: Json, name: str, where: str = "") -> Decimal | None:
    """Money: a number with at most ten digits before the point, rounded to the cent."""
    found = number(source, name, where)
    if found is not None and abs(found) >= Decimal(10) ** 10:
        raise Refused("6000", f"{where}{name}: the amount is too large", where + name)
    return None if found is None else cents(found)


def flag(source: Json, name: str, default: bool) -> bool:
    value = source.get(name)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if value in (None, ""):
        return default
    if not isinstance(value, bool):
        raise Refused("2010", f"Property Name:Can not read {name} as a boolean", name)
    return value


def date(source: Json, name: str) -> str | None:
    """YYYY-MM-DD; None if absent or "". A time after the day is tolerated and dropped."""
    value = source.get(name)
    if value is None or value == "":
        return None
    try:
        return dt.date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise Refused("2010", f"Property Name:Can not read {name} ({value}) as a date", name) from None


def text(source: Json, name: str, most: int, where: str = "") -> str:
    """A string of at most `most` characters, "" if absent. Raises `Refused` 2050."""
    value = source.get(name)
    if value is None:
        return ""
    if isinstance(value, bool | dict | list):
        raise Refused("2010", f"Property Name:Can not read {where}{name} as a string", where + name)
    found = str(value)
    if len(found) > most:
        raise Refused("2050", f"Min:0 Max:{most:,} supported. Supplied length:{len(found):,}", where + name)
    return found


def part(source: Json, name: str) -> Json:
    """A nested object, {} if absent."""
    value = source.get(name)
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise Refused("2010", f"Property Name:Can not read {name} as an object", name)
    return value


def objects(source: Json, name: str) -> list[Json]:
    value = source.get(name)
    if value is None or value == "":
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Refused("2010", f"Property Name:Can not read {name} as a list of objects", name)
    return value


def choice(source: Json, name: str, allowed: tuple[str, ...]) -> str:
    """One of `allowed`, "" if absent. Raises `Refused` 2170."""
    value = str(source.get(name) or "")
    if value and value not in allowed:
        raise Refused("2170", f"{name}: {value} is none of {', '.join(allowed)}", name)
    return value


def plain_name(source: Json, name: str, most: int) -> str:
    """A name without colon, tab or newline (2040), blanks at its ends dropped."""
    found = text(source, name, most).strip()
    if any(mark in found for mark in ":\t\n\r"):
        raise Refused("2040", f"Property Name:{name} has an illegal character (colon, tab or newline)", name)
    return found


def email(source: Json, name: str) -> Json | None:
    """An e-mail object with its address checked (2210); several addresses stand between commas."""
    holder = part(source, name)
    address = text(holder, "Address", 100, f"{name}.").strip()
    if not address:
        return None
    if not all(_EMAIL.match(single.strip()) for single in address.split(",")):
        raise Refused("2210", f"Email Address should contain @ and . : {address}", f"{name}.Address")
    return {"Address": address}


def reference(
    realm: Realm,
    source: Json,
    name: str,
    entity: str,
    where: str = "",
    fresh: frozenset[tuple[str, str]] = frozenset(),
    check_active: bool = True,
) -> Json | None:
    """A checked reference with its name, None if absent.

    Raises `Refused`: 2500 if nothing has this id (or only since the same batch began), 610 if it is inactive.
    """
    holder = part(source, name)
    value = str(holder.get("value") or "").strip()
    if not value:
        return None
    record = realm.get(entity, value)
    if record is None or (entity, value) in fresh:
        raise Refused("2500", f"Invalid Reference Id : {where}{name} Id {value} is not a {entity}", where + name)
    if check_active and not record.get("Active", True):
        raise Refused(
            "610", f"Object Not Found : {entity} {value} ({name_of(record)}) has been made inactive", where + name
        )
    return {"value": value, "name": name_of(record)}


def name_of(record: Json) -> str:
    return str(record.get("DisplayName") or record.get("FullyQualifiedName") or record.get("Name") or "")


def address(source: Json, name: str) -> Json | None:
    """A postal address with its lengths checked; None if nothing is in it."""
    holder = part(source, name)
    lengths = {f"Line{n}": 500 for n in range(1, 6)}
    lengths |= {"City": 255, "Country": 255, "CountrySubDivisionCode": 255, "PostalCode": 30}
    found = {key: text(holder, key, most, f"{name}.") for key, most in lengths.items()}
    extra = {key: holder[key] for key in ("Lat", "Long", "Note", "CountryCode", "PostalCodeSuffix") if holder.get(key)}
    kept = {key: value for key, value in found.items() if value} | extra
    return kept or None


def phone(source: Json, name: str) -> Json | None:
    value = text(part(source, name), "FreeFormNumber", 30, f"{name}.")
    return {"FreeFormNumber": value} if value else None


def put(target: Json, name: str, value: Any) -> None:
    """Set an attribute, or take it out: only non-null attributes are returned."""
    if value is None or value == "":
        target.pop(name, None)
    else:
        target[name] = value


def check_known(realm: Realm, body: Json, known: frozenset[str], where: str = "") -> None:
    """Raises `Refused` 2010 for an attribute that the service has never heard of."""
    strangers = sorted(set(body) - known)
    if strangers and realm.rules.unknown_fields == "refuse":
        raise Refused(
            "2010",
            "Property Name:failed to parse json object; a property specified is unsupported or invalid: "
            f"{where}{strangers[0]}",
            strangers[0],
        )
