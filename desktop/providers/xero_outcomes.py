"""What became of each element of a write, from Xero's answer; pure.

The answer is in request order for all that is known, but no element carries a key of ours: each is matched by its
natural key, and only then by its place (contract 4). What the answer doesn't prove is in doubt (I3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from desktop.errors import ConnectionProblem, ItemError, UnexpectedAnswer
from desktop.providers.answers import Answer
from desktop.providers.base import Action, CallElement, InDoubt, Linked, NotSent, Outcome, Refused
from desktop.providers.reading import Payload, Unreadable
from desktop.providers.records import Kind, PaymentRecord
from desktop.providers.xero_faults import SERVICE, Special, Subject, Verdict, messages_in, refusal, verdict
from desktop.providers.xero_finding import same_name
from desktop.providers.xero_reading import IDS, NO_ID, PLURALS, record_from_payload
from desktop.providers.xero_wire import Company

Sent = Mapping[str, Any]


def subject_of(element: CallElement, sent: Sent, company: Company) -> Subject:
    """What the owner calls the record that an element writes."""
    name = next((str(sent[key]) for key in ("Name", "InvoiceNumber", "Code") if sent.get(key)), "")
    currency = str(sent.get("CurrencyCode") or company.currency)
    return Subject(element.kind, name, element.ref, element.action, company.closed_until, currency)


def outcomes(elements: Sequence[CallElement], sent: Sequence[Sent], answer: Answer, company: Company) -> list[Outcome]:
    """One outcome per element, in their order, from a complete answer below 500."""
    kind = elements[0].kind
    rows = _rows(answer, kind)
    if rows is None:
        return [
            _from_verdict(refusal(answer, subject_of(one, body, company)), answer)
            for one, body in zip(elements, sent, strict=True)
        ]
    matched = match(kind, sent, rows)
    return [
        _one(element, body, row, answer, company) for element, body, row in zip(elements, sent, matched, strict=True)
    ]


def _rows(answer: Answer, kind: Kind) -> list[Payload] | None:
    """The elements of a 200, or of a summarised 400; None where the answer speaks about the whole call."""
    body = answer.json if isinstance(answer.json, dict) else {}
    found = body.get(PLURALS[kind] if answer.ok else "Elements")
    if not answer.ok and answer.status != 400:
        return None
    if not isinstance(found, list):
        return [] if answer.ok else None
    return [row for row in found if isinstance(row, dict)]


def match(kind: Kind, sent: Sequence[Sent], rows: Sequence[Payload]) -> list[Payload | None]:
    """The row that answers each element: the one at its place if it fits, else the first unused one that does."""
    used: set[int] = set()
    found: list[Payload | None] = []
    for at, body in enumerate(sent):
        places = [at, *(other for other in range(len(rows)) if other != at)]
        place = next((p for p in places if p < len(rows) and p not in used and _same(kind, body, rows[p])), None)
        if place is None and len(sent) == len(rows) == 1:
            place = 0 if messages_in(rows[0]) else None
        if place is not None:
            used.add(place)
        found.append(None if place is None else rows[place])
    return found


def _same(kind: Kind, sent: Sent, row: Payload) -> bool:
    """Whether a row can be the answer to what was sent (never taken from another call's answer: N11)."""
    own = sent.get(IDS[kind])
    if kind is Kind.PAYMENT:
        if own:
            return bool(row.get("PaymentID") == own)
        paid = row.get("Invoice") if isinstance(row.get("Invoice"), dict) else {}
        fits = row.get("Reference") == sent.get("Reference") and _number(row.get("Amount")) == _number(sent["Amount"])
        invoice = paid.get("InvoiceID") if isinstance(paid, dict) else None
        return fits and invoice in (None, sent["Invoice"]["InvoiceID"])
    if kind is Kind.ITEM:
        return same_name(str(row.get("Code", "")), str(own or ""))
    if own:
        return bool(row.get(IDS[kind]) == own)
    key = "Name" if kind is Kind.CUSTOMER else "InvoiceNumber"
    return _plain(row.get(key)) == _plain(sent.get(key))


def _plain(value: Any) -> str:
    return " ".join(str(value or "").split()).casefold()


def _number(value: Any) -> Decimal | None:
    return Decimal(str(value)) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _one(element: CallElement, sent: Sent, row: Payload | None, answer: Answer, company: Company) -> Outcome:
    if row is None and not answer.ok:
        error = UnexpectedAnswer(SERVICE, service_ref=answer.service_ref, details=f"HTTP {answer.status}")
        return Refused(error, answer.service_ref)
    if row is None:
        return InDoubt(f"{SERVICE}'s answer leaves this one out", answer.service_ref)
    messages = messages_in(row)
    if messages or row.get("StatusAttributeString") == "ERROR":
        found = verdict(messages, subject_of(element, sent, company), answer.service_ref)
        if found is Special.ALREADY_DONE and element.action is not Action.CREATE:
            return _gone(element, sent, answer)
        return _from_verdict(found, answer)
    if not answer.ok:
        return _from_verdict(refusal(answer, subject_of(element, sent, company)), answer)
    if row.get(IDS[element.kind]) in (None, "", NO_ID):
        return InDoubt(f"{SERVICE}'s answer names no id", answer.service_ref)
    try:
        record = record_from_payload(element.kind, row, dict(company.rates))
    except Unreadable as error:
        return InDoubt(f"{SERVICE}'s answer can't be read: {error}", answer.service_ref)
    return Linked(record, answer.service_ref)


def _gone(element: CallElement, sent: Sent, answer: Answer) -> Outcome:
    """To be deleted, and deleted already: the caller's own record, taken back, is all that is left to say."""
    return Linked(gone_payment(str(sent.get("PaymentID", ""))), answer.service_ref)


def gone_payment(external_id: str) -> PaymentRecord:
    """What is left of a deleted payment: its id."""

    return PaymentRecord("", date.min, Decimal(0), external_id=external_id, voided=True)


def _from_verdict(found: Verdict, answer: Answer) -> Outcome:
    if isinstance(found, ConnectionProblem):
        return NotSent(found)
    if isinstance(found, ItemError):
        return Refused(found, answer.service_ref)
    return InDoubt("an earlier attempt may have done it", answer.service_ref)
