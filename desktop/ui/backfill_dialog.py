"""Send older invoices: pick a day, see exactly what would be written, send exactly that (C6, N11)."""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop.core import Core
from desktop.providers.records import Kind
from desktop.sync.backfill import first_day, older_invoices
from desktop.sync.preview import Preview
from desktop.sync.push import Report
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.banner import Banner
from desktop.ui.busy import ProgressLine
from desktop.ui.buttons import PrimaryButton, QuietButton
from desktop.ui.date_field import DateField
from desktop.ui.empty_state import EmptyState
from desktop.ui.help_route import HelpButton
from desktop.ui.labels import label
from desktop.ui.panels import Card
from desktop.ui.plan_view import PlanTree, summary_words
from desktop.ui.problems import show_problem
from desktop.ui.theme import theme


class BackfillDialog(QDialog):
    """Nothing leaves before the plan was shown; nothing else leaves than what was shown."""

    help_topic = "backfill"

    sent = Signal(object)
    """The `Report` of what was sent."""

    def __init__(self, core: Core, service: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._core, self._service = core, service
        self._shown: Preview | None = None
        self._currency = core.desk.currency
        px = theme().px
        title = tr("Send older invoices to {service}", service=service)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        today = core.clock.now().astimezone().date()
        self.since = DateField(today, self)
        self.since.setAccessibleName(tr("Issued on or after"))
        self.since.date_chosen.connect(lambda _day: self._forget())
        self.look_button = QuietButton(tr("&Show me first"), self, icon_name="search")
        self.look_button.clicked.connect(self.look)
        self.banner = Banner(self)
        self.progress = ProgressLine(self)
        self.summary = label("", "secondary", wrap=True, parent=self)
        self.tree = PlanTree(self)
        self.card = card = Card(parent=self)
        card.body.setContentsMargins(1, 1, 1, 1)
        card.body.addWidget(self.tree)
        self.before = EmptyState(
            "search",
            tr("Nothing is sent before you have seen it"),
            tr("Choose a day and press Show me first: each invoice is listed with what would be written."),
            parent=self,
        )
        self.send_button = PrimaryButton(tr("Send"), self)
        self.send_button.clicked.connect(self.send)
        self.close_button = QuietButton(tr("Close"), self)
        self.close_button.clicked.connect(self.reject)
        pick = QHBoxLayout()
        pick.setSpacing(px(8))
        pick.addWidget(label(tr("Issued on or after"), "field", parent=self))
        pick.addWidget(self.since)
        pick.addWidget(self.look_button)
        pick.addStretch(1)
        foot = QHBoxLayout()
        foot.setSpacing(px(8))
        foot.addWidget(HelpButton(self))
        foot.addStretch(1)
        foot.addWidget(self.close_button)
        foot.addWidget(self.send_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(20), px(24), px(16))
        column.setSpacing(px(12))
        column.addWidget(label(title, "section", wrap=True, parent=self))
        column.addWidget(
            label(
                tr(
                    "Invoices sent before you connected stay here unless you say so. Customers and items that they "
                    "need are added or linked, and their payments go along."
                ),
                "secondary",
                wrap=True,
                parent=self,
            )
        )
        column.addLayout(pick)
        column.addWidget(self.banner)
        column.addWidget(self.progress)
        column.addWidget(self.summary)
        column.addWidget(card, 1)
        column.addWidget(self.before, 1)
        column.addLayout(foot)
        room = self.screen().availableSize()
        self.resize(min(px(780), room.width() - 32), min(px(560), room.height() - 64))
        self._forget()
        operations.run(self, self._first(), success=self._start_at, failure=self._on_failed)

    @property
    def shown(self) -> Preview | None:
        """The plan on screen, if there is one."""
        return self._shown

    # -- looking ------------------------------------------------------------------------------

    async def _first(self) -> date | None:
        view = await self._core.connection()
        if view is None:
            return None
        self._currency = view.home_currency
        return await self._core.ask(first_day, view.key)

    def _start_at(self, day: date | None) -> None:
        if day is None:
            self.summary.setText(
                tr("Every sent invoice is in {service} already, or is on its way.", service=self._service)
            )
            self.look_button.setEnabled(False)
        else:
            self.since.set_value(day)
            self.summary.setText(
                tr("The oldest invoice that is not there yet is from {day}.", day=formats.full_date(day))
            )
        self.since.setFocus()

    def look(self) -> None:
        """Ask the service what is there, and show the plan. Writes nothing."""
        self.banner.clear()
        self._forget()
        self.progress.start(tr("Looking what is in {service}", service=self._service), cancellable=False)
        operations.run(self, self._look(), success=self._show, failure=self._on_failed, busy=self._on_busy)

    async def _look(self) -> Preview | None:
        company = await self._core.require_company()
        targets = await self._core.ask(older_invoices, company.key, self.since.value)
        return await self._core.preview(targets) if targets else None

    def _show(self, shown: Preview | None) -> None:
        self._shown = shown
        if shown is None:
            self.summary.setText(tr("There is no such invoice from that day on."))
            return
        self.before.hide()
        self.card.show()
        self.tree.show_plan(shown, self._currency, self._service)
        self.summary.setText(summary_words(shown, self._service))
        count = shown.count(Kind.INVOICE)
        self.send_button.setText(
            tr("&Send")
            if not count
            else tr("&Send 1 invoice as shown")
            if count == 1
            else tr("&Send {count} invoices as shown", count=formats.number(count))
        )
        self.send_button.setAccessibleName(self.send_button.text().replace("&", ""))
        self.send_button.setEnabled(count > 0)
        if count:
            self.send_button.setFocus()

    def _forget(self) -> None:
        """Another day is another plan."""
        self._shown = None
        self.tree.clear()
        self.card.hide()
        self.before.show()
        self.send_button.setText(tr("Send"))
        self.send_button.setEnabled(False)

    # -- sending ------------------------------------------------------------------------------

    def send(self) -> None:
        """Send exactly what is shown."""
        shown = self._shown
        if shown is None:
            return
        self.banner.clear()
        self.progress.start(tr("Sending to {service}", service=self._service), cancellable=False)
        operations.run(
            self, self._core.run_preview(shown), success=self._on_sent, failure=self._on_failed, busy=self._on_busy
        )

    def _on_sent(self, report: Report) -> None:
        self._forget()
        done = sum(1 for name in report.done if name.startswith("invoice:"))
        text = tr("1 invoice is in {service} now.", service=self._service) if done == 1 else ""
        text = text or tr("{count} invoices are in {service} now.", count=formats.number(done), service=self._service)
        if report.refused:
            text += " " + tr("{count} need you.", count=formats.number(len(report.refused)))
        if report.problem is not None:
            text += " " + report.problem.sentence
        good = not report.refused and report.problem is None
        self.summary.setText("")
        self.banner.show_message(text, status="good" if good else "wait")
        self.sent.emit(report)

    def _on_failed(self, error: Exception) -> None:
        self._forget()
        show_problem(self.banner, error, "")

    def _on_busy(self, busy: bool) -> None:
        self.look_button.setEnabled(not busy)
        self.since.setEnabled(not busy)
        if busy:
            self.send_button.setEnabled(False)
        else:
            self.progress.finish()
