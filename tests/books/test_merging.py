"""What was typed, laid over what was changed meanwhile: field by field, never half of what belongs together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from desktop.books.customers import CustomerDraft
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.merging import ChangedMeanwhile, merged
from desktop.kinds import CustomerKind

LINE = LineDraft(1, "Work", Decimal(1), Decimal(100))
LOADED = InvoiceDraft(7, date(2026, 11, 2), None, (LINE,), number="A-1", currency="USD", note=" a ")
OPENED = replace(LOADED, due_on=date(2026, 11, 2), note="a")
"""What the editor makes of it before anybody types: a due date where there was none, the note trimmed."""

CHANGES: list[dict[str, Any]] = [
    {"customer_id": 8},
    {"issued_on": date(2026, 11, 1)},
    {"due_on": date(2026, 12, 1)},
    {"lines": (LINE, LINE)},
    {"discount_percent": Decimal(5)},
    {"discount_amount": Decimal(5)},
    {"note": "b"},
    {"number": "A-2"},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_what_was_not_typed_stays_as_it_is_now(change: dict[str, Any]) -> None:
    now = replace(LOADED, **change)
    assert merged(OPENED, OPENED, LOADED, now) == replace(OPENED, **change)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_what_was_typed_is_kept_where_nobody_else_touched_it(change: dict[str, Any]) -> None:
    typed = replace(OPENED, **change)
    assert merged(typed, OPENED, LOADED, LOADED) == typed


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_the_same_change_on_both_sides_is_no_question(change: dict[str, Any]) -> None:
    typed, now = replace(OPENED, **change), replace(LOADED, **change)
    assert merged(typed, OPENED, LOADED, now) == typed


def test_a_percentage_here_and_an_amount_there_are_never_both_kept() -> None:
    typed, now = replace(OPENED, discount_percent=Decimal(5)), replace(LOADED, discount_amount=Decimal(12))
    with pytest.raises(ChangedMeanwhile) as raised:
        merged(typed, OPENED, LOADED, now)
    assert raised.value.field == "discount_percent" and "it is 12 now" in raised.value.sentence
    accepted = replace(LOADED, **raised.value.now)
    assert merged(typed, OPENED, accepted, now) == typed


def test_a_type_comes_with_its_reason() -> None:
    loaded = CustomerDraft("Ann", kind=CustomerKind.HOMEOWNER, kind_reason="no company", phone="1")
    now = replace(loaded, kind=CustomerKind.BUSINESS, kind_reason="has a company")
    typed = replace(loaded, phone="2")
    assert merged(typed, loaded, loaded, now) == replace(now, phone="2")


def test_words_taken_away_on_the_other_side_are_said_without_a_value() -> None:
    typed, now = replace(OPENED, note="mine"), replace(LOADED, note="")
    with pytest.raises(ChangedMeanwhile) as raised:
        merged(typed, OPENED, LOADED, now)
    assert raised.value.title == "This was changed meanwhile, by a sync or at another desk."


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"due_on": date(2026, 12, 1)}, "it is Dec 1, 2026 now"),
        ({"discount_percent": Decimal("5.000000")}, "it is 5 % now"),
        ({"number": "A-9"}, "it is “A-9” now"),
        ({"lines": (replace(LINE, quantity=Decimal("2.500000")),)}, "they come to 250.00 now"),
        ({"customer_id": 9}, "at another desk."),
    ],
)
def test_what_stands_there_now_is_said_as_people_write_it(change: dict[str, Any], shown: str) -> None:
    other = {
        "due_on": date(2026, 12, 24),
        "discount_percent": Decimal(7),
        "number": "A-3",
        "lines": (),
        "customer_id": 8,
    }
    typed = replace(OPENED, **{name: other[name] for name in change})
    with pytest.raises(ChangedMeanwhile) as raised:
        merged(typed, OPENED, LOADED, replace(LOADED, **change))
    assert shown in raised.value.title


def test_a_type_chosen_on_both_sides_is_said_without_its_code() -> None:
    loaded = CustomerDraft("Ann", kind=CustomerKind.HOMEOWNER, kind_reason="no company")
    now = replace(loaded, kind="business", kind_reason="has a company")
    with pytest.raises(ChangedMeanwhile) as raised:
        merged(replace(loaded, kind=CustomerKind.BUILDER, kind_chosen=True), loaded, loaded, now)
    assert raised.value.field == "kind"
    assert raised.value.title == "This was changed meanwhile, by a sync or at another desk."
