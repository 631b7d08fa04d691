"""Our records as Xero's payloads and back: pure, without any call."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import InternalMistake, InvalidField, ItemError, MissingIncomeAccount, MissingItem, PaymentBlocked
from desktop.providers.base import MARKER as STAMP
from desktop.providers.base import Action
from desktop.providers.reading import Unreadable
from desktop.providers.records import (
    AccountKind,
    AccountRecord,
    Address,
    Allocation,
    CompanyRef,
    CompanySettings,
    Kind,
    PaymentMethod,
    TaxCodeRecord,
)
from desktop.providers.xero_faults import messages_in
from desktop.providers.xero_outcomes import match
from desktop.providers.xero_reading import (
    METHOD_WORDS,
    customer_from_payload,
    day,
    instant,
    invoice_from_payload,
    split_method,
    split_tag,
    tag_of,
)
from desktop.providers.xero_rules import check
from desktop.providers.xero_wire import (
    Company,
    account_payload,
    contact_payload,
    discount_shares,
    encode,
    invoice_payload,
    item_code,
    item_payload,
    payment_payload,
    with_line_ids,
)
from tests.providers.xero_support import MARKER, customer, invoice, item, line, payment, step

SETTINGS = CompanySettings(
    CompanyRef("t"),
    "USD",
    accounts=(
        AccountRecord("200", "Sales", AccountKind.INCOME),
        AccountRecord("090", "Checking", AccountKind.DEPOSIT, is_default=True),
    ),
    tax_codes=(TaxCodeRecord("NONE", "None", Decimal(0)), TaxCodeRecord("OUTPUT", "Tax", Decimal("8.25"))),
)
COMPANY = Company.of(SETTINGS)
BILL = replace(invoice("c-1"), external_id="430fa14a-f945-44d3-9f97-5df5e28441b8")

# --- stamps and words in a reference ---


@given(st.uuids(), st.integers(0, 9999), st.sampled_from(["", "Thank you", "Check 881", "BC-", "Job 77 BC-1"]))
def test_a_stamp_is_read_back_whole_and_leaves_the_text_as_it_was(uuid: Any, generation: int, words: str) -> None:
    marker = f"{STAMP}{uuid}/{generation}" if generation else f"{STAMP}{uuid}"
    assert split_tag(f"{words} {tag_of(marker)}".strip()) == (words, marker)


@pytest.mark.parametrize("text", ["", "Job 77", "BC-123", "BC-" + "1" * 26, "see BC-pay-5f3c"])
def test_other_references_are_no_stamps(text: str) -> None:
    assert split_tag(text) == (text, "")


@pytest.mark.parametrize("method", list(PaymentMethod))
def test_M78_the_method_stands_in_front_in_words(method: PaymentMethod) -> None:
    sent = payment_payload(payment(BILL, method=method, deposit_account_id="090"), COMPANY)
    words, marker = split_tag(sent["Reference"])
    assert (split_method(words), marker) == ((method, "1886"), MARKER)
    assert sent["Reference"].startswith(METHOD_WORDS.get(method, "1886"))


def test_N4_an_account_goes_by_code_or_id_and_the_default_stands_in() -> None:
    assert account_payload("090") == {"Code": "090"}
    assert account_payload(BILL.external_id or "") == {"AccountID": BILL.external_id}
    assert payment_payload(payment(BILL), COMPANY)["Account"] == {"Code": "090"}


# --- dates ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/Date(1518685950940+0000)/", datetime(2018, 2, 15, 9, 12, 30, 940000, UTC)),
        ("/Date(1518685950940)/", datetime(2018, 2, 15, 9, 12, 30, 940000, UTC)),
        ("/Date(1518685950940+1300)/", datetime(2018, 2, 15, 9, 12, 30, 940000, UTC)),
        ("/Date(-86400000+0000)/", datetime(1969, 12, 31, tzinfo=UTC)),
        ("2018-02-15", None),
        ("/Date(999999999999999)/", None),
        (7, None),
    ],
)
def test_instants_ignore_the_offset_and_may_lie_before_1970(text: object, expected: datetime | None) -> None:
    assert instant(text) == expected


def test_document_dates_are_the_utc_day_and_nothing_is_guessed() -> None:
    assert day({"Date": "/Date(1770768000000+0000)/"}, "Date") == date(2026, 2, 11)
    assert day({"Date": "2026-02-11T00:00:00"}, "Date") == date(2026, 2, 11)
    assert day({}, "Date") is None
    for bad in ("0001-01-01", "11/02/2026", 7, "2026-02-31"):
        with pytest.raises(Unreadable):
            day({"Date": bad}, "Date")


# --- payloads ---


def test_only_the_contact_id_stands_in_an_invoice_and_no_total_leaves() -> None:
    sent = invoice_payload(step(replace(BILL, external_id=None)))
    assert sent["Contact"] == {"ContactID": "c-1"}
    assert not {"Total", "SubTotal", "TotalTax", "LineAmount"} & {*sent, *sent["LineItems"][0]}
    assert (sent["Status"], sent["DueDate"], sent["LineAmountTypes"]) == ("AUTHORISED", "2026-12-20", "Exclusive")
    assert invoice_payload(step(replace(BILL, external_id=None, due_on=None)))["DueDate"] == "2026-11-20"


def test_I6_updates_name_only_what_changed() -> None:
    changed = replace(BILL, memo="New")
    assert set(invoice_payload(step(changed, Action.UPDATE, fields=("memo",)))) == {"InvoiceID", "Reference"}
    who = customer(external_id="c-1", email="nora@example.com")
    sent = contact_payload(step(who, Action.UPDATE, fields=("email",)))
    assert sent == {"ContactID": "c-1", "EmailAddress": "nora@example.com"}
    thing = item(external_id="LAB")
    assert item_payload(step(thing, Action.UPDATE, fields=("income_account_id", "active")), COMPANY) == {
        "Code": "LAB",
        "SalesDetails": {"AccountCode": "200"},
    }


def test_I19_a_made_up_address_never_leaves() -> None:
    assert "EmailAddress" not in contact_payload(step(customer(email="x@placeholder.local")))
    with pytest.raises(InternalMistake):
        encode({"Name": "x@placeholder.local"})
    assert encode({"Amount": Decimal("1E+2"), "N": Decimal("0.00001")}) == '{"Amount":100,"N":0.00001}'


@given(st.lists(st.decimals(0, 9999, places=2), min_size=1, max_size=12), st.integers(0, 100))
def test_a_discount_is_spread_to_the_cent_and_never_beyond_its_line(amounts: list[Decimal], percent: int) -> None:
    discount = (sum(amounts, Decimal(0)) * percent / 100).quantize(Decimal("0.01"))
    shares = discount_shares(amounts, discount)
    if sum(amounts):
        assert sum(shares) == discount
    assert all(0 <= share <= amount for share, amount in zip(shares, amounts, strict=True))


def test_lines_get_the_ids_that_are_there_by_item_and_text_then_by_place() -> None:
    there = [{"LineItemID": n, "ItemCode": n, "Description": n} for n in "abc"]
    sent = [{"ItemCode": "c", "Description": "c"}, {"ItemCode": "x"}, {"ItemCode": "a", "Description": "a"}, {}]
    assert [one.get("LineItemID") for one in with_line_ids(sent, there)] == ["c", "b", "a", None]


def test_codes_of_items_are_stable_short_and_apart() -> None:
    assert item_code(item(sku="LAB-01")) == "LAB-01"
    long = item_code(item("Installation of a very long thing, the first"))
    other = item_code(item("Installation of a very long thing, the second"))
    assert long != other and max(len(long), len(other)) <= 30
    assert item_code(item("skylight")) == item_code(item("Skylight".lower())) and item_code(item("漆")).isalnum()


def test_a_contact_is_read_from_its_mailing_address_else_its_street() -> None:
    row = {"ContactID": "c", "Name": "A", "Addresses": [{"AddressType": "STREET", "AddressLine1": "1 High St"},
           {"AddressType": "POBOX", "AddressLine1": ""}], "Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": ""},
           {"PhoneType": "MOBILE", "PhoneCountryCode": "44", "PhoneNumber": "7700"}]}  # fmt: skip
    found = customer_from_payload(row)
    assert (found.address, found.phone) == (Address("1 High St"), "44 7700")
    with pytest.raises(Unreadable):
        customer_from_payload({**row, "ContactID": "00000000-0000-0000-0000-000000000000"})


def test_a_discounted_line_is_read_before_its_discount() -> None:
    row = {"InvoiceID": "i", "InvoiceNumber": "1", "Status": "PAID", "Date": "/Date(1770768000000)/",
           "Contact": {"ContactID": "c"}, "LineItems": [{"Quantity": Decimal(2), "UnitAmount": Decimal("10.00"),
           "LineAmount": Decimal("18.00"), "TaxType": "OUTPUT", "Description": "-"}]}  # fmt: skip
    found = invoice_from_payload(row, {"OUTPUT": Decimal("8.25")})
    assert (found.discount, found.lines[0].amount, found.lines[0].description) == (Decimal(2), Decimal(20), "")
    assert found.lines[0].taxable and not invoice_from_payload(row, {"OUTPUT": Decimal(0)}).lines[0].taxable


# --- rules known beforehand ---

RULES: list[tuple[Any, type[ItemError], str]] = [
    (customer(""), InvalidField, "display_name"),
    (customer("A <b>"), InvalidField, "display_name"),
    (customer("A  B"), InvalidField, "display_name"),
    (customer("x" * 256), InvalidField, "display_name"),
    (customer(email="müller@example.com"), InvalidField, "email"),
    (customer(phone="1" * 51), InvalidField, "phone"),
    (customer(address=Address(country="4711")), InvalidField, "address"),
    (item("x" * 51), InvalidField, "name"),
    (item(unit_price=Decimal("1.23456")), InvalidField, "unit_price"),
    (item(income_account_id=None), MissingIncomeAccount, ""),
    (invoice("c", lines=()), InvalidField, "lines"),
    (invoice("c", lines=(line(item_id=""),)), MissingItem, ""),
    (invoice("c", lines=(line(income_account_id=None),)), MissingIncomeAccount, ""),
    (invoice("c", lines=(line(quantity="0.33333"),)), InvalidField, "quantity"),
    (invoice("c", memo="x" * 256), InvalidField, "memo"),
    (invoice("c", due_on=date(2026, 11, 1)), InvalidField, "due_on"),
    (payment(BILL, "0"), InvalidField, "amount"),
    (payment(BILL, allocations=(Allocation("a", Decimal(50)), Allocation("b", Decimal(50)))), PaymentBlocked, ""),
]


@pytest.mark.parametrize(("record", "error", "field"), RULES, ids=lambda value: str(value)[:30])
def test_I8_what_xero_would_refuse_is_refused_before(record: Any, error: type[ItemError], field: str) -> None:
    found = check(step(record, ref="x:9"), COMPANY)
    assert type(found) is error and found.concerns
    assert not isinstance(found, InvalidField) or found.field == field


def test_a_payment_needs_a_bank_account() -> None:
    none = Company.of(replace(SETTINGS, accounts=SETTINGS.accounts[:1]))
    found = check(step(payment(BILL)), none)
    assert isinstance(found, PaymentBlocked) and check(step(payment(BILL)), COMPANY) is None


# --- answers ---


def test_errors_are_found_on_nested_objects_once_each() -> None:
    said = [{"Message": "A"}]
    row = {"ValidationErrors": said, "Contact": {"ValidationErrors": [{"Message": "B"}]},
           "LineItems": [{"ValidationErrors": said}, {"ValidationErrors": [{"Message": "C"}]}],
           "Warnings": [{"Message": "D"}]}  # fmt: skip
    assert messages_in(row) == ("A", "B", "C")


def test_B5_rows_are_matched_by_natural_key_and_each_once() -> None:
    sent = [{"Name": "A"}, {"Name": "B"}, {"Name": "C"}]
    rows = [{"Name": "c"}, {"Name": "A"}, {"Name": "A"}]
    assert match(Kind.CUSTOMER, sent, rows) == [{"Name": "A"}, None, {"Name": "c"}]
    pay = [{"Reference": "R", "Amount": Decimal(1), "Invoice": {"InvoiceID": "i"}}]
    assert match(Kind.PAYMENT, pay, [{"Reference": "R", "Amount": 2}, {"Reference": "R", "Amount": 1}])[0] == {
        "Reference": "R",
        "Amount": 1,
    }
