"""Files as people have them: delimiter, encoding and header found out; each row is an entry or a sentence."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.books.sheets import escaped, unescaped
from desktop.errors import InputError
from desktop.kinds import CustomerKind
from desktop.models.states import InvoiceStatus
from desktop.sync.csv_columns import ColumnMap, FileKind, known_headings, suggest
from desktop.sync.csv_invoices import CsvInvoice, read_invoices
from desktop.sync.csv_records import CsvCustomer, CsvItem, Reading, read_customers, read_items
from desktop.sync.csv_text import Table, make_table
from desktop.sync.csv_values import date_style, decimal_mark, read_amount, read_date

CUSTOMERS, ITEMS, INVOICES = FileKind.CUSTOMERS, FileKind.ITEMS, FileKind.INVOICES


def table(data: bytes | str, kind: FileKind = CUSTOMERS) -> Table:
    return make_table(data, known_headings(kind))


def columns(data: bytes | str, kind: FileKind = CUSTOMERS) -> dict[str, str]:
    made = table(data, kind)
    return {name: made.header[place] for name, place in suggest(made, kind).places.items()}


def customers(data: bytes | str) -> Reading[CsvCustomer]:
    made = table(data)
    return read_customers(made, suggest(made, CUSTOMERS))


def items(data: bytes | str) -> Reading[CsvItem]:
    made = table(data, ITEMS)
    return read_items(made, suggest(made, ITEMS), "USD")


def invoices(data: bytes | str, **styles: str) -> Reading[CsvInvoice]:
    made = table(data, INVOICES)
    found = suggest(made, INVOICES)
    return read_invoices(made, found.with_styles(**styles) if styles else found, "USD")


# --- text -----------------------------------------------------------------------------------------------

NAMES = "Name,City\nBjörn Müller,Köln\nZoë “Z” O’Hara,Málaga\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "mac_roman"])
def test_N17_the_encoding_is_found_out(encoding: str) -> None:
    made = table(NAMES.encode(encoding))
    assert [row.cells for row in made.rows] == [("Björn Müller", "Köln"), ("Zoë “Z” O’Hara", "Málaga")]


def test_N17_the_owner_may_name_another_encoding() -> None:
    data = "Name,City\nДмитрий,Москва\n".encode("cp1251")
    assert make_table(data, known_headings(CUSTOMERS), encoding="cp1251").rows[0].cells == ("Дмитрий", "Москва")
    with pytest.raises(InputError, match="can't be read this way"):
        make_table(b"Name\n\xff\xfe\xff", known_headings(CUSTOMERS), encoding="utf-8")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_N17_the_delimiter_is_found_out(delimiter: str) -> None:
    text = delimiter.join(["Name", "Phone", "City"]) + "\n" + delimiter.join(['"Smith, John"', "1; 2", '"a|b"']) + "\n"
    assert table(text).rows[0].cells[0] == "Smith, John"
    assert table(text).delimiter == delimiter


def test_N17_excel_says_its_delimiter_in_the_first_line() -> None:
    made = table("sep=;\r\nName;City\r\nA, B;x\r\n")
    assert (made.rows[0].cells, made.rows[0].number) == (("A, B", "x"), 3)


def test_N17_quoted_line_breaks_and_blank_rows_keep_the_row_numbers_of_the_spreadsheet() -> None:
    made = table('Name,Address\r\n"Mason, Mary","12 Oak St\r\nAustin, TX"\r\n\r\n,\r\nBob,\r\n')
    assert [(row.number, row.cell(0)) for row in made.rows] == [(2, "Mason, Mary"), (5, "Bob")]
    assert made.rows[0].cell(1) == "12 Oak St\nAustin, TX"


def test_N17_a_report_with_a_title_above_and_a_stamp_below() -> None:
    text = (
        "Acme Plumbing LLC,,\nCustomer Contact List,,\n,,\nCustomer full name,Phone numbers,Email\n"
        "Mary Mason,512 555 0100,mary@mason.example\n,,\n"
        '"Thursday, Nov 12, 2026 10:22 AM GMT-08:00",,\nTOTAL,,\n'
    )
    reading = customers(text)
    assert [entry.record.display_name for entry in reading.entries] == ["Mary Mason"]
    assert [one.row for one in reading.rejected] == [7, 8]
    assert all("foot of a report" in one.sentence for one in reading.rejected)


def test_N17_a_file_without_a_header_begins_with_its_first_row() -> None:
    made = table("Bob,bob@x.example\nAnn,ann@x.example\n")
    assert made.header_row == 0 and [row.number for row in made.rows] == [1, 2]
    chosen = ColumnMap(CUSTOMERS).with_place(made, "display_name", 0).with_place(made, "email", 1)
    assert [e.record.email for e in read_customers(made, chosen).entries] == ["bob@x.example", "ann@x.example"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"   \n\n", "is empty"),
        (b"PK\x03\x04rest of a workbook", "CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0old workbook", "CSV UTF-8"),
        (b"%PDF-1.7 ...", "document"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"Name,City\n", "nothing below"),
        (b'Name,City\nA,b\n"C,d\ne,f\n', "row 3 is opened and never closed"),
    ],
)
def test_N17_what_is_no_list_is_told_in_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(InputError) as caught:
        table(data)
    assert words in caught.value.sentence


def test_N17_cells_pasted_from_a_spreadsheet_are_a_table_too() -> None:
    reading = customers('Name\tPhone\nAnn\t"5\n6"\nBob\t7')
    assert [(e.record.display_name, e.record.phone) for e in reading.entries] == [("Ann", "5 6"), ("Bob", "7")]
    with pytest.raises(InputError, match="Nothing was pasted"):
        table("  \n")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_N17_any_bytes_at_all_give_a_table_or_a_sentence(data: bytes) -> None:
    try:
        made = table(data)
    except InputError as error:
        assert error.sentence
        return
    reading = read_customers(made, ColumnMap(CUSTOMERS).with_place(made, "display_name", 0))
    assert len(reading.entries) + len(reading.rejected) == len(made.rows)


@given(st.text(max_size=12).map(lambda text: text) | st.sampled_from(["=1", "'=1", "''+a", "\t@x", " -5", "'a", "＝1"]))
def test_U5_what_is_escaped_for_a_spreadsheet_comes_back_to_the_letter(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert not escaped(text).lstrip().startswith(("=", "+", "-", "@", "＝"))


# --- columns --------------------------------------------------------------------------------------------

HEADINGS = [
    (CUSTOMERS, "Display Name,First Name,Last Name,Company Name,Primary Email,Billing Street,Billing City,Billing Zip",
     {"display_name": "Display Name", "email": "Primary Email",
      "line1": "Billing Street", "postal_code": "Billing Zip"}),
    (CUSTOMERS, "ContactName,EmailAddress,POAddressLine1,POCity,PORegion,POPostalCode,POCountry",
     {"display_name": "ContactName", "line1": "POAddressLine1", "region": "PORegion", "country": "POCountry"}),
    (CUSTOMERS, "Organization,First Name,Last Name,Email,Street,Province,Postal Code",
     {"company_name": "Organization", "given_name": "First Name", "region": "Province"}),
    (CUSTOMERS, "Kunde;Vorname;Nachname;E-Mail;Straße;PLZ;Ort",
     {"display_name": "Kunde", "family_name": "Nachname", "line1": "Straße", "postal_code": "PLZ", "city": "Ort"}),
    (CUSTOMERS, "Given Name,Family Name,E-mail 1 - Value,Phone 1 - Value",
     {"given_name": "Given Name", "email": "E-mail 1 - Value", "phone": "Phone 1 - Value"}),
    (CUSTOMERS, "Name,Shipping Address,Billing Address", {"display_name": "Name", "line1": "Billing Address"}),
    (ITEMS, "Product/Service Name,Sales Description,SKU,Sales Price / Rate,Taxable",
     {"name": "Product/Service Name", "sku": "SKU", "unit_price": "Sales Price / Rate"}),
    (ITEMS, "Artikel;Beschreibung;Preis", {"name": "Artikel", "unit_price": "Preis"}),
    (INVOICES, "*ContactName,EmailAddress,*InvoiceNumber,*InvoiceDate,*DueDate,*Description,*Quantity,*UnitAmount",
     {"customer": "*ContactName", "number": "*InvoiceNumber",
      "issued_on": "*InvoiceDate", "unit_price": "*UnitAmount"}),
    (INVOICES, "Date,Num,Name,Due Date,Amount,Open Balance",
     {"issued_on": "Date", "number": "Num", "customer": "Name", "total": "Amount", "balance": "Open Balance"}),
    (INVOICES, "Client Name,Invoice #,Date Issued,Item Name,Quantity,Rate,Line Total,Tax 1 Amount,Invoice Status",
     {"customer": "Client Name", "number": "Invoice #", "issued_on": "Date Issued", "amount": "Line Total"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "heading", "expected"), HEADINGS)
def test_N17_headings_of_many_programs_are_understood(kind: FileKind, heading: str, expected: dict[str, str]) -> None:
    delimiter = ";" if ";" in heading else ","
    row = delimiter.join("x" for _ in heading.split(delimiter))
    found = columns(f"{heading}\n{row}\n", kind)
    assert {name: found.get(name) for name in expected} == expected


def test_N17_the_owner_corrects_a_column() -> None:
    made = table("Alias,Name\nBobby,Robert\n")
    found = suggest(made, CUSTOMERS)
    assert found.field_of(1) == "display_name"
    moved = found.with_place(made, "display_name", 0)
    assert (moved.field_of(0), moved.field_of(1)) == ("display_name", "")
    assert moved.with_place(made, "display_name", None).problem().startswith("Choose the column")


def test_N17_a_status_column_of_another_meaning_is_left_alone() -> None:
    assert "active" not in columns("Name,Status\nA,Lead\nB,VIP\n")
    assert columns("Name,Status\nA,Active\nB,Archived\n")["active"] == "Status"


# --- dates and amounts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "style", "day"),
    [
        ("2026-04-03", "mdy", date(2026, 4, 3)),
        ("04/03/2026", "mdy", date(2026, 4, 3)),
        ("04/03/2026", "dmy", date(2026, 3, 4)),
        ("3.4.26", "dmy", date(2026, 4, 3)),
        ("2026/4/3 10:15:00 AM", "ymd", date(2026, 4, 3)),
        ("20260403", "ymd", date(2026, 4, 3)),
        ("3 Apr 2026", "mdy", date(2026, 4, 3)),
        ("April 3, 2026", "dmy", date(2026, 4, 3)),
        ("Fri, 03-Apr-26", "mdy", date(2026, 4, 3)),
        ("3. März 2026", "dmy", date(2026, 3, 3)),
        ("46115", "serial", date(2026, 4, 3)),
        ("2026-02-30", "ymd", None),
        ("31/12/2026", "mdy", None),
        ("soon", "mdy", None),
    ],
)
def test_N17_dates_in_several_styles(text: str, style: str, day: date | None) -> None:
    assert read_date(text, style) == day


def test_N17_a_column_of_dates_knows_its_style_or_it_is_asked() -> None:
    assert date_style(["03/04/2026", "25/04/2026"]).value == "dmy"
    assert date_style(["03/04/2026", "04/25/2026"]).value == "mdy"
    assert date_style(["03/04/2026", "05/04/2026"]).open == ("mdy", "dmy")
    assert not date_style(["04/04/2026", "05/05/2026"]).ambiguous
    assert date_style(["2026-04-03"]).value == "ymd"
    assert date_style(["46115", "46116"]).value == "serial"


@pytest.mark.parametrize(
    ("text", "mark", "value", "sign"),
    [
        ("1,234.50", ".", "1234.50", ""),
        ("1.234,50", ",", "1234.50", ""),
        ("$1,234.50", ".", "1234.50", "$"),
        ("-$5.00", ".", "-5.00", "$"),
        ("$-5.00", ".", "-5.00", "$"),
        ("(1,200)", ".", "-1200", ""),
        ("12,50 €", ",", "12.50", "€"),
        ("USD 7", ".", "7", "USD"),
        ("1 234,5", ",", "1234.5", ""),
        ("1'234.50", ".", "1234.50", ""),
        ("12,34,567.00", ".", "1234567.00", ""),
        ("5-", ".", "-5", ""),
    ],
)
def test_N17_amounts_as_people_write_them(text: str, mark: str, value: str, sign: str) -> None:
    assert read_amount(text, mark) == (Decimal(value), sign)


@pytest.mark.parametrize("text", ["abc", "1,23,4", "1.2.3", "12 apples", "$5 USD", "--5", "NaN", "1e5"])
def test_N17_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not an amount"):
        read_amount(text, ".")


def test_N17_a_column_of_amounts_knows_its_decimal_mark_or_it_is_asked() -> None:
    assert decimal_mark(["1,234", "5.50"]).value == "."
    assert decimal_mark(["1.234", "5,50"]).value == ","
    assert decimal_mark(["12,5"]) == decimal_mark(["0,125"])
    assert decimal_mark(["1,234", "2,500"]).open == (".", ",")
    assert decimal_mark(["5.50", "5,50"]).ambiguous
    assert not decimal_mark(["100", "20"]).ambiguous


# --- customers and items --------------------------------------------------------------------------------


def test_N17_customers_with_their_own_words() -> None:
    (entry,) = customers(
        "First,Last,E-Mail,Address,Type,Active,Notes\n"
        'Mary,Mason,"mary@m.example; office@m.example","12 Oak St\nUnit 4",Residential,no,Gate code 5\n'
    ).entries
    record = entry.record
    assert (record.display_name, record.given_name, record.email) == ("Mary Mason", "Mary", "mary@m.example")
    assert (record.address.line1, record.address.line2, record.active) == ("12 Oak St", "Unit 4", False)
    assert (entry.kind, entry.notes) == (CustomerKind.HOMEOWNER, "Gate code 5\nOther e-mail: office@m.example")
    assert "office@m.example" in entry.remark


def test_N17_each_fault_has_its_row_in_a_sentence_and_nothing_is_lost() -> None:
    reading = customers("Name,Email,City\nAnn,ann@,x\n,b@x.example,y\nBob,b@x.example,z\nBob,b@x.example,z\n")
    assert [entry.row for entry in reading.entries] == [4]
    assert [one.sentence for one in reading.rejected] == [
        "Row 2: “ann@” is not an e-mail address.",
        "Row 3: The name is missing.",
        "Row 5: The same customer stands in row 4.",
    ]
    assert reading.rejected[0].cells == ("Ann", "ann@", "x")


def test_M133_I19_a_placeholder_in_a_file_is_no_address() -> None:
    (entry,) = customers("Name,Email\nAnn,0b7c@placeholder.local\n").entries
    assert entry.record.email == ""


def test_N17_items_with_prices_of_several_styles() -> None:
    reading = items("Item;Preis;Code\nSurvey;1.250,00 $;S-1\nHose;0,85;\nHose;1,00;\nBad;viel;\nEuro;5,00 €;\n")
    assert [(e.record.name, e.record.unit_price) for e in reading.entries] == [
        ("Survey", Decimal("1250.00")),
        ("Hose", Decimal("0.85")),
    ]
    assert [one.sentence for one in reading.rejected] == [
        "Row 4: An item of this name stands in row 3.",
        "Row 5: “viel” is not an amount.",
        "Row 6: “5,00 €” is not in USD.",
    ]


# --- invoices -------------------------------------------------------------------------------------------

LINES = """Invoice #,Customer,Invoice date,Due date,Item,Description,Qty,Rate,Amount,Total,Balance,Status
1001,Mary Mason,2026-03-04,2026-04-03,Survey,Look at it,2,50.00,100.00,160.00,60.00,Sent
1001,Mary Mason,2026-03-04,2026-04-03,Hose,,1,60.00,60.00,160.00,60.00,Sent
1002,Green Valley LLC,2026-03-05,,Survey,,1,50.00,50.00,50.00,0,Paid
,,,,,Second visit,1,0,,,,
"""


def test_N17_rows_of_one_number_are_the_lines_of_one_invoice() -> None:
    first, second = invoices(LINES).entries
    assert (first.number, first.customer, first.total, first.paid) == ("1001", "Mary Mason", 160, 100)
    assert [(line.item, line.quantity, line.unit_price) for line in first.lines] == [("Survey", 2, 50), ("Hose", 1, 60)]
    assert (first.due_on, first.status) == (date(2026, 4, 3), InvoiceStatus.SENT)
    assert (second.paid, len(second.lines), second.lines[1].description) == (50, 2, "Second visit")


def test_N17_a_list_of_totals_gives_invoices_of_one_line() -> None:
    text = 'Date,Num,Name,Amount,Open balance\n03/25/2026,7,Mason,"1,200.00",200.00\nTOTAL,,,"1,200.00",\n'
    reading = invoices(text)
    (entry,) = reading.entries
    assert (entry.issued_on, entry.total, entry.paid) == (date(2026, 3, 25), Decimal(1200), Decimal(1000))
    assert [(line.quantity, line.unit_price) for line in entry.lines] == [(1, Decimal("1200.00"))]
    assert "totals" in reading.rejected[0].sentence


def test_N17_an_ambiguous_date_is_read_as_the_owner_says() -> None:
    text = "Number,Customer,Date,Total\n1,A,03/04/2026,10\n"
    assert invoices(text, dates="mdy").entries[0].issued_on == date(2026, 3, 4)
    assert invoices(text, dates="dmy").entries[0].issued_on == date(2026, 4, 3)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1,A,2026-13-01,,1,5,5,5", "Row 2: “2026-13-01” is not a date"),
        ("1,,2026-03-01,,1,5,5,5", "Row 2: The customer's name is missing."),
        ("1,A,2026-03-01,2026-02-01,1,5,5,5", "Row 2: The due date lies before"),
        ("1,A,2026-03-01,,2,5,9,9", "Row 2: 2 × 5 is not 9."),
        ("1,A,2026-03-01,,1,x,5,5", "Row 2: “x” is not an amount."),
        (",A,2026-03-01,,1,5,5,5", "Row 2: The invoice number is missing."),
        ("1,A,2026-03-01,,1,-5,-5,-5", "Row 2: This is a credit"),
        (f"{'9' * 30},A,2026-03-01,,1,5,5,5", "too long"),
    ],
)
def test_N17_an_invoice_is_taken_whole_or_its_fault_is_told(row: str, words: str) -> None:
    reading = invoices(f"Number,Customer,Date,Due,Qty,Price,Amount,Total\n{row}\n")
    assert not reading.entries and words in reading.rejected[0].sentence


def test_N17_a_fault_in_one_line_keeps_all_rows_of_its_invoice_together() -> None:
    text = "Number,Customer,Date,Item,Price\n1,A,2026-03-01,x,5\n1,A,2026-03-01,y,?\n2,B,2026-03-01,z,5\n"
    reading = invoices(text)
    assert [entry.number for entry in reading.entries] == ["2"]
    assert [one.sentence for one in reading.rejected] == [
        "Row 2: It belongs to invoice 1: see row 3.",
        "Row 3: “?” is not an amount.",
    ]


def test_N17_a_long_list_is_read_whole() -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["Name", "Email", "Phone", "Street", "City"])
    for n in range(1_500):
        writer.writerow([f"Customer {n}", f"c{n}@x.example", f"555-{n:05}", f"{n} Oak St", "Austin"])
    assert len(customers(out.getvalue().encode()).entries) == 1_500
