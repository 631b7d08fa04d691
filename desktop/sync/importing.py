"""Brings customers and items of the service into our books: what was chosen of a review (`reviewing.py`), exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from desktop.books.customers import import_customers as create_imported
from desktop.books.customers import real_email
from desktop.books.items import create_item
from desktop.books.outbox import promise
from desktop.errors import InputError
from desktop.kinds import CustomerKind
from desktop.models.connection import ExternalLink, LeftOut
from desktop.models.customer import Customer
from desktop.models.item import Item
from desktop.models.states import PushReason, SyncState
from desktop.models.work import ActivityRow, SyncStatus
from desktop.providers.records import CustomerRecord, ItemRecord, Kind
from desktop.sync import failures, taught
from desktop.sync.company import Company
from desktop.sync.drafts import draft_of_customer, draft_of_item
from desktop.sync.mapping import map_imported
from desktop.sync.pull_feed import read_again
from desktop.sync.reviewing import PORTION, CustomerReview, ItemReview, Progress, Standing, facts_of
from desktop.sync.settling import find_link, first_link, holder_of, store_link
from desktop.sync.work import customer_record
from desktop.text import tr

SANE_PRICE = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class CustomerChoice:
    """A customer to import, as what."""

    external_id: str
    kind: CustomerKind
    reason: str = ""
    chosen: bool = False
    """The owner changed the suggestion (M26)."""


@dataclass
class Imported:
    """What an import came to; problems hide no other row."""

    created: int = 0
    linked: int = 0
    skipped: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    """(name, sentence) of records that could not be kept."""


# --- import -------------------------------------------------------------------------------------------


async def import_customers(
    company: Company,
    reviews: Sequence[CustomerReview],
    choices: Sequence[CustomerChoice],
    *,
    links: Mapping[str, int] | None = None,
    progress: Progress | None = None,
    by_owner: bool = True,
) -> Imported:
    """Create exactly the chosen customers, linked (M31); link those that we have already (M30).

    `links` are the owner's own decisions (external id -> our customer, M36). What is neither chosen nor
    ours is remembered as left out (E1). Running it again changes nothing (M15).
    """
    by_id = {review.external_id: review for review in reviews}
    links = _with_the_same(links, reviews)
    chosen_once = {choice.external_id: choice for choice in choices}  # the last word counts
    wanted = [one for one in chosen_once.values() if one.external_id in by_id and one.external_id not in links]
    result = Imported()
    total = len(links) + len(wanted)
    pairs = list(links.items())
    for start in range(0, len(pairs), PORTION):
        portion = pairs[start : start + PORTION]
        await company.db.in_write(
            partial(_link_customers, company=company, reviews=by_id, pairs=portion, result=result)
        )
    for start in range(0, len(wanted), PORTION):
        chosen = wanted[start : start + PORTION]
        await company.db.in_write(
            partial(_create_customers, company=company, reviews=by_id, choices=chosen, result=result)
        )
        if progress is not None:
            progress(result.created + result.linked + result.skipped + len(result.problems), total)
    taught_now = [
        (facts_of(by_id[one.external_id].record), one.kind)
        for one in wanted
        if one.chosen and one.kind is not by_id[one.external_id].kind
    ]
    if taught_now:
        await company.db.in_write(lambda session: taught.remember(session, taught_now))
    taken = {choice.external_id for choice in wanted} | set(links)
    offered = [r.external_id for r in reviews if r.standing in (Standing.NEW, Standing.POSSIBLE)]

    def remember(session: Session) -> None:
        _remember_left_out(session, company, Kind.CUSTOMER, taken, offered)
        if by_owner and (result.created or result.linked):  # their invoices there were passed over until now (E1)
            read_again(session, company, Kind.INVOICE)

    await company.db.in_write(remember)
    return result


def _with_the_same(links: Mapping[str, int] | None, reviews: Iterable[CustomerReview | ItemReview]) -> dict[str, int]:
    """What is linked: by the owner's own decisions, else because we have it already."""
    found = dict(links or {})
    for review in reviews:
        if review.standing is Standing.SAME and review.local_id is not None:
            found.setdefault(review.external_id, review.local_id)
    return found


def _link_customers(
    session: Session,
    company: Company,
    reviews: Mapping[str, CustomerReview],
    pairs: Sequence[tuple[str, int]],
    result: Imported,
) -> None:
    linked = []
    for external_id, local_id in pairs:
        review = reviews.get(external_id)
        customer = session.get(Customer, local_id)
        if review is None or customer is None:
            continue
        if not _link(session, company, Kind.CUSTOMER, local_id, review.record, customer):
            result.skipped += 1
            continue
        result.linked += 1
        linked.append(local_id)
    _mended(session, company, Kind.CUSTOMER, linked)


