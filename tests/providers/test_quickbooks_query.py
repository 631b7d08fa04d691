"""Look-ups and lists: few calls, safe literals, and an end to every list."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import RateLimited, ServiceDown
from desktop.providers.quickbooks import QuickBooks
from desktop.providers.quickbooks_asking import PAGES_MAX
from desktop.providers.quickbooks_query import PAGE, Question, askable, batches, questions_for, quoted, unaskable
from desktop.providers.records import Deleted, Kind, Lookup, PaymentLookup, Record
from tests.providers.support import NOW, Server, payload, provider, raw, reply


@given(st.text(min_size=1))
def test_U3_no_name_ever_leaves_its_literal(name: str) -> None:
    if askable(name):
        literal = quoted(name)
        assert re.fullmatch(r"'(?:[^'\\]|\\')*'", literal) and literal[1:-1].replace("\\'", "'") == name


@pytest.mark.parametrize("name", ["", "a\\b", "Müller’s", "\N{FISH}", "日本", "a\nb", "a\0"])
def test_what_the_parser_fails_on_is_never_asked(name: str) -> None:
    assert not askable(name) and not questions_for(Lookup(customer_names=(name,)))
    assert unaskable([name, "plain"]) == ({name.casefold().strip()} if name else set())


def test_a_lookup_asks_everything_in_one_batch() -> None:
    lookup = Lookup(
        customer_names=("O'Hara", "Zoë"),
        item_names=("Gutter",),
        invoice_numbers=("7", "8"),
        payments=(PaymentLookup("58", date(2026, 11, 5), "1886"), PaymentLookup("58", date(2026, 11, 6))),
        customer_ids=("58",),
        item_ids=("1",),
        invoice_ids=("2",),
        payment_ids=("3",),
    )
    statements = [question.statement for question in questions_for(lookup)]
    assert statements == [
        r"SELECT * FROM Customer WHERE DisplayName IN ('O\'Hara', 'Zoë') AND Active IN (true, false) MAXRESULTS 1000",
        r"SELECT * FROM Vendor WHERE DisplayName IN ('O\'Hara', 'Zoë') AND Active IN (true, false) MAXRESULTS 1000",
        r"SELECT * FROM Employee WHERE DisplayName IN ('O\'Hara', 'Zoë') AND Active IN (true, false) MAXRESULTS 1000",
        "SELECT * FROM Item WHERE Name IN ('Gutter') AND Active IN (true, false) MAXRESULTS 1000",
        "SELECT * FROM Invoice WHERE DocNumber IN ('7', '8') MAXRESULTS 1000",
        "SELECT * FROM Payment WHERE PaymentRefNum IN ('1886') MAXRESULTS 1000",
        "SELECT * FROM Payment WHERE CustomerRef = '58' AND TxnDate = '2026-11-06' MAXRESULTS 1000",
        "SELECT * FROM Customer WHERE Id IN ('58') AND Active IN (true, false) MAXRESULTS 1000",
        "SELECT * FROM Item WHERE Id IN ('1') AND Active IN (true, false) MAXRESULTS 1000",
        "SELECT * FROM Invoice WHERE Id IN ('2') MAXRESULTS 1000",
        "SELECT * FROM Payment WHERE Id IN ('3') MAXRESULTS 1000",
    ]
    assert len(list(batches(questions_for(lookup)))) == 1


@given(st.lists(st.integers(1, PAGE), max_size=80))
def test_batches_hold_all_questions_within_the_limits(sizes: list[int]) -> None:
    questions = [Question("Customer", str(at), rows) for at, rows in enumerate(sizes)]
    cut = list(batches(questions))
    assert [question for batch in cut for question in batch] == questions
    for batch in cut:
        assert len(batch) <= 30 and (len(batch) == 1 or sum(question.rows for question in batch) <= 900)


def test_long_lists_are_cut_at_fifty_names() -> None:
    questions = questions_for(Lookup(item_names=tuple(f"Item {number}" for number in range(120))))
    assert [question.rows for question in questions] == [50, 50, 20]


# --- an imitated list server ---


class Books:
    """Answers count, page and batch queries from rows in memory; `on_page` may change them between pages."""

    def __init__(self, entity: str, rows: list[dict[str, Any]]) -> None:
        self.entity, self.rows = entity, rows
        self.calls = 0
        self.total_error = 0
        self.on_page: Any = lambda books, start: None
        self.answer_with: Any = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        if request.url.path.endswith("/query"):
            return httpx.Response(200, json={"QueryResponse": self.response(request.content.decode())})
        entries = json.loads(request.content)["BatchItemRequest"]
        replies = [{"bId": entry["bId"], "QueryResponse": self.response(entry["Query"])} for entry in entries]
        return httpx.Response(200, json={"BatchItemResponse": replies})

    def response(self, statement: str) -> dict[str, Any]:
        if "count(*)" in statement:
            return {"totalCount": len(self.rows) + self.total_error}
        if f"FROM {self.entity}" not in statement:
            return {}
        start = int(re.search(r"STARTPOSITION (\d+)", statement).group(1))  # type: ignore[union-attr]
        assert "ORDERBY Id" in statement and "MAXRESULTS 1000" in statement
        self.on_page(self, start)
        found = self.rows[start - 1 : start - 1 + PAGE]
        if self.answer_with is not None:
            found = self.answer_with(start, found)
        return {self.entity: found} if found else {}


def invoices(count: int) -> list[dict[str, Any]]:
    blank = {"SyncToken": "0", "TxnDate": "2026-11-01", "CustomerRef": {"value": "1"}, "TotalAmt": 1}
    return [blank | {"Id": str(number)} for number in range(count)]


def customers(count: int) -> list[dict[str, Any]]:
    return [{"Id": str(number), "SyncToken": "0", "DisplayName": f"C {number}"} for number in range(count)]


def echo(*bodies: dict[str, Any]) -> Any:
    """Answers a batch with the bodies, under the keys that were asked, in order."""

    def make(request: httpx.Request) -> httpx.Response:
        keys = [entry["bId"] for entry in json.loads(request.content)["BatchItemRequest"]]
        found = [{"bId": key} | body for key, body in zip(keys, bodies, strict=True)]
        time = "2026-11-02T10:33:39.110-08:00"
        return reply({"BatchItemResponse": found, "time": time})(request)

    return make


def over(books: Books) -> QuickBooks:
    return provider(books)  # type: ignore[arg-type]


async def all_of(pages: Any) -> list[Any]:
    return [record async for page in pages for record in page.records]


@pytest.mark.parametrize(("rows", "calls"), [(0, 1), (1, 1), (999, 1), (1000, 2), (2500, 3)])
async def test_L1_names_are_read_in_as_few_pages_as_can_be(rows: int, calls: int) -> None:
    books = Books("Customer", customers(rows))
    pages = [page async for page in over(books).customers()]
    assert sum(len(page.records) for page in pages) == rows and books.calls == calls
    assert all(page.total == rows for page in pages)


async def test_L2_rows_deleted_while_reading_hide_no_other() -> None:
    books = Books("Invoice", invoices(3500))

    def delete(books: Books, start: int) -> None:
        if start > PAGE and len(books.rows) > 3400:
            del books.rows[5:55]

    books.on_page = delete
    found = await all_of(over(books).invoices())
    assert {row["Id"] for row in books.rows} <= {record.external_id for record in found}


async def test_L2_rows_inserted_while_reading_are_no_trouble() -> None:
    books = Books("Invoice", invoices(2500))

    def insert(books: Books, start: int) -> None:
        books.rows.append(invoices(1)[0] | {"Id": f"new {start}"})

    books.on_page = insert
    found = await all_of(over(books).invoices())
    assert {str(number) for number in range(2500)} <= {record.external_id for record in found}


async def test_L3_a_page_that_repeats_for_ever_ends() -> None:
    books = Books("Invoice", invoices(PAGE))
    books.answer_with = lambda start, found: books.rows
    assert len(await all_of(over(books).invoices())) == PAGE and books.calls < 15


async def test_L3_an_empty_page_in_the_middle_is_asked_again() -> None:
    books = Books("Customer", customers(2500))
    holes = [1]

    def hole(start: int, found: Any) -> Any:
        return [] if start == PAGE + 1 and holes and holes.pop() else found

    books.answer_with = hole
    assert len(await all_of(over(books).customers())) == 2500


@pytest.mark.parametrize("error", [-400, 400])
async def test_L3_a_wrong_total_misleads_nobody(error: int) -> None:
    books = Books("Customer", customers(2500))
    books.total_error = error
    assert len(await all_of(over(books).customers())) == 2500 and books.calls < 10


async def test_L4_the_newest_version_wins() -> None:
    books = Books("Invoice", invoices(1500))
    newer, older = books.rows[3] | {"SyncToken": "2"}, books.rows[4] | {"SyncToken": "0"}
    books.rows[4] = books.rows[4] | {"SyncToken": "1"}
    books.rows += [newer, older]
    seen: dict[str, str] = {}
    for record in await all_of(over(books).invoices()):
        seen[record.external_id] = record.version
    assert seen["3"] == "2" and seen["4"] == "1"


async def test_a_row_that_makes_no_sense_hides_no_other_and_is_counted() -> None:
    books = Books("Customer", [*customers(3), {"Id": 7, "SyncToken": "0"}, {"Id": "8"}])
    [page] = [page async for page in over(books).customers()]
    assert len(page.records) == 3 and page.unreadable == 2


async def test_folders_and_bundles_are_no_items() -> None:
    rows = [{"Id": str(at), "SyncToken": "0", "Name": kind, "Type": kind} for at, kind in
            enumerate(("Service", "Category", "Group", "Inventory", "NonInventory"))]  # fmt: skip
    found = await all_of(over(Books("Item", rows)).items())
    assert [record.name for record in found] == ["Service", "Inventory", "NonInventory"]


async def test_only_what_changed_since() -> None:
    server = Server(echo({"QueryResponse": {}}, {"QueryResponse": {"totalCount": 0}}))
    since = datetime(2026, 10, 14, 11, 5, 5, 123, tzinfo=UTC)
    assert await all_of(provider(server).payments(since)) == []
    queries = [entry["Query"] for entry in json.loads(server.requests[0].content)["BatchItemRequest"]]
    assert all("WHERE MetaData.LastUpdatedTime > '2026-10-14T11:05:05+00:00'" in query for query in queries)


async def test_names_that_can_not_be_asked_are_compared_here() -> None:
    rows = [*customers(3), {"Id": "9", "SyncToken": "0", "DisplayName": "ZOË’S \N{FISH}", "Active": False}]
    books = Books("Customer", rows)
    found = await over(books).find(Lookup(customer_names=("Zoë’s \N{FISH}",)))
    assert [(record.external_id, record.active) for record in found.customers] == [("9", False)]


# --- reads that fail ---


@pytest.mark.parametrize(
    "answer",
    [reply({}), reply({"BatchItemResponse": []}), reply({"BatchItemResponse": "x"}), reply([]), echo({}),
     reply({"BatchItemResponse": [{"bId": "i0", "QueryResponse": {}}]}),
     echo({"QueryResponse": {"Customer": {}}}),
     echo({"QueryResponse": {"Customer": [{"Id": 1, "SyncToken": "0"}]}}),
     echo({"Fault": {"Error": [{"code": "4000"}]}}),
     reply({"Fault": {"Error": [{"code": "10000"}]}})],
)  # fmt: skip
async def test_B3_not_found_is_only_said_when_it_is_sure(answer: Any) -> None:
    with pytest.raises(ServiceDown):
        await provider(Server(answer)).find(Lookup(customer_ids=("1",)))


async def test_N11_an_answer_to_an_earlier_look_up_is_not_taken() -> None:
    first: list[httpx.Response] = []

    def stale(request: httpx.Request) -> httpx.Response:
        first.append(echo({"QueryResponse": {}})(request) if not first else first[0])
        return httpx.Response(200, content=first[0].content, headers={"content-type": "application/json"})

    quickbooks = provider(Server(stale))
    assert not (await quickbooks.find(Lookup(customer_ids=("1",)))).customers
    with pytest.raises(ServiceDown):
        await quickbooks.find(Lookup(customer_ids=("2",)))


async def test_what_finds_no_room_in_a_batch_is_asked_alone() -> None:
    full = {"Fault": {"Error": [{"code": "4001", "Message": "a batch answers at most 1000 objects"}]}}
    server = Server(echo({"QueryResponse": {"Customer": customers(2)}}, full), reply({"QueryResponse": {"Item": [
        {"Id": "5", "SyncToken": "0", "Name": "Roof", "Type": "Service"}]}}))  # fmt: skip
    found = await provider(server).find(Lookup(customer_ids=("0", "1"), item_ids=("5",)))
    assert len(found.customers) == 2 and [one.name for one in found.items] == ["Roof"]
    assert len(server.requests) == 2


async def test_a_throttled_query_inside_a_batch_is_a_wait() -> None:
    with pytest.raises(RateLimited):
        await provider(Server(echo({"Fault": {"Error": [{"code": "3001"}]}}))).find(Lookup(customer_ids=("1",)))


async def test_H9_an_html_404_is_told_in_words() -> None:
    with pytest.raises(ServiceDown):
        await provider(Server(raw(b"<html>", "text/html", 404))).settings()


async def test_settings_in_one_call() -> None:
    bodies = [{"QueryResponse": entry["QueryResponse"]} for entry in payload("settings_us")["BatchItemResponse"]]
    server = Server(echo(*bodies))
    quickbooks = provider(server)
    settings = await quickbooks.settings()
    assert len(server.requests) == 1 and settings.company.name == "Acme Plumbing LLC"
    assert settings.server_time == datetime(2026, 11, 2, 18, 33, 39, 110000, tzinfo=UTC)


# --- the change feed ---


async def test_changes_with_deletions_and_the_services_own_time() -> None:
    server = Server(reply(payload("changes")))
    changes = await provider(server).changes(NOW - timedelta(days=3))
    assert [record.external_id for record in changes.customers] == ["63"]
    assert [record.external_id for record in changes.items] == ["6"]
    assert [record.external_id for record in changes.invoices] == ["34"]
    assert changes.deleted == (Deleted(Kind.INVOICE, "979"),) and changes.complete
    assert changes.cursor == datetime(2026, 11, 2, 17, 58, tzinfo=UTC)
    assert dict(server.requests[0].url.params)["changedSince"] == "2026-10-30T18:00:00+00:00"


async def test_L5_beyond_thirty_days_nothing_is_asked_and_the_lists_are_read() -> None:
    server = Server(reply({}))
    changes = await provider(server).changes(NOW - timedelta(days=30))
    assert not changes.complete and changes.cursor == NOW - timedelta(minutes=2) and not server.requests


async def test_L5_a_full_feed_is_not_taken_for_complete() -> None:
    body = {"CDCResponse": [{"QueryResponse": [{"Customer": customers(PAGE)}]}]}
    assert not (await provider(Server(reply(body))).changes(NOW)).complete


@pytest.mark.parametrize("body", [[], {}, {"QueryResponse": {}}, {"CDCResponse": {}}, {"CDCResponse": [None]}])
async def test_B3_another_shape_is_not_taken_for_no_changes(body: Any) -> None:
    with pytest.raises(ServiceDown):
        await provider(Server(reply(body))).changes(NOW)


async def test_nothing_changed() -> None:
    changes = await provider(Server(reply({"CDCResponse": [{"QueryResponse": [{}]}]}))).changes(NOW)
    assert changes.complete and not changes.customers


def test_the_hard_cap_is_far_beyond_any_company() -> None:
    assert PAGES_MAX * PAGE >= 1_000_000 and Record is not None
