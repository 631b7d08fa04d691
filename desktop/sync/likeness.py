"""How alike two ready parties are, field by field. Each answer is a level: more agreement is a higher one."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from desktop.sync.names import family_share, given_names, looks_like_surname, same_given_name, surnames
from desktop.sync.parties import Person, Ready, person_behind, skeleton, standard_word
from desktop.sync.wordlists import sections


class Level(IntEnum):
    """Agreement of two names."""

    OTHER = 0  # two different names
    UNKNOWN = 1  # one side has none
    WEAK = 2  # one surname and other given names, or one rare word shared
    PARTIAL = 3  # agrees as far as written: an initial, a part missing, a doubtful typo
    STRONG = 4  # nickname, one typo, one of a couple, the parts in other order
    EXACT = 5


class Field(IntEnum):
    """Agreement of an e-mail, a phone or an address."""

    DIFFERS = -1
    MISSING = 0
    NEAR = 1  # an office's e-mail, a mistyped one, a postal code
    CLOSE = 2  # a street without its number, a house without its flat
    SAME = 3


@dataclass(frozen=True, slots=True)
class NameLikeness:
    level: Level
    note: str = ""  # which kind: "nickname", "typo" ... for the reason
    never_same: bool = False  # Jr against Sr, two branches: asked however much else agrees
    company: bool = False


_STRANGERS = NameLikeness(Level.OTHER)  # what most pairs are, made once
_FAMILY = NameLikeness(Level.WEAK, "family")
_STRANGE_COMPANY = NameLikeness(Level.OTHER, company=True)

_PAIRS = 16384  # pairs of words whose likeness is remembered: names and their neighbours come again and again


@lru_cache(maxsize=_PAIRS)
def is_typo(one: str, other: str) -> bool:
    """Whether two words are one word mistyped or otherwise spelt; short words need to be equal."""
    shorter = min(len(one), len(other))
    if shorter < 4 or abs(len(one) - len(other)) > 2 or (one[0] != other[0] and one[-1] != other[-1]):
        return False  # slips at both ends are another word
    distance = DamerauLevenshtein.distance(one, other, score_cutoff=2)
    if distance <= 1:
        return True
    return distance == 2 and shorter >= 6 and skeleton(one) == skeleton(other) or (distance == 2 and shorter >= 8)


def compare_names(ours: Ready, theirs: Ready, rarity: Callable[[str], float]) -> NameLikeness:
    """The best reading of both names. `rarity` of a word is 0.0 (everywhere) to 1.0 (here alone)."""
    if ours.name and ours.name == theirs.name:
        suffix = _suffixes_differ(ours.person, theirs.person)
        company = bool(ours.company)
        if not company and _is_surname_alone(ours.person):
            return NameLikeness(Level.PARTIAL, "surname", never_same=suffix)
        return NameLikeness(Level.EXACT, never_same=suffix, company=company)
    if ours.person and theirs.person and not (ours.company and theirs.company):
        likeness = compare_people(ours.person, theirs.person)  # the common case
    else:
        likeness = _compare_kinds(ours, theirs, rarity)
    if likeness.level < Level.STRONG and not likeness.never_same and _is_slip(ours, theirs):
        return NameLikeness(Level.STRONG, "typo", company=bool(ours.company or theirs.company))
    if likeness.level < Level.WEAK and (ours.company or theirs.company) and _same_contact(ours, theirs):
        one, other = person_behind(ours), person_behind(theirs)
        if one and other and (people := compare_people(one, other)).level >= Level.PARTIAL:
            return NameLikeness(Level.WEAK, people.note or "contact", never_same=True, company=True)
        if _is_named_after(theirs, one) or _is_named_after(ours, other):
            return NameLikeness(Level.WEAK, "owner", never_same=True, company=True)
    return likeness


def _is_named_after(firm: Ready, person: Person | None) -> bool:
    """ "Cave Plumbing" after "Jane Cave"."""
    if person is None or not person.family or not firm.company:
        return False
    if " " in person.family:
        return all(standard_word(word) in firm.company for word in person.family.split())
    return standard_word(person.family) in firm.company


def _same_contact(ours: Ready, theirs: Ready) -> bool:
    """Whether phone or e-mail agree; then a doubtful reading of a name is worth the owner's look."""
    return bool(ours.phone and ours.phone == theirs.phone or ours.email and ours.email == theirs.email)


