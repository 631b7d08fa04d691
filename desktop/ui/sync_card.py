"""Where one record stands towards the service: a sentence, what mends it first, the technique folded away."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QGridLayout, QHBoxLayout, QLabel, QRadioButton, QVBoxLayout, QWidget

from desktop.text import tr
from desktop.ui.buttons import PlainButton, QuietButton
from desktop.ui.flow_layout import FlowLayout
from desktop.ui.icons import icon
from desktop.ui.labels import label
from desktop.ui.layouts import clear
from desktop.ui.status import Status
from desktop.ui.theme import set_role, theme


class SyncCard(QFrame):
    """Filled with `show_state`; each button is (key, words) and comes back through `acted`."""

    acted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        px = theme().px
        self._icon = QLabel(self)
        self.sentence = label("", wrap=True, parent=self)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.advice = label("", "secondary", wrap=True, parent=self)
        self._details = label("", "hint", wrap=True, parent=self)
        self._details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._fold = PlainButton(tr("Details"), self)
        self._fold.setCheckable(True)
        self._fold.toggled.connect(self._on_fold)
        self.buttons: dict[str, QuietButton] = {}
        self._row_box = QWidget(self)
        self._row = FlowLayout(self._row_box, px(8))
        self._row.setContentsMargins(0, 0, 0, 0)
        self._sides = QWidget(self)
        self._grid = QGridLayout(self._sides)
        self._grid.setContentsMargins(0, px(2), 0, px(2))
        self._grid.setHorizontalSpacing(px(12))
        self._grid.setVerticalSpacing(px(4))
        for place, stretch in enumerate((2, 3, 3)):
            self._grid.setColumnStretch(place, stretch)
        self.rows: tuple[tuple[str, str, str], ...] = ()
        self.theirs: dict[str, QRadioButton] = {}
        self._groups: list[QButtonGroup] = []
        self._sides.hide()
        words = QVBoxLayout()
        words.setSpacing(px(6))
        for part in (self.sentence, self.advice, self._sides, self._row_box, self._details):
            words.addWidget(part)
        body = QHBoxLayout(self)
        body.setContentsMargins(px(12), px(12), px(12), px(12))
        body.setSpacing(px(8))
        body.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        body.addLayout(words, 1)

    def show_state(
        self,
        status: Status,
        sentence: str,
        advice: str = "",
        *,
        buttons: Sequence[tuple[str, str]] = (),
        details: str = "",
    ) -> None:
        """Show a state in its colours, with its ways out in order."""
        set_role(self, "status", status.kind or "info")
        size = theme().px(18)
        name = status.icon or "info"
        self._icon.setPixmap(icon(name, status.kind or "info").pixmap(QSize(size, size), self.devicePixelRatioF()))
        self.sentence.setText(sentence)
        self.advice.setText(advice)
        self.advice.setVisible(bool(advice))
        self._details.setText(details)
        self._fold.setChecked(False)
        self._details.hide()
        self.setAccessibleName(f"{status.text}. {sentence}")
        clear(self._row, keep=self._fold)
        self.buttons = {}
        for key, words in buttons:
            button = QuietButton(words.replace("&", "&&"), self)
            button.setAccessibleName(words)
            button.clicked.connect(lambda _on=False, key=key: self.acted.emit(key))
            self.buttons[key] = button
            self._row.addWidget(button)
        self._fold.setVisible(bool(details))
        self._row.addWidget(self._fold)
        self._row_box.setVisible(bool(buttons) or bool(details))
        self.show_both((), "")
        self._insist()

    @property
    def marked(self) -> tuple[str, ...]:
        """The rows of which the service's value is marked."""
        return tuple(name for name, button in self.theirs.items() if button.isChecked())

    def show_both(self, rows: Sequence[tuple[str, str, str]], service: str, *, choose: bool = False) -> None:
        """Both versions side by side: (field, here, there); none takes the comparison away.

        With `choose` one of the two can be marked in each row; ours are marked at first.
        """
        self.rows = tuple(rows)
        clear(self._grid)
        self.theirs = {}
        self._groups = []
        if choose:
            self._fill_choices(service)
        elif rows:
            self._fill_comparison(service)
        self._sides.setVisible(bool(rows))

    def _fill_comparison(self, service: str) -> None:
        for place, head in enumerate((tr("Here"), service), 1):
            self._grid.addWidget(label(head, "hint", parent=self._sides), 0, place)
        top = Qt.AlignmentFlag.AlignTop
        for line, (name, ours, theirs) in enumerate(self.rows, 1):
            self._grid.addWidget(label(name, "secondary", wrap=True, parent=self._sides), line, 0, top)
            for place, (side, text) in enumerate(((tr("here"), ours), (service, theirs)), 1):
                value = label(text, wrap=True, parent=self._sides)
                value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                value.setAccessibleName(f"{name}, {side}: {text}")
                self._grid.addWidget(value, line, place, top)

    def _fill_choices(self, service: str) -> None:
        """One under the other, so that long values have room in a narrow pane."""
        top = Qt.AlignmentFlag.AlignTop
        for place, (name, ours, theirs) in enumerate(self.rows):
            line = 3 * place
            self._grid.addWidget(label(name, "secondary", wrap=True, parent=self._sides), line, 0, 1, 3)
            group = QButtonGroup(self._sides)
            self._groups.append(group)
            for below, (side, text) in enumerate(((tr("Here"), ours), (service, theirs)), 1):
                button = QRadioButton(side.replace("&", "&&"), self._sides)
                button.setAccessibleName(f"{name}, {side}: {text}")
                button.setChecked(below == 1)
                group.addButton(button)
                value = label(text, wrap=True, parent=self._sides)
                value.setContentsMargins(0, theme().px(4), 0, 0)
                self._grid.addWidget(button, line + below, 0, top)
                self._grid.addWidget(value, line + below, 1, 1, 2, top)
                if below == 2:
                    self.theirs[name] = button

    def resizeEvent(self, event) -> None:  # noqa: ANN001
        super().resizeEvent(event)
        self._insist()

    def _insist(self) -> None:
        """Room for all rows of buttons: a box does not ask its flow for it."""
        self._row_box.setMinimumHeight(self._row.heightForWidth(max(1, self._row_box.width())))

    def set_enabled(self, on: bool) -> None:
        """Whether the buttons can be pressed."""
        for button in self.buttons.values():
            button.setEnabled(on)

    def _on_fold(self, opened: bool) -> None:
        self._details.setVisible(opened)
        self._fold.setText(tr("Hide details") if opened else tr("Details"))
