"""From the rows of a file to invoices: rows of one number are its lines; what does not add up is not taken. Pure.

Two kinds of files are common: one row a line, with the invoice's own fields repeated or only on its first row; and
one row an invoice, with nothing but its total. Both are read. An invoice is taken whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from desktop.books.drafts import check_day
from desktop.books.numbers import check_number_form
from desktop.errors import InputError
from desktop.models.states import InvoiceStatus
from desktop.money import PRICE_PLACES, ZERO, bookable, currency_places, plain, round_money
from desktop.sync.csv_columns import ColumnMap
from desktop.sync.csv_records import Cells, Reading, Rejected, reject, row_key
from desktop.sync.csv_text import Row, Table
from desktop.sync.csv_values import read_amount, read_date
from desktop.text import tr

_VOID = frozenset(["void", "voided", "deleted", "cancelled", "canceled", "storniert", "annule", "anulada"])
_DRAFT = frozenset(["draft", "drafts", "entwurf", "brouillon", "borrador", "estimate"])
_PAID = frozenset(["paid", "closed", "bezahlt", "payee", "paye", "pagada", "pagado", "cobrada"])
_NO_TAX = frozenset(["none", "no", "nil", "exempt", "non", "nontaxable", "zero", "free", "oos"])
_TOTALS = frozenset({"total", "totals", "grand total", "subtotal"})


@dataclass(frozen=True, slots=True)
class CsvLine:
    """One line; `tax_rate` in percent, None where the file says nothing about it."""

    row: int
    item: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CsvInvoice:
    """An invoice of a file; amounts in `currency`."""

    row: int
    """The first of its rows."""
    number: str
    customer: str
    email: str
    issued_on: date
    due_on: date | None
    currency: str
    lines: tuple[CsvLine, ...]
    status: InvoiceStatus
    discount_percent: Decimal | None = None
    discount_amount: Decimal | None = None
    note: str = ""
    total: Decimal | None = None
    """What the file says it comes to; None where it says nothing."""
    tax: Decimal | None = None
    paid: Decimal = ZERO
    paid_on: date | None = None
    """None where the file has no date for what was paid."""
    cells: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """All its rows as they stand in the file, to be saved again if it can't be kept."""

    @property
    def key(self) -> str:
        return row_key(self.row)


@dataclass
class _Group:
    number: str
    cells: list[Cells] = field(default_factory=list)


class _RowError(Exception):
    """What is wrong, and in which row."""

    def __init__(self, cells: Cells, error: InputError) -> None:
        super().__init__(error.sentence)
        self.row, self.sentence = cells.row.number, error.sentence


def read_invoices(table: Table, columns: ColumnMap, currency: str) -> Reading[CsvInvoice]:
    """The invoices of a file; `currency` is the desk's, for files that name none."""
    reading: Reading[CsvInvoice] = Reading()
    for group in _groups(table, columns, reading.rejected):
        try:
            reading.entries.append(_invoice(group, columns, currency))
        except _RowError as error:
            reading.rejected += _all_rejected(group, error)
    return reading


def _groups(table: Table, columns: ColumnMap, rejected: list[Rejected]) -> list[_Group]:
    """The rows by number; a row without one goes on with the invoice above it if it holds a line."""
    groups: dict[str, _Group] = {}
    last: _Group | None = None
    for row in table.rows:
        cells = Cells(row, columns)
        number = cells.text("number")
        if _is_total(row):
            rejected.append(reject(row, number, tr("This is a line of totals, not an invoice.")))
            continue
        if not number:
            goes_on = last is not None and (cells.text("item") or cells.text("description"))
            same = last is not None and cells.text("customer") in ("", last.cells[0].text("customer"))
            if last is not None and goes_on and same:
                last.cells.append(cells)
            else:
                rejected.append(reject(row, cells.text("customer"), tr("The invoice number is missing.")))
            continue
        last = groups.setdefault(number.casefold(), _Group(number))
        last.cells.append(cells)
    return list(groups.values())


def _is_total(row: Row) -> bool:
    first = next((cell.strip().casefold() for cell in row.cells if cell.strip()), "")
    return first in _TOTALS or first.startswith("total ")


