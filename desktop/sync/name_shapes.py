"""Is this the name of a person or of a company? Weighs the words of one name and says why."""

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import cache, lru_cache

from rapidfuzz.distance import DamerauLevenshtein

from desktop.sync.addresses import is_street_address
from desktop.sync.names import (
    family_share,
    frequent_surnames,
    given_names,
    given_share,
    legal_forms,
    looks_like_surname,
    phrases_in,
    split_legal_form,
    strip_affixes,
    surnames,
    words,
)
from desktop.sync.wordlists import sections
from desktop.text import tr

_POSSESSIVE = re.compile(r"\w{2,}['’]s\b|\w{2,}s['’](?=\s|$)", re.IGNORECASE)
_BY_SOMEBODY = re.compile(r"\w\s+by\s+\w", re.IGNORECASE)
_WEB = re.compile(r"\w\.(?:com|net|org|co\.uk|com\.au|co\.nz|ca|ie|io)\b|\bwww\.", re.IGNORECASE)
_CAMEL = re.compile(r"\b(?!Mc|Mac|De|Di|Du|La|Le|Van|Von|Fitz|O['’]|D['’]|St)[A-Z][a-z]+[A-Z][a-z]+")
_ACRONYM = re.compile(r"(?<![\w.])(?:[A-Z]{2,5}|[A-Z]&[A-Z]|[A-Z]\d)(?![\w.])")
_N_JOINED = re.compile(r"(?<=[a-z\s])['’][nN]['’]?(?=\s|[A-Z])|(?<=\w)['’]N\s|\s['’]?[nN]['’]\s")
_SLASH = re.compile(r"[^\W\d_]/[^\W\d_]")
_BRACKETS = re.compile(r"\s*[(\[{][^)\]}]*[)\]}]\s*")
_TRADING_AS = re.compile(r"^.*?\b(?:d/?b/?a|t/a|trading as|doing business as)\b[:.]?\s*", re.IGNORECASE)
_HOUSEHOLD_TAILS = ("residence", "household", "family", "home", "homeowner", "homeowners", "property owner")
_MIN_COMPOUND = 4
_WELL_KNOWN = 100  # bearers in a million that make a name one before it is another word
_HARDLY_CALLED = 30  # so many times more often a family name than a given one: no given name
_FEW_CALLED = 5  # a family name may be used as a given name so often and two of them still be partners
_RATHER_RARE = 15  # bearers in a million that make a word of trade possible as a family name
_MIN_SLIP = 8  # letters of a trade word that may be mistyped and still be known
# Two syllables of romanised Chinese ("Xiaoming", "Jianying").
_PINYIN = re.compile(r"(?:(?:[zcs]h|[bpmfdtnlgkhjqxrzcswy])[iu]?(?:ai|ei|ao|ou|[aeiou](?:ng?)?)){2}")


class Word(Enum):
    """What one word of a name can be, the strongest reading first."""

    TRADE = "trade"  # a word of business that nobody is called by
    PLAIN = "plain"  # an English word that nobody is called by
    INITIAL = "initial"
    GIVEN = "given"  # a given name, perhaps a family name too
    FAMILY = "family"
    SMALL = "small"  # of, for, the
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Weighing:
    """Points for a person and for a company, with the reasons in words, strongest first when read."""

    person: float = 0.0
    company: float = 0.0
    reasons: list[tuple[float, bool, str]] = field(default_factory=list)  # points, for a company?, words

    def for_person(self, points: float, reason: str) -> None:
        self.person += points
        self.reasons.append((points, False, reason))

    def for_company(self, points: float, reason: str) -> None:
        self.company += points
        self.reasons.append((points, True, reason))


@cache
def plain_words() -> frozenset[str]:
    """English words that made-up names consist of."""
    lists = sections("common_words")
    return lists["adjective"] | lists["noun"] | lists["place"] | lists["word"] | lists["basic"] | lists["more"]


@cache
def business_phrases() -> frozenset[str]:
    """Business words that are several words."""
    return frozenset(word for word in business_words() if " " in word)


