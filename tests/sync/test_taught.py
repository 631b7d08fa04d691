"""The owner's corrections become rules that can be read, are used for look-alikes, and can be taken away (N16)."""

from __future__ import annotations

from desktop.kinds import CustomerKind
from desktop.providers.records import CustomerRecord
from desktop.sync import taught
from desktop.sync.importing import CustomerChoice, import_customers
from desktop.sync.owner_rules import CustomerFacts, OwnerRule, RuleBook, RuleField
from desktop.sync.reviewing import review_customers
from tests.helpers.office import Office

BUILDER, BUSINESS, HOME = CustomerKind.BUILDER, CustomerKind.BUSINESS, CustomerKind.HOMEOWNER


def framing(number: int, name: str) -> CustomerRecord:
    return CustomerRecord(name, external_id=f"f{number}")


async def test_N16_a_correction_is_remembered_shown_used_for_look_alikes_and_can_be_taken_away(office: Office) -> None:
    first = [framing(1, "Hernandez Drains"), framing(2, "Tom Baker")]
    reviews = await review_customers(office.company, first)
    assert reviews[0].kind is BUSINESS
    choices = [CustomerChoice("f1", BUILDER, chosen=True), CustomerChoice("f2", reviews[1].kind, chosen=True)]
    assert (await import_customers(office.company, reviews, choices)).created == 2
    (rule,) = office.read(taught.rules)
    assert rule.sentence() == "You said: “Drains” in the name means builder"
    (alike, other) = await review_customers(
        office.company, [framing(3, "Miller Drains"), framing(4, "Blue Heron Cafe")]
    )
    assert alike.kind is BUILDER and alike.reasons == (rule.sentence(),)
    assert other.kind is BUSINESS
    office.write(taught.forget, rule)
    assert office.read(taught.rules) == []
    (again,) = await review_customers(office.company, [framing(3, "Miller Drains")])
    assert again.kind is BUSINESS, "as if it had never been said"


async def test_N16_a_type_that_was_only_confirmed_teaches_nothing(office: Office) -> None:
    reviews = await review_customers(office.company, [framing(1, "Hernandez Drains")])
    await import_customers(office.company, reviews, [CustomerChoice("f1", reviews[0].kind, chosen=True)])
    assert office.read(taught.rules) == []


def test_N16_the_newest_rule_about_the_same_counts_and_the_newest_of_several_decides() -> None:
    old = OwnerRule(RuleField.NAME_WORD, "ranch", HOME)
    new = OwnerRule(RuleField.EMAIL_DOMAIN, "ranch.example", BUILDER)
    facts = CustomerFacts(display_name="Green Ranch", email="a@ranch.example")
    assert RuleBook([new, old]).rule_for(facts) == (new,) == RuleBook([new]).rule_for(facts)
    assert RuleBook([old, new]).rule_for(facts) == (old,)
    assert RuleBook([old, new]).rule_for(CustomerFacts(display_name="Blue Heron Cafe")) == ()
    assert RuleBook().rule_for(facts) == ()


def test_N16_a_whole_list_set_at_once_does_not_become_hundreds_of_names(office: Office) -> None:
    people = [(CustomerFacts(display_name=f"Tom Baker{chr(97 + n % 26)}{n}"), BUSINESS) for n in range(60)]
    with office.db.write() as session:
        taught.remember(session, people)
    assert office.read(taught.rules) == []
    with office.db.write() as session:
        taught.remember(session, people[:3])
    assert len(office.read(taught.rules)) == 3
    with office.db.write() as session:
        taught.remember(session, [(people[0][0], HOME)])
    rules = office.read(taught.rules)
    assert len(rules) == 3 and rules[0].kind is HOME
