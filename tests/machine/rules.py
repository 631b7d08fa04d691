"""What can happen in one step: a person's work at a desk, the service's hand edits, faults, crashes, restarts.

`draw` makes a step's arguments from the run's generator without looking at the world, so that a plan is plain JSON
and can be cut down or replayed; numbers that name a record are taken modulo what there is when the step is done.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.customers import CustomerDraft, create_customer, update_customer
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.invoices import create_invoice, load_invoice, mark_sent, update_invoice, void_invoice
from desktop.books.items import ItemDraft, create_item, update_item
from desktop.books.payments import PaymentDraft, record_payment, remove_payment, restore_payment, update_payment
from desktop.crashpoint import CRASH_POINTS, PULL_POINTS
from desktop.errors import BlueClerkError
from desktop.models.backup import list_backups, restore_backup, take_backup
from desktop.models.connection import Connection
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.states import Switches
from desktop.providers.records import Kind
from desktop.sandbox.service import ControlError
from desktop.sync import mapping
from desktop.sync.overview import save_switches
from tests.machine.world import Desk, World

Draw = Callable[[random.Random], dict[str, Any]]
Do = Callable[..., Awaitable[None]]
HOUR, DAY = 3600, 86_400
WAITS = (1, 5, 30, 61, 120, 600, HOUR, 2 * HOUR, 9 * HOUR, DAY, 8 * DAY, 56 * DAY)


@dataclass(frozen=True)
class Rule:
    weight: int
    draw: Draw
    do: Do


RULES: dict[str, Rule] = {}


def rule(weight: int, draw: Draw = lambda chance: {}) -> Callable[[Do], Do]:
    def keep(do: Do) -> Do:
        RULES[do.__name__] = Rule(weight, draw, do)
        return do

    return keep


def big(chance: random.Random) -> int:
    return chance.randrange(1000)


def pick(found: list[Any], number: int) -> Any:
    """One of those there are, or None."""
    return found[number % len(found)] if found else None


def ids(session: Session, table: Any, *where: Any) -> list[int]:
    return list(session.scalars(select(table.id).where(*where).order_by(table.id)))


# --- our books -----------------------------------------------------------------------------------------

NAMES = ("Cora Reed", "Zoë Ångström", 'Q&A: "Sons"', "O'Neil, Pat", "山田 太郎", "Ana-María")


@rule(5, lambda c: {"name": c.randrange(len(NAMES)), "mail": c.random() < 0.5})
async def add_customer(world: World, desk: Desk, name: int, mail: bool) -> None:
    tag = world.tag()
    shown = NAMES[name].replace(":", "") if world.service == "quickbooks" else NAMES[name]
    draft = CustomerDraft(f"{shown} {tag}", email=f"{tag.lower()}@mail.example.com" if mail else "")
    await desk.core.do(create_customer, draft)


@rule(4, lambda c: {"which": big(c), "what": c.choice(("phone", "city", "name", "email"))})
async def edit_customer(world: World, desk: Desk, which: int, what: str) -> None:
    found = pick(await desk.core.ask(ids, Customer), which)
    if found is None:
        return

    def edit(session: Session, at: Any) -> None:
        row, word = session.get_one(Customer, found), world.tag()
        name = (
            f"{row.display_name.split()[0]} new {row.display_name.split()[-1]}" if what == "name" else row.display_name
        )
        email = f"{word.lower()}@mail.example.com" if what == "email" else ""
        kept = ("given_name", "family_name", "company_name", "line1", "region", "postal_code", "country", "notes")
        draft = CustomerDraft(
            name,
            email=email or row.email,
            phone=f"555-01{which % 100:02}" if what == "phone" else row.phone,
            city=f"Town {which}" if what == "city" else row.city,
            **{field: getattr(row, field) for field in kept},
        )
        update_customer(session, at, found, draft)

    world.edited.add(("customer", found))
    await desk.core.do(edit)


@rule(4, lambda c: {"mapped": c.random() < 0.85, "price": c.randrange(1, 400), "account": big(c)})
async def add_item(world: World, desk: Desk, mapped: bool, price: int, account: int) -> None:
    made = await desk.core.do(create_item, ItemDraft(f"Work {world.tag()}", unit_price=Decimal(price)))
    if mapped and world.accounts:
        await _map(world, desk, made, pick(world.accounts, account))


@rule(2, lambda c: {"which": big(c), "price": c.randrange(1, 400)})
async def edit_item(world: World, desk: Desk, which: int, price: int) -> None:
    found = pick(await desk.core.ask(ids, Item, Item.builtin.is_(False)), which)
    if found is not None:
        was = await desk.core.ask(lambda session: session.get_one(Item, found))
        world.edited.add(("item", found))
        draft = ItemDraft(was.name, was.description, Decimal(price), was.taxable, was.sku, was.active)
        await desk.core.do(update_item, found, draft)


@rule(3, lambda c: {"which": big(c), "account": c.choice((0, 1, 1, 2, -1))})
async def map_item(world: World, desk: Desk, which: int, account: int) -> None:
    found = pick(await desk.core.ask(ids, Item, Item.builtin.is_(False)), which)
    if found is not None and world.accounts:
        await _map(world, desk, found, "" if account < 0 else pick(world.accounts, account))


async def _map(world: World, desk: Desk, item: int, account: str) -> None:
    key = await desk.core.company_key()
    if key is not None and key.company_id == world.home:
        world.edited.add(("item", item))
        await desk.core.do(mapping.save_mapping, key, {item: account})


@rule(
    12,
    lambda c: {
        "customer": big(c),
        "lines": [[big(c), c.randrange(1, 5), c.randrange(1, 300)] for _ in range(c.choice((1, 1, 2, 3)))],
        "sent": c.random() < 0.85,
        "paid": c.choice((0, 0, 0, 1, 2)),
    },
)
async def add_invoice(world: World, desk: Desk, customer: int, lines: list[list[int]], sent: bool, paid: int) -> None:
    """An invoice; with nobody to bill or nothing to sell yet, both are made on the way."""
    core = desk.core
    if not await core.ask(ids, Customer, Customer.active.is_(True)):
        await add_customer(world, desk, 0, False)
    if not await core.ask(ids, Item, Item.builtin.is_(False)):
        await add_item(world, desk, True, 50, 0)
    payer = pick(await core.ask(ids, Customer, Customer.active.is_(True)), customer)
    sold = await core.ask(ids, Item, Item.builtin.is_(False), Item.active.is_(True))
    day = world.now().date()
    draft = InvoiceDraft(
        payer,
        day,
        day + timedelta(days=30),
        tuple(LineDraft(pick(sold, one), "", Decimal(count), Decimal(price)) for one, count, price in lines),
        number=world.tag(),
    )

    def write(session: Session, at: Any) -> int:
        made = create_invoice(session, at, draft)
        if sent:
            mark_sent(session, at, made)
        return made

    made = await core.do(write)
    if sent and paid:
        await _pay(world, desk, made, paid, 1)


@rule(3, lambda c: {"which": big(c), "price": c.randrange(1, 300), "number": c.random() < 0.3})
async def edit_invoice(world: World, desk: Desk, which: int, price: int, number: bool) -> None:
    found = pick(await desk.core.ask(ids, Invoice, Invoice.from_service.is_(False), Invoice.status != "void"), which)
    if found is None:
        return

    def edit(session: Session, at: Any) -> None:
        row = load_invoice(session, found)
        lines = [LineDraft(line.item_id, line.description, line.quantity, line.unit_price) for line in row.lines]
        lines[0] = LineDraft(lines[0].item_id, "changed", lines[0].quantity, Decimal(price))
        new = world.tag() if number else None
        update_invoice(
            session, at, found, InvoiceDraft(row.customer_id, row.issued_on, row.due_on, tuple(lines), number=new)
        )

    world.edited.add(("invoice", found))
    await desk.core.do(edit)


@rule(2, lambda c: {"which": big(c)})
async def send_draft(world: World, desk: Desk, which: int) -> None:
    found = pick(await desk.core.ask(ids, Invoice, Invoice.status == "draft"), which)
    if found is not None:
        await desk.core.do(mark_sent, found)


@rule(1, lambda c: {"which": big(c)})
async def void(world: World, desk: Desk, which: int) -> None:
    found = pick(await desk.core.ask(ids, Invoice, Invoice.status == "sent", Invoice.from_service.is_(False)), which)
    if found is not None:
        await desk.core.do(void_invoice, found)


@rule(7, lambda c: {"which": big(c), "part": c.choice((1, 1, 2, 3)), "method": big(c)})
async def pay(world: World, desk: Desk, which: int, part: int, method: int) -> None:
    found = pick(await desk.core.ask(ids, Invoice, Invoice.status == "sent"), which)
    if found is not None:
        await _pay(world, desk, found, part, method)


async def _pay(world: World, desk: Desk, invoice: int, part: int, method: int) -> None:
    from desktop.books.balances import balance_of

    open_now = await desk.core.ask(lambda session: balance_of(session, session.get_one(Invoice, invoice)))
    amount = (open_now / part).quantize(Decimal("0.01"))
    kind = ("cash", "check", "card", "bank_transfer", "other")[method % 5]
    if amount > 0:
        await desk.core.do(record_payment, PaymentDraft(invoice, world.now().date(), amount, kind, world.tag()))


@rule(2, lambda c: {"which": big(c), "part": c.choice((2, 3))})
async def edit_payment(world: World, desk: Desk, which: int, part: int) -> None:
    found = pick(await desk.core.ask(ids, Payment, Payment.deleted.is_(False), Payment.from_service.is_(False)), which)
    if found is None:
        return

    def edit(session: Session, at: Any) -> None:
        row = session.get_one(Payment, found)
        invoice = session.scalars(
            select(PaymentAllocation.invoice_id).where(PaymentAllocation.payment_id == found)
        ).first()
        amount = (row.amount / part).quantize(Decimal("0.01"))
        update_payment(session, at, found, PaymentDraft(invoice or 0, row.paid_on, amount, row.method, row.reference))

    await desk.core.do(edit)


@rule(3, lambda c: {"which": big(c)})
async def unpay(world: World, desk: Desk, which: int) -> None:
    found = pick(await desk.core.ask(ids, Payment, Payment.deleted.is_(False), Payment.from_service.is_(False)), which)
    if found is not None:
        await desk.core.do(remove_payment, found)


@rule(1, lambda c: {"which": big(c)})
async def pay_again(world: World, desk: Desk, which: int) -> None:
    found = pick(await desk.core.ask(ids, Payment, Payment.deleted.is_(True)), which)
    if found is not None:
        await desk.core.do(restore_payment, found)


# --- sync ------------------------------------------------------------------------------------------------


async def _invoice(desk: Desk, which: int) -> list[tuple[Kind, int]]:
    found = pick(await desk.core.ask(ids, Invoice, Invoice.status != "draft"), which)
    return [] if found is None else [(Kind.INVOICE, found)]


@rule(8, lambda c: {"which": big(c)})
async def push(world: World, desk: Desk, which: int) -> None:
    if records := await _invoice(desk, which):
        await desk.core.sync(records)


@rule(2, lambda c: {"which": big(c)})
async def double_click(world: World, desk: Desk, which: int) -> None:
    if records := await _invoice(desk, which):
        await _together(desk.core.sync(records), desk.core.sync(records))


@rule(3, lambda c: {"which": big(c), "all": c.random() < 0.4})
async def both_desks(world: World, desk: Desk, which: int, all: bool) -> None:
    """Two people press at the same moment (M1)."""
    if len(world.desks) < 2:
        await world.start_desk()
    first, second = world.desks[:2]
    records = await _invoice(desk, which)
    if all or not records:
        works = [world.on(one, one.core.sync_now()) for one in (first, second)]
    else:
        works = [world.on(one, one.core.sync(records)) for one in (first, second)]
    world.hits["M1"] += 1
    await _together(*works)


async def _together(*works: Any) -> None:
    """All of them to their end; a killed desk's end does not stop the other's."""
    found = await asyncio.gather(*works, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one


@rule(6)
async def sync_now(world: World, desk: Desk) -> None:
    await desk.core.sync_now()


@rule(8)
async def by_itself(world: World, desk: Desk) -> None:
    """What the program does in the background when something is due."""
    await desk.core.runner.drain()


@rule(3, lambda c: {"turns": c.randrange(1, 200), "which": big(c)})
async def cancel(world: World, desk: Desk, turns: int, which: int) -> None:
    """The task that syncs is cancelled after so many 25ths of a second."""
    await _stopped(world, desk, turns, which)


async def _stopped(world: World, desk: Desk, turns: int, which: int) -> None:
    records = await _invoice(desk, which)
    work = desk.core.sync(records) if records else desk.core.sync_now()
    task = asyncio.get_running_loop().create_task(world.on(desk, work))
    await asyncio.wait([task], timeout=turns / 25)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        world.hits["P4"] += 1


@rule(3, lambda c: {"turns": c.randrange(1, 200), "which": big(c)})
async def restart(world: World, desk: Desk, turns: int, which: int) -> None:
    """Quit in the middle of a run, and start again (P4)."""
    place = world.desks.index(desk)
    if which % 2:
        await _stopped(world, desk, turns, which)
    await world.quit(desk)
    await world.start_desk(place)


@rule(
    9,
    lambda c: {
        "point": c.choice((*CRASH_POINTS, *PULL_POINTS)),
        "nth": c.choice((1, 1, 1, 2, 3, 5)),
        "which": big(c),
        "old": c.random() < 0.2,
        "wait": c.choice((0, 1, 61, 61, 61, 300)),
    },
)
async def crash(world: World, desk: Desk, point: str, nth: int, which: int, old: bool, wait: int) -> None:
    """Press Sync and be killed at this point if it is passed; the start after it is the driver's."""
    if old:  # a token that has run out, so that the points of its renewal are passed
        await asyncio.sleep(2 * HOUR)
    world.crash_at(point, nth)
    world.rest = wait
    try:
        records = await _invoice(desk, which)
        await (desk.core.sync(records) if records else desk.core.sync_now())
    finally:
        world.crash = None


