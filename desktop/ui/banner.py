"""What went wrong, or well, in the place it concerns: a sentence, one button, details folded away."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.text import tr
from desktop.ui.announce import announce
from desktop.ui.buttons import IconButton, PlainButton, QuietButton
from desktop.ui.icons import icon
from desktop.ui.labels import label
from desktop.ui.theme import set_role, theme

_ICONS = {"info": "info", "good": "good", "wait": "wait", "bad": "bad"}


class Banner(QFrame):
    """Hidden until `show_message`. It never takes the focus and is never modal."""

    acted = Signal()
    """The action button was pressed."""
    second_acted = Signal()
    """The other button was pressed."""
    closed = Signal()
    """The owner closed it (not emitted by `clear`)."""

    def __init__(self, parent: QWidget | None = None, *, closable: bool = True) -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        self._closable = closable
        self._icon = QLabel(self)
        self._sentence = label("", wrap=True, parent=self)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeading)
        self._sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._details = label("", "secondary", wrap=True, parent=self)
        self._details.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._action = QuietButton("", self)
        self._second = QuietButton("", self)
        self._fold = PlainButton(tr("Details"), self)
        self._fold.setCheckable(True)
        self._close = IconButton("close", tr("Dismiss this message"), self)
        self._lay_out()
        self._action.clicked.connect(self.acted)
        self._second.clicked.connect(self.second_acted)
        self._fold.toggled.connect(self._on_fold_toggled)
        self._close.clicked.connect(self._on_close_clicked)
        self.status = "info"
        self.hide()

    def show_message(
        self, sentence: str, *, status: str = "info", action: str = "", second: str = "", details: str = ""
    ) -> None:
        """Show `sentence` as info, good, wait or bad, with one `action` (its button's text), seldom a `second`."""
        self.status = status
        set_role(self, "status", status)
        size = theme().px(20)
        self._icon.setPixmap(icon(_ICONS[status], status).pixmap(QSize(size, size), self.devicePixelRatioF()))
        self._sentence.setText(sentence)
        self._details.setText(details)
        self._fold.setChecked(False)
        self._details.hide()
        self._fold.setVisible(bool(details))
        for button, words in ((self._action, action), (self._second, second)):
            button.setText(words.replace("&", "&&"))
            button.setAccessibleName(words)
            button.setVisible(bool(words))
        self._place_buttons(bool(second))
        self._close.setVisible(self._closable)
        self.setAccessibleName(sentence)
        self.show()
        announce(self, sentence)

    def clear(self) -> None:
        """Take the message away, because it is no longer true."""
        self.hide()
        self.setAccessibleName("")

    def set_closable(self, closable: bool) -> None:
        """Whether the owner may put it aside: not where its buttons are the only way on."""
        self._closable = closable
        self._close.setVisible(closable)

    @property
    def sentence(self) -> str:
        return self._sentence.text()

    @property
    def action_button(self) -> QuietButton:
        return self._action

    @property
    def second_button(self) -> QuietButton:
        return self._second

    def changeEvent(self, event) -> None:  # noqa: ANN001
        super().changeEvent(event)
        if event.type() == event.Type.PaletteChange and self.isVisible():
            size = theme().px(20)
            self._icon.setPixmap(
                icon(_ICONS[self.status], self.status).pixmap(QSize(size, size), self.devicePixelRatioF())
            )

    def _lay_out(self) -> None:
        px = theme().px
        row = QHBoxLayout(self)
        row.setContentsMargins(px(12), px(6), px(6), px(6))
        row.setSpacing(px(8))
        top = Qt.AlignmentFlag.AlignTop
        words = QVBoxLayout()
        words.setContentsMargins(0, px(7), 0, px(7))
        words.setSpacing(px(8))
        words.addWidget(self._sentence)
        words.addWidget(self._details)
        self._below = QHBoxLayout()
        self._below.setSpacing(px(8))
        words.addLayout(self._below)
        self._icon.setContentsMargins(0, px(6), 0, 0)
        row.addWidget(self._icon, 0, top)
        row.addLayout(words, 1)
        for button in (self._fold, self._action, self._close):
            row.addWidget(button, 0, top)
        self._beside = row
        self._below.addWidget(self._second)
        self._below.addStretch(1)

    def _place_buttons(self, several: bool) -> None:
        """One button stands beside the sentence; two stand under it, where they never squeeze it."""
        row, place = (self._below, 0) if several else (self._beside, 3)
        if row.indexOf(self._action) < 0:
            (self._beside if several else self._below).removeWidget(self._action)
            row.insertWidget(place, self._action, 0, Qt.AlignmentFlag.AlignTop)

    def _on_fold_toggled(self, opened: bool) -> None:
        self._details.setVisible(opened)
        self._fold.setText(tr("Hide details") if opened else tr("Details"))

    def _on_close_clicked(self) -> None:
        self.clear()
        self.closed.emit()
