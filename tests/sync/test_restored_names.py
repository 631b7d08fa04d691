"""Books put back from a copy, and what was renamed or moved there since: who is who is proven (S4, I1)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from desktop.books import customers, invoices, items, queries
from desktop.books.customers import CustomerDraft
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.items import ItemDraft
from desktop.core import Core
from desktop.models.connection import ExternalLink
from desktop.models.customer import Customer
from desktop.models.item import Item
from desktop.models.states import Switches
from desktop.providers.base import marker_for
from desktop.providers.records import (
    CompanyRef,
    CompanySettings,
    CustomerRecord,
    Found,
    InvoiceRecord,
    Kind,
    LineRecord,
)
from desktop.sync import mapping
from desktop.sync.asking import Answers
from desktop.sync.looking import stamped
from desktop.sync.planning import Ours, Work
from desktop.sync.schedule import Wish


async def links(core: Core) -> dict[tuple[str, int], str]:
    return await core.ask(
        lambda session: {(one.kind, one.local_id): one.external_id for one in session.scalars(select(ExternalLink))}
    )


async def test_like_lines_in_another_order_there_swap_no_items(send: Any) -> None:
    """Both items are there under their own names: what stands on a line says nothing against that."""
    async with send(("Valve change", 100), ("Boiler check", 100)) as (_core, sent):
        pass
    sent.relined((1, 0))
    before = sent.control.books()["items"]
    async with sent.back() as core:
        assert (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
        there = {one["id"]: one["name"] for one in sent.control.books()["items"]}
        linked = await links(core)
        assert [there[linked[("item", one)]] for one in sent.items] == ["Valve change", "Boiler check"]
        assert sent.control.books()["items"] == before, "the bookkeeper's accounts are as they were"


async def test_a_line_moved_there_to_another_of_our_items_ends_nowhere(send: Any) -> None:
    async with send(("Valve change", 100), ("Labour", 100), ready="Labour") as (core, sent):
        labour = (await links(core))[("item", sent.items[1])]
    line = {key: sent.there()["lines"][0][key] for key in ("quantity", "unit_price", "amount")}
    sent.control.edit("invoice", sent.there()["id"], {"lines": [{**line, "item_id": labour}]})
    before = sent.counts()
    async with sent.back() as core:
        assert (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
        assert sent.counts() == before


async def test_an_item_made_anew_there_under_its_name_is_the_one(send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    old = next(one for one in sent.control.books()["items"] if one["name"] == "Valve change")
    sent.control.edit("item", old["id"], "archive")
    sent.control.edit("item", old["id"], {"name": "Valve change (deleted)"})
    new = {key: old[key] for key in ("name", "income_account_id", "unit_price", "type")}
    sent.control.edit("item", "", {"create": new})
    async with sent.back() as core:
        assert (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
        assert (await links(core))[("item", sent.items[0])] != old["id"]


async def test_one_item_there_on_two_lines_is_not_two_of_ours(send: Any) -> None:
    async with send(("Valve change", 100), ("Boiler check", 150)) as (_core, sent):
        pass
    first = sent.there()["lines"][0]["item_id"]
    lines = [
        {key: line[key] for key in ("quantity", "unit_price", "amount")} | {"item_id": first}
        for line in sent.there()["lines"]
    ]
    sent.control.edit("invoice", sent.there()["id"], {"lines": lines})
    before = sent.counts()
    async with sent.back() as core:
        assert (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
        assert sent.counts() == before


async def test_an_item_renamed_and_moved_to_another_account_is_told_as_nothing_wrong(send: Any) -> None:
    async with send(("Valve change", 100)) as (core, sent):
        await core.do(items.update_item, sent.items[0], ItemDraft("Later Name", unit_price=Decimal(100)))
        await core.do(mapping.save_mapping, await core.company_key(), {sent.items[0]: sent.accounts[1]})
    async with sent.back() as core:
        for _ in range(2):
            assert (await core.sync([(Kind.INVOICE, sent.invoice)])).clean


async def test_what_was_renamed_there_since_comes_in_and_is_not_written_over(send: Any) -> None:
    """No green where the two are called differently: the newer name, and the newer price, come in."""
    async with send(("Valve change", 100)) as (core, sent):
        await core.do(items.update_item, sent.items[0], ItemDraft("Later Name", unit_price=Decimal(120)))
        await core.do(customers.update_customer, sent.customer, CustomerDraft("Later Payer", phone="512 555 0199"))
    async with sent.back() as core:
        assert (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
        assert (await core.sync_now()).clean
        ours = await core.ask(lambda session: session.get_one(Item, sent.items[0]))
        assert (ours.name, ours.unit_price) == ("Later Name", 120)
        payer = await core.ask(lambda session: session.get_one(Customer, sent.customer))
        assert (payer.display_name, payer.phone) == ("Later Payer", "512 555 0199")
    books = sent.control.books()
    assert {one["name"] for one in books["items"]} & {"Later Name", "Valve change"} == {"Later Name"}
    assert not [one for one in books["customers"] if one["display_name"] == "Late Payer"]


async def test_an_invoice_moved_there_to_another_customer_makes_no_one_ours(send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    stranger = next(one for one in sent.control.books()["customers"] if one["id"] != sent.there()["customer_id"])
    own = sent.there()["customer_id"]
    sent.control.edit("invoice", sent.there()["id"], {"customer_id": stranger["id"]})
    async with sent.back() as core:
        for _ in range(2):
            await core.sync([(Kind.INVOICE, sent.invoice), (Kind.CUSTOMER, sent.customer)])
            await core.do(
                customers.update_customer, sent.customer, CustomerDraft("Late Payer", email="new@payer.example")
            )
        assert (await links(core)).get(("customer", sent.customer)) in (None, own)
    (now,) = [one for one in sent.control.books()["customers"] if one["id"] == stranger["id"]]
    assert now | {"balance": ""} == stranger | {"balance": ""}


@pytest.mark.parametrize("what", ["item", "customer"])
async def test_a_weekly_run_that_comes_first_makes_nobody_twice(what: str, send: Any) -> None:
    async with send(("Valve change", 100)) as (core, sent):
        if what == "item":
            await core.do(items.update_item, sent.items[0], ItemDraft("Later Name", unit_price=Decimal(100)))
        else:
            await core.do(customers.update_customer, sent.customer, CustomerDraft("Later Payer"))
    before = sent.counts()
    async with sent.back() as core:
        await core.runner.drain(wait_for_lease=True, wish=Wish(actor="owner"))
        for _ in range(2):
            report = await core.sync([(Kind.INVOICE, sent.invoice)])
        assert not report.refused
        assert sent.counts() == before
        names = await core.ask(lambda session: [*session.scalars(select(Item.name).where(Item.builtin.is_(False)))])
        assert len(names) == 1, names


@pytest.mark.parametrize("where", ["there", "here"])
async def test_an_invoice_with_another_number_is_made_once_after_a_weekly_run(where: str, send: Any) -> None:
    """The run that came first has tied it by its stamp, though it knew its customer by an older name alone."""
    async with send(("Valve change", 100)) as (core, sent):
        await core.do(customers.update_customer, sent.customer, CustomerDraft("Later Payer"))
    if where == "there":
        sent.control.edit("invoice", sent.there()["id"], {"number": "RN-1A"})
    before = sent.counts()
    async with sent.back() as core:
        await core.runner.drain(wait_for_lease=True, wish=Wish(actor="owner"))
        if where == "here":
            day = core.clock.now().astimezone().date()
            line = LineDraft(sent.items[0], "", Decimal(1), Decimal(100))
            draft = InvoiceDraft(sent.customer, day, day + timedelta(days=14), (line,), number="RN-1B")
            await core.do(invoices.update_invoice, sent.invoice, draft)
        await core.sync([(Kind.INVOICE, sent.invoice)])
        assert sent.counts() == before


async def test_an_invoice_taken_away_there_is_not_made_again_unasked(send: Any) -> None:
    async with send(("Valve change", 100)) as (core, sent):
        await core.do(customers.update_customer, sent.customer, CustomerDraft("Later Payer"))
    async with sent.back() as core:
        await core.runner.drain(wait_for_lease=True, wish=Wish(actor="owner"))
        sent.control.edit("invoice", sent.there()["id"], "delete")
        before = sent.counts()
        await core.sync_now()
        assert sent.counts() == before


# --- the proof itself ----------------------------------------------------------------------------------


DAY = date(2026, 1, 5)
LINE = LineRecord("", Decimal(1), Decimal(10), Decimal(10), "@item:1")


def work(*numbers: str) -> Work:
    """Ann, with an invoice of each number, nothing linked."""
    ours = [Ours(Kind.CUSTOMER, 1, "c", "Ann", 1, CustomerRecord("Ann"))]
    for n, number in enumerate(numbers, 1):
        record = InvoiceRecord(number, "@customer:1", DAY, (LINE,))
        ours.append(Ours(Kind.INVOICE, n, f"u{n}", number, 1, record, needs=("customer:1",)))
    targets = tuple(one.ref for one in ours if one.kind is Kind.INVOICE)
    settings = CompanySettings(CompanyRef("1", "x"), "USD", "US")
    return Work(targets, {one.ref: one for one in ours}, settings, Switches())


async def test_a_copy_of_an_invoice_made_there_is_no_evidence() -> None:
    """It keeps our stamp in its note, and bears another of our numbers and somebody else's name."""
    stamps = {"invoice:1": marker_for("u1"), "invoice:2": marker_for("u2")}
    for rows in (1, -1):
        found = Found(
            customers=(CustomerRecord("Ann", "63", "0"), CustomerRecord("Bob", "1", "0")),
            invoices=(
                InvoiceRecord("N1", "63", DAY, (LINE,), external_id="128", marker=stamps["invoice:1"]),
                InvoiceRecord("N2", "1", DAY, (LINE,), external_id="130", marker=stamps["invoice:1"]),
            )[::rows],
        )

        async def unasked(lookup: Any) -> Answers:
            raise AssertionError(lookup)

        _found, known, _unread = await stamped(unasked, work("N1", "N2"), found, stamps)
        assert known == {"customer:1": "63"}