@cache
def business_words() -> frozenset[str]:
    """Words of trades, shops and offices."""
    lists = sections("business")
    parts = ("trade", "commerce", "institution", "profession", "makes", "foreign", "abbreviation")
    return frozenset().union(*(lists[part] for part in parts))


@lru_cache(maxsize=65536)
def word_class(word: str) -> Word:
    """The reading of one folded word that the name around it should start from."""
    if len(word) == 1 and word.isalpha():
        return Word.INITIAL
    if word in sections("people")["small"]:
        return Word.SMALL
    if word in given_names():
        return Word.GIVEN
    if word in surnames():
        return Word.FAMILY
    if word in business_words():
        return Word.TRADE
    if word in plain_words() or _singular(word) in plain_words():
        return Word.PLAIN
    if _singular(word) in business_words():
        return Word.TRADE
    if given_share(word):
        return Word.GIVEN
    if family_share(word):
        return Word.FAMILY
    if _is_english(word) and not word.startswith(("mc", "mac")):
        return Word.PLAIN
    if _is_misspelt_trade(word):
        return Word.TRADE
    if looks_like_surname(word):
        return Word.FAMILY
    return Word.PLAIN if _is_made_up(word) else Word.UNKNOWN


def _is_misspelt_trade(word: str) -> bool:
    """ "Nailz" and "Kutz" on purpose, "photgraphy" by a slip; only long words may have a slip."""
    if word.endswith("z") and len(word) >= 4 and f"{word[:-1]}s" in business_words() | plain_words():
        return True
    if len(word) < _MIN_SLIP:
        return False
    near = {trade for shorter in (word, *_shortened(word)) for trade in _trades_by_slip().get(shorter, ())}
    return any(DamerauLevenshtein.distance(word, trade, score_cutoff=1) <= 1 for trade in near)


@cache
def _trades_by_slip() -> dict[str, tuple[str, ...]]:
    """Each long word of trade under itself and under all that is left of it when one letter is lost."""
    found: dict[str, tuple[str, ...]] = {}
    for trade in sorted(business_words() | sections("building")["sure"]):
        if len(trade) >= _MIN_SLIP and " " not in trade:
            for shorter in {trade, *_shortened(trade)}:
                found[shorter] = (*found.get(shorter, ()), trade)
    return found


def _shortened(word: str) -> set[str]:
    return {word[:at] + word[at + 1 :] for at in range(len(word))}


def _is_english(word: str) -> bool:
    """An unlisted word with the ending of a plain one: "wagging", "salvation"; but "Xiaoming" is a name."""
    if word.endswith("ing") and len(word) >= 6 and any(letter in "aeiouy" for letter in word[:-3]):
        if _PINYIN.fullmatch(word):
            return False
        return not word.endswith(("ling", "ting")) or len(word) >= 8
    return len(word) >= 7 and any(word.endswith(end) for end in sections("people")["english_end"])


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 5:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 4 else word


def _is_made_up(word: str) -> bool:
    """An unlisted word glued from English ones ("brightsmile"), or with the ending of a trade name ("medtech")."""
    if any(word.endswith(end) and len(word) >= len(end) + 3 for end in sections("people")["business_end"]):
        return True
    vocabulary = plain_words() | business_words()
    return any(
        word[:cut] in vocabulary and word[cut:] in vocabulary
        for cut in range(_MIN_COMPOUND, len(word) - _MIN_COMPOUND + 1)
    )


@lru_cache(maxsize=65536)
def is_plain(word: str) -> bool:
    """Whether the word is English, whatever else it may be; "will" before a surname is a name first."""
    if word in sections("common_words")["basic"] and (word in given_names() or word in frequent_surnames()):
        return False
    if word in sections("common_words")["place"] and given_share(word) >= _WELL_KNOWN and not _is_thing(word):
        return False  # "Gary" and "Charlotte" are people before they are towns
    return word in plain_words() or word in business_words()


def _is_thing(word: str) -> bool:
    lists = sections("common_words")
    return word in lists["noun"] or word in lists["adjective"] or word in lists["word"] or word in lists["more"]


