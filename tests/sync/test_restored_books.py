"""Books put back from an older copy: what left after it was taken is found again, not sent a second time (S4, I1)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from desktop.books import customers, invoices, items, payments
from desktop.books.customers import CustomerDraft
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.items import ItemDraft
from desktop.books.payments import PaymentDraft
from desktop.core import Core
from desktop.errors import PlanChanged
from desktop.models.item import Item
from desktop.providers.records import Kind
from desktop.sync import mapping
from tests.helpers.control import Control
from tests.helpers.desk import connected_core
from tests.helpers.restoring import put_back


async def _invoice_with_payment(core: Core, number: str) -> tuple[int, int]:
    """(customer, invoice), neither of them sent."""
    day = core.clock.now().astimezone().date()
    customer = await core.do(customers.create_customer, CustomerDraft("Late Payer"))
    item = await core.do(items.create_item, ItemDraft(name="Valve change", unit_price=Decimal(100)))
    key = await core.company_key()
    assert key is not None
    view = await core.ask(mapping.mapping_view, key)
    await core.do(mapping.save_mapping, key, {item: view.accounts[0].external_id})
    line = LineDraft(item, "", Decimal(1), Decimal(100))
    draft = InvoiceDraft(customer, day, day + timedelta(days=14), (line,), number=number)
    invoice = await core.do(invoices.create_invoice, draft)
    await core.do(invoices.mark_sent, invoice)
    await core.do(payments.record_payment, PaymentDraft(invoice, day, Decimal(40), "check", "1041"))
    return customer, invoice


@pytest.mark.parametrize("known", [False, True])
async def test_S4_I1_a_payment_sent_after_the_copy_is_not_sent_again(
    tmp_path: Path, sandbox: Any, control: Control, known: bool
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        options = core.options
        customer, invoice = await _invoice_with_payment(core, "RB-1")
        if known:
            assert (await core.sync([(Kind.CUSTOMER, customer)])).clean
        assert await core.daily_backup() is not None
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
    before = control.books()
    core = await put_back(options, tmp_path / "desk" / "backups", control)
    try:
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert report.clean, report
        after = control.books()
        for kind in ("customers", "invoices", "payments"):
            assert len(after[kind]) == len(before[kind]), kind
        (there,) = [one for one in after["invoices"] if one["number"] == "RB-1"]
        assert Decimal(there["balance"]) == 60
    finally:
        await core.close()


@pytest.mark.parametrize("shown", [False, True])
async def test_S4_I1_a_customer_renamed_after_the_copy_is_not_made_again(
    tmp_path: Path, sandbox: Any, control: Control, shown: bool
) -> None:
    """Nothing here knows his new name any more: his invoice there, which bears our stamp, says who he is."""
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        options = core.options
        customer, invoice = await _invoice_with_payment(core, "RB-2")
        assert await core.daily_backup() is not None
        await core.do(customers.update_customer, customer, CustomerDraft("Later Payer"))
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
    before = control.books()
    core = await put_back(options, tmp_path / "desk" / "backups", control)
    try:
        if shown:  # Show me first: exactly that runs (N11)
            seen = await core.preview([(Kind.INVOICE, invoice)])
            assert seen.count(Kind.CUSTOMER) == 0
            with pytest.raises(PlanChanged):  # what is there comes in before anything leaves
                await core.run_preview(seen)
            await core.run_preview(await core.preview([(Kind.INVOICE, invoice)]))
        for _ in range(2):
            await core.sync([(Kind.INVOICE, invoice)])
        after = control.books()
        for kind in ("customers", "invoices", "payments"):
            assert len(after[kind]) == len(before[kind]), kind
        assert {one["display_name"] for one in after["customers"]} == {
            one["display_name"] for one in before["customers"]
        }
    finally:
        await core.close()


async def test_S4_I1_an_item_renamed_after_the_copy_is_not_made_again(
    tmp_path: Path, sandbox: Any, control: Control
) -> None:
    """The line of the invoice there that bears our stamp says which item it is."""
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        options = core.options
        _customer, invoice = await _invoice_with_payment(core, "RB-3")
        item = await core.ask(lambda session: session.scalars(select(Item.id)).one())
        assert await core.daily_backup() is not None
        await core.do(items.update_item, item, ItemDraft("Later Name", unit_price=Decimal(100)))
        assert (await core.sync([(Kind.INVOICE, invoice), (Kind.ITEM, item)])).clean
    before = control.books()
    assert "Later Name" in {one["name"] for one in before["items"]}
    core = await put_back(options, tmp_path / "desk" / "backups", control)
    try:
        for _ in range(2):
            assert (await core.sync([(Kind.INVOICE, invoice)])).clean
        after = control.books()
        for kind in ("customers", "items", "invoices", "payments"):
            assert len(after[kind]) == len(before[kind]), kind
    finally:
        await core.close()
