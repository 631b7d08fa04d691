"""Xero's ways of saying no, as our errors; pure (providers' contract: Xero, section 5).

Xero has sentences and no codes: they are matched by stable substrings, whatever their case, and an unknown one is
shown as it came. Errors about the whole call come in other shapes than those about one record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

from desktop.errors import (
    AccessRefused,
    AccountUnusable,
    BlueClerkError,
    ConnectionProblem,
    CurrencyRefused,
    Fix,
    GoneRemote,
    InternalMistake,
    InvalidField,
    MissingCustomer,
    NameTaken,
    NumberTaken,
    PaymentBlocked,
    PeriodClosed,
    PlanLacksFeature,
    RuleBroken,
    TaxProblem,
    TotalsDiffer,
    UnexpectedAnswer,
)
from desktop.providers import faults
from desktop.providers.answers import Answer
from desktop.providers.faults import EDIT, LINK, signed
from desktop.providers.records import Kind
from desktop.text import tr

SERVICE = "Xero"


@dataclass(frozen=True, slots=True)
class Subject(faults.Subject):
    """What Xero's sentences leave out, as we know it of the record and its organisation."""

    closed_until: date | None = None
    currency: str = ""


class Special(Enum):
    """What is no refusal."""

    ALREADY_DONE = "already_done"
    """What was asked for is so already (a payment that is deleted)."""
    MAYBE_DONE = "maybe_done"
    """An earlier attempt may have done it: look it up."""


Verdict = BlueClerkError | Special
Meaning = Callable[[str, Subject], Verdict]

# --- reading the shapes ---


def messages_in(row: Any, depth: int = 0) -> tuple[str, ...]:
    """All validation errors of an element, those on its contact, lines and addresses included (contract 4)."""
    return tuple(dict.fromkeys(_messages(row, depth)))


def _messages(row: Any, depth: int) -> Iterator[str]:
    if depth > 6:
        return
    if isinstance(row, list):
        for one in row:
            yield from _messages(one, depth + 1)
    elif isinstance(row, dict):
        errors = row.get("ValidationErrors")
        for error in errors if isinstance(errors, list) else ():
            if isinstance(error, dict) and isinstance(error.get("Message"), str):
                yield error["Message"].strip()
        for name, value in row.items():
            if name not in ("ValidationErrors", "Warnings"):
                yield from _messages(value, depth + 1)


def whole_call(answer: Answer) -> tuple[int, str]:
    """(ErrorNumber, message) of an error about the whole call; 0 and "" if the body tells none."""
    body = answer.json if isinstance(answer.json, dict) else {}
    number, said = body.get("ErrorNumber"), body.get("Message") or body.get("Detail") or body.get("detail")
    return number if isinstance(number, int) else 0, said if isinstance(said, str) else ""


# --- the table ---


def _words(said: str) -> str:
    """Xero's own text, for the folded details."""
    return " ".join(f"{SERVICE}: {said}".split())[:2000]


def _name(said: str, subject: Subject) -> Verdict:
    return NameTaken(SERVICE, subject.name, holder=tr("another contact"), details=_words(said))


def _item_code(said: str, subject: Subject) -> Verdict:
    return NameTaken(SERVICE, subject.name, holder=tr("another item"), is_item=True, details=_words(said))


def _archived(said: str, subject: Subject) -> Verdict:
    name = subject.name if subject.kind is Kind.CUSTOMER else ""
    return GoneRemote(SERVICE, name, what=tr("The customer"), fix=Fix.LINK_CUSTOMER, details=_words(said))


def _number(said: str, subject: Subject) -> Verdict:
    return NumberTaken(SERVICE, subject.name, details=_words(said))


def _invalid(field: str, message: str, fix: Fix | None = None) -> Meaning:
    def make(said: str, subject: Subject) -> Verdict:
        return InvalidField(SERVICE, message, field=field, fix=fix or EDIT[subject.kind], details=_words(said))

    return make


def _email(said: str, subject: Subject) -> Verdict:
    if subject.kind is Kind.CUSTOMER and subject.name:
        message = tr("{service} rejects the e-mail address of {name}.", service=SERVICE, name=subject.name)
    else:
        message = tr("{service} rejects the e-mail address.", service=SERVICE)
    return InvalidField(SERVICE, message, field="email", fix=Fix.EDIT_CUSTOMER, details=_words(said))


def _account_number(said: str, subject: Subject) -> Verdict:
    title = tr("That account number belongs to another {service} contact.", service=SERVICE)
    return RuleBroken(SERVICE, title=title, details=_words(said), fix=Fix.EDIT_CUSTOMER)


