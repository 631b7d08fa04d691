"""Both versions of a record that differs here and there, so that the owner can choose between them (N10)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.errors import GoneRemote
from desktop.models.connection import Connection, ExternalLink
from desktop.models.customer import Customer
from desktop.providers.records import Address, InvoiceRecord, Kind, LineRecord, Record
from desktop.sync.company import Company
from desktop.sync.planning import Ours, Work, resolve
from desktop.sync.pull_run import SEEN, status_of
from desktop.sync.settling import field_words
from desktop.sync.snapshots import compared, unlike
from desktop.sync.verifying import GONE_FIX, by_id, lookup_for
from desktop.sync.work import load_work

Value = str | bool | date | Decimal | tuple[LineRecord, ...] | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One field with both its values; amounts in the record's currency."""

    field: str
    """In the owner's words."""
    ours: Value
    theirs: Value


async def differences_of(
    company: Company, kind: Kind, local_id: int, fields: Collection[str] = ()
) -> tuple[Difference, ...]:
    """What reads differently here and there now, asked of the service; only `fields` (owner's words) if any are named.

    Empty where nothing is linked or nothing differs any more. What is shown of theirs is remembered with the card, so
    that an answer to it overwrites nothing newer (N10). Raises GoneRemote, ConnectionProblem.
    """
    ours, ids = await company.db.in_read(lambda session: _ours(session, company, kind, local_id))
    if ours is None or ours.link is None:
        return ()
    found = await company.provider.find(lookup_for([(kind, ours.link.external_id)]))
    theirs = by_id(found).get((kind, ours.link.external_id))
    if theirs is None:
        raise GoneRemote(company.provider.terms.service, ours.label, fix=GONE_FIX[kind])
    record = resolve(ours.record, ids) or ours.record
    names = [name for name in type(record).__dataclass_fields__ if name in unlike(kind, record, theirs)]
    if isinstance(record, InvoiceRecord) and isinstance(theirs, InvoiceRecord) and record.total != theirs.total:
        names.append("total")
    chosen = [name for name in names if not fields or field_words([name])[0] in fields] or names
    people = await company.db.in_read(lambda session: _people(session, company, record, theirs))
    seen = {name: value for name, value in compared(kind, theirs).items() if name in chosen}
    await company.db.in_write(lambda session: note_seen(session, kind, local_id, seen))
    return tuple(
        Difference(field_words([name])[0], _value(record, name, people), _value(theirs, name, people))
        for name in chosen
    )


def note_seen(session: Session, kind: Kind, local_id: int, seen: Mapping[str, Any]) -> None:
    """Remember with the record's card what the owner was shown of the values there."""
    row = status_of(session, kind, local_id)
    if row is not None:
        row.extra = {**(row.extra or {}), SEEN: dict(seen)}


def _ours(session: Session, company: Company, kind: Kind, local_id: int) -> tuple[Ours | None, Mapping[str, str]]:
    connection = session.get_one(Connection, company.connection_id)
    work: Work = load_work(session, connection, [(kind, local_id)], asked=True)
    ids = {name: one.link.external_id for name, one in work.ours.items() if one.link is not None}
    mine = next((one for one in work.ours.values() if (one.kind, one.local_id) == (kind, local_id)), None)
    return mine, ids


def _people(session: Session, company: Company, *records: Record) -> Mapping[str, str]:
    """Our names of the customers that the records name by the service's ids."""
    wanted = {str(getattr(record, "customer_id", "") or "") for record in records}
    rows = session.execute(
        select(ExternalLink.external_id, Customer.display_name)
        .join(Customer, Customer.id == ExternalLink.local_id)
        .where(
            ExternalLink.provider == company.key.provider,
            ExternalLink.company_id == company.key.company_id,
            ExternalLink.kind == Kind.CUSTOMER.value,
            ExternalLink.external_id.in_(wanted),
        )
    )
    return {external_id: name for external_id, name in rows}


def _value(record: Record, name: str, people: Mapping[str, str]) -> Value:
    value = getattr(record, name)
    if name == "customer_id":
        return people.get(value, str(value))
    if isinstance(value, Address):
        parts = (value.line1, value.city, value.region, value.postal_code)
        return ", ".join(part for part in parts if part)
    if value is None or isinstance(value, bool | date | Decimal):
        return value
    if name == "lines":
        return tuple(value)
    return str(value)
