"""Books put back from a copy, and what was edited since, there or here: the newer one stays, or the owner is asked."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from desktop.books import invoices, payments
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.payments import PaymentDraft
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.models.payment import Payment
from desktop.models.states import InvoiceStatus, SyncState
from desktop.providers.records import Kind
from desktop.sync.resolving import link_invoice, take_theirs
from tests.helpers.restoring import FIRST, go_on, invoice_of


@FIRST
@pytest.mark.every_service
async def test_S4_I1_what_the_bookkeeper_changed_since_the_copy_is_not_written_over(first: str, send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    before = sent.there()
    sent.change_quantity("3")
    later = (date.fromisoformat(before["due_date"]) + timedelta(days=7)).isoformat()
    sent.control.edit("invoice", before["id"], {"due_date": later})
    there, counts = sent.there(), sent.counts()
    assert Decimal(there["total"]) == 300 and there["due_date"] == later
    async with sent.back() as core:
        await go_on(core, sent, first)
        detail = await invoice_of(core, sent)
        assert (detail.row.total, detail.row.due_on.isoformat()) == (300, later)
        (line,) = detail.lines
        assert (line.quantity, line.item_name) == (3, "Valve change")
        assert (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
    now = sent.there()
    assert {name: now[name] for name in ("lines", "total", "due_date", "memo")} == {
        name: there[name] for name in ("lines", "total", "due_date", "memo")
    }
    assert sent.counts() == counts


@pytest.mark.every_service
async def test_S4_I1_what_we_changed_there_since_the_copy_stays_too(send: Any) -> None:
    """The books that are lost knew more: what they had sent is not taken back by the older ones."""
    async with send(("Valve change", 100)) as (core, sent):
        detail = await invoice_of(core, sent)
        day = detail.row.issued_on
        draft = InvoiceDraft(
            sent.customer,
            day,
            day + timedelta(days=21),
            (LineDraft(sent.items[0], "Both valves", Decimal(2), Decimal(95)),),
            number="RN-1",
            note="Thank you",
        )
        await core.do(invoices.update_invoice, sent.invoice, draft)
    there, counts = sent.there(), sent.counts()
    assert Decimal(there["total"]) == 190
    async with sent.back() as core:
        await go_on(core, sent, "invoice")
        detail = await invoice_of(core, sent)
        assert (detail.row.total, detail.row.due_on) == (190, day + timedelta(days=21))
        assert [(one.description, one.quantity, one.unit_price) for one in detail.lines] == [("Both valves", 2, 95)]
        item = await core.ask(lambda session: session.get_one(Item, sent.items[0]))
        assert item.unit_price == 100
    assert sent.there() == there
    assert sent.counts() == counts


@pytest.mark.every_service
async def test_S4_nothing_is_written_where_nothing_was_changed(send: Any) -> None:
    async with send(("Valve change", 100), ("Boiler check", 150), paid=Decimal(40)) as (_core, sent):
        pass
    books = sent.control.books()
    async with sent.back() as core:
        await go_on(core, sent, "invoice")
        report = await core.sync([(Kind.INVOICE, sent.invoice)])
        assert report.clean and not report.writes
        detail = await invoice_of(core, sent)
        assert (detail.row.total, detail.row.balance) == (250, 210)
    assert sent.control.books() == books


@pytest.mark.every_service(but=["xero"])  # its payments can't be edited
async def test_S4_I1_a_payment_amended_there_since_the_copy_is_not_set_back(send: Any) -> None:
    async with send(("Valve change", 100), known=True, paid=Decimal(40)) as (core, sent):
        pass
    sent.amend_payment("60.00")
    assert Decimal(sent.there()["balance"]) == 40
    books = sent.control.books()
    async with sent.back() as core:
        await go_on(core, sent, "invoice", known=True)
        assert (await core.sync_now()).clean
        detail = await invoice_of(core, sent)
        assert detail.row.balance == 40
        rows = await core.ask(lambda session: [one.amount for one in session.query(Payment)])
        assert rows == [60]
    assert sent.control.books() == books


@pytest.mark.every_service
async def test_S4_N10_what_is_edited_on_both_sides_asks_and_writes_nothing(send: Any) -> None:
    async with send(("Valve change", 100)) as (_core, sent):
        pass
    sent.change_quantity("3")
    there, counts = sent.there(), sent.counts()
    async with sent.back() as core:
        detail = await invoice_of(core, sent)
        line = LineDraft(sent.items[0], "", Decimal(1), Decimal(120))
        draft = InvoiceDraft(sent.customer, detail.row.issued_on, detail.row.due_on, (line,), number="RN-1")
        await core.do(invoices.update_invoice, sent.invoice, draft)
        for n in range(3):
            report = await core.sync([(Kind.INVOICE, sent.invoice)])
            assert not report.clean
            if n == 0 and sent.control.service != "quickbooks":
                await link_invoice(await core.require_company(), sent.invoice)
            detail = await invoice_of(core, sent)
            assert detail.row.sync in (SyncState.NEEDS_YOU, SyncState.CONFLICT)
            assert detail.row.total == 120
        assert (sent.there(), sent.counts()) == (there, counts)
        await take_theirs(await core.require_company(), Kind.INVOICE, sent.invoice)
        await core.sync([(Kind.INVOICE, sent.invoice)])
        detail = await invoice_of(core, sent)
        assert detail.row.total == 300
    assert sent.there() == there


async def test_S4_a_draft_of_the_copy_that_was_sent_since_is_no_draft(send: Any) -> None:
    async with send(("Valve change", 100), draft=True) as (_core, sent):
        pass
    sent.change_quantity("2")
    there, counts = sent.there(), sent.counts()
    async with sent.back() as core:
        row = await core.ask(lambda session: session.get_one(Invoice, sent.invoice))
        assert row.status == InvoiceStatus.DRAFT
        await core.sync_now()
        row = await core.ask(lambda session: session.get_one(Invoice, sent.invoice))
        assert (row.status, row.total) == (InvoiceStatus.SENT, 200)
        await core.do(payments.record_payment, PaymentDraft(sent.invoice, row.issued_on, Decimal(50), "check", ""))
        assert (await core.sync([(Kind.INVOICE, sent.invoice)])).clean
        assert (await invoice_of(core, sent)).row.balance == 150
    now = sent.there()
    assert Decimal(now["balance"]) == 150 and now["lines"] == there["lines"]
    assert sent.counts() == [*counts[:3], counts[3] + 1]
