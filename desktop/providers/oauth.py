"""The OAuth calls that all four services share: trade a code, renew, revoke; on the one HTTP path.

How each failure is to be understood stands in `base.SignIn`; the token answer is read as carefully as any
other, because a grant that is stored wrongly locks the owner out.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from desktop.clock import Clock
from desktop.errors import (
    AppKeysWrong,
    ConnectionProblem,
    NeedsSignIn,
    RateLimited,
    ServiceDown,
    SignInRefused,
)
from desktop.providers.answers import Answer
from desktop.providers.base import AppKeys, Endpoints, RefreshInDoubt
from desktop.providers.http import Client, Failed, Transport, check_base, is_loopback, json_request
from desktop.providers.limits import Failure, http_date, retry_after
from desktop.providers.records import TokenGrant
from desktop.text import tr

TOKEN_DEADLINE = 30.0
"""Seconds for one token call; a refresh has 35 s in all, its lease included."""
REVOKE_DEADLINE = 8.0
"""Seconds; disconnecting never waits long for a service that is away."""
SHORT_LIFE = 600
"""Seconds that an access token is believed in when the answer doesn't say (A9)."""
LONGEST_LIFE = 20 * 365 * 86400
DEMANDED_WAIT = 60.0


class OAuthSignIn:
    """What is the same for all services' sign-ins, over their `_calls`; a service that differs says so itself."""

    _calls: OAuthCalls

    @property
    def asked_to_wait(self) -> datetime | None:
        """Until when the service's API asked to be left alone, when something was told to it here (I14)."""
        return self._calls.asked_to_wait

    async def close(self) -> None:
        """Ends the kept-alive connections."""
        await self._calls.close()

    async def revoke(self, token: str) -> bool:
        """Ends the whole grant by either of its tokens. Never raises."""
        return await self._calls.revoke(token)

    async def leave(self, grant: TokenGrant, company_id: str) -> bool:
        """Ends the whole grant: one company of it can't be left alone. Never raises."""
        return await self.revoke(grant.refresh_token)

    def ask_for_less(self) -> bool:
        """Nothing could be left out."""
        return False


