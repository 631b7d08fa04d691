"""Customers and items in the steady state: what is added or changed here arrives there, once (M86-M93)."""

from __future__ import annotations

from decimal import Decimal

from desktop.books.customers import CustomerDraft, update_customer
from desktop.books.items import ItemDraft, create_item, update_item
from desktop.errors import Fix
from desktop.kinds import CustomerKind
from desktop.providers.records import Kind
from desktop.sync import mapping
from desktop.sync.importing import CustomerChoice, import_customers, import_items, link_by_hand
from desktop.sync.remote_lists import RemoteLists
from desktop.sync.reviewing import Standing, review_customers, review_items
from desktop.sync.unsynced import unsynced_customers
from tests.helpers.office import Office


def there(office: Office, kind: str, name: str) -> list[dict[str, object]]:
    key = "display_name" if kind == "customers" else "name"
    return [one for one in office.books()[kind] if one[key] == name]


async def settle(office: Office) -> None:
    office.clock.advance(5)
    assert (await office.runner.drain()).clean


async def test_M86_a_new_customer_is_created_there_by_itself_and_once(office: Office) -> None:
    customer = office.customer("Iris Cole", email="iris@cole.example", phone="512-555-0142", line1="4 Elm St")
    assert not there(office, "customers", "Iris Cole"), "nothing leaves inside the transaction"
    await settle(office)
    (made,) = there(office, "customers", "Iris Cole")
    assert made["email"] == "iris@cole.example"
    link = office.link(Kind.CUSTOMER, customer)
    assert link is not None and link.external_id == made["id"]
    calls = len(office.control.ledger())
    await settle(office)
    assert len(office.control.ledger()) == calls, "and then nothing is left to send"


async def test_M86_M61_with_its_switch_off_a_new_customer_stays_here(office: Office) -> None:
    office.set_switches(auto=True, customers=False)
    office.customer("Iris Cole")
    await settle(office)
    assert not there(office, "customers", "Iris Cole")


async def test_M87_a_changed_address_email_and_phone_arrive_and_nothing_else_is_touched(office: Office) -> None:
    customer = office.customer("Iris Cole", email="old@cole.example", phone="1", line1="4 Elm St", city="Austin")
    await settle(office)
    link = office.link(Kind.CUSTOMER, customer)
    assert link is not None
    office.control.edit("customer", link.external_id, {"company_name": "Typed there by hand"})
    new = CustomerDraft(
        display_name="Iris Cole",
        kind=CustomerKind.HOMEOWNER,
        email="new@cole.example",
        phone="512-555-0199",
        line1="9 Oak Ave",
        city="Round Rock",
    )
    office.write(update_customer, customer, new)
    await settle(office)
    (now,) = there(office, "customers", "Iris Cole")
    assert (now["email"], now["phone"]) == ("new@cole.example", "512-555-0199")
    address = now["address"]
    assert isinstance(address, dict) and address["line1"] == "9 Oak Ave" and address["city"] == "Round Rock"
    assert now["company_name"] == "Typed there by hand", "only what was changed here is written (I6)"


async def test_M88_a_new_customer_who_is_there_under_the_same_name_is_never_doubled(office: Office) -> None:
    name = next(one["display_name"] for one in office.books()["customers"] if one["active"])
    customer = office.customer(name)
    office.clock.advance(5)
    await office.runner.drain()
    assert len(there(office, "customers", name)) == 1
    status = office.status(Kind.CUSTOMER, customer)
    assert office.link(Kind.CUSTOMER, customer) is not None or (
        status is not None and status.fix == Fix.LINK_CUSTOMER.value
    ), "linked where it is certain, asked where it is not"


async def test_M90_a_new_item_is_created_there_as_soon_as_it_has_its_account(office: Office) -> None:
    item = office.write(create_item, ItemDraft(name="Valve swap", unit_price=Decimal("85")))
    office.clock.advance(5)
    await office.runner.drain()
    assert not there(office, "items", "Valve swap"), "M53: without an account it is not sent"
    status = office.status(Kind.ITEM, item)
    assert status is not None and status.fix == Fix.OPEN_MAPPING.value and "Valve swap" in status.title
    office.write(mapping.save_mapping, office.company.key, {item: office.income})
    await settle(office)
    (made,) = there(office, "items", "Valve swap")
    assert Decimal(str(made["unit_price"])) == 85 and made["income_account_id"] == office.income
    assert office.status(Kind.ITEM, item) is None


