"""The program itself on a screen: started, started twice, quit, killed and started again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from desktop.ui.theme import DARK, LIGHT
from tests.helpers import screen
from tests.helpers.pictures import faults_of
from tests.helpers.programs import BLUECLERK, Program, children, environment, lives, run, started, wait_for
from tests.helpers.screen import Place

pytestmark = [pytest.mark.display, pytest.mark.slow]

ON_SCREEN = {"QT_QPA_PLATFORM": None, "LANG": "en_US.UTF-8"}
SECOND_SECONDS = 2.0
QUIT_SECONDS = 5.0


@contextmanager
def demo(folder: Path, name: str = "words") -> Iterator[tuple[Program, int]]:
    """The demo with its window, its books open; the number of the window."""
    command = [*BLUECLERK, "--demo", "--data-dir", folder / "data"]
    with started(command, folder / name, env=environment(**ON_SCREEN)) as program:
        program.until(lambda: screen.windows(program.pid), 30)
        (window,) = program.until(lambda: screen.windows(program.pid, "Invoices"), 30)
        yield program, window


def press(window: int, keys: str) -> None:
    """Press keys as a person does: in front of the window that has the keyboard."""
    screen.tool("windowactivate", "--sync", window)
    wait_for(lambda: screen.is_active(window))
    screen.tool("key", "--clearmodifiers", keys)


def ended(program: Program, kin: list[int], seconds: float) -> None:
    """Program and its own processes are gone within `seconds`."""
    wait_for(lambda: not [pid for pid in kin if lives(pid)], seconds)
    assert children(program.pid) == []


def test_the_demo_shows_its_window_and_what_is_in_the_books(tmp_path: Path, qapp: Any) -> None:
    with demo(tmp_path) as (program, window):
        where = screen.place(window)
        assert where.width >= 820 and where.height >= 520
        screen.tool("windowactivate", "--sync", window)
        wait_for(lambda: not faults_of(screen.picture(where)), 10)
        assert len(children(program.pid)) == 1, "the practice company is a process of its own"


def test_a_sign_is_seen_while_the_program_is_loaded(tmp_path: Path, qapp: Any) -> None:
    command = [*BLUECLERK, "--demo", "--data-dir", tmp_path / "data"]
    with started(command, tmp_path / "words", env=environment(**ON_SCREEN)) as program:
        (sign,) = program.until(lambda: screen.windows(program.pid), 30)
        where = screen.place(sign)
        assert where.width < 820, "the window itself came first"
        panels = {LIGHT.panel.lower(), DARK.panel.lower()}
        wait_for(lambda: screen.picture(where).pixelColor(where.width // 2, 8).name() in panels, 2)
        program.until(lambda: screen.windows(program.pid, "Invoices"), 30)
        assert sign not in screen.windows(program.pid)


def test_P5_a_second_start_raises_the_first_and_ends(tmp_path: Path) -> None:
    with demo(tmp_path) as (first, window):
        screen.tool("windowminimize", "--sync", window)
        wait_for(lambda: not screen.windows(first.pid))
        (company,) = children(first.pid)
        began = time.monotonic()
        again = run([*BLUECLERK, "--demo", "--data-dir", tmp_path / "data"], env=environment(**ON_SCREEN))
        took = time.monotonic() - began
        assert (again.returncode, again.stderr) == (0, "")
        assert took < SECOND_SECONDS
        wait_for(lambda: screen.windows(first.pid) and screen.is_active(window), 5)
        assert first.process.poll() is None
        assert children(first.pid) == [company]


def test_P5_a_second_start_while_the_first_still_starts_waits_for_its_window(tmp_path: Path) -> None:
    command = [*BLUECLERK, "--demo", "--data-dir", tmp_path / "data"]
    with started(command, tmp_path / "words", env=environment(**ON_SCREEN)) as first:
        first.until((tmp_path / "data" / "window.lock").exists)
        again = run(command, env=environment(**ON_SCREEN))
        assert (again.returncode, again.stderr) == (0, "")
        assert screen.windows(first.pid)


def test_P4_ctrl_q_ends_the_program_and_the_practice_company(tmp_path: Path) -> None:
    with demo(tmp_path) as (program, window):
        kin = children(program.pid)
        assert kin
        press(window, "ctrl+q")
        assert program.wait(QUIT_SECONDS) == 0
        ended(program, kin, 1)
        assert "Traceback" not in program.words()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl+C", "shutting down"])
def test_P4_a_signal_ends_the_program_as_quit_does(tmp_path: Path, number: signal.Signals) -> None:
    with demo(tmp_path) as (program, _):
        kin = children(program.pid)
        os.kill(program.pid, number)
        assert program.wait(QUIT_SECONDS) == 0
        ended(program, kin, 1)
        assert not (tmp_path / "data" / "practice.db-wal").exists(), "the books were closed"
        assert not (tmp_path / "data" / "window.lock").exists()
        assert "Traceback" not in program.words()


def test_P1_after_a_kill_the_practice_company_ends_by_itself_and_the_next_start_works(tmp_path: Path) -> None:
    with demo(tmp_path) as (first, _):
        kin = children(first.pid)
        os.kill(first.pid, signal.SIGKILL)
        first.process.wait()
        with demo(tmp_path, "again") as (second, window):  # at once: what the first left may still be ending
            ended(first, kin, 5)
            assert len(children(second.pid)) == 1
            press(window, "ctrl+q")
            assert second.wait(QUIT_SECONDS) == 0


def test_size_and_place_come_back(tmp_path: Path) -> None:
    with demo(tmp_path) as (program, window):
        screen.tool("windowsize", "--sync", window, 960, 640)
        screen.tool("windowmove", "--sync", window, 120, 90)
        wait_for(lambda: screen.place(window).width == 960 and abs(screen.place(window).x - 120) < 40)
        left: Place = screen.place(window)
        press(window, "ctrl+q")
        assert program.wait(QUIT_SECONDS) == 0
    with demo(tmp_path, "again") as (program, window):
        wait_for(lambda: screen.place(window).near(left, 3), 5)


def test_closing_asks_where_the_program_goes_and_escape_changes_nothing(tmp_path: Path, tray_host: None) -> None:
    with demo(tmp_path) as (program, window):
        press(window, "ctrl+w")
        wait_for(lambda: len(screen.windows(program.pid, ".")) > 1, 5)
        (question,) = [one for one in screen.windows(program.pid, ".") if one != window]
        press(question, "Escape")
        wait_for(lambda: screen.windows(program.pid, ".") == [window], 5)
        assert program.process.poll() is None
        press(window, "ctrl+q")
        assert program.wait(QUIT_SECONDS) == 0
