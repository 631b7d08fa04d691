"""QuickBooks Online: addresses, paging and order of calls. The mapping is in `quickbooks_wire` and its siblings.

Source of every rule: providers' contract, QuickBooks. A batch counts as one call against the limits and
carries up to 30 steps or queries, so nearly everything here is a batch.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from desktop.errors import ItemError
from desktop.providers.answers import MaybeApplied, NothingSent
from desktop.providers.base import (
    Capabilities,
    InDoubt,
    NotSent,
    Outcome,
    PreparedCall,
    Rounding,
    Step,
    Terms,
)
from desktop.providers.http import ServiceHttp
from desktop.providers.limits import Limits, Window
from desktop.providers.quickbooks_asking import MINOR_VERSION, Asking, plain_object, time_of, understood
from desktop.providers.quickbooks_faults import SERVICE
from desktop.providers.quickbooks_outcomes import outcomes, too_large
from desktop.providers.quickbooks_query import (
    PAGE,
    Question,
    batches,
    changed_after,
    questions_for,
    same_name,
    select,
    unaskable,
)
from desktop.providers.quickbooks_reading import (
    ENTITIES,
    NOT_FOR_LINES,
    customer_from_payload,
    invoice_from_payload,
    item_from_payload,
    payment_from_payload,
)
from desktop.providers.quickbooks_rules import (
    EMAIL_MAX,
    LINES_MAX,
    MEMO_MAX,
    NAME_FORBIDDEN,
    NAME_MAX,
    NUMBER_MAX,
)
from desktop.providers.quickbooks_rules import check as check_rules
from desktop.providers.quickbooks_settings import settings_from
from desktop.providers.quickbooks_wire import Company, batch_element, encode
from desktop.providers.reading import Payload, Unreadable, leave_doubtful, parts, read_all, text
from desktop.providers.records import (
    Changes,
    CompanyRef,
    CompanySettings,
    CustomerRecord,
    Deleted,
    Found,
    InvoiceRecord,
    ItemRecord,
    Kind,
    Lookup,
    Page,
    PaymentMethod,
    PaymentRecord,
    ProviderKey,
)
from desktop.providers.rules import refuse
from desktop.text import tr

RecordT = TypeVar("RecordT", CustomerRecord, ItemRecord, InvoiceRecord, PaymentRecord)

BATCH = 30
LOOK_BACK = timedelta(days=30)
OVERLAP = timedelta(minutes=2)
"""Taken off the server's time for the next change feed, because its index lags behind its answers."""

LIMITS = Limits(
    windows=(Window(1.0, 8), Window(60.0, 450), Window(60.0, 36, "batch")), concurrency=8, demanded_wait=60.0
)
"""A little below QuickBooks' own 10 a second, 500 a minute and 40 batches a minute (contract 6)."""

KEY_MAX = 36
"""Characters of the key of a batch (contract 2.1)."""

CAPABILITIES = Capabilities(
    batch=BATCH,
    counts_ids=True,
    native_keys=True,
    key_trust_seconds=24 * 3600,
    income_accounts=True,
    change_feed_days=LOOK_BACK.days,
    rounding=Rounding.ON_TOTAL,
    invoice_number_max=NUMBER_MAX,
    name_max=NAME_MAX,
    unique_customer_names=True,
    email_max=EMAIL_MAX,
    lines_max=LINES_MAX,
    memo_max=MEMO_MAX,
    tax_codes_per_invoice=1,
    name_forbidden=NAME_FORBIDDEN,
)
"""For US companies; elsewhere every line may have a tax code of its own."""

TERMS = Terms(
    service=SERVICE,
    full_name="QuickBooks Online",
    income_account=tr("income account"),
    income_accounts=tr("income accounts"),
    customer=tr("customer"),
    company=tr("company"),
)

_WEB = {Kind.CUSTOMER: "customerdetail?nameId=", Kind.INVOICE: "invoice?txnId=", Kind.PAYMENT: "recvpayment?txnId="}


