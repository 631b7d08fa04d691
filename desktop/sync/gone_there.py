"""The owner's answers about a record that was deleted, voided, merged or made inactive there (N8, D4, E3).

Linking to another record is `importing.link_by_hand`, creating it again and letting go are `resolving.unlink`.
Nothing here writes at the service by itself: what has to be written there is promised and goes out as a push.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.customers import draft_of, update_customer
from desktop.books.invoices import void_invoice
from desktop.books.items import item_draft, update_item
from desktop.books.outbox import promise
from desktop.books.payments import remove_payment
from desktop.errors import GoneRemote, NotAllowed
from desktop.models.connection import ExternalLink
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.models.payment import Payment
from desktop.models.session import note_change
from desktop.models.states import PushReason
from desktop.models.work import OutboxEntry
from desktop.providers.records import CustomerRecord, Kind, Lookup
from desktop.sync import failures
from desktop.sync.company import Company
from desktop.sync.pull_run import status_of
from desktop.sync.settling import find_link, holder_of, log_link
from desktop.sync.snapshots import compared
from desktop.sync.verifying import GONE_FIX, by_id, lookup_for
from desktop.sync.work import customer_record
from desktop.text import tr


async def same_here(company: Company, kind: Kind, local_id: int) -> None:
    """What was taken away there is taken away here too: void, removed or inactive, never deleted (I7).

    Raises NotAllowed where our own books forbid it (an invoice with payments); nothing was changed then.
    """
    await company.db.in_write(partial(_same_here, company=company, kind=kind, local_id=local_id))


def _same_here(session: Session, company: Company, kind: Kind, local_id: int) -> None:
    desk = company.desk
    if kind is Kind.INVOICE:
        void_invoice(session, desk, local_id)
        revision = session.get_one(Invoice, local_id).revision
    elif kind is Kind.PAYMENT:
        remove_payment(session, desk, local_id)
        revision = session.get_one(Payment, local_id).revision
    elif kind is Kind.CUSTOMER:
        customer = session.get_one(Customer, local_id)
        update_customer(session, desk, local_id, _inactive(draft_of(customer)), pulled=True)
        revision = customer.revision
    else:
        item = session.get_one(Item, local_id)
        update_item(session, desk, local_id, _inactive(item_draft(item)), pulled=True)
        revision = item.revision
    link = find_link(session, company.key, kind.value, local_id)
    if link is not None:
        state = {"voided": True} if kind in (Kind.INVOICE, Kind.PAYMENT) else {"active": False}
        agreed = link.agreed or {}
        link.agreed = {side: {**agreed.get(side, {}), **state} for side in ("ours", "theirs")}
        link.agreed_revision = revision
    entry = session.scalar(select(OutboxEntry).where(OutboxEntry.kind == kind.value, OutboxEntry.local_id == local_id))
    if entry is not None:  # there is nothing left to send
        session.delete(entry)
    failures.clear(session, desk.clock.now(), [(kind.value, local_id)])


def _inactive(draft: Any) -> Any:
    return replace(draft, active=False)


async def make_active_there(company: Company, kind: Kind, local_id: int) -> None:
    """Have a customer or item made active there again: goes out as an edit of that one field.

    Raises GoneRemote when it is not there any more, ConnectionProblem.
    """
    link = await company.db.in_read(lambda session: find_link(session, company.key, kind.value, local_id))
    if link is None:
        return
    theirs = by_id(await company.provider.find(lookup_for([(kind, link.external_id)]))).get((kind, link.external_id))
    if theirs is None:
        raise GoneRemote(company.provider.terms.service, "", fix=GONE_FIX[kind], how="deleted")

    def write(session: Session) -> None:
        row = find_link(session, company.key, kind.value, local_id)
        if row is None or row.external_id != link.external_id:
            return
        active = bool(getattr(theirs, "active", True))
        row.external_version = theirs.version or ""
        row.agreed = {side: {**(row.agreed or {}).get(side, {}), "active": active} for side in ("ours", "theirs")}
        row.agreed_revision = 0
        failures.clear(session, company.desk.clock.now(), [(kind.value, local_id)])
        promise(session, company.desk, kind.value, local_id, PushReason.ASKED, asked=True)

    await company.db.in_write(write)


async def follow_merge(company: Company, customer_id: int) -> None:
    """The owner said yes: the customer is from now on the one into whom it was merged there (M141, E3).

    Where that one is linked to another customer of ours already, ours points at it too and is never written.
    Raises NotAllowed when nothing is known of a merge, GoneRemote when the survivor is gone as well.
    """

    def survivor(session: Session) -> str:
        row = status_of(session, Kind.CUSTOMER, customer_id)
        return str((row.extra or {}).get("into", "")) if row is not None else ""

    into = await company.db.in_read(survivor)
    if not into:
        raise NotAllowed(tr("Nothing is known of a merge of this customer."), tr("Link it by hand."))
    found = await company.provider.find(Lookup(customer_ids=(into,)))
    theirs = next((one for one in found.customers if one.external_id == into and one.active), None)
    if theirs is None:
        raise GoneRemote(company.provider.terms.service, "", how="deleted")
    await company.db.in_write(partial(_follow, company=company, customer_id=customer_id, theirs=theirs))


def _follow(session: Session, company: Company, customer_id: int, theirs: CustomerRecord) -> None:
    key, now, into = company.key, company.desk.clock.now(), theirs.external_id or ""
    link = find_link(session, key, Kind.CUSTOMER.value, customer_id)
    customer = session.get(Customer, customer_id)
    if link is None or customer is None:
        return
    lost = link.external_id
    holder = holder_of(session, key, Kind.CUSTOMER.value, into)
    link.alias = 0 if holder in (None, customer_id) else 1
    link.external_id, link.external_version = into, theirs.version or ""
    ours = compared(Kind.CUSTOMER, customer_record(customer))
    link.agreed = {"ours": ours, "theirs": compared(Kind.CUSTOMER, theirs)}
    link.agreed_revision, link.agreed_at = customer.revision, now
    _rename_in_invoices(session, company, customer_id, lost, into)
    session.add(log_link(now, key, Kind.CUSTOMER, customer_id, customer.display_name, into, company.desk.account))
    waiting = failures.blocked_by(session, [(Kind.CUSTOMER.value, customer_id)])
    failures.clear(session, now, [(Kind.CUSTOMER.value, customer_id)])
    for kind, local_id in waiting:
        promise(session, company.desk, kind, local_id, PushReason.ASKED, asked=True)
    note_change(session, Kind.CUSTOMER.value, customer_id)


def _rename_in_invoices(session: Session, company: Company, customer_id: int, lost: str, into: str) -> None:
    """The service moved the invoices along: both sides agree on that now."""
    rows = session.scalars(
        select(ExternalLink)
        .join(Invoice, Invoice.id == ExternalLink.local_id)
        .where(
            ExternalLink.provider == company.key.provider,
            ExternalLink.company_id == company.key.company_id,
            ExternalLink.kind == Kind.INVOICE.value,
            Invoice.customer_id == customer_id,
        )
    )
    for row in rows:
        agreed = dict(row.agreed or {})
        for side in ("ours", "theirs"):
            if agreed.get(side, {}).get("customer_id") == lost:
                agreed[side] = {**agreed[side], "customer_id": into}
        row.agreed = agreed
