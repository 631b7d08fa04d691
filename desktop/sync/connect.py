"""Signing in to a service: browser out, callback or paste back, tokens stored; and disconnecting again.

One attempt at a time. Its `state` is bound to the service, because it lives with the attempt and nowhere
else: a code that comes back under it goes to that service's token endpoint only (C8).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy.orm import Session

from desktop.books.outbox import live_connection
from desktop.clock import Clock, Entropy
from desktop.errors import (
    BlueClerkError,
    CancelledByOwner,
    ConnectionProblem,
    InputError,
    NotAllowed,
    SignInRefused,
)
from desktop.models.connection import Connection
from desktop.models.session import Database
from desktop.providers.base import SignIn
from desktop.providers.records import CompanyRef, TokenGrant
from desktop.sync.connection_rows import (
    Connected,
    NewConnection,
    check_may_connect,
    company_label,
    end_connection,
    last_company,
    store_connection,
)
from desktop.sync.leases import HeldLease, Leases
from desktop.sync.loopback import (
    PATH,
    PORTS,
    Declined,
    Gate,
    LoopbackListener,
    NoPortFree,
    Returned,
    Verdict,
)
from desktop.sync.secrets import Cipher
from desktop.sync.tokens import StoredGrant, open_grant, service_name, token_lease
from desktop.text import tr

WAIT_SECONDS = 600.0
REVOKE_SECONDS = 5.0
STATE_BYTES = 24
VERIFIER_BYTES = 48


class Stage(StrEnum):
    """How far a sign-in is (M3)."""

    WAITING = "waiting"  # the browser has the word
    EXCHANGING = "exchanging"  # the owner agreed; we fetch the tokens and the company's name
    CONNECTED = "connected"  # done, with the company's name


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a sign-in, for the window."""

    stage: Stage
    company_name: str = ""


async def _nothing() -> None:
    """For a service that needs no closing."""


@dataclass(frozen=True, slots=True)
class SignInService:
    """One service, made ready with the app keys for one environment; made for one use and closed after it."""

    sign_in: SignIn
    environment: str
    """"sandbox" or "live"."""
    identify: Callable[[TokenGrant, str | None], Awaitable[Sequence[CompanyRef]]]
    """The companies that a new grant reaches, with names; the id from the redirect, where one came, is the only
    one to look at. Raises ConnectionProblem."""
    redirect_uri: str = ""
    """The https bounce page registered with these keys; "" for the listener's own address."""
    close: Callable[[], Awaitable[None]] = _nothing
    """Ends the connections that `sign_in` keeps alive."""

    @property
    def name(self) -> str:
        return service_name(self.sign_in.key)


