"""Translates what SQLite and PostgreSQL complain about into sentences for the owner (faults S1-S4, S8)."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError

from desktop.errors import BlueClerkError, StorageProblem
from desktop.text import tr


class DatabaseBusy(StorageProblem):
    """Another program or desk held the database longer than we wait; nothing was changed."""

    retryable = True


class DatabaseDamaged(StorageProblem):
    """The file is not a sound database; it is left as it is, and a backup should be offered (S4)."""


class DatabaseNewer(StorageProblem):
    """A newer version of the program has changed the tables; nothing was read or changed (P7, M3)."""


class DatabaseUnreachable(StorageProblem):
    """The server does not answer, or refuses this user; what was under way may need looking up (S8)."""

    retryable = True


class DiskFull(StorageProblem):
    """There is no room to write; nothing was changed (S2)."""

    retryable = True


class DatabaseReadOnly(StorageProblem):
    """The file, its folder or the disk can't be written (S3); nothing was changed."""


def busy(details: str = "") -> DatabaseBusy:
    return DatabaseBusy(
        tr("The books are in use by another program."),
        tr("Nothing was changed. Close other programs that have the file open, then try again."),
        details=details,
    )


def damaged(details: str = "") -> DatabaseDamaged:
    return DatabaseDamaged(
        tr("The file with your books is damaged or is not a BlueClerk file."),
        tr("It was left as it is. Choose a backup to go on with."),
        details=details,
    )


def newer(details: str = "") -> DatabaseNewer:
    return DatabaseNewer(
        tr("These books were last opened by a newer version of BlueClerk."),
        tr("Nothing was changed. Install the newest version on this computer."),
        details=details,
    )


def full(details: str = "") -> DiskFull:
    return DiskFull(
        tr("The disk is full."),
        tr("Nothing was changed and nothing is sent. Make room, then try again."),
        details=details,
    )


def read_only(details: str = "") -> DatabaseReadOnly:
    return DatabaseReadOnly(
        tr("The file with your books can't be written."),
        tr("Nothing was changed. Check that the file and its folder are not write-protected."),
        details=details,
    )


def cannot_open(details: str = "") -> StorageProblem:
    return StorageProblem(
        tr("The file with your books can't be opened."),
        tr("Check that its folder exists and that you may read and write there."),
        details=details,
    )


def failing_disk(details: str = "") -> StorageProblem:
    return StorageProblem(
        tr("The disk reported a fault while the books were read or written."),
        tr("What was not confirmed did not happen. Check the disk, then try again."),
        details=details,
    )


def unreachable(details: str = "") -> DatabaseUnreachable:
    return DatabaseUnreachable(
        tr("The office's database can't be reached."),
        tr("Check the network and that the server is running, then try again."),
        details=details,
    )


def sign_in_refused(details: str = "") -> StorageProblem:
    return StorageProblem(
        tr("The office's database does not let this user in."),
        tr("Check the user name in the address and the password in the password file."),
        details=details,
    )


_SQLITE = {
    sqlite3.SQLITE_BUSY: busy,
    sqlite3.SQLITE_LOCKED: busy,
    sqlite3.SQLITE_PERM: read_only,
    sqlite3.SQLITE_READONLY: read_only,
    sqlite3.SQLITE_IOERR: failing_disk,
    sqlite3.SQLITE_CORRUPT: damaged,
    sqlite3.SQLITE_NOTADB: damaged,
    sqlite3.SQLITE_FULL: full,
    sqlite3.SQLITE_CANTOPEN: cannot_open,
    sqlite3.SQLITE_NOLFS: full,
    sqlite3.SQLITE_TOOBIG: full,
}
_POSTGRES = {
    "53100": full,
    "55P03": busy,
    "40P01": busy,
    "40001": busy,
    "25006": read_only,
    "28000": sign_in_refused,
    "28P01": sign_in_refused,
    "3D000": unreachable,
    "XX001": damaged,
    "XX002": damaged,
    "58030": failing_disk,
}
_POSTGRES_CLASSES = {"08": unreachable, "53": unreachable, "57": unreachable}


def in_plain_words(error: BaseException) -> BlueClerkError | None:
    """The storage problem that `error` (SQLAlchemy's or the driver's) stands for; None if it is none.

    A broken constraint or a faulty statement is a mistake of ours and stays what it is. The driver's own
    words go to `details`, never the statement with its values.
    """
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, IntegrityError) or original is None:
        return None
    words = str(original).strip()
    code = getattr(original, "sqlite_errorcode", None)
    if code is not None:
        make = _SQLITE.get(code & 0xFF)
        return make(words) if make else None
    if isinstance(original, sqlite3.DatabaseError) and "malformed" in words:
        return damaged(words)
    if not isinstance(error, DBAPIError) or isinstance(original, sqlite3.Error):
        return None
    state = getattr(original, "sqlstate", None) or ""
    make = _POSTGRES.get(state) or _POSTGRES_CLASSES.get(state[:2])
    if make is not None:
        return make(words)
    if state == "" and (error.connection_invalidated or type(original).__name__ == "OperationalError"):
        return sign_in_refused(words) if "password" in words else unreachable(words)
    return None