def _link(
    session: Session,
    company: Company,
    kind: Kind,
    local_id: int,
    record: CustomerRecord | ItemRecord,
    row: Customer | Item,
) -> bool:
    """Link without writing anything there: what both have now is what they agree on. False when either is linked."""
    key = company.key
    clash = session.scalar(
        select(ExternalLink.id).where(
            ExternalLink.provider == key.provider,
            ExternalLink.company_id == key.company_id,
            ExternalLink.kind == kind.value,
            (ExternalLink.local_id == local_id) | (ExternalLink.external_id == record.external_id),
        )
    )
    if clash is not None:
        return False
    ours: CustomerRecord | ItemRecord = customer_record(row) if isinstance(row, Customer) else _item_record(row, record)
    now = company.desk.clock.now()
    store_link(session, now, key, kind.value, local_id, ours, record, row.revision, company.connection_id)
    label = row.display_name if isinstance(row, Customer) else row.name
    session.add(_linked_row(company, kind, local_id, label, record.external_id or ""))
    return True


def _linked_row(company: Company, kind: Kind, local_id: int, label: str, external_id: str) -> ActivityRow:
    return ActivityRow(
        at=company.desk.clock.now(),
        actor=company.desk.account,
        direction="in",
        provider=company.key.provider,
        company_id=company.key.company_id,
        kind=kind.value,
        local_id=local_id,
        label=label,
        action="link",
        result="done",
        external_id=external_id,
    )


def _item_record(row: Item, record: CustomerRecord | ItemRecord) -> ItemRecord:
    account = record.income_account_id if isinstance(record, ItemRecord) else None
    return ItemRecord(
        name=row.name,
        description=row.description,
        unit_price=row.unit_price,
        taxable=row.taxable,
        active=row.active,
        sku=row.sku,
        income_account_id=account,
    )


def _create_customers(
    session: Session,
    company: Company,
    reviews: Mapping[str, CustomerReview],
    choices: Sequence[CustomerChoice],
    result: Imported,
) -> None:
    """One portion in a handful of statements, whatever its size."""
    known = _known_there(session, company, Kind.CUSTOMER, [choice.external_id for choice in choices])
    result.skipped += sum(1 for choice in choices if choice.external_id in known)
    new = [choice for choice in choices if choice.external_id not in known]
    records = [reviews[choice.external_id].record for choice in new]
    drafts = [
        draft_of_customer(record, choice.kind, choice.reason, chosen=choice.chosen)
        for choice, record in zip(new, records, strict=True)
    ]
    made = create_imported(session, company.desk, drafts)
    for record, draft, local_id in zip(records, drafts, made, strict=True):
        if isinstance(local_id, InputError):
            result.problems.append((record.display_name, local_id.sentence))
            continue
        result.created += 1
        ours = replace(record, email=real_email(draft.email), parent_id=None, updated_at=None)
        session.add(first_link(company.desk.clock.now(), company.key, Kind.CUSTOMER, local_id, ours, record, 1,
                               company.connection_id))  # fmt: skip
        session.add(_linked_row(company, Kind.CUSTOMER, local_id, record.display_name, record.external_id or ""))


def _known_there(session: Session, company: Company, kind: Kind, ids: Sequence[str]) -> set[str]:
    return set(
        session.scalars(
            select(ExternalLink.external_id).where(
                ExternalLink.provider == company.key.provider,
                ExternalLink.company_id == company.key.company_id,
                ExternalLink.kind == kind.value,
                ExternalLink.external_id.in_(ids),
            )
        )
    )


def _remember_left_out(session: Session, company: Company, kind: Kind, taken: set[str], offered: Sequence[str]) -> None:
    key = company.key
    rows = session.scalars(
        select(LeftOut).where(
            LeftOut.provider == key.provider, LeftOut.company_id == key.company_id, LeftOut.kind == kind.value
        )
    )
    already = {row.external_id: row for row in rows}
    for external_id in offered:
        if external_id in taken:
            continue
        if external_id in already:
            already[external_id].older = False
            continue
        session.add(LeftOut(provider=key.provider, company_id=key.company_id, kind=kind.value, external_id=external_id))
    back = taken & already.keys()
    if back:
        session.execute(
            delete(LeftOut).where(
                LeftOut.provider == key.provider,
                LeftOut.company_id == key.company_id,
                LeftOut.kind == kind.value,
                LeftOut.external_id.in_(back),
            )
        )


