"""A QuickBooks provider over an imitated transport or over the sandbox, and records to send with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from desktop.clock import Clock, ManualClock, SeededEntropy
from desktop.providers.base import AccessToken, Action, Step
from desktop.providers.http import ServiceHttp
from desktop.providers.limits import Limits
from desktop.providers.quickbooks import LIMITS, QuickBooks
from desktop.providers.records import (
    Allocation,
    CompanyRef,
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    Kind,
    LineRecord,
    PaymentRecord,
    Record,
)

NOW = datetime(2026, 11, 2, 18, 0, tzinfo=UTC)
BASE = "https://quickbooks.example.test"
MARKER = "BlueClerk 6f1c0d52-7f6b-4f7e-9f43-2f0a9a6a3b11"
PAYLOADS = Path(__file__).parent / "payloads" / "quickbooks"

Handler = Callable[[httpx.Request], httpx.Response]


def payload(name: str) -> Any:
    """A recorded shape, its numbers exact as our own parser reads them."""
    return json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"), parse_float=Decimal)


class Tokens:
    """A token source that remembers which tokens were refused."""

    def __init__(self, *values: str) -> None:
        self.values = list(values) or ["token-1", "token-2", "token-3"]
        self.refused: list[str] = []
        self.asked = 0

    async def __call__(self, refused: AccessToken | None = None) -> AccessToken:
        self.asked += 1
        if refused is not None:
            self.refused.append(refused.value)
        at = len(self.refused)
        return AccessToken(self.values[at], at)


class Server:
    """Answers requests from a list, the last answer again and again; keeps what arrived."""

    def __init__(self, *answers: httpx.Response | Exception | Handler) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def reply(body: Any, status: int = 200, **headers: str) -> Handler:
    """A JSON answer, made anew for each request."""

    def make(request: httpx.Request) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        content = json.dumps(body, default=float).encode()
        known = {"content-type": "application/json", "intuit_tid": "tid-1"}
        return httpx.Response(status, content=content, headers=known | names)

    return make


def raw(content: bytes, content_type: str = "application/json", status: int = 200, **headers: str) -> Handler:
    """An answer of any bytes, made anew for each request."""

    def make(request: httpx.Request) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Response(status, content=content, headers={"content-type": content_type, **names})

    return make


def service(
    server: Callable[[httpx.Request], Any],
    *,
    clock: Clock | None = None,
    tokens: Tokens | None = None,
    limits: Limits = LIMITS,
    base: str = BASE,
) -> ServiceHttp:
    """The real request path over an imitated transport."""
    return ServiceHttp(
        base=base,
        service="QuickBooks",
        tokens=tokens or Tokens(),
        clock=clock or ManualClock(NOW),
        entropy=SeededEntropy(1),
        client=httpx.AsyncClient(transport=httpx.MockTransport(server)),
        limits=limits,
    )


def provider(server: Server, **options: Any) -> QuickBooks:
    """QuickBooks over an imitated transport."""
    return QuickBooks(service(server, **options), CompanyRef("9130"))


def customer(name: str = "Amy's Bird Sanctuary", **fields: Any) -> CustomerRecord:
    return CustomerRecord(name, **fields)


def item(name: str = "Gutter cleaning", **fields: Any) -> ItemRecord:
    return ItemRecord(name, **{"income_account_id": "79", "unit_price": Decimal("120.05")} | fields)


def line(amount: str = "240.10", quantity: str = "2", price: str = "120.05", **fields: Any) -> LineRecord:
    numbers = Decimal(quantity), Decimal(price), Decimal(amount)
    return LineRecord("2 h", *numbers, **{"item_id": "11"} | fields)


def invoice(number: str = "INV-1007", **fields: Any) -> InvoiceRecord:
    known = {"lines": (line(),), "due_on": date(2026, 12, 2), "memo": "Thank you", "marker": MARKER}
    return InvoiceRecord(number, "1", date(2026, 11, 2), **known | fields)


def payment(amount: str = "240.10", **fields: Any) -> PaymentRecord:
    known = {"allocations": (Allocation("130", Decimal(amount)),), "reference": "1886", "marker": MARKER}
    return PaymentRecord("1", date(2026, 11, 5), Decimal(amount), **known | fields)


def step(record: Record, action: Action = Action.CREATE, ref: str = "", fields: tuple[str, ...] = ()) -> Step:
    kinds = {CustomerRecord: Kind.CUSTOMER, ItemRecord: Kind.ITEM, InvoiceRecord: Kind.INVOICE}
    kind = kinds.get(type(record), Kind.PAYMENT)
    return Step(ref or f"{kind.value}:1", action, kind, record, frozenset(fields))
