"""The sandbox as one ASGI program: the imitated services, their control interface, and a page for people."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.control import Control, json_response
from desktop.sandbox.engine import ServiceEndpoint
from desktop.sandbox.faults import FaultPlan
from desktop.sandbox.freshbooks import FreshBooks
from desktop.sandbox.keeping import Keeping, Kept, load, save
from desktop.sandbox.ledger import Entry, Ledger, safe_path
from desktop.sandbox.quickbooks import QuickBooks
from desktop.sandbox.seed import company
from desktop.sandbox.seed_shapes import CompanySeed
from desktop.sandbox.service import ControlError, Json, Service
from desktop.sandbox.wave import Wave
from desktop.sandbox.xero import Xero

LOCAL_HOST = re.compile(r"^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$", re.IGNORECASE)
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
FEED_LENGTH = 200
MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Named here: Windows takes such types from its registry, where other programs spoil them."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The program and what its owner may ask it."""

    app: ASGIApp
    services: Mapping[str, Service]
    ledger: Ledger
    faults: FaultPlan
    clock: SandboxClock

    def ready(self, origin: str) -> Json:
        """`services` of the ready file."""
        return {name: service.ready(origin) for name, service in self.services.items()}


def create_app(
    companies: Sequence[str] = ("demo",),
    control_secret: str | None = None,
    redirect_uris: Sequence[str] = (),
    clock: SandboxClock | None = None,
    seeds: Callable[[str], CompanySeed] = company,
    source: random.Random | None = None,
    state_file: Path | None = None,
) -> Sandbox:
    """A sandbox with the named companies. Raises `ValueError` for an unknown one.

    Without a `control_secret` there is no control interface. `source` makes ids and tokens repeatable. With a
    `state_file` it goes on where the last one with this file ended, and keeps its books there.
    """
    kept = load(state_file) if state_file is not None else None
    if kept is None:
        clock = clock or SandboxClock()
        made: dict[str, Service] = {
            "quickbooks": QuickBooks(clock, seeds, companies, redirect_uris, source),
            "xero": Xero(clock, seeds, companies, redirect_uris, source),
            "freshbooks": FreshBooks(clock, seeds, companies, redirect_uris, source),
            "wave": Wave(clock, seeds, companies, redirect_uris, source),
        }
        kept = Kept(made, Ledger(), clock)
    services, ledger, clock, faults = kept.services, kept.ledger, kept.clock, FaultPlan()
    routes: list[BaseRoute] = [*_pages(services, ledger, clock)]
    if control_secret is not None:
        routes += Control(services, ledger, faults, clock, control_secret).routes()
    for name, service in services.items():
        endpoint = ServiceEndpoint(service, f"/{name}", ledger, faults, clock)
        routes.append(Mount(f"/{name}", _Whole(endpoint)))
    app: ASGIApp = _OnlyLocal(Starlette(routes=routes))
    if state_file is not None:
        save(kept, state_file)
        app = Keeping(app, kept, state_file)
    return Sandbox(app, services, ledger, faults, clock)


class _Whole:
    """Undoes what Mount does to the path: the endpoint knows its own prefix."""

    def __init__(self, endpoint: ServiceEndpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._endpoint(scope, receive, send)


class _OnlyLocal:
    """Refuses calls under a foreign host name (421): a web page must not reach the sandbox by DNS tricks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
            if not LOCAL_HOST.match(host):
                await PlainTextResponse("Misdirected request", 421)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _pages(services: Mapping[str, Service], ledger: Ledger, clock: SandboxClock) -> list[Route]:
    folder = Path(str(resources.files(__package__) / "pages"))

    async def index(request: Request) -> Response:
        return _file(folder / "index.html")

    async def page(request: Request) -> Response:
        target = (folder / request.path_params["name"]).resolve()
        inside = folder.resolve() in target.parents
        return _file(target) if inside else PlainTextResponse("Not Found", 404)

    async def books(request: Request) -> Response:
        service = services.get(request.path_params["service"])
        if service is None:
            return json_response({"error": "no such service"}, 404)
        try:
            return json_response(service.books(request.query_params.get("company")))
        except ControlError as error:
            return json_response({"error": str(error)}, 404)

    async def catalogue(request: Request) -> Response:
        return json_response(list(services))

    async def events(request: Request) -> Response:
        entries = ledger.since(request.path_params["n"], FEED_LENGTH)
        return json_response({"last": len(ledger), "entries": [entry.as_json(bodies=False) for entry in entries]})

    async def elsewhere(request: Request) -> Response:
        leaked = "authorization" in request.headers
        path = safe_path(request.url.path, request.query_params.multi_items())
        note = {"authorization_leaked": leaked}
        ledger.append(Entry(0, clock.now(), "elsewhere", "", "elsewhere", request.method, path, 200, "", "", note=note))
        return PlainTextResponse("You have left the service.")

    methods = ["GET", "POST", "PUT", "DELETE"]
    return [
        Route("/", index),
        Route("/pages/{name:path}", page),
        Route("/books/{service}.json", books),
        Route("/services.json", catalogue),
        Route("/events-since/{n:int}.json", events),
        Route("/elsewhere/{rest:path}", elsewhere, methods=methods),
    ]


def _file(path: Path) -> Response:
    if not path.is_file():
        return PlainTextResponse("Not Found", 404)
    return FileResponse(path, headers=PAGE_HEADERS, media_type=MEDIA_TYPES.get(path.suffix, "application/octet-stream"))
