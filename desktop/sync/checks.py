"""Why doesn't it sync? Looks at everything that can stand in the way and names the cause (M140).

The checks run in the order in which causes hide each other: sign-in and permissions, switches, accounts, then the
records themselves. Each answer is a sentence with the one action that mends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desktop.books.outbox import live_connection
from desktop.errors import BlueClerkError, Concern, ConnectionProblem, Fix
from desktop.models.connection import Connection, ExternalLink
from desktop.models.customer import Customer
from desktop.models.item import Item
from desktop.models.states import ConnectionState, Switches, SyncState
from desktop.models.work import OutboxEntry, SyncStatus
from desktop.providers.records import Kind
from desktop.sync.company import Company
from desktop.sync.mapping import mapping_view
from desktop.sync.settings import refresh_settings
from desktop.text import tr

NAMED = 5
"""Records named in one sentence; the rest are counted."""


class Outcome(StrEnum):
    """What a check came to; also the colour it is shown in."""

    GOOD = "good"
    NOTE = "info"  # nothing is wrong, but it explains why something was not sent
    WAITS = "wait"  # goes on by itself, or when the owner says so
    CAUSE = "bad"  # nothing is sent until this is mended


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    key: str
    """connect, sign_in, permission, switches, mapping, records, waiting or before."""
    outcome: Outcome
    title: str
    advice: str = ""
    fix: Fix = Fix.NONE
    concerns: tuple[Concern, ...] = ()
    subject: tuple[str, int] = ("", 0)
    """The record of ours that the fix is about, if it is one."""


def cause(checks: Sequence[Check]) -> Check | None:
    """The first thing to mend; without one, what it waits for; None when all is in order."""
    for outcome in (Outcome.CAUSE, Outcome.WAITS, Outcome.NOTE):
        for one in checks:
            if one.outcome is outcome:
                return one
    return None


def not_connected() -> Check:
    """There is nothing to sync with."""
    return Check(
        "connect",
        Outcome.CAUSE,
        tr("No accounting service is connected."),
        tr("Connect one in Settings > Integrations."),
        Fix.RECONNECT,
    )


def refused(problem: BlueClerkError) -> Check:
    """The desk can't use its own sign-in, or the service refuses it."""
    waits = problem.retryable
    key = "sign_in" if problem.fix is Fix.RECONNECT or waits else "permission"
    return Check(key, Outcome.WAITS if waits else Outcome.CAUSE, problem.title, problem.advice, problem.fix)


async def run_checks(company: Company, kind: Kind | None = None, local_id: int | None = None) -> list[Check]:
    """Everything that can keep a record, or all of `kind`, or anything at all from the service, asked of it now.

    One read at the service, no write anywhere but to our copy of its settings. Never raises ConnectionProblem:
    that is an answer too.
    """
    try:
        await refresh_settings(company, force=True)
        asked = None
    except ConnectionProblem as problem:
        asked = refused(problem)
    return await company.db.in_read(lambda session: _looked(session, company, kind, local_id, asked))


def _looked(
    session: Session, company: Company, kind: Kind | None, local_id: int | None, asked: Check | None
) -> list[Check]:
    connection = session.get_one(Connection, company.connection_id)
    found = [asked or _access(connection, company)]
    found += _switches(session, company, kind)
    if kind in (None, Kind.ITEM, Kind.INVOICE):
        found += _mapping(session, company, local_id if kind is Kind.ITEM else None)
    found += _records(session, kind, local_id)
    found += _waiting(session, kind, local_id)
    if kind in (Kind.ITEM, Kind.CUSTOMER):
        found += _from_before(session, company, kind, local_id, connection)
    return found


def _access(connection: Connection, company: Company) -> Check:
    """Reading worked just now; what was refused when something was written last is kept with the connection."""
    service = company.provider.terms.service
    if connection.state == ConnectionState.REFUSED.value and connection.state_title:
        return Check(
            "permission",
            Outcome.CAUSE,
            connection.state_title,
            connection.state_advice,
            Fix(connection.state_fix) if connection.state_fix else Fix.RECONNECT,
        )
    return Check(
        "permission",
        Outcome.GOOD,
        tr("{service} answers, and the user who connected may read the books.", service=service),
    )