SLEEPY = ("load", "lease.taken", "intent.committed", "call.sent", "reply.read", "token.refresh.got", "readback")


@rule(3, lambda c: {"point": c.choice(SLEEPY), "nth": c.choice((1, 1, 2, 3)), "which": big(c), "old": c.random() < 0.3})
async def sleeper(world: World, desk: Desk, point: str, nth: int, which: int, old: bool) -> None:
    """A desk stands still at this point for some minutes; the other one goes on meanwhile (M2, P6)."""
    if len(world.desks) < 2:
        await world.start_desk()
    other = next(one for one in world.desks if one is not desk)
    if old:
        await asyncio.sleep(2 * HOUR)
    records = await _invoice(desk, which)
    world.crash_at(point, nth, sleepy=True)
    press = desk.core.sync(records) if records else desk.core.sync_now()
    asleep = asyncio.get_running_loop().create_task(world.on(desk, press))
    try:
        while not asleep.done() and desk.db.awake.is_set():
            await world.clock.sleep(0.02)
        world.crash = None
        await asyncio.sleep(200 + which % 300)
        await asyncio.gather(world.on(other, other.core.sync_now()), return_exceptions=True)
    finally:
        world.crash = None
        desk.wake()
    await asleep


@rule(1)
async def second_desk(world: World, desk: Desk) -> None:
    if len(world.desks) < 2:
        await world.start_desk()


