"""Limits are windows that slide, waits are kept by all, and a write is never tried again in doubt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.clock import ManualClock, SeededEntropy
from desktop.errors import RateLimited, ServiceDown
from desktop.providers.limits import LONGEST_DEMAND, MARGIN, Failure, Limiter, Limits, Window, retry_after, retry_delay

NOW = datetime(2026, 11, 2, 18, 0, tzinfo=UTC)


def limiter(clock: ManualClock, *windows: Window, **options: float) -> Limiter:
    limits = Limits(windows=windows, jitter=0.0, **options)  # type: ignore[arg-type]
    return Limiter(limits, clock, SeededEntropy(1), lambda until: RateLimited("QuickBooks", until))


async def one(gate: Limiter, kind: str) -> None:
    async with gate.call(kind):
        pass


async def test_I14_calls_under_way_for_long_count_until_a_window_after_their_end() -> None:
    clock = ManualClock(NOW)
    gate = limiter(clock, Window(60.0, 2), patience=200.0)
    async with gate.call(""):
        clock.advance(50)
        await one(gate, "")
        clock.advance(50)
    assert clock.monotonic() == 100
    await one(gate, "")
    assert clock.monotonic() == 110 + MARGIN
    await one(gate, "")
    assert clock.monotonic() == 160 + MARGIN


async def test_I14_no_window_of_the_length_ever_holds_more_starts() -> None:
    clock = ManualClock(NOW)
    gate = limiter(clock, Window(1.0, 8), Window(60.0, 100), patience=100.0)
    starts = []
    for _ in range(150):
        async with gate.call(""):
            starts.append(clock.monotonic())
    for at in starts:
        assert sum(at - 1.0 < other <= at for other in starts) <= 8
        assert sum(at - 60.0 < other <= at for other in starts) <= 100


async def test_a_window_for_batches_counts_only_batches() -> None:
    clock = ManualClock(NOW)
    gate = limiter(clock, Window(60.0, 2, "batch"), patience=100.0)
    for kind in ("batch", "", "batch", "", ""):
        await one(gate, kind)
    assert clock.monotonic() == 0
    await one(gate, "batch")
    assert clock.monotonic() == 60 + MARGIN


async def test_H2_a_wait_beyond_patience_is_told_not_slept_through() -> None:
    clock = ManualClock(NOW)
    gate = limiter(clock, patience=20.0)
    until = gate.pause(None)
    assert until == NOW + timedelta(seconds=60)
    with pytest.raises(RateLimited) as caught:
        await one(gate, "")
    assert caught.value.until == until and clock.now() == NOW
    clock.advance(45)
    await one(gate, "")
    assert clock.now() == until


async def test_a_shorter_wait_never_cuts_a_longer_one_and_keeps_its_reason() -> None:
    clock = ManualClock(NOW)
    gate = limiter(clock)
    gate.pause(3 * 3600, lambda until: ServiceDown("QuickBooks", until=until))
    assert gate.pause(60) == NOW + timedelta(hours=3)
    with pytest.raises(ServiceDown):
        gate.check("")


def test_T1_a_changed_system_clock_changes_no_wait() -> None:
    clock = ManualClock(NOW)
    gate = limiter(clock)
    gate.pause(60)
    clock.set_wall(NOW + timedelta(days=1))
    with pytest.raises(RateLimited):
        gate.check("")
    clock.advance(60)
    clock.set_wall(NOW - timedelta(days=1))
    gate.check("")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        (" 0.5 ", 0.5),
        ("Mon, 02 Nov 2026 18:01:00 GMT", 60.0),
        ("Mon, 02 Nov 2026 17:00:00 GMT", 0.0),
        ("999999999", LONGEST_DEMAND),
        ("Mon, 02 Nov 2099 18:01:00 GMT", LONGEST_DEMAND),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_H1_retry_after_in_seconds_or_as_a_date(header: str, seconds: float | None) -> None:
    assert retry_after(header, now=NOW) == seconds


@given(st.sampled_from(Failure), st.integers(1, 50), st.floats(0, 1), st.booleans(), st.booleans())
def test_I15_retries_are_bounded_and_writes_in_doubt_never_repeated(
    failure: Failure, attempt: int, rand: float, write: bool, keyed: bool
) -> None:
    delay = retry_delay(failure, attempt, rand, write=write, keyed=keyed)
    assert delay is None or (0 <= delay <= 30 and attempt < 4)
    if write and failure in (Failure.LOST, Failure.SERVER_ERROR, Failure.INTERCEPTED):
        assert delay is None
    if write and not keyed and failure is not Failure.THROTTLED:
        assert delay is None
