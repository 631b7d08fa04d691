"""The invariants of faults.md section 4, as far as the ledger, the books there and our database tell them.

`check_always` holds after every step; `check_quiet` once no call is in flight, faults are off and recovery has
finished; `check_idle` adds that a further sync writes nothing. What only one scenario can know (refused without a
call, hands off a field) is asserted there, with `writes` and `made` from here.

Nothing here believes the program: its own states are compared with what the other side holds.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from desktop.models.connection import Connection, ExternalLink
from desktop.models.invoice import Invoice
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.session import Database
from desktop.models.states import ConnectionState, InvoiceStatus, SyncState
from desktop.models.tables import RECORDS
from desktop.models.work import ActivityRow, Intention, Notification, OutboxEntry, SyncStatus, WriteCall
from tests.helpers.control import Control

KINDS = ("customer", "item", "invoice", "payment")
WRITES = re.compile(r"(create|update|void|delete)_(customer|item|invoice|payment)s?")
MOST_ATTEMPTS = 12
"""Times one stored call may leave: the first, two repeats at once, and the recovery's (I15)."""
SHOWN = frozenset({SyncState.SYNCING, SyncState.IN_DOUBT, SyncState.WAITING, SyncState.NEEDS_YOU, SyncState.CONFLICT})
PASSING = frozenset({SyncState.SYNCING, SyncState.IN_DOUBT})
OUTCOMES = frozenset({"open", "linked", "refused", "not_sent", "in_doubt"})


class HasBooks(Protocol):
    """A `Core` or an `Office`: anything with our books."""

    db: Database


Books = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass
class World:
    """One service's other side and the desks that share books. Make it before the first call of a scenario.

    `yes` holds what somebody changed there by hand or the owner agreed to change, as (kind, external id);
    `secrets` must never be found in `files`.
    """

    service: str
    control: Control
    desks: Sequence[HasBooks]
    company_id: str = ""
    yes: set[tuple[str, str]] = field(default_factory=set)
    secrets: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    impatient: int = 0
    """Calls inside a demanded wait that a scenario itself provoked (another program's, for instance)."""
    unstored: int = 0
    """Answers to a refresh that a killed process got and never stored: like lost ones, asked for once more (A6, A7)."""
    before: Books = field(default_factory=dict)
    seen: dict[str, set[int]] = field(default_factory=dict)
    since: int = 0
    """The ledger's sequence at the start."""

    def __post_init__(self) -> None:
        self.before = self.before or self.books()
        entries = self.control.ledger()
        self.since = entries[-1]["sequence"] if entries else 0

    def books(self) -> Books:
        """What the other side holds now."""
        return self.control.books(self.service, self.company_id or None)

    def calls(self, since: int | None = None) -> list[dict[str, Any]]:
        """This service's calls since the start of the scenario."""
        entries = self.control.ledger(self.since if since is None else since)
        return [entry for entry in entries if entry["service"] == self.service]

    @property
    def databases(self) -> list[Database]:
        """Each set of books once, though several desks may share one."""
        return list({str(desk.db.url): desk.db for desk in self.desks}.values())


# --- what the other side saw -----------------------------------------------------------------------------


def is_write(entry: Mapping[str, Any]) -> bool:
    """Whether a call wanted to change something there."""
    ops = [entry["op"], *(element["op"] for element in entry["elements"])]
    return any(WRITES.fullmatch(op) for op in ops)


def writes(world: World, since: int | None = None) -> list[dict[str, Any]]:
    """Calls that wanted to change something there, replays included."""
    return [entry for entry in world.calls(since) if is_write(entry)]


def made(world: World, kind: str) -> list[str]:
    """Ids of everything of this kind that calls have made."""
    return [
        change["id"]
        for entry in world.calls()
        for change in entry["changed"]
        if change["kind"] == kind and change["action"].startswith("create")
    ]


def is_live(kind: str, record: Mapping[str, Any]) -> bool:
    """Whether a record there still counts."""
    if kind in ("customer", "item"):
        return bool(record["active"])
    return record["status"] not in ("void", "deleted")


def live_made(world: World, kind: str, books: Books) -> list[Mapping[str, Any]]:
    """Records that calls have made and that still count."""
    ids = set(made(world, kind))
    return [one for one in books[f"{kind}s"] if one["id"] in ids and is_live(kind, one)]


