"""Looks for secrets wherever a program leaves something: files, lists of processes, answers, what people see (I13).

`Canary` learns the secrets of a run (keys from the sandbox, everything random that the program drew, tokens as they
lie sealed in the books) and then searches for them, in clear and in the shapes in which programs usually write
them down: UTF-16, base64 at each offset, hexadecimal, percent-encoded, as an `Authorization: Basic` pair.

    canary = Canary()
    core = Core.open(options(..., entropy=canary.entropy(SystemEntropy())))
    canary.watch_services(sandbox.services)
    ...
    await canary.watch_tokens(core)
    canary.assert_silent(folder, texts={"ledger": ...})
"""

from __future__ import annotations

import base64
import gzip
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.clock import Entropy
from desktop.core import Core
from desktop.models.connection import Connection
from desktop.sync.tokens import open_grant

SHORTEST = 12
"""Shorter texts occur by chance; nothing that secret is so short."""
DEEPEST = 3
"""Archives within archives."""


class Canary:
    """The secrets of one run, each with the name under which it is told when it is found."""

    def __init__(self) -> None:
        self._shapes: dict[bytes, str] = {}
        self.names: set[str] = set()

    # --- learning ---

    def watch(self, name: str, secret: str | None) -> None:
        """From now on `secret` may be nowhere. Empty ones are passed over; short ones are a mistake of the test."""
        if not secret:
            return
        assert len(secret) >= SHORTEST, f"{name} is too short to be told from chance"
        self.names.add(name)
        for shape in _shapes(secret):
            self._shapes.setdefault(shape, name)

    def watch_services(self, services: Mapping[str, Any]) -> None:
        """The app keys' secrets of the sandbox, alone and as the pair that goes into a header."""
        for key, service in services.items():
            secret = service["client_secret"]
            self.watch(f"{key} app secret", secret)
            pair = base64.b64encode(f"{service['client_id']}:{secret}".encode()).decode()
            self.watch(f"{key} Basic header", pair)

    async def watch_tokens(self, core: Core) -> None:
        """The tokens that lie sealed in these books now; call it again after they were renewed."""
        cipher = await core.cipher()

        def read(session: Session) -> list[tuple[str, str]]:
            rows = session.scalars(select(Connection).where(Connection.token_blob.is_not(None))).all()
            grants = [open_grant(cipher, row, row.id) for row in rows]
            return [(one.access_token, one.refresh_token) for one in grants]

        for access, refresh in await core.ask(read):
            self.watch("access token", access)
            self.watch("refresh token", refresh)

    def watch_address(self, url: str) -> None:
        """The code and the state in an address that a browser was sent to."""
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
        for name in ("code", "state"):
            for value in query.get(name, ()):
                self.watch(name, value)

    def entropy(self, real: Entropy) -> Entropy:
        """`real`, with every secret drawn from it watched (states and verifiers)."""
        return _Watched(self, real)

    # --- searching ---

    def found_in(self, content: bytes | str) -> set[str]:
        """The names of the secrets in `content`, unpacked where it is an archive."""
        raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        return {name for part in _unpacked(raw, DEEPEST) for shape, name in self._shapes.items() if shape in part}

    def search_files(self, folder: Path, *, but: Iterable[Path] = ()) -> list[str]:
        """Findings in all files below `folder`, names of files included; `but` are those that must hold secrets."""
        kept = {path.resolve() for path in but}
        found = []
        for path in sorted(folder.rglob("*")):
            for name in self.found_in(str(path.relative_to(folder))):
                found.append(f"{name} in the name of {path}")
            if path.is_file() and not path.is_symlink() and path.resolve() not in kept:
                found += [f"{name} in {path}" for name in sorted(self.found_in(path.read_bytes()))]
        return found

    def search_processes(self) -> list[str]:
        """Findings in the command lines of all processes that can be read, and the environment of our own ones."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            for part in ("cmdline", "environ"):
                try:
                    content = (folder / part).read_bytes()
                except OSError:
                    continue  # it has ended, or is another user's
                found += [f"{name} in {part} of {folder.name}" for name in sorted(self.found_in(content))]
        return found

    def search_texts(self, texts: Mapping[str, Any]) -> list[str]:
        """Findings in what somebody could read elsewhere: notifications, answers, log lines."""
        return [f"{name} in {where}" for where, text in texts.items() for name in sorted(self.found_in(str(text)))]

    def assert_silent(self, *folders: Path, texts: Mapping[str, Any] | None = None, but: Iterable[Path] = ()) -> None:
        """No secret stands anywhere in clear. Fails without a secret to look for: that would show nothing."""
        assert self._shapes, "nothing is watched"
        kept = list(but)
        found = [one for folder in folders for one in self.search_files(folder, but=kept)]
        found += self.search_processes() + self.search_texts(texts or {})
        assert not found, found


class _Watched:
    def __init__(self, canary: Canary, real: Entropy) -> None:
        self._canary, self._real = canary, real

    def token(self, nbytes: int) -> str:
        secret = self._real.token(nbytes)
        self._canary.watch(f"random secret of {nbytes} bytes", secret)
        return secret

    def uuid(self) -> str:
        return self._real.uuid()

    def uniform(self, low: float, high: float) -> float:
        return self._real.uniform(low, high)


def _shapes(secret: str) -> Iterator[bytes]:
    raw = secret.encode()
    yield raw
    yield secret.encode("utf-16-le")
    yield secret.encode("utf-16-be")
    yield urllib.parse.quote(secret, safe="").encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for before in range(3):  # base64 of a text that begins at any place of a group of three
        whole = base64.b64encode(b"\0" * before + raw)
        middle = whole[4 if before else 0 : len(whole) - 4].rstrip(b"=")
        if len(middle) >= SHORTEST:
            yield middle
            yield middle.replace(b"+", b"-").replace(b"/", b"_")


def _unpacked(raw: bytes, depth: int) -> Iterator[bytes]:
    yield raw
    if depth == 0:
        return
    if raw.startswith(b"\x1f\x8b"):
        try:
            yield from _unpacked(gzip.decompress(raw), depth - 1)
        except (OSError, EOFError, zlib.error):
            return
    elif raw.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(BytesIO(raw)) as archive:
            for name in archive.namelist():
                yield from _unpacked(archive.read(name), depth - 1)
