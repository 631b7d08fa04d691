"""What the imitated QuickBooks accepts and refuses (contract sections 2, 3 and 5)."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_customer_comes_back_complete_and_in_its_envelope(qb: Any) -> None:
    body = {
        "DisplayName": " Ann Lee ",
        "GivenName": "Ann",
        "PrimaryEmailAddr": {"Address": "ann@example.com"},
        "PrimaryPhone": {"FreeFormNumber": "555-0100"},
        "BillAddr": {"Line1": "1 Main St", "City": "Austin"},
        "Balance": 99,
        "CompanyName": None,
    }
    answer = qb.post("customer", body)
    data = answer.json()
    customer = data["Customer"]
    assert answer.headers["intuit_tid"]
    assert answer.headers["qbo-version"]
    assert data["time"][-6:] == "-07:00"
    assert customer["DisplayName"] == "Ann Lee"
    assert customer["Balance"] == 0
    assert (customer["SyncToken"], customer["domain"], customer["sparse"]) == ("0", "QBO", False)
    assert "CompanyName" not in customer
    assert qb.get("Customer", customer["Id"]) == customer


def test_a_name_is_composed_from_its_parts(qb: Any) -> None:
    assert qb.make("Customer", {"GivenName": "Bo", "FamilyName": "Zhang"})["DisplayName"] == "Bo Zhang"
    assert qb.refused("Customer", {"CompanyName": "Only a company"}) == "6080"


def test_names_are_unique_over_three_lists_and_inactive_ones_block(qb: Any) -> None:
    taken = qb.make("Customer", {"DisplayName": "Zebra Ltd"})
    assert qb.refused("Customer", {"DisplayName": "ZEBRA LTD"}) == "6240"
    assert qb.refused("Vendor", {"DisplayName": "Zebra Ltd"}) == "6240"
    assert qb.refused("Customer", {"DisplayName": "tom baker"}) == "6240"
    assert qb.refused("Customer", {"DisplayName": "Emily Carter"}) == "6240"
    qb.control.edit("customer", taken["Id"], "archive")
    assert qb.refused("Customer", {"DisplayName": "Zebra Ltd"}) == "6240"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"DisplayName": "a:b"}, "2040"),
        ({"DisplayName": "a\tb"}, "2040"),
        ({"DisplayName": "x" * 501}, "2050"),
        ({"DisplayName": "x", "GivenName": "x" * 101}, "2050"),
        ({"DisplayName": "x", "Title": "x" * 17}, "2050"),
        ({"DisplayName": "x", "PrimaryEmailAddr": {"Address": "nobody"}}, "2210"),
        ({"DisplayName": "x", "PrimaryPhone": {"FreeFormNumber": "5" * 31}}, "2050"),
        ({"DisplayName": "x", "BillAddr": {"Line1": "x" * 501}}, "2050"),
        ({"DisplayName": "x", "BillAddr": {"PostalCode": "x" * 31}}, "2050"),
        ({"DisplayName": "x", "Telephone": "1"}, "2010"),
        ({"DisplayName": "x", "CurrencyRef": {"value": "EUR"}}, "6000"),
        ({"DisplayName": "x", "SalesTermRef": {"value": "99"}}, "2500"),
        ([], "2010"),
    ],
)
def test_a_bad_customer_is_refused_with_its_code(qb: Any, body: Any, code: str) -> None:
    assert qb.refused("Customer", body) == code


def test_lengths_are_told_in_the_detail(qb: Any) -> None:
    memo = {"CustomerMemo": {"value": "x" * 1001}}
    answer = qb.post("invoice", qb.bill(qb.customer(), 10, **memo))
    assert answer.json()["Fault"]["Error"][0]["Detail"] == "Min:0 Max:1,000 supported. Supplied length:1,001"


def test_an_update_needs_the_current_token_and_a_sparse_one_keeps_the_rest(qb: Any) -> None:
    made = qb.make("Customer", {"DisplayName": "Zebra", "CompanyName": "Zebra Inc", "Notes": "old"})
    assert qb.refused("Customer", {"Id": made["Id"], "DisplayName": "Z"}) == "2020"
    sparse = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Notes": "new"}
    after = qb.make("Customer", sparse)
    assert (after["CompanyName"], after["Notes"], after["SyncToken"]) == ("Zebra Inc", "new", "1")
    assert qb.refused("Customer", sparse) == "5010"
    full = qb.make("Customer", {"Id": made["Id"], "SyncToken": "1", "DisplayName": "Zebra"})
    assert "CompanyName" not in full
    assert "Notes" not in full
    assert qb.refused("Customer", {"Id": "9999", "SyncToken": "0", "DisplayName": "Z"}) == "610"


def test_an_item_needs_a_type_and_an_income_account(qb: Any) -> None:
    accounts = {row["AccountType"]: row["Id"] for row in qb.rows("select * from Account")}
    income = {"IncomeAccountRef": {"value": accounts["Income"]}}
    assert qb.refused("Item", {"Name": "Gutters", **income}) == "2020"
    assert qb.refused("Item", {"Name": "Gutters", "Type": "Service"}) == "2020"
    assert qb.refused("Item", {"Name": "Gutters", "Type": "Thing", **income}) == "2170"
    wrong = {"IncomeAccountRef": {"value": accounts["Bank"]}}
    assert qb.refused("Item", {"Name": "Gutters", "Type": "Service", **wrong}) == "6000"
    assert qb.refused("Item", {"Name": "Gutters", "Type": "Inventory", **income}) == "2020"
    assert qb.refused("Item", {"Name": "x" * 101, "Type": "Service", **income}) == "2050"
    made = qb.make("Item", {"Name": "Gutters", "Type": "Service", "UnitPrice": "120.50", "Sku": "G1", **income})
    assert made["UnitPrice"] == 120.5
    assert qb.refused("Item", {"Name": "gutters", "Type": "Service", **income}) == "6240"
    qb.control.edit("account", accounts["Income"], "archive")
    assert qb.refused("Item", {"Name": "More", "Type": "Service", **income}) == "610"


def test_payment_methods_and_accounts_have_their_own_rules(qb: Any) -> None:
    assert qb.refused("PaymentMethod", {"Name": "check"}) == "6240"
    assert qb.refused("PaymentMethod", {"Name": "x" * 32}) == "2050"
    assert qb.make("PaymentMethod", {"Name": "Venmo"})["Type"] == "NON_CREDIT_CARD"
    assert qb.refused("Account", {"Name": 'a"b', "AccountType": "Income"}) == "2040"
    assert qb.make("Account", {"Name": "Extra", "AccountType": "Income"})["Classification"] == "Revenue"


def test_an_invoice_is_completed_with_subtotal_due_date_tax_and_balance(qb: Any) -> None:
    tax = next(row["Id"] for row in qb.rows("select * from TaxCode") if row["Name"] == "Texas State and Local")
    body = qb.bill(qb.customer(), 100, tax="TAX", TxnDate="2026-11-02", TxnTaxDetail={"TxnTaxCodeRef": {"value": tax}})
    body["Line"] += [
        {
            "DetailType": "DiscountLineDetail",
            "Amount": 0,
            "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10},
        }
    ]
    made = qb.make("Invoice", body)
    assert [line["DetailType"] for line in made["Line"]] == [
        "SalesItemLineDetail",
        "SubTotalLineDetail",
        "DiscountLineDetail",
    ]
    assert made["TxnTaxDetail"]["TotalTax"] == 8.25
    assert made["TxnTaxDetail"]["TaxLine"][0]["TaxLineDetail"]["TaxPercent"] == 8.25
    assert made["TotalAmt"] == made["Balance"] == 98.25
    assert made["DueDate"] == "2026-12-02"
    assert made["LinkedTxn"] == []
    after = qb.make("Invoice", {**body, "ApplyTaxAfterDiscount": True})
    assert (after["TxnTaxDetail"]["TotalTax"], after["TotalAmt"]) == (7.43, 97.43)


def test_an_invoice_of_the_loose_kind_that_libraries_send_is_taken(qb: Any) -> None:
    body = qb.bill(qb.customer(), "10.00", DueDate="", TxnDate="", TotalAmt="", Balance="77", DocNumber="")
    body["Line"][0]["SalesItemLineDetail"] |= {"Qty": 0, "UnitPrice": 0}
    made = qb.make("Invoice", body)
    assert (made["TotalAmt"], made["Balance"]) == (10, 10)
    assert made.get("DocNumber") is None


def line_of(qb: Any, **detail: Any) -> dict[str, Any]:
    sales = {"ItemRef": {"value": qb.item()}, **detail}
    return {"DetailType": "SalesItemLineDetail", "Amount": 10, "SalesItemLineDetail": sales}


def test_bad_invoices_are_refused_with_their_codes(qb: Any) -> None:
    customer, good = {"CustomerRef": {"value": qb.customer()}}, line_of(qb)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"Line": [good]}, "6560"),
        ({"CustomerRef": {"value": "999"}, "Line": [good]}, "2500"),
        ({**customer, "Line": []}, "2020"),
        ({**customer, "Line": [{**good, "Amount": None}]}, "2020"),
        ({**customer, "Line": [line_of(qb, Qty=3, UnitPrice=3)]}, "6070"),
        ({**customer, "Line": [line_of(qb, TaxCodeRef={"value": "2"})]}, "6100"),
        ({**customer, "Line": [line_of(qb, ItemRef={"value": "999"})]}, "2500"),
        ({**customer, "Line": [line_of(qb, Quantity=1)]}, "2010"),
        ({**customer, "Line": [good], "DocNumber": "x" * 22}, "2050"),
        ({**customer, "Line": [good], "EmailStatus": "Soon"}, "2170"),
        ({**customer, "Line": [good], "EmailStatus": "NeedToSend"}, "2020"),
        ({**customer, "Line": [good], "TxnDate": "tomorrow"}, "2010"),
        ({**customer, "Line": [good], "PrivateNote": "x" * 4001}, "2050"),
        ({**customer, "Line": [{**good, "Amount": 1e12}]}, "6000"),
    ]
    for body, code in cases:
        assert qb.refused("Invoice", body) == code, body


def test_inactive_customers_and_items_cannot_be_used(qb: Any) -> None:
    body = qb.bill(qb.customer(), 10)
    item = body["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"]
    qb.control.edit("item", item, "archive")
    assert qb.refused("Invoice", body) == "610"
    qb.control.edit("item", item, "restore")
    qb.control.edit("customer", body["CustomerRef"]["value"], "archive")
    assert qb.refused("Invoice", body) == "610"


def test_numbers_follow_the_preference(qb: Any) -> None:
    customer = qb.customer()
    qb.control.settings(custom_txn_numbers=True)
    assert "DocNumber" not in qb.invoice(customer, 10)
    assert qb.invoice(customer, 10, DocNumber="A-7")["DocNumber"] == "A-7"
    assert qb.invoice(customer, 10, DocNumber="AUTO_GENERATE")["DocNumber"].isdigit()
    qb.control.settings(custom_txn_numbers=False)
    first, second = (int(qb.invoice(customer, 10)["DocNumber"]) for _ in range(2))
    assert second == first + 1
    assert qb.invoice(customer, 10, DocNumber="A-8")["DocNumber"] == "A-8"
    qb.control.settings(numbers_when_off="replaced")
    assert qb.invoice(customer, 10, DocNumber="A-9")["DocNumber"] == str(second + 1)


def test_a_taken_number_is_6140_while_the_company_warns(qb: Any) -> None:
    customer = qb.customer()
    body = qb.bill(customer, 10, DocNumber="A-7")
    qb.make("Invoice", body)
    assert qb.refused("Invoice", body) == "6140"
    assert qb.make("Invoice", body, include="allowduplicatedocnum")["DocNumber"] == "A-7"
    qb.control.settings(warn_duplicate_numbers=False)
    assert qb.make("Invoice", body)["DocNumber"] == "A-7"


def test_payments_move_balances_and_links(qb: Any) -> None:
    customer = qb.customer()
    first, second = qb.invoice(customer, 100), qb.invoice(customer, 50)
    body = qb.pay(customer, 130, **{f"i{first['Id']}": 100, f"i{second['Id']}": 20})
    payment = qb.make("Payment", body)
    assert payment["UnappliedAmt"] == 10
    first, second = qb.get("Invoice", first["Id"]), qb.get("Invoice", second["Id"])
    assert (first["Balance"], second["Balance"]) == (0, 30)
    assert first["LinkedTxn"] == [{"TxnId": payment["Id"], "TxnType": "Payment"}]
    assert qb.get("Customer", customer)["Balance"] == 20
    sparse = {"Id": payment["Id"], "SyncToken": "0", "sparse": True}
    fewer = qb.make("Payment", {**sparse, "Line": body["Line"][:1]})
    assert fewer["UnappliedAmt"] == 30
    assert qb.get("Invoice", second["Id"])["LinkedTxn"] == []
    voided = qb.make("Payment", {**sparse, "SyncToken": "1"}, operation="update", include="void")
    assert (voided["TotalAmt"], voided["PrivateNote"]) == (0, "Voided")
    assert qb.get("Invoice", first["Id"])["Balance"] == 100
    assert qb.get("Customer", customer)["Balance"] == 150


def test_bad_payments_are_refused_with_their_codes(qb: Any) -> None:
    customer, other = qb.customer(), qb.customer("Other Ltd")
    invoice = f"i{qb.invoice(customer, 100)['Id']}"
    assert qb.refused("Payment", qb.pay(other, 100, **{invoice: 100})) == "620"
    assert qb.refused("Payment", qb.pay(customer, 200, **{invoice: 101})) == "6000"
    assert qb.refused("Payment", qb.pay(customer, 50, **{invoice: 60})) == "6000"
    assert qb.refused("Payment", qb.pay(customer, 50, i9999=50)) == "2500"
    assert qb.refused("Payment", {"TotalAmt": 5}) == "6560"
    assert qb.refused("Payment", {"CustomerRef": {"value": customer}}) == "2020"
    assert qb.refused("Payment", {**qb.pay(customer, 5), "PaymentRefNum": "1" * 22}) == "2050"
    made = qb.make("Payment", qb.pay(customer, 5))
    assert qb.refused("Payment", {"Id": made["Id"], "SyncToken": "0"}, operation="void") == "500"


def test_a_deposited_payment_stays(qb: Any) -> None:
    made = qb.make("Payment", qb.pay(qb.customer(), 5))
    qb.control.edit("payment", made["Id"], "deposit")
    key = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    assert qb.refused("Payment", key, operation="delete") == "6540"
    assert qb.refused("Payment", key, operation="update", include="void") == "6540"


def test_voiding_an_invoice_empties_it_and_frees_its_money(qb: Any) -> None:
    customer = qb.customer()
    made = qb.invoice(customer, 100, PrivateNote="ours")
    payment = qb.make("Payment", qb.pay(customer, 40, **{f"i{made['Id']}": 40}))
    key = {"Id": made["Id"], "SyncToken": qb.get("Invoice", made["Id"])["SyncToken"]}
    assert qb.refused("Invoice", key, operation="delete") == "6000"
    voided = qb.make("Invoice", key, operation="void")
    assert (voided["TotalAmt"], voided["Balance"], voided["LinkedTxn"]) == (0, 0, [])
    assert voided["PrivateNote"] == "Voided - ours"
    assert voided["Line"][0]["Amount"] == 0
    assert qb.get("Payment", payment["Id"])["UnappliedAmt"] == 40
    assert qb.get("Customer", customer)["Balance"] == -40
    assert qb.refused("Payment", qb.pay(customer, 5, **{f"i{made['Id']}": 5})) == "6000"


def test_deleting_leaves_only_the_stub(qb: Any) -> None:
    made = qb.invoice(qb.customer(), 10)
    answer = qb.post("invoice", {"Id": made["Id"], "SyncToken": "0"}, operation="delete")
    assert answer.json()["Invoice"] == {"status": "Deleted", "domain": "QBO", "Id": made["Id"]}
    assert qb.call("GET", f"invoice/{made['Id']}").json()["Fault"]["Error"][0]["code"] == "610"
    assert qb.refused("Customer", {"Id": "1", "SyncToken": "0"}, operation="delete") == "500"


def test_a_smaller_total_gives_money_back_to_the_payment(qb: Any) -> None:
    customer = qb.customer()
    made = qb.invoice(customer, 100)
    payment = qb.make("Payment", qb.pay(customer, 100, **{f"i{made['Id']}": 100}))
    now = qb.get("Invoice", made["Id"])
    smaller = {**qb.bill(customer, 60), "Id": made["Id"], "SyncToken": now["SyncToken"], "sparse": True}
    assert qb.make("Invoice", smaller)["Balance"] == 0
    assert qb.get("Payment", payment["Id"])["UnappliedAmt"] == 40


def test_lines_keep_their_ids_and_absent_ones_go(qb: Any) -> None:
    customer = qb.customer()
    made = qb.invoice(customer, 1, 2, 3)
    kept = made["Line"][2]
    body = qb.bill(customer, 9)
    body["Line"].append(kept)
    after = qb.make("Invoice", {**body, "Id": made["Id"], "SyncToken": "0", "sparse": True})
    assert [line["Id"] for line in after["Line"] if "Id" in line] == ["4", "3"]
    assert after["TotalAmt"] == 12


def test_closed_books_refuse_every_change_before_the_date(qb: Any) -> None:
    customer = qb.customer()
    body = qb.bill(customer, 10, TxnDate="2026-10-01")
    made = qb.make("Invoice", body)
    qb.control.settings(book_close_date="2026-10-31")
    key = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    assert qb.refused("Invoice", body) == "6210"
    assert qb.refused("Invoice", {**key, "TxnDate": "2026-11-05"}) == "6210"
    assert qb.refused("Invoice", key, operation="void") == "6210"
    assert qb.refused("Invoice", key, operation="delete") == "6210"
    assert qb.refused("Payment", {**qb.pay(customer, 10), "TxnDate": "2026-10-31"}) == "6210"
    preferences = qb.call("GET", "preferences").json()["Preferences"]
    assert preferences["AccountingInfoPrefs"]["BookCloseDate"] == "2026-10-31"


def test_a_lapsed_subscription_refuses_writes(qb: Any) -> None:
    qb.control.settings(lapsed=True)
    assert qb.refused("Customer", {"DisplayName": "Z"}) == "6190"


def test_the_same_requestid_answers_the_same_and_does_it_once(qb: Any) -> None:
    body = {"DisplayName": "Zebra"}
    first = qb.post("customer", body, requestid="r1")
    again = qb.post("customer", body, requestid="r1")
    assert again.json() == first.json()
    assert sum(row["display_name"] == "Zebra" for row in qb.control.books()["customers"]) == 1
    entry = qb.control.ledger(op="create_customer")[-1]
    assert (entry["replayed"], entry["changed"], entry["key"]) == (True, [], "r1")
    other = qb.post("customer", {"DisplayName": "Other"}, requestid="r1")
    assert other.json() == first.json()
    assert qb.control.ledger()[-1]["note"]["other_body_under_same_key"] == "r1"
    assert qb.refused("Customer", {"DisplayName": "Long"}, requestid="x" * 51) == "6000"
    qb.control.clock(2 * 86_400)
    qb.tokens = qb.refresh(qb.tokens["refresh_token"]).json()
    assert qb.refused("Customer", body, requestid="r1") == "6240"


def test_refusals_are_not_remembered_unless_switched_on(qb: Any) -> None:
    for switch, code in ((False, 200), (True, 400)):
        qb.control.settings(replay_faults=switch)
        name = f"Zebra {switch}"
        taken = qb.make("Customer", {"DisplayName": name})
        assert qb.post("customer", {"DisplayName": name}, requestid=name).status_code == 400
        qb.control.edit("customer", taken["Id"], {"display_name": f"{name} 2"})
        assert qb.post("customer", {"DisplayName": name}, requestid=name).status_code == code


def test_bytes_that_are_no_json_or_no_utf8_are_refused_clearly(qb: Any) -> None:
    headers = qb.headers(**{"Content-Type": "application/json"})
    for content, code in (
        (b"{", "2010"),
        (b'{"DisplayName":"\xff"}', "500"),
        (b'{"a":NaN}', "2010"),
        (b"[" * 50_000, "2010"),
        (b'{"DisplayName":"\\ud800"}', "500"),
    ):
        answer = qb.http.post(f"{qb.api()}/customer", content=content, headers=headers)
        assert (answer.status_code, answer.json()["Fault"]["Error"][0]["code"]) == (400, code)


def test_only_json_is_spoken(qb: Any) -> None:
    bearer = {"Authorization": qb.headers()["Authorization"]}
    answer = qb.http.get(f"{qb.api()}/preferences", headers=bearer)
    assert answer.status_code == 406
    assert answer.text.startswith("<?xml")
    xml = qb.http.post(
        f"{qb.api()}/customer", content="<Customer/>", headers=qb.headers(**{"Content-Type": "application/xml"})
    )
    assert xml.status_code == 415


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer nonsense", "Basic abc"])
def test_without_a_good_token_the_gateway_answers_in_its_own_shape(qb: Any, token: str) -> None:
    answer = qb.http.get(f"{qb.api()}/preferences", headers={"Authorization": token, "Accept": "application/json"})
    error = answer.json()["fault"]["error"][0]
    assert answer.status_code == 401
    assert (error["code"], error["message"]) == (
        "3200",
        "message=AuthenticationFailed; errorCode=003200; statusCode=401",
    )


def test_paths_are_case_sensitive_and_unknown_ones_unsupported(qb: Any) -> None:
    assert qb.call("GET", "Customer/1").json()["Fault"]["Error"][0]["code"] == "500"
    assert qb.post("estimate", {}).json()["Fault"]["Error"][0]["code"] == "500"


def test_company_and_preferences(qb: Any) -> None:
    company = qb.get("CompanyInfo", qb.company)
    assert (company["CompanyName"], company["Country"]) == ("Acme Plumbing LLC", "US")
    preferences = qb.call("GET", "preferences").json()["Preferences"]
    assert preferences["CurrencyPrefs"]["HomeCurrency"]["value"] == "USD"
    assert preferences["SalesFormsPrefs"]["CustomTxnNumbers"] is True
    assert "PartnerTaxEnabled" not in preferences["TaxPrefs"]


def test_automated_sales_tax_picks_the_rate_by_itself(qb: Any) -> None:
    customer = qb.customer()
    assert qb.invoice(customer, 100, tax="TAX")["TotalAmt"] == 100
    qb.control.settings(tax_engine="ast")
    assert qb.invoice(customer, 100, tax="TAX")["TotalAmt"] == 108.25
    assert qb.call("GET", "preferences").json()["Preferences"]["TaxPrefs"]["PartnerTaxEnabled"] is True


def test_a_sub_customer_has_a_full_name(qb: Any) -> None:
    parent = qb.customer("Builder")
    child = qb.make("Customer", {"DisplayName": "Lot 4", "Job": True, "ParentRef": {"value": parent}})
    assert (child["FullyQualifiedName"], child["Job"], child["Level"]) == ("Builder:Lot 4", True, 1)


def test_a_line_without_item_is_text_only(qb: Any) -> None:
    body = qb.bill(qb.customer(), 10)
    body["Line"].append(
        {"DetailType": "SalesItemLineDetail", "Amount": 5, "Description": "note", "SalesItemLineDetail": {}}
    )
    made = qb.make("Invoice", body)
    assert made["TotalAmt"] == 10
    assert made["Line"][1]["DetailType"] == "DescriptionOnly"


def test_sending_and_printing(qb: Any) -> None:
    made = qb.invoice(qb.customer(), 10)
    headers = qb.headers(**{"Content-Type": "application/octet-stream"})
    url = f"{qb.api()}/invoice/{made['Id']}"
    assert qb.http.post(f"{url}/send", headers=headers).status_code == 400
    sent = qb.http.post(f"{url}/send?sendTo=a@example.com", headers=headers).json()["Invoice"]
    assert (sent["EmailStatus"], sent["BillEmail"]["Address"]) == ("EmailSent", "a@example.com")
    pdf = qb.http.get(f"{url}/pdf", headers={**qb.headers(), "Accept": "application/pdf"})
    assert pdf.content.startswith(b"%PDF-")
