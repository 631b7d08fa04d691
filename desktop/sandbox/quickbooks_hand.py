"""QuickBooks' books in plain words, and changes made to them by hand (as if somebody worked in QuickBooks itself)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from desktop.sandbox import quickbooks_sales as sales
from desktop.sandbox.quickbooks_books import Realm
from desktop.sandbox.quickbooks_calls import Desk
from desktop.sandbox.quickbooks_errors import Refused
from desktop.sandbox.service import Call, ControlError, Json, from_json, money_text, to_json

ENTITY_OF = {
    "customer": "Customer",
    "item": "Item",
    "account": "Account",
    "invoice": "Invoice",
    "payment": "Payment",
    "vendor": "Vendor",
    "employee": "Employee",
    "payment_method": "PaymentMethod",
    "tax_code": "TaxCode",
}


# --- the books as plain JSON ---


def books(realm: Realm) -> Json:
    tables = realm.tables
    info = tables["CompanyInfo"]["1"]
    return {
        "company": {
            "id": realm.id,
            "name": info["CompanyName"],
            "legal_name": info["LegalName"],
            "country": realm.country,
            "currency": realm.currency,
        },
        "customers": [customer_row(record) for record in tables["Customer"].values()],
        "items": [item_row(record) for record in tables["Item"].values()],
        "accounts": [account_row(record) for record in tables["Account"].values()],
        "tax_codes": [_tax_row(realm, record) for record in tables["TaxCode"].values()],
        "invoices": [invoice_row(record) for record in tables["Invoice"].values()],
        "payments": [_payment_row(realm, record) for record in tables["Payment"].values()],
    }


def customer_row(record: Json) -> Json:
    address = record.get("BillAddr", {})
    return {
        "id": record["Id"],
        "display_name": record["DisplayName"],
        "given_name": record.get("GivenName", ""),
        "family_name": record.get("FamilyName", ""),
        "company_name": record.get("CompanyName", ""),
        "email": record.get("PrimaryEmailAddr", {}).get("Address", ""),
        "phone": record.get("PrimaryPhone", {}).get("FreeFormNumber", ""),
        "address": {
            "line1": address.get("Line1", ""),
            "city": address.get("City", ""),
            "region": address.get("CountrySubDivisionCode", ""),
            "postal_code": address.get("PostalCode", ""),
            "country": address.get("Country", ""),
        },
        "notes": record.get("Notes", ""),
        "active": record["Active"],
        "balance": money_text(record.get("Balance")),
        "version": record["SyncToken"],
    }


def item_row(record: Json) -> Json:
    return {
        "id": record["Id"],
        "name": record["Name"],
        "type": record["Type"],
        "description": record.get("Description", ""),
        "sku": record.get("Sku", ""),
        "unit_price": money_text(record.get("UnitPrice")),
        "income_account_id": record.get("IncomeAccountRef", {}).get("value"),
        "active": record["Active"],
        "taxable": record.get("Taxable", False),
        "version": record["SyncToken"],
    }


def account_row(record: Json) -> Json:
    return {
        "id": record["Id"],
        "name": record["Name"],
        "type": record["AccountType"],
        "subtype": record["AccountSubType"],
        "active": record["Active"],
        "version": record["SyncToken"],
    }


def _tax_row(realm: Realm, record: Json) -> Json:
    uses = record.get("SalesTaxRateList", {}).get("TaxRateDetail", ())
    rate = sum((realm.tables["TaxRate"][use["TaxRateRef"]["value"]]["RateValue"] for use in uses), Decimal(0))
    return {"id": record["Id"], "name": record["Name"], "rate": str(rate), "active": record["Active"]}


def invoice_row(record: Json) -> Json:
    discount = sum(
        (line["Amount"] for line in record["Line"] if line["DetailType"] == "DiscountLineDetail"), Decimal(0)
    )
    status = "void" if sales.is_voided(record) else "open" if record["Balance"] > 0 else "paid"
    return {
        "id": record["Id"],
        "number": record.get("DocNumber"),
        "customer_id": record["CustomerRef"]["value"],
        "date": record["TxnDate"],
        "due_date": record["DueDate"],
        "lines": [_line_row(line) for line in record["Line"] if "Id" in line],
        "discount": money_text(discount),
        "tax": money_text(record["TxnTaxDetail"]["TotalTax"]),
        "total": money_text(record["TotalAmt"]),
        "balance": money_text(record["Balance"]),
        "status": status,
        "note": record.get("PrivateNote", ""),
        "memo": record.get("CustomerMemo", {}).get("value", ""),
        "version": record["SyncToken"],
    }


def _line_row(line: Json) -> Json:
    detail = line.get("SalesItemLineDetail", {})
    return {
        "id": line["Id"],
        "item_id": detail.get("ItemRef", {}).get("value"),
        "description": line.get("Description", ""),
        "quantity": str(detail.get("Qty", "")),
        "unit_price": str(detail.get("UnitPrice", "")),
        "amount": money_text(line.get("Amount")),
        "tax_code": detail.get("TaxCodeRef", {}).get("value", ""),
    }


def _payment_row(realm: Realm, record: Json) -> Json:
    status = "void" if sales.is_voided(record) else "deposited" if record["Id"] in realm.deposited else "recorded"
    return {
        "id": record["Id"],
        "customer_id": record["CustomerRef"]["value"],
        "date": record["TxnDate"],
        "amount": money_text(record["TotalAmt"]),
        "method": record.get("PaymentMethodRef", {}).get("name", ""),
        "reference": record.get("PaymentRefNum", ""),
        "deposit_account_id": record["DepositToAccountRef"]["value"],
        "note": record.get("PrivateNote", ""),
        "allocations": [
            {"invoice_id": invoice_id, "amount": money_text(amount)}
            for invoice_id, amount in sales.allocations(record).items()
        ],
        "unapplied": money_text(record["UnappliedAmt"]),
        "status": status,
        "version": record["SyncToken"],
    }


# --- hand edits ---

_PLAIN: dict[str, dict[str, tuple[str, ...]]] = {
    "Customer": {
        "display_name": ("DisplayName",),
        "given_name": ("GivenName",),
        "family_name": ("FamilyName",),
        "company_name": ("CompanyName",),
        "email": ("PrimaryEmailAddr", "Address"),
        "phone": ("PrimaryPhone", "FreeFormNumber"),
        "notes": ("Notes",),
        "active": ("Active",),
    },
    "Item": {
        "name": ("Name",),
        "type": ("Type",),
        "unit_price": ("UnitPrice",),
        "description": ("Description",),
        "sku": ("Sku",),
        "taxable": ("Taxable",),
        "income_account_id": ("IncomeAccountRef", "value"),
        "active": ("Active",),
    },
    "Account": {"name": ("Name",), "type": ("AccountType",), "subtype": ("AccountSubType",), "active": ("Active",)},
    "Invoice": {
        "number": ("DocNumber",),
        "customer_id": ("CustomerRef", "value"),
        "date": ("TxnDate",),
        "due_date": ("DueDate",),
        "note": ("PrivateNote",),
        "memo": ("CustomerMemo", "value"),
        "email": ("BillEmail", "Address"),
    },
    "Payment": {
        "customer_id": ("CustomerRef", "value"),
        "date": ("TxnDate",),
        "amount": ("TotalAmt",),
        "reference": ("PaymentRefNum",),
        "note": ("PrivateNote",),
        "deposit_account_id": ("DepositToAccountRef", "value"),
    },
    "Vendor": {"display_name": ("DisplayName",), "active": ("Active",)},
    "Employee": {"display_name": ("DisplayName",), "active": ("Active",)},
    "PaymentMethod": {"name": ("Name",), "active": ("Active",)},
}
_ADDRESS = {
    "line1": "Line1",
    "city": "City",
    "region": "CountrySubDivisionCode",
    "postal_code": "PostalCode",
    "country": "Country",
}


def edit(realm: Realm, kind: str, record_id: str, action: str, params: Mapping[str, Any]) -> Json:
    """Do `action` as a person would in QuickBooks. Returns the record as `books` shows it ({} once deleted).

    The rules of the service hold for people too; a refusal comes back as `ControlError` with its code.
    """
    entity = ENTITY_OF.get(kind)
    maker = _ACTIONS.get(action)
    if entity is None or maker is None:
        raise ControlError(
            f"cannot {action!r} a {kind!r}; kinds: {', '.join(ENTITY_OF)}; actions: {', '.join(_ACTIONS)}"
        )
    if action != "create" and realm.get(entity, record_id) is None:
        raise ControlError(f"there is no {kind} {record_id}")
    try:
        found = maker(realm, entity, record_id, params)
    except Refused as refused:
        raise ControlError(f"QuickBooks refuses: {refused}") from refused
    realm.mark()
    return _row(realm, kind, found) if found else {}


def _row(realm: Realm, kind: str, record_id: str) -> Json:
    entity = ENTITY_OF[kind]
    record = realm.tables[entity].get(record_id, {})
    makers: dict[str, Callable[[Json], Json]] = {
        "customer": customer_row,
        "item": item_row,
        "account": account_row,
        "invoice": invoice_row,
        "payment": lambda row: _payment_row(realm, row),
        "tax_code": lambda row: _tax_row(realm, row),
    }
    maker = makers.get(kind)
    return maker(record) if maker else {"id": record_id, "active": record.get("Active", True)}


def _write(realm: Realm, entity: str, record_id: str, fields: Json, operation: str = "", options: str = "") -> str:
    body: Json = from_json(to_json(fields))
    if record_id:
        body |= {"Id": record_id, "SyncToken": realm.tables[entity][record_id]["SyncToken"], "sparse": True}
    answer = Desk(realm, Call(op="edit")).write(entity, operation, options, body, "")
    return str(answer[entity]["Id"])


def _change(realm: Realm, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    return _write(realm, entity, record_id, _wire(realm, entity, params))


def _create(realm: Realm, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    return _write(realm, entity, "", _wire(realm, entity, params))


def _wire(realm: Realm, entity: str, params: Mapping[str, Any]) -> Json:
    """Neutral names to QuickBooks'; a name that starts with a capital letter is taken as QuickBooks' own."""
    fields: Json = {}
    for name, value in params.items():
        if name[:1].isupper():
            fields[name] = value
        elif name == "address" and isinstance(value, Mapping):
            fields["BillAddr"] = {_ADDRESS[key]: item for key, item in value.items() if key in _ADDRESS}
        elif name == "lines":
            fields["Line"] = [_wire_line(line) for line in value]
        elif name == "tax_code_id":
            fields["TxnTaxDetail"] = {"TxnTaxCodeRef": {"value": str(value)}}
        elif name == "method":
            owner = realm.name_owner("PaymentMethod", str(value))
            fields["PaymentMethodRef"] = {"value": owner[1] if owner else "?"}
        elif name == "allocations":
            fields["Line"] = [_wire_allocation(part["invoice_id"], part["amount"]) for part in value]
        else:
            path = _PLAIN.get(entity, {}).get(name)
            if path is None:
                raise ControlError(f"{entity} has no {name!r}")
            fields[path[0]] = value if len(path) == 1 else {path[1]: value}
    return fields


def _wire_line(line: Mapping[str, Any]) -> Json:
    try:
        quantity, price = Decimal(str(line.get("quantity", 1))), Decimal(str(line.get("unit_price", 0)))
    except InvalidOperation:
        raise ControlError(f"cannot read the numbers of the line {dict(line)}") from None
    detail: Json = {"Qty": quantity, "UnitPrice": price, "TaxCodeRef": {"value": line.get("tax_code") or "NON"}}
    if line.get("item_id"):
        detail["ItemRef"] = {"value": line["item_id"]}
    return {
        "DetailType": "SalesItemLineDetail",
        "Description": line.get("description", ""),
        "Amount": line.get("amount") or str((quantity * price).quantize(Decimal("0.01"))),
        "SalesItemLineDetail": detail,
    }


def _wire_allocation(invoice_id: Any, amount: Any) -> Json:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": str(invoice_id), "TxnType": "Invoice"}]}


def _void(realm: Realm, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    operation, options = ("update", "void") if entity == "Payment" else ("void", "")
    return _write(realm, entity, record_id, {}, operation, options)


def _delete(realm: Realm, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    """A person may delete an invoice with payments: QuickBooks asks, and unlinks them."""
    if entity == "Invoice":
        for payment_id in realm.payments_of(realm.tables["Invoice"][record_id]):
            rest = {k: v for k, v in sales.allocations(realm.tables["Payment"][payment_id]).items() if k != record_id}
            lines = [_wire_allocation(invoice_id, amount) for invoice_id, amount in rest.items()]
            _write(realm, "Payment", payment_id, {"Line": lines})
    _write(realm, entity, record_id, {}, "delete")
    return ""


def _archive(realm: Realm, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    return _set_active(realm, entity, record_id, False)


def _restore(realm: Realm, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    return _set_active(realm, entity, record_id, True)


def _set_active(realm: Realm, entity: str, record_id: str, active: bool) -> str:
    if entity in ("Invoice", "Payment"):
        raise ControlError("QuickBooks cannot archive a transaction")
    return str(realm.update(entity, {**realm.tables[entity][record_id], "Active": active})["Id"])


def _pay(realm: Realm, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    """Somebody records a payment of an invoice by hand; without an amount, all that is open."""
    invoice = realm.tables["Invoice"].get(record_id)
    if entity != "Invoice" or invoice is None:
        raise ControlError("only an invoice can be paid")
    amount = params.get("amount") or params.get("value") or invoice["Balance"]
    rest = {name: value for name, value in params.items() if name not in ("amount", "value")}
    fields = {
        "CustomerRef": {"value": invoice["CustomerRef"]["value"]},
        "TotalAmt": amount,
        "Line": [_wire_allocation(record_id, amount)],
        **_wire(realm, "Payment", rest),
    }
    _write(realm, "Payment", "", fields)
    return record_id


def _deposit(realm: Realm, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    """Put a payment into a bank deposit; from then on 6540 guards it."""
    if entity != "Payment":
        raise ControlError("only a payment can be deposited")
    realm.deposited.add(record_id)
    return record_id


def _merge(realm: Realm, entity: str, record_id: str, params: Mapping[str, Any]) -> str:
    """Merge a customer into another: its transactions move, and it is gone for good."""
    target = str(params.get("into") or params.get("value") or "")
    if entity != "Customer" or target == record_id or realm.get("Customer", target) is None:
        raise ControlError("only a customer can be merged, and only into another one ('into')")
    reference = {"value": target, "name": realm.tables["Customer"][target]["DisplayName"]}
    for kind, record in list(realm.transactions_of(record_id)):
        realm.update(kind, {**record, "CustomerRef": reference})
    realm.delete("Customer", record_id)
    realm.settle_customer(target)
    return target


_ACTIONS: dict[str, Callable[[Realm, str, str, Mapping[str, Any]], str]] = {
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
ACTIONS = frozenset(_ACTIONS)
