"""Short ways from the text of a file to books."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select

from desktop.books.invoices import load_invoice
from desktop.kinds import CustomerKind
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.sync import csv_import, csv_invoice_import
from desktop.sync.csv_columns import FileKind, known_headings, suggest
from desktop.sync.csv_invoice_import import InvoiceChoice, InvoiceReview
from desktop.sync.csv_invoices import read_invoices
from desktop.sync.csv_records import Rejected, read_customers, read_items
from desktop.sync.csv_text import make_table
from desktop.sync.importing import CustomerChoice, Imported
from desktop.sync.reviewing import CustomerReview
from tests.books.writing import Office

FILE = "list.csv"


async def bring_customers(office: Office, data: bytes | str) -> tuple[list[CustomerReview], Imported, list[Rejected]]:
    """Read, review, and import what is selected by itself."""
    table = make_table(data, known_headings(FileKind.CUSTOMERS))
    reading = read_customers(table, suggest(table, FileKind.CUSTOMERS))
    reviews = await csv_import.review_customers(office.database, reading.entries)
    choices = [CustomerChoice(one.external_id, CustomerKind(one.kind)) for one in reviews if one.preselected]
    result, rejected = await csv_import.import_customers(office.database, office.desk, reading.entries, choices, FILE)
    return reviews, result, [*reading.rejected, *rejected]


async def bring_items(office: Office, data: bytes | str) -> tuple[Imported, list[Rejected]]:
    table = make_table(data, known_headings(FileKind.ITEMS))
    reading = read_items(table, suggest(table, FileKind.ITEMS), "USD")
    reviews = await csv_import.review_items(office.database, reading.entries)
    chosen = [one.external_id for one in reviews if one.preselected]
    result, rejected = await csv_import.import_items(office.database, office.desk, reading.entries, chosen, FILE)
    return result, [*reading.rejected, *rejected]


async def review_invoices(office: Office, data: bytes | str) -> tuple[list[InvoiceReview], list[Rejected]]:
    table = make_table(data, known_headings(FileKind.INVOICES))
    reading = read_invoices(table, suggest(table, FileKind.INVOICES), "USD")
    reviews, rejected = await csv_invoice_import.review_invoices(office.database, None, reading.entries)
    return reviews, [*reading.rejected, *rejected]


async def bring_invoices(office: Office, data: bytes | str, **decided: int) -> tuple[Imported, list[Rejected]]:
    """`decided`: number -> our customer, for those that wait for the owner."""
    reviews, rejected = await review_invoices(office, data)
    choices = [
        InvoiceChoice(one.external_id, decided.get(f"n{one.entry.number}"))
        for one in reviews
        if one.preselected or f"n{one.entry.number}" in decided
    ]
    result, more = await csv_invoice_import.import_invoices(office.database, office.desk, None, reviews, choices, FILE)
    return result, [*rejected, *more]


def customers_here(office: Office) -> list[Customer]:
    with office.database.read() as session:
        return list(session.scalars(select(Customer).order_by(Customer.id)))


def items_here(office: Office) -> list[Item]:
    with office.database.read() as session:
        return list(session.scalars(select(Item).order_by(Item.id)))


def invoice_here(office: Office, number: str) -> Any:
    with office.database.read() as session:
        return load_invoice(session, session.scalars(select(Invoice.id).where(Invoice.number == number)).one())


def money(text: str) -> Decimal:
    return Decimal(text)
