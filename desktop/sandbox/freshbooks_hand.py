"""FreshBooks' books in plain words, and changes made to them by hand (as if somebody worked in FreshBooks itself)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from desktop.sandbox import freshbooks_names as names
from desktop.sandbox import freshbooks_sales as sales
from desktop.sandbox.freshbooks_books import ACTIVE, ARCHIVED, DELETED, ZERO, Account, value_of
from desktop.sandbox.freshbooks_errors import Refused
from desktop.sandbox.service import ControlError, Json, from_json, money_text, to_json

RESOURCE_OF = {
    "customer": "clients", "item": "items", "invoice": "invoices", "payment": "payments", "tax_code": "taxes",
}  # fmt: skip


# --- the books as plain JSON; what was deleted is left out ---


def books(account: Account) -> Json:
    live = {
        resource: [row for row in account.tables[resource].values() if row["vis_state"] != DELETED]
        for resource in RESOURCE_OF.values()
    }
    owed: dict[int, Decimal] = {}
    for invoice in live["invoices"]:
        if invoice["sent"]:
            rest = value_of(invoice["amount"]) - account.paid(invoice)
            owed[invoice["customerid"]] = owed.get(invoice["customerid"], ZERO) + rest
    return {
        "company": {
            "id": account.id,
            "name": account.title,
            "legal_name": account.title,
            "country": account.country,
            "currency": account.currency,
        },
        "customers": [customer_row(row, owed.get(row["id"], ZERO)) for row in live["clients"]],
        "items": [item_row(row) for row in live["items"]],
        "accounts": [_account_row(row) for row in account.ledger],
        "tax_codes": [_tax_row(row) for row in live["taxes"]],
        "invoices": [invoice_row(account, row) for row in live["invoices"]],
        "payments": [payment_row(account, row) for row in live["payments"]],
    }


def display_name(client: Json) -> str:
    person = f"{client['fname']} {client['lname']}".strip()
    return str(client["organization"] or person or client["email"])


def customer_row(client: Json, balance: Decimal) -> Json:
    return {
        "id": str(client["id"]),
        "display_name": display_name(client),
        "given_name": client["fname"],
        "family_name": client["lname"],
        "company_name": client["organization"],
        "email": client["email"],
        "phone": client["bus_phone"] or client["mob_phone"] or client["home_phone"],
        "address": {
            "line1": client["p_street"],
            "city": client["p_city"],
            "region": client["p_province"],
            "postal_code": client["p_code"],
            "country": client["p_country"],
        },
        "notes": client["note"],
        "active": client["vis_state"] == ACTIVE,
        "balance": money_text(balance),
        "version": client["updated"],
    }


def item_row(item: Json) -> Json:
    return {
        "id": str(item["id"]),
        "name": item["name"],
        "type": "Service" if item["inventory"] is None else "Inventory",
        "description": item["description"],
        "sku": item["sku"],
        "unit_price": money_text(item["unit_cost"]["amount"]),
        "income_account_id": None,
        "active": item["vis_state"] == ACTIVE,
        "taxable": bool(item["tax1"] or item["tax2"]),
        "version": item["updated"],
    }


def _account_row(row: Json) -> Json:
    return {
        "id": row["uuid"],
        "name": row["name"],
        "type": row["type"],
        "subtype": row["sub_type"],
        "active": row["state"] == "active",
        "version": row["updated_at"],
    }


def _tax_row(tax: Json) -> Json:
    return {"id": str(tax["id"]), "name": tax["name"], "rate": tax["amount"], "active": True}


def invoice_row(account: Account, invoice: Json) -> Json:
    total, paid = value_of(invoice["amount"]), account.paid(invoice)
    discount = -value_of(invoice["discount_total"])
    subtotal = sum((value_of(line["amount"]) for line in invoice["lines"]), ZERO)
    _, state, payment_status = account.state_of(invoice)
    status = "draft" if state == "draft" else "paid" if payment_status == "paid" else "open"
    return {
        "id": str(invoice["id"]),
        "number": invoice["invoice_number"],
        "customer_id": str(invoice["customerid"]),
        "date": invoice["create_date"],
        "due_date": invoice["due_date"],
        "lines": [_line_row(line) for line in invoice["lines"]],
        "discount": money_text(discount),
        "tax": money_text(total - subtotal + discount),
        "total": money_text(total),
        "balance": money_text(total - paid),
        "status": status,
        "note": "",
        "memo": invoice["notes"],
        "version": invoice["updated"],
    }


def _line_row(line: Json) -> Json:
    return {
        "id": str(line["lineid"]),
        "item_id": None,
        "description": "\n".join(part for part in (line["name"], line["description"]) if part),
        "quantity": line["qty"],
        "unit_price": line["unit_cost"]["amount"],
        "amount": money_text(line["amount"]["amount"]),
        "tax_code": line["taxName1"],
    }


def payment_row(account: Account, payment: Json) -> Json:
    return {
        "id": str(payment["id"]),
        "customer_id": str(payment["clientid"]),
        "date": payment["date"],
        "amount": money_text(payment["amount"]["amount"]),
        "method": payment["type"],
        "reference": payment["note"],
        "deposit_account_id": None,
        "note": payment["note"],
        "allocations": [{"invoice_id": str(payment["invoiceid"]), "amount": money_text(account.applied(payment))}],
        "unapplied": money_text(payment["over"]),
        "status": "recorded",
        "version": payment["updated"],
    }


# --- hand edits ---

_PLAIN: dict[str, dict[str, str]] = {
    "clients": {
        "given_name": "fname", "family_name": "lname", "company_name": "organization", "email": "email",
        "phone": "bus_phone", "notes": "note",
    },
    "items": {"name": "name", "description": "description", "sku": "sku"},
    "invoices": {"number": "invoice_number", "customer_id": "customerid", "date": "create_date", "memo": "notes"},
    "payments": {"date": "date", "method": "type", "reference": "note", "note": "note"},
    "taxes": {"name": "name", "rate": "amount"},
}  # fmt: skip
_ADDRESS = {
    "line1": "p_street", "city": "p_city", "region": "p_province", "postal_code": "p_code", "country": "p_country",
}  # fmt: skip


def edit(account: Account, kind: str, record_id: str, action: str, params: Mapping[str, Any]) -> Json:
    """Do `action` as a person would in FreshBooks. Returns the record as `books` shows it ({} once deleted).

    The rules of the service hold for people too; a refusal comes back as `ControlError` with its errno.
    """
    resource, maker = RESOURCE_OF.get(kind), _ACTIONS.get(action)
    if resource is None or maker is None:
        raise ControlError(
            f"cannot {action!r} a {kind!r}; kinds: {', '.join(RESOURCE_OF)}; actions: {', '.join(_ACTIONS)}"
        )
    number = int(record_id) if record_id.isdigit() else 0
    record = account.get(resource, number)
    if action != "create" and record is None:
        raise ControlError(f"there is no {kind} {record_id}")
    try:
        found = maker(account, resource, record or {}, params)
    except Refused as refused:
        raise ControlError(f"FreshBooks refuses: {refused}") from refused
    return _row(account, resource, found)


def _row(account: Account, resource: str, record: Json) -> Json:
    if record["vis_state"] == DELETED:
        return {}
    if resource == "clients":
        return customer_row(record, ZERO)
    if resource == "items":
        return item_row(record)
    if resource == "invoices":
        return invoice_row(account, account.tables["invoices"][record["id"]])
    return payment_row(account, record) if resource == "payments" else _tax_row(record)


def _write(account: Account, resource: str, record: Json, body: Json) -> Json:
    body = from_json(to_json(body))
    writers: dict[str, tuple[Callable[..., Json], Callable[..., Json]]] = {
        "clients": (names.create_client, names.update_client),
        "items": (names.create_item, names.update_item),
        "invoices": (sales.create_invoice, sales.update_invoice),
        "payments": (sales.create_payment, sales.update_payment),
        "taxes": (names.create_tax, names.update_tax),
    }
    create, update = writers[resource]
    return update(account, record, body) if record else create(account, body)


def _change(account: Account, resource: str, record: Json, params: Mapping[str, Any]) -> Json:
    return _write(account, resource, record, _wire(account, resource, record, params))


def _create(account: Account, resource: str, record: Json, params: Mapping[str, Any]) -> Json:
    """What a person makes by hand is sent at once."""
    made = _write(account, resource, {}, _wire(account, resource, {}, params))
    if resource == "invoices" and not params.get("draft"):
        made = sales.update_invoice(account, made, {"action_mark_as_sent": True})
    return made


def _wire(account: Account, resource: str, record: Json, params: Mapping[str, Any]) -> Json:
    """Neutral names to FreshBooks'; names that FreshBooks itself uses pass."""
    code = record.get("currency_code") or account.currency
    fields: Json = {}
    for name, value in params.items():
        if name == "address" and isinstance(value, Mapping):
            fields |= {_ADDRESS[key]: item for key, item in value.items() if key in _ADDRESS}
        elif name == "display_name":
            fields["organization"] = value
        elif name in ("unit_price", "amount"):
            fields["unit_cost" if name == "unit_price" else "amount"] = {"amount": str(value), "code": code}
        elif name == "due_date":
            day = dt.date.fromisoformat(str(params.get("date") or record.get("create_date") or value))
            fields["due_offset_days"] = (dt.date.fromisoformat(str(value)) - day).days
        elif name == "lines":
            fields["lines"] = [_wire_line(account, line, code) for line in value]
        elif name == "active":
            fields["vis_state"] = ACTIVE if value else ARCHIVED
        elif name == "allocations":
            fields["invoiceid"] = value[0]["invoice_id"]
        elif name != "draft":
            known = _PLAIN[resource].get(name, name)
            if known == name and name not in _OWN[resource]:
                raise ControlError(f"{resource} have no {name!r}")
            fields[known] = value
    return fields


