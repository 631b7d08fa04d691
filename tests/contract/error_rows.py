"""One row of a contract's error table: how it is armed in the sandbox, and what the owner then gets to read.

A row is armed by a situation that the imitated service itself refuses (a number that is taken, a period that is
closed), or else by its fault rule FAULT, which says what the service would. Then a desk with real books sends
something, and the sentence, the advice and the fix are read where the owner reads them: at the record, in the bell,
at the connection. Each service's table stands in `test_error_rows_<service>.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from desktop.books.customers import CustomerDraft, update_customer
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.invoices import update_invoice, void_invoice
from desktop.books.items import ItemDraft, update_item
from desktop.books.payments import remove_payment
from desktop.errors import BlueClerkError, Fix, GoneRemote
from desktop.models.connection import Connection
from desktop.models.work import SyncStatus
from desktop.providers.records import Kind
from desktop.sync import failures
from desktop.sync.push import Report
from tests.helpers.control import Control
from tests.helpers.office import Office, open_office
from tests.helpers.published import SHARED, need
from tests.helpers.reaching import Renewing, sign_in_at

PAGES = SHARED / "providers"
"""The contracts; no part of this project, so a public clone has none."""
NAME, ITEM, NUMBER = "Nora Stone", "Skylight", "E-1"
Record = tuple[Kind, int]


class Seen(Enum):
    """Where the owner meets it."""

    RECORD = "at the record, and once in the bell"
    CONNECTION = "at the connection, and once in the bell"
    WAITING = "nowhere: it goes on by itself once the wait is over"
    NOWHERE = "nowhere: it is settled in the same press"


@dataclass(frozen=True)
class Job:
    """What a desk does: `made` is what `send` is to leave with, after `ready` prepared it in peace."""

    ready: Callable[[Office], Awaitable[Record]]
    change: Callable[[Office, Record], None] = lambda office, record: None


Rule = dict[str, Any]
Arm = Rule | Sequence[Rule] | Callable[[Office, Record], Awaitable[None]]


@dataclass(frozen=True)
class Told:
    """What the owner reads, and the one thing that mends it."""

    error: type[BlueClerkError]
    title: str
    advice: str
    fix: Fix
    retryable: bool = False
    """Whether the program may try again by itself."""


@dataclass(frozen=True)
class Row:
    """`cell` is a part of the contract's row that no other row has."""

    cell: str
    arm: Arm | None = None
    job: str = "invoice"
    seen: Seen = Seen.RECORD
    reason: str = ""
    """Why the row can't be armed."""
    variant: str = ""
    test: str = ""
    """A test of its own, where no desk that is connected meets it."""

    @property
    def name(self) -> str:
        return re.sub(r"[^A-Za-z0-9]+", "-", f"{self.cell} {self.variant}").strip("-")[:60]


def fault(op: str, *, at: str = "FAULT", once: bool = False, phase: str = "before", **params: Any) -> dict[str, Any]:
    """A rule that strikes each call of `op` (or only the first)."""
    often = {"nth": 1} if once else {"every": 1}
    return {"id": at, "op": op, "phase": phase, "params": params, **often}


# --- jobs ------------------------------------------------------------------------------------------------


def _new_invoice(office: Office) -> int:
    return office.invoice(office.customer(NAME), (office.item(ITEM), "1", "100"), number=NUMBER)


async def _synced(office: Office) -> Record:
    invoice = _new_invoice(office)
    report = await office.sync(invoice)
    assert report.clean, report
    await office.runner.drain(everything=True)
    return Kind.INVOICE, invoice


async def _nothing_sent(office: Office) -> Record:
    return Kind.INVOICE, _new_invoice(office)


async def _new_customer(office: Office) -> Record:
    return Kind.CUSTOMER, office.customer(NAME)


async def _new_item(office: Office) -> Record:
    return Kind.ITEM, office.item(ITEM)


