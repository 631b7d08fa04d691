"""Signing in to the imitated FreshBooks: consent, tokens, revoking, and who I am (contract sections 2 and 3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import urlsplit

from desktop.sandbox import consent
from desktop.sandbox.freshbooks_books import Account
from desktop.sandbox.freshbooks_errors import oauth_error
from desktop.sandbox.ledger import identity_of
from desktop.sandbox.oauth import Authority, Grant, Issued, OAuthRefused, OAuthRules
from desktop.sandbox.service import Answer, Call, Json, Request, to_json
from desktop.sandbox.signing_in import SignInDesk, form_of, keeps_refresh_token, leave_out

OBJECTS = (
    "bill_payments", "bill_vendors", "billable_items", "bills", "business", "clients", "credit_notes", "estimates",
    "expenses", "invoices", "journal_entries", "notifications", "online_payments", "other_income", "payments",
    "profile", "projects", "reports", "retainers", "taxes", "teams", "time_entries",
)  # fmt: skip
SCOPES = frozenset(f"user:{name}:{way}" for name in OBJECTS for way in ("read", "write"))
ALL_SCOPES = " ".join(sorted(SCOPES))
PREFIX = "/freshbooks"
HUNDRED_YEARS = 3_155_760_000
_OPS = {
    ("GET", "/oauth/authorize"): "authorize",
    ("POST", "/oauth/authorize"): "consent",
    ("GET", "/service/auth/oauth/authorize"): "authorize",
    ("POST", "/auth/oauth/token"): "token",
    ("POST", "/auth/oauth/revoke"): "revoke",
    ("GET", "/auth/api/v1/users/me"): "identity",
}


def token_rules() -> OAuthRules:
    """12 hours; a refresh token never expires and works once; the old access token lives on (U upstream)."""
    return OAuthRules(
        rotation="always",
        access_seconds=43_200,
        refresh_seconds=HUNDRED_YEARS,
        hard_seconds=HUNDRED_YEARS,
        code_seconds=300,
    )


class SignIn(SignInDesk):
    """The sign-in side of the service. `accounts` gives the businesses of the one person there is.

    `redirects`: `loopback` lets http addresses on this computer pass besides https ones, `https` does not.
    `one_refresh_token`: a second consent ends the first one's refresh token (U upstream, the harsher case).
    """

    def __init__(
        self,
        now: Callable[[], float],
        random_text: Callable[[int], str],
        accounts: Callable[[], Sequence[Account]],
        redirect_uris: Sequence[str],
    ) -> None:
        authority = Authority(random_text(64), random_text(64), now, random_text)
        super().__init__(authority, now, random_text, redirect_uris)
        self.redirects = "loopback"
        self.one_refresh_token = True
        self._now = now
        self._accounts = accounts
        self._grants: list[Grant] = []
        self.reset()

    def reset(self) -> None:
        """End all grants and open pages; keys and allowed addresses stay."""
        self.authority.reset()
        self.authority.rules = token_rules()
        self._consent.clear()
        self._grants = []
        self.redirects = "loopback"
        self.one_refresh_token = True

    def grant(self) -> Json:
        """A token answer without a browser."""
        grant = self.authority.new_grant("", ALL_SCOPES)
        return self._token_body(self._living(grant, self.authority.issue(grant)), Call(op="token"))

    def problem(self, token: str) -> str:
        """ "" if the token is good, else why not (`missing`, `malformed`, `expired`, `revoked`)."""
        grant = self.check(token)
        return grant if isinstance(grant, str) else ""

    def scopes(self, token: str) -> frozenset[str]:
        grant = self.authority.check_access(token)
        return frozenset() if isinstance(grant, str) else frozenset(grant.scope.split())

    def classify(self, request: Request) -> Call:
        call = Call(op=_OPS.get((request.method, request.path), "unknown"))
        if request.method == "POST":
            self._note_form(call, fields_of(request))
        elif request.bearer:
            call.identity = identity_of(request.bearer)
        return call

    def handle(self, request: Request, call: Call) -> Answer:
        """Answer a call that is none of the accounting API's."""
        handlers: dict[str, Callable[[Request, Call], Answer]] = {
            "authorize": self._authorize,
            "consent": self._consented,
            "token": self._token,
            "refresh": self._token,
            "revoke": self._revoke,
            "identity": self._me,
        }
        handler = handlers.get(call.op)
        if handler is not None:
            return handler(request, call)
        if request.path in {path for _, path in _OPS}:
            return Answer(405, b"Method Not Allowed", "text/plain")
        return oauth_error(404, "not_found", "The requested resource was not found.")

    def address_problem(self, redirect: str) -> str:
        """Why this redirect address is refused, or ""."""
        parts = urlsplit(redirect)
        loopback = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not (loopback and self.redirects == "loopback"):
            return "The redirect URI must use https."
        if parts.query or parts.fragment:
            return "The redirect URI must not contain a query string."
        if redirect not in self.redirect_uris:
            return "The redirect URI included is not valid: it is not registered with this app."
        return ""

    def _authorize(self, request: Request, call: Call) -> Answer:
        asked = dict(request.query)
        redirect, state = asked.get("redirect_uri", ""), asked.get("state", "")
        problem = self.address_problem(redirect)
        if asked.get("client_id") != self.authority.client_id:
            problem = "Client authentication failed due to unknown client."
        if problem:
            return consent.error_page("FreshBooks", 400, "An error has occurred", problem)
        if asked.get("response_type") != "code":
            return consent.back_to(redirect, {"error": "unsupported_response_type"} | _state(state))
        scopes = asked.get("scope", ALL_SCOPES).split()
        if not SCOPES.issuperset(scopes):
            return consent.back_to(redirect, {"error": "invalid_scope"} | _state(state))
        ticket = self._consent.open(redirect, state, " ".join(scopes), {})
        titles = ", ".join(account.title for account in self._accounts())
        asks = f"It will be able to work in all businesses that you belong to: {titles}."
        return consent.page("FreshBooks", f"{PREFIX}/oauth/authorize", ticket, [], "BlueClerk", asks)

    def _consented(self, request: Request, call: Call) -> Answer:
        pending = self._consent.take(str(call.body.get("ticket", "")))
        if pending is None:
            return consent.used_up("FreshBooks")
        if call.body.get("decision") != "approve":
            return consent.back_to(pending.redirect_uri, {"error": "access_denied"} | _state(pending.state))
        grant = self.authority.new_grant("", pending.scope)
        code = self.authority.code_for(grant, pending.redirect_uri)
        call.change("grant", grant.id, "approved")
        return consent.back_to(pending.redirect_uri, {"code": code} | _state(pending.state))

    def _token(self, request: Request, call: Call) -> Answer:
        form: dict[str, str] = call.body
        if not self.authority.is_client(form.get("client_id", ""), form.get("client_secret", "")):
            return oauth_error(401, "invalid_client", "Client authentication failed due to unknown client.")
        try:
            if form.get("grant_type") == "authorization_code":
                issued = self.authority.exchange(form.get("code", ""), form.get("redirect_uri", ""))
                issued = self._living(issued.grant, issued)
            elif form.get("grant_type") == "refresh_token":
                same = keeps_refresh_token(call)
                issued = self.authority.refresh(form.get("refresh_token", ""), False if same else None)
            else:
                return oauth_error(400, "unsupported_grant_type", "The authorization grant type is not supported.")
        except OAuthRefused as refused:
            call.note["refused"] = refused.error
            text = "The provided authorization grant is invalid, expired, revoked, or was issued to another client."
            return oauth_error(401, refused.error, text)
        self._note_issued(call, issued)
        return Answer(200, to_json(self._token_body(issued, call)))

    def _living(self, grant: Grant, issued: Issued) -> Issued:
        """Only the newest consent keeps a refresh token."""
        if self.one_refresh_token:
            for older in self._grants:
                older.refresh_expires = 0.0
        self._grants.append(grant)
        return issued

    def _token_body(self, issued: Issued, call: Call) -> Json:
        body: Json = {
            "access_token": issued.access,
            "token_type": "Bearer",
            "expires_in": issued.access_seconds,
            "refresh_token": issued.refresh,
            "scope": issued.grant.scope,
            "created_at": int(self._now()),
        }
        return leave_out(body, call, scope="user:profile:read")

    def _revoke(self, request: Request, call: Call) -> Answer:
        form: dict[str, str] = call.body
        if not self.authority.is_client(form.get("client_id", ""), form.get("client_secret", "")):
            return oauth_error(401, "invalid_client", "Client authentication failed due to unknown client.")
        grant = self.authority.revoke(form.get("token", ""))
        if grant is None:
            return oauth_error(400, "invalid_request", "The token is unknown or was revoked before.")
        call.change("grant", grant.id, "revoked")
        return Answer(200, b"{}")

    def _me(self, request: Request, call: Call) -> Answer:
        if self.problem(request.bearer):
            return unauthenticated()
        if "user:profile:read" not in self.scopes(request.bearer):
            return missing_scope("user:profile:read", self.scopes(request.bearer))
        accounts = self._accounts()
        memberships: list[Json] = [
            {
                "id": account.business_id + 1000,
                "role": account.role,
                "unacknowledged_change": False,
                "fasttrack_token": None,
                "business": {
                    "id": account.business_id,
                    "business_uuid": account.business_uuid,
                    "name": account.title,
                    "account_id": account.id,
                    "date_format": "mm/dd/yyyy",
                    "address": account.address,
                    "phone_number": None,
                    "business_clients": [],
                },
            }
            for account in accounts
        ]
        person: Json = {
            "id": 712_052,
            "identity_id": 712_052,
            "identity_uuid": "a1b2c3d4-0000-4000-8000-000000712052",
            "first_name": "Sam",
            "last_name": "Owner",
            "email": "owner@example.com",
            "language": "en",
            "confirmed_at": "2024-01-05T10:00:00Z",
            "created_at": "2024-01-05T10:00:00Z",
            "business_memberships": memberships,
            "subscription_statuses": {one.id: "cancelled" if one.rules.lapsed else "active" for one in accounts},
            "permissions": {one.id: {} for one in accounts},
            "groups": [],
            "roles": [{"id": 1, "role": "admin", "accountid": one.id} for one in accounts if one.role == "owner"],
        }
        return Answer(200, to_json({"response": person}))


