"""The contract that every service fulfils; one behavioural suite tests them all.

Words used here:

- A **step** is one intended change of one record; `planning` makes steps, nobody else.
- A **call** is what leaves in one request: `prepare` cuts steps into calls of the service's own batch
  size and serialises them; `send` sends one. A call is stored before it is sent, so that after a crash
  `send` can repeat it byte for byte.
- An **outcome** is what became of one step. `InDoubt` means: sent, and nobody knows.
- The **marker** is our stamp on a record there (`BlueClerk <uuid>`); a look-up by it, or by number and
  reference, decides what became of a step in doubt.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from desktop.errors import ConnectionProblem, ItemError
from desktop.providers.records import (
    Changes,
    CompanySettings,
    CustomerRecord,
    Found,
    InvoiceRecord,
    ItemRecord,
    Kind,
    Lookup,
    Page,
    PaymentRecord,
    ProviderKey,
    Record,
    TokenGrant,
)

SETTLED_THERE = timedelta(seconds=150)
"""A request older than this has ended at the service, one way or the other (its own limit is 120 s)."""
MARKER = "BlueClerk "


def marker_for(local_uuid: str, generation: int = 0) -> str:
    """Our stamp for a record; the generation grows when the owner creates it anew after a remote delete."""
    return f"{MARKER}{local_uuid}" if generation == 0 else f"{MARKER}{local_uuid}/{generation}"


def stamp_of(marker: str) -> tuple[str, int]:
    """(the uuid of our record, how often it was made anew) that this stamp stands for; ("", 0) for any other text."""
    uuid, _, generation = marker.removeprefix(MARKER).partition("/")
    if not marker.startswith(MARKER):
        return "", 0
    return uuid, int(generation) if generation.isdecimal() else 0


class Action(StrEnum):
    """What a step does to its record."""

    CREATE = "create"
    UPDATE = "update"
    VOID = "void"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one record.

    For UPDATE, VOID and DELETE `record.external_id` and `record.version` are set. For UPDATE `fields`
    names the record's fields that differ from the last agreed value: only those may be written (I6).
    """

    ref: str
    """The caller's own name for the step, unique within a run: "invoice:12"."""
    action: Action
    kind: Kind
    record: Record
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CallElement:
    """One step inside a call, under the short key that the service answers with."""

    key: str
    ref: str
    kind: Kind
    action: Action


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """What leaves in one request. Everything in it is stored before the first byte is sent."""

    op: str
    """Meaning of the call ("batch", "create_invoice"); also tells the provider how to send it."""
    body: str
    """The exact text that is sent (and sent again)."""
    elements: tuple[CallElement, ...]
    body_hash: str = ""
    """SHA-256 of `body`, hexadecimal."""

    @classmethod
    def of(cls, op: str, body: str, steps: Sequence[Step], keys: Sequence[str]) -> PreparedCall:
        """The call of `steps`, each under its key in the same place."""
        elements = tuple(CallElement(key, one.ref, one.kind, one.action) for key, one in zip(keys, steps, strict=True))
        return cls(op, body, elements, hashlib.sha256(body.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Linked:
    """Done: the record as the service's own answer shows it."""

    record: Record
    service_ref: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not done, for certain, for this record's own reason."""

    error: ItemError
    service_ref: str = ""


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Sent, outcome unknown: replay with the same key, or look it up. Never resend blindly."""

    reason: str = ""
    service_ref: str = ""
    problem: ConnectionProblem | None = None
    """Set if the connection is out as a whole: nothing else should be sent before it is back."""
    ended: bool = False
    """The service itself answered, with an error of its own: the request is over there, and done or not done."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """Not done, for certain, because the connection can't be used now; `problem.until` may say how long."""

    problem: ConnectionProblem


Outcome = Linked | Refused | InDoubt | NotSent


class Rounding(StrEnum):
    """Where tax is rounded."""

    PER_LINE = "per_line"
    ON_TOTAL = "on_total"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What differs between the services, as data. Nothing outside `providers/` asks which service it is."""

    batch: int
    """Records that fit into one call."""
    native_keys: bool
    """The service remembers an idempotency key and replays its first answer."""
    key_trust_seconds: int
    """How long after the first attempt a replay may rely on that memory."""
    income_accounts: bool
    """Items carry an income account, so mapping is needed."""
    sync_items: bool = True
    """A switch for items makes sense (False: products are made as invoices need them)."""
    deposit_account_required: bool = False
    payment_methods: bool = True
    change_feed: bool = True
    change_feed_days: int = 30
    tells_deleted: frozenset[Kind] = frozenset(Kind)
    """Kinds whose deletions are among its changes; of the others a whole list tells what is gone."""
    rounding: Rounding = Rounding.ON_TOTAL
    invoice_number_max: int = 21
    name_max: int = 500
    unique_customer_names: bool = False
    email_max: int = 100
    lines_max: int = 750
    memo_max: int = 1000
    tax_codes_per_invoice: int | None = None
    """How many different tax codes one invoice may use; None for any number."""
    name_forbidden: str = ""
    """Characters that a name may not contain."""
    refuses_taken: frozenset[Kind] = frozenset()
    """Kinds of which the service itself refuses a second record with the same name or number: no look-up is needed
    before, the refusal is as good."""
    counts_ids: bool = False
    """Ids are numbers that begin anew in each company: one that we know may be somebody else's record after a reset
    there (W4), so what is about to be changed is read first."""
    keys_keep_errors: bool = False
    """A key answers with the same error again: after a 500 only a look-up and a new key go on."""
    no_room: frozenset[str] = frozenset()
    """Fields of ours that the service can't hold ("customer.company_name"): an edit of them alone writes nothing."""
    invoice_stamps: bool = True
    """Invoices have room for our stamp; without, number, customer and total tell our own lost attempt (D1)."""
    refuses_stale: bool = True
    """An update of an old version is refused; without, the last write wins, so callers compare just before (D3)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The service's own words, as the owner knows them."""

    service: str
    """"QuickBooks", as in "Resync to QuickBooks"."""
    full_name: str
    """"QuickBooks Online"."""
    income_account: str
    income_accounts: str
    customer: str
    company: str
    mapping_note: str = ""
    """Said in step 3 when there is nothing to map, or something special."""
    plan_note: str = ""
    """What the service demands before any program may connect; said on its card and before signing in."""


@dataclass(frozen=True, slots=True)
class AppKeys:
    """The app's own registration at the service."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a service lives. Everything but https is accepted for loopback only (`check`)."""

    api: str
    authorize: str
    token: str
    revoke: str
    discovery: str = ""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token that is good now, and the version of the row it came from."""

    value: str = field(repr=False)
    version: int


class TokenSource(Protocol):
    """Gives a valid access token; called for every request, so it must be quick when nothing is due."""

    async def __call__(self, refused: AccessToken | None = None) -> AccessToken:
        """A good token. `refused` is one the service just answered 401 to: never return it again.

        Raises NeedsSignIn when only the owner can help, another ConnectionProblem when it may pass.
        """
        ...


class Provider(Protocol):
    """One service, one company. Holds no token and no table; all money and dates as in `records`."""

    key: ProviderKey
    capabilities: Capabilities
    terms: Terms

    async def settings(self) -> CompanySettings:
        """Company, currency, lock date, accounts, tax codes and payment methods, in as few calls as can be.

        Raises ConnectionProblem.
        """
        ...

    def customers(self, changed_since: datetime | None = None) -> AsyncIterator[Page[CustomerRecord]]:
        """All customers, inactive ones included, page by page; ids are seen at least once each (L2)."""
        ...

    def items(self, changed_since: datetime | None = None) -> AsyncIterator[Page[ItemRecord]]:
        """All items that can stand on a line, inactive ones included."""
        ...

    def invoices(self, changed_since: datetime | None = None) -> AsyncIterator[Page[InvoiceRecord]]:
        """All invoices."""
        ...

    def payments(self, changed_since: datetime | None = None) -> AsyncIterator[Page[PaymentRecord]]:
        """All payments received from customers."""
        ...

    async def changes(self, since: datetime) -> Changes:
        """What changed since `since` (UTC), deletions included. Raises ConnectionProblem."""
        ...

    async def find(self, lookup: Lookup) -> Found:
        """Everything that matches any question of `lookup`, inactive records included, in as few calls as can be.

        Raises ConnectionProblem. Matching is exact after the service's own case folding; callers compare further.
        """
        ...

    def prepare(self, steps: Sequence[Step]) -> list[PreparedCall]:
        """Cuts `steps` into calls; pure. Steps within one list never depend on each other.

        Raises ItemError for a record that could never be accepted (too long, forbidden characters), which
        callers avoid by asking `check` first.
        """
        ...

    def check(self, step: Step) -> ItemError | None:
        """Why this step would be refused by the service's known rules, or None; pure, no call (I8)."""
        ...

    async def send(self, call: PreparedCall, key: str) -> list[Outcome]:
        """Sends one call under the idempotency key; one outcome per element, in the order of `call.elements`.

        Never raises for what the service or the network does. The same call with the same key may be sent
        again at any time: where the service has keys it then answers as it did the first time.
        """
        ...

    def server_now(self) -> datetime:
        """The service's time in UTC as its last answer told it; this machine's before any answer (T1)."""
        ...

    def record_url(self, kind: Kind, external_id: str) -> str | None:
        """The address of the record in the service's own web pages, for the browser; None where there is none."""
        ...


class SignIn(Protocol):
    """The OAuth side of a service; used by `sync.connect` and `sync.tokens` only."""

    key: ProviderKey
    uses_pkce: bool
    rotating_refresh: bool
    redirect_uri: str
    """The address that the code was traded with, for services that want to hear it at each refresh; "" if unknown."""

    def authorize_url(self, *, state: str, redirect_uri: str, challenge: str = "") -> str:
        """The consent page's address for the system browser."""
        ...

    async def exchange(self, code: str, *, redirect_uri: str, verifier: str = "") -> TokenGrant:
        """Trades the code for tokens, once. Raises AppKeysWrong, SignInRefused or another ConnectionProblem."""
        ...

    async def refresh(self, refresh_token: str) -> TokenGrant:
        """New tokens. When the answer carries no refresh token, the old one stays in the result (A9).

        Raises NeedsSignIn for `invalid_grant` only; AppKeysWrong for `invalid_client`; RateLimited, ServiceDown
        or Offline when the token stays good; `RefreshInDoubt` when the answer was lost.
        """
        ...

    async def revoke(self, token: str) -> bool:
        """Ends the grant; True when the service confirmed it. Never raises."""
        ...

    async def leave(self, grant: TokenGrant, company_id: str) -> bool:
        """Ends the app's access to this company, and the grant unless other companies still use it.

        True when the service confirmed it. Never raises.
        """
        ...

    @property
    def asked_to_wait(self) -> datetime | None:
        """Until when the service asked to be left alone, when something was told to it here; None for no wait (I14)."""
        ...

    async def close(self) -> None:
        """Ends the kept-alive connections."""
        ...

    def ask_for_less(self) -> bool:
        """The service doesn't know a right that was asked for: leave out what it may do without, from now on.

        False if there is nothing that could be left out.
        """
        ...

    def company_in(self, query: dict[str, str]) -> str | None:
        """The company id that came with the redirect (QuickBooks `realmId`), if this service sends it there."""
        ...


class RefreshInDoubt(ConnectionProblem):
    """A refresh was sent and its answer was lost: the token may have rotated (A6)."""

    retryable = True
