"""Customers and items from the service: linked ones follow field by field, new ones come in with their type (E1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.customers import draft_of, update_customer
from desktop.books.items import item_draft, update_item
from desktop.books.outbox import live_connection
from desktop.errors import Conflict, InputError
from desktop.models.connection import ExternalLink, LeftOut
from desktop.models.customer import Customer
from desktop.models.item import Item, ItemAccount
from desktop.models.session import note_change
from desktop.models.tables import RECORDS
from desktop.providers.records import CustomerRecord, InvoiceRecord, ItemRecord, Kind, PaymentRecord, Record
from desktop.sync.importing import CustomerChoice, import_customers, import_items
from desktop.sync.planning import Ours, ref, resolve
from desktop.sync.pull_feed import Arrived
from desktop.sync.pull_merge import agree_on, merge_sides
from desktop.sync.pull_run import PullRun, links_to, portions, status_of
from desktop.sync.pull_states import back_again, merged_or_inactive
from desktop.sync.pulled import CAME_IN, CHANGED, LINKED, POSSIBLE
from desktop.sync.reviewing import CustomerReview, Standing, review_customers, review_items
from desktop.sync.settling import field_words
from desktop.sync.snapshots import compared
from desktop.sync.work import load_work

PEOPLE = {
    "display_name": "display_name",
    "given_name": "given_name",
    "family_name": "family_name",
    "company_name": "company_name",
    "email": "email",
    "phone": "phone",
    "active": "active",
}
GOODS = {
    "name": "name",
    "description": "description",
    "unit_price": "unit_price",
    "taxable": "taxable",
    "active": "active",
}
PRICE_PLACES = 6

RecordT = TypeVar("RecordT", InvoiceRecord, PaymentRecord)


async def bring_records(
    run: PullRun, kind: Kind, records: Mapping[str, Record], arrived: Arrived, *, first: bool, start: datetime
) -> int:
    """Apply what arrived of this kind. `first` says that it was never read before: what is older than `start`,
    the moment of connecting, is only remembered, so that it stays out (C6). Returns how many are linked now.
    """
    rows = list(records.values())
    unknown: list[Record] = []
    for part in portions(rows):
        unknown += await run.company.db.in_write(partial(_follow, run=run, kind=kind, records=part, arrived=arrived))
    return await _bring_new(run, kind, unknown, first=first, start=start)


# --- linked ones ---------------------------------------------------------------------------------------


def _follow(session: Session, run: PullRun, kind: Kind, records: Sequence[Record], arrived: Arrived) -> list[Record]:
    """Changes of linked records are taken over; the others are handed back."""
    run.check(session)
    links = links_to(session, run.key, kind, (record.external_id or "" for record in records))
    changed = [one for one in records if _differs(session, links.get(one.external_id or ""), kind, one)]
    targets = [(kind, links[one.external_id or ""].local_id) for one in changed]
    work = load_work(session, run.connection(session), targets, asked=False)
    for record in changed:
        link = links[record.external_id or ""]
        ours = work.ours.get(ref(kind, link.local_id))
        if ours is not None and ours.ref not in work.unsure:
            follow_one(session, run, kind, ours, link, record, arrived)
    return [record for record in records if record.external_id not in links]


def _differs(session: Session, link: ExternalLink | None, kind: Kind, record: Record) -> bool:
    """Our own write echoed has the version and the values that we know already (I18).

    So has one that was gone and is back as it was: then its card must go.
    """
    if link is None:
        return False
    agreed = (link.agreed or {}).get("theirs", {})
    if compared(kind, record) != agreed:
        return True
    asked = status_of(session, kind, link.local_id)
    if asked is not None and (asked.extra or {}).get("gone"):
        return True
    link.external_version = record.version or link.external_version
    return False


def follow_one(
    session: Session, run: PullRun, kind: Kind, ours: Ours, link: ExternalLink, theirs: Record, arrived: Arrived
) -> None:
    """One linked customer or item that reads otherwise there than it did."""
    agreed = link.agreed or {}
    edited = ours.revision > link.agreed_revision
    found = merge_sides(kind, ours.record, theirs, agreed, edited=edited)
    if not getattr(theirs, "active", True) and agreed.get("theirs", {}).get("active") is True:
        found = replace(found, take=found.take - {"active"}, clash=found.clash - {"active"})
        if getattr(ours.record, "active", True):
            merged_or_inactive(session, run, ours, theirs, arrived)
    else:
        back_again(session, run, ours)
    taken = take_fields(session, run, kind, ours, theirs, found.take) if found.take else frozenset()
    settle_fields(session, kind, ours, link, theirs, taken, found.same, edited=edited, whole=not found.clash)
    if taken:
        run.pulled.note(CHANGED, kind)
        words = sorted(taken)
        run.log(session, kind, ours.local_id, ours.label, "update", link.external_id, words)
    if found.clash:
        ask_about_fields(session, run, kind, ours, found.clash)
    elif status_of(session, kind, ours.local_id) is not None and not found.ours:
        clear_difference(session, run, kind, ours.local_id)


def ask_about_fields(session: Session, run: PullRun, kind: Kind, ours: Ours, fields: frozenset[str]) -> None:
    """Both sides changed these fields: the owner says whose value stays."""
    names = field_words(sorted(fields))
    error = Conflict(run.service, ours.label, names)
    error.concerns = (ours.concern,)
    run.ask(session, kind, ours.local_id, ours.label, error, {"fields": names, "names": sorted(fields)})


def linked_ones(
    session: Session, run: PullRun, kind: Kind, records: Sequence[RecordT]
) -> tuple[dict[str, ExternalLink], list[tuple[Ours, ExternalLink, RecordT]]]:
    """The links of these documents by external id, and ours of each, naming others by their ids there.

    Ours whose last write nobody knows the end of are left out.
    """
    links = links_to(session, run.key, kind, (one.external_id or "" for one in records))
    linked = [one for one in records if (one.external_id or "") in links]
    targets = [(kind, links[one.external_id or ""].local_id) for one in linked]
    work = load_work(session, run.connection(session), targets, asked=False)
    ids = {name: one.link.external_id for name, one in work.ours.items() if one.link is not None}
    found = []
    for record in linked:
        link = links[record.external_id or ""]
        ours = work.ours.get(ref(kind, link.local_id))
        if ours is not None and ours.ref not in work.unsure:
            found.append((replace(ours, record=resolve(ours.record, ids) or ours.record), link, record))
    return links, found


def settle_fields(
    session: Session,
    kind: Kind,
    ours: Ours,
    link: ExternalLink,
    theirs: Record,
    taken: frozenset[str],
    same: frozenset[str],
    *,
    edited: bool,
    whole: bool,
) -> None:
    """Note what both sides agree on now; with a field in question the version stays the one we know, so that a
    push still meets the newer one there and asks (N10)."""
    session.flush()
    now = _record_now(session, kind, ours, taken)
    link.agreed = agree_on(link.agreed or {}, compared(kind, now), compared(kind, theirs), taken | same)
    if whole:
        link.external_version = theirs.version or link.external_version
    if not edited:
        link.agreed_revision = max(link.agreed_revision, _revision(session, kind, ours.local_id))
    note_change(session, kind.value, ours.local_id)


def _record_now(session: Session, kind: Kind, ours: Ours, taken: frozenset[str]) -> Record:
    if not taken:
        return ours.record
    connection_work = load_work_of(session, kind, ours.local_id)
    return connection_work.record if connection_work is not None else ours.record


def load_work_of(session: Session, kind: Kind, local_id: int) -> Ours | None:
    """Our record as it stands in this transaction, with real ids where they are known."""
    connection = live_connection(session)
    if connection is None:
        return None
    session.expire_all()
    work = load_work(session, connection, [(kind, local_id)], asked=False)
    found = work.ours.get(ref(kind, local_id))
    if found is None:
        return None
    ids = {name: one.link.external_id for name, one in work.ours.items() if one.link is not None}
    return replace(found, record=resolve(found.record, ids) or found.record)


def _revision(session: Session, kind: Kind, local_id: int) -> int:
    table = RECORDS[kind.value]
    return int(session.scalar(select(table.revision).where(table.id == local_id)) or 0)


def take_fields(
    session: Session, run: PullRun, kind: Kind, ours: Ours, theirs: Record, fields: frozenset[str]
) -> frozenset[str]:
    """Write their values into our record; fields that can't be kept here are told and left as they are."""
    left = set(fields)
    while left:
        try:
            with session.begin_nested():
                _write(session, run, kind, ours.local_id, theirs, left)
        except InputError as error:
            wrong = _field_of(error.field, left)
            run.pulled.problems.append((ours.label, error.title))
            if wrong is None:
                return frozenset()
            left.discard(wrong)
        else:
            return frozenset(left)
    return frozenset()


