"""S4, S6: the owner goes back to an earlier copy of the books inside the program, and forth again."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desktop.app import Desktop
from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.queries import customer_choices
from desktop.ui.routes import settings
from desktop.ui.screenshots import settle
from tests.helpers.desk import options
from tests.helpers.programs import run
from tests.helpers.waiting import until
from tests.ui.screens.acting import RecordingTray, answer

pytestmark = pytest.mark.usefixtures("last_window_ends_nothing")


async def _opened(desktop: Desktop) -> None:
    await until(lambda: desktop.tray is not None, 20)
    await settle()


async def test_S4_S6_going_back_to_a_copy_keeps_the_books_before_it(qloop: Any, tmp_path: Path, sandbox: Any) -> None:
    desk = options(tmp_path / "desk", sandbox.services)
    first = Desktop(desk, tray=RecordingTray(False))
    running = asyncio.get_running_loop().create_task(first.run())
    await _opened(first)
    assert first.core is not None
    await first.core.do(create_customer, CustomerDraft("Kept Well"))
    first.window.go(settings("backups"))
    await settle()
    page = first.window.pages["settings"].inner.backups
    await until(lambda: page.isVisible())
    assert not page.buttons
    page.now_button.click()
    await until(lambda: len(page.buttons) == 1)
    await first.core.do(create_customer, CustomerDraft("Entered Later"))
    page.buttons[0].click()
    assert "kept as a file" in await answer(first.window, "Cancel")
    assert not running.done()
    page.buttons[0].click()
    asked = await answer(first.window, "Restore")
    assert "Go back to the books of" in asked
    await asyncio.wait_for(running, 20)
    first.window.deleteLater()

    second = Desktop(desk, tray=RecordingTray(False), told=first.told)
    running = asyncio.get_running_loop().create_task(second.run())
    await _opened(second)
    assert second.core is not None
    assert "Your books are those of" in second.window.banner.sentence
    assert [one.name for one in await second.core.ask(customer_choices, "")] == ["Kept Well"]
    (kept,) = (tmp_path / "desk").glob("blueclerk replaced *.db")
    assert kept.name in second.window.banner.sentence
    second.quit()
    await asyncio.wait_for(running, 20)
    second.window.deleteLater()
    with closing(sqlite3.connect(kept)) as books:
        assert books.execute("SELECT count(*) FROM customer").fetchone() == (2,), "nothing is thrown away"


CHILD = """
import asyncio, sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from desktop.app import run_window
from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.queries import customer_choices
from desktop.core import Options
from desktop.sync.secrets import MemoryStore
from desktop.ui.main_window import MainWindow

folder = Path(sys.argv[1])
opened = []

async def prepare(core):
    opened.append(core)
    window = next(one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow) and one.isVisible())
    if len(opened) == 1:
        await core.do(create_customer, CustomerDraft("Kept Well"))
        await core.backup_now()
        await core.do(create_customer, CustomerDraft("Entered Later"))
        (copy,) = await core.backups()
        window.attached.connect(lambda: window.restore_asked.emit(copy))
    else:
        names = [one.name for one in await core.ask(customer_choices, "")]
        window.attached.connect(lambda: (folder / "said").write_text("|".join([*names, window.banner.sentence])))
        window.attached.connect(window.quit_asked.emit)

sys.exit(run_window(Options(str(folder / "b.db"), folder, MemoryStore(), "owner"), prepare=prepare))
"""


def test_S6_the_program_opens_the_copy_by_itself_and_is_still_the_only_one(tmp_path: Path) -> None:
    result = run([sys.executable, "-c", CHILD, tmp_path], seconds=90)
    assert result.returncode == 0, result.stderr
    name, sentence = (tmp_path / "said").read_text("utf-8").split("|")
    assert name == "Kept Well" and "Your books are those of" in sentence
