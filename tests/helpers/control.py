"""The sandbox's control interface as a test sees it: grants, the other books, the ledger, faults and clock.

Plain and blocking on purpose: the sandbox runs in a thread or process of its own, so coroutine tests may call
it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx


class Control:
    """A client of `/control/...` that raises on any answer but a success."""

    def __init__(self, base: str, secret: str, service: str = "quickbooks") -> None:
        self.service = service
        """The service meant where none is named."""
        self._http = httpx.Client(
            base_url=base,
            headers={"X-Control-Secret": secret},
            timeout=30,
            trust_env=False,
            verify=False,  # plain http; loading the certificates takes 60 ms
        )

    def close(self) -> None:
        self._http.close()

    def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        answer = self._http.request(method, f"/control/{path}", **kwargs)
        assert answer.is_success, f"{method} /control/{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def grant(self, service: str = "", company_id: str | None = None) -> dict[str, Any]:
        """A token answer as the service's token endpoint gives it, without a browser."""
        body = {"service": service or self.service} | ({"company_id": company_id} if company_id else {})
        return dict(self._call("POST", "grant", json=body))

    def books(self, service: str = "", company_id: str | None = None) -> dict[str, Any]:
        """Every record of the other side: customers, items, accounts, tax_codes, invoices, payments."""
        params = {"company": company_id} if company_id else {}
        return dict(self._call("GET", f"books/{service or self.service}", params=params))

    def ledger(self, since: int = 0, *, op: str | None = None) -> list[dict[str, Any]]:
        """The calls that arrived, in order, after sequence `since`; with `op` only those of that name."""
        entries = self._call("GET", "ledger", params={"since": since})["entries"]
        return [entry for entry in entries if op is None or entry["op"] == op]

    def faults(self, *rules: dict[str, Any], seed: int | None = None) -> None:
        """Arm fault rules such as `{"id": "N1", "op": "create_invoice", "nth": 1, "phase": "after"}`."""
        self._call("POST", "faults", json={"rules": list(rules)} | ({"seed": seed} if seed is not None else {}))

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    def hit(self, fault: str, count: int = 1) -> dict[str, int]:
        """Tell of a fault that was made by other means than a rule; all hits since the reset."""
        return dict(self._call("POST", "hit", json={"id": fault, "count": count})["hits"])

    def hits(self) -> dict[str, int]:
        """How often each fault has struck since the reset."""
        return dict(self._call("GET", "faults")["hits"])

    @contextmanager
    def armed(self, *rules: dict[str, Any], seed: int | None = None) -> Iterator[None]:
        """Fault rules for the length of a block."""
        self.faults(*rules, seed=seed)
        try:
            yield
        finally:
            self.clear_faults()

    def clock(self, advance_s: float = 0) -> datetime:
        """Move the sandbox's clock forward (tokens expire, limits open again); the answer is its time, in UTC."""
        return datetime.fromisoformat(self._call("POST", "clock", json={"advance_s": advance_s})["now"])

    def edit(self, kind: str, id: str, change: str | dict[str, Any], service: str = "", **more: Any) -> dict[str, Any]:
        """A hand edit on the other side; the record after it.

        `change` is new field values, an action ("void", "delete", "archive") or one with details ({"pay": "9.50"}).
        """
        body = {"service": service or self.service, "kind": kind, "id": id, "change": change} | more
        return dict(self._call("POST", "edit", json=body)["record"])

    def reset(self, *companies: str) -> dict[str, Any]:
        """Books (of `demo`, unless named), connections, faults, meters, ledger and clock back to the start.

        The answer is each service's companies, as ids and names.
        """
        answer = self._call("POST", "reset", json={"company": list(companies or ("demo",))})
        return dict(answer["companies"])

    def meter(self, service: str = "") -> dict[str, Any]:
        """Calls made and the peaks against the service's limits."""
        return dict(self._call("GET", f"meter/{service or self.service}"))

    def settings(self, service: str = "", **values: Any) -> Any:
        """Change the imitated company's own settings (number rules, lock date, tax)."""
        return self._call("POST", "settings", json={"service": service or self.service} | values)