def weigh_name(text: str) -> Weighing:
    """Everything that one name says about who bears it; an empty name says nothing."""
    found = Weighing()
    text = _TRADING_AS.sub("", _BRACKETS.sub(" ", text)).strip(" ,-").lstrip(".")
    tokens = words(text)
    if not tokens or _weigh_household(text, tokens, found):
        return found
    core, form = split_legal_form(tokens)
    if form or _has_inner_form(tokens):
        found.for_company(6.0, tr("Name ends in {form}", form=form.upper() or _has_inner_form(tokens).upper()))
    _weigh_marks(text, core, found)
    if is_street_address(text):
        found.for_person(2.0, tr("Name is a street address"))
        return found
    _weigh_phrases(core, found)
    if "," in text and _weigh_comma(text, found):
        return found
    if "and" in core[1:]:
        _weigh_joined(core, found)
    elif _is_double_surname(text, core):
        found.for_person(3.0, tr("Given name and surname"))
    elif not _weigh_hyphened(text, core, found):
        _weigh_row(core, found)
    return found


def _is_double_surname(text: str, core: tuple[str, ...]) -> bool:
    """ "Mariannette Miller-Meeks": one word, and two joined by a hyphen that are family names."""
    parts = text.split()
    if len(parts) != 2 or len(core) != 3 or "-" not in parts[1] or "-" in parts[0] or len(core[0]) == 1:
        return False
    if word_class(core[0]) not in (Word.GIVEN, Word.UNKNOWN, Word.FAMILY) or is_plain(core[0]):
        return False
    return all(word_class(word) in (Word.FAMILY, Word.GIVEN, Word.UNKNOWN) and not is_plain(word) for word in core[1:])


def _has_inner_form(tokens: tuple[str, ...]) -> str:
    sure = legal_forms() & {"llc", "inc", "incorporated", "ltd", "llp", "pllc", "plc", "pty", "gmbh", "ulc", "ltee"}
    return next((word for word in tokens[1:] if word in sure), "")


def _weigh_household(text: str, tokens: tuple[str, ...], found: Weighing) -> bool:
    """Names of a home: "The Andersons", "The Smith Family", "Estate of Ann Lee", "Baker Residence"."""
    joined = " ".join(tokens)
    said = f" {joined} ".replace(" real estate of ", " ")
    if any(f" {phrase} " in said for phrase in sections("legal_forms")["trust"]):
        found.for_person(5.0, tr("Name of a family's trust or estate"))
        return True
    if joined.startswith(("mr and mrs ", "mr and ms ", "mrs and mr ", "dr and mrs ", "mr and mr ", "mrs and mrs ")):
        found.for_person(6.0, tr("Name of a couple"))
        return True
    core = tokens[1:] if tokens[0] == "the" else tokens
    if len(core) >= 2 and core[-1] in _HOUSEHOLD_TAILS and core[-1] not in ("home",):
        named = [word for word in core[:-1] if word != "and"]
        if all(word_class(word) not in (Word.TRADE, Word.PLAIN, Word.SMALL) for word in named):
            found.for_person(5.0, tr("Name of a household"))
            return True
    if tokens[0] == "the" and len(core) == 1 and core[0].endswith("s") and not is_plain(core[0]):
        root = core[0][:-2] if core[0].endswith("es") and core[0][:-2] in surnames() else core[0][:-1]
        if word_class(root) in (Word.FAMILY, Word.GIVEN, Word.UNKNOWN) and (root in surnames() or not is_plain(root)):
            found.for_person(4.0, tr("Name of a family"))
            return True
    return False


