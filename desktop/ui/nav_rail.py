"""The way around the program: a short list at the left, the same on every screen."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QButtonGroup, QFrame, QPushButton, QVBoxLayout, QWidget

from desktop.text import tr
from desktop.ui.icons import icon
from desktop.ui.labels import label, tooltip
from desktop.ui.theme import set_role, theme

BY_KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
KEEPS_RING = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)
"""The window or a menu took the focus for a while: what it comes back to looks as it did."""


class NavRail(QFrame):
    """Pages by key. Ctrl+1 to Ctrl+9 choose one from anywhere in the window, Up and Down within the rail."""

    chosen = Signal(str)
    """The key of a page the person chose (not emitted by `choose`)."""

    def __init__(self, brand: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "rail")
        self.setAccessibleName(tr("Pages"))
        self._buttons: dict[str, QPushButton] = {}
        self._icons: dict[str, str] = {}
        self._group = QButtonGroup(self)
        px = theme().px
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(px(12), px(20), px(12), px(16))
        self._column.setSpacing(px(4))
        title = label(brand, "section", parent=self)
        title.setContentsMargins(px(8), 0, 0, px(16))
        self._column.addWidget(title)
        self._column.addStretch(1)
        self.setMinimumWidth(px(176))

    def add_page(self, key: str, words: str, icon_name: str, *, at_foot: bool = False) -> None:
        """Add a page; `at_foot` puts it at the bottom (Settings)."""
        button = QPushButton(words.replace("&", "&&"), self)
        button.setProperty("kind", "rail")
        button.setCheckable(True)
        button.setAutoDefault(False)
        button.setIconSize(QSize(theme().px(28), theme().px(20)))
        button.setAccessibleName(words)
        button.clicked.connect(lambda: self._on_chosen(key))
        button.toggled.connect(lambda _on: self._tint(key))
        button.installEventFilter(self)
        self._group.addButton(button)
        if len(self._buttons) < 9:
            keys = QKeySequence(f"Ctrl+{len(self._buttons) + 1}")
            shortcut = QShortcut(keys, self, context=Qt.ShortcutContext.WindowShortcut)
            shortcut.activated.connect(lambda: self._on_chosen(key))
            button.setToolTip(tooltip(f"{words} ({keys.toString(QKeySequence.SequenceFormat.NativeText)})"))
        upper = [name for name, other in self._buttons.items() if not other.property("at_foot")]
        self._buttons[key], self._icons[key] = button, icon_name
        button.setProperty("at_foot", at_foot)
        if at_foot:
            self._column.addWidget(button)
        else:
            self._column.insertWidget(1 + len(upper), button)
        self._tint(key)
        if len(self._buttons) == 1:
            self.choose(key)

    @property
    def current(self) -> str:
        return next((key for key, button in self._buttons.items() if button.isChecked()), "")

    def choose(self, key: str) -> None:
        """Mark a page as the current one. Raises KeyError for an unknown key."""
        self._buttons[key].setChecked(True)
        for name, button in self._buttons.items():
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if name == key else Qt.FocusPolicy.ClickFocus)
        left = next((button for name, button in self._buttons.items() if name != key and button.hasFocus()), None)
        if left is not None:  # the focus never stays on a page that was left
            reasons = Qt.FocusReason
            ringed = bool(left.property("ring"))
            self._buttons[key].setFocus(reasons.TabFocusReason if ringed else reasons.OtherFocusReason)

    def button(self, key: str) -> QPushButton:
        return self._buttons[key]

    def eventFilter(self, watched, event) -> bool:  # noqa: ANN001
        if event.type() == event.Type.KeyPress and self._on_key(event):
            return True
        if event.type() in (event.Type.FocusIn, event.Type.FocusOut) and event.reason() not in KEEPS_RING:
            set_role(watched, "ring", event.type() == event.Type.FocusIn and event.reason() in BY_KEYBOARD)
        return super().eventFilter(watched, event)

    def _on_key(self, event: QKeyEvent) -> bool:
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
        if step is None:
            return False
        keys = list(self._buttons)
        key = keys[(keys.index(self.current) + step) % len(keys)]
        self._on_chosen(key)
        self._buttons[key].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def _on_chosen(self, key: str) -> None:
        self.choose(key)
        self.chosen.emit(key)

    def _tint(self, key: str) -> None:
        button = self._buttons[key]
        button.setIcon(icon(self._icons[key], "accent" if button.isChecked() else "text2"))