@pytest.mark.parametrize("question", [("customer_ids", "63"), ("customer_names", "Ann")])
async def test_whom_nobody_can_read_is_not_made(question: tuple[str, str]) -> None:
    stamps = {"invoice:1": marker_for("u1")}
    found = Found(invoices=(InvoiceRecord("N1", "63", DAY, external_id="128", marker=stamps["invoice:1"]),))

    async def unreadable(lookup: Any) -> Answers:
        return Answers(Found(), frozenset({question}))

    _found, _known, unread = await stamped(unreadable, work("N1"), found, stamps)
    assert unread == {"customer:1"}


@pytest.mark.parametrize("renamed", [False, True])
async def test_what_was_paid_there_since_comes_in_after_a_weekly_run_that_came_first(renamed: bool, send: Any) -> None:
    """The run leaves an invoice whose customer nobody knows to the next sync; its payment is not forgotten (M69)."""
    async with send(("Valve change", 100)) as (core, sent):
        if renamed:
            await core.do(customers.update_customer, sent.customer, CustomerDraft("Later Payer"))
    there = sent.there()
    part = {"invoice_id": there["id"], "amount": "60"}
    payment = {"customer_id": there["customer_id"], "date": there["date"], "amount": "60", "allocations": [part]}
    sent.control.edit("payment", "", {"create": payment})
    paid = len(sent.control.books()["payments"])
    async with sent.back() as core:
        await core.runner.drain(wait_for_lease=True, wish=Wish(actor="owner"))
        for _ in range(2):
            await core.sync([(Kind.INVOICE, sent.invoice)])
            await core.sync_now()
        detail = await core.ask(queries.invoice_detail, sent.invoice, await core.company_key())
        assert detail.row.balance == 40
        assert len(sent.control.books()["payments"]) == paid


async def test_what_the_owner_edits_after_going_back_is_not_lost(send: Any) -> None:
    """The copy is older than what is there, and what is typed since is newer: that asks or leaves, it never goes."""
    async with send(("Valve change", 100)) as (core, sent):
        await core.do(customers.update_customer, sent.customer, CustomerDraft("Later Payer", phone="512 555 0100"))
        await core.do(items.update_item, sent.items[0], ItemDraft("Later Name", unit_price=Decimal(100)))
    async with sent.back() as core:
        fresh = CustomerDraft("Late Payer", email="brandnew@payer.example", phone="512 555 7777")
        await core.do(customers.update_customer, sent.customer, fresh)
        await core.do(items.update_item, sent.items[0], ItemDraft("Valve change", unit_price=Decimal(175)))
        for _ in range(2):
            await core.sync([(Kind.INVOICE, sent.invoice)])
            await core.sync_now()
        payer = await core.ask(lambda session: session.get_one(Customer, sent.customer))
        item = await core.ask(lambda session: session.get_one(Item, sent.items[0]))
        assert (payer.email, payer.phone, item.unit_price) == ("brandnew@payer.example", "512 555 7777", 175)
