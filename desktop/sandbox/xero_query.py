"""Xero's `where` and `order`: parsed strictly, everything outside the documented subset is refused (contract 2.3)."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from desktop.sandbox.service import Json
from desktop.sandbox.xero_books import Organisation
from desktop.sandbox.xero_errors import BadQuery

Test = Callable[[Json], bool]

_TEXTS = {
    "Contact": ["ContactID", "ContactNumber", "AccountNumber", "ContactStatus", "Name", "FirstName", "LastName",
                "EmailAddress", "CompanyNumber", "TaxNumber"],
    "Item": ["ItemID", "Code", "Name", "Description"],
    "Account": ["AccountID", "Code", "Name", "Type", "Class", "Status", "TaxType", "SystemAccount"],
    "TaxRate": ["Name", "TaxType", "Status"],
    "Invoice": ["InvoiceID", "InvoiceNumber", "Reference", "Type", "Status", "Date", "DueDate", "CurrencyCode",
                "Contact.ContactID", "Contact.Name", "Contact.ContactNumber", "LineAmountTypes"],
    "Payment": ["PaymentID", "Reference", "Status", "PaymentType", "Date", "Invoice.InvoiceID",
                "Invoice.InvoiceNumber", "Account.AccountID", "Account.Code"],
}  # fmt: skip
_OTHERS = {
    "Contact": ["IsCustomer", "IsSupplier", "UpdatedDateUTC"],
    "Item": ["IsSold", "IsPurchased", "IsTrackedAsInventory", "UpdatedDateUTC"],
    "Account": ["EnablePaymentsToAccount"],
    "TaxRate": ["CanApplyToRevenue"],
    "Invoice": ["AmountDue", "AmountPaid", "Total", "SubTotal", "TotalTax", "SentToContact", "UpdatedDateUTC"],
    "Payment": ["Amount", "UpdatedDateUTC"],
}
FIELDS = {entity: frozenset([*_TEXTS[entity], *_OTHERS[entity]]) for entity in _TEXTS}
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_][\w.]*)
    | (?P<sign>==|=|!=|<>|>=|<=|>|<|&&|\|\||\(|\)|,)
    )""",
    re.VERBOSE,
)
_SIGNS = ("==", "=", "!=", "<>", ">=", "<=", ">", "<")


