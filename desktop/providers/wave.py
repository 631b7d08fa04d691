"""Wave: documents, paging and order of calls. The mapping is in `wave_wire` and its siblings.

Source of every rule: providers' contract, Wave. One POST counts as one call however many mutations it carries,
so nearly everything here is several aliases in one document (section 8).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from desktop.errors import ConnectionProblem, ItemError, RateLimited
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
from desktop.providers.records import (
    AccountKind,
    AccountRecord,
    Changes,
    CompanyRef,
    CompanySettings,
    CustomerRecord,
    Found,
    InvoiceRecord,
    ItemRecord,
    Kind,
    Lookup,
    Page,
    PaymentMethodRecord,
    PaymentRecord,
    ProviderKey,
    TaxCodeRecord,
)
from desktop.providers.wave_asking import (
    GRAPHQL,
    Asking,
    NameIndex,
    pages_left,
    read_all,
    rows_of,
    same_name,
    understood,
    wire_time,
)
from desktop.providers.wave_documents import (
    BILLS,
    BUSINESS,
    CUSTOMER_NAMES,
    CUSTOMERS,
    DEPOSIT_ACCOUNTS,
    INCOME_ACCOUNTS,
    INVOICES,
    NUMBERED,
    PRODUCT_NAMES,
    PRODUCTS,
    SALES_TAXES,
    Question,
    businesses_document,
    mutation_document,
    one,
    payments_of,
)
from desktop.providers.wave_faults import (
    SERVICE,
    PaymentNotApplied,
    PlanNeeded,
    graph_errors,
    never_ran,
    too_complex,
)
from desktop.providers.wave_outcomes import outcomes
from desktop.providers.wave_reading import (
    METHODS,
    Payload,
    Unreadable,
    customer_from_node,
    flag,
    invoice_from_node,
    item_from_node,
    money,
    number,
    part,
    parts,
    payment_from_node,
    text,
)
from desktop.providers.wave_rules import EMAIL_MAX, LINES_MAX, NAME_MAX, NUMBER_MAX, TEXT_MAX, refuse
from desktop.providers.wave_rules import check as check_rules
from desktop.providers.wave_wire import NO_ROOM, Company, aliases, encode, mark_sent, step_entry
from desktop.text import tr

BATCH = 10
"""Mutations in one document; Wave names no limit, and takes it back by itself when one is found too complex."""

LIMITS = Limits(windows=(Window(60.0, 50),), concurrency=1, demanded_wait=16.0)
"""Wave publishes no number: 50 a minute and one at a time is an assumption (E11)."""

CAPABILITIES = Capabilities(
    batch=BATCH,
    native_keys=False,
    key_trust_seconds=0,
    income_accounts=True,
    sync_items=False,
    deposit_account_required=True,
    change_feed=False,
    rounding=Rounding.ON_TOTAL,
    invoice_number_max=NUMBER_MAX,
    name_max=NAME_MAX,
    unique_customer_names=False,
    email_max=EMAIL_MAX,
    lines_max=LINES_MAX,
    memo_max=TEXT_MAX,
    invoice_stamps=False,
    no_room=NO_ROOM,
)

TERMS = Terms(
    service=SERVICE,
    full_name=SERVICE,
    income_account=tr("income account"),
    income_accounts=tr("income accounts"),
    customer=tr("customer"),
    company=tr("business"),
    mapping_note=tr(
        "Wave has no switch for items: products are made there as invoices need them, with these accounts."
    ),
    plan_note=tr("Wave lets other programs in only while the business has Wave Pro (or an Advisor plan)."),
)

_METHOD_NAMES = (
    ("CASH", tr("Cash")),
    ("CHEQUE", tr("Cheque")),
    ("CREDIT_CARD", tr("Credit card")),
    ("BANK_TRANSFER", tr("Bank transfer")),
    ("OTHER", tr("Other")),
)
WEB = "https://next.waveapps.com/"


class Wave:
    """One Wave business; a `company` without id stands for the one that the token is for.

    `settings` as last stored spare a call: they tell the accounts by name, the country, the only deposit account.
    """

    key = ProviderKey.WAVE
    capabilities = CAPABILITIES
    terms = TERMS

    def __init__(
        self, http: ServiceHttp, company: CompanyRef, settings: CompanySettings | None = None, *, batch: int = BATCH
    ) -> None:
        self.company = company
        self._http = http
        self._asking = Asking(http, company.external_id)
        self._company = Company(company.external_id)
        self._batch = batch
        self._unmarked: list[str] = []
        self._customer_names = NameIndex(CUSTOMER_NAMES)
        self._product_names = NameIndex(PRODUCT_NAMES)
        if settings is not None:
            self.use_settings(settings)

    def use_settings(self, settings: CompanySettings) -> None:
        """Write from now on as this business needs it: its country, its accounts."""
        self._company = Company.of(settings)

    # --- reading ---

    async def companies(self) -> tuple[CompanyRef, ...]:
        """The businesses that the token reaches, the usable ones first; `unusable` says why another is not.

        Raises PlanNeeded if there is none, else ConnectionProblem.
        """
        rows: list[Payload] = []
        page, last = 1, 1
        while page <= last:
            answer = await self._asking.document(businesses_document(page))
            with understood(answer):
                data = part(answer.json if isinstance(answer.json, dict) else {}, "data")
                if graph_errors(answer.json) or not data:
                    raise Unreadable("; ".join(error.words for error in graph_errors(answer.json)) or "no data")
                for name in ("open", "archived"):
                    rows += rows_of(data.get(name))
                    last = max(last, 1 + pages_left(data.get(name)))
            page += 1
        with understood(None):
            found = {text(row, "id"): CompanyRef(text(row, "id"), text(row, "name"), _unusable(row)) for row in rows}
        if not found:
            raise PlanNeeded(details="no business in the list")
        return tuple(sorted(found.values(), key=lambda ref: bool(ref.unusable)))

    async def settings(self) -> CompanySettings:
        """Business, accounts and taxes in one document; used for what this object writes from then on.

        Raises ConnectionProblem.
        """
        listings = (INCOME_ACCOUNTS, DEPOSIT_ACCOUNTS, SALES_TAXES)
        shown, lists = await self._asking.ask([listing.page(1) for listing in listings], BUSINESS)
        with understood(None):
            rows = [rows_of(found) for found in lists]
            further = [(at, page) for at, found in enumerate(lists) for page in range(2, pages_left(found) + 2)]
        _, more = await self._asking.ask([listings[at].page(page) for at, page in further]) if further else ({}, [])
        with understood(None):
            for (at, _), found in zip(further, more, strict=True):
                rows[at] += rows_of(found)
            settings = _settings(shown, *rows, server_time=self._http.server_now())
        if not self.company.external_id:
            self.company = settings.company
        self.use_settings(settings)
        return settings

    def customers(self, changed_since: datetime | None = None) -> AsyncIterator[Page[CustomerRecord]]:
        """All customers, archived ones included. Raises ConnectionProblem while it is read."""
        return self._asking.records(CUSTOMERS, customer_from_node, changed_since)

    def items(self, changed_since: datetime | None = None) -> AsyncIterator[Page[ItemRecord]]:
        """All products but those that are only bought; one without an income account needs mapping first."""
        return self._asking.records(PRODUCTS, item_from_node, changed_since, _sellable)

    def invoices(self, changed_since: datetime | None = None) -> AsyncIterator[Page[InvoiceRecord]]:
        """All invoices; drafts are marked as such, they are not in the books."""
        return self._asking.records(INVOICES, invoice_from_node, changed_since)

    async def payments(self, changed_since: datetime | None = None) -> AsyncIterator[Page[PaymentRecord]]:
        """All payments: Wave shows them only with one invoice at a time, so paid invoices are asked for, many at once.

        With `changed_since`, all payments of the invoices that changed since.
        """
        async for found in self._asking.pages(BILLS, _since(changed_since)):
            with understood(None):
                paid = [text(row, "id") for row in found.records if money(row, "amountPaid") != 0]
            if paid:
                records, unreadable = await self._payments_of(paid)
                yield Page(tuple(records), None, unreadable=unreadable)

    async def _payments_of(self, invoices: Iterable[str]) -> tuple[list[PaymentRecord], int]:
        _, found = await self._asking.ask([payments_of(invoice_id) for invoice_id in invoices])
        records: list[PaymentRecord] = []
        unreadable = 0
        with understood(None):
            for invoice in found:
                if invoice is not None:
                    rows = parts(invoice, "payments")
                    good, bad = read_all(rows, lambda row, of=invoice: payment_from_node(row, of))  # type: ignore[misc]
                    records += good
                    unreadable += bad
        return records, unreadable

    async def changes(self, since: datetime) -> Changes:
        """Never complete: Wave tells what changed but not what was deleted; read the lists with `changed_since`."""
        return Changes(cursor=self._http.server_now(), complete=False)

    async def find(self, lookup: Lookup) -> Found:
        """Answers in as few documents as can be; names are compared here, because Wave can't be asked for one.

        Raises ConnectionProblem, also if an answer can't be read: "not found" is only said when it is sure.
        """
        ids = {kind: list(dict.fromkeys(wanted)) for kind, wanted in _ids(lookup)}
        nodes: dict[Kind, list[Payload]] = {kind: [] for kind in Kind}
        waiting = [(kind, one(kind, external_id)) for kind, wanted in ids.items() for external_id in wanted]
        numbers = list(dict.fromkeys(lookup.invoice_numbers))
        bills = list(dict.fromkeys(paid.customer_id for paid in lookup.payments if not paid.invoice_ids))
        invoices = {invoice_id for paid in lookup.payments for invoice_id in paid.invoice_ids}
        lists = [NUMBERED.page(1, invoiceNumber=("String", wanted)) for wanted in numbers]
        lists += [BILLS.page(1, customerId=("ID", customer)) for customer in bills]
        indexes = [
            (index, kind, {same_name(name) for name in names})
            for index, kind, names in (
                (self._customer_names, Kind.CUSTOMER, lookup.customer_names),
                (self._product_names, Kind.ITEM, lookup.item_names),
            )
            if names
        ]
        now = self._http.server_now()
        pages = [index.page(1) for index, _, _ in indexes]
        _, answers = await self._asking.ask([*(question for _, question in waiting), *lists, *pages])
        with understood(None):
            for (kind, _), node in zip(waiting, answers, strict=False):
                nodes[kind] += [node] if node is not None else []
            at = len(waiting)
            rows = [rows_of(answer) for answer in answers[at:]]
            further = await self._further(
                [*[(NUMBERED, {"invoiceNumber": ("String", wanted)}) for wanted in numbers],
                 *[(BILLS, {"customerId": ("ID", customer)}) for customer in bills],
                 *[(index.listing, index.filters) for index, _, _ in indexes]],
                answers[at:],
            )  # fmt: skip
            rows = [first + more for first, more in zip(rows, further, strict=True)]
            for wanted, found in zip(numbers, rows, strict=False):
                nodes[Kind.INVOICE] += [r for r in found if same_name(text(r, "invoiceNumber")) == same_name(wanted)]
            for found in rows[len(numbers) : len(numbers) + len(bills)]:
                invoices |= {text(row, "id") for row in found if money(row, "amountPaid") != 0}
            for (index, _, _), found in zip(indexes, rows[len(numbers) + len(bills) :], strict=True):
                index.take(found)
                index.as_of = now
        again = [(kind, hit) for index, kind, names in indexes for hit in index.called(names) if hit not in ids[kind]]
        return await self._together(nodes, again, invoices)

    async def _further(
        self, lists: Sequence[tuple[Any, Mapping[str, tuple[str, Any]]]], first: Sequence[Any]
    ) -> list[list[Payload]]:
        """The rows of the pages behind the first one of each list, several pages in a document."""
        wanted = [(at, page) for at, found in enumerate(first) for page in range(2, pages_left(found) + 2)]
        rows: list[list[Payload]] = [[] for _ in lists]
        if wanted:
            questions: list[Question] = [lists[at][0].page(page, **lists[at][1]) for at, page in wanted]
            _, answers = await self._asking.ask(questions)
            for (at, _), answer in zip(wanted, answers, strict=True):
                rows[at] += rows_of(answer)
        return rows

    async def _together(
        self, nodes: dict[Kind, list[Payload]], again: Sequence[tuple[Kind, str]], invoices: Iterable[str]
    ) -> Found:
        bills = sorted(invoices)
        questions = [one(kind, external_id) for kind, external_id in again] + [payments_of(bill) for bill in bills]
        payments: dict[str, PaymentRecord] = {}
        if questions:
            _, answers = await self._asking.ask(questions)
            with understood(None):
                for (kind, _), node in zip(again, answers, strict=False):
                    nodes[kind] += [node] if node is not None else []
                for invoice in answers[len(again) :]:
                    for row in parts(invoice, "payments") if invoice is not None else []:
                        payments[text(row, "id")] = payment_from_node(row, invoice)
        with understood(None):
            for node in nodes[Kind.PAYMENT]:
                payments[text(node, "id")] = payment_from_node(node)
            customers = [customer_from_node(node) for node in _each(nodes[Kind.CUSTOMER])]
            items = [item_from_node(node) for node in _each(nodes[Kind.ITEM]) if _sellable(node)]
            return Found(
                customers=tuple(sorted(customers, key=lambda record: not record.active)),
                items=tuple(sorted(items, key=lambda record: not record.active)),
                invoices=tuple(invoice_from_node(node) for node in _each(nodes[Kind.INVOICE])),
                payments=tuple(payments.values()),
            )

    # --- writing ---

    def check(self, step: Step) -> ItemError | None:
        """Why Wave would refuse this step for a rule that is known here; no call is made."""
        return check_rules(step, self._company)

    def prepare(self, steps: Sequence[Step]) -> list[PreparedCall]:
        """Documents of at most ten mutations, fewer once Wave found one too complex.

        Raises ItemError for a step that fails `check`.
        """
        for step in steps:
            refuse(self.check(step))
        return [self._prepare(steps[at : at + self._batch]) for at in range(0, len(steps), self._batch)]

    def _prepare(self, steps: Sequence[Step]) -> PreparedCall:
        kinds = [step.kind for step in steps]
        inputs = [dict(step_entry(step, "x", self._company).wanted) for step in steps]
        keys = aliases(kinds, inputs)
        entries = [step_entry(step, key, self._company) for step, key in zip(steps, keys, strict=True)]
        body = encode(mutation_document(entries))
        elements = tuple(
            CallElement(key, step.ref, step.kind, step.action) for step, key in zip(steps, keys, strict=True)
        )
        op = elements[0].action.value + "_" + elements[0].kind.value if len(elements) == 1 else "batch"
        return PreparedCall(op, body, elements, hashlib.sha256(body.encode()).hexdigest())

    async def send(self, call: PreparedCall, key: str) -> list[Outcome]:
        """One document; new invoices are marked as sent in a second one. Never raises for service or network.

        Wave knows no idempotency keys: `key` is not sent, and what is in doubt has to be looked up.
        """
        results = await self._send(json.loads(call.body), call.elements)
        await self._mark_sent(results, call.elements)
        return results

    async def _send(self, document: Mapping[str, Any], elements: Sequence[CallElement]) -> list[Outcome]:
        try:
            answer = await self._http.write("POST", GRAPHQL, body=encode(document), keyed=False)
        except NothingSent as nothing:
            if isinstance(nothing.problem, RateLimited):
                self._batch = max(1, self._batch // 2)
            return [NotSent(nothing.problem) for _ in elements]
        except MaybeApplied as maybe:
            return [InDoubt(maybe.reason, maybe.service_ref, maybe.problem) for _ in elements]
        if too_complex(answer) and len(elements) > 1:
            return await self._halved(document, elements)
        found = outcomes(elements, document["variables"], answer, dict(self._company.accounts))
        return await self._prove(found, document["variables"], elements)

    async def _halved(self, document: Mapping[str, Any], elements: Sequence[CallElement]) -> list[Outcome]:
        """Nothing of it ran: the same mutations again, in two documents one after the other."""
        middle = len(elements) // 2
        self._batch = max(1, min(self._batch, middle))
        results: list[Outcome] = []
        for half in (elements[:middle], elements[middle:]):
            results += await self._send(_only(document, [element.key for element in half]), half)
        return results

    async def _prove(
        self, found: list[Outcome], sent: Mapping[str, Mapping[str, Any]], elements: Sequence[CallElement]
    ) -> list[Outcome]:
        """Payments whose invoice came back stale or not at all are read once more before anything is said."""
        unproved = [
            at
            for at, (element, outcome) in enumerate(zip(elements, found, strict=True))
            if element.kind is Kind.PAYMENT
            and element.action is Action.CREATE
            and isinstance(outcome, Refused)
            and isinstance(outcome.error, PaymentNotApplied)
        ]
        if not unproved:
            return found
        bills = [str(sent[elements[at].key]["invoiceId"]) for at in unproved]
        try:
            _, answers = await self._asking.ask([payments_of(bill) for bill in bills])
            for at, invoice in zip(unproved, answers, strict=True):
                proved = _proved(invoice, str(sent[elements[at].key].get("memo", "")))
                if proved is not None:
                    found[at] = Linked(proved)
        except (ConnectionProblem, Unreadable) as problem:
            for at in unproved:
                found[at] = InDoubt(f"the invoice could not be read again: {problem}")
        return found

    async def _mark_sent(self, results: Sequence[Outcome], elements: Sequence[CallElement]) -> None:
        """Says of new invoices that they left the house. What fails here is tried along with the next ones: an
        invoice that Wave calls "saved" is in the books just the same."""
        self._unmarked += [
            result.record.external_id or ""
            for element, result in zip(elements, results, strict=True)
            if element.kind is Kind.INVOICE and element.action is Action.CREATE and isinstance(result, Linked)
        ]
        while self._unmarked:
            now = wire_time(self._http.server_now())
            batch = self._unmarked[: self._batch]
            entries = [mark_sent(f"s{at}", invoice_id, now) for at, invoice_id in enumerate(batch)]
            try:
                answer = await self._http.write("POST", GRAPHQL, body=encode(mutation_document(entries)), keyed=True)
            except (NothingSent, MaybeApplied):
                return
            if too_complex(answer) and self._batch > 1:
                self._batch //= 2
                continue
            if never_ran(answer.json):
                return
            del self._unmarked[: len(batch)]

    def record_url(self, kind: Kind, external_id: str) -> str | None:
        """Wave's own page; single records have no address that is documented. The practice books have their page."""
        if self._http.loopback:
            return self._http.base.partition("/wave")[0] + "/"
        return WEB


