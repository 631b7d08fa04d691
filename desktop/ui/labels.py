"""Text on screen that never becomes markup: a customer called "<b>Bob</b>" is shown as exactly that."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QWidget

from desktop.ui.theme import set_role


def tooltip(text: str) -> str:
    """`text` for `setToolTip` or ToolTipRole, which guess at markup and offer no plain mode."""
    return f"<span>{escape(text).replace(chr(10), '<br>')}</span>" if text else ""


def label(
    text: str = "", role: str = "", *, status: str = "", wrap: bool = False, parent: QWidget | None = None
) -> QLabel:
    """A plain-text label.

    Roles: title, section, strong, secondary, hint, field, error. Status: good, wait, bad, info.
    """
    made = _WrappedLabel(parent) if wrap else QLabel(parent)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setText(text)
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    if status:
        made.setProperty("status", status)
    if wrap:
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        made.setSizePolicy(policy)
    return made


def set_status(widget: QWidget, status: str) -> None:
    """Give a label or frame one of the status colours (good, wait, bad, info), or none with ""."""
    set_role(widget, "status", status)


class _WrappedLabel(QLabel):
    """Insists on the height its lines need: a crowded layout or scroll area would cut them off."""

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setMinimumHeight(0)  # Qt never answers less than this when asked for a height
        self._insist()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() > event.oldSize().width():
            self.setMinimumHeight(0)
        self._insist()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._insist()

    def _insist(self) -> None:
        needed = self.heightForWidth(self.width()) if self.isVisible() else 0
        if needed >= 0 and needed != self.minimumHeight():
            self.setMinimumHeight(needed)

    def minimumSizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        return QSize(min(super().minimumSizeHint().width(), metrics.averageCharWidth() * 16), metrics.height())


class ElidedLabel(QLabel):
    """One line that gives way: what does not fit ends in "...", and the whole text is in the tooltip."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None, *, keep: int = 0) -> None:
        """`keep`: pixels of the text that are never given away."""
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._keep = keep
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setToolTip(tooltip(text))

    def minimumSizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        dots = metrics.horizontalAdvance("…") * 3
        kept = max(dots, min(self._keep, metrics.horizontalAdvance(self.text()) + 2))
        return QSize(kept, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        line = QFontMetrics(self.font()).elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), int(self.alignment() | Qt.TextFlag.TextSingleLine), line)


class LinkLabel(QPushButton):
    """A link in a sentence's place: looks like text, is a button to keyboard and screen reader."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text.replace("&", "&&"), parent)
        self.setProperty("kind", "link")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(text)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)


class IdLink(LinkLabel):
    """A link whose words are one long id: what does not fit is left out of its middle, and the tooltip has it all."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._whole = text
        self.setToolTip(tooltip(text))

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        metrics = QFontMetrics(self.font())
        more = metrics.horizontalAdvance(self._whole) - metrics.horizontalAdvance(self.text().replace("&&", "&"))
        return QSize(hint.width() + more, hint.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(QFontMetrics(self.font()).averageCharWidth() * 8, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        frame = self.sizeHint().width() - QFontMetrics(self.font()).horizontalAdvance(self._whole)
        room = max(0, self.width() - max(0, frame))
        line = QFontMetrics(self.font()).elidedText(self._whole, Qt.TextElideMode.ElideMiddle, room)
        self.setText(line.replace("&", "&&"))
