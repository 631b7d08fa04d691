"""A desk on any of the four services, in step with it: what tests of the pull begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.balances import balance_of
from desktop.core import Core
from desktop.models.connection import ExternalLink
from desktop.models.invoice import Invoice
from desktop.models.work import SyncStatus
from desktop.providers.records import Kind
from tests.helpers.control import Control
from tests.helpers.desk import open_core, sign_in_to_demo
from tests.helpers.four_services import map_all, write
from tests.helpers.office import ElasticClock


class Desk:
    """One connected desk with an invoice of 160 that is there, 60 of it paid, and the first pull done."""

    def __init__(self, core: Core, service: str, control: Control, clock: ElasticClock, invoice: int) -> None:
        self.core, self.service, self.control, self.clock, self.invoice = core, service, control, clock, invoice

    async def ours(self, fn: Any, *args: Any) -> Any:
        return await self.core.ask(fn, *args)

    async def external(self, kind: Kind, local_id: int) -> str:
        def link(session: Session) -> str:
            query = select(ExternalLink.external_id).where(
                ExternalLink.kind == kind.value, ExternalLink.local_id == local_id
            )
            return str(session.scalars(query).one())

        return await self.core.ask(link)

    async def balance(self) -> Decimal:
        return await self.core.ask(lambda session: balance_of(session, session.get_one(Invoice, self.invoice)))

    def hand(self, kind: str, external_id: str, change: Any) -> dict[str, Any]:
        self.clock.advance(5)
        found = self.control.edit(kind, external_id, change, self.service)
        self.clock.advance(5)
        return found

    async def sync(self) -> Any:
        self.clock.advance(61)
        report = await self.core.sync_now()
        assert report.problem is None, report.problem
        assert report.pulled is not None
        return report

    async def states(self) -> list[tuple[str, str, Any]]:
        return await self.core.ask(
            lambda session: [(one.kind, one.title, one.extra) for one in session.scalars(select(SyncStatus))]
        )

    def written(self, since: int) -> list[Any]:
        return [entry["op"] for entry in self.control.ledger(since) if entry["changed"]]

    @property
    def now(self) -> int:
        return int(self.control.ledger()[-1]["sequence"])


@asynccontextmanager
async def desk_on(service: str, folder: Path, sandbox: Any, control: Control) -> AsyncIterator[Desk]:
    clock = ElasticClock(control)
    async with open_core(folder / "desk", sandbox, clock=clock) as core:
        await sign_in_to_demo(core, sandbox, service)
        invoice = await core.do(write, "Petra Lindqvist", "BC-PL-1", "60")
        await map_all(core, service)
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert report.clean, report
        desk = Desk(core, service, control, clock, invoice)
        report = await desk.sync()
        assert report.clean, (report, await desk.states())
        yield desk
