"""Another service later, and back again: links are kept for each company, and nothing is made twice (M4, M134)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desktop.core import Core
from desktop.errors import BlueClerkError
from desktop.models.connection import Connection, ExternalLink
from desktop.providers.records import CompanyRef, Kind, ProviderKey
from tests.helpers.control import Control
from tests.helpers.desk import open_core, sign_in, sign_in_to_demo
from tests.helpers.four_services import map_all, write

QUICKBOOKS, XERO, WAVE, FRESHBOOKS = "quickbooks", "xero", "wave", "freshbooks"
NUMBER = "BC-MOVE-1"


def links(session: Session) -> Counter[str]:
    rows = session.execute(select(ExternalLink.provider, func.count()).group_by(ExternalLink.provider))
    return Counter({provider: count for provider, count in rows})


def made(control: Control, service: str) -> list[str]:
    """Everything that any call of ours made or changed at a service."""
    return [
        f"{change['kind']} {change['id']}"
        for entry in control.ledger()
        if entry["service"] == service
        for change in entry["changed"]
        if change["kind"] in [kind.value for kind in Kind]
    ]


@pytest.mark.parametrize("other", [XERO, FRESHBOOKS, WAVE])
async def test_M4_M134_to_another_service_and_back_uses_the_old_links_and_doubles_nothing(
    other: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await sign_in_to_demo(core, sandbox, QUICKBOOKS)
        invoice = await core.do(write, "Petra Lindqvist", NUMBER, "60")
        await map_all(core, QUICKBOOKS)
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
        at_home = await core.ask(links)
        assert at_home[QUICKBOOKS] == 4
        await core.disconnect()

        await sign_in_to_demo(core, sandbox, other)
        await map_all(core, other)
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
        both = await core.ask(links)
        assert both[QUICKBOOKS] == at_home[QUICKBOOKS] and both[other] >= 3
        (there,) = [one for one in control.books(other)["invoices"] if one["number"] == NUMBER]
        assert (Decimal(there["total"]), Decimal(there["balance"])) == (160, 100)
        await core.disconnect()

        before = made(control, QUICKBOOKS)
        await sign_in_to_demo(core, sandbox, QUICKBOOKS)
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert report.clean and report.writes == 0, report
        assert made(control, QUICKBOOKS) == before and await core.ask(links) == both
        for service in (QUICKBOOKS, other):
            assert [one["number"] for one in control.books(service)["invoices"]].count(NUMBER) == 1
            names = [one["display_name"] for one in control.books(service)["customers"]]
            assert names.count("Petra Lindqvist") == 1


async def test_M4_one_connection_at_a_time(tmp_path: Path, sandbox: Any, control: Control) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await sign_in_to_demo(core, sandbox, QUICKBOOKS)
        flow = await core.sign_in()
        with pytest.raises(BlueClerkError, match="QuickBooks"):
            await flow.begin(XERO)
        view = await core.connection()
        assert view is not None and view.provider == QUICKBOOKS

        def live(session: Session) -> int:
            return session.scalar(select(func.count()).select_from(Connection).where(Connection.live == 1)) or 0

        assert await core.ask(live) == 1


async def pick(core: Core, service: str, wanted: str) -> list[str]:
    """Sign in and choose by name; the answer is what there was to choose from."""
    offered: list[str] = []

    async def choose(companies: Sequence[CompanyRef]) -> CompanyRef:
        offered.extend(one.name for one in companies if not one.unusable)
        return next(one for one in companies if one.name == wanted)

    core.choose_company = choose
    await sign_in(core, service)
    return offered


@pytest.mark.parametrize("service", [FRESHBOOKS, WAVE])
async def test_W3_of_several_companies_the_chosen_one_is_connected(
    service: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    if service == WAVE:
        control.settings(WAVE, reach="all")
    async with open_core(tmp_path / "desk", sandbox) as core:
        names: list[str] = []

        async def refuse(companies: Sequence[CompanyRef]) -> CompanyRef:
            names.extend(one.name for one in companies if not one.unusable)
            raise BlueClerkError("not yet")

        core.choose_company = refuse
        with pytest.raises(BlueClerkError, match="not yet"):
            await sign_in(core, service)
        assert await core.connection() is None and len(names) > 1
        assert await pick(core, service, names[-1]) == names
        view = await core.connection()
        assert view is not None and (view.provider, view.company_name) == (service, names[-1])
        assert ProviderKey(view.provider).value == service


async def pick_at_xero(core: Core, connected: CompanyRef) -> list[str]:
    """Sign in to Xero for one of its organisations; the answer is what the program offered to choose from."""
    offered: list[str] = []

    async def choose(companies: Sequence[CompanyRef]) -> CompanyRef:
        offered.extend(one.external_id for one in companies)
        return next(one for one in companies if one.external_id == connected.external_id)

    core.choose_company = choose
    await sign_in(core, XERO, company=connected.external_id, allow_other=True)
    return offered


def written_to(control: Control, since: int) -> set[str]:
    """The organisations, by the header that names them, in which a call of ours at Xero made or changed something."""
    kinds = [kind.value for kind in Kind]
    return {
        entry["company_id"]
        for entry in control.ledger(since)
        if entry["service"] == XERO and any(change["kind"] in kinds for change in entry["changed"])
    }


def linked(session: Session, company_id: str) -> dict[tuple[str, int], str]:
    rows = session.scalars(select(ExternalLink).where(ExternalLink.company_id == company_id))
    return {(row.kind, row.local_id): row.external_id for row in rows}


async def test_M4_M134_M137_W3_of_two_xero_organisations_only_the_chosen_one_is_written_to_and_links_stay_apart(
    tmp_path: Path, sandbox: Any, control: Control
) -> None:
    found = [CompanyRef(one["id"], one["name"]) for one in control.reset("demo", "empty")[XERO]]
    first, second = found[:2]
    control.grant(XERO, first.external_id)  # connected to the app before, from another computer
    async with open_core(tmp_path / "desk", sandbox) as core:
        offered = await pick_at_xero(core, second)
        assert sorted(offered) == sorted([first.external_id, second.external_id])
        view = await core.connection()
        assert view is not None and view.company_name == second.name
        since = control.ledger()[-1]["sequence"]
        untouched = control.books(XERO, first.external_id)
        invoice = await core.do(write, "Petra Lindqvist", NUMBER, "60")
        await map_all(core, XERO)
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
        assert written_to(control, since) == {second.external_id}
        assert control.books(XERO, first.external_id) == untouched
        at_second = await core.ask(linked, second.external_id)
        assert (Kind.INVOICE.value, invoice) in at_second and not await core.ask(linked, first.external_id)
        await core.disconnect()

        control.grant(XERO, second.external_id)  # both are within reach again
        assert len(await pick_at_xero(core, first)) == 2
        since = control.ledger()[-1]["sequence"]
        kept = control.books(XERO, second.external_id)
        await map_all(core, XERO)
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
        assert written_to(control, since) == {first.external_id}
        assert control.books(XERO, second.external_id) == kept
        assert await core.ask(linked, second.external_id) == at_second
        at_first = await core.ask(linked, first.external_id)
        assert at_first.keys() == at_second.keys()
        own = {key for key in at_first if key[0] != Kind.ITEM.value}  # an item's id is its code, which is ours
        assert own and all(at_first[key] != at_second[key] for key in own)
        await core.disconnect()

        since = control.ledger()[-1]["sequence"]
        await pick_at_xero(core, second)
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert report.clean and report.writes == 0, report
        assert written_to(control, since) == set()
        assert await core.ask(linked, second.external_id) == at_second
        assert await core.ask(linked, first.external_id) == at_first
        for company in (first, second):
            books = control.books(XERO, company.external_id)
            assert [one["number"] for one in books["invoices"]].count(NUMBER) == 1
            assert [one["display_name"] for one in books["customers"]].count("Petra Lindqvist") == 1
            (there,) = [one for one in books["invoices"] if one["number"] == NUMBER]
            assert (Decimal(there["total"]), Decimal(there["balance"])) == (160, 100)
