"""After the writes: does the service hold what we meant? Only then is a record green (I3, N5, D15).

Everything that a run wrote is read in one look-up at its end, and the invoices whose payments it sent, with
their balances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.errors import BalanceDiffers, Conflict, Fix, GoneRemote, ItemError, NoEffect, TotalsDiffer
from desktop.models.connection import ExternalLink
from desktop.models.payment import PaymentAllocation
from desktop.models.session import note_change
from desktop.models.states import CompanyKey
from desktop.providers.records import Found, InvoiceRecord, Kind, Lookup, Record
from desktop.sync.planning import Ours, differences, resolve
from desktop.sync.settling import field_words, find_link
from desktop.sync.snapshots import compared

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Written:
    """One record that this run wrote: as it left, and as the service answered."""

    ours: Ours
    sent: Record
    answered: Record
    fields: frozenset[str]
    """What an update changed; empty for a new record."""


GONE_FIX: Mapping[Kind, Fix] = {
    Kind.CUSTOMER: Fix.LINK_CUSTOMER,
    Kind.ITEM: Fix.LINK_ITEM,
    Kind.INVOICE: Fix.LINK_INVOICE,
    Kind.PAYMENT: Fix.LINK_INVOICE,
}
"""Where the owner says what shall become of a record whose counterpart is gone."""


class NotSeen(NoEffect):
    """A record that was answered as made, and that its id doesn't find: not kept, or only not shown yet."""


def gone(service: str, ours: Ours) -> GoneRemote:
    """The error for a linked record that is deleted, void or inactive there."""
    return GoneRemote(service, ours.label, fix=GONE_FIX[ours.kind])


def groups(found: Found) -> tuple[tuple[Kind, Sequence[Record]], ...]:
    """What was found, by kind."""
    return (
        (Kind.CUSTOMER, found.customers),
        (Kind.ITEM, found.items),
        (Kind.INVOICE, found.invoices),
        (Kind.PAYMENT, found.payments),
    )


def by_id(found: Found) -> dict[tuple[Kind, str], Record]:
    """What was found, by kind and external id."""
    return {(kind, record.external_id or ""): record for kind, records in groups(found) for record in records}


def lookup_for(ids: Iterable[tuple[Kind, str]]) -> Lookup:
    """One look-up for all of these records."""
    sorted_out: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    for kind, external_id in dict.fromkeys(ids):
        sorted_out[kind].append(external_id)
    return Lookup(
        customer_ids=tuple(sorted_out[Kind.CUSTOMER]),
        item_ids=tuple(sorted_out[Kind.ITEM]),
        invoice_ids=tuple(sorted_out[Kind.INVOICE]),
        payment_ids=tuple(sorted_out[Kind.PAYMENT]),
    )


DERIVED = frozenset({"given_name", "family_name", "company_name"})
"""Parts of a name that a service, or what we send to it, takes from the whole name where ours are empty."""


def effect(service: str, written: Written, now: Record | None) -> ItemError | None:
    """`NoEffect` unless the books hold what we sent, or what the answer showed of it (D15).

    What was there before and is not to be found is no work of this write: then it is `GoneRemote` (H9).
    """
    if written.ours.gone:
        taken = now is None or getattr(now, "voided", False)
        return None if taken else NoEffect(service)
    if now is None:
        return gone(service, written.ours) if written.fields else NotSeen(service)
    kind, link = written.ours.kind, written.ours.link
    sent, answered, read = (compared(kind, record) for record in (written.sent, written.answered, now))
    before = link.agreed_theirs if link is not None else {}
    said = link.agreed_ours if link is not None else {}  # said before and kept in the service's own way since
    names = [name for name in (written.fields or answered.keys()) if name in read]
    lost = any(answered[name] != read[name] and not _holds(read[name], sent[name]) for name in names)
    still = any(
        name in before
        and read[name] == before[name]
        and sent[name] != said.get(name)
        and not _holds(read[name], sent[name])
        and (sent[name] or name not in DERIVED)
        for name in names
    )
    return NoEffect(service) if lost or (still and written.fields) else None


def _holds(read: Any, sent: Any) -> bool:
    """Whether what was read is what was sent, less what the service has no room for (None, in lines too)."""
    if isinstance(read, list) and isinstance(sent, list):
        return len(read) == len(sent) and all(map(_holds, read, sent))
    if isinstance(read, dict) and isinstance(sent, dict):
        return all(_holds(value, sent.get(name)) for name, value in read.items())
    return bool(read is None or read == sent)


def as_agreed(ours: Ours, ids: Mapping[str, str], theirs: InvoiceRecord | None) -> Record:
    """Our invoice, of which nothing was to be written, with the service's ids.

    Lines that came from there may name an item that is not linked, and a customer may have been let go since: such
    a field has no id to compare, and is right as long as it reads there as it did when both sides agreed.
    """
    found = resolve(ours.record, ids)
    if found is not None or theirs is None or ours.link is None:
        return found or ours.record
    known, now = ours.link.agreed_theirs, compared(Kind.INVOICE, theirs)
    same = {name: getattr(theirs, name) for name in ("customer_id", "lines") if known.get(name) == now[name]}
    assert isinstance(ours.record, InvoiceRecord)
    return replace(ours.record, **same)