def _switches(session: Session, company: Company, kind: Kind | None) -> list[Check]:
    row = live_connection(session)
    on = Switches.from_json(row.switches or {}) if row is not None else Switches()
    words = {
        "invoices": (Kind.INVOICE, tr("Sync Invoices")),
        "payments": (Kind.PAYMENT, tr("Sync Payments")),
        "customers": (Kind.CUSTOMER, tr("Sync Customers")),
        "items": (Kind.ITEM, tr("Sync Items")),
    }
    found = []
    service = company.provider.terms.service
    for name, (about, switch) in words.items():
        if kind not in (None, about):
            continue
        if name == "items" and not company.provider.capabilities.sync_items:
            if kind is Kind.ITEM:
                title = tr("{service} gets a product when an invoice with it is sent.", service=service)
                found.append(Check("switches", Outcome.NOTE, title))
        elif not getattr(on, name):
            found.append(
                Check(
                    "switches",
                    Outcome.CAUSE if kind is about else Outcome.WAITS,
                    tr("{switch} is switched off.", switch=switch),
                    tr("While it is off, nothing of this kind is sent or read by itself."),
                    Fix.OPEN_SETTINGS,
                )
            )
    if not on.auto:
        found.append(
            Check(
                "switches",
                Outcome.WAITS,
                tr("Auto-Sync is off, so nothing goes out by itself."),
                tr("Press Sync Now, or switch Auto-Sync on."),
                Fix.OPEN_SETTINGS,
            )
        )
    return found or [Check("switches", Outcome.GOOD, tr("The sync switches are on."))]


def _mapping(session: Session, company: Company, item_id: int | None) -> list[Check]:
    provider = company.provider
    if not provider.capabilities.income_accounts:
        return []
    rows = mapping_view(session, company.key).rows
    missing = [row for row in rows if not row.usable and item_id in (None, row.item_id)]
    word = provider.terms.income_account
    if not missing:
        fine = tr("Every item has its {word}.", word=word) if item_id is None else tr("It has its {word}.", word=word)
        return [Check("mapping", Outcome.GOOD, fine)]
    names = ", ".join(f"“{row.name}”" for row in missing[:NAMED])
    more = len(missing) - NAMED
    if more > 0:
        names = tr("{names} and {count} more", names=names, count=more)
    title = (
        tr("{names} has no {word}.", names=names, word=word)
        if len(missing) == 1
        else tr("{names} have no {word}.", names=names, word=word)
    )
    return [
        Check(
            "mapping",
            Outcome.CAUSE,
            title,
            tr("An item without one is not sent, and an invoice with it waits."),
            Fix.OPEN_MAPPING,
            tuple(Concern(Kind.ITEM.value, row.item_id, row.name) for row in missing),
        )
    ]


def _records(session: Session, kind: Kind | None, local_id: int | None) -> list[Check]:
    query = select(SyncStatus).where(SyncStatus.state.in_((SyncState.NEEDS_YOU.value, SyncState.CONFLICT.value)))
    if kind is not None:
        query = query.where(SyncStatus.kind == kind.value)
    if local_id is not None:
        query = query.where(SyncStatus.local_id == local_id)
    rows = session.scalars(query.order_by(SyncStatus.at.desc(), SyncStatus.id.desc()).limit(NAMED)).all()
    return [
        Check(
            "records",
            Outcome.CAUSE,
            row.title,
            row.advice,
            Fix(row.fix) if row.fix else Fix.RETRY,
            tuple(Concern(**one) for one in row.concerns or ()),
            (row.kind, row.local_id),
        )
        for row in rows
    ]


def _waiting(session: Session, kind: Kind | None, local_id: int | None) -> list[Check]:
    query = select(func.count(OutboxEntry.id))
    if kind is not None:
        query = query.where(OutboxEntry.kind == kind.value)
    if local_id is not None:
        query = query.where(OutboxEntry.local_id == local_id)
    count = session.scalar(query) or 0
    if not count:
        return [Check("waiting", Outcome.GOOD, tr("Nothing waits to go out."))]
    title = tr("1 change waits to go out.") if count == 1 else tr("{count} changes wait to go out.", count=count)
    advice = tr("Press Sync Now to send it at once.") if count == 1 else tr("Press Sync Now to send them at once.")
    return [Check("waiting", Outcome.WAITS, title, advice, Fix.RETRY)]


def _from_before(
    session: Session, company: Company, kind: Kind, local_id: int | None, connection: Connection
) -> list[Check]:
    """What is older than the connection is not sent by itself (M74, C6): no fault, but a reason."""
    linked = select(ExternalLink.local_id).where(
        ExternalLink.kind == kind.value,
        ExternalLink.provider == company.key.provider,
        ExternalLink.company_id == company.key.company_id,
    )
    table: type[Item] | type[Customer] = Item if kind is Kind.ITEM else Customer
    older = [table.active.is_(True), table.created_at < connection.connected_at, table.id.not_in(linked)]
    if local_id is not None:
        older.append(table.id == local_id)
    count = session.scalar(select(func.count(table.id)).where(*older)) or 0
    if not count:
        return []
    if kind is Kind.ITEM:
        title = tr("1 item is older than the connection.") if count == 1 else ""
        title = title or tr("{count} items are older than the connection.", count=count)
        advice = tr("They go out with the first invoice that needs them, or with Sync on the item itself.")
    else:
        title = tr("1 customer is older than the connection.") if count == 1 else ""
        title = title or tr("{count} customers are older than the connection.", count=count)
        advice = tr("They go out with their first invoice, or with Sync on the customer.")
    return [Check("before", Outcome.NOTE, title, advice)]