@dataclass(frozen=True, slots=True)
class SignInPage:
    """Where the owner signs in."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    redirect_uri: str
    browser_opened: bool
    """False: show `url` to be copied into a browser."""
    listening: bool
    """False: no port was free, so the address has to be pasted at the end (`finish_with_pasted`)."""


@dataclass(slots=True)
class _Attempt:
    service: SignInService
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str
    allow_other_company: bool
    gate: Gate
    listener: LoopbackListener | None
    timer: asyncio.TimerHandle
    cancelled: bool = False
    under_way: bool = False
    """`wait` has the answer and goes on by itself; it closes the service when it is done."""
    closed: bool = False

    def close(self) -> None:
        self.timer.cancel()
        self.gate.close()


class SignInFlow:
    """The one sign-in of a desk.

    `services` gives a service with its keys (raises InputError or AppKeysWrong without any); `open_browser`
    says whether a browser could be opened; `account` is the user noted in the activity list; `choose` is
    asked when a grant reaches several companies and none of them is the one we know (W3).
    """

    def __init__(
        self,
        db: Database,
        cipher: Cipher,
        clock: Clock,
        entropy: Entropy,
        leases: Leases,
        *,
        services: Callable[[str], Awaitable[SignInService]],
        open_browser: Callable[[str], bool],
        account: str = "",
        choose: Callable[[Sequence[CompanyRef]], Awaitable[CompanyRef]] | None = None,
        ports: Sequence[int] = PORTS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._db = db
        self._cipher = cipher
        self._clock = clock
        self._entropy = entropy
        self._leases = leases
        self._services = services
        self._open_browser = open_browser
        self._account = account
        self._choose = choose
        self._ports = ports
        self._wait_seconds = wait_seconds
        self._attempt: _Attempt | None = None

    # --- the way out ---

    async def begin(self, provider_key: str, *, allow_other_company: bool = False) -> SignInPage:
        """Open the service's sign-in page; an attempt under way is given up for it.

        Raises NotAllowed while another connection is in use (M4), and what `services` raises. With
        `allow_other_company` another company than before is taken as well ("start clean", M138).
        """
        await self.cancel()
        service = await self._services(provider_key)
        key, environment = service.sign_in.key, service.environment
        try:
            await self._db.in_read(lambda session: check_may_connect(session, key, environment))
        except BlueClerkError:
            await service.close()
            raise
        listener = await self._listen()
        port = listener.port if listener is not None else None
        nonce = self._entropy.token(STATE_BYTES)
        state = f"{nonce}.{port}" if port is not None else nonce
        redirect = service.redirect_uri or f"http://localhost:{port or (*self._ports, *PORTS)[0]}{PATH}"
        verifier = self._entropy.token(VERIFIER_BYTES) if service.sign_in.uses_pkce else ""
        gate = Gate(state)
        timer = asyncio.get_running_loop().call_later(self._wait_seconds, self._expire)
        self._attempt = _Attempt(service, state, verifier, redirect, allow_other_company, gate, listener, timer)
        if listener is not None:
            listener.expect(gate)
        url = service.sign_in.authorize_url(state=state, redirect_uri=redirect, challenge=challenge(verifier))
        return SignInPage(url, state, redirect, self.open_browser_again(url), listener is not None)

    def open_browser_again(self, url: str) -> bool:
        """Show the page once more; False when no browser could be opened."""
        try:
            return self._open_browser(url)
        except OSError:
            return False

    async def _listen(self) -> LoopbackListener | None:
        listener = LoopbackListener(self._ports)
        try:
            await listener.start()
        except NoPortFree:
            return None
        return listener

    # --- the way back ---

    def finish_with_pasted(self, text: str) -> None:
        """Take what the owner copied: the address the browser ended on, its query, or "code company".

        `wait` goes on then. Raises InputError in words when it can't be used, and NotAllowed when no sign-in
        is under way; the waiting is not disturbed.
        """
        attempt = self._attempt
        if attempt is None:
            raise NotAllowed(tr("No sign-in is under way."), tr("Press Connect first."))
        text = text.strip().strip("\"'<>")
        if "=" in text:
            query = urlsplit(text).query if "://" in text else text.lstrip("?")
            verdict = attempt.gate.judge(parse_qsl(query, keep_blank_values=True))
        else:
            verdict = self._judge_words(attempt, text.split())
        if verdict is Verdict.USED:
            raise InputError("pasted", tr("This sign-in was already used."), tr("Press Connect to try again."))
        if verdict is Verdict.STRANGE:
            raise InputError(
                "pasted",
                tr("This is not the end of the sign-in that is under way."),
                tr("Copy the whole address that the browser shows after you agreed."),
            )

    def _judge_words(self, attempt: _Attempt, words: list[str]) -> Verdict:
        company_needed = attempt.service.sign_in.company_in({"realmId": "1"}) is not None
        if len(words) != (2 if company_needed else 1):
            return Verdict.STRANGE
        return attempt.gate.judge_without_state(words[0], {"realmId": words[1]} if company_needed else {})

    async def wait(self, on_progress: Callable[[Progress], None] = lambda progress: None) -> Connected:
        """Wait for the owner, up to ten minutes, and store the connection.

        Raises SignInRefused (said no, too late: M139), CancelledByOwner, WrongCompany (M138; the new grant was
        given back), NotAllowed, AppKeysWrong or another ConnectionProblem. Nothing is stored then.
        """
        attempt = self._attempt
        if attempt is None:
            raise NotAllowed(tr("No sign-in is under way."), tr("Press Connect first."))
        try:
            on_progress(Progress(Stage.WAITING))
            returned = _agreed(await attempt.gate.answer(), attempt, self._wait_seconds)
            attempt.under_way = True
            on_progress(Progress(Stage.EXCHANGING))
            grant = await attempt.service.sign_in.exchange(
                returned.code, redirect_uri=attempt.redirect_uri, verifier=attempt.verifier
            )
            try:
                connected = await self._finish(attempt, grant, returned.query)
            except BaseException:  # also when cancelled: a grant that we don't keep must not stay behind
                await asyncio.shield(self._give_back(attempt.service, grant, returned.query))
                raise
            on_progress(Progress(Stage.CONNECTED, company_label(connected.company)))
            return connected
        finally:
            attempt.under_way = False
            await self._put_away(attempt)

    async def cancel(self) -> None:
        """Give up the attempt under way, if there is one; `wait` then raises CancelledByOwner."""
        attempt = self._attempt
        if attempt is not None:
            attempt.cancelled = True
            await self._put_away(attempt)

    async def _finish(self, attempt: _Attempt, grant: TokenGrant, query: dict[str, str]) -> Connected:
        now = self._clock.now()
        company = await self._company(attempt, grant, query)
        new = NewConnection(
            provider=attempt.service.sign_in.key,
            environment=attempt.service.environment,
            company=company,
            grant=grant,
            stored=StoredGrant.of(grant, now),
            redirect_uri=attempt.redirect_uri,
            actor=self._account,
            allow_other_company=attempt.allow_other_company,
        )
        if attempt.cancelled:
            raise CancelledByOwner(tr("The sign-in was cancelled."))
        return await self._db.in_write(lambda session: store_connection(session, self._cipher, new))

    async def _company(self, attempt: _Attempt, grant: TokenGrant, query: dict[str, str]) -> CompanyRef:
        """The company to connect: the one in the redirect, the one we know unless another is wanted, or the only one
        (W3)."""
        service = attempt.service
        hinted = service.sign_in.company_in(query)
        try:
            found = {company.external_id: company for company in await service.identify(grant, hinted)}
        except ConnectionProblem as problem:
            if hinted is None or not problem.retryable:
                raise
            return CompanyRef(hinted)  # its name is read with the settings later
        if hinted is not None:
            return found.get(hinted, CompanyRef(hinted))
        key, environment = service.sign_in.key, service.environment
        known = await self._db.in_read(lambda session: last_company(session, key, environment))
        usable = [company for company in found.values() if not company.unusable]
        if found and not usable:
            first = next(iter(found.values()))
            raise SignInRefused(first.unusable, tr("Choose another company there, or put this one right first."))
        wanted = known.external_id if known is not None and not attempt.allow_other_company else None
        same = next((company for company in usable if company.external_id == wanted), None)
        if same is not None or len(usable) == 1:
            return same or usable[0]
        if not usable or self._choose is None:
            raise SignInRefused(
                tr("{service} did not say which company to use.", service=service.name),
                tr("Sign in again and allow exactly one company there."),
            )
        chosen = await self._choose(tuple(found.values()))
        if chosen.unusable:
            raise SignInRefused(chosen.unusable, tr("Choose another company there, or put this one right first."))
        return chosen

    async def _give_back(self, service: SignInService, grant: TokenGrant, query: dict[str, str]) -> None:
        """End a grant that we don't keep, unless that would end the working connection to the same company."""
        hinted = service.sign_in.company_in(query)

        def is_in_use(session: Session) -> bool:
            live = live_connection(session)
            return live is not None and live.token_state == "ok" and hinted in (None, live.company_id)

        with contextlib.suppress(BlueClerkError):
            if not await self._db.in_read(is_in_use):
                await self._revoke(service.sign_in, grant.refresh_token)

    def _expire(self) -> None:
        if self._attempt is not None:
            self._attempt.close()
            if self._attempt.listener is not None:
                self._attempt.listener.close()

    async def _put_away(self, attempt: _Attempt) -> None:
        attempt.close()
        if self._attempt is attempt:
            self._attempt = None
        if attempt.listener is not None:
            await attempt.listener.stop()
        if not (attempt.closed or attempt.under_way):
            attempt.closed = True
            await attempt.service.close()

    # --- the end ---

    async def disconnect(self, connection_id: int) -> bool:
        """End a connection: tell the service, delete the tokens, keep links and books (M134, M135).

        Done here whatever the service says; the answer is whether it confirmed. A refresh under way is
        waited for, so that its new pair is the one that is given back. Raises StorageProblem only.
        """
        held = await self._hold_tokens(connection_id)
        try:
            told, until = await self._tell(connection_id)
            await self._db.in_write(lambda session: self._end(session, connection_id, told, until))
            return told
        finally:
            if held is not None:
                await self._leases.release(held)

    async def _hold_tokens(self, connection_id: int) -> HeldLease | None:
        ends = self._clock.monotonic() + REVOKE_SECONDS
        while (held := await self._leases.take(token_lease(connection_id), 60)) is None:
            if self._clock.monotonic() >= ends:
                return None
            await self._clock.sleep(0.1)
        return held

    async def _tell(self, connection_id: int) -> tuple[bool, datetime | None]:
        """Whether the service confirmed it, and until when it asked to be left alone."""
        row = await self._db.in_read(lambda session: session.get(Connection, connection_id))
        if row is None or row.token_blob is None:
            return False, None
        try:
            grant = open_grant(self._cipher, row, connection_id)
            service = await self._services(row.provider)
        except BlueClerkError:  # no key or no app keys any more: the tokens can't be used by anybody here
            return False, None
        ends = row.token_expires_at or self._clock.now()
        whole = TokenGrant(grant.access_token, grant.refresh_token, ends, scope=grant.scope)
        try:
            async with asyncio.timeout(REVOKE_SECONDS):
                told = await service.sign_in.leave(whole, row.company_id)
        except TimeoutError:
            told = False
        finally:
            await service.close()
        return told, service.sign_in.asked_to_wait

    async def _revoke(self, sign_in: SignIn, token: str) -> bool:
        try:
            async with asyncio.timeout(REVOKE_SECONDS):
                return await sign_in.revoke(token)
        except TimeoutError:
            return False

    def _end(self, session: Session, connection_id: int, told: bool, until: datetime | None) -> None:
        row = session.get(Connection, connection_id)
        if row is None or row.live == 0:
            return
        if until is not None:  # who signs in again is asked to wait too (I14)
            row.state_until, row.state_at = until, self._clock.now()
        name = service_name(row.provider)
        end_connection(
            session,
            row,
            self._account,
            "" if told else tr("{service} could not be told; remove BlueClerk under Apps there.", service=name),
        )


