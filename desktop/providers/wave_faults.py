"""Wave's ways of saying no, as our errors; pure (providers' contract: Wave, section 6).

There are three places to look: the HTTP status, `errors` (often inside a 200), and `didSucceed: false` with
`inputErrors`. Wave's own words go to the details or after ours; the sentences are ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from desktop.errors import (
    AccessRefused,
    AccountUnusable,
    ConnectionProblem,
    Fix,
    GoneRemote,
    InternalMistake,
    InvalidField,
    ItemError,
    NeedsSignIn,
    NumberTaken,
    PaymentBlocked,
    SubscriptionLapsed,
    UnexpectedAnswer,
)
from desktop.providers import faults
from desktop.providers.answers import Answer
from desktop.providers.faults import EDIT, LINK, field_words, signed
from desktop.providers.records import Kind
from desktop.text import tr

SERVICE = "Wave"
UNAUTHENTICATED = "UNAUTHENTICATED"
INVALID_DOCUMENT = "GRAPHQL_VALIDATION_FAILED"
NOT_FOUND = "NOT_FOUND"
_THROTTLE = re.compile(r"\b(rate.?limit|too many requests|throttl)", re.IGNORECASE)
_COMPLEX = re.compile(r"complex", re.IGNORECASE)
_SCOPE = re.compile(r"\bscope|permission|insufficient", re.IGNORECASE)
_TAKEN = re.compile(r"already|in use|taken|exist|unique|duplicate", re.IGNORECASE)


class PlanNeeded(SubscriptionLapsed):
    """Wave Pro has ended, or no business of this person has it; data and mapping are kept (H12)."""

    fix = Fix.RECONNECT

    def __init__(self, *, service_ref: str = "", details: str = "") -> None:
        super().__init__(SERVICE, service_ref=service_ref, details=details)
        self.title = tr("Wave lets other programs in only while the business has Wave Pro (or an Advisor plan).")
        self.advice = tr("Check the plan in Wave, then press Reconnect.")


class MissingScope(AccessRefused):
    """The token lacks a permission; `area` is the owner's word for it, "" if Wave doesn't say."""

    def __init__(self, area: str = "", *, service_ref: str = "", details: str = "") -> None:
        super().__init__(SERVICE, missing_right=True, service_ref=service_ref, details=details)
        if area:
            self.title = tr("BlueClerk lacks a permission in Wave: {area}.", area=area)
            self.advice = tr("Reconnect to grant it.")


class PaymentNotApplied(PaymentBlocked):
    """Wave took the payment, but its invoice owes as much as before."""

    def __init__(self, due: str) -> None:
        super().__init__(
            tr("Wave took the payment note but the invoice still shows {due} open.", due=due),
            tr("Please check in Wave."),
        )


class DepositAccountNeeded(ItemError):
    """No account was chosen for payments of this kind, or the chosen one can't take them."""

    fix = Fix.CHOOSE_DEPOSIT_ACCOUNT

    def __init__(self, *, refused: bool = False, details: str = "") -> None:
        if refused:
            title = tr("Wave doesn't put payments into the chosen account.")
        else:
            title = tr("Nobody has said yet which bank account payments go to.")
        advice = tr("Choose the bank account that payments go to (Settings > Integrations > Tax and payments).")
        super().__init__(title, advice, details=details)


# --- errors of a document ---


@dataclass(frozen=True, slots=True)
class GraphError:
    """One entry of `errors`."""

    message: str = ""
    code: str = ""
    path: tuple[str, ...] = ()
    ref: str = ""
    """Wave's support asks for it."""

    @property
    def words(self) -> str:
        return " ".join(f"{self.message} ({SERVICE} {self.code or 'error'} {self.ref})".split())[:2000]


def graph_errors(body: Any) -> tuple[GraphError, ...]:
    """The errors of an answer; an entry of another shape counts as one without words."""
    listed = body.get("errors") if isinstance(body, dict) else None
    return tuple(_error(entry) for entry in listed) if isinstance(listed, list) else ()


def _error(entry: Any) -> GraphError:
    if not isinstance(entry, dict):
        return GraphError()
    more = entry.get("extensions")
    more = more if isinstance(more, dict) else {}
    path = entry.get("path")
    steps = tuple(str(one) for one in path) if isinstance(path, list) else ()
    return GraphError(_word(entry.get("message")), _word(more.get("code")), steps, _word(more.get("id")))


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def has_data(body: Any) -> bool:
    """Whether any field of the document brought something: then it ran."""
    data = body.get("data") if isinstance(body, dict) else None
    return isinstance(data, dict) and any(value is not None for value in data.values())


