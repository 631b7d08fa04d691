"""Signing in and out against the sandbox: consent page, callback or paste, companies (A1, A17, C1-C8, W1-W3)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import select, update

from desktop.clock import SystemClock, SystemEntropy
from desktop.errors import (
    AppKeysWrong,
    CancelledByOwner,
    InputError,
    NotAllowed,
    Offline,
    SignInRefused,
    WrongCompany,
)
from desktop.models.connection import Connection, ExternalLink
from desktop.models.session import Database, db_now
from desktop.models.states import Switches
from desktop.models.work import ActivityRow
from desktop.providers.base import AccessToken, AppKeys, Endpoints
from desktop.providers.http import ServiceHttp
from desktop.providers.records import CompanyRef, ProviderKey, TokenGrant
from desktop.providers.registry import SERVICES
from desktop.sync.connect import Progress, SignInFlow, SignInPage, SignInService, Stage, challenge
from desktop.sync.connection_rows import Connected
from desktop.sync.leases import Leases
from desktop.sync.secrets import Cipher
from desktop.sync.tokens import Tokens, open_grant, token_lease
from tests.helpers.control import Control
from tests.helpers.logfail import Canaries
from tests.signin.helpers import columns, unlocked

ANY = (0, 0, 0)


class OneToken:
    """The token of a grant that is not stored yet."""

    def __init__(self, grant: TokenGrant) -> None:
        self._token = AccessToken(grant.access_token, 0)

    async def __call__(self, refused: AccessToken | None = None) -> AccessToken:
        return self._token


@dataclass
class Office:
    """A desk, the sandbox, and a person with a browser."""

    db: Database
    cipher: Cipher
    sandbox: Any
    control: Control
    flow: SignInFlow = field(init=False)
    opened: list[str] = field(default_factory=list)
    keys: AppKeys | None = None
    environment: str = "sandbox"
    redirect_uri: str = ""
    identify: Callable[[TokenGrant, str | None], Awaitable[Sequence[CompanyRef]]] | None = None
    provider: str = "quickbooks"
    can_open: bool = True

    def __post_init__(self) -> None:
        self.flow = self.new_flow()

    def new_flow(self, **options: Any) -> SignInFlow:
        values: dict[str, Any] = {"ports": ANY, "account": "maria"} | options
        return SignInFlow(
            self.db,
            self.cipher,
            SystemClock(),
            SystemEntropy(),
            Leases(self.db, "desk"),
            services=self.service,
            open_browser=self._open,
            **values,
        )

    def _open(self, url: str) -> bool:
        self.opened.append(url)
        return self.can_open

    async def service(self, provider_key: str) -> SignInService:
        ready = self.sandbox.services["quickbooks"]
        addresses = {name: ready[name] for name in ("api", "authorize", "token", "revoke", "discovery")}
        keys = self.keys or AppKeys(ready["client_id"], ready["client_secret"])
        sign_in = SERVICES[ProviderKey.QUICKBOOKS].make_sign_in(Endpoints(**addresses), keys, clock=SystemClock())
        sign_in.key = ProviderKey(self.provider)
        return SignInService(sign_in, self.environment, self.identify or self._look, self.redirect_uri, sign_in.close)

    async def _look(self, grant: TokenGrant, hinted: str | None) -> Sequence[CompanyRef]:
        """The company's name out of its own settings, as the program reads it."""
        assert hinted is not None
        http = ServiceHttp(
            base=self.sandbox.services["quickbooks"]["api"],
            service="QuickBooks",
            tokens=OneToken(grant),
            clock=SystemClock(),
            entropy=SystemEntropy(),
        )
        provider = SERVICES[ProviderKey.QUICKBOOKS].make_provider(http, CompanyRef(hinted))
        try:
            return [(await provider.settings()).company]
        finally:
            await http.close()

    async def consent(self, page: SignInPage, *, decision: str = "approve", company: int = 0) -> str:
        """What a person does on the service's page; the address that the browser is sent to."""
        self.control.settings(redirect_uris=[page.redirect_uri])
        async with httpx.AsyncClient(trust_env=False) as browser:
            shown = await browser.get(page.url)
            assert shown.status_code == 200, shown.text
            ticket = re.search(r'name="ticket" value="([^"]+)"', shown.text)
            action = re.search(r'action="([^"]+)"', shown.text)
            companies = re.findall(r'name="company" value="([^"]+)"', shown.text)
            assert ticket and action
            form = {"ticket": ticket[1], "company": companies[company], "decision": decision}
            answer = await browser.post(f"{self.sandbox.base}{action[1]}", data=form)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def visit(self, address: str) -> int:
        async with httpx.AsyncClient(trust_env=False) as browser:
            return (await browser.get(address)).status_code

    async def connect(self, *, company: int = 0, **begin: Any) -> Connected:
        page = await self.flow.begin(self.provider, **begin)
        waiting = asyncio.create_task(self.flow.wait())
        assert await self.visit(await self.consent(page, company=company)) == 200
        return await waiting

    def sandbox_company(self) -> str:
        return str(self.control.books()["company"]["name"])  # type: ignore[call-overload]

    def token_calls(self) -> int:
        return len(self.control.ledger(op="token"))

    def rows(self) -> list[Connection]:
        with self.db.read() as session:
            return list(session.scalars(select(Connection).order_by(Connection.id)))

    def change(self, **values: Any) -> None:
        with self.db.write() as session:
            session.execute(update(Connection).where(Connection.live == 1).values(**values))

    def activity(self) -> list[tuple[str, str, str, str]]:
        with self.db.read() as session:
            rows = session.scalars(select(ActivityRow).order_by(ActivityRow.id))
            return [(row.action, row.direction, row.result, row.actor) for row in rows]


