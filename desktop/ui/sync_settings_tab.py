"""The five switches: on the service's page they take effect at once, in the wizard on Next."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.core import Core
from desktop.models.states import Switches
from desktop.providers.base import Capabilities, Terms
from desktop.sync import overview
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.banner import Banner
from desktop.ui.labels import label
from desktop.ui.panels import Card, hairline
from desktop.ui.problems import show_problem
from desktop.ui.status import Status, StatusPill
from desktop.ui.theme import theme
from desktop.ui.watching import watch


class SwitchesPanel(QWidget):
    """The switches as boxes with a sentence each. `changed` is emitted when the owner turned one."""

    changed = Signal(object)
    """The new `Switches`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes: dict[str, QCheckBox] = {}
        self._hints: dict[str, QLabel] = {}
        px = theme().px
        main, kinds = Card(parent=self), Card(tr("What is kept in sync"), self)
        self.recommended = StatusPill(Status(tr("Recommended"), "good"), self)
        main.body.addWidget(self._box("auto", tr("&Auto-Sync"), self.recommended))
        for name, words in (
            ("invoices", tr("Sync &Invoices")),
            ("payments", tr("Sync &Payments")),
            ("customers", tr("Sync &Customers")),
            ("items", tr("Sync I&tems")),
        ):
            if name != "invoices":
                kinds.body.addWidget(hairline(kinds))
            kinds.body.addWidget(self._box(name, words))
        weekly = Card(parent=self)
        weekly.body.addWidget(self._box("weekly", tr("&Weekly sync")))
        for card in (main, kinds, weekly):
            card.body.setSpacing(px(8))
            card.body.setContentsMargins(px(16), px(12), px(16), px(12))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        for card in (main, kinds, weekly):
            column.addWidget(card)
        column.addStretch(1)

    def _box(self, name: str, words: str, beside: QWidget | None = None) -> QWidget:
        part = QWidget(self)
        box = QCheckBox(words, part)
        hint = label("", "hint", wrap=True, parent=part)
        hint.setContentsMargins(theme().px(32), 0, 0, 0)
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        row = QHBoxLayout()
        row.setSpacing(theme().px(8))
        row.addWidget(box)
        if beside is not None:
            row.addWidget(beside)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(hint)
        box.clicked.connect(lambda _on=False: self.changed.emit(self.switches()))
        self.boxes[name], self._hints[name] = box, hint
        return part

    def set_terms(self, terms: Terms | None, capabilities: Capabilities | None) -> None:
        """Say what each switch does in the service's words; a switch that makes no sense there is hidden (E9)."""
        service = terms.service if terms is not None else tr("the accounting service")
        texts = {
            "auto": tr(
                "Each change goes to {service} at once. Off: press Sync Now whenever you like.", service=service
            ),
            "invoices": tr("Invoices you mark as sent, and their later changes. Drafts never leave."),
            "payments": tr("Payments on invoices that are in {service}.", service=service),
            "customers": tr("New customers and changed addresses, e-mails and phone numbers."),
            "items": tr("New items and changed prices."),
            "weekly": self._weekly_words(service),
        }
        if capabilities is not None:
            self.boxes["items"].setVisible(capabilities.sync_items)
            self._hints["items"].setContentsMargins(theme().px(32) if capabilities.sync_items else 0, 0, 0, 0)
            if not capabilities.sync_items:
                texts["items"] = tr(
                    "Items need no switch: {service} gets a product when an invoice needs one.", service=service
                )
            if capabilities.deposit_account_required:
                texts["payments"] += " " + tr("Choose the account they go to under Tax and payments.")
        for name, text in texts.items():
            self._hints[name].setText(text)
            self.boxes[name].setAccessibleDescription(text)

    @staticmethod
    def _weekly_words(service: str, when: str = "") -> str:
        text = tr(
            "What was changed in {service}, and payments made there, come in once a week. "
            "If this computer is off then, at its next start.",
            service=service,
        )
        return f"{text} {tr('Next: {when}.', when=when)}" if when else text

    def set_next_weekly(self, service: str, when: str) -> None:
        """Say when the weekly run comes next, in the owner's own time; "" for not at all."""
        text = self._weekly_words(service, when)
        self._hints["weekly"].setText(text)
        self.boxes["weekly"].setAccessibleDescription(text)

    def set_switches(self, switches: Switches) -> None:
        """Show these; nobody is told."""
        for name, box in self.boxes.items():
            box.setChecked(getattr(switches, name))

    def switches(self) -> Switches:
        """As shown."""
        return Switches(**{name: box.isChecked() for name, box in self.boxes.items()})


class SyncSettingsTab(QWidget):
    """Sync Settings on the service's page: every click is stored at once (M58)."""

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        self._wanted: Switches | None = None
        self._saving = False
        self.banner = Banner(self)
        self.panel = SwitchesPanel(self)
        self.panel.recommended.hide()
        self.panel.changed.connect(self._on_changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme().px(16), 0, theme().px(16))
        column.setSpacing(theme().px(12))
        column.addWidget(
            label(tr("A switch takes effect at once; what was sent before stays as it is."), "secondary", wrap=True)
        )
        column.addWidget(self.banner)
        column.addWidget(self.panel)
        column.addStretch(1)
        watch(self, core, ("connection",), self.load)

    def load(self) -> None:
        """Show the switches as stored."""
        operations.run(self, self._core.connection(), success=self._fill, failure=self._on_failed)

    def _fill(self, view) -> None:  # noqa: ANN001
        if view is not None and not self._saving:
            self.panel.set_switches(view.switches)
            operations.run(self, self._read_next(), success=lambda found: self.panel.set_next_weekly(*found))

    async def _read_next(self) -> tuple[str, str]:
        """The service's name and when the weekly run comes next."""
        terms, when = await self._core.terms(), await self._core.next_weekly()
        local = when.astimezone() if when is not None else None
        now = self._core.clock.now().astimezone()
        return terms.service if terms is not None else "", formats.when(local, now) if local is not None else ""

    def _on_changed(self, switches: Switches) -> None:
        """Saved one after the other, so that two quick clicks never overtake each other."""
        self.banner.clear()
        self._wanted = switches
        if not self._saving:
            self._saving = True
            operations.run(self, self._save(), failure=self._on_failed)

    async def _save(self) -> None:
        try:
            while self._wanted is not None:
                switches, self._wanted = self._wanted, None
                await self._core.do(overview.save_switches, switches)
        finally:
            self._saving, self._wanted = False, None

    def _on_failed(self, error: Exception) -> None:
        show_problem(self.banner, error)
        operations.run(self, self._core.connection(), success=self._fill)
