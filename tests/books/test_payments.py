"""Money received: what it does to the balance, what is refused, and what is promised to the service."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from desktop.books.balances import paid_of
from desktop.books.payments import (
    PaymentDraft,
    mark_paid,
    record_payment,
    remove_payment,
    restore_payment,
    update_payment,
)
from desktop.books.queries import invoice_detail, invoice_rows
from desktop.errors import InputError, NotAllowed
from desktop.models.states import InvoiceView
from desktop.models.tables import Invoice, Payment, PaymentAllocation
from tests.books.writing import COMPANY, Office

DAY = date(2026, 6, 2)


def pay(office: Office, invoice: int, amount: str, **fields: object) -> int:
    draft = replace(PaymentDraft(invoice, DAY, Decimal(amount), "check"), **fields)  # type: ignore[arg-type]
    return int(office.do(record_payment, draft))


def view(office: Office, invoice: int) -> tuple[InvoiceView, Decimal, Decimal]:
    row = office.ask(invoice_rows, [invoice], COMPANY, DAY)[0]
    return row.view, row.paid, row.balance


def test_M82_what_counts_is_the_sum_of_the_payment_rows(office: Office) -> None:
    invoice = office.invoice(office.customer(), "500")
    kept = [pay(office, invoice, amount) for amount in ("100", "200", "50")]
    assert office.ask(paid_of, invoice) == 350
    assert view(office, invoice) == (InvoiceView.PARTLY_PAID, Decimal(350), Decimal(150))
    office.do(remove_payment, kept[1])
    assert office.ask(paid_of, invoice) == 150


def test_M82_a_payment_of_several_invoices_counts_by_its_parts(office: Office) -> None:
    customer = office.customer()
    first, second = office.invoice(customer, "100"), office.invoice(customer, "100")
    payment = pay(office, first, "100")
    with office.database.write() as session:
        session.scalars(select(PaymentAllocation)).one().amount = Decimal(60)
        session.add(PaymentAllocation(payment_id=payment, invoice_id=second, amount=Decimal(40)))
    assert [office.ask(paid_of, each) for each in (first, second)] == [60, 40]


def test_C5_M77_mark_paid_writes_a_payment_of_the_open_balance(office: Office) -> None:
    invoice = office.invoice(office.customer(), "500")
    pay(office, invoice, "123.45")
    payment = office.row(Payment, office.do(mark_paid, invoice, date(2026, 6, 9), "card"))
    assert (payment.amount, payment.paid_on, payment.method) == (Decimal("376.55"), date(2026, 6, 9), "card")
    assert view(office, invoice)[0] is InvoiceView.PAID
    with pytest.raises(NotAllowed):
        office.do(mark_paid, invoice, DAY)


def test_M78_each_method_is_kept(office: Office) -> None:
    invoice = office.invoice(office.customer(), "500")
    for method in ("cash", "check", "card", "bank_transfer", "other"):
        pay(office, invoice, "1", method=method)
    detail = office.ask(invoice_detail, invoice, COMPANY, DAY)
    assert [payment.method for payment in detail.payments] == ["cash", "check", "card", "bank_transfer", "other"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": Decimal(0)}, "amount"),
        ({"amount": Decimal(-5)}, "amount"),
        ({"amount": Decimal("100.01")}, "amount"),
        ({"amount": Decimal("0.005")}, "amount"),
        ({"amount": Decimal("NaN")}, "amount"),
        ({"paid_on": date(1989, 1, 1)}, "paid_on"),
        ({"paid_on": date(2062, 6, 1)}, "paid_on"),
        ({"method": "barter"}, "method"),
        ({"reference": "x" * 41}, "reference"),
        ({"reference": "a\nb"}, "reference"),
    ],
)
def test_what_is_no_payment_is_refused(office: Office, changes: dict[str, object], field: str) -> None:
    invoice = office.invoice(office.customer(), "100")
    with pytest.raises(InputError) as refusal:
        office.do(record_payment, replace(PaymentDraft(invoice, DAY, Decimal(100)), **changes))
    assert refusal.value.field == field
    assert office.ask(paid_of, invoice) == 0


def test_overpaying_says_what_is_still_owed(office: Office) -> None:
    invoice = office.invoice(office.customer(), "100")
    pay(office, invoice, "60")
    with pytest.raises(InputError, match=r"40\.00 USD still owed on invoice INV-0001"):
        pay(office, invoice, "41")


def test_only_sent_invoices_are_paid(office: Office) -> None:
    draft = office.invoice(office.customer(), sent=False)
    with pytest.raises(NotAllowed):
        pay(office, draft, "1")
    with pytest.raises(NotAllowed):
        office.do(mark_paid, 999, DAY)


def test_a_removed_payment_can_be_restored_unless_paid_otherwise(office: Office) -> None:
    invoice = office.invoice(office.customer(), "100")
    payment = pay(office, invoice, "100")
    office.do(remove_payment, payment)
    office.do(remove_payment, payment)
    assert office.row(Payment, payment).revision == 2
    office.do(restore_payment, payment)
    assert view(office, invoice)[0] is InvoiceView.PAID
    office.do(remove_payment, payment)
    pay(office, invoice, "50")
    with pytest.raises(NotAllowed):
        office.do(restore_payment, payment)


def test_an_edit_may_use_up_what_it_frees(office: Office) -> None:
    invoice = office.invoice(office.customer(), "100")
    payment = pay(office, invoice, "60")
    office.do(update_payment, payment, PaymentDraft(invoice, DAY, Decimal(100), "cash"))
    assert office.ask(paid_of, invoice) == 100
    with pytest.raises(InputError):
        office.do(update_payment, payment, PaymentDraft(invoice, DAY, Decimal("100.01"), "cash"))
    office.do(update_payment, payment, PaymentDraft(invoice, DAY, Decimal(100), "cash"))
    assert office.row(Payment, payment).revision == 2


def test_N9_a_payment_from_the_service_is_changed_there(office: Office) -> None:
    payment = pay(office, office.invoice(office.customer()), "10")
    with office.database.write() as session:
        session.get_one(Payment, payment).from_service = True
    with pytest.raises(NotAllowed):
        office.do(remove_payment, payment)


def test_M76_a_payment_of_a_linked_invoice_is_promised(office: Office) -> None:
    invoice = office.invoice(office.customer())
    office.connect()
    office.link("invoice", invoice)
    payment = pay(office, invoice, "10")
    assert list(office.outbox()) == [("payment", payment)]


def test_M84_a_payment_goes_out_with_an_invoice_that_is_due_itself(office: Office) -> None:
    office.connect()
    invoice = office.invoice(office.customer())
    payment = pay(office, invoice, "10")
    assert ("payment", payment) in office.outbox()


def test_M74_a_payment_never_drags_along_an_older_invoice(office: Office) -> None:
    invoice = office.invoice(office.customer())
    office.clock.advance(60)
    office.connect()
    pay(office, invoice, "10")
    assert office.outbox() == {}


def test_M85_with_payments_switched_off_nothing_is_promised(office: Office) -> None:
    office.connect(payments=False)
    invoice = office.invoice(office.customer())
    payment = pay(office, invoice, "10")
    assert ("payment", payment) not in office.outbox()


def test_M80_a_removal_is_promised_only_if_the_payment_got_there(office: Office) -> None:
    office.connect()
    invoice = office.invoice(office.customer(), "100")
    there, here = pay(office, invoice, "10"), pay(office, invoice, "10")
    office.link("payment", there)
    office.empty_outbox()
    office.do(remove_payment, there)
    office.do(remove_payment, here)
    assert list(office.outbox()) == [("payment", there)]


@given(st.lists(st.decimals("0.01", "400", places=2), max_size=8))
def test_I5_balance_and_payments_always_make_the_total(amounts: list[Decimal]) -> None:
    """Pure arithmetic over what the database stores: scaled integers lose nothing."""
    from desktop.models.base import Amount

    stored = [Amount().process_bind_param(amount, None) for amount in amounts]  # type: ignore[arg-type]
    total = Amount().process_result_value(sum(each or 0 for each in stored), None)  # type: ignore[arg-type]
    assert total == sum(amounts, Decimal(0))


def test_the_invoice_is_told_of_its_payment(office: Office) -> None:
    told: set[tuple[str, int]] = set()
    office.database.subscribe(lambda changes: told.update(changes))
    invoice = office.invoice(office.customer())
    told.clear()
    payment = pay(office, invoice, "10")
    assert {("invoice", invoice), ("payment", payment)} <= told
    assert office.row(Invoice, invoice).revision == 2