@pytest.fixture
def office(file_db: Database, sandbox: Any, control: Control) -> Iterator[Office]:
    yield Office(file_db, unlocked(), sandbox, control)


# --- connecting ---


async def test_M2_M3_consent_in_the_browser_ends_in_a_connection(office: Office) -> None:
    seen: list[Progress] = []
    page = await office.flow.begin("quickbooks")
    assert page.browser_opened
    assert page.listening
    assert office.opened == [page.url]
    waiting = asyncio.create_task(office.flow.wait(seen.append))
    assert await office.visit(await office.consent(page)) == 200
    done = await waiting
    assert [step.stage for step in seen] == [Stage.WAITING, Stage.EXCHANGING, Stage.CONNECTED]
    assert seen[-1].company_name == done.company.name == office.sandbox_company()
    (row,) = office.rows()
    assert (row.live, row.provider, row.environment, row.state) == (1, "quickbooks", "sandbox", "connected")
    assert (row.company_id, row.company_name) == (done.company.external_id, done.company.name)
    assert row.redirect_uri == page.redirect_uri
    assert not Switches.from_json(row.switches).auto
    assert office.activity() == [("connected", "here", "noted", "maria")]
    assert office.token_calls() == 1


async def test_the_stored_token_works_and_is_refreshed(office: Office) -> None:
    done = await office.connect()
    service = await office.service("quickbooks")
    tokens = Tokens(
        office.db,
        office.cipher,
        service.sign_in,
        Leases(office.db, "desk"),
        SystemClock(),
        SystemEntropy(),
        done.connection_id,
    )
    first = await tokens()
    assert first.version == 1
    assert (await tokens(first)).version == 2
    assert len(office.control.ledger(op="refresh")) == 1
    await service.close()


async def test_I22_state_is_long_random_and_carries_the_port(office: Office) -> None:
    states = set()
    for _ in range(5):
        page = await office.flow.begin("quickbooks")
        assert parse_qs(urlsplit(page.url).query)["state"] == [page.state]
        nonce, _, port = page.state.partition(".")
        assert len(nonce) >= 32
        assert page.redirect_uri == f"http://localhost:{port}/callback"
        states.add(nonce)
    assert len(states) == 5
    await office.flow.cancel()


async def test_C1_C3_strange_and_repeated_callbacks_make_no_token_call(office: Office) -> None:
    page = await office.flow.begin("quickbooks")
    waiting = asyncio.create_task(office.flow.wait())
    for query in ("code=x", "code=x&state=guess", f"code=x&state={page.state}&state={page.state}"):
        assert await office.visit(f"{page.redirect_uri}?{query}") == 400
    assert office.token_calls() == 0
    address = await office.consent(page)
    assert await office.visit(address) == 200
    await waiting
    with pytest.raises(httpx.ConnectError):
        await office.visit(address)
    assert office.token_calls() == 1


