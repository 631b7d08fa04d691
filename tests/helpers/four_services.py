"""What a test does alike on each of the four services: map what wants an account, write something to send."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.desk import Desk
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.invoices import create_invoice, mark_sent
from desktop.books.items import ItemDraft, create_item
from desktop.books.payments import PaymentDraft, record_payment
from desktop.core import Core
from desktop.providers.records import ProviderKey
from desktop.providers.registry import SERVICES
from desktop.sync import mapping, tax_payments

ALL = tuple(key.value for key in ProviderKey)


async def map_all(core: Core, service: str) -> None:
    """Give every item, and every way of paying, an account wherever the service wants one."""
    key = await core.company_key()
    assert key is not None
    if SERVICES[ProviderKey(service)].capabilities.income_accounts:
        view = await core.ask(mapping.mapping_view, key)
        account = view.accounts[0].external_id
        await core.do(mapping.save_mapping, key, mapping.apply_to_unmapped(view, account))
    await map_deposits(core, service)


async def map_deposits(core: Core, service: str) -> None:
    """Say that all payments go to the first account, if the service wants to know."""
    key = await core.company_key()
    assert key is not None
    if SERVICES[ProviderKey(service)].capabilities.deposit_account_required:
        payments = await core.ask(tax_payments.tax_payments_view, key)
        chosen = {one.method: payments.accounts[0].external_id for one in payments.methods}
        await core.do(tax_payments.save_deposits, key, chosen)


def write(session: Session, desk: Desk, customer: str, number: str, paid: str) -> int:
    """A customer, an item and an invoice of 160 USD that is SENT, with `paid` USD paid by check; the invoice's id."""
    customer_id = create_customer(session, desk, CustomerDraft(display_name=customer))
    item = create_item(session, desk, ItemDraft(name=f"Work for {number}", unit_price=Decimal(80)))
    day = date(2026, 11, 12)
    draft = InvoiceDraft(customer_id, day, day, (LineDraft(item, "", Decimal(2), Decimal(80)),), number=number)
    invoice = create_invoice(session, desk, draft)
    mark_sent(session, desk, invoice)
    record_payment(session, desk, PaymentDraft(invoice, day, Decimal(paid), "check", f"R-{number}"))
    return invoice
