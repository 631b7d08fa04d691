"""Xero: one organisation's calls in and out. The mapping is in `xero_wire` and its siblings.

Source of every rule: providers' contract, Xero. Writes go 50 at a time with `summarizeErrors=false`, so that each
record answers for itself; every write carries an Idempotency-Key, which Xero remembers for six minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from desktop.errors import ConnectionProblem, Fix, GoneRemote, ItemError, StaleVersion
from desktop.providers.answers import MaybeApplied, NothingSent
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
    Rounding,
    Step,
    Terms,
)
from desktop.providers.http import ServiceHttp
from desktop.providers.limits import Limits, Window
from desktop.providers.reading import Payload, Unreadable, leave_doubtful, read_all, text
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
    PaymentRecord,
    ProviderKey,
)
from desktop.providers.rules import refuse
from desktop.providers.xero_asking import BASE, Asking, Query, understood
from desktop.providers.xero_faults import SERVICE
from desktop.providers.xero_finding import OVERLAP, Finding
from desktop.providers.xero_outcomes import gone_payment, outcomes, subject_of
from desktop.providers.xero_reading import (
    IDS,
    PLURALS,
    customer_from_payload,
    invoice_from_payload,
    item_from_payload,
    payment_from_payload,
    record_from_payload,
    split_tag,
    version_of,
)
from desktop.providers.xero_rules import (
    EMAIL_MAX,
    LINES_MAX,
    MEMO_MAX,
    NAME_FORBIDDEN,
    NAME_MAX,
    NUMBER_MAX,
)
from desktop.providers.xero_rules import check as check_rules
from desktop.providers.xero_settings import settings_from
from desktop.providers.xero_signin import only_organisation
from desktop.providers.xero_wire import (
    Company,
    contact_payload,
    decode,
    encode,
    invoice_payload,
    item_payload,
    payment_payload,
    with_line_ids,
)
from desktop.text import tr

RecordT = TypeVar("RecordT", CustomerRecord, ItemRecord, InvoiceRecord, PaymentRecord)

BATCH = 50
KEY_SECONDS = 300
"""A little below the six minutes that Xero remembers a key."""

LIMITS = Limits(windows=(Window(60.0, 55),), concurrency=4, backoff=(1.0, 2.0, 4.0, 8.0, 16.0), jitter=1.0)
"""A little below Xero's own 60 a minute and 5 at a time (contract 6); a refusal for too many at once names no time."""

CAPABILITIES = Capabilities(
    batch=BATCH,
    native_keys=True,
    key_trust_seconds=KEY_SECONDS,
    refuses_taken=frozenset({Kind.CUSTOMER, Kind.INVOICE}),
    keys_keep_errors=True,
    income_accounts=True,
    deposit_account_required=True,
    payment_methods=False,
    change_feed=True,
    change_feed_days=3650,
    tells_deleted=frozenset({Kind.CUSTOMER, Kind.INVOICE, Kind.PAYMENT}),
    rounding=Rounding.PER_LINE,
    invoice_number_max=NUMBER_MAX,
    name_max=NAME_MAX,
    unique_customer_names=True,
    email_max=EMAIL_MAX,
    lines_max=LINES_MAX,
    memo_max=MEMO_MAX,
    invoice_stamps=False,
    name_forbidden=NAME_FORBIDDEN,
)

TERMS = Terms(
    service=SERVICE,
    full_name="Xero",
    income_account=tr("revenue account"),
    income_accounts=tr("revenue accounts"),
    customer=tr("contact"),
    company=tr("organisation"),
)

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CREATE, _UPDATE, _DELETE, _REPLACE = "create", "update", "delete", "replace"
_WEB = {
    Kind.CUSTOMER: "https://go.xero.com/Contacts/View/",
    Kind.INVOICE: "https://go.xero.com/AccountsReceivable/View.aspx?InvoiceID=",
    Kind.PAYMENT: "https://go.xero.com/Bank/ViewTransaction.aspx?bankTransactionID=",
}
_SALES: Query = (("where", 'Type=="ACCREC"'),)
_RECEIVED: Query = (("where", 'PaymentType=="ACCRECPAYMENT"'),)
_CLIENTS: Query = (("where", "IsSupplier==false OR IsCustomer==true"), ("includeArchived", "true"))
"""Everybody but those who are suppliers only."""


