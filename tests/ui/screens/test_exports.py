"""Export from the lists: what is shown is what is saved, and a full disk leaves the old file."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from desktop.books import exports
from desktop.ui.list_export import save
from tests.ui.screens.acting import still
from tests.ui.screens.conftest import Books, shown


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


async def test_N17_the_list_as_it_is_shown_is_saved(qloop, alone, tmp_path: Path, look) -> None:
    async with alone() as core:
        books = Books(core)
        for name in ("Ann", "Ben", "Anna"):
            await books.customer(name)
        async with shown(core) as window:
            window._show_page("customers")
            await still()
            page = window.pages["customers"]
            window.search.setText("ann")
            page.search("ann")
            await still()
            target = tmp_path / "out.csv"
            dialog = window.menus["export_list"]
            assert dialog.isEnabled()
            save(page, window.context, exports.customers_table, page.model.ids, target)
            await still()
            assert [row[0] for row in rows(target)] == ["Name", "Ann", "Anna"]
            assert page.export_button.isVisible()


async def test_N17_an_unwritable_place_is_told_and_the_old_file_stays(qloop, alone, tmp_path: Path, look) -> None:
    async with alone() as core:
        books = Books(core)
        customer, item = await books.customer("Ann"), await books.item()
        await books.invoice(customer, item)
        async with shown(core) as window:
            page = window.pages["invoices"]
            await still()
            save(page, window.context, exports.invoices_table, page.model.ids, tmp_path / "no" / "such" / "place.csv")
            await still()
            assert "could not be written" in window.banner.sentence
            assert list(tmp_path.glob("no")) == []


@pytest.mark.parametrize("key", ["invoices", "customers", "items"])
async def test_N17_each_list_asks_where_to_save(qloop, alone, tmp_path: Path, look, key: str) -> None:
    async with alone() as core, shown(core) as window:
        window._show_page(key)
        await still()
        dialog = window.pages[key].export_csv()
        assert dialog.selectedFiles()[0].endswith(".csv")
        dialog.reject()
        await still()
