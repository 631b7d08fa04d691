"""What planning needs to know besides our own records, and how a plan is recognised again (N11)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.errors import ItemError, UnexpectedAnswer
from desktop.models.connection import ExternalLink
from desktop.models.states import CompanyKey
from desktop.providers.records import CustomerRecord, Found, InvoiceRecord, ItemRecord, Kind, LineRecord, Lookup
from desktop.sync.asking import Answers
from desktop.sync.company import Company
from desktop.sync.planning import Plan, Work, plan, symbol
from desktop.sync.snapshots import to_json
from desktop.sync.verifying import groups
from desktop.sync.work import markers

Ask = Callable[[Lookup], Awaitable[Answers]]
"""A look-up as the caller does it: a push keeps count of its calls, a preview has nothing to count."""


def unanswered(service: str, work: Work, answers: Answers) -> dict[str, ItemError]:
    """New records of which nobody can say whether they are there already: not created (I1)."""
    if not answers.unreadable:
        return {}
    unread = {(name, value) for name, value in answers.unreadable if isinstance(value, str)}
    refused: dict[str, ItemError] = {}
    for name, ours in work.ours.items():
        record = ours.record
        question = (
            ("customer_names", record.display_name)
            if isinstance(record, CustomerRecord)
            else ("item_names", record.name)
            if isinstance(record, ItemRecord)
            else ("invoice_numbers", record.number)
            if isinstance(record, InvoiceRecord)
            else ("", "")
        )
        if question in unread and (ours.link is None or ours.kind is Kind.INVOICE):
            refused[name] = UnexpectedAnswer(service)
    return refused


async def make_plan(company: Company, ask: Ask, work: Work, refused: Mapping[str, ItemError], found: Found) -> Plan:
    """The plan of a push, from what was found there. Raises ConnectionProblem."""
    provider, stamps = company.provider, markers(work)
    found, known = await _stamped(ask, work, found, stamps)
    elsewhere = await company.db.in_read(lambda session: linked_elsewhere(session, company.key, found))
    return plan(work, refused, found, elsewhere, provider.capabilities, provider.terms, stamps, known)


async def _stamped(ask: Ask, work: Work, found: Found, stamps: Mapping[str, str]) -> tuple[Found, dict[str, str]]:
    """What was found, with customers and items of those invoices there that bear our stamp; and ref -> their id.

    Books put back from an older copy know neither the link nor the name that a record was given since: by the name
    alone it would be made a second time (S4, I1). No call where nothing of that kind was found.
    """
    stamped = {one.marker: one for one in found.invoices if one.marker and not one.voided}
    known: dict[str, str] = {}
    symbols = {symbol(one.ref): one for one in work.ours.values() if one.link is None}
    for ours in work.ours.values():
        theirs = stamped.get(stamps.get(ours.ref, ""))
        if theirs is not None and ours.link is None and isinstance(ours.record, InvoiceRecord):
            for name, external_id in _named_by(ours.record, theirs):
                if name in symbols:
                    known[symbols[name].ref] = external_id
    ids: dict[Kind, set[str]] = {Kind.CUSTOMER: set(), Kind.ITEM: set()}
    for name, external_id in known.items():
        ids[work.ours[name].kind].add(external_id)
    customers = ids[Kind.CUSTOMER] - {one.external_id for one in found.customers}
    items = ids[Kind.ITEM] - {one.external_id for one in found.items}
    if customers or items:
        more = (await ask(Lookup(customer_ids=tuple(sorted(customers)), item_ids=tuple(sorted(items))))).found
        found = replace(found, customers=(*found.customers, *more.customers), items=(*found.items, *more.items))
    return found, known


def _named_by(ours: InvoiceRecord, theirs: InvoiceRecord) -> Iterator[tuple[str, str]]:
    """(our symbol, their id) of the customer, and of the items where the lines are still the same."""
    yield ours.customer_id, theirs.customer_id
    pairs = list(zip(ours.lines, theirs.lines, strict=False))
    if len(ours.lines) == len(theirs.lines) and all(_same_line(one, other) for one, other in pairs):
        for one, other in pairs:
            if one.item_id and other.item_id:
                yield one.item_id, other.item_id


def _same_line(ours: LineRecord, theirs: LineRecord) -> bool:
    return (ours.description, ours.quantity, ours.unit_price) == (
        theirs.description,
        theirs.quantity,
        theirs.unit_price,
    )


def linked_elsewhere(session: Session, key: CompanyKey, found: Found) -> dict[tuple[Kind, str], str]:
    """What was found there and is linked already: (kind, external id) -> the name of ours."""
    result: dict[tuple[Kind, str], str] = {}
    for kind, records in groups(found):
        ids = [record.external_id for record in records if record.external_id]
        for start in range(0, len(ids), 500):
            rows = session.scalars(
                select(ExternalLink).where(
                    ExternalLink.provider == key.provider,
                    ExternalLink.company_id == key.company_id,
                    ExternalLink.kind == kind.value,
                    ExternalLink.external_id.in_(ids[start : start + 500]),
                )
            )
            for row in rows:
                result[(kind, row.external_id)] = str(row.agreed.get("ours", {}).get("display_name", ""))
    return result


def digest(planned: Plan) -> str:
    """The fingerprint of all that a plan would do: every step with each value and version, and what it leaves out."""
    whole: dict[str, Any] = {
        "adopt": [(one.ours.ref, one.record.external_id) for one in planned.adoptions],
        "levels": [
            [
                (one.step.ref, one.step.action.value, sorted(one.step.fields), one.revision, to_json(one.step.record))
                for one in level
            ]
            for level in planned.levels
        ],
        "refused": sorted((name, error.title) for name, error in planned.refused.items()),
        "settled": sorted(one.ref for one in planned.settled),
        "waiting": sorted(planned.waiting),
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
