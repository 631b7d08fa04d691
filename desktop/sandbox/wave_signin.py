"""Signing in to the imitated Wave: consent, tokens, revoking (contract section 2)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence

from desktop.sandbox import consent
from desktop.sandbox.oauth import Authority, Grant, Issued, OAuthRefused, OAuthRules
from desktop.sandbox.service import Answer, Call, Json, Request, to_json
from desktop.sandbox.signing_in import SignInDesk, form_of, keeps_refresh_token, leave_out, oauth_error

AREAS = {
    "account": ("read", "write"),
    "business": ("read", "write"),
    "customer": ("read", "write"),
    "estimate": ("read", "write", "send"),
    "invoice": ("read", "write", "send"),
    "product": ("read", "write"),
    "sales_tax": ("read", "write"),
    "transaction": ("write",),
    "user": ("read",),
    "vendor": ("read", "write"),
}
SCOPES = frozenset(f"{area}:{verb}" for area, verbs in AREAS.items() for verb in (*verbs, "*"))
FULL = " ".join(f"{area}:*" for area in AREAS)
PREFIX = "/wave"
AUTHORIZE, TOKEN, REVOKE = "/oauth2/authorize/", "/oauth2/token/", "/oauth2/token-revoke/"
EVERYTHING = "*"
"""The company id of a grant that reaches all businesses."""
_OPS = {
    ("GET", AUTHORIZE): "authorize",
    ("POST", AUTHORIZE): "consent",
    ("POST", TOKEN): "token",
    ("POST", REVOKE): "revoke",
}


def rules() -> OAuthRules:
    """Two hours, rotation at each refresh. Presenting an old refresh token harms nobody [U]."""
    return OAuthRules(rotation="always", access_seconds=7200, refresh_seconds=31_536_000, code_seconds=600)


class SignIn(SignInDesk):
    """The sign-in side of the service. `businesses` lists `{id, name}` of those that a person may pick.

    `reach`: `one` business a token, or `all` of the person's. `offline`: `optional`, `needed` (no refresh token
    without that scope) or `unknown` (the scope is refused): two articles and Wave's own list differ [U].
    """

    def __init__(
        self,
        now: Callable[[], float],
        random_text: Callable[[int], str],
        businesses: Callable[[], list[Json]],
        redirect_uris: Sequence[str],
    ) -> None:
        authority = Authority(random_text(40), random_text(64), now, random_text)
        super().__init__(authority, now, random_text, redirect_uris)
        self._businesses = businesses
        self._challenges: dict[str, str] = {}
        self.reset()

    def reset(self) -> None:
        """End all grants and open pages; keys and allowed addresses stay."""
        self.authority.reset()
        self.authority.rules = rules()
        self._consent.clear()
        self._challenges.clear()
        self.reach = "one"
        self.offline = "optional"
        self.lapsed = False

    def grant(self, company_id: str) -> Json:
        """A token answer without a browser."""
        owner = EVERYTHING if self.reach == "all" else company_id
        issued = self.authority.issue(self.authority.new_grant(owner, f"{FULL} offline_access"))
        return self._token_body(issued, Call(op="token"))

    def classify(self, request: Request) -> Call:
        call = Call(op=_OPS.get((request.method, request.path), "unknown"))
        if request.method == "POST":
            self._note_form(call, form_of(request))
        return call

    def handle(self, request: Request, call: Call) -> Answer:
        """Answer a call that is not for the GraphQL endpoint."""
        handlers: dict[str, Callable[[Request, Call], Answer]] = {
            "authorize": self._authorize,
            "consent": self._consented,
            "token": self._token,
            "refresh": self._token,
            "revoke": self._revoke,
        }
        handler = handlers.get(call.op)
        if handler is not None:
            return handler(request, call)
        if request.method == "GET" and f"{request.path}/" == AUTHORIZE:
            joint = "&".join(f"{name}={value}" for name, value in request.query)
            return Answer(301, b"", "text/html", {"Location": f"{PREFIX}{AUTHORIZE}?{joint}"})
        if request.path in {path for _, path in _OPS}:
            return Answer(405, b"Method Not Allowed", "text/plain")
        return Answer(404, b"<html><body><h1>404 Not Found</h1></body></html>", "text/html")

    def _authorize(self, request: Request, call: Call) -> Answer:
        asked = dict(request.query)
        redirect = asked.get("redirect_uri") or self.redirect_uris[0]
        if asked.get("client_id") != self.authority.client_id:
            return self._refused("The client_id is not one of your applications.")
        if redirect not in self.redirect_uris:
            return self._refused("Mismatching redirect URI: it must be registered and match exactly.")
        state = {"state": asked["state"]} if asked.get("state") else {}
        if asked.get("response_type") != "code":
            return consent.back_to(redirect, {"error": "unsupported_response_type", **state})
        known = SCOPES if self.offline == "unknown" else SCOPES | {"offline_access"}
        scopes = asked.get("scope", "").split()
        if not scopes or not known.issuperset(scopes):
            return consent.back_to(redirect, {"error": "invalid_scope", **state})
        choices = self._businesses()
        if not choices:
            return self._refused("None of your businesses has an active Wave Pro or Wave Advisor subscription.")
        hint = asked.get("businessId") or asked.get("business_id")
        if hint:
            choices = sorted(choices, key=lambda one: str(one["id"]) != hint)
        extra = {"challenge": asked.get("code_challenge", ""), "method": asked.get("code_challenge_method", "S256")}
        ticket = self._consent.open(redirect, asked.get("state", ""), " ".join(scopes), extra)
        asks = "It will be able to read and change customers, products, invoices and payments of the business."
        return consent.page("Wave", f"{PREFIX}{AUTHORIZE}", ticket, choices, "BlueClerk", asks)

    @staticmethod
    def _refused(problem: str) -> Answer:
        return consent.error_page("Wave", 400, "Sorry, but this app did not connect", problem)

    def _consented(self, request: Request, call: Call) -> Answer:
        pending = self._consent.take(str(call.body.get("ticket", "")))
        if pending is None:
            return consent.used_up("Wave")
        state = {"state": pending.state} if pending.state else {}
        if call.body.get("decision") != "approve":
            return consent.back_to(pending.redirect_uri, {"error": "access_denied", **state})
        company = str(call.body.get("company", ""))
        if company not in {found["id"] for found in self._businesses()}:
            return consent.error_page("Wave", 400, "No such business", "Please start again from your program.")
        call.company_id = company
        grant = self.authority.new_grant(EVERYTHING if self.reach == "all" else company, pending.scope)
        code = self.authority.code_for(grant, pending.redirect_uri)
        if pending.extra["challenge"] and pending.extra["method"] == "S256":
            self._challenges[code] = pending.extra["challenge"]
        call.change("grant", grant.id, "approved")
        return consent.back_to(pending.redirect_uri, {"code": code, **state})

    def _token(self, request: Request, call: Call) -> Answer:
        form: dict[str, str] = call.body
        if not self.authority.is_client(form.get("client_id", ""), form.get("client_secret", "")):
            return oauth_error(401, "invalid_client")
        try:
            if form.get("grant_type") == "authorization_code":
                self._check_verifier(form)
                issued = self.authority.exchange(form.get("code", ""), form.get("redirect_uri", ""))
            elif form.get("grant_type") == "refresh_token":
                issued = self._refresh(form.get("refresh_token", ""), call)
            else:
                return oauth_error(400, "unsupported_grant_type")
        except OAuthRefused as refused:
            call.note["refused"] = refused.error
            status = 403 if refused.error == "subscription_required" else 400
            return oauth_error(status, refused.error, refused.description)
        self._note_issued(call, issued)
        return Answer(200, to_json(self._token_body(issued, call)))

    def _check_verifier(self, form: dict[str, str]) -> None:
        wanted = self._challenges.get(form.get("code", ""))
        if wanted is None:
            return
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != wanted:
            raise OAuthRefused("invalid_grant", "Code verifier does not match")

    def _refresh(self, token: str, call: Call) -> Issued:
        if self.lapsed:
            raise OAuthRefused("subscription_required", "The business has no active Wave Pro subscription")
        same = keeps_refresh_token(call)
        issued = self.authority.refresh(token, False if same else None)
        for earlier in issued.grant.access:
            if earlier != issued.access:
                self.authority.expire_access(earlier)
        return issued

    def _token_body(self, issued: Issued, call: Call) -> Json:
        body: Json = {
            "access_token": issued.access,
            "refresh_token": issued.refresh,
            "token_type": "Bearer",
            "expires_in": issued.access_seconds,
            "scope": issued.grant.scope,
            "userId": base64.b64encode(b"User:sandbox-owner").decode(),
        }
        if issued.grant.company_id != EVERYTHING:
            body["businessId"] = issued.grant.company_id
        if self.offline == "needed" and "offline_access" not in issued.grant.scope.split():
            del body["refresh_token"]
        return leave_out(body, call, scope="business:read")

    def _revoke(self, request: Request, call: Call) -> Answer:
        form: dict[str, str] = call.body
        if not self.authority.is_client(form.get("client_id", ""), form.get("client_secret", "")):
            return oauth_error(401, "invalid_client")
        grant = self.authority.revoke(form.get("token", ""))
        if grant is not None:
            call.change("grant", grant.id, "revoked")
        return Answer(200)


def allowed(grant: Grant, scope: str) -> bool:
    """Whether a grant holds a scope; write does not imply read."""
    area = scope.partition(":")[0]
    return bool({scope, f"{area}:*"} & set(grant.scope.split()))
