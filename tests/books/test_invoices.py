"""Writing, sending, changing and voiding invoices, and every sentence that refuses one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from desktop.books.invoices import (
    InvoiceDraft,
    LineDraft,
    change_number,
    create_invoice,
    delete_draft,
    mark_sent,
    next_number,
    update_invoice,
    void_invoice,
)
from desktop.books.payments import mark_paid
from desktop.errors import InputError, NotAllowed
from desktop.models.states import InvoiceStatus
from desktop.models.tables import Connection, Invoice, InvoiceLine, Item, TaxCode
from tests.books.writing import Office


def test_numbers_follow_each_other_and_are_never_given_twice(office: Office) -> None:
    customer = office.customer()
    first, second = office.invoice(customer), office.invoice(customer, sent=False)
    office.do(delete_draft, second)
    third = office.invoice(customer)
    assert [office.row(Invoice, each).number for each in (first, third)] == ["INV-0001", "INV-0003"]


def test_the_next_number_follows_the_highest_in_use_whoever_wrote_it(office: Office) -> None:
    customer = office.customer()
    for number in ("INV-0099", "INV-100", "INV-X", "2026-7", "INV-101-B"):
        office.invoice(customer, number=number)
    assert office.ask(next_number) == "INV-0101"
    assert office.row(Invoice, office.invoice(customer)).number == "INV-0101"


def test_C4_a_new_invoice_is_a_draft_and_leaves_only_when_sent(office: Office) -> None:
    office.connect()
    invoice = office.invoice(office.customer(), sent=False)
    assert ("invoice", invoice) not in office.outbox()
    office.do(mark_sent, invoice)
    assert office.row(Invoice, invoice).status == InvoiceStatus.SENT
    assert office.outbox()["invoice", invoice].reason == "changed"
    with pytest.raises(NotAllowed):
        office.do(mark_sent, invoice)


def test_C4_a_sent_invoice_may_be_changed_and_its_revision_grows(office: Office) -> None:
    customer = office.customer()
    invoice = office.invoice(customer, "100", "50")
    before = office.row(Invoice, invoice)
    office.do(update_invoice, invoice, office.draft(customer, "100", "60", "7"))
    after = office.row(Invoice, invoice)
    assert (before.total, after.total) == (150, 167)
    assert after.revision == before.revision + 1
    office.do(update_invoice, invoice, office.draft(customer, "9"))
    with office.database.read() as session:
        lines = session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == invoice)).all()
    assert [(line.position, line.amount) for line in lines] == [(0, 9)]


def test_I18_saving_without_a_change_is_no_change(office: Office) -> None:
    customer = office.customer()
    invoice = office.invoice(customer, "100")
    before = office.row(Invoice, invoice).revision
    office.do(update_invoice, invoice, office.draft(customer, "100.00"))
    assert office.row(Invoice, invoice).revision == before


def test_E4_free_text_uses_the_builtin_item(office: Office) -> None:
    customer = office.customer()
    office.invoice(customer)
    office.invoice(customer)
    with office.database.read() as session:
        items = session.scalars(select(Item).where(Item.builtin)).all()
    assert [item.name for item in items] == ["Other work"]


def test_E5_rounding_is_frozen_when_the_invoice_becomes_sent(office: Office) -> None:
    with office.database.write() as session:
        session.add(TaxCode(name="Five", rate=Decimal(5)))
    customer, lines = office.customer(), tuple([LineDraft(None, "", Decimal(1), Decimal("0.50"), 1)] * 3)
    draft = replace(office.draft(customer), lines=lines)
    early = office.do(create_invoice, draft)
    late = office.do(create_invoice, draft)
    office.do(mark_sent, early)
    connection = office.connect(auto=False)
    with office.database.write() as session:
        session.get_one(Connection, connection).company_settings = {"tax_on_total": False}
    office.do(mark_sent, late)
    office.do(update_invoice, early, replace(draft, note="thank you"))
    assert [office.row(Invoice, each).tax for each in (early, late)] == [Decimal("0.08"), Decimal("0.09")]
    assert [office.row(Invoice, each).rounding for each in (early, late)] == ["on_total", "per_line"]


def test_void_is_for_sent_ones_and_delete_for_drafts(office: Office) -> None:
    customer = office.customer()
    draft, sent, paid = office.invoice(customer, sent=False), office.invoice(customer), office.invoice(customer)
    office.do(mark_paid, paid, date(2026, 6, 2))
    for verb, invoice in ((void_invoice, draft), (delete_draft, sent), (void_invoice, paid)):
        with pytest.raises(NotAllowed) as refusal:
            office.do(verb, invoice)
        assert refusal.value.title
    office.do(void_invoice, sent)
    office.do(delete_draft, draft)
    assert office.row(Invoice, sent).status == InvoiceStatus.VOID
    for verb, *rest in ((void_invoice,), (update_invoice, office.draft(customer)), (change_number, "N-1")):
        with pytest.raises(NotAllowed):
            office.do(verb, sent, *rest)


def test_a_paid_invoice_keeps_its_customer_and_at_least_what_was_paid(office: Office) -> None:
    customer, other = office.customer(), office.customer("Other")
    invoice = office.invoice(customer, "100")
    office.do(mark_paid, invoice, date(2026, 6, 2))
    for draft, field in (
        (office.draft(customer, "99.99"), "lines"),
        (office.draft(other, "100"), "customer_id"),
        (office.draft(customer, "100", currency="EUR"), "currency"),
    ):
        with pytest.raises(InputError) as refusal:
            office.do(update_invoice, invoice, draft)
        assert refusal.value.field == field
    office.do(update_invoice, invoice, office.draft(customer, "120"))


def line(**fields: object) -> LineDraft:
    return replace(LineDraft(None, "work", Decimal(1), Decimal(10)), **fields)  # type: ignore[arg-type]


REFUSED = {
    "no customer": ({"customer_id": 999}, "customer_id"),
    "no lines": ({"lines": ()}, "lines"),
    "751 lines": ({"lines": (line(),) * 751}, "lines"),
    "negative total": ({"lines": (line(unit_price=Decimal(-1)),)}, "lines"),
    "a day of 1989": ({"issued_on": date(1989, 12, 31)}, "issued_on"),
    "a day of 2101": ({"issued_on": date(2101, 1, 1), "due_on": None}, "issued_on"),
    "due before issued": ({"due_on": date(2026, 5, 31)}, "due_on"),
    "number too long": ({"number": "N" * 22}, "number"),
    "number empty": ({"number": "  "}, "number"),
    "number with a blank": ({"number": "N1 "}, "number"),
    "number taken": ({"number": "TAKEN"}, "number"),
    "number with NUL": ({"number": "N\0"}, "number"),
    "both discounts": ({"discount_percent": Decimal(1), "discount_amount": Decimal(1)}, "discount_amount"),
    "discount of 101 %": ({"discount_percent": Decimal(101)}, "discount_percent"),
    "negative discount": ({"discount_amount": Decimal(-1)}, "discount_amount"),
    "discount above subtotal": ({"discount_amount": Decimal("10.01"), "lines": (line(),)}, "discount_amount"),
    "discount of a tenth of a cent": ({"discount_amount": Decimal("0.001")}, "discount_amount"),
    "unknown currency": ({"currency": "XXZ"}, "currency"),
    "unknown item": ({"lines": (line(), line(item_id=99))}, "lines.1.item_id"),
    "unknown tax code": ({"lines": (line(tax_code_id=99),)}, "lines.0.tax_code_id"),
    "endless quantity": ({"lines": (line(quantity=Decimal("Infinity")),)}, "lines.0.quantity"),
    "no number at all": ({"lines": (line(unit_price=Decimal("NaN")),)}, "lines.0.unit_price"),
    "1e15": ({"lines": (line(unit_price=Decimal("1e15")),)}, "lines.0.unit_price"),
    "seven places": ({"lines": (line(quantity=Decimal("0.0000001")),)}, "lines.0.quantity"),
    "together too much": ({"lines": (line(unit_price=Decimal("9999999999")),) * 2}, "lines"),
    "amount too large": ({"lines": (line(unit_price=Decimal(999999), quantity=Decimal(99999)),)}, "lines.0.unit_price"),
    "NUL": ({"lines": (line(description="a\0b"),)}, "lines.0.description"),
    "half a character": ({"note": "\ud83d"}, "note"),
    "escape": ({"note": "\x1b[31m"}, "note"),
    "carriage return": ({"note": "a\r\nb"}, "note"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_U2_U6_what_cannot_be_kept_is_refused_with_its_field_and_nothing_changes(office: Office, case: str) -> None:
    customer = office.customer()
    office.invoice(customer, number="TAKEN")
    changes, field = REFUSED[case]
    draft: InvoiceDraft = replace(office.draft(customer), **changes)  # type: ignore[arg-type]
    with pytest.raises(InputError) as refusal:
        office.do(create_invoice, draft)
    assert refusal.value.field == field
    assert refusal.value.title.endswith(".")
    with office.database.read() as session:
        assert session.scalars(select(Invoice.number)).all() == ["TAKEN"]


def test_U2_a_refused_character_is_shown(office: Office) -> None:
    draft = replace(office.draft(office.customer()), note="bell \x07")
    with pytest.raises(InputError) as refusal:
        office.do(create_invoice, draft)
    assert "U+0007" in refusal.value.title


HOSTILE = {
    "emoji": "Fix 🚿🛁 for 👩🏽‍🔧",
    "right to left": "مرحبا \u202eabc\u202c",
    "both forms": "é e\u0301",
    "zero width": "a\u200bb\u200dc\ufeff",
    "sql": "Robert'); DROP TABLE invoice;-- \" %00 ../../ { __typename }",
    "markup": "<b>x</b> &lt; <img src=http://x>",
    "formula": "=cmd|' /C calc'!A0",
    "lines": "one\n\ttwo\n",
    "beyond the first plane": "\U0001f600\U00020000",
    "edges": "  blanks  ",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_U1_U3_text_comes_back_byte_for_byte(office: Office, case: str) -> None:
    text = HOSTILE[case]
    lines = (LineDraft(None, text, Decimal(1), Decimal(1)),)
    invoice = office.do(create_invoice, replace(office.draft(office.customer()), lines=lines, note=text))
    with office.database.read() as session:
        kept = session.scalars(select(InvoiceLine.description)).one()
        assert (kept, session.get_one(Invoice, invoice).note) == (text, text)


def test_C18_change_number_refuses_one_of_ours_and_offers_the_next(office: Office) -> None:
    customer = office.customer()
    first, second = office.invoice(customer), office.invoice(customer)
    with pytest.raises(InputError) as refusal:
        office.do(change_number, second, "INV-0001")
    assert "INV-0003" in refusal.value.advice
    office.do(change_number, second, "A-1")
    changed = office.row(Invoice, second)
    assert (changed.number, changed.revision) == ("A-1", 3)
    assert office.row(Invoice, first).number == "INV-0001"


def test_an_invoice_from_the_service_is_read_only(office: Office) -> None:
    customer = office.customer()
    invoice = office.invoice(customer)
    with office.database.write() as session:
        session.get_one(Invoice, invoice).from_service = True
    with pytest.raises(NotAllowed):
        office.do(update_invoice, invoice, office.draft(customer, "1"))


def test_750_lines_are_welcome(office: Office) -> None:
    lines = (line(unit_price=Decimal("0.10")),) * 750
    invoice = office.do(create_invoice, replace(office.draft(office.customer()), lines=lines))
    assert office.row(Invoice, invoice).total == 75
