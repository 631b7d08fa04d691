"""Each fault of the catalogue, over real sockets: what the client sees, and what the books hold afterwards."""

from __future__ import annotations

import email.utils
import json
import socket
from typing import Any

import httpx
import pytest

from desktop.sandbox.faults import CATALOGUE, OUTSIDE, FaultPlan
from desktop.sandbox.service import Call, ControlError


def names(qb: Any) -> list[str]:
    return [row["display_name"] for row in qb.control.books()["customers"]]


def create(qb: Any, name: str = "Zebra", **params: str) -> httpx.Response:
    return qb.post("customer", {"DisplayName": name}, **params)


def rule(fault: str, op: str | None = "create_customer", **more: Any) -> dict[str, Any]:
    return {"id": fault, "provider": "quickbooks", "nth": 1} | ({"op": op} if op else {}) | more


# --- the way home ---


@pytest.mark.parametrize(
    ("fault", "error", "applied"),
    [
        (rule("N1"), httpx.RemoteProtocolError, True),
        (rule("N1", phase="before"), httpx.RemoteProtocolError, False),
        (rule("N2"), httpx.ReadError, False),
        (rule("N3"), (httpx.ReadError, httpx.RemoteProtocolError), True),
        (rule("B1", params={"length": "wrong"}), httpx.RemoteProtocolError, True),
    ],
)
def test_a_broken_connection_and_a_replay_that_finds_the_truth(
    qb: Any, fault: dict[str, Any], error: Any, applied: bool
) -> None:
    qb.control.faults(fault)
    with pytest.raises(error):
        create(qb, requestid="k1")
    assert ("Zebra" in names(qb)) is applied
    entry = qb.control.ledger(op="create_customer")[-1]
    assert (entry["fault"], bool(entry["changed"])) == (fault["id"], applied)
    if fault["id"] in ("N1", "N2"):
        assert entry["status"] is None
    assert create(qb, requestid="k1").status_code == 200
    assert names(qb).count("Zebra") == 1


def test_n5_applies_and_answers_after_the_client_has_left(qb: Any) -> None:
    qb.control.faults(rule("N5", params={"delay_s": 30}))
    with pytest.raises(httpx.ReadTimeout):
        qb.http.post(f"{qb.api()}/customer", json={"DisplayName": "Zebra"}, headers=qb.headers(), timeout=0.2)
    assert "Zebra" in names(qb)


def test_n11_sends_the_reply_once_more_for_the_next_call(qb: Any) -> None:
    qb.control.faults(rule("N11"))
    base, port = qb.base.removeprefix("http://").split(":")
    body = json.dumps({"DisplayName": "Zebra"}).encode()
    head = [
        f"POST {qb.api().removeprefix(qb.base)}/customer HTTP/1.1",
        f"Host: {base}:{port}",
        "Connection: keep-alive",
    ]
    head += [f"{name}: {value}" for name, value in qb.headers(**{"Content-Type": "application/json"}).items()]
    head += [f"Content-Length: {len(body)}", "", ""]
    with socket.create_connection((base, int(port)), timeout=5) as connection:
        connection.sendall("\r\n".join(head).encode() + body)
        got = b""
        while got.count(b"HTTP/1.1 200") < 2 or got.count(b'"DisplayName":"Zebra"') < 2:
            part = connection.recv(65_536)
            assert part, got
            got += part
    assert names(qb).count("Zebra") == 1


@pytest.mark.parametrize("sent", [0, 9])
def test_a_request_that_never_arrived_whole_is_no_call(qb: Any, sent: int) -> None:
    """Its client was killed between two packets: nothing is done, nothing is counted, nothing is written down."""
    base, port = qb.base.removeprefix("http://").split(":")
    body = json.dumps({"DisplayName": "Zebra"}).encode()
    head = [f"POST {qb.api().removeprefix(qb.base)}/customer HTTP/1.1", f"Host: {base}:{port}"]
    head += [f"{name}: {value}" for name, value in qb.headers(**{"Content-Type": "application/json"}).items()]
    head += [f"Content-Length: {len(body)}", "", ""]
    before = qb.control.meter()
    with socket.create_connection((base, int(port)), timeout=5) as connection:
        connection.sendall("\r\n".join(head).encode() + body[:sent])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65_536) == b""
    assert "Zebra" not in names(qb)
    assert qb.control.ledger(op="create_customer") == []
    assert qb.control.meter() == before


