"""Starting, being started twice, closing and ending."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from desktop.app import STAY, Desktop, lively_threads
from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.queries import customer_choices
from desktop.core import Core
from desktop.errors import StorageProblem
from desktop.ui.appearance_page import TEXT_KEY
from desktop.ui.opening import show_opening
from desktop.ui.preferences import LOOK_KEY, Preferences
from desktop.ui.screenshots import settle
from desktop.ui.single_instance import SingleInstance
from desktop.ui.theme import DARK, LIGHT, theme
from tests.helpers.desk import options
from tests.helpers.waiting import until
from tests.ui.screens.acting import RecordingTray, answer, question

CHILD = """
import sys
from pathlib import Path
from desktop.app import run_window
from desktop.core import Options
from desktop.sync.secrets import MemoryStore

folder = Path(sys.argv[1])

async def prepare(core):
    (folder / "ready").write_text("ready")

sys.exit(run_window(Options(str(folder / "b.db"), folder, MemoryStore(), "owner"), prepare=prepare))
"""

pytestmark = pytest.mark.usefixtures("last_window_ends_nothing")


class Running:
    """A program running as a task, with what it needs to be watched."""

    def __init__(self, desktop: Desktop) -> None:
        self.desktop = desktop
        self.task = asyncio.get_running_loop().create_task(desktop.run())

    async def ready(self) -> None:
        await until(lambda: self.desktop.tray is not None)
        await settle()

    async def end(self) -> None:
        self.desktop.quit()
        await asyncio.wait_for(self.task, 10)
        self.desktop.window.deleteLater()


async def start(tmp_path: Path, sandbox: Any, tray: RecordingTray, **more: Any) -> Running:
    return Running(Desktop(options(tmp_path / "desk", sandbox.services), tray=tray, **more))


async def test_the_window_is_there_before_the_books_are(qloop, look, tmp_path, sandbox) -> None:
    gate = asyncio.Event()

    async def slow(core: Core) -> None:
        await gate.wait()

    running = await start(tmp_path, sandbox, RecordingTray(False), prepare=slow)
    await until(lambda: running.desktop.window.isVisible())
    assert running.desktop.window.context is None
    gate.set()
    await running.ready()
    assert running.desktop.window.current_page == "invoices"
    await running.end()


async def test_without_a_tray_closing_ends_the_program(qloop, look, tmp_path, sandbox) -> None:
    running = await start(tmp_path, sandbox, RecordingTray(False))
    await running.ready()
    running.desktop.window.close()
    await asyncio.wait_for(running.task, 10)
    running.desktop.window.deleteLater()


@pytest.mark.parametrize(("words", "stays"), [("Keep running", True), ("Quit instead", False)])
async def test_with_a_tray_closing_asks_once_where_to_go(qloop, look, tmp_path, sandbox, words, stays) -> None:
    running = await start(tmp_path, sandbox, RecordingTray(True))
    await running.ready()
    window = running.desktop.window
    window.close()
    await until(lambda: question(window) is not None)
    question(window).checkBox().setChecked(True)
    await answer(window, words)
    if stays:
        await until(lambda: not window.isVisible())
        assert not running.task.done()
        assert window.preferences.text(STAY) == "stay"
        running.desktop.tray.open_asked.emit()
        assert window.isVisible()
        window.close()
        assert question(window) is None and not window.isVisible()
        await running.end()
    else:
        await asyncio.wait_for(running.task, 10)
        window.deleteLater()


async def test_books_that_cannot_be_opened_are_told_and_tried_again(qloop, look, tmp_path, sandbox) -> None:
    tries = []

    async def fails_once(core: Core) -> None:
        tries.append(core)
        if len(tries) == 1:
            raise StorageProblem("The books are locked by another program.", "Close it, then try again.")

    running = await start(tmp_path, sandbox, RecordingTray(False), prepare=fails_once)
    window = running.desktop.window
    await until(lambda: "locked" in window.banner.sentence)
    window.banner.action_button.click()
    await running.ready()
    assert len(tries) == 2
    await running.end()


async def test_S4_damaged_books_are_replaced_by_the_newest_good_copy_and_kept_beside(
    qloop, look, tmp_path, sandbox
) -> None:
    running = await start(tmp_path, sandbox, RecordingTray(False))
    await running.ready()
    core = running.desktop.core
    await core.do(create_customer, CustomerDraft("Kept Well"))
    assert await core.daily_backup() is not None
    await running.end()
    books = tmp_path / "desk" / "blueclerk.db"
    books.write_bytes(b"not a database" * 500)

    running = await start(tmp_path, sandbox, RecordingTray(False))
    banner = running.desktop.window.banner
    await until(lambda: banner.second_button.accessibleName() == "Try again")
    banner.second_button.click()
    await until(lambda: banner.isVisible() and banner.second_button.accessibleName() == "Try again")
    assert banner.action_button.accessibleName().startswith("Restore the newest good copy (")
    banner.action_button.click()
    await running.ready()
    found = await running.desktop.core.ask(customer_choices, "Kept")
    assert [one.name for one in found] == ["Kept Well"]
    (bad,) = books.parent.glob("blueclerk damaged *.db")
    assert bad.read_bytes().startswith(b"not a database")
    assert bad.name in banner.sentence and banner.status == "good"
    await running.end()


async def test_the_remembered_text_size_is_there_from_the_start(qloop, look, tmp_path, sandbox) -> None:
    plain = theme().body
    running = await start(tmp_path, sandbox, RecordingTray(False))
    await running.ready()
    running.desktop.window.preferences.keep(TEXT_KEY, "1.5")
    await running.end()
    running = await start(tmp_path, sandbox, RecordingTray(False))
    try:
        assert theme().body > plain and running.desktop.window.rail.minimumWidth() == theme().px(176)
        await running.ready()
        await running.end()
    finally:
        theme().set_text_scale(1.0)


async def test_a_start_while_the_first_is_ending_is_not_told_that_it_is_shown(qloop, look, tmp_path, sandbox) -> None:
    first = SingleInstance(tmp_path)
    assert first.win()
    running = await start(tmp_path, sandbox, RecordingTray(False))
    running.desktop.ending.connect(first.stop_listening)
    await running.ready()
    running.desktop.quit()
    second = SingleInstance(tmp_path)
    assert not await asyncio.to_thread(second.call_first)
    assert not second.win()
    await asyncio.wait_for(running.task, 10)
    waiting = asyncio.create_task(asyncio.to_thread(second._lock.tryLock, 10_000))
    first.release()
    assert await waiting
    running.desktop.window.deleteLater()


async def test_place_and_page_come_back(qloop, look, tmp_path, sandbox) -> None:
    running = await start(tmp_path, sandbox, RecordingTray(False))
    await running.ready()
    window = running.desktop.window
    window._show_page("items")
    window.resize(1000, 700)
    await running.end()
    again = await start(tmp_path, sandbox, RecordingTray(False))
    await again.ready()
    assert again.desktop.window.current_page == "items"
    assert again.desktop.window.size().width() <= 1000
    await again.end()


def _run(folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], env=environment, stderr=subprocess.PIPE)


def _wait_for(path: Path, child: subprocess.Popen[bytes], seconds: float = 30.0) -> None:
    ends = time.monotonic() + seconds
    while not path.exists():
        assert child.poll() is None, child.stderr.read() if child.stderr else ""
        assert time.monotonic() < ends
        try:
            child.wait(0.05)
        except subprocess.TimeoutExpired:
            continue


def test_a_second_start_shows_the_first_and_ends_and_a_crash_leaves_no_lock(tmp_path: Path) -> None:
    first = _run(tmp_path)
    try:
        _wait_for(tmp_path / "ready", first)
        second = _run(tmp_path)
        assert second.wait(30) == 0
        assert first.poll() is None
        first.kill()
        first.wait()
        (tmp_path / "ready").unlink()
        third = _run(tmp_path)
        try:
            _wait_for(tmp_path / "ready", third)
        finally:
            third.kill()
            third.wait()
            third.stderr.close()
        second.stderr.close()
    finally:
        if first.poll() is None:
            first.kill()
            first.wait()
        first.stderr.close()


@pytest.mark.parametrize(("chosen", "panel"), [("dark", DARK.panel), ("light", LIGHT.panel)])
async def test_something_is_seen_in_the_chosen_look_until_the_window_is_there(
    qloop, look, tmp_path, sandbox, chosen, panel
) -> None:
    """Loading takes several times as long as a bare window; no look for garbage delays it meanwhile."""
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    Preferences(tmp_path).keep(LOOK_KEY, chosen)
    opening = show_opening(tmp_path)
    try:
        assert opening.isVisible() and not gc.isenabled()
        assert opening.grab().toImage().pixelColor(opening.width() // 2, 8).name() == panel.lower()
        running = await start(tmp_path, sandbox, RecordingTray(False), opening=opening)
        await until(lambda: running.desktop.window.isVisible())
        assert not opening.isVisible()
        await running.ready()
        lively_threads()
        assert gc.isenabled()
        await running.end()
    finally:
        gc.set_threshold(*thresholds)
        gc.enable()
        gc.unfreeze()
        sys.setswitchinterval(interval)
        opening.deleteLater()
