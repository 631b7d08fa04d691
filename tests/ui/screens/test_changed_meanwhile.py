"""I6: what a sync or another desk changed while an editor was open is not undone by saving it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from desktop.books import customers, invoices, items, queries
from desktop.books.drafts import LineDraft
from desktop.core import Core
from desktop.providers.records import Kind
from desktop.ui.customer_editor import CustomerEditor
from desktop.ui.editor_dialog import EditorDialog
from desktop.ui.invoice_editor import InvoiceEditor
from desktop.ui.item_editor import ItemEditor
from desktop.ui.main_window import MainWindow
from tests.ui.screens.acting import still
from tests.ui.screens.conftest import Books, shown

AGAIN = "Save again to keep what you typed."


async def synced(core: Core) -> tuple[int, int, int]:
    """A customer, an item and a sent invoice of the two, in the books of both sides."""
    books = Books(core)
    customer, item = await books.customer("Ann Meanwhile", phone="555 0001"), await books.item("Boiler check")
    invoice = await books.invoice(customer, item, number="MW-1")
    assert (await core.sync([(Kind.INVOICE, invoice)])).clean
    return customer, item, invoice


async def editor_of(window: MainWindow, invoice: int) -> InvoiceEditor:
    page: Any = window.pages["invoices"]
    editor: InvoiceEditor = page.edit(invoice)
    await still()
    return editor


async def save(editor: EditorDialog) -> None:
    editor.start_saving()
    await still()


def there_of(control: Any) -> Any:
    return next(one for one in control.books()["invoices"] if one["number"] == "MW-1")


async def test_I6_a_due_date_that_the_bookkeeper_moves_while_the_note_is_typed_stays_moved_on_both_sides(
    qloop: Any, look: Any, connected: Any, control: Any
) -> None:
    async with connected() as core:
        _, _, invoice = await synced(core)
        assert (await core.sync_now()).clean
        async with shown(core) as window:
            editor = await editor_of(window, invoice)
            control.edit("invoice", there_of(control)["id"], {"due_date": "2027-03-31"})
            assert (await core.sync_now()).clean
            assert (await core.ask(queries.invoice_draft, invoice)).due_on == date(2027, 3, 31)
            editor.note.setPlainText("Ring before you come.")
            await save(editor)
            kept = await core.ask(queries.invoice_draft, invoice)
            assert (kept.due_on, kept.note) == (date(2027, 3, 31), "Ring before you come.")
            assert (await core.sync([(Kind.INVOICE, invoice)])).clean
            assert there_of(control)["due_date"] == "2027-03-31"


async def test_I6_a_field_that_both_changed_is_said_at_its_place_and_kept_as_typed_when_saved_again(
    qloop: Any, look: Any, connected: Any
) -> None:
    async with connected() as core:
        _, item, invoice = await synced(core)
        async with shown(core) as window:
            editor = await editor_of(window, invoice)
            loaded = await core.ask(queries.invoice_draft, invoice)
            line = LineDraft(item, "Two visits", Decimal(2), Decimal(350))
            other = replace(loaded, note="Written at the other desk.", lines=(line,))
            await core.do(invoices.update_invoice, invoice, other)
            editor.note.setPlainText("Written here.")
            await save(editor)
            assert "“Written at the other desk.” now" in editor.fields["note"].error
            assert AGAIN in editor.fields["note"].error and editor.isVisible()
            assert await core.ask(queries.invoice_draft, invoice) == other
            await save(editor)
            kept = await core.ask(queries.invoice_draft, invoice)
            assert kept == replace(other, note="Written here."), "the lines of the other desk are not undone"


async def test_I6_lines_that_both_changed_are_never_mixed(qloop: Any, look: Any, connected: Any) -> None:
    async with connected() as core:
        _, item, invoice = await synced(core)
        async with shown(core) as window:
            editor = await editor_of(window, invoice)
            loaded = await core.ask(queries.invoice_draft, invoice)
            theirs = (LineDraft(item, "", Decimal(1), Decimal(360)), LineDraft(item, "", Decimal(1), Decimal(40)))
            await core.do(invoices.update_invoice, invoice, replace(loaded, lines=theirs))
            editor.lines.lines[0].price.set_value(Decimal(355))
            await save(editor)
            said = editor.lines.lines[0].error.text()
            assert "they come to 400.00 now" in said and AGAIN in said
            assert (await core.ask(queries.invoice_draft, invoice)).lines == theirs
            await save(editor)
            (kept,) = (await core.ask(queries.invoice_draft, invoice)).lines
            assert kept.unit_price == Decimal(355)


async def test_I6_a_customers_phone_that_comes_in_while_the_city_is_typed_stays(
    qloop: Any, look: Any, connected: Any, control: Any
) -> None:
    async with connected() as core:
        customer, _, _ = await synced(core)
        assert (await core.sync_now()).clean
        async with shown(core) as window:
            page: Any = window.pages["customers"]
            editor: CustomerEditor = page.edit(customer)
            await still()
            there = next(one for one in control.books()["customers"] if one["display_name"] == "Ann Meanwhile")
            control.edit("customer", there["id"], {"phone": "555 9999"})
            assert (await core.sync_now()).clean
            editor.inputs["city"].setText("Omaha")
            await save(editor)
            kept = await core.ask(queries.customer_draft, customer)
            assert (kept.phone, kept.city) == ("555 9999", "Omaha")
            again: CustomerEditor = page.edit(customer)
            await still()
            await core.do(customers.update_customer, customer, replace(kept, city="Lincoln"))
            again.inputs["city"].setText("Kearney")
            await save(again)
            assert "“Lincoln” now" in again.fields["city"].error
            await save(again)
            assert (await core.ask(queries.customer_draft, customer)).city == "Kearney"


async def test_I6_an_items_price_that_is_changed_while_its_code_is_typed_stays(
    qloop: Any, look: Any, connected: Any
) -> None:
    async with connected() as core:
        _, item, _ = await synced(core)
        async with shown(core) as window:
            page: Any = window.pages["items"]
            editor: ItemEditor = page.edit(item)
            await still()
            loaded = await core.ask(queries.item_draft, item)
            await core.do(items.update_item, item, replace(loaded, unit_price=Decimal("129.50")))
            editor.sku.setText("BC-1")
            await save(editor)
            kept = await core.ask(queries.item_draft, item)
            assert (kept.unit_price, kept.sku) == (Decimal("129.50"), "BC-1")


async def test_I6_nothing_is_written_where_nothing_was_typed(qloop: Any, look: Any, connected: Any) -> None:
    async with connected() as core:
        _, item, invoice = await synced(core)
        async with shown(core) as window:
            editor = await editor_of(window, invoice)
            loaded = await core.ask(queries.invoice_draft, invoice)
            lines = (LineDraft(item, "Moved", Decimal(3), Decimal(10)),)
            other = replace(loaded, lines=lines, discount_percent=Decimal(10), due_on=date(2027, 1, 31))
            await core.do(invoices.update_invoice, invoice, other)
            await save(editor)
            assert await core.ask(queries.invoice_draft, invoice) == other
