"""What several tests of the sync do with a desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from desktop.books.balances import balance_of
from desktop.models.invoice import Invoice
from tests.helpers.control import Control
from tests.helpers.office import Office, open_office


async def synced(office: Office, number: str = "PL-1", price: str = "100", quantity: str = "2") -> tuple[int, int, int]:
    """A customer, an item and a sent invoice that are in QuickBooks, with the first pull done."""
    customer = office.customer("Petra Lindqvist", email="petra@example.com", phone="555-0100")
    item = office.item("Skylight cleaning", price)
    invoice = office.invoice(customer, (item, quantity, price), number=number)
    report = await office.sync(invoice)
    assert report.clean, report
    office.clock.advance(30)
    report = await office.sync_now()
    assert report.clean, report
    office.clock.advance(30)
    return customer, item, invoice


def balance(office: Office, invoice: int) -> Decimal:
    """What is still owed."""
    return office.read(lambda session: balance_of(session, session.get_one(Invoice, invoice)))


async def settle(office: Office, rounds: int = 12) -> None:
    """Let time pass until nothing is open any more (I23)."""
    for _ in range(rounds):
        report = await office.runner.drain(everything=True)
        if not (report.in_doubt or report.waiting or report.problem):
            return
        office.clock.advance(120)
    raise AssertionError(f"never settled: {report}")


@asynccontextmanager
async def second_desk(office: Office, sandbox: Any, folder: Path) -> AsyncIterator[Office]:
    """A colleague's desk on the same books."""
    url = office.db.url.render_as_string(hide_password=False)
    control = Control(sandbox.base, sandbox.control_secret, office.control.service)
    other = await open_office(url, folder, control, sandbox.services, account="colleague", migrated=True)
    other.clock._ahead = office.clock._ahead
    try:
        yield other
    finally:
        await other.http.close()
        other.db.close()
        control.close()
