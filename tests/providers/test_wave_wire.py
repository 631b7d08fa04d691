"""Wave's nodes and ours, one line in and one line out; no network."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from desktop.errors import (
    Fix,
    InternalMistake,
    InvalidField,
    ItemError,
    MissingCustomer,
    MissingIncomeAccount,
    MissingItem,
    NumberTaken,
    PaymentBlocked,
    TaxProblem,
)
from desktop.providers.answers import Answer
from desktop.providers.base import Action, InDoubt, Linked, Refused, Step
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
)
from desktop.providers.wave_documents import Question, business_document, cut, mutation_document
from desktop.providers.wave_faults import DepositAccountNeeded, PaymentNotApplied, Subject, input_errors, refusal
from desktop.providers.wave_places import country_code, province_code
from desktop.providers.wave_reading import (
    customer_from_node,
    from_memo,
    invoice_from_node,
    item_from_node,
    payment_from_node,
    record_from_node,
    to_memo,
)
from desktop.providers.wave_rules import check
from desktop.providers.wave_wire import Company, create_input, encode, patch_input, step_entry
from tests.providers.support import step
from tests.providers.wave_support import MARKER, customer, imitated, invoice, item, line, make, payment

PAYLOADS = Path(__file__).parent / "payloads" / "wave"
HOME = Company("B", "US", (("A", "Sales"),), ("D", "E"))


def payload(name: str, /, **changes: Any) -> dict[str, Any]:
    return json.loads((PAYLOADS / f"{name}.json").read_text("utf-8")) | changes


# --- reading ---


def test_a_customer_is_read() -> None:
    found = customer_from_node(payload("customer"))
    assert (found.display_name, found.given_name, found.phone, found.email) == (
        "Ann Lee", "Ann", "919-555-0101", "ann@example.com",
    )  # fmt: skip
    assert found.address == Address("1 Elm St", "", "Raleigh", "NC", "27601", "US") and found.active
    assert found.updated_at == datetime(2026, 11, 2, 17, 0, 0, 123000, UTC)
    assert found.version == "2026-11-02T17:00:00.123Z" and found.company_name == ""


def test_a_product_is_read() -> None:
    found = item_from_node(payload("product"))
    assert (found.name, found.unit_price, found.income_account_id, found.taxable) == (
        "Mowing", Decimal("12.5"), "A", True,
    )  # fmt: skip
    assert item_from_node(payload("product", incomeAccount=None)).income_account_id is None


def test_N5_an_invoice_is_read_with_its_own_totals() -> None:
    found = invoice_from_node(payload("invoice"))
    assert (found.number, found.customer_id, found.issued_on, found.due_on) == (
        "BC-1042", "C", date(2025, 1, 31), date(2025, 3, 2),
    )  # fmt: skip
    assert (found.total, found.tax_total, found.balance) == (Decimal("1217.81"), Decimal("92.81"), Decimal(1000))
    assert (found.discount, found.discount_percent, found.draft) == (Decimal(125), Decimal(10), False)
    [read] = found.lines
    assert (read.quantity, read.unit_price, read.amount, read.item_id, read.tax_code_id, read.income_account_id) == (
        Decimal(100), Decimal("12.5"), Decimal(1250), "P", "T", "A",
    )  # fmt: skip


@pytest.mark.parametrize(("status", "draft"), [("DRAFT", True), ("SAVED", True), ("OVERDUE", False), ("FROZEN", False)])
def test_B7_a_status_that_nobody_knows_is_no_draft(status: str, draft: bool) -> None:
    assert invoice_from_node(payload("invoice", status=status)).draft is draft


def test_a_payment_is_read_with_reference_and_mark() -> None:
    found = payment_from_node(payload("payment"))
    assert (found.reference, found.marker, found.method) == ("cheque 881", f"{MARKER}/1", PaymentMethod.CHECK)
    assert (found.customer_id, found.allocations) == ("C", (Allocation("I", Decimal(25)),))
    assert found.deposit_account_id == "D"


@pytest.mark.parametrize("reference", ["", "881", "a [b] c", "[bc:", "ü\u202e"])
@pytest.mark.parametrize("marker", ["", MARKER, f"{MARKER}/2"])
def test_memo_and_back(reference: str, marker: str) -> None:
    assert from_memo(to_memo(reference, marker)) == (reference, marker)


@pytest.mark.parametrize(
    ("kind", "name", "changes"),
    [
        (Kind.CUSTOMER, "customer", {"id": None}),
        (Kind.CUSTOMER, "customer", {"name": 5}),
        (Kind.CUSTOMER, "customer", {"isArchived": "no"}),
        (Kind.CUSTOMER, "customer", {"address": []}),
        (Kind.ITEM, "product", {"unitPrice": "twelve"}),
        (Kind.ITEM, "product", {"unitPrice": "1e400"}),
        (Kind.ITEM, "product", {"unitPrice": "NaN"}),
        (Kind.INVOICE, "invoice", {"total": None}),
        (Kind.INVOICE, "invoice", {"invoiceDate": "31/01/2025"}),
        (Kind.INVOICE, "invoice", {"invoiceDate": "2025-02-30"}),
        (Kind.INVOICE, "invoice", {"customer": None}),
        (Kind.INVOICE, "invoice", {"items": ["x"]}),
        (Kind.PAYMENT, "payment", {"amount": None}),
        (Kind.PAYMENT, "payment", {"invoice": None}),
    ],
)
def test_B3_what_makes_no_sense_is_not_guessed(kind: Kind, name: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        record_from_node(kind, payload(name, **changes))


# --- writing ---


def test_a_new_customer_carries_our_number_and_nothing_empty() -> None:
    who = customer("Ann Lee", given_name="Ann", address=Address("1 Elm St", "", "Raleigh", "NC", "27601", "US"))
    assert create_input(step(who, ref="customer:41"), HOME) == {
        "businessId": "B", "name": "Ann Lee", "firstName": "Ann", "displayId": "BC-41",
        "address": {"addressLine1": "1 Elm St", "city": "Raleigh", "provinceCode": "US-NC", "postalCode": "27601",
                    "countryCode": "US"},
    }  # fmt: skip


@pytest.mark.parametrize("email", ["x@placeholder.local", " X@PLACEHOLDER.LOCAL"])
def test_I19_a_made_up_address_never_leaves(email: str) -> None:
    assert "email" not in create_input(step(customer(email=email)), HOME)
    assert patch_input(step(customer(email=email, external_id="1"), Action.UPDATE, fields=("email",)), HOME) == {
        "id": "1", "email": None,
    }  # fmt: skip
    with pytest.raises(InternalMistake):
        encode({"memo": "write to x@placeholder.local"})


@pytest.mark.parametrize(
    ("region", "country", "codes"),
    [
        ("TX", "", ("US", "US-TX")), ("texas", "USA", ("US", "US-TX")), ("ON", "Canada", ("CA", "CA-ON")),
        ("Narnia", "", ("US", "")), ("Bayern", "DE", ("DE", "")), ("TX", "Nowhere", ("", "")),
    ],
)  # fmt: skip
def test_an_unknown_state_is_left_out_rather_than_guessed(region: str, country: str, codes: tuple[str, str]) -> None:
    code = country_code(country, "US")
    assert (code, province_code(region, code)) == codes


def test_M65_a_new_product_has_its_account_and_no_taxes_of_its_own() -> None:
    assert create_input(step(item("Mowing", unit_price=Decimal("12.50"))), HOME) == {
        "businessId": "B", "name": "Mowing", "unitPrice": "12.50", "incomeAccountId": "A", "defaultSalesTaxIds": [],
    }  # fmt: skip


def test_M67_a_new_invoice_names_everything_on_its_lines() -> None:
    lines = (line(), line(tax_code_id="T", taxable=True))
    made = create_input(step(invoice("BC-1042", currency="USD", memo="", discount=Decimal("1.10"), lines=lines)), HOME)
    assert made["items"] == [
        {"productId": "P", "description": "2 h", "quantity": "2", "unitPrice": "120.05", "taxes": []},
        {"productId": "P", "description": "2 h", "quantity": "2", "unitPrice": "120.05",
         "taxes": [{"salesTaxId": "T"}]},
    ]  # fmt: skip
    assert made["discounts"] == [{"discountType": "FIXED", "amount": "1.10"}]
    assert made["status"] == "SAVED" and made["invoiceNumber"] == "BC-1042" and "memo" not in made
    assert all(part not in str(made) for part in ("BlueClerk", MARKER))


def test_M78_a_new_payment_has_account_method_and_mark() -> None:
    assert create_input(step(payment("I", "25.00", method=PaymentMethod.CHECK)), HOME) == {
        "invoiceId": "I", "paymentAccountId": "D", "amount": "25.00", "paymentDate": "2026-11-05",
        "paymentMethod": "CHEQUE", "exchangeRate": "1",
        "memo": f"1886 [bc:{MARKER.removeprefix('BlueClerk ')}]",
    }  # fmt: skip


def test_I6_a_patch_names_only_what_changed() -> None:
    changed = step(item("Mowing", external_id="7"), Action.UPDATE, fields=("name", "taxable", "sku"))
    assert patch_input(changed, HOME) == {"id": "7", "name": "Mowing"}
    cleared = step(invoice(memo="", external_id="9"), Action.UPDATE, fields=("memo", "discount"))
    assert patch_input(cleared, HOME) == {"id": "9", "memo": "", "discounts": []}


@pytest.mark.parametrize(
    ("record", "mutation", "name"),
    [
        (customer(external_id="1"), "customerDelete", "id"), (item(external_id="1"), "productArchive", "id"),
        (invoice(external_id="1"), "invoiceDelete", "invoiceId"),
        (payment(external_id="1"), "invoicePaymentDelete", "id"),
    ],
)  # fmt: skip
def test_what_is_taken_back_is_deleted(record: Any, mutation: str, name: str) -> None:
    entry = step_entry(step(record, Action.VOID), "x", HOME)
    assert (entry.mutation, entry.wanted) == (mutation, {name: "1"})


# --- documents ---


def test_questions_never_share_a_variable_and_heavy_ones_are_spread() -> None:
    asked = Question("invoice(id: $id) { id identifier: id }", {"id": ("ID!", "1")}, 30)
    document = business_document("", {"a": asked, "b": asked})
    assert document["variables"] == {"business": None, "a_id": "1", "b_id": "1"}
    assert "$a_id: ID!" in document["query"] and "$identifier" not in document["query"]
    assert [len(one) for one in cut([asked] * 5, 60)] == [2, 2, 1]


async def test_the_same_steps_give_the_same_bytes_and_others_other_aliases() -> None:
    wave, _ = imitated({})
    [first], [again] = (wave.prepare([step(customer())]) for _ in range(2))
    [other] = wave.prepare([step(customer("Other"))])
    assert first == again and first.elements[0].key != other.elements[0].key
    assert [len(call.elements) for call in wave.prepare([step(customer())] * 23)] == [10, 10, 3]


# --- rules of ours, before any call ---


@pytest.mark.parametrize(
    ("record", "kind", "fix"),
    [
        (customer(" "), InvalidField, Fix.EDIT_CUSTOMER),
        (customer("x" * 256), InvalidField, Fix.EDIT_CUSTOMER),
        (customer("a\x00b"), InvalidField, Fix.EDIT_CUSTOMER),
        (customer(email="nobody"), InvalidField, Fix.EDIT_CUSTOMER),
        (item(""), InvalidField, Fix.EDIT_ITEM),
        (item(unit_price=Decimal("1.000001")), InvalidField, Fix.EDIT_ITEM),
        (item(income_account_id=None), MissingIncomeAccount, Fix.OPEN_MAPPING),
        (invoice("x" * 51), InvalidField, Fix.EDIT_INVOICE),
        (invoice(due_on=date(2020, 1, 1)), InvalidField, Fix.EDIT_INVOICE),
        (invoice(lines=(line(item_id=None),)), MissingItem, Fix.LINK_ITEM),
        (invoice(lines=(line(taxable=True),)), TaxProblem, Fix.OPEN_TAX),
        (replace(invoice(), customer_id=""), MissingCustomer, Fix.LINK_CUSTOMER),
        (payment(amount="0"), InvalidField, Fix.EDIT_PAYMENT),
        (payment(allocations=()), PaymentBlocked, Fix.EDIT_PAYMENT),
        (payment(deposit_account_id=None), DepositAccountNeeded, Fix.CHOOSE_DEPOSIT_ACCOUNT),
    ],
)
def test_I8_what_can_be_known_beforehand_is_never_sent(record: Any, kind: type[ItemError], fix: Fix) -> None:
    found = check(step(record), HOME)
    assert type(found) is kind and found.fix is fix and found.concerns


def test_the_sentences_of_the_rules() -> None:
    told = check(step(payment(deposit_account_id=None)), HOME)
    assert told is not None and "Choose the bank account that payments go to" in told.advice
    told = check(step(item("Mowing", income_account_id=None)), HOME)
    assert told is not None and told.title == "“Mowing” has no income account, so nothing was sent."


def test_the_only_deposit_account_needs_no_choice() -> None:
    accounts = (
        AccountRecord("D", "Checking", AccountKind.DEPOSIT),
        AccountRecord("X", "Old", AccountKind.DEPOSIT, False),
    )
    only = Company.of(CompanySettings(CompanyRef("B"), "USD", accounts=accounts))
    paid = step(payment(deposit_account_id=None))
    assert check(paid, only) is None and create_input(paid, only)["paymentAccountId"] == "D"


# --- answers ---


def subject(kind: Kind = Kind.INVOICE, **wanted: Any) -> Subject:
    return Subject(kind, "B-1", "invoice:7", Action.CREATE, {"A": "Sales"}, wanted)


def test_every_reason_is_told_on_a_line_of_its_own() -> None:
    errors = [
        {"path": ["input", "items", "0", "quantity"], "message": "Too many.", "code": "INVALID"},
        {"path": ["dueDate"], "message": "Too early.", "code": "INVALID"},
        {"path": None, "message": None},
    ]
    found = refusal(input_errors({"inputErrors": errors}), subject())
    assert found.title.split("\n") == [
        "Wave refused the quantity: Too many.", "Wave refused the due date: Too early.",
        "Wave refused this: no reason was given",
    ]  # fmt: skip
    assert isinstance(found, InvalidField) and found.field == "quantity" and found.concerns[0].local_id == 7


@pytest.mark.parametrize(("message", "kind"), [("is already in use", NumberTaken), ("is too long", InvalidField)])
def test_M143_only_a_taken_number_is_called_taken(message: str, kind: type[ItemError]) -> None:
    errors = input_errors({"inputErrors": [{"path": ["invoiceNumber"], "message": message, "code": "INVALID"}]})
    assert type(refusal(errors, subject(invoiceNumber="B-1"))) is kind


def linked_payment(**invoice_changes: Any) -> Any:
    node = payload("payment")
    node["invoice"] |= invoice_changes
    return lambda sent: {
        "data": {
            alias: {"didSucceed": True, "inputErrors": None, "invoicePayment": node} for alias in sent["variables"]
        }
    }


@pytest.mark.parametrize(
    ("changes", "applied"),
    [
        ({}, True),
        ({"payments": None}, True),
        ({"payments": []}, False),
        ({"amountPaid": {"value": "0.00"}, "amountDue": {"value": "25.00"}}, False),
        ({"payments": None, "amountPaid": {"value": "24.99"}}, False),
    ],
)
async def test_a_payment_counts_only_if_its_invoice_says_so(changes: dict[str, Any], applied: bool) -> None:
    def reread(sent: dict[str, Any]) -> dict[str, Any]:
        [alias] = [name.removesuffix("_id") for name in sent["variables"] if name.endswith("_id")]
        bill = {
            "id": "I",
            "customer": {"id": "C"},
            "amountPaid": {"value": "0"},
            "amountDue": {"value": "25"},
            "payments": [],
        }
        return {"data": {"business": {"id": "B", alias: bill}}}

    wave, sent = imitated(linked_payment(**changes), reread)
    [outcome] = await make(wave, step(payment("I", "25.00")))
    assert isinstance(outcome, Linked) is applied and len(sent) == (1 if applied else 2)
    if not applied:
        assert isinstance(outcome, Refused) and isinstance(outcome.error, PaymentNotApplied)


async def test_a_stale_invoice_is_read_once_more_before_anything_is_said() -> None:
    def reread(sent: dict[str, Any]) -> dict[str, Any]:
        [alias] = [name.removesuffix("_id") for name in sent["variables"] if name.endswith("_id")]
        mine = payload("payment", memo=to_memo("1886", MARKER))
        bill = {
            "id": "I",
            "customer": {"id": "C"},
            "amountPaid": {"value": "25"},
            "amountDue": {"value": "0"},
            "payments": [mine],
        }
        return {"data": {"business": {"id": "B", alias: bill}}}

    wave, _ = imitated(linked_payment(payments=[]), reread)
    [outcome] = await make(wave, step(payment("I", "25.00")))
    assert isinstance(outcome, Linked) and outcome.record.marker == MARKER


@pytest.mark.parametrize(
    "body",
    [
        {"data": None}, {"data": {}}, {"data": []}, {}, [], {"data": {"other": {"didSucceed": True}}},
        {"data": None, "errors": [{"message": "x", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]},
    ],
)  # fmt: skip
async def test_B3_an_answer_that_proves_nothing_is_in_doubt(body: Any) -> None:
    wave, _ = imitated(body)
    [outcome] = await make(wave, step(customer()))
    assert isinstance(outcome, InDoubt)


@pytest.mark.parametrize(
    "payload_of", [{"didSucceed": None}, {"didSucceed": True}, {"didSucceed": True, "customer": {}}, 5]
)
async def test_B3_a_yes_without_a_record_is_in_doubt(payload_of: Any) -> None:
    wave, _ = imitated(lambda sent: {"data": {alias: payload_of for alias in sent["variables"]}})
    [outcome] = await make(wave, step(customer()))
    assert isinstance(outcome, InDoubt)


def test_an_answer_has_a_reference_for_the_service_people() -> None:
    from desktop.providers.wave_faults import WaveJudge

    dead = {"errors": [{"message": "x", "path": ["user"], "extensions": {"code": "UNAUTHENTICATED", "id": "s-1"}}],
            "data": {"user": None}}  # fmt: skip
    found = WaveJudge().problem(Answer(200, dead))
    assert found is not None and found.service_ref == "s-1"
    assert WaveJudge().problem(Answer(200, {**dead, "data": {"c0": {"didSucceed": True}}})) is None


def test_a_document_holds_one_mutation_a_line() -> None:
    entries = [
        step_entry(Step(f"c:{n}", Action.CREATE, Kind.CUSTOMER, customer("a\nb: {")), f"c{n}", HOME) for n in range(3)
    ]
    assert len(mutation_document(entries)["query"].split("\n")) == 5
