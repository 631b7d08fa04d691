"""Fields of an answer, read strictly, for all providers alike: what the contract doesn't allow is never guessed at.

A field that is null counts as absent. (B3, B7)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from desktop.errors import AnswerUnreadable
from desktop.providers.answers import Answer
from desktop.providers.base import InDoubt, Outcome

Payload = Mapping[str, Any]
RowT = TypeVar("RowT")

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class Unreadable(Exception):
    """A part of an answer that the contract doesn't allow; nothing is guessed from it."""


class Understanding:
    """Turns an unreadable answer to a read into a problem of the connection: never into "nothing there".

    The way by which it came is left: an answer may have been another call's (N11). Raises AnswerUnreadable.
    """

    def __init__(self, service: str, answer: Answer | None) -> None:
        self._service, self._answer = service, answer

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Unreadable):
            reference = ""
            if self._answer is not None:
                self._answer.leave()
                reference = self._answer.service_ref
            raise AnswerUnreadable(self._service, service_ref=reference, details=f"not understood: {error}") from error


def leave_doubtful(answer: Answer, outcomes: Sequence[Outcome]) -> None:
    """An answer that leaves a write in doubt may have been another call's: its way is not used again (N11)."""
    if any(isinstance(outcome, InDoubt) for outcome in outcomes):
        answer.leave()


def part(payload: Payload, name: str) -> Payload:
    """The object at `name`, empty if absent. Raises Unreadable for anything else."""
    value = payload.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is not an object")
    return value


def parts(payload: Payload, name: str) -> list[Payload]:
    """The list of objects at `name`, empty if absent. Raises Unreadable for anything else."""
    value = payload.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise Unreadable(f"{name} is not a list of objects")
    return value


def text(payload: Payload, name: str) -> str:
    """The text at `name`, "" if absent. Raises Unreadable for anything else."""
    value = payload.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"{name} is not text")
    return value


def day(payload: Payload, name: str) -> date | None:
    """The date at `name`, None if absent or blank. Raises Unreadable for anything else."""
    value = text(payload, name)
    if not value:
        return None
    if not _DATE.fullmatch(value):
        raise Unreadable(f"{name} is not a date")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Unreadable(f"{name} is no day of the calendar") from None


def instant(value: object) -> datetime | None:
    """An instant with its offset as UTC; None where either is missing, because it can't be known then."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def read_all(
    rows: Iterable[Payload], read: Callable[[Payload], RowT], wanted: Callable[[Payload], bool] = lambda payload: True
) -> tuple[tuple[RowT, ...], int]:
    """The readable records, and how many could not be read: one bad row hides no other."""
    records, unreadable = [], 0
    for row in rows:
        if not wanted(row):
            continue
        try:
            records.append(read(row))
        except Unreadable:
            unreadable += 1
    return tuple(records), unreadable
