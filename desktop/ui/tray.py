"""The icon beside the clock: says what needs the owner while the window is away, and mends it with one click.

A message of the system has no id, so the last failure that was shown is remembered: a click means that one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from desktop.sync.causes import Cause, cause_of
from desktop.sync.failures import BellEntry
from desktop.text import tr
from desktop.ui import formats
from desktop.ui.bell_panel import what_failed
from desktop.ui.icons import icon

PICTURES = {
    "good": ("connected", "good"),
    "left": ("cloud-upload-outline", "text2"),
    "info": ("syncing", "info"),
    "wait": ("wait", "wait"),
    "bad": ("bad", "bad"),
    "": ("disconnected", "text2"),
}
"""Icon and colour of each state, told apart without the colour; "left": sent invoices are not there."""

QUIET = timedelta(hours=1)
"""One alert per cause and hour; the bell counts all."""


class TrayIcon(Protocol):
    """What carries the alerts: the system's tray, or nothing where there is none."""

    def is_available(self) -> bool: ...

    def show_message(self, title: str, text: str) -> None: ...

    def set_state(self, picture: str, tip: str) -> None: ...

    def set_actions(self, actions: Sequence[QAction | None]) -> None: ...

    def on_message_clicked(self, act: Callable[[], object]) -> None: ...

    def on_activated(self, act: Callable[[], object]) -> None: ...

    def hide(self) -> None: ...


class NullTray:
    """No tray on this system: alerts stay in the bell."""

    def is_available(self) -> bool:
        return False

    def show_message(self, title: str, text: str) -> None:
        """The bell shows it."""

    def set_state(self, picture: str, tip: str) -> None:
        """Nobody sees it."""

    def set_actions(self, actions: Sequence[QAction | None]) -> None:
        """Nobody sees them."""

    def on_message_clicked(self, act: Callable[[], object]) -> None:
        """There is no message to click."""

    def on_activated(self, act: Callable[[], object]) -> None:
        """There is no icon to click."""

    def hide(self) -> None:
        """Nothing is shown."""


class QtTray:
    """The system's tray through Qt."""

    def __init__(self, parent: QObject) -> None:
        self._icon = QSystemTrayIcon(icon("connected", "accent"), parent)
        self._menu = QMenu()
        self._icon.setContextMenu(self._menu)
        self._icon.setToolTip("BlueClerk")
        if QSystemTrayIcon.isSystemTrayAvailable():
            self._icon.show()

    def is_available(self) -> bool:
        """Asked each time: a tray may come and go while the program runs."""
        available = QSystemTrayIcon.isSystemTrayAvailable()
        if available and not self._icon.isVisible():
            self._icon.show()
        return available

    def show_message(self, title: str, text: str) -> None:
        if self.is_available():
            self._icon.showMessage(title, text, QSystemTrayIcon.MessageIcon.Warning, 15_000)

    def set_state(self, picture: str, tip: str) -> None:
        self._icon.setIcon(QIcon(icon(*PICTURES.get(picture, PICTURES[""]))))
        self._icon.setToolTip(tip)

    def set_actions(self, actions: Sequence[QAction | None]) -> None:
        self._menu.clear()
        for action in actions:
            if action is None:
                self._menu.addSeparator()
            else:
                self._menu.addAction(action)

    def on_message_clicked(self, act: Callable[[], object]) -> None:
        self._icon.messageClicked.connect(lambda: act())

    def on_activated(self, act: Callable[[], object]) -> None:
        def activated(reason: QSystemTrayIcon.ActivationReason) -> None:
            if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
                act()

        self._icon.activated.connect(activated)

    def hide(self) -> None:
        self._icon.hide()


class Tray(QObject):
    """Alerts and the menu, over whatever `TrayIcon` there is."""

    open_asked = Signal()
    sync_asked = Signal()
    resync_asked = Signal(object)
    """(kind, local id) pairs to try again."""
    quit_asked = Signal()

    def __init__(self, backend: TrayIcon, now: Callable[[], datetime], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.backend = backend
        self._now = now
        self._entries: list[BellEntry] = []
        self._last: BellEntry | None = None
        self._told: dict[Cause, datetime] = {}
        self.actions = {
            "resync": QAction(tr("Resync failed items"), self),
            "open": QAction(tr("Open BlueClerk"), self),
            "sync": QAction(tr("Sync Now"), self),
            "status": QAction("", self),
            "quit": QAction(tr("Quit"), self),
        }
        self.actions["status"].setEnabled(False)
        self.actions["resync"].triggered.connect(self.resync_failed)
        self.actions["open"].triggered.connect(self.open_asked)
        self.actions["sync"].triggered.connect(self.sync_asked)
        self.actions["quit"].triggered.connect(self.quit_asked)
        names = ("resync", None, "open", "sync", "status", None, "quit")
        backend.set_actions([self.actions[name] if name else None for name in names])
        backend.on_message_clicked(self._on_message_clicked)
        backend.on_activated(self.open_asked.emit)
        self.set_entries([])

    def is_available(self) -> bool:
        """Whether closing the window may leave the program behind it."""
        return self.backend.is_available()

    def set_entries(self, entries: Sequence[BellEntry]) -> None:
        """The open failures: the first line of the menu counts them."""
        self._entries = list(entries)
        action = self.actions["resync"]
        action.setText(
            tr("Resync failed items ({count})", count=formats.number(sum(len(entry.records) for entry in entries)))
        )
        action.setVisible(bool(entries))

    def set_status(self, words: str, kind: str) -> None:
        """The connection's state, as the chip shows it."""
        self.actions["status"].setText(words.replace("&", "&&"))
        self.backend.set_state(kind, f"BlueClerk\n{words}")

    def alert(self, entry: BellEntry) -> bool:
        """Tell of a new failure; False if the same cause was told within the hour."""
        key, now = cause_of(entry), self._now()
        told = self._told.get(key)
        if told is not None and now - told < QUIET:
            return False
        self._told[key] = now
        self._last = entry
        text = f"{entry.title}\n{tr('Click to resync.')}"
        self.backend.show_message(what_failed(entry), text)
        return True

    def resync_failed(self) -> None:
        """Everything that is open, at once."""
        if self._entries:
            self.resync_asked.emit([record for entry in self._entries for record in entry.records])

    def _on_message_clicked(self) -> None:
        if self._last is not None:
            self.resync_asked.emit(self._last.records)
