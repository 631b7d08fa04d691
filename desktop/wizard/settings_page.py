"""Step 4: what is kept in sync, and whether at once."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import QFrame, QScrollArea

from desktop.sync import overview
from desktop.sync.overview import ConnectionView
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.sync_settings_tab import SwitchesPanel
from desktop.wizard.page import StepPage


class SettingsPage(StepPage):
    """M57: the same switches as on the service's page; nothing is switched on before Next (C16)."""

    step = "settings"
    help_topic = "setup_settings"

    def __init__(self, wizard: Any) -> None:
        super().__init__(wizard, tr("Sync Settings"))
        self.sentence.setText(
            tr(
                "Choose what BlueClerk keeps in step with {service}. It starts when you press the button below; "
                "invoices from before today are not sent by themselves.",
                service=wizard.terms.service,
            )
        )
        self.panel = SwitchesPanel(self)
        self.panel.set_terms(wizard.terms, wizard.capabilities)
        self.panel.changed.connect(lambda _switches: self.commit_changed.emit())
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(self.panel)
        self.column.addWidget(area, 1)

    def start(self) -> None:
        operations.run(self, self.core.connection(), success=self._fill, failure=self.show_failure)

    def _fill(self, view: ConnectionView | None) -> None:
        if view is None:
            return
        confirmed = "settings" in view.wizard and not view.wizard["settings"].get("skipped")
        self.panel.set_switches(view.switches if confirmed else replace(view.switches, auto=True))
        self.commit_changed.emit()

    def commit_words(self) -> str:
        return tr("&Turn on Auto-Sync") if self.panel.switches().auto else tr("&Save and Continue")

    def commit(self) -> Coroutine[Any, Any, object]:
        return self._save()

    async def _save(self) -> None:
        switches = self.panel.switches()
        await self.core.do(overview.save_switches, switches)
        await self.core.do(overview.note_step, self.step, {"auto": switches.auto})
