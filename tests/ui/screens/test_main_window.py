"""The frame: rail, chip, bell, menus, first run."""

from __future__ import annotations

from typing import Any

from PySide6.QtGui import QKeySequence

from desktop.ui.main_window import MainWindow
from desktop.ui.routes import Route
from desktop.ui.screenshots import settle
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
