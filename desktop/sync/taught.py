"""What the owner taught us by correcting types: kept as rules that can be read and taken away (N16).

The rules are the office's: one list for all desks, the newest first, in the shared settings.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.kinds import CustomerKind
from desktop.models.desk import Setting
from desktop.models.session import note_change
from desktop.sync.owner_rules import CustomerFacts, OwnerRule, RuleBook, RuleField, rule_from_correction

KEY = "taught_types"
MOST = 500
"""Rules kept; the oldest go first."""
MANY = 50
"""Corrections in one go from which on a single name is no longer remembered: that was a choice for a whole list."""


def rules(session: Session) -> list[OwnerRule]:
    """All rules, the newest first: where two apply, the newer one decides."""
    row = session.get(Setting, KEY)
    found = []
    for field, value, kind in (row.value or []) if row is not None else []:
        found.append(OwnerRule(RuleField(field), value, CustomerKind(kind)))
    return found


def rule_book(session: Session) -> RuleBook:
    """The rules as the judging of thousands asks them."""
    return RuleBook(rules(session))


def remember(session: Session, corrections: Iterable[tuple[CustomerFacts, CustomerKind]]) -> list[OwnerRule]:
    """Learn from types that the owner changed; the rules that are new. A newer rule replaces one about the same."""
    given = list(corrections)
    learned: dict[tuple[RuleField, str], OwnerRule] = {}
    for facts, kind in given:
        rule = rule_from_correction(facts, kind)
        if rule is not None and (len(given) < MANY or rule.field is not RuleField.NAME):
            learned[rule.field, rule.value] = rule
    before = {(rule.field, rule.value): rule for rule in rules(session)}
    fresh = [rule for key, rule in learned.items() if before.get(key) != rule]
    if learned:
        kept = [rule for key, rule in before.items() if key not in learned]
        _store(session, [*reversed(learned.values()), *kept])
    return fresh


def forget(session: Session, desk: Desk, rule: OwnerRule) -> None:
    """The owner takes a rule away; customers keep the type they have."""
    _store(session, [one for one in rules(session) if one != rule])


def _store(session: Session, kept: list[OwnerRule]) -> None:
    value = [[rule.field.value, rule.value, rule.kind.value] for rule in kept[:MOST]]
    session.merge(Setting(key=KEY, value=value))
    note_change(session, "rules", 0)
