"""Settings > Backups: the copies of the books that are kept, one more at once, and going back to one of them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.core import Backup, Core
from desktop.text import tr
from desktop.ui import dialogs, formats, operations
from desktop.ui.banner import Banner
from desktop.ui.buttons import QuietButton
from desktop.ui.labels import ElidedLabel, label
from desktop.ui.panels import Card, empty_out, hairline
from desktop.ui.problems import show_problem
from desktop.ui.theme import theme


class BackupsPage(QWidget):
    """Newest first. Restoring closes the books and opens them again; the ones in use now are kept beside them."""

    restore_asked = Signal(object)
    """The owner wants to go on with this `Backup`."""
    toasted = Signal(str)

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        px = theme().px
        self.banner = Banner(self)
        self.card = Card(parent=self)
        self.card.body.setContentsMargins(px(16), px(8), px(16), px(8))
        self.card.body.setSpacing(px(8))
        self.now_button = QuietButton(tr("Back up now"), self)
        self.now_button.clicked.connect(self._on_now)
        self.buttons: list[QuietButton] = []
        head = QHBoxLayout()
        head.addWidget(
            label(
                tr(
                    "A copy of your books is made and checked once a day. All copies of the last two days are kept, "
                    "then one a day for twelve days, one a week for ten weeks and one a month for nine months."
                )
                if core.db.path is not None
                else tr("Your books lie on the office's server: its keeper makes the backups."),
                "secondary",
                wrap=True,
                parent=self,
            ),
            1,
        )
        head.addSpacing(px(16))
        head.addWidget(self.now_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, px(16))
        column.setSpacing(px(12))
        column.addLayout(head)
        column.addWidget(self.banner)
        column.addWidget(self.card)
        column.addStretch(1)
        self.now_button.setVisible(core.db.path is not None)
        self.card.setVisible(core.db.path is not None)

    def load(self) -> None:
        """Read the folder again."""
        if self._core.db.path is not None:
            operations.run(self, self._core.backups(), success=self._fill, failure=self._on_failed)

    def _fill(self, backups: list[Backup]) -> None:
        empty_out(self.card.body)
        self.buttons.clear()
        now = self._core.clock.now().astimezone()
        if not backups:
            self.card.body.addWidget(label(tr("No copy yet: the first one is made within the hour."), parent=self.card))
        for number, backup in enumerate(backups):
            if number:
                self.card.body.addWidget(hairline(self.card))
            when = formats.when(backup.taken_at, now)
            line = QWidget(self.card)
            restore = QuietButton(tr("Restore"), line)
            restore.setAccessibleName(tr("Restore the books of {when}", when=when))
            restore.clicked.connect(lambda _on=False, one=backup, when=when: self._on_restore(one, when))
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            row.addWidget(ElidedLabel(when, "", line), 1)
            row.addWidget(label(_why(backup), "hint", parent=line))
            row.addSpacing(theme().px(12))
            row.addWidget(restore)
            self.card.body.addWidget(line)
            self.buttons.append(restore)

    def _on_now(self) -> None:
        self.banner.clear()
        operations.run(self, self._core.backup_now(), success=self._on_made, failure=self._on_failed)

    def _on_made(self, _made: object) -> None:
        self.toasted.emit(tr("Your books were copied, and the copy was checked."))
        self.load()

    def _on_restore(self, backup: Backup, when: str) -> None:
        self.banner.clear()
        operations.run(self, self._restore(backup, when), failure=self._on_failed)

    async def _restore(self, backup: Backup, when: str) -> None:
        sure = await dialogs.ask(
            self,
            tr("Go back to the books of {when}?", when=when),
            tr(
                "What you entered since then is not in them. Your present books are kept as a file beside them. What "
                "was sent to your accounting service since then stays there, and is found again, not sent twice."
            ),
            tr("Restore"),
            destructive=True,
        )
        if sure:
            self.restore_asked.emit(backup)

    def _on_failed(self, error: Exception) -> None:
        show_problem(self.banner, error)


def _why(backup: Backup) -> str:
    if backup.label.startswith("before-upgrade"):
        return tr("before an update")
    return {"daily": tr("daily"), "by-hand": tr("by hand")}.get(backup.label, "")
