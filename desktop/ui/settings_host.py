"""The settings as a page of the main window."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.text import tr
from desktop.ui.context import Context
from desktop.ui.page import Change, Page
from desktop.ui.routes import Route
from desktop.ui.settings_page import SettingsPage
from desktop.ui.theme import theme


class SettingsHost(Page):
    """Holds `SettingsPage`, which knows its own way about."""

    title = tr("Settings")
    restore_asked = Signal(object)
    """The owner wants to go on with this `Backup` of the books."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.inner = SettingsPage(context.core, context, self, preferences=context.preferences)
        self.inner.toasted.connect(lambda words: context.toast(words))
        self.inner.restore_asked.connect(self.restore_asked)
        self.inner.look_chosen.connect(lambda _mode: self.actions_changed.emit())
        px = theme().px
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), 0, px(24), px(8))
        column.addWidget(self.inner)

    @property
    def help_topic(self) -> str:  # type: ignore[override]
        return self.inner.help_topic

    def open(self, route: Route) -> None:
        self.inner.open(route)

    def reload(self, touched: frozenset[Change] = frozenset()) -> None:
        if not touched:
            self.inner.load()

    def may_leave(self) -> bool:
        return self.inner.may_leave()
