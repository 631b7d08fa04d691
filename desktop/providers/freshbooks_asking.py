"""How FreshBooks is asked: lists page by page that end, records by id, and one record alone.

Unknown filters are ignored there, so that a misspelled look-up returns everything: what comes back is always
compared with what was asked (contract 4).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from desktop.errors import ConnectionProblem, GoneRemote, ItemError, ServiceDown
from desktop.providers.answers import Answer
from desktop.providers.faults import ANY
from desktop.providers.freshbooks_faults import SERVICE, FreshBooksJudge, Special, faults_in, verdict
from desktop.providers.freshbooks_reading import id_of
from desktop.providers.freshbooks_wire import KEYS, LISTS, PATHS
from desktop.providers.http import ServiceHttp
from desktop.providers.reading import Payload, Understanding, Unreadable
from desktop.providers.records import Kind, Page

PER_PAGE = 100
"""More is silently cut to this."""
BARREN_PAGES = 3
"""So many pages in a row without anything new end a list, whatever its counters say (L3)."""
PAGES_MAX = 5000
READS_MAX = 3
"""How often a list is read at most because it grew shorter meanwhile (L2)."""
IDS_AT_ONCE = 50

Query = tuple[tuple[str, str], ...]
Counted = tuple[list[Payload], int, int]
"""One page: its rows, the number of pages, the number of rows in all."""
IDS = {Kind.CUSTOMER: "userids", Kind.ITEM: "itemids", Kind.INVOICE: "ids", Kind.PAYMENT: "logids"}
"""The name of the filter by many ids; where it is ignored, records are fetched one by one."""


class Asking:
    """The reading side of one business."""

    def __init__(self, http: ServiceHttp, account_id: str) -> None:
        self._http = http
        self._base = f"/accounting/account/{account_id}"
        self._ids_work = dict.fromkeys(Kind, True)
        http.judge = FreshBooksJudge()

    def path(self, kind: Kind, external_id: str = "") -> str:
        """The address of a list or of one record below the service's base."""
        end = f"/{external_id}" if external_id else ""
        return f"{self._base}/{PATHS[kind]}{end}"

    async def page(self, path: str, key: str, number: int, query: Query = ()) -> Counted:
        """One page of a list: its rows, the number of pages, and of rows in all. Raises ConnectionProblem."""
        asked = (*query, ("page", str(number)), ("per_page", str(PER_PAGE)))
        answer = await self._http.read("GET", path, query=asked)
        self.refuse(answer)
        with understood(answer):
            result = result_of(answer.json)
            rows = result.get(key)
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise Unreadable(f"no list of {key}")
            return rows, _count(result, "pages"), _count(result, "total")

    async def rows(
        self, path: str, key: str, query: Query = (), first: Counted | None = None
    ) -> AsyncIterator[Page[Payload]]:
        """All rows, each at least once even if some vanish meanwhile: then the list is read again (L2, L3, L4).

        `first` is the first page, where somebody has it already.
        """
        seen: dict[str, str] = {}
        for _ in range(READS_MAX):
            shrunk, first_total, barren = False, -1, 0
            for number in range(1, PAGES_MAX):
                found, pages, total = first or await self.page(path, key, number, query)
                first = None
                first_total = total if first_total < 0 else first_total
                shrunk = shrunk or total < first_total
                fresh = _fresh(found, seen)
                if fresh:
                    yield Page(tuple(fresh), total)
                barren = 0 if fresh else barren + 1
                full_but_wrong = len(found) >= PER_PAGE and bool(fresh) and len(seen) > total
                if barren >= BARREN_PAGES or (number >= pages and not full_but_wrong):
                    break
            if not shrunk:
                return

    async def records(self, kind: Kind, query: Query = ()) -> AsyncIterator[Page[Payload]]:
        """All active records of a kind, invoices with their lines."""
        async for found in self.rows(self.path(kind), LISTS[kind], (*includes(kind), *query)):
            yield found

    async def one(self, kind: Kind, external_id: str) -> Payload | None:
        """The record of this id, deleted and archived ones included; None if there is none.

        Raises ConnectionProblem.
        """
        if not external_id.isascii() or not external_id.isalnum():
            return None
        answer = await self._http.read("GET", self.path(kind, external_id), query=includes(kind))
        faults = faults_in(answer.json)
        if faults or not answer.ok:
            found = verdict(faults, answer.status, ANY)
            if isinstance(found, GoneRemote):
                return None
            raise self._problem(found, answer)
        with understood(answer):
            return single(answer.json, kind)

    async def by_ids(self, kind: Kind, external_ids: Iterable[str]) -> list[Payload]:
        """The records of these ids, whatever their state, in as few calls as can be. Raises ConnectionProblem."""
        wanted = [one for one in dict.fromkeys(external_ids) if one.isascii() and one.isalnum()]
        found: dict[str, Payload] = {}
        if len(wanted) > 1 and self._ids_work[kind]:
            for at in range(0, len(wanted), IDS_AT_ONCE):
                found |= await self._many(kind, wanted[at : at + IDS_AT_ONCE])
        for external_id in wanted:
            if external_id not in found:
                row = await self.one(kind, external_id)
                if row is not None:
                    found[external_id] = row
        return list(found.values())

    async def _many(self, kind: Kind, wanted: Sequence[str]) -> dict[str, Payload]:
        if not self._ids_work[kind]:
            return {}
        query = (*includes(kind), *((f"search[{IDS[kind]}][]", one) for one in wanted))
        rows, _, total = await self.page(self.path(kind), LISTS[kind], 1, query)
        with understood(None):
            known = {id_of(row, "id"): row for row in rows}
        if total > len(wanted) or set(known) - set(wanted):
            self._ids_work[kind] = False  # ignored there: one by one from now on
        return {external_id: row for external_id, row in known.items() if external_id in wanted}

    def refuse(self, answer: Answer) -> None:
        """Raises the ConnectionProblem for an answer to a read that is not what was asked for."""
        faults = faults_in(answer.json)
        if faults or not answer.ok:
            raise self._problem(verdict(faults, answer.status, ANY), answer)

    def _problem(self, found: object, answer: Answer) -> ConnectionProblem:
        if isinstance(found, ConnectionProblem):
            return found
        details = found.details if isinstance(found, ItemError) else f"HTTP {answer.status}"
        if isinstance(found, Special):
            details = found.value
        return ServiceDown(SERVICE, service_ref=answer.service_ref, details=details)


