"""Trouble is told before a push fails (M103)."""

from __future__ import annotations

from datetime import date, timedelta

from desktop.errors import Fix
from desktop.models.connection import Connection
from desktop.providers.records import Kind
from desktop.sync import failures
from desktop.sync.health import check_health
from tests.helpers.office import Office


def _keys(office: Office) -> list[str]:
    with office.db.read() as session:
        return [entry.title for entry in failures.bell_entries(session, "owner")]


async def test_M103_a_sign_in_near_its_end_is_told_once_and_taken_back(office: Office) -> None:
    def ends(days: int) -> None:
        with office.db.write() as session:
            row = session.get_one(Connection, office.company.connection_id)
            row.token_refresh_expires_at = office.clock.now() + timedelta(days=days)

    ends(60)
    assert await check_health(office.company) == []
    ends(5)
    (warning,) = await check_health(office.company)
    assert warning.fix is Fix.RECONNECT
    await check_health(office.company)
    assert len(_keys(office)) == 1
    ends(90)
    await check_health(office.company)
    assert _keys(office) == []


async def test_M103_an_account_archived_there_and_a_linked_customer_made_inactive(office: Office) -> None:
    customer, item = office.customer("Iris Cole"), office.item("Valve swap")
    assert (await office.sync(office.invoice(customer, (item, "1", "60"), number="BC-H1"))).clean
    link = office.link(Kind.CUSTOMER, customer)
    assert link is not None
    office.control.edit("account", office.income, "archive")
    office.control.edit("customer", link.external_id, "archive")
    office.clock.advance(86_400 * 1.1)
    found = {warning.fix: warning for warning in await check_health(office.company)}
    assert "Valve swap" in found[Fix.OPEN_MAPPING].title
    assert "Iris Cole" in found[Fix.LINK_CUSTOMER].title


async def test_M103_a_change_that_waits_for_more_than_a_day(office: Office) -> None:
    office.ask((Kind.INVOICE, office.invoice(office.customer(), (office.item(), "1", "60"))))
    assert await check_health(office.company) == []
    office.clock.advance(86_400 * 1.1)
    assert [warning.key for warning in await check_health(office.company)] == ["waiting"]


async def test_M103_an_invoice_dated_in_a_closed_period(office: Office) -> None:
    office.set_switches(auto=False)
    office.invoice(office.customer(), (office.item(), "1", "60"), number="BC-H4", issued_on=date(2026, 9, 5))
    assert await check_health(office.company) == []
    with office.db.write() as session:
        row = session.get_one(Connection, office.company.connection_id)
        row.company_settings = {**row.company_settings, "closed_until": "2026-09-30"}
    (warning,) = await check_health(office.company)
    assert warning.key == "closed" and "BC-H4" in warning.title and "Sep 30, 2026" in warning.advice
