"""Gives a fault test its desk: one for each service that it is about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.world import Desk, Template, make_template, open_desk
from tests.helpers.control import Control
from tests.sync.desk_process import Desks

OpenDesk = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Template]]:
    """A folder, and the connected desks that were made in it so far."""
    return tmp_path_factory.mktemp("templates"), {}


@pytest.fixture
def desk_on(templates: tuple[Path, dict[str, Template]], tmp_path: Path, sandbox: Any, control: Control) -> OpenDesk:
    """Opens a desk on a service: `async with desk_on("xero") as desk`. The same `name` twice shares its books."""
    folder, known = templates

    @asynccontextmanager
    async def open_one(service: str, name: str = "data", **more: Any) -> AsyncIterator[Desk]:
        if service not in known:
            known[service] = await make_template(folder / service, sandbox, control, service)
            control.reset()
        asyncio.get_running_loop().set_debug(False)  # it doubles the time of these tests, which have many tasks
        async with open_desk(known[service], tmp_path / "desks" / name, sandbox, control, service, **more) as desk:
            yield desk

    return open_one


@pytest.fixture(scope="module")
def desks() -> Iterator[Desks]:
    """Starts desks as processes of their own."""
    made = Desks()
    yield made
    made.close()
