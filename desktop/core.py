"""The same program without Qt: database, secrets, provider and services wired together.

The window, the command line and the tests all hold a `Core`. It decides between real things and sandbox
things, and nobody below it does. Everything that may wait is a coroutine; nothing here blocks the loop.
"""

from __future__ import annotations

import asyncio
import logging
import webbrowser
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.books.outbox import live_connection, promise
from desktop.books.users import UserRow, me
from desktop.clock import Clock, Entropy, SystemClock, SystemEntropy
from desktop.errors import (
    AccessBlocked,
    AppKeysMissing,
    BlueClerkError,
    ConnectionProblem,
    NeedsSignIn,
    NotAllowed,
    OtherBooks,
    SecretStoreProblem,
    SignInRefused,
    StorageProblem,
)
from desktop.models.backup import Backup as Backup  # for the window, which may not reach down to the tables
from desktop.models.backup import list_backups, take_backup, thin_out
from desktop.models.connection import Connection
from desktop.models.desk import Setting
from desktop.models.session import Change, Database, open_database
from desktop.models.states import CompanyKey, ConnectionState, PushReason
from desktop.providers.base import AccessToken, AppKeys, Endpoints, SignIn, Terms, TokenSource
from desktop.providers.http import Client, ServiceHttp, new_limiter
from desktop.providers.limits import Limiter, Limits, Window
from desktop.providers.records import CompanyRef, Kind, ProviderKey, TokenGrant
from desktop.providers.registry import SERVICES, ServiceInfo
from desktop.sync import causes, checks, failures
from desktop.sync.app_keys import AppKeyBook
from desktop.sync.checks import Check
from desktop.sync.company import Company
from desktop.sync.connect import SignInFlow, SignInService
from desktop.sync.connection_rows import asked_to_wait
from desktop.sync.health import HealthWarning, check_health
from desktop.sync.identity import prove_if_new
from desktop.sync.leases import Leases
from desktop.sync.lineage import Lineage
from desktop.sync.loopback import PORTS
from desktop.sync.overview import ConnectionView, connection_view, sync_everything
from desktop.sync.preview import Preview, preview
from desktop.sync.push import Report
from desktop.sync.remote_lists import RemoteLists
from desktop.sync.runner import Runner
from desktop.sync.schedule import AGAIN_SECONDS, Wish, due_now, next_due, seconds_to_wait
from desktop.sync.secrets import Cipher, SecretStore
from desktop.sync.settings import refresh_settings
from desktop.sync.starting_clean import set_aside
from desktop.sync.tokens import Tokens
from desktop.sync.vault import join_office, open_cipher
from desktop.sync.work import stored_settings
from desktop.text import tr

T = TypeVar("T")
P = ParamSpec("P")

_log = logging.getLogger(__name__)

HEALTH_SECONDS = 3600.0
BACKUPS = "backups"
PROBE = "books.probe"
"""Setting that is written to see whether there is room again."""
QUIT_SECONDS = 5.0
"""How long a call in flight may take when the program ends; what is still out then is found out later (P4)."""


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """Where a service is reached when it isn't the real one."""

    endpoints: Endpoints
    environment: str = "sandbox"
    calls_a_minute: int = 0
    """How many calls a minute are allowed there, where that is said; 0: as many as the real service's limits allow."""


@dataclass(frozen=True, slots=True)
class Options:
    """What decides between real things and others."""

    database: str
    """A path of a SQLite file, or a postgresql+psycopg URL."""
    data_dir: Path
    store: SecretStore
    account: str
    """The operating system's account name (E10)."""
    clock: Clock = field(default_factory=SystemClock)
    entropy: Entropy = field(default_factory=SystemEntropy)
    addresses: Mapping[ProviderKey, ServiceAddress] = field(default_factory=dict)
    """Services that live elsewhere; the others are the real ones."""
    open_browser: Callable[[str], bool] = webbrowser.open
    """Shows an address in the system's browser; False when it couldn't."""
    choose_company: Callable[[Sequence[CompanyRef]], Awaitable[CompanyRef]] | None = None
    """Asked which company to connect when a sign-in reaches several (W3)."""
    client: Client | None = None
    """Another way out for every request, owned by whoever made it; None opens connections of its own."""
    callback_ports: Sequence[int] = PORTS
    """Where a sign-in may come back to; without any, the address is pasted."""


@dataclass
class _Live:
    """The connected company with what was made for it."""

    company: Company
    http: ServiceHttp
    tokens: Tokens
    lists: RemoteLists


