"""How Xero is asked: lists page by page that end, and questions cut to what fits into an address (contract 2.3)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from urllib.parse import quote_plus

from desktop.errors import ConnectionProblem, ItemError, ServiceDown
from desktop.providers.answers import Answer
from desktop.providers.http import ServiceHttp
from desktop.providers.reading import Payload, Understanding, Unreadable, part, parts
from desktop.providers.records import Kind, Page
from desktop.providers.xero_faults import SERVICE, Subject, XeroJudge, messages_in, refusal, verdict
from desktop.providers.xero_reading import IDS, PLURALS

BASE = "/api.xro/2.0"
PAGE = 1000
URL_ROOM = 1500
"""Characters that a list of ids or names may take in an address, once encoded (2,000 in all)."""
BARREN_PAGES = 3
"""So many pages in a row without anything new end a list, whatever its total says (L3)."""
PAGES_MAX = 2000
PAGED = frozenset({Kind.CUSTOMER, Kind.INVOICE, Kind.PAYMENT})

Query = tuple[tuple[str, str], ...]


class Asking:
    """The reading side of one organisation."""

    def __init__(self, http: ServiceHttp, tenant: str) -> None:
        self._http = http
        self.tenant = tenant
        http.judge = XeroJudge()

    def headers(self) -> dict[str, str]:
        """What every call of the Accounting API carries besides the token."""
        return {"Xero-tenant-id": self.tenant}

    async def get(self, path: str, query: Query = (), since: datetime | None = None) -> Answer:
        """One answer that holds what was asked for. Raises ConnectionProblem."""
        headers = self.headers()
        if since is not None:
            headers["If-Modified-Since"] = since.strftime("%Y-%m-%dT%H:%M:%S")
        answer = await self._http.read("GET", f"{BASE}/{path}", query=query, headers=headers)
        if not answer.ok and answer.status != 304:
            raise self._problem(answer)
        return answer

    async def rows(self, path: str, query: Query = (), since: datetime | None = None) -> list[Payload]:
        """The rows of a short list. Raises ConnectionProblem, also for an answer that can't be read."""
        answer = await self.get(path, query, since)
        with understood(answer):
            return _rows(answer, "Organisations" if path == "Organisation" else path)

    async def pages(self, kind: Kind, query: Query = (), since: datetime | None = None) -> AsyncIterator[Page[Payload]]:
        """Rows in the order of their ids, each at least once whatever changes meanwhile (L2, L3, L4).

        Ids never change and nothing that Xero lists is ever gone, so that no edit can move a row to an earlier page.
        """
        plural, seen = PLURALS[kind], dict[str, str]()
        if kind is Kind.ITEM:
            found = await self.rows(plural, (*query, ("unitdp", "4")), since)
            yield Page(tuple(found), len(found))
            return
        query = (*query, ("order", f"{IDS[kind]} ASC"), ("pageSize", str(PAGE)))
        query = (*query, ("unitdp", "4")) if kind is Kind.INVOICE else query
        barren = 0
        for page in range(1, PAGES_MAX + 1):
            answer = await self.get(plural, (*query, ("page", str(page))), since)
            with understood(answer):
                found = _rows(answer, plural)
                total = part(answer.json, "pagination").get("itemCount") if answer.json is not None else None
            total = total if isinstance(total, int) else None
            fresh = _fresh(found, IDS[kind], seen)
            if fresh:
                yield Page(tuple(fresh), total)
            barren = 0 if fresh else barren + 1
            if barren >= BARREN_PAGES or (len(found) < PAGE and (total is None or len(seen) >= total)):
                return

    async def all(self, kind: Kind, query: Query = (), since: datetime | None = None) -> list[Payload]:
        """All rows of `pages` in one list."""
        return [row async for page in self.pages(kind, query, since) for row in page.records]

    def _problem(self, answer: Answer) -> ConnectionProblem:
        found = refusal(answer, ANY)
        messages = messages_in(answer.json)
        if messages:
            found = verdict(messages, ANY, answer.service_ref)
        if isinstance(found, ConnectionProblem):
            return found
        details = found.details if isinstance(found, ItemError) else f"HTTP {answer.status}"
        return ServiceDown(SERVICE, service_ref=answer.service_ref, details=details)


def _fresh(rows: Iterable[Payload], name: str, seen: dict[str, str]) -> list[Payload]:
    """The rows not seen before, or only in an older version (L4); remembers them. `name` is that of their id."""
    fresh = []
    for row in rows:
        external_id, version = str(row.get(name)), str(row.get("UpdatedDateUTC") or "")
        if external_id not in seen or version > seen[external_id]:
            seen[external_id] = version
            fresh.append(row)
    return fresh


ANY = Subject(Kind.INVOICE)


def _rows(answer: Answer, plural: str) -> list[Payload]:
    if answer.status == 304:
        return []
    if not isinstance(answer.json, dict) or plural not in answer.json:
        raise Unreadable(f"no {plural}")
    return parts(answer.json, plural)


def quoted(value: str) -> str:
    """A text inside `where`."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def either(tests: Iterable[str], room: int = URL_ROOM) -> Iterator[str]:
    """`where` texts that join tests with OR, each short enough for an address."""
    joint = " OR "
    for chunk in fitting(list(tests), len(quote_plus(joint)), room):
        yield joint.join(chunk)


def listed(values: Sequence[str], room: int = URL_ROOM) -> Iterator[str]:
    """Comma lists of values, each short enough for an address."""
    for chunk in fitting(values, len(quote_plus(",")), room):
        yield ",".join(chunk)


def fitting(values: Sequence[str], joint: int, room: int) -> Iterator[list[str]]:
    """`values` in chunks that take at most `room` characters once encoded; a single longer one stands alone."""
    chunk: list[str] = []
    size = 0
    for value in dict.fromkeys(values):
        length = len(quote_plus(value)) + joint
        if chunk and size + length > room:
            yield chunk
            chunk, size = [], 0
        chunk.append(value)
        size += length
    if chunk:
        yield chunk


def understood(answer: Answer | None) -> Understanding:
    """See `Understanding`."""
    return Understanding(SERVICE, answer)
