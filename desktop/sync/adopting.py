"""Linking what is at the service already and is ours: found alike, or proven by our stamp. Nothing is written there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.models.invoice import Invoice
from desktop.providers.base import stamp_of
from desktop.providers.records import (
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    Kind,
    PaymentRecord,
    Record,
)
from desktop.sync.asking import ask_apart
from desktop.sync.copied import sent_since, tie
from desktop.sync.looking import make_plan
from desktop.sync.planning import Adoption, Work, not_agreed, questions, ref, resolve
from desktop.sync.pull_feed import Arrived
from desktop.sync.pull_invoices import follow_invoice
from desktop.sync.pull_payments import follow_payment
from desktop.sync.pull_records import follow_one
from desktop.sync.pull_run import PullRun, portions
from desktop.sync.settling import holder_of, log_link, store_link
from desktop.sync.snapshots import unlike
from desktop.sync.work import load_work, markers, restored_at


class Adopted(Enum):
    """What became of a link."""

    LINKED = "linked"
    TAKEN = "taken"
    """An import was quicker and linked that one to another record of ours."""
    LATER = "later"
    """A payment of books put back whose invoice is not tied yet: then only it is known what it pays."""


def adopt(session: Session, run: PullRun, adoption: Adoption, ids: Mapping[str, str]) -> Adopted:
    """Link the two.

    `ids` are the service's ids of all that is linked or is being adopted, by ref. Where ours is older than what is
    there, because the books were put back from a copy, what is newer there comes in at once (S4).
    """
    ours, theirs = adoption.ours, adoption.record
    if holder_of(session, run.key, ours.kind.value, theirs.external_id or "") not in (None, ours.local_id):
        return Adopted.TAKEN
    known = resolve(ours.record, ids)
    if adoption.older and known is None and isinstance(theirs, PaymentRecord):
        return Adopted.LATER
    if adoption.older:
        ours = replace(ours, record=known or ours.record)
        link = tie(session, run, ours, theirs)
        if isinstance(theirs, InvoiceRecord):
            follow_invoice(session, run, ours, link, theirs)
        elif isinstance(theirs, PaymentRecord):
            follow_payment(session, run, ours, link, theirs)
        else:
            follow_one(session, run, ours.kind, ours, link, theirs, Arrived())
        return Adopted.LINKED
    record = (known or ours.record) if isinstance(ours.record, PaymentRecord) else ours.record
    # what we know by our own stamp is what we sent before; customers and items were only found alike
    mine: Record = theirs if ours.kind in (Kind.INVOICE, Kind.PAYMENT) else record
    if isinstance(mine, ItemRecord) and isinstance(theirs, ItemRecord):
        mine = replace(mine, income_account_id=theirs.income_account_id)
    if isinstance(mine, CustomerRecord) and isinstance(theirs, CustomerRecord) and not ours.old:
        mine = not_agreed(mine, theirs)  # of an older copy nothing is put over what may be newer there
    equal = not unlike(ours.kind, record, mine)
    now, there = run.now(), theirs.external_id or ""
    store_link(
        session, now, run.key, ours.kind.value, ours.local_id, mine, theirs, ours.revision if equal else 0,
        run.company.connection_id, generation=ours.generation,
    )  # fmt: skip
    session.add(log_link(now, run.key, ours.kind, ours.local_id, ours.label, there, run.actor))
    return Adopted.LINKED


async def tie_older(run: PullRun, arrived: Arrived) -> None:
    """Customers and items of books put back from a copy, whom our stamped invoices name there by what they are called
    now: tied before anything that arrives counts as new, or they would be here twice (S4, I1).

    No call where the books were never put back, or nothing of that kind came. Raises ConnectionProblem.
    """
    if await run.company.db.in_read(partial(_stamps, arrived=arrived)):
        work, stamped = await run.company.db.in_write(partial(_stamped, run=run, arrived=arrived))
        await _tie_named(run, work, stamped)


async def tie_named_by(run: PullRun, invoice_id: int, theirs: InvoiceRecord) -> None:
    """Customer and items of one invoice of such books, which is `theirs` by the owner's word.

    Raises ConnectionProblem.
    """

    def load(session: Session) -> Work:
        return load_work(session, run.connection(session), [(Kind.INVOICE, invoice_id)], asked=False)

    work = await run.company.db.in_read(load)
    name = ref(Kind.INVOICE, invoice_id)
    ours = work.ours.get(name)
    if ours is not None and ours.copied and not ours.gone:
        await _tie_named(run, replace(work, targets=(name,)), (replace(theirs, marker=markers(work)[name]),))


async def _tie_named(run: PullRun, work: Work, stamped: tuple[InvoiceRecord, ...]) -> None:
    able = run.company.provider.capabilities
    lookup = questions(work, {}, counts_ids=able.counts_ids) if work.targets else None
    if lookup is None:
        return
    ask = partial(ask_apart, run.company.provider)
    found = replace((await ask(lookup)).found, invoices=stamped)
    planned = await make_plan(run.company, ask, work, {}, found)
    named = [one for one in planned.adoptions if one.ours.kind in (Kind.CUSTOMER, Kind.ITEM)]
    if named:
        await run.company.db.in_write(partial(_adopt_all, run=run, adoptions=named))


def _stamps(session: Session, arrived: Arrived) -> dict[str, InvoiceRecord]:
    """Invoices that bear a stamp of ours, by our uuid; none where these books were never put back."""
    if restored_at(session) is None:
        return {}
    rows = [one for one in arrived.records[Kind.INVOICE].values() if isinstance(one, InvoiceRecord)]
    stamped = {stamp_of(one.marker)[0]: one for one in rows if not one.voided and not one.draft}
    return {uuid: one for uuid, one in stamped.items() if uuid}


def _stamped(session: Session, run: PullRun, arrived: Arrived) -> tuple[Work, tuple[InvoiceRecord, ...]]:
    """The work of invoices without a link that are there by their stamp, and those there. The number may be another
    one there by now: the stamp says enough, so they bear ours."""
    run.check(session)
    came = _stamps(session, arrived)
    rows: list[Invoice] = []
    for part in portions(list(came), 500):
        rows += session.scalars(select(Invoice).where(Invoice.uuid.in_(part)))
    for row in rows:
        sent_since(session, run, row)
    session.flush()
    work = load_work(session, run.connection(session), [(Kind.INVOICE, one.id) for one in rows], asked=False)
    names = {ref(Kind.INVOICE, one.id): came[one.uuid] for one in rows}
    ours = [work.ours[name] for name in work.targets if name in names and work.ours[name].copied]
    stamped = (replace(names[one.ref], number=one.label) for one in ours)
    return replace(work, targets=tuple(one.ref for one in ours)), tuple(stamped)


def _adopt_all(session: Session, run: PullRun, adoptions: list[Adoption]) -> None:
    run.check(session)
    for one in adoptions:
        adopt(session, run, one, {})


__all__ = ["Adopted", "adopt", "tie_named_by", "tie_older"]
