"""Writing invoices, payments, customers and items: faults beside the field, nothing lost."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest

from desktop.books import queries
from desktop.sync.settings import refresh_settings
from desktop.ui.customer_editor import CustomerEditor
from desktop.ui.invoice_editor import InvoiceEditor
from desktop.ui.item_editor import ItemEditor
from desktop.ui.main_window import MainWindow
from tests.ui.screens.acting import answer, still
from tests.ui.screens.conftest import Books, shown


def invoices_page(window: MainWindow) -> Any:
    return window.pages["invoices"]


async def new_invoice(window: MainWindow, customer: int, item: str, price: str = "90") -> InvoiceEditor:
    editor = invoices_page(window).new_invoice(customer)
    await still()
    line = editor.lines.lines[0]
    (choice,) = await window.context.core.ask(queries.item_choices, item)
    line.item._take(choice)
    line.price.set_value(Decimal(price))
    return editor


async def test_M151_the_editor_warns_of_a_customer_who_is_not_linked(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        customer = await books.customer("Ruth Alder")
        async with shown(core) as window:
            editor = invoices_page(window).new_invoice()
            await still()
            before = editor.lines.mapTo(editor, QPoint())
            await editor._load_customer(customer)
            await still()
            assert editor.warning.isVisible()
            assert "Ruth Alder is not linked to QuickBooks yet" in editor.warning.sentence
            assert editor.lines.mapTo(editor, QPoint()) == before, "the lines went away from under the pointer"
            editor.remember_as_saved()
            editor.reject()


async def test_N7_the_editor_warns_of_a_date_in_a_closed_period(qloop, look, connected, control) -> None:
    async with connected() as core:
        books = Books(core)
        invoice = await books.invoice(await books.customer("Ann"), await books.item(), days_ago=5)
        closed = books.day - timedelta(days=3)
        control.settings(book_close_date=closed.isoformat())
        await refresh_settings(await core.require_company(), force=True)
        async with shown(core) as window:
            assert window.context.connection.closed_until == closed
            editor = invoices_page(window).edit(invoice)
            await still()
            assert editor.closed_warning.isVisible() and "closed up to" in editor.closed_warning.sentence
            editor.issued.set_value(closed + timedelta(days=1))
            editor._check_dates()
            assert not editor.closed_warning.isVisible()
            editor.issued.set_value(closed)
            editor._check_dates()
            assert editor.closed_warning.isVisible()
            editor.remember_as_saved()
            editor.reject()
            payment = invoices_page(window).record_payment(invoice)
            assert payment is not None
            await still()
            assert not payment.closed_warning.isVisible()
            payment.day.set_value(closed)
            assert payment.closed_warning.isVisible() and "closed up to" in payment.closed_warning.sentence
            await still()
            assert payment.amount.height() >= payment.amount.sizeHint().height()  # nothing is squeezed by the warning
            payment.remember_as_saved()
            payment.reject()


async def test_the_due_date_goes_along_with_the_date_until_the_owner_chooses_one(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        sent = await books.invoice(await books.customer("Ann"), await books.item(), days_ago=5)
        async with shown(core) as window:
            editor = invoices_page(window).new_invoice()
            await still()
            day = editor.issued.value
            term = editor.due.value - day
            editor.issued.set_value(day - timedelta(days=40))
            assert editor.due.value == day - timedelta(days=40) + term
            assert not editor.fields["due_on"].error
            editor.due.set_value(day)
            editor.issued.set_value(day - timedelta(days=3))
            assert editor.due.value == day, "the owner's own choice stays"
            editor.issued.set_value(date(9999, 12, 31))
            assert editor.fields["due_on"].error
            editor.remember_as_saved()
            editor.reject()
            editor = invoices_page(window).edit(sent)
            await still()
            promised = editor.due.value
            editor.issued.set_value(editor.issued.value - timedelta(days=2))
            assert editor.due.value == promised, "the customer was told that day"
            editor.remember_as_saved()
            editor.reject()


async def test_totals_are_those_of_the_books_while_typing(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        customer = await books.customer()
        await books.item("Pipe", "10.10")
        async with shown(core) as window:
            editor = await new_invoice(window, customer, "Pipe", "10.105")
            editor.lines.lines[0].quantity.set_value(Decimal("3"))
            editor.discount.set_value(Decimal("10"))
            assert editor.sums["subtotal"].text() == "30.32"
            assert editor.sums["discount"].text() == "-3.03"
            assert editor.sums["total"].text() == "$27.29"
            editor.start_saving()
            await still()
            assert invoices_page(window).detail.shown.row.total == Decimal("27.29")


async def test_a_fault_in_a_line_is_shown_under_it_and_has_the_focus(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        customer = await books.customer()
        await books.item("Pipe")
        async with shown(core) as window:
            editor = await new_invoice(window, customer, "Pipe")
            line = editor.lines.lines[0]
            line.price.setText("12 apples")
            editor.start_saving()
            await still()
            assert line.error.isVisible() and line.error.text()
            assert editor.focusWidget() is line.price
            assert editor.isVisible()
            line.price.setText("12")
            line.description.setText("bell \x07 inside")
            line.description.setModified(True)
            editor.start_saving()
            await still()
            assert "U+0007" in line.error.text()
            assert editor.focusWidget() is line.description
            QTest.keyClicks(line.description, "s")
            assert line.error.isHidden() and not line.description.property("invalid"), "what was mended stays red"
            editor.remember_as_saved()
            editor.reject()


async def test_a_customer_nobody_knows_is_asked_for(qloop, look, connected) -> None:
    async with connected() as core, shown(core) as window:
        editor = invoices_page(window).new_invoice()
        await still()
        editor.customer.setText("Nobody")
        editor.start_saving()
        await still()
        assert "Nobody" in editor.fields["customer_id"].error
        editor.remember_as_saved()
        editor.reject()


async def test_typing_part_of_a_name_offers_the_customer_and_a_new_one(qloop, look, connected, qtbot) -> None:
    async with connected() as core:
        await Books(core).customer("Åse Ødegård")
        async with shown(core) as window:
            editor = invoices_page(window).new_invoice()
            await still()
            editor.activateWindow()
            editor.customer.setFocus()
            qtbot.keyClicks(editor.customer, "ase")
            await still()
            model = editor.customer._model
            texts = [model.item(row).text() for row in range(model.rowCount())]
            assert texts[0].startswith("Åse Ødegård")
            assert texts[-1] == "Add “ase” as a new customer"
            editor.remember_as_saved()
            editor.reject()


async def test_unsaved_work_is_asked_for_and_can_be_kept(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        customer = await books.customer()
        await books.item("Pipe")
        async with shown(core) as window:
            editor = await new_invoice(window, customer, "Pipe")
            editor.reject()
            await answer(editor, "Cancel")
            await still()
            assert editor.isVisible()
            editor.reject()
            await answer(editor, "Save")
            await still()
            assert invoices_page(window).model.rowCount() == 1
            editor = await new_invoice(window, customer, "Pipe")
            editor.reject()
            await answer(editor, "Don't save")
            await still()
            assert invoices_page(window).model.rowCount() == 1


async def test_payment_starts_with_the_balance_and_refuses_more_than_that(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        invoice = await books.invoice(await books.customer(), await books.item(), "350")
        async with shown(core) as window:
            page = invoices_page(window)
            page.select(invoice)
            await still()
            dialog = page.record_payment(invoice)
            assert dialog.amount.value == Decimal("350")
            dialog.amount.setText("351")
            dialog.start_saving()
            await still()
            assert "351" in dialog.fields["amount"].error
            assert dialog.isVisible()
            dialog.amount.setText("(5)")
            dialog.start_saving()
            assert dialog.fields["amount"].error
            dialog.amount.setText("100")
            dialog.reference.setText("#88")
            dialog.start_saving()
            await still()
            assert page.detail.shown.row.balance == Decimal("250")
            window.toaster.action_button.click()
            await still()
            assert page.detail.shown.row.balance == Decimal("350")


async def test_customer_and_item_editors_keep_and_refuse(qloop, look, connected) -> None:
    async with connected() as core, shown(core) as window:
        customers_page: Any = window.pages["customers"]
        window._show_page("customers")
        editor: CustomerEditor = customers_page.new_customer("")
        editor.start_saving()
        await still()
        assert "missing" in editor.fields["display_name"].error
        editor.inputs["display_name"].setText("Cobb & Daughters")
        editor.inputs["email"].setText("not an address")
        editor.start_saving()
        await still()
        assert editor.fields["email"].error
        editor.inputs["email"].setText("cobb@example.com")
        editor.kind.setCurrentIndex(2)
        editor.start_saving()
        await still()
        assert customers_page.model.row_at(0).name == "Cobb & Daughters"
        assert customers_page.model.row_at(0).kind_reason == "chosen by you"
        items_page: Any = window.pages["items"]
        window._show_page("items")
        item_editor: ItemEditor = items_page.new_item()
        item_editor.price.setText("free")
        item_editor.name.setText("Pipe")
        item_editor.start_saving()
        await still()
        assert item_editor.fields["unit_price"].error
        item_editor.price.setText("12.5")
        item_editor.start_saving()
        await still()
        assert items_page.model.row_at(0).unit_price == Decimal("12.5")
        assert items_page.detail.pill.status.text == "No income account"
