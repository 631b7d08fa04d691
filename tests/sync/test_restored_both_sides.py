"""Books put back from a copy: what was done there and typed here since, and what the copy can't know (S4)."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import selectinload

from desktop.books import customers, invoices, items, payments
from desktop.books.customers import CustomerDraft
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.items import ItemDraft
from desktop.books.payments import PaymentDraft
from desktop.clock import SystemClock
from desktop.core import Core
from desktop.errors import ItemError, PlanChanged
from desktop.models.connection import ExternalLink
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice, TaxCode
from desktop.models.item import Item
from desktop.models.payment import Payment
from desktop.models.states import InvoiceStatus, SyncState
from desktop.providers.records import Kind
from desktop.sync.resolving import keep_ours, link_invoice
from desktop.sync.schedule import Wish
from desktop.sync.work import copied_until
from tests.helpers.desk import connected_core
from tests.helpers.restoring import FIRST, Sent, go_on, invoice_of, paid_by, put_back


async def copy_now(core: Core, sent: Sent) -> None:
    """The copy that is put back later is the one of this moment."""
    for one in (sent.folder / "desk" / "backups").iterdir():
        one.unlink()
    assert await core.backup_now() is not None


async def run(core: Core) -> Any:
    return await core.runner.drain(wait_for_lease=True, wish=Wish(actor="owner"))


async def edit(core: Core, sent: Sent, price: str = "100", quantity: str = "1", note: str = "") -> None:
    """The owner edits the invoice of the copy."""
    row = await core.ask(lambda session: session.get_one(Invoice, sent.invoice))
    lines = (LineDraft(sent.items[0], "", Decimal(quantity), Decimal(price)),)
    draft = InvoiceDraft(sent.customer, row.issued_on, row.due_on, lines, number="RN-1", note=note)
    await core.do(invoices.update_invoice, sent.invoice, draft)


class Stop(Exception):
    """The books are lost before what follows is sent."""


class Ahead(SystemClock):
    def now(self) -> datetime:
        return super().now() + timedelta(minutes=3)


class Behind(SystemClock):
    def now(self) -> datetime:
        return super().now() - timedelta(days=1)


# --- typed here after going back ---------------------------------------------------------------------------


@pytest.mark.every_service
async def test_S4_a_note_added_after_going_back_goes_out(send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    async with sent.back() as core:
        await edit(core, sent, note="Gate code 4711")
        await go_on(core, sent, "invoice")
    assert "4711" in str(sent.there())


async def test_S4_N10_a_draft_edited_after_going_back_asks_too(send: Any) -> None:
    async with send(("Valve change", 100), draft=True) as (_core, sent):
        pass
    sent.change_quantity("3")
    there, counts = sent.there(), sent.counts()
    async with sent.back() as core:
        await edit(core, sent, "120")
        await run(core)
        row = await core.ask(lambda session: session.get_one(Invoice, sent.invoice))
        assert (row.status, row.total) == (InvoiceStatus.SENT, 120)
        assert not (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
    assert (sent.there(), sent.counts()) == (there, counts)


async def test_S4_T1_a_clock_that_was_set_back_forgets_no_edit(send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    sent.change_quantity("3")
    there = sent.there()
    sent.options = replace(sent.options, clock=Behind())
    async with sent.back() as core:
        await edit(core, sent, "120")
        assert not (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
        assert (await invoice_of(core, sent)).row.total == 120
    assert sent.there() == there


@pytest.mark.every_service(but=["xero", "freshbooks"])
async def test_S4_N10_ours_kept_after_the_card_is_written_once(send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    sent.change_quantity("3")
    counts = sent.counts()
    async with sent.back() as core:
        await edit(core, sent, "120")
        await core.sync([(Kind.INVOICE, sent.invoice)])
        if sent.control.service != "quickbooks":
            await link_invoice(await core.require_company(), sent.invoice)
            await core.sync([(Kind.INVOICE, sent.invoice)])
        await keep_ours(await core.require_company(), Kind.INVOICE, sent.invoice)
        report = await core.sync([(Kind.INVOICE, sent.invoice)])
        assert report.clean, report
        report = await core.sync([(Kind.INVOICE, sent.invoice)])
        assert report.clean and not report.writes
    assert (Decimal(sent.there()["total"]), sent.counts()) == (120, counts)


async def test_S4_N10_lines_there_and_a_note_here_ask(send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    sent.change_quantity("3")
    there = sent.there()
    async with sent.back() as core:
        await edit(core, sent, note="Gate 4711")
        assert not (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
        assert sent.there()["lines"] == there["lines"]
        assert (await invoice_of(core, sent)).row.sync in (SyncState.NEEDS_YOU, SyncState.CONFLICT)


@pytest.mark.every_service(but=["xero", "freshbooks"])
async def test_S4_N10_a_payment_edited_on_both_sides_asks(send: Any) -> None:
    async with send(("Valve change", 100), known=True, paid=Decimal(40)) as (_core, sent):
        pass
    sent.amend_payment("60.00")
    books = sent.control.books()
    async with sent.back() as core:
        row = await core.ask(lambda session: session.query(Payment).one())
        draft = PaymentDraft(sent.invoice, row.paid_on, Decimal(35), "check", "1041")
        await core.do(payments.update_payment, row.id, draft)
        for _ in range(2):
            assert not (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
        assert await core.ask(lambda session: [one.amount for one in session.query(Payment)]) == [35]
    assert sent.control.books() == books


async def test_S4_D1_a_first_send_after_going_back_with_a_lost_reply_goes_on_with_ours(send: Any) -> None:
    async with send(("Valve change", 100), draft=True) as (core, sent):
        day = core.clock.now().astimezone().date()
        line = LineDraft(sent.items[0], "", Decimal(1), Decimal(100))
        draft = InvoiceDraft(sent.customer, day, day + timedelta(days=14), (line,), number="RN-2")
        other = await core.do(invoices.create_invoice, draft)
        await core.do(invoices.mark_sent, other)
        await copy_now(core, sent)
    async with sent.back() as core:
        assert (await core.sync([(Kind.CUSTOMER, sent.customer), (Kind.ITEM, sent.items[0])])).clean
        sent.control.settings(requestid_works=False)
        with sent.control.armed({"id": "N1", "op": "create_invoice", "phase": "after", "every": 1}):
            await core.sync([(Kind.INVOICE, other)])
        await core.do(
            invoices.update_invoice, other, replace(draft, lines=(replace(line, quantity=Decimal(2)),), number="RN-2")
        )
        for _ in range(3):
            sent.control.clock(600)
            report = await core.sync([(Kind.INVOICE, other)])
        rows = [one for one in sent.control.books()["invoices"] if one["number"] == "RN-2"]
        assert [Decimal(one["total"]) for one in rows] == [200]
        assert report.clean


# --- done there since ----------------------------------------------------------------------------------------


@pytest.mark.every_service(but=["wave"])  # it knows no void: what is deleted leaves no trace
async def test_S4_an_invoice_voided_there_since_is_not_made_again(send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    sent.control.edit("invoice", sent.there()["id"], "void")
    counts = sent.counts()
    async with sent.back() as core:
        assert not (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
    assert sent.counts() == counts


async def test_S4_I1_an_invoice_renumbered_there_since_is_not_made_twice(send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    sent.control.edit("invoice", sent.there()["id"], {"number": "RN-77"})
    counts = sent.counts()
    async with sent.back() as core:
        assert (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
        assert (await invoice_of(core, sent)).row.number == "RN-77"
    assert sent.counts() == counts


@pytest.mark.every_service(but=["xero", "freshbooks"])
async def test_S4_I1_a_payment_sent_alone_first_is_not_set_back_later(send: Any) -> None:
    """It is asked for before its invoice is tied."""
    async with send(("Valve change", 100), paid=Decimal(40)) as (_core, sent):
        pass
    sent.amend_payment("60.00")
    counts = sent.counts()
    async with sent.back() as core:
        number = await core.ask(lambda session: session.query(Payment).one().id)
        await core.sync([(Kind.PAYMENT, number)])
        await go_on(core, sent, "invoice")
        await core.sync([(Kind.INVOICE, sent.invoice), (Kind.PAYMENT, number)])
        await core.sync_now()
        assert await core.ask(lambda session: [one.amount for one in session.query(Payment)]) == [60]
    assert (Decimal(sent.there()["balance"]), sent.counts()) == (40, counts)


@pytest.mark.every_service(but=["freshbooks", "wave"])  # what is deleted there leaves no trace
async def test_S4_N9_a_payment_taken_back_there_since_is_not_entered_again(send: Any) -> None:
    async with send(("Valve change", 100), known=True, paid=Decimal(40)) as (_core, sent):
        pass
    (payment,) = [one for one in sent.control.books()["payments"] if sent.there()["id"] in paid_by(one)]
    sent.control.edit("payment", payment["id"], "delete" if sent.control.service == "xero" else "void")
    async with sent.back() as core:
        assert not (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
    assert Decimal(sent.there()["balance"]) == 100


@pytest.mark.every_service(but=["freshbooks", "wave"])
async def test_S4_I6_a_customer_sent_alone_does_not_set_back_the_newer_mail(send: Any) -> None:
    async with send(("Valve change", 100)) as (core, sent):
        draft = CustomerDraft("Late Payer", email="late@payer.example", phone="512 555 0199")
        await core.do(customers.update_customer, sent.customer, draft)
        await copy_now(core, sent)
    there = _payer(sent)
    sent.control.edit("customer", there["id"], {"email": "newer@payer.example"})
    async with sent.back() as core:
        for _ in range(2):
            await core.sync([(Kind.CUSTOMER, sent.customer)])
    assert _payer(sent)["email"] == "newer@payer.example"


def _payer(sent: Sent) -> dict[str, Any]:
    return next(one for one in sent.control.books()["customers"] if one["display_name"] == "Late Payer")


@pytest.mark.parametrize("link", [False, True])
async def test_S4_I4_a_number_that_bears_another_stamp_of_ours_is_not_taken_for_it(link: bool, send: Any) -> None:
    """The lost books gave the invoice another number, and its old number to another invoice."""
    async with send(("Valve change", 100)) as (core, sent):
        await core.do(invoices.change_number, sent.invoice, "RN-9")
        day = core.clock.now().astimezone().date()
        line = LineDraft(sent.items[0], "", Decimal(5), Decimal(100))
        stranger = await core.do(customers.create_customer, CustomerDraft("Somebody Else"))
        draft = InvoiceDraft(stranger, day, day + timedelta(days=14), (line,), number="RN-1")
        other = await core.do(invoices.create_invoice, draft)
        await core.do(invoices.mark_sent, other)
        assert (await core.sync([(Kind.INVOICE, other)])).clean
    before = {one["number"]: Decimal(one["total"]) for one in sent.control.books()["invoices"]}
    async with sent.back() as core:
        if link:
            with pytest.raises(ItemError):
                await link_invoice(await core.require_company(), sent.invoice)
        await core.sync([(Kind.INVOICE, sent.invoice)])
        await core.sync_now()
        detail = await invoice_of(core, sent)
        assert (detail.row.number, detail.row.total) == ("RN-9", 100)
    assert {one["number"]: Decimal(one["total"]) for one in sent.control.books()["invoices"]} == before


@pytest.mark.every_service(but=["quickbooks", "xero"])
async def test_S4_what_was_left_a_draft_there_is_finished(send: Any) -> None:
    """It was made there, and the books were lost before it was marked as sent."""
    with suppress(Stop):
        async with send(("Valve change", 100)) as (core, sent):
            with sent.control.armed({"id": "H5", "op": "send_invoice", "every": 1, "phase": "before"}):
                await core.sync([(Kind.INVOICE, sent.invoice)])
            raise Stop
    assert _unfinished(sent)
    counts = sent.counts()
    async with sent.back() as core:
        for n in range(3):
            report = await core.sync([(Kind.INVOICE, sent.invoice)])
            if report.refused and n == 0:
                await link_invoice(await core.require_company(), sent.invoice)
        assert report.clean and not _unfinished(sent), report
    assert sent.counts() == counts


def _unfinished(sent: Sent) -> bool:
    there = sent.there()
    return there["status"] == "draft" or there.get("sent") is False


@FIRST
async def test_S4_I4_moved_there_to_a_stranger_is_never_green(first: str, send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    stranger = next(one for one in sent.control.books()["customers"] if one["id"] != sent.there()["customer_id"])
    sent.control.edit("invoice", sent.there()["id"], {"customer_id": stranger["id"]})
    there = sent.there()
    async with sent.back() as core:
        if first == "run":
            await run(core)
        for _ in range(2):
            await core.sync([(Kind.INVOICE, sent.invoice)])
        rows = await core.ask(
            lambda session: {(k.kind, k.local_id): k.external_id for k in session.query(ExternalLink)}
        )
        payer = (await core.ask(lambda session: session.get_one(Invoice, sent.invoice))).customer_id
        state = (await invoice_of(core, sent)).row.sync
    assert sent.there() == there
    assert rows.get(("customer", payer)) == there["customer_id"] or state != SyncState.SYNCED


async def test_S4_D1_a_copy_with_something_in_doubt_makes_nothing_twice(send: Any) -> None:
    """The answer to its first try was lost before the copy was taken: that is settled first, nothing waits for ever."""
    with suppress(Stop):
        async with send(("Valve change", 100)) as (core, sent):
            sent.control.settings(requestid_works=False)
            with sent.control.armed({"id": "N1", "op": "create_invoice", "phase": "after", "every": 1}):
                report = await core.sync([(Kind.INVOICE, sent.invoice)])
            assert report.in_doubt
            await copy_now(core, sent)
            raise Stop
    counts = sent.counts()
    async with sent.back() as core:
        for _ in range(3):
            sent.control.clock(600)
            report = await core.sync([(Kind.INVOICE, sent.invoice)])
        assert report.clean, report
    assert sent.counts() == counts


# --- what the copy can't know --------------------------------------------------------------------------------


async def test_S4_I1_a_copy_that_remembers_a_try_that_never_arrived(send: Any) -> None:
    """Refused with "too many calls" before the copy; it left for the first time after it, and was edited there."""
    with suppress(Stop):
        async with send(("Valve change", 100)) as (core, sent):
            with sent.control.armed({"id": "H2", "op": "create_invoice", "nth": 1}):
                await core.sync([(Kind.INVOICE, sent.invoice)])
            assert not [one for one in sent.control.books()["invoices"] if one["number"] == "RN-1"]
            await copy_now(core, sent)
            raise Stop
    sent.control.clock(120)
    sent.options = replace(sent.options, clock=Ahead())
    core = await Core.open(sent.options)
    assert (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
    await core.close()
    sent.change_quantity("3")
    there, counts = sent.there(), sent.counts()
    async with sent.back() as core:
        await core.sync([(Kind.INVOICE, sent.invoice)])
        assert (await invoice_of(core, sent)).row.total == 300
    assert (sent.there(), sent.counts()) == (there, counts)


@pytest.mark.parametrize("by_hand", [False, True])
async def test_S4_S6_an_empty_copy_is_a_copy_too(by_hand: bool, tmp_path: Path, sandbox: Any, control: Any) -> None:
    books, kept = tmp_path / "desk" / "blueclerk.db", tmp_path / "kept.db"
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        assert (backup := await core.backup_now()) is not None
        shutil.copyfile(backup, kept)
        customer = await core.do(customers.create_customer, CustomerDraft("Late Payer"))
        assert (await core.sync([(Kind.CUSTOMER, customer)])).clean
    there = len(control.books()["customers"])
    if by_hand:
        books.unlink()
        shutil.copyfile(kept, books)
        core = await Core.open(core.options)
    else:
        core = await put_back(core.options, tmp_path / "desk" / "backups", control)
    assert (await core.sync_now()).problem is None
    assert await core.ask(copied_until) is not None
    assert not await core.ask(lambda session: session.query(Customer).filter_by(imported=False).all())
    await core.close()
    assert len(control.books()["customers"]) == there


async def test_S4_two_restores_in_a_row_and_an_edit_between(send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    sent.change_quantity("3")
    there = sent.there()
    async with sent.back() as core:
        await core.sync([(Kind.INVOICE, sent.invoice)])
    async with sent.back() as core:
        await run(core)
        assert (await invoice_of(core, sent)).row.total == 300
    async with sent.back() as core:
        assert (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
    assert sent.there() == there


async def test_S4_N11_a_plan_shown_after_going_back_is_drawn_anew_once_what_is_there_came_in(send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    sent.change_quantity("3")
    there = sent.there()
    async with sent.back() as core:
        with pytest.raises(PlanChanged):
            await core.run_preview(await core.preview([(Kind.INVOICE, sent.invoice)]))
        assert (await invoice_of(core, sent)).row.total == 300
        await core.run_preview(await core.preview([(Kind.INVOICE, sent.invoice)]))
    assert sent.there() == there


async def test_S4_N3_nothing_leaves_where_what_is_there_can_not_be_read_first(send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    sent.control.edit("invoice", sent.there()["id"], {"number": "RN-77"})
    counts = sent.counts()
    async with sent.back() as core:
        with sent.control.armed({"id": "H5", "op": "list_changes", "every": 1}):
            report = await core.sync([(Kind.INVOICE, sent.invoice)])
        assert report.problem is not None and not report.writes
        assert sent.counts() == counts
        sent.control.clock(600)
        assert (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
    assert sent.counts() == counts


@pytest.mark.every_service
async def test_S4_rich_books_stay_as_they_are_where_nothing_was_changed_there(send: Any) -> None:
    async with send(("Valve change", 100), paid=Decimal(40)) as (core, sent):
        person = CustomerDraft(
            "Late Payer",
            given_name="Late",
            family_name="Payer",
            email="late@payer.example",
            phone="(512) 555-0199",
            line1="12 Elm St",
            city="Austin",
            region="TX",
            postal_code="78701",
            country="US",
        )
        await core.do(customers.update_customer, sent.customer, person)
        item = ItemDraft("Valve change", description="New valve, parts included", unit_price=Decimal(100))
        await core.do(items.update_item, sent.items[0], item)
        row = await core.ask(lambda session: session.get_one(Invoice, sent.invoice))
        codes = await core.ask(
            lambda session: [one.id for one in session.query(TaxCode) if one.rate and one.external_id]
        )
        lines = (
            LineDraft(sent.items[0], "", Decimal("1.5"), Decimal(100), tax_code_id=codes[0] if codes else None),
            LineDraft(sent.items[0], "Second valve", Decimal(1), Decimal("33.33")),
        )
        draft = InvoiceDraft(
            sent.customer,
            row.issued_on,
            row.due_on,
            lines,
            discount_percent=Decimal(10),
            note="Thanks\nfor all",
            number="RN-1",
        )
        await core.do(invoices.update_invoice, sent.invoice, draft)
        await copy_now(core, sent)
    books = sent.control.books()
    async with sent.back() as core:
        before = await core.ask(_picture)
        await go_on(core, sent, "invoice")
        await core.sync_now()
        assert await core.ask(_picture) == before
    assert sent.control.books() == books


def _picture(session: Any) -> dict[str, Any]:
    """All that is ours, without what every write moves."""
    found: dict[str, Any] = {}
    for model in (Customer, Item, Invoice, Payment):
        for row in session.query(model).options(*([selectinload(Invoice.lines)] if model is Invoice else [])):
            if getattr(row, "imported", False) or getattr(row, "from_service", False):
                continue
            moves = ("updated_at", "sent_at", "revision")
            columns = [column.name for column in model.__table__.columns if column.name not in moves]
            found[f"{model.__name__} {row.id}"] = {name: getattr(row, name) for name in columns}
            if isinstance(row, Invoice):
                columns = [column.name for column in type(row.lines[0]).__table__.columns]
                found[f"lines {row.id}"] = [{name: getattr(one, name) for name in columns} for one in row.lines]
    return found
