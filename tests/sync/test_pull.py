"""What changed in the service comes into our books: Sync Now on the real sandbox (M116, M117, A9)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desktop.books.customers import CustomerDraft, update_customer
from desktop.books.items import ItemDraft, update_item
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.models.payment import Payment
from desktop.models.work import ActivityRow, SyncStatus
from desktop.providers.records import Kind
from desktop.sync.pulled import ASKS, CAME_IN, CHANGED, REMOVED
from tests.helpers.office import Office
from tests.sync.acting import balance, synced
from tests.sync.checks import assert_quiet, write_calls


def activity_in(office: Office) -> list[tuple[str, str]]:
    with office.db.read() as session:
        rows = session.scalars(select(ActivityRow).where(ActivityRow.direction == "in").order_by(ActivityRow.id))
        return [(row.kind, row.action) for row in rows]


# --- nothing to do ------------------------------------------------------------------------------------


async def test_I18_L5_our_own_writes_echoed_change_nothing(office: Office) -> None:
    customer, item, invoice = await synced(office)
    office.pay(invoice, "50")
    assert (await office.sync_now()).clean
    before = len(office.control.ledger())
    revisions = [office.row(table, one).revision for table, one in ((Customer, customer), (Item, item))]
    for _ in range(2):
        office.clock.advance(60)
        report = await office.sync_now()
        assert report.clean and report.writes == 0
        assert report.pulled is not None and report.pulled.quiet, report.pulled
    assert not write_calls(office, before)
    assert [office.row(table, one).revision for table, one in ((Customer, customer), (Item, item))] == revisions
    assert_quiet(office)


async def test_M116_a_pull_with_nothing_new_is_one_call(office: Office) -> None:
    await synced(office)
    before = len(office.control.ledger())
    await office.sync_now()
    assert [entry["op"] for entry in office.control.ledger(before)] == ["changes"] or len(
        office.control.ledger(before)
    ) == 1


async def test_M32_C6_what_was_there_before_connecting_stays_out(office: Office) -> None:
    there = len(office.books()["customers"])
    report = await office.sync_now()
    assert report.pulled is not None and report.pulled.count(CAME_IN) == 0
    with office.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Customer)) == 0
    old = office.books()["customers"][0]
    office.hand("customer", old["id"], {"phone": "555 0199"})
    report = await office.sync_now()
    assert report.pulled is not None and report.pulled.count(CAME_IN) == 0
    assert len(office.books()["customers"]) == there


# --- new ones -----------------------------------------------------------------------------------------


async def test_M116_E1_customers_and_items_made_there_come_in_with_their_type(office: Office) -> None:
    await synced(office)
    office.hand("customer", "", {"create": {"display_name": "Northgate Builders LLC", "email": "a@ngb.test"}})
    office.hand("item", "", {"create": {"name": "Gutter guard", "type": "Service", "unit_price": "19.50",
                                        "income_account_id": office.income}})  # fmt: skip
    report = await office.sync_now()
    assert report.pulled is not None
    assert (report.pulled.count(CAME_IN, Kind.CUSTOMER), report.pulled.count(CAME_IN, Kind.ITEM)) == (1, 1)
    with office.db.read() as session:
        customer = session.scalars(select(Customer).where(Customer.display_name == "Northgate Builders LLC")).one()
        assert (customer.kind, customer.imported, customer.email) == ("builder", True, "a@ngb.test")
        item = session.scalars(select(Item).where(Item.name == "Gutter guard")).one()
        assert item.unit_price == Decimal("19.5")
    assert office.link(Kind.CUSTOMER, customer.id) and office.link(Kind.ITEM, item.id)
    assert ("customer", "link") in activity_in(office)


async def test_E1_an_invoice_made_there_comes_in_read_only_for_linked_customers(office: Office) -> None:
    customer, item, _ = await synced(office)
    there = office.external(Kind.CUSTOMER, customer)
    line = {"item_id": office.external(Kind.ITEM, item), "quantity": "3", "unit_price": "40", "description": "Panes"}
    today = office.clock.now().date().isoformat()
    made = office.hand(
        "invoice", "", {"create": {"customer_id": there, "number": "QB-77", "date": today, "lines": [line]}}
    )
    stranger = next(one for one in office.books()["customers"] if one["id"] != there and one["active"])
    office.hand(
        "invoice", "", {"create": {"customer_id": stranger["id"], "number": "QB-78", "date": today, "lines": [line]}}
    )
    report = await office.sync_now()
    assert report.pulled is not None and report.pulled.count(CAME_IN, Kind.INVOICE) == 1
    with office.db.read() as session:
        (invoice,) = session.scalars(select(Invoice).where(Invoice.from_service)).all()
        assert (invoice.number, invoice.customer_id, invoice.total) == ("QB-77", customer, Decimal(120))
    assert office.external(Kind.INVOICE, invoice.id) == made["id"]
    office.hand("invoice", made["id"], {"lines": [{**line, "quantity": "4"}]})
    await office.sync_now()
    assert office.row(Invoice, invoice.id).total == 160
    office.hand("invoice", made["id"], "void")
    await office.sync_now()
    assert office.row(Invoice, invoice.id).status == "void"
    assert_quiet(office)


async def test_E1_M76_a_payment_recorded_here_on_an_invoice_made_there_goes_out(office: Office) -> None:
    """Its lines name items that we don't have: nothing but the balance is compared."""
    customer, _, _ = await synced(office)
    there = next(one for one in office.books()["items"] if one["active"] and one["type"] == "Service")
    line = {"item_id": there["id"], "quantity": "1", "unit_price": "90", "description": "Odd job"}
    fields = {"customer_id": office.external(Kind.CUSTOMER, customer), "number": "QB-90", "lines": [line]}
    made = office.hand("invoice", "", {"create": {**fields, "date": office.clock.now().date().isoformat()}})
    await office.sync_now()
    with office.db.read() as session:
        invoice = session.scalars(select(Invoice.id).where(Invoice.from_service)).one()
    office.pay(invoice, "30")
    report = await office.sync(invoice)
    assert report.clean, report
    (remote,) = [one for one in office.books()["invoices"] if one["id"] == made["id"]]
    assert Decimal(remote["balance"]) == 60 == balance(office, invoice)
    report = await office.sync_now()
    assert report.clean and report.pulled is not None and report.pulled.quiet, report
    assert_quiet(office)


