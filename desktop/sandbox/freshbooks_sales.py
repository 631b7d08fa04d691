"""Invoices and payments: what may be written, and what it comes to (contract sections 7, 8 and 13)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from desktop.sandbox import freshbooks_fields as f
from desktop.sandbox.freshbooks_books import DELETED, ZERO, Account, cents, money, value_of
from desktop.sandbox.freshbooks_errors import Refused
from desktop.sandbox.freshbooks_names import usable_client
from desktop.sandbox.service import Json

PAYMENT_TYPES = (
    "Check", "Credit", "Cash", "Bank Transfer", "Credit Card", "Debit", "PayPal", "2Checkout", "VISA", "MASTERCARD",
    "DISCOVER", "AMEX", "DINERS", "JCB", "ACH", "Other",
)  # fmt: skip
INVOICE_TEXTS = (
    "notes", "terms", "po_number", "language", "discount_description", "fname", "lname", "organization", "street",
    "street2", "city", "province", "code", "country", "vat_name", "vat_number", "template", "fulfillment_date",
    "generation_date", "return_uri",
)  # fmt: skip
ACTIONS = ("action_mark_as_sent", "action_email")
INV, PAY = "invoice", "payment"


# --- invoices ---


def create_invoice(account: Account, body: Mapping[str, Any], extra_cents: int = 0) -> Json:
    """Always a draft. `extra_cents` is fault D9: FreshBooks adds up otherwise."""
    for name in ("customerid", "create_date"):
        if body.get(name) in (None, ""):
            raise Refused(1001, name, f"{name} is required.", INV)
    client = usable_client(account, f.whole(body["customerid"], "customerid", INV), "customerid", INV)
    base: Json = {
        **dict.fromkeys(INVOICE_TEXTS, ""),
        "organization": client["organization"],
        "fname": client["fname"],
        "lname": client["lname"],
        "street": client["p_street"],
        "street2": client["p_street2"],
        "city": client["p_city"],
        "province": client["p_province"],
        "code": client["p_code"],
        "country": client["p_country"],
        "language": "en",
        "po_number": None,
        "currency_code": client["currency_code"],
        "due_offset_days": 0,
        "discount_value": "0",
        "lines": [],
        "sent": False,
        "deposit_status": "none",
        "auto_bill": False,
        "show_attachments": False,
        "estimateid": 0,
        "ownerid": 1,
        "sentid": 1,
        "parent": 0,
        "date_paid": None,
        "current_organization": client["organization"],
    }
    made = _merged(account, base, body, extra_cents)
    if not made.get("invoice_number"):
        made["invoice_number"] = account.next_number()
    _free_number(account, made["invoice_number"], None)
    return account.create("invoices", made)


def update_invoice(account: Account, record: Json, body: Mapping[str, Any], extra_cents: int = 0) -> Json:
    """Only the fields sent change; `lines` replaces all lines."""
    if record["vis_state"] == DELETED and "vis_state" not in body:
        raise Refused(1011, "invoiceid", "Invoice has been deleted.", INV, record["id"])
    actions = [name for name in ACTIONS if body.get(name)]
    if actions:
        return _act(account, record, body, actions[0])
    made = _merged(account, record, body, extra_cents)
    if not made["invoice_number"]:
        raise Refused(1001, "invoice_number", "invoice_number is required.", INV)
    if made["invoice_number"] != record["invoice_number"]:
        _free_number(account, made["invoice_number"], record["id"])
    if "vis_state" in body:
        made["vis_state"] = f.vis_state(body["vis_state"], INV)
    if made["vis_state"] == DELETED and record["vis_state"] != DELETED:
        return delete_invoice(account, record)
    return account.update("invoices", made)


def delete_invoice(account: Account, record: Json) -> Json:
    """Soft. One with payments is refused (U upstream; the harsher case)."""
    if record["vis_state"] == DELETED:
        raise Refused(1011, "invoiceid", "Invoice has been deleted.", INV, record["id"])
    if any(True for _ in account.payments_of(record["id"])):
        raise Refused(1004, "invoiceid", "Invoice has payments and can't be deleted.", INV, record["id"])
    return account.update("invoices", {**record, "vis_state": DELETED})


def _act(account: Account, record: Json, body: Mapping[str, Any], action: str) -> Json:
    if record["sent"] and action == "action_mark_as_sent" and account.rules.sent_twice == "refuse":
        raise Refused(1004, action, "Invoice has already been sent.", INV, record["id"])
    if action == "action_email":
        recipients = body.get("email_recipients")
        if not isinstance(recipients, list) or not recipients:
            raise Refused(1001, "email_recipients", "email_recipients is required.", INV)
        for address in recipients:
            f.email(str(address), INV)
    return account.update("invoices", {**record, "sent": True})


def _merged(account: Account, record: Json, body: Mapping[str, Any], extra_cents: int) -> Json:
    made = {**record, **f.texts(body, INVOICE_TEXTS, INV), **f.texts(body, ("invoice_number",), INV)}
    if "customerid" in body:
        wanted = f.whole(body["customerid"], "customerid", INV)
        made["customerid"] = usable_client(account, wanted, "customerid", INV)["id"]
    if "create_date" in body:
        made["create_date"] = f.day(body["create_date"], "create_date", INV)
    if "due_offset_days" in body:
        made["due_offset_days"] = f.whole(body["due_offset_days"], "due_offset_days", INV)
        if made["due_offset_days"] < 0:
            raise Refused(1004, "due_offset_days", "due_offset_days can't be negative.", INV, body["due_offset_days"])
    if "currency_code" in body:
        made["currency_code"] = f.currency(body["currency_code"], INV)
    if "discount_value" in body:
        made["discount_value"] = f"{f.percent(body['discount_value'] or 0, 'discount_value', INV).normalize():f}"
    if "lines" in body:
        if not isinstance(body["lines"], list):
            raise Refused(1004, "lines", "lines must be a list.", INV)
        made["lines"] = [_line(account, line, made["currency_code"]) for line in body["lines"]]
    due = dt.date.fromisoformat(made["create_date"]) + dt.timedelta(made["due_offset_days"])
    made["due_date"] = due.isoformat()
    return {**made, **_sums(made["lines"], made, extra_cents)}


def _line(account: Account, line: Any, code: str) -> Json:
    if not isinstance(line, Mapping):
        raise Refused(1004, "lines", "A line must be an object.", INV)
    kind = f.whole(line.get("type", 0), "type", INV)
    if kind not in (0, 1) or (kind == 1 and not line.get("expenseid")):
        raise Refused(1004, "type", "Unknown line type.", INV, kind)
    quantity = f.number(line.get("qty", 1), "qty", INV)
    price = f.amount(account, line.get("unit_cost", {"amount": "0"}), code, "unit_cost", INV)
    made: Json = {
        "lineid": account.new_id("lines"),
        "type": kind,
        "name": "",
        "description": "",
        **f.texts(line, ("name", "description"), INV),
        "qty": f"{quantity.normalize():f}",
        "unit_cost": money(price, code),
        "amount": money(quantity * price, code),
        "compounded_tax": bool(line.get("compounded_tax", False)),
        "updated": account.stamp(),
    }
    for place in ("1", "2"):
        made |= f.texts({f"taxName{place}": None, **line}, (f"taxName{place}",), INV)
        rate = f.percent(line.get(f"taxAmount{place}") or 0, f"taxAmount{place}", INV)
        made[f"taxAmount{place}"] = f"{rate.normalize():f}"
    if made["taxName1"] and made["taxName1"] == made["taxName2"]:
        raise Refused(1019, "taxName2", obj=INV, value=made["taxName2"])
    return made


def _sums(lines: list[Json], invoice: Json, extra_cents: int) -> Json:
    """Line by line, each tax on the line's amount less its share of the discount, rounded half up (13; share U)."""
    code = invoice["currency_code"]
    amounts = [value_of(line["amount"]) for line in lines]
    subtotal = sum(amounts, ZERO)
    discount = cents(subtotal * Decimal(invoice["discount_value"]) / 100)
    kept = 1 - discount / subtotal if subtotal else Decimal(1)
    tax = ZERO
    for line, amount in zip(lines, amounts, strict=True):
        first = cents(amount * kept * Decimal(line["taxAmount1"]) / 100)
        base = amount * kept + (first if line["compounded_tax"] else ZERO)
        tax += first + cents(base * Decimal(line["taxAmount2"]) / 100)
    total = subtotal - discount + tax + Decimal(extra_cents) / 100
    return {"amount": money(total, code), "discount_total": money(-discount, code)}