class QuickBooks:
    """One QuickBooks company (*realm*). `settings` as last stored spare a call; without them it is taken for US."""

    key = ProviderKey.QUICKBOOKS
    terms = TERMS

    def __init__(self, http: ServiceHttp, company: CompanyRef, settings: CompanySettings | None = None) -> None:
        if not company.external_id.isalnum():
            raise ValueError("a realm id is letters and digits only")
        self.company = company
        self.capabilities = CAPABILITIES
        self._http = http
        self._path = f"/v3/company/{company.external_id}"
        self._asking = Asking(http, self._path)
        self._company = Company()
        self._methods: Mapping[str, PaymentMethod] = {}
        if settings is not None:
            self.use_settings(settings)

    def use_settings(self, settings: CompanySettings) -> None:
        """Write from now on as this company needs it: its country's tax, its currencies, its payment methods."""
        self._company = Company.of(settings)
        self._methods = dict(self._company.methods)
        self.capabilities = replace(CAPABILITIES, tax_codes_per_invoice=1 if self._company.us else None)

    # --- reading ---

    async def settings(self) -> CompanySettings:
        """All settings in one batch of six queries; used for what this object writes from then on.

        Raises ConnectionProblem.
        """
        entities = ("CompanyInfo", "Preferences", "Account", "PaymentMethod", "TaxCode", "TaxRate")
        questions = [Question(entity, select(entity), PAGE) for entity in entities]
        answer, rows = await self._asking.ask(questions)
        if len(rows.get("Account", ())) >= PAGE:
            rows["Account"] = [row async for found in self._asking.pages("Account") for row in found.records]
        with understood(answer):
            settings = settings_from(self.company, rows, time_of(answer))
        self.use_settings(settings)
        return settings

    def customers(self, changed_since: datetime | None = None) -> AsyncIterator[Page[CustomerRecord]]:
        """All customers, inactive ones included. Raises ConnectionProblem while it is read."""
        return self._list("Customer", customer_from_payload, changed_since)

    def items(self, changed_since: datetime | None = None) -> AsyncIterator[Page[ItemRecord]]:
        """All items that can stand on a line; categories and bundles are left out."""
        return self._list("Item", item_from_payload, changed_since, _sellable)

    def invoices(self, changed_since: datetime | None = None) -> AsyncIterator[Page[InvoiceRecord]]:
        """All invoices."""
        return self._list("Invoice", invoice_from_payload, changed_since)

    def payments(self, changed_since: datetime | None = None) -> AsyncIterator[Page[PaymentRecord]]:
        """All payments received."""
        return self._list("Payment", self._payment, changed_since)

    def _payment(self, payload: Payload) -> PaymentRecord:
        return payment_from_payload(payload, self._methods)

    async def _list(
        self,
        entity: str,
        read: Callable[[Payload], RecordT],
        since: datetime | None,
        wanted: Callable[[Payload], bool] = lambda payload: True,
    ) -> AsyncIterator[Page[RecordT]]:
        async for found in self._asking.pages(entity, *changed_after(since)):
            # mapping a thousand invoices takes longer than a window may stand still (I20)
            records, unreadable = await asyncio.to_thread(read_all, found.records, read, wanted)
            yield Page(records, found.total, unreadable=unreadable)

    async def find(self, lookup: Lookup) -> Found:
        """Answers in as few batches as can be; names that can't be asked are compared against the whole list.

        Raises ConnectionProblem, also if an answer can't be read: "not found" is only said when it is sure.
        """
        rows: dict[str, list[Payload]] = {}
        for batch in batches(questions_for(lookup)):
            _, found = await self._asking.ask(batch)
            for entity, payloads in found.items():
                rows.setdefault(entity, []).extend(payloads)
        await self._compare_locally(lookup, rows)
        with understood(None):
            return Found(
                customers=_each(rows, "Customer", customer_from_payload),
                items=_each([row for row in rows.get("Item", []) if _sellable(row)], "Item", item_from_payload),
                invoices=_each(rows, "Invoice", invoice_from_payload),
                payments=_each(rows, "Payment", self._payment),
                other_name_holders=tuple(
                    (text(row, "DisplayName"), holder)
                    for entity, holder in (("Vendor", "vendor"), ("Employee", "employee"))
                    for row in rows.get(entity, [])
                ),
            )

    async def _compare_locally(self, lookup: Lookup, rows: dict[str, list[Payload]]) -> None:
        wanted = (
            ("Customer", "DisplayName", lookup.customer_names),
            ("Vendor", "DisplayName", lookup.customer_names),
            ("Employee", "DisplayName", lookup.customer_names),
            ("Item", "Name", lookup.item_names),
            ("Invoice", "DocNumber", lookup.invoice_numbers),
        )
        for entity, field, asked in wanted:
            names = unaskable(asked)
            if names:
                async for found in self._asking.pages(entity):
                    with understood(None):
                        matching = [row for row in found.records if same_name(text(row, field)) in names]
                    rows.setdefault(entity, []).extend(matching)

    async def changes(self, since: datetime) -> Changes:
        """One call to the change feed. Incomplete if `since` lies beyond its 30 days or it reached 1,000 objects.

        Raises ConnectionProblem.
        """
        now = self._http.server_now()
        if now - since >= LOOK_BACK:
            return Changes(cursor=now - OVERLAP, complete=False)
        query = (
            ("entities", ",".join(ENTITIES.values())), ("changedSince", since.isoformat(timespec="seconds")),
            MINOR_VERSION,
        )  # fmt: skip
        answer = await self._http.read("GET", f"{self._path}/cdc", query=query)
        self._asking.refuse(answer)
        with understood(answer):
            rows: dict[str, list[Payload]] = {}
            if "CDCResponse" not in plain_object(answer.json):
                raise Unreadable("no CDCResponse")
            for response in parts(answer.json, "CDCResponse"):
                for one in parts(response, "QueryResponse"):
                    for entity in ENTITIES.values():
                        rows.setdefault(entity, []).extend(parts(one, entity))
            return self._changes(rows, time_of(answer))

    def _changes(self, rows: dict[str, list[Payload]], server_time: datetime | None) -> Changes:
        deleted = [
            Deleted(kind, text(row, "Id"))
            for kind, entity in ENTITIES.items()
            for row in rows[entity]
            if row.get("status") == "Deleted"
        ]
        live = {entity: [row for row in found if row.get("status") != "Deleted"] for entity, found in rows.items()}
        complete = sum(map(len, rows.values())) < PAGE
        customers, bad_customers = read_all(live["Customer"], customer_from_payload)
        items, bad_items = read_all(live["Item"], item_from_payload, _sellable)
        invoices, bad_invoices = read_all(live["Invoice"], invoice_from_payload)
        payments, bad_payments = read_all(live["Payment"], self._payment)
        bad = bad_customers + bad_items + bad_invoices + bad_payments
        cursor = (server_time or self._http.server_now()) - OVERLAP
        return Changes(customers, items, invoices, payments, tuple(deleted), cursor, complete and not bad)

    # --- writing ---

    def check(self, step: Step) -> ItemError | None:
        """Why QuickBooks would refuse this step for a rule that is known here; no call is made."""
        return check_rules(step, self._company)

    def prepare(self, steps: Sequence[Step]) -> list[PreparedCall]:
        """Batches of at most 30 steps with the keys i0 to i29. Raises ItemError for a step that fails `check`."""
        for step in steps:
            refuse(self.check(step))
        return [self._prepare(steps[at : at + BATCH]) for at in range(0, len(steps), BATCH)]

    def _prepare(self, steps: Sequence[Step]) -> PreparedCall:
        keys = [f"i{at}" for at in range(len(steps))]
        entries = [batch_element(step, key, self._company) for step, key in zip(steps, keys, strict=True)]
        body = encode({"BatchItemRequest": entries})
        return PreparedCall.of("batch", body, steps, keys)

    async def send(self, call: PreparedCall, key: str) -> list[Outcome]:
        """One batch under the idempotency key (36 characters at most). Never raises for service or network.

        Cancelling it leaves the call in doubt. The same key and body again make QuickBooks answer as before
        without doing it twice (contract 2.1).
        """
        try:
            answer = await self._http.write(
                "POST", f"{self._path}/batch", query=(MINOR_VERSION, ("requestid", key)), body=call.body, kind="batch",
                keyed=True,
            )  # fmt: skip
        except NothingSent as nothing:
            return [NotSent(nothing.problem) for _ in call.elements]
        except MaybeApplied as maybe:
            doubt = InDoubt(maybe.reason, maybe.service_ref, maybe.problem)
            return [doubt for _ in call.elements]
        entries = json.loads(call.body)["BatchItemRequest"]
        if too_large(answer) and len(entries) > 1 and len(key) + 2 <= KEY_MAX:
            return await self._halves(call, entries, key)
        sent = {entry["bId"]: entry for entry in entries}
        found = outcomes(call, sent, answer, self._methods, self._http.pause)
        leave_doubtful(answer, found)
        return found

    async def _halves(self, call: PreparedCall, entries: Sequence[Payload], key: str) -> list[Outcome]:
        """Nothing was done: two smaller batches, each under a key that a repeated call comes to again (1040)."""
        found: list[Outcome] = []
        middle = len(entries) // 2
        for part, elements, letter in (
            (entries[:middle], call.elements[:middle], "a"),
            (entries[middle:], call.elements[middle:], "b"),
        ):
            half = replace(call, body=encode({"BatchItemRequest": part}), elements=elements)
            found += await self.send(half, f"{key}.{letter}")
        return found

    def server_now(self) -> datetime:
        """See `Provider.server_now`."""
        return self._http.server_now()

    def record_url(self, kind: Kind, external_id: str) -> str | None:
        """QuickBooks' own page of the record; for the practice books their page on this computer."""
        if self._http.practice_page:
            return self._http.practice_page
        host = urlsplit(self._http.base).hostname or ""
        host = "app.sandbox.qbo.intuit.com" if host.startswith("sandbox-") else "app.qbo.intuit.com"
        if kind is Kind.ITEM:
            return f"https://{host}/app/items"
        return f"https://{host}/app/{_WEB[kind]}{external_id}"


def _sellable(payload: Payload) -> bool:
    return payload.get("Type") not in NOT_FOR_LINES


def _each(
    rows: Mapping[str, Sequence[Payload]] | Sequence[Payload], entity: str, read: Callable[[Payload], RecordT]
) -> tuple[RecordT, ...]:
    """Every record once, though several questions may have found it."""
    found = rows.get(entity, ()) if isinstance(rows, Mapping) else rows
    return tuple({text(row, "Id"): read(row) for row in found}.values())
