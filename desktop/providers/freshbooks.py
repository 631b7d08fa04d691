"""FreshBooks: addresses, order of calls and what to do when an answer is lost. The mapping is in `freshbooks_wire`.

Source of every rule: providers' contract, FreshBooks. There is no bulk call and no idempotency key: each step is a
call of its own, and a lost answer is followed by a look-up, never by a second POST.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from desktop.errors import ConnectionProblem, GoneRemote, ItemError, StaleVersion, UnexpectedAnswer
from desktop.providers import freshbooks_outcomes as outcomes
from desktop.providers.answers import Answer, MaybeApplied, NothingSent
from desktop.providers.base import (
    Action,
    CallElement,
    Capabilities,
    InDoubt,
    NotSent,
    Outcome,
    PreparedCall,
    Refused,
    Rounding,
    Step,
    Terms,
)
from desktop.providers.freshbooks_asking import Asking, Query, understood
from desktop.providers.freshbooks_directory import ARCHIVED_TOO, Directory
from desktop.providers.freshbooks_faults import SERVICE, Special, faults_in
from desktop.providers.freshbooks_reading import (
    DELETED,
    METHODS,
    customer_from_payload,
    eastern_day,
    id_of,
    instant,
    invoice_from_payload,
    is_draft,
    item_from_payload,
    payment_from_payload,
    tax_from_payload,
    vis_state,
)
from desktop.providers.freshbooks_rules import LINES_MAX, LONG_TEXT_MAX, NUMBER_MAX, TEXT_MAX
from desktop.providers.freshbooks_rules import check as check_rules
from desktop.providers.freshbooks_signin import business
from desktop.providers.freshbooks_wire import COUNTRIES, MARK_SENT, Company, Request, request_for
from desktop.providers.http import ServiceHttp
from desktop.providers.limits import Limits, Window
from desktop.providers.reading import Payload, Unreadable, read_all, text
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
    PaymentLookup,
    PaymentMethodRecord,
    PaymentRecord,
    ProviderKey,
    TaxCodeRecord,
)
from desktop.providers.rules import refuse
from desktop.text import tr

RecordT = TypeVar("RecordT", CustomerRecord, ItemRecord, InvoiceRecord, PaymentRecord)

LIMITS = Limits(
    windows=(Window(1.0, 4), Window(60.0, 50)),
    concurrency=3,
    backoff=(1.0, 2.0, 4.0, 8.0, 16.0),
    jitter=0.5,
    patience=65.0,
)
"""No number is published: what is assumed until one is (ruling E11).

A whole minute is slept through, so that no run stops between creating an invoice and sending it."""

CAPABILITIES = Capabilities(
    batch=1,
    counts_ids=True,
    native_keys=False,
    key_trust_seconds=0,
    income_accounts=False,
    change_feed=False,
    change_feed_days=3650,
    rounding=Rounding.PER_LINE,
    invoice_number_max=NUMBER_MAX,
    name_max=TEXT_MAX,
    email_max=TEXT_MAX,
    lines_max=LINES_MAX,
    memo_max=LONG_TEXT_MAX,
    no_room=frozenset({"item.income_account_id", "item.taxable"}),
    invoice_stamps=False,
)

TERMS = Terms(
    service=SERVICE,
    full_name="FreshBooks",
    income_account=tr("income account"),
    income_accounts=tr("income accounts"),
    customer=tr("client"),
    company=tr("business"),
    mapping_note=tr("FreshBooks books invoice lines to its own sales account, so there is nothing to map."),
)

BUSY_DELAYS = (1.0, 2.0)
"""Seconds before the second and third try at a record that is being changed by another request (409)."""
LOOK_UP_DELAYS = (0.0, 5.0)
"""Seconds before each look-up after a lost answer: a request may still be under way there."""
SENT_DELAYS = (0.0, 1.0, 3.0)
"""Seconds before each try to have a new invoice marked as sent."""
ECHO = timedelta(minutes=2)
CURRENCIES = {"United States": "USD", "Canada": "CAD", "United Kingdom": "GBP", "Australia": "AUD",
              "New Zealand": "NZD", "Ireland": "EUR", "Germany": "EUR", "France": "EUR", "Mexico": "MXN"}  # fmt: skip
"""By the business's address: nothing else tells its home currency (contract 3)."""