def plain(text: str) -> str:
    """Text as Xero compares it: without regard to case and accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


def value_of(org: Organisation, entity: str, record: Json, path: str) -> Any:
    """A field by its dotted name; None where the record has none."""
    head, _, rest = path.partition(".")
    if rest and entity == "Invoice":
        return org.tables["Contact"][record["_contact"]].get(rest)
    if rest and entity == "Payment":
        table, key = ("Invoice", "_invoice") if head == "Invoice" else ("Account", "_account")
        return org.tables[table][record[key]].get(rest)
    return record.get(path)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise BadQuery(f"Syntax error in where at {at}: {text[at : at + 20]}")
        found.append(_Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


class _Parser:
    """Recursive descent: or, and, a comparison or a call of Contains, StartsWith, EndsWith."""

    def __init__(self, org: Organisation, entity: str, text: str) -> None:
        self._org = org
        self._entity = entity
        self._rest = _tokens(text)

    def parse(self) -> Test:
        test = self._either()
        if self._rest:
            raise BadQuery(f"Unexpected {self._rest[0].text} in where")
        return test

    def _peek(self) -> str:
        return self._rest[0].text if self._rest else ""

    def _next(self, *wanted: str) -> _Token:
        if not self._rest or (wanted and self._rest[0].text not in wanted):
            raise BadQuery(f"Expected {' or '.join(wanted) or 'a value'} in where, found {self._peek() or 'the end'}")
        return self._rest.pop(0)

    def _either(self) -> Test:
        tests = [self._both()]
        while self._peek().upper() in ("OR", "||"):
            self._next()
            tests.append(self._both())
        return (lambda record: any(test(record) for test in tests)) if len(tests) > 1 else tests[0]

    def _both(self) -> Test:
        tests = [self._one()]
        while self._peek().upper() in ("AND", "&&"):
            self._next()
            tests.append(self._one())
        return (lambda record: all(test(record) for test in tests)) if len(tests) > 1 else tests[0]

    def _one(self) -> Test:
        if self._peek() == "(":
            self._next()
            test = self._either()
            self._next(")")
            return test
        token = self._next()
        if token.kind != "word":
            raise BadQuery(f"Expected a field in where, found {token.text}")
        path, _, method = token.text.rpartition(".")
        if method in ("Contains", "StartsWith", "EndsWith"):
            return self._method(self._known(path), method)
        return self._comparison(self._known(token.text))

    def _known(self, path: str) -> str:
        if path not in FIELDS[self._entity]:
            raise BadQuery(f"No property or field '{path}' exists in type '{self._entity}'")
        return path

    def _method(self, path: str, method: str) -> Test:
        self._next("(")
        literal = plain(str(self._literal()))
        self._next(")")
        if self._peek() in ("==", "="):
            self._next()
            self._next("true", "True")
        checks: Mapping[str, Callable[[str], bool]] = {
            "Contains": lambda value: literal in value,
            "StartsWith": lambda value: value.startswith(literal),
            "EndsWith": lambda value: value.endswith(literal),
        }
        check = checks[method]
        return lambda record: check(plain(str(value_of(self._org, self._entity, record, path) or "")))

    def _comparison(self, path: str) -> Test:
        sign = self._next(*_SIGNS).text
        literal = self._literal()
        return lambda record: _compare(sign, value_of(self._org, self._entity, record, path), literal)

    def _literal(self) -> Any:
        token = self._next()
        if token.kind == "string":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1])
        if token.kind == "number":
            return Decimal(token.text)
        word = token.text.lower()
        if word in ("true", "false"):
            return word == "true"
        if word == "null":
            return None
        if word == "guid":
            self._next("(")
            inner = self._next().text.strip('"').lower()
            self._next(")")
            return inner
        if word == "datetime":
            return self._date()
        raise BadQuery(f"Cannot read {token.text} in where")

    def _date(self) -> dt.datetime:
        self._next("(")
        numbers = [self._next().text]
        while self._peek() == ",":
            self._next()
            numbers.append(self._next().text)
        self._next(")")
        try:
            if len(numbers) < 3:
                raise ValueError
            return dt.datetime(*(int(n) for n in numbers), tzinfo=dt.UTC)  # type: ignore[misc, arg-type]
        except (ValueError, TypeError):
            raise BadQuery(f"DateTime({', '.join(numbers)}) is no date") from None


def _compare(sign: str, value: Any, literal: Any) -> bool:
    if value in (None, "") or literal is None:
        same = value in (None, "") and literal in (None, "")
        return same if sign in ("==", "=") else (not same) if sign in ("!=", "<>") else False
    if isinstance(literal, dt.datetime) and isinstance(value, str):
        value = dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
    elif isinstance(value, str):
        value, literal = plain(value), plain(str(literal))
    elif type(value) is not type(literal) and not (isinstance(value, Decimal) and isinstance(literal, Decimal)):
        raise BadQuery(f"Cannot compare {value} with {literal}")
    results = {"<": value < literal, ">": value > literal, "<=": value <= literal, ">=": value >= literal}
    if sign in ("==", "="):
        return bool(value == literal)
    return bool(value != literal) if sign in ("!=", "<>") else bool(results[sign])


def where(org: Organisation, entity: str, text: str) -> Test:
    """The test that a `where` describes. Raises `BadQuery`."""
    return _Parser(org, entity, text).parse()


def order(org: Organisation, entity: str, text: str, rows: list[Json]) -> list[Json]:
    """`rows` in the order asked for, e.g. `Name ASC`. Raises `BadQuery`."""
    for part in reversed([part.split() for part in text.split(",")]):
        if not part or part[0] not in FIELDS[entity] or (len(part) > 1 and part[1].upper() not in ("ASC", "DESC")):
            raise BadQuery(f"Cannot order by '{text}'")
        path = part[0]

        def key(record: Json, path: str = path) -> tuple[bool, Any]:
            value = value_of(org, entity, record, path)
            return (value is not None, plain(value) if isinstance(value, str) else value)

        rows = sorted(rows, key=key, reverse=len(part) > 1 and part[1].upper() == "DESC")
    return rows
