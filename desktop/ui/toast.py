"""A word in passing at the foot of the window, with a way back: "Invoice deleted · Undo"."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEasingCurve, QEvent, QObject, QPoint, QPropertyAnimation, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QPushButton, QWidget

from desktop.text import tr
from desktop.ui.announce import announce
from desktop.ui.buttons import IconButton
from desktop.ui.labels import label
from desktop.ui.theme import theme

SHOWN_MS = 10_000


class Toast(QFrame):
    """One per window, at the bottom of `parent`. The clock stands while the mouse or the focus is on it."""

    acted = Signal()
    """The action was chosen; the toast is gone."""
    expired = Signal()
    """It went without the action: time ran out, was closed, or another message came."""

    def __init__(self, parent: QWidget, foot: Callable[[], int] = lambda: 0) -> None:
        """`foot`: pixels at the bottom of `parent` that must stay free, such as a row of buttons."""
        super().__init__(parent)
        self._parent, self._foot = parent, foot
        self.setProperty("role", "toast")
        px = theme().px
        row = QHBoxLayout(self)
        row.setContentsMargins(px(16), px(4), px(4), px(4))
        row.setSpacing(px(8))
        self._sentence = label("", parent=self)
        self.action_button = QPushButton(self)
        self.action_button.setProperty("kind", "on-toast")
        self.action_button.setAutoDefault(False)
        self._close = IconButton("close", tr("Dismiss this message"), self, role="on_tip")
        for part in (self._sentence, self.action_button, self._close):
            row.addWidget(part)
        self.action_button.clicked.connect(self._on_action_clicked)
        self._close.clicked.connect(self.dismiss)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._on_time)
        self._slide = QPropertyAnimation(self, b"pos", self)
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        parent.installEventFilter(self)
        self.hide()

    def show_message(self, sentence: str, action: str = "", shown_ms: int = SHOWN_MS) -> None:
        """Show `sentence` with an optional action for `shown_ms`; a message still there is replaced."""
        if self.isVisible():
            self.dismiss()
        self._sentence.setText(sentence)
        self.action_button.setText(action.replace("&", "&&"))
        self.action_button.setAccessibleName(action)
        self.action_button.setVisible(bool(action))
        self.setAccessibleName(sentence)
        self._shown_ms = shown_ms
        self.adjustSize()
        place = self._place()
        self.show()
        self.raise_()
        duration = theme().duration(150)
        if duration:
            self._slide.setDuration(duration)
            self._slide.setStartValue(place + QPoint(0, theme().px(12)))
            self._slide.setEndValue(place)
            self._slide.start()
        else:
            self.move(place)
        self._timer.start(shown_ms)
        announce(self, f"{sentence} {action}")

    def dismiss(self) -> None:
        """Take the toast away as if its time had run out."""
        if not self.isHidden():
            self._put_away()
            self.expired.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self._slide.stop()
            self.move(self._place())
        return super().eventFilter(watched, event)

    def _place(self) -> QPoint:
        parent: QWidget = self._parent
        margin = theme().px(24)
        self.resize(min(self.sizeHint().width(), parent.width() - 2 * margin), self.sizeHint().height())
        bottom = parent.height() - max(margin, self._foot() + theme().px(8))
        return QPoint((parent.width() - self.width()) // 2, bottom - self.height())

    def _put_away(self) -> None:
        self._timer.stop()
        self._slide.stop()
        self.hide()

    def _on_action_clicked(self) -> None:
        self._put_away()
        self.acted.emit()

    def _on_time(self) -> None:
        focused = QApplication.focusWidget()
        if self.underMouse() or (focused is not None and self.isAncestorOf(focused)):
            self._timer.start(self._shown_ms)
            return
        self.dismiss()

    def keyPressEvent(self, event) -> None:  # noqa: ANN001
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            super().keyPressEvent(event)
