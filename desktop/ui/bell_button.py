"""The bell, with how many things need the owner."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from desktop.text import tr
from desktop.ui.buttons import IconButton
from desktop.ui.formats import number
from desktop.ui.labels import tooltip
from desktop.ui.theme import theme


class BellButton(IconButton):
    """No badge at 0; "99+" above 99; the screen reader hears the number too."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("bell", tr("Notifications"), parent)
        self._count = 0
        self.setIconSize(QSize(theme().px(20), theme().px(20)))

    @property
    def count(self) -> int:
        return self._count

    def set_count(self, count: int) -> None:
        """How many unread entries there are."""
        self._count = count
        name = tr("Notifications, {count} new", count=number(count)) if count else tr("Notifications")
        self.setAccessibleName(name)
        self.setToolTip(tooltip(name))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(40), theme().px(32))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._count:
            return
        look = theme()
        font = look.font("small")
        font.setPixelSize(look.px(11))
        font.setWeight(font.Weight.DemiBold)
        text = number(self._count) if self._count < 100 else number(99) + "+"
        height = look.px(16)
        width = max(height, QFontMetrics(font).horizontalAdvance(text) + look.px(8))
        left = self.width() / 2 + look.px(2)
        badge = QRectF(min(left, self.width() - width), look.px(1), width, height)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.color("bad"))
        painter.drawRoundedRect(badge, height / 2, height / 2)
        painter.setFont(font)
        painter.setPen(look.color("on_bad"))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)
