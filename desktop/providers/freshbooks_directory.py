"""Who bears this name or number there? Answered without asking record by record (contract 11).

FreshBooks can't be asked for a name exactly, and items not at all. So each list is read once in the life of the
connection (an import does that in passing), and from then on only what has changed since. A name that is found is
read again by its id before anybody believes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from desktop.providers.base import SETTLED_THERE
from desktop.providers.freshbooks_asking import Asking, understood
from desktop.providers.freshbooks_reading import DELETED, display_name, eastern_day, id_of, vis_state
from desktop.providers.freshbooks_wire import LISTS
from desktop.providers.http import ServiceHttp
from desktop.providers.reading import Payload, Unreadable, text
from desktop.providers.records import Kind

ITEMS_FRESH = timedelta(hours=1)
"""Lines don't refer to items, so a second item of one name does no harm: their list may be a little old."""
ARCHIVED_TOO = ("search[vis_state]", "2")
_SINGLE_COST = {Kind.CUSTOMER: 2, Kind.INVOICE: 1}
"""Calls that asking for one name or number takes; items can't be asked for."""


@dataclass
class _Shelf:
    """One list: name -> ids, and until when it is known. `whole` once all of it was read."""

    ids: dict[str, set[str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    read_at: datetime | None = None
    whole: bool = False
    doubted_at: datetime | None = None
    """When something was sent last of which nobody knows whether it is there."""

    def doubtful(self, read_at: datetime) -> bool:
        """Whether a list that was read then may not show yet what was sent last."""
        return self.doubted_at is not None and read_at < self.doubted_at + SETTLED_THERE

    def note(self, row: Payload, kind: Kind) -> None:
        external_id, name = id_of(row, "id"), fold(name_in(row, kind))
        old = self.names.get(external_id)
        if old is not None and old != name:
            self.ids[old].discard(external_id)
        self.names[external_id] = name
        self.ids.setdefault(name, set()).add(external_id)


def fold(name: str) -> str:
    """As names are compared: without regard to case and blanks."""
    return " ".join(name.split()).casefold()


def name_in(row: Payload, kind: Kind) -> str:
    """What a record goes by. Raises Unreadable."""
    if kind is Kind.CUSTOMER:
        return display_name(row)
    return text(row, "name" if kind is Kind.ITEM else "invoice_number")


class Directory:
    """The names of one business's clients and items, and its invoices' numbers."""

    def __init__(self, http: ServiceHttp, asking: Asking) -> None:
        self._http = http
        self._asking = asking
        self._shelves = {kind: _Shelf() for kind in (Kind.CUSTOMER, Kind.ITEM, Kind.INVOICE)}

    def start(self) -> datetime:
        """The service's time before a whole list is read, for `learned`."""
        return self._http.server_now()

    def note(self, kind: Kind, rows: Iterable[Payload]) -> None:
        """Remember what was read in passing; a row that makes no sense is left to whoever reads it."""
        shelf = self._shelves.get(kind)
        if shelf is not None:
            for row in rows:
                if isinstance(row.get("id"), int | str):
                    with understood(None):
                        shelf.note(row, kind)

    def _take(self, kind: Kind, rows: Iterable[Payload]) -> None:
        """Remember what was read to find something by its name. Raises ConnectionProblem for a row without an id:
        passing over it would say "not there" (B3)."""
        with understood(None):
            for row in rows:
                if not id_of(row, "id"):
                    raise Unreadable("id is missing")
                self._shelves[kind].note(row, kind)

    def learned(self, kind: Kind, started: datetime) -> None:
        """A whole list has been noted, from its first page (asked for at `started`) to its last."""
        shelf = self._shelves.get(kind)
        if shelf is not None:
            shelf.whole, shelf.read_at = True, started

    def doubt(self, kind: Kind) -> None:
        """Something may have been made there that nobody has seen: a list that is older than that, or was read
        before the list can be trusted to show it, is not believed."""
        shelf = self._shelves.get(kind)
        if shelf is not None:
            shelf.doubted_at = self._http.server_now()

    async def named(self, kind: Kind, names: Iterable[str]) -> list[Payload]:
        """The records of these names or numbers as they are now, deleted ones left out. Raises ConnectionProblem."""
        wanted = {fold(name): name for name in names}
        if not wanted:
            return []
        rows, unseen = await self._read(kind, wanted)
        if unseen:  # gone for good, or list or id is wrong: a list that is read anew tells
            self._shelves[kind] = _Shelf(doubted_at=self._shelves[kind].doubted_at)
            rows, unseen = await self._read(kind, wanted)
        with understood(None):
            if unseen:  # passing over it would say "not there" (I1)
                raise Unreadable(f"{', '.join(sorted(unseen))} in the list, but not found by id")
            return [row for row in rows if fold(name_in(row, kind)) in wanted and vis_state(row) != DELETED]

    async def _read(self, kind: Kind, wanted: Mapping[str, str]) -> tuple[list[Payload], set[str]]:
        """The records that were called so when they were last seen, and the ids that find none."""
        asked_alone = await self._bring_up_to_date(kind, wanted)
        if asked_alone is not None:
            return asked_alone, set()
        shelf = self._shelves[kind]
        ids = [external_id for name in wanted for external_id in sorted(shelf.ids.get(name, ()))]
        rows = await self._asking.by_ids(kind, ids)
        with understood(None):
            return rows, set(ids) - {id_of(row, "id") for row in rows}

    async def _bring_up_to_date(self, kind: Kind, wanted: Mapping[str, str]) -> list[Payload] | None:
        """Read what may have changed; or, where that is dearer, ask for each name alone and return what was found."""
        shelf, now = self._shelves[kind], self._http.server_now()
        known = shelf.read_at if shelf.whole else None
        if kind is Kind.ITEM and known is not None and now - known < ITEMS_FRESH and not shelf.doubtful(known):
            return None
        alone = _SINGLE_COST[kind] * len(wanted) if kind in _SINGLE_COST else None
        if alone == 1:
            return await self._alone(kind, wanted)
        query: tuple[tuple[str, str], ...] = ()
        if known is not None:  # by the day: step back one (contract 4)
            query = (("search[updated_min]", eastern_day(known, -1)),)
        path, key = self._asking.path(kind), LISTS[kind]
        first = await self._asking.page(path, key, 1, query)
        rows, pages, _ = first
        self._take(kind, rows)
        if alone is not None and pages - 1 > alone:
            return await self._alone(kind, wanted)
        if pages > 1:
            async for found in self._asking.rows(path, key, query, first):
                self._take(kind, found.records)
        if not shelf.whole and kind is Kind.CUSTOMER:
            async for found in self._asking.rows(path, key, (ARCHIVED_TOO,)):
                self._take(kind, found.records)
        self.learned(kind, now)
        return None

    async def _alone(self, kind: Kind, wanted: Mapping[str, str]) -> list[Payload]:
        found: dict[str, Payload] = {}
        path, key = self._asking.path(kind), LISTS[kind]
        for name in wanted.values():
            for query in _questions(kind, name):
                async for page in self._asking.rows(path, key, query):
                    for row in page.records:
                        if fold(name_in(row, kind)) == fold(name):
                            found[id_of(row, "id")] = row
        self._take(kind, found.values())
        return list(found.values())


def _questions(kind: Kind, name: str) -> list[tuple[tuple[str, str], ...]]:
    """Filters that contain the name; whether they compare exactly is not known, so we do (contract 7)."""
    if kind is Kind.INVOICE:
        return [(("include[]", "lines"), ("search[invoice_number]", name.strip()))]
    words = name.split()
    person = ("search[lname_like]", words[-1]) if len(words) > 1 else ("search[fname_like]", name.strip())
    return [(("search[organization_like]", name.strip()),), (person,)]
