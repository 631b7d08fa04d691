"""When the connection is the trouble: all is kept, told once at the right time, and goes on by itself (I16, E8)."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from sqlalchemy import func, select

from desktop.errors import AppKeysWrong, NeedsSignIn
from desktop.models.connection import Connection
from desktop.models.states import Switches
from desktop.models.work import OutboxEntry
from desktop.providers.base import AccessToken
from desktop.providers.records import Kind
from desktop.sync import causes, failures
from desktop.sync.overview import save_switches, sync_everything
from tests.helpers.office import Office
from tests.sync.acting import settle
from tests.sync.checks import assert_exactly_one, assert_quiet, made_there, write_calls

ALWAYS: dict[str, Any] = {"every": 1}


def state(office: Office) -> Connection:
    with office.db.read() as session:
        return session.scalars(select(Connection)).one()


def bells(office: Office) -> list[str]:
    return [entry.kind for entry in office.read(failures.bell_entries, "owner")]


def queued(office: Office) -> int:
    with office.db.read() as session:
        return session.scalar(select(func.count(OutboxEntry.id))) or 0


def three(office: Office, prefix: str) -> list[int]:
    customer, item = office.customer(), office.item()
    return [office.invoice(customer, (item, "1", "10"), number=f"{prefix}-{at}") for at in range(3)]


def nobody_home(office: Office) -> str:
    """Point the desk at a port where nobody listens; the answer is where it was."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    before, office.http.base = office.http.base, f"http://127.0.0.1:{port}"
    return before


async def test_E8_offline_by_hand_rings_once_for_the_connection_and_resumes(office: Office) -> None:
    invoices = three(office, "OF")
    before = nobody_home(office)
    report = await office.sync(*invoices)
    assert report.problem is not None and not report.refused
    assert state(office).state == "paused" and bells(office) == ["connection"]
    for invoice in invoices:
        status = office.status(Kind.INVOICE, invoice)
        assert status is not None and status.state == "waiting"
    assert queued(office) >= 3
    office.http.base = before
    office.clock.advance(20)
    assert (await office.runner.drain()).clean  # nobody pressed anything
    assert state(office).state == "connected" and bells(office) == []
    for at in range(3):
        assert_exactly_one(office, f"OF-{at}")
    await office.runner.drain(everything=True)
    assert_quiet(office)


async def test_E8_H7_in_the_background_the_bell_waits_for_half_an_hour(office: Office) -> None:
    three(office, "BG")
    office.clock.advance(3)
    office.control.faults({"id": "H7", **ALWAYS, "params": {"for_s": 3 * 3600}})
    rang_after = None
    start = office.clock.now()
    for _ in range(40):
        await office.runner.drain()
        if bells(office):
            rang_after = (office.clock.now() - start).total_seconds()
            break
        office.clock.advance(60)
    assert rang_after is not None and 1800 <= rang_after <= 2400
    assert bells(office) == ["connection"]
    office.clock.advance(3 * 3600)
    await settle(office)
    assert state(office).state == "connected" and bells(office) == []
    assert len(made_there(office, "invoice")) == 3


@pytest.mark.parametrize(
    "fault", [{"id": "H1", "params": {"retry_after": 300}}, {"id": "H1", "params": {"retry_after": 300, "date": True}},
              {"id": "H2", "params": {"wait_s": 60}}], ids=["seconds", "date", "none"]
)  # fmt: skip
async def test_H1_H2_asked_to_wait_is_quiet_and_kept_to(office: Office, fault: dict[str, Any]) -> None:
    invoices = three(office, "RL")
    office.control.faults({**fault, "nth": 1, "times": 1})
    report = await office.sync(*invoices)
    if report.problem is not None:
        assert state(office).state == "paused" and bells(office) == []
        until = state(office).state_until
        assert until is not None and (until - office.clock.now()).total_seconds() > 30
        calls = len(office.control.ledger())
        await office.runner.drain(everything=True)
        assert len(office.control.ledger()) == calls, "nothing leaves within the wait (I14)"
        office.clock.advance(400)
    await settle(office)
    assert bells(office) == [] and state(office).state == "connected"
    assert len(made_there(office, "invoice")) == 3
    await office.runner.drain(everything=True)
    assert_quiet(office)


REFUSED = {
    "6190": ({"id": "H12"}, "refused", "lapsed"),
    "3100": ({"id": "H8"}, "refused", ""),
    "120": ({"id": "H8", "params": {"kind": "user"}}, "refused", "no longer has access"),
    "scope": ({"id": "H8", "params": {"kind": "scope"}}, "refused", "leave"),
}


@pytest.mark.parametrize("code", REFUSED)
async def test_H8_H12_refused_waits_for_the_owner_and_resync_tries_again(office: Office, code: str) -> None:
    fault, expected, words = REFUSED[code]
    invoices = three(office, "RE")
    office.control.faults({**ALWAYS, **fault})
    report = await office.sync(*invoices)
    assert report.problem is not None and words in report.problem.title
    assert state(office).state == expected and bells(office) == ["connection"]
    calls = len(office.control.ledger())
    for _ in range(3):  # nothing by itself, and the runner does not spin
        office.clock.advance(3600)
        await office.runner.drain()
        assert await office.runner._next_due(office.company) is None
    assert len(office.control.ledger()) == calls
    assert queued(office) >= 3, "everything that waits is kept"
    await office.sync(invoices[0])  # still so: the same one bell
    assert bells(office) == ["connection"] and office.read(causes.unread_causes, "owner") == 1
    office.control.clear_faults()
    await office.sync(invoices[0])
    assert state(office).state == "connected" and bells(office) == []
    await settle(office)
    assert len(made_there(office, "invoice")) == 3
    assert_quiet(office)


