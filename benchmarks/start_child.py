"""The program as it starts, over the books in argv[1]; prints when each of its three sights was drawn."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QTableView

import desktop.cli  # noqa: F401 - the same way in as the owner's
from desktop.ui.opening import show_opening
from desktop.ui.single_instance import first_start


class Watch(QObject):
    """Prints when the first sign, the window and the rows of its list were drawn for the first time, and ends."""

    def __init__(self) -> None:
        super().__init__()
        self._awaited = ["Opening", "MainWindow"]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.Paint:
            return False
        if type(watched).__name__ in self._awaited:
            self._awaited.remove(type(watched).__name__)
            print(time.time(), flush=True)
        table = watched.parent()
        if isinstance(table, QTableView) and watched is table.viewport() and table.model().rowCount():
            QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]
            table.viewport().repaint()  # to know when it is done
            print(time.time(), flush=True)
            os._exit(0)  # what is measured is over
        return False


def main() -> None:
    database = Path(sys.argv[1])
    watch = Watch()
    QApplication(sys.argv[:1]).installEventFilter(watch)
    instance = first_start(database.parent)
    assert not isinstance(instance, int)
    opening = show_opening(database.parent)
    from desktop.app import run_window
    from desktop.core import Options
    from desktop.sync.secrets import MemoryStore

    options = Options(str(database), database.parent, MemoryStore(), "owner")
    run_window(options, instance=instance, opening=opening)


if __name__ == "__main__":
    main()
