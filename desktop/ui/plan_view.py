"""What would be written there, as a list that opens into fields: before, after (N11)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from desktop.providers.base import Action
from desktop.providers.records import Kind
from desktop.sync.preview import FieldChange, PlannedWrite, Preview, Value
from desktop.text import tr
from desktop.ui import formats
from desktop.ui.icons import icon
from desktop.ui.labels import tooltip
from desktop.ui.theme import set_role, theme

OPEN_UP_TO = 4
"""So few writes are shown with their fields from the start."""
_FIELDS = int(Qt.ItemDataRole.UserRole)


def kind_words(kind: Kind) -> str:
    """A kind of record in a word."""
    return {
        Kind.CUSTOMER: tr("Customer"),
        Kind.ITEM: tr("Item"),
        Kind.INVOICE: tr("Invoice"),
        Kind.PAYMENT: tr("Payment"),
    }[kind]


def value_words(value: Value, currency: str) -> str:
    """A value in the owner's figures and dates; "–" for nothing."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, Decimal):
        return formats.money(value, currency) if currency else formats.decimal(value, 2)
    if isinstance(value, date):
        return formats.full_date(value)
    return value


class _Wrapping(QStyledItemDelegate):
    """As high as the words need in the column's width; Qt by itself measures a tree's rows as one line."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        tree = self.parent()
        hint = super().sizeHint(option, index)
        if not isinstance(tree, PlanTree):
            return hint
        depth = 2 if index.parent().isValid() else 1
        lead = depth * tree.indentation() + theme().px(24) if index.column() == 0 else 0
        room = tree.columnWidth(index.column()) - lead - theme().px(24)
        words = QFontMetrics(option.font).boundingRect(
            QRect(0, 0, max(theme().px(48), room), 4000), int(Qt.TextFlag.TextWordWrap), str(index.data() or "")
        )
        return QSize(hint.width(), max(hint.height(), words.height() + theme().px(12)))


class PlanTree(QTreeWidget):
    """Three columns: what, before, after. Fields are made when a record is opened."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("What would be written"))
        set_role(self, "role", "plan")
        self.setColumnCount(3)
        self.setHeaderLabels([tr("Record"), tr("Now there"), tr("Will be")])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setIndentation(theme().px(20))
        self.setUniformRowHeights(False)
        self.setWordWrap(True)
        self.setItemDelegate(_Wrapping(self))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.header()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.itemExpanded.connect(self._fill)

    def show_plan(self, shown: Preview, currency: str, service: str) -> None:
        """`currency` is the company's own; `service` the word for where it goes."""
        self.clear()
        self._currency = currency
        old = any(one.action is Action.UPDATE for one in shown.writes)
        self.setColumnHidden(1, not (old or shown.links))
        self._share()
        for one in shown.left:
            why = one.error.title if one.error is not None else tr("waits for another record")
            self._line(f"{kind_words(one.kind)} {one.label}", tr("stays here"), why, "warning", "wait")
        for link in shown.links:
            self._line(
                f"{kind_words(link.kind)} {link.label}",
                tr("is there"),
                tr("linked to “{name}”, not written", name=link.there),
                "link",
                "info",
            )
        for number, write in enumerate(shown.writes):
            item = self._line(f"{kind_words(write.kind)} {write.label}", *self._words(write, service), "send", "accent")
            if write.fields:
                item.setData(0, _FIELDS, write)
                item.setChildIndicatorPolicy(QTreeWidgetItem.ChildIndicatorPolicy.ShowIndicator)
                if len(shown.writes) <= OPEN_UP_TO or number < 1:
                    item.setExpanded(True)
        first = self.topLevelItem(0)
        if first is not None:
            self.setCurrentItem(first)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share()

    def _share(self) -> None:
        """Each column its share of the room: what will be is never pushed out of sight."""
        room = self.viewport().width()
        self.setColumnWidth(0, int(room * (0.4 if not self.isColumnHidden(1) else 0.42)))
        self.setColumnWidth(1, int(room * 0.24))
        self.scheduleDelayedItemsLayout()

    @staticmethod
    def _words(write: PlannedWrite, service: str) -> tuple[str, str]:
        if write.action is Action.CREATE:
            return tr("not there"), tr("added in {service}", service=service)
        if write.action is Action.UPDATE:
            return tr("is there"), tr("changed: {fields}", fields=", ".join(one.words for one in write.fields))
        return tr("is there"), tr("taken back")

    def _line(self, what: str, before: str, after: str, icon_name: str, tint: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem(self, [what, before, after])
        item.setIcon(0, icon(icon_name, tint))
        item.setToolTip(2, tooltip(after))
        item.setToolTip(0, tooltip(what))
        return item

    def _fill(self, item: QTreeWidgetItem) -> None:
        write = item.data(0, _FIELDS)
        if not isinstance(write, PlannedWrite) or item.childCount():
            return
        for one in write.fields:
            self._field(item, one, write)

    def _field(self, parent: QTreeWidgetItem, one: FieldChange, write: PlannedWrite) -> None:
        money = (write.currency or self._currency) if one.name in ("total", "amount", "discount", "unit_price") else ""
        before = "" if write.action is Action.CREATE else value_words(one.before, money)
        after = value_words(one.after, money)
        child = QTreeWidgetItem(parent, [one.words, before, after])
        child.setToolTip(2, tooltip(after))
        child.setForeground(0, theme().color("text2"))

    def texts(self) -> list[str]:
        """Every line as it is shown, fields included, for copying and for a screen reader's summary."""
        found = []
        for n in range(self.topLevelItemCount()):
            item = self.topLevelItem(n)
            assert item is not None
            found.append(" · ".join(item.text(place) for place in range(3)))
            write = item.data(0, _FIELDS)
            if isinstance(write, PlannedWrite):
                self._fill(item)
                for k in range(item.childCount()):
                    child = item.child(k)
                    if child is not None:
                        found.append("  " + ": ".join(child.text(place) for place in (0, 2)))
        return found


def summary_words(shown: Preview, service: str) -> str:
    """The plan in one sentence."""
    parts = []
    for kind, one, many in (
        (Kind.INVOICE, tr("1 invoice"), tr("{count} invoices")),
        (Kind.CUSTOMER, tr("1 customer"), tr("{count} customers")),
        (Kind.ITEM, tr("1 item"), tr("{count} items")),
        (Kind.PAYMENT, tr("1 payment"), tr("{count} payments")),
    ):
        count = shown.count(kind)
        if count:
            parts.append(one if count == 1 else many.format(count=formats.number(count)))
    if parts:
        said = tr("Written in {service}: {what}.", service=service, what=", ".join(parts))
    elif shown.unchanged and not shown.left:
        said = tr("It stands in {service} as it does here, so nothing would be written.", service=service)
    else:
        said = tr("Nothing would be written in {service}.", service=service)
    if shown.links:
        said += " " + (
            tr("1 that is there already is linked.")
            if len(shown.links) == 1
            else tr("{count} that are there already are linked.", count=formats.number(len(shown.links)))
        )
    if shown.left:
        said += " " + (
            tr("1 stays here; the reason stands beside it.")
            if len(shown.left) == 1
            else tr("{count} stay here; the reason stands beside each.", count=formats.number(len(shown.left)))
        )
    return said
