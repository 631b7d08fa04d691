"""Turns what was typed into the values of an invoice, or says which field can't be kept and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.books.items import other_work
from desktop.books.totals import Line, Rounding, Totals, compute
from desktop.books.typed import checked
from desktop.errors import InputError
from desktop.models.customer import Customer
from desktop.models.invoice import TaxCode
from desktop.models.item import Item
from desktop.money import ZERO, bookable, currency_places, fine_number
from desktop.text import tr

LINES_LIMIT = 750
"""Lines of an invoice: what the strictest service takes (QuickBooks, taxable)."""
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)


@dataclass(frozen=True, slots=True)
class LineDraft:
    """One line as typed. A fault in line 3 is named "lines.2.<field>"."""

    item_id: int | None
    """None for free text: the line uses "Other work" (E4)."""
    description: str
    quantity: Decimal
    unit_price: Decimal
    tax_code_id: int | None = None


@dataclass(frozen=True, slots=True)
class InvoiceDraft:
    """An invoice as typed; amounts in its currency."""

    customer_id: int
    issued_on: date
    due_on: date | None
    lines: tuple[LineDraft, ...]
    discount_percent: Decimal | None = None
    discount_amount: Decimal | None = None
    note: str = ""
    number: str | None = None
    """None takes the next number, or keeps the one an invoice has."""
    currency: str | None = None
    """None takes the desk's, or keeps the one an invoice has."""


@dataclass(frozen=True, slots=True)
class Written:
    """A draft, checked and added up: the columns of the invoice, and of each line."""

    values: dict[str, Any]
    lines: tuple[dict[str, Any], ...]


def check_day(field: str, day: date) -> date:
    """`day` unchanged. Raises InputError outside 1990-2100: a slip of the keyboard, not a date of business."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise InputError(
            field,
            tr("{day} can't be right: dates lie between {first} and {last}.", day=day, first=FIRST_DAY, last=LAST_DAY),
        )
    return day


def write_out(
    session: Session, desk: Desk, draft: InvoiceDraft, rounding: Rounding, *, currency: str | None = None
) -> Written:
    """The values that `draft` stands for. `currency` is what it falls back on before the desk's.

    Raises InputError naming the first field that can't be kept; writes nothing but, where needed, the
    built-in item.
    """
    if session.get(Customer, draft.customer_id or 0) is None:
        raise InputError("customer_id", tr("Choose a customer."))
    check_day("issued_on", draft.issued_on)
    if draft.due_on is not None:
        check_day("due_on", draft.due_on)
        if draft.due_on < draft.issued_on:
            raise InputError("due_on", tr("The due date lies before the date of the invoice."))
    chosen = draft.currency or currency or desk.currency
    currency_places(chosen)
    note = checked("note", tr("The note"), draft.note, 4000, multiline=True)
    _check_discount(draft, chosen)
    lines = _lines(session, desk, draft)
    totals = _totals(draft, lines, rounding, chosen)
    for line, amount in zip(lines, totals.amounts, strict=True):
        line["amount"] = amount
    values = {
        "customer_id": draft.customer_id,
        "issued_on": draft.issued_on,
        "due_on": draft.due_on,
        "currency": chosen,
        "discount_percent": draft.discount_percent,
        "discount_amount": draft.discount_amount,
        "rounding": rounding.value,
        "note": note,
        "subtotal": totals.subtotal,
        "discount": totals.discount,
        "tax": totals.tax,
        "total": totals.total,
    }
    return Written(values, tuple(lines))


def _check_discount(draft: InvoiceDraft, currency: str) -> None:
    percent, amount = draft.discount_percent, draft.discount_amount
    if percent is not None and amount is not None:
        raise InputError("discount_amount", tr("Give the discount as a percentage or as an amount, not both."))
    if percent is not None and fine_number(percent, "discount_percent") > 100:
        raise InputError("discount_percent", tr("A discount can't be more than 100 %."))
    if amount is not None and bookable(amount, currency, "discount_amount") < 0:
        raise InputError("discount_amount", tr("A discount can't be negative."))


def _lines(session: Session, desk: Desk, draft: InvoiceDraft) -> list[dict[str, Any]]:
    if not draft.lines:
        raise InputError("lines", tr("An invoice needs at least one line."))
    if len(draft.lines) > LINES_LIMIT:
        raise InputError(
            "lines",
            tr("{count} lines are too many: an invoice takes {limit}.", count=len(draft.lines), limit=LINES_LIMIT),
            tr("Split it into two invoices."),
        )
    rates: dict[int, Decimal] = {}
    return [_line(session, desk, f"lines.{place}.", line, rates) for place, line in enumerate(draft.lines)]


def _line(session: Session, desk: Desk, at: str, line: LineDraft, rates: dict[int, Decimal]) -> dict[str, Any]:
    if line.item_id is not None and session.get(Item, line.item_id) is None:
        raise InputError(at + "item_id", tr("Choose an item."))
    if line.tax_code_id is not None and line.tax_code_id not in rates:
        code = session.get(TaxCode, line.tax_code_id)
        if code is None:
            raise InputError(at + "tax_code_id", tr("Choose a tax code."))
        rates[line.tax_code_id] = code.rate
    return {
        "item_id": line.item_id if line.item_id is not None else other_work(session, desk),
        "description": checked(at + "description", tr("The description"), line.description, 4000, multiline=True),
        "quantity": fine_number(line.quantity, at + "quantity", negative=True),
        "unit_price": fine_number(line.unit_price, at + "unit_price", negative=True),
        "tax_code_id": line.tax_code_id,
        "tax_rate": rates[line.tax_code_id] if line.tax_code_id is not None else ZERO,
    }


def _totals(draft: InvoiceDraft, lines: list[dict[str, Any]], rounding: Rounding, currency: str) -> Totals:
    counted = [Line(line["quantity"], line["unit_price"], line["tax_rate"]) for line in lines]
    totals = compute(
        counted,
        currency=currency,
        discount_percent=draft.discount_percent,
        discount_amount=draft.discount_amount,
        rounding=rounding,
    )
    for place, amount in enumerate(totals.amounts):
        bookable(amount, currency, f"lines.{place}.unit_price")
    bookable(totals.subtotal, currency, "lines")
    bookable(totals.total, currency, "lines")
    if totals.subtotal >= 0 and totals.discount > totals.subtotal:
        raise InputError("discount_amount", tr("The discount is larger than the invoice."))
    if totals.subtotal < 0 or totals.total < 0:
        raise InputError("lines", tr("The total can't be negative."), tr("A refund is not an invoice."))
    return totals
