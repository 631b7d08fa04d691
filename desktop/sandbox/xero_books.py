"""One Xero organisation's books: records by id, their natural keys, and an undo log.

Records are kept under Xero's own names, but with plain values: calendar dates as ISO text, money as `Decimal`,
`UpdatedDateUTC` as an instant. `xero_show` dresses them for a reader. A record is never changed in place: a change
puts a new one in its stead, so that undoing is putting back.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.service import Json

ID = {
    "Contact": "ContactID",
    "Item": "ItemID",
    "Account": "AccountID",
    "TaxRate": "TaxType",
    "Invoice": "InvoiceID",
    "Payment": "PaymentID",
}
PLURAL = {entity: f"{entity}s" for entity in ID}
ZERO = Decimal(0)


@dataclass(slots=True)
class OrganisationRules:
    """Switches of one organisation. Dates are ISO text, "" for none.

    `daily_calls`: 5000, or 1000 as on the Starter plan. `approve_limit`: so many invoices may be approved, 0 for any
    number. `currencies`: further currencies, separated by blanks. `cache_errors`: an Idempotency-Key remembers errors.
    """

    period_lock_date: str = ""
    end_of_year_lock_date: str = ""
    daily_calls: int = 5000
    approve_limit: int = 0
    currencies: str = ""
    cache_errors: bool = True


def plain_id(entity: str, record: Json) -> str:
    """How others name a record: items and accounts go by the code that lines and items use, all else by id."""
    return str((record.get("Code") if entity in ("Item", "Account") else "") or record[ID[entity]])


def fold(text: str) -> str:
    return text.strip().casefold()


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def places(amount: Decimal, digits: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


@dataclass
class Organisation:
    """The books of one organisation (a tenant). `name` is what it was made from, e.g. `demo`."""

    id: str
    name: str
    info: Json
    currency: str
    clock: SandboxClock
    rules: OrganisationRules = field(default_factory=OrganisationRules)
    tables: dict[str, dict[str, Json]] = field(default_factory=lambda: {entity: {} for entity in ID})
    payments_of: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    reconciled: set[str] = field(default_factory=set)
    _keys: dict[tuple[str, str], str] = field(default_factory=dict)
    _made: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _undo: list[tuple[str, str, Json | None]] = field(default_factory=list)

    # --- reading ---

    def get(self, entity: str, record_id: str) -> Json | None:
        return self.tables[entity].get(record_id.lower() if entity != "TaxRate" else record_id)

    def keyed(self, key: str, value: str) -> Json | None:
        """By natural key: contact_name (active ones), contact_number, account_number, item_code, account_code,
        invoice_number."""
        record_id = self._keys.get((key, fold(value)))
        entity = {"contact": "Contact", "account": "Contact", "item": "Item", "invoice": "Invoice"}[key.split("_")[0]]
        if key == "account_code":
            entity = "Account"
        return self.tables[entity].get(record_id) if record_id else None

    def paid(self, invoice_id: str) -> list[Json]:
        """The payments that count on an invoice, in the order in which they were made."""
        rows = (self.tables["Payment"][payment_id] for payment_id in self.payments_of[invoice_id])
        return [row for row in rows if row["Status"] != "DELETED" and row["_invoice"] == invoice_id]

    def approved(self) -> int:
        return sum(row["Status"] in ("AUTHORISED", "PAID") for row in self.tables["Invoice"].values())

    def lock_problem(self, *days: str) -> tuple[str, str] | None:
        """("period" or "year", lock date) if one of the days is locked."""
        for kind, lock in (("year", self.rules.end_of_year_lock_date), ("period", self.rules.period_lock_date)):
            if lock and any(day and day <= lock for day in days):
                return kind, lock
        return None

    # --- writing ---

    def new_id(self, entity: str) -> str:
        """Unguessable in form, the same in each run."""
        self._made[entity] += 1
        digest = hashlib.sha256(f"{self.id}/{entity}/{self._made[entity]}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))

    def put(self, entity: str, record: Json, time: dt.datetime | None = None, touch: bool = True) -> Json:
        """Store a record; with `touch` its UpdatedDateUTC is now (or `time`)."""
        made = dict(record)
        if touch:
            made["UpdatedDateUTC"] = (time or self.clock.now()).replace(microsecond=0) + dt.timedelta(
                milliseconds=(time or self.clock.now()).microsecond // 1000
            )
        record_id = made[ID[entity]]
        old = self.tables[entity].get(record_id)
        self._undo.append((entity, record_id, old))
        self._replace(entity, record_id, made)
        return made

    def delete(self, entity: str, record_id: str) -> None:
        self._undo.append((entity, record_id, self.tables[entity][record_id]))
        self._replace(entity, record_id, None)

    def mark(self) -> None:
        """A point to go back to. Forgets what was undoable before."""
        self._undo.clear()

    def point(self) -> int:
        """A point to go back to with `rollback`, without forgetting what went before."""
        return len(self._undo)

    def rollback(self, point: int = 0) -> None:
        """Undo everything since `point` (or the last mark); ids given out stay used."""
        while len(self._undo) > point:
            entity, record_id, old = self._undo.pop()
            self._replace(entity, record_id, old)

    def _replace(self, entity: str, record_id: str, made: Json | None) -> None:
        table = self.tables[entity]
        old = table.get(record_id)
        if old is not None:
            for key in _keys_of(entity, old):
                if self._keys.get(key) == record_id:
                    del self._keys[key]
        if made is None:
            table.pop(record_id, None)
            if entity == "Payment" and old is not None:
                self.payments_of[old["_invoice"]].remove(record_id)
            return
        table[record_id] = made
        for key in _keys_of(entity, made):
            self._keys.setdefault(key, record_id)
        if entity == "Payment" and old is None:
            self.payments_of[made["_invoice"]].append(record_id)


def _keys_of(entity: str, record: Json) -> list[tuple[str, str]]:
    if entity == "Contact":
        names = [("contact_name", record["Name"])] if record["ContactStatus"] == "ACTIVE" else []
        found = [*names, ("contact_number", record["ContactNumber"]), ("account_number", record["AccountNumber"])]
    elif entity == "Item":
        found = [("item_code", record["Code"])]
    elif entity == "Account":
        found = [("account_code", record["Code"])]
    elif entity == "Invoice" and record["Status"] != "DELETED":
        found = [("invoice_number", record["InvoiceNumber"])]
    else:
        found = []
    return [(key, fold(value)) for key, value in found if value]
