"""The list and the pane of an invoice, with the real sandbox behind them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QScrollArea, QWidget

from desktop.books import customers, invoices
from desktop.books.customers import CustomerDraft
from desktop.core import Core
from desktop.models.states import SyncState
from desktop.providers.records import Kind
from desktop.ui.invoices_page import SYNC, InvoicesPage
from desktop.ui.main_window import MainWindow
from desktop.ui.plan_dialog import PlanDialog
from desktop.ui.routes import Route
from tests.helpers.desk import sign_in_to_demo
from tests.helpers.waiting import until
from tests.ui.screens.acting import answer, button, plan_of, still
from tests.ui.screens.conftest import Books, shown


def page_of(window: MainWindow) -> InvoicesPage:
    page: Any = window.pages["invoices"]
    return page


async def one_invoice(core: Core, **how: Any) -> int:
    books = Books(core)
    return await books.invoice(await books.customer("Nora Fielding"), await books.item("Boiler check"), **how)


async def pick(window: MainWindow, invoice: int) -> None:
    page_of(window).select(invoice)
    await still()
    assert page_of(window).detail.shown is not None


def sync_cell(page: InvoicesPage, row: int = 0, role: Any = Qt.ItemDataRole.DisplayRole) -> Any:
    return page.model.index(row, SYNC).data(role)


async def test_M113_M114_M115_the_sync_column_comes_with_the_first_synced_invoice(qloop, look, connected) -> None:
    async with connected() as core:
        first = await one_invoice(core)
        books = Books(core)
        await books.invoice(await books.customer("Later"), await books.item("Other"), days_ago=9)
        async with shown(core) as window:
            page = page_of(window)
            assert page.table.isColumnHidden(SYNC)
            await core.sync([(Kind.INVOICE, first)])
            await until(lambda: not page.table.isColumnHidden(SYNC))
            await still()
            assert [sync_cell(page, row) for row in (0, 1)] == ["Synced", "Not synced"]
            spoken = sync_cell(page, 1, Qt.ItemDataRole.AccessibleTextRole)
            assert spoken == "Not synced"
            assert not page.chips.button("not_synced").isHidden()


async def test_M73_C14_sync_asks_with_what_will_be_written_then_syncs_at_once(qloop, look, connected, control) -> None:
    async with connected() as core:
        invoice = await one_invoice(core, number="BC-73")
        async with shown(core, ask=True) as window:
            await pick(window, invoice)
            pane = page_of(window).detail
            assert pane.sync_button.accessibleName() == "Sync to QuickBooks"
            pane.sync_button.click()
            plan = await plan_of(window)
            asked = plan.words()
            assert "BC-73" in asked and "$350.00" in asked and "Nora Fielding" in asked
            assert plan.send_button.hasFocus() or plan.send_button.isDefault()
            plan.send_button.click()
            await still()
            await until(lambda: [one for one in control.books()["invoices"] if one["number"] == "BC-73"])


async def test_C14_dont_ask_again_is_remembered_and_cancel_writes_nothing(qloop, look, connected, control) -> None:
    async with connected() as core:
        invoice = await one_invoice(core, number="BC-14")
        async with shown(core, ask=True) as window:
            await pick(window, invoice)
            pane = page_of(window).detail
            pane.sync_button.click()
            (await plan_of(window)).cancel_button.click()
            await still()
            assert not [one for one in control.books()["invoices"] if one["number"] == "BC-14"]
            pane.sync_button.click()
            plan = await plan_of(window)
            plan.tick.setChecked(True)
            plan.send_button.click()
            await still()
            assert [one for one in control.books()["invoices"] if one["number"] == "BC-14"]
            pane.sync_button.click()
            await still()
            assert not [one for one in window.findChildren(PlanDialog) if one.isVisible()]


async def test_C14_N11_what_changed_after_the_confirm_was_shown_is_not_sent(qloop, look, connected, control) -> None:
    async with connected() as core:
        invoice = await one_invoice(core, number="BC-11")
        async with shown(core, ask=True) as window:
            await pick(window, invoice)
            page_of(window).detail.sync_button.click()
            plan = await plan_of(window)
            await Books(core).pay(invoice, "10")
            plan.send_button.click()
            await until(lambda: "changed since you looked" in window.banner.sentence)
            assert not [one for one in control.books()["invoices"] if one["number"] == "BC-11"]


async def test_C14_offline_the_question_is_put_in_our_own_words(qloop, look, connected, control) -> None:
    async with connected() as core:
        invoice = await one_invoice(core, number="BC-15")
        async with shown(core, ask=True) as window:
            await pick(window, invoice)
            with control.armed({"id": "H12", "every": 1}):
                page_of(window).detail.sync_button.click()
                asked = await answer(window, "Cancel")
            assert "BC-15" in asked


async def test_M75_M94_M95_M100_after_a_sync_the_id_is_shown_and_the_button_says_resync(
    qloop, look, connected, control
) -> None:
    async with connected() as core:
        invoice = await one_invoice(core, number="BC-75")
        async with shown(core) as window:
            await pick(window, invoice)
            pane = page_of(window).detail
            pane.sync_button.click()
            await until(lambda: window.toaster.accessibleName() != "")
            await still()
            assert window.toaster.accessibleName() == "Invoice and payments are in sync with QuickBooks."
            assert pane.sync_button.isVisibleTo(pane)
            assert pane.sync_button.accessibleName() == "Resync to QuickBooks"
            (remote,) = [one for one in control.books()["invoices"] if one["number"] == "BC-75"]
            assert pane.shown.external_id == remote["id"]
            assert button(pane, f"Open {remote['id']} in QuickBooks")


async def test_M96_M97_M98_resync_sends_the_changes_and_each_new_payment(qloop, look, connected, control) -> None:
    async with connected() as core:
        invoice = await one_invoice(core, number="BC-96")
        await core.sync([(Kind.INVOICE, invoice)])
        books = Books(core)
        await books.pay(invoice, "100")
        async with shown(core) as window:
            await pick(window, invoice)
            page = page_of(window)
            assert sync_cell(page) == "Changed"
            editor = page.edit(invoice)
            await still()
            editor.lines.lines[0].price.set_value(Decimal("410"))
            editor.start_saving()
            await still()
            page.detail.sync_button.click()
            await still()
            (remote,) = [one for one in control.books()["invoices"] if one["number"] == "BC-96"]
            assert (Decimal(remote["total"]), Decimal(remote["balance"])) == (410, 310)
            assert sync_cell(page) == "Synced"
            assert page.detail.shown.payments[0].external_id


async def test_M62_save_and_send_reaches_the_books_by_itself(qloop, look, connected, control) -> None:
    async with connected() as core:
        books = Books(core)
        await books.switches(auto=True)
        customer, item = await books.customer("Ines Calder"), await books.item("Tap")
        core.start()
        async with shown(core) as window:
            editor = page_of(window).new_invoice(customer)
            await still()
            line = editor.lines.lines[0]
            line.item.set_choice((await core.ask(_items, "Tap"))[0])
            line.price.set_value(Decimal("90"))
            editor.number.setText("BC-62")
            editor.send_button.click()
            await until(lambda: [one for one in control.books()["invoices"] if one["number"] == "BC-62"], timeout=20)
            await still()
            assert item and page_of(window).detail.shown.row.number == "BC-62"


def _items(session, text: str) -> Any:  # noqa: ANN001
    from desktop.books.queries import item_choices

    return item_choices(session, text)


async def test_M72_M142_an_item_without_account_leads_to_the_mapping(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        item = await books.item("Leak survey", mapped=False)
        invoice = await books.invoice(await books.customer("Owen"), item)
        async with shown(core) as window:
            await core.sync([(Kind.INVOICE, invoice)])
            await pick(window, invoice)
            pane = page_of(window).detail
            assert "Leak survey" in pane.card.sentence.text()
            assert list(pane.card.buttons) == ["fix", "resync"]
            assert pane.card.buttons["fix"].accessibleName() == "Choose account"
            pane.card.buttons["fix"].click()
            await still()
            assert window.current_page == "settings"


async def test_M143_a_number_that_is_taken_leads_to_the_number_field(qloop, look, connected, control) -> None:
    async with connected() as core:
        taken = control.books()["invoices"][0]["number"]
        invoice = await one_invoice(core, number=taken)
        async with shown(core) as window:
            await core.sync([(Kind.INVOICE, invoice)])
            await pick(window, invoice)
            pane = page_of(window).detail
            assert taken in pane.card.sentence.text()
            assert pane.card.buttons["fix"].accessibleName() == "Change number"
            pane.card.buttons["fix"].click()
            await still()
            editor = next(one for one in window.findChildren(_editor()) if one.isVisible())
            assert editor.focusWidget() is editor.number
            editor.number.setText("BC-143")
            editor.start_saving()
            await still()
            pane.sync_button.click()
            await still()
            assert page_of(window).detail.shown.row.sync is SyncState.SYNCED


def _editor() -> Any:
    from desktop.ui.invoice_editor import InvoiceEditor

    return InvoiceEditor


async def test_M145_a_missing_customer_leads_to_the_customer_who_is_synced_first(
    qloop, look, connected, control
) -> None:
    async with connected() as core:
        books = Books(core)
        await books.switches(customers=False)
        invoice = await one_invoice(core, number="BC-145")
        async with shown(core) as window:
            await core.sync([(Kind.INVOICE, invoice)])
            await pick(window, invoice)
            pane = page_of(window).detail
            assert "Nora Fielding" in pane.card.sentence.text()
            pane.card.buttons["fix"].click()
            await still()
            assert window.current_page == "customers"
            for dialog in window.findChildren(_link_dialog()):
                dialog.close()
            customers_page: Any = window.pages["customers"]
            customers_page.detail.buttons["sync"].click()
            await still()
            assert [one for one in control.books()["customers"] if one["display_name"] == "Nora Fielding"]


def _link_dialog() -> Any:
    from desktop.ui.link_dialog import LinkDialog

    return LinkDialog


async def test_several_invoices_are_marked_and_synced_with_one_press(qloop, look, connected, control) -> None:
    async with connected() as core:
        books = Books(core)
        customer, item = await books.customer("Many"), await books.item("Pipe")
        for n in range(4):
            await books.invoice(customer, item, sent=n > 1, number=f"M-{n}", days_ago=n)
        async with shown(core) as window:
            page = page_of(window)
            page.table.selectAll()
            assert page.bar.isVisible() and page.bar_sent.isEnabled()
            page.bar_sent.click()
            await still()
            page.table.selectAll()
            page.bar_sync.click()
            await still()
            assert {f"M-{n}" for n in range(4)} <= {one["number"] for one in control.books()["invoices"]}
            assert not page.bar_sent.isEnabled()


async def test_chips_search_and_sort_are_answered_by_the_books(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        item = await books.item("Pipe")
        await books.invoice(await books.customer("Åse Ødegård"), item, "10", days_ago=60)
        await books.invoice(await books.customer("Bert"), item, "20", sent=False)
        async with shown(core) as window:
            page = page_of(window)
            page.open(Route("invoices", filter="overdue"))
            await still()
            assert page.model.rowCount() == 1
            page.chips.choose("all")
            page.search("ase")
            await still()
            assert page.model.rowCount() == 1
            page.search("nobody")
            await still()
            assert page.list.face == "no_hits"
            page.no_hits.primary_button.click()
            await still()
            page.table.sortByColumn(4, Qt.SortOrder.AscendingOrder)
            await still()
            assert page.model.row_at(0).total == 10


async def test_names_with_markup_are_shown_as_typed(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        customer = await core.do(customers.create_customer, CustomerDraft("<b>Bob</b> & Söhne"))
        invoice = await books.invoice(customer, await books.item("<i>Item</i>"))
        async with shown(core) as window:
            await pick(window, invoice)
            pane = page_of(window).detail
            assert pane.customer.accessibleName() == "<b>Bob</b> & Söhne"
            assert pane.customer.text() == "<b>Bob</b> && Söhne"


async def test_void_and_delete_ask_first_and_removed_payments_come_back(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        customer, item = await books.customer("Ann"), await books.item("Pipe")
        sent = await books.invoice(customer, item)
        draft = await books.invoice(customer, item, sent=False)
        async with shown(core) as window:
            page = page_of(window)
            await pick(window, sent)
            page.mark_paid(sent)
            await still()
            assert page.detail.shown.row.balance == 0
            window.toaster.action_button.click()
            await still()
            assert page.detail.shown.row.balance == 350
            page.void(sent)
            await answer(window, "Void invoice")
            await still()
            assert page.detail.shown.status.value == "void"
            await pick(window, draft)
            page.delete(draft)
            await answer(window, "Delete draft")
            await still()
            assert page.model.row_of(draft) is None


async def test_a_verb_that_is_refused_is_told_in_the_banner(qloop, look, connected) -> None:
    async with connected() as core:
        invoice = await one_invoice(core)
        async with shown(core) as window:
            await pick(window, invoice)
            await core.do(invoices.void_invoice, invoice)
            page_of(window).mark_paid(invoice)
            await still()
            assert "is void" in window.banner.sentence


@pytest.mark.parametrize("service", ["xero", "wave"])
async def test_M75_a_long_id_of_a_service_makes_the_pane_no_wider(
    service: str, qloop, look, alone, control, sandbox
) -> None:
    """Amounts and the button that closes the pane stay in sight."""
    control.service = service
    async with alone() as core:
        await sign_in_to_demo(core, sandbox, service)
        invoice = await one_invoice(core, number="BC-76")
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert report.clean, report
        async with shown(core) as window:
            window.resize(1200, 700)
            await pick(window, invoice)
            await still()
            pane = page_of(window).detail
            (remote,) = [one for one in control.books()["invoices"] if one["number"] == "BC-76"]
            assert len(remote["id"]) > 20
            areas = pane.findChildren(QScrollArea)
            assert areas
            for area in areas:
                assert area.widget().width() <= area.viewport().width()
            shown_ids = [one for one in pane.findChildren(QWidget) if remote["id"] in one.toolTip()]
            assert shown_ids, "the whole id is a hover away"


@pytest.mark.parametrize("scale", [1.0, 1.5])
async def test_what_can_be_done_with_several_is_written_out_in_a_narrow_list(qloop, look, alone, scale: float) -> None:
    look.set_text_scale(scale)
    async with alone() as core:
        books = Books(core)
        customer, item = await books.customer("Nora Fielding"), await books.item("Boiler check")
        for _ in range(3):
            await books.invoice(customer, item, sent=False)
        async with shown(core) as window:
            page = page_of(window)
            await still()
            page.splitter.setSizes([300, 3000])
            page.table.selectAll()
            await still()
            parts = [page._bar_words, page.bar_sync, page.bar_sent, page.bar_clear]
            assert [part.text() for part in parts[:3]] == ["3 selected", "Sync selected", "Mark as sent"]
            for part in parts:
                assert part.width() >= part.sizeHint().width() and part.height() >= part.sizeHint().height()
                assert page.bar.rect().contains(QRect(part.mapTo(page.bar, QPoint()), part.size()))
