"""The calls on one QuickBooks company: single writes and reads, query, change data, batch (contract 2.1, 3, 4)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from typing import Any

from desktop.sandbox import quickbooks_names as names
from desktop.sandbox import quickbooks_sales as sales
from desktop.sandbox.quickbooks_books import ENTITIES, PEOPLE, Realm, Reply, stamp
from desktop.sandbox.quickbooks_errors import Refused
from desktop.sandbox.quickbooks_fields import check_known, without_nulls
from desktop.sandbox.quickbooks_known import KNOWN, READ_ONLY
from desktop.sandbox.quickbooks_query import execute, instant, parse
from desktop.sandbox.quickbooks_sums import Fresh, default_tax_code
from desktop.sandbox.service import Call, Json, to_json

WRITABLE = ("Customer", "Vendor", "Employee", "Item", "Account", "PaymentMethod", "Invoice", "Payment")
BATCH_MOST = 30
ANSWER_MOST = 1000
CDC_DAYS = 30
NO_CDC = ("TaxCode", "TaxRate", "Term", "CompanyInfo", "Preferences")
WORDS = {
    "TaxCode": "tax_code",
    "TaxRate": "tax_rate",
    "PaymentMethod": "payment_method",
    "CompanyInfo": "company",
} | {
    name: name.lower()
    for name in ("Customer", "Vendor", "Employee", "Item", "Account", "Term", "Invoice", "Payment", "Preferences")
}
BY_PATH = {entity.lower(): entity for entity in ENTITIES}


def op_of(entity: str, operation: str, options: str, body: Any) -> str:
    """The call's meaning, e.g. `create_invoice`; a write with an Id is an update."""
    word = WORDS[entity]
    options = options.lower()
    if operation == "void" or (operation == "update" and "void" in options):
        return f"void_{word}"
    if operation == "delete":
        return f"delete_{word}"
    is_update = isinstance(body, dict) and bool(body.get("Id"))
    return f"{'update' if is_update else 'create'}_{word}"


def query_op(statement: str) -> str:
    """`list_customers` and the like, read without judging the statement."""
    words = statement.replace("(", " ").lower().split()
    place = words.index("from") + 1 if "from" in words[:-1] else len(words)
    entity = BY_PATH.get(words[place]) if place < len(words) else None
    return plural_op(entity) if entity else "list_unknown"


def plural_op(entity: str) -> str:
    word = WORDS[entity]
    return f"list_{word}" if word.endswith("s") else f"list_{'companies' if word == 'company' else word + 's'}"


