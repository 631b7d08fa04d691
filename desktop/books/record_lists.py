"""Customers and items for lists and for completion: ids in order, and the rows of a page."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from desktop.books.customers import PLACEHOLDER_HOST, real_email
from desktop.books.invoice_lists import PAGE, PAID, Sort
from desktop.books.raw_ids import id_array
from desktop.books.sync_view import in_order, record_states
from desktop.books.typed import fold
from desktop.kinds import CustomerKind
from desktop.models.base import Amount
from desktop.models.connection import ExternalLink, RemoteAccount
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice, TaxCode
from desktop.models.item import Item, ItemAccount
from desktop.models.states import CompanyKey, InvoiceStatus, SyncState
from desktop.money import ZERO


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """What the list of customers shows."""

    text: str = ""
    """Words that must all occur in the name, e-mail, phone or city."""
    kind: str = ""
    """A `CustomerKind` value; "" for all."""
    active: bool | None = True
    """None for active and inactive ones."""


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer in a list."""

    id: int
    name: str
    kind: CustomerKind
    kind_reason: str
    email: str
    """"" for none and for a placeholder (M133)."""
    phone: str
    city: str
    active: bool
    sync: SyncState
    external_id: str
    """The company's id; "" while it is not linked."""
    open_balance: Decimal
    """What is still owed on sent invoices, in `currency`."""
    currency: str
    """"" when nothing is owed; the one with the largest balance where there are several."""
    several_currencies: bool

    @property
    def linked(self) -> bool:
        return bool(self.external_id)


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """What the list of items shows."""

    text: str = ""
    """Words that must all occur in the name, code or description."""
    active: bool | None = True
    unmapped: bool = False
    """Only those without an account in the connected company."""


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item in a list; `unit_price` in the desk's currency."""

    id: int
    name: str
    sku: str
    description: str
    unit_price: Decimal | None
    taxable: bool
    active: bool
    builtin: bool
    account_id: str
    """The company's id of the income account; "" when none is chosen."""
    account_name: str | None
    """None when none is chosen, or the company no longer has it."""
    unmapped: bool
    """A company is connected and no account is chosen for it (M153)."""
    sync: SyncState
    external_id: str

    @property
    def linked(self) -> bool:
        return bool(self.external_id)


@dataclass(frozen=True, slots=True)
class Choice:
    """A customer, or an item, or a tax code, as completion offers it."""

    id: int
    name: str
    hint: str = ""
    """What tells it from another of the same name: e-mail or city, code."""


@dataclass(frozen=True, slots=True)
class ItemChoice(Choice):
    """An item, with what a line takes from it."""

    description: str = ""
    unit_price: Decimal | None = None
    taxable: bool = False


@dataclass(frozen=True, slots=True)
class TaxChoice(Choice):
    """A tax code."""

    rate: Decimal = ZERO
    """Percent."""


_REAL_EMAIL = case((Customer.email.endswith(PLACEHOLDER_HOST), ""), else_=Customer.email)
"""An address as the owner knows it: a placeholder is none, and is found by nobody (M133)."""


def customer_ids(
    session: Session, wanted: CustomerFilter, sort: Sort | tuple[str, bool], company: CompanyKey | None
) -> array[int]:
    """Ids of customers, sorted by name, kind, email, phone, city, balance or sync."""
    sort = Sort(*sort)
    columns = (Customer.name_key, _REAL_EMAIL, Customer.phone, Customer.city)
    conditions = [*_words(wanted.text, *columns), *_activity(Customer.active, wanted.active)]
    if wanted.kind:
        conditions.append(Customer.kind == wanted.kind)
    keys: dict[str, Any] = {
        "kind": Customer.kind,
        "email": func.lower(_REAL_EMAIL),
        "phone": Customer.phone,
        "city": func.lower(Customer.city),
    }
    if sort.by == "balance":
        keys["balance"] = _owed_by_customer()
    query = select(Customer.id).where(*conditions)
    return _ordered(session, query, Customer, keys, sort, company, "customer")


