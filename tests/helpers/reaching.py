"""The real request path to a service of the sandbox: signed in, tokens renewed, both sides' clocks moving together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from desktop.clock import Clock, ManualClock, SeededEntropy
from desktop.providers.base import AccessToken, AppKeys, Endpoints, SignIn
from desktop.providers.http import ServiceHttp
from desktop.providers.records import ProviderKey
from desktop.providers.registry import SERVICES
from tests.helpers.control import Control


class Renewing:
    """Tokens as the sandbox grants and renews them; none but what the service itself gives."""

    def __init__(self, sign_in: SignIn, grant: dict[str, Any]) -> None:
        self.sign_in = sign_in
        self.access, self.refresh, self.version = grant["access_token"], grant["refresh_token"], 1

    async def __call__(self, refused: AccessToken | None = None) -> AccessToken:
        if refused is not None and refused.value == self.access:
            grant = await self.sign_in.refresh(self.refresh)
            self.access, self.refresh, self.version = grant.access_token, grant.refresh_token, self.version + 1
        return AccessToken(self.access, self.version)

    async def revoke(self) -> bool:
        return await self.sign_in.revoke(self.refresh)


@dataclass(frozen=True)
class Reach:
    """A way to one service, and what it is made of."""

    http: ServiceHttp
    tokens: Renewing
    clock: ManualClock
    service: dict[str, Any]
    """The service's part of the ready file."""


def endpoints(service: dict[str, Any]) -> Endpoints:
    return Endpoints(**{name: service[name] for name in ("api", "authorize", "token", "revoke", "discovery")})


def sign_in_at(key: str, service: dict[str, Any], clock: Clock) -> SignIn:
    """The service's own sign-in, with the keys of the ready file."""
    info = SERVICES[ProviderKey(key)]
    keys = AppKeys(service["client_id"], service["client_secret"] if info.needs_secret else "")
    return info.make_sign_in(endpoints(service), keys, clock=clock)


@asynccontextmanager
async def reached(key: str, sandbox: Any, control: Control, **changes: Any) -> AsyncIterator[Reach]:
    """The way to the sandbox's service; `changes` are limits that differ from the service's own."""
    service, info = sandbox.services[key], SERVICES[ProviderKey(key)]

    async def along(seconds: float) -> None:
        control.clock(seconds)

    clock = ManualClock(datetime.now(UTC), along)
    sign_in = sign_in_at(key, service, clock)
    tokens = Renewing(sign_in, control.grant(key))
    http = ServiceHttp(
        base=service["api"],
        service=info.terms.service,
        tokens=tokens,
        clock=clock,
        entropy=SeededEntropy(1),
        limits=replace(info.limits, **{"write_deadline": 5.0, "read_deadline": 5.0} | changes),
    )
    try:
        yield Reach(http, tokens, clock, service)
    finally:
        await http.close()
        await sign_in.close()
