"""The lists as tables for a CSV file: every field that is kept, so that out and in again gives the same rows (N17).

Words are made safe for spreadsheets, amounts stay plain numbers, dates are ISO (U5). Placeholder addresses are left
out (I19). The headings are the words of the screens, which the import understands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from desktop.books.customers import real_email
from desktop.books.sheets import escaped
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice, InvoiceLine
from desktop.models.item import Item
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.states import InvoiceStatus
from desktop.money import ZERO, round_money
from desktop.text import tr

_PAGE = 500
RowT = TypeVar("RowT", Customer, Item)


def customers_table(session: Session, ids: Sequence[int]) -> list[list[str]]:
    """Headings, and the customers of `ids` in their order."""
    rows = [
        [
            tr("Name"),
            tr("First name"),
            tr("Last name"),
            tr("Company"),
            tr("E-mail"),
            tr("Phone"),
            tr("Street"),
            tr("Address line 2"),
            tr("City"),
            tr("State"),
            tr("ZIP code"),
            tr("Country"),
            tr("Type"),
            tr("Active"),
            tr("Notes"),
        ]
    ]
    found = _by_id(session, Customer, ids)
    for one in (found[each] for each in ids if each in found):
        words = (
            one.display_name,
            one.given_name,
            one.family_name,
            one.company_name,
            real_email(one.email),
            one.phone,
            one.line1,
            one.line2,
            one.city,
            one.region,
            one.postal_code,
            one.country,
            one.kind,
            _yes(one.active),
            one.notes,
        )
        rows.append([escaped(word) for word in words])
    return rows


def items_table(session: Session, ids: Sequence[int]) -> list[list[str]]:
    """Headings, and the items of `ids` in their order; the built-in one makes itself and is left out."""
    rows = [[tr("Name"), tr("Description"), tr("Price"), tr("Code"), tr("Taxable"), tr("Active")]]
    found = _by_id(session, Item, ids)
    for one in (found[each] for each in ids if each in found):
        if not one.builtin:
            price = "" if one.unit_price is None else plain(one.unit_price, 2)
            rows.append(
                [
                    escaped(one.name),
                    escaped(one.description),
                    price,
                    escaped(one.sku),
                    _yes(one.taxable),
                    _yes(one.active),
                ]
            )
    return rows


def invoices_table(session: Session, ids: Sequence[int]) -> list[list[str]]:
    """Headings, and a row for each line of the invoices of `ids`, with what concerns the whole on each of them."""
    rows = [
        [
            tr("Invoice number"),
            tr("Customer"),
            tr("Customer's e-mail"),
            tr("Date"),
            tr("Due"),
            tr("Status"),
            tr("Item"),
            tr("Description"),
            tr("Quantity"),
            tr("Unit price"),
            tr("Line amount"),
            tr("Tax rate"),
            tr("Discount in percent"),
            tr("Discount"),
            tr("Tax amount"),
            tr("Invoice total"),
            tr("Paid so far"),
            tr("Still owed"),
            tr("Date paid"),
            tr("Currency"),
            tr("Note"),
        ]
    ]
    for start in range(0, len(ids), _PAGE):
        rows += _invoice_page(session, list(ids[start : start + _PAGE]))
    return rows


def _invoice_page(session: Session, ids: list[int]) -> list[list[str]]:
    query = select(Invoice).where(Invoice.id.in_(ids)).options(selectinload(Invoice.lines))
    found = {one.id: one for one in session.scalars(query)}
    customers = _by_id(session, Customer, {one.customer_id for one in found.values()})
    items = _by_id(session, Item, {line.item_id for one in found.values() for line in one.lines})
    paid = _paid(session, ids)
    rows: list[list[str]] = []
    for one in (found[each] for each in ids if each in found):
        amount, last = paid.get(one.id, (ZERO, None))
        rows += [
            _line(one, line, customers[one.customer_id], items[line.item_id].name, amount, last) for line in one.lines
        ]
    return rows


def _line(
    one: Invoice, line: InvoiceLine, customer: Customer, item: str, paid: Decimal, last: date | None
) -> list[str]:
    money = one.currency
    return [
        escaped(one.number),
        escaped(customer.display_name),
        escaped(real_email(customer.email)),
        one.issued_on.isoformat(),
        one.due_on.isoformat() if one.due_on else "",
        _status(one, paid),
        escaped(item),
        escaped(line.description),
        plain(line.quantity),
        plain(line.unit_price, 2),
        _money(line.amount, money),
        plain(line.tax_rate),
        plain(one.discount_percent) if one.discount_percent is not None else "",
        _money(one.discount_amount, money) if one.discount_amount is not None else "",
        _money(one.tax, money),
        _money(one.total, money),
        _money(paid, money),
        _money(one.total - paid, money) if one.status == InvoiceStatus.SENT else _money(ZERO, money),
        last.isoformat() if last else "",
        money,
        escaped(one.note),
    ]


def _status(one: Invoice, paid: Decimal) -> str:
    if one.status == InvoiceStatus.SENT and one.total and paid >= one.total:
        return "paid"
    return one.status


def _paid(session: Session, ids: list[int]) -> dict[int, tuple[Decimal, date]]:
    query = (
        select(PaymentAllocation.invoice_id, PaymentAllocation.amount, Payment.paid_on)
        .join(Payment, Payment.id == PaymentAllocation.payment_id)
        .where(PaymentAllocation.invoice_id.in_(ids), Payment.deleted.is_(False))
    )
    found: dict[int, tuple[Decimal, date]] = {}
    for invoice_id, amount, paid_on in session.execute(query):
        before, last = found.get(invoice_id, (ZERO, paid_on))
        found[invoice_id] = (before + amount, max(last, paid_on))
    return found


def _by_id(session: Session, table: type[RowT], ids: Iterable[int]) -> dict[int, RowT]:
    wanted = list(ids)
    found: dict[int, RowT] = {}
    for start in range(0, len(wanted), _PAGE):
        rows = session.scalars(select(table).where(table.id.in_(wanted[start : start + _PAGE])))
        found.update((row.id, row) for row in rows)
    return found


def plain(value: Decimal, places: int = 0) -> str:
    """A number without grouping, as exact as it is and with at least `places` decimals: what every program reads."""
    exact = max(places, -int(value.normalize().as_tuple().exponent)) if value else places
    return f"{value:.{exact}f}"


def _money(value: Decimal, currency: str) -> str:
    return f"{round_money(value, currency):f}"


def _yes(on: bool) -> str:
    return tr("yes") if on else tr("no")