def challenge(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636); "" for none."""
    if not verifier:
        return ""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode().rstrip("=")


def _agreed(answer: Returned | Declined | None, attempt: _Attempt, wait_seconds: float) -> Returned:
    """What came back, if the owner agreed. Raises what says why not."""
    name = attempt.service.name
    if isinstance(answer, Returned):
        return answer
    if answer is None and attempt.cancelled:
        raise CancelledByOwner(tr("The sign-in was cancelled."))
    if answer is None:
        raise SignInRefused(
            tr("The sign-in was not finished within {minutes} minutes.", minutes=round(wait_seconds / 60)),
            tr(
                "Press Connect to try again. If {service} showed an error page, check the app keys and that "
                "this redirect address is registered there: {address}",
                service=name,
                address=attempt.redirect_uri,
            ),
        )
    if answer.error == "access_denied":
        raise SignInRefused(
            tr("You did not allow the connection on {service}'s page.", service=name),
            tr("Nothing was connected. Press Connect to try again."),
        )
    if answer.error == "invalid_scope" and attempt.service.sign_in.ask_for_less():
        raise SignInRefused(
            tr("{service} does not know one of the rights that were asked for.", service=name),
            tr("Press Connect again: it is asked without that one."),
            details=f"{answer.error} {answer.description}".strip(),
        )
    raise SignInRefused(
        tr("{service} refused the sign-in.", service=name),
        tr("Check the app keys, then press Connect to try again."),
        details=f"{answer.error} {answer.description}".strip(),
    )
