"""Keeps the imitated books in a file, so that a sandbox which died goes on where it was (P8).

The file is one of this program's own, readable by the owner only, and goes with the orderly end. It is written whole
after every call that changed something; a file that can't be written (locked, disk full) is left as it was.
"""

from __future__ import annotations

import io
import os
import pickle
import random
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.ledger import Ledger
from desktop.sandbox.service import Service

SOURCE = "source of randomness"


@dataclass(frozen=True, slots=True)
class Kept:
    """All that a sandbox is, but for its faults and its control secret."""

    services: Mapping[str, Service]
    ledger: Ledger
    clock: SandboxClock


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> str | None:
        return SOURCE if isinstance(obj, random.SystemRandom) else None  # it has no state to keep


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self._source = random.SystemRandom()

    def persistent_load(self, pid: Any) -> Any:
        if pid != SOURCE:
            raise pickle.UnpicklingError(f"unknown: {pid}")
        return self._source


def load(path: Path) -> Kept | None:
    """What was kept in `path`; None where there is nothing that can be read."""
    try:
        found = _Unpickler(io.BytesIO(path.read_bytes())).load()
    except FileNotFoundError:
        return None
    except Exception as error:  # a cut or foreign file fails in any way it likes: then it begins anew
        print(f"The kept books of the sandbox cannot be read: {type(error).__name__}", file=sys.stderr)
        return None
    return found if isinstance(found, Kept) else None


def save(kept: Kept, path: Path) -> bool:
    """Write it whole or not at all; says whether it was written."""
    packed = io.BytesIO()
    _Pickler(packed, pickle.HIGHEST_PROTOCOL).dump(kept)
    name = ""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(packed.getvalue())
        os.replace(name, path)
    except OSError as error:
        print(f"The books of the sandbox are not kept: {error.strerror}", file=sys.stderr)
        if name:
            Path(name).unlink(missing_ok=True)
        return False
    return True


class Keeping:
    """The program with its books kept: saved before a changing call is answered for good."""

    def __init__(self, app: ASGIApp, kept: Kept, path: Path) -> None:
        self._app, self._kept, self._path = app, kept, path
        self._seen = len(kept.ledger)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            self._keep()

    def _keep(self) -> None:
        length = len(self._kept.ledger)
        emptied, news = length < self._seen, list(self._kept.ledger.since(self._seen))
        self._seen = length
        if emptied or any(entry.changed or entry.op in ("token", "authorize", "consent") for entry in news):
            save(self._kept, self._path)