# --- reading what is not a record of ours ---


def _unusable(row: Payload) -> str:
    if flag(row, "isArchived"):
        return tr("This business is archived in Wave.")
    if flag(row, "isClassicAccounting"):
        return tr("This business still uses Wave's classic accounting.")
    return tr("This is personal, not a business.") if flag(row, "isPersonal") else ""


def _settings(
    shown: Payload, income: Sequence[Payload], deposit: Sequence[Payload], taxes: Sequence[Payload], *,
    server_time: datetime,
) -> CompanySettings:  # fmt: skip
    currency = text(part(shown, "currency"), "code")
    if not currency or not text(shown, "id"):
        raise Unreadable("the business has no id or currency")
    return CompanySettings(
        company=CompanyRef(text(shown, "id"), text(shown, "name"), _unusable(shown)),
        home_currency=currency,
        country=text(part(part(shown, "address"), "country"), "code"),
        accounts=(
            *(_account(row, AccountKind.INCOME) for row in income),
            *(_account(row, AccountKind.DEPOSIT) for row in deposit),
        ),
        tax_codes=tuple(_tax(row) for row in taxes),
        payment_methods=tuple(PaymentMethodRecord(name, words, METHODS[name]) for name, words in _METHOD_NAMES),
        server_time=server_time,
    )


