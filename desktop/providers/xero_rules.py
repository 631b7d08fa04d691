"""Xero's rules that can be known beforehand; pure. What fails here is never sent (I8).

Source: providers' contract, Xero, section 3. Nothing is cut to fit: a text arrives as it was typed or is refused
with its reason (I21).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from desktop.errors import (
    Concern,
    Fix,
    InternalMistake,
    ItemError,
    MissingCustomer,
    MissingIncomeAccount,
    MissingItem,
    PaymentBlocked,
)
from desktop.providers.base import Action, Step
from desktop.providers.faults import Subject, field_words
from desktop.providers.records import CustomerRecord, InvoiceRecord, ItemRecord, Kind, PaymentRecord
from desktop.providers.rules import Rules, first_problem
from desktop.providers.xero_faults import SERVICE
from desktop.providers.xero_wire import Company, contact_payload, encode, invoice_payload, item_payload
from desktop.text import tr

NAME_MAX = 255
ITEM_NAME_MAX = 50
EMAIL_MAX = 255
PHONE_MAX = 50
DESCRIPTION_MAX = 4000
NUMBER_MAX = 255
MEMO_MAX = 255
"""It stands in the Reference, which Xero prints on the invoice."""
REFERENCE_MAX = 200
NAME_FORBIDDEN = "<>"
PLACES = Decimal("0.0001")
LINES_MAX = 500
"""Xero names no number; this many stay far below its size of a request."""

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_NOT_A_COUNTRY = re.compile(r"[^\w\s.,'()&-]|\d|_")

_RULES = Rules(SERVICE)
_invalid, _text = _RULES.invalid, _RULES.text


def check(step: Step, company: Company) -> ItemError | None:
    """Why Xero would refuse the step, or None."""
    return first_problem(step, lambda subject: _problems(step, subject, company))


def _problems(step: Step, subject: Subject, company: Company) -> Iterator[ItemError]:
    record = step.record
    try:
        if isinstance(record, CustomerRecord):
            yield from _customer(record)
            encode(contact_payload(step))
        elif isinstance(record, ItemRecord):
            yield from _item(step, record, subject)
            encode(item_payload(step, company))
        elif isinstance(record, InvoiceRecord):
            yield from _invoice(record)
            encode(invoice_payload(step))
        else:
            yield from _payment(step, record, company)
    except InternalMistake as mistake:
        yield mistake


def _customer(customer: CustomerRecord) -> Iterator[ItemError]:
    kind, name = Kind.CUSTOMER, customer.display_name
    yield from _RULES.named(customer)
    yield from _text(kind, "display_name", name, NAME_MAX)
    if any(sign in name for sign in NAME_FORBIDDEN) or "\n" in name or "\t" in name:
        yield _invalid(kind, "display_name", tr("Names in {service} can't contain < or >.", service=SERVICE))
    if name != " ".join(name.split()):
        message = tr("Names in {service} can't have blanks at an end or two in a row.", service=SERVICE)
        yield _invalid(kind, "display_name", message)
    yield from _text(kind, "given_name", customer.given_name, NAME_MAX)
    yield from _text(kind, "family_name", customer.family_name, NAME_MAX)
    yield from _text(kind, "phone", customer.phone, PHONE_MAX)
    yield from _RULES.email(customer, EMAIL_MAX, _EMAIL)
    address = customer.address
    for value, limit in (
        (address.line1, 500), (address.line2, 500), (address.city, 255), (address.region, 255),
        (address.country, 50), (address.postal_code, 50),
    ):  # fmt: skip
        yield from _text(kind, "address", value, limit)
    if _NOT_A_COUNTRY.search(address.country):
        yield _invalid(kind, "address", tr("{service} takes only letters in a country.", service=SERVICE))


def _item(step: Step, item: ItemRecord, subject: Subject) -> Iterator[ItemError]:
    kind = Kind.ITEM
    yield from _RULES.named(item)
    yield from _text(kind, "name", item.name, ITEM_NAME_MAX)
    yield from _text(kind, "description", item.description, DESCRIPTION_MAX)
    if item.unit_price is not None:
        yield from _fine(kind, "unit_price", item.unit_price)
    if step.action is Action.CREATE and not item.income_account_id:
        yield MissingIncomeAccount(SERVICE, [subject.concern], tr("revenue account"))


def _fine(kind: Kind, field: str, value: Decimal) -> Iterator[ItemError]:
    if value != value.quantize(PLACES):
        message = tr("{service} keeps four decimal places of the {field}.", service=SERVICE, field=field_words(field))
        yield _invalid(kind, field, message)


def _invoice(invoice: InvoiceRecord) -> Iterator[ItemError]:
    kind = Kind.INVOICE
    if not invoice.customer_id:
        yield MissingCustomer(SERVICE)
    yield from _text(kind, "number", invoice.number, NUMBER_MAX)
    yield from _text(kind, "memo", invoice.memo, MEMO_MAX)
    if not invoice.lines:
        yield _invalid(kind, "lines", tr("Invoice {number} has no lines.", number=invoice.number))
    yield from _RULES.lines(invoice, LINES_MAX)
    if invoice.due_on is not None and invoice.due_on < invoice.issued_on:
        yield _invalid(kind, "due_on", tr("The due date lies before the invoice date."))
    for line in invoice.lines:
        yield from _text(kind, "description", line.description, DESCRIPTION_MAX)
        yield from _fine(kind, "quantity", line.quantity)
        yield from _fine(kind, "unit_price", line.unit_price)
        if not line.item_id:
            yield MissingItem(SERVICE, line.description or tr("An item on this invoice"))
        if not line.income_account_id:
            yield MissingIncomeAccount(SERVICE, [Concern("item", 0, line.description)], tr("revenue account"))


def _payment(step: Step, payment: PaymentRecord, company: Company) -> Iterator[ItemError]:
    yield from _text(Kind.PAYMENT, "reference", payment.reference, REFERENCE_MAX)
    yield from _RULES.amount(payment)
    if len(payment.allocations) != 1 or payment.allocations[0].amount != payment.amount:
        yield PaymentBlocked(
            tr("{service} takes a payment for exactly one invoice.", service=SERVICE),
            tr("Enter one payment for each invoice, then press Resync."),
        )
    if company.known and not (payment.deposit_account_id or company.deposit_account):
        yield PaymentBlocked(
            tr("{service} needs a bank account for payments, and none was chosen.", service=SERVICE),
            tr("Choose one in Settings > Integrations > Tax and payments."),
            fix=Fix.CHOOSE_DEPOSIT_ACCOUNT,
        )
