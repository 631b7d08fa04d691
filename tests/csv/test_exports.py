"""Lists as CSV: out and in again gives the same rows; nothing in them runs; placeholders stay here (N17, U5, I19)."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from desktop.books import exports
from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.invoice_lists import InvoiceFilter, invoice_ids, invoice_rows
from desktop.books.invoices import InvoiceDraft, LineDraft, create_invoice, mark_sent
from desktop.books.payments import PaymentDraft, record_payment
from desktop.clock import ManualClock
from desktop.models.customer import Customer
from desktop.models.invoice import TaxCode
from desktop.models.item import Item
from desktop.models.session import open_database
from desktop.ui.csv_files import csv_bytes
from tests.books.writing import START, Office
from tests.csv.desks import bring_customers, bring_invoices, bring_items, customers_here, invoice_here, items_here

NASTY = ("=1+1", "+15125550100", "-5", "@sum", "'quoted", "''=x", "\ttab", " =blank", "a\nb", 'say "hi", ok', "Zoë 😀")


def file_of(office: Office, export: Any, table: Any = None, ids: list[int] | None = None) -> bytes:
    if ids is None:
        with office.database.read() as session:
            ids = list(session.scalars(select(table.id).order_by(table.id)))
    return csv_bytes(office.ask(export, ids))


def empty_books(tmp_path: Any) -> Office:
    clock = ManualClock(START)
    return Office(open_database(str(tmp_path / "other.db"), clock, backup_dir=tmp_path / "backups"), clock)


async def test_N17_U5_customers_out_and_in_again_are_the_same(office: Office, tmp_path: Any) -> None:
    for n, text in enumerate(NASTY):
        flat = " ".join(text.split())
        office.customer(
            f"{flat} {n}".strip(), phone=flat, city=flat, notes=text.strip(), company_name=flat, active=n != 3
        )
    data = file_of(office, exports.customers_table, Customer)
    other = empty_books(tmp_path)
    _, result, rejected = await bring_customers(other, data)
    assert rejected == []
    fields = ("display_name", "company_name", "phone", "city", "notes", "kind", "active")
    before = {tuple(getattr(one, name) for name in fields) for one in customers_here(office)}
    after = {tuple(getattr(one, name) for name in fields) for one in customers_here(other)}
    assert before - after == {one for one in before if not one[6]} - after, "inactive ones are there, unticked"
    assert result.created == len([one for one in before if one[6]])
    other.database.close()


def test_U5_no_cell_of_words_starts_a_formula_and_amounts_stay_numbers(office: Office) -> None:
    for text in NASTY:
        office.customer(" ".join(text.split()), city=" ".join(text.split()))
    office.item("=cmd|' /C calc'!A0", unit_price=Decimal("-12.5"))
    for data in (file_of(office, exports.customers_table, Customer), file_of(office, exports.items_table, Item)):
        for row in list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))[1:]:
            for place, cell in enumerate(row):
                is_number = place == 2 and cell == "-12.50"
                assert is_number or not cell.lstrip().startswith(("=", "+", "-", "@")), cell
    rows = list(csv.reader(io.StringIO(file_of(office, exports.items_table, Item).decode("utf-8-sig"))))
    assert float(rows[1][2]) == -12.5


def test_M133_I19_placeholders_are_in_no_export(office: Office) -> None:
    imported = office.do(create_customer, CustomerDraft("From the service"), imported=True)
    office.invoice(imported, "10")
    with office.database.read() as session:
        ids = list(session.scalars(select(Customer.id)))
    everything = file_of(office, exports.customers_table, ids=ids) + file_of(office, exports.invoices_table, ids=[1])
    assert b"placeholder" not in everything and b"From the service" in everything


async def test_N17_items_out_and_in_again_are_the_same(office: Office, tmp_path: Any) -> None:
    office.item("Survey", unit_price=Decimal("85.5"), sku="S-1", taxable=True, description="Look\nat it")
    office.item("By agreement")
    office.item("Fine price", unit_price=Decimal("0.123456"))
    other = empty_books(tmp_path)
    _, rejected = await bring_items(other, file_of(office, exports.items_table, Item))
    fields = ("name", "unit_price", "sku", "taxable", "description")
    assert rejected == []
    assert [[getattr(one, name) for name in fields] for one in items_here(other)] == [
        [getattr(one, name) for name in fields] for one in items_here(office)
    ]
    other.database.close()


async def test_N17_invoices_out_and_in_again_are_the_same(office: Office, tmp_path: Any) -> None:
    with office.database.write() as session:
        session.add(TaxCode(name="Sales tax", rate=Decimal("8.25")))
    mary = office.customer("=Mary Mason", email="mary@m.example")
    sent = office.invoice(mary, "100", "19.99", discount_percent=Decimal(10), note="Thanks\n-5 next time")
    line = LineDraft(None, "taxed work", Decimal("1.5"), Decimal("33.33"), 1)
    taxed = office.do(create_invoice, InvoiceDraft(mary, date(2026, 6, 1), None, (line,)))
    office.do(mark_sent, taxed)
    office.invoice(mary, "50", sent=False)
    office.do(record_payment, PaymentDraft(sent, date(2026, 6, 2), Decimal("40.5")))
    office.do(record_payment, PaymentDraft(sent, date(2026, 6, 5), Decimal("9.5")))
    ids = list(office.ask(invoice_ids, InvoiceFilter(), ("number", False), None))
    assert taxed in ids
    other = empty_books(tmp_path)
    result, rejected = await bring_invoices(other, file_of(office, exports.invoices_table, ids=ids))
    assert (result.created, rejected) == (3, [])
    there = list(other.ask(invoice_ids, InvoiceFilter(), ("number", False), None))
    for left, right in zip(
        office.ask(invoice_rows, ids, None, date(2026, 6, 6)),
        other.ask(invoice_rows, there, None, date(2026, 6, 6)),
        strict=True,
    ):
        fields = ("number", "customer_name", "issued_on", "due_on", "total", "paid", "balance", "currency", "view")
        assert [getattr(left, name) for name in fields] == [getattr(right, name) for name in fields]
        ours, theirs = invoice_here(office, left.number), invoice_here(other, left.number)
        assert (ours.tax, ours.discount, ours.note) == (theirs.tax, theirs.discount, theirs.note)
        for mine, its in zip(ours.lines, theirs.lines, strict=True):
            assert (mine.description, mine.quantity, mine.unit_price, mine.tax_rate) == (
                its.description,
                its.quantity,
                its.unit_price,
                its.tax_rate,
            )
    other.database.close()
