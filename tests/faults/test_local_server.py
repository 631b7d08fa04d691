"""S8: the office's server goes away in the middle of a transaction, or takes a commit whose answer never arrives."""

from __future__ import annotations

import os
import select as sockets
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from desktop import crashpoint
from desktop.core import Core
from desktop.errors import StorageProblem
from desktop.models.trouble import DatabaseUnreachable
from desktop.providers.records import Kind
from desktop.sync.secrets import MemoryStore
from tests.faults.invariants import World, check_always, check_quiet, made
from tests.helpers.control import Control
from tests.helpers.desk import connected_core, options
from tests.helpers.four_services import map_all, write
from tests.helpers.office import ElasticClock

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("database_url", ["postgres"], indirect=True)]


class Line:
    """The wire between desk and server. `cut_after(n)` lets the n-th commit through and its answer get lost."""

    def __init__(self, database_url: str) -> None:
        url = make_url(database_url)
        folder = url.query.get("host")
        self._folder = str(folder) if folder and str(folder).startswith("/") else ""
        self._server = (url.host or "127.0.0.1", url.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = url.set(host="127.0.0.1", port=self._listener.getsockname()[1], query={}).render_as_string(False)
        self._commits = 0
        self._cut_at = 0
        self.cuts = 0
        self._guard = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, nth: int) -> None:
        with self._guard:
            self._commits, self._cut_at = 0, nth

    def close(self) -> None:
        self._listener.close()

    def _dial(self) -> socket.socket:
        if not self._folder:
            return socket.create_connection(self._server)
        made_to = socket.socket(socket.AF_UNIX)
        made_to.connect(f"{self._folder}/.s.PGSQL.{self._server[1]}")
        return made_to

    def _accept(self) -> None:
        while True:
            try:
                desk, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(desk, self._dial()), daemon=True).start()

    def _carry(self, desk: socket.socket, server: socket.socket) -> None:
        lost = False
        with desk, server:
            while True:
                ready, _, _ = sockets.select([desk, server], [], [], 60)
                for one in ready:
                    try:
                        data = one.recv(65536)
                    except OSError:
                        return
                    if not data:
                        return
                    if one is desk:
                        lost = lost or self._is_last(data)
                        server.sendall(data)
                    elif lost:  # the server has answered, so it is committed; the desk never hears of it
                        self.cuts += 1
                        return
                    else:
                        desk.sendall(data)
                if not ready:
                    return

    def _is_last(self, data: bytes) -> bool:
        if b"COMMIT" not in data:
            return False
        with self._guard:
            self._commits += 1
            return self._commits == self._cut_at


@pytest.fixture
def line(database_url: str) -> Iterator[Line]:
    made_line = Line(database_url)
    yield made_line
    made_line.close()


async def _once(core: Core, world: World, clock: ElasticClock, invoice: int, number: str) -> None:
    for _ in range(6):
        clock.advance(170)
        report = await core.sync([(Kind.INVOICE, invoice)])
        if report.clean:
            break
    assert report.clean, report
    (there,) = [one for one in world.books()["invoices"] if one["number"] == number]
    assert there["balance"] == "130.00"
    check_quiet(world)


async def test_S8_a_commit_whose_answer_is_lost_is_looked_up_by_its_intention(
    line: Line, database_url: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    """The answer of the n-th commit of a push is lost, for every n: nobody knows, so the tables are asked."""
    clock = ElasticClock(control)
    more: dict[str, Any] = {"clock": clock, "store": MemoryStore()}
    async with connected_core(tmp_path / "direct", sandbox, control, database=database_url, **more) as direct:
        desk = await Core.open(options(tmp_path / "far", sandbox.services, database=line.url, account="far", **more))
        world = World("quickbooks", control, [direct])
        try:
            told = 0
            for nth in (2, 4, 6, 8, 10):
                invoice = await direct.do(write, f"Far Away {nth}", f"S8-{nth}", "30")
                await map_all(direct, "quickbooks")
                line.cut_after(nth)
                try:
                    await desk.sync([(Kind.INVOICE, invoice)])
                except StorageProblem as problem:
                    assert isinstance(problem, DatabaseUnreachable), problem
                    told += 1
                line.cut_after(0)
                check_always(world)
                await _once(direct, world, clock, invoice, f"S8-{nth}")
            assert line.cuts >= 4 and told >= 4
            assert len(made(world, "invoice")) == len(made(world, "payment")) == 5
        finally:
            await desk.close()


async def test_S8_connections_ended_by_the_server_in_the_middle_of_a_run(
    database_url: str, tmp_path: Path, sandbox: Any, control: Control
) -> None:
    """A restart or failover ends every connection; the next unit of work gets a new one."""
    clock = ElasticClock(control)
    async with connected_core(tmp_path / "desk", sandbox, control, database=database_url, clock=clock) as core:
        world = World("quickbooks", control, [core])
        for place in ("intent.committed", "reply.read", "link.committed"):
            invoice = await core.do(write, f"Cut {place}", f"S8-{place}"[:20], "30")
            await map_all(core, "quickbooks")
            crashpoint.install(_once_at(place, lambda: _end_all(database_url)))
            try:
                await core.sync([(Kind.INVOICE, invoice)])
            except StorageProblem as problem:
                assert isinstance(problem, DatabaseUnreachable)
            finally:
                crashpoint.install(None)
            check_always(world)
            await _once(core, world, clock, invoice, f"S8-{place}"[:20])
        unit = core.db.write()
        with pytest.raises(DatabaseUnreachable), unit as session:
            session.execute(text("SELECT 1"))
            _end_all(database_url)
            session.execute(text("SELECT 1"))
        assert await core.connection() is not None


def _once_at(place: str, act: Callable[[], None]) -> Callable[[str], None]:
    def handler(name: str) -> None:
        if name == place:
            crashpoint.install(None)
            act()

    return handler


def _end_all(database_url: str) -> None:
    name = make_url(database_url).database
    admin = make_url(os.environ["BLUECLERK_TEST_POSTGRES"]).set(drivername="postgresql").render_as_string(False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
