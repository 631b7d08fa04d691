"""Signing in to the imitated Xero: consent with PKCE, tokens, connections, disconnecting (contract section 1)."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from desktop.sandbox import consent
from desktop.sandbox.ledger import identity_of
from desktop.sandbox.oauth import DAY, Authority, Grant, Issued, OAuthRefused, OAuthRules
from desktop.sandbox.service import Answer, Call, Json, Request, to_json
from desktop.sandbox.signing_in import SignInDesk, basic, forced_rotation, form_of, leave_out, oauth_error

PREFIX = "/xero"
AUTHORIZE = "/identity/connect/authorize"
IDENTITY = frozenset({"openid", "profile", "email", "offline_access"})
GRANULAR = frozenset(["accounting.invoices", "accounting.payments", "accounting.contacts", "accounting.settings"])
OTHERS = frozenset(
    [
        "accounting.transactions",
        "accounting.banktransactions",
        "accounting.manualjournals",
        "accounting.attachments",
        "accounting.reports",
        "accounting.journals",
        "files",
        "assets",
        "projects",
    ]
)
SCOPES = IDENTITY | GRANULAR | OTHERS | {f"{scope}.read" for scope in GRANULAR | OTHERS}
DEFAULT_SCOPE = (
    "openid profile email offline_access accounting.invoices accounting.payments accounting.contacts "
    "accounting.settings.read"
)
_REDIRECT = re.compile(r"^(https://[^\s/]+|http://localhost(:\d+)?)(/\S*)?$")
_VERIFIER = re.compile(r"^[A-Za-z0-9._~-]{43,128}$")
_CONNECTION = re.compile(r"^/connections/([^/]+)/?$", re.IGNORECASE)
_OPS = {
    ("GET", AUTHORIZE): "authorize",
    ("POST", AUTHORIZE): "consent",
    ("POST", "/connect/token"): "token",
    ("POST", "/connect/revocation"): "revoke",
    ("GET", "/connections"): "list_connections",
    ("GET", "/.well-known/openid-configuration"): "discovery",
    ("GET", "/.well-known/openid-configuration/jwks"): "jwks",
    ("GET", "/connect/userinfo"): "userinfo",
}


@dataclass(slots=True)
class Connection:
    """A person's connection of the app to one organisation. `id` is not the tenant's id."""

    id: str
    event_id: str
    tenant_id: str
    created: dt.datetime
    updated: dt.datetime


class Rotating(Authority):
    """Each refresh gives a new pair. A used refresh token works on for the grace, and every successor that was
    issued meanwhile stays alive (contract 1.4)."""

    def refresh(self, token: str, rotate: bool | None = None) -> Issued:
        grant, now = self._by_refresh.get(token), self._now()
        if grant is None or grant.revoked:
            raise OAuthRefused("invalid_grant")
        first_used = grant.replaced.get(token)
        grace = self.rules.refresh_grace_s
        if first_used is not None and (now - first_used > grace or not grace):
            raise OAuthRefused("invalid_grant")
        if grant.refresh_expires <= now:
            raise OAuthRefused("invalid_grant")
        if rotate is False or self.rules.rotation == "never":
            return self.issue(grant, rotate=False)
        grant.refresh = ""  # so that issuing replaces no other successor
        issued = self.issue(grant)
        grant.replaced.setdefault(token, now)
        return issued


class SignIn(SignInDesk):
    """The sign-in side of the service. `companies` lists `{id, name}`; `random_text(n)` gives n hex characters."""

    def __init__(
        self,
        now: Callable[[], float],
        random_text: Callable[[int], str],
        companies: Callable[[], list[Json]],
        redirect_uris: Sequence[str],
    ) -> None:
        authority = Rotating(random_text(32).upper(), random_text(48), now, random_text, ("eyJhbGciOiJSUzI1.", ""))
        super().__init__(authority, now, random_text, redirect_uris)
        self.authority.rules = _rules()
        self.connections: dict[str, Connection] = {}
        self._companies = companies
        self._now = now
        self._text = random_text
        self._challenges: dict[str, str] = {}
        self._events: dict[str, str] = {}
        """Grant id -> authentication event."""

    def reset(self) -> None:
        """End all grants, connections and open pages; keys and allowed addresses stay."""
        self.authority.reset()
        self.authority.rules = _rules()
        self._consent.clear()
        self.connections.clear()
        self._challenges.clear()
        self._events.clear()

    def grant(self, tenant_id: str, scope: str = "") -> Json:
        """A token answer without a browser; the organisation is connected with it."""
        grant = self.authority.new_grant(tenant_id, scope or DEFAULT_SCOPE)
        self._connect(grant, [tenant_id])
        return self._token_body(self.authority.issue(grant), Call(op="token"))

    def may_use(self, token: str, tenant_id: str) -> tuple[str, str]:
        """(problem, granted scopes). No problem: ""; else missing, malformed, expired, revoked or forbidden."""
        grant = self.check(token)
        if isinstance(grant, str):
            return grant, ""
        return ("" if tenant_id in self.connections else "forbidden"), grant.scope

    def _connect(self, grant: Grant, tenants: Sequence[str]) -> None:
        now = dt.datetime.fromtimestamp(self._now(), dt.UTC)
        event = self._uuid()
        self._events[grant.id] = event
        for tenant in tenants:
            known = self.connections.get(tenant)
            created = known.created if known else now
            self.connections[tenant] = Connection(known.id if known else self._uuid(), event, tenant, created, now)

    def _uuid(self) -> str:
        return str(uuid.UUID(hex=self._text(32), version=4))

    # --- calls ---

    def classify(self, request: Request) -> Call:
        path = request.path.rstrip("/").lower()
        call = Call(op=_OPS.get((request.method, path), "unknown"))
        if request.method == "DELETE" and _CONNECTION.match(request.path):
            call.op = "delete_connection"
        if request.method == "POST":
            self._note_form(call, form_of(request))
        elif request.bearer:
            call.identity = identity_of(request.bearer)
            call.company_id = self._tenant_of(request.path) or self.authority.company_of(request.bearer)
        return call

    def _tenant_of(self, path: str) -> str:
        """The organisation of the connection that `path` names; "" for none."""
        found = _CONNECTION.match(path)
        wanted = found[1].lower() if found else ""
        return next((one.tenant_id for one in self.connections.values() if one.id == wanted), "")

    def handle(self, request: Request, call: Call) -> Answer:
        """Answer a call that is none of the accounting API's."""
        handlers: dict[str, Callable[[Request, Call], Answer]] = {
            "authorize": self._authorize,
            "consent": self._consented,
            "token": self._token,
            "refresh": self._token,
            "revoke": self._revoke,
            "list_connections": self._list,
            "delete_connection": self._disconnect,
            "discovery": lambda request, _: Answer(200, to_json(_discovery(f"{request.origin}{PREFIX}"))),
            "jwks": lambda *_: Answer(200, b'{"keys":[]}'),
            "userinfo": self._userinfo,
        }
        handler = handlers.get(call.op)
        if handler is not None:
            return handler(request, call)
        if request.path.rstrip("/").lower() in {path for _, path in _OPS}:
            return Answer(405, b"Method Not Allowed", "text/plain")
        return Answer(404, b"<html><body>The resource you're looking for cannot be found</body></html>", "text/html")

    def _authorize(self, request: Request, call: Call) -> Answer:
        asked = dict(request.query)
        redirect, scopes = asked.get("redirect_uri", ""), asked.get("scope", "").split()
        problem = ""
        if asked.get("client_id") != self.authority.client_id:
            problem = "unauthorized_client: Unknown client or client not enabled"
        elif redirect not in self.redirect_uris or not _REDIRECT.match(redirect):
            problem = "invalid_request: Invalid redirect_uri"
        elif asked.get("response_type") != "code":
            problem = "unsupported_response_type"
        elif not scopes or not SCOPES.issuperset(scopes):
            problem = "invalid_scope: Requested scope not allowed"
        elif not asked.get("code_challenge") or asked.get("code_challenge_method") != "S256":
            problem = "invalid_request: code challenge required"
        if problem:
            call.note["refused"] = problem
            return consent.error_page("Xero", 500, "Sorry, something went wrong", f"Error: {problem}")
        extra: Json = {"challenge": asked["code_challenge"]}
        ticket = self._consent.open(redirect, asked.get("state", ""), " ".join(scopes), extra)
        asks = (
            "It will be able to read and change contacts, items, invoices and payments of the organisations that you "
            "choose here, until you disconnect it."
        )
        answer = consent.page("Xero", f"{PREFIX}{AUTHORIZE}", ticket, self._companies(), "BlueClerk", asks)
        if asked.get("acr_values") != "bulk_connect:false":
            answer.body = answer.body.replace(b'type="radio"', b'type="checkbox"')
        return answer

    def _consented(self, request: Request, call: Call) -> Answer:
        pending = self._consent.take(str(call.body.get("ticket", "")))
        if pending is None:
            return consent.used_up("Xero")
        if call.body.get("decision") != "approve":
            return consent.back_to(pending.redirect_uri, {"error": "access_denied", "state": pending.state})
        chosen = parse_qs(request.body.decode("utf-8", "replace")).get("company", [])
        known = {found["id"] for found in self._companies()}
        if not chosen or not known.issuperset(chosen):
            return consent.error_page("Xero", 400, "No such organisation", "Please start again from your program.")
        call.company_id = chosen[0]
        grant = self.authority.new_grant(chosen[0], pending.scope)
        self._connect(grant, chosen)
        code = self.authority.code_for(grant, pending.redirect_uri)
        self._challenges[code] = pending.extra["challenge"]
        call.change("grant", grant.id, "approved")
        return consent.back_to(
            pending.redirect_uri, {"code": code, "scope": pending.scope, "state": pending.state, "session_state": ""}
        )

    def _token(self, request: Request, call: Call) -> Answer:
        form: dict[str, str] = call.body
        client_id = form.get("client_id") or _client_id(request)
        if not hmac.compare_digest(client_id.encode(), self.authority.client_id.encode()):
            return oauth_error(400, "unauthorized_client" if not client_id else "invalid_client")
        try:
            if form.get("grant_type") == "authorization_code":
                issued = self._exchange(form)
            elif form.get("grant_type") == "refresh_token":
                asked = set(form.get("scope", "").split())
                token = form.get("refresh_token", "")
                issued = self.authority.refresh(token, forced_rotation(call))
                if asked - set(issued.grant.scope.split()):
                    raise OAuthRefused("invalid_grant")
            else:
                return oauth_error(400, "unsupported_grant_type")
        except OAuthRefused as refused:
            call.note["refused"] = refused.error
            return oauth_error(400, refused.error)
        self._note_issued(call, issued)
        return Answer(200, to_json(self._token_body(issued, call)))

    def _exchange(self, form: dict[str, str]) -> Issued:
        """The verifier is checked before the code is spent, as the challenge belongs to it."""
        code, verifier = form.get("code", ""), form.get("code_verifier", "")
        wanted = self._challenges.get(code, "")
        made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if not _VERIFIER.match(verifier) or not wanted or not hmac.compare_digest(made.encode(), wanted.encode()):
            raise OAuthRefused("invalid_grant")
        return self.authority.exchange(code, form.get("redirect_uri", ""))

    def _token_body(self, issued: Issued, call: Call) -> Json:
        scopes = issued.grant.scope.split()
        body: Json = {
            "access_token": issued.access,
            "expires_in": issued.access_seconds,
            "token_type": "Bearer",
            "scope": issued.grant.scope,
        }
        if "openid" in scopes:
            body["id_token"] = self._id_token(issued)
        if "offline_access" in scopes:
            body["refresh_token"] = issued.refresh
        return leave_out(body, call)

    def _id_token(self, issued: Issued) -> str:
        now = int(self._now())
        claims = {
            "iss": "https://identity.xero.com",
            "aud": self.authority.client_id,
            "iat": now,
            "exp": now + 300,
            "sub": "sandbox-owner",
            "xero_userid": "9b1cb7e7-7b4b-4a3e-8f0b-1b7c0f2e7a11",
            "email": "owner@example.com",
            "given_name": "Sam",
            "family_name": "Owner",
            "authentication_event_id": self._events.get(issued.grant.id, ""),
        }
        parts = [_packed({"alg": "RS256", "typ": "JWT"}), _packed(claims), self._text(64)]
        return ".".join(parts)

    def _revoke(self, request: Request, call: Call) -> Answer:
        """Ends all connections of this person to the app; 200 without a body, also for a token that is unknown."""
        client_id = call.body.get("client_id") or _client_id(request)
        if client_id != self.authority.client_id:
            return oauth_error(400, "invalid_client")
        grant = self.authority.revoke(str(call.body.get("token", "")))
        if grant is not None:
            self.connections.clear()
            call.change("grant", grant.id, "revoked")
        return Answer(200)

    def _list(self, request: Request, call: Call) -> Answer:
        refused = self._refused(request)
        if refused is not None:
            return refused
        event = request.parameter("authEventId")
        names = {found["id"]: found["name"] for found in self._companies()}
        rows = [
            {
                "id": one.id,
                "authEventId": one.event_id,
                "tenantId": one.tenant_id,
                "tenantType": "ORGANISATION",
                "tenantName": names.get(one.tenant_id, ""),
                "createdDateUtc": _ticks(one.created),
                "updatedDateUtc": _ticks(one.updated),
            }
            for one in self.connections.values()
            if not event or one.event_id == event
        ]
        return Answer(200, to_json(rows), "application/json; charset=utf-8")

    def _disconnect(self, request: Request, call: Call) -> Answer:
        refused = self._refused(request)
        if refused is not None:
            return refused
        tenant = self._tenant_of(request.path)
        if not tenant:
            return Answer(404, b"", "text/html")
        call.change("connection", self.connections.pop(tenant).id, "deleted")
        return Answer(204)

    def _refused(self, request: Request) -> Answer | None:
        problem, _ = self.may_use(request.bearer, "")
        if problem in ("", "forbidden"):
            return None
        body = {"Type": None, "Title": "Unauthorized", "Status": 401, "Detail": "AuthenticationUnsuccessful"}
        return Answer(401, to_json(body))

    def _userinfo(self, request: Request, call: Call) -> Answer:
        return self._refused(request) or Answer(200, to_json({"sub": "sandbox-owner", "email": "owner@example.com"}))


def _rules() -> OAuthRules:
    return OAuthRules(
        rotation="always",
        access_seconds=1800,
        refresh_seconds=60 * DAY,
        hard_seconds=20 * 365 * DAY,
        refresh_grace_s=1800,
        code_reuse_revokes=False,
    )


def _discovery(base: str) -> Json:
    return {
        "issuer": "https://identity.xero.com",
        "authorization_endpoint": f"{base}{AUTHORIZE}",
        "token_endpoint": f"{base}/connect/token",
        "userinfo_endpoint": f"{base}/connect/userinfo",
        "revocation_endpoint": f"{base}/connect/revocation",
        "jwks_uri": f"{base}/.well-known/openid-configuration/jwks",
        "response_types_supported": ["code"],
        "scopes_supported": sorted(SCOPES),
        "code_challenge_methods_supported": ["S256"],
    }


def _ticks(moment: dt.datetime) -> str:
    """Seven digits behind the point, no offset, UTC."""
    return f"{moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}0"


def _packed(value: Json) -> str:
    return base64.urlsafe_b64encode(to_json(value)).decode().rstrip("=")


def _client_id(request: Request) -> str:
    """Confidential clients name themselves in a Basic header; their secret is not looked at (contract 1.3)."""
    return basic(request)[0]
