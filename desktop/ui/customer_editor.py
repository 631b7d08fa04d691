"""A customer's name, type, address and ways to be reached."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLineEdit, QPlainTextEdit, QWidget

from desktop.books import customers, queries
from desktop.books.customers import CustomerDraft
from desktop.books.desk import Desk
from desktop.kinds import CustomerKind
from desktop.text import tr
from desktop.ui import operations, words
from desktop.ui.context import Context
from desktop.ui.editor_dialog import EditorDialog
from desktop.ui.form_field import FormField
from desktop.ui.labels import label
from desktop.ui.theme import theme

TEXTS = (
    "display_name",
    "company_name",
    "given_name",
    "family_name",
    "email",
    "phone",
    "line1",
    "line2",
    "city",
    "region",
    "postal_code",
    "country",
)
ROWS = (
    ("display_name", "kind"),
    ("given_name", "family_name"),
    ("company_name", "phone"),
    ("email",),
    ("line1",),
    ("line2",),
    ("city", "region"),
    ("postal_code", "country"),
)


class CustomerEditor(EditorDialog):
    """For a new customer, or an existing one."""

    help_topic = "customer_editor"

    saved = Signal(int)
    ready = Signal()

    def __init__(
        self,
        context: Context,
        parent: QWidget | None = None,
        *,
        customer_id: int | None = None,
        name: str = "",
        field: str = "",
    ) -> None:
        title = tr("Edit customer") if customer_id is not None else tr("New customer")
        super().__init__(context, title, parent)
        self._customer_id, self._field = customer_id, field
        self._loaded = CustomerDraft(display_name=name)
        self._build(title)
        self.inputs["display_name"].setText(name)
        px = theme().px
        self.resize(px(620), px(640))
        if customer_id is None:
            self._begin()
        else:
            self.save_button.setEnabled(False)
            operations.run(
                self,
                context.core.ask(queries.customer_draft, customer_id),
                success=self._show,
                failure=self.show_failure,
            )

    def _build(self, title: str) -> None:
        px = theme().px
        names = {
            "display_name": tr("&Name"),
            "company_name": tr("&Company"),
            "given_name": tr("&First name"),
            "family_name": tr("&Last name"),
            "email": tr("&E-mail"),
            "phone": tr("&Phone"),
            "line1": tr("&Street"),
            "line2": tr("Address line &2"),
            "city": tr("C&ity"),
            "region": tr("S&tate"),
            "postal_code": tr("&ZIP code"),
            "country": tr("Co&untry"),
        }
        self.inputs = {name: QLineEdit() for name in TEXTS}
        self.fields = {name: FormField(names[name], self.inputs[name]) for name in TEXTS}
        self.kind = QComboBox()
        for each in CustomerKind:
            self.kind.addItem(words.customer_kind(each), each.value)
        self.fields["kind"] = FormField(tr("T&ype"), self.kind)
        self.reason = label("", "hint", wrap=True)
        self.notes = QPlainTextEdit()
        self.notes.setTabChangesFocus(True)
        self.notes.setFixedHeight(px(72))
        self.fields["notes"] = FormField(tr("N&otes"), self.notes)
        self.active = QCheckBox(tr("&Active"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(12))
        grid.setVerticalSpacing(px(12))
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        for row, names_ in enumerate(ROWS):
            for column, name in enumerate(names_):
                grid.addWidget(self.fields[name], row, column, 1, 2 if len(names_) == 1 else 1)
        last = len(ROWS)
        grid.addWidget(self.fields["notes"], last, 0, 1, 2)
        grid.addWidget(self.active, last + 1, 0)
        self.form.addWidget(label(title, "section"))
        self.form.addWidget(self.reason)
        self.form.addLayout(grid)
        self.form.addStretch(1)
        self.reason.hide()
        self.active.setChecked(True)
        self.active.setVisible(self._customer_id is not None)

    def _show(self, draft: CustomerDraft) -> None:
        self._loaded = draft
        for name in TEXTS:
            self.inputs[name].setText(getattr(draft, name))
            self.inputs[name].setCursorPosition(0)
        self.kind.setCurrentIndex(self.kind.findData(CustomerKind(draft.kind).value))
        self.notes.setPlainText(draft.notes)
        self.active.setChecked(draft.active)
        if draft.kind_reason:
            kind = words.customer_kind(draft.kind)
            self.reason.setText(tr("{kind}, because of: {reason}.", kind=kind, reason=draft.kind_reason.rstrip(".")))
            self.reason.show()
        self.remember_as_loaded(draft, self.draft)
        self.save_button.setEnabled(True)
        self._begin()

    def _begin(self) -> None:
        self.remember_as_saved()
        target = self.fields.get(self._field, self.fields["display_name"]).field
        target.setFocus()
        if isinstance(target, QLineEdit):
            target.selectAll()
        self.ready.emit()

    def snapshot(self) -> tuple[object, ...]:
        texts = tuple(field.text() for field in self.inputs.values())
        return (*texts, self.kind.currentData(), self.notes.toPlainText(), self.active.isChecked())

    def draft(self) -> CustomerDraft:
        """What is typed; a type picked by hand stays as picked."""
        texts = {name: field.text().strip() for name, field in self.inputs.items()}
        kind = CustomerKind(self.kind.currentData())
        other = kind is not CustomerKind(self._loaded.kind)
        return CustomerDraft(
            **texts,
            kind=kind,
            kind_reason=tr("chosen by you") if other else self._loaded.kind_reason,
            kind_chosen=other or self._loaded.kind_chosen,
            notes=self.notes.toPlainText(),
            active=self.active.isChecked(),
        )

    async def save(self, *, send: bool = False) -> int:
        draft, customer_id = self.draft(), self._customer_id
        laid_over = self.laid_over(draft)

        def keep(session, desk: Desk) -> int:  # noqa: ANN001
            if customer_id is None:
                return customers.create_customer(session, desk, draft)
            now = queries.customer_draft(session, customer_id)
            customers.update_customer(session, desk, customer_id, laid_over(now))
            return customer_id

        return await self.context.core.do(keep)

    def done_saving(self, result: Any, *, send: bool = False) -> None:
        self.saved.emit(result)
