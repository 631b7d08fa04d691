"""The provider over real sockets: what it says became of a write is what the other side's books hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from desktop.clock import ManualClock, SeededEntropy
from desktop.errors import (
    AccessRefused,
    AccountUnusable,
    AppKeysWrong,
    ConnectionProblem,
    GoneRemote,
    NameTaken,
    NeedsSignIn,
    NetworkIntercepted,
    NumberTaken,
    PaymentBlocked,
    PeriodClosed,
    RateLimited,
    ServiceDown,
    StaleVersion,
    SubscriptionLapsed,
    UnexpectedAnswer,
)
from desktop.providers.base import AccessToken, Action, AppKeys, InDoubt, Linked, NotSent, Refused
from desktop.providers.http import ServiceHttp
from desktop.providers.quickbooks import LIMITS, QuickBooks
from desktop.providers.quickbooks_signin import QuickBooksSignIn
from desktop.providers.records import (
    AccountKind,
    Allocation,
    CompanyRef,
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    Kind,
    Lookup,
    PaymentLookup,
    PaymentMethod,
    PaymentRecord,
)
from tests.helpers.control import Control
from tests.helpers.reaching import endpoints, reached
from tests.providers.support import MARKER, customer, invoice, item, line, payment, step

KEY = "abcdef0123456789abcdef0123456789"


@asynccontextmanager
async def connected(sandbox: Any, control: Control, **changes: Any) -> AsyncIterator[QuickBooks]:
    """QuickBooks connected to the sandbox's company; both sides' clocks move together."""
    async with reached("quickbooks", sandbox, control, **changes) as way:
        yield QuickBooks(way.http, CompanyRef(control.books()["company"]["id"]))


async def make(quickbooks: QuickBooks, *steps: Any, key: str = KEY) -> list[Any]:
    [call] = quickbooks.prepare(steps)
    return await quickbooks.send(call, key)


async def income_account(quickbooks: QuickBooks) -> str:
    accounts = (await quickbooks.settings()).accounts
    return next(one.external_id for one in accounts if one.kind is AccountKind.INCOME and one.active)


async def seeded(quickbooks: QuickBooks) -> tuple[CustomerRecord, ItemRecord]:
    """A new customer and a new item."""
    account = await income_account(quickbooks)
    steps = step(customer("Nora Stone")), step(item("Skylight", income_account_id=account))
    first, second = await make(quickbooks, *steps, key="seed" * 8)
    assert isinstance(first, Linked) and isinstance(second, Linked)
    return first.record, second.record  # type: ignore[return-value]


async def billed(quickbooks: QuickBooks, **fields: Any) -> InvoiceRecord:
    """A new invoice of 240.10 for a new customer."""
    who, what = await seeded(quickbooks)
    made = replace(invoice("B-1", lines=(line(item_id=what.external_id),)), customer_id=who.external_id, **fields)
    [outcome] = await make(quickbooks, step(made), key="bill" * 8)
    assert isinstance(outcome, Linked), outcome
    return outcome.record  # type: ignore[return-value]


def paying(bill: InvoiceRecord, amount: str = "100.00", **fields: Any) -> PaymentRecord:
    allocations = (Allocation(bill.external_id or "", Decimal(amount)),)
    return replace(payment(amount, allocations=allocations), customer_id=bill.customer_id, **fields)


# --- the whole way ---


async def test_M62_M67_M76_M78_from_customer_to_payment(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as quickbooks:
        bill = await billed(quickbooks, discount=Decimal("24.01"), discount_percent=Decimal(10))
        assert bill.number == "B-1" and bill.total == Decimal("216.09") and bill.marker == MARKER
        [outcome] = await make(quickbooks, step(paying(bill, method=PaymentMethod.CHECK)))
        assert isinstance(outcome, Linked)
        paid = outcome.record
        assert isinstance(paid, PaymentRecord) and paid.method is PaymentMethod.CHECK and paid.reference == "1886"
        found = await quickbooks.find(
            Lookup(
                customer_names=("nora STONE",),
                item_names=("Skylight",),
                invoice_numbers=("B-1",),
                payments=(PaymentLookup(bill.customer_id, date(2026, 11, 5), "1886"),),
                payment_ids=(paid.external_id or "",),
            )
        )
        assert [one.display_name for one in found.customers] == ["Nora Stone"]
        assert [one.name for one in found.items] == ["Skylight"]
        assert [one.balance for one in found.invoices] == [Decimal("116.09")]
        assert [one.external_id for one in found.payments] == [paid.external_id]
    books: Any = control.books()
    assert sum(one["number"] == "B-1" for one in books["invoices"]) == 1


async def test_void_delete_and_update_reach_the_books(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as quickbooks:
        bill = await billed(quickbooks)
        later = replace(bill, due_on=date(2026, 12, 24), memo="")
        [changed] = await make(quickbooks, step(later, Action.UPDATE, fields=("due_on", "memo")), key="u" * 32)
        assert isinstance(changed, Linked) and changed.record.due_on == date(2026, 12, 24)  # type: ignore[union-attr]
        assert changed.record.memo == "" and changed.record.total == bill.total  # type: ignore[union-attr]
        [paid] = await make(quickbooks, step(paying(bill)), key="p" * 32)
        assert isinstance(paid, Linked)
        [gone] = await make(quickbooks, step(paid.record, Action.DELETE), key="d" * 32)
        assert isinstance(gone, Linked) and gone.record.external_id == paid.record.external_id
        [again] = (await quickbooks.find(Lookup(invoice_ids=(bill.external_id or "",)))).invoices
        [void] = await make(quickbooks, step(again, Action.VOID), key="v" * 32)
        assert isinstance(void, Linked) and void.record.voided and void.record.total == 0  # type: ignore[union-attr]
        changes = await quickbooks.changes(datetime.now(UTC) - timedelta(hours=1))
        assert (Kind.PAYMENT, paid.record.external_id) in {(one.kind, one.external_id) for one in changes.deleted}
        assert bill.external_id in {one.external_id for one in changes.invoices}


async def test_settings_and_lists_of_the_demo_company(sandbox: Any, control: Control) -> None:
    books: Any = control.books()
    async with connected(sandbox, control) as quickbooks:
        settings = await quickbooks.settings()
        assert settings.company.name and settings.home_currency == "USD" and settings.server_time
        assert {one.external_id for one in settings.accounts} >= {str(one["id"]) for one in books["accounts"]}
        for pages, name in (
            (quickbooks.customers(), "customers"),
            (quickbooks.invoices(), "invoices"),
            (quickbooks.payments(), "payments"),
        ):
            found = [one async for page in pages for one in page.records]
            assert {one.external_id for one in found} == {str(one["id"]) for one in books[name]}
        assert control.meter()["calls"] == 4


@pytest.mark.slow
async def test_L1_twenty_thousand_customers(sandbox: Any, control: Control) -> None:
    control.reset("large")
    async with connected(sandbox, control, read_deadline=60.0) as quickbooks:
        seen: set[str | None] = set()
        async for page in quickbooks.customers():
            seen |= {one.external_id for one in page.records}
        assert len(seen) == page.total and len(seen) >= 20_000


# --- refusals by the other side's rules ---


async def test_D2_a_name_that_is_taken(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as quickbooks:
        await seeded(quickbooks)
        first, second = await make(quickbooks, step(customer("NORA stone"), ref="customer:5"), step(customer("Free")))
        assert isinstance(first, Refused) and isinstance(first.error, NameTaken)
        assert first.error.concerns[0].local_id == 5
        assert isinstance(second, Linked)


async def test_M143_D1_a_number_that_is_taken(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as quickbooks:
        bill = await billed(quickbooks)
        [outcome] = await make(quickbooks, step(replace(bill, external_id=None, version=None)), key="n" * 32)
        assert isinstance(outcome, Refused) and isinstance(outcome.error, NumberTaken)


async def test_D3_a_stale_version(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as quickbooks:
        bill = await billed(quickbooks)
        await make(quickbooks, step(bill, Action.UPDATE, fields=("memo",)))
        [outcome] = await make(quickbooks, step(bill, Action.UPDATE, fields=("memo",)), key="s" * 32)
        assert isinstance(outcome, Refused) and isinstance(outcome.error, StaleVersion)


async def test_D4_an_inactive_customer_and_D6_an_unusable_account(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as quickbooks:
        who, what = await seeded(quickbooks)
        await make(quickbooks, step(who, Action.DELETE))
        made = replace(invoice("B-9", lines=(line(item_id=what.external_id),)), customer_id=who.external_id or "")
        accounts = (await quickbooks.settings()).accounts
        archived = next(one for one in accounts if one.kind is AccountKind.INCOME and not one.active)
        bad = item("Chimney", income_account_id=archived.external_id)
        first, second = await make(quickbooks, step(made), step(bad), key="x" * 32)
        assert isinstance(first, Refused) and isinstance(first.error, GoneRemote)
        assert isinstance(second, Refused) and isinstance(second.error, AccountUnusable)


async def test_D11_a_payment_larger_than_the_balance(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as quickbooks:
        bill = await billed(quickbooks)
        [outcome] = await make(quickbooks, step(paying(bill, "999.00")))
        assert isinstance(outcome, Refused) and isinstance(outcome.error, PaymentBlocked)


async def test_D12_a_closed_period_is_known_and_refused(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as quickbooks:
        who, what = await seeded(quickbooks)
        control.settings(book_close_date="2026-06-30")
        assert (await quickbooks.settings()).closed_until == date(2026, 6, 30)
        old = invoice("B-8", lines=(line(item_id=what.external_id),), due_on=date(2026, 6, 1))
        old = replace(old, customer_id=who.external_id or "", issued_on=date(2026, 5, 1))
        [outcome] = await make(quickbooks, step(old))
        assert isinstance(outcome, Refused) and isinstance(outcome.error, PeriodClosed)
        assert "Jun 30, 2026" in outcome.error.title


# --- faults: whatever happens, once means once ---

LOST = [
    {"id": "N1"},
    {"id": "N2"},
    {"id": "N3"},
    {"id": "H5", "phase": "before"},
    {"id": "H5", "phase": "after"},
    {"id": "H6", "phase": "after"},
    {"id": "B1", "params": {"length": "right"}},
    {"id": "B1", "params": {"length": "wrong"}},
    *({"id": "B2", "params": {"kind": kind}} for kind in ("text", "empty", "content_type", "bom", "utf16", "gzip")),
    *({"id": "B3", "params": {"kind": kind}} for kind in ("list", "null", "no_id", "id_number")),
    *({"id": "B6", "params": {"kind": kind}} for kind in ("huge", "nested", "duplicate")),
    {"id": "N10"},
    {"id": "N9"},
]


@pytest.mark.parametrize(
    "rule", LOST, ids=lambda rule: "-".join([rule["id"], *map(str, rule.get("params", {}).values())])
)
async def test_I1_I3_a_broken_answer_is_in_doubt_and_the_same_key_settles_it(
    sandbox: Any, control: Control, rule: dict[str, Any]
) -> None:
    async with connected(sandbox, control) as quickbooks:
        steps = step(customer("Once Only")), step(customer("And Another"), ref="customer:2")
        control.faults({"op": "batch", "nth": 1, "times": 1} | rule)
        found = await make(quickbooks, *steps)
        assert all(isinstance(one, InDoubt) for one in found), found
        found = await make(quickbooks, *steps)
        assert all(isinstance(one, Linked) for one in found), found
    names = [one["display_name"] for one in control.books()["customers"]]
    assert names.count("Once Only") == names.count("And Another") == 1


async def test_N11_a_reply_sent_twice_is_never_taken_for_the_next(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as quickbooks:
        control.faults({"id": "N11", "op": "batch", "every": 1})
        for at in range(4):
            [found] = await make(quickbooks, step(customer(f"Twice {at}")), key=f"{at}" * 32)
            assert isinstance(found, InDoubt) or found.record.display_name == f"Twice {at}"
            try:
                known = await quickbooks.find(Lookup(customer_names=(f"Twice {at}",)))
            except ConnectionProblem:
                continue
            assert [one.display_name for one in known.customers] == [f"Twice {at}"]


@pytest.mark.parametrize("kind", ["missing", "doubled", "reordered"])
async def test_B5_elements_missing_doubled_or_in_another_order(sandbox: Any, control: Control, kind: str) -> None:
    async with connected(sandbox, control) as quickbooks:
        steps = [step(customer(f"Name {at}"), ref=f"customer:{at}") for at in range(4)]
        control.faults({"id": "B5", "op": "batch", "nth": 1, "params": {"kind": kind, "element": 1}})
        found = await make(quickbooks, *steps)
        assert [type(one) for one in found] == [Linked, InDoubt if kind == "missing" else Linked, Linked, Linked]
        for at, one in enumerate(found):
            assert isinstance(one, InDoubt) or one.record.display_name == f"Name {at}"


WHOLE: list[tuple[dict[str, Any], type, type]] = [
    ({"id": "H1", "params": {"retry_after": 300}}, NotSent, RateLimited),
    ({"id": "H1", "params": {"retry_after": 300, "date": True}}, NotSent, RateLimited),
    ({"id": "H2"}, NotSent, RateLimited),
    ({"id": "H3"}, NotSent, RateLimited),
    ({"id": "H7"}, InDoubt, ServiceDown),
    ({"id": "H8", "params": {"kind": "company"}}, NotSent, AccessRefused),
    ({"id": "H8", "params": {"kind": "user"}}, NotSent, AccessRefused),
    ({"id": "H8", "params": {"kind": "scope"}}, NotSent, AccessRefused),
    ({"id": "H12"}, NotSent, SubscriptionLapsed),
    ({"id": "H11"}, Refused, UnexpectedAnswer),
    ({"id": "A2", "every": 1, "nth": None, "times": 9}, NotSent, NeedsSignIn),
]


@pytest.mark.parametrize(("rule", "outcome", "cause"), WHOLE, ids=lambda value: str(value)[:40])
async def test_H1_H12_what_an_answer_to_the_whole_call_means(
    sandbox: Any, control: Control, rule: dict[str, Any], outcome: type, cause: type
) -> None:
    async with connected(sandbox, control) as quickbooks:
        armed = {"op": "batch", "nth": 1, "times": 1} | rule
        control.faults({name: value for name, value in armed.items() if value is not None})
        [found] = await make(quickbooks, step(customer("Once Only")))
        assert isinstance(found, outcome), found
        assert isinstance(found.error if isinstance(found, Refused) else found.problem, cause), found
        assert control.meter()["inside_demanded_wait"] == 0


async def test_I14_H1_a_short_wait_is_kept_and_the_write_goes_out_once(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as quickbooks:
        control.faults({"id": "H1", "op": "batch", "nth": 1, "times": 1, "params": {"retry_after": 7}})
        [found] = await make(quickbooks, step(customer("Once Only")))
        assert isinstance(found, Linked) and control.meter()["inside_demanded_wait"] == 0


async def test_I14_a_long_import_stays_within_the_services_limits(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control, patience=90.0) as quickbooks:
        lookups = [quickbooks.find(Lookup(customer_ids=(str(number),))) for number in range(60)]
        await asyncio.gather(*lookups)
    meter = control.meter()
    assert meter["refused"] == 0 and meter["calls"] == 60
    assert all(meter["peaks"][name] <= limit for name, limit in meter["limits"].items())


async def test_A1_an_expired_token_is_renewed_and_the_same_key_used(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control) as quickbooks:
        control.clock(3700)
        [found] = await make(quickbooks, step(customer("Once Only")))
        assert isinstance(found, Linked)
    batches = control.ledger(op="batch")
    assert [entry["status"] for entry in batches] == [401, 200] and len({entry["key"] for entry in batches}) == 1


@pytest.mark.parametrize("kind", ["id_number", "no_id", "list", "null"])
async def test_B3_a_list_of_another_shape_is_not_an_empty_list(sandbox: Any, control: Control, kind: str) -> None:
    async with connected(sandbox, control) as quickbooks:
        control.faults({"id": "B3", "op": "batch", "every": 1, "params": {"kind": kind}})
        try:
            pages = [page async for page in quickbooks.customers()]
        except ConnectionProblem as problem:
            assert isinstance(problem, ServiceDown)
        else:
            assert not any(page.records for page in pages) and sum(page.unreadable for page in pages) > 0


async def test_N6_a_slow_drip_ends_at_the_total_deadline(sandbox: Any, control: Control) -> None:
    async with connected(sandbox, control, write_deadline=0.4) as quickbooks:
        control.faults({"id": "N6", "op": "batch", "nth": 1, "times": 1})
        [found] = await make(quickbooks, step(customer("Once Only")))
        assert isinstance(found, InDoubt)
        control.clear_faults()
    async with connected(sandbox, control) as quickbooks:
        [found] = await make(quickbooks, step(customer("Once Only")))
        assert isinstance(found, Linked)


async def test_N4_nobody_there(sandbox: Any, control: Control, unused_tcp_port: Callable[[], int] | int) -> None:
    port = unused_tcp_port if isinstance(unused_tcp_port, int) else unused_tcp_port()

    async def token(refused: AccessToken | None = None) -> AccessToken:
        return AccessToken("x", 1)

    http = ServiceHttp(
        base=f"http://127.0.0.1:{port}", service="QuickBooks", tokens=token,
        clock=ManualClock(datetime.now(UTC)), entropy=SeededEntropy(1), limits=LIMITS,
    )  # fmt: skip
    [found] = await make(QuickBooks(http, CompanyRef("1")), step(customer("A")))
    await http.close()
    assert isinstance(found, NotSent) and type(found.problem).__name__ == "Offline"


@pytest.fixture
def unused_tcp_port() -> int:
    """A port on which nobody listens just now."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


