"""One customer made ready for comparison: folded, taken apart, and with the keys under which likes are found."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from desktop.sync.addresses import Street, postal_key, read_street
from desktop.sync.name_shapes import Word, word_class
from desktop.sync.names import fold, given_names, looks_like_surname, nickname_initials, split_legal_form, words
from desktop.sync.wordlists import sections, spellings

_PLACEHOLDER = "@placeholder.local"
_DIGITS = re.compile(r"\d+")
_EXTENSION = re.compile(r"\s*(?:x|ext\.?|extension)\s*\d+\s*$", re.IGNORECASE)
_BRACKETS = re.compile(r"\s*[(\[][^)\]]*[)\]]\s*")
_SKELETON = str.maketrans(
    {"c": "k", "q": "k", "z": "s", "v": "f", "d": "t", "b": "p", "g": "k", "j": "k"} | dict.fromkeys("aeiouyhw")
)
_HOUSEHOLD = frozenset({"family", "household", "residence", "home"})
_DROPPED = frozenset({"the", "and", "of", "a", "an"})


@dataclass(frozen=True, slots=True)
class Party:
    """One customer of either side; `key` names it in the answer, every other field may be ""."""

    key: str
    display_name: str = ""
    given_name: str = ""
    family_name: str = ""
    company_name: str = ""
    email: str = ""
    phone: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """One or two people of one surname ("John & Mary Smith" has two given names)."""

    given: tuple[str, ...]  # first given names, one for each person
    middle: str  # further given names of the first, "" when not written
    family: str  # "" when only a given name is known
    suffix: str  # "jr", "iii" ...


@dataclass(frozen=True, slots=True)
class Ready:
    """A party with everything that comparing needs, computed once."""

    party: Party
    name: str  # all words of the name in order, for counting and equality
    initials: str  # first letters of the name's words, sorted: the same for a name mistyped or turned round
    joined: str  # the same words as written, without spaces
    company: tuple[str, ...]  # telling words of the company, sorted; () for a person
    loose: tuple[str, ...]  # the words of a name that may be a company's too, though it reads like a person's
    person: Person | None
    contact: Person | None  # the person behind a company
    email: str  # "" when missing or a placeholder
    role_mail: bool
    phone: str
    street: Street
    postal: str
    city: str


def make_ready(party: Party) -> Ready:
    """Everything about one party that a comparison asks for."""
    display = _display(party)
    shown = words(display)
    told = party.company_name.strip()
    company, person, contact = _read_name(party, display, shown, told)
    email = normal_email(party.email)
    return Ready(
        party=party,
        name=" ".join(company) if company else " ".join(sorted(shown)),
        initials="".join(sorted({word[0] for word in company or shown})),
        joined="".join(company_words(words(told) if company and told else shown)),
        company=company,
        loose=company_core(shown) if person and not company and _may_be_company(person) else (),
        person=person,
        contact=contact,
        email=email,
        role_mail=bool(email) and email.partition("@")[0] in sections("mail")["role"],
        phone=normal_phone(party.phone),
        street=read_street(party.line1, party.line2),
        postal=postal_key(party.postal_code),
        city=fold(party.city).strip(),
    )


def _read_name(
    party: Party, display: str, shown: tuple[str, ...], told: str
) -> tuple[tuple[str, ...], Person | None, Person | None]:
    """The company's telling words, or the person; and who is behind a company."""
    if told:
        tokens = words(told)
        fields = _person_from_fields(party)
        if (fields is None or not _names_person(tokens, fields)) and not _same_as_display(tokens, shown):
            return company_core(tokens), None, fields or (None if is_company_name(shown) else read_person(display))
    if is_company_name(shown) and not _is_told_apart(shown, party):
        return company_core(shown), None, _person_from_fields(party)
    person = read_person(display) or _person_from_fields(party)
    return (), person, None


def _display(party: Party) -> str:
    display = party.display_name or party.company_name or f"{party.given_name} {party.family_name}"
    return _BRACKETS.sub(" ", display) if "(" in display else display


def person_behind(ready: Ready) -> Person | None:
    """The person, the contact of a company, or the person that a short name without legal form may be instead: a
    surname can be a word too ("I. Duty", "Mr. Cave", "The Cave Family")."""
    known = ready.person or ready.contact
    display = _display(ready.party)
    shown = words(display)
    if known or not 2 <= len(shown) <= 4 or split_legal_form(shown)[1]:
        return known
    return read_person(" ".join(shown[:-1]) if shown[-1] in _HOUSEHOLD else display)


