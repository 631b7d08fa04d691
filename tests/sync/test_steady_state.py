"""What goes on by itself once the wizard is done."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.invoices import create_invoice, mark_sent, update_invoice
from desktop.books.items import ItemDraft, update_item
from desktop.books.payments import mark_paid
from desktop.models.connection import ExternalLink
from desktop.models.invoice import TaxCode
from desktop.models.states import Switches
from desktop.providers.records import Kind
from desktop.sync import overview
from desktop.sync.importing import import_items
from desktop.sync.reviewing import review_items
from tests.helpers.office import Office


@pytest.mark.every_service
async def test_M9_one_switch_starts_automatic_syncing_of_invoices_and_payments(office: Office) -> None:
    office.set_switches(auto=False)
    customer, item = office.customer(), office.item()
    first = office.invoice(customer, (item, "1", "40"), number="BC-M9-1")
    assert not office.remote_invoices("BC-M9-1")
    office.write(overview.save_switches, Switches(auto=True))
    second = office.invoice(customer, (item, "1", "60"), number="BC-M9-2")
    office.pay(second, "60")
    office.clock.advance(5)
    assert (await office.runner.drain()).clean
    assert len(office.remote_invoices("BC-M9-1")) == 1
    (remote,) = office.remote_invoices("BC-M9-2")
    assert Decimal(remote["balance"]) == 0
    assert office.status(Kind.INVOICE, first) is None


@pytest.mark.every_service
async def test_M44_more_items_can_be_imported_later(office: Office) -> None:
    records = [record async for page in office.company.provider.items() for record in page.records]
    reviews = await review_items(office.company, records)
    wanted = [review.external_id for review in reviews if review.preselected]
    assert (await import_items(office.company, reviews, wanted[:2])).created == 2
    again = await review_items(office.company, records)
    assert (await import_items(office.company, again, wanted[2:4])).created == 2
    assert (await import_items(office.company, await review_items(office.company, records), wanted[:4])).created == 0


@pytest.mark.every_service
async def test_M46_M91_a_price_changed_here_follows_to_the_item_there(office: Office) -> None:
    item = office.item("Sump check", "80")
    assert (await office.sync(office.invoice(office.customer(), (item, "1", "80"), number="BC-M46"))).clean
    office.write(update_item, item, ItemDraft(name="Sump check", unit_price=Decimal("95")))
    office.clock.advance(5)
    assert (await office.runner.drain()).clean
    (there,) = [one for one in office.books()["items"] if one["name"] == "Sump check"]
    assert Decimal(there["unit_price"]) == 95


@pytest.mark.every_service
async def test_M69_paid_in_full_here_means_nothing_owed_there(office: Office) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "3", "33.33"), number="BC-M69")
    office.pay(invoice, "50")
    office.pay(invoice, "49.99")
    assert (await office.sync(invoice)).clean
    (remote,) = office.remote_invoices("BC-M69")
    assert (Decimal(remote["total"]), Decimal(remote["balance"]), remote["status"]) == (Decimal("99.99"), 0, "paid")


@pytest.mark.every_service
async def test_M79_each_payment_has_an_id_of_its_own_at_the_service(office: Office) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "1", "90"), number="BC-M79")
    payments = [office.pay(invoice, "30"), office.pay(invoice, "60", "cash")]
    assert all(office.link(Kind.PAYMENT, payment) is None for payment in payments)
    assert (await office.sync(invoice)).clean
    ids = {link.external_id for payment in payments if (link := office.link(Kind.PAYMENT, payment))}
    there = {payment["id"] for payment in office.books()["payments"]}
    assert len(ids) == 2 and ids <= there


@pytest.mark.every_service
async def test_M77_marked_paid_is_paid_there_with_its_date(office: Office) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "1", "75"), number="BC-M77")
    assert (await office.sync(invoice)).clean
    office.write(mark_paid, invoice, date(2026, 11, 14), "cash")
    office.clock.advance(5)
    assert (await office.runner.drain()).clean
    (remote,) = office.remote_invoices("BC-M77")
    assert (Decimal(remote["balance"]), remote["status"]) == (0, "paid")
    (paid,) = [p for p in office.books()["payments"] if any(a["invoice_id"] == remote["id"] for a in p["allocations"])]
    assert (paid["date"], Decimal(paid["amount"]), paid["method"].lower()) == ("2026-11-14", 75, "cash")


@pytest.mark.every_service(but=["freshbooks"])
async def test_M45_M66_a_line_of_an_imported_item_refers_to_it_with_its_account_and_tax(office: Office) -> None:
    records = [record async for page in office.company.provider.items() for record in page.records]
    reviews = await review_items(office.company, records)
    wanted = next(one for one in reviews if one.preselected and one.record.taxable and one.record.income_account_id)
    assert (await import_items(office.company, reviews, [wanted.external_id])).created == 1
    with office.db.read() as session:
        link = session.scalars(select(ExternalLink).where(ExternalLink.external_id == wanted.external_id)).one()
        code = session.scalars(select(TaxCode).where(TaxCode.active.is_(True), TaxCode.rate > Decimal(0))).first()
    assert code is not None
    line = LineDraft(link.local_id, "", Decimal(2), Decimal("50"), code.id)
    draft = InvoiceDraft(office.customer(), date(2026, 11, 10), None, (line,), number="BC-M45")
    invoice = office.write(create_invoice, draft)
    office.write(mark_sent, invoice)
    assert (await office.sync(invoice)).clean
    (remote,) = office.remote_invoices("BC-M45")
    (there,) = [one for one in remote["lines"] if one["item_id"]]
    item = next(one for one in office.books()["items"] if one["id"] == there["item_id"])
    assert there["item_id"] == wanted.external_id
    assert item["income_account_id"] == wanted.record.income_account_id
    assert Decimal(remote["tax"]) == (100 * code.rate / 100).quantize(Decimal("0.01"))


@pytest.mark.every_service
async def test_M83_one_press_sends_the_changed_invoice_and_then_its_payments(office: Office) -> None:
    customer, item = office.customer(), office.item()
    invoice = office.invoice(customer, (item, "1", "120"), number="BC-M83")
    assert (await office.sync(invoice)).clean
    office.set_switches(auto=False)
    line = LineDraft(item, "", Decimal(2), Decimal("120"))
    draft = InvoiceDraft(customer, date(2026, 11, 10), date(2026, 12, 10), (line,), number="BC-M83")
    office.write(update_invoice, invoice, draft)
    office.pay(invoice, "240")
    before = office.control.ledger()[-1]["sequence"]
    assert (await office.sync(invoice)).clean
    writes = [change for entry in office.control.ledger(before) for change in entry.get("changed") or ()]
    kinds = [change["kind"] for change in writes]
    assert kinds.index("invoice") < kinds.index("payment")
    (remote,) = office.remote_invoices("BC-M83")
    assert (Decimal(remote["total"]), Decimal(remote["balance"])) == (240, 0)
