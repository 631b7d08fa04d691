"""Is the company that answers still the one whose records we hold links to? (W4)

A company can be emptied and filled with other data under the same id; its numbers may then even be the ones we know.
After each sign-in, before the first write, some linked records of each kind are read in one look-up and compared with
what was last agreed on. Only where nearly all of them are somebody else's, or are gone from a company that holds
other records, the sync stops and the owner is asked: one record that was changed or deleted there proves nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.errors import OtherBooks
from desktop.models.connection import Connection, ExternalLink
from desktop.models.session import note_change
from desktop.models.states import CompanyKey
from desktop.models.tables import RECORDS
from desktop.models.work import SyncStatus
from desktop.providers.base import marker_for
from desktop.providers.records import Kind, Page, Record
from desktop.sync.asking import ask_apart
from desktop.sync.company import Company
from desktop.sync.planning import Ours
from desktop.sync.snapshots import compared
from desktop.sync.verifying import by_id, lookup_for
from desktop.sync.work import AGAIN

SAMPLE: Mapping[Kind, int] = {Kind.CUSTOMER: 5, Kind.ITEM: 3, Kind.INVOICE: 5, Kind.PAYMENT: 3}
"""So many of the newest links of each kind are looked at, and as many of the oldest: whoever deletes the few records
of a first try must not make the whole company look strange. One call for each kind at most, whatever the service."""
FEW = 3
"""Fewer strange records than these say nothing."""
MANY_GONE = 6
"""Fewer missing records than these say nothing: somebody may have tidied up a first try."""

Snapshot = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """One linked record as we know it."""

    kind: Kind
    external_id: str
    marker: str
    """Our stamp, which some services keep for us."""
    versions: tuple[Snapshot, ...]
    """How it may read there: as last agreed, in the service's words and in ours."""


@dataclass
class Seen:
    """How many of the linked records were found as themselves, as somebody else's, or not at all."""

    same: int = 0
    others: int = 0
    missing: int = 0

    @property
    def strange(self) -> bool:
        """Nearly all are somebody else's, and more than a few."""
        return self._nearly_all and self.others >= FEW

    @property
    def vanished(self) -> bool:
        """Nearly all are gone: strange only in a company that holds other records."""
        return self._nearly_all and self.others + self.missing >= MANY_GONE

    @property
    def _nearly_all(self) -> bool:
        return self.same * 9 <= self.others + self.missing


# --- before the first write ----------------------------------------------------------------------------


async def prove_if_new(company: Company) -> None:
    """After a sign-in, and while the owner has not decided: `prove`. No call otherwise. Raises ConnectionProblem."""
    if await company.db.in_read(lambda session: session.get_one(Connection, company.connection_id).unproven):
        await prove(company)


async def prove(company: Company) -> None:
    """Read a sample of what is linked. Raises OtherBooks when the company is not as it was, ConnectionProblem."""
    known = await company.db.in_read(partial(sample, key=company.key))
    strange = False
    if known:
        answers = await ask_apart(company.provider, lookup_for((one.kind, one.external_id) for one in known))
        unread = {value for _, value in answers.unreadable}
        readable = [one for one in known if one.external_id not in unread]
        seen = look(readable, by_id(answers.found), whole=frozenset(Kind))
        strange = seen.strange or (seen.vanished and await _holds_others(company))
    await company.db.in_write(partial(_note, company=company, unproven=strange))
    if strange:
        raise await company.db.in_read(partial(_told, company=company))


def _note(session: Session, company: Company, unproven: bool) -> None:
    row = session.get_one(Connection, company.connection_id)
    if row.unproven != unproven:
        row.unproven = unproven
        note_change(session, "connection", row.id)


def _told(session: Session, company: Company) -> OtherBooks:
    row = session.get_one(Connection, company.connection_id)
    return OtherBooks(company.provider.terms.service, row.company_name or row.company_id)


async def _holds_others(company: Company) -> bool:
    """Whether there is anything that we did not link: a company that lists nothing at all may just not be answering."""
    readers: Sequence[tuple[Kind, Callable[[], AsyncIterator[Page[Any]]]]] = (
        (Kind.CUSTOMER, company.provider.customers),
        (Kind.INVOICE, company.provider.invoices),
    )
    for kind, reader in readers:
        async for page in reader():
            ids = [record.external_id or "" for record in page.records]
            linked = await company.db.in_read(partial(_linked, key=company.key, kind=kind, ids=ids))
            if set(ids) - linked:
                return True
            break  # the first page is enough
    return False


def _linked(session: Session, key: CompanyKey, kind: Kind, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(ids), 500):
        rows = session.scalars(
            _links(key, kind)
            .with_only_columns(ExternalLink.external_id)
            .where(ExternalLink.external_id.in_(ids[start : start + 500]))
        )
        found.update(rows)
    return found


