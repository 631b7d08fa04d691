"""The building blocks do what their names say, by mouse, by keyboard and for a screen reader."""

from __future__ import annotations

import ast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from desktop.ui import busy as busy_module
from desktop.ui import gallery
from desktop.ui.banner import Banner
from desktop.ui.bell_button import BellButton
from desktop.ui.busy import DelayedBusy, ProgressLine, SkeletonOverlay
from desktop.ui.chips import FilterChips
from desktop.ui.connection_chip import ConnectionChip
from desktop.ui.labels import ElidedLabel, IdLink, label, tooltip
from desktop.ui.nav_rail import NavRail
from desktop.ui.panels import Card
from desktop.ui.status import Status, StatusPill
from desktop.ui.theme import Mode
from desktop.ui.toast import Toast
from tests.helpers.sources import ROOT

BOB = "<b>Bob</b> & Söhne"


@pytest.fixture
def window(qtbot, look) -> QWidget:
    page = QWidget()
    page.resize(800, 500)
    qtbot.addWidget(page)
    page.show()
    return page


@pytest.mark.parametrize("mode", [Mode.LIGHT, Mode.DARK], ids=lambda mode: mode.value)
@pytest.mark.parametrize("page", gallery.PAGES)
def test_everything_interactive_has_a_name_and_every_label_is_plain(qtbot, look, page, mode) -> None:
    look.set_mode(mode)
    widget = gallery.PAGES[page]()
    qtbot.addWidget(widget)
    widget.show()
    for part in widget.findChildren(QWidget):
        if isinstance(part, QLabel) and part.text():
            assert part.textFormat() == Qt.TextFormat.PlainText, part.text()
        inner = part.objectName().startswith("qt_") or isinstance(part.parent(), QLineEdit)
        if not part.isVisible() or inner or not isinstance(part, QAbstractButton | QLineEdit):
            continue
        if part.focusPolicy() != Qt.FocusPolicy.NoFocus and part.focusProxy() is None:
            spoken = QAccessible.queryAccessibleInterface(part)
            assert spoken.text(QAccessible.Text.Name), f"{part} has no name"
            assert "<b>" not in part.toolTip()


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_no_button_cuts_its_words_off(qtbot, look, scale) -> None:
    look.set_text_scale(scale)
    page = gallery.controls()
    qtbot.addWidget(page)
    page.show()
    for button in page.findChildren(QAbstractButton):
        if button.isVisible() and button.text():
            assert button.sizeHint().width() <= button.width() + 1, button.text()


def test_markup_stays_text(window) -> None:
    shown = label(BOB)
    assert shown.textFormat() == Qt.TextFormat.PlainText and shown.text() == BOB
    assert tooltip(BOB) == "<span>&lt;b&gt;Bob&lt;/b&gt; &amp; Söhne</span>"
    pill = StatusPill(Status("Synced", "good", "synced"))
    pill.set_status(Status("Needs you", "bad", "bad"), BOB)
    assert "&lt;b&gt;" in pill.toolTip() and pill.accessibleName() == "Needs you"


def test_long_words_end_in_dots_and_stand_in_the_tooltip(window) -> None:
    line = ElidedLabel("Donaudampfschifffahrtsgesellschaft " * 5)
    QHBoxLayout(window).addWidget(line)
    assert line.minimumSizeHint().width() < 60 and "Donau" in line.toolTip()


def test_wrapped_text_keeps_its_height_in_a_crowd(window, qtbot) -> None:
    text = label("word " * 60, wrap=True)
    column = QVBoxLayout(window)
    column.addWidget(text)
    filler = QWidget()
    filler.setMinimumHeight(480)
    column.addWidget(filler)
    qtbot.waitUntil(lambda: text.height() >= text.heightForWidth(text.width()) > 0)


