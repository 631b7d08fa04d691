"""What all providers share in saying why a record was refused; which fault means what is each service's own table.

A refusal names the record of ours, the field of it where one is known, and the fix that the window offers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from desktop.errors import BlueClerkError, Concern, Fix, InvalidField, ItemError
from desktop.providers.base import Action
from desktop.providers.records import Kind
from desktop.text import tr

EDIT = {
    Kind.CUSTOMER: Fix.EDIT_CUSTOMER,
    Kind.ITEM: Fix.EDIT_ITEM,
    Kind.INVOICE: Fix.EDIT_INVOICE,
    Kind.PAYMENT: Fix.EDIT_PAYMENT,
}
"""The fix where the record itself has to change."""
LINK = {
    Kind.CUSTOMER: Fix.LINK_CUSTOMER,
    Kind.ITEM: Fix.LINK_ITEM,
    Kind.INVOICE: Fix.LINK_INVOICE,
    Kind.PAYMENT: Fix.LINK_INVOICE,
}
"""The fix where what the record is linked to has to change; a payment hangs on its invoice."""

FoundT = TypeVar("FoundT")


@dataclass(frozen=True, slots=True)
class Subject:
    """What was being written when the refusal came; a service adds what its own sentences need."""

    kind: Kind
    name: str = ""
    """Display name or number, as the owner knows it."""
    ref: str = ""
    action: Action | None = None

    @property
    def concern(self) -> Concern:
        """The record of ours, its id taken from the step's name ("invoice:12")."""
        _, _, local = self.ref.partition(":")
        return Concern(self.kind.value, int(local) if local.isdigit() else 0, self.name)

    def concern_in(self, problem: ItemError) -> Concern:
        """The record of ours, and the field of it that `problem` is about, where it names one."""
        known = self.concern
        field = problem.field if isinstance(problem, InvalidField) else ""
        return Concern(known.kind, known.local_id, known.label, field)


ANY = Subject(Kind.INVOICE)
"""Stands for "whatever was asked" where a fault can only be about the connection."""


def signed(found: FoundT, subject: Subject, service_ref: str) -> FoundT:
    """`found` with the service's id of the request and the record that it concerns, where it names none itself."""
    if isinstance(found, BlueClerkError):
        found.service_ref = found.service_ref or service_ref
    if isinstance(found, ItemError) and not found.concerns:
        found.concerns = (subject.concern,)
    return found


def word(value: object) -> str:
    """A code or a text out of a refusal; "" for what is neither, so that a strange answer is read to its end."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def field_words(field: str) -> str:
    """What the owner calls a field of ours; "" for one that has no name on screen."""
    words = {
        "email": tr("e-mail address"), "phone": tr("phone number"), "display_name": tr("name"), "name": tr("name"),
        "given_name": tr("first name"), "family_name": tr("last name"), "company_name": tr("company name"),
        "address": tr("address"), "number": tr("invoice number"), "memo": tr("note"), "reference": tr("reference"),
        "issued_on": tr("date"), "paid_on": tr("date"), "due_on": tr("due date"), "unit_price": tr("price"),
        "quantity": tr("quantity"), "description": tr("description"), "sku": tr("item code"), "amount": tr("amount"),
        "lines": tr("lines"), "discount": tr("discount"), "currency": tr("currency"), "method": tr("payment method"),
    }  # fmt: skip
    return words.get(field, "")
