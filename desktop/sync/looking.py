"""What planning needs to know besides our own records, and how a plan is recognised again (N11)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.errors import ItemError, UnexpectedAnswer
from desktop.models.connection import ExternalLink
from desktop.models.states import CompanyKey
from desktop.providers.records import CustomerRecord, Found, InvoiceRecord, ItemRecord, Kind, Lookup
from desktop.sync.asking import Answers
from desktop.sync.company import Company
from desktop.sync.planning import Plan, Work, plan, same_line, same_name, same_stamp, symbol
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
    found, known, unread = await stamped(ask, work, found, stamps)
    refused = {**refused, **{name: UnexpectedAnswer(provider.terms.service) for name in unread}}
    elsewhere = await company.db.in_read(lambda session: linked_elsewhere(session, company.key, found))
    return plan(work, refused, found, elsewhere, provider.capabilities, provider.terms, stamps, known)


async def stamped(
    ask: Ask, work: Work, found: Found, stamps: Mapping[str, str]
) -> tuple[Found, dict[str, str], set[str]]:
    """What was found, with what those invoices there name that bear our stamp; ref -> its id; refs that nobody knows.

    Books put back from an older copy know neither the link nor the name that a customer or item was given since: by
    the name alone it would be made a second time (S4, I1). No call where nothing of that kind was found.
    """
    known = _named_there(work, found, stamps)
    missing: dict[Kind, dict[str, str]] = {Kind.CUSTOMER: {}, Kind.ITEM: {}}
    seen = {(kind, one.external_id) for kind, records in groups(found) for one in records}
    for name, external_id in known.items():
        if (work.ours[name].kind, external_id) not in seen:
            missing[work.ours[name].kind][name] = external_id
    customers, items = missing[Kind.CUSTOMER], missing[Kind.ITEM]
    if not customers and not items:
        return found, known, set()
    answers = await ask(
        Lookup(
            customer_names=tuple(work.ours[name].label for name in customers),
            customer_ids=tuple(sorted(customers.values())),
            item_ids=tuple(sorted(items.values())),
        )
    )
    more = answers.found
    unread = {name for name, one in customers.items() if ("customer_ids", one) in answers.unreadable}
    unread |= {name for name in customers if ("customer_names", work.ours[name].label) in answers.unreadable}
    unread |= {name for name, one in items.items() if ("item_ids", one) in answers.unreadable}
    found = replace(
        found,
        customers=(*found.customers, *more.customers),
        items=(*found.items, *more.items),
        other_name_holders=(*found.other_name_holders, *more.other_name_holders),
    )
    return found, known, unread


def _named_there(work: Work, found: Found, stamps: Mapping[str, str]) -> dict[str, str]:
    """Our ref -> their id, of what our stamped invoices name there. Evidence that contradicts itself is none."""
    claims: dict[str, set[str]] = {}
    symbols = {symbol(one.ref): one.ref for one in work.ours.values() if one.link is None}
    for ours in work.ours.values():
        record, stamp = ours.record, stamps.get(ours.ref, "")
        if ours.link is not None or not stamp or not isinstance(record, InvoiceRecord):
            continue
        invoices = (one for one in found.invoices if not one.voided)
        stamped = (one for one in invoices if same_stamp(one.marker, stamp, any_generation=ours.copied))
        theirs = next((one for one in stamped if same_name(one.number, record.number)), None)
        for name, external_id in _named_by(record, theirs) if theirs is not None else ():
            if name in symbols and external_id:
                claims.setdefault(symbols[name], set()).add(external_id)
    known = {name: ids.pop() for name, ids in claims.items() if len(ids) == 1}
    claimed = Counter((work.ours[name].kind, external_id) for name, external_id in known.items())
    return {name: one for name, one in known.items() if claimed[(work.ours[name].kind, one)] == 1}


def _named_by(ours: InvoiceRecord, theirs: InvoiceRecord) -> Iterator[tuple[str, str]]:
    """(our symbol, their id) of the customer, and of the items where the lines are still the same."""
    yield ours.customer_id, theirs.customer_id
    pairs = list(zip(ours.lines, theirs.lines, strict=False))
    if len(ours.lines) == len(theirs.lines) and all(same_line(one, other) for one, other in pairs):
        for one, other in pairs:
            if one.item_id and other.item_id:
                yield one.item_id, other.item_id


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
