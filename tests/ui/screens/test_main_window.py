"""The frame: rail, chip, bell, menus, first run."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QComboBox, QHeaderView, QLabel, QLineEdit, QPushButton

from desktop.app import watch_failures
from desktop.books.queries import Chip
from desktop.models.states import Switches
from desktop.providers.records import Kind
from desktop.sync import overview
from desktop.sync.push import Report
from desktop.ui import operations
from desktop.ui.connect_dialog import ConnectDialog
from desktop.ui.connection_page import sync_sentence
from desktop.ui.help_pages import InfoDialog
from desktop.ui.invoices_page import BALANCE, CUSTOMER
from desktop.ui.main_window import MainWindow
from desktop.ui.routes import Route, settings
from desktop.ui.screenshots import settle
from desktop.ui.sync_actions import result_sentence
from desktop.ui.theme import theme
from tests.helpers.desk import sign_in
from tests.helpers.waiting import until
from tests.ui.screens.conftest import Books, shown


async def test_first_run_says_what_this_is_and_offers_to_connect(qloop, look, alone) -> None:
    async with alone() as core, shown(core) as window:
        page = window.pages["invoices"]
        assert page.list.face == "empty"
        assert page.empty.primary_button.text() == "Connect your accounting"
        assert window.chip.words == "Not connected"
        page.empty.primary_button.click()
        assert window.current_page == "settings"


async def test_chip_names_service_and_company(qloop, look, connected) -> None:
    async with connected() as core, shown(core) as window:
        assert window.chip.words.startswith("QuickBooks · Acme Plumbing")


async def test_every_action_has_words_a_tip_and_no_keys_are_given_twice(qloop, look) -> None:
    window = MainWindow()
    keys: list[str] = []
    for action in window.menus.actions.values():
        assert action.text() and action.statusTip()
        keys += [one.toString() for one in action.shortcuts()]
    assert len(keys) == len(set(keys))
    assert QKeySequence("Ctrl+Q") in window.menus["quit"].shortcuts()
    window.deleteLater()


async def test_pages_are_reached_by_route_and_search_belongs_to_the_page(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        await books.customer("Åse Ødegård")
        await books.customer("Mason, M&J")
        async with shown(core) as window:
            window.go(Route("customers"))
            await settle()
            page: Any = window.pages["customers"]
            assert page.model.rowCount() == 2
            window.search.setText("ase")
            window.search.returnPressed.emit()
            await settle()
            assert page.model.rowCount() == 1
            window.go(Route("items"))
            assert window.search.text() == ""


async def test_M144_an_ended_sign_in_leads_to_signing_in_again(qloop, look, connected, control) -> None:
    async with connected() as core:
        books = Books(core)
        invoice = await books.invoice(await books.customer(), await books.item())
        async with shown(core) as window:
            control.reset()  # the service has forgotten every grant
            await core.sync([(Kind.INVOICE, invoice)])
            await until(lambda: window.chip.words.endswith("Sign in again"))
            await settle()
            assert window.bell.count == 1
            window.show_bell()
            (row,) = window.bell_panel.rows
            assert row.fix_button is not None and row.fix_button.text() == "Sign in again"
            row.fix_button.click()
            await until(lambda: window.current_page == "settings" and bool(window.findChildren(ConnectDialog)))
            (dialog,) = window.findChildren(ConnectDialog)
            await until(dialog.isVisible)
            dialog.reject()


async def test_every_control_has_a_name_for_the_screen_reader(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        await books.invoice(await books.customer(), await books.item())
        async with shown(core) as window:
            for key in ("invoices", "customers", "items", "activity"):
                window.go(Route(key))
                await settle()
            controls = QAbstractButton, QLineEdit, QComboBox, QAbstractItemView
            nameless = [
                f"{type(one).__name__} in {type(one.parent()).__name__}"
                for kind in controls
                for one in window.findChildren(kind)
                if one.isVisible()
                and not one.accessibleName()
                and not getattr(one, "text", str)()
                and not isinstance(one, QHeaderView)
                and one.focusPolicy() != Qt.FocusPolicy.NoFocus
            ]
            assert nameless == []


async def test_everything_is_reached_by_keyboard(qloop, look, connected, qtbot) -> None:
    async with connected() as core:
        books = Books(core)
        await books.invoice(await books.customer("Ann"), await books.item())
        async with shown(core) as window:
            window.activateWindow()
            assert window.focusWidget() is window.pages["invoices"].table
            qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
            assert window.current_page == "customers"
            qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
            assert window.focusWidget() is window.search
            window.menus["notifications"].trigger()
            assert window.bell_panel.isVisible()
            window.menus["shortcuts"].trigger()
            dialogs = [one for one in window.findChildren(InfoDialog) if one.isVisible()]
            assert len(dialogs) == 1
            dialogs[0].accept()


@pytest.mark.allow_errors("an operation failed", "unexpected failure in the window")
async def test_a_fault_of_ours_is_told_in_plain_words_and_logged(qloop, look, alone) -> None:
    async with alone() as core, shown(core) as window:
        watch_failures(window)
        try:
            operations.run(window, _broken())
            await settle()
            assert "did not expect" in window.banner.sentence
            assert "KeyError" not in window.banner.sentence
        finally:
            operations.set_unhandled(None)
            sys.excepthook = sys.__excepthook__
            threading.excepthook = threading.__excepthook__


async def _broken() -> None:
    raise KeyError("something of ours")


async def test_the_ring_on_the_rail_is_for_the_keyboard_and_stands_on_the_current_page(
    qloop, look, connected, qtbot
) -> None:
    async with connected() as core, shown(core) as window:
        window.activateWindow()
        rail = window.rail
        first = rail.button("invoices")
        first.setFocus(Qt.FocusReason.ActiveWindowFocusReason)
        assert not first.property("ring")
        qtbot.mouseClick(rail.button("items"), Qt.MouseButton.LeftButton)
        assert rail.current == "items" and not any(rail.button(key).property("ring") for key in ("invoices", "items"))
        first.setFocus(Qt.FocusReason.TabFocusReason)
        assert first.property("ring")
        window.menus["settings"].trigger()
        assert rail.button("settings").hasFocus() and rail.button("settings").property("ring")
        assert not first.property("ring")


def filled(window: MainWindow) -> list[str]:
    """The buttons that are filled with the accent and can be seen."""
    return [one.text() for one in window.findChildren(QAbstractButton) if one.isVisible() and is_filled(one)]


def is_filled(button: QAbstractButton) -> bool:
    return button.property("kind") == "primary"


PLACES = [Route("invoices"), Route("customers"), Route("items"), Route("activity")]
PLACES += [settings(part) for part in ("integrations", "app_keys", "team", "backups", "appearance")]


async def test_one_button_at_most_is_filled_in_a_view_at_the_start(qloop, look, alone) -> None:
    async with alone() as core, shown(core) as window:
        for place in PLACES:
            window.go(place)
            await settle()
            assert len(filled(window)) <= 1, (place, filled(window))
        window.go(Route("invoices"))
        await settle()
        assert filled(window) == ["Connect your accounting"]


async def test_one_button_at_most_is_filled_in_a_view(qloop, look, connected) -> None:
    async with connected() as core:
        await Books(core).invoice(await Books(core).customer("Ann"), await Books(core).item())
        async with shown(core) as window:
            for place in PLACES:
                window.go(place)
                await settle()
                assert len(filled(window)) <= 1, (place, filled(window))
            window.go(Route("invoices"))
            await settle()
            assert filled(window) == ["New invoice"]
            assert window.chip.words.endswith(" · connected"), "nothing was synced: it can't be in sync"
            page: Any = window.pages["invoices"]
            page.search("nobody")
            await settle()
            await until(lambda: page.list.face == "no_hits")
            assert filled(window) == ["New invoice"]


async def test_nothing_is_called_in_sync_beside_sent_invoices_that_are_not_there(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        customer, item = await books.customer("Ann"), await books.item()
        await books.invoice(customer, item)
        newer = await books.invoice(customer, item)
        await core.sync([(Kind.INVOICE, newer)])
        async with shown(core) as window:
            told: list[tuple[str, str]] = []
            window.status_shown.connect(lambda words, state: told.append((words, state)))
            window._show_connection()
            await until(lambda: window.chip.words.endswith(" · 1 not synced"))
            assert window.chip.kind == ""
            assert told[-1] == (window.chip.words, "left"), "beside the clock it looked as if nothing were connected"
            window.chip.click()  # where it leads, it is said too, with the way to them
            await settle()
            overview = window.pages["settings"].inner.connection.overview
            words = [one.text() for one in overview.findChildren(QLabel)]
            assert "1 sent invoice is not in QuickBooks yet" in words
            next(one for one in overview.findChildren(QPushButton) if one.text() == "Show").click()
            await settle()
            assert window.rail.current == "invoices" and window.pages["invoices"].chips.current == Chip.NOT_SYNCED
            window.sync.sync_now()  # it was made since the connection: it goes out
            done = "1 record sent. Everything is in sync with QuickBooks."
            await until(lambda: window.toaster.accessibleName() == done)
            await until(lambda: window.chip.words.endswith(" · in sync"))
    said = result_sentence(Report(done={"invoice:1"}, writes=1), None, "QuickBooks", 6)
    assert said == "1 record sent. 6 sent invoices are not in QuickBooks yet."
    assert sync_sentence(Report(), "QuickBooks", 1) == ("1 sent invoice is not in QuickBooks yet.", "info")


async def test_a_practice_says_what_it_is_and_where_to_begin_until_something_is_connected(qloop, look, alone) -> None:
    async with alone() as core, shown(core) as window:
        window.show_welcome("This is a practice.")
        window.banner.action_button.click()
        await settle()
        assert window.rail.current == "settings" and not window.banner.isVisible()
        window.show_welcome("This is a practice.")
        await sign_in(core)
        await until(lambda: window.banner.isHidden())
        window.go(Route("invoices"))
        await settle()
        words = window.pages["invoices"].empty.findChildren(QLabel)
        assert any("when you press Sync Now" in one.text() for one in words), "nothing goes by itself yet"
        await core.do(overview.save_switches, Switches(auto=True))
        await until(lambda: any("by itself" in one.text() for one in words))


async def test_M113_the_list_beside_the_pane_shows_who_owes_how_much(qloop, look, connected) -> None:
    async with connected() as core:
        books = Books(core)
        invoice = await books.invoice(await books.customer("Ann"), await books.item())
        draft_id = await books.invoice(await books.customer("Ben"), await books.item(), sent=False)
        await core.sync([(Kind.INVOICE, invoice)])
        async with shown(core) as window:
            page: Any = window.pages["invoices"]
            await settle()

            def titles() -> list[str]:
                table = page.table
                return [one.title for n, one in enumerate(table.columns) if not table.isColumnHidden(n)]

            assert window.width() == 1180 and page.detail.isVisible()
            assert window.chip.words.endswith(" · in sync")
            assert titles() == ["No.", "Customer", "Due", "Balance", "Status", "Sync"]
            draft = page.model.index(page.model.row_of(draft_id), BALANCE).data()
            owed = page.model.index(page.model.row_of(invoice), BALANCE).data()
            assert (draft, owed) == ("", "350.00"), "0.00 beside a draft looks like what it is worth"
            assert page.table.horizontalHeader().length() <= page.table.viewport().width()
            name = page.table.columnWidth(CUSTOMER) - 2 * theme().px(15)
            assert QFontMetrics(theme().font()).horizontalAdvance("Green Valley Homes") <= name
            window.menus["detail"].setChecked(False)
            await settle()
            assert titles() == ["No.", "Customer", "Date", "Due", "Total", "Balance", "Status", "Sync"]
            window.menus["detail"].setChecked(True)


async def test_order_and_columns_of_a_list_are_found_again_at_the_next_start(
    qloop, look, connected, tmp_path: Path
) -> None:
    async with connected() as core:
        books = Books(core)
        people = [await books.customer(name) for name in ("Zoe", "Ann")]
        item = await books.item()
        for person in people:
            await books.invoice(person, item)
        async with shown(core, folder=tmp_path) as window:
            page: Any = window.pages["invoices"]
            await settle()
            page.table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
            page.table.show_column(3, False)
            window.go(Route("customers"))
            window.pages["customers"].table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
            await settle()
        async with shown(core, folder=tmp_path) as window:
            window.go(Route("invoices"))
            page = window.pages["invoices"]
            await settle()
            names = [page.model.row_at(row).customer_name for row in range(2)]
            assert names == ["Ann", "Zoe"] and page.table.isColumnHidden(3)
            window.go(Route("customers"))
            await settle()
            model = window.pages["customers"].model
            assert [model.row_at(row).name for row in range(2)] == ["Zoe", "Ann"]