def test_the_banner_says_acts_unfolds_and_closes(window, qtbot) -> None:
    banner = Banner(window)
    QVBoxLayout(window).addWidget(banner)
    assert banner.isHidden()
    banner.show_message(f"{BOB} was not sent.", status="bad", action="Choose & go", details="Reason")
    assert banner.isVisible() and banner.accessibleName() == f"{BOB} was not sent."
    assert banner.action_button.text() == "Choose && go"
    with qtbot.waitSignal(banner.acted):
        banner.action_button.click()
    assert not banner._details.isVisible()
    banner._fold.click()
    assert banner._details.isVisible() and banner._details.text() == "Reason"
    with qtbot.waitSignal(banner.closed):
        banner._close.click()
    assert banner.isHidden()
    banner.show_message("Well.", status="good")
    assert not banner.action_button.isVisible() and not banner._fold.isVisible()


def test_chips_by_mouse_and_keyboard(window, qtbot) -> None:
    chips = FilterChips([("all", "All"), ("draft", "Draft"), ("paid", "Paid & done")], window)
    QVBoxLayout(window).addWidget(chips)
    chosen: list[str] = []
    chips.chosen.connect(chosen.append)
    assert chips.current == "all"
    chips.set_counts({"all": 1214, "paid": 7})
    assert chips.button("all").text() == "All  1,214" and chips.button("draft").text() == "Draft"
    assert chips.button("paid").accessibleName() == "Paid & done, 7"
    chips.button("draft").click()
    qtbot.keyClick(chips.button("draft"), Qt.Key.Key_Right)
    qtbot.keyClick(chips.button("paid"), Qt.Key.Key_Right)
    chips.set_chip_visible("draft", False)
    qtbot.keyClick(chips.button("all"), Qt.Key.Key_Right)
    assert chosen == ["draft", "paid", "all", "paid"]
    chips.choose("all")
    assert chosen[-1] == "paid" and chips.current == "all"


def test_chips_go_on_in_the_next_line(qtbot, look) -> None:
    chips = FilterChips([(str(n), f"Langes deutsches Wort {n}") for n in range(7)])
    qtbot.addWidget(chips)
    assert chips.minimumSizeHint().width() < 400
    assert chips.heightForWidth(400) > 3 * chips.heightForWidth(3000)


def test_the_rail_by_mouse_keys_and_shortcuts(window, qtbot) -> None:
    rail = NavRail("BlueClerk", window)
    for key in ("invoices", "customers", "settings"):
        rail.add_page(key, key.title(), key, at_foot=key == "settings")
    QVBoxLayout(window).addWidget(rail)
    rail.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    chosen: list[str] = []
    rail.chosen.connect(chosen.append)
    assert rail.current == "invoices"
    qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(rail.button("settings"), Qt.Key.Key_Down)
    rail.button("customers").click()
    assert chosen == ["settings", "invoices", "customers"]
    assert rail.button("settings").accessibleName() == "Settings"


def test_the_toast_offers_a_way_back(window, qtbot) -> None:
    toast = Toast(window)
    ended: list[str] = []
    toast.expired.connect(lambda: ended.append("expired"))
    toast.acted.connect(lambda: ended.append("acted"))
    toast.show_message("Invoice deleted", "Undo")
    assert toast.isVisible() and window.rect().contains(toast.geometry())
    window.resize(600, 400)
    qtbot.waitUntil(lambda: window.rect().contains(toast.geometry()))
    toast.action_button.click()
    assert ended == ["acted"] and toast.isHidden()
    toast.show_message("One", "Undo")
    toast.show_message("Two", "Undo", shown_ms=10)
    assert ended == ["acted", "expired"]  # the first one's time for going back is over
    qtbot.waitUntil(lambda: len(ended) == 3)
    assert toast.isHidden()


def test_busy_is_not_shown_for_a_moment_nor_flickers(window, qtbot, monkeypatch) -> None:
    seen: list[str] = []
    busy = DelayedBusy(window, lambda: seen.append("show"), lambda: seen.append("hide"))
    assert (busy_module.SHOW_AFTER_MS, busy_module.SHOW_AT_LEAST_MS) == (300, 500)
    busy(True)
    busy(False)
    assert not busy._wait.isActive() and not seen
    busy(True)
    qtbot.waitUntil(lambda: seen == ["show"])
    busy(False)
    assert seen == ["show"] and busy._linger.remainingTime() > 300
    busy(True)  # more work within that time: it simply stays
    assert not busy._linger.isActive()
    busy(False)
    qtbot.waitUntil(lambda: seen == ["show", "hide"])