async def test_C8_a_new_attempt_ends_the_old_one_and_its_state(office: Office) -> None:
    first = await office.flow.begin("quickbooks")
    waiting = asyncio.create_task(office.flow.wait())
    await asyncio.sleep(0)
    second = await office.flow.begin("quickbooks")
    with pytest.raises(CancelledByOwner):
        await waiting
    again = asyncio.create_task(office.flow.wait())
    late = urlsplit(await office.consent(first)).query
    assert await office.visit(f"{second.redirect_uri}?{late}") == 400
    assert office.token_calls() == 0
    await office.flow.cancel()
    with pytest.raises(CancelledByOwner):
        await again


# --- not connecting ---


async def test_M139_denied_consent_says_so_and_trying_again_works(office: Office) -> None:
    page = await office.flow.begin("quickbooks")
    waiting = asyncio.create_task(office.flow.wait())
    assert await office.visit(await office.consent(page, decision="deny")) == 200
    with pytest.raises(SignInRefused) as raised:
        await waiting
    assert "did not allow" in raised.value.title
    assert not office.rows()
    assert office.token_calls() == 0
    await office.connect()


async def test_M139_C7_time_runs_out(office: Office) -> None:
    office.flow = office.new_flow(wait_seconds=0.05)
    page = await office.flow.begin("quickbooks")
    with pytest.raises(SignInRefused) as raised:
        await office.flow.wait()
    assert "not finished within" in raised.value.title
    assert page.redirect_uri in raised.value.advice
    with pytest.raises(httpx.ConnectError):
        await office.visit(f"{page.redirect_uri}?code=x&state={page.state}")
    assert not office.rows()


async def test_C7_the_port_closes_in_time_even_if_nobody_waits(office: Office) -> None:
    office.flow = office.new_flow(wait_seconds=0.05)
    page = await office.flow.begin("quickbooks")

    async def closed() -> bool:
        try:
            await office.visit(page.redirect_uri)
        except httpx.TransportError:
            return True
        return False

    while not await closed():
        await asyncio.sleep(0)
    with pytest.raises(InputError):
        office.flow.finish_with_pasted(f"code=x&state={page.state}")
    await office.flow.cancel()


async def test_C7_cancelling_ends_the_waiting_at_once(office: Office) -> None:
    page = await office.flow.begin("quickbooks")
    waiting = asyncio.create_task(office.flow.wait())
    await asyncio.sleep(0)
    await office.flow.cancel()
    with pytest.raises(CancelledByOwner):
        await waiting
    with pytest.raises(httpx.ConnectError):
        await office.visit(page.redirect_uri)
    with pytest.raises(NotAllowed):
        await office.flow.wait()


async def test_M139_wrong_app_keys_are_named(office: Office) -> None:
    page = await office.flow.begin("quickbooks")
    waiting = asyncio.create_task(office.flow.wait())
    address = await office.consent(page)
    attempt = office.flow._attempt
    assert attempt is not None
    office.keys = AppKeys("AB-wrong", "wrong")
    await attempt.service.close()
    attempt.service = await office.service("quickbooks")
    await office.visit(address)
    with pytest.raises(AppKeysWrong):
        await waiting
    assert not office.rows()


async def test_M139_other_refusals_keep_the_services_words_aside(office: Office) -> None:
    page = await office.flow.begin("quickbooks")
    waiting = asyncio.create_task(office.flow.wait())
    await office.visit(f"{page.redirect_uri}?error=invalid_scope&error_description=bad&state={page.state}")
    with pytest.raises(SignInRefused) as raised:
        await waiting
    assert raised.value.details == "invalid_scope bad"


async def test_a_browser_that_cannot_be_opened_is_said(office: Office) -> None:
    office.can_open = False
    page = await office.flow.begin("quickbooks")
    assert not page.browser_opened
    assert page.url.startswith("http")
    office.can_open = True
    assert office.flow.open_browser_again(page.url)
    await office.flow.cancel()


# --- pasting ---


