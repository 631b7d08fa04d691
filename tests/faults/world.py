"""A connected desk on any of the four services: the whole `Core`, the real sandbox over a socket, an elastic clock.

Signing in and reading a company's settings is done once for each service; every test gets a copy of those books, a
fresh grant, and a sandbox just reset. Verbs are short, everything behind them is the real thing.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select

from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.invoices import create_invoice, mark_sent, update_invoice
from desktop.books.items import ItemDraft, create_item
from desktop.books.payments import PaymentDraft, record_payment
from desktop.core import Core
from desktop.models.connection import Connection, ExternalLink
from desktop.models.invoice import Invoice, InvoiceLine
from desktop.models.session import db_now
from desktop.models.states import CompanyKey, Switches
from desktop.models.work import Notification, OutboxEntry, SyncStatus
from desktop.providers.base import Capabilities
from desktop.providers.records import Kind, ProviderKey
from desktop.providers.registry import SERVICES
from desktop.sync import mapping
from desktop.sync.push import Report
from desktop.sync.tokens import StoredGrant, token_columns
from tests.faults.invariants import World, check_always, check_quiet
from tests.helpers.control import Control
from tests.helpers.desk import options, sign_in_to_demo
from tests.helpers.four_services import map_deposits
from tests.helpers.office import ElasticClock

ALL = tuple(key.value for key in ProviderKey)
ACCESS_SECONDS = {"quickbooks": 3600, "xero": 1800, "freshbooks": 43_200, "wave": 7200}
DAY = date(2026, 11, 10)
OUTCOMES = {
    "syncing": "InDoubt",
    "in_doubt": "InDoubt",
    "waiting": "Waiting",
    "needs_you": "NeedsYou",
    "conflict": "NeedsYou",
}
NOT_WORDS = re.compile(
    r"[{}]|<\w|\w>|\bHTTP\b|\bJSON\b|\bnull\b|\bNone\b|Exception|Traceback|[a-z]Error\b|\b[45]\d\d\b|\b[a-z]+_[a-z_]+\b"
    r"|GraphQL|errno|invalid_|\bcode \d|UNAUTH|NOT_FOUND|::"
)
"""Signs that a machine is speaking: status codes, identifiers, brackets."""

T = TypeVar("T")


@dataclass
class Store:
    """A password store in memory that tests can look into."""

    values: dict[str, str] = field(default_factory=dict)
    lasting = False

    def read(self, name: str) -> str | None:
        return self.values.get(name)

    def write(self, name: str, value: str) -> None:
        self.values[name] = value

    def delete(self, name: str) -> None:
        self.values.pop(name, None)


@dataclass
class Template:
    """A data folder whose books are connected to one service's demo company, and the password store that opens it."""

    folder: Path
    secrets: dict[str, str]


def plain_words(*texts: str) -> None:
    """What the owner reads holds no code, no JSON, no markup and no name of a class or a call."""
    for text in texts:
        found = NOT_WORDS.search(text)
        assert found is None, f"not the owner's words: {found.group(0)!r} in {text!r}"