class Desk:
    """Serves one call on one company; `call` collects what changed."""

    def __init__(self, realm: Realm, call: Call) -> None:
        self._realm = realm
        self._call = call
        self._fresh: set[tuple[str, str]] = set()
        self._rows = 0

    def time(self) -> str:
        return (
            self._realm.clock.now().astimezone(dt.timezone(dt.timedelta(hours=-7))).isoformat(timespec="milliseconds")
        )

    # --- reading ---

    def read(self, entity: str, record_id: str) -> Json:
        if entity == "CompanyInfo" and record_id == self._realm.id:
            record_id = "1"
        if entity == "Preferences":
            return {"Preferences": preferences(self._realm), "time": self.time()}
        record = self._realm.get(entity, record_id)
        if record is None:
            raise Refused(
                "610",
                "Object Not Found : Something you're trying to use has been made inactive or deleted. "
                "Check the fields with accounts, customers, items, vendors or employees.",
            )
        return {entity: record, "time": self.time()}

    def query(self, statement: str) -> Json:
        query = parse(statement, self._realm.today())
        if query.entity == "Preferences":
            return {"Preferences": [preferences(self._realm)], "startPosition": 1, "maxResults": 1}
        return execute(self._realm, query, str(self._call.tamper.get("paging", "")))

    def changes(self, entities: str, since: str) -> Json:
        """Change data capture: live objects first, then stubs of deleted ones; at most 1,000 in all."""
        wanted = [BY_PATH.get(name.strip().lower(), name.strip()) for name in entities.split(",") if name.strip()]
        bad = [name for name in wanted if name not in ENTITIES or name in NO_CDC]
        if bad or not wanted:
            raise Refused(
                "4001", f"Change data capture is not supported for {bad[0] if bad else 'nothing'}", "entities"
            )
        try:
            moment = instant(since)
        except ValueError:
            raise Refused("4001", f"changedSince {since!r} is not a date and time", "changedSince") from None
        if moment < self._realm.clock.now() - dt.timedelta(days=CDC_DAYS):
            raise Refused("4001", f"changedSince lies more than {CDC_DAYS} days back", "changedSince")
        left = ANSWER_MOST
        parts = []
        for entity in wanted:
            part = self._changed(entity, moment, left)
            left -= len(part.get(entity, ()))
            parts.append(part)
        found = [part for part in parts if part]
        return {"CDCResponse": [{"QueryResponse": found or [{}]}], "time": self.time()}

    def _changed(self, entity: str, since: dt.datetime, most: int) -> Json:
        since = since.replace(microsecond=0)
        rows = [
            record
            for record in self._realm.tables[entity].values()
            if instant(record["MetaData"]["LastUpdatedTime"]) >= since
        ]
        rows.sort(key=lambda record: (instant(record["MetaData"]["LastUpdatedTime"]), int(record["Id"])))
        rows += [
            {"domain": "QBO", "status": "Deleted", "Id": gone.id, "MetaData": {"LastUpdatedTime": stamp(gone.time)}}
            for gone in self._realm.deleted
            if gone.entity == entity and gone.time >= since
        ]
        rows = rows[:most]
        if not rows:
            return {}
        return {entity: rows, "startPosition": 1, "maxResults": len(rows), "totalCount": len(rows)}

    # --- single writes ---

    def write(self, entity: str, operation: str, options: str, body: Any, request_id: str) -> Json:
        """A create, update, void or delete. Raises `Refused`."""
        if len(request_id) > 50:
            raise Refused(
                "6000",
                f"There are more than 50 characters in the request_id field: {len(request_id)} characters",
                "request_id",
            )
        known = self._remembered(request_id, "", body)
        if known is not None:
            self._call.replayed = True
            if known.status != 200:
                raise _Again(known)
            return known.body
        try:
            answer = {**self._apply(entity, operation, options, body, self._call, None), "time": self.time()}
        except Refused as refused:
            if self._realm.rules.replay_faults:
                self._remember(request_id, "", body, refused.status, refused.fault)
            raise
        self._remember(request_id, "", body, 200, answer)
        return answer

    def _apply(self, entity: str, operation: str, options: str, body: Any, sink: Call, index: int | None) -> Json:
        realm = self._realm
        realm.mark()
        self._check_company()
        changed_before = len(sink.changed)
        try:
            answer = self._do(entity, operation, options, body, sink, index)
        except Refused:
            realm.rollback()
            del sink.changed[changed_before:]
            raise
        if index in self._call.tamper.get("D15", {}):
            realm.rollback()
            del sink.changed[changed_before:]
        return answer

    def _check_company(self) -> None:
        if self._realm.rules.lapsed:
            raise Refused(
                "6190",
                "Invalid Company Status : Subscription period has ended or canceled or there was a billing problem",
                "",
            )

    def _do(self, entity: str, operation: str, options: str, body: Any, sink: Call, index: int | None) -> Json:
        if entity not in WRITABLE or operation not in ("", "create", "update", "void", "delete"):
            raise Refused("500", f"Operation {operation or 'create'} {entity} is not supported.")
        if not isinstance(body, dict):
            raise Refused("2010", f"Property Name:Can not read the request as a {entity}")
        wanted: Json = without_nulls(body)
        if entity in KNOWN:
            check_known(self._realm, wanted, KNOWN[entity])
        op = op_of(entity, operation, options, wanted)
        if op.startswith("void_"):
            return self._void(entity, operation, wanted, sink)
        if op.startswith("delete_"):
            return self._delete(entity, wanted, sink)
        if self._realm.rules.text == "latin1":
            _only_latin(wanted)
        return self._save(entity, wanted, "allowduplicatedocnum" in options.lower(), sink, index)

    def _save(self, entity: str, wanted: Json, allow_duplicate: bool, sink: Call, index: int | None) -> Json:
        realm = self._realm
        old = self._current(entity, wanted) if wanted.get("Id") else None
        merged = _merge(entity, wanted, old)
        fresh: Fresh = frozenset(self._fresh)
        if entity == "Invoice":
            params = self._call.tamper.get("D9", {}).get(index)
            extra = int(params.get("cents", 1)) if params is not None else 0
            made = sales.invoice(realm, merged, old, fresh, allow_duplicate, extra)
            stored = sales.store_invoice(realm, made, old)
        elif entity == "Payment":
            stored = sales.store_payment(realm, sales.payment(realm, merged, old, fresh), old)
        else:
            made = _name_record(realm, entity, merged, old, fresh)
            stored = realm.create(entity, made) if old is None else realm.update(entity, made)
        if old is None:
            self._fresh.add((entity, stored["Id"]))
        sink.change(WORDS[entity], stored["Id"], "created" if old is None else "updated")
        return {entity: stored}

    def _current(self, entity: str, wanted: Json) -> Json:
        """The object to change, by Id and SyncToken: 610, 2020 or 5010 if that fails."""
        record = self._realm.get(entity, str(wanted.get("Id") or ""))
        if record is None:
            if not wanted.get("Id"):
                raise Refused("2020", "Required parameter Id is missing in the request", "Id")
            raise Refused("610", f"Object Not Found : {entity} {wanted['Id']} has been made inactive or deleted", "Id")
        token = wanted.get("SyncToken")
        if token is None or token == "":
            raise Refused("2020", "Required parameter SyncToken is missing in the request", "SyncToken")
        if str(token) != record["SyncToken"]:
            raise Refused(
                "5010",
                "Stale Object Error : You and another user were working on this at the same time. "
                f"SyncToken {record['SyncToken']} is current.",
                "",
            )
        return record

    def _void(self, entity: str, operation: str, wanted: Json, sink: Call) -> Json:
        way = {"Invoice": "void", "Payment": "update"}.get(entity)
        if operation != way:
            raise Refused("500", f"Operation {operation} (void) is not supported on {entity}.")
        old = self._current(entity, wanted)
        stored = sales.void_invoice(self._realm, old) if entity == "Invoice" else sales.void_payment(self._realm, old)
        sink.change(WORDS[entity], old["Id"], "voided")
        return {entity: stored}

    def _delete(self, entity: str, wanted: Json, sink: Call) -> Json:
        if entity not in ("Invoice", "Payment"):
            raise Refused(
                "500", f"Operation delete {entity} is not supported: name list objects can only be made inactive."
            )
        old = self._current(entity, wanted)
        (sales.delete_invoice if entity == "Invoice" else sales.delete_payment)(self._realm, old)
        sink.change(WORDS[entity], old["Id"], "deleted")
        return {entity: {"status": "Deleted", "domain": "QBO", "Id": old["Id"]}}

    def send(self, invoice_id: str, address: str) -> Json:
        """Mail an invoice: here it is only marked so."""
        record = self.read("Invoice", invoice_id)["Invoice"]
        address = address or record.get("BillEmail", {}).get("Address", "")
        if not address:
            raise Refused("2020", "Required parameter BillEmail is missing in the request", "BillEmail")
        delivery = {"DeliveryType": "Email", "DeliveryTime": stamp(self._realm.clock.now())}
        fields = {**record, "EmailStatus": "EmailSent", "BillEmail": {"Address": address}, "DeliveryInfo": delivery}
        self._call.change("invoice", invoice_id, "sent")
        return {"Invoice": self._realm.update("Invoice", fields), "time": self.time()}

    # --- batch ---

    def batch(self, body: Any, request_id: str) -> Json:
        """Raises `Refused` for the batch as a whole; an element's fault stands in its own answer."""
        elements = body.get("BatchItemRequest") if isinstance(body, dict) else None
        if not isinstance(elements, list) or not elements or not all(isinstance(e, dict) for e in elements):
            raise Refused("2020", "Required parameter BatchItemRequest is missing in the request", "BatchItemRequest")
        if len(elements) > BATCH_MOST:
            raise Refused("1040", f"The batch has {len(elements)} items. At most {BATCH_MOST} are supported.", "")
        if len(request_id) > 36:
            raise Refused(
                "6000",
                f"There are more than 36 characters in the request_id field of a batch: {len(request_id)} characters",
                "request_id",
            )
        twice = [bid for bid, count in Counter(str(e.get("bId", "")) for e in elements).items() if count > 1 or not bid]
        if twice:
            raise Refused("2010", f"bId {twice[0]!r} is missing or used twice", "bId")
        answers: dict[int, Json] = {}
        order = range(len(elements)) if self._call.stop_after is None else range(self._call.stop_after)
        for index in reversed(order) if self._realm.rules.batch_order == "reversed" else order:
            answers[index] = {"bId": elements[index]["bId"], **self._element(index, elements[index], request_id)}
        return {"BatchItemResponse": [answers[index] for index in sorted(answers)], "time": self.time()}

    def _element(self, index: int, element: Json, request_id: str) -> Json:
        record = self._call.elements[index]
        sink = Call(op=record["op"])
        try:
            answer = self._struck(index, element, request_id, sink)
            record |= {"ok": True, "status": 200}
        except Refused as refused:
            answer = {"Fault": refused.fault}
            record |= {"ok": False, "status": refused.status, "code": refused.code}
        record |= {"changed": sink.changed, "replayed": sink.replayed}
        self._call.changed.extend(sink.changed)
        return answer

    def _struck(self, index: int, element: Json, request_id: str, sink: Call) -> Json:
        struck = self._call.tamper.get("FAULT", {}).get(index)
        if struck is not None:
            if struck.get("phase") == "after":
                self._run(index, element, request_id, sink)
            raise fault_from(struck)
        if index in self._call.tamper.get("H10", {}):
            raise fault_from({"code": "5010"})
        return self._run(index, element, request_id, sink)

    def _run(self, index: int, element: Json, request_id: str, sink: Call) -> Json:
        batch_id = str(element["bId"])
        if "Query" in element:
            answer = self.query(str(element["Query"]))
            self._rows += int(answer.get("maxResults", 0))
            if self._rows > ANSWER_MOST:
                raise Refused("4001", f"QueryValidationError: a batch answers at most {ANSWER_MOST} objects")
            return {"QueryResponse": answer}
        if request_id and len(batch_id) > 10:
            raise Refused("6000", f"There are more than 10 characters in the bId: {len(batch_id)} characters", "bId")
        known = self._remembered(request_id, batch_id, element)
        if known is not None:
            sink.replayed = True
            if known.status != 200:
                raise _Again(known)
            return known.body
        entity = element_entity(element)
        if entity is None:
            raise Refused("500", "Unsupported operation: the item names no known entity")
        try:
            answer = self._apply(
                entity,
                str(element.get("operation") or ""),
                str(element.get("optionsData") or ""),
                element[entity],
                sink,
                index,
            )
        except Refused as refused:
            if self._realm.rules.replay_faults:
                self._remember(request_id, batch_id, element, refused.status, refused.fault)
            raise
        self._remember(request_id, batch_id, element, 200, answer)
        return answer

    # --- requestid ---

    def _remembered(self, request_id: str, batch_id: str, body: Any) -> Reply | None:
        rules = self._realm.rules
        if not request_id or not rules.requestid_works:
            return None
        known = self._realm.replies.get((request_id, batch_id))
        if known is None or known.time + rules.replay_seconds < self._realm.clock.timestamp():
            return None
        if known.digest != _digest(body):
            self._call.note["other_body_under_same_key"] = batch_id or request_id
        return known

    def _remember(self, request_id: str, batch_id: str, body: Any, status: int, answer: Json) -> None:
        if request_id:
            now = self._realm.clock.timestamp()
            self._realm.replies[request_id, batch_id] = Reply(now, status, answer, _digest(body))