def test_n6_drips_without_end(qb: Any) -> None:
    qb.control.faults(rule("N6", "jwks", params={"interval_s": 0.001}))
    with qb.http.stream("GET", f"{qb.service['api']}/op/v1/jwks") as answer:
        got = b""
        for chunk in answer.iter_raw():
            got += chunk
            if len(got) > 30:
                break
    assert got.startswith(b'{"keys":[]}   ')


def test_n9_and_n10_lead_away_and_the_ledger_knows_who_followed(qb: Any) -> None:
    for fault, status in ((rule("N9"), 302), (rule("N9", params={"kind": "page"}), 200), (rule("N10"), 307)):
        qb.control.faults(fault)
        answer = create(qb)
        assert answer.status_code == status
        if status != 200:
            assert "/elsewhere" in answer.headers["location"]
            assert "//localhost" in answer.headers["location"]
    assert "Zebra" not in names(qb)
    qb.http.post(f"{qb.base}/elsewhere/v3", headers={"Authorization": "Bearer x"})
    assert qb.control.ledger(op="elsewhere")[-1]["note"] == {"authorization_leaked": True}


# --- statuses ---


def test_h1_demands_a_wait_and_the_meter_sees_who_did_not_keep_it(qb: Any) -> None:
    qb.control.faults(rule("H1", params={"retry_after": 30}))
    answer = create(qb)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    assert answer.json()["Fault"]["Error"][0]["code"] == "3001"
    qb.control.clock(1)
    assert create(qb).status_code == 200
    assert qb.control.meter()["inside_demanded_wait"] == 1
    qb.control.clock(60)
    qb.control.faults(rule("H1", params={"retry_after": 30, "date": True}))
    assert email.utils.parsedate_to_datetime(create(qb, "Other").headers["retry-after"])


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (rule("H2"), 429, "3001"),
        (rule("H5"), 500, "10000"),
        (rule("H5", phase="after"), 500, "10000"),
        (rule("H9"), 400, "610"),
        (rule("H10"), 400, "5010"),
        (rule("H11"), 501, "99999"),
        (rule("H12"), 400, "6190"),
        (rule("B4"), 200, "6000"),
        (rule("FAULT", params={"code": "6210", "status": 400, "message": "m", "detail": "d"}), 400, "6210"),
    ],
)
def test_answers_in_quickbooks_words(qb: Any, fault: dict[str, Any], status: int, code: str) -> None:
    qb.control.faults(fault)
    answer = create(qb)
    assert (answer.status_code, answer.json()["Fault"]["Error"][0]["code"]) == (status, code)
    assert ("Zebra" in names(qb)) is (fault.get("phase") == "after")


def test_h3_h6_h7_h8_have_their_own_shapes(qb: Any) -> None:
    qb.control.faults(rule("H3"))
    assert create(qb).status_code == 429
    for status in (502, 503, 504):
        qb.control.faults(rule("H6", params={"status": status}))
        answer = create(qb)
        assert (answer.status_code, answer.headers["content-type"][:9]) == (status, "text/html")
    for kind, status, code in (("scope", 403, "3100"), ("user", 401, "120"), ("company", 403, "3100")):
        qb.control.faults(rule("H8", params={"kind": kind}))
        answer = create(qb)
        assert (answer.status_code, answer.json()["fault"]["error"][0]["code"]) == (status, code)
    qb.control.faults({"id": "H7", "params": {"for_s": 10_800}})
    assert [create(qb).status_code for _ in range(3)] == [503, 503, 503]
    qb.control.clock(10_801)
    qb.tokens = qb.refresh(qb.tokens["refresh_token"]).json()
    assert create(qb).status_code == 200


# --- bodies ---


@pytest.mark.parametrize("kind", ["text", "empty", "gzip"])
def test_b2_is_no_json(qb: Any, kind: str) -> None:
    qb.control.faults(rule("B2", params={"kind": kind}))
    with pytest.raises((ValueError, httpx.DecodingError)):
        create(qb).json()
    assert "Zebra" in names(qb)


