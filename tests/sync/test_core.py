"""The program without its window: connecting, reading the company, ending the connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop.errors import NotAllowed
from desktop.models.backup import is_sound
from tests.helpers.control import Control
from tests.helpers.desk import connected_core, sign_in


async def test_M2_M3_connect_names_the_company_and_reads_its_accounts(
    tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        view = await core.connection()
        assert view is not None
        assert view.company_name == "Acme Plumbing LLC"
        assert not view.switches.auto
        company = await core.require_company()
        assert len(await (await core.lists()).customers.get()) == len(control.books()["customers"])
        assert company.key.company_id == sandbox.services["quickbooks"]["company_id"]


async def test_M4_a_second_connection_is_refused_and_nothing_is_lost(
    tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        before = await core.connection()
        with pytest.raises(NotAllowed):
            await sign_in(core)
        assert await core.connection() == before


async def test_M134_M136_disconnect_ends_it_and_keeps_the_links(tmp_path: Path, sandbox: Any, control: Control) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        await core.disconnect()
        assert await core.connection() is None
        assert await core.company() is None
        assert control.ledger(op="revoke")


async def test_each_day_has_one_backup_that_can_be_opened(tmp_path: Path, sandbox: Any, control: Control) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        made = await core.daily_backup()
        assert made is not None and is_sound(made)
        assert await core.daily_backup() is None
