"""What the owner changes while a write is under way follows by itself, and nothing is called equal that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from sqlalchemy import delete, select, update

from desktop import crashpoint
from desktop.books.invoices import void_invoice
from desktop.books.payments import remove_payment
from desktop.models.connection import ExternalLink
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.work import Intention, WriteCall
from desktop.providers.records import Kind
from tests.helpers.office import Office


@pytest.fixture
def at() -> Iterator[Callable[[str, Callable[[], object]], None]]:
    """Runs something once, when the engine passes a named point."""

    def install(name: str, act: Callable[[], object]) -> None:
        def handler(passed: str) -> None:
            if passed == name:
                crashpoint.install(None)
                act()

        crashpoint.install(handler)

    yield install
    crashpoint.install(None)


async def test_M59_M80_a_payment_removed_while_it_is_sent_is_taken_back_there(office: Office, at) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "1", "80"), number="BC-CM-1")
    assert (await office.sync(invoice)).clean
    payment = office.pay(invoice, "80")
    office.clock.advance(5)
    at("call.sent", lambda: office.write(remove_payment, payment))
    await office.runner.drain()
    office.clock.advance(5)
    assert (await office.runner.drain()).clean
    (remote,) = office.remote_invoices("BC-CM-1")
    assert Decimal(remote["balance"]) == 80


async def test_M59_M68_an_invoice_voided_while_it_is_created_is_voided_there(office: Office, at) -> None:
    customer, item = office.customer(), office.item()
    assert (await office.sync(office.invoice(customer, (item, "1", "5"), number="BC-CM-0"))).clean
    invoice = office.invoice(customer, (item, "1", "80"), number="BC-CM-2")
    office.clock.advance(5)
    at("call.sent", lambda: office.write(void_invoice, invoice))
    await office.runner.drain()
    office.clock.advance(5)
    await office.runner.drain()
    (remote,) = office.remote_invoices("BC-CM-2")
    assert Decimal(remote["balance"]) == 0 and remote["status"] == "void"


async def test_I3_a_payment_found_by_our_stamp_is_brought_up_to_date_before_it_is_green(office: Office) -> None:
    invoice = office.invoice(office.customer(), (office.item(), "1", "80"), number="BC-CM-3")
    payment = office.pay(invoice, "80")
    assert (await office.sync(invoice)).clean
    with office.db.write() as session:  # as after restoring an older copy: the link is gone, the amount is another
        session.execute(delete(ExternalLink).where(ExternalLink.kind == "payment"))
        session.execute(update(Payment).where(Payment.id == payment).values(amount=Decimal(50), revision=2))
        session.execute(update(PaymentAllocation).values(amount=Decimal(50)))
    report = await office.sync(invoice)
    (remote,) = office.remote_invoices("BC-CM-3")
    assert Decimal(remote["balance"]) == 30 or not report.clean
    paid = [p for p in office.books()["payments"] if any(a["invoice_id"] == remote["id"] for a in p["allocations"])]
    assert len(paid) == 1


@pytest.mark.allow_errors("could not be recovered")
async def test_M112_a_stored_call_that_makes_no_sense_stops_no_other(office: Office) -> None:
    first = office.invoice(office.customer(), (office.item(), "1", "80"), number="BC-CM-4")
    office.control.faults({"id": "N1", "op": "create_invoice", "every": 1, "phase": "after", "times": 9})
    await office.sync(first)
    office.control.clear_faults()
    with office.db.write() as session:
        call = session.scalars(select(WriteCall).where(WriteCall.state == "open")).first()
        assert call is not None, "the call should still be in doubt"
        session.execute(update(Intention).where(Intention.call_id == call.id).values(record={"no": "record"}))
    second = office.invoice(office.customer(), (office.item(), "1", "60"), number="BC-CM-5")
    report = await office.sync(second)
    assert f"invoice:{second}" in report.done
    assert len(office.remote_invoices("BC-CM-5")) == 1
    assert office.link(Kind.INVOICE, first) is None