@dataclass
class Desk:
    """One program at one desk, connected to one service."""

    core: Core
    service: str
    control: Control
    clock: ElasticClock
    world: World
    sandbox: Any
    made: int = field(default=0)

    @property
    def capabilities(self) -> Capabilities:
        """What the connected service can do."""
        return SERVICES[ProviderKey(self.service)].capabilities

    @property
    def name(self) -> str:
        """What the owner calls the service."""
        return SERVICES[ProviderKey(self.service)].terms.service

    # --- our books ---

    def write(self, fn: Callable[..., T], *args: Any, **more: Any) -> T:
        """A verb of our books, at once."""
        with self.core.db.write() as session:
            return fn(session, self.core.desk, *args, **more)

    def customer(self, name: str = "", **fields: Any) -> int:
        self.made += 1
        return self.write(create_customer, CustomerDraft(display_name=name or f"Customer {self.made}", **fields))

    def item(self, name: str = "", price: str = "100", *, mapped: bool = True, **fields: Any) -> int:
        self.made += 1
        draft = ItemDraft(name=name or f"Item {self.made}", unit_price=Decimal(price), **fields)
        item_id = self.write(create_item, draft)
        if mapped and self.capabilities.income_accounts:
            with self.core.db.write() as session:
                mapping.map_imported(session, self.key, item_id, self.income)
        return item_id

    @property
    def key(self) -> Any:
        """The connected company."""
        with self.core.db.read() as session:
            row = session.scalars(select(Connection).where(Connection.live == 1)).one()
            return CompanyKey(row.provider, row.company_id)

    @property
    def income(self) -> str:
        """An income account there."""
        with self.core.db.read() as session:
            return mapping.mapping_view(session, self.key).accounts[0].external_id

    def invoice(
        self, customer: int, *lines: tuple[int, str, str], number: str | None = None, sent: bool = True, **fields: Any
    ) -> int:
        """Lines are (item id, quantity, unit price)."""
        drafts = tuple(LineDraft(item, "", Decimal(quantity), Decimal(price)) for item, quantity, price in lines)
        day = fields.pop("issued_on", DAY)
        due = fields.pop("due_on", day + timedelta(days=30))
        draft = InvoiceDraft(customer_id=customer, issued_on=day, due_on=due, lines=drafts, number=number, **fields)
        invoice_id = self.write(create_invoice, draft)
        if sent:
            self.write(mark_sent, invoice_id)
        return invoice_id

    def bill(self, number: str = "F-1", amount: str = "80", paid: str = "") -> int:
        """A sent invoice for a new customer and a new item, paid in part if `paid`."""
        customer, item = self.customer(f"Customer of {number}"), self.item(f"Work of {number}", amount)
        invoice = self.invoice(customer, (item, "1", amount), number=number)
        if paid:
            self.pay(invoice, paid)
        return invoice

    def pay(self, invoice: int, amount: str, method: str = "check", day: date = DAY, reference: str = "") -> int:
        return self.write(record_payment, PaymentDraft(invoice, day, Decimal(amount), method, reference))

    def reprice(self, invoice: int, price: str, **more: Any) -> None:
        """The one line of an invoice costs something else from now on."""
        with self.core.db.read() as session:
            row = session.get_one(Invoice, invoice)
            line = session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == invoice)).one()
            lines = (LineDraft(line.item_id, line.description, Decimal(1), Decimal(price)),)
            fields = {"note": row.note, "number": row.number} | more
            draft = InvoiceDraft(row.customer_id, row.issued_on, row.due_on, lines, **fields)
        self.write(update_invoice, invoice, draft)

    # --- syncing ---

    async def sync(self, *invoices: int) -> Report:
        """Press Sync on these invoices and wait for the end."""
        return await self.core.sync([(Kind.INVOICE, invoice) for invoice in invoices])

    async def push(self, kind: Kind, local_id: int) -> Report:
        """Press Sync on one record."""
        return await self.core.sync([(kind, local_id)])

    async def settle(self, rounds: int = 12, step: float = 170.0) -> Report:
        """Let time pass until nothing is open any more (I23: within a day)."""
        for _ in range(rounds):
            report = await self.core.runner.drain(everything=True)
            if not (report.in_doubt or report.waiting or report.problem):
                return report
            self.clock.advance(step)
        raise AssertionError(f"never settled: {report}")

    def arm(self, *rules: dict[str, Any], seed: int | None = None) -> None:
        """Arm faults at this service only."""
        self.control.faults(*({"provider": self.service} | rule for rule in rules), seed=seed)

    def hits(self, fault: str) -> int:
        """How often a fault struck since the reset."""
        return self.control.hits().get(fault, 0)

    # --- what came of it ---

    def status(self, kind: Kind, local_id: int) -> SyncStatus | None:
        with self.core.db.read() as session:
            return session.scalar(
                select(SyncStatus).where(SyncStatus.kind == kind.value, SyncStatus.local_id == local_id)
            )

    def link(self, kind: Kind, local_id: int) -> ExternalLink | None:
        with self.core.db.read() as session:
            return session.scalar(
                select(ExternalLink).where(ExternalLink.kind == kind.value, ExternalLink.local_id == local_id)
            )

    def there(self, kind: Kind, local_id: int) -> str:
        """The id there of a record that is linked."""
        link = self.link(kind, local_id)
        assert link is not None, f"{kind} {local_id} is not linked"
        return link.external_id

    def connection(self) -> Connection:
        """The live connection's row."""
        with self.core.db.read() as session:
            return session.scalars(select(Connection).where(Connection.live == 1)).one()

    def switches(self, **values: bool) -> None:
        """Set the sync switches; the rest as they are from the start."""
        with self.core.db.write() as session:
            row = session.scalars(select(Connection).where(Connection.live == 1)).one()
            row.switches = {**Switches().to_json(), **values}

    def remote(self, number: str) -> list[dict[str, Any]]:
        """The invoices there under this number that count."""
        return [one for one in self.world.books()["invoices"] if one["number"] == number and one["status"] != "void"]

    def edit_there(self, kind: str, external_id: str, change: Any, **more: Any) -> dict[str, Any]:
        """Somebody changes the books there by hand."""
        if external_id:
            self.world.yes.add((kind, external_id))
        record = self.control.edit(kind, external_id, change, self.service, **more)
        self.world.yes.add((kind, str(record.get("id", external_id))))
        return record

    async def hurry(self, seconds: float = 0.3) -> None:
        """Give every call so many seconds of real time in all, so that a test need not wait for minutes."""
        live = await self.core.live()
        assert live is not None
        live.http._limits = replace(live.http._limits, write_deadline=seconds, read_deadline=seconds)

    def outcome(self, kind: Kind, local_id: int) -> str:
        """Done, Waiting, NeedsYou or InDoubt (faults.md 2)."""
        row = self.status(kind, local_id)
        if row is not None:
            return OUTCOMES[row.state]
        with self.core.db.read() as session:
            promised = session.scalar(
                select(OutboxEntry.id).where(OutboxEntry.kind == kind.value, OutboxEntry.local_id == local_id)
            )
        return "Done" if self.link(kind, local_id) is not None and promised is None else "Waiting"

    def told(self, kind: Kind, local_id: int) -> tuple[str, str]:
        """(button, sentence) of a record that needs the owner; the sentence is in the owner's words."""
        row = self.status(kind, local_id)
        assert row is not None, f"{kind} {local_id}: nothing stands in its way"
        assert row.state in ("needs_you", "conflict"), row.state
        plain_words(row.title, row.advice)
        assert row.title and row.fix and row.fix != "none", (row.title, row.fix)
        return row.fix, f"{row.title} {row.advice}"

    def trouble(self) -> tuple[str, str, str]:
        """(state, button, sentence) of the connection."""
        row = self.connection()
        plain_words(row.state_title, row.state_advice)
        return row.state, row.state_fix, f"{row.state_title} {row.state_advice}"

    def bells(self) -> list[tuple[str, str]]:
        """(what it is about, sentence) of each open entry of the bell."""
        with self.core.db.read() as session:
            rows = session.scalars(select(Notification).where(Notification.cleared_at.is_(None))).all()
        for row in rows:
            plain_words(row.title, row.advice)
        return [(row.dedup_key, row.title) for row in rows]

    async def grant(self) -> None:
        """Put a good sign-in into the books, as if the owner had signed in again."""
        self.world.secrets += await give_grant(self.core, self.control, self.service)

    async def sign_in_again(self) -> None:
        """Press "Sign in again" and agree."""
        await sign_in_to_demo(self.core, self.sandbox, self.service)

    def holds(self) -> None:
        """All invariants that hold at any time."""
        check_always(self.world)

    def quiet(self) -> None:
        """All invariants, nothing being under way."""
        check_quiet(self.world)