def _all_rejected(group: _Group, error: _RowError) -> list[Rejected]:
    found = []
    for cells in group.cells:
        sentence = error.sentence
        if cells.row.number != error.row:
            sentence = tr("It belongs to invoice {number}: see row {row}.", number=group.number, row=error.row)
        found.append(reject(cells.row, group.number, sentence))
    return found


def _invoice(group: _Group, columns: ColumnMap, home: str) -> CsvInvoice:
    first = group.cells[0]
    try:
        check_number_form(group.number)
        customer = _same(group, "customer")
        if not customer:
            raise InputError("customer", tr("The customer's name is missing."))
        issued_on = _date(first, "issued_on", columns)
        if issued_on is None:
            raise InputError("issued_on", tr("The date of the invoice is missing."))
        due_on = _date(first, "due_on", columns)
        if due_on is not None and due_on < issued_on:
            raise InputError("due_on", tr("The due date lies before the date of the invoice."))
        currency = _currency(first, home)
        total = _money(group, "total", currency)
        tax = _money(group, "tax", currency) if total is not None else None
        status, says_paid = _status(first.text("status"))
        if total is not None and total < 0:
            raise InputError("total", tr("This is a credit, not an invoice: its total is below zero."))
        percent = first.amount("discount_percent", currency)
        off = first.amount("discount_amount", currency)
    except InputError as error:
        raise _RowError(first, error) from error
    lines = _lines(group, currency, total, tax)
    try:
        paid = _paid(group, total, currency, says_paid)
        paid_on = _date(first, "paid_on", columns) if paid else None
    except InputError as error:
        raise _RowError(first, error) from error
    return CsvInvoice(
        row=first.row.number,
        number=group.number,
        customer=" ".join(customer.split()),
        email=first.text("email") if "@" in first.text("email") else "",
        issued_on=issued_on,
        due_on=due_on,
        currency=currency,
        lines=lines,
        status=status,
        discount_percent=abs(percent) if percent else None,
        discount_amount=abs(off) if off and not percent else None,
        note=first.text("note"),
        total=total,
        tax=tax,
        paid=paid,
        paid_on=paid_on,
        cells=tuple((cells.row.number, cells.row.cells) for cells in group.cells),
    )


def _same(group: _Group, name: str) -> str:
    """A field of the invoice that may be repeated on each of its rows, and must not change there."""
    first = next((text for cells in group.cells if (text := cells.text(name))), "")
    for cells in group.cells:
        text = cells.text(name)
        if text and text.casefold() != first.casefold():
            sentence = tr(
                "Invoice {number} names both “{one}” and “{other}”.", number=group.number, one=first, other=text
            )
            raise _RowError(cells, InputError(name, sentence))
    return first


def _money(group: _Group, name: str, currency: str) -> Decimal | None:
    """An amount of the invoice as a whole, repeated or not. Raises InputError, or _RowError where it changes."""
    found: Decimal | None = None
    for cells in group.cells:
        value = cells.amount(name, currency)
        if value is None:
            continue
        value = bookable(value, currency, name)
        if found is not None and value != found:
            if name == "tax":
                return None  # a tax a line: the rates of the lines say it better
            sentence = tr(
                "Invoice {number} has two totals: {one} and {other}.", number=group.number, one=found, other=value
            )
            raise _RowError(cells, InputError(name, sentence))
        found = value
    return found


def _date(cells: Cells, name: str, columns: ColumnMap) -> date | None:
    text = cells.text(name)
    if not text:
        return None
    day = read_date(text, columns.dates.value)
    if day is None:
        raise InputError(name, tr("“{text}” is not a date that can be read.", text=text[:40]))
    return check_day(name, day)


def _currency(cells: Cells, home: str) -> str:
    code = cells.text("currency").upper()
    if not code:
        return home
    currency_places(code)
    return code


