"""The wizard of each of the four services: what is chosen, what is mapped, and what the service has none of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget, QWizard

from desktop.books.items import ItemDraft, create_item
from desktop.core import Core
from desktop.providers.records import PaymentMethod
from desktop.sync.mapping import mapping_view
from desktop.sync.tax_payments import save_deposits, tax_payments_view
from desktop.ui.connection_page import ConnectionPage
from desktop.ui.unsynced_alert import UnsyncedAlert
from desktop.wizard.wizard import SetupWizard
from tests.helpers.desk import open_core, sign_in_to_demo
from tests.helpers.four_services import ALL
from tests.ui.settings.acting import Nowhere, customers_here, forward, items_here, leave, press, still, wizard_on

BUTTONS = QWizard.WizardButton
pytestmark = pytest.mark.timeout(90)


async def wizard_at_step(core: Core, window: QWidget, step: str) -> SetupWizard:
    """The wizard with all before `step` skipped."""
    wizard = await wizard_on(core, window)
    while wizard.step != step:
        await press(wizard, BUTTONS.CustomButton1)
    return wizard


WizardAt = Callable[..., AbstractAsyncContextManager[tuple[Core, SetupWizard, Any]]]


@pytest.fixture
def wizard_at(tmp_path: Path, sandbox: Any, window: QWidget) -> WizardAt:
    """`wizard_at(service, step, *items)` gives (core, wizard, its page): all before `step` was skipped.

    `items` are names of items of ours.
    """

    @asynccontextmanager
    async def opened(service: str, step: str, *items: str) -> AsyncIterator[tuple[Core, SetupWizard, Any]]:
        async with open_core(tmp_path / "desk", sandbox) as core:
            await sign_in_to_demo(core, sandbox, service)
            for name in items:
                await core.do(create_item, ItemDraft(name=name))
            wizard = await wizard_at_step(core, window, step)
            yield core, wizard, wizard.currentPage()

    return opened


def texts(page: QWidget) -> str:
    return " ".join(one.text() for one in page.findChildren(QLabel) if one.isVisible())


SETUP = [
    pytest.param("quickbooks", "Map Income Accounts", "income account", id="M5"),
    pytest.param("xero", "Map Revenue Accounts", "revenue account", id="M6"),
]


@pytest.mark.parametrize(("service", "title", "word"), SETUP)
async def test_M5_M6_what_to_sync_is_picked_and_accounts_are_mapped_in_the_services_words(
    qloop, wizard_at: WizardAt, service: str, title: str, word: str
) -> None:
    async with wizard_at(service, "accounts", "Drain check") as (core, wizard, page):
        (item,) = [row.id for row in await items_here(core)]
        assert page.accessibleName() == title and f"The {word} decides" in page.sentence.text()
        page.panel.choose(item, page.panel._view.accounts[0].external_id)
        await forward(wizard)
        boxes = wizard.currentPage().panel.boxes
        assert all(boxes[name].isVisible() and boxes[name].isEnabled() for name in ("invoices", "customers", "items"))
        boxes["items"].click()
        await forward(wizard)
        view = await core.connection()
        assert view is not None and view.switches.invoices and view.switches.customers and not view.switches.items
        rows = {row.item_id: row for row in (await core.ask(mapping_view, view.key)).rows}
        assert rows[item].usable
        await leave(wizard)


async def test_M7_freshbooks_has_nothing_to_map_and_says_so_in_one_line(qloop, wizard_at: WizardAt) -> None:
    async with wizard_at("freshbooks", "accounts", "Drain check") as (_core, wizard, page):
        assert page.nothing.isVisible() and not page.panel.isVisible() and "FreshBooks" in texts(page)
        await forward(wizard)
        boxes = wizard.currentPage().panel.boxes
        assert all(boxes[name].isEnabled() for name in ("invoices", "customers", "items"))
        await forward(wizard)
        lines = [line.text for line in wizard.currentPage().lines]
        assert "Accounts: nothing to map" in lines and not any("none yet" in line for line in lines)
        await leave(wizard)


async def test_M8_wave_offers_invoices_and_customers_and_says_what_else_it_needs(qloop, wizard_at: WizardAt) -> None:
    async with wizard_at("wave", "settings") as (_core, wizard, page):
        boxes = page.panel.boxes
        assert boxes["invoices"].isVisible() and boxes["customers"].isVisible() and not boxes["items"].isVisible()
        said = texts(page)
        assert "Wave gets a product when an invoice needs one" in said
        assert "Choose the account they go to under Tax and payments" in said
        await forward(wizard)
        assert "items" not in next(line.hint for line in wizard.currentPage().lines if "Auto-Sync is on" in line.text)
        await leave(wizard)


async def test_N4_the_overview_says_which_payments_wait_for_an_account(
    qloop, tmp_path, sandbox, control, window
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await sign_in_to_demo(core, sandbox, "wave")
        key = await core.company_key()
        assert key is not None
        page = ConnectionPage(core, Nowhere(), window)
        page.show()
        page.load()
        await still()
        assert f"{len(PaymentMethod)} payment methods have no account: such payments wait" in texts(page)
        button = next(one for one in page.overview.findChildren(QPushButton) if one.text() == "Choose where they go")
        button.click()
        await still()
        assert page.tabs.tabText(page.tabs.currentIndex()) == "Tax and payments"
        account = (await core.ask(tax_payments_view, key)).accounts[0].external_id
        await core.do(save_deposits, key, {method.value: account for method in PaymentMethod})
        page.load()
        await still()
        page.show_tab("overview")
        assert "are linked" in texts(page) and "have no account" not in texts(page)


@pytest.mark.parametrize("service", ALL)
async def test_M34_all_customers_are_taken_at_once_from_any_service(qloop, wizard_at: WizardAt, service: str) -> None:
    async with wizard_at(service, "customers") as (core, wizard, page):
        page.model.set_all_shown(True)
        taken = {page.name_of(row) for row in page.model.checked_rows()}
        open_rows = {page.name_of(row) for row in page.model.rows if not row.is_known and not row.waits}
        assert taken == open_rows and len(taken) > 40
        assert {row.review.record.active for row in page.model.checked_rows()} == {True, False}, "inactive ones too"
        await forward(wizard)
        assert {row.name for row in await customers_here(core)} == taken
        await leave(wizard)


async def test_M149_a_skipped_step_is_done_later_from_the_page(qloop, wizard_at: WizardAt, window) -> None:
    async with wizard_at("quickbooks", "done") as (core, wizard, page):
        skipped = [line for line in page.lines if "skipped" in line.text]
        assert len(skipped) == 2 and "at any time" in skipped[0].hint
        await press(wizard, BUTTONS.FinishButton)
        again = await wizard_on(core, window, "customers")
        offered: Any = again.currentPage()
        assert offered.model.checked_count > 40, "skipping leaves nobody out: all are offered and ticked as before"
        await forward(again)
        assert len(await customers_here(core)) > 40
        await leave(again)


async def test_M150_the_end_of_the_wizard_invites_to_the_unsynced_customers(qloop, wizard_at: WizardAt) -> None:
    async with wizard_at("quickbooks", "done") as (_core, wizard, page):
        (invitation,) = [line for line in page.lines if "stayed behind" in line.text]
        assert "Unsynced customers" in invitation.hint and "whenever you like" in invitation.hint
        await leave(wizard)


@pytest.mark.parametrize("service", ALL)
async def test_M126_M127_M128_the_alert_works_for_any_service_says_why_and_forces_nothing(
    qloop, tmp_path, sandbox, control, window, service: str
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await sign_in_to_demo(core, sandbox, service)
        alert = UnsyncedAlert(core, window)
        terms = await core.terms()
        assert terms is not None
        alert.set_service(terms.service)
        alert.show()
        before = control.books(service)
        alert.fold.click()
        await still()
        active = sum(1 for one in before["customers"] if one["active"])
        assert alert.sentence.text() == (
            f"{active} of {active} customers in {terms.service} are not yet imported into BlueClerk"
        )
        assert "an invoice can only sync for a customer that exists on both sides" in alert.why.text()
        assert "You may ignore this" in alert.why.text()
        alert.fold.click()
        await still()
        assert control.books(service) == before and not await customers_here(core), "ignored, it changed nothing"
        wizard = await wizard_at_step(core, window, "settings")
        await forward(wizard)
        view = await core.connection()
        assert view is not None and view.switches.auto, "and nothing else waits for it"
        await leave(wizard)
