"""Gives sync tests a connected desk."""

from __future__ import annotations

import asyncio
import functools
import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.models.session import sqlite_path
from desktop.providers.records import ProviderKey
from tests.helpers.control import Control
from tests.helpers.office import Office, open_office
from tests.helpers.restoring import sending
from tests.sync.desk_process import Desks


@pytest.fixture
def service() -> str:
    """The service that an office is connected to."""
    return "quickbooks"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs what is marked `every_service` over all four, not only over the first; `but` names those left out."""
    mark = metafunc.definition.get_closest_marker("every_service")
    if "service" in metafunc.fixturenames and mark is not None:
        left_out = mark.kwargs.get("but", ())
        metafunc.parametrize("service", [key.value for key in ProviderKey if key.value not in left_out])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The second database is enough over one service: what differs between the services is no matter of tables."""

    def twice(item: pytest.Item) -> bool:
        values = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        return values.get("database_url") == "postgres" and values.get("service", "quickbooks") != "quickbooks"

    left = [item for item in items if twice(item)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if not twice(item)]


@pytest.fixture
def office(
    database_url: str, tmp_path: Path, sandbox: Any, control: Control, empty_books: Path, service: str
) -> Iterator[Office]:
    """A desk connected to the sandbox's demo company, Auto-Sync on. Its HTTP client lives on the test's own loop."""
    control.service = service
    path = sqlite_path(database_url)
    if path is not None:
        shutil.copyfile(empty_books, path)
    made = asyncio.run(open_office(database_url, tmp_path, control, sandbox.services, migrated=path is not None))
    yield made
    made.db.close()


@pytest.fixture
def send(tmp_path: Path, sandbox: Any, control: Control, service: str) -> Any:
    """Sends an invoice of which the copy of the books, taken before, knows nothing."""
    control.service = service
    return functools.partial(sending, tmp_path, sandbox, control)


@pytest.fixture(scope="module")
def desks() -> Iterator[Desks]:
    """Starts desks as processes of their own."""
    made = Desks()
    yield made
    made.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Closes the desk's HTTP client before the loop that it lives on ends."""
    desk = pyfuncitem.funcargs.get("office")
    test = pyfuncitem.obj
    if isinstance(desk, Office) and inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def closing(**values: Any) -> None:
            try:
                await test(**values)
            finally:
                await desk.http.close()

        pyfuncitem.obj = closing
    return (yield)
