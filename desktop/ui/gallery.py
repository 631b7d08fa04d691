"""Draws every building block into pictures to look at: `python -m desktop.ui.gallery FOLDER`.

Each of light, dark and 150 % gets its own process, because Qt takes the scale only at its start.
"""

from __future__ import annotations

import os
import subprocess
import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.ui import formats
from desktop.ui.banner import Banner
from desktop.ui.bell_button import BellButton
from desktop.ui.busy import ProgressLine, SkeletonOverlay
from desktop.ui.buttons import DangerButton, IconButton, PlainButton, PrimaryButton, QuietButton
from desktop.ui.check_model import CheckTableModel
from desktop.ui.check_table import CheckTable
from desktop.ui.chips import FilterChips
from desktop.ui.columns import Column
from desktop.ui.connection_chip import ConnectionChip
from desktop.ui.date_field import DateField
from desktop.ui.empty_state import EmptyState
from desktop.ui.form_field import FormField
from desktop.ui.labels import LinkLabel, label
from desktop.ui.money_edit import MoneyEdit, QuantityEdit
from desktop.ui.nav_rail import NavRail
from desktop.ui.panels import Card, PageHeader
from desktop.ui.record_table import RecordTable
from desktop.ui.search_field import SearchField
from desktop.ui.spin_field import SpinField, TimeField
from desktop.ui.status import Status, StatusPill
from desktop.ui.theme import Mode, theme
from desktop.ui.toast import Toast
from desktop.ui.windowed_model import WindowedTableModel

TODAY = date(2026, 11, 20)
SYNC = [
    Status("Needs you", "bad", "bad", strong=True),
    Status("Synced", "good", "synced"),
    Status("Not synced", "wait", "not_synced"),
    Status("Waiting", "wait", "wait"),
    Status("Checking", "info", "checking"),
]


@dataclass(frozen=True)
class _Row:
    id: int
    number: str
    customer: str
    due: date
    total: Decimal
    sync: Status


class _Rows:
    def page(self, ids: Sequence[int]) -> list[_Row]:
        names = [
            "Mason, Mary & John",
            "Green Valley Homes LLC",
            "<b>Bob</b> Plumbing",
            "Müller Haustechnik GmbH",
            "Ødegård",
        ]
        return [
            _Row(
                n,
                f"INV-{n:04}",
                names[n % 5],
                date(2026, 11, 1 + n % 28),
                Decimal(n * 7919 % 90000) / 100,
                SYNC[n % 5],
            )
            for n in ids
        ]


def invoices() -> RecordTable:
    right = Qt.AlignmentFlag.AlignRight
    table = RecordTable("Invoices")
    columns = [
        Column[_Row]("No.", lambda r: r.number, sort_key="number", width=10),
        Column[_Row]("Customer", lambda r: r.customer, sort_key="customer", stretch=True),
        Column[_Row]("Due", lambda r: formats.short_date(r.due, TODAY), sort_key="due", width=8),
        Column[_Row]("Total", lambda r: formats.amount(r.total, "USD"), align=right, sort_key="total", width=10),
        Column[_Row]("Sync", lambda r: r.sync.text, status=lambda r: r.sync, sort_key="sync", width=13),
    ]
    model = WindowedTableModel(columns, _Rows(), table)
    model.set_ids(array("q", range(1000, 0, -1)))
    table.setModel(model)
    table.show_sorted("due", True)
    table.select_ids([998, 997])
    return table


def wizard_list() -> CheckTable:
    kinds = [("homeowner", "Homeowner"), ("business", "Business"), ("builder", "Builder")]
    table = CheckTable("Customers")
    columns = [
        Column[_Row]("Name", lambda r: r.customer, sort_key="name", stretch=True),
        Column[_Row]("Type", lambda r: kinds[r.id % 3][1], width=14, choices=lambda r: kinds),
        Column[_Row]("Address", lambda r: f"{r.id} Elm Street, Springfield", width=22),
        Column[_Row]("Verdict", lambda r: "New", status=lambda r: _verdict(r.id), width=18),
    ]
    model = CheckTableModel(columns, table, can_check=lambda r: r.id % 5 != 3)
    table.setModel(model)
    model.append_rows(_Rows().page(range(1, 40)), checked=lambda r: r.id % 2 == 0)
    return table


def _verdict(number: int) -> Status:
    return Status("Already exists") if number % 5 == 3 else Status("New", "good", "add") if number % 2 else SYNC[3]


def _column(*widgets: QWidget, stretch: bool = True) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(theme().px(16))
    for widget in widgets:
        column.addWidget(widget)
    if stretch:
        column.addStretch(1)
    return column


