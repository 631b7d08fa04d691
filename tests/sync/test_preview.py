"""Show me first: the plan field by field, exactly that plan runs, and it is refused once anything changed (N11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from desktop.books.customers import CustomerDraft, update_customer
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.history import keep_old_invoice
from desktop.books.invoices import update_invoice
from desktop.books.totals import Rounding
from desktop.errors import PlanChanged
from desktop.models.invoice import Invoice
from desktop.models.work import SyncStatus
from desktop.providers.base import Action
from desktop.providers.records import Kind
from desktop.sync.backfill import first_day, older_invoices
from desktop.sync.overview import sync_everything
from desktop.sync.preview import Preview, preview
from desktop.sync.work import Ref
from tests.helpers.office import Office


def writes(office: Office, since: int) -> list[tuple[str, str]]:
    """(operation, ...) of every element that wanted to change something there, in the order in which they came."""
    found = []
    for entry in office.control.ledger(since):
        elements = entry["elements"] or [entry]
        found += [(one["op"], entry["op"]) for one in elements if one["op"].startswith(("create_", "update_", "void_"))]
    return found


def last(office: Office) -> int:
    entries = office.control.ledger()
    return entries[-1]["sequence"] if entries else 0


def old(office: Office, invoice: int, day: date) -> None:
    """As if it had been sent before connecting."""
    with office.db.write() as session:
        row = session.get_one(Invoice, invoice)
        row.issued_on, row.sent_at = day, datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


async def run(office: Office, shown: Preview) -> Any:
    return await office.runner.run_exactly(shown.targets, shown.key, "owner")


async def test_N11_a_preview_says_every_field_and_writes_nothing(office: Office) -> None:
    customer = office.customer("Nora Fielding", email="nora@f.example", city="Austin")
    item = office.item("Boiler visit")
    invoice = office.invoice(customer, (item, "2", "50"), number="BC-1", sent=True)
    office.pay(invoice, "30")
    before, books = last(office), office.books()
    shown = await preview(office.company, [(Kind.INVOICE, invoice)])
    assert writes(office, before) == [] and office.books() == books
    assert [(one.kind, one.action, one.label) for one in shown.writes][:3] == [
        (Kind.CUSTOMER, Action.CREATE, "Nora Fielding"),
        (Kind.ITEM, Action.CREATE, "Boiler visit"),
        (Kind.INVOICE, Action.CREATE, "BC-1"),
    ]
    fields = {one.name: one.after for one in shown.writes[0].fields}
    assert fields["email"] == "nora@f.example" and fields["address"] == "Austin"
    fields = {one.name: one.after for one in shown.writes[2].fields}
    assert (fields["customer_id"], fields["issued_on"], fields["total"]) == ("Nora Fielding", date(2026, 11, 10), 100)
    assert fields["lines"] == "Boiler visit, 2 × 50.00 = 100.00"
    payment = shown.writes[3]
    assert (payment.kind, {one.name: one.after for one in payment.fields}["amount"]) == (Kind.PAYMENT, Decimal(30))
    assert office.status(Kind.INVOICE, invoice) is None


async def test_N11_exactly_that_plan_runs_and_the_sandboxs_write_log_equals_it(office: Office) -> None:
    customers = [office.customer(f"Payer {n}") for n in range(3)]
    item = office.item("Boiler visit")
    made = [office.invoice(one, (item, "1", "80"), number=f"BC-2-{n}") for n, one in enumerate(customers)]
    office.pay(made[0], "80")
    shown = await preview(office.company, [(Kind.INVOICE, one) for one in made])
    before = last(office)
    report = await run(office, shown)
    assert report.clean, report
    planned = [f"{one.action.value}_{one.kind.value}" for one in shown.writes]
    assert [op for op, _call in writes(office, before)] == planned
    assert report.writes == len(shown.writes)
    again = await preview(office.company, [(Kind.INVOICE, one) for one in made])
    assert again.writes == () and again.unchanged >= 3, "nothing is left to do (I18)"


@pytest.mark.parametrize("change", ["customer", "amount", "there"])
async def test_N11_a_plan_is_refused_if_the_data_changed_meanwhile(office: Office, change: str) -> None:
    customer = office.customer("Nora Fielding")
    item = office.item("Boiler visit")
    invoice = office.invoice(customer, (item, "1", "50"), number="BC-3")
    shown = await preview(office.company, [(Kind.INVOICE, invoice)])
    if change == "customer":
        office.write(update_customer, customer, CustomerDraft("Nora Fielding", phone="555"))
    elif change == "amount":
        office.pay(invoice, "10")
    else:
        taken = office.books()["customers"][0]["id"]
        office.control.edit("customer", taken, {"display_name": "Nora Fielding"})
    before = last(office)
    with pytest.raises(PlanChanged):
        await run(office, shown)
    assert writes(office, before) == []
    with office.db.read() as session:
        assert session.scalars(select(SyncStatus)).all() == [], "nothing shows that anything was tried"
    fresh = await preview(office.company, [(Kind.INVOICE, invoice)])
    assert fresh.key != shown.key
    if change != "there":
        assert (await run(office, fresh)).clean


async def test_N11_an_update_shows_old_and_new(office: Office) -> None:
    customer = office.customer("Nora Fielding", phone="1")
    office.ask((Kind.CUSTOMER, customer))
    assert (await office.runner.drain()).clean
    office.write(update_customer, customer, CustomerDraft("Nora Fielding", phone="2"))
    shown = await preview(office.company, [(Kind.CUSTOMER, customer)])
    (write,) = shown.writes
    assert write.action is Action.UPDATE
    assert [(one.name, one.before, one.after) for one in write.fields] == [("phone", "1", "2")]
    before = last(office)
    assert (await run(office, shown)).clean
    assert [op for op, _ in writes(office, before)] == ["update_customer"]


async def test_N11_what_can_not_go_is_shown_with_its_reason_before_anything_is_sent(office: Office) -> None:
    customer = office.customer("Nora Fielding")
    unmapped, mapped = office.item("No account", mapped=False), office.item("Fine")
    bad = office.invoice(customer, (unmapped, "1", "5"), number="BC-4")
    good = office.invoice(customer, (mapped, "1", "5"), number="BC-5")
    shown = await preview(office.company, [(Kind.INVOICE, bad), (Kind.INVOICE, good)])
    (left,) = shown.left
    assert left.label == "BC-4" and left.error is not None and "No account" in str(left.error.concerns)
    report = await run(office, shown)
    assert set(report.refused) == {f"invoice:{bad}"} and f"invoice:{good}" in report.done


# --- back-fill --------------------------------------------------------------------------------------------


def three_old(office: Office) -> list[int]:
    customer, item = office.customer("Nora Fielding"), office.item("Boiler visit")
    made = []
    for n, day in enumerate((date(2026, 1, 5), date(2026, 3, 5), date(2026, 5, 5))):
        invoice = office.invoice(customer, (item, "1", "50"), number=f"OLD-{n}")
        old(office, invoice, day)
        made.append(invoice)
    with office.db.write() as session:
        from desktop.models.work import OutboxEntry

        for row in session.scalars(select(OutboxEntry)):
            session.delete(row)
    return made


async def test_N11_C6_a_back_fill_by_date_writes_exactly_what_was_shown(office: Office) -> None:
    made = three_old(office)
    assert office.read(first_day, office.company.key) == date(2026, 1, 5)
    targets: list[Ref] = office.read(older_invoices, office.company.key, date(2026, 3, 1))
    assert targets == [(Kind.INVOICE, made[1]), (Kind.INVOICE, made[2])]
    shown = await preview(office.company, targets)
    assert shown.count(Kind.INVOICE, Action.CREATE) == 2 and shown.count(Kind.CUSTOMER) == 1
    before = last(office)
    assert (await run(office, shown)).clean
    assert [op for op, _ in writes(office, before)] == [f"{w.action.value}_{w.kind.value}" for w in shown.writes]
    assert not office.remote_invoices("OLD-0") and office.remote_invoices("OLD-1") and office.remote_invoices("OLD-2")
    assert office.read(older_invoices, office.company.key, date(2026, 1, 1)) == [(Kind.INVOICE, made[0])]


async def test_C6_neither_sync_now_nor_the_weekly_run_takes_older_invoices(office: Office) -> None:
    three_old(office)
    before = last(office)
    office.write(sync_everything)
    await office.runner.drain(everything=True)
    assert not [op for op, _ in writes(office, before) if op.endswith("_invoice")]


async def test_C6_N11_an_invoice_brought_in_from_elsewhere_goes_by_the_back_fill_alone_whatever_its_date(
    office: Office,
) -> None:
    """Dated today, after connecting, edited and paid here: neither of these, Sync Now nor the weekly run sends it."""
    day = office.clock.now().date()
    lines = (LineDraft(office.item(), "", Decimal(1), Decimal(90)),)
    draft = InvoiceDraft(office.customer(), day, day, lines, number="ELSE-1")
    invoice = office.write(keep_old_invoice, draft, sent=True, rounding=Rounding.PER_LINE)
    before = last(office)
    office.write(update_invoice, invoice, replace(draft, note="looked at again"))
    office.pay(invoice, "40", day=day)
    for everything in (False, True):
        office.write(sync_everything)
        await office.runner.drain(everything=everything)
    await office.sync_now(due=office.clock.now())
    assert not [op for op, _ in writes(office, before) if op.endswith(("_invoice", "_payment"))]
    targets: list[Ref] = office.read(older_invoices, office.company.key, day)
    assert targets == [(Kind.INVOICE, invoice)]
    assert (await run(office, await preview(office.company, targets))).clean
    (there,) = office.remote_invoices("ELSE-1")
    assert Decimal(there["balance"]) in (50, 90)
