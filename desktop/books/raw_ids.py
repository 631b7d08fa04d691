"""Ids by the hundred thousand: read from the driver's own cursor, at half the time of result rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, cast

from sqlalchemy.orm import Session


@contextmanager
def _cells(session: Session, query: Any) -> Iterator[Iterator[int]]:
    session.flush()  # what this unit has changed must be seen
    result = session.connection().execute(query)
    try:
        yield chain.from_iterable(cast("Iterable[tuple[int]]", result.cursor))
    finally:
        result.close()


def id_array(session: Session, query: Any) -> array[int]:
    """The answer to a query for one column of ids, in its order."""
    with _cells(session, query) as cells:
        return array("q", cells)


def id_set(session: Session, query: Any) -> set[int]:
    """The answer to a query for one column of ids, whatever its order."""
    with _cells(session, query) as cells:
        return set(cells)
