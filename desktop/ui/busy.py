"""Showing that something takes its time: never for a moment, never as a flicker, always with a way out."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop.text import tr
from desktop.ui.announce import announce
from desktop.ui.buttons import PlainButton
from desktop.ui.formats import number
from desktop.ui.labels import label
from desktop.ui.theme import theme

SHOW_AFTER_MS = 300
SHOW_AT_LEAST_MS = 500


class DelayedBusy(QObject):
    """Calls `show` only for work over 300 ms, and `hide` not before it was seen for 500 ms.

    `set` nests: it is busy until every `set(True)` had its `set(False)`. Made for `operations.run(busy=...)`.
    """

    def __init__(self, parent: QObject, show: Callable[[], object], hide: Callable[[], object]) -> None:
        super().__init__(parent)
        self._show, self._hide = show, hide
        self._depth = 0
        self._shown = QElapsedTimer()
        self._wait = QTimer(self, singleShot=True, interval=SHOW_AFTER_MS)
        self._wait.timeout.connect(self._on_wait_over)
        self._linger = QTimer(self, singleShot=True)
        self._linger.timeout.connect(self._on_linger_over)

    def set(self, busy: bool) -> None:
        self._depth = max(0, self._depth + (1 if busy else -1))
        if self._depth and not self._shown.isValid():
            if not self._wait.isActive():
                self._wait.start()
        elif self._depth:
            self._linger.stop()
        elif self._shown.isValid():
            self._linger.start(max(0, SHOW_AT_LEAST_MS - self._shown.elapsed()))
        else:
            self._wait.stop()

    __call__ = set

    def _on_wait_over(self) -> None:
        self._shown.start()
        self._show()

    def _on_linger_over(self) -> None:
        self._shown.invalidate()
        self._hide()


class SkeletonOverlay(QWidget):
    """Grey bars over `parent` while its content loads; the layout under it keeps still.

    Pass `overlay.busy` to `operations.run`, or call `busy(True)` / `busy(False)`.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._parent = parent
        self.setAccessibleName(tr("Loading"))
        self.busy = DelayedBusy(self, self._on_show, self.hide)
        parent.installEventFilter(self)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self.setGeometry(self._parent.rect())
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), look.color("panel"))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.color("pressed"))
        row, inset, thick = look.row_height(), look.px(12), look.px(10)
        widths = (0.55, 0.8, 0.45, 0.7, 0.6)
        columns = max(1, self.width() // look.px(180))
        cell = self.width() / columns
        for line in range(max(1, self.height() // row)):
            for column in range(columns):
                width = (cell - 2 * inset) * widths[(line * 3 + column) % len(widths)]
                bar = QRectF(column * cell + inset, line * row + (row - thick) / 2, width, thick)
                painter.drawRoundedRect(bar, thick / 2, thick / 2)

    def _on_show(self) -> None:
        self.setGeometry(self._parent.rect())
        self.raise_()
        self.show()
        announce(self, tr("Loading"))


class ProgressLine(QWidget):
    """ "1,240 of 3,100" over a thin bar, with Cancel; hidden until `start`."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._step = ""
        px = theme().px
        self._text = label("", "secondary", parent=self)
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._cancel = PlainButton(tr("Cancel"), self)
        self._cancel.clicked.connect(self._on_cancel_clicked)
        words = QVBoxLayout()
        words.setSpacing(px(6))
        words.addStretch(1)
        words.addWidget(self._text)
        words.addWidget(self._bar)
        words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(12))
        row.addLayout(words, 1)
        row.addWidget(self._cancel)
        self.hide()

    def start(self, step: str = "", *, cancellable: bool = True) -> None:
        """Show the line for a `step` ("Reading customers") whose size is not known yet."""
        self._step = step
        self._cancel.setVisible(cancellable)
        self._cancel.setEnabled(True)
        self._bar.setRange(0, 0 if theme().duration(150) else 1)
        self._say(step)
        self.show()

    def set_progress(self, done: int, total: int | None = None) -> None:
        """`done` of `total` rows; without a total only the count is shown."""
        if total:
            self._bar.setRange(0, total)
            self._bar.setValue(min(done, total))
            count = tr("{done} of {total}", done=number(done), total=number(total))
        else:
            count = number(done)
        self._say(f"{self._step}  {count}" if self._step else count)

    def finish(self) -> None:
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def _say(self, text: str) -> None:
        self._text.setText(text)
        self._bar.setAccessibleName(text)
        self.setAccessibleName(text)

    def _on_cancel_clicked(self) -> None:
        self._cancel.setEnabled(False)
        self._say(tr("Stopping …"))
        self.cancelled.emit()
