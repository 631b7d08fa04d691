"""The practice company: a sandbox in a process of its own, and books to try things with."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.desk import Desk
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.invoices import create_invoice, mark_sent
from desktop.books.items import ItemDraft, create_item
from desktop.core import Core, ServiceAddress
from desktop.errors import ServiceDown
from desktop.kinds import CustomerKind
from desktop.models.customer import Customer
from desktop.providers.base import Endpoints
from desktop.providers.records import ProviderKey

START_SECONDS = 30.0
_log = logging.getLogger(__name__)


RESTARTS = 5
"""A sandbox that dies more often than that is left alone: its own program is broken."""


@dataclass(slots=True)
class Practice:
    """A running sandbox. One that dies is started again with its books as they were, if need be on another port."""

    base: str
    control_secret: str | None
    services: dict[str, Any]
    pid: int = 0
    restarts: int = 0
    on_restart: Callable[[], None] | None = None
    """Called on a thread of its own once it answers again; its addresses may be others."""

    def addresses(self) -> dict[ProviderKey, ServiceAddress]:
        """Where its services are reached."""
        names = ("api", "authorize", "token", "revoke", "discovery")
        return {
            ProviderKey(key): ServiceAddress(
                Endpoints(**{name: service.get(name, "") for name in names}),
                calls_a_minute=int(service.get("calls_a_minute", 0)),
            )
            for key, service in self.services.items()
        }

    async def enter_keys(self, core: Core) -> None:
        """Enter the sandbox's app keys, as an owner enters those of a real service."""
        book = await core.app_keys()
        for key, service in self.services.items():
            await book.save(key, "sandbox", service["client_id"], service["client_secret"])


@contextmanager
def running_sandbox(folder: Path, *, control: bool, company: str = "demo,empty") -> Iterator[Practice]:
    """A sandbox in a child process, on a free port; it ends with this program, however that ends.

    Its control interface is on only with `control`; the secret travels in the environment, where no list of
    processes shows it. Raises ServiceDown when it doesn't start.
    """
    keeper = _Keeper(folder, control, company)
    practice = keeper.start()
    watching = threading.Thread(target=keeper.watch, args=[practice], name="sandbox-watch", daemon=True)
    watching.start()
    try:
        yield practice
    finally:
        keeper.stop()
        watching.join(START_SECONDS)


class _Keeper:
    """Starts the child, and starts it again when it ends unasked."""

    def __init__(self, folder: Path, control: bool, company: str) -> None:
        self._ready = (
            folder / f"sandbox-{secrets.token_hex(4)}.json"
        )  # of this start: a killed one's may still lie here
        self._state = self._ready.with_suffix(".state")
        self._environment = dict(os.environ)
        self._environment.pop("BLUECLERK_CONTROL_SECRET", None)
        if control:
            self._environment["BLUECLERK_CONTROL_SECRET"] = secrets.token_urlsafe(24)
        self._company = company
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._guard = threading.Lock()

    def start(self) -> Practice:
        """Raises ServiceDown when it doesn't start."""
        try:
            content = self._run(0)
        except ServiceDown:
            self.stop()
            raise
        return Practice(content["base"], content["control_secret"], content["services"], self._pid)

    def watch(self, practice: Practice) -> None:
        """Wait for its end, and begin again, first where it was: then nothing needs to know."""
        while practice.restarts < RESTARTS:
            child = self._child
            if child is None:
                return
            child.wait()
            if self._stopping:
                return
            if child.stdin is not None:
                with contextlib.suppress(OSError):
                    child.stdin.close()
            try:
                content = self._again(urlsplit(practice.base).port or 0)
            except ServiceDown as problem:
                _log.warning("the practice company could not be started again: %s", problem.details)
                return
            practice.base, practice.services, practice.pid = content["base"], content["services"], self._pid
            practice.restarts += 1
            _log.warning("the practice company had stopped and was started again")
            if practice.on_restart is not None:
                practice.on_restart()

    def stop(self) -> None:
        """End it, and let nothing of it lie about."""
        with self._guard:
            self._stopping = True
            child = self._child
        if child is not None:
            _end(child)
        for left in (self._ready, self._state):
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)

    @property
    def _pid(self) -> int:
        return self._child.pid if self._child is not None else 0

    def _again(self, port: int) -> dict[str, Any]:
        try:
            return self._run(port)
        except ServiceDown:  # its port is somebody else's now
            return self._run(0)

    def _run(self, port: int) -> dict[str, Any]:
        frozen = getattr(sys, "frozen", False)
        program = [sys.executable] if frozen else [sys.executable, "-m", "desktop.cli"]
        places = ["--ready-file", str(self._ready), "--state-file", str(self._state), "--port", str(port)]
        command = [*program, "sandbox", *places, "--until-stdin-closes", "--company", self._company]
        with contextlib.suppress(OSError):
            self._ready.unlink(missing_ok=True)
        with self._guard:
            if self._stopping:
                raise ServiceDown("the sandbox", details="the program ends")
            child = self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=self._environment
            )
        try:
            return _wait_ready(child, self._ready)
        except ServiceDown:
            _end(child)
            raise


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _wait_ready(child: subprocess.Popen[bytes], ready: Path) -> dict[str, Any]:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if ready.exists():
            content: dict[str, Any] = json.loads(ready.read_text("utf-8"))
            return content
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(0.05)
            break
    raise ServiceDown("the sandbox", details=f"exit code {child.poll()}")


