"""A service whose reads follow its writes late: an index or a second machine there that is behind for a while.

The sandbox of the tests runs in this process; what is asked for while a lag is on is answered from copies of its books.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from desktop.sandbox.freshbooks import FreshBooks
from desktop.sandbox.quickbooks import QuickBooks
from desktop.sandbox.service import Answer, Call, Request
from desktop.sandbox.wave import Wave
from desktop.sandbox.xero import Xero

READS = re.compile(r"(list|get)_\w+|batch")
BOOKS: dict[type[Any], Callable[[Any], dict[str, Any]]] = {
    QuickBooks: lambda service: service._realms,
    Xero: lambda service: service._orgs._made,
    FreshBooks: lambda service: service._accounts,
    Wave: lambda service: service._made,
}
LISTS = r"list_(customers|items|invoices|payments|changes)"
IDS = r"get_(customer|item|invoice|payment)"


class Lag:
    """Off until `on`. Made once for a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ops: re.Pattern[str] | None = None
        self._seconds = 0.0
        self._before: list[tuple[float, Any, str, Any]] = []
        self.reads = 0
        """How many calls were answered from older books."""
        for kind in BOOKS:
            handle, edit = kind.handle, kind.edit
            monkeypatch.setattr(kind, "handle", self._handling(handle))
            monkeypatch.setattr(kind, "edit", self._editing(edit))

    def on(self, ops: str, seconds: float) -> None:
        """From now on what the reads named by the pattern `ops` show is `seconds` old."""
        self._ops, self._seconds = re.compile(ops), seconds

    def off(self) -> None:
        self._ops = None

    def _handling(self, handle: Callable[[Any, Request, Call], Answer]) -> Callable[[Any, Request, Call], Answer]:
        def lagging(service: Any, request: Request, call: Call) -> Answer:
            ops = [call.op, *(element["op"] for element in call.elements)]
            if self._ops is None or not call.company_id:
                return handle(service, request, call)
            if not all(READS.fullmatch(op) for op in ops):
                copied = self._copy(service, call.company_id)
                answer = handle(service, request, call)
                if call.changed:
                    self._keep(service, call.company_id, copied)
                return answer
            old = self._old(service, call.company_id) if any(self._ops.fullmatch(op) for op in ops) else None
            if old is None:
                return handle(service, request, call)
            self.reads += 1
            books = BOOKS[type(service)](service)
            now, books[call.company_id] = books[call.company_id], old
            try:
                return handle(service, request, call)
            finally:
                books[call.company_id] = now

        return lagging

    def _editing(self, edit: Callable[..., Any]) -> Callable[..., Any]:
        def lagging(service: Any, *args: Any) -> Any:
            if self._ops is not None:
                for company in BOOKS[type(service)](service):
                    self._keep(service, company, self._copy(service, company))
            return edit(service, *args)

        return lagging

    def _copy(self, service: Any, company: str) -> Any:
        clock = service._clock
        return copy.deepcopy(BOOKS[type(service)](service).get(company), {id(clock): clock})

    def _keep(self, service: Any, company: str, books: Any) -> None:
        self._before.append((service._clock.timestamp(), service, company, books))

    def _old(self, service: Any, company: str) -> Any:
        shown = service._clock.timestamp() - self._seconds
        mine = ((at, books) for at, one, where, books in self._before if one is service and where == company)
        return next((books for at, books in mine if at > shown), None)
