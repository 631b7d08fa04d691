"""A whole `Core` over the sandbox: connected the way an owner connects, with the browser played by an HTTP client."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

from desktop.clock import Clock, SystemClock, SystemEntropy
from desktop.core import Core, Options, ServiceAddress
from desktop.providers.base import Endpoints
from desktop.providers.records import CompanyRef, ProviderKey
from desktop.sync.secrets import MemoryStore, SecretStore
from tests.helpers.control import Control
from tests.helpers.ports import callback_ports


def addresses(services: dict[str, Any]) -> dict[ProviderKey, ServiceAddress]:
    """The sandbox's services as `Core` wants them."""
    found = {}
    for name, service in services.items():
        endpoints = Endpoints(
            api=service["api"],
            authorize=service["authorize"],
            token=service["token"],
            revoke=service["revoke"],
            discovery=service["discovery"],
        )
        found[ProviderKey(name)] = ServiceAddress(endpoints)
    return found


def options(
    folder: Path,
    services: dict[str, Any],
    *,
    database: str = "",
    account: str = "owner",
    clock: Clock | None = None,
    store: SecretStore | None = None,
    open_browser: Callable[[str], bool] = lambda url: True,
) -> Options:
    """Options for a desk whose data lies in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return Options(
        database=database or str(folder / "blueclerk.db"),
        data_dir=folder,
        store=store or MemoryStore(),
        account=account,
        clock=clock or SystemClock(),
        entropy=SystemEntropy(),
        addresses=addresses(services),
        open_browser=open_browser,
        callback_ports=callback_ports(services),
    )


@asynccontextmanager
async def open_core(folder: Path, sandbox: Any, **more: Any) -> AsyncIterator[Core]:
    """A desk with the sandbox's app keys entered and nothing connected."""
    core = await Core.open(options(folder, sandbox.services, **more))
    try:
        keys = await core.app_keys()
        for name, service in sandbox.services.items():
            await keys.save(name, "sandbox", service["client_id"], service["client_secret"])
        yield core
    finally:
        await core.close()


@asynccontextmanager
async def connected_core(folder: Path, sandbox: Any, control: Control, **more: Any) -> AsyncIterator[Core]:
    """A desk connected to the demo company; its settings are read, Auto-Sync is off."""
    async with open_core(folder, sandbox, **more) as core:
        await sign_in(core)
        yield core


async def sign_in(
    core: Core,
    service: str = "quickbooks",
    *,
    company: str = "",
    deny: bool = False,
    allow_other: bool = False,
    meanwhile: Callable[[], object] | None = None,
) -> httpx.Response:
    """Press Connect, agree in the "browser", wait for the confirmation, read the company's settings.

    `allow_other` lets another company than the last one be connected. `meanwhile` is done after the consent and before
    the browser comes back with it. The answer is the page that the browser ends on.
    """
    flow = await core.sign_in()
    page = await flow.begin(service, allow_other_company=allow_other)
    waiting = asyncio.create_task(flow.wait())
    answer = await consent(page.url, company=company, deny=deny, meanwhile=meanwhile)
    await waiting
    await core.after_connecting()
    return answer


async def sign_in_to_demo(core: Core, sandbox: Any, service: str) -> httpx.Response:
    """The same, with the demo company picked where the service leaves the choice of a company to us."""
    wanted = sandbox.services[service]["company_id"]
    core.choose_company = choosing(lambda one: one.external_id == wanted)
    return await sign_in(core, service)


def choosing(fits: Callable[[CompanyRef], bool]) -> Callable[[Sequence[CompanyRef]], Awaitable[CompanyRef]]:
    """An owner who picks the first company that `fits`."""

    async def choose(companies: Sequence[CompanyRef]) -> CompanyRef:
        return next(one for one in companies if fits(one))

    return choose


async def consent(
    url: str, *, company: str = "", deny: bool = False, meanwhile: Callable[[], object] | None = None
) -> httpx.Response:
    """What a person does on the consent page: pick a company, press Approve or Deny, follow the browser back."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        page = await client.get(url)
        page.raise_for_status()
        form = dict(hidden_fields(page.text))
        companies = re.findall(r'name="company_id"[^>]*value="([^"]+)"', page.text) or re.findall(
            r'type="radio"[^>]*value="([^"]+)"', page.text
        )
        radio = re.search(r'type="radio"[^>]*name="([^"]+)"|name="([^"]+)"[^>]*type="radio"', page.text)
        if radio is not None:
            form[radio.group(1) or radio.group(2)] = company or companies[0]
        buttons = re.findall(r"<button[^>]*>", page.text)
        chosen = next(b for b in buttons if ("deny" in b.lower()) == deny)
        name, value = re.search(r'name="([^"]+)"', chosen), re.search(r'value="([^"]+)"', chosen)
        if name and value:
            form[name.group(1)] = value.group(1)
        action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
        target = urljoin(url, html.unescape(action.group(1))) if action and action.group(1) else url
        answer = await client.post(target, data=form)
        assert answer.is_redirect, f"{answer.status_code} {answer.text[:300]}"
        if meanwhile is not None:
            meanwhile()
        return await client.get(answer.headers["location"])


def hidden_fields(page: str) -> list[tuple[str, str]]:
    """Name and value of each hidden field of a page."""
    found = []
    for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            found.append((name.group(1), html.unescape(value.group(1)) if value else ""))
    return found