def _weigh_marks(text: str, core: tuple[str, ...], found: Weighing) -> None:
    """What can be seen without reading the words: "'s", digits, capitals, a web address."""
    own = _POSSESSIVE.search(text)
    if own:
        last = own.end() == len(text) and not text.casefold().startswith("the ")  # "Harry Ramsden's"
        found.for_company(5.0 if last else 3.0, tr("Possessive name “{word}”", word=own.group()))
    elif "," not in text and _is_bare_possessive(core):
        found.for_company(3.0, tr("Possessive name “{word}”", word=core[0].title()))
    if _BY_SOMEBODY.search(text):
        found.for_company(3.0, tr("'by' somebody"))
    if _WEB.search(text):
        found.for_company(4.0, tr("Name is a web address"))
    if _N_JOINED.search(text):
        found.for_company(3.5, tr("Worded like a company"))  # "Eat'n Park"
    if _SLASH.search(text) and not _is_couple_by_slash(text):
        found.for_company(2.5, tr("Worded like a company"))
    camel = _CAMEL.search(text)
    if camel and not _is_word_of_names(camel.group()):
        found.for_company(2.5, tr("Brand spelling “{word}”", word=camel.group()))
    if any(digit.isdigit() for digit in text) and not is_street_address(text) and not _ordinal_suffix(core):
        found.for_company(2.0, tr("Number in the name"))
    if not text.isupper() or len(core) == 1:
        short = _ACRONYM.search(text)
        if short and not _is_word_of_names(short.group()) and not _initials(text, short, core):
            points = 5.0 if "&" in short.group() else 3.2 if len(core) > 1 and len(short.group()) > 2 else 1.7
            found.for_company(points, tr("Short form “{word}”", word=short.group()))


def _is_couple_by_slash(text: str) -> bool:
    """ "Liz/Mark Donnelly"; also the "c/o" of a letter."""
    return all(
        part and (part[0] in given_names() or part[-1] in given_names() or part[-1:] == ("c",))
        for part in map(words, text.split("/")[:-1])
    )


def _is_bare_possessive(core: tuple[str, ...]) -> bool:
    """ "Mikes Garage", "Rudys Kismet": a given name with the s of an owner, and nobody's family name."""
    first = core[0]
    if len(core) < 2 or len(first) < 5 or not first.endswith("s") or first.endswith("ss"):
        return False
    return first[:-1] in given_names() and first not in given_names() and not looks_like_surname(first)


def _is_word_of_names(text: str) -> bool:
    word = words(text)[0]
    return word in given_names() or word in surnames() or word in legal_forms()


def _ordinal_suffix(core: tuple[str, ...]) -> bool:
    return bool(core) and core[-1] in sections("people")["suffix"]


def _initials(text: str, short: re.Match[str], core: tuple[str, ...]) -> bool:
    """ "JR Smith" and "Tom Baker MD" are people; "ABC Smith" hardly."""
    if words(short.group())[0] in sections("people")["suffix"] | sections("people")["title"]:
        return True
    letters = short.group()
    if short.start() > 0:
        return False
    return (
        letters.isalpha()
        and len(letters) == 2
        and len(core) == 2
        and word_class(core[-1]) in (Word.FAMILY, Word.UNKNOWN)
    )


def _weigh_phrases(core: tuple[str, ...], found: Weighing) -> None:
    if " ".join(core) in sections("known_companies")["business"]:
        found.for_company(6.0, tr("A well-known company"))
    for phrase in phrases_in(core, business_phrases()):
        found.for_company(2.5, tr("Business words “{word}”", word=phrase))
        return


def _weigh_comma(text: str, found: Weighing) -> bool:
    """ "Baker, Tom" and "Mason, John & Mary"; True when the comma settled how the name is to be read."""
    parts = [strip_affixes(words(part)) for part in text.split(",")]
    parts = [part for part in parts if part and part[0] not in sections("people")["suffix"]]
    if len(parts) == 1:
        _weigh_row(parts[0], found)
        return True
    if len(parts) != 2 or len(parts[0]) > 3:
        if len(parts) > 2 and not any(word_class(word) is Word.GIVEN for part in parts for word in part[:1]):
            found.for_company(2.5, tr("A list of partners"))
        return False
    family, given = parts
    nicknamed = len(given) == 1 and given[0] in sections("people")["nick_words"] and not is_plain(family[-1])
    if nicknamed and word_class(family[-1]) in (Word.FAMILY, Word.UNKNOWN):
        found.for_person(3.0, tr("Written as “surname, given name”"))  # "Nichols, Art"
        return True
    if any(word_class(word) in (Word.TRADE, Word.SMALL) for word in (*family, *given)):
        return False
    first = word_class(given[0])
    if "and" in given and not _are_people(given):
        found.for_company(2.5, tr("A list of partners"))
        return True
    if first in (Word.INITIAL, Word.GIVEN) or given[0] in given_names():
        found.for_person(5.0, tr("Written as “surname, given name”"))
        return True
    if first in (Word.UNKNOWN, Word.FAMILY) and all(word_class(word) is not Word.PLAIN for word in family):
        found.for_person(2.5, tr("Written as “surname, given name”"))
        return True
    return False


