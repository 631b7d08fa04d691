"""An invoice on paper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from desktop.books import queries
from desktop.ui.invoice_pdf import invoice_html, write_pdf
from tests.ui.screens.conftest import Books


async def test_the_paper_says_what_the_invoice_says(qloop, look, alone, tmp_path: Path) -> None:
    async with alone() as core:
        books = Books(core)
        invoice = await books.invoice(await books.customer("<b>Bob</b> & Söhne"), await books.item("Pipe"), "1350.5")
        await books.pay(invoice, "350.50")
        detail = await core.ask(queries.invoice_detail, invoice, None)
    page = invoice_html(detail, "Acme Plumbing LLC")
    for text in (
        "INV-0001",
        "&lt;b&gt;Bob&lt;/b&gt; &amp; Söhne",
        "Pipe",
        "$1,350.50",
        "$1,000.00",
        "Acme Plumbing LLC",
    ):
        assert text in page
    write_pdf(detail, tmp_path / "one.pdf")
    one = (tmp_path / "one.pdf").read_bytes()
    assert one.startswith(b"%PDF") and one.count(b"/Type /Page\n") == 1
    many = replace(detail, lines=detail.lines * 120)
    write_pdf(many, tmp_path / "many.pdf")
    assert (tmp_path / "many.pdf").read_bytes().count(b"/Type /Page\n") > 2
