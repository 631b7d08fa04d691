"""FreshBooks' rules that can be known beforehand; pure. What fails here is never sent (I8).

Source: providers' contract, FreshBooks, sections 5 to 8. Nothing is cut or rounded to fit: it arrives as it was
typed or is refused with its reason (I21).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from desktop.errors import (
    BlueClerkError,
    Concern,
    InternalMistake,
    InvalidField,
    ItemError,
    MissingCustomer,
    PaymentBlocked,
    TaxProblem,
)
from desktop.providers.base import Action, Step
from desktop.providers.freshbooks_faults import EDIT, SERVICE, Subject, field_words
from desktop.providers.freshbooks_wire import Company, discount_percent, encode, name_of, real_email, request_for
from desktop.providers.records import CustomerRecord, InvoiceRecord, ItemRecord, Kind, PaymentRecord
from desktop.text import tr

TEXT_MAX = 255
"""No document names a length; texts of one line are kept within what a database column usually holds."""
LONG_TEXT_MAX = 10_000
NUMBER_MAX = 32
LINES_MAX = 500

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_STAMPED = re.compile(r"\[bc:")


def check(step: Step, company: Company) -> ItemError | None:
    """Why FreshBooks would refuse the step, or None."""
    if step.action in (Action.VOID, Action.DELETE):
        return None
    subject = Subject(step.kind, name_of(step.record), step.ref, step.action)
    problem = next(_problems(step, company), None)
    if problem is not None and not problem.concerns:
        known = subject.concern
        field = problem.field if isinstance(problem, InvalidField) else ""
        problem.concerns = (Concern(known.kind, known.local_id, known.label, field),)
    return problem


def refuse(problem: BlueClerkError | None) -> None:
    """Raises the problem, if there is one."""
    if problem is not None:
        raise problem


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


def _invalid(kind: Kind, field: str, message: str) -> InvalidField:
    return InvalidField(SERVICE, message, field=field, fix=EDIT[kind])


def _text(kind: Kind, field: str, value: str, limit: int = TEXT_MAX) -> Iterator[ItemError]:
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
    kind = Kind.CUSTOMER
    if not customer.display_name.strip():
        yield _invalid(kind, "display_name", tr("The customer needs a name."))
    for field in ("display_name", "given_name", "family_name", "company_name", "phone"):
        yield from _text(kind, field, getattr(customer, field))
    address = customer.address
    for value in (
        address.line1, address.line2, address.city, address.region, address.country, address.postal_code,
    ):  # fmt: skip
        yield from _text(kind, "address", value)
    email = real_email(customer.email)
    yield from _text(kind, "email", email)
    if email and not _EMAIL.fullmatch(email):
        message = tr("The e-mail address of {name} is not valid.", name=customer.display_name)
        yield _invalid(kind, "email", message)


def _item(item: ItemRecord) -> Iterator[ItemError]:
    kind = Kind.ITEM
    if not item.name.strip():
        yield _invalid(kind, "name", tr("The item needs a name."))
    yield from _text(kind, "name", item.name)
    yield from _text(kind, "description", item.description, LONG_TEXT_MAX)
    yield from _text(kind, "sku", item.sku)
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
    if len(invoice.lines) > LINES_MAX:
        message = tr("{service} takes {limit} lines on one invoice.", service=SERVICE, limit=LINES_MAX)
        yield _invalid(kind, "lines", message)
    for line in invoice.lines:
        yield from _text(kind, "description", line.description, LONG_TEXT_MAX)
        yield from _text(kind, "description", line.item_name)
        yield from _two_places(kind, "lines", line.unit_price)
        if line.tax_code_id and company.tax(line.tax_code_id) is None:
            yield TaxProblem(SERVICE, title=tr("{service} no longer has the tax of a line.", service=SERVICE))
    if discount_percent(invoice) is None:
        message = tr("{service} takes discounts as a percentage only.", service=SERVICE)
        yield _invalid(kind, "discount", message)


def _payment(payment: PaymentRecord) -> Iterator[ItemError]:
    kind = Kind.PAYMENT
    yield from _text(kind, "reference", payment.reference)
    if payment.amount <= 0:
        yield _invalid(kind, "amount", tr("A payment must be more than nothing."))
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
