"""One QuickBooks company's books: objects in wire form, their indexes, and an undo log.

An object is never changed in place: a change puts a new one in its stead, so that undoing is putting back.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.service import Json

PACIFIC = dt.timezone(dt.timedelta(hours=-7))
PEOPLE = ("Customer", "Vendor", "Employee")
NAME_LISTS = ("Customer", "Vendor", "Employee", "Item", "Account", "TaxCode", "TaxRate", "PaymentMethod", "Term")
TRANSACTIONS = ("Invoice", "Payment")
ENTITIES = (*NAME_LISTS, *TRANSACTIONS, "CompanyInfo", "Preferences")
NAME_FIELD = dict.fromkeys(PEOPLE, "DisplayName")
FIRST_ID = {"Account": 33, "Invoice": 101, "Payment": 101}


@dataclass(slots=True)
class CompanyRules:
    """Switches of one company; those that the contract leaves open say so with [U].

    `numbers_when_off` [U]: `kept` or `replaced`, a given DocNumber while CustomTxnNumbers is false.
    `replay_seconds`/`replay_faults` [U]: how long a requestid is remembered, and whether refusals are too.
    `requestid_works`: field reports say that it sometimes does not.
    `payment_bumps_invoice` [U]: a payment raises the SyncToken of the invoices it pays.
    `text` [U]: `utf8`, or `latin1` to refuse other characters. `unknown_fields`: `refuse` (2010) or `ignore`.
    `tax_engine`: `manual`, or `ast` (automated sales tax: the service picks the rate by itself).
    """

    custom_txn_numbers: bool = False
    numbers_when_off: str = "kept"
    warn_duplicate_numbers: bool = True
    book_close_date: str = ""
    auto_apply_payments: bool = False
    multi_currency: bool = False
    tax_engine: str = "manual"
    lapsed: bool = False
    missing_income_code: str = "2020"
    replay_faults: bool = False
    requestid_works: bool = True
    replay_seconds: int = 90_000
    payment_bumps_invoice: bool = True
    text: str = "utf8"
    unknown_fields: str = "refuse"
    amount_tolerance: str = "0.005"
    batch_order: str = "given"


@dataclass(slots=True)
class Deleted:
    entity: str
    id: str
    time: dt.datetime


@dataclass(slots=True)
class Reply:
    """A remembered answer. `digest` is the hash of the request's body, to notice another one under the same id."""

    time: float
    status: int
    body: Json
    digest: str


def stamp(time: dt.datetime) -> str:
    return time.astimezone(PACIFIC).isoformat(timespec="seconds")


def fold(name: str) -> str:
    return name.strip().casefold()