def _free_number(account: Account, number: str, own: int | None) -> None:
    if account.rules.numbers == "free":
        return
    for other in account.invoices_numbered(number) - {own}:
        gone = account.tables["invoices"][other]["vis_state"] == DELETED
        if not gone or account.rules.deleted_keep_numbers:
            raise Refused(1004, "invoice_number", "Invoice number is already in use.", INV, number)


# --- payments ---


def create_payment(account: Account, body: Mapping[str, Any]) -> Json:
    for name in ("invoiceid", "amount"):
        if body.get(name) in (None, ""):
            raise Refused(1001, name, f"{name} is required.", PAY)
    number = f.whole(body["invoiceid"], "invoiceid", PAY)
    invoice = account.get("invoices", number)
    if invoice is None:
        raise Refused(1012, "invoiceid", "Invoice not found.", PAY, number, status=422)
    if invoice["vis_state"] == DELETED:
        raise Refused(1011, "invoiceid", "Invoice has been deleted.", PAY, number, status=422)
    if not invoice["sent"] and account.rules.paid_drafts == "refuse":
        raise Refused(1004, "invoiceid", "A draft invoice can't be paid.", PAY, number)
    base: Json = {
        "invoiceid": number,
        "clientid": invoice["customerid"],
        "date": account.today().isoformat(),
        "type": "Other",
        "note": "",
        "creditid": None,
        "orderid": None,
        "gateway": None,
        "transactionid": None,
        "from_credit": False,
        "send_client_notification": None,
        "overpaymentid": None,
        "over": "0",
    }
    made = account.create("payments", _payment(account, base, body, invoice, None))
    account.touch(number)
    return made


