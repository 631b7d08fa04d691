"""QuickBooks' rules that can be known beforehand; pure. What fails here is never sent (I8).

Source: providers' contract, QuickBooks, section 3. Nothing is cut to fit: a text arrives as it was typed or
is refused with its reason (I21).
"""

from __future__ import annotations

from collections.abc import Iterator

from desktop.errors import (
    InternalMistake,
    ItemError,
    MissingCustomer,
    MissingIncomeAccount,
    MissingItem,
    TaxProblem,
)
from desktop.providers.base import Action, Step
from desktop.providers.faults import Subject
from desktop.providers.quickbooks_faults import SERVICE
from desktop.providers.quickbooks_wire import Company, batch_element, encode, invoice_tax_codes
from desktop.providers.records import CustomerRecord, InvoiceRecord, ItemRecord, Kind, PaymentRecord
from desktop.providers.rules import Rules, first_problem
from desktop.text import tr

NAME_MAX = 500
ITEM_NAME_MAX = 100
PERSON_MAX = 100
EMAIL_MAX = 100
PHONE_MAX = 30
ADDRESS_LINE_MAX = 500
PLACE_MAX = 255
POSTAL_CODE_MAX = 30
DESCRIPTION_MAX = 4000
SKU_MAX = 100
NUMBER_MAX = 21
MEMO_MAX = 1000
REFERENCE_MAX = 21
"""Not stated by QuickBooks; 21 in practice (contract 3.6)."""
LINES_MAX = 750
NAME_FORBIDDEN = ":\t\n\r"

_RULES = Rules(SERVICE)
_invalid, _text = _RULES.invalid, _RULES.text


def check(step: Step, company: Company) -> ItemError | None:
    """Why QuickBooks would refuse the step, or None."""
    return first_problem(step, lambda subject: _problems(step, subject, company))


def _problems(step: Step, subject: Subject, company: Company) -> Iterator[ItemError]:
    record = step.record
    if isinstance(record, CustomerRecord):
        yield from _customer(record)
    elif isinstance(record, ItemRecord):
        yield from _item(step, record, subject)
    elif isinstance(record, InvoiceRecord):
        yield from _invoice(record, company)
    else:
        yield from _payment(record)
    try:
        encode(batch_element(step, "i0", company))
    except InternalMistake as mistake:
        yield mistake


def _plain_name(kind: Kind, field: str, value: str, limit: int) -> Iterator[ItemError]:
    yield from _text(kind, field, value, limit)
    if any(sign in value for sign in NAME_FORBIDDEN):
        message = tr("Names in {service} can't contain a colon, a tab or a line break.", service=SERVICE)
        yield _invalid(kind, field, message)


def _customer(customer: CustomerRecord) -> Iterator[ItemError]:
    kind = Kind.CUSTOMER
    yield from _RULES.named(customer)
    yield from _plain_name(kind, "display_name", customer.display_name, NAME_MAX)
    yield from _plain_name(kind, "given_name", customer.given_name, PERSON_MAX)
    yield from _plain_name(kind, "family_name", customer.family_name, PERSON_MAX)
    yield from _plain_name(kind, "company_name", customer.company_name, NAME_MAX)
    yield from _text(kind, "phone", customer.phone, PHONE_MAX)
    yield from _RULES.email(customer, EMAIL_MAX)
    address = customer.address
    for value, limit in (
        (address.line1, ADDRESS_LINE_MAX), (address.line2, ADDRESS_LINE_MAX), (address.city, PLACE_MAX),
        (address.region, PLACE_MAX), (address.country, PLACE_MAX), (address.postal_code, POSTAL_CODE_MAX),
    ):  # fmt: skip
        yield from _text(kind, "address", value, limit)


def _item(step: Step, item: ItemRecord, subject: Subject) -> Iterator[ItemError]:
    kind = Kind.ITEM
    yield from _RULES.named(item)
    yield from _plain_name(kind, "name", item.name, ITEM_NAME_MAX)
    yield from _text(kind, "description", item.description, DESCRIPTION_MAX)
    yield from _text(kind, "sku", item.sku, SKU_MAX)
    if step.action is Action.CREATE and not item.income_account_id:
        yield MissingIncomeAccount(SERVICE, [subject.concern])


def _invoice(invoice: InvoiceRecord, company: Company) -> Iterator[ItemError]:
    kind = Kind.INVOICE
    if not invoice.customer_id:
        yield MissingCustomer(SERVICE)
    yield from _text(kind, "number", invoice.number, NUMBER_MAX)
    yield from _text(kind, "memo", invoice.memo, MEMO_MAX)
    yield from _RULES.lines(invoice, LINES_MAX)
    for line in invoice.lines:
        yield from _text(kind, "description", line.description, DESCRIPTION_MAX)
        if not line.item_id:
            # a line without an item is a mere remark to QuickBooks: its amount would vanish from the total
            yield MissingItem(SERVICE, line.description or tr("An item on this invoice"))
        if not company.us and not line.tax_code_id:
            yield TaxProblem(SERVICE, title=tr("{service} needs a tax code on every line.", service=SERVICE))
    if company.us and len(invoice_tax_codes(invoice)) > 1:
        yield TaxProblem(SERVICE, title=tr("{service} takes one tax rate for a whole invoice.", service=SERVICE))


def _payment(payment: PaymentRecord) -> Iterator[ItemError]:
    yield from _text(Kind.PAYMENT, "reference", payment.reference, REFERENCE_MAX)
    yield from _RULES.amount(payment)