# --- time, network, faults ---------------------------------------------------------------------------------


@rule(8, lambda c: {"seconds": c.choice(WAITS)})
async def wait(world: World, desk: Desk, seconds: int) -> None:
    await asyncio.sleep(float(seconds))
    await desk.core.runner.drain()


@rule(2, lambda c: {"seconds": c.choice((5, 60, HOUR, 9 * HOUR)), "flap": c.random() < 0.4})
async def offline(world: World, desk: Desk, seconds: int, flap: bool) -> None:
    until = world.loop.time() + seconds
    if flap:
        desk.line.flap_until = until
    else:
        desk.line.cut_until = until


@rule(2, lambda c: {"seconds": c.choice((-DAY, -600, 600, DAY, 0))})
async def set_clock(world: World, desk: Desk, seconds: int) -> None:
    """This computer's clock is wrong by so much from now on (T1); leases of an office go by the server's."""
    if desk.core.db.dialect == "sqlite":
        world.clock.skew = float(seconds)
        world.hits["T1"] += bool(seconds)


FAULTS: tuple[dict[str, Any], ...] = (
    {"id": "N1"},
    {"id": "N1", "phase": "mid"},
    {"id": "N2"},
    {"id": "N3"},
    {"id": "N5", "params": {"delay_s": 200}},
    {"id": "N6", "params": {"interval_s": 1}},
    {"id": "N9"},
    {"id": "N10"},
    {"id": "H1", "params": {"retry_after": 5}},
    {"id": "H1", "params": {"retry_after": 90}},
    {"id": "H2"},
    {"id": "H3"},
    {"id": "H4"},
    {"id": "H5"},
    {"id": "H5", "phase": "after"},
    {"id": "H6"},
    {"id": "H6", "phase": "after"},
    {"id": "H7", "params": {"for_s": 3 * HOUR}},
    {"id": "H8"},
    {"id": "H9"},
    {"id": "H10"},
    {"id": "H11"},
    {"id": "H12"},
    {"id": "B1"},
    {"id": "B1", "params": {"length": "wrong"}},
    {"id": "B2"},
    {"id": "B2", "params": {"kind": "empty"}},
    {"id": "B2", "params": {"kind": "gzip"}},
    {"id": "B3"},
    {"id": "B3", "params": {"kind": "null"}},
    {"id": "B4"},
    {"id": "B5"},
    {"id": "B6"},
    {"id": "B7"},
    {"id": "A1"},
    {"id": "A2"},
    {"id": "A6"},
    {"id": "A8", "params": {"kind": "5xx"}},
    {"id": "A8", "params": {"kind": "timeout", "delay_s": 100}},
    {"id": "A8"},
    {"id": "A9"},
    {"id": "A10"},
    {"id": "D9"},
    {"id": "D15"},
    {"id": "L3"},
)


