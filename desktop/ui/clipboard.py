"""Rows for the clipboard, as text for a spreadsheet and as a table for a letter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QGuiApplication

_FORMULA = re.compile(r"^\s*[=+\-@\t\r]")
_NUMBER = re.compile(r"^\s*[+\-]?\d[\d.,\s]*$")


def neutral(text: str) -> str:
    """`text` in a form that no spreadsheet runs as a formula; plain negative numbers stay numbers."""
    flat = re.sub(r"[\t\r\n]+", " ", text)
    return f"'{flat}" if _FORMULA.match(text) and not _NUMBER.match(text) else flat


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
