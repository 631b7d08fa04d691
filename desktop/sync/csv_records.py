"""From the rows of a file to customers and items, each row judged by itself: what can't be taken is told with its row.

Pure. Nothing is lost: every row of the table ends in an entry or among the rejected, which keep their cells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Generic, TypeVar

from desktop.books.customers import CustomerDraft, check_customer, is_placeholder
from desktop.books.items import check_item
from desktop.errors import InputError
from desktop.kinds import CustomerKind
from desktop.providers.records import Address, CustomerRecord, ItemRecord
from desktop.sync.csv_columns import ColumnMap
from desktop.sync.csv_text import Row, Table
from desktop.sync.csv_values import fits_currency, read_amount, read_yes
from desktop.sync.drafts import draft_of_customer, draft_of_item
from desktop.text import tr

T = TypeVar("T")
Progress = Callable[[int, int], None]

_STAMP = re.compile(r"\d{1,2}:\d{2}.*\b(am|pm|gmt|utc)\b", re.IGNORECASE)
_TOTALS = frozenset({"total", "totals", "grand total", "sum", "summe", "gesamt", "total general"})
_KINDS = {
    CustomerKind.HOMEOWNER: "homeowner residential individual person private home consumer privat personal",
    CustomerKind.BUSINESS: "business commercial company corporate organization firma geschaft",
    CustomerKind.BUILDER: "builder contractor construction developer bauunternehmen",
}
_KIND_WORDS = {word: kind for kind, words in _KINDS.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that can't be taken, and why, in a sentence that names it."""

    row: int
    name: str
    sentence: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CsvCustomer:
    """A row that is a customer; its record has "row:14" in the place of the service's id."""

    row: int
    record: CustomerRecord
    notes: str = ""
    kind: CustomerKind | None = None
    """What the file itself calls the customer."""
    remark: str = ""
    """What was put elsewhere than it stood, for the owner to see."""

    @property
    def key(self) -> str:
        return self.record.external_id or ""


@dataclass(frozen=True, slots=True)
class CsvItem:
    """A row that is an item."""

    row: int
    record: ItemRecord

    @property
    def key(self) -> str:
        return self.record.external_id or ""


@dataclass
class Reading(Generic[T]):
    """What became of the rows of a file."""

    entries: list[T] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def row_key(row: int) -> str:
    """What stands for the external id of a record that came from a file."""
    return f"row:{row}"


def reject(row: Row, name: str, sentence: str) -> Rejected:
    """`row` with its reason, as the owner reads it."""
    return Rejected(row.number, name, tr("Row {row}: {sentence}", row=row.number, sentence=sentence), row.cells)


class Cells:
    """The cells of one row by the names of fields."""

    def __init__(self, row: Row, columns: ColumnMap) -> None:
        self.row = row
        self.columns = columns

    def text(self, name: str) -> str:
        """The cell, "" where the file has none."""
        return self.row.cell(self.columns.places.get(name, -1))

    def amount(self, name: str, currency: str) -> Decimal | None:
        """An amount in `currency`, None for an empty cell. Raises InputError."""
        text = self.text(name)
        if not text:
            return None
        value, sign = read_amount(text, self.columns.marks.value, name)
        if not fits_currency(sign, currency):
            raise InputError(name, tr("“{text}” is not in {currency}.", text=text[:40], currency=currency))
        return value


# --- customers ----------------------------------------------------------------------------------------


def read_customers(table: Table, columns: ColumnMap, progress: Progress | None = None) -> Reading[CsvCustomer]:
    """The customers of a file. A row equal to an earlier one is not taken twice."""
    reading: Reading[CsvCustomer] = Reading()
    seen: dict[CustomerRecord, int] = {}
    for done, row in enumerate(table.rows, 1):
        cells = Cells(row, columns)
        name = _customer_name(cells)
        try:
            entry = _customer(cells, name, table.width)
        except InputError as error:
            reading.rejected.append(reject(row, name, error.sentence))
            continue
        bare = _without_key(entry.record)
        if bare in seen:
            reading.rejected.append(reject(row, name, tr("The same customer stands in row {row}.", row=seen[bare])))
            continue
        seen[bare] = row.number
        reading.entries.append(entry)
        if progress is not None and done % 500 == 0:
            progress(done, len(table.rows))
    return reading


def _without_key(record: CustomerRecord) -> CustomerRecord:
    return replace(record, external_id=None)


def _customer_name(cells: Cells) -> str:
    person = " ".join(part for part in (cells.text("given_name"), cells.text("family_name")) if part)
    return _one_line(cells.text("display_name")) or _one_line(cells.text("company_name")) or _one_line(person)


