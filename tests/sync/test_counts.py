"""As few calls as the contract allows, and none when there is nothing to do (contract 8.2, I18)."""

from __future__ import annotations

from math import ceil

import pytest

from desktop.providers.records import Kind
from tests.helpers.office import Office
from tests.sync.checks import assert_quiet, made_there, write_calls


def fill(office: Office, n: int, c: int, i: int, p: int) -> list[int]:
    customers = [office.customer(f"Customer No {at:03}") for at in range(c)]
    items = [office.item(f"Item No {at:03}", str(10 + at)) for at in range(i)]
    invoices = []
    for at in range(n):
        lines = [(items[(at + step) % i], "1", "20") for step in range(3)]
        invoices.append(office.invoice(customers[at % c], *lines, number=f"CT-{at:04}"))
    for invoice in invoices[:p]:
        office.pay(invoice, "60")
    return invoices


@pytest.mark.parametrize(("n", "c", "i", "p"), [(1, 1, 1, 1), (30, 10, 5, 30), (200, 50, 20, 120)])
@pytest.mark.timeout(120)
async def test_M10_least_number_of_calls(office: Office, n: int, c: int, i: int, p: int) -> None:
    invoices = fill(office, n, c, i, p)
    before = len(office.control.ledger())
    report = await office.sync(*invoices)
    assert report.clean, report
    calls = office.control.ledger(before)
    writes = write_calls(office, before)
    least = max(3, ceil((n + c + i + p) / 30))
    last_write = max(entry["sequence"] for entry in writes)
    read_back = [entry for entry in calls if entry["sequence"] > last_write]
    print(f"N={n} C={c} I={i} P={p}: least {least}, ours {len(calls) - len(read_back)} + {len(read_back)} read back")
    assert len(calls) - len(read_back) <= least + 2
    assert len(read_back) <= ceil((n + c + i + p) / 1000) + 1
    assert [len(made_there(office, kind)) for kind in ("customer", "item", "invoice", "payment")] == [c, i, n, p]


async def test_I18_a_second_sync_writes_nothing(office: Office) -> None:
    invoices = fill(office, 5, 2, 2, 3)
    assert (await office.sync(*invoices)).clean
    await office.runner.drain(everything=True)
    assert_quiet(office)
    before = len(office.control.ledger())
    report = await office.sync(*invoices)
    assert report.clean and report.writes == 0
    assert not write_calls(office, before)
    office.ask(*((Kind.CUSTOMER, 1), (Kind.ITEM, 2)))
    await office.runner.drain()
    assert not write_calls(office, before)


async def test_M119_an_idle_runner_calls_nobody(office: Office) -> None:
    before = len(office.control.ledger())
    for _ in range(3):
        await office.runner.drain()
        await office.runner.drain(everything=True)
    assert len(office.control.ledger()) == before


async def test_I19_M133_a_placeholder_never_leaves(office: Office) -> None:
    customer = office.customer("No Mail", email="")
    invoice = office.invoice(customer, (office.item(), "1", "5"), number="CT-P")
    assert (await office.sync(invoice)).clean
    assert "placeholder.local" not in str([entry["request"] for entry in office.control.ledger()])
    (there,) = [one for one in office.books()["customers"] if one["display_name"] == "No Mail"]
    assert there["email"] == ""
