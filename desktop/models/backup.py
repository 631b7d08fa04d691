"""Copies of a SQLite file: taken while it is open, checked, and kept on a ladder that thins out with age."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from desktop.errors import StorageProblem
from desktop.models.trouble import damaged, in_plain_words, read_only
from desktop.text import tr

RESTORED_AT = "books.restored_at"
"""Setting: when these books were replaced by an older copy. What is older may be at the service, unknown to us."""
COPIED_UNTIL = "books.copied_until"
"""Setting: the same moment, or the newest edit in the copy where a clock was set back: it had what is older."""
PUT_BACK_AT = "books.put_back_at"
"""The same moment, until the books' number was compared: what is edited from then on is newer than the copy."""

_NAME = re.compile(r"blueclerk (\d{4}-\d\d-\d\d) (\d{6})Z (.+)\.db")


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy lying in the folder of backups."""

    path: Path
    taken_at: datetime
    """Aware, UTC, read from the file's name."""
    label: str
    """Why it was taken, and from which version."""


def is_sound(path: Path) -> bool:
    """Whether `path` is a whole SQLite database with tables; reads it, changes nothing."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source:
            source.text_factory = bytes
            tables = source.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            return bool(tables) and source.execute("PRAGMA integrity_check(1)").fetchone()[0] == b"ok"
    except (sqlite3.Error, UnicodeDecodeError):
        return False


def take_backup(path: Path, folder: Path, label: str, now: datetime) -> Backup:
    """Copy the open database at `path` into `folder`, check the copy, and only then give it its name.

    Raises StorageProblem; then no file is left under a backup's name.
    """
    stamp = now.astimezone(UTC)
    safe = re.sub(r"[^\w.-]+", "-", label).strip("-") or "copy"
    final = folder / f"blueclerk {stamp:%Y-%m-%d} {stamp:%H%M%S}Z {safe}.db"
    part = folder / f"{final.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        _copy(path, part)
        if not is_sound(part):
            raise damaged()
        os.replace(part, final)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise in_plain_words(error) or damaged(str(error)) from error
    except OSError as error:
        raise StorageProblem(
            tr("The backup can't be written."),
            tr("Nothing was changed. Check that there is room and that its folder may be written."),
            details=error.strerror or "",
        ) from error
    finally:
        _remove(part)
    return Backup(final, stamp.replace(microsecond=0), safe)


def _copy(path: Path, part: Path) -> None:
    if not path.exists():
        raise read_only(tr("There is no file to copy."))
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
    with part.open("rb+") as written:
        os.fsync(written.fileno())


def _remove(path: Path) -> None:
    for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        try:
            name.unlink(missing_ok=True)
        except OSError:
            return  # a left-over part is no backup: it has another ending


def list_backups(folder: Path) -> list[Backup]:
    """The copies in `folder`, newest first; files with other names are not touched or listed."""
    found = []
    for path in folder.glob("blueclerk *.db") if folder.is_dir() else ():
        match = _NAME.fullmatch(path.name)
        if match:
            taken = datetime.strptime(f"{match[1]} {match[2]}", "%Y-%m-%d %H%M%S").replace(tzinfo=UTC)
            found.append(Backup(path, taken, match[3]))
    return sorted(found, key=lambda backup: (backup.taken_at, backup.path.name), reverse=True)


def newest_good(folder: Path) -> Backup | None:
    """The newest copy that can be read whole: what a damaged file is replaced with (S4)."""
    return next((backup for backup in list_backups(folder) if is_sound(backup.path)), None)


def restore_backup(path: Path, backup: Backup, now: datetime, *, word: str = "damaged") -> Path | None:
    """Put `backup` in the place of the damaged file at `path`; the answer is where that one lies now, beside it (S4).

    `word` says in the kept file's name why it was put aside. The books must be closed. The exchange itself is one
    step: at no moment is there no file, for then new books would be begun. None where there was no file. Raises
    StorageProblem; the damaged file is as it was then.
    """
    stamp = now.astimezone(UTC)
    kept = path.with_name(f"{path.stem} {word} {stamp:%Y-%m-%d} {stamp:%H%M%S}Z{path.suffix}")
    part = path.with_name(f"{path.name}.part")
    try:
        _remove(part)
        shutil.copyfile(backup.path, part)
        if not is_sound(part):
            raise damaged()
        _note_restored(part, stamp)
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        there = path.exists()
        if there:
            shutil.copyfile(path, kept)
        for ending in ("-wal", "-shm"):  # they belong to the damaged file: beside another one they would spoil it
            journal = path.with_name(path.name + ending)
            if journal.exists():
                os.replace(journal, kept.with_name(kept.name + ending))
        os.replace(part, path)
    except OSError as error:
        raise StorageProblem(
            tr("The copy can't be put in place."),
            tr("The damaged file was left as it is. Check that there is room and that its folder may be written."),
            details=error.strerror or "",
        ) from error
    except sqlite3.Error as error:
        raise in_plain_words(error) or damaged(str(error)) from error
    finally:
        _remove(part)
    return kept if there else None


def _note_restored(part: Path, stamp: datetime) -> None:
    """Money that left after the copy was taken must be looked up before it leaves again (I1)."""
    with closing(sqlite3.connect(part)) as books, books:
        books.execute("PRAGMA journal_mode=DELETE")
        moment, until = json.dumps(stamp.isoformat()), json.dumps(max([stamp, *_edits(books)]).isoformat())
        rows = [(RESTORED_AT, moment), (PUT_BACK_AT, moment), (COPIED_UNTIL, until)]
        books.executemany("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", rows)


def _edits(books: sqlite3.Connection) -> Iterator[datetime]:
    """When each kind of record was made and edited last, as the copy says."""
    for table in ("customer", "item", "invoice", "payment"):
        row = books.execute(f"SELECT max(created_at), max(updated_at) FROM {table}").fetchone()  # noqa: S608 (our names)
        for newest in filter(None, row):
            yield datetime.fromisoformat(newest).replace(tzinfo=UTC)


def to_keep(backups: Iterable[Backup], now: datetime) -> set[Path]:
    """Which copies stay: all of the last 2 days, then 12 daily, 10 weekly and 9 monthly ones."""
    newest_first = sorted(backups, key=lambda backup: backup.taken_at, reverse=True)
    keep = {backup.path for backup in newest_first if now - backup.taken_at <= timedelta(days=2)}
    for form, count in (("%Y-%m-%d", 12), ("%G-%V", 10), ("%Y-%m", 9)):
        kept: dict[str, Path] = {}
        for backup in newest_first:
            if len(kept) < count:
                kept.setdefault(backup.taken_at.strftime(form), backup.path)
        keep.update(kept.values())
    return keep


def thin_out(folder: Path, now: datetime) -> None:
    """Delete the copies that the ladder no longer needs; one that can't be deleted stays."""
    backups = list_backups(folder)
    keep = to_keep(backups, now)
    for backup in backups:
        if backup.path not in keep:
            _remove(backup.path)
