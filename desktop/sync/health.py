"""Trouble that is coming, told before a push fails (M103).

A sign-in near its end, an account that was archived, a linked record made inactive, an invoice dated in a
closed period, pushes that wait for more than a day. Looked at once an hour from our own books; the service is
asked once a day, in two calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.errors import BlueClerkError, Concern, Fix
from desktop.models.connection import Connection, ExternalLink
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.models.states import InvoiceStatus
from desktop.models.work import OutboxEntry
from desktop.providers.records import Kind
from desktop.sync import failures
from desktop.sync.company import Company
from desktop.sync.mapping import mapping_view
from desktop.sync.settings import refresh_settings
from desktop.sync.work import stored_settings
from desktop.text import day_in_words, tr

SIGN_IN_WARNING = timedelta(days=14)
LONG_WAIT = timedelta(days=1)
LOOK_BACK = timedelta(days=29)
"""How far back the service is asked for records made inactive: its feed reaches 30 days."""


@dataclass(frozen=True, slots=True)
class HealthWarning:
    """One thing that will go wrong. `key` names it, so that it is told once and taken back when it is over."""

    key: str
    title: str
    advice: str
    fix: Fix
    concerns: tuple[Concern, ...] = ()


async def check_health(company: Company) -> list[HealthWarning]:
    """Look, tell each admin once, take back what is over. Raises ConnectionProblem when the service can't be asked."""
    asked = await refresh_settings(company)
    gone: list[tuple[Kind, str]] | None = None
    if asked:
        changes = await company.provider.changes(company.desk.clock.now() - LOOK_BACK)
        gone = [(Kind.CUSTOMER, c.external_id or "") for c in changes.customers if not c.active]
        gone += [(Kind.ITEM, i.external_id or "") for i in changes.items if not i.active]
    return await company.db.in_write(lambda session: _tell(session, company, gone))


def warnings(session: Session, company: Company) -> list[HealthWarning]:
    """What can be seen from our own books, without asking anybody."""
    connection = session.get_one(Connection, company.connection_id)
    found = [
        *_sign_in(connection, company),
        *_accounts(session, company),
        *_closed_period(session, connection, company),
        *_waiting(session, company),
    ]
    return found


def _sign_in(connection: Connection, company: Company) -> list[HealthWarning]:
    ends = connection.token_refresh_expires_at
    if ends is None or ends - company.desk.clock.now() > SIGN_IN_WARNING:
        return []
    service = company.provider.terms.service
    return [
        HealthWarning(
            "sign-in",
            tr("The sign-in to {service} ends on {day}.", service=service, day=day_in_words(ends.date())),
            tr("Sign in again before then, so that nothing has to wait."),
            Fix.RECONNECT,
        )
    ]


def _accounts(session: Session, company: Company) -> list[HealthWarning]:
    if not company.provider.capabilities.income_accounts:
        return []
    rows = [row for row in mapping_view(session, company.key).rows if row.account_id and not row.usable]
    if not rows:
        return []
    names = ", ".join(f"“{row.name}”" for row in rows[:5])
    return [
        HealthWarning(
            "accounts",
            tr("The account of {items} can no longer be used.", items=names),
            tr("Choose another one in Settings > Account Mapping before the next invoice."),
            Fix.OPEN_MAPPING,
            tuple(Concern(Kind.ITEM.value, row.item_id, row.name) for row in rows),
        )
    ]


def _closed_period(session: Session, connection: Connection, company: Company) -> list[HealthWarning]:
    closed = stored_settings(session, connection).closed_until
    if closed is None:
        return []
    linked = select(ExternalLink.local_id).where(
        ExternalLink.kind == Kind.INVOICE.value,
        ExternalLink.provider == company.key.provider,
        ExternalLink.company_id == company.key.company_id,
    )
    rows = session.execute(
        select(Invoice.id, Invoice.number)
        .where(
            Invoice.status != InvoiceStatus.VOID.value,
            Invoice.issued_on <= closed,
            Invoice.id.not_in(linked),
            (Invoice.status == InvoiceStatus.DRAFT.value) | (Invoice.sent_at >= connection.connected_at),
        )
        .order_by(Invoice.id)
        .limit(20)
    ).all()
    if not rows:
        return []
    numbers = ", ".join(number for _, number in rows[:5])
    service = company.provider.terms.service
    return [
        HealthWarning(
            "closed",
            tr("{numbers} are dated in a closed period of {service}.", numbers=numbers, service=service),
            tr("The books there are closed up to {day}: give them a later date.", day=day_in_words(closed)),
            Fix.EDIT_INVOICE,
            tuple(Concern(Kind.INVOICE.value, local_id, number, "issued_on") for local_id, number in rows),
        )
    ]


def _waiting(session: Session, company: Company) -> list[HealthWarning]:
    since = company.desk.clock.now() - LONG_WAIT
    count = len(session.scalars(select(OutboxEntry.id).where(OutboxEntry.created_at <= since)).all())
    if not count:
        return []
    return [
        HealthWarning(
            "waiting",
            tr("{count} changes have waited for more than a day.", count=count),
            tr("Press Sync Now and see what stands in their way."),
            Fix.RETRY,
        )
    ]


def _inactive(session: Session, company: Company, gone: Sequence[tuple[Kind, str]]) -> list[HealthWarning]:
    found = []
    for kind, external_id in gone:
        local_id = session.scalar(
            select(ExternalLink.local_id).where(
                ExternalLink.kind == kind.value,
                ExternalLink.provider == company.key.provider,
                ExternalLink.company_id == company.key.company_id,
                ExternalLink.external_id == external_id,
            )
        )
        if local_id is None:
            continue
        name = _active_name(session, kind, local_id)
        if not name:
            continue
        found.append(
            HealthWarning(
                f"inactive:{kind.value}:{local_id}",
                tr("“{name}” was made inactive in {service}.", name=name, service=company.provider.terms.service),
                tr("Make it active there before the next invoice, or link another record."),
                Fix.LINK_CUSTOMER if kind is Kind.CUSTOMER else Fix.LINK_ITEM,
                (Concern(kind.value, local_id, name),),
            )
        )
    return found


def _active_name(session: Session, kind: Kind, local_id: int) -> str:
    """What we call it; "" when it is inactive here too."""
    if kind is Kind.CUSTOMER:
        customer = session.get(Customer, local_id)
        return customer.display_name if customer is not None and customer.active else ""
    item = session.get(Item, local_id)
    return item.name if item is not None and item.active else ""


def _tell(session: Session, company: Company, gone: Sequence[tuple[Kind, str]] | None) -> list[HealthWarning]:
    found = warnings(session, company)
    now = company.desk.clock.now()
    kept = {f"health:{one.key}" for one in found}
    if gone is not None:
        inactive = _inactive(session, company, gone)
        found += inactive
        kept |= {f"health:{one.key}" for one in inactive}
    for one in found:
        problem = BlueClerkError(one.title, one.advice, concerns=one.concerns, fix=one.fix)
        failures.ring_once(session, now, f"health:{one.key}", company.connection_id, problem)
    failures.close_others(session, now, "health:", kept, but_prefix="" if gone is not None else "health:inactive:")
    return found
