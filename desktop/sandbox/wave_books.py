"""One Wave business: its records in the words of the schema, an undo log, and the sums of an invoice.

A record is never changed in place: a change puts a new one in its stead, so that undoing is putting back.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.service import Json

TABLES = ("Account", "Customer", "Product", "SalesTax", "Invoice", "InvoicePayment", "Transaction")
FIRST_ID = {"Account": 910_000_001, "Customer": 52_300_001, "Product": 81_400_001, "SalesTax": 33_001}
TYPE_OF = {
    "INCOME": "INCOME", "OTHER_INCOME": "INCOME", "DISCOUNTS": "INCOME", "UNCATEGORIZED_INCOME": "INCOME",
    "GAIN_ON_FOREIGN_EXCHANGE": "INCOME", "CASH_AND_BANK": "ASSET", "MONEY_IN_TRANSIT": "ASSET",
    "RECEIVABLE_INVOICES": "ASSET", "EXPENSE": "EXPENSE", "COST_OF_GOODS_SOLD": "EXPENSE",
    "PAYMENT_PROCESSING_FEES": "EXPENSE", "PAYROLL_EXPENSES": "EXPENSE", "SALES_TAX": "LIABILITY",
}  # fmt: skip
"""The type of each account subtype that a seed uses."""
INCOME_SUBTYPES = frozenset({"INCOME", "DISCOUNTS", "OTHER_INCOME"})
EXPENSE_SUBTYPES = frozenset({"EXPENSE", "COST_OF_GOODS_SOLD", "PAYMENT_PROCESSING_FEES", "PAYROLL_EXPENSES"})
PAYMENT_SUBTYPES = frozenset({"CASH_AND_BANK", "CREDIT_CARD", "MONEY_IN_TRANSIT"})
ZERO = Decimal(0)
PLACES = {"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "VND": 0, "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3, "TND": 3}
"""Currencies that are not booked with two decimals."""


def pack_id(*parts: tuple[str, object]) -> str:
    """An id as Wave builds it: base64 of `Business:<uuid>;Customer:<number>`."""
    plain = ";".join(f"{kind}:{value}" for kind, value in parts)
    return base64.b64encode(plain.encode()).decode()


def stamp(time: dt.datetime) -> str:
    """DateTime on the wire: UTC with milliseconds and Z."""
    return time.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def places_of(currency: str) -> int:
    return PLACES.get(currency, 2)


def rounded(value: Decimal | Fraction, places: int) -> Decimal:
    """Ties away from zero, decided on the exact value."""
    if isinstance(value, Decimal):
        return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) + ZERO
    scaled = abs(value) * 10**places
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(units if value >= 0 else -units).scaleb(-places) + ZERO


@dataclass(frozen=True, slots=True)
class Row:
    """A record together with the business and the table it lies in."""

    home: Business
    table: str
    data: Json

    @property
    def id(self) -> str:
        return str(self.data["id"])


@dataclass
class Business:
    """The books of one business. `name_of_seed` is what it was made from, e.g. `demo`.

    `active_plan` is False once Wave Pro has lapsed. `money_commas` writes Money.value as "1,234.00" [U].
    """

    uuid: str
    name_of_seed: str
    clock: SandboxClock
    info: Json = field(default_factory=dict)
    active_plan: bool = True
    money_commas: bool = False
    tables: dict[str, dict[str, Json]] = field(default_factory=lambda: {table: {} for table in TABLES})
    _numbers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _paid: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _of_customer: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _next: dict[str, int] = field(default_factory=dict)
    _undo: list[tuple[str, str, Json | None]] = field(default_factory=list)
    _lists: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return pack_id(("Business", self.uuid))

    @property
    def currency(self) -> str:
        return str(self.info["currency"])

    @property
    def suitable(self) -> bool:
        """Whether a person may let a program in here."""
        return self.active_plan and not (self.info["isArchived"] or self.info["isClassicAccounting"])

    def today(self) -> dt.date:
        return self.clock.now().date()

    # --- reading ---

    def get(self, table: str, record_id: str) -> Json | None:
        return self.tables[table].get(record_id)

    def row(self, table: str, record_id: str) -> Row:
        return Row(self, table, self.tables[table][record_id])

    def rows(self, table: str) -> list[Row]:
        return [Row(self, table, data) for data in self.tables[table].values()]

    def listed(self, key: str, make: Callable[[], list[Row]]) -> list[Row]:
        """A list in its order, kept until anything changes: page after page of a long one asks for the same."""
        known = self._lists.get(key)
        if known is None:
            known = self._lists[key] = make()
        return known

    def invoices_numbered(self, number: str) -> set[str]:
        return self._numbers.get(number.strip().casefold(), set())

    def next_number(self) -> str:
        """The highest whole number in use plus one."""
        used = [int(number) for number, ids in self._numbers.items() if ids and number.isdigit()]
        return str(max(used, default=0) + 1)

    def invoices_of(self, customer_id: str) -> Iterator[Json]:
        for invoice_id in sorted(self._of_customer.get(customer_id, ())):
            yield self.tables["Invoice"][invoice_id]

    def payments_of(self, invoice_id: str) -> list[Json]:
        found = [self.tables["InvoicePayment"][one] for one in self._paid.get(invoice_id, ())]
        return sorted(found, key=lambda payment: str(payment["createdAt"]))

    def paid(self, invoice: Json) -> Decimal:
        return sum((payment["amount"] for payment in self.payments_of(invoice["id"])), ZERO)

    def due(self, invoice: Json) -> Decimal:
        total: Decimal = invoice["total"]
        return total - self.paid(invoice)

    def status(self, invoice: Json) -> str:
        """The order between OVERDUE and PARTIAL is open [U]: overdue goes first here."""
        if invoice["isDraft"]:
            return "DRAFT"
        paid, total = self.paid(invoice), invoice["total"]
        if paid > total:
            return "OVERPAID"
        if paid == total and total > 0:
            return "PAID"
        if invoice["dueDate"] < self.today():
            return "OVERDUE"
        if paid > 0:
            return "PARTIAL"
        return "VIEWED" if invoice["lastViewedAt"] else "SENT" if invoice["lastSentAt"] else "SAVED"

    # --- writing ---

    def new_id(self, table: str) -> str:
        number = self._next.get(table, FIRST_ID.get(table, 20_500_001))
        self._next[table] = number + 1
        return pack_id(("Business", self.uuid), (table, number))

    def create(self, table: str, fields: Json, time: dt.datetime | None = None) -> Row:
        at = stamp(time or self.clock.now())
        made = {**fields, "id": self.new_id(table), "createdAt": at, "modifiedAt": at}
        return self.put(table, made)

    def update(self, table: str, record_id: str, fields: Json) -> Row:
        """Replace these fields; `modifiedAt` moves on even if the clock stands."""
        old = self.tables[table][record_id]
        now = max(stamp(self.clock.now()), _a_moment_after(old["modifiedAt"]))
        return self.put(table, {**old, **fields, "modifiedAt": now})

    def put(self, table: str, made: Json) -> Row:
        record_id = made["id"]
        old = self.tables[table].get(record_id)
        self._undo.append((table, record_id, old))
        if old is not None:
            self._unindex(table, old)
        self.tables[table][record_id] = made
        self._index(table, made)
        return Row(self, table, made)

    def delete(self, table: str, record_id: str) -> None:
        old = self.tables[table].pop(record_id)
        self._undo.append((table, record_id, old))
        self._unindex(table, old)

    def mark(self) -> None:
        """A point to go back to. Forgets what was undoable before."""
        self._undo.clear()

    def rollback(self) -> None:
        """Undo everything since the last mark; ids given out stay used."""
        while self._undo:
            table, record_id, old = self._undo.pop()
            current = self.tables[table].pop(record_id, None)
            if current is not None:
                self._unindex(table, current)
            if old is not None:
                self.tables[table][record_id] = old
                self._index(table, old)

    def _index(self, table: str, record: Json) -> None:
        self._lists.clear()
        if table == "Invoice":
            self._numbers[record["invoiceNumber"].strip().casefold()].add(record["id"])
            self._of_customer[record["customerId"]].add(record["id"])
        elif table == "InvoicePayment":
            self._paid[record["invoiceId"]].add(record["id"])

    def _unindex(self, table: str, record: Json) -> None:
        self._lists.clear()
        if table == "Invoice":
            self._numbers[record["invoiceNumber"].strip().casefold()].discard(record["id"])
            self._of_customer[record["customerId"]].discard(record["id"])
        elif table == "InvoicePayment":
            self._paid[record["invoiceId"]].discard(record["id"])


def _a_moment_after(time: str) -> str:
    return stamp(dt.datetime.fromisoformat(time) + dt.timedelta(milliseconds=1))


def add_up(home: Business, invoice: Json, extra_cents: int = 0) -> Json:
    """The sums of an invoice: lines rounded each, discount before tax and spread over the lines, tax once."""
    places = places_of(invoice["currency"])
    items = [{**item, "subtotal": rounded(item["quantity"] * item["unitPrice"], places)} for item in invoice["items"]]
    subtotal = sum((item["subtotal"] for item in items), ZERO)
    discount = sum((_discount(one, subtotal, places) for one in invoice["discounts"]), ZERO)
    kept = 1 - Fraction(discount) / Fraction(subtotal) if subtotal else Fraction(1)
    tax = Fraction(0)
    for item in items:
        rates = [Fraction(home.tables["SalesTax"][tax_id]["rate"]) for tax_id in item["taxIds"]]
        taxes = [Fraction(item["subtotal"]) * kept * rate for rate in rates]
        item["taxAmounts"] = [rounded(one, places) for one in taxes]
        tax += sum(taxes, Fraction(0))
    tax_total = rounded(tax, places)
    extra = Decimal(extra_cents).scaleb(-places)
    sums = {"subtotal": subtotal, "discountTotal": discount, "taxTotal": tax_total}
    return {**invoice, "items": items, **sums, "total": subtotal - discount + tax_total + extra}


def _discount(discount: Json, subtotal: Decimal, places: int) -> Decimal:
    if discount["__typename"] == "PercentageInvoiceDiscount":
        return rounded(subtotal * discount["percentage"] / 100, places)
    return rounded(discount["amount"], places)


def money(amount: Decimal, currency: str, commas: bool) -> Json:
    """`Money` as the schema has it; `value` is text in major units."""
    places = places_of(currency)
    minor = rounded(amount, places).scaleb(places)
    text = f"{rounded(amount, places):,.{places}f}" if commas else f"{rounded(amount, places):.{places}f}"
    return {"currency": currency_of(currency), "minorUnitValue": minor, "raw": int(minor), "value": text}


def currency_of(code: str) -> Json:
    return {"code": code, "exponent": places_of(code), "name": code, "plural": code, "symbol": code}


def plain(value: Any) -> str:
    """A Decimal as text without exponent and without trailing zeros."""
    if not isinstance(value, Decimal):
        value = Decimal(str(value))
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
