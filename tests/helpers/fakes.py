"""A service in memory that keeps the whole contract of `desktop.providers.base`, and nothing that is one service's own.

It is no mock: it passes the same behavioural suite (`tests/contract`) as the real providers, so what a test learns
with it holds for them. It has a memory: records, versions, keys with the answers they got, and deletions.
"""

from __future__ import annotations

import base64
import hashlib
import pickle
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from desktop.clock import ManualClock
from desktop.errors import (
    ConnectionProblem,
    GoneRemote,
    InvalidField,
    ItemError,
    NameTaken,
    NeedsSignIn,
    NumberTaken,
    PaymentBlocked,
    RateLimited,
    StaleVersion,
)
from desktop.providers.base import (
    Action,
    CallElement,
    Capabilities,
    InDoubt,
    Linked,
    NotSent,
    Outcome,
    PreparedCall,
    Refused,
    Step,
    Terms,
)
from desktop.providers.records import (
    AccountKind,
    AccountRecord,
    Allocation,
    Changes,
    CompanyRef,
    CompanySettings,
    CustomerRecord,
    Deleted,
    Found,
    InvoiceRecord,
    ItemRecord,
    Kind,
    LineRecord,
    Lookup,
    Page,
    PaymentMethod,
    PaymentMethodRecord,
    PaymentRecord,
    ProviderKey,
    Record,
    TaxCodeRecord,
)

SERVICE = "Ledgerly"
PAGE = 2
CENT = Decimal("0.01")
COMPANY = CompanyRef("F1", "Fable Works Ltd")
INCOME, BANK, SALES_TAX = "4000", "1000", "T8"
CAPABILITIES = Capabilities(
    batch=3,
    native_keys=True,
    key_trust_seconds=3600,
    income_accounts=True,
    invoice_number_max=20,
    name_max=80,
    unique_customer_names=True,
    email_max=90,
    lines_max=40,
    memo_max=200,
    name_forbidden=":",
    refuses_taken=frozenset({Kind.CUSTOMER, Kind.ITEM, Kind.INVOICE}),
)
TERMS = Terms(SERVICE, SERVICE, "income account", "income accounts", "customer", "company")

ORIGIN = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
"""When the records of the seed were last written."""
_BY_HAND = {"date": "issued_on", "due_date": "due_on"}
RecordT = TypeVar("RecordT", CustomerRecord, ItemRecord, InvoiceRecord, PaymentRecord)


