"""The invariants of a run, looked at after each step, as cheaply as can be; those for quiet books at its end.

The other side's ledger is read from where the last look ended. Nothing here believes the program: what it says of
itself is only compared.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from desktop.models.connection import Connection, ExternalLink
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice, InvoiceLine
from desktop.models.item import Item
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.states import ConnectionState, Switches
from desktop.models.tables import RECORDS
from desktop.models.work import ActivityRow, Intention, Notification, OutboxEntry, SyncStatus, WriteCall
from desktop.sync.tokens import open_grant
from tests.faults.invariants import is_live
from tests.machine.world import Desk, World

KINDS = ("customer", "item", "invoice", "payment")
WRITES = re.compile(r"(create|update|void|delete)_(customer|item|invoice|payment)s?")
MOST_ATTEMPTS = 12
MOST_CALLS = 600
"""Calls of one step: far above what any takes, far below a storm (I15)."""
SHOWN = {"syncing", "in_doubt", "waiting", "needs_you", "conflict"}
PASSING = {"syncing", "in_doubt", "waiting"}
TAG = re.compile(r"Q\d+Q")
FOLLOWS = {"version", "balance", "status"}


class Broken(AssertionError):
    """An invariant does not hold; its id comes first."""


def need(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


def tag_of(kind: str, record: Mapping[str, Any]) -> str:
    if kind == "payment":
        words = f"{record.get('reference')} {record.get('note')}"
    else:
        words = str(record[{"customer": "display_name", "item": "name", "invoice": "number"}[kind]])
    found = TAG.search(words)
    return found.group(0) if found else ""


class Checks:
    """Remembers what it has seen of a run's ledger and books."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sequence = 0
        self.tags: dict[tuple[str, str], str] = {}
        """Who each record there was made for."""
        self.foreign = self._foreign(world.side.books(world.service), set())
        self.other_books = json.dumps(world.side.books(world.service, world.other), default=str, sort_keys=True)
        self.used: Counter[str] = Counter()
        self.excused: set[str] = set()
        self.refreshing = 0
        self.seen: dict[str, set[str]] = defaultdict(set)
        self.steps = 0
        self.leaving: list[str] = []
        self.impatient = 0
        self.forgotten_until = 0.0
        self.demanded: tuple[float, float] = (0.0, 0.0)
        """When a wait was last demanded, and how wrong this computer's clock was then."""
        self.began = 0.0
        """When the step under way began."""
        self.over: tuple[Any, int] = ({}, 0)

    # --- while a call leaves ------------------------------------------------------------------------

    def watch(self, desk: Desk) -> None:
        """Look at each request of this desk before it reaches the service (I10, I13, I19)."""

        def look(request: httpx.Request) -> None:
            try:
                self._leaving(desk, request)
            except Broken as broken:  # here it would look like a fault of the network: told after the step
                self.leaving.append(str(broken))

        desk.line.before_write = look

    def _leaving(self, desk: Desk, request: httpx.Request) -> None:
        body = request.content
        need(b"placeholder.local" not in body, "I19: a placeholder address leaves")
        need("token" not in str(request.url.query).replace("token_type", ""), f"I13: {request.url.path}")
        if self.world.service == "wave" and b"mutation" not in body:
            return  # reading the document would take longer than all the rest
        call = self._meaning(request)
        if call is None or not any(WRITES.fullmatch(op) for op in (call.op, *(e["op"] for e in call.elements))):
            return
        with desk.db.read() as session:
            opened = session.scalars(select(WriteCall).where(WriteCall.state == "open")).all()
        need(bool(opened), f"I10: {call.op} leaves without an open intention")
        if call.key:
            known = any(call.key.startswith(one.key) for one in opened)
            need(known, f"I10: {call.op} leaves under a key that nobody wrote down")

    def _meaning(self, request: httpx.Request) -> Any:
        from urllib.parse import parse_qsl

        from desktop.sandbox.service import Request

        prefix = f"/{self.world.service}"
        if request.method == "GET" or not request.url.path.startswith(prefix):
            return None
        heads = {name.lower(): value for name, value in request.headers.items()}
        query = tuple(parse_qsl(request.url.query.decode(), keep_blank_values=True))
        asked = Request(
            request.method, request.url.path[len(prefix) :], query, heads, request.content, "http://127.0.0.1:8900"
        )
        service = self.world.box.services[self.world.service]
        return service.classify(asked)

    # --- after each step -------------------------------------------------------------------------------

    def always(self, killed: bool = False) -> None:
        """Raises Broken for the first invariant that does not hold."""
        self.steps += 1
        world = self.world
        entries = list(world.box.ledger.since(self.sequence))
        self.sequence += len(entries)
        need(not self.leaving, "; ".join(self.leaving[:2]))
        need(len(entries) < MOST_CALLS, f"I15: {len(entries)} calls in one step")
        self._tokens(entries, killed)
        books = world.side.books(world.service)
        self._one_each(entries, books)
        self._hands_off(books)
        self._company(entries)
        meter = world.side.meter(world.service)
        inside = meter["inside_demanded_wait"]
        if killed and any(entry.status in (429, 503) for entry in entries):
            self.forgotten_until = world.loop.time() + 600
        if len(world.desks) > 1 or world.loop.time() < self.forgotten_until:
            self.impatient = inside  # what only the other desk was told, or nobody lived to write down
        if any(entry.status in (429, 503) for entry in entries):
            self.demanded = (world.loop.time(), world.clock.skew)
        when, skew = self.demanded
        if world.started_at > when and world.clock.skew != skew:
            self.impatient = inside  # what was written down is a time of the old clock: nobody could know better (T1)
        need(inside <= self.impatient, "I14: called inside a demanded wait")
        over = {name: peak for name, peak in meter["peaks"].items() if peak > meter["limits"][name]}
        # each desk keeps the limits, counting from its start; two may meet a 429 together, whose wait all keep
        now = (over, meter["refused"])
        if len(world.desks) > 1 or self.began - world.started_at < 60:
            self.over = now
        need(now in (self.over, ({}, 0)), f"I14: above the limits {over}, {meter['refused']} refused")
        self.began = world.loop.time()
        live = next((desk for desk in world.desks if not desk.db.dead), None)
        if live is not None:
            with live.db.read() as session:
                self._books(session)
        need(not world.watch.lines, f"C: the program logged an error: {world.watch.lines[:1]}")

    def _tokens(self, entries: Sequence[Any], killed: bool) -> None:
        """I11: a refresh token that was answered well is never shown again, but once after a lost answer."""
        for entry in entries:
            if entry.op != "refresh":
                continue
            lost = bool(entry.fault) or entry.status is None or entry.status >= 429 or "reply" in entry.note
            self.used[entry.identity] += 1
            restored = self.world.hits["S6"]  # an older copy knows an older token, and must ask to sign in again
            need(restored or entry.identity not in self.excused, "I11: a used refresh token is presented again")
            if not lost and not killed and entry.status == 200 and entry.note.get("rotated", True):
                self.excused.add(entry.identity)

    def _one_each(self, entries: Sequence[Any], books: Mapping[str, Any]) -> None:
        """I1: what our calls made and still counts is there once for each record of ours."""
        world = self.world
        fresh = {
            (change["kind"], change["id"])
            for entry in entries
            if entry.service == self.world.service
            for change in entry.changed
            if change["action"].startswith("create") and change["kind"] in KINDS
        }
        if fresh:
            rows = {(kind, row["id"]): row for kind in KINDS for row in books[f"{kind}s"]}
            for key in fresh & rows.keys():
                self.tags[key] = tag_of(key[0], rows[key])
            world.ours.update(self.tags)
        count: Counter[tuple[str, str]] = Counter()
        for kind in KINDS:
            for row in books[f"{kind}s"]:
                tag = self.tags.get((kind, row["id"]))
                if tag and is_live(kind, row):
                    count[kind, tag] += 1
        twice = [key for key, number in count.items() if number > 1]
        need(not twice, f"I1: there more than once: {twice}")

    def _foreign(self, books: Mapping[str, Any], ours: set[tuple[str, str]]) -> dict[tuple[str, str], Any]:
        return {
            (kind, row["id"]): {name: value for name, value in row.items() if name not in FOLLOWS}
            for kind in KINDS
            for row in books[f"{kind}s"]
            if (kind, row["id"]) not in ours
        }

    def _hands_off(self, books: Mapping[str, Any]) -> None:
        """I6: what is neither ours, nor edited here, nor touched there by hand is as it was."""
        now = self._foreign(books, set(self.tags))
        changed = [key for key, before in self.foreign.items() if now.get(key) != before]
        changed = [key for key in changed if key not in self.world.touched]
        if not changed:
            return
        desk = next((desk for desk in self.world.desks if not desk.db.dead), None)
        if desk is not None:
            with desk.db.read() as session:
                links = {(one.kind, one.external_id): one.local_id for one in session.scalars(select(ExternalLink))}
            changed = [key for key in changed if (key[0], links.get(key)) not in self.world.edited]
        for key in changed:
            need(key in now, f"I6: {key} is gone")
            need(False, f"I6: {key} was changed: {self.foreign[key]} -> {now[key]}")

    def _company(self, entries: Sequence[Any]) -> None:
        """I12: writes go to the company that is connected; the other one's books stay as they are."""
        wrong = [entry.op for entry in entries if entry.changed and entry.company_id == self.world.other]
        wrong = [op for op in wrong if op not in ("consent", "token", "refresh", "revoke", "authorize")]
        need(not wrong, f"I12: wrote to the other company: {wrong}")

    def _books(self, session: Session) -> None:
        if session.get_bind().dialect.name == "sqlite":
            need(session.execute(text("PRAGMA foreign_key_check")).all() == [], "I17: broken references")
            if self.steps % 8 == 0:
                need(session.execute(text("PRAGMA integrity_check")).scalar_one() == "ok", "I17: the file is broken")
        doubled = session.execute(
            select(Notification.dedup_key)
            .where(Notification.cleared_at.is_(None), Notification.read_at.is_(None))
            .group_by(Notification.user_id, Notification.dedup_key)
            .having(func.count() > 1)
        ).all()
        need(not doubled, f"I16: more than one unread entry: {doubled}")
        states = set(session.scalars(select(SyncStatus.state).distinct()))
        need(states <= SHOWN, f"I17: {states}")
        shown = set(session.scalars(select(Connection.state).distinct()))
        need(shown <= {state.value for state in ConnectionState}, f"I17: {shown}")
        most = session.scalar(select(func.max(WriteCall.attempts))) or 0
        need(most <= MOST_ATTEMPTS, f"I15: one call left {most} times")
        for kind, table in RECORDS.items():
            now = set(session.scalars(select(table.uuid)))
            gone = self.seen[kind] - now
            need(not gone or self.world.restored, f"I7: {kind} vanished: {gone}")
            self.seen[kind] = now

    # --- when all is quiet ----------------------------------------------------------------------------------

    def quiet(self, desk: Desk) -> None:
        """All that holds once nothing is under way, faults are off and recovery is done (the q's)."""
        self.always()
        world = self.world
        other = json.dumps(world.side.books(world.service, world.other), default=str, sort_keys=True)
        need(other == self.other_books, "I12: the other company's books changed")
        books = world.side.books(world.service)
        with desk.db.read() as session:
            self._nothing_open(session)
            _Quiet(self, session, books).check()
        self._secrets(desk)

    def green_is_true(self, desk: Desk) -> None:
        """I2 to I5 for what the lists call done, whatever else is under way."""
        with desk.db.read() as session:
            _Quiet(self, session, self.world.side.books(self.world.service)).check()

    def troubles(self, desk: Desk) -> list[str]:
        """What the lists show, for the report."""
        with desk.db.read() as session:
            return [f"{row.kind}:{row.local_id} {row.state} {row.title}" for row in session.scalars(select(SyncStatus))]

    def _nothing_open(self, session: Session) -> None:
        left = session.scalars(select(Intention.ref).where(Intention.outcome.in_(("open", "in_doubt")))).all()
        need(not left, f"I10/I23: still open: {left}")
        need(session.scalar(select(func.count()).where(WriteCall.state == "open")) == 0, "I10: a call is still open")
        rows = session.scalars(select(SyncStatus).where(SyncStatus.state.in_(PASSING))).all()
        need(not rows, f"I23: {[(row.kind, row.local_id, row.state) for row in rows]}")
        waiting = session.scalars(select(OutboxEntry)).all()
        need(not waiting, f"I23: still promised: {[(row.kind, row.local_id, row.reason) for row in waiting]}")
        told = session.execute(
            select(ActivityRow.call_key, ActivityRow.element_key).where(ActivityRow.direction == "out")
        )
        rows_of = Counter((key, element) for key, element in told)
        for call in session.scalars(select(WriteCall)):
            for element in session.scalars(select(Intention).where(Intention.call_id == call.id)):
                need(rows_of[call.key, element.element_key] >= 1, f"I10: no log row of {element.ref}")

    async def newest_pair(self, desk: Desk) -> None:
        """I11: at rest the stored pair is the newest one issued, or the owner is asked to sign in."""
        cipher = await desk.core.cipher()
        with desk.db.read() as session:
            row = session.scalar(select(Connection).where(Connection.live == 1))
            if row is None or row.token_state != "ok":
                return
            stored = open_grant(cipher, row, row.id)
        authority = self.world.box.services[self.world.service]._sign_in.authority  # type: ignore[attr-defined]
        grant = authority._by_refresh.get(stored.refresh_token)
        need(grant is not None and grant.refresh == stored.refresh_token, "I11: the stored pair is not the newest")

    def _secrets(self, desk: Desk) -> None:
        """I13: no token of any grant lies in the files in clear."""
        if desk.db.path is None:
            return
        authority = getattr(self.world.box.services[self.world.service], "_sign_in", None)
        authority = getattr(authority, "authority", None)
        secrets = [authority.client_secret] if authority is not None else []
        for grant in getattr(authority, "_grants", {}).values() if authority is not None else ():
            secrets += [grant.refresh, *grant.access]
        files = [path for path in self.world.folder.rglob("*") if path.is_file()]
        for path in files:
            content = path.read_bytes()
            found = [one for one in secrets if one and len(one) > 8 and one.encode() in content]
            need(not found, f"I13: a secret lies in {path.name}")


