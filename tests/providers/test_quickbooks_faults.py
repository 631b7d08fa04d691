"""Every code of the contract's table, in each of the four body shapes."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import pytest

from desktop.errors import BlueClerkError, ConnectionProblem, InvalidField, RuleBroken, UnexpectedAnswer
from desktop.providers.answers import Answer
from desktop.providers.base import Action
from desktop.providers.faults import Subject
from desktop.providers.quickbooks_faults import FAULTS, Fault, QuickBooksJudge, Special, faults_in, verdict
from desktop.providers.records import Kind
from tests.providers.support import payload

ROWS: list[dict[str, Any]] = payload("faults")


def shaped(row: dict[str, Any], shape: str) -> tuple[Any, str]:
    """The row as a parsed body and a text, one of which the answer holds."""
    entry = {"Message": row.get("message", ""), "Detail": row.get("detail", ""), "code": row["code"]}
    entry["element"] = row.get("element", "")
    if shape == "A":
        return {"Fault": {"Error": [entry], "type": "ValidationFault"}, "time": "2026-11-01T09:17:31.892-07:00"}, ""
    if shape == "B":
        lower = {name.lower(): value for name, value in entry.items()} | {"element": entry["element"] or None}
        return {"warnings": None, "fault": {"error": [lower], "type": "AUTHENTICATION"}, "time": 1633520295688}, ""
    if shape == "C":
        return {
            "code": row["code"],
            "type": "INPUT",
            "message": None,
            "detail": row.get("detail"),
            "moreInfo": None,
        }, ""
    return None, (
        f'<?xml version="1.0"?><IntuitResponse time="x"><Fault type="SERVICE"><Error code="00{row["code"]}" '
        f'element="{escape(entry["element"])}"><Message>{escape(entry["Message"])}</Message>'
        f"<Detail>{escape(entry['Detail'])}</Detail></Error></Fault></IntuitResponse>"
    )


def subject(row: dict[str, Any]) -> Subject:
    kind = Kind(row.get("kind", "invoice"))
    name = {"customer": "Amy's", "item": "Gutters", "payment": "1886"}.get(kind.value, "INV-7")
    return Subject(kind, name, f"{kind.value}:12", Action(row.get("action", "create")))


def name_of(row: dict[str, Any]) -> str:
    return f"{row['code']}-{row.get('kind', 'invoice')}-{row['error']}"


SHAPED = [(row, shape) for row in ROWS for shape in ("ABD" if row["code"].isdigit() else "C")]


@pytest.mark.parametrize(("row", "shape"), SHAPED, ids=[f"{name_of(row)}-{shape}" for row, shape in SHAPED])
def test_D7_H11_every_row_of_the_fault_table(row: dict[str, Any], shape: str) -> None:
    found = verdict(faults_in(*shaped(row, shape)), subject(row), "tid-9")
    if isinstance(found, Special):
        assert found.name == row["error"]
        return
    assert type(found).__name__ == row["error"]
    assert found.service_ref == "tid-9"
    assert row.get("fix") in (None, found.fix.value)
    assert row.get("says", "") in found.sentence
    if isinstance(found, InvalidField) and "field" in row:
        assert found.field == row["field"]
    assert_plain(found)


def assert_plain(error: BlueClerkError) -> None:
    """Sentences for the owner: no codes, no JSON, no names of the service's fields."""
    words = error.sentence
    assert not re.search(r"[{}\[\]<>\\]", words.replace(" > ", " "))
    assert not re.search(r"\b\d{4,}\b", words.replace("Jun 30, 2026", "").replace("1000 characters", "")), words
    assert not re.search(r"[a-z][A-Z]|Ref\b|errorCode|Fault", words.replace("QuickBooks", "").replace("BlueClerk", ""))
    assert error.title.endswith(".")
    assert isinstance(error, ConnectionProblem) or error.concerns


def test_every_known_code_has_a_row() -> None:
    tested = {row["code"] for row in ROWS}
    words = {code for code in FAULTS if not code.isdigit()}
    assert set(FAULTS) - words <= tested


def test_M146_the_services_own_words_are_kept_in_the_details() -> None:
    found = verdict((Fault("6000", "Business Validation Error", "Ask your\n accountant"),), Subject(Kind.INVOICE))
    assert isinstance(found, RuleBroken)
    assert found.details == "Business Validation Error: Ask your accountant (QuickBooks 6000)"


def test_the_concern_is_the_record_of_ours() -> None:
    found = verdict((Fault("5010"),), Subject(Kind.INVOICE, "INV-7", "invoice:12"))
    assert isinstance(found, BlueClerkError)
    [concern] = found.concerns
    assert (concern.kind, concern.local_id, concern.label) == ("invoice", 12, "INV-7")


def test_of_several_errors_the_first_known_one_counts() -> None:
    found = verdict((Fault("99999"), Fault("6190")), Subject(Kind.INVOICE))
    assert type(found).__name__ == "SubscriptionLapsed"
    assert isinstance(verdict((Fault("99999"), Fault("99998")), Subject(Kind.INVOICE)), UnexpectedAnswer)


@pytest.mark.parametrize(
    "body",
    [None, [], "x", 7, {}, {"Fault": None}, {"Fault": []}, {"Customer": {"Id": "1"}}, {"code": 7, "type": "x"}],
)
def test_what_holds_no_fault_has_none(body: Any) -> None:
    assert faults_in(body, "<html>Bad gateway</html>") == ()


@pytest.mark.parametrize("body", [{"Fault": {}}, {"Fault": {"Error": None}}, {"fault": {"error": [7]}}])
def test_B4_a_fault_without_errors_is_still_a_fault(body: Any) -> None:
    found = faults_in(body)
    assert found and isinstance(verdict(found, Subject(Kind.ITEM)), UnexpectedAnswer)


@pytest.mark.parametrize("status", [403, 401])
def test_H8_a_refusal_without_a_known_body_goes_by_its_status(status: int) -> None:
    problem = QuickBooksJudge().problem(Answer(status, {"what": "ever"}))
    assert (problem is not None) == (status == 403)


def test_a_feature_that_the_plan_lacks_is_no_problem_of_the_connection() -> None:
    body, _ = shaped({"code": "5030", "message": "Feature not supported"}, "A")
    assert QuickBooksJudge().problem(Answer(403, body)) is None
