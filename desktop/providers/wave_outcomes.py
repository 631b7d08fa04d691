"""What became of each mutation of a document, from Wave's answer; pure.

An alias is matched by its name, never by its place. What the answer doesn't prove is in doubt: a wrong "done"
would be worse than looking it up (I3; contract 6 to 8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from desktop.errors import ItemError, NoEffect
from desktop.providers.answers import Answer
from desktop.providers.base import Action, CallElement, InDoubt, Linked, Outcome, Refused
from desktop.providers.reading import Payload, Unreadable, part, parts
from desktop.providers.records import InvoiceRecord, Kind, PaymentRecord, Record
from desktop.providers.wave_faults import (
    NOT_FOUND,
    SERVICE,
    GraphError,
    PaymentNotApplied,
    Subject,
    document_refused,
    gone,
    graph_errors,
    input_errors,
    never_ran,
    refusal,
)
from desktop.providers.wave_reading import NODES, gone_record, money, number
from desktop.providers.wave_reading import record_from_node as read_node

Wanted = Mapping[str, Any]
"""The input of one mutation as it was sent."""


def subject_of(element: CallElement, wanted: Wanted, accounts: Mapping[str, str]) -> Subject:
    """What the owner calls the record that an element writes."""
    name = next((str(wanted[key]) for key in ("name", "invoiceNumber") if wanted.get(key)), "")
    return Subject(element.kind, name, element.ref, element.action, accounts, wanted)


def outcomes(
    elements: Sequence[CallElement], sent: Mapping[str, Wanted], answer: Answer, accounts: Mapping[str, str]
) -> list[Outcome]:
    """One outcome per element, in their order, from a complete answer below 500."""
    errors = graph_errors(answer.json)
    body = answer.json if isinstance(answer.json, dict) else {}
    subjects = [subject_of(element, sent.get(element.key, {}), accounts) for element in elements]
    if never_ran(body) or (not answer.ok and "data" not in body):
        return [Refused(document_refused(errors, subject, answer.status), _ref(errors, answer)) for subject in subjects]
    data = body.get("data")
    data = data if isinstance(data, dict) else {}
    return [
        _one(element, subject, data.get(element.key), [e for e in errors if e.path[:1] == (element.key,)], answer)
        for element, subject in zip(elements, subjects, strict=True)
    ]


def _ref(errors: Sequence[GraphError], answer: Answer) -> str:
    return next((error.ref for error in errors if error.ref), answer.service_ref)


def _one(element: CallElement, subject: Subject, payload: Any, errors: Sequence[GraphError], answer: Answer) -> Outcome:
    ref = _ref(errors, answer)
    if not isinstance(payload, dict):
        return _nothing(element, subject, errors, ref)
    if payload.get("didSucceed") is False:
        return Refused(refusal(input_errors(payload), subject, ref), ref)
    if payload.get("didSucceed") is not True:
        return InDoubt(f"{SERVICE}'s answer doesn't say whether it was done", ref)
    try:
        record = _record(element, subject, payload)
        blocked = _not_applied(element, payload, record)
    except Unreadable as error:
        return InDoubt(f"{SERVICE}'s answer can't be read: {error}", ref)
    if blocked is None:
        return Linked(record, ref)
    blocked.concerns = (subject.concern,)
    return Refused(blocked, ref)


def _nothing(element: CallElement, subject: Subject, errors: Sequence[GraphError], ref: str) -> Outcome:
    """The alias brought nothing: an exception half-way may have left anything behind."""
    if not errors:
        return InDoubt(f"{SERVICE}'s answer leaves this one out", ref)
    words = "; ".join(error.words for error in errors)
    if element.action is not Action.CREATE and all(error.code == NOT_FOUND for error in errors):
        return Refused(gone(subject, words), ref)
    return InDoubt(words, ref)


def _record(element: CallElement, subject: Subject, payload: Payload) -> Record:
    node = payload.get(NODES[element.kind])
    if node is None and element.action in (Action.VOID, Action.DELETE):
        wanted = subject.wanted
        return gone_record(element.kind, str(wanted.get("id") or wanted.get("invoiceId") or ""))
    record = read_node(element.kind, node)
    wanted_id = subject.wanted.get("id")
    if element.action is not Action.CREATE and wanted_id and record.external_id != wanted_id:
        raise Unreadable("the answer is about another record")
    return record


def _not_applied(element: CallElement, payload: Payload, record: Record) -> ItemError | None:
    """A payment counts only if its invoice says so in the same answer (contract 7)."""
    if element.kind is not Kind.PAYMENT or not isinstance(record, PaymentRecord) or record.voided:
        return None
    invoice = part(part(payload, NODES[Kind.PAYMENT]), "invoice")
    listed = parts(invoice, "payments")
    booked = sum((number(one, "amount") or Decimal(0) for one in listed), Decimal(0))
    known = invoice.get("payments") is None or any(one.get("id") == record.external_id for one in listed)
    if known and money(invoice, "amountPaid") >= max(booked, record.amount):
        return None
    return PaymentNotApplied(f"{money(invoice, 'amountDue'):,.2f}")


def settle_mark(result: Linked, invoice: InvoiceRecord, element: CallElement, answer: Answer, alias: str) -> Outcome:
    """What became of an invoice after we said that it was sent.

    Finished if Wave agrees. If Wave doesn't know the invoice that it has just made, it never kept it (D15).
    """
    data = answer.json.get("data") if isinstance(answer.json, dict) else None
    found = data.get(alias) if isinstance(data, dict) else None
    if not isinstance(found, dict):
        answer.leave()
        return result
    if found.get("didSucceed") is True:
        return Linked(replace(invoice, draft=False), result.service_ref)
    lost = found.get("didSucceed") is False and all(one.code == NOT_FOUND for one in input_errors(found))
    if not lost or element.action is not Action.CREATE:
        return result
    error = NoEffect(SERVICE)
    error.concerns = (subject_of(element, {"invoiceNumber": invoice.number}, {}).concern,)
    return Refused(error, result.service_ref)
