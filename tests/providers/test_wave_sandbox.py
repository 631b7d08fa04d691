"""Wave's provider over real sockets: what it says became of a write is what the other side's books hold."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from desktop.clock import ManualClock
from desktop.errors import (
    AccessRefused,
    AccountUnusable,
    AnswerUnreadable,
    AppKeysWrong,
    ConnectionProblem,
    Fix,
    GoneRemote,
    InternalMistake,
    InvalidField,
    ItemError,
    NeedsSignIn,
    NetworkIntercepted,
    NoEffect,
    NumberTaken,
    Offline,
    RateLimited,
    ServiceDown,
    SubscriptionLapsed,
    UnexpectedAnswer,
)
from desktop.providers.base import Action, AppKeys, InDoubt, Linked, NotSent, Refused
from desktop.providers.records import AccountKind, Kind, Lookup, PaymentLookup, PaymentMethod
from desktop.providers.wave_faults import DepositAccountNeeded, MissingScope, PaymentNotApplied, PlanNeeded
from desktop.providers.wave_signin import NO_REFRESH, WaveSignIn
from desktop.sync.connect import challenge
from tests.helpers.control import Control
from tests.helpers.reaching import endpoints
from tests.providers.support import step
from tests.providers.wave_support import (
    KEY,
    MARKER,
    account,
    billed,
    connected,
    customer,
    invoice,
    item,
    line,
    make,
    paying,
    seeded,
)


def mutations(control: Control) -> list[dict[str, Any]]:
    return [e for e in control.ledger() if any("create" in op or "send_" in op for op in ops(e))]


def ops(entry: dict[str, Any]) -> list[str]:
    return [entry["op"], *(part["op"] for part in entry["elements"])]


def rule(fault: str, op: str | None = "create_customer", **more: Any) -> dict[str, Any]:
    return {"id": fault, "provider": "wave", "nth": 1} | ({"op": op} if op else {}) | more


# --- the whole way ---


async def test_M62_M67_M76_M78_from_customer_to_payment(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        bill = await billed(wave, discount=Decimal("24.01"), discount_percent=Decimal(10))
        assert bill.number == "B-1" and bill.total == Decimal("216.09") and bill.discount_percent == 10
        [paid] = await make(wave, step(await paying(wave, bill)))
        assert isinstance(paid, Linked), paid
        record = paid.record
        assert (record.reference, record.marker, record.method) == ("1886", MARKER, PaymentMethod.CHECK)
    books = control.books("wave")
    [there] = [one for one in books["invoices"] if one["number"] == "B-1"]
    assert (there["total"], there["balance"], there["sent"], there["status"]) == ("216.09", "116.09", True, "open")
    [who] = [one for one in books["customers"] if one["display_name"] == "Nora Stone"]
    assert who["number"] == "BC-41"
    assert books["payments"][-1]["note"] == f"1886 [bc:{MARKER.removeprefix('BlueClerk ')}]"


async def test_calls_for_twenty_invoices_are_the_least_plus_two(sandbox: Any, control: Control) -> None:
    """Contract 8: N=20 C=5 I=8 P=12 in at most 8 + 2 calls; the second look-up is the read of the settings."""
    async with connected(sandbox, control) as wave:
        settings = await wave.settings()
        income = next(one.external_id for one in settings.accounts if one.kind is AccountKind.INCOME)
        deposit = next(one.external_id for one in settings.accounts if one.kind is AccountKind.DEPOSIT)
        before = len(control.ledger())
        people = [customer(f"Person {n}") for n in range(5)]
        things = [item(f"Thing {n}", income_account_id=income) for n in range(8)]
        numbers = [f"N-{n}" for n in range(20)]
        names = tuple(one.display_name for one in people), tuple(one.name for one in things)
        found = await wave.find(Lookup(*names, tuple(numbers)))
        assert not (found.customers or found.items or found.invoices)
        made: list[Any] = []
        steps = [step(one, ref=f"{n}") for n, one in enumerate([*people, *things])]
        for call in wave.prepare(steps):
            made += [outcome.record.external_id for outcome in await wave.send(call, KEY)]
        bills = [
            step(replace(invoice(number), customer_id=made[n % 5], lines=(line(item_id=made[5 + n % 8]),)), ref=f"i{n}")
            for n, number in enumerate(numbers)
        ]
        sent = [outcome for call in wave.prepare(bills) for outcome in await wave.send(call, KEY)]
        assert all(isinstance(outcome, Linked) for outcome in sent)
        due = [await paying(wave, outcome.record) for outcome in sent[:1]][0]
        start = len(control.ledger())
        money = [
            step(
                replace(due, allocations=(replace(due.allocations[0], invoice_id=one.record.external_id),),
                        deposit_account_id=deposit, marker=f"BlueClerk {n:08d}"), ref=f"p{n}"
            )
            for n, one in enumerate(sent[:12])
        ]  # fmt: skip
        paid = [outcome for call in wave.prepare(money) for outcome in await wave.send(call, KEY)]
        assert all(isinstance(outcome, Linked) for outcome in paid)
        total = start - before - 1 + len(control.ledger()) - start  # without the test's own read of the accounts
        assert total <= 10
    assert sum(one["sent"] for one in control.books("wave")["invoices"]) == 36


async def test_M88_what_exists_is_found_and_archived_ones_too(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        found = await wave.find(
            Lookup(("emily ALVAREZ ", "Nobody"), ("drain cleaning", "Pressure test (old price)"), ("1001", "100"))
        )
        assert [one.display_name for one in found.customers] == ["Emily Alvarez"]
        assert [(one.name, one.active) for one in found.items] == [
            ("Drain cleaning", True), ("Pressure test (old price)", False),
        ]  # fmt: skip
        assert [one.number for one in found.invoices] == ["1001"]
        calls = len(control.ledger())
        await make(wave, step(customer("Newcomer")))
        again = await wave.find(Lookup(("Newcomer", "Emily Alvarez")))
        assert len(again.customers) == 2 and len(control.ledger()) - calls == 3
        newcomer = next(one for one in again.customers if one.display_name == "Newcomer")
        control.edit("customer", newcomer.external_id or "", "delete", "wave")
        assert not (await wave.find(Lookup(("Newcomer",)))).customers


@pytest.mark.parametrize(("kind", "question"), [("customer", "customer_names"), ("item", "item_names")])
async def test_I1_H9_what_the_list_names_is_not_taken_for_gone_because_its_id_finds_nothing(
    kind: str, question: str, sandbox: Any, control: Control
) -> None:
    async with connected(sandbox, control) as wave:
        mapped = item("Doubtful", income_account_id=await account(wave))
        await make(wave, step(customer("Doubtful") if kind == "customer" else mapped))
        lookup = Lookup(**{question: ("Doubtful",)})
        with control.armed(rule("H9", f"get_{kind}", times=4)), pytest.raises(AnswerUnreadable):
            await wave.find(lookup)
        found = await wave.find(lookup)
        assert len(found.customers) + len(found.items) == 1


@pytest.mark.slow
async def test_names_are_found_beyond_the_first_page(sandbox: Any, control: Control) -> None:
    control.reset("large")
    books = control.books("wave", "large")
    async with connected(sandbox, control, company=books["company"]["id"]) as wave:
        control.settings("wave", limits="off")
        last = books["customers"][0]["display_name"]
        found = await wave.find(Lookup((last,)))
        assert [one.display_name for one in found.customers] == [last]
        before = len(control.ledger())
        await wave.find(Lookup((last,)))
        assert len(control.ledger()) - before == 2  # what changed since, and the hit itself


async def test_lists_hold_everything(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        books = control.books("wave")
        for kind, pages in (
            ("customers", wave.customers()), ("items", wave.items()), ("invoices", wave.invoices()),
            ("payments", wave.payments()),
        ):  # fmt: skip
            records = [record async for page in pages for record in page.records]
            assert {one.external_id for one in records} == {one["id"] for one in books[kind]}
        now = control.clock(5)
        control.clock(5)
        await make(wave, step(customer("Newcomer")))
        since = [one.display_name async for page in wave.customers(now) for one in page.records]
        assert since == ["Newcomer"]


async def test_N4_settings_of_the_business(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control, company="") as wave:
        settings = await wave.settings()
    assert settings.company.name == "Acme Plumbing LLC" and settings.home_currency == "USD"
    assert settings.company.external_id == sandbox.services["wave"]["company_id"]
    named = {one.name: one for one in settings.accounts}
    assert {"Other Income", "Sales Discounts", "Services"} <= set(named) and "Uncategorized Income" not in named
    assert not named["Landscaping Services"].active
    deposits = [one.name for one in settings.accounts if one.kind is AccountKind.DEPOSIT]
    assert deposits == ["Checking", "Cash on Hand"]
    assert {one.name: one.rate for one in settings.tax_codes}["Texas State and Local"] == Decimal("8.25")
    assert {one.method for one in settings.payment_methods} == set(PaymentMethod)


async def test_W3_all_businesses_are_listed_and_the_unusable_say_why(sandbox: Any, control: Control) -> None:
    control.settings("wave", reach="all")
    async with connected(sandbox, control) as wave:
        found = await wave.companies()
    assert [one.name for one in found if not one.unusable] == ["Acme Plumbing LLC", "Bluebird Cleaning Co"]
    assert [one.unusable for one in found if one.unusable] == ["This business is archived in Wave."]


async def test_a_taxed_invoice_adds_up_as_ours(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        tax = next(one for one in (await wave.settings()).tax_codes if one.rate and one.active)
        who, what = await seeded(wave)
        taxed = line(item_id=what.external_id, taxable=True, tax_code_id=tax.external_id)
        [made] = await make(wave, step(replace(invoice(lines=(taxed,)), customer_id=who.external_id)))
        assert isinstance(made, Linked)
        assert made.record.tax_total == Decimal("19.81") and made.record.total == Decimal("259.91")
        assert made.record.lines[0].tax_code_id == tax.external_id


async def test_updates_write_only_what_they_name(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        bill = await billed(wave)
        who = (await wave.find(Lookup(customer_ids=(bill.customer_id,)))).customers[0]
        control.edit("customer", who.external_id or "", {"notes": "keep me"}, "wave")
        changed = replace(who, phone="555-0100", email="")
        [outcome] = await make(wave, step(changed, Action.UPDATE, fields=("phone", "company_name")))
        assert isinstance(outcome, Linked) and outcome.record.phone == "555-0100"
        moved = replace(bill, memo="", lines=(replace(bill.lines[0], quantity=Decimal(3), amount=Decimal("360.15")),))
        [outcome] = await make(wave, step(moved, Action.UPDATE, fields=("lines", "memo")))
        assert isinstance(outcome, Linked) and outcome.record.total == Decimal("360.15") and not outcome.record.memo
    assert next(one for one in control.books("wave")["customers"] if one["id"] == who.external_id)["notes"] == "keep me"


async def test_taking_back_payments_invoices_and_items(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        bill = await billed(wave)
        [paid] = await make(wave, step(await paying(wave, bill)))
        less = replace(
            paid.record, amount=Decimal(60), allocations=(replace(paid.record.allocations[0], amount=Decimal(60)),)
        )
        [outcome] = await make(wave, step(less, Action.UPDATE, fields=("amount", "allocations")))
        assert isinstance(outcome, Linked) and outcome.record.amount == 60
        [refused] = await make(wave, step(bill, Action.VOID))
        assert isinstance(refused, Refused) and "payments" in refused.error.title
        [gone] = await make(wave, step(paid.record, Action.VOID))
        assert isinstance(gone, Linked) and gone.record.voided and gone.record.external_id == paid.record.external_id
        [gone] = await make(wave, step(bill, Action.VOID))
        assert isinstance(gone, Linked) and gone.record.voided
        ids = Lookup(invoice_ids=(bill.external_id or "",), payment_ids=(paid.record.external_id,))
        found = await wave.find(ids)
        assert not found.invoices and not found.payments
        thing = (await wave.find(Lookup(item_names=("Skylight",)))).items[0]
        [archived] = await make(wave, step(replace(thing, active=False), Action.UPDATE, fields=("active",)))
        assert isinstance(archived, Linked) and not archived.record.active


async def test_a_payment_is_found_by_its_mark(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        bill = await billed(wave)
        await make(wave, step(await paying(wave, bill)))
        for lookup in (
            PaymentLookup(bill.customer_id, date(2026, 11, 5)),
            PaymentLookup(bill.customer_id, date(2026, 11, 5), invoice_ids=(bill.external_id or "",)),
        ):
            found = await wave.find(Lookup(payments=(lookup,)))
            assert [one.marker for one in found.payments] == [MARKER]
        [one] = (await wave.find(Lookup(payment_ids=(found.payments[0].external_id or "",)))).payments
        assert one.customer_id == bill.customer_id


# --- the error table of the contract, row by row ---


def refused(outcome: Any, kind: type[ItemError], words: str, fix: Fix) -> ItemError:
    assert isinstance(outcome, Refused), outcome
    assert isinstance(outcome.error, kind) and words in outcome.error.sentence and outcome.error.fix is fix
    assert outcome.error.concerns
    return outcome.error


async def test_offline(sandbox: Any, control: Control) -> None:
    service = dict(sandbox.services["wave"], api="http://127.0.0.1:1/wave")
    sandbox = type("Elsewhere", (), {"services": {"wave": service}})
    async with connected(sandbox, control, connect_timeout=1.0) as wave:
        [outcome] = await make(wave, step(customer()))
        assert isinstance(outcome, NotSent) and isinstance(outcome.problem, Offline)
        assert "Wave can't be reached." in outcome.problem.sentence


@pytest.mark.parametrize(
    ("fault", "applied"),
    [
        (rule("N1"), True), (rule("N2"), False), (rule("N3"), True), (rule("H5"), False),
        (rule("H6", phase="after"), True), (rule("B1"), True), (rule("B2"), True), (rule("H11"), False),
        (rule("B3", params={"kind": "no_id"}), True), (rule("FAULT", phase="after"), True),
    ],
)  # fmt: skip
async def test_a_lost_answer_to_a_write_is_in_doubt_and_found_by_looking(
    sandbox: Any, control: Control, fault: dict[str, Any], applied: bool
) -> None:
    async with connected(sandbox, control) as wave:
        with control.armed(fault):
            [outcome] = await make(wave, step(customer("Zebra")))
        assert isinstance(outcome, InDoubt), outcome
        found = await wave.find(Lookup(("Zebra",)))
        assert bool(found.customers) is applied
    assert len(control.ledger(op="create_customer")) == 1


async def test_B5_the_worked_example_one_linked_one_refused_one_in_doubt(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        income = await account(wave)
        rules = [
            rule("FAULT", "create_customer", params={"element": 1, "path": ["input", "email"], "message": "Bad mail."}),
            rule("FAULT", "create_item", params={"exception": True}),
        ]
        with control.armed(*rules):
            one, two, three = await make(
                wave, step(customer("A"), ref="customer:1"), step(customer("B"), ref="customer:2"),
                step(item(income_account_id=income)),
            )  # fmt: skip
    assert isinstance(one, Linked) and isinstance(three, InDoubt)
    error = refused(two, InvalidField, "Wave refused the e-mail address: Bad mail.", Fix.EDIT_CUSTOMER)
    assert error.concerns[0].local_id == 2 and three.service_ref


async def test_A1_a_dead_token_inside_a_200_is_renewed_once(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        for way in ("200", "401"):
            control.settings("wave", dead_token=way)
            with control.armed(rule("A1")):
                [outcome] = await make(wave, step(customer(f"Zebra {way}")))
            assert isinstance(outcome, Linked), outcome
    assert len(control.ledger(op="refresh")) == 2


async def test_A2_a_token_that_stays_dead_needs_a_sign_in(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        with control.armed(rule("A1", times=9)):
            [outcome] = await make(wave, step(customer("Zebra")))
        assert isinstance(outcome, NotSent) and isinstance(outcome.problem, NeedsSignIn)
        assert outcome.problem.fix is Fix.RECONNECT
        with control.armed(rule("A1"), rule("A8", "refresh")):
            [outcome] = await make(wave, step(customer("Yak")))
        assert isinstance(outcome, NotSent) and isinstance(outcome.problem, NeedsSignIn)


async def test_H12_the_plan_has_ended(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        control.settings("wave", plan="lapsed")
        with pytest.raises(PlanNeeded) as told:
            await wave.companies()
        with control.armed(rule("A1")):
            [outcome] = await make(wave, step(customer("Zebra")))
    assert isinstance(outcome, NotSent) and isinstance(outcome.problem, SubscriptionLapsed)
    for problem in (outcome.problem, told.value):
        assert "Wave Pro" in problem.title and "press Reconnect" in problem.advice and problem.fix is Fix.RECONNECT


@pytest.mark.parametrize(
    ("params", "kind", "words"),
    [
        ({"kind": "scope", "scope": "invoice:write"}, MissingScope, "BlueClerk lacks a permission in Wave: invoices."),
        ({"kind": "scope"}, MissingScope, "Sign in again and allow"),
        ({"kind": "company"}, AccessRefused, "Wave refused this company."),
    ],
)
async def test_H8_a_403_says_what_is_missing(
    sandbox: Any, control: Control, params: dict[str, Any], kind: type[ConnectionProblem], words: str
) -> None:
    async with connected(sandbox, control) as wave:
        with control.armed(rule("H8", params=params)):
            [outcome] = await make(wave, step(customer("Zebra")))
    assert isinstance(outcome, NotSent) and type(outcome.problem) is kind
    assert words in outcome.problem.sentence and outcome.problem.fix is Fix.RECONNECT


async def test_H8_a_scope_error_inside_a_200(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        params = {"code": "FORBIDDEN", "message": "The token lacks the scope customer:write."}
        with control.armed(rule("H11", params=params)):
            [outcome] = await make(wave, step(customer("Zebra")))
    assert isinstance(outcome, NotSent) and "customers" in outcome.problem.title


@pytest.mark.parametrize("fault", ["H9", None])
async def test_H9_what_is_gone(sandbox: Any, control: Control, fault: str | None) -> None:
    async with connected(sandbox, control) as wave:
        [made] = await make(wave, step(customer("Zebra")))
        if fault is None:
            control.edit("customer", made.record.external_id, "delete", "wave")
        rules = [rule(fault, "update_customer")] if fault else []
        with control.armed(*rules):
            [outcome] = await make(wave, step(made.record, Action.UPDATE, fields=("display_name",)))
    refused(outcome, GoneRemote, "was deleted or made inactive in Wave", Fix.LINK_CUSTOMER)


async def test_D4_an_invoice_for_a_customer_or_item_that_is_gone(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        who, what = await seeded(wave)
        good = replace(invoice(lines=(line(item_id=what.external_id),)), customer_id=who.external_id)
        outcomes = await make(
            wave,
            step(replace(good, customer_id="nobody", number="X-1"), ref="invoice:1"),
            step(replace(good, lines=(line(item_id="nothing"),), number="X-2"), ref="invoice:2"),
            step(replace(good, number="X-3"), ref="invoice:3"),
        )
    refused(outcomes[0], GoneRemote, "The customer", Fix.LINK_CUSTOMER)
    refused(outcomes[1], GoneRemote, "An item on this invoice", Fix.LINK_ITEM)
    assert isinstance(outcomes[2], Linked)


async def test_D6_an_account_that_wave_does_not_take(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        mapped = await account(wave)
        control.edit("account", mapped, "archive", "wave")
        [outcome] = await make(wave, step(item(income_account_id=mapped)))
    refused(outcome, AccountUnusable, "“Sales of Product Income” can no longer be used in Wave", Fix.OPEN_MAPPING)


async def test_M143_a_number_that_is_taken(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        who, what = await seeded(wave)
        bill = replace(invoice("1001", lines=(line(item_id=what.external_id),)), customer_id=who.external_id)
        [outcome] = await make(wave, step(bill))
    refused(outcome, NumberTaken, "Invoice number 1001 is already used in Wave", Fix.CHANGE_NUMBER)


async def test_D7_every_reason_stands_on_a_line_of_its_own(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        params = {"path": ["name"], "message": "Too odd."}
        with control.armed(rule("FAULT", params=params)):
            [outcome] = await make(wave, step(customer("Zebra")))
    error = refused(outcome, InvalidField, "Wave refused the name: Too odd.", Fix.EDIT_CUSTOMER)
    assert isinstance(error, InvalidField) and error.field == "display_name"


async def test_B4_did_not_succeed_inside_a_200(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        with control.armed(rule("B4")):
            [outcome] = await make(wave, step(customer("Zebra")))
    refused(outcome, InvalidField, "Wave refused this: This can't be done.", Fix.EDIT_CUSTOMER)


async def test_D15_a_payment_without_effect(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        bill = await billed(wave)
        with control.armed(rule("D15", "create_payment")):
            [outcome] = await make(wave, step(await paying(wave, bill)))
    words = "Wave took the payment note but the invoice still shows 240.10 open. Please check in Wave."
    refused(outcome, PaymentNotApplied, words, Fix.EDIT_PAYMENT)


async def test_D15_an_invoice_that_wave_did_not_keep(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        who, what = await seeded(wave)
        bill = replace(invoice("B-9", lines=(line(item_id=what.external_id),)), customer_id=who.external_id)
        with control.armed(rule("D15", "create_invoice")):
            [outcome] = await make(wave, step(bill))
        refused(outcome, NoEffect, "Wave accepted this but did not keep it.", Fix.RETRY)
        [outcome] = await make(wave, step(bill))
    assert isinstance(outcome, Linked)


async def test_a_deposit_account_that_wave_refuses(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        bill = await billed(wave)
        wrong = replace(await paying(wave, bill), deposit_account_id=await account(wave))
        [outcome] = await make(wave, step(wrong))
    refused(outcome, DepositAccountNeeded, "Choose the bank account", Fix.CHOOSE_DEPOSIT_ACCOUNT)


@pytest.mark.parametrize("way", ["400", "200"])
async def test_a_document_that_wave_does_not_understand_is_our_mistake(
    sandbox: Any, control: Control, way: str
) -> None:
    async with connected(sandbox, control) as wave:
        control.settings("wave", invalid_document=way)
        [call] = wave.prepare([step(customer("Zebra"))])
        outcomes = await wave.send(replace(call, body=call.body.replace("didSucceed", "didSucced")), KEY)
    error = refused(outcomes[0], InternalMistake, "something it doesn't understand. Help > Save diagnostics", Fix.RETRY)
    assert outcomes[0].service_ref and outcomes[0].service_ref == error.service_ref


async def test_H11_a_refusal_of_the_whole_document_that_nobody_has_seen(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        with control.armed(rule("H11", params={"whole": True, "status": 418})):
            [outcome] = await make(wave, step(customer("Zebra")))
    refused(outcome, UnexpectedAnswer, "an answer that we don't understand", Fix.RETRY)


async def test_H1_a_wait_is_kept_and_then_it_goes_on(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        with control.armed(rule("H1", params={"retry_after": 5})):
            [outcome] = await make(wave, step(customer("Zebra")))
        assert isinstance(outcome, Linked)
        with control.armed(rule("H1", params={"retry_after": 900})):
            [outcome] = await make(wave, step(customer("Yak")))
        assert isinstance(outcome, NotSent) and isinstance(outcome.problem, RateLimited) and outcome.problem.until
        assert "asked us to wait" in outcome.problem.title
    assert control.meter("wave")["inside_demanded_wait"] == 0


async def test_a_rate_text_inside_a_200_counts_as_a_wait(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        with control.armed(rule("H11", params={"message": "Rate limit exceeded", "whole": True})):
            [outcome] = await make(wave, step(customer("Zebra")))
        assert isinstance(outcome, Linked)


async def test_E11_the_client_stays_below_fifty_a_minute(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        waits = 0
        for at in range(60):
            [outcome] = await make(wave, step(customer(f"Zebra {at}")))
            if isinstance(outcome, NotSent):  # told at once, because the wait is long
                assert isinstance(outcome.problem, RateLimited)
                waits += 1
                await wave._http.clock.sleep(61)
        assert waits == 1
    assert control.meter("wave")["refused"] == 0 and control.meter("wave")["peaks"]["per_minute"] <= 51


async def test_a_document_too_complex_is_halved_until_it_fits(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        control.settings("wave", max_aliases=3)
        outcomes = await make(wave, *[step(customer(f"Zebra {n}"), ref=f"customer:{n}") for n in range(10)])
        assert all(isinstance(one, Linked) for one in outcomes)
        assert [one.record.display_name for one in outcomes] == [f"Zebra {n}" for n in range(10)]
        assert len(wave.prepare([step(customer("x"))] * 6)) == 3


@pytest.mark.parametrize("mode", ["missing", "reordered"])
async def test_B5_aliases_are_matched_by_name(sandbox: Any, control: Control, mode: str) -> None:
    async with connected(sandbox, control) as wave:
        with control.armed(rule("B5", "batch", params={"mode": mode})):
            first, second = await make(wave, step(customer("A"), ref="c:1"), step(customer("B"), ref="c:2"))
    assert isinstance(first, InDoubt if mode == "missing" else Linked)
    assert isinstance(second, Linked) and second.record.display_name == "B"


async def test_N11_an_answer_to_another_call_proves_nothing(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        with control.armed(rule("N11")):
            [first] = await make(wave, step(customer("A")))
        [second] = await make(wave, step(customer("B")))
        assert isinstance(first, Linked)
        assert not isinstance(second, Linked) or second.record.display_name == "B"


@pytest.mark.parametrize("kind", ["repeat", "empty", "total", "endless"])
async def test_L3_lists_end(sandbox: Any, control: Control, kind: str) -> None:
    control.settings("wave", limits="off")
    async with connected(sandbox, control, windows=()) as wave:
        with control.armed(rule("L3", "list_customers", every=1, params={"kind": kind})):
            seen = [one.external_id async for page in wave.customers() for one in page.records]
    assert len(seen) == len(set(seen)) == 62


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (rule("H7", "list_customers"), ServiceDown), (rule("N9", "list_customers"), NetworkIntercepted),
        (rule("B3", "list_customers", every=1, params={"kind": "null"}), AnswerUnreadable),
        (rule("H11", "list_customers", every=1), ServiceDown),
    ],
)  # fmt: skip
async def test_a_read_that_fails_is_never_nothing_there(
    sandbox: Any, control: Control, fault: dict[str, Any], kind: type[ConnectionProblem]
) -> None:
    async with connected(sandbox, control) as wave:
        with control.armed(fault), pytest.raises(kind):
            await wave.find(Lookup(("Emily Alvarez",)))


async def test_a_mark_that_was_lost_is_said_again(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        with control.armed(rule("N1", "send_invoice")):
            bill = await billed(wave)
        assert not bill.draft and control.books("wave")["invoices"][-1]["sent"]
        assert len(control.ledger(op="send_invoice")) == 2


async def test_an_invoice_that_could_not_be_marked_is_not_finished_until_it_is(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as wave:
        with control.armed(rule("N1", "send_invoice", phase="before", times=3)):
            bill = await billed(wave)
        assert bill.draft and not control.books("wave")["invoices"][-1]["sent"]
        assert (await wave.find(Lookup(invoice_numbers=("B-1",)))).invoices[0].draft
        [outcome] = await make(wave, step(replace(bill, draft=False), Action.UPDATE, fields=("draft",)))
        assert isinstance(outcome, Linked) and not outcome.record.draft
        assert not (await wave.find(Lookup(invoice_numbers=("B-1",)))).invoices[0].draft
    assert control.books("wave")["invoices"][-1]["sent"]


async def test_money_with_commas_is_read(sandbox: Any, control: Control) -> None:
    control.settings("wave", money="commas")
    async with connected(sandbox, control) as wave:
        found = await wave.find(Lookup(invoice_numbers=("1002",)))
    assert found.invoices[0].total == Decimal(control.books("wave")["invoices"][1]["total"])


def test_every_kind_opens_a_page(sandbox: Any, control: Control) -> None:
    async def look() -> None:
        async with connected(sandbox, control) as wave:
            assert wave.record_url(Kind.INVOICE, "x") == f"{sandbox.base}/"

    import asyncio

    asyncio.run(look())


# --- signing in ---


def sign_in(sandbox: Any, secret: str = "") -> WaveSignIn:
    service = sandbox.services["wave"]
    keys = AppKeys(service["client_id"], secret or service["client_secret"])
    return WaveSignIn(endpoints(service), keys, clock=ManualClock(datetime.now(UTC)))


async def test_refresh_revoke_and_wrong_keys(sandbox: Any, control: Control) -> None:
    grant = control.grant("wave")
    calls = sign_in(sandbox)
    fresh = await calls.refresh(grant["refresh_token"])
    assert fresh.refresh_token != grant["refresh_token"]
    with pytest.raises(NeedsSignIn):
        await calls.refresh(grant["refresh_token"])
    wrong = sign_in(sandbox, "wrong")
    with pytest.raises(AppKeysWrong):
        await wrong.refresh(fresh.refresh_token)
    control.settings("wave", plan="lapsed")
    with pytest.raises(PlanNeeded):
        await calls.refresh(fresh.refresh_token)
    assert await calls.revoke(fresh.refresh_token)
    with pytest.raises(NeedsSignIn):
        await calls.refresh(NO_REFRESH)
    await calls.close()
    await wrong.close()


async def signed_in(sandbox: Any, calls: WaveSignIn) -> Any:
    """What the owner's browser does, and the code traded."""
    redirect, verifier = sandbox.services["wave"]["redirect_uris"][0], "v" * 43
    url = calls.authorize_url(state="s.1", redirect_uri=redirect, challenge=challenge(verifier))
    async with httpx.AsyncClient(trust_env=False) as browser:
        page = await browser.get(url)
        ticket = re.search(r'name="ticket" value="(\w+)"', page.text)
        assert ticket is not None, page.text
        form = {"ticket": ticket[1], "company": sandbox.services["wave"]["company_id"], "decision": "approve"}
        back = await browser.post(sandbox.services["wave"]["authorize"], data=form)
    query = {name: values[0] for name, values in parse_qs(urlsplit(back.headers["location"]).query).items()}
    assert query["state"] == "s.1" and calls.company_in(query) is None
    return await calls.exchange(query["code"], redirect_uri=redirect, verifier=verifier)


async def test_M2_sign_in_with_pkce_and_a_refresh_that_names_the_address(sandbox: Any, control: Control) -> None:
    calls = sign_in(sandbox)
    grant = await signed_in(sandbox, calls)
    assert "invoice:write" in grant.scope and grant.refresh_token != NO_REFRESH
    await calls.refresh(grant.refresh_token)
    [entry] = control.ledger(op="refresh")
    assert entry["request"]["redirect_uri"] == sandbox.services["wave"]["redirect_uris"][0]
    assert entry["request"]["client_secret"] == "<redacted>"
    await calls.close()


async def test_without_a_refresh_token_the_owner_signs_in_again_in_time(sandbox: Any, control: Control) -> None:
    control.settings("wave", offline="needed")
    service = sandbox.services["wave"]
    keys = AppKeys(service["client_id"], service["client_secret"])
    calls = WaveSignIn(endpoints(service), keys, clock=ManualClock(datetime.now(UTC)), scope="business:read")
    grant = await signed_in(sandbox, calls)
    assert grant.refresh_token == NO_REFRESH
    with pytest.raises(NeedsSignIn):
        await calls.refresh(grant.refresh_token)
    await calls.close()
