"""What the suite works on: a provider with its grant, and the other side of it, where books are read and edited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from desktop.clock import ManualClock
from desktop.providers.base import (
    Action,
    Linked,
    Outcome,
    Provider,
    Step,
    marker_for,
)
from desktop.providers.records import (
    AccountKind,
    Allocation,
    CompanyRef,
    CompanySettings,
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    Kind,
    LineRecord,
    PaymentMethod,
    PaymentRecord,
    Record,
)
from desktop.providers.registry import ServiceInfo
from tests.helpers.control import Control
from tests.helpers.fakes import FakeProvider
from tests.helpers.reaching import reached

ISSUED, DUE, PAID = date(2026, 11, 2), date(2026, 12, 2), date(2026, 11, 3)
KINDS = {CustomerRecord: Kind.CUSTOMER, ItemRecord: Kind.ITEM, InvoiceRecord: Kind.INVOICE, PaymentRecord: Kind.PAYMENT}


class Side(Protocol):
    """The other side: its books in neutral words, a bookkeeper's hand, and a network that fails on command."""

    def books(self) -> dict[str, Any]: ...

    def edit(self, kind: Kind, external_id: str, change: str | dict[str, Any]) -> None: ...

    def lose_reply(self, op: str) -> None: ...

    def lose_call(self, op: str) -> None: ...

    def limit(self, op: str, seconds: float) -> None: ...

    @property
    def calls(self) -> int: ...

    @property
    def struck(self) -> int: ...

    @property
    def inside_demanded_wait(self) -> int: ...


class SandboxSide:
    """One service of the sandbox, reached by its control interface."""

    def __init__(self, control: Control, name: str) -> None:
        self._control = control
        self._name = name

    def books(self) -> dict[str, Any]:
        return self._control.books(self._name)

    def edit(self, kind: Kind, external_id: str, change: str | dict[str, Any]) -> None:
        self._control.edit(kind.value, external_id, change, self._name)

    def lose_reply(self, op: str) -> None:
        self._arm(op, id="N1", phase="after")

    def lose_call(self, op: str) -> None:
        self._arm(op, id="N2")

    def limit(self, op: str, seconds: float) -> None:
        self._arm(op, id="H1", params={"retry_after": seconds})

    def _arm(self, op: str, **rule: Any) -> None:
        self._control.faults({"provider": self._name, "op": op, "nth": 1, "times": 1} | rule)

    @property
    def calls(self) -> int:
        return len(self._control.ledger())

    @property
    def struck(self) -> int:
        """How many calls a fault has met."""
        return sum(bool(entry["fault"]) for entry in self._control.ledger())

    @property
    def inside_demanded_wait(self) -> int:
        """Calls that came while the service had asked to wait."""
        return int(self._control.meter(self._name)["inside_demanded_wait"])


