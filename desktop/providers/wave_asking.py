"""How Wave is asked: several questions about one business in a document, and lists page by page that end.

An answer is only believed if it fits the question: each question has an alias that is never used twice, and a
list counts as read when no page brings anything new.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from desktop.errors import AccessRefused, AnswerUnreadable, ServiceDown
from desktop.providers.answers import Answer
from desktop.providers.http import ServiceHttp
from desktop.providers.reading import Payload, Understanding, Unreadable, part, parts, text
from desktop.providers.records import Page
from desktop.providers.wave_documents import Listing, Question, business_document, cut
from desktop.providers.wave_faults import (
    INVALID_DOCUMENT,
    NOT_FOUND,
    SERVICE,
    WaveJudge,
    graph_errors,
    not_understood,
    too_complex,
)
from desktop.providers.wave_reading import identity
from desktop.providers.wave_wire import encode

GRAPHQL = "/graphql/public"
WEIGHT = 60
"""The most that goes into one document of questions; halved whenever Wave finds one too complex."""
BARREN_PAGES = 3
"""So many pages in a row without anything new end a list, whatever its total says (L3)."""
PAGES_MAX = 2000
LOOK_BACK = timedelta(minutes=5)
"""Taken off the time from which changes are asked for: the two clocks may differ a little."""

RecordT = TypeVar("RecordT")
Filters = Mapping[str, tuple[str, Any]]


def since_filter(since: datetime | None) -> dict[str, tuple[str, Any]]:
    """The filter for rows changed after `since`; none for None."""
    return {} if since is None else {"modifiedAtAfter": ("DateTime", wire_time(since))}


def wire_time(moment: datetime) -> str:
    """A DateTime as Wave writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class Asking:
    """The reading side of one business; `business_id` "" stands for the one that the token is for."""

    def __init__(self, http: ServiceHttp, business_id: str) -> None:
        self._http = http
        self._business = business_id
        self._asked = 0
        self._weight = WEIGHT
        http.judge = WaveJudge()

    async def document(self, document: Mapping[str, Any]) -> Answer:
        """The answer to a query. Raises ConnectionProblem."""
        return await self._http.read("POST", GRAPHQL, body=encode(document))

    async def ask(self, questions: Sequence[Question], own: str = "id") -> tuple[Payload, list[Any]]:
        """What the business shows of itself, and one answer per question; None for what isn't there.

        Raises ConnectionProblem, AnswerUnreadable among them: "not there" is only said when it is sure.
        """
        shown: Payload = {}
        found: list[Any] = []
        waiting = cut(questions, self._weight) or [[]]
        while waiting:
            batch = waiting.pop(0)
            answer, aliases = await self._send(batch, own)
            if too_complex(answer) and len(batch) > 1:
                self._weight = max(1, self._weight // 2)
                waiting[:0] = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
                continue
            shown, answers = self._answers(answer, aliases)
            found += answers
        return shown, found

    async def _send(self, batch: Sequence[Question], own: str) -> tuple[Answer, list[str]]:
        self._asked += 1
        aliases = [f"q{self._asked}_{at}" for at in range(len(batch))]
        named = dict(zip(aliases, batch, strict=True))
        return await self.document(business_document(self._business, named, own)), aliases

    def _answers(self, answer: Answer, aliases: Sequence[str]) -> tuple[Payload, list[Any]]:
        with understood(answer):
            body = answer.json if isinstance(answer.json, dict) else {}
            business = part(part(body, "data"), "business")
            absent = self._absent(answer, business)
            if not business:
                raise Unreadable("no business")
            for alias in aliases:
                if alias not in business:
                    raise Unreadable("a question was left unanswered")
                if business[alias] is None and alias not in absent:
                    raise Unreadable("a question was answered with nothing")
            return business, [business[alias] for alias in aliases]

    def _absent(self, answer: Answer, business: Payload) -> set[str]:
        """Aliases that Wave says don't exist. Raises for every other error."""
        absent: set[str] = set()
        for error in graph_errors(answer.json):
            if error.code == NOT_FOUND and len(error.path) >= 2 and business:
                absent.add(error.path[1])
            elif error.code == NOT_FOUND:
                raise AccessRefused(SERVICE, service_ref=error.ref, details=error.words)
            elif error.code == INVALID_DOCUMENT:
                mistake = not_understood(error.words)
                raise AnswerUnreadable(SERVICE, service_ref=error.ref, details=f"{mistake.title} {error.words}")
            else:
                raise ServiceDown(SERVICE, service_ref=error.ref, details=error.words)
        if not answer.ok:
            raise ServiceDown(SERVICE, service_ref=answer.service_ref, details=f"HTTP {answer.status}")
        return absent

    # --- lists ---

    async def pages(self, listing: Listing, filters: Filters | None = None) -> AsyncIterator[Page[Payload]]:
        """Rows, each at least once even if some vanish meanwhile (L2, L3, L4).

        New rows come first and only push others back; a row that vanished pulls others up, which shows in the
        total: then the page before is read once more.
        """
        versions: dict[str, str] = {}
        number, furthest, total, barren = 1, 0, None, 0
        for _ in range(PAGES_MAX):
            _, [connection] = await self.ask([listing.page(number, **(filters or {}))])
            with understood(None):
                rows, found = rows_of(connection), _info(connection)
            fresh = _fresh(rows, versions)
            if fresh:
                yield Page(tuple(fresh), found.total)
            shrunk = total is not None and found.total is not None and found.total < total and number > 1
            total = found.total
            barren = 0 if fresh else barren + (number > furthest)
            furthest = max(furthest, number)
            if shrunk:
                number -= 1
            elif barren > BARREN_PAGES or not found.more(number, len(rows), len(versions), listing.size):
                return
            else:
                number += 1

    async def records(
        self,
        listing: Listing,
        read: Callable[[Payload], RecordT],
        since: datetime | None,
        wanted: Callable[[Payload], bool] = lambda node: True,
    ) -> AsyncIterator[Page[RecordT]]:
        """A list as records; a row that makes no sense is counted and hides no other."""
        async for found in self.pages(listing, since_filter(since)):
            records, unreadable = await asyncio.to_thread(read_all, found.records, read, wanted)
            yield Page(records, found.total, unreadable=unreadable)


@dataclass(frozen=True, slots=True)
class _PageInfo:
    total: int | None
    pages: int | None

    def more(self, number: int, rows: int, seen: int, size: int) -> bool:
        """Whether another page may bring something."""
        if self.pages is not None and number < self.pages:
            return True
        return rows >= size and (self.total is None or seen < self.total)


def _info(connection: Any) -> _PageInfo:
    info = part(connection, "pageInfo")
    total, pages = info.get("totalCount"), info.get("totalPages")
    return _PageInfo(total if isinstance(total, int) else None, pages if isinstance(pages, int) else None)


def pages_left(connection: Any) -> int:
    """How many pages follow the first one."""
    return max(0, min(PAGES_MAX, (_info(connection).pages or 1)) - 1)


def rows_of(connection: Any) -> list[Payload]:
    """The nodes of a page; null ones are rows that the token may not see. Raises Unreadable."""
    if not isinstance(connection, dict):
        raise Unreadable("a list is missing")
    return [part(edge, "node") for edge in parts(connection, "edges") if edge.get("node") is not None]


def read_all(
    rows: Sequence[Payload],
    read: Callable[[Payload], RecordT],
    wanted: Callable[[Payload], bool] = lambda node: True,
) -> tuple[tuple[RecordT, ...], int]:
    """The readable records, and how many could not be read."""
    records, unreadable = [], 0
    for row in rows:
        try:
            if wanted(row):
                records.append(read(row))
        except Unreadable:
            unreadable += 1
    return tuple(records), unreadable


def _fresh(rows: Sequence[Payload], versions: dict[str, str]) -> list[Payload]:
    """The rows not seen before, or only in an older version (L4); remembers them."""
    fresh = []
    for row in rows:
        external_id, version = str(row.get("id")), str(row.get("modifiedAt") or "")
        seen = versions.get(external_id)
        if seen is None or version > seen:
            versions[external_id] = version
            fresh.append(row)
    return fresh


def understood(answer: Answer | None) -> Understanding:
    """See `Understanding`."""
    return Understanding(SERVICE, answer)


@dataclass
class NameIndex:
    """Names by id of one list, because Wave can't be asked for a name.

    It is read whole once and afterwards only what changed since. A hit is always read again by its id, so that
    what was deleted meanwhile is not taken for there; a hit without a record makes the index `forget`.
    """

    listing: Listing
    names: dict[str, str] = field(default_factory=dict)
    as_of: datetime | None = None

    @property
    def filters(self) -> dict[str, tuple[str, Any]]:
        return since_filter(self.as_of - LOOK_BACK if self.as_of is not None else None)

    def page(self, number: int) -> Question:
        return self.listing.page(number, **self.filters)

    def take(self, rows: Sequence[Payload]) -> None:
        for row in rows:
            self.names[identity(row)[0]] = same_name(text(row, "name"))

    def forget(self) -> None:
        """The next time it is read whole."""
        self.names.clear()
        self.as_of = None

    def called(self, wanted: set[str]) -> list[str]:
        """Ids of the records that bear one of these names."""
        return [external_id for external_id, name in self.names.items() if name in wanted]


def same_name(name: str) -> str:
    """The form in which two names count as the same: case and outer blanks don't matter."""
    return name.strip().casefold()
