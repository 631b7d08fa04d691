"""Xero's books in plain words, and changes made to them by hand (as if somebody worked in Xero itself)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from desktop.sandbox import xero_names as names
from desktop.sandbox import xero_sales as sales
from desktop.sandbox.service import Call, ControlError, Json, Request, from_json, money_text, to_json
from desktop.sandbox.xero_books import ID, ZERO, Organisation, cents, plain_id
from desktop.sandbox.xero_calls import Desk, without_nulls
from desktop.sandbox.xero_errors import Invalid, Missing, Unusable

ENTITY_OF = {
    "customer": "Contact",
    "vendor": "Contact",
    "item": "Item",
    "account": "Account",
    "invoice": "Invoice",
    "payment": "Payment",
}
METHODS = ("Bank transfer", "Cash", "Check", "Credit Card", "Card")


# --- the books as plain JSON ---


def books(org: Organisation) -> Json:
    tables = org.tables
    return {
        "company": {
            "id": org.id,
            "name": org.info["Name"],
            "legal_name": org.info["LegalName"],
            "country": org.info["CountryCode"],
            "currency": org.currency,
        },
        "customers": [customer_row(org, row) for row in tables["Contact"].values() if not _only_supplier(row)],
        "items": [item_row(row) for row in tables["Item"].values()],
        "accounts": [account_row(row) for row in tables["Account"].values()],
        "tax_codes": [_tax_row(row) for row in tables["TaxRate"].values() if row["CanApplyToRevenue"]],
        "invoices": [invoice_row(row) for row in tables["Invoice"].values()],
        "payments": [_payment_row(org, row) for row in tables["Payment"].values()],
    }


def _only_supplier(record: Json) -> bool:
    return bool(record["IsSupplier"] and not record["IsCustomer"])


def _version(record: Json) -> str:
    return str(int(record["UpdatedDateUTC"].timestamp() * 1000))


def customer_row(org: Organisation, record: Json) -> Json:
    address = next(row for row in record["Addresses"] if row["AddressType"] == "POBOX")
    phone = next(row for row in record["Phones"] if row["PhoneType"] == "DEFAULT")
    return {
        "id": record["ContactID"],
        "display_name": record["Name"],
        "given_name": record["FirstName"],
        "family_name": record["LastName"],
        "company_name": "",
        "email": record["EmailAddress"],
        "phone": " ".join(filter(None, (phone["PhoneCountryCode"], phone["PhoneAreaCode"], phone["PhoneNumber"]))),
        "address": {
            "line1": address["AddressLine1"],
            "city": address["City"],
            "region": address["Region"],
            "postal_code": address["PostalCode"],
            "country": address["Country"],
        },
        "notes": "",
        "active": record["ContactStatus"] == "ACTIVE",
        "version": _version(record),
    }


def item_row(record: Json) -> Json:
    details = record["SalesDetails"]
    return {
        "id": plain_id("Item", record),
        "name": record["Name"],
        "type": "Inventory" if record["IsTrackedAsInventory"] else "Service",
        "description": record["Description"],
        "sku": record["Code"],
        "unit_price": money_text(details.get("UnitPrice")),
        "income_account_id": details.get("AccountCode"),
        "active": True,
        "taxable": details.get("TaxType", "NONE") != "NONE",
        "version": _version(record),
    }


def account_row(record: Json) -> Json:
    return {
        "id": plain_id("Account", record),
        "name": record["Name"],
        "type": record["Type"],
        "subtype": record["Class"],
        "active": record["Status"] == "ACTIVE",
        "version": _version(record),
    }


def _tax_row(record: Json) -> Json:
    active = record["Status"] == "ACTIVE"
    return {"id": record["TaxType"], "name": record["Name"], "rate": str(names.rate_of(record)), "active": active}


STATUS = {"DRAFT": "draft", "SUBMITTED": "draft", "AUTHORISED": "open", "PAID": "paid", "VOIDED": "void"}


def invoice_row(record: Json) -> Json:
    whole = sum((cents(line["Quantity"] * line["UnitAmount"]) for line in record["LineItems"]), ZERO)
    net = sum((line["LineAmount"] for line in record["LineItems"]), ZERO)
    return {
        "id": record["InvoiceID"],
        "number": record["InvoiceNumber"],
        "customer_id": record["_contact"],
        "date": record["Date"],
        "due_date": record["DueDate"],
        "lines": [_line_row(line) for line in record["LineItems"]],
        "discount": money_text(whole - net),
        "tax": money_text(record["TotalTax"]),
        "total": money_text(record["Total"]),
        "balance": money_text(record["AmountDue"]),
        "status": STATUS.get(record["Status"], "deleted"),
        "note": "",
        "memo": record["Reference"],
        "currency": record["CurrencyCode"],
        "version": _version(record),
    }


def _line_row(line: Json) -> Json:
    return {
        "id": line["LineItemID"],
        "item_id": line.get("ItemCode"),
        "description": line["Description"],
        "quantity": str(line["Quantity"]),
        "unit_price": str(line["UnitAmount"]),
        "amount": money_text(cents(line["Quantity"] * line["UnitAmount"])),
        "account_id": line["AccountCode"],
        "tax_code": line["TaxType"],
    }


def _payment_row(org: Organisation, record: Json) -> Json:
    gone = record["Status"] == "DELETED"
    paid = org.tables["Invoice"][record["_invoice"]]
    amount = money_text(record["Amount"])
    status = "deleted" if gone else "deposited" if record["PaymentID"] in org.reconciled else "recorded"
    method = next((m for m in METHODS if record["Reference"].lower().startswith(m.lower())), "")
    return {
        "id": record["PaymentID"],
        "customer_id": paid["_contact"],
        "date": record["Date"],
        "amount": amount,
        "method": method,
        "reference": record["Reference"],
        "deposit_account_id": plain_id("Account", org.tables["Account"][record["_account"]]),
        "note": "",
        "allocations": [] if gone else [{"invoice_id": record["_invoice"], "amount": amount}],
        "unapplied": "0.00",
        "status": status,
        "version": _version(record),
    }


# --- hand edits ---

_PLAIN: dict[str, dict[str, str]] = {
    "Contact": {"display_name": "Name", "given_name": "FirstName", "family_name": "LastName", "email": "EmailAddress"},
    "Item": {"name": "Name", "description": "Description", "sku": "Code"},
    "Account": {"name": "Name", "code": "Code", "type": "Type"},
    "Invoice": {"number": "InvoiceNumber", "date": "Date", "due_date": "DueDate", "memo": "Reference"},
    "Payment": {"date": "Date", "amount": "Amount", "reference": "Reference"},
}
_ADDRESS = {
    "line1": "AddressLine1",
    "line2": "AddressLine2",
    "city": "City",
    "region": "Region",
    "postal_code": "PostalCode",
    "country": "Country",
}


def edit(org: Organisation, kind: str, record_id: str, action: str, params: Mapping[str, Any]) -> Json:
    """Do `action` as a person would in Xero. Returns the record as `books` shows it ({} once deleted).

    The rules of the service hold for people too; a refusal comes back as `ControlError` in Xero's words.
    """
    entity, maker = ENTITY_OF.get(kind), _ACTIONS.get(action)
    if entity is None or maker is None:
        raise ControlError(
            f"cannot {action!r} a {kind!r}; kinds: {', '.join(ENTITY_OF)}; actions: {', '.join(_ACTIONS)}"
        )
    if action != "create":
        record_id = _find(org, entity, record_id)
    org.mark()
    try:
        found = maker(org, entity, record_id, params)
    except Invalid as refused:
        org.rollback()
        raise ControlError(f"Xero refuses: {refused}") from refused
    except (Missing, Unusable) as refused:
        org.rollback()
        raise ControlError(f"Xero cannot do that: {refused}") from refused
    org.mark()
    return _row(org, entity, found) if found else {}


def _find(org: Organisation, entity: str, record_id: str) -> str:
    keys = {"Item": "item_code", "Invoice": "invoice_number", "Account": "account_code"}
    found = org.get(entity, record_id)
    if found is None and entity in keys:
        found = org.keyed(keys[entity], record_id)
    if found is None:
        raise ControlError(f"there is no {entity} {record_id}")
    return str(found[ID[entity]])


def _row(org: Organisation, entity: str, record_id: str) -> Json:
    record = org.tables[entity].get(record_id)
    if record is None:
        return {}
    makers: dict[str, Callable[[Json], Json]] = {
        "Contact": lambda row: customer_row(org, row),
        "Item": item_row,
        "Account": account_row,
        "Invoice": invoice_row,
        "Payment": lambda row: _payment_row(org, row),
    }
    return makers[entity](record)


def _write(org: Organisation, entity: str, fields: Json, method: str = "POST") -> str:
    """Through the same rules as a call; raises `Invalid`."""
    element: Json = without_nulls(from_json(to_json(fields)))
    request = Request(method, "", (("unitdp", "4"),), {}, b"", "")
    call = Call(op="edit", elements=[{"op": "edit"}])
    stored = Desk(org, request, call).write_one(entity, method, element)
    return str(stored[ID[entity]])


def _change(org: Organisation, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    if entity == "Payment":
        return _change_payment(org, record_id, params)
    if "active" in params:
        rest = {name: value for name, value in params.items() if name != "active"}
        done = (_restore if params["active"] else _archive)(org, entity, record_id, {})
        return _change(org, entity, record_id, rest) if rest else done
    return _write(org, entity, {ID[entity]: record_id, **_wire(org, entity, params)})


def _change_payment(org: Organisation, record_id: str, params: Mapping[str, Any]) -> str:
    """Xero's payments cannot be edited: a person removes one and enters it anew."""
    old = org.tables["Payment"][record_id]
    org.put("Payment", sales.delete_payment(org, old))
    fields = {
        "Invoice": {"InvoiceID": old["_invoice"]},
        "Account": {"AccountID": old["_account"]},
        "Date": old["Date"],
        "Amount": old["Amount"],
        "Reference": old["Reference"],
        **_wire(org, "Payment", params),
    }
    return _write(org, "Payment", fields, "PUT")


