"""The command line as scripts and people use it: exit codes, one clear sentence, nothing broken on the way."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import keyring.core
import pytest

from desktop.clock import SystemClock
from desktop.models.session import open_database
from desktop.sync.secrets import KeyringStore
from tests.e2e.books import sent_invoice
from tests.helpers.control import Control
from tests.helpers.desk import connected_core
from tests.helpers.keyrings import FileKeyring
from tests.helpers.programs import BLUECLERK, environment, run, started

Result = subprocess.CompletedProcess[str]
DONE, NEEDS_YOU, NOT_CONNECTED, WRONG_OPTION = 0, 1, 2, 2


def sentence(result: Result) -> str:
    """The one line that says what is wrong; fails on a traceback, and on more than usage and one line."""
    assert "Traceback" not in result.stderr, result.stderr
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("usage:", " "))]
    assert len(lines) == 1, result.stderr
    return lines[0]


# --- options ---


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--nonsense"], "--nonsense"),
        (["frobnicate"], "frobnicate"),
        (["--log-level", "loud"], "loud"),
        (["--demo", "--service", "ledgerfold"], "ledgerfold"),
        (["sync", "--faster"], "--faster"),
        (["sandbox", "--port", "x"], "--port"),
        (["sandbox", "--port", "99999"], "65535"),
        (["sandbox", "--company", "nosuch"], "nosuch"),
    ],
    ids=" ".join,
)
def test_a_bad_option_is_named_in_one_sentence(arguments: list[str], named: str) -> None:
    result = run([*BLUECLERK, *arguments])
    assert result.returncode == WRONG_OPTION
    assert named in sentence(result)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("database", "words"),
    [
        ("mysql://office/books", "PostgreSQL"),
        ("postgresql+psycopg://desk:canary-word@127.0.0.1:1/books", "must not hold a password"),
        ("postgresql+psycopg://desk@127.0.0.1:1/books", "can't be reached"),
    ],
    ids=["another kind", "password", "no server"],
)
def test_E5_a_database_that_cannot_be_used_is_told_in_one_sentence(tmp_path: Path, database: str, words: str) -> None:
    result = run([*BLUECLERK, "sync", "--data-dir", tmp_path / "data", "--database", database])
    assert result.returncode == NEEDS_YOU
    assert words in sentence(result)
    assert "canary-word" not in result.stdout + result.stderr
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file() and b"canary" in path.read_bytes()]


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    result = run([*BLUECLERK, "sync", "--data-dir", taken])
    assert result.returncode == NEEDS_YOU
    assert str(taken) in sentence(result)
    assert taken.read_text() == "mine"


# --- books that can't be opened ---


def a_folder(path: Path) -> None:
    path.mkdir()


def no_database(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def damaged_books(path: Path) -> None:
    good_books(path)
    raw = bytearray(path.read_bytes())
    for at in range(4096, len(raw), 4096):
        raw[at : at + 64] = b"\xff" * 64
    path.write_bytes(raw)


def newer_books(path: Path) -> None:
    good_books(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_of_next_year'")


def good_books(path: Path) -> None:
    open_database(str(path), SystemClock(), backup_dir=path.parent / "backups").close()


def contents(folder: Path) -> dict[str, str]:
    """Each file of a folder but the logs, and what is in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
        if "logs" not in path.parts
    }


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (a_folder, "can't be opened"),
        (no_database, "damaged or is not a BlueClerk file"),
        (damaged_books, "damaged or is not a BlueClerk file"),
        (newer_books, "newer version of BlueClerk"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_S4_P7_books_that_cannot_be_opened_are_told_and_left_as_they_are(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    make(data / "blueclerk.db")
    before = contents(data)
    result = run([*BLUECLERK, "sync", "--json", "--data-dir", data])
    assert result.returncode == NEEDS_YOU
    assert words in sentence(result)
    assert contents(data) == before


def no_rights(command: list[str | Path]) -> list[str | Path]:
    """The command as somebody for whom write protection counts; it does not for root."""
    if os.geteuid() != 0:
        return command
    tool = shutil.which("setpriv")
    if tool is None:
        pytest.skip("root writes everywhere, and there is no setpriv to take that right away")
    rights = "-dac_override,-dac_read_search"
    return [tool, f"--bounding-set={rights}", f"--inh-caps={rights}", *command]


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no such rights there")
def test_S3_a_write_protected_folder_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    data, books = tmp_path / "data", tmp_path / "books"
    books.mkdir()
    good_books(books / "blueclerk.db")
    shutil.rmtree(books / "backups", ignore_errors=True)
    before = contents(books)
    (books / "blueclerk.db").chmod(0o444)
    books.chmod(0o555)
    try:
        result = run(no_rights([*BLUECLERK, "sync", "--data-dir", data, "--database", books / "blueclerk.db"]))
        assert result.returncode == NEEDS_YOU
        assert "write-protected" in sentence(result)
        fresh = run(no_rights([*BLUECLERK, "sync", "--data-dir", books / "new"]))
        assert fresh.returncode == NEEDS_YOU
        assert str(books / "new") in sentence(fresh)
    finally:
        books.chmod(0o755)
    assert contents(books) == before


# --- blueclerk sync ---


class Desk:
    """A data folder prepared by the program's own core, and `blueclerk sync` on it in a process of its own."""

    def __init__(self, folder: Path, sandbox: Any, control: Control) -> None:
        self.folder, self.sandbox, self.control = folder, sandbox, control
        self.services = folder.parent / "services.json"
        self.services.write_text(json.dumps(sandbox.services), "utf-8")
        self.env = environment(PYTHON_KEYRING_BACKEND="tests.helpers.keyrings.FileKeyring")

    def prepare(self, *, mapped: bool) -> None:
        """Connect the demo company and leave one SENT invoice over 175.00 USD behind."""

        async def work() -> None:
            async with connected_core(self.folder, self.sandbox, self.control, store=KeyringStore()) as core:
                await sent_invoice(core, "175", mapped=mapped)

        asyncio.run(work())

    def sync(self, *arguments: str) -> Result:
        command = [sys.executable, "-m", "tests.e2e.reach_sandbox", self.services, "sync", "--data-dir", self.folder]
        return run([*command, *arguments], env=self.env)


@pytest.fixture
def desk(tmp_path: Path, sandbox: Any, control: Control, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv(FileKeyring.FILE, str(tmp_path / "keyring.json"))
    monkeypatch.setattr(keyring.core, "_keyring_backend", FileKeyring())
    return Desk(tmp_path / "data", sandbox, control)


def test_M60_sync_ends_with_0_when_all_is_done_and_writes_nothing_twice(desk: Desk) -> None:
    desk.prepare(mapped=True)
    first = desk.sync("--json")
    assert first.returncode == DONE, first.stderr
    said = json.loads(first.stdout)
    assert said["needs_you"] == {} and said["problem"] is None and said["written"] > 0
    there = [one for one in desk.control.books()["invoices"] if one["number"] == "INV-0001"]
    assert [(one["total"], one["balance"]) for one in there] == [("175.00", "175.00")]
    again = desk.sync("--json")
    assert (again.returncode, json.loads(again.stdout)["written"]) == (DONE, 0)
    words = desk.sync()
    assert words.returncode == DONE
    assert "in sync" in words.stdout
    assert words.stderr == ""


def test_M91_sync_ends_with_1_and_says_what_needs_you(desk: Desk) -> None:
    desk.prepare(mapped=False)
    result = desk.sync("--json")
    assert result.returncode == NEEDS_YOU, result.stderr
    why = json.loads(result.stdout)["needs_you"]["invoice:1"]
    assert "Leak survey" in why and "income account" in why
    assert not [one for one in desk.control.books()["invoices"] if one["number"] == "INV-0001"]
    assert desk.sync().stdout.count("Leak survey") == 1, "the item and its invoice have one and the same reason"


def test_N4_sync_ends_with_1_when_the_service_is_not_there(desk: Desk) -> None:
    desk.prepare(mapped=True)
    nobody = json.dumps(desk.sandbox.services).replace(desk.sandbox.base, "http://127.0.0.1:1")
    desk.services.write_text(nobody, "utf-8")
    result = desk.sync("--json")
    assert result.returncode == NEEDS_YOU
    assert "QuickBooks can't be reached" in json.loads(result.stdout)["problem"]
    assert not [one for one in desk.control.books()["invoices"] if one["number"] == "INV-0001"]


def test_sync_ends_with_2_when_nothing_is_connected(tmp_path: Path) -> None:
    result = run([*BLUECLERK, "sync", "--json", "--data-dir", tmp_path / "data"])
    assert (result.returncode, json.loads(result.stdout), result.stderr) == (NOT_CONNECTED, {}, "")
    words = run([*BLUECLERK, "sync", "--data-dir", tmp_path / "data"])
    assert (words.returncode, words.stdout.strip()) == (NOT_CONNECTED, "No accounting service is connected.")


def test_A11_sync_without_the_password_store_says_so_and_keeps_everything(desk: Desk) -> None:
    desk.prepare(mapped=True)
    before = len(desk.control.ledger())
    desk.env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    result = desk.sync()
    assert result.returncode == NEEDS_YOU
    assert "password store" in sentence(result)
    assert len(desk.control.ledger()) == before
    desk.env["PYTHON_KEYRING_BACKEND"] = "tests.helpers.keyrings.FileKeyring"
    assert desk.sync().returncode == DONE


def test_W2_a_practice_connection_is_never_taken_to_the_real_service(desk: Desk) -> None:
    desk.prepare(mapped=True)
    result = run([*BLUECLERK, "sync", "--data-dir", desk.folder], env=desk.env)
    assert result.returncode == NEEDS_YOU
    assert "QuickBooks" in sentence(result)
    assert "can't be reached" not in result.stderr, "it tried"


# --- blueclerk sandbox ---


def test_the_sandbox_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    env = environment(BLUECLERK_CONTROL_SECRET=None)
    command = [*BLUECLERK, "sandbox", "--port", "0", "--ready-file", ready]
    with started(command, tmp_path / "words", env=env) as program:
        program.until(ready.exists)
        content = json.loads(ready.read_text("utf-8"))
        assert ready.stat().st_mode & 0o077 == 0, "it holds the practice keys"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(content["base"] + "/", timeout=10) as answer:
            assert b"<html" in answer.read()
        assert content["control_secret"] is None
        with pytest.raises(urllib.error.HTTPError, match="40[34]"):
            opener.open(content["base"] + "/control/ledger", timeout=10)
        os.kill(program.pid, signal.SIGTERM)
        assert program.wait(5) == 0
        assert not ready.exists()
        assert "Traceback" not in program.words()


def test_two_sandboxes_on_one_port_are_told(tmp_path: Path, sandbox: Any) -> None:
    port = sandbox.base.rpartition(":")[2]
    result = run([*BLUECLERK, "sandbox", "--port", port])
    assert result.returncode == 2
    assert "cannot start" in sentence(result)
