"""What changed there: the service's change feed, or whole lists where the feed can't tell (L5).

For each kind one moment is remembered up to which everything was brought in. A kind is read whole the first
time (so that what was there before connecting is known and stays out), when its moment lies further back
than the feed reaches, and where the service tells no deletions. Rows may come twice, in any order, and in
several versions: the newest one counts (L2-L4).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desktop.models.connection import Connection, ExternalLink, PullCursor
from desktop.models.states import Switches
from desktop.providers.base import Capabilities, Provider
from desktop.providers.records import Changes, Deleted, Kind, Page, Record
from desktop.sync.company import Company

SKEW = timedelta(minutes=15)
"""How far back a list's moment is set: the service's clock may be that far from what its answers say."""
SHORT_LIST = 1000
"""Linked records of one kind up to which a list is read whole on Sync Now to see what is gone there."""
PULLED = (Kind.CUSTOMER, Kind.ITEM, Kind.INVOICE, Kind.PAYMENT)
"""The order in which changes are applied: an invoice needs its customer, a payment its invoice."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to be read, and how."""

    kinds: tuple[Kind, ...]
    """Those whose switch is on (M61)."""
    cursors: Mapping[Kind, datetime]
    """Up to when each was brought in; a kind without one is new."""
    since: datetime
    """Where the feed starts; the connection's own start for a kind that is new (C6)."""
    whole: frozenset[Kind]
    """Read as whole lists."""

    def is_new(self, kind: Kind) -> bool:
        """Never read before through this connection."""
        return kind not in self.cursors

    @property
    def fed(self) -> tuple[Kind, ...]:
        return tuple(kind for kind in self.kinds if kind not in self.whole)


@dataclass
class Arrived:
    """Everything that a reading brought, newest version of each."""

    records: dict[Kind, dict[str, Record]] = field(default_factory=lambda: {kind: {} for kind in PULLED})
    deleted: list[Deleted] = field(default_factory=list)
    cursor: datetime | None = None
    unreadable: int = 0
    whole: frozenset[Kind] = frozenset()
    """Kinds of which everything was seen: what is linked and not among them is gone."""
    heirs: dict[str, Record] = field(default_factory=dict)
    """Customers into whom others were merged, looked up for their names alone."""

    def take(self, kind: Kind, records: Iterable[Record]) -> int:
        """Keep the newest version of each; says how many ids were new."""
        known, before = self.records[kind], len(self.records[kind])
        for record in records:
            external_id = record.external_id or ""
            if external_id and not _older(record, known.get(external_id)):
                known[external_id] = record
        return len(known) - before


def plan_reading(session: Session, company: Company, *, by_schedule: bool) -> Reading:
    """What to read now, from the switches and from how far the last pull came."""
    connection = session.get_one(Connection, company.connection_id)
    capabilities = company.provider.capabilities
    kinds = wanted_kinds(Switches.from_json(connection.switches))
    rows = session.scalars(select(PullCursor).where(PullCursor.connection_id == connection.id))
    cursors = {Kind(row.kind): row.cursor for row in rows}
    now = company.desk.clock.now()
    start = connection.connected_at - SKEW
    whole: set[Kind] = {kind for kind in kinds if kind not in cursors and kind in (Kind.CUSTOMER, Kind.ITEM)}
    silent = set(PULLED) - capabilities.tells_deleted - {Kind.PAYMENT}  # a payment's absence shows in its invoice
    reach = timedelta(days=capabilities.change_feed_days) - timedelta(hours=1)
    whole |= {kind for kind in kinds if now - cursors.get(kind, start) >= reach}
    whole |= {kind for kind in silent & set(kinds) if by_schedule or _linked(session, company, kind) <= SHORT_LIST}
    since = min((cursors.get(kind, start) for kind in kinds if kind not in whole), default=start)
    return Reading(kinds, cursors, since, frozenset(whole))


def wanted_kinds(switches: Switches) -> tuple[Kind, ...]:
    """Kinds whose switch is on: a switch rules both directions (M61, E7)."""
    on = {
        Kind.CUSTOMER: switches.customers,
        Kind.ITEM: switches.items,
        Kind.INVOICE: switches.invoices,
        Kind.PAYMENT: switches.payments,
    }
    return tuple(kind for kind in PULLED if on[kind])


def _linked(session: Session, company: Company, kind: Kind) -> int:
    query = select(func.count(ExternalLink.id)).where(
        ExternalLink.provider == company.key.provider,
        ExternalLink.company_id == company.key.company_id,
        ExternalLink.kind == kind.value,
    )
    return session.scalar(query) or 0