def _field_of(name: str, fields: Iterable[str]) -> str | None:
    known = {"line1", "line2", "city", "region", "postal_code", "country"}
    wanted = "address" if name in known else name
    return wanted if wanted in fields else None


def _write(session: Session, run: PullRun, kind: Kind, local_id: int, theirs: Record, fields: Iterable[str]) -> None:
    if isinstance(theirs, CustomerRecord):
        customer = session.get_one(Customer, local_id)
        values: dict[str, Any] = {PEOPLE[name]: getattr(theirs, name) for name in fields if name in PEOPLE}
        if "address" in fields:
            where = theirs.address
            values |= {name: getattr(where, name) for name in type(where).__dataclass_fields__}
        update_customer(session, run.desk, local_id, replace(draft_of(customer), **values), pulled=True)
        return
    assert isinstance(theirs, ItemRecord)
    item = session.get_one(Item, local_id)
    values = {GOODS[name]: getattr(theirs, name) for name in fields if name in GOODS}
    if isinstance(values.get("unit_price"), type(theirs.unit_price)) and values.get("unit_price") is not None:
        values["unit_price"] = round(values["unit_price"], PRICE_PLACES)
    if "income_account_id" in fields:
        _map(session, run, item, theirs.income_account_id)
    update_item(session, run.desk, local_id, replace(item_draft(item), **values), pulled=True)


