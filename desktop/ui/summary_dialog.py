"""The daily summary: new customers, sent, paid and failed of a day, to read and to copy (C12, M130, M132)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop.books.summary import DailySummary, Money, daily_summary
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.banner import Banner
from desktop.ui.buttons import IconButton, PrimaryButton, QuietButton
from desktop.ui.context import Context
from desktop.ui.date_field import DateField
from desktop.ui.help_route import HelpButton
from desktop.ui.icons import icon
from desktop.ui.labels import label
from desktop.ui.panels import Card, empty_out, hairline
from desktop.ui.problems import show_problem
from desktop.ui.theme import theme

NAMES = 40
"""New customers named one by one; the count says how many there are in all."""


class SummaryDialog(QDialog):
    """A day and its four figures. A day back with the arrow, copied as text with one button."""

    help_topic = "summary"

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self._context = context
        self.summary: DailySummary | None = None
        px = theme().px
        title = tr("Daily summary")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.day = DateField(context.today(), self)
        self.day.setAccessibleName(tr("Day"))
        self.day.date_chosen.connect(lambda _day: self.load())
        self.back = IconButton("chevron-left", tr("The day before"), self)
        self.forth = IconButton("chevron-right", tr("The day after"), self)
        self.back.clicked.connect(lambda: self._step(-1))
        self.forth.clicked.connect(lambda: self._step(1))
        self.copy_button = QuietButton(tr("Co&py as text"), self, icon_name="copy")
        self.copy_button.clicked.connect(self.copy)
        close = PrimaryButton(tr("&Close"), self)
        close.setDefault(True)
        close.clicked.connect(self.accept)
        self.banner = Banner(self)
        inner = QWidget(self)
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        head = QHBoxLayout()
        head.setSpacing(px(4))
        head.addWidget(label(title, "section", parent=self), 1)
        for part in (self.back, self.day, self.forth):
            head.addWidget(part)
        foot = QHBoxLayout()
        foot.setSpacing(px(8))
        foot.addWidget(HelpButton(self))
        foot.addWidget(self.copy_button)
        foot.addStretch(1)
        foot.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(20), px(24), px(16))
        column.setSpacing(px(12))
        column.addLayout(head)
        column.addWidget(self.banner)
        column.addWidget(area, 1)
        column.addLayout(foot)
        room = self.screen().availableSize()
        self.resize(min(px(520), room.width() - 32), min(px(460), room.height() - 64))
        self.load()

    def load(self) -> None:
        """Read the day that is chosen, as this computer's clock counts days."""
        zone = self._context.now().tzinfo
        self.forth.setEnabled(self.day.value < self._context.today())
        read = partial(daily_summary, zone=zone) if zone is not None else daily_summary
        operations.run(
            self,
            self._context.core.ask(read, self.day.value),
            success=self._show,
            failure=lambda error: show_problem(self.banner, error),
        )

    def copy(self) -> None:
        """The summary as text on the clipboard."""
        if self.summary is not None:
            QGuiApplication.clipboard().setText(as_text(self.summary))
            self.banner.show_message(tr("Copied."), status="good")

    def _step(self, days: int) -> None:
        self.day.set_value(self.day.value + timedelta(days=days))

    def _show(self, summary: DailySummary) -> None:
        if summary.day != self.day.value:
            return  # a later day was chosen meanwhile
        self.summary = summary
        self.banner.clear()
        empty_out(self._list)
        card = Card(parent=self)
        for number, (icon_name, tint, words, more) in enumerate(_lines(summary)):
            if number:
                card.body.addWidget(hairline(card))
            card.body.addWidget(_line(icon_name, tint, words, more, card))
        self._list.addWidget(card)
        self._list.addStretch(1)


def _line(icon_name: str, tint: str, words: str, more: str, parent: QWidget) -> QWidget:
    px = theme().px
    part = QWidget(parent)
    sign = QLabel(part)
    size = px(20)
    sign.setPixmap(icon(icon_name, tint).pixmap(QSize(size, size), part.devicePixelRatioF()))
    sign.setFixedWidth(size)
    text = QVBoxLayout()
    text.setSpacing(px(2))
    text.addWidget(label(words, "strong", wrap=True, parent=part))
    if more:
        text.addWidget(label(more, "secondary", wrap=True, parent=part))
    row = QHBoxLayout(part)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(px(12))
    row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
    row.addLayout(text, 1)
    part.setAccessibleName(f"{words}. {more}".strip())
    return part


def _lines(summary: DailySummary) -> list[tuple[str, str, str, str]]:
    """(icon, colour, words, what is named beneath) of the four figures."""
    new = len(summary.new_customers)
    names = ", ".join(
        f"{formats.isolated(one.name)} ({one.email})" if one.email else formats.isolated(one.name)
        for one in summary.new_customers[:NAMES]
    )
    more = [names] if names else []
    if new > NAMES:
        more.append(tr("and {count} more", count=formats.number(new - NAMES)))
    if summary.imported_customers:
        more.append(
            tr("1 was imported and is not counted.")
            if summary.imported_customers == 1
            else tr("{count} were imported and are not counted.", count=formats.number(summary.imported_customers))
        )
    failed = summary.failed
    return [
        ("customers", "text2", _counted(new, tr("1 new customer"), tr("{count} new customers")), "\n".join(more)),
        ("send", "text2", _sums(summary.sent, tr("1 invoice sent"), tr("{count} invoices sent")), ""),
        ("payment", "good", _sums(summary.paid, tr("1 payment"), tr("{count} payments")), ""),
        (
            "bad" if failed else "good",
            "bad" if failed else "good",
            _counted(failed, tr("1 record failed to sync"), tr("{count} records failed to sync"))
            if failed
            else tr("Nothing failed to sync"),
            "",
        ),
    ]


def _counted(count: int, one: str, many: str) -> str:
    return one if count == 1 else many.format(count=formats.number(count))


def _sums(parts: Sequence[Money], one: str, many: str) -> str:
    count = sum(part.count for part in parts)
    words = _counted(count, one, many)
    if not count:
        return words
    amounts = ", ".join(formats.money(part.amount, part.currency) for part in parts)
    return tr("{what}: {amounts}", what=words, amounts=amounts)


def as_text(summary: DailySummary, heading: Any = None) -> str:
    """The summary for a message or a note."""
    day: date = summary.day
    lines = [heading or tr("Summary of {day}", day=formats.full_date(day))]
    for _icon, _tint, words, more in _lines(summary):
        lines.append(f"- {words}")
        lines += [f"  {line}" for line in more.splitlines()]
    return "\n".join(lines)
