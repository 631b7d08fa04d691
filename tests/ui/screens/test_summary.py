"""The daily summary as the owner finds it: from the activity, by the day, as text; no placeholder in it (C12)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from desktop.books import customers
from desktop.books.customers import CustomerDraft
from tests.ui.screens.acting import still
from tests.ui.screens.conftest import Books, shown


async def test_C12_M130_M132_the_summary_of_a_day(qloop, alone, tmp_path: Path, look) -> None:
    async with alone() as core:
        books = Books(core)
        customer, item = await books.customer("Walked In", email="w@in.example"), await books.item()
        await core.do(customers.create_customer, CustomerDraft("From the service"), imported=True)
        invoice = await books.invoice(customer, item, "350")
        await books.pay(invoice, "40.50")
        async with shown(core) as window:
            window._show_page("activity")
            await still()
            page = window.pages["activity"]
            page.summary_button.setFocus()
            QTest.keyClick(page.summary_button, Qt.Key.Key_Space)
            await still()
            dialog = window.findChildren(type(page.show_summary()))[0]
            await still()
            dialog.copy()
            text = QGuiApplication.clipboard().text()
            assert "1 new customer" in text and "Walked In" in text and "w@in.example" in text
            assert "1 was imported and is not counted." in text and "From the service" not in text
            assert "1 invoice sent: $350.00" in text and "1 payment: $40.50" in text and "Nothing failed" in text
            assert "placeholder" not in text
            dialog.back.click()
            await still()
            assert dialog.day.value == window.context.today() - timedelta(days=1)
            dialog.copy()
            assert "0 new customers" in QGuiApplication.clipboard().text()
            for one in window.findChildren(type(dialog)):
                one.reject()


async def test_M133_a_placeholder_is_shown_as_no_email_and_found_by_no_search(qloop, alone, look) -> None:
    async with alone() as core:
        books = Books(core)
        real = await books.customer("With address", email="real@x.example")
        await core.do(customers.create_customer, CustomerDraft("Without address"), imported=True)
        async with shown(core) as window:
            window._show_page("customers")
            await still()
            page = window.pages["customers"]
            for text, count in (("placeholder", 0), ("local", 0), ("real@x", 1), ("address", 2)):
                page.search(text)
                await still()
                assert len(page.model.ids) == count, text
            rows = [page.model.row_at(n) for n in range(2)]
            assert {row.email for row in rows} == {"real@x.example", ""}
            editor = page.edit(next(row.id for row in rows if row.id != real))
            await still()
            assert editor.fields["email"].field.text() == ""
            editor.reject()
            await still()