class _Quiet:
    """I2, I3, I4, I5 and I9 over one state of both books."""

    def __init__(self, checks: Checks, session: Session, books: Mapping[str, Any]) -> None:
        self.world, self.tags, self.session = checks.world, checks.tags, session
        self.there = {kind: {row["id"]: row for row in books[f"{kind}s"]} for kind in KINDS}
        self.connection = session.scalar(select(Connection).where(Connection.live == 1))
        assert self.connection is not None, "the drain connects"
        self.links = {
            (link.kind, link.local_id): link
            for link in session.scalars(select(ExternalLink))
            if (link.provider, link.company_id) == (self.connection.provider, self.connection.company_id)
        }
        self.troubled = {(row.kind, row.local_id) for row in session.scalars(select(SyncStatus))}
        self.survivors = {
            row.local_id: (row.extra or {}).get("into")
            for row in session.scalars(select(SyncStatus).where(SyncStatus.kind == "customer"))
            if (row.extra or {}).get("how") == "merged"
        }
        """Of customers whose open card asks whether their merge there is to be followed, whom it names."""
        self.looks = Switches.from_json(self.connection.switches).payments
        """Off: what becomes of payments there is nobody's business here until it is on again (M61)."""

    def check(self) -> None:
        held = Counter((kind, link.external_id) for (kind, _), link in self.links.items() if not link.alias)
        need(all(count == 1 for count in held.values()), f"I2: linked twice: {held.most_common(2)}")
        for invoice in self.session.scalars(select(Invoice)):
            self._invoice(invoice)
        for payment in self.session.scalars(select(Payment).where(Payment.from_service.is_(False))):
            self._payment(payment)
        self._loose()

    def _done(self, kind: str, row: Any) -> bool:
        link = self.links.get((kind, row.id))
        return link is not None and link.agreed_revision >= row.revision and (kind, row.id) not in self.troubled

    def _due(self, invoice: Invoice) -> bool:
        assert self.connection is not None
        if not Switches.from_json(self.connection.switches).invoices or invoice.from_service:
            return False
        if ("invoice", invoice.id) in self.links:
            return True
        return (
            invoice.status == "sent"
            and invoice.sent_at is not None
            and (invoice.sent_at >= self.connection.connected_at)
        )

    def _invoice(self, invoice: Invoice) -> None:
        key = ("invoice", invoice.id)
        what = f"invoice {invoice.number} ({invoice.status})"
        if invoice.status == "draft":
            need(key not in self.links, f"I8: {what} is there")
            return
        if key in self.troubled:
            return
        if not self._done("invoice", invoice):
            need(not self._due(invoice), f"I2: {what} is forgotten: neither there nor shown as needing anybody")
            return
        link = self.links[key]
        if invoice.status == "void":
            row = self.there["invoice"].get(link.external_id)
            need(row is None or not is_live("invoice", row), f"I3: {what} is done and lives there")
            return
        self._equal(invoice, link, what)

    def _equal(self, invoice: Invoice, link: ExternalLink, what: str) -> None:
        row = self.there["invoice"].get(link.external_id)
        need(row is not None and is_live("invoice", row), f"I2: {what} is done and not there")
        assert row is not None
        payer = self.links.get(("customer", invoice.customer_id))
        need(payer is not None, f"I9: {what} is linked and its customer is not")
        assert payer is not None
        # the service moved it along with a merge: nothing follows before the owner's yes, his card names both (D4)
        asked = row["customer_id"] == self.survivors.get(invoice.customer_id, "")
        need(row["customer_id"] == payer.external_id or asked, f"I3: {what}: another customer")
        need(str(row["number"]).casefold() == invoice.number.casefold(), f"I3: {what}: number {row['number']}")
        need(row["date"] == invoice.issued_on.isoformat(), f"I3: {what}: date {row['date']}")
        need(row["status"] != "draft", f"I3: {what} is a draft there")
        need(Decimal(row["total"]) == invoice.total, f"I5: {what}: {row['total']} there, {invoice.total} here")
        lines = self.session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id)).all()
        need(
            sorted(Decimal(one["amount"]) for one in row["lines"]) == sorted(one.amount for one in lines),
            f"I3: {what}: other lines",
        )
        paid = self._paid(invoice, what) if self.looks else None
        if paid is not None:
            balance = invoice.total - paid
            need(Decimal(row["balance"]) == balance, f"I5: {what}: open {row['balance']} there, {balance} here")

    def _paid(self, invoice: Invoice, what: str) -> Decimal | None:
        """What counts as paid; None while a payment of it waits for the owner."""
        total = Decimal(0)
        for part in self.session.scalars(select(PaymentAllocation).where(PaymentAllocation.invoice_id == invoice.id)):
            payment = self.session.get_one(Payment, part.payment_id)
            if ("payment", payment.id) in self.troubled:
                return None
            if not payment.deleted:
                total += part.amount
        return total

    def _payment(self, payment: Payment) -> None:
        key = ("payment", payment.id)
        if key in self.troubled:
            return
        link = self.links.get(key)
        invoices = self.session.scalars(
            select(PaymentAllocation.invoice_id).where(PaymentAllocation.payment_id == payment.id)
        ).all()
        held_up = any(("invoice", one) not in self.links or ("invoice", one) in self.troubled for one in invoices)
        what = f"payment {payment.reference} of {payment.amount}"
        if link is None:
            need(payment.deleted or held_up, f"I2: {what} is forgotten")
            return
        row = self.there["payment"].get(link.external_id)
        if held_up:
            return  # its invoice says what is wrong
        if not self.looks and ("payment", link.external_id) in self.world.touched:
            return  # somebody's edit there, which the drain has looked for once the switch is on again
        if not self._done("payment", payment):
            need(False, f"I2: {what} is changed and forgotten")
        elif payment.deleted:
            need(row is None or not is_live("payment", row), f"I3: {what} is removed and counts there")
        else:
            need(row is not None and is_live("payment", row), f"I2: {what} is done and not there")
            assert row is not None
            need(Decimal(row["amount"]) == payment.amount, f"I5: {what}: {row['amount']} there")

    def _loose(self) -> None:
        """I4: what our calls made and still counts is linked, so that it can't be shown as failed."""
        if self.world.hits["S6"]:  # what the copy did not know is asked about where there is no stamp (D1)
            return
        tied = {(kind, link.external_id) for (kind, _), link in self.links.items()}
        for kind, record_id in self.tags:
            row = self.there[kind].get(record_id)
            if row is not None and is_live(kind, row):
                found = self._told(kind, record_id)
                need((kind, record_id) in tied, f"I4: made by us and linked to nothing: {kind} {record_id} {found}")

    def _told(self, kind: str, record_id: str) -> list[Any]:
        """What our books say of it, for the report."""
        rows = [(row.kind, row.local_id, row.state, row.title) for row in self.session.scalars(select(SyncStatus))]
        tag = self.tags[kind, record_id]
        name = {"customer": Customer.display_name, "item": Item.name, "invoice": Invoice.number}.get(
            kind, Payment.reference
        )
        return [tag, self.session.scalars(select(RECORDS[kind].id).where(name.contains(tag))).all(), rows]
