"""The other direction: what changed in the service comes into our books (M116, M117).

One pull reads what changed, applies it kind by kind in short transactions, and only then moves its cursors.
It runs under the runner's lease, after the pushes, and never while something sent is still in doubt: what
nobody knows yet must not be taken for somebody else's record. It writes nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from sqlalchemy.orm import Session

from desktop.crashpoint import crashpoint
from desktop.models.connection import Connection
from desktop.models.session import note_change
from desktop.providers.records import Kind, PaymentRecord, Record
from desktop.sync import failures
from desktop.sync.adopting import tie_older
from desktop.sync.company import Company
from desktop.sync.identity import look, prove, sample
from desktop.sync.leases import HeldLease
from desktop.sync.pull_feed import Arrived, Reading, plan_reading, read, store_cursors
from desktop.sync.pull_invoices import bring_invoices
from desktop.sync.pull_payments import bring_payments, drop_answered_twins, explain_balances
from desktop.sync.pull_records import bring_records
from desktop.sync.pull_run import PullRun
from desktop.sync.pull_states import find_gone, merged_away, merged_further, name_heirs, tell_gone
from desktop.sync.pulled import Pulled
from desktop.sync.schedule import Wish, served


async def pull(company: Company, held: HeldLease, wish: Wish) -> Pulled | None:
    """Bring in what changed there; None when another desk has served this due time meanwhile.

    What was applied before a problem stays; the next pull starts where this one did and changes nothing twice.
    Raises ConnectionProblem when the service can't be read, OtherBooks among them, and LeaseLost.
    """
    run = PullRun(company, held, wish.actor)
    due = wish.due
    if due is not None and await company.db.in_read(lambda session: served(run.connection(session), due)):
        return None
    reading = await company.db.in_read(lambda session: plan_reading(session, company, by_schedule=wish.by_schedule))
    arrived = await read(company, reading)
    crashpoint("pull.read")
    if await company.db.in_read(partial(_strange, company=company, arrived=arrived)):
        await prove(company)  # nothing of another company's is applied, and nothing is written to it (W4)
    await _apply(run, reading, arrived)
    crashpoint("pull.applied")
    await company.db.in_write(partial(_finish, run=run, reading=reading, arrived=arrived, wish=wish))
    crashpoint("pull.done")
    run.pulled.unreadable = arrived.unreadable
    return run.pulled


def _strange(session: Session, company: Company, arrived: Arrived) -> bool:
    """Whether what came looks like another company's records under our ids."""
    came = {(kind, one): record for kind, records in arrived.records.items() for one, record in records.items()}
    seen = look(sample(session, company.key), came, whole=arrived.whole)
    return seen.strange or seen.vanished


async def _apply(run: PullRun, reading: Reading, arrived: Arrived) -> None:
    start = await run.company.db.in_read(lambda session: run.connection(session).connected_at)
    await name_heirs(run, arrived)
    if Kind.INVOICE in reading.kinds:
        await tie_older(run, arrived)
    for kind in (Kind.CUSTOMER, Kind.ITEM):
        if kind in reading.kinds:
            records: Mapping[str, Record] = arrived.records[kind]
            await bring_records(run, kind, records, arrived, first=reading.is_new(kind), start=start)
            crashpoint("pull.kind")
    gone = await find_gone(run, arrived, reading.kinds)
    lost = gone | merged_away(arrived)
    if Kind.INVOICE in reading.kinds:
        await bring_invoices(run, arrived, start.date(), lost=lost)
        crashpoint("pull.kind")
    await tell_gone(run, gone, arrived)  # before payments: what a lost invoice was paid stays with it
    if lost:
        await merged_further(run, lost, arrived)
    if Kind.PAYMENT in reading.kinds:
        records = arrived.records[Kind.PAYMENT]
        await bring_payments(run, [one for one in records.values() if isinstance(one, PaymentRecord)])
        await drop_answered_twins(run)
        await explain_balances(run, arrived)
        crashpoint("pull.kind")


def _finish(session: Session, run: PullRun, reading: Reading, arrived: Arrived, wish: Wish) -> None:
    run.check(session)
    if arrived.cursor is not None and not arrived.unreadable:  # what could not be read is asked for again
        store_cursors(session, run.company, [one for one in reading.kinds if one not in run.behind], arrived.cursor)
    connection = session.get_one(Connection, run.company.connection_id)
    failures.connection_fine(session, run.now(), connection)
    connection.last_synced_at = run.now()
    if wish.due is not None and not served(connection, wish.due):
        connection.weekly_for = wish.due
    note_change(session, "connection", connection.id)
