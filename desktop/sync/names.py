"""Reading names: folding, words, and which words people are called by. Shared by classification and matching."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import cache, lru_cache

import cleanco.termdata
from nicknames import name_triplets

from desktop.sync.wordlists import groups, sections, shares

# Letters that Unicode does not take apart into a base letter and a mark.
_WHOLE_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ß": "ss", "ð": "d", "þ": "th", "ı": "i"}
)
_APOSTROPHES = str.maketrans(dict.fromkeys("'’‘`´ʻʼ′", ""))
_DOTTED = re.compile(r"\b(?:[a-z]\.\s?){2,}(?:[a-z]\b)?(?!\w)")
_WORD = re.compile(r"[^\W_]+")
_COUNTRIES = ("United States of America", "United Kingdom", "Australia", "Ireland", "New Zealand", "Canada")


def fold(text: str) -> str:
    """Lower case without accents, so that "José" and "JOSE" are one."""
    if text.isascii():
        return text.casefold()
    parts = unicodedata.normalize("NFKD", text).casefold().translate(_WHOLE_LETTERS)
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


@lru_cache(maxsize=8192)
def words(text: str) -> tuple[str, ...]:
    """Folded words: apostrophes close up ("obrien"), "&" becomes "and", "L.L.C." becomes "llc"."""
    folded = fold(text).replace("&", " and ").replace("+", " and ").translate(_APOSTROPHES)
    if "." in folded:
        folded = _DOTTED.sub(lambda hit: hit.group().replace(".", "").replace(" ", "") + " ", folded)
    return tuple(_WORD.findall(folded))


def phrases_in(tokens: Sequence[str], known: Collection[str], longest: int = 4) -> list[str]:
    """The words and phrases of a list that stand in a row of words, in the order of reading, longest first."""
    found = []
    for at in range(len(tokens)):
        for size in range(min(longest, len(tokens) - at), 0, -1):
            phrase = " ".join(tokens[at : at + size])
            if phrase in known:
                found.append(phrase)
    return found


@cache
def legal_forms() -> frozenset[str]:
    """Legal forms of the six countries as phrases of folded words, from `cleanco` and from our list."""
    theirs = (term for country in _COUNTRIES for term in cleanco.termdata.terms_by_country.get(country, ()))
    found = {" ".join(words(term)) for term in theirs}
    return frozenset((found - _not_alone() - {"limited", ""}) | sections("legal_forms")["end"])


@cache
def _not_alone() -> frozenset[str]:
    """Terms too short or too common to count wherever they stand; they count as a last word only."""
    return sections("legal_forms")["co"] | {"sp", "nl", "lp", "and co", "and company"}


@lru_cache(maxsize=8192)
def split_legal_form(tokens: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """The words before the legal form at the end, and that form ("" when there is none)."""
    core = tokens
    form = ""
    while len(core) > 1:
        for size in (4, 3, 2, 1):
            tail = " ".join(core[-size:])
            if len(core) > size and (tail in legal_forms() or tail in _not_alone()):
                core, form = core[:-size], f"{tail} {form}".strip()
                break
        else:
            break
    while form and len(core) > 1 and core[-1] == "and":
        core = core[:-1]
    return core, form


@cache
def nickname_roots() -> dict[str, frozenset[str]]:
    """Each given name with the full names that it may stand for, itself included."""
    roots: dict[str, set[str]] = {}
    for row in name_triplets():
        roots.setdefault(row.name2, {row.name2}).add(row.name1)
        roots.setdefault(row.name1, {row.name1})
    return {name: frozenset(full) for name, full in roots.items()}


@cache
def _own_nicknames() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for group in groups("nicknames"):
        for name in group:
            found[name] = found.get(name, frozenset()) | group
    return found


@cache
def nickname_initials(given: str) -> frozenset[str]:
    """The first letters of the other names that a person of this name may be known by."""
    others = nickname_roots().get(given, frozenset()) | _own_nicknames().get(given, frozenset())
    return frozenset(name[0] for name in others) - {given[0]}


@cache
def given_names() -> frozenset[str]:
    """Given names of our list, and those of the `nicknames` library that are no plain English words."""
    theirs = frozenset(nickname_roots()) - sections("given_names")["not_given"]
    for list_name in ("common_words", "business"):
        for plain in sections(list_name).values():
            theirs -= plain
    return sections("given_names")["given"] | frozenset(name for name in theirs if len(name) > 2)


@cache
def surnames() -> frozenset[str]:
    """Common family names, those that are also words included."""
    return sections("surnames")["surname"] | sections("surnames")["frequent"]


def frequent_surnames() -> frozenset[str]:
    """Family names so common that a word among them is a name first."""
    return sections("surnames")["frequent"]


_LISTED = 50  # what a name of our own list counts as when the census has it not: outside the United States it is common


def given_share(word: str) -> int:
    """How many in a million are called by this given name; 0 for a word that is none."""
    return shares("census_given").get(word) or (_LISTED if word in given_names() else 0)


def family_share(word: str) -> int:
    """How many in a million bear this family name; 0 for a word that is none."""
    return shares("census_surnames").get(word) or (_LISTED if word in surnames() else 0)


@cache
def looks_like_surname(word: str) -> bool:
    """Whether an unlisted word has the shape of a family name ("Wojciechowski", "MacAskill")."""
    if word in surnames():
        return True
    if len(word) < 5:
        return False
    if word.startswith(("mc", "mac", "fitz")) and len(word) > 6:
        return True
    return any(word.endswith(end) and len(word) >= len(end) + 3 for end in sections("people")["surname_end"])


@lru_cache(maxsize=65536)
def same_given_name(one: str, other: str) -> bool:
    """Whether two given names can be one person's: equal, or nickname and full name, or two nicknames of one."""
    if one == other or other in _own_nicknames().get(one, ()):
        return True
    roots = nickname_roots()
    return bool(roots.get(one, frozenset((one,))) & roots.get(other, frozenset((other,))))


def strip_affixes(tokens: Iterable[str]) -> tuple[str, ...]:
    """The words without a title in front ("Dr") and a suffix behind ("Jr", "III")."""
    people = sections("people")
    core = list(tokens)
    while len(core) > 1 and core[0] in people["title"]:
        core.pop(0)
    while len(core) > 1 and core[-1] in people["suffix"]:
        core.pop()
    return tuple(core)
