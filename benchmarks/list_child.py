"""One window over the books in argv[1], in a process of its own; prints what it cost as JSON."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import qasync
from PySide6.QtCore import QAbstractItemModel, QAbstractTableModel, QEvent, QModelIndex, QObject, Qt
from PySide6.QtWidgets import QApplication, QTableView

from desktop.app import make_application
from desktop.core import Core, Options
from desktop.sync.secrets import MemoryStore
from desktop.ui import operations
from desktop.ui.main_window import MainWindow
from desktop.ui.routes import Route

ROUNDS, JUMPS = 5, 25
ISSUED, TOTAL = 2, 4


class Painted(QObject):
    """Notes when the list was first drawn after it got new rows."""

    def __init__(self, table: QTableView) -> None:
        super().__init__()
        self.at = 0.0
        self._new = False
        table.model().modelReset.connect(self._on_reset)
        table.viewport().installEventFilter(self)

    def _on_reset(self) -> None:
        self._new = True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._new and event.type() == QEvent.Type.Paint:
            self._new = False
            watched.removeEventFilter(self)  # paint now, to know when it is done
            watched.repaint()  # type: ignore[attr-defined]
            watched.installEventFilter(self)
            self.at = time.perf_counter()
            return True
        return False


def resident_mb() -> float:
    """Memory in RAM now, in MB (Linux); elsewhere the most it ever was."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


async def measure(database: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        core = await Core.open(Options(database, Path(folder), MemoryStore(), "owner"))
        window = MainWindow()
        window.attach(core)
        window.show()
        page = window.pages["invoices"]
        await _settle()
        painted = Painted(page.table)
        figures: dict[str, Any] = {"rows": page.model.rowCount(), "memory": resident_mb()}
        for _ in range(ROUNDS):
            for name, act in (
                ("first paint", page.reload),
                ("sort by total", partial(page.table.sortByColumn, TOTAL, Qt.SortOrder.DescendingOrder)),
                ("sort by date", partial(page.table.sortByColumn, ISSUED, Qt.SortOrder.DescendingOrder)),
                ("filter by a word", partial(page.search, "01234")),
                ("filter by two", partial(page.search, "customer 012")),
                ("all again", partial(page.search, "")),
            ):
                figures.setdefault(name, []).append(await _timed(painted, act))
        figures["jump"] = [await _jump(page.table, row) for row in _places(page.model.rowCount())]
        bare = _bare(page.table)
        figures["bare jump"] = [await _jump(bare, row) for row in _places(page.model.rowCount())]
        bare.close()
        window.go(Route("customers"))
        await _settle()
        window.detach()
        await core.close()
        return figures


class Constant(QAbstractTableModel):
    """As many cells as `like`, each with the same text."""

    def __init__(self, like: QAbstractItemModel) -> None:
        super().__init__()
        self._size = (like.rowCount(), like.columnCount())

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return self._size[0]

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return self._size[1]

    def data(self, index: QModelIndex, role: int = 0) -> str | None:
        return "Customer 01234" if role == 0 else None


def _bare(table: QTableView) -> QTableView:
    """Qt's own table with the same look, room, rows and columns, and nothing to read: the cost of painting alone."""
    bare = QTableView()
    bare.setProperty("role", "records")
    bare.setModel(Constant(table.model()))
    bare.verticalHeader().setDefaultSectionSize(table.verticalHeader().defaultSectionSize())
    bare.setVerticalScrollMode(table.verticalScrollMode())
    for column in range(table.model().columnCount()):
        bare.setColumnHidden(column, table.isColumnHidden(column))
        bare.setColumnWidth(column, table.columnWidth(column))
    bare.resize(table.size())
    bare.show()
    return bare


def _places(rows: int) -> list[int]:
    """Rows far from each other and on no page read before, in no order."""
    step = rows // (JUMPS + 1)
    return [step * (1 + place * 7 % JUMPS) + place for place in range(JUMPS)] if step else []


async def _jump(table: QTableView, row: int) -> float:
    started = time.perf_counter()
    table.scrollTo(table.model().index(row, 0))
    table.viewport().repaint()
    took = time.perf_counter() - started
    await _settle()
    return took * 1000


async def _timed(painted: Painted, act: Callable[[], object]) -> float:
    painted.at = 0.0
    started = time.perf_counter()
    act()
    await _settle()
    return max(0.0, painted.at - started) * 1000


async def _settle() -> None:
    quiet = 0
    while quiet < 5:
        await asyncio.sleep(0.01)
        quiet = 0 if operations.pending() else quiet + 1


def main() -> None:
    app = make_application()
    assert isinstance(app, QApplication)
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    with loop:
        print(json.dumps(loop.run_until_complete(measure(sys.argv[1]))))


if __name__ == "__main__":
    main()