def _are_people(given: tuple[str, ...]) -> bool:
    at = given.index("and")
    if len(given) == 3:  # "Lee, Nelson and Mason" are partners, "Mason, John & Mary" a couple
        called = given_share(given[0]) * given_share(given[2])
        if family_share(given[0]) * family_share(given[2]) * _FEW_CALLED > called:
            return False
    parts = [part[0] for part in (given[:at], given[at + 1 :]) if part]
    known = [_can_start(word) for word in parts]
    return all(known) or any(known) and all(_could_be_called(word) for word in parts)


def _weigh_joined(core: tuple[str, ...], found: Weighing) -> None:
    """Names with "and": couples ("Mary & John Mason") against firms ("Smith & Sons", "Jones & Brown")."""
    at = core.index("and", 1)
    left, right = strip_affixes(core[:at]), strip_affixes(core[at + 1 :])
    if not right:
        _weigh_row(left, found)
        return
    if right[0] in sections("business")["people_plural"]:
        found.for_company(4.5, tr("Firm: “& {word}”", word=right[0].title()))
        return
    if _count(left + right, Word.TRADE) or "and" in right:
        _weigh_words(left + right, found)
        return
    if len(left[0]) == 1 == len(right[0]) == len(left) and len(right) > 1 and not _is_family(right[1:]):
        found.for_company(2.5, tr("Initials joined, like a firm"))
        _weigh_words(right[1:], found)
        return
    both_given = _can_start(left[0]) and _can_start(right[0])
    if len(left) == 1 and len(right) == 2 and (_can_start(left[0]) or _can_start(right[0])):
        both_given = _could_be_called(left[0]) and _could_be_called(right[0])  # "Billy & Debera Ging"
    if both_given and len(right) >= 2 and len(right) <= 4:
        found.for_person(4.5, tr("Two people: “{name}”", name=" ".join(core).title()))
    elif both_given and len(left) == 2:
        found.for_person(3.5, tr("Two people: “{name}”", name=" ".join(core).title()))
    elif both_given and len(left) == 1 and len(right) == 1:
        plain = is_plain(left[0]) and is_plain(right[0])
        if plain or (left[0] in surnames() and right[0] in surnames()):
            found.for_company(0.7, tr("Two names joined"))
        else:
            found.for_person(2.5, tr("Two given names"))
    elif _count(left + right, Word.PLAIN):
        _weigh_words(left + right, found)
    elif len(right) <= 2 and (len(left) <= 2 or not _can_start(left[0]) or len(right) == 1):
        found.for_company(2.5, tr("Family names joined, like a firm"))


def _is_family(tail: tuple[str, ...]) -> bool:
    """Whether the words after "J & C" are a family name: one word that can be one, whatever particles precede."""
    body = [word for word in tail if word not in sections("people")["particle"]] or list(tail)
    return len(body) == 1 and (body[0] in surnames() or word_class(body[0]) not in (Word.TRADE, Word.PLAIN))


def _can_start(word: str) -> bool:
    if word in given_names() or (len(word) == 1 and word.isalpha()):
        return True
    return given_share(word) > 0 and given_share(word) * _FEW_CALLED >= family_share(word)


def _could_be_called(word: str) -> bool:
    """Whether a word beside a given name may be one too: it is, we know nothing of it, or it is a rare family name."""
    reading = word_class(word)
    return _can_start(word) or reading is Word.UNKNOWN or (reading is Word.FAMILY and family_share(word) < _WELL_KNOWN)


