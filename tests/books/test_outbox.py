"""What is promised to the service, when, and what never is (C4, C6, C15, E7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from desktop.books.customers import CustomerDraft, create_customer, update_customer
from desktop.books.invoices import mark_sent, update_invoice, void_invoice
from desktop.books.items import ItemDraft, update_item
from desktop.books.outbox import DEBOUNCE, promise, promise_if_due
from desktop.models.states import PushReason
from desktop.models.tables import Connection
from tests.books.writing import START, Office


def test_M62_an_invoice_that_becomes_sent_is_promised(office: Office) -> None:
    office.connect()
    invoice = office.invoice(office.customer())
    entry = office.outbox()["invoice", invoice]
    assert (entry.reason, entry.serial, entry.not_before) == ("changed", 1, START + DEBOUNCE)


def test_M70_promises_of_one_record_are_one_entry_that_waits_for_the_last(office: Office) -> None:
    office.connect()
    customer = office.customer()
    invoice = office.invoice(customer)
    office.clock.advance(1)
    office.do(update_invoice, invoice, office.draft(customer, "101"))
    entry = office.outbox()["invoice", invoice]
    assert (entry.serial, entry.not_before) == (2, START + timedelta(seconds=1) + DEBOUNCE)


def test_M73_what_was_asked_for_goes_at_once_and_is_never_downgraded(office: Office) -> None:
    office.do(promise, "invoice", 1, PushReason.CHANGED)
    office.do(promise, "invoice", 1, PushReason.ASKED)
    office.clock.advance(60)
    office.do(promise, "invoice", 1, PushReason.CHANGED)
    office.do(promise, "invoice", 1, PushReason.RETRY)
    entry = office.outbox()["invoice", 1]
    assert (entry.reason, entry.asked_by, entry.serial, entry.not_before) == ("asked", "pat", 4, START)


def test_asked_may_also_be_said_aside(office: Office) -> None:
    office.do(promise, "customer", 3, PushReason.CHANGED, asked=True)
    assert office.outbox()["customer", 3].reason == "asked"


def test_a_retry_keeps_its_count_and_a_change_starts_anew(office: Office) -> None:
    def fail(session, _desk) -> None:  # type: ignore[no-untyped-def]
        from desktop.models.tables import OutboxEntry

        session.query(OutboxEntry).one().attempts = 3

    office.do(promise, "invoice", 1, PushReason.RETRY)
    office.do(fail)
    office.do(promise, "invoice", 1, PushReason.RETRY)
    assert office.outbox()["invoice", 1].attempts == 3
    office.do(promise, "invoice", 1, PushReason.CHANGED)
    assert office.outbox()["invoice", 1].attempts == 0


def test_a_promise_lives_and_dies_with_its_change(office: Office) -> None:
    office.connect()

    def write_and_fail(session, desk) -> None:  # type: ignore[no-untyped-def]
        create_customer(session, desk, CustomerDraft("Acme"))
        raise ValueError("the power went")

    with pytest.raises(ValueError):
        office.do(write_and_fail)
    assert office.outbox() == {}


def test_M74_C6_what_was_there_before_connecting_stays(office: Office) -> None:
    customer, item = office.customer(), office.item()
    invoice = office.invoice(customer)
    office.clock.advance(60)
    office.connect()
    office.do(update_customer, customer, CustomerDraft("New name"))
    office.do(update_item, item, ItemDraft("New name"))
    office.do(update_invoice, invoice, office.draft(customer, "7"))
    assert office.outbox() == {}


def test_C6_an_old_draft_that_is_sent_later_goes(office: Office) -> None:
    invoice = office.invoice(office.customer(), sent=False)
    office.clock.advance(60)
    office.connect()
    office.do(mark_sent, invoice)
    assert list(office.outbox()) == [("invoice", invoice)]


@pytest.mark.parametrize("kind", ["customer", "item", "invoice"])
def test_C4_M68_M91_a_linked_record_goes_whatever_its_age(office: Office, kind: str) -> None:
    ids = {"customer": office.customer(), "item": office.item(), "invoice": 0}
    ids["invoice"] = office.invoice(ids["customer"])
    office.clock.advance(60)
    office.connect()
    office.link(kind, ids[kind])
    office.do(update_customer, ids["customer"], CustomerDraft("New name"))
    office.do(update_item, ids["item"], ItemDraft("Labor", unit_price=Decimal(9)))
    office.do(update_invoice, ids["invoice"], office.draft(ids["customer"], "7"))
    assert list(office.outbox()) == [(kind, ids[kind])]


@pytest.mark.parametrize(
    ("switch", "silent"),
    [
        ("auto", {"customer", "item", "invoice"}),
        ("customers", {"customer"}),
        ("items", {"item"}),
        ("invoices", {"invoice"}),
    ],
)
def test_M61_C15_a_switch_that_is_off_silences_its_kind_only(office: Office, switch: str, silent: set[str]) -> None:
    office.connect(**{switch: False})
    customer = office.customer()
    office.item()
    office.invoice(customer)
    assert {kind for kind, _ in office.outbox()} == {"customer", "item", "invoice"} - silent


def test_C16_nothing_is_promised_before_step_4_is_confirmed(office: Office) -> None:
    with office.database.write() as session:
        session.add(
            Connection(
                live=1,
                provider="quickbooks",
                environment="sandbox",
                company_id="c",
                state="connected",
                connected_at=START,
            )
        )
    office.invoice(office.customer())
    assert office.outbox() == {}


def test_nothing_is_promised_without_a_company_or_after_disconnecting(office: Office) -> None:
    office.invoice(office.customer())
    connection = office.connect()
    with office.database.write() as session:
        session.get_one(Connection, connection).live = 0
    office.invoice(office.customer())
    assert office.outbox() == {}


def test_N8_a_void_is_promised_only_where_the_invoice_is(office: Office) -> None:
    office.connect()
    customer = office.customer()
    there, here = office.invoice(customer), office.invoice(customer)
    office.link("invoice", there)
    office.empty_outbox()
    office.do(void_invoice, there)
    office.do(void_invoice, here)
    assert list(office.outbox()) == [("invoice", there)]


def test_imported_customers_are_not_pushed_back(office: Office) -> None:
    office.connect()
    office.do(create_customer, CustomerDraft("Acme"), imported=True)
    assert office.outbox() == {}


def test_promise_if_due_says_what_it_did(office: Office) -> None:
    customer = office.customer()
    assert office.do(promise_if_due, "customer", customer) is False
    office.connect()
    assert office.do(promise_if_due, "customer", customer) is True


def test_a_link_to_another_company_is_none(office: Office) -> None:
    customer = office.customer()
    office.link("customer", customer)
    office.clock.advance(60)
    connection = office.connect()
    with office.database.write() as session:
        session.get_one(Connection, connection).company_id = "another"
    office.do(update_customer, customer, replace(CustomerDraft("Acme Plumbing"), city="Austin"))
    assert office.outbox() == {}
