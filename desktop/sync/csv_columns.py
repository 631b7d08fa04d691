"""Which column of a file means what: suggested by the wording of its headings, corrected by the owner. Pure.

The wordings lie in `resources/rules/csv_headers.txt`, so that one more can be added without touching code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache

from desktop.errors import InputError
from desktop.sync.csv_text import Table, plain_words
from desktop.sync.csv_values import Style, date_style, decimal_mark, read_yes
from desktop.sync.wordlists import sections
from desktop.text import tr


class FileKind(StrEnum):
    """What a file lists."""

    CUSTOMERS = "customers"
    ITEMS = "items"
    INVOICES = "invoices"


_NAMES: Mapping[FileKind, str] = {
    FileKind.CUSTOMERS: "customer",
    FileKind.ITEMS: "item",
    FileKind.INVOICES: "invoice",
}
DATE_FIELDS = ("issued_on", "due_on", "paid_on")
AMOUNT_FIELDS = (
    "unit_price",
    "quantity",
    "amount",
    "tax_rate",
    "tax",
    "discount_percent",
    "discount_amount",
    "total",
    "paid",
    "balance",
)
YES_NO = ("active", "taxable")
_LEADING = re.compile(
    r"^(primary|main|customer|client|contact|billing|bill to|bill|mailing|invoice|line item|line|item) "
)


@dataclass(frozen=True, slots=True)
class FileField:
    """One thing that a column may mean."""

    name: str
    label: str
    needed: bool = False


def fields_of(kind: FileKind) -> tuple[FileField, ...]:
    """Everything that a file of this kind may hold, in the order shown."""
    if kind is FileKind.CUSTOMERS:
        return (
            FileField("display_name", tr("Name")),
            FileField("given_name", tr("First name")),
            FileField("family_name", tr("Last name")),
            FileField("company_name", tr("Company")),
            FileField("email", tr("E-mail")),
            FileField("phone", tr("Phone")),
            FileField("line1", tr("Street")),
            FileField("line2", tr("Address line 2")),
            FileField("city", tr("City")),
            FileField("region", tr("State")),
            FileField("postal_code", tr("ZIP code")),
            FileField("country", tr("Country")),
            FileField("kind", tr("Type")),
            FileField("active", tr("Active")),
            FileField("notes", tr("Notes")),
        )
    if kind is FileKind.ITEMS:
        return (
            FileField("name", tr("Name"), True),
            FileField("description", tr("Description")),
            FileField("unit_price", tr("Price")),
            FileField("sku", tr("Code")),
            FileField("taxable", tr("Taxable")),
            FileField("active", tr("Active")),
        )
    return (
        FileField("number", tr("Invoice number"), True),
        FileField("customer", tr("Customer"), True),
        FileField("email", tr("Customer's e-mail")),
        FileField("issued_on", tr("Date"), True),
        FileField("due_on", tr("Due")),
        FileField("item", tr("Item")),
        FileField("description", tr("Description")),
        FileField("quantity", tr("Quantity")),
        FileField("unit_price", tr("Unit price")),
        FileField("amount", tr("Line amount")),
        FileField("tax_rate", tr("Tax rate")),
        FileField("tax", tr("Tax amount")),
        FileField("discount_percent", tr("Discount in percent")),
        FileField("discount_amount", tr("Discount")),
        FileField("total", tr("Invoice total")),
        FileField("paid", tr("Paid so far")),
        FileField("balance", tr("Still owed")),
        FileField("paid_on", tr("Date paid")),
        FileField("currency", tr("Currency")),
        FileField("status", tr("Status")),
        FileField("note", tr("Note")),
    )


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """What each field is read from, and how dates and amounts are written."""

    kind: FileKind
    places: Mapping[str, int] = field(default_factory=dict)
    """Field -> the place of its column, from 0."""
    dates: Style = Style("ymd")
    marks: Style = Style(".")

    def with_place(self, table: Table, name: str, place: int | None) -> ColumnMap:
        """The owner says that a field stands in that column, or (None) in none; styles are found out anew."""
        places = {key: value for key, value in self.places.items() if key != name and value != place}
        if place is not None:
            places[name] = place
        return _styled(table, replace(self, places=places))

    def with_styles(self, *, dates: str | None = None, marks: str | None = None) -> ColumnMap:
        """The owner's answer to what was open."""
        return replace(
            self,
            dates=Style(dates) if dates is not None else self.dates,
            marks=Style(marks) if marks is not None else self.marks,
        )

    def field_of(self, place: int) -> str:
        """What a column means; "" for nothing."""
        return next((name for name, where in self.places.items() if where == place), "")

    def problem(self) -> str:
        """What is still missing before the rows can be read, as a sentence; "" when nothing is."""
        if self.kind is FileKind.CUSTOMERS:
            if not {"display_name", "given_name", "family_name", "company_name"} & set(self.places):
                return tr("Choose the column that holds the names of the customers.")
            return ""
        for one in fields_of(self.kind):
            if one.needed and one.name not in self.places:
                return tr("Choose the column for: {field}.", field=one.label)
        if self.kind is FileKind.INVOICES and not {"amount", "unit_price", "total"} & set(self.places):
            return tr("Choose the column for the amounts: line amount, unit price or invoice total.")
        return ""