def _row(*widgets: QWidget) -> QWidget:
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme().px(8))
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch(1)
    return box


def main_page() -> QWidget:
    """A main window as the screens will have it."""
    page = QWidget()
    px = theme().px
    outer = QHBoxLayout(page)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.setSpacing(0)
    rail = NavRail("BlueClerk", page)
    for key, words in (
        ("invoices", "Invoices"),
        ("customers", "Customers"),
        ("items", "Items"),
        ("activity", "Activity"),
    ):
        rail.add_page(key, words, key)
    rail.add_page("settings", "Settings", "settings", at_foot=True)
    header = PageHeader("Invoices")
    chip, bell = ConnectionChip(), BellButton()
    chip.set_state("QuickBooks · Acme Plumbing · in sync", "good")
    bell.set_count(2)
    for part in (SearchField("Search invoices"), chip, bell, PrimaryButton("&New invoice", icon_name="add")):
        header.add(part)
    names = ("All", "Draft", "Sent", "Overdue", "Paid", "Not synced", "Needs you")
    chips = FilterChips([(name, name) for name in names])
    chips.set_counts(dict(zip(names, (1214, 3, 41, 7, 160, 4, 2), strict=True)))
    banner = Banner()
    banner.show_message(
        "“Drain check” has no income account, so INV-0047 was not sent.",
        status="bad",
        action="Choose account",
        details="Nothing was changed in QuickBooks.",
    )
    content = QVBoxLayout()
    content.setContentsMargins(px(24), px(20), px(24), 0)
    content.setSpacing(px(16))
    card = Card()
    card.body.setContentsMargins(1, 1, 1, 1)
    card.body.addWidget(invoices())
    for widget in (header, chips, banner):
        content.addWidget(widget)
    content.addWidget(card, 1)
    content.addSpacing(px(8))
    outer.addWidget(rail)
    outer.addLayout(content, 1)
    toast = Toast(page)
    toast.show_message("Invoice INV-0042 deleted", "Undo")
    return page


