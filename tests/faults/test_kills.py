"""P1: a real SIGKILL at each crash point, on each service: a process of its own dies, another one goes on.

The rest of the machine kills in one process, which is quicker; this shows that nothing of that is an illusion.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.crashpoint import CRASH_POINTS
from desktop.providers.records import Kind
from tests.faults.conftest import OpenDesk
from tests.faults.world import ALL
from tests.helpers.control import Control
from tests.machine.hits import struck
from tests.sync.desk_process import Desks

TOKENS = ("token.check", "token.refresh.sent", "token.refresh.got", "token.stored")
LATER = {"quickbooks": 3700, "xero": 3700, "freshbooks": 43_300, "wave": 7300}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.skipif(not os.environ.get("BLUECLERK_MACHINE"), reason="part of the merge profile (BLUECLERK_MACHINE)"),
]


@pytest.fixture(scope="module")
def desks() -> Iterator[Desks]:
    made = Desks()
    yield made
    made.close()


@pytest.mark.parametrize("place", CRASH_POINTS)
@pytest.mark.parametrize("service", ALL)
async def test_P1_killed_for_real(
    service: str, place: str, desk_on: OpenDesk, desks: Desks, sandbox: Any, control: Control, tmp_path: Path
) -> None:
    async with desk_on(service) as desk:
        invoice = desk.bill("K-1", paid="30")
        store: Any = desk.core.options.store
        later = LATER[service] if place in TOKENS else 0
        job = {
            "whole": True,
            "database": desk.core.options.database,
            "folder": str(desk.core.options.data_dir),
            "base": sandbox.base,
            "secret": sandbox.control_secret,
            "services": sandbox.services,
            "store": dict(store.values),
            "later_s": later,
            "invoices": [invoice],
            "die_at": place,
            "nth": 1,
            "answer": str(tmp_path / "answer.json"),
        }
        assert desks.run(job), f"it was to die at {place}"
        struck("P1")
        struck(f"kill:{place}")
        desk.clock.advance(120)
        await desk.settle()
        await desk.push(Kind.INVOICE, invoice)
        await desk.settle()
        (there,) = desk.remote("K-1")
        assert (there["total"], there["balance"]) == ("80.00", "50.00")
        desk.quiet()
