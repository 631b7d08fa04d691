"""A desk with real books, connected to the real sandbox over a real socket: what sync tests start from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.desk import Desk
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.invoices import create_invoice, mark_sent
from desktop.books.items import ItemDraft, create_item
from desktop.books.outbox import promise
from desktop.books.payments import PaymentDraft, record_payment
from desktop.books.users import me
from desktop.clock import SystemEntropy
from desktop.models.connection import Connection, ExternalLink
from desktop.models.desk import Lease
from desktop.models.session import Database, db_now, open_database
from desktop.models.states import CompanyKey, ConnectionState, PushReason, Switches
from desktop.models.work import SyncStatus
from desktop.providers.base import AccessToken, Capabilities
from desktop.providers.http import ServiceHttp
from desktop.providers.records import AccountKind, CompanyRef, Kind, PaymentMethod, ProviderKey
from desktop.providers.registry import SERVICES
from desktop.sync.company import Company
from desktop.sync.leases import Leases
from desktop.sync.mapping import map_imported
from desktop.sync.overview import sync_everything
from desktop.sync.push import LEASE_SECONDS, Report
from desktop.sync.runner import Runner
from desktop.sync.schedule import Wish
from desktop.sync.settings import refresh_settings
from desktop.sync.tax_payments import save_deposits
from desktop.sync.work import stored_settings
from tests.helpers.control import Control

T = TypeVar("T")


class ElasticClock:
    """Real time, but sleeping costs none: it moves this clock and the sandbox's ahead together."""

    def __init__(self, control: Control | None = None) -> None:
        self._ahead = 0.0
        self._control = control
        self.wrong = 0.0
        """Seconds by which this computer's clock alone is ahead of the truth."""
        self.slept: Callable[[], None] | None = None
        """Called after each sleep: what a desk does meanwhile by itself (it renews its lease)."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead + self.wrong)

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:
        self.advance(max(0.0, seconds))
        if self.slept is not None:
            self.slept()
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Let time pass on both sides."""
        self._ahead += seconds
        if self._control is not None and seconds > 0:
            self._control.clock(seconds)


@dataclass
class Grant:
    """A token source over one grant of the sandbox."""

    value: str
    control: Control
    asked: int = 0

    async def __call__(self, refused: AccessToken | None = None) -> AccessToken:
        self.asked += 1
        if refused is not None and refused.value == self.value:  # its hour is over
            self.value = self.control.grant()["access_token"]
        return AccessToken(self.value, 1)


