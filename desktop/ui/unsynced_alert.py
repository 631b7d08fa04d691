"""Who is in the service but not here: collapsed it costs nothing, opened it counts anew (M118-M128)."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.core import Core
from desktop.sync.unsynced import UnsyncedCustomers, unsynced_customers
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.banner import Banner
from desktop.ui.busy import ProgressLine
from desktop.ui.buttons import PlainButton, QuietButton
from desktop.ui.icons import icon
from desktop.ui.labels import label
from desktop.ui.panels import Card
from desktop.ui.problems import show_problem
from desktop.ui.theme import theme


class UnsyncedAlert(Card):
    """A fold near the top of the service's page. It may be ignored for ever (M127)."""

    review_requested = Signal()
    """ "Review & Import" was pressed."""

    help_topic = "unsynced"

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._core = core
        self._service = ""
        self._task: asyncio.Task[None] | None = None
        px = theme().px
        self.body.setContentsMargins(px(8), px(4), px(8), px(4))
        self.body.setSpacing(0)
        self.fold = PlainButton("", self)
        self.fold.setCheckable(True)
        self.fold.setIcon(icon("expand", "text2"))
        self.fold.setStyleSheet("text-align: left;")
        self.fold.toggled.connect(self._on_toggled)
        self.inside = QWidget(self)
        self.sentence = label("", "strong", wrap=True, parent=self.inside)
        self.names = label("", "secondary", wrap=True, parent=self.inside)
        self.why = label("", "hint", wrap=True, parent=self.inside)
        self.banner = Banner(self.inside, closable=False)
        self.banner.acted.connect(self.count)
        self.progress = ProgressLine(self.inside)
        self.progress.cancelled.connect(lambda: self.fold.setChecked(False))
        self.review_button = QuietButton(tr("Review && Import"), self.inside)
        self.review_button.clicked.connect(self.review_requested)
        row = QHBoxLayout()
        row.setSpacing(px(12))
        words = QVBoxLayout()
        words.setSpacing(px(4))
        for part in (self.sentence, self.names, self.why):
            words.addWidget(part)
        row.addLayout(words, 1)
        row.addWidget(self.review_button)
        column = QVBoxLayout(self.inside)
        column.setContentsMargins(px(38), 0, px(8), px(8))
        column.setSpacing(px(8))
        column.addWidget(self.banner)
        column.addWidget(self.progress)
        column.addLayout(row)
        self.body.addWidget(self.fold)
        self.body.addWidget(self.inside)
        self.inside.hide()

    def set_service(self, service: str) -> None:
        """The service's name in all sentences (M126)."""
        self._service = service
        text = tr("Unsynced customers: see who is in {service} but not here", service=service)
        self.fold.setText(text.replace("&", "&&"))
        self.fold.setAccessibleName(text)
        self.why.setText(
            tr(
                "Why it matters: an invoice can only sync for a customer that exists on both sides. You may ignore "
                "this; customers you leave out stay untouched in {service}.",
                service=service,
            )
        )

    @property
    def is_open(self) -> bool:
        return self.fold.isChecked()

    def collapse(self) -> None:
        self.fold.setChecked(False)

    def count(self) -> None:
        """Count anew; the list is fetched only if the one we have is older than 60 seconds."""
        self._stop()
        self.banner.clear()
        self.sentence.setText(tr("Looking …"))
        self.names.hide()
        self.review_button.setEnabled(False)
        self._task = operations.run(
            self, self._count(), success=self._show, failure=self._on_failed, busy=self._on_busy
        )

    async def _count(self) -> UnsyncedCustomers:
        company = await self._core.require_company()
        lists = await self._core.lists()
        if lists.customers.fresh is None:
            self.progress.start(tr("Reading customers from {service}", service=self._service))
        return await unsynced_customers(company, lists, self.progress.set_progress)

    def _show(self, found: UnsyncedCustomers) -> None:
        self.sentence.setText(found.sentence(self._service))
        names = ", ".join(formats.isolated(name) for name in found.names)
        more = found.missing - len(found.names)
        if more > 0:
            names = tr("{names} and {count} more", names=names, count=formats.number(more))
        self.names.setText(names)
        self.names.setVisible(bool(names))
        self.review_button.setEnabled(True)

    def _on_failed(self, error: Exception) -> None:
        self.sentence.setText("")
        show_problem(self.banner, error, tr("Try again"))

    def _on_busy(self, busy: bool) -> None:
        if not busy:
            self.progress.finish()

    def _on_toggled(self, opened: bool) -> None:
        self.fold.setIcon(icon("collapse" if opened else "expand", "text2"))
        self.inside.setVisible(opened)
        if opened:
            self.count()
        else:
            self._stop()

    def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