def understood(answer: Answer | None) -> Understanding:
    """See `Understanding`."""
    return Understanding(SERVICE, answer)


def includes(kind: Kind) -> Query:
    """What must be asked for besides: an invoice's lines don't come by themselves in lists (contract 7)."""
    return (("include[]", "lines"),) if kind is Kind.INVOICE else ()


def result_of(body: Any) -> Payload:
    """The inside of the accounting envelope. Raises Unreadable."""
    response = body.get("response") if isinstance(body, dict) else None
    result = response.get("result") if isinstance(response, dict) else None
    if not isinstance(result, dict):
        raise Unreadable("no response with a result")
    return result


def single(body: Any, kind: Kind) -> Payload:
    """The one record of an answer. Raises Unreadable."""
    found = result_of(body).get(KEYS[kind])
    if not isinstance(found, dict):
        raise Unreadable(f"no {KEYS[kind]}")
    return found


def _count(result: Payload, name: str) -> int:
    value = result.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Unreadable(f"{name} is not a count")
    return value


def _fresh(found: Iterable[Payload], seen: dict[str, str]) -> list[Payload]:
    """The rows not seen before, or only in an older version (L4); remembers them."""
    fresh = []
    for row in found:
        external_id, version = str(row.get("id")), str(row.get("updated") or "")
        if external_id not in seen or version > seen[external_id]:
            seen[external_id] = version
            fresh.append(row)
    return fresh
