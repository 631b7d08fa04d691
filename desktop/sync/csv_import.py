"""Brings customers and items of a file into our books: reviewed like those of a service, then exactly what was chosen.

Needs no connection. The same file read twice adds nothing: a row that is in our books to the letter is the same
record, a row that is only like one of ours is asked about (C2). Nothing is sent anywhere by it: what a file brings
goes to the service with the first invoice that needs it, or when the owner says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.customers import import_customers as create_imported
from desktop.books.desk import Desk
from desktop.books.items import create_item
from desktop.books.typed import fold
from desktop.errors import InputError
from desktop.kinds import CustomerKind
from desktop.models.item import Item
from desktop.models.session import Database
from desktop.models.work import ActivityRow
from desktop.sync.csv_records import CsvCustomer, CsvItem, Rejected, customer_draft
from desktop.sync.drafts import draft_of_item
from desktop.sync.importing import CustomerChoice, Imported
from desktop.sync.matching import Party
from desktop.sync.reviewing import (
    PORTION,
    CustomerReview,
    ItemReview,
    Progress,
    Standing,
    judge_customers,
    our_parties,
    party_of,
)
from desktop.text import tr

T = TypeVar("T")

_CONTACT = ("email", "phone", "line1", "line2", "city", "region", "postal_code", "country")


# --- customers ----------------------------------------------------------------------------------------


async def review_customers(
    db: Database, entries: Sequence[CsvCustomer], progress: Progress | None = None
) -> list[CustomerReview]:
    """Each row with its suggested type and whether we have it. Writes nothing."""
    ours = await db.in_read(our_parties)
    loop = asyncio.get_running_loop()

    def tell(done: int) -> None:
        if progress is not None:
            loop.call_soon_threadsafe(progress, done, len(entries))

    return await asyncio.to_thread(judged_customers, entries, ours, tell)


def judged_customers(
    entries: Sequence[CsvCustomer], ours: Sequence[tuple[Party, str]], tell: Callable[[int], None] = lambda done: None
) -> list[CustomerReview]:
    """The reviews of these rows against `ours`; see `review_customers`."""
    by_name: dict[str, list[tuple[Party, str]]] = {}
    for party, name in ours:
        by_name.setdefault(fold(name), []).append((party, name))
    to_the_letter: dict[str, tuple[Party, str]] = {}
    for entry in entries:
        incoming = party_of(entry.record)
        for party, name in by_name.get(fold(entry.record.display_name), ()):
            if _equal(incoming, party):
                to_the_letter[entry.key] = (party, name)
                break
    open_records = [entry.record for entry in entries if entry.key not in to_the_letter]
    judged = {one.external_id: one for one in judge_customers(open_records, ours, {}, set(), tell)}
    known = {
        one.external_id: one
        for one in judge_customers([e.record for e in entries if e.key in to_the_letter], (), {}, set(), lambda n: None)
    }
    reviews: list[CustomerReview] = []
    earlier: dict[str, int] = {}
    for entry in entries:
        if entry.key in to_the_letter:
            party, name = to_the_letter[entry.key]
            review = replace(
                known[entry.key],
                standing=Standing.SAME,
                local_id=int(party.key),
                same_as=name,
                match_reasons=(tr("The same in every field"),),
            )
        else:
            review = _beside_earlier(judged[entry.key], earlier)
        earlier.setdefault(fold(entry.record.display_name), entry.row)
        reviews.append(_typed(review, entry))
    return reviews


def _equal(incoming: Party, ours: Party) -> bool:
    """Every field of the row stands here, and something besides the name agrees, or neither side has more."""
    shared = 0
    for name in (*_CONTACT, "given_name", "family_name", "company_name"):
        theirs, mine = fold(getattr(incoming, name)), fold(getattr(ours, name))
        if theirs and theirs != mine:
            return False
        shared += bool(theirs and name in _CONTACT)
    return shared > 0 or not any(getattr(ours, name) for name in _CONTACT)


def _beside_earlier(review: CustomerReview, earlier: Mapping[str, int]) -> CustomerReview:
    """A second row of the same name with other details: the owner says whether they are two."""
    row = earlier.get(fold(review.record.display_name))
    if row is None or review.standing is not Standing.NEW:
        return review
    return replace(
        review,
        standing=Standing.POSSIBLE,
        same_as=tr("row {row} of the file", row=row),
        match_reasons=(tr("Same name in row {row} of the file", row=row),),
    )


def _typed(review: CustomerReview, entry: CsvCustomer) -> CustomerReview:
    """What the file itself calls a customer counts over what its name suggests."""
    if entry.kind is None:
        return review
    return replace(review, kind=entry.kind, reasons=(tr("The file says so"),))


async def import_customers(
    db: Database,
    desk: Desk,
    entries: Sequence[CsvCustomer],
    choices: Sequence[CustomerChoice],
    source: str,
    progress: Progress | None = None,
) -> tuple[Imported, list[Rejected]]:
    """Keep exactly the chosen rows; `source` is the name of the file, for the log. What can't be kept comes back."""
    by_key = {entry.key: entry for entry in entries}
    chosen = {choice.external_id: choice for choice in choices}
    wanted = [(by_key[key], choice) for key, choice in chosen.items() if key in by_key]
    result, rejected = Imported(), list[Rejected]()
    keep = partial(_create_customers, desk=desk, source=source, result=result, rejected=rejected)
    await in_portions(db, wanted, keep, progress)
    return result, rejected


