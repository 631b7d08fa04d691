"""Rows for the clipboard, as text for a spreadsheet and as a table for a letter."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QGuiApplication

from desktop.books.sheets import neutral


def table_mime(rows: Sequence[Sequence[str]]) -> QMimeData:
    """The rows as tab-separated text and as an HTML table."""
    data = QMimeData()
    data.setText("\n".join("\t".join(neutral(text) for text in row) for row in rows))
    lines = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    data.setHtml(f"<table>{lines}</table>")
    return data


def let_go() -> None:
    """Leave what was copied as plain text: the richer form is ours, and Qt asks for it after we have ended."""
    clipboard = QGuiApplication.clipboard()
    if clipboard.ownsClipboard() or QGuiApplication.platformName() == "offscreen":  # which never says that it owns
        clipboard.setText(clipboard.text())
