"""An invoice on paper: A4 or Letter by the locale, with page numbers; a void or draft one says so."""

from __future__ import annotations

from html import escape
from pathlib import Path

from PySide6.QtCore import QLocale, QMarginsF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument

from desktop.books.queries import InvoiceDetail
from desktop.models.states import InvoiceView
from desktop.text import tr
from desktop.ui import formats
from desktop.ui import theme as theme_module
from desktop.ui.formats import people_locale

_LETTER = {"US", "CA", "MX", "PH", "CL", "CO", "VE"}
PAPER = theme_module.LIGHT
"""Paper is light, whatever the window looks like."""
_STYLE = f"""
body {{ font-size: 10pt; color: {PAPER.text}; }}
h1 {{ font-size: 20pt; font-weight: 600; margin: 0; }}
.muted {{ color: {PAPER.text2}; }}
.small {{ font-size: 9pt; }}
th {{ color: {PAPER.text2}; font-weight: 400; font-size: 9pt; text-align: left; padding: 4px 6px; }}
td {{ padding: 5px 6px; vertical-align: top; }}
.right {{ text-align: right; }}
.total {{ font-size: 12pt; font-weight: 600; }}
"""


def write_pdf(invoice: InvoiceDetail, path: Path, company: str = "") -> None:
    """Write `invoice` to `path`. Raises OSError when that can't be written."""
    with path.open("ab"):
        pass  # asks the system for leave first: QPdfWriter only falls silent
    writer = QPdfWriter(str(path))
    writer.setTitle(tr("Invoice {number}", number=invoice.row.number))
    writer.setCreator("BlueClerk")
    writer.setResolution(300)
    letter = people_locale().territory() in _territories()
    size = QPageSize(QPageSize.PageSizeId.Letter if letter else QPageSize.PageSizeId.A4)
    margins = QMarginsF(18, 18, 18, 20)
    writer.setPageLayout(QPageLayout(size, QPageLayout.Orientation.Portrait, margins, QPageLayout.Unit.Millimeter))
    document = QTextDocument()
    document.documentLayout().setPaintDevice(writer)
    document.setDefaultFont(_font(10))
    document.setDefaultStyleSheet(_STYLE)
    document.setHtml(invoice_html(invoice, company))
    page = QRectF(0, 0, writer.width(), writer.height())
    foot = writer.logicalDpiY() * 0.4
    document.setPageSize(page.adjusted(0, 0, 0, -foot).size())
    painter = QPainter(writer)
    if not painter.isActive():
        raise OSError(tr("The file could not be written."))
    try:
        _paint(painter, writer, document, page, foot, invoice)
    finally:
        painter.end()


def _paint(
    painter: QPainter, writer: QPdfWriter, document: QTextDocument, page: QRectF, foot: float, invoice: InvoiceDetail
) -> None:
    body = page.adjusted(0, 0, 0, -foot)
    for number in range(document.pageCount()):
        if number:
            writer.newPage()
        painter.save()
        painter.translate(0, -number * body.height())
        document.drawContents(painter, QRectF(0, number * body.height(), body.width(), body.height()))
        painter.restore()
        _mark(painter, page, invoice)
        painter.setFont(_font(8))
        painter.setPen(QColor(PAPER.text2))
        words = tr("Page {page} of {pages}", page=number + 1, pages=document.pageCount())
        line = QRectF(0, page.height() - foot, page.width(), foot)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight), words)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft), invoice.row.number)


def _mark(painter: QPainter, page: QRectF, invoice: InvoiceDetail) -> None:
    text = {InvoiceView.VOID: tr("VOID"), InvoiceView.DRAFT: tr("DRAFT")}.get(invoice.row.view)
    if text is None:
        return
    painter.save()
    painter.translate(page.center())
    painter.rotate(-35)
    painter.setFont(_font(96))
    pale = QColor(PAPER.bad)
    pale.setAlpha(40)
    painter.setPen(pale)
    painter.drawText(page.translated(-page.center()), int(Qt.AlignmentFlag.AlignCenter), text)
    painter.restore()


