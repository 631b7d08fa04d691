"""The imitated Wave: its schema, its rules and its ways of saying no, over real sockets."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from graphql import build_client_schema, get_introspection_query

from tests.sandbox.wave_peer import SHOWN, WavePeer

PAYMENT = "invoicePayment { id amount invoice { amountPaid { value } amountDue { value } status } }"
TWO = f"""mutation($a: CustomerCreateInput!, $b: CustomerCreateInput!) {{
  c0: customerCreate(input: $a) {{ {SHOWN} customer {{ id name }} }}
  c1: customerCreate(input: $b) {{ {SHOWN} customer {{ id name }} }}
}}"""


@pytest.fixture
def wave(sandbox: Any, control: Any, http_client: httpx.Client) -> WavePeer:
    return WavePeer(sandbox, control, http_client)


def two(wave: WavePeer) -> dict[str, Any]:
    return {one: {"businessId": wave.business, "name": f"Zebra {one}"} for one in "ab"}


def names(wave: WavePeer) -> list[str]:
    return [row["display_name"] for row in wave.control.books("wave")["customers"]]


def rule(fault: str, op: str | None = "create_customer", **more: Any) -> dict[str, Any]:
    return {"id": fault, "provider": "wave", "nth": 1} | ({"op": op} if op else {}) | more


# --- documents ---


def test_the_schema_is_shown_to_everybody_and_a_client_can_build_it(wave: WavePeer) -> None:
    answer = wave.post(get_introspection_query(), token="")
    assert build_client_schema(answer.json()["data"]).mutation_type is not None


@pytest.mark.parametrize(
    "query",
    ["{", "{ nonsense }", "{ business(id: 1.5) { id } }", "mutation { invoicePaymentCreateManual { didSucceed } }"],
)
def test_a_document_that_does_not_fit_the_schema_runs_not_at_all(wave: WavePeer, query: str) -> None:
    answer = wave.post(query)
    assert answer.status_code == 400 and "data" not in answer.json()
    assert answer.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    wave.control.settings("wave", invalid_document="200")
    assert wave.post(query).status_code == 200


def test_U3_texts_travel_as_variables_only(wave: WavePeer) -> None:
    inline = 'mutation { customerCreate(input: {businessId: "x", name: "Bob"}) { didSucceed } }'
    assert wave.code(inline) == "GRAPHQL_VALIDATION_FAILED"
    wave.control.settings("wave", inline_strings="accept")
    assert wave.ask(inline)["customerCreate"]["didSucceed"] is False


@pytest.mark.parametrize("price", [12.5, "12,50", "abc", "1e400", True, None])
def test_decimals_are_texts_and_no_floats(wave: WavePeer, price: Any) -> None:
    query = "mutation($input: ProductCreateInput!) { productCreate(input: $input) { didSucceed } }"
    wanted = {"businessId": wave.business, "name": "x", "unitPrice": price}
    assert wave.code(query, input=wanted) == "GRAPHQL_VALIDATION_FAILED"


def test_a_business_id_on_a_payment_is_a_mistake_of_the_sender(wave: WavePeer) -> None:
    query = "mutation($i: InvoicePaymentCreateManualInput!) { invoicePaymentCreateManual(input: $i) { didSucceed } }"
    wanted = wave.pay(wave.invoice()["id"], businessId=wave.business)
    assert wave.code(query, i=wanted) == "GRAPHQL_VALIDATION_FAILED"


def test_sort_may_be_left_out_but_not_be_null(wave: WavePeer) -> None:
    assert len(wave.nodes("customers(pageSize: 3) { edges { node { id } } }")) == 3
    null = "query($b: ID!) { business(id: $b) { customers(sort: null) { edges { node { id } } } } }"
    assert wave.code(null, b=wave.business) == "GRAPHQL_VALIDATION_FAILED"


# --- ids, pages, filters ---


def test_ids_are_packed_and_pages_end(wave: WavePeer) -> None:
    assert base64.b64decode(wave.business).decode().startswith("Business:")
    found = wave.nodes("customers(page: 1, pageSize: 60) { edges { node { id } } }")
    assert re.fullmatch(r"Business:[0-9a-f-]{36};Customer:\d+", base64.b64decode(found[0]["id"]).decode())
    total = len(wave.control.books("wave")["customers"])
    assert len(found) + len(wave.nodes("customers(page: 2, pageSize: 60) { edges { node { id } } }")) == total
    assert wave.nodes("customers(page: 99) { edges { node { id } } }") == []
    assert len(wave.nodes("customers { edges { node { id } } }")) == 45
    assert wave.code("query($b: ID!) { business(id: $b) { customers(pageSize: 201) { edges { node { id } } } } }",
                     b=wave.business) == "BAD_REQUEST"  # fmt: skip


def test_an_invoice_number_is_searched_as_a_part(wave: WavePeer) -> None:
    query = "query($b: ID!, $n: String) { business(id: $b) { invoices(invoiceNumber: $n) { edges { node { invoiceNumber"
    found = wave.ask(f"{query} }} }} }} }} }}", b=wave.business, n="100")["business"]["invoices"]["edges"]
    assert len(found) == 9


def test_accounts_by_subtype_leave_out_what_items_can_not_use(wave: WavePeer) -> None:
    wide = wave.nodes("accounts(types: [INCOME]) { edges { node { name } } }")
    narrow = wave.nodes("accounts(subtypes: [INCOME, DISCOUNTS, OTHER_INCOME]) { edges { node { name } } }")
    left = {one["name"] for one in wide} - {one["name"] for one in narrow}
    assert left == {"Uncategorized Income", "Gain on Foreign Exchange"}
    assert len(wave.nodes("accounts(subtypes: [CASH_AND_BANK]) { edges { node { name } } }")) == 2


def test_archived_rows_are_left_out_where_the_schema_says_so(wave: WavePeer) -> None:
    active = wave.nodes("products(pageSize: 200) { edges { node { isArchived } } }")
    everything = wave.nodes("products(pageSize: 200, isArchived: null) { edges { node { isArchived } } }")
    assert len(everything) > len(active) and not any(one["isArchived"] for one in active)
    customers = wave.nodes("customers(pageSize: 200) { edges { node { isArchived } } }")
    assert any(one["isArchived"] for one in customers)


def test_payments_are_shown_only_with_one_invoice(wave: WavePeer) -> None:
    listed = wave.nodes("invoices { edges { node { id payments { id } amountPaid { value } } } }")
    assert all(one["payments"] is None for one in listed)
    paid = next(one["id"] for one in listed if one["amountPaid"]["value"] != "0.00")
    assert len(wave.read("invoice(id: $i) { payments { id amount } }", i=paid)["invoice"]["payments"]) == 1


def test_what_changed_since(wave: WavePeer) -> None:
    since = wave.control.clock(1).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    wave.control.clock(1)
    wave.customer("Newcomer")
    query = "query($b: ID!, $t: DateTime) { business(id: $b) { customers(modifiedAtAfter: $t) { edges { node { name"
    found = wave.ask(f"{query} }} }} }} }} }}", b=wave.business, t=since)
    assert found["business"]["customers"]["edges"] == [{"node": {"name": "Newcomer"}}]


# --- writing ---


def test_a_product_without_an_account_is_not_sold_and_can_not_be_billed(wave: WavePeer) -> None:
    made = wave.write("productCreate", "product { id isSold incomeAccount { id } }", businessId=wave.business,
                      name="Loose", unitPrice="1")  # fmt: skip
    assert made["product"]["isSold"] is False and made["product"]["incomeAccount"] is None
    bill = wave.bill()
    bill["items"][0]["productId"] = made["product"]["id"]
    assert wave.refused("invoiceCreate", **bill) == ("productId", "INVALID")


@pytest.mark.parametrize("name", ["Uncategorized Income", "Checking", "Job Supplies"])
def test_an_account_of_another_subtype_is_refused(wave: WavePeer, name: str) -> None:
    wanted = {"businessId": wave.business, "name": "x", "unitPrice": "1", "incomeAccountId": wave.account(name)}
    assert wave.refused("productCreate", **wanted) == ("incomeAccountId", "INVALID")


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x", "email": "nobody"}, "email"),
        ({"name": "x" * 300}, "name"),
        ({"name": "x", "address": {"provinceCode": "TX"}}, "provinceCode"),
        ({"name": "x", "address": {"provinceCode": "US-TX", "countryCode": "CA"}}, "provinceCode"),
    ],
)
def test_customers_that_are_refused(wave: WavePeer, wanted: dict[str, Any], field: str) -> None:
    assert wave.refused("customerCreate", businessId=wave.business, **wanted)[0] == field


def test_two_customers_may_bear_one_name(wave: WavePeer) -> None:
    assert wave.customer("Twin") != wave.customer("Twin")


def test_a_patch_changes_what_it_names(wave: WavePeer) -> None:
    made = wave.write("customerCreate", "customer { id }", businessId=wave.business, name="A", email="a@example.com")
    customer = made["customer"]["id"]
    answer = wave.write("customerPatch", "customer { name email }", id=customer, name="B")
    assert answer["customer"] == {"name": "B", "email": "a@example.com"}
    assert wave.write("customerPatch", "customer { email }", id=customer, email=None)["customer"]["email"] is None
    assert wave.refused("customerPatch", id="nobody", name="C") == ("id", "NOT_FOUND")


def test_an_invoice_adds_up_and_its_taxes_follow_the_product_unless_named(wave: WavePeer) -> None:
    [tax] = [one for one in wave.nodes("salesTaxes { edges { node { id rate } } }") if one["rate"] == "0.0825"]
    product = wave.product("Taxed", "10", defaultSalesTaxIds=[tax["id"]])
    line = {"productId": product, "quantity": "3"}
    discount = {"discounts": [{"discountType": "PERCENTAGE", "percentage": "10"}]}
    made = wave.invoice("T-1", items=[line], **discount)
    # 30.00 - 3.00 = 27.00; 8.25 % of it is 2.2275
    assert (made["discountTotal"]["value"], made["taxTotal"]["value"], made["total"]["value"]) == (
        "3.00", "2.23", "29.23",
    )  # fmt: skip
    assert wave.invoice("T-2", items=[line | {"taxes": []}])["taxTotal"]["value"] == "0.00"
    twice = [{"discountType": "FIXED", "amount": "1"}] * 2
    assert wave.refused("invoiceCreate", **wave.bill("T-3", discounts=twice)) == ("discounts", "INVALID")


def test_M143_a_number_is_used_once(wave: WavePeer) -> None:
    wave.invoice("N-1")
    assert wave.refused("invoiceCreate", **wave.bill("n-1")) == ("invoiceNumber", "INVALID")
    bill = wave.bill()
    del bill["invoiceNumber"]
    made = wave.write("invoiceCreate", "invoice { invoiceNumber }", **bill)
    assert made["invoice"]["invoiceNumber"] == "1017"


def test_a_draft_is_approved_sent_paid_and_its_status_follows(wave: WavePeer) -> None:
    made = wave.invoice(status="DRAFT")
    assert made["status"] == "DRAFT"
    assert wave.refused("invoicePaymentCreateManual", **wave.pay(made["id"])) == ("invoiceId", "INVALID")
    assert wave.refused("invoiceMarkSent", invoiceId=made["id"], sendMethod="MARKED_SENT")[0] == "invoiceId"
    approved = wave.write("invoiceApprove", "invoice { status }", invoiceId=made["id"])
    assert approved["invoice"]["status"] == "SAVED"
    sent = wave.write("invoiceMarkSent", "invoice { status lastSentVia }", invoiceId=made["id"],
                      sendMethod="MARKED_SENT", sentAt="2026-11-02T10:00:00.000Z")  # fmt: skip
    assert sent["invoice"] == {"status": "SENT", "lastSentVia": "MARKED_SENT"}
    part = wave.write("invoicePaymentCreateManual", PAYMENT, **wave.pay(made["id"]))["invoicePayment"]
    assert part["amount"] == "10.00"
    assert part["invoice"] == {"amountPaid": {"value": "10.00"}, "amountDue": {"value": "15.00"}, "status": "PARTIAL"}
    rest = wave.write("invoicePaymentCreateManual", PAYMENT, **wave.pay(made["id"], "15.00"))["invoicePayment"]
    assert rest["invoice"]["status"] == "PAID"
    assert wave.refused("invoiceDelete", invoiceId=made["id"]) == ("invoiceId", "INVALID")
    for payment in (part, rest):
        assert wave.write("invoicePaymentDelete", id=payment["id"])["didSucceed"]
    assert wave.write("invoiceDelete", invoiceId=made["id"])["didSucceed"]


def test_a_payment_needs_a_fitting_account(wave: WavePeer) -> None:
    wanted = wave.pay(wave.invoice()["id"], paymentAccountId=wave.account("Services"))
    assert wave.refused("invoicePaymentCreateManual", **wanted) == ("paymentAccountId", "INVALID")


def test_C8_a_bank_transaction_pays_no_invoice(wave: WavePeer) -> None:
    made = wave.invoice()
    lines = [{"accountId": wave.account(), "amount": "25.00"}]
    anchor = {"accountId": wave.account("Checking"), "amount": "25.00", "direction": "DEPOSIT"}
    booked = wave.write("moneyTransactionCreate", "transaction { id }", businessId=wave.business, date="2026-11-02",
                        externalId="x", description="for B-1", anchor=anchor, lineItems=lines)  # fmt: skip
    assert booked["didSucceed"]
    assert (
        wave.read("invoice(id: $i) { amountDue { value } }", i=made["id"])["invoice"]["amountDue"]["value"] == "25.00"
    )


# --- several mutations in one document ---


def test_aliases_run_one_after_the_other_and_one_refusal_stops_none(wave: WavePeer) -> None:
    inputs = two(wave)
    inputs["a"]["email"] = "nobody"
    answer = wave.ask(TWO, **inputs)
    assert answer["c0"]["didSucceed"] is False and answer["c0"]["customer"] is None
    assert answer["c1"]["didSucceed"] is True and "Zebra b" in names(wave)
    [entry] = wave.control.ledger(op="batch")
    assert [(one["id"], one["op"], one["ok"]) for one in entry["elements"]] == [
        ("c0", "create_customer", False), ("c1", "create_customer", True),
    ]  # fmt: skip


def test_B5_an_exception_in_one_alias_leaves_the_others(wave: WavePeer) -> None:
    with wave.control.armed(rule("FAULT", params={"exception": True, "element": 0})):
        body = wave.post(TWO, **two(wave)).json()
    assert body["data"]["c0"] is None and body["data"]["c1"]["didSucceed"]
    assert body["errors"][0]["path"] == ["c0"] and body["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert "Zebra a" not in names(wave)
    with wave.control.armed(rule("FAULT", phase="after", params={"element": 0})):
        assert wave.post(TWO, **two(wave)).json()["data"]["c0"] is None
    assert "Zebra a" in names(wave)


def test_a_chosen_field_is_refused(wave: WavePeer) -> None:
    params = {"element": 1, "path": ["input", "email"], "message": "No."}
    with wave.control.armed(rule("FAULT", params=params)):
        answer = wave.ask(TWO, **two(wave))
    assert answer["c1"]["inputErrors"] == [{"path": ["input", "email"], "message": "No.", "code": "INVALID"}]


def test_N1_the_reply_is_lost_after_the_first_alias(wave: WavePeer) -> None:
    wave.control.faults(rule("N1", "batch", phase="mid", params={"k": 1}))
    with pytest.raises(httpx.RemoteProtocolError):
        wave.post(TWO, **two(wave))
    assert "Zebra a" in names(wave) and "Zebra b" not in names(wave)


def test_an_exception_in_a_sales_tax_hides_what_was_done_before_it(wave: WavePeer) -> None:
    query = """mutation($a: CustomerCreateInput!, $t: SalesTaxCreateInput!) {
      c0: customerCreate(input: $a) { didSucceed } t0: salesTaxCreate(input: $t) { didSucceed } }"""
    tax = {"businessId": wave.business, "name": "T", "abbreviation": "T", "rate": "0.1"}
    with wave.control.armed(rule("FAULT", "create_tax_code", params={"exception": True})):
        body = wave.post(query, a=two(wave)["a"], t=tax).json()
    assert body["data"] is None and "Zebra a" in names(wave)


def test_D15_a_payment_without_effect_and_D9_a_cent_too_much(wave: WavePeer) -> None:
    made = wave.invoice()
    with wave.control.armed(rule("D15", "create_payment")):
        answer = wave.write("invoicePaymentCreateManual", PAYMENT, **wave.pay(made["id"]))
    assert answer["didSucceed"] and answer["invoicePayment"]["invoice"]["amountPaid"]["value"] == "0.00"
    with wave.control.armed(rule("D9", "create_invoice")):
        assert wave.invoice("D-9")["total"]["value"] == "25.01"


def test_too_many_aliases_are_too_complex(wave: WavePeer) -> None:
    wave.control.settings("wave", max_aliases=1)
    answer = wave.post(TWO, **two(wave))
    assert answer.status_code == 400 and "complexity" in answer.text and "Zebra a" not in names(wave)


@pytest.mark.parametrize("mode", ["missing", "reordered"])
def test_B5_an_alias_is_missing_or_elsewhere(wave: WavePeer, mode: str) -> None:
    with wave.control.armed(rule("B5", "batch", params={"mode": mode})):
        data = wave.post(TWO, **two(wave)).json()["data"]
    assert list(data) == (["c1"] if mode == "missing" else ["c1", "c0"])


# --- limits and refusals ---


def test_E11_sixty_calls_a_minute(wave: WavePeer) -> None:
    wave.control.settings("wave", limits="real")
    answers = [wave.post("{ user { id } }").status_code for _ in range(61)]
    assert answers[-1] == 429 and set(answers[:55]) == {200}
    wave.control.clock(61)
    assert wave.post("{ user { id } }").status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (rule("H1"), 429, "RATE_LIMITED"),
        (rule("H5"), 500, "INTERNAL_SERVER_ERROR"),
        (rule("H9"), 200, "NOT_FOUND"),
        (rule("H11"), 200, "SOMETHING_NEW"),
    ],
)
def test_ways_of_saying_no(wave: WavePeer, fault: dict[str, Any], status: int, code: str) -> None:
    with wave.control.armed(fault):
        query = "mutation($a: CustomerCreateInput!) { c0: customerCreate(input: $a) { didSucceed } }"
        answer = wave.post(query, a=two(wave)["a"])
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (status, code)
    assert "Zebra a" not in names(wave)


def test_a_missing_scope_is_a_403_or_an_error(wave: WavePeer) -> None:
    token = signed_in(wave, scope="business:read")["access_token"]
    customers = "{ business { customers { edges { node { id } } } } }"
    assert wave.post(customers, token=token).status_code == 403
    wave.control.settings("wave", missing_scope="graphql")
    assert wave.post(customers, token=token).json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


# --- signing in ---


def authorize(wave: WavePeer, **changes: str) -> httpx.Response:
    usual = {"client_id": wave.service["client_id"], "response_type": "code", "scope": "business:read user:read"}
    return wave.http.get(
        wave.service["authorize"],
        params=usual | {"redirect_uri": wave.service["redirect_uris"][0], "state": "s"} | changes,
    )


def approve(
    wave: WavePeer, page: httpx.Response, company: str | None = None, decision: str = "approve"
) -> dict[str, str]:
    ticket = re.search(r'name="ticket" value="(\w+)"', page.text)
    assert page.status_code == 200 and ticket, page.text
    form = {"ticket": ticket[1], "company": company or wave.business, "decision": decision}
    answer = wave.http.post(wave.service["authorize"], data=form)
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def signed_in(wave: WavePeer, **changes: str) -> dict[str, Any]:
    back = approve(wave, authorize(wave, **changes))
    answer = wave.token(
        grant_type="authorization_code", code=back["code"], redirect_uri=wave.service["redirect_uris"][0]
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_sign_in_for_one_business(wave: WavePeer) -> None:
    grant = signed_in(wave)
    assert grant["expires_in"] == 7200 and grant["token_type"] == "Bearer" and grant["businessId"] == wave.business
    found = wave.post("{ businesses { edges { node { id } } } }", token=grant["access_token"]).json()
    assert [edge["node"]["id"] for edge in found["data"]["businesses"]["edges"]] == [wave.business]


def test_sign_in_for_all_businesses_shows_the_unsuitable_one_too(wave: WavePeer) -> None:
    wave.control.settings("wave", reach="all")
    grant = signed_in(wave)
    assert "businessId" not in grant
    archived = "businesses(isArchived: true) { edges { node { isClassicAccounting } } }"
    query = f"{{ a: businesses {{ edges {{ node {{ id }} }} }} b: {archived} }}"
    found = wave.post(query, token=grant["access_token"]).json()["data"]
    assert len(found["a"]["edges"]) == 2 and found["b"]["edges"] == [{"node": {"isClassicAccounting": True}}]


def test_a_code_works_once_and_not_for_long(wave: WavePeer) -> None:
    back = approve(wave, authorize(wave))
    form = {"grant_type": "authorization_code", "code": back["code"],
            "redirect_uri": wave.service["redirect_uris"][0]}  # fmt: skip
    assert wave.token(secret="wrong", **form).json() == {"error": "invalid_client"}
    assert wave.token(**form).status_code == 200 and wave.token(**form).json()["error"] == "invalid_grant"
    late = approve(wave, authorize(wave))
    wave.control.clock(601)
    assert wave.token(**form | {"code": late["code"]}).json()["error"] == "invalid_grant"


def test_refreshing_rotates_both_and_an_old_one_harms_nobody(wave: WavePeer) -> None:
    first = wave.tokens
    second = wave.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    dead = wave.post("{ user { id } }")
    assert dead.status_code == 200 and dead.json()["data"] == {"user": None}
    assert dead.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert wave.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert wave.post("{ user { id } }", token=second["access_token"]).json()["data"]["user"]
    wave.control.settings("wave", dead_token="401")
    assert wave.post("{ user { id } }").status_code == 401


def test_H12_a_lapsed_plan_refuses_the_refresh(wave: WavePeer) -> None:
    wave.control.settings("wave", plan="lapsed")
    assert wave.refresh(wave.tokens["refresh_token"]).status_code == 403
    assert wave.post("{ businesses { edges { node { id } } } }").json()["data"]["businesses"]["edges"] == []
    wave.control.settings("wave", plan="active")
    assert wave.refresh(wave.tokens["refresh_token"]).status_code == 200


def test_offline_access_as_the_articles_differ(wave: WavePeer) -> None:
    wave.control.settings("wave", offline="needed")
    assert "refresh_token" not in signed_in(wave)
    assert "refresh_token" in signed_in(wave, scope="business:read offline_access")
    wave.control.settings("wave", offline="unknown")
    assert "error=invalid_scope" in authorize(wave, scope="business:read offline_access").headers["location"]


def test_the_consent_page_refuses_strangers_and_takes_no(wave: WavePeer) -> None:
    assert authorize(wave, client_id="x").status_code == 400
    assert authorize(wave, redirect_uri="http://localhost:1/callback").status_code == 400
    assert approve(wave, authorize(wave), decision="deny")["error"] == "access_denied"
    assert wave.http.get(wave.service["authorize"].rstrip("/")).status_code == 301
    assert wave.http.post(wave.service["token"].rstrip("/")).status_code == 404


def test_pkce_is_checked_where_it_is_sent(wave: WavePeer) -> None:
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    form = {"grant_type": "authorization_code", "redirect_uri": wave.service["redirect_uris"][0]}
    for verifier, status in (("wrong", 400), ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", 200)):
        page = authorize(wave, code_challenge=challenge, code_challenge_method="S256")
        answer = wave.token(**form, code=approve(wave, page)["code"], code_verifier=verifier)
        assert answer.status_code == status


def test_revoking_ends_the_grant(wave: WavePeer) -> None:
    keys = {"client_id": wave.service["client_id"], "client_secret": wave.service["client_secret"]}
    answer = wave.http.post(wave.service["revoke"], data=keys | {"token": wave.tokens["refresh_token"]})
    assert answer.status_code == 200
    assert wave.code("{ user { id } }") == "UNAUTHENTICATED"
    assert wave.refresh(wave.tokens["refresh_token"]).status_code == 400


# --- the other side's hands ---


def test_hand_edits(wave: WavePeer) -> None:
    made = wave.invoice()
    edit = wave.control.edit
    assert edit("invoice", made["id"], {"pay": "5.00"}, "wave")["balance"] == "20.00"
    assert edit("invoice", made["id"], {"memo": "hello"}, "wave")["memo"] == "hello"
    customer = wave.control.books("wave")["invoices"][-1]["customer_id"]
    assert edit("customer", customer, "archive", "wave")["active"] is False
    other = wave.customer("Target")
    assert edit("customer", customer, {"merge": {"into": other}}, "wave")["id"] == other
    assert edit("invoice", made["id"], "void", "wave") == {}
    assert edit("item", wave.product("Other"), {"unit_price": "7.25"}, "wave")["unit_price"] == "7.25"
    assert edit("account", wave.account(), "archive", "wave")["active"] is False


def test_the_books_show_the_same_companies_as_the_other_services(wave: WavePeer) -> None:
    ours, theirs = wave.control.books("wave"), wave.control.books()
    assert list(ours) == list(theirs)
    for kind in ("customers", "items", "invoices", "payments"):
        assert len(ours[kind]) == len(theirs[kind])
    assert [one["total"] for one in ours["invoices"]] == [one["total"] for one in theirs["invoices"]]
    assert [one["balance"] for one in ours["invoices"]] == [one["balance"] for one in theirs["invoices"]]
