"""Going back to a copy of the books after a disaster, as the owner does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from desktop.books import customers, invoices, items, payments, queries
from desktop.books.customers import CustomerDraft
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.items import ItemDraft
from desktop.books.payments import PaymentDraft
from desktop.core import Core, Options
from desktop.errors import Fix, NumberTaken
from desktop.models.backup import newest_good, restore_backup
from desktop.providers.records import Kind, PaymentMethod
from desktop.sync import mapping
from desktop.sync.resolving import link_invoice
from desktop.sync.schedule import Wish
from desktop.sync.tax_payments import save_deposits, tax_payments_view
from tests.helpers.control import Control
from tests.helpers.desk import open_core, sign_in_to_demo

KINDS = ("customers", "items", "invoices", "payments")


async def put_back(options: Options, backups: Path, control: Control) -> Core:
    """The books are damaged, and the program goes on with the newest good copy."""
    books = Path(options.database)
    books.write_bytes(b"not a database" * 500)
    backup = newest_good(backups)
    assert backup is not None
    kept = restore_backup(books, backup, options.clock.now())
    assert kept is not None and kept.read_bytes().startswith(b"not a database")
    control.clock(120)  # the limits of the service know nothing of our new start
    return await Core.open(replace(options))


@dataclass
class Sent:
    """An invoice that is there, while the copy of the books taken before knows nothing of it."""

    folder: Path
    control: Control
    options: Options
    customer: int
    items: list[int]
    invoice: int
    accounts: list[str]

    @asynccontextmanager
    async def back(self) -> AsyncIterator[Core]:
        """The books as the copy has them."""
        core = await put_back(self.options, self.folder / "desk" / "backups", self.control)
        try:
            yield core
        finally:
            await core.close()

    def there(self) -> dict[str, Any]:
        return next(one for one in self.control.books()["invoices"] if one["number"] == "RN-1")

    def counts(self) -> list[int]:
        books = self.control.books()
        return [len(books[kind]) for kind in KINDS]

    def change_quantity(self, quantity: str) -> None:
        """The bookkeeper changes how much of it stands on the one line of the invoice there."""
        (line,) = self.there()["lines"]
        kept = {name: line[name] for name in ("item_id", "unit_price", "description") if line.get(name)}
        if "item_id" not in kept:  # a line there has the item's name alone
            kept["name"] = kept.pop("description")
        amount = str(Decimal(line["unit_price"]) * Decimal(quantity))
        lines = [{**kept, "quantity": quantity, "amount": amount}]
        self.control.edit("invoice", self.there()["id"], {"lines": lines})

    def amend_payment(self, amount: str) -> None:
        """The bookkeeper corrects what the one payment of the invoice came to."""
        there = self.there()["id"]
        (payment,) = [one for one in self.control.books()["payments"] if there in paid_by(one)]
        more: dict[str, Any] = {"amount": amount}
        if self.control.service == "quickbooks":
            more["allocations"] = [{"invoice_id": there, "amount": amount}]
        self.control.edit("payment", payment["id"], more)

    def relined(self, order: Sequence[int]) -> None:
        """The lines of the invoice there are put in this order; the first item of it stands on each that is named."""
        lines = [
            {key: line[key] for key in ("item_id", "quantity", "unit_price", "amount") if key in line}
            for line in self.there()["lines"]
        ]
        self.control.edit("invoice", self.there()["id"], {"lines": [lines[n] for n in order]})


@asynccontextmanager
async def sending(
    folder: Path,
    sandbox: Any,
    control: Control,
    *names: tuple[str, int],
    ready: str = "",
    draft: bool = False,
    known: bool = False,
    paid: Decimal = Decimal(0),
) -> AsyncIterator[tuple[Core, Sent]]:
    """Sends an invoice over items of these names and prices once the block has ended; the copy is taken before it.

    The item `ready` is sent before the copy and stands on no line; with `draft` the copy has a draft; with
    `known` the invoice is sent before the copy; `paid` is recorded before the copy and goes along after it.
    """
    async with open_core(folder / "desk", sandbox) as core:
        await sign_in_to_demo(core, sandbox, control.service)
        await core.sync_now()
        day = core.clock.now().astimezone().date()
        customer = await core.do(customers.create_customer, CustomerDraft("Late Payer", email="late@payer.example"))
        made = [
            await core.do(items.create_item, ItemDraft(name=name, unit_price=Decimal(price))) for name, price in names
        ]
        key = await core.company_key()
        assert key is not None
        banks = (await core.ask(tax_payments_view, key)).accounts
        if banks:
            await core.do(save_deposits, key, {one.value: banks[0].external_id for one in PaymentMethod})
        view = await core.ask(mapping.mapping_view, key)
        accounts = [one.external_id for one in view.accounts]
        if accounts:
            await core.do(mapping.save_mapping, key, {item: accounts[n] for n, item in enumerate(made)})
        lines = tuple(
            LineDraft(item, "", Decimal(1), Decimal(price))
            for item, (name, price) in zip(made, names, strict=True)
            if name != ready
        )
        invoice = await core.do(
            invoices.create_invoice, InvoiceDraft(customer, day, day + timedelta(days=14), lines, number="RN-1")
        )
        if not draft:
            await core.do(invoices.mark_sent, invoice)
        if known:
            assert (await core.sync([(Kind.INVOICE, invoice)])).clean
        if paid:
            await core.do(payments.record_payment, PaymentDraft(invoice, day, paid, "check", "1041"))
        if ready:
            assert (await core.sync([(Kind.ITEM, made[-1])])).clean
        assert await core.daily_backup() is not None
        sent = Sent(folder, control, core.options, customer, made, invoice, accounts)
        if draft:
            await core.do(invoices.mark_sent, invoice)
        yield core, sent
        report = await core.sync([(Kind.INVOICE, invoice), *((Kind.ITEM, one) for one in made)])
        assert report.clean, report


FIRST = pytest.mark.parametrize("first", ["invoice", "run"])
"""Whether the owner sends the invoice first after going back, or the weekly run looks first."""


async def go_on(core: Core, sent: Sent, first: str, *, known: bool = False) -> None:
    """The owner syncs the invoice after going back; where nothing proves that it is ours, links it as the card offers.

    With `known` the copy knew that it was there.
    """
    if first == "run":
        await core.runner.drain(wait_for_lease=True, wish=Wish(actor="owner"))
    report = await core.sync([(Kind.INVOICE, sent.invoice)])
    if sent.control.service != "quickbooks" and not known:  # invoices bear our stamp there alone: the owner is asked
        error = report.refused[f"invoice:{sent.invoice}"]
        assert isinstance(error, NumberTaken) and error.fix is Fix.LINK_INVOICE, report
        await link_invoice(await core.require_company(), sent.invoice)
        report = await core.sync([(Kind.INVOICE, sent.invoice)])
    assert report.clean, report


async def invoice_of(core: Core, sent: Sent) -> Any:
    """The invoice as the detail pane shows it."""
    return await core.ask(queries.invoice_detail, sent.invoice, await core.company_key())


def paid_by(payment: dict[str, Any]) -> set[str]:
    """The ids of the invoices that it pays there."""
    return {one["invoice_id"] for one in payment["allocations"]}
