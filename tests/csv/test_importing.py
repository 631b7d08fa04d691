"""What a file brings into the books: exactly what was chosen, twice without doubles, and nothing leaves by it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from desktop.books.balances import paid_of
from desktop.books.customers import is_placeholder
from desktop.books.summary import daily_summary
from desktop.kinds import CustomerKind
from desktop.models.invoice import TaxCode
from desktop.models.payment import Payment
from desktop.models.states import InvoiceStatus
from desktop.models.tables import ActivityRow
from desktop.sync.reviewing import Standing
from tests.books.writing import Office
from tests.csv.desks import (
    bring_customers,
    bring_invoices,
    bring_items,
    customers_here,
    invoice_here,
    items_here,
    review_invoices,
)

PEOPLE = (
    "Name,Email,Phone,Street,City\n"
    "Mary Mason,mary@mason.example,512-555-0100,12 Oak St,Austin\n"
    "Acme Homes LLC,,,,\n"
    "Green Valley Cafe,,512-555-0101,,\n"
)


async def test_M34_N17_customers_of_a_file_get_their_type_and_stay_here(office: Office) -> None:
    office.connect()
    reviews, result, rejected = await bring_customers(office, PEOPLE)
    assert (result.created, rejected) == (3, [])
    kinds = {one.display_name: one.kind for one in customers_here(office)}
    assert kinds["Mary Mason"] == CustomerKind.HOMEOWNER.value and kinds["Acme Homes LLC"] == CustomerKind.BUILDER.value
    assert all(one.reasons for one in reviews)
    assert office.outbox() == {}, "a list from a file is not pushed by itself"


async def test_M129_M132_customers_of_a_file_without_an_address_get_a_placeholder_and_are_no_sign_ups(
    office: Office,
) -> None:
    await bring_customers(office, PEOPLE)
    emails = {one.display_name: one.email for one in customers_here(office)}
    assert emails["Mary Mason"] == "mary@mason.example"
    assert is_placeholder(emails["Acme Homes LLC"]) and emails["Acme Homes LLC"] != emails["Green Valley Cafe"]
    summary = office.ask(daily_summary, date(2026, 6, 1))
    assert (summary.new_customers, summary.imported_customers) == ((), 3)


async def test_U7_I18_the_same_file_twice_adds_nothing(office: Office) -> None:
    await bring_customers(office, PEOPLE)
    reviews, result, _ = await bring_customers(office, PEOPLE)
    assert [one.standing for one in reviews] == [Standing.SAME] * 3
    assert (result.created, len(customers_here(office))) == (0, 3)


async def test_C2_a_row_like_one_of_ours_is_asked_about(office: Office) -> None:
    ours = office.customer("Mary Mason", email="other@mason.example")
    reviews, result, _ = await bring_customers(office, PEOPLE)
    mary = next(one for one in reviews if one.record.display_name == "Mary Mason")
    assert (mary.standing, mary.local_id) == (Standing.POSSIBLE, ours)
    assert result.created == 2


async def test_C2_two_rows_of_one_name_with_other_details_are_asked_about(office: Office) -> None:
    reviews, result, _ = await bring_customers(office, "Name,City\nJohn Smith,Austin\nJohn Smith,Dallas\n")
    assert [one.standing for one in reviews] == [Standing.NEW, Standing.POSSIBLE]
    assert "row 2" in reviews[1].match_reasons[0] and result.created == 1


async def test_N1_the_log_tells_file_and_row(office: Office) -> None:
    await bring_customers(office, PEOPLE)
    with office.database.read() as session:
        rows = list(session.scalars(select(ActivityRow).order_by(ActivityRow.id)))
    assert [(row.action, row.label) for row in rows][0] == ("import", "Mary Mason")
    assert rows[0].message == "From list.csv, row 2" and rows[0].actor == "pat"


async def test_N17_items_of_a_file_once(office: Office) -> None:
    text = "Name,Price,SKU,Taxable\nDrain check,$85.00,DC,yes\nHose,1.25,,no\n"
    result, rejected = await bring_items(office, text)
    assert (result.created, rejected) == (2, [])
    assert [(one.name, one.unit_price, one.sku, one.taxable) for one in items_here(office)] == [
        ("Drain check", Decimal(85), "DC", True),
        ("Hose", Decimal("1.25"), "", False),
    ]
    again, _ = await bring_items(office, text.replace("Drain check", "DRAIN CHECK"))
    assert (again.created, len(items_here(office))) == (0, 2)


INVOICES = (
    "Invoice #,Customer,Email,Invoice date,Due date,Item,Description,Qty,Rate,Total,Balance,Date paid\n"
    "1001,Mary Mason,mary@mason.example,2026-03-04,2026-04-03,Survey,Look at it,2,50.00,160.00,60.00,2026-03-20\n"
    "1001,Mary Mason,mary@mason.example,2026-03-04,2026-04-03,Hose,,1,60.00,160.00,60.00,2026-03-20\n"
    "1002,mary mason,mary@mason.example,2026-03-05,,,Call,1,50.00,50.00,50.00,\n"
)


async def test_N17_invoices_of_a_file_bring_customer_items_and_what_was_paid(office: Office) -> None:
    office.connect()
    result, rejected = await bring_invoices(office, INVOICES)
    assert (result.created, rejected) == (2, [])
    (mary,) = customers_here(office)
    assert (mary.display_name, mary.email, mary.imported) == ("Mary Mason", "mary@mason.example", True)
    first, second = invoice_here(office, "1001"), invoice_here(office, "1002")
    assert (first.customer_id, first.total, first.status) == (mary.id, 160, InvoiceStatus.SENT.value)
    assert [line.quantity for line in first.lines] == [2, 1]
    assert {one.name for one in items_here(office)} == {"Survey", "Hose", "Other work"}
    assert office.ask(paid_of, first.id) == 100 and office.ask(paid_of, second.id) == 0
    with office.database.read() as session:
        assert session.scalars(select(Payment)).one().paid_on == date(2026, 3, 20)


async def test_C6_invoices_of_a_file_are_never_sent_by_themselves(office: Office) -> None:
    office.connect()
    await bring_invoices(office, INVOICES)
    assert office.outbox() == {}
    assert invoice_here(office, "1001").sent_at is None, "nobody sent it from here"
    assert office.ask(daily_summary, date(2026, 6, 1)).sent == ()
    assert office.ask(daily_summary, date(2026, 6, 1)).paid == ()


async def test_I18_the_same_invoices_twice_add_nothing(office: Office) -> None:
    await bring_invoices(office, INVOICES)
    reviews, rejected = await review_invoices(office, INVOICES)
    assert [one.standing for one in reviews] == [Standing.SAME] * 2 and not rejected
    assert (await bring_invoices(office, INVOICES))[0].created == 0
    assert len(customers_here(office)) == 1


async def test_C18_another_invoice_of_that_number_is_told_and_never_renumbered(office: Office) -> None:
    office.invoice(office.customer("Somebody"), "99", number="1001")
    result, rejected = await bring_invoices(office, INVOICES)
    assert result.created == 1
    assert rejected[0].sentence.startswith("Row 2: There is already an invoice 1001, for Somebody over 99")


async def test_C2_an_invoice_for_somebody_like_one_of_ours_waits_for_the_owner(office: Office) -> None:
    ours = office.customer("Mary B. Mason", email="mary@mason.example")
    reviews, _ = await review_invoices(office, INVOICES)
    assert {one.standing for one in reviews} == {Standing.POSSIBLE} and reviews[0].local_id == ours
    assert (await bring_invoices(office, INVOICES))[0].created == 0
    result, _ = await bring_invoices(office, INVOICES, n1001=ours)
    assert result.created == 1 and invoice_here(office, "1001").customer_id == ours


@pytest.mark.parametrize(
    ("columns", "row", "rate"),
    [
        ("Price,Tax rate,Total", "100,8.25%,108.25", "8.25"),
        ("Price,Tax,Total", "100,8.25,108.25", "8.25"),
        ("Price,Tax amount,Total", "19.99,1.65,21.64", "8.25"),
    ],
)
async def test_I5_tax_comes_to_what_the_file_says(office: Office, columns: str, row: str, rate: str) -> None:
    _, rejected = await bring_invoices(office, f"Number,Customer,Date,{columns}\n7,A,2026-03-01,{row}\n")
    assert rejected == []
    invoice = invoice_here(office, "7")
    assert invoice.total == Decimal(row.split(",")[-1])
    with office.database.read() as session:
        assert session.scalars(select(TaxCode)).one().rate == Decimal(rate)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("100,0,120", "The lines come to 100.00, but the file says 120"),
        ("100,8.25,100", "The prices include the tax"),
    ],
)
async def test_I5_what_does_not_add_up_is_not_taken(office: Office, row: str, words: str) -> None:
    result, rejected = await bring_invoices(office, f"Number,Customer,Date,Price,Tax,Total\n7,A,2026-03-01,{row}\n")
    assert result.created == 0 and words in rejected[0].sentence
    assert rejected[0].sentence.startswith("Row 2: ") and rejected[0].cells[0] == "7"
    assert customers_here(office) == []


async def test_N17_drafts_stay_drafts_and_void_ones_stay_behind(office: Office) -> None:
    text = "Number,Customer,Date,Total,Status\n1,A,2026-03-01,5,Draft\n2,A,2026-03-01,5,Voided\n3,A,2026-03-01,5,Paid\n"
    result, rejected = await bring_invoices(office, text)
    assert result.created == 2 and "void" in rejected[0].sentence
    assert invoice_here(office, "1").status == InvoiceStatus.DRAFT.value
    assert office.ask(paid_of, invoice_here(office, "3").id) == 5
