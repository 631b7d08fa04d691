"""What became of each element of a batch, from QuickBooks' answer; pure.

Elements are matched by their key, never by position (contract 4.3). What the answer doesn't prove is in
doubt: a wrong "done" would be worse than asking again (I3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from desktop.errors import ConnectionProblem, ItemError, RateLimited, UnexpectedAnswer
from desktop.providers.answers import Answer
from desktop.providers.base import Action, CallElement, InDoubt, Linked, NotSent, Outcome, PreparedCall, Refused
from desktop.providers.faults import Subject
from desktop.providers.quickbooks_faults import SERVICE, Fault, Special, faults_in, verdict
from desktop.providers.quickbooks_query import same_name
from desktop.providers.quickbooks_reading import ENTITIES, gone_record, record_from_payload
from desktop.providers.reading import Unreadable
from desktop.providers.records import (
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    PaymentMethod,
    PaymentRecord,
    Record,
)

Sent = Mapping[str, Any]
"""One entry of `BatchItemRequest` as it was sent."""
Pause = Callable[[], RateLimited]


def subject_of(element: CallElement, sent: Sent) -> Subject:
    """What the owner calls the record that an element writes."""
    payload = sent.get(ENTITIES[element.kind], {})
    name = next((payload[key] for key in ("DisplayName", "Name", "DocNumber") if payload.get(key)), "")
    return Subject(element.kind, name, element.ref, element.action)


def outcomes(
    call: PreparedCall, sent: Mapping[str, Sent], answer: Answer, methods: Mapping[str, PaymentMethod], pause: Pause
) -> list[Outcome]:
    """One outcome per element of `call`, in its order, from a complete answer below 500."""
    faults = faults_in(answer.json, answer.text)
    if faults or not answer.ok:
        return [
            _from_faults(faults, subject_of(element, sent[element.key]), answer, pause) for element in call.elements
        ]
    replies = _replies(answer)
    return [
        _one(element, sent[element.key], replies.get(element.key), answer, methods, pause) for element in call.elements
    ]


def too_large(answer: Answer) -> bool:
    """The batch as a whole was refused for its size; nothing of it was done."""
    return any(fault.code == "1040" for fault in faults_in(answer.json, answer.text))


def _replies(answer: Answer) -> dict[str, Mapping[str, Any]]:
    """The elements by key; of a doubled one the first counts (B5)."""
    found: dict[str, Mapping[str, Any]] = {}
    entries = answer.json.get("BatchItemResponse") if isinstance(answer.json, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("bId"), str):
            found.setdefault(entry["bId"], entry)
    return found


def _from_faults(faults: tuple[Fault, ...], subject: Subject, answer: Answer, pause: Pause) -> Outcome:
    found = verdict(faults, subject, answer.service_ref)
    if found is Special.THROTTLED:
        return NotSent(pause())
    if isinstance(found, ConnectionProblem):
        return NotSent(found)
    if isinstance(found, ItemError):
        if isinstance(found, UnexpectedAnswer) and not found.details:
            found.details = f"HTTP {answer.status}"
        return Refused(found, answer.service_ref)
    return InDoubt("; ".join(fault.words for fault in faults), answer.service_ref)


def _one(
    element: CallElement,
    sent: Sent,
    reply: Mapping[str, Any] | None,
    answer: Answer,
    methods: Mapping[str, PaymentMethod],
    pause: Pause,
) -> Outcome:
    if reply is None:
        return InDoubt(f"{SERVICE}'s answer leaves this one out", answer.service_ref)
    faults = faults_in(reply)
    if faults:
        return _from_faults(faults, subject_of(element, sent), answer, pause)
    try:
        record = _record(element, reply, methods)
    except Unreadable as error:
        return InDoubt(f"{SERVICE}'s answer can't be read: {error}", answer.service_ref)
    doubt = _stranger(element, sent.get(ENTITIES[element.kind], {}), record)
    return InDoubt(doubt, answer.service_ref) if doubt else Linked(record, answer.service_ref)


def _record(element: CallElement, reply: Mapping[str, Any], methods: Mapping[str, PaymentMethod]) -> Record:
    payload = reply.get(ENTITIES[element.kind])
    if element.action is Action.DELETE and not isinstance(payload, dict):
        raise Unreadable("no deletion")
    if element.action is Action.DELETE and isinstance(payload, dict) and payload.get("status") == "Deleted":
        return gone_record(element.kind, payload)
    return record_from_payload(element.kind, payload, methods)


def _stranger(element: CallElement, sent: Mapping[str, Any], record: Record) -> str:
    """Why the record in the answer can't be the one that was sent (an answer meant for another call, N11)."""
    if element.action is not Action.CREATE:
        return "" if record.external_id == sent.get("Id") else "the answer is about another record"
    if isinstance(record, (InvoiceRecord, PaymentRecord)):
        ours = sent.get("PrivateNote", "")
        same = not record.marker or not ours or record.marker == ours
        same = same and record.customer_id == sent.get("CustomerRef", {}).get("value")
    else:
        ours, theirs = _names(sent, record)
        same = not ours.isascii() or " ".join(ours.split()) == " ".join(theirs.split())
    return "" if same else "the answer is about another record"


def _names(sent: Mapping[str, Any], record: CustomerRecord | ItemRecord) -> tuple[str, str]:
    if isinstance(record, CustomerRecord):
        return same_name(sent.get("DisplayName", "")), same_name(record.display_name)
    return same_name(sent.get("Name", "")), same_name(record.name)
