"""Homeowner, business or builder? A suggestion from plain rules, with its reasons in the owner's words.

A trial calls one pure function over plain records; it needs no network, no database and no clock:

    from desktop.sync.classification import CustomerFacts, classify
    answer = classify(CustomerFacts(display_name="Acme Homes LLC", email="office@acmehomes.example"))
    answer.kind        # CustomerKind.BUILDER
    answer.reasons     # ("Home building words: “Homes”", "Name ends in LLC")
    answer.confidence  # 0.5 (could be either) to 1.0

Every field of `CustomerFacts` is optional: display_name, given_name, family_name, company_name, email, phone, line1,
line2, city, region, postal_code, country, locations (a number), account_type, business_type, industry, notes. A mapping
with these keys will do as well (`classify({"display_name": "Acme Homes LLC", "email": None})`); None and "" both mean
not told. For many records call it once for each: no answer depends on another record. The same facts always give the
same answer (promise M21, ruling C1).
The words that the rules know lie in `resources/rules/`; rules the owner taught us come in as `rules` (idea N16).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from desktop.kinds import CustomerKind
from desktop.sync.addresses import commercial_words, residential_words
from desktop.sync.building import building_words
from desktop.sync.name_shapes import Weighing, business_words, weigh_name
from desktop.sync.names import given_names, surnames, words
from desktop.sync.owner_rules import CustomerFacts, OwnerRule, rule_from_correction
from desktop.sync.plain_records import read_record
from desktop.sync.wordlists import sections
from desktop.text import tr

__all__ = ["Classification", "CustomerFacts", "CustomerKind", "OwnerRule", "classify", "rule_from_correction"]

_NO_COMPANY = frozenset(
    {"", "n a", "na", "none", "null", "no company", "self", "private", "individual", "personal", "tbd"}
)
_PLACEHOLDER = "placeholder.local"


@dataclass(frozen=True, slots=True)
class Classification:
    """A suggestion; the owner's own choice always outranks it (M26)."""

    kind: CustomerKind
    reasons: tuple[str, ...]  # in words, strongest first, never empty
    confidence: float  # 0.5 to 1.0


def classify(facts: CustomerFacts | Mapping[str, object], rules: Sequence[OwnerRule] = ()) -> Classification:
    """The kind of one customer. `rules` are the owner's; the first that applies decides alone.

    Raises TypeError for facts that are neither `CustomerFacts` nor a mapping.
    """
    facts = read_record(CustomerFacts, facts)
    for rule in rules:
        if rule.applies_to(facts):
            return Classification(rule.kind, (rule.sentence(),), 1.0)
    found = Weighing()
    builds = list[str]()
    _weigh_declared(facts, found, builds)
    _weigh_names(facts, found, builds)
    _weigh_address(facts, found)
    _weigh_email(facts, found, builds)
    if facts.locations > 1:
        found.for_company(8.0, tr("{count} locations", count=facts.locations))
    return _decide(found, builds)


def _decide(found: Weighing, builds: Sequence[str]) -> Classification:
    margin = found.company - found.person
    if builds and margin > -2.0:
        shown = ", ".join(f"“{word.title()}”" for word in dict.fromkeys(builds))
        reasons = (tr("Home building words: {words}", words=shown), *_reasons(found, for_company=True))
        return Classification(CustomerKind.BUILDER, reasons, _confidence(margin + 3.0))
    if margin > 0:
        return Classification(CustomerKind.BUSINESS, _reasons(found, for_company=True), _confidence(margin))
    reasons = _reasons(found, for_company=False) or (tr("Nothing speaks for a company"),)
    return Classification(CustomerKind.HOMEOWNER, reasons, _confidence(margin))


def _reasons(found: Weighing, *, for_company: bool) -> tuple[str, ...]:
    kept = sorted((row for row in found.reasons if row[1] is for_company), key=lambda row: -row[0])
    return tuple(dict.fromkeys(words_of_it for _, _, words_of_it in kept))


def _confidence(margin: float) -> float:
    return round(1 / (1 + math.exp(-abs(margin))), 3)


