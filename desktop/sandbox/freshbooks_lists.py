"""Lists as FreshBooks answers them: filters, sorting, paging, includes (contract section 4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from desktop.sandbox.freshbooks_books import ACTIVE, ID_FIELD, Account
from desktop.sandbox.freshbooks_errors import Refused
from desktop.sandbox.service import Json

PER_PAGE_MOST = 100
PER_PAGE = 15
_SEARCH = re.compile(r"^search\[([a-z0-9_]+)\](\[\])?$")
Pairs = Sequence[tuple[str, str]]

EQUAL: Mapping[str, Mapping[str, str]] = {
    "clients": {"userid": "userid", "email": "email", "id": "id"},
    "items": {"itemid": "itemid", "sku": "sku", "id": "id"},
    "invoices": {"invoiceid": "id", "customerid": "customerid", "id": "id", "currency_code": "currency_code"},
    "payments": {
        "logid": "logid", "clientid": "clientid", "customerid": "clientid", "invoiceid": "invoiceid", "type": "type",
        "id": "id",
    },
    "taxes": {"taxid": "taxid", "name": "name", "amount": "amount"},
    "categories": {},
}  # fmt: skip
INSIDE: Mapping[str, Mapping[str, str]] = {
    "clients": {"ids": "id", "userids": "userid"},
    "items": {"ids": "id", "itemids": "itemid"},
    "invoices": {"ids": "id", "invoiceids": "id", "customerids": "customerid"},
    "payments": {"ids": "id", "logids": "logid", "clientids": "clientid", "customerids": "clientid"},
    "taxes": {},
    "categories": {},
}
LIKE: Mapping[str, Mapping[str, str]] = {
    "clients": {
        "email_like": "email", "organization_like": "organization", "fname_like": "fname", "lname_like": "lname",
    },
    "items": {"description": "description"},
    "invoices": {"notes": "notes"},
    "payments": {"notes": "note"},
    "taxes": {},
    "categories": {},
}  # fmt: skip
DAYS: Mapping[str, Mapping[str, str]] = {
    "clients": {"updated": "updated"},
    "items": {"updated": "updated"},
    "invoices": {"updated": "updated", "date": "create_date"},
    "payments": {"updated": "updated", "date": "date"},
    "taxes": {"updated": "updated"},
    "categories": {},
}
AMOUNTS: Mapping[str, Mapping[str, str]] = {
    "items": {"unit_cost": "unit_cost"},
    "invoices": {"amount": "amount"},
    "payments": {"amount": "amount"},
}
SORTS: Mapping[str, Mapping[str, str]] = {
    "clients": {"userid": "userid", "organization": "organization", "updated": "updated"},
    "items": {"name": "name", "updated": "updated"},
    "invoices": {"invoice_date": "create_date", "invoice_number": "invoice_number", "updated": "updated"},
    "payments": {"date": "date", "updated": "updated"},
}
NEWEST_FIRST = frozenset({"invoices", "payments"})

Test = Callable[[Json], bool]


def list_page(account: Account, resource: str, query: Pairs, trick: str = "") -> Json:
    """The `result` of a list call. Raises `Refused`.

    `trick` is fault L3 (repeat, empty, total, endless) or L4 (`again:<id>`: that record once more on each page).
    """
    page, per_page = paging(query)
    asked = tests(account, resource, query)
    rows = [row for row in account.tables[resource].values() if all(test(row) for test in asked)]
    rows = _sorted(resource, rows, query)
    total = len(rows)
    start = (page - 1) * per_page
    if trick in ("repeat", "endless"):
        start = 0
    found = rows[start : start + per_page]
    if trick == "empty" and page == 2:
        found = []
    if trick.startswith("again:") and page > 1:
        found = [*(row for row in rows if str(row["id"]) == trick.removeprefix("again:")), *found]
    pages = -(-total // per_page)
    if trick == "endless":
        pages, total = page + 1, total + page * per_page
    if trick == "total":
        pages, total = max(1, pages - 1), max(0, total - per_page)
    includes = frozenset(value for name, value in query if name == "include[]")
    return {
        resource: [account.show(resource, row, includes, single=False) for row in found],
        "page": page,
        "pages": pages,
        "per_page": per_page,
        "total": total,
    }


def paging(query: Pairs) -> tuple[int, int]:
    """`page` and `per_page`: the latter is silently cut at 100, page 0 is page 1. Raises `Refused`."""
    given = dict(query)
    page, per_page = given.get("page", "1"), given.get("per_page", str(PER_PAGE))
    if not page.isdigit():
        raise Refused(1014, "page", value=page)
    if not per_page.isdigit() or int(per_page) < 1:
        raise Refused(1013, "per_page", value=per_page)
    return max(1, int(page)), min(int(per_page), PER_PAGE_MOST)


def tests(account: Account, resource: str, query: Pairs) -> list[Test]:
    """One test for each filter that is known; unknown ones are ignored, as upstream (as far as anybody knows)."""
    asked: dict[tuple[str, bool], list[str]] = {}
    for name, value in query:
        found = _SEARCH.match(name)
        if found:
            asked.setdefault((found[1], bool(found[2])), []).append(value)
    made: list[Test] = []
    if ("vis_state", False) not in asked:
        made.append(lambda row: row.get("vis_state", ACTIVE) == ACTIVE)
    for (name, many), values in asked.items():
        test = _inside(resource, name, values) if many else _single(account, resource, name, values[-1])
        if test is not None:
            made.append(test)
    return made


def _inside(resource: str, name: str, values: Sequence[str]) -> Test | None:
    field = INSIDE[resource].get(name)
    if field is None:
        return None
    wanted = frozenset(values)
    return lambda row: str(row.get(field)) in wanted


def _single(account: Account, resource: str, name: str, value: str) -> Test | None:
    if name == "vis_state":
        return lambda row: str(row.get("vis_state", ACTIVE)) == value
    if resource == "invoices" and name == "invoice_number":
        if account.rules.number_search == "exact":
            return lambda row: row["invoice_number"] == value
        return lambda row: value.casefold() in row["invoice_number"].casefold()
    if name in LIKE[resource]:
        field = LIKE[resource][name]
        return lambda row: value.casefold() in str(row.get(field) or "").casefold()
    if name in EQUAL[resource]:
        field = EQUAL[resource][name]
        return lambda row: str(row.get(field) or "").casefold() == value.casefold()
    stem, _, end = name.rpartition("_")
    if end in ("min", "max"):
        return _between(resource, stem, end, value)
    return None


def _between(resource: str, stem: str, end: str, value: str) -> Test | None:
    """At least `min`, below `max`; times are cut to their day."""
    if stem in DAYS[resource]:
        field, day = DAYS[resource][stem], value[:10]
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
            raise Refused(1033, f"{stem}_{end}", value=value)
        if end == "min":
            return lambda row: str(row.get(field) or "")[:10] >= day
        return lambda row: str(row.get(field) or "")[:10] < day
    if stem in AMOUNTS.get(resource, {}):
        field = AMOUNTS[resource][stem]
        try:
            bound = Decimal(value)
        except InvalidOperation:
            raise Refused(1004, f"{stem}_{end}", value=value) from None
        if end == "min":
            return lambda row: Decimal(row[field]["amount"]) >= bound
        return lambda row: Decimal(row[field]["amount"]) < bound
    return None


def _sorted(resource: str, rows: list[Json], query: Pairs) -> list[Json]:
    asked = dict(query).get("sort", "")
    name, _, way = asked.rpartition("_")
    field = SORTS.get(resource, {}).get(name)
    if field is None or way not in ("asc", "desc"):
        return sorted(rows, key=lambda row: int(row["id"]), reverse=resource in NEWEST_FIRST)

    def key(row: Json) -> tuple[Any, int]:
        return str(row.get(field) or "").casefold(), int(row[ID_FIELD[resource]])

    return sorted(rows, key=key, reverse=way == "desc")