def test_b1_b2_b3_b6_b7_mangle_what_was_applied(qb: Any) -> None:
    def answer(fault: dict[str, Any], name: str) -> httpx.Response:
        qb.control.faults(fault)
        found = create(qb, name)
        assert name in names(qb)
        return found

    with pytest.raises(ValueError, match="."):
        answer(rule("B1"), "a").json()
    assert "text/html" in answer(rule("B2", params={"kind": "content_type"}), "b").headers["content-type"]
    assert answer(rule("B2", params={"kind": "bom"}), "c").content.startswith(b"\xef\xbb\xbf")
    assert answer(rule("B2", params={"kind": "utf16"}), "c2").content.startswith(b"\xff\xfe")
    assert isinstance(answer(rule("B3", params={"kind": "list"}), "d").json(), list)
    assert answer(rule("B3", params={"kind": "null"}), "e").json() is None
    assert "Id" not in answer(rule("B3", params={"kind": "no_id"}), "f").json()["Customer"]
    assert isinstance(answer(rule("B3", params={"kind": "id_number"}), "g").json()["Customer"]["Id"], int)
    assert answer(rule("B3", params={"kind": "money_text"}), "h").json()["Customer"]["Balance"] == "0.0"
    assert "xNewIn2027" in answer(rule("B3", params={"kind": "extra"}), "i").json()["Customer"]
    assert len(answer(rule("B6", params={"bytes": 300_000}), "j").content) == 300_000
    assert b"[[[[" in answer(rule("B6", params={"kind": "nested"}), "k").content
    assert b"1e400" in answer(rule("B6", params={"kind": "number"}), "l").content
    assert answer(rule("B6", params={"kind": "duplicate"}), "m").content.count(b'"Id"') == 2
    date = answer(rule("B7", params={"kind": "date"}), "n").json()
    assert date["Customer"]["MetaData"]["CreateTime"] == "0001-01-01"
    offset = answer(rule("B7", params={"kind": "offset"}), "o").json()
    assert "-07" not in offset["Customer"]["MetaData"]["CreateTime"][10:]


def elements(*customers: str) -> list[dict[str, Any]]:
    return [
        {"bId": f"i{n}", "operation": "create", "Customer": {"DisplayName": name}} for n, name in enumerate(customers)
    ]


@pytest.mark.parametrize(
    ("mode", "seen"),
    [("missing", ["i0", "i2"]), ("reordered", ["i2", "i1", "i0"]), ("doubled", ["i0", "i1", "i1", "i2"])],
)
def test_b5_bulk_answers_in_part(qb: Any, mode: str, seen: list[str]) -> None:
    qb.control.faults(rule("B5", "batch", params={"mode": mode, "element": 1}))
    assert [part["bId"] for part in qb.batch(*elements("a", "b", "c"))] == seen
    assert {"a", "b", "c"} <= set(names(qb))


def test_a_fault_on_an_element_strikes_the_batch_that_carries_it(qb: Any) -> None:
    qb.control.faults(rule("N1"))
    with pytest.raises(httpx.RemoteProtocolError):
        qb.batch(*elements("a", "b"), request_id="b1")
    assert {"a", "b"} <= set(names(qb))
    assert len(qb.batch(*elements("a", "b"), request_id="b1")) == 2
    assert names(qb).count("a") == 1


def test_mid_does_the_first_elements_only(qb: Any) -> None:
    qb.control.faults(rule("N1", "batch", phase="mid", params={"k": 2}))
    with pytest.raises(httpx.RemoteProtocolError):
        qb.batch(*elements("a", "b", "c", "d"), request_id="b1")
    assert {"a", "b"} <= set(names(qb))
    assert not {"c", "d"} & set(names(qb))
    assert len(qb.batch(*elements("a", "b", "c", "d"), request_id="b1")) == 4


def test_one_element_can_be_refused_by_index_or_by_content(qb: Any) -> None:
    qb.control.faults(rule("FAULT", "batch", params={"code": "6000", "element": 2}))
    assert ["Fault" in part for part in qb.batch(*elements("a", "b", "c"))] == [False, False, True]
    qb.control.faults(rule("FAULT", params={"code": "5010", "match": {"DisplayName": "e"}}))
    answers = qb.batch(*elements("d", "e", "f"))
    assert [part.get("Fault", {}).get("Error", [{}])[0].get("code") for part in answers] == [None, "5010", None]
    qb.control.faults(rule("FAULT", nth=2))
    assert ["Fault" in part for part in qb.batch(*elements("g", "h", "j"))] == [False, True, False]


