"""Coroutines started by widgets: busy always ends, nothing fails unseen, nothing outlives its window."""

from __future__ import annotations

import asyncio

import pytest
import shiboken6
from PySide6.QtWidgets import QDialogButtonBox, QLabel, QMessageBox, QWidget

from desktop.ui import operations
from desktop.ui.dialogs import ask
from tests.helpers.waiting import until


@pytest.fixture
def unhandled():
    seen: list[tuple[object, Exception]] = []
    operations.set_unhandled(lambda owner, error: seen.append((owner, error)))
    yield seen
    operations.set_unhandled(None)


async def give(value: object) -> object:
    await asyncio.sleep(0)
    return value


async def fail() -> None:
    await asyncio.sleep(0)
    raise ValueError("broken")


async def test_success_and_busy(qloop, qtbot, unhandled) -> None:
    owner, got, busy = QWidget(), [], []
    qtbot.addWidget(owner)
    task = operations.run(owner, give(7), success=got.append, busy=busy.append)
    assert busy == [True]
    await task
    await until(lambda: busy == [True, False])
    assert got == [7] and not unhandled


async def test_a_failure_goes_to_its_taker_or_to_the_window(qloop, qtbot, unhandled) -> None:
    owner, taken, busy = QWidget(), [], []
    qtbot.addWidget(owner)
    await operations.run(owner, fail(), failure=taken.append, busy=busy.append)
    await until(lambda: busy == [True, False])
    assert [str(error) for error in taken] == ["broken"] and not unhandled
    await operations.run(owner, fail(), busy=busy.append)
    await until(lambda: busy == [True, False, True, False])
    assert unhandled[0][0] is owner and str(unhandled[0][1]) == "broken"


async def test_a_fault_in_a_callback_is_seen_too(qloop, qtbot, unhandled) -> None:
    owner = QWidget()
    qtbot.addWidget(owner)
    await operations.run(owner, give(1), success=lambda _: 1 / 0)
    assert isinstance(unhandled[0][1], ZeroDivisionError)


async def test_cancelling_clears_busy_and_calls_nobody(qloop, qtbot, unhandled) -> None:
    owner, busy, calls = QWidget(), [], []
    qtbot.addWidget(owner)
    for started in (False, True):
        busy.clear()
        waiting = asyncio.Event()
        task = operations.run(owner, waiting.wait(), success=calls.append, failure=calls.append, busy=busy.append)
        if started:
            await asyncio.sleep(0)
        task.cancel()
        await until(lambda: busy == [True, False])
    assert not calls and not unhandled and not operations.pending()


async def test_work_ends_with_its_window(qloop, unhandled) -> None:
    owner, busy, calls = QWidget(), [], []
    task = operations.run(owner, asyncio.Event().wait(), success=calls.append, busy=busy.append)
    await asyncio.sleep(0)
    shiboken6.delete(owner)
    await until(task.done)
    await until(lambda: not operations.pending())
    assert task.cancelled() and busy == [True] and not calls


@pytest.mark.parametrize(("accepted", "destructive"), [(True, False), (False, False), (True, True), (False, True)])
async def test_a_question_is_answered_without_stopping_the_loop(qloop, qtbot, look, accepted, destructive) -> None:
    owner = QWidget()
    qtbot.addWidget(owner)
    owner.show()
    answer = ask(owner, "Delete <b>it</b>?", "It is not in QuickBooks yet.", "Delete", destructive)
    await asyncio.sleep(0)  # other work goes on meanwhile
    box = owner.findChildren(QMessageBox)[0]
    assert box.defaultButton().text() == ("Cancel" if destructive else "Delete")
    buttons = {button.text(): button for button in box.buttons()}
    words, below = box.findChild(QLabel, "qt_msgbox_label"), box.findChild(QDialogButtonBox)
    assert (words.x(), words.geometry().right()) == (below.x(), below.geometry().right()), "words and buttons line up"
    buttons["Delete" if accepted else "Cancel"].click()
    assert await answer is accepted


async def test_a_question_whose_window_goes_away_is_a_no(qloop, qtbot, look) -> None:
    owner = QWidget()
    owner.show()
    answer = ask(owner, "Delete?", "", "Delete")
    await asyncio.sleep(0)
    shiboken6.delete(owner)
    assert await answer is False
