"""The owner's part in a real browser: letting BlueClerk in, or not, and watching the books on the other side."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core import Core
from desktop.errors import SignInRefused
from desktop.providers.records import Kind
from tests.e2e.books import sent_invoice
from tests.helpers.browser import Browser
from tests.helpers.control import Control
from tests.helpers.desk import connected_core, open_core

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "profile") as running:
        yield running


async def press(browser: Browser, core: Core, button: str) -> asyncio.Task[Any]:
    """Press Connect here, then `button` on the page that opened; the answer is what waits for the owner's answer."""
    flow = await core.sign_in()
    page = await flow.begin("quickbooks")
    waiting = asyncio.create_task(flow.wait())
    await asyncio.to_thread(browser.open, page.url)
    assert "Acme Plumbing LLC" in await asyncio.to_thread(browser.text)
    await asyncio.to_thread(browser.click, button)
    return waiting


async def test_M2_M3_M4_approving_in_a_real_browser_connects_the_company(
    tmp_path: Path, sandbox: Any, browser: Browser
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        waiting = await press(browser, core, "button.approve")
        connected = await waiting
        await asyncio.to_thread(browser.until, "document.body.innerText.includes('go back to BlueClerk')")
        assert connected.company.name == "Acme Plumbing LLC"
        await core.after_connecting()
        view = await core.connection()
        assert view is not None
        assert view.company_name == "Acme Plumbing LLC"
        assert (await asyncio.to_thread(browser.url)).startswith("http://localhost:")


async def test_C2_saying_no_in_a_real_browser_connects_nothing_and_asking_again_works(
    tmp_path: Path, sandbox: Any, control: Control, browser: Browser
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        waiting = await press(browser, core, "button.deny")
        with pytest.raises(SignInRefused):
            await waiting
        await asyncio.to_thread(browser.until, "document.body.innerText.includes('Nothing was connected')")
        assert await core.connection() is None
        assert control.ledger(op="token") == [], "no code, no token call"
        await (await press(browser, core, "button.approve"))
        assert await core.connection() is not None


async def test_C3_approving_once_more_from_the_history_finds_nobody_listening_and_buys_nothing(
    tmp_path: Path, sandbox: Any, control: Control, browser: Browser
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        flow = await core.sign_in()
        page = await flow.begin("quickbooks")
        waiting = asyncio.create_task(flow.wait())
        await asyncio.to_thread(browser.open, page.url)
        await asyncio.to_thread(browser.click, "button.approve")
        await waiting
        used = await asyncio.to_thread(browser.url)
        assert "code=" in used
        await asyncio.to_thread(browser.open, page.url)  # the consent page from the history, once more
        await asyncio.to_thread(browser.click, "button.approve")
        await asyncio.to_thread(browser.until, "!location.href.includes('/connect/oauth2')")
        assert len(control.ledger(op="token")) == 1


async def test_the_practice_page_shows_a_pushed_invoice_without_being_loaded_again(
    tmp_path: Path, sandbox: Any, control: Control, browser: Browser
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        invoice_id = await sent_invoice(core, "350", customer="Zoë Ångström & <b>Sons</b>")
        await asyncio.to_thread(browser.open, f"{sandbox.base}/#quickbooks/invoices")
        await asyncio.to_thread(browser.until, "document.querySelectorAll('#rows tr').length > 0")
        assert "INV-0001" not in await asyncio.to_thread(browser.text)
        await asyncio.to_thread(browser.ask, "window.sameDocument = true")
        report = await core.sync([(Kind.INVOICE, invoice_id)])
        assert report.clean
        await asyncio.to_thread(browser.until, "document.body.innerText.includes('INV-0001')")
        row = await asyncio.to_thread(
            browser.ask,
            "[...document.querySelectorAll('#rows tr')].map(r => r.innerText).find(t => t.includes('INV-0001'))",
        )
        assert "Zoë Ångström & <b>Sons</b>" in row, "a name is text, never markup"
        assert "350.00" in row
        assert await asyncio.to_thread(browser.ask, "window.sameDocument === true")
