"""The start of the window: one per books, drawn before they are open, ended in order."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from PySide6.QtCore import QLocale, QObject, QProcess, Signal, qInstallMessageHandler
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

os.environ.setdefault("QT_API", "pyside6")  # qasync picks its binding when it is imported
import qasync

from desktop.core import BACKUPS, QUIT_SECONDS, Core, Options
from desktop.errors import BlueClerkError
from desktop.models.backup import Backup, newest_good, restore_backup
from desktop.models.session import sqlite_path
from desktop.models.trouble import DatabaseDamaged
from desktop.text import tr
from desktop.ui import clipboard, dialogs, formats, operations, wizard_door
from desktop.ui.end_signals import EndSignals
from desktop.ui.main_window import MainWindow
from desktop.ui.opening import Opening
from desktop.ui.single_instance import SingleInstance, first_start
from desktop.ui.theme import theme
from desktop.ui.tray import NullTray, QtTray, Tray, TrayIcon
from desktop.wizard.wizard import open_wizard

_log = logging.getLogger(__name__)

STAY = "window.stay_in_tray"
"""Preference: "stay" or "quit" when the window is closed; "" asks."""
CLOSE_SECONDS = 8.0

Prepare = Callable[[Core], Awaitable[None]]
"""Called once the books are open, before the window reads them (the demo fills them there)."""
Shoot = Callable[[str], Awaitable[Path | None]]
"""Leaves a picture of the screen that a name stands for."""


class Desktop(QObject):
    """The running program with its window: opens the books, decides what closing means, ends in order."""

    ending = Signal()
    """Quit begins: from here on nobody may be told that the window is shown."""

    def __init__(
        self,
        options: Options,
        *,
        tray: TrayIcon | None = None,
        prepare: Prepare | None = None,
        told: str = "",
        welcome: str = "",
        opening: Opening | None = None,
    ) -> None:
        """`told` is a sentence for the banner once the books are open, `welcome` one until something is connected.

        `opening` is what was seen until now; it goes when the window is shown.
        """
        super().__init__()
        self.options = options
        self.core: Core | None = None
        self.tray: Tray | None = None
        self._backend = tray
        self._prepare = prepare
        self._quit = asyncio.Event()
        self._retry = asyncio.Event()
        self._asking = False
        self._restored = told
        self._welcome = welcome
        self._opening = opening
        self.going_back: Backup | None = None
        """The copy of the books to go on with; `run` then ends with it in place, to be begun anew (`told`)."""
        self.window = MainWindow(options.data_dir)
        self.window.quit_asked.connect(self.quit)
        self.window.sandbox_asked.connect(start_practice)
        self.window.restore_asked.connect(self._go_back)
        self.window.close_decided = self._may_close

    async def run(self) -> None:
        """Show the window, open the books behind it, and stay until the owner quits."""
        self.window.show()
        if self._opening is not None:
            self._opening.close()
        try:
            if await self._open():
                await self._quit.wait()
        finally:
            await self.close()
        if self.going_back is not None:
            await self._put_back(self.going_back)

    @property
    def told(self) -> str:
        """What the next one has to say, when the books were put back."""
        return self._restored

    def _go_back(self, backup: Backup) -> None:
        """Close the books and have `run` put this copy in their place."""
        self.going_back = backup
        self._quit.set()

    async def _put_back(self, backup: Backup) -> None:
        path = sqlite_path(self.options.database)
        if path is None:
            return
        now = self.options.clock.now()
        try:
            kept = await asyncio.to_thread(partial(restore_backup, path, backup, now, word="replaced"))
        except BlueClerkError as error:  # the books are as they were, and are opened again
            self._restored = error.sentence
            return
        when, name = formats.when(backup.taken_at, now.astimezone()), kept.name if kept is not None else ""
        self._restored = tr("Your books are those of {when}. The ones before are kept as {name}.", when=when, name=name)

    def quit(self) -> None:
        """End the program; from any state, in any number of calls."""
        self.ending.emit()
        self._quit.set()
        self._retry.set()

    async def close(self) -> None:
        """Stop reading, hide, and close the books; the call in flight gets its five seconds, once."""
        ends = asyncio.get_running_loop().time() + QUIT_SECONDS
        self.window.detach()
        self.window.hide()
        if self.tray is not None:
            self.tray.backend.hide()
        await self._finish_sync(ends)
        await operations.end_all()
        if self.core is not None:
            core, self.core = self.core, None
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await core.close(max(0.0, ends - asyncio.get_running_loop().time()))
            except TimeoutError:
                _log.warning("the books took too long to close; what was under way is found out at the next start")

    async def _finish_sync(self, ends: float) -> None:
        """A sync that the owner started gets its seconds; what is still out then is found out at the next start."""
        while self.window.context is not None and self.window.sync.is_working:
            if asyncio.get_running_loop().time() > ends:
                return
            await asyncio.sleep(0.05)

    async def _open(self) -> bool:
        """Open the books, again and again until it works or the owner gives up."""
        while not self._quit.is_set():
            try:
                core = await Core.open(self.options)
                self.core = core
                if self._prepare is not None:
                    await self._prepare(core)
            except Exception as error:  # whatever it is, the owner must read it in the window that is there
                ours = not isinstance(error, BlueClerkError)
                _log.warning("the books could not be opened: %s", error, exc_info=error if ours else None)
                self._retry.clear()
                self.window.show_start_problem(error, self._retry.set, await self._mend(error))
                await self._retry.wait()
                if self.core is not None:
                    await self.core.close()
                    self.core = None
                continue
            self._attach(core)
            return True
        return False

    async def _mend(self, error: Exception) -> tuple[str, Callable[[], object]] | None:
        """For a damaged file: to put the newest good copy in its place, if there is one (S4)."""
        path = sqlite_path(self.options.database)
        if not isinstance(error, DatabaseDamaged) or path is None:
            return None
        backup = await asyncio.to_thread(newest_good, self.options.data_dir / BACKUPS)
        if backup is None:
            return None
        now = self.options.clock.now().astimezone()
        words = tr("Restore the newest good copy ({when})", when=formats.when(backup.taken_at, now))

        def mend() -> None:
            operations.run(
                self, self._restore(path, backup), success=lambda _: self._retry.set(), failure=self._on_not_restored
            )

        return words, mend

    async def _restore(self, path: Path, backup: Backup) -> None:
        if self.core is not None:  # it was opened, and the damage found later
            await self.core.close()
            self.core = None
        now = self.options.clock.now()
        kept = await asyncio.to_thread(restore_backup, path, backup, now)
        when = formats.when(backup.taken_at, now.astimezone())
        self._restored = (
            tr("Your books are those of {when}. The damaged file is kept as {name}.", when=when, name=kept.name)
            if kept is not None
            else tr("Your books are those of {when}.", when=when)
        )

    def _on_not_restored(self, error: Exception) -> None:
        self.window.show_start_problem(error, self._retry.set)

    def _attach(self, core: Core) -> None:
        core.start()
        self.window.attach(core)
        if self._restored:
            self.window.banner.show_message(self._restored, status="good")
            self._restored = ""
        elif self._welcome:
            self.window.show_welcome(self._welcome)
        self.tray = Tray(self._backend or QtTray(self), core.clock.now, self)
        tray, window = self.tray, self.window
        tray.open_asked.connect(window.bring_to_front)
        tray.quit_asked.connect(self.quit)
        tray.sync_asked.connect(lambda: window.sync.sync_now())
        tray.resync_asked.connect(lambda records: window.sync.resync(records))
        window.bell_panel.alerted.connect(self._on_alert)
        window.bell_panel.shown.connect(tray.set_entries)
        window.status_shown.connect(tray.set_status)

    def _on_alert(self, entry: Any) -> None:
        """Tell outside the window only while it is away (desktop conventions); the bell has it in any case."""
        if self.tray is not None and not (self.window.isVisible() and self.window.isActiveWindow()):
            self.tray.alert(entry)

    # -- closing ------------------------------------------------------------------------------

    def _may_close(self) -> bool:
        """Whether closing the window is done now. With a tray it hides; without one it ends the program."""
        if self.tray is None or not self.tray.is_available():
            self.quit()
            return True
        wish = self.window.preferences.text(STAY)
        if wish == "stay":
            self.window.hide()
            return False
        if wish == "quit":
            self.quit()
            return True
        if not self._asking:
            operations.run(self, self._ask_where())
        return False

    async def _ask_where(self) -> None:
        self._asking = True
        try:
            key, never = await dialogs.choose(
                self.window,
                tr("Keep BlueClerk running?"),
                tr("Its icon beside the clock brings the window back. Syncing goes on meanwhile."),
                [("stay", tr("Keep running")), ("quit", tr("Quit instead"))],
                tick=tr("Don't ask again"),
            )
        finally:
            self._asking = False
        if key and never:
            self.window.preferences.keep(STAY, key)
        if key == "stay":
            self.window.hide()
        elif key == "quit":
            self.quit()


def run_window(
    options: Options,
    *,
    prepare: Prepare | None = None,
    instance: SingleInstance | None = None,
    welcome: str = "",
    opening: Opening | None = None,
) -> int:
    """Run the program with its window; the answer is the exit code. `welcome` and `opening`: see `Desktop`.

    A second start for the same data folder shows the first one's window and returns 0 at once; a caller that
    had to know that earlier hands over the `instance` it got.
    """
    app = make_application()
    if instance is None:
        found = first_start(options.data_dir)
        if isinstance(found, int):
            return found
        instance = found
    lively_threads()
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    try:
        with loop:
            loop.run_until_complete(_main(options, instance, prepare, welcome, opening))
    finally:
        instance.release()
        asyncio.set_event_loop(None)
    return 0


def start_practice() -> None:
    """Start the same program on throw-away books beside an imitated service, in a window of its own."""
    frozen = getattr(sys, "frozen", False)
    arguments = ["--demo"] if frozen else ["-m", "desktop.cli", "--demo"]
    QProcess.startDetached(sys.executable, arguments)


def lively_threads() -> None:
    """Have Python keep no thread waiting for long, so that the window answers while thousands of records come in.

    A full look for garbage cycles with an import's objects in memory stops every thread for 150 ms, one among
    100,000 new objects for 70 ms: the looks are small, the full ones seldom, and none goes over what was there
    from the start; reference counts free nearly everything without them. A thread that judges records hands over
    after 1 ms in place of Python's 5: the window's thread asks for its turn several times while it paints.
    """
    gc.freeze()
    gc.set_threshold(10_000, 5, 1000)
    gc.enable()
    sys.setswitchinterval(0.001)


def make_application() -> QApplication:
    """The QApplication in our look, quitting only when we say so."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("BlueClerk")
    app.setApplicationDisplayName("BlueClerk")
    app.setDesktopFileName("blueclerk")
    app.setQuitOnLastWindowClosed(False)
    QLocale.setDefault(formats.people_locale())
    theme().apply()
    wizard_door.install(open_wizard)
    return app


