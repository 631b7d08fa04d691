"""Import from a file: the pages of the setup wizard with a file in the place of the service. Needs no connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.core import Core
from desktop.providers.base import Capabilities, Terms
from desktop.sync.csv_columns import FileKind
from desktop.text import tr
from desktop.ui import formats
from desktop.ui.panels import Card, empty_out
from desktop.wizard.columns_page import ColumnsPage
from desktop.wizard.done_page import summary_line
from desktop.wizard.file_lists import FileCustomersPage, FileInvoicesPage, FileItemsPage
from desktop.wizard.file_page import FilePage
from desktop.wizard.file_source import FileFlow, FileSource
from desktop.wizard.flow import Line
from desktop.wizard.page import StepPage
from desktop.wizard.rejected import RejectedList
from desktop.wizard.wizard import SetupWizard


class ResultPage(StepPage):
    """What came of it, and what was left over."""

    step = "result"
    help_topic = "import_result"

    def __init__(self, wizard: Any) -> None:
        super().__init__(wizard, tr("Import finished"))
        self.setFinalPage(True)
        self.source = wizard.source
        self.lines: list[Line] = []
        self.rejected: RejectedList | None = None
        self._list = QHBoxLayout()
        self.column.addLayout(self._list)
        self._left = QHBoxLayout()
        self.column.addLayout(self._left, 1)
        self.sentence.setText(tr("More can be imported at any time; nothing is ever copied twice."))

    def start(self) -> None:
        empty_out(self._list)
        empty_out(self._left)
        self.lines = list(self._words())
        card = Card(parent=self)
        for line in self.lines:
            card.body.addWidget(summary_line(line, card))
        self._list.addWidget(card)
        self.rejected = None
        if self.source.rejected:
            left = Card(parent=self)
            self.rejected = RejectedList(self.source, left)
            left.body.addWidget(self.rejected)
            self._left.addWidget(left)
        else:
            self._left.addStretch(1)

    def _words(self) -> list[Line]:
        result = self.source.imported
        created = result.created if result is not None else 0
        skipped = result.skipped if result is not None else 0
        found = [Line(_added(self.source.kind, created), "good" if created else "", self._hint())]
        if skipped:
            found.append(Line(tr("{count} were here already", count=formats.number(skipped))))
        left = len(self.source.rejected)
        if left:
            text = (
                tr("1 row was not taken")
                if left == 1
                else tr("{count} rows were not taken", count=formats.number(left))
            )
            found.append(Line(text, "wait"))
        return found

    def _hint(self) -> str:
        if self.source.kind is FileKind.INVOICES:
            return tr("They are not sent anywhere by themselves: press Sync on one, or send older invoices by date.")
        return tr("They go to your accounting service with the first invoice that needs them.")


def _added(kind: FileKind, count: int) -> str:
    number = formats.number(count)
    if kind is FileKind.CUSTOMERS:
        return tr("1 customer added") if count == 1 else tr("{count} customers added", count=number)
    if kind is FileKind.ITEMS:
        return tr("1 item added") if count == 1 else tr("{count} items added", count=number)
    return tr("1 invoice added") if count == 1 else tr("{count} invoices added", count=number)


class FileWizard(SetupWizard):
    """Made by `prepare_file`; opened like any wizard."""

    pages_made: Mapping[str, Callable[[Any], StepPage]] = {
        "file": FilePage,
        "columns": ColumnsPage,
        "customers": FileCustomersPage,
        "items": FileItemsPage,
        "invoices": FileInvoicesPage,
        "result": ResultPage,
    }

    def __init__(self, core: Core, kind: FileKind | None, parent: QWidget | None = None) -> None:
        self.source = FileSource(kind or FileKind.CUSTOMERS)
        self.guess = kind is None
        words = Terms(tr("the file"), tr("a file"), "", "", tr("customer"), tr("company"))
        nothing = Capabilities(batch=1, native_keys=False, key_trust_seconds=0, income_accounts=False)
        super().__init__(core, FileFlow(), words, nothing, parent)
        self.setWindowTitle(tr("Import from a file"))
        self.setAccessibleName(self.windowTitle())

    def say_source(self) -> None:
        """The file's name in every sentence that names where things come from."""
        self.terms = replace(self.terms, service=self.source.name or tr("the file"))


async def prepare_file(core: Core, parent: QWidget | None, wanted: str) -> FileWizard:
    """The wizard for a file of this kind ("customers", "items", "invoices"), or of any with ""."""
    wizard = FileWizard(core, FileKind(wanted) if wanted else None, parent)
    wizard.begin_at("file")
    return wizard