def test_d9_is_a_cent_off_and_d15_does_nothing(qb: Any) -> None:
    customer = qb.customer()
    qb.control.faults(rule("D9", "create_invoice"))
    assert qb.invoice(customer, 10)["TotalAmt"] == 10.01
    assert qb.control.books()["invoices"][-1]["total"] == "10.01"
    qb.control.faults(rule("D15", "create_invoice"), rule("D15", "update_customer"))
    made = qb.invoice(customer, 5)
    assert qb.call("GET", f"invoice/{made['Id']}").status_code == 400
    before = qb.get("Customer", customer)
    changed = qb.make("Customer", {**before, "Notes": "x"})
    assert changed["Notes"] == "x"
    assert qb.get("Customer", customer) == before


def test_l3_bends_the_pages(qb: Any) -> None:
    page = "select * from Customer orderby Id startposition {} maxresults 20"
    first = qb.rows(page.format(1))
    qb.control.faults(rule("L3", "list_customers"))
    assert qb.rows(page.format(21)) == first
    qb.control.faults(rule("L3", None, params={"kind": "empty"}))
    assert qb.rows(page.format(21)) == []
    qb.control.faults(rule("L3", None, params={"kind": "endless"}))
    assert qb.rows(page.format(5000)) == first


# --- authorisation ---


@pytest.mark.parametrize("fault", ["A1", "A2"])
def test_a_token_can_end_early(qb: Any, fault: str) -> None:
    qb.control.faults({"id": fault})
    assert create(qb, requestid="k").status_code == 401
    qb.tokens = qb.refresh(qb.tokens["refresh_token"]).json()
    assert create(qb, requestid="k").status_code == 200


def test_h4_and_a8_at_the_token_endpoint(qb: Any) -> None:
    token = qb.tokens["refresh_token"]
    qb.control.faults({"id": "H4"})
    assert qb.refresh(token).status_code == 429
    for kind, status in (("invalid_client", 401), ("5xx", 503)):
        qb.control.faults({"id": "A8", "params": {"kind": kind}})
        assert qb.refresh(token).status_code == status
    assert qb.refresh(token).status_code == 200
    qb.control.faults({"id": "A8"})
    assert qb.refresh(token).json() == {"error": "invalid_grant"}
    assert qb.refresh(token).json()["error"] == "invalid_grant"
    assert create(qb).status_code == 401


