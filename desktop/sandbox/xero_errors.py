"""Xero's ways of saying no (providers' contract: Xero, section 5): its sentences and the shapes they come in."""

from __future__ import annotations

from desktop.sandbox.service import Answer, Json, to_json

NO_ID = "00000000-0000-0000-0000-000000000000"

LOCKED = "The document date cannot be before the period lock date ({day})."
YEAR_LOCKED = "The document date cannot be before the end of year lock date ({day})."
ARCHIVED = (
    "The specified contact details matched an archived contact. Archived contacts cannot currently be edited via the "
    "API."
)
NAME_TAKEN = (
    "The contact name {name} is already assigned to another contact. The contact name must be unique across all "
    "active contacts."
)
NO_CONTACT = (
    "The Contact must contain at least 1 of the following elements to identify the contact: Name, ContactID, "
    "ContactNumber"
)
NUMBER_TAKEN = "Invoice # must be unique."
NOT_TO_CHANGE = "Invoice not of valid status for modification"
NOT_TO_CREATE = "Invoice not of valid status for creation"
HAS_PAYMENT = "This document cannot be edited as it has a payment or credit note allocated to it."
NOT_VOIDABLE = "The status '{status}' cannot be applied to the invoice because it has payments allocated to it."
TOO_MUCH = "Payment amount exceeds the amount outstanding on this document"
NOT_AUTHORISED = "Payments can only be made against Authorised documents"
PAYMENT_GONE = "Payment not of valid status for modification"
ITEM_TAKEN = "Price List Item with Code '{code}' already exists"
BAD_ACCOUNT = "Account code '{code}' is not a valid code for this document."
NO_ACCOUNT = "Account must be valid."
BAD_TAX = "Tax rate must be valid."
TAX_FORBIDDEN = "The TaxType code '{tax}' cannot be used with account code '{code}'."
NO_LINES = "One or more line items must be specified"
PLAN_LIMIT = "You have reached the limit of invoices you can approve on your plan"
NO_CURRENCY = "Organisation is not subscribed to currency {currency}"
TOO_LONG = "The field {field} must be a string with a maximum length of {most}."
KEY_REUSED = "The Idempotency-Key '{key}' is used with a different request."

REFUSALS: dict[str, dict[str, Json]] = {
    "D7": {
        "customer": {"message": "Email address must be valid."},
        "item": {"message": TOO_LONG.format(field="Name", most=50)},
        "invoice": {"message": TOO_LONG.format(field="Reference", most=255)},
        "payment": {"message": TOO_LONG.format(field="Reference", most=255)},
    },
    "D8": {
        "customer": {"message": TOO_LONG.format(field="Name", most=10)},
        "item": {"message": TOO_LONG.format(field="Description", most=10)},
        "invoice": {"message": "A due date must now be given for every document"},
        "payment": {"message": "A reference must now be given for every payment"},
    },
}
"""One field refused (D7), and a rule that is new (D8), by the kind of record."""


class Invalid(Exception):
    """One element breaks rules of the books; `messages` are Xero's sentences."""

    def __init__(self, *messages: str) -> None:
        super().__init__("; ".join(messages))
        self.messages = list(messages)


class Missing(Exception):
    """An id that does not exist: 404 for the whole request (contract 3.1)."""


class Unusable(Exception):
    """The request as a whole cannot be read: ErrorNumber, type and message, without Elements."""

    def __init__(self, number: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.kind = kind
        self.message = message


class BadQuery(Unusable):
    """`where` or `order` outside what Xero understands."""

    def __init__(self, message: str) -> None:
        super().__init__(16, "QueryParseException", message)


class BadData(Unusable):
    """The body is not what Xero can read: malformed JSON, date or number."""

    def __init__(self, message: str) -> None:
        super().__init__(14, "PostDataInvalidException", message)


def unusable(problem: Unusable) -> Answer:
    body = {"ErrorNumber": problem.number, "Type": problem.kind, "Message": problem.message}
    return Answer(400, to_json(body))


def validation(elements: list[Json]) -> Answer:
    """The summarised 400: every element is echoed, nothing was saved."""
    body = {
        "ErrorNumber": 10,
        "Type": "ValidationException",
        "Message": "A validation exception occurred",
        "Elements": elements,
    }
    return Answer(400, to_json(body))


def errors_of(messages: list[str]) -> list[Json]:
    return [{"Message": message} for message in messages]


def gateway(status: int, title: str, detail: str, instance: str) -> Answer:
    """401 and 403, another shape than 400."""
    body: Json = {
        "Type": None,
        "Title": title,
        "Status": status,
        "Detail": detail,
        "Instance": instance,
        "Extensions": {},
    }
    return Answer(status, to_json(body))


def not_found() -> Answer:
    text = "The resource you're looking for cannot be found"
    return Answer(404, f"<html><body>{text}</body></html>".encode(), "text/html; charset=utf-8")
