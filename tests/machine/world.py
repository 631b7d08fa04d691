"""One run's world: the imitated services, desks on one set of books, their clock, and what a person can do.

Everything is the real program but for the three things that come in as arguments anyway: time (counted by the
loop), randomness (one seed) and the wire (no socket). A desk that is killed stops at once: its database and its
network refuse everything, and nothing that it has on the way is cleaned up.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import random
import re
import shutil
import tempfile
import uuid
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin

import httpx
from sqlalchemy.orm import Session

from desktop import crashpoint
from desktop.books.users import me
from desktop.clock import Clock, SeededEntropy, SystemClock
from desktop.core import Core, Options
from desktop.errors import CancelledByOwner
from desktop.models.session import Database, open_database
from desktop.models.states import Switches
from desktop.providers.records import CompanyRef, ProviderKey
from desktop.providers.registry import SERVICES
from desktop.sandbox.app import create_app
from desktop.sandbox.clock import SandboxClock
from desktop.sync import mapping
from desktop.sync.overview import save_switches
from desktop.sync.secrets import MemoryStore
from tests.helpers.desk import addresses, hidden_fields
from tests.helpers.four_services import map_deposits
from tests.machine.companies import HOME, OTHER, small
from tests.machine.loop import START, LoopClock
from tests.machine.wires import ORIGIN, InProcess, Killed, Line

T = TypeVar("T")
_RECOVERY = logging.getLogger("desktop.sync.recovery")
ALL_SERVICES = tuple(key.value for key in ProviderKey)
PATIENCE_S = 600
"""Seconds after which a person gives up a consent page, however slowly it still comes (N6)."""
_STATEMENTS: dict[Any, Any] = {}
_DIALECTS: dict[tuple[str, str], Any] = {}
_NOW: contextvars.ContextVar[Desk] = contextvars.ContextVar("desk")


class DirectDatabase(Database):
    """The books without threads: a unit of work is one moment of the run, whatever the order of the tasks."""

    dead = False

    def __init__(self, url: str, *, clock: Clock) -> None:
        super().__init__(url, clock=clock)
        self.awake = asyncio.Event()
        self.awake.set()
        # thousands of short lives: each statement is compiled once for all, which asks for one dialect
        for role, engine in (("read", self._reading), ("write", self._writing)):
            shared = _DIALECTS.get((self.dialect, role))
            if shared is None:
                with engine.connect():
                    _DIALECTS[self.dialect, role] = engine.dialect
            else:
                engine.dialect = engine.pool._dialect = shared
            engine.update_execution_options(compiled_cache=_STATEMENTS)

    async def in_read(self, fn: Callable[[Session], T]) -> T:
        await self.awake.wait()
        self._alive()
        with self.read() as session:
            found = fn(session)
        await asyncio.sleep(0)
        return found

    async def in_write(self, fn: Callable[[Session], T]) -> T:
        await self.awake.wait()
        self._alive()
        with self.write() as session:
            found = fn(session)
        await asyncio.sleep(0)
        return found

    def _alive(self) -> None:
        if self.dead:
            raise Killed


@dataclass
class Desk:
    """One running program."""

    core: Core
    db: DirectDatabase
    line: Line
    client: httpx.AsyncClient
    account: str
    tasks: weakref.WeakSet[asyncio.Task[Any]] = field(default_factory=weakref.WeakSet)

    def die(self) -> None:
        """From now on nothing of it reaches the books or the network."""
        self.db.dead = True
        self.line.dead = True
        self.wake()

    def freeze(self) -> None:
        """The lid is closed: it stands still wherever it is, and knows nothing of it (P6, M2)."""
        self.db.awake.clear()
        self.line.awake.clear()

    def wake(self) -> None:
        self.db.awake.set()
        self.line.awake.set()


class OtherSide:
    """The sandbox as the tests' `Control` shows it, without its HTTP interface."""

    def __init__(self, world: World) -> None:
        self._box = world.box

    def books(self, service: str, company_id: str | None = None) -> dict[str, Any]:
        return self._box.services[service].books(company_id)

    def ledger(self, since: int = 0, *, op: str | None = None) -> list[dict[str, Any]]:
        return [entry.as_json() for entry in self._box.ledger.since(since) if op is None or entry.op == op]

    def meter(self, service: str) -> dict[str, Any]:
        return self._box.services[service].meter()

    def edit(self, service: str, kind: str, record_id: str, action: str, **params: Any) -> dict[str, Any]:
        """A hand edit there. Raises ControlError where the service forbids it to people as well."""
        return self._box.services[service].edit(kind, record_id, action, params, None)


