"""Step 3: which income account each item's revenue goes to."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from desktop.sync import overview
from desktop.text import tr
from desktop.ui.empty_state import EmptyState
from desktop.ui.mapping_tab import MappingPanel, why_it_matters
from desktop.wizard.page import StepPage


class AccountsPage(StepPage):
    """M47 to M54. Saved with Next, as the button says."""

    step = "accounts"
    help_topic = "setup_accounts"

    def __init__(self, wizard: Any) -> None:
        word = wizard.terms.income_accounts
        super().__init__(wizard, tr("Map {accounts}", accounts=word.title()))
        self.panel = MappingPanel(self.core, self)
        self.panel.changed.connect(self.commit_changed)
        self.panel.load_failed.connect(self.show_failure)
        self.panel.loaded.connect(self.panel.table.setFocus)
        self.nothing = EmptyState(
            "account",
            tr("There is nothing to map"),
            wizard.terms.mapping_note
            or tr("{service} keeps no accounts on items. Press Next.", service=wizard.terms.service),
            parent=self,
        )
        self.has_accounts = wizard.capabilities.income_accounts
        self.nothing.setVisible(not self.has_accounts)
        self.panel.setVisible(self.has_accounts)
        self.column.addWidget(self.panel, 1)
        self.column.addWidget(self.nothing, 1)
        if self.has_accounts:
            self.sentence.setText(why_it_matters(wizard.terms))

    def start(self) -> None:
        if self.has_accounts:
            self.panel.load()

    def commit_words(self) -> str:
        return tr("&Save and Continue") if self.has_accounts and self.panel.dirty else tr("&Next")

    def commit(self) -> Coroutine[Any, Any, object]:
        return self._save()

    async def _save(self) -> None:
        changed = await self.panel.save() if self.has_accounts else 0
        self.setup.results[self.step] = {"changed": changed}
        await self.core.do(overview.note_step, self.step, {"changed": changed})
