"""Customers with their stand-in addresses (M129-M133), items, and users."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from desktop.books.customers import (
    CustomerDraft,
    create_customer,
    fold,
    is_placeholder,
    placeholder_email,
    real_email,
    update_customer,
)
from desktop.books.items import ItemDraft, create_item, other_work, update_item
from desktop.books.queries import (
    CustomerFilter,
    Sort,
    customer_choices,
    customer_draft,
    customer_ids,
    customer_rows,
    item_choices,
    item_draft,
)
from desktop.books.users import me, set_admin, users
from desktop.errors import InputError, NotAllowed
from desktop.kinds import CustomerKind
from desktop.models.tables import Customer, Item
from tests.books.writing import COMPANY, Office

FULL = CustomerDraft(
    "Ana Müller & Co.",
    CustomerKind.BUSINESS,
    "Ana",
    "Müller",
    "Müller & Co.",
    "Ana.M+x@Example.com",
    "+1 (512) 555-0100",
    "1 Main St",
    "Apt 2",
    "Austin",
    "TX",
    "78701",
    "USA",
    "Gate code\n1234",
    kind_reason="“& Co.”",
    kind_chosen=True,
)


def test_every_field_comes_back_as_typed(office: Office) -> None:
    customer = office.do(create_customer, FULL)
    assert office.ask(customer_draft, customer) == replace(FULL, kind="business")


def test_M129_an_imported_customer_without_address_gets_one_of_its_own(office: Office) -> None:
    ids = [office.do(create_customer, CustomerDraft("Same"), imported=True) for _ in range(2)]
    emails = [office.row(Customer, each).email for each in ids]
    assert len(set(emails)) == 2 and all(map(is_placeholder, emails))


def test_M131_a_real_address_is_kept_and_shown_as_is(office: Office) -> None:
    customer = office.do(create_customer, CustomerDraft("A", email="Me@Example.COM"), imported=True)
    assert office.ask(customer_rows, [customer], None)[0].email == "Me@Example.COM"


def test_M133_a_placeholder_is_shown_as_no_email_and_survives_an_edit(office: Office) -> None:
    customer = office.do(create_customer, CustomerDraft("A"), imported=True)
    before = office.row(Customer, customer).email
    assert office.ask(customer_rows, [customer], None)[0].email == ""
    draft = office.ask(customer_draft, customer)
    assert draft.email == ""
    office.do(update_customer, customer, replace(draft, city="Austin"))
    assert office.row(Customer, customer).email == before
    office.do(update_customer, customer, replace(draft, email="a@b.co"))
    assert office.row(Customer, customer).email == "a@b.co"


def test_M133_a_placeholder_cannot_be_typed(office: Office) -> None:
    with pytest.raises(InputError):
        office.customer(email="x@placeholder.local")
    assert real_email(placeholder_email("7")) == ""
    assert is_placeholder("X@PLACEHOLDER.LOCAL ")
    assert not is_placeholder("a@placeholder.local.example.com")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"display_name": " "}, "display_name"),
        ({"display_name": "x" * 501}, "display_name"),
        ({"display_name": "a\tb"}, "display_name"),
        ({"email": "no address"}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": "a@b.co, c@d.co"}, "email"),
        ({"phone": "1\0"}, "phone"),
        ({"kind": "alien"}, "kind"),
        ({"notes": "\x1b"}, "notes"),
    ],
)
def test_U2_what_cannot_be_kept_is_refused_and_the_customer_stays(
    office: Office, changes: dict[str, object], field: str
) -> None:
    customer = office.do(create_customer, FULL)
    with pytest.raises(InputError) as refusal:
        office.do(update_customer, customer, replace(FULL, **changes))  # type: ignore[arg-type]
    assert refusal.value.field == field
    assert office.row(Customer, customer).revision == 1


def test_S7_only_an_edit_that_changes_something_counts(office: Office) -> None:
    customer = office.do(create_customer, FULL)
    office.do(update_customer, customer, FULL)
    assert office.row(Customer, customer).revision == 1
    office.do(update_customer, customer, replace(FULL, city="Dallas"))
    assert office.row(Customer, customer).revision == 2


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Éclair   GmbH ", "eclair gmbh"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("ﬁne", "fine"),
        ("e\u0301 é", "e e"),
        ("Łódź", "łodz"),
        ("山田", "山田"),
    ],
)
def test_search_ignores_case_and_accents(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_completion_finds_any_word_and_prefers_beginnings(office: Office) -> None:
    for name in ("Zoë Plumbing", "Plumbing by Ann", "Ann Lee", "100% Plumbing_x"):
        office.customer(name)
    office.customer("Gone Plumbing", active=False)
    names = [each.name for each in office.ask(customer_choices, "plumb", 10)]
    assert names == ["Plumbing by Ann", "100% Plumbing_x", "Zoë Plumbing"]
    assert [each.name for each in office.ask(customer_choices, "ann plu", 10)] == ["Plumbing by Ann"]
    assert [each.name for each in office.ask(customer_choices, "zoe", 10)] == ["Zoë Plumbing"]
    assert [each.name for each in office.ask(customer_choices, "100%", 10)] == ["100% Plumbing_x"]
    assert office.ask(customer_choices, "_", 10)[0].name == "100% Plumbing_x"
    assert len(office.ask(customer_choices, "", 2)) == 2


def test_customers_are_listed_with_what_they_owe(office: Office) -> None:
    first, second = office.customer("B", city="Austin"), office.customer("A", phone="555")
    office.invoice(first, "100")
    office.invoice(first, "50", currency="EUR")
    office.invoice(first, "999", sent=False)
    ids = office.ask(customer_ids, CustomerFilter(), Sort("name", False), COMPANY)
    assert list(ids) == [second, first]
    rows = office.ask(customer_rows, ids, COMPANY)
    assert [(row.open_balance, row.currency, row.several_currencies) for row in rows] == [
        (0, "", False),
        (100, "USD", True),
    ]
    assert list(office.ask(customer_ids, CustomerFilter(), ("balance", True), COMPANY)) == [first, second]
    assert list(office.ask(customer_ids, CustomerFilter(text="AUST"), Sort(), COMPANY)) == [first]
    assert list(office.ask(customer_ids, CustomerFilter(kind="builder"), Sort(), COMPANY)) == []


def test_items_are_kept_and_found(office: Office) -> None:
    draft = ItemDraft("Faucet, brass", "Installed\nand tested", Decimal("12.345678"), True, "F-1")
    item = office.do(create_item, draft)
    assert office.ask(item_draft, item) == draft
    choice = office.ask(item_choices, "f-1")[0]
    assert (choice.name, choice.unit_price, choice.taxable) == (draft.name, draft.unit_price, True)


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (ItemDraft(""), "name"),
        (ItemDraft("x" * 101), "name"),
        (ItemDraft("Labor"), "name"),
        (ItemDraft("a", unit_price=Decimal("0.0000001")), "unit_price"),
        (ItemDraft("a", unit_price=Decimal("NaN")), "unit_price"),
        (ItemDraft("a", description="\0"), "description"),
    ],
)
def test_items_that_cannot_be_kept_are_refused(office: Office, draft: ItemDraft, field: str) -> None:
    office.item("Labor")
    with pytest.raises(InputError) as refusal:
        office.do(create_item, draft)
    assert refusal.value.field == field


def test_E4_other_work_is_made_once_and_cannot_be_switched_off(office: Office) -> None:
    office.item("Other work")
    item = office.do(other_work)
    assert office.do(other_work) == item
    assert office.row(Item, item).name == "Other work 2"
    with pytest.raises(NotAllowed):
        office.do(update_item, item, ItemDraft("Other work 2", active=False))


def test_E10_the_first_user_is_admin_and_there_is_always_one(office: Office) -> None:
    pat = office.do(me)
    assert (pat.account, pat.admin) == ("pat", True)
    office.desk = replace(office.desk, account="sam")
    sam = office.do(me)
    assert not sam.admin and office.do(me) == sam
    with pytest.raises(NotAllowed):
        office.do(set_admin, sam.id, True)
    office.desk = replace(office.desk, account="pat")
    with pytest.raises(NotAllowed):
        office.do(set_admin, pat.id, False)
    office.do(set_admin, sam.id, True)
    office.do(set_admin, pat.id, False)
    assert [user.admin for user in office.ask(users)] == [False, True]
