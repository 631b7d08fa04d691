"""Help: one page for each screen, one click or F1 away, searchable, true to the screens (M155)."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QWidget, QWizard, QWizardPage

import desktop.ui
import desktop.wizard
from desktop.ui.connection_page import TABS
from desktop.ui.help_pages import InfoDialog
from desktop.ui.help_route import HelpButton, topic_at
from desktop.ui.help_topics import Form, search, topics
from desktop.ui.help_window import HelpWindow
from desktop.ui.page import Page
from desktop.ui.routes import PAGES, SETTINGS, Route, settings
from desktop.ui.screenshots import settle
from tests.ui.screens.acting import button
from tests.ui.screens.conftest import Books, shown

ABSTRACT = {
    "EditorDialog",
    "LinkablePage",
    "ListPage",
    "RecordPage",
    "ImportPage",
    "StepPage",
    "SettingsHost",
    "SetupWizard",
    "FileWizard",
    "Page",
}
"""Shared bases, and hosts whose topic is the one of the part that is shown."""
NO_SCREEN = {"HelpWindow"}


def every_screen() -> Iterator[type]:
    """All dialogs, wizard pages and pages of the window that exist in the program."""
    for package in (desktop.ui, desktop.wizard):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    waiting: list[type] = [QDialog, QWizardPage, Page]
    seen: set[type] = set()
    while waiting:
        for kind in waiting.pop().__subclasses__():
            if kind not in seen:
                seen.add(kind)
                waiting.append(kind)
                if kind.__module__.startswith("desktop."):
                    yield kind


def test_M155_every_screen_dialog_and_step_names_its_help_page() -> None:
    missing = [
        kind.__name__
        for kind in every_screen()
        if kind.__name__ not in ABSTRACT | NO_SCREEN and getattr(kind, "help_topic", "") not in topics()
    ]
    assert not missing, f"no help page: {missing}"
    assert len(list(every_screen())) > 15, "the list of screens is found, not assumed"


def test_M155_every_place_of_the_settings_has_a_page_and_no_page_is_out_of_reach() -> None:
    places = {*PAGES, *SETTINGS, *TABS} - {"settings"}
    assert places <= topics().keys()
    reached = places | {getattr(kind, "help_topic", "") for kind in every_screen()} | {"setup", "unsynced", "bell"}
    for _ in topics():
        reached |= {key for one in topics().values() if one.key in reached for key in one.see}
    assert topics().keys() <= reached, topics().keys() - reached


def test_M155_pages_are_written_for_owners_and_lead_only_to_pages_that_exist() -> None:
    for one in topics().values():
        assert one.title and len(one.lines) >= 1
        assert set(one.see) <= topics().keys() - {one.key}, one.key
        text = " ".join(line.text for line in one.lines)
        assert 60 < len(text) < 2600, f"{one.key}: {len(text)}"
        for word in ("API", "JSON", "OAuth", "token", "database", "AI ", "entity", "null"):
            assert word not in text, f"{one.key} says {word}"


def test_M155_the_search_finds_words_anywhere_and_titles_first() -> None:
    assert [one.key for one in search("account mapping")][0] == "account_mapping"
    assert "invoice_editor" in [one.key for one in search("number already")]
    assert search("zebra") == []
    assert len(search("")) == len(topics())
    assert any(line.form is Form.HEADING for line in topics()["trouble"].lines)


def test_M155_the_pages_are_corrected_by_what_counts() -> None:
    """Section B of the product page: where the sources differ, the help says what counts."""
    said = {key: " ".join(line.text for line in one.lines) for key, one in topics().items()}
    assert "fixed" in said["types"] and "without the internet" in said["types"]  # C1
    assert "never ticked by themselves" in said["import_customers"]  # C2
    assert "draft" in said["invoices"].casefold() and "Mark as sent" in said["invoices"]  # C4
    assert "from before you connected are not sent by themselves" in said["sync_settings"]  # C6
    assert "shown the two side by side" in said["items"]  # C7
    assert "waits as a whole" in said["account_mapping"]  # C9
    assert "Only admins get the bell" in said["bell"]  # C10
    assert "within a minute" in said["unsynced"]  # C11
    assert "Auto-Sync is not switched on" in said["setup"]  # C16
    assert "choose another number" in said["invoice_editor"]  # C18


async def test_M155_F1_and_the_button_open_the_page_of_what_is_shown(qloop, look, alone: Any) -> None:
    async with alone() as core, shown(core) as window:
        for page in ("invoices", "customers", "items", "activity"):
            window.go(Route(page))
            await settle()
            window.help_button.click()
            assert help_of(window).topic.key == page
        for part in ("integrations", "app_keys", "team", "appearance"):
            window.go(settings(part))
            await settle()
            window.menus["help"].trigger()
            assert help_of(window).topic.key == part
        assert len([one for one in window.findChildren(HelpWindow) if one.isVisible()]) == 1
        keys = window.menus["help"].shortcuts()
        assert QKeySequence(Qt.Key.Key_F1) in keys or keys == QKeySequence.keyBindings(
            QKeySequence.StandardKey.HelpContents
        )
        help_of(window).close()


async def test_M155_each_tab_of_the_connected_service_has_its_own(qloop, look, connected: Any) -> None:
    async with connected() as core, shown(core) as window:
        for tab in TABS:
            window.go(settings(tab))
            await settle()
            window.help_button.click()
            assert help_of(window).topic.key == tab
        alert = window.pages["settings"].inner.connection.alert
        assert topic_at(alert.fold) == "unsynced"
        assert topic_at(window.bell_panel) == "bell"
        help_of(window).close()


async def test_M155_dialogs_have_the_button_and_the_key(qloop, look, connected: Any) -> None:
    async with connected() as core, shown(core) as window:
        books = Books(core)
        await books.item("Drain check")
        window.go(Route("items", action="new"))
        await settle()
        editor = next(one for one in window.findChildren(QDialog) if one.isVisible())
        help_button = editor.findChild(HelpButton)
        assert help_button is not None and help_button.isVisible()
        assert [one.key().toString() for one in editor.findChildren(QShortcut)] == ["F1"]
        help_button.click()
        assert help_of(editor).topic.key == "item_editor"
        editor.close()
        window.show_checks()
        await settle()
        dialog = next(one for one in window.findChildren(QDialog) if one.isVisible())
        dialog.findChild(HelpButton).click()
        assert help_of(dialog).topic.key == "trouble"
        dialog.close()


async def test_M155_reading_searching_and_following_by_keyboard(qloop, look, qtbot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    window = HelpWindow(parent, "invoices")
    window.show()
    assert "Mark as sent" in window.page.toPlainText()
    window.search.setFocus()
    QTest.keyClicks(window.search, "possible duplicate")
    QTest.keyClick(window.search, Qt.Key.Key_Return)
    assert window.topic.key == "import_customers"
    QTest.keyClick(window.contents, Qt.Key.Key_Down)
    assert window.topic.key != "import_customers"
    window.search.clear()
    QTest.keyClicks(window.search, "zzzz")
    QTest.keyClick(window.search, Qt.Key.Key_Return)
    assert window.contents.count() == 0 and window.nothing.isVisible()
    window.close()


async def test_M147_M155_when_nothing_helps_the_diagnostics_are_offered(qloop, look, alone: Any) -> None:
    async with alone() as core, shown(core) as window:
        said = " ".join(line.text for line in topics()["trouble"].lines)
        assert "Help > Save diagnostics" in said
        action = window.menus["diagnostics"]
        assert action.isEnabled() and action in window.menus.menus["help"].actions()
        action.trigger()
        await settle()
        dialog = next(one for one in window.findChildren(InfoDialog) if one.isVisible())
        assert button(dialog, "Save as…").isVisible()
        dialog.close()


def help_of(window: QWidget) -> HelpWindow:
    return next(one for one in window.findChildren(HelpWindow) if one.isVisible())


@pytest.mark.parametrize("kind", [QWizard])
def test_M155_the_wizard_shows_the_page_of_its_step(kind: type) -> None:
    from desktop.wizard.wizard import _PAGES

    said = {step: getattr(page, "help_topic", "") for step, page in _PAGES.items()}
    assert said == {
        "customers": "import_customers",
        "items": "import_items",
        "accounts": "setup_accounts",
        "settings": "setup_settings",
        "done": "setup_done",
    }
