"""How QuickBooks is asked: batches of queries, single ones, and lists page by page that end.

An answer is only believed if it fits the question: a query in a batch has a key of its own, a list counts as
read when no page brings anything new.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any

from desktop.errors import AnswerUnreadable, ConnectionProblem, ItemError, ServiceDown
from desktop.providers.answers import Answer
from desktop.providers.faults import ANY
from desktop.providers.http import ServiceHttp
from desktop.providers.quickbooks_faults import SERVICE, QuickBooksJudge, Special, faults_in, verdict
from desktop.providers.quickbooks_query import PAGE, Question, count, page
from desktop.providers.quickbooks_wire import encode
from desktop.providers.reading import Payload, Understanding, Unreadable, instant, parts, text
from desktop.providers.records import Page

MINOR_VERSION = ("minorversion", "75")
BARREN_PAGES = 3
"""So many pages in a row without anything new end a list, whatever its total says (L3)."""
PAGES_MAX = 2000
"""Hard stop of a list that never ends (L3): two million rows."""
COUNTERS = frozenset({"startPosition", "maxResults", "totalCount"})


class Asking:
    """The reading side of one company; `path` is its address below the service's base."""

    def __init__(self, http: ServiceHttp, path: str) -> None:
        self._http = http
        self._path = path
        self._asked = 0
        http.judge = QuickBooksJudge()

    async def pages(self, entity: str, *conditions: str) -> AsyncIterator[Page[Payload]]:
        """Rows in the order of their ids, each at least once even if rows vanish meanwhile (L2, L3, L4).

        The count comes along with the first page in one batch. Transactions can be deleted while we read, which
        moves the rest up: so each page begins with the last row of the one before, and if that is not where it
        was, one page is read again.
        """
        first = [Question(entity, page(entity, 1, *conditions), PAGE)]
        answer, rows, total = await self.ask_counted(first, count(entity, *conditions))
        overlap = 0 if entity in ("Customer", "Item", "Account", "Vendor", "Employee") else 1
        versions: dict[str, str] = {}
        found, start, furthest, last, barren = rows.get(entity, []), 1, 1, "", 0
        for _ in range(PAGES_MAX):
            moved = bool(overlap and last and found and _row_id(found[0]) != last)
            fresh = _fresh(found, versions)
            if fresh:
                yield Page(tuple(fresh), total)
            barren = 0 if fresh else barren + (moved or start >= furthest)
            if barren > BARREN_PAGES or (not moved and len(found) < PAGE and (total is None or len(versions) >= total)):
                return
            if moved:
                start, furthest, last = max(1, start - PAGE), max(start, furthest), ""
            elif found and (fresh or start < furthest):
                start += len(found) - overlap if len(found) > overlap else len(found)
                last = _row_id(found[-1])
            found = await self.query(entity, page(entity, start, *conditions))

    async def query(self, entity: str, statement: str) -> list[Payload]:
        answer = await self._http.read(
            "POST", f"{self._path}/query", query=(MINOR_VERSION,), body=statement, content_type="application/text"
        )
        self.refuse(answer)
        with understood(answer):
            response = _response(answer.json)
            if set(response) - {entity, *COUNTERS}:
                raise Unreadable("the answer is about something else")
            return parts(response, entity)

    async def ask(self, questions: Sequence[Question]) -> tuple[Answer, dict[str, list[Payload]]]:
        answer, rows, _ = await self.ask_counted(questions, "")
        return answer, rows

    async def ask_counted(
        self, questions: Sequence[Question], counting: str
    ) -> tuple[Answer, dict[str, list[Payload]], int | None]:
        """One batch of queries, and optionally a count; every query must be answered for the answer to count.

        A batch answers 1,000 objects in all: where that is reached, the queries concerned are asked alone.
        """
        self._asked += 1
        key = f"q{self._asked % 10_000}."  # never the same twice: an answer to an earlier batch must not fit (N11)
        statements = [question.statement for question in questions] + ([counting] if counting else [])
        entries = [{"bId": f"{key}{at}", "Query": statement} for at, statement in enumerate(statements)]
        body = encode({"BatchItemRequest": entries})
        answer = await self._http.read("POST", f"{self._path}/batch", query=(MINOR_VERSION,), body=body, kind="batch")
        self.refuse(answer)
        with understood(answer):
            replies = {text(reply, "bId"): reply for reply in parts(plain_object(answer.json), "BatchItemResponse")}
            found = [self._rows(replies.get(f"{key}{at}"), one, answer) for at, one in enumerate(questions)]
            counted = self._reply(replies.get(f"{key}{len(questions)}"), answer).get("totalCount") if counting else None
        too_many = len(questions) > 1 and sum(len(one or ()) for one in found) >= PAGE
        rows: dict[str, list[Payload]] = {}
        for question, one in zip(questions, found, strict=True):
            if one is None or (too_many and one):
                one = await self.query(question.entity, question.statement)
            rows.setdefault(question.entity, []).extend(one)
        return answer, rows, counted if isinstance(counted, int) else None

    def _rows(self, reply: Payload | None, question: Question, answer: Answer) -> list[Payload] | None:
        """The rows of one query; None if the batch had no room for them and it must be asked alone."""
        faults = faults_in(reply)
        if faults and all(fault.code == "4001" for fault in faults):
            return None
        return parts(self._reply(reply, answer), question.entity)

    def _reply(self, reply: Payload | None, answer: Answer) -> Payload:
        if reply is None:
            raise Unreadable("a query was left unanswered")
        faults = faults_in(reply)
        if faults:
            raise self._problem(verdict(faults, ANY, answer.service_ref), answer)
        return _response(reply)

    def refuse(self, answer: Answer) -> None:
        """Raises the ConnectionProblem for an answer to a read that is not what was asked for."""
        faults = faults_in(answer.json, answer.text)
        if faults or not answer.ok:
            raise self._problem(verdict(faults, ANY, answer.service_ref), answer)

    def _problem(self, found: object, answer: Answer) -> ConnectionProblem:
        if isinstance(found, ConnectionProblem):
            return found
        if found is Special.THROTTLED:
            return self._http.pause()
        if isinstance(found, ItemError):  # this question is refused, others may not be; never "nothing there"
            return AnswerUnreadable(SERVICE, service_ref=answer.service_ref, details=found.details)
        return ServiceDown(SERVICE, service_ref=answer.service_ref, details=f"HTTP {answer.status}")


def time_of(answer: Answer) -> datetime | None:
    """The service's own time in an answer, in UTC."""
    return instant(answer.json.get("time")) if isinstance(answer.json, dict) else None


def understood(answer: Answer | None) -> Understanding:
    """See `Understanding`."""
    return Understanding(SERVICE, answer)


def plain_object(body: Any) -> Payload:
    if not isinstance(body, dict):
        raise Unreadable("the answer is not an object")
    return body


def _response(body: Any) -> Payload:
    response = plain_object(body).get("QueryResponse")
    if not isinstance(response, dict):
        raise Unreadable("no QueryResponse")
    return response


def _row_id(row: Payload) -> str:
    return str(row.get("Id"))


def _fresh(found: Iterable[Payload], versions: dict[str, str]) -> list[Payload]:
    """The rows not seen before, or only in an older version (L4); remembers them."""
    fresh = []
    for row in found:
        external_id, version = _row_id(row), str(row.get("SyncToken"))
        seen = versions.get(external_id)
        if seen is None or (version.isdigit() and seen.isdigit() and int(version) > int(seen)):
            versions[external_id] = version
            fresh.append(row)
    return fresh
