"""A file's first step: which file, or the cells on the clipboard, and what it lists."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QVBoxLayout

from desktop.errors import BlueClerkError, InputError
from desktop.sync.csv_columns import FileKind
from desktop.text import tr
from desktop.ui import formats
from desktop.ui.buttons import QuietButton
from desktop.ui.chips import FilterChips
from desktop.ui.icons import icon
from desktop.ui.labels import label
from desktop.ui.panels import Card
from desktop.ui.theme import theme
from desktop.wizard.page import StepPage

SUFFIXES = {".csv", ".txt", ".tsv", ".tab", ""}
_DELIMITERS = {",": tr("comma"), ";": tr("semicolon"), "\t": tr("tab"), "|": tr("vertical bar")}


class FilePage(StepPage):
    """Choose, drop or paste. Nothing is written by it."""

    step = "file"
    help_topic = "import_file"

    def __init__(self, wizard: Any) -> None:
        super().__init__(wizard, tr("Import from a file"))
        self.source = wizard.source
        self._guess = wizard.guess
        px = theme().px
        self.sentence.setText(
            tr("A CSV file from your spreadsheet or another program. You see every row before anything is kept.")
        )
        self.kinds = FilterChips(
            [
                (FileKind.CUSTOMERS.value, tr("Customers")),
                (FileKind.ITEMS.value, tr("Items")),
                (FileKind.INVOICES.value, tr("Invoices")),
            ],
            self,
        )
        self.kinds.setAccessibleName(tr("What the file lists"))
        self.kinds.choose(self.source.kind.value)
        self.kinds.chosen.connect(self._on_kind)
        card = Card(parent=self)
        card.body.setContentsMargins(px(24), px(32), px(24), px(32))
        self._sign = QLabel(card)
        self._title = label("", "section", wrap=True, parent=card)
        self._facts = label("", "secondary", wrap=True, parent=card)
        self.choose_button = QuietButton(tr("&Choose file …"), card, icon_name="folder")
        self.paste_button = QuietButton(tr("&Paste cells"), card, icon_name="copy")
        self.choose_button.clicked.connect(self._on_choose)
        self.paste_button.clicked.connect(self.paste)
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        buttons.addWidget(self.choose_button)
        buttons.addWidget(self.paste_button)
        buttons.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(px(6))
        for part in (self._title, self._facts):
            words.addWidget(part)
        words.addSpacing(px(8))
        words.addLayout(buttons)
        row = QHBoxLayout()
        row.setSpacing(px(20))
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        card.body.addLayout(row)
        head = QHBoxLayout()
        head.setSpacing(px(12))
        head.addWidget(label(tr("It lists"), "secondary", parent=self))
        head.addWidget(self.kinds, 1)
        self.column.addLayout(head)
        self.column.addWidget(card)
        self.column.addStretch(1)
        self.setAcceptDrops(True)
        self._tell()

    def start(self) -> None:
        self.banner.clear()
        self._tell()
        self.choose_button.setFocus()

    def isComplete(self) -> bool:
        return super().isComplete() and self.source.table is not None

    # -- taking -------------------------------------------------------------------------------

    def take_file(self, path: Path) -> None:
        """Read this file; a fault is told on the page and what was chosen before stays."""
        if path.suffix.lower() not in SUFFIXES:
            self._refuse(
                InputError(
                    "file",
                    tr("{name} is not a CSV file.", name=path.name),
                    tr("In a spreadsheet program save it as “CSV UTF-8” first, or copy the cells and paste them here."),
                )
            )
            return
        self.work(
            asyncio.to_thread(self.source.open_file, path, guess=self._guess),
            success=lambda _none: self._on_taken(),
            failure=self._refuse,
            progress=tr("Reading {name}", name=path.name),
        )

    def paste(self) -> None:
        """Take the cells on the clipboard."""
        text = QGuiApplication.clipboard().text()
        self.work(
            asyncio.to_thread(self.source.take, text, tr("pasted cells"), guess=self._guess),
            success=lambda _none: self._on_taken(),
            failure=self._refuse,
        )

    def _on_taken(self) -> None:
        self._tell()
        self.completeChanged.emit()
        self.setup.button(self.setup.WizardButton.NextButton).setFocus()

    def _refuse(self, error: Exception) -> None:
        if not isinstance(error, BlueClerkError):
            self.show_failure(error)
            return
        self.banner.show_message(error.sentence, status="bad")

    def _tell(self) -> None:
        source, table = self.source, self.source.table
        self.kinds.choose(source.kind.value)
        size = theme().px(40)
        name = "good" if table is not None else "import"
        tint = "good" if table is not None else "text3"
        self._sign.setPixmap(icon(name, tint).pixmap(QSize(size, size), self.devicePixelRatioF()))
        if table is None:
            self._title.setText(tr("Drop a CSV file here"))
            self._facts.setText(
                tr("or choose one, or copy cells in a spreadsheet and paste them. Excel: save as “CSV UTF-8”.")
            )
            return
        self._title.setText(source.name)
        parted = _DELIMITERS.get(table.delimiter, table.delimiter)
        count = len(table.rows)
        rows = tr("1 row") if count == 1 else tr("{count} rows", count=formats.number(count))
        self._facts.setText(
            tr("{rows}, {columns} columns, separated by {sign}", rows=rows, columns=table.width, sign=parted)
        )
        self.choose_button.setText(tr("&Choose another …"))

    def _on_kind(self, key: str) -> None:
        self._guess = False
        self.work(
            asyncio.to_thread(self.source.use_kind, FileKind(key)),
            success=lambda _none: self._tell(),
            failure=self._refuse,
        )

    def _on_choose(self) -> None:
        dialog = QFileDialog(self.window(), tr("Choose a CSV file"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([tr("CSV files (*.csv *.tsv *.txt)"), tr("All files (*)")])
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.take_file(Path(name)))
        dialog.open()

    # -- dropping and pasting -----------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() or event.mimeData().hasText():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        urls = [url for url in event.mimeData().urls() if url.isLocalFile()]
        if len(urls) > 1:
            self.banner.show_message(tr("One file at a time, please."), status="wait")
        elif urls:
            self.take_file(Path(urls[0].toLocalFile()))
        event.acceptProposedAction()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Paste):
            self.paste()
        else:
            super().keyPressEvent(event)
