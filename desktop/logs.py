"""Log files: rotating, five of two megabytes, and never a secret in them (I13)."""

from __future__ import annotations

import logging
import logging.handlers
import re
from pathlib import Path

FILES = 5
BYTES = 2_000_000
_SECRET = re.compile(
    r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|\b(access_token|refresh_token|client_secret|code|state|password|verifier)\b(['\"]?\s*[=:]\s*['\"]?)[^\s'\"&,}]+"
)


class Redact(logging.Filter):
    """Replaces what looks like a secret; the first line of defence is not to log it at all."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        clean = _SECRET.sub(lambda found: f"{found.group(1) or found.group(2) or ''} <redacted>", text)
        if clean != text:
            record.msg, record.args = clean, ()
        return True


def start_logging(folder: Path, level: str) -> Path:
    """Log to a file in `folder` from now on, and say which. Warnings also go to standard error.

    Raises OSError when the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "blueclerk.log"
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=BYTES, backupCount=FILES - 1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.addFilter(Redact())
    ours = logging.getLogger("desktop")
    ours.setLevel(level.upper())
    ours.addHandler(handler)
    return path
