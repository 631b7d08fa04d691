"""SIGKILL at every crash point of a push, then another process takes over: everything is there exactly once."""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.invoices import InvoiceDraft, LineDraft, create_invoice, mark_sent
from desktop.books.items import ItemDraft, create_item
from desktop.crashpoint import CRASH_POINTS
from desktop.providers.records import Kind
from desktop.sync.mapping import mapping_view, save_mapping
from desktop.sync.secrets import MemoryStore
from tests.helpers.control import Control
from tests.helpers.desk import connected_core
from tests.helpers.office import ElasticClock, Office
from tests.sync.checks import assert_exactly_one, assert_linked_once, assert_quiet, made_there
from tests.sync.desk_process import Desks, job_for

PER_CALL = ("intent.committed", "call.sent", "reply.read", "link.committed", "log.committed")
ONCE = ("load", "lease.taken", "readback", "state.done", "notify", "lease.freed")
TOKENS = ("token.check", "token.refresh.sent", "token.refresh.got", "token.stored")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def two_invoices(office: Office) -> list[int]:
    """Two invoices for new customers with new items, three payments: three levels of writes."""
    first = office.invoice(office.customer("Cora Reed"), (office.item("Leak search"), "2", "60"), number="CR-1")
    second = office.invoice(office.customer("Dan Whit"), (office.item("Pump"), "1", "250"), number="CR-2")
    office.pay(first, "120")
    office.pay(second, "100")
    office.pay(second, "50")
    return [first, second]


async def everything_once(office: Office, invoices: list[int]) -> None:
    """Another desk goes on; afterwards both books say the same."""
    report = await office.runner.drain(everything=True, wait_for_lease=True)
    assert not (report.refused or report.in_doubt or report.problem), report
    assert money_owed(assert_exactly_one(office, "CR-1", payments=1)) == 0
    assert money_owed(assert_exactly_one(office, "CR-2", payments=2)) == 100
    names = [one["display_name"] for one in office.books()["customers"]]
    assert names.count("Cora Reed") == names.count("Dan Whit") == 1
    assert [len(made_there(office, kind)) for kind in ("customer", "item", "invoice", "payment")] == [2, 2, 2, 3]
    assert_quiet(office)
    assert_linked_once(office)
    before = len(office.control.ledger())
    office.ask(*((Kind.INVOICE, one) for one in invoices))
    assert (await office.runner.drain()).writes == 0
    assert all(not entry["changed"] for entry in office.control.ledger(before))


def money_owed(invoice: dict[str, Any]) -> Decimal:
    return Decimal(invoice["balance"])


@pytest.mark.parametrize(
    ("place", "nth"), [*((place, nth) for place in PER_CALL for nth in (1, 2, 3)), *((place, 1) for place in ONCE)]
)
async def test_M71_P1_killed_at_any_point_of_a_push(
    office: Office, sandbox: Any, tmp_path: Path, desks: Desks, place: str, nth: int
) -> None:
    invoices = two_invoices(office)
    job = job_for(office, sandbox, tmp_path, invoices, die_at=place, nth=nth)
    assert desks.run(job), "it was to die there"
    await everything_once(office, invoices)


@pytest.mark.parametrize("place", ["reply.read", "call.sent"])
async def test_M71_P1_killed_while_the_answer_was_lost_too(
    office: Office, sandbox: Any, tmp_path: Path, desks: Desks, place: str
) -> None:
    invoices = two_invoices(office)
    office.control.faults({"id": "N1", "op": "create_invoice", "nth": 1, "phase": "after"})
    job = job_for(office, sandbox, tmp_path, invoices, die_at=place, nth=2 if place == "reply.read" else 3)
    assert desks.run(job)
    await everything_once(office, invoices)


@pytest.mark.parametrize("place", ["call.sent", "reply.read"])
async def test_M71_P1_killed_again_while_finding_out(
    office: Office, sandbox: Any, tmp_path: Path, desks: Desks, place: str
) -> None:
    invoices = two_invoices(office)
    assert desks.run(job_for(office, sandbox, tmp_path, invoices, die_at="reply.read", nth=2))
    office.clock.advance(61)  # the dead desk's lease runs out
    desks.run(job_for(office, sandbox, tmp_path, invoices, die_at=place, nth=1))
    await everything_once(office, invoices)


def test_every_crash_point_is_killed_at_here() -> None:
    assert set(CRASH_POINTS) == {*PER_CALL, *ONCE, *TOKENS}


@pytest.mark.parametrize("place", TOKENS)
async def test_M101_P1_killed_while_the_token_is_renewed(
    tmp_path: Path, sandbox: Any, control: Control, desks: Desks, place: str
) -> None:
    store, clock = MemoryStore(), ElasticClock(control)
    async with connected_core(tmp_path / "desk", sandbox, control, store=store, clock=clock) as core:
        customer = await core.do(create_customer, CustomerDraft(display_name="Tess Orr"))
        item = await core.do(create_item, ItemDraft(name="Valve", unit_price=Decimal(40)))
        key = await core.company_key()
        assert key is not None
        account = (await core.ask(mapping_view, key)).accounts[0].external_id
        await core.do(save_mapping, key, {item: account})
        lines = (LineDraft(item, "", Decimal(1), Decimal(40)),)
        draft = InvoiceDraft(customer, date(2026, 11, 10), None, lines, number="TK-1")
        invoice = await core.do(create_invoice, draft)
        await core.do(mark_sent, invoice)
        job = {
            "whole": True,
            "database": core.options.database,
            "folder": str(tmp_path / "desk"),
            "base": sandbox.base,
            "secret": sandbox.control_secret,
            "services": sandbox.services,
            "store": dict(store._secrets),
            "later_s": 3700,
            "invoices": [invoice],
            "die_at": place,
            "answer": str(tmp_path / "answer.json"),
        }
        assert desks.run(job)
        clock._ahead += 3800  # this desk's clock has moved as far as the dead one's
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert report.clean, report.problem
        (there,) = [one for one in control.books()["invoices"] if one["number"] == "TK-1"]
        assert Decimal(there["total"]) == 40
        used = [entry for entry in control.ledger(op="refresh") if entry["status"] == 400]
        assert not used, "a used token was presented"
