"""What leaves, for all providers alike: exact numbers, and no e-mail address that we made up ourselves (I19)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from desktop.errors import InternalMistake

PLACEHOLDER_DOMAIN = "@placeholder.local"


def real_email(email: str) -> str:
    """`email`, or "" for one that we made up ourselves (I19)."""
    return "" if email.strip().lower().endswith(PLACEHOLDER_DOMAIN) else email.strip()


def without_made_up(service: str, body: str) -> str:
    """`body` as it is. Raises InternalMistake if a made-up e-mail address would leave with it (I19)."""
    if PLACEHOLDER_DOMAIN in body.lower():
        raise InternalMistake(service, details="a made-up e-mail address was about to be sent")
    return body


def exact_json(value: Any) -> str:
    """Decimals leave as the very digits they hold: a float on the way could change a cent."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        members = (f"{json.dumps(name)}:{exact_json(member)}" for name, member in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(exact_json, value)) + "]"
    return json.dumps(value)


def filled(payload: Mapping[str, Any]) -> dict[str, Any]:
    """`payload` without what holds nothing."""
    return {name: value for name, value in payload.items() if value not in ("", None, {}, [])}


def merged(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One payload out of the parts that the fields of a record make; a later part counts."""
    payload: dict[str, Any] = {}
    for part in parts:
        payload.update(part)
    return payload
