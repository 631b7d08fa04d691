"""P8: the embedded practice company dies; it runs again with its books, on another port if need be, and is told."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from desktop.core import Core, Options
from desktop.demo import follow_practice
from desktop.practice import Practice, running_sandbox
from desktop.providers.records import Kind
from desktop.sandbox.app import create_app
from desktop.sandbox.keeping import Kept, load, save
from desktop.sync.secrets import MemoryStore
from tests.helpers.control import Control
from tests.helpers.desk import sign_in_to_demo
from tests.helpers.four_services import ALL, map_all, write
from tests.helpers.waiting import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="ends a process by a signal of POSIX")


def _hold(port: int) -> socket.socket:
    """Somebody else takes the port as soon as it is free."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(("127.0.0.1", port))
        taken.listen()
    except OSError:
        taken.close()
        raise
    return taken


async def _kill(practice: Practice, *, take_port: bool) -> socket.socket | None:
    before, port = practice.restarts, urlsplit(practice.base).port or 0
    os.kill(practice.pid, signal.SIGKILL)
    held: list[socket.socket] = []

    def got_port() -> bool:  # free once the dead process is gone, and long before the next one asks for it
        with suppress(OSError):
            held.append(_hold(port))
        return bool(held)

    if take_port:
        await until(got_port)
    await until(lambda: practice.restarts > before, 60)
    return held[0] if held else None


@pytest.mark.slow
@pytest.mark.parametrize("take_port", [False, True])
async def test_P8_a_practice_company_that_dies_goes_on_with_its_books(tmp_path: Path, take_port: bool) -> None:
    with running_sandbox(tmp_path, control=True, company="demo") as practice:
        told: list[str] = []
        keys = {name: (one["client_id"], one["client_secret"]) for name, one in practice.services.items()}
        core = await Core.open(
            Options(str(tmp_path / "b.db"), tmp_path, MemoryStore(), "owner", addresses=practice.addresses())
        )
        core.on_notice = told.append
        follow_practice(practice, core)
        try:
            await practice.enter_keys(core)
            await sign_in_to_demo(core, practice, "quickbooks")
            first = await core.do(write, "Before The Fall", "P8-1", "30")
            await map_all(core, "quickbooks")
            assert (await core.sync([(Kind.INVOICE, first)])).clean
            base = practice.base
            held = await _kill(practice, take_port=take_port)
            await until(lambda: bool(told), 20)
            assert "runs again" in told[0] and len(told) == 1
            assert (practice.base != base) == take_port
            assert {name: (one["client_id"], one["client_secret"]) for name, one in practice.services.items()} == keys
            second = await core.do(write, "After The Fall", "P8-2", "30")
            await map_all(core, "quickbooks")
            assert (await core.sync([(Kind.INVOICE, first), (Kind.INVOICE, second)])).clean
            control = Control(practice.base, practice.control_secret or "")
            numbers = [one["number"] for one in control.books()["invoices"]]
            control.close()
            assert numbers.count("P8-1") == numbers.count("P8-2") == 1
            if held is not None:
                held.close()
        finally:
            await core.close()
    left = [path.name for path in tmp_path.iterdir() if path.name.startswith((".sandbox", "sandbox"))]
    assert left == [], "nothing of it lies about"


def test_P8_a_file_that_is_locked_or_cut_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = create_app(("demo",), state_file=tmp_path / "state")
    kept = load(tmp_path / "state")
    assert isinstance(kept, Kept) and set(kept.services) == set(made.services)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "inside").touch()
    assert not save(kept, tmp_path / "taken"), "a folder stands in its place"
    whole = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(whole[: len(whole) // 2])
    assert load(tmp_path / "state") is None and load(tmp_path / "nothing") is None
    assert "cannot be read" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "state", "taken"]
    assert os.stat(tmp_path / "state").st_mode & 0o077 == 0, "only the owner reads it"


@pytest.mark.parametrize("service", ALL)
def test_P8_all_four_imitated_services_are_kept_whole(service: str, tmp_path: Path) -> None:
    made = create_app(("demo", "empty"), state_file=tmp_path / "state")
    kept = load(tmp_path / "state")
    assert kept is not None
    ours, theirs = made.services[service], kept.services[service]
    assert theirs.books() == ours.books() and theirs.companies() == ours.companies()
    assert theirs.ready("http://127.0.0.1:1") == ours.ready("http://127.0.0.1:1")
    assert theirs.grant(None).keys() == ours.grant(None).keys()
