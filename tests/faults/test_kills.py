"""P1, P2: a real SIGKILL at each crash point and at random moments: a process of its own dies, another one goes on.

The rest of the machine kills in one process, which is quicker; this shows that nothing of that is an illusion.
"""

from __future__ import annotations

import json
import os
import random
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
MOMENTS = int(os.environ.get("BLUECLERK_KILLS", "5"))
"""Random moments for each service: twenty in all in the merge profile, hundreds in a soak."""
LATER = {"quickbooks": 3700, "xero": 3700, "freshbooks": 43_300, "wave": 7300}

BURNT = ("freshbooks", "wave")
"""Where a refresh that was answered to a process now dead costs a sign-in: the old token is used up (A6)."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.skipif(not os.environ.get("BLUECLERK_MACHINE"), reason="part of the merge profile (BLUECLERK_MACHINE)"),
]


def job_for(desk: Any, sandbox: Any, invoice: int, folder: Path) -> dict[str, Any]:
    """Sync this invoice in a process of its own, on the books and with the tokens of `desk`."""
    store: Any = desk.core.options.store
    return {
        "whole": True,
        "database": desk.core.options.database,
        "folder": str(desk.core.options.data_dir),
        "base": sandbox.base,
        "secret": sandbox.control_secret,
        "services": sandbox.services,
        "store": dict(store.values),
        "later_s": 0,
        "invoices": [invoice],
        "answer": str(folder / "answer.json"),
    }


@pytest.mark.parametrize("place", CRASH_POINTS)
@pytest.mark.parametrize("service", ALL)
async def test_P1_killed_for_real(
    service: str, place: str, desk_on: OpenDesk, desks: Desks, sandbox: Any, control: Control, tmp_path: Path
) -> None:
    async with desk_on(service) as desk:
        invoice = desk.bill("K-1", paid="30")
        later = LATER[service] if place in TOKENS else 0
        job = job_for(desk, sandbox, invoice, tmp_path) | {"later_s": later, "die_at": place}
        assert desks.run(job), f"it was to die at {place}"
        desk.world.unstored = place == "token.refresh.got"
        struck("P1")
        struck(f"kill:{place}")
        desk.clock.advance(120)
        await desk.settle()
        if place == "token.refresh.got" and desk.trouble()[0] == "needs_sign_in":
            assert service in BURNT, "this service takes the old token once more (A6)"
            await desk.sign_in_again()
        await desk.push(Kind.INVOICE, invoice)
        await desk.settle()
        (there,) = desk.remote("K-1")
        assert (there["total"], there["balance"]) == ("80.00", "50.00")
        desk.quiet()


@pytest.mark.parametrize("at", range(MOMENTS))
@pytest.mark.parametrize("service", ALL)
async def test_P2_killed_at_a_random_moment(
    service: str, at: int, desk_on: OpenDesk, desks: Desks, sandbox: Any, tmp_path: Path
) -> None:
    """A first run is left alone and tells how long one takes; the second dies somewhere within that time.

    Books are looked at once, at the end: the invariants read the files, and whoever closes a file of SQLite's within
    a process gives up that process's locks on it.
    """
    chance = random.Random(f"{os.environ.get('BLUECLERK_KILLS_SEED', '0')} {service} {at}")
    async with desk_on(service) as desk:
        job = job_for(desk, sandbox, desk.bill("K-1", paid="30"), tmp_path)
        assert not desks.run(job)
        took = float(json.loads(Path(job["answer"]).read_text(encoding="utf-8"))["took_s"])
        invoice, moment = desk.bill("K-2", paid="30"), chance.uniform(0.0, took)
        # a while later: each process keeps the limits counting from its own start (I14)
        again = job_for(desk, sandbox, invoice, tmp_path) | {"later_s": 120, "die_in_s": moment}
        killed = desks.run(again)
        print(f"{service}: {'killed' if killed else 'done'} after {moment:.4f} s of {took:.4f} s")
        desk.clock.advance(240)
        await desk.settle()
        await desk.push(Kind.INVOICE, invoice)
        await desk.settle()
        for number in ("K-1", "K-2"):
            (there,) = desk.remote(number)
            assert (there["total"], there["balance"]) == ("80.00", "50.00")
        desk.quiet()
    if killed:
        struck("P2")