def _status(text: str) -> tuple[InvoiceStatus, bool]:
    """What the file's own word stands for, and whether it says that all is paid. Raises InputError for void ones."""
    words = {word for word in re.findall(r"[^\W\d_]+", text.casefold())}
    if words & _VOID:
        raise InputError("status", tr("It is void: nothing to take over."))
    if words & _DRAFT:
        return InvoiceStatus.DRAFT, False
    says_paid = bool(words & _PAID) and not words & {"partially", "partly", "partial", "not", "un", "unpaid"}
    return InvoiceStatus.SENT, says_paid


def _paid(group: _Group, total: Decimal | None, currency: str, says_paid: bool) -> Decimal:
    paid, owed = _money(group, "paid", currency), _money(group, "balance", currency)
    if paid is None and owed is not None and total is not None:
        paid = total - owed
    if paid is None and says_paid:
        if total is None:
            raise InputError("paid", tr("It is paid, but the file has no total that says how much."))
        paid = total
    paid = paid or ZERO
    if paid < 0 or (total is not None and paid > total):
        raise InputError("paid", tr("{paid} was paid on a total of {total}.", paid=paid, total=total or ZERO))
    return paid


# --- lines --------------------------------------------------------------------------------------------


def _lines(group: _Group, currency: str, total: Decimal | None, tax: Decimal | None) -> tuple[CsvLine, ...]:
    found = [line for cells in group.cells if (line := _line(cells, currency)) is not None]
    if found:
        return tuple(found)
    first = group.cells[0]
    if total is None:
        raise _RowError(first, InputError("lines", tr("Invoice {number} has no amount.", number=group.number)))
    words = first.text("description") or first.text("item") or tr("As invoiced")
    return (CsvLine(first.row.number, first.text("item"), words, Decimal(1), total - (tax or ZERO)),)


def _line(cells: Cells, currency: str) -> CsvLine | None:
    """The line in a row; None where the row holds only the invoice as a whole."""
    try:
        quantity = cells.amount("quantity", currency)
        price = cells.amount("unit_price", currency)
        amount = cells.amount("amount", currency)
        if quantity is None and price is None and amount is None:
            return None
        quantity, price = _quantity_and_price(quantity, price, amount, currency)
        rate = _rate(cells)
    except InputError as error:
        raise _RowError(cells, error) from error
    item, description = cells.text("item"), cells.text("description")
    return CsvLine(cells.row.number, " ".join(item.split()), description, quantity, price, rate)


def _quantity_and_price(
    quantity: Decimal | None, price: Decimal | None, amount: Decimal | None, currency: str
) -> tuple[Decimal, Decimal]:
    """What is missing of the three follows from the others; what contradicts itself is refused."""
    if price is None:
        if amount is None:
            return quantity or Decimal(1), ZERO
        if not quantity:
            return Decimal(1), amount
        exact = amount / quantity
        fine = round(exact, PRICE_PLACES)
        return (quantity, fine) if round_money(fine * quantity, currency) == amount else (Decimal(1), amount)
    if quantity is None:
        if amount is None or not price:
            return Decimal(1), price
        quantity = round(amount / price, PRICE_PLACES)
    if amount is not None and round_money(quantity * price, currency) != round_money(amount, currency):
        raise InputError(
            "amount",
            tr("{quantity} × {price} is not {amount}.", quantity=plain(quantity), price=plain(price), amount=amount),
        )
    return quantity, price


def _rate(cells: Cells) -> Decimal | None:
    """A tax rate in percent: "8.25", "8.25%", "20% (VAT on Income)", "Exempt"."""
    text = cells.text("tax_rate")
    if not text:
        return None
    percent = re.search(r"(\d+(?:[.,]\d+)?)\s*%", text)
    if percent is not None:
        return Decimal(percent[1].replace(",", "."))
    if _NO_TAX & set(re.findall(r"[^\W\d_]+", text.casefold())):
        return ZERO
    value, _sign = read_amount(text, cells.columns.marks.value, "tax_rate")
    return value


def total_lines(lines: Sequence[CsvLine], rate: Decimal | None) -> list[tuple[Decimal, Decimal, Decimal]]:
    """(quantity, price, rate) of each line, with `rate` where the file names none."""
    return [
        (line.quantity, line.unit_price, line.tax_rate if line.tax_rate is not None else (rate or ZERO))
        for line in lines
    ]
