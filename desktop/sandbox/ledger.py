"""The truth that tests read: each call that reached an imitated service, in order, and what it changed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

REDACTED = "<redacted>"
SECRET_NAMES = frozenset(
    [
        *("access_token", "refresh_token", "id_token", "token", "code", "code_verifier", "client_secret"),
        *("csrf", "ticket", "state"),
    ]
)
JSON_SECRETS = SECRET_NAMES - {"code", "state"}
_AUTH_WORDS = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+")


def identity_of(token: str) -> str:
    """A short hash: enough to tell two tokens apart, useless for signing in."""
    return hashlib.sha256(token.encode()).hexdigest()[:10] if token else ""


@dataclass(slots=True)
class Entry:
    """One HTTP call.

    `status` is None where no reply left the house; `phase` and `fault` tell which rule broke the call, and when.
    `changed` lists `{kind, id, action}`; for a bulk call `elements` has one record per element besides.
    """

    sequence: int
    time: dt.datetime
    service: str
    company_id: str
    op: str
    method: str
    path: str
    status: int | None
    key: str
    identity: str
    phase: str = ""
    fault: str = ""
    replayed: bool = False
    changed: list[dict[str, str]] = field(default_factory=list)
    elements: list[dict[str, Any]] = field(default_factory=list)
    note: dict[str, Any] = field(default_factory=dict)
    request_type: str = ""
    request: bytes = b""
    answer: bytes = b""
    _shown: tuple[bytes, bytes, Any, Any] | None = field(default=None, init=False, repr=False, compare=False)

    def as_json(self, bodies: bool = True) -> dict[str, Any]:
        data: dict[str, Any] = {
            "sequence": self.sequence,
            "time": self.time.isoformat(),
            "service": self.service,
            "company_id": self.company_id,
            "op": self.op,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "key": self.key,
            "phase": self.phase,
            "fault": self.fault,
            "identity": self.identity,
            "replayed": self.replayed,
            "changed": self.changed,
            "elements": self.elements,
            "note": self.note,
        }
        if bodies:
            data["request"], data["answer"] = self._bodies()
        return data

    def _bodies(self) -> tuple[Any, Any]:
        """Request and answer as a person reads them; worked out once, as the ledger is read again and again."""
        shown = self._shown
        if shown is None or shown[0] is not self.request or shown[1] is not self.answer:
            request, answer = _readable(self.request, self.request_type), _readable(self.answer, "")
            self._shown = shown = self.request, self.answer, request, answer
        return shown[2:]


class Ledger:
    """Entries in the order in which the calls took effect; a sequence number is never used twice in a run."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def append(self, entry: Entry) -> Entry:
        entry.sequence = len(self._entries) + 1
        self._entries.append(entry)
        return entry

    def since(self, sequence: int, last: int | None = None) -> Iterable[Entry]:
        """Entries after `sequence`; with `last`, only so many of the newest."""
        rest = self._entries[max(sequence, 0) :]
        return rest[-last:] if last is not None else rest

    def clear(self) -> None:
        self._entries.clear()


def safe_path(path: str, query: Iterable[tuple[str, str]]) -> str:
    """Path and query string as called, with what could sign somebody in replaced."""
    pairs = [(name, REDACTED if name.lower() in SECRET_NAMES else value) for name, value in query]
    return f"{path}?{urlencode(pairs, safe='<>')}" if pairs else path


def redact(value: Any) -> Any:
    """The same structure with the values of secret names replaced, at any depth.

    `code` and `state` are spared here: in a JSON body they are an error's code and a part of an address; those of a
    sign-in come in forms and addresses only.
    """
    if isinstance(value, Mapping):
        return {
            name: REDACTED if isinstance(item, str) and str(name).lower() in JSON_SECRETS else redact(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [redact(item) for item in value]
    return value


def _readable(body: bytes, content_type: str) -> Any:
    if not body:
        return None
    if "x-www-form-urlencoded" in content_type:
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: REDACTED if name.lower() in SECRET_NAMES else value for name, value in fields}
    try:
        return redact(json.loads(body))
    except (ValueError, RecursionError):
        return _AUTH_WORDS.sub(REDACTED, body.decode("utf-8", "replace"))
