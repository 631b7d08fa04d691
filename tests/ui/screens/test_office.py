"""N18: the lists on a server, where rows are on their way while the owner works, do what they do on a local file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from sqlalchemy import make_url, update

from desktop.clock import SystemClock
from desktop.core import Core
from desktop.models.invoice import Invoice
from desktop.models.session import Database, note_change, open_database
from desktop.ui.link_dialog import LinkDialog
from desktop.ui.main_window import MainWindow
from desktop.ui.record_table import COPY_LIMIT
from desktop.ui.routes import Route
from tests.books.many import fill
from tests.helpers.cable import Cable
from tests.helpers.waiting import until
from tests.ui.screens.acting import still
from tests.ui.screens.conftest import Books, shown

pytestmark = pytest.mark.timeout(60)
on_a_server = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


def page_of(window: MainWindow, name: str) -> Any:
    return window.pages[name]


@asynccontextmanager
async def filled(core: Core, rows: int) -> AsyncIterator[tuple[MainWindow, Any]]:
    """The window over books with so many invoices, and its list."""
    await asyncio.to_thread(fill, core.db, rows, 20)
    async with shown(core) as window:
        await still()
        yield window, page_of(window, "invoices")


@pytest.mark.parametrize("kind", ["customers", "items"])
async def test_N18_the_pane_shows_the_record_under_the_cursor_wherever_it_stands(
    qloop: Any, look: Any, connected: Any, database_url: str, kind: str
) -> None:
    async with connected(database=database_url) as core:
        books = Books(core)
        make = books.customer if kind == "customers" else books.item
        made = {f"Zander {number:02}": await make(f"Zander {number:02}") for number in range(60)}
        async with shown(core) as window:
            window.go(Route(kind))
            await still()
            page = page_of(window, kind)
            assert page.detail.name.text() == page.model.row_at(page.table.currentIndex().row()).name
            for name in ("Zander 59", "Zander 07", "Zander 33"):
                page.table.select_ids([made[name]], made[name])
                page.table.scrollTo(page.table.currentIndex())
                await until(lambda name=name: page.detail.name.text() == name)
                assert "edit" in page.detail.buttons
            page.table.selectRow(page.model.row_of(made["Zander 10"]))
            page.table.selectRow(page.model.row_of(made["Zander 50"]))  # before the first one's row was there
            await still()
            assert page.detail.name.text() == "Zander 50"


async def test_N18_linking_from_elsewhere_names_a_customer_whom_the_list_does_not_hold_yet(
    qloop: Any, look: Any, connected: Any, database_url: str
) -> None:
    async with connected(database=database_url) as core:
        customer = await Books(core).customer("Zoe Last of All")
        async with shown(core) as window:
            window.go(Route("customers", record_id=customer, action="link"))
            await until(lambda: window.findChildren(LinkDialog))
            (dialog,) = window.findChildren(LinkDialog)
            assert "Zoe Last of All" in dialog.windowTitle()
            await still()
            dialog.reject()
            await still()


async def test_N18_what_is_selected_is_sent_whether_or_not_it_was_ever_on_the_screen(
    qloop: Any, look: Any, connected: Any, control: Any, database_url: str
) -> None:
    async with connected(database=database_url) as core:
        books = Books(core)
        customer, item = await books.customer("Ann"), await books.item()
        for number in range(50):
            await books.invoice(customer, item, number=f"OF-{number:03}", sent=number != 20)
        async with shown(core) as window:
            page = page_of(window, "invoices")
            await still()
            page.table.selectAll()
            await still()
            assert page.bar_sync.isEnabled() and page.bar_sent.isEnabled()
            page.bar_sync.click()
            await still()
            there = {one["number"] for one in control.books()["invoices"]}
            assert {f"OF-{number:03}" for number in range(50)} - there == {"OF-020"}


async def test_N18_an_invoice_far_down_the_list_can_be_edited_as_soon_as_it_is_chosen(
    qloop: Any, look: Any, connected: Any, database_url: str
) -> None:
    async with connected(database=database_url) as core, filled(core, 300) as (window, page):
        last = next(one for one in reversed(page.model.ids) if one)
        page.select(last)
        await still()
        row = page.model.row_at(page.model.rowCount() - 1)
        assert row is not None and page.table.current_id() == last
        may_edit = row.view.value != "void" and not row.from_service
        assert window.menus["edit"].isEnabled() == may_edit and window.menus["pdf"].isEnabled()


async def test_N18_a_copy_holds_rows_that_were_never_on_the_screen(
    qloop: Any, look: Any, alone: Any, database_url: str
) -> None:
    async with alone(database=database_url) as core, filled(core, COPY_LIMIT + 1) as (window, page):
        page.table.selectAll()
        await still()
        page.table.copy()
        await until(lambda: "were copied" in window.toaster.accessibleName(), 20)
        said = "The first 2,000 of 2,001 rows were copied. Export saves all of them."
        assert window.toaster.accessibleName() == said
        toast, bar = (QRect(one.mapToGlobal(QPoint()), one.size()) for one in (window.toaster, page.bar))
        assert page.bar.isVisible() and not toast.intersects(bar), "what can be done with the selection is in sight"
        lines = QGuiApplication.clipboard().text().splitlines()
        assert len(lines) == COPY_LIMIT and all("INV-" in line for line in lines)
        window.toaster.hide()
        page.table.select_ids(page.model.ids[:2])
        page.table.copy()
        await still()
        assert len(QGuiApplication.clipboard().text().splitlines()) == 2 and not window.toaster.isVisible()


async def test_N18_the_screen_is_filled_wherever_the_list_jumps_to(
    qloop: Any, look: Any, alone: Any, database_url: str
) -> None:
    async with alone(database=database_url) as core, filled(core, 2000) as (_, page):
        table, model = page.table, page.model
        for row in (1000, 400, 1703):
            table.scrollTo(model.index(row, 0))
            table.viewport().repaint()
            await still()
            seen = range(table.rowAt(0), table.rowAt(table.viewport().height() - 1) + 1)
            assert row in seen and all(model.index(each, 0).data(Qt.ItemDataRole.DisplayRole) for each in seen)


@on_a_server
async def test_N18_a_server_that_was_away_is_said_once_and_what_was_missed_is_shown_when_it_is_back(
    qloop: Any, look: Any, alone: Any, database_url: str, tmp_path: Path
) -> None:
    server = make_url(database_url)
    with Cable(f"http://127.0.0.1:{server.port}") as cable:
        through = server.set(port=int(cable.base.rpartition(":")[2])).render_as_string(hide_password=False)
        other = open_database(database_url, SystemClock(), backup_dir=tmp_path)
        try:
            async with alone(database=through) as core:
                await asyncio.to_thread(fill, other, 300, 20)
                async with shown(core) as window:
                    page = page_of(window, "invoices")
                    follower = core.db.follow()
                    await until(follower.listening.is_set)
                    await still()
                    first = page.model.id_at(0)
                    cable.pull_out()
                    page.table.scrollTo(page.model.index(299, 0))
                    page.table.viewport().repaint()
                    await until(lambda: "can't be reached" in window.banner.sentence)
                    assert window.banner.action_button.isVisible() and window.banner.action_button.text() == "Try again"
                    window.banner.action_button.click()
                    await until(lambda: "can't be reached" in window.banner.sentence)
                    await asyncio.to_thread(number_anew, other, [first], "WHILE-AWAY-")
                    cable.plug_in()
                    await until(lambda: not window.banner.isVisible(), 30)
                    page.table.scrollToTop()
                    page.table.viewport().repaint()
                    await until(lambda: str(page.model.index(0, 0).data()).startswith("WHILE-AWAY-"), 30)
                    await still()
        finally:
            other.close()


@on_a_server
async def test_N18_what_another_desk_does_to_very_many_invoices_is_seen(
    qloop: Any, look: Any, alone: Any, database_url: str, tmp_path: Path
) -> None:
    """So many that only their kind is told, and the order of the list stays as it was."""
    other = open_database(database_url, SystemClock(), backup_dir=tmp_path)
    try:
        async with alone(database=database_url) as core:
            await asyncio.to_thread(fill, other, 1500, 20)
            async with shown(core) as window:
                page = page_of(window, "invoices")
                await until(core.db.follow().listening.is_set)
                await still()
                assert str(page.model.index(0, 0).data()).startswith("INV-")
                await asyncio.to_thread(number_anew, other, list(page.model.ids), "NEW-")
                await until(lambda: str(page.model.index(0, 0).data()).startswith("NEW-"), 20)
                await still()
    finally:
        other.close()


def number_anew(database: Database, ids: list[int], prefix: str) -> None:
    with database.write() as session:
        session.execute(update(Invoice).where(Invoice.id.in_(ids)).values(number=prefix + Invoice.number))
        for each in ids:
            note_change(session, "invoice", each)
