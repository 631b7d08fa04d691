"""Why doesn't it sync? The cause in one sentence with the button that mends it, and all that was looked at (M140)."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop.core import Core
from desktop.errors import Fix
from desktop.providers.records import Kind
from desktop.sync.checks import Check, Outcome, cause
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.banner import Banner
from desktop.ui.busy import ProgressLine
from desktop.ui.buttons import PrimaryButton, QuietButton
from desktop.ui.fixes import FixButton, fix_button
from desktop.ui.help_route import HelpButton
from desktop.ui.icons import icon
from desktop.ui.labels import label
from desktop.ui.panels import empty_out, hairline
from desktop.ui.problems import show_problem
from desktop.ui.routes import Navigator, settings
from desktop.ui.theme import theme

_SIGNS = {Outcome.GOOD: "good", Outcome.NOTE: "info", Outcome.WAITS: "wait", Outcome.CAUSE: "bad"}


class CheckDialog(QDialog):
    """Looks as soon as it is opened; a button leads away from it to the place that mends the cause."""

    help_topic = "trouble"

    sync_asked = Signal(object)
    """Sync the records of this list ((kind, id)) now; everything that waits, if it is empty."""

    def __init__(
        self,
        core: Core,
        navigator: Navigator,
        parent: QWidget,
        kind: Kind | None = None,
        local_id: int | None = None,
        name: str = "",
    ) -> None:
        """`kind`, `local_id`: look only at what concerns this record, which the owner calls `name`."""
        super().__init__(parent.window())
        self._core, self._navigator, self._about = core, navigator, (kind, local_id)
        self.checks: list[Check] = []
        self.buttons: list[QuietButton] = []
        px = theme().px
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        title = tr("Why doesn't {name} sync?", name=name) if name else tr("Check my connection")
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.banner = Banner(self, closable=False)
        self.banner.acted.connect(self.look)
        self.progress = ProgressLine(self)
        self.progress.cancelled.connect(self.reject)
        self.verdict = label("", "strong", wrap=True, parent=self)
        inner = QWidget(self)
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, px(4), 0)
        self._list.setSpacing(px(10))
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        self.again = QuietButton(tr("Check &again"), self, icon_name="syncing")
        self.again.clicked.connect(self.look)
        close = PrimaryButton(tr("&Close"), self)
        close.setDefault(True)
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.setSpacing(px(8))
        foot.addWidget(HelpButton(self))
        foot.addStretch(1)
        foot.addWidget(self.again)
        foot.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(20), px(24), px(16))
        column.setSpacing(px(12))
        column.addWidget(label(title, "section", wrap=True, parent=self))
        column.addWidget(self.banner)
        column.addWidget(self.progress)
        column.addWidget(self.verdict)
        column.addWidget(area, 1)
        column.addLayout(foot)
        self.resize(px(600), px(440))

    def open(self) -> None:
        super().open()
        self.look()

    def look(self) -> None:
        """Ask now, at the service too."""
        self.banner.clear()
        self.verdict.clear()
        empty_out(self._list)
        self.buttons = []
        operations.run(
            self,
            self._core.check_connection(*self._about),
            success=self._show,
            failure=lambda error: show_problem(self.banner, error, tr("Try again")),
            busy=self._on_busy,
        )

    def _on_busy(self, busy: bool) -> None:
        self.again.setEnabled(not busy)
        if busy:
            self.progress.start(tr("Looking at the connection, the switches, the accounts and the records"))
        else:
            self.progress.finish()

    def _show(self, checks: list[Check]) -> None:
        self.checks = checks
        self.verdict.setText(verdict(checks))
        mapping = any(one.key == "mapping" and one.outcome is Outcome.CAUSE for one in checks)
        told = [one for one in checks if not (mapping and one.key == "records" and one.fix is Fix.OPEN_MAPPING)]
        bad_first = sorted(told, key=lambda one: list(Outcome).index(one.outcome), reverse=True)
        for number, check in enumerate(bad_first):
            if number:
                self._list.addWidget(hairline(self))
            self._list.addWidget(self._line(check))
        self._list.addStretch(1)

    def _line(self, check: Check) -> QWidget:
        part = QWidget(self)
        px = theme().px
        sign = QLabel(part)
        size = px(20)
        picture = icon(_SIGNS[check.outcome], check.outcome.value)
        sign.setPixmap(picture.pixmap(QSize(size, size), self.devicePixelRatioF()))
        sign.setFixedWidth(size)
        words = QVBoxLayout()
        words.setSpacing(px(2))
        words.addWidget(label(check.title, wrap=True, parent=part))
        if check.advice:
            words.addWidget(label(check.advice, "secondary", wrap=True, parent=part))
        row = QHBoxLayout(part)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(12))
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        mend = self._mend(check)
        if mend is not None:
            button = QuietButton(mend.label.replace("&", "&&"), part)
            button.setAccessibleName(mend.label)
            button.setAccessibleDescription(check.title)
            button.clicked.connect(lambda: self._on_mend(mend, check.subject))
            self.buttons.append(button)
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        part.setAccessibleName(f"{check.title} {check.advice}".strip())
        return part

    def _mend(self, check: Check) -> FixButton | None:
        if check.key == "waiting" and check.fix is Fix.RETRY:
            return FixButton(tr("Sync now"), action="sync")
        if check.key == "connect":
            return FixButton(tr("Connect"), settings("integrations"))
        return fix_button(check.fix, *check.subject, check.concerns)

    def _on_mend(self, mend: FixButton, subject: tuple[str, int]) -> None:
        self.accept()
        if mend.route is not None:
            self._navigator.go(mend.route)
        else:
            self.sync_asked.emit([subject] if subject[0] else [])


def verdict(checks: Sequence[Check]) -> str:
    """The one sentence above the list."""
    found = cause(checks)
    if found is None:
        return tr("Everything is in order: nothing stands in the way.")
    if found.outcome is Outcome.CAUSE:
        return tr("The cause: {what}", what=found.title)
    if found.outcome is Outcome.WAITS:
        return tr("Nothing is broken. {what}", what=found.title)
    return tr("Nothing is broken, but this explains it: {what}", what=found.title)