class FakeProvider:
    """One company in memory. `clock` stamps the records; sleeping is never needed."""

    key = ProviderKey.QUICKBOOKS
    """There is no key for a service that does not exist; nothing here depends on it."""
    capabilities = CAPABILITIES
    terms = TERMS

    def __init__(self, clock: ManualClock) -> None:
        self.company = COMPANY
        self.calls = 0
        self.struck = 0
        self.inside_demanded_wait = 0
        self._clock = clock
        self._rows: dict[Kind, dict[str, Any]] = {kind: {} for kind in Kind}
        self._gone: list[tuple[datetime, Deleted]] = []
        self._answers: dict[str, list[Outcome]] = {}
        self._lost: list[str] = []
        self._unheard: list[str] = []
        self._limited: list[tuple[str, float]] = []
        self._closed_until: datetime | None = None
        self._granted = True
        self._made = 100
        self._seed()

    def _seed(self) -> None:
        ada = self._store(Kind.CUSTOMER, CustomerRecord("Ada Brook", phone="555-0101"), at=ORIGIN)
        self._store(Kind.CUSTOMER, CustomerRecord("Old Mill", active=False), at=ORIGIN)
        self._store(Kind.CUSTOMER, CustomerRecord("Ben Carr"), at=ORIGIN)
        mowing = ItemRecord("Mowing", unit_price=Decimal("40.00"), income_account_id=INCOME)
        known = self._store(Kind.ITEM, mowing, at=ORIGIN)
        self._store(Kind.ITEM, replace(mowing, name="Digging", active=False), at=ORIGIN)
        price = Decimal("40.00")
        line = LineRecord("Mowing", Decimal(1), price, price, item_id=known.external_id)
        bill = InvoiceRecord("900", ada.external_id or "", date(2026, 10, 1), (line,), due_on=date(2026, 10, 31))
        made = self._store(Kind.INVOICE, bill, at=ORIGIN)
        paid = PaymentRecord(bill.customer_id, date(2026, 10, 9), price, (Allocation(made.external_id or "", price),))
        self._store(Kind.PAYMENT, paid, at=ORIGIN)

    # --- what a test does on the other side ---

    def books(self) -> dict[str, Any]:
        """The records in the same neutral words as the sandbox's control interface."""
        return {
            "company": {"id": COMPANY.external_id, "name": COMPANY.name, "currency": "USD"},
            "accounts": [{"id": INCOME, "active": True}, {"id": BANK, "active": True}],
            "tax_codes": [{"id": SALES_TAX, "name": "Sales tax", "rate": "8"}],
            "customers": [_row(one, "display_name", "email", "phone", "active") for one in self._all(Kind.CUSTOMER)],
            "items": [_row(one, "name", "description", "unit_price", "active") for one in self._all(Kind.ITEM)],
            "invoices": [
                _row(one, "number", "customer_id", "memo")
                | {"date": one.issued_on.isoformat(), "due_date": one.due_on.isoformat()}
                | {"total": str(one.total), "balance": str(one.balance), "tax": str(one.tax_total)}
                | {"status": "void" if one.voided else "open"}
                for one in self._all(Kind.INVOICE)
            ],
            "payments": [
                _row(one, "customer_id", "reference")
                | {"amount": str(one.amount), "status": "void" if one.voided else "recorded"}
                | {"allocations": [{"invoice_id": at.invoice_id, "amount": str(at.amount)} for at in one.allocations]}
                for one in self._all(Kind.PAYMENT)
            ],
        }

    def edit(self, kind: Kind, external_id: str, change: str | dict[str, Any]) -> None:
        """A hand edit: new values of fields, "archive" or "delete"."""
        record = self._rows[kind][external_id]
        if change == "archive":
            change = {"active": False}
        if change == "delete":
            del self._rows[kind][external_id]
            self._gone.append((self._clock.now(), Deleted(kind, external_id)))
            return
        assert isinstance(change, dict), change
        values = {_BY_HAND.get(name, name): value for name, value in change.items()}
        values = {n: date.fromisoformat(v) if n.endswith("_on") else v for n, v in values.items()}
        self._store(kind, replace(record, **values))

    def lose_reply(self, op: str) -> None:
        """The next call with such a step is done, and its answer never arrives."""
        self._lost.append(op)

    def lose_call(self, op: str) -> None:
        """The next call with such a step never arrives."""
        self._unheard.append(op)

    def limit(self, op: str, seconds: float) -> None:
        """The next call with such a step is turned away for so long."""
        self._limited.append((op, seconds))

    async def revoke(self) -> bool:
        """Ends the grant."""
        self._granted = False
        return True

    # --- reading ---

    async def settings(self) -> CompanySettings:
        self._ask()
        return CompanySettings(
            company=COMPANY,
            home_currency="USD",
            accounts=(
                AccountRecord(INCOME, "Sales", AccountKind.INCOME),
                AccountRecord(BANK, "Bank", AccountKind.DEPOSIT, is_default=True),
            ),
            tax_codes=(TaxCodeRecord(SALES_TAX, "Sales tax", Decimal(8)),),
            payment_methods=tuple(PaymentMethodRecord(one.value, one.value, one) for one in PaymentMethod),
            server_time=self._clock.now(),
        )

    def customers(self, changed_since: datetime | None = None) -> AsyncIterator[Page[CustomerRecord]]:
        return self._pages(Kind.CUSTOMER, changed_since)

    def items(self, changed_since: datetime | None = None) -> AsyncIterator[Page[ItemRecord]]:
        return self._pages(Kind.ITEM, changed_since)

    def invoices(self, changed_since: datetime | None = None) -> AsyncIterator[Page[InvoiceRecord]]:
        return self._pages(Kind.INVOICE, changed_since)

    def payments(self, changed_since: datetime | None = None) -> AsyncIterator[Page[PaymentRecord]]:
        return self._pages(Kind.PAYMENT, changed_since)

    async def _pages(self, kind: Kind, since: datetime | None) -> AsyncIterator[Page[Any]]:
        rows = [one for one in self._all(kind) if since is None or one.updated_at >= since]
        for at in range(0, len(rows), PAGE):
            self._ask()
            yield Page(tuple(rows[at : at + PAGE]), len(rows))

    def server_now(self) -> datetime:
        return self._clock.now()

    async def changes(self, since: datetime) -> Changes:
        self._ask()
        since = max(since, self._clock.now() - timedelta(days=CAPABILITIES.change_feed_days))
        found = {kind: tuple(one for one in self._all(kind) if one.updated_at >= since) for kind in Kind}
        gone = tuple(deleted for at, deleted in self._gone if at >= since)
        lists = found[Kind.CUSTOMER], found[Kind.ITEM], found[Kind.INVOICE], found[Kind.PAYMENT]
        return Changes(*lists, gone, self._clock.now())

    async def find(self, lookup: Lookup) -> Found:
        if lookup == Lookup():
            return Found()
        self._ask()
        names = {one.casefold() for one in lookup.customer_names}
        items = {one.casefold() for one in lookup.item_names}
        bills = {one.casefold() for one in lookup.invoice_numbers}
        days = {(one.customer_id, one.paid_on) for one in lookup.payments}
        return Found(
            self._those(Kind.CUSTOMER, lookup.customer_ids, lambda one: one.display_name.casefold() in names),
            self._those(Kind.ITEM, lookup.item_ids, lambda one: one.name.casefold() in items),
            self._those(Kind.INVOICE, lookup.invoice_ids, lambda one: one.number.casefold() in bills),
            self._those(Kind.PAYMENT, lookup.payment_ids, lambda one: (one.customer_id, one.paid_on) in days),
        )

    def _those(self, kind: Kind, ids: tuple[str, ...], wanted: Callable[[Any], bool]) -> tuple[Any, ...]:
        return tuple(one for one in self._all(kind) if one.external_id in ids or wanted(one))

    def record_url(self, kind: Kind, external_id: str) -> str | None:
        return None

    # --- writing ---

    def check(self, step: Step) -> ItemError | None:
        record = step.record
        if step.action in (Action.VOID, Action.DELETE):
            return None
        able = self.capabilities
        texts: dict[str, tuple[str, int]] = {}
        if isinstance(record, CustomerRecord):
            texts = {"display_name": (record.display_name, able.name_max), "email": (record.email, able.email_max)}
        elif isinstance(record, ItemRecord):
            texts = {"name": (record.name, able.name_max)}
        elif isinstance(record, InvoiceRecord):
            texts = {"number": (record.number, able.invoice_number_max), "memo": (record.memo, able.memo_max)}
            if len(record.lines) > able.lines_max:
                return InvalidField(SERVICE, "There are too many lines.", field="lines")
        for field, (value, limit) in texts.items():
            if len(value) > limit:
                return InvalidField(SERVICE, f"The {field} is too long.", field=field)
            if field in ("display_name", "name") and any(sign in value for sign in able.name_forbidden):
                return InvalidField(SERVICE, f"The {field} may not hold these characters.", field=field)
        return None

    def prepare(self, steps: Sequence[Step]) -> list[PreparedCall]:
        for step in steps:
            if (problem := self.check(step)) is not None:
                raise problem
        size = self.capabilities.batch
        return [_call(steps[at : at + size]) for at in range(0, len(steps), size)]

    async def send(self, call: PreparedCall, key: str) -> list[Outcome]:
        ops = {f"{one.action.value}_{one.kind.value}" for one in call.elements}
        try:
            self._ask()
            self._turn_away(ops)
        except ConnectionProblem as problem:
            return [NotSent(problem) for _ in call.elements]
        if self._strikes(self._unheard, ops):
            return [InDoubt("the connection broke") for _ in call.elements]
        if key not in self._answers:
            steps: tuple[Step, ...] = pickle.loads(base64.b64decode(call.body))
            self._answers[key] = [self._apply(step) for step in steps]
        if self._strikes(self._lost, ops):
            return [InDoubt("the answer was lost") for _ in call.elements]
        return self._answers[key]

    def _strikes(self, armed: list[str], ops: set[str]) -> bool:
        hit = next((op for op in armed if op in ops), None)
        if hit is None:
            return False
        armed.remove(hit)
        self.struck += 1
        return True

    def _turn_away(self, ops: set[str]) -> None:
        rule = next((rule for rule in self._limited if rule[0] in ops), None)
        if rule is not None:
            self._limited.remove(rule)
            self.struck += 1
            self._closed_until = self._clock.now() + timedelta(seconds=rule[1])
            raise RateLimited(SERVICE, self._closed_until)

    def _ask(self) -> None:
        self.calls += 1
        if self._closed_until is not None and self._clock.now() < self._closed_until:
            self.inside_demanded_wait += 1
        if not self._granted:
            raise NeedsSignIn(SERVICE)

    def _apply(self, step: Step) -> Outcome:
        try:
            return Linked(self._written(step))
        except ItemError as error:
            return Refused(error)

    def _written(self, step: Step) -> Record:
        wanted = step.record
        if step.action is Action.CREATE:
            self._allow(step)
            return self._shown(self._store(step.kind, wanted))  # type: ignore[type-var]
        now = self._rows[step.kind].get(wanted.external_id or "")
        if now is None:
            raise GoneRemote(SERVICE, "This record")
        if step.action in (Action.VOID, Action.DELETE):
            active = step.kind in (Kind.CUSTOMER, Kind.ITEM)
            return self._shown(
                self._store(step.kind, replace(now, **({"active": False} if active else {"voided": True})))
            )
        if now.version != wanted.version:
            raise StaleVersion(SERVICE)
        return self._shown(self._store(step.kind, replace(now, **{one: getattr(wanted, one) for one in step.fields})))

    def _allow(self, step: Step) -> None:
        """Raises what forbids the creation."""
        record = step.record
        if isinstance(record, PaymentRecord):
            for part in record.allocations:
                bill = self._rows[Kind.INVOICE].get(part.invoice_id)
                if bill is None or part.amount > self._shown(bill).balance:
                    raise PaymentBlocked("The payment is larger than what is open.", "Enter what is open.")
        elif isinstance(record, InvoiceRecord):
            payer = self._rows[Kind.CUSTOMER].get(record.customer_id)
            if payer is None or not payer.active:
                raise GoneRemote(SERVICE, "The customer")
            if self._those(Kind.INVOICE, (), lambda one: one.number == record.number and not one.voided):
                raise NumberTaken(SERVICE, record.number)
        else:
            field = "display_name" if isinstance(record, CustomerRecord) else "name"
            name = str(getattr(record, field))
            if self._those(step.kind, (), lambda one: getattr(one, field).casefold() == name.casefold()):
                raise NameTaken(SERVICE, name)

    def _store(self, kind: Kind, record: RecordT, at: datetime | None = None) -> RecordT:
        if record.external_id is None:
            self._made += 1
            record = replace(record, external_id=str(self._made), version="0")
        else:
            record = replace(record, version=str(int(record.version or "0") + 1))
        record = replace(record, updated_at=at or self._clock.now())
        self._rows[kind][record.external_id or ""] = record
        return record

    def _all(self, kind: Kind) -> list[Any]:
        return [self._shown(record) for record in self._rows[kind].values()]

    def _shown(self, record: Any) -> Any:
        """The record as it is read: an invoice with its sums, a voided one with none."""
        if not isinstance(record, InvoiceRecord):
            return record
        if record.voided:
            return replace(record, total=Decimal(0), tax_total=Decimal(0), balance=Decimal(0))
        taxed = sum((one.amount for one in record.lines if one.tax_code_id), Decimal(0))
        subtotal = sum((one.amount for one in record.lines), Decimal(0))
        share = 1 - record.discount / subtotal if subtotal else Decimal(1)
        tax = (taxed * share * Decimal("0.08")).quantize(CENT)
        total = subtotal - record.discount + tax
        paid = sum(
            part.amount
            for payment in self._rows[Kind.PAYMENT].values()
            if not payment.voided
            for part in payment.allocations
            if part.invoice_id == record.external_id
        )
        return replace(record, total=total, tax_total=tax, balance=total - paid)


def _row(record: Any, *fields: str) -> dict[str, Any]:
    return {"id": record.external_id} | {field: getattr(record, field) for field in fields}


def _call(steps: Sequence[Step]) -> PreparedCall:
    body = base64.b64encode(pickle.dumps(tuple(steps))).decode()
    elements = tuple(CallElement(str(at), one.ref, one.kind, one.action) for at, one in enumerate(steps))
    return PreparedCall("batch", body, elements, hashlib.sha256(body.encode()).hexdigest())
