"""The one way out to a service, and the only file that imports the HTTP library.

`Transport` sends one request and says how far it got; `ServiceHttp` adds the token, the limits, the waits and
the retries of one connection. What a status or a body *means* is the provider's business (`Judge`).
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import json
import logging
import ssl
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import httpx

from desktop.clock import Clock, Entropy
from desktop.errors import (
    ConnectionProblem,
    NeedsSignIn,
    NetworkIntercepted,
    Offline,
    RateLimited,
    ServiceDown,
)
from desktop.providers.answers import Answer, BadBody, MaybeApplied, NothingSent, is_json_type, parse_json
from desktop.providers.base import AccessToken, TokenSource
from desktop.providers.limits import Explain, Failure, Limiter, Limits, http_date, retry_after, retry_delay
from desktop.providers.permits import ask_permit

log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log addresses with their values

Client = httpx.AsyncClient
"""The HTTP client, so that nobody else needs to import the library to pass one in."""

USER_AGENT = "BlueClerk-Desktop"
KEPT_HEADERS = ("date", "retry-after", "content-type", "www-authenticate", "x-rate-limit-problem")
REFERENCES = ("intuit_tid", "xero-correlation-id", "x-request-id")
"""Where the services put their own id of a request."""
KEPT_TEXT = 20_000
BIG_BODY = 64_000
"""Bodies beyond this many bytes are parsed on a thread, so that the window never waits for them."""
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_MAYBE_STATUS = frozenset({408, 499})
"""4xx answers that say that time ran out, not that nothing was done."""


@functools.cache
def _certificates(trust_env: bool) -> ssl.SSLContext:
    """The authorities that are believed; read once, since that takes longer than a window may stand still."""
    return httpx.create_ssl_context(trust_env=trust_env)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by name or address; nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_base(base: str) -> str:
    """`base` without a trailing slash.

    Raises ValueError for anything but https, or plain http on this very machine: a token must not travel
    unprotected (I13).
    """
    parts = urlsplit(base)
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("a service address is scheme, host, port and path only")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("only https is allowed, and http on this computer")
    return base.rstrip("/")


class Failed(Exception):
    """An attempt without a usable answer: how far it got, and what to tell about the connection."""

    def __init__(
        self,
        failure: Failure,
        problem: ConnectionProblem,
        *,
        sent: bool,
        answer: Answer | None = None,
        service_ref: str = "",
    ) -> None:
        super().__init__(failure.value)
        self.sent = sent
        self.failure = failure
        self.problem = problem
        self.answer = answer
        self.service_ref = service_ref

    @property
    def outage(self) -> ConnectionProblem | None:
        """The problem, if everything else would meet it too; one lost answer or one 500 says nothing of the rest."""
        if self.failure is Failure.LOST or (self.answer is not None and self.answer.status == 500):
            return None
        return self.problem


@dataclass(frozen=True, slots=True)
class Request:
    """One request, complete but for the authorisation. `shown` is its path for the log, without values."""

    method: str
    url: str
    shown: str
    headers: Mapping[str, str]
    content: bytes | None = None
    empty_ok: bool = False
    changes: bool = False
    """It changes something there: asked for a permit at the last moment (desktop.providers.permits)."""


class _Phase:
    """Learns from the library's own events whether bytes of the request may have left."""

    def __init__(self, changes: bool) -> None:
        self.known = False
        self.left = False
        self._changes = changes

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        self.known = True
        if "send_request_headers" in event:
            if self._changes and not self.left:
                await ask_permit()
            self.left = True

    @property
    def nothing_left(self) -> bool:
        return self.known and not self.left


