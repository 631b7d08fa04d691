"""A FreshBooks provider over the sandbox or an imitated transport, and a desk whose books are connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from desktop.books.desk import Desk
from desktop.books.users import me
from desktop.clock import Clock, ManualClock, SeededEntropy, SystemEntropy
from desktop.models.connection import Connection
from desktop.models.session import open_database
from desktop.models.states import CompanyKey, ConnectionState, Switches
from desktop.providers.base import SignIn
from desktop.providers.freshbooks import LIMITS, FreshBooks
from desktop.providers.http import ServiceHttp
from desktop.providers.records import CompanyRef, CompanySettings
from desktop.sync.company import Company
from desktop.sync.leases import Leases
from desktop.sync.runner import Runner
from desktop.sync.settings import refresh_settings
from desktop.sync.work import stored_settings
from tests.helpers.control import Control
from tests.helpers.office import ElasticClock, Grant, Office
from tests.helpers.reaching import reached, sign_in_at
from tests.providers.support import NOW, Tokens

FS = "freshbooks"


def signing_in(service: dict[str, Any], clock: Clock) -> SignIn:
    return sign_in_at(FS, service, clock)


@asynccontextmanager
async def connected(sandbox: Any, control: Control, company: str = "", **changes: Any) -> AsyncIterator[FreshBooks]:
    """FreshBooks connected to the sandbox's company, its settings read; both sides' clocks move together."""
    async with reached(FS, sandbox, control, **changes) as way:
        provider = FreshBooks(way.http, CompanyRef(company or way.service["company_id"]))
        await provider.settings()
        yield provider


def over(server: Callable[[httpx.Request], Any], settings: CompanySettings | None = None, **more: Any) -> FreshBooks:
    """FreshBooks over an imitated transport."""
    http = ServiceHttp(
        base=more.get("base", "https://freshbooks.example.test"),
        service="FreshBooks",
        tokens=Tokens(),
        clock=ManualClock(NOW),
        entropy=SeededEntropy(1),
        client=httpx.AsyncClient(transport=httpx.MockTransport(server)),
        limits=LIMITS,
    )
    return FreshBooks(http, CompanyRef("ABC123"), settings)


async def open_office(database_url: str, folder: Path, control: Control, service: dict[str, Any]) -> Office:
    """A desk with books at `database_url`, connected to the sandbox's FreshBooks business."""
    clock = ElasticClock(control)
    db = open_database(database_url, clock, backup_dir=folder / "backups")
    desk = Desk(clock, SystemEntropy(), "owner")
    with db.write() as session:
        me(session, desk)
    key = CompanyKey(FS, service["company_id"])
    grant = Grant(control.grant(FS)["access_token"], control)
    http = ServiceHttp(
        base=service["api"],
        service="FreshBooks",
        tokens=grant,
        clock=clock,
        entropy=desk.entropy,
        limits=replace(LIMITS, windows=(), write_deadline=5.0, read_deadline=5.0),
    )
    with db.write() as session:
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
    company = Company(
        db, FreshBooks(http, CompanyRef(key.company_id)), connection_id, key, desk, Leases(db, desk.entropy.uuid())
    )
    await refresh_settings(company, force=True)
    with db.read() as session:
        live = session.scalars(select(Connection).where(Connection.live == 1)).one()
        stored = stored_settings(session, live)
    company = replace(company, provider=FreshBooks(http, CompanyRef(key.company_id), stored))

    async def current() -> Company | None:
        return company

    return Office(db, desk, clock, control, company, http, Runner(current), "")
