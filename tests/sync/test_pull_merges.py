"""A merge there, on each service: told, inferred from the invoices, followed only after a yes (M141, E3)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from desktop.books.customers import CustomerDraft, update_customer
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.invoices import create_invoice, mark_sent
from desktop.models.connection import ExternalLink
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.providers.records import Kind
from desktop.sync.gone_there import follow_merge
from tests.helpers.control import Control
from tests.helpers.four_services import ALL
from tests.sync.service_desk import Desk, desk_on


async def merged(desk: Desk, *, both_ours: bool) -> tuple[int, str, int | None]:
    """Our customer was merged into another one there: (ours, the survivor there, ours of the survivor)."""
    survivor = desk.hand("customer", "", {"create": {"display_name": "Nordlicht GmbH"}})["id"]
    holder = None
    if both_ours:
        await desk.sync()
        holder = await desk.ours(lambda s: s.scalars(select(Customer.id).where(Customer.id != 1)).one())
    desk.hand("customer", await desk.external(Kind.CUSTOMER, 1), {"merge": survivor})
    return 1, survivor, holder


async def card(desk: Desk) -> dict[str, Any]:
    """What the customer's card knows of the merge."""
    found = [extra for kind, _, extra in await desk.states() if kind == "customer"]
    assert len(found) == 1, await desk.states()
    return dict(found[0])


async def link_of(desk: Desk, customer: int) -> ExternalLink:
    def link(session: Any) -> ExternalLink:
        rows = select(ExternalLink).where(ExternalLink.kind == "customer", ExternalLink.local_id == customer)
        found: ExternalLink = session.scalars(rows).one()
        return found

    found: ExternalLink = await desk.ours(link)
    return found


async def bill(desk: Desk, customer: int, number: str) -> int:
    """Another invoice for this customer."""

    def write(session: Any, at: Any) -> int:
        item = session.scalars(select(Item)).first()
        lines = (LineDraft(item.id, "", Decimal(1), item.unit_price),)
        day = desk.clock.now().date()
        invoice = create_invoice(session, at, InvoiceDraft(customer, day, day, lines, number=number))
        mark_sent(session, at, invoice)
        return invoice

    made: int = await desk.core.do(write)
    return made


@pytest.mark.parametrize("service", ALL)
async def test_M141_D4_a_merge_is_told_with_its_survivor_and_followed_after_a_yes(
    service: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    """Xero names the survivor; at the others all invoices of the lost one name the same other one now."""
    async with desk_on(service, tmp_path, sandbox, control) as desk:
        ours, survivor, _ = await merged(desk, both_ours=False)
        for _ in range(2):
            await desk.sync()
            found = await card(desk)
            assert (found["how"], found["into"], found["into_name"]) == ("merged", survivor, "Nordlicht GmbH")
        owner = await desk.ours(lambda session: session.get_one(Invoice, desk.invoice).customer_id)
        assert owner == ours, "nothing is followed without a yes"
        before = desk.now
        await follow_merge(await desk.core.require_company(), ours)
        report = await desk.sync()
        assert report.clean and not desk.written(before), (report, await desk.states())
        assert await desk.states() == []
        second = await bill(desk, ours, "BC-PL-2")
        report = await desk.core.sync([(Kind.INVOICE, second)])
        assert report.clean, report
        (there,) = [one for one in control.books(service)["invoices"] if one["number"] == "BC-PL-2"]
        assert there["customer_id"] == survivor


@pytest.mark.parametrize("looked", [False, True], ids=["at once", "one after the other"])
@pytest.mark.parametrize("service", ALL)
async def test_M141_D4_a_survivor_merged_on_is_named_by_the_one_who_lives(
    service: str, looked: bool, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    """Ours into a second, the second into a third: the card never offers one that is gone."""
    async with desk_on(service, tmp_path, sandbox, control) as desk:
        ours, survivor, _ = await merged(desk, both_ours=False)
        if looked:
            await desk.sync()
            assert (await card(desk))["into"] == survivor
        last = desk.hand("customer", "", {"create": {"display_name": "Sydljus AB"}})["id"]
        desk.hand("customer", survivor, {"merge": last})
        for _ in range(2):
            await desk.sync()
            (found,) = [extra for _, title, extra in await desk.states() if "Petra Lindqvist" in title]
            assert (found["how"], found["into"], found["into_name"]) == ("merged", last, "Sydljus AB")
        before = desk.now
        await follow_merge(await desk.core.require_company(), ours)
        report = await desk.sync()
        assert f"customer:{ours}" not in report.refused and not desk.written(before)
        assert not [title for _, title, _ in await desk.states() if "Petra Lindqvist" in title]


@pytest.mark.parametrize("service", ALL)
async def test_E3_two_of_ours_merged_there_are_an_alias_that_is_never_written(
    service: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with desk_on(service, tmp_path, sandbox, control) as desk:
        ours, survivor, holder = await merged(desk, both_ours=True)
        await desk.sync()
        assert (await card(desk))["into"] == survivor
        await follow_merge(await desk.core.require_company(), ours)
        assert holder is not None
        alias, own = await link_of(desk, ours), await link_of(desk, holder)
        assert (alias.external_id, alias.alias, own.external_id, own.alias) == (survivor, 1, survivor, 0)
        report = await desk.sync()
        assert report.clean and await desk.states() == []
        assert await desk.ours(lambda session: session.get_one(Invoice, desk.invoice).customer_id) == ours
        before = desk.now
        await desk.core.do(update_customer, ours, CustomerDraft("Petra Lindqvist", phone="555-0199"))
        report = await desk.sync()
        assert report.clean and not desk.written(before), "the survivor is written by its own record only"
        desk.hand("customer", survivor, {"phone": "555 0177"})
        await desk.sync()
        phones = await desk.ours(lambda s: [s.get_one(Customer, one).phone.replace("-", " ") for one in (ours, holder)])
        assert phones == ["555 0199", "555 0177"]
        assert (await desk.sync()).pulled.quiet
