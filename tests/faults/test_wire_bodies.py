"""B: answers that are cut, mangled, absurd or half true, on all four services."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.providers.records import Kind, ProviderKey
from desktop.providers.registry import SERVICES
from tests.faults.conftest import OpenDesk
from tests.faults.invariants import check_idle, made
from tests.faults.world import ALL, Desk

WRITTEN = ("create_customer", "create_item", "create_invoice", "create_payment")
BULK = [service for service in ALL if SERVICES[ProviderKey(service)].capabilities.batch > 1]
"""FreshBooks has no bulk call."""

MANGLED: dict[str, dict[str, Any]] = {
    "B1-right": {"id": "B1", "params": {"length": "right"}},
    "B1-wrong": {"id": "B1", "params": {"length": "wrong"}},
    "B2-text": {"id": "B2", "params": {"kind": "text"}},
    "B2-empty": {"id": "B2", "params": {"kind": "empty"}},
    "B2-type": {"id": "B2", "params": {"kind": "content_type"}},
    "B2-bom": {"id": "B2", "params": {"kind": "bom"}},
    "B2-utf16": {"id": "B2", "params": {"kind": "utf16"}},
    "B2-gzip": {"id": "B2", "params": {"kind": "gzip"}},
    "B3-list": {"id": "B3", "params": {"kind": "list"}},
    "B3-null": {"id": "B3", "params": {"kind": "null"}},
    "B3-no-id": {"id": "B3", "params": {"kind": "no_id"}},
    "B3-id-number": {"id": "B3", "params": {"kind": "id_number"}},
    "B3-money-text": {"id": "B3", "params": {"kind": "money_text"}},
    "B3-extra": {"id": "B3", "params": {"kind": "extra"}},
    "B6-huge": {"id": "B6", "params": {"kind": "huge", "bytes": 31_000_000}},
    "B6-nested": {"id": "B6", "params": {"kind": "nested"}},
    "B6-number": {"id": "B6", "params": {"kind": "number"}},
    "B6-doubled-name": {"id": "B6", "params": {"kind": "duplicate"}},
    "B7-enum": {"id": "B7", "params": {"kind": "enum"}},
    "B7-date": {"id": "B7", "params": {"kind": "date"}},
    "B7-slash-date": {"id": "B7", "params": {"kind": "slash_date"}},
    "B7-offset": {"id": "B7", "params": {"kind": "offset"}},
}


async def ends_green(desk: Desk, *faults: dict[str, Any]) -> None:
    """An invoice with a payment, pushed while its answers are mangled, ends as one of each and green."""
    invoice = desk.bill("B-1", "80", paid="30")
    desk.arm(*faults)
    await desk.sync(invoice)
    desk.holds()
    await desk.settle()
    assert desk.hits(faults[0]["id"])
    (there,) = desk.remote("B-1")
    assert there["balance"] == "50.00"
    assert [len(made(desk.world, kind)) for kind in ("customer", "invoice", "payment")] == [1, 1, 1]
    assert desk.outcome(Kind.INVOICE, invoice) == "Done", desk.told(Kind.INVOICE, invoice)
    assert not desk.bells()
    desk.control.clear_faults()
    desk.quiet()
    await check_idle(desk.world, lambda: desk.sync(invoice))


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("kind", MANGLED)
async def test_B1_B2_B3_B6_B7_a_mangled_answer_to_a_write_leaves_one_of_each(
    service: str, kind: str, desk_on: OpenDesk
) -> None:
    ops = ("create_invoice",) if kind == "B6-huge" else WRITTEN
    async with desk_on(service) as desk:
        await ends_green(desk, *(MANGLED[kind] | {"op": op} for op in ops))


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("kind", ["B1-wrong", "B2-text", "B3-null", "B3-no-id", "B6-nested", "B7-date"])
async def test_B_a_mangled_answer_to_a_question_is_asked_again(service: str, kind: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        questions = ("list_customers", "list_items", "list_invoices")
        await ends_green(desk, *(MANGLED[kind] | {"op": op} for op in questions))


@pytest.mark.parametrize("service", ALL)
async def test_B3_N1_rows_without_an_id_are_no_proof_that_nothing_is_there(service: str, desk_on: OpenDesk) -> None:
    """The create's answer is lost, and the list that should tell what became of it comes without ids."""
    async with desk_on(service) as desk:
        invoice = desk.bill("B-1", "80", paid="30")
        lost = [{"id": "N1", "op": op, "phase": "after"} for op in ("create_customer", "create_item")]
        blind = [MANGLED["B3-no-id"] | {"op": op, "nth": 2, "times": 3} for op in ("list_customers", "list_items")]
        desk.arm(*lost, *blind)
        await desk.sync(invoice)
        desk.holds()
        desk.control.clear_faults()
        await desk.settle()
        await desk.sync(invoice)  # Resync, where it was asked for
        await desk.settle()
        assert [len(made(desk.world, kind)) for kind in ("customer", "item", "invoice", "payment")] == [1, 1, 1, 1]
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_B4_an_error_inside_a_good_answer_is_an_error(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        invoice = desk.bill("B-1")
        desk.arm({"id": "B4", "op": "create_invoice"})
        await desk.sync(invoice)
        assert desk.hits("B4") == 1
        desk.told(Kind.INVOICE, invoice)
        assert not made(desk.world, "invoice")
        desk.quiet()
        assert (await desk.sync(invoice)).clean  # Resync
        assert len(made(desk.world, "invoice")) == 1
        desk.quiet()


@pytest.mark.parametrize("service", BULK)
@pytest.mark.parametrize("mode", ["missing", "doubled", "reordered"])
async def test_B5_a_bulk_answer_in_part_is_matched_by_our_own_ids(service: str, mode: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        customer, item = desk.customer("Many Bills"), desk.item("Piece")
        invoices = [desk.invoice(customer, (item, "1", str(10 + at)), number=f"B-{at}") for at in range(5)]
        desk.arm({"id": "B5", "op": "create_invoice", "params": {"mode": mode, "element": 2}})
        await desk.sync(*invoices)
        assert desk.hits("B5")
        desk.holds()
        assert sum(desk.link(Kind.INVOICE, one) is not None for one in invoices) >= 4, "good ones are linked at once"
        await desk.settle()
        assert {desk.outcome(Kind.INVOICE, one) for one in invoices} == {"Done"}
        assert [desk.remote(f"B-{at}")[0]["total"] for at in range(5)] == [f"{10 + at}.00" for at in range(5)]
        assert len(made(desk.world, "invoice")) == 5
        desk.quiet()


@pytest.mark.parametrize("service", BULK)
async def test_B5_mid_the_first_of_a_bulk_call_are_done_and_the_rest_is_not(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        customer, item = desk.customer("Many Bills"), desk.item("Piece")
        invoices = [desk.invoice(customer, (item, "1", "10"), number=f"B-{at}") for at in range(5)]
        desk.arm({"id": "N1", "op": "create_invoice", "phase": "mid", "params": {"k": 2}})
        await desk.sync(*invoices)
        desk.holds()
        await desk.settle()
        assert {desk.outcome(Kind.INVOICE, one) for one in invoices} == {"Done"}
        assert len(made(desk.world, "invoice")) == 5 and all(len(desk.remote(f"B-{at}")) == 1 for at in range(5))
        desk.quiet()
