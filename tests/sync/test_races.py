"""However many ask at once, there is one remote invoice and one remote payment each (M70, M71, M101, N18)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from desktop.books.customers import CustomerDraft, update_customer
from desktop.providers.records import Kind
from desktop.sync.push import LEASE_SECONDS, LeaseLost, Push
from tests.helpers.office import Office
from tests.sync.acting import second_desk
from tests.sync.checks import assert_exactly_one, assert_quiet, made_there
from tests.sync.desk_process import Desks, job_for


@pytest.mark.every_service
async def test_M70_M71_double_click_and_two_tasks(office: Office) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "1", "75"), number="RC-1")
    office.pay(invoice, "75")
    office.ask((Kind.INVOICE, invoice))
    office.ask((Kind.INVOICE, invoice))
    reports = await asyncio.gather(*(office.runner.drain(wait_for_lease=True) for _ in range(4)))
    assert all(report.clean for report in reports)
    assert_exactly_one(office, "RC-1", payments=1)
    assert len(made_there(office, "invoice")) == len(made_there(office, "payment")) == 1


@pytest.mark.every_service
async def test_M71_N18_two_desks_on_one_database(office: Office, sandbox: Any, tmp_path: Path) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "1", "75"), number="RC-2")
    office.pay(invoice, "25")
    async with second_desk(office, sandbox, tmp_path) as other:
        for desk in (office, other):
            desk.ask((Kind.INVOICE, invoice))
        reports = await asyncio.gather(*(d.runner.drain(everything=True, wait_for_lease=True) for d in (office, other)))
        assert all(not report.refused for report in reports)
    assert_exactly_one(office, "RC-2", payments=1)
    assert len(made_there(office, "invoice")) == len(made_there(office, "payment")) == 1
    assert_quiet(office)


async def test_M71_two_processes_press_sync_at_once(office: Office, sandbox: Any, tmp_path: Path, desks: Desks) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "1", "75"), number="RC-3")
    office.pay(invoice, "75")
    jobs = [
        job_for(office, sandbox, tmp_path, [invoice], account=f"desk{at}", answer=str(tmp_path / f"answer{at}.json"))
        for at in range(3)
    ]
    answers = desks.race(jobs, tmp_path / "go")
    assert sum(answer["writes"] for answer in answers) == 4, answers
    assert not any(answer["refused"] or answer["in_doubt"] for answer in answers)
    assert_exactly_one(office, "RC-3", payments=1)
    await office.runner.drain(everything=True, wait_for_lease=True)
    assert_quiet(office)


async def test_M71_M2_a_sleeper_past_its_lease_writes_nothing(office: Office, sandbox: Any, tmp_path: Path) -> None:
    """Fencing: who held the lease before may finish nothing once another desk has gone on."""
    invoice = office.invoice(office.customer(), (office.item(), "1", "75"), number="RC-4")
    office.ask((Kind.INVOICE, invoice))
    held = await office.company.leases.take(office.company.lease_name, LEASE_SECONDS)
    assert held is not None
    sleeper = Push(office.company, held, asked=True, actor="owner")
    office.clock.advance(LEASE_SECONDS + 1)  # asleep
    async with second_desk(office, sandbox, tmp_path) as other:
        assert (await other.runner.drain(wait_for_lease=True)).clean
    before = len(office.control.ledger())
    with pytest.raises(LeaseLost):
        await sleeper.run([(Kind.INVOICE, invoice)])
    assert len(office.control.ledger()) == before
    assert_exactly_one(office, "RC-4")


async def test_M68_an_edit_during_a_run_goes_out_in_the_next(office: Office) -> None:
    """What is promised while a run is on is never lost: the serial keeps it."""
    customer = office.customer("Early Name")
    office.ask((Kind.CUSTOMER, customer))
    changed = False

    def edit_meanwhile(name: str) -> None:
        nonlocal changed
        if name == "intent.committed" and not changed:
            changed = True
            draft = CustomerDraft(display_name="Early Name", phone="555 0101")
            office.write(update_customer, customer, draft)
            office.ask((Kind.CUSTOMER, customer))

    from desktop import crashpoint

    crashpoint.install(edit_meanwhile)
    try:
        report = await office.runner.drain(everything=True)
    finally:
        crashpoint.install(None)
    assert report.clean and changed
    (there,) = [one for one in office.books()["customers"] if one["display_name"] == "Early Name"]
    assert there["phone"] == "555 0101"
    assert_quiet(office)


async def test_N18_who_asked_learns_what_the_other_desk_found(office: Office, sandbox: Any, tmp_path: Path) -> None:
    """A refusal met by one desk is told to both that asked."""
    office.set_switches(auto=False)
    invoice = office.invoice(office.customer(), (office.item(mapped=False), "1", "75"), number="RC-5")
    async with second_desk(office, sandbox, tmp_path) as other:
        for desk in (office, other):
            desk.ask((Kind.INVOICE, invoice))
        reports = await asyncio.gather(*(desk.runner.drain(wait_for_lease=True) for desk in (office, other)))
    assert all(set(report.refused) == {f"invoice:{invoice}"} for report in reports)
    assert all(report.refused[f"invoice:{invoice}"].fix == "open_mapping" for report in reports)
