"""The companies that the imitated services start with: complete, consistent, and the same each time."""

import datetime as dt
import re
from decimal import Decimal

import pytest

from desktop.sandbox.seed import BASE_DATE, CompanySeed, company, invoice_total
from desktop.sandbox.seed_large import large

NAMES = ("demo", "empty", "large")


def paid_of(seed: CompanySeed) -> dict[str, Decimal]:
    paid: dict[str, Decimal] = {}
    for payment in seed.payments:
        paid[payment.invoice_number] = paid.get(payment.invoice_number, Decimal(0)) + payment.amount
    return paid


def test_an_unknown_company_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'acme'.*demo, empty, large"):
        company("acme")


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_points_at_something(name: str) -> None:
    seed = company(name)
    accounts = {account.key: account for account in seed.accounts}
    customers = {customer.key for customer in seed.customers}
    items = {item.key for item in seed.items}
    numbers = {invoice.number for invoice in seed.invoices}
    assert all(item.account_key is None or accounts[item.account_key].type == "income" for item in seed.items)
    assert all(invoice.customer_key in customers and invoice.lines for invoice in seed.invoices)
    assert all(line.item_key in items for invoice in seed.invoices for line in invoice.lines)
    owner = {invoice.number: invoice.customer_key for invoice in seed.invoices}
    assert all(owner[payment.invoice_number] == payment.customer_key for payment in seed.payments)
    assert all(payment.method in seed.payment_methods for payment in seed.payments)
    assert len(numbers) == len(seed.invoices)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_unique_across_customers_vendors_and_employees_and_acceptable(name: str) -> None:
    seed = company(name)
    names = [customer.display_name for customer in seed.customers] + [*seed.vendors, *seed.employees]
    assert len({text.casefold() for text in names}) == len(names)
    assert len({item.name.casefold() for item in seed.items}) == len(seed.items)
    assert not [text for text in names if re.search(r"[:\t\n\r]", text) or text != text.strip() or not text]
    assert all(len(item.name) <= 100 and ":" not in item.name for item in seed.items)


@pytest.mark.parametrize("name", NAMES)
def test_addresses_and_telephones_belong_to_nobody(name: str) -> None:
    seed = company(name)
    mails = [customer.email for customer in seed.customers if customer.email] + [seed.email]
    assert not [mail for mail in mails if not re.fullmatch(r"[a-z0-9.]+@([a-z]+\.)?example\.(com|org|net)", mail)]
    phones = [customer.phone for customer in seed.customers if customer.phone]
    assert not [phone for phone in phones if not re.fullmatch(r"\d{3}-555-01\d\d", phone)]


@pytest.mark.parametrize("name", NAMES)
def test_days_lie_before_the_end_of_the_books_and_money_is_in_cents(name: str) -> None:
    seed = company(name)
    assert all(invoice.date <= BASE_DATE < dt.date(2027, 1, 1) for invoice in seed.invoices)
    assert all(invoice.date <= invoice.due_date for invoice in seed.invoices)
    assert all(payment.date <= BASE_DATE for payment in seed.payments)
    prices = [item.unit_price for item in seed.items] + [payment.amount for payment in seed.payments]
    assert all(price > 0 and price == price.quantize(Decimal("0.01")) for price in prices)


@pytest.mark.parametrize("name", NAMES)
def test_no_invoice_is_paid_twice_or_more_than_its_total(name: str) -> None:
    seed = company(name)
    paid = paid_of(seed)
    assert all(paid.get(invoice.number, 0) <= invoice_total(invoice, seed.tax_codes) for invoice in seed.invoices)


def test_demo_holds_the_cases_that_people_stumble_over() -> None:
    seed = company("demo")
    names = {customer.display_name for customer in seed.customers}
    assert seed.name == "Acme Plumbing LLC" and len(seed.customers) >= 60 and len(seed.items) == 14
    assert {"Mary & John Mason", "Green Valley", "Smith & Sons Plumbing", "Cedar Ridge Homes LLC"} <= names
    assert {"J. Smith", "John Smith", "Baker, Tom", "Church, Alan", "<b>Bob's Diner</b>"} <= names
    assert max(map(len, names)) > 100 and any("\u0600" <= char <= "\u06ff" for text in names for char in text)
    assert sum(not customer.active for customer in seed.customers) == 5
    assert sum(not customer.email for customer in seed.customers) >= 5
    assert [item.name for item in seed.items if item.account_key is None] == ["Drain check"]
    assert sum(not item.active for item in seed.items) == 1
    assert sum(not account.active for account in seed.accounts) == 1


def test_demo_has_invoices_unpaid_partly_paid_and_paid() -> None:
    seed = company("demo")
    paid = paid_of(seed)
    owed = {invoice.number: invoice_total(invoice, seed.tax_codes) for invoice in seed.invoices}
    assert list(owed)[:2] == ["1001", "1002"]
    assert sum(paid[number] == owed[number] for number in paid) == 9
    assert sum(paid[number] < owed[number] for number in paid) == 2
    assert len(owed) - len(paid) == 5


def test_total_rounds_tax_once_half_up() -> None:
    seed = company("demo")
    invoice = seed.invoices[1]  # 2 x 949.00 + 48.5 x 6.85 = 2230.225, a line is rounded to 332.23
    assert invoice_total(invoice, seed.tax_codes) == Decimal("2230.23") + Decimal("183.99")


def test_empty_has_nothing_but_accounts_taxes_and_methods() -> None:
    seed = company("empty")
    assert seed.name == "Bluebird Cleaning Co"
    assert seed.accounts and seed.tax_codes and seed.payment_methods
    assert not (seed.customers or seed.items or seed.invoices or seed.payments or seed.vendors)


def test_large_is_large_and_equal_each_time() -> None:
    seed = company("large")
    assert large() == seed
    assert (len(seed.customers), len(seed.items), len(seed.invoices)) == (20_000, 300, 5_000)
    assert 0.55 < len(seed.payments) / len(seed.invoices) < 0.65
