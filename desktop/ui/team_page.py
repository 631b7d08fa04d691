"""Settings > Team: who works at this desk, and who is told of failures (E10, M108)."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.books import users
from desktop.books.users import UserRow
from desktop.core import Core
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.app_keys_page import CopyLine
from desktop.ui.banner import Banner
from desktop.ui.buttons import QuietButton
from desktop.ui.form_field import FormField
from desktop.ui.labels import ElidedLabel, label
from desktop.ui.panels import Card, empty_out, hairline
from desktop.ui.problems import show_problem
from desktop.ui.problems import words as problem_words
from desktop.ui.theme import theme


class TeamPage(QWidget):
    """The users with their role; admins change it."""

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        px = theme().px
        self.banner = Banner(self)
        self.card = Card(parent=self)
        self.card.body.setContentsMargins(px(16), px(8), px(16), px(8))
        self.card.body.setSpacing(px(8))
        self.boxes: dict[int, QCheckBox] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, px(16))
        column.setSpacing(px(12))
        column.addWidget(
            label(
                tr(
                    "Everyone who opens these books is listed by the name of their account on the computer. "
                    "Admins get the bell and the alerts when something could not be synced; the others still see it "
                    "on the invoice."
                ),
                "secondary",
                wrap=True,
                parent=self,
            )
        )
        column.addWidget(self.banner)
        column.addWidget(self.card)
        column.addWidget(self._office_card())
        column.addStretch(1)

    def _office_card(self) -> Card:
        """The code that lets another desk of the office use the same sign-in, and the field where one enters it."""
        px = theme().px
        self.office = Card(tr("Other desks of your office"), self)
        self.show_code = QuietButton(tr("&Show office code"), self.office)
        self.show_code.clicked.connect(self._on_show_code)
        self.code = CopyLine("", tr("the office code"), self.office)
        self.code.hide()
        self.entered = FormField(tr("&Office code of another desk"), QLineEdit(self.office), parent=self.office)
        self.entered.field.returnPressed.connect(self._on_join)
        self.join_button = QuietButton(tr("&Join"), self.office)
        self.join_button.clicked.connect(self._on_join)
        explain = tr(
            "Desks that share these books also share the sign-in to your accounting service. A new desk needs the "
            "code once. Give it only to people you trust: whoever has it and your books can read the sign-in."
        )
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(self.entered, 1)
        beside = QVBoxLayout()  # level with the field, whatever stands under it
        beside.setSpacing(px(4))
        beside.addWidget(label(" ", "field", parent=self.office))
        beside.addWidget(self.join_button)
        beside.addStretch(1)
        row.addLayout(beside)
        self.office.body.addWidget(label(explain, "secondary", wrap=True, parent=self.office))
        self.office.body.addWidget(self.show_code, 0, Qt.AlignmentFlag.AlignLeft)
        self.office.body.addWidget(self.code)
        self.office.body.addLayout(row)
        return self.office

    def _on_show_code(self) -> None:
        self.banner.clear()
        operations.run(self, self._core.office_code(), success=self._show_code, failure=self._on_failed)

    def _show_code(self, code: str) -> None:
        self.code.set_text(code)
        self.code.show()
        self.show_code.hide()

    def _on_join(self) -> None:
        self.banner.clear()
        self.entered.set_error("")
        code = self.entered.field.text().strip()
        if not code:
            self.entered.set_error(tr("Enter the code that another desk shows here."))
            self.entered.field.setFocus()
            return
        operations.run(self, self._core.join_office(code), success=self._on_joined, failure=self._on_not_joined)

    def _on_joined(self, _none: object) -> None:
        self.entered.field.clear()
        self.banner.show_message(tr("This desk has joined the office."), status="good")

    def _on_not_joined(self, error: Exception) -> None:
        self.entered.set_error(problem_words(error)[0])
        self.entered.field.setFocus()

    def hideEvent(self, event) -> None:  # noqa: ANN001
        """The code is not left standing on the screen."""
        super().hideEvent(event)
        self.code.hide()
        self.code.set_text("")
        self.show_code.show()

    def load(self) -> None:
        operations.run(self, self._read(), success=self._fill, failure=lambda error: show_problem(self.banner, error))

    async def _read(self) -> tuple[UserRow, list[UserRow]]:
        return await self._core.user(), await self._core.ask(users.users)

    def _fill(self, found: tuple[UserRow, list[UserRow]]) -> None:
        mine, everyone = found
        empty_out(self.card.body)
        self.boxes.clear()
        for number, user in enumerate(everyone):
            if number:
                self.card.body.addWidget(hairline(self.card))
            line = QWidget(self.card)
            name = tr("{name} (you)", name=user.account) if user.id == mine.id else user.account
            box = QCheckBox(tr("Admin"), line)
            box.setAccessibleName(tr("{name} is admin", name=user.account))
            box.setChecked(user.admin)
            box.setEnabled(mine.admin)
            box.clicked.connect(lambda on, user_id=user.id: self._on_clicked(user_id, on))
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            row.addWidget(ElidedLabel(name, "", line), 1)
            row.addWidget(box)
            self.card.body.addWidget(line)
            self.boxes[user.id] = box
        if not mine.admin:
            self.card.body.addWidget(label(tr("Only an admin can change who is admin."), "hint", parent=self.card))

    def _on_clicked(self, user_id: int, admin: bool) -> None:
        self.banner.clear()
        operations.run(
            self,
            self._core.do(users.set_admin, user_id, admin),
            success=lambda _none: self.load(),
            failure=self._on_failed,
        )

    def _on_failed(self, error: Exception) -> None:
        show_problem(self.banner, error)
        operations.run(self, self._read(), success=self._fill)