def _no_customer(said: str, subject: Subject) -> Verdict:
    if subject.kind is Kind.CUSTOMER:
        return InvalidField(
            SERVICE, tr("The customer needs a name."), field="display_name", fix=Fix.EDIT_CUSTOMER, details=_words(said)
        )
    return MissingCustomer(SERVICE, details=_words(said))


def _no_lines(said: str, subject: Subject) -> Verdict:
    message = tr("Invoice {number} has no lines.", number=subject.name)
    return InvalidField(SERVICE, message, field="lines", details=_words(said))


_CODE = re.compile(r"[Aa]ccount code '([^']*)'")


def _account(said: str, subject: Subject) -> Verdict:
    if subject.kind is Kind.PAYMENT:
        return PaymentBlocked(
            tr("{service} can't book this payment on the chosen account.", service=SERVICE),
            tr("Choose a bank account in Settings > Integrations > Tax and payments."),
            details=_words(said),
            fix=Fix.CHOOSE_DEPOSIT_ACCOUNT,
        )
    found = _CODE.search(said)
    return AccountUnusable(SERVICE, found[1] if found else tr("mapped account"), details=_words(said))


def _item_gone(said: str, subject: Subject) -> Verdict:
    return GoneRemote(SERVICE, "", what=tr("An item on this invoice"), fix=Fix.LINK_ITEM, details=_words(said))


def _tax(said: str, subject: Subject) -> Verdict:
    return TaxProblem(SERVICE, details=_words(said))


def _tax_account(said: str, subject: Subject) -> Verdict:
    found = re.search(r"TaxType code '([^']*)'.*account code '([^']*)'", said)
    title = tr("A tax rate can't be used with the account of its line in {service}.", service=SERVICE)
    if found is not None:
        title = tr("Tax rate {rate} can't be used with account {account}.", rate=found[1], account=found[2])
    return TaxProblem(SERVICE, title=title, details=_words(said))


def _unchangeable(said: str, subject: Subject) -> Verdict:
    which = tr("Invoice {number}", number=subject.name) if subject.name else tr("This invoice")
    title = tr(
        "{which} is paid, voided or approved in {service} and can no longer be changed from here.",
        which=which,
        service=SERVICE,
    )
    return RuleBroken(SERVICE, title=title, details=_words(said), fix=EDIT[subject.kind])


def _ours(said: str, subject: Subject) -> Verdict:
    return InternalMistake(SERVICE, details=_words(said))


_DAY = re.compile(r"\b(\d{4}-\d\d-\d\d)\b")


def _locked(said: str, subject: Subject) -> Verdict:
    found = _DAY.search(said)
    try:
        until = date.fromisoformat(found[1]) if found else subject.closed_until
    except ValueError:
        until = subject.closed_until
    problem = PeriodClosed(SERVICE, until, details=_words(said))
    problem.fix = EDIT[subject.kind]
    return problem


def _totals(said: str, subject: Subject) -> Verdict:
    numbers = re.findall(r"-?\d+(?:\.\d+)?", said)
    ours, theirs = (numbers[0], numbers[-1]) if len(numbers) > 1 else ("?", "?")
    found = TotalsDiffer(SERVICE, ours, theirs, number=subject.name)
    found.details = _words(said)
    return found


def _discount(said: str, subject: Subject) -> Verdict:
    message = tr("The discount is larger than the line it is taken from.")
    return InvalidField(SERVICE, message, field="discount", details=_words(said))


def _currency(said: str, subject: Subject) -> Verdict:
    found = re.search(r"currency\s+([A-Z]{3})", said)
    code = found[1] if found else subject.currency
    title = tr("Your {service} plan does not have currency {code}.", service=SERVICE, code=code)
    problem = CurrencyRefused(SERVICE, code, tr("its own currency"))
    problem.title, problem.details = title, _words(said)
    problem.advice = tr("Add it in {service}, or write the invoice in your own currency.", service=SERVICE)
    return problem


def _plan(said: str, subject: Subject) -> Verdict:
    problem = PlanLacksFeature(SERVICE, details=_words(said))
    problem.title = tr("Your {service} plan's monthly invoice limit is reached.", service=SERVICE)
    return problem


def _too_much(said: str, subject: Subject) -> Verdict:
    return PaymentBlocked(
        tr("This payment is larger than what is still due in {service}.", service=SERVICE),
        tr("Compare the payments on both sides: it may be there already."),
        details=_words(said),
    )


def _not_approved(said: str, subject: Subject) -> Verdict:
    return PaymentBlocked(
        tr("The invoice of this payment is not approved in {service}.", service=SERVICE),
        tr("Approve it there first, then press Resync."),
        details=_words(said),
        fix=Fix.LINK_INVOICE,
    )


