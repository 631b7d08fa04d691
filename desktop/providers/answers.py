"""What comes back over HTTP, read strictly: what is not plain, sane JSON is no answer at all (B2, B6)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from desktop.errors import ConnectionProblem

MAX_DEPTH = 100
MAX_DIGITS = 40
"""Longest number that is believed; 1e400 and its like are refused instead of carried into a sum."""


class BadBody(Exception):
    """The body can't be trusted: cut off, of another type or encoding, too deep, too large, ambiguous."""


class NothingSent(Exception):
    """A write that certainly was not done; `problem` is why the connection can't be used now."""

    def __init__(self, problem: ConnectionProblem) -> None:
        super().__init__(problem.title)
        self.problem = problem


class MaybeApplied(Exception):
    """A write that left, outcome unknown; `problem` is set if the connection is out as a whole."""

    def __init__(
        self, reason: str, *, problem: ConnectionProblem | None = None, service_ref: str = "", ended: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.ended = ended
        """The service itself answered 500: whatever it did is done."""
        self.problem = problem
        self.service_ref = service_ref


def _nowhere() -> None:
    """The way of an answer that came by none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer of the service, whatever its status below 500 (and 501, which is final)."""

    status: int
    json: Any = None
    """The parsed body; numbers with a point are Decimal. None where the body was empty or not JSON."""
    text: str = ""
    """The start of a body that was not JSON, for fault tables only; never shown, never logged."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The few headers that matter, names in lower case."""
    service_ref: str = ""
    """The service's own id of this request, for its support people."""
    leave: Callable[[], None] = field(default=_nowhere, repr=False, compare=False)
    """Says that this can't be the answer to what was asked: the kept-alive connections are not used again (N11)."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite() or len(text) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise BadBody("a number beyond all reason")
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise BadBody("a number beyond all reason")
    return int(text)


def _constant(text: str) -> Any:
    raise BadBody(f"{text} is not a number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadBody("an object names the same member twice")
    return members


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise BadBody("nested too deeply")
        below: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                below.extend(part.values())
            elif isinstance(part, list):
                below.extend(part)
        level = [part for part in below if isinstance(part, (dict, list))]


def parse_json(raw: bytes) -> Any:
    """`raw` as JSON with exact numbers.

    Raises BadBody for anything but UTF-8 without a mark, for NaN and infinities, repeated members, lone
    surrogates, more than `MAX_DEPTH` levels and numbers of more than `MAX_DIGITS` digits.
    """
    try:
        text = raw.decode("utf-8")
        if text.startswith("\ufeff"):
            raise BadBody("starts with a byte order mark")
        value = json.loads(
            text,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
        _check_depth(value)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except (ValueError, RecursionError) as error:  # both decoders' errors are ValueErrors
        raise BadBody(f"not JSON: {type(error).__name__}") from None
    return value


def is_json_type(content_type: str) -> bool:
    """Whether a Content-Type header announces JSON."""
    kind = content_type.split(";")[0].strip().lower()
    return kind in ("application/json", "text/json") or kind.endswith("+json")