def _is_surname_alone(person: Person | None) -> bool:
    """ "Mason" says little; a lone word that is nobody's name says as much as a company's does."""
    return (
        person is not None
        and not person.given
        and (looks_like_surname(person.family) or person.family in given_names())
    )


def _is_slip(ours: Ready, theirs: Ready) -> bool:
    """One slip in a long name, be it a lost space; not Eric for Erica, nor store 12 for 13."""
    one, other = ours.joined, theirs.joined
    size, longer = len(one), len(other)
    if not -2 < size - longer < 2:
        return False
    shorter = min(size, longer)
    if shorter < 8 or (one[0] != other[0] and one[-1] != other[-1]):
        return False
    if one != other and (shorter < 10 or DamerauLevenshtein.distance(one, other, score_cutoff=1) > 1):
        return False
    if [c for c in one if c.isdigit()] != [c for c in other if c.isdigit()]:
        return False
    if ours.person and theirs.person and ours.person.given and theirs.person.given:
        mine, others = ours.person.given[0], theirs.person.given[0]
        return mine == others or len(mine) > 1 < len(others) and not (mine in given_names() and others in given_names())
    return True


def _compare_kinds(ours: Ready, theirs: Ready, rarity: Callable[[str], float]) -> NameLikeness:
    if ours.company and theirs.company:
        return compare_companies(ours.company, theirs.company, rarity)
    if not ours.name or not theirs.name:
        return NameLikeness(Level.UNKNOWN)
    if (ours.company and theirs.loose) or (theirs.company and ours.loose):
        likeness = compare_companies(ours.company or ours.loose, theirs.company or theirs.loose, rarity)
        if likeness.level >= Level.STRONG:
            return likeness
    return _company_against_person(ours, theirs)


def _company_against_person(ours: Ready, theirs: Ready) -> NameLikeness:
    contact, person = (ours.contact, theirs.person) if ours.company else (theirs.contact, ours.person)
    if contact and person:
        likeness = compare_people(contact, person)
        if likeness.level >= Level.STRONG:
            return NameLikeness(Level.PARTIAL, "contact", never_same=True, company=True)
    firm = ours if ours.company else theirs
    company = firm.company
    if person and _is_named_after(firm, person):
        given = not person.given or standard_word(person.given[0]) in company
        return NameLikeness(
            Level.PARTIAL if given and person.given else Level.WEAK, "owner", never_same=True, company=True
        )
    return _STRANGE_COMPANY


def _suffixes_differ(one: Person | None, other: Person | None) -> bool:
    return one is not None and other is not None and one.suffix != other.suffix


def compare_people(one: Person, other: Person) -> NameLikeness:
    """Two people, or couples of which one person is enough."""
    likeness = _in_order(one, other)
    if likeness.level < Level.STRONG and _may_be_turned(one, other):
        turned = _in_order(Person((one.family,), "", one.given[0], one.suffix), other)
        if turned.level >= Level.STRONG and turned.level > likeness.level:
            return NameLikeness(Level.STRONG, "swapped", turned.never_same)
    if likeness.level >= Level.PARTIAL or len(one.family) > 2 < len(other.family):
        return likeness
    if _is_initials(one.family) or _is_initials(other.family):
        return max(likeness, _initial_last(one, other), _initial_last(other, one), key=lambda found: found.level)
    return likeness


def _is_initials(family: str) -> bool:
    """One letter where the surname should be, or two that are nobody's surname ("Smithers JA", not "Audrey Ng")."""
    return len(family) == 1 or len(family) == 2 and not family_share(family)


def _initial_last(one: Person, other: Person) -> NameLikeness:
    """ "Smithers J" and "Smithers J A" for "Jane Smithers", as lists have it; "Jane S" says less."""
    if not _is_initials(one.family) or len(one.given) != 1 or not other.given or not other.family:
        return _STRANGERS
    initials = [*one.middle.split(), *one.family]
    if all(len(initial) == 1 for initial in initials):
        turned = _in_order(Person((initials[0],), " ".join(initials[1:]), one.given[0], one.suffix), other)
        if turned.level >= Level.PARTIAL:
            return NameLikeness(Level.PARTIAL, turned.note, turned.never_same)
    if one.family == other.family[:1] and _given_level(one.given[0], other.given[0])[0] >= Level.STRONG:
        return NameLikeness(Level.WEAK, "surname initial")
    return _STRANGERS


