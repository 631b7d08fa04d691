"""L: long lists, pages that shift, repeat or never end, on all four services."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from desktop.providers.records import CustomerRecord, Kind
from tests.faults.conftest import OpenDesk
from tests.faults.invariants import made, writes
from tests.faults.world import ALL, Desk

MOST_CALLS = 60
"""Pages that one list of a few hundred records may cost, however it is bent (I15)."""


async def customers(desk: Desk) -> list[CustomerRecord]:
    """Everything that the provider's own list tells, page by page."""
    company = await desk.core.require_company()
    return [record async for page in company.provider.customers() for record in page.records]


def crowd(desk: Desk, count: int) -> list[str]:
    """So many customers are there already, written by hand."""
    return [
        desk.edit_there("customer", "", {"create": {"display_name": f"Crowd {at:04d}"}})["id"] for at in range(count)
    ]


PAGED = {"quickbooks": 0, "xero": 0, "freshbooks": 60, "wave": 150}
"""Customers to add so that the demo company's list has a second page (None fits more than 62 on one: QuickBooks and
Xero take a thousand, so that their second page is asked for below, with a page bent to be short)."""


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("kind", ["repeat", "empty", "total", "endless"])
async def test_L3_a_bent_list_ends_and_loses_nobody_that_was_shown(service: str, kind: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        crowd(desk, PAGED[service])
        there = {one["id"] for one in desk.world.books()["customers"]}
        desk.arm({"id": "L3", "op": "list_customers", "every": 1, "params": {"kind": kind}})
        calls = len(desk.world.calls())
        read = await customers(desk)
        assert desk.hits("L3") and len(desk.world.calls()) - calls < MOST_CALLS
        ids = [record.external_id for record in read]
        assert set(ids) <= there
        if kind in ("total", "endless") and not PAGED[service]:
            assert set(ids) == there
        desk.holds()


@pytest.mark.parametrize("service", [name for name in ALL if PAGED[name]])
@pytest.mark.parametrize("how", ["insert", "archive", "rename"])
async def test_L2_rows_that_move_between_pages_are_seen_once_at_least(
    service: str, how: str, desk_on: OpenDesk
) -> None:
    async with desk_on(service) as desk:
        crowd(desk, PAGED[service])
        lasting = {one["id"] for one in desk.world.books()["customers"]}
        moved = sorted(lasting)[0]
        desk.world.yes.add(("customer", moved))
        change: dict[str, Any] = {"kind": "customer", "id": moved, "change": {"display_name": "Zygmunt Last"}}
        if how == "insert":
            change = {"fields": {"display_name": "Aaron First"}}
        elif how == "archive":
            change["change"] = "archive"
            lasting.discard(moved)
        desk.arm({"id": "L2", "op": "list_customers", "nth": 2, "params": change})
        read = await customers(desk)
        assert desk.hits("L2") >= 1
        seen = {record.external_id for record in read}
        assert lasting <= seen, f"{len(lasting - seen)} were not seen"
        desk.holds()


@pytest.mark.parametrize("service", [name for name in ALL if PAGED[name]])
async def test_L4_of_a_record_seen_twice_the_newest_counts(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        crowd(desk, PAGED[service])
        desk.clock.advance(5)
        first = desk.world.books()["customers"][0]["id"]
        desk.world.yes.add(("customer", first))
        fields = {"change": {"phone": "555 0166"}, "kind": "customer", "id": first}
        desk.arm({"id": "L4", "op": "list_customers", "nth": 2, "params": fields})
        read = await customers(desk)
        assert desk.hits("L4") == 1
        phones = [record.phone for record in read if record.external_id == first]
        assert phones and phones[-1].replace("-", " ").endswith("555 0166"), phones


@pytest.mark.parametrize("service", ALL)
async def test_L5_our_own_writes_are_no_news_and_no_conflict(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        invoice = desk.bill("L-5", "80", paid="30")
        assert (await desk.sync(invoice)).clean
        desk.clock.advance(60)
        desk.arm({"id": "L5", "op": "list_changes", "every": 1}, {"id": "L5", "every": 1})
        for _ in range(2):
            report = await desk.core.sync_now()
            assert not report.refused and report.problem is None, report
        assert desk.outcome(Kind.INVOICE, invoice) == "Done" and not desk.bells()
        assert len(made(desk.world, "invoice")) == 1 == len(made(desk.world, "payment"))
        desk.quiet()
        before = len(writes(desk.world))
        await desk.core.sync_now()
        assert len(writes(desk.world)) == before


@pytest.mark.parametrize("service", ALL)
async def test_L6_a_read_that_is_cancelled_leaves_nothing_behind(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        there = {one["id"] for one in desk.world.books()["customers"]}
        company = await desk.core.require_company()
        task = asyncio.create_task(_first_page(company))
        await task
        desk.control.hit("L6")
        assert {record.external_id for record in await customers(desk)} == there
        desk.holds()


async def _first_page(company: Any) -> None:
    pages = company.provider.customers()
    async for _ in pages:
        break
    await pages.aclose()
