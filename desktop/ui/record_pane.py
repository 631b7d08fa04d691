"""The pane beside the lists of customers and items: what it is, where it stands, what can be done."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.books import queries
from desktop.models.states import SyncState
from desktop.text import tr
from desktop.ui import operations, words
from desktop.ui.buttons import QuietButton
from desktop.ui.context import Context
from desktop.ui.flow_layout import FlowLayout
from desktop.ui.labels import label
from desktop.ui.layouts import clear
from desktop.ui.panels import Panel
from desktop.ui.status import Status, StatusPill
from desktop.ui.sync_actions import SyncActions
from desktop.ui.sync_card import SyncCard
from desktop.ui.theme import theme
from desktop.ui.ways_out import WaysOut, act, record_url, show_both_sides, ways_out


class RecordPane(Panel):
    """Filled by `show_record`; buttons are (key, words, icon) and come back through `acted`."""

    acted = Signal(str)

    def __init__(self, kind: str, context: Context, sync: SyncActions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind, self._context, self._sync = kind, context, sync
        self.record_id: int | None = None
        """Whose facts and buttons stand here."""
        self._ways = WaysOut()
        self._round = 0
        px = theme().px
        self.name = label("", "title", wrap=True)
        self.pill = StatusPill()
        top = QHBoxLayout()
        top.addWidget(self.name, 1)
        top.addWidget(self.pill, 0, Qt.AlignmentFlag.AlignTop)
        self.card = SyncCard()
        self.card.acted.connect(self._on_card)
        self._buttons_box = QWidget()
        self._flow = FlowLayout(self._buttons_box, px(8))
        self._flow.setContentsMargins(0, 0, 0, 0)
        self.buttons: dict[str, QuietButton] = {}
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(px(12))
        self._facts.setVerticalSpacing(px(6))
        self._facts.setColumnStretch(1, 1)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(px(20), px(16), px(20), px(20))
        column.setSpacing(px(12))
        column.addLayout(top)
        column.addWidget(self.card)
        column.addWidget(self._buttons_box)
        column.addLayout(self._facts)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(content)
        content.setAutoFillBackground(False)
        scroll.viewport().setAutoFillBackground(False)
        self.body.addWidget(scroll)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(384), theme().px(600))

    def show_record(
        self,
        record_id: int,
        name: str,
        pill: Status,
        facts: Sequence[tuple[str, str]],
        buttons: Sequence[tuple[str, str, str]],
        state: SyncState,
        external_id: str,
    ) -> None:
        """Show one record; what stands in its way is read and shown in the card."""
        self.record_id = record_id
        self.setAccessibleName(name)
        self.name.setText(name)
        self.pill.set_status(pill)
        self._fill_facts(facts)
        self._fill_buttons(buttons)
        self._show_state(state, external_id, None)
        self._round += 1
        round_ = self._round
        if self._context.connection is not None and state in (SyncState.NEEDS_YOU, SyncState.CONFLICT):
            operations.run(
                self,
                self._read_trouble(record_id, external_id),
                success=lambda found: self._show_state(state, external_id, *found) if round_ == self._round else None,
                failure=self._context.show_problem,
            )

    async def _read_trouble(self, record_id: int, external_id: str) -> tuple[queries.Trouble | None, str | None]:
        trouble = await self._context.core.ask(queries.trouble_of, self._kind, record_id)
        return trouble, await record_url(self._context, self._kind, external_id)

    def update_buttons(self) -> None:
        """While a sync runs, another one can't be started."""
        free = not self._sync.is_working
        self.card.set_enabled(free)
        if "sync" in self.buttons:
            self.buttons["sync"].setEnabled(free)
            self.buttons["sync"].setVisible(self.card.isHidden() or "resync" not in self.card.buttons)  # once is enough
            self._insist()

    def _show_state(
        self, state: SyncState, external_id: str, trouble: queries.Trouble | None, url: str | None = None
    ) -> None:
        service = self._context.service
        self._ways = WaysOut()
        if self._context.connection is None:
            self.card.hide()
            self.update_buttons()
            return
        sentence = words.sync_reason(state, None, "", self._context.now(), service)
        advice = details = ""
        if trouble is not None:
            sentence, advice, details = trouble.title, trouble.advice, trouble.details
            self._ways = ways_out(trouble, self._kind, trouble.local_id, service, url)
        elif state is SyncState.SYNCED and external_id:
            sentence = tr("Linked to {service}, id {id}.", service=service, id=external_id)
        buttons = self._ways.buttons
        self.card.show_state(words.sync_status(state), sentence, advice, buttons=buttons, details=details)
        self.card.show()
        show_both_sides(self, self.card, self._context, self._ways, trouble)
        self.update_buttons()

    def _on_card(self, key: str) -> None:
        if self.record_id is not None and not act(key, self._ways, self._context, self._sync, self.card.marked):
            self.acted.emit(key)

    def _fill_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        clear(self._facts)
        for place, (name, text) in enumerate(pair for pair in facts if pair[1]):
            self._facts.addWidget(label(name, "secondary"), place, 0, Qt.AlignmentFlag.AlignTop)
            value = label(text, wrap=True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            value.setAccessibleName(name)
            self._facts.addWidget(value, place, 1)

    def _fill_buttons(self, buttons: Sequence[tuple[str, str, str]]) -> None:
        if [key for key, _, _ in buttons] == list(self.buttons) and all(
            self.buttons[key].accessibleName() == text for key, text, _ in buttons
        ):
            return
        clear(self._flow)
        self.buttons = {}
        for key, text, picture in buttons:
            button = QuietButton(text.replace("&", "&&"), icon_name=picture)
            button.setAccessibleName(text)
            button.clicked.connect(lambda _on=False, key=key: self.acted.emit(key))
            self.buttons[key] = button
            self._flow.addWidget(button)
        self._insist()

    def resizeEvent(self, event) -> None:  # noqa: ANN001
        super().resizeEvent(event)
        self._insist()

    def _insist(self) -> None:
        self._buttons_box.setMinimumHeight(self._flow.heightForWidth(max(1, self._buttons_box.width())))