class Watch(logging.Handler):
    """What the program says went wrong inside it: never expected, whatever happens outside (C112)."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if "Killed" not in text:
            self.lines.append(text)


class Branches(logging.Handler):
    """Counts which ways the recovery went."""

    def __init__(self, hits: Counter[str]) -> None:
        super().__init__(logging.DEBUG)
        self._hits = hits

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "branch: %s":
            self._hits[f"branch:{record.args[0]}"] += 1  # type: ignore[index]


class Templates:
    """Books with this version's tables and nothing in them, made once per process and copied per run."""

    def __init__(self) -> None:
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="blueclerk-machine-", dir=base))
        self._sqlite = self.folder / "template.db"
        open_database(str(self._sqlite), SystemClock(), backup_dir=self.folder / "backups").close()
        self._postgres = ""

    def books(self, database: str, folder: Path) -> str:
        """The address of new, empty books."""
        if database == "sqlite":
            shutil.copyfile(self._sqlite, folder / "blueclerk.db")
            return str(folder / "blueclerk.db")
        from sqlalchemy.engine import make_url

        server = make_url(os.environ["BLUECLERK_TEST_POSTGRES"])
        if not self._postgres:
            self._postgres = f"machine_{uuid.uuid4().hex}"
            self._run(server, f'CREATE DATABASE "{self._postgres}" TEMPLATE template0')
            made = server.set(database=self._postgres).render_as_string(hide_password=False)
            open_database(made, SystemClock(), backup_dir=self.folder / "backups").close()
        name = f"machine_{uuid.uuid4().hex}"
        self._run(server, f'CREATE DATABASE "{name}" TEMPLATE "{self._postgres}"')
        return server.set(database=name).render_as_string(hide_password=False)

    def drop(self, address: str) -> None:
        """Take away a run's books on a server; files go with their folder."""
        if "://" in address:
            from sqlalchemy.engine import make_url

            server = make_url(os.environ["BLUECLERK_TEST_POSTGRES"])
            self._run(server, f'DROP DATABASE "{make_url(address).database}" WITH (FORCE)')

    @staticmethod
    def _run(server: Any, statement: str) -> None:
        import psycopg

        address = server.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())

    def close(self) -> None:
        if self._postgres:
            self.drop(f"x://x/{self._postgres}")
            self._postgres = ""
        shutil.rmtree(self.folder, ignore_errors=True)


