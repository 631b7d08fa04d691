"""What several of the end-to-end tests stand on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.helpers.programs import wait_for


@pytest.fixture(scope="session")
def tray_host(qapp: Any) -> Iterator[None]:
    """A tray on this screen: the one that is there, or one of our own (a tray may come and go)."""
    from desktop.app import make_application

    make_application()
    if tray_comes(3):
        yield
        return
    with subprocess.Popen(["trayer"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as host:
        try:
            assert tray_comes(10), "no tray came up"
            yield
        finally:
            host.terminate()


def tray_comes(seconds: float) -> bool:
    from PySide6.QtWidgets import QApplication, QSystemTrayIcon

    def there() -> bool:
        QApplication.processEvents()
        return QSystemTrayIcon.isSystemTrayAvailable()

    with suppress(AssertionError):
        wait_for(there, seconds)
    return there()
