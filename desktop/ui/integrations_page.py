"""Settings > Integrations: the four services, of which one can be connected at a time (M1, M4)."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.core import Core
from desktop.models.states import ConnectionState
from desktop.sync.overview import ConnectionView
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.banner import Banner
from desktop.ui.buttons import QuietButton
from desktop.ui.icons import icon
from desktop.ui.labels import label, tooltip
from desktop.ui.panels import Card
from desktop.ui.problems import show_problem
from desktop.ui.status import Status, StatusPill
from desktop.ui.theme import theme
from desktop.ui.watching import watch


@dataclass(frozen=True, slots=True)
class CardState:
    """What one card says."""

    status: Status | None
    sentence: str
    button: str
    enabled: bool
    reason: str = ""
    """Why the button is disabled."""
    connected: bool = False


class ServiceCard(Card):
    """One service: what it is, where it stands, one button."""

    connect_asked = Signal(str)
    manage_asked = Signal()

    def __init__(self, info, parent: QWidget | None = None) -> None:  # noqa: ANN001
        super().__init__(parent=parent)
        self.info = info
        px = theme().px
        self.setAccessibleName(info.terms.full_name)
        self._sign = QLabel(self)
        size = px(28)
        self._sign.setFixedWidth(size)
        self.name = label(info.terms.full_name, "section", parent=self)
        self.pill = StatusPill(Status(""), self)
        self.sentence = label("", "secondary", wrap=True, parent=self)
        self.button = QuietButton("", self)  # four of a rank: none of them is the one thing to do here
        self.button.clicked.connect(self._on_clicked)
        head = QHBoxLayout()
        head.setSpacing(px(8))
        head.addWidget(self.name)
        head.addWidget(self.pill)
        head.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(px(4))
        words.addLayout(head)
        words.addWidget(self.sentence)
        self._row = QHBoxLayout()
        self._row.setSpacing(px(16))
        self._row.addWidget(self._sign)
        self._row.addLayout(words, 1)
        self._row.addWidget(self.button)
        self.body.addLayout(self._row)
        self._connected = False

    def show_state(self, state: CardState) -> None:
        """Say where the service stands; a disabled button says why, also in words under the name."""
        self._connected = state.connected
        size = theme().px(28)
        picture = icon("connected" if state.connected else "disconnected", "good" if state.connected else "text3")
        self._sign.setPixmap(picture.pixmap(QSize(size, size), self.devicePixelRatioF()))
        self.pill.setVisible(state.status is not None)
        if state.status is not None:
            self.pill.set_status(state.status)
        self.sentence.setText(f"{state.sentence} {state.reason}".strip())
        self.button.setText(state.button.replace("&", "&&"))
        self.button.setAccessibleName(state.button)
        self.button.setAccessibleDescription(state.reason)
        self.button.setToolTip(tooltip(state.reason))
        self.button.setEnabled(state.enabled)

    def _on_clicked(self) -> None:
        if self._connected:
            self.manage_asked.emit()
        else:
            self.connect_asked.emit(self.info.key.value)


def card_state(info, view: ConnectionView | None, connected_name: str) -> CardState:  # noqa: ANN001
    """Where a service stands; `connected_name` is what the connected one is called."""
    words = tr("Connect {service}", service=info.terms.service)
    what = (
        tr("Keeps invoices, payments, customers and items in step.")
        if info.capabilities.sync_items
        else tr("Keeps invoices, payments and customers in step.")
    )
    if view is not None and view.provider == info.key.value:
        good = view.state is ConnectionState.CONNECTED
        status = Status(tr("Connected"), "good", "connected") if good else connection_status(view)
        return CardState(status, view.company_name, tr("Open"), True, connected=True)
    if not info.available:
        reason = tr("{service} is not yet available in this version.", service=info.terms.full_name)
        return CardState(None, "", words, False, reason)
    if view is not None:
        reason = tr(
            "One accounting system at a time: {connected} is connected. Disconnect it first; nothing of it is lost.",
            connected=connected_name,
        )
        return CardState(None, "", words, False, reason)
    return CardState(None, f"{what} {info.terms.plan_note}".strip(), words, True)


def connection_status(view: ConnectionView) -> Status:
    """The state of a connection as icon and word."""
    return {
        ConnectionState.CONNECTED: Status(tr("Connected"), "good", "connected"),
        ConnectionState.NEEDS_SIGN_IN: Status(tr("Sign in again"), "bad", "sign_in"),
        ConnectionState.PAUSED: Status(tr("Waiting"), "wait", "wait"),
        ConnectionState.REFUSED: Status(tr("Needs you"), "bad", "bad"),
    }[view.state]


class IntegrationsPage(QWidget):
    """Four cards, always in the same order."""

    connect_asked = Signal(str)
    """A service's key."""
    manage_asked = Signal()

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        px = theme().px
        self.banner = Banner(self)
        self.cards: dict[str, ServiceCard] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, px(16))
        column.setSpacing(px(12))
        column.addWidget(
            label(
                tr("Connect the accounting system your bookkeeper works in. Nothing has to be typed twice after that."),
                "secondary",
                wrap=True,
                parent=self,
            )
        )
        column.addWidget(self.banner)
        for info in core.services():
            card = ServiceCard(info, self)
            card.connect_asked.connect(self.connect_asked)
            card.manage_asked.connect(self.manage_asked)
            card.show_state(card_state(info, None, ""))
            self.cards[info.key.value] = card
            column.addWidget(card)
        column.addStretch(1)
        watch(self, core, ("connection",), self.load)

    def load(self) -> None:
        """Read which service is connected."""
        operations.run(
            self, self._core.connection(), success=self._fill, failure=lambda error: show_problem(self.banner, error)
        )

    def _fill(self, view: ConnectionView | None) -> None:
        name = self.cards[view.provider].info.terms.service if view is not None else ""
        for card in self.cards.values():
            card.show_state(card_state(card.info, view, name))
