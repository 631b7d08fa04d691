"""The setup wizard on the sandbox's demo company, driven as an owner drives it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QWidget, QWizard

from desktop.books import customers, items
from desktop.books.customers import CustomerDraft
from desktop.books.items import ItemDraft
from desktop.clock import SystemClock
from desktop.kinds import CustomerKind
from desktop.providers.records import CustomerRecord, Page
from desktop.sync import mapping
from desktop.sync.overview import STEPS
from desktop.sync.remote_lists import RemoteList
from desktop.sync.reviewing import Standing
from desktop.wizard.customers_page import CustomersPage
from desktop.wizard.items_page import ItemsPage
from desktop.wizard.wizard import SetupWizard, prepare
from tests.helpers.control import Control
from tests.helpers.desk import connected_core
from tests.ui.settings.acting import customers_here, forward, items_here, leave, press, still, wizard_on

BUTTONS = QWizard.WizardButton
pytestmark = pytest.mark.timeout(90)


def row_id(page: Any, name: str) -> int:
    return next(n for n, row in enumerate(page.model.rows) if page.name_of(row) == name)


async def test_M12_M17_M18_five_steps_to_an_honest_summary(qloop, tmp_path, sandbox, control: Control, window) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        wizard = await wizard_on(core, window)
        assert wizard.flow.steps == STEPS and len(STEPS) == 5
        seen = [wizard.step]
        while wizard.step != "done":
            await forward(wizard)
            seen.append(wizard.step)
        assert tuple(seen) == STEPS
        lines = [line.text for line in wizard.currentPage().lines]
        here = await customers_here(core)
        assert f"{len(here)} customers added" in lines
        assert "Auto-Sync is on" in lines
        view = await core.connection()
        assert view is not None and view.switches.auto
        await press(wizard, BUTTONS.FinishButton)
        view = await core.connection()
        assert view is not None and "done" in view.wizard


async def test_M13_C16_skip_everything_changes_nothing(qloop, tmp_path, sandbox, control: Control, window) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        items_before = await items_here(core)
        wizard = await wizard_on(core, window)
        for step in STEPS[:-1]:
            assert wizard.step == step
            await press(wizard, BUTTONS.CustomButton1)
        assert "Auto-Sync is off" in [line.text for line in wizard.currentPage().lines]
        assert not wizard.button(BUTTONS.CancelButton).isVisible(), "“Finish later” beside Finish"
        await press(wizard, BUTTONS.FinishButton)
        assert not await customers_here(core) and await items_here(core) == items_before
        view = await core.connection()
        assert view is not None and not view.switches.auto


async def test_M14_closed_half_way_keeps_what_was_done_and_goes_on_there(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        wizard = await wizard_on(core, window)
        await forward(wizard)
        assert wizard.step == "items"
        imported = len(await customers_here(core))
        wizard.close()
        await still()
        view = await core.connection()
        assert view is not None and not view.switches.auto
        assert len(await customers_here(core)) == imported > 0
        again = await wizard_on(core, window)
        assert again.step == "items"
        await leave(again)


async def test_M15_run_again_makes_no_duplicates(qloop, tmp_path, sandbox, control: Control, window) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        wizard = await wizard_on(core, window)
        while wizard.step != "done":
            await forward(wizard)
        await press(wizard, BUTTONS.FinishButton)
        first, first_items = await customers_here(core), await items_here(core)
        again = await wizard_on(core, window)
        assert again.step == "customers"
        assert again.currentPage().model.checked_count == 0
        while again.step != "done":
            await forward(again)
        await press(again, BUTTONS.FinishButton)
        assert [row.name for row in await customers_here(core)] == [row.name for row in first]
        assert [row.name for row in await items_here(core)] == [row.name for row in first_items]


async def test_M19_M20_M27_all_are_listed_with_a_type_and_new_ones_ticked(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        wizard = await wizard_on(core, window)
        page = wizard.currentPage()
        assert isinstance(page, CustomersPage)
        there = control.books()["customers"]
        assert {page.name_of(row) for row in page.model.rows} == {one["display_name"] for one in there}
        assert all(isinstance(row.kind, CustomerKind) and row.review.reasons for row in page.model.rows)
        for n, row in enumerate(page.model.rows):
            assert page.model.is_checked(n) == (row.review.standing is Standing.NEW and row.review.record.active)
        assert wizard.button(BUTTONS.CommitButton).text() == f"&Import Selected ({page.model.checked_count})"
        wizard.reject()


async def test_M26_M31_exactly_the_ticked_ones_come_with_the_chosen_type(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        wizard = await wizard_on(core, window)
        page = wizard.currentPage()
        emily, cedar = row_id(page, "Emily Alvarez"), row_id(page, "Cedar Ridge Homes LLC")
        page.model.set_checked(range(len(page.model.rows)), False)
        page.model.set_checked([emily, cedar], True)
        assert page.model.setData(page.model.index(page.model.row_of(emily), 2), "builder")
        await forward(wizard)
        here = {row.name: row for row in await customers_here(core)}
        assert set(here) == {"Emily Alvarez", "Cedar Ridge Homes LLC"}
        assert here["Emily Alvarez"].kind is CustomerKind.BUILDER
        assert here["Cedar Ridge Homes LLC"].kind is CustomerKind.BUILDER
        assert all(row.linked for row in here.values())
        await leave(wizard)


async def test_M28_M30_who_is_here_already_is_marked_skipped_and_linked(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        there = next(one for one in control.books()["customers"] if one["display_name"] == "Emily Alvarez")
        company = await core.require_company()
        records = await (await core.lists()).customers.get()
        record = next(one for one in records if one.display_name == there["display_name"])
        draft = CustomerDraft(
            display_name=record.display_name,
            kind=CustomerKind.HOMEOWNER,
            given_name=record.given_name,
            family_name=record.family_name,
            email=record.email,
            phone=record.phone,
            line1=record.address.line1,
            city=record.address.city,
            region=record.address.region,
            postal_code=record.address.postal_code,
        )
        await core.do(customers.create_customer, draft)
        wizard = await wizard_on(core, window)
        page = wizard.currentPage()
        number = row_id(page, "Emily Alvarez")
        row = page.model.rows[number]
        assert row.is_known and page.verdict(row).text.startswith("Already exists")
        assert not page.model.is_checked(number)
        page.model.set_all_shown(True)
        assert not page.model.is_checked(number)
        await forward(wizard)
        same = [row for row in await customers_here(core) if row.name == "Emily Alvarez"]
        assert len(same) == 1 and same[0].linked
        assert company.key == await core.company_key()
        await leave(wizard)


async def test_M35_a_possible_duplicate_waits_for_the_owner(qloop, tmp_path, sandbox, control: Control, window) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        local = await core.do(
            customers.create_customer, CustomerDraft(display_name="E. Alvarez", kind=CustomerKind.HOMEOWNER)
        )
        wizard = await wizard_on(core, window)
        page = wizard.currentPage()
        number = row_id(page, "Emily Alvarez")
        row = page.model.rows[number]
        assert row.review.standing is Standing.POSSIBLE
        assert page.verdict(row).text == "Possible duplicate: same as E. Alvarez?"
        page.model.set_all_shown(True)
        assert not page.model.is_checked(number), "import all takes no possible duplicate (C2)"
        assert page.chips.button("possible").text().endswith(f"{page.counts['possible']}")
        page.model.setData(page.model.index(page.model.row_of(number), 6), "link")
        assert page.model.is_checked(number)
        await forward(wizard)
        here = [row for row in await customers_here(core) if "Alvarez" in row.name]
        assert [(row.id, row.linked) for row in here] == [(local, True)]
        await leave(wizard)


async def test_M148_chips_search_and_bulk_type(qloop, tmp_path, sandbox, control: Control, window) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        wizard = await wizard_on(core, window)
        page = wizard.currentPage()
        page.chips.button("builder").click()
        assert page.model.rowCount() == page.counts["builder"] > 0
        assert all(page.model.row_at(n).kind is CustomerKind.BUILDER for n in range(page.model.rowCount()))
        ticked = [n for n in page.model.shown_ids() if page.model.is_checked(n)]
        others = page.counts["homeowner"]
        page.set_kind(CustomerKind.BUSINESS)
        assert all(page.model.rows[n].kind is CustomerKind.BUSINESS and page.model.rows[n].chosen for n in ticked)
        assert page.counts["homeowner"] == others
        page.chips.button("all").click()
        page.search.setText("alvarez")
        page.search.returnPressed.emit()
        assert [page.name_of(page.model.row_at(n)) for n in range(page.model.rowCount())] == [
            "Emilie Alvarez",
            "Emily Alvarez",
        ]
        wizard.reject()


async def test_M37_M38_M39_M41_items_listed_ticked_linked_and_imported(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        ours = await core.do(items.create_item, ItemDraft(name="Drain cleaning"))
        wizard = await wizard_on(core, window)
        await press(wizard, BUTTONS.CustomButton1)
        page = wizard.currentPage()
        assert isinstance(page, ItemsPage)
        assert {page.name_of(row) for row in page.model.rows} >= {"Service call", "Drain cleaning", "Drain check"}
        assert not page.model.is_checked(row_id(page, "Drain cleaning"))
        page.model.set_checked(range(len(page.model.rows)), False)
        page.model.set_checked([row_id(page, "Service call")], True)
        await forward(wizard)
        here = {row.name: row for row in await items_here(core) if not row.builtin}
        assert set(here) == {"Drain cleaning", "Service call"}
        assert here["Drain cleaning"].id == ours and all(row.linked for row in here.values())
        await leave(wizard)


async def test_M40_an_item_there_can_be_linked_to_one_of_ours(qloop, tmp_path, sandbox, control, window) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        ours = await core.do(items.create_item, ItemDraft(name="First visit"))
        wizard = await wizard_on(core, window, "items")
        page = wizard.currentPage()
        number = row_id(page, "Service call")
        page.model.set_checked(range(len(page.model.rows)), False)
        page.table.select_ids([number], number)
        page.link_button.click()
        await still()
        dialog = next(one for one in window.findChildren(QWidget) if hasattr(one, "show_choices") and one.isVisible())
        names = [dialog.model.row_at(n).name for n in range(dialog.model.rowCount())]
        assert names == ["First visit"]
        dialog.table.selectRow(0)
        dialog.accept_button.click()
        assert page.verdict(page.model.rows[number]).text == "Link to First visit"
        await forward(wizard)
        here = [row for row in await items_here(core) if not row.builtin]
        assert [(row.id, row.linked) for row in here] == [(ours, True)]
        await press(wizard, BUTTONS.FinishButton)


async def test_M47_M48_M50_mapping_in_the_wizard_is_saved_with_next_only(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        await core.do(items.create_item, ItemDraft(name="Drain check"))
        wizard = await wizard_on(core, window)
        await press(wizard, BUTTONS.CustomButton1)
        await press(wizard, BUTTONS.CustomButton1)
        assert wizard.step == "accounts"
        panel = wizard.currentPage().panel
        assert panel.open_count > 0 and "wrong" in wizard.currentPage().sentence.text()
        panel.picker.setCurrentIndex(1)
        panel.apply_button.click()
        assert panel.open_count == 0 and panel.dirty
        key = await core.company_key()
        assert (await core.ask(mapping.mapping_view, key)).unmapped > 0
        assert wizard.button(BUTTONS.NextButton).text() == "&Save and Continue"
        await forward(wizard)
        assert (await core.ask(mapping.mapping_view, key)).unmapped == 0
        await leave(wizard)


async def test_M57_auto_sync_is_recommended_preset_and_off_until_confirmed(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        wizard = await wizard_on(core, window)
        for _ in range(3):
            await press(wizard, BUTTONS.CustomButton1)
        page = wizard.currentPage()
        assert set(page.panel.boxes) >= {"auto", "invoices", "payments", "customers", "items"}
        assert page.panel.recommended.isVisible() and page.panel.switches().auto
        view = await core.connection()
        assert view is not None and not view.switches.auto
        page.panel.boxes["items"].click()
        await forward(wizard)
        view = await core.connection()
        assert view is not None and view.switches.auto and not view.switches.items
        await leave(wizard)


async def test_M16_M33_import_customers_alone_brings_the_rest(qloop, tmp_path, sandbox, control, window) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        wizard = await wizard_on(core, window, "customers")
        page = wizard.currentPage()
        page.model.set_checked(range(len(page.model.rows)), False)
        page.model.set_checked([row_id(page, "Emily Alvarez")], True)
        await forward(wizard)
        await press(wizard, BUTTONS.FinishButton)
        assert [row.name for row in await customers_here(core)] == ["Emily Alvarez"]
        view = await core.connection()
        assert view is not None and not view.wizard, "an import alone is no run of the wizard"
        again = await wizard_on(core, window, "customers")
        page = again.currentPage()
        assert page.verdict(page.model.rows[row_id(page, "Emily Alvarez")]).text == "Already exists"
        assert page.model.checked_count == 0, "what was left out stays out until it is picked (E1)"
        page.model.set_checked([row_id(page, "Cedar Ridge Homes LLC")], True)
        await forward(again)
        await press(again, BUTTONS.FinishButton)
        assert len(await customers_here(core)) == 2


async def test_a_service_that_fails_is_told_on_the_page_and_can_be_tried_again(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        with control.armed({"id": "H12", "op": "list_customers", "every": 1}):
            wizard = await wizard_on(core, window)
            page = wizard.currentPage()
            assert page.banner.isVisible() and "lapsed" in page.banner.sentence
            assert not wizard.button(BUTTONS.CommitButton).isEnabled()
        page.banner.action_button.click()
        await still()
        assert page.loaded and not page.banner.isVisible()
        wizard.reject()


async def test_B3_unreadable_records_of_all_pages_are_counted_until_the_list_is_read_anew() -> None:
    pages = [Page((CustomerRecord("Ann", external_id="1"),), 4, unreadable=2), Page((), 4, unreadable=1)]

    async def read() -> AsyncIterator[Page[CustomerRecord]]:
        for page in pages:
            yield page

    remote: RemoteList[CustomerRecord] = RemoteList(SystemClock(), read)
    assert remote.unreadable == 0
    assert len(await remote.get()) == 1 and remote.unreadable == 3
    assert len(await remote.get()) == 1 and remote.unreadable == 3, "from the cache as well"
    remote.forget()
    pages[:] = [Page((CustomerRecord("Ann", external_id="1"),), 1)]
    await remote.get()
    assert remote.unreadable == 0


@pytest.mark.parametrize("only", ["", "items"])
async def test_B3_records_that_cannot_be_read_are_told_with_their_number(
    qloop, tmp_path, sandbox, control: Control, window, only: str
) -> None:
    kind = only or "customers"
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        with control.armed({"id": "B3", "op": f"list_{kind}", "every": 1, "params": {"kind": "no_id"}}):
            wizard = await wizard_on(core, window, only)
        page: Any = wizard.currentPage()
        remote = getattr(await core.lists(), kind)
        assert page.loaded and page.unreadable == remote.unreadable == 1 and not page.model.rows
        assert page.banner.isVisible() and page.banner.sentence == "1 record could not be read and is left out."
        remote.forget()
        page.start()
        await still()
        assert page.unreadable == 0 and not page.banner.isVisible() and page.model.rows
        wizard.reject()


async def test_cancel_while_reading_stops_and_offers_to_read_again(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        wizard = await prepare(core, window)
        wizard.open()
        page = wizard.currentPage()
        assert page.is_busy
        page.progress.cancelled.emit()
        await still()
        assert not page.loaded and "Nothing was changed" in page.banner.sentence
        page.banner.action_button.click()
        await still()
        assert page.loaded
        wizard.reject()


async def test_M7_M43_what_a_step_means_is_said_in_words(qloop, tmp_path: Path, sandbox, control, window) -> None:
    from dataclasses import replace

    from desktop.wizard.flow import Flow

    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        info = core.services()[0]
        none = replace(info.capabilities, income_accounts=False)
        wizard = SetupWizard(core, Flow(), info.terms, none, window)
        wizard.begin_at("items")
        wizard.open()
        await still()
        assert "invoices still work" in wizard.currentPage().sentence.text()
        await press(wizard, BUTTONS.CustomButton1)
        assert wizard.step == "accounts" and wizard.currentPage().nothing.isVisible()
        await forward(wizard)
        assert wizard.step == "settings"
        await leave(wizard)


async def test_everything_in_the_wizard_has_a_name_and_goes_by_keyboard(
    qloop, tmp_path: Path, sandbox, control, window
) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit

    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        wizard = await wizard_on(core, window)
        for part in wizard.findChildren(QWidget):
            own = isinstance(part.parent(), QLineEdit)  # Qt's own button that clears a field
            if isinstance(part, QAbstractButton | QComboBox | QLineEdit) and part.isVisible() and not own:
                assert part.accessibleName() or part.text(), part
        while wizard.step != "done":
            kinds = (BUTTONS.CommitButton, BUTTONS.NextButton)
            button = wizard.button(next(which for which in kinds if wizard.button(which).isVisible()))
            button.setFocus()
            QTest.keyClick(button, Qt.Key.Key_Space)
            await still()
        assert len(await customers_here(core)) > 40
        await leave(wizard)