class Transport:
    """Sends single requests to one service; never follows a redirect (N10)."""

    def __init__(
        self,
        service: str,
        clock: Clock,
        *,
        loopback: bool,
        client: Client | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.service = service
        self._clock = clock
        self._limits = limits or Limits()
        self._loopback = loopback
        self._client = client
        self._owns_client = client is None
        self._left: list[Client] = []
        self._calls: Counter[Client] = Counter()

    async def close(self) -> None:
        """Ends the kept-alive connections, if the client is ours."""
        self.leave()
        left, self._left = self._left, []
        for client in left:
            await client.aclose()

    def leave(self) -> None:
        """Later requests go by new connections; the old ones end when the last call on them has its answer.

        Where one answer belongs to another request, each later one on that connection would as well (N11).
        """
        if self._owns_client and self._client is not None:
            self._left.append(self._client)
            self._client = None

    async def _end_left(self) -> None:
        done = [client for client in self._left if not self._calls[client]]
        self._left = [client for client in self._left if self._calls[client]]
        for client in done:
            await client.aclose()

    async def attempt(self, request: Request, *, deadline: float) -> Answer:
        """One request, one complete answer with a status below 500 other than a redirect (or 501).

        Raises Failed. `deadline` (seconds, real time) bounds the whole of it, however slowly bytes drip (N6).
        """
        started = self._clock.monotonic()
        phase = _Phase(request.changes)
        outcome = "no answer"
        try:
            async with asyncio.timeout(deadline):
                answer = await self._exchange(request, phase)
            outcome = f"{answer.status} ref={answer.service_ref or '-'}"
            return answer
        except Failed as failed:
            outcome = f"{failed.failure.value} ref={failed.service_ref or '-'}"
            raise
        except TimeoutError:
            outcome = "deadline passed"
            raise self._broken(phase.nothing_left, "the total deadline passed") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            outcome = type(error).__name__
            raise self._from_library(error, phase) from None
        finally:
            spent = round((self._clock.monotonic() - started) * 1000)
            log.info("%s %s %s -> %s in %d ms", self.service, request.method, request.shown, outcome, spent)

    async def _exchange(self, request: Request, phase: _Phase) -> Answer:
        client = self._open()
        self._calls[client] += 1
        try:
            return await self._asked(client, request, phase)
        finally:
            self._calls[client] -= 1
            if not self._calls[client]:
                del self._calls[client]
            await self._end_left()

    async def _asked(self, client: Client, request: Request, phase: _Phase) -> Answer:
        built = client.build_request(
            request.method,
            request.url,
            headers=dict(request.headers),
            content=request.content,
            extensions={"trace": phase},
        )
        response = await client.send(built, stream=True, follow_redirects=False)
        try:
            known = (response.headers.get(name) for name in REFERENCES)
            reference = next((value for value in known if value), "")
            if 300 <= response.status_code < 400:
                raise Failed(
                    Failure.INTERCEPTED,
                    NetworkIntercepted(self.service, "a redirect"),
                    sent=True,
                    service_ref=reference,
                )
            raw = await self._read(response, reference)
        finally:
            await response.aclose()
        return await self._understand(request, response, raw, reference)

    async def _read(self, response: httpx.Response, reference: str) -> bytes:
        parts, size = [], 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > self._limits.response_bytes:
                raise self._broken(False, "the answer is too large", reference)
            parts.append(part)
        return b"".join(parts)

    async def _understand(self, request: Request, response: httpx.Response, raw: bytes, reference: str) -> Answer:
        status = response.status_code
        kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        content_type = kept.get("content-type", "")
        body, text, bad = None, "", ""
        if not raw and request.empty_ok:
            pass
        elif is_json_type(content_type):
            try:
                body = await asyncio.to_thread(parse_json, raw) if len(raw) > BIG_BODY else parse_json(raw)
            except BadBody as error:
                bad = str(error)
        else:
            text = raw[:KEPT_TEXT].decode("utf-8", "replace")
            bad = f"not JSON but {content_type[:40] or 'untyped'}"
        answer = Answer(status, body, text, kept, reference, self.leave)
        if status >= 500 and status != 501:
            raise Failed(
                Failure.SERVER_ERROR,
                ServiceDown(self.service, service_ref=reference, details=f"HTTP {status}"),
                sent=True,
                answer=answer,
                service_ref=reference,
            )
        if bad and 200 <= status < 300:
            if "html" in content_type.lower():
                problem = NetworkIntercepted(self.service, bad)
                raise Failed(Failure.INTERCEPTED, problem, sent=True, service_ref=reference)
            raise self._broken(False, bad, reference)
        return answer

    def _from_library(self, error: Exception, phase: _Phase) -> Failed:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLError) and not phase.left:
                problem = NetworkIntercepted(self.service, "the certificate is not theirs")
                return Failed(Failure.INTERCEPTED, problem, sent=False)
            cause = cause.__cause__ or cause.__context__
        nothing = isinstance(
            error,
            (
                httpx.ConnectError,
                httpx.ConnectTimeout,
                httpx.PoolTimeout,
                httpx.ProxyError,
                httpx.UnsupportedProtocol,
                httpx.LocalProtocolError,
                httpx.InvalidURL,
            ),
        )
        return self._broken((nothing and not phase.left) or phase.nothing_left, type(error).__name__)

    def _broken(self, nothing_sent: bool, details: str, reference: str = "") -> Failed:
        if nothing_sent:
            return Failed(Failure.NOT_SENT, Offline(self.service, details), sent=False)
        problem = ServiceDown(self.service, service_ref=reference, details=details)
        return Failed(Failure.LOST, problem, sent=True, service_ref=reference)

    def _open(self) -> Client:
        if self._client is None:
            trust_env = not self._loopback  # a proxy from the environment has no business on this machine
            self._client = httpx.AsyncClient(
                verify=_certificates(trust_env),
                follow_redirects=False,
                trust_env=trust_env,
                timeout=httpx.Timeout(self._limits.write_deadline, connect=self._limits.connect_timeout),
            )
        return self._client


