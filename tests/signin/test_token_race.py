"""Real processes against the sandbox, which burns used tokens: exactly one refresh (A4, A5, A7, I11)."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from desktop.models.connection import Connection
from desktop.models.desk import Lease
from desktop.models.session import Database, db_now
from tests.helpers.control import Control
from tests.helpers.sources import ROOT
from tests.signin.helpers import add_connection, columns, unlocked

KEY = base64.b64encode(bytes(range(32))).decode()
PROCESSES = 8
TASKS = 20
ROUNDS = int(os.environ.get("BLUECLERK_ROUNDS", "20"))
KILLED = max(5, int(os.environ.get("BLUECLERK_ROUNDS", "0")) // 5)
"""A soak asks for more (BLUECLERK_ROUNDS=100: a hundred races, twenty holders killed)."""


def _orders(db: Database, sandbox: Any, connection_id: int, **more: Any) -> dict[str, Any]:
    return {
        "url": db.url.render_as_string(hide_password=False),
        "key": KEY,
        "service": sandbox.services["quickbooks"],
        "connection_id": connection_id,
        "tasks": TASKS,
        "lease_seconds": 60.0,
    } | more


class Desk:
    """One child process."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.signin.race_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self.say(json.dumps(orders))

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.wait(20)


@contextmanager
def desks(*orders: dict[str, Any]) -> Iterator[list[Desk]]:
    """Started and ready, one for each of `orders`."""
    running = [Desk(one) for one in orders]
    try:
        assert [desk.hear() for desk in running] == ["ready"] * len(running)
        yield running
    finally:
        for desk in running:
            desk.end()


def _expire(db: Database, connection_id: int) -> None:
    """The access token has run out, as the passing of an hour would have it; a new version for all to see."""

    def age(session: Session) -> None:
        session.execute(
            update(Connection)
            .where(Connection.id == connection_id)
            .values(token_expires_at=db_now(session), token_version=Connection.token_version + 1)
        )

    with db.write() as session:
        age(session)


def _lapse(db: Database) -> None:
    """The dead desk's minute is over; on a slow machine a lease of a second was over before its call came back."""
    with db.write() as session:
        session.execute(update(Lease).where(Lease.owner != "").values(until=db_now(session) - timedelta(seconds=1)))


def _round(running: list[Desk]) -> tuple[list[str], list[str]]:
    for desk in running:
        desk.say("go")
    answers = [json.loads(desk.hear()) for desk in running]
    tokens = [token for answer in answers for token in answer["tokens"]]
    return tokens, [error for answer in answers for error in answer["errors"]]


@pytest.fixture
def expired(db: Database, control: Control) -> int:
    """A connection whose access token has run out, at a service that forgives nothing."""
    control.settings(rotation="always", reuse_kills_family=True, refresh_grace_s=0)
    grant = control.grant()
    return add_connection(db, unlocked(KEY), grant["access_token"], grant["refresh_token"], expires_in=-10)


def _refreshes(control: Control) -> list[str]:
    """Who presented which token: one short hash for each refresh call that arrived."""
    return [entry["identity"] for entry in control.ledger(op="refresh")]


def _race(
    db: Database, sandbox: Any, control: Control, expired: int, *, processes: int, tasks: int, rounds: int
) -> None:
    """Every program's every task asks at once for a token that has run out, `rounds` times."""
    orders = _orders(db, sandbox, expired, tasks=tasks)
    with desks(*[orders] * processes) as running:
        for done in range(1, rounds + 1):
            tokens, errors = _round(running)
            assert not errors
            assert len(tokens) == processes * tasks
            assert len(set(tokens)) == 1
            assert len(_refreshes(control)) == done, "one refresh for all of them"
            _expire(db, expired)
    assert len(set(_refreshes(control))) == rounds, "no token was presented twice"
    refused = [entry for entry in control.ledger(op="refresh") if entry["status"] != 200]
    assert not refused and columns(db, expired).token_state == "ok"
    control.hit("A4", rounds)
    control.hit("A5", rounds)
    print(f"{processes} processes x {tasks} tasks x {rounds} rounds: {rounds} refreshes, 0 refused")


def test_M101_M102_A4_A5_a_few_processes_refresh_once(
    db: Database, sandbox: Any, control: Control, expired: int
) -> None:
    _race(db, sandbox, control, expired, processes=3, tasks=5, rounds=3)


