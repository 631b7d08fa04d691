"""What a made-up company consists of, in no service's own words, and the few sums that tie it together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources

BASE_DATE = dt.date(2026, 11, 2)
"""The day on which the companies' books end; invoices lie before it."""

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class SeedAccount:
    """`type`: income, bank, undeposited, receivable, expense or cogs. `subtype` as accountants name it."""

    key: str
    name: str
    type: str
    subtype: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class SeedTaxCode:
    """`rate` in percent: 8.25 means 8.25 %."""

    key: str
    name: str
    rate: Decimal
    active: bool = True


@dataclass(frozen=True, slots=True)
class SeedCustomer:
    """Texts are "" where the company never entered them. No two of all people share a display name."""

    key: str
    display_name: str
    given_name: str
    family_name: str
    company_name: str
    email: str
    phone: str
    line1: str
    city: str
    region: str
    postal_code: str
    country: str
    active: bool = True
    notes: str = ""


@dataclass(frozen=True, slots=True)
class SeedItem:
    """`type`: Service, NonInventory or Inventory. `account_key` None: nobody chose an income account yet."""

    key: str
    name: str
    type: str
    unit_price: Decimal
    description: str
    account_key: str | None
    taxable: bool
    active: bool
    sku: str


@dataclass(frozen=True, slots=True)
class SeedLine:
    item_key: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    taxable: bool


@dataclass(frozen=True, slots=True)
class SeedInvoice:
    number: str
    customer_key: str
    date: dt.date
    due_date: dt.date
    lines: tuple[SeedLine, ...]


@dataclass(frozen=True, slots=True)
class SeedPayment:
    """Money received for one invoice, in the company's currency."""

    customer_key: str
    date: dt.date
    amount: Decimal
    method: str
    reference: str
    invoice_number: str


@dataclass(frozen=True, slots=True)
class CompanySeed:
    """One company's books. Vendors and employees are display names, taken as far as customers are concerned.

    `custom_numbers`: invoice numbers are the sender's own. `book_close_date`: the last day that is closed.
    """

    name: str
    legal_name: str
    country: str
    currency: str
    address_line1: str
    city: str
    region: str
    postal_code: str
    email: str
    accounts: tuple[SeedAccount, ...]
    tax_codes: tuple[SeedTaxCode, ...]
    payment_methods: tuple[str, ...]
    customers: tuple[SeedCustomer, ...] = ()
    vendors: tuple[str, ...] = ()
    employees: tuple[str, ...] = ()
    items: tuple[SeedItem, ...] = ()
    invoices: tuple[SeedInvoice, ...] = ()
    payments: tuple[SeedPayment, ...] = ()
    custom_numbers: bool = True
    book_close_date: dt.date | None = None


def invoice_total(invoice: SeedInvoice, tax_codes: Sequence[SeedTaxCode]) -> Decimal:
    """What the customer owes: lines rounded to the cent each, tax rounded half up once on the taxable sum.

    Taxable lines bear the first active code that has a rate; the payments of a seed were reckoned this way.
    """
    rate = next((code.rate for code in tax_codes if code.active and code.rate), Decimal(0))
    amounts = [(cents(line.quantity * line.unit_price), line.taxable) for line in invoice.lines]
    taxed = sum((amount for amount, taxable in amounts if taxable), Decimal(0))
    return sum((amount for amount, _ in amounts), cents(taxed * rate / 100))


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def data_file(name: str) -> str:
    """The text of a file that lies in the folder `data` beside this module."""
    return (resources.files(__package__) / "data" / name).read_text(encoding="utf-8")


def make_line(item: SeedItem, quantity: Decimal) -> SeedLine:
    return SeedLine(item.key, item.name, quantity, item.unit_price, item.taxable)


def make_invoice(number: int, customer_key: str, day: dt.date, lines: tuple[SeedLine, ...]) -> SeedInvoice:
    """An invoice due in thirty days."""
    return SeedInvoice(str(number), customer_key, day, day + dt.timedelta(30), lines)


def make_payment(invoice: SeedInvoice, amount: Decimal, method: str, days: int) -> SeedPayment:
    """Money received `days` after the invoice, at the latest on `BASE_DATE`; checks bear a number."""
    day = min(invoice.date + dt.timedelta(days), BASE_DATE)
    reference = f"{int(invoice.number) * 7 % 9000 + 1000}" if method in ("Check", "Bank Transfer") else ""
    return SeedPayment(invoice.customer_key, day, amount, method, reference, invoice.number)


ACCOUNTS = (
    SeedAccount("sales", "Sales of Product Income", "income", "SalesOfProductIncome"),
    SeedAccount("services", "Services", "income", "ServiceFeeIncome"),
    SeedAccount("checking", "Checking", "bank", "Checking"),
    SeedAccount("undeposited", "Undeposited Funds", "undeposited", "UndepositedFunds"),
    SeedAccount("receivable", "Accounts Receivable (A/R)", "receivable", "AccountsReceivable"),
    SeedAccount("supplies", "Job Supplies", "expense", "SuppliesMaterials"),
)
TAX_CODES = (
    SeedTaxCode("sales", "Texas State and Local", Decimal("8.25")),
    SeedTaxCode("exempt", "Out of scope", Decimal("0")),
)
METHODS = ("Cash", "Check", "Credit Card", "Bank Transfer")
