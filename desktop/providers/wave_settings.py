"""What Wave tells about the businesses of a token, and about one of them; as our `CompanySettings` (contract 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from desktop.providers.reading import Payload, Unreadable, part, text
from desktop.providers.records import (
    AccountKind,
    AccountRecord,
    CompanyRef,
    CompanySettings,
    PaymentMethodRecord,
    TaxCodeRecord,
)
from desktop.providers.wave_asking import Asking, pages_left, rows_of, understood
from desktop.providers.wave_documents import (
    BUSINESS,
    DEPOSIT_ACCOUNTS,
    INCOME_ACCOUNTS,
    SALES_TAXES,
    businesses_document,
)
from desktop.providers.wave_faults import PlanNeeded, graph_errors
from desktop.providers.wave_reading import METHODS, flag, number
from desktop.text import tr

_METHOD_NAMES = (
    ("CASH", tr("Cash")),
    ("CHEQUE", tr("Cheque")),
    ("CREDIT_CARD", tr("Credit card")),
    ("BANK_TRANSFER", tr("Bank transfer")),
    ("OTHER", tr("Other")),
)


async def read_companies(asking: Asking) -> tuple[CompanyRef, ...]:
    """All businesses, the usable ones first. Raises PlanNeeded if there is none, else ConnectionProblem."""
    rows: list[Payload] = []
    page, last = 1, 1
    while page <= last:
        answer = await asking.document(businesses_document(page))
        with understood(answer):
            data = part(answer.json if isinstance(answer.json, dict) else {}, "data")
            if graph_errors(answer.json) or not data:
                raise Unreadable("; ".join(error.words for error in graph_errors(answer.json)) or "no data")
            for name in ("open", "archived"):
                rows += rows_of(data.get(name))
                last = max(last, 1 + pages_left(data.get(name)))
        page += 1
    with understood(None):
        found = {text(row, "id"): CompanyRef(text(row, "id"), text(row, "name"), _unusable(row)) for row in rows}
    if not found:
        raise PlanNeeded(details="no business in the list")
    return tuple(sorted(found.values(), key=lambda ref: bool(ref.unusable)))


async def read_settings(asking: Asking, now: Callable[[], datetime]) -> CompanySettings:
    """The settings of the business that `asking` is about. Raises ConnectionProblem."""
    listings = (INCOME_ACCOUNTS, DEPOSIT_ACCOUNTS, SALES_TAXES)
    shown, lists = await asking.ask([listing.page(1) for listing in listings], BUSINESS)
    with understood(None):
        rows = [rows_of(found) for found in lists]
        further = [(at, page) for at, found in enumerate(lists) for page in range(2, pages_left(found) + 2)]
    _, more = await asking.ask([listings[at].page(page) for at, page in further]) if further else ({}, [])
    with understood(None):
        for (at, _), found in zip(further, more, strict=True):
            rows[at] += rows_of(found)
        return _settings(shown, *rows, server_time=now())


def _unusable(row: Payload) -> str:
    if flag(row, "isArchived"):
        return tr("This business is archived in Wave.")
    if flag(row, "isClassicAccounting"):
        return tr("This business still uses Wave's classic accounting.")
    return tr("This is personal, not a business.") if flag(row, "isPersonal") else ""


def _settings(
    shown: Payload, income: Sequence[Payload], deposit: Sequence[Payload], taxes: Sequence[Payload], *,
    server_time: datetime,
) -> CompanySettings:  # fmt: skip
    currency = text(part(shown, "currency"), "code")
    if not currency or not text(shown, "id"):
        raise Unreadable("the business has no id or currency")
    return CompanySettings(
        company=CompanyRef(text(shown, "id"), text(shown, "name"), _unusable(shown)),
        home_currency=currency,
        country=text(part(part(shown, "address"), "country"), "code"),
        accounts=(
            *(_account(row, AccountKind.INCOME) for row in income),
            *(_account(row, AccountKind.DEPOSIT) for row in deposit),
        ),
        tax_codes=tuple(_tax(row) for row in taxes),
        payment_methods=tuple(PaymentMethodRecord(name, words, METHODS[name]) for name, words in _METHOD_NAMES),
        server_time=server_time,
    )


def _account(row: Payload, kind: AccountKind) -> AccountRecord:
    return AccountRecord(text(row, "id"), text(row, "name"), kind, not flag(row, "isArchived"))


def _tax(row: Payload) -> TaxCodeRecord:
    rate = number(row, "rate")
    percent = None if rate is None else (rate * 100).normalize() + Decimal(0)
    return TaxCodeRecord(text(row, "id"), text(row, "name"), percent, not flag(row, "isArchived"))
