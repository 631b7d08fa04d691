"""The connected service's page: who, in which state, what waits, and everything that can be set about it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.books import activity, queries
from desktop.books.activity import Activity, ActivityFilter
from desktop.books.sync_view import first_needing_you
from desktop.core import Core
from desktop.errors import Fix
from desktop.models.states import ConnectionState
from desktop.providers.base import Capabilities, Terms
from desktop.sync import mapping, overview, pulled
from desktop.sync.overview import ConnectionView
from desktop.sync.push import Report
from desktop.sync.tax_payments import methods_without_account
from desktop.text import tr
from desktop.ui import dialogs, formats, operations
from desktop.ui.backfill_dialog import BackfillDialog
from desktop.ui.banner import Banner
from desktop.ui.busy import ProgressLine
from desktop.ui.buttons import DangerButton, PlainButton, PrimaryButton, QuietButton
from desktop.ui.check_dialog import CheckDialog
from desktop.ui.happened import result_status, what_happened
from desktop.ui.icons import icon
from desktop.ui.import_tab import ImportTab
from desktop.ui.integrations_page import connection_status
from desktop.ui.labels import ElidedLabel, LinkLabel, label
from desktop.ui.mapping_tab import MappingTab
from desktop.ui.panels import Card, empty_out, hairline
from desktop.ui.problems import show_problem
from desktop.ui.routes import Navigator, Route
from desktop.ui.status import Status, StatusPill
from desktop.ui.sync_actions import all_or_left
from desktop.ui.sync_settings_tab import SyncSettingsTab
from desktop.ui.taught_rules import TaughtRules
from desktop.ui.tax_payments_tab import TaxPaymentsTab
from desktop.ui.theme import theme
from desktop.ui.unsynced_alert import UnsyncedAlert
from desktop.ui.watching import watch

TABS = ("overview", "account_mapping", "tax_payments", "sync_settings", "import_data", "activity")
RECENT = 50


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page shows, read in one go."""

    view: ConnectionView
    terms: Terms
    capabilities: Capabilities
    customers: int
    items: int
    unmapped: int
    homeless: int = 0
    """Ways of being paid whose payments wait, because the service wants to be told an account (N4)."""
    left: int = 0
    """Sent invoices that are not there, once the first one is (M113)."""


