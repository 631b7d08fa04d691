"""Wave's books in plain words, and changes made to them by hand (as if somebody worked in Wave itself)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from desktop.sandbox import wave_writes as writes
from desktop.sandbox.service import ControlError, Json, money_text
from desktop.sandbox.wave_books import TYPE_OF, Business, Row, plain

TABLE_OF = {
    "customer": "Customer",
    "item": "Product",
    "account": "Account",
    "invoice": "Invoice",
    "payment": "InvoicePayment",
    "tax_code": "SalesTax",
}


# --- the books as plain JSON ---


def books(home: Business) -> Json:
    info = home.info
    return {
        "company": {
            "id": home.id,
            "name": info["name"],
            "legal_name": info["name"],
            "country": info["country"],
            "currency": home.currency,
        },
        "customers": [show_row("customer", row) for row in home.rows("Customer")],
        "items": [show_row("item", row) for row in home.rows("Product")],
        "accounts": [show_row("account", row) for row in home.rows("Account")],
        "tax_codes": [show_row("tax_code", row) for row in home.rows("SalesTax")],
        "invoices": [show_row("invoice", row) for row in home.rows("Invoice")],
        "payments": [show_row("payment", row) for row in home.rows("InvoicePayment")],
    }


def show_row(kind: str, row: Row) -> Json:
    return {"id": row.id, **_SHOWS[kind](row), "version": row.data["modifiedAt"]}


def _customer(row: Row) -> Json:
    record, address = row.data, row.data["address"] or {}
    owed = sum((row.home.due(one) for one in row.home.invoices_of(row.id) if not one["isDraft"]), Decimal(0))
    return {
        "display_name": record["name"],
        "given_name": record.get("firstName") or "",
        "family_name": record.get("lastName") or "",
        "company_name": "",
        "email": record["email"] or "",
        "phone": record.get("phone") or "",
        "address": {
            "line1": address.get("addressLine1") or "",
            "city": address.get("city") or "",
            "region": (address.get("provinceCode") or "").partition("-")[2],
            "postal_code": address.get("postalCode") or "",
            "country": address.get("countryCode") or "",
        },
        "notes": record["internalNotes"] or "",
        "number": record["displayId"] or "",
        "active": not record["isArchived"],
        "balance": money_text(owed),
    }


def _item(row: Row) -> Json:
    record = row.data
    return {
        "name": record["name"],
        "type": "Service",
        "description": record["description"] or "",
        "sku": "",
        "unit_price": money_text(record["unitPrice"]),
        "income_account_id": record["incomeAccountId"],
        "active": not record["isArchived"],
        "taxable": bool(record["defaultSalesTaxIds"]),
    }


def _account(row: Row) -> Json:
    subtype = row.data["subtype"]
    shown = {"type": TYPE_OF[subtype], "subtype": subtype, "active": not row.data["isArchived"]}
    return {"name": row.data["name"], **shown}


def _tax(row: Row) -> Json:
    rate = plain(row.data["rate"] * 100)
    return {"name": row.data["name"], "rate": rate, "active": not row.data["isArchived"]}


def _invoice(row: Row) -> Json:
    record, due = row.data, row.home.due(row.data)
    status = "draft" if record["isDraft"] else "open" if due > 0 else "paid"
    return {
        "number": record["invoiceNumber"],
        "customer_id": record["customerId"],
        "date": record["invoiceDate"].isoformat(),
        "due_date": record["dueDate"].isoformat(),
        "lines": [
            {
                "id": item["id"],
                "item_id": item["productId"],
                "description": item["description"] or "",
                "quantity": plain(item["quantity"]),
                "unit_price": plain(item["unitPrice"]),
                "amount": money_text(item["subtotal"]),
                "tax_code": (item["taxIds"] or [""])[0],
            }
            for item in record["items"]
        ],
        "discount": money_text(record["discountTotal"]),
        "tax": money_text(record["taxTotal"]),
        "total": money_text(record["total"]),
        "balance": money_text(due),
        "status": status,
        "sent": record["lastSentAt"] is not None,
        "note": "",
        "memo": record.get("memo") or "",
    }


def _payment(row: Row) -> Json:
    record = row.data
    invoice = row.home.tables["Invoice"].get(record["invoiceId"], {})
    return {
        "customer_id": invoice.get("customerId", ""),
        "date": record["paymentDate"].isoformat(),
        "amount": money_text(record["amount"]),
        "method": record["paymentMethod"],
        "reference": (record["memo"] or "").partition(" [bc:")[0],
        "deposit_account_id": record["accountId"],
        "note": record["memo"] or "",
        "allocations": [{"invoice_id": record["invoiceId"], "amount": money_text(record["amount"])}],
        "unapplied": "0.00",
        "status": "recorded",
    }


_SHOWS: dict[str, Callable[[Row], Json]] = {
    "customer": _customer,
    "item": _item,
    "account": _account,
    "tax_code": _tax,
    "invoice": _invoice,
    "payment": _payment,
}


# --- hand edits ---

_PLAIN: dict[str, dict[str, str]] = {
    "customer": {
        "display_name": "name",
        "given_name": "firstName",
        "family_name": "lastName",
        "email": "email",
        "phone": "phone",
        "notes": "internalNotes",
        "number": "displayId",
    },
    "item": {
        "name": "name",
        "unit_price": "unitPrice",
        "description": "description",
        "income_account_id": "incomeAccountId",
    },
    "invoice": {
        "number": "invoiceNumber",
        "customer_id": "customerId",
        "date": "invoiceDate",
        "due_date": "dueDate",
        "memo": "memo",
    },
    "payment": {
        "date": "paymentDate",
        "amount": "amount",
        "method": "paymentMethod",
        "note": "memo",
        "reference": "memo",
        "deposit_account_id": "paymentAccountId",
    },
    "account": {"name": "name", "subtype": "subtype"},
    "tax_code": {"name": "name", "rate": "rate"},
}
_ADDRESS = {"line1": "addressLine1", "line2": "addressLine2", "city": "city", "postal_code": "postalCode"}
_MONEY = frozenset({"unitPrice", "amount"})
_DATES = frozenset({"invoiceDate", "dueDate", "paymentDate"})


class _Hand:
    """A person at work in one business; the rules of the service hold for people too."""

    extra_cents = 0

    def __init__(self, home: Business) -> None:
        self._home = home

    def business(self, business_id: str) -> Business | None:
        return self._home if business_id == self._home.id else None

    def holder(self, table: str, record_id: str) -> Business | None:
        return self._home if self._home.get(table, record_id) is not None else None

    def change(self, kind: str, record_id: str, action: str) -> None:
        """The ledger is about calls, not about people."""


def edit(home: Business, kind: str, record_id: str, action: str, params: Mapping[str, Any]) -> Json:
    """Do `action` as a person would in Wave. Returns the record as `books` shows it ({} once deleted).

    A refusal of the service comes back as `ControlError` with its words.
    """
    table, maker = TABLE_OF.get(kind), _ACTIONS.get(action)
    if table is None or maker is None:
        raise ControlError(
            f"cannot {action!r} a {kind!r}; kinds: {', '.join(TABLE_OF)}; actions: {', '.join(_ACTIONS)}"
        )
    if action != "create" and home.get(table, record_id) is None:
        raise ControlError(f"there is no {kind} {record_id}")
    try:
        found = maker(home, kind, record_id, params)
    except writes.Declined as declined:
        raise ControlError(f"Wave refuses: {declined}") from declined
    except InvalidOperation:
        raise ControlError("cannot read the numbers") from None
    home.mark()
    return show_row(kind, home.row(table, found)) if found else {}


def _wire(kind: str, params: Mapping[str, Any]) -> Json:
    fields: Json = {}
    for name, value in params.items():
        wire = _PLAIN[kind].get(name)
        if name == "address" and kind == "customer" and isinstance(value, Mapping):
            fields["address"] = {_ADDRESS[key]: item for key, item in value.items() if key in _ADDRESS}
            fields["address"] |= {"countryCode": value.get("country") or None}
            region = value.get("region")
            fields["address"]["provinceCode"] = f"{value.get('country') or 'US'}-{region}" if region else None
        elif name == "lines" and kind == "invoice":
            fields["items"] = [_line(line) for line in value]
        elif wire is None:
            raise ControlError(f"{kind} has no {name!r}")
        elif wire in _MONEY or wire == "rate":
            fields[wire] = Decimal(str(value)) / (100 if wire == "rate" else 1)
        else:
            fields[wire] = dt.date.fromisoformat(value) if wire in _DATES else value
    return fields


def _line(line: Mapping[str, Any]) -> Json:
    code = line.get("tax_code")
    return {
        "productId": str(line.get("item_id") or ""),
        "description": line.get("description", ""),
        "quantity": Decimal(str(line.get("quantity", 1))),
        "unitPrice": Decimal(str(line.get("unit_price", 0))),
        "taxes": [{"salesTaxId": code}] if code and code not in ("NON", "TAX") else [],
    }


def _change(home: Business, kind: str, record_id: str, params: Mapping[str, Any]) -> str:
    fields, switch = dict(params), params.get("active")
    fields.pop("active", None)
    if switch is not None:
        _set_active(home, kind, record_id, bool(switch))
    wanted = {"id": record_id, **_wire(kind, fields)}
    act = {
        "customer": writes.customer_patch,
        "item": writes.product_patch,
        "invoice": writes.invoice_patch,
        "payment": writes.payment_patch,
    }.get(kind)
    if act is not None:
        return act(_Hand(home), wanted).id
    return home.update(TABLE_OF[kind], record_id, {k: v for k, v in wanted.items() if k != "id"}).id


def _create(home: Business, kind: str, record_id: str, params: Mapping[str, Any]) -> str:
    wanted = _wire(kind, {k: v for k, v in params.items() if k not in ("active", "allocations", "type", "taxable")})
    hand = _Hand(home)
    if kind == "customer":
        return writes.customer_create(hand, {"businessId": home.id, **wanted}).id
    if kind == "item":
        return writes.product_create(hand, {"businessId": home.id, "unitPrice": Decimal(0), **wanted}).id
    if kind == "invoice":
        return writes.invoice_create(hand, {"businessId": home.id, "status": "SAVED", **wanted}).id
    if kind == "payment":
        parts = params.get("allocations") or [{}]
        return _paid(home, str(parts[0].get("invoice_id", "")), wanted)
    if kind == "account":
        subtype = wanted.get("subtype", "INCOME")
        if subtype not in TYPE_OF:
            raise ControlError(f"no such subtype: {subtype}")
        blank = {"isArchived": False, "currency": home.currency, "displayId": None, "description": None}
        fields = {**blank, "sequence": len(home.tables["Account"]) + 1, "subtype": subtype, **wanted}
        return home.create("Account", fields).id
    raise ControlError(f"cannot create a {kind!r} by hand")


def _paid(home: Business, invoice_id: str, wanted: Json) -> str:
    account = next(row.id for row in home.rows("Account") if row.data["subtype"] == "CASH_AND_BANK")
    usual = {
        "invoiceId": invoice_id,
        "exchangeRate": Decimal(1),
        "paymentDate": home.today(),
        "paymentMethod": "UNSPECIFIED",
        "paymentAccountId": account,
    }
    return writes.payment_create(_Hand(home), {**usual, **wanted}).id


def _delete(home: Business, kind: str, record_id: str, params: Mapping[str, Any]) -> str:
    """Wave has no voiding: what a person undoes is deleted, an invoice with its payments."""
    hand = _Hand(home)
    if kind == "invoice":
        for payment in home.payments_of(record_id):
            writes.payment_delete(hand, {"id": payment["id"]})
        writes.invoice_delete(hand, {"invoiceId": record_id})
    elif kind == "payment":
        writes.payment_delete(hand, {"id": record_id})
    elif kind == "customer":
        writes.customer_delete(hand, {"id": record_id})
    else:
        home.delete(TABLE_OF[kind], record_id)
    return ""


def _archive(home: Business, kind: str, record_id: str, params: Mapping[str, Any]) -> str:
    return _set_active(home, kind, record_id, False)


def _restore(home: Business, kind: str, record_id: str, params: Mapping[str, Any]) -> str:
    return _set_active(home, kind, record_id, True)


def _set_active(home: Business, kind: str, record_id: str, active: bool) -> str:
    if kind in ("invoice", "payment"):
        raise ControlError("Wave cannot archive a transaction")
    return home.update(TABLE_OF[kind], record_id, {"isArchived": not active}).id


def _pay(home: Business, kind: str, record_id: str, params: Mapping[str, Any]) -> str:
    """Somebody records a payment of an invoice by hand; without an amount, all that is open."""
    if kind != "invoice":
        raise ControlError("only an invoice can be paid")
    amount = params.get("amount") or params.get("value") or home.due(home.tables["Invoice"][record_id])
    rest = {name: value for name, value in params.items() if name not in ("amount", "value")}
    _paid(home, record_id, {**_wire("payment", rest), "amount": Decimal(str(amount))})
    return record_id


def _merge(home: Business, kind: str, record_id: str, params: Mapping[str, Any]) -> str:
    """Merge a customer into another: its invoices move, and it is gone for good."""
    target = str(params.get("into") or params.get("value") or "")
    if kind != "customer" or target == record_id or home.get("Customer", target) is None:
        raise ControlError("only a customer can be merged, and only into another one ('into')")
    for invoice in list(home.invoices_of(record_id)):
        home.update("Invoice", invoice["id"], {"customerId": target})
    home.delete("Customer", record_id)
    return target


_ACTIONS: dict[str, Callable[[Business, str, str, Mapping[str, Any]], str]] = {
    "change": _change,
    "create": _create,
    "void": _delete,
    "delete": _delete,
    "archive": _archive,
    "deactivate": _archive,
    "restore": _restore,
    "reactivate": _restore,
    "pay": _pay,
    "merge": _merge,
}
