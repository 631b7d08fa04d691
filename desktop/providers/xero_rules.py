"""Xero's rules that can be known beforehand; pure. What fails here is never sent (I8).

Source: providers' contract, Xero, section 3. Nothing is cut to fit: a text arrives as it was typed or is refused
with its reason (I21).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from desktop.errors import (
    BlueClerkError,
    Concern,
    Fix,
    InternalMistake,
    InvalidField,
    ItemError,
    MissingCustomer,
    MissingIncomeAccount,
    MissingItem,
    PaymentBlocked,
)
from desktop.providers.base import Action, Step
from desktop.providers.quickbooks_faults import field_words
from desktop.providers.quickbooks_wire import real_email
from desktop.providers.records import CustomerRecord, InvoiceRecord, ItemRecord, Kind, PaymentRecord, Record
from desktop.providers.xero_faults import SERVICE, Subject
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
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_NOT_A_COUNTRY = re.compile(r"[^\w\s.,'()&-]|\d|_")
_EDIT = {
    Kind.CUSTOMER: Fix.EDIT_CUSTOMER,
    Kind.ITEM: Fix.EDIT_ITEM,
    Kind.INVOICE: Fix.EDIT_INVOICE,
    Kind.PAYMENT: Fix.EDIT_PAYMENT,
}


def check(step: Step, company: Company) -> ItemError | None:
    """Why Xero would refuse the step, or None."""
    if step.action in (Action.VOID, Action.DELETE):
        return None
    subject = Subject(step.kind, name_of(step.record), step.ref)
    problem = next(_problems(step, subject, company), None)
    if problem is not None and not problem.concerns:
        known = subject.concern
        field = problem.field if isinstance(problem, InvalidField) else ""
        problem.concerns = (Concern(known.kind, known.local_id, known.label, field),)
    return problem


def name_of(record: Record) -> str:
    """What the owner calls a record."""
    if isinstance(record, CustomerRecord):
        return record.display_name
    if isinstance(record, ItemRecord):
        return record.name
    return record.number if isinstance(record, InvoiceRecord) else record.reference


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


def _invalid(kind: Kind, field: str, message: str) -> InvalidField:
    return InvalidField(SERVICE, message, field=field, fix=_EDIT[kind])


def _text(kind: Kind, field: str, value: str, limit: int) -> Iterator[ItemError]:
    words = field_words(field)
    if len(value) > limit:
        message = tr(
            "The {field} is too long: {service} takes {limit} characters.", field=words, service=SERVICE, limit=limit
        )
        yield _invalid(kind, field, message)
    if _CONTROL.search(value):
        message = tr("The {field} contains characters that {service} refuses.", field=words, service=SERVICE)
        yield _invalid(kind, field, message)


def _customer(customer: CustomerRecord) -> Iterator[ItemError]:
    kind, name = Kind.CUSTOMER, customer.display_name
    if not name.strip():
        yield _invalid(kind, "display_name", tr("The customer needs a name."))
    yield from _text(kind, "display_name", name, NAME_MAX)
    if any(sign in name for sign in NAME_FORBIDDEN) or "\n" in name or "\t" in name:
        yield _invalid(kind, "display_name", tr("Names in {service} can't contain < or >.", service=SERVICE))
    if name != " ".join(name.split()):
        message = tr("Names in {service} can't have blanks at an end or two in a row.", service=SERVICE)
        yield _invalid(kind, "display_name", message)
    yield from _text(kind, "given_name", customer.given_name, NAME_MAX)
    yield from _text(kind, "family_name", customer.family_name, NAME_MAX)
    yield from _text(kind, "phone", customer.phone, PHONE_MAX)
    email = real_email(customer.email)
    yield from _text(kind, "email", email, EMAIL_MAX)
    if email and not _EMAIL.fullmatch(email):
        yield _invalid(kind, "email", tr("The e-mail address of {name} is not valid.", name=name))
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
    if not item.name.strip():
        yield _invalid(kind, "name", tr("The item needs a name."))
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
    if len(invoice.lines) > LINES_MAX:
        message = tr("{service} takes {limit} lines on one invoice.", service=SERVICE, limit=LINES_MAX)
        yield _invalid(kind, "lines", message)
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
    if payment.amount <= 0:
        yield _invalid(Kind.PAYMENT, "amount", tr("A payment must be more than nothing."))
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


def refuse(problem: BlueClerkError | None) -> None:
    """Raises the problem, if there is one."""
    if problem is not None:
        raise problem
