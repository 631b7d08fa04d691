"""The mutations of the imitated Wave (contract section 5): each takes its input and gives the record it made.

What a rule forbids is `Declined` (didSucceed false); nothing has changed then.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from desktop.sandbox.service import Json
from desktop.sandbox.wave_books import (
    EXPENSE_SUBTYPES,
    INCOME_SUBTYPES,
    PAYMENT_SUBTYPES,
    ZERO,
    Business,
    Row,
    add_up,
    places_of,
    rounded,
    stamp,
)

NAME_MAX = 255
TEXT_MAX = 5000
NUMBER_MAX = 100
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_PROVINCE = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")

REFUSALS: dict[str, dict[str, Json]] = {
    "D7": {
        "customer": {"path": ["input", "email"], "code": "INVALID", "message": "The email address is invalid."},
        "item": {"path": ["input", "unitPrice"], "code": "INVALID", "message": "The price is invalid."},
        "invoice": {"path": ["input", "dueDate"], "code": "INVALID", "message": "The due date is invalid."},
        "payment": {"path": ["input", "paymentDate"], "code": "INVALID", "message": "The date is invalid."},
    },
    "D8": {
        "customer": {"path": ["input", "phone"], "code": "REQUIRED", "message": "A phone number is required."},
        "item": {"path": ["input", "description"], "code": "REQUIRED", "message": "A description is required."},
        "invoice": {"path": ["input", "memo"], "code": "REQUIRED", "message": "A memo is required."},
        "payment": {"path": ["input", "memo"], "code": "REQUIRED", "message": "A memo is required."},
    },
}
"""One field refused (D7), and one that is newly demanded (D8), by the kind of record."""


class Declined(Exception):
    """One or more input errors: (fields below `input`, message, code)."""

    def __init__(self, *problems: tuple[str, str, str]) -> None:
        super().__init__("; ".join(message for _, message, _ in problems))
        self.problems = problems

    def as_json(self) -> list[Json]:
        return [
            {"path": ["input", *path.split(".")], "message": message, "code": code}
            for path, message, code in self.problems
        ]


class Desk(Protocol):
    """What a mutation may ask of the call it is part of."""

    extra_cents: int

    def business(self, business_id: str) -> Business | None:
        """The business, if the token reaches it."""

    def holder(self, table: str, record_id: str) -> Business | None:
        """The reachable business that holds this record."""

    def change(self, kind: str, record_id: str, action: str) -> None: ...


def _home(desk: Desk, business_id: str) -> Business:
    home = desk.business(business_id)
    if home is None:
        raise Declined(("businessId", f"Business '{business_id}' could not be found.", "NOT_FOUND"))
    return home


def _held(desk: Desk, table: str, record_id: str, name: str = "id") -> tuple[Business, Json]:
    home = desk.holder(table, record_id)
    if home is None:
        raise Declined((name, f"{table} '{record_id}' could not be found.", "NOT_FOUND"))
    return home, home.tables[table][record_id]


def _text(wanted: Mapping[str, Any], name: str, most: int = TEXT_MAX) -> None:
    value = wanted.get(name)
    if isinstance(value, str) and len(value) > most:
        raise Declined((name, f"Ensure this field has no more than {most} characters.", "INVALID"))


# --- customers ---


def customer_create(desk: Desk, wanted: Json) -> Row:
    home = _home(desk, wanted.pop("businessId"))
    blank = dict.fromkeys(("email", "displayId", "address", "shippingDetails", "currency", "internalNotes"))
    made = home.create("Customer", {**blank, "isArchived": False, **_customer(wanted, None)})
    desk.change("customer", made.id, "created")
    return made


def customer_patch(desk: Desk, wanted: Json) -> Row:
    home, old = _held(desk, "Customer", wanted.pop("id"))
    made = home.update("Customer", old["id"], _customer(wanted, old))
    desk.change("customer", made.id, "updated")
    return made


def customer_delete(desk: Desk, wanted: Json) -> None:
    home, old = _held(desk, "Customer", wanted["id"])
    if next(home.invoices_of(old["id"]), None) is not None:
        raise Declined(("id", "This customer has invoices and can't be deleted.", "INVALID"))
    home.delete("Customer", old["id"])
    desk.change("customer", old["id"], "deleted")


def _customer(wanted: Json, old: Json | None) -> Json:
    for name in ("name", "firstName", "lastName", "displayId", "phone", "mobile"):
        _text(wanted, name, NAME_MAX)
    if (old is None or "name" in wanted) and not str(wanted.get("name") or "").strip():
        raise Declined(("name", "This field may not be blank.", "INVALID"))
    email = wanted.get("email")
    if email and not _EMAIL.fullmatch(email):
        raise Declined(("email", "Enter a valid email address.", "INVALID"))
    fields = {name: value if value != "" else None for name, value in wanted.items()}
    if isinstance(wanted.get("address"), dict):
        fields["address"] = _address(wanted["address"])
    if isinstance(wanted.get("shippingDetails"), dict):
        details = wanted["shippingDetails"]
        fields["shippingDetails"] = {**details, "address": _address(details.get("address") or {})}
    return fields


def _address(wanted: Json) -> Json:
    province, country = wanted.get("provinceCode"), wanted.get("countryCode")
    if province and (not _PROVINCE.fullmatch(province) or (country and not province.startswith(f"{country}-"))):
        raise Declined(("address.provinceCode", f"'{province}' is not a valid province code.", "INVALID"))
    names = ("addressLine1", "addressLine2", "city", "postalCode", "provinceCode", "countryCode")
    return {name: wanted.get(name) or None for name in names}


# --- products ---


def product_create(desk: Desk, wanted: Json) -> Row:
    home = _home(desk, wanted.pop("businessId"))
    blank: Json = {"description": None, "incomeAccountId": None, "expenseAccountId": None, "defaultSalesTaxIds": []}
    made = home.create("Product", {**blank, "isArchived": False, **_product(home, wanted, None)})
    desk.change("item", made.id, "created")
    return made


def product_patch(desk: Desk, wanted: Json) -> Row:
    home, old = _held(desk, "Product", wanted.pop("id"))
    made = home.update("Product", old["id"], _product(home, wanted, old))
    desk.change("item", made.id, "updated")
    return made


def product_archive(desk: Desk, wanted: Json) -> Row:
    home, old = _held(desk, "Product", wanted["id"])
    made = home.update("Product", old["id"], {"isArchived": True})
    desk.change("item", made.id, "archived")
    return made


def _product(home: Business, wanted: Json, old: Json | None) -> Json:
    _text(wanted, "name", NAME_MAX)
    _text(wanted, "description")
    if (old is None or "name" in wanted) and not str(wanted.get("name") or "").strip():
        raise Declined(("name", "This field may not be blank.", "INVALID"))
    fields = dict(wanted)
    for name, allowed in (("incomeAccountId", INCOME_SUBTYPES), ("expenseAccountId", EXPENSE_SUBTYPES)):
        account_id = wanted.get(name)
        if account_id is None:
            continue
        account = home.get("Account", account_id)
        if account is None:
            raise Declined((name, f"Account '{account_id}' could not be found.", "NOT_FOUND"))
        if account["subtype"] not in allowed or account["isArchived"]:
            raise Declined((name, f"Account '{account['name']}' can't be used here.", "INVALID"))
    if wanted.get("unitPrice") is not None:
        fields["unitPrice"] = rounded(wanted["unitPrice"], 5)
    if "defaultSalesTaxIds" in wanted:
        fields["defaultSalesTaxIds"] = _taxes(home, wanted["defaultSalesTaxIds"] or [], "defaultSalesTaxIds")
    return fields


def _taxes(home: Business, ids: list[str], path: str) -> list[str]:
    for tax_id in ids:
        tax = home.get("SalesTax", tax_id)
        if tax is None or tax["isArchived"]:
            raise Declined((path, f"SalesTax '{tax_id}' could not be found.", "NOT_FOUND"))
    return list(ids)


# --- sales taxes ---


def tax_create(desk: Desk, wanted: Json) -> Row:
    home = _home(desk, wanted.pop("businessId"))
    flags = dict.fromkeys(("isArchived", "isCompound", "isRecoverable", "showTaxNumberOnInvoices"), False)
    rate = rounded(wanted.pop("rate"), 6)
    made = home.create("SalesTax", {**flags, "description": None, "taxNumber": None, **wanted, "rate": rate})
    desk.change("tax_code", made.id, "created")
    return made


def tax_patch(desk: Desk, wanted: Json) -> Row:
    home, old = _held(desk, "SalesTax", wanted.pop("id"))
    rates = wanted.pop("rates", None)
    if rates:
        wanted["rate"] = rounded(max(rates, key=lambda one: one["effective"])["rate"], 6)
    made = home.update("SalesTax", old["id"], wanted)
    desk.change("tax_code", made.id, "updated")
    return made


def tax_archive(desk: Desk, wanted: Json) -> Row:
    home, old = _held(desk, "SalesTax", wanted["id"])
    made = home.update("SalesTax", old["id"], {"isArchived": True})
    desk.change("tax_code", made.id, "archived")
    return made


# --- invoices ---


def invoice_create(desk: Desk, wanted: Json) -> Row:
    home = _home(desk, wanted.pop("businessId"))
    today = home.today()
    blank: Json = {
        "currency": home.currency,
        "exchangeRate": Decimal(1),
        "discounts": [],
        "items": [],
        "invoiceDate": today,
        "lastSentAt": None,
        "lastSentVia": None,
        "lastViewedAt": None,
        "title": "Invoice",
    }
    fields = {**blank, **_invoice(home, wanted, None)}
    fields.setdefault("dueDate", fields["invoiceDate"])
    fields["isDraft"] = wanted.get("status", "DRAFT") != "SAVED"
    if not fields.get("invoiceNumber"):
        fields["invoiceNumber"] = home.next_number()
    made = home.create("Invoice", add_up(home, fields, desk.extra_cents))
    desk.change("invoice", made.id, "created")
    return made


def invoice_patch(desk: Desk, wanted: Json) -> Row:
    home, old = _held(desk, "Invoice", wanted.pop("id"))
    fields = {**old, **_invoice(home, wanted, old)}
    if wanted.get("status") == "SAVED":
        fields["isDraft"] = False
    elif wanted.get("status") == "DRAFT" and not old["isDraft"]:
        raise Declined(("status", "An approved invoice can't become a draft again.", "INVALID"))
    made = home.update("Invoice", old["id"], add_up(home, fields, desk.extra_cents))
    desk.change("invoice", made.id, "updated")
    return made


def _invoice(home: Business, wanted: Json, old: Json | None) -> Json:
    fields = {name: value for name, value in wanted.items() if value is not None and name != "status"}
    fields |= {name: None for name in ("memo", "footer", "poNumber", "subhead") if wanted.get(name) == ""}
    _text(wanted, "memo")
    number = wanted.get("invoiceNumber")
    if number is not None:
        _text(wanted, "invoiceNumber", NUMBER_MAX)
        if home.invoices_numbered(number) - ({old["id"]} if old else set()):
            raise Declined(("invoiceNumber", f"Invoice number {number} is already in use.", "INVALID"))
    if "customerId" in fields:
        customer = home.get("Customer", fields["customerId"])
        if customer is None:
            raise Declined(("customerId", f"Customer '{fields['customerId']}' could not be found.", "NOT_FOUND"))
        if customer["isArchived"]:
            raise Declined(("customerId", "This customer is archived.", "INVALID"))
    issued = fields.get("invoiceDate") or (old or {}).get("invoiceDate")
    due = fields.get("dueDate") or (old or {}).get("dueDate")
    if issued and due and due < issued:
        raise Declined(("dueDate", "The due date can't be before the invoice date.", "INVALID"))
    if "items" in fields:
        fields["items"] = [_item(home, item, at) for at, item in enumerate(fields["items"])]
    if "discounts" in fields:
        fields["discounts"] = _discounts(home, fields["discounts"])
    return fields


def _item(home: Business, wanted: Json, at: int) -> Json:
    path = f"items.{at}"
    product = home.get("Product", wanted["productId"])
    if product is None:
        raise Declined((f"{path}.productId", f"Product '{wanted['productId']}' could not be found.", "NOT_FOUND"))
    if product["incomeAccountId"] is None or product["isArchived"]:
        raise Declined((f"{path}.productId", f"Product '{product['name']}' is not sold.", "INVALID"))
    _text(wanted, "description")
    taxes = wanted.get("taxes")
    tax_ids = product["defaultSalesTaxIds"] if taxes is None else [tax["salesTaxId"] for tax in taxes]
    quantity, price = wanted.get("quantity"), wanted.get("unitPrice")
    return {
        "id": str(at + 1),
        "productId": product["id"],
        "accountId": product["incomeAccountId"],
        "description": product["description"] if "description" not in wanted else wanted["description"] or None,
        "quantity": rounded(Decimal(1) if quantity is None else quantity, 8),
        "unitPrice": rounded(product["unitPrice"] if price is None else price, 8),
        "taxIds": _taxes(home, tax_ids, f"{path}.taxes"),
    }


def _discounts(home: Business, wanted: list[Json]) -> list[Json]:
    if len(wanted) > 1:
        raise Declined(("discounts", "Only one discount is allowed.", "INVALID"))
    at = stamp(home.clock.now())
    made = []
    for one in wanted:
        fixed = one["discountType"] == "FIXED"
        value = one.get("amount" if fixed else "percentage")
        if value is None or value < 0:
            raise Declined(("discounts", "A discount needs its amount or percentage.", "INVALID"))
        kind = "FixedInvoiceDiscount" if fixed else "PercentageInvoiceDiscount"
        named = {"__typename": kind, "name": one.get("name"), "createdAt": at, "modifiedAt": at}
        made.append({**named, "amount" if fixed else "percentage": value})
    return made


def invoice_approve(desk: Desk, wanted: Json) -> Row:
    home, old = _held(desk, "Invoice", wanted["invoiceId"], "invoiceId")
    if not old["isDraft"]:
        raise Declined(("invoiceId", "Only a draft can be approved.", "INVALID"))
    made = home.update("Invoice", old["id"], {"isDraft": False})
    desk.change("invoice", made.id, "approved")
    return made


def invoice_mark_sent(desk: Desk, wanted: Json) -> Row:
    home, old = _held(desk, "Invoice", wanted["invoiceId"], "invoiceId")
    if old["isDraft"]:
        raise Declined(("invoiceId", "A draft has to be approved first.", "INVALID"))
    at = wanted.get("sentAt") or stamp(home.clock.now())
    made = home.update("Invoice", old["id"], {"lastSentAt": at, "lastSentVia": wanted["sendMethod"]})
    desk.change("invoice", made.id, "sent")
    return made


def invoice_send(desk: Desk, wanted: Json) -> Row:
    """Mail an invoice: here it is only marked so."""
    home, old = _held(desk, "Invoice", wanted["invoiceId"], "invoiceId")
    if not home.info["emailSendEnabled"] or not wanted["to"]:
        raise Declined(("to", "This business can't send e-mail.", "INVALID"))
    return invoice_mark_sent(desk, {"invoiceId": old["id"], "sendMethod": "WAVE"})


def invoice_delete(desk: Desk, wanted: Json) -> None:
    home, old = _held(desk, "Invoice", wanted["invoiceId"], "invoiceId")
    if home.payments_of(old["id"]):
        raise Declined(("invoiceId", "An invoice with payments can't be deleted.", "INVALID"))
    home.delete("Invoice", old["id"])
    desk.change("invoice", old["id"], "deleted")


def invoice_clone(desk: Desk, wanted: Json) -> Row:
    home, old = _held(desk, "Invoice", wanted["invoiceId"], "invoiceId")
    today, fresh = home.today(), {"isDraft": True, "lastSentAt": None, "lastSentVia": None, "lastViewedAt": None}
    made = home.create(
        "Invoice", {**old, **fresh, "invoiceNumber": home.next_number(), "invoiceDate": today, "dueDate": today}
    )
    desk.change("invoice", made.id, "created")
    return made


# --- payments ---


def payment_create(desk: Desk, wanted: Json) -> Row:
    home, invoice = _held(desk, "Invoice", wanted["invoiceId"], "invoiceId")
    if invoice["isDraft"]:
        raise Declined(("invoiceId", "A draft can't be paid.", "INVALID"))
    fields = _payment(home, invoice, wanted)
    made = home.create("InvoicePayment", {"memo": None, **fields, "invoiceId": invoice["id"]})
    home.update("Invoice", invoice["id"], {})
    desk.change("payment", made.id, "created")
    return made


def payment_patch(desk: Desk, wanted: Json) -> Row:
    home, old = _held(desk, "InvoicePayment", wanted.pop("id"))
    made = home.update("InvoicePayment", old["id"], _payment(home, home.tables["Invoice"][old["invoiceId"]], wanted))
    home.update("Invoice", old["invoiceId"], {})
    desk.change("payment", made.id, "updated")
    return made


def payment_delete(desk: Desk, wanted: Json) -> None:
    home, old = _held(desk, "InvoicePayment", wanted["id"])
    home.delete("InvoicePayment", old["id"])
    home.update("Invoice", old["invoiceId"], {})
    desk.change("payment", old["id"], "deleted")


def _payment(home: Business, invoice: Json, wanted: Json) -> Json:
    fields = {name: value for name, value in wanted.items() if value is not None}
    account_id = fields.pop("paymentAccountId", None)
    if account_id is not None:
        account = home.get("Account", account_id)
        if account is None or account["isArchived"] or account["subtype"] not in PAYMENT_SUBTYPES:
            raise Declined(("paymentAccountId", "Payments can't be put into this account.", "INVALID"))
        fields["accountId"] = account_id
    if "amount" in fields:
        fields["amount"] = rounded(fields["amount"], places_of(invoice["currency"]))
        if fields["amount"] <= 0:
            raise Declined(("amount", "A payment must be more than zero.", "INVALID"))
    if fields.get("exchangeRate", Decimal(1)) <= 0:
        raise Declined(("exchangeRate", "The exchange rate must be more than zero.", "INVALID"))
    _text(wanted, "memo")
    return fields


def transaction_create(desk: Desk, wanted: Json) -> Row:
    """A line of the bank account. It pays no invoice, whatever its words say."""
    home = _home(desk, wanted["businessId"])
    anchor = wanted["anchor"]
    if home.get("Account", anchor["accountId"]) is None:
        raise Declined(("anchor.accountId", "Account could not be found.", "NOT_FOUND"))
    booked = sum((item["amount"] for item in wanted["lineItems"]), ZERO)
    if booked != anchor["amount"]:
        raise Declined(("lineItems", "The lines don't add up to the anchor's amount.", "INVALID"))
    made = home.create("Transaction", {"externalId": wanted["externalId"], "amount": anchor["amount"]})
    desk.change("transaction", made.id, "created")
    return made


@dataclass(frozen=True, slots=True)
class Mutation:
    """One root field: what it means in the sandbox's words, what does it, and the scope it asks for."""

    op: str
    act: Callable[[Desk, Json], Row | None]
    scope: str
    shows: str = ""
    """The field of the answer that holds the record."""


