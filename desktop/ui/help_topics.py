"""The help pages: text files under `resources/help/`, so that a sentence can be corrected without touching code.

A file's name is its place in the contents and its key ("05-items.txt"). Its first line is the title, a line
"see: ..." names pages that go on from there; then one paragraph a line, "= " before a heading, "- " before a point.
The words must stay true to the screens: tests check that every screen has its page and every page its screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from desktop.paths import resource
from desktop.text import tr


class Form(StrEnum):
    """How a line is set."""

    HEADING = "heading"
    POINT = "point"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph, point or heading."""

    text: str
    form: Form = Form.TEXT


@dataclass(frozen=True, slots=True)
class Topic:
    """One help page."""

    key: str
    title: str
    lines: tuple[Line, ...]
    see: tuple[str, ...] = ()
    """Keys of pages that go on from here."""

    def has(self, words: tuple[str, ...]) -> bool:
        """Whether each of `words` (folded) stands on the page."""
        text = " ".join((self.title, *(line.text for line in self.lines))).casefold()
        return all(word in text for word in words)


@cache
def topics() -> dict[str, Topic]:
    """All pages by key, in the order of the contents."""
    found = {}
    for path in sorted(resource("help").iterdir(), key=lambda one: one.name):
        if path.name.endswith(".txt"):
            key = path.name.removesuffix(".txt").partition("-")[2]
            found[key] = _read(key, path.read_text(encoding="utf-8"))
    return found


def _read(key: str, text: str) -> Topic:
    title, *rows = text.splitlines()
    see: tuple[str, ...] = ()
    lines = []
    for row in filter(None, (row.strip() for row in rows)):
        if row.startswith("see:"):
            see = tuple(row.removeprefix("see:").split())
        elif row.startswith("= "):
            lines.append(Line(tr(row[2:]), Form.HEADING))
        elif row.startswith("- "):
            lines.append(Line(tr(row[2:]), Form.POINT))
        else:
            lines.append(Line(tr(row)))
    return Topic(key, tr(title), tuple(lines), see)


def search(text: str) -> list[Topic]:
    """The pages that hold every word of `text`, those with a word in their title first; all for an empty text."""
    words = tuple(text.casefold().split())
    hits = [one for one in topics().values() if one.has(words)]
    return sorted(hits, key=lambda one: not any(word in one.title.casefold() for word in words)) if words else hits
