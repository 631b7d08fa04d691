"""Look-ups and payments: what Wave can't be asked for directly, found in as few documents as can be (contract 4, 7)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from desktop.errors import AnswerUnreadable
from desktop.providers.reading import Payload, parts, text
from desktop.providers.records import Found, Kind, Lookup, Page, PaymentRecord
from desktop.providers.wave_asking import (
    Asking,
    NameIndex,
    pages_left,
    read_all,
    rows_of,
    same_name,
    since_filter,
    understood,
)
from desktop.providers.wave_documents import (
    BILLS,
    CUSTOMER_NAMES,
    NUMBERED,
    PRODUCT_NAMES,
    Question,
    one,
    payments_of,
)
from desktop.providers.wave_faults import SERVICE
from desktop.providers.wave_reading import (
    customer_from_node,
    flag,
    identity,
    invoice_from_node,
    item_from_node,
    money,
    payment_from_node,
)


class _ListedOnly(Exception):
    """A list names this id, and asked for by itself it is not found: that is no "not there" (I1)."""


class Finding:
    """The look-ups of one business; remembers the names it has seen."""

    def __init__(self, asking: Asking, now: Callable[[], datetime]) -> None:
        self._asking = asking
        self._now = now
        self._customer_names = NameIndex(CUSTOMER_NAMES)
        self._product_names = NameIndex(PRODUCT_NAMES)

    async def payments(self, changed_since: datetime | None = None) -> AsyncIterator[Page[PaymentRecord]]:
        """All payments: Wave shows them only with one invoice at a time, so paid invoices are asked for, many at once.

        With `changed_since`, all payments of the invoices that changed since.
        """
        async for found in self._asking.pages(BILLS, since_filter(changed_since)):
            with understood(None):
                paid = [identity(row)[0] for row in found.records if money(row, "amountPaid") != 0]
            if paid:
                records, unreadable = await self._payments_of(paid)
                yield Page(tuple(records), None, unreadable=unreadable)

    async def _payments_of(self, invoices: Iterable[str]) -> tuple[list[PaymentRecord], int]:
        _, found = await self._asking.ask([payments_of(invoice_id) for invoice_id in invoices])
        records: list[PaymentRecord] = []
        unreadable = 0
        with understood(None):
            for invoice in found:
                if invoice is not None:
                    rows = parts(invoice, "payments")
                    good, bad = read_all(rows, lambda row, of=invoice: payment_from_node(row, of))  # type: ignore[misc]
                    records += good
                    unreadable += bad
        return records, unreadable

    async def find(self, lookup: Lookup) -> Found:
        """Answers in as few documents as can be; names are compared here, because Wave can't be asked for one.

        Raises ConnectionProblem, also if an answer can't be read: "not found" is only said when it is sure.
        """
        if lookup == Lookup():
            return Found()  # an empty document would be a call all the same
        try:
            return await self._find(lookup)
        except _ListedOnly:  # deleted since the name was read, or one of the two is wrong: a new list tells
            self._customer_names.forget()
            self._product_names.forget()
        try:
            return await self._find(lookup)
        except _ListedOnly as error:
            raise AnswerUnreadable(SERVICE, details=f"{error} is in the list and not found by its id") from error

    async def _find(self, lookup: Lookup) -> Found:
        ids = {kind: list(dict.fromkeys(wanted)) for kind, wanted in _ids(lookup)}
        nodes: dict[Kind, list[Payload]] = {kind: [] for kind in Kind}
        waiting = [(kind, one(kind, external_id)) for kind, wanted in ids.items() for external_id in wanted]
        numbers = list(dict.fromkeys(lookup.invoice_numbers))
        bills = list(dict.fromkeys(paid.customer_id for paid in lookup.payments if not paid.invoice_ids))
        invoices = {invoice_id for paid in lookup.payments for invoice_id in paid.invoice_ids}
        lists = [NUMBERED.page(1, invoiceNumber=("String", wanted)) for wanted in numbers]
        lists += [BILLS.page(1, customerId=("ID", customer)) for customer in bills]
        indexes = [
            (index, kind, {same_name(name) for name in names})
            for index, kind, names in (
                (self._customer_names, Kind.CUSTOMER, lookup.customer_names),
                (self._product_names, Kind.ITEM, lookup.item_names),
            )
            if names
        ]
        now = self._now()
        pages = [index.page(1) for index, _, _ in indexes]
        _, answers = await self._asking.ask([*(question for _, question in waiting), *lists, *pages])
        with understood(None):
            for (kind, _), node in zip(waiting, answers, strict=False):
                nodes[kind] += [node] if node is not None else []
            at = len(waiting)
            rows = [rows_of(answer) for answer in answers[at:]]
            further = await self._further(
                [*[(NUMBERED, {"invoiceNumber": ("String", wanted)}) for wanted in numbers],
                 *[(BILLS, {"customerId": ("ID", customer)}) for customer in bills],
                 *[(index.listing, index.filters) for index, _, _ in indexes]],
                answers[at:],
            )  # fmt: skip
            rows = [first + more for first, more in zip(rows, further, strict=True)]
            for wanted, found in zip(numbers, rows, strict=False):
                nodes[Kind.INVOICE] += [r for r in found if same_name(text(r, "invoiceNumber")) == same_name(wanted)]
            for found in rows[len(numbers) : len(numbers) + len(bills)]:
                invoices |= {identity(row)[0] for row in found if money(row, "amountPaid") != 0}
            for (index, _, _), found in zip(indexes, rows[len(numbers) + len(bills) :], strict=True):
                index.take(found)
                index.as_of = now
        again = [(kind, hit) for index, kind, names in indexes for hit in index.called(names) if hit not in ids[kind]]
        return await self._together(nodes, again, invoices)

    async def _further(
        self, lists: Sequence[tuple[Any, Mapping[str, tuple[str, Any]]]], first: Sequence[Any]
    ) -> list[list[Payload]]:
        """The rows of the pages behind the first one of each list, several pages in a document."""
        wanted = [(at, page) for at, found in enumerate(first) for page in range(2, pages_left(found) + 2)]
        rows: list[list[Payload]] = [[] for _ in lists]
        if wanted:
            questions: list[Question] = [lists[at][0].page(page, **lists[at][1]) for at, page in wanted]
            _, answers = await self._asking.ask(questions)
            for (at, _), answer in zip(wanted, answers, strict=True):
                rows[at] += rows_of(answer)
        return rows

    async def _together(
        self, nodes: dict[Kind, list[Payload]], again: Sequence[tuple[Kind, str]], invoices: Iterable[str]
    ) -> Found:
        bills = sorted(invoices)
        questions = [one(kind, external_id) for kind, external_id in again] + [payments_of(bill) for bill in bills]
        payments: dict[str, PaymentRecord] = {}
        if questions:
            _, answers = await self._asking.ask(questions)
            with understood(None):
                for (kind, external_id), node in zip(again, answers, strict=False):
                    if node is None:
                        raise _ListedOnly(external_id)
                    nodes[kind].append(node)
                for invoice in answers[len(again) :]:
                    for row in parts(invoice, "payments") if invoice is not None else []:
                        payments[identity(row)[0]] = payment_from_node(row, invoice)
        with understood(None):
            for node in nodes[Kind.PAYMENT]:
                payments[identity(node)[0]] = payment_from_node(node)
            customers = [customer_from_node(node) for node in _each(nodes[Kind.CUSTOMER])]
            items = [item_from_node(node) for node in _each(nodes[Kind.ITEM]) if sellable(node)]
            return Found(
                customers=tuple(sorted(customers, key=lambda record: not record.active)),
                items=tuple(sorted(items, key=lambda record: not record.active)),
                invoices=tuple(invoice_from_node(node) for node in _each(nodes[Kind.INVOICE])),
                payments=tuple(payments.values()),
            )


def sellable(node: Payload) -> bool:
    """Whether a product can stand on an invoice, once it has an account: not one that is only bought."""
    return not (flag(node, "isBought") and not flag(node, "isSold"))


def _ids(lookup: Lookup) -> tuple[tuple[Kind, tuple[str, ...]], ...]:
    return (
        (Kind.CUSTOMER, lookup.customer_ids),
        (Kind.ITEM, lookup.item_ids),
        (Kind.INVOICE, lookup.invoice_ids),
        (Kind.PAYMENT, lookup.payment_ids),
    )


def _each(nodes: Iterable[Payload]) -> list[Payload]:
    """Every node once, though several questions may have found it."""
    return list({identity(node)[0]: node for node in nodes}.values())