async def _synced_customer(office: Office) -> Record:
    customer = office.customer(NAME)
    office.ask((Kind.CUSTOMER, customer))
    assert (await office.runner.drain()).clean
    return Kind.CUSTOMER, customer


async def _synced_item(office: Office) -> Record:
    item = office.item(ITEM)
    office.ask((Kind.ITEM, item))
    assert (await office.runner.drain()).clean
    return Kind.ITEM, item


async def _another_invoice(office: Office) -> Record:
    """A second invoice for a customer and an item that are there already."""
    _, first = await _synced(office)
    assert first == 1
    return Kind.INVOICE, office.invoice(1, (1, "1", "30"), number="E-2")


async def _payment(office: Office) -> Record:
    _, invoice = await _synced(office)
    return Kind.PAYMENT, office.pay(invoice, "100")


async def _synced_payment(office: Office) -> Record:
    _, invoice = await _synced(office)
    payment = office.pay(invoice, "100")
    assert (await office.sync(invoice)).clean
    return Kind.PAYMENT, payment


async def _old_settings(office: Office) -> Record:
    """A day later: the company's settings are read again before anything is sent."""
    record = await _nothing_sent(office)
    office.clock.advance(25 * 3600)
    return record


def _reprice(office: Office, record: Record) -> None:
    line = LineDraft(1, "", Decimal(1), Decimal(120))
    office.write(update_invoice, record[1], InvoiceDraft(1, date(2026, 11, 10), date(2026, 12, 10), (line,)))


JOBS: dict[str, Job] = {
    "invoice": Job(_nothing_sent),
    "second invoice": Job(_another_invoice),
    "customer": Job(_new_customer),
    "item": Job(_new_item),
    "payment": Job(_payment),
    "change of an invoice": Job(_synced, _reprice),
    "void": Job(_synced, lambda office, record: office.write(void_invoice, record[1])),
    "change of a customer": Job(
        _synced_customer,
        lambda office, record: office.write(update_customer, record[1], CustomerDraft(NAME, phone="512-555-0100")),
    ),
    "change of an item": Job(
        _synced_item,
        lambda office, record: office.write(update_item, record[1], ItemDraft(ITEM, unit_price=Decimal(120))),
    ),
    "settings": Job(_old_settings),
    "removed payment": Job(
        _synced_payment, lambda office, record: office.write(remove_payment, record[1])
    ),
}  # fmt: skip


# --- one row ---------------------------------------------------------------------------------------------


async def desk_on(service: str, sandbox: Any, control: Control, folder: Path, books: Path) -> Office:
    """A desk on this service, Auto-Sync off."""
    control.service = service
    shutil.copyfile(books, folder / "desk.db")
    office = await open_office(
        f"sqlite:///{(folder / 'desk.db').as_posix()}", folder, control, sandbox.services, migrated=True
    )
    office.set_switches(auto=False)
    return office


async def read_row(table: Table, row: Row, sandbox: Any, control: Control, folder: Path, books: Path) -> None:
    """A new desk meets the row."""
    office = await desk_on(table.service, sandbox, control, folder, books)
    sign_in = sign_in_at(table.service, sandbox.services[table.service], office.clock)
    office.http._tokens = Renewing(sign_in, control.grant())  # renewed as in real life
    try:
        await meet(row, table.told.get(row.name), office)
    finally:
        await sign_in.close()
        await office.http.close()
        office.db.close()


async def meet(row: Row, told: Told | None, office: Office) -> None:
    """Prepare, arm, send, and compare what the owner reads with what the row says."""
    assert row.arm is not None
    job = JOBS[row.job]
    record = await job.ready(office)
    job.change(office, record)
    if callable(row.arm):
        await row.arm(office, record)
    else:
        office.control.faults(*([row.arm] if isinstance(row.arm, dict) else row.arm))
    office.ask(record)
    report = await office.runner.drain(everything=True)
    if not callable(row.arm):
        assert _hits(office), "the fault never met a call"
    {
        Seen.RECORD: _at_the_record,
        Seen.CONNECTION: _at_the_connection,
        Seen.WAITING: _quietly_waiting,
        Seen.NOWHERE: _settled,
    }[row.seen](row, told, office, record, report)
    if row.seen in (Seen.WAITING, Seen.NOWHERE):
        await _ends_well(office, record)


