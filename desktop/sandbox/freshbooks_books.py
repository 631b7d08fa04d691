"""One FreshBooks business's books: records in wire form, and what is worked out of them whenever they are shown.

A record is never changed in place: a change puts a new one in its stead.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.service import Json

EASTERN = ZoneInfo("America/New_York")
"""Accounting times have no zone and mean this one (contract 4)."""
ACTIVE, DELETED, ARCHIVED = 0, 1, 2
RESOURCES = ("clients", "items", "invoices", "payments", "taxes", "categories")
FIRST_ID = {
    "clients": 310_001, "items": 45_001, "invoices": 778_001, "payments": 99_001, "taxes": 7_001, "lines": 1,
    "credits": 501, "categories": 3_001,
}  # fmt: skip
ID_FIELD = {
    "clients": "userid", "items": "itemid", "invoices": "invoiceid", "payments": "logid", "taxes": "taxid",
    "categories": "categoryid",
}  # fmt: skip
ZERO = Decimal(0)
CENT = Decimal("0.01")


@dataclass(slots=True)
class CompanyRules:
    """Switches of one business; those that the contract leaves open say so with [U] and start with the harsher case.

    `error_shape`: `classic` or `newer`. `money` [fixtures differ]: `text` or `number`. `ids`: `number` or `text`.
    `numbers` [U]: `unique` or `free`; `deleted_keep_numbers` [U]. `number_search` [U]: `contains` or `exact`.
    `sent_twice` [U]: `refuse` or `allow`, a second mark-as-sent. `paid_drafts` [U]: `refuse` or `allow`.
    `fine_money` [U]: `refuse` or `allow`, amounts of more than two decimals.
    `ledger`: `open` or `closed` (403, a small plan). `lapsed`: the subscription has ended.
    """

    error_shape: str = "classic"
    money: str = "text"
    ids: str = "number"
    numbers: str = "unique"
    deleted_keep_numbers: bool = True
    number_search: str = "contains"
    sent_twice: str = "refuse"
    paid_drafts: str = "refuse"
    fine_money: str = "refuse"
    ledger: str = "open"
    lapsed: bool = False


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def money(amount: Decimal, code: str) -> Json:
    """An amount as FreshBooks writes it: a decimal string with its currency."""
    return {"amount": f"{cents(amount):f}", "code": code}


def value_of(amount: Json) -> Decimal:
    return Decimal(amount["amount"])


@dataclass
class Account:
    """The books of one business. `name` is what it was made from, e.g. `demo`."""

    id: str
    business_id: int
    business_uuid: str
    name: str
    title: str
    role: str
    country: str
    currency: str
    address: Json
    clock: SandboxClock
    ledger: list[Json] = field(default_factory=list)
    rules: CompanyRules = field(default_factory=CompanyRules)
    fill: Callable[[Account], None] | None = None
    """Puts the first records in when somebody looks: a business that nobody opens costs nothing."""
    _tables: dict[str, dict[int, Json]] = field(default_factory=lambda: {name: {} for name in RESOURCES})
    _stamp: tuple[int, str] = (0, "")
    _next: dict[str, int] = field(default_factory=dict)
    _paid: dict[int, list[int]] = field(default_factory=dict)
    _numbers: dict[str, set[int]] = field(default_factory=dict)

    @property
    def tables(self) -> dict[str, dict[int, Json]]:
        if self.fill is not None:
            fill, self.fill = self.fill, None
            fill(self)
        return self._tables

    # --- time ---

    def stamp(self, at: dt.datetime | None = None) -> str:
        second = int((at or self.clock.now()).timestamp())
        if second != self._stamp[0]:  # thousands of records share theirs
            moment = dt.datetime.fromtimestamp(second, EASTERN)
            self._stamp = second, moment.strftime("%Y-%m-%d %H:%M:%S")
        return self._stamp[1]

    def today(self) -> dt.date:
        return self.clock.now().astimezone(EASTERN).date()

    # --- reading ---

    def get(self, resource: str, record_id: int) -> Json | None:
        return self.tables[resource].get(record_id)

    def payments_of(self, invoice_id: int) -> Iterator[Json]:
        """The payments that count."""
        for payment_id in self._paid.get(invoice_id, ()):
            payment = self.tables["payments"][payment_id]
            if payment["vis_state"] == ACTIVE:
                yield payment

    def invoices_numbered(self, number: str) -> set[int]:
        return self._numbers.get(number, set())

    def next_number(self) -> str:
        """The number FreshBooks gives by itself: the highest in use plus one, seven digits."""
        used = [int(number) for number, ids in self._numbers.items() if ids and number.isdigit()]
        return f"{max(used, default=0) + 1:07d}"

    def applied(self, payment: Json) -> Decimal:
        """The part of a payment that pays its invoice; the rest is a credit."""
        return value_of(payment["amount"]) - Decimal(payment["over"])

    def paid(self, invoice: Json) -> Decimal:
        return sum((self.applied(payment) for payment in self.payments_of(invoice["id"])), ZERO)

    # --- writing ---

    def new_id(self, sequence: str) -> int:
        number = self._next.get(sequence, FIRST_ID[sequence])
        self._next[sequence] = number + 1
        return number

    def create(self, resource: str, fields: Json, at: dt.datetime | None = None) -> Json:
        record_id = self.new_id(resource)
        stamp = self.stamp(at)
        made = {"vis_state": ACTIVE, **fields, "id": record_id, ID_FIELD[resource]: record_id, "updated": stamp}
        made["accounting_systemid"] = self.id
        if resource == "invoices":
            made["created_at"] = stamp
        return self.put(resource, made)

    def update(self, resource: str, record: Json) -> Json:
        return self.put(resource, {**record, "updated": self.stamp()})

    def touch(self, invoice_id: int) -> None:
        """A payment came or went: the invoice has changed."""
        invoice = self.tables["invoices"].get(invoice_id)
        if invoice is not None:
            settled = value_of(invoice["amount"]) - self.paid(invoice) <= 0
            self.update("invoices", {**invoice, "date_paid": self.today().isoformat() if settled else None})

    def put(self, resource: str, made: Json) -> Json:
        record_id = int(made["id"])
        old = self.tables[resource].get(record_id)
        self.tables[resource][record_id] = made
        if resource == "payments" and old is None:
            self._paid.setdefault(int(made["invoiceid"]), []).append(record_id)
        if resource == "invoices":
            if old is not None:
                self._numbers[old["invoice_number"]].discard(record_id)
            self._numbers.setdefault(made["invoice_number"], set()).add(record_id)
        return made

    def snapshot(self) -> object:
        """Everything as it is, for `restore`; cheap, since records are never changed in place."""
        tables = {name: dict(table) for name, table in self.tables.items()}
        numbers = {number: set(ids) for number, ids in self._numbers.items()}
        return tables, numbers, {invoice: list(ids) for invoice, ids in self._paid.items()}

    def restore(self, snapshot: object) -> None:
        assert isinstance(snapshot, tuple)
        self._tables, self._numbers, self._paid = snapshot

    # --- as the service shows them ---

    def show(self, resource: str, record: Json, includes: frozenset[str] = frozenset(), single: bool = True) -> Json:
        """A record as an answer holds it; `single` is no list, where an invoice's lines come along by themselves."""
        if resource == "invoices":
            shown = self._shown_invoice(record, single or "lines" in includes)
        elif resource == "payments":
            shown = {name: value for name, value in record.items() if name != "over"}
        elif resource == "clients":
            shown = {**record, "outstanding_balance": self._owed(record["id"]) if single else []}
        else:
            shown = dict(record)
        return self._dressed(shown)

    def _dressed(self, value: Json) -> Json:
        if self.rules.money == "number":
            value = _amounts_as_numbers(value)
        if self.rules.ids == "text":
            value = {
                name: str(item) if name in _IDS and isinstance(item, int) else item for name, item in value.items()
            }
        return value

    def _owed(self, client_id: int) -> list[Json]:
        total = ZERO
        for invoice in self.tables["invoices"].values():
            if invoice["customerid"] == client_id and invoice["vis_state"] == ACTIVE and invoice["sent"]:
                total += value_of(invoice["amount"]) - self.paid(invoice)
        return [{"amount": money(total, self.currency)}] if total else []

    def _shown_invoice(self, record: Json, lines: bool) -> Json:
        hidden = {"sent"} if lines else {"sent", "lines"}
        shown = {name: value for name, value in record.items() if name not in hidden}
        amount, paid, code = value_of(record["amount"]), self.paid(record), record["currency_code"]
        status, v3, payment_status = self.state_of(record)
        return {
            **shown,
            "paid": money(paid, code),
            "outstanding": money(amount - paid, code),
            "status": status,
            "v3_status": v3,
            "display_status": v3,
            "payment_status": payment_status,
        }

    def state_of(self, record: Json) -> tuple[int, str, str]:
        """`status`, `v3_status` and `payment_status` (contract 7: overdue stands in v3 only)."""
        amount, paid = value_of(record["amount"]), self.paid(record)
        payment_status = "paid" if paid and paid >= amount else "partial" if paid else "unpaid"
        if not record["sent"]:
            return 1, "draft", payment_status
        if payment_status == "paid":
            return 4, "paid", payment_status
        overdue = record["due_date"] < self.today().isoformat()
        if payment_status == "partial":
            return 8, "overdue" if overdue else "partial", payment_status
        return 2, "overdue" if overdue else "sent", payment_status


_IDS = frozenset({*ID_FIELD.values(), "id", "customerid", "clientid", "ownerid", "sentid"})


def _amounts_as_numbers(value: Json) -> Json:
    def number(item: object) -> object:
        if isinstance(item, dict):
            if set(item) == {"amount", "code"} and isinstance(item["amount"], str):
                return {"amount": Decimal(item["amount"]), "code": item["code"]}
            return {name: number(part) for name, part in item.items()}
        if isinstance(item, list):
            return [number(part) for part in item]
        return item

    return {name: number(item) for name, item in value.items()}