@cache
def known_headings(kind: FileKind) -> frozenset[str]:
    """Every wording of a heading for this kind, in the form of `plain_words`."""
    prefix = _NAMES[kind] + "."
    lists = sections("csv_headers").items()
    words = {plain_words(word) for name, part in lists if name.startswith(prefix) for word in part}
    return frozenset(words) | frozenset(plain_words(one.label) for one in fields_of(kind))


def suggest(table: Table, kind: FileKind) -> ColumnMap:
    """The columns as their headings say; the first of two alike wins, the better wording before the vaguer one."""
    lists = sections("csv_headers")
    headings = [plain_words(text) for text in table.header]
    free = set(range(len(headings)))
    places: dict[str, int] = {}
    for tier in range(4):
        for one in fields_of(kind):
            if one.name in places:
                continue
            prefix = f"{_NAMES[kind]}.{one.name}"
            exact = {plain_words(word) for word in lists.get(prefix, ())} | {plain_words(one.label)}
            vague = {plain_words(word) for word in lists.get(f"{prefix} 2", ())}
            place = _first(headings, free, exact if tier in (0, 2) else vague, stripped=tier >= 2)
            if place is not None:
                places[one.name] = place
                free.discard(place)
    if kind is FileKind.INVOICES:
        _tell_amounts_apart(table, places)
    for name in YES_NO:  # "Status" and "Tax" are the headings of many things
        if name in places and not _all_yes_or_no(table.values(places[name])):
            del places[name]
    return _styled(table, ColumnMap(kind, places))


def _first(headings: Sequence[str], free: set[int], words: set[str], *, stripped: bool) -> int | None:
    for place, heading in enumerate(headings):
        text = _LEADING.sub("", heading) if stripped else heading
        if place in free and text and text in words:
            return place
    return None


def _all_yes_or_no(values: Sequence[str]) -> bool:
    try:
        return all(isinstance(read_yes(text, True, ""), bool) for text in values)
    except InputError:
        return False


def _tell_amounts_apart(table: Table, places: dict[str, int]) -> None:
    """One "Amount" in a list without lines is the amount of the invoice, not that of a line."""
    has_lines = {"item", "quantity", "unit_price", "description"} & set(places)
    if "amount" in places and "total" not in places and not has_lines:
        places["total"] = places.pop("amount")


def _styled(table: Table, columns: ColumnMap) -> ColumnMap:
    dates = [text for name in DATE_FIELDS if name in columns.places for text in table.values(columns.places[name])]
    amounts = [text for name in AMOUNT_FIELDS if name in columns.places for text in table.values(columns.places[name])]
    return replace(columns, dates=date_style(dates), marks=decimal_mark(amounts))