def _account(row: Payload, kind: AccountKind) -> AccountRecord:
    return AccountRecord(text(row, "id"), text(row, "name"), kind, not flag(row, "isArchived"))


def _tax(row: Payload) -> TaxCodeRecord:
    rate = number(row, "rate")
    percent = None if rate is None else (rate * 100).normalize() + Decimal(0)
    return TaxCodeRecord(text(row, "id"), text(row, "name"), percent, not flag(row, "isArchived"))


def _sellable(node: Payload) -> bool:
    return not (flag(node, "isBought") and not flag(node, "isSold"))


def _since(since: datetime | None) -> Mapping[str, tuple[str, Any]]:
    return {} if since is None else {"modifiedAtAfter": ("DateTime", wire_time(since))}


def _ids(lookup: Lookup) -> tuple[tuple[Kind, tuple[str, ...]], ...]:
    return (
        (Kind.CUSTOMER, lookup.customer_ids),
        (Kind.ITEM, lookup.item_ids),
        (Kind.INVOICE, lookup.invoice_ids),
        (Kind.PAYMENT, lookup.payment_ids),
    )


def _each(nodes: Iterable[Payload]) -> list[Payload]:
    """Every node once, though several questions may have found it."""
    return list({text(node, "id"): node for node in nodes}.values())


def _only(document: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """The same document with these aliases only: each stands on a line of its own."""
    head, *lines, tail = str(document["query"]).split("\n")
    kept = [line for line in lines if line.split(":")[0].strip() in keys]
    wanted = [
        part for part in head[head.index("(") + 1 : head.rindex(")")].split(", ") if part[1:].split(":")[0] in keys
    ]
    query = "\n".join([f"mutation BlueClerk({', '.join(wanted)}) {{", *kept, tail])
    variables = {key: value for key, value in document["variables"].items() if key in keys}
    return {**document, "query": query, "variables": variables}


def _proved(invoice: Any, memo: str) -> PaymentRecord | None:
    """The payment of this memo, if the invoice counts all of its payments as paid. Raises Unreadable."""
    if invoice is None:
        return None
    rows = parts(invoice, "payments")
    booked = sum((number(row, "amount") or Decimal(0) for row in rows), Decimal(0))
    mine = next((row for row in rows if memo and text(row, "memo") == memo), None)
    if mine is None or money(invoice, "amountPaid") < booked:
        return None
    return payment_from_node(mine, invoice)
