"""An OAuth 2.0 authority for one imitated service: codes, access tokens, rotating refresh tokens, families.

A *grant* is one consent of one person for one company (RFC 6749); all its tokens form a family.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from desktop.sandbox.service import Json

DAY = 86_400


@dataclass(slots=True)
class OAuthRules:
    """How this service treats its tokens; times in seconds of the sandbox's clock.

    `rotation`: `daily` (a new refresh token on the first refresh 24 h after its issue), `always` or `never`.
    `refresh_grace_s`: how long a replaced refresh token still works.
    """

    rotation: str = "daily"
    reuse_kills_family: bool = False
    access_seconds: int = 3600
    refresh_seconds: int = 8_726_400
    hard_seconds: int = 157_680_000
    code_seconds: int = 300
    refresh_grace_s: int = 0
    code_reuse_revokes: bool = True


@dataclass(slots=True)
class Grant:
    """`refresh` is the value that counts now; `replaced` maps earlier ones to the time of their replacement."""

    id: str
    company_id: str
    scope: str
    hard_expires: float
    refresh: str = ""
    refresh_issued: float = 0.0
    refresh_expires: float = 0.0
    replaced: dict[str, float] = field(default_factory=dict)
    access: dict[str, float] = field(default_factory=dict)
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    grant: Grant
    redirect_uri: str
    expires: float


@dataclass(frozen=True, slots=True)
class Issued:
    """A token answer before the service dresses it in its own field names."""

    grant: Grant
    access: str
    refresh: str
    rotated: bool
    access_seconds: int
    refresh_seconds: int
    hard_seconds: int


class OAuthRefused(Exception):
    """`error` is the RFC 6749 word, e.g. `invalid_grant`."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.description = description


class Authority:
    """Grants and tokens of one service. `random_text(n)` gives n unguessable hex characters."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        now: Callable[[], float],
        random_text: Callable[[int], str],
        token_prefixes: tuple[str, str] = ("", ""),
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.rules = OAuthRules()
        self._now = now
        self._random = random_text
        self._prefixes = token_prefixes
        self._codes: dict[str, Code] = {}
        self._used_codes: dict[str, Grant] = {}
        self._by_access: dict[str, Grant] = {}
        self._by_refresh: dict[str, Grant] = {}
        self._dead_access: set[str] = set()
        self._made = 0

    def reset(self) -> None:
        """End all grants; client keys stay for the life of the process."""
        self.rules = OAuthRules()
        for store in (self._codes, self._used_codes, self._by_access, self._by_refresh):
            store.clear()
        self._dead_access.clear()

    def is_client(self, client_id: str, client_secret: str) -> bool:
        same_id = hmac.compare_digest(client_id.encode(), self.client_id.encode())
        return hmac.compare_digest(client_secret.encode(), self.client_secret.encode()) and same_id

    def new_grant(self, company_id: str, scope: str) -> Grant:
        self._made += 1
        return Grant(f"g{self._made}", company_id, scope, self._now() + self.rules.hard_seconds)

    def code_for(self, grant: Grant, redirect_uri: str) -> str:
        code = self._prefixes[1] + self._random(40)
        self._codes[code] = Code(grant, redirect_uri, self._now() + self.rules.code_seconds)
        return code

    def exchange(self, code: str, redirect_uri: str) -> Issued:
        """Tokens for a code, once. Raises `OAuthRefused`; a second use may end the first one's grant."""
        if code in self._used_codes:
            if self.rules.code_reuse_revokes:
                self.end(self._used_codes[code])
            raise OAuthRefused("invalid_grant", "Invalid authorization code")
        known = self._codes.pop(code, None)
        if known is None or known.expires < self._now():
            raise OAuthRefused("invalid_grant", "Invalid authorization code")
        self._used_codes[code] = known.grant
        if known.redirect_uri != redirect_uri:
            raise OAuthRefused("invalid_grant", "Invalid redirect uri")
        return self.issue(known.grant)

    def issue(self, grant: Grant, rotate: bool = True) -> Issued:
        """A new access token; also a new refresh token if `rotate` or if there is none yet."""
        now, rules = self._now(), self.rules
        access = self._prefixes[0] + self._random(320)
        grant.access[access] = now + rules.access_seconds
        self._by_access[access] = grant
        rotate = rotate or not grant.refresh
        if rotate:
            if grant.refresh:
                grant.replaced[grant.refresh] = now
            grant.refresh = self._prefixes[1] + self._random(40)
            grant.refresh_issued = now
            self._by_refresh[grant.refresh] = grant
        grant.refresh_expires = min(now + rules.refresh_seconds, grant.hard_expires)
        return Issued(
            grant,
            access,
            grant.refresh,
            rotate,
            rules.access_seconds,
            int(grant.refresh_expires - now),
            int(grant.hard_expires - now),
        )

    def refresh(self, token: str, rotate: bool | None = None) -> Issued:
        """New tokens for a refresh token. `rotate` overrides the rule. Raises `OAuthRefused`."""
        grant, now = self._by_refresh.get(token), self._now()
        if grant is None or grant.revoked:
            raise OAuthRefused("invalid_grant", "Incorrect or invalid refresh token")
        if token != grant.refresh:
            if now - grant.replaced.get(token, 0.0) > self.rules.refresh_grace_s or not self.rules.refresh_grace_s:
                if self.rules.reuse_kills_family:
                    self.end(grant)
                raise OAuthRefused("invalid_grant", "Incorrect or invalid refresh token")
            return self.issue(grant, rotate=False)
        if grant.refresh_expires <= now:
            raise OAuthRefused("invalid_grant", "Token expired")
        if rotate is None:
            aged = now - grant.refresh_issued >= DAY
            rotate = self.rules.rotation == "always" or (self.rules.rotation == "daily" and aged)
        return self.issue(grant, rotate)

    def revoke(self, token: str) -> Grant | None:
        """End the family of an access or refresh token; None if it is already dead or unknown."""
        grant = self._by_refresh.get(token) or self._by_access.get(token)
        if grant is None or grant.revoked:
            return None
        self.end(grant)
        return grant

    def end(self, grant: Grant) -> None:
        grant.revoked = True

    def expire_access(self, token: str) -> None:
        self._dead_access.add(token)

    def check_access(self, token: str) -> Grant | str:
        """The grant of a live access token, else why it is refused: `malformed`, `expired` or `revoked`."""
        grant = self._by_access.get(token)
        if grant is None:
            return "malformed"
        if grant.revoked:
            return "revoked"
        if token in self._dead_access or grant.access[token] <= self._now():
            return "expired"
        return grant

    def company_of(self, token: str) -> str:
        grant = self._by_access.get(token) or self._by_refresh.get(token)
        return grant.company_id if grant else ""


def take_rules(rules: Any, changes: dict[str, Any], *, blank_clears: bool = False) -> Json:
    """Set the fields of `rules`, a dataclass with slots, that `changes` names, and take them out; returns them all.

    With `blank_clears` nothing, "" and 0 put a field back to the empty value of its kind.
    """
    names: tuple[str, ...] = type(rules).__slots__
    for name in names:
        if name in changes:
            kind, value = type(getattr(rules, name)), changes.pop(name)
            setattr(rules, name, kind(value or kind()) if blank_clears else kind(value))
    return {name: getattr(rules, name) for name in names}