async def read(company: Company, reading: Reading) -> Arrived:
    """Everything that `reading` asks for. Raises ConnectionProblem; nothing was written then."""
    arrived, whole = Arrived(), set(reading.whole)
    clock, provider = company.desk.clock, company.provider
    asked, began = provider.server_now(), clock.monotonic()
    moment: datetime | None = None
    if reading.fed:
        changes = await _changes(company.provider, reading)
        if changes is None:
            await _lists(company.provider, reading.fed, reading.since, arrived)
        elif changes.complete:
            _take_changes(arrived, changes, reading.fed)
            moment = changes.cursor
        else:  # more than the feed shows at once, or longer ago than it reaches (L5)
            whole.update(reading.fed)
            moment = changes.cursor
    await _lists(company.provider, [kind for kind in PULLED if kind in whole], None, arrived)
    arrived.whole = frozenset(whole) if not arrived.unreadable else frozenset()
    # before its first answer nobody knows the service's time: a clock here that is ahead must lose nothing (T1)
    began_there = min(asked, provider.server_now() - timedelta(seconds=clock.monotonic() - began))
    arrived.cursor = min(moment or began_there - SKEW, began_there)
    return arrived


async def _changes(provider: Provider, reading: Reading) -> Changes | None:
    """The feed's answer; None for a service whose lists tell the same with fewer calls."""
    if not feeds(provider.capabilities, reading.fed):
        return None
    return await provider.changes(reading.since)


def feeds(capabilities: Capabilities, kinds: Sequence[Kind]) -> bool:
    """Whether the feed tells something that lists of what changed don't: deletions."""
    return any(kind in capabilities.tells_deleted for kind in kinds)


def _take_changes(arrived: Arrived, changes: Changes, kinds: Sequence[Kind]) -> None:
    groups: Mapping[Kind, Sequence[Record]] = {
        Kind.CUSTOMER: changes.customers,
        Kind.ITEM: changes.items,
        Kind.INVOICE: changes.invoices,
        Kind.PAYMENT: changes.payments,
    }
    for kind in kinds:
        arrived.take(kind, groups[kind])
    arrived.deleted += [one for one in changes.deleted if one.kind in kinds]


async def _lists(provider: Provider, kinds: Iterable[Kind], since: datetime | None, arrived: Arrived) -> None:
    readers: Mapping[Kind, Callable[[datetime | None], AsyncIterator[Page[Any]]]] = {
        Kind.CUSTOMER: provider.customers,
        Kind.ITEM: provider.items,
        Kind.INVOICE: provider.invoices,
        Kind.PAYMENT: provider.payments,
    }
    for kind in kinds:
        async for page in readers[kind](since):
            arrived.take(kind, page.records)
            arrived.unreadable += page.unreadable


def _older(record: Record, known: Record | None) -> bool:
    """Whether `known` is the newer one of the two; what can't be told apart counts as it came."""
    if known is None:
        return False
    if record.updated_at is not None and known.updated_at is not None and record.updated_at != known.updated_at:
        return record.updated_at < known.updated_at
    mine, other = record.version or "", known.version or ""
    return mine.isdigit() and other.isdigit() and int(mine) < int(other)


def read_again(session: Session, company: Company, kind: Kind) -> None:
    """The next pull reads this kind from the moment of connecting: what it passed over then may be wanted now."""
    row = session.get(PullCursor, (company.connection_id, kind.value))
    if row is not None:  # else it was never read; and what lies before a reconnecting stays unread (M137)
        row.cursor = min(row.cursor, session.get_one(Connection, company.connection_id).connected_at - SKEW)


def keep_start(session: Session, connection: Connection) -> None:
    """Before its moment of connecting becomes a later one: what was never read is still read from this one on (M137).

    Else whatever happened there to linked records between the two would stay unknown here (I5). Customers and items
    need nothing: their first reading is a whole list.
    """
    for kind in (Kind.INVOICE, Kind.PAYMENT):
        if session.get(PullCursor, (connection.id, kind.value)) is None:
            start = connection.connected_at - SKEW
            session.add(PullCursor(connection_id=connection.id, kind=kind.value, cursor=start))


def store_cursors(session: Session, company: Company, kinds: Iterable[Kind], cursor: datetime) -> None:
    """Everything up to `cursor` is in; in the transaction of the last of it. It never goes back (T2)."""
    for kind in kinds:
        row = session.get(PullCursor, (company.connection_id, kind.value))
        if row is None:
            session.add(PullCursor(connection_id=company.connection_id, kind=kind.value, cursor=cursor))
        elif row.cursor < cursor:
            row.cursor = cursor
