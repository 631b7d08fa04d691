"""A main window over a real desk and the real sandbox, and verbs to fill its books."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from desktop.books import customers, invoices, items, payments
from desktop.books.customers import CustomerDraft
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.items import ItemDraft
from desktop.books.payments import PaymentDraft
from desktop.core import Core
from desktop.models.states import Switches
from desktop.sync import mapping, overview
from desktop.ui.main_window import MainWindow
from desktop.ui.screenshots import settle
from desktop.ui.sync_actions import NO_QUESTION
from tests.helpers.control import Control
from tests.helpers.desk import connected_core, open_core

TODAY = date(2026, 11, 20)


class Books:
    """Short verbs for the books of a core."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.day = core.clock.now().astimezone().date()
        self.made = 0

    async def customer(self, name: str = "", **fields: Any) -> int:
        self.made += 1
        return await self.core.do(customers.create_customer, CustomerDraft(name or f"Customer {self.made}", **fields))

    async def item(self, name: str = "", price: str = "100", *, mapped: bool = True) -> int:
        self.made += 1
        draft = ItemDraft(name=name or f"Item {self.made}", unit_price=Decimal(price))
        item_id = await self.core.do(items.create_item, draft)
        key = await self.core.company_key()
        if mapped and key is not None:
            view = await self.core.ask(mapping.mapping_view, key)
            await self.core.do(mapping.save_mapping, key, {item_id: view.accounts[0].external_id})
        return item_id

    async def invoice(
        self,
        customer: int,
        item: int,
        price: str = "350",
        *,
        sent: bool = True,
        days_ago: int = 5,
        number: str | None = None,
    ) -> int:
        day = self.day - timedelta(days=days_ago)
        line = LineDraft(item, "", Decimal(1), Decimal(price))
        draft = InvoiceDraft(customer, day, day + timedelta(days=14), (line,), number=number)
        invoice_id = await self.core.do(invoices.create_invoice, draft)
        if sent:
            await self.core.do(invoices.mark_sent, invoice_id)
        return invoice_id

    async def pay(self, invoice: int, amount: str) -> int:
        draft = PaymentDraft(invoice, self.day, Decimal(amount), "check", "1041")
        return await self.core.do(payments.record_payment, draft)

    async def switches(self, **values: bool) -> None:
        await self.core.do(overview.save_switches, Switches(**values))


@asynccontextmanager
async def shown(core: Core, *, ask: bool = False, folder: Path | None = None) -> AsyncIterator[MainWindow]:
    """The main window over `core`, loaded; put away afterwards. What it remembers is kept in `folder`."""
    window = MainWindow(folder)
    window.preferences.keep(NO_QUESTION, not ask)
    window.attach(core)
    window.show()
    await settle()
    try:
        yield window
    finally:
        window.detach()
        window.hide()
        await settle()
        window.deleteLater()


@pytest.fixture
def connected(tmp_path: Path, sandbox: Any, control: Control) -> Callable[[], Any]:
    """`async with connected() as core`: a desk connected to the demo company."""
    return lambda **more: connected_core(tmp_path / "desk", sandbox, control, **more)


@pytest.fixture
def alone(tmp_path: Path, sandbox: Any) -> Callable[[], Any]:
    """`async with alone() as core`: a desk with nothing connected."""
    return lambda **more: open_core(tmp_path / "desk", sandbox, **more)