def customer_rows(session: Session, ids: Sequence[int], company: CompanyKey | None) -> list[CustomerRow]:
    """The rows of `ids`, in their order; ids that are gone are left out."""
    return [row for page in _pages(ids) for row in _customer_page(session, page, company)]


def item_ids(
    session: Session, wanted: ItemFilter, sort: Sort | tuple[str, bool], company: CompanyKey | None
) -> array[int]:
    """Ids of items, sorted by name, sku, unit_price, account or sync."""
    sort = Sort(*sort)
    columns = (Item.name_key, Item.sku, Item.description)
    conditions = [*_words(wanted.text, *columns), *_activity(Item.active, wanted.active)]
    if wanted.unmapped:
        mapped = select(ItemAccount.item_id).where(_of(ItemAccount, company))
        conditions.append(Item.id.not_in(mapped))
    account = (
        select(RemoteAccount.name)
        .join(ItemAccount, ItemAccount.account_id == RemoteAccount.external_id)
        .where(ItemAccount.item_id == Item.id, _of(ItemAccount, company), _of(RemoteAccount, company))
        .scalar_subquery()
    )
    keys = {"sku": Item.sku, "unit_price": func.coalesce(Item.unit_price, 0), "account": func.coalesce(account, "")}
    return _ordered(session, select(Item.id).where(*conditions), Item, keys, sort, company, "item")


def item_rows(session: Session, ids: Sequence[int], company: CompanyKey | None) -> list[ItemRow]:
    """The rows of `ids`, in their order; ids that are gone are left out."""
    return [row for page in _pages(ids) for row in _item_page(session, page, company)]


def customer_choices(session: Session, text: str, limit: int = 20) -> list[Choice]:
    """Active customers whose name holds every word of `text`; names that begin with it come first."""
    query = select(Customer.id, Customer.display_name, Customer.email, Customer.city).where(
        Customer.active, *_words(text, Customer.name_key)
    )
    return [
        Choice(each.id, each.display_name, real_email(each.email) or each.city)
        for each in session.execute(_best(query, Customer, text).limit(limit))
    ]


def item_choices(session: Session, text: str, limit: int = 20) -> list[ItemChoice]:
    """Active items whose name or code holds every word of `text`; names that begin with it come first."""
    query = select(Item).where(Item.active, *_words(text, Item.name_key, Item.sku))
    return [
        ItemChoice(each.id, each.name, each.sku, each.description, each.unit_price, each.taxable)
        for each in session.scalars(_best(query, Item, text).limit(limit))
    ]


def tax_choices(session: Session, company: CompanyKey | None) -> list[TaxChoice]:
    """The tax codes that lines may use: the connected company's, or those typed in here without one."""
    mine = TaxCode.provider.is_(None) if company is None else _of(TaxCode, company)
    query = select(TaxCode).where(TaxCode.active, mine).order_by(TaxCode.name, TaxCode.id)
    return [TaxChoice(each.id, each.name, "", each.rate) for each in session.scalars(query)]


def _customer_page(session: Session, ids: list[int], company: CompanyKey | None) -> list[CustomerRow]:
    found = {each.id: each for each in session.scalars(select(Customer).where(Customer.id.in_(ids)))}
    states = record_states(session, company, "customer", ids)
    links = _external_ids(session, company, "customer", ids)
    owed = _owed(session, ids)
    rows = []
    for each in (found[local_id] for local_id in ids if local_id in found):
        currency, balance = max(owed.get(each.id, [("", ZERO)]), key=lambda pair: pair[1])
        rows.append(
            CustomerRow(
                id=each.id,
                name=each.display_name,
                kind=CustomerKind(each.kind),
                kind_reason=each.kind_reason,
                email=real_email(each.email),
                phone=each.phone,
                city=each.city,
                active=each.active,
                sync=states.of(each.id),
                external_id=links.get(each.id, ""),
                open_balance=balance,
                currency=currency,
                several_currencies=len(owed.get(each.id, ())) > 1,
            )
        )
    return rows


