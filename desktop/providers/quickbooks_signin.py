"""Signing in to QuickBooks (providers' contract: QuickBooks, section 1)."""

from __future__ import annotations

from desktop.clock import Clock
from desktop.providers.base import AppKeys, Endpoints
from desktop.providers.http import Client
from desktop.providers.oauth import OAuthCalls, OAuthSignIn
from desktop.providers.quickbooks_faults import SERVICE
from desktop.providers.records import ProviderKey, TokenGrant

SCOPE = "com.intuit.quickbooks.accounting"
"""All or nothing: no read-only variant exists."""

LIVE = Endpoints(
    api="https://quickbooks.api.intuit.com",
    authorize="https://appcenter.intuit.com/connect/oauth2",
    token="https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
    revoke="https://developer.api.intuit.com/v2/oauth2/tokens/revoke",
    discovery="https://developer.intuit.com/.well-known/openid_configuration",
)
DEVELOPMENT = Endpoints(
    api="https://sandbox-quickbooks.api.intuit.com",
    authorize=LIVE.authorize,
    token=LIVE.token,
    revoke=LIVE.revoke,
    discovery="https://developer.intuit.com/.well-known/openid_sandbox_configuration",
)
"""Intuit's own test companies, reached with development keys only."""


class QuickBooksSignIn(OAuthSignIn):
    """No PKCE: neither Intuit's parameter table nor its own clients know it, so `state` guards alone."""

    key = ProviderKey.QUICKBOOKS
    uses_pkce = False
    rotating_refresh = True
    redirect_uri = ""

    def __init__(self, endpoints: Endpoints, keys: AppKeys, *, clock: Clock, client: Client | None = None) -> None:
        self._calls = OAuthCalls(SERVICE, endpoints, keys, clock, client)

    def authorize_url(self, *, state: str, redirect_uri: str, challenge: str = "") -> str:
        """The consent page, where the owner also picks the company."""
        return self._calls.authorize_url({"scope": SCOPE, "redirect_uri": redirect_uri, "state": state})

    async def exchange(self, code: str, *, redirect_uri: str, verifier: str = "") -> TokenGrant:
        """Trades the code for tokens, once. Raises AppKeysWrong, SignInRefused or another ConnectionProblem."""
        return await self._calls.exchange(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        )

    async def refresh(self, refresh_token: str) -> TokenGrant:
        """New tokens: the value changes about once a day, so always store what is returned. Raises as `SignIn`."""
        return await self._calls.refresh(refresh_token)

    def company_in(self, query: dict[str, str]) -> str | None:
        """The realm id: it comes with the redirect only, never in the token answer."""
        realm = query.get("realmId", "")
        return realm if realm.isascii() and realm.isalnum() else None