async def test_M93_items_there_are_imported_with_price_and_account(office: Office) -> None:
    records = [record async for page in office.company.provider.items() for record in page.records]
    reviews = await review_items(office.company, records)
    one = next(review for review in reviews if review.standing is Standing.NEW and review.record.unit_price)
    assert (await import_items(office.company, reviews, [one.external_id])).created == 1
    view = office.read(mapping.mapping_view, office.company.key)
    row = next(row for row in view.rows if row.name == one.record.name)
    assert row.account_id == one.record.income_account_id
    link = office.link(Kind.ITEM, row.item_id)
    assert link is not None and link.external_id == one.external_id


async def test_M92_a_price_changed_on_both_sides_waits_for_the_owner(office: Office) -> None:
    item = office.item("Sump check", "80")
    await settle(office)
    link = office.link(Kind.ITEM, item)
    assert link is not None
    office.control.edit("item", link.external_id, {"unit_price": "90"})
    office.write(update_item, item, ItemDraft(name="Sump check", unit_price=Decimal("95")))
    office.clock.advance(5)
    report = await office.runner.drain()
    assert f"item:{item}" in report.refused
    (now,) = there(office, "items", "Sump check")
    assert Decimal(str(now["unit_price"])) == 90, "C7: nothing is overwritten silently"
    status = office.status(Kind.ITEM, item)
    assert status is not None and status.fix == Fix.SHOW_DIFFERENCE.value


async def test_M141_after_a_merge_there_the_link_follows_the_survivor_once_the_owner_says_so(office: Office) -> None:
    customer, item = office.customer("Iris Cole"), office.item()
    assert (await office.sync(office.invoice(customer, (item, "1", "30"), number="BC-M141-1"))).clean
    link = office.link(Kind.CUSTOMER, customer)
    assert link is not None
    survivor = office.control.edit("customer", "", {"create": {"display_name": "Iris Cole-Hart"}})
    office.control.edit("customer", link.external_id, {"merge": survivor["id"]})
    invoice = office.invoice(customer, (item, "1", "45"), number="BC-M141-2")
    await office.sync(invoice)
    status = office.status(Kind.INVOICE, invoice)
    assert status is not None and status.fix == Fix.LINK_CUSTOMER.value, "never followed by itself"
    assert "Iris Cole" in status.title and [one["local_id"] for one in status.concerns][0] == customer
    assert not office.remote_invoices("BC-M141-2")
    records = [record async for page in office.company.provider.customers() for record in page.records]
    chosen = next(record for record in records if record.external_id == survivor["id"])
    await link_by_hand(office.company, Kind.CUSTOMER, customer, chosen)
    assert (await office.runner.drain(everything=True)).clean
    (sent,) = office.remote_invoices("BC-M141-2")
    assert sent["customer_id"] == survivor["id"], "what waited for it goes out by itself (N2)"
    now = office.link(Kind.CUSTOMER, customer)
    assert now is not None and now.external_id == survivor["id"]


async def test_M152_an_account_can_be_changed_at_any_time_and_counts_from_the_next_push(office: Office) -> None:
    customer, item = office.customer(), office.item("Sump check", "80")
    assert (await office.sync(office.invoice(customer, (item, "1", "80"), number="BC-M152-1"))).clean
    accounts = office.read(mapping.mapping_view, office.company.key).accounts
    other = next(one.external_id for one in accounts if one.external_id != office.income)
    office.write(mapping.save_mapping, office.company.key, {item: other})
    assert (await office.sync(office.invoice(customer, (item, "1", "80"), number="BC-M152-2"))).clean
    (now,) = there(office, "items", "Sump check")
    assert now["income_account_id"] == other


async def test_M154_who_stayed_behind_is_always_in_sight(office: Office) -> None:
    lists = RemoteLists(office.company.provider, office.clock)
    before = await unsynced_customers(office.company, lists)
    assert before.missing == before.total > 10 and len(before.names) == 5
    reviews = await review_customers(office.company, await lists.customers.get())
    behind = {review.external_id for review in reviews if review.preselected} - {
        review.external_id for review in reviews if review.preselected and review.record.display_name < "K"
    }
    chosen = [
        CustomerChoice(review.external_id, review.kind)
        for review in reviews
        if review.preselected and review.external_id not in behind
    ]
    await import_customers(office.company, reviews, chosen)
    after = await unsynced_customers(office.company, lists)
    assert after.missing == before.missing - len(chosen) > 0
    left = {review.record.display_name for review in reviews if review.external_id in behind}
    assert (
        left
        and set(after.names) <= {review.record.display_name for review in reviews}
        and (left & set(after.names) or after.missing > 5)
    )
    assert after.sentence("QuickBooks") == (
        f"{after.missing} of {after.total} customers in QuickBooks are not yet imported into BlueClerk"
    )
