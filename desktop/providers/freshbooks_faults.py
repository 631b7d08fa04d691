"""FreshBooks' ways of saying no, as our errors; pure (providers' contract: FreshBooks, section 9).

Errors come in three body shapes and may sit inside a 200: the body decides, the status only where the body says
nothing. Fields decide before numbers where the contract leaves a number open (a taken invoice number).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from desktop.errors import (
    AccessRefused,
    BlueClerkError,
    ConnectionProblem,
    Fix,
    GoneRemote,
    InternalMistake,
    InvalidField,
    ItemError,
    NeedsSignIn,
    NumberTaken,
    PaymentBlocked,
    RuleBroken,
    StaleVersion,
    SubscriptionLapsed,
    TaxProblem,
    UnexpectedAnswer,
)
from desktop.providers.answers import Answer
from desktop.providers.base import Action
from desktop.providers.faults import ANY, EDIT, LINK, Subject, field_words, word
from desktop.providers.records import Kind
from desktop.text import tr

SERVICE = "FreshBooks"


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of an answer. `code` is an errno as text, or the word of the sign-in side."""

    code: str
    message: str = ""
    field: str = ""
    object: str = ""

    @property
    def words(self) -> str:
        """The service's own text, for the folded details."""
        where = f" [{self.field}]" if self.field else ""
        return " ".join(f"{self.message}{where} ({SERVICE} {self.code})".split())[:2000]


class Special(Enum):
    """Faults that are not refusals."""

    BUSY = "busy"
    """Nothing was done: another request is changing the record (409)."""
    MAYBE_DONE = "maybe_done"
    """The service broke half-way (errno 500): look it up."""


# --- reading the three shapes ---


def faults_in(body: Any) -> tuple[Fault, ...]:
    """All faults of a parsed body; empty if it holds none."""
    if not isinstance(body, dict):
        return ()
    response = body.get("response")
    if isinstance(response, dict) and response.get("errors"):
        errors = response["errors"]
        listed = errors if isinstance(errors, list) else [errors]
        return tuple(_classic(one) for one in listed if isinstance(one, dict)) or (Fault("unknown"),)
    if isinstance(body.get("details"), list) and "code" in body:
        found = tuple(_newer(one) for one in body["details"] if isinstance(one, dict) and "metadata" in one)
        return found or (Fault("unknown", word(body.get("message"))),)
    if isinstance(body.get("errors"), dict):
        return (_ledger(body["errors"]),)
    if isinstance(body.get("error"), str):
        return (Fault(body["error"], word(body.get("error_description"))),)
    return ()


def _classic(error: Mapping[str, Any]) -> Fault:
    return Fault(
        word(error.get("errno")) or "unknown",
        word(error.get("message")),
        word(error.get("field")),
        word(error.get("object")),
    )


def _newer(detail: Mapping[str, Any]) -> Fault:
    meta = detail["metadata"] if isinstance(detail["metadata"], dict) else {}
    return Fault(
        word(detail.get("reason")) or "unknown",
        word(meta.get("message")),
        word(meta.get("field")),
        word(meta.get("object")),
    )


def _ledger(errors: Mapping[str, Any]) -> Fault:
    details = errors.get("details")
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    meta = first.get("metadata") if isinstance(first.get("metadata"), dict) else {}
    return Fault(word(errors.get("status")) or "unknown", word(errors.get("message")), word((meta or {}).get("field")))


# --- the table ---

Verdict = BlueClerkError | Special
Meaning = Callable[[Fault, Subject], Verdict]

_FIELDS = {
    "email": "email", "bus_phone": "phone", "home_phone": "phone", "mob_phone": "phone", "fname": "given_name",
    "lname": "family_name", "organization": "display_name", "p_street": "address", "p_street2": "address",
    "p_city": "address", "p_province": "address", "p_code": "address", "p_country": "address", "note": "reference",
    "name": "name", "description": "description", "unit_cost": "unit_price", "qty": "quantity", "sku": "sku",
    "invoice_number": "number", "create_date": "issued_on", "due_offset_days": "due_on", "notes": "memo",
    "discount_value": "discount", "lines": "lines", "currency_code": "currency", "amount": "amount",
    "date": "paid_on", "type": "method", "customerid": "customer_id", "invoiceid": "allocations",
}  # fmt: skip


def our_field(fault: Fault, kind: Kind) -> str:
    """Our name of the field that a fault names; "" if it names none that we know."""
    if kind is Kind.CUSTOMER and fault.field == "note":
        return ""
    if kind is Kind.INVOICE and fault.field in ("name", "description", "unit_cost", "qty", "amount"):
        return "lines"
    return _FIELDS.get(fault.field, "")