class Core:
    """See the module's docstring. Make one with `Core.open`."""

    def __init__(self, options: Options, db: Database) -> None:
        self.options = options
        self.db = db
        self.clock = options.clock
        self.entropy = options.entropy
        self.desk = Desk(options.clock, options.entropy, options.account)
        self._lineage = Lineage(db, options.store, options.clock, options.entropy)
        self.runner = Runner(self._company_or_none, mark=self._lineage.grow)
        self._leases = Leases(db, f"{options.account}:{options.entropy.uuid()}")
        self._cipher: Cipher | None = None
        self._live: _Live | None = None
        self._backups = options.data_dir / BACKUPS
        self._flow: SignInFlow | None = None
        self.choose_company = options.choose_company
        """Asks the owner when a sign-in reaches several companies; the window sets it."""
        self._limiters: dict[ProviderKey, Limiter] = {}
        self.on_notice: Callable[[str], None] | None = None
        """Says a sentence in passing."""
        self.storage_problem: StorageProblem | None = None
        """Why the books can't be written at the moment, so that nothing is sent; tried again by itself (S2, S3)."""
        self.on_storage: Callable[[StorageProblem | None], None] | None = None
        """Told when that begins, and None when it is over."""
        self._sign_ins: dict[tuple[ProviderKey, AppKeys], SignIn] = {}
        self._making = asyncio.Lock()
        self._runner_task: asyncio.Task[None] | None = None
        self._health_task: asyncio.Task[None] | None = None
        self._schedule_task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    # --- life ------------------------------------------------------------------------------------

    @classmethod
    async def open(cls, options: Options) -> Core:
        """Open the books (migrating them first). Raises StorageProblem; the password store is not asked yet."""
        db = await asyncio.to_thread(
            open_database, options.database, options.clock, backup_dir=options.data_dir / BACKUPS
        )
        core = cls(options, db)
        await core.do(me)
        return core

    def start(self) -> None:
        """Begin to sync by itself: what is promised goes out, now and whenever something changes."""
        if self._runner_task is None:
            loop = asyncio.get_running_loop()

            def wake(changes: frozenset[Change]) -> None:
                if any(change.kind == "outbox" for change in changes):
                    loop.call_soon_threadsafe(self.runner.wake)

            self._unsubscribe = self.db.subscribe(wake)
            self.db.follow()
            self._runner_task = loop.create_task(self._run(), name="runner")
            self._health_task = loop.create_task(self._watch_health(), name="health")
            self._schedule_task = loop.create_task(self._keep_schedule(), name="schedule")

    async def _run(self) -> None:
        while True:
            try:
                if self.storage_problem is not None:
                    await self.db.in_write(lambda session: session.merge(Setting(key=PROBE, value=None)))
                    self._tell_storage(None)
                await self.runner.run_forever()
            except StorageProblem as problem:
                _log.warning("the books can't be written: %s", problem.title)
                self._tell_storage(problem)
            except BlueClerkError as problem:
                _log.warning("the sync stopped: %s", problem.title)
            except Exception:  # whatever it was, the next change must find a runner alive
                _log.exception("the sync stopped unexpectedly")
            await self.clock.sleep(30.0)

    def _tell_storage(self, problem: StorageProblem | None) -> None:
        self.storage_problem = problem
        if self.on_storage is not None:
            self.on_storage(problem)

    async def _watch_health(self) -> None:
        """Once an hour: what will go wrong is told before it does (M103), and the day's backup is taken."""
        while True:
            await self.clock.sleep(HEALTH_SECONDS)
            try:
                await self.daily_backup()
                await self.check_health()
            except BlueClerkError as problem:
                _log.info("the hourly look was not finished: %s", problem.title)
            except Exception:  # the next hour's look, and the backup, must come whatever it was
                _log.exception("the hourly look failed")

    async def daily_backup(self) -> Path | None:
        """A checked copy of a SQLite file if today has none yet, thinned out by age; the copy made, or None.

        Raises StorageProblem.
        """
        if self.db.path is None:
            return None
        return await asyncio.to_thread(_backup_of_today, self.db.path, self._backups, self.clock.now())

    async def backups(self) -> list[Backup]:
        """The copies that are kept, newest first; none for books on a server."""
        return await asyncio.to_thread(list_backups, self._backups)

    async def backup_now(self) -> Path | None:
        """A checked copy made at the owner's wish; None for books on a server. Raises StorageProblem."""
        if self.db.path is None:
            return None
        now = self.clock.now()
        made = await asyncio.to_thread(take_backup, self.db.path, self._backups, "by-hand", now)
        await asyncio.to_thread(thin_out, self._backups, now)
        return made.path

    async def check_health(self) -> list[HealthWarning]:
        """Look now. Raises ConnectionProblem when the service can't be asked."""
        company = await self._company_or_none()
        return await check_health(company) if company is not None else []

    async def close(self, grace: float = QUIT_SECONDS) -> None:
        """End in order: the call in flight gets `grace` seconds, then it is left to be found out at the next start."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        for task in (self._health_task, self._schedule_task):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._runner_task is not None:
            if not self.runner.idle:
                with suppress(TimeoutError):
                    async with asyncio.timeout(grace):
                        await self.runner.wait_idle()
            self._runner_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._runner_task
        if self._flow is not None:
            await self._flow.cancel()
        await self._drop_live()
        for sign_in in self._sign_ins.values():
            await sign_in.close()
        await asyncio.to_thread(self.db.close)

    # --- our books -------------------------------------------------------------------------------

    async def ask(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A question to our books, on a reader thread: `await core.ask(queries.invoice_rows, ids, company)`."""
        return await self.db.in_read(lambda session: fn(session, *args, **kwargs))

    async def do(self, fn: Callable[Concatenate[Session, Desk, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A verb of our books in one transaction: `await core.do(invoices.mark_sent, invoice_id)`.

        Raises what the verb raises (InputError, NotAllowed, StorageProblem); nothing was changed then.
        """
        desk = await self._desk()
        return await self.db.in_write(lambda session: fn(session, desk, *args, **kwargs))

    async def _desk(self) -> Desk:
        view = await self.connection()
        return replace(self.desk, currency=view.home_currency) if view is not None else self.desk

    async def user(self) -> UserRow:
        """Who sits at this desk."""
        return await self.do(me)

    # --- the connection ----------------------------------------------------------------------------

    def services(self) -> Sequence[ServiceInfo]:
        """The four services in the order of their cards (M1)."""
        return tuple(SERVICES.values())

    async def connection(self) -> ConnectionView | None:
        """The live connection as the window shows it, or None."""
        return await self.ask(connection_view, self._leases.owner)

    async def company_key(self) -> CompanyKey | None:
        """Whose links count now."""
        view = await self.connection()
        return view.key if view is not None else None

    async def terms(self) -> Terms | None:
        """The words of the connected service."""
        view = await self.connection()
        return SERVICES[ProviderKey(view.provider)].terms if view is not None else None

    def environment(self, key: ProviderKey) -> str:
        """ "sandbox" for a service that lives elsewhere, else "live"."""
        address = self.options.addresses.get(key)
        return address.environment if address is not None else "live"

    def endpoints(self, key: ProviderKey) -> Endpoints:
        """Where the service is reached. Raises NotAllowed while it isn't available in this version."""
        address = self.options.addresses.get(key)
        if address is not None:
            return address.endpoints
        live = SERVICES[key].live
        if live is None:
            raise NotAllowed(
                tr("{service} is not yet available in this version.", service=SERVICES[key].terms.full_name)
            )
        return live

    def use_store(self, store: SecretStore) -> None:
        """Keep secrets in `store` from now on: the owner chose to go on without the system's own, for this session."""
        self.options = replace(self.options, store=store)
        self._lineage.use(store)

    async def cipher(self) -> Cipher:
        """What seals and opens the stored secrets. Raises SecretStoreProblem; asked again at the next call."""
        if self._cipher is None:
            cipher = await open_cipher(self.db, self.options.store, self.entropy)
            await self._lineage.check()
            self._cipher = cipher
        return self._cipher

    async def office_code(self) -> str:
        """The key of these books as text for another desk of the office. Whoever holds it can read the sign-in.

        Raises NotAllowed unless an admin asks, SecretStoreProblem.
        """
        if not (await self.user()).admin:
            raise NotAllowed(tr("Only an admin can see the office code."))
        return (await self.cipher()).office_code()

    async def join_office(self, code: str) -> None:
        """Let this desk read what another desk of the office stored. Raises OfficeCodeWrong, SecretStoreProblem."""
        cipher = await join_office(self.db, self.options.store, self.entropy, code)
        await self._lineage.check()
        self._cipher = cipher
        await self._drop_live()
        self.runner.wake()

    async def app_keys(self) -> AppKeyBook:
        """The owner's own app keys. Raises SecretStoreProblem."""
        return AppKeyBook(self.db, await self.cipher())

    async def sign_in(self) -> SignInFlow:
        """The one sign-in of this desk: `begin`, `wait`, `finish_with_pasted`, `cancel`. Raises SecretStoreProblem."""
        if self._flow is None:
            self._flow = SignInFlow(
                self.db,
                await self.cipher(),
                self.clock,
                self.entropy,
                self._leases,
                services=self._service,
                open_browser=self.options.open_browser,
                account=self.options.account,
                choose=self._choose,
                ports=self.options.callback_ports,
            )
        return self._flow

    async def _choose(self, companies: Sequence[CompanyRef]) -> CompanyRef:
        """Which of several companies (W3): asked of whoever shows the sign-in. Raises SignInRefused without anybody."""
        if self.choose_company is None:
            raise SignInRefused(
                tr("This sign-in reaches several companies: {names}.", names=", ".join(one.name for one in companies)),
                tr("Sign in again and allow exactly one company there."),
            )
        return await self.choose_company(companies)

    async def _service(self, provider: str) -> SignInService:
        key = ProviderKey(provider)
        info, endpoints, environment = SERVICES[key], self.endpoints(key), self.environment(key)
        keys = await (await self.app_keys()).load(provider, environment)
        if keys is None:
            raise AppKeysMissing(info.terms.service)
        sign_in = self._sign_ins.get((key, keys))
        if sign_in is None:
            sign_in = self._sign_ins[(key, keys)] = info.make_sign_in(
                endpoints, keys, clock=self.clock, client=self.options.client
            )
        bounce = await (await self.app_keys()).redirect_address(provider, environment)
        return SignInService(sign_in, environment, partial(self._identify, info, endpoints), bounce)

    async def _identify(
        self, info: ServiceInfo, endpoints: Endpoints, grant: TokenGrant, company_id: str | None
    ) -> Sequence[CompanyRef]:
        """The name of the company that was just signed in to, for the confirmation (M3)."""

        async def token(refused: AccessToken | None = None) -> AccessToken:
            if refused is not None:
                raise NeedsSignIn(info.terms.service)
            return AccessToken(grant.access_token, 0)

        http = await self._http(info, endpoints, token)
        try:
            if company_id is None and info.companies is not None:
                return await info.companies(http)
            settings = await info.make_provider(http, CompanyRef(company_id or "")).settings()
        finally:
            await http.close()
        return (settings.company,)

    def _limits(self, info: ServiceInfo) -> Limits:
        """The service's limits; an address of ours that states its own number is believed in place of an assumption."""
        address = self.options.addresses.get(info.key)
        if address is None or not address.calls_a_minute:
            return info.limits
        return replace(info.limits, windows=(Window(60.0, address.calls_a_minute),))

    async def _limiter(self, info: ServiceInfo) -> Limiter:
        """Kept over a new sign-in: the service goes on counting. What it demanded before this start, of another desk or
        of a connection that has ended since still holds (I14)."""
        now = self.clock.now()
        until = await self.ask(asked_to_wait, info.key.value, self.environment(info.key), now)
        if info.key not in self._limiters:
            self._limiters[info.key] = new_limiter(info.terms.service, self._limits(info), self.clock, self.entropy)
        if until is not None:
            self._limiters[info.key].pause((until - now).total_seconds())
        return self._limiters[info.key]

    async def _http(self, info: ServiceInfo, endpoints: Endpoints, tokens: TokenSource) -> ServiceHttp:
        return ServiceHttp(
            base=endpoints.api,
            service=info.terms.service,
            tokens=tokens,
            clock=self.clock,
            entropy=self.entropy,
            client=self.options.client,
            limits=self._limits(info),
            limiter=await self._limiter(info),
        )

    async def relocate(self, addresses: Mapping[ProviderKey, ServiceAddress], notice: str = "") -> None:
        """Services that live elsewhere have moved; `notice` is said in one line by whoever shows this program."""
        self.options = replace(self.options, addresses=dict(addresses))
        gone, self._sign_ins = self._sign_ins, {}
        await self._drop_live()
        for sign_in in gone.values():
            await sign_in.close()
        if notice and self.on_notice is not None:
            self.on_notice(notice)
        self.runner.wake()

    async def after_connecting(self) -> None:
        """Read what must be known of the company before anything is written there.

        Raises OtherBooks when it holds other records than those linked (W4), ConnectionProblem.
        """
        await self._drop_live()
        company = await self.require_company()
        await refresh_settings(company, force=True)
        try:
            await prove_if_new(company)
        except OtherBooks as problem:
            await self._note_trouble(company, problem)
            raise
        await self._drop_live()  # the next one starts with the settings just read
        self.runner.wake()

    async def disconnect(self) -> None:
        """End the connection: the grant is given back, links and data stay on both sides (M134-M136)."""
        view = await self.connection()
        if view is not None:
            flow = await self.sign_in()
            await flow.disconnect(view.id)
        await self._drop_live()

    async def start_clean(self) -> None:
        """Set the links to the company aside and begin with it as if it were new (W4). Nothing is deleted.

        Raises NotAllowed unless the connection waits for this, ConnectionProblem when it can't be read afterwards.
        """
        actor = self.options.account
        await self.runner.alone(lambda session, company: _started_clean(session, company, actor))
        await self.after_connecting()

    # --- the company ----------------------------------------------------------------------------------

    async def company(self) -> Company | None:
        """The connected company, ready to be called, or None. Raises SecretStoreProblem."""
        live = await self.live()
        return live.company if live is not None else None

    async def _company_or_none(self) -> Company | None:
        """For the runner: a password store that can't be used is a state of the connection, told once."""
        try:
            return await self.company()
        except (SecretStoreProblem, AppKeysMissing) as problem:
            await self.db.in_write(partial(self._note_locked, problem))
            return None

    def _note_locked(self, problem: BlueClerkError, session: Session) -> None:
        row = live_connection(session)
        if row is not None and row.state_title != problem.title:
            told = AccessBlocked(problem.title, problem.advice, details=problem.details)
            told.fix = problem.fix
            failures.connection_trouble(session, self.clock.now(), row, told, by_hand=False)

    async def require_company(self) -> Company:
        """The connected company. Raises NotAllowed when there is none."""
        company = await self.company()
        if company is None:
            raise NotAllowed(tr("No accounting service is connected."), tr("Connect one in Settings > Integrations."))
        return company

    async def lists(self) -> RemoteLists:
        """The shared lists of the service's customers and items. Raises NotAllowed when not connected."""
        await self.require_company()
        assert self._live is not None
        return self._live.lists

    async def live(self) -> _Live | None:
        """What was made for the live connection; made anew when the connection changed."""
        async with self._making:
            view = await self.connection()
            if view is None:
                await self._drop_live()
                return None
            if self._live is not None and self._live.company.connection_id == view.id:
                return self._live
            await self._drop_live()
            self._live = await self._make_live(view)
            return self._live

    async def _make_live(self, view: ConnectionView) -> _Live:
        key = ProviderKey(view.provider)
        info = SERVICES[key]
        cipher = await self.cipher()
        endpoints = self.endpoints(key)
        sign_in = (await self._service(view.provider)).sign_in
        sign_in.redirect_uri = await self.ask(_redirect_address, view.id) or sign_in.redirect_uri
        tokens = Tokens(self.db, cipher, sign_in, self._leases, self.clock, self.entropy, view.id)
        http = await self._http(info, endpoints, tokens)
        settings = await self.ask(lambda session: stored_settings(session, session.get_one(Connection, view.id)))
        now = self.clock.now()
        until = await self.ask(lambda session: session.get_one(Connection, view.id).still_to_wait(now))
        if view.state is ConnectionState.PAUSED and until is not None:
            http.pause((until - now).total_seconds())  # what another desk was told (I14)
        provider = info.make_provider(http, CompanyRef(view.company_id, view.company_name), settings)
        company = Company(self.db, provider, view.id, view.key, self.desk, self._leases)
        return _Live(company, http, tokens, RemoteLists(provider, self.clock))

    async def _drop_live(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            await live.tokens.settled()
            await live.http.close()

    # --- sync -------------------------------------------------------------------------------------------

    async def sync(self, records: Sequence[tuple[Kind, int]]) -> Report:
        """Sync or Resync these records now and wait for the end (M73, M96). Raises NotAllowed when not connected."""
        await self.require_company()

        def ask(session: Session, desk: Desk) -> None:
            for kind, local_id in records:
                promise(session, desk, kind.value, local_id, PushReason.ASKED, asked=True)

        await self.do(ask)
        return await self.runner.drain(wait_for_lease=True)

    async def preview(self, records: Sequence[tuple[Kind, int]]) -> Preview:
        """What syncing these records would write there, field by field; writes nothing (N11).

        Raises NotAllowed when not connected, ConnectionProblem when the service can't be asked.
        """
        company = await self.require_company()
        await refresh_settings(company)
        return await preview(company, records)

    async def run_preview(self, shown: Preview) -> Report:
        """Write exactly what was shown. Raises PlanChanged, with nothing written, once it would be something else."""
        await self.require_company()
        return await self.runner.run_exactly(shown.targets, shown.key, self.options.account)

    async def sync_now(self) -> Report:
        """Everything that waits goes out, then what changed there comes in (M60, M117).

        Reads the company's settings first when they are older than a day.
        """
        company = await self.require_company()
        try:
            await refresh_settings(company)
        except ConnectionProblem as problem:
            await self._note_trouble(company, problem)
            return Report(problem=problem)
        await self.do(sync_everything)
        wish = Wish(actor=self.options.account)
        return await self.runner.drain(everything=True, wait_for_lease=True, wish=wish)

    async def weekly_if_due(self) -> Report | None:
        """The weekly run, if one is due and no desk has done it (M116); None when there is nothing to do.

        After any time off this is one run (C19). A service that can't be reached is in the report; the run stays due.
        """
        due = await self.ask(due_now, self.clock.now())
        if due is None:
            return None
        return await self.runner.drain(wait_for_lease=True, wish=Wish(due=due))

    async def next_weekly(self) -> datetime | None:
        """When the weekly run comes next, in UTC; None while its switch is off or nothing is connected."""
        view = await self.connection()
        if view is None or not view.switches.weekly:
            return None
        now = self.clock.now()
        return await self.ask(due_now, now) or next_due(now)

    async def _keep_schedule(self) -> None:
        """Looks at the start, which is the catch-up, and then at each due time."""
        while True:
            pause = None
            try:
                report = await self.weekly_if_due()
                if report is not None and (report.problem is not None or report.pulled is None):
                    pause = AGAIN_SECONDS
            except BlueClerkError as problem:
                _log.info("the weekly run was not finished: %s", problem.title)
                pause = AGAIN_SECONDS
            except Exception:  # the next due time must come whatever it was
                _log.exception("the weekly run failed")
                pause = AGAIN_SECONDS
            await self.clock.sleep(pause or seconds_to_wait(self.clock.now()))

    async def _note_trouble(self, company: Company, problem: ConnectionProblem) -> None:
        def write(session: Session) -> None:
            row = session.get_one(Connection, company.connection_id)
            failures.connection_trouble(session, self.clock.now(), row, problem, by_hand=True)

        await self.db.in_write(write)

    async def check_connection(self, kind: Kind | None = None, local_id: int | None = None) -> list[Check]:
        """Why doesn't it sync? Looks now, at the service too, and names the cause (M140).

        What the service refuses is an answer, never raised.
        """
        try:
            company = await self.company()
        except (SecretStoreProblem, ConnectionProblem) as problem:
            return [checks.refused(problem)]
        return [checks.not_connected()] if company is None else await checks.run_checks(company, kind, local_id)

    # --- the bell ------------------------------------------------------------------------------------------

    async def bell(self) -> list[failures.BellEntry]:
        """The open failures of this user, newest first (M105-M108)."""
        return await self.ask(causes.open_causes, self.options.account)

    async def unread(self) -> int:
        """The number on the bell."""
        return await self.ask(causes.unread_causes, self.options.account)

    async def mark_read(self, ids: Sequence[int]) -> None:
        """These entries were seen."""
        await self.db.in_write(lambda session: failures.mark_read(session, self.clock.now(), ids))

    # --- watching --------------------------------------------------------------------------------------------

    def watch(self, listener: Callable[[frozenset[Change]], Any]) -> Callable[[], None]:
        """Call `listener` on this loop after each commit; the answer ends it."""
        loop = asyncio.get_running_loop()

        def deliver(changes: frozenset[Change]) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile: nobody is left to be told
                loop.call_soon_threadsafe(listener, changes)

        return self.db.subscribe(deliver)


def _redirect_address(session: Session, connection_id: int) -> str:
    """The address that this connection's code was traded with: a refresh after a restart names it again."""
    return session.get_one(Connection, connection_id).redirect_uri


def _started_clean(session: Session, company: Company, actor: str) -> None:
    set_aside(session, company.connection_id, actor)


def _backup_of_today(path: Path, folder: Path, now: datetime) -> Path | None:
    if any(now - backup.taken_at < timedelta(days=1) for backup in list_backups(folder)):
        return None
    made = take_backup(path, folder, "daily", now)
    thin_out(folder, now)
    return made.path
