"""A service that shows late what it has done: what a read does not find is there all the same (I1, I3, I4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from desktop.providers.records import Kind
from tests.faults.conftest import OpenDesk
from tests.faults.invariants import live_made
from tests.faults.world import ALL, Desk
from tests.helpers.lagging import IDS, LISTS, Lag

KINDS = ("customer", "item", "invoice", "payment")


@pytest.fixture
def lag(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lag]:
    yield Lag(monkeypatch)


def live(desk: Desk) -> list[int]:
    books = desk.world.books()
    return [len(live_made(desk.world, kind, books)) for kind in KINDS]


async def impatient(desk: Desk, invoice: int) -> None:
    """Whoever sees no green presses again and again, for some minutes."""
    for pause in (0, 10, 60, 200):
        desk.clock.advance(pause)
        await desk.sync(invoice)
        desk.holds()
        await desk.core.sync_now()
        desk.holds()


async def caught_up(desk: Desk, lag: Lag) -> None:
    """The service shows everything again; time passes."""
    assert lag.reads
    lag.off()
    for _ in range(2):
        desk.clock.advance(300)
        await desk.core.sync_now()
    await desk.settle()
    desk.quiet()


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("seconds", [3, 100])
@pytest.mark.parametrize("lost", ["", "create_payment"])
async def test_I1_I4_what_shows_late_is_made_once_however_often_somebody_presses(
    lost: str, seconds: int, service: str, desk_on: OpenDesk, lag: Lag
) -> None:
    """Every read is behind. Where that is over at once, nobody hears of it."""
    async with desk_on(service) as desk:
        lag.on(f"{LISTS}|{IDS}", seconds)
        invoice = desk.bill("L-1", "80", paid="30")
        desk.arm(*([{"id": "N1", "op": lost}] if lost else []))
        report = await desk.sync(invoice)
        assert not report.refused, "never failed: nobody knows that yet (I4)"
        assert report.clean or seconds > 3
        await impatient(desk, invoice)
        await caught_up(desk, lag)
        assert live(desk) == [1, 1, 1, 1] and desk.outcome(Kind.INVOICE, invoice) == "Done"


async def test_B3_I1_an_item_of_freshbooks_that_shows_late_is_made_once(desk_on: OpenDesk, lag: Lag) -> None:
    """A list that was read too early to show it says nothing, though it is not an hour old."""
    async with desk_on("freshbooks") as desk:
        lag.on(LISTS, 100)
        invoice = desk.bill("L-2", "80")
        desk.arm({"id": "N1", "op": "create_item"})
        await desk.sync(invoice)
        await impatient(desk, invoice)
        await caught_up(desk, lag)
        assert live(desk) == [1, 1, 1, 0]