def _create(org: Organisation, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    fields = _wire(org, entity, params)
    if entity == "Invoice":
        fields = {"Type": "ACCREC", "Status": "AUTHORISED", **fields}
        fields.setdefault("DueDate", fields.get("Date") or org.clock.now().date().isoformat())
    if entity == "Item":
        fields.setdefault("Code", str(params.get("name", ""))[:30])
    if entity == "Payment":
        fields.setdefault("Date", org.clock.now().date().isoformat())
        fields.setdefault("Account", {"AccountID": _bank(org)})
    return _write(org, entity, fields, "PUT")


def _wire(org: Organisation, entity: str, params: Mapping[str, Any]) -> Json:
    """Neutral names to Xero's; a name that starts with a capital letter is taken as Xero's own."""
    fields: Json = {}
    for name, value in params.items():
        if name[:1].isupper():
            fields[name] = value
        elif name in _PLAIN[entity]:
            fields[_PLAIN[entity][name]] = value
        else:
            fields |= _wire_other(org, entity, name, value)
    return fields


def _wire_other(org: Organisation, entity: str, name: str, value: Any) -> Json:
    if entity == "Contact" and name == "phone":
        return {"Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": value}]}
    if entity == "Contact" and name == "address":
        parts = {_ADDRESS[key]: item for key, item in value.items() if key in _ADDRESS}
        return {"Addresses": [{"AddressType": "POBOX", **parts}]}
    if entity == "Contact" and name in ("company_name", "notes"):
        return {}
    if entity == "Item" and name in ("unit_price", "income_account_id", "taxable"):
        key = {"unit_price": "UnitPrice", "income_account_id": "AccountCode", "taxable": "TaxType"}[name]
        return {"SalesDetails": {key: ("OUTPUT" if value else "NONE") if name == "taxable" else value}}
    if entity == "Invoice" and name == "customer_id":
        return {"Contact": {"ContactID": value}}
    if entity == "Invoice" and name == "lines":
        return {"LineItems": [_wire_line(org, line) for line in value]}
    if entity == "Invoice" and name in ("note", "email", "tax_code_id"):
        return {}
    if entity == "Payment" and name == "deposit_account_id":
        return {"Account": {"AccountID": _find(org, "Account", str(value))}}
    if entity == "Payment" and name == "allocations":
        return {"Invoice": {"InvoiceID": value[0]["invoice_id"]}} if value else {}
    if entity == "Payment" and name == "invoice_id":
        return {"Invoice": {"InvoiceID": value}}
    if entity == "Payment" and name in ("customer_id", "note", "method"):
        return {}
    raise ControlError(f"{entity} has no {name!r}")


