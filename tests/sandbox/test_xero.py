"""The imitated Xero as a plain client meets it: sign-in, envelopes, bulk, keys, queries, sums, limits."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
SCOPE = "openid offline_access accounting.invoices accounting.payments accounting.contacts accounting.settings.read"
LINE = {"Description": "Work", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200", "TaxType": "NONE"}


class Peer:
    """One signed-in program without rules of ours; limits are off unless a test turns them on."""

    def __init__(self, sandbox: Any, control: Any, http: httpx.Client) -> None:
        self.control = control
        self.service = sandbox.services["xero"]
        self.tenant = self.service["company_id"]
        self.http = http
        control.settings("xero", limits="off")
        self.tokens = control.grant("xero")

    def call(self, method: str, path: str, body: Any = None, headers: Any = None, **params: str) -> httpx.Response:
        sent = {
            "Authorization": f"Bearer {self.tokens['access_token']}",
            "Accept": "application/json",
            "Xero-tenant-id": self.tenant,
            **(headers or {}),
        }
        url = f"{self.service['api']}/api.xro/2.0/{path}"
        return self.http.request(method, url, json=body, headers=sent, params=params)

    def rows(self, path: str, headers: Any = None, **params: str) -> list[dict[str, Any]]:
        answer = self.call("GET", path, headers=headers, **params)
        assert answer.status_code == 200, answer.text
        return list(answer.json()[path.split("/")[0]])

    def put(self, plural: str, *elements: Any, apart: bool = True, method: str = "PUT", **headers: str) -> Any:
        answer = self.call(method, plural, {plural: list(elements)}, headers, summarizeErrors=str(not apart).lower())
        assert answer.status_code == 200, answer.text
        return answer.json()[plural]

    def one(self, plural: str, element: Any, method: str = "PUT") -> dict[str, Any]:
        [row] = self.put(plural, element, method=method)
        assert row["StatusAttributeString"] == "OK", row
        return dict(row)

    def refused(self, plural: str, element: Any, method: str = "PUT") -> str:
        """The sentences of a write that has to fail; the books have not moved."""
        before = self.control.books("xero")
        [row] = self.put(plural, element, method=method)
        assert row["StatusAttributeString"] == "ERROR", row
        assert self.control.books("xero") == before
        return " ".join(error["Message"] for error in row["ValidationErrors"])

    def contact(self, name: str = "Zebra Ltd") -> str:
        return str(self.one("Contacts", {"Name": name})["ContactID"])

    def bill(self, contact: str, number: str = "X-1", *lines: Any, **more: Any) -> dict[str, Any]:
        return {
            "Type": "ACCREC",
            "InvoiceNumber": number,
            "Contact": {"ContactID": contact},
            "Date": "2026-11-20",
            "DueDate": "2026-12-20",
            "Status": "AUTHORISED",
            "LineItems": list(lines) or [LINE],
            **more,
        }

    def paying(self, invoice: str, amount: float, **more: Any) -> dict[str, Any]:
        known = {"Account": {"Code": "090"}, "Date": "2026-11-21", "Reference": "BC"}
        return {"Invoice": {"InvoiceID": invoice}, "Amount": amount, **known, **more}

    def token(self, **form: str) -> httpx.Response:
        return self.http.post(self.service["token"], data={"client_id": self.service["client_id"], **form})


@pytest.fixture
def xero(sandbox: Any, control: Any, http_client: httpx.Client) -> Iterator[Peer]:
    yield Peer(sandbox, control, http_client)


# --- signing in ---


def asking(xero: Peer, **changes: str) -> dict[str, str]:
    asked = {
        "response_type": "code",
        "client_id": xero.service["client_id"],
        "redirect_uri": "http://localhost:53682/callback",
        "scope": SCOPE,
        "state": "s1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return asked | changes


def consented(xero: Peer, **changes: str) -> dict[str, str]:
    page = xero.http.get(xero.service["authorize"], params=asking(xero, **changes))
    assert page.status_code == 200, page.text
    ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
    assert ticket and 'type="checkbox"' in page.text
    form = {"ticket": ticket[1], "decision": "approve", "company": xero.tenant}
    answer = xero.http.post(xero.service["authorize"], data=form)
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def test_pkce_from_consent_to_the_organisation(xero: Peer) -> None:
    xero.control.reset()
    back = consented(xero)
    assert back["state"] == "s1"
    form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": asking(xero)["redirect_uri"]}
    assert xero.token(**form, code_verifier="w" * 64).json() == {"error": "invalid_grant"}
    answer = xero.token(**form, code_verifier=VERIFIER)
    body = answer.json()
    assert answer.status_code == 200 and body["expires_in"] == 1800 and body["id_token"].count(".") == 2
    assert xero.token(**form, code_verifier=VERIFIER).json() == {"error": "invalid_grant"}
    xero.tokens = body
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    [found] = xero.http.get(xero.service["connections"], headers=bearer).json()
    assert found["tenantId"] == xero.tenant != found["id"] and found["tenantType"] == "ORGANISATION"
    assert xero.http.get(f"{xero.service['api']}/Connections", headers=bearer).status_code == 200
    assert xero.rows("Organisations".replace("Organisations", "Contacts"))
    assert xero.http.delete(f"{xero.service['connections']}/{found['id']}", headers=bearer).status_code == 204
    assert xero.http.delete(f"{xero.service['connections']}/{found['id']}", headers=bearer).status_code == 404
    assert xero.call("GET", "Contacts").status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://127.0.0.1:53682/callback"},
        {"redirect_uri": "http://localhost:53682/callback/"},
        {"client_id": "nobody"},
        {"scope": "accounting.everything"},
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
    ],
    ids=str,
)
def test_a_wrong_question_shows_an_error_page_and_no_redirect(xero: Peer, changes: dict[str, str]) -> None:
    answer = xero.http.get(xero.service["authorize"], params=asking(xero, **changes))
    assert answer.status_code == 500 and "location" not in answer.headers


def test_a_code_lives_five_minutes(xero: Peer) -> None:
    back = consented(xero)
    xero.control.clock(301)
    form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": asking(xero)["redirect_uri"]}
    assert xero.token(**form, code_verifier=VERIFIER).json() == {"error": "invalid_grant"}


def test_refresh_tokens_rotate_with_thirty_minutes_of_grace(xero: Peer) -> None:
    def refresh(token: str) -> httpx.Response:
        return xero.token(grant_type="refresh_token", refresh_token=token)

    old = xero.tokens["refresh_token"]
    first = refresh(old).json()["refresh_token"]
    second = refresh(old).json()["refresh_token"]
    assert len({old, first, second}) == 3
    assert refresh(first).status_code == 200
    xero.control.clock(1801)
    assert refresh(old).json() == {"error": "invalid_grant"}
    assert refresh(second).status_code == 200
    xero.control.settings("xero", refresh_grace_s=0)
    third = refresh(second).json()
    assert third == {"error": "invalid_grant"}
    assert xero.token(grant_type="refresh_token", refresh_token=old, client_id="").json() == {
        "error": "unauthorized_client"
    }


def test_sixty_days_unused_end_a_refresh_token(xero: Peer) -> None:
    xero.control.clock(61 * 86_400)
    answer = xero.token(grant_type="refresh_token", refresh_token=xero.tokens["refresh_token"])
    assert answer.json() == {"error": "invalid_grant"}


def test_tokens_tenants_and_formats_are_refused_in_their_own_shapes(xero: Peer) -> None:
    foreign = xero.call("GET", "Contacts", headers={"Xero-tenant-id": "00000000-0000-0000-0000-000000000001"})
    assert (foreign.status_code, foreign.json()["Detail"]) == (403, "AuthenticationUnsuccessful")
    assert xero.call("GET", "Contacts", headers={"Accept": "application/xml"}).status_code == 406
    gone = xero.call("GET", "Invoices/00000000-0000-4000-8000-000000000000")
    assert gone.status_code == 404 and gone.headers["content-type"].startswith("text/html")
    narrow = xero.call("POST", "TaxRates", {"TaxRates": [{}]})
    assert narrow.status_code == 403 and "insufficient_scope" in narrow.headers["www-authenticate"]
    xero.control.clock(1801)
    late = xero.call("GET", "Contacts")
    assert late.status_code == 401 and late.json()["Detail"].startswith("TokenExpired")
    assert late.headers["xero-correlation-id"]


# --- envelopes, lists, queries ---


def test_lists_have_envelopes_pages_and_no_null(xero: Peer) -> None:
    answer = xero.call("GET", "Contacts", page="2", pageSize="25").json()
    assert answer["Status"] == "OK" and re.match(r"^/Date\(\d+\)/$", answer["DateTimeUTC"])
    pages = answer["pagination"]
    assert (pages["page"], pages["pageSize"]) == (2, 25) and len(answer["Contacts"]) == 25
    assert "null" not in xero.call("GET", "Invoices", page="1").text
    assert all(row["LineItems"] == [] for row in xero.rows("Invoices"))
    assert all(row["LineItems"] for row in xero.rows("Invoices", page="1"))
    assert "pagination" not in xero.call("GET", "Items", page="1").json()
    everyone = xero.rows("Contacts", page="1", pageSize="1000", includeArchived="true")
    assert len(everyone) > len(xero.rows("Contacts", page="1", pageSize="1000"))


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ('Name=="BLUE heron cafe"', 1),
        ('Name=="Jurgen Muller"', 1),
        ('Name="Blue Heron Cafe" AND ContactStatus=="ACTIVE"', 1),
        ('Name.StartsWith("Cedar") || Name.Contains("Heron")', 2),
        ('EmailAddress!=null && (Name=="nobody" or Name=="Blue Heron Cafe")', 1),
        ('Name=="nobody \\"quoted\\""', 0),
    ],
)
def test_where_compares_as_xero_does(xero: Peer, where: str, count: int) -> None:
    assert len(xero.rows("Contacts", where=where)) == count


@pytest.mark.parametrize("where", ["Name", 'Nickname=="x"', 'Name=="x', "Name==1 AND", 'Name~"x"', "Date>=DateTime(1)"])
def test_where_beyond_that_is_refused(xero: Peer, where: str) -> None:
    answer = xero.call("GET", "Contacts", where=where)
    assert (answer.status_code, answer.json()["Type"]) == (400, "QueryParseException")


def test_numbers_ids_dates_and_terms_filter_invoices(xero: Peer) -> None:
    rows = xero.rows("Invoices", InvoiceNumbers="1001,1003", page="1")
    assert sorted(row["InvoiceNumber"] for row in rows) == ["1001", "1003"]
    assert len(xero.rows("Invoices", IDs=",".join(row["InvoiceID"] for row in rows))) == 2
    since = xero.rows("Invoices", where='Date>=DateTime(2026,10,1) AND Status=="AUTHORISED"')
    assert since and all(row["DateString"] >= "2026-10-01" for row in since)
    [paid] = xero.rows("Payments", where=f'Invoice.InvoiceID==guid("{rows[0]["InvoiceID"]}")')
    assert paid["Invoice"]["InvoiceID"] == rows[0]["InvoiceID"]
    assert [row["InvoiceNumber"] for row in xero.rows("Invoices", searchTerm="1003")] == ["1003"]
    names = [row["Name"] for row in xero.rows("Contacts", order="Name DESC")]
    assert names == sorted(names, key=str.casefold, reverse=True) or names[0] > names[-1]


def test_if_modified_since_is_to_the_second_and_inclusive(xero: Peer) -> None:
    made = xero.one("Contacts", {"Name": "Fresh"})
    stamp = int(re.search(r"\((\d+)", made["UpdatedDateUTC"])[1]) // 1000  # type: ignore[index]
    when = dt.datetime.fromtimestamp(stamp, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert [row["Name"] for row in xero.rows("Contacts", headers={"If-Modified-Since": when})] == ["Fresh"]
    later = f"{int(when[:4]) + 1}{when[4:]}"
    assert xero.rows("Contacts", headers={"If-Modified-Since": later}) == []


# --- writing ---


def test_put_creates_post_updates_and_names_are_unique_among_the_active(xero: Peer) -> None:
    first = xero.contact("Harbour Homes")
    assert "already assigned to another contact" in xero.refused("Contacts", {"Name": "harbour HOMES"})
    changed = xero.one("Contacts", {"Name": "Harbour Homes", "FirstName": "Ana"}, "POST")
    assert (changed["ContactID"], changed["FirstName"]) == (first, "Ana")
    assert changed["Addresses"][0]["AddressType"] == "STREET" and len(changed["Phones"]) == 4
    xero.one("Contacts", {"ContactID": first, "ContactStatus": "ARCHIVED"}, "POST")
    assert "archived contact" in xero.refused("Contacts", {"ContactID": first, "FirstName": "B"}, "POST")
    assert xero.contact("Harbour Homes") != first
    unknown = {"Contacts": [{"ContactID": "00000000-0000-4000-8000-000000000000"}]}
    assert xero.call("POST", "Contacts", unknown).status_code == 404


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ({"Name": ""}, "at least 1 of"),
        ({"Name": "A <b>"}, "< or >"),
        ({"Name": "x" * 256}, "maximum length of 255"),
        ({"Name": "A", "EmailAddress": "müller@example.com"}, "Email address must be valid"),
        ({"Name": "A", "Addresses": [{"AddressType": "POBOX", "Country": "4711"}]}, "Country"),
    ],
)
def test_contact_rules(xero: Peer, element: dict[str, Any], words: str) -> None:
    assert words in xero.refused("Contacts", element)


def test_item_rules(xero: Peer) -> None:
    item = {"Code": "LAB", "Name": "Labour", "SalesDetails": {"UnitPrice": 65.125, "AccountCode": "200"}}
    assert xero.one("Items", item)["SalesDetails"]["UnitPrice"] == 65.13
    assert "already exists" in xero.refused("Items", item)
    assert "not a valid code" in xero.refused("Items", {"Code": "B", "SalesDetails": {"AccountCode": "999"}})
    fine = xero.call("POST", "Items", {"Items": [item]}, unitdp="4").json()["Items"][0]
    assert fine["SalesDetails"]["UnitPrice"] == 65.125
    assert xero.call("DELETE", "Items/LAB").status_code == 204
    assert xero.call("GET", "Items/LAB").status_code == 404


def test_tax_is_rounded_on_each_line(xero: Peer) -> None:
    lines = [{**LINE, "UnitAmount": price, "TaxType": "OUTPUT"} for price in (25.06, 25.61, 25.63)]
    made = xero.one("Invoices", xero.bill(xero.contact(), "T-1", *lines))
    assert made["TotalTax"] == round(2.07 + 2.11 + 2.11, 2) and made["Total"] == 82.59
    assert made["AmountDue"] == 82.59 and made["Status"] == "AUTHORISED"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"LineItems": []}, "One or more line items"),
        ({"DueDate": None}, "DueDate"),
        ({"Status": "PAID"}, "not of valid status for creation"),
        ({"CurrencyCode": "EUR"}, "not subscribed to currency EUR"),
        ({"LineItems": [{**LINE, "AccountCode": "999"}]}, "'999' is not a valid code"),
        ({"LineItems": [{**LINE, "TaxType": "FOO"}]}, "Tax rate must be valid"),
        ({"LineItems": [{**LINE, "TaxType": "INPUT"}]}, "cannot be used with account code"),
        ({"LineItems": [{**LINE, "LineAmount": 99}]}, "line total 99 does not match"),
        ({"LineItems": [{**LINE, "DiscountAmount": 101}]}, "Discount must not be greater"),
        ({"InvoiceNumber": "1001"}, "Invoice # must be unique"),
        ({"Contact": {}}, "at least 1 of"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_invoice_rules(xero: Peer, changes: dict[str, Any], words: str) -> None:
    assert words in xero.refused("Invoices", xero.bill(xero.contact(), "R-1") | changes)


def test_xml_is_read_as_well_bare_or_in_a_form_field(xero: Peer) -> None:
    contact = xero.contact()
    text = (
        "<Invoice><Type>ACCREC</Type><InvoiceNumber>XML-1</InvoiceNumber><Status>AUTHORISED</Status>"
        f"<Contact><ContactID>{contact}</ContactID></Contact><Date>2026-11-20</Date><DueDate>2026-12-20</DueDate>"
        "<LineItems><LineItem><Description>W</Description><Quantity>2.0</Quantity><UnitAmount>20.5</UnitAmount>"
        "<AccountCode>200</AccountCode></LineItem></LineItems></Invoice>"
    )
    sent = {"Authorization": f"Bearer {xero.tokens['access_token']}", "Accept": "application/json"}
    sent["Xero-tenant-id"] = xero.tenant
    url = f"{xero.service['api']}/api.xro/2.0/Invoices"
    made = xero.http.put(url, content=text, headers={**sent, "Content-Type": "application/xml"})
    assert made.json()["Invoices"][0]["Total"] == 41
    again = xero.http.put(url, data={"xml": text}, headers=sent)
    assert again.status_code == 400 and "must be unique" in again.text
    for bad in ("<a", "<Nothing/>", "<!DOCTYPE x><Contact/>", "<Contact>" * 20 + "</Contact>" * 20):
        assert xero.http.put(url, content=bad, headers={**sent, "Content-Type": "text/xml"}).status_code == 400


def test_malformed_dates_are_error_14_and_slash_dates_are_taken(xero: Peer) -> None:
    contact = xero.contact()
    bad = xero.call("PUT", "Invoices", {"Invoices": [xero.bill(contact, Date="2017-12-14 00:00:00")]})
    assert (bad.status_code, bad.json()["ErrorNumber"]) == (400, 14)
    made = xero.one("Invoices", xero.bill(contact, "S-1", Date="/Date(1763596800000+0000)/"))
    assert made["DateString"] == "2025-11-20T00:00:00"


def test_statuses_of_an_invoice_and_its_payments(xero: Peer) -> None:
    contact = xero.contact()
    bill = xero.one("Invoices", xero.bill(contact))
    number = bill["InvoiceID"]
    assert "exceeds the amount outstanding" in xero.refused("Payments", xero.paying(number, 100.01))
    assert "Account must be valid" in xero.refused("Payments", xero.paying(number, 1, Account={"Code": "200"}))
    paid = xero.one("Payments", xero.paying(number, 40))
    assert paid["Invoice"]["AmountDue"] == 60 and paid["PaymentType"] == "ACCRECPAYMENT"
    assert "cannot be edited" in xero.refused("Invoices", {"InvoiceID": number, "Reference": "x"}, "POST")
    assert "because it has payments" in xero.refused("Invoices", {"InvoiceID": number, "Status": "VOIDED"}, "POST")
    rest = xero.one("Payments", xero.paying(number, 60))
    [now] = xero.rows(f"Invoices/{number}")
    assert (now["Status"], now["AmountDue"]) == ("PAID", 0) and now["FullyPaidOnDate"].startswith("/Date(")
    for payment in (paid, rest):
        answer = xero.call("POST", f"Payments/{payment['PaymentID']}", {"Status": "DELETED"})
        assert answer.json()["Payments"][0]["Status"] == "DELETED"
    again = xero.call("POST", f"Payments/{paid['PaymentID']}", {"Status": "DELETED"})
    assert again.status_code == 400 and "not of valid status" in again.text
    assert xero.one("Invoices", {"InvoiceID": number, "Status": "VOIDED"}, "POST")["Status"] == "VOIDED"
    assert "not of valid status for modification" in xero.refused(
        "Invoices", {"InvoiceID": number, "Status": "AUTHORISED"}, "POST"
    )
    draft = xero.one("Invoices", xero.bill(contact, "D-1", Status="DRAFT"))
    assert "only be made against Authorised" in xero.refused("Payments", xero.paying(draft["InvoiceID"], 1))
    xero.one("Invoices", {"InvoiceID": draft["InvoiceID"], "Status": "DELETED"}, "POST")
    assert xero.one("Invoices", xero.bill(contact, "D-1"))["InvoiceNumber"] == "D-1"


def test_lines_without_their_id_are_made_anew_and_prices_keep_four_decimals_if_asked(xero: Peer) -> None:
    made = xero.one("Invoices", xero.bill(xero.contact(), "L-1", LINE, LINE))
    first, second = made["LineItems"]
    lines = [{**LINE, "LineItemID": first["LineItemID"]}, {**LINE, "UnitAmount": 1.2345}]
    [changed] = xero.put("Invoices", {"InvoiceID": made["InvoiceID"], "LineItems": lines}, method="POST")
    ids = [line["LineItemID"] for line in changed["LineItems"]]
    assert ids[0] == first["LineItemID"] and ids[1] != second["LineItemID"]
    assert changed["LineItems"][1]["UnitAmount"] == 1.23


def test_locked_periods(xero: Peer) -> None:
    contact = xero.contact()
    xero.control.settings("xero", period_lock_date="2026-11-20")
    assert "before the period lock date" in xero.refused("Invoices", xero.bill(contact))
    xero.control.settings("xero", period_lock_date="", end_of_year_lock_date="2026-11-20")
    assert "end of year lock date" in xero.refused("Invoices", xero.bill(contact))
    [company] = xero.call("GET", "Organisation").json()["Organisations"]
    assert company["EndOfYearLockDate"].startswith("/Date(") and "PeriodLockDate" not in company


# --- bulk and keys ---


def test_elements_answer_apart_or_one_bad_one_fails_all(xero: Peer) -> None:
    elements = [{"Name": "Good"}, {"Name": "Blue Heron Cafe"}, {"Name": "Better"}]
    before = xero.control.books("xero")
    answer = xero.call("PUT", "Contacts", {"Contacts": elements})
    assert answer.status_code == 400 and answer.json()["ErrorNumber"] == 10 and len(answer.json()["Elements"]) == 3
    assert xero.control.books("xero") == before
    rows = xero.put("Contacts", *elements)
    assert [row["StatusAttributeString"] for row in rows] == ["OK", "ERROR", "OK"]
    assert rows[1]["ContactID"] == "00000000-0000-0000-0000-000000000000" and rows[1]["HasValidationErrors"]
    entry = xero.control.ledger(op="batch")[-1]
    assert [part["op"] for part in entry["elements"]] == ["create_customer"] * 3
    assert [part["ok"] for part in entry["elements"]] == [True, False, True]


def test_a_key_answers_again_for_six_minutes_and_remembers_errors(xero: Peer) -> None:
    body, key = {"Contacts": [{"Name": "Once"}]}, {"Idempotency-Key": "k1"}
    first = xero.call("PUT", "Contacts", body, key).json()["Contacts"][0]["ContactID"]
    assert xero.call("PUT", "Contacts", body, key).json()["Contacts"][0]["ContactID"] == first
    assert xero.control.ledger()[-1]["replayed"]
    other = xero.call("PUT", "Contacts", {"Contacts": [{"Name": "Other"}]}, key)
    assert other.status_code == 400 and "different request" in other.json()["Message"]
    assert xero.call("PUT", "Contacts", body, {"Idempotency-Key": "k" * 129}).status_code == 400
    xero.control.clock(361)
    xero.tokens = xero.control.grant("xero")
    assert xero.call("PUT", "Contacts", body, key).status_code == 400
    xero.control.edit("customer", first, "archive", "xero")
    assert xero.call("PUT", "Contacts", body, key).status_code == 400, "the refusal is remembered too"
    assert xero.call("PUT", "Contacts", body, {"Idempotency-Key": "k2"}).status_code == 200


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_500_is_remembered_under_its_key(xero: Peer, phase: str) -> None:
    body, key = {"Contacts": [{"Name": "Maybe"}]}, {"Idempotency-Key": "k1"}
    xero.control.faults({"id": "H5", "op": "create_customer", "phase": phase})
    assert xero.call("PUT", "Contacts", body, key).status_code == 500
    assert xero.call("PUT", "Contacts", body, key).status_code == 500
    held = [row for row in xero.control.books("xero")["customers"] if row["display_name"] == "Maybe"]
    assert len(held) == (phase == "after")


# --- limits ---


def test_sixty_a_minute_five_thousand_a_day_and_the_headers(xero: Peer) -> None:
    xero.control.settings("xero", limits="real")
    left = [int(xero.call("GET", "Organisation").headers["x-minlimit-remaining"]) for _ in range(60)]
    assert left == list(range(59, -1, -1))
    refused = xero.call("GET", "Organisation")
    assert refused.status_code == 429 and refused.headers["x-rate-limit-problem"] == "minute"
    assert 0 < int(refused.headers["retry-after"]) <= 60
    xero.control.clock(61)
    assert xero.call("GET", "Organisation").headers["x-daylimit-remaining"] == "4939"
    xero.control.settings("xero", daily_calls=61)
    refused = xero.call("GET", "Organisation")
    assert refused.headers["x-rate-limit-problem"] == "day" and int(refused.headers["retry-after"]) > 3600
    assert xero.control.meter("xero")["refused"] == 2
    assert xero.control.meter("xero")["inside_demanded_wait"] == 0


# --- hand edits ---


def test_people_work_in_xero_too(xero: Peer) -> None:
    books = xero.control.books("xero")
    invoice = next(row for row in books["invoices"] if row["status"] == "open" and float(row["balance"]) > 100)
    paid = xero.control.edit("invoice", invoice["id"], {"pay": "9.50"}, "xero")
    assert float(paid["balance"]) == pytest.approx(float(invoice["balance"]) - 9.5)
    [payment] = [p for p in xero.control.books("xero")["payments"] if p["amount"] == "9.50"]
    assert xero.control.edit("payment", payment["id"], "delete", "xero")["status"] == "deleted"
    assert xero.control.edit("invoice", invoice["id"], "void", "xero")["status"] == "void"
    someone = books["customers"][0]["id"]
    assert xero.control.edit("customer", someone, {"display_name": "Renamed"}, "xero")["display_name"] == "Renamed"
    assert xero.control.edit("customer", someone, "archive", "xero")["active"] is False
    assert xero.control.edit("customer", someone, "restore", "xero")["active"] is True
    made = xero.control.edit(
        "invoice",
        "",
        {"create": {"customer_id": someone, "lines": [{"item_id": "SVC-CALL", "unit_price": "95.00"}]}},
        "xero",
    )
    assert made["total"] == "95.00" and made["status"] == "open"
