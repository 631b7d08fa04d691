"""When a token is refreshed, what each refusal leads to, and what wrong clocks do to it (A1-A9, T1, I11)."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from desktop import crashpoint
from desktop.clock import ManualClock, SystemEntropy
from desktop.errors import AppKeysWrong, NeedsSignIn, Offline, ServiceDown
from desktop.models.connection import Connection
from desktop.models.session import Database
from desktop.providers.base import RefreshInDoubt
from desktop.sync.leases import Leases, lease_is_free
from desktop.sync.tokens import Tokens, open_grant, token_columns, token_lease
from tests.helpers.waiting import until
from tests.signin.helpers import (
    START,
    Bench,
    Endpoint,
    Hangup,
    HttpSignIn,
    StoredGrant,
    add_connection,
    open_books,
    unlocked,
)


@pytest.fixture
def manual(tmp_path: Path, endpoint: Endpoint) -> Iterator[Bench]:
    """A desk on a clock that the test moves, with a token good for an hour."""
    clock = ManualClock(START)
    db = open_books(f"sqlite:///{(tmp_path / 'manual.db').as_posix()}", tmp_path, clock)
    cipher = unlocked()
    access, refresh = endpoint.grant()
    connection_id = add_connection(db, cipher, access, refresh, expires_in=3600)
    yield Bench(db, cipher, endpoint, HttpSignIn(endpoint.base, clock), clock, connection_id)
    db.close()


def _manual(bench: Bench) -> ManualClock:
    assert isinstance(bench.clock, ManualClock)
    return bench.clock


def _lose_replies(endpoint: Endpoint, times: int) -> None:
    def hang_up() -> None:
        nonlocal times
        times -= 1
        if times >= 0:
            raise Hangup

    endpoint.after = hang_up


# --- when ---


async def test_a_good_token_costs_no_call(manual: Bench) -> None:
    tokens = manual.tokens()
    assert (await tokens()).value == (await tokens()).value
    assert not manual.endpoint.calls


async def test_it_is_renewed_five_minutes_before_its_end(manual: Bench) -> None:
    tokens = manual.tokens()
    first = await tokens()
    _manual(manual).advance(3600 - 301)
    assert await tokens() == first
    _manual(manual).advance(2)
    second = await tokens()
    assert second.value != first.value
    assert second.version == first.version + 1
    assert len(manual.endpoint.calls) == 1


async def test_A1_A2_a_refused_token_is_renewed_once(manual: Bench) -> None:
    tokens = manual.tokens()
    first = await tokens()
    second, third = await asyncio.gather(tokens(first), tokens(first))
    assert first.value != second.value == third.value
    assert (await tokens(first)).value == second.value, "another request was refused with the old one: no call"
    assert len(manual.endpoint.calls) == 1


async def test_A4_twenty_tasks_and_two_desks_refresh_once(bench: Bench) -> None:
    one, other = bench.tokens("one"), bench.tokens("other")
    got = await asyncio.gather(*(source() for source in (one, other) for _ in range(20)))
    assert len({token.value for token in got}) == 1
    assert len(bench.endpoint.calls) == 1


def test_A4_threads_with_their_own_loops_refresh_once(bench: Bench) -> None:
    from concurrent.futures import ThreadPoolExecutor

    tokens = bench.tokens()

    async def ask() -> str:
        return (await tokens()).value

    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(lambda _: asyncio.run(ask()), range(8)))
    assert len(set(values)) == 1
    assert len(bench.endpoint.calls) == 1


async def test_short_lived_tokens_cause_no_storm(manual: Bench) -> None:
    manual.endpoint.authority.rules.access_seconds = 60
    tokens, other = manual.tokens("a"), manual.tokens("b")
    first = await tokens()
    await tokens(first)
    for _ in range(10):
        await tokens()
        await other()
    assert len(manual.endpoint.calls) == 1


async def test_no_transaction_is_open_during_the_call(bench: Bench) -> None:
    wrote = []
    bench.endpoint.before = lambda: wrote.append(_write_something(bench.db))
    await bench.tokens()()
    assert wrote == [True]


def _write_something(db: Database) -> bool:
    with db.write() as session:
        session.execute(update(Connection).values(company_name="New name"))
    return True


# --- what a refusal leads to ---


async def test_A3_rotated_elsewhere_is_no_alarm(bench: Bench) -> None:
    """Another desk stores a new pair while our call, with the old one, is under way."""
    row = bench.row
    grant = open_grant(bench.cipher, row, bench.connection_id)

    def elsewhere() -> None:
        bench.endpoint.before = lambda: None
        bench.endpoint.authority.rules.reuse_kills_family = False
        issued = bench.endpoint.authority.refresh(grant.refresh_token)
        stored = StoredGrant(issued.access, issued.refresh, "", 3600)
        with bench.db.write() as session:
            values = token_columns(session, bench.cipher, bench.connection_id, stored, None)
            session.execute(update(Connection).values(**values, token_version=2))

    bench.endpoint.before = elsewhere
    token = await bench.tokens()()
    assert token.version == 2
    assert len(bench.endpoint.calls) == 1
    assert bench.row.state == "connected"


async def test_A6_a_lost_reply_is_asked_for_once_more(bench: Bench) -> None:
    bench.endpoint.authority.rules.refresh_grace_s = 1800
    _lose_replies(bench.endpoint, 1)
    token = await bench.tokens()()
    assert token.version == 2
    assert len(bench.endpoint.calls) == 2
    assert bench.endpoint.calls[0] == bench.endpoint.calls[1]
    assert open_grant(bench.cipher, bench.row, bench.connection_id).access_token == token.value


async def test_A6_M104_M144_a_burnt_token_asks_for_signing_in(bench: Bench) -> None:
    _lose_replies(bench.endpoint, 1)
    tokens = bench.tokens()
    with pytest.raises(NeedsSignIn) as raised:
        await tokens()
    assert "sign in again" in raised.value.title
    assert len(bench.endpoint.calls) == 2
    row = bench.row
    assert (row.token_state, row.state, row.state_fix) == ("reconnect", "needs_sign_in", "reconnect")
    with pytest.raises(NeedsSignIn):
        await bench.tokens("another desk")()
    assert len(bench.endpoint.calls) == 2, "never presented again (I11)"


async def test_A8_two_lost_replies_keep_the_token(bench: Bench) -> None:
    bench.endpoint.authority.rules.refresh_grace_s = 1800
    _lose_replies(bench.endpoint, 2)
    with pytest.raises(RefreshInDoubt):
        await bench.tokens()()
    assert bench.row.token_state == "ok"
    assert (await bench.tokens()()).version == 2


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [(401, "invalid_client", AppKeysWrong), (503, "down", ServiceDown)],
)
async def test_A8_only_invalid_grant_ends_the_token(
    bench: Bench, status: int, word: str, kind: type[Exception]
) -> None:
    bench.endpoint.answers = [(status, word)]
    with pytest.raises(kind):
        await bench.tokens()()
    assert (bench.row.token_state, bench.row.state) == ("ok", "connected")
    assert await bench.db.in_read(lambda s: lease_is_free(s, token_lease(bench.connection_id)))
    assert (await bench.tokens()()).version == 2


async def test_A8_offline_keeps_the_token_and_shares_the_answer(bench: Bench) -> None:
    bench.sign_in.base = "http://127.0.0.1:9/token"
    tokens = bench.tokens()
    answers = await asyncio.gather(*(tokens() for _ in range(10)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Offline}
    assert bench.row.token_state == "ok"


async def test_A8_a_hanging_service_is_given_up_in_time(bench: Bench) -> None:
    release = asyncio.Event()

    async def hang(refresh_token: str) -> object:
        await release.wait()
        raise AssertionError

    bench.sign_in.refresh = hang  # type: ignore[method-assign, assignment]
    with pytest.raises(RefreshInDoubt):
        await bench.tokens(lease_seconds=0.5)()
    assert bench.row.token_state == "ok"


async def test_an_early_refresh_that_fails_leaves_the_good_token_in_use(manual: Bench) -> None:
    tokens = manual.tokens()
    first = await tokens()
    _manual(manual).advance(3400)
    manual.endpoint.answers = [(503, "down")] * 3
    assert await tokens() == first
    assert await tokens() == first
    assert len(manual.endpoint.calls) == 1, "not again at once"
    _manual(manual).advance(31)
    assert await tokens() == first
    _manual(manual).advance(200)
    with pytest.raises(ServiceDown):
        await tokens()
    assert (await tokens()).version == 2


async def test_an_ended_connection_gives_no_token(bench: Bench) -> None:
    with bench.db.write() as session:
        session.execute(update(Connection).values(live=0))
    with pytest.raises(NeedsSignIn):
        await bench.tokens()()
    assert not bench.endpoint.calls


# --- late, cancelled, dead ---


async def test_a_cancelled_caller_loses_no_pair(bench: Bench) -> None:
    tokens = bench.tokens()
    caller = asyncio.create_task(tokens())
    bench.endpoint.after = lambda: bench_loop.call_soon_threadsafe(caller.cancel) and None
    bench_loop = asyncio.get_running_loop()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await tokens.settled()
    assert bench.row.token_version == 2
    assert (await tokens()).version == 2
    assert len(bench.endpoint.calls) == 1


async def test_a_sleepers_late_pair_heals_the_row(bench: Bench) -> None:
    """A desk freezes after the answer; another one replays, is refused, says "reconnect"; then it wakes."""
    woke, answered = asyncio.Event(), asyncio.Event()
    plain = bench.sign_in.refresh

    async def freeze(refresh_token: str) -> object:
        grant = await plain(refresh_token)
        answered.set()
        await woke.wait()
        return grant

    bench.endpoint.authority.rules.reuse_kills_family = False
    frozen = dataclasses.replace(bench, sign_in=HttpSignIn(bench.endpoint.base))
    frozen.sign_in.refresh = freeze  # type: ignore[method-assign, assignment]
    sleeper = Tokens(
        bench.db,
        bench.cipher,
        frozen.sign_in,
        Leases(bench.db, "sleeper"),
        bench.clock,
        SystemEntropy(),
        bench.connection_id,
    )
    asleep = asyncio.create_task(sleeper())
    await asyncio.wait_for(answered.wait(), 5)
    with bench.db.write() as session:
        from desktop.models.desk import Lease

        session.execute(update(Lease).values(until=START - timedelta(days=9999)))
    with pytest.raises(NeedsSignIn):
        await bench.tokens("other")()
    assert bench.row.state == "needs_sign_in"
    woke.set()
    token = await asleep
    assert (bench.row.token_state, bench.row.state, bench.row.state_title) == ("ok", "connected", "")
    assert (await bench.tokens("other")()).value == token.value


async def test_crash_points_come_in_order(bench: Bench) -> None:
    seen: list[str] = []
    crashpoint.install(seen.append)
    try:
        await bench.tokens()()
    finally:
        crashpoint.install(None)
    assert seen == ["token.check", "token.refresh.sent", "token.refresh.got", "token.stored"]


# --- wrong clocks ---

SKEWS = [timedelta(minutes=10), timedelta(days=1), timedelta(days=-1), timedelta(minutes=-10), timedelta(days=-20000)]


@pytest.mark.parametrize("skew", SKEWS, ids=str)
@pytest.mark.parametrize("by_server", [True, False], ids=["ends-by-server", "ends-by-desk"])
async def test_T1_a_wrong_clock_causes_no_refresh_storm(manual: Bench, skew: timedelta, by_server: bool) -> None:
    clock = _manual(manual)
    if by_server:
        manual.sign_in.server_time = lambda: START + timedelta(seconds=clock.monotonic())
    clock.set_wall(START + skew)
    tokens, other = manual.tokens("a"), manual.tokens("b")
    for _ in range(40):  # 40 minutes of work
        await tokens()
        await other()
        clock.advance(60)
    assert len(manual.endpoint.calls) <= 1


@pytest.mark.parametrize("skew", SKEWS, ids=str)
async def test_T1_a_clock_set_while_running_causes_no_refresh(manual: Bench, skew: timedelta) -> None:
    clock, tokens = _manual(manual), manual.tokens()
    first = await tokens()
    clock.set_wall(clock.now() + skew)
    assert await tokens() == first
    assert not manual.endpoint.calls
    clock.advance(3500)
    assert (await tokens()).version == 2
    await until(lambda: len(manual.endpoint.calls) == 1)
