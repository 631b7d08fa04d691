"""QuickBooks' ways of saying no, as our errors; pure (providers' contract: QuickBooks, section 5).

Faults come in four body shapes, may sit inside a 200, and are told apart by code first and status second.
Their own words go to the details; the sentences are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from html import unescape
from typing import Any

from desktop.errors import (
    AccessRefused,
    AccountUnusable,
    BlueClerkError,
    ConnectionProblem,
    Fix,
    GoneRemote,
    InternalMistake,
    InvalidField,
    MissingCustomer,
    MissingIncomeAccount,
    NameTaken,
    NeedsSignIn,
    NumberTaken,
    PaymentBlocked,
    PeriodClosed,
    PlanLacksFeature,
    RuleBroken,
    StaleVersion,
    SubscriptionLapsed,
    TaxProblem,
    UnexpectedAnswer,
)
from desktop.providers.answers import Answer
from desktop.providers.base import Action
from desktop.providers.faults import ANY, EDIT, LINK, Subject, field_words, signed, word
from desktop.providers.records import Kind
from desktop.text import tr

SERVICE = "QuickBooks"


@dataclass(frozen=True, slots=True)
class Fault:
    """One error entry of an answer. `code` has no leading zeros; gateways without codes give a word."""

    code: str
    message: str = ""
    detail: str = ""
    element: str = ""

    @property
    def words(self) -> str:
        """The service's own text, for the folded details."""
        said = self.message if self.detail in ("", self.message) else f"{self.message}: {self.detail}"
        return " ".join(f"{said} ({SERVICE} {self.code})".split())[:2000]


class Special(Enum):
    """Faults that are not refusals."""

    THROTTLED = "throttled"
    """Nothing was done; the whole connection waits."""
    MAYBE_DONE = "maybe_done"
    """An earlier attempt may have done it, or the service broke half-way: look it up."""


# --- reading the four shapes ---


