"""Query language, change data capture and batch of the imitated QuickBooks (contract section 4)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("select * from Nothing", "4001"),
        ("select Id from Customer", "4001"),
        ("select * from Customer where DisplayName = 'a' or DisplayName = 'b'", "4000"),
        ("select * from Customer where Balance > 5", "4000"),
        ('select * from Customer where DisplayName = "a"', "4000"),
        ("select * from Customer where DisplayName = 'O''Neil'", "4000"),
        ("select * from Customer where DisplayName = 'O\u2019Neil'", "4000"),
        ("select * from Customer where DisplayName != 'a'", "4000"),
        ("select * from Customer where DisplayName = 'a", "4000"),
        ("select * from Customer where Id > '5'", "4001"),
        ("select * from Invoice where PrivateNote = 'x'", "4001"),
        ("select * from Payment where DocNumber = 'x'", "4001"),
        ("select * from Customer maxresults 0", "4001"),
        ("select * from Customer maxresults 1001", "4001"),
        ("select * from Customer startposition 0", "4001"),
        ("select * from Customer orderby Shoe", "4001"),
        ("select * from Customer group by Id", "4000"),
        ("", "4000"),
    ],
)
def test_statements_that_quickbooks_refuses(qb: Any, statement: str, code: str) -> None:
    answer = qb.ask(statement)
    assert (answer.status_code, answer.json()["Fault"]["Error"][0]["code"]) == (400, code), answer.text


def test_nothing_found_has_no_list_and_count_no_rows(qb: Any) -> None:
    assert qb.ask("select * from Customer where DisplayName = 'nobody'").json()["QueryResponse"] == {}
    customers = [row for row in qb.control.books()["customers"] if row["active"]]
    counted = qb.ask("SELECT COUNT(*) FROM Customer").json()["QueryResponse"]
    assert counted == {"totalCount": len(customers)}


def test_inactive_ones_are_hidden_unless_asked_for(qb: Any) -> None:
    everybody = qb.control.books()["customers"]
    assert len(qb.rows("select * from Customer maxresults 1000")) == sum(row["active"] for row in everybody)
    assert len(qb.rows("select * from Customer where Active in (true, false) maxresults 1000")) == len(everybody)
    inactive = qb.rows("select * from Customer where Active = false")
    assert {row["Id"] for row in inactive} == {row["id"] for row in everybody if not row["active"]}


def test_names_with_apostrophes_blanks_and_percent(qb: Any) -> None:
    for name in ("O'Neil & Sons", "50% Off #1", "Back\\slash", "Ünal Söhne"):
        made = qb.customer(name)
        quoted = name.replace("\\", "\\\\").replace("'", "\\'")
        assert [row["Id"] for row in qb.rows(f"select * from Customer where DisplayName = '{quoted}'")] == [made]
    assert [row["DisplayName"] for row in qb.rows("SELECT * FROM customer WHERE displayname LIKE 'o\\'neil%'")]


def test_get_and_post_and_both_order_forms_agree(qb: Any) -> None:
    posted = qb.rows("select * from Item order by Name desc")
    got = qb.call("GET", "query", params={"query": "select * from Item ORDERBY Name DESC"}).json()
    assert got["QueryResponse"]["Item"] == posted
    names = [row["Name"].casefold() for row in posted]
    assert names == sorted(names, reverse=True)


def test_paging_by_id_sees_each_row_once(qb: Any) -> None:
    seen: list[str] = []
    for start in range(1, 1000, 10):
        page = qb.rows(
            f"select * from Customer where Active in (true,false) orderby Id startposition {start} maxresults 10"
        )
        seen += [row["Id"] for row in page]
        if len(page) < 10:
            break
    assert seen == sorted(seen, key=int)
    assert len(seen) == len(set(seen)) == len(qb.control.books()["customers"])


def test_filters_compare_by_kind(qb: Any) -> None:
    books = qb.control.books()
    open_ones = qb.rows("select * from Invoice where Balance > '0' and TxnDate >= '2026-01-01' maxresults 1000")
    wanted = {row["id"] for row in books["invoices"] if float(row["balance"]) > 0 and row["date"] >= "2026-01-01"}
    assert {row["Id"] for row in open_ones} == wanted
    invoice = books["invoices"][0]
    mine = qb.rows(f"select * from Invoice where CustomerRef = '{invoice['customer_id']}'")
    assert invoice["id"] in {row["Id"] for row in mine}
    assert (
        qb.rows(f"select * from Invoice where DocNumber in ('{invoice['number']}', 'nope')")[0]["Id"] == invoice["id"]
    )
    mail = next(row for row in books["customers"] if row["email"] and row["active"])
    found = qb.rows(f"select * from Customer where PrimaryEmailAddr = '{mail['email']}'")
    assert mail["id"] in {row["Id"] for row in found}


def test_changed_since_compares_instants_whatever_the_offset(qb: Any) -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=5)
    made = qb.customer()
    for zone in (dt.UTC, dt.timezone(dt.timedelta(hours=9))):
        text = before.astimezone(zone).isoformat(timespec="seconds")
        rows = qb.rows(f"select * from Customer where MetaData.LastUpdatedTime > '{text}'")
        assert [row["Id"] for row in rows] == [made]


def test_sku_comes_only_when_asked_for(qb: Any) -> None:
    with_sku = next(row["id"] for row in qb.control.books()["items"] if row["sku"])
    assert "Sku" not in qb.rows(f"select * from Item where Id = '{with_sku}' and Active in (true,false)")[0]
    assert "Sku" in qb.rows(f"select *, Sku from Item where Id = '{with_sku}' and Active in (true,false)")[0]


# --- change data capture ---


def test_changes_give_live_objects_then_deleted_stubs(qb: Any) -> None:
    since = dt.datetime.now(dt.UTC).isoformat()
    kept, gone = qb.invoice(qb.customer(), 1), qb.invoice("1", 2)
    qb.make("Invoice", {"Id": gone["Id"], "SyncToken": "0"}, operation="delete")
    answer = qb.call("GET", "cdc", params={"entities": "Item,Invoice,Customer", "changedSince": since}).json()
    parts = answer["CDCResponse"][0]["QueryResponse"]
    invoices = next(part["Invoice"] for part in parts if "Invoice" in part)
    assert [row["Id"] for row in invoices] == [kept["Id"], gone["Id"]]
    assert invoices[1]["status"] == "Deleted"
    assert not any("Item" in part for part in parts)
    assert answer["time"]


def test_a_payment_shows_its_invoice_as_changed(qb: Any) -> None:
    customer = qb.customer()
    made = qb.invoice(customer, 100)
    qb.control.clock(120)
    since = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)).isoformat()
    qb.make("Payment", qb.pay(customer, 100, **{f"i{made['Id']}": 100}))
    answer = qb.call("GET", "cdc", params={"entities": "Invoice", "changedSince": since}).json()
    assert [row["Id"] for row in answer["CDCResponse"][0]["QueryResponse"][0]["Invoice"]] == [made["Id"]]


def test_changes_have_limits(qb: Any) -> None:
    now = dt.datetime.now(dt.UTC)
    nothing = qb.call("GET", "cdc", params={"entities": "Item", "changedSince": now.isoformat()}).json()
    assert nothing["CDCResponse"] == [{"QueryResponse": [{}]}]
    for entities, since in (("TaxCode", now), ("Shoe", now), ("Item", now - dt.timedelta(days=31))):
        answer = qb.call("GET", "cdc", params={"entities": entities, "changedSince": since.isoformat()})
        assert answer.json()["Fault"]["Error"][0]["code"] == "4001"


# --- batch ---


def test_a_batch_answers_each_element_and_one_fault_stops_no_other(qb: Any) -> None:
    customer = qb.customer()
    made = qb.invoice(customer, 10)
    answers = qb.batch(
        {"bId": "i0", "operation": "create", "Customer": {"DisplayName": "Batch Ltd"}},
        {"bId": "i1", "operation": "create", "Customer": {"DisplayName": "batch ltd"}},
        {
            "bId": "i2",
            "operation": "update",
            "Invoice": {"Id": made["Id"], "SyncToken": "0", "sparse": True, "DueDate": "2027-01-01"},
        },
        {"bId": "i3", "operation": "delete", "Customer": {"Id": customer, "SyncToken": "0"}},
        {"bId": "i4", "Query": f"select * from Invoice where Id = '{made['Id']}'"},
        {"bId": "i5", "operation": "create", "Payment": qb.pay(customer, 4, **{f"i{made['Id']}": 4})},
        request_id="b1",
    )
    by_id = {answer["bId"]: answer for answer in answers}
    assert by_id["i0"]["Customer"]["SyncToken"] == "0"
    assert by_id["i1"]["Fault"]["Error"][0]["code"] == "6240"
    assert by_id["i2"]["Invoice"]["DueDate"] == "2027-01-01"
    assert by_id["i3"]["Fault"]["Error"][0]["code"] == "500"
    assert by_id["i4"]["QueryResponse"]["Invoice"][0]["Id"] == made["Id"]
    assert by_id["i5"]["Payment"]["UnappliedAmt"] == 0
    entry = qb.control.ledger(op="batch")[-1]
    assert [part["op"] for part in entry["elements"]] == [
        "create_customer",
        "create_customer",
        "update_invoice",
        "delete_customer",
        "list_invoices",
        "create_payment",
    ]
    assert [part["ok"] for part in entry["elements"]] == [True, False, True, False, True, True]
    assert entry["elements"][0]["changed"][0]["action"] == "created"
    assert len(entry["changed"]) == 3


def test_voids_in_a_batch_name_their_way(qb: Any) -> None:
    customer = qb.customer()
    made = qb.invoice(customer, 10)
    payment = qb.make("Payment", qb.pay(customer, 4))
    answers = qb.batch(
        {
            "bId": "a",
            "operation": "update",
            "optionsData": "void",
            "Payment": {"Id": payment["Id"], "SyncToken": "0", "sparse": True},
        },
        {"bId": "b", "operation": "void", "Invoice": {"Id": made["Id"], "SyncToken": "0"}},
    )
    assert answers[0]["Payment"]["TotalAmt"] == answers[1]["Invoice"]["TotalAmt"] == 0


def test_nothing_made_in_a_batch_can_be_used_in_it(qb: Any) -> None:
    next_id = str(int(qb.customer()) + 1)
    made, invoice = qb.batch(
        {"bId": "a", "operation": "create", "Customer": {"DisplayName": "New"}},
        {"bId": "b", "operation": "create", "Invoice": qb.bill(next_id, 10)},
    )
    assert made["Customer"]["Id"] == next_id
    assert invoice["Fault"]["Error"][0]["code"] == "2500"


def test_a_replayed_batch_does_nothing_twice_and_new_bids_are_new(qb: Any) -> None:
    elements = [{"bId": f"i{n}", "operation": "create", "Customer": {"DisplayName": f"B{n}"}} for n in range(3)]
    first = qb.batch(*elements, request_id="b1")
    assert qb.batch(*elements, request_id="b1") == first
    assert qb.control.ledger()[-1]["changed"] == []
    partly = qb.batch(
        elements[0], {"bId": "new", "operation": "create", "Customer": {"DisplayName": "B9"}}, request_id="b1"
    )
    assert partly[0] == first[0]
    assert partly[1]["Customer"]["DisplayName"] == "B9"


def test_batches_have_limits(qb: Any) -> None:
    def codes(body: Any, **params: str) -> str:
        answer = qb.post("batch", body, **params)
        assert answer.status_code == 400
        return str(answer.json()["Fault"]["Error"][0]["code"])

    query = [{"bId": str(n), "Query": "select * from Item"} for n in range(31)]
    assert codes({"BatchItemRequest": query}) == "1040"
    assert codes({"BatchItemRequest": []}) == "2020"
    assert codes({"BatchItemRequest": query[:1]}, requestid="x" * 37) == "6000"
    assert codes({"BatchItemRequest": [query[0], query[0]]}) == "2010"
    long_id = {"bId": "x" * 11, "operation": "create", "Customer": {"DisplayName": "Long"}}
    assert qb.batch(long_id, request_id="b1")[0]["Fault"]["Error"][0]["code"] == "6000"
    assert "Customer" in qb.batch(long_id)[0]


def test_a_batch_answers_at_most_a_thousand_objects(qb: Any) -> None:
    rows = len(qb.control.books()["customers"])
    everybody = "select * from Customer where Active in (true,false) maxresults 1000"
    answers = qb.batch(*({"bId": str(n), "Query": everybody} for n in range(30)))
    assert sum("Fault" not in answer for answer in answers) == 1000 // rows