class Xero:
    """One Xero organisation (*tenant*). `settings` as last stored tell rates and the bank account for payments.

    Without an organisation's id `settings` takes the only one that the sign-in reaches.
    """

    key = ProviderKey.XERO
    terms = TERMS
    capabilities = CAPABILITIES

    def __init__(self, http: ServiceHttp, company: CompanyRef, settings: CompanySettings | None = None) -> None:
        if company.external_id and not all(sign.isalnum() or sign == "-" for sign in company.external_id):
            raise ValueError("a tenant id is letters, digits and hyphens only")
        self.company = company
        self._http = http
        self._asking = Asking(http, company.external_id)
        self._finding = Finding(self._asking)
        self._company = Company.of(settings)

    @property
    def _rates(self) -> dict[str, Decimal | None]:
        return dict(self._company.rates)

    # --- reading ---

    async def settings(self) -> CompanySettings:
        """Organisation, accounts and tax rates in three calls; used for what this object writes from then on.

        Raises ConnectionProblem.
        """
        if not self.company.external_id:
            self.company = await only_organisation(self._http)
            self._asking.tenant = self.company.external_id
        names = ("Organisation", "Accounts", "TaxRates")
        organisations, accounts, taxes = [await self._asking.rows(name) for name in names]
        with understood(None):
            settings = settings_from(self.company, organisations, accounts, taxes, self._http.server_now())
        self._company = Company.of(settings)
        return settings

    def customers(self, changed_since: datetime | None = None) -> AsyncIterator[Page[CustomerRecord]]:
        """All contacts but mere suppliers, archived ones included. Raises ConnectionProblem while it is read."""
        return self._list(Kind.CUSTOMER, customer_from_payload, changed_since, _CLIENTS)

    def items(self, changed_since: datetime | None = None) -> AsyncIterator[Page[ItemRecord]]:
        """All items; Xero has no inactive ones."""
        return self._list(Kind.ITEM, item_from_payload, changed_since)

    def invoices(self, changed_since: datetime | None = None) -> AsyncIterator[Page[InvoiceRecord]]:
        """All sales invoices but deleted drafts."""
        return self._list(Kind.INVOICE, self._invoice, changed_since, _SALES, _not_deleted)

    def payments(self, changed_since: datetime | None = None) -> AsyncIterator[Page[PaymentRecord]]:
        """All payments of sales invoices; deleted ones count as void."""
        return self._list(Kind.PAYMENT, payment_from_payload, changed_since, _RECEIVED)

    def _invoice(self, payload: Payload) -> InvoiceRecord:
        return invoice_from_payload(payload, self._rates)

    async def _list(
        self,
        kind: Kind,
        read: Callable[[Payload], RecordT],
        since: datetime | None,
        query: Query = (),
        wanted: Callable[[Payload], bool] = lambda payload: True,
    ) -> AsyncIterator[Page[RecordT]]:
        since = since - OVERLAP if since is not None else None
        async for found in self._asking.pages(kind, query, since):
            # mapping a thousand invoices takes longer than a window may stand still (I20)
            records, unreadable = await asyncio.to_thread(read_all, found.records, read, wanted)
            yield Page(records, found.total, unreadable=unreadable)

    async def find(self, lookup: Lookup) -> Found:
        """See `Provider.find`; at most one call for each kind while all questions of a kind fit into an address."""
        return await self._finding.find(lookup, self._rates)

    async def changes(self, since: datetime) -> Changes:
        """Four lists of changes since then, less five minutes; deleted items are not seen. Raises ConnectionProblem."""
        cursor, since = self._http.server_now(), since - OVERLAP
        rows = {
            kind: await self._asking.all(kind, query, since)
            for kind, query in (
                (Kind.CUSTOMER, _CLIENTS),
                (Kind.ITEM, ()),
                (Kind.INVOICE, _SALES),
                (Kind.PAYMENT, _RECEIVED),
            )
        }
        customers, bad = read_all(rows[Kind.CUSTOMER], customer_from_payload)
        items, bad_items = read_all(rows[Kind.ITEM], item_from_payload)
        invoices, bad_invoices = read_all(rows[Kind.INVOICE], self._invoice, _not_deleted)
        payments, bad_payments = read_all(rows[Kind.PAYMENT], payment_from_payload, _not_deleted)
        deleted = [
            Deleted(kind, str(row.get(IDS[kind])))
            for kind in (Kind.INVOICE, Kind.PAYMENT)
            for row in rows[kind]
            if not _not_deleted(row)
        ]
        complete = not (bad + bad_items + bad_invoices + bad_payments)
        return Changes(customers, items, invoices, payments, tuple(deleted), cursor, complete)

    # --- writing ---

    def check(self, step: Step) -> ItemError | None:
        """Why Xero would refuse this step for a rule that is known here; no call is made."""
        return check_rules(step, self._company)

    def prepare(self, steps: Sequence[Step]) -> list[PreparedCall]:
        """Calls of at most 50 records of one kind; payments are deleted and replaced one by one.

        Raises ItemError for a step that fails `check`.
        """
        groups: dict[tuple[str, Kind], list[Step]] = {}
        for step in steps:
            refuse(self.check(step))
            groups.setdefault((_way(step), step.kind), []).append(step)
        calls = []
        for (way, kind), some in groups.items():
            size = BATCH if way in (_CREATE, _UPDATE) else 1
            calls += [self._prepare(way, kind, some[at : at + size]) for at in range(0, len(some), size)]
        return calls

    def _prepare(self, way: str, kind: Kind, steps: Sequence[Step]) -> PreparedCall:
        bodies = [self._payload(way, step) for step in steps]
        bare = kind is Kind.PAYMENT and way in (_DELETE, _REPLACE)  # a deletion is documented without a list
        body = encode(bodies[0] if bare else {PLURALS[kind]: bodies})
        keys = [_element_key(at, step.record.version if way == _UPDATE else "") for at, step in enumerate(steps)]
        return PreparedCall.of(f"{way}_{PLURALS[kind].lower()}", body, steps, keys)

    def _payload(self, way: str, step: Step) -> dict[str, Any]:
        record = step.record
        if isinstance(record, CustomerRecord):
            return contact_payload(step)
        if isinstance(record, ItemRecord):
            return item_payload(step, self._company)
        if isinstance(record, InvoiceRecord):
            return invoice_payload(step)
        if way == _CREATE:
            return payment_payload(record, self._company)
        target = {"PaymentID": record.external_id or "", "Status": "DELETED"}
        return {**target, "new": payment_payload(record, self._company)} if way == _REPLACE else target

    async def send(self, call: PreparedCall, key: str) -> list[Outcome]:
        """One prepared call under the Idempotency-Key. Never raises for service or network.

        The same key and body again make Xero answer as before for six minutes. Before an update the records are
        read: what changed there meanwhile is refused as stale, since Xero itself would overwrite it (N10).
        """
        way, _, _ = call.op.partition("_")
        content, kind = decode(call.body), call.elements[0].kind
        bodies = content.get(PLURALS[kind], [content])
        at = self._http.server_now()
        if way == _CREATE:
            found = await self._write("PUT", PLURALS[kind], kind, call.elements, bodies, key)
        elif way == _UPDATE:
            found = await self._update(kind, call.elements, bodies, key)
        elif kind is Kind.PAYMENT:
            found = await self._payment(way, call.elements[0], bodies[0], key)
        else:
            found = await self._delete_item(call.elements[0], bodies[0], key)
        for outcome in found:
            if isinstance(outcome, Linked):
                self._finding.note_written(kind, outcome.record.external_id, at)
        return found

    async def _write(
        self,
        method: str,
        path: str,
        kind: Kind,
        elements: Sequence[CallElement],
        bodies: Sequence[dict[str, Any]],
        key: str,
    ) -> list[Outcome]:
        query: list[tuple[str, str]] = [("summarizeErrors", "false")]
        if kind in (Kind.ITEM, Kind.INVOICE):
            query.append(("unitdp", "4"))
        content: dict[str, Any] = {PLURALS[kind]: list(bodies)}
        if kind is Kind.PAYMENT and method == "POST":
            query, content = [], bodies[0]
        try:
            answer = await self._http.write(
                method,
                f"{BASE}/{path}",
                query=query,
                body=encode(content),
                keyed=True,
                headers={**self._asking.headers(), "Idempotency-Key": key},
            )
        except NothingSent as nothing:
            return [NotSent(nothing.problem) for _ in elements]
        except MaybeApplied as maybe:
            return [InDoubt(maybe.reason, maybe.service_ref, maybe.problem, maybe.ended) for _ in elements]
        if answer.status == 404 and len(elements) > 1:
            # one id that is gone fails the call for all, and nothing of it was done: each goes alone
            parts = [
                await self._write(method, path, kind, [one], [body], f"{key}.{at}")
                for at, (one, body) in enumerate(zip(elements, bodies, strict=True))
            ]
            return [outcome for part in parts for outcome in part]
        found = outcomes(elements, bodies, answer, self._company)
        leave_doubtful(answer, found)
        return found

    # --- updates ---

    async def _update(
        self,
        kind: Kind,
        elements: Sequence[CallElement],
        bodies: Sequence[dict[str, Any]],
        key: str,
    ) -> list[Outcome]:
        try:
            there = await self._finding.current(kind, [str(body[IDS[kind]]) for body in bodies])
        except ConnectionProblem as problem:
            return [NotSent(problem) for _ in elements]
        settled: dict[int, Outcome] = {}
        going: list[tuple[int, dict[str, Any]]] = []
        for at, (element, body) in enumerate(zip(elements, bodies, strict=True)):
            now = there.get(str(body[IDS[kind]]))
            outcome = self._before(element, body, now)
            if outcome is not None or now is None:
                settled[at] = outcome or Refused(self._gone(element, body))
            else:
                going.append((at, _merged(kind, element.action, body, now)))
        if going:
            sent = [elements[at] for at, _ in going]
            found = await self._write("POST", PLURALS[kind], kind, sent, [body for _, body in going], key)
            settled |= {at: outcome for (at, _), outcome in zip(going, found, strict=True)}
        return [settled[at] for at in range(len(elements))]

    def _before(self, element: CallElement, body: dict[str, Any], now: Payload | None) -> Outcome | None:
        """What is settled before anything is sent: gone, taken away already, or changed there meanwhile."""
        if now is None or text(now, "ContactStatus") not in ("", "ACTIVE"):
            return Refused(self._gone(element, body))
        if element.action in (Action.VOID, Action.DELETE):
            if text(now, "Status") not in ("VOIDED", "DELETED"):
                return None
            try:
                return Linked(record_from_payload(element.kind, now, self._rates))
            except Unreadable as error:
                return InDoubt(str(error))
        if text(now, "Status") in ("VOIDED", "DELETED"):
            return Refused(self._gone(element, body))
        if len(element.key) > 1 and element.key[1:] != _element_key(0, version_of(now))[1:]:
            return Refused(StaleVersion(SERVICE, details=f"changed at {now.get('UpdatedDateUTC')}"))
        return None

    def _gone(self, element: CallElement, body: dict[str, Any]) -> ItemError:
        subject = subject_of(element, body, self._company)
        fix = {Kind.CUSTOMER: Fix.LINK_CUSTOMER, Kind.ITEM: Fix.LINK_ITEM}.get(element.kind, Fix.LINK_INVOICE)
        error = GoneRemote(SERVICE, subject.name, fix=fix)
        error.concerns = (subject.concern,)
        return error

    # --- payments and items, one by one ---

    async def _payment(self, way: str, element: CallElement, body: dict[str, Any], key: str) -> list[Outcome]:
        """Payments can't be changed: one is deleted, and with `replace` made anew (contract 3.6)."""
        target = {"PaymentID": body["PaymentID"], "Status": "DELETED"}
        path = f"Payments/{body['PaymentID']}"
        [outcome] = await self._write(
            "POST", path, Kind.PAYMENT, [element], [target], f"{key}.d" if way == _REPLACE else key
        )
        if isinstance(outcome, Refused) and isinstance(outcome.error, GoneRemote) and way == _DELETE:
            return [Linked(gone_payment(body["PaymentID"]), outcome.service_ref)]
        if way == _DELETE or not isinstance(outcome, Linked):
            return [outcome]
        try:
            made = await self._made_already(body["new"])
        except ConnectionProblem as problem:
            return [InDoubt("deleted, not yet made anew", problem=problem)]
        if made is not None:
            return [Linked(made)]
        found = await self._write("PUT", "Payments", Kind.PAYMENT, [element], [body["new"]], f"{key}.c")
        return [
            InDoubt("deleted, not yet made anew", problem=one.problem) if isinstance(one, NotSent) else one
            for one in found
        ]

    async def _made_already(self, new: dict[str, Any]) -> PaymentRecord | None:
        """The new payment, if an earlier attempt got that far: a blind second one would pay twice (contract 3.6)."""
        where = f'Invoice.InvoiceID==guid("{new["Invoice"]["InvoiceID"]}") AND Status=="AUTHORISED"'
        rows = await self._asking.all(Kind.PAYMENT, (("where", where),))
        _, marker = split_tag(new["Reference"])
        with understood(None):
            found = [payment_from_payload(row) for row in rows]
        return next((one for one in found if marker and one.marker == marker and one.amount == new["Amount"]), None)

    async def _delete_item(self, element: CallElement, body: dict[str, Any], key: str) -> list[Outcome]:
        try:
            answer = await self._http.write(
                "DELETE", f"{BASE}/Items/{body['Code']}", keyed=True, headers=self._asking.headers(), empty_ok=True
            )
        except NothingSent as nothing:
            return [NotSent(nothing.problem)]
        except MaybeApplied as maybe:
            return [InDoubt(maybe.reason, maybe.service_ref, maybe.problem, maybe.ended)]
        if answer.ok or answer.status == 404:
            return [Linked(ItemRecord("", external_id=body["Code"], active=False), answer.service_ref)]
        return outcomes([element], [body], answer, self._company)

    def server_now(self) -> datetime:
        """See `Provider.server_now`."""
        return self._http.server_now()

    def record_url(self, kind: Kind, external_id: str) -> str | None:
        """Xero's own page of the record; for the practice books their page on this computer. Items have none."""
        return self._http.practice_page or (f"{_WEB[kind]}{external_id}" if kind in _WEB else None)