def faults_in(body: Any, text: str = "") -> tuple[Fault, ...]:
    """All faults of a parsed body (shapes A, B, C) or of an XML text (shape D); empty if it holds none."""
    if not isinstance(body, dict):
        return _xml_faults(text)
    holder = body.get("Fault", body.get("fault"))
    if isinstance(holder, dict):
        entries = holder.get("Error", holder.get("error"))
        found = [_entry(entry) for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
        return tuple(found) or (Fault(word(holder.get("type")) or "unknown"),)
    if isinstance(body.get("code"), str) and "type" in body:
        return (Fault(_code(body["code"]), word(body.get("message")), word(body.get("detail"))),)
    return ()


def _entry(entry: Mapping[str, Any]) -> Fault:
    def either(name: str) -> str:
        return word(entry.get(name, entry.get(name.lower())))

    return Fault(_code(word(entry.get("code"))), either("Message"), either("Detail"), word(entry.get("element")))


def _code(code: str) -> str:
    return code.lstrip("0") or code or "unknown"


_XML_ERROR = re.compile(r"<Error\b([^>]{0,500})>(.{0,8000}?)</Error>", re.DOTALL)


def _xml_faults(text: str) -> tuple[Fault, ...]:
    def attribute(name: str, attributes: str) -> str:
        found = re.search(rf'\b{name}="([^"]*)"', attributes)
        return unescape(found.group(1)) if found else ""

    def element(name: str, inside: str) -> str:
        found = re.search(rf"<{name}>(.*?)</{name}>", inside, re.DOTALL)
        return unescape(found.group(1)) if found else ""

    return tuple(
        Fault(
            _code(attribute("code", head)), element("Message", inside), element("Detail", inside),
            attribute("element", head),
        )
        for head, inside in _XML_ERROR.findall(text)
    )  # fmt: skip


# --- the table ---

Verdict = BlueClerkError | Special
Meaning = Callable[[Fault, Subject], Verdict]

_FIELDS = (
    ("PrimaryEmailAddr", "email"), ("BillEmail", "email"), ("PrimaryPhone", "phone"), ("FreeFormNumber", "phone"),
    ("DisplayName", "display_name"), ("GivenName", "given_name"), ("FamilyName", "family_name"),
    ("CompanyName", "company_name"), ("BillAddr", "address"), ("DocNumber", "number"), ("CustomerMemo", "memo"),
    ("PaymentRefNum", "reference"), ("TxnDate", "issued_on"), ("DueDate", "due_on"), ("UnitPrice", "unit_price"),
    ("Qty", "quantity"), ("Description", "description"), ("Sku", "sku"), ("Name", "name"), ("TotalAmt", "amount"),
)  # fmt: skip


def _field(fault: Fault) -> str:
    said = f"{fault.element} {fault.detail}"
    return next((ours for theirs, ours in _FIELDS if theirs.lower() in said.lower()), "")


def _invalid(message: str, fault: Fault, subject: Subject, field: str = "", fix: Fix | None = None) -> InvalidField:
    return InvalidField(SERVICE, message, field=field, fix=fix or EDIT[subject.kind], details=fault.words)


def _sign_in(fault: Fault, subject: Subject) -> Verdict:
    return NeedsSignIn(SERVICE, details=fault.words)


def _refused_company(fault: Fault, subject: Subject) -> Verdict:
    scope = "insufficient_scope" in f"{fault.message} {fault.detail}".lower()
    return AccessRefused(SERVICE, missing_right=scope, details=fault.words)


def _lost_user(fault: Fault, subject: Subject) -> Verdict:
    return AccessRefused(SERVICE, lost_user=True, details=fault.words)


def _throttled(fault: Fault, subject: Subject) -> Verdict:
    return Special.THROTTLED


def _maybe_done(fault: Fault, subject: Subject) -> Verdict:
    return Special.MAYBE_DONE


def _ours(fault: Fault, subject: Subject) -> Verdict:
    return InternalMistake(SERVICE, details=fault.words)


def _impossible(fault: Fault, subject: Subject) -> Verdict:
    title = tr("This can't be done in {service}.", service=SERVICE)
    return RuleBroken(SERVICE, title=title, details=fault.words, fix=EDIT[subject.kind])


_SENTENCE = re.compile(r"[^{}<>=\\\[\]|]{4,200}")
"""A reason that can stand in a sentence of ours; anything like code stays in the folded details."""


def _rule(fault: Fault, subject: Subject) -> Verdict:
    said = " ".join(fault.detail.removeprefix("Business Validation Error:").split())
    title = (
        tr("{service} refused: {words}.", service=SERVICE, words=said.rstrip(".")) if _SENTENCE.fullmatch(said) else ""
    )
    return RuleBroken(SERVICE, title=title, details=fault.words, fix=EDIT[subject.kind])


def _gone(fault: Fault, subject: Subject) -> Verdict:
    """610: what was written is gone, or, if an element is named or the record is new, what it refers to."""
    if fault.element not in ("", "Id") or subject.action is Action.CREATE:
        return _reference(fault, subject)
    return GoneRemote(SERVICE, subject.name, fix=LINK[subject.kind], details=fault.words)


def _other_customer(fault: Fault, subject: Subject) -> Verdict:
    return PaymentBlocked(
        tr("This payment belongs to another customer in {service}.", service=SERVICE),
        tr("Check the customer of the invoice on both sides, then press Resync."),
        details=fault.words,
    )


def _deposited(fault: Fault, subject: Subject) -> Verdict:
    return PaymentBlocked(
        tr("This payment is in a bank deposit in {service}.", service=SERVICE),
        tr("Remove it from the deposit there first, then press Resync."),
        details=fault.words,
    )


def _missing(fault: Fault, subject: Subject) -> Verdict:
    said = f"{fault.element} {fault.detail}"
    if "Account" in said and subject.kind is Kind.ITEM:
        return MissingIncomeAccount(SERVICE, [subject.concern])
    if "CustomerRef" in said:
        return MissingCustomer(SERVICE, details=fault.words)
    field = _field(fault)
    if not field:
        return InternalMistake(SERVICE, details=fault.words)
    message = tr("{service} needs the {field}.", service=SERVICE, field=field_words(field))
    return _invalid(message, fault, subject, field)


def _characters(fault: Fault, subject: Subject) -> Verdict:
    field = _field(fault) or ("display_name" if subject.kind is Kind.CUSTOMER else "name")
    message = tr("Names in {service} can't contain a colon, a tab or a line break.", service=SERVICE)
    if field not in ("display_name", "name", "given_name", "family_name", "company_name"):
        message = tr(
            "The {field} contains characters that {service} refuses.", field=field_words(field), service=SERVICE
        )
    return _invalid(message, fault, subject, field)


_MAXIMUM = re.compile(r"Max:\s*([\d,]+)")


def _too_long(fault: Fault, subject: Subject) -> Verdict:
    field, found = _field(fault), _MAXIMUM.search(f"{fault.message} {fault.detail}")
    words = field_words(field) or tr("text")
    if found:
        limit = found.group(1).replace(",", "")
        message = tr(
            "The {field} is too long: {service} takes {limit} characters.", field=words, service=SERVICE, limit=limit
        )
    else:
        message = tr("The {field} is too long or too short for {service}.", field=words, service=SERVICE)
    return _invalid(message, fault, subject, field)


def _email(fault: Fault, subject: Subject) -> Verdict:
    if subject.kind is Kind.CUSTOMER and subject.name:
        message = tr("The e-mail address of {name} is not valid.", name=subject.name)
    else:
        message = tr("The e-mail address is not valid.")
    return _invalid(message, fault, subject, "email", Fix.EDIT_CUSTOMER)


_ADVICE = re.compile(r"check the fields with accounts, customers, items, vendors or employees", re.IGNORECASE)
"""A set phrase behind every 610; it says nothing about the one at hand."""


def _reference(fault: Fault, subject: Subject) -> Verdict:
    """2500 and 610: something that the record refers to is missing or inactive there."""
    said = (fault.element or _ADVICE.sub("", f"{fault.detail} {fault.message}")).lower().replace(" ", "")
    if "account" in said or subject.kind is Kind.ITEM:
        return AccountUnusable(SERVICE, tr("mapped account"), [subject.concern], details=fault.words)
    if "tax" in said:
        return TaxProblem(SERVICE, details=fault.words)
    if "paymentmethod" in said:
        message = tr("{service} no longer has this payment method.", service=SERVICE)
        return _invalid(message, fault, subject, "method", Fix.EDIT_PAYMENT)
    if "linkedtxn" in said or (subject.kind is Kind.PAYMENT and "invoice" in said):
        return GoneRemote(
            SERVICE, "", what=tr("The invoice of this payment"), fix=Fix.LINK_INVOICE, details=fault.words
        )
    if "itemref" in said or "item" in said.removeprefix("invalidreferenceid"):
        return GoneRemote(SERVICE, "", what=tr("An item on this invoice"), fix=Fix.LINK_ITEM, details=fault.words)
    if "customer" in said:
        return GoneRemote(SERVICE, "", what=tr("The customer"), fix=Fix.LINK_CUSTOMER, details=fault.words)
    return GoneRemote(SERVICE, "", what=tr("A record that this one needs"), fix=LINK[subject.kind], details=fault.words)


def _stale(fault: Fault, subject: Subject) -> Verdict:
    return StaleVersion(SERVICE, details=fault.words)


def _plan(fault: Fault, subject: Subject) -> Verdict:
    return PlanLacksFeature(SERVICE, details=fault.words)


def _nameless(fault: Fault, subject: Subject) -> Verdict:
    item = subject.kind is Kind.ITEM
    message = tr("The item needs a name.") if item else tr("The customer needs a name.")
    return _invalid(
        message, fault, subject, "name" if item else "display_name", EDIT[Kind.ITEM if item else Kind.CUSTOMER]
    )


def _tax(fault: Fault, subject: Subject) -> Verdict:
    return TaxProblem(SERVICE, details=fault.words)


def _number(fault: Fault, subject: Subject) -> Verdict:
    return NumberTaken(SERVICE, subject.name, details=fault.words)


def _lapsed(fault: Fault, subject: Subject) -> Verdict:
    return SubscriptionLapsed(SERVICE, details=fault.words)


_ISO_DAY = re.compile(r"\b(\d{4}-\d\d-\d\d)\b")


def _closed(fault: Fault, subject: Subject) -> Verdict:
    found = _ISO_DAY.search(fault.detail)
    try:
        until = date.fromisoformat(found.group(1)) if found else None
    except ValueError:
        until = None
    return PeriodClosed(SERVICE, until, details=fault.words)


def _name(fault: Fault, subject: Subject) -> Verdict:
    said = fault.detail.lower().replace("customer, vendor or employee", "")
    holders = {"vendor": tr("a vendor"), "employee": tr("an employee"), "inactive": tr("an inactive record")}
    holder = next((words for word, words in holders.items() if word in said), "")
    return NameTaken(SERVICE, subject.name, holder=holder, is_item=subject.kind is Kind.ITEM, details=fault.words)


def _no_customer(fault: Fault, subject: Subject) -> Verdict:
    return MissingCustomer(SERVICE, details=fault.words)


def _business(fault: Fault, subject: Subject) -> Verdict:
    """6000: only the service's own words tell what it is."""
    said = f"{fault.message} {fault.detail}".lower()
    if "request_id" in said or "request id" in said:
        return Special.MAYBE_DONE if "duplicate" in said or "already" in said else _ours(fault, subject)
    if any(word in said for word in ("tax", "vat", "gst")):
        return _tax(fault, subject)
    if subject.kind is Kind.PAYMENT and any(word in said for word in ("linked", "balance", "more than", "exceed")):
        return PaymentBlocked(
            tr("{service} can't apply this payment to the invoice.", service=SERVICE),
            tr("Compare the open balance on both sides, then press Resync."),
            details=fault.words,
        )
    return _rule(fault, subject)


FAULTS: Mapping[str, Meaning] = {
    "3200": _sign_in, "100": _sign_in, "AuthenticationFailed": _sign_in, "AUTHENTICATION": _sign_in,
    "3100": _refused_company, "AuthorizationFailed": _refused_company,
    "ApplicationAuthorizationFailed": _refused_company,
    "120": _lost_user,
    "3001": _throttled, "ThrottleExceeded": _throttled,
    "500": _impossible,
    "600": _maybe_done,
    "610": _gone,
    "620": _other_customer,
    "630": _rule, "700": _rule, "800": _rule,
    "1040": _ours,
    "2010": _ours,
    "2020": _missing,
    "2040": _characters,
    "2050": _too_long,
    "2170": _ours,
    "2210": _email,
    "2500": _reference,
    "4000": _ours, "4001": _ours,
    "5010": _stale,
    "5020": _plan, "5030": _plan,
    "6000": _business,
    "6070": _ours,
    "6080": _nameless,
    "6100": _tax,
    "6140": _number,
    "6190": _lapsed,
    "6210": _closed,
    "6240": _name,
    "6250": _no_customer, "6560": _no_customer,
    "6540": _deposited,
    "10000": _maybe_done,
}  # fmt: skip
"""One entry for each code of the contract's table; any other code is an answer that we don't understand."""


def verdict(faults: Sequence[Fault], subject: Subject, service_ref: str = "") -> Verdict:
    """What the first known of `faults` means for `subject`; never retried if none is known (H11)."""
    for fault in faults:
        # some libraries report 6210 or 6240 for a duplicate number: the words decide, not the code
        duplicate = "duplicate document number" in f"{fault.message} {fault.detail}".lower()
        meaning = _number if duplicate else FAULTS.get(fault.code)
        if meaning is not None:
            return signed(meaning(fault, subject), subject, service_ref)
    details = "; ".join(fault.words for fault in faults)
    return signed(UnexpectedAnswer(SERVICE, details=details), subject, service_ref)


class QuickBooksJudge:
    """Tells `ServiceHttp` which answers concern the connection as a whole."""

    def throttled(self, answer: Answer) -> bool:
        """3001 comes with 429, and with 403 from older gateways."""
        return any(FAULTS.get(fault.code) is _throttled for fault in faults_in(answer.json, answer.text))

    def problem(self, answer: Answer) -> ConnectionProblem | None:
        """Sign-in ended, company refused, access lost, subscription lapsed; by code, then by 401 and 403."""
        faults = faults_in(answer.json, answer.text)
        found = verdict(faults, ANY, answer.service_ref) if faults else None
        if isinstance(found, ConnectionProblem):
            return found
        known = any(fault.code in FAULTS for fault in faults)
        if answer.status == 403 and not known:
            details = "; ".join(fault.words for fault in faults)
            return AccessRefused(SERVICE, service_ref=answer.service_ref, details=details)
        return None