def _customer(cells: Cells, name: str, width: int) -> CsvCustomer:
    _refuse_footers(cells.row, width)
    if not name:
        raise InputError("display_name", tr("The name is missing."))
    email, notes, remark = _email(cells.text("email"), cells.text("notes"))
    line1, line2 = _street(cells.text("line1"), cells.text("line2"))
    record = CustomerRecord(
        display_name=name,
        external_id=row_key(cells.row.number),
        given_name=cells.text("given_name"),
        family_name=cells.text("family_name"),
        company_name=_one_line(cells.text("company_name")),
        email=email,
        phone=_one_line(cells.text("phone")),
        address=Address(
            line1,
            line2,
            cells.text("city"),
            cells.text("region"),
            cells.text("postal_code"),
            cells.text("country"),
        ),
        active=read_yes(cells.text("active"), True, "active"),
    )
    entry = CsvCustomer(cells.row.number, record, notes, kind_named(cells.text("kind")), remark)
    check_customer(customer_draft(entry, CustomerKind.HOMEOWNER))
    return entry


def _refuse_footers(row: Row, width: int) -> None:
    """Reports end in a line of totals and the time of printing: no customers."""
    filled = [cell.strip() for cell in row.cells if cell.strip()]
    if len(filled) == 1 and width > 2 and (filled[0].casefold() in _TOTALS or _STAMP.search(filled[0])):
        raise InputError("display_name", tr("This is the foot of a report, not a customer."))


def _email(text: str, notes: str) -> tuple[str, str, str]:
    """The first of several addresses; the others go to the notes, and that is said."""
    parts = [part.strip().removeprefix("mailto:") for part in re.split(r"[,;\s]+", text) if part.strip()]
    parts = [part.strip("<>") for part in parts if not is_placeholder(part.strip("<>"))]
    addresses = [part for part in parts if "@" in part]
    if len(addresses) > 1 and len(addresses) == len(parts):
        also = tr("Other e-mail: {emails}", emails=", ".join(addresses[1:]))
        return addresses[0], "\n".join(part for part in (notes, also) if part), also
    return (" ".join(parts), notes, "")


def _street(line1: str, line2: str) -> tuple[str, str]:
    """An address of several lines in one cell: the first is the street, the rest follows it."""
    lines = [line.strip() for line in line1.splitlines() if line.strip()]
    if len(lines) <= 1:
        return "".join(lines), _one_line(line2)
    return lines[0], ", ".join(part for part in (*lines[1:], _one_line(line2)) if part)


def _one_line(text: str) -> str:
    """Line breaks inside a name or phone are the layout of the cell, not part of it."""
    return " ".join(text.split()) if any(char in text for char in "\r\n\t") else text


def kind_named(text: str) -> CustomerKind | None:
    """The type that a file's own word stands for, if it is one of ours."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return next((_KIND_WORDS[word] for word in reversed(words) if word in _KIND_WORDS), None)


def customer_draft(entry: CsvCustomer, kind: CustomerKind, reason: str = "", *, chosen: bool = False) -> CustomerDraft:
    """What is kept of a customer of a file."""
    return draft_of_customer(entry.record, kind, reason, chosen=chosen, notes=entry.notes)


# --- items --------------------------------------------------------------------------------------------


def read_items(table: Table, columns: ColumnMap, currency: str) -> Reading[CsvItem]:
    """The items of a file, with prices in `currency`, the desk's."""
    reading: Reading[CsvItem] = Reading()
    seen: dict[str, int] = {}
    for row in table.rows:
        cells = Cells(row, columns)
        name = _one_line(cells.text("name"))
        try:
            record = _item(cells, name, currency)
        except InputError as error:
            reading.rejected.append(reject(row, name, error.sentence))
            continue
        key = name.casefold()
        if key in seen:
            reading.rejected.append(reject(row, name, tr("An item of this name stands in row {row}.", row=seen[key])))
            continue
        seen[key] = row.number
        reading.entries.append(CsvItem(row.number, record))
    return reading


def _item(cells: Cells, name: str, currency: str) -> ItemRecord:
    record = ItemRecord(
        name=name,
        external_id=row_key(cells.row.number),
        description=cells.text("description"),
        unit_price=cells.amount("unit_price", currency),
        taxable=read_yes(cells.text("taxable"), False, "taxable"),
        active=read_yes(cells.text("active"), True, "active"),
        sku=_one_line(cells.text("sku")),
    )
    check_item(draft_of_item(record))
    return record


def in_rows(rejected: Sequence[Rejected]) -> list[Rejected]:
    """In the order of the file."""
    return sorted(rejected, key=lambda one: one.row)
