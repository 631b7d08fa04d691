"""A valid access token, refreshed exactly once however many desks, threads and tasks ask (M101, M102, I11).

The grant lies sealed in the connection's row. A refresh is done by whoever holds the lease of that row; the
new pair is stored before anything else is done with it, and only where the row's version is still the one
that was read. The lease is deliberately not asked again there: a desk that was frozen after the service
answered holds the only copy of the new pair, and its late write heals what others saw fail meanwhile.

How long a token is good is judged by elapsed (monotonic) time from the moment this desk first saw it, so a
clock that is wrong, or set while the program runs, costs one refresh at most (T1).
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from desktop.clock import Clock, Entropy
from desktop.crashpoint import crashpoint
from desktop.errors import (
    AccessBlocked,
    ConnectionProblem,
    NeedsSignIn,
    RateLimited,
    SecretStoreProblem,
    StorageProblem,
)
from desktop.models.connection import Connection
from desktop.models.session import Database, db_now, note_change
from desktop.models.states import ConnectionState
from desktop.providers.base import AccessToken, RefreshInDoubt, SignIn
from desktop.providers.records import ProviderKey, TokenGrant
from desktop.providers.registry import SERVICES
from desktop.sync.leases import HeldLease, Leases, lease_is_free
from desktop.sync.secrets import Cipher, Sealed
from desktop.text import tr

MARGIN_SECONDS = 300.0
"""A token with less left than this (or than half its life, if that is shorter) is renewed beforehand."""
USUAL_LIFE_SECONDS = 3600.0
"""Taken for a token whose stated life can't be true; a shorter one is found out by the service's refusal."""
LONGEST_LIFE_SECONDS = 86_400.0
REFRESH_SECONDS = 35.0
"""Total deadline of a refresh, its one repetition included; well below the lease."""
FIRST_TRY_SECONDS = 20.0
LEASE_SECONDS = 60.0
POLL_SECONDS = 0.05
AGAIN_SECONDS = 30.0
"""After an early refresh that failed, while the token is still good."""
STORE_DELAYS = (0.1, 0.5, 2.0, 5.0)
"""Seconds before each further try to store a new pair: until then it exists nowhere but in this program."""


def service_name(provider: str) -> str:
    """What the owner calls the service."""
    return SERVICES[ProviderKey(provider)].terms.service


def token_purpose(connection_id: int) -> str:
    """What a token's seal is bound to."""
    return f"token:{connection_id}"


def token_lease(connection_id: int) -> str:
    """The name of the lease under which this connection's token is refreshed."""
    return f"token:{connection_id}"


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """A grant as it lies in a connection's row; `life_seconds` is how long its access token lasts in all."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scope: str
    life_seconds: float

    @classmethod
    def of(cls, grant: TokenGrant, now: datetime) -> StoredGrant:
        """`now` is the clock by which the grant's end was reckoned."""
        life = (grant.expires_at - now).total_seconds()
        if not 0 < life <= LONGEST_LIFE_SECONDS:
            life = USUAL_LIFE_SECONDS
        return cls(grant.access_token, grant.refresh_token, grant.scope, life)

    def to_text(self) -> str:
        return json.dumps([self.access_token, self.refresh_token, self.scope, self.life_seconds])

    @classmethod
    def from_text(cls, text: str) -> StoredGrant:
        access, refresh, scope, life = json.loads(text)
        return cls(access, refresh, scope, float(life))


def token_columns(
    session: Session,
    cipher: Cipher,
    connection_id: int,
    stored: StoredGrant,
    refresh_expires_at: datetime | None,
) -> dict[str, Any]:
    """The columns that hold a new grant, but for the version. Its end is in the database's time (UTC)."""
    sealed = cipher.seal(token_purpose(connection_id), stored.to_text())
    return {
        "token_blob": sealed.blob,
        "token_key_id": sealed.key_id,
        "token_expires_at": db_now(session) + timedelta(seconds=stored.life_seconds),
        "token_refresh_expires_at": refresh_expires_at,
        "token_state": "ok",
    }


