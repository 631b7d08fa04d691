"""Signing in to FreshBooks, and which businesses a sign-in reaches (providers' contract: FreshBooks, 2 and 3)."""

from __future__ import annotations

from typing import Any

from desktop.clock import Clock
from desktop.errors import AccessRefused, AnswerUnreadable, ConnectionProblem, SubscriptionLapsed
from desktop.providers.answers import Answer
from desktop.providers.base import AppKeys, Endpoints
from desktop.providers.faults import ANY
from desktop.providers.freshbooks_faults import SERVICE, FreshBooksJudge, faults_in, verdict
from desktop.providers.http import Client, ServiceHttp
from desktop.providers.oauth import OAuthCalls, OAuthSignIn
from desktop.providers.records import CompanyRef, ProviderKey, TokenGrant
from desktop.text import tr

SCOPES = (
    "user:profile:read user:clients:read user:clients:write user:billable_items:read user:billable_items:write "
    "user:invoices:read user:invoices:write user:payments:read user:payments:write user:taxes:read"
)
"""What is used, and nothing more: the chart of accounts is not read, because nothing is booked by it."""

LIVE = Endpoints(
    api="https://api.freshbooks.com",
    authorize="https://auth.freshbooks.com/oauth/authorize",
    token="https://api.freshbooks.com/auth/oauth/token",
    revoke="https://api.freshbooks.com/auth/oauth/revoke",
)
"""Redirects must be https and registered, without a query string: the bounce page (design 2.7)."""


class FreshBooksSignIn(OAuthSignIn):
    """No PKCE is documented; `state` guards alone. A refresh token works once, so there is never a second try.

    `redirect_uri` goes along with a refresh, as both official clients do; it is known once a code was traded.
    """

    key = ProviderKey.FRESHBOOKS
    uses_pkce = False
    rotating_refresh = True

    def __init__(
        self,
        endpoints: Endpoints,
        keys: AppKeys,
        *,
        clock: Clock,
        client: Client | None = None,
        redirect_uri: str = "",
    ) -> None:
        ended = frozenset({"invalid_grant", "invalid_token"})
        self._calls = OAuthCalls(SERVICE, endpoints, keys, clock, client, secret_in_body=True, ended=ended)
        self.redirect_uri = redirect_uri

    def authorize_url(self, *, state: str, redirect_uri: str, challenge: str = "") -> str:
        """The consent page. The business is chosen afterwards: a grant reaches all of them."""
        return self._calls.authorize_url({"scope": SCOPES, "redirect_uri": redirect_uri, "state": state})

    async def exchange(self, code: str, *, redirect_uri: str, verifier: str = "") -> TokenGrant:
        """Trades the code for tokens, once. Raises AppKeysWrong, SignInRefused or another ConnectionProblem."""
        self.redirect_uri = redirect_uri
        return await self._calls.exchange(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        )

    async def refresh(self, refresh_token: str) -> TokenGrant:
        """A new pair; the old refresh token is dead from then on. Raises as `SignIn`."""
        more = {"redirect_uri": self.redirect_uri} if self.redirect_uri else None
        return await self._calls.refresh(refresh_token, more)

    def company_in(self, query: dict[str, str]) -> str | None:
        """Never: the redirect names no business."""
        return None


async def companies(http: ServiceHttp) -> list[CompanyRef]:
    """The businesses that a grant reaches and that keep books (contract 3). Raises ConnectionProblem."""
    return [
        CompanyRef(_text(found, "account_id"), _text(found, "name"), _unusable(status))
        for found, status in await _memberships(http)
    ]


def _unusable(status: str) -> str:
    if status in ("", "active"):
        return ""
    return tr("This {service} account is not active ({status}).", service=SERVICE, status=status[:40])


async def business(http: ServiceHttp, account_id: str) -> dict[str, Any]:
    """The business of this account id.

    Raises AccessRefused if the person no longer belongs to it (W3), SubscriptionLapsed if it is not active.
    """
    for found, status in await _memberships(http):
        if _text(found, "account_id") == account_id:
            if status not in ("", "active"):
                raise SubscriptionLapsed(SERVICE, details=f"subscription status: {status[:50]}")
            return found
    raise AccessRefused(SERVICE, details="users/me does not list this business")


async def _memberships(http: ServiceHttp) -> list[tuple[dict[str, Any], str]]:
    if http.judge is None:
        http.judge = FreshBooksJudge()
    answer = await http.read("GET", "/auth/api/v1/users/me")
    faults = faults_in(answer.json)
    if faults or not answer.ok:
        found = verdict(faults, answer.status, ANY)
        raise found if isinstance(found, ConnectionProblem) else _unreadable(answer, f"HTTP {answer.status}")
    person = answer.json.get("response") if isinstance(answer.json, dict) else None
    memberships = person.get("business_memberships") if isinstance(person, dict) else None
    if not isinstance(person, dict) or not isinstance(memberships, list):
        raise _unreadable(answer, "no business_memberships")
    statuses = person.get("subscription_statuses")
    states = statuses if isinstance(statuses, dict) else {}
    found_ones = [one.get("business") for one in memberships if isinstance(one, dict)]
    usable = [one for one in found_ones if isinstance(one, dict) and _text(one, "account_id")]
    return [(one, str(states.get(_text(one, "account_id"), ""))) for one in usable]


def _unreadable(answer: Answer, details: str) -> AnswerUnreadable:
    return AnswerUnreadable(SERVICE, service_ref=answer.service_ref, details=details)


def _text(payload: dict[str, Any], name: str) -> str:
    value = payload.get(name)
    return value if isinstance(value, str) else ""