async def import_items(
    company: Company,
    reviews: Sequence[ItemReview],
    chosen: Iterable[str],
    *,
    links: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Create exactly the chosen items, linked and with their account (M41); link those that we have (M39, M40)."""
    by_id = {review.external_id: review for review in reviews}
    links = _with_the_same(links, reviews)
    wanted = [one for one in dict.fromkeys(chosen) if one in by_id and one not in links]
    result = Imported()

    def write_links(session: Session) -> None:
        linked: list[int] = []
        for external_id, local_id in links.items():
            row = session.get(Item, local_id)
            review = by_id.get(external_id)
            if row is None or review is None:
                continue
            if _link(session, company, Kind.ITEM, local_id, review.record, row):
                result.linked += 1
                linked.append(local_id)
                map_imported(session, company.key, local_id, review.record.income_account_id)
            else:
                result.skipped += 1
        _mended(session, company, Kind.ITEM, linked)

    await company.db.in_write(write_links)
    for start in range(0, len(wanted), PORTION):
        portion = wanted[start : start + PORTION]
        await company.db.in_write(partial(_create_items, company=company, reviews=by_id, ids=portion, result=result))
        if progress is not None:
            progress(result.created + result.linked + result.skipped, len(wanted) + len(links))
    await company.db.in_write(
        lambda session: _remember_left_out(
            session,
            company,
            Kind.ITEM,
            set(wanted) | set(links),
            [review.external_id for review in reviews if review.standing is Standing.NEW],
        )
    )
    return result


def _create_items(
    session: Session, company: Company, reviews: Mapping[str, ItemReview], ids: Sequence[str], result: Imported
) -> None:
    known = _known_there(session, company, Kind.ITEM, ids)
    for external_id in ids:
        record = reviews[external_id].record
        if external_id in known:
            result.skipped += 1
            continue
        draft = draft_of_item(replace(record, unit_price=_price(record.unit_price)))
        try:
            with session.begin_nested():
                local_id = create_item(session, company.desk, draft, imported=True)
        except InputError as error:
            result.problems.append((record.name, error.sentence))
            continue
        _link(session, company, Kind.ITEM, local_id, record, session.get_one(Item, local_id))
        map_imported(session, company.key, local_id, record.income_account_id)
        result.created += 1


def _price(price: Decimal | None) -> Decimal | None:
    """As fine as we keep prices; one beyond all measure stays as it is, for the books to refuse in words."""
    if price is None or not price.is_finite() or abs(price) >= SANE_PRICE:
        return price
    return round(price, 6)


# --- by hand ------------------------------------------------------------------------------------------


async def link_by_hand(company: Company, kind: Kind, local_id: int, record: CustomerRecord | ItemRecord) -> None:
    """Tie our record to one there (M36, M40). Nothing is written there.

    A counterpart that is gone there is let go of first (D4); what waited for this link goes out by itself
    (N2). Raises InputError when either of the two is linked to another record already.
    """

    def write(session: Session) -> None:
        row: Customer | Item
        if kind is Kind.CUSTOMER:  # noqa: SIM108 - a ternary would forget the type
            row = session.get_one(Customer, local_id)
        else:
            row = session.get_one(Item, local_id)
        _let_go(session, company, kind, local_id, record)
        if not _link(session, company, kind, local_id, record, row):
            raise InputError("link", tr("One of the two is linked already."))
        _mended(session, company, kind, [local_id])
        if kind is Kind.CUSTOMER:  # its invoices there were passed over until now (E1)
            read_again(session, company, Kind.INVOICE)
        if kind is Kind.ITEM and isinstance(record, ItemRecord):
            map_imported(session, company.key, local_id, record.income_account_id)

    await company.db.in_write(write)


def _let_go(session: Session, company: Company, kind: Kind, local_id: int, record: CustomerRecord | ItemRecord) -> None:
    """The owner chooses another counterpart because the one we know is gone."""
    link = find_link(session, company.key, kind.value, local_id)
    status = session.scalar(select(SyncStatus).where(SyncStatus.kind == kind.value, SyncStatus.local_id == local_id))
    troubled = status is not None and status.state == SyncState.NEEDS_YOU.value
    blocked = troubled or bool(failures.blocked_by(session, [(kind.value, local_id)]))
    if link is None or not blocked or link.external_id == record.external_id:
        return
    if holder_of(session, company.key, kind.value, record.external_id or "") is None:
        session.delete(link)
        session.flush()


def _mended(session: Session, company: Company, kind: Kind, ids: Iterable[int]) -> None:
    """These are linked now: nothing stands in their way any more, and what was refused for them goes out (N2)."""
    session.flush()
    linked = set(ids)
    waiting = failures.blocked_by(session, [(kind.value, local_id) for local_id in linked])
    troubled = session.scalars(select(SyncStatus.local_id).where(SyncStatus.kind == kind.value)).all()
    failures.clear(session, company.desk.clock.now(), [(kind.value, one) for one in troubled if one in linked])
    for blocked_kind, blocked_id in waiting:
        promise(session, company.desk, blocked_kind, blocked_id, PushReason.ASKED, asked=True)