# --- signing in ---


async def test_A8_token_failures_of_the_sandbox(sandbox: Any, control: Control) -> None:
    service = sandbox.services["quickbooks"]
    keys = AppKeys(service["client_id"], service["client_secret"])
    sign_in = QuickBooksSignIn(endpoints(service), keys, clock=ManualClock(datetime.now(UTC)))
    grant = control.grant()
    renewed = await sign_in.refresh(grant["refresh_token"])
    assert renewed.refresh_expires_at is not None and renewed.access_token != grant["access_token"]
    with pytest.raises(NeedsSignIn):
        await sign_in.refresh("no-such-token")
    control.faults({"id": "H4", "op": "refresh", "nth": 1, "times": 1})
    with pytest.raises(RateLimited):
        await sign_in.refresh(renewed.refresh_token)
    control.clear_faults()
    wrong = QuickBooksSignIn(
        endpoints(service), AppKeys(service["client_id"], "wrong"), clock=ManualClock(datetime.now(UTC))
    )
    with pytest.raises(AppKeysWrong):
        await wrong.refresh(renewed.refresh_token)
    assert await sign_in.revoke(renewed.refresh_token) is True
    with pytest.raises(NeedsSignIn):
        await sign_in.refresh(renewed.refresh_token)
    await sign_in.close()
    await wrong.close()
    assert NetworkIntercepted is not None
