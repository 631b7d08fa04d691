"""What the connected company taxes with and is paid by, and where each way of being paid puts the money (N4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.books.outbox import promise
from desktop.errors import Fix, InputError
from desktop.models.connection import Connection, RemoteAccount, RemoteMethod
from desktop.models.invoice import TaxCode
from desktop.models.session import note_change
from desktop.models.states import CompanyKey, PushReason
from desktop.models.work import SyncStatus
from desktop.providers.records import AccountKind, PaymentMethod
from desktop.sync.mapping import AccountChoice
from desktop.text import tr


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
    account_id: str = ""
    """The service's id of it; "" for the default."""


@dataclass(frozen=True, slots=True)
class TaxPaymentsView:
    """Both lists, and the account where payments without one of their own go."""

    taxes: tuple[TaxRow, ...] = ()
    methods: tuple[MethodRow, ...] = ()
    default_account: str = ""
    """"" when the service chooses it by itself."""
    accounts: tuple[AccountChoice, ...] = ()
    """The accounts that money may be put into."""
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
        chosen = account if account is not None and account.active else None
        rows.append(
            MethodRow(
                method.value,
                found.name if found else "",
                chosen.name if chosen else "",
                chosen.external_id if chosen else "",
            )
        )
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
        tuple(sorted(_deposits(accounts.values()), key=lambda one: one.name.casefold())),
        bool(settings.get("automatic_tax")),
    )


def methods_without_account(session: Session, company: CompanyKey) -> int:
    """Ways of being paid that have no account here, where the company has no default one either."""
    view = tax_payments_view(session, company)
    return 0 if view.default_account else sum(1 for one in view.methods if not one.account_id)


def _deposits(accounts: Iterable[RemoteAccount]) -> list[AccountChoice]:
    usable = (row for row in accounts if row.active and row.kind == AccountKind.DEPOSIT.value)
    return [AccountChoice(row.external_id, row.name) for row in usable]


def save_deposits(session: Session, desk: Desk, company: CompanyKey, choices: Mapping[str, str]) -> None:
    """Store the account per way of being paid ("" for the default); payments refused for want of one go out again.

    Payments that are there already stay where they are. Raises InputError for an account that can't be used.
    """
    known = {
        one.external_id
        for one in _deposits(
            session.scalars(
                select(RemoteAccount).where(
                    RemoteAccount.provider == company.provider, RemoteAccount.company_id == company.company_id
                )
            )
        )
    }
    for method, account_id in choices.items():
        if account_id and account_id not in known:
            raise InputError("account", tr("This account can't be used: choose an active bank or cash account."))
        row = session.scalar(
            select(RemoteMethod).where(
                RemoteMethod.provider == company.provider,
                RemoteMethod.company_id == company.company_id,
                RemoteMethod.method == PaymentMethod(method).value,
            )
        )
        if row is None:
            row = RemoteMethod(provider=company.provider, company_id=company.company_id, method=method)
            session.add(row)
        row.deposit_account_id = account_id
    session.flush()
    note_change(session, "mapping", 0)
    waiting = session.scalars(select(SyncStatus).where(SyncStatus.fix == Fix.CHOOSE_DEPOSIT_ACCOUNT.value)).all()
    for status in waiting:
        promise(session, desk, status.kind, status.local_id, PushReason.ASKED, asked=True)