def unauthenticated() -> Answer:
    return oauth_error(401, "unauthenticated", "This action requires authentication to continue.")


def scope_words(needed: str, held: frozenset[str]) -> str:
    """The text of a 403 for want of a scope: it names both lists (contract 2; the JSON around it is a guess, U)."""
    return f"Requested resource requires scope(s): {needed}. The token's scopes: {' '.join(sorted(held))}."


def missing_scope(needed: str, held: frozenset[str]) -> Answer:
    """That refusal outside the accounting envelope."""
    return oauth_error(403, "insufficient_scope", scope_words(needed, held))


def _state(state: str) -> Json:
    return {"state": state} if state else {}


def fields_of(request: Request) -> dict[str, str]:
    """The fields of a form, of flat JSON or of multipart: the three ways in which clients ask for tokens."""
    if request.content_type != "multipart/form-data":
        return form_of(request, flat_json=True)
    try:
        return _multipart(request)
    except ValueError:
        return {}


def _multipart(request: Request) -> dict[str, str]:
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    found: dict[str, str] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = re.search(r'name="([^"]*)"', str(part.get("Content-Disposition", "")))
        payload = part.get_payload(decode=True)
        if name and isinstance(payload, bytes):
            found[name[1]] = payload.decode("utf-8")
    return found
