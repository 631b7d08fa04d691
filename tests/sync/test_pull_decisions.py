"""The owner's answers: both sides changed, gone there, merged, the same payment twice (N6, N8, N10, D4, D10, D14)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from desktop.books.customers import CustomerDraft, update_customer
from desktop.books.items import ItemDraft, update_item
from desktop.errors import GoneRemote, NotAllowed
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.providers.records import Kind
from desktop.sync.gone_there import follow_merge, make_active_there, same_here
from desktop.sync.resolving import resolve_fields, same_payment, take_theirs, two_payments, unlink
from tests.helpers.office import Office
from tests.sync.acting import balance, synced
from tests.sync.checks import assert_quiet, write_calls


def there(office: Office, kind: str, external_id: str) -> dict[str, str]:
    (found,) = [one for one in office.books()[f"{kind}s"] if one["id"] == external_id]
    return found


async def conflict(office: Office) -> tuple[int, str]:
    """A customer whose phone and e-mail were changed on both sides."""
    customer, _, _ = await synced(office)
    external = office.external(Kind.CUSTOMER, customer)
    office.hand("customer", external, {"phone": "555-0177", "email": "there@example.com"})
    draft = CustomerDraft("Petra Lindqvist", email="here@example.com", phone="555-0188")
    office.write(update_customer, customer, draft)
    before = len(office.control.ledger())
    assert not (await office.sync_now()).clean
    assert not [one for one in office.control.ledger(before) if one["changed"]]
    status = office.status(Kind.CUSTOMER, customer)
    assert status is not None and status.state == "conflict" and set(status.extra["names"]) == {"email", "phone"}
    return customer, external


async def test_N10_D14_a_choice_per_field_is_written_as_chosen(office: Office) -> None:
    customer, external = await conflict(office)
    await resolve_fields(office.company, Kind.CUSTOMER, customer, ["phone"])
    assert (await office.sync_now()).clean
    mine, theirs = office.row(Customer, customer), there(office, "customer", external)
    assert (mine.phone, mine.email) == ("555-0177", "here@example.com")
    assert (theirs["phone"], theirs["email"]) == ("555-0177", "here@example.com")
    assert_quiet(office)


async def test_N10_taking_all_of_theirs_writes_nothing_there(office: Office) -> None:
    customer, _ = await conflict(office)
    before = len(office.control.ledger())
    await take_theirs(office.company, Kind.CUSTOMER, customer)
    assert (await office.sync_now()).clean
    assert not write_calls(office, before)
    mine = office.row(Customer, customer)
    assert (mine.phone, mine.email) == ("555-0177", "there@example.com")
    assert_quiet(office)


async def test_N10_keeping_all_of_ours_is_written_over_theirs(office: Office) -> None:
    customer, external = await conflict(office)
    await resolve_fields(office.company, Kind.CUSTOMER, customer, [])
    assert (await office.sync_now()).clean
    theirs = there(office, "customer", external)
    assert (theirs["phone"], theirs["email"]) == ("555-0188", "here@example.com")
    assert_quiet(office)


async def test_N10_D14_an_edit_there_is_not_lost_in_our_own_write_of_another_field(office: Office) -> None:
    """Our write of the price answers with their new description: that one still comes in."""
    _, item, _ = await synced(office)
    office.hand("item", office.external(Kind.ITEM, item), {"description": "Both panes"})
    office.write(update_item, item, ItemDraft("Skylight cleaning", unit_price=Decimal(130)))
    assert (await office.sync_now()).clean
    assert office.row(Item, item).description == "Both panes"
    assert office.row(Item, item).unit_price == 130


async def gone_invoice(office: Office, action: str, paid: str = "") -> int:
    _, _, invoice = await synced(office)
    if paid:
        office.pay(invoice, paid)
        assert (await office.sync_now()).clean
    office.hand("invoice", office.external(Kind.INVOICE, invoice), action)
    assert not (await office.sync_now()).clean
    return invoice


async def test_N8_D4_a_voided_invoice_can_be_made_void_here_too(office: Office) -> None:
    invoice = await gone_invoice(office, "void")
    await same_here(office.company, Kind.INVOICE, invoice)
    before = len(office.control.ledger())
    assert (await office.sync_now()).clean
    assert office.row(Invoice, invoice).status == "void" and not write_calls(office, before)
    assert_quiet(office)


async def test_N8_I7_a_paid_invoice_is_not_voided_in_passing(office: Office) -> None:
    invoice = await gone_invoice(office, "delete", paid="50")
    with pytest.raises(NotAllowed):
        await same_here(office.company, Kind.INVOICE, invoice)
    assert office.row(Invoice, invoice).status == "sent" and balance(office, invoice) == 150


@pytest.mark.parametrize("paid", ["", "50"])
async def test_N8_D4_a_deleted_invoice_is_made_anew_under_the_next_stamp(office: Office, paid: str) -> None:
    invoice = await gone_invoice(office, "delete", paid=paid)
    await unlink(office.company, Kind.INVOICE, invoice, create_again=True)
    assert (await office.sync_now()).clean
    assert (await office.sync_now()).clean
    (remote,) = office.remote_invoices("PL-1")
    assert remote["note"].endswith("/1") and Decimal(remote["balance"]) == 200 - Decimal(paid or 0)
    link = office.link(Kind.INVOICE, invoice)
    assert link is not None and (link.generation, link.external_id) == (1, remote["id"])
    assert_quiet(office)


async def test_N8_D4_an_inactive_customer_is_made_active_there_again(office: Office) -> None:
    customer, _, _ = await synced(office)
    external = office.external(Kind.CUSTOMER, customer)
    office.hand("customer", external, "archive")
    await office.sync_now()
    await make_active_there(office.company, Kind.CUSTOMER, customer)
    assert (await office.sync_now()).clean
    assert there(office, "customer", external)["active"]
    assert_quiet(office)


async def test_N8_D4_an_inactive_item_can_be_inactive_here_too(office: Office) -> None:
    _, item, _ = await synced(office)
    office.hand("item", office.external(Kind.ITEM, item), "archive")
    await office.sync_now()
    await same_here(office.company, Kind.ITEM, item)
    before = len(office.control.ledger())
    assert (await office.sync_now()).clean
    assert not office.row(Item, item).active and not write_calls(office, before)
    assert_quiet(office)


@pytest.mark.parametrize("taken", [False, True])
async def test_M141_E3_a_merge_is_followed_after_a_yes(office: Office, taken: bool) -> None:
    customer, item, invoice = await synced(office)
    survivor = office.hand("customer", "", {"create": {"display_name": "Nordlicht GmbH"}})["id"]
    if taken:
        await office.sync_now()
    office.hand("customer", office.external(Kind.CUSTOMER, customer), {"merge": survivor})
    if not taken:
        office.set_switches(customers=True)
    await office.sync_now()
    assert office.row(Invoice, invoice).customer_id == customer, "nothing is followed without a yes"
    await follow_merge(office.company, customer)
    before = len(office.control.ledger())
    assert (await office.sync_now()).clean
    assert not write_calls(office, before)
    link = office.link(Kind.CUSTOMER, customer)
    assert link is not None and link.external_id == survivor and link.alias == 1
    second = office.invoice(customer, (item, "1", "40"), number="PL-9")
    assert (await office.sync(second)).clean
    (remote,) = office.remote_invoices("PL-9")
    assert remote["customer_id"] == survivor


async def twins(office: Office) -> tuple[int, int]:
    _, _, invoice = await synced(office)
    office.hand("invoice", office.external(Kind.INVOICE, invoice), {"pay": {"amount": "80.00", "date": "2026-11-17"}})
    payment = office.pay(invoice, "80", day=date(2026, 11, 15))
    assert not (await office.sync_now()).clean
    return invoice, payment


async def test_N6_D10_the_same_money_is_linked_and_nothing_is_written(office: Office) -> None:
    invoice, payment = await twins(office)
    before = len(office.control.ledger())
    await same_payment(office.company, payment)
    assert (await office.sync_now()).clean
    assert not write_calls(office, before) and balance(office, invoice) == 120
    assert_quiet(office)


async def test_N6_D10_two_payments_are_both_kept_on_both_sides(office: Office) -> None:
    invoice, payment = await twins(office)
    await two_payments(office.company, payment)
    assert (await office.sync_now()).clean
    assert balance(office, invoice) == 40
    (remote,) = office.remote_invoices("PL-1")
    assert Decimal(remote["balance"]) == 40
    assert_quiet(office)


async def test_N6_our_payment_removed_here_answers_the_question(office: Office) -> None:
    from desktop.books.payments import remove_payment

    invoice, payment = await twins(office)
    office.write(remove_payment, payment)
    assert (await office.sync_now()).clean
    assert balance(office, invoice) == 120
    assert_quiet(office)


@pytest.mark.parametrize("how", ["", "deleted", "void", "inactive", "merged"])
def test_M106_a_record_whose_name_is_not_known_is_no_empty_pair_of_quotes(how: str) -> None:
    assert GoneRemote("Xero", "", how=how, into="Nora Stone").title.startswith("This record was ")
    assert GoneRemote("Xero", "Nora", how=how, into="Nora Stone").title.startswith("“Nora” was ")
