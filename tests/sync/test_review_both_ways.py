"""What a strict reader tried against both directions of the sync: nothing twice, nothing lost, no false green."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from desktop.books.customers import CustomerDraft, update_customer
from desktop.books.invoices import delete_draft
from desktop.crashpoint import install
from desktop.errors import InputError, PlanChanged, TotalsDiffer
from desktop.models.connection import Connection
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.payment import Payment
from desktop.providers.records import Found, Kind, Lookup
from desktop.sync import failures
from desktop.sync.differing import differences_of
from desktop.sync.importing import link_by_hand
from desktop.sync.preview import preview
from desktop.sync.pull_feed import Arrived
from desktop.sync.pull_invoices import bring_invoices
from desktop.sync.pull_payments import bring_payments, explain_balances
from desktop.sync.pull_run import PullRun
from desktop.sync.pulled import CAME_IN
from desktop.sync.resolving import keep_ours, resolve_fields, same_payment, take_theirs
from tests.helpers.office import Office
from tests.sync.acting import balance, synced
from tests.sync.checks import assert_quiet, write_calls


def there(office: Office, kind: str, external_id: str) -> dict[str, str]:
    return next(one for one in office.books()[kind + "s"] if one["id"] == external_id)


async def test_D10_N11_a_payment_entered_there_by_hand_is_met_by_a_shown_plan_too(office: Office) -> None:
    _, _, invoice = await synced(office)
    office.set_switches(auto=False)
    external = office.external(Kind.INVOICE, invoice)
    office.hand("invoice", external, {"pay": {"amount": "80.00", "date": "2026-11-17"}})
    payment = office.pay(invoice, "80", day=date(2026, 11, 15))
    shown = await preview(office.company, [(Kind.INVOICE, invoice)])
    with pytest.raises(PlanChanged):
        await office.runner.run_exactly(shown.targets, shown.key, "owner")
    assert Decimal(there(office, "invoice", external)["balance"]) == 120
    again = await preview(office.company, [(Kind.INVOICE, invoice)])
    assert not again.writes and [one.ref for one in again.left] == [f"payment:{payment}"]


async def test_I5_D9_a_total_that_changed_there_alone_is_a_card_and_never_green(office: Office) -> None:
    _, _, invoice = await synced(office)
    external = office.external(Kind.INVOICE, invoice)
    theirs = (await office.company.provider.find(Lookup(invoice_ids=(external,)))).invoices[0]
    taxed = replace(theirs, total=Decimal("207.00"), tax_total=Decimal(7), balance=Decimal("207.00"), version="8")
    for record in (taxed, taxed, replace(theirs, version="9")):
        arrived, run = Arrived(), PullRun(office.company, None)
        arrived.take(Kind.INVOICE, [record])
        await bring_invoices(run, arrived, date(2026, 1, 1), frozenset())
        row = office.status(Kind.INVOICE, invoice)
        if record is taxed:
            assert row is not None and (row.extra["what"], row.extra["theirs"]) == ("total", "207.00")
        else:
            assert row is None


class WithCredit:
    """The service, with an invoice on which a credit was used: its balance is less than its payments leave."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self.credit = Decimal(50)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    async def find(self, lookup: Lookup) -> Found:
        found = await self._provider.find(lookup)
        less = tuple(replace(one, balance=(one.balance or Decimal(0)) - self.credit) for one in found.invoices)
        return replace(found, invoices=less)


async def test_I5_a_credit_there_that_no_payment_explains_is_a_card(office: Office) -> None:
    _, _, invoice = await synced(office)
    external = office.external(Kind.INVOICE, invoice)
    provider = WithCredit(office.company.provider)
    company = replace(office.company, provider=provider)  # type: ignore[arg-type]
    for credit in (50, 50, 0):
        provider.credit = Decimal(credit)
        arrived, run = Arrived(), PullRun(company, None)
        arrived.take(Kind.INVOICE, (await provider.find(Lookup(invoice_ids=(external,)))).invoices)
        await explain_balances(run, arrived)
        row = office.status(Kind.INVOICE, invoice)
        if credit:
            assert row is not None and (row.extra["what"], row.extra["theirs"]) == ("balance", "150.00")
        else:
            assert row is None


async def test_N9_a_payment_whose_payer_is_not_ours_can_still_change_there(office: Office) -> None:
    _, _, invoice = await synced(office)
    office.hand("invoice", office.external(Kind.INVOICE, invoice), {"pay": "80.00"})
    assert (await office.sync_now()).clean
    paid = office.books()["payments"][-1]["id"]
    found = await office.company.provider.find(Lookup(payment_ids=(paid,)))
    theirs = replace(found.payments[0], customer_id="nobody of ours", reference="wire 7", version="9")
    await bring_payments(PullRun(office.company, None), [theirs])
    with office.db.read() as session:
        mine = session.scalars(select(Payment).where(Payment.from_service)).one()
        assert mine.reference == "wire 7"
    assert balance(office, invoice) == 120