def identity(kind: str, record: Mapping[str, Any]) -> tuple[str, ...]:
    """What tells a record from all others of its kind; our stamp is part of a payment's note or reference."""
    if kind == "invoice":
        return (str(record["number"]).strip().casefold(),)
    if kind == "payment":
        paid = ",".join(sorted(part["invoice_id"] for part in record["allocations"]))
        return (paid, record["amount"], str(record["note"]), str(record["reference"]))
    name = record["display_name"] if kind == "customer" else record["name"]
    return (str(name).strip().casefold(),)


# --- always ----------------------------------------------------------------------------------------------


def check_always(world: World) -> None:
    """I1, I6, I7, I9, I10, I11, I12, I13, I14, I15, I16, I17, I19: after every step, faults or not."""
    books, entries = world.books(), world.calls()
    _at_most_one(world, books)
    _no_placeholder(entries)
    _limits(world)
    _one_refresher(entries, world.unstored)
    for db in world.databases:
        with db.read() as session:
            _intention_first(session, entries)
            _order(session, books)
            _bounded(session)
            _one_bell(session)
            _sound(session)
            _right_company(session, world, entries)
            _hands_off(session, world, books)
            _keep(session, world)
    _secrets(world)


def _at_most_one(world: World, books: Books) -> None:
    """I1: never two live records there for one of ours."""
    for kind in KINDS:
        found = Counter(identity(kind, one) for one in live_made(world, kind, books))
        twice = [who for who, count in found.items() if count > 1]
        assert not twice, f"I1: {kind} there more than once: {twice}"


def _no_placeholder(entries: Sequence[Mapping[str, Any]]) -> None:
    for entry in entries:
        assert "placeholder.local" not in json.dumps([entry["request"], entry["path"]]), f"I19: {entry['op']}"


def _limits(world: World) -> None:
    meter = world.control.meter(world.service)
    inside = meter["inside_demanded_wait"] - world.impatient
    assert inside <= 0, f"I14: {inside} calls inside a demanded wait"
    over = {name: peak for name, peak in meter["peaks"].items() if peak > meter["limits"][name]}
    assert not over and not meter["refused"], f"I14: above the limits: {over}, {meter['refused']} refused"


def _one_refresher(entries: Sequence[Mapping[str, Any]], unstored: int) -> None:
    """I11: a refresh token is presented once, and again only after its answer was lost or refused for a while, or
    after the process that got it was killed before it could be stored (`unstored` of them)."""
    answered: set[str] = set()
    for entry in entries:
        if entry["op"] != "refresh":
            continue
        if entry["identity"] in answered and unstored:
            unstored -= 1
            continue
        assert entry["identity"] not in answered, "I11: a used refresh token was presented again"
        lost = entry["fault"] or entry["status"] is None or entry["status"] >= 429 or "reply" in entry["note"]
        if not lost and entry["note"].get("rotated", True):
            answered.add(entry["identity"])


def _intention_first(session: Session, entries: Sequence[Mapping[str, Any]]) -> None:
    """I10: each write was written down before it left, with its key and its body, and has one log row an element."""
    calls = session.scalars(select(WriteCall)).all()
    for call in calls:
        assert hashlib.sha256(call.body.encode()).hexdigest() == call.body_hash, "I10: the body changed"
    by_key = {call.key: call for call in calls}
    stored = [json.loads(call.body) for call in calls]
    for entry in entries:
        if not is_write(entry) or _is_finishing(entry):
            continue
        known = by_key.get(str(entry["key"]).partition(".")[0]) if entry["key"] else None
        assert known is not None or _is_stored(entry, stored), f"I10: {entry['op']} left without an intention"
    _log_rows(session, calls)


def _is_finishing(entry: Mapping[str, Any]) -> bool:
    """Saying that an invoice was sent is the second half of a create that was written down."""
    return "mark_as_sent" in json.dumps(entry["request"]) or "invoiceMarkSent" in json.dumps(entry["request"])