def _count(tokens: tuple[str, ...], kind: Word) -> int:
    return sum(word_class(word) is kind for word in tokens)


def _weigh_words(tokens: tuple[str, ...], found: Weighing) -> None:
    trade = [word for word in tokens if word_class(word) is Word.TRADE]
    plain = [word for word in tokens if word_class(word) is Word.PLAIN]
    if trade:
        shown = ", ".join(f"“{word.title()}”" for word in trade)
        found.for_company(3.5 + 0.5 * (len(trade) - 1), tr("Business words: {words}", words=shown))
    if plain:
        shown = ", ".join(f"“{word.title()}”" for word in plain)
        found.for_company(2.0 + 0.5 * (len(plain) - 1), tr("Made-up name: {words}", words=shown))


def _weigh_row(core: tuple[str, ...], found: Weighing) -> None:
    """Words without comma or "and"."""
    titled = core[:1] and core[0] in sections("people")["title"] and len(core) > 1
    body = strip_affixes(core)
    named = len(body) > 1 or body[0] in surnames() or word_class(body[0]) in (Word.UNKNOWN, Word.FAMILY)
    if titled and named and not any(word_class(word) in (Word.TRADE, Word.SMALL) for word in body):
        found.for_person(4.0, tr("Title “{word}”", word=core[0].title()))
        return
    particles = sections("people")["particle"]
    small = [word for word in body[1:] if word in sections("people")["small"] and word not in particles]
    if body[0] == "the" or small:
        found.for_company(2.5, tr("Worded like a company"))
        _weigh_words(tuple(word for word in body if word not in sections("people")["small"]), found)
        return
    if body[0] in ("st", "saint", "ste") and len(body) > 1:
        found.for_company(3.0, tr("Named after a saint"))
        return
    names = tuple(word for word in body if word not in particles or len(body) == 1)
    if not names:
        return
    if _is_nicknamed(names):
        found.for_person(2.0, tr("Given name and surname"))  # "Art Vandelay", "Red Barrett"
        return
    if _count(names, Word.TRADE) and not _is_called_like_a_trade(names):
        _weigh_words(names, found)
        return
    if _weigh_article(body, names, found):
        return
    if len(body) > len(names) and _count(names, Word.PLAIN) == 0:
        found.for_person(1.0, tr("Name particle"))
    if len(names) == 1:
        _weigh_single(names[0], found)
    elif len(names) == 2:
        _weigh_pair(names[0], names[1], found)
    else:
        _weigh_long(names, found)


def _is_called_like_a_trade(names: tuple[str, ...]) -> bool:
    """ "Charles Flowers", "Lisa Crafts": a word of trade that people are called by, behind a given name that is
    nothing else."""
    if names[-1] in sections("business")["people_plural"]:
        return False
    if len(names) != 2 or is_plain(names[0]) or given_share(names[0]) < max(_WELL_KNOWN, family_share(names[0])):
        return False
    return family_share(names[1]) >= _RATHER_RARE


def _is_nicknamed(names: tuple[str, ...]) -> bool:
    if len(names) != 2 or names[0] not in sections("people")["nick_words"]:
        return False
    return not is_plain(names[1]) and word_class(names[1]) in (Word.FAMILY, Word.UNKNOWN)


def _weigh_article(body: tuple[str, ...], names: tuple[str, ...], found: Weighing) -> bool:
    """ "El Charro" and "Chez Panisse" against "Le Minh" and "De la Cruz"."""
    if body[0] not in sections("people")["article"] or len(body) < 2:
        return False
    rest = body[1:]
    if any(word in given_names() or (word in surnames() and not is_plain(word)) for word in rest):
        return False
    found.for_company(2.0, tr("Named with the article “{word}”", word=body[0].title()))
    return True


