"""Which customers of a service do we have already? Compares name, address, e-mail and phone (M29), and says why.

A trial calls one pure function over plain records; no network, no database, no clock:

    from desktop.sync.matching import Party, Verdict, match
    results = match(
        incoming=[Party("r1", display_name="Smith, John", email="john@smith.example")],
        existing=[Party("7", display_name="John Smith", email="john@smith.example")],
    )
    results[0].verdict       # Verdict.SAME, .POSSIBLE or .NEW; one result per incoming, in the order given
    results[0].existing_key  # "7"; None when NEW
    results[0].reasons       # ("Same name", "Same e-mail")

A `Party` has a key (any text, unique in its list) and, each "" when not told: display_name, given_name, family_name,
company_name, email, phone, line1, line2, city, region, postal_code, country. A mapping with these keys will do as well,
None meaning not told. SAME is linked and skipped, POSSIBLE is asked, NEW is imported. For a single pair give two lists
of one. `iter_match` yields the same results in chunks, for a progress bar.

Promises: SAME needs a name that agrees and something else that agrees; a weak match is POSSIBLE, never SAME (ruling
C2). Two of the service's customers never become one of ours: of several that fit, one is SAME at most. How much an
agreement counts is learned from how common it is in the data at hand. More agreement never lowers a score.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice

from desktop.sync.likeness import Field, Level, NameLikeness, compare_names, compare_streets
from desktop.sync.parties import Party, Ready, block_keys, make_ready
from desktop.sync.plain_records import read_record
from desktop.sync.wordlists import sections
from desktop.text import tr

__all__ = ["Decision", "MatchResult", "Party", "Verdict", "iter_match", "match"]

_WIDE_BLOCK = 40  # a block with more records says little; only its first few are looked at
_VAGUE_BLOCK = 15
_FEW = 5
_VAGUE_KEYS = "cgk"  # blocks of one word or of a given name: not looked at when wide
_MAX_OTHERS = 5
_COMMON = 3  # a name borne by so many is no reason to ask when everything else differs


class Verdict(Enum):
    """What the import does with a customer."""

    SAME = "same"  # linked and skipped: "Already exists"
    POSSIBLE = "possible"  # the owner is asked; never selected by itself
    NEW = "new"  # selected for import


@dataclass(frozen=True, slots=True)
class Decision:
    """What the owner said about one pair; outranks every rule."""

    incoming_key: str
    existing_key: str
    same: bool


@dataclass(frozen=True, slots=True)
class MatchResult:
    """The answer for one incoming record."""

    incoming_key: str
    verdict: Verdict
    existing_key: str | None  # best candidate; None when NEW
    score: float  # 0.0 to 1.0, of the best candidate
    reasons: tuple[str, ...]  # in words; why, and why not more
    others: tuple[str, ...] = ()  # keys of further candidates, best first


def match(
    incoming: Iterable[Party | Mapping[str, object]],
    existing: Iterable[Party | Mapping[str, object]],
    *,
    decisions: Iterable[Decision] = (),
) -> list[MatchResult]:
    """One result for each incoming record, in order. Pure: the same lists give the same answer, and the order of
    either list changes no verdict. Raises TypeError for a record that is neither a `Party` nor a mapping with a key.
    """
    return [result for chunk in iter_match(incoming, existing, decisions=decisions) for result in chunk]


def iter_match(
    incoming: Iterable[Party | Mapping[str, object]],
    existing: Iterable[Party | Mapping[str, object]],
    *,
    decisions: Iterable[Decision] = (),
    chunk_size: int = 200,
) -> Iterator[list[MatchResult]]:
    """The results of `match` in chunks; an empty chunk comes while the lists are being read, so that a caller may
    show progress and give other work a turn between chunks."""
    book = _Book(decisions)
    for parties in _chunks(existing, chunk_size):
        book.add_existing(parties)
        yield []
    ready = list[Ready]()
    for parties in _chunks(incoming, chunk_size):
        ready += book.read_incoming(parties)
        yield []
    answers = list[MatchResult]()
    for start in range(0, len(ready), chunk_size):
        answers += [book.best(row) for row in ready[start : start + chunk_size]]
        yield []
    answers = _one_to_one(answers)
    for start in range(0, len(answers), chunk_size):
        yield answers[start : start + chunk_size]


def _chunks(records: Iterable[Party | Mapping[str, object]], size: int) -> Iterator[list[Party]]:
    rest = iter(records)
    while chunk := [read_record(Party, record) for record in islice(rest, size)]:
        yield chunk


@dataclass(frozen=True, slots=True)
class _Pair:
    verdict: Verdict
    score: float
    likeness: tuple[NameLikeness, Field, Field, Field]  # name, e-mail, phone, address
    key: str


class _Frequencies:
    """How many different names share an e-mail or phone, and how many records bear a name or a word."""

    def __init__(self) -> None:
        # by initials: a mistyped name is no second bearer. Nearly all have one, which needs no set of its own.
        self._names: dict[str, str | set[str]] = {}
        self._count: Counter[str] = Counter()
        self._records = 0

    def learn(self, ready: Ready) -> None:
        self._records += 1
        for value in (ready.email, ready.phone):
            if value and (known := self._names.setdefault(value, ready.initials)) != ready.initials:
                if isinstance(known, str):
                    known = self._names[value] = {known}
                known.add(ready.initials)
        self._count[ready.name] += 1
        if ready.company:
            self._count.update(f"c{word}" for word in ready.company)
        elif ready.person:
            self._count[f"f{ready.person.family}"] += 1

    def bearers(self, name: str) -> int:
        return self._count[name]

    def sharers(self, value: str) -> int:
        known = self._names.get(value, "")
        return len(known) if isinstance(known, set) else int(value in self._names)

    def rarity(self, word: str) -> float:
        """1.0 for a word borne by one record, falling to 0.0 for one that all bear."""
        if self._records < 2:
            return 1.0
        seen = max(self._count[f"c{word}"], 1)
        return max(0.0, 1.0 - math.log(seen) / math.log(max(self._records, 50)))

    def name_rarity(self, ready: Ready) -> float:
        seen = max(self._count[ready.name], 1)
        return 1.0 / (1.0 + math.log2(seen))


class _Book:
    """The existing records under their keys, and what was learned while reading both lists."""

    def __init__(self, decisions: Iterable[Decision]) -> None:
        self._rows: list[Ready] = []
        self._blocks: dict[str, int | list[int]] = {}  # places in `_rows`; most keys have one
        self._existing = _Frequencies()
        self._incoming = _Frequencies()
        self._same = {d.incoming_key: d.existing_key for d in decisions if d.same}
        self._different = {(d.incoming_key, d.existing_key) for d in decisions if not d.same}
        self._keys: set[str] = set()
        self._rarity = self._existing.rarity

    def add_existing(self, parties: Iterable[Party]) -> None:
        for party in parties:
            ready = make_ready(party)
            for key in set(block_keys(ready, asking=False)):
                at = len(self._rows)
                known = self._blocks.setdefault(key, at)
                if isinstance(known, list):
                    known.append(at)
                elif known != at:
                    self._blocks[key] = [known, at]
            self._rows.append(ready)
            self._existing.learn(ready)
            self._keys.add(party.key)

    def read_incoming(self, parties: Iterable[Party]) -> list[Ready]:
        rows = [make_ready(party) for party in parties]
        for row in rows:
            self._incoming.learn(row)
        return rows

    def best(self, row: Ready) -> MatchResult:
        key = row.party.key
        if self._same.get(key) in self._keys:
            return MatchResult(key, Verdict.SAME, self._same[key], 1.0, (tr("You said that they are the same"),))
        weighed = [self._weigh(row, self._rows[at]) for at in self._candidates(row)]
        pairs = [pair for pair in weighed if pair is not None and (key, pair.key) not in self._different]
        kept = sorted((p for p in pairs if p.verdict is not Verdict.NEW), key=_order)
        if not kept:
            top = max((pair.score for pair in pairs), default=0.0)
            return MatchResult(key, Verdict.NEW, None, top, (tr("No customer like this one"),))
        first, others = kept[0], tuple(pair.key for pair in kept[1 : _MAX_OTHERS + 1])
        verdict, reasons = first.verdict, _reasons(*first.likeness)
        if (
            verdict is Verdict.SAME
            and len(kept) > 1
            and kept[1].verdict is Verdict.SAME
            and kept[1].score >= first.score
        ):
            verdict, reasons = Verdict.POSSIBLE, (*reasons, tr("Fits several customers equally well"))
        return MatchResult(key, verdict, first.key, first.score, reasons, others)

    def _candidates(self, row: Ready) -> list[int]:
        found = set[int]()
        for key in block_keys(row, asking=True):
            block = self._blocks.get(key)
            if isinstance(block, int):
                found.add(block)
            elif block:
                if len(block) <= (_VAGUE_BLOCK if key[0] in _VAGUE_KEYS else _WIDE_BLOCK):
                    found.update(block)
                elif key[0] not in _VAGUE_KEYS:
                    found.update(block[:_FEW])
        return sorted(found)

    def _weigh(self, row: Ready, other: Ready) -> _Pair | None:
        """How one pair compares; None, cheaply, when too little agrees to look closer."""
        name = compare_names(row, other, self._rarity)
        if name.level <= Level.WEAK and row.email != other.email and row.phone != other.phone:
            return None  # most pairs: two strangers found under one key
        firm = name.company and name.level >= Level.STRONG  # then the office's mailbox is its own
        email = self._contact_level(row.email, other.email, row.role_mail and not firm)
        if firm and email is Field.DIFFERS and _same_own_domain(row.email, other.email):
            email = Field.NEAR
        phone = self._contact_level(row.phone, other.phone, False)
        if name.level <= Level.WEAK and email <= Field.MISSING and phone <= Field.MISSING:
            return None
        street = compare_streets(row, other)
        rarity = min(self._existing.name_rarity(other), self._incoming.name_rarity(row))
        common = max(self._existing.bearers(other.name), self._incoming.bearers(row.name)) >= _COMMON
        points = _NAME_POINTS[name.level] + _NAME_SPAN[name.level] * rarity
        points += _EMAIL_POINTS[email] + _PHONE_POINTS[phone] + _STREET_POINTS[street]
        score = round(1 / (1 + math.exp(-(points - 5.0) / 1.5)), 4)
        likeness = (name, email, phone, street)
        return _Pair(_verdict(*likeness, common), score, likeness, other.party.key)

    def _contact_level(self, one: str, other: str, office: bool) -> Field:
        if not one or not other:
            return Field.MISSING
        if one != other:
            return Field.DIFFERS
        shared = max(self._existing.sharers(one), self._incoming.sharers(one))
        return Field.NEAR if office or shared > 2 else Field.SAME


# Each level's points and the span that rarity adds lie below the next level's, so more agreement never lowers a score.
_NAME_POINTS = {
    Level.OTHER: -4.0,
    Level.UNKNOWN: 0.0,
    Level.WEAK: 0.5,
    Level.PARTIAL: 2.0,
    Level.STRONG: 3.5,
    Level.EXACT: 4.5,
}
_NAME_SPAN = {
    Level.OTHER: 0.0,
    Level.UNKNOWN: 0.0,
    Level.WEAK: 0.5,
    Level.PARTIAL: 0.9,
    Level.STRONG: 0.9,
    Level.EXACT: 2.0,
}
_EMAIL_POINTS = {Field.DIFFERS: -0.6, Field.MISSING: 0.0, Field.NEAR: 1.0, Field.SAME: 4.0}
_PHONE_POINTS = {Field.DIFFERS: -0.4, Field.MISSING: 0.0, Field.NEAR: 0.8, Field.SAME: 3.5}
_STREET_POINTS = {Field.DIFFERS: -0.8, Field.MISSING: 0.0, Field.NEAR: 1.0, Field.CLOSE: 2.0, Field.SAME: 3.0}


def _same_own_domain(one: str, other: str) -> bool:
    domain = one.rpartition("@")[2]
    return domain == other.rpartition("@")[2] and domain not in sections("mail")["free"]


def _order(pair: _Pair) -> tuple[bool, float, str]:
    return (pair.verdict is not Verdict.SAME, -pair.score, pair.key)


def _verdict(name: NameLikeness, email: Field, phone: Field, street: Field, common: bool) -> Verdict:
    """The rules of promise M29 and ruling C2; each asks for at least so much, so more agreement never lowers it."""
    same = (email is Field.SAME) + (phone is Field.SAME) + (street is Field.SAME)
    near = (email is Field.NEAR) + (phone is Field.NEAR) + (street in (Field.NEAR, Field.CLOSE))
    differ = (email is Field.DIFFERS) + (phone is Field.DIFFERS) + (street is Field.DIFFERS)
    contact = email is Field.SAME or phone is Field.SAME
    if name.level >= Level.STRONG and not name.never_same:
        moved_company = name.company and street is Field.DIFFERS
        if same >= (2 if moved_company else 1) or (near >= 2 and differ == 0):
            return Verdict.SAME
        if name.level is Level.EXACT and differ == 0 and (email is Field.NEAR or street is Field.CLOSE and not common):
            return Verdict.SAME
    enough = contact and (same >= 2 or (near >= 2 and differ == 0))
    if name.level is Level.PARTIAL and not name.never_same and enough:
        return Verdict.SAME
    if name.level >= Level.PARTIAL:
        return Verdict.NEW if common and same + near == 0 and differ >= 2 else Verdict.POSSIBLE
    if name.level >= Level.UNKNOWN:
        return Verdict.POSSIBLE if contact or same >= 2 else Verdict.NEW
    return Verdict.POSSIBLE if email is Field.SAME or same >= 2 else Verdict.NEW


def _reasons(name: NameLikeness, email: Field, phone: Field, street: Field) -> tuple[str, ...]:
    told = [_name_reason(name)]
    told.append({Field.SAME: tr("Same e-mail"), Field.NEAR: tr("Same e-mail, but of an office")}.get(email, ""))
    told.append({Field.SAME: tr("Same phone"), Field.NEAR: tr("Same phone, but shared by several")}.get(phone, ""))
    told.append(
        {
            Field.SAME: tr("Same address"),
            Field.NEAR: tr("Same postal code"),
            Field.CLOSE: tr("Nearly the same address"),
            Field.DIFFERS: tr("Other address"),
        }.get(street, "")
    )
    return tuple(text for text in told if text)


def _name_reason(name: NameLikeness) -> str:
    if name.level is Level.EXACT:
        return tr("Same name")
    if name.level is Level.OTHER:
        return tr("Other name")
    notes = {
        "nickname": tr("Same name by nickname"),
        "typo": tr("Same name but for a typo"),
        "couple": tr("One of a couple"),
        "swapped": tr("Same name, written the other way round"),
        "initial": tr("Same surname and initial"),
        "surname initial": tr("Same given name and initial of the surname"),
        "branch": tr("Perhaps two branches of one company"),
        "family": tr("Same surname, other given name"),
        "middle": tr("Other middle name"),
        "surname": tr("Same surname, no given name"),
        "contact": tr("The contact person of the company"),
        "owner": tr("The name is part of the company's name"),
    }
    return notes.get(name.note, tr("Similar name"))


def _one_to_one(answers: list[MatchResult]) -> list[MatchResult]:
    """Of several incoming records that fit one of ours, the best stays SAME; on a tie nobody does."""
    claims: dict[str, list[int]] = defaultdict(list)
    for at, answer in enumerate(answers):
        if answer.verdict is Verdict.SAME and answer.existing_key is not None:
            claims[answer.existing_key].append(at)
    for rivals in claims.values():
        if len(rivals) < 2:
            continue
        rivals.sort(key=lambda at: (-answers[at].score, at))
        tied = answers[rivals[0]].score == answers[rivals[1]].score
        for at in rivals if tied else rivals[1:]:
            reasons = (*answers[at].reasons, tr("Another one fits this customer too"))
            answers[at] = replace(answers[at], verdict=Verdict.POSSIBLE, reasons=reasons)
    return answers
