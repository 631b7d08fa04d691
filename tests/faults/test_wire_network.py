"""N: the network breaks at every place of a call, on all four services."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.providers.records import Kind
from tests.faults.conftest import OpenDesk
from tests.faults.invariants import made
from tests.faults.world import ALL, Desk

WRITTEN = ("create_customer", "create_item", "create_invoice", "create_payment")


async def survives(desk: Desk, *faults: dict[str, Any]) -> None:
    """One invoice with a payment, pushed while `faults` strike, ends as one of each there."""
    invoice = desk.bill("N-1", "80", paid="30")
    desk.arm(*faults)
    await desk.sync(invoice)
    desk.holds()
    await desk.settle()
    (there,) = desk.remote("N-1")
    assert there["balance"] == "50.00"
    assert [len(made(desk.world, kind)) for kind in ("customer", "invoice", "payment")] == [1, 1, 1]
    assert desk.status(Kind.INVOICE, invoice) is None
    desk.quiet()


@pytest.mark.parametrize("service", ALL)
async def test_N1_a_reply_lost_after_the_commit_leaves_one_of_each(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        await survives(desk, *({"id": "N1", "op": op} for op in WRITTEN))
        assert desk.hits("N1")
