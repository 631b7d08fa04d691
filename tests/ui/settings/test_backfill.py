"""Send older invoices: a day, the plan field by field, and exactly that (C6, N11)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.desk import Desk
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.history import keep_old_invoice
from desktop.books.items import ItemDraft, create_item
from desktop.books.totals import Rounding
from desktop.core import Core
from desktop.sync import mapping
from desktop.ui.backfill_dialog import BackfillDialog
from desktop.ui.connection_page import ConnectionPage
from tests.helpers.control import Control
from tests.helpers.desk import connected_core
from tests.helpers.waiting import until
from tests.ui.settings.acting import Nowhere, still

pytestmark = pytest.mark.timeout(90)


def write(session: Session, desk: Desk) -> int:
    customer = create_customer(session, desk, CustomerDraft("Nora Fielding"), imported=True)
    item = create_item(session, desk, ItemDraft("Boiler visit", unit_price=Decimal(50)), imported=True)
    for n, day in enumerate((date(2026, 1, 5), date(2026, 3, 5))):
        line = LineDraft(item, "", Decimal(1), Decimal(50))
        draft = InvoiceDraft(customer, day, None, (line,), number=f"OLD-{n}")
        keep_old_invoice(session, desk, draft, sent=True, rounding=Rounding.ON_TOTAL)
    return item


async def old_books(core: Core) -> None:
    item = await core.do(write)
    key = await core.company_key()
    assert key is not None
    view = await core.ask(mapping.mapping_view, key)
    await core.do(mapping.save_mapping, key, {item: view.accounts[0].external_id})


def numbers(control: Control) -> set[str]:
    return {one["number"] for one in control.books()["invoices"]}


async def test_N11_C6_older_invoices_by_date_with_the_plan_shown_first(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        await old_books(core)
        dialog = BackfillDialog(core, "QuickBooks", window)
        dialog.open()
        await still()
        assert dialog.since.value == date(2026, 1, 5) and not dialog.send_button.isEnabled()
        dialog.since.set_value(date(2026, 2, 1))
        dialog.look_button.click()
        await still()
        assert "OLD-1" in "\n".join(dialog.tree.texts()) and "OLD-0" not in "\n".join(dialog.tree.texts())
        lines = [dialog.tree.topLevelItem(n) for n in range(dialog.tree.topLevelItemCount())]
        high = dialog.tree.visualItemRect(lines[0]).height()
        lines[0].setText(2, "A reason of many words that one line can't hold. " * 3)
        dialog.resize(560, 460)
        await until(lambda: dialog.tree.visualItemRect(lines[0]).height() >= 2 * high)
        assert dialog.send_button.accessibleName() == "Send 1 invoice as shown" and "OLD-1" not in numbers(control)
        dialog.send_button.click()
        await still()
        assert "1 invoice is in QuickBooks now." in dialog.banner.sentence
        assert "OLD-1" in numbers(control) and "OLD-0" not in numbers(control)
        dialog.reject()


async def test_N11_a_back_fill_is_refused_when_something_changed_since_it_was_shown(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        await old_books(core)
        dialog = BackfillDialog(core, "QuickBooks", window)
        dialog.open()
        await still()
        dialog.look()
        await still()
        there = control.books()["customers"][0]["id"]
        control.edit("customer", there, {"display_name": "Nora Fielding"})
        dialog.send()
        await still()
        assert "changed since you looked" in dialog.banner.sentence and dialog.shown is None
        assert not {"OLD-0", "OLD-1"} & numbers(control)
        dialog.reject()


async def test_N11_the_import_tab_leads_there_and_says_when_nothing_is_left(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        page = ConnectionPage(core, Nowhere(), window)
        page.load()
        await still()
        page.imports.older_button.click()
        await still()
        (dialog,) = window.findChildren(BackfillDialog)
        assert "is in QuickBooks already" in dialog.summary.text() and not dialog.look_button.isEnabled()
        dialog.reject()
        await still()
