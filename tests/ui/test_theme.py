"""Colours that can be read, in one place, following the switch while everything is on screen."""

from __future__ import annotations

import re

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QLineEdit

from desktop.ui import icons
from desktop.ui.buttons import PrimaryButton
from desktop.ui.theme import DARK, LIGHT, Mode, Tokens, contrast, high_contrast, text_pairs, theme
from tests.helpers.sources import ROOT

SETS = {"light": LIGHT, "dark": DARK, "light+": high_contrast(LIGHT), "dark+": high_contrast(DARK)}


@pytest.mark.parametrize("tokens", SETS.values(), ids=SETS)
def test_every_text_is_readable_on_every_surface_it_is_drawn_on(tokens: Tokens) -> None:
    weak = {
        (front, back): round(contrast(getattr(tokens, front), getattr(tokens, back)), 2)
        for front, back in text_pairs()
        if contrast(getattr(tokens, front), getattr(tokens, back)) < 4.5
    }
    assert not weak


@pytest.mark.parametrize("tokens", SETS.values(), ids=SETS)
def test_borders_of_controls_and_the_focus_ring_are_seen(tokens: Tokens) -> None:
    for surface in (tokens.window, tokens.panel):
        assert contrast(tokens.control, surface) >= 3
        assert contrast(tokens.accent, surface) >= 3


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast("black", "white") == pytest.approx(21)
    assert contrast("#777777", "white") == pytest.approx(4.48, abs=0.01)


def test_no_colour_is_named_outside_the_theme() -> None:
    literal = re.compile(r"#[0-9A-Fa-f]{6}\b|#[0-9A-Fa-f]{3}\b|\brgba?\(|QColor\(\d|GlobalColor\.(?!transparent)")
    files = [*(ROOT / "desktop" / "ui").rglob("*.py"), *(ROOT / "desktop" / "wizard").rglob("*.py")]
    found = [
        f"{path.name}:{number}"
        for path in files
        if path.name != "theme.py"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if literal.search(line)
    ]
    assert not found


def test_the_switch_reaches_what_is_on_screen_and_icons_change_their_tint(qtbot, look) -> None:
    label, picture = QLabel("x"), icons.icon("bell", "text")
    qtbot.addWidget(label)
    label.show()

    def darkest() -> int:
        image = picture.pixmap(20, 20).toImage()
        opaque = [image.pixelColor(x, y) for x in range(20) for y in range(20) if image.pixelColor(x, y).alpha() > 250]
        return min(colour.lightness() for colour in opaque)

    assert label.palette().windowText().color() == QColor(LIGHT.text)
    assert darkest() < 60
    with qtbot.waitSignal(look.changed):
        look.set_mode(Mode.DARK)
    assert look.is_dark
    assert label.palette().windowText().color() == QColor(DARK.text)
    assert darkest() > 180


def test_every_icon_of_ours_exists_in_the_family(qapp) -> None:
    assert all(icons.glyph(name) for name in icons.NAMES)
    with pytest.raises(KeyError):
        icons.glyph("no such icon")


def test_sizes_grow_with_the_text(qtbot, look) -> None:
    edit, button = QLineEdit(), PrimaryButton("Save")
    for widget in (edit, button):
        qtbot.addWidget(widget)
        widget.ensurePolished()
    before = edit.sizeHint().height(), button.sizeHint().height(), look.row_height()
    assert before == (32, 32, 40)
    look.set_text_scale(2.0)
    after = edit.sizeHint().height(), button.sizeHint().height(), look.row_height()
    assert all(large >= 1.9 * small for small, large in zip(before, after, strict=True))
    assert look.font("small").pixelSize() >= 12


def test_no_motion_when_less_is_asked_for(look) -> None:
    assert look.duration(150) == 0
    look.set_calm(False)
    assert look.duration(150) == 150


def test_there_is_one_theme(qapp) -> None:
    assert theme() is theme()
