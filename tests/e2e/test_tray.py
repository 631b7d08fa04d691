"""The icon beside the clock, in a real tray: one balloon a failure, one click to mend it, a menu that works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon, QWidget

from desktop.app import STAY, Desktop
from desktop.core import Core
from desktop.providers.records import Kind
from desktop.ui.screenshots import settle
from desktop.ui.tray import Tray
from tests.e2e.books import connect, sent_invoice
from tests.helpers import screen
from tests.helpers.control import Control
from tests.helpers.desk import options
from tests.helpers.waiting import until

NUMBER = "C-4711"
pytestmark = [pytest.mark.display, pytest.mark.slow, pytest.mark.usefixtures("last_window_ends_nothing")]


class Away:
    """The running program, its window put away into the tray, and one invoice whose number is taken at QuickBooks."""

    def __init__(self, desktop: Desktop, task: asyncio.Task[None], control: Control) -> None:
        self.desktop, self.task, self.control = desktop, task, control
        self.invoice = 0

    @property
    def core(self) -> Core:
        assert self.desktop.core is not None
        return self.desktop.core

    @property
    def tray(self) -> Tray:
        assert self.desktop.tray is not None
        return self.desktop.tray

    @property
    def icon(self) -> QSystemTrayIcon:
        return self.desktop.findChildren(QSystemTrayIcon)[0]

    async def fill(self, core: Core, services: dict[str, Any]) -> None:
        """Before the window reads them: a connection, and an invoice that can go but for its number."""
        await connect(core, services)
        self.invoice = await sent_invoice(core, number=NUMBER)
        self.number_of_a_stranger(NUMBER)

    def number_of_a_stranger(self, number: str) -> None:
        """Somebody edits an invoice over there that is none of ours."""
        self.control.edit("invoice", self.control.books()["invoices"][0]["id"], {"number": number})

    def sent(self) -> bool:
        """Whether our invoice stands over there, under its own number."""
        there = [one for one in self.control.books()["invoices"] if one["number"] == NUMBER]
        return [one["total"] for one in there] == ["130.00"]

    async def fail(self) -> None:
        """Send the invoice; it is refused."""
        await self.core.sync([(Kind.INVOICE, self.invoice)])
        await until(lambda: len(self.desktop.window.bell_panel.entries) == 1)
        await settle()


@pytest.fixture
def away(tray_host: None, qloop: Any, tmp_path: Path, sandbox: Any, control: Control) -> Callable[[], Any]:
    @asynccontextmanager
    async def start() -> AsyncIterator[Away]:
        made: list[Away] = []
        desktop = Desktop(
            options(tmp_path / "desk", sandbox.services), prepare=lambda core: made[0].fill(core, sandbox.services)
        )
        desktop.window.preferences.keep(STAY, "stay")
        running = Away(desktop, asyncio.get_running_loop().create_task(desktop.run()), control)
        made.append(running)
        try:
            await until(lambda: desktop.tray is not None, 20)
            await settle()
            desktop.window.close()
            await until(lambda: not desktop.window.isVisible())
            await until(lambda: running.icon.geometry().width() > 8)
            yield running
        finally:
            desktop.quit()
            await asyncio.wait_for(running.task, 10)
            desktop.window.deleteLater()

    return start


def balloon() -> QWidget | None:
    """The message that is shown beside the icon."""
    return next(
        (
            one
            for one in QApplication.topLevelWidgets()
            if one.metaObject().className() == "QBalloonTip" and one.isVisible()
        ),
        None,
    )


def words_of(widget: QWidget) -> str:
    return " ".join(one.text() for one in widget.findChildren(QWidget) if hasattr(one, "text"))


async def click(where: QRect | QPoint, button: int = 1) -> None:
    """Press a mouse button where a person would."""
    point = where.center() if isinstance(where, QRect) else where
    await screen.act("mousemove", point.x(), point.y(), "click", button)


def on_screen(widget: QWidget) -> QRect:
    return QRect(widget.mapToGlobal(QPoint(0, 0)), widget.size())


async def choose(running: Away, words: str) -> None:
    """Right-click the icon and press the entry of its menu that starts with `words`."""
    menu = running.icon.contextMenu()
    assert isinstance(menu, QMenu)
    await click(running.icon.geometry(), 3)
    await until(menu.isVisible)
    action = next(one for one in menu.actions() if one.text().startswith(words) and one.isVisible())
    entry = menu.actionGeometry(action)
    await click(QRect(menu.mapToGlobal(entry.topLeft()), entry.size()))
    await until(lambda: not menu.isVisible())


async def test_M105_M106_M107_a_failure_rings_one_balloon_and_a_click_on_it_sends_the_invoice(away: Any) -> None:
    async with away() as running:
        await running.fail()
        await until(lambda: balloon() is not None)
        shown = balloon()
        assert shown is not None
        assert NUMBER in words_of(shown)
        running.number_of_a_stranger("OTHER-1")
        assert not running.sent()
        await click(on_screen(shown))
        await until(running.sent, 10)
        await until(lambda: not running.desktop.window.bell_panel.entries)
        assert await running.core.bell() == []
        assert balloon() is None


async def test_M109_failing_again_within_the_hour_rings_no_second_balloon(away: Any) -> None:
    async with away() as running:
        await running.fail()
        await until(lambda: balloon() is not None)
        (before,) = await running.core.bell()
        await click(on_screen(balloon()))
        await until(lambda: balloon() is None)
        await until(lambda: not running.desktop.window.sync.is_working)
        await running.fail()
        assert balloon() is None
        (after,) = await running.core.bell()
        assert after.id == before.id and after.count > before.count
        assert not running.sent()


async def test_M107_the_menu_of_the_icon_resyncs_what_failed_and_opens_the_window(away: Any) -> None:
    async with away() as running:
        await running.fail()
        running.number_of_a_stranger("OTHER-1")
        assert running.tray.actions["resync"].text() == "Resync failed items (1)"
        await choose(running, "Resync failed items")
        await until(running.sent, 10)
        await until(lambda: not running.tray.actions["resync"].isVisible())
        await choose(running, "Open BlueClerk")
        await until(running.desktop.window.isVisible)


async def test_a_click_on_the_icon_brings_the_window_back_and_quit_in_its_menu_ends_the_program(away: Any) -> None:
    async with away() as running:
        await click(running.icon.geometry())
        await until(running.desktop.window.isVisible)
        await choose(running, "Quit")
        await asyncio.wait_for(asyncio.shield(running.task), 5)
        assert not running.icon.isVisible()
