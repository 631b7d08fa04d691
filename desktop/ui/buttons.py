"""Buttons by rank: one primary to a view, the rest quiet, the dangerous ones red in words first."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QPushButton, QWidget

from desktop.ui.icons import icon
from desktop.ui.labels import tooltip
from desktop.ui.theme import set_role, theme


class _Button(QPushButton):
    kind = ""
    tint = "text2"

    def __init__(self, text: str, parent: QWidget | None = None, *, icon_name: str = "") -> None:
        """`text` may carry an Alt mnemonic ("&Save"); write a shown ampersand as "&&"."""
        super().__init__(text, parent)
        if self.kind:
            self.setProperty("kind", self.kind)
        self.setAutoDefault(False)
        self.setAccessibleName(text.replace("&&", "\0").replace("&", "").replace("\0", "&"))
        self._icon_name = icon_name
        if icon_name:
            self.setIcon(icon(icon_name, self.tint))
            self.setIconSize(QSize(theme().px(20), theme().px(16)))


class PrimaryButton(_Button):
    """The one thing to do here: filled with the accent. One to a view."""

    kind = "primary"
    tint = "on_accent"

    def set_filled(self, on: bool) -> None:
        """Quiet while something else in the view is the one thing to do."""
        set_role(self, "kind", self.kind if on else "")
        if self._icon_name:
            self.setIcon(icon(self._icon_name, self.tint if on else QuietButton.tint))


class QuietButton(_Button):
    """Everything else: a hairline and the text."""


class PlainButton(_Button):
    """As quiet as text, for "Details", "Skip", "Cancel" beside a progress line."""

    kind = "plain"


class DangerButton(_Button):
    """Removes something. `filled=True` only inside the question that confirms it."""

    kind = "danger"
    tint = "bad"

    def __init__(self, text: str, parent: QWidget | None = None, *, icon_name: str = "", filled: bool = False) -> None:
        super().__init__(text, parent, icon_name=icon_name)
        if filled:
            self.setProperty("kind", "danger-filled")


class IconButton(QPushButton):
    """A button too small for a word (close, clear). `name` is its tooltip and its accessible name."""

    def __init__(self, icon_name: str, name: str, parent: QWidget | None = None, *, role: str = "text2") -> None:
        super().__init__(parent)
        self.setProperty("kind", "icon")
        self.setIcon(icon(icon_name, role))
        self.setIconSize(QSize(theme().px(18), theme().px(18)))
        self.setAccessibleName(name)
        self.setToolTip(tooltip(name))
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
