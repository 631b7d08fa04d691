"""The practice company: a sandbox in a process of its own, and books to try things with."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Practice:
    """A running sandbox."""

    base: str
    control_secret: str | None
    services: dict[str, Any]

    def addresses(self) -> dict[ProviderKey, ServiceAddress]:
        """Where its services are reached."""
        names = ("api", "authorize", "token", "revoke", "discovery")
        return {
            ProviderKey(key): ServiceAddress(Endpoints(**{name: service.get(name, "") for name in names}))
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
    ready = folder / f"sandbox-{secrets.token_hex(4)}.json"  # of this start alone: a killed one's may still lie here
    environment = dict(os.environ)
    environment.pop("BLUECLERK_CONTROL_SECRET", None)
    if control:
        environment["BLUECLERK_CONTROL_SECRET"] = secrets.token_urlsafe(24)
    frozen = getattr(sys, "frozen", False)
    program = [sys.executable] if frozen else [sys.executable, "-m", "desktop.cli"]
    command = [*program, "sandbox", "--ready-file", str(ready), "--until-stdin-closes", "--company", company]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
    try:
        content = _wait_ready(child, ready)
        yield Practice(content["base"], content["control_secret"], content["services"])
    finally:
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
        day = today - timedelta(days=40 - 7 * place)
        invoice = create_invoice(session, desk, InvoiceDraft(customer, day, day + timedelta(days=30), (line,)))
        if place != len(customers) - 1:
            mark_sent(session, desk, invoice)
    return items
