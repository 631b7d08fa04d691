"""Export of a list: what the filter and the search let through, in the order shown, as a CSV file."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.errors import NotAllowed
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.context import Context
from desktop.ui.csv_files import ask_for_path, csv_bytes, write_file
from desktop.ui.record_table import COPY_LIMIT

Table = Callable[..., list[list[str]]]
"""`exports.customers_table` and its like."""


def export_list(
    page: QWidget, context: Context, title: str, table: Table, ids: Callable[[], array[int]]
) -> QFileDialog:
    """Ask where, then write the records of `ids()`; the page says what came of it."""
    name = f"{title} {context.today().isoformat()}.csv"
    return ask_for_path(
        page, tr("Export {list}", list=title), name, lambda path: save(page, context, table, ids(), path)
    )


def save(page: QWidget, context: Context, table: Table, ids: Sequence[int], path: Path) -> None:
    """Write these records to `path`."""

    async def work() -> int:
        if not len(ids):
            raise NotAllowed(tr("There is nothing to export in this list."))
        rows = await context.core.ask(table, list(ids))
        write_file(path, csv_bytes(rows))
        return len(ids)

    def told(count: int) -> None:
        text = (
            tr("1 record saved as {name}.", name=path.name)
            if count == 1
            else tr("{count} records saved as {name}.", count=formats.number(count), name=path.name)
        )
        context.toast(text, tr("Open"), lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))))

    def failed(error: Any) -> None:
        context.show_problem(error)

    operations.run(page, work(), success=told, failure=failed)


def tell_of_a_cut(context: Context, copied: int, selected: int) -> None:
    """Say that not all that was selected is on the clipboard; nothing otherwise."""
    if selected > COPY_LIMIT:
        sentence = tr(
            "The first {copied} of {selected} rows were copied. Export saves all of them.",
            copied=formats.number(copied),
            selected=formats.number(selected),
        )
        context.toast(sentence)