def _is_told_apart(shown: tuple[str, ...], party: Party) -> bool:
    """The service keeps given name and surname apart and the name says no more: a person, however it reads, mistyped
    ones too; but a word of trade is one in any field."""
    if not party.given_name.strip() or not party.family_name.strip():
        return False
    told = words(f"{party.given_name} {party.family_name}")
    if sorted(told) != sorted(shown):
        return False
    return not split_legal_form(told)[1] and all(_sort_of(word) != "trade" for word in told)


def _same_as_display(tokens: tuple[str, ...], shown: tuple[str, ...]) -> bool:
    return tokens == shown and not is_company_name(tokens)


def _names_person(tokens: tuple[str, ...], person: Person) -> bool:
    return person.family in tokens and any(name in tokens for name in person.given) and len(tokens) <= 3


def _may_be_company(person: Person) -> bool:
    """No given name or no surname that we know: "Kauri Joinary" may be a mistyped firm, "Green Valley" a real one."""
    known = any(len(name) == 1 or name in given_names() for name in person.given)
    return not known or not looks_like_surname(person.family)


def _person_from_fields(party: Party) -> Person | None:
    given, family = party.given_name, party.family_name
    if not given.strip() or not family.strip():
        return None
    return read_person(f"{family.replace(',', ' ')}, {given.replace(',', ' ')}")


@lru_cache(maxsize=65536)
def _sort_of(word: str) -> str:
    kind = word_class(word)
    return "trade" if kind is Word.TRADE else "plain" if kind in (Word.PLAIN, Word.SMALL) else "name"


@lru_cache(maxsize=8192)
def is_company_name(tokens: tuple[str, ...]) -> bool:
    """Whether these words are rather a company's; quick, and kind to people: a doubtful name is read both ways."""
    if not tokens:
        return False
    core, form = split_legal_form(tokens)
    if form:
        return True
    plural = sections("business")["people_plural"]
    sorts = [_sort_of(word) for word in core]
    return "trade" in sorts or any(word in plural for word in core) or sorts.count("plain") >= 1


@lru_cache(maxsize=65536)
def standard_word(word: str) -> str:
    """One spelling of a company's word: abbreviations as agreed, without the s of a plural."""
    short = spellings("companies", "abbreviation").get(word, word)
    if short.endswith("ies") and len(short) > 5:
        return short[:-3] + "y"
    return short[:-1] if short.endswith("s") and not short.endswith("ss") and len(short) > 4 else short


