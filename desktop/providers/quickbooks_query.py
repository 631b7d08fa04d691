"""QuickBooks' query language: statements, quoting, and how look-ups share one batch; pure.

Source: providers' contract, QuickBooks 4.1 and 4.3. No OR, no projections; `Id` knows only = and IN.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from desktop.providers.records import Lookup

PAGE = 1000
"""Most rows of one query, and most objects in the whole answer of a batch."""
NAMES_PER_QUERY = 50
BYTES_PER_QUERY = 6000
QUERIES_PER_BATCH = 30
ROWS_PER_BATCH = 900
BOTH = "Active IN (true, false)"
"""Without it, inactive names stay unseen, and they still block (6240)."""
NAME_LISTS = frozenset({"Customer", "Item", "Vendor", "Employee", "Account", "PaymentMethod", "TaxCode"})


@dataclass(frozen=True, slots=True)
class Question:
    """One query of a batch; `rows` is the most that its answer can sensibly hold."""

    entity: str
    statement: str
    rows: int


def askable(text: str) -> bool:
    """Whether `text` may stand in a literal: printable Latin-1 without a backslash.

    Anything else made the real parser fail (contract 4.1); such names are compared locally instead.
    """
    return bool(text) and all(" " <= sign <= "~" or "\xa0" <= sign <= "\xff" for sign in text) and "\\" not in text


def quoted(text: str) -> str:
    """`text` as a literal; an apostrophe is escaped by a backslash, not doubled."""
    return "'" + text.replace("'", "\\'") + "'"


def same_name(text: str) -> str:
    """The form in which two names are the same to QuickBooks: case and outer spaces don't count."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def select(entity: str, *conditions: str) -> str:
    """A statement for every row that meets the conditions, inactive names included."""
    wheres = [*conditions, *([BOTH] if entity in NAME_LISTS else [])]
    return f"SELECT * FROM {entity}" + (f" WHERE {' AND '.join(wheres)}" if wheres else "") + f" MAXRESULTS {PAGE}"


def changed_after(since: datetime | None) -> tuple[str, ...]:
    """The condition for rows changed after `since`, none for None."""
    return () if since is None else (f"MetaData.LastUpdatedTime > {quoted(since.isoformat(timespec='seconds'))}",)


def page(entity: str, start: int, *conditions: str) -> str:
    """One page of at most `PAGE` rows from the 1-based position `start`, in the stable order of ids."""
    wheres = [*conditions, *([BOTH] if entity in NAME_LISTS else [])]
    where = f" WHERE {' AND '.join(wheres)}" if wheres else ""
    return f"SELECT * FROM {entity}{where} ORDERBY Id STARTPOSITION {start} MAXRESULTS {PAGE}"


def count(entity: str, *conditions: str) -> str:
    """How many rows the pages will hold."""
    wheres = [*conditions, *([BOTH] if entity in NAME_LISTS else [])]
    return f"SELECT count(*) FROM {entity}" + (f" WHERE {' AND '.join(wheres)}" if wheres else "")


def _lists(values: Iterable[str]) -> Iterator[list[str]]:
    """The askable values, each once, in lists short enough for one IN."""
    chunk: list[str] = []
    size = 0
    for value in dict.fromkeys(value for value in values if askable(value)):
        if chunk and (len(chunk) >= NAMES_PER_QUERY or size + len(value) > BYTES_PER_QUERY):
            yield chunk
            chunk, size = [], 0
        chunk.append(value)
        size += len(value) + 5
    if chunk:
        yield chunk


def _in(entity: str, field: str, values: Iterable[str], rows_each: int = 1) -> list[Question]:
    return [
        Question(entity, select(entity, f"{field} IN ({', '.join(map(quoted, chunk))})"), len(chunk) * rows_each)
        for chunk in _lists(values)
    ]


def questions_for(lookup: Lookup) -> list[Question]:
    """All queries that answer what can be asked; names that can't be asked are left to `unaskable`.

    Names of customers are unique across customers, vendors and employees, so all three lists are asked.
    """
    found = [question for entity in ("Customer", "Vendor", "Employee")
             for question in _in(entity, "DisplayName", lookup.customer_names)]  # fmt: skip
    found += _in("Item", "Name", lookup.item_names)
    found += _in("Invoice", "DocNumber", lookup.invoice_numbers, rows_each=2)
    found += _in("Payment", "PaymentRefNum", (one.reference for one in lookup.payments), rows_each=2)
    days = dict.fromkeys((one.customer_id, one.paid_on) for one in lookup.payments if not askable(one.reference))
    for customer_id, paid_on in days:
        statement = select(
            "Payment", f"CustomerRef = {quoted(customer_id)}", f"TxnDate = {quoted(paid_on.isoformat())}"
        )
        found.append(Question("Payment", statement, 10))
    for entity, ids in (
        ("Customer", lookup.customer_ids), ("Item", lookup.item_ids), ("Invoice", lookup.invoice_ids),
        ("Payment", lookup.payment_ids),
    ):  # fmt: skip
        found += _in(entity, "Id", ids)
    return found


def unaskable(names: Iterable[str]) -> frozenset[str]:
    """The names that must be compared locally, in their comparable form."""
    return frozenset(same_name(name) for name in names if name and not askable(name))


def batches(questions: Sequence[Question]) -> Iterator[list[Question]]:
    """The questions in as few batches as their number and the rows of an answer allow."""
    batch: list[Question] = []
    rows = 0
    for question in questions:
        if batch and (len(batch) >= QUERIES_PER_BATCH or rows + question.rows > ROWS_PER_BATCH):
            yield batch
            batch, rows = [], 0
        batch.append(question)
        rows += question.rows
    if batch:
        yield batch
