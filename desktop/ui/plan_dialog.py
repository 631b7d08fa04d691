"""The confirm of a sync: the preview itself, and exactly that is sent (C14, N11)."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop.sync.preview import Preview
from desktop.text import tr
from desktop.ui.buttons import PrimaryButton, QuietButton
from desktop.ui.help_route import HelpButton
from desktop.ui.labels import label
from desktop.ui.panels import Card
from desktop.ui.plan_view import PlanTree, summary_words
from desktop.ui.theme import theme


class PlanDialog(QDialog):
    """Title, one sentence, the plan. `answer` is done when it is closed: whether to send."""

    help_topic = "preview"

    def __init__(
        self, title: str, shown: Preview, currency: str, service: str, accept: str, parent: QWidget, *, tick: str = ""
    ) -> None:
        super().__init__(parent)
        px = theme().px
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.ticked = False
        self.summary = label(summary_words(shown, service), "secondary", wrap=True, parent=self)
        self.tree = PlanTree(self)
        self.tree.show_plan(shown, currency, service)
        card = Card(parent=self)
        card.body.setContentsMargins(1, 1, 1, 1)
        card.body.addWidget(self.tree)
        something = bool(shown.writes or shown.links or shown.left)
        card.setVisible(something)
        self.tick = QCheckBox(tick, self)
        self.tick.setVisible(bool(tick))
        self.tick.toggled.connect(lambda on: setattr(self, "ticked", on))
        self.cancel_button = QuietButton(tr("Cancel"), self)
        self.send_button = PrimaryButton(accept, self)
        self.send_button.setEnabled(bool(shown.writes or shown.links or shown.unchanged))
        self.send_button.setDefault(True)
        self.cancel_button.clicked.connect(self.reject)
        self.send_button.clicked.connect(self.accept)
        self.finished.connect(lambda code: self._end(code == int(QDialog.DialogCode.Accepted)))
        foot = QHBoxLayout()
        foot.setSpacing(px(8))
        foot.addWidget(HelpButton(self))
        foot.addWidget(self.tick)
        foot.addStretch(1)
        foot.addWidget(self.cancel_button)
        foot.addWidget(self.send_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(20), px(24), px(16))
        column.setSpacing(px(12))
        column.addWidget(label(title, "section", wrap=True, parent=self))
        column.addWidget(self.summary)
        column.addWidget(card, 1)
        column.addLayout(foot)
        room = self.screen().availableSize()
        if something:
            self.resize(min(px(720), room.width() - 32), min(px(480), room.height() - 64))
        else:  # a table of nothing would only be room that says nothing
            column.addStretch(1)
            self.resize(min(px(520), room.width() - 32), self.sizeHint().height())
        self.send_button.setFocus()

    def _end(self, accepted: bool) -> None:
        if not self.answer.done():
            self.answer.set_result(accepted)

    def words(self) -> str:
        """All that is asked, as text."""
        return "\n".join([self.windowTitle(), self.summary.text(), *self.tree.texts()])


async def ask_with_plan(
    parent: QWidget, title: str, shown: Preview, currency: str, service: str, accept: str, *, tick: str = ""
) -> tuple[bool, bool]:
    """Show the plan over the window; (whether to send it, whether the box was ticked)."""
    dialog = PlanDialog(title, shown, currency, service, accept, parent.window(), tick=tick)
    answer = dialog.answer
    dialog.open()
    accepted = await answer
    return accepted, dialog.ticked