class FreshBooks:
    """One FreshBooks business, by its account id. `settings` as last stored tell its taxes and its currency."""

    key = ProviderKey.FRESHBOOKS
    terms = TERMS

    def __init__(self, http: ServiceHttp, company: CompanyRef, settings: CompanySettings | None = None) -> None:
        if not company.external_id.isascii() or not company.external_id.isalnum():
            raise ValueError("an account id is letters and digits only")
        self.company = company
        self.capabilities = CAPABILITIES
        self._http = http
        self._account = company.external_id
        self._asking = Asking(http, company.external_id)
        self._directory = Directory(http, self._asking)
        self._company = Company.of(settings)

    # --- reading ---

    async def settings(self) -> CompanySettings:
        """The business and its taxes; used for what this object writes from then on.

        Raises ConnectionProblem: AccessRefused if the person no longer belongs to this business, SubscriptionLapsed.
        """
        found = await business(self._http, self._account)
        with understood(None):
            address = found.get("address")
            country = text(address, "country") if isinstance(address, dict) else ""
            name = text(found, "name")
        codes: list[TaxCodeRecord] = []
        path = f"/accounting/account/{self._account}/taxes/taxes"
        async for page in self._asking.rows(path, "taxes"):
            with understood(None):
                codes.extend(tax_from_payload(row) for row in page.records)
        settings = CompanySettings(
            company=CompanyRef(self._account, name or self.company.name),
            home_currency=CURRENCIES.get(COUNTRIES.get(country.upper(), country), "USD"),
            country=country,
            multi_currency=True,
            tax_on_total=False,
            tax_codes=tuple(codes),
            payment_methods=tuple(PaymentMethodRecord(kind, kind, ours) for kind, ours in METHODS.items()),
            server_time=self._http.server_now(),
        )
        self._company = Company.of(settings)
        return settings

    def customers(self, changed_since: datetime | None = None) -> AsyncIterator[Page[CustomerRecord]]:
        """All clients, archived ones included, deleted ones not. Raises ConnectionProblem while it is read."""
        return self._list(Kind.CUSTOMER, customer_from_payload, changed_since, archived=True)

    def items(self, changed_since: datetime | None = None) -> AsyncIterator[Page[ItemRecord]]:
        """All items, archived ones included."""
        return self._list(Kind.ITEM, item_from_payload, changed_since, archived=True)

    def invoices(self, changed_since: datetime | None = None) -> AsyncIterator[Page[InvoiceRecord]]:
        """All invoices but deleted ones."""
        return self._list(Kind.INVOICE, self._invoice, changed_since)

    def payments(self, changed_since: datetime | None = None) -> AsyncIterator[Page[PaymentRecord]]:
        """All payments received but deleted ones."""
        return self._list(Kind.PAYMENT, payment_from_payload, changed_since)

    def _invoice(self, payload: Payload) -> InvoiceRecord:
        return invoice_from_payload(payload, self._company.taxes)

    async def _list(
        self, kind: Kind, read: Callable[[Payload], RecordT], since: datetime | None, archived: bool = False
    ) -> AsyncIterator[Page[RecordT]]:
        started, before = self._directory.start(), 0
        for asked in _queries(since, archived):
            total = 0
            async for found in self._asking.records(kind, asked):
                rows = [row for row in found.records if _after(row, since)]
                self._directory.note(kind, rows)
                records, unreadable = await asyncio.to_thread(read_all, rows, read)
                total = found.total or 0
                yield Page(records, before + total if since is None else None, unreadable=unreadable)
            before += total
        if since is None:
            self._directory.learned(kind, started)

    async def find(self, lookup: Lookup) -> Found:
        """Names and numbers from the lists as they are now, ids one page for many; each record once.

        Raises ConnectionProblem, also if an answer can't be read: "not found" is only said when it is sure.
        """
        clients = await self._directory.named(Kind.CUSTOMER, lookup.customer_names)
        clients += await self._asking.by_ids(Kind.CUSTOMER, lookup.customer_ids)
        items = await self._directory.named(Kind.ITEM, lookup.item_names)
        items += await self._asking.by_ids(Kind.ITEM, lookup.item_ids)
        invoices = await self._directory.named(Kind.INVOICE, lookup.invoice_numbers)
        invoices += await self._asking.by_ids(Kind.INVOICE, lookup.invoice_ids)
        payments = await self._paid(lookup.payments)
        payments += await self._asking.by_ids(Kind.PAYMENT, lookup.payment_ids)
        with understood(None):
            return Found(
                customers=_each(clients, customer_from_payload),
                items=_each(items, item_from_payload),
                invoices=_each(invoices, self._invoice),
                payments=_each(payments, payment_from_payload),
            )

    async def _paid(self, questions: Iterable[PaymentLookup]) -> list[Payload]:
        """Payments of the invoices named, else a client's payments of a day; our stamp in them tells the rest."""
        asked: dict[Query, None] = {}
        for one in questions:
            until = (one.paid_on + timedelta(1)).isoformat()
            days = (("search[date_min]", one.paid_on.isoformat()), ("search[date_max]", until))
            queries: list[Query] = [(("search[invoiceid]", invoice),) for invoice in one.invoice_ids]
            asked |= dict.fromkeys(queries or [(("search[clientid]", one.customer_id), *days)])
        found: list[Payload] = []
        for query in asked:
            field, wanted = ("invoiceid" if "invoiceid" in query[0][0] else "clientid"), query[0][1]
            async for page in self._asking.records(Kind.PAYMENT, query):
                with understood(None):
                    found += [row for row in page.records if id_of(row, field) == wanted]
        return found

    async def changes(self, since: datetime) -> Changes:
        """The four lists from the day before `since` on, what was deleted told apart; there is no feed.

        Raises ConnectionProblem.
        """
        now = self._http.server_now()
        gone: list[Deleted] = []
        rows: dict[Kind, list[Payload]] = {kind: [] for kind in Kind}
        for kind in Kind:
            states: tuple[Query, ...] = ((), (("search[vis_state]", str(DELETED)),))
            if kind in (Kind.CUSTOMER, Kind.ITEM):
                states = (*states, (ARCHIVED_TOO,))
            for state in states:
                async for page in self._asking.records(kind, (*_since(since), *state)):
                    rows[kind] += [row for row in page.records if _after(row, since)]
        for kind, found in rows.items():
            with understood(None):
                gone += [Deleted(kind, str(row.get("id"))) for row in found if vis_state(row) == DELETED]
                rows[kind] = [row for row in found if vis_state(row) != DELETED]
            self._directory.note(kind, rows[kind])
        customers, bad_customers = read_all(rows[Kind.CUSTOMER], customer_from_payload)
        items, bad_items = read_all(rows[Kind.ITEM], item_from_payload)
        invoices, bad_invoices = read_all(rows[Kind.INVOICE], self._invoice)
        payments, bad_payments = read_all(rows[Kind.PAYMENT], payment_from_payload)
        bad = bad_customers + bad_items + bad_invoices + bad_payments
        return Changes(customers, items, invoices, payments, tuple(gone), now - ECHO, not bad)

    # --- writing ---

    def check(self, step: Step) -> ItemError | None:
        """Why FreshBooks would refuse this step for a rule that is known here; no call is made."""
        return check_rules(step, self._company)

    def prepare(self, steps: Sequence[Step]) -> list[PreparedCall]:
        """One call for each step. Raises ItemError for a step that fails `check`."""
        for step in steps:
            refuse(self.check(step))
        return [self._prepare(step) for step in steps]

    def _prepare(self, step: Step) -> PreparedCall:
        body = request_for(step, self._account, self._company).encode()
        return PreparedCall.of(f"{step.action}_{step.kind}", body, [step], ["0"])

    async def send(self, call: PreparedCall, key: str) -> list[Outcome]:
        """One step; `key` is not known there. Never raises for service or network.

        A new invoice is created as a draft and marked as sent in a second request; if only the first gets through,
        the record says `draft`. Anything but a create reads the record first: somebody may have changed it (D3).
        """
        [element] = call.elements
        request = Request.decode(call.body)
        try:
            outcome = await (self._create if element.action is Action.CREATE else self._change)(element, request)
        except NothingSent as nothing:
            outcome = NotSent(nothing.problem)
        if isinstance(outcome, InDoubt):
            self._http.leave()  # its answer may have been another call's
            self._directory.doubt(element.kind)
        return [outcome]

    async def _create(self, element: CallElement, request: Request) -> Outcome:
        """POST; where its answer is lost or can't be read, a look for what it made."""
        try:
            answer = await self._write(element, request)
        except MaybeApplied as maybe:
            doubt, payload = InDoubt(maybe.reason, maybe.service_ref, maybe.problem), None
        else:
            if not isinstance(answer, Answer | InDoubt):
                return answer
            payload = outcomes.payload_of(answer, element.kind) if isinstance(answer, Answer) else None
            doubt = answer if isinstance(answer, InDoubt) else InDoubt("no record in the answer", answer.service_ref)
            if payload is None:
                self._http.leave()
        if payload is None and doubt.problem is None:
            payload = await self._find_lost(element, request)
        return doubt if payload is None else await self._ended(element, request, payload)

    async def _change(self, element: CallElement, request: Request) -> Outcome:
        """PUT or DELETE, if the record still is what both sides agreed on."""
        try:
            now = await self._read(element.kind, request)
            stopped = _changed_there(request, now)
        except ConnectionProblem as problem:
            return NotSent(problem)
        except Unreadable as error:
            return Refused(UnexpectedAnswer(SERVICE, details=str(error)))
        if stopped is not None or now is None:
            return stopped or Refused(GoneRemote(SERVICE, request.name))
        if not request.content and request.method == "PUT":
            return await self._ended(element, request, now)
        try:
            answer = await self._write(element, request)
        except MaybeApplied as maybe:
            return InDoubt(maybe.reason, maybe.service_ref, maybe.problem)
        if not isinstance(answer, Answer):
            return answer
        payload = outcomes.payload_of(answer, element.kind)
        if request.method == "DELETE":  # its answer holds nothing
            try:
                payload = await self._read(element.kind, request)
            except ConnectionProblem:
                payload = None
        if payload is None:
            return InDoubt("no record in the answer", answer.service_ref)
        return await self._ended(element, request, payload)

    async def _write(self, element: CallElement, request: Request) -> Answer | Outcome:
        """A good answer, or why it is none. A create that meets another request there is tried three times (409).

        Raises NothingSent or MaybeApplied.
        """
        for delay in (*BUSY_DELAYS, None):
            answer = await self._http.write(request.method, request.path, body=request.content or None, keyed=False)
            refused = outcomes.refusal(element, request, answer)
            if refused is None:
                return answer
            if not isinstance(refused, Special):
                return refused
            if delay is None or element.action is not Action.CREATE:
                break
            await self._http.clock.sleep(delay)
        return outcomes.too_busy(element, request)

    async def _ended(self, element: CallElement, request: Request, payload: Payload) -> Outcome:
        """The outcome of a write that got through; an invoice is marked as sent if it isn't yet."""
        lasting = element.action not in (Action.VOID, Action.DELETE)
        try:
            if element.kind is Kind.INVOICE and lasting and outcomes.is_about(element, request, payload):
                if is_draft(payload):
                    payload = await self._mark_sent(payload)
                if "lines" not in payload:
                    payload = await self._asking.one(Kind.INVOICE, id_of(payload, "id")) or payload
            self._directory.note(element.kind, [payload])
        except NothingSent as nothing:  # there, but a draft: the recovery finds it and goes on from there
            return InDoubt(f"{SERVICE} was not told to send it", problem=nothing.problem)
        except MaybeApplied as maybe:
            return InDoubt(maybe.reason, maybe.service_ref, maybe.problem)
        except (ConnectionProblem, Unreadable) as error:
            return InDoubt(f"{SERVICE}'s answer can't be read: {error}")
        return outcomes.linked(element, request, payload, self._company.taxes)

    async def _mark_sent(self, draft: Payload) -> Payload:
        """The invoice once it is sent, or still as a draft if that is refused.

        Whether marking twice is harmless is not known, so it is read before every further try (contract 7).
        Raises NothingSent or MaybeApplied where the way there is the trouble, ConnectionProblem, Unreadable.
        """
        invoice_id, last = id_of(draft, "id"), MaybeApplied("not tried")
        for delay in SENT_DELAYS:
            if delay:
                await self._http.clock.sleep(delay)
                now = await self._asking.one(Kind.INVOICE, invoice_id)
                if now is None or not is_draft(now):
                    return now or draft
            try:
                answer = await self._http.write(
                    "PUT", self._asking.path(Kind.INVOICE, invoice_id), body=MARK_SENT, keyed=False
                )
            except MaybeApplied as maybe:
                last = maybe
                continue
            payload = outcomes.payload_of(answer, Kind.INVOICE)
            if not faults_in(answer.json) and answer.ok and payload is not None:
                return payload
            return await self._asking.one(Kind.INVOICE, invoice_id) or draft
        raise last

    async def _find_lost(self, element: CallElement, request: Request) -> Payload | None:
        """What a create whose answer was lost has made, if it has (contract 10); two looks, five seconds apart."""
        for delay in LOOK_UP_DELAYS:
            await self._http.clock.sleep(delay)
            try:
                for row in await self._candidates(element.kind, request):
                    if outcomes.ours(element.kind, request, row):
                        return row
            except (ConnectionProblem, Unreadable):
                return None
        return None

    async def _candidates(self, kind: Kind, request: Request) -> list[Payload]:
        sent = outcomes.sent_fields(request, kind)
        query: Query
        if kind is Kind.ITEM and not sent.get("sku"):
            return []
        if kind is Kind.ITEM:
            query = (("search[sku]", str(sent.get("sku", ""))),)
        elif kind is Kind.INVOICE:
            query = (("search[invoice_number]", str(sent.get("invoice_number", ""))),)
        elif kind is Kind.PAYMENT:
            query = (("search[invoiceid]", str(sent.get("invoiceid", ""))),)
        elif sent.get("email"):
            query = (("search[email]", str(sent["email"])),)
        elif sent.get("organization"):
            query = (("search[organization_like]", str(sent["organization"])),)
        else:
            names = (("search[fname_like]", sent.get("fname")), ("search[lname_like]", sent.get("lname")))
            query = tuple((name, str(value)) for name, value in names if value)
        found: list[Payload] = []
        async for page in self._asking.records(kind, query):
            found.extend(page.records)
        return found

    async def _read(self, kind: Kind, request: Request) -> Payload | None:
        return await self._asking.one(kind, request.path.rpartition("/")[2])

    def server_now(self) -> datetime:
        """See `Provider.server_now`."""
        return self._http.server_now()

    def record_url(self, kind: Kind, external_id: str) -> str | None:
        """FreshBooks' own start page: the addresses of single records there are not documented.

        For the practice books, their page on this computer.
        """
        return self._http.practice_page or "https://my.freshbooks.com/"