def _hits(office: Office) -> dict[str, int]:
    return dict(office.control._call("GET", "faults")["hits"])


def _at_the_record(row: Row, told: Told | None, office: Office, record: Record, report: Report) -> None:
    kind, local_id = record
    error = report.refused.get(f"{kind.value}:{local_id}")
    status = office.status(kind, local_id)
    assert error is not None and status is not None, (report, [one.title for one in all_states(office)])
    found = (type(error), status.title, status.advice, Fix(status.fix), error.retryable)
    (bell,) = office.read(failures.bell_entries, "owner")
    gone = isinstance(error, GoneRemote) and error.fix is Fix.LINK_INVOICE  # nothing is there to link it to
    rung = Fix.SHOW_DIFFERENCE if gone else Fix(status.fix)
    assert (bell.title, bell.advice, bell.fix) == (status.title, status.advice, rung)
    assert (bell.kind, bell.local_id) == (kind.value, local_id)
    _compare(row, told, found)


def _at_the_connection(row: Row, told: Told | None, office: Office, record: Record, report: Report) -> None:
    problem = report.problem
    assert problem is not None, (report, [one.title for one in all_states(office)])
    with office.db.read() as session:
        live = session.scalars(select(Connection).where(Connection.live == 1)).one()
        title, advice, fix = live.state_title, live.state_advice, Fix(live.state_fix)
    (bell,) = office.read(failures.bell_entries, "owner")
    assert bell.kind == "connection" and (bell.title, bell.advice, bell.fix) == (title, advice, fix)
    _compare(row, told, (type(problem), title, advice, fix, problem.retryable))


def _quietly_waiting(row: Row, told: Told | None, office: Office, record: Record, report: Report) -> None:
    assert not report.refused and office.read(failures.bell_entries, "owner") == [], report
    if report.problem is not None:  # a short wait is slept through
        problem = report.problem
        _compare(row, told, (type(problem), problem.title, problem.advice, problem.fix, problem.retryable))


def _settled(row: Row, told: Told | None, office: Office, record: Record, report: Report) -> None:
    assert not report.refused and office.read(failures.bell_entries, "owner") == [], report.refused


def _compare(row: Row, told: Told | None, found: tuple[type, str, str, Fix, bool]) -> None:
    kind, title, advice, fix, retryable = found
    if os.environ.get("BLUECLERK_SHOW_ROWS"):
        print(f"ROW\t{row.name}\t{kind.__name__}\t{title}\t{advice}\t{fix.name}\t{retryable}")
        return
    assert told is not None and Told(kind, title, advice, fix, retryable) == told
    strange = re.search(r"[{}\\]|HTTP|errno|null|None|Exception|\b(?:code|JSON|API|GraphQL)\b", f"{title} {advice}")
    assert strange is None, f"no words for an owner: {title} {advice}"


async def _ends_well(office: Office, record: Record) -> None:
    """Without the fault everything comes out as it should, once."""
    office.control.clear_faults()
    until = office.clock.now()
    for _ in range(12):
        office.clock.advance(max(130.0, (until - office.clock.now()).total_seconds() + 60))
        office.ask(record)
        report = await office.runner.drain(everything=True)
        if report.clean:
            break
        until = report.problem.until or until if report.problem is not None else until
    assert report.clean, report
    assert all_states(office) == [] and office.read(failures.bell_entries, "owner") == []
    books = office.books()
    assert [one["display_name"] for one in books["customers"]].count(NAME) <= 1
    assert len([one for one in books["invoices"] if one["number"] == NUMBER and one["status"] != "void"]) <= 1
    assert office.link(*record) is not None