@pytest.mark.parametrize("form", ["address", "bounce", "query", "question mark", "code and company", "quoted"])
async def test_M139_pasting_finishes_the_sign_in(office: Office, form: str) -> None:
    page = await office.flow.begin("quickbooks")
    waiting = asyncio.create_task(office.flow.wait())
    address = await office.consent(page)
    query = urlsplit(address).query
    values = {name: value[0] for name, value in parse_qs(query).items()}
    office.flow.finish_with_pasted(
        {
            "address": f"  {address}\n",
            "bounce": f"https://office.example/blueclerk/?{query}",
            "query": query,
            "question mark": f"?{query}",
            "code and company": f"{values['code']} {values['realmId']}",
            "quoted": f'"{address}"',
        }[form]
    )
    assert (await waiting).company.external_id == values["realmId"]


async def test_pasted_nonsense_is_refused_in_words_and_disturbs_nothing(office: Office) -> None:
    page = await office.flow.begin("quickbooks")
    waiting = asyncio.create_task(office.flow.wait())
    for text in (
        "",
        "hello",
        "one two three",
        page.url,
        "https://example.test/?code=x",
        f"code=x&state={page.state[:-1]}",
        "\udcff=\udcff",
    ):
        with pytest.raises(InputError) as raised:
            office.flow.finish_with_pasted(text)
        assert raised.value.field == "pasted"
        assert raised.value.advice
    address = await office.consent(page)
    office.flow.finish_with_pasted(address)
    with pytest.raises(InputError) as raised:
        office.flow.finish_with_pasted(address)
    assert "already used" in raised.value.title
    await waiting
    with pytest.raises(NotAllowed):
        office.flow.finish_with_pasted(address)


async def test_C5_without_a_free_port_pasting_still_works(office: Office) -> None:
    import socket

    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        office.flow = office.new_flow(ports=(port,))
        page = await office.flow.begin("quickbooks")
        assert not page.listening
        assert "." not in page.state, "the bounce page must not send the code to a stranger's port"
        waiting = asyncio.create_task(office.flow.wait())
        office.flow.finish_with_pasted(await office.consent(page))
        assert (await waiting).company.name


async def test_a_bounce_page_is_what_the_service_sees(office: Office) -> None:
    office.redirect_uri = "https://office.example/blueclerk/"
    page = await office.flow.begin("quickbooks")
    assert page.redirect_uri == office.redirect_uri
    waiting = asyncio.create_task(office.flow.wait())
    address = await office.consent(page)
    assert address.startswith(office.redirect_uri)
    port = page.state.rpartition(".")[2]
    assert await office.visit(f"http://localhost:{port}/callback?{urlsplit(address).query}") == 200
    assert await waiting


# --- one at a time, and which company ---


async def test_M4_a_second_connection_is_refused_and_nothing_is_lost(office: Office) -> None:
    done = await office.connect()
    before = columns(office.db, done.connection_id)
    for provider in ("quickbooks", "xero"):
        office.provider = provider
        with pytest.raises(NotAllowed) as raised:
            await office.flow.begin(provider)
        assert done.company.name in raised.value.title
        assert "isconnect" in raised.value.advice
    after = columns(office.db, done.connection_id)
    assert (after.token_version, after.token_blob, after.live) == (before.token_version, before.token_blob, 1)
    assert len(office.opened) == 1