_OWN: dict[str, frozenset[str]] = {
    "clients": frozenset({*names.CLIENT_TEXTS, "vis_state", "currency_code"}),
    "items": frozenset({"name", "description", "sku", "tax1", "tax2", "inventory", "qty", "vis_state"}),
    "invoices": frozenset(
        {*sales.INVOICE_TEXTS, *sales.ACTIONS, "invoice_number", "discount_value", "currency_code", "vis_state"}
    ),
    "payments": frozenset({"date", "type", "note", "invoiceid", "vis_state"}),
    "taxes": frozenset({"name", "number", "compound"}),
}


def _wire_line(account: Account, line: Mapping[str, Any], code: str) -> Json:
    item = account.get("items", int(line["item_id"])) if str(line.get("item_id", "")).isdigit() else None
    return {
        "name": item["name"] if item else line.get("name", ""),
        "description": line.get("description", ""),
        "qty": str(line.get("quantity", 1)),
        "unit_cost": {"amount": str(line.get("unit_price", 0)), "code": code},
    }


def _delete(account: Account, resource: str, record: Json, params: Mapping[str, Any]) -> Json:
    """A person may delete an invoice with payments: FreshBooks asks, and deletes them too."""
    if resource == "invoices":
        for payment in list(account.payments_of(record["id"])):
            sales.update_payment(account, payment, {"vis_state": DELETED})
        return sales.delete_invoice(account, account.tables["invoices"][record["id"]])
    if resource == "taxes":
        return names.delete_tax(account, record)
    return _write(account, resource, record, {"vis_state": DELETED})


