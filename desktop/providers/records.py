"""What crosses the border between us and a service: frozen, plain, in the owner's terms.

Money is `Decimal` in the record's `currency` (the company's home currency where none is named);
dates are the service's calendar dates; instants are aware UTC. `external_id` is None for a record that
the service does not hold yet. A `None` field means "not known", never "empty"; empty is "".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

RecordT = TypeVar("RecordT", covariant=True)


class ProviderKey(StrEnum):
    """The four services."""

    QUICKBOOKS = "quickbooks"
    XERO = "xero"
    FRESHBOOKS = "freshbooks"
    WAVE = "wave"


class Kind(StrEnum):
    """The four kinds of records that are kept alike."""

    CUSTOMER = "customer"
    ITEM = "item"
    INVOICE = "invoice"
    PAYMENT = "payment"


class PaymentMethod(StrEnum):
    """How money came in (M78). The provider maps it to the service's own list."""

    CASH = "cash"
    CHECK = "check"
    CARD = "card"
    BANK_TRANSFER = "bank_transfer"
    OTHER = "other"


class AccountKind(StrEnum):
    """What an account may be used for."""

    INCOME = "income"
    DEPOSIT = "deposit"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; absent parts are empty."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """The payer."""

    display_name: str
    external_id: str | None = None
    version: str | None = None
    given_name: str = ""
    family_name: str = ""
    company_name: str = ""
    email: str = ""
    """A real address or "": a placeholder never gets this far (M133)."""
    phone: str = ""
    address: Address = Address()
    active: bool = True
    parent_id: str | None = None
    """Set for sub-customers and projects of the service."""
    merged_into: str | None = None
    """The survivor, for one that was merged into another; only where the service says so."""
    marker: str = ""
    """Our stamp, where the service has room for one and it is known."""
    updated_at: datetime | None = None
    created_at: datetime | None = None
    """When it was made there, where the service tells it."""


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """What is sold."""

    name: str
    external_id: str | None = None
    version: str | None = None
    description: str = ""
    unit_price: Decimal | None = None
    income_account_id: str | None = None
    taxable: bool = False
    active: bool = True
    sku: str = ""
    marker: str = ""
    """Our stamp, where the service has room for one and it is known."""
    updated_at: datetime | None = None
    created_at: datetime | None = None
    """When it was made there, where the service tells it."""


@dataclass(frozen=True, slots=True)
class LineRecord:
    """One line of an invoice. `amount` is quantity x unit price, rounded to the currency."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    item_id: str | None = None
    """External id of the item; None where the service's lines name none."""
    item_name: str = ""
    """What the item is called, for services whose lines hold its name and no id."""
    taxable: bool = False
    tax_code_id: str | None = None
    """External id of the tax code that rules this line; None where the line is not taxed."""
    income_account_id: str | None = None
    """For services that book the account on the line; others take it from the item."""


@dataclass(frozen=True, slots=True)
class InvoiceRecord:
    """An invoice with what it adds up to on the side where it was read."""

    number: str
    customer_id: str
    """External id of the customer."""
    issued_on: date
    lines: tuple[LineRecord, ...] = ()
    external_id: str | None = None
    version: str | None = None
    due_on: date | None = None
    currency: str = ""
    discount: Decimal = Decimal(0)
    """Amount taken off the subtotal before tax, as money."""
    discount_percent: Decimal | None = None
    """The percentage that `discount` stands for, when it was given as one."""
    memo: str = ""
    """Shown to the customer."""
    marker: str = ""
    """Our stamp (`BlueClerk <uuid>`) when the record carries one."""
    total: Decimal | None = None
    tax_total: Decimal | None = None
    balance: Decimal | None = None
    voided: bool = False
    draft: bool = False
    """There, but not yet sent: left out of that service's accounts until it is."""
    payment_ids: tuple[str, ...] = ()
    """External ids of the payments on it, where the service names them with the invoice."""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """The part of a payment that pays one invoice."""

    invoice_id: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PaymentRecord:
    """Money received."""

    customer_id: str
    paid_on: date
    amount: Decimal
    allocations: tuple[Allocation, ...] = ()
    external_id: str | None = None
    version: str | None = None
    currency: str = ""
    method: PaymentMethod = PaymentMethod.OTHER
    method_id: str | None = None
    """The service's own id of the payment method."""
    reference: str = ""
    marker: str = ""
    deposit_account_id: str | None = None
    unapplied: Decimal = Decimal(0)
    voided: bool = False
    updated_at: datetime | None = None