def open_grant(cipher: Cipher, row: Any, connection_id: int) -> StoredGrant:
    """The grant in `row` (`token_blob`, `token_key_id`). Raises SecretStoreProblem."""
    sealed = Sealed(row.token_blob, row.token_key_id)
    return StoredGrant.from_text(cipher.open(token_purpose(connection_id), sealed))


@dataclass(frozen=True, slots=True)
class _Seen:
    """A version of the row: its grant, when to renew it and when its access token ends (both monotonic)."""

    version: int
    grant: StoredGrant
    good_until: float
    ends: float


@dataclass(frozen=True, slots=True)
class _Unsaved:
    """A new pair that the database did not take yet, the version that it replaces, and when it came (monotonic)."""

    version: int
    grant: TokenGrant
    stored: StoredGrant
    received: float


_Flight = tuple[int, asyncio.AbstractEventLoop, "asyncio.Task[None]"]


class Tokens:
    """The TokenSource of one connection; one per running program is enough, more do no harm."""

    def __init__(
        self,
        db: Database,
        cipher: Cipher,
        sign_in: SignIn,
        leases: Leases,
        clock: Clock,
        entropy: Entropy,
        connection_id: int,
        *,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._db = db
        self._cipher = cipher
        self._sign_in = sign_in
        self._leases = leases
        self._clock = clock
        self._entropy = entropy
        self._id = connection_id
        self._lease_seconds = lease_seconds
        self._deadline = min(REFRESH_SECONDS, 0.6 * lease_seconds)
        self._seen: _Seen | None = None
        self._flights: set[_Flight] = set()
        self._away: tuple[float, RateLimited] | None = None
        """Until when (monotonic) the token endpoint wants no more calls (H4)."""
        self._unsaved: _Unsaved | None = None

    async def __call__(self, refused: AccessToken | None = None) -> AccessToken:
        """See TokenSource. Raises NeedsSignIn, AccessBlocked or another ConnectionProblem."""
        while True:
            seen = await self._read()
            is_refused = refused is not None and refused.version >= seen.version
            if not is_refused and self._clock.monotonic() < seen.good_until:
                return AccessToken(seen.grant.access_token, seen.version)
            try:
                await self._newer_than(seen)
            except ConnectionProblem as problem:
                now = self._clock.monotonic()
                if is_refused or not problem.retryable or now >= seen.ends:
                    raise
                # asked for early, and the token is good for a while yet: use it, and ask again later
                self._seen = replace(seen, good_until=min(seen.ends, now + AGAIN_SECONDS))

    async def settled(self) -> None:
        """Wait for refreshes of this loop that outlived their callers; to be awaited before the loop ends."""
        loop = asyncio.get_running_loop()
        running = [task for _, its_loop, task in tuple(self._flights) if its_loop is loop]
        await asyncio.gather(*running, return_exceptions=True)

    # --- reading ---

    async def _read(self) -> _Seen:
        """The row as it is now; deciphered once per version."""
        found = await self._db.in_read(self._look)
        known = self._seen
        if known is not None and known.version == found.token_version:
            return known
        try:
            grant = open_grant(self._cipher, found, self._id)
        except SecretStoreProblem as problem:
            blocked = AccessBlocked(problem.title, problem.advice, details=problem.details)
            blocked.fix = problem.fix
            raise blocked from None
        left = min(found.left_seconds, grant.life_seconds)
        return self._remember(found.token_version, grant, self._clock.monotonic() + left)

    def _look(self, session: Session) -> _Row:
        row = session.execute(_COLUMNS.where(Connection.id == self._id, Connection.live == 1)).one_or_none()
        if row is None or row.token_blob is None or row.token_state != "ok":
            raise NeedsSignIn(service_name(self._sign_in.key))
        ends = row.token_expires_at
        left = (ends - db_now(session)).total_seconds() if ends is not None else 0.0
        return _Row(row.token_version, row.token_blob, row.token_key_id, left)

    def _remember(self, version: int, grant: StoredGrant, ends: float) -> _Seen:
        seen = _Seen(version, grant, ends - min(MARGIN_SECONDS, grant.life_seconds / 2), ends)
        known = self._seen
        if known is None or known.version < version:
            self._seen = seen
        return seen

    # --- refreshing ---

    async def _newer_than(self, seen: _Seen) -> None:
        """Return once the row may hold a newer version; tasks of one loop share one attempt and its outcome.

        The attempt is a task of its own: a caller who is cancelled must not lose a pair already granted.
        """
        if self._away is not None and self._clock.monotonic() < self._away[0]:
            left = self._away[0] - self._clock.monotonic()  # counted anew: the clock may have been put right since (T1)
            until = self._clock.now() + timedelta(seconds=left)
            raise RateLimited(service_name(self._sign_in.key), until, service_ref=self._away[1].service_ref)
        loop = asyncio.get_running_loop()
        for version, its_loop, running in tuple(self._flights):
            if version == seen.version and its_loop is loop and not running.done():
                await asyncio.shield(running)
                return
        task = asyncio.create_task(self._refresh_or_wait(seen))
        flight = (seen.version, loop, task)
        self._flights.add(flight)
        task.add_done_callback(lambda done: self._landed(flight))
        await asyncio.shield(task)

    def _landed(self, flight: _Flight) -> None:
        self._flights.discard(flight)
        if not flight[2].cancelled():
            flight[2].exception()  # seen: its callers may all have been cancelled

    async def _refresh_or_wait(self, seen: _Seen) -> None:
        while True:
            held = await self._db.in_write(lambda session: self._claim(session, seen))
            if held is not None:
                return await self._refresh(seen, held)
            while True:
                version, free = await self._db.in_read(self._progress)
                if version != seen.version:
                    return None
                if free:
                    break
                await self._clock.sleep(POLL_SECONDS * self._entropy.uniform(1.0, 2.0))

    def _progress(self, session: Session) -> tuple[int | None, bool]:
        version = session.scalar(
            select(Connection.token_version).where(
                Connection.id == self._id, Connection.live == 1, Connection.token_state == "ok"
            )
        )
        return version, lease_is_free(session, token_lease(self._id))

    def _claim(self, session: Session, seen: _Seen) -> HeldLease | None:
        """The lease, if the row is still as it was seen; None sends the caller back to look."""
        row = session.execute(_COLUMNS.where(Connection.id == self._id, Connection.live == 1)).one_or_none()
        if row is None or row.token_version != seen.version or row.token_state != "ok":
            return None
        return self._leases.take_in(session, token_lease(self._id), self._lease_seconds)

    async def _refresh(self, seen: _Seen, held: HeldLease) -> None:
        try:
            new = await self._new_pair(seen)
        except NeedsSignIn as problem:
            if await self._give_up(seen, held, problem):
                raise
            return  # A3: somebody stored a newer pair meanwhile; the caller reads that one
        except BaseException as error:
            if isinstance(error, RateLimited) and error.until is not None:
                wait = (error.until - self._clock.now()).total_seconds()
                self._away = (self._clock.monotonic() + wait, error)
            # whatever it was (offline, wrong app keys, cancelled at the end of the program): the token stays
            await asyncio.shield(self._leases.release(held))
            raise
        if await self._keep(seen, held, new):
            self._remember(seen.version + 1, new.stored, new.received + new.stored.life_seconds)
            crashpoint("token.stored")
        self._unsaved = None

    async def _new_pair(self, seen: _Seen) -> _Unsaved:
        """A pair from the service, or the one that it gave before and the database did not take."""
        crashpoint("token.check")
        if self._unsaved is not None and self._unsaved.version == seen.version:
            return self._unsaved
        grant = await self._ask(seen.grant.refresh_token)
        crashpoint("token.refresh.got")
        stored = StoredGrant.of(grant, self._clock.now())
        self._unsaved = _Unsaved(seen.version, grant, stored, self._clock.monotonic())
        return self._unsaved

    async def _keep(self, seen: _Seen, held: HeldLease, new: _Unsaved) -> bool:
        """Store the new pair; False if the row has moved on meanwhile.

        A database that can't be written for a moment is tried again, and the pair is kept for the next caller: the old
        one is used up. Raises StorageProblem.
        """

        def write(session: Session) -> bool:
            return self._store(session, seen, held, new.stored, new.grant)

        for delay in STORE_DELAYS:
            with suppress(StorageProblem):
                return await self._db.in_write(write)
            await self._clock.sleep(delay)
        try:
            return await self._db.in_write(write)
        except StorageProblem:
            with suppress(StorageProblem):  # it ends by itself
                await self._leases.release(held)
            raise

    async def _give_up(self, seen: _Seen, held: HeldLease, problem: NeedsSignIn) -> bool:
        return await self._db.in_write(lambda session: self._mark_ended(session, seen, held, problem))

    async def _ask(self, refresh_token: str) -> TokenGrant:
        """One refresh; if its answer is lost, once more with the same token (A6), which is then settled.

        A second loss ends this attempt but not the token (A8). If the service did rotate it, the next
        attempt is refused and ends in NeedsSignIn; nothing is spoilt by asking, as the new pair is lost.
        """
        started = self._clock.monotonic()
        try:
            return await self._send(refresh_token, min(FIRST_TRY_SECONDS, 0.6 * self._deadline))
        except RefreshInDoubt:
            left = self._deadline - (self._clock.monotonic() - started)
            return await self._send(refresh_token, max(left, 0.25 * self._deadline))

    async def _send(self, refresh_token: str, seconds: float) -> TokenGrant:
        crashpoint("token.refresh.sent")
        try:
            async with asyncio.timeout(seconds):
                return await self._sign_in.refresh(refresh_token)
        except TimeoutError:
            name = service_name(self._sign_in.key)
            raise RefreshInDoubt(
                tr("{service} did not answer in time.", service=name),
                tr("Everything is kept and goes out when it is back."),
            ) from None

    def _store(self, session: Session, seen: _Seen, held: HeldLease, stored: StoredGrant, grant: TokenGrant) -> bool:
        columns = token_columns(session, self._cipher, self._id, stored, grant.refresh_expires_at)
        changed = self._change(session, seen, columns | {"token_version": seen.version + 1})
        if changed:  # a late answer also mends what others gave up meanwhile
            session.execute(
                update(Connection)
                .where(Connection.id == self._id, Connection.state == ConnectionState.NEEDS_SIGN_IN.value)
                .values(state=ConnectionState.CONNECTED.value, state_title="", state_advice="", state_fix="")
                .execution_options(synchronize_session=False)
            )
        self._leases.release_in(session, held)
        return changed

    def _mark_ended(self, session: Session, seen: _Seen, held: HeldLease, problem: ConnectionProblem) -> bool:
        """Say that only the owner can help, unless the row has moved on; its version stays, for a healing."""
        ended = {
            "token_state": "reconnect",
            "state": ConnectionState.NEEDS_SIGN_IN.value,
            "state_title": problem.title,
            "state_advice": problem.advice,
            "state_fix": problem.fix.value,
        }  # not until when: who signs in again is asked to wait too
        changed = self._change(session, seen, ended)
        self._leases.release_in(session, held)
        return changed

    def _change(self, session: Session, seen: _Seen, values: dict[str, Any]) -> bool:
        result: CursorResult[Any] = session.execute(  # type: ignore[assignment]
            update(Connection)
            .where(Connection.id == self._id, Connection.live == 1, Connection.token_version == seen.version)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        if result.rowcount == 1:
            note_change(session, "connection", self._id)
        return result.rowcount == 1


@dataclass(frozen=True, slots=True)
class _Row:
    token_version: int
    token_blob: bytes = field(repr=False)
    token_key_id: str
    left_seconds: float


_COLUMNS = select(
    Connection.token_version,
    Connection.token_blob,
    Connection.token_key_id,
    Connection.token_state,
    Connection.token_expires_at,
)
