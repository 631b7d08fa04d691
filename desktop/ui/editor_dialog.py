"""What all editors share: a banner, Save that leads to the first fault, and a question before work is lost."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.books.merging import ChangedMeanwhile, merged
from desktop.errors import InputError
from desktop.text import tr
from desktop.ui import dialogs, operations
from desktop.ui.banner import Banner
from desktop.ui.buttons import PrimaryButton, QuietButton
from desktop.ui.context import Context
from desktop.ui.form_field import FormField
from desktop.ui.help_route import HelpButton
from desktop.ui.panels import hairline
from desktop.ui.problems import words as problem_words
from desktop.ui.theme import theme


class EditorDialog(QDialog):
    """Fill `form`, name the fields in `fields`, then implement `snapshot` and `save`. Shown with `open()`."""

    help_topic = ""
    """The help page of this editor."""

    def __init__(self, context: Context, title: str, parent: QWidget | None = None, *, accept: str = "") -> None:
        super().__init__(parent)
        self.context = context
        self.fields: dict[str, FormField] = {}
        """By the name that an InputError gives."""
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"{title}[*]")
        self.setAccessibleName(title)
        self._before: Hashable = None
        self._loaded: Any = None
        self._opened: Any = None
        self._asking = False
        px = theme().px
        self.banner = Banner(self)
        self.form = QVBoxLayout()
        self.form.setContentsMargins(px(24), px(20), px(24), px(20))
        self.form.setSpacing(px(16))
        self.form.addWidget(self.banner)
        content = QWidget()
        content.setLayout(self.form)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(content)
        content.installEventFilter(self)
        self.foot = QHBoxLayout()
        self.foot.setContentsMargins(px(24), px(12), px(24), px(16))
        self.foot.setSpacing(px(8))
        self.cancel_button = QuietButton(tr("Cancel"))
        self.save_button = PrimaryButton(accept or tr("&Save"))
        self.cancel_button.clicked.connect(self.reject)
        self.save_button.clicked.connect(lambda: self.start_saving())
        self.help_button = HelpButton(self)
        self.foot.addWidget(self.help_button)
        self.foot.addStretch(1)
        self.foot.addWidget(self.cancel_button)
        self.foot.addWidget(self.save_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._scroll, 1)
        column.addWidget(hairline())
        column.addLayout(self.foot)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A message that comes or goes takes or gives room: the fields below it are never squeezed."""
        content = self._scroll.widget()
        resized = event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize)
        if resized and content is not None and watched is content:
            needed = self.form.totalHeightForWidth(self._scroll.viewport().width())
            if needed > 0 and needed != content.minimumHeight():
                content.setMinimumHeight(needed)
                more = needed - self._scroll.viewport().height()
                room = self.screen().availableGeometry().height() - self.frameGeometry().height()
                if more > 0:
                    self.resize(self.width(), self.height() + max(0, min(more, room)))
        return super().eventFilter(watched, event)

    # -- to be filled in ----------------------------------------------------------------------

    def snapshot(self) -> Hashable:
        """What is in the fields, to tell whether anything was changed."""
        raise NotImplementedError

    async def save(self, *, send: bool = False) -> object:
        """Keep what is in the fields. Raises InputError naming the field."""
        raise NotImplementedError

    def done_saving(self, result: Any, *, send: bool = False) -> None:
        """Tell whoever opened the editor; it closes afterwards."""

    def show_input_error(self, error: InputError) -> bool:
        """Show `error` at its field and go there; False if no field has that name."""
        field = self.fields.get(error.field)
        if field is None:
            return False
        field.set_error(error.sentence)
        field.field.setFocus(Qt.FocusReason.OtherFocusReason)
        self._scroll.ensureWidgetVisible(field)
        return True

    # -- saving -------------------------------------------------------------------------------

    def start_saving(self, *, send: bool = False) -> None:
        """Save, show what is wrong, or close."""
        for field in self.fields.values():
            field.set_error(getattr(field.field, "error", ""))
        first = next((field for field in self.fields.values() if field.error), None)
        if first is not None:
            first.field.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        operations.run(
            self,
            self.save(send=send),
            success=lambda result: self._on_saved(result, send),
            failure=self.show_failure,
            busy=lambda busy: self.save_button.setEnabled(not busy),
        )

    def show_failure(self, error: Exception) -> None:
        """At the field where one is named, else in the banner; nothing was changed."""
        if isinstance(error, ChangedMeanwhile):
            self._loaded = replace(self._loaded, **error.now)  # it was said: the next Save is meant
        if isinstance(error, InputError) and self.show_input_error(error):
            return
        sentence, details = problem_words(error)
        self.banner.show_message(sentence, status="bad", details=details)
        self._scroll.ensureVisible(0, 0)

    def _on_saved(self, result: object, send: bool) -> None:
        self.done_saving(result, send=send)
        self._before = self.snapshot()
        self.accept()

    # -- what others change meanwhile -----------------------------------------------------------

    def remember_as_loaded(self, loaded: Any, typed: Callable[[], Any]) -> None:
        """The fields were filled from this draft, `typed` gives them back: what others change from now on is kept."""
        self._loaded = self._opened = loaded
        with suppress(InputError):  # what lay there is not what could be typed
            self._opened = typed()

    def laid_over(self, typed: Any) -> Callable[[Any], Any]:
        """`typed` for a record as it is now: a function for the unit that keeps it. It raises ChangedMeanwhile."""
        return partial(merged, typed, self._opened, self._loaded)

    # -- leaving ------------------------------------------------------------------------------

    def remember_as_saved(self) -> None:
        """What is in the fields now counts as unchanged."""
        self._before = self.snapshot()

    @property
    def is_changed(self) -> bool:
        return self._before is not None and self.snapshot() != self._before

    def reject(self) -> None:
        if not self.is_changed:
            super().reject()
            return
        if not self._asking:
            operations.run(self, self._ask_and_leave(), failure=self.show_failure)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.is_changed:
            event.ignore()
            self.reject()
        else:
            super().closeEvent(event)

    async def _ask_and_leave(self) -> None:
        self._asking = True
        try:
            key, _ = await dialogs.choose(
                self,
                tr("Save your changes?"),
                tr("They are lost otherwise."),
                [("save", tr("Save")), ("drop", tr("Don't save"))],
            )
        finally:
            self._asking = False
        if key == "save":
            self.start_saving()
        elif key == "drop":
            self._before = self.snapshot()
            super().reject()
