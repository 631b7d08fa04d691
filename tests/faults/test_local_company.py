"""W4: a company that was emptied and filled anew under its old id is noticed before anything is written there."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desktop.books.balances import paid_of
from desktop.books.customers import CustomerDraft, update_customer
from desktop.errors import Fix, NotAllowed, OtherBooks
from desktop.models.connection import ExternalLink
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice, InvoiceLine
from desktop.models.item import Item
from desktop.models.states import ConnectionState
from desktop.providers.records import Kind
from desktop.sync.identity import Seen
from desktop.sync.schedule import Wish
from tests.faults.conftest import OpenDesk
from tests.faults.invariants import World, writes
from tests.faults.world import ALL, Desk, connect, give_grant
from tests.helpers.control import Control
from tests.helpers.desk import choosing, consent

SENTENCE = "This is not the company as it was: its records are others than those linked."


def links(session: Session) -> Counter[str]:
    rows = session.execute(select(ExternalLink.company_id, func.count()).group_by(ExternalLink.company_id))
    return Counter({company: count for company, count in rows})


def fill_by_strangers(control: Control, service: str, income: str, count: int = 4) -> None:
    """Somebody else's books under the same company id; where ids are counted, they get the numbers that ours had."""
    for at in range(count):
        customer = control.edit("customer", "", {"create": {"display_name": f"Stranger {at}"}}, service)["id"]
        fields = {"name": f"Strange goods {at}", "unit_price": "7"}
        fields |= {"income_account_id": income} if income else {}
        fields |= {"type": "Service"} if service == "quickbooks" else {}
        item = control.edit("item", "", {"create": fields}, service)["id"]
        line = {"item_id": item, "description": "Strange", "quantity": "1", "unit_price": "7"}
        invoice = {"customer_id": customer, "number": f"S-{at}", "date": "2026-03-01", "lines": [line]}
        control.edit("invoice", "", {"create": invoice}, service)


@asynccontextmanager
async def reset_to_other_data(desk_on: OpenDesk, service: str) -> AsyncIterator[tuple[Desk, int, int]]:
    """(the desk, a linked customer, an invoice of it): linked records, then the company is another one's."""
    async with desk_on(service) as desk:
        first = desk.bill("W4-1", "80", paid="30")
        assert (await desk.sync(first, desk.bill("W4-2", "60", paid="60"), desk.bill("W4-3", "20"))).clean
        desk.quiet()
        with desk.core.db.read() as session:
            linked = session.scalars(select(ExternalLink).where(ExternalLink.kind == Kind.CUSTOMER.value)).first()
            assert linked is not None
            customer = linked.local_id
        income = desk.income if service in ("quickbooks", "wave") else ""
        desk.control.reset("demo", "empty")
        fill_by_strangers(desk.control, service, income)
        desk.world = World(service, desk.control, [desk.core])
        yield desk, customer, first


async def reconnect(desk: Desk) -> None:
    await desk.core.disconnect()
    await connect(desk.core, desk.sandbox, desk.service)


def unchanged(desk: Desk) -> None:
    """Not one write call arrived, and the books there are as the strangers left them."""
    assert writes(desk.world) == []
    assert desk.world.books() == desk.world.before


async def stops(desk: Desk) -> None:
    view = await desk.core.connection()
    assert view is not None
    assert (view.state, view.title, view.fix) == (ConnectionState.REFUSED, SENTENCE, Fix.OTHER_BOOKS)