def _weigh_declared(facts: CustomerFacts, found: Weighing, builds: list[str]) -> None:
    """What the service says the customer is: account type, business type, industry."""
    lists = sections("business")
    for text, is_trade in ((facts.account_type, False), (facts.business_type, True), (facts.industry, True)):
        said = " ".join(words(text))
        if said in _NO_COMPANY - {"private", "individual", "personal"}:
            continue
        tokens = frozenset(said.split())
        told = tr("Listed as “{text}”", text=text.strip())
        if _says_building(text, said):
            builds.append(text.strip())
            found.for_company(6.0, told)
        elif said in lists["type_home"] or (not is_trade and tokens & lists["type_home"]):
            found.for_person(6.0, told)
        elif is_trade or tokens & lists["type_business"] or tokens & business_words():
            found.for_company(6.0, told)


def _says_building(text: str, said: str) -> bool:
    return said in sections("business")["type_builder"] or bool(building_words(text))


def _weigh_names(facts: CustomerFacts, found: Weighing, builds: list[str]) -> None:
    person = words(f"{facts.given_name} {facts.family_name}")
    company = facts.company_name.strip()
    if " ".join(words(company)) in _NO_COMPANY:
        company = ""
    display = facts.display_name.strip() or f"{facts.given_name} {facts.family_name}".strip()
    if company and (not person or not _is_named(company, person)) and words(company) != words(display):
        _take_name(company, found, builds)
        if found.company >= found.person and not _is_person(company):
            found.for_company(1.5, tr("Has a company name"))
        else:
            _take_name(display, found, builds)
        return
    _take_name(display or company, found, builds)
    if person and _is_named(display, person):
        if facts.given_name.strip() and facts.family_name.strip():
            found.for_person(1.5, tr("Has given name and surname"))
    elif len(person) >= 2 and display and not set(person) & set(words(display)) and found.person < 4:
        found.for_company(1.5, tr("A contact person stands behind the name"))


def _is_named(text: str, person: tuple[str, ...]) -> bool:
    return bool(person) and set(person) <= set(words(text)) and len(words(text)) <= len(person) + 2


def _is_person(text: str) -> bool:
    weighed = weigh_name(text)
    return weighed.person >= 2.5 and weighed.person > weighed.company and not building_words(text)


def _take_name(text: str, found: Weighing, builds: list[str]) -> None:
    weighed = weigh_name(text)
    found.person += weighed.person
    found.company += weighed.company
    found.reasons += weighed.reasons
    told = building_words(text)
    if told and weighed.person - weighed.company < 4.5:
        builds += told
        found.company += 3.0


def _weigh_address(facts: CustomerFacts, found: Weighing) -> None:
    offices = commercial_words(facts.line1, facts.line2)
    homes = residential_words(facts.line1, facts.line2)
    if offices:
        found.for_company(8.0, tr("Commercial address: “{word}”", word=offices[0].title()))
    elif homes:
        found.for_person(1.0, tr("Residential address: “{word}”", word=homes[0].title()))
    elif facts.line1.strip():
        found.for_person(0.2, tr("No sign of a commercial address"))


def _weigh_email(facts: CustomerFacts, found: Weighing, builds: list[str]) -> None:
    local, _, domain = facts.email.strip().casefold().rpartition("@")
    if not local or not domain or domain.endswith(_PLACEHOLDER):
        return
    lists = sections("mail")
    role = local.replace(".", "").replace("-", "").replace("_", "") in lists["role"]
    if role:
        found.for_company(1.5, tr("E-mail of an office: “{local}@”", local=local))
    if domain in lists["free"]:
        if not role:
            found.for_person(0.3, tr("Private e-mail at {domain}", domain=domain))
        return
    label = domain.split(".", 1)[0].replace("-", "")
    told = _words_inside(label)
    if told:
        found.for_company(1.5, tr("Business words in the e-mail: “{word}”", word=told))
        if role and told in sections("building")["sure"] | {"homes"}:
            builds.append(told)
    name = words(facts.company_name or facts.display_name)
    if len(label) >= 5 and (label == "".join(name) or (len(name) > 1 and label == name[0] and not _is_name(label))):
        if not _is_person(facts.display_name):
            found.for_company(1.5, tr("The name has its own web address"))
    elif not told:
        found.for_company(0.2, tr("Own e-mail address at {domain}", domain=domain))


def _is_name(word: str) -> bool:
    return word in given_names() or word in surnames()


def _words_inside(label: str) -> str:
    """A business word of six letters or more at either end of a domain ("bakerplumbing"), or ""."""
    vocabulary = business_words() | sections("building")["sure"] | {"homes"}
    inside = [w for w in vocabulary if len(w) >= 5 and (label.endswith(w) or label.startswith(w)) and w != label]
    return max(inside, key=lambda word: (len(word), word), default="")