class ConnectionPage(QWidget):
    """Everything about the one connection. Opening it costs no request (M119)."""

    back_asked = Signal()
    reconnect_asked = Signal(str)
    other_asked = Signal(str)
    """Another company of this service is to be connected."""
    wizard_asked = Signal(str)
    """ "" for the whole wizard, "customers" or "items" for one import."""
    toasted = Signal(str)
    disconnected = Signal(str)
    """The name of the service; its page has nothing to show any more."""

    def __init__(self, core: Core, navigator: Navigator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core, self._navigator = core, navigator
        self._facts: Facts | None = None
        self._to_review = False
        self._sync_task: asyncio.Task[None] | None = None
        self._make_parts()
        self._lay_out()
        watch(self, core, ("connection", "outbox", "mapping", "item", "customer"), self._on_books_changed)

    # -- what others ask ----------------------------------------------------------------------

    def load(self) -> None:
        """Read the state again, from our books alone."""
        operations.run(self, self._read(), success=self._fill, failure=lambda error: show_problem(self.banner, error))
        self._load_tab()

    @property
    def help_topic(self) -> str:
        """The help page of the tab that is shown."""
        return TABS[self.tabs.currentIndex()]

    def show_tab(self, name: str, ids: tuple[int, ...] = ()) -> None:
        """Show one of `TABS`; the mapping only with the items in `ids`."""
        self.tabs.setCurrentIndex(TABS.index(name))
        if name == "account_mapping":
            self.mapping.show_only(ids)

    @property
    def has_unsaved(self) -> bool:
        return self.mapping.panel.dirty

    def sync_now(self) -> None:
        """Everything that waits, with its outcome told (M60)."""
        if self._sync_task is not None and not self._sync_task.done():
            return
        self.banner.clear()
        self._sync_task = operations.run(
            self, self._synced_now(), success=self._on_synced, failure=self._on_sync_failed, busy=self._on_syncing
        )

    def show_checks(self) -> CheckDialog:
        """Why doesn't it sync? Look, and name the cause (M140)."""
        dialog = CheckDialog(self._core, self._navigator, self)
        dialog.sync_asked.connect(lambda _records: self.sync_now())
        dialog.open()
        return dialog

    def send_older(self) -> BackfillDialog:
        """Back-fill by date, with a preview (C6, N11)."""
        service = self._facts.terms.service if self._facts is not None else ""
        dialog = BackfillDialog(self._core, service, self.window())
        dialog.sent.connect(lambda _report: self.load())
        dialog.open()
        return dialog

    # -- reading ------------------------------------------------------------------------------

    async def _read(self) -> Facts | None:
        core = self._core
        view = await core.connection()
        if view is None:
            return None
        info = next(one for one in core.services() if one.key.value == view.provider)
        customers = await core.ask(overview.linked_count, view.key, "customer")
        items = await core.ask(overview.linked_count, view.key, "item")
        unmapped = 0
        if info.capabilities.income_accounts:
            unmapped = (await core.ask(mapping.mapping_view, view.key)).unmapped
        homeless = 0
        if info.capabilities.deposit_account_required and view.switches.payments:
            homeless = await core.ask(methods_without_account, view.key)
        left = 0
        if await core.ask(queries.has_synced_invoice, view.key):
            left = await core.ask(queries.not_synced, view.key)
        return Facts(view, info.terms, info.capabilities, customers, items, unmapped, homeless, left)

    def _fill(self, facts: Facts | None) -> None:
        if facts is None:
            return
        first = self._facts is None
        self._facts = facts
        view, service = facts.view, facts.terms.service
        now = self._core.clock.now().astimezone()
        self.title.setText(facts.terms.full_name)
        self.setAccessibleName(facts.terms.full_name)
        self.pill.set_status(connection_status(view), view.title)
        parts = [view.company_name, tr("connected {when}", when=formats.ago(view.connected_at, now))]
        parts.append(
            tr("last synced {when}", when=formats.ago(view.last_synced_at, now))
            if view.last_synced_at
            else tr("nothing synced yet")
        )
        if view.environment == "sandbox":
            parts.append(tr("practice company"))
        self.who.setText(" · ".join(parts))
        self.wizard_button.setText(
            tr("Continue Set&up") if view.wizard and "done" not in view.wizard else tr("Run Setup &Wizard")
        )
        if first:
            self.alert.set_service(service)
            self.mapping.set_terms(facts.terms, has_accounts=facts.capabilities.income_accounts)
            self.taxes.set_terms(facts.terms)
            self.switches.panel.set_terms(facts.terms, facts.capabilities)
            self._load_tab()
        self.imports.set_terms(
            facts.terms, facts.customers, facts.items, has_accounts=facts.capabilities.income_accounts
        )
        self.overview.show_facts(facts, now)
        self._show_state(view)

    def _show_state(self, view: ConnectionView) -> None:
        syncing = self._sync_task is not None and not self._sync_task.done()
        self.sync_button.setEnabled(not syncing and view.state is not ConnectionState.NEEDS_SIGN_IN)
        if view.state is ConnectionState.CONNECTED:
            self.state_banner.clear()
            return
        sentence = f"{view.title} {view.advice}".strip() or connection_status(view).text
        status = "wait" if view.state is ConnectionState.PAUSED else "bad"
        again = view.fix is Fix.RECONNECT or view.state is ConnectionState.NEEDS_SIGN_IN
        keys = view.fix is Fix.OPEN_APP_KEYS
        other = view.fix is Fix.OTHER_BOOKS
        action = tr("Sign in again") if again else tr("Open app keys") if keys else ""
        if other:
            action = tr("Connect another company")
        if (self.state_banner.sentence, self.state_banner.isHidden()) != (sentence, False):
            second = tr("Start clean") if other else ""
            self.state_banner.show_message(sentence, status=status, action=action, second=second)

    def _on_books_changed(self) -> None:
        if self.isVisible():
            operations.run(self, self._read(), success=self._fill)

    def _load_tab(self) -> None:
        name = TABS[self.tabs.currentIndex()]
        if name == "account_mapping":
            self.mapping.load()
        elif name == "tax_payments":
            self.taxes.load()
        elif name == "sync_settings":
            self.switches.load()
        elif name == "import_data":
            self.taught.load()
        elif name == "activity":
            self.recent.load()

    # -- actions ------------------------------------------------------------------------------

    def _on_syncing(self, busy: bool) -> None:
        self.sync_button.setEnabled(not busy)
        if busy:
            service = self._facts.terms.service if self._facts is not None else ""
            self.progress.start(tr("Syncing with {service}", service=service), cancellable=False)
        else:
            self.progress.finish()

    async def _synced_now(self) -> tuple[Report, int]:
        """What came of it, and how many sent invoices the company lacks all the same."""
        report = await self._core.sync_now()
        view = await self._core.connection()
        return report, await self._core.ask(queries.not_synced, view.key) if view is not None else 0

    def _on_synced(self, found: tuple[Report, int]) -> None:
        report, left = found
        service = self._facts.terms.service if self._facts is not None else ""
        if report.problem is not None:
            show_problem(self.banner, report.problem, "")
        else:
            sentence, status = sync_sentence(report, service, left)
            self._to_review = not report.refused and pulled.to_review(report.pulled)
            action = tr("Show them") if report.refused else tr("Review") if self._to_review else ""
            self.banner.show_message(sentence, status=status, action=action)
        self.load()

    def _on_sync_failed(self, error: Exception) -> None:
        show_problem(self.banner, error)

    def _on_banner_acted(self) -> None:
        if self._to_review:
            self.wizard_asked.emit("customers")
        else:
            self._show_needs_you()

    def _show_needs_you(self) -> None:
        operations.run(
            self,
            self._core.ask(first_needing_you),
            success=lambda found: self._navigator.go(_needing(found)),
            failure=lambda error: show_problem(self.banner, error),
        )

    def _on_state_acted(self) -> None:
        view = self._facts.view if self._facts is not None else None
        if view is None:
            return
        if view.fix is Fix.OPEN_APP_KEYS:
            self._navigator.go(Route("settings", sub="app_keys"))
        elif view.fix is Fix.OTHER_BOOKS:
            self.other_asked.emit(view.provider)
        else:
            self.reconnect_asked.emit(view.provider)

    def _on_start_clean(self) -> None:
        if self._facts is not None:
            operations.run(self, self._start_clean(self._facts), failure=lambda error: show_problem(self.banner, error))

    async def _start_clean(self, facts: Facts) -> None:
        """Old links are set aside after a yes; the setup matches the records anew (W4)."""
        title, text = clean_words(facts.terms.service, facts.view.company_name)
        if not await dialogs.ask(self, title, text, tr("Start clean")):
            return
        self.state_banner.second_button.setEnabled(False)
        try:
            await self._core.start_clean()
        finally:
            self.state_banner.second_button.setEnabled(True)
        self.banner.clear()
        self.load()
        self.wizard_asked.emit("")

    def _on_disconnect(self) -> None:
        if self._facts is not None:
            operations.run(self, self._disconnect(self._facts), failure=lambda error: show_problem(self.banner, error))

    async def _disconnect(self, facts: Facts) -> None:
        service = facts.terms.service
        title, text = disconnect_words(service, facts.view.company_name)
        if not await dialogs.ask(self, title, text, tr("Disconnect"), destructive=True):
            return
        self.disconnect_button.setEnabled(False)
        try:
            await self._core.disconnect()
        finally:
            self.disconnect_button.setEnabled(True)
        self.banner.clear()
        self.alert.collapse()
        self._facts = None
        self.disconnected.emit(service)

    # -- building -----------------------------------------------------------------------------

    def _make_parts(self) -> None:
        self.back = PlainButton(tr("All services"), self, icon_name="back")
        self.back.setStyleSheet("padding-left: 0px;")
        self.back.clicked.connect(self.back_asked)
        self.title = label("", "title", parent=self)
        self.pill = StatusPill(Status(""), self)
        self.who = ElidedLabel("", "secondary", self)
        self.sync_button = PrimaryButton(tr("Sync &Now"), self, icon_name="syncing")
        self.wizard_button = QuietButton(tr("Run Setup &Wizard"), self, icon_name="wizard")
        self.disconnect_button = DangerButton(tr("&Disconnect"), self)
        self.sync_button.clicked.connect(self.sync_now)
        self.wizard_button.clicked.connect(lambda: self.wizard_asked.emit(""))
        self.disconnect_button.clicked.connect(self._on_disconnect)
        self.state_banner = Banner(self, closable=False)
        self.state_banner.acted.connect(self._on_state_acted)
        self.state_banner.second_acted.connect(self._on_start_clean)
        self.banner = Banner(self)
        self.banner.acted.connect(self._on_banner_acted)
        self.progress = ProgressLine(self)
        self.alert = UnsyncedAlert(self._core, self)
        self.alert.review_requested.connect(lambda: self.wizard_asked.emit("customers"))
        self.overview = OverviewTab(self)
        self.overview.mapping_asked.connect(lambda: self.show_tab("account_mapping"))
        self.overview.deposits_asked.connect(lambda: self.show_tab("tax_payments"))
        self.overview.needs_asked.connect(self._show_needs_you)
        self.overview.left_asked.connect(lambda: self._navigator.go(Route("invoices", filter="not_synced")))
        self.overview.wizard_asked.connect(lambda: self.wizard_asked.emit(""))
        self.overview.checks_asked.connect(self.show_checks)
        self.mapping = MappingTab(self._core, self)
        self.mapping.toasted.connect(self.toasted)
        self.taxes = TaxPaymentsTab(self._core, self)
        self.switches = SyncSettingsTab(self._core, self)
        self.imports = ImportTab(self)
        self.imports.import_requested.connect(self.wizard_asked)
        self.imports.older_asked.connect(self.send_older)
        self.taught = TaughtRules(self._core, self)
        self.imports.add_below(self.taught)
        self.recent = RecentActivity(self._core, self._navigator, self)
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setUsesScrollButtons(True)
        self.tabs.setAccessibleName(tr("Settings of the connection"))
        for part, words in (
            (_scrolling(self.overview), tr("Overview")),
            (_scrolling(self.mapping), tr("Account Mapping")),
            (_scrolling(self.taxes), tr("Tax and payments")),
            (_scrolling(self.switches), tr("Sync Settings")),
            (_scrolling(self.imports), tr("Import Data")),
            (_scrolling(self.recent), tr("Activity")),
        ):
            self.tabs.addTab(part, words)
        self.tabs.currentChanged.connect(lambda _n: self._load_tab())

    def _lay_out(self) -> None:
        px = theme().px
        head = QHBoxLayout()
        head.setSpacing(px(8))
        head.addWidget(self.title)
        head.addWidget(self.pill)
        head.addStretch(1)
        for button in (self.sync_button, self.wizard_button, self.disconnect_button):
            head.addWidget(button)
        top = QHBoxLayout()
        top.addWidget(self.back)
        top.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        column.addLayout(top)
        column.addLayout(head)
        column.addWidget(self.who)
        column.addWidget(self.state_banner)
        column.addWidget(self.banner)
        column.addWidget(self.progress)
        column.addWidget(self.alert)
        column.addWidget(self.tabs, 1)


def _needing(found: tuple[str, int] | None) -> Route:
    """To the invoices that need the owner; to the record itself where it is a customer or an item alone."""
    kind, record_id = found or ("invoice", 0)
    if kind == "invoice":
        return Route("invoices", filter="needs_you")
    return Route("customers" if kind == "customer" else "items", kind=kind, record_id=record_id)


def sync_sentence(report: Report, service: str, left: int = 0) -> tuple[str, str]:
    """What a run came to, in a sentence or two, and its status (M60, M117): what went there, what came from there.

    `left`: see `result_sentence`.
    """
    text, status = _sent_sentence(report, service, left)
    came = pulled.sentence(report.pulled, service) if report.pulled is not None else ""
    if report.pulled is not None and report.pulled.count(pulled.ASKS):
        status = "bad"
    return " ".join(part for part in (text, came) if part), status


def _sent_sentence(report: Report, service: str, left: int) -> tuple[str, str]:
    done, refused = len(report.done), len(report.refused)
    waiting = len(report.in_doubt) + len(report.waiting)
    if report.clean:
        state, status = all_or_left(service, left), "info" if left else "good"
        if not report.writes:
            return state, status
        text = tr("1 record was sent.") if done == 1 else tr("{count} records were sent.", count=formats.number(done))
        return f"{text} {state}", status
    parts = []
    if done:
        parts.append(tr("1 is in sync.") if done == 1 else tr("{count} are in sync.", count=formats.number(done)))
    if refused:
        parts.append(tr("1 needs you.") if refused == 1 else tr("{count} need you.", count=formats.number(refused)))
    if waiting:
        parts.append(
            tr("1 is still waiting; it goes on by itself.")
            if waiting == 1
            else tr("{count} are still waiting; they go on by themselves.", count=formats.number(waiting))
        )
    return " ".join(parts), "bad" if refused else "wait"


def disconnect_words(service: str, company: str) -> tuple[str, str]:
    """Title and text of the question before the connection ends (M134-M136)."""
    return tr("Disconnect from {company}?", company=company), tr(
        "What is in {service} stays there. Your invoices, customers, items and their links stay here. New invoices "
        "and payments do not go to {service} until you connect again; with the same company the links are used again, "
        "so nothing is doubled.",
        service=service,
    )


def clean_words(service: str, company: str) -> tuple[str, str]:
    """Title and text of the question before old links are set aside (W4)."""
    return tr("Start clean with {company}?", company=company), tr(
        "Your invoices, customers and items stay as they are, and nothing in {service} is changed. The old links are "
        "set aside, not deleted, and automatic sending is switched off. The setup then finds your customers and "
        "items in {service} anew and asks for the accounts.",
        service=service,
    )


def _scrolling(part: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidget(part)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


class OverviewTab(QWidget):
    """How things stand, with what to do about it."""

    mapping_asked = Signal()
    deposits_asked = Signal()
    needs_asked = Signal()
    left_asked = Signal()
    wizard_asked = Signal()
    checks_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.card = Card(parent=self)
        self.checks_button = QuietButton(tr("C&heck my connection"), self, icon_name="checking")
        self.checks_button.clicked.connect(self.checks_asked)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme().px(16), 0, theme().px(16))
        column.setSpacing(theme().px(12))
        column.addWidget(self.card)
        column.addWidget(self.checks_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)

    def show_facts(self, facts: Facts, now) -> None:  # noqa: ANN001
        """Fill in the lines."""
        empty_out(self.card.body)
        view, service = facts.view, facts.terms.service
        if view.wizard and "done" not in view.wizard:
            self._line("wizard", "wait", tr("The setup is not finished"), tr("Continue"), self.wizard_asked)
        self._line(
            "good" if view.switches.auto else "warning",
            "good" if view.switches.auto else "wait",
            tr("Auto-Sync is on: changes go to {service} at once", service=service)
            if view.switches.auto
            else tr("Auto-Sync is off: press Sync Now, or switch it on under Sync Settings"),
        )
        if view.needs_you:
            text = tr("1 record needs you") if view.needs_you == 1 else tr("{n} records need you", n=view.needs_you)
            self._line("bad", "bad", text, tr("Show"), self.needs_asked)
        if view.waiting:
            text = tr("1 record waits to go out") if view.waiting == 1 else tr("{n} records wait", n=view.waiting)
            self._line("wait", "wait", text)
        if facts.left:
            text = all_or_left(service, facts.left).rstrip(".")
            self._line("not_synced", "wait", text, tr("Show"), self.left_asked)
        if facts.unmapped:
            word = facts.terms.income_account
            text = (
                tr("1 item has no {word}", word=word)
                if facts.unmapped == 1
                else tr("{n} items have no {word}", n=facts.unmapped, word=word)
            )
            self._line("warning", "wait", text, tr("Choose accounts"), self.mapping_asked)
        if facts.homeless:
            text = (
                tr("1 payment method has no account: such payments wait")
                if facts.homeless == 1
                else tr("{n} payment methods have no account: such payments wait", n=facts.homeless)
            )
            self._line("warning", "wait", text, tr("Choose where they go"), self.deposits_asked)
        count = facts.customers
        text = tr("1 customer is linked") if count == 1 else tr("{n} customers are linked", n=formats.number(count))
        self._line("customers", "", text)
        count = facts.items
        text = tr("1 item is linked") if count == 1 else tr("{n} items are linked", n=formats.number(count))
        self._line("items", "", text)
        if view.refresh_expires_at is not None:
            until = formats.until(view.refresh_expires_at, now)
            self._line("sign_in", "", tr("The sign-in is good until {date}, and longer with each sync", date=until))

    def _line(self, icon_name: str, kind: str, text: str, action: str = "", signal=None) -> None:  # noqa: ANN001
        if self.card.body.count():
            self.card.body.addWidget(hairline(self.card))
        line = QWidget(self.card)
        size = theme().px(20)
        sign = QLabel(line)
        sign.setFixedWidth(size)
        sign.setPixmap(icon(icon_name, kind or "text2").pixmap(QSize(size, size), self.devicePixelRatioF()))
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme().px(12))
        row.addWidget(sign)
        row.addWidget(label(text, wrap=True, parent=line), 1)
        if action:
            button = QuietButton(action, line)
            button.setAccessibleDescription(text)
            button.clicked.connect(signal)
            row.addWidget(button)
        self.card.body.addWidget(line)


