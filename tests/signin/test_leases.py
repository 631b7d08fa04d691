"""Leases exclude, end by themselves, and number their owners, on both databases (I11)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from desktop.clock import ManualClock
from desktop.models.session import Database
from desktop.sync.leases import HeldLease, Leases, lease_is_free
from tests.signin.helpers import START, open_books


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def books(database_url: str, tmp_path: object, clock: ManualClock):  # type: ignore[no-untyped-def]
    db = open_books(database_url, tmp_path, clock)  # type: ignore[arg-type]
    yield db
    db.close()


def held_now(db: Database, leases: Leases, held: HeldLease) -> bool:
    with db.write() as session:
        return leases.still_held(session, held)


async def test_one_at_a_time_also_for_one_owner(books: Database) -> None:
    a, b = Leases(books, "a"), Leases(books, "b")
    held = await a.take("job", 60)
    assert held is not None
    assert held.until == START + timedelta(seconds=60)
    assert await b.take("job", 60) is None
    assert await a.take("job", 60) is None
    assert await b.take("another job", 60) is not None
    await a.release(held)
    assert await b.take("job", 60) is not None


async def test_it_ends_by_itself_and_the_number_grows(books: Database, clock: ManualClock) -> None:
    a, b = Leases(books, "a"), Leases(books, "b")
    first = await a.take("job", 60)
    assert first is not None
    assert held_now(books, a, first)
    clock.advance(60)
    assert not held_now(books, a, first), "run out, though nobody has taken it yet"
    second = await b.take("job", 60)
    assert second is not None
    assert second.fencing == first.fencing + 1
    assert not held_now(books, a, first)
    assert await a.renew(first, 60) is None
    await a.release(first)
    assert held_now(books, b, second), "the late one's release frees nothing"


async def test_renewing_keeps_it(books: Database, clock: ManualClock) -> None:
    a, b = Leases(books, "a"), Leases(books, "b")
    held = await a.take("job", 60)
    for _ in range(5):
        clock.advance(40)
        assert held is not None
        held = await a.renew(held, 60)
    assert held is not None
    assert held_now(books, a, held)
    assert await b.take("job", 60) is None
    clock.advance(61)
    renewed = await a.renew(held, 60)
    assert renewed is not None, "nobody took it in between, so nothing can have happened"
    assert renewed.fencing == held.fencing


async def test_T1_a_clock_set_back_does_not_block_for_days(books: Database, clock: ManualClock) -> None:
    a, b = Leases(books, "a"), Leases(books, "b")
    assert await a.take("job", 60)
    clock.set_wall(START - timedelta(days=1))
    assert await books.in_read(lambda session: lease_is_free(session, "job"))
    assert await b.take("job", 60) is not None


async def test_a_look_tells_whether_it_is_free(books: Database) -> None:
    a = Leases(books, "a")
    assert await books.in_read(lambda session: lease_is_free(session, "job"))
    held = await a.take("job", 60)
    assert held is not None
    assert not await books.in_read(lambda session: lease_is_free(session, "job"))
    await a.release(held)
    assert await books.in_read(lambda session: lease_is_free(session, "job"))


async def test_of_many_at_once_one_wins(books: Database) -> None:
    won = await asyncio.gather(*(Leases(books, f"desk-{n}").take("job", 60) for n in range(20)))
    assert len([held for held in won if held]) == 1


@pytest.mark.parametrize("seconds", [0, -1, 601])
async def test_absurd_lengths_are_refused(books: Database, seconds: float) -> None:
    with pytest.raises(ValueError, match="a lease lasts"):
        await Leases(books, "a").take("job", seconds)
