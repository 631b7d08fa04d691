"""Large books in a second: invoices with payments, links and a few troubles, written without the verbs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert

from desktop.books.numbers import number_key
from desktop.models.session import Database
from desktop.models.tables import (
    Customer,
    ExternalLink,
    Invoice,
    InvoiceLine,
    Item,
    OutboxEntry,
    Payment,
    PaymentAllocation,
    SyncStatus,
)

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
TODAY = NOW.date()
COMPANY = ("quickbooks", "company-1")


def fill(database: Database, invoices: int, customers: int = 5000, linked: float = 0.9, seed: int = 1) -> None:
    """`invoices` invoices, six in ten with a payment; `linked` of them are linked, most of those in sync."""
    chance = random.Random(seed)
    with database.write() as session:
        session.execute(insert(Item), [_item()])
        session.execute(insert(Customer), [_customer(number) for number in range(1, customers + 1)])
        rows = [_invoice(number, customers, chance) for number in range(1, invoices + 1)]
        session.execute(insert(Invoice), rows)
        session.execute(insert(InvoiceLine), [_line(row) for row in rows])
        paid = [row for row in rows if row["status"] == "sent" and chance.random() < 0.7]
        session.execute(insert(Payment), [_payment(number, row) for number, row in enumerate(paid, 1)])
        parts = [_part(number, row, chance) for number, row in enumerate(paid, 1)]
        session.execute(insert(PaymentAllocation), parts)
        session.execute(insert(ExternalLink), list(_links(rows, parts, linked, chance)))
        session.execute(insert(SyncStatus), [_trouble(row["id"], chance) for row in rows[:: max(1, invoices // 50)]])
        session.execute(insert(OutboxEntry), [_promised(row["id"]) for row in rows[3 :: max(1, invoices // 40)]])


def _stamps() -> dict[str, Any]:
    return {"created_at": NOW, "updated_at": NOW, "revision": 1}


def _item() -> dict[str, Any]:
    return {"id": 1, "uuid": "item", "name": "Work", "name_key": "work", **_stamps()}


def _customer(number: int) -> dict[str, Any]:
    name = f"Customer {number * 7919 % 5003:05d}"
    return {
        "id": number,
        "uuid": f"c{number}",
        "display_name": name,
        "name_key": name.lower(),
        "kind": "homeowner",
        **_stamps(),
    }


def _invoice(number: int, customers: int, chance: random.Random) -> dict[str, Any]:
    issued = TODAY - timedelta(days=chance.randrange(900))
    total = Decimal(chance.randrange(100, 900_000)) / 100
    status = chance.choices(("draft", "sent", "void"), (10, 87, 3))[0]
    text = f"INV-{number:04d}"
    return {
        "id": number,
        "uuid": f"i{number}",
        "number": text,
        "number_key": number_key(text),
        "customer_id": chance.randrange(1, customers + 1),
        "status": status,
        "issued_on": issued,
        "due_on": issued + timedelta(days=30),
        "currency": "USD",
        "rounding": "on_total",
        "subtotal": total,
        "discount": Decimal(0),
        "tax": Decimal(0),
        "total": total,
        "sent_at": NOW,
        **_stamps(),
    }


def _line(invoice: dict[str, Any]) -> dict[str, Any]:
    return {
        "invoice_id": invoice["id"],
        "position": 0,
        "item_id": 1,
        "quantity": Decimal(1),
        "unit_price": invoice["total"],
        "amount": invoice["total"],
    }


def _payment(number: int, invoice: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "uuid": f"p{number}",
        "customer_id": invoice["customer_id"],
        "paid_on": date(2026, 5, 1),
        "amount": invoice["total"],
        "currency": "USD",
        "method": "check",
        "deleted": number % 97 == 0,
        **_stamps(),
    }


def _part(number: int, invoice: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    share = invoice["total"] if chance.random() < 0.8 else invoice["total"].quantize(Decimal(1)) / 2
    return {"payment_id": number, "invoice_id": invoice["id"], "amount": share}


def _links(
    rows: list[dict[str, Any]], parts: list[dict[str, Any]], linked: float, chance: random.Random
) -> Iterator[dict[str, Any]]:
    there = set()
    for row in rows:
        if row["status"] == "sent" and chance.random() < linked:
            there.add(row["id"])
            yield _link("invoice", row["id"], 0 if chance.random() < 0.02 else 1)
    for part in parts:
        if part["invoice_id"] in there and chance.random() < 0.98:
            yield _link("payment", part["payment_id"], 1)


def _link(kind: str, local_id: int, agreed: int) -> dict[str, Any]:
    return {
        "provider": COMPANY[0],
        "company_id": COMPANY[1],
        "kind": kind,
        "local_id": local_id,
        "external_id": f"{kind[0]}{local_id}",
        "agreed": {},
        "agreed_revision": agreed,
        "linked_at": NOW,
        "agreed_at": NOW,
    }


def _trouble(invoice_id: int, chance: random.Random) -> dict[str, Any]:
    state = chance.choice(("needs_you", "conflict", "syncing", "in_doubt", "waiting"))
    return {"kind": "invoice", "local_id": invoice_id, "state": state, "title": "Something", "at": NOW}


def _promised(invoice_id: int) -> dict[str, Any]:
    return {"kind": "invoice", "local_id": invoice_id, "reason": "changed", "not_before": NOW, "created_at": NOW}
