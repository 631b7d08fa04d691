"""Signing in to the imitated QuickBooks: discovery, consent, tokens, revoking (contract section 1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from desktop.sandbox import consent
from desktop.sandbox.ledger import identity_of
from desktop.sandbox.oauth import Authority, Issued, OAuthRefused
from desktop.sandbox.service import Answer, Call, Json, Request, to_json
from desktop.sandbox.signing_in import SignInDesk, basic, forced_rotation, form_of, leave_out, oauth_error

SCOPE = "com.intuit.quickbooks.accounting"
SCOPES = frozenset({SCOPE, "com.intuit.quickbooks.payment", "openid", "profile", "email", "phone", "address"})
PREFIX = "/quickbooks"
_DISCOVERY = re.compile(r"^/\.well-known/openid_(sandbox_)?configuration/?$")
_OPS = {
    ("GET", "/connect/oauth2"): "authorize",
    ("POST", "/connect/oauth2"): "consent",
    ("POST", "/oauth2/v1/tokens/bearer"): "token",
    ("POST", "/v2/oauth2/tokens/revoke"): "revoke",
    ("GET", "/v1/openid_connect/userinfo"): "userinfo",
    ("GET", "/op/v1/jwks"): "jwks",
}


class SignIn(SignInDesk):
    """The sign-in side of the service. `companies` lists `{id, name}`; `random_text(n)` gives n hex characters."""

    def __init__(
        self,
        now: Callable[[], float],
        random_text: Callable[[int], str],
        companies: Callable[[], list[Json]],
        redirect_uris: Sequence[str],
    ) -> None:
        authority = Authority(
            "AB" + random_text(48), random_text(40), now, random_text, ("eyJlbmMiOiJBMTI4Q0JDIn0..", "AB11")
        )
        super().__init__(authority, now, random_text, redirect_uris)
        self.pkce = "ignore"
        self._companies = companies

    def reset(self) -> None:
        """End all grants and open pages; keys and allowed addresses stay."""
        self.authority.reset()
        self._consent.clear()
        self.pkce = "ignore"

    def grant(self, company_id: str) -> Json:
        """A token answer without a browser."""
        issued = self.authority.issue(self.authority.new_grant(company_id, SCOPE))
        return _token_body(issued, Call(op="token"), hard=False)

    def may_use(self, token: str, company_id: str) -> str:
        """ "" if the token opens this company, else why not (`missing`, `malformed`, ..., `forbidden`)."""
        grant = self.check(token)
        if isinstance(grant, str):
            return grant
        return "" if grant.company_id == company_id and SCOPE in grant.scope.split() else "forbidden"

    def classify(self, request: Request) -> Call:
        if _DISCOVERY.match(request.path):
            return Call(op="discovery")
        call = Call(op=_OPS.get((request.method, request.path), "unknown"))
        if request.method == "POST":
            self._note_form(call, form_of(request, flat_json=True))
        elif request.bearer:
            call.identity = identity_of(request.bearer)
        return call

    def handle(self, request: Request, call: Call) -> Answer:
        """Answer a call that is none of the accounting API's."""
        if call.op == "discovery":
            return Answer(200, to_json(_discovery(f"{request.origin}{PREFIX}")))
        handlers: dict[str, Callable[[Request, Call], Answer]] = {
            "authorize": self._authorize,
            "consent": self._consented,
            "token": self._token,
            "refresh": self._token,
            "revoke": self._revoke,
            "userinfo": self._userinfo,
            "jwks": lambda *_: Answer(200, b'{"keys":[]}'),
        }
        handler = handlers.get(call.op)
        if handler is not None:
            return handler(request, call)
        if request.path in {path for _, path in _OPS}:
            return Answer(405, b"Method Not Allowed", "text/plain")
        return Answer(404, b"<html><body><h1>404 Not Found</h1></body></html>", "text/html")

    def _authorize(self, request: Request, call: Call) -> Answer:
        asked = dict(request.query)
        redirect = asked.get("redirect_uri", "")
        problem = ""
        if asked.get("client_id") != self.authority.client_id:
            problem = "The client_id query parameter value is invalid. Make sure it is the one of your app's keys."
        elif redirect not in self.redirect_uris:
            problem = (
                "The redirect_uri query parameter value is invalid. Make sure it is listed in the Redirect URIs "
                "section on your app's keys tab and matches exactly."
            )
        elif not asked.get("state"):
            problem = "The state query parameter is missing."
        elif asked.get("code_challenge") and self.pkce == "reject":
            problem = "The code_challenge query parameter is not supported."
        if problem:
            return consent.error_page("QuickBooks", 400, "Sorry, but this app did not connect", problem)
        scopes = asked.get("scope", "").split()
        if asked.get("response_type") != "code":
            return consent.back_to(redirect, {"error": "unsupported_response_type", "state": asked["state"]})
        if not scopes or not SCOPES.issuperset(scopes):
            return consent.back_to(redirect, {"error": "invalid_scope", "state": asked["state"]})
        ticket = self._consent.open(redirect, asked["state"], " ".join(scopes), {})
        asks = "It will be able to read and change customers, items, invoices and payments until you disconnect it."
        return consent.page("QuickBooks", f"{PREFIX}/connect/oauth2", ticket, self._companies(), "BlueClerk", asks)

    def _consented(self, request: Request, call: Call) -> Answer:
        pending = self._consent.take(str(call.body.get("ticket", "")))
        if pending is None:
            return consent.used_up("QuickBooks")
        if call.body.get("decision") != "approve":
            return consent.back_to(pending.redirect_uri, {"error": "access_denied", "state": pending.state})
        company = str(call.body.get("company", ""))
        if company not in {found["id"] for found in self._companies()}:
            return consent.error_page("QuickBooks", 400, "No such company", "Please start again from your program.")
        call.company_id = company
        grant = self.authority.new_grant(company, pending.scope)
        code = self.authority.code_for(grant, pending.redirect_uri)
        call.change("grant", grant.id, "approved")
        return consent.back_to(pending.redirect_uri, {"code": code, "state": pending.state, "realmId": company})

    def _token(self, request: Request, call: Call) -> Answer:
        if not self.authority.is_client(*basic(request)):
            return oauth_error(401, "invalid_client")
        form: dict[str, str] = call.body
        try:
            if form.get("grant_type") == "authorization_code":
                issued = self.authority.exchange(form.get("code", ""), form.get("redirect_uri", ""))
            elif form.get("grant_type") == "refresh_token":
                issued = self.authority.refresh(form.get("refresh_token", ""), forced_rotation(call))
            else:
                return oauth_error(400, "unsupported_grant_type")
        except OAuthRefused as refused:
            call.note["refused"] = refused.error
            return oauth_error(400, refused.error, refused.description)
        self._note_issued(call, issued)
        hard = request.headers.get("x-include-refresh-token-hard-expires-in", "").lower() == "true"
        return Answer(200, to_json(_token_body(issued, call, hard)))

    def _revoke(self, request: Request, call: Call) -> Answer:
        if not self.authority.is_client(*basic(request)):
            return oauth_error(401, "invalid_client")
        grant = self.authority.revoke(str(call.body.get("token", "")))
        if grant is None:
            return oauth_error(400, "invalid_request", "Token is already revoked or unknown")
        call.change("grant", grant.id, "revoked")
        return Answer(200)

    def _userinfo(self, request: Request, call: Call) -> Answer:
        grant = self.authority.check_access(request.bearer)
        if isinstance(grant, str) or "openid" not in grant.scope.split():
            return oauth_error(401, "invalid_token")
        person = {
            "sub": "sandbox-owner",
            "email": "owner@example.com",
            "emailVerified": True,
            "givenName": "Sam",
            "familyName": "Owner",
        }
        return Answer(200, to_json(person))


def _discovery(base: str) -> Json:
    return {
        "issuer": "https://oauth.platform.intuit.com/op/v1",
        "authorization_endpoint": f"{base}/connect/oauth2",
        "token_endpoint": f"{base}/oauth2/v1/tokens/bearer",
        "userinfo_endpoint": f"{base}/v1/openid_connect/userinfo",
        "revocation_endpoint": f"{base}/v2/oauth2/tokens/revoke",
        "jwks_uri": f"{base}/op/v1/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile", "address", "phone"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
    }


def _token_body(issued: Issued, call: Call, hard: bool) -> Json:
    body: Json = {
        "token_type": "bearer",
        "access_token": issued.access,
        "refresh_token": issued.refresh,
        "expires_in": issued.access_seconds,
        "x_refresh_token_expires_in": issued.refresh_seconds,
    }
    if hard:
        body["x_refresh_token_hard_expires_in"] = issued.hard_seconds
    return leave_out(body, call, scope="openid")
