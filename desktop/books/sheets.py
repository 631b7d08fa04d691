"""Text for spreadsheets: a cell that somebody typed must never run as a formula (fault U5)."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"^\s*[=+\-@\t\r]")
_NUMBER = re.compile(r"^\s*[+\-]?\d[\d.,\s]*$")


def neutral(text: str) -> str:
    """`text` on one line, in a form that no spreadsheet runs as a formula; plain negative numbers stay numbers."""
    flat = re.sub(r"[\t\r\n]+", " ", text)
    return f"'{flat}" if _FORMULA.match(text) and not _NUMBER.match(text) else flat
