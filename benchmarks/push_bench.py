"""Calls and time to push 200 invoices, against a plain client that sends one record at a time.

Both talk to the same metered sandbox under the service's real limits; waiting costs no real time, because both
sides share a clock that a wait moves ahead. The least number of calls is that of the providers' contract, 8.2.
"""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.books.outbox import promise
from desktop.models.states import PushReason
from desktop.providers.limits import Limiter
from desktop.providers.quickbooks import LIMITS
from desktop.providers.records import Kind
from desktop.sandbox.server import start_in_thread
from tests.helpers.control import Control
from tests.helpers.office import ElasticClock, Office, open_office

INVOICES, CUSTOMERS, ITEMS, PAYMENTS, LINES = 200, 50, 20, 120, 3
BATCH = 30


@dataclass(frozen=True)
class Figure:
    calls: int
    seconds: float
    real: float


def run() -> None:
    with start_in_thread() as server, tempfile.TemporaryDirectory() as folder:
        control = Control(server.base, server.control_secret)
        ours, read_back = asyncio.run(_push(server, control, Path(folder)))
        naive = asyncio.run(_one_by_one(server, control))
        control.close()
    records = CUSTOMERS + ITEMS + INVOICES + PAYMENTS
    least = max(3, math.ceil(records / BATCH))
    print(f"{INVOICES} invoices of {LINES} lines, {CUSTOMERS} new customers, {ITEMS} new items, {PAYMENTS} payments")
    print(f"{'':14}{'calls':>8}{'service time':>15}{'real time':>12}")
    for name, figure in (("BlueClerk", ours), ("one by one", naive)):
        print(f"{name:14}{figure.calls:>8}{figure.seconds:>13.1f} s{figure.real:>10.1f} s")
    print(f"least possible {least}, allowed {least + 2}; read-back counted apart: {read_back}")
    print(f"ratio: {naive.calls / ours.calls:.1f}x fewer calls, {naive.seconds / ours.seconds:.1f}x less time")
    if ours.calls > least + 2:
        raise SystemExit(f"{ours.calls} calls are more than {least + 2}")


async def _push(server: Any, control: Control, folder: Path) -> tuple[Figure, int]:
    control.reset("demo")
    office = await open_office(f"sqlite:///{folder}/bench.db", folder, control, server.services)
    office.set_switches(auto=False)
    invoices = await asyncio.to_thread(_fill, office)
    before = control.ledger()[-1]["sequence"]
    clock, started = office.clock.monotonic(), time.perf_counter()
    with office.db.write() as session:
        for invoice in invoices:
            promise(session, office.desk, Kind.INVOICE.value, invoice, PushReason.ASKED, asked=True)
    report = await office.runner.drain()
    seconds, real = office.clock.monotonic() - clock, time.perf_counter() - started
    calls = [entry for entry in control.ledger(before) if "/v3/" in entry["path"]]
    last_write = max(place for place, entry in enumerate(calls) if _writes(entry))
    await office.http.close()
    office.db.close()
    if not report.clean:
        raise SystemExit(f"the push was not clean: {report}")
    return Figure(last_write + 1, seconds, real), len(calls) - last_write - 1


def _writes(entry: dict[str, Any]) -> bool:
    return bool(entry.get("changed"))


def _fill(office: Office) -> list[int]:
    customers = [office.customer(f"Bench customer {number:03}") for number in range(CUSTOMERS)]
    items = [office.item(f"Bench item {number:02}", "85") for number in range(ITEMS)]
    invoices = []
    for number in range(INVOICES):
        lines = [(items[(number + line) % ITEMS], "2", "85") for line in range(LINES)]
        invoices.append(office.invoice(customers[number % CUSTOMERS], *lines, number=f"BENCH-{number:04}"))
    for invoice in invoices[:PAYMENTS]:
        office.pay(invoice, "510")
    return invoices


async def _one_by_one(server: Any, control: Control) -> Figure:
    """What a script does that saves each record when it comes to it, keeping just below the limits."""
    control.reset("demo")
    clock = ElasticClock(control)
    service = server.services["quickbooks"]
    token = control.grant("quickbooks")["access_token"]
    income = next(account["id"] for account in control.books()["accounts"] if "ncome" in account["type"])
    limiter = Limiter(LIMITS, clock, _NoJitter(), lambda until: RuntimeError(str(until)))
    calls = 0

    async def post(entity: str, body: dict[str, Any]) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        request = urllib.request.Request(
            f"{service['api']}/v3/company/{service['company_id']}/{entity.lower()}?minorversion=75",
            data=json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/json",
                "Content-Type": "application/json",
            },
        )
        async with limiter.call(""):
            answer = await asyncio.to_thread(lambda: json.loads(urllib.request.urlopen(request).read()))
        record: dict[str, Any] = answer[entity]
        return record

    started, real = clock.monotonic(), time.perf_counter()
    customers = [await post("Customer", {"DisplayName": f"Plain customer {n:03}"}) for n in range(CUSTOMERS)]
    items = [
        await post("Item", {"Name": f"Plain item {n:02}", "Type": "Service", "IncomeAccountRef": {"value": income}})
        for n in range(ITEMS)
    ]
    for number in range(INVOICES):
        customer = {"value": customers[number % CUSTOMERS]["Id"]}
        lines = [
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": 170,
                "SalesItemLineDetail": {
                    "ItemRef": {"value": items[(number + line) % ITEMS]["Id"]},
                    "Qty": 2,
                    "UnitPrice": 85,
                },
            }
            for line in range(LINES)
        ]
        invoice = await post("Invoice", {"CustomerRef": customer, "DocNumber": f"PLAIN-{number:04}", "Line": lines})
        if number < PAYMENTS:
            link = [{"Amount": 510, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}]
            await post("Payment", {"CustomerRef": customer, "TotalAmt": 510, "Line": link})
    return Figure(calls, clock.monotonic() - started, time.perf_counter() - real)


class _NoJitter:
    def token(self, nbytes: int) -> str:
        return "0" * nbytes

    def uuid(self) -> str:
        return "0"

    def uniform(self, low: float, high: float) -> float:
        return low