def test_a6_burns_the_token_and_loses_the_answer(qb: Any) -> None:
    qb.control.faults({"id": "A6"})
    with pytest.raises(httpx.RemoteProtocolError):
        qb.refresh(qb.tokens["refresh_token"])
    assert qb.control.ledger(op="refresh")[-1]["note"]["rotated"] is True
    assert qb.refresh(qb.tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a9_and_a10_answer_less_or_the_same(qb: Any) -> None:
    qb.control.settings(rotation="always")
    token = qb.tokens["refresh_token"]
    qb.control.faults({"id": "A9"})
    assert "refresh_token" not in qb.refresh(token).json()
    qb.control.faults({"id": "A10"})
    assert qb.refresh(token).json()["refresh_token"] == token
    qb.control.faults({"id": "A9", "params": {"kind": "expires_in"}})
    short = qb.refresh(token).json()
    assert "expires_in" not in short
    qb.control.faults({"id": "A9", "params": {"kind": "scope"}})
    assert qb.refresh(short["refresh_token"]).json()["scope"] == "openid"


# --- rules ---


def test_nth_every_times_and_p_are_counted_and_seeded(qb: Any) -> None:
    def struck(count: int = 6) -> list[bool]:
        return [qb.call("GET", "preferences").status_code != 200 for _ in range(count)]

    qb.control.faults(rule("H5", "get_preferences", nth=3))
    assert struck() == [False, False, True, False, False, False]
    qb.control.faults(rule("H5", "get_preferences", nth=2, times=3))
    assert struck() == [False, True, True, True, False, False]
    qb.control.faults({"id": "H5", "every": 2, "times": 2})
    assert struck() == [False, True, False, True, False, False]
    runs = []
    for _ in range(2):
        qb.control.faults({"id": "H5", "p": 0.5}, seed=7)
        runs.append(struck(12))
    assert runs[0] == runs[1]
    assert True in runs[0]
    assert False in runs[0]


def test_hits_are_told_and_survive_disarming(qb: Any) -> None:
    qb.control.faults(rule("H5"))
    create(qb)
    qb.control.clear_faults()
    assert create(qb).status_code == 200
    headers = {"X-Control-Secret": qb.control._http.headers["X-Control-Secret"]}
    told = qb.http.get(f"{qb.base}/control/faults", headers=headers).json()
    assert told["hits"] == {"H5": 1}
    assert set(told["known"]) == set(CATALOGUE) | set(OUTSIDE)


def test_a_fault_made_by_other_means_is_told_and_counted(qb: Any) -> None:
    """What no rule can make (a broken network, a killed program, a hand edit) has its hits all the same."""
    assert qb.control.hit("N4", 2)["N4"] == 2
    there = qb.control.books()["customers"][0]["id"]
    qb.control.edit("customer", there, {"phone": "555 0100"}, fault="D3")
    qb.control.settings(book_close_date="2026-01-31", fault="D12")
    assert qb.control.hits() == {"N4": 2, "D3": 1, "D12": 1}
    with pytest.raises(AssertionError, match="unknown fault"):
        qb.control.hit("Z9")
    with pytest.raises(AssertionError, match="no rule can make fault N4"):
        qb.control.faults(rule("N4"))


def test_d_rules_edit_by_hand_just_before_the_call(qb: Any) -> None:
    made = create(qb).json()["Customer"]
    qb.control.faults({"id": "D3", "op": "update_customer", "params": {"change": {"phone": "555 0177"}}})
    changed = {**made, "sparse": True, "GivenName": "New"}
    assert qb.call("POST", "customer", json=changed).json()["Fault"]["Error"][0]["code"] == "5010"
    assert qb.control.hits() == {"D3": 1}
    (there,) = [one for one in qb.control.books()["customers"] if one["id"] == made["Id"]]
    assert there["phone"] == "555 0177"


def test_a_hand_edit_that_can_not_be_done_is_no_hit(qb: Any) -> None:
    qb.control.faults({"id": "D4", "op": "create_customer"})  # no invoice was made by a call yet
    assert create(qb).status_code == 200
    assert qb.control.hits() == {} and qb.control.ledger()[-1]["note"]["edit_refused"]


def test_n7_lasts_for_a_while_and_n8_comes_and_goes(qb: Any) -> None:
    qb.control.faults({"id": "N7", "params": {"for_s": 600}})
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            create(qb)
    qb.control.clock(601)
    assert create(qb).status_code == 200
    qb.control.faults({"id": "N8"}, seed=4)
    seen = []
    for at in range(24):
        try:
            seen.append(qb.call("POST", "customer", json={"DisplayName": f"Flap {at}"}).status_code)
        except httpx.TransportError:
            seen.append(0)
    assert 4 < seen.count(0) < 20, seen
    broken = [entry for entry in qb.control.ledger() if entry["fault"] == "N8"]
    assert {bool(entry["changed"]) for entry in broken} == {True, False}, "before and after the work"


@pytest.mark.parametrize(
    "bad",
    [
        {"id": "N99"},
        {"id": "N1", "phase": "during"},
        {"id": "N1", "count": 2},
        "N1",
        {"op": "batch"},
        {"id": "N1", "p": "x"},
        {"id": "N1", "every": 0},
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_and_changes_nothing(bad: Any) -> None:
    plan = FaultPlan()
    plan.arm([{"id": "H5"}], None)
    with pytest.raises(ControlError):
        plan.arm([bad], None)
    assert plan.draw("quickbooks", Call(op="create_customer"), 0.0)


def test_every_fault_of_the_catalogue_leaves_the_sandbox_alive(qb: Any) -> None:
    """Each id once on a single call and once on a batch; whatever the client sees, the next call works."""
    for fault in sorted(CATALOGUE):
        params = {"delay_s": 0.01, "interval_s": 0.001, "bytes": 1000, "for_s": 0.0}
        for path, body in (
            ("customer", {"DisplayName": f"{fault} 1"}),
            ("batch", {"BatchItemRequest": elements(fault)}),
        ):
            qb.control.faults({"id": fault, "params": params})
            try:
                with qb.http.stream("POST", f"{qb.api()}/{path}", json=body, headers=qb.headers()) as answer:
                    for chunk in answer.iter_raw():
                        if b"  " in chunk or fault == "N6":
                            break
            except httpx.TransportError:
                pass
            qb.control.clear_faults()
            qb.tokens = qb.control.grant()
            assert qb.call("GET", "preferences").status_code == 200, fault
    assert json.dumps(qb.control.ledger())
