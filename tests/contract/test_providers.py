"""Every service of the registry over its sandbox, and the fake in memory: one suite, no exceptions by name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from desktop.providers.registry import SERVICES
from tests.contract.provider_contract import ProviderContract
from tests.contract.sides import Made, in_memory, over_sandbox

FAKE = "fake"
EVERYBODY = [*(key for key, info in SERVICES.items() if info.available), FAKE]


@pytest.fixture(params=EVERYBODY, ids=str)
def opened(request: pytest.FixtureRequest) -> Callable[[], AbstractAsyncContextManager[Made]]:
    """Connects the provider in turn."""
    if request.param == FAKE:
        return in_memory
    control = request.getfixturevalue("control")
    return partial(over_sandbox, SERVICES[request.param], request.getfixturevalue("sandbox"), control)


class TestEveryProvider(ProviderContract):
    """See `provider_contract`."""
