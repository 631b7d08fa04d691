"""I13: after a run on each service, no secret stands in clear in any file, list of processes, message or answer."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from desktop.books import activity, activity_export, exports
from desktop.books.details import invoice_detail
from desktop.clock import SystemEntropy
from desktop.core import Core, Options
from desktop.errors import BlueClerkError, StorageProblem
from desktop.logs import start_logging
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.practice import running_sandbox
from desktop.providers.records import Kind
from desktop.sync.lineage import INSTALLATION
from desktop.sync.secrets import MemoryStore
from desktop.ui.csv_files import csv_bytes, write_file
from desktop.ui.diagnostics import diagnostics
from desktop.ui.invoice_pdf import write_pdf
from tests.helpers.canary import Canary
from tests.helpers.control import Control
from tests.helpers.desk import options, sign_in_to_demo
from tests.helpers.four_services import ALL, map_all, write
from tests.helpers.logfail import Recorder
from tests.helpers.office import ElasticClock

LOGGERS = ("", "desktop", "httpx", "httpcore", "asyncio", "sqlalchemy.engine")
TROUBLE = (
    {"id": "A8", "op": "refresh", "nth": 1, "params": {"error": "server_error"}},
    {"id": "N1", "op": "create_invoice", "nth": 1, "phase": "after"},
    {"id": "H6", "nth": 4},
    {"id": "B2", "nth": 9},
    {"id": "A1", "nth": 12},
)


@pytest.fixture
def every_word(tmp_path: Path) -> Iterator[Recorder]:
    """Everything that our code and the libraries below it log, at the most talkative level, and our own log file."""
    recorder, levels = Recorder(), {}
    for name in LOGGERS:
        levels[name] = logging.getLogger(name).level
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger().addHandler(recorder)
    ours = logging.getLogger("desktop")
    before = list(ours.handlers)
    start_logging(tmp_path / "desk" / "logs", "debug")
    yield recorder
    for handler in [one for one in ours.handlers if one not in before]:
        ours.removeHandler(handler)
        handler.close()
    logging.getLogger().removeHandler(recorder)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_the_scanner_finds_what_it_looks_for_in_every_shape(tmp_path: Path) -> None:
    """A search that finds nothing proves nothing unless it would have found something."""
    import base64
    import gzip

    canary, secret = Canary(), "s3cr3t+canary/value=="
    canary.watch("token", secret)
    shapes = {
        "clear": secret.encode(),
        "utf-16": secret.encode("utf-16"),
        "packed": gzip.compress(f'{{"t": "{secret}"}}'.encode()),
        "basic": b"Basic " + base64.b64encode(f"some-app:{secret}".encode()),
        "hex": secret.encode().hex().encode(),
        "address": b"GET /?t=s3cr3t%2Bcanary%2Fvalue%3D%3D",
    }
    for name, content in shapes.items():
        (tmp_path / name).write_bytes(b"\0\1" + content if name != "packed" else content)
    (tmp_path / "innocent").write_bytes(b"s3cr3t canary")
    assert len(canary.search_files(tmp_path)) == len(shapes)
    program = [sys.executable, "-c", "print(flush=True); input()", secret]
    child = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PATH": "", "TOKEN": secret})
    try:
        assert child.stdout is not None and child.stdout.readline()
        where = {one for one in canary.search_processes() if one.endswith(f"of {child.pid}")}
        assert len(where) == 2, where
    finally:
        child.communicate(b"\n")


@pytest.mark.allow_errors
@pytest.mark.parametrize("service", ALL)
async def test_I13_no_secret_stands_in_clear_anywhere(
    service: str, tmp_path: Path, sandbox: Any, control: Control, every_word: Recorder, qapp: Any
) -> None:
    canary, store, clock = Canary(), MemoryStore(), ElasticClock(control)
    canary.watch_services(sandbox.services)
    desk = options(tmp_path / "desk", sandbox.services, store=store, clock=clock)
    core = await Core.open(Options(**{**_fields(desk), "entropy": canary.entropy(SystemEntropy())}))
    seen: dict[str, Any] = {}
    try:
        keys = await core.app_keys()
        for name, one in sandbox.services.items():
            await keys.save(name, "sandbox", one["client_id"], one["client_secret"])
        await _sign_in(core, sandbox, service, canary)
        await canary.watch_tokens(core)
        invoice = await core.do(write, "Canary Yellow", "CN-1", "30")
        await map_all(core, service)
        control.faults(*TROUBLE)
        clock.advance(3 * 3600)  # the access token has ended on both sides
        for _ in range(3):
            seen[f"report {_}"] = await core.sync([(Kind.INVOICE, invoice)])
            clock.advance(200)
        control.clear_faults()
        seen["report at the end"] = await core.sync_now()
        await canary.watch_tokens(core)
        assert await core.daily_backup() is not None
        seen |= await _what_people_see(core)
        await _what_people_take_along(core, invoice, tmp_path / "taken along")
        seen |= _what_the_other_side_shows(sandbox, control, service)
        canary.assert_silent(tmp_path, texts=seen)  # while the books are open: the journal lies beside them
        await core.disconnect()
        seen |= await _what_people_see(core)
    finally:
        await core.close()
    for name, value in store._secrets.items():
        if not name.endswith(":epoch") and name != INSTALLATION:  # a number and a mark, which the books hold as well
            canary.watch("database key", value)
    assert {"access token", "refresh token", "code", "state", f"{service} app secret", "database key"} <= canary.names
    canary.assert_silent(tmp_path, texts=seen | {"logs": _logged(every_word)})


async def test_I13_a_password_in_the_address_of_a_database_is_not_repeated(
    tmp_path: Path, sandbox: Any, every_word: Recorder
) -> None:
    canary, password = Canary(), "canary-password-f00d-4711"
    canary.watch("password", password)
    address = f"postgresql://owner:{password}@127.0.0.1:1/books"
    with pytest.raises(StorageProblem) as refused:
        await Core.open(options(tmp_path / "desk", sandbox.services, database=address))
    said = {"sentence": refused.value.sentence, "details": refused.value.details, "all": repr(refused.value)}
    canary.assert_silent(tmp_path, texts=said | {"logs": _logged(every_word)})


def test_I13_the_practice_company_hides_its_secrets_from_the_list_of_processes(tmp_path: Path) -> None:
    canary = Canary()
    with running_sandbox(tmp_path, control=True) as practice:
        canary.watch_services(practice.services)
        canary.assert_silent(texts={"words": ""})
        found = Canary()
        found.watch("control secret", practice.control_secret)
        assert not [one for one in found.search_processes() if "cmdline" in one]
    canary.assert_silent(tmp_path)


def _logged(words: Recorder) -> str:
    """All that was logged, but for what the test's own browser says of the addresses it was sent to."""
    browsers = ("/callback?", "/authorize", "/oauth2", "/consent", "receive_response_headers")
    lines = [one for one in words.lines if not (one.startswith("http") and any(part in one for part in browsers))]
    assert lines, "nothing was recorded"
    return "\n".join(lines)


