"""The calls on one Xero organisation: lists, single reads, bulk writes, deletions (contract 2, 3, 4)."""

from __future__ import annotations

import datetime as dt
import email.utils
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from desktop.sandbox import xero_fields as f
from desktop.sandbox import xero_names as names
from desktop.sandbox import xero_sales as sales
from desktop.sandbox.service import Answer, Call, Json, Request, to_json
from desktop.sandbox.xero_books import ID, PLURAL, Organisation, plain_id
from desktop.sandbox.xero_errors import (
    NO_ID,
    BadData,
    BadQuery,
    Invalid,
    Missing,
    errors_of,
    validation,
)
from desktop.sandbox.xero_query import order, plain, where
from desktop.sandbox.xero_show import Show, slash

PAGED = ("Contact", "Invoice", "Payment")
ENTITY_OF = {plural.lower(): entity for entity, plural in PLURAL.items()} | {"organisation": "Organisation"}
WORDS = {
    "Contact": "customer",
    "Item": "item",
    "Account": "account",
    "TaxRate": "tax_code",
    "Invoice": "invoice",
    "Payment": "payment",
}
LISTS = {entity: f"list_{word}s" for entity, word in WORDS.items()} | {"Organisation": "get_company"}
NATURAL = {"Contact": "contact_number", "Item": "item_code", "Account": "account_code", "Invoice": "invoice_number"}
SEARCHED = {
    "Contact": ("Name", "FirstName", "LastName", "ContactNumber", "CompanyNumber", "EmailAddress"),
    "Invoice": ("InvoiceNumber", "Reference"),
}
MOST_ROWS = 100_000
WARNINGS: dict[str, Json] = {"Invoice": {"Warnings": []}, "Payment": {"Warnings": []}}
"""Only these two have room for warnings."""
ERROR_FLAG = {"Contact": "HasValidationErrors", "Payment": "HasValidationErrors", "Invoice": "HasErrors"}


def boolean(request: Request, name: str, default: bool) -> bool:
    """A query value; SDKs send `True` and `False`."""
    value = query_value(request, name).lower()
    if value not in ("", "true", "false"):
        raise BadQuery(f"{name} must be true or false")
    return default if not value else value == "true"


def query_value(request: Request, name: str) -> str:
    return next((value for key, value in request.query if key.lower() == name.lower()), "")


def element_op(org: Organisation | None, entity: str, method: str, element: Json) -> str:
    """What one element of a write means, read without judging it."""
    word, status = WORDS[entity], str(element.get("Status", ""))
    if entity == "Invoice" and status in ("VOIDED", "DELETED"):
        return "void_invoice" if status == "VOIDED" else "delete_invoice"
    if entity == "Payment":
        return "delete_payment" if status == "DELETED" else "create_payment"
    natural = {"Contact": "ContactNumber", "Item": "Code", "Invoice": "InvoiceNumber"}.get(entity, "")
    known = bool(element.get(ID[entity]))
    if org is not None and not known and element.get(natural):
        known = org.keyed(NATURAL[entity], str(element[natural])) is not None
    if org is not None and not known and entity == "Contact" and element.get("Name"):
        known = org.keyed("contact_name", str(element["Name"])) is not None
    return f"update_{word}" if method == "POST" and known else f"create_{word}"


