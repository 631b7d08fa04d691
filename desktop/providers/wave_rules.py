"""Wave's rules that can be known beforehand; pure. What fails here is never sent (I8).

Source: providers' contract, Wave, sections 3, 5, 6 and 12. Wave publishes no lengths: those here are ours, wide
enough for real life. Nothing is cut to fit (I21).
"""

from __future__ import annotations

from collections.abc import Iterator

from desktop.errors import (
    InternalMistake,
    ItemError,
    MissingCustomer,
    MissingIncomeAccount,
    MissingItem,
    PaymentBlocked,
    TaxProblem,
)
from desktop.providers.base import Action, Step
from desktop.providers.faults import Subject
from desktop.providers.records import CustomerRecord, InvoiceRecord, ItemRecord, Kind, PaymentRecord
from desktop.providers.rules import Rules, first_problem
from desktop.providers.wave_faults import SERVICE, DepositAccountNeeded
from desktop.providers.wave_wire import Company, encode, step_entry
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

_RULES = Rules(SERVICE)
_invalid, _text = _RULES.invalid, _RULES.text


def check(step: Step, company: Company) -> ItemError | None:
    """Why Wave would refuse the step, or None."""
    return first_problem(step, lambda subject: _problems(step, subject, company))


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


def _customer(customer: CustomerRecord) -> Iterator[ItemError]:
    kind = Kind.CUSTOMER
    yield from _RULES.named(customer)
    for field, value, limit in (
        ("display_name", customer.display_name, NAME_MAX), ("given_name", customer.given_name, NAME_MAX),
        ("family_name", customer.family_name, NAME_MAX), ("phone", customer.phone, PHONE_MAX),
    ):  # fmt: skip
        yield from _text(kind, field, value, limit)
    yield from _RULES.email(customer, EMAIL_MAX)
    address = customer.address
    for value in (address.line1, address.line2, address.city, address.region, address.postal_code, address.country):
        yield from _text(kind, "address", value, NAME_MAX)


def _item(step: Step, item: ItemRecord, subject: Subject) -> Iterator[ItemError]:
    kind = Kind.ITEM
    yield from _RULES.named(item)
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
    yield from _RULES.lines(invoice, LINES_MAX)
    for line in invoice.lines:
        yield from _text(kind, "description", line.description, TEXT_MAX)
        if not line.item_id:
            yield MissingItem(SERVICE, line.description or tr("An item on this invoice"))
        if line.taxable and not line.tax_code_id:
            yield TaxProblem(SERVICE, title=tr("A taxed line names no sales tax of {service}.", service=SERVICE))


def _payment(step: Step, payment: PaymentRecord, company: Company) -> Iterator[ItemError]:
    yield from _text(Kind.PAYMENT, "reference", payment.reference, REFERENCE_MAX)
    yield from _RULES.amount(payment)
    if len(payment.allocations) != 1 or payment.allocations[0].amount != payment.amount:
        yield PaymentBlocked(
            tr("Wave books each payment on exactly one invoice."),
            tr("Record one payment for each invoice."),
        )
    if step.action is Action.CREATE and company.deposit_for(payment) is None:
        yield DepositAccountNeeded()