# --- payments -----------------------------------------------------------------------------------------


async def test_M69_N9_a_payment_made_there_is_a_payment_here(office: Office) -> None:
    _, _, invoice = await synced(office)
    there = office.external(Kind.INVOICE, invoice)
    office.hand("invoice", there, {"pay": "80.00"})
    report = await office.sync_now()
    assert report.clean and report.pulled is not None and report.pulled.count(CAME_IN, Kind.PAYMENT) == 1, report
    assert balance(office, invoice) == 120
    office.hand("invoice", there, "pay")
    report = await office.sync_now()
    assert report.clean and balance(office, invoice) == 0
    assert ("payment", "create") in activity_in(office)
    assert_quiet(office)


async def test_N9_a_payment_removed_there_reopens_the_invoice(office: Office) -> None:
    _, _, invoice = await synced(office)
    there = office.external(Kind.INVOICE, invoice)
    office.hand("invoice", there, {"pay": "200"})
    await office.sync_now()
    assert balance(office, invoice) == 0
    paid = next(one for one in office.books()["payments"] if one["allocations"][0:1] == [
        {"invoice_id": there, "amount": "200.00"}])  # fmt: skip
    for action, kept in (("void", 1), ("delete", 2)):
        office.hand("payment", paid["id"], action)
        report = await office.sync_now()
        assert report.clean and report.pulled is not None and report.pulled.count(REMOVED, Kind.PAYMENT) == 1
        assert balance(office, invoice) == 200
        with office.db.read() as session:
            assert session.scalar(select(func.count()).select_from(Payment)) == kept
        office.hand("invoice", there, {"pay": "200"})
        await office.sync_now()
        assert balance(office, invoice) == 0
        paid = office.books()["payments"][-1]
    assert_quiet(office)


async def test_E2_one_payment_there_may_pay_several_invoices(office: Office) -> None:
    customer, item, first = await synced(office)
    second = office.invoice(customer, (item, "1", "50"), number="PL-2")
    assert (await office.sync(second)).clean
    ids = [office.external(Kind.INVOICE, one) for one in (first, second)]
    parts = [{"invoice_id": ids[0], "amount": "200"}, {"invoice_id": ids[1], "amount": "30"}]
    office.hand("payment", "", {"create": {
        "customer_id": office.external(Kind.CUSTOMER, customer), "amount": "230", "allocations": parts}})  # fmt: skip
    report = await office.sync_now()
    assert report.clean, report
    assert [balance(office, one) for one in (first, second)] == [0, 20]


