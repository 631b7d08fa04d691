"""U: what people type and paste arrives identical on all four services, or is refused before any call of it (I21)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desktop.errors import BlueClerkError
from desktop.providers.records import Kind
from tests.faults.conftest import OpenDesk
from tests.faults.invariants import writes
from tests.faults.world import ALL, Desk

TEXTS = {
    "U1 emoji": "Zoë 🛠️ 👩‍🔧",
    "U1 right to left": "שלום \u202eevil\u202c عميل",
    "U1 cjk": "株式会社 水道屋",
    "U1 zero width": "Ze\u200bro\u200dWidth",
    "U1 decomposed": "Cafe\u0301 Mu\u0308ller",
    "U1 composed": "Caf\u00e9 M\u00fcllerin",
    "U3 sql": "Robert'); DROP TABLE customer;--",
    "U3 query": "' OR DisplayName != '",
    "U3 graphql": '{ __typename } " AND Name!="',
    "U3 path": "../../etc/passwd %00 %n",
    "U4 markup": "<b>Bold</b> <img src=http://evil.example/x>",
    "U4 entity": "Fish &lt; Chips &amp; Co",
    "U4 script": "javascript:alert(1)",
    "U5 formula": "=cmd|' /C calc'!A0",
    "U5 plus": "+1-512-555",
    "U5 at": "@SUM(A1)",
    "U2 long": "L" * 255,
    "U2 longer": "M" * 256,
}
HOSTILE = {
    "NUL": "Nul\x00byte",
    "bell": "Bell\x07",
    "line": "Line\nbreak",
    "return": "Car\rriage",
    "half": "Half\ud800",
    "huge": "H" * 65536,
}


@pytest.mark.parametrize("service", ALL)
async def test_U1_U2_U3_U4_U5_text_arrives_identical_or_is_refused_with_its_reason(
    service: str, desk_on: OpenDesk
) -> None:
    """One invoice for each text, as the customer's and the item's name; all pressed at once."""
    async with desk_on(service) as desk:
        invoices: dict[str, int] = {}
        refused_here = set()
        for number, (name, text) in enumerate(TEXTS.items()):
            try:
                customer, item = desk.customer(text), desk.item(text[:100])
            except BlueClerkError as refused:
                assert refused.title, name
                refused_here.add(name)
                continue
            invoices[name] = desk.invoice(customer, (item, "1", "10"), number=f"U-{number}")
        report = await desk.sync(*invoices.values())
        assert not (report.in_doubt or report.problem), report
        desk.holds()
        books = desk.world.books()
        customers = {one["id"]: one["display_name"] for one in books["customers"]}
        there = {one["number"]: one for one in books["invoices"]}
        arrived = 0
        for name, invoice in invoices.items():
            status = desk.status(Kind.INVOICE, invoice)
            number = f"U-{list(TEXTS).index(name)}"
            if status is not None:
                assert status.title and number not in there, f"{name}: {status.title}"
                continue
            assert customers[there[number]["customer_id"]] == TEXTS[name], name
            arrived += 1
        assert arrived >= 8, "most of it is plain text to any service"
        calls = len(writes(desk.world))
        await desk.sync(*(one for name, one in invoices.items() if desk.status(Kind.INVOICE, one) is None))
        assert len(writes(desk.world)) == calls, "what arrived once is not sent again"


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("name", HOSTILE)
async def test_U2_what_no_name_holds_is_refused_before_any_call(service: str, name: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        before = len(writes(desk.world))
        try:
            customer = desk.customer(HOSTILE[name])
        except BlueClerkError as refused:
            assert refused.title
            assert len(writes(desk.world)) == before
            return
        invoice = desk.invoice(customer, (desk.item(), "1", "10"), number="UH-1")
        await desk.sync(invoice)
        status = desk.status(Kind.INVOICE, invoice)
        assert status is not None and status.title, "it was neither refused nor told"
        assert len(writes(desk.world)) == before


def _amount(desk: Desk, quantity: str, price: str) -> str:
    customer, item = desk.customer(), desk.item(price="1")
    try:
        desk.invoice(customer, (item, quantity, price))
    except (BlueClerkError, ArithmeticError) as refused:
        assert isinstance(refused, BlueClerkError), f"{quantity} x {price}: {refused!r}"
        return refused.title
    return ""


async def test_U6_amounts_that_can_not_be_booked_are_refused_in_words(desk_on: OpenDesk) -> None:
    async with desk_on("quickbooks") as desk:
        for quantity, price in (("1", "NaN"), ("1", "Infinity"), ("1", "1e15"), ("sNaN", "1"), ("1e30", "1e30")):
            assert _amount(desk, quantity, price), f"{quantity} x {price} was taken"


@pytest.mark.parametrize("service", ALL)
async def test_U6_many_lines_and_odd_prices_agree_to_the_cent(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        customer, item = desk.customer("Many Lines"), desk.item("Nut", "0.05")
        lines = [(item, "1", "0.05"), (item, "3", "33.33"), (item, "0.5", "0.01"), (item, "7", "14.29")] * 20
        invoice = desk.invoice(customer, *lines, number="U6-1")
        report = await desk.sync(invoice)
        status = desk.status(Kind.INVOICE, invoice)
        if status is not None:  # a difference is told with both totals, never green (I5)
            assert report.refused and status.title
            return
        (there,) = desk.remote("U6-1")
        assert Decimal(there["total"]) > 0
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_U7_names_alike_but_for_case_and_blanks_are_never_merged_by_themselves(
    service: str, desk_on: OpenDesk
) -> None:
    """The second of two alike either gets a record of its own or is asked about; it never takes the first one's."""
    async with desk_on(service) as desk:
        first, second = desk.customer("John Smythe", phone="512-555-0101"), desk.customer("JOHN  smythe.")
        item = desk.item("Alike")
        one = desk.invoice(first, (item, "1", "10"), number="U7-1")
        two = desk.invoice(second, (item, "1", "20"), number="U7-2")
        await desk.sync(one)
        await desk.sync(two)
        links = [desk.link(Kind.CUSTOMER, each) for each in (first, second)]
        ids = [link.external_id for link in links if link is not None]
        assert len(ids) == len(set(ids)) and ids
        desk.holds()
