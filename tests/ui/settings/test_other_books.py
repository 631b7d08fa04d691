"""W4 on screen: the connection's page says that the company is another one, and both of its buttons lead on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget
from sqlalchemy import select

from desktop.core import Core
from desktop.errors import OtherBooks
from desktop.models.connection import Connection
from desktop.sync import failures
from desktop.ui.routes import settings
from desktop.ui.settings_page import SettingsPage
from desktop.wizard.wizard import SetupWizard
from tests.helpers.control import Control
from tests.helpers.desk import connected_core, consent
from tests.helpers.waiting import until
from tests.ui.settings.acting import Browser, page_in, shown, still, until_shown

pytestmark = pytest.mark.timeout(90)


async def page_that_asks(core: Core, window: QWidget) -> SettingsPage:
    """The page in the state that a look at the company comes to (the looking: `tests/faults/test_local_company.py`)."""
    with core.db.write() as session:
        row = session.scalars(select(Connection).where(Connection.live == 1)).one()
        row.unproven = True
        problem = OtherBooks("QuickBooks", row.company_name)
        failures.connection_trouble(session, core.clock.now(), row, problem, by_hand=True)
    page = page_in(core, window)
    page.open(settings("integrations"))
    await still()
    banner = page.connection.state_banner
    assert banner.isVisible() and banner.sentence.startswith("This is not the company as it was")
    assert (banner.action_button.text(), banner.second_button.text()) == ("Connect another company", "Start clean")
    assert banner.action_button.isVisible() and banner.second_button.isVisible()
    folder = os.environ.get("BLUECLERK_TEST_SHOTS")
    if folder:
        window.grab().save(f"{folder}/other-books.png")
    return page


async def leave_setup(window: QWidget) -> None:
    wizard = await until_shown(window, SetupWizard, lambda found: bool(found.step))
    await still()
    wizard.reject()
    await until(lambda: shown(window, SetupWizard) is None)


async def test_W4_start_clean_asks_first_and_opens_the_setup(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        page = await page_that_asks(core, window)
        banner = page.connection.state_banner
        banner.second_button.click()
        box = await until_shown(window, QMessageBox)
        assert "set aside, not deleted" in box.informativeText()
        box.reject()
        await still()
        assert banner.isVisible()
        banner.second_button.click()
        box = await until_shown(window, QMessageBox)
        next(one for one in box.findChildren(QPushButton) if one.text() == "Start clean").click()
        await leave_setup(window)
        view = await core.connection()
        assert view is not None and view.state.value == "connected" and not banner.isVisible()


async def test_W4_another_company_is_signed_in_to_and_set_up(
    qloop, tmp_path: Path, sandbox, control: Control, window
) -> None:
    companies: list[dict[str, Any]] = control.reset("demo", "empty")["quickbooks"]
    browser = Browser(opens=False)
    async with connected_core(tmp_path / "desk", sandbox, control, open_browser=browser) as core:
        before = await core.company_key()
        assert before is not None
        page = await page_that_asks(core, window)
        other = next(one["id"] for one in companies if one["id"] != before.company_id)
        page.connection.state_banner.action_button.click()
        await until(lambda: page._dialog is not None and page._dialog.step == "waiting", 20)
        await consent(browser.urls[-1], company=other)
        await leave_setup(window)
        view = await core.connection()
        assert view is not None and (view.company_id, view.state.value) == (other, "connected")
        assert not page.connection.state_banner.isVisible()
