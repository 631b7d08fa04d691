"""Settings > Integrations against the sandbox: cards, sign-in, the service's page, leaving again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from desktop.books import customers, invoices, items, users
from desktop.books.customers import CustomerDraft
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.items import ItemDraft
from desktop.core import Core
from desktop.errors import NeedsSignIn, NotAllowed, SecretStoreProblem
from desktop.kinds import CustomerKind
from desktop.models.states import Switches
from desktop.providers.records import Kind
from desktop.sync import importing, mapping, overview, reviewing, taught
from desktop.sync.secrets import MemoryStore, StoreMissing
from desktop.ui import operations
from desktop.ui.connect_dialog import ConnectDialog
from desktop.ui.link_dialog import LinkDialog, link_to_existing
from desktop.ui.routes import settings
from desktop.ui.team_page import TeamPage
from desktop.ui.theme import Mode, theme
from desktop.wizard.wizard import SetupWizard
from tests.helpers.control import Control
from tests.helpers.desk import connected_core, consent, open_core
from tests.helpers.waiting import until
from tests.ui.settings.acting import Browser, page_at, page_in, shown, still, until_shown

pytestmark = pytest.mark.timeout(90)


def dialog_on(core: Core, window: QWidget) -> ConnectDialog:
    key = core.services()[0].key
    dialog = ConnectDialog(core, key, window, linger_ms=0)
    dialog.open()
    return dialog


# --- the cards ---


async def test_M1_four_services_in_order_with_their_own_button(qloop, tmp_path: Path, sandbox, window) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        page = page_in(core, window)
        await still()
        cards = list(page.integrations.cards.values())
        assert [card.name.text() for card in cards] == ["QuickBooks Online", "Xero", "FreshBooks", "Wave"]
        assert not any(card.button.property("kind") for card in cards), "four of a rank: none is filled"
        assert [card.button.text() for card in cards] == [
            "Connect QuickBooks",
            "Connect Xero",
            "Connect FreshBooks",
            "Connect Wave",
        ]
        for card, service in zip(cards, core.services(), strict=True):
            assert card.button.isEnabled() == service.available
            assert service.available != ("not yet available" in card.sentence.text())


async def test_M4_while_one_is_connected_the_others_are_refused_with_the_reason(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        page = page_in(core, window)
        await still()
        cards = page.integrations.cards
        assert cards["quickbooks"].button.text() == "Open"
        assert not any(card.button.isEnabled() for key, card in cards.items() if key != "quickbooks")
        from desktop.ui.integrations_page import card_state

        info = replace(core.services()[1], available=True)
        state = card_state(info, await core.connection(), "QuickBooks")
        assert not state.enabled
        assert "One accounting system at a time" in state.reason and "QuickBooks" in state.reason


# --- signing in ---


async def test_M2_M3_M11_from_connect_to_the_wizard(qloop, tmp_path: Path, sandbox, control: Control, window) -> None:
    browser = Browser()
    async with open_core(tmp_path / "desk", sandbox, open_browser=browser) as core:
        page = page_in(core, window)
        await still()
        page.integrations.cards["quickbooks"].button.click()
        dialog = page._dialog
        assert dialog is not None
        seen = []
        dialog.steps.currentChanged.connect(lambda _n: seen.append(dialog.step))
        await until(lambda: dialog.step == "connected", 20)
        assert dialog.connected.title.text() == "Connected to Acme Plumbing LLC"
        assert seen == ["waiting", "exchanging", "connected"]
        assert len(browser.urls) == 1 and browser.urls[0].startswith(sandbox.services["quickbooks"]["authorize"])
        await until(lambda: dialog.connected.go_on.isVisible(), 20)
        dialog.connected.go_on.click()
        wizard = await until_shown(window, SetupWizard)
        await browser.done()
        await still()
        assert wizard.step == "customers" and page.place == "connection"
        wizard.reject()


async def test_M139_denied_consent_says_what_happened_and_can_be_tried_again(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    browser = Browser(deny=True)
    async with open_core(tmp_path / "desk", sandbox, open_browser=browser) as core:
        dialog = dialog_on(core, window)
        await until(lambda: dialog.step == "failed", 20)
        assert "did not allow" in dialog.failed.sentence.text() and dialog.failed.check.text()
        browser.deny = False
        dialog.failed.try_again.click()
        await until(lambda: dialog.step == "connected", 20)
        await browser.done()
        await still()
        view = await core.connection()
        assert view is not None and view.company_name == "Acme Plumbing LLC"


async def test_a_browser_that_does_not_open_leaves_the_address_to_copy_and_to_paste(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    browser = Browser(opens=False)
    async with open_core(tmp_path / "desk", sandbox, open_browser=browser) as core:
        dialog = dialog_on(core, window)
        await until(lambda: dialog.step == "waiting", 20)
        step = dialog.waiting
        assert "No browser could be opened" in step.sentence.text()
        step.link.button.click()
        assert QGuiApplication.clipboard().text() == browser.urls[0]
        step.again.click()
        await until(lambda: len(browser.urls) == 2)
        step.more.click()
        step.pasted.field.setText("http://localhost:53682/callback?code=stolen&state=other")
        step.use_pasted.click()
        await until(lambda: bool(step.pasted.error))
        assert "not the end of the sign-in" in step.pasted.error
        await consent(browser.urls[0])
        await until(lambda: dialog.step == "connected", 20)
        await still()


async def test_cancel_gives_the_sign_in_up(qloop, tmp_path: Path, sandbox, control: Control, window) -> None:
    async with open_core(tmp_path / "desk", sandbox, open_browser=Browser(opens=False)) as core:
        dialog = dialog_on(core, window)
        await until(lambda: dialog.step == "waiting", 20)
        dialog.waiting.cancel.click()
        await still()
        flow = await core.sign_in()
        assert flow._attempt is None and await core.connection() is None


async def test_app_keys_are_asked_for_first_and_checked_at_their_field(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    browser = Browser()
    async with open_core(tmp_path / "desk", sandbox, open_browser=browser) as core:
        await (await core.app_keys()).forget("quickbooks", "sandbox")
        dialog = dialog_on(core, window)
        await until(lambda: dialog.step == "keys", 20)
        await still()
        form = dialog.keys.form
        assert [line.field.text() for line in form.copies][0] == "http://localhost:53682/callback"
        form.copies[0].button.click()
        assert QGuiApplication.clipboard().text() == "http://localhost:53682/callback"
        form.save_button.click()
        await still()
        assert form.client_id.error and not form.secret.error and dialog.step == "keys"
        service = sandbox.services["quickbooks"]
        form.client_id.field.setText(service["client_id"])
        form.secret.field.setText(service["client_secret"])
        form.save_button.click()
        await until(lambda: dialog.step == "connected", 20)
        await browser.done()
        await still()


class _Gone(MemoryStore):
    lasting = True

    def read(self, name: str) -> str | None:
        raise StoreMissing

    write = read  # type: ignore[assignment]


async def test_without_a_password_store_one_may_connect_for_this_session(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    browser = Browser()
    from tests.helpers.desk import options

    core = await Core.open(options(tmp_path / "desk", sandbox.services, store=_Gone(), open_browser=browser))
    try:
        dialog = dialog_on(core, window)
        await until(lambda: dialog.step == "failed", 20)
        assert "no password store" in dialog.failed.sentence.text()
        assert dialog.failed.other.text() == "Connect for this session only"
        dialog.failed.other.click()
        await until(lambda: dialog.step == "keys", 20)
        await still()
        dialog.reject()
        await still()
    finally:
        await core.close()


# --- the service's page ---


async def test_M119_opening_the_page_asks_nobody(qloop, tmp_path: Path, sandbox, control: Control, window) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        before = len(control.ledger())
        page = await page_at(core, window, settings("integrations"))
        assert page.place == "connection" and not page.connection.alert.is_open
        for number in range(page.connection.tabs.count()):
            page.connection.tabs.setCurrentIndex(number)
            await still()
        assert len(control.ledger()) == before


async def test_M118_M120_M125_the_alert_counts_when_it_is_opened(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        page = await page_at(core, window, settings("integrations"))
        alert = page.connection.alert
        active = [one for one in control.books()["customers"] if one["active"]]
        before = len(control.ledger())
        alert.fold.click()
        await still()
        text = "{0} of {0} customers in QuickBooks are not yet imported into BlueClerk"
        assert alert.sentence.text() == text.format(len(active))
        assert "exists on both sides" in alert.why.text() and alert.why.isVisible()  # M128
        fetched = len(control.ledger())
        assert fetched > before
        alert.fold.click()
        alert.fold.click()
        await still()
        assert len(control.ledger()) == fetched, "M122: nothing is fetched again within 60 seconds"
        alert.review_button.click()  # M121
        wizard = await until_shown(window, SetupWizard, lambda found: bool(found.step))
        await still()
        assert wizard.step == "customers" and wizard.flow.only == "customers"
        assert len(control.ledger()) == fetched, "M124: the import page uses the same list"
        taken = wizard.currentPage().model.checked_count
        wizard.button(SetupWizard.WizardButton.CommitButton).click()
        await still()
        wizard.accept()
        await still()
        alert.fold.click()
        alert.fold.click()
        await still()
        assert alert.sentence.text().startswith(f"{len(active) - taken} of {len(active)} ")
        assert len(control.ledger()) == fetched, "C11: the count is new without a fetch"


async def test_M55_M56_M58_switches_take_effect_at_once(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        page = await page_at(core, window, settings("sync_settings"))
        boxes = page.connection.switches.panel.boxes
        assert set(boxes) == {"auto", "invoices", "payments", "customers", "items", "weekly"}
        assert boxes["weekly"].isChecked() and "once a week" in boxes["weekly"].accessibleDescription()
        assert not boxes["auto"].isChecked() and boxes["items"].isChecked()
        boxes["auto"].click()
        boxes["items"].click()
        await still()
        view = await core.connection()
        assert view is not None and view.switches == Switches(auto=True, items=False)


async def test_M47_M48_M49_M50_account_mapping(qloop, tmp_path: Path, sandbox, control: Control, window) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        ids = [await core.do(items.create_item, ItemDraft(name=name)) for name in ("Plumbing survey", "Zebra", "Yak")]
        page = await page_at(core, window, settings("account_mapping"))
        tab = page.connection.mapping
        panel = tab.panel
        key = await core.company_key()
        assert key is not None and "profit report" in tab.why.text()  # M52
        accounts = (await core.ask(mapping.mapping_view, key)).accounts
        assert not tab.save_button.isEnabled()
        panel.choose(ids[1], accounts[1].external_id)
        panel.use_suggestions()
        panel.picker.setCurrentIndex(panel.picker.findData(accounts[0].external_id))
        panel.apply_button.click()
        assert panel.open_count == 0 and page.may_leave() is False
        before = await core.ask(mapping.mapping_view, key)
        assert not any(row.usable for row in before.rows if row.item_id in ids), "M50: only Save stores"
        tab.save_button.click()
        await still()
        after = {row.item_id: row for row in (await core.ask(mapping.mapping_view, key)).rows}
        assert after[ids[1]].account_id == accounts[1].external_id, "M48: a mapped one is untouched"
        assert after[ids[0]].account_name == "Plumbing Repairs", "the suggestion was taken"
        assert after[ids[2]].account_id == accounts[0].external_id
        assert page.may_leave()


async def test_M142_a_failure_opens_the_mapping_with_its_items_only(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        ids = [await core.do(items.create_item, ItemDraft(name=name)) for name in ("Drain check", "Other")]
        page = await page_at(core, window, settings("account_mapping", ids=(ids[0],)))
        model = page.connection.mapping.panel.model
        assert [model.row_at(n).item.name for n in range(model.rowCount())] == ["Drain check"]
        page.connection.mapping.panel.chips.button("all").click()
        assert model.rowCount() >= 2


async def test_M60_M117_sync_now_sends_all_that_waits_and_tells_how_it_ended(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        view = await core.connection()
        assert view is not None and not view.switches.auto
        page = await page_at(core, window, settings("integrations"))
        item = await core.do(items.create_item, ItemDraft(name="Valve swap", unit_price=Decimal("85")))
        account = (await core.ask(mapping.mapping_view, view.key)).accounts[0].external_id
        await core.do(mapping.save_mapping, view.key, {item: account})
        customer = await core.do(customers.create_customer, CustomerDraft("Iris Cole"))
        today = core.clock.now().date()
        draft = InvoiceDraft(customer, today, today, (LineDraft(item, "", Decimal(1), Decimal(85)),), number="BC-M60")
        await core.do(invoices.mark_sent, await core.do(invoices.create_invoice, draft))
        names = {one["display_name"] for one in control.books()["customers"]}
        assert "Iris Cole" not in names, "with Auto-Sync off nothing goes by itself"
        page.connection.sync_button.click()
        assert not page.connection.sync_button.isEnabled() and page.connection.progress.isVisible()
        await still()
        books = control.books()
        assert "Iris Cole" in {one["display_name"] for one in books["customers"]}
        assert "Valve swap" in {one["name"] for one in books["items"]}
        assert [one["total"] for one in books["invoices"] if one["number"] == "BC-M60"] == ["85.00"]
        banner = page.connection.banner
        assert banner.isVisible() and banner.sentence.endswith("Everything is in sync with QuickBooks.")
        assert "were sent" in banner.sentence and page.connection.sync_button.isEnabled()


async def test_M60_M112_sync_now_says_what_needs_the_owner_and_leads_there(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        page = await page_at(core, window, settings("integrations"))
        await core.do(items.create_item, ItemDraft(name="Unmapped one"))
        await core.do(customers.create_customer, CustomerDraft("Iris Cole"))
        page.connection.sync_button.click()
        await still()
        banner = page.connection.banner
        assert "1 is in sync." in banner.sentence and "1 needs you." in banner.sentence
        assert banner.action_button.text() == "Show them"
        assert "Iris Cole" in {one["display_name"] for one in control.books()["customers"]}


async def test_M134_M135_M136_disconnect_asks_ends_and_says_what_stays(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        page = await page_at(core, window, settings("integrations"))
        page.connection.disconnect_button.click()
        box = await until_shown(window, QMessageBox)
        assert "stays there" in box.informativeText() and "until you connect again" in box.informativeText()
        box.reject()
        await still()
        assert await core.connection() is not None
        page.connection.disconnect_button.click()
        box = await until_shown(window, QMessageBox)
        next(one for one in box.findChildren(QPushButton) if one.text() == "Disconnect").click()
        await still()
        assert await core.connection() is None and page.place == "integrations"
        assert control.ledger(op="revoke") and "nothing syncs until" in page.banner.sentence


async def test_M15_M16_the_page_runs_the_wizard_and_each_import(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        page = await page_at(core, window, settings("import_data"))
        for button, step in (
            (page.connection.imports.customers_button, "customers"),
            (page.connection.imports.items_button, "items"),
            (page.connection.wizard_button, "customers"),
        ):
            button.click()
            wizard = await until_shown(window, SetupWizard, lambda found: bool(found.step))
            await still()
            assert wizard.step == step
            wizard.reject()
            await until(lambda: shown(window, SetupWizard) is None)


async def test_M144_a_connection_that_needs_it_offers_to_sign_in_again(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    browser = Browser()
    async with connected_core(tmp_path / "desk", sandbox, control, open_browser=browser) as core:
        page = await page_at(core, window, settings("integrations"))
        page.connection.alert.fold.click()
        await still()
        (await core.lists()).forget()
        with control.armed({"id": "A2", "every": 1}, {"id": "A8", "every": 1}), pytest.raises(NeedsSignIn):
            await (await core.lists()).customers.get()
        await still()
        banner = page.connection.state_banner
        assert banner.isVisible() and banner.action_button.text() == "Sign in again"
        banner.action_button.click()
        await until(lambda: page._dialog is None or page._dialog.step == "connected", 20)
        await browser.done()
        await until(lambda: page._dialog is None, 20)
        await still()
        view = await core.connection()
        assert view is not None and view.state.value == "connected"


# --- the other parts ---


async def test_M36_link_to_an_existing_record_by_hand(qloop, tmp_path: Path, sandbox, control, window) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        ours = await core.do(items.create_item, ItemDraft(name="First visit"))
        done: list[int] = []
        dialog = link_to_existing(core, window, "item", ours, "First visit", "QuickBooks", done.append)
        await still()
        assert isinstance(dialog, LinkDialog) and dialog.isVisible()
        dialog.search.setText("service call")
        dialog.search.returnPressed.emit()
        assert dialog.model.rowCount() == 1
        dialog.table.selectRow(0)
        dialog.accept_button.click()
        await still()
        assert done == [ours]
        key = await core.company_key()
        assert key is not None and await core.ask(overview.linked_count, key, Kind.ITEM.value) == 1
        again = link_to_existing(core, window, "item", ours, "First visit", "QuickBooks")
        await still()
        taken = next(row for row in again.model.rows if row.name == "Service call")
        assert not taken.can_pick and taken.note == "Linked to First visit"
        again.reject()


async def test_M108_the_last_admin_stays(qloop, tmp_path: Path, sandbox, window) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        page = await page_at(core, window, settings("team"))
        me = await core.user()
        page.team.boxes[me.id].click()
        await still()
        assert "Somebody must be admin" in page.team.banner.sentence
        assert page.team.boxes[me.id].isChecked()
        assert [one.admin for one in await core.ask(users.users)] == [True]


async def test_appearance_takes_effect_at_once_and_is_remembered(qloop, tmp_path: Path, sandbox, window) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        page = await page_at(core, window, settings("appearance"))
        page.appearance.looks[Mode.DARK].click()
        assert theme().is_dark
        page.appearance.sizes[1.3].click()
        assert theme().px(10) == 13
        from desktop.ui.appearance_page import restore
        from desktop.ui.preferences import Preferences

        theme().set_mode(Mode.LIGHT)
        theme().set_text_scale(1.0)
        restore(Preferences(core.options.data_dir))
        assert theme().is_dark and theme().px(10) == 13


async def test_closing_the_page_ends_its_work(qloop, tmp_path: Path, sandbox, control: Control, window) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        page = await page_at(core, window, settings("integrations"))
        page.connection.alert.fold.click()
        assert operations.pending()
        page.deleteLater()
        await until(lambda: not operations.pending())


async def test_M138_another_company_is_told_and_taken_only_on_purpose(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    control.reset("demo", "empty")
    browser = Browser(opens=False)
    async with connected_core(tmp_path / "desk", sandbox, control, open_browser=browser) as core:
        first = await core.connection()
        assert first is not None
        await core.disconnect()
        page = await consent_page(core)
        others = [one for one in page if one != first.company_id]
        dialog = dialog_on(core, window)
        await until(lambda: dialog.step == "waiting", 20)
        await consent(browser.urls[-1], company=others[0])
        await until(lambda: dialog.step == "failed", 20)
        assert "your books are linked to Acme Plumbing LLC" in dialog.failed.sentence.text()
        assert await core.connection() is None
        dialog.failed.other.click()
        await until(lambda: dialog.step == "waiting", 20)
        await consent(browser.urls[-1], company=others[0])
        await until(lambda: dialog.step == "connected", 20)
        await still()
        now = await core.connection()
        assert now is not None and now.company_id == others[0]


async def consent_page(core: Core) -> list[str]:
    """The companies that the consent page offers."""
    import re

    import httpx

    flow = await core.sign_in()
    begun = await flow.begin("quickbooks")
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(begun.url)).text
    await flow.cancel()
    return re.findall(r'value="(9\d{10,})"', text)


async def test_M51_the_mapping_skipped_in_the_wizard_is_reached_from_the_page(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        await core.do(items.create_item, ItemDraft(name="Drain check"))
        page = await page_at(core, window, settings("integrations"))
        button = next(one for one in page.connection.overview.findChildren(QPushButton) if "accounts" in one.text())
        button.click()
        await still()
        names = [row.item.name for row in page.connection.mapping.panel.model.rows]
        assert "Drain check" in names and page.connection.tabs.tabText(page.connection.tabs.currentIndex()) == (
            "Account Mapping"
        )


async def test_everything_fits_a_small_screen(qloop, tmp_path: Path, sandbox, control: Control, window) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        page = await page_at(core, window, settings("integrations"))
        for number in range(page.connection.tabs.count()):
            page.connection.tabs.setCurrentIndex(number)
            await still()
        least = page.minimumSizeHint()
        assert least.width() <= 640 and least.height() <= 400, "853 x 480 without the rail and the head of the window"
        page.run_wizard()
        wizard = await until_shown(window, SetupWizard, lambda found: bool(found.step))
        await still()
        assert wizard.minimumSizeHint().width() <= 853 and wizard.minimumSizeHint().height() <= 480
        wizard.reject()


async def test_N16_the_rules_that_were_taught_stand_under_import_data_and_can_be_removed(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        company = await core.require_company()
        records = await (await core.lists()).customers.get()
        reviews = await reviewing.review_customers(company, records)
        wrong = next(one for one in reviews if one.record.display_name == "Blue Heron Cafe")
        choice = importing.CustomerChoice(wrong.external_id, CustomerKind.BUILDER, chosen=True)
        page = await page_at(core, window, settings("import_data"))
        assert page.connection.taught.texts == [] and "remembered here" in page.connection.taught.sentence.text()
        await importing.import_customers(company, reviews, [choice])
        await until(lambda: bool(page.connection.taught.texts), 20)
        assert page.connection.taught.texts == ["You said: “Cafe” in the name means builder"]
        page.connection.taught.buttons[0].click()
        await until(lambda: not page.connection.taught.texts, 20)
        await still()
        assert await core.ask(taught.rules) == []


async def test_a_new_desk_joins_the_office_with_the_code_that_an_admin_shows(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    from tests.helpers.desk import options

    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        page = await page_at(core, window, settings("team"))
        page.team.show_code.click()
        await still()
        code = page.team.code.field.text()
        assert len(code) > 20 and page.team.code.isVisible()
        page.open(settings("appearance"))
        await still()
        assert not page.team.code.field.text(), "the code is not left standing"
        other = await Core.open(options(tmp_path / "desk", sandbox.services, store=MemoryStore(), account="helper"))
        try:
            with pytest.raises(SecretStoreProblem):
                await other.cipher()
            with pytest.raises(NotAllowed):
                await other.office_code()
            team = TeamPage(other, window)
            team.show()
            team.join_button.click()
            assert "another desk shows" in team.entered.error
            team.entered.field.setText(code[:-1] + ("0" if code[-1] != "0" else "1"))
            team.join_button.click()
            await still()
            assert team.entered.error
            team.entered.field.setText(code.lower())
            team.join_button.click()
            await still()
            assert "has joined" in team.banner.sentence
            keys = await (await other.app_keys()).load("quickbooks", "sandbox")
            assert keys is not None and keys.client_id == sandbox.services["quickbooks"]["client_id"]
        finally:
            await other.close()
