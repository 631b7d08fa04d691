"""A service or product: what it is called and what it costs."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLineEdit, QPlainTextEdit, QWidget

from desktop.books import items, queries
from desktop.books.desk import Desk
from desktop.books.items import ItemDraft
from desktop.errors import InputError
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.context import Context
from desktop.ui.editor_dialog import EditorDialog
from desktop.ui.form_field import FormField
from desktop.ui.labels import label
from desktop.ui.money_edit import MoneyEdit
from desktop.ui.theme import theme


class ItemEditor(EditorDialog):
    """For a new item, or an existing one."""

    help_topic = "item_editor"

    saved = Signal(int)
    ready = Signal()

    def __init__(
        self, context: Context, parent: QWidget | None = None, *, item_id: int | None = None, field: str = ""
    ) -> None:
        title = tr("Edit item") if item_id is not None else tr("New item")
        super().__init__(context, title, parent)
        self._item_id, self._field = item_id, field
        px = theme().px
        self.name, self.sku = QLineEdit(), QLineEdit()
        self.price = MoneyEdit(context.currency, negative=True, places=6)
        self.description = QPlainTextEdit()
        self.description.setTabChangesFocus(True)
        self.description.setFixedHeight(px(72))
        self.taxable = QCheckBox(tr("&Taxable"))
        self.active = QCheckBox(tr("&Active"))
        self.active.setChecked(True)
        self.active.setVisible(item_id is not None)
        self.fields = {
            "name": FormField(tr("&Name"), self.name),
            "unit_price": FormField(
                tr("&Price ({currency})", currency=context.currency),
                self.price,
                hint=tr("Leave it empty where the price is agreed each time."),
            ),
            "sku": FormField(tr("&Code"), self.sku),
            "description": FormField(tr("&Description"), self.description, hint=tr("Stands on the invoice.")),
        }
        self.form.addWidget(label(title, "section"))
        for field_ in self.fields.values():
            self.form.addWidget(field_)
        self.form.addWidget(self.taxable)
        self.form.addWidget(self.active)
        self.form.addStretch(1)
        self.resize(px(460), px(560))
        if item_id is None:
            self._begin()
        else:
            self.save_button.setEnabled(False)
            operations.run(
                self, context.core.ask(queries.item_draft, item_id), success=self._show, failure=self.show_failure
            )

    def _show(self, draft: ItemDraft) -> None:
        self.name.setText(draft.name)
        self.sku.setText(draft.sku)
        self.price.set_value(draft.unit_price)
        self.description.setPlainText(draft.description)
        self.taxable.setChecked(draft.taxable)
        self.active.setChecked(draft.active)
        self.remember_as_loaded(draft, self.draft)
        self.save_button.setEnabled(True)
        self._begin()

    def _begin(self) -> None:
        self.remember_as_saved()
        self.fields.get(self._field, self.fields["name"]).field.setFocus()
        self.ready.emit()

    def snapshot(self) -> tuple[object, ...]:
        return (
            self.name.text(),
            self.sku.text(),
            self.price.text(),
            self.description.toPlainText(),
            self.taxable.isChecked(),
            self.active.isChecked(),
        )

    def draft(self) -> ItemDraft:
        """What is typed. Raises InputError for a price that is none."""
        if self.price.error:
            raise InputError("unit_price", self.price.error)
        return ItemDraft(
            name=self.name.text().strip(),
            description=self.description.toPlainText(),
            unit_price=self.price.value,
            taxable=self.taxable.isChecked(),
            sku=self.sku.text().strip(),
            active=self.active.isChecked(),
        )

    async def save(self, *, send: bool = False) -> int:
        draft = self.draft()
        item_id, laid_over = self._item_id, self.laid_over(draft)

        def keep(session, desk: Desk) -> int:  # noqa: ANN001
            if item_id is None:
                return items.create_item(session, desk, draft)
            now = queries.item_draft(session, item_id)
            items.update_item(session, desk, item_id, laid_over(now))
            return item_id

        return await self.context.core.do(keep)

    def done_saving(self, result: Any, *, send: bool = False) -> None:
        self.saved.emit(result)
