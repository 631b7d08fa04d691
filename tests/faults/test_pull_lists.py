"""L: long lists while a pull reads them, on all four services: everything is brought in once, and the reading ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from desktop import crashpoint
from desktop.models.connection import LeftOut
from desktop.models.customer import Customer
from desktop.models.work import ActivityRow, SyncStatus
from desktop.providers.records import CustomerRecord, Kind
from desktop.sync.pull_feed import Arrived
from desktop.sync.pulled import CAME_IN, CHANGED
from tests.faults.conftest import OpenDesk
from tests.faults.world import ALL, Desk

MONTH = timedelta(days=31).total_seconds()
"""Longer ago than any change feed reaches: every list is read whole (L5)."""
PAGE = {"freshbooks": 100, "wave": 200}
"""Rows of one page of customers, where the practice company can be made longer than that in a moment."""


async def linked(desk: Desk, number: str = "PL-1", *, pull: bool = True) -> tuple[int, str]:
    """A customer of ours with an invoice that is there, the first pull done if `pull`; our id and theirs."""
    invoice = desk.bill(number)
    assert (await desk.sync(invoice)).clean
    desk.clock.advance(61)
    if pull:
        report = await desk.core.sync_now()
        assert report.clean, report
    with desk.core.db.read() as session:
        ours = session.scalars(select(Customer.id).where(Customer.display_name == f"Customer of {number}")).one()
    return ours, desk.there(Kind.CUSTOMER, ours)


async def pulled(desk: Desk) -> Any:
    """Sync Now; what came in."""
    report = await desk.core.sync_now()
    assert report.problem is None and report.pulled is not None, report
    assert not report.pulled.problems, report.pulled.problems
    return report.pulled


def phone(desk: Desk, customer: int) -> str:
    with desk.core.db.read() as session:
        return session.get_one(Customer, customer).phone.replace("-", " ")


def asks(desk: Desk) -> list[str]:
    with desk.core.db.read() as session:
        return [row.title for row in session.scalars(select(SyncStatus))]


def told(desk: Desk, external_id: str) -> list[str]:
    """What the activity says came in of this record."""
    with desk.core.db.read() as session:
        rows = session.scalars(
            select(ActivityRow.action).where(ActivityRow.direction == "in", ActivityRow.external_id == external_id)
        )
        return list(rows)


def named(desk: Desk, name: str) -> int:
    with desk.core.db.read() as session:
        return session.scalar(select(func.count()).select_from(Customer).where(Customer.display_name == name)) or 0


@pytest.mark.parametrize("service", ALL)
async def test_L3_a_pull_of_lists_with_odd_pages_ends_and_takes_nothing_for_gone(
    service: str, desk_on: OpenDesk
) -> None:
    async with desk_on(service) as desk:
        ours, theirs = await linked(desk)
        for number, trick in enumerate(("repeat", "empty", "total", "endless"), start=1):
            desk.clock.advance(MONTH)
            desk.edit_there("customer", theirs, {"phone": f"555 017{number}"})
            before = len(desk.control.ledger())
            desk.arm({"id": "L3", "every": 1, "params": {"kind": trick}})
            came = await pulled(desk)
            assert desk.hits("L3") >= number, trick
            assert came.count(CHANGED, Kind.CUSTOMER) == 1 and phone(desk, ours) == f"555 017{number}", trick
            assert len(desk.control.ledger()) - before < 60, f"a list that never ends: {trick}"
            assert asks(desk) == [], f"a row that a page hides is not gone: {trick}"
            desk.control.clear_faults()
            desk.clock.advance(61)
            assert (await pulled(desk)).quiet, trick
            assert told(desk, theirs).count("update") == number, trick
        desk.quiet()


def fill(desk: Desk, pages: int = 1) -> None:
    """Customers there until their list has more than this many pages."""
    there = sum(1 for one in desk.world.books()["customers"] if one["active"])
    for number in range(there, PAGE[desk.service] * pages + 12):
        desk.edit_there("customer", "", {"create": {"display_name": f"Filler {number:04}"}})


@pytest.mark.parametrize("service", PAGE)
async def test_L2_rows_that_come_go_and_are_renamed_between_pages_are_met_once(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        fill(desk)
        ours, theirs = await linked(desk, pull=False)
        known = {one["id"] for one in desk.world.books()["customers"]}
        gone = next(one["id"] for one in desk.world.books()["customers"] if one["display_name"] == "Filler 0060")
        desk.arm(
            *(
                {"id": "L2", "op": "list_customers", "nth": 2, "params": change}
                for change in (
                    {"change": {"create": {"display_name": "Newcomer"}}},
                    {"id": gone, "change": "delete"},
                    {"id": theirs, "change": {"display_name": "Aa Renamed"}},
                )
            )
        )
        await pulled(desk)
        assert desk.hits("L2") == 3
        desk.world.yes |= {("customer", theirs), ("customer", gone)}
        for _ in range(2):  # what no page showed is in the next feed
            desk.clock.advance(61)
            await pulled(desk)
        assert named(desk, "Newcomer") == 1 and named(desk, "Aa Renamed") == 1
        assert named(desk, "Filler 0060") <= 1
        assert told(desk, theirs).count("update") == 1
        assert all("Filler 0060" in title for title in asks(desk)), "read before it was deleted: that is told"
        new = next(one["id"] for one in desk.world.books()["customers"] if one["display_name"] == "Newcomer")
        assert new not in known and told(desk, new) == ["link"]
        with desk.core.db.read() as session:
            assert session.get_one(Customer, ours).display_name == "Aa Renamed"


@pytest.mark.parametrize("service", ALL)
async def test_L2_what_is_changed_between_two_lists_is_met_once(service: str, desk_on: OpenDesk) -> None:
    """Customers are read before invoices: a customer made between the two comes in with the next pull."""
    async with desk_on(service) as desk:
        ours, theirs = await linked(desk)
        desk.clock.advance(MONTH)
        desk.arm(
            {"id": "L2", "op": "list_invoices", "params": {"change": {"create": {"display_name": "Newcomer"}}}},
            {"id": "L2", "op": "list_invoices", "params": {"id": theirs, "change": {"phone": "555 0177"}}},
        )
        await pulled(desk)
        assert desk.hits("L2") == 2
        desk.world.yes.add(("customer", theirs))
        desk.clock.advance(61)
        await pulled(desk)
        assert named(desk, "Newcomer") == 1 and phone(desk, ours) == "555 0177"
        assert told(desk, theirs).count("update") == 1 and asks(desk) == []
        desk.clock.advance(61)
        assert (await pulled(desk)).quiet


@pytest.mark.parametrize("service", PAGE)
async def test_L4_a_row_that_comes_again_with_other_content_counts_as_it_is_last(
    service: str, desk_on: OpenDesk
) -> None:
    async with desk_on(service) as desk:
        fill(desk)
        ours, theirs = await linked(desk, pull=False)
        desk.arm(
            {"id": "L4", "op": "list_customers", "nth": 2,
             "params": {"kind": "customer", "id": theirs, "change": {"phone": "555 0177"}}}
        )  # fmt: skip
        desk.world.yes.add(("customer", theirs))
        await pulled(desk)
        assert desk.hits("L4") == 1 and phone(desk, ours) == "555 0177"
        desk.clock.advance(61)
        assert (await pulled(desk)).quiet
        assert told(desk, theirs).count("update") == 1


@pytest.mark.parametrize("order", [1, -1])
def test_L4_of_two_versions_the_newest_counts_in_whatever_order_they_come(order: int) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    old = CustomerRecord("Alma Reed", "7", "3", phone="555 0100", updated_at=noon)
    new = replace(old, version="4", phone="555 0177", updated_at=noon + timedelta(seconds=1))
    by_number = replace(new, updated_at=noon)  # within one second only the version tells
    for newest in (new, by_number):
        arrived = Arrived()
        for record in [old, newest][::order]:
            arrived.take(Kind.CUSTOMER, [record])
        (kept,) = arrived.records[Kind.CUSTOMER].values()
        assert isinstance(kept, CustomerRecord) and kept.phone == "555 0177"


@pytest.fixture
def passing() -> Iterator[Any]:
    """`passing(place, act)` does something when the program passes this point for the first time."""

    def install(place: str, act: Any) -> None:
        def handler(name: str) -> None:
            if name == place:
                crashpoint.install(None)
                act()

        crashpoint.install(handler)

    yield install
    crashpoint.install(None)


@pytest.mark.parametrize("service", ALL)
async def test_L6_a_pull_that_is_cancelled_keeps_what_is_in_and_brings_the_rest_next_time(
    service: str, desk_on: OpenDesk, passing: Any
) -> None:
    async with desk_on(service) as desk:
        ours, theirs = await linked(desk)
        for number, place in enumerate(("pull.read", "pull.kind", "pull.applied"), start=1):
            newcomer = f"Newcomer at {place}"
            desk.clock.advance(61)
            desk.edit_there("customer", "", {"create": {"display_name": newcomer}})
            desk.edit_there("customer", theirs, {"phone": f"555 017{number}"})
            desk.clock.advance(5)
            run = asyncio.ensure_future(desk.core.sync_now())
            passing(place, run.cancel)
            with pytest.raises(asyncio.CancelledError):
                await run
            desk.control.hit("L6")
            assert named(desk, newcomer) == (place != "pull.read"), "what is in stays"
            desk.clock.advance(61)
            await pulled(desk)
            assert named(desk, newcomer) == 1 and phone(desk, ours) == f"555 017{number}"
            new = next(one["id"] for one in desk.world.books()["customers"] if one["display_name"] == newcomer)
            assert told(desk, new) == ["link"] and told(desk, theirs).count("update") == number
            desk.clock.advance(61)
            assert (await pulled(desk)).quiet
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_L1_what_was_there_before_is_remembered_once_and_read_no_more(service: str, desk_on: OpenDesk) -> None:
    """The first pull reads every customer there; from the second on, only what changed is asked for."""
    async with desk_on(service) as desk:
        _, theirs = await linked(desk)
        with desk.core.db.read() as session:
            out = set(
                session.scalars(select(LeftOut.external_id).where(LeftOut.kind == Kind.CUSTOMER.value, LeftOut.older))
            )
        assert out | {theirs} == {one["id"] for one in desk.world.books()["customers"]}
        desk.clock.advance(61)
        came = await pulled(desk)
        assert came.count(CAME_IN) == 0 and came.quiet