class World:
    """See the module's docstring. `open` it on the loop of the run, `close` it there as well."""

    def __init__(self, service: str, seed: int, templates: Templates, database: str = "sqlite") -> None:
        self.service, self.seed, self.database = service, seed, database
        self.loop = asyncio.get_running_loop()
        self.hits: Counter[str] = Counter()
        self.chance = random.Random(seed)
        self._templates = templates
        self._opened = 0
        self.folder = Path(tempfile.mkdtemp(prefix="run-", dir=templates.folder))
        clock = SandboxClock(LoopClock(self.loop).now)
        self.box = create_app((HOME, OTHER), None, (), clock, small, random.Random(seed))
        self.ready = self.box.ready(ORIGIN)
        self.companies = {one["id"]: one["name"] for one in self.box.services[service].companies()}
        self.home, self.other = list(self.companies)
        self.side = OtherSide(self)
        self.store = MemoryStore()
        self.clock = LoopClock(self.loop)
        """Of the computer on which all desks run: books in a file are shared on one computer only."""
        self.address = templates.books(database, self.folder)
        self.desks: list[Desk] = []
        self.watch = Watch()
        self.branches = Branches(self.hits)
        self.made = 0
        self.crash: tuple[str, int] | None = None
        self.sleepy = False
        """The desk at the crash point is frozen, not killed."""
        self._passed: Counter[str] = Counter()
        self.accounts: list[str] = []
        self.rest = 0
        """Seconds between a crash and the next start."""
        self.armed = False
        self.restored = False
        self.touched: set[tuple[str, str]] = set()
        """What somebody changed there by hand, as (kind, external id)."""
        self.ours: set[tuple[str, str]] = set()
        """What our calls have made there."""
        self.edited: set[tuple[str, int]] = set()
        """Records here that the owner has edited, wherever they came from."""
        self.started_at = 0.0

    @property
    def info(self) -> Any:
        return SERVICES[ProviderKey(self.service)]

    @property
    def desk(self) -> Desk:
        return self.desks[0]

    # --- life -------------------------------------------------------------------------------------

    async def open(self) -> None:
        """One desk, signed in to the home company, accounts chosen, Auto-Sync on."""
        for name in ("desktop", "asyncio"):
            logging.getLogger(name).addHandler(self.watch)
        _RECOVERY.addHandler(self.branches)
        _RECOVERY.setLevel(logging.DEBUG)
        self.loop.set_task_factory(self._task)
        crashpoint.install(self._at)
        await self.start_desk()
        keys = await self.desk.core.app_keys()
        ready = self.ready[self.service]
        await keys.save(self.service, "sandbox", ready["client_id"], ready["client_secret"])
        await self.connect(self.desk)
        await self.choose_accounts(self.desk)

    async def choose_accounts(self, desk: Desk) -> None:
        """What step 3 and 4 of the wizard do."""
        core = desk.core
        key = await core.company_key()
        assert key is not None
        if self.info.capabilities.income_accounts:
            view = await core.ask(mapping.mapping_view, key)
            self.accounts = [one.external_id for one in view.accounts]
        await map_deposits(core, self.service)
        await core.do(save_switches, Switches(auto=True))

    async def start_desk(self, place: int | None = None) -> Desk:
        """Start the program; at a place where one was, it is the same owner's again."""
        self._opened += 1
        place = len(self.desks) if place is None else place
        line = Line(self.loop, self.hits, self.chance)
        line.slowness = 0.3
        client = httpx.AsyncClient(transport=InProcess(self.box.app, line), trust_env=False, timeout=600)
        account = ("owner", "colleague", "clerk")[place % 3]
        options = Options(
            database=self.address,
            data_dir=self.folder,
            store=self.store,
            account=account,
            clock=self.clock,
            entropy=SeededEntropy(self.seed * 1000 + self._opened),
            addresses=addresses({self.service: self.ready[self.service]}),
            open_browser=lambda url: True,
            client=client,
            callback_ports=(),
        )
        if self._opened > 1:
            await self.clock.sleep(2)  # nobody starts a program in no time
        self.started_at = self.loop.time()
        db = DirectDatabase(self.address, clock=self.clock)
        desk = Desk(Core(options, db), db, line, client, account)
        if place < len(self.desks):
            self.desks[place] = desk
        else:
            self.desks.append(desk)
        await desk.core.do(me)
        return desk

    async def bury(self, desk: Desk) -> None:
        """What is left of a killed desk: its tasks end, its files are let go, nothing is written."""
        desk.die()
        running = asyncio.current_task()
        for task in [one for one in desk.tasks if one is not running and not one.done()]:
            task.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        await desk.client.aclose()
        Database.close(desk.db)

    async def quit(self, desk: Desk) -> None:
        """The orderly end."""
        await desk.core.close()
        await desk.client.aclose()

    async def close(self) -> None:
        crashpoint.install(None)
        for name in ("desktop", "asyncio"):
            logging.getLogger(name).removeHandler(self.watch)
        _RECOVERY.removeHandler(self.branches)
        _RECOVERY.setLevel(logging.NOTSET)
        for desk in self.desks:
            if desk.db.dead:
                await self.bury(desk)
            else:
                await self.quit(desk)
        self.loop.set_task_factory(None)
        self._templates.drop(self.address)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _task(self, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=loop, **more)
        desk = (more.get("context") or contextvars.copy_context()).get(_NOW)
        if desk is not None:
            desk.tasks.add(task)
        return task

    # --- crashes ------------------------------------------------------------------------------------

    def _at(self, name: str) -> None:
        desk = _NOW.get(None)
        if desk is not None and desk.db.dead:
            raise Killed
        if self.crash is None or name != self.crash[0]:
            return
        self._passed[name] += 1
        if self._passed[name] >= self.crash[1]:
            self.crash = None
            if self.sleepy:
                self.hits["M2"] += 1
                assert desk is not None
                desk.freeze()
                return
            self.hits["P1"] += 1
            self.hits[f"crash:{name}"] += 1
            if desk is not None:
                desk.die()
            raise Killed

    def crash_at(self, name: str, nth: int, *, sleepy: bool = False) -> None:
        """Kill (or freeze) whichever desk passes this crash point for the nth time from now."""
        self._passed.clear()
        self.sleepy = sleepy
        self.crash = (name, nth)

    async def on(self, desk: Desk, work: Any) -> Any:
        """Run `work` as this desk's own."""

        async def inside() -> Any:
            _NOW.set(desk)
            return await work

        return await asyncio.get_running_loop().create_task(inside())

    # --- the person -----------------------------------------------------------------------------------

    async def connect(self, desk: Desk, company: str = "", *, allow_other: bool = False) -> None:
        """Press Connect, agree in the browser, paste the address it ended on, read the company's settings."""
        wanted = company or self.home

        async def choose(found: Sequence[CompanyRef]) -> CompanyRef:
            return next((one for one in found if one.external_id == wanted), found[0])

        desk.core.choose_company = choose
        flow = await desk.core.sign_in()
        page = await flow.begin(self.service, allow_other_company=allow_other)
        waiting = asyncio.get_running_loop().create_task(flow.wait())
        try:
            flow.finish_with_pasted(await self._agree(page.url, wanted))
        except BaseException:
            await flow.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            raise
        await waiting
        await desk.core.after_connecting()

    async def _agree(self, url: str, company: str) -> str:
        """What a person does on the consent page; where the browser is sent then."""
        browser = InProcess(self.box.app, Line(self.loop, Counter(), random.Random(0)))
        async with httpx.AsyncClient(transport=browser, trust_env=False, timeout=PATIENCE_S) as client:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    page = await client.get(url)
                    action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
                    form = dict(hidden_fields(page.text)) | {"company": company, "decision": "approve"}
                    answer = await client.post(urljoin(url, action.group(1)), data=form) if action else page
            except (httpx.HTTPError, TimeoutError) as error:
                raise CancelledByOwner(f"the page broke off: {error}") from error
        where = str(answer.headers.get("location", ""))
        if not answer.is_redirect or "/callback" not in where:
            raise CancelledByOwner(f"the page showed {answer.status_code}")
        return where

    def tag(self) -> str:
        """A word that stands in the name of one record of ours and in no other's."""
        self.made += 1
        return f"Q{self.made}Q"

    def now(self) -> Any:
        return LoopClock(self.loop).now()


__all__ = ["ALL_SERVICES", "START", "Desk", "DirectDatabase", "Killed", "OtherSide", "Templates", "World"]