async def test_N6_D10_a_payment_typed_on_both_sides_is_never_sent_twice(office: Office) -> None:
    _, _, invoice = await synced(office)
    there = office.external(Kind.INVOICE, invoice)
    office.hand("invoice", there, {"pay": {"amount": "80.00", "date": "2026-11-17"}})
    payment = office.pay(invoice, "80", day=date(2026, 11, 15))
    for _ in range(2):
        report = await office.sync_now()
        assert not report.clean
        status = office.status(Kind.PAYMENT, payment)
        assert status is not None and status.fix == "link_payment" and "same money" in status.advice
    assert len([one for one in office.books()["payments"] if there in str(one["allocations"])]) == 1
    assert balance(office, invoice) == 120


# --- fields -------------------------------------------------------------------------------------------


async def test_M92_C7_a_price_changed_there_ends_up_here_and_the_other_way_round(office: Office) -> None:
    _, item, _ = await synced(office)
    there = office.external(Kind.ITEM, item)
    office.hand("item", there, {"unit_price": "120"})
    report = await office.sync_now()
    assert report.clean and report.pulled is not None and report.pulled.count(CHANGED, Kind.ITEM) == 1
    assert office.row(Item, item).unit_price == 120
    before = len(office.control.ledger())
    assert (await office.sync_now()).writes == 0 and not write_calls(office, before)
    office.write(update_item, item, ItemDraft("Skylight cleaning", unit_price=Decimal(130)))
    assert (await office.sync_now()).clean
    (row,) = [one for one in office.books()["items"] if one["id"] == there]
    assert Decimal(row["unit_price"]) == 130


async def test_M87_C7_different_fields_changed_on_both_sides_both_arrive(office: Office) -> None:
    customer, _, _ = await synced(office)
    there = office.external(Kind.CUSTOMER, customer)
    office.hand("customer", there, {"phone": "555-0177"})
    draft = CustomerDraft("Petra Lindqvist", email="p.lindqvist@example.com", phone="555-0100")
    office.write(update_customer, customer, draft)
    for _ in range(2):
        report = await office.sync_now()
        assert report.clean, report
    mine = office.row(Customer, customer)
    (theirs,) = [one for one in office.books()["customers"] if one["id"] == there]
    assert (mine.phone, mine.email) == ("555-0177", "p.lindqvist@example.com")
    assert (theirs["phone"], theirs["email"]) == ("555-0177", "p.lindqvist@example.com")
    assert_quiet(office)


@pytest.mark.parametrize("push_first", [True, False])
async def test_N10_D14_I6_both_sides_changed_one_field_is_a_card_and_no_write(office: Office, push_first: bool) -> None:
    _, item, _ = await synced(office)
    there = office.external(Kind.ITEM, item)
    office.hand("item", there, {"unit_price": "120"})
    if not push_first:
        office.set_switches(auto=False)
    office.write(update_item, item, ItemDraft("Skylight cleaning", unit_price=Decimal(130)))
    before = len(office.control.ledger())
    for _ in range(2):
        report = await office.sync_now()
        assert not report.clean
    changed = [one for one in office.control.ledger(before) if one["changed"]]
    assert not changed
    status = office.status(Kind.ITEM, item)
    assert status is not None and status.state == "conflict" and status.extra["fields"] == ["price"]
    assert office.row(Item, item).unit_price == 130


async def test_N10_an_invoice_changed_there_follows_here(office: Office) -> None:
    customer, item, invoice = await synced(office)
    there = office.external(Kind.INVOICE, invoice)
    office.hand("invoice", there, {"due_date": "2027-01-15", "memo": "Thank you kindly"})
    line = {"item_id": office.external(Kind.ITEM, item), "quantity": "1", "unit_price": "70", "description": "Half"}
    office.hand("invoice", there, {"lines": [line]})
    report = await office.sync_now()
    assert report.clean, report
    mine = office.row(Invoice, invoice)
    assert (mine.due_on, mine.note, mine.total) == (date(2027, 1, 15), "Thank you kindly", Decimal(70))
    assert not mine.from_service
    before = len(office.control.ledger())
    assert (await office.sync_now()).writes == 0 and not write_calls(office, before)
    assert_quiet(office)