def _may_be_turned(one: Person, other: Person) -> bool:
    """Whether it is worth reading one name the other way round: some first letter agrees then."""
    if not one.family or not other.family or len(one.given) != 1 or one.middle or not other.given:
        return False
    return one.given[0][0] == other.family[0] or one.family[0] == other.given[0][0]


def _in_order(one: Person, other: Person) -> NameLikeness:
    if not one.given and one.family in other.given or not other.given and other.family in one.given:
        return NameLikeness(Level.PARTIAL, "part")  # the given name alone
    family = Level.EXACT if one.family == other.family and one.family else _family_level(one.family, other.family)
    if family is Level.OTHER:
        return _STRANGERS
    if not one.given or not other.given:
        return NameLikeness(Level.PARTIAL if family is Level.EXACT else Level.WEAK, "part")
    given, note = _best_given(one, other)
    if given is Level.OTHER:
        return _FAMILY if family is Level.EXACT else _STRANGERS
    level = min(given, family)
    if given is Level.STRONG and family is Level.STRONG and note == "typo":
        level = Level.PARTIAL
    if _middles_differ(one.middle, other.middle):
        level, note = min(level, Level.PARTIAL), "middle"
    if level is Level.EXACT and len(one.given) != len(other.given):
        level, note = Level.STRONG, "couple"
    suffix = one.suffix != other.suffix and bool({one.suffix, other.suffix} & _GENERATIONS)
    return NameLikeness(level, note or ("typo" if family is Level.STRONG else ""), never_same=suffix)


_GENERATIONS = frozenset({"jr", "junior", "sr", "senior", "ii", "iii", "iv", "2nd", "3rd"})


@lru_cache(maxsize=_PAIRS)
def _family_level(one: str, other: str) -> Level:
    if one == other:
        return Level.EXACT if one else Level.UNKNOWN
    if not one or not other:
        return Level.PARTIAL
    if one.replace(" ", "") == other.replace(" ", ""):
        return Level.EXACT
    if is_typo(one, other):
        return Level.STRONG
    parts, others = one.split(), other.split()
    if (len(parts) > 1 or len(others) > 1) and (set(parts) & set(others)) - sections("people")["particle"]:
        return Level.STRONG
    return Level.OTHER


def _best_given(one: Person, other: Person) -> tuple[Level, str]:
    if not one.middle and not other.middle and len(one.given) == 1 == len(other.given):
        return _given_level(one.given[0], other.given[0])
    best, note = Level.OTHER, ""
    for mine in one.given:
        for theirs in other.given:
            level, how = _given_level(mine, theirs)
            if level > best:
                best, note = level, how
    if (
        best is Level.OTHER
        and one.middle
        and other.given
        and _given_level(one.middle, other.given[0])[0] is Level.EXACT
    ):
        return Level.STRONG, "middle name used"
    if (
        best is Level.OTHER
        and other.middle
        and one.given
        and _given_level(other.middle, one.given[0])[0] is Level.EXACT
    ):
        return Level.STRONG, "middle name used"
    return best, note


@lru_cache(maxsize=_PAIRS)
def _given_level(one: str, other: str) -> tuple[Level, str]:
    if one == other:
        return (Level.EXACT, "") if len(one) > 1 else (Level.PARTIAL, "initial")
    if len(one) == 1 or len(other) == 1:
        return (Level.PARTIAL, "initial") if one[0] == other[0] else (Level.OTHER, "")
    if same_given_name(one, other):
        return Level.STRONG, "nickname"
    both_known = one in given_names() and other in given_names()
    if both_known:
        return (
            (Level.PARTIAL, "sounds alike")
            if len(one) > 4 and skeleton(one) == skeleton(other) and JaroWinkler.similarity(one, other) > 0.93
            else (Level.OTHER, "")
        )
    if is_typo(one, other):
        return Level.STRONG, "typo"
    if (one.startswith(other) or other.startswith(one)) and min(len(one), len(other)) >= 3:
        return Level.STRONG, "nickname"
    return Level.OTHER, ""


def _middles_differ(one: str, other: str) -> bool:
    if not one or not other:
        return False
    return one[0] != other[0] or (len(one) > 1 and len(other) > 1 and one != other and not is_typo(one, other))