async def _main(
    options: Options, instance: SingleInstance, prepare: Prepare | None, welcome: str, opening: Opening | None
) -> None:
    told = ""
    while True:  # once more for each copy of the books that the owner goes back to
        desktop = Desktop(options, prepare=prepare, told=told, welcome=welcome, opening=opening)
        await _run_one(desktop, options, instance)
        if desktop.going_back is None:
            return
        told, opening = desktop.told, None
        desktop.window.deleteLater()


async def _run_one(desktop: Desktop, options: Options, instance: SingleInstance) -> None:
    instance.show_asked.connect(desktop.window.bring_to_front)
    desktop.ending.connect(instance.stop_listening)
    application = QGuiApplication.instance()
    if isinstance(application, QGuiApplication):
        application.commitDataRequest.connect(lambda _manager: desktop.quit())
    watch_failures(desktop.window, options.data_dir)
    signals = EndSignals(desktop.quit)
    try:
        await desktop.run()
    finally:
        signals.undo()
        instance.show_asked.disconnect(desktop.window.bring_to_front)
        operations.set_unhandled(None)
        clipboard.let_go()
        await cancel_rest()


def watch_failures(window: MainWindow, folder: Path | None = None) -> None:
    """No failure is lost: each is logged, and shown in the window's banner."""

    def show(_owner: QObject | None, error: Exception) -> None:
        _log.error("an operation failed", exc_info=error)
        window.show_problem(error)

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        _log.critical("an exception was not caught", exc_info=(kind, error, trace))
        if isinstance(error, Exception):
            window.show_problem(error)

    def in_loop(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        _log.error("%s", context.get("message"), exc_info=error)
        if isinstance(error, Exception):
            window.show_problem(error)

    def in_thread(details: threading.ExceptHookArgs) -> None:
        _log.critical("a thread failed", exc_info=details.exc_value)

    operations.set_unhandled(show)
    sys.excepthook = hook
    threading.excepthook = in_thread
    asyncio.get_running_loop().set_exception_handler(in_loop)
    if folder is not None and not faulthandler.is_enabled():
        faulthandler.enable((folder / "crash.log").open("a", encoding="utf-8"))


async def cancel_rest() -> None:
    """End what still runs, so that nothing outlives the loop."""
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def run_offscreen(walk: Callable[[Callable[[Core], Awaitable[Shoot]]], Awaitable[bool]], pictures: Path) -> bool:
    """Run `walk` on a Qt loop without a display; it gets a function that draws screens into `pictures`."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    qInstallMessageHandler(_tell_without_a_screen)
    app = make_application()
    theme().set_calm(True)
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    try:
        with loop:
            return loop.run_until_complete(_offscreen(walk, pictures))
    finally:
        qInstallMessageHandler(None)
        asyncio.set_event_loop(None)


def _tell_without_a_screen(_kind: object, _where: object, message: str) -> None:
    """Qt's words, but for what it says at each window: that a display which is none can't place it."""
    if not message.startswith("This plugin does not support "):
        print(message, file=sys.stderr)


async def _offscreen(walk: Callable[[Callable[[Core], Awaitable[Shoot]]], Awaitable[bool]], pictures: Path) -> bool:
    from desktop.ui.screenshots import Photographer

    window = MainWindow()
    watch_failures(window)

    async def shoot_for(core: Core) -> Shoot:
        window.attach(core)
        window.show()
        photographer = Photographer(window, pictures)
        await photographer.settle()

        async def shoot(name: str) -> Path | None:
            if name == "wizard":  # all its pages, on the lists that were just read
                from desktop.wizard.shots import shoot_all

                return (await shoot_all(core, pictures, prefix="settings-"))[-1]
            return await photographer.shoot(name)

        return shoot

    try:
        return await walk(shoot_for)
    finally:
        window.detach()
        window.hide()
        operations.set_unhandled(None)
        await cancel_rest()


__all__ = [
    "Desktop",
    "NullTray",
    "SingleInstance",
    "first_start",
    "make_application",
    "run_offscreen",
    "run_window",
]
