"""What the owner taught BlueClerk about types: each rule in words, each with Remove (N16)."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.core import Core
from desktop.sync import taught
from desktop.sync.owner_rules import OwnerRule
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.banner import Banner
from desktop.ui.buttons import PlainButton
from desktop.ui.labels import label
from desktop.ui.panels import Card, empty_out, hairline
from desktop.ui.problems import show_problem
from desktop.ui.theme import theme
from desktop.ui.watching import watch

SHOWN = 50


class TaughtRules(Card):
    """A card with the rules, the newest first."""

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(tr("What you taught BlueClerk"), parent)
        self._core = core
        self.banner = Banner(self)
        self.sentence = label("", "secondary", wrap=True, parent=self)
        self.buttons: list[PlainButton] = []
        self.texts: list[str] = []
        self.body.setSpacing(theme().px(8))
        self.body.addWidget(self.banner)
        self.body.addWidget(self.sentence)
        self._fixed = self.body.count()
        watch(self, core, ("rules",), self.load)
        self._fill([])

    def load(self) -> None:
        """Read the rules again."""
        operations.run(self, self._core.ask(taught.rules), success=self._fill, failure=self._on_failed)

    def _fill(self, rules: list[OwnerRule]) -> None:
        empty_out(self.body, self._fixed)
        self.buttons, self.texts = [], []
        self.sentence.setText(
            tr("When you change a suggested type in an import, it is remembered here and used for similar names.")
            if not rules
            else tr("Used for similar names from now on. Customers you have keep their type when a rule is removed.")
        )
        for rule in rules[:SHOWN]:
            self.body.addWidget(hairline(self))
            self.body.addWidget(self._line(rule))
        more = len(rules) - SHOWN
        if more > 0:
            self.body.addWidget(label(tr("and {count} older ones", count=formats.number(more)), "hint", parent=self))

    def _line(self, rule: OwnerRule) -> QWidget:
        part = QWidget(self)
        text = rule.sentence()
        button = PlainButton(tr("Remove"), part)
        button.setAccessibleDescription(text)
        button.clicked.connect(partial(self._remove, rule))
        row = QHBoxLayout(part)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label(text, wrap=True, parent=part), 1)
        row.addWidget(button)
        self.buttons.append(button)
        self.texts.append(text)
        return part

    def _remove(self, rule: OwnerRule, _on: bool = False) -> None:
        self.banner.clear()
        operations.run(self, self._core.do(taught.forget, rule), failure=self._on_failed)

    def _on_failed(self, error: Exception) -> None:
        show_problem(self.banner, error)
