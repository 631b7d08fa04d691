"""An answer that is lost, cut, doubled or wrong leaves exactly one of each there (M71, M80)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from desktop.books.customers import draft_of, update_customer
from desktop.models.customer import Customer
from desktop.providers.records import Kind
from tests.helpers.office import Office
from tests.sync.acting import settle
from tests.sync.checks import assert_exactly_one, assert_intentions, assert_linked_once, assert_quiet, made_there

LOST: dict[str, dict[str, Any]] = {
    "N1": {"id": "N1", "phase": "after"},
    "N3": {"id": "N3", "phase": "after"},
    "B1-right-length": {"id": "B1", "phase": "after", "params": {"length": "right"}},
    "B1-wrong-length": {"id": "B1", "phase": "after", "params": {"length": "wrong"}},
    "B2-not-json": {"id": "B2", "phase": "after", "params": {"kind": "text"}},
    "B3-null": {"id": "B3", "phase": "after", "params": {"kind": "null"}},
    "B3-no-id": {"id": "B3", "phase": "after", "params": {"kind": "no_id"}},
    "H5-before": {"id": "H5", "phase": "before"},
    "H5-after": {"id": "H5", "phase": "after"},
    "H6-before": {"id": "H6", "phase": "before"},
    "H6-after": {"id": "H6", "phase": "after", "params": {"status": 504}},
    "N2": {"id": "N2", "phase": "before"},
    "B5-missing": {"id": "B5", "phase": "after", "params": {"mode": "missing"}},
    "B5-doubled": {"id": "B5", "phase": "after", "params": {"mode": "doubled"}},
    "B5-reordered": {"id": "B5", "phase": "after", "params": {"mode": "reordered"}},
}
OPS = ("create_customer", "create_item", "create_invoice", "create_payment")
EACH = [("N1", op) for op in OPS] + [("H5-after", op) for op in OPS] + [("B5-missing", op) for op in OPS]
ALL = [(fault, "") for fault in LOST]
"""Faults at one kind of write, and each fault at all of them in one run."""


@pytest.mark.parametrize(("fault", "op"), EACH + ALL)
async def test_M71_M80_a_lost_answer_leaves_one_of_each(office: Office, op: str, fault: str) -> None:
    invoice = office.invoice(office.customer("Lost & Found"), (office.item("Searching"), "1", "80"), number="LR-1")
    office.pay(invoice, "30")
    ops = (op,) if op else ("create_customer", "create_invoice", "create_payment")
    office.control.faults(*({"op": one, "nth": 1} | LOST[fault] for one in ops))
    await office.sync(invoice)
    await settle(office)
    assert assert_exactly_one(office, "LR-1", payments=1)["balance"] == "50.00"
    assert [len(made_there(office, kind)) for kind in ("customer", "item", "invoice", "payment")] == [1, 1, 1, 1]
    assert_quiet(office)
    assert_linked_once(office)


async def test_M71_forgotten_key_and_lost_answer_is_found_by_our_stamp(office: Office) -> None:
    """The service has forgotten the key, so a repeat would make a second one: our stamp is looked up instead."""
    office.control.settings(requestid_works=False)
    invoice = office.invoice(office.customer("Stamp Only"), (office.item("Stamping"), "1", "80"), number="LR-2")
    office.pay(invoice, "80")
    office.control.faults({"id": "N1", "op": "create_invoice", "nth": 1, "phase": "after"})
    await office.sync(invoice)
    await settle(office)
    assert assert_exactly_one(office, "LR-2", payments=1)["balance"] == "0.00"
    assert_quiet(office)


async def test_M80_after_a_day_a_payment_in_doubt_is_looked_up_never_resent(office: Office) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "1", "80"), number="LR-3")
    assert (await office.sync(invoice)).clean
    office.pay(invoice, "80")
    office.control.faults(*({"id": "N1", "op": "create_payment", "every": 1, "times": 3, "phase": "after"},))
    report = await office.sync(invoice)
    assert report.in_doubt or report.problem
    again = await office.sync(invoice)  # a second run while the first is in doubt
    assert len(made_there(office, "payment")) == 1, again
    office.control.clear_faults()
    office.clock.advance(25 * 3600)  # the key is no longer trusted
    await settle(office)
    assert_exactly_one(office, "LR-3", payments=1)
    assert_quiet(office)


async def test_M71_nothing_of_a_record_in_doubt_leaves_again(office: Office) -> None:
    """The key does not work and the answer stays lost: however often Sync is pressed, there is one payment."""
    office.control.settings(requestid_works=False)
    invoice = office.invoice(office.customer(), (office.item(), "1", "80"), number="LR-4")
    assert (await office.sync(invoice)).clean
    payment = office.pay(invoice, "80")
    office.control.faults({"id": "N1", "op": "create_payment", "every": 1, "phase": "before"})
    await office.sync(invoice)
    assert office.status(Kind.PAYMENT, payment) is not None
    for _ in range(3):
        await office.sync(invoice)
    office.control.clear_faults()
    await settle(office)
    assert_exactly_one(office, "LR-4", payments=1)


@pytest.mark.parametrize("renamed", [False, True], ids=["as it was", "renamed meanwhile"])
async def test_N1_H11_a_repeat_that_is_refused_says_nothing_of_the_first_attempt(office: Office, renamed: bool) -> None:
    """Made there, the answer lost, and the repeat met by an odd gateway: it is looked up, not taken as refused."""
    customer = office.customer("Twice & Never")
    invoice = office.invoice(customer, (office.item("Asking"), "1", "80"), number="LR-5")
    lost = {"id": "N1", "op": "create_customer", "nth": 1, "phase": "after"}
    odd = {"id": "H11", "op": "create_customer", "nth": 2}
    down = {"id": "H7", "op": "list_customers", "nth": 2, "params": {"for_s": 600}}  # nobody can look yet
    office.control.faults(lost, odd, down)
    await office.sync(invoice)
    assert office.control.hits()["H11"] == 1
    if renamed:
        draft = replace(office.read(lambda session: draft_of(session.get_one(Customer, customer))), display_name="New")
        office.write(update_customer, customer, draft)
    await settle(office)
    assert_exactly_one(office, "LR-5", payments=0)
    assert [len(made_there(office, kind)) for kind in ("customer", "item", "invoice")] == [1, 1, 1]
    assert_quiet(office)
    assert_linked_once(office)


async def test_N1_D7_a_refusal_of_the_repeat_is_told_when_nothing_is_there(office: Office) -> None:
    """A refusal that is about the record is believed as soon as the look-up finds nothing."""
    invoice = office.invoice(office.customer(), (office.item(), "1", "80"), number="LR-6")
    refusal = {"id": "FAULT", "op": "create_invoice", "every": 1, "params": {"code": "6000", "detail": "Not that"}}
    office.control.faults({"id": "N1", "op": "create_invoice", "nth": 1, "phase": "before"}, refusal)
    report = await office.sync(invoice)
    status = office.status(Kind.INVOICE, invoice)
    assert not report.in_doubt and not made_there(office, "invoice")
    assert status is not None and status.state == "needs_you"
    office.control.clear_faults()
    await office.sync(invoice)
    await settle(office)
    assert_exactly_one(office, "LR-6", payments=0)
    assert_quiet(office)


@pytest.mark.every_service
async def test_M112_one_fault_among_thirty_lets_the_others_go(office: Office) -> None:
    customer, item = office.customer(), office.item()
    invoices = [office.invoice(customer, (item, "1", "10"), number=f"PF-{at}") for at in range(30)]
    fault = {"code": "6000", "detail": "Something only the service knows"}
    office.control.faults({"id": "FAULT", "op": "create_invoice", "nth": 7, "params": fault})
    report = await office.sync(*invoices)
    assert len(report.refused) == 1 and len(report.done & {f"invoice:{one}" for one in invoices}) == 29
    (refused,) = report.refused
    status = office.status(Kind.INVOICE, int(refused.split(":")[1]))
    assert status is not None and status.state == "needs_you"
    assert len(made_there(office, "invoice")) == 29
    assert_intentions(office)
    again = await office.sync(*invoices)  # M99: Resync tries the failed one again, and only that
    assert again.clean and again.writes == 1
    office.clock.advance(5)  # the customer's and the item's own promises fall due
    assert (await office.runner.drain()).writes == 0
    assert_quiet(office)
