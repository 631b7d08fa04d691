"""Text for spreadsheets: a cell that somebody typed must never run as a formula (fault U5)."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"^\s*[=+\-@\t\r]")
_NUMBER = re.compile(r"^\s*[+\-]?\d[\d.,\s]*$")


def neutral(text: str) -> str:
    """`text` on one line, in a form that no spreadsheet runs as a formula; plain negative numbers stay numbers."""
    flat = re.sub(r"[\t\r\n]+", " ", text)
    return f"'{flat}" if _FORMULA.match(text) and not _NUMBER.match(text) else flat


_STARTS = re.compile(r"^[\s']*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]")


def escaped(text: str) -> str:
    """`text` for a cell of words in a CSV file: no spreadsheet runs it, and `unescaped` gives it back to the letter.

    Phone numbers such as +1 512 555 0100 are words too: a spreadsheet would make a sum of them.
    """
    return f"'{text}" if _STARTS.match(text) else text


def unescaped(text: str) -> str:
    """What `escaped` was given; also what a spreadsheet means by a cell that begins with an apostrophe."""
    return text[1:] if text.startswith("'") and _STARTS.match(text[1:]) else text
