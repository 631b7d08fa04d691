"""What Xero tells about an organisation, as our `CompanySettings`; pure (contract 3.3, 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from desktop.providers.quickbooks_reading import money
from desktop.providers.reading import Payload, Unreadable, text
from desktop.providers.records import (
    AccountKind,
    AccountRecord,
    CompanyRef,
    CompanySettings,
    PaymentMethod,
    PaymentMethodRecord,
    TaxCodeRecord,
)
from desktop.providers.xero_reading import METHOD_WORDS, day, flagged
from desktop.text import tr


def settings_from(
    company: CompanyRef,
    organisations: Sequence[Payload],
    accounts: Sequence[Payload],
    taxes: Sequence[Payload],
    server_time: datetime | None,
) -> CompanySettings:
    """The organisation's settings. Raises Unreadable if something that must be there is missing or malformed."""
    if len(organisations) != 1:
        raise Unreadable("the organisation is missing")
    info = organisations[0]
    currency = text(info, "BaseCurrency")
    if not currency:
        raise Unreadable("the base currency is missing")
    return CompanySettings(
        company=CompanyRef(company.external_id, text(info, "Name") or company.name),
        home_currency=currency,
        country=text(info, "CountryCode"),
        closed_until=_closed_until(info),
        tax_on_total=False,
        custom_numbers=True,
        accounts=_accounts(accounts),
        tax_codes=tuple(tax_from_payload(row) for row in taxes if flagged(row, "CanApplyToRevenue")),
        payment_methods=_methods(),
        server_time=server_time,
    )


def _closed_until(info: Payload) -> date | None:
    found = [day(info, name) for name in ("PeriodLockDate", "EndOfYearLockDate")]
    return max((one for one in found if one is not None), default=None)


def _accounts(rows: Sequence[Payload]) -> tuple[AccountRecord, ...]:
    """All accounts; the first active bank account is where money goes for which none was chosen."""
    read = [(account_from_payload(row), text(row, "Type") == "BANK") for row in rows]
    usable = [(one, bank) for one, bank in read if one.kind is AccountKind.DEPOSIT and one.active]
    default = next((one for one, bank in usable if bank), usable[0][0] if usable else None)
    return tuple(AccountRecord(one.external_id, one.name, one.kind, one.active, one is default) for one, _ in read)


def account_from_payload(payload: Payload) -> AccountRecord:
    """An account by its code, because items and lines name codes; one without a code goes by its id."""
    code, system = text(payload, "Code"), text(payload, "SystemAccount")
    kind = AccountKind.OTHER
    if text(payload, "Type") == "BANK" or flagged(payload, "EnablePaymentsToAccount"):
        kind = AccountKind.DEPOSIT
    elif text(payload, "Class") == "REVENUE" and code and not system:
        kind = AccountKind.INCOME
    external_id = code or text(payload, "AccountID")
    if not external_id:
        raise Unreadable("an account without code or id")
    return AccountRecord(external_id, text(payload, "Name"), kind, text(payload, "Status") == "ACTIVE")


def tax_from_payload(payload: Payload) -> TaxCodeRecord:
    """A tax rate by its type. `rate` in percent; None where parts of it build on each other."""
    rate: Decimal | None = money(payload, "EffectiveRate")
    kind = text(payload, "TaxType")
    if not kind:
        raise Unreadable("a tax rate without its type")
    return TaxCodeRecord(kind, text(payload, "Name"), rate, text(payload, "Status") == "ACTIVE")


def _methods() -> tuple[PaymentMethodRecord, ...]:
    """Our own ways of being paid: Xero has none, but each may have a bank account of its own (N4)."""
    return tuple(
        PaymentMethodRecord(method.value, METHOD_WORDS.get(method, tr("Other")), method) for method in PaymentMethod
    )
