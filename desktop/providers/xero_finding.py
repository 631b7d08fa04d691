"""Answers "does it exist already, and what does it hold?" in as few calls as can be (contract 8.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from desktop.providers.reading import Payload, parts, text
from desktop.providers.records import (
    CustomerRecord,
    Found,
    InvoiceRecord,
    ItemRecord,
    Kind,
    Lookup,
    PaymentLookup,
    PaymentRecord,
)
from desktop.providers.xero_asking import Asking, either, listed, quoted, understood
from desktop.providers.xero_reading import (
    IDS,
    customer_from_payload,
    invoice_from_payload,
    item_from_payload,
    payment_from_payload,
)

RecordT = TypeVar("RecordT", CustomerRecord, ItemRecord, InvoiceRecord, PaymentRecord)
Rates = Mapping[str, Decimal | None]

OVERLAP = timedelta(minutes=5)
"""Taken off every instant that is asked by, for clocks that disagree (contract 2.3)."""
MANY = 30
"""From so many records of our own on, one list of what changed since is shorter than lists of ids."""


def same_name(left: str, right: str) -> bool:
    return left.strip().casefold() == right.strip().casefold()


class Finding:
    """Look-ups of one organisation. It remembers when this program wrote which record, so that reading back many
    of them takes one list of what changed since."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._written: dict[tuple[Kind, str], datetime] = {}

    def note_written(self, kind: Kind, external_id: str | None, at: datetime) -> None:
        """This record was written in a call that was sent at `at` (the service's time, UTC)."""
        if external_id:
            self._written.setdefault((kind, external_id), at)

    async def find(self, lookup: Lookup, rates: Rates) -> Found:
        """See `Provider.find`. Raises ConnectionProblem, also if an answer can't be read."""
        customers = await self._customers(lookup)
        items = await self._items(lookup)
        invoices = await self._invoices(lookup)
        payments, missing = self._on_invoices(lookup.payment_ids, invoices)
        paid = [*await self._by_ids(Kind.PAYMENT, missing), *await self._payments(lookup.payments)]
        with understood(None):
            read = _each(paid, Kind.PAYMENT, payment_from_payload)
            return Found(
                customers=tuple(
                    sorted(_each(customers, Kind.CUSTOMER, customer_from_payload), key=lambda one: not one.active)
                ),
                items=_each(items, Kind.ITEM, item_from_payload),
                invoices=_each(invoices, Kind.INVOICE, lambda row: invoice_from_payload(row, rates)),
                payments=(*payments, *read),
            )

    async def _customers(self, lookup: Lookup) -> list[Payload]:
        rows = await self._by_ids(Kind.CUSTOMER, lookup.customer_ids)
        archived = ("includeArchived", "true")
        for where in either(f"Name=={quoted(name)}" for name in lookup.customer_names):
            rows += await self._asking.all(Kind.CUSTOMER, (("where", where), archived))
        return rows

    async def _items(self, lookup: Lookup) -> list[Payload]:
        """Items are one unpaged list: what doesn't fit into one question is compared here."""
        tests = [f"Name=={quoted(name)}" for name in lookup.item_names]
        tests += [f"Code=={quoted(code)}" for code in lookup.item_ids]
        if not tests:
            return []
        questions = list(either(tests))
        query = (("where", questions[0]),) if len(questions) == 1 else ()
        rows = await self._asking.all(Kind.ITEM, query)
        with understood(None):
            return [
                row
                for row in rows
                if any(same_name(text(row, "Name"), name) for name in lookup.item_names)
                or any(same_name(text(row, "Code"), code) for code in lookup.item_ids)
            ]

    async def _invoices(self, lookup: Lookup) -> list[Payload]:
        rows = await self._by_ids(Kind.INVOICE, lookup.invoice_ids)
        plain = [number for number in lookup.invoice_numbers if "," not in number]
        questions = [(("InvoiceNumbers", numbers),) for numbers in listed(plain)]
        rest = [number for number in lookup.invoice_numbers if "," in number]
        questions += [(("where", where),) for where in either(f"InvoiceNumber=={quoted(n)}" for n in rest)]
        for question in questions:
            rows += await self._asking.all(Kind.INVOICE, question)
        with understood(None):  # the numbers of deleted drafts are free again
            by_id = set(lookup.invoice_ids)
            return [
                row
                for row in rows
                if text(row, "Type") == "ACCREC" and (text(row, "Status") != "DELETED" or row.get("InvoiceID") in by_id)
            ]

    def _on_invoices(
        self, wanted: Sequence[str], invoices: Iterable[Payload]
    ) -> tuple[tuple[PaymentRecord, ...], list[str]]:
        """Payments that the invoices just read show by themselves, and the ids of those that they don't."""
        found: dict[str, PaymentRecord] = {}
        with understood(None):
            for invoice in invoices:
                for row in parts(invoice, "Payments"):
                    if row.get("PaymentID") in wanted:
                        found[text(row, "PaymentID")] = payment_from_payload(row, invoice)
        return tuple(found.values()), [one for one in wanted if one not in found]

    async def _payments(self, lookups: Sequence[PaymentLookup]) -> list[Payload]:
        """Payments of these customers on these days."""
        if not lookups:
            return []
        days = sorted({one.paid_on for one in lookups})
        first, last = (f"DateTime({day.year},{day.month},{day.day})" for day in (days[0], days[-1]))
        where = f"Date>={first} AND Date<={last}"
        rows = await self._asking.all(Kind.PAYMENT, (("where", where),))
        asked = {(one.customer_id, one.paid_on) for one in lookups}
        with understood(None):
            read = [(row, payment_from_payload(row)) for row in rows]
        return [row for row, record in read if (record.customer_id, record.paid_on) in asked]

    async def _by_ids(self, kind: Kind, ids: Sequence[str]) -> list[Payload]:
        if not ids:
            return []
        rows: list[Payload] = []
        known = [self._written.get((kind, one)) for one in ids]
        times = [moment for moment in known if moment is not None]
        archived = (("includeArchived", "true"),) if kind is Kind.CUSTOMER else ()
        wanted = dict.fromkeys(ids)
        if len(times) == len(ids) and (len(ids) > MANY or kind is Kind.PAYMENT):
            recent = await self._asking.all(kind, archived, min(times) - OVERLAP)
            rows = [row for row in recent if row.get(IDS[kind]) in wanted]
            for row in rows:
                wanted.pop(str(row[IDS[kind]]), None)
        left = list(wanted)
        if kind is Kind.PAYMENT:
            for where in either(f'PaymentID==guid("{one}")' for one in left):
                rows += await self._asking.all(kind, (("where", where),))
            return rows
        for some in listed(left):
            rows += await self._asking.all(kind, (("IDs", some), *archived))
        return rows

    async def current(self, kind: Kind, ids: Sequence[str]) -> dict[str, Payload]:
        """What is there now of these records, by id, fresh from Xero."""
        if kind is Kind.ITEM:
            tests = list(either(f"Code=={quoted(code)}" for code in ids))
            rows = await self._asking.all(kind, (("where", tests[0]),) if len(tests) == 1 else ())
        else:
            archived = (("includeArchived", "true"),) if kind is Kind.CUSTOMER else ()
            rows = []
            for some in listed(ids):
                rows += await self._asking.all(kind, (("IDs", some), *archived))
        return {str(row.get(IDS[kind])): row for row in rows}


def _each(rows: Iterable[Payload], kind: Kind, read: Callable[[Payload], RecordT]) -> tuple[RecordT, ...]:
    """Every record once, though several questions may have found it."""
    return tuple({text(row, IDS[kind]): read(row) for row in rows}.values())