# --- how it comes about ----------------------------------------------------------------------------------


async def connect(core: Core, sandbox: Any, service: str) -> None:
    """Sign in to the demo company and say where payments go, if the service wants to know."""
    await sign_in_to_demo(core, sandbox, service)
    await map_deposits(core, service)


async def make_template(folder: Path, sandbox: Any, control: Control, service: str) -> Template:
    """A desk that signed in to `service` as an owner does."""
    control.reset()
    store = Store()
    core = await Core.open(options(folder, sandbox.services, store=store, clock=ElasticClock(control)))
    try:
        keys = await core.app_keys()
        for name, ready in sandbox.services.items():
            await keys.save(name, "sandbox", ready["client_id"], ready["client_secret"])
        await connect(core, sandbox, service)
    finally:
        await core.close()
    return Template(folder, dict(store.values))


@asynccontextmanager
async def open_desk(
    template: Template,
    folder: Path,
    sandbox: Any,
    control: Control,
    service: str,
    *,
    life: float | None = None,
    grant: bool = True,
    through: Callable[[str], str] = str,
    **more: Any,
) -> AsyncIterator[Desk]:
    """A copy of the template's desk with a grant of its own; its access token ends in `life` seconds.

    Without `grant` the books keep the sign-in that lies in them.
    `through` turns the service's addresses into others by which it is reached (a cable).
    """
    if not folder.exists():
        shutil.copytree(template.folder, folder)
    clock = more.pop("clock", None) or ElasticClock(control)
    store = more.pop("store", None) or Store(dict(template.secrets))
    services = {name: _reached(ready, through) for name, ready in sandbox.services.items()}
    core = await Core.open(options(folder, services, store=store, clock=clock, **more))
    try:
        secrets = await give_grant(core, control, service, life) if grant else []
        world = World(service, control, [core], secrets=secrets, files=[folder])
        yield Desk(core, service, control, clock, world, sandbox)
    finally:
        await core.close()


def _reached(ready: dict[str, Any], through: Callable[[str], str]) -> dict[str, Any]:
    return {name: through(at) if str(at).startswith("http") else at for name, at in ready.items()}


async def give_grant(core: Core, control: Control, service: str, life: float | None = None) -> list[str]:
    """Put a fresh grant of the sandbox in the connection's row; the secrets in it."""
    grant = control.grant(service)
    cipher = await core.cipher()
    seconds = float(grant.get("expires_in") or ACCESS_SECONDS[service])
    stored = StoredGrant(grant["access_token"], grant["refresh_token"], str(grant.get("scope", "")), seconds)

    def store(session: Any) -> None:
        row = session.scalars(select(Connection).where(Connection.live == 1)).one()
        for name, value in token_columns(session, cipher, row.id, stored, None).items():
            setattr(row, name, value)
        row.token_version += 1
        if life is not None:
            row.token_expires_at = db_now(session) + timedelta(seconds=life)

    await core.db.in_write(store)
    return [grant["access_token"], grant["refresh_token"]]
