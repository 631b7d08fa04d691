"""The states of design section 3. Each comment says how the app behaves in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class InvoiceStatus(StrEnum):
    """Stored states of an invoice; the rest is derived (`InvoiceView`)."""

    DRAFT = "draft"  # editable, never leaves the desk
    SENT = "sent"  # counts; goes to the service, payments may be recorded
    VOID = "void"  # stays as a record with nothing owed


class InvoiceView(StrEnum):
    """What a list shows."""

    DRAFT = "draft"
    SENT = "sent"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    OVERDUE = "overdue"
    VOID = "void"


class SyncState(StrEnum):
    """Where a record stands towards the connected company."""

    NOT_SYNCED = "not_synced"  # yellow dot; the button says Sync to ...
    QUEUED = "queued"  # promised, goes out by itself
    SYNCING = "syncing"  # spinner
    IN_DOUBT = "in_doubt"  # spinner, "checking": sent, outcome being looked up
    SYNCED = "synced"  # green check: both sides read equal
    CHANGED = "changed"  # yellow: edited or paid since the last sync
    WAITING = "waiting"  # clock: goes on at a known time
    NEEDS_YOU = "needs_you"  # red, a sentence and a button
    CONFLICT = "conflict"  # both sides changed: a card with both


class ConnectionState(StrEnum):
    """Where the connection stands; each has an automatic or a one-button exit."""

    CONNECTED = "connected"  # works
    NEEDS_SIGN_IN = "needs_sign_in"  # nothing is sent until the owner signs in again
    PAUSED = "paused"  # limit, maintenance, offline: goes on by itself
    REFUSED = "refused"  # subscription lapsed or rights lost: told in words, Resync tries again


class PushReason(StrEnum):
    """Why an outbox entry exists."""

    CHANGED = "changed"  # automatic: a record changed
    ASKED = "asked"  # the owner pressed Sync, Resync or Sync Now
    RETRY = "retry"  # the program tries again


@dataclass(frozen=True, slots=True)
class Switches:
    """The five switches (C15) and the weekly run's own; all off until step 4 of the wizard is confirmed (C16)."""

    invoices: bool = True
    payments: bool = True
    customers: bool = True
    items: bool = True
    auto: bool = False
    """The master: what changes goes out at once."""
    weekly: bool = True

    @classmethod
    def from_json(cls, value: dict[str, object]) -> Switches:
        """The stored switches; unknown names are ignored, missing ones take their default."""
        known = {name: bool(value[name]) for name in cls.__dataclass_fields__ if name in value}
        return cls(**known)

    def to_json(self) -> dict[str, bool]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class CompanyKey:
    """Which company links, mappings and tax codes belong to."""

    provider: str
    company_id: str
