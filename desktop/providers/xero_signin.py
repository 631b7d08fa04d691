"""Signing in to Xero with PKCE, and which organisations a sign-in reaches (providers' contract: Xero, section 1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import quote

from desktop.clock import Clock
from desktop.errors import AnswerUnreadable, ConnectionProblem, ServiceDown, SignInRefused
from desktop.providers.base import AppKeys, Endpoints
from desktop.providers.http import Client, ServiceHttp
from desktop.providers.oauth import OAuthCalls, OAuthSignIn
from desktop.providers.records import CompanyRef, ProviderKey, TokenGrant
from desktop.providers.xero_faults import SERVICE
from desktop.text import tr

SCOPE = (
    "openid profile email offline_access accounting.invoices accounting.payments accounting.contacts "
    "accounting.settings.read"
)
"""The granular scopes that apps made since March 2026 get; items are written under `accounting.invoices`."""

LIVE = Endpoints(
    api="https://api.xero.com",
    authorize="https://login.xero.com/identity/connect/authorize",
    token="https://identity.xero.com/connect/token",
    revoke="https://identity.xero.com/connect/revocation",
    discovery="https://identity.xero.com/.well-known/openid-configuration",
)


SOON = timedelta(seconds=10)
"""An access token with less left than this is renewed before it is used once more."""


class XeroSignIn(OAuthSignIn):
    """A public client: no secret exists, the verifier proves who asks. Xero has no test environment of its own."""

    key = ProviderKey.XERO
    uses_pkce = True
    rotating_refresh = True
    redirect_uri = ""

    def __init__(self, endpoints: Endpoints, keys: AppKeys, *, clock: Clock, client: Client | None = None) -> None:
        self._clock = clock
        self._calls = OAuthCalls(SERVICE, endpoints, keys, clock, client, public=True)

    def authorize_url(self, *, state: str, redirect_uri: str, challenge: str = "") -> str:
        """The consent page, where the owner also picks the organisation."""
        return self._calls.authorize_url(
            {
                "scope": SCOPE,
                "redirect_uri": redirect_uri,
                "state": state,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
                "acr_values": "bulk_connect:false",  # exactly one organisation can be picked
            }
        )

    async def exchange(self, code: str, *, redirect_uri: str, verifier: str = "") -> TokenGrant:
        """Trades the code for tokens, once. Raises AppKeysWrong, SignInRefused or another ConnectionProblem."""
        return await self._calls.exchange(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": verifier,
            }
        )

    async def refresh(self, refresh_token: str) -> TokenGrant:
        """A new pair: the old refresh token works for 30 minutes more only. Raises as `SignIn`."""
        return await self._calls.refresh(refresh_token)

    async def revoke(self, token: str) -> bool:
        """Ends all of the person's connections to the app by the refresh token. Never raises."""
        return await self._calls.revoke(token)

    async def leave(self, grant: TokenGrant, company_id: str) -> bool:
        """Removes this organisation only, as Xero demands of apps; the grant too if it reaches no other (contract 1.7).

        Never raises. Where the organisation can't be removed, the whole grant is ended, so that no access stays.
        """
        try:
            if grant.expires_at <= self._clock.now() + SOON:
                grant = await self.refresh(grant.refresh_token)
            removed, others = await self._remove(grant.access_token, company_id)
        except ConnectionProblem:
            removed, others = False, 0
        if removed and others:
            return True
        return await self.revoke(grant.refresh_token) or removed

    async def _remove(self, access_token: str, company_id: str) -> tuple[bool, int]:
        """(whether the organisation is gone from the app's connections, how many others there are).

        Raises ConnectionProblem, also if the list can't be read.
        """
        answer = await self._calls.call_api("GET", "/connections", access_token)
        rows = answer.json if answer.ok and isinstance(answer.json, list) else None
        if rows is None:
            raise AnswerUnreadable(SERVICE, service_ref=answer.service_ref, details="the connections are no list")
        known = {row.get("tenantId"): row.get("id") for row in rows if isinstance(row, dict)}
        connection_id, others = known.pop(company_id, None), len(known)
        if not isinstance(connection_id, str):
            return True, others  # the owner has removed it there already
        gone = await self._calls.call_api("DELETE", f"/connections/{quote(connection_id, safe='')}", access_token)
        return gone.ok or gone.status == 404, others

    def company_in(self, query: dict[str, str]) -> str | None:
        """Nothing: Xero tells the organisations only when asked (`organisations`)."""
        return None


async def organisations(http: ServiceHttp) -> Sequence[CompanyRef]:
    """The organisations that the token reaches, by tenant id, the newest connection first. Raises ConnectionProblem."""
    answer = await http.read("GET", "/connections")
    if not answer.ok:
        raise ServiceDown(SERVICE, service_ref=answer.service_ref, details=f"HTTP {answer.status}")
    rows = answer.json
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AnswerUnreadable(SERVICE, service_ref=answer.service_ref, details="the connections are no list")
    kept = [row for row in rows if row.get("tenantType") == "ORGANISATION" and isinstance(row.get("tenantId"), str)]
    kept.sort(key=lambda row: str(row.get("updatedDateUtc", "")), reverse=True)
    return [CompanyRef(row["tenantId"], str(row.get("tenantName") or "")) for row in kept]


async def only_organisation(http: ServiceHttp) -> CompanyRef:
    """The one organisation that was connected. Raises SignInRefused for none and for several (W3)."""
    found = await organisations(http)
    if len(found) == 1:
        return found[0]
    if not found:
        title = tr("No organisation was connected in {service}.", service=SERVICE)
    else:
        names = ", ".join(one.name for one in found)
        title = tr("Several organisations are connected in {service}: {names}.", service=SERVICE, names=names)
    raise SignInRefused(title, tr("Sign in again and allow exactly one organisation there."))