# --- what is known ---------------------------------------------------------------------------------------


def _links(key: CompanyKey, kind: Kind) -> Any:
    return select(ExternalLink).where(
        ExternalLink.provider == key.provider,
        ExternalLink.company_id == key.company_id,
        ExternalLink.kind == kind.value,
        ExternalLink.alias == 0,
    )


def sample(session: Session, key: CompanyKey) -> list[Known]:
    """The newest and the oldest links of each kind, without those of which is known that their record is gone."""
    found: list[Known] = []
    for kind, count in SAMPLE.items():
        rows: dict[int, ExternalLink] = {}
        for order in (ExternalLink.id.desc(), ExternalLink.id.asc()):
            rows.update((row.id, row) for row in session.scalars(_links(key, kind).order_by(order).limit(count)))
        gone = _known_gone(session, kind, [row.local_id for row in rows.values()])
        found += _known(session, kind, [row for row in rows.values() if row.local_id not in gone])
    return found


def _known_gone(session: Session, kind: Kind, ids: Sequence[int]) -> set[int]:
    rows = session.scalars(select(SyncStatus).where(SyncStatus.kind == kind.value, SyncStatus.local_id.in_(ids)))
    return {row.local_id for row in rows if (row.extra or {}).get("gone")}


def _known(session: Session, kind: Kind, links: Sequence[ExternalLink]) -> list[Known]:
    table = RECORDS[kind.value]
    rows = session.execute(select(table.id, table.uuid).where(table.id.in_([link.local_id for link in links])))
    marks = {local_id: uuid for local_id, uuid in rows}
    found = []
    for link in links:
        agreed = link.agreed or {}
        versions = tuple(agreed[side] for side in ("theirs", "ours") if agreed.get(side))
        taken_back = agreed.get("ours", {}).get("voided") is True
        if link.local_id in marks and versions and not taken_back and not agreed.get(AGAIN):
            marker = marker_for(marks[link.local_id], link.generation)
            found.append(Known(kind, link.external_id, marker, versions))
    return found


def known_of(ours: Iterable[Ours]) -> list[Known]:
    """The same for records that a push has loaded; our own newest version counts as well."""
    found = []
    for one in ours:
        if one.link is not None and not one.link.alias and one.link.agreed_theirs:
            versions = (one.link.agreed_theirs, one.link.agreed_ours, compared(one.kind, one.record))
            found.append(Known(one.kind, one.link.external_id, marker_for(one.uuid, one.generation), versions))
    return found


# --- the comparison ----------------------------------------------------------------------------------------


def look(
    known: Iterable[Known], records: Mapping[tuple[Kind, str], Record], *, whole: frozenset[Kind] = frozenset()
) -> Seen:
    """Compare what is linked with what was read; only of the kinds in `whole` does an absence count."""
    seen = Seen()
    for one in known:
        record = records.get((one.kind, one.external_id))
        if record is None:
            seen.missing += one.kind in whole
            continue
        same = _is_same(one, record)
        seen.same += same is True
        seen.others += same is False
    return seen


def _is_same(known: Known, record: Record) -> bool | None:
    """Whether it is the record that was linked, perhaps edited since; None where that says nothing."""
    if known.marker and getattr(record, "marker", "") == known.marker:
        return True
    now = compared(known.kind, record)
    same = any(_ALIKE[known.kind](version, now) for version in known.versions)
    if same and known.kind is Kind.ITEM and now["unit_price"] in (None, "0"):
        return None  # every new company of a service begins with the same few items
    return same


def _equal(name: str, agreed: Snapshot, now: Snapshot) -> bool:
    left, right = agreed.get(name), now.get(name)
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.strip().casefold(), right.strip().casefold()
    return left not in (None, "", []) and left == right


def _same_customer(agreed: Snapshot, now: Snapshot) -> bool:
    return _equal("display_name", agreed, now) or _equal("email", agreed, now)


def _same_item(agreed: Snapshot, now: Snapshot) -> bool:
    return _equal("name", agreed, now)


def _same_invoice(agreed: Snapshot, now: Snapshot) -> bool:
    """Numbers begin anew in every company: the day or the lines have to be the same as well."""
    return _equal("number", agreed, now) and (_equal("issued_on", agreed, now) or _equal("lines", agreed, now))


def _same_payment(agreed: Snapshot, now: Snapshot) -> bool:
    return _equal("amount", agreed, now) and _equal("paid_on", agreed, now)


_ALIKE: Mapping[Kind, Callable[[Snapshot, Snapshot], bool]] = {
    Kind.CUSTOMER: _same_customer,
    Kind.ITEM: _same_item,
    Kind.INVOICE: _same_invoice,
    Kind.PAYMENT: _same_payment,
}
