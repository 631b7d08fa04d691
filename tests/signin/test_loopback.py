"""Everything a browser, a stranger or a hostile page may send to the listener, over real sockets (C1-C8, I22)."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from urllib.parse import urlencode

import pytest

from desktop.sync.callback_page import STYLE_HASH, Page, render
from desktop.sync.loopback import (
    CONNECTIONS,
    Declined,
    Gate,
    LoopbackListener,
    NoPortFree,
    Returned,
    Verdict,
)
from tests.helpers.waiting import until
from tests.signin.listener import ANY, GOOD, STATE, Desk, listening, status


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_I22_the_right_callback_is_let_through(address: str) -> None:
    async with listening() as desk:
        request = f"GET /callback?{urlencode(GOOD)} HTTP/1.1\r\nHost: {desk.host}\r\n\r\n"
        answer = await desk.raw(request.encode(), address)
        assert status(answer) == 200
        assert b"You can close this tab and go back to BlueClerk" in answer
        assert await desk.gate.answer() == Returned("c0de", {"realmId": "9130"})


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"code": "x"},
        {"code": "x", "state": ""},
        {"code": "x", "state": "wrong"},
        {"code": "x", "state": STATE.upper()},
        {"state": STATE},
        {"state": STATE, "code": ""},
        {"state": STATE, "code": "x", "error": "access_denied"},
        f"code=x&state={STATE}&state={STATE}",
        f"code=x&state=wrong&state={STATE}",
        f"code=x&code=y&state={STATE}",
        f"code=x&state={STATE}&realmId=1&realmId=2",
        f"code=a%0d%0ab&state={STATE}",
        f"code=a%20b&state={STATE}",
        f"code={'x' * 3000}&state={STATE}",
        f"code=%ff%fe&state={STATE}",
        "&".join(["a=b"] * 100),
        f"code=x&state={STATE}.",
    ],
    ids=str,
)
async def test_C1_wrong_callbacks_are_refused_and_the_waiting_goes_on(query: object) -> None:
    async with listening() as desk:
        assert status(await desk.get(query)) == 400
        assert status(await desk.get(GOOD)) == 200
        assert await desk.gate.answer() == Returned("c0de", {"realmId": "9130"})


async def test_C2_a_refusal_counts_only_with_our_state() -> None:
    async with listening() as desk:
        for query in ({"error": "access_denied"}, {"error": "access_denied", "state": "guess"}):
            assert status(await desk.get(query)) == 400
        denied = {"error": "access_denied", "error_description": "no", "state": STATE}
        answer = await desk.get(denied)
        assert status(answer) == 200
        assert b"Nothing was connected" in answer
        assert await desk.gate.answer() == Declined("access_denied", "no")


async def test_C3_a_second_tab_gets_a_friendly_page_and_changes_nothing() -> None:
    async with listening() as desk:
        assert status(await desk.get(GOOD)) == 200
        for query in (GOOD, GOOD | {"code": "another"}, {"error": "access_denied", "state": STATE}):
            answer = await desk.get(query)
            assert status(answer) == 400
            assert b"already used" in answer
        assert await desk.gate.answer() == Returned("c0de", {"realmId": "9130"})


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost", "localhost:1", "127.0.0.1.evil.example:{port}", ""]
)
async def test_C4_foreign_hosts_are_turned_away(host: str) -> None:
    async with listening() as desk:
        answer = await desk.get(GOOD, Host=host.format(port=desk.listener.port))
        assert status(answer) == 421
        assert status(await desk.get(GOOD)) == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "LOCALHOST"])
async def test_C4_our_own_names_are_fine(host: str) -> None:
    async with listening() as desk:
        assert status(await desk.get(GOOD, Host=f"{host}:{desk.listener.port}")) == 200


async def test_C4_foreign_origins_methods_and_paths() -> None:
    async with listening() as desk:
        assert status(await desk.get(GOOD, Origin="https://evil.example")) == 403
        assert status(await desk.get(GOOD, Origin="null")) == 403
        for method in ("POST", "HEAD", "OPTIONS", "PUT", "get"):
            answer = await desk.get(GOOD, method=method)
            assert status(answer) == 405
            assert b"Allow: GET" in answer
        for path in ("/", "/favicon.ico", "/callback/", "/Callback", "/%63allback"):
            assert status(await desk.get(GOOD, path=path)) == 404
        assert status(await desk.get(GOOD)) == 200


@pytest.mark.parametrize(
    "head",
    [
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /callback\r\n\r\n",
        b"GET http://localhost/callback HTTP/1.1\r\nHost: {host}\r\n\r\n",
        b"GET //evil.example/callback HTTP/1.1\r\nHost: {host}\r\n\r\n",
        b"GET /callback HTTP/2\r\nHost: {host}\r\n\r\n",
        b"GET /callback HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n",
        b"GET /callback HTTP/1.1\r\nHost : {host}\r\n\r\n",
        b"GET /callback HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /callback?\xff HTTP/1.1\r\nHost: {host}\r\n\r\n",
    ],
)
async def test_C4_what_no_browser_sends(head: bytes) -> None:
    async with listening() as desk:
        assert status(await desk.raw(head.replace(b"{host}", desk.host.encode()))) == 400


async def test_C4_a_64_kb_line_is_cut_off() -> None:
    async with listening() as desk:
        answer = await desk.raw(b"GET /callback?" + b"a" * 65536)
        assert status(answer) in (0, 431)  # the rest of the line may break the connection before it is read
        assert status(await desk.get(GOOD)) == 200


async def test_C4_the_slow_are_hung_up_on() -> None:
    async with listening(request_seconds=0.2) as desk:
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.listener.port)
        writer.write(b"GET /callback HTTP/1.1\r\nHost: ")
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_C4_idle_connections_never_block_the_callback() -> None:
    async with listening() as desk:
        crowd = [await asyncio.open_connection("127.0.0.1", desk.listener.port) for _ in range(200)]
        assert status(await desk.get(GOOD)) == 200
        await until(lambda: len(desk.listener._open) <= CONNECTIONS)
        for _, writer in crowd:
            writer.close()


async def test_C5_a_taken_port_is_passed_over() -> None:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as stranger:
            stranger.bind((host, 0))
            stranger.listen()
            taken = stranger.getsockname()[1]
            listener = LoopbackListener((taken, 0, 0))
            assert await listener.start() != taken
            await listener.stop()
            with pytest.raises(NoPortFree):
                await LoopbackListener((taken,)).start()


async def test_C5_both_stacks_and_nothing_else() -> None:
    async with listening() as desk:
        for server in desk.listener._servers:
            for sock in server.sockets:
                assert sock.getsockname()[0] in ("127.0.0.1", "::1")
        assert len(desk.listener._servers) == 2


async def test_C5_the_port_is_free_again_afterwards() -> None:
    async with listening() as desk:
        port = desk.listener.port
        await desk.get(GOOD)
    again = LoopbackListener((port,))
    assert await again.start() == port
    await again.stop()
    await again.stop()


async def test_C6_pages_are_static_and_locked_down() -> None:
    async with listening() as desk:
        nasty = "<script>alert(1)</script>"
        for query in ({"code": nasty, "state": nasty}, {"error": "x", "error_description": nasty, "state": STATE}):
            answer = await desk.get(query)
            assert b"<script" not in answer
            assert b"alert" not in answer
            head = answer.split(b"\r\n\r\n")[0].decode()
            assert "Cache-Control: no-store" in head
            assert "Referrer-Policy: no-referrer" in head
            assert f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'" in head
            assert "Server" not in head


@pytest.mark.parametrize("page", list(Page))
def test_C6_no_page_loads_anything(page: Page) -> None:
    text = render(page).decode()
    for word in ("http:", "https:", "<script", "<img", "<link", "url(", "@import"):
        assert word not in text


async def test_C7_a_closed_gate_refuses_late_callbacks() -> None:
    async with listening() as desk:
        desk.gate.close()
        assert status(await desk.get(GOOD)) == 400
        assert await desk.gate.answer() is None


async def test_C8_a_callback_of_another_sign_in_does_nothing_here() -> None:
    async with listening() as one, listening() as other:
        other.gate._state = "state-of-the-other-service"
        assert status(await one.get(GOOD | {"state": "state-of-the-other-service"})) == 400
        assert status(await other.get(GOOD)) == 400


async def test_callbacks_before_anybody_waits_are_refused() -> None:
    listener = LoopbackListener(ANY)
    await listener.start()
    desk = Desk(listener, Gate(STATE))
    assert status(await desk.get(GOOD)) == 400
    await listener.stop()


async def test_a_gate_takes_bad_text_without_breaking() -> None:
    gate = Gate(STATE)
    assert gate.judge([("state", "\udcff"), ("code", "x")]) is Verdict.STRANGE
    assert gate.judge([("state", STATE), ("code", "\u202e")]) is Verdict.STRANGE


async def test_it_works_on_the_qt_loop(qloop: object) -> None:
    async with listening() as desk:
        assert status(await desk.get(GOOD)) == 200
        assert await desk.gate.answer() == Returned("c0de", {"realmId": "9130"})