@dataclass
class Realm:
    """The books of one company. `name` is what the company was made from, e.g. `demo`."""

    id: str
    name: str
    country: str
    currency: str
    clock: SandboxClock
    rules: CompanyRules = field(default_factory=CompanyRules)
    tables: dict[str, dict[str, Json]] = field(default_factory=lambda: {entity: {} for entity in ENTITIES})
    deleted: list[Deleted] = field(default_factory=list)
    replies: dict[tuple[str, str], Reply] = field(default_factory=dict)
    deposited: set[str] = field(default_factory=set)
    undeposited_id: str = ""
    receivable_id: str = ""
    _names: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    _numbers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _of_customer: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    _next: dict[str, int] = field(default_factory=dict)
    _undo: list[tuple[str, str, Json | None, int]] = field(default_factory=list)

    @property
    def is_us(self) -> bool:
        return self.country in ("US", "USA")

    def today(self) -> dt.date:
        return self.clock.now().astimezone(PACIFIC).date()

    # --- reading ---

    def get(self, entity: str, record_id: str) -> Json | None:
        return self.tables[entity].get(record_id)

    def name_owner(self, entity: str, name: str) -> tuple[str, str] | None:
        """Who bears this name: (entity, id). People share one list; each other list has its own."""
        return self._names.get((_name_group(entity), fold(name)))

    def invoices_numbered(self, number: str) -> set[str]:
        return self._numbers.get(fold(number), set())

    def next_number(self) -> str:
        """The next invoice number in sequence: the highest whole number in use plus one."""
        used = [int(number) for number, ids in self._numbers.items() if ids and number.isdigit()]
        return str(max(used, default=1000) + 1)

    def transactions_of(self, customer_id: str) -> Iterator[tuple[str, Json]]:
        for entity, record_id in self._of_customer.get(customer_id, ()):
            yield entity, self.tables[entity][record_id]

    def payments_of(self, invoice: Json) -> list[str]:
        return [link["TxnId"] for link in invoice.get("LinkedTxn", ()) if link["TxnType"] == "Payment"]

    # --- writing ---

    def new_id(self, entity: str) -> str:
        sequence = "Txn" if entity in TRANSACTIONS else entity
        number = self._next.get(sequence, FIRST_ID.get(entity, 1))
        self._next[sequence] = number + 1
        return str(number)

    def create(self, entity: str, fields: Json, time: dt.datetime | None = None) -> Json:
        """Put a new object with Id, SyncToken 0 and MetaData into the books."""
        at = stamp(time or self.clock.now())
        made = {
            **fields,
            "domain": "QBO",
            "sparse": False,
            "Id": fields.get("Id") or self.new_id(entity),
            "SyncToken": "0",
            "MetaData": {"CreateTime": at, "LastUpdatedTime": at},
        }
        return self.put(entity, made)

    def update(self, entity: str, fields: Json, bump: bool = True) -> Json:
        """Replace an object; SyncToken and LastUpdatedTime go up (the token only if `bump`)."""
        old = self.tables[entity][fields["Id"]]
        made = {
            **fields,
            "domain": "QBO",
            "sparse": False,
            "SyncToken": str(int(old["SyncToken"]) + bump),
            "MetaData": {**old["MetaData"], "LastUpdatedTime": stamp(self.clock.now())},
        }
        return self.put(entity, made)

    def put(self, entity: str, made: Json) -> Json:
        record_id = made["Id"]
        old = self.tables[entity].get(record_id)
        self._undo.append((entity, record_id, old, len(self.deleted)))
        if old is not None:
            self._unindex(entity, old)
        self.tables[entity][record_id] = made
        self._index(entity, made)
        return made

    def delete(self, entity: str, record_id: str) -> None:
        old = self.tables[entity][record_id]
        self._undo.append((entity, record_id, old, len(self.deleted)))
        self._unindex(entity, old)
        del self.tables[entity][record_id]
        self.deleted.append(Deleted(entity, record_id, self.clock.now()))

    def mark(self) -> int:
        """A point to go back to. Forgets what was undoable before."""
        self._undo.clear()
        return 0

    def rollback(self) -> None:
        """Undo everything since the last mark; ids given out stay used."""
        while self._undo:
            entity, record_id, old, deleted = self._undo.pop()
            current = self.tables[entity].pop(record_id, None)
            if current is not None:
                self._unindex(entity, current)
            if old is not None:
                self.tables[entity][record_id] = old
                self._index(entity, old)
            del self.deleted[deleted:]

    def settle_customer(self, customer_id: str) -> None:
        """Work out a customer's Balance anew: open invoices less money not yet applied."""
        customer = self.tables["Customer"].get(customer_id)
        if customer is None:
            return
        total = Decimal(0)
        for entity, record in self.transactions_of(customer_id):
            total += record["Balance"] if entity == "Invoice" else -record["UnappliedAmt"]
        if customer["Balance"] != total:
            self.put("Customer", {**customer, "Balance": total, "BalanceWithJobs": total})

    # --- indexes ---

    def _index(self, entity: str, record: Json) -> None:
        if entity in NAME_LISTS:
            name = record.get(NAME_FIELD.get(entity, "Name"))
            if name:
                self._names.setdefault((_name_group(entity), fold(name)), (entity, record["Id"]))
        elif entity in TRANSACTIONS:
            self._of_customer[record["CustomerRef"]["value"]].add((entity, record["Id"]))
            if entity == "Invoice" and record.get("DocNumber"):
                self._numbers[fold(record["DocNumber"])].add(record["Id"])

    def _unindex(self, entity: str, record: Json) -> None:
        if entity in NAME_LISTS:
            key = (_name_group(entity), fold(record.get(NAME_FIELD.get(entity, "Name")) or ""))
            if self._names.get(key) == (entity, record["Id"]):
                del self._names[key]
        elif entity in TRANSACTIONS:
            self._of_customer[record["CustomerRef"]["value"]].discard((entity, record["Id"]))
            if entity == "Invoice" and record.get("DocNumber"):
                self._numbers[fold(record["DocNumber"])].discard(record["Id"])


def _name_group(entity: str) -> str:
    return "People" if entity in PEOPLE else entity
