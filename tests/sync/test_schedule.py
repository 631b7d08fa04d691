"""The weekly run: Sunday 06:00 UTC, once over all desks and clocks, one catch-up after any time off (M116, T2, T3)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from desktop.models.connection import Connection, PullCursor
from desktop.models.states import ConnectionState, Switches
from desktop.providers.records import Kind
from desktop.sync.leases import Leases
from desktop.sync.pulled import CHANGED
from desktop.sync.runner import Runner
from desktop.sync.schedule import LOOK_SECONDS, Wish, due_now, last_due, next_due, seconds_to_wait
from tests.helpers.office import Office
from tests.sync.acting import synced

SUNDAY = datetime(2026, 11, 22, 6, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (SUNDAY, SUNDAY),
        (SUNDAY - timedelta(microseconds=1), SUNDAY - WEEK),
        (SUNDAY + timedelta(days=6, hours=23), SUNDAY),
        (datetime(2024, 2, 29, 12, tzinfo=UTC), datetime(2024, 2, 25, 6, tzinfo=UTC)),
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 3, 22, 6, tzinfo=UTC)),
        (datetime(2026, 10, 25, 6, tzinfo=UTC), datetime(2026, 10, 25, 6, tzinfo=UTC)),
        (datetime(1970, 1, 1, tzinfo=UTC), datetime(1969, 12, 28, 6, tzinfo=UTC)),
    ],
)
def test_M116_T2_due_times_are_sundays_at_six_utc(now: datetime, last: datetime) -> None:
    assert last_due(now) == last and next_due(now) == last + WEEK
    assert last.weekday() == 6 and last_due(now) <= now < next_due(now)
    assert 1 <= seconds_to_wait(now) <= LOOK_SECONDS


def test_T2_another_zone_changes_nothing() -> None:
    from zoneinfo import ZoneInfo

    local = SUNDAY.astimezone(ZoneInfo("America/New_York"))
    assert last_due(local) == SUNDAY


def connection(office: Office, **values: Any) -> None:
    with office.db.write() as session:
        session.execute(update(Connection).where(Connection.live == 1).values(**values))


def due(office: Office, now: datetime) -> datetime | None:
    with office.db.read() as session:
        return due_now(session, now)


def test_M116_C19_what_was_due_before_connecting_does_not_count(office: Office) -> None:
    connection(office, connected_at=SUNDAY + timedelta(hours=1))
    assert due(office, SUNDAY + timedelta(days=3)) is None
    assert due(office, SUNDAY + WEEK) == SUNDAY + WEEK


@pytest.mark.parametrize("weeks", [1, 5, 60])
def test_T3_C19_after_any_time_off_one_run_is_due(office: Office, weeks: int) -> None:
    connection(office, connected_at=SUNDAY - WEEK, weekly_for=SUNDAY)
    now = SUNDAY + weeks * WEEK + timedelta(hours=3)
    found = due(office, now)
    assert found == SUNDAY + weeks * WEEK
    connection(office, weekly_for=found)
    assert due(office, now) is None and due(office, now + timedelta(days=5)) is None


def test_T2_a_clock_set_back_runs_nothing_twice(office: Office) -> None:
    connection(office, connected_at=SUNDAY - 5 * WEEK, weekly_for=SUNDAY)
    for back in (timedelta(hours=1), timedelta(days=1), WEEK, 4 * WEEK):
        assert due(office, SUNDAY + timedelta(minutes=5) - back) is None
    assert due(office, SUNDAY + WEEK) == SUNDAY + WEEK


def test_M116_E7_its_own_switch_turns_it_off(office: Office) -> None:
    connection(office, connected_at=SUNDAY - WEEK)
    assert due(office, SUNDAY) == SUNDAY, "on by default"
    connection(office, switches=Switches(weekly=False).to_json())
    assert due(office, SUNDAY) is None


def test_T3_an_ended_sign_in_waits_for_the_owner(office: Office) -> None:
    connection(office, connected_at=SUNDAY - WEEK, state=ConnectionState.NEEDS_SIGN_IN.value)
    assert due(office, SUNDAY) is None


async def test_M116_I18_a_due_time_runs_once_and_brings_the_changes(office: Office) -> None:
    _, item, _ = await synced(office)
    office.hand("item", office.external(Kind.ITEM, item), {"unit_price": "140"})
    when = next_due(office.clock.now())
    report = await office.sync_now(due=when)
    assert report.pulled is not None and report.pulled.count(CHANGED, Kind.ITEM) == 1
    with office.db.read() as session:
        assert session.scalars(select(Connection)).one().weekly_for == when
    before = len(office.control.ledger())
    again = await office.sync_now(due=when)
    assert again.pulled is None and len(office.control.ledger()) == before


async def test_M116_C19_two_desks_at_the_due_time_make_one_run(office: Office) -> None:
    await synced(office)
    when = next_due(office.clock.now())
    from dataclasses import replace

    other_company = replace(office.company, leases=Leases(office.db, "the other desk"))

    async def company() -> Any:
        return other_company

    other = Runner(company)
    before = len(office.control.ledger())
    wish = Wish(due=when)
    reports = await asyncio.gather(
        office.runner.drain(wait_for_lease=True, wish=wish), other.drain(wait_for_lease=True, wish=wish)
    )
    assert sorted(one.pulled is None for one in reports) == [False, True]
    assert len(office.control.ledger()) - before == 1


async def test_M116_H7_a_run_that_could_not_be_made_stays_due(office: Office) -> None:
    await synced(office)
    when = next_due(office.clock.now())
    with office.control.armed({"id": "H6", "provider": "quickbooks", "every": 1, "phase": "before"}):
        report = await office.sync_now(due=when)
    assert report.problem is not None
    with office.db.read() as session:
        assert session.scalars(select(Connection)).one().weekly_for is None
    connection(office, state=ConnectionState.CONNECTED.value, state_until=None)
    report = await office.sync_now(due=when)
    assert report.problem is None and report.pulled is not None


async def test_L5_a_gap_beyond_the_feed_is_read_whole(office: Office) -> None:
    _, item, _ = await synced(office)
    office.hand("item", office.external(Kind.ITEM, item), {"unit_price": "150"})

    def long_ago(session: Session) -> None:
        session.execute(update(PullCursor).values(cursor=office.clock.now() - timedelta(days=45)))

    with office.db.write() as session:
        long_ago(session)
    before = len(office.control.ledger())
    report = await office.sync_now()
    assert report.clean and report.pulled is not None and report.pulled.count(CHANGED, Kind.ITEM) == 1
    assert report.pulled.count(CHANGED) == 1 and report.pulled.count("came_in") == 0
    assert len(office.control.ledger()) - before >= 4, "all four lists"
    before = len(office.control.ledger())
    assert (await office.sync_now()).pulled.quiet  # type: ignore[union-attr]
    assert len(office.control.ledger()) - before == 1, "the cursors have moved"
