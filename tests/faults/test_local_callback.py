"""C4, C8: a thousand connections, slow ones among them, foreign names and other services' answers change nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from desktop.errors import CancelledByOwner
from desktop.sync.loopback import CONNECTIONS
from tests.faults.world import ALL
from tests.helpers.control import Control
from tests.helpers.desk import consent, open_core
from tests.signin.listener import GOOD, STATE, listening, status

CROWD = 1000


@pytest.fixture
def many_files() -> Any:
    """Room for a thousand connections, both of their ends being ours."""
    resource = pytest.importorskip("resource", reason="needs limits of POSIX")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(before[1], 4096) if before[1] != resource.RLIM_INFINITY else 4096
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], wanted), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_C4_a_thousand_connections_do_not_keep_the_callback_out(many_files: Any) -> None:
    """Silent ones, slow ones and noisy ones from this very machine; the owner's browser still gets through."""
    async with listening() as desk:
        port = desk.listener.port
        crowd: list[asyncio.StreamWriter] = []
        for number in range(CROWD):
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                if number % 3 == 1:
                    writer.write(b"GET /callback?state=" + b"x" * 40)
                elif number % 3 == 2:
                    writer.write(b"POST / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
                crowd.append(writer)
        assert len(crowd) > CROWD // 2
        assert status(await desk.get(GOOD)) == 200
        assert len(desk.listener._open) <= CONNECTIONS
        returned = await desk.gate.answer()
        assert getattr(returned, "code", "") == GOOD["code"]
        for writer in crowd:
            writer.close()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost:1", "0.0.0.0", ""])
async def test_C4_a_foreign_host_is_misdirected_even_with_the_right_state(host: str) -> None:
    async with listening() as desk:
        answer = await desk.raw(
            f"GET /callback?code=c0de&state={STATE} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        )
        assert status(answer) == 421
        assert status(await desk.get(GOOD)) == 200


@pytest.mark.parametrize("service", ALL)
async def test_C8_the_answer_of_one_service_never_goes_to_another(
    service: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    """Somebody agrees at service X on a page that an earlier attempt opened, while a sign-in to Y is under way."""
    other = ALL[(ALL.index(service) + 1) % len(ALL)]
    async with open_core(tmp_path / "desk", sandbox) as core:
        flow = await core.sign_in()
        stale = await flow.begin(other)
        page = await flow.begin(service)
        waiting = asyncio.create_task(flow.wait())
        before = len([one for one in control.ledger() if one["op"] in ("token", "exchange")])
        with suppress(AssertionError):
            await consent(stale.url)
        exchanged = [one for one in control.ledger() if one["op"] in ("token", "exchange")][before:]
        assert not exchanged and not waiting.done(), "its state belongs to nobody now"
        await flow.cancel()
        with pytest.raises(CancelledByOwner):
            await waiting
        assert page.url and await core.connection() is None
