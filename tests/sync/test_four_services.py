"""The same job on each of the four services, through the whole program without its window."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from desktop.providers.records import Kind, ProviderKey
from desktop.providers.registry import SERVICES
from tests.helpers.control import Control
from tests.helpers.desk import open_core, sign_in_to_demo
from tests.helpers.four_services import ALL, map_all, write


@pytest.mark.parametrize("service", ALL)
async def test_M10_M62_M63_M76_an_invoice_and_its_payment_arrive_once(
    service: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await sign_in_to_demo(core, sandbox, service)
        invoice = await core.do(write, "Petra Lindqvist", "BC-4S-1", "60")
        await map_all(core, service)
        for _ in range(2):
            report = await core.sync([(Kind.INVOICE, invoice)])
            assert report.clean, report
        books = control.books(service)
        (remote,) = [one for one in books["invoices"] if one["number"] == "BC-4S-1"]
        assert (Decimal(remote["total"]), Decimal(remote["balance"])) == (160, 100)
        assert [one["display_name"] for one in books["customers"]].count("Petra Lindqvist") == 1
        paid = [one for one in books["payments"] if any(a["invoice_id"] == remote["id"] for a in one["allocations"])]
        assert [Decimal(one["amount"]) for one in paid] == [60]


@pytest.mark.parametrize("service", ALL)
async def test_M64_M88_a_customer_who_is_there_already_is_linked_not_doubled(
    service: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await sign_in_to_demo(core, sandbox, service)
        there = next(
            one for one in control.books(service)["customers"] if one["active"] and "Tyrone" in one["display_name"]
        )
        invoice = await core.do(write, there["display_name"], "BC-4S-2", "160")
        await map_all(core, service)
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert report.clean, report
        books = control.books(service)
        (remote,) = [one for one in books["invoices"] if one["number"] == "BC-4S-2"]
        assert remote["customer_id"] == there["id"]
        same = [one for one in books["customers"] if one["display_name"] == there["display_name"]]
        assert len(same) == 1


@pytest.mark.parametrize("service", [key for key in ALL if SERVICES[ProviderKey(key)].capabilities.income_accounts])
async def test_M53_M72_without_an_account_nothing_is_written_there(
    service: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await sign_in_to_demo(core, sandbox, service)
        invoice = await core.do(write, "Otto Brandt", "BC-4S-3", "160")
        before = control.ledger()[-1]["sequence"]
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert f"invoice:{invoice}" in report.refused
        assert not [entry for entry in control.ledger(before) if entry.get("changed")]


async def test_M7_freshbooks_needs_no_mapping(tmp_path: Path, sandbox: Any, control: Control) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await sign_in_to_demo(core, sandbox, "freshbooks")
        invoice = await core.do(write, "Otto Brandt", "BC-4S-4", "160")
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
