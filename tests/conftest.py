"""What every test gets: its own home, an empty password store, no network, and silence that is checked.

`async def test_*` runs on a plain asyncio loop, or on the Qt loop if it (or its fixtures) asks for `qloop`.
Settings from outside:
BLUECLERK_TEST_POSTGRES  URL of a server on which databases may be made
BLUECLERK_TEST_KEYRING   1 where the session has a real, unlocked password store
BLUECLERK_TEST_DISPLAY   1 to use the screen that is there; all windows are drawn off screen otherwise
BLUECLERK_REQUIRE        marks (postgres,keyring,browser,display) of which a skipped test is a failure; and specs,
                         where the services' own files have to lie beside the project
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not os.environ.get("BLUECLERK_TEST_DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # nothing flashes up, nobody's focus is taken
os.environ["QT_API"] = "pyside6"

import pytest

from tests.helpers.coroutines import bounded, cancel_rest, collect, describe, run_plain
from tests.helpers.keyrings import MemoryKeyring
from tests.helpers.logfail import Canaries, Recorder
from tests.helpers.offline import stay_on_loopback
from tests.helpers.statements import compile_once

if TYPE_CHECKING:
    from tests.helpers.control import Control

REQUIRED = {mark for mark in os.environ.get("BLUECLERK_REQUIRE", "").split(",") if mark}
COROUTINE_SECONDS = 60.0


def pytest_configure() -> None:
    stay_on_loopback()
    compile_once()


# --- coroutine tests ---


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        names = getattr(item, "fixturenames", [])
        if "qloop" in names and inspect.iscoroutinefunction(getattr(item, "obj", None)):
            names.remove("qloop")
            names.insert(0, "qloop")  # made first, so that it is closed last


def pytest_collection_finish() -> None:
    """What was imported and collected stays: looking through it again and again costs a good part of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    mark = pyfuncitem.get_closest_marker("timeout")
    seconds = float(mark.args[0]) - 2 if mark and mark.args else COROUTINE_SECONDS
    test = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames})
    if "qloop" in pyfuncitem.funcargs:
        pyfuncitem.funcargs["qloop"].run_until_complete(bounded(test, seconds))
    else:
        run_plain(test, seconds)
    return True


@pytest.fixture
def qloop(qapp: Any) -> Iterator[asyncio.AbstractEventLoop]:
    """The Qt event loop as asyncio's loop. Fails on a task left running and on an exception nobody saw."""
    import qasync

    loop = qasync.QEventLoop(qapp)
    asyncio.set_event_loop(loop)
    problems: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: problems.append(context))
    yield loop
    left = loop.run_until_complete(cancel_rest())
    collect()
    loop.close()
    asyncio.set_event_loop(None)
    assert not problems, [describe(problem) for problem in problems]
    assert not left, f"tasks left running: {left}"


