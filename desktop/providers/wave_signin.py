"""Signing in to Wave (providers' contract: Wave, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from desktop.clock import Clock
from desktop.errors import NeedsSignIn
from desktop.providers.answers import Answer
from desktop.providers.base import AppKeys, Endpoints
from desktop.providers.http import Client
from desktop.providers.oauth import OAuthCalls, OAuthSignIn
from desktop.providers.records import ProviderKey, TokenGrant
from desktop.providers.wave_faults import SERVICE, PlanNeeded

SCOPE = (
    "user:read business:read account:read customer:read customer:write product:read product:write"
    " invoice:read invoice:write invoice:send sales_tax:read offline_access"
)
"""Write does not imply read. Wave's own list has no `offline_access`, two articles say that it is needed."""
NO_REFRESH = "none"
"""Stands for the refresh token that Wave didn't give: the owner signs in again when the access token ends."""

LIVE = Endpoints(
    api="https://gql.waveapps.com",
    authorize="https://api.waveapps.com/oauth2/authorize/",
    token="https://api.waveapps.com/oauth2/token/",
    revoke="https://api.waveapps.com/oauth2/token-revoke/",
)
"""The trailing slashes belong to the addresses."""


class _Calls(OAuthCalls):
    """Wave's token calls: a 403 says that the plan has ended."""

    async def _call(self, form: Mapping[str, str]) -> Answer:
        answer = await super()._call(form)
        body = answer.json
        if answer.status == 403:
            raise PlanNeeded(service_ref=answer.service_ref, details=str(body)[:500])
        fresh = form.get("grant_type") == "authorization_code"
        if fresh and isinstance(body, dict) and body.get("access_token") and not body.get("refresh_token"):
            return replace(answer, json={**body, "refresh_token": NO_REFRESH})
        return answer


class WaveSignIn(OAuthSignIn):
    """The owner picks the business on Wave's page; only those with Wave Pro or an Advisor plan are offered.

    `scope` is a setting, because it is not settled whether `offline_access` is known there. `redirect_uri` goes along
    with a refresh, as other programs do; it is known once a code was traded.
    """

    key = ProviderKey.WAVE
    uses_pkce = True
    rotating_refresh = True

    def __init__(
        self,
        endpoints: Endpoints,
        keys: AppKeys,
        *,
        clock: Clock,
        client: Client | None = None,
        scope: str = SCOPE,
        redirect_uri: str = "",
    ) -> None:
        self._calls = _Calls(SERVICE, endpoints, keys, clock, client, secret_in_body=True)
        self._scope = scope
        self.redirect_uri = redirect_uri

    def authorize_url(self, *, state: str, redirect_uri: str, challenge: str = "") -> str:
        """The consent page; PKCE is sent, though Wave is not known to ask for it."""
        parameters = {"scope": self._scope, "redirect_uri": redirect_uri, "state": state}
        if challenge:
            parameters |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        return self._calls.authorize_url(parameters)

    async def exchange(self, code: str, *, redirect_uri: str, verifier: str = "") -> TokenGrant:
        """Trades the code, at once: it may live for a minute only.

        Raises PlanNeeded, AppKeysWrong, SignInRefused or another ConnectionProblem.
        """
        self.redirect_uri = redirect_uri
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return await self._calls.exchange(form | ({"code_verifier": verifier} if verifier else {}))

    async def refresh(self, refresh_token: str) -> TokenGrant:
        """New tokens; both change at each refresh, and the old access token is dead at once.

        Raises PlanNeeded when the subscription has lapsed (HTTP 403), else as `SignIn`.
        """
        if refresh_token == NO_REFRESH:
            raise NeedsSignIn(SERVICE, details="Wave gave no refresh token")
        return await self._calls.refresh(
            refresh_token, {"redirect_uri": self.redirect_uri} if self.redirect_uri else None
        )

    def ask_for_less(self) -> bool:
        """Without `offline_access`: one list of Wave's scopes has it, the other has not (contract 2)."""
        wanted = " ".join(scope for scope in self._scope.split() if scope != "offline_access")
        less, self._scope = wanted != self._scope, wanted
        return less

    def company_in(self, query: dict[str, str]) -> str | None:
        """Wave names no business in the redirect; the token's businesses are listed instead."""
        return None