def _is_stored(entry: Mapping[str, Any], stored: Sequence[Any]) -> bool:
    """Services without keys: the request itself is found in a stored call."""
    sent = entry["request"] if isinstance(entry["request"], dict) else {}
    if "variables" in sent:
        held = [dict(body.get("variables", {})) for body in stored]
        return all(any(name in one and one[name] == value for one in held) for name, value in sent["variables"].items())
    for body in stored:
        if not isinstance(body, dict) or "path" not in body or not entry["path"].endswith(body["path"]):
            continue
        if body["method"] == entry["method"] and (json.loads(body["content"]) if body["content"] else {}) == sent:
            return True
    return False


def _log_rows(session: Session, calls: Sequence[WriteCall]) -> None:
    rows = Counter(
        (row.call_key, row.element_key)
        for row in session.scalars(select(ActivityRow).where(ActivityRow.direction == "out"))
    )
    for call in calls:
        elements = session.scalars(select(Intention).where(Intention.call_id == call.id)).all()
        for element in elements:
            count = rows[(call.key, element.element_key)]
            least = 0 if element.outcome == "open" else 1
            assert least <= count <= call.attempts + MOST_ATTEMPTS, f"I10: {count} log rows of {element.ref}"


def _order(session: Session, books: Books) -> None:
    """I9: what a record refers to was linked before it left."""
    for row in session.scalars(select(Intention).where(Intention.action == "create")):
        if row.kind == "invoice":
            needs = [row.record["customer_id"], *(line["item_id"] for line in row.record["lines"])]
        elif row.kind == "payment":
            needs = [row.record["customer_id"], *(part["invoice_id"] for part in row.record["allocations"])]
        else:
            continue
        assert all(need and not need.startswith("@") for need in needs), f"I9: {row.ref} left too early"


def _bounded(session: Session) -> None:
    most = max(session.scalars(select(WriteCall.attempts)).all(), default=0)
    assert most <= MOST_ATTEMPTS, f"I15: one call left {most} times"


def _one_bell(session: Session) -> None:
    """I16: one unread entry per admin and cause; success closes it."""
    open_rows = [row for row in session.scalars(select(Notification)) if row.cleared_at is None]
    unread = Counter((row.user_id, row.dedup_key) for row in open_rows if row.read_at is None)
    assert all(count == 1 for count in unread.values()), f"I16: {unread}"
    troubled = {(row.kind, row.local_id) for row in session.scalars(select(SyncStatus))}
    done = [row.dedup_key for row in open_rows if row.kind in KINDS and (row.kind, row.local_id) not in troubled]
    assert not [key for key in done if key.count(":") == 1], f"I16: still ringing though done: {done}"


def _sound(session: Session) -> None:
    """I17: the database is whole, and every state is one of the table of states."""
    if session.get_bind().dialect.name == "sqlite":
        assert session.execute(text("PRAGMA integrity_check")).scalar_one() == "ok", "I17"
        assert session.execute(text("PRAGMA foreign_key_check")).all() == [], "I17"
    states = set(session.scalars(select(SyncStatus.state)))
    assert states <= {state.value for state in SHOWN}, f"I17: {states}"
    assert set(session.scalars(select(Intention.outcome))) <= OUTCOMES, "I17"
    assert set(session.scalars(select(WriteCall.state))) <= {"open", "settled"}, "I17"
    found = set(session.scalars(select(Connection.state)))
    assert found <= {state.value for state in ConnectionState}, f"I17: {found}"
    assert set(session.scalars(select(Invoice.status))) <= {state.value for state in InvoiceStatus}, "I17"


def _right_company(session: Session, world: World, entries: Sequence[Mapping[str, Any]]) -> None:
    """I12: writes go to the company whose links they use."""
    ours = {row.company_id for row in session.scalars(select(Connection)) if row.provider == world.service}
    used = {entry["company_id"] for entry in entries if is_write(entry)}
    assert used <= ours, f"I12: wrote to {used - ours}"


def _hands_off(session: Session, world: World, books: Books) -> None:
    """I6: what was there before, and is neither linked nor agreed to, is as it was."""
    linked = {(row.kind, row.external_id) for row in session.scalars(select(ExternalLink))}
    for kind in KINDS:
        now = {one["id"]: one for one in books[f"{kind}s"]}
        for old in world.before[f"{kind}s"]:
            if (kind, old["id"]) in linked or (kind, old["id"]) in world.yes:
                continue
            assert old["id"] in now, f"I6: {kind} {old['id']} is gone"
            assert _own(kind, now[old["id"]]) == _own(kind, old), f"I6: {kind} {old['id']} was changed"


