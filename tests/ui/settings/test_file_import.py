"""Import from a file as an owner does it: choose or paste, say what columns mean, tick, import, save the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget, QWizard

from desktop.books import queries
from desktop.core import Core
from desktop.sync.reviewing import Standing
from desktop.ui import operations
from desktop.ui.routes import settings
from desktop.ui.settings_page import SettingsPage
from desktop.wizard.file_wizard import FileWizard, prepare_file
from tests.helpers.desk import connected_core, open_core
from tests.helpers.waiting import until
from tests.ui.settings.acting import Nowhere, still

BUTTONS = QWizard.WizardButton
pytestmark = pytest.mark.timeout(90)
PEOPLE = (
    "Name;E-Mail;Ort\nMüller, Eva;eva@m.example;Köln\nAcme Homes LLC;;Austin\nBob;bob@;Bonn\nAcme Homes LLC;;Dallas\n"
)


async def file_wizard(core: Core, window: QWidget, kind: str = "") -> FileWizard:
    made = await prepare_file(core, window, kind)
    made.open()
    await until(lambda: not operations.pending(), 20)
    return made


async def key(wizard: QWidget, what: Qt.Key, *, times: int = 1) -> None:
    """Press a key where the focus is."""
    for _ in range(times):
        QTest.keyClick(wizard.focusWidget() or wizard, what)
    await still()


async def enter(wizard: FileWizard) -> None:
    """Press the button that goes on, by the keyboard."""
    kinds = (BUTTONS.CommitButton, BUTTONS.NextButton, BUTTONS.FinishButton)
    button = next(wizard.button(which) for which in kinds if wizard.button(which).isVisible())
    assert button.isEnabled(), button.text()
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    await still()


def page(wizard: FileWizard) -> Any:
    return wizard.currentPage()


def top(wizard: QWidget, part: QWidget) -> int:
    return part.mapTo(wizard, part.rect().topLeft()).y()


def bottom(wizard: QWidget, part: QWidget) -> int:
    return part.mapTo(wizard, part.rect().bottomLeft()).y()


async def names_here(core: Core) -> list[str]:
    ids = await core.ask(queries.customer_ids, queries.CustomerFilter(active=None), ("name", False), None)
    return [row.name for row in await core.ask(queries.customer_rows, list(ids), None)]


def write(folder: Path, text: str, name: str = "kunden.csv", encoding: str = "cp1252") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


async def test_M33_N17_customers_from_a_file_without_a_connection(qloop, tmp_path, sandbox, window) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        wizard = await file_wizard(core, window)
        assert not wizard.button(BUTTONS.NextButton).isEnabled()
        page(wizard).take_file(write(tmp_path, PEOPLE))
        await still()
        assert wizard.source.kind.value == "customers" and "4 rows" in page(wizard)._facts.text()
        await enter(wizard)
        assert wizard.step == "columns"
        assert [combo.currentText() for combo in page(wizard).meanings] == ["Name", "E-mail", "City"]
        await enter(wizard)
        assert wizard.step == "customers" and "kunden.csv" in page(wizard).sentence.text()
        assert "Row 4" in page(wizard).banner.sentence
        assert wizard.button(BUTTONS.CommitButton).text() == "&Import Selected (2)"
        wizard.resize(wizard.minimumSize())
        await until(lambda: bottom(wizard, page(wizard).list) < top(wizard, page(wizard).kind_button), 5)
        assert page(wizard).table.viewport().height() >= page(wizard).table.rowHeight(0)
        await enter(wizard)
        assert wizard.step == "result"
        assert [line.text for line in page(wizard).lines] == ["2 customers added", "1 row was not taken"]
        assert await names_here(core) == ["Acme Homes LLC", "Müller, Eva"]
        await enter(wizard)


async def test_M35_I18_the_second_time_only_what_waits_is_left(qloop, tmp_path, sandbox, window) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        for expected in ([Standing.NEW, Standing.NEW, Standing.POSSIBLE], [Standing.SAME, Standing.SAME, None]):
            wizard = await file_wizard(core, window, "customers")
            page(wizard).take_file(write(tmp_path, PEOPLE))
            await still()
            await enter(wizard)
            await enter(wizard)
            found = [row.review.standing for row in page(wizard).model.rows]
            assert found[:2] == expected[:2] and found[2] is Standing.POSSIBLE
            await enter(wizard)
            await enter(wizard)
        assert len(await names_here(core)) == 2


async def test_N17_by_the_keyboard_alone_with_pasted_cells(qloop, tmp_path, sandbox, window) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        wizard = await file_wizard(core, window, "customers")
        QGuiApplication.clipboard().setText("Alias\tKontakt\nAnn\tann@x.example\nBen\tben@x.example\n")
        page(wizard).choose_button.setFocus()
        QTest.keyClick(page(wizard), Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        await still()
        assert wizard.source.table is not None and wizard.source.name == "pasted cells"
        await enter(wizard)
        columns = page(wizard)
        assert "Choose the column that holds the names" in columns.missing.text()
        assert not wizard.button(BUTTONS.NextButton).isEnabled()
        for place, steps in ((0, 1), (1, 5)):  # Name is the first meaning, E-mail the fifth
            combo = columns.meanings[place]
            combo.setFocus()
            for _ in range(steps):
                QTest.keyClick(combo, Qt.Key.Key_Down)
        assert [combo.currentText() for combo in columns.meanings] == ["Name", "E-mail"], "stepped past is not taken"
        assert columns.missing.isHidden()
        await enter(wizard)
        table = page(wizard).table
        table.setFocus()
        QTest.keyClick(table, Qt.Key.Key_Down)
        QTest.keyClick(table, Qt.Key.Key_Space)
        assert page(wizard).model.checked_count == 1
        await enter(wizard)
        assert len(await names_here(core)) == 1


async def test_N17_what_is_open_is_asked_and_nothing_is_chosen_beforehand(qloop, tmp_path, sandbox, window) -> None:
    text = 'Invoice #,Customer,Date,Total\n7,Ann,03/04/2026,"1,234"\n8,Ann,05/04/2026,"2,500"\n'
    async with open_core(tmp_path / "desk", sandbox) as core:
        wizard = await file_wizard(core, window)
        page(wizard).take_file(write(tmp_path, text, "inv.csv"))
        await still()
        assert wizard.source.kind.value == "invoices"
        await enter(wizard)
        columns = page(wizard)
        assert set(columns.answers) == {"dates", "marks"}
        assert not any(one.isChecked() for group in columns.answers.values() for one in group.values())
        assert not wizard.button(BUTTONS.NextButton).isEnabled()
        for radio in (columns.answers["dates"]["dmy"], columns.answers["marks"]["."]):
            radio.setFocus()
            QTest.keyClick(radio, Qt.Key.Key_Space)
        assert wizard.button(BUTTONS.NextButton).isEnabled()
        await enter(wizard)
        assert [str(row.review.entry.issued_on) for row in page(wizard).model.rows] == ["2026-04-03", "2026-04-05"]
        assert [row.review.total for row in page(wizard).model.rows] == [1234, 2500]
        await enter(wizard)
        assert page(wizard).lines[0].text == "2 invoices added"
        ids = await core.ask(queries.invoice_ids, queries.InvoiceFilter(), ("number", False), None)
        assert len(ids) == 2


async def test_N17_rejected_rows_are_saved_mended_and_taken(qloop, tmp_path, sandbox, window) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        wizard = await file_wizard(core, window, "customers")
        page(wizard).take_file(write(tmp_path, PEOPLE + "=HYPERLINK(1);x@;y\n"))
        await still()
        for _ in range(3):
            await enter(wizard)
        saved = tmp_path / "left.csv"
        page(wizard).rejected.save(saved)
        text = saved.read_bytes().decode("utf-8-sig")
        assert text.splitlines()[0] == "Name;E-Mail;Ort;What is wrong"
        assert "Bob;bob@;Bonn;Row 4: “bob@” is not an e-mail address." in text
        assert "'=HYPERLINK(1)" in text, "nothing in it runs in a spreadsheet (U5)"
        saved.write_bytes(text.replace("bob@;", "bob@x.example;").encode())
        await enter(wizard)
        again = await file_wizard(core, window, "customers")
        page(again).take_file(saved)
        await still()
        await enter(again)
        assert page(again).meanings[3].currentData() == ""
        await enter(again)
        await enter(again)
        assert "Bob" in await names_here(core)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("list.xlsx", b"PK\x03\x04", "not a CSV file"),
        ("list.csv", b"PK\x03\x04xx", "workbook"),
        ("list.csv", b"", "empty"),
    ],
)
async def test_N17_a_wrong_file_is_refused_with_a_sentence(
    qloop, tmp_path, sandbox, window, name: str, data: bytes, words: str
) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        wizard = await file_wizard(core, window)
        path = tmp_path / name
        path.write_bytes(data)
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path))])
        drop = QDropEvent(
            QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        page(wizard).dropEvent(drop)
        await still()
        assert words in page(wizard).banner.sentence and wizard.source.table is None


async def test_C2_an_invoice_for_somebody_like_one_of_ours_waits_for_a_word(qloop, tmp_path, sandbox, window) -> None:
    from desktop.books.customers import CustomerDraft, create_customer

    text = "Number,Customer,Email,Date,Total\n7,M. Mason,mary@m.example,2026-03-04,50\n"
    async with open_core(tmp_path / "desk", sandbox) as core:
        ours = await core.do(create_customer, CustomerDraft("Mary Mason", email="mary@m.example"))
        wizard = await file_wizard(core, window, "invoices")
        page(wizard).take_file(write(tmp_path, text))
        await still()
        await enter(wizard)
        await enter(wizard)
        rows = page(wizard).model
        assert rows.rows[0].waits and rows.checked_count == 0
        place = next(n for n, column in enumerate(rows.columns) if column.name == "verdict")
        page(wizard).on_choice(0, place - 1, "ours")
        assert rows.checked_count == 1
        await enter(wizard)
        ids = await core.ask(queries.invoice_ids, queries.InvoiceFilter(), ("number", False), None)
        (row,) = await core.ask(queries.invoice_rows, list(ids), None)
        assert row.customer_id == ours


async def test_N17_items_from_a_file(qloop, tmp_path, sandbox, window) -> None:
    async with open_core(tmp_path / "desk", sandbox) as core:
        wizard = await file_wizard(core, window, "items")
        page(wizard).take_file(write(tmp_path, "Item;Price\nDrain check;85,00\nHose;1,25\n", "price list.csv"))
        await still()
        for _ in range(3):
            await enter(wizard)
        assert page(wizard).lines[0].text == "2 items added"


async def test_M16_N17_the_settings_lead_to_the_file_with_and_without_a_connection(
    qloop, tmp_path, sandbox, control, window
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        for connected in (True, False):
            if not connected:
                await core.disconnect()
            page_ = SettingsPage(core, Nowhere(), window)
            page_.show()
            page_.open(settings("import_data", action="file", field="items"))
            await still()
            made = window.findChildren(FileWizard)
            assert made and made[-1].source.kind.value == "items"
            made[-1].reject()
            await still()
            page_.deleteLater()
