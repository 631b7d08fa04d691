"""The only place with a message box: questions before something is lost. Never run with exec()."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QGridLayout, QMessageBox, QWidget

from desktop.text import tr
from desktop.ui.buttons import DangerButton, PrimaryButton, QuietButton
from desktop.ui.theme import theme


def ask(parent: QWidget, title: str, text: str, accept_label: str, destructive: bool = False) -> asyncio.Future[bool]:
    """Ask in a sheet over `parent`'s window; the future is True if accepted, False on Cancel, Esc or close.

    A destructive question has Cancel as its default button. If `parent` goes away first, the answer is False.
    """
    box = QMessageBox(parent.window())
    box.setWindowModality(Qt.WindowModality.WindowModal)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(title)
    box.setText(title)
    box.setInformativeText(text)
    box.setAccessibleName(title)
    box.setAccessibleDescription(text)
    accept = DangerButton(accept_label, box, filled=True) if destructive else PrimaryButton(accept_label, box)
    cancel = QuietButton(tr("Cancel"), box)
    box.addButton(accept, QMessageBox.ButtonRole.AcceptRole)
    box.addButton(cancel, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(cancel if destructive else accept)
    box.setEscapeButton(cancel)
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def settle(accepted: bool) -> None:
        if not answer.done():
            answer.set_result(accepted)

    box.finished.connect(lambda _code: settle(box.clickedButton() is accept))
    box.destroyed.connect(lambda _gone=None: settle(False))
    answer.add_done_callback(lambda done: box.close() if done.cancelled() else None)
    _line_up(box)
    box.open()
    return answer


def choose(
    parent: QWidget,
    title: str,
    text: str,
    choices: list[tuple[str, str]],
    closed: Sequence[tuple[str, str]] = (),
    *,
    tick: str = "",
) -> asyncio.Future[tuple[str, bool]]:
    """Ask with several ways on: `choices` are (key, words), the first one the default; `closed` are (words, reason).

    The answer is (key, whether the box `tick` was ticked); the key is "" for Cancel, Esc and close.
    """
    box = QMessageBox(parent.window())
    box.setWindowModality(Qt.WindowModality.WindowModal)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(title)
    box.setText(title)
    whole = "\n\n".join([text, *(f"{words}: {reason}" for words, reason in closed)])
    box.setInformativeText(whole)
    box.setAccessibleName(title)
    box.setAccessibleDescription(whole)
    keys = {}
    for place, (key, words) in enumerate(choices):
        button = PrimaryButton(words, box) if place == 0 else QuietButton(words, box)
        role = QMessageBox.ButtonRole.AcceptRole if place == 0 else QMessageBox.ButtonRole.DestructiveRole
        box.addButton(button, role)
        keys[button] = key
        if place == 0:
            box.setDefaultButton(button)
    for words, reason in closed:
        button = QuietButton(words, box)
        button.setEnabled(False)
        button.setToolTip(reason)
        box.addButton(button, QMessageBox.ButtonRole.DestructiveRole)
    cancel = QuietButton(tr("Cancel"), box)
    box.addButton(cancel, QMessageBox.ButtonRole.RejectRole)
    box.setEscapeButton(cancel)
    if tick:
        box.setCheckBox(QCheckBox(tick, box))
    answer: asyncio.Future[tuple[str, bool]] = asyncio.get_running_loop().create_future()

    def settle(key: str, ticked: bool) -> None:
        if not answer.done():
            answer.set_result((key, ticked))

    def finished(_code: int) -> None:
        ticked = box.checkBox() is not None and box.checkBox().isChecked()
        settle(next((key for button, key in keys.items() if button is box.clickedButton()), ""), ticked)

    box.finished.connect(finished)
    box.destroyed.connect(lambda _gone=None: settle("", False))
    answer.add_done_callback(lambda done: box.close() if done.cancelled() else None)
    _line_up(box)
    box.open()
    return answer


def _line_up(box: QMessageBox) -> None:
    """Words and buttons between the same margins as in every other dialog; Qt leaves room for a picture."""
    grid = box.layout()
    if not isinstance(grid, QGridLayout):
        return
    px = theme().px
    grid.setContentsMargins(px(24), px(20), px(24), px(16))
    grid.setHorizontalSpacing(0)
    for row in range(grid.rowCount()):
        item = grid.itemAtPosition(row, 0)
        room = item.spacerItem() if item is not None else None
        if room is not None:
            room.changeSize(0, room.sizeHint().height())
    grid.invalidate()