def all_states(office: Office) -> list[SyncStatus]:
    with office.db.read() as session:
        return list(session.scalars(select(SyncStatus)))


# --- situations ------------------------------------------------------------------------------------------


def setting(**values: Any) -> Arm:
    """The imitated company's own settings are changed behind our back."""

    async def arm(office: Office, record: Record) -> None:
        office.control.settings(**values)

    return arm


def by_hand(kind: Kind, change: str | dict[str, Any], local_id: int = 1) -> Arm:
    """Somebody there changes the record that ours is linked to."""

    async def arm(office: Office, record: Record) -> None:
        link = office.link(kind, local_id)
        assert link is not None
        office.control.edit(kind.value, link.external_id, change)

    return arm


async def nobody_home(office: Office, record: Record) -> None:
    """The service can't be reached: nobody listens where it was."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        office.http.base = f"http://127.0.0.1:{free.getsockname()[1]}"


def number_taken(office: Office, record: Record) -> Awaitable[None]:
    """A stranger's invoice gets our number."""

    async def arm() -> None:
        books = office.books()
        who = next(one["id"] for one in books["customers"] if one["active"])
        what = next(one["id"] for one in books["items"] if one["active"])
        line = {"item_id": what, "quantity": "1", "unit_price": "55"}
        day = {"date": "2026-11-02", "due_date": "2026-12-02"}
        office.control.edit("invoice", "", {"create": {"customer_id": who, "number": NUMBER, "lines": [line], **day}})

    return arm()


# --- the contract's own table ----------------------------------------------------------------------------


def contract_rows(service: str, *headers: str) -> list[str]:
    """The rows of the tables whose header begins so; what the contracts' absence means, `published.need` says."""
    need(PAGES, "the services' contracts (shared/providers)")
    lines = (PAGES / f"{service}.md").read_text("utf-8").splitlines()
    rows: list[str] = []
    for header in headers:
        (start,) = [at for at, line in enumerate(lines) if line.startswith(header)]
        for line in lines[start + 2 :]:
            if not line.startswith("|"):
                break
            rows.append(line)
    return rows


@dataclass(frozen=True)
class Table:
    """A service's rows, what the owner reads of them by the row's name, and the headers of the contract's tables."""

    service: str
    rows: Sequence[Row]
    told: Mapping[str, Told]
    headers: tuple[str, ...]

    @property
    def each_armed(self) -> pytest.MarkDecorator:
        """A test for each row that can be armed."""
        return pytest.mark.parametrize("row", [row for row in self.rows if row.arm], ids=lambda row: row.name)

    def print_complete(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Fails unless each of the contract's rows is armed or has its reason; prints how many are."""
        text = assert_complete(self.service, self.rows, self.told, contract_rows(self.service, *self.headers))
        with capsys.disabled():
            print(f"\n{text}")


def assert_complete(service: str, rows: Sequence[Row], told: Mapping[str, Told], listed: Sequence[str]) -> str:
    """Each of the contract's rows is armed or has its reason; the answer is a line to print."""
    for row in rows:
        assert len([line for line in listed if row.cell in line]) == 1, f"no row or several hold {row.cell!r}"
        assert [bool(row.arm), bool(row.test), bool(row.reason)].count(True) == 1, row.cell
    shown = {row.name for row in rows if row.arm and row.seen in (Seen.RECORD, Seen.CONNECTION)}
    assert len({row.name for row in rows}) == len(rows)
    assert shown <= set(told) <= {row.name for row in rows}, shown ^ set(told)
    missing = [line for line in listed if not any(row.cell in line for row in rows)]
    assert not missing, "\n".join(missing)
    armed = [line for line in listed if any(row.cell in line and (row.arm or row.test) for row in rows)]
    text = f"{service}: {len(listed)} rows in the contract, {len(armed)} armed ({sum(not r.reason for r in rows)} ways)"
    return text + "".join(f"\n  not armed: {row.cell}: {row.reason}" for row in rows if row.reason)