def _font(points: int) -> QFont:
    font = QFont()
    font.setPointSize(points)
    return font


def _territories() -> set[QLocale.Country]:
    return {QLocale.codeToTerritory(code) for code in _LETTER}


def invoice_html(invoice: InvoiceDetail, company: str = "") -> str:
    """The invoice as a page; every text of the owner is escaped."""
    row, currency = invoice.row, invoice.row.currency
    dates = [(tr("Date"), formats.full_date(row.issued_on))]
    if row.due_on:
        dates.append((tr("Due"), formats.full_date(row.due_on)))
    lines = "".join(
        f"<tr><td>{_text(_name(line))}</td>"
        f"<td class='right'>{_text(formats.decimal(line.quantity))}</td>"
        f"<td class='right'>{_text(_price(line.unit_price, currency))}</td>"
        f"<td class='right'>{_text(_tax(line.tax_rate))}</td>"
        f"<td class='right'>{_text(formats.amount(line.amount, currency))}</td></tr>"
        for line in invoice.lines
    )
    heads = (tr("Description"), tr("Quantity"), tr("Price"), tr("Tax"), tr("Amount"))
    head = "".join(f"<th{' class=right align=right' if n else ''}>{_text(word)}</th>" for n, word in enumerate(heads))
    sums = "".join(
        f"<tr><td class='right muted'>{_text(word)}</td><td class='right {kind}' width='140'>{_text(value)}</td></tr>"
        for word, value, kind in _sums(invoice)
    )
    about = "".join(f"<tr><td class='muted'>{_text(a)}</td><td class='right'>{_text(b)}</td></tr>" for a, b in dates)
    note = f"<p>{_text(invoice.note)}</p>" if invoice.note else ""
    return (
        f"<body><table width='100%'><tr><td><h1>{_text(tr('Invoice'))}</h1>"
        f"<p class='muted'>{_text(row.number)}</p></td>"
        f"<td class='right' align='right'><p><b>{_text(company)}</b></p><table align='right'>{about}</table></td></tr>"
        f"</table><p><span class='muted small'>{_text(tr('For'))}</span><br><b>{_text(row.customer_name)}</b>"
        f"<br><span class='muted'>{_text(invoice.customer_email)}</span></p><br>"
        f"<table width='100%' cellspacing='0'><tr>{head}</tr>{lines}</table><hr>"
        f"<table width='100%'>{sums}</table><br>{note}</body>"
    )


def _sums(invoice: InvoiceDetail) -> list[tuple[str, str, str]]:
    row, currency = invoice.row, invoice.row.currency
    found = []
    if invoice.discount or invoice.tax:
        found.append((tr("Subtotal"), formats.money(invoice.subtotal, currency), ""))
    if invoice.discount:
        found.append((tr("Discount"), formats.money(-invoice.discount, currency), ""))
    if invoice.tax:
        found.append((tr("Tax"), formats.money(invoice.tax, currency), ""))
    found.append((tr("Total"), formats.money(row.total, currency), "total"))
    if row.paid:
        found.append((tr("Paid"), formats.money(row.paid, currency), ""))
        found.append((tr("Balance due"), formats.money(row.balance, currency), "total"))
    return found


def _name(line) -> str:  # noqa: ANN001
    if line.free_text:
        return line.description or line.item_name
    return f"{line.item_name}\n{line.description}" if line.description else line.item_name


def _price(price, currency: str) -> str:  # noqa: ANN001
    exact = formats.decimal(price)
    shown = formats.amount(price, currency)
    return shown if len(exact) <= len(shown) else exact


def _tax(rate) -> str:  # noqa: ANN001
    return f"{formats.decimal(rate)} %" if rate else ""


def _text(text: str) -> str:
    return escape(text).replace("\n", "<br>")
