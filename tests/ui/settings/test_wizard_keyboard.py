"""The whole wizard with nothing but keys: no widget is clicked, focused or called by the test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QPushButton, QWidget

from desktop.books.items import ItemDraft, create_item
from desktop.kinds import CustomerKind
from desktop.sync import mapping
from desktop.ui import operations
from desktop.ui.help_window import HelpWindow
from desktop.wizard.wizard import SetupWizard, prepare
from tests.helpers.control import Control
from tests.helpers.desk import connected_core
from tests.helpers.waiting import until
from tests.ui.settings.acting import customers_here, items_here

pytestmark = pytest.mark.timeout(120)
Key = Qt.Key


def focused() -> QWidget:
    found = QApplication.focusWidget()
    assert found is not None, "the focus is nowhere"
    return found


def press(*keys: Qt.Key, alt: bool = False) -> None:
    """Press keys, one after the other, wherever the focus is."""
    for key in keys:
        modifier = Qt.KeyboardModifier.AltModifier if alt else Qt.KeyboardModifier.NoModifier
        QTest.keyClick(QApplication.activePopupWidget() or focused(), key, modifier)


def tab_to(wanted: Callable[[QWidget], bool], limit: int = 60) -> QWidget:
    """Press Tab until the focus is on a widget that is wanted."""
    for _ in range(limit):
        if wanted(focused()):
            return focused()
        press(Key.Key_Tab)
    raise AssertionError(f"Tab does not lead there, it ends on {focused()}")


def says(words: str) -> Callable[[QWidget], bool]:
    return lambda one: isinstance(one, QPushButton) and one.text().replace("&", "").startswith(words)


async def still(wizard: SetupWizard, step: str) -> Any:
    await until(lambda: wizard.step == step and not operations.pending(), 30)
    return wizard.currentPage()


async def test_M12_the_wizard_from_first_to_last_by_keyboard_alone(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        ours = await core.do(create_item, ItemDraft(name="Yak shaving"))
        wizard = await prepare(core, window)
        ended: list[int] = []
        wizard.finished.connect(ended.append)
        wizard.open()
        wizard.activateWindow()
        page = await still(wizard, "customers")

        # the list: clear all by hand, tick two, give one another type
        await until(lambda: QApplication.focusWidget() is page.table, 30)
        QTest.keyClick(focused(), Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        press(Key.Key_Space)
        if page.model.checked_count:  # the first press ticks all where some were open
            press(Key.Key_Space)
        assert page.model.checked_count == 0
        press(Key.Key_Home)
        press(Key.Key_Down, Key.Key_Down, Key.Key_Down)
        chosen = page.model.row_at(page.table.currentIndex().row())
        press(Key.Key_Space)
        assert page.model.checked_count == 1
        while page.table.currentIndex().column() != 2:
            press(Key.Key_Right)
        press(Key.Key_F2)
        await until(lambda: isinstance(focused(), QComboBox) or QApplication.activePopupWidget() is not None, 30)
        press(Key.Key_End, Key.Key_Return)
        await until(lambda: page.model.row_at(page.table.currentIndex().row()).kind is CustomerKind.BUILDER, 30)
        await until(lambda: QApplication.focusWidget() is page.table, 30)

        # help is one key away and closes with Esc
        press(Key.Key_F1)
        await until(lambda: any(one.isVisible() for one in wizard.findChildren(HelpWindow)), 30)
        (help_window,) = [one for one in wizard.findChildren(HelpWindow) if one.isVisible()]
        assert help_window.topic.key == "import_customers"
        QTest.keyClick(help_window, Key.Key_Escape)
        assert not help_window.isVisible()
        wizard.activateWindow()
        await until(lambda: (found := QApplication.focusWidget()) is not None and wizard.isAncestorOf(found), 30)

        tab_to(says("Import Selected (1)"))
        press(Key.Key_Space)
        page = await still(wizard, "items")
        here = await customers_here(core)
        assert [(one.name, one.kind) for one in here] == [(page_name(chosen), CustomerKind.BUILDER)]

        # the items are skipped by their letter
        press(Key.Key_S, alt=True)
        page = await still(wizard, "accounts")
        assert [row.name for row in await items_here(core) if not row.builtin] == ["Yak shaving"]

        # one account for all, below the list
        tab_to(lambda one: one is page.panel.picker)
        press(Key.Key_Down)
        tab_to(says("Apply to All Unmapped"))
        press(Key.Key_Space)
        assert page.panel.open_count == 0
        tab_to(says("Save and Continue"))
        press(Key.Key_Return)
        page = await still(wizard, "settings")
        key = await core.company_key()
        assert key is not None
        view = await core.ask(mapping.mapping_view, key)
        assert view.unmapped == 0 and ours in {row.item_id for row in view.rows}

        # a switch is turned, the rest confirmed
        tab_to(lambda one: isinstance(one, QCheckBox) and one is page.panel.boxes["items"])
        press(Key.Key_Space)
        tab_to(says("Turn on Auto-Sync"))
        press(Key.Key_Return)
        await still(wizard, "done")
        seen = await core.connection()
        assert seen is not None and seen.switches.auto and not seen.switches.items
        await until(lambda: says("Finish")(focused()), 30)
        press(Key.Key_Return)
        await until(lambda: ended and not operations.pending(), 30)
        seen = await core.connection()
        assert seen is not None and "done" in seen.wizard


def page_name(row: Any) -> str:
    return str(row.review.record.display_name)
