"""Rows appear in the wizard while the service's pages still come in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from PySide6.QtWidgets import QWizard

from desktop.books.customers import CustomerDraft, create_customer
from desktop.clock import SystemClock
from desktop.kinds import CustomerKind
from desktop.providers.records import CustomerRecord, Page
from desktop.sync.remote_lists import RemoteList
from desktop.sync.reviewing import Standing
from desktop.ui import operations
from desktop.wizard.wizard import prepare
from tests.helpers.control import Control
from tests.helpers.desk import connected_core
from tests.helpers.waiting import until
from tests.ui.settings.acting import leave

pytestmark = pytest.mark.timeout(90)


class Pages:
    """A service's list whose pages come when a test says so."""

    def __init__(self, *pages: list[CustomerRecord], total: int) -> None:
        self._pages, self._total = pages, total
        self.gates = [asyncio.Event() for _ in pages]
        self.given_up = False

    async def read(self) -> AsyncIterator[Page[CustomerRecord]]:
        try:
            for gate, records in zip(self.gates, self._pages, strict=True):
                await gate.wait()
                yield Page(tuple(records), self._total)
        except (asyncio.CancelledError, GeneratorExit):
            self.given_up = True
            raise


def people(first: int, last: int) -> list[CustomerRecord]:
    return [CustomerRecord(f"Person {n:02}", external_id=str(n)) for n in range(first, last)]


async def test_M19_rows_come_page_by_page_with_their_type_and_get_their_verdict_at_the_end(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        await core.do(create_customer, CustomerDraft(display_name="Zoe Zimmer", kind=CustomerKind.HOMEOWNER))
        maker = CustomerRecord("Acme Homes LLC", external_id="900")
        pages = Pages([*people(10, 20), maker], [CustomerRecord("Zoe Zimmer", external_id="5")], total=12)
        (await core.lists()).customers = RemoteList(SystemClock(), pages.read)
        wizard = await prepare(core, window)
        wizard.open()
        page: Any = wizard.currentPage()
        await until(lambda: page.is_busy)
        assert page.model.rowCount() == 0
        pages.gates[0].set()
        await until(lambda: page.model.rowCount() == 11)
        assert all(row.review.standing is Standing.PENDING for row in page.model.rows)
        assert page.model.rows[10].kind is CustomerKind.BUILDER, "the type is there before the last page is"
        assert page.model.checked_count == 0 and not wizard.button(QWizard.WizardButton.CommitButton).isEnabled()
        assert page.progress.isVisible() and "11 of 12" in page.progress._text.text()
        page.on_choice(3, 1, "business")  # what the owner chooses meanwhile is kept
        page.chips.button("builder").click()
        assert page.model.rowCount() == 1
        page.chips.button("all").click()
        pages.gates[1].set()
        await until(lambda: not operations.pending(), 20)
        assert page.loaded and page.model.rowCount() == 12
        assert [page.name_of(page.model.row_at(n)) for n in (0, 11)] == ["Acme Homes LLC", "Zoe Zimmer"]
        assert page.model.rows[3].chosen and page.model.rows[3].kind is CustomerKind.BUSINESS
        assert page.model.rows[11].review.standing is not Standing.NEW, "Zoe is here already, or may be"
        assert page.model.checked_count == 11
        wizard.reject()


async def test_M14_cancel_between_two_pages_ends_the_fetch_and_writes_nothing(
    qloop, tmp_path, sandbox, control: Control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        pages = Pages(people(0, 5), people(5, 9), total=9)
        (await core.lists()).customers = RemoteList(SystemClock(), pages.read)
        wizard = await prepare(core, window)
        wizard.open()
        page: Any = wizard.currentPage()
        pages.gates[0].set()
        await until(lambda: page.model.rowCount() == 5)
        page.progress.cancelled.emit()
        await until(lambda: pages.given_up and not operations.pending(), 20)
        assert not page.loaded and "Nothing was changed" in page.banner.sentence
        for gate in pages.gates:
            gate.set()
        page.banner.action_button.click()
        await until(lambda: page.loaded, 20)
        assert page.model.rowCount() == 9
        await leave(wizard)


async def test_a_stream_joins_a_fetch_that_is_under_way_and_never_shows_a_record_twice() -> None:
    pages = Pages(people(0, 3), [*people(2, 4)], total=5)
    remote: RemoteList[CustomerRecord] = RemoteList(SystemClock(), pages.read)
    whole = asyncio.ensure_future(remote.get())
    pages.gates[0].set()
    seen: list[str] = []
    stream = remote.stream()
    seen += [one.external_id or "" for one in await anext(stream)]
    assert seen == ["0", "1", "2"]
    pages.gates[1].set()
    async for part in stream:
        seen += [one.external_id or "" for one in part]
    assert seen == ["0", "1", "2", "3"] == [one.external_id for one in await whole]
    again = [part async for part in remote.stream()]
    assert [len(part) for part in again] == [4], "a fresh list comes in one piece, asking nobody"
