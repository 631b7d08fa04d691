"""The unsynced-customer alert, promise by promise, on each of the four services (M118-M128, C11)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from desktop.core import Core
from desktop.kinds import CustomerKind
from desktop.providers.records import ProviderKey
from desktop.sync import importing, reviewing
from desktop.sync.importing import CustomerChoice
from desktop.ui import operations
from desktop.ui.connection_page import ConnectionPage
from desktop.wizard.customers_page import CustomersPage
from desktop.wizard.wizard import prepare
from tests.helpers.control import Control
from tests.helpers.desk import open_core, sign_in_to_demo
from tests.helpers.office import ElasticClock
from tests.helpers.waiting import until
from tests.ui.settings.acting import Nowhere

ALL = [key.value for key in ProviderKey]
pytestmark = pytest.mark.timeout(90)
each_service = pytest.mark.parametrize("service", ALL)


class Alert:
    """The alert of a connected page, and how many calls the service has had."""

    def __init__(self, core: Core, control: Control, clock: ElasticClock, page: ConnectionPage, service: str) -> None:
        self.core, self.control, self.clock, self.page, self.service = core, control, clock, page, service
        self.card = page.alert
        self.name = ""

    @property
    def calls(self) -> int:
        return sum(1 for entry in self.control.ledger() if entry["service"] == self.service)

    async def toggle(self) -> None:
        """Open or fold it, by the keyboard."""
        self.card.fold.setFocus()
        QTest.keyClick(self.card.fold, Qt.Key.Key_Space)
        await self.still()

    async def still(self) -> None:
        await until(lambda: not operations.pending(), 30)

    def counted(self) -> tuple[int, int]:
        """(X, Y) of the sentence."""
        words = self.card.sentence.text().replace(",", "").split()
        return int(words[0]), int(words[2])

    def active_there(self) -> int:
        return sum(1 for one in self.control.books(self.service)["customers"] if one["active"])


@asynccontextmanager
async def alert_on(service: str, folder: Path, sandbox: Any, control: Control, window: QWidget) -> AsyncIterator[Alert]:
    clock = ElasticClock(control)
    async with open_core(folder / "desk", sandbox, clock=clock) as core:
        await sign_in_to_demo(core, sandbox, service)
        page = ConnectionPage(core, Nowhere(), window)
        page.resize(1000, 700)
        page.show()
        page.load()
        made = Alert(core, control, clock, page, service)
        await made.still()
        terms = await core.terms()
        assert terms is not None
        made.name = terms.service
        yield made
        await made.still()
        page.deleteLater()


@each_service
async def test_M118_M119_M120_M126_M128_folded_it_costs_nothing_opened_it_says_how_many_and_why(
    qloop, service: str, tmp_path, sandbox, control: Control, window
) -> None:
    async with alert_on(service, tmp_path, sandbox, control, window) as alert:
        calls = alert.calls
        assert alert.card.isVisible() and not alert.card.inside.isVisible()
        assert alert.name in alert.card.fold.text()
        assert alert.card.geometry().top() < alert.page.tabs.geometry().top(), "above the tabs, near the top"
        alert.page.load()
        await alert.still()
        assert alert.calls == calls, "M119: opening the page asks nobody"
        await alert.toggle()
        there = alert.active_there()
        expected = f"{there} of {there} customers in {alert.name} are not yet imported into BlueClerk"
        assert alert.card.sentence.text() == expected
        assert "an invoice can only sync for a customer that exists on both sides" in alert.card.why.text()
        assert alert.card.why.isVisible() and alert.card.names.text()


@each_service
async def test_M122_M123_within_a_minute_nothing_is_fetched_again_after_it_once(
    qloop, service: str, tmp_path, sandbox, control: Control, window
) -> None:
    async with alert_on(service, tmp_path, sandbox, control, window) as alert:
        await alert.toggle()
        fetched = alert.calls
        for _ in range(2):
            await alert.toggle()
            alert.clock.advance(29)
            await alert.toggle()
        assert alert.calls == fetched, "M122"
        await alert.toggle()
        alert.clock.advance(61)
        await alert.toggle()
        assert alert.calls > fetched, "M123"


@each_service
async def test_M121_M124_review_leads_to_the_import_page_with_the_same_list(
    qloop, service: str, tmp_path, sandbox, control: Control, window
) -> None:
    async with alert_on(service, tmp_path, sandbox, control, window) as alert:
        asked: list[str] = []
        alert.page.wizard_asked.connect(asked.append)
        await alert.toggle()
        calls = alert.calls
        alert.card.review_button.setFocus()
        QTest.keyClick(alert.card.review_button, Qt.Key.Key_Space)
        assert asked == ["customers"], "M121"
        wizard = await prepare(alert.core, window, "customers")
        wizard.open()
        await alert.still()
        page = wizard.currentPage()
        assert isinstance(page, CustomersPage) and len(page.model.rows) >= alert.active_there()
        assert alert.calls == calls, "M124: the import page takes the alert's list"
        wizard.reject()
        await alert.still()
        alert.clock.advance(61)
        wizard = await prepare(alert.core, window, "customers")
        wizard.open()
        await alert.still()
        wizard.reject()
        await alert.still()
        calls = alert.calls
        await alert.toggle()
        await alert.toggle()
        assert alert.counted()[1] == alert.active_there() and alert.calls == calls, "M124: and the other way round"


@each_service
async def test_M125_what_was_imported_by_hand_is_counted_at_once_without_a_fetch(
    qloop, service: str, tmp_path, sandbox, control: Control, window
) -> None:
    async with alert_on(service, tmp_path, sandbox, control, window) as alert:
        await alert.toggle()
        before, total = alert.counted()
        company = await alert.core.require_company()
        records = await (await alert.core.lists()).customers.get()
        reviews = await reviewing.review_customers(company, records)
        chosen = [CustomerChoice(one.external_id, CustomerKind(one.kind)) for one in reviews if one.preselected][:3]
        await importing.import_customers(company, reviews, chosen)
        calls = alert.calls
        await alert.toggle()
        await alert.toggle()
        assert alert.counted() == (before - 3, total) and alert.calls == calls


async def test_M127_it_may_be_ignored_and_closed_while_it_looks(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with alert_on("quickbooks", tmp_path, sandbox, control, window) as alert:
        alert.card.fold.setChecked(True)
        alert.card.fold.setChecked(False)
        await alert.still()
        assert not alert.card.is_open and alert.page.isVisible()
        assert alert.page.sync_button.isEnabled() and "ignore this" in alert.card.why.text()
