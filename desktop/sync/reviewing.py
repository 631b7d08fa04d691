"""What a customer or an item that comes in seems to be, and whether we have it already. Writes nothing.

Judging thousands takes a while: it happens on worker threads, in small portions, so that a window stays alive
whatever the number of rows. What is made of a review is `importing.py`'s (a service) or `csv_import.py`'s (a file).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.customers import real_email
from desktop.kinds import CustomerKind
from desktop.models.connection import ExternalLink, LeftOut
from desktop.models.customer import Customer
from desktop.models.item import Item
from desktop.providers.records import CustomerRecord, ItemRecord, Kind
from desktop.sync import taught
from desktop.sync.classification import CustomerFacts, classify
from desktop.sync.company import Company
from desktop.sync.matching import MatchResult, Party, Verdict, iter_match
from desktop.sync.owner_rules import RuleBook

PORTION = 40
"""Rows between two pauses of a judging thread, and rows per write transaction while importing."""
BREATH_SECONDS = 0.0005
"""Pause of a judging thread between portions, so that the window's thread gets its turn."""

_never = threading.Event()

Progress = Callable[[int, int], None]
"""Told (rows done, rows in all)."""


class Standing(StrEnum):
    """What we have of a record there."""

    NEW = "new"  # selected for import
    LINKED = "linked"  # linked already: "Already exists", skipped
    SAME = "same"  # ours, not linked yet: "Already exists", linked when the step finishes
    POSSIBLE = "possible"  # may be one of ours: never selected by itself, the owner decides
    PENDING = "pending"  # just come in: not compared with ours yet


@dataclass(frozen=True, slots=True)
class CustomerReview:
    """One customer of the service, judged."""

    external_id: str
    record: CustomerRecord
    kind: CustomerKind
    reasons: tuple[str, ...]
    standing: Standing
    local_id: int | None = None
    """Our customer it is, or may be."""
    same_as: str = ""
    match_reasons: tuple[str, ...] = ()
    left_out: bool = False
    """Deselected in an earlier import."""

    @property
    def preselected(self) -> bool:
        """Selected without anybody's doing: new, active, and not left out before (M27)."""
        return self.standing is Standing.NEW and self.record.active and not self.left_out


@dataclass(frozen=True, slots=True)
class ItemReview:
    """One item of the service, judged."""

    external_id: str
    record: ItemRecord
    standing: Standing
    local_id: int | None = None
    same_as: str = ""
    left_out: bool = False

    @property
    def preselected(self) -> bool:
        return self.standing is Standing.NEW and self.record.active and not self.left_out


async def glance_at_customers(company: Company, records: Sequence[CustomerRecord]) -> list[CustomerReview]:
    """What can be said of a page of customers before the others are there: the suggested type, and who is linked.

    The verdicts need the whole list (`review_customers`): which agreement is rare is learned from all of it.
    """
    linked = await company.db.in_read(lambda session: _linked(session, company, Kind.CUSTOMER))
    book = await company.db.in_read(taught.rule_book)
    return await asyncio.to_thread(_glanced, records, linked, book)


def _glanced(records: Sequence[CustomerRecord], linked: Mapping[str, int], book: RuleBook) -> list[CustomerReview]:
    reviews = []
    for start in range(0, len(records), PORTION):
        for record in records[start : start + PORTION]:
            facts, external_id = facts_of(record), record.external_id or ""
            found = classify(facts, book.rule_for(facts))
            standing = Standing.LINKED if external_id in linked else Standing.PENDING
            reviews.append(
                CustomerReview(external_id, record, found.kind, found.reasons, standing, linked.get(external_id))
            )
        _never.wait(BREATH_SECONDS)
    return reviews


async def review_customers(
    company: Company, records: Sequence[CustomerRecord], progress: Progress | None = None
) -> list[CustomerReview]:
    """Each record with its suggested type and whether we have it (M20-M30). Writes nothing."""
    ours, linked, left = await company.db.in_read(lambda session: _our_customers(session, company))
    book = await company.db.in_read(taught.rule_book)
    loop = asyncio.get_running_loop()

    def tell(done: int) -> None:
        if progress is not None:
            loop.call_soon_threadsafe(progress, done, len(records))

    return await asyncio.to_thread(judge_customers, records, ours, linked, left, tell, book)


def _our_customers(session: Session, company: Company) -> tuple[list[tuple[Party, str]], dict[str, int], set[str]]:
    linked = _linked(session, company, Kind.CUSTOMER)
    return our_parties(session), linked, _left_out(session, company, Kind.CUSTOMER)


def our_parties(session: Session) -> list[tuple[Party, str]]:
    """Our customers as the matching sees them, each with its name; no placeholder among the addresses (M133)."""
    columns = (
        Customer.id,
        Customer.display_name,
        Customer.given_name,
        Customer.family_name,
        Customer.company_name,
        Customer.email,
        Customer.phone,
        Customer.line1,
        Customer.line2,
        Customer.city,
        Customer.region,
        Customer.postal_code,
        Customer.country,
    )
    parties = [
        (
            Party(
                str(row.id),
                row.display_name,
                row.given_name,
                row.family_name,
                row.company_name,
                real_email(row.email),
                row.phone,
                row.line1,
                row.line2,
                row.city,
                row.region,
                row.postal_code,
                row.country,
            ),
            row.display_name,
        )
        for row in session.execute(select(*columns).order_by(Customer.id))
    ]
    return parties


