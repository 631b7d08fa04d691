"""What a person does with a window: answer a question, press a button, wait until it is still."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from desktop.core import Core
from desktop.providers.records import Kind
from desktop.ui.plan_dialog import PlanDialog
from desktop.ui.screenshots import settle
from tests.helpers.waiting import until
from tests.ui.screens.conftest import Books


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


class RecordingTray:
    """A tray that writes down what it was told to show, and can be clicked."""

    def __init__(self, available: bool = True) -> None:
        self.available = available
        self.messages: list[tuple[str, str]] = []
        self.clicked: Any = None

    def is_available(self) -> bool:
        return self.available

    def show_message(self, title: str, text: str) -> None:
        self.messages.append((title, text))

    def set_state(self, picture: str, tip: str) -> None:
        self.tip = tip

    def set_actions(self, actions: Any) -> None:
        self.menu = actions

    def on_message_clicked(self, act: Any) -> None:
        self.clicked = act

    def on_activated(self, act: Any) -> None:
        self.activated = act

    def hide(self) -> None:
        self.available = False


def numbered(control: Any, number: str) -> list[dict[str, Any]]:
    return [one for one in control.books()["invoices"] if one["number"] == number]


async def synced(core: Core, number: str, price: str = "100") -> tuple[int, int, int]:
    """A synced invoice: (customer, item, invoice)."""
    books = Books(core)
    customer, item = await books.customer("Nora Fielding"), await books.item("Boiler check")
    invoice = await books.invoice(customer, item, price, number=number)
    assert (await core.sync([(Kind.INVOICE, invoice)])).clean
    return customer, item, invoice
