"""One filter out of a few, each with how many rows it would show."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QSpacerItem, QWidget

from desktop.text import tr
from desktop.ui.flow_layout import FlowLayout
from desktop.ui.formats import number
from desktop.ui.theme import theme


class FilterChips(QWidget):
    """Exclusive chips. Left/Right, Home/End move the choice; Tab leaves the group as one stop."""

    chosen = Signal(str)
    """The key of the chip the person chose (not emitted by `choose`)."""

    def __init__(self, chips: Iterable[tuple[str, str]], parent: QWidget | None = None, *, wrap: bool = True) -> None:
        """`chips`: (key, words) in order, the first one chosen; `wrap`: over several lines if narrow."""
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QPushButton] = {}
        self._words: dict[str, str] = {}
        self._row = FlowLayout(self, theme().px(8)) if wrap else QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        for key, words in chips:
            button = QPushButton(words.replace("&", "&&"), self)
            button.setProperty("kind", "chip")
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setAccessibleName(words)
            button.clicked.connect(lambda _checked=False, key=key: self._on_clicked(key))
            button.installEventFilter(self)
            self._group.addButton(button)
            self._buttons[key], self._words[key] = button, words
            self._row.addWidget(button)
            self._claim(button)
        theme().changed.connect(self._on_look_changed)
        if not wrap:
            self._row.addItem(QSpacerItem(0, 0, QSizePolicy.Policy.Expanding))
        self.setAccessibleName(tr("Filter"))
        if self._buttons:
            self.choose(next(iter(self._buttons)))

    @property
    def current(self) -> str:
        """The key of the chosen chip."""
        return next((key for key, button in self._buttons.items() if button.isChecked()), "")

    def choose(self, key: str) -> None:
        """Choose a chip from the program. Raises KeyError for an unknown key."""
        self._buttons[key].setChecked(True)
        self._update_stops()

    def set_counts(self, counts: dict[str, int]) -> None:
        """Show how many rows each chip has; a key that is missing shows no number."""
        for key, button in self._buttons.items():
            words = self._words[key]
            count = counts.get(key)
            text = words if count is None else f"{words}  {number(count)}"
            button.setText(text.replace("&", "&&"))
            button.setAccessibleName(
                words if count is None else tr("{words}, {count}", words=words, count=number(count))
            )
            self._claim(button)
        self._insist()

    def set_chip_visible(self, key: str, visible: bool) -> None:
        """Show or hide one chip (the "Not synced" chip exists once something was synced)."""
        self._buttons[key].setVisible(visible)
        self._insist()

    def button(self, key: str) -> QPushButton:
        return self._buttons[key]

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._insist()

    def _claim(self, button: QPushButton) -> None:
        """Room for the words in bold, as the chosen chip has them: a size hint knows only the plain ones."""
        words = QFontMetrics(theme().font("strong")).horizontalAdvance(button.text().replace("&&", "&"))
        button.setMinimumWidth(words + 2 * theme().px(12) + 4)
        button.updateGeometry()

    def _on_look_changed(self) -> None:
        for button in self._buttons.values():
            self._claim(button)

    def _insist(self) -> None:
        """Claim the lines needed at this width: a crowded layout would not ask."""
        needed = self._row.heightForWidth(self.width()) if self._row.hasHeightForWidth() else 0
        if needed != self.minimumHeight():
            self.setMinimumHeight(needed)

    def eventFilter(self, watched, event) -> bool:  # noqa: ANN001
        if event.type() == event.Type.KeyPress and self._on_key(event):
            return True
        return super().eventFilter(watched, event)

    def _on_key(self, event: QKeyEvent) -> bool:
        keys = [key for key, button in self._buttons.items() if not button.isHidden()]
        here = keys.index(self.current) if self.current in keys else 0
        forward = Qt.Key.Key_Left if self.isRightToLeft() else Qt.Key.Key_Right
        back = Qt.Key.Key_Right if self.isRightToLeft() else Qt.Key.Key_Left
        target = {forward: here + 1, back: here - 1, Qt.Key.Key_Home: 0, Qt.Key.Key_End: len(keys) - 1}.get(
            Qt.Key(event.key())
        )
        if target is None:
            return False
        key = keys[target % len(keys)]
        self.choose(key)
        self._buttons[key].setFocus(Qt.FocusReason.TabFocusReason)
        self.chosen.emit(key)
        return True

    def _on_clicked(self, key: str) -> None:
        self._update_stops()
        self.chosen.emit(key)

    def _update_stops(self) -> None:
        for button in self._buttons.values():
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if button.isChecked() else Qt.FocusPolicy.ClickFocus)
