"""Every request that the Xero client sends, and every answer that the imitated Xero gives, against Xero's own files."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from desktop.providers.base import Action, Refused
from desktop.providers.records import Lookup, PaymentLookup, PaymentMethod
from desktop.providers.xero import Xero
from desktop.providers.xero_signin import organisations
from tests.conformance import xero_spec
from tests.conformance.xero_spec import ACCOUNTING, EXCEPTIONS, Call, document, unknown_names
from tests.helpers.control import Control
from tests.providers.xero_support import (
    SERVICE,
    billed,
    connected,
    customer,
    done,
    invoice,
    item,
    line,
    make,
    payment,
    step,
)

pytestmark = pytest.mark.timeout(300)

NOT_IN_THE_FILE = {
    "Invoices.DateString": "DateString",
    "Invoices.DueDateString": "DateString",
}
"""Names in answers that the file lacks, and the exception that each belongs to."""


@pytest.fixture(scope="module", autouse=True)
def files() -> None:
    xero_spec.skip_without_files()


def made(control: Control) -> list[Call]:
    """Every call of the accounting and connections interfaces so far."""
    entries = [entry for entry in control.ledger() if entry["service"] == SERVICE]
    return [Call(entry) for entry in entries if entry["path"].startswith((ACCOUNTING, "/xero/connections"))]


async def everything(xero: Xero, control: Control) -> None:
    """All that the client can do, refusals and a hostile half of it included."""
    await organisations(xero._http)
    await xero.settings()
    for pages in (xero.customers(), xero.items(), xero.invoices(), xero.payments()):
        assert [page async for page in pages]
    since = datetime.now(UTC) - timedelta(days=400)
    assert (await xero.changes(since)).invoices
    bill = await billed(xero, discount=Decimal("24.01"))
    taxed = line("PRT-FILT", "3", "38.4", taxable=True, tax_code_id="OUTPUT")
    who = bill.customer_id
    many = [step(customer(f"Client {at}", email=f"c{at}@example.com", phone="512-555-0101"), ref=f"customer:{at}")
            for at in range(3)]  # fmt: skip
    things = [step(item(f"Thing {at}", taxable=bool(at)), ref=f"item:{at}") for at in range(2)]
    bills = [
        step(invoice(who, "C-1", lines=(taxed, line(quantity="0.5"))), ref="invoice:1"),
        step(invoice(who, "C-1"), ref="invoice:2"),
        step(invoice(who, "C-3", lines=(line("NOWHERE"),)), ref="invoice:3"),
    ]
    outcomes = await make(xero, *many, *things, *bills, key="1" * 32)
    assert sum(isinstance(one, Refused) for one in outcomes) == 2
    paid = await done(xero, payment(bill, method=PaymentMethod.CARD), key="p")
    more = replace(paid, amount=Decimal("60.00"), allocations=payment(bill, "60.00").allocations)
    again = await done(xero, more, Action.UPDATE, "amount", key="q")
    await make(xero, step(payment(bill, "9999.00")), key="r" * 32)
    await make(xero, step(bill, Action.VOID), key="s" * 32)
    await done(xero, again, Action.DELETE, key="t")
    [now] = (await xero.find(Lookup(invoice_ids=(bill.external_id or "",)))).invoices
    later = replace(now, memo="Later", lines=(*now.lines, line("SVC-HOUR")))
    await done(xero, later, Action.UPDATE, "memo", "lines", "due_on", key="u")
    [there] = (await xero.find(Lookup(customer_ids=(who,)))).customers
    moved = replace(there, phone="512-555-0102", given_name="Nora")
    await done(xero, moved, Action.UPDATE, "phone", "given_name", "address", key="v")
    [known] = (await xero.find(Lookup(item_ids=("THING-1", "SVC-CALL")))).items
    await done(xero, replace(known, unit_price=Decimal("1.5")), Action.UPDATE, "unit_price", key="w")
    [fresh] = (await xero.find(Lookup(invoice_ids=(bill.external_id or "",)))).invoices
    await done(xero, fresh, Action.VOID, key="x")
    await done(xero, known, Action.DELETE, key="y")
    lookup = PaymentLookup(who, date(2026, 11, 21), "1886")
    await xero.find(Lookup(("Nora Stone",), ("Thing 0",), ("C-1", "1,2"), (lookup,)))


async def test_every_request_and_every_answer_fits_the_files(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control, read=False) as xero:
        control.settings(SERVICE, period_lock_date="2020-06-30", limits="off")
        await everything(xero, control)
    found = made(control)
    assert {call.entry["status"] for call in found} <= {200, 204, 400}
    assert len({(call.entry["method"], call.path.split("/")[-1][:8]) for call in found}) >= 14
    problems = [error for call in found for error in call.errors()]
    assert not problems, "\n".join(problems[:10])


async def test_no_name_is_sent_or_answered_that_the_file_does_not_know(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control, read=False) as xero:
        control.settings(SERVICE, limits="off")
        await everything(xero, control)
    sent: set[str] = set()
    answered: set[str] = set()
    schemas = document("accounting")["components"]["schemas"]
    for call in made(control):
        for body, names, is_answer in ((call.entry["request"], sent, False), (call.entry["answer"], answered, True)):
            if call.name != "accounting" or not isinstance(body, dict) or call.entry["status"] != 200:
                continue
            for plural in schemas.keys() & body.keys():
                names.update(
                    f"{plural}.{name}" for name in unknown_names(body[plural], schemas[plural]["properties"][plural])
                )
            if is_answer:
                assert set(body) <= {"Id", "Status", "ProviderName", "DateTimeUTC", "pagination", *schemas}
    assert not sent
    assert answered == set(NOT_IN_THE_FILE), sorted(answered ^ set(NOT_IN_THE_FILE))


# --- the validator itself ---


async def test_the_validator_sees_what_is_wrong_at_any_depth(sandbox: Any, control: Control) -> None:
    """Invoice, Payment and CreditNote refer to each other in circles, which some validators skip in silence."""
    async with connected(sandbox, control) as xero:
        bill = await billed(xero)
        await done(xero, payment(bill), key="p")
    entries = {call.entry["path"].split("?")[0].rsplit("/", 1)[1]: call.entry for call in made(control)}
    damage: list[tuple[str, str, tuple[Any, ...], Any]] = [
        ("Payments", "answer", ("Payments", 0, "Invoice", "Contact", "Name"), 7),
        ("Payments", "answer", ("Payments", 0, "Invoice", "InvoiceID"), "no uuid"),
        ("Payments", "request", ("Payments", 0, "Amount"), "12.00"),
        ("Invoices", "answer", ("Invoices", 0, "Status"), "OPEN"),
        ("Invoices", "answer", ("Invoices", 0, "Reference"), None),
        ("Invoices", "request", ("Invoices", 0, "LineItems", 0, "Quantity"), "2"),
        ("Invoices", "request", ("Invoices", 0, "LineAmountTypes"), "exclusive"),
        ("Contacts", "answer", ("Contacts", 0, "Addresses", 0, "AddressType"), "HOME"),
    ]
    for path, part, way, value in damage:
        entry = copy.deepcopy(entries[path])
        assert not list(Call(entry).errors())
        spot = entry[part]
        for name in way[:-1]:
            spot = spot[name]
        spot[way[-1]] = value
        assert list(Call(entry).errors()), f"{part} {way} = {value!r} went unseen"
    silent = copy.deepcopy(entries["Contacts"])
    silent["company_id"] = None
    call = Call(silent)
    del call.headers["xero-tenant-id"]
    assert list(call.errors()), "a call without a tenant went unseen"


def test_each_exception_has_its_reason_and_is_needed() -> None:
    assert all(len(reason) > 20 for reason in EXCEPTIONS.values())
    assert set(NOT_IN_THE_FILE.values()) <= set(EXCEPTIONS)
