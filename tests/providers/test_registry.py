"""Four cards, and only what works is offered as working."""

from __future__ import annotations

from dataclasses import replace

import pytest

from desktop.clock import ManualClock
from desktop.errors import NotAllowed
from desktop.providers.base import AppKeys
from desktop.providers.quickbooks import QuickBooks
from desktop.providers.quickbooks_signin import LIVE, QuickBooksSignIn
from desktop.providers.records import CompanyRef, Kind, ProviderKey
from desktop.providers.registry import SERVICES
from tests.providers.support import NOW, Server, provider, reply, service


def test_M1_the_four_services_in_the_order_of_their_cards() -> None:
    assert [info.terms.full_name for info in SERVICES.values()] == ["QuickBooks Online", "Xero", "FreshBooks", "Wave"]
    assert list(SERVICES) == list(ProviderKey)


def test_quickbooks_is_made_from_the_table() -> None:
    info = SERVICES[ProviderKey.QUICKBOOKS]
    assert info.available and info.live is not None
    assert isinstance(info.make_provider(service(Server(reply({}))), CompanyRef("1")), QuickBooks)
    made = info.make_sign_in(LIVE, AppKeys("a", "b"), clock=ManualClock(NOW))
    assert isinstance(made, QuickBooksSignIn)


def test_a_service_that_is_not_there_yet_says_so() -> None:
    info = replace(SERVICES[ProviderKey.WAVE], available=False, provider=None, sign_in=None)
    with pytest.raises(NotAllowed, match="not yet available"):
        info.make_provider(service(Server(reply({}))), CompanyRef("1"))
    with pytest.raises(NotAllowed, match="not yet available"):
        info.make_sign_in(LIVE, AppKeys("a", "b"), clock=ManualClock(NOW))


@pytest.mark.parametrize(
    ("base", "kind", "url"),
    [
        ("https://quickbooks.api.intuit.com", Kind.CUSTOMER, "https://app.qbo.intuit.com/app/customerdetail?nameId=7"),
        ("https://quickbooks.api.intuit.com", Kind.INVOICE, "https://app.qbo.intuit.com/app/invoice?txnId=7"),
        ("https://quickbooks.api.intuit.com", Kind.PAYMENT, "https://app.qbo.intuit.com/app/recvpayment?txnId=7"),
        ("https://quickbooks.api.intuit.com", Kind.ITEM, "https://app.qbo.intuit.com/app/items"),
        ("https://sandbox-quickbooks.api.intuit.com", Kind.ITEM, "https://app.sandbox.qbo.intuit.com/app/items"),
        ("http://127.0.0.1:8123/quickbooks", Kind.INVOICE, "http://127.0.0.1:8123/"),
    ],
)
def test_M75_the_record_opens_in_the_browser(base: str, kind: Kind, url: str) -> None:
    assert provider(Server(reply({})), base=base).record_url(kind, "7") == url


@pytest.mark.parametrize("realm", ["", "../1", "1/2", "1?x"])
def test_a_company_id_can_not_change_the_address(realm: str) -> None:
    with pytest.raises(ValueError):
        QuickBooks(service(Server(reply({}))), CompanyRef(realm))
