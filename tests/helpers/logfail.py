"""Log lines nobody expected, and secrets where none may be."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path


class Recorder(logging.Handler):
    """Keeps each record's finished text, as a log file would hold it."""

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class Canaries:
    """Secrets that can be told from anything else: make them, use them, then look where they turn up.

    The fixture `canaries` calls `assert_silent` at the end of a test, with all logs and the test's folder.
    """

    def __init__(self) -> None:
        self.secrets: list[str] = []

    def new(self, label: str = "token") -> str:
        self.secrets.append(f"canary-{label}-{secrets.token_hex(12)}")
        return self.secrets[-1]

    def found_in(self, text: str | bytes) -> list[str]:
        """Those that stand in `text` in UTF-8 or UTF-16."""
        raw = text.encode() if isinstance(text, str) else text
        return [s for s in self.secrets if s.encode() in raw or s.encode("utf-16-le") in raw]

    def assert_silent(self, lines: list[str], folder: Path) -> None:
        for line in lines:
            assert not self.found_in(line), f"a secret was logged: {line}"
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert not self.found_in(path.read_bytes()), f"a secret lies in plain text in {path.name}"
