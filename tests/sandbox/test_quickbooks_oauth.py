"""Signing in to the imitated QuickBooks as its contract says (section 1)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

REDIRECT = "http://localhost:53682/callback"
SCOPE = "com.intuit.quickbooks.accounting"
DAY = 86_400


def ask(qb: Any, **changes: str) -> httpx.Response:
    query = {
        "client_id": qb.service["client_id"],
        "response_type": "code",
        "scope": SCOPE,
        "redirect_uri": REDIRECT,
        "state": "s-123",
    } | changes
    return qb.http.get(qb.service["authorize"], params={name: value for name, value in query.items() if value})


def consent(qb: Any, decision: str = "approve", company: int = 0) -> dict[str, str]:
    page = ask(qb).text
    ticket = re.search(r'name="ticket" value="(\w+)"', page)
    companies = re.findall(r'name="company" value="(\d+)"', page)
    assert ticket
    assert len(companies) >= 2
    form = {"ticket": ticket[1], "company": companies[company], "decision": decision}
    answer = qb.http.post(qb.service["authorize"], data=form)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{REDIRECT}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def code_form(code: str) -> dict[str, str]:
    return {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}


@pytest.mark.parametrize("name", ["openid_configuration", "openid_sandbox_configuration"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_discovery_points_back_at_the_sandbox(qb: Any, name: str, slash: str) -> None:
    found = qb.http.get(f"{qb.service['api']}/.well-known/{name}{slash}").json()
    assert found["authorization_endpoint"] == qb.service["authorize"]
    assert found["token_endpoint"] == qb.service["token"]
    assert found["revocation_endpoint"] == qb.service["revoke"]
    assert found["issuer"] == "https://oauth.platform.intuit.com/op/v1"
    assert SCOPE not in found["scopes_supported"]


def test_a_consent_gives_a_code_for_one_company_and_the_code_gives_tokens(qb: Any) -> None:
    back = consent(qb, company=1)
    assert back["state"] == "s-123"
    assert back["realmId"] == "9130350000000002"
    answer = qb.token(code_form(back["code"]), **{"x-include-refresh-token-hard-expires-in": "true"})
    tokens = answer.json()
    assert answer.status_code == 200
    assert tokens["token_type"] == "bearer"
    assert tokens["expires_in"] == 3600
    assert 8_640_000 <= tokens["x_refresh_token_expires_in"] <= 8_726_400
    assert 157_679_000 < tokens["x_refresh_token_hard_expires_in"] <= 157_680_000
    assert "realmId" not in tokens
    qb.tokens = tokens
    assert qb.http.get(f"{qb.api(back['realmId'])}/preferences", headers=qb.headers()).status_code == 200
    other = qb.http.get(f"{qb.api()}/preferences", headers=qb.headers())
    assert (other.status_code, other.json()["fault"]["error"][0]["code"]) == (403, "3100")


def test_refusing_says_access_denied(qb: Any) -> None:
    assert consent(qb, decision="deny") == {"error": "access_denied", "state": "s-123"}


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "somebody"},
        {"redirect_uri": "http://127.0.0.1:53682/callback"},
        {"redirect_uri": "http://localhost:53682/callback/"},
        {"redirect_uri": "https://evil.example/callback"},
        {"state": ""},
    ],
)
def test_a_wrong_program_or_address_gets_an_error_page_and_no_redirect(qb: Any, changes: dict[str, str]) -> None:
    answer = ask(qb, **changes)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "text/html" in answer.headers["content-type"]


def test_an_unknown_scope_comes_back_as_such(qb: Any) -> None:
    answer = ask(qb, scope="com.intuit.quickbooks.everything")
    assert answer.headers["location"] == f"{REDIRECT}?error=invalid_scope&state=s-123"


def test_the_form_works_once_and_only_with_its_ticket(qb: Any) -> None:
    ticket = re.search(r'name="ticket" value="(\w+)"', ask(qb).text)
    assert ticket
    form = {"ticket": ticket[1], "company": qb.company, "decision": "approve"}
    forged = qb.http.post(qb.service["authorize"], data={**form, "ticket": "guess"})
    assert forged.status_code == 400
    assert qb.http.post(qb.service["authorize"], data=form).status_code == 302
    assert qb.http.post(qb.service["authorize"], data=form).status_code == 400


def test_the_page_shows_no_markup_from_outside_and_needs_no_script(qb: Any) -> None:
    answer = ask(qb)
    assert "<script" not in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_code_works_once_and_a_second_use_ends_the_grant(qb: Any) -> None:
    code = consent(qb)["code"]
    tokens = qb.token(code_form(code)).json()
    assert qb.token(code_form(code)).json()["error"] == "invalid_grant"
    assert qb.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_code_is_bound_to_its_address_and_to_five_minutes(qb: Any) -> None:
    code = consent(qb)["code"]
    other = qb.token({**code_form(code), "redirect_uri": "http://localhost:53683/callback"})
    assert (other.status_code, other.json()["error"]) == (400, "invalid_grant")
    late = consent(qb)["code"]
    qb.control.clock(301)
    assert qb.token(code_form(late)).status_code == 400


def test_wrong_keys_are_invalid_client(qb: Any) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": qb.tokens["refresh_token"]}
    answer = qb.token(form, secret="wrong")
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
    in_body = form | {"client_id": qb.service["client_id"], "client_secret": qb.service["client_secret"]}
    assert qb.http.post(qb.service["token"], data=in_body).status_code == 401


def test_daily_rotation_keeps_the_value_for_a_day_then_replaces_it(qb: Any) -> None:
    first = qb.tokens["refresh_token"]
    again = qb.refresh(first).json()
    assert again["refresh_token"] == first
    assert again["access_token"] != qb.tokens["access_token"]
    qb.control.clock(DAY)
    rotated = qb.refresh(first).json()
    assert rotated["refresh_token"] != first
    old = qb.refresh(first)
    assert (old.status_code, old.json()["error"]) == (400, "invalid_grant")
    assert qb.refresh(rotated["refresh_token"]).status_code == 200


@pytest.mark.parametrize("kills", [False, True])
def test_always_rotation_and_what_a_second_use_does(qb: Any, kills: bool) -> None:
    qb.control.settings(rotation="always", reuse_kills_family=kills)
    first = qb.tokens["refresh_token"]
    second = qb.refresh(first).json()["refresh_token"]
    assert second != first
    assert qb.refresh(first).json()["error"] == "invalid_grant"
    assert qb.refresh(second).status_code == (400 if kills else 200)


def test_access_ends_after_an_hour_and_the_refresh_token_after_its_time(qb: Any) -> None:
    qb.control.clock(3601)
    answer = qb.call("GET", "preferences")
    assert answer.status_code == 401
    assert answer.json()["fault"]["error"][0]["code"] == "3200"
    assert answer.json()["fault"]["type"] == "AUTHENTICATION"
    qb.control.clock(101 * DAY)
    assert qb.refresh(qb.tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_the_five_year_cap_is_never_moved_by_refreshing(qb: Any) -> None:
    token = qb.tokens["refresh_token"]
    for _ in range(20):
        qb.control.clock(91 * DAY)
        token = qb.refresh(token).json()["refresh_token"]
    qb.control.clock(6 * DAY)
    assert qb.refresh(token).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
@pytest.mark.parametrize("shape", ["json", "data"])
def test_revoking_either_token_ends_the_grant(qb: Any, which: str, shape: str) -> None:
    kwargs: dict[str, Any] = {shape: {"token": qb.tokens[which]}}
    auth = (qb.service["client_id"], qb.service["client_secret"])
    answer = qb.http.post(qb.service["revoke"], auth=auth, **kwargs)
    assert (answer.status_code, answer.content) == (200, b"")
    assert qb.call("GET", "preferences").status_code == 401
    assert qb.refresh(qb.tokens["refresh_token"]).status_code == 400
    assert qb.http.post(qb.service["revoke"], auth=auth, **kwargs).status_code == 400


def test_tokens_and_secrets_are_not_in_the_ledger(qb: Any) -> None:
    code = consent(qb)["code"]
    tokens = qb.token(code_form(code)).json()
    tokens |= qb.refresh(tokens["refresh_token"]).json()
    text = str(qb.control.ledger())
    for secret in (code, tokens["access_token"], tokens["refresh_token"], qb.service["client_secret"]):
        assert secret not in text
    refresh = qb.control.ledger(op="refresh")[-1]
    assert refresh["request"]["refresh_token"] == "<redacted>"
    assert refresh["identity"]
    assert refresh["changed"][0]["action"] == "refreshed"
