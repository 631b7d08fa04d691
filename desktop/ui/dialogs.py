"""The only place with a message box: questions before something is lost. Never run with exec()."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from desktop.text import tr
from desktop.ui.buttons import DangerButton, PrimaryButton, QuietButton


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
    box.open()
    return answer
