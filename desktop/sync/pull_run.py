"""What every part of one pull shares: the company, the lease that it runs under, who asked, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.errors import ItemError
from desktop.models.connection import Connection, ExternalLink
from desktop.models.session import note_change
from desktop.models.states import CompanyKey, SyncState
from desktop.models.work import ActivityRow, SyncStatus
from desktop.providers.records import CompanySettings, Kind
from desktop.sync import failures
from desktop.sync.company import Company
from desktop.sync.leases import HeldLease, LeaseLost
from desktop.sync.pulled import ASKS, Pulled
from desktop.sync.work import stored_settings

PORTION = 100
"""Records in one transaction: short enough that the owner's own edits never wait for long."""

T = TypeVar("T")


SEEN = "seen"
"""In what a card knows: the values there that the owner was shown with it."""


@dataclass
class PullRun:
    """One pull. `actor` is the user who asked, "" for the weekly run."""

    company: Company
    held: HeldLease | None
    """None for what the owner decided about one record: that is one transaction of this desk."""
    actor: str = ""
    pulled: Pulled = field(default_factory=Pulled)
    behind: set[Kind] = field(default_factory=set)
    """Kinds of which something new could not be kept: read from the same moment again, until it can be."""

    @property
    def key(self) -> CompanyKey:
        return self.company.key

    @property
    def service(self) -> str:
        return self.company.provider.terms.service

    @property
    def desk(self) -> Desk:
        return self.company.desk

    @property
    def told_as(self) -> Company:
        """The company under the name of whoever asked, for what logs by the desk's account."""
        return replace(self.company, desk=replace(self.company.desk, account=self.actor))

    def now(self) -> datetime:
        return self.company.desk.clock.now()

    def check(self, session: Session) -> None:
        """Raises LeaseLost when another desk has taken over, or the owner disconnected meanwhile (M136, I12)."""
        if self.held is None:
            return
        if not self.company.leases.still_held(session, self.held) or not self.connection(session).live:
            raise LeaseLost

    def connection(self, session: Session) -> Connection:
        return session.get_one(Connection, self.company.connection_id)

    def settings(self, session: Session) -> CompanySettings:
        return stored_settings(session, self.connection(session))

    def log(
        self,
        session: Session,
        kind: Kind,
        local_id: int,
        label: str,
        action: str,
        external_id: str,
        fields: Sequence[str] = (),
        *,
        result: str = "done",
        message: str = "",
    ) -> None:
        """One line of the activity list, direction "in" (N1)."""
        row = ActivityRow(
            at=self.now(),
            actor=self.actor,
            direction="in",
            provider=self.key.provider,
            company_id=self.key.company_id,
            kind=kind.value,
            local_id=local_id,
            label=failures.printable(label)[:500],
            action=action,
            fields=list(fields),
            result=result,
            message=failures.printable(message),
            external_id=external_id[:128],
        )
        session.add(row)
        note_change(session, "activity", local_id)

    def not_kept(self, kind: Kind, name: str, why: str) -> None:
        """Something made there that our books can't hold as it is: told at each pull until it came in (I2)."""
        self.pulled.problems.append((name, why))
        self.behind.add(kind)

    def ask(
        self, session: Session, kind: Kind, local_id: int, label: str, error: ItemError, extra: dict[str, Any]
    ) -> None:
        """The owner must decide; told once, however often the same is seen."""
        row = status_of(session, kind, local_id)
        known = {name: value for name, value in (row.extra or {}).items() if name != SEEN} if row is not None else {}
        asked = row is not None and known == extra and row.title == failures.printable(error.title)
        if row is not None and asked and row.state in (SyncState.NEEDS_YOU.value, SyncState.CONFLICT.value):
            return
        failures.fail(session, self.now(), kind.value, local_id, label, error, extra)
        self.pulled.note(ASKS, kind)

    def clear(self, session: Session, kind: Kind, local_id: int) -> None:
        """Nothing stands in this record's way any more."""
        failures.clear(session, self.now(), [(kind.value, local_id)])


def status_of(session: Session, kind: Kind, local_id: int) -> SyncStatus | None:
    """What stands in the way of the record, if anything does."""
    return session.scalar(select(SyncStatus).where(SyncStatus.kind == kind.value, SyncStatus.local_id == local_id))


def links_to(session: Session, key: CompanyKey, kind: Kind, external_ids: Iterable[str]) -> dict[str, ExternalLink]:
    """The primary links of these records there, by external id."""
    found: dict[str, ExternalLink] = {}
    for part in portions(list(dict.fromkeys(external_ids)), 500):
        rows = session.scalars(
            select(ExternalLink).where(
                ExternalLink.provider == key.provider,
                ExternalLink.company_id == key.company_id,
                ExternalLink.kind == kind.value,
                ExternalLink.alias == 0,
                ExternalLink.external_id.in_(part),
            )
        )
        found.update((row.external_id, row) for row in rows)
    return found


def portions(rows: Sequence[T], size: int = PORTION) -> Iterator[Sequence[T]]:
    """`rows` in slices."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
