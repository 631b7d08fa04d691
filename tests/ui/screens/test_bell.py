"""The bell and the alert beside the clock: told once, in words, mended with one press, for admins only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from desktop.core import Core
from desktop.providers.records import Kind
from desktop.sync import mapping
from desktop.ui.bell_panel import BellPanel
from desktop.ui.tray import PICTURES, Tray
from tests.helpers.desk import options
from tests.helpers.waiting import until
from tests.ui.screens.acting import RecordingTray, still
from tests.ui.screens.conftest import Books, shown


async def failing(core: Core, name: str = "Leak survey") -> tuple[int, int]:
    """An invoice that QuickBooks can't get before its item has an account: (invoice, item)."""
    books = Books(core)
    item = await books.item(name, mapped=False)
    return await books.invoice(await books.customer(), item), item


async def map_item(core: Core, item: int) -> None:
    key = await core.company_key()
    view = await core.ask(mapping.mapping_view, key)
    await core.do(mapping.save_mapping, key, {item: view.accounts[0].external_id})


async def test_M105_M106_M111_M146_a_failure_rings_at_once_and_says_what_and_why(qloop, look, connected) -> None:
    async with connected() as core:
        invoice, _ = await failing(core)
        async with shown(core) as window:
            assert window.bell.count == 0
            await core.sync([(Kind.INVOICE, invoice)])
            await until(lambda: window.bell.count == 1)
            await still()
            window.show_bell()
            (row,) = window.bell_panel.rows
            assert row.accessibleName().startswith("Invoice INV-0001. ")
            assert "Leak survey" in row.accessibleName() and "income account" in row.accessibleName()
            assert row.first_button is row.fix_button and row.fix_button.text() == "Choose account"
            assert row.resync_button.isVisible()


async def test_M107_M99_resync_from_the_bell_tries_again_and_the_entry_clears_itself(
    qloop, look, connected, control
) -> None:
    async with connected() as core:
        invoice, item = await failing(core)
        async with shown(core) as window:
            await core.sync([(Kind.INVOICE, invoice)])
            await still()
            await map_item(core, item)
            window.show_bell()
            window.bell_panel.rows[0].resync_button.click()
            await still()
            await until(lambda: window.bell.count == 0)
            assert [one for one in control.books()["invoices"] if one["number"] == "INV-0001"]
            assert window.bell_panel.entries == []


async def test_M108_C10_others_see_the_state_but_no_bell(qloop, look, connected, tmp_path: Path, sandbox) -> None:
    async with connected() as core:
        invoice, _ = await failing(core)
        other = await Core.open(options(tmp_path / "desk", sandbox.services, account="helper"))
        try:
            await core.sync([(Kind.INVOICE, invoice)])
            async with shown(other) as window:
                assert window.bell.count == 0
                assert window.bell_panel.entries == []
                page: Any = window.pages["invoices"]
                page.chips.choose("needs_you")
                page.reload()
                await still()
                assert page.model.rowCount() == 1
        finally:
            await other.close()


async def test_M109_M110_the_badge_grows_only_for_what_is_news(qloop, look, connected) -> None:
    async with connected() as core:
        invoice, _ = await failing(core)
        async with shown(core) as window:
            for _ in range(3):
                await core.sync([(Kind.INVOICE, invoice)])
            await still()
            assert window.bell.count == 1
            panel: BellPanel = window.bell_panel
            panel.mark_all_read()
            await still()
            assert window.bell.count == 0
            await core.sync([(Kind.INVOICE, invoice)])
            await still()
            assert window.bell.count == 1


async def test_M107_one_click_on_the_alert_resyncs_what_it_showed(qloop, look, connected, control) -> None:
    async with connected() as core:
        invoice, item = await failing(core)
        async with shown(core) as window:
            icon = RecordingTray()
            tray = Tray(icon, core.clock.now, window)
            window.bell_panel.alerted.connect(tray.alert)
            window.bell_panel.shown.connect(tray.set_entries)
            tray.resync_asked.connect(lambda records: window.sync.resync(records))
            await core.sync([(Kind.INVOICE, invoice)])
            await core.sync([(Kind.INVOICE, invoice)])
            await still()
            assert [title for title, _ in icon.messages] == ["Invoice INV-0001"]
            assert "income account" in icon.messages[0][1]
            assert tray.actions["resync"].text() == "Resync failed items (1)"
            await map_item(core, item)
            icon.clicked()
            await still()
            await until(lambda: [one for one in control.books()["invoices"] if one["number"] == "INV-0001"])
            assert not tray.actions["resync"].isVisible()


async def test_the_panel_closes_on_escape_and_on_a_click_elsewhere(qloop, look, connected, qtbot) -> None:
    from PySide6.QtCore import Qt

    async with connected() as core, shown(core) as window:
        window.show_bell()
        assert window.bell_panel.isVisible()
        qtbot.keyClick(window.bell_panel, Qt.Key.Key_Escape)
        assert not window.bell_panel.isVisible()
        window.show_bell()
        qtbot.mouseClick(window.rail, Qt.MouseButton.LeftButton)
        assert not window.bell_panel.isVisible()


def test_each_state_beside_the_clock_is_told_apart_without_its_colour() -> None:
    assert len({name for name, _colour in PICTURES.values()}) == len(PICTURES)
