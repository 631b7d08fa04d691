"""A file's second step: what each column means, and what only the owner can know about its dates and amounts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import InputError
from desktop.sync.csv_columns import AMOUNT_FIELDS, DATE_FIELDS, fields_of
from desktop.sync.csv_text import ENCODINGS
from desktop.sync.csv_values import read_amount, read_date
from desktop.text import tr
from desktop.ui import formats
from desktop.ui.flow_layout import FlowLayout
from desktop.ui.labels import ElidedLabel, label
from desktop.ui.panels import Card, empty_out
from desktop.ui.theme import theme
from desktop.wizard.page import StepPage

_SAMPLES = 3


class ColumnsPage(StepPage):
    """One line a column: its heading, what stands in it, and what it means."""

    step = "columns"
    help_topic = "import_columns"

    def __init__(self, wizard: Any) -> None:
        super().__init__(wizard, tr("What the columns mean"))
        self.source = wizard.source
        px = theme().px
        self.sentence.setText(tr("Correct what was not understood. Columns without a meaning are left out."))
        self.meanings: list[QComboBox] = []
        self.answers: dict[str, dict[str, QRadioButton]] = {}
        self._answered: dict[str, str] = {}
        self._editing = -1
        self._base = self.source.columns
        self._ways_box = QWidget(self)
        self._ways = FlowLayout(self._ways_box, px(8))
        self._ways.setContentsMargins(0, 0, 0, 0)
        self.encoding = QComboBox(self)
        self.delimiter = QComboBox(self)
        self.header = QCheckBox(tr("The first row holds the &names"), self)
        self._fill_ways()
        self._questions = QVBoxLayout()
        self._questions.setSpacing(px(8))
        inner = QWidget(self)
        self._grid = QGridLayout(inner)
        self._grid.setContentsMargins(px(16), px(12), px(16), px(12))
        self._grid.setHorizontalSpacing(px(16))
        self._grid.setVerticalSpacing(px(6))
        for place, stretch in enumerate((3, 5, 3)):
            self._grid.setColumnStretch(place, stretch)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inner)
        card = Card(parent=self)
        card.body.setContentsMargins(1, 1, 1, 1)
        card.body.addWidget(area)
        card.setMinimumHeight(px(120))
        self.missing = label("", "secondary", status="wait", wrap=True, parent=self)
        self.column.addWidget(self._ways_box)
        self.column.addLayout(self._questions)
        self.column.addWidget(card, 1)
        self.column.addWidget(self.missing)

    # -- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        self._answered = {}
        self.setup.results.pop("columns", None)
        self._show_ways()
        self._show_columns()

    def nextId(self) -> int:
        return self.setup.id_of(self.source.kind.value)

    def isComplete(self) -> bool:
        return super().isComplete() and not self._what_is_missing()

    def commit(self) -> Coroutine[Any, Any, object]:
        return self._read()

    async def _read(self) -> None:
        view = await self.core.connection()
        currency = view.home_currency if view is not None else self.core.desk.currency
        await asyncio.to_thread(self.source.read, currency)
        if not self.source.reading.entries:
            first = self.source.rejected[0].sentence
            raise InputError("columns", tr("None of the rows can be taken."), first)

    def _what_is_missing(self) -> str:
        if self.source.table is None:
            return tr("Choose a file first.")
        problem = self.source.columns.problem()
        if problem:
            return problem
        waiting = [name for name in self.source.open_questions() if name not in self._answered]
        return tr("Please answer the question above.") if waiting else ""

    # -- how the text is read -----------------------------------------------------------------

    def _fill_ways(self) -> None:
        words = {
            "utf-8": tr("Unicode (UTF-8)"),
            "utf-16": tr("Unicode (UTF-16)"),
            "cp1252": tr("Western (Windows)"),
            "mac_roman": tr("Western (older Mac)"),
            "cp850": tr("Western (DOS)"),
            "cp1250": tr("Central European"),
            "cp1251": tr("Cyrillic"),
            "shift_jis": tr("Japanese"),
        }
        for name in ENCODINGS:
            self.encoding.addItem(words[name], name)
        for sign, name in ((",", tr("Comma")), (";", tr("Semicolon")), ("\t", tr("Tab")), ("|", tr("Vertical bar"))):
            self.delimiter.addItem(name, sign)
        self.encoding.setAccessibleName(tr("Kind of text"))
        self.delimiter.setAccessibleName(tr("Cells are separated by"))
        self._ways.addWidget(self._with_words(tr("Kind of text"), self.encoding))
        self._ways.addWidget(self._with_words(tr("Separated by"), self.delimiter))
        self._ways.addWidget(self.header)
        self.encoding.activated.connect(lambda _n: self._reread(encoding=self.encoding.currentData()))
        self.delimiter.activated.connect(lambda _n: self._reread(delimiter=self.delimiter.currentData()))
        self.header.clicked.connect(lambda on: self._reread(has_header=bool(on)))

    def _with_words(self, words: str, box: QComboBox) -> QWidget:
        pair = QWidget(self)
        row = QHBoxLayout(pair)
        row.setContentsMargins(0, 0, theme().px(8), 0)
        row.setSpacing(theme().px(8))
        row.addWidget(label(words, "secondary", parent=pair))
        row.addWidget(box)
        return pair

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._ways_box.setMinimumHeight(self._ways.heightForWidth(max(1, self._ways_box.width())))

    def _show_ways(self) -> None:
        table = self.source.table
        if table is None:
            return
        self.encoding.setEnabled(isinstance(self.source.data, bytes))
        self.encoding.setCurrentIndex(max(0, self.encoding.findData(table.encoding)))
        self.delimiter.setCurrentIndex(max(0, self.delimiter.findData(table.delimiter)))
        self.header.setChecked(bool(table.header_row))

    def _reread(self, **how: Any) -> None:
        try:
            self.source.reread(**how)
            self.banner.clear()
        except InputError as error:
            self.banner.show_message(error.sentence, status="bad")
        self._answered = {}
        self._show_ways()
        self._show_columns()

    # -- the columns --------------------------------------------------------------------------

    def _show_columns(self) -> None:
        table = self.source.table
        empty_out(self._grid)
        self.meanings = []
        if table is None:
            return
        for place, words in enumerate((tr("In the file"), tr("For example"), tr("Means"))):
            self._grid.addWidget(label(words, "hint"), 0, place)
        fields = fields_of(self.source.kind)
        for place in range(table.width):
            heading = table.header[place] or tr("Column {number}", number=place + 1)
            samples = list(dict.fromkeys(table.values(place)))[:_SAMPLES]
            combo = QComboBox()
            combo.setAccessibleName(tr("Meaning of {heading}", heading=heading))
            combo.addItem(tr("– leave out –"), "")
            for one in fields:
                combo.addItem(one.label, one.name)
            combo.setCurrentIndex(max(0, combo.findData(self.source.columns.field_of(place))))
            combo.activated.connect(partial(self._on_meaning, place))
            combo.installEventFilter(self)
            text = " · ".join(" ".join(sample.split()) for sample in samples)
            self._grid.addWidget(ElidedLabel(heading, "strong"), place + 1, 0)
            self._grid.addWidget(ElidedLabel(text or tr("empty"), "secondary"), place + 1, 1)
            self._grid.addWidget(combo, place + 1, 2)
            self.meanings.append(combo)
        self._grid.setRowStretch(table.width + 1, 1)
        self._show_questions()

    def eventFilter(self, watched: Any, event: Any) -> bool:
        if event.type() == QEvent.Type.FocusIn and event.reason() != Qt.FocusReason.PopupFocusReason:
            self._editing = -1
        return super().eventFilter(watched, event)

    def _on_meaning(self, place: int, _index: int) -> None:
        """From what it was when this field was entered: a meaning that one only steps past is given back."""
        if self._editing != place:
            self._editing, self._base = place, self.source.columns
        table, columns = self.source.table, self._base
        name = self.meanings[place].currentData()
        before = columns.field_of(place)
        if before and before != name:
            columns = columns.with_place(table, before, None)
        if name:
            columns = columns.with_place(table, name, place)
        self.source.columns = columns
        for other, combo in enumerate(self.meanings):
            combo.setCurrentIndex(max(0, combo.findData(columns.field_of(other))))
        self._answered = {}
        self._show_questions()

    # -- what is open -------------------------------------------------------------------------

    def _show_questions(self) -> None:
        """Ask what the file leaves open; nothing is chosen beforehand."""
        empty_out(self._questions)
        self.answers = {}
        asked = self.source.open_questions()
        for name in asked:
            self._questions.addWidget(self._question(name))
        self._tell_missing()

    def _question(self, name: str) -> QWidget:
        px = theme().px
        box = QFrame(self)
        box.setProperty("role", "banner")
        box.setProperty("status", "wait")
        row = QHBoxLayout(box)
        row.setContentsMargins(px(12), px(8), px(12), px(8))
        row.setSpacing(px(16))
        sample, options = self._dates() if name == "dates" else self._marks()
        words = tr("“{text}” could mean two things. Which is it?", text=sample)
        row.addWidget(label(words, parent=box))
        self.answers[name] = {}
        for key, text in options:
            radio = QRadioButton(text, box)
            radio.toggled.connect(lambda on, key=key: self._answer(name, key) if on else None)
            self.answers[name][key] = radio
            row.addWidget(radio)
        row.addStretch(1)
        box.setAccessibleName(words)
        return box

    def _texts(self, names: tuple[str, ...]) -> list[str]:
        table, places = self.source.table, self.source.columns.places
        return [text for name in names if name in places for text in table.values(places[name])]

    def _dates(self) -> tuple[str, list[tuple[str, str]]]:
        for text in self._texts(DATE_FIELDS):
            month_first, day_first = read_date(text, "mdy"), read_date(text, "dmy")
            if month_first and day_first and month_first != day_first:
                return text, [("mdy", formats.full_date(month_first)), ("dmy", formats.full_date(day_first))]
        return "", []

    def _marks(self) -> tuple[str, list[tuple[str, str]]]:
        for text in self._texts(AMOUNT_FIELDS):
            found = []
            for mark in (".", ","):
                try:
                    found.append((mark, formats.decimal(read_amount(text, mark)[0])))
                except InputError:
                    continue
            if len(found) == 2 and found[0][1] != found[1][1]:
                return text, found
        return tr("1.234"), [(".", tr("a point is the decimal mark")), (",", tr("a comma is the decimal mark"))]

    def _answer(self, name: str, key: str) -> None:
        self._answered[name] = key
        columns = self.source.columns
        self.setup.results["columns"] = dict(self._answered)
        if not [one for one in self.source.open_questions() if one not in self._answered]:
            self.source.columns = columns.with_styles(
                dates=self._answered.get("dates"), marks=self._answered.get("marks")
            )
        self._tell_missing()

    def _tell_missing(self) -> None:
        text = self._what_is_missing()
        self.missing.setText(text)
        self.missing.setVisible(bool(text))
        self.completeChanged.emit()
