"""A file on its way in, without windows: what it holds, how it is read, what was corrected, what was left over."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from desktop.errors import InputError
from desktop.sync.csv_columns import DATE_FIELDS, ColumnMap, FileKind, known_headings, suggest
from desktop.sync.csv_invoices import read_invoices
from desktop.sync.csv_records import Reading, Rejected, in_rows, read_customers, read_items
from desktop.sync.csv_text import Table, make_table
from desktop.sync.importing import Imported
from desktop.text import tr
from desktop.wizard.flow import Flow, Only

LIST_STEPS = tuple(kind.value for kind in FileKind)


@dataclass(frozen=True, slots=True)
class FileFlow(Flow):
    """File, columns, one of the three lists, result: four steps for the owner."""

    steps: tuple[str, ...] = ("file", "columns", *LIST_STEPS, "result")
    only: Only | None = Only.FILE

    def place(self, step: str) -> tuple[int, int]:
        return {"file": 1, "columns": 2, "result": 4}.get(step, 3), 4

    def next_after(self, step: str) -> str | None:
        return "result" if step in LIST_STEPS else Flow.next_after(self, step)


@dataclass
class FileSource:
    """The state of one import from a file; everything slow here is meant for a worker thread."""

    kind: FileKind = FileKind.CUSTOMERS
    name: str = ""
    data: bytes | str = b""
    table: Table | None = None
    columns: ColumnMap = field(default_factory=lambda: ColumnMap(FileKind.CUSTOMERS))
    reading: Reading[Any] = field(default_factory=Reading)
    late: list[Rejected] = field(default_factory=list)
    """What turned out unfit only beside our books, or while it was kept."""
    imported: Imported | None = None

    # -- opening ------------------------------------------------------------------------------

    def open_file(self, path: Path, *, guess: bool) -> None:
        """Read a file. Raises InputError with a sentence; what was open before stays then."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(
                "file", tr("{name} can't be opened.", name=path.name), tr("Is it open in another program?")
            ) from error
        self.take(data, path.name, guess=guess)

    def take(self, data: bytes | str, name: str, *, guess: bool) -> None:
        """Use this text; `guess`: find out what it lists, for nobody said so. Raises InputError."""
        kind = guessed_kind(data, self.kind) if guess else self.kind
        table = make_table(data, known_headings(kind))
        self.kind, self.data, self.name, self.table = kind, data, name, table
        self.columns = suggest(table, kind)
        self.reading, self.late, self.imported = Reading(), [], None

    def use_kind(self, kind: FileKind) -> None:
        """The owner says what the file lists. Raises InputError."""
        self.kind = kind
        if self.table is not None:
            self.take(self.data, self.name, guess=False)

    def reread(self, *, encoding: str = "", delimiter: str = "", has_header: bool | None = None) -> None:
        """Read the same text in another way, as the owner says. Raises InputError; nothing changes then."""
        table = self.table
        if table is None:
            return
        made = make_table(
            self.data,
            known_headings(self.kind),
            encoding=encoding or (table.encoding if isinstance(self.data, bytes) else ""),
            delimiter=delimiter or table.delimiter,
            has_header=bool(table.header_row) if has_header is None else has_header,
        )
        same = made.header == table.header
        self.table = made
        self.columns = replace(self.columns, kind=self.kind) if same else suggest(made, self.kind)

    # -- reading ------------------------------------------------------------------------------

    def open_questions(self) -> tuple[str, ...]:
        """ "dates" and "marks", as far as the file leaves open how they are meant."""
        wanted = self.columns.dates.ambiguous and any(name in self.columns.places for name in DATE_FIELDS)
        return (*(("dates",) if wanted else ()), *(("marks",) if self.columns.marks.ambiguous else ()))

    def read(self, currency: str) -> None:
        """Judge every row; `currency` is the desk's."""
        assert self.table is not None
        self.late = []
        if self.kind is FileKind.CUSTOMERS:
            self.reading = read_customers(self.table, self.columns)
        elif self.kind is FileKind.ITEMS:
            self.reading = read_items(self.table, self.columns, currency)
        else:
            self.reading = read_invoices(self.table, self.columns, currency)

    # -- what is left over --------------------------------------------------------------------

    @property
    def rejected(self) -> list[Rejected]:
        """All rows that were not taken, in the order of the file."""
        return in_rows([*self.reading.rejected, *self.late])

    def rejected_rows(self) -> list[list[str]]:
        """Header and rejected rows with their reason, as rows of a file to be mended and read again."""
        assert self.table is not None
        cells = {row.number: row.cells for row in self.table.rows}
        width = self.table.width
        names = [name or tr("Column {number}", number=n) for n, name in enumerate(self.table.header, 1)]
        rows = [[*names, tr("What is wrong")]]
        for one in self.rejected:
            found = list((one.cells or cells.get(one.row, ()))[:width])
            rows.append([*found, *[""] * (width - len(found)), one.sentence])
        return rows


def guessed_kind(data: bytes | str, otherwise: FileKind) -> FileKind:
    """What a file lists, by its headings; `otherwise` where they say nothing. Raises InputError."""
    scores: dict[FileKind, int] = {}
    for kind in FileKind:
        table = make_table(data, known_headings(kind))
        found = suggest(table, kind)
        if table.header_row and not found.problem():
            scores[kind] = len(found.places)
    if FileKind.INVOICES in scores and {"issued_on", "number"} <= set(
        suggest(make_table(data, known_headings(FileKind.INVOICES)), FileKind.INVOICES).places
    ):
        return FileKind.INVOICES
    if otherwise in scores and scores[otherwise] == max(scores.values()):
        return otherwise
    return max(scores, key=scores.__getitem__) if scores else otherwise
