"""Our own rules, the same for every service, and the way all rules are asked; pure. What fails is never sent (I8).

Limits, characters and what only one service demands stay in its own `*_rules` module. Nothing is cut to fit: a text
arrives as it was typed or is refused with its reason (I21).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from desktop.errors import BlueClerkError, InvalidField, ItemError
from desktop.providers.base import Action, Step
from desktop.providers.faults import EDIT, Subject, field_words
from desktop.providers.records import CustomerRecord, InvoiceRecord, ItemRecord, Kind, PaymentRecord, name_of
from desktop.providers.writing import real_email
from desktop.text import tr

EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def first_problem(step: Step, problems: Callable[[Subject], Iterator[ItemError]]) -> ItemError | None:
    """The first of a step's problems, with the record and field that it concerns; ending a record has none."""
    if step.action in (Action.VOID, Action.DELETE):
        return None
    subject = Subject(step.kind, name_of(step.record), step.ref, step.action)
    problem = next(problems(subject), None)
    if problem is not None and not problem.concerns:
        problem.concerns = (subject.concern_in(problem),)
    return problem


def refuse(problem: BlueClerkError | None) -> None:
    """Raises the problem, if there is one."""
    if problem is not None:
        raise problem


@dataclass(frozen=True, slots=True)
class Rules:
    """Each yields what it finds wrong, in sentences that name the service."""

    service: str

    def invalid(self, kind: Kind, field: str, message: str) -> InvalidField:
        """A field that the owner has to change."""
        return InvalidField(self.service, message, field=field, fix=EDIT[kind])

    def text(self, kind: Kind, field: str, value: str, limit: int) -> Iterator[ItemError]:
        """At most `limit` characters, and none that no service takes."""
        words = field_words(field)
        if len(value) > limit:
            message = tr(
                "The {field} is too long: {service} takes {limit} characters.",
                field=words,
                service=self.service,
                limit=limit,
            )
            yield self.invalid(kind, field, message)
        if _CONTROL.search(value):
            message = tr("The {field} contains characters that {service} refuses.", field=words, service=self.service)
            yield self.invalid(kind, field, message)

    def named(self, record: CustomerRecord | ItemRecord) -> Iterator[ItemError]:
        """Customers and items need a name."""
        if isinstance(record, CustomerRecord) and not record.display_name.strip():
            yield self.invalid(Kind.CUSTOMER, "display_name", tr("The customer needs a name."))
        if isinstance(record, ItemRecord) and not record.name.strip():
            yield self.invalid(Kind.ITEM, "name", tr("The item needs a name."))

    def email(self, customer: CustomerRecord, limit: int, shape: re.Pattern[str] = EMAIL) -> Iterator[ItemError]:
        """A real address of this shape, or none; one that we made up counts as none (I19)."""
        email = real_email(customer.email)
        yield from self.text(Kind.CUSTOMER, "email", email, limit)
        if email and not shape.fullmatch(email):
            message = tr("The e-mail address of {name} is not valid.", name=customer.display_name)
            yield self.invalid(Kind.CUSTOMER, "email", message)

    def lines(self, invoice: InvoiceRecord, limit: int) -> Iterator[ItemError]:
        """At most `limit` lines."""
        if len(invoice.lines) > limit:
            message = tr("{service} takes {limit} lines on one invoice.", service=self.service, limit=limit)
            yield self.invalid(Kind.INVOICE, "lines", message)

    def amount(self, payment: PaymentRecord) -> Iterator[ItemError]:
        """More than nothing."""
        if payment.amount <= 0:
            yield self.invalid(Kind.PAYMENT, "amount", tr("A payment must be more than nothing."))
