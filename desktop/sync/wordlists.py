"""Word lists under `resources/rules/`: readable text, so that a rule can be corrected without touching code.

A list file has sections `[name]`, words parted by white space, comments after `#`; `_` joins the words of a phrase.
"""

from collections.abc import Mapping
from functools import cache

from desktop.paths import resource


@cache
def sections(name: str) -> Mapping[str, frozenset[str]]:
    """The sections of one list file; raises FileNotFoundError when the program was packed without it."""
    found: dict[str, set[str]] = {}
    current: set[str] = set()
    for line in resource("rules", f"{name}.txt").read_text(encoding="utf-8").splitlines():
        text = line.split("#", 1)[0].strip()
        if text.startswith("[") and text.endswith("]"):
            current = found.setdefault(text[1:-1], set())
        else:
            current.update(word.replace("_", " ") for word in text.split())
    return {section: frozenset(words) for section, words in found.items()}


@cache
def spellings(name: str, section: str) -> Mapping[str, str]:
    """Each spelling of a section written as `short = long other`, mapped to the short one."""
    found: dict[str, str] = {}
    inside = False
    for line in resource("rules", f"{name}.txt").read_text(encoding="utf-8").splitlines():
        text = line.split("#", 1)[0].strip()
        if text.startswith("["):
            inside = text == f"[{section}]"
        elif inside and "=" in text:
            short, _, others = text.partition("=")
            short = short.strip().replace("_", " ")
            found[short] = short
            found.update((other.replace("_", " "), short) for other in others.split())
    return found


@cache
def groups(name: str) -> tuple[frozenset[str], ...]:
    """The lines of a list file whose every line is one group of words."""
    lines = (
        line.split("#", 1)[0] for line in resource("rules", f"{name}.txt").read_text(encoding="utf-8").splitlines()
    )
    return tuple(frozenset(line.split()) for line in lines if line.strip() and not line.startswith("["))


@cache
def shares(name: str) -> Mapping[str, int]:
    """A list file of `word=number` pairs: how many in a million bear each name."""
    found: dict[str, int] = {}
    for line in resource("rules", f"{name}.txt").read_text(encoding="utf-8").splitlines():
        for pair in line.split("#", 1)[0].split():
            word, _, number = pair.partition("=")
            found[word] = int(number)
    return found
