"""N: the network breaks at every place of a call, on all four services."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.providers.records import Kind
from tests.faults.conftest import OpenDesk
from tests.faults.invariants import check_idle, made, writes
from tests.faults.world import ALL, Desk
from tests.helpers.cable import Cable

WRITTEN = ("create_customer", "create_item", "create_invoice", "create_payment")
MOST_CALLS = 120
"""Calls that one invoice may cost, however bad the network (I15)."""


async def survives(desk: Desk, *faults: dict[str, Any], seed: int | None = None, step: float = 170.0) -> None:
    """One invoice with a payment, pushed while `faults` strike, ends as one of each there."""
    invoice = desk.bill("N-1", "80", paid="30")
    desk.arm(*faults, seed=seed)
    await desk.sync(invoice)
    desk.holds()
    await desk.settle(step=step)
    (there,) = desk.remote("N-1")
    assert there["balance"] == "50.00"
    assert [len(made(desk.world, kind)) for kind in ("customer", "invoice", "payment")] == [1, 1, 1]
    assert desk.outcome(Kind.INVOICE, invoice) == "Done" and not desk.bells()
    desk.control.clear_faults()
    desk.quiet()
    await check_idle(desk.world, lambda: desk.sync(invoice))
    assert len(desk.world.calls()) < MOST_CALLS


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("fault", ["N1", "N2", "N3", "N11"])
async def test_N1_N2_N3_N11_a_lost_or_doubled_reply_leaves_one_of_each(
    service: str, fault: str, desk_on: OpenDesk
) -> None:
    async with desk_on(service) as desk:
        await survives(desk, *({"id": fault, "op": op} for op in WRITTEN))
        assert desk.hits(fault) >= 2


@pytest.mark.parametrize("service", ALL)
async def test_N4_a_network_that_is_out_is_one_quiet_state_and_goes_on_by_itself(
    service: str, desk_on: OpenDesk, sandbox: Any
) -> None:
    with Cable(sandbox.base) as cable:
        async with desk_on(service, through=cable.address) as desk:
            desk.switches(auto=True)
            invoices = [desk.bill(f"N-{at}") for at in range(3)]
            cable.pull_out()
            desk.control.hit("N4")
            desk.clock.advance(5)  # what changed together leaves together
            await desk.core.runner.drain()
            state, _, said = desk.trouble()
            assert (state, desk.name in said) == ("paused", True)
            assert {desk.outcome(Kind.INVOICE, invoice) for invoice in invoices} == {"Waiting"}
            assert not desk.bells(), "nothing rings for a network that is out for a moment"
            desk.holds()
            cable.plug_in()
            await desk.settle()
            assert {desk.outcome(Kind.INVOICE, invoice) for invoice in invoices} == {"Done"}
            assert desk.trouble()[0] == "connected"
            desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_N4_a_name_that_can_not_be_found_is_the_same(service: str, desk_on: OpenDesk) -> None:
    def nowhere(url: str) -> str:
        return f"https://books.invalid/{url.partition('//')[2].partition('/')[2]}"

    async with desk_on(service, through=nowhere) as desk:
        invoice = desk.bill("N-1")
        report = await desk.sync(invoice)
        desk.control.hit("N4")
        assert report.problem is not None and report.problem.retryable
        assert desk.outcome(Kind.INVOICE, invoice) == "Waiting"
        assert desk.trouble()[0] == "paused" and len(desk.bells()) == 1, "asked for by hand: told once"
        assert not desk.world.calls()


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("fault", ["N5", "N6"])
async def test_N5_N6_a_reply_that_comes_too_late_or_by_drops_is_given_up_in_time(
    service: str, fault: str, desk_on: OpenDesk
) -> None:
    async with desk_on(service) as desk:
        invoice = desk.bill("N-1", "80", paid="30")
        await desk.hurry()
        params = {"delay_s": 1.0, "interval_s": 0.05}
        desk.arm({"id": fault, "op": "create_invoice", "params": params})
        await desk.sync(invoice)
        assert desk.hits(fault)
        await desk.hurry(20)
        await desk.settle()
        assert len(desk.remote("N-1")) == 1 and len(made(desk.world, "invoice")) == 1
        desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_N7_a_network_that_is_gone_for_hours_is_waited_for(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        desk.switches(auto=True)
        invoice = desk.bill("N-1", "80", paid="30")
        desk.arm({"id": "N7", "params": {"for_s": 4 * 3600}})
        for _ in range(40):  # half an hour at a time, as the runner's own alarm would wake it
            await desk.core.runner.drain()
            desk.holds()
            if desk.outcome(Kind.INVOICE, invoice) == "Done":
                break
            desk.clock.advance(1800)
        assert desk.hits("N7") > 1
        assert len([key for key, _ in desk.bells() if not key.startswith("connection")]) == 0
        await desk.settle()
        (there,) = desk.remote("N-1")
        assert there["balance"] == "50.00"
        desk.quiet()
        assert len(desk.world.calls()) < MOST_CALLS


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("seed", [1, 2])
async def test_N8_a_network_that_flaps_ends_in_done_without_a_storm(service: str, seed: int, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        desk.switches(auto=True)
        invoice = desk.bill("N-1", "80", paid="30")
        desk.arm({"id": "N8", "p": 0.5}, seed=seed)
        for _ in range(20):
            await desk.core.runner.drain()
            desk.holds()
            desk.clock.advance(300)
        assert desk.hits("N8")
        desk.control.clear_faults()
        await desk.settle()
        (there,) = desk.remote("N-1")
        assert there["balance"] == "50.00"
        assert desk.outcome(Kind.INVOICE, invoice) == "Done"
        desk.quiet()
        assert len(desk.world.calls()) < MOST_CALLS


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize(("fault", "kind"), [("N9", "redirect"), ("N9", "page"), ("N10", "")])
async def test_N9_N10_what_answers_in_place_of_the_service_gets_no_token(
    service: str, fault: str, kind: str, desk_on: OpenDesk
) -> None:
    async with desk_on(service) as desk:
        invoice = desk.bill("N-1")
        desk.arm({"id": fault, "every": 1, "params": {"kind": kind}})
        await desk.sync(invoice)
        state, _, said = desk.trouble()
        assert state == "paused" and "network" in said
        assert desk.outcome(Kind.INVOICE, invoice) in ("Waiting", "InDoubt")
        assert not [entry for entry in desk.control.ledger() if entry["service"] == "elsewhere"], "somebody followed"
        assert len(desk.bells()) == 1 and not made(desk.world, "invoice")
        desk.control.clear_faults()
        await desk.settle()
        assert desk.outcome(Kind.INVOICE, invoice) == "Done" and not desk.bells()
        desk.quiet()
        assert writes(desk.world)