class _Again(Refused):
    """A remembered refusal."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body["Error"][0]["code"], status=reply.status)
        self.fault = reply.body


def element_entity(element: Json) -> str | None:
    return next((name for name in element if name in ENTITIES), None)


def fault_from(params: Json) -> Refused:
    """The fault that a rule of id FAULT describes."""
    return Refused(
        str(params.get("code", "6000")),
        str(params.get("detail", "")),
        str(params.get("element_name", "")),
        int(params.get("status", 400)),
        str(params.get("type", "ValidationFault")),
        str(params.get("message", "")),
    )


def preferences(realm: Realm) -> Json:
    """The company's settings as the service shows them."""
    rules = realm.rules
    tax = default_tax_code(realm)
    tax_prefs: Json = {"UsingSalesTax": tax is not None}
    if tax is not None:
        tax_prefs["TaxGroupCodeRef"] = {"value": tax["Id"]}
    if rules.tax_engine == "ast":
        tax_prefs["PartnerTaxEnabled"] = True
    accounting: Json = {
        "TrackDepartments": False,
        "CustomerTerminology": "Customers",
        "FirstMonthOfFiscalYear": "January",
    }
    if rules.book_close_date:
        accounting["BookCloseDate"] = rules.book_close_date
    return {
        **realm.tables["Preferences"]["1"],
        "AccountingInfoPrefs": accounting,
        "SalesFormsPrefs": {
            "CustomTxnNumbers": rules.custom_txn_numbers,
            "AllowDeposit": True,
            "AllowDiscount": True,
            "AllowShipping": False,
            "AutoApplyCredit": rules.auto_apply_payments,
            "AutoApplyPayments": rules.auto_apply_payments,
            "DefaultTerms": {"value": "3"},
            "ETransactionEnabledStatus": "NotApplicable",
        },
        "TaxPrefs": tax_prefs,
        "CurrencyPrefs": {"MultiCurrencyEnabled": rules.multi_currency, "HomeCurrency": {"value": realm.currency}},
    }