def invoice_verdict(
    service: str, ours: Ours, sent: InvoiceRecord, theirs: InvoiceRecord | None, balance: Decimal | None
) -> ItemError | None:
    """Why this invoice may not be called in sync, or None. `balance` is what should still be owed there."""
    if theirs is None or theirs.voided:
        return gone(service, ours)
    wrong = differences(Kind.INVOICE, sent, theirs)
    if "total" in wrong:
        return TotalsDiffer(service, money_words(sent.total), money_words(theirs.total), number=sent.number)
    if wrong:
        return Conflict(service, ours.label, field_words(wrong))
    if balance is not None and theirs.balance != balance:
        return BalanceDiffers(service, money_words(balance), money_words(theirs.balance))
    return None


def expected_balances(
    session: Session, company: CompanyKey, invoices: Iterable[Ours], unsure: frozenset[str]
) -> dict[int, Decimal]:
    """What each invoice should still owe there: its total less what was agreed for each payment that is there.

    An invoice with a payment whose outcome is not known is left out.
    """
    wanted = {ours.local_id: ours.record for ours in invoices if isinstance(ours.record, InvoiceRecord)}
    paid: dict[int, Decimal] = dict.fromkeys(wanted, Decimal(0))
    doubtful: set[int] = set()
    ids = list(wanted)
    for start in range(0, len(ids), CHUNK):
        rows = session.execute(
            select(PaymentAllocation.invoice_id, PaymentAllocation.payment_id, ExternalLink.agreed)
            .outerjoin(
                ExternalLink,
                (ExternalLink.kind == Kind.PAYMENT.value)
                & (ExternalLink.local_id == PaymentAllocation.payment_id)
                & (ExternalLink.provider == company.provider)
                & (ExternalLink.company_id == company.company_id),
            )
            .where(PaymentAllocation.invoice_id.in_(ids[start : start + CHUNK]))
        )
        links = _external_ids(session, company, ids[start : start + CHUNK])
        for invoice_id, payment_id, agreed in rows:
            if f"payment:{payment_id}" in unsure:
                doubtful.add(invoice_id)
            elif agreed:
                paid[invoice_id] += _agreed_part(agreed.get("ours", {}), links.get(invoice_id, ""))
    return {
        invoice_id: record.total - paid[invoice_id]
        for invoice_id, record in wanted.items()
        if invoice_id not in doubtful and record.total is not None
    }


def _external_ids(session: Session, company: CompanyKey, ids: Sequence[int]) -> dict[int, str]:
    rows = session.execute(
        select(ExternalLink.local_id, ExternalLink.external_id).where(
            ExternalLink.provider == company.provider,
            ExternalLink.company_id == company.company_id,
            ExternalLink.kind == Kind.INVOICE.value,
            ExternalLink.local_id.in_(ids),
        )
    )
    return {local_id: external_id for local_id, external_id in rows}


def _agreed_part(agreed: Mapping[str, Any], invoice: str) -> Decimal:
    if agreed.get("voided"):
        return Decimal(0)
    return sum((Decimal(amount) for there, amount in agreed.get("allocations", ()) if there == invoice), Decimal(0))


def note_versions(session: Session, company: CompanyKey, read: Iterable[tuple[Ours, Record]]) -> None:
    """A payment changes its invoice's version there: note the newest, so that the next update meets no surprise.

    Only where nothing else changed: an edit made there must still be met by our next update, as a newer
    version, so that it is never overwritten unseen (N10).
    """
    for ours, record in read:
        link = find_link(session, company, ours.kind.value, ours.local_id)
        if link is None or link.external_id != record.external_id:
            continue
        if (link.agreed or {}).get("theirs") == compared(ours.kind, record):
            link.external_version = record.version or ""


def read_anew(session: Session, company: CompanyKey, written: Written, now: Record) -> None:
    """The answer to our write showed something else than the books do: what was read is what both agreed on (B7)."""
    ours = written.ours
    link = find_link(session, company, ours.kind.value, ours.local_id)
    theirs = compared(ours.kind, now)
    if link is not None and link.external_id == now.external_id and link.agreed.get("theirs") != theirs:
        link.external_version = now.version or ""
        link.agreed = {**link.agreed, "theirs": theirs}
        said = link.agreed.get("ours", {})
        if said.get("draft") and not theirs.get("draft"):  # only the answer that it was finished had been lost
            link.agreed = {**link.agreed, "ours": {**said, "draft": False}}
            link.agreed_revision = max(link.agreed_revision, ours.revision)


def take_back(session: Session, company: CompanyKey, written: Written, now: Record) -> None:
    """A write without effect was agreed on by mistake: the next push sends it again."""
    ours = written.ours
    link = find_link(session, company, ours.kind.value, ours.local_id)
    if link is None:
        return
    theirs = compared(ours.kind, now)
    link.external_version = now.version or ""
    link.agreed = {"ours": theirs, "theirs": theirs}
    link.agreed_revision = min(link.agreed_revision, ours.revision - 1)
    note_change(session, ours.kind.value, ours.local_id)


def money_words(amount: Decimal | None) -> str:
    return f"{amount:,.2f}" if amount is not None else "?"
