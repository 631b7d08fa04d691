"""Clients, items and taxes: what may be written (contract sections 5, 6 and 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop.sandbox import freshbooks_fields as f
from desktop.sandbox.freshbooks_books import DELETED, ZERO, Account, money
from desktop.sandbox.freshbooks_errors import Refused
from desktop.sandbox.service import Json

CLIENT_TEXTS = (
    "fname", "lname", "organization", "email", "bus_phone", "home_phone", "mob_phone", "fax", "note", "language",
    "vat_name", "vat_number", "p_street", "p_street2", "p_city", "p_province", "p_code", "p_country",
    "s_street", "s_street2", "s_city", "s_province", "s_code", "s_country",
)  # fmt: skip
CLIENT_FLAGS = ("allow_late_fees", "allow_late_notifications", "pref_email")


def create_client(account: Account, body: Mapping[str, Any]) -> Json:
    fields = {
        **dict.fromkeys(CLIENT_TEXTS, ""),
        **dict.fromkeys(CLIENT_FLAGS, True),
        "language": "en",
        "currency_code": account.currency,
        **_client(body),
    }
    _named(fields)
    signup = account.clock.now().strftime("%Y-%m-%d %H:%M:%S")
    made = account.create(
        "clients",
        {**fields, "role": "client", "signup_date": signup, "level": 0, "num_logins": 0, "last_login": None},
    )
    number = made["id"]
    unique = f"{number:08x}-0000-4000-8000-{account.business_id:012x}"
    extra = {"uuid": unique, "username": f"client{number}", "subdomain": None, "statement_token": unique[:8]}
    return account.put("clients", {**made, **extra})


def update_client(account: Account, record: Json, body: Mapping[str, Any]) -> Json:
    fields = _client(body)
    if "vis_state" in body:
        fields["vis_state"] = f.vis_state(body["vis_state"], "client")
    _named({**record, **fields})
    return account.update("clients", {**record, **fields})


def _client(body: Mapping[str, Any]) -> Json:
    fields = f.texts(body, CLIENT_TEXTS, "client")
    if "email" in fields:
        f.email(fields["email"], "client")
    if "currency_code" in body:
        fields["currency_code"] = f.currency(body["currency_code"], "client")
    fields |= {name: bool(body[name]) for name in CLIENT_FLAGS if name in body}
    return fields


def _named(fields: Mapping[str, Any]) -> None:
    if not any(str(fields.get(name) or "").strip() for name in ("fname", "lname", "organization", "email")):
        raise Refused(1001, "email", "A client needs a name, an organization or an email address.", "client")


def create_item(account: Account, body: Mapping[str, Any]) -> Json:
    fields = {
        "description": "",
        "sku": "",
        "qty": "1",
        "inventory": None,
        "unit_cost": money(ZERO, account.currency),
        "tax1": 0,
        "tax2": 0,
        **_item(account, body),
    }
    if not str(fields.get("name") or "").strip():
        raise Refused(1001, "name", "Name is required.", "item")
    return account.create("items", fields)


def update_item(account: Account, record: Json, body: Mapping[str, Any]) -> Json:
    fields = _item(account, body)
    if "name" in fields and not fields["name"].strip():
        raise Refused(1001, "name", "Name is required.", "item")
    if "vis_state" in body:
        fields["vis_state"] = f.vis_state(body["vis_state"], "item")
    return account.update("items", {**record, **fields})


def _item(account: Account, body: Mapping[str, Any]) -> Json:
    fields = f.texts(body, ("name", "description", "sku"), "item")
    if "qty" in body:
        fields["qty"] = f"{f.number(body['qty'], 'qty', 'item').normalize():f}"
    if body.get("inventory") is not None:
        fields["inventory"] = f"{f.number(body['inventory'], 'inventory', 'item').normalize():f}"
    if "unit_cost" in body:
        code = (body["unit_cost"] or {}).get("code") if isinstance(body["unit_cost"], Mapping) else None
        code = f.currency(code or account.currency, "item")
        fields["unit_cost"] = money(f.amount(account, body["unit_cost"], code, "unit_cost", "item"), code)
    for name in ("tax1", "tax2"):
        if name in body:
            tax = f.whole(body[name] or 0, name, "item")
            if tax and account.get("taxes", tax) is None:
                raise Refused(1012, name, "Tax not found.", "item", tax, status=422)
            fields[name] = tax
    merged = (fields.get("tax1"), fields.get("tax2"))
    if merged[0] and merged[0] == merged[1]:
        raise Refused(1019, "tax2", obj="item", value=merged[1])
    return fields


def create_tax(account: Account, body: Mapping[str, Any]) -> Json:
    fields = {"number": None, "compound": False, **_tax(body)}
    if not str(fields.get("name") or "").strip():
        raise Refused(1001, "name", "Name is required.", "tax")
    fields.setdefault("amount", "0")
    return account.create("taxes", fields)


def update_tax(account: Account, record: Json, body: Mapping[str, Any]) -> Json:
    return account.update("taxes", {**record, **_tax(body)})


def delete_tax(account: Account, record: Json) -> Json:
    return account.update("taxes", {**record, "vis_state": DELETED})


def _tax(body: Mapping[str, Any]) -> Json:
    fields = f.texts(body, ("name",), "tax")
    if body.get("number") is not None:
        fields |= f.texts(body, ("number",), "tax")
    if "amount" in body:
        fields["amount"] = f"{f.percent(body['amount'], 'amount', 'tax').normalize():f}"
    if "compound" in body:
        fields["compound"] = bool(body["compound"])
    return fields


def usable_client(account: Account, client_id: int, field: str, obj: str) -> Json:
    """The client that a transaction names; a deleted one can't take any (contract 12.5). Raises `Refused`."""
    client = account.get("clients", client_id)
    if client is None:
        raise Refused(1012, field, "Client not found.", obj, client_id, status=422)
    if client["vis_state"] == DELETED:
        raise Refused(1011, field, "Client has been deleted.", obj, client_id, status=422)
    return client