def _name_record(realm: Realm, entity: str, merged: Json, old: Json | None, fresh: Fresh) -> Json:
    if entity in PEOPLE:
        return names.person(realm, entity, merged, old, fresh)
    if entity == "Item":
        return names.item(realm, merged, old, fresh)
    if entity == "Account":
        return names.account(realm, merged, old, fresh)
    return names.payment_method(realm, merged, old, fresh)


def _merge(entity: str, wanted: Json, old: Json | None) -> Json:
    """What the object shall look like: a sparse update keeps what it does not name, a full one drops it."""
    read_only = READ_ONLY[entity]
    sent = {name: value for name, value in wanted.items() if name not in read_only}
    if old is None:
        return {name: value for name, value in sent.items() if value != ""}
    sparse = wanted.get("sparse") in (True, "true")
    kept = old if sparse else {name: value for name, value in old.items() if name in read_only}
    merged = {**kept, **sent}
    if entity in ("Customer", "Invoice", "Payment") and not sparse and "CurrencyRef" in old:
        merged.setdefault("CurrencyRef", old["CurrencyRef"])
    return {name: value for name, value in merged.items() if value != ""}


def _only_latin(value: Any) -> None:
    try:
        to_json(value).decode().encode("latin-1")
    except UnicodeEncodeError as error:
        raise Refused("2040", f"Character {error.object[error.start]!r} is not supported", "") from None


def _digest(body: Any) -> str:
    return hashlib.sha256(to_json(body)).hexdigest()