def _wire_line(org: Organisation, line: Mapping[str, Any]) -> Json:
    try:
        quantity, price = Decimal(str(line.get("quantity", 1))), Decimal(str(line.get("unit_price", 0)))
    except InvalidOperation:
        raise ControlError(f"cannot read the numbers of the line {dict(line)}") from None
    made: Json = {
        "Description": line.get("description") or "Work",
        "Quantity": quantity,
        "UnitAmount": price,
        "TaxType": line.get("tax_code") or "NONE",
    }
    if line.get("id"):
        made["LineItemID"] = line["id"]
    code = str(line.get("account_id") or "")
    if line.get("item_id"):
        item = org.tables["Item"].get(str(line["item_id"])) or org.keyed("item_code", str(line["item_id"]))
        if item is None:
            raise ControlError(f"there is no item {line['item_id']}")
        made["ItemCode"] = item["Code"]
        code = code or item["SalesDetails"].get("AccountCode", "")
    made["AccountCode"] = code or next(
        row["Code"] for row in org.tables["Account"].values() if row["Class"] == "REVENUE" and row["Status"] == "ACTIVE"
    )
    return made


def _bank(org: Organisation) -> str:
    return str(next(row["AccountID"] for row in org.tables["Account"].values() if names.takes_payments(row)))


