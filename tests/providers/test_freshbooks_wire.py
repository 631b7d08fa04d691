"""The mapping between our records and FreshBooks' payloads, both ways, and its three shapes of refusal; no network."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from desktop.clock import ManualClock, SeededEntropy
from desktop.errors import InternalMistake, InvalidField, MissingCustomer, PaymentBlocked, RateLimited, TaxProblem
from desktop.providers.base import Action
from desktop.providers.faults import ANY
from desktop.providers.freshbooks import FreshBooks
from desktop.providers.freshbooks_faults import Special, faults_in, verdict
from desktop.providers.freshbooks_reading import (
    customer_from_payload,
    display_name,
    eastern_day,
    invoice_from_payload,
    item_from_payload,
    payment_from_payload,
)
from desktop.providers.freshbooks_wire import Request, client_names, discount_percent
from desktop.providers.limits import Limiter, Limits
from desktop.providers.reading import Unreadable
from desktop.providers.records import (
    Address,
    Allocation,
    CompanyRef,
    CompanySettings,
    CustomerRecord,
    InvoiceRecord,
    Kind,
    LineRecord,
    PaymentMethod,
    PaymentRecord,
    Record,
    TaxCodeRecord,
)
from tests.providers.freshbooks_support import over
from tests.providers.support import MARKER, NOW, Server, customer, item, reply, step

PAYLOADS = Path(__file__).parent / "payloads" / "freshbooks"
TAX = TaxCodeRecord("7001", "Texas", Decimal("8.25"))
SETTINGS = CompanySettings(CompanyRef("ABC123"), "USD", tax_codes=(TAX,))
DAY = date(2026, 11, 2)


def payload(name: str, **changes: Any) -> Any:
    return {**json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"), parse_float=Decimal), **changes}


def provider() -> FreshBooks:
    return over(Server(reply({})), SETTINGS)


def sent(record: Record, action: Action = Action.CREATE, *fields: str) -> tuple[Request, Any]:
    [call] = provider().prepare([step(record, action, fields=fields)])
    request = Request.decode(call.body)
    return request, json.loads(request.content) if request.content else None


def line(**fields: Any) -> LineRecord:
    known = {"item_id": "11", "item_name": "Gutters"} | fields
    return LineRecord("two hours", Decimal(2), Decimal("120.05"), Decimal("240.10"), **known)


def bill(*lines: LineRecord, **fields: Any) -> InvoiceRecord:
    return InvoiceRecord("BC-1042", "310063", DAY, lines or (line(),), due_on=DAY + timedelta(30), **fields)


def paying(*amounts: str, **fields: Any) -> PaymentRecord:
    parts = tuple(Allocation(f"{at}", Decimal(amount)) for at, amount in enumerate(amounts, start=778017))
    return PaymentRecord(
        "310063", DAY, fields.pop("amount", sum((part.amount for part in parts), Decimal(0))), parts, **fields
    )


# --- reading ---


def test_a_client_as_a_customer() -> None:
    found = customer_from_payload(payload("client"))
    assert (found.display_name, found.company_name, found.given_name) == ("Stone & Söhne", "Stone & Söhne", "Nora")
    assert (found.external_id, found.version, found.phone) == ("310063", "2026-11-02 12:00:00", "555-0101")
    assert found.address == Address("1 Elm St", "", "Austin", "TX", "78701", "United States")
    assert found.marker == f"{MARKER}/1" and found.updated_at == datetime(2026, 11, 2, 17, tzinfo=UTC)
    person = customer_from_payload(payload("client", organization="", vis_state="2"))
    assert (person.display_name, person.active) == ("Nora Stone", False)
    assert (
        customer_from_payload(payload("client", organization="", fname=None, lname="")).display_name == "n@example.com"
    )


def test_an_item_and_its_stamp() -> None:
    found = item_from_payload(payload("item"))
    assert (found.name, found.unit_price, found.marker, found.sku) == ("Mowing", Decimal("12.50"), MARKER, "")
    assert found.taxable and not found.active
    other = item_from_payload(payload("item", sku="REP-1", tax1="0"))
    assert (other.marker, other.sku, other.taxable) == ("", "REP-1", False)


def test_an_invoice_with_what_it_comes_to() -> None:
    found = invoice_from_payload(payload("invoice"), (TAX,))
    assert (found.number, found.customer_id, found.due_on) == ("BC-1042", "310063", date(2026, 12, 2))
    assert (found.total, found.balance, found.discount) == (Decimal("238.42"), Decimal("138.42"), Decimal("24.51"))
    assert found.tax_total == Decimal("17.83") and found.discount_percent == 10 and not found.draft
    first, second = found.lines
    assert (first.tax_code_id, first.taxable, first.item_id, first.item_name) == ("7001", True, None, "Gutters")
    assert (second.quantity, second.unit_price, second.description) == (Decimal("0.5"), Decimal(10), "")
    assert invoice_from_payload(payload("invoice", v3_status="draft")).draft
    assert invoice_from_payload(payload("invoice", v3_status=None, status="1")).draft
    assert invoice_from_payload(payload("invoice", vis_state=1)).voided


def test_a_payment_with_its_invoice() -> None:
    found = payment_from_payload(payload("payment"))
    assert found.allocations == (Allocation("778017", Decimal("100.00")),) and found.method is PaymentMethod.CARD
    assert (found.reference, found.marker, found.currency) == ("cheque 881", MARKER, "USD")
    assert found.updated_at == datetime(2026, 7, 5, 16, tzinfo=UTC)  # summer time


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("client", {"id": None}),
        ("client", {"fname": 5}),
        ("client", {"vis_state": 7}),
        ("item", {"unit_cost": "12.50"}),
        ("item", {"unit_cost": {"amount": "1e400", "code": "USD"}}),
        ("invoice", {"lines": None}),
        ("invoice", {"create_date": "/Date(-1)/"}),
        ("invoice", {"customerid": None}),
        ("invoice", {"amount": {"amount": None}}),
        ("payment", {"date": "02.11.2026"}),
        ("payment", {"amount": {"amount": True}}),
    ],
)
def test_B3_B7_nothing_is_guessed(name: str, changes: dict[str, Any]) -> None:
    read = {"client": customer_from_payload, "item": item_from_payload, "invoice": invoice_from_payload}
    with pytest.raises(Unreadable):
        read.get(name, payment_from_payload)(payload(name, **changes))  # type: ignore[operator]


def test_days_of_filters_are_eastern() -> None:
    assert eastern_day(datetime(2026, 11, 3, 3, tzinfo=UTC), -1) == "2026-11-01"


# --- writing ---


@pytest.mark.parametrize(
    ("record", "names"),
    [
        (customer("Nora Stone", given_name="Nora", family_name="Stone"), ("", "Nora", "Stone")),
        (customer("Nora Stone"), ("", "Nora", "Stone")),
        (customer("Cher"), ("", "Cher", "")),
        (customer("Stone, Nora", given_name="Nora", family_name="Stone"), ("Stone, Nora", "Nora", "Stone")),
        (customer("Stone & Co", company_name="Stone and Company", given_name="N"), ("Stone & Co", "N", "")),
        (customer("Bo  Derek"), ("Bo  Derek", "", "")),
    ],
)
def test_a_name_reads_back_as_it_was_written(record: CustomerRecord, names: tuple[str, str, str]) -> None:
    found = client_names(record)
    assert (found["organization"], found["fname"], found["lname"]) == names
    assert display_name(found) == record.display_name


def test_a_new_client_holds_what_we_know_and_our_stamp() -> None:
    known = customer("Nora Stone", phone="1", address=Address("1 Elm St", country="us"), marker=f"{MARKER}/2")
    request, body = sent(known)
    assert (request.method, request.path) == ("POST", "/accounting/account/ABC123/users/clients")
    stamp = f"[bc:{MARKER.removeprefix('BlueClerk ')}/2]"
    assert body == {
        "client": {
            "fname": "Nora", "lname": "Stone", "bus_phone": "1", "p_street": "1 Elm St", "p_country": "United States",
            "note": stamp,
        }
    }  # fmt: skip


def test_M133_I19_a_made_up_address_never_leaves() -> None:
    assert "email" not in sent(customer("A B", email="x@placeholder.local"))[1]["client"]
    problem = provider().check(step(bill(memo="write to x@placeholder.local")))
    assert isinstance(problem, InternalMistake)


def test_a_new_invoice() -> None:
    _, body = sent(bill(line(taxable=True, tax_code_id="7001"), memo="Thank you", currency="USD"))
    assert body == {
        "invoice": {
            "customerid": 310063, "invoice_number": "BC-1042", "create_date": "2026-11-02", "due_offset_days": 30,
            "notes": "Thank you", "currency_code": "USD",
            "lines": [{"type": 0, "name": "Gutters", "description": "two hours", "qty": "2",
                       "unit_cost": {"amount": "120.05", "code": "USD"}, "taxName1": "Texas", "taxAmount1": "8.25"}],
        }
    }  # fmt: skip


def test_a_payment_bears_stamp_and_reference_in_its_note() -> None:
    request, body = sent(paying("100", marker=MARKER, reference="881", method=PaymentMethod.BANK_TRANSFER))
    assert body["payment"] == {
        "amount": {"amount": "100.00", "code": "USD"}, "date": "2026-11-02", "type": "Bank Transfer",
        "note": f"[bc:{MARKER.removeprefix('BlueClerk ')}] 881", "invoiceid": 778017,
    }  # fmt: skip
    assert request.path.endswith("/payments/payments")


def test_updates_name_their_fields_and_where_they_go() -> None:
    known = replace(bill(), external_id="9", version="2026-11-02 12:00:00")
    request, body = sent(known, Action.UPDATE, "memo", "due_on")
    assert (request.method, request.version) == ("PUT", known.version) and request.path.endswith("/invoices/invoices/9")
    assert body == {"invoice": {"notes": "", "due_offset_days": 30}}
    assert sent(known, Action.UPDATE, "draft")[0].content == ""
    assert sent(known, Action.VOID)[0].method == "DELETE"
    paid = replace(paying("1"), external_id="8", version="v")
    assert sent(paid, Action.VOID)[1] == {"payment": {"vis_state": 1}}
    assert sent(replace(customer("A B"), external_id="7", active=False), Action.UPDATE, "active")[1] == {
        "client": {"vis_state": 2}
    }


def test_a_stored_call_is_the_same_bytes_each_time() -> None:
    steps = [step(bill(), ref="invoice:1"), step(customer("Zoë \N{FISH}"), ref="customer:2")]
    first, second = provider().prepare(steps), provider().prepare(steps)
    assert first == second and [len(call.elements) for call in first] == [1, 1]
    assert [call.op for call in first] == ["create_invoice", "create_customer"]


# --- what is refused here ---

LARGE = replace(line(), quantity=Decimal(200), amount=Decimal("24010.00"))

BAD: list[tuple[Record, type, str]] = [
    (customer(" "), InvalidField, "display_name"),
    (customer("x" * 256), InvalidField, "display_name"),
    (customer("A", email="nonsense"), InvalidField, "email"),
    (customer("A\0B"), InvalidField, "display_name"),
    (item(" "), InvalidField, "name"),
    (item("A", unit_price=Decimal("1.005")), InvalidField, "unit_price"),
    (replace(bill(), customer_id=""), MissingCustomer, ""),
    (replace(bill(), number=" "), InvalidField, "number"),
    (replace(bill(), due_on=DAY - timedelta(1)), InvalidField, "due_on"),
    (bill(replace(line(), unit_price=Decimal("0.125"))), InvalidField, "lines"),
    (bill(line(tax_code_id="1")), TaxProblem, ""),
    (bill(LARGE, discount=Decimal("10.01")), InvalidField, "discount"),
    (paying("0"), InvalidField, "amount"),
    (paying("1", "2"), PaymentBlocked, ""),
    (paying("1", amount=Decimal(5)), PaymentBlocked, ""),
    (paying("1", reference="[bc:x]"), InvalidField, "reference"),
]


@pytest.mark.parametrize(("record", "kind", "field"), BAD, ids=lambda value: str(value)[:24])
def test_I8_what_could_never_arrive_as_it_is_is_refused_here(record: Record, kind: type, field: str) -> None:
    wrong = step(record, ref="x:12")
    problem = provider().check(wrong)
    assert type(problem) is kind and getattr(problem, "field", "") == field
    assert problem.concerns[0].local_id == 12
    with pytest.raises(kind):
        provider().prepare([wrong])


@pytest.mark.parametrize(
    ("amount", "percent", "expected"),
    [
        ("24.01", "10", "10"),
        ("24.01", None, "10.000"),
        ("60.03", None, "25.002"),
        ("10.01", None, None),
        ("0", None, "0"),
    ],
)
def test_discounts_are_percentages_or_nothing(amount: str, percent: str | None, expected: str | None) -> None:
    lines = (LARGE,) if expected is None else ()
    record = bill(*lines, discount=Decimal(amount), discount_percent=None if percent is None else Decimal(percent))
    found = discount_percent(record)
    assert (None if found is None else str(found)) == expected


def test_M7_an_item_needs_no_account() -> None:
    assert provider().check(step(item(income_account_id=None))) is None
    assert not provider().capabilities.income_accounts and "nothing to map" in provider().terms.mapping_note


# --- refusals ---

SHAPES = {
    "classic": {"response": {"errors": [{"errno": 1012, "field": "userid", "message": "Not found.", "object": "c"}]}},
    "one object": {"response": {"errors": {"errno": "1012", "field": "userid", "message": "Not found."}}},
    "newer": {"code": 5, "message": "m", "details": [
        {"reason": "1012", "metadata": {"field": "userid", "message": "Not found.", "object": "client"}}]},
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_the_three_shapes_say_the_same(shape: str) -> None:
    [fault] = faults_in(SHAPES[shape])
    assert (fault.code, fault.field, fault.message) == ("1012", "userid", "Not found.")


def test_other_shapes() -> None:
    [fault] = faults_in({"error": "unauthenticated", "error_description": "d"})
    assert (fault.code, fault.message) == ("unauthenticated", "d")
    ledger = {"errors": {"message": "m", "status": 400, "details": [{"reason": "r", "metadata": {"field": "name"}}]}}
    assert faults_in(ledger)[0].field == "name" and faults_in({"response": {"result": {}}}) == ()
    for odd in (None, [], {"response": {"errors": [5]}}, {"code": 1, "details": [{}]}, {"errors": {"details": [5]}}):
        assert all(fault.code for fault in faults_in(odd))
    assert verdict(faults_in({"response": {"errors": [{"errno": 409}]}}), 409, ANY) is Special.BUSY


async def test_filters_that_are_ignored_are_noticed() -> None:
    """A service that knows no look-up by ids answers with everything: then each is fetched alone."""
    rows = [payload("client", id=at, updated="2026-11-02 12:00:00") for at in range(1, 4)]

    def answer(request: httpx.Request) -> httpx.Response:
        last = request.url.path.rpartition("/")[2]
        result: Any = {"clients": rows, "page": 1, "pages": 1, "per_page": 100, "total": 3}
        if last.isdigit():
            result = {"client": next(row for row in rows if row["id"] == int(last))}
        return httpx.Response(200, json=json.loads(json.dumps({"response": {"result": result}}, default=float)))

    asked: list[str] = []

    def server(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path.rpartition("/")[2])
        return answer(request)

    freshbooks = over(server)
    found = await freshbooks._asking.by_ids(Kind.CUSTOMER, ["1", "2"])
    assert [row["id"] for row in found] == [1, 2] and asked == ["clients"]
    await freshbooks._asking.by_ids(Kind.CUSTOMER, ["2", "3"])
    assert asked[1:] == ["2", "3"]


async def test_H2_waits_rise_and_begin_anew_after_an_answer() -> None:
    clock = ManualClock(NOW)
    limits = Limits(backoff=(1.0, 2.0, 4.0), jitter=0.0)
    limiter = Limiter(limits, clock, SeededEntropy(1), lambda until: RateLimited("FreshBooks", until))
    waits = []
    for _ in range(4):
        waits.append((limiter.pause(None) - clock.now()).total_seconds())
        await clock.sleep(60)
    assert waits == [1, 2, 4, 4]
    limiter.served()
    assert (limiter.pause(None) - clock.now()).total_seconds() == 1


@pytest.mark.parametrize("account", ["", "../1", "1/2", "1?x"])
def test_an_account_id_can_not_change_the_address(account: str) -> None:
    with pytest.raises(ValueError):
        FreshBooks(over(Server(reply({})))._http, CompanyRef(account))


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.freshbooks.com", "https://my.freshbooks.com/"),
        ("http://127.0.0.1:8123/freshbooks", "http://127.0.0.1:8123/"),
    ],
)
def test_M75_the_record_opens_in_the_browser(base: str, url: str) -> None:
    assert over(Server(reply({})), base=base).record_url(Kind.INVOICE, "7") == url
