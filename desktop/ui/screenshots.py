"""Pictures of the real screens of a window, for the demo and for people who judge them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication, QDialog, QWidget

from desktop.models.states import SyncState
from desktop.ui import operations
from desktop.ui.busy import SkeletonOverlay
from desktop.ui.main_window import MainWindow
from desktop.ui.routes import Route, settings

SETTLED_SECONDS = 15.0
_QUIET_ROUNDS = 6


async def settle(timeout: float = SETTLED_SECONDS) -> None:
    """Wait until nothing is being read for the window any more (timers of a page and its grey bars included)."""
    ends = time.monotonic() + timeout
    quiet = 0
    while quiet < _QUIET_ROUNDS and time.monotonic() < ends:
        await asyncio.sleep(0.02)
        windows = [one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow)]
        bars = any(bar.isVisible() for one in windows for bar in one.findChildren(SkeletonOverlay))
        busy = operations.pending() or bars or not all(one.is_still for one in windows)
        quiet = 0 if busy else quiet + 1


async def shoot(window: QWidget, folder: Path, name: str) -> Path:
    """Draw `window`, with the dialog over it if there is one, into `folder`/`name`.png."""
    await settle()
    for _ in range(4):  # heights follow widths, and those follow heights again
        window.grab()
        QApplication.sendPostedEvents()
    path = folder / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower())}.png"
    picture = window.grab()
    dialog = _top_dialog(window)
    if dialog is not None:
        dialog.grab()
        QApplication.sendPostedEvents()
        picture = dialog.grab()
    picture.save(str(path))
    return path


def _top_dialog(window: QWidget) -> QDialog | None:
    shown = [one for one in window.findChildren(QDialog) if one.isVisible()]
    return shown[-1] if shown else None


class Photographer:
    """Goes to the screen that a name stands for and takes its picture."""

    def __init__(self, window: MainWindow, folder: Path) -> None:
        self.window = window
        self.folder = folder
        self.taken: list[Path] = []
        self._screens: dict[str, Callable[[], Awaitable[None] | None]] = {
            "first-run": lambda: window.go(Route("invoices")),
            "invoices": lambda: window.go(Route("invoices")),
            "invoice-detail": self._detail,
            "needs-you": self._needs_you,
            "customers": lambda: window.go(Route("customers")),
            "items": lambda: window.go(Route("items")),
            "activity": lambda: window.go(Route("activity")),
            "integrations": lambda: window.go(settings("integrations")),
            "mapping": lambda: window.go(settings("account_mapping")),
            "sync-settings": lambda: window.go(settings("sync_settings")),
            "import": lambda: window.go(settings("import_data")),
            "tax": lambda: window.go(settings("tax_payments")),
            "app-keys": lambda: window.go(settings("app_keys")),
            "team": lambda: window.go(settings("team")),
            "appearance": lambda: window.go(settings("appearance")),
            "wizard": lambda: window.go(settings("integrations", action="wizard")),
            "bell": window.show_bell,
            "checks": window.show_checks,
            "help": window.help_button.click,
        }

    async def settle(self) -> None:
        await settle()

    async def shoot(self, name: str) -> Path | None:
        """Show the screen and leave its picture; None for a name that stands for none."""
        show = self._screens.get(name)
        if show is None:
            return None
        await settle()
        shown = show()
        if shown is not None:
            await shown
        number = len(self.taken) + 1
        path = await shoot(self.window, self.folder, f"{number:02}-{name}")
        self.taken.append(path)
        self._put_away()
        return path

    def _put_away(self) -> None:
        """Close what lies over the window, so that the next screen is seen."""
        if self.window.bell_panel.isVisible():
            self.window.bell_panel.close_panel()
        for dialog in self.window.findChildren(QDialog):
            if dialog.isVisible():
                dialog.close()

    async def _detail(self) -> None:
        self.window.go(Route("invoices", filter="all"))
        await settle()
        page: Any = self.window.pages["invoices"]
        for place in range(min(60, page.model.rowCount())):  # one with payments says most
            row = page.model.row_at(place)
            if row is not None and row.paid and row.sync is SyncState.SYNCED:
                page.select(row.id)
                return

    async def _needs_you(self) -> None:
        self.window.go(Route("invoices", filter="needs_you"))
        await settle()


async def shoot_all(window: MainWindow, folder: Path) -> list[Path]:
    """Every screen of the window, one picture each."""
    folder.mkdir(parents=True, exist_ok=True)
    photographer = Photographer(window, folder)
    for name in photographer._screens:
        if name != "first-run":
            await photographer.shoot(name)
    return photographer.taken