def _void(org: Organisation, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    """A person voids an invoice after removing its payments, which Xero asks for."""
    if entity == "Payment":
        return _delete(org, entity, record_id, params)
    if entity != "Invoice":
        raise ControlError("only an invoice or a payment can be voided")
    for row in org.paid(record_id):
        sales.delete_payment(org, row)
    draft = org.tables["Invoice"][record_id]["Status"] in ("DRAFT", "SUBMITTED")
    return _write(org, entity, {"InvoiceID": record_id, "Status": "DELETED" if draft else "VOIDED"})


def _delete(org: Organisation, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    if entity == "Payment":
        sales.delete_payment(org, org.tables["Payment"][record_id])
        return record_id
    if entity == "Invoice":
        return _void(org, entity, record_id, params)
    if entity == "Contact":
        return _archive(org, entity, record_id, params)
    org.delete(entity, record_id)
    return ""


def _archive(org: Organisation, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    return _set_status(org, entity, record_id, "ARCHIVED")


def _restore(org: Organisation, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    """Only people can do this: the API has no way back (contract 3.1)."""
    return _set_status(org, entity, record_id, "ACTIVE")


def _set_status(org: Organisation, entity: str, record_id: str, status: str) -> str:
    field = {"Contact": "ContactStatus", "Account": "Status"}.get(entity)
    if field is None:
        raise ControlError(f"Xero cannot archive a {entity.lower()}")
    org.put(entity, {**org.tables[entity][record_id], field: status})
    return record_id


def _pay(org: Organisation, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    """Somebody records a payment of an invoice by hand; without an amount, all that is open."""
    if entity != "Invoice":
        raise ControlError("only an invoice can be paid")
    amount = params.get("amount") or params.get("value") or org.tables["Invoice"][record_id]["AmountDue"]
    rest = {name: value for name, value in params.items() if name not in ("amount", "value")}
    _create(org, "Payment", "", {"invoice_id": record_id, "amount": amount, **rest})
    return record_id


def _deposit(org: Organisation, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    """Reconcile a payment with the bank statement; from then on it cannot be deleted by a program."""
    if entity != "Payment":
        raise ControlError("only a payment can be reconciled")
    org.reconciled.add(record_id)
    return record_id


def _merge(org: Organisation, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    """Merge a contact into another: its invoices move, it is archived and tells where it went."""
    target = str(params.get("into") or params.get("value") or "")
    if entity != "Contact" or target == record_id or org.get("Contact", target) is None:
        raise ControlError("only a contact can be merged, and only into another one ('into')")
    for row in list(org.tables["Invoice"].values()):
        if row["_contact"] == record_id:
            org.put("Invoice", {**row, "_contact": target})
    gone = {**org.tables["Contact"][record_id], "ContactStatus": "ARCHIVED", "MergedToContactID": target}
    org.put("Contact", gone)
    return target


_ACTIONS: dict[str, Callable[[Organisation, str, str, Mapping[str, Any]], str]] = {
    "change": _change,
    "create": _create,
    "void": _void,
    "delete": _delete,
    "archive": _archive,
    "deactivate": _archive,
    "restore": _restore,
    "reactivate": _restore,
    "pay": _pay,
    "deposit": _deposit,
    "merge": _merge,
}
