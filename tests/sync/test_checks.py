"""Why doesn't it sync? The checks name the cause and lead to what mends it (M140)."""

from __future__ import annotations

import pytest

from desktop.books.items import ItemDraft, other_work, update_item
from desktop.errors import Fix
from desktop.providers.records import Kind
from desktop.sync.checks import Check, Outcome, cause, not_connected, run_checks
from desktop.sync.mapping import save_mapping
from tests.helpers.office import Office


def named(checks: list[Check], key: str) -> list[Check]:
    return [one for one in checks if one.key == key]


async def test_M140_in_order_nothing_is_blamed(office: Office) -> None:
    office.item("Valve swap")
    office.map(office.write(other_work))
    await office.runner.drain(everything=True)
    checks = await run_checks(office.company)
    assert cause(checks) is None, checks
    assert {one.key for one in checks} == {"permission", "switches", "mapping", "waiting"}
    assert all(one.outcome is Outcome.GOOD for one in checks)


async def test_M140_an_item_without_account_is_the_cause_and_its_mapping_the_way_out(office: Office) -> None:
    item = office.item("Drain check", mapped=False)
    await office.runner.drain(everything=True)
    found = cause(await run_checks(office.company, Kind.ITEM, item))
    assert found is not None and found.key == "mapping" and found.fix is Fix.OPEN_MAPPING
    assert found.title == "“Drain check” has no income account."
    assert [one.local_id for one in found.concerns] == [item]
    office.write(save_mapping, office.company.key, {item: office.income})
    await office.runner.drain(everything=True)
    assert not [one for one in await run_checks(office.company, Kind.ITEM, item) if one.outcome is Outcome.CAUSE]


async def test_M140_a_switch_that_is_off_is_the_cause(office: Office) -> None:
    item = office.item("Valve swap")
    office.set_switches(auto=True, items=False)
    found = cause(await run_checks(office.company, Kind.ITEM, item))
    assert found is not None and found.key == "switches" and found.fix is Fix.OPEN_SETTINGS
    assert found.title == "Sync Items is switched off."
    office.set_switches(auto=False)
    found = cause(await run_checks(office.company, Kind.ITEM, item))
    assert found is not None and found.outcome is Outcome.WAITS and "Auto-Sync is off" in found.title
    office.set_switches(auto=True, customers=False)
    assert not [one for one in await run_checks(office.company, Kind.ITEM, item) if one.outcome is Outcome.CAUSE]


async def test_M140_the_user_who_connected_lost_access_there(office: Office) -> None:
    item = office.item("Valve swap")
    await office.runner.drain(everything=True)
    with office.control.armed({"id": "H8", "every": 1, "params": {"kind": "user"}}):
        found = cause(await run_checks(office.company, Kind.ITEM, item))
    assert found is not None and found.key == "sign_in" and found.fix is Fix.RECONNECT
    assert "no longer has access" in found.title


async def test_M140_a_record_that_was_refused_brings_its_own_words(office: Office) -> None:
    item = office.item("Valve swap")
    await office.runner.drain(everything=True)
    link = office.link(Kind.ITEM, item)
    assert link is not None
    office.control.edit("item", link.external_id, "archive")
    office.write(update_item, item, ItemDraft(name="Valve swap", unit_price=None))
    await office.runner.drain(everything=True)
    found = [one for one in await run_checks(office.company, Kind.ITEM, item) if one.key == "records"]
    assert [one.subject for one in found] == [("item", item)]
    assert found[0].fix is Fix.LINK_ITEM and "inactive" in found[0].title
    other = office.item("Another")
    assert not named(await run_checks(office.company, Kind.ITEM, other), "records")


async def test_M140_older_than_the_connection_is_said_and_is_no_fault(office: Office) -> None:
    office.clock.advance(-7200)
    old = office.customer("Iris Cole")
    office.clock.advance(7200)
    checks = await run_checks(office.company, Kind.CUSTOMER, old)
    found = cause(checks)
    assert found is not None and found.key == "before" and found.outcome is Outcome.NOTE


@pytest.mark.parametrize("fault", ["N2", "N9"])
async def test_M140_a_service_that_cannot_be_reached_is_an_answer_not_an_error(office: Office, fault: str) -> None:
    with office.control.armed({"id": fault, "every": 1}):
        checks = await run_checks(office.company)
    assert checks[0].key == "sign_in" and checks[0].outcome is Outcome.WAITS, checks[0]


def test_M140_without_a_connection_there_is_one_answer() -> None:
    assert cause([not_connected()]) == not_connected() and not_connected().outcome is Outcome.CAUSE
