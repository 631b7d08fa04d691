"""A state is an icon and a word together, in a cell or beside a title; colour alone never says it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QApplication,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop.ui.icons import paint_icon
from desktop.ui.labels import tooltip
from desktop.ui.theme import theme

CELL_MARGIN = 3
"""What Qt adds to a cell's padding before its text."""

STATUS_ROLE = int(Qt.ItemDataRole.UserRole) + 1
"""Model role that answers with a `Status` or None."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a state looks like."""

    text: str
    kind: str = ""
    """good, wait, bad, info; empty for a plain state (Draft) in quiet grey."""
    icon: str = ""
    """A name of `icons.py`; empty for none."""
    strong: bool = False
    """On its tint: for the one thing on the screen that needs the owner."""

    @property
    def role(self) -> str:
        """The colour token of its words."""
        return self.kind or "text2"


def paint_status(
    painter: QPainter, rect: QRect, status: Status, font: QFont, *, tinted: bool, rtl: bool = False
) -> None:
    """Draw icon and word into `rect`, elided and vertically centred; `tinted`: on a rounded tint."""
    look = theme()
    metrics = QFontMetrics(font)
    size, gap, inset = look.px(16), look.px(6), look.px(8) if tinted else 0
    lead = size + gap if status.icon else 0
    width = min(rect.width(), metrics.horizontalAdvance(status.text) + 2 + lead + 2 * inset)
    if status.icon and width - lead - 2 * inset < look.px(20):  # no room for a word: the sign alone
        width = min(rect.width(), size + 2 * inset)
    height = min(rect.height(), metrics.height() + look.px(6))
    left = rect.right() + 1 - width if rtl else rect.left()
    body = QRect(left, rect.top() + (rect.height() - height) // 2, width, height)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if tinted:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.color(f"{status.kind}_bg" if status.kind else "pressed"))
        painter.drawRoundedRect(QRectF(body), height / 2, height / 2)
    role = "text" if tinted and not status.kind else status.role
    x = body.right() + 1 - inset - size if rtl else body.left() + inset
    if status.icon:
        paint_icon(painter, QRect(x, body.top() + (height - size) // 2, size, size), status.icon, role)
    room = width - lead - 2 * inset
    if room <= 0:
        painter.restore()
        return
    painter.setFont(font)
    painter.setPen(look.color(role))
    words = QRect(body.left() + inset + (0 if rtl else lead), body.top(), room, height)
    line = metrics.elidedText(status.text, Qt.TextElideMode.ElideRight, room)
    painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), line)
    painter.restore()


_pictures: dict[tuple[object, ...], QPixmap] = {}


def _picture(status: Status, size: QSize, font: QFont, painter: QPainter, rtl: bool) -> QPixmap:
    """The cell as drawn before: a list shows few different states, and laying out text is what takes time."""
    ratio = painter.device().devicePixelRatio()
    key = (status, size.width(), size.height(), font.key(), ratio, rtl, theme().tokens)
    found = _pictures.get(key)
    if found is None:
        if len(_pictures) > 200:
            _pictures.clear()
        found = QPixmap(size * ratio)
        found.setDevicePixelRatio(ratio)
        found.fill(Qt.GlobalColor.transparent)
        brush = QPainter(found)
        paint_status(brush, QRect(QPoint(0, 0), size), status, font, tinted=status.strong, rtl=rtl)
        brush.end()
        _pictures[key] = found
    return found


class StatusPill(QWidget):
    """A state beside a title or in a detail pane, on its tint."""

    def __init__(self, status: Status | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status = status or Status("")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.set_status(self._status)

    def set_status(self, status: Status, reason: str = "") -> None:
        """Show `status`, with `reason` (and its time) as tooltip and accessible description."""
        self._status = status
        self.setAccessibleName(status.text)
        self.setAccessibleDescription(reason)
        self.setToolTip(tooltip(reason))
        self.updateGeometry()
        self.update()

    @property
    def status(self) -> Status:
        return self._status

    def sizeHint(self) -> QSize:
        look = theme()
        metrics = QFontMetrics(self.font())
        lead = look.px(16) + look.px(6) if self._status.icon else 0
        return QSize(
            metrics.horizontalAdvance(self._status.text) + lead + 2 * look.px(8) + 2,
            metrics.height() + look.px(6),
        )

    def minimumSizeHint(self) -> QSize:
        return QSize(min(self.sizeHint().width(), theme().px(48)), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_status(painter, self.rect(), self._status, self.font(), tinted=True, rtl=self.isRightToLeft())


class StatusDelegate(QStyledItemDelegate):
    """Draws the `Status` that the model gives for STATUS_ROLE; other cells are left to Qt."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        status = index.data(STATUS_ROLE)
        if not isinstance(status, Status):
            super().paint(painter, option, index)
            return
        widget: QWidget | None = option.widget
        style = widget.style() if widget is not None else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, widget)
        inset = theme().px(12) + CELL_MARGIN
        rect = option.rect.adjusted(inset, 0, -inset // 2, -1)
        if status.strong:  # the icon stays in line, the tint reaches out
            rect.adjust(-theme().px(8), 0, 0, 0)
        rtl = option.direction == Qt.LayoutDirection.RightToLeft
        if rect.isEmpty():
            return
        painter.drawPixmap(rect.topLeft(), _picture(status, rect.size(), option.font, painter, rtl))

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        status = index.data(STATUS_ROLE)
        if not isinstance(status, Status):
            return super().sizeHint(option, index)
        look = theme()
        lead = look.px(22) if status.icon else 0
        return QSize(QFontMetrics(option.font).horizontalAdvance(status.text) + lead + look.px(28), look.row_height())