def storm(chance: random.Random) -> dict[str, Any]:
    """The two-stage chance: each fault is on with p = 0.25, and strikes each matching call with p = 0.25."""
    on = [at for at in range(len(FAULTS)) if chance.random() < 0.25]
    return {"on": on, "seed": chance.randrange(10**6)}


def fitted(world: World, which: int) -> dict[str, Any]:
    """The fault as this service knows it: only one of them demands a minute with a 429 that names no time."""
    chosen = dict(FAULTS[which % len(FAULTS)])
    if chosen["id"] in ("H2", "H4") and world.service != "quickbooks":
        chosen["params"] = {"wait_s": 1}
    return chosen


@rule(2, storm)
async def faults(world: World, desk: Desk, on: list[int], seed: int) -> None:
    rules = [{"p": 0.25, "times": 2, **fitted(world, at)} for at in on]
    world.box.faults.arm(rules, seed)
    world.armed = True


@rule(4, lambda c: {"which": c.randrange(len(FAULTS)), "nth": c.choice((1, 1, 2, 3, 4)), "times": c.choice((1, 1, 2))})
async def fault(world: World, desk: Desk, which: int, nth: int, times: int) -> None:
    """One fault at the nth matching call."""
    chosen = {**fitted(world, which), "nth": nth, "times": times}
    if chosen["id"] in ("A6", "A8", "A9", "A10", "H4"):  # they strike when the token is renewed
        await asyncio.sleep(2 * HOUR)
    world.box.faults.arm([chosen], which)
    world.armed = True