def test_the_skeleton_covers_its_parent(window, qtbot) -> None:
    skeleton = SkeletonOverlay(window)
    skeleton.busy(True)
    qtbot.waitUntil(skeleton.isVisible)
    assert skeleton.geometry() == window.rect()
    window.resize(500, 300)
    qtbot.waitUntil(lambda: skeleton.geometry() == window.rect())


def test_progress_counts_and_can_be_stopped(window, qtbot) -> None:
    line = ProgressLine(window)
    QVBoxLayout(window).addWidget(line)
    line.start("Reading customers")
    line.set_progress(1240, 3100)
    assert line.text == "Reading customers  1,240 of 3,100"
    line.set_progress(1250)
    assert line.text == "Reading customers  1,250"
    with qtbot.waitSignal(line.cancelled):
        line._cancel.click()
    assert not line._cancel.isEnabled()
    line.finish()
    assert line.isHidden()


def test_the_bell_and_the_chip_say_what_they_show(window) -> None:
    bell, chip = BellButton(window), ConnectionChip(window)
    bell.set_count(2)
    assert bell.accessibleName() == "Notifications, 2 new"
    bell.set_count(1000)
    bell.grab()
    bell.set_count(0)
    assert bell.accessibleName() == "Notifications"
    chip.set_state("QuickBooks · Müller & Söhne · in sync", "good", reason="2 minutes ago")
    assert chip.accessibleName() == "QuickBooks · Müller & Söhne · in sync"
    chip.resize(150, 32)
    assert chip.text().endswith("…")


def test_cards_carry_their_title(window) -> None:
    assert Card("Payments", window).accessibleName() == "Payments"


def test_message_boxes_and_nested_loops_are_in_no_other_file() -> None:
    wrong = []
    for room in ("ui", "wizard"):
        for path in (ROOT / "desktop" / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                box = (
                    isinstance(node, ast.Name)
                    and node.id == "QMessageBox"
                    and path.name not in ("dialogs.py", "about.py")
                )
                loop = (
                    isinstance(node, ast.Attribute)
                    and node.attr in ("exec", "exec_", "processEvents")
                    and path.name != "opening.py"  # before there is a loop
                )
                if box or loop:
                    wrong.append(f"{path.name}:{node.lineno}")
    assert not wrong


def test_at_200_percent_in_a_narrow_card_nothing_is_squeezed(qtbot, look) -> None:
    look.set_text_scale(2.0)
    card = Card("Messages")
    chips = FilterChips([(str(n), f"Mögliches Duplikat {n}") for n in range(5)])
    banner = Banner()
    card.body.addWidget(banner)
    card.body.addWidget(chips)
    card.resize(560, 100)
    qtbot.addWidget(card)
    card.show()
    banner.show_message("Das Konto für „Rohrreinigung“ fehlt noch, darum wurde nichts gesendet. " * 3, status="bad")

    def settled() -> bool:
        text = banner._sentence
        words = text.height() >= text.heightForWidth(text.width())
        return (
            words and banner.rect().contains(text.geometry()) and chips.height() >= chips.heightForWidth(chips.width())
        )

    qtbot.waitUntil(settled)
    assert card.rect().contains(chips.geometry())


def test_a_link_that_is_one_long_id_gives_way_in_its_middle_and_comes_back(qtbot, look) -> None:
    whole = "106acc53-0b88-4deb-89a6-03b68b794fd1"
    box = QWidget()
    qtbot.addWidget(box)
    layout = QHBoxLayout(box)
    link = IdLink(whole)
    layout.addWidget(link)
    box.resize(140, 40)
    box.show()
    assert link.text().startswith("1") and "…" in link.text() and link.text().endswith("1")
    assert link.width() <= 140 and whole in link.toolTip()
    box.resize(600, 40)
    qtbot.waitUntil(lambda: link.text() == whole)
