"""Look-ups of which one bad record spoils only its own question.

A service may hold a record that makes no sense to us. An answer with it can't be read, and "not found" must
never be guessed; so all is asked once more, and then halved until the question that can't be answered stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from desktop.errors import AnswerUnreadable
from desktop.providers.base import Provider
from desktop.providers.records import Found, Lookup, PaymentLookup

Question = tuple[str, str | PaymentLookup]
"""A field of `Lookup` and one of its values."""

SPLITS = 40
"""Look-ups that one run may spend on halving; what is still unread then counts as unreadable (I15)."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was found, and the questions whose answers can't be read."""

    found: Found
    unreadable: frozenset[Question] = frozenset()


async def ask_apart(provider: Provider, lookup: Lookup) -> Answers:
    """`provider.find`, with unreadable records kept apart. Raises ConnectionProblem."""
    waiting = [_questions(lookup)]
    parts: list[Found] = []
    bad: set[Question] = set()
    splits, again = 0, True
    while waiting:
        part = waiting.pop()
        if not part:
            continue
        try:
            parts.append(await provider.find(_lookup(part)))
        except AnswerUnreadable:
            if again:  # an answer that was damaged on its way, or belonged to another call, is right the next time
                again = False
                waiting.append(part)
                continue
            splits += 1
            if len(part) == 1 or splits > SPLITS:
                bad.update(part)
            else:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
    return Answers(_together(parts), frozenset(bad))


def _questions(lookup: Lookup) -> list[Question]:
    return [(one.name, value) for one in fields(lookup) for value in getattr(lookup, one.name)]


def _lookup(questions: Sequence[Question]) -> Lookup:
    values: dict[str, list[object]] = {}
    for name, value in questions:
        values.setdefault(name, []).append(value)
    return Lookup(**{name: tuple(found) for name, found in values.items()})  # type: ignore[arg-type]


def _together(parts: Sequence[Found]) -> Found:
    if len(parts) == 1:
        return parts[0]
    return Found(**{one.name: tuple(row for part in parts for row in getattr(part, one.name)) for one in fields(Found)})
