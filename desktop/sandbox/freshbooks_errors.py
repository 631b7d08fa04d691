"""FreshBooks' ways of saying no (providers' contract: FreshBooks, section 9): errno, words and three body shapes."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.sandbox.service import Answer, Json, to_json

MESSAGES = {
    409: "The request could not be completed: the resource is being changed by another request.",
    500: "An unexpected error occurred.",
    1001: "Required field missing.",
    1003: "The server could not verify that you are authorized to access the URL requested.",
    1004: "Invalid value.",
    1005: "The request could not be parsed.",
    1011: "This resource has been deleted.",
    1012: "Resource not found.",
    1013: "Invalid per_page parameter.",
    1014: "Invalid page parameter.",
    1017: "Value is too long.",
    1018: "Invalid percentage.",
    1019: "The same tax cannot be applied twice.",
    1033: "Invalid date.",
    1042: "This account is not active.",
}
STATUS = {409: 409, 500: 500, 1003: 403, 1005: 400, 1011: 404, 1012: 404, 1013: 400, 1014: 400, 1042: 403}
"""HTTP status of an errno; 422 for everything else (no document names one)."""

REFUSALS: dict[str, dict[str, Json]] = {
    "D7": {
        "customer": {"code": "1004", "field": "email", "message": "Email address is invalid."},
        "item": {"code": "1017", "field": "name", "message": "Name is too long."},
        "invoice": {"code": "1033", "field": "create_date", "message": "Date is invalid."},
        "payment": {"code": "1033", "field": "date", "message": "Date is invalid."},
    },
    "D8": {
        "customer": {"code": "1001", "field": "bus_phone", "message": "Phone is required."},
        "item": {"code": "1001", "field": "description", "message": "Description is required."},
        "invoice": {"code": "1001", "field": "notes", "message": "Notes are required."},
        "payment": {"code": "1001", "field": "note", "message": "A note is required."},
    },
}
"""One field refused (D7), and one that is newly demanded (D8), by the kind of record."""


class Refused(Exception):
    """One error of a call. `status` None: the usual one of its errno."""

    def __init__(
        self,
        errno: int,
        field: str = "",
        message: str = "",
        obj: str = "",
        value: object = None,
        status: int | None = None,
    ) -> None:
        super().__init__(f"{errno} {message or MESSAGES.get(errno, '')} ({field})" if field else f"{errno} {message}")
        self.errno = errno
        self.field = field
        self.message = message or MESSAGES.get(errno, "Error")
        self.obj = obj
        self.value = value
        self.status = status or STATUS.get(errno, 422)


def classic(errors: Sequence[Refused], status: int) -> Answer:
    """Shape (a)."""
    found = [
        {
            "errno": error.errno,
            "field": error.field or None,
            "message": error.message,
            "object": error.obj or None,
            "value": None if error.value is None else str(error.value),
        }
        for error in errors
    ]
    return Answer(status, to_json({"response": {"errors": found}}))


def newer(errors: Sequence[Refused], status: int) -> Answer:
    """Shape (b), the one that a newer API version answers with."""
    details: list[Json] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": str(error.errno),
            "domain": "accounting.api.freshbooks.com",
            "metadata": {
                "object": error.obj,
                "message": error.message,
                "value": "" if error.value is None else str(error.value),
                "field": error.field,
            },
        }
        for error in errors
    ]
    code = {404: 5, 403: 7, 409: 10, 500: 13}.get(status, 3)
    body = {"code": code, "message": f"Request failed with status_code: {status}", "details": details}
    return Answer(status, to_json(body))


def oauth_error(status: int, error: str, description: str = "") -> Answer:
    """Shape (c) of sign-in and identity."""
    return Answer(status, to_json({"error": error, "error_description": description}))


def ledger_error(status: int, message: str, field: str = "") -> Answer:
    """Shape (c) of the chart of accounts."""
    details = [{"reason": f"{field}: {message}", "metadata": {"message": message, "field": field}}] if field else []
    body = {"errors": {"message": f"Request failed with status code {status}", "status": status, "details": details}}
    if not field:
        body["errors"]["message"] = message
    return Answer(status, to_json(body))