@pytest.mark.slow
@pytest.mark.timeout(300 + 10 * ROUNDS)
def test_M101_M102_A4_A5_eight_processes_refresh_once_twenty_times(
    db: Database, sandbox: Any, control: Control, expired: int
) -> None:
    _race(db, sandbox, control, expired, processes=PROCESSES, tasks=TASKS, rounds=ROUNDS)


@pytest.mark.slow
@pytest.mark.timeout(300 + 10 * ROUNDS)
def test_M102_A7_the_holder_is_killed_again_and_again(
    db: Database, sandbox: Any, control: Control, expired: int
) -> None:
    """Each round one more desk dies with the lease in its hand, before it has asked: the others refresh once."""
    healthy = _orders(db, sandbox, expired, tasks=TASKS, lease_seconds=20.0)
    with desks(*[healthy] * (PROCESSES - 1)) as rest:
        for done in range(1, KILLED + 1):
            doomed = _orders(db, sandbox, expired, die_at="token.refresh.sent", tasks=1)
            with desks(doomed) as (first,):
                first.say("go")
                assert json.loads(first.hear()) == {"died": "token.refresh.sent"}
                _lapse(db)
                tokens, errors = _round(rest)
            assert not errors and len(set(tokens)) == 1 and len(tokens) == len(rest) * TASKS
            assert len(_refreshes(control)) == done
            _expire(db, expired)
    assert len(set(_refreshes(control))) == KILLED and columns(db, expired).token_state == "ok"
    control.hit("A7", KILLED)
    print(f"{KILLED} holders killed, {KILLED} refreshes by the {PROCESSES - 1} others, 0 refused")


@pytest.mark.slow
@pytest.mark.parametrize("place", ["token.check", "token.refresh.sent"])
def test_M102_A7_killed_before_the_call(db: Database, sandbox: Any, control: Control, expired: int, place: str) -> None:
    doomed = _orders(db, sandbox, expired, die_at=place, tasks=1)
    healthy = _orders(db, sandbox, expired, lease_seconds=20.0)
    with desks(doomed, healthy, healthy, healthy) as (first, *rest):
        first.say("go")
        assert json.loads(first.hear()) == {"died": place}
        _lapse(db)
        tokens, errors = _round(rest)
    assert not errors
    assert len(set(tokens)) == 1
    assert len(_refreshes(control)) == 1
    assert columns(db, expired).token_state == "ok"


@pytest.mark.slow
def test_M102_A7_killed_after_the_answer_grace_heals(
    db: Database, sandbox: Any, control: Control, expired: int
) -> None:
    control.settings(refresh_grace_s=1800)
    doomed = _orders(db, sandbox, expired, die_at="token.refresh.got", tasks=1)
    with desks(doomed, *[_orders(db, sandbox, expired, lease_seconds=20.0)] * 3) as (first, *rest):
        first.say("go")
        assert json.loads(first.hear()) == {"died": "token.refresh.got"}
        _lapse(db)
        tokens, errors = _round(rest)
    assert not errors
    assert len(set(tokens)) == 1
    assert len(_refreshes(control)) == 2, "the dead desk's call and one replay"


@pytest.mark.slow
def test_M104_A7_killed_after_the_answer_without_grace_asks_once(
    db: Database, sandbox: Any, control: Control, expired: int
) -> None:
    doomed = _orders(db, sandbox, expired, die_at="token.refresh.got", tasks=1)
    with desks(doomed, *[_orders(db, sandbox, expired, lease_seconds=20.0)] * 3) as (first, *rest):
        first.say("go")
        assert json.loads(first.hear()) == {"died": "token.refresh.got"}
        _lapse(db)
        tokens, errors = _round(rest)
    assert not tokens
    assert set(errors) == {"NeedsSignIn"}
    assert len(_refreshes(control)) == 2, "nobody asks a second time with a token that is known to be dead"
    row = columns(db, expired)
    assert (row.token_state, row.state, row.state_fix) == ("reconnect", "needs_sign_in", "reconnect")


@pytest.mark.slow
def test_M102_A7_killed_after_the_commit(db: Database, sandbox: Any, control: Control, expired: int) -> None:
    doomed = _orders(db, sandbox, expired, die_at="token.stored", tasks=1)
    with desks(doomed, *[_orders(db, sandbox, expired)] * 2) as (first, *rest):
        first.say("go")
        assert json.loads(first.hear()) == {"died": "token.stored"}
        tokens, errors = _round(rest)
    assert not errors
    assert len(set(tokens)) == 1
    assert len(_refreshes(control)) == 1