def _weigh_hyphened(text: str, names: tuple[str, ...], found: Weighing) -> bool:
    """ "Smith-Jones" with nothing else is a firm's name more often than a person's; "U-Haul" always."""
    if " " in text or "-" not in text or len(names) != 2:
        return False
    if len(names[0]) == 1:
        found.for_company(2.0, tr("A single word that is nobody's name we know"))
        return True
    if names[0] in given_names() and names[1] in given_names() and names[1] not in surnames():
        return False
    found.for_company(0.8, tr("Family names joined, like a firm"))
    return True


def _weigh_single(word: str, found: Weighing) -> None:
    reading = word_class(word)
    known = word in given_names() or word in surnames() or given_share(word) + family_share(word) >= _WELL_KNOWN
    if known and reading in (Word.GIVEN, Word.FAMILY) and (not is_plain(word) or word in given_names()):
        found.for_person(1.2, tr("A single name of a person"))
    elif is_plain(word) or reading is Word.PLAIN:
        found.for_company(2.0, tr("Made-up name: {words}", words=f"“{word.title()}”"))
    elif word.isascii():
        found.for_company(0.4, tr("A single word that is nobody's name we know"))
    else:
        found.for_person(0.3, tr("A name in letters that we have no list of"))


def _weigh_pair(first: str, last: str, found: Weighing) -> None:
    """Two words: the hard part, as "Alan Church" is a man and "Grace Church" a church."""
    one, two = word_class(first), word_class(last)
    person = tr("Given name and surname")
    made_up = tr("Made-up name: {words}", words=f"“{first.title()} {last.title()}”")
    if (
        (one is Word.INITIAL or (len(first) == 2 and not _has_vowel(first)))
        and is_plain(last)
        and two is not Word.FAMILY
    ):
        if family_share(last):
            found.for_person(1.0, tr("Initial and surname"))  # "T. J. Beam"
        else:
            found.for_company(1.0, made_up)  # "C Spire"
    elif last in business_words() and last not in frequent_surnames() and len(first) <= 2 and one is not Word.GIVEN:
        found.for_company(1.0, made_up)  # "GT Bank"
    elif one is Word.INITIAL or (len(first) == 2 and not _has_vowel(first) and two in (Word.FAMILY, Word.UNKNOWN)):
        found.for_person(3.0, tr("Initial and surname"))
    elif one is Word.GIVEN and two is Word.GIVEN:
        found.for_person(2.0 if is_plain(first) and is_plain(last) else 4.0, person)
    elif one is Word.GIVEN and two is Word.INITIAL:
        found.for_person(3.0, person)
    elif one is Word.GIVEN and two is Word.FAMILY:
        _weigh_given_family(first, last, person, made_up, found)
    elif one is Word.GIVEN and two is Word.UNKNOWN:
        found.for_person(1.5 if is_plain(first) else 3.0, person)
    elif one is Word.GIVEN and two is Word.TRADE:
        found.for_person(1.0, person)
    elif one is Word.GIVEN:  # "Amber Horizon", "Tom Stallion", "Gary Blue"
        if is_plain(first):
            found.for_company(1.5, made_up)
        elif family_share(last) and given_share(first) >= _WELL_KNOWN:
            found.for_person(1.5, person)
        elif family_share(first) > given_share(first):
            found.for_company(0.4, made_up)
        else:
            found.for_person(0.5, person)
    elif one is Word.FAMILY and two is Word.GIVEN:
        found.for_person(1.0 if is_plain(first) and is_plain(last) else 2.5, tr("Reads like surname and given name"))
    elif one is Word.FAMILY and two is Word.FAMILY:
        _weigh_two_families(first, last, made_up, person, found)
    elif one is Word.FAMILY and two is Word.UNKNOWN:
        if is_plain(first) and last.endswith("s"):
            found.for_company(0.6, made_up)
        else:
            found.for_person(0.5 if is_plain(first) else 1.5, person)
    elif one is Word.PLAIN and given_share(first) and two is Word.FAMILY and not is_plain(last):
        found.for_person(0.8, person)  # "Montana Webb"
    elif one is Word.PLAIN:
        found.for_company(1.0 if two in (Word.GIVEN, Word.UNKNOWN) else 2.0, made_up)
    elif two is Word.PLAIN:
        found.for_company(2.0, made_up)
    elif one is Word.UNKNOWN and two is Word.FAMILY:
        if last in business_words():
            found.for_company(1.0, made_up)
        else:
            rather_word = last in sections("people")["rather_word"]
            found.for_person(3.0 if not is_plain(last) else 1.5 if last in frequent_surnames() else 0.4, person)
            if rather_word:
                found.for_company(1.5, made_up)  # "Halibut House"
    elif one is Word.UNKNOWN and two is Word.GIVEN:
        found.for_person(2.0, person)
    elif one is Word.UNKNOWN and two is Word.UNKNOWN:
        found.for_person(1.2, tr("Two names that we do not know"))


