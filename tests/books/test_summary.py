"""The daily summary counts what happened, and nobody who is none (M130, M132)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.payments import PaymentDraft, record_payment, remove_payment
from desktop.books.summary import Money, daily_summary
from desktop.models.tables import ActivityRow
from tests.books.writing import START, Office

DAY = date(2026, 6, 1)


def test_M132_imported_customers_are_no_sign_ups(office: Office) -> None:
    office.do(create_customer, CustomerDraft("From the service"), imported=True)
    office.do(create_customer, CustomerDraft("With address", email="a@b.co"), imported=True)
    office.customer("Walked in", email="w@b.co")
    summary = office.ask(daily_summary, DAY)
    assert [each.name for each in summary.new_customers] == ["Walked in"]
    assert summary.imported_customers == 2


def test_M130_I19_no_placeholder_is_in_a_summary(office: Office) -> None:
    office.do(create_customer, CustomerDraft("From the service"), imported=True)
    assert "placeholder" not in repr(office.ask(daily_summary, DAY))


def test_sent_and_paid_are_added_up_by_currency(office: Office) -> None:
    customer = office.customer()
    dollars, euros = office.invoice(customer, "100"), office.invoice(customer, "30", currency="EUR")
    office.invoice(customer, "999", sent=False)
    office.do(record_payment, PaymentDraft(dollars, DAY, Decimal("40.50")))
    office.do(record_payment, PaymentDraft(dollars, DAY, Decimal("9.50")))
    taken_back = office.do(record_payment, PaymentDraft(euros, DAY, Decimal(5)))
    office.do(remove_payment, taken_back)
    summary = office.ask(daily_summary, DAY)
    assert summary.sent == (Money(1, Decimal(30), "EUR"), Money(1, Decimal(100), "USD"))
    assert summary.paid == (Money(2, Decimal(50), "USD"),)


def test_a_record_that_failed_often_failed_once(office: Office) -> None:
    with office.database.write() as session:
        for local_id, result in ((1, "refused"), (1, "refused"), (2, "refused"), (3, "done")):
            session.add(
                ActivityRow(
                    at=START, direction="out", kind="invoice", local_id=local_id, action="create", result=result
                )
            )
    assert office.ask(daily_summary, DAY).failed == 2


def test_the_day_is_the_owners(office: Office) -> None:
    office.customer()
    tokyo = ZoneInfo("Asia/Tokyo")
    assert len(office.ask(daily_summary, DAY, tokyo).new_customers) == 1
    office.clock.advance(8 * 3600)
    office.customer("Late")
    assert [each.name for each in office.ask(daily_summary, date(2026, 6, 2), tokyo).new_customers] == ["Late"]
    assert len(office.ask(daily_summary, DAY).new_customers) == 2
    assert office.ask(daily_summary, date(2026, 5, 31)).new_customers == ()