@pytest.mark.parametrize("service", ALL)
async def test_W4_I6_other_data_under_the_same_id_is_noticed_before_the_first_write(
    service: str, desk_on: OpenDesk
) -> None:
    async with reset_to_other_data(desk_on, service) as (desk, customer, first):
        with pytest.raises(OtherBooks) as told:
            await reconnect(desk)
        assert told.value.title == SENTENCE
        await stops(desk)
        assert [one.title for one in await desk.core.bell()] == [SENTENCE]

        desk.write(update_customer, customer, CustomerDraft(display_name="Customer of W4-1", phone="555 0199"))
        desk.pay(first, "10")
        report = await desk.push(Kind.CUSTOMER, customer)  # asked by hand: looked at again, stopped again
        assert isinstance(report.problem, OtherBooks) and report.writes == 0
        for report in (await desk.sync(first, desk.bill("W4-9", "15")), await desk.core.sync_now()):
            assert isinstance(report.problem, OtherBooks) and report.writes == 0
        await desk.core.runner.drain()
        unchanged(desk)
        await stops(desk)

        before = await desk.core.ask(links)
        await desk.core.start_clean()
        key = desk.key
        after = await desk.core.ask(links)
        assert after == Counter({f"{key.company_id}~1": before[key.company_id]}), "kept, all of them, out of use"
        view = await desk.core.connection()
        assert view is not None and view.state is ConnectionState.CONNECTED and not view.switches.auto
        assert not await desk.core.bell()
        unchanged(desk)

        strangers = {one["id"]: one for one in desk.world.before["customers"]}
        new = desk.bill("W4-10", "25")
        assert (await desk.sync(new)).clean
        assert [one["number"] for one in desk.world.books()["invoices"]].count("W4-10") == 1
        for one in desk.world.books()["customers"]:
            if one["id"] in strangers:
                assert one["display_name"] == strangers[one["id"]]["display_name"]
        with pytest.raises(NotAllowed):
            await desk.core.start_clean()


@pytest.mark.parametrize("service", ALL)
async def test_W4_another_company_can_be_connected_instead(service: str, desk_on: OpenDesk) -> None:
    async with reset_to_other_data(desk_on, service) as (desk, _customer, _first):
        old = desk.key
        if service == "wave":
            desk.control.settings("wave", reach="all")
        with pytest.raises(OtherBooks):
            await reconnect(desk)

        desk.core.choose_company = choosing(lambda one: one.external_id != old.company_id and not one.unusable)
        flow = await desk.core.sign_in()
        page = await flow.begin(service, allow_other_company=True)
        waiting = asyncio.create_task(flow.wait())
        await consent(page.url, company=await other_on_page(page.url, old.company_id))
        done = await waiting
        await desk.core.after_connecting()
        assert done.company.external_id != old.company_id
        view = await desk.core.connection()
        assert view is not None and view.state is ConnectionState.CONNECTED and view.key == desk.key != old
        assert (await desk.core.ask(links))[old.company_id] > 0, "the old links wait for their company"
        unchanged(desk)


