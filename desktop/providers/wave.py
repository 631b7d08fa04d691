"""Wave: documents, paging and order of calls. The mapping is in `wave_wire` and its siblings.

Source of every rule: providers' contract, Wave. One POST counts as one call however many mutations it carries,
so nearly everything here is several aliases in one document (section 8).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
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
from desktop.providers.reading import Unreadable, leave_doubtful, parts, text
from desktop.providers.records import (
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
    PaymentRecord,
    ProviderKey,
)
from desktop.providers.rules import refuse
from desktop.providers.wave_asking import GRAPHQL, Asking, wire_time
from desktop.providers.wave_documents import CUSTOMERS, INVOICES, PRODUCTS, mutation_document, payments_of
from desktop.providers.wave_faults import SERVICE, PaymentNotApplied, too_complex
from desktop.providers.wave_finding import Finding, sellable
from desktop.providers.wave_outcomes import outcomes, settle_mark
from desktop.providers.wave_reading import (
    customer_from_node,
    invoice_from_node,
    item_from_node,
    money,
    number,
    payment_from_node,
)
from desktop.providers.wave_rules import EMAIL_MAX, LINES_MAX, NAME_MAX, NUMBER_MAX, TEXT_MAX
from desktop.providers.wave_rules import check as check_rules
from desktop.providers.wave_settings import read_companies, read_settings
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
    change_feed_days=3650,
    tells_deleted=frozenset(),
    rounding=Rounding.ON_TOTAL,
    invoice_number_max=NUMBER_MAX,
    name_max=NAME_MAX,
    unique_customer_names=False,
    email_max=EMAIL_MAX,
    lines_max=LINES_MAX,
    memo_max=TEXT_MAX,
    invoice_stamps=False,
    refuses_stale=False,
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

MARK_ATTEMPTS = 3
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
        self._finding = Finding(self._asking, http.server_now)
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
        return await read_companies(self._asking)

    async def settings(self) -> CompanySettings:
        """Business, accounts and taxes in one document; used for what this object writes from then on.

        Raises ConnectionProblem.
        """
        settings = await read_settings(self._asking, self._http.server_now)
        if not self.company.external_id:
            self.company = settings.company
        self.use_settings(settings)
        return settings

    def customers(self, changed_since: datetime | None = None) -> AsyncIterator[Page[CustomerRecord]]:
        """All customers, archived ones included. Raises ConnectionProblem while it is read."""
        return self._asking.records(CUSTOMERS, customer_from_node, changed_since)

    def items(self, changed_since: datetime | None = None) -> AsyncIterator[Page[ItemRecord]]:
        """All products but those that are only bought; one without an income account needs mapping first."""
        return self._asking.records(PRODUCTS, item_from_node, changed_since, sellable)

    def invoices(self, changed_since: datetime | None = None) -> AsyncIterator[Page[InvoiceRecord]]:
        """All invoices; drafts are marked as such, they are not in the books."""
        return self._asking.records(INVOICES, invoice_from_node, changed_since)

    def payments(self, changed_since: datetime | None = None) -> AsyncIterator[Page[PaymentRecord]]:
        """All payments; with `changed_since`, all of the invoices that changed since."""
        return self._finding.payments(changed_since)

    async def changes(self, since: datetime) -> Changes:
        """Never complete: Wave tells what changed but not what was deleted; read the lists with `changed_since`."""
        return Changes(cursor=self._http.server_now(), complete=False)

    async def find(self, lookup: Lookup) -> Found:
        """Answers in as few documents as can be; names are compared here, because Wave can't be asked for one.

        Raises ConnectionProblem, also if an answer can't be read: "not found" is only said when it is sure.
        """
        return await self._finding.find(lookup)

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
        op = steps[0].action.value + "_" + steps[0].kind.value if len(steps) == 1 else "batch"
        return PreparedCall.of(op, body, steps, keys)

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
        leave_doubtful(answer, found)
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

    async def _mark_sent(self, results: list[Outcome], elements: Sequence[CallElement]) -> None:
        """Says of invoices that are only saved that they left the house; best effort, and safe to say twice.

        What fails stays a draft in its outcome, so that the next plan finishes it.
        """
        waiting = [
            (at, result.record)
            for at, result in enumerate(results)
            if isinstance(result, Linked) and isinstance(result.record, InvoiceRecord) and result.record.draft
        ]
        attempts = 0
        while waiting and attempts < MARK_ATTEMPTS:
            attempts += 1
            batch, now = waiting[: self._batch], wire_time(self._http.server_now())
            entries = [mark_sent(f"s{at}", record.external_id or "", now) for at, record in batch]
            try:
                answer = await self._http.write("POST", GRAPHQL, body=encode(mutation_document(entries)), keyed=True)
            except NothingSent:
                return
            except MaybeApplied:
                continue
            if too_complex(answer) and len(batch) > 1:
                self._batch = max(1, min(self._batch, len(batch) // 2))
                attempts -= 1
                continue
            for at, record in batch:
                made = results[at]
                if isinstance(made, Linked):
                    results[at] = settle_mark(made, record, elements[at], answer, f"s{at}")
            if len(batch) < len(waiting):
                attempts -= 1
            waiting = waiting[len(batch) :]

    def server_now(self) -> datetime:
        """See `Provider.server_now`."""
        return self._http.server_now()

    def record_url(self, kind: Kind, external_id: str) -> str | None:
        """Wave's own page; single records have no address that is documented. The practice books have their page."""
        return self._http.practice_page or WEB


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