async def test_M4_two_desks_at_once_end_with_one_connection(office: Office) -> None:
    other = office.new_flow()
    pages = [await office.flow.begin("quickbooks"), await other.begin("quickbooks")]
    waits = [asyncio.create_task(flow.wait()) for flow in (office.flow, other)]
    for index, page in enumerate(pages):
        await office.visit(await office.consent(page, company=index))
    results = await asyncio.gather(*waits, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Connected", "NotAllowed"]
    assert [row.live for row in office.rows()] == [1]
    assert len(office.control.ledger(op="revoke")) == 1, "the grant that nobody keeps is given back"


async def test_M137_the_same_company_gets_its_links_back(office: Office) -> None:
    first = await office.connect()
    with office.db.write() as session:
        now = db_now(session)
        session.add(
            ExternalLink(
                provider="quickbooks",
                company_id=first.company.external_id,
                kind="customer",
                local_id=1,
                external_id="58",
                linked_at=now,
                agreed_at=now,
                connection_id=first.connection_id,
            )
        )
        session.execute(update(Connection).values(switches=Switches(auto=True, items=False).to_json()))
    await office.flow.disconnect(first.connection_id)
    second = await office.connect()
    assert second.known
    assert second.connection_id == first.connection_id
    (row,) = office.rows()
    assert (row.live, row.disconnected_at, row.state) == (1, None, "connected")
    assert Switches.from_json(row.switches) == Switches(auto=True, items=False)
    assert open_grant(office.cipher, row, row.id)
    with office.db.read() as session:
        assert session.scalars(select(ExternalLink.external_id)).all() == ["58"]
    assert [action for action, *_ in office.activity()] == ["connected", "disconnected", "reconnected"]


async def test_M138_W1_another_company_is_told_by_name_and_given_back(office: Office) -> None:
    first = await office.connect(company=0)
    await office.flow.disconnect(first.connection_id)
    revoked = len(office.control.ledger(op="revoke"))
    with pytest.raises(WrongCompany) as raised:
        await office.connect(company=1)
    assert first.company.name in raised.value.title
    assert len(office.control.ledger(op="revoke")) == revoked + 1
    assert [row.live for row in office.rows()] == [0]
    second = await office.connect(company=1, allow_other_company=True)
    assert not second.known
    assert [row.live for row in office.rows()] == [0, 1]
    await office.flow.disconnect(second.connection_id)
    with pytest.raises(WrongCompany):
        await office.connect(company=0)
    back = await office.connect(company=0, allow_other_company=True)
    assert back.connection_id == first.connection_id


async def test_M104_M144_signing_in_again_keeps_the_row(office: Office) -> None:
    first = await office.connect()
    connected_at = columns(office.db, first.connection_id).connected_at
    office.change(token_state="reconnect", state="needs_sign_in", state_title="x", state_fix="reconnect")
    again = await office.connect()
    assert again.connection_id == first.connection_id
    row = columns(office.db, first.connection_id)
    assert (row.live, row.state, row.state_title, row.state_fix, row.token_state) == (1, "connected", "", "", "ok")
    assert row.token_version == 2
    assert row.connected_at == connected_at


async def test_W1_signing_in_again_to_another_company_is_refused(office: Office) -> None:
    first = await office.connect()
    office.change(token_state="reconnect", state="needs_sign_in")
    with pytest.raises(WrongCompany):
        await office.connect(company=1)
    row = columns(office.db, first.connection_id)
    assert (row.live, row.state, row.token_version) == (1, "needs_sign_in", 1)
    clean = await office.connect(company=1, allow_other_company=True)
    assert [(row.live, row.state) for row in office.rows()] == [(0, "needs_sign_in"), (1, "connected")]
    assert clean.connection_id != first.connection_id


async def test_W2_sandbox_and_live_are_never_mixed(office: Office) -> None:
    first = await office.connect()
    office.change(token_state="reconnect", state="needs_sign_in")
    office.environment = "live"
    with pytest.raises(NotAllowed):
        await office.flow.begin("quickbooks")
    await office.flow.disconnect(first.connection_id)
    live = await office.connect()
    assert live.connection_id != first.connection_id
    assert [row.environment for row in office.rows()] == ["sandbox", "live"]


async def test_W3_of_several_companies_the_known_one_is_taken(office: Office) -> None:
    several = [CompanyRef("b", "Second"), CompanyRef("a", "First")]

    async def look(grant: TokenGrant, hinted: str | None) -> Sequence[CompanyRef]:
        return several

    async def pick(companies: Sequence[CompanyRef]) -> CompanyRef:
        assert tuple(companies) == tuple(several)
        return several[1]

    office.identify = look
    original = office.service

    async def without_hint(provider_key: str) -> SignInService:
        service = await original(provider_key)
        service.sign_in.company_in = lambda query: None  # type: ignore[method-assign]
        return service

    office.service = without_hint  # type: ignore[method-assign]
    office.flow = office.new_flow()
    with pytest.raises(SignInRefused):
        await office.connect()
    office.flow = office.new_flow(choose=pick)
    first = await office.connect()
    assert first.company == several[1]
    await office.flow.disconnect(first.connection_id)
    several.reverse()
    office.flow = office.new_flow()
    assert (await office.connect()).connection_id == first.connection_id


async def test_a_name_that_cannot_be_read_now_does_not_lose_the_sign_in(office: Office) -> None:
    async def offline(grant: TokenGrant, hinted: str | None) -> Sequence[CompanyRef]:
        raise Offline("QuickBooks")

    office.identify = offline
    done = await office.connect()
    assert done.company.name == ""
    assert columns(office.db, done.connection_id).state == "connected"


async def test_a_refused_company_is_not_kept(office: Office) -> None:
    from desktop.errors import AccessRefused

    async def refused(grant: TokenGrant, hinted: str | None) -> Sequence[CompanyRef]:
        raise AccessRefused("QuickBooks")

    office.identify = refused
    with pytest.raises(AccessRefused):
        await office.connect()
    assert not office.rows()
    assert len(office.control.ledger(op="revoke")) == 1


async def test_a_cancelled_wait_leaves_no_grant_behind(office: Office) -> None:
    reached = asyncio.Event()

    async def never(grant: TokenGrant, hinted: str | None) -> Sequence[CompanyRef]:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    office.identify = never
    page = await office.flow.begin("quickbooks")
    waiting = asyncio.create_task(office.flow.wait())
    await office.visit(await office.consent(page))
    await reached.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not office.rows()
    assert len(office.control.ledger(op="revoke")) == 1


# --- disconnecting ---


async def test_M134_M135_disconnecting_ends_the_grant_and_keeps_the_rest(office: Office) -> None:
    done = await office.connect()
    await office.flow.disconnect(done.connection_id)
    (row,) = office.rows()
    assert (row.live, row.token_blob, row.token_state, row.token_expires_at) == (0, None, "none", None)
    assert row.disconnected_at is not None
    assert row.company_name
    assert len(office.control.ledger(op="revoke")) == 1
    assert office.activity()[-1] == ("disconnected", "here", "noted", "maria")
    assert not await office.flow.disconnect(done.connection_id), "a second time changes nothing"
    assert len(office.activity()) == 2


async def test_M134_disconnecting_works_while_the_service_is_away(office: Office) -> None:
    done = await office.connect()
    with office.control.armed({"id": "N1", "provider": "quickbooks", "op": "revoke", "phase": "before", "times": 9}):
        told = await office.flow.disconnect(done.connection_id)
    (row,) = office.rows()
    assert (row.live, row.token_blob) == (0, None)
    if not told:
        with office.db.read() as session:
            message = session.scalars(select(ActivityRow.message).order_by(ActivityRow.id.desc())).first()
        assert message and "could not be told" in message


async def test_M134_disconnecting_works_without_key_or_app_keys(office: Office) -> None:
    done = await office.connect()
    office.cipher = unlocked()
    office.flow = office.new_flow()
    assert not await office.flow.disconnect(done.connection_id)
    assert [row.live for row in office.rows()] == [0]


async def test_M134_disconnecting_waits_for_a_refresh_under_way(office: Office) -> None:
    done = await office.connect()
    leases = Leases(office.db, "refresher")
    held = await leases.take(token_lease(done.connection_id), 60)
    assert held is not None
    ending = asyncio.create_task(office.flow.disconnect(done.connection_id))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not ending.done()
    assert columns(office.db, done.connection_id).live == 1
    await leases.release(held)
    await ending
    assert columns(office.db, done.connection_id).live == 0
    assert len(office.control.ledger(op="revoke")) == 1


async def test_M134_the_services_confirmation_is_passed_on(office: Office) -> None:
    done = await office.connect()
    assert await office.flow.disconnect(done.connection_id)


# --- secrets ---


async def test_I13_no_secret_lies_about(office: Office, canaries: Canaries) -> None:
    done = await office.connect()
    grant = open_grant(office.cipher, columns(office.db, done.connection_id), done.connection_id)
    canaries.secrets += [grant.access_token, grant.refresh_token]
    await office.flow.disconnect(done.connection_id)


def test_pkce_challenge_is_that_of_the_rfc() -> None:
    # RFC 7636, appendix B
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert challenge("") == ""


def test_grants_that_end_are_reckoned_from_the_right_clock() -> None:
    from desktop.sync.tokens import StoredGrant
    from tests.signin.helpers import START

    grant = TokenGrant("a", "b", START + timedelta(seconds=3600))
    assert StoredGrant.of(grant, START).life_seconds == 3600
    assert StoredGrant.of(grant, START + timedelta(days=3)).life_seconds == 3600
