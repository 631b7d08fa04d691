"""Books with something to send, written by the program's own verbs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from desktop.books import customers, invoices, items
from desktop.books.customers import CustomerDraft
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.items import ItemDraft
from desktop.core import Core
from desktop.sync import mapping
from tests.helpers.desk import sign_in


async def connect(core: Core, services: dict[str, Any]) -> None:
    """Enter the sandbox's app keys and connect its demo company."""
    keys = await core.app_keys()
    for name, service in services.items():
        await keys.save(name, "sandbox", service["client_id"], service["client_secret"])
    await sign_in(core)


async def sent_invoice(
    core: Core,
    price: str = "130",
    *,
    customer: str = "Harriet Vance",
    number: str | None = None,
    mapped: bool = True,
) -> int:
    """An invoice marked SENT, over one "Leak survey" at `price` USD; unless `mapped`, that has no income account."""
    item_id = await core.do(items.create_item, ItemDraft(name="Leak survey", unit_price=Decimal(price)))
    key = await core.company_key()
    assert key is not None
    if mapped:
        view = await core.ask(mapping.mapping_view, key)
        await core.do(mapping.save_mapping, key, {item_id: view.accounts[0].external_id})
    customer_id = await core.do(customers.create_customer, CustomerDraft(customer))
    day = core.clock.now().date()
    lines = (LineDraft(item_id, "", Decimal(1), Decimal(price)),)
    draft = InvoiceDraft(customer_id, day, day + timedelta(days=14), lines, number=number)
    invoice_id = await core.do(invoices.create_invoice, draft)
    await core.do(invoices.mark_sent, invoice_id)
    return invoice_id