def _reconciled(said: str, subject: Subject) -> Verdict:
    return PaymentBlocked(
        tr("This payment is reconciled with the bank in {service}.", service=SERVICE),
        tr("Undo that there first, then press Resync."),
        details=_words(said),
    )


def _done(said: str, subject: Subject) -> Verdict:
    return Special.ALREADY_DONE


_LIMIT = re.compile(r"field (\w+) .*maximum length of (\d+)")


def _too_long(said: str, subject: Subject) -> Verdict:
    found = _LIMIT.search(said)
    field, limit = (found[1], found[2]) if found else ("text", "?")
    message = tr("{field} is too long: {service} takes {limit} characters.", field=field, service=SERVICE, limit=limit)
    return InvalidField(SERVICE, message, field=field, fix=EDIT[subject.kind], details=_words(said))


TABLE: Sequence[tuple[str, Meaning]] = (
    ("already assigned to another contact", _name),
    ("unique across all active contacts", _name),
    ("matched an archived contact", _archived),
    ("account number already exists", _account_number),
    ("email address must be valid", _email),
    ("must contain at least 1 of", _no_customer),
    ("a contact must be specified", _no_customer),
    ("invoice # must be unique", _number),
    ("one or more line items must be specified", _no_lines),
    ("cannot be used with account code", _tax_account),
    ("is not a valid code", _account),
    ("account must be valid", _account),
    ("item code", _item_gone),
    ("tax rate must be valid", _tax),
    ("payment not of valid status for modification", _done),
    ("not of valid status for modification", _unchangeable),
    ("cannot be edited as it has a payment or credit note allocated", _unchangeable),
    ("cannot be applied to the invoice because it has payments", _unchangeable),
    ("not of valid status for creation", _ours),
    ("period lock date", _locked),
    ("end of year lock date", _locked),
    ("invoice total does not equal", _totals),
    ("discount must not be greater", _discount),
    ("line total", _totals),
    ("not subscribed to currency", _currency),
    ("reached the limit of invoices you can approve", _plan),
    ("exceeds the amount outstanding", _too_much),
    ("only be made against authorised documents", _not_approved),
    ("has been reconciled", _reconciled),
    ("price list item with code", _item_code),
    ("maximum length of", _too_long),
)
"""Substrings of Xero's sentences in the order in which they are tried ("line total" is part of two)."""


def verdict(messages: Sequence[str], subject: Subject, service_ref: str = "") -> Verdict:
    """What the first known of `messages` means for `subject`; unknown ones are told in Xero's own words."""
    for said in messages:
        lowered = said.lower()
        meaning = next((found for part, found in TABLE if part in lowered), None)
        if meaning is not None:
            return signed(meaning(said, subject), subject, service_ref)
    said = "; ".join(messages)
    title = tr("{service} refused: {words}", service=SERVICE, words=said[:200]) if said else ""
    found = RuleBroken(SERVICE, title=title, details=_words(said), fix=EDIT[subject.kind])
    return signed(found, subject, service_ref)


def refusal(answer: Answer, subject: Subject) -> Verdict:
    """What an error about the whole call means for one of its records (contract 5)."""
    number, said = whole_call(answer)
    found: Verdict
    if answer.status == 404:
        found = GoneRemote(SERVICE, subject.name, fix=LINK[subject.kind], details="HTTP 404")
    elif answer.status == 400 and "different request" in said.lower():
        found = Special.MAYBE_DONE
    elif (answer.status == 400 and number and number != 10) or answer.status in (415, 501):
        found = InternalMistake(SERVICE, details=_words(f"{number} {said}" if number else f"HTTP {answer.status}"))
    else:
        found = UnexpectedAnswer(SERVICE, details=_words(said or f"HTTP {answer.status}"))
    return signed(found, subject, answer.service_ref)


class XeroJudge:
    """Tells `ServiceHttp` which answers concern the connection as a whole."""

    def throttled(self, answer: Answer) -> bool:
        """Only a 429 says "wait"."""
        return False

    def problem(self, answer: Answer) -> ConnectionProblem | None:
        """A missing right (401 or 403, also misspelt) and a tenant that is not connected any more (403)."""
        header = answer.headers.get("www-authenticate", "").lower()
        _, said = whole_call(answer)
        if answer.status in (401, 403) and ("insufficient_scope" in header or "insufficent_scope" in header):
            return AccessRefused(SERVICE, missing_right=True, service_ref=answer.service_ref, details=_words(said))
        if answer.status == 403:
            return AccessRefused(SERVICE, service_ref=answer.service_ref, details=_words(said))
        return None
