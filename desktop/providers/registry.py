"""The four services as one table: what to call them, what they can do, how to make their parts.

Nothing outside `providers/` asks which service it is; it asks this table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from desktop.clock import Clock
from desktop.errors import NotAllowed
from desktop.providers import (
    freshbooks,
    freshbooks_signin,
    quickbooks,
    quickbooks_signin,
    wave,
    wave_signin,
    xero,
    xero_signin,
)
from desktop.providers.base import AppKeys, Capabilities, Endpoints, Provider, SignIn, Terms
from desktop.providers.http import Client, ServiceHttp
from desktop.providers.limits import Limits
from desktop.providers.records import CompanyRef, CompanySettings, ProviderKey
from desktop.text import tr

MakeProvider = Callable[[ServiceHttp, CompanyRef, CompanySettings | None], Provider]
ListCompanies = Callable[[ServiceHttp], Awaitable[Sequence[CompanyRef]]]


class MakeSignIn(Protocol):
    """How every service's sign-in is made."""

    def __call__(
        self, endpoints: Endpoints, keys: AppKeys, *, clock: Clock, client: Client | None = None
    ) -> SignIn: ...


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """One service. Where `available` is false only its card exists: name, words, and what will sync."""

    key: ProviderKey
    terms: Terms
    capabilities: Capabilities
    available: bool = False
    live: Endpoints | None = None
    test_companies: Endpoints | None = None
    """The service's own test environment, reached with development keys."""
    limits: Limits = Limits()
    needs_secret: bool = True
    """False for an app without a secret (PKCE): the client id alone is asked for."""
    provider: MakeProvider | None = None
    sign_in: MakeSignIn | None = None
    companies: ListCompanies | None = None
    """The companies that a new grant reaches, where the redirect names none; those that say why they are unusable
    can't be chosen. Raises ConnectionProblem."""

    def make_provider(
        self, http: ServiceHttp, company: CompanyRef, settings: CompanySettings | None = None
    ) -> Provider:
        """The provider for one company; `settings` as last stored. Raises NotAllowed if not available."""
        if self.provider is None:
            raise self._not_yet()
        return self.provider(http, company, settings)

    def make_sign_in(
        self, endpoints: Endpoints, keys: AppKeys, *, clock: Clock, client: Client | None = None
    ) -> SignIn:
        """The OAuth side. Raises NotAllowed if not available, ValueError for an unsafe address."""
        if self.sign_in is None:
            raise self._not_yet()
        return self.sign_in(endpoints, keys, clock=clock, client=client)

    def _not_yet(self) -> NotAllowed:
        return NotAllowed(tr("{service} is not yet available in this version.", service=self.terms.full_name))


async def _wave_companies(http: ServiceHttp) -> Sequence[CompanyRef]:
    return await wave.Wave(http, CompanyRef("")).companies()


def _services() -> dict[ProviderKey, ServiceInfo]:
    listed = (
        ServiceInfo(
            key=ProviderKey.QUICKBOOKS,
            terms=quickbooks.TERMS,
            capabilities=quickbooks.CAPABILITIES,
            available=True,
            live=quickbooks_signin.LIVE,
            test_companies=quickbooks_signin.DEVELOPMENT,
            limits=quickbooks.LIMITS,
            provider=quickbooks.QuickBooks,
            sign_in=quickbooks_signin.QuickBooksSignIn,
        ),
        ServiceInfo(
            key=ProviderKey.XERO,
            terms=xero.TERMS,
            capabilities=xero.CAPABILITIES,
            available=True,
            live=xero_signin.LIVE,
            limits=xero.LIMITS,
            needs_secret=False,
            provider=xero.Xero,
            sign_in=xero_signin.XeroSignIn,
            companies=xero_signin.organisations,
        ),
        ServiceInfo(
            key=ProviderKey.FRESHBOOKS,
            terms=freshbooks.TERMS,
            capabilities=freshbooks.CAPABILITIES,
            available=True,
            live=freshbooks_signin.LIVE,
            limits=freshbooks.LIMITS,
            provider=freshbooks.FreshBooks,
            sign_in=freshbooks_signin.FreshBooksSignIn,
            companies=freshbooks_signin.companies,
        ),
        ServiceInfo(
            key=ProviderKey.WAVE,
            terms=wave.TERMS,
            capabilities=wave.CAPABILITIES,
            available=True,
            live=wave_signin.LIVE,
            limits=wave.LIMITS,
            provider=wave.Wave,
            sign_in=wave_signin.WaveSignIn,
            companies=_wave_companies,
        ),
    )  # fmt: skip
    return {info.key: info for info in listed}


SERVICES: Mapping[ProviderKey, ServiceInfo] = MappingProxyType(_services())
"""In the order in which the cards are shown (M1)."""
