"""M, P6: several desks on one database; one is killed, another sleeps past its lease and wakes up."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from desktop import crashpoint
from desktop.books.activity import ActivityFilter, activity_ids, activity_rows
from desktop.clock import SystemClock
from desktop.core import Core
from desktop.models.following import KINDS
from desktop.models.session import Change, note_change, open_database, sqlite_path
from desktop.models.work import SyncStatus
from desktop.providers.records import Kind
from desktop.sync.leases import Leases
from desktop.sync.overview import connection_view
from desktop.sync.secrets import MemoryStore
from tests.faults.conftest import OpenDesk
from tests.faults.invariants import made, writes
from tests.faults.local_process import frozen
from tests.faults.world import ALL
from tests.helpers.control import Control
from tests.helpers.desk import connected_core, options
from tests.helpers.four_services import map_all, write
from tests.helpers.office import ElasticClock, Office, open_office
from tests.helpers.waiting import until
from tests.sync.acting import second_desk
from tests.sync.checks import assert_exactly_one, assert_linked_once, assert_quiet, made_there
from tests.sync.desk_process import Desks, job_for

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs signals of POSIX")


@pytest.fixture
def office(
    database_url: str,
    tmp_path: Path,
    sandbox: Any,
    control: Control,
    empty_books: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Office]:
    """A desk on SQLite, and on PostgreSQL where a server is named; its client ends with the test's own loop."""
    path = sqlite_path(database_url)
    if path is not None:
        shutil.copyfile(empty_books, path)
    desk = asyncio.run(open_office(database_url, tmp_path, control, sandbox.services, migrated=path is not None))
    test = request.node.obj
    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def closing(**values: Any) -> None:
            try:
                await test(**values)
            finally:
                await desk.http.close()

        request.node.obj = closing
    yield desk
    desk.db.close()


@pytest.mark.parametrize("place", ["lease.taken", "call.sent", "reply.read"])
async def test_M2_a_desk_that_sleeps_past_its_lease_and_wakes_up_sends_nothing_twice(
    office: Office, sandbox: Any, tmp_path: Path, place: str
) -> None:
    """SIGSTOP at each place of a push; another desk goes on; the sleeper wakes up in the middle of its own run."""
    invoice = office.invoice(office.customer("Sleepy Hollow"), (office.item("Nap"), "1", "75"), number="SL-1")
    office.pay(invoice, "25")
    nth = 1 if place == "lease.taken" else 2
    job = job_for(office, sandbox, tmp_path, [invoice], account="sleeper", freeze_at=place, nth=nth)
    with frozen(job) as sleeper:
        office.clock.advance(61)  # its lease has run out by the database's clock
        office.ask((Kind.INVOICE, invoice))
        report = await office.runner.drain(everything=True, wait_for_lease=True)
        assert report.clean, report
        before = [len(made_there(office, kind)) for kind in ("customer", "item", "invoice", "payment")]
        assert before == [1, 1, 1, 1]
        writes = len([one for one in office.control.ledger() if one["changed"]])
        sleeper.wake()
    assert len([one for one in office.control.ledger() if one["changed"]]) == writes, "the sleeper changed something"
    await office.runner.drain(everything=True, wait_for_lease=True)
    assert_exactly_one(office, "SL-1", payments=1)
    assert_quiet(office)
    assert_linked_once(office)


async def test_M2_a_killed_desks_lease_is_handed_over_when_it_has_run_out_and_not_before(
    office: Office, sandbox: Any, tmp_path: Path, desks: Desks
) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "1", "75"), number="HO-1")
    assert desks.run(job_for(office, sandbox, tmp_path, [invoice], die_at="reply.read", nth=2))
    office.ask((Kind.INVOICE, invoice))
    assert (await office.runner.drain()).writes == 0, "the lease is the dead desk's for its minute"
    assert not (await office.runner.drain()).done
    office.clock.advance(61)
    report = await office.runner.drain(everything=True)
    assert not (report.refused or report.in_doubt or report.problem), report
    assert_exactly_one(office, "HO-1")
    assert_quiet(office)


async def test_M1_three_desks_press_at_once_and_one_is_killed(
    office: Office, sandbox: Any, tmp_path: Path, desks: Desks
) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "1", "75"), number="M1-1")
    office.pay(invoice, "75")
    assert desks.run(job_for(office, sandbox, tmp_path, [invoice], account="first", die_at="link.committed", nth=1))
    async with (
        second_desk(office, sandbox, tmp_path) as second,
        second_desk(office, sandbox, tmp_path) as third,
    ):
        for desk in (office, second, third):
            desk.clock._ahead += 61
            desk.ask((Kind.INVOICE, invoice))
        pressed = (desk.runner.drain(everything=True, wait_for_lease=True) for desk in (office, second, third))
        reports = await asyncio.gather(*pressed)
    assert not any(report.refused or report.problem for report in reports)
    assert_exactly_one(office, "M1-1", payments=1)
    assert [len(made_there(office, kind)) for kind in ("customer", "item", "invoice", "payment")] == [1, 1, 1, 1]
    assert_quiet(office)


async def test_M3_a_desk_whose_clock_is_wrong_neither_steals_a_lease_nor_keeps_one_for_ever(
    office: Office, sandbox: Any, tmp_path: Path
) -> None:
    """Where a server keeps the books its clock decides; a file's desks share one computer and its clock."""
    name = office.company.lease_name
    held = await office.company.leases.take(name, 60)
    assert held is not None
    async with second_desk(office, sandbox, tmp_path) as other:
        assert await other.company.leases.take(name, 60) is None
        other.clock._ahead -= 24 * 3600  # this one lives in yesterday
        taken = await other.company.leases.take(name, 60)
        assert taken is not None, "a lease that seems to run for a day was taken under another clock"
        assert taken.fencing > held.fencing
        assert await office.company.leases.renew(held, 60) is None