def _own(kind: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """The record but for what follows from others (what a customer owes, an invoice's rest)."""
    follows = {"version", "balance"} | ({"status"} if kind == "invoice" else set())
    return {name: value for name, value in record.items() if name not in follows}


def _keep(session: Session, world: World) -> None:
    """I7: records of ours never vanish by themselves."""
    for kind, table in RECORDS.items():
        now = set(session.scalars(select(table.id)))
        lost = world.seen.get(f"{session.get_bind()}{kind}", set()) - now
        assert not lost, f"I7: {kind} {lost} vanished"
        world.seen[f"{session.get_bind()}{kind}"] = now


def _secrets(world: World) -> None:
    """I13: nothing secret lies in clear in a file.

    Closing a file of SQLite's gives up this process's locks on it: look once, when no other process writes afterwards.
    """
    wanted = [secret.encode() for secret in world.secrets if secret]
    for path in (part for file in world.files for part in _files(file)) if wanted else ():
        content = path.read_bytes()
        assert not any(secret in content for secret in wanted), f"I13: a secret lies in {path.name}"


def _files(path: Path) -> Iterator[Path]:
    yield from (part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]


# --- when all is quiet -------------------------------------------------------------------------------------


def check_quiet(world: World) -> None:
    """All of `check_always`, and I2, I3, I4, I5 and "nothing in doubt": no call in flight, faults off."""
    check_always(world)
    books = world.books()
    for db in world.databases:
        with db.read() as session:
            _nothing_open(session)
            troubled = {(row.kind, row.local_id): row for row in session.scalars(select(SyncStatus))}
            links = [link for link in session.scalars(select(ExternalLink)) if _is_here(link, session, world)]
            _nothing_lost(session, world, books, links, troubled)
            _green_is_true(session, books, links, troubled)
            _red_is_true(session, world, books, links)


def _is_here(link: ExternalLink, session: Session, world: World) -> bool:
    live = session.scalar(select(Connection.company_id).where(Connection.live == 1))
    return link.provider == world.service and (live is None or link.company_id == live)


def _nothing_open(session: Session) -> None:
    left = session.scalars(select(Intention.ref).where(Intention.outcome.in_(("open", "in_doubt")))).all()
    assert not left, f"I10: still open: {left}"
    doubtful = [r for r in session.scalars(select(SyncStatus)) if r.state in {state.value for state in PASSING}]
    assert not doubtful, f"I23: {[(row.kind, row.local_id, row.state) for row in doubtful]}"


Troubled = Mapping[tuple[str, int], SyncStatus]


def _nothing_lost(
    session: Session, world: World, books: Books, links: Sequence[ExternalLink], troubled: Troubled
) -> None:
    """I2: what is green is there, linked once; what was asked for and is not there says why."""
    for kind in KINDS:
        ids = Counter(link.external_id for link in links if link.kind == kind and not link.alias)
        assert all(count == 1 for count in ids.values()), f"I2: linked twice: {ids}"
        there = {one["id"]: one for one in books[f"{kind}s"]}
        for link in (one for one in links if one.kind == kind and not one.alias):
            if (kind, link.local_id) in troubled or _taken_back(link):
                continue
            if (kind, link.external_id) in world.yes:
                continue  # changed there by hand: noticed when it is pulled or pushed next
            assert link.external_id in there, f"I2: {kind} {link.local_id} is green and not there"
            assert is_live(kind, there[link.external_id]), f"I2: {kind} {link.local_id} is green and void there"
    linked = {(link.kind, link.local_id) for link in links}
    promised = {(row.kind, row.local_id) for row in session.scalars(select(OutboxEntry))}
    for row in session.scalars(select(Intention).where(Intention.kind.in_(("invoice", "payment")))):
        known = (row.kind, row.local_id)
        gone = _gone_here(session, *known)
        held = row.kind == "payment" and _held_up(session, row.local_id, linked)
        assert gone or held or known in linked or known in troubled or known in promised, f"I2: {row.ref} was forgotten"


def _taken_back(link: ExternalLink) -> bool:
    return (link.agreed or {}).get("ours", {}).get("voided") is True


def _gone_here(session: Session, kind: str, local_id: int) -> bool:
    row = session.get(RECORDS[kind], local_id)
    return row is None or getattr(row, "status", "") == InvoiceStatus.VOID.value or bool(getattr(row, "deleted", False))


def _held_up(session: Session, payment: int, linked: set[tuple[str, int]]) -> bool:
    """A payment says nothing of its own while its invoice is not there (M84)."""
    paid = session.scalars(select(PaymentAllocation.invoice_id).where(PaymentAllocation.payment_id == payment)).all()
    return any(("invoice", invoice) not in linked for invoice in paid)


def _green_is_true(session: Session, books: Books, links: Sequence[ExternalLink], troubled: Troubled) -> None:
    """I3 and I5: an invoice that is green reads there as it does here, to the cent."""
    there = {one["id"]: one for one in books["invoices"]}
    customers = {link.local_id: link.external_id for link in links if link.kind == "customer"}
    for link in links:
        if link.kind != "invoice" or link.alias or ("invoice", link.local_id) in troubled or _taken_back(link):
            continue
        ours, theirs = session.get_one(Invoice, link.local_id), there.get(link.external_id)
        if theirs is None or link.agreed_revision < ours.revision or ours.status != InvoiceStatus.SENT.value:
            continue
        what = f"invoice {ours.number}"
        assert Decimal(theirs["total"]) == ours.total, f"I5: {what}: {theirs['total']} there, {ours.total} here"
        assert theirs["date"] == ours.issued_on.isoformat(), f"I3: {what}: another date"
        assert theirs["customer_id"] == customers.get(ours.customer_id), f"I3: {what}: another customer"
        assert theirs["status"] != "draft", f"I3: {what} is a draft there"
        _payments_agree(session, books, links, link, what)
        paid = _paid_there(books, link.external_id)
        assert Decimal(theirs["balance"]) == ours.total - paid, f"I5: {what}: its rest does not fit its payments"


def _paid_there(books: Books, invoice: str) -> Decimal:
    return sum(
        (
            Decimal(part["amount"])
            for one in books["payments"]
            if is_live("payment", one)
            for part in one["allocations"]
            if part["invoice_id"] == invoice
        ),
        Decimal(0),
    )


def _payments_agree(
    session: Session, books: Books, links: Sequence[ExternalLink], invoice: ExternalLink, what: str
) -> None:
    """Σ of our payments that are there = Σ of those payments there."""
    there = {one["id"]: one for one in books["payments"]}
    for link in links:
        if link.kind != "payment" or link.alias or _taken_back(link):
            continue
        ours = session.get_one(Payment, link.local_id)
        parts = session.scalars(
            select(PaymentAllocation).where(
                PaymentAllocation.payment_id == link.local_id, PaymentAllocation.invoice_id == invoice.local_id
            )
        ).all()
        if not parts or ours.deleted or link.agreed_revision < ours.revision or link.external_id not in there:
            continue
        amount = sum((part.amount for part in parts), Decimal(0))
        found = [p for p in there[link.external_id]["allocations"] if p["invoice_id"] == invoice.external_id]
        booked = sum((Decimal(part["amount"]) for part in found), Decimal(0))
        assert booked == amount, f"I5: {what}: a payment of {amount} is {booked} there"


def _red_is_true(session: Session, world: World, books: Books, links: Sequence[ExternalLink]) -> None:
    """I4: what a call of ours made is linked, so that it can't be shown as failed."""
    tied = {(link.kind, link.external_id) for link in links}
    for kind in KINDS:
        loose = [one["id"] for one in live_made(world, kind, books) if (kind, one["id"]) not in tied]
        assert not loose, f"I4: made by us and linked to nothing: {kind} {loose}"


async def check_idle(world: World, sync: Any) -> None:
    """I18: a further sync (`sync` is awaited) writes nothing."""
    before = len(writes(world))
    await sync()
    again = [f"{one['op']} {one['request']}" for one in writes(world)[before:]]
    assert not again, f"I18: a second sync wrote again: {again}"
