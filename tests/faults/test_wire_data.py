"""D: what the other side's books and rules stand in the way of, on all four services."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from desktop.books.customers import CustomerDraft, update_customer
from desktop.books.invoices import change_number
from desktop.books.payments import PaymentDraft, update_payment
from desktop.providers.records import Kind, ProviderKey
from desktop.providers.registry import SERVICES
from desktop.sync.mapping import apply_to_unmapped, mapping_view, save_mapping
from desktop.sync.resolving import keep_ours, link_invoice, unlink
from desktop.sync.settings import refresh_settings
from tests.faults.conftest import OpenDesk
from tests.faults.invariants import check_idle, is_live, made, writes
from tests.faults.world import ALL, DAY, Desk
from tests.helpers.control import Control

MAPPED = [service for service in ALL if SERVICES[ProviderKey(service)].capabilities.income_accounts]
"""FreshBooks books by itself: nothing is mapped there."""
CLOSING = [service for service in ALL if service in ("quickbooks", "xero")]
"""FreshBooks and Wave close no periods."""


async def synced(desk: Desk, number: str = "D-1", amount: str = "80") -> int:
    """An invoice that is there and green."""
    invoice = desk.bill(number, amount)
    report = await desk.sync(invoice)
    assert report.clean, report
    return invoice


def parts(desk: Desk, invoice: int) -> tuple[int, int]:
    """(customer, item) of an invoice of ours."""
    from sqlalchemy import select

    from desktop.models.invoice import Invoice, InvoiceLine

    with desk.core.db.read() as session:
        row = session.get_one(Invoice, invoice)
        line = session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == invoice)).one()
        return row.customer_id, line.item_id


def invoice_there(desk: Desk, invoice: int, number: str, amount: str) -> dict[str, Any]:
    """Somebody writes an invoice there, for the customer and the item of one of ours."""
    customer, item = parts(desk, invoice)
    line: dict[str, Any] = {"quantity": "1", "unit_price": amount}
    line["item_id"] = desk.there(Kind.ITEM, item)
    fields = {
        "customer_id": desk.there(Kind.CUSTOMER, customer),
        "number": number,
        "date": DAY.isoformat(),
        "due_date": (DAY + timedelta(days=30)).isoformat(),
        "lines": [line],
    }
    return desk.edit_there("invoice", "", {"create": fields}, fault="D1")


def again(desk: Desk, invoice: int, number: str, amount: str) -> int:
    """Another invoice of ours for the same customer and item."""
    customer, item = parts(desk, invoice)
    return desk.invoice(customer, (item, "1", amount), number=number)


# --- numbers and names -------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ALL)
async def test_D1_our_own_lost_attempt_is_adopted_in_silence(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        if service == "quickbooks":
            desk.control.settings(requestid_works=False)  # field reports say so: the stamp has to tell
        invoice = desk.bill("D-1")
        desk.arm({"id": "N1", "op": "create_invoice"})
        await desk.sync(invoice)
        desk.control.hit("D1")
        await desk.settle()
        assert len(desk.remote("D-1")) == 1 == len(made(desk.world, "invoice")) and not desk.bells()
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_D1_C18_same_customer_and_total_is_offered_to_link(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        first = await synced(desk)
        there = invoice_there(desk, first, "D-2", "55")
        second = again(desk, first, "D-2", "55")
        since = len(writes(desk.world))
        await desk.sync(second)
        fix, said = desk.told(Kind.INVOICE, second)
        assert fix == "link_invoice" and "D-2" in said
        assert len(writes(desk.world)) == since
        company = await desk.core.require_company()
        await link_invoice(company, second)  # the button
        await desk.settle()
        assert desk.there(Kind.INVOICE, second) == there["id"] and len(desk.remote("D-2")) == 1
        assert desk.outcome(Kind.INVOICE, second) == "Done", desk.told(Kind.INVOICE, second)
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_D1_C18_a_strangers_number_is_never_renumbered_in_silence(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        taken = desk.world.before["invoices"][0]["number"]
        invoice = desk.invoice(desk.customer("Number Clash"), (desk.item("Clash"), "1", "20"), number=taken)
        await desk.sync(invoice)
        desk.control.hit("D1")
        fix, said = desk.told(Kind.INVOICE, invoice)
        assert fix == "change_number" and taken in said
        assert not made(desk.world, "invoice")
        desk.write(change_number, invoice, "D-9")  # the button
        report = await desk.sync(invoice)
        assert report.clean and len(desk.remote("D-9")) == 1
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_D2_a_name_held_by_an_inactive_one_is_told(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        there = desk.edit_there("customer", "", {"create": {"display_name": "Gone Quiet"}}, fault="D2")
        desk.edit_there("customer", there["id"], "archive")
        invoice = desk.invoice(desk.customer("Gone Quiet"), (desk.item("Any"), "1", "20"), number="D-2")
        await desk.sync(invoice)
        if desk.outcome(Kind.INVOICE, invoice) == "Done":  # the name is free again there: a customer of its own
            assert service == "xero", "Xero's names are unique among active contacts only"
            assert len(made(desk.world, "customer")) == 1
        else:
            fix, said = desk.told(Kind.INVOICE, invoice)
            assert fix == "link_customer" and "Gone Quiet" in said
            assert not made(desk.world, "customer") and not made(desk.world, "invoice")
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_D2_a_name_taken_between_our_look_and_our_write(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        invoice = desk.invoice(desk.customer("Snapped Up"), (desk.item("Any"), "1", "20"), number="D-2")
        fields = {"display_name": "Snapped Up"}
        desk.arm({"id": "D2", "op": "create_customer", "params": {"fields": fields}})
        await desk.sync(invoice)
        assert desk.hits("D2") == 1
        desk.world.yes |= {("customer", one["id"]) for one in desk.world.books()["customers"]}
        await desk.settle()
        if desk.outcome(Kind.INVOICE, invoice) != "Done":
            assert desk.told(Kind.INVOICE, invoice)[0] == "link_customer"
        desk.quiet()


# --- changed or gone there ---------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("when", ["between", "during"])
async def test_D3_other_fields_changed_there_are_kept(service: str, when: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        invoice = await synced(desk)
        desk.reprice(invoice, "90")
        there = desk.there(Kind.INVOICE, invoice)
        desk.clock.advance(5)
        if when == "between":
            desk.edit_there("invoice", there, {"memo": "by hand"}, fault="D3")
        else:
            change = {"change": {"memo": "by hand"}, "kind": "invoice", "id": there}
            desk.arm({"id": "D3", "op": "update_invoice", "params": change})
        desk.clock.advance(5)
        await desk.sync(invoice)
        await desk.settle()
        assert desk.hits("D3") == 1
        (now,) = desk.remote("D-1")
        assert (now["total"], "by hand" in now["memo"]) == ("90.00", True)
        assert desk.outcome(Kind.INVOICE, invoice) == "Done"
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_D14_the_same_field_on_both_sides_is_a_conflict_and_writes_nothing(
    service: str, desk_on: OpenDesk
) -> None:
    async with desk_on(service) as desk:
        customer = desk.customer("Two Minds", phone="555 0101")
        assert (await desk.push(Kind.CUSTOMER, customer)).clean
        there = desk.there(Kind.CUSTOMER, customer)
        desk.clock.advance(5)
        desk.edit_there("customer", there, {"phone": "555 0177"}, fault="D14")
        desk.clock.advance(5)
        desk.write(update_customer, customer, CustomerDraft(display_name="Two Minds", phone="555 0102"))
        for _ in range(2):
            await desk.push(Kind.CUSTOMER, customer)
            row = desk.status(Kind.CUSTOMER, customer)
            assert row is not None and row.state == "conflict" and row.extra["fields"] == ["phone"]
            assert desk.told(Kind.CUSTOMER, customer)[0] == "show_difference"
        now = next(one for one in desk.world.books()["customers"] if one["id"] == there)
        assert now["phone"] == "555 0177", "nothing is written until the owner decides"
        await keep_ours(await desk.core.require_company(), Kind.CUSTOMER, customer)
        await desk.settle()
        now = next(one for one in desk.world.books()["customers"] if one["id"] == there)
        assert now["phone"] == "555 0102"
        assert desk.outcome(Kind.CUSTOMER, customer) == "Done", desk.told(Kind.CUSTOMER, customer)
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("how", ["void", "delete"])
async def test_D4_an_invoice_gone_there_is_shown_and_never_repaired(service: str, how: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        invoice = await synced(desk)
        desk.edit_there("invoice", desk.there(Kind.INVOICE, invoice), how, fault="D4")
        desk.reprice(invoice, "90")
        for _ in range(2):
            await desk.sync(invoice)
            fix, said = desk.told(Kind.INVOICE, invoice)
            assert fix == "link_invoice" and "D-1" in said
            desk.clock.advance(3600)
        assert len(made(desk.world, "invoice")) == 1 and not desk.remote("D-1")
        desk.quiet()
        await unlink(await desk.core.require_company(), Kind.INVOICE, invoice, create_again=True)  # the owner's yes
        await desk.settle()
        if desk.outcome(Kind.INVOICE, invoice) != "Done":  # the void one still holds the number there
            assert desk.told(Kind.INVOICE, invoice)[0] in ("change_number", "link_invoice")
            desk.write(change_number, invoice, "D-1b")
            assert (await desk.sync(invoice)).clean
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("how", ["archive", "merge"])
async def test_D4_a_customer_gone_there_is_told_not_followed(service: str, how: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        first = await synced(desk)
        customer, _ = parts(desk, first)
        there = desk.there(Kind.CUSTOMER, customer)
        change: Any = how
        if how == "merge":
            other = desk.edit_there("customer", "", {"create": {"display_name": "The Survivor"}})
            change = {"merge": other["id"]}
            desk.world.yes.add(("invoice", desk.there(Kind.INVOICE, first)))  # it moved along
        desk.edit_there("customer", there, change, fault="D4")
        second = again(desk, first, "D-2", "30")
        await desk.sync(second)
        if desk.outcome(Kind.INVOICE, second) == "Done":
            assert how == "archive" and is_live("invoice", desk.remote("D-2")[0]), "an archived one may be billed there"
        else:
            fix, _said = desk.told(Kind.INVOICE, second)
            assert fix == "link_customer" and not desk.remote("D-2")
        assert desk.there(Kind.CUSTOMER, customer) == there, "followed only after a yes"


@pytest.mark.parametrize("service", ALL)
async def test_D4_a_payment_whose_customer_is_gone_waits_for_the_owner_and_is_never_forgotten(
    service: str, desk_on: OpenDesk
) -> None:
    """That the payment itself is alive there settles nothing: our change to it has not been taken."""
    async with desk_on(service) as desk:
        invoice = desk.bill("D-1", "297", paid="297")
        payment = 1
        await desk.sync(invoice)
        desk.edit_there("customer", desk.there(Kind.CUSTOMER, parts(desk, invoice)[0]), "archive", fault="D4")
        desk.write(update_payment, payment, PaymentDraft(invoice, DAY, Decimal("99"), "check", "less"))
        for _ in range(2):
            await desk.core.sync_now()
            open_there = desk.remote("D-1")[0]["balance"]
            if open_there == "198.00":  # taken all the same: an archived customer may be paid for there
                assert desk.outcome(Kind.PAYMENT, payment) == "Done"
            else:
                _fix, said = desk.told(Kind.PAYMENT, payment)
                assert "D-1" not in said, "it is not the payment that is gone"


# --- accounts, fields, rules -------------------------------------------------------------------------------


@pytest.mark.parametrize("service", MAPPED)
async def test_D5_M72_without_an_account_nothing_is_called(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        item = desk.item("Attic fan", mapped=False)
        invoice = desk.invoice(desk.customer("Nobody Yet"), (item, "1", "20"), number="D-5")
        calls = len(desk.world.calls())
        await desk.sync(invoice)
        desk.control.hit("D5")
        fix, said = desk.told(Kind.INVOICE, invoice)
        assert fix == "open_mapping" and "Attic fan" in said
        assert len(desk.world.calls()) == calls, "not even its customer (I8)"
        view = await desk.core.ask(mapping_view, desk.key)
        await desk.core.do(save_mapping, desk.key, apply_to_unmapped(view, view.accounts[0].external_id))
        await desk.settle()  # what waited goes by itself
        assert len(desk.remote("D-5")) == 1
        desk.quiet()


@pytest.mark.parametrize("service", MAPPED)
async def test_D6_an_archived_account_is_refused_before_the_write(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        invoice = desk.bill("D-6")
        desk.edit_there("account", desk.income, "archive", fault="D6")
        await refresh_settings(await desk.core.require_company(), force=True)
        await desk.sync(invoice)
        fix, _ = desk.told(Kind.INVOICE, invoice)
        assert fix == "open_mapping" and not writes(desk.world)


@pytest.mark.parametrize("service", MAPPED)
async def test_D6_an_account_archived_since_is_the_services_own_word(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        await synced(desk)
        desk.arm({"id": "D6", "op": "create_item", "params": {"id": desk.income}})
        invoice = desk.bill("D-7")
        await desk.sync(invoice)
        assert desk.hits("D6") == 1
        if desk.outcome(Kind.INVOICE, invoice) != "Done":
            assert desk.told(Kind.INVOICE, invoice)[0] == "open_mapping"
            assert not desk.remote("D-7")
        desk.quiet()


FIELDS = {
    "create_customer": ("customer", "edit_customer"),
    "create_item": ("item", "edit_item"),
    "create_invoice": ("invoice", "edit_invoice"),
    "create_payment": ("payment", "edit_payment"),
}


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("fault", ["D7", "D8"])
@pytest.mark.parametrize("op", FIELDS)
async def test_D7_D8_one_refused_field_names_itself_and_stops_no_sibling(
    service: str, fault: str, op: str, desk_on: OpenDesk
) -> None:
    async with desk_on(service) as desk:
        first, second = desk.bill("D-1", "80", paid="30"), desk.bill("D-2", "70", paid="20")
        desk.arm({"id": fault, "op": op})
        await desk.sync(first, second)
        assert desk.hits(fault) == 1
        states = {desk.outcome(Kind.INVOICE, one) for one in (first, second)}
        assert "Done" in states, "the sibling goes on"
        with desk.core.db.read() as session:
            from sqlalchemy import select

            from desktop.models.work import SyncStatus

            troubled = session.scalars(select(SyncStatus).where(SyncStatus.state == "needs_you")).all()
        assert troubled, "somebody has to be told"
        for row in troubled:
            fix, _ = desk.told(Kind(row.kind), row.local_id)
            assert fix not in ("none", "")
        desk.holds()
        report = await desk.sync(first, second)  # Resync: the rule is gone
        await desk.settle()
        assert report.clean, report
        assert [desk.remote(n)[0]["balance"] for n in ("D-1", "D-2")] == ["50.00", "50.00"]
        assert not desk.bells()
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_D9_N5_another_total_is_never_green_and_both_are_named(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        invoice = desk.bill("D-9")
        desk.arm({"id": "D9", "op": "create_invoice", "params": {"cents": 1}})
        await desk.sync(invoice)
        assert desk.hits("D9") == 1
        fix, said = desk.told(Kind.INVOICE, invoice)
        assert fix == "show_difference" and "80.00" in said and "80.01" in said
        for _ in range(2):
            desk.clock.advance(3600)
            await desk.core.runner.drain(everything=True)
            assert desk.outcome(Kind.INVOICE, invoice) == "NeedsYou"
        assert len(made(desk.world, "invoice")) == 1
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_D11_more_than_is_still_owed_there_is_never_booked_in_silence(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        invoice = await synced(desk)
        desk.edit_there("invoice", desk.there(Kind.INVOICE, invoice), {"pay": "60.00"}, fault="D11")
        payment = desk.pay(invoice, "50")
        await desk.sync(invoice)
        assert "NeedsYou" in (desk.outcome(Kind.INVOICE, invoice), desk.outcome(Kind.PAYMENT, payment))
        troubled = Kind.INVOICE if desk.outcome(Kind.INVOICE, invoice) == "NeedsYou" else Kind.PAYMENT
        desk.told(troubled, invoice if troubled is Kind.INVOICE else payment)
        assert len(made(desk.world, "payment")) <= 1


@pytest.mark.parametrize("service", CLOSING)
async def test_D12_a_period_closed_since_is_told_and_not_tried_again(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        invoice = desk.bill("D-12")
        desk.arm({"id": "D12", "op": "create_invoice", "params": {"until": "2026-11-30"}})
        await desk.sync(invoice)
        assert desk.hits("D12") == 1
        fix, said = desk.told(Kind.INVOICE, invoice)
        assert fix == "edit_invoice" and "closed" in said
        calls = len(writes(desk.world))
        for _ in range(3):
            desk.clock.advance(3600)
            await desk.core.runner.drain(everything=True)
        assert len(writes(desk.world)) == calls and not made(desk.world, "invoice")
        desk.control.settings(service, book_close_date="")
        assert (await desk.sync(invoice)).clean
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_D13_a_foreign_currency_leaves_no_customer_behind(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        if (await desk.core.require_company()).provider.key is ProviderKey.FRESHBOOKS:
            pytest.skip("FreshBooks bills in any currency")
        invoice = desk.invoice(desk.customer("Euro Only"), (desk.item("Any"), "1", "20"), number="D-13", currency="EUR")
        await desk.sync(invoice)
        desk.control.hit("D13")
        fix, said = desk.told(Kind.INVOICE, invoice)
        assert fix == "edit_invoice" and "EUR" in said
        assert not writes(desk.world)
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("op", ["create_invoice", "create_payment", "update_invoice"])
async def test_D15_a_yes_without_effect_is_found_and_sent_again(service: str, op: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        paid = "" if op == "update_invoice" else "30"  # Xero lets nobody change an invoice that has a payment
        invoice = desk.bill("D-15", "80", paid=paid)
        if op == "update_invoice":
            assert (await desk.sync(invoice)).clean
            desk.reprice(invoice, "90")
        desk.arm({"id": "D15", "op": op})
        await desk.sync(invoice)
        assert desk.hits("D15") == 1
        troubled = [kind for kind in (Kind.INVOICE, Kind.PAYMENT) if desk.outcome(kind, 1) == "NeedsYou"]
        assert troubled or desk.outcome(Kind.INVOICE, invoice) != "Done", "never green"
        for kind in troubled:
            desk.told(kind, 1)
        desk.control.clear_faults()
        report = await desk.sync(invoice)
        await desk.settle()
        assert report.clean or not report.refused, report
        (there,) = desk.remote("D-15")
        assert there["balance"] == ("90.00" if op == "update_invoice" else "50.00")
        assert desk.outcome(Kind.INVOICE, invoice) == "Done"
        desk.quiet()
        await check_idle(desk.world, lambda: desk.sync(invoice))


async def test_D15_names_that_freshbooks_takes_from_the_whole_name_are_written_once(
    desk_on: OpenDesk, control: Control
) -> None:
    """First and last name emptied here: FreshBooks keeps both, and neither a card nor a further write comes of it."""
    async with desk_on("freshbooks") as desk:
        customer = desk.customer("Cora Reed", given_name="Cora", family_name="Reed")
        invoice = desk.invoice(customer, (desk.item("Work", "80"), "1", "80"), number="F-1")
        await desk.sync(invoice)
        desk.write(update_customer, customer, CustomerDraft("Cora Reed"))
        writes = []
        for _ in range(3):
            before = len(control.ledger())
            assert (await desk.core.sync_now()).clean
            writes.append([entry["op"] for entry in control.ledger()[before:] if entry["changed"]])
        assert writes == [["update_customer"], [], []]
        desk.quiet()