class Sleepy(ElasticClock):
    """Nine hours go by in one of the two clocks, at a moment that the test chooses."""

    def __init__(self, control: Control, which: str) -> None:
        super().__init__(control)
        self._which, self._slept = which, 0.0

    def fall_asleep(self) -> None:
        self._slept = 9 * 3600

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._slept)

    def monotonic(self) -> float:
        return super().monotonic() + (self._slept if self._which == "frozen" else 0.0)


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("which", ["frozen", "lid closed"])
async def test_P6_M2_who_slept_between_intention_and_sending_looks_at_the_lease_first(
    service: str, which: str, desk_on: OpenDesk, control: Control
) -> None:
    """At the last moment nine hours go by, and another desk takes over: not a byte of the old call leaves.

    A sleeping computer's monotonic clock stops on Linux; a frozen program's goes on.
    """
    clock = Sleepy(control, which)
    async with desk_on(service, clock=clock) as desk:
        invoice = desk.bill("P6-1", "80", paid="30")
        company = await desk.core.company()
        assert company is not None

        def sleep(name: str) -> None:
            if name == "call.sent":
                crashpoint.install(None)
                clock.fall_asleep()
                with desk.core.db.write() as session:  # another desk takes the lease that ran out
                    assert Leases(desk.core.db, "another desk").take_in(session, company.lease_name, 60)

        crashpoint.install(sleep)
        try:
            await desk.sync(invoice)
        finally:
            crashpoint.install(None)
        assert not writes(desk.world), "nothing may leave any more"
        desk.clock.advance(3600)
        await desk.settle()
        (there,) = desk.remote("P6-1")
        assert there["balance"] == "50.00"
        assert [len(made(desk.world, kind)) for kind in ("customer", "invoice", "payment")] == [1, 1, 1]
        desk.quiet()


async def test_P6_who_slept_and_was_missed_by_nobody_goes_on(desk_on: OpenDesk, control: Control) -> None:
    clock = Sleepy(control, "lid closed")
    async with desk_on("quickbooks", clock=clock) as desk:
        invoice = desk.bill("P6-2", "80")

        def sleep(name: str) -> None:
            if name == "call.sent":
                clock.fall_asleep()

        crashpoint.install(sleep)
        try:
            await desk.sync(invoice)
        finally:
            crashpoint.install(None)
        await desk.settle()
        assert len(desk.remote("P6-2")) == 1
        desk.quiet()


# --- each desk sees who syncs what ----------------------------------------------------------------------------------


async def test_M1_each_desk_sees_who_syncs_what(
    database_url: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    """While one desk sends, the other's connection names it, and so does the record; the log names who asked."""
    store = MemoryStore()
    database = database_url if database_url.startswith("postgresql") else str(tmp_path / "shared.db")
    more: dict[str, Any] = {"database": database, "store": store}
    async with connected_core(tmp_path / "a", sandbox, control, account="anna", **more) as anna:
        ben = await Core.open(options(tmp_path / "b", sandbox.services, account="ben", **more))
        try:
            invoice = await anna.do(write, "Seen By All", "WH-1", "30")
            await map_all(anna, "quickbooks")
            seen: list[tuple[str, str, str]] = []
            heard: list[str] = []
            follower = ben.db.follow()
            if follower is not None:  # on a server the other desk is told, on a file there is one desk
                assert follower.listening.wait(10)
                ben.db.subscribe(lambda changes: heard.extend(change.kind for change in changes))

            def look(name: str) -> None:
                if name == "call.sent" and not seen:
                    with anna.db.read() as session:
                        mine = connection_view(session, anna._leases.owner)
                        theirs = connection_view(session, ben._leases.owner)
                        status = session.scalars(select(SyncStatus).where(SyncStatus.kind == "invoice")).one()
                        assert mine is not None and theirs is not None
                        seen.append((mine.syncing_by, theirs.syncing_by, status.title))

            crashpoint.install(look)
            try:
                assert (await anna.sync([(Kind.INVOICE, invoice)])).clean
            finally:
                crashpoint.install(None)
            assert seen == [("", "anna", "anna's desk is sending it to QuickBooks.")]
            after = await ben.connection()
            assert after is not None and after.syncing_by == ""
            ids = await ben.ask(activity_ids, ActivityFilter(kind="invoice"))
            assert {row.actor for row in await ben.ask(activity_rows, ids)} == {"anna"}
            if follower is not None:
                await until(lambda: {"connection", "invoice", "activity"} <= set(heard))
                own = len(heard)
                await ben.do(lambda session, desk: note_change(session, "customer", 1))
                await until(lambda: len(heard) > own)
                assert heard[own:] == ["customer"], "what a desk changes itself is told once"
        finally:
            await ben.close()


@pytest.mark.postgres
async def test_M1_a_change_of_thousands_is_told_by_its_kinds(database_url: str, tmp_path: Path) -> None:
    first = open_database(database_url, SystemClock(), backup_dir=tmp_path)
    second = open_database(database_url, SystemClock(), backup_dir=tmp_path)
    heard: set[Change] = set()
    try:
        second.subscribe(lambda changes: heard.update(changes))
        follower = second.follow()
        if follower is None:
            return
        assert follower.listening.wait(10)
        assert heard == {Change(kind, 0) for kind in KINDS}, "what was changed before it listened may be anything"
        heard.clear()
        with first.write() as session:
            for number in range(5000):
                note_change(session, "customer", number)
            note_change(session, "item", 7)
        await until(lambda: heard)
        assert heard == {Change("customer", 0), Change("item", 0)}
    finally:
        first.close()
        second.close()
