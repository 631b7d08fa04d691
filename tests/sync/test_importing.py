"""Customers and items of the service come in exactly as chosen, once, linked, and are never pushed back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from desktop.books.customers import is_placeholder
from desktop.errors import InputError
from desktop.kinds import CustomerKind
from desktop.models.connection import ExternalLink, LeftOut
from desktop.models.customer import Customer
from desktop.models.item import Item, ItemAccount
from desktop.models.work import OutboxEntry
from desktop.providers.records import CustomerRecord, ItemRecord, Kind
from desktop.sync.importing import CustomerChoice, import_customers, import_items, link_by_hand
from desktop.sync.mapping import apply_to_unmapped, mapping_view, save_mapping
from desktop.sync.remote_lists import RemoteLists
from desktop.sync.reviewing import CustomerReview, Standing, review_customers, review_items
from desktop.sync.unsynced import unsynced_customers
from tests.helpers.office import Office
from tests.sync.checks import write_calls


def lists(office: Office) -> RemoteLists:
    return RemoteLists(office.company.provider, office.clock)


async def reviewed(office: Office) -> list[CustomerReview]:
    return await review_customers(office.company, await lists(office).customers.get())


def choices(reviews: list[CustomerReview]) -> list[CustomerChoice]:
    return [CustomerChoice(one.external_id, one.kind, ", ".join(one.reasons)) for one in reviews]


def count(office: Office, table: Any, *where: Any) -> int:
    with office.db.read() as session:
        return session.scalar(select(func.count()).select_from(table).where(*where)) or 0


@pytest.mark.every_service
async def test_M19_M20_M21_every_customer_is_listed_with_a_type_and_its_reason(office: Office) -> None:
    first, again = await reviewed(office), await reviewed(office)
    assert {one.external_id for one in first} == {one["id"] for one in office.books()["customers"]}
    assert [(one.kind, one.reasons) for one in first] == [(one.kind, one.reasons) for one in again]
    assert all(isinstance(one.kind, CustomerKind) for one in first)


@pytest.mark.every_service
async def test_M26_M27_M31_M32_M89_exactly_the_chosen_come_in_linked_with_the_owners_type(office: Office) -> None:
    reviews = [one for one in await reviewed(office) if one.preselected]
    assert len(reviews) > 4
    picked = reviews[:3]
    wanted = [CustomerChoice(one.external_id, CustomerKind.BUILDER, "chosen", chosen=True) for one in picked]
    result = await import_customers(office.company, await reviewed(office), wanted)
    assert (result.created, result.linked, result.problems) == (3, 0, [])
    with office.db.read() as session:
        rows = session.scalars(select(Customer)).all()
        assert {row.kind for row in rows} == {"builder"} and all(row.kind_chosen for row in rows)
        links = {row.external_id for row in session.scalars(select(ExternalLink))}
    assert links == {one.external_id for one in picked}
    assert not write_calls(office), "importing writes nothing there"
    assert count(office, OutboxEntry) == 0, "what came from there is not pushed back"


async def test_M15_M16_M28_M33_a_second_import_changes_nothing_and_more_can_come_later(office: Office) -> None:
    reviews = await reviewed(office)
    some = [one for one in reviews if one.preselected]
    await import_customers(office.company, reviews, choices(some[:2]))
    again = await reviewed(office)
    taken = {one.external_id for one in some[:2]}
    assert {one.standing for one in again if one.external_id in taken} == {Standing.LINKED}
    before = count(office, Customer)
    result = await import_customers(office.company, again, choices(some[:2]))
    assert (result.created, count(office, Customer)) == (0, before)
    left_out = next(one for one in again if one.external_id == some[2].external_id)
    assert left_out.left_out and not left_out.preselected  # E1
    await import_customers(office.company, again, choices([left_out]))
    assert count(office, Customer) == before + 1
    assert count(office, LeftOut, LeftOut.external_id == left_out.external_id) == 0


async def test_M29_M30_ours_and_theirs_become_one_and_nothing_is_written_there(office: Office) -> None:
    fields = {"display_name": "Rosa Lindqvist", "email": "rosa@lindqvist.example"}
    there = office.control.edit("customer", "", {"create": fields | {"phone": "555 0105"}})
    ours = office.customer("Rosa Lindqvist", email="rosa@lindqvist.example")
    reviews = await reviewed(office)
    (one,) = [review for review in reviews if review.external_id == there["id"]]
    assert (one.standing, one.local_id) == (Standing.SAME, ours)
    result = await import_customers(office.company, reviews, [])
    assert (result.created, result.linked) == (0, 1)
    link = office.link(Kind.CUSTOMER, ours)
    assert link is not None and link.external_id == there["id"]
    assert not write_calls(office)


async def test_M35_M36_a_near_name_is_offered_never_taken(office: Office) -> None:
    there = office.control.edit("customer", "", {"create": {"display_name": "J. Smithers"}})
    ours = office.customer("John Smithers")
    reviews = await reviewed(office)
    (one,) = [review for review in reviews if review.external_id == there["id"]]
    assert one.standing is Standing.POSSIBLE and one.local_id == ours and not one.preselected
    await import_customers(office.company, reviews, [])
    assert office.link(Kind.CUSTOMER, ours) is None and count(office, Customer) == 1
    await link_by_hand(office.company, Kind.CUSTOMER, ours, one.record)
    assert office.link(Kind.CUSTOMER, ours) is not None
    other = office.customer("Somebody Else")
    with pytest.raises(InputError):
        await link_by_hand(office.company, Kind.CUSTOMER, other, one.record)


async def test_M129_M131_M133_no_address_there_means_a_placeholder_here_that_stays_here(office: Office) -> None:
    office.control.edit("customer", "", {"create": {"display_name": "Mail Less"}})
    office.control.edit("customer", "", {"create": {"display_name": "Mail Full", "email": "full@mail.example"}})
    reviews = [one for one in await reviewed(office) if one.record.display_name in ("Mail Less", "Mail Full")]
    await import_customers(office.company, reviews, choices(reviews))
    with office.db.read() as session:
        rows = {row.display_name: row for row in session.scalars(select(Customer))}
    assert is_placeholder(rows["Mail Less"].email) and rows["Mail Full"].email == "full@mail.example"
    office.ask((Kind.CUSTOMER, rows["Mail Less"].id))
    await office.runner.drain(everything=True)
    assert "placeholder.local" not in str([entry["request"] for entry in office.control.ledger()])


async def test_a_record_that_can_not_be_kept_is_reported_and_hides_no_other(office: Office) -> None:
    good = CustomerRecord("Fine Fellow", external_id="9001", version="0")
    bad = CustomerRecord("Bad\x00Name", external_id="9002", version="0")
    long = CustomerRecord("L" * 5000, external_id="9003", version="0")
    reviews = await review_customers(office.company, [good, bad, long])
    result = await import_customers(office.company, reviews, choices(reviews) * 2)
    assert result.created == 1 and len(result.problems) == 2
    assert all(sentence for _, sentence in result.problems)


# --- items ---------------------------------------------------------------------------------------------


@pytest.mark.every_service(but=["freshbooks", "wave"])  # the one has no accounts, the other an item without
async def test_M37_M38_M41_M42_M45_exactly_the_chosen_items_with_their_account(office: Office) -> None:
    records = await lists(office).items.get()
    reviews = await review_items(office.company, records)
    picked = [one for one in reviews if one.preselected][:2]
    result = await import_items(office.company, reviews, [one.external_id for one in picked])
    assert (result.created, result.problems) == (2, [])
    with office.db.read() as session:
        accounts = {row.item_id: row.account_id for row in session.scalars(select(ItemAccount))}
        links = {row.local_id: row.external_id for row in session.scalars(select(ExternalLink))}
    by_id = {one.external_id: one.record for one in picked}
    assert {local: by_id[there].income_account_id for local, there in links.items()} == accounts
    again = await review_items(office.company, records)
    assert (await import_items(office.company, again, [one.external_id for one in picked])).created == 0
    assert not write_calls(office)


async def test_M39_M40_an_item_we_have_is_linked_by_name_or_by_hand(office: Office) -> None:
    records = [one for one in await lists(office).items.get() if one.active]
    same, other = records[0], records[1]
    ours, mine = office.item(same.name.upper(), mapped=False), office.item("Called otherwise here", mapped=False)
    reviews = await review_items(office.company, records)
    assert next(one for one in reviews if one.external_id == same.external_id).standing is Standing.SAME
    result = await import_items(office.company, reviews, [], links={other.external_id or "": mine})
    assert result.linked == 2 and count(office, Item) == 2
    for local, record in ((ours, same), (mine, other)):
        link = office.link(Kind.ITEM, local)
        assert link is not None and link.external_id == record.external_id


async def test_absurd_prices_are_reported_and_hide_no_other(office: Office) -> None:
    records = [
        ItemRecord("Sane", external_id="9001", unit_price=Decimal("12.5")),
        ItemRecord("Absurd", external_id="9002", unit_price=Decimal("1e30")),
        ItemRecord("Fine-grained", external_id="9003", unit_price=Decimal("0.1234567")),
    ]
    reviews = await review_items(office.company, records)
    result = await import_items(office.company, reviews, [one.external_id for one in reviews])
    assert result.created == 2 and [name for name, _ in result.problems] == ["Absurd"]


# --- mapping -------------------------------------------------------------------------------------------


async def test_M47_M48_M49_M50_M153_mapping_is_chosen_applied_and_saved(office: Office) -> None:
    first, second, third = (office.item(name, mapped=False) for name in ("One", "Two", "Three"))
    view = office.read(mapping_view, office.company.key)
    a, b = view.accounts[0].external_id, view.accounts[1].external_id
    assert view.unmapped >= 3
    assert office.write(save_mapping, office.company.key, {first: a}) == 1
    view = office.read(mapping_view, office.company.key)
    applied = apply_to_unmapped(view, b)
    assert first not in applied and {second, third} <= set(applied)
    assert office.read(mapping_view, office.company.key).unmapped == view.unmapped, "saved only on Save"
    office.write(save_mapping, office.company.key, applied)
    chosen = {row.item_id: row.account_id for row in office.read(mapping_view, office.company.key).rows}
    assert (chosen[first], chosen[second], chosen[third]) == (a, b, b)
    with pytest.raises(InputError):
        office.write(save_mapping, office.company.key, {first: "no such account"})


# --- the unsynced-customer alert -----------------------------------------------------------------------


def fetches(office: Office) -> int:
    return len([entry for entry in office.control.ledger() if entry["op"] == "batch" or "query" in entry["op"]])


async def test_M119_to_M125_one_list_for_alert_and_import_and_a_fresh_count_each_time(office: Office) -> None:
    shared = lists(office)
    start = fetches(office)
    assert fetches(office) == start  # M119: made, collapsed: nobody asked
    first = await unsynced_customers(office.company, shared)
    active = [one for one in office.books()["customers"] if one["active"]]
    assert (first.missing, first.total) == (len(active), len(active))
    there = f"{len(active)} of {len(active)} customers in QuickBooks are not yet imported into BlueClerk"
    assert first.sentence("QuickBooks") == there  # M120
    once = fetches(office)
    await unsynced_customers(office.company, shared)
    reviews = await review_customers(office.company, await shared.customers.get())  # M124
    assert fetches(office) == once, "nothing is fetched again within a minute (M122)"
    some = [one for one in reviews if one.preselected][:2]
    await import_customers(office.company, reviews, choices(some))
    after = await unsynced_customers(office.company, shared)
    assert after.missing == first.missing - 2 and fetches(office) == once  # M125
    office.clock.advance(61)
    await unsynced_customers(office.company, shared)
    assert fetches(office) > once  # M123
