"""Who changed what since both sides agreed: field by field, from the two snapshots of the link (C7, M92, N10).

Pure. A field that only they changed is taken, one that only we changed waits for the push, one that both
changed is the owner's to decide. Equal changes on both sides are no change at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desktop.providers.records import Kind, Record
from desktop.sync.snapshots import both, changed_fields, compared

STATES = frozenset({"voided", "draft"})
"""Not values but states: what was voided there is a question to the owner, never an edit to take over (N8)."""

Snapshot = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Merge:
    """What is to be done with each field that is not as it was agreed."""

    take: frozenset[str] = frozenset()
    """Changed there alone."""
    ours: frozenset[str] = frozenset()
    """Changed here alone."""
    clash: frozenset[str] = frozenset()
    """Changed on both sides, differently."""
    same: frozenset[str] = frozenset()
    """Changed there to what we have."""

    @property
    def changed_there(self) -> bool:
        return bool(self.take or self.clash or self.same)


def merge_sides(kind: Kind, ours: Record, theirs: Record, agreed: Mapping[str, Snapshot], *, edited: bool) -> Merge:
    """`agreed` holds both snapshots of the link; `edited` says whether our record was changed since (S7).

    A record that was never edited here can't be in conflict, however it reads: only what the owner did counts.
    """
    before: Snapshot = agreed.get("theirs", {})
    now = compared(kind, theirs)
    there = {name for name, value in now.items() if name in before and before[name] != value} - STATES
    here: set[str] = set()
    if edited:
        here = set(changed_fields(kind, ours, agreed.get("ours", {}))) - STATES
    mine, other = both(kind, ours, theirs)
    same = {name for name in there if mine[name] == other[name]}
    return Merge(
        take=frozenset(there - here - same),
        ours=frozenset(here - there),
        clash=frozenset((there & here) - same),
        same=frozenset(same),
    )


def agree_on(
    agreed: Mapping[str, Snapshot], ours: Snapshot, theirs: Snapshot, fields: frozenset[str]
) -> dict[str, Any]:
    """The snapshots with `fields` as both sides have them now; the others stay as they were last agreed."""
    return {
        **agreed,
        "ours": {**agreed.get("ours", {}), **{name: ours[name] for name in fields if name in ours}},
        "theirs": {**agreed.get("theirs", {}), **{name: theirs[name] for name in fields if name in theirs}},
    }