@pytest.mark.parametrize("problem", [NeedsSignIn, AppKeysWrong])
async def test_M104_M144_signed_out_leads_to_signing_in_and_keeps_the_queue(office: Office, problem: Any) -> None:
    invoices = three(office, "SI")
    good = office.http._tokens

    async def none(refused: AccessToken | None = None) -> AccessToken:
        raise problem("QuickBooks")

    office.http._tokens = none
    await office.sync(*invoices)
    row = state(office)
    assert row.state == ("needs_sign_in" if problem is NeedsSignIn else "refused")
    assert row.state_fix == ("reconnect" if problem is NeedsSignIn else "open_app_keys")
    assert bells(office) == ["connection"] and queued(office) >= 3
    assert await office.runner._next_due(office.company) is None
    office.http._tokens = good
    with office.db.write() as session:  # what signing in again does
        session.scalars(select(Connection)).one().state = "connected"
    office.clock.advance(3600)
    await settle(office)
    assert len(made_there(office, "invoice")) == 3
    assert_quiet(office)


async def test_a_refusal_of_our_own_says_nothing_about_the_connection(office: Office) -> None:
    invoice = office.invoice(office.customer(), (office.item(mapped=False), "1", "10"), number="NC-1")
    with office.db.write() as session:
        session.scalars(select(Connection)).one().state = "needs_sign_in"
    await office.sync(invoice)
    assert state(office).state == "needs_sign_in"


async def test_a_pause_with_nothing_to_send_ends_by_itself(office: Office) -> None:
    with office.db.write() as session:
        session.scalars(select(Connection)).one().state = "paused"
    assert await office.runner._next_due(office.company) is not None
    await office.runner.drain()
    assert state(office).state == "connected"


async def test_N7_H5_many_failing_calls_end_in_done_within_bounds(office: Office) -> None:
    invoices = three(office, "FL")
    for invoice in invoices:
        office.pay(invoice, "10")
    office.control.faults({"id": "H5", "p": 0.5, "phase": "after"}, {"id": "N2", "p": 0.3}, seed=7)
    await office.sync(*invoices)
    for _ in range(8):
        office.clock.advance(200)
        await office.runner.drain()
    office.control.clear_faults()
    await settle(office)
    assert len(write_calls(office)) < 60  # I15
    for at in range(3):
        assert assert_exactly_one(office, f"FL-{at}", payments=1)["balance"] == "0.00"
    await office.runner.drain(everything=True)
    assert_quiet(office)


# --- switches ------------------------------------------------------------------------------------------


async def test_M58_M59_M60_switches_take_effect_at_once(office: Office) -> None:
    office.write(save_switches, Switches(auto=False))
    invoice = office.invoice(office.customer(), (office.item(), "1", "10"), number="SW-1")
    await office.runner.drain(everything=True)
    assert not write_calls(office)
    assert office.write(sync_everything) >= 1  # Sync Now
    assert (await office.runner.drain(everything=True, wait_for_lease=True)).clean
    assert_exactly_one(office, "SW-1")
    office.write(save_switches, Switches(auto=False, payments=False))
    office.pay(invoice, "10")
    office.write(save_switches, Switches(auto=True, payments=False))
    await office.runner.drain(everything=True)
    assert not made_there(office, "payment")  # M85
    office.write(save_switches, Switches(auto=True))
    await office.runner.drain(everything=True)
    assert_exactly_one(office, "SW-1", payments=1)


async def test_M61_one_switch_off_leaves_the_others_on(office: Office) -> None:
    office.write(save_switches, Switches(auto=True, items=False))
    office.item("Stays here")
    office.customer("Goes there")
    await office.runner.drain(everything=True)
    books = office.books()
    assert "Goes there" in [one["display_name"] for one in books["customers"]]
    assert "Stays here" not in [one["name"] for one in books["items"]]


async def test_M74_older_invoices_stay_until_asked_for(office: Office) -> None:
    with office.db.write() as session:
        row = session.scalars(select(Connection)).one()
        row.live = 0
    old = office.invoice(office.customer(), (office.item(), "1", "10"), number="OL-1")
    office.clock.advance(10)
    with office.db.write() as session:
        row = session.scalars(select(Connection)).one()
        row.live, row.connected_at = 1, office.clock.now()
    office.write(sync_everything)
    await office.runner.drain(everything=True)
    assert office.remote_invoices("OL-1") == []
    assert (await office.sync(old)).clean  # M73
    assert_exactly_one(office, "OL-1")


async def test_odd_settings_hold_nothing_up(office: Office) -> None:
    """Once a day the settings are read along; an answer that makes no sense must not stop what is due."""
    invoices = three(office, "OS")
    office.clock.advance(25 * 3600)
    office.control.faults({"id": "B3", "op": "batch", "nth": 1, "params": {"kind": "no_id"}})
    report = await office.sync(*invoices)
    assert not report.refused
    office.control.clear_faults()
    await settle(office)
    assert len(made_there(office, "invoice")) == 3
