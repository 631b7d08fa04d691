"""A Wave provider over an imitated transport or over the sandbox, and records to send with it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import httpx

from desktop.clock import ManualClock, SeededEntropy
from desktop.providers.base import Linked
from desktop.providers.http import ServiceHttp
from desktop.providers.records import (
    AccountKind,
    Allocation,
    CompanyRef,
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    LineRecord,
    PaymentMethod,
    PaymentRecord,
)
from desktop.providers.wave import LIMITS, Wave
from tests.helpers.control import Control
from tests.helpers.reaching import reached
from tests.providers.support import NOW, Tokens, step

KEY = "unused"
MARKER = "BlueClerk 6f1c0d52-7f6b-4f7e-9f43-2f0a9a6a3b11"


@asynccontextmanager
async def connected(
    sandbox: Any, control: Control, *, company: str | None = None, batch: int = 10, **changes: Any
) -> AsyncIterator[Wave]:
    """Wave connected to the sandbox's business; both sides' clocks move together."""
    async with reached("wave", sandbox, control, **changes) as way:
        yield Wave(way.http, CompanyRef(way.service["company_id"] if company is None else company), batch=batch)


def imitated(*bodies: Any, status: int = 200, batch: int = 10) -> tuple[Wave, list[dict[str, Any]]]:
    """Wave over answers from a list, the last one again and again; and what was sent."""
    sent: list[dict[str, Any]] = []
    left = list(bodies)

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        body = left.pop(0) if len(left) > 1 else left[0]
        body = body(sent[-1]) if callable(body) else body
        return httpx.Response(status, content=json.dumps(body).encode(), headers={"content-type": "application/json"})

    http = ServiceHttp(
        base="https://wave.example.test",
        service="Wave",
        tokens=Tokens(),
        clock=ManualClock(NOW),
        entropy=SeededEntropy(1),
        client=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
        limits=LIMITS,
    )
    return Wave(http, CompanyRef("B"), batch=batch), sent


def customer(name: str = "Amy's Bird Sanctuary", **fields: Any) -> CustomerRecord:
    return CustomerRecord(name, **fields)


def item(name: str = "Gutter cleaning", **fields: Any) -> ItemRecord:
    return ItemRecord(name, **{"income_account_id": "A", "unit_price": Decimal("120.05")} | fields)


def line(amount: str = "240.10", quantity: str = "2", price: str = "120.05", **fields: Any) -> LineRecord:
    return LineRecord("2 h", Decimal(quantity), Decimal(price), Decimal(amount), **{"item_id": "P"} | fields)


def invoice(number: str = "INV-1007", **fields: Any) -> InvoiceRecord:
    known = {"lines": (line(),), "due_on": date(2099, 12, 2), "memo": "Thank you", "marker": MARKER}
    return InvoiceRecord(number, "C", date(2026, 11, 2), **known | fields)


def payment(invoice_id: str = "I", amount: str = "240.10", **fields: Any) -> PaymentRecord:
    known = {"allocations": (Allocation(invoice_id, Decimal(amount)),), "reference": "1886", "marker": MARKER}
    usual = {"method": PaymentMethod.CHECK, "deposit_account_id": "D"}
    return PaymentRecord("C", date(2026, 11, 5), Decimal(amount), **known | usual | fields)


async def make(wave: Wave, *steps: Any) -> list[Any]:
    [call] = wave.prepare(steps)
    return await wave.send(call, KEY)


async def account(wave: Wave, kind: AccountKind = AccountKind.INCOME) -> str:
    return next(one.external_id for one in (await wave.settings()).accounts if one.kind is kind and one.active)


async def seeded(wave: Wave) -> tuple[CustomerRecord, ItemRecord]:
    """A new customer and a new item."""
    mapped = item("Skylight", income_account_id=await account(wave))
    first, second = await make(wave, step(customer("Nora Stone"), ref="customer:41"), step(mapped))
    assert isinstance(first, Linked) and isinstance(second, Linked)
    return first.record, second.record  # type: ignore[return-value]


async def billed(wave: Wave, number: str = "B-1", **fields: Any) -> InvoiceRecord:
    """A new invoice of 240.10 for a new customer."""
    who, what = await seeded(wave)
    made = replace(invoice(number, lines=(line(item_id=what.external_id),)), customer_id=who.external_id, **fields)
    [outcome] = await make(wave, step(made))
    assert isinstance(outcome, Linked), outcome
    return outcome.record  # type: ignore[return-value]


async def paying(wave: Wave, bill: InvoiceRecord, amount: str = "100.00", **fields: Any) -> PaymentRecord:
    deposit = await account(wave, AccountKind.DEPOSIT)
    made = payment(bill.external_id or "", amount, deposit_account_id=deposit)
    return replace(made, customer_id=bill.customer_id, **fields)
