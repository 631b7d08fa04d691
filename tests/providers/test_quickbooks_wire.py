"""Records to payloads and back: one line in, one line out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import InternalMistake
from desktop.providers.base import Action
from desktop.providers.quickbooks_reading import (
    customer_from_payload,
    gone_record,
    invoice_from_payload,
    item_from_payload,
    payment_from_payload,
    record_from_payload,
)
from desktop.providers.quickbooks_settings import settings_from
from desktop.providers.quickbooks_wire import Company, batch_element, create_payload, encode
from desktop.providers.reading import Unreadable
from desktop.providers.records import (
    AccountKind,
    Address,
    Allocation,
    CompanyRef,
    InvoiceRecord,
    Kind,
    LineRecord,
    PaymentMethod,
)
from tests.providers.support import MARKER, customer, invoice, item, line, payload, payment, step

US = Company(methods=(("1", PaymentMethod.CASH), ("2", PaymentMethod.CHECK)))
UK = Company(us=False, multi_currency=True)


# --- money and text on the wire ---


@given(st.decimals(-10_000_000, 10_000_000, places=6))
def test_I5_numbers_leave_and_return_as_the_very_digits(number: Decimal) -> None:
    body = encode({"Amount": number})
    assert json.loads(body, parse_float=Decimal, parse_int=Decimal)["Amount"] == number
    assert "e" not in body.lower().replace('"amount"', "")


@given(st.text())
def test_I21_text_arrives_identical(text: str) -> None:
    if "@placeholder.local" not in text.lower():
        assert json.loads(encode({"a": [text, {text: None}, True]})) == {"a": [text, {text: None}, True]}


def test_the_same_payload_is_always_the_same_text() -> None:
    assert encode({"b": Decimal("1.10"), "a": "é"}) == '{"b":1.10,"a":"\\u00e9"}'


@pytest.mark.parametrize("email", ["x@placeholder.local", "X@Placeholder.LOCAL ", "uuid-1@placeholder.local"])
def test_M133_I19_a_made_up_address_never_leaves(email: str) -> None:
    body = encode(create_payload(customer(email=email), US))
    assert "placeholder" not in body and "PrimaryEmailAddr" not in body


def test_I19_not_even_in_a_note() -> None:
    with pytest.raises(InternalMistake):
        encode(create_payload(invoice(memo="mail x@PLACEHOLDER.local"), US))


# --- what is sent ---


def test_a_new_customer_leaves_with_what_is_known_and_nothing_empty() -> None:
    record = customer(email="birds@example.com", phone="555", address=Address(line1="1 Main", city="Austin"))
    assert create_payload(record, US) == {
        "DisplayName": "Amy's Bird Sanctuary",
        "PrimaryEmailAddr": {"Address": "birds@example.com"},
        "PrimaryPhone": {"FreeFormNumber": "555"},
        "BillAddr": {"Line1": "1 Main", "City": "Austin"},
    }


def test_M65_a_new_item_is_a_service_with_its_income_account() -> None:
    assert create_payload(item(taxable=True), US) == {
        "Name": "Gutter cleaning",
        "UnitPrice": Decimal("120.05"),
        "IncomeAccountRef": {"value": "79"},
        "Taxable": True,
        "Type": "Service",
    }


def test_M62_M67_a_new_invoice_with_all_its_lines_number_and_stamp() -> None:
    lines = (line(taxable=True, tax_code_id="2"), line("35.00", "1", "35.00", item_id="12"))
    record = invoice(lines=lines, discount=Decimal("27.51"), discount_percent=Decimal(10))
    assert create_payload(record, US) == {
        "CustomerRef": {"value": "1"},
        "DocNumber": "INV-1007",
        "TxnDate": "2026-11-02",
        "DueDate": "2026-12-02",
        "CustomerMemo": {"value": "Thank you"},
        "Line": [
            sales_line("240.10", "2", "120.05", "11", "TAX", "2 h"),
            sales_line("35.00", "1", "35.00", "12", "NON", "2 h"),
            {
                "DetailType": "DiscountLineDetail",
                "Amount": Decimal("27.51"),
                "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": Decimal(10)},
            },
        ],
        "ApplyTaxAfterDiscount": True,
        "TxnTaxDetail": {"TxnTaxCodeRef": {"value": "2"}},
        "EmailStatus": "NotSet",
        "PrivateNote": MARKER,
    }


def sales_line(amount: str, quantity: str, price: str, item_id: str, tax: str, words: str) -> dict[str, Any]:
    return {
        "DetailType": "SalesItemLineDetail",
        "Amount": Decimal(amount),
        "Description": words,
        "SalesItemLineDetail": {
            "ItemRef": {"value": item_id},
            "Qty": Decimal(quantity),
            "UnitPrice": Decimal(price),
            "TaxCodeRef": {"value": tax},
        },
    }


def test_a_discount_as_an_amount() -> None:
    sent = create_payload(invoice(discount=Decimal("5.00")), US)
    assert sent["Line"][-1]["DiscountLineDetail"] == {"PercentBased": False}
    assert sent["Line"][-1]["Amount"] == Decimal("5.00")


@pytest.mark.parametrize(
    ("taxable", "code", "expected"),
    [(True, None, "TAX"), (True, "2", "TAX"), (False, None, "NON"), (False, "NON", "NON"), (True, "NON", "NON"),
     (True, "TAX", "TAX"), (False, "2", "TAX")],
)  # fmt: skip
def test_M66_us_lines_are_only_tax_or_non(taxable: bool, code: str | None, expected: str) -> None:
    sent = create_payload(invoice(lines=(line(taxable=taxable, tax_code_id=code),)), US)
    assert sent["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"] == {"value": expected}
    assert ("TxnTaxDetail" in sent) == (code == "2")


def test_M66_elsewhere_each_line_names_its_own_code() -> None:
    lines = (line(tax_code_id="4"), line(tax_code_id="7"))
    sent = create_payload(invoice(lines=lines, currency="GBP", discount=Decimal(1)), UK)
    assert [entry["SalesItemLineDetail"]["TaxCodeRef"] for entry in sent["Line"][:2]] == [
        {"value": "4"},
        {"value": "7"},
    ]
    assert sent["GlobalTaxCalculation"] == "TaxExcluded" and sent["CurrencyRef"] == {"value": "GBP"}
    assert "TxnTaxDetail" not in sent and "ApplyTaxAfterDiscount" not in sent


def test_a_currency_is_only_named_where_there_are_several() -> None:
    assert "CurrencyRef" not in create_payload(invoice(currency="USD"), US)


def test_M76_M78_a_payment_names_invoice_method_and_stamp() -> None:
    sent = create_payload(payment(method=PaymentMethod.CHECK, deposit_account_id="4"), US)
    assert sent == {
        "CustomerRef": {"value": "1"},
        "TotalAmt": Decimal("240.10"),
        "Line": [{"Amount": Decimal("240.10"), "LinkedTxn": [{"TxnId": "130", "TxnType": "Invoice"}]}],
        "TxnDate": "2026-11-05",
        "PaymentRefNum": "1886",
        "PaymentMethodRef": {"value": "2"},
        "DepositToAccountRef": {"value": "4"},
        "PrivateNote": MARKER,
    }


def test_M78_a_method_that_the_company_lacks_is_left_out() -> None:
    assert "PaymentMethodRef" not in create_payload(payment(method=PaymentMethod.CARD), US)
    assert create_payload(payment(method_id="9"), US)["PaymentMethodRef"] == {"value": "9"}


# --- updates touch nothing but what changed ---

KNOWN = {"external_id": "7", "version": "3"}


def test_I6_an_update_is_sparse_and_holds_only_the_named_fields() -> None:
    changed = step(customer(email="new@example.com", phone="555", **KNOWN), Action.UPDATE, fields=("email",))
    assert batch_element(changed, "i0", US) == {
        "bId": "i0",
        "operation": "update",
        "Customer": {
            "Id": "7",
            "SyncToken": "3",
            "sparse": True,
            "PrimaryEmailAddr": {"Address": "new@example.com"},
        },
    }


def test_I6_the_accountants_note_is_never_written_over() -> None:
    fields = tuple(InvoiceRecord.__dataclass_fields__)
    sent = batch_element(step(invoice(**KNOWN), Action.UPDATE, fields=fields), "i0", US)["Invoice"]
    assert "PrivateNote" not in sent and "EmailStatus" not in sent


def test_a_cleared_field_is_sent_as_empty() -> None:
    sent = batch_element(step(invoice(memo="", **KNOWN), Action.UPDATE, fields=("memo",)), "i0", US)["Invoice"]
    assert sent == {"Id": "7", "SyncToken": "3", "sparse": True, "CustomerMemo": {"value": ""}}


def test_M68_changed_lines_go_out_all_together() -> None:
    sent = batch_element(step(invoice(**KNOWN), Action.UPDATE, fields=("lines",)), "i0", US)["Invoice"]
    assert len(sent["Line"]) == 1 and set(sent) == {"Id", "SyncToken", "sparse", "Line"}


def test_each_way_to_end_a_record() -> None:
    target = {"Id": "7", "SyncToken": "3"}
    assert batch_element(step(invoice(**KNOWN), Action.VOID), "i0", US) == {
        "bId": "i0", "operation": "void", "Invoice": target,
    }  # fmt: skip
    assert batch_element(step(payment(**KNOWN), Action.VOID), "i0", US) == {
        "bId": "i0", "operation": "update", "optionsData": "void", "Payment": {**target, "sparse": True},
    }  # fmt: skip
    assert batch_element(step(payment(**KNOWN), Action.DELETE), "i0", US) == {
        "bId": "i0", "operation": "delete", "Payment": target,
    }  # fmt: skip
    assert batch_element(step(customer(**KNOWN), Action.DELETE), "i0", US) == {
        "bId": "i0", "operation": "update", "Customer": {**target, "sparse": True, "Active": False},
    }  # fmt: skip


# --- what is read ---


def test_a_customer_is_read() -> None:
    assert customer_from_payload(payload("customer")["Customer"]) == customer(
        external_id="1",
        version="3",
        given_name="Amy",
        family_name="Lauterbach",
        company_name="Amy's Bird Sanctuary",
        email="birds@example.com",
        phone="(650) 555-3311",
        address=Address("4581 Finch St.", "Apt. 2", "Bayshore", "CA", "94326", "USA"),
        updated_at=datetime(2026, 10, 19, 22, 21, 49, tzinfo=UTC),
        created_at=datetime(2026, 10, 14, 23, 48, 43, tzinfo=UTC),
    )


def test_a_project_is_labelled_by_its_parent() -> None:
    record = customer_from_payload(payload("customer_project")["Customer"])
    assert record.parent_id == "1" and not record.active and record.email == ""


def test_an_item_is_read() -> None:
    record = item_from_payload(payload("item")["Item"])
    assert record == item(
        external_id="11",
        version="1",
        description="Both sides",
        taxable=True,
        sku="GC-1",
        updated_at=record.updated_at,
        created_at=datetime(2026, 10, 14, 17, 46, 45, tzinfo=UTC),
    )


def test_an_invoice_is_read_without_its_subtotal() -> None:
    record = invoice_from_payload(payload("invoice")["Invoice"])
    assert record == InvoiceRecord(
        number="INV-1007",
        customer_id="1",
        issued_on=date(2026, 11, 2),
        lines=(
            line(taxable=True, tax_code_id="2"),
            LineRecord("Disposal", Decimal(1), Decimal(35), Decimal(35), item_id="12"),
            LineRecord("Thank you for your trust", Decimal(1), Decimal(0), Decimal(0)),
        ),
        external_id="130",
        version="0",
        due_on=date(2026, 12, 2),
        currency="USD",
        discount=Decimal("27.51"),
        discount_percent=Decimal(10),
        memo="Thank you",
        marker=MARKER,
        total=Decimal("264.88"),
        tax_total=Decimal("17.29"),
        balance=Decimal("164.88"),
        updated_at=datetime(2026, 11, 2, 18, 33, 39, tzinfo=UTC),
    )


def test_D4_a_voided_invoice_is_seen_as_one_and_keeps_its_stamp() -> None:
    record = invoice_from_payload(payload("invoice_voided")["Invoice"])
    assert record.voided and record.marker.endswith("3b12/1") and record.total == 0


def test_an_invoice_for_nothing_is_not_taken_for_a_void_one() -> None:
    changed = payload("invoice_voided")["Invoice"] | {"PrivateNote": "Goodwill"}
    assert not invoice_from_payload(changed).voided


def test_a_bundle_is_read_as_its_lines() -> None:
    inner = payload("invoice")["Invoice"]["Line"][:2]
    group = {"DetailType": "GroupLineDetail", "Amount": 275.1, "GroupLineDetail": {"Line": inner}}
    record = invoice_from_payload(payload("invoice")["Invoice"] | {"Line": [group]})
    assert [entry.amount for entry in record.lines] == [Decimal("240.10"), Decimal(35)]


def test_a_payment_is_read_with_the_invoices_it_pays() -> None:
    record = payment_from_payload(payload("payment")["Payment"], {"2": PaymentMethod.CHECK})
    assert record.allocations == (Allocation("130", Decimal(200)), Allocation("90", Decimal(30)))
    assert record.method is PaymentMethod.CHECK and record.method_id == "2"
    assert record.unapplied == 10 and record.deposit_account_id == "4" and record.marker.startswith("BlueClerk 9ab")


def test_a_sent_invoice_reads_back_as_itself() -> None:
    record = invoice(discount=Decimal("24.01"), discount_percent=Decimal(10))
    echoed = json.loads(encode(create_payload(record, US)), parse_float=Decimal)
    read = invoice_from_payload({**echoed, "Id": "130", "SyncToken": "0"})
    assert replace(read, external_id=None, version=None) == record


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        ("customer", "Customer", {"Id": 1}),
        ("customer", "Customer", {"Id": None}),
        ("customer", "Customer", {"SyncToken": 3}),
        ("customer", "Customer", {"DisplayName": ["x"]}),
        ("customer", "Customer", {"Active": "true"}),
        ("customer", "Customer", {"BillAddr": []}),
        ("item", "Item", {"UnitPrice": "120.05"}),
        ("item", "Item", {"UnitPrice": True}),
        ("invoice", "Invoice", {"TotalAmt": "264.88"}),
        ("invoice", "Invoice", {"TxnDate": "/Date(-1)/"}),
        ("invoice", "Invoice", {"TxnDate": "2026-02-30"}),
        ("invoice", "Invoice", {"TxnDate": None}),
        ("invoice", "Invoice", {"CustomerRef": {}}),
        ("invoice", "Invoice", {"Line": {}}),
        ("invoice", "Invoice", {"Line": [None]}),
        ("payment", "Payment", {"TotalAmt": None}),
        ("payment", "Payment", {"Line": [{"LinkedTxn": "x"}]}),
    ],
)
def test_B3_B7_another_shape_is_never_guessed_at(kind: str, name: str, change: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        record_from_payload(Kind(kind), payload(kind)[name] | change)


def test_B7_unknown_words_and_missing_offsets_are_left_unknown() -> None:
    changed = payload("invoice")["Invoice"] | {
        "EmailStatus": "FROZEN",
        "MetaData": {"LastUpdatedTime": "2026-11-02T10:33:39"},
        "TxnDate": "0001-01-01",
        "Novelty": {"a": 1},
    }
    record = invoice_from_payload(changed)
    assert record.updated_at is None and record.issued_on == date(1, 1, 1)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("body", [None, [], "x", {}, {"status": "Deleted"}, {"status": "Gone", "Id": "1"}])
def test_what_is_left_of_a_deletion(kind: Kind, body: Any) -> None:
    with pytest.raises(Unreadable):
        gone_record(kind, body)


# --- settings ---


def rows() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for entry in payload("settings_us")["BatchItemResponse"]:
        found |= {name: value for name, value in entry["QueryResponse"].items() if isinstance(value, list)}
    return found


def test_N7_settings_of_a_us_company() -> None:
    settings = settings_from(CompanyRef("9130"), rows(), None)
    assert settings.company == CompanyRef("9130", "Acme Plumbing LLC") and settings.home_currency == "USD"
    assert settings.closed_until == date(2026, 6, 30) and settings.automatic_tax and settings.custom_numbers
    assert [(account.name, account.kind, account.active) for account in settings.accounts] == [
        ("Services", AccountKind.INCOME, True),
        ("Services:Roofing", AccountKind.INCOME, False),
        ("Undeposited Funds", AccountKind.DEPOSIT, True),
        ("Checking", AccountKind.DEPOSIT, True),
        ("Other Portfolio Income", AccountKind.OTHER, True),
    ]
    assert [code.rate for code in settings.tax_codes] == [None, Decimal(0), Decimal("8.00")]
    assert [method.method for method in settings.payment_methods] == [
        PaymentMethod.CASH,
        PaymentMethod.CHECK,
        PaymentMethod.CARD,
        PaymentMethod.BANK_TRANSFER,
        PaymentMethod.OTHER,
    ]


def test_a_country_without_a_named_home_currency() -> None:
    info = {"CompanyInfo": [{"Country": "CA"}], "Preferences": [{}]}
    settings = settings_from(CompanyRef("1"), rows() | info, None)
    assert settings.home_currency == "CAD" and not settings.automatic_tax and not settings.custom_numbers
    with pytest.raises(Unreadable):
        settings_from(CompanyRef("1"), rows() | info | {"CompanyInfo": [{"Country": "ZZ"}]}, None)
    with pytest.raises(Unreadable):
        settings_from(CompanyRef("1"), rows() | {"Preferences": []}, None)
