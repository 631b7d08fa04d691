"""The program ends in the middle of a pull: the next one brings in the rest, nothing twice, and misses nothing (P1)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from desktop import crashpoint
from desktop.crashpoint import PULL_POINTS
from desktop.models.connection import Connection, PullCursor
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.models.payment import Payment
from desktop.models.work import ActivityRow
from desktop.providers.records import Kind
from desktop.sync.schedule import due_now
from tests.helpers.office import Office
from tests.sync.acting import balance, synced
from tests.sync.checks import assert_quiet, write_calls
from tests.sync.desk_process import Desks, job_for

PLACES = [("pull.read", 1), *(("pull.kind", nth) for nth in (1, 2, 3, 4)), ("pull.applied", 1), ("pull.done", 1)]


class Killed(BaseException):
    """The end of the program, as far as one process can play it."""


@pytest.fixture
def die() -> Iterator[Any]:
    """`die(place, nth)`: the program ends where it passes this point for the nth time."""

    def install(place: str, nth: int) -> None:
        passed: Counter[str] = Counter()

        def handler(name: str) -> None:
            passed[name] += 1
            if (name, passed[name]) == (place, nth):
                raise Killed

        crashpoint.install(handler)

    yield install
    crashpoint.install(None)


def cursors(office: Office) -> dict[str, datetime]:
    with office.db.read() as session:
        return {row.kind: row.cursor for row in session.scalars(select(PullCursor))}


async def a_busy_week(office: Office) -> int:
    """Everything that a pull can bring in has happened there; returns our invoice."""
    customer, item, invoice = await synced(office)
    there = office.external(Kind.CUSTOMER, customer)
    office.hand("customer", there, {"phone": "555-0177"})
    office.hand("item", office.external(Kind.ITEM, item), {"unit_price": "120"})
    office.hand("customer", "", {"create": {"display_name": "Northgate Builders LLC"}})
    account = {"type": "Service", "unit_price": "19.50", "income_account_id": office.income}
    office.hand("item", "", {"create": {"name": "Gutter guard", **account}})
    line = {"item_id": office.external(Kind.ITEM, item), "quantity": "3", "unit_price": "40", "description": "Panes"}
    made = {"customer_id": there, "number": "QB-77", "date": office.clock.now().date().isoformat(), "lines": [line]}
    theirs = office.hand("invoice", "", {"create": made})
    office.hand("invoice", office.external(Kind.INVOICE, invoice), {"due_date": "2027-01-15"})
    office.hand("invoice", office.external(Kind.INVOICE, invoice), {"pay": "80.00"})
    office.hand("invoice", theirs["id"], {"pay": "20.00"})
    return invoice


def everything_came_in_once(office: Office, invoice: int) -> None:
    with office.db.read() as session:
        assert sorted(session.scalars(select(Customer.display_name))) == ["Northgate Builders LLC", "Petra Lindqvist"]
        assert sorted(session.scalars(select(Item.name))) == ["Gutter guard", "Skylight cleaning"]
        assert sorted(session.scalars(select(Invoice.number))) == ["PL-1", "QB-77"]
        assert sorted(session.scalars(select(Payment.amount))) == [20, 80]
        assert session.scalars(select(Customer.phone).where(Customer.display_name == "Petra Lindqvist")).one()[-4:] == (
            "0177"
        )
        assert session.scalars(select(Item.unit_price).where(Item.name == "Skylight cleaning")).one() == 120
        told = Counter(
            (row.kind, row.action, row.external_id)
            for row in session.scalars(select(ActivityRow).where(ActivityRow.direction == "in"))
        )
    assert balance(office, invoice) == Decimal(120)
    assert [one for one, count in told.items() if count > 1] == [], "told twice"
    assert {kind for kind, _, _ in told} == {"customer", "item", "invoice", "payment"}
    assert_quiet(office)


async def finished(office: Office, invoice: int, before: dict[str, datetime]) -> None:
    """Another desk pulls: then everything is in once, the cursors have moved, and nothing is left to do."""
    calls = len(office.control.ledger())
    report = await office.sync_now()
    assert report.clean and report.pulled is not None, report
    everything_came_in_once(office, invoice)
    assert not write_calls(office, calls), "a pull writes nothing there"
    after = cursors(office)
    assert all(after[kind] > moment for kind, moment in before.items())
    office.clock.advance(60)
    report = await office.sync_now()
    assert report.clean and report.pulled is not None and report.pulled.quiet, report.pulled


@pytest.mark.parametrize(("place", "nth"), PLACES)
async def test_M116_P1_a_pull_that_broke_off_is_done_again_and_changes_nothing_twice(
    office: Office, die: Any, place: str, nth: int
) -> None:
    invoice = await a_busy_week(office)
    before = cursors(office)
    die(place, nth)
    with pytest.raises(Killed):
        await office.sync_now()
    crashpoint.install(None)
    if place == "pull.done":
        everything_came_in_once(office, invoice)
        before = {}
    else:
        assert cursors(office) == before, "no cursor moves before everything is in"
    office.clock.advance(61)  # the dead desk's lease runs out
    await finished(office, invoice, before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
async def test_M116_P1_a_pull_killed_for_real_is_done_again(office: Office, sandbox: Any, tmp_path: Path) -> None:
    invoice = await a_busy_week(office)
    before = cursors(office)
    desks = Desks()
    try:
        for place, nth in (("pull.kind", 3), ("pull.applied", 1)):
            job = job_for(office, sandbox, tmp_path, [], pull=True, die_at=place, nth=nth)
            assert desks.run(job), f"it was to die at {place}"
            assert cursors(office) == before
            office.clock.advance(61)
    finally:
        desks.close()
    await finished(office, invoice, before)


async def test_M116_T2_a_weekly_run_that_died_is_still_due(office: Office, die: Any) -> None:
    """The due time counts as served with the last of what it brought in, not before."""
    invoice = await a_busy_week(office)
    office.clock.advance(timedelta(days=8).total_seconds())
    due = office.read(due_now, office.clock.now())
    assert due is not None
    die("pull.applied", 1)
    with pytest.raises(Killed):
        await office.sync_now(due=due)
    crashpoint.install(None)
    assert office.read(due_now, office.clock.now()) == due
    office.clock.advance(61)
    report = await office.sync_now(due=due)
    assert report.pulled is not None
    with office.db.read() as session:
        assert session.scalars(select(Connection.weekly_for)).one() == due
    everything_came_in_once(office, invoice)


def test_every_point_of_a_pull_is_met_here() -> None:
    assert {place for place, _ in PLACES} == set(PULL_POINTS)
