"""Rules the owner taught us by correcting a type: readable, kept as data, applied to look-alikes (idea N16)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from desktop.kinds import CustomerKind
from desktop.sync.names import given_names, split_legal_form, surnames, words
from desktop.sync.wordlists import sections
from desktop.text import tr

_SAY_NOTHING = (
    ("companies", "generic"),
    ("building", "tail"),
    ("business", "abbreviation"),
    ("business", "people_plural"),
    ("business", "type_business"),
    ("business", "household"),
)
"""Lists whose words stand in names of every kind, so that a rule on one would reach far too wide."""


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What a service may tell about a customer; every field is optional, "" meaning not told."""

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
    locations: int = 1  # addresses or sub-customers at different places
    account_type: str = ""
    business_type: str = ""
    industry: str = ""
    notes: str = ""


class RuleField(Enum):
    """What an owner's rule looks at."""

    NAME_WORD = "name_word"  # a word of the display or company name
    EMAIL_DOMAIN = "email_domain"  # the part behind the @
    NAME = "name"  # the whole name, when it has no word that could stand for others


@dataclass(frozen=True, slots=True)
class OwnerRule:
    """`field` equal to `value` (folded) means `kind`; stored as its three parts."""

    field: RuleField
    value: str
    kind: CustomerKind

    def applies_to(self, facts: CustomerFacts) -> bool:
        """Whether this customer is a look-alike of the one that the owner corrected."""
        if self.field is RuleField.EMAIL_DOMAIN:
            return _domain(facts) == self.value
        if self.field is RuleField.NAME:
            return " ".join(_name(facts)) == self.value
        return self.value in _name(facts)

    def sentence(self) -> str:
        """The rule as the owner reads it, in the list of rules and as a reason."""
        kind = self.kind.value
        if self.field is RuleField.EMAIL_DOMAIN:
            return tr("You said: e-mail at {value} means {kind}", value=self.value, kind=kind)
        if self.field is RuleField.NAME:
            return tr("You said: “{value}” is a {kind}", value=self.value.title(), kind=kind)
        return tr("You said: “{value}” in the name means {kind}", value=self.value.title(), kind=kind)


class RuleBook:
    """Many rules, asked thousands of times: the newest that applies is found by its word, not by trying them all."""

    def __init__(self, rules: Iterable[OwnerRule] = ()) -> None:
        """`rules`: the newest first."""
        self.rules = tuple(rules)
        self._places = {(rule.field, rule.value): place for place, rule in reversed(list(enumerate(self.rules)))}

    def rule_for(self, facts: CustomerFacts) -> tuple[OwnerRule, ...]:
        """The one that decides, as `classify` takes it; none for most."""
        if not self.rules:
            return ()
        name = _name(facts)
        asked = [(RuleField.NAME, " ".join(name)), (RuleField.EMAIL_DOMAIN, _domain(facts))]
        asked += [(RuleField.NAME_WORD, word) for word in name]
        places = [self._places[one] for one in asked if one in self._places]
        return (self.rules[min(places)],) if places else ()


def rule_from_correction(facts: CustomerFacts, kind: CustomerKind) -> OwnerRule | None:
    """The narrowest rule that a correction teaches; None when the customer has no name to remember it by.

    A company's last telling word ("Ranch") says most about its look-alikes; "Services" and "Group" say nothing. Where
    the name has no such word, a company's own e-mail domain stands for all who write from there. The name of a person
    stands for that person alone: correcting one Smith says nothing of the others.
    """
    name = _name(facts)
    if not name:
        return None
    core, _ = split_legal_form(name)
    telling = [word for word in core if _tells(word)]
    if telling and kind is not CustomerKind.HOMEOWNER:
        return OwnerRule(RuleField.NAME_WORD, telling[-1], kind)
    domain = _domain(facts)
    if kind is not CustomerKind.HOMEOWNER and _is_own(domain):
        return OwnerRule(RuleField.EMAIL_DOMAIN, domain, kind)
    return OwnerRule(RuleField.NAME, " ".join(name), kind)


def _tells(word: str) -> bool:
    if len(word) < 4 or word.isdigit() or word in sections("people")["particle"]:
        return False
    lists = sections("common_words")
    if any(word in sections(where)[part] for where, part in _SAY_NOTHING):
        return False
    if word in given_names() or word in surnames() or word in lists["adjective"] or word in lists["place"]:
        return False
    return word in lists["noun"] or any(word in section for section in sections("business").values())


def _is_own(domain: str) -> bool:
    """Whether only one house has mailboxes at this domain."""
    return "." in domain and domain not in sections("mail")["free"] and not domain.endswith("placeholder.local")


def _name(facts: CustomerFacts) -> tuple[str, ...]:
    return words(facts.company_name or facts.display_name or f"{facts.given_name} {facts.family_name}")


def _domain(facts: CustomerFacts) -> str:
    return facts.email.strip().casefold().rpartition("@")[2]
