"""The FreshBooks provider over real sockets: reading, the table of refusals, sign-in, limits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from desktop.clock import ManualClock, SeededEntropy
from desktop.errors import (
    AccessRefused,
    AnswerUnreadable,
    AppKeysWrong,
    ConnectionProblem,
    GoneRemote,
    InvalidField,
    NeedsSignIn,
    NumberTaken,
    PaymentBlocked,
    RateLimited,
    RuleBroken,
    ServiceDown,
    SignInRefused,
    StaleVersion,
    SubscriptionLapsed,
    TaxProblem,
    UnexpectedAnswer,
)
from desktop.providers.base import Action, AppKeys, InDoubt, Linked, NotSent, RefreshInDoubt, Refused
from desktop.providers.freshbooks import FreshBooks
from desktop.providers.freshbooks_signin import SCOPES, FreshBooksSignIn, companies
from desktop.providers.http import ServiceHttp
from desktop.providers.records import (
    Address,
    Allocation,
    CompanyRef,
    InvoiceRecord,
    LineRecord,
    Lookup,
    PaymentLookup,
    PaymentMethod,
    PaymentRecord,
    Record,
)
from tests.helpers.control import Control
from tests.helpers.reaching import Renewing, endpoints
from tests.providers.freshbooks_support import FS, connected, signing_in
from tests.providers.support import MARKER, customer, item, step

DAY = date(2026, 11, 2)


def work(price: str = "120.05", quantity: str = "2", **fields: Any) -> LineRecord:
    amount = (Decimal(price) * Decimal(quantity)).quantize(Decimal("0.01"))
    known = {"description": "two hours", "item_name": "Gutters"} | fields
    return LineRecord(quantity=Decimal(quantity), unit_price=Decimal(price), amount=amount, **known)


async def make(provider: FreshBooks, *steps: Any) -> list[Any]:
    found = []
    for call in provider.prepare(steps):
        found += await provider.send(call, "unused")
    return found


async def done(provider: FreshBooks, record: Record, action: Action = Action.CREATE, *fields: str) -> Any:
    [outcome] = await make(provider, step(record, action, fields=fields))
    assert isinstance(outcome, Linked), outcome
    return outcome.record


async def billed(provider: FreshBooks, number: str = "B-1", **fields: Any) -> InvoiceRecord:
    who = await done(provider, customer("Nora Stone"))
    bill = InvoiceRecord(number, who.external_id, DAY, (work(),), due_on=DAY + timedelta(30), **fields)
    made = await done(provider, bill)
    assert isinstance(made, InvoiceRecord)
    return made


def paying(bill: InvoiceRecord, amount: str = "100.00", **fields: Any) -> PaymentRecord:
    known = {"reference": "1886", "marker": MARKER, "method": PaymentMethod.CHECK} | fields
    allocations = (Allocation(bill.external_id or "", Decimal(amount)),)
    return PaymentRecord(bill.customer_id, DAY, Decimal(amount), allocations, **known)


async def rows(pages: Any) -> list[Any]:
    return [record async for page in pages for record in page.records]


# --- reading ---


async def test_settings_name_the_business_its_taxes_and_no_accounts(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        settings = await provider.settings()
        assert settings.company == CompanyRef("DM4x7Q", "Acme Plumbing LLC")
        assert (settings.home_currency, settings.country, settings.accounts) == ("USD", "United States", ())
        assert [(tax.name, tax.rate) for tax in settings.tax_codes] == [("Texas State and Local", Decimal("8.25"))]
        assert {one.method for one in settings.payment_methods} == set(PaymentMethod)
        assert not settings.tax_on_total and settings.multi_currency
        assert [e["op"] for e in control.ledger()][-2:] == ["identity", "list_taxes"]


async def test_M10_lists_hold_archived_ones_and_their_totals(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        clients = await rows(provider.customers())
        assert len(clients) == 62 and len([one for one in clients if not one.active]) == 5
        mason = next(one for one in clients if one.display_name == "Mary & John Mason")
        assert (mason.given_name, mason.family_name, mason.company_name) == ("Mary & John", "Mason", "")
        assert len(await rows(provider.items())) == 14
        bills = await rows(provider.invoices())
        assert len(bills) == 16 and all(bill.lines and not bill.draft for bill in bills)
        assert sum(bill.balance for bill in bills) == sum(
            Decimal(row["balance"]) for row in control.books(FS)["invoices"]
        )
        assert {one.method for one in await rows(provider.payments())} >= {PaymentMethod.CASH, PaymentMethod.CARD}


async def test_changed_since_steps_back_a_day_and_drops_what_is_older(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        since = control.clock(0)
        made = await done(provider, customer("Zebra Ltd", company_name="Zebra Ltd"))
        assert [one.external_id for one in await rows(provider.customers(since))] == [made.external_id]
        control.edit("customer", made.external_id, "delete", FS)
        changes = await provider.changes(since)
        assert [one.external_id for one in changes.deleted] == [made.external_id] and changes.complete


@pytest.mark.parametrize("settings", [{"money": "number"}, {"ids": "text"}, {"error_shape": "newer"}])
async def test_B3_what_the_contract_leaves_open_is_read_either_way(
    sandbox: Any, control: Control, settings: dict[str, str]
) -> None:
    control.settings(FS, **settings)
    async with connected(sandbox, control) as provider:
        bill = await billed(provider)
        assert bill.total == Decimal("240.10")
        paid = await done(provider, paying(bill))
        found = await provider.find(Lookup(invoice_ids=(bill.external_id or "",), payment_ids=(paid.external_id,)))
        assert found.invoices[0].balance == Decimal("140.10") and found.payments[0].marker == MARKER
        assert (await provider.find(Lookup(customer_ids=("5",)))).customers == ()


@pytest.mark.parametrize("kind", ["repeat", "endless", "empty", "total"])
async def test_L3_a_list_ends_whatever_its_counters_say(sandbox: Any, control: Control, kind: str) -> None:
    async with connected(sandbox, control) as provider:
        control.faults({"id": "L3", "provider": FS, "nth": 1, "times": 99, "params": {"kind": kind}})
        before = len(control.ledger())
        found = await rows(provider.customers())
        assert len({one.external_id for one in found}) == len(found) >= 57
        assert len(control.ledger()) - before < 20


async def test_L2_a_list_that_shrinks_is_read_again(sandbox: Any, control: Control) -> None:
    control.reset("large")
    async with connected(sandbox, control, company="LG2w8T", windows=()) as provider:
        seen: set[str] = set()
        gone = 0
        async for page in provider.items():
            seen |= {one.external_id or "" for one in page.records}
            if not gone:
                first = min(seen, key=int)
                control.edit("item", first, "delete", FS, company_id="LG2w8T")
                gone = 1
        left = {row["id"] for row in control.books(FS, "LG2w8T")["items"]}
        assert left <= seen


async def test_names_and_numbers_are_compared_exactly_and_deleted_ones_are_gone(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        bill = await billed(provider, "N-1")
        await done(provider, replace(bill, number="N-11", external_id=None))
        found = await provider.find(
            Lookup(("nora stone", "Gerald Pike", "Nobody"), ("SERVICE CALL",), ("N-1",), customer_ids=("310001",))
        )
        assert [one.number for one in found.invoices] == ["N-1"]
        assert {one.display_name for one in found.customers} == {"Nora Stone", "Gerald Pike", "Emily Alvarez"}
        assert not next(one for one in found.customers if one.display_name == "Gerald Pike").active
        assert [one.name for one in found.items] == ["Service call"]
        control.edit("invoice", bill.external_id or "", "delete", FS)
        assert (await provider.find(Lookup(invoice_numbers=("N-1",)))).invoices == ()
        [left] = (await provider.find(Lookup(invoice_ids=(bill.external_id or "",)))).invoices
        assert left.voided


async def test_a_name_made_there_later_is_found_by_what_changed(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        assert not (await provider.find(Lookup(("Late Ltd",), ("Late",), ("L-1", "L-2")))).customers
        made = control.edit("customer", "", {"create": {"display_name": "Late Ltd"}}, FS)
        before = len(control.ledger())
        assert (await provider.find(Lookup(("Late Ltd",)))).customers[0].external_id == made["id"]
        assert [e["op"] for e in control.ledger(before)] == ["list_customers", "get_customer"]
        assert "updated_min" in control.ledger(before)[0]["path"]


async def test_payments_are_found_by_invoice_or_by_day(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        bill = await billed(provider)
        paid = await done(provider, paying(bill))
        for question in (
            PaymentLookup(bill.customer_id, DAY, "1886"),
            PaymentLookup("", DAY, invoice_ids=(bill.external_id or "",)),
        ):
            found = await provider.find(Lookup(payments=(question,)))
            assert [one.external_id for one in found.payments] == [paid.external_id]


async def test_B7_a_row_that_makes_no_sense_is_counted_not_guessed(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        control.faults({"id": "B7", "provider": FS, "op": "list_invoices", "params": {"kind": "date"}})
        page = await anext(aiter(provider.invoices()))
        assert page.records[0].issued_on == date(1, 1, 1) or page.unreadable
        control.faults({"id": "B3", "provider": FS, "op": "list_customers", "params": {"kind": "null"}})
        with pytest.raises(AnswerUnreadable):
            await rows(provider.customers())


# --- writing ---


async def test_a_new_invoice_ends_as_sent_and_every_field_arrives(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        [tax] = (await provider.settings()).tax_codes
        address = Address("1 Elm St", "Apt 2", "Austin", "TX", "78701", "US")
        known = customer("Stone & Co", company_name="Stone & Co", given_name="Nora", email="n@example.com",
                         phone="555-0100", address=address, marker=MARKER)  # fmt: skip
        who = await done(provider, known)
        assert (who.display_name, who.given_name, who.marker) == ("Stone & Co", "Nora", MARKER)
        assert who.address == replace(address, country="United States")
        lines = (work(taxable=True, tax_code_id=tax.external_id), work("10.00", "0.5", description="line\ntwo"))
        bill = InvoiceRecord(
            "A-1", who.external_id, DAY, lines, due_on=DAY + timedelta(14), memo="Thank you", currency="USD",
            discount=Decimal("24.51"), discount_percent=Decimal(10),
        )  # fmt: skip
        made = await done(provider, bill)
        assert (made.number, made.issued_on, made.due_on, made.memo) == ("A-1", DAY, DAY + timedelta(14), "Thank you")
        assert made.lines[0].tax_code_id == tax.external_id and made.lines[1].description == "line\ntwo"
        assert (made.discount, made.tax_total, made.total) == (Decimal("24.51"), Decimal("17.83"), Decimal("238.42"))
        assert not made.draft and control.books(FS)["invoices"][-1]["status"] == "open"
        lamp = await done(provider, item("Lamp", marker=MARKER, unit_price=Decimal("9.5"), description="bright"))
        assert (lamp.unit_price, lamp.marker, lamp.description) == (Decimal("9.50"), MARKER, "bright")


async def test_I6_an_update_writes_only_the_fields_it_names(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        who = await done(provider, customer("Ann Bell", phone="555-0101", email="a@example.com"))
        before = len(control.ledger())
        changed = await done(provider, replace(who, phone="555-0102", email=""), Action.UPDATE, "phone")
        assert (changed.phone, changed.email) == ("555-0102", "a@example.com")
        assert control.ledger(before, op="update_customer")[0]["request"] == {"client": {"bus_phone": "555-0102"}}
        archived = await done(provider, replace(changed, active=False), Action.UPDATE, "active")
        assert not archived.active


async def test_payments_are_changed_and_taken_back(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        bill = await billed(provider)
        paid = await done(provider, paying(bill))
        assert (paid.reference, paid.marker, paid.method) == ("1886", MARKER, PaymentMethod.CHECK)
        smaller = replace(paying(bill, "60.00"), external_id=paid.external_id, version=paid.version)
        changed = await done(provider, smaller, Action.UPDATE, "amount", "allocations")
        assert changed.amount == Decimal("60.00") and changed.marker == MARKER
        back = await done(provider, changed, Action.VOID)
        assert back.voided
        [again] = (await provider.find(Lookup(invoice_ids=(bill.external_id or "",)))).invoices
        assert again.balance == Decimal("240.10")
        assert (await done(provider, again, Action.VOID)).voided


async def test_D3_H10_a_record_that_changed_there_is_not_written_over(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        who = await done(provider, customer("Ann Bell"))
        control.clock(3)
        control.edit("customer", who.external_id, {"email": "there@example.com"}, FS)
        [outcome] = await make(provider, step(replace(who, phone="1"), Action.UPDATE, fields=("phone",)))
        assert isinstance(outcome, Refused) and isinstance(outcome.error, StaleVersion)
        control.edit("customer", who.external_id, "delete", FS)
        [outcome] = await make(provider, step(replace(who, phone="1"), Action.UPDATE, fields=("phone",)))
        assert isinstance(outcome, Refused) and isinstance(outcome.error, GoneRemote)
        assert "Ann Bell" in outcome.error.title and not control.ledger(op="update_customer")


async def test_a_lost_mark_as_sent_is_read_before_it_is_repeated(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        control.faults({"id": "N1", "provider": FS, "op": "send_invoice"})
        assert not (await billed(provider)).draft
        assert len(control.ledger(op="send_invoice")) == 1
        control.faults({"id": "N2", "provider": FS, "op": "send_invoice"})
        assert not (await billed(provider, "B-2")).draft
        assert len(control.ledger(op="send_invoice")) == 3


async def test_N11_an_answer_about_another_record_is_no_proof(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        control.faults({"id": "N11", "provider": FS, "op": "create_customer"})
        first, second = await make(provider, step(customer("One Ltd")), step(customer("Two Ltd"), ref="customer:2"))
        assert isinstance(first, Linked)
        if isinstance(second, Linked):
            assert second.record.display_name == "Two Ltd"  # type: ignore[union-attr]
        names = [row["display_name"] for row in control.books(FS)["customers"]]
        assert names.count("One Ltd") == 1 and names.count("Two Ltd") <= 1


# --- the table of refusals (contract 9), each armed at the service ---

REFUSALS: Sequence[tuple[dict[str, Any], type, str]] = [
    ({"code": "1001", "field": "email"}, InvalidField, "edit_customer"),
    ({"code": "1004", "field": "organization"}, InvalidField, "edit_customer"),
    ({"code": "1017", "field": "p_city"}, InvalidField, "edit_customer"),
    ({"code": "1033", "field": ""}, RuleBroken, "edit_customer"),
    ({"code": "1019", "field": "tax2"}, TaxProblem, "open_tax"),
    ({"code": "1011", "field": "userid"}, GoneRemote, "link_customer"),
    ({"code": "1012", "field": "userid"}, GoneRemote, "link_customer"),
    ({"code": "1004", "field": "invoice_number"}, NumberTaken, "change_number"),
    ({"code": "7777", "field": ""}, UnexpectedAnswer, "retry"),
]


@pytest.mark.parametrize("shape", ["classic", "newer", "in a 200"])
@pytest.mark.parametrize(("params", "kind", "fix"), REFUSALS, ids=lambda value: str(value)[:30])
async def test_B4_each_refusal_has_its_sentence_and_its_fix(
    sandbox: Any, control: Control, params: dict[str, Any], kind: type, fix: str, shape: str
) -> None:
    async with connected(sandbox, control) as provider:
        fault = "B4" if shape == "in a 200" else "FAULT"
        more = {"shape": "newer"} if shape == "newer" else {}
        control.faults({"id": fault, "provider": FS, "op": "create_customer", "params": params | more})
        [outcome] = await make(provider, step(customer("Ann Bell"), ref="customer:7"))
        assert isinstance(outcome, Refused), outcome
        assert type(outcome.error) is kind and outcome.error.fix.value == fix
        assert outcome.error.concerns[0].local_id == 7 and outcome.error.title
        assert str(params["code"]) in outcome.error.details


CONNECTION: Sequence[tuple[dict[str, Any], type]] = [
    ({"id": "H8", "params": {"kind": "scope"}}, AccessRefused),
    ({"id": "H8", "params": {"kind": "user"}}, AccessRefused),
    ({"id": "H12"}, SubscriptionLapsed),
    ({"id": "A1", "times": 9}, NeedsSignIn),
]


@pytest.mark.parametrize(("fault", "kind"), CONNECTION, ids=lambda value: str(value)[:40])
async def test_what_concerns_the_whole_connection_sends_nothing(
    sandbox: Any, control: Control, fault: dict[str, Any], kind: type
) -> None:
    async with connected(sandbox, control) as provider:
        control.faults({"provider": FS, "op": "create_customer", **fault})
        [outcome] = await make(provider, step(customer("Ann Bell")))
        assert isinstance(outcome, NotSent) and type(outcome.problem) is kind and outcome.problem.sentence
        if kind is AccessRefused and fault["params"]["kind"] == "scope":
            assert "leave" in outcome.problem.title and "user:invoices:write" in outcome.problem.details


async def test_401_once_is_mended_by_one_refresh(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        control.faults({"id": "A1", "provider": FS, "op": "create_customer"})
        assert await done(provider, customer("Ann Bell"))
        assert len(control.ledger(op="refresh")) == 1


@pytest.mark.parametrize("status", [502, 503])
async def test_H6_a_gateway_page_leaves_a_write_in_doubt_and_a_read_for_later(
    sandbox: Any, control: Control, status: int
) -> None:
    async with connected(sandbox, control) as provider:
        control.faults({"id": "H6", "provider": FS, "nth": 1, "times": 99, "params": {"status": status}})
        [outcome] = await make(provider, step(customer("Ann Bell")))
        assert isinstance(outcome, InDoubt) and isinstance(outcome.problem, ServiceDown)
        with pytest.raises(ServiceDown):
            await rows(provider.customers())


async def test_H10_409_is_tried_three_times_for_a_new_record(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        busy = {
            "id": "FAULT",
            "provider": FS,
            "op": "create_customer",
            "nth": 1,
            "params": {"code": "409", "status": 409},
        }
        control.faults({**busy, "times": 2})
        assert await done(provider, customer("Ann Bell"))
        control.faults({**busy, "times": 3})
        [outcome] = await make(provider, step(customer("Cid Bell")))
        assert isinstance(outcome, Refused) and "busy" in outcome.error.title
        who = await done(provider, customer("Dan Bell"))
        control.faults({"id": "H10", "provider": FS, "op": "update_customer"})
        [outcome] = await make(provider, step(replace(who, phone="1"), Action.UPDATE, fields=("phone",)))
        assert isinstance(outcome, Refused) and isinstance(outcome.error, StaleVersion)


async def test_H1_H2_waits_are_kept_and_rise_when_no_time_is_named(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        control.faults({"id": "H1", "provider": FS, "op": "create_customer", "params": {"retry_after": 7}})
        clock = provider._http.clock
        start = clock.monotonic()
        assert await done(provider, customer("Ann Bell"))
        assert 7 <= clock.monotonic() - start < 9
        control.faults(
            {"id": "H2", "provider": FS, "op": "create_customer", "nth": 1, "times": 2, "params": {"wait_s": 1}}
        )
        start = clock.monotonic()
        assert await done(provider, customer("Bob Bell"))
        assert 3 <= clock.monotonic() - start < 5
        control.faults({"id": "H2", "provider": FS, "op": "create_customer", "nth": 1, "times": 9})
        [outcome] = await make(provider, step(customer("Cid Bell")))
        assert isinstance(outcome, NotSent) and isinstance(outcome.problem, RateLimited)


async def test_I14_E11_what_is_promised_about_limits_is_kept(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        control.settings(FS, limits="real")
        for at in range(12):
            assert await done(provider, customer(f"Customer {at}", company_name="x"))
        meter = control.meter(FS)
        assert meter["refused"] == 0 and meter["peaks"]["per_second"] <= 4 and meter["peaks"]["concurrent"] <= 3


async def test_a_draft_can_not_be_paid_and_says_so(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        who = await done(provider, customer("Ann Bell"))
        fields = {"customer_id": who.external_id, "number": "D-1", "date": "2026-11-01", "draft": True,
                  "lines": [{"description": "x", "unit_price": "10"}]}  # fmt: skip
        draft = control.edit("invoice", "", {"create": fields}, FS)
        bill = InvoiceRecord("D-1", who.external_id, DAY, external_id=draft["id"])
        [outcome] = await make(provider, step(paying(bill, "10.00")))
        assert isinstance(outcome, Refused) and isinstance(outcome.error, PaymentBlocked)


# --- the company and the sign-in ---


async def test_W3_a_grant_reaches_several_businesses_and_the_id_decides(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as provider:
        found = await companies(provider._http)
        assert [(one.external_id, one.name) for one in found] == [
            ("DM4x7Q", "Acme Plumbing LLC"), ("EM9k2R", "Bluebird Cleaning Co"),
        ]  # fmt: skip
        other = FreshBooks(provider._http, CompanyRef("EM9k2R"))
        assert (await other.settings()).company.name == "Bluebird Cleaning Co"
        assert await rows(other.customers()) == []
        with pytest.raises(AccessRefused):
            await FreshBooks(provider._http, CompanyRef("NOBODY")).settings()
        control.settings(FS, lapsed=True)
        assert "not active" in (await companies(provider._http))[0].unusable
        with pytest.raises(SubscriptionLapsed):
            await provider.settings()


def approve(service: dict[str, Any], url: str) -> dict[str, str]:
    """What comes back in the redirect."""
    with httpx.Client(trust_env=False, verify=False) as http:
        page = http.get(url)
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
        assert ticket, page.text
        answer = http.post(service["authorize"], data={"ticket": ticket[1], "decision": "approve"})
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


async def test_M2_A6_from_the_consent_page_to_tokens_that_work_once(sandbox: Any, control: Control) -> None:
    service = sandbox.services[FS]
    bounce = "https://bounce.example.com/callback"
    control.settings(FS, redirect_uris=[bounce], redirects="https")
    sign_in = signing_in(service, ManualClock(datetime.now(UTC)))
    try:
        url = sign_in.authorize_url(state="s" * 22, redirect_uri=bounce)
        query = parse_qs(urlsplit(url).query)
        assert query["scope"] == [SCOPES] and "client_secret" not in url
        back = approve(service, url)
        assert back["state"] == "s" * 22 and sign_in.company_in(back) is None
        first = await sign_in.exchange(back["code"], redirect_uri=bounce)
        assert first.refresh_expires_at is None and "user:invoices:write" in first.scope
        with pytest.raises(SignInRefused):
            await sign_in.exchange(back["code"], redirect_uri=bounce)
        back = approve(service, url)
        first = await sign_in.exchange(back["code"], redirect_uri=bounce)
        second = await sign_in.refresh(first.refresh_token)
        assert second.refresh_token != first.refresh_token
        sent = control.ledger(op="refresh")[-1]["request"]
        assert sent["redirect_uri"] == bounce and sent["client_secret"] == "<redacted>"
        with pytest.raises(NeedsSignIn):
            await sign_in.refresh(first.refresh_token)
        control.faults({"id": "A6", "provider": FS})
        with pytest.raises(RefreshInDoubt):
            await sign_in.refresh(second.refresh_token)
        with pytest.raises(NeedsSignIn):
            await sign_in.refresh(second.refresh_token)
        third = await sign_in.exchange(approve(service, url)["code"], redirect_uri=bounce)
        assert await sign_in.revoke(third.refresh_token) and await sign_in.revoke(third.refresh_token)
    finally:
        await sign_in.close()


async def test_A8_wrong_keys_and_trouble_are_not_the_owners_sign_in(sandbox: Any, control: Control) -> None:
    service, clock = sandbox.services[FS], ManualClock(datetime.now(UTC))
    wrong = FreshBooksSignIn(endpoints(service), AppKeys(service["client_id"], "nonsense"), clock=clock)
    right = signing_in(service, clock)
    grant = control.grant(FS)
    try:
        with pytest.raises(AppKeysWrong):
            await wrong.refresh(grant["refresh_token"])
        control.faults({"id": "H4", "provider": FS, "op": "refresh"})
        with pytest.raises(RateLimited):
            await right.refresh(grant["refresh_token"])
        control.faults({"id": "A8", "provider": FS, "params": {"kind": "5xx"}})
        with pytest.raises(ConnectionProblem) as trouble:
            await right.refresh(grant["refresh_token"])
        assert not isinstance(trouble.value, NeedsSignIn)
        control.faults({"id": "A9", "provider": FS})
        kept = await right.refresh(grant["refresh_token"])
        assert kept.refresh_token == grant["refresh_token"]
        control.faults({"id": "A8", "provider": FS})
        with pytest.raises(NeedsSignIn):
            await right.refresh(kept.refresh_token)
    finally:
        await wrong.close()
        await right.close()


async def test_identity_that_can_not_be_read_is_never_no_company(sandbox: Any, control: Control) -> None:
    service, clock = sandbox.services[FS], ManualClock(datetime.now(UTC))
    sign_in = signing_in(service, clock)
    http = ServiceHttp(
        base=service["api"], service="FreshBooks", tokens=Renewing(sign_in, control.grant(FS)), clock=clock,
        entropy=SeededEntropy(1),
    )  # fmt: skip
    try:
        control.faults({"id": "B3", "provider": FS, "op": "identity", "params": {"kind": "list"}})
        with pytest.raises(AnswerUnreadable):
            await companies(http)
    finally:
        await http.close()
        await sign_in.close()


async def test_M88_one_name_among_twenty_thousand_costs_a_handful_of_calls(sandbox: Any, control: Control) -> None:
    control.reset("large")
    async with connected(sandbox, control, company="LG2w8T", windows=()) as provider:
        known = control.books(FS, "LG2w8T")
        firm = next(row for row in known["customers"] if row["company_name"])["display_name"]
        person = next(row for row in known["customers"] if not row["company_name"])["display_name"]
        before = len(control.ledger())
        found = await provider.find(Lookup((firm, person), invoice_numbers=(known["invoices"][7]["number"],)))
        assert {firm, person} <= {one.display_name for one in found.customers}
        assert [one.external_id for one in found.invoices] == [known["invoices"][7]["id"]]
        assert len(control.ledger()) - before <= 12
