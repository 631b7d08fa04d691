"""FreshBooks' rules that can be known beforehand; pure. What fails here is never sent (I8).

Source: providers' contract, FreshBooks, sections 5 to 8. Nothing is cut or rounded to fit: it arrives as it was
typed or is refused with its reason (I21).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from desktop.errors import (
    InternalMistake,
    ItemError,
    MissingCustomer,
    PaymentBlocked,
    TaxProblem,
)
from desktop.providers.base import Step
from desktop.providers.freshbooks_faults import SERVICE
from desktop.providers.freshbooks_wire import Company, discount_percent, encode, request_for
from desktop.providers.records import CustomerRecord, InvoiceRecord, ItemRecord, Kind, PaymentRecord
from desktop.providers.rules import Rules, first_problem
from desktop.text import tr

TEXT_MAX = 255
"""No document names a length; texts of one line are kept within what a database column usually holds."""
LONG_TEXT_MAX = 10_000
NUMBER_MAX = 32
LINES_MAX = 500

_STAMPED = re.compile(r"\[bc:")

_RULES = Rules(SERVICE)
_invalid, _text = _RULES.invalid, _RULES.text


def check(step: Step, company: Company) -> ItemError | None:
    """Why FreshBooks would refuse the step, or None."""
    return first_problem(step, lambda subject: _problems(step, company))


def _problems(step: Step, company: Company) -> Iterator[ItemError]:
    record = step.record
    if isinstance(record, CustomerRecord):
        yield from _customer(record)
    elif isinstance(record, ItemRecord):
        yield from _item(record)
    elif isinstance(record, InvoiceRecord):
        yield from _invoice(record, company)
    else:
        yield from _payment(record)
    try:
        encode(request_for(step, "x", company).content)
    except InternalMistake as mistake:
        yield mistake


def _customer(customer: CustomerRecord) -> Iterator[ItemError]:
    kind = Kind.CUSTOMER
    yield from _RULES.named(customer)
    for field in ("display_name", "given_name", "family_name", "company_name", "phone"):
        yield from _text(kind, field, getattr(customer, field), TEXT_MAX)
    address = customer.address
    for value in (
        address.line1, address.line2, address.city, address.region, address.country, address.postal_code,
    ):  # fmt: skip
        yield from _text(kind, "address", value, TEXT_MAX)
    yield from _RULES.email(customer, TEXT_MAX)


def _item(item: ItemRecord) -> Iterator[ItemError]:
    kind = Kind.ITEM
    yield from _RULES.named(item)
    yield from _text(kind, "name", item.name, TEXT_MAX)
    yield from _text(kind, "description", item.description, LONG_TEXT_MAX)
    yield from _text(kind, "sku", item.sku, TEXT_MAX)
    if item.unit_price is not None:
        yield from _two_places(kind, "unit_price", item.unit_price)


def _two_places(kind: Kind, field: str, amount: Decimal) -> Iterator[ItemError]:
    """Finer amounts are not known to arrive as they are (contract 12.9)."""
    if amount != amount.quantize(Decimal("0.01")):
        yield _invalid(kind, field, tr("{service} takes prices with two decimal places.", service=SERVICE))


def _invoice(invoice: InvoiceRecord, company: Company) -> Iterator[ItemError]:
    kind = Kind.INVOICE
    if not invoice.customer_id:
        yield MissingCustomer(SERVICE)
    if not invoice.number.strip():
        yield _invalid(kind, "number", tr("The invoice needs a number."))
    yield from _text(kind, "number", invoice.number, NUMBER_MAX)
    yield from _text(kind, "memo", invoice.memo, LONG_TEXT_MAX)
    if invoice.due_on is not None and invoice.due_on < invoice.issued_on:
        yield _invalid(
            kind, "due_on", tr("The due date can't be before the invoice's date in {service}.", service=SERVICE)
        )
    yield from _RULES.lines(invoice, LINES_MAX)
    for line in invoice.lines:
        yield from _text(kind, "description", line.description, LONG_TEXT_MAX)
        yield from _text(kind, "description", line.item_name, TEXT_MAX)
        yield from _two_places(kind, "lines", line.unit_price)
        if line.tax_code_id and company.tax(line.tax_code_id) is None:
            yield TaxProblem(SERVICE, title=tr("{service} no longer has the tax of a line.", service=SERVICE))
    if discount_percent(invoice) is None:
        message = tr("{service} takes discounts as a percentage only.", service=SERVICE)
        yield _invalid(kind, "discount", message)


def _payment(payment: PaymentRecord) -> Iterator[ItemError]:
    kind = Kind.PAYMENT
    yield from _text(kind, "reference", payment.reference, TEXT_MAX)
    yield from _RULES.amount(payment)
    if _STAMPED.search(payment.reference):
        yield _invalid(kind, "reference", tr("The reference can't contain “[bc:”."))
    if len(payment.allocations) != 1:
        yield PaymentBlocked(
            tr("A payment in {service} pays exactly one invoice.", service=SERVICE),
            tr("Record one payment for each invoice."),
        )
    elif payment.allocations[0].amount != payment.amount:
        # what is over would become a credit there by itself
        yield PaymentBlocked(
            tr("{service} would keep the rest of this payment as a credit.", service=SERVICE),
            tr("Make the payment as large as what it pays of the invoice."),
        )
