"""The activity log for reading: what was written where, by whom, with which result (N1). Nothing here writes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from desktop.models.work import ActivityRow


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """What the list shows."""

    result: str = ""
    """"done", "refused", "in_doubt", "waiting" or "noted"; "" for all."""
    kind: str = ""
    """"customer", "item", "invoice", "payment" or "connection"; "" for all."""
    text: str = ""
    """Words that must all occur in the label, the message, the user's name, the service's id or its request's."""
    since: datetime | None = None
    """Only lines from this moment on, in UTC."""
    until: datetime | None = None
    """Only lines before this moment, in UTC."""
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class Activity:
    """One line of the log; times in UTC."""

    id: int
    at: datetime
    actor: str
    """"" for the program itself."""
    direction: str
    """"out", "in" or "here"."""
    provider: str
    kind: str
    local_id: int | None
    label: str
    action: str
    fields: tuple[str, ...]
    result: str
    message: str
    external_id: str
    service_ref: str
    """The service's own id of the request."""


def activity_ids(session: Session, wanted: ActivityFilter) -> array[int]:
    """Ids of the lines that the filter lets through, in order of time."""
    query = select(ActivityRow.id).where(*_conditions(wanted))
    order = (ActivityRow.at, ActivityRow.id)
    ordered = query.order_by(*(each.desc() for each in order)) if wanted.newest_first else query.order_by(*order)
    return array("q", session.scalars(ordered))


def activity_rows(session: Session, ids: Sequence[int]) -> list[Activity]:
    """The lines with these ids, in no particular order."""
    return [_plain(row) for row in session.scalars(select(ActivityRow).where(ActivityRow.id.in_(list(ids))))]


def activity_counts(session: Session, wanted: ActivityFilter = ActivityFilter()) -> dict[str, int]:  # noqa: B008
    """How many lines there are by result, whatever result is `wanted`, and under "" in all."""
    conditions = _conditions(replace(wanted, result=""))
    query = select(ActivityRow.result, func.count()).where(*conditions).group_by(ActivityRow.result)
    counts = {result: count for result, count in session.execute(query)}
    return {**counts, "": sum(counts.values())}


def _conditions(wanted: ActivityFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.result:
        conditions.append(ActivityRow.result == wanted.result)
    if wanted.kind:
        conditions.append(ActivityRow.kind == wanted.kind)
    if wanted.since is not None:
        conditions.append(ActivityRow.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(ActivityRow.at < wanted.until)
    row = ActivityRow
    columns = (row.label, row.message, row.actor, row.external_id, row.service_ref)
    for word in wanted.text.split():
        conditions.append(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    return conditions


def _plain(row: ActivityRow) -> Activity:
    return Activity(
        id=row.id,
        at=row.at,
        actor=row.actor,
        direction=row.direction,
        provider=row.provider,
        kind=row.kind,
        local_id=row.local_id,
        label=row.label,
        action=row.action,
        fields=tuple(row.fields or ()),
        result=row.result,
        message=row.message,
        external_id=row.external_id,
        service_ref=row.service_ref,
    )
