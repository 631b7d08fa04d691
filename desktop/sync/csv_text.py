"""From the bytes of a file, or pasted text, to numbered rows of cells: encoding, delimiter, header. Pure.

Files of people come from spreadsheets and other programs: semicolons where the comma is the decimal point, tabs when
copied, a title above the header, UTF-16 from Excel's "Unicode text", Windows-1252 from old programs. What can be
found out is found out, what can't is said in a sentence; the owner can overrule each finding.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from desktop.books.sheets import unescaped
from desktop.errors import InputError
from desktop.text import tr

MAX_BYTES = 64 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 400
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "utf-16", "cp1252", "mac_roman", "cp850", "cp1250", "cp1251", "shift_jis")
"""What a file may be written in, as Python names it; the owner chooses among these when a guess was wrong."""
_LOOK = 300
"""Rows that decide about delimiter and header."""
_LEGACY = ("cp1252", "mac_roman", "cp850")
_USUAL = frozenset("äöüÄÖÜßàáâãåçèéêëìíîïñòóôõøùúûýÿÀÁÂÃÅÇÈÉÊËÍÎÑÓÔÕØÚæœÆŒ’‘“”–—…€£°º·½®™\u00a0«»§©²³")
_MAGIC = (
    (b"PK\x03\x04", "workbook"),
    (b"\xd0\xcf\x11\xe0", "workbook"),
    (b"%PDF", "pdf"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
)
_SEP_LINE = re.compile(r"^sep=(.)\r?\n?", re.IGNORECASE)

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)")

csv.field_size_limit(4 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file; `number` counts from 1 as a spreadsheet shows it, header and blank rows included."""

    number: int
    cells: tuple[str, ...]

    def cell(self, place: int) -> str:
        """The cell without outer blanks; "" where the row is shorter than the header."""
        return self.cells[place].strip() if 0 <= place < len(self.cells) else ""

    @property
    def is_blank(self) -> bool:
        return not any(cell.strip() for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Table:
    """A file as rows. `header` is "" for a column without a name."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]
    encoding: str
    delimiter: str
    header_row: int = 0
    """The number of the row that holds the names; 0 where the file has none."""

    @property
    def width(self) -> int:
        return len(self.header)

    def values(self, place: int) -> list[str]:
        """The filled cells of one column, in order."""
        return [text for row in self.rows if (text := row.cell(place))]


def decode(data: bytes, encoding: str = "") -> tuple[str, str]:
    """The text of a file and the encoding it was read in. Raises InputError ("file") for what is no text."""
    _refuse_other_files(data)
    for mark, name in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark) and encoding in ("", name):
            return _decoded(data, "utf-8-sig" if name == "utf-8" else name), name
    if encoding:
        return _decoded(data, encoding), encoding
    half = _blind_utf16(data)
    if half:
        return _decoded(data, half), "utf-16"
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        name = max(_LEGACY, key=lambda one: _likeliness(data, one))
        return _decoded(data, name), name


def _refuse_other_files(data: bytes) -> None:
    if not data.strip():
        raise InputError("file", tr("This file is empty."))
    if len(data) > MAX_BYTES:
        raise InputError(
            "file", tr("This file is too large to be a list of customers, items or invoices."), tr("Split it first.")
        )
    kind = next((name for mark, name in _MAGIC if data.startswith(mark)), "")
    if kind == "workbook":
        raise InputError(
            "file",
            tr("This is a workbook of a spreadsheet program, not a CSV file."),
            tr("Open it there and save it as “CSV UTF-8”, or copy the cells and paste them here."),
        )
    if kind == "pdf" or kind == "picture":
        raise InputError(
            "file", tr("This is a document, not a table."), tr("Export the list as CSV from the program it comes from.")
        )
    if data.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise InputError(
            "file", tr("This is a web page, not a CSV file."), tr("Export the list as CSV from where it comes from.")
        )


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            "encoding",
            tr("The file can't be read this way: it holds characters that do not fit."),
            tr("Choose another kind of text."),
        ) from error


def _blind_utf16(data: bytes) -> str:
    """UTF-16 without its mark: every other byte of plain text is zero."""
    start = data[:4000]
    if len(start) < 4 or b"\x00" not in start:
        return ""
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if odd > len(start) * 0.3 and odd > 8 * even:
        return "utf-16-le"
    return "utf-16-be" if even > len(start) * 0.3 and even > 8 * odd else ""


def _likeliness(data: bytes, encoding: str) -> float:
    """How much of what isn't plain ASCII looks like writing of people when read this way."""
    try:
        text = data[:200_000].decode(encoding)
    except UnicodeDecodeError:
        return -1.0
    special = [char for char in text if ord(char) > 127]
    score = sum(1.0 if char in _USUAL else (0.2 if char.isalpha() else -1.0) for char in special)
    words = re.findall(r"[^\W\d_]+", text)
    mixed = sum(1 for word in words if any(ord(c) > 127 for c in word) and re.search(r"[a-z][A-ZÀ-Þ]", word))
    return (score - 2 * mixed) / max(1, len(special)) - (0.001 if encoding != "cp1252" else 0)


def split_rows(text: str, delimiter: str = "") -> tuple[list[Row], str]:
    """Every row of the text with its number, and the delimiter. Raises InputError for an open quotation mark."""
    text = text.removeprefix("\ufeff")
    named = _SEP_LINE.match(text)
    skipped = 0
    if named is not None:
        delimiter, text, skipped = delimiter or named[1], text[named.end() :], 1
    chosen = delimiter or find_delimiter(text)
    rows: list[Row] = []
    for number, cells in enumerate(_read(text, chosen), 1 + skipped):
        if number > MAX_ROWS:
            raise InputError("file", tr("This file has more than {count} rows.", count=f"{MAX_ROWS:,}"))
        if len(cells) > MAX_COLUMNS:
            raise InputError(
                "file", tr("Row {number} has more than {count} columns.", number=number, count=MAX_COLUMNS)
            )
        rows.append(Row(number, tuple(_cell(text) for text in cells)))
    return rows, chosen


def _cell(text: str) -> str:
    return unescaped(text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text)


def _read(text: str, delimiter: str) -> Iterator[list[str]]:
    """Rows as the csv module reads them; a quotation mark that is never closed is told, with its row."""
    _check_quotes(text, delimiter)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        yield from reader
    except csv.Error as error:
        raise InputError("file", tr("This is not a table: a cell is longer than a whole book.")) from error


def _check_quotes(text: str, delimiter: str) -> None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number, line = 1, 0
    try:
        for number, _cells in enumerate(reader, 2):  # noqa: B007 - the number of the row that comes next
            line = reader.line_num
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise InputError(
                "file",
                tr("A quotation mark in row {number} is opened and never closed.", number=number),
                tr("Correct that row (line {line} of the file) and try again.", line=line + 1),
            ) from error
        # other oddities (text after a closing quotation mark) are read leniently


def find_delimiter(text: str) -> str:
    """What parts the cells: the sign that gives the most rows of one same width above one."""
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        widths = [len(cells) for cells in _sample(text, delimiter) if any(cell.strip() for cell in cells)]
        if not widths:
            continue
        width, count = Counter(w for w in widths if w > 1).most_common(1)[0] if max(widths) > 1 else (1, 0)
        score = (count / len(widths), width)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _sample(text: str, delimiter: str) -> list[list[str]]:
    found: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            found.append(cells)
            if len(found) >= _LOOK:
                break
    except csv.Error:
        return found
    return found


def plain_words(text: str) -> str:
    """A heading as it is compared: no case, accents or signs; "Invoice #" and "InvoiceNumber" are "invoice number"."""
    spaced = _CAMEL.sub(" ", text.replace("#", " number ").replace("№", " number "))
    parts = unicodedata.normalize("NFKD", spaced.casefold())
    letters = "".join(part if part.isalnum() else " " for part in parts if not unicodedata.combining(part))
    return " ".join(letters.split())


def find_header(rows: Sequence[Row], known: frozenset[str]) -> int:
    """The place in `rows` of the row that names the columns, or -1 where the file begins with its first record.

    Reports of accounting programs have a title and blank rows above it; `known` are the words of headings, in
    the form of `plain_words`.
    """
    best, best_score = -1, 0.0
    for place, row in enumerate(rows[:30]):
        filled = [plain_words(cell) for cell in row.cells if cell.strip()]
        if not filled:
            continue
        hits = sum(1 for cell in filled if cell in known)
        if hits < (2 if len(filled) > 1 else 1):
            continue
        score = hits / len(filled) + hits
        if score > best_score:
            best, best_score = place, score
    if best >= 0:
        return best
    return -1 if not rows or _looks_like_data(rows) else _first_wide(rows)


def _looks_like_data(rows: Sequence[Row]) -> bool:
    """Whether the first filled row holds values and no names: an address, an amount, a date."""
    first = next((row for row in rows if not row.is_blank), None)
    if first is None:
        return False
    return any(re.search(r"\d|@", cell) for cell in first.cells)


def _first_wide(rows: Sequence[Row]) -> int:
    """The first row as wide as most are: a title above the table is narrower."""
    widths = Counter(sum(1 for cell in row.cells if cell.strip()) for row in rows[:_LOOK] if not row.is_blank)
    if not widths:
        return -1
    usual = widths.most_common(1)[0][0]
    return next(n for n, row in enumerate(rows) if sum(1 for cell in row.cells if cell.strip()) >= usual)


def make_table(
    data: bytes | str,
    known: frozenset[str],
    *,
    encoding: str = "",
    delimiter: str = "",
    has_header: bool | None = None,
) -> Table:
    """The file, or what was pasted, as a table. `encoding`, `delimiter` and `has_header` are the owner's own words.

    Blank rows are left out but counted. Raises InputError naming "file" or "encoding".
    """
    if isinstance(data, str):
        text, used = data, "utf-8"
        if not text.strip():
            raise InputError("file", tr("Nothing was pasted."), tr("Copy the cells in your spreadsheet first."))
    else:
        text, used = decode(data, encoding)
    rows, chosen = split_rows(text, delimiter)
    place = find_header(rows, known)
    if has_header is False:
        place = -1
    elif has_header and place < 0:
        place = next((n for n, row in enumerate(rows) if not row.is_blank), -1)
    body = [row for row in rows[place + 1 :] if not row.is_blank]
    names = tuple(cell.strip() for cell in rows[place].cells) if place >= 0 else ()
    width = max([len(names), *(_filled_width(row) for row in body)])
    if width == 0 or (not body and place < 0):
        raise InputError("file", tr("There are no rows in this file."))
    if not body:
        raise InputError("file", tr("There is nothing below the names of the columns."))
    header = tuple(names[n] if n < len(names) else "" for n in range(width))
    return Table(header, tuple(body), used, chosen, rows[place].number if place >= 0 else 0)


def _filled_width(row: Row) -> int:
    return max((n for n, cell in enumerate(row.cells, 1) if cell.strip()), default=0)
