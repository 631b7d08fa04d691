"""The owner's answers to what a push asked: link to what is there, create it anew, let go."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.outbox import promise
from desktop.errors import GoneRemote, NumberTaken
from desktop.models.connection import ExternalLink
from desktop.models.invoice import Invoice
from desktop.models.states import PushReason
from desktop.models.work import ActivityRow, SyncStatus
from desktop.providers.records import InvoiceRecord, Kind, Lookup
from desktop.sync.company import Company
from desktop.sync.planning import same_name
from desktop.sync.settling import find_link, store_link
from desktop.sync.snapshots import compared
from desktop.sync.verifying import GONE_FIX, by_id, lookup_for


async def link_invoice(company: Company, invoice_id: int) -> None:
    """Tie our invoice to the one that carries its number there; the next push brings that one up to date (C18).

    Raises GoneRemote when there is none any more, NumberTaken when it belongs to another invoice of ours.
    """
    number = await company.db.in_read(lambda session: session.get_one(Invoice, invoice_id).number)
    service = company.provider.terms.service
    found = await company.provider.find(Lookup(invoice_numbers=(number,)))
    theirs = next((one for one in found.invoices if same_name(one.number, number) and not one.voided), None)
    if theirs is None:
        raise GoneRemote(service, number)
    await company.db.in_write(lambda session: _link_invoice(session, company, invoice_id, theirs))


def _link_invoice(session: Session, company: Company, invoice_id: int, theirs: InvoiceRecord) -> None:
    clash = session.scalar(
        select(ExternalLink).where(
            ExternalLink.provider == company.key.provider,
            ExternalLink.company_id == company.key.company_id,
            ExternalLink.kind == Kind.INVOICE.value,
            ExternalLink.external_id == theirs.external_id,
        )
    )
    if clash is not None and clash.local_id != invoice_id:
        raise NumberTaken(company.provider.terms.service, theirs.number)
    now = company.desk.clock.now()
    store_link(session, now, company.key, Kind.INVOICE.value, invoice_id, theirs, theirs, 0, company.connection_id)
    session.add(
        ActivityRow(
            at=now,
            actor=company.desk.account,
            direction="in",
            provider=company.key.provider,
            company_id=company.key.company_id,
            kind=Kind.INVOICE.value,
            local_id=invoice_id,
            label=theirs.number,
            action="link",
            result="done",
            external_id=theirs.external_id or "",
        )
    )
    promise(session, company.desk, Kind.INVOICE.value, invoice_id, PushReason.ASKED, asked=True)


async def keep_ours(company: Company, kind: Kind, local_id: int) -> None:
    """The owner chose our version of a record that differs on both sides: the next push writes it over theirs (N10).

    What is there now counts as known from here on, so that only a still newer edit there asks again. Raises
    GoneRemote when there is none any more, ConnectionProblem.
    """
    link = await company.db.in_read(lambda session: find_link(session, company.key, kind.value, local_id))
    if link is None:
        return
    found = await company.provider.find(lookup_for([(kind, link.external_id)]))
    theirs = by_id(found).get((kind, link.external_id))
    if theirs is None or getattr(theirs, "voided", False):
        raise GoneRemote(company.provider.terms.service, "", fix=GONE_FIX[kind])
    known = compared(kind, theirs)

    def write(session: Session) -> None:
        row = find_link(session, company.key, kind.value, local_id)
        if row is not None and row.external_id == link.external_id:
            row.external_version = theirs.version or ""
            row.agreed = {"ours": known, "theirs": known}
            row.agreed_revision = 0
            promise(session, company.desk, kind.value, local_id, PushReason.ASKED, asked=True)

    await company.db.in_write(write)


async def unlink(company: Company, kind: Kind, local_id: int, *, create_again: bool = False) -> None:
    """Let go of a counterpart that is gone there; with `create_again` it is made anew under a new stamp (D4).

    What is there stays untouched. Our record stays too.
    """

    def write(session: Session) -> None:
        link = session.scalar(
            select(ExternalLink).where(
                ExternalLink.provider == company.key.provider,
                ExternalLink.company_id == company.key.company_id,
                ExternalLink.kind == kind.value,
                ExternalLink.local_id == local_id,
            )
        )
        if link is not None:
            session.delete(link)
        status = session.scalar(
            select(SyncStatus).where(SyncStatus.kind == kind.value, SyncStatus.local_id == local_id)
        )
        if status is not None:
            session.delete(status)
        if create_again:
            promise(session, company.desk, kind.value, local_id, PushReason.ASKED, asked=True)

    await company.db.in_write(write)