def _element_key(at: int, version: str | None) -> str:
    """The place of an element, and behind it the version that the step was planned on: ten signs at most.

    The body is sent as it is stored, so that Xero's own record of the last change has to travel here.
    """
    number, digits = int(version) if version and version.isdigit() else 0, ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return DIGITS[at] + digits


def _way(step: Step) -> str:
    if step.action is Action.CREATE:
        return _CREATE
    if step.kind is Kind.PAYMENT:
        return _REPLACE if step.action is Action.UPDATE else _DELETE
    if step.kind is Kind.ITEM and step.action is not Action.UPDATE:
        return _DELETE
    return _UPDATE


def _merged(kind: Kind, action: Action, body: dict[str, Any], now: Payload) -> dict[str, Any]:
    """What has to go along with an update so that it changes nothing else there."""
    if kind is Kind.INVOICE and action in (Action.VOID, Action.DELETE):
        draft = now.get("Status") in ("DRAFT", "SUBMITTED")
        return {**body, "Status": "DELETED"} if draft else body
    if kind is Kind.INVOICE and "LineItems" in body:
        lines = now.get("LineItems")
        return {**body, "LineItems": with_line_ids(body["LineItems"], lines if isinstance(lines, list) else [])}
    if kind is Kind.ITEM and "SalesDetails" in body:
        sales = now.get("SalesDetails")
        return {**body, "SalesDetails": {**(sales if isinstance(sales, dict) else {}), **body["SalesDetails"]}}
    return body


def _not_deleted(payload: Payload) -> bool:
    return payload.get("Status") != "DELETED"
