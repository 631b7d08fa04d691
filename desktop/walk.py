"""The main job, walked by the program itself against the practice company, each step with its evidence.

Connect, import, send 12 invoices, record 8 payments, lose a reply, meet an unmapped item, ring once, mend it,
and compare both sets of books to the cent. What it says it takes from the sandbox's own ledger and books, never
from this program's opinion.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books import queries
from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.desk import Desk
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.invoices import create_invoice, mark_sent
from desktop.books.payments import PaymentDraft, record_payment
from desktop.clock import SystemClock
from desktop.core import Core, Options
from desktop.errors import Fix
from desktop.models.connection import ExternalLink
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice, TaxCode
from desktop.models.item import Item
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.states import Switches
from desktop.models.work import OutboxEntry, SyncStatus
from desktop.practice import UNMAPPED_ITEM, Practice, fill_books, running_sandbox
from desktop.providers.base import Terms
from desktop.providers.records import CompanyRef, Kind, ProviderKey
from desktop.providers.registry import SERVICES, ServiceInfo
from desktop.sync import importing, mapping, overview, reviewing, tax_payments
from desktop.sync.connection_rows import Connected
from desktop.sync.reviewing import Standing
from desktop.sync.secrets import MemoryStore

SENT, PAID = 12, 8
SETTLE_SECONDS = 100.0
"""A service may have us wait for its limit of calls a minute."""
Shoot = Callable[[str], Awaitable[Path | None]]


class Broken(Exception):
    """A step did not come to what it should."""


@dataclass
class Walk:
    """One walk. `shoot` leaves a picture of the screen that a name stands for, where there are screens."""

    core: Core
    practice: Practice
    shoot: Shoot
    service: str = "quickbooks"
    say: Callable[[str], None] = print
    numbers: list[str] = field(default_factory=list)
    invoices: list[int] = field(default_factory=list)
    undecided: list[int] = field(default_factory=list)
    """Customers that may be ones of the service: the owner has to say so first."""
    step: int = 0

    async def run(self) -> None:
        """Every step in order. Raises Broken at the first that fails."""
        today = self.core.clock.now().date()
        await self.core.do(_fill, today)
        await self.shoot("first-run")
        await self._connect()
        await self._import()
        await self._map_and_switch()
        await self._send(today)
        await self._pay(today)
        await self._be_paid_there()
        await self._lose_a_reply(today)
        await self._meet_trouble(today)
        await self._compare()

    @property
    def info(self) -> ServiceInfo:
        """What the program knows of the service."""
        return SERVICES[ProviderKey(self.service)]

    @property
    def terms(self) -> Terms:
        """The service's own words."""
        return self.info.terms

    # --- steps ---------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        self._title(f"Connect {self.terms.full_name}: the consent page, agreed to over HTTP")
        wanted = self.practice.services[self.service]["company_id"]

        async def choose(companies: Sequence[CompanyRef]) -> CompanyRef:
            return next(one for one in companies if one.external_id == wanted)

        self.core.choose_company = choose
        connected = await sign_in(self.core, self.service)
        self._evidence(f"connected to {connected.company.name} ({connected.company.external_id})")
        stated = self.core.options.addresses[self.info.key].calls_a_minute
        if stated:
            real = min((one.calls for one in self.info.limits.windows if one.seconds == 60), default=0)
            self._evidence(
                f"the practice company allows {stated} calls a minute; at the real service we keep to {real}"
            )
        tokens = [entry for entry in self._ledger() if entry["op"] == "token"]
        self._expect(len(tokens) == 1, "the sandbox saw one token call", f"{len(tokens)} token calls")
        await self.shoot("integrations")

    async def _import(self) -> None:
        self._title("The wizard: customers typed and de-duplicated, items with their accounts")
        company, lists = await self.core.require_company(), await self.core.lists()
        before = self._sequence()
        records = await lists.customers.get()
        reviews = await reviewing.review_customers(company, records)
        kinds = {kind: sum(1 for one in reviews if one.kind.value == kind) for kind in _KINDS}
        inactive = sum(1 for one in reviews if one.standing is Standing.NEW and not one.record.active)
        standing = {one: sum(1 for review in reviews if review.standing is one) for one in Standing}
        await self.shoot("wizard")
        self.undecided = [one.local_id for one in reviews if one.standing is Standing.POSSIBLE and one.local_id]
        choices = [
            importing.CustomerChoice(one.external_id, one.kind, one.reasons[0] if one.reasons else "")
            for one in reviews
            if one.preselected
        ]
        result = await importing.import_customers(company, reviews, choices)
        items = await lists.items.get()
        item_reviews = await reviewing.review_items(company, items)
        chosen = [one.external_id for one in item_reviews if one.preselected]
        item_result = await importing.import_items(company, item_reviews, chosen)
        again = await reviewing.review_customers(company, records)
        left = sum(1 for one in again if one.preselected)
        self._evidence(
            f"{len(records)} customers read: {kinds['homeowner']} homeowners, {kinds['business']} businesses, "
            f"{kinds['builder']} builders"
        )
        self._evidence(
            f"{result.created} added, {result.linked} linked to ones we had, {standing[Standing.POSSIBLE]} possible "
            f"duplicates left for you, {inactive} inactive there left out; {item_result.created} items added, "
            f"{item_result.linked} linked"
        )
        writes = [entry for entry in self._ledger(before) if entry.get("changed")]
        self._expect(not writes, "the sandbox's ledger shows no write", f"{len(writes)} writes")
        self._expect(left == 0, "a second look finds nothing more to import", f"{left} would be imported twice")
        await self.core.do(overview.note_step, "customers", {"added": result.created})
        await self.core.do(overview.note_step, "items", {"added": item_result.created})
        await self.shoot("customers")
        await self.shoot("items")

    async def _map_and_switch(self) -> None:
        if self.info.capabilities.income_accounts:
            self._title("Accounts mapped, one item left out on purpose; Auto-Sync on")
            company = await self.core.require_company()
            view = await self.core.ask(mapping.mapping_view, company.key)
            fitting = (one for one in view.accounts if "service" in one.name.casefold())
            account = next(fitting, view.accounts[0])
            choices = mapping.apply_to_unmapped(view, account.external_id)
            for row in view.rows:
                if row.name == UNMAPPED_ITEM:
                    del choices[row.item_id]
            changed = await self.core.do(mapping.save_mapping, company.key, choices)
            self._evidence(f"{changed} items mapped to “{account.name}”, “{UNMAPPED_ITEM}” has none")
            await self._choose_deposits()
        else:
            self._title(f"Nothing to map in {self.terms.service}; Auto-Sync on")
        await self.core.do(overview.save_switches, Switches(auto=True))
        await self.shoot("mapping")
        await self._settle()

    async def _choose_deposits(self) -> None:
        """Where the service wants to be told: checks and cash to one account, the rest to another (N4)."""
        company = await self.core.require_company()
        view = await self.core.ask(tax_payments.tax_payments_view, company.key)
        if not self.info.capabilities.deposit_account_required or not view.accounts:
            return
        first, last = view.accounts[0], view.accounts[-1]
        chosen = {one.method: (first if one.method in ("check", "cash") else last).external_id for one in view.methods}
        await self.core.do(tax_payments.save_deposits, company.key, chosen)
        self._evidence(f"checks and cash go to “{first.name}”, the rest to “{last.name}”")

    async def _send(self, today: date) -> None:
        self._title(f"Send {SENT} invoices")
        before = self._sequence()
        self.invoices = await self.core.do(_write_invoices, today, SENT, self.undecided)
        await self._settle()
        self.numbers = await self.core.ask(_numbers, self.invoices)
        theirs = {one["number"]: one for one in self._books()["invoices"]}
        there = [number for number in self.numbers if number in theirs]
        self._expect(
            len(there) == SENT,
            f"{SENT} invoices stand in {self.terms.service}, {there[0]} to {there[-1]}" if there else "",
            f"only {len(there)} of {SENT} arrived",
        )
        self._evidence(f"{self._calls_since(before)} calls to the service")
        await self.shoot("invoices")

    async def _pay(self, today: date) -> None:
        self._title(f"Record {PAID} payments")
        before = self._sequence()
        await self.core.do(_record_payments, self.invoices[:PAID], today)
        await self._settle()
        theirs = {one["number"]: one for one in self._books()["invoices"]}
        paid = [number for number in self.numbers[:PAID] if Decimal(theirs[number]["balance"]) == 0]
        part = PAID - len(paid)
        self._evidence(f"{len(paid)} invoices paid in full there, {part} in part; {self._calls_since(before)} calls")
        await self.shoot("invoice-detail")

    async def _be_paid_there(self) -> None:
        self._title(f"The bookkeeper records a payment in {self.terms.service}")
        number, invoice = self.numbers[PAID], self.invoices[PAID]
        there = next(one for one in self._books()["invoices"] if one["number"] == number)
        self._control(
            "POST", "edit", {"service": self.service, "kind": "invoice", "id": there["id"], "change": {"pay": "25.00"}}
        )
        report = await self.core.sync_now()
        detail = await self.core.ask(queries.invoice_detail, invoice, await self.core.company_key())
        self._expect(
            detail.row.paid == Decimal(25) and any(one.from_service for one in detail.payments),
            f"Sync Now brought it in: {detail.row.balance:.2f} of {number} is still owed here too",
            f"the payment did not come in: {report.problem or report.pulled}",
        )

    async def _lose_a_reply(self, today: date) -> None:
        self._title(f"A reply is lost after {self.terms.service} has booked the invoice")
        self._control("POST", "faults", {"rules": [{"id": "N1", "provider": self.service, "op": "create_invoice",
                                                    "nth": 1, "phase": "after", "times": 1}]})  # fmt: skip
        extra = await self.core.do(_write_invoices, today, 1, self.undecided)
        await self._settle()
        self._control("DELETE", "faults")
        (number,) = await self.core.ask(_numbers, extra)
        copies = [one for one in self._books()["invoices"] if one["number"] == number]
        broken = [entry for entry in self._ledger() if entry.get("fault") == "N1"]
        self._expect(bool(broken), "the ledger shows the broken call", "the fault did not fire")
        self._expect(
            len(copies) == 1, f"{number} stands there exactly once", f"{number} stands there {len(copies)} times"
        )
        self.invoices += extra
        self.numbers.append(number)

    async def _meet_trouble(self, today: date) -> None:
        """An item without an account; where items have none, a customer that may not be made by itself (C17)."""
        if self.info.capabilities.income_accounts:
            self._title(f"An invoice with “{UNMAPPED_ITEM}”, which has no {self.terms.income_account}")
            fix, item, customer = Fix.OPEN_MAPPING, UNMAPPED_ITEM, 0
        else:
            self._title("An invoice for a new customer, while Sync Customers is off")
            await self.core.do(overview.save_switches, Switches(auto=True, customers=False))
            fix, item = Fix.LINK_CUSTOMER, ""
            customer = await self.core.do(create_customer, CustomerDraft(display_name="Lorna Whitfield"))
        before = self._sequence()
        failed = await self.core.do(_write_invoices, today, 1, self.undecided, item, customer)
        await self._settle()
        await self.core.sync([(Kind.INVOICE, failed[0])])
        await self._settle()
        bell = await self.core.bell()
        writes = [entry for entry in self._ledger(before) if entry.get("changed")]
        self._expect(not writes, "nothing was written there", f"{len(writes)} writes")
        self._expect(
            len(bell) == 1 and bell[0].fix is fix,
            f"one alert, though it failed twice: {bell[0].title}" if bell else "",
            f"{len(bell)} alerts: " + "; ".join(entry.title for entry in bell),
        )
        await self.shoot("needs-you")
        await self.shoot("bell")
        await self._mend()
        report = await self.core.sync([(Kind.INVOICE, failed[0])])
        await self._settle()
        self._expect(not report.refused, "sent", "still refused")
        self._expect(not await self.core.bell(), "the alert is gone", "the alert is still there")
        self.invoices += failed
        self.numbers += await self.core.ask(_numbers, failed)
        await self.shoot("activity")

    async def _mend(self) -> None:
        if not self.info.capabilities.income_accounts:
            await self.core.do(overview.save_switches, Switches(auto=True))
            self._evidence("mended: Sync Customers is on again; Resync")
            return
        company = await self.core.require_company()
        view = await self.core.ask(mapping.mapping_view, company.key)
        account = view.accounts[0]
        await self.core.do(mapping.save_mapping, company.key, mapping.apply_to_unmapped(view, account.external_id))
        self._evidence(f"mended: “{UNMAPPED_ITEM}” now goes to “{account.name}”; Resync")

    async def _compare(self) -> None:
        self._title("Both sets of books, compared to the cent")
        ours = await self.core.ask(_our_books)
        there = self._books()
        theirs = {one["id"]: one for one in there["invoices"]}
        wrong: list[str] = []
        total = paid = Decimal(0)
        for number, external_id, amount, received in ours:
            other = theirs.get(external_id)
            if other is None:
                wrong.append(f"{number} is not there")
                continue
            balance = amount - received
            if (other["number"], Decimal(other["total"]), Decimal(other["balance"])) != (number, amount, balance):
                wrong.append(f"{number}: ours {amount}/{balance}, theirs {other['total']}/{other['balance']}")
            total += amount
            paid += received
        wrong += await self._compare_payments(there["payments"], {external_id for _, external_id, _, _ in ours})
        doubles = [n for n in self.numbers if sum(1 for one in there["invoices"] if one["number"] == n) != 1]
        wrong += [f"{number} stands there more than once or not at all" for number in doubles]
        self._expect(len(ours) == len(self.invoices), f"{len(ours)} invoices are linked", f"{len(ours)} are linked")
        for line in wrong:
            self._evidence(line)
        self._expect(
            not wrong,
            f"equal: {total:,.2f} invoiced, {paid:,.2f} paid, {total - paid:,.2f} still open on both sides",
            "the books differ",
        )

    async def _compare_payments(self, theirs: list[dict[str, Any]], invoices: set[str]) -> list[str]:
        """Each of ours is there once with its amount, and nothing else was paid on our invoices or left as a credit."""
        ours = await self.core.ask(_our_payments)
        by_id = {one["id"]: one for one in theirs}
        wrong = []
        for external_id, amount in ours.items():
            other = by_id.get(external_id)
            if other is None or Decimal(other["amount"]) != amount or Decimal(other.get("unapplied") or 0) != 0:
                wrong.append(f"a payment of {amount}: theirs is {other and other['amount']}")
        strangers = [
            one["id"]
            for one in theirs
            if one["id"] not in ours and any(part["invoice_id"] in invoices for part in one["allocations"])
        ]
        wrong += [f"payment {number} there is not ours" for number in strangers]
        self._expect(len(ours) == PAID + 1, f"{len(ours)} payments are linked, each found once", f"{len(ours)} linked")
        return wrong

    # --- evidence --------------------------------------------------------------------------------------

    def _title(self, text: str) -> None:
        self.step += 1
        self.say(f"\n{self.step}. {text}")

    def _evidence(self, text: str) -> None:
        self.say(f"   {text}")

    def _expect(self, good: bool, words: str, otherwise: str) -> None:
        if not good:
            raise Broken(otherwise)
        self._evidence(words)

    def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.practice.base}/control/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"X-Control-Secret": self.practice.control_secret or "", "Content-Type": "application/json"},
        )
        with _OPENER.open(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _ledger(self, since: int = 0) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self._control("GET", f"ledger?since={since}")["entries"]
        return entries

    def _sequence(self) -> int:
        entries = self._ledger()
        return int(entries[-1]["sequence"]) if entries else 0

    def _calls_since(self, sequence: int) -> int:
        return sum(1 for entry in self._ledger(sequence) if entry["op"] not in _SIGN_IN)

    def _books(self) -> dict[str, list[dict[str, Any]]]:
        books: dict[str, list[dict[str, Any]]] = self._control("GET", f"books/{self.service}")
        return books

    async def _settle(self) -> None:
        """Until nothing waits to be sent and nothing is under way."""
        ends = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < ends:
            if self.core.runner.idle and await self.core.ask(_quiet):
                return
            await asyncio.sleep(0.05)
        waiting = await self.core.ask(_busy_records)
        raise Broken(f"the sync did not come to rest: {'; '.join(waiting)}")


_SIGN_IN = ("token", "refresh", "revoke", "authorize", "consent", "userinfo", "discovery")
_KINDS = ("homeowner", "business", "builder")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Does not follow a redirect; where it leads is an HTTPError's Location."""

    def redirect_request(self, *_: Any) -> None:
        """None: the redirect is not followed."""


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_STAYING = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


# --- our side of the steps -------------------------------------------------------------------------------


def _fill(session: Session, desk: Desk, today: date) -> None:
    fill_books(session, desk, today)


def _write_invoices(
    session: Session, desk: Desk, today: date, count: int, but: list[int], item_name: str = "", only: int = 0
) -> list[int]:
    """`count` invoices marked SENT, to customers of both origins, taxed and untaxed, with and without discount."""
    known = select(Customer.id).where(Customer.active.is_(True), Customer.id.not_in(but))
    customers = [only] if only else list(session.scalars(known.order_by(Customer.id)))
    query = select(Item).where(Item.active.is_(True), Item.builtin.is_(False), Item.unit_price.is_not(None))
    query = query.where(Item.name == item_name) if item_name else query.where(Item.name != UNMAPPED_ITEM)
    items = session.scalars(query.order_by(Item.id)).all()
    taxed = session.scalar(select(TaxCode.id).where(TaxCode.active.is_(True), TaxCode.rate > Decimal(0)).limit(1))
    made = []
    for place in range(count):
        tax_code = taxed if place % 3 == 0 else None
        lines = tuple(
            LineDraft(
                item.id, item.description, Decimal(1 + (place + offset) % 3), item.unit_price or Decimal(0), tax_code
            )
            for offset, item in enumerate(items[(place * 2 + k) % len(items)] for k in range(1 + place % 3))
        )
        draft = InvoiceDraft(
            customer_id=customers[(place * 5) % len(customers)],
            issued_on=today,
            due_on=today + timedelta(days=14),
            lines=lines,
            discount_percent=Decimal(10) if place % 4 == 3 else None,
            note="Thank you for your business." if place % 2 else "",
        )
        invoice = create_invoice(session, desk, draft)
        mark_sent(session, desk, invoice)
        made.append(invoice)
    return made


def _record_payments(session: Session, desk: Desk, invoices: list[int], today: date) -> None:
    methods = ("check", "card", "cash", "bank_transfer")
    for place, invoice_id in enumerate(invoices):
        total = session.get_one(Invoice, invoice_id).total
        amount = total if place % 4 != 2 else (total / 2).quantize(Decimal("0.01"))
        draft = PaymentDraft(
            invoice_id=invoice_id, paid_on=today, amount=amount, method=methods[place % 4], reference=f"R{1000 + place}"
        )
        record_payment(session, desk, draft)


def _numbers(session: Session, ids: list[int]) -> list[str]:
    return list(session.scalars(select(Invoice.number).where(Invoice.id.in_(ids)).order_by(Invoice.id)))


def _quiet(session: Session) -> bool:
    waiting = session.scalar(select(OutboxEntry.id).limit(1))
    busy = session.scalar(select(SyncStatus.id).where(SyncStatus.state.in_(("syncing", "in_doubt"))).limit(1))
    return waiting is None and busy is None


def _our_payments(session: Session) -> dict[str, Decimal]:
    """Id there and amount of every payment that is linked."""
    rows = session.execute(
        select(ExternalLink.external_id, Payment.amount)
        .join(Payment, Payment.id == ExternalLink.local_id)
        .where(ExternalLink.kind == Kind.PAYMENT.value, Payment.deleted.is_(False))
    )
    return {external_id: amount for external_id, amount in rows}


def _busy_records(session: Session) -> list[str]:
    waiting = [
        f"{one.kind} {one.local_id} waits until {one.not_before}" for one in session.scalars(select(OutboxEntry))
    ]
    return waiting + [
        f"{one.kind} {one.local_id} is {one.state} {one.title}" for one in session.scalars(select(SyncStatus))
    ]


def _our_books(session: Session) -> list[tuple[str, str, Decimal, Decimal]]:
    """Number, id there, total and received of every linked invoice, from our own rows."""
    rows = session.execute(
        select(ExternalLink.local_id, ExternalLink.external_id).where(ExternalLink.kind == Kind.INVOICE.value)
    )
    links = {local_id: external_id for local_id, external_id in rows}
    received: dict[int, Decimal] = {}
    for invoice_id, amount in session.execute(
        select(PaymentAllocation.invoice_id, PaymentAllocation.amount)
        .join(Payment, Payment.id == PaymentAllocation.payment_id)
        .where(Payment.deleted.is_(False))
    ):
        received[invoice_id] = received.get(invoice_id, Decimal(0)) + amount
    invoices = session.execute(select(Invoice.id, Invoice.number, Invoice.total).order_by(Invoice.id))
    return [
        (number, links[invoice_id], total, received.get(invoice_id, Decimal(0)))
        for invoice_id, number, total in invoices
        if invoice_id in links
    ]


# --- the owner's browser, played by an HTTP client ----------------------------------------------------------


class _Form(HTMLParser):
    """The consent page's form: its hidden fields, the first company, the button that agrees."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        name, kind = values.get("name", ""), values.get("type", "")
        if tag == "form":
            self.action = values.get("action", "")
        elif tag == "input" and kind == "hidden":
            self.fields[name] = values.get("value", "")
        elif tag == "input" and kind == "radio":
            self.fields.setdefault(name, values.get("value", ""))
        elif tag == "button" and name and "approve" in f"{values.get('class', '')} {values.get('value', '')}".lower():
            self.fields[name] = values.get("value", "")


async def sign_in(core: Core, service: str) -> Connected:
    """Connect as an owner does: agree in the "browser", come back with its answer, have the company's settings read.

    Where no callback port was free, the address that the browser ended on is pasted, as the window asks for (C5).
    """
    flow = await core.sign_in()
    page = await flow.begin(service)
    waiting = asyncio.create_task(flow.wait())
    end = await asyncio.to_thread(_agree_to, page.url)
    if page.listening:
        await asyncio.to_thread(_visit, end)
    else:
        flow.finish_with_pasted(end)
    connected = await waiting
    await core.after_connecting()
    return connected


def _agree_to(url: str) -> str:
    """Open the consent page, take the first company, press Approve; the address that the browser is sent to then."""
    form = _Form()
    form.feed(_visit(url))
    target = urljoin(url, form.action or url)
    try:
        with _STAYING.open(target, data=urlencode(form.fields).encode(), timeout=20):
            raise Broken("the consent page led nowhere")
    except urllib.error.HTTPError as answer:
        with answer:
            if not 300 <= answer.code < 400:
                raise
            return urljoin(target, str(answer.headers["Location"]))


def _visit(url: str) -> str:
    with _OPENER.open(url, timeout=20) as answer:
        return str(answer.read().decode("utf-8"))


# --- the command ----------------------------------------------------------------------------------------------


async def walk_through(
    options: Options, practice: Practice, shoot_for: Callable[[Core], Awaitable[Shoot]], service: str = "quickbooks"
) -> bool:
    """Open the books, walk, close; True when both sets of books agree."""
    started = time.monotonic()
    core = await Core.open(options)
    try:
        await practice.enter_keys(core)
        core.start()
        await Walk(core, practice, await shoot_for(core), service).run()
    except Broken as broken:
        print(f"   NOT AS IT SHOULD BE: {broken}", file=sys.stderr)
        return False
    finally:
        await core.close()
    print(f"\nDone in {time.monotonic() - started:.1f} s: the books agree.")
    return True


def run_walk(service: str, shots: Path | None) -> int:
    """Walk without a display; 0 only if both sets of books agree at the end."""
    from desktop.app import run_offscreen

    pictures = shots or Path(tempfile.mkdtemp(prefix="blueclerk-demo-"))
    pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="blueclerk-") as folder:
        data = Path(folder)
        with running_sandbox(data, control=True) as practice:
            name = SERVICES[ProviderKey(service)].terms.full_name
            print(f"A practice company of {name} runs at {practice.base}", flush=True)
            options = Options(
                database=str(data / "blueclerk.db"),
                data_dir=data,
                store=MemoryStore(),
                account="owner",
                clock=SystemClock(),
                addresses=practice.addresses(),
            )
            good = run_offscreen(lambda shoot_for: walk_through(options, practice, shoot_for, service), pictures)
    count = len(list(pictures.glob("*.png")))
    print(f"{count} pictures of the screens lie in {pictures}")
    return 0 if good else 1
