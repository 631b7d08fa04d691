"""One entry of the bell a cause: five invoices that wait for one account are one thing to do, not five.

The database keeps an entry a record (M109), so that success closes each by itself; what people see is made here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy.orm import Session

from desktop.sync.failures import BellEntry, bell_entries

Cause = tuple[str, frozenset[tuple[str, int]]]
"""The way out, and the records that stand in the way."""


def cause_of(entry: BellEntry) -> Cause:
    """What has to be mended for this entry: other records that it names, else its own."""
    own = (entry.kind, entry.local_id)
    others = frozenset((one.kind, one.local_id) for one in entry.concerns if (one.kind, one.local_id) != own)
    return entry.fix.value, others or frozenset({own})


def by_cause(entries: Iterable[BellEntry]) -> list[BellEntry]:
    """One entry a cause, in the order of the newest of each; the rest of a cause are its `others`.

    A cause is read when all of its entries are.
    """
    groups: dict[Cause, list[BellEntry]] = {}
    for entry in entries:
        groups.setdefault(cause_of(entry), []).append(entry)
    return [
        replace(group[0], others=tuple(group[1:]), read=all(each.read for each in group)) for group in groups.values()
    ]


def open_causes(session: Session, account: str) -> list[BellEntry]:
    """What the bell shows to this user, newest first; nothing to a user who is no admin (M108)."""
    return by_cause(bell_entries(session, account))


def unread_causes(session: Session, account: str) -> int:
    """What the badge shows."""
    return sum(not entry.read for entry in open_causes(session, account))
