"""Pictures of the settings and the wizard, for the demo and for people who judge them. Writes nothing to the books."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog, QVBoxLayout, QWidget

from desktop.core import Core
from desktop.errors import SignInRefused
from desktop.sync.connect import SignInPage
from desktop.sync.overview import STEPS
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.connect_dialog import ConnectDialog
from desktop.ui.connection_page import TABS
from desktop.ui.link_dialog import link_to_existing
from desktop.ui.routes import Route
from desktop.ui.settings_page import SettingsPage
from desktop.ui.theme import theme
from desktop.wizard.flow import Flow
from desktop.wizard.wizard import SetupWizard

SETTLED_SECONDS = 20.0
_EXAMPLE = "https://appcenter.intuit.com/connect/oauth2?client_id=AB12&response_type=code&state=example.53682"


class _Nowhere:
    """A navigator for pages that stand alone."""

    def go(self, route: Route) -> None:
        return


async def shoot_all(core: Core, folder: Path, *, size: tuple[int, int] = (1180, 760), prefix: str = "") -> list[Path]:
    """Draw every screen of the settings and the wizard into `folder`; the desk must be connected for most of them."""
    folder.mkdir(parents=True, exist_ok=True)
    studio = _Studio(core, folder, size, prefix)
    try:
        await studio.settings()
        if await core.connection() is not None:
            await studio.wizard()
            await studio.link()
        await studio.connecting()
    finally:
        studio.close()
    return studio.taken


class _Studio:
    def __init__(self, core: Core, folder: Path, size: tuple[int, int], prefix: str) -> None:
        self._core, self._folder, self._size, self._prefix = core, folder, size, prefix
        self.taken: list[Path] = []
        self._window = QWidget()
        self._window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        self._window.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._window.resize(*size)
        self._page = SettingsPage(core, _Nowhere(), self._window)
        inset = theme().px(24)
        box = QVBoxLayout(self._window)
        box.setContentsMargins(inset, inset, inset, 0)
        box.addWidget(self._page)
        self._window.show()

    def close(self) -> None:
        self._window.close()
        self._window.deleteLater()

    async def settings(self) -> None:
        """The four parts, and each tab of the connected service."""
        self._page._show("integrations")
        await self._shoot("integrations", self._window)
        for part in ("app_keys", "team", "appearance"):
            self._page.open(Route("settings", sub=part))
            await self._shoot(part, self._window)
        if await self._core.connection() is None:
            return
        for tab in TABS:
            self._page.open(Route("settings", sub=tab))
            await self._shoot(f"service-{tab}", self._window)
        self._page.connection.show_tab("overview")
        self._page.connection.alert.fold.click()
        await self._shoot("service-unsynced", self._window)
        self._page.connection.alert.collapse()

    async def wizard(self) -> None:
        """Each step as it looks when it is reached."""
        view = await self._core.connection()
        info = next(one for one in self._core.services() if view is not None and one.key.value == view.provider)
        for step in STEPS:
            wizard = SetupWizard(self._core, Flow(), info.terms, info.capabilities, self._window)
            wizard.begin_at(step)
            wizard.resize(min(1120, self._size[0]), min(700, self._size[1]))
            wizard.open()
            await self._shoot(f"wizard-{STEPS.index(step) + 1}-{step}", wizard)
            wizard.reject()

    async def link(self) -> None:
        """Linking a record by hand."""
        terms = await self._core.terms()
        name = terms.service if terms is not None else ""
        dialog = link_to_existing(self._core, self._window, "customer", 0, "Mason, Mary & John", name)
        await self._shoot("link", dialog)
        dialog.reject()

    async def connecting(self) -> None:
        """The steps of a sign-in, without signing in."""
        info = self._core.services()[0]
        dialog = ConnectDialog(self._core, info.key, self._window)
        QDialog.open(dialog)
        dialog._show_keys()
        await self._shoot("connect-1-keys", dialog)
        dialog.waiting.show_page(SignInPage(_EXAMPLE, "", "http://localhost:53682/callback", True, True))
        dialog._show(dialog.waiting)
        await self._shoot("connect-2-waiting", dialog)
        dialog.waiting.more.setChecked(True)
        await self._shoot("connect-2-paste", dialog)
        dialog._show(dialog.exchanging, tr("{service} agreed. Finishing the connection", service=info.terms.service))
        await self._shoot("connect-3-exchanging", dialog)
        dialog.connected.show_company("Acme Plumbing LLC", True)
        dialog._show(dialog.connected)
        await self._shoot("connect-4-connected", dialog)
        dialog.connected.show_read(True)
        await self._shoot("connect-5-read", dialog)
        dialog._show_failure(
            SignInRefused(
                tr("You did not allow the connection on {service}'s page.", service=info.terms.service),
                tr("Nothing was connected. Press Connect to try again."),
            )
        )
        await self._shoot("connect-6-failed", dialog)
        dialog.reject()

    async def _shoot(self, name: str, widget: QWidget) -> None:
        await settle()
        for _ in range(4):  # heights follow widths, and those follow heights again
            widget.grab()
            QApplication.sendPostedEvents()
        path = self._folder / f"{self._prefix}{name.replace('_', '-')}.png"
        widget.grab().save(str(path))
        self.taken.append(path)


async def settle() -> None:
    """Wait until nothing is under way for any window, and what it brought is drawn."""
    async with asyncio.timeout(SETTLED_SECONDS):
        quiet = 0
        while quiet < 4:
            await asyncio.sleep(0.01)
            quiet = 0 if operations.pending() else quiet + 1