def _weigh_given_family(first: str, last: str, person: str, made_up: str, found: Weighing) -> None:
    if first in sections("people")["virtue"] and last in business_words():
        found.for_company(2.0, made_up)
    elif is_plain(first) and is_plain(last):
        if last in frequent_surnames():
            found.for_person(0.8, person)  # "Hazel Brooks"
        elif given_share(first) >= _WELL_KNOWN and family_share(last) >= _WELL_KNOWN:
            found.for_person(0.4, person)  # "Lily Wall"
        else:
            found.for_company(0.4, made_up)  # "Rose Garden"
    elif last in business_words() and family_share(first) > _HARDLY_CALLED * given_share(first):
        found.for_company(1.0, made_up)  # "Smith Church"
    elif last in business_words() and first in surnames():
        found.for_person(1.0, person)  # "Taylor Bank", "Austin Law"
    else:
        found.for_person(3.0 if is_plain(last) else 4.0, person)


def _weigh_two_families(first: str, last: str, made_up: str, person: str, found: Weighing) -> None:
    if last in business_words():
        found.for_company(2.0, made_up)  # "Johnson Law"
    elif is_plain(first) and is_plain(last):
        found.for_company(2.0, made_up)  # "Green Valley", "Silver Lake"
    elif is_plain(last):
        found.for_company(0.6, made_up)  # "Johnson Woods"
    elif is_plain(first):
        found.for_person(0.4, person)
    else:
        found.for_person(0.6, person)  # "Parker Lewis": family names serve as given ones


def _has_vowel(word: str) -> bool:
    return any(letter in "aeiouy" for letter in word)


def _weigh_long(names: tuple[str, ...], found: Weighing) -> None:
    last = names[-1]
    kinds = [word_class(word) for word in names]
    starts = kinds[0] in (Word.GIVEN, Word.INITIAL)
    if all(kind is Word.INITIAL for kind in kinds):
        found.for_company(1.5, tr("Letters alone"))
        return
    if len(names) == 3 and kinds[0] is Word.GIVEN and kinds[1] is Word.INITIAL:
        found.for_person(3.0, tr("Given name and surname"))  # "Angela D. Alsobrooks"
        return
    ends_plain = last in business_words() and last in surnames()
    if Word.PLAIN in kinds:
        middle_only = starts and kinds[-1] in (Word.FAMILY, Word.UNKNOWN) and not is_plain(names[0])
        if middle_only and len(names) == 3:
            found.for_person(0.8, tr("Given name and surname"))
        else:
            _weigh_words(names, found)
    elif all(is_plain(word) for word in names):
        found.for_company(2.5, tr("Made-up name: {words}", words=f"“{' '.join(names).title()}”"))
    elif ends_plain and not starts:
        found.for_company(2.0, tr("Business words: {words}", words=f"“{last.title()}”"))
    elif starts and len(names) <= 4:
        found.for_person(4.0 if len(names) == 3 else 3.0, tr("Given name and surname"))
    elif Word.GIVEN in kinds or kinds[-1] in (Word.FAMILY, Word.UNKNOWN):
        if all(kind is Word.FAMILY for kind in kinds):
            found.for_company(0.8, tr("A row of family names, like a firm"))
        else:
            found.for_person(1.5, tr("Reads like a person's names"))
    if len(names) >= 5:
        found.for_company(1.0, tr("A long name"))