# --- states -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["void", "delete"])
async def test_N8_D4_I7_an_invoice_taken_away_there_is_a_question_here(office: Office, action: str) -> None:
    _, _, invoice = await synced(office)
    office.hand("invoice", office.external(Kind.INVOICE, invoice), action)
    for _ in range(2):
        report = await office.sync_now()
        assert not report.clean or _ == 1
    assert office.row(Invoice, invoice).status == "sent"
    status = office.status(Kind.INVOICE, invoice)
    assert (
        status is not None and status.extra["gone"] and status.extra["how"] == {"void": "void"}.get(action, "deleted")
    )


async def test_N8_D4_a_customer_made_inactive_there_is_a_question_until_it_is_active_again(office: Office) -> None:
    customer, _, _ = await synced(office)
    there = office.external(Kind.CUSTOMER, customer)
    office.hand("customer", there, "archive")
    report = await office.sync_now()
    assert report.pulled is not None and report.pulled.count(ASKS) == 1
    status = office.status(Kind.CUSTOMER, customer)
    assert status is not None and status.extra["how"] == "inactive"
    assert office.row(Customer, customer).active
    office.hand("customer", there, "restore")
    assert (await office.sync_now()).clean
    assert office.status(Kind.CUSTOMER, customer) is None


async def test_M141_D4_a_merge_there_is_told_with_its_survivor(office: Office) -> None:
    customer, _, _ = await synced(office)
    survivor = office.hand("customer", "", {"create": {"display_name": "P. Lindqvist & Sons"}})
    office.hand("customer", office.external(Kind.CUSTOMER, customer), {"merge": survivor["id"]})
    await office.sync_now()
    status = office.status(Kind.CUSTOMER, customer)
    assert status is not None, [one for one in office.read(_states)]
    assert (status.extra["how"], status.extra["into"]) == ("merged", survivor["id"])
    assert "P. Lindqvist & Sons" in status.title


async def test_M141_D4_a_survivor_who_was_here_before_us_is_told_by_name(office: Office) -> None:
    before = {one["display_name"]: one["id"] for one in office.books()["customers"]}
    name = "Daniel Whitaker"
    customer, _, _ = await synced(office)
    await office.sync_now()
    office.hand("customer", office.external(Kind.CUSTOMER, customer), {"merge": before[name]})
    await office.sync_now()
    status = office.status(Kind.CUSTOMER, customer)
    assert status is not None and status.extra["how"] == "merged"
    assert status.extra["into_name"] == name and f"“{name}”" in status.title


def _states(session: Session) -> list[tuple[str, int, str]]:
    return [(one.kind, one.local_id, one.title) for one in session.scalars(select(SyncStatus))]


@pytest.mark.every_service(but=("xero",))  # it does not tell when a customer was made
async def test_M32_M116_C6_an_old_customer_edited_there_before_the_first_pull_stays_the_imports_business(
    office: Office,
) -> None:
    old = next(one for one in office.books()["customers"] if one["active"])
    office.clock.advance(60)
    office.control.edit("customer", old["id"], {"phone": "555 0199"})
    made = office.control.edit("customer", "", {"create": {"display_name": "Made After Connecting"}})
    report = await office.sync_now()
    assert report.pulled is not None
    with office.db.read() as session:
        here = set(session.scalars(select(Customer.display_name)))
    assert old["display_name"] not in here
    assert made["display_name"] in here


@pytest.mark.every_service
async def test_M64_M87_a_customer_linked_by_a_push_is_read_again_when_it_changes_there(office: Office) -> None:
    assert (await office.sync_now()).clean
    there = next(one for one in office.books()["customers"] if one["active"] and "Tyrone" in one["display_name"])
    customer = office.customer(there["display_name"])
    invoice = office.invoice(customer, (office.item(), "1", "40"), number="ADOPT-1")
    assert (await office.sync(invoice)).clean
    assert office.external(Kind.CUSTOMER, customer) == there["id"]
    office.clock.advance(2)
    office.control.edit("customer", there["id"], {"phone": "555 0144"})
    await office.sync_now()
    assert office.row(Customer, customer).phone == "555 0144"
    assert [one["display_name"] for one in office.books()["customers"]].count(there["display_name"]) == 1