def never_ran(body: Any) -> bool:
    """A refusal of the whole document before anything of it was done: no `data` at all (contract 6, 8c)."""
    return isinstance(body, dict) and "data" not in body and bool(graph_errors(body))


def too_complex(answer: Answer) -> bool:
    """The document was too large for Wave and was not run: send smaller ones."""
    return never_ran(answer.json) and any(
        _COMPLEX.search(f"{error.message} {error.code}") for error in graph_errors(answer.json)
    )


def area_words(scope: str) -> str:
    """The owner's word for what a scope is about."""
    words = {
        "account": tr("accounts"), "business": tr("business"), "customer": tr("customers"),
        "product": tr("products"), "invoice": tr("invoices"), "sales_tax": tr("sales taxes"), "user": tr("user"),
    }  # fmt: skip
    found = re.search(r"\b(account|business|customer|product|invoice|sales_tax|user):", scope)
    return words[found.group(1)] if found else ""


class WaveJudge:
    """Tells `ServiceHttp` which answers concern the connection as a whole."""

    def throttled(self, answer: Answer) -> bool:
        """Some services of this kind put the wait into `errors` instead of a 429."""
        if has_data(answer.json):
            return False
        return any(_THROTTLE.search(f"{error.message} {error.code}") for error in graph_errors(answer.json))

    def problem(self, answer: Answer) -> ConnectionProblem | None:
        """Sign-in ended (also inside a 200), a permission missing, the plan lapsed."""
        errors = graph_errors(answer.json)
        ref = next((error.ref for error in errors if error.ref), answer.service_ref)
        details = "; ".join(error.words for error in errors)
        if answer.status == 401 or (errors and not has_data(answer.json) and _all(errors, UNAUTHENTICATED)):
            return NeedsSignIn(SERVICE, service_ref=ref, details=details)
        if answer.status == 403:
            return _forbidden(answer, ref, details)
        if errors and not has_data(answer.json) and all(_is_scope(error) for error in errors):
            return MissingScope(area_words(details), service_ref=ref, details=details)
        return None


def _all(errors: Sequence[GraphError], code: str) -> bool:
    return all(error.code == code for error in errors)


def _is_scope(error: GraphError) -> bool:
    return error.code in ("FORBIDDEN", "INSUFFICIENT_SCOPE") and bool(_SCOPE.search(error.message))


def _forbidden(answer: Answer, ref: str, details: str) -> ConnectionProblem:
    body = answer.json if isinstance(answer.json, dict) else {}
    said = " ".join([details, *(str(body.get(name, "")) for name in ("error", "error_description", "scope"))])
    if "subscription" in said.lower():
        return PlanNeeded(service_ref=ref, details=said.strip()[:2000])
    if _SCOPE.search(said):
        return MissingScope(area_words(said), service_ref=ref, details=said.strip()[:2000])
    return AccessRefused(SERVICE, service_ref=ref, details=said.strip()[:2000])


# --- what one mutation was refused for ---


@dataclass(frozen=True, slots=True)
class Subject(faults.Subject):
    """What Wave's answers leave out."""

    accounts: Mapping[str, str] = field(default_factory=dict)
    """Names of the income accounts by id."""
    wanted: Mapping[str, Any] = field(default_factory=dict)
    """The input as it was sent."""


@dataclass(frozen=True, slots=True)
class InputError:
    """One entry of `inputErrors`."""

    field: str
    """The last name of its path that is no number."""
    message: str
    code: str
    path: str

    @property
    def words(self) -> str:
        return " ".join(f"{self.message} ({SERVICE} {self.code} {self.path})".split())[:2000]


def input_errors(payload: Mapping[str, Any]) -> tuple[InputError, ...]:
    """The input errors of one mutation; at least one, so that a refusal is never without words."""
    listed = payload.get("inputErrors")
    found = []
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict):
            path = entry.get("path")
            steps = [str(one) for one in path] if isinstance(path, list) else []
            names = [step for step in steps if not step.isdigit() and step != "input"]
            last = names[-1] if names else ""
            found.append(InputError(last, _word(entry.get("message")), _word(entry.get("code")), ".".join(steps)))
    return tuple(found) or (InputError("", "", "", ""),)


