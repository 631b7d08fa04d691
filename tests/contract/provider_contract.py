"""What every provider does, whatever its service: one test for each sentence of the contract in `providers.base`.

What is skipped is decided by the provider's capabilities alone and says why. The other side's own books, in neutral
words, are the judge; what a provider says of itself counts only beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import fields, replace
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

import pytest

from desktop.errors import ConnectionProblem, ItemError, NeedsSignIn, RateLimited, StaleVersion
from desktop.providers.base import Action, InDoubt, Linked, NotSent, Refused
from desktop.providers.records import (
    AccountKind,
    Allocation,
    CustomerRecord,
    Found,
    InvoiceRecord,
    Kind,
    Lookup,
    PaymentLookup,
    PaymentRecord,
)
from tests.contract.sides import DUE, ISSUED, PAID, Made, marker, step

Opened = Callable[[], AbstractAsyncContextManager[Made]]

HOSTILE = {
    "quotes": "Pat \"Ace\" O'Neil's",
    "markup": "<b>Bold</b> & Sons &amp; <script>alert(1)</script>",
    "emoji": "Zoë 🚿 Łukasz 水道",
    "query": "100% _ * \\ {0} $name' OR 1=1 --",
    "right to left": "\u200fشركة النور",
    "two spaces": "Anna  Maria",
    "forbidden": "Smith: Garage",
    "control": "Ding\x07Dong",
    "lines": "One\nTwo",
}


async def read(pages: Any) -> list[Any]:
    return [record async for page in pages for record in page.records]


def undone(row: dict[str, Any] | None) -> bool:
    """Voided or, at services that know no voiding, gone."""
    return row is None or row["status"] in ("void", "voided", "deleted")


class ProviderContract:
    """The suite; `opened` connects the provider that is tested."""

    # --- reading ---

    async def test_settings_name_the_company_and_what_can_be_booked_on(self, opened: Opened) -> None:
        async with opened() as made:
            books, able = made.side.books(), made.provider.capabilities
            assert made.settings.company.name == books["company"]["name"]
            assert made.settings.company.external_id == books["company"]["id"]
            assert made.settings.home_currency == books["company"]["currency"]
            taxes = {one.external_id: one for one in made.settings.tax_codes}
            assert taxes and set(taxes) <= {row["id"] for row in books["tax_codes"]}
            if able.deposit_account_required:
                assert made.account(AccountKind.DEPOSIT)
            if able.payment_methods:
                assert made.settings.payment_methods

    async def test_income_accounts_are_those_of_the_books(self, opened: Opened) -> None:
        async with opened() as made:
            if not made.provider.capabilities.income_accounts:
                pytest.skip("capability income_accounts: this service books lines on an account of its own")
            rows = {row["id"]: row for row in made.side.books()["accounts"]}
            income = [one for one in made.settings.accounts if one.kind is AccountKind.INCOME]
            assert any(one.active for one in income)
            assert {one.external_id: one.active for one in income} == {
                one.external_id: rows[one.external_id]["active"] for one in income
            }

    async def test_L2_lists_hold_every_record_once_and_inactive_ones_too(self, opened: Opened) -> None:
        async with opened() as made:
            provider, books = made.provider, made.side.books()
            customers, items = await read(provider.customers()), await read(provider.items())
            for found, name in (
                (customers, "customers"),
                (items, "items"),
                (await read(provider.invoices()), "invoices"),
                (await read(provider.payments()), "payments"),
            ):
                ids = [one.external_id for one in found]
                assert len(set(ids)) == len(ids) and set(ids) == {row["id"] for row in books[name]}, name
                assert all(one.version is not None for one in found), name
            for found, name in ((customers, "customers"), (items, "items")):
                active = {row["id"]: row["active"] for row in books[name]}
                assert {one.external_id: one.active for one in found} == active, name
            assert not all(one.active for one in customers)

    async def test_N5_sums_of_listed_invoices_are_those_of_the_books(self, opened: Opened) -> None:
        async with opened() as made:
            rows = {row["id"]: row for row in made.side.books()["invoices"]}
            for bill in await read(made.provider.invoices()):
                row = rows[bill.external_id]
                assert bill.number == row["number"] and bill.customer_id == row["customer_id"]
                assert bill.issued_on.isoformat() == row["date"]
                if not bill.voided:
                    assert (bill.total, bill.balance) == (Decimal(row["total"]), Decimal(row["balance"])), bill.number

    async def test_find_of_nothing_asks_nothing_and_finds_nothing(self, opened: Opened) -> None:
        async with opened() as made:
            before = made.side.calls
            assert await made.provider.find(Lookup()) == Found()
            assert made.side.calls == before
            nobody = Lookup(("No Such Customer",), ("No such item",), ("NO-1",))
            assert await made.provider.find(nobody) == Found()

    # --- the whole way ---

    async def test_M62_M67_M76_M88_from_customer_to_payment(self, opened: Opened) -> None:
        async with opened() as made:
            who = await made.named(email="nora@example.com", phone="512-555-0144")
            what = await made.done(made.item())
            lines = made.line(what), made.line(what, "0.5", "10.00")
            bill = await made.done(made.invoice(who, *lines))
            paid = await made.done(made.payment(bill))
            assert all(one.version is not None for one in (who, what, bill, paid))
            question = PaymentLookup(who.external_id, PAID, "1886", (bill.external_id,))
            found = await made.provider.find(Lookup(("nora stone",), ("SKYLIGHT",), ("B-1",), (question,)))
            [customer], [item], [invoice], [payment] = found.customers, found.items, found.invoices, found.payments
            assert (customer.external_id, customer.display_name) == (who.external_id, "Nora Stone")
            assert (customer.email, customer.phone) == ("nora@example.com", "512-555-0144")
            assert (item.external_id, item.name, item.unit_price) == (what.external_id, "Skylight", Decimal("120.05"))
            assert (invoice.external_id, invoice.number, invoice.memo) == (bill.external_id, "B-1", "Thank you")
            assert (invoice.customer_id, invoice.issued_on, invoice.due_on) == (who.external_id, ISSUED, DUE)
            assert [(one.quantity, one.unit_price, one.amount) for one in invoice.lines] == [
                (one.quantity, one.unit_price, one.amount) for one in lines
            ]
            assert (invoice.total, invoice.balance, invoice.draft) == (Decimal("245.10"), Decimal("145.10"), False)
            assert (payment.external_id, payment.amount, payment.paid_on) == (paid.external_id, Decimal(100), PAID)
            assert payment.allocations == (Allocation(bill.external_id, Decimal("100.00")),)
            assert (payment.reference, payment.marker) == ("1886", marker("paid B-1"))
            if made.provider.capabilities.invoice_stamps:
                assert invoice.marker == marker("B-1")
            by_id = await made.provider.find(
                Lookup(
                    customer_ids=(who.external_id,),
                    item_ids=(what.external_id,),
                    invoice_ids=(bill.external_id,),
                    payment_ids=(paid.external_id,),
                )
            )
            assert by_id.customers == found.customers and by_id.items == found.items
            assert by_id.invoices == found.invoices
            [same] = by_id.payments
            assert same.external_id == payment.external_id
            assert all(
                getattr(same, one.name) in (None, getattr(payment, one.name)) for one in fields(PaymentRecord)
            ), same  # what one way of asking does not tell is unknown, never another value
            assert len(made.rows("customers", display_name="Nora Stone")) == 1

    async def test_N5_totals_tax_and_balance_are_those_of_the_books(self, opened: Opened) -> None:
        async with opened() as made:
            rate = next(one for one in made.settings.tax_codes if one.active and one.rate)
            who = await made.named()
            what = await made.done(made.item(taxable=True))
            line = made.line(what, taxable=True, tax_code_id=rate.external_id)
            discount = {"discount": Decimal("24.01"), "discount_percent": Decimal(10)}
            bill = await made.done(made.invoice(who, line, **discount))
            await made.done(made.payment(bill))
            [again] = (await made.provider.find(Lookup(invoice_ids=(bill.external_id,)))).invoices
            [row] = made.rows("invoices", number="B-1")
            assert bill.discount == Decimal("24.01") and bill.tax_total > 0
            assert bill.total == bill.balance == again.total == Decimal(row["total"])
            assert bill.total == Decimal("216.09") + bill.tax_total and bill.tax_total == Decimal(row["tax"])
            assert again.balance == bill.total - 100 == Decimal(row["balance"])

    async def test_I6_an_update_writes_only_what_it_names(self, opened: Opened) -> None:
        async with opened() as made:
            who = await made.named(email="nora@example.com", phone="512-555-0144")
            await made.later()
            made.side.edit(Kind.CUSTOMER, who.external_id or "", {"phone": "512-555-0199"})
            [now] = (await made.provider.find(Lookup(customer_ids=(who.external_id or "",)))).customers
            ours = replace(who, version=now.version, email="stone@example.com", given_name="Wrong")
            changed = await made.done(ours, Action.UPDATE, "email")
            assert (changed.email, changed.phone) == ("stone@example.com", "512-555-0199")
            [row] = made.rows("customers", id=who.external_id)
            assert (row["email"], row["phone"]) == ("stone@example.com", "512-555-0199")
            assert row["display_name"] == "Nora Stone"

    async def test_I6_an_invoices_due_date_changes_and_the_bookkeepers_words_stay(self, opened: Opened) -> None:
        async with opened() as made:
            bill = await made.billed()
            await made.later()
            made.side.edit(Kind.INVOICE, bill.external_id or "", {"memo": "By the bookkeeper"})
            [now] = (await made.provider.find(Lookup(invoice_ids=(bill.external_id or "",)))).invoices
            day = DUE + timedelta(days=9)
            changed = await made.done(replace(bill, version=now.version, due_on=day), Action.UPDATE, "due_on")
            assert (changed.due_on, changed.memo, changed.total) == (day, "By the bookkeeper", bill.total)
            [row] = made.rows("invoices", number="B-1")
            assert (row["due_date"], row["memo"]) == (day.isoformat(), now.memo and row["memo"])
            assert row["memo"].startswith("By the bookkeeper") and Decimal(row["total"]) == bill.total

    async def test_I6_an_items_price_changes_and_the_bookkeepers_words_stay(self, opened: Opened) -> None:
        async with opened() as made:
            what = await made.done(made.item())
            await made.later()
            made.side.edit(Kind.ITEM, what.external_id, {"description": "By the bookkeeper"})
            [now] = (await made.provider.find(Lookup(item_ids=(what.external_id,)))).items
            ours = replace(what, version=now.version, unit_price=Decimal("99.50"))
            changed = await made.done(ours, Action.UPDATE, "unit_price")
            assert (changed.unit_price, changed.description) == (Decimal("99.50"), "By the bookkeeper")
            [row] = made.rows("items", id=what.external_id)
            assert (Decimal(row["unit_price"]), row["description"]) == (Decimal("99.50"), "By the bookkeeper")
            assert row["name"] == "Skylight"

    async def test_void_of_a_payment_and_of_an_invoice(self, opened: Opened) -> None:
        async with opened() as made:
            bill = await made.billed()
            paid = await made.done(made.payment(bill))
            [outcome] = await made.send(step(paid, Action.VOID))
            assert isinstance(outcome, Linked), outcome
            assert undone(next(iter(made.rows("payments", id=paid.external_id)), None))
            [row] = made.rows("invoices", number="B-1")
            assert row["balance"] == row["total"] == "240.10"
            [again] = (await made.provider.find(Lookup(invoice_ids=(bill.external_id or "",)))).invoices
            [outcome] = await made.send(step(again, Action.VOID))
            assert isinstance(outcome, Linked), outcome
            assert undone(next(iter(made.rows("invoices", id=bill.external_id)), None))
            left = (await made.provider.find(Lookup(invoice_ids=(bill.external_id or "",)))).invoices
            assert all(one.voided for one in left)

    # --- refusals ---

    async def test_D3_a_stale_version_is_refused(self, opened: Opened) -> None:
        async with opened() as made:
            if not made.provider.capabilities.refuses_stale:
                pytest.skip("capability refuses_stale: this service knows no versions, callers compare before")
            who = await made.named(phone="512-555-0144")
            await made.later()
            made.side.edit(Kind.CUSTOMER, who.external_id or "", {"phone": "512-555-0199"})
            [outcome] = await made.send(step(replace(who, phone="512-555-0100"), Action.UPDATE, "phone"))
            assert isinstance(outcome, Refused) and isinstance(outcome.error, StaleVersion), outcome
            assert made.rows("customers", id=who.external_id)[0]["phone"] == "512-555-0199"

    async def test_one_bad_element_is_refused_and_the_others_are_linked(self, opened: Opened) -> None:
        async with opened() as made:
            if made.provider.capabilities.batch == 1:
                pytest.skip("capability batch: this service takes one record in a call")
            gone, who = await made.named("Gone Ltd"), await made.named()
            what = await made.done(made.item())
            made.side.edit(Kind.CUSTOMER, gone.external_id or "", "archive")
            steps = [
                step(made.invoice(payer, made.line(what), number=f"B-{at}"), ref=f"invoice:{at}")
                for at, payer in enumerate((who, gone, who))
            ]
            found = await made.send(*steps)
            assert [type(one) for one in found] == [Linked, Refused, Linked], found
            assert isinstance(found[1], Refused) and isinstance(found[1].error, ItemError)
            assert [len(made.rows("invoices", number=f"B-{at}")) for at in range(3)] == [1, 0, 1]

    @pytest.mark.parametrize("field", ["name", "forbidden", "email", "number", "memo", "lines"])
    async def test_I8_I21_check_refuses_what_the_service_would(self, opened: Opened, field: str) -> None:
        async with opened() as made:
            able, before = made.provider.capabilities, made.side.calls
            who = CustomerRecord("Nora Stone", external_id="1")
            line = made.line(replace(made.item(), external_id="1"))
            records: dict[str, tuple[Any, Any]] = {
                "name": (CustomerRecord("x" * able.name_max), CustomerRecord("x" * (able.name_max + 1))),
                "email": (
                    replace(who, email="n@example.com"),
                    replace(who, email="n" * able.email_max + "@example.com"),
                ),
                "number": (
                    made.invoice(who, line, number="9" * able.invoice_number_max),
                    made.invoice(who, line, number="9" * (able.invoice_number_max + 1)),
                ),
                "memo": (
                    made.invoice(who, line, memo="x" * able.memo_max),
                    made.invoice(who, line, memo="x" * (able.memo_max + 1)),
                ),
                "lines": (
                    made.invoice(who, *[line] * able.lines_max),
                    made.invoice(who, *[line] * (able.lines_max + 1)),
                ),
                "forbidden": (who, CustomerRecord(f"Nora{able.name_forbidden[:1]}Stone")),
            }
            if field == "forbidden" and not able.name_forbidden:
                pytest.skip("capability name_forbidden: this service's names may hold every character")
            good, bad = records[field]
            assert made.provider.check(step(good)) is None
            problem = made.provider.check(step(bad))
            assert isinstance(problem, ItemError) and problem.title
            with pytest.raises(ItemError):
                made.provider.prepare([step(bad)])
            assert made.side.calls == before

    async def test_I21_a_number_of_the_full_length_arrives_whole(self, opened: Opened) -> None:
        async with opened() as made:
            number = "N" + "7" * (made.provider.capabilities.invoice_number_max - 1)
            assert (await made.billed(number=number)).number == number
            assert len(made.rows("invoices", number=number)) == 1
            [found] = (await made.provider.find(Lookup(invoice_numbers=(number,)))).invoices
            assert found.number == number

    @pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
    async def test_I21_hostile_names_arrive_identical_or_are_refused_before(self, opened: Opened, name: str) -> None:
        async with opened() as made:
            wanted = step(CustomerRecord(name, marker=marker(name)))
            if (problem := made.provider.check(wanted)) is not None:
                assert problem.title
                return
            [outcome] = await made.send(wanted)
            assert isinstance(outcome, Linked), outcome
            assert outcome.record.display_name == name  # type: ignore[union-attr]
            assert len(made.rows("customers", display_name=name)) == 1
            found = (await made.provider.find(Lookup(customer_names=(name, "Nobody At All")))).customers
            assert [one.display_name for one in found] == [name]

    # --- once means once ---

    async def test_I1_the_same_call_with_the_same_key_leaves_one_record(self, opened: Opened) -> None:
        async with opened() as made:
            if not made.provider.capabilities.native_keys:
                pytest.skip("capability native_keys: this service remembers no keys, look-ups decide instead")
            bill = await made.billed()
            [call] = made.provider.prepare([step(made.payment(bill))])
            first, second = [(await made.provider.send(call, "k" * 32))[0] for _ in range(2)]
            assert isinstance(first, Linked) and isinstance(second, Linked), (first, second)
            assert first.record.external_id == second.record.external_id
            paying = [
                row for row in made.rows("payments")
                if any(part["invoice_id"] == bill.external_id for part in row["allocations"])
            ]  # fmt: skip
            assert len(paying) == 1

    async def test_I3_N1_a_lost_reply_is_in_doubt_or_settled_and_a_look_up_finds_it(self, opened: Opened) -> None:
        async with opened() as made:
            who = await made.named()
            what = await made.done(made.item())
            wanted = step(made.invoice(who, made.line(what)))
            made.side.lose_reply("create_invoice")
            [call] = made.provider.prepare([wanted])
            [outcome] = await made.provider.send(call, "a" * 32)
            assert isinstance(outcome, InDoubt | Linked), outcome
            assert made.side.struck == 1
            [found] = (await made.provider.find(Lookup(invoice_numbers=("B-1",)))).invoices
            [row] = made.rows("invoices", number="B-1")
            assert found.external_id == row["id"] and found.total == Decimal("240.10")
            if isinstance(outcome, Linked):
                assert outcome.record.external_id == row["id"]
            elif made.provider.capabilities.native_keys:
                [again] = await made.provider.send(call, "a" * 32)
                assert isinstance(again, Linked) and again.record.external_id == row["id"], again
            assert len(made.rows("invoices", number="B-1")) == 1

    async def test_I3_N1_a_lost_reply_to_a_payment_is_found_by_its_stamp(self, opened: Opened) -> None:
        async with opened() as made:
            bill = await made.billed()
            wanted = made.payment(bill)
            made.side.lose_reply("create_payment")
            [outcome] = await made.send(step(wanted))
            assert isinstance(outcome, InDoubt | Linked) and made.side.struck == 1, outcome
            question = PaymentLookup(bill.customer_id, PAID, "1886", (bill.external_id or "",))
            [found] = (await made.provider.find(Lookup(payments=(question,)))).payments
            assert isinstance(found, PaymentRecord) and found.marker == wanted.marker
            assert made.rows("invoices", number="B-1")[0]["balance"] == "140.10"

    async def test_I1_N2_a_call_that_never_arrived_is_not_taken_for_done(self, opened: Opened) -> None:
        async with opened() as made:
            who = await made.named()
            what = await made.done(made.item())
            [call] = made.provider.prepare([step(made.invoice(who, made.line(what)))])
            made.side.lose_call("create_invoice")
            [outcome] = await made.provider.send(call, "a" * 32)
            assert made.side.struck == 1
            if isinstance(outcome, Linked):  # tried again by itself, as it may where nothing can double
                assert made.provider.capabilities.native_keys
            else:
                assert isinstance(outcome, InDoubt | NotSent), outcome
                assert (await made.provider.find(Lookup(invoice_numbers=("B-1",)))).invoices == ()
                assert not made.rows("invoices", number="B-1")
                [outcome] = await made.provider.send(call, "a" * 32)
            assert isinstance(outcome, Linked), outcome
            [row] = made.rows("invoices", number="B-1")
            assert row["id"] == outcome.record.external_id

    @pytest.mark.parametrize("seconds", [7, 900])
    async def test_I14_H1_a_service_that_is_busy_never_makes_two(self, opened: Opened, seconds: int) -> None:
        async with opened() as made:
            made.side.limit("create_customer", seconds)
            [outcome] = await made.send(step(CustomerRecord("Once Only", marker=marker("Once Only"))))
            there = len(made.rows("customers", display_name="Once Only"))
            assert made.side.struck == 1 and made.side.inside_demanded_wait == 0
            if isinstance(outcome, NotSent):
                assert isinstance(outcome.problem, RateLimited) and there == 0
                assert outcome.problem.until is not None and outcome.problem.until.tzinfo is not None
            else:
                assert isinstance(outcome, Linked) and there == 1, outcome

    # --- what others did, and the end ---

    async def test_a_hand_edit_is_reported(self, opened: Opened) -> None:
        async with opened() as made:
            bill = await made.billed()
            await made.later(120)
            since = made.clock.now().astimezone(UTC)
            await made.later(120)
            made.side.edit(Kind.INVOICE, bill.external_id or "", {"memo": "By the bookkeeper"})
            made.side.edit(Kind.CUSTOMER, bill.customer_id, {"phone": "512-555-0199"})
            changes = await made.provider.changes(since)
            customers: list[CustomerRecord] = list(changes.customers)
            invoices: list[InvoiceRecord] = list(changes.invoices)
            if not changes.complete:  # the lists are asked instead
                customers, invoices = (
                    await read(made.provider.customers(since)), await read(made.provider.invoices(since)),
                )  # fmt: skip
            assert changes.cursor is not None and changes.cursor.tzinfo is not None
            assert {one.external_id: one.phone for one in customers}[bill.customer_id] == "512-555-0199"
            [told] = [one for one in invoices if one.external_id == bill.external_id]
            assert told.memo == "By the bookkeeper"

    async def test_revoke_ends_the_grant(self, opened: Opened) -> None:
        async with opened() as made:
            assert await made.revoke()
            with pytest.raises(ConnectionProblem) as caught:
                await made.provider.settings()
            assert isinstance(caught.value, NeedsSignIn)
            [outcome] = await made.send(step(CustomerRecord("Too Late")))
            assert isinstance(outcome, NotSent) and isinstance(outcome.problem, NeedsSignIn), outcome
            assert not made.rows("customers", display_name="Too Late")
