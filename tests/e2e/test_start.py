"""The window over books that can't be opened: it says why, breaks nothing, and goes on once they can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from desktop.app import Desktop
from desktop.clock import SystemClock
from desktop.core import Core
from desktop.models.session import open_database
from desktop.sync.secrets import KeyMissing
from desktop.ui.screenshots import settle
from desktop.ui.tray import NullTray
from tests.helpers.desk import options
from tests.helpers.waiting import until

pytestmark = pytest.mark.usefixtures("last_window_ends_nothing")


@asynccontextmanager
async def running(folder: Path, sandbox: Any, **more: Any) -> AsyncIterator[Desktop]:
    """The program, until the end of the block."""
    desktop = Desktop(options(folder, sandbox.services), tray=NullTray(), **more)
    task = asyncio.get_running_loop().create_task(desktop.run())
    try:
        yield desktop
    finally:
        desktop.quit()
        await asyncio.wait_for(task, 10)
        desktop.window.deleteLater()


async def try_again(desktop: Desktop) -> None:
    """Press the banner's one button, and wait for the books."""
    assert desktop.window.banner.action_button.text() == "Try again"
    desktop.window.banner.action_button.click()
    await until(lambda: desktop.tray is not None, 10)
    await settle()


def damaged(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(("spoil", "words"), [(damaged, "damaged"), (a_folder, "can't be opened")])
async def test_S4_the_window_says_why_the_books_do_not_open_and_goes_on_once_they_do(
    qloop: Any, tmp_path: Path, sandbox: Any, spoil: Callable[[Path], None], words: str
) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    books, good = folder / "blueclerk.db", tmp_path / "good.db"
    open_database(str(good), SystemClock(), backup_dir=tmp_path / "backups").close()
    spoil(books)
    before = books.read_bytes() if books.is_file() else None
    async with running(folder, sandbox) as desktop:
        await until(lambda: words in desktop.window.banner.sentence)
        assert desktop.window.isVisible()
        assert (books.read_bytes() if books.is_file() else None) == before
        books.rename(tmp_path / "spoilt")
        good.rename(books)
        await try_again(desktop)
        assert desktop.window.current_page == "invoices"


async def test_a_remedy_that_needs_open_books_is_not_offered_before_they_are(
    qloop: Any, tmp_path: Path, sandbox: Any
) -> None:
    tries: list[Core] = []

    async def locked_once(core: Core) -> None:
        tries.append(core)
        if len(tries) == 1:
            raise KeyMissing()

    async with running(tmp_path / "desk", sandbox, prepare=locked_once) as desktop:
        await until(lambda: "does not have the key" in desktop.window.banner.sentence)
        await try_again(desktop)
        assert len(tries) == 2


async def test_P4_quit_works_while_the_books_do_not_open(qloop: Any, tmp_path: Path, sandbox: Any) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    damaged(folder / "blueclerk.db")
    async with running(folder, sandbox) as desktop:
        await until(lambda: "damaged" in desktop.window.banner.sentence)
        desktop.window.menus["quit"].trigger()
        await until(lambda: not desktop.window.isVisible())
