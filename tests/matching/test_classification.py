"""What kind a customer is, promise by promise, and on the labelled table."""

import socket
from collections import Counter

import pytest

from desktop.kinds import CustomerKind
from desktop.sync.classification import Classification, CustomerFacts, OwnerRule, classify, rule_from_correction
from desktop.sync.owner_rules import RuleField
from tests.matching.labelled import facts_of, table

HOME, BUSINESS, BUILDER = CustomerKind.HOMEOWNER, CustomerKind.BUSINESS, CustomerKind.BUILDER


def kind_of(name: str, **fields: object) -> CustomerKind:
    return classify(CustomerFacts(display_name=name, **fields)).kind  # type: ignore[arg-type]


def test_M20_every_customer_gets_one_of_three_kinds_with_a_reason() -> None:
    for name in ("", "?", "Tom Baker", "Acme LLC", "Acme Homes", "株式会社", "  ", "&", ",", "a" * 5000):
        answer = classify(CustomerFacts(display_name=name))
        assert isinstance(answer, Classification)
        assert answer.kind in CustomerKind
        assert answer.reasons and all(answer.reasons)
        assert 0.5 <= answer.confidence <= 1.0


def test_M21_same_facts_give_the_same_answer_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("classification must not open a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    rows = [facts_of(row) for row in table("names.csv", "all")]
    assert [classify(row) for row in rows] == [classify(row) for row in rows]


@pytest.mark.parametrize("line", ["12 Oak Street", "4 Elm Rd Apt 3B", "Flat 2, 19 High Street", "7 Hill Ave Condo 12"])
def test_M22_a_personal_name_at_a_home_is_a_homeowner(line: str) -> None:
    for name in ("Tom Baker", "Baker, Tom", "Mary & John Mason", "Dr. Lee", "Church, Alan", "O'Brien, Siobhán"):
        assert kind_of(name, line1=line) is HOME, name


@pytest.mark.parametrize(
    "name",
    [
        "Zed LLC",
        "Zed Inc",
        "Zed Corp.",
        "Tom Baker Ltd",
        "Baker, L.L.C.",
        "Zed Pty Ltd",
        "Zed ULC",
        "Zed Ltée",
        "Zed DAC",
    ]
    + ["Zed plc", "Zed CIC", "Zed LLP", "Zed PLLC", "Smith & Co.", "Zed Incorporated", "Zed Company", "Zed Limited"],
)
def test_M23_a_legal_form_makes_a_business(name: str) -> None:
    answer = classify(CustomerFacts(display_name=name))
    assert answer.kind is BUSINESS
    assert answer.reasons[0].startswith(("Name ends in", "Firm"))


def test_M23_a_commercial_address_makes_a_business() -> None:
    assert kind_of("Tom Baker", line1="12 Oak Street", line2="Suite 400") is BUSINESS
    assert kind_of("Tom Baker", line1="Riverside Industrial Estate") is BUSINESS
    assert kind_of("Baker, Tom", given_name="Tom", family_name="Baker", line2="Suite 400") is BUSINESS
    assert kind_of("Tom Baker", line1="14 Mall Road") is HOME


def test_M23_several_locations_make_a_business() -> None:
    assert kind_of("Tom Baker", locations=3) is BUSINESS
    assert kind_of("Tom Baker", locations=1) is HOME


@pytest.mark.parametrize("name", ["Acme Homes LLC", "Johnson Construction", "Mike's Remodeling", "Ridge Developments"])
def test_M24_who_builds_is_a_builder_whatever_the_suffix(name: str) -> None:
    answer = classify(CustomerFacts(display_name=name))
    assert answer.kind is BUILDER
    assert answer.reasons[0].startswith("Home building words")


def test_M24_business_type_and_industry_are_read() -> None:
    assert kind_of("Zentrix", industry="Residential construction") is BUILDER
    assert kind_of("Zentrix", business_type="General contractor") is BUILDER
    assert kind_of("Tom Baker", account_type="Home builder") is BUILDER


@pytest.mark.parametrize(
    "name",
    [
        "Baker Plumbing",
        "Spark Electric",
        "Ohio Roofing Contractors",
        "Pro Painters",
        "Cool Air HVAC",
        "Green Landscaping",
    ]
    + ["Software Development Inc", "Golden Years Nursing Homes", "Builders Supply Co", "Boat Builders Ltd"],
)
def test_M24_a_trade_is_a_business_and_no_builder(name: str) -> None:
    assert kind_of(name) is BUSINESS


def test_M25_name_address_and_email_are_looked_at() -> None:
    assert kind_of("Altura Vexo", email="altura@gmail.com") is HOME
    assert kind_of("Altura Vexo", email="info@alturavexo.com") is BUSINESS
    assert kind_of("Altura Vexo", line1="1 Main St Suite 9") is BUSINESS


def test_M131_a_placeholder_email_says_nothing() -> None:
    bare = classify(CustomerFacts(display_name="Altura Vexo"))
    assert classify(CustomerFacts(display_name="Altura Vexo", email="office@placeholder.local")) == bare


@pytest.mark.parametrize(
    "name",
    ["Green Valley", "Blue Heron Cafe", "Johnson Brothers", "Smith & Sons Plumbing", "Rusty Nail", "Jeff's Jalopies"]
    + ["Kookies by Kathy", "City of Austin", "St. Mary's Church", "H&R Block", "Anderson, Lee & Kaplan", "PetSmart"],
)
def test_M23_trade_names_without_a_legal_form(name: str) -> None:
    assert kind_of(name) is BUSINESS


@pytest.mark.parametrize(
    "name",
    [
        "The Andersons",
        "Smith Family Trust",
        "Mr. & Mrs. Patel",
        "Tom & Linda Becker",
        "J. R. Smith",
        "JR Smith",
        "Bond, James",
    ]
    + [
        "Nguyen Van An",
        "José Ángel Ortiz",
        "Estate of Margaret Hill",
        "Harry Connick Jr",
        "Jude Law",
        "MACDONALD, SUSAN",
    ],
)
def test_M22_people_are_not_taken_for_companies(name: str) -> None:
    assert kind_of(name) is HOME


def test_M26_the_owners_correction_becomes_a_readable_rule_for_look_alikes() -> None:
    wrong = CustomerFacts(display_name="Double B Ranch")
    rule = rule_from_correction(wrong, HOME)
    assert rule == OwnerRule(RuleField.NAME, "double b ranch", HOME)
    assert classify(wrong, [rule]).kind is HOME
    rule = rule_from_correction(CustomerFacts(display_name="Hernandez Framing"), BUILDER)
    assert rule == OwnerRule(RuleField.NAME_WORD, "framing", BUILDER)
    answer = classify(CustomerFacts(display_name="Lone Star Framing"), [rule])
    assert answer.kind is BUILDER
    assert answer.reasons == ("You said: “Framing” in the name means builder",)
    assert classify(CustomerFacts(display_name="Lone Star Towing"), [rule]).kind is BUSINESS
    assert rule_from_correction(CustomerFacts(), BUSINESS) is None


def test_M26_a_rule_never_rests_on_a_word_that_every_name_may_have() -> None:
    for name in ("Vexo Services", "Vexo Group", "Vexo & Sons", "Vexo Enterprises LLC", "Vexo Company"):
        rule = rule_from_correction(CustomerFacts(display_name=name), BUILDER)
        assert rule is not None and rule.field is RuleField.NAME, name
        assert classify(CustomerFacts(display_name="Altura Services"), [rule]).kind is BUSINESS


def test_M26_a_company_without_a_telling_word_is_remembered_by_its_own_mail() -> None:
    rule = rule_from_correction(CustomerFacts(display_name="Tom Baker", email="tom@vexo.example"), BUSINESS)
    assert rule == OwnerRule(RuleField.EMAIL_DOMAIN, "vexo.example", BUSINESS)
    colleague = classify(CustomerFacts(display_name="Ann Lee", email="ann@VEXO.example"), [rule])
    assert (colleague.kind, colleague.reasons) == (BUSINESS, ("You said: e-mail at vexo.example means business",))
    free = rule_from_correction(CustomerFacts(display_name="Tom Baker", email="tom@gmail.com"), BUSINESS)
    assert free == OwnerRule(RuleField.NAME, "tom baker", BUSINESS)


def test_M26_correcting_one_person_says_nothing_of_the_namesakes() -> None:
    rule = rule_from_correction(CustomerFacts(display_name="Tom Baker"), BUSINESS)
    assert rule is not None
    assert classify(CustomerFacts(display_name="Tom Baker"), [rule]).kind is BUSINESS
    assert classify(CustomerFacts(display_name="Ann Baker"), [rule]).kind is HOME


def test_M20_gaps_odd_letters_and_mappings_are_read_too() -> None:
    bare = CustomerFacts(display_name="Acme Homes LLC")
    gaps = dict.fromkeys(CustomerFacts.__dataclass_fields__, None) | {"display_name": "Acme Homes LLC"}
    assert classify(gaps) == classify(bare)
    assert classify(CustomerFacts(**gaps)) == classify(bare)  # type: ignore[arg-type]
    assert classify({"display_name": "Acme Homes LLC", "colour": "red"}) == classify(bare)
    assert classify({}).kind is HOME
    for odd in (
        "\x00",
        "\u202eevil",
        "\ud800",
        "😀 Cafe",
        "ﬁne Homes",
        "İstanbul",
        "a\u0301" * 9,
        "9" * 65536,
        "A-" * 32768,
    ):
        for field in CustomerFacts.__dataclass_fields__:
            assert classify({field: odd}).reasons
    with pytest.raises(TypeError):
        classify("Acme Homes LLC")  # type: ignore[arg-type]


@pytest.mark.parametrize("which", ["first", "second"])
@pytest.mark.parametrize("name", ["names.csv", "names_fresh.csv"])
def test_M20_labelled_table(name: str, which: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = table(name, which)
    seen = Counter((row["kind"], classify(facts_of(row)).kind.value) for row in rows)
    right = sum(count for (told, answered), count in seen.items() if told == answered)
    with capsys.disabled():
        print(f"\nkinds of {name}, {which} half: {right} of {len(rows)} right ({right / len(rows):.1%}) {dict(seen)}")
    assert len(table(name, "all")) >= 400
    assert right / len(rows) >= 0.95