def controls() -> QWidget:
    """Buttons, fields, messages and states."""
    page = QWidget()
    grid = QGridLayout(page)
    grid.setContentsMargins(*[theme().px(24)] * 4)
    grid.setSpacing(theme().px(24))
    disabled, off = PrimaryButton("Sync Now"), QuietButton("Disabled")
    disabled.setEnabled(False)
    off.setEnabled(False)
    buttons = Card("Buttons")
    buttons.body.addWidget(
        _row(PrimaryButton("Sync Now"), QuietButton("Run Setup Wizard", icon_name="wizard"), disabled, off)
    )
    buttons.body.addWidget(
        _row(
            DangerButton("Disconnect"),
            DangerButton("Delete", filled=True),
            PlainButton("Details"),
            LinkLabel("Open in QuickBooks"),
        )
    )
    buttons.body.addWidget(_row(IconButton("edit", "Edit"), IconButton("more", "More"), *[StatusPill(s) for s in SYNC]))
    buttons.body.addWidget(
        _row(
            StatusPill(Status("Draft")),
            StatusPill(Status("Paid", "good")),
            StatusPill(Status("Overdue", "bad")),
        )
    )
    fields = Card("Fields")
    money, wrong, quantity = MoneyEdit("USD"), MoneyEdit("USD"), QuantityEdit()
    money.set_value(Decimal("1234.5"))
    quantity.set_value(Decimal("2.5"))
    bad = FormField("Unit price", wrong)
    wrong.setText("12.345")
    wrong.tidy()
    combo = QComboBox()
    combo.addItems(["Sales of services", "Repairs"])
    name = QLineEdit("Mason, Mary & John")
    form = QGridLayout()
    form.setSpacing(theme().px(12))
    parts = [
        FormField("&Customer", name),
        FormField("&Due date", DateField(TODAY)),
        FormField("&Amount", money, hint="In US dollars, before tax."),
        bad,
        FormField("&Quantity", quantity),
        FormField("&Income account", combo),
    ]
    for n, part in enumerate(parts):
        form.addWidget(part, n // 2, n % 2)
    fields.body.addLayout(form)
    partly = QCheckBox("Some")
    ticks = [
        QCheckBox("Sync payments"),
        partly,
        QCheckBox("None"),
        QRadioButton("Daily"),
        QRadioButton("Weekly"),
    ]
    ticks[0].setChecked(True)
    partly.setCheckState(Qt.CheckState.PartiallyChecked)
    ticks[3].setChecked(True)
    fields.body.addWidget(_row(*ticks))
    wait, at = SpinField(1, 120, " min"), TimeField()
    wait.setAccessibleName("Wait")
    at.setAccessibleName("Daily at")
    fields.body.addWidget(_row(wait, at))
    messages = Card("Messages")
    for kind, words in (
        ("good", "Sent to QuickBooks 2 minutes ago."),
        ("wait", "Waiting for Xero's limit, goes on at 14:05."),
        ("info", "Nothing is changed in QuickBooks by this."),
        (
            "bad",
            "QuickBooks already has an invoice INV-0047 for 120.00 to <b>Mason</b>. Link it, or choose another number?",
        ),
    ):
        banner = Banner()
        banner.show_message(
            words,
            status=kind,
            action="Link it" if kind == "bad" else "",
            details="x" if kind == "wait" else "",
        )
        messages.body.addWidget(banner)
    progress = ProgressLine()
    progress.start("Reading customers")
    progress.set_progress(1240, 3100)
    messages.body.addWidget(progress)
    tabs = QTabWidget()
    for words in ("Overview", "Account Mapping", "Sync Settings"):
        tabs.addTab(QWidget(), words)
    tabs.setFixedHeight(theme().px(48))
    messages.body.addWidget(tabs)
    chips = FilterChips([("a", "All"), ("b", "Possible duplicate"), ("c", "Homeowner")])
    messages.body.addWidget(chips)
    loading = Card("Loading")
    body = QWidget()
    body.setMinimumHeight(theme().px(130))
    skeleton = SkeletonOverlay(body)
    loading.body.addWidget(body)
    loading.setProperty("skeleton", skeleton)
    body.resize(400, 130)
    skeleton._on_show()
    empty = Card()
    empty.body.addWidget(
        EmptyState(
            "invoices",
            "No invoices yet",
            "Write your first invoice, or try everything with a sandbox company.",
            primary="New invoice",
            secondary="Try the sandbox",
        )
    )
    grid.addLayout(_column(buttons, fields), 0, 0)
    grid.addLayout(_column(messages, loading), 0, 1)
    grid.addWidget(empty, 1, 0)
    grid.addWidget(label("Body text 13, with secondary and hint text.", "secondary"), 1, 1)
    name.setFocus()
    return page


def wizard_page() -> QWidget:
    """A list of the setup wizard."""
    page = QWidget()
    header = PageHeader("Import customers", "Choose whom to take over from QuickBooks. Nothing is changed there.")
    names = ("All", "New", "Already exists", "Possible duplicate", "Homeowner", "Business", "Builder")
    chips = FilterChips([(name, name) for name in names])
    chips.set_counts(dict(zip(names, (39, 20, 8, 11, 13, 13, 13), strict=True)))
    card = Card()
    card.body.setContentsMargins(1, 1, 1, 1)
    table = wizard_list()
    card.body.addWidget(table)
    column = _column(header, chips, stretch=False)
    column.addWidget(card, 1)
    column.setContentsMargins(*[theme().px(24)] * 4)
    column.addWidget(_row(PlainButton("Skip"), QuietButton("&Back"), PrimaryButton("&Import Selected (19)")))
    page.setLayout(column)
    table.setFocus(Qt.FocusReason.TabFocusReason)
    return page


PAGES: dict[str, Callable[[], QWidget]] = {"main": main_page, "controls": controls, "wizard": wizard_page}
LOOKS = {"light": ("light", "1"), "dark": ("dark", "1"), "light150": ("light", "1.5")}


def draw(folder: Path, look: str) -> None:
    """Draw all pages in one look into `folder`."""
    app = QApplication.instance() or QApplication([])
    QLocale.setDefault(formats.people_locale())
    theme().set_calm(True)
    theme().set_mode(Mode(LOOKS[look][0]))
    for name, make in PAGES.items():
        page = make()
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        page.resize(1180, 760)
        page.show()
        page.activateWindow()
        for _ in range(8):  # heights follow widths, and those follow heights again
            page.grab()
            app.sendPostedEvents()
        page.grab().save(str(folder / f"{name}-{look}.png"))
        page.close()


def main(arguments: Sequence[str]) -> int:
    folder = Path(arguments[0] if arguments else "out").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if len(arguments) > 1:
        draw(folder, arguments[1])
        return 0
    for look, (_mode, scale) in LOOKS.items():
        environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, "QT_SCALE_FACTOR": scale}
        subprocess.run([sys.executable, "-m", "desktop.ui.gallery", str(folder), look], check=True, env=environment)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
