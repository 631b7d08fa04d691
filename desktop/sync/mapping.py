"""Which income account each item's revenue goes to (M47-M54, M153)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.books.outbox import promise, promise_if_due
from desktop.errors import Fix, InputError
from desktop.models.connection import RemoteAccount
from desktop.models.item import Item, ItemAccount
from desktop.models.session import note_change
from desktop.models.states import CompanyKey, PushReason
from desktop.models.work import SyncStatus
from desktop.providers.records import AccountKind
from desktop.text import tr


@dataclass(frozen=True, slots=True)
class AccountChoice:
    """An income account that may be picked."""

    external_id: str
    name: str


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One item and where its revenue goes."""

    item_id: int
    name: str
    account_id: str | None
    account_name: str
    usable: bool
    """False when the account was archived or removed there since (D6)."""
    suggested_id: str | None = None
    """An account whose name shares a word with the item's; only ever offered, never set by itself."""


@dataclass(frozen=True, slots=True)
class MappingView:
    """The whole mapping of one company."""

    accounts: tuple[AccountChoice, ...]
    rows: tuple[MappingRow, ...]

    @property
    def unmapped(self) -> int:
        """How many items have no usable account (M153)."""
        return sum(1 for row in self.rows if not row.usable)


def mapping_view(session: Session, company: CompanyKey) -> MappingView:
    """Every active item with its account, unmapped ones first, and the accounts to choose from."""
    accounts = {
        row.external_id: row
        for row in session.scalars(
            select(RemoteAccount).where(
                RemoteAccount.provider == company.provider, RemoteAccount.company_id == company.company_id
            )
        )
    }
    usable = {key: row for key, row in accounts.items() if row.active and row.kind == AccountKind.INCOME.value}
    choices = sorted(
        (AccountChoice(row.external_id, row.name) for row in usable.values()), key=lambda one: one.name.casefold()
    )
    mapped = {
        item_id: account_id
        for item_id, account_id in session.execute(
            select(ItemAccount.item_id, ItemAccount.account_id).where(
                ItemAccount.provider == company.provider, ItemAccount.company_id == company.company_id
            )
        )
    }
    rows = []
    for item in session.scalars(select(Item).where(Item.active.is_(True)).order_by(Item.name_key, Item.id)):
        account = accounts.get(mapped.get(item.id, ""))
        rows.append(
            MappingRow(
                item_id=item.id,
                name=item.name,
                account_id=account.external_id if account else None,
                account_name=account.name if account else "",
                usable=account is not None and account.external_id in usable,
                suggested_id=None if account else _suggest(item.name, choices),
            )
        )
    rows.sort(key=lambda row: row.usable)
    return MappingView(tuple(choices), tuple(rows))


def _suggest(name: str, choices: list[AccountChoice]) -> str | None:
    words = {word for word in name.casefold().replace("&", " ").split() if len(word) > 3}
    scored = [(len(words & set(choice.name.casefold().split())), choice.external_id) for choice in choices]
    best = max(scored, default=(0, ""))
    return best[1] if best[0] else None


def save_mapping(session: Session, desk: Desk, company: CompanyKey, choices: Mapping[int, str]) -> int:
    """Store these accounts (item id -> account id, "" for none) and say how many changed (M49, M50).

    A changed item counts as edited, so that the next push brings its account along; invoices that were
    refused for want of an account are tried again at once (N2). Raises InputError for an unknown account.
    """
    known = set(
        session.scalars(
            select(RemoteAccount.external_id).where(
                RemoteAccount.provider == company.provider,
                RemoteAccount.company_id == company.company_id,
                RemoteAccount.kind == AccountKind.INCOME.value,
                RemoteAccount.active.is_(True),
            )
        )
    )
    unknown = [account for account in choices.values() if account and account not in known]
    if unknown:
        raise InputError("account", tr("This account can't be used: choose an active income account."))
    rows = {
        row.item_id: row
        for row in session.scalars(
            select(ItemAccount).where(
                ItemAccount.provider == company.provider, ItemAccount.company_id == company.company_id
            )
        )
    }
    changed = 0
    for item_id, account_id in choices.items():
        row = rows.get(item_id)
        if (row.account_id if row is not None else "") == account_id:
            continue
        changed += 1
        _set(session, company, row, item_id, account_id)
        item = session.get_one(Item, item_id)
        item.revision += 1
        item.updated_at = desk.clock.now()
        note_change(session, "item", item_id)
        if account_id:
            promise_if_due(session, desk, "item", item_id)
    if changed:
        note_change(session, "mapping", 0)
        _try_again(session, desk)
    return changed


def _set(session: Session, company: CompanyKey, row: ItemAccount | None, item_id: int, account_id: str) -> None:
    if not account_id:
        if row is not None:
            session.delete(row)
    elif row is None:
        session.add(
            ItemAccount(
                provider=company.provider, company_id=company.company_id, item_id=item_id, account_id=account_id
            )
        )
    else:
        row.account_id = account_id


def _try_again(session: Session, desk: Desk) -> None:
    """What was refused because of the mapping goes out again by itself."""
    session.flush()
    rows = session.scalars(select(SyncStatus).where(SyncStatus.fix == Fix.OPEN_MAPPING.value)).all()
    for row in rows:
        promise(session, desk, row.kind, row.local_id, PushReason.ASKED, asked=True)


def apply_to_unmapped(view: MappingView, account_id: str) -> dict[int, str]:
    """The choices that "Apply to All Unmapped" stands for: mapped items are untouched (M48)."""
    return {row.item_id: account_id for row in view.rows if not row.usable}


def map_imported(session: Session, company: CompanyKey, item_id: int, account_id: str | None) -> None:
    """An imported item keeps the account that it has there, unless one was chosen here already."""
    if not account_id:
        return
    existing = session.scalar(
        select(ItemAccount).where(
            ItemAccount.provider == company.provider,
            ItemAccount.company_id == company.company_id,
            ItemAccount.item_id == item_id,
        )
    )
    if existing is None:
        _set(session, company, None, item_id, account_id)
