"""What the owner can do about a record that differs, is gone, or whose number is taken."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from PySide6.QtWidgets import QLabel, QPushButton

from desktop.books import customers, invoices, payments
from desktop.books.customers import CustomerDraft
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.core import Core
from desktop.models.states import SyncState
from desktop.providers.records import Kind
from desktop.ui.connection_page import sync_sentence
from desktop.ui.main_window import MainWindow
from desktop.ui.routes import Route, settings
from tests.helpers.waiting import until
from tests.ui.screens.acting import numbered, still, synced
from tests.ui.screens.conftest import Books, shown


async def pane_of(window: MainWindow, page: str, record_id: int) -> Any:
    window.go(Route(page, record_id=record_id))
    await still()
    return window.pages[page].detail  # type: ignore[attr-defined]


async def reprice(core: Core, invoice: int, customer: int, item: int, price: str, number: str) -> None:
    day = Books(core).day - timedelta(days=5)
    line = LineDraft(item, "", Decimal(1), Decimal(price))
    draft = InvoiceDraft(customer, day, day + timedelta(days=14), (line,), number=number)
    await core.do(invoices.update_invoice, invoice, draft)


async def test_N10_both_versions_of_an_invoice_stand_side_by_side_and_ours_can_be_kept(
    qloop, look, connected, control
) -> None:
    async with connected() as core:
        customer, item, invoice = await synced(core, "WO-1")
        (there,) = numbered(control, "WO-1")
        line = {key: there["lines"][0][key] for key in ("item_id", "quantity")} | {"unit_price": "130"}
        control.edit("invoice", there["id"], {"lines": [line]})
        await reprice(core, invoice, customer, item, "120", "WO-1")
        await core.sync([(Kind.INVOICE, invoice)])
        async with shown(core) as window:
            pane = await pane_of(window, "invoices", invoice)
            await until(lambda: any("130" in row[2] for row in pane.card.rows))
            rows = {name: (ours, theirs) for name, ours, theirs in pane.card.rows}
            assert "120" in rows["Lines"][0] and "130" in rows["Lines"][1]
            assert list(pane.card.buttons) == ["keep", "take", "remote", "resync"]
            assert not pane.sync_button.isVisibleTo(pane), "Resync stands in the card, and once is enough"
            assert pane.card.buttons["take"].accessibleName() == "Take theirs"
            assert pane.card.buttons["remote"].accessibleName() == "Open in QuickBooks"
            pane.card.buttons["keep"].click()
            await still()
            assert [one["total"] for one in numbered(control, "WO-1")] == ["120.00"]
            assert pane.shown.row.sync is SyncState.SYNCED and not pane.card.rows
            assert pane.sync_button.isVisibleTo(pane)


async def test_I5_two_balances_stand_side_by_side_and_lead_to_the_service(qloop, look, connected, control) -> None:
    async with connected() as core:
        customer, item, invoice = await synced(core, "WO-2")
        (there,) = numbered(control, "WO-2")
        control.edit("invoice", there["id"], {"pay": "30"})
        await reprice(core, invoice, customer, item, "120", "WO-2")
        await core.sync([(Kind.INVOICE, invoice)])
        async with shown(core) as window:
            pane = await pane_of(window, "invoices", invoice)
            assert pane.card.rows == (("Still to pay", "120.00", "90.00"),)
            assert list(pane.card.buttons) == ["remote", "resync"]


async def test_D4_an_invoice_gone_there_is_created_again_by_one_press(qloop, look, connected, control) -> None:
    async with connected() as core:
        customer, item, invoice = await synced(core, "WO-3")
        control.edit("invoice", numbered(control, "WO-3")[0]["id"], "delete")
        await reprice(core, invoice, customer, item, "120", "WO-3")
        await core.sync([(Kind.INVOICE, invoice)])
        async with shown(core) as window:
            pane = await pane_of(window, "invoices", invoice)
            assert list(pane.card.buttons) == ["create", "resync"]
            assert "Create it again" in pane.card.advice.text()
            window.show_bell()
            (row,) = window.bell_panel.rows
            assert row.fix_button.text() == "Show invoice", "nothing is there to link it to"
            assert "Create it again" in row.accessibleDescription()
            window.bell_panel.close_panel()
            assert pane.card.buttons["create"].accessibleName() == "Create it again"
            pane.card.buttons["create"].click()
            await still()
            assert [one["total"] for one in numbered(control, "WO-3")] == ["120.00"]
            assert pane.shown.row.sync is SyncState.SYNCED


async def test_M143_C18_a_number_that_is_ours_there_can_be_linked_or_changed(qloop, look, connected, control) -> None:
    async with connected() as core:
        customer, item, _ = await synced(core, "WO-4")
        (first,) = numbered(control, "WO-4")
        line = {"item_id": first["lines"][0]["item_id"], "quantity": "1", "unit_price": "55"}
        made = {"customer_id": first["customer_id"], "number": "WO-5", "lines": [line]}
        there = control.edit("invoice", "", {"create": made})
        invoice = await Books(core).invoice(customer, item, "55", number="WO-5", days_ago=0)
        await core.sync([(Kind.INVOICE, invoice)])
        async with shown(core) as window:
            pane = await pane_of(window, "invoices", invoice)
            assert [pane.card.buttons[key].accessibleName() for key in ("fix", "number")] == [
                "Link it",
                "Choose another number",
            ]
            pane.card.buttons["number"].click()
            await still()
            editor = next(one for one in window.findChildren(_editor()) if one.isVisible())
            assert editor.focusWidget() is editor.number
            editor.close()
            pane.card.buttons["fix"].click()
            await still()
            assert pane.shown.external_id == there["id"] and len(numbered(control, "WO-5")) == 1


def _editor() -> Any:
    from desktop.ui.invoice_editor import InvoiceEditor

    return InvoiceEditor


async def test_N10_D14_both_versions_of_a_customer_and_ours_kept(qloop, look, connected, control) -> None:
    async with connected() as core:
        customer = await Books(core).customer("Two Minds", phone="555 0001")
        await core.sync([(Kind.CUSTOMER, customer)])
        (there,) = [one for one in control.books()["customers"] if one["display_name"] == "Two Minds"]
        control.edit("customer", there["id"], {"phone": "555 7777"})
        await core.do(customers.update_customer, customer, CustomerDraft("Two Minds", phone="555 0002"))
        await core.sync([(Kind.CUSTOMER, customer)])
        async with shown(core) as window:
            window.go(settings("integrations"))
            await still()
            overview = window.pages["settings"].inner.connection.overview  # type: ignore[attr-defined]
            assert "1 record needs you" in [one.text() for one in overview.findChildren(QLabel)]
            next(one for one in overview.findChildren(QPushButton) if one.text() == "Show").click()
            await until(lambda: window.rail.current == "customers")  # not to a list of invoices that says all is well
            pane = await pane_of(window, "customers", customer)
            await until(lambda: pane.card.rows == (("Phone", "555 0002", "555 7777"),))
            pane.card.buttons["keep"].click()
            await still()
            (there,) = [one for one in control.books()["customers"] if one["display_name"] == "Two Minds"]
            assert there["phone"] == "555 0002" and not pane.card.rows


async def test_D4_M145_a_customer_gone_there_can_be_linked_or_created_again(qloop, look, connected, control) -> None:
    async with connected() as core:
        customer = await Books(core).customer("Gone Quiet", phone="555 0001")
        await core.sync([(Kind.CUSTOMER, customer)])
        (there,) = [one for one in control.books()["customers"] if one["display_name"] == "Gone Quiet"]
        control.edit("customer", there["id"], "archive")
        await core.do(customers.update_customer, customer, CustomerDraft("Quiet No More", phone="555 0002"))
        await core.sync([(Kind.CUSTOMER, customer)])
        async with shown(core) as window:
            pane = await pane_of(window, "customers", customer)
            assert [key for key in pane.card.buttons if key != "remote"] == ["link", "create", "resync"]
            pane.card.buttons["create"].click()
            await until(lambda: [one for one in control.books()["customers"] if one["display_name"] == "Quiet No More"])
            await still()
            assert pane.card.isVisible() and "create" not in pane.card.buttons


async def test_N10_two_fields_that_differ_are_chosen_one_by_one(qloop, look, connected, control) -> None:
    async with connected() as core:
        customer, _, _ = await synced(core, "WO-20")
        assert (await core.sync_now()).clean
        there = next(one for one in control.books()["customers"] if one["display_name"] == "Nora Fielding")
        control.edit("customer", there["id"], {"phone": "555 0177", "email": "there@example.com"})
        draft = CustomerDraft("Nora Fielding", phone="555 0188", email="here@example.com")
        await core.do(customers.update_customer, customer, draft)
        await core.sync_now()
        async with shown(core) as window:
            pane = await pane_of(window, "customers", customer)
            await until(lambda: any("0177" in row[2] for row in pane.card.rows))
            assert list(pane.card.buttons)[:3] == ["keep", "take", "choose"] and not pane.card.marked
            pane.card.theirs["Phone"].setChecked(True)
            assert pane.card.marked == ("Phone",)
            pane.card.buttons["choose"].click()
            await still()
            there = next(one for one in control.books()["customers"] if one["display_name"] == "Nora Fielding")
            assert (there["phone"], there["email"]) == ("555 0177", "here@example.com")
            assert not pane.card.rows


async def test_N6_D10_the_same_money_typed_on_both_sides_is_one_button(qloop, look, connected, control) -> None:
    async with connected() as core:
        _, _, invoice = await synced(core, "WO-21")
        (there,) = numbered(control, "WO-21")
        control.edit("invoice", there["id"], {"pay": "40"})
        draft = payments.PaymentDraft(invoice, core.clock.now().date(), Decimal(40), "check")
        await core.do(payments.record_payment, draft)
        await core.sync_now()
        async with shown(core) as window:
            pane = await pane_of(window, "invoices", invoice)
            await until(lambda: "same_money" in pane.card.buttons)
            assert list(pane.card.buttons) == ["same_money", "two_payments"]
            pane.card.buttons["same_money"].click()
            await still()
            (there,) = numbered(control, "WO-21")
            assert there["balance"] == "60.00" and pane.shown.row.balance == 60
            assert pane.shown.row.sync is SyncState.SYNCED


async def test_N8_an_invoice_voided_there_can_be_void_here_too(qloop, look, connected, control) -> None:
    async with connected() as core:
        _, _, invoice = await synced(core, "WO-22")
        assert (await core.sync_now()).clean
        control.edit("invoice", numbered(control, "WO-22")[0]["id"], "void")
        await core.sync_now()
        async with shown(core) as window:
            pane = await pane_of(window, "invoices", invoice)
            await until(lambda: "same_here" in pane.card.buttons)
            assert "made void in QuickBooks" in pane.card.sentence.text()
            pane.card.buttons["same_here"].click()
            await still()
            assert pane.shown.row.view.value == "void"


async def test_E1_an_invoice_from_there_says_so_and_cannot_be_edited(qloop, look, connected, control) -> None:
    async with connected() as core:
        await synced(core, "WO-23")
        assert (await core.sync_now()).clean
        (there,) = numbered(control, "WO-23")
        line = {"item_id": there["lines"][0]["item_id"], "quantity": "3", "unit_price": "40", "description": "Panes"}
        today = core.clock.now().date().isoformat()
        fields = {"customer_id": there["customer_id"], "number": "QB-77", "date": today, "lines": [line]}
        control.edit("invoice", "", {"create": fields})
        made = numbered(control, "QB-77")[0]
        control.edit("invoice", made["id"], {"pay": "50"})
        report = await core.sync_now()
        said, status = sync_sentence(report, "QuickBooks")
        assert "From QuickBooks: 1 payment came in, 1 invoice came in." in said and status == "good"
        async with shown(core) as window:
            pane = await pane_of(window, "invoices", 2)
            await until(lambda: pane.shown is not None and pane.shown.row.number == "QB-77")
            assert pane.origin.isVisible() and pane.origin.accessibleName() == "From QuickBooks"
            assert not pane.edit_button.isVisible() and pane.shown.row.balance == 70
