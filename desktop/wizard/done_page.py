"""Step 5: what the wizard came to, as it is and not as it was hoped."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop.models.states import Switches
from desktop.sync import mapping, overview
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.icons import icon
from desktop.ui.labels import label
from desktop.ui.panels import Card, empty_out, hairline
from desktop.ui.theme import theme
from desktop.wizard.flow import Facts, Line, problems, summary
from desktop.wizard.page import StepPage

_ICONS = {"good": "good", "wait": "warning", "": "info"}


class DonePage(StepPage):
    """M17, M18. Everything on it is read when it is shown."""

    step = "done"
    help_topic = "setup_done"

    def __init__(self, wizard: Any) -> None:
        super().__init__(wizard, tr("Done") if wizard.flow.only is None else tr("Import finished"))
        self.setFinalPage(True)
        self.lines: list[Line] = []
        inner = QWidget(self)
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(theme().px(12))
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inner)
        self.column.addWidget(area, 1)

    def start(self) -> None:
        operations.run(self, self._read(), success=self._fill, failure=self.show_failure)

    async def _read(self) -> Facts:
        view = await self.core.connection()
        progress: dict[str, Any] = dict(view.wizard) if view is not None else {}
        progress.update(self.setup.results)
        mapped = unmapped = 0
        if view is not None and self.capabilities.income_accounts:
            found = await self.core.ask(mapping.mapping_view, view.key)
            unmapped = found.unmapped
            mapped = len(found.rows) - unmapped
        return Facts(
            progress,
            self.terms.service,
            view.switches if view is not None else Switches(False, False, False, False, False, False),
            mapped,
            unmapped,
            self.capabilities.income_accounts,
            self.terms.income_account,
            tuple(problems(progress, self.flow.steps)),
            self.capabilities.sync_items,
        )

    def _fill(self, facts: Facts) -> None:
        self.lines = summary(facts, self.flow.steps)
        empty_out(self._list)
        card = Card(parent=self)
        for number, line in enumerate(self.lines):
            if number:
                card.body.addWidget(hairline(card))
            card.body.addWidget(summary_line(line, card))
        self._list.addWidget(card)
        if facts.problems:
            self._list.addWidget(self._problems(facts))
        self._list.addStretch(1)
        if self.flow.only is None:
            self.sentence.setText(
                tr("Everything below can be changed at any time under Settings > Integrations.")
                if not facts.switches.auto
                else tr("You are set. Mark an invoice as sent, and it appears in {service}.", service=facts.service)
            )
        else:
            self.sentence.setText(tr("More can be imported at any time; nothing is ever copied twice."))

    def _problems(self, facts: Facts) -> QWidget:
        card = Card(tr("Could not be imported"), self)
        for name, sentence in facts.problems:
            card.body.addWidget(label(f"{name}: {sentence}", "secondary", wrap=True, parent=card))
        return card

    def commit(self) -> Coroutine[Any, Any, object] | None:
        return self.core.do(overview.note_step, self.step, {}) if self.flow.only is None else None


def summary_line(line: Line, parent: QWidget) -> QWidget:
    """One line of the summary, with its sign."""
    part = QWidget(parent)
    px = theme().px
    sign = QLabel(part)
    size = px(20)
    sign.setPixmap(icon(_ICONS[line.kind], line.kind or "text2").pixmap(QSize(size, size), part.devicePixelRatioF()))
    sign.setFixedWidth(size)
    words = QVBoxLayout()
    words.setSpacing(px(2))
    words.addWidget(label(line.text, "strong", wrap=True, parent=part))
    if line.hint:
        words.addWidget(label(line.hint, "secondary", wrap=True, parent=part))
    row = QHBoxLayout(part)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(px(12))
    row.addWidget(sign)
    row.addLayout(words, 1)
    part.setAccessibleName(f"{line.text}. {line.hint}")
    return part