async def conflict_over_email(office: Office) -> tuple[int, str]:
    customer, _, _ = await synced(office)
    external = office.external(Kind.CUSTOMER, customer)
    office.hand("customer", external, {"email": "there@example.com"})
    draft = CustomerDraft("Petra Lindqvist", email="here@example.com", phone="555-0100")
    office.write(update_customer, customer, draft)
    assert not (await office.sync_now()).clean
    return customer, external


@pytest.mark.parametrize("answer", ["keep", "choose"])
async def test_N10_a_field_that_was_not_in_question_is_not_written_over(office: Office, answer: str) -> None:
    customer, external = await conflict_over_email(office)
    office.hand("customer", external, {"phone": "555-0777"})
    if answer == "keep":
        await keep_ours(office.company, Kind.CUSTOMER, customer)
    else:
        await resolve_fields(office.company, Kind.CUSTOMER, customer, [])
    assert (await office.sync_now()).clean
    theirs, mine = there(office, "customer", external), office.row(Customer, customer)
    assert (theirs["email"], theirs["phone"]) == ("here@example.com", "555-0777")
    assert (mine.email, mine.phone) == ("here@example.com", "555-0777")
    assert_quiet(office)


async def test_N10_taking_theirs_leaves_our_edit_of_another_field(office: Office) -> None:
    customer, external = await conflict_over_email(office)
    draft = CustomerDraft("Petra Lindqvist", email="here@example.com", phone="555-0888")
    office.write(update_customer, customer, draft)
    await take_theirs(office.company, Kind.CUSTOMER, customer)
    assert (await office.sync_now()).clean
    theirs, mine = there(office, "customer", external), office.row(Customer, customer)
    assert (mine.email, mine.phone) == ("there@example.com", "555-0888")
    assert (theirs["email"], theirs["phone"]) == ("there@example.com", "555-0888")
    assert_quiet(office)


async def test_N6_I2_of_two_payments_there_only_one_is_ours_and_the_other_comes_in(office: Office) -> None:
    _, _, invoice = await synced(office)
    external = office.external(Kind.INVOICE, invoice)
    for day in ("2026-11-16", "2026-11-17"):
        office.hand("invoice", external, {"pay": {"amount": "80.00", "date": day}})
    payment = office.pay(invoice, "80", day=date(2026, 11, 15))
    assert not (await office.sync_now()).clean
    await same_payment(office.company, payment)
    await office.sync_now()
    assert balance(office, invoice) == 40 == Decimal(there(office, "invoice", external)["balance"])
    assert_quiet(office)


async def test_D10_I1_one_payment_there_for_two_invoices_that_was_typed_here_as_two(office: Office) -> None:
    customer, item, first = await synced(office)
    second = office.invoice(customer, (item, "1", "100"), number="PL-2")
    assert (await office.sync_now()).clean
    ours = [office.external(Kind.INVOICE, one) for one in (first, second)]
    parts = [{"invoice_id": ours[0], "amount": "200"}, {"invoice_id": ours[1], "amount": "30"}]
    office.hand("payment", "", {"create": {
        "customer_id": office.external(Kind.CUSTOMER, customer), "amount": "230", "date": "2026-11-15",
        "allocations": parts}})  # fmt: skip
    half = office.pay(first, "200")
    mine = office.pay(second, "30")
    await office.sync_now()
    assert [Decimal(there(office, "invoice", one)["balance"]) for one in ours] == [0, 70]
    assert office.status(Kind.PAYMENT, mine) is not None
    for payment in (half, mine):
        await same_payment(office.company, payment)
    await office.sync_now()
    assert [balance(office, one) for one in (first, second)] == [0, 70]
    assert [Decimal(there(office, "invoice", one)["balance"]) for one in ours] == [0, 70]
    assert_quiet(office)


async def test_E1_I2_an_invoice_made_there_comes_in_once_its_customer_is_linked(office: Office) -> None:
    _, item, _ = await synced(office)
    stranger = next(one for one in office.books()["customers"] if one["active"] and "Petra" not in one["display_name"])
    line = {"item_id": office.external(Kind.ITEM, item), "quantity": "1", "unit_price": "40", "description": "Panes"}
    today = office.clock.now().date().isoformat()
    create = {"customer_id": stranger["id"], "number": "QB-91", "date": today, "lines": [line]}
    office.hand("invoice", "", {"create": create})
    await office.sync_now()
    office.clock.advance(3600)
    await office.sync_now()
    office.set_switches(customers=False)
    local = office.customer(stranger["display_name"])
    found = await office.company.provider.find(Lookup(customer_ids=(stranger["id"],)))
    await link_by_hand(office.company, Kind.CUSTOMER, local, found.customers[0])
    office.set_switches(auto=True)
    await office.sync_now()
    with office.db.read() as session:
        assert session.scalars(select(Invoice.customer_id).where(Invoice.number == "QB-91")).one() == local