# --- what this machine may lack ---

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
LACKING = {
    "postgres": (lambda: os.environ.get("BLUECLERK_TEST_POSTGRES"), "BLUECLERK_TEST_POSTGRES names no server"),
    "keyring": (lambda: os.environ.get("BLUECLERK_TEST_KEYRING"), "BLUECLERK_TEST_KEYRING is not set"),
    "display": (lambda: os.environ.get("BLUECLERK_TEST_DISPLAY"), "BLUECLERK_TEST_DISPLAY is not set"),
    "browser": (lambda: any(map(shutil.which, BROWSERS)), "no Chromium was found"),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark, (present, reason) in LACKING.items():
        if item.get_closest_marker(mark) and not present():
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    missing = sorted(REQUIRED.intersection(mark.name for mark in item.iter_markers()))
    if report.skipped and missing and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but {', '.join(missing)} is required here: {report.longrepr}"
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Where a file of hits is named, a test that carries a fault's id and passes counts as one of its hits."""
    if os.environ.get("BLUECLERK_HITS") and report.when == "call" and report.passed and not hasattr(report, "node"):
        from tests.machine.hits import ids_in, struck

        for fault in ids_in(report.nodeid.rpartition("::")[2]):
            struck(fault)


# --- isolation ---


@pytest.fixture(autouse=True)
def tmp_home(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path | None:
    """A new, empty home folder; the user's own data, settings and caches are out of reach."""
    if request.node.get_closest_marker("real_home"):
        return None
    home: Path = request.getfixturevalue("tmp_path") / "home"
    for name, part in {
        "HOME": "",
        "USERPROFILE": "",
        "APPDATA": "AppData/Roaming",
        "LOCALAPPDATA": "AppData/Local",
        "XDG_DATA_HOME": ".local/share",
        "XDG_CONFIG_HOME": ".config",
        "XDG_CACHE_HOME": ".cache",
        "XDG_STATE_HOME": ".local/state",
    }.items():
        folder = home / part
        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv(name, str(folder))
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return home


@pytest.fixture(autouse=True)
def memory_keyring(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MemoryKeyring | None:
    """An empty store in memory with Windows' limit of 2,560 bytes, in place of the user's own.

    A test marked `keyring` gets the real one (None here).
    """
    import keyring.core

    if request.node.get_closest_marker("keyring"):
        return None
    store = MemoryKeyring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", store)
    return store


@pytest.fixture(autouse=True)
def quiet_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test during which our code logged an ERROR that its mark `allow_errors` does not name."""
    recorder = Recorder(logging.ERROR)
    loggers = [logging.getLogger(name) for name in ("desktop", "asyncio")]
    for logger in loggers:
        logger.addHandler(recorder)
    yield
    for logger in loggers:
        logger.removeHandler(recorder)
    mark = request.node.get_closest_marker("allow_errors")
    allowed = (mark.args or ("",)) if mark else ()
    unexpected = [line for line in recorder.lines if not any(part in line for part in allowed)]
    assert not unexpected, f"unexpected log records: {unexpected}"


@pytest.fixture
def canaries(tmp_path: Path) -> Iterator[Canaries]:
    """Secrets to use as tokens and passwords; fails if one is logged or lies in the test's folder."""
    watched, recorder = Canaries(), Recorder()
    root, levels = logging.getLogger(), {}
    for name in ("", "desktop", "httpx", "httpcore", "keyring", "sqlalchemy.engine"):
        logger = logging.getLogger(name)
        levels[logger] = logger.level
        logger.setLevel(logging.DEBUG)
    root.addHandler(recorder)
    yield watched
    root.removeHandler(recorder)
    for logger, level in levels.items():
        logger.setLevel(level)
    watched.assert_silent(recorder.lines, tmp_path)


# --- the two databases ---


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database of this test's own without rows: a new SQLite file, and PostgreSQL where a server is named."""
    if request.param == "sqlite":
        yield f"sqlite:///{(tmp_path / 'blueclerk.db').as_posix()}"
        return
    # how books begin is the own matter of a few tests
    empty = any(place in request.node.nodeid for place in ("tests/models/", "tests/test_harness"))
    with _server_database("template0" if empty else request.getfixturevalue("server_template")) as url:
        yield url


@contextmanager
def _server_database(template: str) -> Iterator[str]:
    import psycopg
    from psycopg.sql import SQL, Identifier
    from sqlalchemy.engine import make_url

    url, name = make_url(os.environ["BLUECLERK_TEST_POSTGRES"]), f"test_{uuid.uuid4().hex}"
    admin = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture(scope="session")
def server_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a PostgreSQL database with this version's empty tables: a copy of it is quicker than new ones."""
    from sqlalchemy.engine import make_url

    from desktop.clock import SystemClock
    from desktop.models.migrate import migrate

    with _server_database("template0") as url:
        migrate(url, SystemClock(), backup_dir=tmp_path_factory.mktemp("template"))
        name = make_url(url).database
        assert name is not None
        yield name


@pytest.fixture
def last_window_ends_nothing(qapp: Any) -> Iterator[None]:
    """As the program itself has it: only its own Quit ends it."""
    before = qapp.quitOnLastWindowClosed()
    qapp.setQuitOnLastWindowClosed(False)
    yield
    qapp.setQuitOnLastWindowClosed(before)


@pytest.fixture(scope="session")
def empty_books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with this version's tables and nothing in them, made once: to copy."""
    from desktop.clock import SystemClock
    from desktop.models.session import open_database

    folder = tmp_path_factory.mktemp("books")
    open_database(str(folder / "empty.db"), SystemClock(), backup_dir=folder / "backups").close()
    return folder / "empty.db"


# --- the sandbox ---


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Any]:
    """One sandbox for the whole run, in a thread, on a free loopback port; it knows this process's callback ports."""
    from desktop.sandbox.server import start_in_thread
    from tests.helpers.ports import callback_address, own_ports

    with own_ports() as ports:
        server = start_in_thread(redirect_uris=[callback_address(port) for port in ports])
        yield server
        server.stop()


@pytest.fixture
def control(sandbox_server: Any) -> Iterator[Control]:
    """The sandbox's control interface, just reset to the demo company."""
    from tests.helpers.control import Control

    client = Control(sandbox_server.base, sandbox_server.control_secret)
    client.reset()
    yield client
    client.close()


@pytest.fixture
def sandbox(sandbox_server: Any, control: Control) -> Any:
    """The sandbox as if new: `.base`, `.services`, `.control_secret`."""
    return sandbox_server
