"""The harness itself: what it promises to catch, it catches."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from pathlib import Path

import keyring
import pytest
import sqlalchemy

from tests.helpers.coroutines import run_plain
from tests.helpers.keyrings import MemoryKeyring
from tests.helpers.logfail import Canaries, Recorder
from tests.helpers.waiting import until


def test_a_task_left_running_fails_a_test() -> None:
    async def leaves_a_task() -> None:
        task = asyncio.create_task(asyncio.sleep(3600))
        assert not task.done()

    with pytest.raises(AssertionError, match="tasks left running"):
        run_plain(leaves_a_task(), seconds=5)


def test_an_exception_nobody_saw_fails_a_test() -> None:
    async def breaks() -> None:
        raise ValueError("lost")

    async def drops_a_task() -> None:
        task = asyncio.create_task(breaks())
        await until(task.done)

    with pytest.raises(AssertionError, match="never retrieved.*lost"):
        run_plain(drops_a_task(), seconds=5)


def test_a_coroutine_that_hangs_fails_a_test() -> None:
    with pytest.raises(TimeoutError):
        run_plain(asyncio.sleep(3600), seconds=0.05)


async def test_coroutines_run_on_the_qt_loop_if_they_ask(qloop: asyncio.AbstractEventLoop) -> None:
    assert asyncio.get_running_loop() is qloop


async def test_until_names_what_never_became_true() -> None:
    def ready() -> bool:
        return False

    with pytest.raises(AssertionError, match="ready"):
        await until(ready, timeout=0.02)


def test_password_store_is_in_memory_and_as_small_as_that_of_windows(memory_keyring: MemoryKeyring) -> None:
    keyring.set_password("BlueClerk", "desk", "k" * 1280)
    assert memory_keyring.secrets == {("BlueClerk", "desk"): "k" * 1280}
    with pytest.raises(OSError, match="1783"):
        keyring.set_password("BlueClerk", "desk", "k" * 1281)


@pytest.mark.keyring
def test_the_real_password_store_takes_a_key() -> None:
    keyring.set_password("BlueClerk test", "harness", "k" * 44)
    try:
        assert keyring.get_password("BlueClerk test", "harness") == "k" * 44
    finally:
        keyring.delete_password("BlueClerk test", "harness")


def test_home_is_new_and_empty(tmp_home: Path) -> None:
    assert Path.home() == tmp_home
    assert not [path for path in tmp_home.rglob("*") if path.is_file()]
    assert Path(os.environ["XDG_DATA_HOME"]).is_relative_to(tmp_home)


@pytest.mark.parametrize("host", ["example.com", "192.0.2.1", "2001:db8::1"])
def test_network_ends_at_loopback(host: str) -> None:
    with pytest.raises(OSError, match="tests have no network"):
        socket.create_connection((host, 443), timeout=1)


def test_canaries_are_found_in_logs_and_files(tmp_path: Path) -> None:
    canaries, recorder, logger = Canaries(), Recorder(), logging.getLogger("harness")
    secret = canaries.new()
    logger.addHandler(recorder)
    logger.warning("refreshed %s", secret)
    logger.removeHandler(recorder)
    with pytest.raises(AssertionError, match="was logged"):
        canaries.assert_silent(recorder.lines, tmp_path)
    (tmp_path / "notes.bin").write_bytes(b"\0" + secret.encode("utf-16-le"))
    with pytest.raises(AssertionError, match=r"notes\.bin"):
        canaries.assert_silent([], tmp_path)


def test_database_is_empty_and_its_own(database_url: str) -> None:
    engine = sqlalchemy.create_engine(database_url)
    assert sqlalchemy.inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE names (name TEXT)"))
        connection.execute(sqlalchemy.text("INSERT INTO names VALUES ('Jürgen O''Brien 水')"))
        assert connection.scalar(sqlalchemy.text("SELECT name FROM names")) == "Jürgen O'Brien 水"
    engine.dispose()
