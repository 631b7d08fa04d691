"""Settings > Appearance: light or dark, and how large the text is. Takes effect at once and is remembered."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from desktop.text import tr
from desktop.ui.labels import label
from desktop.ui.panels import Card
from desktop.ui.preferences import LOOK_KEY, Preferences
from desktop.ui.theme import Mode, theme

TEXT_KEY = "window.text_scale"
SCALES = (1.0, 1.15, 1.3, 1.5, 2.0)


def restore(preferences: Preferences) -> None:
    """Give the window the remembered look and text size; called once at the start."""
    mode = preferences.text(LOOK_KEY)
    if mode in {one.value for one in Mode}:
        theme().set_mode(Mode(mode))
    try:
        scale = float(preferences.text(TEXT_KEY, "1"))
    except ValueError:
        return
    if scale != 1.0:
        theme().set_text_scale(scale)


class AppearancePage(QWidget):
    """Two groups of radio buttons."""

    look_chosen = Signal(object)
    """The new `Mode`; the menu's own mark follows it."""

    def __init__(self, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences = preferences
        px = theme().px
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, px(16))
        column.setSpacing(px(12))
        looks = Card(tr("Look"), self)
        looks.body.addWidget(
            label(tr("System follows what this computer is set to, also when that changes."), "secondary", wrap=True)
        )
        self.looks: dict[Mode, QRadioButton] = {}
        look_group = QButtonGroup(self)
        row = QHBoxLayout()
        row.setSpacing(px(16))
        for mode, words in ((Mode.SYSTEM, tr("S&ystem")), (Mode.LIGHT, tr("&Light")), (Mode.DARK, tr("&Dark"))):
            button = QRadioButton(words, looks)
            look_group.addButton(button)
            button.clicked.connect(lambda _on=False, mode=mode: self._on_look(mode))
            self.looks[mode] = button
            row.addWidget(button)
        row.addStretch(1)
        looks.body.addLayout(row)
        sizes = Card(tr("Text size"), self)
        sizes.body.addWidget(
            label(
                tr("On top of the size that this computer is set to. Everything grows with it."), "secondary", wrap=True
            )
        )
        self.sizes: dict[float, QRadioButton] = {}
        size_group = QButtonGroup(self)
        line = QHBoxLayout()
        line.setSpacing(px(16))
        for scale in SCALES:
            button = QRadioButton(tr("{percent} %", percent=round(scale * 100)), sizes)
            size_group.addButton(button)
            button.clicked.connect(lambda _on=False, scale=scale: self._on_scale(scale))
            self.sizes[scale] = button
            line.addWidget(button)
        line.addStretch(1)
        sizes.body.addLayout(line)
        column.addWidget(looks)
        column.addWidget(sizes)
        column.addStretch(1)

    def load(self) -> None:
        """Mark what is in use."""
        self.looks[theme().mode].setChecked(True)
        try:
            stored = float(self._preferences.text(TEXT_KEY, "1"))
        except ValueError:
            stored = 1.0
        self.sizes[min(SCALES, key=lambda scale: abs(scale - stored))].setChecked(True)

    def _on_look(self, mode: Mode) -> None:
        theme().set_mode(mode)
        self._preferences.keep(LOOK_KEY, mode.value)
        self.look_chosen.emit(mode)

    def _on_scale(self, scale: float) -> None:
        self._preferences.keep(TEXT_KEY, str(scale))
        theme().set_text_scale(scale)