Record = CustomerRecord | ItemRecord | InvoiceRecord | PaymentRecord


def name_of(record: Record) -> str:
    """What the owner calls a record: its name, an invoice's number, a payment's reference."""
    if isinstance(record, CustomerRecord):
        return record.display_name
    if isinstance(record, ItemRecord):
        return record.name
    return record.number if isinstance(record, InvoiceRecord) else record.reference


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account of the service's chart."""

    external_id: str
    name: str
    kind: AccountKind
    active: bool = True
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class TaxCodeRecord:
    """A tax code of the service; `rate` is a percentage, None where it can't be known beforehand."""

    external_id: str
    name: str
    rate: Decimal | None
    active: bool = True


@dataclass(frozen=True, slots=True)
class PaymentMethodRecord:
    """A payment method that the service knows, and which of ours it stands for."""

    external_id: str
    name: str
    method: PaymentMethod


@dataclass(frozen=True, slots=True)
class CompanyRef:
    """A business at the service."""

    external_id: str
    name: str = ""
    unusable: str = ""
    """Why it can't be connected (archived, personal), in a sentence; such a one is shown but can't be chosen."""


@dataclass(frozen=True, slots=True)
class CompanySettings:
    """What must be known of a company before anything is written there; read at connect and once a day."""

    company: CompanyRef
    home_currency: str
    country: str = ""
    multi_currency: bool = False
    closed_until: date | None = None
    """Books are closed up to and including this day (N7)."""
    tax_on_total: bool = True
    """Tax is rounded once on the invoice (True) or per line (False)."""
    automatic_tax: bool = False
    """The service may replace our tax (QuickBooks automated sales tax)."""
    custom_numbers: bool = True
    """Our invoice numbers are kept as given (M67)."""
    accounts: tuple[AccountRecord, ...] = ()
    tax_codes: tuple[TaxCodeRecord, ...] = ()
    payment_methods: tuple[PaymentMethodRecord, ...] = ()
    server_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[RecordT]):
    """One page of a list as it streams in."""

    records: tuple[RecordT, ...]
    total: int | None = None
    """How many there are in all, when the service says so."""
    unreadable: int = 0
    """Rows of this page that make no sense; they are left out, never guessed, and must be told."""


@dataclass(frozen=True, slots=True)
class PaymentLookup:
    """What identifies a payment of ours at a service that knows no marker column."""

    customer_id: str
    paid_on: date
    reference: str = ""
    invoice_ids: tuple[str, ...] = ()
    """External ids of the invoices it pays, if known: spares services that list payments by invoice a search."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Questions of the kind "did an earlier attempt get through, or does it exist already?"."""

    customer_names: tuple[str, ...] = ()
    item_names: tuple[str, ...] = ()
    invoice_numbers: tuple[str, ...] = ()
    payments: tuple[PaymentLookup, ...] = ()
    customer_ids: tuple[str, ...] = ()
    item_ids: tuple[str, ...] = ()
    invoice_ids: tuple[str, ...] = ()
    payment_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The answers to a `Lookup`: all records that match any of its questions, inactive ones included."""

    customers: tuple[CustomerRecord, ...] = ()
    items: tuple[ItemRecord, ...] = ()
    invoices: tuple[InvoiceRecord, ...] = ()
    payments: tuple[PaymentRecord, ...] = ()
    other_name_holders: tuple[tuple[str, str], ...] = ()
    """(name, who holds it: "vendor", "employee") for names taken outside the customer list."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """A record that is gone at the service."""

    kind: Kind
    external_id: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What the service's change feed reports since an instant."""

    customers: tuple[CustomerRecord, ...] = ()
    items: tuple[ItemRecord, ...] = ()
    invoices: tuple[InvoiceRecord, ...] = ()
    payments: tuple[PaymentRecord, ...] = ()
    deleted: tuple[Deleted, ...] = ()
    cursor: datetime | None = None
    """Store this in the same transaction as the applied changes and give it to the next call."""
    complete: bool = True
    """False when the feed reached its limit or its look-back: read the lists instead."""


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """Access and refresh token with their ends, in UTC. `repr` shows neither token."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    refresh_expires_at: datetime | None = None
    scope: str = ""
