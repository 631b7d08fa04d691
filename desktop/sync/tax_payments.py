"""What the connected company taxes with and is paid by, as last read; for reading only."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from desktop.models.connection import Connection, RemoteAccount, RemoteMethod
from desktop.models.invoice import TaxCode
from desktop.models.states import CompanyKey
from desktop.providers.records import AccountKind, PaymentMethod


@dataclass(frozen=True, slots=True)
class TaxRow:
    """A tax code of the company; `rate` in percent."""

    name: str
    rate: Decimal
    active: bool


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One of our ways of being paid, and what it is called there."""

    method: str
    """A `PaymentMethod` value."""
    name: str
    """"" where the company has none of its own for it."""
    account: str
    """The account that such payments go to; "" for the company's default."""


@dataclass(frozen=True, slots=True)
class TaxPaymentsView:
    """Both lists, and the account where payments without one of their own go."""

    taxes: tuple[TaxRow, ...] = ()
    methods: tuple[MethodRow, ...] = ()
    default_account: str = ""
    """"" when the service chooses it by itself."""
    automatic_tax: bool = False
    """The service works tax out by itself and may replace ours."""


def tax_payments_view(session: Session, company: CompanyKey) -> TaxPaymentsView:
    """Everything from our copy; nobody is asked."""

    def mine(table: Any) -> ColumnElement[bool]:
        return and_(table.provider == company.provider, table.company_id == company.company_id)

    codes = session.scalars(select(TaxCode).where(mine(TaxCode)).order_by(TaxCode.active.desc(), TaxCode.name)).all()
    methods = {row.method: row for row in session.scalars(select(RemoteMethod).where(mine(RemoteMethod)))}
    accounts = {row.external_id: row for row in session.scalars(select(RemoteAccount).where(mine(RemoteAccount)))}
    rows = []
    for method in PaymentMethod:
        found = methods.get(method.value)
        account = accounts.get(found.deposit_account_id) if found is not None else None
        rows.append(MethodRow(method.value, found.name if found else "", account.name if account else ""))
    default = next(
        (row.name for row in accounts.values() if row.is_default and row.kind == AccountKind.DEPOSIT.value), ""
    )
    connection = session.scalars(
        select(Connection).where(
            Connection.provider == company.provider, Connection.company_id == company.company_id, Connection.live == 1
        )
    ).first()
    settings = (connection.company_settings or {}) if connection is not None else {}
    return TaxPaymentsView(
        tuple(TaxRow(row.name, row.rate, row.active) for row in codes),
        tuple(rows),
        default,
        bool(settings.get("automatic_tax")),
    )
