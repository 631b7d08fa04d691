"""A strict token endpoint on a real socket, a sign-in that talks to it, and books with a connection in them."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
from sqlalchemy.orm import Session

from desktop.clock import Clock, SystemClock, SystemEntropy
from desktop.errors import AppKeysWrong, NeedsSignIn, Offline, ServiceDown
from desktop.models.connection import Connection
from desktop.models.session import Database, db_now, open_database
from desktop.models.states import ConnectionState, Switches
from desktop.providers.base import AppKeys, Endpoints, RefreshInDoubt
from desktop.providers.quickbooks_signin import QuickBooksSignIn
from desktop.providers.records import ProviderKey, TokenGrant
from desktop.sandbox.oauth import Authority, OAuthRefused, OAuthRules
from desktop.sync.leases import Leases
from desktop.sync.secrets import Cipher, MemoryStore
from desktop.sync.tokens import StoredGrant, Tokens, token_columns

DATABASE_ID = "the-office"
COMPANY = "9130"


@dataclass
class Endpoint:
    """A service's token endpoint: every refresh rotates, and a used token ends the whole grant (A5).

    `calls` holds the refresh token of each call that arrived. `before` runs ahead of the rotation, `after`
    behind it and ahead of the reply; either may raise `Hangup` to lose the reply.
    """

    authority: Authority
    base: str = ""
    calls: list[str] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    answers: list[tuple[int, str]] = field(default_factory=list)
    """Refusals given to the next calls in place of tokens."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def grant(self) -> tuple[str, str]:
        """Access and refresh token of a new consent."""
        with self.lock:
            issued = self.authority.issue(self.authority.new_grant(COMPANY, "accounting"))
        return issued.access, issued.refresh

    def refresh(self, token: str) -> tuple[int, dict[str, object]]:
        with self.lock:
            self.calls.append(token)
        self.before()
        with self.lock:
            if self.answers:
                status, word = self.answers.pop(0)
                return status, {"error": word}
            try:
                issued = self.authority.refresh(token)
            except OAuthRefused as refused:
                return 400, {"error": refused.error}
        self.after()
        return 200, {
            "access_token": issued.access,
            "refresh_token": issued.refresh,
            "expires_in": self.authority.rules.access_seconds,
        }


class Hangup(Exception):
    """The reply is lost."""


def start_endpoint(**rules: object) -> tuple[Endpoint, Callable[[], None]]:
    """An endpoint in a thread on a free port, and what stops it."""
    authority = Authority("id", "secret", time.time, secrets.token_hex)
    values: dict[str, object] = {"rotation": "always", "reuse_kills_family": True} | rules
    authority.rules = OAuthRules(**values)  # type: ignore[arg-type]
    endpoint = Endpoint(authority)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            form = parse_qs(self.rfile.read(length).decode())
            try:
                status, answer = endpoint.refresh(form["refresh_token"][0])
            except Hangup:
                self.close_connection = True
                return
            body = json.dumps(answer).encode()
            with suppress(OSError):  # the asking process may have been killed
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    endpoint.base = f"http://127.0.0.1:{server.server_port}/token"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return endpoint, stop


class HttpSignIn:
    """The refresh of a service over HTTP; each answer becomes the error that the contract names."""

    key = ProviderKey.QUICKBOOKS
    uses_pkce = False
    rotating_refresh = True

    def __init__(self, base: str, clock: Clock | None = None) -> None:
        self.base = base
        self.clock = clock or SystemClock()
        self.server_time: Callable[[], datetime] | None = None
        """Where set, ends are reckoned by it and not by the desk's clock."""

    async def refresh(self, refresh_token: str) -> TokenGrant:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
                answer = await client.post(self.base, data={"refresh_token": refresh_token})
        except httpx.ConnectError:
            raise Offline("QuickBooks") from None
        except httpx.HTTPError:
            raise RefreshInDoubt("The answer was lost.") from None
        body = answer.json()
        if answer.status_code == 200:
            now = (self.server_time or self.clock.now)()
            ends = now + timedelta(seconds=body["expires_in"])
            return TokenGrant(body["access_token"], body["refresh_token"], ends)
        if body["error"] == "invalid_grant":
            raise NeedsSignIn("QuickBooks")
        raise AppKeysWrong("QuickBooks") if body["error"] == "invalid_client" else ServiceDown("QuickBooks")

    def authorize_url(self, *, state: str, redirect_uri: str, challenge: str = "") -> str:
        raise NotImplementedError

    async def exchange(self, code: str, *, redirect_uri: str, verifier: str = "") -> TokenGrant:
        raise NotImplementedError

    async def revoke(self, token: str) -> bool:
        return False

    async def leave(self, grant: TokenGrant, company_id: str) -> bool:
        return False

    @property
    def asked_to_wait(self) -> datetime | None:
        return None

    def company_in(self, query: dict[str, str]) -> str | None:
        return query.get("realmId")


def sandbox_sign_in(ready: dict[str, Any]) -> QuickBooksSignIn:
    """The program's own sign-in, for the sandbox's QuickBooks."""
    addresses = {name: ready[name] for name in ("api", "authorize", "token", "revoke", "discovery")}
    keys = AppKeys(ready["client_id"], ready["client_secret"])
    return QuickBooksSignIn(Endpoints(**addresses), keys, clock=SystemClock())


def open_books(url: str, folder: Path, clock: Clock | None = None) -> Database:
    return open_database(url, clock or SystemClock(), backup_dir=folder / "backups")


def unlocked(key: str | None = None) -> Cipher:
    """A cipher with a key in memory; processes that are given the same `key` share it."""
    cipher = Cipher(MemoryStore({DATABASE_ID: key} if key else None), DATABASE_ID)
    cipher.unlock_now()
    return cipher


def add_connection(
    db: Database, cipher: Cipher, access: str, refresh: str, *, expires_in: float, life: float = 3600.0
) -> int:
    """A live QuickBooks connection whose access token ends `expires_in` seconds from now."""

    def add(session: Session) -> int:
        now = db_now(session)
        row = Connection(
            live=1,
            provider="quickbooks",
            environment="sandbox",
            company_id=COMPANY,
            company_name="Acme Plumbing",
            state=ConnectionState.CONNECTED.value,
            connected_at=now,
            switches=Switches().to_json(),
        )
        session.add(row)
        session.flush()
        stored = StoredGrant(access, refresh, "", life)
        for name, value in token_columns(session, cipher, row.id, stored, None).items():
            setattr(row, name, value)
        row.token_version = 1
        row.token_expires_at = now + timedelta(seconds=expires_in)
        return row.id

    with db.write() as session:
        return add(session)


def columns(db: Database, connection_id: int) -> Connection:
    with db.read() as session:
        row = session.get(Connection, connection_id)
        assert row is not None
        return row


@dataclass
class Bench:
    """One desk with a connection at `endpoint`."""

    db: Database
    cipher: Cipher
    endpoint: Endpoint
    sign_in: HttpSignIn
    clock: Clock
    connection_id: int

    def tokens(self, owner: str = "desk", lease_seconds: float = 60.0) -> Tokens:
        return Tokens(
            self.db,
            self.cipher,
            self.sign_in,
            Leases(self.db, owner),
            self.clock,
            SystemEntropy(),
            self.connection_id,
            lease_seconds=lease_seconds,
        )

    @property
    def row(self) -> Connection:
        return columns(self.db, self.connection_id)


START = datetime(2025, 3, 3, 12, tzinfo=UTC)


async def idle() -> None:
    """Let other tasks go on."""
    await asyncio.sleep(0)
