"""The control interface, the meters and the page's own routes (design 5.1)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from desktop.sandbox.meter import Limit, Meter

BOOKS = {"customers", "items", "accounts", "tax_codes", "invoices", "payments"}


def raw(qb: Any, method: str, path: str, **kwargs: Any) -> httpx.Response:
    headers = {"X-Control-Secret": qb.control._http.headers["X-Control-Secret"]}
    answer: httpx.Response = qb.http.request(method, f"{qb.base}/control/{path}", headers=headers, **kwargs)
    return answer


def test_nothing_answers_without_the_secret(qb: Any) -> None:
    for method, path in (("GET", "ledger"), ("POST", "grant"), ("DELETE", "faults"), ("GET", "books/quickbooks")):
        for headers in ({}, {"X-Control-Secret": "wrong"}):
            assert qb.http.request(method, f"{qb.base}/control/{path}", headers=headers).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:80", ""])
def test_a_foreign_host_name_is_turned_away(qb: Any, host: str) -> None:
    for path in ("/", "/books/quickbooks.json", "/quickbooks/connect/oauth2"):
        assert qb.http.get(f"{qb.base}{path}", headers={"Host": host}).status_code in (400, 421)


def test_the_ready_part_names_all_addresses(sandbox: Any) -> None:
    part = sandbox.services["quickbooks"]
    names = "api discovery authorize token revoke client_id client_secret redirect_uris company_id"
    assert set(part) == set(names.split())
    assert part["redirect_uris"][:3] == [f"http://localhost:{port}/callback" for port in (53682, 53683, 53684)]
    assert part["company_id"] == "9130350000000001"


def test_books_are_plain_words(qb: Any) -> None:
    customer = qb.customer()
    made = qb.invoice(customer, 100, DocNumber="A-1", PrivateNote="n")
    qb.make("Payment", {**qb.pay(customer, 60, **{f"i{made['Id']}": 50}), "PaymentRefNum": "77"})
    books = qb.control.books()
    assert set(books) >= BOOKS
    invoice = next(row for row in books["invoices"] if row["id"] == made["Id"])
    assert (invoice["total"], invoice["balance"], invoice["status"]) == ("100.00", "50.00", "open")
    assert (invoice["number"], invoice["note"], invoice["lines"][0]["amount"]) == ("A-1", "n", "100.00")
    payment = books["payments"][-1]
    assert payment["allocations"] == [{"invoice_id": made["Id"], "amount": "50.00"}]
    assert (payment["amount"], payment["unapplied"], payment["reference"]) == ("60.00", "10.00", "77")
    assert raw(qb, "GET", "books/quickbooks?company=empty").json()["customers"] == []
    assert raw(qb, "GET", "books/quickbooks?company=nobody").status_code == 400
    assert raw(qb, "GET", "books/nothing").status_code == 400


def test_a_grant_works_at_once_and_for_the_named_company(qb: Any) -> None:
    other = qb.control.grant(company_id="9130350000000002")
    headers = {"Authorization": f"Bearer {other['access_token']}", "Accept": "application/json"}
    url = f"{qb.api('9130350000000002')}/companyinfo/9130350000000002"
    assert qb.http.get(url, headers=headers).json()["CompanyInfo"]["CompanyName"] == "Bluebird Cleaning Co"


def test_hand_edits_of_every_kind(qb: Any) -> None:
    control, customer = qb.control, qb.customer()
    made = qb.invoice(customer, 100)
    changed = control.edit("invoice", made["Id"], {"due_date": "2027-05-05", "note": "by hand"})
    assert (changed["due_date"], changed["note"], changed["version"]) == ("2027-05-05", "by hand", "1")
    assert control.edit("invoice", made["Id"], {"pay": "30.00"})["balance"] == "70.00"
    assert control.edit("invoice", made["Id"], {"pay": {"amount": "20", "method": "Cash"}})["balance"] == "50.00"
    assert control.edit("invoice", made["Id"], "pay")["status"] == "paid"
    assert control.edit("invoice", made["Id"], "void")["status"] == "void"
    other = qb.invoice(customer, 10)
    control.edit("invoice", other["Id"], "pay")
    control.edit("invoice", other["Id"], "delete")
    assert qb.call("GET", f"invoice/{other['Id']}").status_code == 400
    assert control.edit("customer", customer, {"email": "z@example.com"})["email"] == "z@example.com"
    assert control.edit("customer", customer, {"address": {"city": "Waco"}})["address"]["city"] == "Waco"
    assert control.edit("customer", customer, "deactivate")["active"] is False
    assert control.edit("customer", customer, "reactivate")["active"] is True
    taken = control.edit(
        "invoice",
        "",
        {
            "create": {
                "customer_id": customer,
                "number": "T-1",
                "lines": [{"item_id": qb.item(), "quantity": 2, "unit_price": 5}],
            }
        },
    )
    assert (taken["number"], taken["total"]) == ("T-1", "10.00")
    assert control.ledger(op="edit") == []


def test_a_merge_moves_everything_and_leaves_one(qb: Any) -> None:
    one, two = qb.customer("One"), qb.customer("Two")
    made = qb.invoice(one, 100)
    qb.control.edit("customer", one, {"merge": two})
    assert qb.get("Invoice", made["Id"])["CustomerRef"] == {"value": two, "name": "Two"}
    assert qb.get("Customer", two)["Balance"] == 100
    assert qb.call("GET", f"customer/{one}").status_code == 400


@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "invoice", "id": "99999", "change": "void"},
        {"kind": "shoe", "id": "1", "change": "void"},
        {"kind": "invoice", "id": "101", "change": "frobnicate"},
        {"kind": "invoice", "id": "101", "change": {"colour": "red"}},
        {"kind": "customer", "id": "1", "change": "delete"},
        {"kind": "customer", "id": "1"},
    ],
)
def test_a_hand_edit_that_cannot_be_is_refused_in_words(qb: Any, edit: dict[str, Any]) -> None:
    answer = raw(qb, "POST", "edit", json={"service": "quickbooks", **edit})
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_reset_brings_everything_back_and_ends_all_grants(qb: Any) -> None:
    control, start = qb.control, qb.control.books()
    qb.customer()
    control.settings(book_close_date="2026-01-01", rotation="always")
    control.faults({"id": "H5"})
    control.clock(1000)
    control.reset("demo")
    assert control.books() == start
    assert control.ledger() == []
    assert control.meter()["calls"] == 0
    assert raw(qb, "GET", "faults").json()["rules"] == []
    assert qb.call("GET", "preferences").status_code == 401
    assert qb.refresh(qb.tokens["refresh_token"]).status_code == 400
    assert control.settings()["book_close_date"] == ""
    assert raw(qb, "POST", "reset", json={"company": "nobody"}).status_code == 400


def test_reset_can_bring_another_company_to_the_front(qb: Any) -> None:
    qb.control.reset("empty")
    assert qb.control.books()["customers"] == []
    assert qb.control.grant()["realmId"] == "9130350000000002"
    qb.control.reset("demo")
    assert len(qb.control.books()["customers"]) > 50


def test_the_ledger_goes_on_where_the_reader_stopped(qb: Any) -> None:
    qb.customer("a")
    last = qb.control.ledger()[-1]["sequence"]
    qb.customer("b")
    entry = qb.control.ledger(since=last)[0]
    assert entry["sequence"] == last + 1
    assert (entry["op"], entry["method"], entry["status"]) == ("create_customer", "POST", 200)
    assert entry["changed"][0] | {"id": ""} == {"kind": "customer", "id": "", "action": "created"}
    assert entry["request"] == {"DisplayName": "b"}
    assert entry["answer"]["Customer"]["DisplayName"] == "b"
    feed = qb.http.get(f"{qb.base}/events-since/{last}.json").json()
    assert [row["op"] for row in feed["entries"]] == ["create_customer"]
    assert "request" not in feed["entries"][0]


def test_unknown_settings_and_wrong_kinds_are_refused(qb: Any) -> None:
    for body in ({"colour": "red"}, {"access_seconds": "soon"}, {"company_id": "nobody"}, {"rotation": "hourly"}):
        assert raw(qb, "POST", "settings", json={"service": "quickbooks", **body}).status_code == 400
    assert raw(qb, "POST", "clock", json={"advance_s": "much"}).status_code == 400
    assert raw(qb, "POST", "faults", content=b"{").status_code == 400


def test_settings_add_a_redirect_address(qb: Any) -> None:
    extra = "http://127.0.0.1:5000/callback"
    assert extra in qb.control.settings(redirect_uris=[extra])["redirect_uris"]


# --- limits ---


def test_the_eleventh_call_in_a_second_is_refused_until_the_second_is_over(qb: Any) -> None:
    qb.control.settings(limits="real")
    answers = [qb.call("GET", "preferences") for _ in range(14)]
    refused = [answer for answer in answers if answer.status_code == 429]
    meter = qb.control.meter()
    assert meter["peaks"]["per_second"] <= meter["limits"]["per_second"] == 10
    assert meter["refused"] == len(refused)
    if refused:  # a slow machine may need longer than a second for fourteen calls
        assert refused[0].json()["Fault"]["Error"][0]["code"] == "3001"
        assert "retry-after" not in refused[0].headers
    qb.control.clock(61)
    assert qb.call("GET", "preferences").status_code == 200


def test_the_meter_counts_by_meaning(qb: Any) -> None:
    qb.customer()
    qb.batch({"bId": "a", "Query": "select * from Item"})
    qb.refresh(qb.tokens["refresh_token"])
    meter = qb.control.meter()
    assert {name: meter["by_op"][name] for name in ("batch", "create_customer", "refresh")} == {
        "batch": 1,
        "create_customer": 1,
        "refresh": 1,
    }
    assert meter["peaks"]["per_minute"] == 2


def test_windows_slide() -> None:
    meter = Meter((Limit("per_second", 2, 1.0), Limit("batches", 1, 60.0, frozenset({"batch"}))), concurrency=2)

    def call(op: str, now: float) -> str | None:
        broken = meter.enter(op, now, enforce=True)
        meter.leave()
        return broken

    assert [call("x", 0.0), call("x", 0.9), call("x", 0.95)] == [None, None, "per_second"]
    assert call("x", 1.01) is None
    assert call("x", 1.5) == "per_second"
    assert [call("batch", 10.0), call("batch", 69.0), call("batch", 70.1)] == [None, "batches", None]
    assert meter.as_json()["refused"] == 3


def test_more_calls_at_once_than_allowed_are_refused() -> None:
    meter = Meter((), concurrency=2)
    assert [meter.enter("x", 0.0, enforce=True) for _ in range(3)] == [None, None, "concurrent"]
    assert meter.as_json()["peaks"]["concurrent"] == 2


# --- the page ---


def test_the_page_and_its_data_need_no_secret(qb: Any) -> None:
    page = qb.http.get(f"{qb.base}/")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    script = qb.http.get(f"{qb.base}/pages/app.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert qb.http.get(f"{qb.base}/books/quickbooks.json").json() == qb.control.books()
    assert qb.http.get(f"{qb.base}/services.json").json()[0] == "quickbooks"


@pytest.mark.parametrize(
    "path", ["pages/../server.py", "pages/%2e%2e/server.py", "pages/..%2fserver.py", "pages/nothing.js", "pages/"]
)
def test_only_pages_are_served(qb: Any, path: str) -> None:
    assert qb.http.get(f"{qb.base}/{path}").status_code == 404
    assert qb.http.get(f"{qb.base}/books/nothing.json").status_code == 404
