"""What is seen while the program itself is still being loaded.

Loads next to nothing: everything behind the real window takes several times as long as a bare window needs, and a
double click that shows nothing for a second is made again.
"""

from __future__ import annotations

import gc
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, QEventLoop, QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from desktop.text import tr
from desktop.ui.preferences import LOOK_KEY, Preferences
from desktop.ui.theme import DARK, LIGHT, Mode

WAIT_MS = 300
"""How long a start waits for it to be drawn, at most."""


class Opening(QWidget):
    """The program's name and one line, in the look that the owner chose; closed when the window is there.

    Not a QSplashScreen: that one waits up to a second to be mapped.
    """

    def __init__(self, folder: Path) -> None:
        """`folder`: where the chosen look is remembered."""
        super().__init__(None, Qt.WindowType.SplashScreen | Qt.WindowType.FramelessWindowHint)
        self.drawn = False
        """It was seen."""
        self._tokens = DARK if _is_dark(folder) else LIGHT
        self.setWindowTitle("BlueClerk")
        self.setAccessibleName(tr("BlueClerk is opening"))
        self.setFixedSize(360, 120)
        screen = QGuiApplication.primaryScreen()
        if screen is not None:
            self.move(screen.availableGeometry().center() - self.rect().center())

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens, inside, painter = self._tokens, self.rect(), QPainter(self)
        painter.fillRect(inside, QColor(tokens.panel))
        painter.setPen(QColor(tokens.control))
        painter.drawRect(inside.adjusted(0, 0, -1, -1))
        painter.fillRect(QRect(0, 0, 4, inside.height()), QColor(tokens.accent))
        painter.setPen(QColor(tokens.text))
        painter.setFont(_font(20, QFont.Weight.DemiBold))
        painter.drawText(inside.adjusted(28, 0, -20, -60), Qt.AlignmentFlag.AlignBottom, "BlueClerk")
        painter.setPen(QColor(tokens.text2))
        painter.setFont(_font(13, QFont.Weight.Normal))
        painter.drawText(inside.adjusted(28, 68, -20, 0), Qt.AlignmentFlag.AlignTop, tr("Opening your books …"))
        painter.end()
        self.drawn = True


def _font(pixels: int, weight: QFont.Weight) -> QFont:
    font = QFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont))
    font.setPixelSize(pixels)
    font.setWeight(weight)
    return font


def show_opening(folder: Path) -> Opening:
    """Show it, drawn at once: what follows keeps this thread busy.

    Loading makes hardly any garbage, and the looks for it take a quarter of the time: none until `lively_threads`.
    """
    gc.disable()
    opening = Opening(folder)
    opening.show()
    waiting = QElapsedTimer()
    waiting.start()
    while not opening.drawn and not waiting.hasExpired(WAIT_MS):  # a window manager takes its time to put it up
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 10)
    return opening


def _is_dark(folder: Path) -> bool:
    chosen = Preferences(folder).text(LOOK_KEY)
    if chosen in (Mode.DARK.value, Mode.LIGHT.value):
        return chosen == Mode.DARK.value
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
