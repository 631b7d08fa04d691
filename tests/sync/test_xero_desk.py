"""Xero as the owner meets it: sign in with the browser, choose the organisation, send an invoice, disconnect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop.errors import SignInRefused
from tests.helpers.control import Control
from tests.helpers.desk import open_core, sign_in

XERO = "xero"


async def test_M2_M3_W3_sign_in_with_pkce_names_the_organisation(
    tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        await sign_in(core, XERO)
        view = await core.connection()
        assert view is not None and view.company_name == "Acme Plumbing LLC"
        company = await core.require_company()
        assert company.key.company_id == sandbox.services[XERO]["company_id"]
        assert len(await (await core.lists()).customers.get()) == len(control.books(XERO)["customers"])
        exchange = next(entry for entry in control.ledger(op="token") if entry["service"] == XERO)
        assert exchange["request"]["code_verifier"] == "<redacted>" and "client_secret" not in exchange["request"]
        await core.disconnect()
        assert await core.connection() is None
        (removed,) = control.ledger(op="delete_connection")  # this organisation first, then the grant, as Xero demands
        (revoked,) = control.ledger(op="revoke")
        assert removed["status"] == 204 and removed["sequence"] < revoked["sequence"]
        assert sandbox.services[XERO]["client_secret"] not in str(control.ledger())


async def test_M139_saying_no_connects_nothing(tmp_path: Path, sandbox: Any, control: Control) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        with pytest.raises(SignInRefused):
            await sign_in(core, XERO, deny=True)
        assert await core.connection() is None
