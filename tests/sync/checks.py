"""The invariants of the sync, read from the sandbox's ledger and books, never from our own opinion."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desktop.models.connection import ExternalLink
from desktop.models.work import ActivityRow, Intention, OutboxEntry, SyncStatus, WriteCall
from tests.helpers.office import Office

WRITES = ("create_", "update_", "void_", "delete_")


def write_calls(office: Office, since: int = 0) -> list[dict[str, Any]]:
    """Calls that wanted to change something there, replays included."""
    return [one for one in office.control.ledger(since) if _writes(one)]


def _writes(entry: dict[str, Any]) -> bool:
    ops = [entry["op"], *(element["op"] for element in entry["elements"])]
    return any(op.startswith(WRITES) for op in ops)


def made_there(office: Office, kind: str, action: str = "create") -> list[str]:
    """Ids of everything of this kind that was ever made through a call."""
    return [
        change["id"]
        for entry in office.control.ledger()
        for change in entry["changed"]
        if change["kind"] == kind and change["action"].startswith(action)
    ]


def assert_exactly_one(office: Office, number: str, *, payments: int = 0) -> dict[str, Any]:
    """One invoice under this number, with so many payments on it (I1); the answer is the invoice."""
    (invoice,) = office.remote_invoices(number)
    paid = [[part["invoice_id"] for part in one["allocations"]] for one in office.books()["payments"]]
    on_it = [parts for parts in paid if invoice["id"] in parts]
    assert len(on_it) == payments, on_it
    return invoice


def assert_quiet(office: Office) -> None:
    """Nothing left over: no state, no promise, no open call; each write has its intention and its log rows (I10)."""
    with office.db.read() as session:
        assert [(one.kind, one.local_id, one.state, one.title) for one in session.scalars(select(SyncStatus))] == []
        assert [(one.kind, one.local_id, one.reason) for one in session.scalars(select(OutboxEntry))] == []
        assert session.scalar(select(func.count()).where(WriteCall.state == "open")) == 0
        assert session.scalar(select(func.count()).where(Intention.outcome.in_(("open", "in_doubt")))) == 0
    assert_intentions(office)


def assert_intentions(office: Office) -> None:
    with office.db.read() as session:
        calls = session.scalars(select(WriteCall)).all()
        for call in calls:
            assert hashlib.sha256(call.body.encode()).hexdigest() == call.body_hash
            assert "placeholder.local" not in call.body
        for entry in write_calls(office):
            own = calls
            if office.able.native_keys:  # a call may leave in parts: "<key>.d", "<key>.c"
                own = [one for one in calls if one.key == entry["key"].partition(".")[0]]
                assert len(own) == 1, entry
            if entry["op"] == "batch" or entry["op"].startswith("create_"):  # others are finished when they leave
                assert any(entry["request"] in _stored(call) for call in own) or "." in entry["key"], entry
        _assert_log_rows(session, office.able.native_keys)


def _stored(call: WriteCall) -> list[Any]:
    """What a stored call says leaves: its body, or the content of the request that it describes."""
    body = json.loads(call.body)
    content = body.get("content") if isinstance(body, dict) else None
    return [body, json.loads(content)] if content else [body]


def _assert_log_rows(session: Session, keyed: bool) -> None:
    """One row per element of each answer that was dealt with: never fewer than one, never more than attempts.

    Where no key tells what became of a call, each look for it has rows of its own too.
    """
    rows = Counter(
        (row.call_key, row.element_key)
        for row in session.scalars(select(ActivityRow).where(ActivityRow.direction == "out"))
    )
    for call in session.scalars(select(WriteCall)):
        elements = session.scalars(select(Intention.element_key).where(Intention.call_id == call.id)).all()
        counts = {rows[(call.key, element)] for element in elements}
        assert len(counts) == 1
        assert 1 <= counts.pop() <= (call.attempts + 1 if keyed else 12)


def assert_linked_once(office: Office) -> None:
    """Links are unique both ways, and each names a record that exists there."""
    books = office.books()
    with office.db.read() as session:
        links = session.scalars(select(ExternalLink)).all()
    for kind in ("customer", "item", "invoice", "payment"):
        there = {one["id"] for one in books[f"{kind}s"]}
        ids = [link.external_id for link in links if link.kind == kind]
        assert len(ids) == len(set(ids)) and set(ids) <= there
