"""What the engine knows of an imitated service: a call, an answer, and the few verbs every service offers.

Nothing here is QuickBooks, Xero, FreshBooks or Wave; faults, ledger, clock and control work on these types only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP call with its body read and unpacked. `path` lies below the service's prefix."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    origin: str

    def parameter(self, name: str) -> str:
        """The first value of a query parameter, "" if absent."""
        return next((value for key, value in self.query if key == name), "")

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def bearer(self) -> str:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = "application/json;charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Call:
    """A request by its meaning, and what became of it.

    `elements` holds the parts of a bulk call: `{"id", "op", "body"}`, completed by the service with `ok`,
    `status` and `changed`. `tamper` is how a fault reaches into the service's own rules (key: what to do wrong).
    """

    op: str
    company_id: str = ""
    key: str = ""
    identity: str = ""
    body: Any = None
    elements: list[Json] = field(default_factory=list)
    changed: list[dict[str, str]] = field(default_factory=list)
    tamper: dict[str, Any] = field(default_factory=dict)
    note: Json = field(default_factory=dict)
    replayed: bool = False
    stop_after: int | None = None

    def change(self, kind: str, record_id: str, action: str) -> None:
        self.changed.append({"kind": kind, "id": record_id, "action": action})


class ControlError(Exception):
    """A control call that makes no sense; its text is the answer (HTTP 400)."""


class Service(Protocol):
    """One imitated service. All methods run on the server's loop and never wait, so each call is atomic."""

    key: str

    def classify(self, request: Request) -> Call:
        """What the call means; nothing is changed, and a malformed one gets op `unknown`."""

    def admit(self, request: Request, call: Call) -> Answer | None:
        """Count the call; a refusal if it breaks the service's limits."""

    def release(self, call: Call) -> None:
        """The reply of an admitted call has left (or will never leave)."""

    def demanded_wait(self, call: Call, seconds: float) -> None:
        """A 429 went out; calls that arrive within the wait are counted against I14."""

    def handle(self, request: Request, call: Call) -> Answer:
        """Do what was asked, for good."""

    def fault_answer(self, kind: str, params: Mapping[str, Any], call: Call) -> Answer:
        """The service's own words for a fault such as `rate_limit`, `server_error`, `forbidden`, `not_found`."""

    def element_fault(self, params: Mapping[str, Any]) -> Json:
        """The same for one element of a bulk call."""

    def expire_access(self, token: str, revoked: bool) -> None:
        """End an access token before its time (A1, A2)."""

    def kill_grant(self, token: str) -> None:
        """End a whole grant by one of its tokens (A8)."""

    def rotate_elsewhere(self, token: str) -> None:
        """Another program refreshes with this refresh token, just now (A3, A13)."""

    def words(self, fault_id: str, op: str) -> Json:
        """How this service refuses one field of such a write: the `params` of fault FAULT (D7, D8)."""

    def close_books(self, until: str, company_id: str | None) -> None:
        """The period up to this day (ISO) is closed by hand (D12). Raises `ControlError` where there is none."""

    def bulk_list(self, answer: Any) -> list[Any] | None:
        """The list in an answer whose elements are results of a bulk call, or None."""

    def ready(self, origin: str) -> Json:
        """This service's part of the ready file."""

    def companies(self) -> list[Json]:
        """`{id, name}` of each company, the default one first."""

    def books(self, company_id: str | None = None) -> Json: ...

    def grant(self, company_id: str | None) -> Json: ...

    def edit(self, kind: str, record_id: str, action: str, params: Mapping[str, Any], company_id: str | None) -> Json:
        """A hand edit on this side. Returns the record as the books show it. Raises `ControlError`."""

    def meter(self) -> Json: ...

    def settings(self, changes: Mapping[str, Any]) -> Json: ...

    def reset(self, names: Sequence[str] | None) -> None: ...


def plain_number(value: Any) -> Any:
    """Decimals leave as JSON numbers; anything else unknown is a programming error."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"not JSON: {type(value).__name__}")


def to_json(value: Any) -> bytes:
    return json.dumps(value, default=plain_number, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def from_json(body: bytes) -> Any:
    """Numbers with a point become `Decimal`, so that cents stay cents. Raises `ValueError`."""

    def refuse(text: str) -> Any:
        raise ValueError(f"{text} is not a JSON number")

    try:
        return json.loads(body.decode("utf-8"), parse_float=Decimal, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def money_text(value: Any) -> str:
    """Money in the neutral books: a string with two decimals."""
    return f"{Decimal(str(value or 0)):.2f}"


ACTIONS = frozenset(
    ["change", "create", "void", "delete", "archive", "deactivate", "restore", "reactivate", "pay", "deposit", "merge"]
)


def read_change(body: Json) -> tuple[str, Json]:
    """Action and details of a hand edit. Raises `ControlError`."""
    change = body.get("change", body.get("action"))
    beside = body.get("fields")
    fields: Json = dict(beside) if isinstance(beside, Mapping) else {}
    if isinstance(change, str):
        rest = {
            k: v
            for k, v in body.items()
            if k not in ("service", "kind", "id", "change", "action", "fields", "company_id")
        }
        return change, fields | rest
    if not isinstance(change, Mapping):
        raise ControlError("change is an action, an action with details, or the new values of fields")
    if "action" in change:
        return str(change["action"]), {k: v for k, v in change.items() if k != "action"} | fields
    if len(change) == 1 and (action := next(iter(change))) in ACTIONS:
        details = change[action]
        if isinstance(details, Mapping):
            return action, dict(details) | fields
        return action, ({} if details in (None, True) else {"value": details}) | fields
    return "change", dict(change) | fields
