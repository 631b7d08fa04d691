"""Does this one build? Home builders, general contractors, construction, remodelling, developers (M24)."""

from collections.abc import Sequence

from desktop.sync.names import phrases_in, split_legal_form, words
from desktop.sync.wordlists import sections

_LONGEST = 4  # words of a phrase in the lists
_WEAK = frozenset({"contracting", "contractors", "contractor", "builders", "builder"})


def building_words(text: str) -> tuple[str, ...]:
    """The words that say the bearer of this name builds; empty when none, or when the rest of the name takes it back.

    "Builders Supply" sells and "Software Development" writes; a trade's "Roofing Contractors" are no builders.
    """
    core, _ = split_legal_form(words(text))
    if " ".join(core) in sections("known_companies")["business"]:
        return ()
    known = _known(core)
    if known:
        return known
    lists = sections("building")
    if core and core[-1] in lists["not_before"] and core[-1] not in lists["sure"]:
        return ()
    if any(" " in phrase for phrase in phrases_in(core[1:], lists["not_before"])):
        return ()
    return tuple(dict.fromkeys((*_sure(core), *_last(core))))


def _known(core: Sequence[str]) -> tuple[str, ...]:
    known = sections("building")["known"]
    starts = (" ".join(core[:size]) for size in range(1, min(len(core), _LONGEST) + 1))
    return tuple(name for name in starts if name in known)


def _sure(core: Sequence[str]) -> list[str]:
    lists = sections("building")
    found = []
    for at, word in enumerate(core):
        if word in lists["sure"] and not _taken_back(core, at, word):
            found.append(word)
    found += sorted(phrase for phrase in phrases_in(core, lists["sure"]) if " " in phrase)
    return found


def _taken_back(core: Sequence[str], at: int, word: str) -> bool:
    lists = sections("building")
    before = core[at - 1] if at else ""
    if before in ("and", "or") and at > 1 and word in _WEAK:
        before = core[at - 2]
    following = core[at + 1] if at + 1 < len(core) else ""
    if following in lists["not_before"]:
        return True
    return before in lists["not_after"] and not (word == "construction" and before in ("steel", "concrete"))


def _last(core: Sequence[str]) -> list[str]:
    body = list(core)
    while len(body) > 1 and body[-1] in sections("building")["tail"]:
        body.pop()
    if len(body) < 2 or body[-1] not in sections("building")["last"]:
        return []
    return [] if _taken_back(body, len(body) - 1, body[-1]) else [body[-1]]
