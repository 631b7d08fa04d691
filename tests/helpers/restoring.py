"""Going back to a copy of the books after a disaster, as the owner does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from desktop.core import Core, Options
from desktop.models.backup import newest_good, restore_backup
from tests.helpers.control import Control


async def put_back(options: Options, backups: Path, control: Control) -> Core:
    """The books are damaged, and the program goes on with the newest good copy."""
    books = Path(options.database)
    books.write_bytes(b"not a database" * 500)
    backup = newest_good(backups)
    assert backup is not None
    kept = restore_backup(books, backup, options.clock.now())
    assert kept is not None and kept.read_bytes().startswith(b"not a database")
    control.clock(120)  # the limits of the service know nothing of our new start
    return await Core.open(replace(options))
