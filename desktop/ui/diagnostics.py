"""What helps us help an owner: versions, counts and the last failures, with no name, address or secret in it."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from PySide6.QtCore import QLocale, qVersion

from desktop.books import activity
from desktop.books.activity import ActivityFilter
from desktop.core import Core

LAST = 20


def app_version() -> str:
    """The version of this installation."""
    for name in ("blueclerk-desktop", "blueclerk"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "0.0.0"


async def diagnostics(core: Core) -> str:
    """The file that "Save diagnostics" writes: JSON, ids hashed, no text that a person typed (M147)."""
    view = await core.connection()
    ids = await core.ask(activity.activity_ids, ActivityFilter())
    rows = {row.id: row for row in await core.ask(activity.activity_rows, ids[:LAST])}
    counts = await core.ask(activity.activity_counts)
    bell = await core.bell()
    found: dict[str, Any] = {
        "version": app_version(),
        "python": platform.python_version(),
        "qt": qVersion(),
        "system": platform.platform(),
        "locale": QLocale.system().name(),
        "database": core.db.dialect,
        "connection": None
        if view is None
        else {
            "service": view.provider,
            "environment": view.environment,
            "state": view.state.value,
            "company": _hidden(view.company_id),
            "waiting": view.waiting,
            "needs_you": view.needs_you,
            "switches": view.switches.to_json(),
            "last_synced_at": view.last_synced_at.isoformat() if view.last_synced_at else None,
        },
        "activity": counts,
        "last": [
            {
                "at": row.at.isoformat(),
                "kind": row.kind,
                "record": _hidden(str(row.local_id)),
                "action": row.action,
                "result": row.result,
                "request": row.service_ref,
            }
            for row in (rows[each] for each in ids[:LAST] if each in rows)
        ],
        "open_failures": [{"kind": entry.kind, "fix": entry.fix.value, "count": entry.count} for entry in bell],
    }
    return json.dumps(found, indent=2, sort_keys=True)


def _hidden(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