@dataclass
class Office:
    """One desk. Verbs for tests are short; everything behind them is the real thing."""

    db: Database
    desk: Desk
    clock: ElasticClock
    control: Control
    company: Company
    http: ServiceHttp
    runner: Runner
    income: str = ""
    """External id of an income account; "" where the service has none to choose."""
    made: int = field(default=0)

    @property
    def able(self) -> Capabilities:
        """What the connected service can do."""
        return self.company.provider.capabilities

    @property
    def name(self) -> str:
        """The service's name, as in sentences."""
        return self.company.provider.terms.service

    def other_income(self) -> str:
        """Another income account than `income`."""
        with self.db.read() as session:
            known = stored_settings(session, session.get_one(Connection, self.company.connection_id)).accounts
        return next(
            one.external_id
            for one in known
            if one.kind is AccountKind.INCOME and one.active and one.external_id != self.income
        )

    def read(self, fn: Callable[..., T], *args: Any) -> T:
        with self.db.read() as session:
            return fn(session, *args)

    def write(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        with self.db.write() as session:
            return fn(session, self.desk, *args, **kwargs)

    def customer(self, name: str = "", **fields: Any) -> int:
        self.made += 1
        return self.write(create_customer, CustomerDraft(display_name=name or f"Customer {self.made}", **fields))

    def item(self, name: str = "", price: str = "100", *, mapped: bool = True, **fields: Any) -> int:
        self.made += 1
        draft = ItemDraft(name=name or f"Item {self.made}", unit_price=Decimal(price), **fields)
        item_id = self.write(create_item, draft)
        if mapped:
            self.map(item_id)
        return item_id

    def map(self, item_id: int) -> None:
        if not self.income:
            return
        with self.db.write() as session:
            map_imported(session, self.company.key, item_id, self.income)

    def invoice(
        self,
        customer: int,
        *lines: tuple[int, str, str],
        number: str | None = None,
        sent: bool = True,
        **fields: Any,
    ) -> int:
        """Lines are (item id, quantity, unit price)."""
        drafts = tuple(LineDraft(item, "", Decimal(quantity), Decimal(price)) for item, quantity, price in lines)
        day = fields.pop("issued_on", date(2026, 11, 10))
        draft = InvoiceDraft(
            customer_id=customer,
            issued_on=day,
            due_on=fields.pop("due_on", day + timedelta(days=30)),
            lines=drafts,
            number=number,
            **fields,
        )
        invoice_id = self.write(create_invoice, draft)
        if sent:
            self.write(mark_sent, invoice_id)
        return invoice_id

    def pay(self, invoice: int, amount: str, method: str = "check", day: date = date(2026, 11, 15)) -> int:
        return self.write(
            record_payment, PaymentDraft(invoice_id=invoice, paid_on=day, amount=Decimal(amount), method=method)
        )

    def ask(self, *records: tuple[Kind, int]) -> None:
        """Promise these records as if a button had been pressed."""
        with self.db.write() as session:
            for kind, local_id in records:
                promise(session, self.desk, kind.value, local_id, PushReason.ASKED, asked=True)

    async def sync(self, *invoices: int) -> Report:
        """Press Sync on these invoices and wait for the end."""
        self.ask(*((Kind.INVOICE, invoice) for invoice in invoices))
        return await self.runner.drain()

    async def sync_now(self, *, due: datetime | None = None) -> Report:
        """Press Sync Now and wait for the end; with `due` it is the weekly run instead."""
        if due is None:
            self.write(sync_everything)
            return await self.runner.drain(everything=True, wait_for_lease=True, wish=Wish("owner"))
        return await self.runner.drain(wait_for_lease=True, wish=Wish(due=due))

    def hand(self, kind: str, external_id: str, change: Any, **more: Any) -> dict[str, Any]:
        """A bookkeeper's edit on the other side, a moment later."""
        self.clock.advance(2)
        return self.control.edit(kind, external_id, change, "quickbooks", **more)

    def external(self, kind: Kind, local_id: int) -> str:
        link = self.link(kind, local_id)
        assert link is not None, (kind, local_id)
        return link.external_id

    def row(self, table: Any, local_id: int) -> Any:
        with self.db.read() as session:
            return session.get(table, local_id)

    def set_switches(self, **values: bool) -> None:
        with self.db.write() as session:
            row = session.scalars(select(Connection).where(Connection.live == 1)).one()
            row.switches = {**Switches().to_json(), **values}

    def link(self, kind: Kind, local_id: int) -> ExternalLink | None:
        with self.db.read() as session:
            return session.scalar(
                select(ExternalLink).where(ExternalLink.kind == kind.value, ExternalLink.local_id == local_id)
            )

    def status(self, kind: Kind, local_id: int) -> SyncStatus | None:
        with self.db.read() as session:
            return session.scalar(
                select(SyncStatus).where(SyncStatus.kind == kind.value, SyncStatus.local_id == local_id)
            )

    def books(self) -> dict[str, list[dict[str, Any]]]:
        return self.control.books()

    def remote_invoices(self, number: str) -> list[dict[str, Any]]:
        return [one for one in self.books()["invoices"] if one["number"] == number]


async def open_office(
    database_url: str,
    folder: Path,
    control: Control,
    services: dict[str, Any],
    *,
    account: str = "owner",
    migrated: bool = False,
) -> Office:
    """Books at `database_url`, connected to the demo company of the control's service, its settings read.

    Each way of being paid has an account where the service wants one. `migrated` books have this version's tables
    for certain, so that nobody looks.
    """
    clock = ElasticClock(control)
    if migrated:
        db = Database(database_url, clock=clock)
    else:
        db = open_database(database_url, clock, backup_dir=folder / "backups")
    desk = Desk(clock, SystemEntropy(), account)
    with db.write() as session:
        me(session, desk)
    info = SERVICES[ProviderKey(control.service)]
    grant = control.grant()
    service = services[control.service]

    def client() -> ServiceHttp:
        return ServiceHttp(
            base=service["api"],
            service=info.terms.service,
            tokens=Grant(grant["access_token"], control),
            clock=clock,
            entropy=desk.entropy,
            limits=info.limits,
        )

    first = client()
    provider = info.make_provider(first, CompanyRef(service["company_id"]))
    key = CompanyKey(control.service, service["company_id"])
    with db.write() as session:
        row = session.scalar(select(Connection).where(Connection.live == 1))
        if row is None:
            row = Connection(
                live=1,
                provider=key.provider,
                environment="sandbox",
                company_id=key.company_id,
                company_name="Acme Plumbing LLC",
                state=ConnectionState.CONNECTED.value,
                connected_at=clock.now(),
                switches={**Switches().to_json(), "auto": True},
            )
            session.add(row)
            session.flush()
        connection_id = row.id
    leases = Leases(db, desk.entropy.uuid())
    clock.slept = partial(_renew, db, leases.owner)
    company = Company(db, provider, connection_id, key, desk, leases)
    await refresh_settings(company, force=True)

    def settings(session: Session) -> Any:
        return stored_settings(session, session.get_one(Connection, connection_id))

    stored = await db.in_read(settings)
    await first.close()
    http = client()
    provider = info.make_provider(http, CompanyRef(service["company_id"]), stored)
    company = replace(company, provider=provider)
    income = ""
    if info.capabilities.income_accounts:
        income = next(one.external_id for one in stored.accounts if one.kind is AccountKind.INCOME and one.active)
    if info.capabilities.deposit_account_required:
        bank = next(one.external_id for one in stored.accounts if one.kind is AccountKind.DEPOSIT and one.active)
        with db.write() as session:
            save_deposits(session, desk, key, {method.value: bank for method in PaymentMethod})

    async def current() -> Company | None:
        return company

    return Office(db, desk, clock, control, company, http, Runner(current), income)


def _renew(db: Database, owner: str) -> None:
    """What the runner's keeper does in real time: nobody's lease runs out while its desk waits for its turn."""
    with db.write() as session:
        mine = select(Lease).where(Lease.owner == owner, Lease.until.is_not(None))
        for lease in session.scalars(mine):
            lease.until = db_now(session) + timedelta(seconds=LEASE_SECONDS)
