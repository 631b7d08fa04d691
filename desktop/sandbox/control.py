"""The control interface (design 5.1): grants, books, ledger, faults, clock, hand edits, reset, meters, settings.

It answers only with the secret of this start, and does not exist without one.
"""

from __future__ import annotations

import hmac
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.faults import FaultPlan
from desktop.sandbox.ledger import Ledger
from desktop.sandbox.service import ControlError, Json, Service, from_json, read_change, to_json

Handler = Callable[[Request], Awaitable[Any]] | Callable[[Request], Any]


def json_response(data: Any, status: int = 200) -> Response:
    return Response(to_json(data), status, {"Cache-Control": "no-store"}, "application/json")


class Control:
    """The state that all services share, and the routes to it."""

    def __init__(
        self, services: Mapping[str, Service], ledger: Ledger, faults: FaultPlan, clock: SandboxClock, secret: str
    ) -> None:
        self._services = services
        self._ledger = ledger
        self._faults = faults
        self._clock = clock
        self._secret = secret

    def routes(self) -> list[Route]:
        return [
            self._route("grant", self._grant, "POST"),
            self._route("books/{service}", self._books, "GET"),
            self._route("ledger", self._read_ledger, "GET"),
            self._route("faults", self._show_faults, "GET"),
            self._route("faults", self._arm, "POST"),
            self._route("faults", self._disarm, "DELETE"),
            self._route("hit", self._hit, "POST"),
            self._route("clock", self._move_clock, "POST"),
            self._route("clock", self._show_clock, "GET"),
            self._route("edit", self._edit, "POST"),
            self._route("reset", self._reset, "POST"),
            self._route("meter/{service}", self._meter, "GET"),
            self._route("settings", self._settings, "POST"),
        ]

    def _route(self, path: str, handler: Handler, method: str) -> Route:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("x-control-secret", "")
            if not hmac.compare_digest(given.encode(), self._secret.encode()):
                return json_response({"error": "the control secret is missing or wrong"}, 403)
            try:
                answer = handler(request)
                return json_response(await answer if inspect.isawaitable(answer) else answer)
            except ControlError as error:
                return json_response({"error": str(error)}, 400)

        return Route(f"/control/{path}", guarded, methods=[method])

    def _service(self, name: Any) -> Service:
        found = self._services.get(str(name))
        if found is None:
            raise ControlError(f"no such service: {name}; there are {', '.join(self._services)}")
        return found

    async def _grant(self, request: Request) -> Json:
        body = await _body(request)
        return self._service(body.get("service")).grant(body.get("company_id"))

    def _books(self, request: Request) -> Json:
        return self._service(request.path_params["service"]).books(request.query_params.get("company"))

    def _read_ledger(self, request: Request) -> Json:
        try:
            since = int(request.query_params.get("since", "0"))
        except ValueError:
            raise ControlError("since is a sequence number") from None
        entries = [entry.as_json() for entry in self._ledger.since(since)]
        return {"entries": entries, "last": len(self._ledger)}

    def _show_faults(self, request: Request) -> Json:
        return self._faults.as_json()

    async def _arm(self, request: Request) -> Json:
        body = await _body(request)
        rules, seed = body.get("rules"), body.get("seed")
        if not isinstance(rules, list) or not isinstance(seed, int | None):
            raise ControlError("rules is a list of fault rules, seed a whole number")
        self._faults.arm(rules, seed)
        return self._faults.as_json()

    def _disarm(self, request: Request) -> Json:
        self._faults.clear()
        return self._faults.as_json()

    async def _hit(self, request: Request) -> Json:
        """A fault was made by other means than a rule: `{"id", "count"?}`."""
        body = await _body(request)
        count = body.get("count", 1)
        if not isinstance(count, int) or count < 1:
            raise ControlError("count is a whole number above 0")
        self._faults.told(str(body.get("id")), count)
        return self._faults.as_json()

    async def _move_clock(self, request: Request) -> Json:
        body = await _body(request)
        try:
            self._clock.advance(float(body.get("advance_s", 0)))
        except (TypeError, ValueError, OverflowError):
            raise ControlError("advance_s is a number of seconds") from None
        return {"now": self._clock.now().isoformat()}

    def _show_clock(self, request: Request) -> Json:
        return {"now": self._clock.now().isoformat()}

    async def _edit(self, request: Request) -> Json:
        """`change` is an action ("void"), an action with its details ({"pay": "100.00"}), or the new field values.

        `fault` names the fault that this edit is, so that it counts as struck.
        """
        body = await _body(request)
        fault = body.pop("fault", None)
        service = self._service(body.get("service"))
        action, params = read_change(body)
        kind, record_id = str(body.get("kind")), str(body.get("id") or "")
        record = service.edit(kind, record_id, action, params, body.get("company_id"))
        if fault is not None:
            self._faults.told(str(fault))
        return {"kind": kind, "id": record.get("id", record_id), "action": action, "record": record}

    async def _reset(self, request: Request) -> Json:
        body = await _body(request)
        names = body.get("company")
        wanted = [names] if isinstance(names, str) and names else names or []
        if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
            raise ControlError("company is a name or a list of names")
        self._clock.reset()
        try:
            for service in self._services.values():
                service.reset(wanted)
        except ValueError as error:
            raise ControlError(str(error)) from error
        self._faults.reset()
        self._ledger.clear()
        return {"companies": {name: service.companies() for name, service in self._services.items()}}

    def _meter(self, request: Request) -> Json:
        return self._service(request.path_params["service"]).meter()

    async def _settings(self, request: Request) -> Json:
        body = await _body(request)
        fault = body.pop("fault", None)
        try:
            settings = self._service(body.pop("service", None)).settings(body)
        except (TypeError, ValueError) as error:
            raise ControlError(f"a setting has the wrong kind of value: {error}") from error
        if fault is not None:
            self._faults.told(str(fault))
        return settings


async def _body(request: Request) -> Json:
    raw = await request.body()
    try:
        data = from_json(raw) if raw else {}
    except ValueError as error:
        raise ControlError(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ControlError("a JSON object is wanted")
    return data
