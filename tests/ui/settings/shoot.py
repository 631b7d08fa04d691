"""Draws the settings and the wizard over the sandbox: `python -m tests.ui.settings.shoot FOLDER [look [service]]`.

Without a look: all of them, for each of the four services, each in a folder of its own.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
LOOKS = {
    "light": ("light", "1", (1180, 760)),
    "dark": ("dark", "1", (1180, 760)),
    "light150": ("light", "1.5", (853, 480)),
    "small": ("light", "1", (853, 480)),
}


SERVICES = ("quickbooks", "xero", "freshbooks", "wave")


async def _first(companies: Any) -> Any:
    return companies[0]


async def _draw(folder: Path, size: tuple[int, int], service: str) -> None:
    from desktop.books.customers import CustomerDraft, create_customer
    from desktop.books.items import ItemDraft, create_item
    from desktop.kinds import CustomerKind
    from desktop.sandbox.server import start_in_thread
    from desktop.wizard.shots import shoot_all
    from tests.helpers.control import Control
    from tests.helpers.desk import open_core, sign_in

    server = start_in_thread()
    control = Control(server.base, server.control_secret)
    control.reset()
    with tempfile.TemporaryDirectory() as home:
        async with open_core(Path(home) / "desk", server) as core:
            if service == SERVICES[0]:
                await shoot_all(core, folder, size=size, prefix="0-")
            core.choose_company = _first
            await sign_in(core, service)
            for name in ("E. Alvarez", "Blue Heron Cafe", "Mary Mason", "Ming's Noodle House"):
                await core.do(create_customer, CustomerDraft(display_name=name, kind=CustomerKind.HOMEOWNER))
            for name in ("Drain check", "Plumbing survey", "Service call"):
                await core.do(create_item, ItemDraft(name=name))
            await shoot_all(core, folder, size=size)
    control.close()
    server.stop()


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]).resolve()
    if len(arguments) == 1:
        for look in LOOKS:
            for service in SERVICES:
                command = [sys.executable, "-m", "tests.ui.settings.shoot", str(folder / look / service), look, service]
                subprocess.run(command, check=True)
        return 0
    mode, scale, size = LOOKS[arguments[1]]
    os.environ.update({"QT_SCALE_FACTOR": scale, "QT_API": "pyside6"})
    import qasync
    from PySide6.QtCore import QLocale
    from PySide6.QtWidgets import QApplication

    from desktop.ui.theme import Mode, theme

    app = QApplication([])
    app.setQuitOnLastWindowClosed(False)
    QLocale.setDefault(QLocale("en_US"))
    theme().set_calm(True)
    theme().set_mode(Mode(mode))
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    with loop:
        loop.run_until_complete(_draw(folder, size, (arguments[2:] or SERVICES)[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
