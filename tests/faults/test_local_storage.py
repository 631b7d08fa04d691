"""S1-S5: the disk is full, slow, locked, broken, or its power was cut. No write leaves without its intention (I10)."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from desktop import crashpoint
from desktop.clock import SystemClock
from desktop.core import Core
from desktop.errors import StorageProblem
from desktop.models import session as session_module
from desktop.models.backup import newest_good, restore_backup
from desktop.models.trouble import DatabaseBusy, DatabaseDamaged
from desktop.models.work import OutboxEntry
from desktop.providers.records import Kind
from tests.faults.conftest import OpenDesk
from tests.faults.invariants import made, writes
from tests.faults.world import ALL, Desk, Store, Template, make_template, open_desk
from tests.helpers.control import Control
from tests.helpers.storage import FRAME, Locker, image, journal, largest_file, small_disk, unsound
from tests.helpers.waiting import until

STEPS = (0, 1, 3, 6, 11, 18, 27, 38, 52, 70, 95, 130, 180, 250, 400)
"""Pages that may still be written, until no fault is left."""


async def _push(desk: Desk, invoice: int) -> StorageProblem | None:
    """Press Sync; what was told of the disk."""
    try:
        await desk.sync(invoice)
    except StorageProblem as problem:
        return problem
    return None


async def _there_once(desk: Desk, number: str) -> None:
    desk.clock.advance(61)  # a lease that could not be given back runs out
    await desk.settle()
    (there,) = desk.remote(number)
    assert there["balance"] == "50.00"
    assert [len(made(desk.world, kind)) for kind in ("customer", "item", "invoice", "payment")] == [1, 1, 1, 1]
    desk.quiet()
    assert unsound(desk.core.options.database) == ""


async def _until_it_fits(desk: Desk, limit: Any, place: str) -> list[StorageProblem]:
    """One push for each step with a little more room, until one succeeds; what was told before."""
    told: list[StorageProblem] = []
    for number, pages in enumerate(STEPS):
        invoice = desk.bill(f"{place}-{number}", "80", paid="30")
        before = len(writes(desk.world))
        with limit(desk, pages):
            problem = await _push(desk, invoice)
        desk.holds()  # every call has its committed intention, whatever the disk did
        if problem is None:
            assert told, "the disk was never full: nothing was tried"
            return told
        told.append(problem)
        assert pages or len(writes(desk.world)) == before, "without room for an intention nothing may leave"
        desk.clock.advance(61)
        if not _promised(desk):
            assert len(writes(desk.world)) == before, "what could not even be asked for did not leave"
            assert await _push(desk, invoice) is None
        await desk.settle()
        (there,) = desk.remote(f"{place}-{number}")
        assert there["balance"] == "50.00"
    raise AssertionError("it never fitted")


def _promised(desk: Desk) -> bool:
    with desk.core.db.read() as session:
        return session.scalar(select(OutboxEntry.id).limit(1)) is not None


async def test_S2_the_disk_is_full_at_the_nth_write(
    tmp_path: Path, templates: tuple[Path, dict[str, Template]], sandbox: Any, control: Control
) -> None:
    """A real disk without room (ENOSPC), one step later each time until nothing fails."""
    folder, known = templates
    if "quickbooks" not in known:
        known["quickbooks"] = await make_template(folder / "quickbooks", sandbox, control, "quickbooks")
        control.reset()
    with small_disk(tmp_path / "disk") as disk:
        place = disk.folder / "desk"
        async with open_desk(known["quickbooks"], place, sandbox, control, "quickbooks") as desk:

            class Full(AbstractContextManager[None]):
                def __init__(self, _desk: Desk, pages: int) -> None:
                    _empty_journal(desk)
                    disk.leave(pages)

                def __exit__(self, *exc: object) -> None:
                    disk.make_room()

            told = await _until_it_fits(desk, Full, "S2")
            assert len(told) >= 5
            assert any("disk is full" in problem.title for problem in told), [problem.title for problem in told]
            assert all(problem.advice for problem in told)
            desk.quiet()
            assert unsound(desk.core.options.database) == ""


async def test_S3_an_error_of_the_disk_at_the_nth_write(desk_on: OpenDesk) -> None:
    """The system refuses to let the file grow (EFBIG), as a broken disk refuses a write."""
    async with desk_on("quickbooks") as desk:

        def broken(_desk: Desk, pages: int) -> AbstractContextManager[None]:
            _empty_journal(desk)
            return largest_file(journal(desk.core.options.database).stat().st_size + 32 + pages * FRAME)

        told = await _until_it_fits(desk, broken, "S3")
        assert len(told) >= 5 and all(problem.title and problem.advice for problem in told)
        desk.quiet()
        assert unsound(desk.core.options.database) == ""


def _empty_journal(desk: Desk) -> None:
    """The journal starts again: a long one would take up the next writes in the room that it has."""
    with closing(sqlite3.connect(desk.core.options.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class Patient(SystemClock):
    """Pauses end when the test says so; the hourly look never comes."""

    def __init__(self) -> None:
        self.again = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        if seconds == 30.0:
            await self.again.wait()
            self.again.clear()
        elif seconds > 30.0:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(min(seconds, 0.05))


async def test_S2_a_run_that_stopped_by_itself_is_told_and_goes_on_when_there_is_room(
    desk_on: OpenDesk, control: Control
) -> None:
    clock = Patient()
    async with desk_on("quickbooks", clock=clock) as desk:
        told: list[StorageProblem | None] = []
        happened = asyncio.Event()

        def hear(problem: StorageProblem | None) -> None:
            told.append(problem)
            happened.set()

        desk.switches(auto=True)
        desk.core.on_storage = hear
        invoice = desk.bill("S2-A", "80", paid="30")
        _empty_journal(desk)
        with largest_file(journal(desk.core.options.database).stat().st_size + 40):
            desk.core.start()
            async with asyncio.timeout(20):
                await happened.wait()
            assert isinstance(told[0], StorageProblem) and desk.core.storage_problem is told[0]
            assert not writes(desk.world)
            happened.clear()
            clock.again.set()  # still no room: said once more at most, and nothing is sent
            async with asyncio.timeout(20):
                await happened.wait()
            assert not writes(desk.world)
        happened.clear()
        clock.again.set()
        async with asyncio.timeout(20):
            await happened.wait()
        assert told[-1] is None and desk.core.storage_problem is None
        await until(lambda: desk.link(Kind.INVOICE, invoice) is not None and desk.core.runner.idle, 20)
        assert len(desk.remote("S2-A")) == 1


async def test_S1_a_file_that_another_program_holds_is_waited_for(desk_on: OpenDesk) -> None:
    async with desk_on("quickbooks") as desk:
        invoice = desk.bill("S1-1", "80", paid="30")
        locker = Locker(desk.core.options.database)
        try:
            pressed = asyncio.create_task(_push(desk, invoice))
            done, _ = await asyncio.wait([pressed], timeout=0.2)
            assert not done, "it waits"
            assert not writes(desk.world), "and sends nothing meanwhile"
        finally:
            locker.let_go()
        assert await pressed is None
        await _there_once(desk, "S1-1")


async def test_S1_a_file_held_for_too_long_is_told_and_nothing_is_lost(
    desk_on: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "BUSY_MILLISECONDS", 100)
    async with desk_on("quickbooks") as desk:
        invoice = desk.bill("S1-2", "80", paid="30")
        lockers: list[Locker] = []

        def hold(name: str) -> None:
            if name == "intent.committed" and not lockers:
                lockers.append(Locker(desk.core.options.database))

        crashpoint.install(hold)
        try:
            problem = await _push(desk, invoice)
        finally:
            crashpoint.install(None)
            for locker in lockers:
                locker.let_go()
        assert isinstance(problem, DatabaseBusy) and "in use" in problem.title
        desk.holds()
        await _there_once(desk, "S1-2")


# --- S4 ------------------------------------------------------------------------------------------------------------


async def test_S4_a_damaged_file_is_kept_and_the_newest_good_copy_goes_on(desk_on: OpenDesk) -> None:
    """Bytes are flipped in a copy, the file is cut, emptied, replaced by something else, its journal is gone."""
    async with desk_on("quickbooks") as desk:
        invoice = desk.bill("S4-1", "80", paid="30")
        assert (await desk.sync(invoice)).clean
        options = desk.core.options
        assert await desk.core.daily_backup() is not None
        good = image(options.database, options.data_dir / "good" / "books.db")
    for name, spoil in _DAMAGE.items():
        folder = options.data_dir / name
        shutil.copytree(options.data_dir / "backups", folder / "backups")
        path = Path(shutil.copyfile(good, folder / "books.db"))
        spoil(path)
        spoilt = path.read_bytes()
        with pytest.raises(DatabaseDamaged) as problem:
            core = await Core.open(replace(options, database=str(path), data_dir=folder))
            await core.close()
        assert "backup" in problem.value.advice, name
        assert path.read_bytes() == spoilt, "it was changed"
        copy = newest_good(folder / "backups")
        assert copy is not None
        kept = restore_backup(path, copy, options.clock.now())
        assert kept is not None and kept.read_bytes() == spoilt
        core = await Core.open(replace(options, database=str(path), data_dir=folder))
        await core.close()
        assert unsound(path) == "", name


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    chance = random.Random(4)
    for _ in range(len(content) // 64):
        content[chance.randrange(100, len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


_DAMAGE: dict[str, Any] = {
    "flipped": _flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-6000]),
    "emptied": lambda path: path.write_bytes(b""),
    "replaced": lambda path: path.write_bytes(b"PK\x03\x04 something else" * 400),
    "head gone": lambda path: path.write_bytes(b"\0" * 512 + path.read_bytes()[512:]),
}


async def test_S4_a_missing_journal_loses_the_last_commits_and_nothing_more(desk_on: OpenDesk) -> None:
    """What was sent after the last checkpoint is found there again; nothing is sent twice."""
    async with desk_on("quickbooks") as desk:
        options, store = desk.core.options, desk.core.options.store
        invoice = desk.bill("S4-2", "80", paid="30")
        _empty_journal(desk)
        without = Path(shutil.copyfile(options.database, options.data_dir / "without.db"))
        assert (await desk.sync(invoice)).clean
        desk.clock.advance(60)
        copy = replace(options, database=str(without))
        assert isinstance(store, Store)
        core = await Core.open(copy)
        try:
            assert (await core.sync([(Kind.INVOICE, invoice)])).clean
            assert [len(made(desk.world, kind)) for kind in ("customer", "invoice", "payment")] == [1, 1, 1]
        finally:
            await core.close()


# --- S5 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["quickbooks", "wave"])
async def test_S5_what_a_power_cut_leaves_opens_clean_and_knows_every_call(service: str, desk_on: OpenDesk) -> None:
    """File and journal as they lie after each commit, and with a torn piece of the next one behind them."""
    async with desk_on(service) as desk:
        invoice = desk.bill("S5-1", "80", paid="30")
        options, images = desk.core.options, options_folder(desk)
        taken: list[tuple[str, Path, int]] = []

        def cut(name: str) -> None:
            if name in ("intent.committed", "call.sent", "reply.read", "link.committed", "readback"):
                calls = len(writes(desk.world))
                taken.append((name, image(options.database, images / f"{len(taken)}.db"), calls))

        crashpoint.install(cut)
        try:
            await desk.sync(invoice)
        finally:
            crashpoint.install(None)
        await desk.settle()
        counts = [len(made(desk.world, kind)) for kind in ("customer", "item", "invoice", "payment")]
        assert counts == [1, 1, 1, 1] and len(taken) >= 10
        chance = random.Random(5)
        for place, (name, path, calls) in enumerate(taken):
            if place + 1 < len(taken):
                _tear(path, taken[place + 1][1], chance)
            assert unsound(path) == "", (place, name)
            with closing(sqlite3.connect(path)) as connection:
                intended = connection.execute("SELECT count(*) FROM write_call").fetchone()[0]
            assert intended >= calls, f"{calls} calls were there, {intended} intentions at {name}"
        last = max(place for place, (name, _path, _calls) in enumerate(taken) if name == "intent.committed")
        for name, path, _calls in taken[last:]:  # the power went while the last call was out: it arrived
            desk.clock.advance(200)
            core = await Core.open(replace(options, database=str(path)))
            try:
                for _ in range(4):
                    report = await core.sync([(Kind.INVOICE, invoice)])
                    if report.clean:
                        break
                    desk.clock.advance(200)
                assert report.clean, (name, report)
            finally:
                await core.close()
            assert [len(made(desk.world, kind)) for kind in ("customer", "item", "invoice", "payment")] == counts, name


@pytest.mark.parametrize("service", ALL)
async def test_S6_a_copy_taken_in_the_middle_of_a_run_pays_nothing_twice(service: str, desk_on: OpenDesk) -> None:
    """A backup program copied the file while we were sending; it is put back when all had been sent."""
    async with desk_on(service) as desk:
        invoice = desk.bill("S6-M", "80", paid="30")
        options = desk.core.options
        copies: list[Path] = []

        def copy(name: str) -> None:
            if name == "link.committed" and not copies:
                copies.append(image(options.database, options_folder(desk) / "middle.db"))

        crashpoint.install(copy)
        try:
            assert (await desk.sync(invoice)).clean
        finally:
            crashpoint.install(None)
        desk.clock.advance(3600)
        core = await Core.open(replace(options, database=str(copies[0])))
        try:
            await core.company()
            view = await core.connection()
            assert view is not None and "older" in view.title
            before = len([one for one in desk.world.calls() if one["changed"] and one["op"] != "refresh"])
            for _ in range(3):
                await core.sync([(Kind.INVOICE, invoice)])
                desk.clock.advance(200)
            after = [one["op"] for one in desk.world.calls() if one["changed"] and one["op"] != "refresh"][before:]
            assert after == [], "it is all there: found, not sent, changed or made again"
            counts = [len(made(desk.world, kind)) for kind in ("customer", "item", "invoice", "payment")]
            assert counts == [1, 1, 1, 1]
        finally:
            await core.close()


def options_folder(desk: Desk) -> Path:
    """Where images of the books are put."""
    return desk.core.options.data_dir.parent / "images"


def _tear(path: Path, following: Path, chance: random.Random) -> None:
    """The next transaction had begun to be written when the power went: part of it lies behind the last commit."""
    now, later = journal(path).read_bytes(), journal(following).read_bytes()
    if len(later) > len(now) and later.startswith(now):
        rest = later[len(now) :]
        journal(path).write_bytes(now + rest[: chance.randrange(1, len(rest))])
