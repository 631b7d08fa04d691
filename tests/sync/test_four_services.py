"""The same job on each of the four services, through the whole program without its window."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
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
from desktop.sync import mapping, tax_payments
from tests.helpers.control import Control
from tests.helpers.desk import consent, open_core

ALL = [key.value for key in ProviderKey]


async def connect(core: Core, sandbox: Any, service: str) -> None:
    """Sign in, pick the demo company, choose an account wherever one is wanted."""
    wanted = sandbox.services[service]["company_id"]

    async def choose(companies: Sequence[CompanyRef]) -> CompanyRef:
        return next(one for one in companies if one.external_id == wanted)

    core.choose_company = choose
    flow = await core.sign_in()
    page = await flow.begin(service)
    waiting = asyncio.create_task(flow.wait())
    await consent(page.url)
    await waiting
    await core.after_connecting()


async def map_all(core: Core, service: str) -> None:
    key = await core.company_key()
    assert key is not None
    capabilities = SERVICES[ProviderKey(service)].capabilities
    if capabilities.income_accounts:
        view = await core.ask(mapping.mapping_view, key)
        account = view.accounts[0].external_id
        await core.do(mapping.save_mapping, key, mapping.apply_to_unmapped(view, account))
    if capabilities.deposit_account_required:
        payments = await core.ask(tax_payments.tax_payments_view, key)
        chosen = {one.method: payments.accounts[0].external_id for one in payments.methods}
        await core.do(tax_payments.save_deposits, key, chosen)


def write(session: Session, desk: Desk, customer: str, number: str, paid: str) -> int:
    customer_id = create_customer(session, desk, CustomerDraft(display_name=customer))
    item = create_item(session, desk, ItemDraft(name=f"Work for {number}", unit_price=Decimal(80)))
    day = date(2026, 11, 12)
    draft = InvoiceDraft(customer_id, day, day, (LineDraft(item, "", Decimal(2), Decimal(80)),), number=number)
    invoice = create_invoice(session, desk, draft)
    mark_sent(session, desk, invoice)
    record_payment(session, desk, PaymentDraft(invoice, day, Decimal(paid), "check", f"R-{number}"))
    return invoice


@pytest.mark.parametrize("service", ALL)
async def test_M10_M62_M63_M76_an_invoice_and_its_payment_arrive_once(
    service: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await connect(core, sandbox, service)
        invoice = await core.do(write, "Petra Lindqvist", "BC-4S-1", "60")
        await map_all(core, service)
        for _ in range(2):
            report = await core.sync([(Kind.INVOICE, invoice)])
            assert report.clean, report
        books = control.books(service)
        (remote,) = [one for one in books["invoices"] if one["number"] == "BC-4S-1"]
        assert (Decimal(remote["total"]), Decimal(remote["balance"])) == (160, 100)
        assert [one["display_name"] for one in books["customers"]].count("Petra Lindqvist") == 1
        paid = [one for one in books["payments"] if any(a["invoice_id"] == remote["id"] for a in one["allocations"])]
        assert [Decimal(one["amount"]) for one in paid] == [60]


@pytest.mark.parametrize("service", ALL)
async def test_M64_M88_a_customer_who_is_there_already_is_linked_not_doubled(
    service: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await connect(core, sandbox, service)
        there = next(
            one for one in control.books(service)["customers"] if one["active"] and "Tyrone" in one["display_name"]
        )
        invoice = await core.do(write, there["display_name"], "BC-4S-2", "160")
        await map_all(core, service)
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert report.clean, report
        books = control.books(service)
        (remote,) = [one for one in books["invoices"] if one["number"] == "BC-4S-2"]
        assert remote["customer_id"] == there["id"]
        same = [one for one in books["customers"] if one["display_name"] == there["display_name"]]
        assert len(same) == 1


@pytest.mark.parametrize("service", [key for key in ALL if SERVICES[ProviderKey(key)].capabilities.income_accounts])
async def test_M53_M72_without_an_account_nothing_is_written_there(
    service: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await connect(core, sandbox, service)
        invoice = await core.do(write, "Otto Brandt", "BC-4S-3", "160")
        before = control.ledger()[-1]["sequence"]
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert f"invoice:{invoice}" in report.refused
        assert not [entry for entry in control.ledger(before) if entry.get("changed")]


async def test_M7_freshbooks_needs_no_mapping(tmp_path: Path, sandbox: Any, control: Control) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await connect(core, sandbox, "freshbooks")
        invoice = await core.do(write, "Otto Brandt", "BC-4S-4", "160")
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