def update_payment(account: Account, record: Json, body: Mapping[str, Any]) -> Json:
    if record["vis_state"] == DELETED and "vis_state" not in body:
        raise Refused(1011, "logid", "Payment has been deleted.", PAY, record["id"])
    invoice = account.tables["invoices"][record["invoiceid"]]
    made = _payment(account, record, body, invoice, record["id"])
    if "vis_state" in body:
        made["vis_state"] = f.vis_state(body["vis_state"], PAY)
    stored = account.update("payments", made)
    account.touch(record["invoiceid"])
    return stored


def _payment(account: Account, base: Json, body: Mapping[str, Any], invoice: Json, own: int | None) -> Json:
    code = invoice["currency_code"]
    made = {**base, **f.texts(body, ("note",), PAY)}
    if "date" in body:
        made["date"] = f.day(body["date"], "date", PAY)
    if "type" in body:
        if body["type"] not in PAYMENT_TYPES:
            raise Refused(1004, "type", "Unknown payment type.", PAY, body["type"])
        made["type"] = body["type"]
    if "amount" in body:
        value = f.amount(account, body["amount"], code, "amount", PAY)
        if value <= 0:
            raise Refused(1004, "amount", "Amount must be more than zero.", PAY, value)
        made["amount"] = money(value, code)
        others = sum((account.applied(one) for one in account.payments_of(invoice["id"]) if one["id"] != own), ZERO)
        over = max(ZERO, value - max(ZERO, value_of(invoice["amount"]) - others))
        made["over"] = f"{over:f}"
        made["overpaymentid"] = (base["overpaymentid"] or account.new_id("credits")) if over else None
    return made