def _map(session: Session, run: PullRun, item: Item, account_id: str | None) -> None:
    """The bookkeeper moved the item to another account: later lines land there (M49, C7)."""
    row = session.scalar(
        select(ItemAccount).where(
            ItemAccount.provider == run.key.provider,
            ItemAccount.company_id == run.key.company_id,
            ItemAccount.item_id == item.id,
        )
    )
    if row is not None and account_id:
        row.account_id = account_id
        item.revision += 1
        note_change(session, "mapping", 0)


def clear_difference(session: Session, run: PullRun, kind: Kind, local_id: int) -> None:
    """A card that asked about a difference which is no more."""
    row = status_of(session, kind, local_id)
    if row is not None and ("fields" in (row.extra or {}) or (row.extra or {}).get("what")):
        run.clear(session, kind, local_id)


# --- new ones -------------------------------------------------------------------------------------------


async def _bring_new(run: PullRun, kind: Kind, unknown: Sequence[Record], *, first: bool, start: datetime) -> int:
    db = run.company.db
    if first:
        older = [one.external_id or "" for one in unknown if _was_there(one, start)]
        for part in portions(older, 500):
            await db.in_write(partial(_remember_older, run=run, kind=kind, ids=part))
    out = await db.in_read(lambda session: _stay_out(session, run, kind))
    new = [one for one in unknown if one.external_id not in out]
    if kind is Kind.ITEM and not run.company.provider.capabilities.sync_items:
        return 0  # products are made there as invoices need them (E9)
    if not new:
        return 0
    return await (_new_customers(run, new) if kind is Kind.CUSTOMER else _new_items(run, new))


def _was_there(record: Record, start: datetime) -> bool:
    """Whether it was made before connecting; where the service does not tell that, whether it was last changed then."""
    moment = getattr(record, "created_at", None) or record.updated_at
    return moment is None or moment < start


def _remember_older(session: Session, run: PullRun, kind: Kind, ids: Sequence[str]) -> None:
    run.check(session)
    known = _stay_out(session, run, kind)
    for external_id in ids:
        if external_id not in known:
            session.add(
                LeftOut(
                    provider=run.key.provider,
                    company_id=run.key.company_id,
                    kind=kind.value,
                    external_id=external_id,
                    older=True,
                )
            )


def _stay_out(session: Session, run: PullRun, kind: Kind) -> set[str]:
    """Left out by the owner, or there before connecting and never picked (E1)."""
    rows = session.scalars(
        select(LeftOut.external_id).where(
            LeftOut.provider == run.key.provider,
            LeftOut.company_id == run.key.company_id,
            LeftOut.kind == kind.value,
        )
    )
    return set(rows)


async def _new_customers(run: PullRun, new: Sequence[Record]) -> int:
    company = run.told_as
    records = [one for one in new if isinstance(one, CustomerRecord) and not one.merged_into]
    reviews = await review_customers(company, records)
    wanted = [one for one in reviews if one.preselected or one.standing is Standing.SAME]
    choices = [CustomerChoice(one.external_id, one.kind, "; ".join(one.reasons)) for one in wanted if one.preselected]
    result = await import_customers(company, wanted, choices, by_owner=False)
    run.pulled.note(CAME_IN, Kind.CUSTOMER, result.created)
    run.pulled.note(LINKED, Kind.CUSTOMER, result.linked)
    run.pulled.note(POSSIBLE, Kind.CUSTOMER, sum(_to_decide(one) for one in reviews))
    run.pulled.problems += result.problems
    return result.created + result.linked


def _to_decide(review: CustomerReview) -> bool:
    """Whether the owner has to say if it is one of ours (M35); one that is inactive there waits for nobody."""
    return review.standing is Standing.POSSIBLE and review.record.active and not review.left_out


async def _new_items(run: PullRun, new: Sequence[Record]) -> int:
    company = run.told_as
    records = [one for one in new if isinstance(one, ItemRecord)]
    reviews = await review_items(company, records)
    wanted = [one for one in reviews if one.preselected or one.standing is Standing.SAME]
    result = await import_items(company, wanted, [one.external_id for one in wanted if one.preselected])
    run.pulled.note(CAME_IN, Kind.ITEM, result.created)
    run.pulled.note(LINKED, Kind.ITEM, result.linked)
    run.pulled.problems += result.problems
    return result.created + result.linked
