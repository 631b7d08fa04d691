"""From any screen to its help page: one click on Help, or F1."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from desktop.text import tr
from desktop.ui.buttons import PlainButton
from desktop.ui.help_topics import topics

FIRST = "invoices"


def topic_at(widget: QWidget | None) -> str:
    """The help page of the nearest screen around `widget`: each screen names its own as `help_topic`."""
    while widget is not None:
        key = getattr(widget, "help_topic", "")
        if key in topics():
            return str(key)
        widget = widget.parentWidget()
    return FIRST


def show_help(parent: QWidget, key: str) -> QWidget:
    """Open the help window over `parent`, or turn the one that is open to this page."""
    from desktop.ui.help_window import HelpWindow

    shown = next((one for one in parent.findChildren(HelpWindow) if one.isVisible()), None)
    if shown is None:
        shown = HelpWindow(parent, key)
        shown.show()
    else:
        shown.show_topic(key)
    shown.raise_()
    shown.activateWindow()
    return shown


class HelpButton(PlainButton):
    """ "Help" in a window of its own kind (a dialog, the wizard), which also gets the key for it."""

    def __init__(self, window: QWidget, topic: Callable[[], str] | None = None) -> None:
        """`topic`: which page, asked when it is pressed; the window's own `help_topic` if None."""
        super().__init__(tr("Help"), window, icon_name="help")
        self._window, self._topic = window, topic or (lambda: topic_at(window))
        self.clicked.connect(self.open_help)
        self._keys = QShortcut(QKeySequence(QKeySequence.StandardKey.HelpContents), window)
        self._keys.activated.connect(self.open_help)

    def open_help(self) -> QWidget:
        """Show the page of the window as it is now."""
        return show_help(self._window, self._topic())
