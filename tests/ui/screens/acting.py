"""What a person does with a window: answer a question, press a button, wait until it is still."""

from __future__ import annotations

from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from desktop.ui.plan_dialog import PlanDialog
from desktop.ui.screenshots import settle
from tests.helpers.waiting import until


def question(window: QWidget) -> QMessageBox | None:
    """The question that is asked over the window."""
    return next((box for box in window.findChildren(QMessageBox) if box.isVisible()), None)


async def answer(window: QWidget, words: str) -> str:
    """Press the button with these words in the question over the window; the answer is what was asked."""
    await until(lambda: question(window) is not None)
    box = question(window)
    assert box is not None
    asked = f"{box.text()}\n{box.informativeText()}"
    button(box, words).click()
    await until(lambda: question(window) is not box)
    return asked


async def plan_of(window: QWidget) -> PlanDialog:
    """The confirm that shows the plan, once it is there (C14, N11)."""

    def shown() -> list[PlanDialog]:
        return [one for one in window.findChildren(PlanDialog) if one.isVisible()]

    await until(lambda: bool(shown()), 20)
    return shown()[0]


def button(parent: QWidget, words: str) -> QPushButton:
    """The button with this accessible name."""
    found = [one for one in parent.findChildren(QPushButton) if one.accessibleName() == words]
    assert found, f"no button {words!r} among {[one.accessibleName() for one in parent.findChildren(QPushButton)]}"
    return next((one for one in found if one.isVisible()), found[0])


async def still() -> None:
    """Wait until nothing is being read or sent for the window."""
    await settle()