class Desk:
    """Serves one call on one organisation; `call` collects what changed."""

    def __init__(self, org: Organisation, request: Request, call: Call) -> None:
        self._org = org
        self._request = request
        self._call = call
        digits = query_value(request, "unitdp")
        if digits not in ("", "2", "4"):
            raise BadQuery("unitdp must be 2 or 4")
        self._digits = int(digits or 2)
        self._show = Show(org, self._digits)

    def envelope(self, plural: str, rows: list[Json], pagination: Json | None = None) -> Answer:
        now = self._org.clock.now()
        body: Json = {
            "Id": self._org.new_id("Answer"),
            "Status": "OK",
            "ProviderName": "BlueClerk",
            "DateTimeUTC": slash(now, ""),
        }
        if pagination is not None:
            body["pagination"] = pagination
        return Answer(200, to_json({**body, plural: rows}), "application/json; charset=utf-8")

    # --- reading ---

    def organisation(self) -> Answer:
        return self.envelope("Organisations", [self._show.organisation()])

    def currencies(self) -> Answer:
        codes = [self._org.currency, *self._org.rules.currencies.split()]
        return self.envelope("Currencies", [{"Code": code, "Description": code} for code in codes])

    def read(self, entity: str, key: str) -> Answer:
        """One record by its id or its natural key. Raises `Missing`."""
        found = self._org.get(entity, key)
        if found is None and entity in NATURAL:
            found = self._org.keyed(NATURAL[entity], key)
        if found is None:
            raise Missing(key)
        return self.envelope(PLURAL[entity], [self._show.record(entity, found)])

    def rows(self, entity: str) -> Answer:
        """A list with its filters, order and page (contract 2.3)."""
        request, org = self._request, self._org
        rows = [row for row in org.tables[entity].values() if all(test(row) for test in self._tests(entity))]
        if len(rows) > MOST_ROWS:
            raise BadQuery("Too many rows match this query: use paging and filters that are supported.")
        asked = query_value(request, "order")
        rows.sort(key=lambda row: (row.get("UpdatedDateUTC", dt.datetime.max), row[ID[entity]]))
        if asked:
            rows = order(org, entity, asked, rows)
        page, size = self._whole("page", 0), self._whole("pageSize", 100)
        summary = boolean(request, "summaryOnly", False)
        pagination = None
        if entity in PAGED and (page or summary):
            if not 1 <= size <= 1000 or page < 0:
                raise BadQuery("pageSize must lie between 1 and 1000, page must be 1 or more")
            page = page or 1
            rows, pagination = self._page(rows, page, size)
        detail = pagination is not None and not summary
        shown = [self._show.record(entity, row, detail or entity not in ("Invoice", "Contact")) for row in rows]
        if entity == "Contact" and pagination is None and not summary:
            shown = [self._show.record(entity, row, True) for row in rows]
        return self.envelope(PLURAL[entity], shown, pagination)

    def _page(self, rows: list[Json], page: int, size: int) -> tuple[list[Json], Json]:
        """`paging` bends the pages: repeat, empty, total or endless (fault L3), `again:<id>` (fault L4)."""
        bent = str(self._call.tamper.get("paging", ""))
        total = len(rows) * (2 if bent == "total" else 1)
        pages = -(-total // size)
        start = (page - 1) * size
        if bent == "repeat" or (bent == "endless" and start >= len(rows)):
            start = 0
        found = [] if bent == "empty" and page > 1 else rows[start : start + size]
        if bent.startswith("again:") and page > 1:
            found = [*(row for row in rows if bent.removeprefix("again:") in row.values()), *found]
        if bent == "endless":
            pages = page + 1
        return found, {"page": page, "pageSize": size, "pageCount": pages, "itemCount": total}

    def _whole(self, name: str, default: int) -> int:
        value = query_value(self._request, name)
        if value and not value.isdigit():
            raise BadQuery(f"{name} must be a whole number")
        return int(value) if value else default

    def _tests(self, entity: str) -> list[Callable[[Json], bool]]:
        request, tests = self._request, []
        if text := query_value(request, "where"):
            tests.append(where(self._org, entity, text))
        since = self._modified_since()
        if since is not None and entity != "TaxRate":
            tests.append(lambda row: row["UpdatedDateUTC"] >= since)
        for name, field in self._lists(entity):
            wanted = {part.strip().lower() for part in query_value(request, name).split(",") if part.strip()}
            if wanted:
                tests.append(partial(_is_one_of, field, wanted))
        term = plain(query_value(request, "searchTerm"))
        if term and entity in SEARCHED:
            fields = SEARCHED[entity]
            tests.append(lambda row: any(term in plain(str(row.get(field, ""))) for field in fields))
        asked_by_id = bool(query_value(request, "IDs"))
        if entity == "Contact" and not asked_by_id and not boolean(request, "includeArchived", False):
            tests.append(lambda row: row["ContactStatus"] == "ACTIVE")
        return tests

    @staticmethod
    def _lists(entity: str) -> list[tuple[str, str]]:
        if entity == "Contact":
            return [("IDs", "ContactID")]
        if entity == "Invoice":
            return [
                ("IDs", "InvoiceID"),
                ("InvoiceNumbers", "InvoiceNumber"),
                ("ContactIDs", "_contact"),
                ("Statuses", "Status"),
            ]
        return []

    def _modified_since(self) -> dt.datetime | None:
        """To the second, in UTC: ISO or as HTTP writes dates. Inclusive."""
        value = self._request.headers.get("if-modified-since", "").strip()
        if not value:
            return None
        try:
            found = dt.datetime.fromisoformat(value)
        except ValueError:
            try:
                found = email.utils.parsedate_to_datetime(value)
            except (TypeError, ValueError):
                raise BadQuery(f"If-Modified-Since cannot be read: {value}") from None
        found = found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
        return found.replace(microsecond=0)

    # --- writing ---

    def bulk(self, entity: str, method: str, elements: list[Json], done: dict[int, tuple[bool, Json]]) -> Answer:
        """All elements of a write, in request order. `done` holds what an interrupted first attempt had finished.

        With summarizeErrors=false each answers for itself; otherwise one bad element fails all. Raises `Missing`.
        """
        apart = not boolean(self._request, "summarizeErrors", True)
        org, call = self._org, self._call
        org.mark()
        results: list[tuple[bool, Json]] = []
        for index, element in enumerate(elements):
            if call.stop_after is not None and index >= call.stop_after:
                break
            found = done.get(index)
            if found is None:
                found = self._one(entity, method, element, index)
            else:
                call.elements[index] |= {"ok": found[0], "status": 200, "changed": [], "replayed": True}
            if found[0] or apart:
                done[index] = found
            results.append(found)
        if apart or all(ok for ok, _ in results):
            return self.envelope(PLURAL[entity], [self._status(entity, ok, row) for ok, row in results])
        org.rollback()
        done.clear()
        call.changed.clear()
        for part in call.elements:
            part |= {"changed": [], "ok": False, "status": 400}
        return validation([row for _, row in results])

    def _status(self, entity: str, ok: bool, row: Json) -> Json:
        if not ok:
            return row
        return {"StatusAttributeString": "OK", **row, "ValidationErrors": [], **WARNINGS.get(entity, {})}

    def _one(self, entity: str, method: str, element: Json, index: int) -> tuple[bool, Json]:
        record = self._call.elements[index]
        before, point = len(self._call.changed), self._org.point()
        struck = self._call.tamper.get("FAULT", {}).get(index)
        try:
            if struck is not None and struck.get("phase") != "after":
                raise Invalid(*fault_messages(struck))
            if index in self._call.tamper.get("H10", {}):
                raise Invalid("This document has been changed by somebody else meanwhile.")
            row = self._apply(entity, method, element, index)
            if struck is not None:
                raise _StruckAfter(*fault_messages(struck))
            record |= {"ok": True, "status": 200}
            found = True, row
        except Invalid as invalid:
            if not isinstance(invalid, _StruckAfter):
                self._org.rollback(point)
                del self._call.changed[before:]
            record |= {"ok": False, "status": 400, "code": "; ".join(invalid.messages)}
            found = False, self._refused(entity, element, invalid.messages)
        record["changed"] = self._call.changed[before:]
        return found

    def _refused(self, entity: str, element: Json, messages: list[str]) -> Json:
        """The element as it came, with its errors and an id of zeros."""
        kept = {name: value for name, value in element.items() if not isinstance(value, list)}
        shown = {
            ID[entity]: NO_ID,
            **kept,
            "StatusAttributeString": "ERROR",
            "ValidationErrors": errors_of(messages),
            **WARNINGS.get(entity, {}),
        }
        if entity in ERROR_FLAG:
            shown[ERROR_FLAG[entity]] = True
        return shown

    def _apply(self, entity: str, method: str, element: Json, index: int) -> Json:
        changed_before, point = len(self._call.changed), self._org.point()
        stored = self._write(entity, method, element, index)
        row = self._show.record(entity, stored)
        if index in self._call.tamper.get("D15", {}):
            self._org.rollback(point)
            del self._call.changed[changed_before:]
        return row

    def write_one(self, entity: str, method: str, element: Json) -> Json:
        """A single write outside a bulk call. Raises `Invalid` or `Missing`."""
        return self._write(entity, method, element, 0)

    def _write(self, entity: str, method: str, element: Json, index: int) -> Json:
        org, call, word = self._org, self._call, WORDS[entity]
        if entity == "Payment":
            if str(element.get("Status", "")) == "DELETED":
                return self.delete_payment(f.text(element, "PaymentID"))
            stored = sales.store_payment(org, sales.payment(org, element))
            call.change(word, stored["PaymentID"], "created")
            return stored
        finders = {"Contact": names.find_contact, "Item": names.find_item, "Invoice": sales.find_invoice}
        old = finders[entity](org, element) if entity in finders else None
        if method == "PUT" and old is not None and entity != "Contact":
            old = None  # the natural key is refused below
            element = {name: value for name, value in element.items() if name != ID[entity]}
        elif method == "PUT":
            old = None
        made: Json
        if entity == "Contact":
            made = names.contact(org, element, old)
        elif entity == "Item":
            made = names.item(org, element, old, self._digits)
        elif entity == "Account":
            made = names.account(org, element, org.get("Account", f.text(element, "AccountID")))
            old = org.get("Account", made["AccountID"])
        else:
            params = call.tamper.get("D9", {}).get(index)
            extra = int(params.get("cents", 1)) if params is not None else 0
            made = sales.invoice(org, element, old, self._digits, extra)
        stored = sales.store_invoice(org, made, old) if entity == "Invoice" else org.put(entity, made)
        action = "created" if old is None else "updated"
        if old is not None and stored.get("Status") != old.get("Status"):
            action = {"VOIDED": "voided", "DELETED": "deleted"}.get(stored.get("Status", ""), action)
        call.change(word, plain_id(entity, stored), action)
        return stored

    def delete_payment(self, payment_id: str) -> Json:
        old = self._org.get("Payment", payment_id)
        if old is None:
            raise Missing(payment_id)
        stored = sales.delete_payment(self._org, old)
        self._call.change("payment", stored["PaymentID"], "deleted")
        return stored

    def delete_item(self, key: str) -> Answer:
        """204; not possible while a tracked item was used."""
        found = self._org.get("Item", key) or self._org.keyed("item_code", key)
        if found is None:
            raise Missing(key)
        self._org.mark()
        self._org.delete("Item", found["ItemID"])
        self._call.change("item", found["Code"], "deleted")
        return Answer(204)

    def mail(self, invoice_id: str) -> Answer:
        """Mail an invoice: here it is only marked so."""
        record = self._org.get("Invoice", invoice_id)
        if record is None:
            raise Missing(invoice_id)
        if record["Status"] not in ("SUBMITTED", "AUTHORISED", "PAID"):
            return validation([self._refused("Invoice", {}, ["The invoice must be approved before it is sent."])])
        self._org.put("Invoice", {**record, "SentToContact": True})
        self._call.change("invoice", invoice_id, "sent")
        return Answer(204)


def _is_one_of(field: str, wanted: set[str], row: Json) -> bool:
    return str(row.get(field, "")).lower() in wanted


class _StruckAfter(Invalid):
    """A refusal that a fault invents although the work was done."""


def fault_messages(params: Mapping[str, Any]) -> list[str]:
    """The sentences that a rule of id FAULT wants said."""
    said = params.get("message") or params.get("detail") or "A validation exception occurred"
    return [str(one) for one in said] if isinstance(said, list) else [str(said)]


def elements_in(body: Any, entity: str) -> list[Json]:
    """The elements of a write: `{"Contacts": [...]}`, or a bare object. Raises `BadData`."""
    if isinstance(body, dict) and PLURAL[entity] in body:
        found = body[PLURAL[entity]]
    else:
        found = body if isinstance(body, list) else [body]
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise BadData(f"{PLURAL[entity]} must be a list of at least one object")
    return [without_nulls(one) for one in found]


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(part) for name, part in value.items() if part is not None}
    return [without_nulls(part) for part in value] if isinstance(value, list) else value