class Judge(Protocol):
    """What a provider knows about answers that concern the whole connection."""

    def throttled(self, answer: Answer) -> bool:
        """The answer means "wait" although its status is not 429."""
        ...

    def problem(self, answer: Answer) -> ConnectionProblem | None:
        """Why the connection can't be used, if the answer says so and so says that nothing was done."""
        ...


def new_limiter(service: str, limits: Limits, clock: Clock, entropy: Entropy) -> Limiter:
    """A limiter that nothing has passed yet."""
    return Limiter(limits, clock, entropy, lambda until: RateLimited(service, until))


class ServiceHttp:
    """All requests of one connection: they share the limits, the demanded waits and the token.

    `base` is the service's API address (see `check_base`), `service` its name for people, `tokens` gives the
    access token, `client` may bring another transport (tests), `limiter` one that knows of calls made before.
    """

    def __init__(
        self,
        *,
        base: str,
        service: str,
        tokens: TokenSource,
        clock: Clock,
        entropy: Entropy,
        client: Client | None = None,
        limits: Limits | None = None,
        limiter: Limiter | None = None,
    ) -> None:
        self.base = check_base(base)
        self.service = service
        self.clock = clock
        self.loopback = is_loopback(urlsplit(self.base).hostname or "")
        self.judge: Judge | None = None
        self._tokens = tokens
        self._entropy = entropy
        self._limits = limits or Limits()
        self._transport = Transport(service, clock, loopback=self.loopback, client=client, limits=self._limits)
        self._limiter = limiter or new_limiter(service, self._limits, clock, entropy)
        self._slots = asyncio.Semaphore(self._limits.concurrency)
        self._server_date: tuple[datetime, float] | None = None

    async def close(self) -> None:
        """Ends the kept-alive connections."""
        await self._transport.close()

    def leave(self) -> None:
        """See `Transport.leave`."""
        self._transport.leave()

    @property
    def practice_page(self) -> str:
        """The page of the practice books on this computer; "" where the service is the real one."""
        parts = urlsplit(self.base)
        return f"{parts.scheme}://{parts.netloc}/" if self.loopback else ""

    def server_now(self) -> datetime:
        """The service's own time in UTC as its last answer showed it, or this machine's before any answer."""
        if self._server_date is None:
            return self.clock.now()
        date, at = self._server_date
        return date + timedelta(seconds=self.clock.monotonic() - at)

    def pause(self, seconds: float | None = None) -> RateLimited:
        """The service demanded a wait inside a body: nothing leaves meanwhile. Returns what to report."""
        return RateLimited(self.service, self._limiter.pause(seconds))

    async def read(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: str | None = None,
        content_type: str = "application/json",
        kind: str = "",
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        """An answer below 500 that is no connection problem; tried again a few times if it is lost.

        Raises ConnectionProblem.
        """
        request = self._request(method, path, query, body, content_type, headers)
        try:
            return await self._run(request, kind, write=False, keyed=False)
        except Failed as failed:
            raise failed.problem from None

    async def write(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: str | None = None,
        content_type: str = "application/json",
        kind: str = "",
        keyed: bool,
        headers: Mapping[str, str] = NO_HEADERS,
        empty_ok: bool = False,
    ) -> Answer:
        """An answer below 500 to a request that changes something there; `keyed` if it carries a key.

        `empty_ok`: a success may come without a body (204).

        Raises NothingSent (certainly not done) or MaybeApplied (nobody knows).
        """
        request = self._request(method, path, query, body, content_type, headers)
        request = replace(request, empty_ok=empty_ok, changes=True)
        try:
            answer = await self._run(request, kind, write=True, keyed=keyed)
        except Failed as failed:
            if not failed.sent:
                raise NothingSent(failed.problem) from None
            ended = failed.answer is not None and failed.answer.status == 500
            raise MaybeApplied(
                failed.problem.details, problem=failed.outage, service_ref=failed.service_ref, ended=ended
            ) from None
        except ConnectionProblem as problem:
            raise NothingSent(problem) from None
        if answer.status in _MAYBE_STATUS:
            raise MaybeApplied(f"HTTP {answer.status}", service_ref=answer.service_ref)
        return answer

    async def _run(self, request: Request, kind: str, *, write: bool, keyed: bool) -> Answer:
        refused: AccessToken | None = None
        attempt = 0
        deadline = self._limits.write_deadline if write else self._limits.read_deadline
        while True:
            attempt += 1
            try:
                token, answer = await self._attempt(request, kind, refused, deadline)
                if refused is None and self._renewal_helps(answer):
                    refused = token
                    attempt -= 1
                    continue
                self._inspect(answer)
                return answer
            except Failed as failed:
                delay = retry_delay(failed.failure, attempt, self._entropy.uniform(0.0, 1.0), write=write, keyed=keyed)
                if delay is None:
                    raise
            await self.clock.sleep(delay)

    async def _attempt(
        self, request: Request, kind: str, refused: AccessToken | None, deadline: float
    ) -> tuple[AccessToken, Answer]:
        async with self._slots:
            self._limiter.check(kind)  # before a token is renewed for a call that may not leave anyway
            token = await self._tokens(refused)
            headers = {**request.headers, "Authorization": f"Bearer {token.value}"}
            async with self._limiter.call(kind):
                try:
                    answer = await self._transport.attempt(replace(request, headers=headers), deadline=deadline)
                except Failed as failed:
                    self._after_failure(failed)
                    raise
            self._note_date(answer)
            return token, answer

    def _renewal_helps(self, answer: Answer) -> bool:
        """Whether a new token may mend it. A 401 may also say that the person lost access; a dead token may also be
        told inside a 200 (Wave)."""
        found = self.judge.problem(answer) if self.judge is not None else None
        if answer.status == 401:
            return found is None or isinstance(found, NeedsSignIn)
        return answer.ok and isinstance(found, NeedsSignIn)

    def _inspect(self, answer: Answer) -> None:
        """Raises what an answer says about the connection as a whole."""
        judge = self.judge
        if answer.status == 429 or (judge is not None and judge.throttled(answer)):
            until = self._limiter.pause(self._asked_wait(answer))
            problem = RateLimited(self.service, until, service_ref=answer.service_ref)
            raise Failed(Failure.THROTTLED, problem, sent=False, service_ref=answer.service_ref)
        self._limiter.served()
        if judge is not None and (found := judge.problem(answer)) is not None:
            raise found
        if answer.status == 401:
            raise NeedsSignIn(self.service, service_ref=answer.service_ref)

    def _after_failure(self, failed: Failed) -> None:
        """A 5xx may still be a clear word (code 120), and may name a time to come back (503)."""
        answer = failed.answer
        if answer is None:
            return
        self._note_date(answer)
        if self.judge is not None and (found := self.judge.problem(answer)) is not None:
            raise found
        wait = self._asked_wait(answer)
        if wait is not None:
            down: Explain = lambda until: ServiceDown(self.service, until=until)  # noqa: E731
            failed.problem.until = self._limiter.pause(wait, down)

    def _asked_wait(self, answer: Answer) -> float | None:
        return retry_after(answer.headers.get("retry-after", ""), now=self.server_now())

    def _note_date(self, answer: Answer) -> None:
        date = http_date(answer.headers.get("date", ""))
        if date is not None:
            self._server_date = (date, self.clock.monotonic())

    def _request(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: str | None,
        content_type: str,
        more: Mapping[str, str],
    ) -> Request:
        url = self.base + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "User-Agent": USER_AGENT, **more}
        if body is not None:
            headers["Content-Type"] = content_type
        content = None if body is None else body.encode("utf-8")
        shown = path + ("?" + "&".join(name for name, _ in query) if query else "")
        return Request(method, url, shown, headers, content)


def json_request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    form: Mapping[str, str] | None = None,
    json_body: Any = None,
    empty_ok: bool = False,
) -> Request:
    """A request outside a connection (sign-in); the log sees only the address without its query."""
    sent = {"Accept": "application/json", "User-Agent": USER_AGENT, **headers}
    content: bytes | None = None
    if form is not None:
        content, sent["Content-Type"] = urlencode(form).encode("ascii"), "application/x-www-form-urlencoded"
    elif json_body is not None:
        content, sent["Content-Type"] = json.dumps(json_body).encode("ascii"), "application/json"
    return Request(method, url, urlsplit(url).path, sent, content, empty_ok)