def compare_companies(one: tuple[str, ...], other: tuple[str, ...], rarity: Callable[[str], float]) -> NameLikeness:
    """Two companies by their telling words; a differing number or place makes two branches."""
    if one == other or "".join(one) == "".join(other):
        return NameLikeness(Level.EXACT, company=True)
    ours, others = set(one), set(other)
    mine, theirs, both = ours - others, others - ours, ours & others
    typos = _pair_typos(mine, theirs)
    generic = sections("companies")["generic"]
    mine, theirs = mine - generic, theirs - generic
    telling = [word for word in both if word not in generic]
    branch = any(_names_branch(word) for word in mine | theirs)
    if not mine and not theirs and len(telling) == 1 and not typos and _is_surname(telling[0]):
        return NameLikeness(Level.PARTIAL, "part", company=True)  # "Williams" against "Williams Group"
    if not mine and not theirs and (telling or typos):
        return NameLikeness(Level.STRONG, "typo" if typos else "form", company=True)
    if mine and theirs:
        shared = sum(rarity(word) for word in telling) + typos
        rest = sum(rarity(word) for word in mine | theirs)
        if branch and shared and len(mine) == len(theirs) == 1:
            return NameLikeness(Level.PARTIAL, "branch", never_same=True, company=True)
        return NameLikeness(Level.WEAK if shared > 0.6 and shared > rest * 0.5 else Level.OTHER, "word", company=True)
    if not telling and not typos:
        return NameLikeness(Level.OTHER, company=True)
    return NameLikeness(Level.PARTIAL, "branch" if branch else "part", never_same=branch, company=True)


def _is_surname(word: str) -> bool:
    return word in surnames() or f"{word}s" in surnames()  # company words have lost their plural s


def _pair_typos(mine: set[str], theirs: set[str]) -> int:
    count = 0
    for word in sorted(mine):
        twin = next((other for other in sorted(theirs) if is_typo(word, other) and not word.isdigit()), None)
        if twin is not None:
            mine.discard(word)
            theirs.discard(twin)
            count += 1
    return count


@lru_cache(maxsize=4096)
def _names_branch(word: str) -> bool:
    """Whether a word that only one side has tells branches apart: a number, a place, a direction."""
    lists = sections("companies")
    places = sections("common_words")["place"] | lists["branch"]
    return word.isdigit() or word in places or f"{word}s" in places


def compare_streets(ours: Ready, theirs: Ready) -> Field:
    """Two addresses: SAME to the flat, NEAR without it or by postal code alone."""
    one, other = ours.street, theirs.street
    place = _places_agree(ours, theirs)
    if not one.is_known or not other.is_known:
        if place is Field.DIFFERS:
            return Field.DIFFERS
        return Field.NEAR if ours.postal and ours.postal == theirs.postal else Field.MISSING
    if place is Field.DIFFERS or one.po_box != other.po_box:
        return Field.DIFFERS
    if one.number != other.number and one.number and other.number:
        return Field.DIFFERS
    if not one.po_box and not _same_street(one.name, other.name):
        return Field.DIFFERS
    if one.unit != other.unit and one.unit and other.unit:
        return Field.DIFFERS
    return Field.SAME if one.unit == other.unit and one.number == other.number else Field.CLOSE


def _same_street(one: str, other: str) -> bool:
    if one == other or one.replace(" ", "") == other.replace(" ", ""):
        return True
    mine, theirs = one.split(), other.split()
    if set(mine) <= set(theirs) or set(theirs) <= set(mine):
        return bool(mine and theirs)
    if len(one) >= 8 and DamerauLevenshtein.distance("".join(mine), "".join(theirs), score_cutoff=2) <= 2:
        return True
    return DamerauLevenshtein.distance(one, other, score_cutoff=2) <= (2 if len(one) >= 9 else 1)


def _places_agree(ours: Ready, theirs: Ready) -> Field:
    if ours.postal and theirs.postal:
        if ours.postal == theirs.postal or is_typo(ours.postal, theirs.postal):
            return Field.SAME
        same_city = ours.city and ours.city == theirs.city
        return Field.SAME if same_city else Field.DIFFERS
    if ours.city and theirs.city:
        return Field.SAME if ours.city == theirs.city or is_typo(ours.city, theirs.city) else Field.DIFFERS
    return Field.MISSING
