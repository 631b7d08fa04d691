"""Reading postal addresses: one spelling for streets and units, and whether people or offices are there."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import DamerauLevenshtein

from desktop.sync.names import fold, words
from desktop.sync.wordlists import sections, spellings

_PO_BOX = re.compile(r"\b(?:p\s*\.?\s*o\s*\.?\s*box|post office box|pobox|gpo box|locked bag|private bag)\s*(\w+)?")
_UNIT_SLASH = re.compile(r"^\s*(?:unit|flat|apt)?\s*(\d+[a-z]?)\s*/\s*(\d+[a-z]?)\b")
_HASH = re.compile(r"#\s*(\w+)")
_NUMBER = re.compile(r"^\d+[a-z]?$")
_MIN_SLIP = 5  # letters of a word for "street" that may be mistyped
_LONGEST = 4  # words of a phrase in the lists
_UNIT_VALUE = re.compile(r"^(?:\d+[a-z]?|[a-z]\d*)$")


@dataclass(frozen=True, slots=True)
class Street:
    """The lines of one address, taken apart; every part is folded and "" where the lines do not say it."""

    number: str  # house number, "" for a PO box
    name: str  # words of the street in one spelling: "s maple st"
    unit: str  # value alone: "4b"
    po_box: str

    @property
    def is_known(self) -> bool:
        return bool(self.po_box or self.name)


@lru_cache(maxsize=65536)
def read_street(line1: str, line2: str = "") -> Street:
    """The parts of a street address; words that it cannot place are left out of `name`, never guessed at."""
    text = fold(f"{line1} , {line2}" if line2 else line1)
    box = _PO_BOX.search(text)
    if box:
        return Street("", "", "", box.group(1) or "?")
    unit = ""
    slashed = _UNIT_SLASH.match(text)
    if slashed:
        unit, text = slashed.group(1), text[slashed.start(2) :]
    hashed = _HASH.search(text)
    if hashed:
        unit, text = unit or hashed.group(1), text[: hashed.start()] + " " + text[hashed.end() :]
    return _parts(list(words(text)), unit)


def _parts(tokens: list[str], unit: str) -> Street:
    units = spellings("addresses", "unit").keys() | sections("addresses")["unit"]
    streets = spellings("addresses", "street")
    directions = spellings("addresses", "direction")
    number, name = "", list[str]()
    at = 0
    while at < len(tokens):
        word = tokens[at]
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        if word in units and word not in ("ph", "lot", "fl") and _UNIT_VALUE.match(following):
            unit = unit or following
            at += 2
            continue
        if not number and _NUMBER.match(word) and not name:
            number = word
        elif not (number and not name and _NUMBER.match(word) and not following):
            name += _street_words(word, directions, streets)
        at += 1
    return Street(number, " ".join(name), unit, "")


def _street_words(word: str, directions: Mapping[str, str], streets: Mapping[str, str]) -> tuple[str, ...]:
    """One word of a street in its one spelling; "srteet" is a street, and "tucanastreet" two words."""
    known = directions.get(word) or streets.get(word)
    if known or len(word) < _MIN_SLIP:
        return (known or word,)
    return _mistyped_street(word)


@lru_cache(maxsize=16384)
def _mistyped_street(word: str) -> tuple[str, ...]:
    for long, short in sorted(spellings("addresses", "street").items(), key=lambda pair: -len(pair[0])):
        if len(long) < _MIN_SLIP:
            continue
        if DamerauLevenshtein.distance(word, long, score_cutoff=1) <= 1:
            return (short,)
        if word.endswith(long) and len(word) >= len(long) + 3:
            return (word.removesuffix(long), short)
    return (word,)


def commercial_words(*lines: str) -> tuple[str, ...]:
    """The words of the address that only offices, shops and works have ("suite", "industrial park")."""
    return _hits("commercial", lines)


def residential_words(*lines: str) -> tuple[str, ...]:
    """The words of the address that homes have ("apt", "townhouse")."""
    return _hits("residential", lines)


def _hits(section: str, lines: tuple[str, ...]) -> tuple[str, ...]:
    """Words of one list, but not as the name of a street: nobody trades at "14 Mall Road"."""
    streets = spellings("addresses", "street")
    found = set()
    for line in lines:
        tokens = words(line)
        for phrase, following in _with_next(tokens, sections("addresses")[section]):
            if following not in streets or phrase.endswith(following or " "):
                found.add(phrase)
    return tuple(sorted(found))


def _with_next(tokens: tuple[str, ...], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each phrase of a list that stands in a line, with the word behind it ("" at the end)."""
    for at in range(len(tokens)):
        for size in range(1, min(_LONGEST, len(tokens) - at) + 1):
            phrase = " ".join(tokens[at : at + size])
            if phrase in known:
                yield phrase, tokens[at + size] if at + size < len(tokens) else ""


def is_street_address(name: str) -> bool:
    """Whether a customer's name is itself an address ("55 Twin Lane"), as jobs are often named."""
    tokens = words(name)
    streets = spellings("addresses", "street")
    return len(tokens) >= 3 and bool(_NUMBER.match(tokens[0])) and any(word in streets for word in tokens[2:])


def postal_key(code: str) -> str:
    """A postal code without spaces, lower case; only the first five digits of a ZIP+4."""
    folded = fold(code).replace(" ", "").replace("-", "")
    return folded[:5] if folded.isdigit() and len(folded) == 9 else folded