def _archive(account: Account, resource: str, record: Json, params: Mapping[str, Any]) -> Json:
    return _write(account, resource, record, {"vis_state": ARCHIVED})


def _restore(account: Account, resource: str, record: Json, params: Mapping[str, Any]) -> Json:
    return _write(account, resource, record, {"vis_state": ACTIVE})


def _pay(account: Account, resource: str, record: Json, params: Mapping[str, Any]) -> Json:
    """Somebody records a payment of an invoice by hand; without an amount, all that is open."""
    if resource != "invoices":
        raise ControlError("only an invoice can be paid")
    amount = params.get("amount") or params.get("value") or value_of(record["amount"]) - account.paid(record)
    rest = {name: value for name, value in params.items() if name not in ("amount", "value")}
    body = {
        **_wire(account, "payments", {}, rest),
        "invoiceid": record["id"],
        "amount": {"amount": str(amount), "code": record["currency_code"]},
    }
    _write(account, "payments", {}, body)
    return account.tables["invoices"][record["id"]]


def _merge(account: Account, resource: str, record: Json, params: Mapping[str, Any]) -> Json:
    """Merge a client into another: its transactions move, and it is deleted."""
    into = str(params.get("into") or params.get("value") or "")
    target = account.get("clients", int(into)) if into.isdigit() else None
    if resource != "clients" or target is None or target["id"] == record["id"]:
        raise ControlError("only a customer can be merged, and only into another one ('into')")
    for invoice in [row for row in account.tables["invoices"].values() if row["customerid"] == record["id"]]:
        account.update("invoices", {**invoice, "customerid": target["id"]})
    for payment in [row for row in account.tables["payments"].values() if row["clientid"] == record["id"]]:
        account.update("payments", {**payment, "clientid": target["id"]})
    account.update("clients", {**record, "vis_state": DELETED})
    return target


_ACTIONS: dict[str, Callable[[Account, str, Json, Mapping[str, Any]], Json]] = {
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
ACTIONS = frozenset(_ACTIONS)
