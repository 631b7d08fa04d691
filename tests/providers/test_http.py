"""How far a request got decides everything: nothing sent, or nobody knows."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from desktop.clock import ManualClock, SystemClock, SystemEntropy
from desktop.errors import AccessRefused, NeedsSignIn, NetworkIntercepted, Offline, RateLimited, ServiceDown
from desktop.providers.answers import MaybeApplied, NothingSent
from desktop.providers.http import ServiceHttp, check_base
from desktop.providers.quickbooks import LIMITS
from desktop.providers.quickbooks_faults import QuickBooksJudge
from tests.providers.support import BASE, NOW, Server, Tokens, payload, raw, reply, service

OK = reply({"fine": True})
LOGIN_PAGE = raw(b"<html>Welcome to the hotel</html>", "text/html; charset=utf-8")


async def write(http: ServiceHttp, keyed: bool = True) -> Any:
    return await http.write("POST", "/x", body="{}", keyed=keyed)


@pytest.mark.parametrize(
    "base",
    [
        "http://quickbooks.api.intuit.com",
        "ftp://localhost",
        "https://user:word@host",
        "https://host?x=1",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "nonsense",
    ],
)
def test_I13_only_https_or_this_computer(base: str) -> None:
    with pytest.raises(ValueError):
        check_base(base)


@pytest.mark.parametrize("base", [BASE, "http://127.0.0.1:80/x/", "http://localhost:5", "http://[::1]:5/quickbooks"])
def test_https_and_loopback_are_fine(base: str) -> None:
    assert check_base(base) == base.rstrip("/")


async def test_a_request_carries_its_token_and_asks_for_json() -> None:
    server = Server(OK)
    answer = await service(server).read("GET", "/v3/x", query=(("a", "1 2&3"),))
    [request] = server.requests
    assert answer.json == {"fine": True} and answer.service_ref == "tid-1"
    assert request.headers["authorization"] == "Bearer token-1" and request.headers["accept"] == "application/json"
    assert str(request.url) == f"{BASE}/v3/x?a=1+2%263"


# --- 401 ---


async def test_A1_an_expired_token_is_renewed_once_and_the_same_write_repeated() -> None:
    server, tokens = Server(reply({}, 401), OK), Tokens()
    answer = await write(service(server, tokens=tokens))
    assert answer.ok and tokens.refused == ["token-1"]
    first, second = server.requests
    assert second.headers["authorization"] == "Bearer token-2" and first.content == second.content
    assert first.url == second.url


async def test_A2_a_second_refusal_means_sign_in() -> None:
    server = Server(reply({}, 401))
    with pytest.raises(NothingSent) as caught:
        await write(service(server))
    assert isinstance(caught.value.problem, NeedsSignIn) and len(server.requests) == 2
    with pytest.raises(NeedsSignIn):
        await service(Server(reply({}, 401))).read("GET", "/x")


async def test_a_token_that_can_not_be_had_sends_nothing() -> None:
    class Dead(Tokens):
        async def __call__(self, refused: Any = None) -> Any:
            raise NeedsSignIn("QuickBooks")

    server = Server(OK)
    with pytest.raises(NothingSent):
        await write(service(server, tokens=Dead()))
    with pytest.raises(NeedsSignIn):
        await service(server, tokens=Dead()).read("GET", "/x")
    assert not server.requests


# --- no connection, or a broken one ---


@pytest.mark.parametrize("error", [httpx.ConnectError("no"), httpx.ConnectTimeout("no"), httpx.PoolTimeout("no")])
async def test_N4_no_connection_is_offline_and_certainly_nothing_sent(error: Exception) -> None:
    server, clock = Server(error), ManualClock(NOW)
    with pytest.raises(NothingSent) as caught:
        await write(service(server, clock=clock))
    assert isinstance(caught.value.problem, Offline) and len(server.requests) == 3
    assert 0 < clock.monotonic() < 10
    with pytest.raises(Offline):
        await service(Server(error)).read("GET", "/x")


async def test_a_write_without_a_key_is_not_even_repeated_when_nothing_left() -> None:
    server = Server(httpx.ConnectError("no"))
    with pytest.raises(NothingSent):
        await write(service(server), keyed=False)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "error",
    [httpx.ReadError("cut"), httpx.ReadTimeout("slow"), httpx.WriteError("cut"), httpx.RemoteProtocolError("x")],
)
async def test_N1_N2_N5_a_lost_answer_leaves_a_write_in_doubt_and_is_not_resent(error: Exception) -> None:
    server = Server(error)
    with pytest.raises(MaybeApplied):
        await write(service(server))
    assert len(server.requests) == 1


async def test_a_read_survives_a_lost_answer() -> None:
    server = Server(httpx.ReadError("cut"), raw(b'{"cut'), OK)
    assert (await service(server).read("GET", "/x")).ok and len(server.requests) == 3


async def test_I15_a_read_gives_up() -> None:
    server = Server(httpx.ReadError("cut"))
    with pytest.raises(ServiceDown):
        await service(server).read("GET", "/x")
    assert len(server.requests) == 4


async def test_N3_N6_the_total_deadline_ends_a_slow_drip() -> None:
    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0)

    def drip(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=Drip())

    http = service(Server(drip), limits=replace(LIMITS, write_deadline=0.05))
    with pytest.raises(MaybeApplied, match="deadline"):
        await write(http)


# --- something else answers ---


async def test_N9_a_bad_certificate_is_told_and_nothing_was_sent() -> None:
    error = httpx.ConnectError("tls")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    server = Server(error)
    with pytest.raises(NothingSent) as caught:
        await write(service(server))
    assert isinstance(caught.value.problem, NetworkIntercepted) and len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_N10_a_redirect_is_never_followed(status: int) -> None:
    server = Server(raw(b"", "text/html", status, location="https://evil.example/"))
    with pytest.raises(NetworkIntercepted):
        await service(server).read("GET", "/x")
    assert [request.url.host for request in server.requests] == ["quickbooks.example.test"]
    with pytest.raises(MaybeApplied) as caught:
        await write(service(Server(raw(b"", "text/html", status, location="http://a/"))))
    assert isinstance(caught.value.problem, NetworkIntercepted)


async def test_N9_a_login_page_in_place_of_the_answer() -> None:
    with pytest.raises(NetworkIntercepted):
        await service(Server(LOGIN_PAGE)).read("GET", "/x")
    with pytest.raises(MaybeApplied) as caught:
        await write(service(Server(LOGIN_PAGE)))
    assert isinstance(caught.value.problem, NetworkIntercepted)


# --- limits ---


async def test_H1_429_stops_the_whole_connection_for_as_long_as_asked() -> None:
    server, clock = Server(reply({}, 429, retry_after="300"), OK), ManualClock(NOW)
    http = service(server, clock=clock, limits=replace(LIMITS, jitter=0.0))
    with pytest.raises(NothingSent) as caught:
        await write(http)
    problem = caught.value.problem
    assert isinstance(problem, RateLimited) and problem.until == NOW + timedelta(seconds=300)
    with pytest.raises(RateLimited):
        await http.read("GET", "/other")
    assert len(server.requests) == 1
    clock.advance(300)
    assert (await write(http)).ok


async def test_H1_a_short_wait_is_slept_through_with_the_same_key() -> None:
    server, clock = Server(reply({}, 429, retry_after="7"), OK), ManualClock(NOW)
    assert (await write(service(server, clock=clock, limits=replace(LIMITS, jitter=0.0)))).ok
    assert clock.monotonic() == 7 and server.requests[0].content == server.requests[1].content


async def test_H2_429_without_a_time_means_a_minute_and_its_xml_is_not_parsed() -> None:
    fault = b'<IntuitResponse><Fault type="SERVICE"><Error code="3001"></Error></Fault></IntuitResponse>'
    server = Server(raw(fault, "application/xml", 429))
    with pytest.raises(RateLimited) as caught:
        await service(server).read("GET", "/x")
    assert caught.value.until is not None
    assert timedelta(seconds=60) <= caught.value.until - NOW <= timedelta(seconds=63)


async def test_the_older_403_throttle_is_a_wait_too() -> None:
    body = {"Fault": {"type": "SERVICE", "Error": [{"code": "003001", "Message": "ThrottleExceeded"}]}}
    http = service(Server(reply(body, 403)))
    http.judge = QuickBooksJudge()
    with pytest.raises(NothingSent) as caught:
        await write(http)
    assert isinstance(caught.value.problem, RateLimited)


async def test_H1_a_date_counts_from_the_services_own_clock() -> None:
    server = Server(reply({}, 429, retry_after="Mon, 02 Nov 2020 18:05:00 GMT", date="Mon, 02 Nov 2020 18:00:00 GMT"))
    with pytest.raises(RateLimited) as caught:
        await service(server, limits=replace(LIMITS, jitter=0.0)).read("GET", "/x")
    assert caught.value.until == NOW + timedelta(minutes=5)


# --- 5xx ---


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_H5_H6_a_server_error_leaves_a_write_in_doubt(status: int) -> None:
    server = Server(raw(b"<html>Bad gateway</html>", "text/html", status))
    with pytest.raises(MaybeApplied) as caught:
        await write(service(server))
    problem = caught.value.problem
    assert len(server.requests) == 1 and "<" not in str(caught.value)
    # one 500 may be about this record alone; the others mean that nobody is served
    assert problem is None if status == 500 else isinstance(problem, ServiceDown)


async def test_H5_a_read_tries_again_after_a_server_error() -> None:
    server = Server(reply({}, 500), reply({}, 503), OK)
    assert (await service(server).read("GET", "/x")).ok


async def test_H7_maintenance_with_a_time_holds_the_whole_connection() -> None:
    server = Server(reply({}, 503, retry_after="10800"))
    http = service(server, limits=replace(LIMITS, jitter=0.0))
    with pytest.raises(ServiceDown) as caught:
        await http.read("GET", "/x")
    assert caught.value.until == NOW + timedelta(hours=3) and len(server.requests) == 1
    with pytest.raises(NothingSent) as refused:
        await write(http)
    assert isinstance(refused.value.problem, ServiceDown) and len(server.requests) == 1


async def test_a_500_that_says_that_access_is_lost_is_certain() -> None:
    body = {"Fault": {"type": "AuthorizatonFault", "Error": [{"code": "120", "Message": "-11014"}]}}
    http = service(Server(reply(body, 500)))
    http.judge = QuickBooksJudge()
    with pytest.raises(NothingSent) as caught:
        await write(http)
    assert isinstance(caught.value.problem, AccessRefused)


@pytest.mark.parametrize("status", [400, 404, 409, 412, 415, 501])
async def test_H11_final_answers_are_handed_on_untried(status: int) -> None:
    server = Server(raw(b"<html>not found</html>", "text/html", status))
    answer = await write(service(server))
    assert answer.status == status and answer.json is None and len(server.requests) == 1


async def test_408_is_no_certain_refusal() -> None:
    with pytest.raises(MaybeApplied):
        await write(service(Server(reply({}, 408))))


# --- bodies ---


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/json"),
        (b'{"a":', "application/json"),
        (b"\xef\xbb\xbf{}", "application/json"),
        (b"{}", "text/plain"),
        ('{"a":1}'.encode("utf-16"), "application/json"),
        (b'{"a":1,"a":2}', "application/json"),
        (b"[" * 10_000, "application/json"),
    ],
)
async def test_B1_B2_B6_a_body_that_is_no_answer(content: bytes, kind: str) -> None:
    with pytest.raises(MaybeApplied):
        await write(service(Server(raw(content, kind))))
    with pytest.raises(ServiceDown):
        await service(Server(raw(content, kind))).read("GET", "/x")


async def test_B2_a_broken_gzip() -> None:
    server = Server(raw(b"this is not gzip", content_encoding="gzip"))
    with pytest.raises(MaybeApplied):
        await write(service(server))


async def test_B6_a_monster_is_not_swallowed_whole() -> None:
    bomb = gzip.compress(b" " * 3_000_000)
    http = service(Server(raw(bomb, content_encoding="gzip")), limits=replace(LIMITS, response_bytes=1_000_000))
    with pytest.raises(MaybeApplied, match="too large"):
        await write(http)


async def test_a_big_answer_is_read_all_the_same() -> None:
    rows = [{"Id": str(number), "text": "x" * 100} for number in range(2000)]
    assert (await service(Server(reply(rows))).read("GET", "/x")).json == rows


# --- what is told ---


async def test_I13_the_log_names_the_call_and_nothing_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="desktop")
    server = Server(reply(payload("customer")["Customer"]["Id"]))
    await service(server).write(
        "POST", "/v3/x", query=(("requestid", "key-77"),), body='{"secret":"body-88"}', keyed=True
    )
    [line] = [record.getMessage() for record in caplog.records]
    assert "POST /v3/x?requestid -> 200 ref=tid-1" in line and line.endswith(" ms")
    assert not any(word in line for word in ("token-1", "key-77", "body-88"))


async def test_concurrent_calls_stay_within_the_slots() -> None:
    running, peak = 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0)
        running -= 1
        return httpx.Response(200, json={})

    http = service(answer, limits=replace(LIMITS, windows=(), concurrency=3))
    await asyncio.gather(*(http.read("GET", "/x") for _ in range(12)))
    assert peak == 3


async def test_N11_the_way_of_a_strange_answer_is_left_and_calls_under_way_end_in_order() -> None:
    connections: list[int] = []
    arrived, let_go = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(len(connections))
        me = connections[-1]
        while head := await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b"":
            if b" /slow " in head:
                arrived.set()
                await let_go.wait()
            body = b'{"connection":%d}' % me
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    http = ServiceHttp(
        base=base, service="QuickBooks", tokens=Tokens(), clock=SystemClock(), entropy=SystemEntropy(), limits=LIMITS
    )
    try:
        first = await http.read("GET", "/a")
        assert (await http.read("GET", "/b")).json == first.json == {"connection": 0}
        slow = asyncio.create_task(http.read("GET", "/slow"))
        await arrived.wait()
        first.leave()
        assert (await http.read("GET", "/c")).json != first.json
        let_go.set()
        await slow
        http.leave()
        assert (await http.read("GET", "/d")).json == {"connection": len(connections) - 1}
    finally:
        await http.close()
        server.close()
        await server.wait_closed()