class RecentActivity(QWidget):
    """The last entries of the activity log, with the way to all of them."""

    def __init__(self, core: Core, navigator: Navigator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        self.banner = Banner(self)
        self.card = Card(parent=self)
        self.all = LinkLabel(tr("Show the whole activity list"), self)
        self.all.clicked.connect(lambda: navigator.go(Route("activity")))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme().px(16), 0, theme().px(16))
        column.setSpacing(theme().px(12))
        column.addWidget(self.banner)
        column.addWidget(self.card)
        column.addWidget(self.all)
        column.addStretch(1)

    def load(self) -> None:
        operations.run(self, self._read(), success=self._fill, failure=lambda error: show_problem(self.banner, error))

    async def _read(self) -> list[Activity]:
        ids = await self._core.ask(activity.activity_ids, ActivityFilter())
        rows = await self._core.ask(activity.activity_rows, list(ids[:RECENT]))
        return sorted(rows, key=lambda row: (row.at, row.id), reverse=True)

    def _fill(self, rows: list[Activity]) -> None:
        empty_out(self.card.body)
        if not rows:
            self.card.body.addWidget(label(tr("Nothing has happened yet."), "secondary", parent=self.card))
            return
        now = self._core.clock.now().astimezone()
        names = {info.key.value: info.terms.service for info in self._core.services()}
        box = QWidget(self.card)
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme().px(16))
        grid.setVerticalSpacing(theme().px(8))
        for line, row in enumerate(rows):
            grid.addWidget(label(formats.when(row.at, now), "secondary", parent=box), line, 0)
            grid.addWidget(label(activity_words(row, names.get(row.provider, "")), wrap=True, parent=box), line, 1)
            grid.addWidget(StatusPill(result_status(row.result), box), line, 2)
        grid.setColumnStretch(1, 1)
        self.card.body.addWidget(box)


def activity_words(row: Activity, service: str) -> str:
    """One entry in a few words."""
    said = tr("{name}: {what}", name=formats.isolated(row.label), what=what_happened(row, service))
    return f"{said} · {row.message}" if row.message else said