@rule(2)
async def calm(world: World, desk: Desk) -> None:
    world.box.faults.clear()
    world.armed = False


# --- the connection ------------------------------------------------------------------------------------------


async def _state(desk: Desk) -> tuple[str, str, str] | None:
    def look(session: Session) -> tuple[str, str, str] | None:
        row = session.scalar(select(Connection).where(Connection.live == 1))
        return None if row is None else (row.state, row.token_state, row.company_id)

    return await desk.core.ask(look)


@rule(1)
async def disconnect(world: World, desk: Desk) -> None:
    await desk.core.disconnect()


@rule(3, lambda c: {"other": c.random() < 0.3})
async def reconnect(world: World, desk: Desk, other: bool) -> None:
    """Sign in where that is needed; to the other company it is refused (W1)."""
    found = await _state(desk)
    if found is not None and found[0] not in ("needs_sign_in", "refused") and found[1] == "ok":
        return
    if other:
        world.hits["W1"] += 1
    await world.connect(desk, world.other if other else world.home)


@rule(1, lambda c: {"customers": c.random() < 0.7, "payments": c.random() < 0.7, "auto": c.random() < 0.6})
async def switches(world: World, desk: Desk, customers: bool, payments: bool, auto: bool) -> None:
    await desk.core.do(save_switches, Switches(customers=customers, payments=payments, auto=auto))


