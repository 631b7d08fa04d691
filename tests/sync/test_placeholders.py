"""A made-up address stays on this desk: never sent, matched, printed or counted, on any service (M129-M133, I19)."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from desktop.books import queries
from desktop.books.customers import CustomerDraft, create_customer, is_placeholder, update_customer
from desktop.books.desk import Desk
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.invoices import create_invoice, mark_sent
from desktop.books.items import ItemDraft, create_item
from desktop.models.customer import Customer
from desktop.providers.records import CustomerRecord, Kind, ProviderKey
from desktop.sync.reviewing import Standing, review_customers
from desktop.sync.work import customer_record
from tests.helpers.control import Control
from tests.helpers.desk import open_core, sign_in_to_demo
from tests.helpers.four_services import map_all


def write(session: Session, desk: Desk) -> tuple[int, int]:
    customer = create_customer(session, desk, CustomerDraft("Nora Fielding"), imported=True)
    item = create_item(session, desk, ItemDraft("Boiler visit", unit_price=Decimal(80)))
    day = date(2026, 11, 12)
    draft = InvoiceDraft(customer, day, day, (LineDraft(item, "", Decimal(1), Decimal(80)),), number="BC-PH-1")
    invoice = create_invoice(session, desk, draft)
    mark_sent(session, desk, invoice)
    return customer, invoice


@pytest.mark.parametrize("service", [key.value for key in ProviderKey])
async def test_M129_M131_M133_I19_a_made_up_address_is_in_no_outgoing_byte(
    service: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await sign_in_to_demo(core, sandbox, service)
        customer, invoice = await core.do(write)
        await map_all(core, service)
        stored = await core.ask(lambda session: session.get_one(Customer, customer).email)
        assert is_placeholder(stored)
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert report.clean, report
        assert "placeholder" not in json.dumps(control.ledger())
        (there,) = [one for one in control.books(service)["customers"] if one["display_name"] == "Nora Fielding"]
        assert not there["email"]
        detail = await core.ask(queries.invoice_detail, invoice, await core.company_key())
        assert detail.customer_email == "", "neither the PDF nor the screen has one"
        await core.do(update_customer, customer, CustomerDraft("Nora Fielding", email="nora@f.example"))
        assert (await core.sync([(Kind.CUSTOMER, customer)])).clean
        (there,) = [one for one in control.books(service)["customers"] if one["display_name"] == "Nora Fielding"]
        assert there["email"] == "nora@f.example", "a real address is kept and sent as it is (M131)"


async def test_M133_placeholders_are_no_agreement_when_duplicates_are_sought(
    tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await sign_in_to_demo(core, sandbox, "quickbooks")
        ours = await core.do(create_customer, CustomerDraft("Somebody Else"), imported=True)
        record = await core.ask(lambda session: customer_record(session.get_one(Customer, ours)))
        assert record.email == ""
        stored = await core.ask(lambda session: session.get_one(Customer, ours).email)
        stranger = CustomerRecord("Quite Another", external_id="x1", email=stored)
        (review,) = await review_customers(await core.require_company(), [stranger])
        assert review.standing is Standing.NEW