def _fields(one: Options) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


async def _sign_in(core: Core, sandbox: Any, service: str, canary: Canary) -> None:
    answer = await sign_in_to_demo(core, sandbox, service)
    canary.watch_address(str(answer.url))  # the one place that may hold the code: what the browser was sent to
    assert answer.text and not canary.found_in(answer.text)


async def _what_people_see(core: Core) -> dict[str, Any]:
    ids = await core.ask(activity.activity_ids, activity.ActivityFilter())
    return {
        "diagnostics": await diagnostics(core),
        "bell": await core.bell(),
        "activity": await core.ask(activity.activity_rows, ids),
        "connection": await core.connection(),
        "options": repr(core.options),
    }


async def _what_people_take_along(core: Core, invoice: int, folder: Path) -> None:
    """Every file that somebody may hand on: the lists, the activity, an invoice, the diagnostics."""
    folder.mkdir()
    everything = activity.ActivityFilter()
    for table, ids in (
        (exports.customers_table, select(Customer.id)),
        (exports.items_table, select(Item.id)),
        (exports.invoices_table, select(Invoice.id)),
    ):
        rows = await core.ask(lambda session, t=table, q=ids: t(session, session.scalars(q).all()))
        assert len(rows) > 1, table.__name__
        write_file(folder / f"{table.__name__}.csv", csv_bytes(rows))
    (folder / "activity.csv").write_text(await core.ask(activity_export.activity_csv, everything), encoding="utf-8")
    (folder / "activity.json").write_text(await core.ask(activity_export.activity_json, everything), encoding="utf-8")
    (folder / "diagnostics.txt").write_text(await diagnostics(core), encoding="utf-8")
    write_pdf(await core.ask(invoice_detail, invoice, None), folder / "invoice.pdf")
    assert all(path.stat().st_size > 30 for path in folder.iterdir())


def _what_the_other_side_shows(sandbox: Any, control: Control, service: str) -> dict[str, Any]:
    with httpx.Client(base_url=sandbox.base, trust_env=False) as client:
        shown = {path: client.get(path).text for path in ("/", "/events-since/0.json", f"/books/{service}.json")}
    return shown | {"ledger": control.ledger(), "books": control.books(service)}


async def test_I13_an_error_that_repeats_a_token_is_told_without_it(
    tmp_path: Path, sandbox: Any, control: Control, every_word: Recorder
) -> None:
    """The sign-in is refused with our own code in the answer's words; nothing of it is shown or kept."""
    canary = Canary()
    canary.watch_services(sandbox.services)
    core = await Core.open(options(tmp_path / "desk", sandbox.services))
    try:
        keys = await core.app_keys()
        one = sandbox.services["quickbooks"]
        wrong = "canary-wrong-secret-0815"
        canary.watch("mistyped secret", wrong)
        await keys.save("quickbooks", "sandbox", one["client_id"], wrong)
        said: dict[str, Any] = {}
        try:
            await _sign_in(core, sandbox, "quickbooks", canary)
        except BlueClerkError as refused:
            said = {"sentence": refused.sentence, "details": refused.details, "all": repr(refused)}
        assert said, "a wrong secret signs nobody in"
        said |= await _what_people_see(core)
    finally:
        await core.close()
    canary.assert_silent(tmp_path, texts=said | {"logs": _logged(every_word)})
