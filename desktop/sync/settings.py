"""Keeps what must be known of the connected company: accounts, tax codes, payment methods, closed period.

Read at connect and once a day, in as few calls as the service allows; everything else works from our copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.models.connection import Connection, RemoteAccount, RemoteMethod
from desktop.models.invoice import TaxCode
from desktop.models.session import note_change
from desktop.models.states import CompanyKey
from desktop.providers.records import CompanySettings
from desktop.sync.company import Company

FRESH = timedelta(days=1)


async def refresh_settings(company: Company, *, force: bool = False) -> bool:
    """Read the company's settings if our copy is older than a day; says whether it asked. Raises ConnectionProblem."""
    now = company.desk.clock.now()

    def age(session: Session) -> bool:
        read_at = session.get_one(Connection, company.connection_id).settings_read_at
        return read_at is None or now - read_at >= FRESH

    if not force and not await company.db.in_read(age):
        return False
    settings = await company.provider.settings()
    await company.db.in_write(lambda session: store_settings(session, company, settings))
    return True


def store_settings(session: Session, company: Company, settings: CompanySettings) -> None:
    """Replace our copy by what the service says now. An account that is gone there stays, as inactive (D6)."""
    connection = session.get_one(Connection, company.connection_id)
    connection.company_name = settings.company.name or connection.company_name
    trouble = {k: v for k, v in (connection.company_settings or {}).items() if k == "trouble_since"}
    connection.company_settings = {
        **trouble,
        "home_currency": settings.home_currency,
        "country": settings.country,
        "multi_currency": settings.multi_currency,
        "closed_until": settings.closed_until.isoformat() if settings.closed_until else None,
        "tax_on_total": settings.tax_on_total,
        "automatic_tax": settings.automatic_tax,
        "custom_numbers": settings.custom_numbers,
    }
    connection.settings_read_at = company.desk.clock.now()
    _store_accounts(session, company.key, settings)
    _store_tax_codes(session, company.key, settings)
    _store_methods(session, company.key, settings)
    note_change(session, "connection", connection.id)
    note_change(session, "mapping", 0)


def _store_accounts(session: Session, key: CompanyKey, settings: CompanySettings) -> None:
    rows = _rows(session, RemoteAccount, key)
    for account in {each.external_id: each for each in settings.accounts}.values():  # a page may come twice (L3)
        row = rows.pop(account.external_id, None)
        if row is None:
            row = RemoteAccount(provider=key.provider, company_id=key.company_id, external_id=account.external_id)
            session.add(row)
        row.name, row.kind = account.name, account.kind.value
        row.active, row.is_default = account.active, account.is_default
    for gone in rows.values():
        gone.active = False


def _store_tax_codes(session: Session, key: CompanyKey, settings: CompanySettings) -> None:
    rows = _rows(session, TaxCode, key)
    for code in {each.external_id: each for each in settings.tax_codes}.values():
        row = rows.pop(code.external_id, None)
        if row is None:
            row = TaxCode(provider=key.provider, company_id=key.company_id, external_id=code.external_id)
            session.add(row)
        row.name, row.active = code.name, code.active and code.rate is not None
        if code.rate is not None or row.rate is None:
            row.rate = code.rate if code.rate is not None else Decimal(0)
    for gone in rows.values():
        gone.active = False


def _store_methods(session: Session, key: CompanyKey, settings: CompanySettings) -> None:
    rows: Mapping[str, Any] = {
        row.method: row
        for row in session.scalars(
            select(RemoteMethod).where(RemoteMethod.provider == key.provider, RemoteMethod.company_id == key.company_id)
        )
    }
    seen: set[str] = set()
    for method in settings.payment_methods:
        if method.method.value in seen:
            continue
        seen.add(method.method.value)
        row = rows.get(method.method.value)
        if row is None:
            row = RemoteMethod(provider=key.provider, company_id=key.company_id, method=method.method.value)
            session.add(row)
        row.external_id, row.name = method.external_id, method.name


def _rows(session: Session, table: Any, key: CompanyKey) -> dict[str, Any]:
    query = select(table).where(table.provider == key.provider, table.company_id == key.company_id)
    return {row.external_id: row for row in session.scalars(query)}
