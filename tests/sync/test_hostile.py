"""What is typed arrives identical or is refused with its reason; what a service sends never breaks a run (I21)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.errors import InputError
from desktop.providers.records import CustomerRecord, Kind
from desktop.sync import planning
from desktop.sync.failures import printable
from tests.helpers.office import Office
from tests.sync.acting import settle
from tests.sync.checks import assert_exactly_one, write_calls

TEXTS = {
    "emoji": "Zoë 🛠️ 👩‍🔧",
    "rtl": "שלום \u202eevil\u202c عميل",
    "cjk": "株式会社 水道屋",
    "zero-width": "Ze\u200bro\u200dWidth",
    "nfd": "Cafe\u0301 Mu\u0308ller",
    "quotes": 'O\'Brien "the" \\ `best`',
    "sql": "Robert'); DROP TABLE customer;--",
    "query": "' OR DisplayName != '",
    "graphql": '{ __typename } " AND Name!="',
    "markup": "<b>Bold</b> <img src=http://evil.example/x> &lt;",
    "formula": "=cmd|' /C calc'!A0",
    "path": "../../etc/passwd %00 %n",
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.every_service
async def test_I21_U1_U3_U4_text_arrives_identical_or_is_refused_before_any_write(office: Office, name: str) -> None:
    office.set_switches(auto=False)
    text = TEXTS[name]
    customer = office.customer(text)
    item = office.item(text)
    invoice = office.invoice(customer, (item, "1", "10"), number=f"HT-{list(TEXTS).index(name)}", note=text)
    await office.sync(invoice)
    status = office.status(Kind.INVOICE, invoice)
    if status is not None:
        assert status.title and not write_calls(office), status.title
        return
    books = office.books()
    (there,) = office.remote_invoices(f"HT-{list(TEXTS).index(name)}")
    assert there["memo"] == text
    assert text in [one["display_name"] for one in books["customers"] if one["id"] == there["customer_id"]]
    assert text in [one["name"] for one in books["items"]]
    before = len(write_calls(office))
    assert (await office.sync(invoice)).writes == 0 and len(write_calls(office)) == before


async def test_I21_colons_are_refused_with_the_reason_before_any_call(office: Office) -> None:
    office.set_switches(auto=False)
    invoice = office.invoice(office.customer("Smith: Sons"), (office.item(), "1", "10"), number="HT-C")
    before = len(office.control.ledger())
    await office.sync(invoice)
    status = office.status(Kind.INVOICE, invoice)
    assert status is not None and "colon" in status.title and status.fix == "edit_customer"
    assert len(office.control.ledger()) == before


@pytest.mark.parametrize("text", ["Nul\x00", "Bell\x07", "Line\nbreak", "Half\ud800"])
async def test_U2_control_characters_are_refused_at_the_desk_or_before_the_call(office: Office, text: str) -> None:
    office.set_switches(auto=False)
    try:
        customer = office.customer(text)
    except InputError as refused:
        assert refused.sentence
        return
    invoice = office.invoice(customer, (office.item(), "1", "10"), number="HT-U")
    await office.sync(invoice)
    assert office.status(Kind.INVOICE, invoice) is not None and not write_calls(office)


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_I21_whatever_a_service_says_can_be_stored(text: str) -> None:
    kept = printable(text + "\ud800\x00")
    assert "\x00" not in kept
    kept.encode("utf-8")


DAMAGE: dict[str, dict[str, Any]] = {
    "1e400": {"id": "B6", "params": {"kind": "number"}},
    "nested": {"id": "B6", "params": {"kind": "nested"}},
    "doubled-ids": {"id": "B6", "params": {"kind": "duplicate"}},
    "enum": {"id": "B7", "params": {"kind": "enum"}},
    "year-1": {"id": "B7", "params": {"kind": "date"}},
    "slash-date": {"id": "B7", "params": {"kind": "slash_date"}},
    "list": {"id": "B3", "params": {"kind": "list"}},
    "money-as-text": {"id": "B3", "params": {"kind": "money_text"}},
    "extra": {"id": "B3", "params": {"kind": "extra"}},
    "utf-16": {"id": "B2", "params": {"kind": "utf16"}},
    "gzip": {"id": "B2", "params": {"kind": "gzip"}},
    "error-in-200": {"id": "B4"},
    "unknown": {"id": "H11"},
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_B_answers_that_make_no_sense_never_break_a_run(office: Office, damage: str) -> None:
    """Each answer in turn is damaged once; the run ends in a state, and after the damage all is well."""
    invoice = office.invoice(office.customer(), (office.item(), "1", "80"), number="HB-1")
    office.pay(invoice, "30")
    for _ in range(3):
        office.control.faults({"nth": 1, "op": "batch", **DAMAGE[damage]})
        await office.sync(invoice)  # never raises what a service does
        office.clock.advance(200)
    office.control.clear_faults()
    office.clock.advance(4000)
    await settle(office)
    await office.sync(invoice)
    await settle(office)
    assert assert_exactly_one(office, "HB-1", payments=1)["balance"] == "50.00"
    assert office.status(Kind.INVOICE, invoice) is None


@pytest.mark.allow_errors("a push failed unexpectedly")
async def test_a_mistake_over_one_record_stops_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever one record sets off is told of that record; the others go (M112)."""
    office.set_switches(auto=False)
    customer, item = office.customer(), office.item()
    invoices = [office.invoice(customer, (item, "1", "10"), number=f"HX-{at}") for at in range(3)]
    real = planning.may_be_same
    assert real(CustomerRecord("a"), CustomerRecord("a"))
    office.control.edit("customer", "", {"create": {"display_name": "Poison"}})
    poisoned = office.invoice(office.customer("Poison"), (item, "1", "10"), number="HX-P")

    def broken(ours: CustomerRecord, theirs: CustomerRecord) -> bool:
        if ours.display_name == "Poison":
            raise ZeroDivisionError
        return real(ours, theirs)

    monkeypatch.setattr(planning, "may_be_same", broken)
    report = await office.sync(*invoices, poisoned)
    assert set(report.refused) == {f"invoice:{poisoned}"}
    for at in range(3):
        assert_exactly_one(office, f"HX-{at}")
    status = office.status(Kind.INVOICE, poisoned)
    assert status is not None and status.state == "needs_you"