def _item_page(session: Session, ids: list[int], company: CompanyKey | None) -> list[ItemRow]:
    found = {each.id: each for each in session.scalars(select(Item).where(Item.id.in_(ids)))}
    states = record_states(session, company, "item", ids)
    links = _external_ids(session, company, "item", ids)
    account = and_(_of(RemoteAccount, company), RemoteAccount.external_id == ItemAccount.account_id)
    mapping = (
        select(ItemAccount.item_id, ItemAccount.account_id, RemoteAccount.name)
        .outerjoin(RemoteAccount, account)
        .where(_of(ItemAccount, company), ItemAccount.item_id.in_(ids))
    )
    accounts = {item_id: (account_id, name) for item_id, account_id, name in session.execute(mapping)}
    return [
        ItemRow(
            id=each.id,
            name=each.name,
            sku=each.sku,
            description=each.description,
            unit_price=each.unit_price,
            taxable=each.taxable,
            active=each.active,
            builtin=each.builtin,
            account_id=accounts.get(each.id, ("", None))[0],
            account_name=accounts.get(each.id, ("", None))[1],
            unmapped=company is not None and each.id not in accounts,
            sync=states.of(each.id),
            external_id=links.get(each.id, ""),
        )
        for each in (found[local_id] for local_id in ids if local_id in found)
    ]


def _ordered(
    session: Session,
    query: Any,
    table: Any,
    keys: dict[str, Any],
    sort: Sort,
    company: CompanyKey | None,
    kind: str,
) -> array[int]:
    key = keys.get(sort.by, table.name_key)
    by_sync = sort.by == "sync"
    down = sort.descending and not by_sync
    order = (each.desc() if down else each for each in (key, table.name_key, table.id))
    ids = id_array(session, query.order_by(*order))
    if not by_sync:
        return ids
    ordered = in_order(ids, record_states(session, company, kind))
    return array("q", reversed(ordered) if sort.descending else ordered)


def _words(text: str, *columns: Any) -> list[ColumnElement[bool]]:
    return [or_(*(column.icontains(word, autoescape=True) for column in columns)) for word in fold(text).split()]


def _activity(column: Any, wanted: bool | None) -> list[ColumnElement[bool]]:
    return [] if wanted is None else [column.is_(wanted)]


def _best(query: Any, table: Any, text: str) -> Any:
    starts = case((table.name_key.startswith(fold(text), autoescape=True), 0), else_=1)
    return query.order_by(starts, table.name_key, table.id)


def _of(table: Any, company: CompanyKey | None) -> ColumnElement[bool]:
    if company is None:
        return literal(False)
    return and_(table.provider == company.provider, table.company_id == company.company_id)


def _pages(ids: Sequence[int]) -> list[list[int]]:
    return [list(ids[start : start + PAGE]) for start in range(0, len(ids), PAGE)]


def _external_ids(session: Session, company: CompanyKey | None, kind: str, ids: list[int]) -> dict[int, str]:
    query = select(ExternalLink.local_id, ExternalLink.external_id).where(
        ExternalLink.kind == kind, _of(ExternalLink, company), ExternalLink.local_id.in_(ids)
    )
    return {local_id: external_id for local_id, external_id in session.execute(query)}


def _owed(session: Session, ids: list[int]) -> dict[int, list[tuple[str, Decimal]]]:
    """What customers owe, by currency, without those that owe nothing."""
    open_part = Invoice.total - PAID
    query = (
        select(Invoice.customer_id, Invoice.currency, func.sum(open_part, type_=Amount))
        .where(Invoice.customer_id.in_(ids), Invoice.status == InvoiceStatus.SENT.value)
        .group_by(Invoice.customer_id, Invoice.currency)
    )
    owed: dict[int, list[tuple[str, Decimal]]] = {}
    for customer_id, currency, amount in session.execute(query):
        if amount:
            owed.setdefault(customer_id, []).append((currency, amount))
    return owed


def _owed_by_customer() -> Any:
    sums = (
        select(func.sum(Invoice.total - PAID, type_=Amount))
        .where(Invoice.customer_id == Customer.id, Invoice.status == InvoiceStatus.SENT.value)
        .correlate(Customer)
        .scalar_subquery()
    )
    return func.coalesce(sums, literal(ZERO, Amount))
