"""The state of the connection in the corner of every screen: "QuickBooks · Acme Plumbing · in sync"."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from desktop.ui.icons import icon
from desktop.ui.labels import tooltip
from desktop.ui.theme import theme

_ICONS = {"good": "connected", "wait": "checking", "bad": "sign_in", "info": "syncing", "": "disconnected"}


class ConnectionChip(QPushButton):
    """A button (it opens the connection's page) with icon and words; a company's name too long for it ends in "..."."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "connection")
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setIconSize(QSize(theme().px(20), theme().px(16)))
        self._words = ""

    def set_state(self, words: str, kind: str = "", *, icon_name: str = "", reason: str = "") -> None:
        """`kind`: good (in sync), wait (something waits), bad (needs you), info (at work), "" (none)."""
        self._words = words
        self.kind = kind
        self.setIcon(icon(icon_name or _ICONS[kind], kind or "text3"))
        self.setAccessibleName(words)
        self.setAccessibleDescription(reason)
        self.setToolTip(tooltip(f"{words}\n{reason}" if reason else words))
        self._elide()
        self.updateGeometry()

    @property
    def words(self) -> str:
        return self._words

    def sizeHint(self) -> QSize:
        look = theme()
        width = QFontMetrics(self.font()).horizontalAdvance(self._words) + look.px(20 + 4 + 24 + 10)
        return QSize(min(width, look.px(360)), look.px(32))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(120), self.sizeHint().height())

    def resizeEvent(self, event) -> None:  # noqa: ANN001
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = self.width() - theme().px(20 + 4 + 24 + 6)
        self.setText(_fitted(self._words, QFontMetrics(self.font()), max(room, 0)).replace("&", "&&"))


def _fitted(words: str, metrics: QFontMetrics, room: int) -> str:
    """Where it is too long the company's name gives way: the service and how things stand say more."""
    parts = words.split(" · ")
    if len(parts) >= 3 and metrics.horizontalAdvance(words) > room:
        rest = metrics.horizontalAdvance(" · ".join([parts[0], "", parts[-1]]))
        if room - rest > metrics.horizontalAdvance("…") * 3:
            name = metrics.elidedText(" · ".join(parts[1:-1]), Qt.TextElideMode.ElideRight, room - rest)
            return " · ".join([parts[0], name, parts[-1]])
    return metrics.elidedText(words, Qt.TextElideMode.ElideRight, room)
