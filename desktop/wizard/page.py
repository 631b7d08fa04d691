"""What the five pages share: the head with its step, a banner for what went wrong, work that never blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget, QWizard, QWizardPage

from desktop.core import Core
from desktop.providers.base import Capabilities, Terms
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.banner import Banner
from desktop.ui.busy import ProgressLine
from desktop.ui.labels import label
from desktop.ui.problems import show_problem
from desktop.ui.theme import theme

if TYPE_CHECKING:
    from desktop.wizard.wizard import SetupWizard


class StepDots(QWidget):
    """Where one is among the steps, as a row of short bars."""

    def __init__(self, number: int, total: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number, self._total = number, total
        px = theme().px
        self.setFixedSize(total * px(28), px(6))

    def paintEvent(self, event: QPaintEvent) -> None:
        px = theme().px
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for n in range(self._total):
            painter.setBrush(theme().color("accent" if n < self._number else "pressed"))
            painter.drawRoundedRect(n * px(28), px(1), px(24), px(4), px(2), px(2))


class StepPage(QWizardPage):
    """One step. `start` fills it, `commit` does what Next stands for."""

    step = ""
    help_topic = ""
    """The help page of this step."""
    is_import = False
    """The step writes: its button is a commit button, there is no way back behind it (M31)."""

    commit_changed = Signal()
    """The words of the commit button are out of date."""

    def __init__(self, wizard: SetupWizard, title: str) -> None:
        super().__init__(wizard)
        self.core: Core = wizard.core
        self.flow = wizard.flow
        self._task: asyncio.Task[None] | None = None
        px = theme().px
        self.setAccessibleName(title)
        number, total = self.flow.place(self.step)
        head = QHBoxLayout()
        head.addWidget(label(title, "title", parent=self), 1)
        if total > 2:
            head.addWidget(label(tr("Step {number} of {total}", number=number, total=total), "secondary", parent=self))
            head.addWidget(StepDots(number, total, self))
        head.setSpacing(px(12))
        self.sentence = label("", "secondary", wrap=True, parent=self)
        self.banner = Banner(self, closable=False)
        self.banner.acted.connect(self.start)
        self.progress = ProgressLine(self)
        self.progress.cancelled.connect(self.stop)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(px(24), px(20), px(24), px(8))
        self.column.setSpacing(px(12))
        self.column.addLayout(head)
        self.column.addWidget(self.sentence)
        self.column.addWidget(self.banner)
        self.column.addWidget(self.progress)
        if self.is_import:
            self.setCommitPage(True)

    # -- the words of the connected service ---------------------------------------------------

    @property
    def setup(self) -> SetupWizard:
        """The wizard that this page belongs to."""
        wizard: Any = self.wizard()
        return wizard

    @property
    def terms(self) -> Terms:
        return self.setup.terms

    @property
    def capabilities(self) -> Capabilities:
        return self.setup.capabilities

    # -- life ---------------------------------------------------------------------------------

    def initializePage(self) -> None:
        super().initializePage()
        self.start()

    def nextId(self) -> int:
        following = self.flow.next_after(self.step)
        return -1 if following is None else self.setup.id_of(following)

    def start(self) -> None:
        """Fill the page; again after Retry."""

    def commit(self) -> Coroutine[Any, Any, object] | None:
        """What Next does before it goes on; None for nothing."""
        return None

    def commit_words(self) -> str:
        """The words of the button that goes on."""
        return tr("&Next")

    def work(
        self,
        coroutine: Coroutine[Any, Any, Any],
        success: Any = None,
        failure: Any = None,
        *,
        progress: str = "",
        cancellable: bool = True,
    ) -> None:
        """Run `coroutine`, one at a time, with the progress line while it lasts."""
        self.stop()
        self.banner.clear()
        if progress:
            self.progress.start(progress, cancellable=cancellable)

        def busy(on: bool) -> None:
            if not on and self._task in (None, task_here[0]):
                self.progress.finish()
                self._task = None
                self.completeChanged.emit()

        task_here: list[asyncio.Task[None] | None] = [None]
        task = operations.run(self, coroutine, success=success, failure=failure or self.show_failure, busy=busy)
        task_here[0] = self._task = task
        self.completeChanged.emit()

    @property
    def is_busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def stop(self) -> None:
        """Give up what is under way; what it finished before stays (M14)."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            self.progress.finish()
            self.on_stopped()
            self.completeChanged.emit()

    def on_stopped(self) -> None:
        """The owner pressed Cancel at the progress line."""

    def show_failure(self, error: Exception) -> None:
        """What went wrong, on the page itself, with Try again."""
        show_problem(self.banner, error, tr("Try again"))

    def isComplete(self) -> bool:
        return not self.is_busy

    def button(self, which: QWizard.WizardButton) -> Any:
        """A button of the wizard."""
        return self.setup.button(which)
