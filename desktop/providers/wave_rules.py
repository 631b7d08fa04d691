"""Wave's rules that can be known beforehand; pure. What fails here is never sent (I8).

Source: providers' contract, Wave, sections 3, 5, 6 and 12. Wave publishes no lengths: those here are ours, wide
enough for real life. Nothing is cut to fit (I21).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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
    TaxProblem,
)
from desktop.providers.base import Action, Step
from desktop.providers.records import CustomerRecord, InvoiceRecord, ItemRecord, Kind, PaymentRecord, Record
from desktop.providers.wave_faults import SERVICE, DepositAccountNeeded, Subject, field_words
from desktop.providers.wave_wire import Company, encode, real_email, step_entry
from desktop.text import tr

NAME_MAX = 255
EMAIL_MAX = 254
PHONE_MAX = 50
TEXT_MAX = 4000
NUMBER_MAX = 50
REFERENCE_MAX = 100
LINES_MAX = 500
PRICE_PLACES = 5
"""Of a product; lines take eight."""

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_EDIT = {
    Kind.CUSTOMER: Fix.EDIT_CUSTOMER,
    Kind.ITEM: Fix.EDIT_ITEM,
    Kind.INVOICE: Fix.EDIT_INVOICE,
    Kind.PAYMENT: Fix.EDIT_PAYMENT,
}


def check(step: Step, company: Company) -> ItemError | None:
    """Why Wave would refuse the step, or None."""
    if step.action in (Action.VOID, Action.DELETE):
        return None
    subject = Subject(step.kind, _name(step.record), step.ref)
    problem = next(_problems(step, subject, company), None)
    if problem is not None and not problem.concerns:
        known = subject.concern
        field = problem.field if isinstance(problem, InvalidField) else ""
        problem.concerns = (Concern(known.kind, known.local_id, known.label, field),)
    return problem


def _name(record: Record) -> str:
    if isinstance(record, CustomerRecord):
        return record.display_name
    if isinstance(record, ItemRecord):
        return record.name
    return record.number if isinstance(record, InvoiceRecord) else record.reference


def _problems(step: Step, subject: Subject, company: Company) -> Iterator[ItemError]:
    record = step.record
    if isinstance(record, CustomerRecord):
        yield from _customer(record)
    elif isinstance(record, ItemRecord):
        yield from _item(step, record, subject)
    elif isinstance(record, InvoiceRecord):
        yield from _invoice(record)
    else:
        yield from _payment(step, record, company)
    try:
        encode(dict(step_entry(step, "x", company).wanted))
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
    kind = Kind.CUSTOMER
    if not customer.display_name.strip():
        yield _invalid(kind, "display_name", tr("The customer needs a name."))
    for field, value, limit in (
        ("display_name", customer.display_name, NAME_MAX), ("given_name", customer.given_name, NAME_MAX),
        ("family_name", customer.family_name, NAME_MAX), ("phone", customer.phone, PHONE_MAX),
    ):  # fmt: skip
        yield from _text(kind, field, value, limit)
    email = real_email(customer.email)
    yield from _text(kind, "email", email, EMAIL_MAX)
    if email and not _EMAIL.fullmatch(email):
        message = tr("The e-mail address of {name} is not valid.", name=customer.display_name)
        yield _invalid(kind, "email", message)
    address = customer.address
    for value in (address.line1, address.line2, address.city, address.region, address.postal_code, address.country):
        yield from _text(kind, "address", value, NAME_MAX)


def _item(step: Step, item: ItemRecord, subject: Subject) -> Iterator[ItemError]:
    kind = Kind.ITEM
    if not item.name.strip():
        yield _invalid(kind, "name", tr("The item needs a name."))
    yield from _text(kind, "name", item.name, NAME_MAX)
    yield from _text(kind, "description", item.description, TEXT_MAX)
    if step.action is Action.CREATE and not item.income_account_id:
        yield MissingIncomeAccount(SERVICE, [subject.concern])
    price = item.unit_price
    if price is not None and price != round(price, PRICE_PLACES):
        message = tr("{service} keeps prices to {places} decimal places.", service=SERVICE, places=PRICE_PLACES)
        yield _invalid(kind, "unit_price", message)
    if step.action is Action.UPDATE and "active" in step.fields and item.active:
        title = tr("Wave doesn't let other programs bring back an archived product.")
        yield ItemError(title, tr("Restore it in Wave, then press Resync."))


def _invoice(invoice: InvoiceRecord) -> Iterator[ItemError]:
    kind = Kind.INVOICE
    if not invoice.customer_id:
        yield MissingCustomer(SERVICE)
    yield from _text(kind, "number", invoice.number, NUMBER_MAX)
    yield from _text(kind, "memo", invoice.memo, TEXT_MAX)
    if invoice.due_on is not None and invoice.due_on < invoice.issued_on:
        yield _invalid(kind, "due_on", tr("The due date can't be before the invoice date."))
    if len(invoice.lines) > LINES_MAX:
        message = tr("{service} takes {limit} lines on one invoice.", service=SERVICE, limit=LINES_MAX)
        yield _invalid(kind, "lines", message)
    for line in invoice.lines:
        yield from _text(kind, "description", line.description, TEXT_MAX)
        if not line.item_id:
            yield MissingItem(SERVICE, line.description or tr("An item on this invoice"))
        if line.taxable and not line.tax_code_id:
            yield TaxProblem(SERVICE, title=tr("A taxed line names no sales tax of {service}.", service=SERVICE))


def _payment(step: Step, payment: PaymentRecord, company: Company) -> Iterator[ItemError]:
    yield from _text(Kind.PAYMENT, "reference", payment.reference, REFERENCE_MAX)
    if payment.amount <= 0:
        yield _invalid(Kind.PAYMENT, "amount", tr("A payment must be more than nothing."))
    if len(payment.allocations) != 1 or payment.allocations[0].amount != payment.amount:
        yield PaymentBlocked(
            tr("Wave books each payment on exactly one invoice."),
            tr("Record one payment for each invoice."),
        )
    if step.action is Action.CREATE and company.deposit_for(payment) is None:
        yield DepositAccountNeeded()


def refuse(problem: BlueClerkError | None) -> None:
    """Raises the problem, if there is one."""
    if problem is not None:
        raise problem
