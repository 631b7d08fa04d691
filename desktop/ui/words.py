"""The owner's words and signs for states, kinds and methods."""

from __future__ import annotations

from datetime import datetime

from desktop.books.queries import InvoiceRow
from desktop.kinds import CustomerKind
from desktop.models.states import InvoiceView, SyncState
from desktop.text import tr
from desktop.ui import formats
from desktop.ui.status import Status


def invoice_status(view: InvoiceView) -> Status:
    """What an invoice is: Draft, Sent, Overdue ..."""
    return {
        InvoiceView.DRAFT: Status(tr("Draft")),
        InvoiceView.SENT: Status(tr("Sent"), "info"),
        InvoiceView.PARTLY_PAID: Status(tr("Partly paid"), "info"),
        InvoiceView.PAID: Status(tr("Paid"), "good"),
        InvoiceView.OVERDUE: Status(tr("Overdue"), "bad"),
        InvoiceView.VOID: Status(tr("Void")),
    }[view]


def sync_status(state: SyncState) -> Status:
    """Where a record stands towards the service: green check, yellow dot, red call (M113)."""
    return {
        SyncState.NOT_SYNCED: Status(tr("Not synced"), "wait", "not_synced"),
        SyncState.QUEUED: Status(tr("Waiting"), "wait", "wait"),
        SyncState.SYNCING: Status(tr("Syncing"), "info", "syncing"),
        SyncState.IN_DOUBT: Status(tr("Checking"), "info", "checking"),
        SyncState.SYNCED: Status(tr("Synced"), "good", "synced"),
        SyncState.CHANGED: Status(tr("Changed"), "wait", "changed"),
        SyncState.WAITING: Status(tr("Waiting"), "wait", "wait"),
        SyncState.NEEDS_YOU: Status(tr("Needs you"), "bad", "bad", strong=True),
        SyncState.CONFLICT: Status(tr("Needs you"), "bad", "conflict", strong=True),
    }[state]


def invoice_sync(row: InvoiceRow) -> Status:
    """The sync cell of an invoice: one made there says so instead of "Synced" (E1); its tooltip names the service."""
    if row.view is InvoiceView.DRAFT:
        return Status("")
    if row.from_service and row.sync is SyncState.SYNCED:
        return Status(tr("Made there"), "good", "synced")
    return sync_status(row.sync)


def invoice_sync_reason(row: InvoiceRow, now: datetime, service: str) -> str:
    """One sentence for the tooltip of that cell."""
    if row.from_service and row.sync is SyncState.SYNCED:
        name = service or tr("your accounting service")
        return tr("Made in {service} and in sync with it. Change it there; payments you can record here.", service=name)
    return sync_reason(row.sync, row.sync_at, row.sync_title, now, service)


def sync_reason(state: SyncState, at: datetime | None, title: str, now: datetime, service: str) -> str:
    """One sentence about a state, for tooltips and the sync card."""
    if title:
        return title
    name = service or tr("your accounting service")
    if state is SyncState.SYNCED:
        if at is None:
            return tr("In sync with {service}.", service=name)
        return tr("In sync with {service}, sent {when}.", service=name, when=formats.ago(at, now))
    return {
        SyncState.NOT_SYNCED: tr("Not in {service} yet.", service=name),
        SyncState.QUEUED: tr("Goes to {service} in a moment.", service=name),
        SyncState.SYNCING: tr("On its way to {service}.", service=name),
        SyncState.IN_DOUBT: tr("{service} has not answered. Checking what became of it.", service=name),
        SyncState.CHANGED: tr("Changed here since the last sync with {service}.", service=name),
        SyncState.WAITING: tr("Waits and goes on by itself."),
    }.get(state, tr("Something needs your decision."))


def customer_kind(kind: CustomerKind | str) -> str:
    """Homeowner, Business or Builder."""
    return {
        CustomerKind.HOMEOWNER: tr("Homeowner"),
        CustomerKind.BUSINESS: tr("Business"),
        CustomerKind.BUILDER: tr("Builder"),
    }[CustomerKind(kind)]


def payment_methods() -> list[tuple[str, str]]:
    """(value, words) of the ways money comes in (M78)."""
    return [
        ("check", tr("Check")),
        ("cash", tr("Cash")),
        ("card", tr("Card")),
        ("bank_transfer", tr("Bank transfer")),
        ("other", tr("Other")),
    ]


def payment_method(value: str) -> str:
    return dict(payment_methods()).get(value, tr("Other"))