MUTATIONS: Mapping[str, Mutation] = {
    "customerCreate": Mutation("create_customer", customer_create, "customer:write", "customer"),
    "customerPatch": Mutation("update_customer", customer_patch, "customer:write", "customer"),
    "customerDelete": Mutation("delete_customer", customer_delete, "customer:write"),
    "productCreate": Mutation("create_item", product_create, "product:write", "product"),
    "productPatch": Mutation("update_item", product_patch, "product:write", "product"),
    "productArchive": Mutation("delete_item", product_archive, "product:write", "product"),
    "salesTaxCreate": Mutation("create_tax_code", tax_create, "sales_tax:write", "salesTax"),
    "salesTaxPatch": Mutation("update_tax_code", tax_patch, "sales_tax:write", "salesTax"),
    "salesTaxArchive": Mutation("delete_tax_code", tax_archive, "sales_tax:write", "salesTax"),
    "invoiceCreate": Mutation("create_invoice", invoice_create, "invoice:write", "invoice"),
    "invoicePatch": Mutation("update_invoice", invoice_patch, "invoice:write", "invoice"),
    "invoiceClone": Mutation("clone_invoice", invoice_clone, "invoice:write", "invoice"),
    "invoiceApprove": Mutation("approve_invoice", invoice_approve, "invoice:write", "invoice"),
    "invoiceMarkSent": Mutation("send_invoice", invoice_mark_sent, "invoice:write", "invoice"),
    "invoiceSend": Mutation("mail_invoice", invoice_send, "invoice:send", "invoice"),
    "invoiceDelete": Mutation("delete_invoice", invoice_delete, "invoice:write"),
    "invoicePaymentCreateManual": Mutation("create_payment", payment_create, "invoice:write", "invoicePayment"),
    "invoicePaymentPatch": Mutation("update_payment", payment_patch, "invoice:write", "invoicePayment"),
    "invoicePaymentDelete": Mutation("delete_payment", payment_delete, "invoice:write"),
    "moneyTransactionCreate": Mutation("create_transaction", transaction_create, "transaction:write", "transaction"),
}


def parse_date(value: Any) -> dt.date:
    """A Date. Raises ValueError for anything but yyyy-MM-dd."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError(f"Date cannot represent value: {value!r}")
    return dt.date.fromisoformat(value)