class OAuthCalls:
    """The token endpoint of one service. Basic authorisation; no secret is ever in an address.

    `public` is for apps without a secret (PKCE): the client id goes along as a form field, and nothing else.
    `secret_in_body` is for services that take the app's keys as form fields and nowhere else. `ended` are the
    error words of a refresh that only a new sign-in mends.
    """

    def __init__(
        self,
        service: str,
        endpoints: Endpoints,
        keys: AppKeys,
        clock: Clock,
        client: Client | None = None,
        *,
        secret_in_body: bool = False,
        public: bool = False,
        ended: frozenset[str] = frozenset({"invalid_grant"}),
    ) -> None:
        for address in (endpoints.api, endpoints.token, endpoints.revoke, endpoints.authorize):
            check_base(address)
        self._service = service
        self._endpoints = endpoints
        self._keys = keys
        self._clock = clock
        self._secret_in_body = secret_in_body
        self._public = public
        self._ended = ended
        self.asked_to_wait: datetime | None = None
        loopback = is_loopback(urlsplit(endpoints.token).hostname or "")
        self._transport = Transport(service, clock, loopback=loopback, client=client)

    async def close(self) -> None:
        """Ends the kept-alive connections."""
        await self._transport.close()

    def authorize_url(self, parameters: Mapping[str, str]) -> str:
        """The consent page with `parameters` after the client id."""
        query = {"client_id": self._keys.client_id, "response_type": "code", **parameters}
        return f"{self._endpoints.authorize}?{urlencode(query, quote_via=quote)}"

    async def exchange(self, form: Mapping[str, str]) -> TokenGrant:
        """Trades a code; never repeated, since a second use may void the tokens of the first."""
        asked_at = self._clock.now()
        try:
            answer = await self._call(form)
        except Failed as failed:
            if failed.failure in (Failure.LOST, Failure.SERVER_ERROR):
                raise self._start_again(failed.problem.details) from None
            raise failed.problem from None
        error, said = _error(answer)
        if error == "invalid_grant":
            raise self._start_again(said)
        self._refuse(answer, error, said)
        try:
            return grant_from(answer.json, asked_at)
        except ValueError as problem:
            raise self._start_again(str(problem)) from None

    async def refresh(self, refresh_token: str, more: Mapping[str, str] | None = None) -> TokenGrant:
        """New tokens; see `base.SignIn.refresh` for what is raised when. `more` are form fields besides."""
        asked_at = self._clock.now()
        try:
            answer = await self._call({"grant_type": "refresh_token", "refresh_token": refresh_token, **(more or {})})
        except Failed as failed:
            unsure = failed.failure is Failure.LOST or (failed.failure is Failure.INTERCEPTED and failed.sent)
            raise (self._in_doubt(failed.problem.details) if unsure else failed.problem) from None
        error, said = _error(answer)
        if error in self._ended:
            raise NeedsSignIn(self._service, service_ref=answer.service_ref, details=said)
        self._refuse(answer, error, said)
        try:
            return grant_from(answer.json, asked_at, keep_refresh=refresh_token)
        except ValueError as problem:
            raise self._in_doubt(str(problem)) from None

    async def revoke(self, token: str) -> bool:
        """Whether the service confirmed the end of the grant; 400 means that it had ended before."""
        body = {"token": token}
        request = json_request(
            "POST",
            self._endpoints.revoke,
            headers=self._authorisation(),
            form={**self._keys_in_body(), **body} if self._secret_in_body or self._public else None,
            json_body=body,
            empty_ok=True,
        )
        try:
            answer = await self._transport.attempt(request, deadline=REVOKE_DEADLINE)
        except Failed:
            return False
        return answer.ok or answer.status == 400

    async def call_api(self, method: str, path: str, access_token: str) -> Answer:
        """One call beside the books, outside any connection. Raises ConnectionProblem."""
        request = json_request(
            method,
            f"{self._endpoints.api}{path}",
            headers={"Authorization": f"Bearer {access_token}"},
            empty_ok=True,
        )
        try:
            answer = await self._transport.attempt(request, deadline=REVOKE_DEADLINE)
        except Failed as failed:
            if failed.answer is not None and "retry-after" in failed.answer.headers:
                self.asked_to_wait = self._until(failed.answer)
            raise failed.problem from None
        if answer.status == 429:
            self.asked_to_wait = self._until(answer)
        return answer

    def _until(self, answer: Answer) -> datetime:
        """When the wait is over that the answer demands."""
        server_now = http_date(answer.headers.get("date", "")) or self._clock.now()
        wait = retry_after(answer.headers.get("retry-after", ""), now=server_now)
        return self._clock.now() + timedelta(seconds=DEMANDED_WAIT if wait is None else wait)

    async def _call(self, form: Mapping[str, str]) -> Answer:
        fields = {**self._keys_in_body(), **form}
        request = json_request("POST", self._endpoints.token, headers=self._authorisation(), form=fields)
        return await self._transport.attempt(request, deadline=TOKEN_DEADLINE)

    def _keys_in_body(self) -> dict[str, str]:
        if self._public:
            return {"client_id": self._keys.client_id}
        if not self._secret_in_body:
            return {}
        return {"client_id": self._keys.client_id, "client_secret": self._keys.client_secret}

    def _authorisation(self) -> dict[str, str]:
        if self._secret_in_body or self._public:
            return {}
        pair = f"{self._keys.client_id}:{self._keys.client_secret}".encode()
        return {"Authorization": f"Basic {b64encode(pair).decode('ascii')}"}

    def _refuse(self, answer: Answer, error: str, said: str) -> None:
        if answer.ok and not error:
            return
        if answer.status == 429:
            raise RateLimited(self._service, self._until(answer), service_ref=answer.service_ref)
        if error in ("invalid_client", "unauthorized_client") or answer.status == 401:
            raise AppKeysWrong(self._service, details=said)
        if error == "invalid_scope":
            raise SignInRefused(
                tr("{service} does not give this app the rights it needs.", service=self._service),
                tr("Check what the app may do in its settings there."),
                details=said,
            )
        raise ServiceDown(self._service, service_ref=answer.service_ref, details=said or f"HTTP {answer.status}")

    def _start_again(self, details: str) -> ConnectionProblem:
        return SignInRefused(
            tr("The sign-in to {service} ran out of time or was used already.", service=self._service),
            tr("Start it again."),
            details=details,
        )

    def _in_doubt(self, details: str) -> ConnectionProblem:
        return RefreshInDoubt(
            tr("{service} did not finish answering.", service=self._service),
            tr("The sign-in is tried once more by itself."),
            details=details,
        )


def _error(answer: Answer) -> tuple[str, str]:
    """The error word and its description; both "" for a good answer."""
    body = answer.json if isinstance(answer.json, dict) else {}
    error, said = body.get("error"), body.get("error_description")
    word = error if isinstance(error, str) else ""
    return word, " ".join(part for part in (word, said) if isinstance(part, str) and part)[:500]


def grant_from(body: Any, asked_at: datetime, keep_refresh: str = "") -> TokenGrant:
    """The grant of a token answer; lifetimes count from `asked_at` (UTC), so they end early rather than late.

    Raises ValueError for anything that can't be stored and used: no token, or one that fits in no header.
    """
    if not isinstance(body, dict):
        raise ValueError("the token answer is no object")
    access = _token(body.get("access_token"))
    refresh = _token(body.get("refresh_token") or keep_refresh)
    if str(body.get("token_type", "bearer")).lower() != "bearer":
        raise ValueError("the token is not a bearer token")
    lives = [_seconds(body.get(name)) for name in ("x_refresh_token_expires_in", "x_refresh_token_hard_expires_in")]
    known = [life for life in lives if life is not None]
    scope = body.get("scope")
    life = _seconds(body.get("expires_in"))
    return TokenGrant(
        access_token=access,
        refresh_token=refresh,
        expires_at=asked_at + timedelta(seconds=SHORT_LIFE if life is None else life),
        refresh_expires_at=asked_at + timedelta(seconds=min(known)) if known else None,
        scope=scope if isinstance(scope, str) else "",
    )


def _token(value: Any) -> str:
    if not isinstance(value, str) or not value or not all("!" <= sign <= "~" for sign in value):
        raise ValueError("the token answer holds no usable token")
    return value


def _seconds(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return min(value, LONGEST_LIFE)