def _changed_there(request: Request, now: Payload | None) -> Outcome | None:
    """Why a change must not be written: the record is gone, or newer than what both sides agreed on.

    `updated` counts whole seconds: an edit made there in the very second of our last write is not seen here. Only
    the fields that we change are written, so others keep it; a pull compares content and brings it in, but its value
    of a field that we write ourselves before that pull is lost. Raises Unreadable.
    """
    if now is None or vis_state(now) == DELETED:
        return Refused(GoneRemote(SERVICE, request.name))
    if request.version and text(now, "updated") != request.version:
        return Refused(StaleVersion(SERVICE))
    return None


def _since(since: datetime | None) -> Query:
    """Filters cut by the Eastern day: one is stepped back (contract 4)."""
    return () if since is None else (("search[updated_min]", eastern_day(since, -1)),)


def _queries(since: datetime | None, archived: bool) -> list[Query]:
    active = _since(since)
    return [active, (*active, ARCHIVED_TOO)] if archived else [active]


def _after(row: Payload, since: datetime | None) -> bool:
    moment = instant(row.get("updated"))
    return since is None or moment is None or moment >= since - ECHO


def _each(rows: Iterable[Payload], read: Callable[[Payload], RecordT]) -> tuple[RecordT, ...]:
    """Every record once, though several questions may have found it."""
    records = [read(row) for row in rows]
    return tuple({record.external_id: record for record in records}.values())
