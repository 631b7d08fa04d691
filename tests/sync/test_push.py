"""Invoices and payments reach the service once, whole, and are green only when both sides read equal."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desktop.providers.records import Kind
from tests.helpers.office import Office
from tests.sync.checks import write_calls


@pytest.mark.every_service
async def test_M62_M63_M65_M67_first_push_creates_customer_items_and_invoice(office: Office) -> None:
    customer = office.customer("Nora Fielding", email="nora@example.com")
    item = office.item("Boiler check", "120")
    invoice = office.invoice(customer, (item, "2", "120"), number="BC-1")
    report = await office.sync(invoice)
    assert report.clean, report
    (remote,) = office.remote_invoices("BC-1")
    assert remote["total"] == "240.00"
    assert [Decimal(line["quantity"]) for line in remote["lines"] if line["quantity"]] == [2]
    assert office.link(Kind.INVOICE, invoice) is not None
    assert office.status(Kind.INVOICE, invoice) is None
    names = [one["display_name"] for one in office.books()["customers"]]
    assert names.count("Nora Fielding") == 1
    (there,) = [one for one in office.books()["items"] if one["name"] == "Boiler check"]
    assert (there["income_account_id"] or "") == office.income


@pytest.mark.every_service
async def test_M76_M80_M81_payments_follow_and_are_never_doubled(office: Office) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "1", "350"), number="BC-2")
    office.pay(invoice, "100")
    office.pay(invoice, "50")
    assert (await office.sync(invoice)).clean
    office.pay(invoice, "200")
    assert (await office.sync(invoice)).clean
    assert (await office.sync(invoice)).clean
    (remote,) = office.remote_invoices("BC-2")
    assert Decimal(remote["balance"]) == 0
    payments = [p for p in office.books()["payments"] if any(a["invoice_id"] == remote["id"] for a in p["allocations"])]
    assert sorted(Decimal(p["amount"]) for p in payments) == [50, 100, 200]


@pytest.mark.every_service(but=["freshbooks"])
async def test_M53_M72_an_unmapped_item_is_refused_before_any_call(office: Office) -> None:
    customer = office.customer("Never Created")
    item = office.item("Drain survey", mapped=False)
    invoice = office.invoice(customer, (item, "1", "90"), number="BC-3")
    report = await office.sync(invoice)
    assert f"invoice:{invoice}" in report.refused
    assert not write_calls(office)
    status = office.status(Kind.INVOICE, invoice)
    assert status is not None and "Drain survey" in status.title and status.fix == "open_mapping"
    assert "Never Created" not in [one["display_name"] for one in office.books()["customers"]]


@pytest.mark.every_service
async def test_M71_a_lost_reply_leaves_exactly_one_invoice(office: Office) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "1", "80"), number="BC-4")
    office.control.faults({"id": "N1", "op": "create_invoice", "nth": 1, "phase": "after"})
    report = await office.sync(invoice)
    assert report.clean, report
    assert len(office.remote_invoices("BC-4")) == 1
    assert office.status(Kind.INVOICE, invoice) is None
