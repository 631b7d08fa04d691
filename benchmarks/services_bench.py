"""Calls to send the same new records to each of the four services: measured, least possible, one by one.

20 invoices of two lines for 5 new customers with 8 new items, 12 payments. One call is one request to the service's
API; sign-in is not counted, look-ups before the last write are, reading back afterwards is counted apart. The least
numbers are those of the providers' contracts. FreshBooks' assumed 50 calls a minute make this take two minutes.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.desk import Desk
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.invoices import create_invoice, mark_sent
from desktop.books.items import ItemDraft, create_item
from desktop.books.payments import PaymentDraft, record_payment
from desktop.core import Core
from desktop.providers.records import CompanyRef, Kind, ProviderKey
from desktop.providers.registry import SERVICES
from desktop.sandbox.server import start_in_thread
from desktop.sync import mapping, tax_payments
from desktop.walk import sign_in
from tests.helpers.control import Control
from tests.helpers.desk import open_core

INVOICES, CUSTOMERS, ITEMS, PAYMENTS = 20, 5, 8, 12
NOT_COUNTED = ("token", "refresh", "revoke", "authorize", "consent", "userinfo", "discovery", "connections")


@dataclass(frozen=True)
class Row:
    service: str
    measured: int
    read_back: int
    again: int
    least: int
    one_by_one: int


def run() -> None:
    with start_in_thread() as server, tempfile.TemporaryDirectory() as folder:
        control = Control(server.base, server.control_secret)
        rows = [asyncio.run(_measure(server, control, Path(folder, key.value), key)) for key in ProviderKey]
        control.close()
    print(f"{INVOICES} invoices, {CUSTOMERS} new customers, {ITEMS} new items, {PAYMENTS} payments")
    print(f"{'':14}{'measured':>10}{'least':>8}{'one by one':>12}{'read back':>11}{'second time':>13}")
    for row in rows:
        print(
            f"{row.service:14}{row.measured:>10}{row.least:>8}{row.one_by_one:>12}{row.read_back:>11}"
            f"{row.again:>6} writes"
        )


def _least(key: ProviderKey) -> tuple[int, int]:
    """(least, one by one) for these numbers, from the contracts: QuickBooks 8.2, Xero 8.2, FreshBooks 11, Wave 8."""
    each = CUSTOMERS + ITEMS + INVOICES + PAYMENTS
    with_sending = each + INVOICES
    return {
        ProviderKey.QUICKBOOKS: (3, each),
        ProviderKey.XERO: (4, each),
        ProviderKey.FRESHBOOKS: (with_sending, with_sending),
        ProviderKey.WAVE: (8, with_sending),
    }[key]


async def _measure(server: Any, control: Control, folder: Path, key: ProviderKey) -> Row:
    control.reset("demo")
    async with open_core(folder, server) as core:
        await _connect(core, server.services[key.value], key)
        lists = await core.lists()  # read by the wizard before anything is sent, so not counted
        await lists.customers.get()
        await lists.items.get()
        records = await core.do(_fill)
        await _map(core, key)
        before = control.ledger()[-1]["sequence"]
        report = await core.sync([(Kind.INVOICE, one) for one in records])
        if not report.clean:
            raise SystemExit(f"{key}: the push was not clean: {report}")
        calls = [entry for entry in control.ledger(before) if entry["op"] not in NOT_COUNTED]
        last = max(place for place, entry in enumerate(calls) if entry.get("changed"))
        middle = control.ledger()[-1]["sequence"]
        await core.sync([(Kind.INVOICE, one) for one in records])
        again = sum(1 for entry in control.ledger(middle) if entry.get("changed"))
    least, one_by_one = _least(key)
    return Row(SERVICES[key].terms.service, last + 1, len(calls) - last - 1, again, least, one_by_one)


async def _connect(core: Core, service: dict[str, Any], key: ProviderKey) -> None:
    async def choose(companies: Sequence[CompanyRef]) -> CompanyRef:
        return next(one for one in companies if one.external_id == service["company_id"])

    core.choose_company = choose
    await sign_in(core, key.value)


def _fill(session: Session, desk: Desk) -> list[int]:
    customers = [
        create_customer(
            session, desk, CustomerDraft(display_name=f"Bench customer {number}", email=f"b{number}@example.com")
        )
        for number in range(CUSTOMERS)
    ]
    items = [
        create_item(session, desk, ItemDraft(name=f"Bench item {number}", unit_price=Decimal(50)))
        for number in range(ITEMS)
    ]
    day, invoices = date(2026, 11, 10), []
    for number in range(INVOICES):
        lines = tuple(LineDraft(items[(number + at) % ITEMS], "Work", Decimal(1), Decimal(50)) for at in range(2))
        draft = InvoiceDraft(customers[number % CUSTOMERS], day, day + timedelta(days=14), lines)
        invoices.append(create_invoice(session, desk, draft))
        mark_sent(session, desk, invoices[-1])
    for invoice in invoices[:PAYMENTS]:
        record_payment(session, desk, PaymentDraft(invoice, day, Decimal(100), "check", f"B{invoice}"))
    return invoices


async def _map(core: Core, key: ProviderKey) -> None:
    company = await core.require_company()
    if SERVICES[key].capabilities.income_accounts:
        view = await core.ask(mapping.mapping_view, company.key)
        choices = mapping.apply_to_unmapped(view, view.accounts[0].external_id)
        await core.do(mapping.save_mapping, company.key, choices)
    if SERVICES[key].capabilities.deposit_account_required:
        payments = await core.ask(tax_payments.tax_payments_view, company.key)
        chosen = {one.method: payments.accounts[0].external_id for one in payments.methods}
        await core.do(tax_payments.save_deposits, company.key, chosen)
