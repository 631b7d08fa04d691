"""The view for `CheckTableModel`: a box in the header, Space for the selection, choices in place."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionButton,
    QStyleOptionViewItem,
    QWidget,
)

from desktop.text import tr
from desktop.ui.check_model import CHOICES_ROLE
from desktop.ui.icons import paint_icon
from desktop.ui.record_table import RecordTable
from desktop.ui.status import StatusDelegate
from desktop.ui.theme import theme

Index = QModelIndex | QPersistentModelIndex


class CheckTable(RecordTable):
    """Space ticks or clears the selected rows; the box in the header does it for all shown ones."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        header = _CheckHeader(self)
        self.setHorizontalHeader(header)
        self._set_up_headers()
        self._tick = _TickDelegate(self)
        self._choice = ChoiceDelegate(self)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.clicked.connect(self._on_clicked)

    def setModel(self, model: Any) -> None:
        super().setModel(model)
        header = self.horizontalHeader()
        self.setItemDelegateForColumn(0, self._tick)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(0, theme().px(44))
        for number, column in enumerate(model.columns):
            if column.choices:
                self.setItemDelegateForColumn(number, self._choice)
        model.checks_changed.connect(header.viewport().update)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        model: Any = self.model()
        plain = not event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if event.key() == Qt.Key.Key_Space and plain and self.currentIndex().isValid():
            self._by_keyboard = True
            here = model.id_at(self.currentIndex().row())
            model.set_checked(list(self.selected_ids()) or [here], not model.is_checked(here))
            event.accept()
            return
        super().keyPressEvent(event)

    def _on_clicked(self, index: QModelIndex) -> None:
        if index.data(CHOICES_ROLE):
            self.edit(index)


class _CheckHeader(QHeaderView):
    """Draws the three-state box over column 0."""

    def __init__(self, table: CheckTable) -> None:
        super().__init__(Qt.Orientation.Horizontal, table)
        self.setSectionsClickable(True)
        self.setToolTip("")

    def paintSection(self, painter: QPainter, rect: QRect, number: int) -> None:
        painter.save()
        super().paintSection(painter, rect, number)
        painter.restore()
        model: Any = self.model()
        if number == 0 and model is not None:
            paint_box(painter, rect.adjusted(0, 0, 0, -1), model.shown_state(), self.parentWidget())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        model: Any = self.model()
        if self.logicalIndexAt(event.position().toPoint()) == 0 and event.button() == Qt.MouseButton.LeftButton:
            model.set_all_shown(model.shown_state() != Qt.CheckState.Checked)
            return
        super().mouseReleaseEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.logicalIndexAt(event.position().toPoint()) != 0:
            super().mousePressEvent(event)


def paint_box(painter: QPainter, rect: QRect, state: Qt.CheckState, widget: QWidget | None) -> None:
    """A check box of the theme in the middle of `rect`."""
    style = widget.style() if widget else QApplication.style()
    option = QStyleOptionButton()
    size = theme().px(16) + 2
    option.rect = QRect(0, 0, size, size)
    option.rect.moveCenter(rect.center())
    flags = {
        Qt.CheckState.Checked: QStyle.StateFlag.State_On,
        Qt.CheckState.Unchecked: QStyle.StateFlag.State_Off,
        Qt.CheckState.PartiallyChecked: QStyle.StateFlag.State_NoChange,
    }
    option.state = QStyle.StateFlag.State_Enabled | flags[state]
    style.drawPrimitive(QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck, option, painter, widget)


class _TickDelegate(QStyledItemDelegate):
    """The tick in the middle of its cell; a click anywhere in the cell turns it."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        bare = QStyleOptionViewItem(option)
        owner: QWidget | None = option.widget
        style = owner.style() if owner is not None else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, bare, painter, option.widget)
        state = index.data(Qt.ItemDataRole.CheckStateRole)
        if state is not None:
            paint_box(painter, option.rect.adjusted(0, 0, 0, -1), Qt.CheckState(state), option.widget)

    def editorEvent(self, event: QEvent, model: Any, option: QStyleOptionViewItem, index: Index) -> bool:
        released = event.type() == QEvent.Type.MouseButtonRelease
        state = index.data(Qt.ItemDataRole.CheckStateRole)
        if not released or state is None:
            return False
        on = Qt.CheckState(state) == Qt.CheckState.Checked
        fresh = Qt.CheckState.Unchecked if on else Qt.CheckState.Checked
        return model.setData(index, fresh, Qt.ItemDataRole.CheckStateRole)


class ChoiceDelegate(StatusDelegate):
    """A choice that looks like text with an arrow; the combo box exists only while it is open."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        if not index.data(CHOICES_ROLE):
            super().paint(painter, option, index)
        else:
            size = theme().px(16)
            words = QStyleOptionViewItem(option)
            words.rect = option.rect.adjusted(0, 0, -size, 0)  # never under the arrow
            if option.direction == Qt.LayoutDirection.RightToLeft:
                words.rect.translate(size, 0)
            owner: QWidget | None = option.widget
            style = owner.style() if owner is not None else QApplication.style()
            style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, owner)
            super().paint(painter, words, index)
            left = option.rect.left() + 4 if option.direction == Qt.LayoutDirection.RightToLeft else 0
            rect = QRect(option.rect.right() - size - 4, option.rect.center().y() - size // 2, size, size)
            if left:
                rect.moveLeft(left)
            paint_icon(painter, rect, "collapse", "text3")

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return super().sizeHint(option, index) + QSize(theme().px(24), 0)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        combo = QComboBox(parent)
        model: Any = index.model()
        combo.setAccessibleName(model.columns[index.column()].title or tr("Choose"))
        for key, words in index.data(CHOICES_ROLE) or ():
            combo.addItem(words, key)
        combo.activated.connect(lambda _row: self._finish(combo))
        QTimer.singleShot(0, combo, combo.showPopup)
        return combo

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        combo: Any = editor
        combo.setCurrentIndex(max(0, combo.findText(index.data() or "")))

    def setModelData(self, editor: QWidget, model: Any, index: Index) -> None:
        combo: Any = editor
        model.setData(index, combo.currentData(), Qt.ItemDataRole.EditRole)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        editor.setGeometry(option.rect)

    def _finish(self, combo: QComboBox) -> None:
        self.commitData.emit(combo)
        self.closeEditor.emit(combo)
