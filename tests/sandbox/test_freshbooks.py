"""The imitated FreshBooks against its contract: sign-in, identity, lists, the three error shapes, books and faults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import httpx
import pytest

CALLBACK = "http://localhost:53682/callback"
FS = "freshbooks"


class Peer:
    """One signed-in program: plain calls, no rules of ours."""

    def __init__(self, sandbox: Any, control: Any, http: httpx.Client) -> None:
        self.control, self.http = control, http
        self.service = sandbox.services[FS]
        self.account = self.service["company_id"]
        self.tokens = control.grant(FS)

    def call(
        self, method: str, path: str, account: str = "", headers: dict[str, str] | None = None, **more: Any
    ) -> Any:
        url = f"{self.service['api']}/accounting/account/{account or self.account}/{path}"
        sent = {"Authorization": f"Bearer {self.tokens['access_token']}", **(headers or {})}
        return self.http.request(method, url, headers=sent, **more)

    def result(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = self.call(method, path, **more)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["response"]["result"])

    def refused(self, method: str, path: str, **more: Any) -> tuple[int, int, str]:
        """Status, errno and field of a call that has to fail; the books have not moved."""
        before = self.control.books(FS)
        answer = self.call(method, path, **more)
        assert answer.status_code >= 400, answer.text
        assert self.control.books(FS) == before
        [error] = answer.json()["response"]["errors"]
        return answer.status_code, error["errno"], error["field"] or ""

    def client(self, **fields: Any) -> int:
        body = {"client": {"organization": "Zebra Ltd", **fields}}
        return int(self.result("POST", "users/clients", json=body)["client"]["id"])

    def invoice(self, client: int, *prices: str, sent: bool = True, **fields: Any) -> dict[str, Any]:
        lines = [{"name": "Work", "qty": "1", "unit_cost": {"amount": price, "code": "USD"}} for price in prices]
        body = {"customerid": client, "create_date": date.today().isoformat(), "lines": lines, **fields}
        made = self.result("POST", "invoices/invoices", json={"invoice": body})["invoice"]
        return self.send(made["id"]) if sent else dict(made)

    def send(self, invoice: int) -> dict[str, Any]:
        body = {"invoice": {"action_mark_as_sent": True}}
        return dict(self.result("PUT", f"invoices/invoices/{invoice}", json=body)["invoice"])

    def send_again(self, invoice: int) -> tuple[int, int, str]:
        return self.refused("PUT", f"invoices/invoices/{invoice}", json={"invoice": {"action_mark_as_sent": True}})

    def pay(self, invoice: int, amount: str, **fields: Any) -> dict[str, Any]:
        body = {"invoiceid": invoice, "amount": {"amount": amount, "code": "USD"}, "type": "Check", **fields}
        return dict(self.result("POST", "payments/payments", json={"payment": body})["payment"])

    def token(self, **form: str) -> httpx.Response:
        keys = {"client_id": self.service["client_id"], "client_secret": self.service["client_secret"]}
        return self.http.post(self.service["token"], data=keys | form)

    def refresh(self, token: str) -> httpx.Response:
        return self.token(grant_type="refresh_token", refresh_token=token, redirect_uri=CALLBACK)

    def consent(self, redirect: str = CALLBACK, decision: str = "approve", **asked: str) -> httpx.Response:
        query = {"client_id": self.service["client_id"], "response_type": "code", "redirect_uri": redirect, **asked}
        page = self.http.get(self.service["authorize"], params=query)
        found = re.search(r'name="ticket" value="([^"]+)"', page.text)
        if not found:
            return page
        return self.http.post(self.service["authorize"], data={"ticket": found[1], "decision": decision})

    def code(self, **asked: str) -> str:
        return parse_qs(urlsplit(self.consent(**asked).headers["location"]).query)["code"][0]


@pytest.fixture
def fs(sandbox: Any, control: Any, http_client: httpx.Client) -> Iterator[Peer]:
    yield Peer(sandbox, control, http_client)


# --- sign-in (contract 2) ---


def test_code_to_tokens_with_the_keys_in_the_form(fs: Peer) -> None:
    code = fs.code(state="s1", scope="user:profile:read user:clients:read")
    body = fs.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK).json()
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token", "scope", "created_at"}
    assert body["expires_in"] == 43_200 and body["scope"] == "user:profile:read user:clients:read"
    again = fs.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
    assert again.status_code == 401 and again.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("way", ["json", "multipart"])
def test_tokens_can_be_asked_for_in_three_ways(fs: Peer, way: str) -> None:
    fields = {
        "grant_type": "refresh_token", "refresh_token": fs.tokens["refresh_token"], "redirect_uri": CALLBACK,
        "client_id": fs.service["client_id"], "client_secret": fs.service["client_secret"],
    }  # fmt: skip
    sent = {"json": fields} if way == "json" else {"files": {name: (None, value) for name, value in fields.items()}}
    assert "access_token" in fs.http.post(fs.service["token"], **sent).json()


def test_secrets_in_a_header_do_not_count(fs: Peer) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": fs.tokens["refresh_token"]}
    answer = fs.http.post(fs.service["token"], data=form, auth=(fs.service["client_id"], fs.service["client_secret"]))
    assert answer.status_code == 401 and answer.json()["error"] == "invalid_client"


def test_a_refresh_token_works_once_and_the_old_access_token_lives_on(fs: Peer) -> None:
    first = fs.tokens["refresh_token"]
    second = fs.refresh(first).json()["refresh_token"]
    assert second != first
    assert fs.call("GET", "taxes/taxes").status_code == 200
    burnt = fs.refresh(first)
    assert (burnt.status_code, burnt.json()["error"]) == (401, "invalid_grant")
    assert fs.refresh(second).status_code == 200
    fs.control.clock(43_201)
    assert fs.call("GET", "taxes/taxes").status_code == 401


def test_a_second_consent_ends_the_first_ones_refresh_token(fs: Peer) -> None:
    fs.control.grant(FS)
    assert fs.refresh(fs.tokens["refresh_token"]).status_code == 401
    fs.control.settings(FS, one_refresh_token=False)
    one = fs.control.grant(FS)
    fs.control.grant(FS)
    assert fs.refresh(one["refresh_token"]).status_code == 200


def test_a_code_lives_five_minutes(fs: Peer) -> None:
    code = fs.code()
    fs.control.clock(301)
    assert fs.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK).status_code == 401


def test_redirects_must_be_https_registered_and_without_query(fs: Peer) -> None:
    bounce = "https://bounce.example.com/freshbooks"
    assert "not registered" in fs.consent(bounce).text
    fs.control.settings(FS, redirect_uris=[bounce, f"{bounce}?a=1"], redirects="https")
    assert fs.consent(bounce, state="abc").headers["location"].startswith(f"{bounce}?code=")
    assert "query string" in fs.consent(f"{bounce}?a=1").text
    assert "must use https" in fs.consent(CALLBACK).text


def test_the_consent_page_asks_for_no_company_and_takes_no(fs: Peer) -> None:
    query = {"client_id": fs.service["client_id"], "response_type": "code", "redirect_uri": CALLBACK}
    page = fs.http.get(fs.service["authorize"], params=query).text
    assert "Which company" not in page and "Acme Plumbing LLC" in page and "Bluebird" in page
    assert "error=access_denied" in fs.consent(decision="deny", state="x").headers["location"]


def test_revoking_ends_both_tokens(fs: Peer) -> None:
    keys = {"client_id": fs.service["client_id"], "client_secret": fs.service["client_secret"]}
    form = keys | {"token": fs.tokens["refresh_token"]}
    assert fs.http.post(fs.service["revoke"], data=form).status_code == 200
    assert fs.call("GET", "taxes/taxes").json()["error"] == "unauthenticated"
    assert fs.refresh(fs.tokens["refresh_token"]).status_code == 401


def test_who_am_I_names_two_businesses_in_an_envelope_without_result(fs: Peer) -> None:
    headers = {"Authorization": f"Bearer {fs.tokens['access_token']}"}
    url = f"{fs.service['api']}/auth/api/v1/users/me"
    me = fs.http.get(url, headers=headers).json()["response"]
    found = [(one["role"], one["business"]["account_id"]) for one in me["business_memberships"]]
    assert found == [("owner", fs.account), ("business_employee", "EM9k2R")]
    assert me["subscription_statuses"] == {fs.account: "active", "EM9k2R": "active"}
    assert fs.http.get(url).json()["error"] == "unauthenticated"


def test_a_missing_scope_is_named(fs: Peer) -> None:
    code = fs.code(scope="user:profile:read user:clients:read")
    fs.tokens = fs.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK).json()
    assert fs.call("GET", "users/clients").status_code == 200
    answer = fs.call("POST", "users/clients", json={"client": {"fname": "A"}})
    assert answer.status_code == 403 and "user:clients:write" in answer.json()["response"]["errors"][0]["message"]


# --- lists (contract 4) ---


def test_pages_are_cut_at_a_hundred_and_end_empty(fs: Peer) -> None:
    page = fs.result("GET", "users/clients", params={"per_page": 500})
    assert page["per_page"] == 100 and page["total"] == len(page["clients"]) == 57 and page["pages"] == 1
    assert len(fs.result("GET", "users/clients")["clients"]) == 15
    assert fs.result("GET", "users/clients", params={"page": 0})["page"] == 1
    assert fs.result("GET", "users/clients", params={"page": 99})["clients"] == []
    assert fs.refused("GET", "users/clients", params={"page": "x"}) == (400, 1014, "page")
    assert fs.refused("GET", "users/clients", params={"per_page": "-1"}) == (400, 1013, "per_page")


def test_lists_hide_what_is_archived_or_deleted_but_an_id_finds_it(fs: Peer) -> None:
    one, two = fs.client(organization="Gone Ltd"), fs.client(organization="Kept Ltd")
    fs.result("PUT", f"users/clients/{one}", json={"client": {"vis_state": 1}})
    fs.result("PUT", f"users/clients/{two}", json={"client": {"vis_state": 2}})
    like = {"search[organization_like]": "Ltd", "per_page": 100}
    assert not {one, two} & {row["id"] for row in fs.result("GET", "users/clients", params=like)["clients"]}
    assert fs.result("GET", f"users/clients/{one}")["client"]["vis_state"] == 1
    shown = fs.result("GET", "users/clients", params={"search[vis_state]": 2, "per_page": 100})["clients"]
    assert two in {row["id"] for row in shown} and one not in {row["id"] for row in shown}


def test_filters(fs: Peer) -> None:
    client = fs.client(email="zed@example.com")
    found = fs.result("GET", "users/clients", params={"search[email]": "zed@example.com"})["clients"]
    assert [row["id"] for row in found] == [client]
    assert fs.result("GET", "users/clients", params={"search[nonsense]": "x"})["total"] == 58
    made = [fs.invoice(client, "10.00", invoice_number=number)["id"] for number in ("Q-1", "Q-11")]
    both = fs.result("GET", "invoices/invoices", params={"search[invoice_number]": "Q-1"})
    assert both["total"] == 2
    fs.control.settings(FS, number_search="exact")
    assert fs.result("GET", "invoices/invoices", params={"search[invoice_number]": "Q-1"})["total"] == 1
    assert (
        fs.result("GET", "invoices/invoices", params=[("search[ids][]", made[0]), ("search[ids][]", made[1])])["total"]
        == 2
    )
    today = date.today()
    days = {"search[date_min]": today - timedelta(1), "search[date_max]": today + timedelta(2)}
    assert fs.result("GET", "invoices/invoices", params=days)["total"] == 2
    item = {"item": {"name": "Lamp", "sku": "BC-77"}}
    fs.result("POST", "items/items", json=item)
    assert fs.result("GET", "items/items", params={"search[sku]": "BC-77"})["total"] == 1
    assert fs.result("GET", "items/items", params={"search[name]": "Lamp"})["total"] > 1  # there is no such filter


def test_lines_come_with_one_and_with_lists_only_when_asked_for(fs: Peer) -> None:
    made = fs.invoice(fs.client(), "10.00")
    assert len(made["lines"]) == 1 and len(fs.result("GET", f"invoices/invoices/{made['id']}")["invoice"]["lines"]) == 1
    assert "lines" not in fs.result("GET", "invoices/invoices")["invoices"][0]
    asked = fs.result("GET", "invoices/invoices", params={"include[]": "lines", "sort": "invoice_date_desc"})
    assert asked["invoices"][0]["lines"][0]["amount"] == {"amount": "10.00", "code": "USD"}


def test_times_are_eastern_and_bare(fs: Peer) -> None:
    row = fs.result("GET", "users/clients")["clients"][0]
    assert row["updated"] == "2026-11-02 12:00:00" or not row["updated"].startswith("2026-11-02")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row["signup_date"])


def test_the_seeds_clients_are_as_old_as_its_books(fs: Peer) -> None:
    """Their day of making is the one time in UTC; it was the moment of the first look at the books."""
    rows = fs.result("GET", "users/clients", params={"per_page": 100})["clients"]
    assert len(rows) > 50
    eastern = {datetime.fromisoformat(row["updated"]).replace(tzinfo=ZoneInfo("America/New_York")) for row in rows}
    made = {datetime.fromisoformat(row["signup_date"]).replace(tzinfo=UTC) for row in rows}
    assert made == eastern and len(made) == 1


# --- clients, items, taxes (contract 5, 6, 8) ---


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("users/clients", {"client": {"note": "nobody"}}, (422, 1001, "email")),
        ("users/clients", {"client": {"email": "nonsense"}}, (422, 1004, "email")),
        ("users/clients", {"client": {"organization": "x" * 256}}, (422, 1017, "organization")),
        ("users/clients", {"wrong": {}}, (422, 1001, "client")),
        ("items/items", {"item": {"description": "nameless"}}, (422, 1001, "name")),
        ("items/items", {"item": {"name": "A", "tax1": 7001, "tax2": 7001}}, (422, 1019, "tax2")),
        ("items/items", {"item": {"name": "A", "unit_cost": {"amount": "1.005"}}}, (422, 1004, "unit_cost")),
        ("taxes/taxes", {"tax": {"name": "T", "amount": "101"}}, (422, 1018, "amount")),
        ("invoices/invoices", {"invoice": {"create_date": "2026-01-01"}}, (422, 1001, "customerid")),
        ("invoices/invoices", {"invoice": {"customerid": 1, "create_date": "2026-01-01"}}, (422, 1012, "customerid")),
        ("payments/payments", {"payment": {"invoiceid": 1, "amount": {"amount": "1"}}}, (422, 1012, "invoiceid")),
    ],
)  # fmt: skip
def test_what_is_refused_and_how(fs: Peer, path: str, body: Any, expected: tuple[int, int, str]) -> None:
    assert fs.refused("POST", path, json=body) == expected


def test_an_email_may_be_used_twice_and_a_put_changes_only_what_it_names(fs: Peer) -> None:
    one = fs.client(email="a@example.com", fname="Ann")
    assert fs.client(email="a@example.com") != one
    changed = fs.result("PUT", f"users/clients/{one}", json={"client": {"lname": "Bell"}})["client"]
    assert (changed["fname"], changed["lname"], changed["userid"]) == ("Ann", "Bell", one)


def test_items_know_no_account(fs: Peer) -> None:
    body = {"item": {"name": "Lamp", "income_account_id": "x", "unit_cost": {"amount": "9", "code": "USD"}}}
    made = fs.result("POST", "items/items", json=body)["item"]
    assert not [name for name in made if "income" in name] and made["unit_cost"] == {"amount": "9.00", "code": "USD"}


def test_the_chart_of_accounts_has_a_shape_of_its_own(fs: Peer) -> None:
    url = f"{fs.service['api']}/accounting/businesses/{fs.service['business_uuid']}/ledger_accounts/accounts"
    headers = {"Authorization": f"Bearer {fs.tokens['access_token']}"}
    rows = fs.http.get(url, headers=headers).json()["data"]
    assert {row["type"] for row in rows} >= {"income", "asset"}
    fs.control.settings(FS, ledger="closed")
    assert fs.http.get(url, headers=headers).json()["errors"]["status"] == 403


# --- invoices and payments (contract 7, 8, 13) ---


def test_draft_sent_partial_paid_and_overdue_in_v3_only(fs: Peer) -> None:
    client = fs.client()
    draft = fs.invoice(client, "100.00", sent=False, due_offset_days=30)
    assert (draft["status"], draft["v3_status"], draft["payment_status"]) == (1, "draft", "unpaid")
    number = draft["id"]
    wrong = {"payment": {"invoiceid": number, "amount": {"amount": "1.00", "code": "USD"}}}
    assert fs.refused("POST", "payments/payments", json=wrong) == (422, 1004, "invoiceid")
    assert (fs.send(number)["status"], fs.send_again(number)) == (2, (422, 1004, "action_mark_as_sent"))
    fs.pay(number, "40.00")
    now = fs.result("GET", f"invoices/invoices/{number}")["invoice"]
    assert (now["status"], now["v3_status"], now["outstanding"]["amount"]) == (8, "partial", "60.00")
    fs.control.clock(40 * 86_400)
    fs.tokens = fs.control.grant(FS)
    late = fs.result("GET", f"invoices/invoices/{number}")["invoice"]
    assert (late["status"], late["v3_status"]) == (8, "overdue")
    fs.pay(number, "60.00")
    done = fs.result("GET", f"invoices/invoices/{number}")["invoice"]
    assert (done["status"], done["v3_status"], done["payment_status"]) == (4, "paid", "paid")


def test_sums_are_made_line_by_line(fs: Peer) -> None:
    lines = [
        {"name": "A", "qty": "3", "unit_cost": {"amount": "0.35"}, "taxName1": "T", "taxAmount1": "5"},
        {"name": "B", "qty": "1", "unit_cost": {"amount": "10.10"}, "taxName1": "T", "taxAmount1": "5",
         "taxName2": "U", "taxAmount2": "10", "compounded_tax": True},
    ]  # fmt: skip
    made = fs.invoice(fs.client(), lines=lines)
    assert made["amount"]["amount"] == "12.77"  # 1.05 + 0.05, 10.10 + 0.51 + 1.06, rounded each
    half = fs.invoice(fs.client(), lines=lines, discount_value="50")
    assert half["discount_total"]["amount"] == "-5.58" and half["amount"]["amount"] == "6.38"
    sent = {"invoice": {"lines": [{"name": "C", "qty": 2, "unit_cost": {"amount": "1.00"}}]}}
    changed = fs.result("PUT", f"invoices/invoices/{made['id']}", json=sent)["invoice"]
    assert [line["name"] for line in changed["lines"]] == ["C"] and changed["amount"]["amount"] == "2.00"


def test_numbers_are_unique_and_survive_deletion(fs: Peer) -> None:
    client = fs.client()
    made = fs.invoice(client, "1.00", invoice_number="N-1")
    body = {"invoice": {"customerid": client, "create_date": "2026-01-01", "invoice_number": "N-1"}}
    assert fs.refused("POST", "invoices/invoices", json=body) == (422, 1004, "invoice_number")
    fs.call("DELETE", f"invoices/invoices/{made['id']}")
    assert fs.result("GET", f"invoices/invoices/{made['id']}")["invoice"]["vis_state"] == 1
    assert fs.refused("POST", "invoices/invoices", json=body) == (422, 1004, "invoice_number")
    fs.control.settings(FS, deleted_keep_numbers=False)
    assert fs.invoice(client, "1.00", invoice_number="N-1")["id"] != made["id"]
    assert fs.invoice(client, "1.00")["invoice_number"] == "0001017"


def test_a_deleted_client_takes_no_invoice_and_a_paid_invoice_stays(fs: Peer) -> None:
    client = fs.client()
    made = fs.invoice(client, "10.00")
    fs.pay(made["id"], "10.00")
    assert fs.refused("DELETE", f"invoices/invoices/{made['id']}")[1] == 1004
    fs.result("PUT", f"users/clients/{client}", json={"client": {"vis_state": 1}})
    body = {"invoice": {"customerid": client, "create_date": "2026-01-01"}}
    assert fs.refused("POST", "invoices/invoices", json=body) == (422, 1011, "customerid")


def test_money_beyond_what_is_due_becomes_a_credit(fs: Peer) -> None:
    made = fs.invoice(fs.client(), "10.00")
    paid = fs.pay(made["id"], "12.00")
    assert paid["overpaymentid"] and paid["id"] == paid["logid"]
    row = next(row for row in fs.control.books(FS)["payments"] if row["id"] == str(paid["id"]))
    assert (row["amount"], row["unapplied"], row["allocations"][0]["amount"]) == ("12.00", "2.00", "10.00")
    for wrong in ({"type": "check"}, {"amount": {"amount": "1", "code": "EUR"}}, {"amount": {"amount": "0"}}):
        body = {"payment": {"invoiceid": made["id"], "amount": {"amount": "1", "code": "USD"}, **wrong}}
        assert fs.refused("POST", "payments/payments", json=body)[1] == 1004
    fs.result("PUT", f"payments/payments/{paid['id']}", json={"payment": {"vis_state": 1}})
    assert fs.result("GET", f"invoices/invoices/{made['id']}")["invoice"]["outstanding"]["amount"] == "10.00"


# --- errors (contract 9) and faults ---


def test_the_newer_shape(fs: Peer) -> None:
    error = fs.call("GET", "items/items/5", headers={"X-API-VERSION": "2023-02-20"}).json()
    assert error["code"] == 5 and error["details"][0]["reason"] == "1012"
    assert error["details"][0]["metadata"]["field"] == "itemid"
    fs.control.settings(FS, error_shape="newer")
    assert "details" in fs.call("GET", "items/items/5").json()


def test_what_cannot_be_read_and_where_nobody_lives(fs: Peer) -> None:
    broken = {"content": b"{", "headers": {"Content-Type": "application/json"}}
    assert fs.refused("POST", "users/clients", **broken)[1] == 1005
    assert fs.refused("POST", "users/clients", content=b'{"client":{"fname":"A"}}')[1] == 1005
    assert fs.refused("GET", "users/clients", account="NOBODY")[:2] == (404, 1012)
    assert fs.refused("GET", "users/shoes")[:2] == (404, 1012)


@pytest.mark.parametrize(
    ("fault", "status", "errno"),
    [
        ({"id": "H5"}, 500, 500),
        ({"id": "H8", "params": {"kind": "user"}}, 403, 1003),
        ({"id": "H9"}, 404, 1012),
        ({"id": "H11"}, 501, 99999),
        ({"id": "H12"}, 403, 1042),
        ({"id": "B4", "params": {"code": "1004"}}, 200, 1004),
        ({"id": "FAULT", "params": {"code": "1017", "field": "organization"}}, 422, 1017),
    ],
)
def test_faults_speak_freshbooks(fs: Peer, fault: dict[str, Any], status: int, errno: int) -> None:
    fs.control.faults({"provider": FS, "op": "create_customer", **fault})
    answer = fs.call("POST", "users/clients", json={"client": {"fname": "A"}})
    assert answer.status_code == status and answer.json()["response"]["errors"][0]["errno"] == errno


def test_faults_that_bend_the_rules(fs: Peer) -> None:
    client = fs.client()
    fs.control.faults({"id": "H10", "provider": FS, "op": "update_customer"})
    assert fs.refused("PUT", f"users/clients/{client}", json={"client": {"lname": "B"}})[:2] == (409, 409)
    fs.control.faults({"id": "D15", "provider": FS, "op": "update_customer"})
    assert fs.result("PUT", f"users/clients/{client}", json={"client": {"lname": "B"}})["client"]["lname"] == "B"
    assert fs.result("GET", f"users/clients/{client}")["client"]["lname"] == ""
    fs.control.faults({"id": "D9", "provider": FS, "op": "create_invoice"})
    assert fs.invoice(client, "1.00")["amount"]["amount"] == "1.01"
    fs.control.faults({"id": "N1", "provider": FS, "op": "create_payment"})
    made = fs.invoice(client, "5.00")
    with pytest.raises(httpx.HTTPError):
        fs.pay(made["id"], "5.00")
    assert fs.control.books(FS)["payments"][-1]["amount"] == "5.00"
    fs.control.faults({"id": "H1", "provider": FS, "params": {"retry_after": 7}})
    assert fs.call("GET", "taxes/taxes").headers["retry-after"] == "7"


def test_limits_only_when_switched_on(fs: Peer) -> None:
    for _ in range(6):
        assert fs.call("GET", "taxes/taxes").status_code == 200
    fs.control.settings(FS, limits="real")
    assert 429 in [fs.call("GET", "taxes/taxes").status_code for _ in range(6)]
    meter = fs.control.meter(FS)
    assert meter["enforced"] and meter["refused"] and meter["by_op"]["list_taxes"] >= 6


# --- control (design 5.1) ---


def test_books_and_hand_edits_in_plain_words(fs: Peer) -> None:
    control, client = fs.control, fs.client()
    made = str(fs.invoice(client, "100.00")["id"])
    books = control.books(FS)
    assert set(books) >= {"customers", "items", "accounts", "tax_codes", "invoices", "payments"}
    assert books["company"]["name"] == "Acme Plumbing LLC" and len(books["invoices"]) == 17
    assert control.edit("invoice", made, {"pay": "30.00"}, FS)["balance"] == "70.00"
    assert control.edit("invoice", made, "pay", FS)["status"] == "paid"
    due = (date.today() + timedelta(days=90)).isoformat()
    assert control.edit("invoice", made, {"memo": "by hand", "due_date": due}, FS)["due_date"] == due
    assert control.edit("invoice", made, "delete", FS) == {}
    assert made not in {row["id"] for row in control.books(FS)["invoices"]}
    assert control.edit("customer", str(client), {"address": {"city": "Waco"}}, FS)["address"]["city"] == "Waco"
    assert control.edit("customer", str(client), "archive", FS)["active"] is False
    fields = {"customer_id": str(client), "number": "T-1", "date": "2026-11-01",
              "lines": [{"description": "Hand work", "quantity": 2, "unit_price": "5.00"}]}  # fmt: skip
    taken = control.edit("invoice", "", {"create": fields}, FS)
    assert (taken["number"], taken["total"], taken["status"]) == ("T-1", "10.00", "open")
    assert control.ledger(op="edit") == []


def test_the_seed_is_the_same_company(fs: Peer) -> None:
    books = fs.control.books(FS)
    names = {row["display_name"] for row in books["customers"]}
    assert {"Emily Alvarez", "Mary & John Mason", "<b>Bob's Diner</b>", "Longhorn Coffee - Main Street"} <= names
    paid = [row for row in books["invoices"] if row["status"] == "paid"]
    assert len(paid) == 9 and all(row["balance"] == "0.00" for row in paid)
    assert not [row for row in books["payments"] if row["unapplied"] != "0.00"]
    assert len([row for row in books["customers"] if not row["active"]]) == 5


def test_the_ledger_names_meanings_and_keeps_secrets(fs: Peer) -> None:
    made = fs.invoice(fs.client(), "1.00")
    fs.pay(made["id"], "1.00")
    fs.refresh(fs.tokens["refresh_token"])
    ops = [entry["op"] for entry in fs.control.ledger()]
    assert ops == ["create_customer", "create_invoice", "send_invoice", "create_payment", "refresh"]
    text = str(fs.control.ledger())
    assert fs.tokens["refresh_token"] not in text and fs.service["client_secret"] not in text
