"""Starting, stopping, and the program without a server (fast tests mount it on `httpx.ASGITransport`)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from desktop.sandbox import seed
from desktop.sandbox.app import create_app
from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.server import main, run, start_in_thread

ROOT = Path(__file__).resolve().parents[2]
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


_PAUSE = threading.Event()


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it never came true"
        _PAUSE.wait(0.005)


@contextmanager
def started(ready: Path, *more: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    command = [sys.executable, "-m", "desktop.sandbox", "--ready-file", str(ready), *more]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as process:
        try:
            _wait(lambda: ready.exists() or process.poll() is not None)
            yield process, json.loads(ready.read_text("utf-8"))
        finally:
            process.kill()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_writes_its_ready_file_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready.json"
    options = ("--control-secret", "s3cret", "--company", "empty", "--redirect-uri", "http://x/y")
    with started(ready, *options) as (process, content):
        assert set(content) == {"base", "control_secret", "services"}
        assert content["control_secret"] == "s3cret"
        assert "http://x/y" in content["services"]["quickbooks"]["redirect_uris"]
        assert ready.stat().st_mode & 0o077 == 0
        headers = {"X-Control-Secret": "s3cret"}
        books = httpx.get(f"{content['base']}/control/books/quickbooks", headers=headers, trust_env=False)
        assert books.json()["customers"] == []
        process.send_signal(number)
        assert process.wait(10) == 0
        assert not ready.exists()


def test_without_a_secret_there_is_no_control_interface_and_it_ends_with_its_parent(tmp_path: Path) -> None:
    with started(tmp_path / "ready.json", "--until-stdin-closes") as (process, content):
        assert content["control_secret"] is None
        assert httpx.get(f"{content['base']}/control/ledger", trust_env=False).status_code == 404
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_taken_port_and_an_unknown_company_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
        with pytest.raises(OSError, match="."):
            run(port, ["demo"])
    assert main(["--company", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_two_sandboxes_share_nothing() -> None:
    with start_in_thread(("empty",)) as one, start_in_thread(("empty",)) as two:
        assert one.base != two.base
        assert one.control_secret != two.control_secret
        assert one.services["quickbooks"]["client_secret"] != two.services["quickbooks"]["client_secret"]
    one.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(one.base, trust_env=False)


def test_it_stops_while_a_reply_is_still_late() -> None:
    with start_in_thread(("empty",)) as running:
        headers = {"X-Control-Secret": running.control_secret}
        rules = {"rules": [{"id": "N6", "op": "discovery", "params": {"interval_s": 30}}]}
        httpx.post(f"{running.base}/control/faults", json=rules, headers=headers, trust_env=False)
        url = running.services["quickbooks"]["discovery"]
        with httpx.Client(trust_env=False) as client, client.stream("GET", url) as answer:
            assert answer.status_code == 200
            before = time.monotonic()
            running.stop()
            assert time.monotonic() - before < 10


def test_the_large_company_loads_within_two_seconds() -> None:
    seed.company("large")
    before = time.process_time()
    sandbox = create_app(["large"])
    assert time.process_time() - before < 2
    books = sandbox.services["quickbooks"].books()
    assert (len(books["customers"]), len(books["invoices"])) == (20_000, 5_000)


def test_the_books_agree_with_their_seed() -> None:
    """Totals and balances as the made-up company reckons them by itself."""
    source = seed.company("demo")
    books = create_app(["demo"]).services["quickbooks"].books()
    totals = {row["number"]: Decimal(row["total"]) for row in books["invoices"]}
    paid: dict[str, Decimal] = {}
    for payment in source.payments:
        paid[payment.invoice_number] = paid.get(payment.invoice_number, Decimal(0)) + payment.amount
    for invoice in source.invoices:
        assert totals[invoice.number] == seed.invoice_total(invoice, source.tax_codes)
    for row in books["invoices"]:
        assert Decimal(row["balance"]) == totals[row["number"]] - paid.get(row["number"], Decimal(0))
    owed = sum(Decimal(row["balance"]) for row in books["invoices"])
    assert owed == sum(Decimal(row["balance"]) for row in books["customers"])


# --- without a server ---


class Inside:
    """The program called directly, with ids, tokens and time that repeat."""

    def __init__(self, company: seed.CompanySeed | None = None) -> None:
        found = company or seed.company("demo")
        clock = SandboxClock(lambda: NOON)
        sandbox = create_app(["demo"], "s", (), clock, lambda name: found, random.Random(7))
        self.service = sandbox.services["quickbooks"]
        transport = httpx.ASGITransport(app=sandbox.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        self.control = {"X-Control-Secret": "s"}
        self.tokens = self.service.grant(None)

    async def post(self, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}", "Accept": "application/json"}
        url = f"/quickbooks/v3/company/{self.tokens['realmId']}/{path}"
        return (await self.http.post(url, json=body, headers=headers)).json()

    async def code(self, path: str, body: Any) -> str:
        return str((await self.post(path, body))["Fault"]["Error"][0]["code"])

    async def ledger(self) -> list[dict[str, Any]]:
        return list((await self.http.get("/control/ledger", headers=self.control)).json()["entries"])


async def test_i24_the_same_calls_give_the_same_ledger() -> None:
    runs = []
    for _ in range(2):
        inside = Inside()
        rules = {"seed": 3, "rules": [{"id": "H5", "p": 0.5}]}
        await inside.http.post("/control/faults", json=rules, headers=inside.control)
        for number in range(8):
            await inside.post(f"customer?requestid=r{number}", {"DisplayName": f"C{number}"})
        runs.append(await inside.ledger())
        await inside.http.aclose()
    assert runs[0] == runs[1]
    assert {entry["status"] for entry in runs[0]} == {200, 500}


async def test_a_company_abroad_wants_a_tax_code_on_each_line() -> None:
    abroad = dataclasses.replace(seed.company("demo"), country="CA", currency="CAD")
    inside = Inside(abroad)
    books = inside.service.books()
    tax = next(row for row in books["tax_codes"] if row["rate"] == "8.25")
    customer = next(row["id"] for row in books["customers"] if row["active"])
    item = next(row["id"] for row in books["items"] if row["active"])

    def bill(code: str, **more: Any) -> dict[str, Any]:
        detail = {"ItemRef": {"value": item}} | ({"TaxCodeRef": {"value": code}} if code else {})
        line = {"DetailType": "SalesItemLineDetail", "Amount": 100, "SalesItemLineDetail": detail}
        return {"CustomerRef": {"value": customer}, "Line": [line], **more}

    assert await inside.code("invoice", bill("", GlobalTaxCalculation="TaxExcluded")) == "6000"
    assert await inside.code("invoice", bill("TAX", GlobalTaxCalculation="TaxExcluded")) == "2500"
    assert await inside.code("invoice", bill(tax["id"])) == "2020"
    made = (await inside.post("invoice", bill(tax["id"], GlobalTaxCalculation="TaxExcluded")))["Invoice"]
    assert (made["TotalAmt"], made["CurrencyRef"]["value"]) == (108.25, "CAD")
    within = (await inside.post("invoice", bill(tax["id"], GlobalTaxCalculation="TaxInclusive")))["Invoice"]
    assert (within["TotalAmt"], within["TxnTaxDetail"]["TotalTax"]) == (100, 7.62)
    await inside.http.aclose()
