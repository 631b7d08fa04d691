"""QuickBooks' query language: tokens, grammar and execution (contract 4.1)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from desktop.sandbox.quickbooks_books import ENTITIES, NAME_LISTS, PACIFIC, Realm
from desktop.sandbox.quickbooks_errors import Refused
from desktop.sandbox.quickbooks_known import QUERYABLE
from desktop.sandbox.service import Json

PAGE_MOST = 1000
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^'\\]|\\['\\])*')|(?P<op><=|>=|=|<|>)|(?P<mark>[(),*])|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)
    |(?P<number>\d+))""",
    re.VERBOSE,
)
_OPERATORS = ("=", "<", ">", "<=", ">=")
_UNREADABLE = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\xff]")


@dataclass(frozen=True, slots=True)
class Condition:
    """`values` holds texts, booleans or dates; more than one only for IN."""

    name: str
    operator: str
    values: tuple[str | bool, ...]


@dataclass(frozen=True, slots=True)
class Query:
    entity: str
    count: bool
    with_sku: bool
    conditions: tuple[Condition, ...]
    order: tuple[tuple[str, bool], ...]
    """(attribute, descending)."""
    start: int
    most: int


class _Reader:
    def __init__(self, statement: str) -> None:
        odd = _UNREADABLE.search(statement)
        if odd:
            raise _lexical(odd.start(), f"\\u{ord(odd.group()):04x}")
        self._tokens: list[tuple[str, str]] = []
        at, end = 0, len(statement.rstrip())
        while at < end:
            match = _TOKEN.match(statement, at)
            if match is None or match.end() > end:
                raise _lexical(at, statement[at : at + 1].strip() or statement[at : at + 2])
            kind = str(match.lastgroup)
            self._tokens.append((kind, match.group(kind)))
            at = match.end()
        self._at = 0

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self._at += 1
        return token

    def word(self, *expected: str) -> bool:
        """Take the next token if it is one of these keywords."""
        kind, text = self.peek()
        if kind == "word" and text.upper() in expected:
            self._at += 1
            return True
        return False

    def need(self, kind: str, text: str | None = None) -> str:
        found_kind, found = self.take()
        if found_kind != kind or (text is not None and found.upper() != text):
            raise _parse(found, text or kind)
        return found


def _lexical(at: int, what: str) -> Refused:
    return Refused("4000", f"QueryParserError: Lexical error at line 1, column {at + 1}. Encountered: {what}")


def _parse(found: str, expected: str) -> Refused:
    return Refused("4000", f'QueryParserError: Encountered " {found or "<EOF>"} " Was expecting: {expected}')


def parse(statement: str, today: dt.date) -> Query:
    """Raises `Refused` 4000 for what cannot be read, 4001 for what is not allowed."""
    reader = _Reader(statement)
    reader.need("word", "SELECT")
    count, with_sku = _columns(reader)
    reader.need("word", "FROM")
    entity = _entity(reader.need("word"))
    conditions: list[Condition] = []
    if reader.word("WHERE"):
        conditions.append(_condition(reader, entity, today))
        while reader.word("AND"):
            conditions.append(_condition(reader, entity, today))
    order: list[tuple[str, bool]] = []
    start, most = 1, 100
    while reader.peek()[0] != "end":
        if not order and (reader.word("ORDERBY") or _order_by(reader)):
            order = _order(reader, entity)
        elif reader.word("STARTPOSITION"):
            start = _count(reader, "STARTPOSITION", None)
        elif reader.word("MAXRESULTS"):
            most = _count(reader, "MAXRESULTS", PAGE_MOST)
        else:
            raise _parse(reader.peek()[1], "<EOF>")
    return Query(entity, count, with_sku, tuple(conditions), tuple(order), start, most)


def _columns(reader: _Reader) -> tuple[bool, bool]:
    if reader.word("COUNT"):
        reader.need("mark", "(")
        reader.need("mark", "*")
        reader.need("mark", ")")
        return True, False
    kind, found = reader.take()
    if (kind, found) != ("mark", "*"):
        raise Refused("4001", "QueryValidationError: only SELECT * and SELECT count(*) are supported")
    with_sku = False
    while reader.peek() == ("mark", ","):
        reader.take()
        if reader.need("word").upper() != "SKU":
            raise Refused("4001", "QueryValidationError: projections are not supported")
        with_sku = True
    return False, with_sku


def _entity(word: str) -> str:
    for entity in ENTITIES:
        if entity.lower() == word.lower():
            return entity
    raise Refused("4001", f"QueryValidationError: Invalid context declaration: {word}")


def _attribute(word: str, entity: str) -> str:
    for name in QUERYABLE[entity]:
        if name.lower() == word.lower():
            return name
    raise Refused("4001", f"QueryValidationError: property '{word}' is not queryable on {entity}")


def _condition(reader: _Reader, entity: str, today: dt.date) -> Condition:
    name = _attribute(reader.need("word"), entity)
    if reader.word("IN"):
        reader.need("mark", "(")
        values = [_literal(reader, today)]
        while reader.peek() == ("mark", ","):
            reader.take()
            values.append(_literal(reader, today))
        reader.need("mark", ")")
        return Condition(name, "IN", tuple(values))
    operator = "LIKE" if reader.word("LIKE") else reader.take()[1]
    if operator != "LIKE" and operator not in _OPERATORS:
        raise _parse(operator, "an operator")
    if name == "Id" and operator != "=":
        raise Refused("4001", "QueryValidationError: Id supports only = and IN")
    return Condition(name, operator, (_literal(reader, today),))


