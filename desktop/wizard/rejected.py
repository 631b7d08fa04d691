"""The rows of a file that were not taken: each with its reason, and all of them to be saved, mended and tried again."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QVBoxLayout, QWidget

from desktop.books.sheets import escaped
from desktop.errors import BlueClerkError
from desktop.text import tr
from desktop.ui.banner import Banner
from desktop.ui.buttons import PrimaryButton, QuietButton
from desktop.ui.csv_files import ask_for_path, csv_bytes, write_file
from desktop.ui.help_route import HelpButton
from desktop.ui.labels import label
from desktop.ui.theme import theme
from desktop.wizard.file_source import FileSource

SHOWN = 2_000
"""Rows in the list on screen; the file that is saved holds all."""


class RejectedList(QWidget):
    """The reasons in the order of the file, and "Save these rows"."""

    def __init__(self, source: FileSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source = source
        px = theme().px
        self.banner = Banner(self)
        self.list = QListWidget(self)
        self.list.setAccessibleName(tr("Rows that were not taken"))
        self.list.setWordWrap(True)
        self.list.setAlternatingRowColors(False)
        for one in source.rejected[:SHOWN]:
            self.list.addItem(one.sentence)
        self.save_button = QuietButton(tr("&Save these rows …"), self, icon_name="file-download-outline")
        self.save_button.clicked.connect(self._on_save)
        hint = label(tr("Mend them in the saved file and import that one."), "hint", wrap=True, parent=self)
        foot = QHBoxLayout()
        foot.setSpacing(px(12))
        foot.addWidget(self.save_button)
        foot.addWidget(hint, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        column.addWidget(self.banner)
        column.addWidget(self.list, 1)
        column.addLayout(foot)

    def save(self, path: Path) -> None:
        """Write the rejected rows with their reasons, in the file's own columns."""
        table = self._source.table
        delimiter = table.delimiter if table is not None and table.delimiter in ",;\t" else ","
        rows = [[escaped(cell) for cell in row] for row in self._source.rejected_rows()]
        try:
            write_file(path, csv_bytes(rows, delimiter))
        except BlueClerkError as problem:
            self.banner.show_message(problem.sentence, status="bad", details=problem.details)
            return
        self.banner.show_message(tr("Saved as {name}.", name=path.name), status="good")

    def _on_save(self) -> None:
        stem = Path(self._source.name).stem
        ask_for_path(self, tr("Save the rows that were not taken"), f"{stem} - {tr('not taken')}.csv", self.save)


class RejectedDialog(QDialog):
    """The list over the step that it belongs to."""

    help_topic = "import_result"

    def __init__(self, source: FileSource, parent: QWidget) -> None:
        super().__init__(parent)
        px = theme().px
        title = tr("Rows that can't be taken")
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.rows = RejectedList(source, self)
        close = PrimaryButton(tr("&Close"), self)
        close.setDefault(True)
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addWidget(HelpButton(self))
        foot.addStretch(1)
        foot.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(20), px(24), px(16))
        column.setSpacing(px(12))
        column.addWidget(label(title, "section", parent=self))
        column.addWidget(self.rows, 1)
        column.addLayout(foot)
        self.resize(px(640), px(420))
