"""Settings: Integrations with the connected service's own page, App keys, Team, Backups, Appearance."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from desktop.core import Core
from desktop.providers.records import ProviderKey
from desktop.sync.overview import ConnectionView
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.app_keys_page import AppKeysPage
from desktop.ui.appearance_page import AppearancePage
from desktop.ui.backups_page import BackupsPage
from desktop.ui.banner import Banner
from desktop.ui.chips import FilterChips
from desktop.ui.connect_dialog import ConnectDialog
from desktop.ui.connection_page import TABS, ConnectionPage
from desktop.ui.integrations_page import IntegrationsPage
from desktop.ui.preferences import Preferences
from desktop.ui.problems import show_problem
from desktop.ui.routes import Navigator, Route
from desktop.ui.team_page import TeamPage
from desktop.ui.theme import theme
from desktop.ui.watching import watch
from desktop.ui.wizard_door import open_wizard


class SettingsPage(QWidget):
    """One page with four parts; `open` leads to any of the places that a `Route` can name."""

    toasted = Signal(str)
    """A word in passing for the window to show."""
    look_chosen = Signal(object)
    restore_asked = Signal(object)
    """The owner wants to go on with this `Backup` of the books."""

    def __init__(
        self, core: Core, navigator: Navigator, parent: QWidget | None = None, *, preferences: Preferences | None = None
    ) -> None:
        super().__init__(parent)
        self._core, self._navigator = core, navigator
        self._waiting: Route | None = None
        self._dialog: ConnectDialog | None = None
        self.setAccessibleName(tr("Settings"))
        px = theme().px
        self.parts = FilterChips(
            [
                ("integrations", tr("Integrations")),
                ("app_keys", tr("App keys")),
                ("team", tr("Team")),
                ("backups", tr("Backups")),
                ("appearance", tr("Appearance")),
            ],
            self,
        )
        self.parts.setAccessibleName(tr("Parts of the settings"))
        self.parts.chosen.connect(self._on_part)
        self.banner = Banner(self)
        self.integrations = IntegrationsPage(core, self)
        self.connection = ConnectionPage(core, navigator, self)
        self.app_keys = AppKeysPage(core, self)
        self.team = TeamPage(core, self)
        self.backups = BackupsPage(core, self)
        self.appearance = AppearancePage(preferences or Preferences(core.options.data_dir), self)
        self.stack = QStackedWidget(self)
        self._places: dict[str, QWidget] = {}
        for name, page in (
            ("integrations", self.integrations),
            ("app_keys", self.app_keys),
            ("team", self.team),
            ("backups", self.backups),
            ("appearance", self.appearance),
        ):
            area = QScrollArea(self)
            area.setWidgetResizable(True)
            area.setFrameShape(QFrame.Shape.NoFrame)
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            area.setWidget(page)
            self._places[name] = area
            self.stack.addWidget(area)
        self._places["connection"] = self.connection
        self.stack.addWidget(self.connection)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        column.addWidget(self.parts)
        column.addWidget(self.banner)
        column.addWidget(self.stack, 1)
        self._wire()
        watch(self, core, ("connection",), self._on_connection_changed)

    # -- what the window asks -----------------------------------------------------------------

    def load(self) -> None:
        """Read again what is shown."""
        self._load_part()

    def open(self, route: Route) -> None:
        """Show the place that `route` names (`ui.routes.SETTINGS`), and do its action."""
        sub = route.sub or "integrations"
        if sub in ("app_keys", "team", "backups", "appearance"):
            self._show(sub)
            return
        self._waiting = route
        operations.run(
            self, self._core.connection(), success=self._arrive, failure=lambda error: show_problem(self.banner, error)
        )

    def may_leave(self) -> bool:
        """False while a mapping is changed and not saved."""
        return not self.connection.has_unsaved

    @property
    def place(self) -> str:
        """integrations, connection, app_keys, team, backups or appearance."""
        return next(name for name, page in self._places.items() if page is self.stack.currentWidget())

    @property
    def help_topic(self) -> str:
        """The help page of the part that is shown."""
        return self.connection.help_topic if self.place == "connection" else self.place

    def connect_service(self, key: str, *, again: bool = False, other: bool = False) -> ConnectDialog:
        """Open the sign-in dialog, for `other` to another company than before; the wizard follows by itself unless
        this is only a new sign-in (M11)."""
        dialog = ConnectDialog(self._core, ProviderKey(key), self, again=again, other=other, wizard_follows=not again)
        dialog.ready.connect(lambda company: self._on_connected(company, again))
        dialog.stopped.connect(lambda: self._show("connection"))
        self._dialog = dialog
        dialog.open()
        return dialog

    def run_wizard(self, only: str = "") -> None:
        """Open the setup wizard, or one of its imports."""
        opener = open_wizard(self._core, self, only=only)
        if opener is not None and hasattr(opener, "failed"):
            opener.failed.connect(lambda error: show_problem(self.banner, error))

    # -- private ------------------------------------------------------------------------------

    def _wire(self) -> None:
        self.integrations.connect_asked.connect(self.connect_service)
        self.integrations.manage_asked.connect(lambda: self._show("connection"))
        self.connection.back_asked.connect(lambda: self._show("integrations"))
        self.connection.reconnect_asked.connect(lambda key: self.connect_service(key, again=True))
        self.connection.other_asked.connect(lambda key: self.connect_service(key, other=True))
        self.connection.wizard_asked.connect(self.run_wizard)
        self.connection.toasted.connect(self.toasted)
        self.connection.disconnected.connect(self._on_disconnected)
        self.app_keys.toasted.connect(self.toasted)
        self.backups.toasted.connect(self.toasted)
        self.backups.restore_asked.connect(self.restore_asked)
        self.appearance.look_chosen.connect(self.look_chosen)

    def showEvent(self, event) -> None:  # noqa: ANN001
        super().showEvent(event)
        self._load_part()

    def _on_part(self, key: str) -> None:
        if key == "integrations":
            self.open(Route("settings", sub="integrations"))
        else:
            self._show(key)

    def _show(self, place: str) -> None:
        self.parts.choose("integrations" if place == "connection" else place)
        self.stack.setCurrentWidget(self._places[place])
        self._load_part()

    def _load_part(self) -> None:
        pages: dict[str, Any] = {
            "integrations": self.integrations,
            "connection": self.connection,
            "app_keys": self.app_keys,
            "team": self.team,
            "backups": self.backups,
            "appearance": self.appearance,
        }
        pages[self.place].load()

    def _arrive(self, view: ConnectionView | None) -> None:
        route, self._waiting = self._waiting, None
        if route is None:
            return
        self.banner.clear()
        if route.action == "file":
            self.run_wizard(f"file:{route.field}" if route.field else "file")
        if view is None:
            self._show("integrations")
            if route.sub == "import_data":  # a file needs no connection
                if not route.action:
                    self.run_wizard("file")
                return
            if route.sub not in ("", "integrations"):
                self.banner.show_message(tr("Connect an accounting system first; this opens up then."), status="info")
            return
        tab = route.sub if route.sub in TABS else "overview"
        self._show("connection")
        self.connection.show_tab(tab, route.ids)
        if route.action == "reconnect":
            self.connect_service(view.provider, again=True)
        elif route.action == "wizard":
            self.run_wizard(route.field)

    def _on_connected(self, company: str, again: bool) -> None:
        self._dialog = None
        self._show("connection")
        self.toasted.emit(tr("Connected to {company}.", company=company))
        if not again:
            self.run_wizard()

    def _on_disconnected(self, service: str) -> None:
        self._show("integrations")
        self.banner.show_message(
            tr(
                "{service} is disconnected. What is there stays there, what is here stays here; nothing syncs until "
                "you connect again.",
                service=service,
            ),
            status="info",
        )

    def _on_connection_changed(self) -> None:
        if self.place == "connection":
            operations.run(self, self._core.connection(), success=self._leave_if_gone)

    def _leave_if_gone(self, view: ConnectionView | None) -> None:
        if view is None and self.place == "connection":
            self._show("integrations")