def company_words(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """The words before the legal form, as written."""
    return split_legal_form(tokens)[0]


def company_core(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """The telling words of a company, in one spelling and sorted, without legal form and small words."""
    core, _ = split_legal_form(tokens)
    kept = {standard_word(word) for word in core if word not in _DROPPED}
    return tuple(sorted(kept)) or tuple(sorted(core))


@lru_cache(maxsize=8192)
def read_person(text: str) -> Person | None:
    """The person or couple of a name in any order of writing; None for words that are no such name."""
    lists = sections("people")
    family = ""
    if "," in text:
        left, _, right = text.partition(",")
        tail = words(right)
        if tail and tail[0] in lists["suffix"] and len(tail) == 1:
            text = f"{left} {right}"
        else:
            family, text = left, right
    tokens = [word for word in words(text) if word not in lists["title"]]
    suffix = ""
    while len(tokens) > 1 and tokens[-1] in lists["suffix"] - {"do", "am", "v"}:
        suffix = tokens.pop()
    if tokens[:1] == ["and"]:
        tokens = tokens[1:]
    if tokens[:1] == ["the"]:
        tokens = tokens[1:]
    if not tokens:
        return None
    if family:
        return _with_family(list(words(family)), _apart(tokens, text), suffix)
    return _without_comma(_apart(tokens, text) if len(tokens) > 1 and len(tokens[-1]) > 1 else tokens, suffix)


def _apart(tokens: list[str], text: str) -> list[str]:
    """Initials that were written in one, "J.A. Smith" and "JR Smith", as two words; "Jo Smith" stays."""
    lead = tokens[0]
    if len(lead) != 2 or lead in given_names():
        return tokens
    dotted = "." in text and f"{lead[0]}.{lead[1]}" in fold(text).replace(" ", "")
    return [*lead, *tokens[1:]] if dotted or not any(v in lead for v in "aeiouy") else tokens


def _with_family(family: list[str], tokens: list[str], suffix: str) -> Person | None:
    suffixes = sections("people")["suffix"]
    while len(family) > 1 and family[-1] in suffixes:
        suffix = family.pop()
    first, rest = _split_couple(tokens)
    given = tuple(part[0] for part in (first, rest) if part)
    return Person(given, " ".join(first[1:]), " ".join(family), suffix) if family else None


def _without_comma(tokens: list[str], suffix: str) -> Person | None:
    first, rest = _split_couple(tokens)
    particles = sections("people")["particle"]
    if rest and len(first) >= 1:
        family_at = _family_start(rest, particles)
        family = rest[family_at:] if len(rest) > 1 else (first[-1:] if len(first) > 1 else [])
        return Person((first[0], rest[0]), "", " ".join(family), suffix)
    if len(first) == 1:
        return Person((), "", first[0], suffix)
    at = _family_start(first, particles)
    return Person((first[0],), " ".join(first[1:at]), " ".join(first[at:]), suffix)


def _split_couple(tokens: list[str]) -> tuple[list[str], list[str]]:
    if "and" in tokens[1:-1]:
        at = tokens.index("and", 1)
        return tokens[:at], tokens[at + 1 :]
    return tokens, []


def _family_start(tokens: list[str], particles: frozenset[str]) -> int:
    at = len(tokens) - 1
    while at > 1 and tokens[at - 1] in particles and len(tokens[at - 1]) > 1:
        at -= 1
    return max(at, 1) if len(tokens) > 1 else 0


def normal_email(text: str) -> str:
    """The address as one mailbox knows it; "" for none, a broken one and a placeholder (M129)."""
    email = text.strip().casefold().removeprefix("mailto:")
    local, at, domain = email.rpartition("@")
    if not at or not local or "." not in domain or email.endswith(_PLACEHOLDER):
        return ""
    local = local.partition("+")[0] or local
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def normal_phone(text: str) -> str:
    """The last nine digits, which no country code or trunk zero touches; "" for what is too short or all one digit."""
    if not text:
        return ""
    digits = "".join(_DIGITS.findall(_EXTENSION.sub("", text)))[-9:]
    return digits if len(digits) >= 7 and len(set(digits)) > 1 else ""


@lru_cache(maxsize=65536)
def skeleton(word: str) -> str:
    """Consonants in groups that sound alike, doubles closed up: most typos and spellings keep it."""
    if not word:
        return ""
    body = word.replace("ph", "f").translate(_SKELETON)
    return "".join(letter for at, letter in enumerate(body) if at == 0 or body[at - 1] != letter)


def block_keys(ready: Ready, *, asking: bool) -> Iterator[str]:
    """Keys that two records of one customer are likely to share; sharing one proves nothing yet.

    `asking` is the side that looks things up: a person without given name asks all of the surname, while one with a
    given name asks only those of the surname who have none.
    """
    if ready.email:
        yield f"e{ready.email}"
    if ready.phone:
        yield f"p{ready.phone}"
    place = ready.postal or ready.city
    if ready.street.po_box and place:
        yield f"b{ready.street.po_box}|{place}"
    elif ready.street.number and ready.street.name:
        yield f"a{ready.street.number}|{ready.street.name.split(' ', 1)[0]}"
        if place:
            yield f"z{ready.street.number}|{place}"
    if ready.person is not None:
        yield from _person_keys(ready.person, asking)
    if ready.contact is not None:  # counts only when the whole name agrees, so it need not be looked for widely
        family = ready.contact.family
        yield from (f"s{skeleton(family) or family}|{given[0]}" for given in ready.contact.given)
    company = ready.company or ready.loose
    if company:
        yield f"j{''.join(company)}"
        yield from (f"c{word}" for word in company)
        yield from (f"k{skeleton(word)}" for word in company if len(word) > 3)


def _person_keys(person: Person, asking: bool) -> Iterator[str]:
    family = person.family
    if not person.given:
        yield f"{'f' if asking else 'n'}{family}"
        return
    for given in person.given:
        yield f"s{skeleton(family) or family}|{given[0]}"
        yield f"g{given}|{family[:1]}"
        for initial in sorted(nickname_initials(given)):
            yield f"s{skeleton(family) or family}|{initial}"  # "Bob" finds "Robert"
        if len(given) > 1 and family:
            yield f"s{skeleton(given) or given}|{family[0]}"  # written the other way round
    if person.middle:
        yield f"s{skeleton(family) or family}|{person.middle[0]}"  # called by the middle name
    yield f"{'n' if asking else 'f'}{family}"
