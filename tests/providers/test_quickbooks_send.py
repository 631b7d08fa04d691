"""What became of each element of a batch: matched by key, and never green without proof."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from desktop.clock import ManualClock
from desktop.errors import (
    AccessRefused,
    InternalMistake,
    InvalidField,
    ItemError,
    MissingCustomer,
    MissingIncomeAccount,
    MissingItem,
    NameTaken,
    NeedsSignIn,
    NumberTaken,
    Offline,
    RateLimited,
    ServiceDown,
    SubscriptionLapsed,
    TaxProblem,
    UnexpectedAnswer,
)
from desktop.providers.base import Action, InDoubt, Linked, NotSent, Refused
from desktop.providers.quickbooks import QuickBooks
from desktop.providers.records import CompanyRef, CompanySettings, Record
from tests.providers.support import (
    NOW,
    Server,
    customer,
    invoice,
    item,
    line,
    payload,
    payment,
    provider,
    raw,
    reply,
    service,
    step,
)

KEY = "0123456789abcdef0123456789abcdef"


def three() -> list[Any]:
    return [step(customer(name), ref=f"customer:{at}") for at, name in enumerate(("Ann", "Bob", "Cid"))]


def linked(key: str, name: str) -> dict[str, Any]:
    return {"bId": key, "Customer": {"Id": f"6{key[1:]}", "SyncToken": "0", "DisplayName": name}}


def fault(code: str, detail: str = "", element: str = "") -> dict[str, Any]:
    return {
        "Fault": {
            "type": "ValidationFault",
            "Error": [{"code": code, "Message": "m", "Detail": detail, "element": element}],
        }
    }


async def send(answer: Any, steps: list[Any] | None = None) -> list[Any]:
    quickbooks = provider(Server(reply(answer) if isinstance(answer, (dict, list)) else answer))
    [call] = quickbooks.prepare(steps or three())
    return await quickbooks.send(call, KEY)


def batch(*entries: Any) -> dict[str, Any]:
    return {"BatchItemResponse": list(entries), "time": "2026-11-02T10:00:00-08:00"}


# --- preparing ---


def test_steps_are_cut_into_batches_of_thirty_with_short_stable_keys() -> None:
    quickbooks = provider(Server(reply({})))
    steps = [step(customer(f"Customer {number}"), ref=f"customer:{number}") for number in range(61)]
    calls = quickbooks.prepare(steps)
    assert [len(call.elements) for call in calls] == [30, 30, 1]
    assert [element.key for element in calls[0].elements] == [f"i{at}" for at in range(30)]
    assert calls[1].elements[0].ref == "customer:30" and calls == quickbooks.prepare(steps)
    assert calls[0].body_hash == hashlib.sha256(calls[0].body.encode()).hexdigest()


async def test_the_key_and_the_stored_text_are_what_leaves() -> None:
    server = Server(reply(batch(linked("i0", "Ann"), linked("i1", "Bob"), linked("i2", "Cid"))))
    quickbooks = provider(server)
    [call] = quickbooks.prepare(three())
    assert await quickbooks.send(call, KEY) == await quickbooks.send(call, KEY)
    first, second = server.requests
    assert first.content == second.content == call.body.encode()
    assert str(first.url).endswith(f"/v3/company/9130/batch?minorversion=75&requestid={KEY}")
    assert first.url == second.url and first.headers["content-type"] == "application/json"


# --- outcomes per element ---


async def test_B5_elements_are_matched_by_key_in_whatever_order() -> None:
    found = await send(batch(linked("i2", "Cid"), fault("6240") | {"bId": "i1"}, linked("i0", "Ann")))
    assert isinstance(found[0], Linked) and found[0].record.external_id == "60" and found[0].service_ref == "tid-1"
    assert isinstance(found[1], Refused) and isinstance(found[1].error, NameTaken)
    assert found[1].error.concerns[0].local_id == 1 and "Bob" in found[1].error.sentence
    assert isinstance(found[2], Linked) and found[2].record.external_id == "62"


async def test_B5_a_missing_element_is_in_doubt_a_doubled_one_counts_once() -> None:
    found = await send(batch(linked("i0", "Ann"), linked("i0", "Ann") | {"Customer": {}}, linked("i9", "Zed")))
    assert isinstance(found[0], Linked)
    assert isinstance(found[1], InDoubt) and isinstance(found[2], InDoubt)


@pytest.mark.parametrize(
    "answer",
    [{}, [], {"BatchItemResponse": {}}, {"BatchItemResponse": [None, 7]}, batch({"bId": "i0"}), batch({"bId": 0}),
     batch({"bId": "i0", "Item": {"Id": "1", "SyncToken": "0"}}), batch({"bId": "i0", "Customer": {"Id": "1"}}),
     batch({"bId": "i0", "Customer": {"Id": 60, "SyncToken": "0", "DisplayName": "Ann"}})],
)  # fmt: skip
async def test_B3_an_answer_of_another_shape_proves_nothing(answer: Any) -> None:
    assert all(isinstance(outcome, InDoubt) for outcome in await send(answer))


async def test_N11_an_answer_meant_for_another_call_is_not_taken() -> None:
    found = await send(batch(linked("i0", "Somebody else"), linked("i1", "Bob"), linked("i2", "Cid")))
    assert isinstance(found[0], InDoubt) and isinstance(found[1], Linked)
    other = payload("invoice")["Invoice"] | {"PrivateNote": "BlueClerk 00000000-0000-0000-0000-000000000000"}
    [outcome] = await send(batch({"bId": "i0", "Invoice": other}), [step(invoice())])
    assert isinstance(outcome, InDoubt)
    changed = step(customer("Ann", external_id="7", version="3"), Action.UPDATE, fields=("phone",))
    [outcome] = await send(batch(linked("i0", "Ann")), [changed])
    assert isinstance(outcome, InDoubt)


async def test_a_number_that_the_service_changed_is_linked_as_it_stands_there() -> None:
    stored = payload("invoice")["Invoice"] | {"DocNumber": "1042"}
    [outcome] = await send(batch({"bId": "i0", "Invoice": stored}), [step(invoice())])
    assert isinstance(outcome, Linked) and outcome.record.number == "1042"


async def test_M143_a_taken_number_is_named() -> None:
    body = batch({"bId": "i0", **fault("6140", "Duplicate Document Number Error")})
    [outcome] = await send(body, [step(invoice("INV-9"))])
    assert isinstance(outcome.error, NumberTaken) and "INV-9" in outcome.error.sentence


@pytest.mark.parametrize(
    ("code", "kind"), [("600", InDoubt), ("10000", InDoubt), ("3001", NotSent), ("77777", Refused)]
)
async def test_special_faults_of_one_element(code: str, kind: type) -> None:
    body = batch({"bId": "i0", **fault(code)}, linked("i1", "Bob"), linked("i2", "Cid"))
    found = await send(body)
    assert isinstance(found[0], kind) and isinstance(found[1], Linked)


async def test_an_element_that_was_throttled_makes_the_connection_wait() -> None:
    server, clock = Server(reply(batch({"bId": "i0", **fault("3001")}))), ManualClock(NOW)
    quickbooks = provider(server, clock=clock)
    [call] = quickbooks.prepare([step(customer("Ann"))])
    [outcome] = await quickbooks.send(call, KEY)
    assert isinstance(outcome.problem, RateLimited) and outcome.problem.until >= NOW + timedelta(seconds=60)
    [again] = await quickbooks.send(call, KEY)
    assert isinstance(again, NotSent) and len(server.requests) == 1


async def test_a_deletion_is_confirmed_by_its_status() -> None:
    gone = step(payment(external_id="9", version="0"), Action.DELETE)
    [outcome] = await send(batch({"bId": "i0", "Payment": {"status": "Deleted", "domain": "QBO", "Id": "9"}}), [gone])
    assert isinstance(outcome, Linked) and outcome.record.external_id == "9"
    [outcome] = await send(batch({"bId": "i0", "Payment": {"status": "Deleted", "domain": "QBO", "Id": "8"}}), [gone])
    assert isinstance(outcome, InDoubt)


# --- outcomes of the whole call ---


@pytest.mark.parametrize(
    ("answer", "outcome", "cause"),
    [
        (httpx.ConnectError("refused"), NotSent, Offline),
        (httpx.ReadError("cut"), InDoubt, type(None)),
        (raw(b"", "application/json"), InDoubt, type(None)),
        (raw(b"<html>", "text/html", 502), InDoubt, ServiceDown),
        (reply({}, 500), InDoubt, type(None)),
        (reply({}, 429, retry_after="90"), NotSent, RateLimited),
        (reply(fault("3200"), 401), NotSent, NeedsSignIn),
        (reply(fault("3100"), 403), NotSent, AccessRefused),
        (reply(fault("120"), 401), NotSent, AccessRefused),
        (reply(fault("6190"), 400), NotSent, SubscriptionLapsed),
        (reply(fault("6190")), NotSent, SubscriptionLapsed),
        (reply(fault("600"), 400), InDoubt, type(None)),
        (reply(fault("2010"), 400), Refused, InternalMistake),
        (reply(fault("1040"), 400), Refused, InternalMistake),
        (reply({"odd": 1}, 400), Refused, UnexpectedAnswer),
        (raw(b"<html>", "text/html", 404), Refused, UnexpectedAnswer),
        (raw(b"", "", 412), Refused, UnexpectedAnswer),
        (raw(b"", "", 415), Refused, UnexpectedAnswer),
        (raw(b"", "", 501), Refused, UnexpectedAnswer),
    ],
)
async def test_B4_H5_H11_H12_one_answer_for_the_whole_call(answer: Any, outcome: type, cause: type) -> None:
    found = await send(answer)
    assert len(found) == 3 and all(isinstance(one, outcome) for one in found)
    for one in found:
        assert isinstance(one.error if isinstance(one, Refused) else one.problem, cause)
    if outcome is Refused:
        assert [one.error.concerns[0].local_id for one in found] == [0, 1, 2]


# --- rules that are known here ---

BAD: list[tuple[Record, type[ItemError], str, str]] = [
    (customer(" "), InvalidField, "display_name", "edit_customer"),
    (customer("A:B"), InvalidField, "display_name", "edit_customer"),
    (customer("A\tB"), InvalidField, "display_name", "edit_customer"),
    (customer("A", given_name="x\ny"), InvalidField, "given_name", "edit_customer"),
    (customer("x" * 501), InvalidField, "display_name", "edit_customer"),
    (customer("A", email="no at sign"), InvalidField, "email", "edit_customer"),
    (customer("A", email="a@b.example, c@d.example"), InvalidField, "email", "edit_customer"),
    (customer("A", phone="5" * 31), InvalidField, "phone", "edit_customer"),
    (customer("A\0B"), InvalidField, "display_name", "edit_customer"),
    (item("x" * 101), InvalidField, "name", "edit_item"),
    (item("A:B"), InvalidField, "name", "edit_item"),
    (item(income_account_id=None), MissingIncomeAccount, "", "open_mapping"),
    (invoice("x" * 22), InvalidField, "number", "edit_invoice"),
    (invoice(memo="x" * 1001), InvalidField, "memo", "edit_invoice"),
    (invoice(memo="mail me@placeholder.local"), InternalMistake, "", "retry"),
    (invoice(lines=(line(item_id=None),)), MissingItem, "", "link_item"),
    (invoice(lines=(line(),) * 751), InvalidField, "lines", "edit_invoice"),
    (invoice(lines=(line(tax_code_id="2"), line(tax_code_id="3"))), TaxProblem, "", "open_tax"),
    (replace(invoice(), customer_id=""), MissingCustomer, "", "link_customer"),
    (payment(reference="x" * 22), InvalidField, "reference", "edit_payment"),
    (payment("0"), InvalidField, "amount", "edit_payment"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "kind", "field", "fix"), BAD, ids=lambda value: str(value)[:20])
def test_D5_D7_D8_I8_what_could_never_be_accepted_is_refused_here(
    record: Record, kind: type, field: str, fix: str
) -> None:
    server = Server(reply({}))
    quickbooks = provider(server)
    wrong = step(record, ref="x:12")
    problem = quickbooks.check(wrong)
    assert isinstance(problem, kind) and problem.fix.value == fix
    assert problem.concerns[0].local_id == 12
    assert getattr(problem, "field", "") == field and problem.concerns[0].field == field
    with pytest.raises(kind):
        quickbooks.prepare([wrong])
    assert not server.requests


@pytest.mark.parametrize("record", [customer("Zoë O'Hara & Sons, 100% \N{FISH}"), item(), invoice(), payment()])
def test_what_is_fine_passes(record: Record) -> None:
    assert provider(Server(reply({}))).check(step(record)) is None


def test_elsewhere_every_line_needs_a_tax_code() -> None:
    settings = CompanySettings(CompanyRef("9130"), "GBP", country="GB")
    quickbooks = QuickBooks(service(Server(reply({}))), CompanyRef("9130"), settings)
    assert quickbooks.capabilities.tax_codes_per_invoice is None
    assert isinstance(quickbooks.check(step(invoice())), TaxProblem)
    two = invoice(lines=(line(tax_code_id="2"), line(tax_code_id="3")))
    assert quickbooks.check(step(two)) is None


def test_the_body_is_plain_json() -> None:
    [call] = provider(Server(reply({}))).prepare([step(invoice())])
    [entry] = json.loads(call.body)["BatchItemRequest"]
    assert entry["bId"] == "i0" and entry["operation"] == "create" and entry["Invoice"]["DocNumber"] == "INV-1007"
