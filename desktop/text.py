"""Every sentence a person reads passes through here, so that a translation reaches the core without Qt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

_translate: Callable[[str], str] | None = None


def install(translate: Callable[[str], str] | None) -> None:
    """Use `translate` (source text -> translated text) from now on; None goes back to English."""
    global _translate
    _translate = translate


def tr(text: str, /, **values: object) -> str:
    """The translated `text` with its `{placeholders}` filled in.

    Values are inserted after translation and are never themselves read as templates, so a customer
    called "{0}" stays exactly that.
    """
    translated = _translate(text) if _translate else text
    return translated.format(**values) if values else translated


def day_in_words(day: date) -> str:
    """A date for a sentence, read alike on both sides of the ocean: "Nov 30, 2026"."""
    months = tr("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec").split()
    return tr("{month} {day}, {year}", month=months[day.month - 1], day=day.day, year=day.year)