# --- books to try things with ----------------------------------------------------------------------------------

_CUSTOMERS = (
    # name, first, last, e-mail, phone, street, kind; the Masons are in the sandbox too, and a John Smith may be
    ("Harriet Vance", "Harriet", "Vance", "harriet.vance@example.com", "512-555-0181", "418 Larkspur Ct", "homeowner"),
    (
        "Elm Street Dental",
        "",
        "",
        "front@elmstreetdental.example.org",
        "512-555-0182",
        "77 Elm St Suite 200",
        "business",
    ),
    ("Stonebridge Builders LLC", "", "", "office@stonebridge.example.net", "512-555-0183", "9 Quarry Rd", "builder"),
    ("Owen & Ruth Castellan", "Owen", "Castellan", "", "512-555-0184", "23 Heron Way", "homeowner"),
    ("Mary & John Mason", "Mary", "Mason", "masons@example.com", "512-555-0102", "88 Juniper Court", "homeowner"),
    ("John Smith", "John", "Smith", "", "512-555-0199", "4 Fern Hollow", "homeowner"),
    ("Riverside Laundromat", "", "", "desk@riverside.example.org", "512-555-0185", "1500 River Rd", "business"),
)
_ITEMS = (
    ("Emergency call-out", "145.00", "First hour on site, evenings and weekends"),
    ("Camera inspection", "210.00", "Sewer line camera inspection with report"),
    ("Backflow test", "95.00", "Annual backflow preventer test"),
)
UNMAPPED_ITEM = "Leak survey"
"""An item that the practice books leave without an account, so that a failure can be tried."""


def fill_books(session: Session, desk: Desk, today: date) -> list[int]:
    """Customers, items and a few older invoices, so that the window has something to show; returns the items' ids.

    Books that hold customers already are left as they are.
    """
    if session.scalar(select(Customer.id).limit(1)) is not None:
        return []  # practised with before
    customers = [
        create_customer(
            session,
            desk,
            CustomerDraft(
                display_name=name,
                given_name=given,
                family_name=family,
                company_name="" if given else name,
                email=email,
                phone=phone,
                line1=street,
                city="Round Rock",
                region="TX",
                postal_code="78664",
                kind=CustomerKind(kind),
            ),
        )
        for name, given, family, email, phone, street, kind in _CUSTOMERS
    ]
    items = [
        create_item(session, desk, ItemDraft(name=name, description=text, unit_price=Decimal(price)))
        for name, price, text in _ITEMS
    ]
    items.append(create_item(session, desk, ItemDraft(name=UNMAPPED_ITEM, unit_price=Decimal("130"))))
    for place, customer in enumerate(customers):
        line = LineDraft(items[place % 3], "", Decimal(1 + place % 2), Decimal(_ITEMS[place % 3][1]))
        day = today - timedelta(days=42 - 7 * place)
        invoice = create_invoice(session, desk, InvoiceDraft(customer, day, day + timedelta(days=30), (line,)))
        if place != len(customers) - 1:
            mark_sent(session, desk, invoice)
    return items
