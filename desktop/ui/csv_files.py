"""CSV files on disk: written whole or not at all, so that a full disk leaves the old file as it was."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from PySide6.QtCore import QIODevice, QSaveFile, Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.errors import BlueClerkError
from desktop.text import tr

MARK = b"\xef\xbb\xbf"
"""Without it Excel takes UTF-8 for the old Windows encoding."""


def csv_bytes(rows: Iterable[Sequence[str]], delimiter: str = ",") -> bytes:
    """The rows as a CSV file for spreadsheets: UTF-8 with its mark, line ends of Windows."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return MARK + out.getvalue().encode("utf-8", "surrogatepass")


def write_file(path: Path, data: bytes) -> None:
    """Write `data` in one go. Raises BlueClerkError in words; the old file stays then."""
    out = QSaveFile(str(path))
    written = out.open(QIODevice.OpenModeFlag.WriteOnly) and out.write(data) == len(data) and out.commit()
    if not written:
        raise BlueClerkError(
            tr("{name} could not be written.", name=path.name),
            tr("Choose another place, or close it in the other program."),
            details=out.errorString(),
        )


def ask_for_path(parent: QWidget, title: str, name: str, chosen: Callable[[Path], object]) -> QFileDialog:
    """Ask where to save a CSV file called `name`; `chosen(path)` once it is known."""
    dialog = QFileDialog(parent.window(), title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix("csv")
    dialog.setNameFilter(tr("CSV files (*.csv)"))
    dialog.selectFile(name)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda path: chosen(Path(path)))
    dialog.open()
    return dialog