@dataclass
class Made:
    """A connected provider whose settings were read, and short verbs to write with it."""

    provider: Provider
    side: Side
    settings: CompanySettings
    clock: ManualClock
    revoke: Callable[[], Awaitable[bool]]
    sent: int = field(default=0)

    def account(self, kind: AccountKind) -> str | None:
        """The default account of a kind, else its first one in use; None where the service shows none."""
        found = [one for one in self.settings.accounts if one.kind is kind and one.active]
        found.sort(key=lambda one: not one.is_default)
        return found[0].external_id if found else None

    async def later(self, seconds: float = 5) -> None:
        """Time passes on both sides: some services stamp their versions in whole seconds."""
        await self.clock.sleep(seconds)

    # --- writing ---

    async def send(self, *steps: Step, key: str = "") -> list[Outcome]:
        """The outcomes of all steps in their order, whatever calls they took."""
        found: dict[str, Outcome] = {}
        for call in self.provider.prepare(steps):
            self.sent += 1
            outcomes = await self.provider.send(call, key or f"{self.sent:032x}")
            found |= {element.ref: one for element, one in zip(call.elements, outcomes, strict=True)}
        return [found[step.ref] for step in steps]

    async def done(self, record: Record, action: Action = Action.CREATE, *fields: str) -> Any:
        """The record as the service answered it; fails unless it was linked with id and version."""
        [outcome] = await self.send(step(record, action, *fields))
        assert isinstance(outcome, Linked), outcome
        assert outcome.record.external_id, outcome
        return outcome.record

    # --- records ---

    def item(self, name: str = "Skylight", **fields: Any) -> ItemRecord:
        known = {"unit_price": Decimal("120.05"), "description": "One pane", "marker": marker(name)}
        return ItemRecord(name, income_account_id=self.account(AccountKind.INCOME), **known | fields)

    def line(self, item: ItemRecord, quantity: str = "2", price: str = "120.05", **fields: Any) -> LineRecord:
        """A line as planning makes it: whatever a service's lines need is there."""
        amount = (Decimal(quantity) * Decimal(price)).quantize(Decimal("0.01"))
        known = {"item_id": item.external_id, "item_name": item.name}
        known |= {"income_account_id": self.account(AccountKind.INCOME)}
        return LineRecord("2 h", Decimal(quantity), Decimal(price), amount, **known | fields)

    def invoice(self, who: CustomerRecord, *lines: LineRecord, number: str = "B-1", **fields: Any) -> InvoiceRecord:
        known = {"due_on": DUE, "memo": "Thank you", "marker": marker(number), "currency": self.settings.home_currency}
        return InvoiceRecord(number, who.external_id or "", ISSUED, lines, **known | fields)

    def payment(self, bill: InvoiceRecord, amount: str = "100.00", **fields: Any) -> PaymentRecord:
        known = {
            "allocations": (Allocation(bill.external_id or "", Decimal(amount)),),
            "reference": "1886",
            "marker": marker(f"paid {bill.number}"),
            "method": PaymentMethod.CHECK,
            "currency": self.settings.home_currency,
            "deposit_account_id": self.account(AccountKind.DEPOSIT),
        }
        return PaymentRecord(bill.customer_id, PAID, Decimal(amount), **known | fields)

    async def named(self, name: str = "Nora Stone", **fields: Any) -> CustomerRecord:
        """A new customer."""
        found: CustomerRecord = await self.done(CustomerRecord(name, marker=marker(name), **fields))
        return found

    async def billed(self, **fields: Any) -> InvoiceRecord:
        """A new invoice of 240.10 for a new customer."""
        who = await self.named()
        what = await self.done(self.item())
        found: InvoiceRecord = await self.done(self.invoice(who, self.line(what), **fields))
        return found

    # --- the other side's books ---

    def rows(self, kind: str, **wanted: Any) -> list[dict[str, Any]]:
        """The rows of a table of the other books in which these columns hold these values."""
        rows = self.side.books()[kind]
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def marker(name: str) -> str:
    return marker_for(str(uuid5(NAMESPACE_URL, name)))


def step(record: Record, action: Action = Action.CREATE, *fields: str, ref: str = "") -> Step:
    kind = KINDS[type(record)]
    return Step(ref or f"{kind.value}:1", action, kind, record, frozenset(fields))


@asynccontextmanager
async def over_sandbox(info: ServiceInfo, sandbox: Any, control: Control) -> AsyncIterator[Made]:
    """A provider as the registry makes it, over real sockets; both sides' clocks move together."""
    name = info.key.value
    async with reached(name, sandbox, control) as way:
        provider = info.make_provider(way.http, CompanyRef(way.service["company_id"]))
        settings = await provider.settings()
        yield Made(provider, SandboxSide(control, name), settings, way.clock, way.tokens.revoke)


@asynccontextmanager
async def in_memory() -> AsyncIterator[Made]:
    """The fake, which must pass all of it too."""
    clock = ManualClock(datetime(2026, 11, 2, 18, 0, tzinfo=UTC))
    provider = FakeProvider(clock)
    yield Made(provider, provider, await provider.settings(), clock, provider.revoke)
