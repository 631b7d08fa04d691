"""Thousands of short-lived books in one process: each statement is compiled once for all of them.

A compiled statement belongs to a dialect, so that all engines on SQLite get the same one. Nothing else is shared:
each has its own pool, its own settings at connecting, its own transactions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.util import LRUCache

from desktop.models import session

MOST = 3000
_statements: LRUCache[Any, Any] = LRUCache(MOST)


def compile_once() -> None:
    """From now on every SQLite engine that `desktop.models.session` makes shares its compiled statements."""
    template = create_engine("sqlite://")
    with template.connect():
        pass  # a dialect learns on its first connection what the library can do
    session._sqlite_engine = _sharing(session._sqlite_engine, template.dialect)
    template.dispose()


def _sharing(make: Callable[..., Engine], dialect: Any) -> Callable[..., Engine]:
    def engine(*arguments: Any) -> Engine:
        made = make(*arguments)
        made.dialect = made.pool._dialect = dialect
        made.update_execution_options(compiled_cache=_statements)
        return made

    return engine
