"""Invoice numbers: "INV-0001" and on, reserved by whoever holds the write lock, so that two desks never collide."""

from __future__ import annotations

import re
from itertools import count

from sqlalchemy import collate, select
from sqlalchemy.orm import Session

from desktop.books.typed import checked
from desktop.errors import InputError
from desktop.models.desk import Setting
from desktop.models.invoice import Invoice, NumberSeries
from desktop.text import tr

NUMBER_LIMIT = 21
"""Characters of a number: what the strictest service takes (QuickBooks DocNumber)."""
PREFIX = "INV-"
PREFIX_SETTING = "invoice.prefix"
_DIGITS = 12
_LOOK = 50
"""Numbers looked at in one query; those like INV-7-B lie among the ones that count."""


def number_key(number: str) -> str:
    """`number` for ordering: digits padded, so that 9 comes before 10, and case ignored."""
    padded = re.sub(r"[0-9]+", lambda match: match[0].zfill(_DIGITS), number.casefold())
    return padded[:60]


def next_number(session: Session) -> str:
    """The number that a new invoice would get now; reserves nothing."""
    series = _series(session)
    return _format(series.prefix, _free_value(session, series), series.width)


def reserve_number(session: Session) -> str:
    """The next number, taken for good in this unit of work; numbers of deleted drafts are not given again."""
    found = _series(session)
    series = session.get(NumberSeries, found.prefix) or found
    value = _free_value(session, series)
    series.next_value = value + 1
    session.add(series)
    return _format(series.prefix, value, series.width)


def check_number(session: Session, number: str, own_id: int | None = None) -> str:
    """`number` unchanged. Raises InputError ("number") when it is empty, too long, unfit, or taken."""
    check_number_form(number)
    with session.no_autoflush:
        holder = session.execute(select(Invoice.id).where(Invoice.number == number)).scalar_one_or_none()
    if holder is not None and holder != own_id:
        raise InputError(
            "number",
            tr("There is already an invoice {number}.", number=number),
            tr("The next free number is {number}.", number=next_number(session)),
        )
    return number


def check_number_form(number: str) -> str:
    """`number` unchanged. Raises InputError ("number") when it can't be one, whatever invoices there are."""
    checked("number", tr("The invoice number"), number, NUMBER_LIMIT, needed=True)
    if number != number.strip():
        raise InputError("number", tr("The invoice number must not begin or end with a blank."))
    return number


def _series(session: Session) -> NumberSeries:
    setting = session.get(Setting, PREFIX_SETTING)
    prefix = str(setting.value) if setting is not None else PREFIX
    with session.no_autoflush:
        return session.get(NumberSeries, prefix) or NumberSeries(prefix=prefix, next_value=1, width=4)


def _free_value(session: Session, series: NumberSeries) -> int:
    """At least one above the highest number in use, whoever wrote it."""
    return max(series.next_value, _highest(session, series.prefix) + 1)


def _highest(session: Session, prefix: str) -> int:
    key = prefix.casefold()
    column = Invoice.number_key
    if session.get_bind().dialect.name == "postgresql":
        column = collate(Invoice.number_key, "C")  # type: ignore[assignment]  # other orders skip hyphens
    low, high = key + "0" * _DIGITS, key + "9" * _DIGITS
    query = select(Invoice.number).where(column.between(low, high)).order_by(column.desc(), Invoice.id)
    form = re.compile(re.escape(prefix) + rf"([0-9]{{1,{_DIGITS}}})", re.IGNORECASE)
    for start in count(0, _LOOK):
        numbers = session.scalars(query.limit(_LOOK).offset(start)).all()
        for match in filter(None, map(form.fullmatch, numbers)):
            return int(match[1])
        if len(numbers) < _LOOK:
            break
    return 0


def _format(prefix: str, value: int, width: int) -> str:
    number = f"{prefix}{value:0{width}d}"
    if len(number) > NUMBER_LIMIT:
        raise InputError("number", tr("The numbers have become too long: choose a shorter beginning."))
    return number
