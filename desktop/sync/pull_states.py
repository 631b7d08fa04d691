"""Deleted, voided, merged, made inactive there: states with choices, never a deletion here (N8, D4, I7).

What was made there follows by itself: a payment taken back there counts no more, an invoice voided there is
void here. What was made here waits for the owner, whose ways out are verbs in `resolving`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.pulled import remove_pulled_payment, void_pulled_invoice
from desktop.errors import GoneRemote
from desktop.models.connection import ExternalLink
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice
from desktop.models.item import Item
from desktop.models.payment import Payment
from desktop.models.states import InvoiceStatus
from desktop.models.work import SyncStatus
from desktop.providers.records import CustomerRecord, InvoiceRecord, Kind, Record
from desktop.sync.planning import Ours
from desktop.sync.pull_feed import Arrived
from desktop.sync.pull_run import PullRun, links_to, portions, status_of
from desktop.sync.pulled import REMOVED
from desktop.sync.settling import find_link
from desktop.sync.verifying import GONE_FIX, by_id, lookup_for, money_words
from desktop.sync.work import AGAIN
from desktop.text import day_in_words

INACTIVE, DELETED, VOID, MERGED = "inactive", "deleted", "void", "merged"
LOOK_UP = 200
"""Records looked up at once to make sure that they are gone."""


# --- what is told --------------------------------------------------------------------------------------


def gone_there(
    session: Session, run: PullRun, kind: Kind, local_id: int, label: str, how: str, *, into: tuple[str, str] = ("", "")
) -> None:
    """The record's card asks what shall become of it; `into` is the survivor's (id, name)."""
    error = GoneRemote(run.service, label, fix=GONE_FIX[kind], how=how, into=into[1])
    extra: dict[str, object] = {"gone": True, "how": how}
    if into[0]:
        extra |= {"into": into[0], "into_name": into[1]}
    run.ask(session, kind, local_id, label, error, extra)


def inactive_there(session: Session, run: PullRun, ours: Ours) -> None:
    """A customer or item that is in use here was made inactive there."""
    gone_there(session, run, ours.kind, ours.local_id, ours.label, INACTIVE)


def back_again(session: Session, run: PullRun, ours: Ours) -> None:
    """It is alive there: the card that said otherwise is taken back."""
    row = status_of(session, ours.kind, ours.local_id)
    if row is not None and (row.extra or {}).get("gone"):
        run.clear(session, ours.kind, ours.local_id)


# --- what is gone --------------------------------------------------------------------------------------


Gone = frozenset[tuple[Kind, str]]
"""Records there, by kind and external id."""


async def find_gone(run: PullRun, arrived: Arrived, kinds: Iterable[Kind]) -> Gone:
    """Records that were deleted there: told by the feed, or linked and missing from a list that was read whole."""
    gone = {(one.kind, one.external_id) for one in arrived.deleted}
    for kind in kinds:
        if kind in arrived.whole:
            missing = await run.company.db.in_read(partial(_missing, run=run, kind=kind, arrived=arrived))
            gone |= {(kind, external_id) for external_id in await _really_gone(run, kind, missing)}
    return frozenset(gone)


def merged_away(arrived: Arrived) -> Gone:
    """Customers that name the one they were merged into."""
    people = arrived.records[Kind.CUSTOMER].items()
    return frozenset((Kind.CUSTOMER, one) for one, record in people if getattr(record, "merged_into", None))


async def name_heirs(run: PullRun, arrived: Arrived, heirs: Iterable[str] | None = None) -> None:
    """Look up who took over a merged customer, where neither this reading nor a link of ours says the name.

    `heirs` are the ids of survivors; without them, those that the records themselves name.
    """
    if heirs is None:
        people = arrived.records[Kind.CUSTOMER].values()
        heirs = [one.merged_into for one in people if isinstance(one, CustomerRecord) and one.merged_into]
    open_ = {one for one in heirs if one not in arrived.records[Kind.CUSTOMER] and one not in arrived.heirs}
    if open_:
        known = await run.company.db.in_read(lambda session: links_to(session, run.key, Kind.CUSTOMER, sorted(open_)))
        open_ -= known.keys()
    for part in portions(sorted(open_), LOOK_UP):
        found = by_id(await run.company.provider.find(lookup_for((Kind.CUSTOMER, one) for one in part)))
        arrived.heirs.update((external_id, record) for (_kind, external_id), record in found.items())


def _heirs_of(session: Session, run: PullRun, gone: Gone, arrived: Arrived) -> list[str]:
    lost = links_to(session, run.key, Kind.CUSTOMER, [one for kind, one in gone if kind is Kind.CUSTOMER])
    heirs = (_heir(session, run, link, arrived) for link in lost.values())
    return [one for one in heirs if one]


async def tell_gone(run: PullRun, gone: Gone, arrived: Arrived) -> None:
    """What was made there follows; what was made here asks its owner."""
    rows = sorted(gone, key=lambda one: (one[0].value, one[1]))
    if any(kind is Kind.CUSTOMER for kind, _ in rows):
        found = await run.company.db.in_read(partial(_heirs_of, run=run, gone=gone, arrived=arrived))
        await name_heirs(run, arrived, found)
    for part in portions(rows):
        await run.company.db.in_write(partial(_tell_gone, run=run, gone=part, arrived=arrived))


def _missing(session: Session, run: PullRun, kind: Kind, arrived: Arrived) -> list[str]:
    rows = session.scalars(
        select(ExternalLink.external_id).where(
            ExternalLink.provider == run.key.provider,
            ExternalLink.company_id == run.key.company_id,
            ExternalLink.kind == kind.value,
            ExternalLink.alias == 0,
        )
    )
    return [external_id for external_id in rows if external_id not in arrived.records[kind]]


async def _really_gone(run: PullRun, kind: Kind, ids: Sequence[str]) -> list[str]:
    """A list can lose a row while it is read (L2): asked for by its id, a live record answers."""
    gone: list[str] = []
    for part in portions(ids, LOOK_UP):
        found = by_id(await run.company.provider.find(lookup_for((kind, one) for one in part)))
        for one in part:
            record = found.get((kind, one))
            if record is None or getattr(record, "voided", False):
                gone.append(one)
    return gone


def _tell_gone(session: Session, run: PullRun, gone: Sequence[tuple[Kind, str]], arrived: Arrived) -> None:
    run.check(session)
    for kind in Kind:
        ids = [external_id for one, external_id in gone if one is kind]
        for external_id, link in links_to(session, run.key, kind, ids).items():
            newer = arrived.records[kind].get(external_id)
            if newer is not None and not getattr(newer, "voided", False):
                continue  # deleted and alive in one answer: the record itself is what is there
            record_gone(session, run, kind, link, DELETED, arrived)


def record_gone(
    session: Session, run: PullRun, kind: Kind, link: ExternalLink, how: str, arrived: Arrived | None = None
) -> None:
    """One linked record that is no more there (`how`: deleted or void)."""
    if (link.agreed or {}).get(AGAIN):
        return  # the owner had it made anew: this is the old one
    if kind is Kind.PAYMENT:
        _payment_gone(session, run, link, how)
    elif kind is Kind.INVOICE:
        _invoice_gone(session, run, link, how)
    else:
        _name_gone(session, run, kind, link, arrived)


def _payment_gone(session: Session, run: PullRun, link: ExternalLink, how: str) -> None:
    payment = session.get(Payment, link.local_id)
    if payment is None:
        return
    label = payment.reference or f"{money_words(payment.amount)}, {day_in_words(payment.paid_on)}"
    if payment.from_service:
        if remove_pulled_payment(session, run.desk, payment.id):
            run.pulled.note(REMOVED, Kind.PAYMENT)
            run.log(session, Kind.PAYMENT, payment.id, label, "void", link.external_id)
        _agree_voided(link, payment.revision)
    elif payment.deleted:
        _agree_voided(link, payment.revision)
        run.clear(session, Kind.PAYMENT, payment.id)
    elif (link.agreed or {}).get("ours", {}).get("voided") is not True:
        gone_there(session, run, Kind.PAYMENT, payment.id, label, how)


def _invoice_gone(session: Session, run: PullRun, link: ExternalLink, how: str) -> None:
    invoice = session.get(Invoice, link.local_id)
    if invoice is None:
        return
    if invoice.from_service:
        if void_pulled_invoice(session, run.desk, invoice.id):
            run.pulled.note(REMOVED, Kind.INVOICE)
            run.log(session, Kind.INVOICE, invoice.id, invoice.number, "void", link.external_id)
        _agree_voided(link, invoice.revision)
    elif invoice.status == InvoiceStatus.VOID:
        _agree_voided(link, invoice.revision)
        run.clear(session, Kind.INVOICE, invoice.id)
    else:
        gone_there(session, run, Kind.INVOICE, invoice.id, invoice.number, how)


def _agree_voided(link: ExternalLink, revision: int) -> None:
    """Both sides know that it counts no more: nothing of it is to be sent."""
    agreed = link.agreed or {}
    link.agreed = {
        **agreed,
        "ours": {**agreed.get("ours", {}), "voided": True},
        "theirs": {**agreed.get("theirs", {}), "voided": True},
    }
    link.agreed_revision = max(link.agreed_revision, revision)


def _name_gone(session: Session, run: PullRun, kind: Kind, link: ExternalLink, arrived: Arrived | None) -> None:
    """A customer or item: deleted, or merged into another one."""
    label = ""
    if kind is Kind.CUSTOMER:
        customer = session.get(Customer, link.local_id)
        label = customer.display_name if customer is not None else ""
    else:
        item = session.get(Item, link.local_id)
        label = item.name if item is not None else ""
    into = _merged_into(session, run, link, arrived) if kind is Kind.CUSTOMER and arrived is not None else ("", "")
    gone_there(session, run, kind, link.local_id, label, MERGED if into[0] else DELETED, into=into)


def merged_or_inactive(session: Session, run: PullRun, ours: Ours, theirs: Record, arrived: Arrived) -> None:
    """An archived customer that names its survivor was merged; any other was made inactive."""
    if isinstance(theirs, CustomerRecord) and theirs.merged_into:
        name = _name_of(session, run, theirs.merged_into, arrived)
        gone_there(session, run, Kind.CUSTOMER, ours.local_id, ours.label, MERGED, into=(theirs.merged_into, name))
    else:
        inactive_there(session, run, ours)


async def merged_further(run: PullRun, lost: Gone, arrived: Arrived) -> None:
    """A survivor that was itself merged or deleted there: cards that name it name the one that lives now (D4)."""
    heirs = await run.company.db.in_read(partial(_heirs_further, run=run, lost=lost, arrived=arrived))
    if heirs:
        await name_heirs(run, arrived, [one for one in heirs.values() if one])
        await run.company.db.in_write(partial(_tell_further, run=run, heirs=heirs, arrived=arrived))


def _heirs_further(session: Session, run: PullRun, lost: Gone, arrived: Arrived) -> dict[int, str]:
    """Customers of ours whose card names a lost survivor, with the one who lives; "" where nobody is known."""
    found: dict[int, str] = {}
    for row in session.scalars(select(SyncStatus).where(SyncStatus.kind == Kind.CUSTOMER.value)):
        into = str((row.extra or {}).get("into", ""))
        link = find_link(session, run.key, Kind.CUSTOMER.value, row.local_id) if (Kind.CUSTOMER, into) in lost else None
        if link is not None:
            found[row.local_id] = _last_heir(into, arrived) or _heir(session, run, link, arrived)
    return found


def _last_heir(external_id: str, arrived: Arrived) -> str:
    """Where a chain of merges ends that the service itself tells; "" where it tells none."""
    people, seen = arrived.records[Kind.CUSTOMER], [external_id]
    while (heir := getattr(people.get(seen[-1]), "merged_into", None)) and heir not in seen:
        seen.append(heir)
    return seen[-1] if len(seen) > 1 else ""


def _tell_further(session: Session, run: PullRun, heirs: Mapping[int, str], arrived: Arrived) -> None:
    run.check(session)
    for local_id, heir in heirs.items():
        customer = session.get(Customer, local_id)
        into = (heir, _name_of(session, run, heir, arrived)) if heir else ("", "")
        if customer is not None:
            how = MERGED if heir else DELETED
            gone_there(session, run, Kind.CUSTOMER, local_id, customer.display_name, how, into=into)


def _merged_into(session: Session, run: PullRun, link: ExternalLink, arrived: Arrived) -> tuple[str, str]:
    survivor = _heir(session, run, link, arrived)
    return (survivor, _name_of(session, run, survivor, arrived)) if survivor else ("", "")


def _heir(session: Session, run: PullRun, link: ExternalLink, arrived: Arrived) -> str:
    """The survivor of a merge that the service doesn't tell: all invoices of the lost customer name it now."""
    rows = session.scalars(
        select(ExternalLink.external_id)
        .join(Invoice, Invoice.id == ExternalLink.local_id)
        .where(
            ExternalLink.provider == run.key.provider,
            ExternalLink.company_id == run.key.company_id,
            ExternalLink.kind == Kind.INVOICE.value,
            Invoice.customer_id == link.local_id,
        )
    )
    there = arrived.records[Kind.INVOICE]
    records = [there[one] for one in rows if one in there]
    heirs = {one.customer_id for one in records if isinstance(one, InvoiceRecord)} - {link.external_id}
    return heirs.pop() if len(heirs) == 1 else ""


def _name_of(session: Session, run: PullRun, external_id: str, arrived: Arrived) -> str:
    record = arrived.records[Kind.CUSTOMER].get(external_id) or arrived.heirs.get(external_id)
    if isinstance(record, CustomerRecord):
        return record.display_name
    link = links_to(session, run.key, Kind.CUSTOMER, [external_id]).get(external_id)
    customer = session.get(Customer, link.local_id) if link is not None else None
    return customer.display_name if customer is not None else external_id
