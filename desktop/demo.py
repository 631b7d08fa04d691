"""`blueclerk --demo` with a screen: the real window on throw-away books, beside a practice company."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.logs import start_logging
from desktop.text import tr

if TYPE_CHECKING:
    from desktop.core import Core
    from desktop.practice import Practice
    from desktop.ui.opening import Opening
    from desktop.ui.single_instance import SingleInstance


def run_demo_window(data_dir: Path | None, log_level: str) -> int:
    """Open the window for practising; with `data_dir` the practice books stay there, else they go at the end.

    Nothing real is touched: the keys lie in memory, the services are imitated on this computer. Each start
    begins anew, as the practice companies do. A second start for the same folder shows the first one's window.
    """
    from desktop.ui.single_instance import first_start

    with _folder(data_dir) as folder:
        start_logging(folder / "logs", log_level)
        instance = first_start(folder)
        if isinstance(instance, int):
            return instance
        from desktop.ui.opening import show_opening

        return _practise(folder, instance, show_opening(folder))


def _practise(folder: Path, instance: SingleInstance, opening: Opening) -> int:
    from desktop.app import run_window
    from desktop.core import Options
    from desktop.practice import fill_books, running_sandbox
    from desktop.sync.secrets import MemoryStore

    _forget_books(folder / "practice.db")
    with running_sandbox(folder, control=False) as practice:
        print(tr("The practice books of the other side: {address}", address=practice.base), flush=True)
        options = Options(
            database=str(folder / "practice.db"),
            data_dir=folder,
            store=MemoryStore(),
            account="owner",
            addresses=practice.addresses(),
        )

        async def prepare(core: Core) -> None:
            follow_practice(practice, core)
            await practice.enter_keys(core)
            await core.do(fill_books, core.clock.now().date())

        welcome = tr("This is a practice: the books and the services are made up. Connect one of them to begin.")
        return run_window(options, prepare=prepare, instance=instance, welcome=welcome, opening=opening)


def follow_practice(practice: Practice, core: Core) -> None:
    """Go on with the practice company wherever it is after it died and was started again (P8)."""
    loop = asyncio.get_running_loop()

    def moved() -> None:
        words = tr("The practice company had stopped. It runs again, with its books as they were.")
        asyncio.run_coroutine_threadsafe(core.relocate(practice.addresses(), words), loop)

    practice.on_restart = moved


def _forget_books(path: Path) -> None:
    """Books of an earlier practice are tied to a company, a sign-in and a key that ended with it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


@contextmanager
def _folder(data_dir: Path | None) -> Iterator[Path]:
    if data_dir is not None:
        data_dir.mkdir(parents=True, exist_ok=True)
        yield data_dir
        return
    with tempfile.TemporaryDirectory(prefix="blueclerk-practice-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