async def in_portions(
    db: Database, wanted: Sequence[T], keep: Callable[[Session, Sequence[T]], None], progress: Progress | None
) -> None:
    """Hand `wanted` to `keep` in portions, a transaction each, and tell how many are done."""

    def kept(portion: Sequence[T]) -> Callable[[Session], None]:
        return lambda session: keep(session, portion)

    for start in range(0, len(wanted), PORTION):
        portion = wanted[start : start + PORTION]
        await db.in_write(kept(portion))
        if progress is not None:
            progress(start + len(portion), len(wanted))


def _create_customers(
    session: Session,
    portion: Sequence[tuple[CsvCustomer, CustomerChoice]],
    desk: Desk,
    source: str,
    result: Imported,
    rejected: list[Rejected],
) -> None:
    drafts = [
        customer_draft(entry, CustomerKind(choice.kind), choice.reason, chosen=choice.chosen)
        for entry, choice in portion
    ]
    made = create_imported(session, desk, drafts)
    for (entry, _choice), local_id in zip(portion, made, strict=True):
        name = entry.record.display_name
        if isinstance(local_id, InputError):
            result.problems.append((name, local_id.sentence))
            rejected.append(Rejected(entry.row, name, local_id.sentence))
            continue
        result.created += 1
        session.add(logged(desk, "customer", local_id, name, source, entry.row))


def logged(desk: Desk, kind: str, local_id: int, label: str, source: str, row: int) -> ActivityRow:
    """The line of the log for a record that a file brought."""
    return ActivityRow(
        at=desk.clock.now(),
        actor=desk.account,
        direction="here",
        kind=kind,
        local_id=local_id,
        label=label,
        action="import",
        result="done",
        message=tr("From {file}, row {row}", file=source, row=row),
    )


# --- items --------------------------------------------------------------------------------------------


async def review_items(db: Database, entries: Sequence[CsvItem]) -> list[ItemReview]:
    """Each row with whether we have an item of that name. Writes nothing."""

    def judge(session: Session) -> list[ItemReview]:
        names = {fold(name, 200): (local_id, name) for local_id, name in session.execute(select(Item.id, Item.name))}
        reviews = []
        for entry in entries:
            local_id, name = names.get(fold(entry.record.name, 200), (None, ""))
            standing = Standing.NEW if local_id is None else Standing.SAME
            reviews.append(ItemReview(entry.key, entry.record, standing, local_id, name))
        return reviews

    return await db.in_read(judge)


async def import_items(
    db: Database,
    desk: Desk,
    entries: Sequence[CsvItem],
    chosen: Iterable[str],
    source: str,
    progress: Progress | None = None,
) -> tuple[Imported, list[Rejected]]:
    """Keep exactly the chosen rows as items."""
    by_key = {entry.key: entry for entry in entries}
    wanted = [by_key[key] for key in dict.fromkeys(chosen) if key in by_key]
    result, rejected = Imported(), list[Rejected]()
    keep = partial(_create_items, desk=desk, source=source, result=result, rejected=rejected)
    await in_portions(db, wanted, keep, progress)
    return result, rejected


def _create_items(
    session: Session,
    portion: Sequence[CsvItem],
    desk: Desk,
    source: str,
    result: Imported,
    rejected: list[Rejected],
) -> None:
    for entry in portion:
        try:
            with session.begin_nested():
                known = session.scalar(select(Item.id).where(Item.name_key == fold(entry.record.name, 200)).limit(1))
                if known is not None:
                    result.skipped += 1
                    continue
                local_id = create_item(session, desk, draft_of_item(entry.record), imported=True)
        except InputError as error:
            result.problems.append((entry.record.name, error.sentence))
            rejected.append(Rejected(entry.row, entry.record.name, error.sentence))
            continue
        result.created += 1
        session.add(logged(desk, "item", local_id, entry.record.name, source, entry.row))
