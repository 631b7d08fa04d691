"""Token calls: each failure means something else, and only one of them means "sign in again"."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from desktop.clock import ManualClock
from desktop.errors import (
    AppKeysWrong,
    NeedsSignIn,
    NetworkIntercepted,
    Offline,
    RateLimited,
    ServiceDown,
    SignInRefused,
)
from desktop.providers.base import AppKeys, Endpoints, RefreshInDoubt
from desktop.providers.quickbooks_signin import DEVELOPMENT, LIVE, QuickBooksSignIn
from tests.providers.support import NOW, Server, raw, reply

KEYS = AppKeys("client-1", "s&cret/+")
GOOD = {
    "token_type": "bearer",
    "access_token": "eyJ.access",
    "refresh_token": "AB11new",
    "expires_in": 3600,
    "x_refresh_token_expires_in": 8640000,
}


def sign_in(*answers: Any) -> tuple[QuickBooksSignIn, Server]:
    server = Server(*answers)
    client = httpx.AsyncClient(transport=httpx.MockTransport(server))
    return QuickBooksSignIn(LIVE, KEYS, clock=ManualClock(NOW), client=client), server


def test_the_consent_page_asks_for_accounting_only_and_without_pkce() -> None:
    url = sign_in(reply({}))[0].authorize_url(
        state="n.53682", redirect_uri="http://localhost:53682/callback", challenge="unused"
    )
    assert url.startswith("https://appcenter.intuit.com/connect/oauth2?")
    assert parse_qs(urlsplit(url).query) == {
        "client_id": ["client-1"],
        "response_type": ["code"],
        "scope": ["com.intuit.quickbooks.accounting"],
        "redirect_uri": ["http://localhost:53682/callback"],
        "state": ["n.53682"],
    }


async def test_the_code_is_traded_with_basic_authorisation() -> None:
    calls, server = sign_in(reply(GOOD))
    grant = await calls.exchange("code-1", redirect_uri="http://localhost:1/cb")
    [request] = server.requests
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["code-1"],
        "redirect_uri": ["http://localhost:1/cb"],
    }
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"client-1:s&cret/+"
    assert grant.access_token == "eyJ.access" and grant.refresh_token == "AB11new"
    assert grant.expires_at == NOW + timedelta(hours=1)
    assert grant.refresh_expires_at == NOW + timedelta(days=100)
    assert "eyJ" not in repr(grant) and "AB11" not in repr(grant)


async def test_A9_A10_what_is_missing_or_the_same_is_kept() -> None:
    calls, _ = sign_in(reply({"access_token": "new"}))
    grant = await calls.refresh("old-refresh")
    assert grant.refresh_token == "old-refresh" and grant.refresh_expires_at is None
    assert timedelta(0) < grant.expires_at - NOW <= timedelta(minutes=10)
    calls, _ = sign_in(reply(GOOD | {"refresh_token": "old-refresh"}))
    assert (await calls.refresh("old-refresh")).refresh_token == "old-refresh"


async def test_the_five_year_cap_counts_when_it_comes_first() -> None:
    calls, _ = sign_in(reply(GOOD | {"x_refresh_token_hard_expires_in": 86400}))
    assert (await calls.refresh("r")).refresh_expires_at == NOW + timedelta(days=1)


REFRESH = [
    (reply({"error": "invalid_grant", "error_description": "Incorrect or invalid refresh token"}, 400), NeedsSignIn),
    (reply({"error": "invalid_grant"}, 400), NeedsSignIn),
    (reply({"error": "invalid_client"}, 401), AppKeysWrong),
    (reply({"error": "unauthorized_client"}, 400), AppKeysWrong),
    (reply({"error": "rate_limit_exceeded"}, 429), RateLimited),
    (reply({"error": "rate_limit_exceeded"}, 429, retry_after="30"), RateLimited),
    (reply({}, 500), ServiceDown),
    (raw(b"<html>", "text/html", 503), ServiceDown),
    (reply({"error": "server_error"}, 400), ServiceDown),
    (raw(b"nonsense", "text/plain", 400), ServiceDown),
    (httpx.ConnectError("no"), Offline),
    (httpx.ReadTimeout("slow"), RefreshInDoubt),
    (httpx.ReadError("cut"), RefreshInDoubt),
    (raw(b'{"access_tok'), RefreshInDoubt),
    (raw(b"<html>hotel</html>", "text/html"), RefreshInDoubt),
    (reply({"token_type": "bearer"}), RefreshInDoubt),
    (reply([]), RefreshInDoubt),
    (reply(GOOD | {"access_token": "two\nlines"}), RefreshInDoubt),
    (reply(GOOD | {"access_token": 7}), RefreshInDoubt),
    (reply(GOOD | {"token_type": "mac"}), RefreshInDoubt),
]


@pytest.mark.parametrize(("answer", "problem"), REFRESH)
async def test_A8_H4_what_a_failed_renewal_means(answer: Any, problem: type) -> None:
    calls, server = sign_in(answer)
    with pytest.raises(problem) as caught:
        await calls.refresh("AB11-secret")
    assert type(caught.value) is problem and len(server.requests) == 1
    assert "{" not in str(caught.value) and "AB11" not in str(vars(caught.value))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (reply({"error": "invalid_grant"}, 400), SignInRefused),
        (reply({"error": "invalid_client"}, 401), AppKeysWrong),
        (reply({"error": "invalid_scope"}, 400), SignInRefused),
        (httpx.ReadError("cut"), SignInRefused),
        (reply({}, 500), SignInRefused),
        (reply({}), SignInRefused),
        (httpx.ConnectError("no"), Offline),
        (raw(b"<html>hotel</html>", "text/html"), NetworkIntercepted),
    ],
)
async def test_M139_what_a_failed_exchange_means_and_a_code_is_used_once(answer: Any, problem: type) -> None:
    calls, server = sign_in(answer)
    with pytest.raises(problem):
        await calls.exchange("code", redirect_uri="x")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "confirmed"),
    [
        (raw(b"", "", 200), True),
        (reply({}, 400), True),
        (reply({}, 401), False),
        (reply({}, 500), False),
        (httpx.ConnectError("no"), False),
        (httpx.ReadTimeout("no"), False),
    ],
)
async def test_M134_revoking_never_raises(answer: Any, confirmed: bool) -> None:
    calls, server = sign_in(answer)
    assert await calls.revoke("AB11") is confirmed
    assert server.requests[0].content == b'{"token": "AB11"}'


def test_the_company_comes_with_the_redirect() -> None:
    calls, _ = sign_in(reply({}))
    assert calls.company_in({"code": "x", "realmId": "9130350000000001"}) == "9130350000000001"
    assert calls.company_in({"code": "x"}) is None
    assert calls.company_in({"realmId": "../../etc"}) is None


@pytest.mark.parametrize("field", ["token", "revoke", "authorize"])
def test_I13_no_secret_travels_unprotected(field: str) -> None:
    values = {"api": "https://a", "authorize": "https://b", "token": "https://c", "revoke": "https://d"}
    values[field] = "http://intuit.example/x"
    with pytest.raises(ValueError):
        QuickBooksSignIn(Endpoints(**values), KEYS, clock=ManualClock(NOW))


def test_development_companies_share_the_sign_in_but_not_the_books() -> None:
    assert DEVELOPMENT.token == LIVE.token and DEVELOPMENT.api != LIVE.api
