"""Where records stand towards the connected company: the one rule that lists, chips and details show.

What stands in the way of a record, or a run that has it in hand, is stored (`sync_status`). Everything else
is derived: not linked, changed since both sides agreed, promised, or in sync. An invoice stands for its
payments too: it is in sync only if they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import filterfalse
from typing import Any

from sqlalchemy import ColumnElement, and_, select, union_all
from sqlalchemy.orm import Session

from desktop.books.raw_ids import id_set
from desktop.models.connection import ExternalLink
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.states import CompanyKey, SyncState
from desktop.models.tables import RECORDS
from desktop.models.work import OutboxEntry, SyncStatus

URGENCY = (
    SyncState.NEEDS_YOU,
    SyncState.CONFLICT,
    SyncState.IN_DOUBT,
    SyncState.SYNCING,
    SyncState.WAITING,
    SyncState.QUEUED,
    SyncState.CHANGED,
    SyncState.NOT_SYNCED,
    SyncState.SYNCED,
)
"""What an owner wants to see first; the order in which the sync column is sorted."""
RANK = {state: rank for rank, state in enumerate(URGENCY)}

Ids = Sequence[int] | None
"""The records asked about; None for all."""


@dataclass(frozen=True, slots=True)
class States:
    """The states of the records asked about, kept as what differs from the rule."""

    unlinked: set[int] | None
    """None: no company is connected, nothing is linked."""
    changed: set[int] = field(default_factory=set)
    queued: set[int] = field(default_factory=set)
    stored: dict[int, SyncState] = field(default_factory=dict)

    def of(self, local_id: int) -> SyncState:
        """The state of one record."""
        if (stored := self.stored.get(local_id)) is not None:
            return stored
        if self.unlinked is None or local_id in self.unlinked:
            return SyncState.QUEUED if local_id in self.queued else SyncState.NOT_SYNCED
        if local_id in self.changed:
            return SyncState.CHANGED
        return SyncState.QUEUED if local_id in self.queued else SyncState.SYNCED

    def lacking(self, ids: Iterable[int], staying: set[int]) -> Iterator[int]:
        """Those of `ids` that the company lacks or holds in an older state, and that nobody has promised.

        `staying` are records that never leave unless they are there already: drafts, and void ones.
        """
        if self.unlinked is None:
            return filterfalse((self.queued | self.stored.keys() | staying).__contains__, ids)
        lacking = (self.unlinked - self.queued - staying) | (self.changed - self.unlinked)
        return filter((lacking - self.stored.keys()).__contains__, ids)


def link_of(company: CompanyKey | None, kind: str) -> ColumnElement[bool]:
    """The condition for links of this kind in this company; never true without a company."""
    if company is None:
        return ExternalLink.kind == ""  # false by an index: a bare FALSE makes SQLite read all links per row
    return and_(
        ExternalLink.kind == kind,
        ExternalLink.provider == company.provider,
        ExternalLink.company_id == company.company_id,
    )


def invoice_states(session: Session, company: CompanyKey | None) -> States:
    """The states of all invoices, their payments included (`invoice_lists` reads those of a page)."""
    part = PaymentAllocation
    states = record_states(session, company, "invoice")
    add_payment_states(states, _troubled_payments(session))
    promised = select(part.invoice_id).join(
        OutboxEntry, and_(OutboxEntry.kind == "payment", OutboxEntry.local_id == part.payment_id)
    )
    states.queued.update(id_set(session, promised))
    if company is not None:
        states.changed.update(id_set(session, _unsent_payments(company)))
    return states


def invoices_needing_you(session: Session) -> set[int]:
    """Invoices that wait for a decision of the owner, or one of whose payments does."""
    own = select(SyncStatus.local_id, SyncStatus.state).where(SyncStatus.kind == "invoice")
    states = States(None, stored={local_id: SyncState(state) for local_id, state in session.execute(own)})
    add_payment_states(states, _troubled_payments(session))
    return {each for each, state in states.stored.items() if state in (SyncState.NEEDS_YOU, SyncState.CONFLICT)}


def first_needing_you(session: Session) -> tuple[str, int] | None:
    """(kind, local id) of a record that waits for a decision of the owner: an invoice where there is one."""
    invoices = invoices_needing_you(session)
    if invoices:
        return "invoice", max(invoices)
    asking = SyncStatus.state.in_((SyncState.NEEDS_YOU.value, SyncState.CONFLICT.value))
    query = select(SyncStatus.kind, SyncStatus.local_id).where(asking, SyncStatus.kind.in_(("customer", "item")))
    found = session.execute(query.order_by(SyncStatus.kind, SyncStatus.local_id).limit(1)).first()
    return (found[0], found[1]) if found is not None else None


def _troubled_payments(session: Session) -> Iterable[Any]:
    part = PaymentAllocation
    return session.execute(
        select(part.invoice_id, SyncStatus.state).join(
            SyncStatus, and_(SyncStatus.kind == "payment", SyncStatus.local_id == part.payment_id)
        )
    )


def add_payment_states(states: States, troubled: Iterable[Any]) -> None:
    """Let invoices without a stored state of their own show the most urgent one of their payments."""
    worst: dict[int, SyncState] = {}
    for invoice_id, state in troubled:
        known = worst.get(invoice_id, SyncState.SYNCED)
        worst[invoice_id] = min(known, SyncState(state), key=lambda each: RANK[each])
    for invoice_id, found in worst.items():
        states.stored.setdefault(invoice_id, found)


def record_states(session: Session, company: CompanyKey | None, kind: str, ids: Ids = None) -> States:
    """The states of customers, items or payments."""
    stored = select(SyncStatus.local_id, SyncStatus.state).where(SyncStatus.kind == kind)
    promised = select(OutboxEntry.local_id).where(OutboxEntry.kind == kind)
    states = States(
        unlinked=None if company is None else _unlinked(session, company, kind, ids),
        queued=id_set(session, _only(promised, OutboxEntry.local_id, ids)),
        stored={
            local_id: SyncState(state) for local_id, state in session.execute(_only(stored, SyncStatus.local_id, ids))
        },
    )
    if company is not None:
        table = RECORDS[kind]
        older = (
            select(ExternalLink.local_id)
            .join(table, table.id == ExternalLink.local_id)
            .where(link_of(company, kind), ExternalLink.agreed_revision < table.revision)
        )
        states.changed.update(id_set(session, _only(older, ExternalLink.local_id, ids)))
    return states


def _unlinked(session: Session, company: CompanyKey, kind: str, ids: Ids) -> set[int]:
    there = select(ExternalLink.local_id).where(link_of(company, kind))
    if ids is not None:
        return set(ids) - id_set(session, _only(there, ExternalLink.local_id, ids))
    table = RECORDS[kind]
    return id_set(session, select(table.id).where(table.id.not_in(there)))


def _unsent_payments(company: CompanyKey) -> Any:
    """Invoices with a payment that the company does not hold, or holds in an older state.

    A payment taken back counts while its link still says that it is there.
    """
    part, linked = PaymentAllocation, link_of(company, "payment")
    there = select(ExternalLink.local_id).where(linked)
    older = (
        select(ExternalLink.local_id)
        .join(Payment, Payment.id == ExternalLink.local_id)
        .where(linked, ExternalLink.agreed_revision < Payment.revision)
    )
    deleted = select(Payment.id).where(Payment.deleted)
    return union_all(
        select(part.invoice_id).where(part.payment_id.not_in(there), part.payment_id.not_in(deleted)),
        select(part.invoice_id).where(part.payment_id.in_(older)),
    )


def _only(query: Any, column: Any, ids: Ids) -> Any:
    return query if ids is None else query.where(column.in_(ids))


def in_order(ids: Iterable[int], states: States) -> list[int]:
    """`ids` by urgency, keeping their order among equals."""
    buckets: dict[SyncState, list[int]] = {state: [] for state in URGENCY}
    for local_id in ids:
        buckets[states.of(local_id)].append(local_id)
    return [local_id for state in URGENCY for local_id in buckets[state]]


def with_state(query: Any, kind: str, own_id: Any, company: CompanyKey | None) -> Any:
    """`query` with what link, status and outbox say about each record: one query for a page, not four."""
    link, status, entry = ExternalLink, SyncStatus, OutboxEntry
    return (
        query.add_columns(link.agreed_revision, link.agreed_at, status.state, status.at, status.title)
        .add_columns(entry.id.label("promised"))
        .outerjoin(link, and_(link_of(company, kind), link.local_id == own_id))
        .outerjoin(status, and_(status.kind == kind, status.local_id == own_id))
        .outerjoin(entry, and_(entry.kind == kind, entry.local_id == own_id))
    )
