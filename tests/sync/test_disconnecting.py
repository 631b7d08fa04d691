"""Ending a connection, coming back to the same company, and going to another one (M134-M138)."""

from __future__ import annotations

import asyncio
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.invoices import InvoiceDraft, LineDraft, create_invoice, mark_sent
from desktop.books.items import ItemDraft, create_item
from desktop.core import Core
from desktop.models.states import Switches
from desktop.providers.records import Kind
from desktop.sync.mapping import mapping_view, save_mapping
from desktop.sync.overview import linked_count, save_switches
from tests.helpers.control import Control
from tests.helpers.desk import connected_core, consent, sign_in


async def invoice_on(core: Core, number: str, name: str = "Maud Gale") -> int:
    customer = await core.do(create_customer, CustomerDraft(display_name=name))
    item = await core.do(create_item, ItemDraft(name=f"Item {number}", unit_price=Decimal(40)))
    key = await core.company_key()
    if key is not None:
        account = (await core.ask(mapping_view, key)).accounts[0].external_id
        await core.do(save_mapping, key, {item: account})
    lines = (LineDraft(item, "", Decimal(1), Decimal(40)),)
    draft = InvoiceDraft(customer, date(2026, 11, 10), None, lines, number=number)
    invoice = await core.do(create_invoice, draft)
    await core.do(mark_sent, invoice)
    return invoice


def numbers(control: Control, company: str = "") -> list[str]:
    return [one["number"] for one in control.books("quickbooks", company or None)["invoices"]]


async def test_M135_M136_M137_the_links_count_again_after_a_reconnect(
    tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        await core.do(save_switches, Switches(auto=True))
        invoice = await invoice_on(core, "DC-1")
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
        key = await core.company_key()
        assert key is not None
        await core.disconnect()
        assert numbers(control).count("DC-1") == 1  # M135: what is there stays there
        assert await core.ask(linked_count, key, "invoice") == 1  # and what is here, here
        calls = len(control.ledger())
        await invoice_on(core, "DC-2", "Second Try")
        await core.runner.drain(everything=True)
        assert len(control.ledger()) == calls  # M136
        await sign_in(core)
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert report.clean and report.writes == 0, report  # M137
        assert numbers(control).count("DC-1") == 1


async def test_M138_another_company_gets_nothing_of_the_first(tmp_path: Path, sandbox: Any, control: Control) -> None:
    control.reset("demo", "empty")
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        await core.do(save_switches, Switches(auto=True))
        first = await core.company_key()
        synced = await invoice_on(core, "DC-3")
        assert (await core.sync([(Kind.INVOICE, synced)])).clean
        await invoice_on(core, "DC-4", "Still Queued")
        await core.disconnect()
        flow = await core.sign_in()
        page = await flow.begin("quickbooks", allow_other_company=True)
        waiting = asyncio.create_task(flow.wait())
        other = next(c for c in await companies(page.url) if first is not None and c != first.company_id)
        await consent(page.url, company=other)
        await waiting
        await core.after_connecting()
        await core.do(save_switches, Switches(auto=True))
        second = await core.company_key()
        assert second is not None and second.company_id == other
        assert await core.ask(linked_count, second, "invoice") == 0
        await core.runner.drain(everything=True)
        assert not {"DC-3", "DC-4"} & set(numbers(control, other)), "nothing older goes by itself (C6)"
        changed = [c for one in control.ledger() if one["company_id"] == other for c in one["changed"]]
        assert {one["kind"] for one in changed} == {"grant"}
        view = await core.connection()
        assert view is not None and view.waiting == 0 and view.needs_you == 0


async def companies(url: str) -> list[str]:
    """What the consent page offers."""
    async with httpx.AsyncClient(trust_env=False) as client:
        page = (await client.get(url)).text
    return [re.findall(r'value="([^"]+)"', tag)[0] for tag in re.findall(r"<input[^>]*radio[^>]*>", page)]
