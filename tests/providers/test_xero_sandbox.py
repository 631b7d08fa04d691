"""The Xero provider over real sockets: what it says became of a write is what the other side's books hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from desktop.clock import SeededEntropy, SystemClock
from desktop.errors import (
    AccessRefused,
    AccountUnusable,
    CurrencyRefused,
    Fix,
    GoneRemote,
    InternalMistake,
    InvalidField,
    ItemError,
    MissingCustomer,
    NameTaken,
    NeedsSignIn,
    NumberTaken,
    PaymentBlocked,
    PeriodClosed,
    PlanLacksFeature,
    RateLimited,
    RuleBroken,
    ServiceDown,
    SignInRefused,
    StaleVersion,
    TaxProblem,
    TotalsDiffer,
    UnexpectedAnswer,
)
from desktop.providers import xero_asking
from desktop.providers.base import Action, InDoubt, Linked, NotSent, Refused
from desktop.providers.http import ServiceHttp
from desktop.providers.records import (
    AccountKind,
    CompanyRef,
    Kind,
    Lookup,
    PaymentLookup,
    PaymentMethod,
)
from desktop.providers.xero import Xero
from desktop.providers.xero_signin import SCOPE, organisations
from tests.helpers.control import Control
from tests.helpers.reaching import sign_in_at
from tests.providers.support import Tokens
from tests.providers.xero_support import (
    MARKER,
    SERVICE,
    billed,
    connected,
    customer,
    done,
    invoice,
    item,
    line,
    make,
    payment,
    step,
)

# --- the whole way ---


async def test_M62_M67_M76_M78_from_customer_to_payment(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        bill = await billed(xero, discount=Decimal("24.01"), discount_percent=Decimal(10))
        assert (bill.number, bill.total) == ("B-1", Decimal("216.09"))
        assert (bill.memo, bill.discount, bill.lines[0].amount) == ("Thank you", Decimal("24.01"), Decimal("240.10"))
        paid = await done(xero, payment(bill, method=PaymentMethod.CHECK), key="p")
        assert (paid.method, paid.reference, paid.marker) == (PaymentMethod.CHECK, "1886", MARKER)
        found = await xero.find(
            Lookup(
                customer_names=("nora STONE",),
                item_names=("Service call",),
                invoice_numbers=("b-1",),
                payments=(PaymentLookup(bill.customer_id, date(2026, 11, 21), "1886"),),
            )
        )
        assert [one.display_name for one in found.customers] == ["Nora Stone"]
        assert [one.name for one in found.items] == ["Service call"]
        assert [one.balance for one in found.invoices] == [Decimal("116.09")]
        assert [one.external_id for one in found.payments] == [paid.external_id]
    books = control.books(SERVICE)
    [row] = [one for one in books["payments"] if one["id"] == paid.external_id]
    assert row["reference"].startswith("Check 1886 BC-") and row["deposit_account_id"] == "090"


async def test_N4_the_payment_method_decides_the_account(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        bill = await billed(xero)
        paid = await done(xero, payment(bill, deposit_account_id="610"), key="p")
        assert paid.deposit_account_id == "610"
        [refused] = await make(xero, step(payment(bill, deposit_account_id="200")), key="q" * 32)
        assert isinstance(refused, Refused) and refused.error.fix is Fix.CHOOSE_DEPOSIT_ACCOUNT


async def test_settings_and_lists_of_the_demo_company(sandbox: Any, control: Control) -> None:
    books = control.books(SERVICE)
    async with connected(sandbox, control, read=False) as xero:
        settings = await xero.settings()
        assert (settings.company.name, settings.home_currency) == (books["company"]["name"], "USD")
        assert {one.external_id for one in settings.accounts} == {one["id"] for one in books["accounts"]}
        assert {one.external_id for one in settings.tax_codes} == {one["id"] for one in books["tax_codes"]}
        assert [one.external_id for one in settings.accounts if one.is_default] == ["090"]
        income = [one for one in settings.accounts if one.kind is AccountKind.INCOME]
        assert any(not one.active for one in income) and not settings.tax_on_total
        for pages, name in (
            (xero.customers(), "customers"),
            (xero.items(), "items"),
            (xero.invoices(), "invoices"),
            (xero.payments(), "payments"),
        ):
            found = [one async for page in pages for one in page.records]
            assert {one.external_id for one in found} == {one["id"] for one in books[name]}, name
        assert control.meter(SERVICE)["calls"] == 7


async def test_C1_C9_five_kinds_of_updates_reach_the_books(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        bill = await billed(xero)
        later = replace(bill, due_on=date(2026, 12, 24), memo="", lines=(*bill.lines, line("SVC-HOUR", "1", "10")))
        changed = await done(xero, later, Action.UPDATE, "due_on", "memo", "lines", key="u")
        assert (changed.due_on, changed.memo, changed.total) == (date(2026, 12, 24), "", Decimal("250.10"))
        [first] = [row for row in control.books(SERVICE)["invoices"] if row["number"] == "B-1"]
        paid = await done(xero, payment(changed), key="p")
        more = replace(paid, amount=Decimal("50.00"), allocations=payment(changed, "50.00").allocations)
        again = await done(xero, more, Action.UPDATE, "amount", key="r")
        assert again.amount == Decimal("50.00") and again.external_id != paid.external_id
        gone = await done(xero, again, Action.DELETE, key="d")
        assert gone.voided and gone.external_id == again.external_id
        [twice] = await make(xero, step(again, Action.DELETE), key="e" * 32)
        assert isinstance(twice, Linked), "deleted already is deleted"
        [now] = (await xero.find(Lookup(invoice_ids=(bill.external_id or "",)))).invoices
        assert now.balance == Decimal("250.10")
        void = await done(xero, now, Action.VOID, key="v")
        assert void.voided and void.balance == 0
        [same] = await make(xero, step(void, Action.VOID), key="w" * 32)
        assert isinstance(same, Linked)
        who = (await xero.find(Lookup(customer_ids=(bill.customer_id,)))).customers[0]
        moved = await done(xero, replace(who, phone="512-555-0100"), Action.UPDATE, "phone", key="x")
        assert moved.phone == "512-555-0100"
        what = (await xero.find(Lookup(item_ids=("SVC-CALL",)))).items[0]
        dear = replace(what, unit_price=Decimal("99.1234"), income_account_id="210")
        priced = await done(xero, dear, Action.UPDATE, "unit_price", "income_account_id", key="y")
        assert (priced.unit_price, priced.income_account_id) == (Decimal("99.1234"), "210")
        archived = await done(xero, moved, Action.DELETE, key="z")
        assert not archived.active


async def test_lines_keep_their_ids_when_an_invoice_changes(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        bill = await billed(xero, lines=(line(), line("SVC-HOUR", "1", "10")))

        def ids() -> list[str]:
            [row] = [one for one in control.books(SERVICE)["invoices"] if one["number"] == "B-1"]
            return [one["id"] for one in row["lines"]]

        before = ids()
        turned = replace(bill, lines=(bill.lines[1], replace(bill.lines[0], quantity=Decimal(3))))
        await done(xero, turned, Action.UPDATE, "lines", key="u")
        assert ids() == before[::-1]


async def test_changes_tell_what_was_voided_and_deleted(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        bill = await billed(xero)
        since = datetime.now(UTC) - timedelta(hours=1)
        paid = await done(xero, payment(bill), key="p")
        control.edit("payment", paid.external_id, "delete", SERVICE)
        control.edit("invoice", bill.external_id or "", "void", SERVICE)
        changes = await xero.changes(since)
        assert (Kind.PAYMENT, paid.external_id) in {(one.kind, one.external_id) for one in changes.deleted}
        assert [one.voided for one in changes.invoices if one.external_id == bill.external_id] == [True]
        assert {one.display_name for one in changes.customers} == {"Nora Stone"} and changes.complete
        later = await xero.changes(datetime.now(UTC) + timedelta(hours=1))
        assert not (later.customers or later.items or later.invoices or later.payments or later.deleted)


async def test_least_calls_for_two_hundred_invoices(sandbox: Any, control: Control) -> None:
    """Contract 8.2: 40 contacts, 30 items, 200 invoices, 150 payments are nine calls; reading back takes three."""
    control.settings(SERVICE, limits="off")
    async with connected(sandbox, control, windows=()) as xero:
        before = control.meter(SERVICE)["calls"]
        people = [step(customer(f"Customer {at}"), ref=f"customer:{at}") for at in range(40)]
        things = [step(item(f"Thing {at}"), ref=f"item:{at}") for at in range(30)]
        made = await make(xero, *people, *things, key="1" * 32)
        ids = [one.record.external_id for one in made if isinstance(one, Linked)]
        assert len(ids) == 70
        bills = [step(invoice(str(ids[at % 40]), f"N-{at}"), ref=f"invoice:{at}") for at in range(200)]
        sent = [one.record for one in await make(xero, *bills, key="2" * 32) if isinstance(one, Linked)]
        assert len(sent) == 200
        pays = [step(payment(sent[at], marker=""), ref=f"payment:{at}") for at in range(150)]  # type: ignore[arg-type]
        paid = [one.record for one in await make(xero, *pays, key="3" * 32) if isinstance(one, Linked)]
        assert len(paid) == 150
        assert control.meter(SERVICE)["calls"] - before == 9
        lookup = Lookup(
            customer_ids=tuple(map(str, ids[:40])),
            item_ids=tuple(map(str, ids[40:])),
            invoice_ids=tuple(str(one.external_id) for one in sent),
            payment_ids=tuple(str(one.external_id) for one in paid),
        )
        found = await xero.find(lookup)
        assert [len(group) for group in (found.customers, found.items, found.invoices, found.payments)] == [
            40, 30, 200, 150,
        ]  # fmt: skip
        assert control.meter(SERVICE)["calls"] - before == 12


@pytest.mark.slow
async def test_L1_twenty_thousand_customers(sandbox: Any, control: Control) -> None:
    control.reset("large")
    async with connected(sandbox, control, read=False, read_deadline=60.0) as xero:
        xero = Xero(xero._http, CompanyRef(control.books(SERVICE)["company"]["id"]))
        control.grant(SERVICE)
        seen: set[str | None] = set()
        async for page in xero.customers():
            seen |= {one.external_id for one in page.records}
        assert len(seen) == page.total == 20_000


# --- refusals by the other side's rules ---


async def test_D2_a_name_that_is_taken_and_one_that_is_free(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        await done(xero, customer(), key="c")
        first, second = await make(xero, step(customer("NORA stone"), ref="customer:5"), step(customer("Free")))
        assert isinstance(first, Refused) and isinstance(first.error, NameTaken)
        assert first.error.concerns[0].local_id == 5 and isinstance(second, Linked)


async def test_M143_D1_a_number_that_is_taken(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        bill = await billed(xero)
        [outcome] = await make(xero, step(replace(bill, external_id=None, version=None)), key="n" * 32)
        assert isinstance(outcome, Refused) and isinstance(outcome.error, NumberTaken)
        found = await xero.find(Lookup(invoice_numbers=("B-1",)))
        assert [one.number for one in found.invoices] == ["B-1"]


async def test_D3_N10_what_changed_there_meanwhile_is_not_overwritten(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        bill = await billed(xero)
        control.edit("invoice", bill.external_id or "", {"memo": "Theirs"}, SERVICE)
        [outcome] = await make(xero, step(replace(bill, memo="Ours"), Action.UPDATE, fields=("memo",)), key="s" * 32)
        assert isinstance(outcome, Refused) and isinstance(outcome.error, StaleVersion)
        assert [one["memo"] for one in control.books(SERVICE)["invoices"] if one["number"] == "B-1"] == ["Theirs"]


async def test_D4_an_archived_customer_and_one_that_is_not_there(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        who = await done(xero, customer(), key="c")
        control.edit("customer", who.external_id, "archive", SERVICE)
        [update] = await make(xero, step(who, Action.UPDATE, fields=("phone",)), key="d" * 32)
        assert isinstance(update, Refused) and isinstance(update.error, GoneRemote)
        other = await done(xero, customer("Other"), key="e")
        bills = [
            step(invoice(who.external_id, "A-1"), ref="invoice:1"),
            step(invoice(other.external_id, "A-2"), ref="invoice:2"),
            step(invoice("00000000-0000-4000-8000-000000000000", "A-3"), ref="invoice:3"),
        ]
        archived, good, unknown = await make(xero, *bills, key="f" * 32)
        assert isinstance(archived, Refused) and isinstance(archived.error, GoneRemote)
        assert isinstance(good, Linked), "a good one is not lost with an unknown id beside it"
        assert isinstance(unknown, Refused) and isinstance(unknown.error, GoneRemote)


async def test_D12_a_locked_period_is_known_and_refused(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        who = await done(xero, customer(), key="c")
        control.settings(SERVICE, period_lock_date="2026-06-30", end_of_year_lock_date="2025-12-31")
        assert (await xero.settings()).closed_until == date(2026, 6, 30)
        old = invoice(who.external_id, due_on=date(2026, 6, 1))
        [outcome] = await make(xero, step(replace(old, issued_on=date(2026, 5, 1))), key="o" * 32)
        assert isinstance(outcome, Refused) and isinstance(outcome.error, PeriodClosed)
        assert "Jun 30, 2026" in outcome.error.title


ROWS: list[tuple[str, Kind, type[ItemError], Fix, str]] = [
    ("The contact name X is already assigned to another contact. The contact name must be unique across all active "
     "contacts.", Kind.CUSTOMER, NameTaken, Fix.LINK_CUSTOMER, "already used by another contact"),
    ("The specified contact details matched an archived contact. Archived contacts cannot currently be edited via "
     "the API.", Kind.CUSTOMER, GoneRemote, Fix.LINK_CUSTOMER, "made inactive in Xero"),
    ("Account Number already exists", Kind.CUSTOMER, RuleBroken, Fix.EDIT_CUSTOMER, "account number belongs"),
    ("Email address must be valid.", Kind.CUSTOMER, InvalidField, Fix.EDIT_CUSTOMER, "rejects the e-mail address"),
    ("The Contact must contain at least 1 of the following elements", Kind.INVOICE, MissingCustomer,
     Fix.LINK_CUSTOMER, "has no customer in Xero"),
    ("A Contact must be specified for this type of transaction", Kind.INVOICE, MissingCustomer, Fix.LINK_CUSTOMER,
     "has no customer in Xero"),
    ("Invoice # must be unique.", Kind.INVOICE, NumberTaken, Fix.CHANGE_NUMBER, "B-1 is already used in Xero"),
    ("One or more line items must be specified", Kind.INVOICE, InvalidField, Fix.EDIT_INVOICE, "B-1 has no lines"),
    ("Account code '999' is not a valid code for this document.", Kind.INVOICE, AccountUnusable, Fix.OPEN_MAPPING,
     "“999” can no longer be used"),
    ("Account must be valid.", Kind.ITEM, AccountUnusable, Fix.OPEN_MAPPING, "can no longer be used"),
    ("Account must be valid.", Kind.PAYMENT, PaymentBlocked, Fix.CHOOSE_DEPOSIT_ACCOUNT, "on the chosen account"),
    ("Tax rate must be valid.", Kind.INVOICE, TaxProblem, Fix.OPEN_TAX, "does not accept the tax"),
    ("The TaxType code 'INPUT' cannot be used with account code '200'.", Kind.INVOICE, TaxProblem, Fix.OPEN_TAX,
     "Tax rate INPUT can't be used with account 200"),
    ("Invoice not of valid status for modification", Kind.INVOICE, RuleBroken, Fix.EDIT_INVOICE,
     "can no longer be changed from here"),
    ("This document cannot be edited as it has a payment or credit note allocated to it.", Kind.INVOICE, RuleBroken,
     Fix.EDIT_INVOICE, "can no longer be changed from here"),
    ("The status 'VOIDED' cannot be applied to the invoice because it has payments", Kind.INVOICE, RuleBroken,
     Fix.EDIT_INVOICE, "can no longer be changed from here"),
    ("Invoice not of valid status for creation", Kind.INVOICE, InternalMistake, Fix.RETRY, "can't accept"),
    ("The document date cannot be before the period lock date (2026-06-30).", Kind.INVOICE, PeriodClosed,
     Fix.EDIT_INVOICE, "closed up to Jun 30, 2026"),
    ("Date cannot be before the end of year lock date", Kind.PAYMENT, PeriodClosed, Fix.EDIT_PAYMENT, "are closed"),
    ("The invoice total does not equal the sum of the lines", Kind.INVOICE, TotalsDiffer, Fix.SHOW_DIFFERENCE,
     "calculates"),
    ("The line total 10.00 does not match the expected line total 10.01", Kind.INVOICE, TotalsDiffer,
     Fix.SHOW_DIFFERENCE, "calculates 10.01"),
    ("Discount must not be greater than the line total.", Kind.INVOICE, InvalidField, Fix.EDIT_INVOICE,
     "larger than the line"),
    ("Organisation is not subscribed to currency EUR", Kind.INVOICE, CurrencyRefused, Fix.EDIT_INVOICE,
     "does not have currency EUR"),
    ("You have reached the limit of invoices you can approve", Kind.INVOICE, PlanLacksFeature, Fix.RETRY,
     "monthly invoice limit is reached"),
    ("Payment amount exceeds the amount outstanding on this document", Kind.PAYMENT, PaymentBlocked,
     Fix.EDIT_PAYMENT, "larger than what is still due"),
    ("Payments can only be made against Authorised documents", Kind.PAYMENT, PaymentBlocked, Fix.LINK_INVOICE,
     "not approved in Xero"),
    ("Price List Item with Code 'X' already exists", Kind.ITEM, NameTaken, Fix.LINK_ITEM, "another item"),
    ("Something Xero never said before", Kind.INVOICE, RuleBroken, Fix.EDIT_INVOICE,
     "Xero refused: Something Xero never said before"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "kind", "error", "fix", "sentence"), ROWS, ids=lambda value: str(value)[:40])
async def test_M112_each_row_of_the_table_says_what_happened_and_what_to_do(
    sandbox: Any, control: Control, said: str, kind: Kind, error: type[ItemError], fix: Fix, sentence: str
) -> None:
    async with connected(sandbox, control) as xero:
        bill = await billed(xero)
        records: dict[Kind, Any] = {
            Kind.CUSTOMER: customer("Somebody"),
            Kind.ITEM: item(),
            Kind.INVOICE: replace(bill, external_id=None, version=None),
            Kind.PAYMENT: payment(bill),
        }
        control.faults({"id": "FAULT", "op": f"create_{kind.value}", "params": {"message": said}})
        [outcome] = await make(xero, step(records[kind], ref=f"{kind.value}:7"), key="t" * 32)
        assert isinstance(outcome, Refused) and type(outcome.error) is error, outcome
        assert sentence in outcome.error.title and outcome.error.advice
        assert said[:60] in outcome.error.details or error is MissingCustomer
        assert outcome.error.concerns[0].local_id == 7 or error is MissingCustomer
        assert (outcome.error.fix is fix) or error is PlanLacksFeature


# --- faults: whatever happens, once means once ---

LOST = [
    {"id": "N1"},
    {"id": "N2"},
    {"id": "N3"},
    {"id": "H6", "phase": "after"},
    {"id": "B1", "params": {"length": "right"}},
    {"id": "B1", "params": {"length": "wrong"}},
    *({"id": "B2", "params": {"kind": kind}} for kind in ("text", "empty", "content_type", "bom", "utf16", "gzip")),
    *({"id": "B3", "params": {"kind": kind}} for kind in ("list", "null", "no_id")),
    *({"id": "B6", "params": {"kind": kind}} for kind in ("huge", "nested")),
    {"id": "N10"},
    {"id": "N9"},
]


@pytest.mark.parametrize(
    "rule", LOST, ids=lambda rule: "-".join([rule["id"], *map(str, rule.get("params", {}).values())])
)
async def test_I1_I3_a_broken_answer_is_in_doubt_and_the_same_key_settles_it(
    sandbox: Any, control: Control, rule: dict[str, Any]
) -> None:
    async with connected(sandbox, control) as xero:
        steps = step(customer("Once Only")), step(customer("And Another"), ref="customer:2")
        control.faults({"op": "create_customer", "nth": 1, "times": 1} | rule)
        found = await make(xero, *steps)
        assert all(isinstance(one, InDoubt) for one in found), found
        found = await make(xero, *steps)
        assert all(isinstance(one, Linked) for one in found), found
    names = [one["display_name"] for one in control.books(SERVICE)["customers"]]
    assert names.count("Once Only") == names.count("And Another") == 1


@pytest.mark.parametrize("phase", ["before", "after"])
async def test_H5_a_500_is_remembered_by_its_key_and_a_look_up_settles_it(
    sandbox: Any, control: Control, phase: str
) -> None:
    async with connected(sandbox, control) as xero:
        control.faults({"id": "H5", "op": "create_customer", "phase": phase})
        for _ in range(2):
            [found] = await make(xero, step(customer("Maybe")))
            assert isinstance(found, InDoubt) and found.problem is None
        known = (await xero.find(Lookup(customer_names=("Maybe",)))).customers
        assert len(known) == (phase == "after")


async def test_a_batch_that_broke_off_half_way_goes_on_under_its_key(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        bill = await billed(xero)
        pays = [step(payment(bill, "10.00", reference=f"{at}"), ref=f"payment:{at}") for at in range(4)]
        control.faults({"id": "N1", "op": "batch", "phase": "mid", "params": {"k": 2}})
        assert all(isinstance(one, InDoubt) for one in await make(xero, *pays, key="m" * 32))
        assert all(isinstance(one, Linked) for one in await make(xero, *pays, key="m" * 32))
    assert sum(one["amount"] == "10.00" for one in control.books(SERVICE)["payments"]) == 4


async def test_N11_a_reply_sent_twice_is_never_taken_for_the_next(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        control.faults({"id": "N11", "op": "create_customer", "every": 1})
        for at in range(4):
            [found] = await make(xero, step(customer(f"Twice {at}")), key=f"{at}" * 32)
            assert isinstance(found, InDoubt) or found.record.display_name == f"Twice {at}"  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["missing", "doubled", "reordered"])
async def test_B5_elements_missing_doubled_or_in_another_order(sandbox: Any, control: Control, kind: str) -> None:
    async with connected(sandbox, control) as xero:
        steps = [step(customer(f"Name {at}"), ref=f"customer:{at}") for at in range(4)]
        control.faults({"id": "B5", "op": "batch", "nth": 1, "params": {"kind": kind, "element": 1}})
        found = await make(xero, *steps)
        assert [type(one) for one in found] == [Linked, InDoubt if kind == "missing" else Linked, Linked, Linked]
        for at, one in enumerate(found):
            assert isinstance(one, InDoubt) or one.record.display_name == f"Name {at}"  # type: ignore[union-attr]


WHOLE: list[tuple[dict[str, Any], type, type]] = [
    ({"id": "H1", "params": {"retry_after": 300}}, NotSent, RateLimited),
    ({"id": "H1", "params": {"retry_after": 300, "date": True}}, NotSent, RateLimited),
    ({"id": "H3"}, NotSent, RateLimited),
    ({"id": "H7"}, InDoubt, ServiceDown),
    ({"id": "H8"}, NotSent, AccessRefused),
    ({"id": "H8", "params": {"kind": "scope"}}, NotSent, AccessRefused),
    ({"id": "H9"}, Refused, GoneRemote),
    ({"id": "H11"}, Refused, InternalMistake),
    ({"id": "H11", "params": {"status": 412}}, Refused, UnexpectedAnswer),
    ({"id": "H11", "params": {"status": 415}}, Refused, InternalMistake),
    ({"id": "B4", "params": {"message": "Invoice # must be unique."}}, Refused, NumberTaken),
]


@pytest.mark.parametrize(("rule", "outcome", "problem"), WHOLE, ids=lambda value: str(value)[:50])
async def test_M104_whole_calls_that_are_refused(
    sandbox: Any, control: Control, rule: dict[str, Any], outcome: type, problem: type
) -> None:
    async with connected(sandbox, control) as xero:
        control.faults({"op": "create_customer", "nth": 1} | rule)
        before = control.books(SERVICE)
        [found] = await make(xero, step(customer("Nobody")))
        assert isinstance(found, outcome), found
        told = found.error if isinstance(found, Refused) else found.problem  # type: ignore[union-attr]
        assert isinstance(told, problem) and told.title
        if rule["id"] == "H8" and rule.get("params"):
            assert "leave to read and write" in told.title
    assert control.books(SERVICE) == before


async def test_H2_too_many_at_once_is_waited_out(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as xero:
        control.faults({"id": "H2", "op": "create_customer", "params": {"wait_s": 1}})
        [found] = await make(xero, step(customer("Patient")))
        assert isinstance(found, Linked)


async def test_A1_an_expired_token_is_renewed_once_and_A8_an_ended_grant_is_told(
    sandbox: Any, control: Control
) -> None:
    async with connected(sandbox, control) as xero:
        control.faults({"id": "A1", "op": "create_customer"})
        [found] = await make(xero, step(customer("Renewed")))
        assert isinstance(found, Linked)
        control.faults({"id": "A1", "op": "create_customer"}, {"id": "A8"})
        [found] = await make(xero, step(customer("Ended")), key="e" * 32)
        assert isinstance(found, NotSent) and isinstance(found.problem, NeedsSignIn)


@pytest.mark.parametrize("kind", ["repeat", "empty", "total", "endless"])
async def test_L3_lists_end_whatever_their_pages_say(sandbox: Any, control: Control, kind: str) -> None:
    async with connected(sandbox, control) as xero:
        control.faults({"id": "L3", "op": "list_customers", "every": 1, "params": {"kind": kind}})
        seen = {one.external_id async for page in xero.customers() for one in page.records}
        assert len(seen) == len(control.books(SERVICE)["customers"])


def test_L4_a_row_that_comes_again_counts_if_it_is_newer() -> None:
    seen: dict[str, str] = {}
    old, new = ({"ContactID": "c1", "UpdatedDateUTC": f"/Date(17636400{at}000+0000)/"} for at in ("00", "05"))
    assert [xero_asking._fresh([row], "ContactID", seen) for row in (old, new, old)] == [[old], [new], []]


@pytest.mark.parametrize("kind", ["date", "slash_date"])
async def test_B7_strange_values_are_left_out_and_counted(sandbox: Any, control: Control, kind: str) -> None:
    async with connected(sandbox, control) as xero:
        control.faults({"id": "B7", "op": "list_invoices", "params": {"kind": kind}})
        pages = [page async for page in xero.invoices()]
        assert sum(page.unreadable + len(page.records) for page in pages) == 16
        assert kind == "slash_date" or sum(page.unreadable for page in pages) == 16


async def test_I14_a_minute_holds_at_most_sixty_calls(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control, patience=120.0) as xero:
        for at in range(70):
            [found] = await make(xero, step(customer(f"Row {at}")), key=f"{at:031}x")
            assert isinstance(found, Linked)
    meter = control.meter(SERVICE)
    assert meter["refused"] == 0 and meter["peaks"]["minute"] <= 60


# --- signing in ---


async def test_W3_the_organisation_comes_from_the_connections(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control, read=False) as xero:
        [first] = await organisations(xero._http)
        alone = Xero(xero._http, CompanyRef(""))
        assert (await alone.settings()).company == first
        control.grant(SERVICE, "empty")
        assert len(await organisations(xero._http)) == 2
        with pytest.raises(SignInRefused, match="Several organisations"):
            await Xero(xero._http, CompanyRef("")).settings()


async def test_A9_refresh_and_revoke_as_a_public_client(sandbox: Any, control: Control) -> None:
    service = sandbox.services[SERVICE]
    sign_in = sign_in_at("xero", service, SystemClock())
    try:
        url = sign_in.authorize_url(state="s", redirect_uri="http://localhost:53682/callback", challenge="c" * 43)
        assert "code_challenge_method=S256" in url and SCOPE.split()[0] in url
        grant = control.grant(SERVICE)
        new = await sign_in.refresh(grant["refresh_token"])
        assert new.refresh_token != grant["refresh_token"]
        assert await sign_in.revoke(new.refresh_token)
        with pytest.raises(NeedsSignIn):
            await sign_in.refresh(new.refresh_token)
        assert sign_in.company_in({"realmId": "1"}) is None
    finally:
        await sign_in.close()


async def test_links_lead_to_the_practice_books_or_to_xero_itself(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control, read=False) as xero:
        assert xero.record_url(Kind.INVOICE, "x") == f"{sandbox.base}/"
    http = ServiceHttp(
        base="https://api.xero.com", service="Xero", tokens=Tokens(), clock=SystemClock(), entropy=SeededEntropy(1)
    )
    live = Xero(http, CompanyRef("7d3f2f0a-5b1c-4c55-9a60-0c1d5a8be001"))
    assert live.record_url(Kind.INVOICE, "x") == "https://go.xero.com/AccountsReceivable/View.aspx?InvoiceID=x"
    assert live.record_url(Kind.ITEM, "x") is None
    with pytest.raises(ValueError, match="tenant id"):
        Xero(http, CompanyRef("a/b"))
    await http.close()
