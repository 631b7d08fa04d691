"""What QuickBooks tells about a company, as our `CompanySettings`; pure (contract 3.3, 3.5, 3.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from desktop.providers.quickbooks_reading import TAXED, UNTAXED, flag, money, reference
from desktop.providers.quickbooks_wire import US
from desktop.providers.reading import Payload, Unreadable, day, part, parts, text
from desktop.providers.records import (
    AccountKind,
    AccountRecord,
    CompanyRef,
    CompanySettings,
    PaymentMethod,
    PaymentMethodRecord,
    TaxCodeRecord,
)

HOME_CURRENCIES = {"": "USD", "US": "USD", "USA": "USD", "CA": "CAD", "GB": "GBP", "UK": "GBP", "AU": "AUD",
                   "IN": "INR", "FR": "EUR", "DE": "EUR", "IE": "EUR", "NZ": "NZD", "SG": "SGD"}  # fmt: skip
"""Used only when a company does not name its home currency."""
DEPOSIT_TYPES = frozenset({"Bank", "Other Current Asset"})
_METHOD_WORDS = (
    (("check", "cheque"), PaymentMethod.CHECK),
    (("cash",), PaymentMethod.CASH),
    (("transfer", "ach", "wire", "bank", "direct"), PaymentMethod.BANK_TRANSFER),
    (("card", "visa", "master", "express", "discover", "diners"), PaymentMethod.CARD),
)

Rows = Mapping[str, Sequence[Payload]]
"""The rows of each entity as the queries answered them."""


def settings_from(company: CompanyRef, rows: Rows, server_time: datetime | None) -> CompanySettings:
    """The company's settings. Raises Unreadable if company or preferences are missing or malformed."""
    info, preferences = _only(rows, "CompanyInfo"), _only(rows, "Preferences")
    country = text(info, "Country")
    currencies = part(preferences, "CurrencyPrefs")
    home = reference(currencies, "HomeCurrency") or HOME_CURRENCIES.get(country.upper(), "")
    if not home:
        raise Unreadable("the home currency is missing")
    us = country.upper() in US
    return CompanySettings(
        company=CompanyRef(company.external_id, text(info, "CompanyName") or company.name),
        home_currency=home,
        country=country,
        multi_currency=flag(currencies, "MultiCurrencyEnabled", False),
        closed_until=day(part(preferences, "AccountingInfoPrefs"), "BookCloseDate"),
        tax_on_total=True,
        automatic_tax=part(preferences, "TaxPrefs").get("PartnerTaxEnabled") is True,
        custom_numbers=flag(part(preferences, "SalesFormsPrefs"), "CustomTxnNumbers", False),
        accounts=tuple(account_from_payload(row) for row in rows.get("Account", ())),
        tax_codes=_tax_codes(rows, us),
        payment_methods=tuple(method_from_payload(row) for row in rows.get("PaymentMethod", ())),
        server_time=server_time,
    )


def _only(rows: Rows, entity: str) -> Payload:
    found = rows.get(entity, ())
    if len(found) != 1:
        raise Unreadable(f"{entity} is missing")
    return found[0]


def account_from_payload(payload: Payload) -> AccountRecord:
    """An account; sub-accounts go by their full name. Income is what items can be mapped to."""
    kind = text(payload, "AccountType")
    use = (
        AccountKind.INCOME if kind == "Income" else AccountKind.DEPOSIT if kind in DEPOSIT_TYPES else AccountKind.OTHER
    )
    return AccountRecord(
        external_id=text(payload, "Id"),
        name=text(payload, "FullyQualifiedName") or text(payload, "Name"),
        kind=use,
        active=flag(payload, "Active", True),
        is_default=text(payload, "AccountSubType") == "UndepositedFunds",
    )


def method_from_payload(payload: Payload) -> PaymentMethodRecord:
    """A payment method, and which of ours it stands for by its type and name."""
    name = text(payload, "Name")
    lowered = name.lower()
    by_name = next((ours for words, ours in _METHOD_WORDS if any(word in lowered for word in words)), None)
    method = PaymentMethod.CARD if text(payload, "Type") == "CREDIT_CARD" else by_name or PaymentMethod.OTHER
    return PaymentMethodRecord(text(payload, "Id"), name, method)


def _tax_codes(rows: Rows, us: bool) -> tuple[TaxCodeRecord, ...]:
    rates = {text(row, "Id"): money(row, "RateValue") for row in rows.get("TaxRate", ())}
    return tuple(tax_code_from_payload(row, rates, us) for row in rows.get("TaxCode", ()))


def tax_code_from_payload(payload: Payload, rates: Mapping[str, Decimal | None], us: bool) -> TaxCodeRecord:
    """A tax code with the sum of its rates in percent; None where QuickBooks alone can tell."""
    external_id = text(payload, "Id")
    rate = (
        Decimal(0) if us and external_id == UNTAXED else None if us and external_id == TAXED else _rate(payload, rates)
    )
    return TaxCodeRecord(external_id, text(payload, "Name"), rate, flag(payload, "Active", True))


def _rate(payload: Payload, rates: Mapping[str, Decimal | None]) -> Decimal | None:
    details = parts(part(payload, "SalesTaxRateList"), "TaxRateDetail")
    total = Decimal(0)
    for detail in details:
        rate = rates.get(reference(detail, "TaxRateRef") or "")
        if rate is None or text(detail, "TaxTypeApplicable") not in ("", "TaxOnAmount"):
            return None
        total += rate
    return total if details else None
