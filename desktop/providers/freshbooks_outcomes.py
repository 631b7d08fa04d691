"""What became of one write, from FreshBooks' answer; pure. What the answer doesn't prove is in doubt (I3)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from desktop.errors import ConnectionProblem, ItemError
from desktop.providers.answers import Answer
from desktop.providers.base import Action, CallElement, InDoubt, Linked, NotSent, Outcome, Refused
from desktop.providers.faults import Subject
from desktop.providers.freshbooks_asking import single
from desktop.providers.freshbooks_faults import SERVICE, Special, busy, faults_in, verdict
from desktop.providers.freshbooks_reading import display_name, id_of, money, number, record_from_payload, stamp_in
from desktop.providers.freshbooks_wire import KEYS, Request
from desktop.providers.reading import Payload, Unreadable, text
from desktop.providers.records import Kind, TaxCodeRecord


def sent_fields(request: Request, kind: Kind) -> Mapping[str, Any]:
    """What a request writes, by FreshBooks' names."""
    body = json.loads(request.content) if request.content else {}
    found = body.get(KEYS[kind], {})
    return found if isinstance(found, dict) else {}


def subject_of(element: CallElement, request: Request) -> Subject:
    """What the owner calls the record that a call writes."""
    return Subject(element.kind, request.name, element.ref, element.action)


def refusal(element: CallElement, request: Request, answer: Answer) -> Outcome | Special | None:
    """Why the answer is no success, or None. The body decides, even in a 200 (contract 9)."""
    faults = faults_in(answer.json)
    if not faults and answer.ok:
        return None
    found = verdict(faults, answer.status, subject_of(element, request))
    if isinstance(found, ConnectionProblem):
        return NotSent(found)
    if isinstance(found, ItemError):
        return Refused(found, answer.service_ref)
    if found is Special.MAYBE_DONE:
        return InDoubt("; ".join(fault.words for fault in faults), answer.service_ref)
    return Special.BUSY


def too_busy(element: CallElement, request: Request) -> Outcome:
    """After the last try."""
    return Refused(busy(subject_of(element, request)))


def linked(element: CallElement, request: Request, payload: Payload, taxes: Sequence[TaxCodeRecord] = ()) -> Outcome:
    """The record as the service shows it, if it can be the one that was written (N11)."""
    try:
        record = record_from_payload(element.kind, payload, taxes)
        stranger = not is_about(element, request, payload)
    except Unreadable as error:
        return InDoubt(f"{SERVICE}'s answer can't be read: {error}")
    return InDoubt("the answer is about another record") if stranger else Linked(record)


def payload_of(answer: Answer, kind: Kind) -> Payload | None:
    """The record in a good answer, None if there is none that can be read."""
    try:
        return single(answer.json, kind)
    except Unreadable:
        return None


def is_about(element: CallElement, request: Request, payload: Payload) -> bool:
    """Whether an answer is about what was sent. Raises Unreadable."""
    if element.action is not Action.CREATE:
        return id_of(payload, "id") == request.path.rpartition("/")[2]
    sent = sent_fields(request, element.kind)
    if element.kind is Kind.CUSTOMER:
        return _same(display_name(payload), display_name(sent))
    if element.kind is Kind.ITEM:
        return _same(text(payload, "name"), str(sent.get("name", "")))
    if element.kind is Kind.INVOICE:
        same = _same(text(payload, "invoice_number"), str(sent.get("invoice_number", "")))
        return same and id_of(payload, "customerid") == str(sent.get("customerid"))
    return id_of(payload, "invoiceid") == str(sent.get("invoiceid")) and _same_amount(payload, sent)


def _same(left: str, right: str) -> bool:
    return " ".join(left.split()).casefold() == " ".join(right.split()).casefold()


def _same_amount(payload: Payload, sent: Mapping[str, Any]) -> bool:
    return money(payload, "amount") == money(sent, "amount")


def ours(kind: Kind, request: Request, payload: Payload) -> bool:
    """Whether a record found there is what a lost create made (contract 10): by our stamp, or all that tells it."""
    sent = sent_fields(request, kind)
    if kind is Kind.CUSTOMER:
        stamped = stamp_in(str(sent.get("note", "")))
        if stamped and stamp_in(text(payload, "note")):
            return stamped == stamp_in(text(payload, "note"))
        same = _same(display_name(payload), display_name(sent))
        return same and not stamped and _same(text(payload, "email"), str(sent.get("email", "")))
    if kind is Kind.ITEM:
        sku = str(sent.get("sku", ""))
        return bool(sku) and text(payload, "sku") == sku
    if kind is Kind.PAYMENT:
        stamped = stamp_in(str(sent.get("note", "")))
        return bool(stamped) and stamped == stamp_in(text(payload, "note"))
    same = text(payload, "invoice_number") == sent.get("invoice_number")
    return same and id_of(payload, "customerid") == str(sent.get("customerid")) and _same_lines(payload, sent)


def _same_lines(payload: Payload, sent: Mapping[str, Any]) -> bool:
    """Equal lines and discount make an equal total, which a request does not hold."""

    def shape(lines: object) -> list[tuple[str, str, object, object]]:
        found: list[tuple[str, str, object, object]] = []
        for line in lines if isinstance(lines, list) else ():
            if not isinstance(line, dict):
                raise Unreadable("a line is not an object")
            price = money(line, "unit_cost")
            found.append((text(line, "name"), text(line, "description"), number(line.get("qty", 1), "qty"), price))
        return found

    discount = number(payload.get("discount_value") or "0", "discount_value")
    return shape(payload.get("lines")) == shape(sent.get("lines")) and discount == number(
        sent.get("discount_value") or "0", "discount_value"
    )