async def other_on_page(url: str, known: str) -> str:
    """The id of another company than `known` on the consent page; "" where a page lets nobody choose."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        page = (await client.get(url)).text
    radios = re.findall(r"<input[^>]*type=\"radio\"[^>]*>", page)
    ids = [value.group(1) for radio in radios if (value := re.search(r'value="([^"]+)"', radio))]
    return next((one for one in ids if one != known), "")


@pytest.mark.parametrize("service", ALL)
async def test_W4_without_a_new_sign_in_a_pull_notices_it_and_applies_nothing(service: str, desk_on: OpenDesk) -> None:
    async with reset_to_other_data(desk_on, service) as (desk, _customer, _first):
        await give_grant(desk.core, desk.control, service)
        names = await desk.core.ask(_names)
        report = await desk.core.runner.drain(wait_for_lease=True, wish=Wish(actor="owner"))
        assert isinstance(report.problem, OtherBooks), report
        await stops(desk)
        assert await desk.core.ask(_names) == names
        assert isinstance((await desk.core.sync_now()).problem, OtherBooks)
        unchanged(desk)


@pytest.mark.parametrize("service", ALL)
async def test_W4_without_a_new_sign_in_a_plain_update_writes_over_no_strangers_record(
    service: str, desk_on: OpenDesk
) -> None:
    async with reset_to_other_data(desk_on, service) as (desk, customer, _first):
        await give_grant(desk.core, desk.control, service)
        desk.write(update_customer, customer, CustomerDraft(display_name="Customer of W4-1", phone="555 0199"))
        report = await desk.push(Kind.CUSTOMER, customer)
        assert not report.clean and report.writes == 0, report
        unchanged(desk)


@pytest.mark.parametrize("service", ["quickbooks", "freshbooks"])
async def test_W4_without_a_new_sign_in_no_stranger_gets_a_new_invoice_of_ours(service: str, desk_on: OpenDesk) -> None:
    """These count their ids, so the number of a customer of ours is somebody else's there now; elsewhere none comes
    twice.
    """
    async with reset_to_other_data(desk_on, service) as (desk, customer, first):
        await give_grant(desk.core, desk.control, service)
        with desk.core.db.read() as session:
            [item] = session.scalars(select(InvoiceLine.item_id).where(InvoiceLine.invoice_id == first))
        report = await desk.sync(desk.invoice(customer, (item, "1", "15"), number="W4-11"))
        assert not report.clean and report.writes == 0, report
        unchanged(desk)


def _names(session: Session) -> list[str]:
    return [*session.scalars(select(Customer.display_name)), *session.scalars(select(Item.name))]


@pytest.mark.parametrize("service", ALL)
async def test_W4_the_same_company_is_known_again_by_one_call_a_kind_and_by_none_later(
    service: str, desk_on: OpenDesk
) -> None:
    """Also where one record was changed beyond recognition there and another one is void."""
    async with desk_on(service) as desk:
        start = len(desk.control.ledger())
        await reconnect(desk)  # nothing is linked: nothing to look at
        plain = len(desk.control.ledger()) - start
        first, second = desk.bill("W4-1", "80", paid="30"), desk.bill("W4-2", "60")
        assert (await desk.sync(first, second, desk.bill("W4-3", "20"))).clean
        desk.edit_there("customer", desk.there(Kind.CUSTOMER, _customer_of(desk, first)), {"display_name": "Nobody"})
        desk.edit_there("invoice", desk.there(Kind.INVOICE, second), "void")
        start = len(desk.control.ledger())
        await reconnect(desk)
        void_apart = service == "freshbooks"  # its lists leave out what is void, which is asked for by itself
        assert 1 <= len(desk.control.ledger()) - start - plain <= len(Kind) + void_apart
        view = await desk.core.connection()
        assert view is not None and view.state is ConnectionState.CONNECTED
        start = len(desk.control.ledger())
        await desk.core.runner.drain(everything=True)
        assert len(desk.control.ledger()) == start


@pytest.mark.parametrize("service", ALL)
async def test_M137_what_was_paid_there_before_a_first_sync_and_a_reconnect_comes_in(
    service: str, desk_on: OpenDesk
) -> None:
    """Nothing was read before the connection ended: the second one goes on where the first one began (I5)."""
    async with desk_on(service) as desk:
        invoice = desk.bill("M137-1", "80")
        assert (await desk.push(Kind.INVOICE, invoice)).clean
        desk.edit_there("invoice", desk.there(Kind.INVOICE, invoice), {"pay": "80.00"})
        desk.clock.advance(2 * 86_400)
        await reconnect(desk)
        report = await desk.core.sync_now()
        assert report.clean, report
        with desk.core.db.read() as session:
            assert paid_of(session, invoice) == 80
        desk.quiet()


def _customer_of(desk: Desk, invoice: int) -> int:
    with desk.core.db.read() as session:
        return session.get_one(Invoice, invoice).customer_id


@pytest.mark.parametrize(
    ("same", "others", "missing", "strange", "vanished"),
    [
        (0, 1, 0, False, False),  # one record is never proof
        (0, 0, 1, False, False),
        (0, 2, 3, False, False),
        (0, 3, 0, True, False),
        (0, 0, 5, False, False),  # the few records of a first try were tidied up
        (0, 0, 6, False, True),
        (1, 8, 0, False, False),
        (1, 9, 0, True, True),
        (1, 2, 8, False, True),
        (8, 4, 4, False, False),
    ],
)
def test_W4_only_nearly_all_records_together_say_that_it_is_another_company(
    same: int, others: int, missing: int, strange: bool, vanished: bool
) -> None:
    seen = Seen(same, others, missing)
    assert (seen.strange, seen.vanished) == (strange, vanished)