async def test_N10_taking_a_customer_over_who_is_not_here_says_so(office: Office) -> None:
    _, _, invoice = await synced(office)
    stranger = next(one for one in office.books()["customers"] if one["active"] and "Petra" not in one["display_name"])
    office.hand("invoice", office.external(Kind.INVOICE, invoice), {"customer_id": stranger["id"]})
    assert not (await office.sync_now()).clean
    with pytest.raises(InputError):
        await take_theirs(office.company, Kind.INVOICE, invoice)
    assert office.status(Kind.INVOICE, invoice) is not None


async def test_E1_I2_an_invoice_made_there_comes_in_once_its_number_is_free(office: Office) -> None:
    customer, item, _ = await synced(office)
    draft = office.invoice(customer, (item, "1", "7"), number="QB-92", sent=False)
    line = {"item_id": office.external(Kind.ITEM, item), "quantity": "1", "unit_price": "40", "description": "Panes"}
    today = office.clock.now().date().isoformat()
    there_id = office.external(Kind.CUSTOMER, customer)
    office.hand("invoice", "", {"create": {"customer_id": there_id, "number": "QB-92", "date": today, "lines": [line]}})
    for _ in range(2):
        report = await office.sync_now()
        assert report.pulled is not None and report.pulled.problems
        office.clock.advance(3600)
    office.write(delete_draft, draft)
    assert (await office.sync_now()).clean
    with office.db.read() as session:
        assert session.scalars(select(Invoice.total).where(Invoice.number == "QB-92")).one() == 40


async def test_M136_I12_what_was_read_before_the_owner_disconnected_does_not_come_in(office: Office) -> None:
    customer, item, _ = await synced(office)
    line = {"item_id": office.external(Kind.ITEM, item), "quantity": "1", "unit_price": "40", "description": "Panes"}
    today = office.clock.now().date().isoformat()
    owner = office.external(Kind.CUSTOMER, customer)
    office.hand("invoice", "", {"create": {"customer_id": owner, "number": "QB-93", "date": today, "lines": [line]}})

    def disconnect(name: str) -> None:
        if name == "pull.read":
            with office.db.write() as session:
                session.scalars(select(Connection).where(Connection.live == 1)).one().live = 0

    install(disconnect)
    try:
        report = await office.sync_now()
    finally:
        install(None)
    with office.db.read() as session:
        assert session.scalars(select(Invoice.id).where(Invoice.number == "QB-93")).all() == []
    assert report.pulled is None or not report.pulled.count(CAME_IN)


@pytest.mark.parametrize("answer", ["keep", "choose", "take"])
async def test_N10_an_answer_to_what_the_card_showed_writes_over_nothing_newer(office: Office, answer: str) -> None:
    customer, external = await conflict_over_email(office)

    async def answered() -> None:
        if answer == "keep":
            await keep_ours(office.company, Kind.CUSTOMER, customer)
        elif answer == "take":
            await take_theirs(office.company, Kind.CUSTOMER, customer)
        else:
            await resolve_fields(office.company, Kind.CUSTOMER, customer, [])

    (shown,) = await differences_of(office.company, Kind.CUSTOMER, customer, ["e-mail"])
    assert shown.theirs == "there@example.com"
    office.hand("customer", external, {"email": "newer@example.com"})
    for _ in range(2):  # pressing again shows nothing new by itself
        with pytest.raises(PlanChanged):
            await answered()
    await office.sync_now()
    assert there(office, "customer", external)["email"] == "newer@example.com"
    assert office.row(Customer, customer).email == "here@example.com"
    assert office.status(Kind.CUSTOMER, customer) is not None
    (shown,) = await differences_of(office.company, Kind.CUSTOMER, customer, ["e-mail"])
    assert shown.theirs == "newer@example.com"
    await answered()
    assert (await office.sync_now()).clean
    wanted = "newer@example.com" if answer == "take" else "here@example.com"
    assert there(office, "customer", external)["email"] == office.row(Customer, customer).email == wanted
    assert_quiet(office)


async def test_N10_I6_the_answer_to_a_total_sends_only_what_makes_the_total(office: Office) -> None:
    _, item, invoice = await synced(office)
    external = office.external(Kind.INVOICE, invoice)
    with office.db.write() as session:
        error = TotalsDiffer(office.name, "200.00", "200.00", number="PL-1")
        extra = {"ours": "200.00", "theirs": "200.00", "what": "total"}
        failures.fail(session, office.clock.now(), "invoice", invoice, "PL-1", error, extra)
    office.hand("invoice", external, {"memo": "the bookkeeper's own words"})
    before = office.control.ledger()[-1]["sequence"]
    await keep_ours(office.company, Kind.INVOICE, invoice)
    await office.sync_now()
    assert there(office, "invoice", external)["memo"] == "the bookkeeper's own words"
    assert office.row(Invoice, invoice).note == "the bookkeeper's own words"
    assert not [one for one in write_calls(office, before) if "memo" in str(one.get("body", ""))]