# --- backups ---------------------------------------------------------------------------------------------------


@rule(1)
async def backup(world: World, desk: Desk) -> None:
    if desk.db.path is not None:
        take_backup(desk.db.path, world.folder / "backups", "daily", world.now())


@rule(1, lambda c: {"which": big(c)})
async def restore(world: World, desk: Desk, which: int) -> None:
    """The books are put back from an older copy (S6)."""
    found = list_backups(world.folder / "backups")
    if desk.db.path is None or not found:
        return
    for one in list(world.desks):
        await world.quit(one)
    restore_backup(Path(world.address), pick(found, which), world.now())
    world.restored = True
    world.hits["S6"] += 1
    for place in range(len(world.desks)):
        await world.start_desk(place)


# --- by hand, there ------------------------------------------------------------------------------------------------

PEOPLE = ("phone", "name", "archive", "restore", "merge", "twin")
GOODS = ("price", "archive", "restore")
BILLS = ("memo", "due", "void", "delete", "pay", "lines")
MONEY = ("amount", "delete", "void")


def by_hand(world: World, kind: str, record_id: str, action: str, **params: Any) -> bool:
    """Done there by a person, unless the service forbids it to people too; what follows from it is theirs too."""
    before = _rows(world)
    try:
        world.side.edit(world.service, kind, record_id, action, **params)
    except ControlError:
        return False
    after = _rows(world)
    world.touched.update(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    world.hits[f"hand:{kind} {action}"] += 1
    return True


def _rows(world: World) -> dict[tuple[str, str], dict[str, Any]]:
    books = world.side.books(world.service)
    return {(kind.value, row["id"]): row for kind in Kind for row in books[f"{kind.value}s"]}


def _there(world: World, kind: str, which: int) -> dict[str, Any] | None:
    rows = world.side.books(world.service)[f"{kind}s"]
    ours = [row for row in rows if (kind, row["id"]) in world.ours] or rows
    return pick(ours, which)


def _change_or(world: World, kind: str, which: int, what: str, **changes: dict[str, str]) -> None:
    """Somebody there changes a record if `what` names one of these `changes`, else does `what` with it."""
    row = _there(world, kind, which)
    if row is not None and what in changes:
        by_hand(world, kind, row["id"], "change", **changes[what])
    elif row is not None:
        by_hand(world, kind, row["id"], what)


@rule(3, lambda c: {"which": big(c), "what": c.choice(PEOPLE), "other": big(c)})
async def hand_customer(world: World, desk: Desk, which: int, what: str, other: int) -> None:
    row = _there(world, "customer", which)
    if row is None:
        return
    if what == "phone":
        by_hand(world, "customer", row["id"], "change", phone=f"555-01{other % 100:02}")
    elif what == "name":
        by_hand(world, "customer", row["id"], "change", display_name=f"{row['display_name']} jr")
    elif what == "merge":
        into = _there(world, "customer", other)
        if into is not None and into["id"] != row["id"]:
            by_hand(world, "customer", row["id"], "merge", into=into["id"])
    elif what == "twin":  # the name that our next customer will have is taken (D2)
        taken = f"{NAMES[other % len(NAMES)].replace(':', '')} Q{world.made + 1}Q"
        by_hand(world, "customer", "", "create", display_name=taken)
    else:
        by_hand(world, "customer", row["id"], what)


@rule(2, lambda c: {"which": big(c), "what": c.choice(GOODS), "price": c.randrange(1, 300)})
async def hand_item(world: World, desk: Desk, which: int, what: str, price: int) -> None:
    _change_or(world, "item", which, what, price={"unit_price": f"{price}.00"})


@rule(4, lambda c: {"which": big(c), "what": c.choice(BILLS), "amount": c.randrange(1, 90)})
async def hand_invoice(world: World, desk: Desk, which: int, what: str, amount: int) -> None:
    row = _there(world, "invoice", which)
    if row is None:
        return
    if what == "memo":
        by_hand(world, "invoice", row["id"], "change", memo=f"by hand {amount}")
    elif what == "due":
        by_hand(world, "invoice", row["id"], "change", due_date=f"2027-03-{amount % 28 + 1:02}")
    elif what == "pay":
        part = (Decimal(row["balance"]) * amount / 100).quantize(Decimal("0.01"))
        if part > 0:
            by_hand(world, "invoice", row["id"], "pay", amount=str(part))
    elif what == "lines":
        lines = [{k: v for k, v in one.items() if k in ("item_id", "description", "quantity")} for one in row["lines"]]
        by_hand(world, "invoice", row["id"], "change", lines=[one | {"unit_price": str(amount)} for one in lines])
    else:
        by_hand(world, "invoice", row["id"], what)


@rule(2, lambda c: {"which": big(c), "what": c.choice(MONEY), "amount": c.randrange(1, 50)})
async def hand_payment(world: World, desk: Desk, which: int, what: str, amount: int) -> None:
    _change_or(world, "payment", which, what, amount={"amount": f"{amount}.00"})


@rule(2, lambda c: {"which": big(c)})
async def hand_number(world: World, desk: Desk, which: int) -> None:
    """Somebody uses the number there that our next invoice will have (D1)."""
    payer = _there(world, "customer", which)
    item = _there(world, "item", which)
    if payer is None or item is None:
        return
    line = {"item_id": item["id"], "description": "by hand", "quantity": "1", "unit_price": "12.00"}
    by_hand(world, "invoice", "", "create", customer_id=payer["id"], number=f"Q{world.made + 1}Q", lines=[line])


@rule(1, lambda c: {"which": big(c), "back": c.random() < 0.6})
async def hand_account(world: World, desk: Desk, which: int, back: bool) -> None:
    """An income account is archived there, or comes back (D6)."""
    account = pick(world.accounts, which)
    if account is not None:
        by_hand(world, "account", account, "restore" if back else "archive")


@rule(1)
async def weekly(world: World, desk: Desk) -> None:
    await desk.core.weekly_if_due()


__all__ = ["BlueClerkError", "FAULTS", "RULES", "Rule", "storm"]
