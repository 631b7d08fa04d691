"""The settings as a page of the main window."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.text import tr
from desktop.ui.context import Context
from desktop.ui.page import Page
from desktop.ui.routes import Route

try:
    from desktop.ui.settings_page import SettingsPage
except ImportError:
    SettingsPage = None


class SettingsHost(Page):
    """Holds `SettingsPage`, which knows its own way about."""

    title = tr("Settings")

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        if SettingsPage is not None:
            self.inner = SettingsPage(context.core, self)
            column.addWidget(self.inner)

    def open(self, route: Route) -> None:
        if SettingsPage is not None:
            self.inner.open(route)
