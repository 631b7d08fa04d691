"""Records as plain JSON and back, and the fields by which two versions of a record are compared.

What both sides last agreed on is kept as two such snapshots, ours as sent and theirs as answered: a
service may write a value its own way, and that alone must never look like an edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from desktop.providers.records import (
    Address,
    Allocation,
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    Kind,
    LineRecord,
    PaymentMethod,
    PaymentRecord,
    Record,
)

COMPARED: Mapping[Kind, tuple[str, ...]] = {
    Kind.CUSTOMER: (
        "display_name",
        "given_name",
        "family_name",
        "company_name",
        "email",
        "phone",
        "address",
        "active",
    ),
    Kind.ITEM: ("name", "description", "unit_price", "income_account_id", "taxable", "active"),
    Kind.INVOICE: (
        "number",
        "customer_id",
        "issued_on",
        "due_on",
        "lines",
        "discount",
        "memo",
        "voided",
        "draft",
    ),
    Kind.PAYMENT: ("customer_id", "paid_on", "amount", "allocations", "method", "reference", "voided"),
}
"""The fields of each kind that are kept alike; everything else there belongs to the bookkeeper (I6)."""

_TYPES: Mapping[Kind, type[Any]] = {
    Kind.CUSTOMER: CustomerRecord,
    Kind.ITEM: ItemRecord,
    Kind.INVOICE: InvoiceRecord,
    Kind.PAYMENT: PaymentRecord,
}


def to_json(value: Any) -> Any:
    """`value` (a record or a part of one) as JSON; amounts as text so that no digit is lost."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_json(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    return value


def record_from_json(kind: Kind, data: Mapping[str, Any]) -> Record:
    """The record that `to_json` was given; fields that a later version added take their default."""
    record_type = _TYPES[kind]
    known = {item.name for item in fields(record_type)}
    values = {name: _restored(name, value) for name, value in data.items() if name in known}
    record: Record = record_type(**values)
    return record


_DECIMALS = {
    "amount",
    "unit_price",
    "quantity",
    "discount",
    "discount_percent",
    "total",
    "tax_total",
    "balance",
    "unapplied",
}
_DATES = {"issued_on", "due_on", "paid_on"}


def _restored(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _DECIMALS:
        return Decimal(value)
    if name in _DATES:
        return date.fromisoformat(value)
    if name == "updated_at":
        return datetime.fromisoformat(value)
    if name == "address":
        return Address(**value)
    if name == "method":
        return PaymentMethod(value)
    if name == "lines":
        return tuple(LineRecord(**{key: _restored(key, part) for key, part in line.items()}) for line in value)
    if name == "allocations":
        return tuple(Allocation(part["invoice_id"], Decimal(part["amount"])) for part in value)
    return value


def compared(kind: Kind, record: Record) -> dict[str, Any]:
    """The fields of `record` that are kept alike, in a form in which equal values are equal.

    Money and numbers are normalised ("2" and "2.000000" are the same quantity), text is compared
    without outer blanks and with one kind of line end, as the services store it.
    """
    return {name: _normal(name, getattr(record, name)) for name in COMPARED[kind]}


def both(kind: Kind, ours: Record, theirs: Record) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ours and theirs in that form; items of lines are left out where the service's lines name none."""
    left, right = compared(kind, ours), compared(kind, theirs)
    if isinstance(theirs, InvoiceRecord) and all(line.item_id is None for line in theirs.lines):
        for side in (left, right):
            side["lines"] = [{**line, "item_id": None} for line in side["lines"]]
    return left, right


def unlike(kind: Kind, ours: Record, theirs: Record) -> frozenset[str]:
    """The fields in which the two differ."""
    left, right = both(kind, ours, theirs)
    return frozenset(name for name in left if left[name] != right[name])


def _normal(name: str, value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize() + 0, "f")
    if isinstance(value, str) and not isinstance(value, Enum):
        return value.replace("\r\n", "\n").strip()
    if name == "lines":
        return [_line(line) for line in value]
    if name == "allocations":
        return sorted([part.invoice_id, _normal("amount", part.amount)] for part in value)
    if isinstance(value, Address):
        return {item.name: getattr(value, item.name).strip() for item in fields(value)}
    return to_json(value)


def _line(line: LineRecord) -> dict[str, Any]:
    return {
        "item_id": line.item_id,
        "description": line.description.replace("\r\n", "\n").strip(),
        "quantity": _normal("quantity", line.quantity),
        "unit_price": _normal("unit_price", line.unit_price),
        "amount": _normal("amount", line.amount),
        "taxable": line.taxable,
    }


def changed_fields(kind: Kind, ours: Record, agreed_ours: Mapping[str, Any]) -> frozenset[str]:
    """Our fields that differ from what was last agreed; all of them when nothing was agreed yet."""
    now = compared(kind, ours)
    return frozenset(name for name, value in now.items() if name not in agreed_ours or agreed_ours[name] != value)


def with_identity(record: Record, external_id: str | None, version: str | None) -> Record:
    """`record` under the service's id and version."""
    return replace(record, external_id=external_id, version=version)
