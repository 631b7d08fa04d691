"""What an owner does with the settings and the wizard, and what is in the books then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QWidget, QWizard

from desktop.books import queries
from desktop.core import Core
from desktop.ui import operations
from desktop.ui.routes import Route
from desktop.ui.settings_page import SettingsPage
from desktop.wizard.wizard import SetupWizard, prepare
from tests.helpers.desk import consent
from tests.helpers.waiting import until

BUTTONS = QWizard.WizardButton


class Went:
    """A navigator that notes where it was sent."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def go(self, route: Route) -> None:
        self.routes.append(route)


class Browser:
    """Plays the owner in the browser: follows each address and agrees, unless told otherwise."""

    def __init__(self, *, deny: bool = False, opens: bool = True) -> None:
        self.deny, self.opens = deny, opens
        self.urls: list[str] = []
        self.tasks: list[asyncio.Task[Any]] = []

    def __call__(self, url: str) -> bool:
        self.urls.append(url)
        if self.opens:
            self.tasks.append(asyncio.get_running_loop().create_task(consent(url, deny=self.deny)))
        return self.opens

    async def done(self) -> None:
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def still() -> None:
    await until(lambda: not operations.pending(), 20)


def page_in(core: Core, window: QWidget) -> SettingsPage:
    from PySide6.QtWidgets import QVBoxLayout

    page = SettingsPage(core, Went(), window)
    box = QVBoxLayout(window)
    box.addWidget(page)
    page.show()
    return page


async def page_at(core: Core, window: QWidget, route: Route) -> SettingsPage:
    """The settings, opened at this place and done with reading."""
    page = page_in(core, window)
    page.open(route)
    await still()
    return page


def shown(window: QWidget, kind: type) -> Any:
    return next((one for one in window.findChildren(kind) if one.isVisible()), None)


async def until_shown(window: QWidget, kind: type, check: Callable[[Any], bool] = lambda _found: True) -> Any:
    await until(lambda: (found := shown(window, kind)) is not None and check(found), 20)
    return shown(window, kind)


class Nowhere:
    """A navigator for a page that stands alone."""

    def go(self, route: Route) -> None:
        return


async def wizard_on(core: Core, window: QWidget, only: str = "") -> SetupWizard:
    made = await prepare(core, window, only)
    made.open()
    await still()
    return made


async def press(wizard: SetupWizard, which: QWizard.WizardButton) -> None:
    button = wizard.button(which)
    assert button.isVisible() and button.isEnabled(), button.text()
    button.click()
    await still()


async def forward(wizard: SetupWizard) -> None:
    kinds = (BUTTONS.CommitButton, BUTTONS.NextButton, BUTTONS.FinishButton)
    await press(wizard, next(which for which in kinds if wizard.button(which).isVisible()))


async def leave(wizard: SetupWizard) -> None:
    wizard.reject()
    await until(lambda: not operations.pending())


async def customers_here(core: Core) -> list[queries.CustomerRow]:
    key = await core.company_key()
    ids = await core.ask(queries.customer_ids, queries.CustomerFilter(active=None), queries.Sort("name", False), key)
    return await core.ask(queries.customer_rows, list(ids), key)


async def items_here(core: Core) -> list[queries.ItemRow]:
    key = await core.company_key()
    ids = await core.ask(queries.item_ids, queries.ItemFilter(active=None), queries.Sort("name", False), key)
    return await core.ask(queries.item_rows, list(ids), key)
