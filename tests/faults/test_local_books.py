"""S4, S6, S7, A13: books that were copied, put back, moved or damaged are noticed before anything is sent."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from desktop.core import Core, Options
from desktop.models.payment import Payment
from desktop.models.states import ConnectionState, Switches
from desktop.providers.records import Kind
from desktop.sync.overview import save_switches
from desktop.sync.secrets import MemoryStore
from tests.faults.conftest import OpenDesk
from tests.faults.invariants import writes
from tests.faults.world import ALL
from tests.helpers.control import Control
from tests.helpers.desk import connected_core, sign_in
from tests.helpers.four_services import map_all, write
from tests.helpers.office import ElasticClock


def _journal_free(core: Core) -> None:
    """A copy by hand takes the one file: everything must be in it."""
    with closing(sqlite3.connect(core.options.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _auto(core: Core) -> None:
    await core.do(save_switches, Switches(auto=True))


async def _state(core: Core) -> tuple[ConnectionState, str]:
    view = await core.connection()
    assert view is not None
    return view.state, view.title


async def _desk_with_one_invoice(core: Core) -> int:
    invoice = await core.do(write, "Copy Cat", "CC-1", "30")
    await map_all(core, "quickbooks")
    return invoice


async def test_S6_an_old_copy_put_back_by_hand_sends_nothing_by_itself_and_nothing_twice(
    tmp_path: Path, sandbox: Any, control: Control
) -> None:
    """The file is copied over while the program is closed: no word of ours was in that."""
    clock = ElasticClock(control)
    async with connected_core(tmp_path / "desk", sandbox, control, clock=clock) as core:
        options = core.options
        invoice = await _desk_with_one_invoice(core)
        _journal_free(core)
        shutil.copyfile(options.database, tmp_path / "old.db")
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
    before = control.books()
    _put_back(tmp_path / "old.db", options)

    clock.advance(120)
    core = await Core.open(options)
    try:
        await _auto(core)
        ledger = len(control.ledger())
        report = await core.runner.drain()
        state, title = await _state(core)
        assert state is ConnectionState.REFUSED and "older" in title
        assert report.writes == 0 and len(control.ledger()) == ledger, "nothing was asked or sent by itself"
        assert len(await core.bell()) == 1
        report = await core.sync_now()
        assert report.clean, report
        after = control.books()
        for kind in ("customers", "items", "invoices", "payments"):
            assert len(after[kind]) == len(before[kind]), kind
        assert (await _state(core))[0] is ConnectionState.CONNECTED and not await core.bell()
    finally:
        await core.close()

    clock.advance(120)
    core = await Core.open(options)  # told once: these are the newest books now
    try:
        await core.cipher()
        assert (await _state(core))[0] is ConnectionState.CONNECTED
    finally:
        await core.close()


async def test_S6_a_copy_taken_while_the_program_ran_is_told_from_what_was_sent_later(
    tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        options = core.options
        invoice = await _desk_with_one_invoice(core)
        backup = await core.daily_backup()
        assert backup is not None
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
    _put_back(backup, options)
    core = await Core.open(options)
    try:
        assert await core.company() is not None
        assert "older" in (await _state(core))[1]
    finally:
        await core.close()


async def test_S6_an_orderly_end_or_a_crash_is_never_taken_for_an_old_copy(
    tmp_path: Path, sandbox: Any, control: Control
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        options = core.options
        invoice = await _desk_with_one_invoice(core)
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
    for _ in range(3):
        core = await Core.open(options)
        await core.company()
        assert (await _state(core))[0] is ConnectionState.CONNECTED
        await core.close()


async def test_A13_a_copied_data_folder_must_sign_in_for_itself_before_it_may_write(
    tmp_path: Path, sandbox: Any, control: Control
) -> None:
    """Even where the office's key came along: two copies would use up each other's sign-in."""
    store, clock = MemoryStore(), ElasticClock(control)
    async with connected_core(tmp_path / "desk", sandbox, control, store=store, clock=clock) as core:
        options = core.options
        invoice = await _desk_with_one_invoice(core)
        _journal_free(core)
        shutil.copytree(tmp_path / "desk", tmp_path / "elsewhere")
    keys = {name: value for name, value in store._secrets.items() if ":" not in name and name != "installation"}
    copied = replace(
        options,
        database=str(tmp_path / "elsewhere" / "blueclerk.db"),
        data_dir=tmp_path / "elsewhere",
        store=MemoryStore(keys),
    )
    core = await Core.open(copied)
    try:
        await core.do(lambda session, desk: None)
        await core.cipher()
        state, title = await _state(core)
        assert state is ConnectionState.NEEDS_SIGN_IN and "another computer" in title
        ledger = len(control.ledger())
        report = await core.sync([(Kind.INVOICE, invoice)])
        assert report.problem is not None and report.writes == 0
        assert len(control.ledger()) == ledger, "neither a refresh nor a call"
        await sign_in(core)
        clock.advance(60)
        assert (await core.sync([(Kind.INVOICE, invoice)])).clean
    finally:
        await core.close()
    core = await Core.open(options)  # the one it was copied from goes on as before
    try:
        assert await core.company() is not None
        assert (await _state(core))[0] is ConnectionState.CONNECTED
    finally:
        await core.close()


def _put_back(copy: Path, options: Options) -> None:
    for ending in ("-wal", "-shm"):
        Path(options.database + ending).unlink(missing_ok=True)
    shutil.copyfile(copy, options.database)


# --- S7 ----------------------------------------------------------------------------------------------------------

DAMAGE = (
    "UPDATE customer SET display_name = '', phone = '', email = ''",
    "UPDATE item SET name = '', unit_price = 0",
    "UPDATE invoice SET note = '', total = 0",
    "UPDATE invoice_line SET quantity = 0, unit_price = 0, amount = 0",
    "UPDATE payment SET amount = 0, reference = ''",
)


@pytest.mark.parametrize("service", ALL)
async def test_S7_rows_emptied_by_damage_are_never_taken_for_an_edit(service: str, desk_on: OpenDesk) -> None:
    """Text and amounts are gone from our tables without a word of the program: the service keeps what it has."""
    async with desk_on(service) as desk:
        invoice = desk.bill("S7-1", "60", paid="20")
        assert (await desk.sync(invoice)).clean
        desk.quiet()
        before, calls = desk.world.books(), len(writes(desk.world))
        with desk.core.db.write() as session:
            for statement in DAMAGE:
                session.execute(text(statement))
        await desk.sync(invoice)
        await desk.core.sync_now()
        assert len(writes(desk.world)) == calls
        assert desk.world.books() == before


async def test_S7_rows_that_vanished_from_our_tables_delete_nothing_there(desk_on: OpenDesk) -> None:
    async with desk_on("quickbooks") as desk:
        invoice = desk.bill("S7-2", "40", paid="40")
        assert (await desk.sync(invoice)).clean
        before, calls = desk.world.books(), len(writes(desk.world))
        with desk.core.db.write() as session:
            payments = session.scalars(select(Payment.id)).all()
            session.execute(text("DELETE FROM payment_allocation"))
            session.execute(text("DELETE FROM payment"))
        await desk.core.sync([(Kind.INVOICE, invoice), *((Kind.PAYMENT, each) for each in payments)])
        assert len(writes(desk.world)) == calls
        assert desk.world.books() == before
