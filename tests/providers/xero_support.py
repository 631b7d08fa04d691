"""Xero connected to the sandbox's organisation, and records to send to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Any

from desktop.providers.base import Action, Linked, Outcome, Step
from desktop.providers.records import (
    Allocation,
    CompanyRef,
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    LineRecord,
    PaymentRecord,
    Record,
)
from desktop.providers.xero import Xero
from tests.helpers.control import Control
from tests.helpers.reaching import reached
from tests.providers.support import step

MARKER = "BlueClerk 6f1c0d52-7f6b-4f7e-9f43-2f0a9a6a3b11"
KEY = "abcdef0123456789abcdef0123456789"
SERVICE = "xero"


@asynccontextmanager
async def connected(sandbox: Any, control: Control, read: bool = True, **changes: Any) -> AsyncIterator[Xero]:
    """Xero connected to the sandbox's organisation, its settings read; both sides' clocks move together."""
    async with reached(SERVICE, sandbox, control, **changes) as way:
        xero = Xero(way.http, CompanyRef(way.service["company_id"]))
        if read:
            await xero.settings()
        yield xero


async def make(xero: Xero, *steps: Step, key: str = KEY) -> list[Outcome]:
    """The outcomes of all steps, in their order, whatever calls they took."""
    found: dict[str, Outcome] = {}
    for at, call in enumerate(xero.prepare(steps)):
        outcomes = await xero.send(call, f"{key[:-1]}{at}")
        found |= {element.ref: one for element, one in zip(call.elements, outcomes, strict=True)}
    return [found[step.ref] for step in steps]


async def done(xero: Xero, record: Record, action: Action = Action.CREATE, *fields: str, key: str) -> Any:
    """The record as Xero answered it."""
    [outcome] = await make(xero, step(record, action, fields=fields), key=key * 32)
    assert isinstance(outcome, Linked), outcome
    return outcome.record


def customer(name: str = "Nora Stone", **fields: Any) -> CustomerRecord:
    return CustomerRecord(name, **fields)


def item(name: str = "Skylight", **fields: Any) -> ItemRecord:
    return ItemRecord(name, **{"income_account_id": "200", "unit_price": Decimal("120.05")} | fields)


def line(item_id: str = "SVC-CALL", quantity: str = "2", price: str = "120.05", **fields: Any) -> LineRecord:
    amount = (Decimal(quantity) * Decimal(price)).quantize(Decimal("0.01"))
    known = {"item_id": item_id, "income_account_id": "200"}
    return LineRecord("2 h", Decimal(quantity), Decimal(price), amount, **known | fields)


def invoice(customer_id: str, number: str = "B-1", **fields: Any) -> InvoiceRecord:
    known = {"lines": (line(),), "due_on": date(2026, 12, 20), "memo": "Thank you", "marker": MARKER}
    return InvoiceRecord(number, customer_id, date(2026, 11, 20), **known | fields)


def payment(bill: InvoiceRecord, amount: str = "100.00", **fields: Any) -> PaymentRecord:
    known = {
        "allocations": (Allocation(bill.external_id or "", Decimal(amount)),),
        "reference": "1886",
        "marker": MARKER,
    }
    return PaymentRecord(bill.customer_id, date(2026, 11, 21), Decimal(amount), **known | fields)


async def billed(xero: Xero, **fields: Any) -> InvoiceRecord:
    """A new invoice of 240.10 for a new contact."""
    who = await done(xero, customer(), key="c")
    found: InvoiceRecord = await done(xero, invoice(who.external_id, **fields), key="b")
    return found