def _linked(session: Session, company: Company, kind: Kind) -> dict[str, int]:
    rows = session.execute(
        select(ExternalLink.external_id, ExternalLink.local_id).where(
            ExternalLink.provider == company.key.provider,
            ExternalLink.company_id == company.key.company_id,
            ExternalLink.kind == kind.value,
        )
    )
    return {external_id: local_id for external_id, local_id in rows}


def _left_out(session: Session, company: Company, kind: Kind) -> set[str]:
    return set(
        session.scalars(
            select(LeftOut.external_id).where(
                LeftOut.provider == company.key.provider,
                LeftOut.company_id == company.key.company_id,
                LeftOut.kind == kind.value,
                LeftOut.older.is_(False),
            )
        )
    )


def party_of(record: CustomerRecord) -> Party:
    """The record as the matching sees it."""
    where = record.address
    return Party(
        record.external_id or "",
        record.display_name,
        record.given_name,
        record.family_name,
        record.company_name,
        record.email,
        record.phone,
        where.line1,
        where.line2,
        where.city,
        where.region,
        where.postal_code,
        where.country,
    )


def facts_of(record: CustomerRecord, locations: int = 1) -> CustomerFacts:
    """The record as the classification sees it."""
    where = record.address
    return CustomerFacts(
        display_name=record.display_name,
        given_name=record.given_name,
        family_name=record.family_name,
        company_name=record.company_name,
        email=record.email,
        phone=record.phone,
        line1=where.line1,
        line2=where.line2,
        city=where.city,
        region=where.region,
        postal_code=where.postal_code,
        country=where.country,
        locations=locations,
    )


def judge_customers(
    records: Sequence[CustomerRecord],
    ours: Sequence[tuple[Party, str]],
    linked: Mapping[str, int],
    left: set[str],
    tell: Callable[[int], None],
    book: RuleBook | None = None,
) -> list[CustomerReview]:
    """Each record with its type, by the owner's rules in `book` first, and whether we have it.

    For a worker thread: it takes a while for thousands.
    """
    taken = {str(local_id) for local_id in linked.values()}
    names = {party.key: name for party, name in ours}
    locations, book = _locations(records), book or RuleBook()
    open_records = [record for record in records if record.external_id not in linked]
    free = [party for party, _ in ours if party.key not in taken]
    matches: dict[str, MatchResult] = {}
    for chunk in iter_match([party_of(record) for record in open_records], free):
        matches.update((result.incoming_key, result) for result in chunk)
        _never.wait(BREATH_SECONDS)
    reviews: list[CustomerReview] = []
    for start in range(0, len(records), PORTION):
        for record in records[start : start + PORTION]:
            reviews.append(_judged(record, linked, matches, names, left, locations, book))
        tell(len(reviews))
        _never.wait(BREATH_SECONDS)
    return reviews


def _locations(records: Iterable[CustomerRecord]) -> dict[str, int]:
    """How many sub-records with an address a customer has there: several locations speak for a business (M23)."""
    count: dict[str, int] = {}
    for record in records:
        if record.parent_id and record.address.line1:
            count[record.parent_id] = count.get(record.parent_id, 0) + 1
    return count


def _judged(
    record: CustomerRecord,
    linked: Mapping[str, int],
    matches: Mapping[str, MatchResult],
    names: Mapping[str, str],
    left: set[str],
    locations: Mapping[str, int],
    book: RuleBook,
) -> CustomerReview:
    external_id = record.external_id or ""
    facts = facts_of(record, max(1, locations.get(external_id, 1)))
    found = classify(facts, book.rule_for(facts))
    local_id = linked.get(external_id)
    if local_id is not None:
        return CustomerReview(
            external_id, record, found.kind, found.reasons, Standing.LINKED, local_id, names.get(str(local_id), "")
        )
    result = matches.get(external_id)
    if result is None or result.verdict is Verdict.NEW or result.existing_key is None:
        return CustomerReview(
            external_id, record, found.kind, found.reasons, Standing.NEW, left_out=external_id in left
        )
    standing = Standing.SAME if result.verdict is Verdict.SAME else Standing.POSSIBLE
    return CustomerReview(
        external_id,
        record,
        found.kind,
        found.reasons,
        standing,
        int(result.existing_key),
        names.get(result.existing_key, ""),
        result.reasons,
        external_id in left,
    )


async def review_items(company: Company, records: Sequence[ItemRecord]) -> list[ItemReview]:
    """Each item with whether we have it: an equal name is the same item (M39). Writes nothing."""

    def judge(session: Session) -> list[ItemReview]:
        linked = _linked(session, company, Kind.ITEM)
        left = _left_out(session, company, Kind.ITEM)
        names = {row.id: row.name for row in session.execute(select(Item.id, Item.name))}
        taken = set(linked.values())
        free = {name.strip().casefold(): key for key, name in names.items() if key not in taken}
        reviews = []
        for record in records:
            external_id = record.external_id or ""
            local_id, standing = linked.get(external_id), Standing.LINKED
            if local_id is None:
                local_id = free.get(record.name.strip().casefold())
                standing = Standing.SAME if local_id is not None else Standing.NEW
            label = names.get(local_id, "") if local_id is not None else ""
            reviews.append(ItemReview(external_id, record, standing, local_id, label, external_id in left))
        return reviews

    return await company.db.in_read(judge)