def _rejected(fault: Fault, subject: Subject) -> Verdict:
    """Required, invalid, too long, bad percentage, bad date: FreshBooks' own words after our word for the field."""
    if fault.field == "invoice_number":
        return NumberTaken(SERVICE, subject.name, details=fault.words)
    if fault.field.startswith("tax"):
        return _tax(fault, subject)
    if fault.field == "invoiceid" and subject.kind is Kind.PAYMENT:
        return PaymentBlocked(
            tr("{service} can't apply this payment to the invoice.", service=SERVICE),
            tr("Look at the invoice there, then press Resync."),
            details=fault.words,
        )
    field = our_field(fault, subject.kind)
    words = field_words(field)
    if not words:
        return RuleBroken(SERVICE, details=fault.words, fix=EDIT[subject.kind])
    message = tr("{service} refused the {field}: {reason}", service=SERVICE, field=words, reason=fault.message[:200])
    return InvalidField(SERVICE, message, field=field, fix=EDIT[subject.kind], details=fault.words)


def _tax(fault: Fault, subject: Subject) -> Verdict:
    return TaxProblem(SERVICE, details=fault.words)


def _denied(fault: Fault, subject: Subject) -> Verdict:
    if "scope" in fault.message.lower():
        return AccessRefused(SERVICE, missing_right=True, details=fault.words)
    found = AccessRefused(SERVICE, details=fault.words)
    found.title = tr("Your {service} user may not do this.", service=SERVICE)
    found.advice = tr("Ask the account's owner there, or sign in again as somebody who may.")
    return found


def _gone(fault: Fault, subject: Subject) -> Verdict:
    """1011 and 1012: what was written is gone, or, if another field is named or the record is new, what it needs."""
    if fault.field == "customerid" or (subject.action is Action.CREATE and subject.kind is Kind.INVOICE):
        return GoneRemote(SERVICE, "", what=tr("The customer"), fix=Fix.LINK_CUSTOMER, details=fault.words)
    if subject.kind is Kind.PAYMENT and fault.field == "invoiceid":
        return GoneRemote(
            SERVICE, "", what=tr("The invoice of this payment"), fix=Fix.LINK_INVOICE, details=fault.words
        )
    return GoneRemote(SERVICE, subject.name, fix=LINK[subject.kind], details=fault.words)


def _busy(fault: Fault, subject: Subject) -> Verdict:
    return Special.BUSY


def _broke(fault: Fault, subject: Subject) -> Verdict:
    return Special.MAYBE_DONE


def _ours(fault: Fault, subject: Subject) -> Verdict:
    return InternalMistake(SERVICE, details=fault.words)


def _inactive(fault: Fault, subject: Subject) -> Verdict:
    return SubscriptionLapsed(SERVICE, details=fault.words)


def _sign_in(fault: Fault, subject: Subject) -> Verdict:
    return NeedsSignIn(SERVICE, details=fault.words)


FAULTS: Mapping[str, Meaning] = {
    "409": _busy,
    "500": _broke,
    "1001": _rejected, "1004": _rejected, "1017": _rejected, "1018": _rejected, "1031": _rejected, "1033": _rejected,
    "1003": _denied, "insufficient_scope": _denied, "access_denied": _denied,
    "1005": _ours, "1007": _ours, "1008": _ours, "1013": _ours, "1014": _ours,
    "1011": _gone, "1012": _gone,
    "1019": _tax,
    "1042": _inactive,
    "unauthenticated": _sign_in, "invalid_token": _sign_in, "invalid_grant": _sign_in,
}  # fmt: skip
"""One entry for each number of the contract's table; any other is an answer that we don't understand."""


def verdict(faults: Sequence[Fault], status: int, subject: Subject) -> Verdict:
    """What the first known of `faults` means for `subject`; by the status alone where the body says nothing."""
    for fault in faults:
        meaning = FAULTS.get(fault.code)
        if meaning is not None:
            return _signed(meaning(fault, subject), subject)
    details = "; ".join(fault.words for fault in faults) or f"HTTP {status}"
    if not faults and status == 404:
        return _signed(_gone(Fault("404", details), subject), subject)
    if not faults and status == 409:
        return Special.BUSY
    if status == 403:
        return _denied(Fault("403", details), subject)
    return _signed(UnexpectedAnswer(SERVICE, details=details), subject)


def _signed(found: Verdict, subject: Subject) -> Verdict:
    if isinstance(found, ItemError) and not found.concerns:
        found.concerns = (subject.concern_in(found),)
    return found


def busy(subject: Subject) -> ItemError:
    """After the last try at a record that others keep changing."""
    if subject.action is not Action.CREATE:
        return StaleVersion(SERVICE)
    error = RuleBroken(SERVICE, title=tr("{service} is busy with this record.", service=SERVICE), fix=Fix.RETRY)
    error.advice = tr("Try again later: press Resync.")
    error.concerns = (subject.concern,)
    return error


class FreshBooksJudge:
    """Tells `ServiceHttp` which answers concern the connection as a whole."""

    def throttled(self, answer: Answer) -> bool:
        """Always 429 (contract 9)."""
        return False

    def problem(self, answer: Answer) -> ConnectionProblem | None:
        """Sign-in ended, access denied, scope missing, account inactive."""
        faults = faults_in(answer.json)
        if not faults and answer.status != 403:
            return None
        found = verdict(faults, answer.status, ANY)
        return found if isinstance(found, ConnectionProblem) else None