_FIELDS = {
    "name": "display_name", "firstName": "given_name", "lastName": "family_name", "email": "email",
    "phone": "phone", "mobile": "phone", "address": "address", "addressLine1": "address", "addressLine2": "address",
    "city": "address", "postalCode": "address", "provinceCode": "address", "countryCode": "address",
    "displayId": "display_name", "description": "description", "unitPrice": "unit_price", "quantity": "quantity",
    "invoiceNumber": "number", "invoiceDate": "issued_on", "dueDate": "due_on", "memo": "memo", "items": "lines",
    "taxes": "lines", "salesTaxId": "lines", "discounts": "discount", "amount": "amount", "paymentDate": "paid_on",
    "paymentMethod": "method", "currency": "currency",
}  # fmt: skip


def _words(field: str) -> str:
    """Wave tells a payment's date from an invoice's."""
    return tr("payment date") if field == "paid_on" else field_words(field)


def refusal(errors: Sequence[InputError], subject: Subject, ref: str = "") -> ItemError:
    """`didSucceed: false` in the owner's words: the first error with a meaning of its own decides."""
    details = "; ".join(error.words for error in errors)
    special = next((found for error in errors if (found := _special(error, subject, details)) is not None), None)
    return signed(special or _rejected(errors, subject, details), subject, ref)


def _special(error: InputError, subject: Subject, details: str) -> ItemError | None:
    missing = error.code == NOT_FOUND
    if error.field == "incomeAccountId":
        account_id = str(subject.wanted.get("incomeAccountId", ""))
        name = subject.accounts.get(account_id, tr("mapped account"))
        return AccountUnusable(SERVICE, name, [subject.concern], details=details)
    if error.field == "invoiceNumber" and _TAKEN.search(error.message):
        return NumberTaken(SERVICE, str(subject.wanted.get("invoiceNumber", subject.name)), details=details)
    if error.field == "paymentAccountId":
        return DepositAccountNeeded(refused=True, details=details)
    if error.field == "customerId":
        return GoneRemote(SERVICE, "", what=tr("The customer"), fix=Fix.LINK_CUSTOMER, details=details)
    if error.field == "productId":
        return GoneRemote(SERVICE, "", what=tr("An item on this invoice"), fix=Fix.LINK_ITEM, details=details)
    if missing and error.field == "invoiceId" and subject.kind is Kind.PAYMENT:
        return GoneRemote(SERVICE, "", what=tr("The invoice of this payment"), fix=Fix.LINK_INVOICE, details=details)
    if missing and error.field in ("id", "invoiceId"):
        return gone(subject, details)
    return None


def gone(subject: Subject, details: str = "") -> ItemError:
    """What was to be changed is not there any more."""
    return signed(GoneRemote(SERVICE, subject.name, fix=LINK[subject.kind], details=details), subject, "")


def _rejected(errors: Sequence[InputError], subject: Subject, details: str) -> ItemError:
    sentences, first = [], ""
    for error in errors:
        ours = _FIELDS.get(error.field, "")
        ours = "name" if ours == "display_name" and subject.kind is Kind.ITEM else ours
        first = first or ours
        label = _words(ours)
        said = error.message or tr("no reason was given")
        if label:
            sentences.append(tr("Wave refused the {field}: {message}", field=label, message=said))
        else:
            sentences.append(tr("Wave refused this: {message}", message=said))
    return InvalidField(SERVICE, "\n".join(sentences), field=first, fix=EDIT[subject.kind], details=details)


def document_refused(errors: Sequence[GraphError], subject: Subject, status: int) -> ItemError:
    """The whole document was refused before it ran: a mistake of ours, or something nobody has seen yet."""
    details = "; ".join(error.words for error in errors) or f"HTTP {status}"
    ref = next((error.ref for error in errors if error.ref), "")
    if any(error.code == INVALID_DOCUMENT for error in errors):
        return signed(not_understood(details), subject, ref)
    return signed(UnexpectedAnswer(SERVICE, details=details), subject, ref)


def not_understood(details: str) -> InternalMistake:
    """We sent a document that doesn't fit Wave's schema."""
    found = InternalMistake(SERVICE, details=details)
    found.title = tr("BlueClerk sent Wave something it doesn't understand.")
    found.advice = tr("Help > Save diagnostics keeps what we need to mend it.")
    return found