def _literal(reader: _Reader, today: dt.date) -> str | bool:
    kind, found = reader.take()
    if kind == "string":
        return re.sub(r"\\(['\\])", r"\1", found[1:-1])
    if kind == "word" and found.upper() in ("TRUE", "FALSE"):
        return found.upper() == "TRUE"
    if kind == "word" and found.upper() == "CURRENT_DATE":
        return today.isoformat()
    raise _parse(found, "a value in single quotes, true or false")


def _order_by(reader: _Reader) -> bool:
    if reader.word("ORDER"):
        reader.need("word", "BY")
        return True
    return False


def _order(reader: _Reader, entity: str) -> list[tuple[str, bool]]:
    order = []
    while True:
        name = _attribute(reader.need("word"), entity)
        order.append((name, reader.word("DESC") or (reader.word("ASC") and False)))
        if reader.peek() != ("mark", ","):
            return order
        reader.take()


def _count(reader: _Reader, name: str, most: int | None) -> int:
    value = int(reader.need("number"))
    if value < 1:
        raise Refused("4001", f"QueryValidationError: {name} value 0 is too small. Min allowed value is 1")
    if most is not None and value > most:
        raise Refused("4001", f"QueryValidationError: {name} value {value} is too large. Max allowed value is {most}")
    return value


# --- execution ---


def execute(realm: Realm, query: Query, paging: str = "") -> Json:
    """The inside of `QueryResponse`. `paging` bends the pages (fault L3): repeat, empty, total or endless.

    `again:<id>`: that record stands on every further page once more (fault L4).
    """
    records = list(realm.tables[query.entity].values())
    for condition in query.conditions:
        test = _test(condition)
        records = [record for record in records if test(_value(record, condition.name))]
    if query.entity in NAME_LISTS and not any(condition.name == "Active" for condition in query.conditions):
        records = [record for record in records if record.get("Active", True)]
    if query.count:
        return {"totalCount": len(records) * (2 if paging == "total" else 1)}
    for name, descending in reversed(query.order):
        records.sort(key=lambda record: _sort_key(_value(record, name)), reverse=descending)
    if not query.order:
        records.sort(key=lambda record: (record["MetaData"]["LastUpdatedTime"], _sort_key(record["Id"])), reverse=True)
    start = query.start
    if paging == "repeat" or (paging == "endless" and start > len(records)):
        start = 1
    page = [] if paging == "empty" and start > 1 else records[start - 1 : start - 1 + query.most]
    if paging.startswith("again:") and start > 1:
        page = [*(record for record in records if record["Id"] == paging.removeprefix("again:")), *page]
    if not page:
        return {}
    if query.entity == "Item" and not query.with_sku:
        page = [{name: value for name, value in record.items() if name != "Sku"} for record in page]
    answer: Json = {query.entity: page, "startPosition": query.start, "maxResults": len(page)}
    if query.start == 1 and len(page) < query.most:
        answer["totalCount"] = len(page)
    if paging == "total":
        answer["totalCount"] = len(page) + 7
    return answer


def _value(record: Json, name: str) -> Any:
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, dict):
        for inner in ("value", "Address", "FreeFormNumber"):
            if inner in value:
                return value[inner]
    return value


def _sort_key(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    if isinstance(value, bool | int | Decimal):
        return (1, value)
    text = str(value)
    return (1, int(text)) if text.isascii() and text.isdigit() else (2, text.casefold())


def _test(condition: Condition) -> Callable[[Any], bool]:
    if condition.operator == "IN":
        tests = [_compare("=", literal) for literal in condition.values]
        if all(isinstance(literal, str) for literal in condition.values):
            wanted = {str(literal).casefold() for literal in condition.values}
            return lambda value: (
                str(value).casefold() in wanted if isinstance(value, str) else any(t(value) for t in tests)
            )
        return lambda value: any(test(value) for test in tests)
    if condition.operator == "LIKE":
        parts = (re.escape(part) for part in str(condition.values[0]).split("%"))
        pattern = re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL)
        return lambda value: value is not None and pattern.fullmatch(str(value)) is not None
    return _compare(condition.operator, condition.values[0])


def _compare(operator: str, literal: str | bool) -> Callable[[Any], bool]:
    relation = _RELATIONS[operator]
    if isinstance(literal, str) and not literal.strip():
        return lambda value: (value in (None, "")) == (operator == "=")

    def test(value: Any) -> bool:
        if value is None:
            return False
        try:
            left, right = _alike(value, literal)
        except (ValueError, InvalidOperation):
            return False
        return relation(left, right)

    return test


_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def _alike(value: Any, literal: str | bool) -> tuple[Any, Any]:
    """Both sides in the type of the record's value; instants compare as instants, whatever their offset."""
    if isinstance(value, bool):
        return value, literal if isinstance(literal, bool) else literal.lower() == "true"
    if isinstance(value, int | Decimal):
        return Decimal(value), Decimal(str(literal))
    text, other = str(value), str(literal)
    if len(text) >= 19 and text[10:11] == "T":
        return instant(text), instant(other)
    return text.casefold(), other.casefold()


def instant(text: str) -> dt.datetime:
    """A moment; without an offset it is meant in the company's own zone. Raises `ValueError`."""
    found = dt.datetime.fromisoformat(text.strip().replace(" ", "+"))
    return found if found.tzinfo else found.replace(tzinfo=PACIFIC)
