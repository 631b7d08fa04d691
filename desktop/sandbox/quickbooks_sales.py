"""QuickBooks' transactions: invoices and payments, and what each does to the other's balance (contract 3.4, 3.6)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from desktop.sandbox import quickbooks_fields as f
from desktop.sandbox.quickbooks_books import Realm
from desktop.sandbox.quickbooks_errors import Refused
from desktop.sandbox.quickbooks_sums import ZERO, Fresh, add_up, tax_of
from desktop.sandbox.service import Json

TERM_DAYS = 30


def check_open(realm: Realm, *dates: str | None) -> None:
    """Raises `Refused` 6210 if one of the dates lies in the closed period."""
    closed = realm.rules.book_close_date
    if closed and any(date and date <= closed for date in dates):
        raise Refused(
            "6210",
            "The account period has closed and the account books cannot be updated through the QBO Services API. "
            f"Please check with the company administrator. Closing date: {closed}",
            "TxnDate",
        )


# --- invoices ---


def invoice(
    realm: Realm, wanted: Json, old: Json | None, fresh: Fresh, allow_duplicate: bool, extra_cents: int = 0
) -> Json:
    """An invoice ready to be stored. Raises `Refused`. `extra_cents` is tax the service invents (fault D9)."""
    customer = _customer(realm, wanted, fresh)
    made = dict(wanted)
    made["CustomerRef"] = customer
    made["TxnDate"] = f.date(wanted, "TxnDate") or (old or {}).get("TxnDate") or realm.today().isoformat()
    check_open(realm, made["TxnDate"], (old or {}).get("TxnDate"))
    f.put(made, "DocNumber", _doc_number(realm, wanted, old, allow_duplicate))
    _terms(realm, wanted, made, fresh)
    _texts_and_mail(realm, wanted, made, customer["value"], old)
    _currency(realm, wanted, made)
    sums = add_up(realm, wanted, old, fresh)
    made["TxnTaxDetail"], tax = tax_of(realm, wanted, sums, fresh)
    if extra_cents:
        tax += Decimal(extra_cents) / 100
        made["TxnTaxDetail"] = {
            **made["TxnTaxDetail"],
            "TotalTax": made["TxnTaxDetail"]["TotalTax"] + Decimal(extra_cents) / 100,
        }
    made["Line"] = sums.lines
    made["TotalAmt"] = sums.subtotal - sums.discount + tax
    if made["TotalAmt"] < 0:
        raise Refused("6000", "Business Validation Error: Transaction amount must be 0 or greater", "TotalAmt")
    made["ApplyTaxAfterDiscount"] = f.flag(wanted, "ApplyTaxAfterDiscount", False)
    made["LinkedTxn"] = (old or {}).get("LinkedTxn", [])
    deposit = f.amount(wanted, "Deposit") or ZERO
    paid = ZERO
    if old is not None:
        paid = allocated(realm, old)
        if old["LinkedTxn"] and customer["value"] != old["CustomerRef"]["value"]:
            raise Refused("6000", "The customer of an invoice with linked payments cannot be changed", "CustomerRef")
    made["Balance"] = made["TotalAmt"] - deposit - min(paid, made["TotalAmt"])
    return made


def _customer(realm: Realm, wanted: Json, fresh: Fresh) -> Json:
    found = f.reference(realm, wanted, "CustomerRef", "Customer", fresh=fresh)
    if found is None:
        raise Refused("6560", "Required parameter CustomerRef is missing in the request", "CustomerRef")
    return found


def _doc_number(realm: Realm, wanted: Json, old: Json | None, allow_duplicate: bool) -> str:
    """The number as the preference rules it; 6140 if it is taken and the company warns of duplicates."""
    given = f.text(wanted, "DocNumber", 21).strip()
    if old is not None and given == old.get("DocNumber", ""):
        return given
    automatic = given == "AUTO_GENERATE" or (not given and not realm.rules.custom_txn_numbers)
    if given and not realm.rules.custom_txn_numbers and realm.rules.numbers_when_off == "replaced":
        automatic = True
    if automatic:
        return str(old["DocNumber"]) if old is not None and old.get("DocNumber") else realm.next_number()
    taken = realm.invoices_numbered(given) - {str((old or {}).get("Id"))} if given else set()
    if taken and realm.rules.warn_duplicate_numbers and not allow_duplicate:
        raise Refused(
            "6140",
            "Duplicate Document Number Error : You must specify a different number. This number has already been used. "
            f"DocNumber={given} is assigned to TxnType=Invoice with TxnId={min(taken, key=int)}",
            "DocNumber",
        )
    return given


def _terms(realm: Realm, wanted: Json, made: Json, fresh: Fresh) -> None:
    term = f.reference(realm, wanted, "SalesTermRef", "Term", fresh=fresh)
    f.put(made, "SalesTermRef", term)
    days = int(realm.tables["Term"][term["value"]].get("DueDays", TERM_DAYS)) if term else TERM_DAYS
    due = dt.date.fromisoformat(made["TxnDate"]) + dt.timedelta(days)
    made["DueDate"] = f.date(wanted, "DueDate") or due.isoformat()
    f.put(made, "ShipDate", f.date(wanted, "ShipDate"))


def _texts_and_mail(realm: Realm, wanted: Json, made: Json, customer_id: str, old: Json | None) -> None:
    f.put(made, "PrivateNote", f.text(wanted, "PrivateNote", 4000))
    memo = f.text(f.part(wanted, "CustomerMemo"), "value", 1000, "CustomerMemo.")
    f.put(made, "CustomerMemo", {"value": memo} if memo else None)
    f.put(made, "BillEmail", f.email(wanted, "BillEmail"))
    made["EmailStatus"] = f.choice(wanted, "EmailStatus", ("NotSet", "NeedToSend", "EmailSent")) or "NotSet"
    if made["EmailStatus"] == "NeedToSend" and "BillEmail" not in made:
        raise Refused("2020", "Required parameter BillEmail is missing in the request", "BillEmail")
    made["PrintStatus"] = f.choice(wanted, "PrintStatus", ("NotSet", "NeedToPrint", "PrintComplete")) or "NotSet"
    customer = realm.tables["Customer"][customer_id]
    for name in ("BillAddr", "ShipAddr"):
        kept = f.address(wanted, name) or (customer.get(name) if old is None else None)
        f.put(made, name, kept)
    if len(f.objects(wanted, "CustomField")) > 3:
        raise Refused("6000", "At most three custom fields can be used", "CustomField")


def _currency(realm: Realm, wanted: Json, made: Json) -> None:
    currency = str(f.part(wanted, "CurrencyRef").get("value") or "")
    if not currency and realm.rules.multi_currency:
        raise Refused("2020", "Required parameter CurrencyRef is missing in the request", "CurrencyRef")
    if currency and currency != realm.currency and not realm.rules.multi_currency:
        raise Refused("6000", f"Multi currency should be enabled to use currency {currency}", "CurrencyRef")
    currency = currency or realm.currency
    made["CurrencyRef"] = {"value": currency, "name": currency}


def allocated(realm: Realm, record: Json) -> Decimal:
    """What payments have paid of an invoice."""
    payments = (realm.tables["Payment"][payment_id] for payment_id in realm.payments_of(record))
    return sum((allocations(payment).get(record["Id"], ZERO) for payment in payments), ZERO)


def store_invoice(realm: Realm, made: Json, old: Json | None) -> Json:
    """Save, free what payments gave beyond the new total, and settle the customer's balance."""
    if old is None:
        stored = realm.create("Invoice", made)
    else:
        stored = realm.update("Invoice", made)
        _release_overpaid(realm, stored)
    for customer in {stored["CustomerRef"]["value"], (old or stored)["CustomerRef"]["value"]}:
        realm.settle_customer(customer)
    return realm.tables["Invoice"][stored["Id"]]


def _release_overpaid(realm: Realm, record: Json) -> None:
    left = record["TotalAmt"]
    for payment_id in realm.payments_of(record):
        payment = realm.tables["Payment"][payment_id]
        given = allocations(payment).get(record["Id"], ZERO)
        if given > left:
            _reallocate(realm, payment, {**allocations(payment), record["Id"]: left})
        if not left:
            links = [link for link in realm.tables["Invoice"][record["Id"]]["LinkedTxn"] if link["TxnId"] != payment_id]
            realm.put("Invoice", {**realm.tables["Invoice"][record["Id"]], "LinkedTxn": links})
        left -= min(given, left)


def void_invoice(realm: Realm, old: Json) -> Json:
    """Amounts and quantities become 0, links go, payments on it become unapplied (contract 3.4)."""
    check_open(realm, old["TxnDate"])
    for payment_id in realm.payments_of(old):
        payment = realm.tables["Payment"][payment_id]
        _reallocate(realm, payment, {k: v for k, v in allocations(payment).items() if k != old["Id"]})
    voided = {
        **old,
        "Line": [_zero_line(line) for line in old["Line"]],
        "TxnTaxDetail": {"TotalTax": ZERO},
        "TotalAmt": ZERO,
        "Balance": ZERO,
        "LinkedTxn": [],
        "PrivateNote": _voided_note(old),
    }
    stored = realm.update("Invoice", voided)
    realm.settle_customer(old["CustomerRef"]["value"])
    return stored


def _voided_note(old: Json) -> str:
    note = str(old.get("PrivateNote", ""))
    return note if is_voided(old) else f"Voided - {note}" if note else "Voided"


def is_voided(record: Json) -> bool:
    return record["TotalAmt"] == 0 and str(record.get("PrivateNote", "")).startswith("Voided")


def _zero_line(line: Json) -> Json:
    zero = dict(line)
    if "Amount" in zero:
        zero["Amount"] = ZERO
    if "SalesItemLineDetail" in zero:
        detail = zero["SalesItemLineDetail"]
        zero["SalesItemLineDetail"] = {**detail, **{name: ZERO for name in ("Qty", "UnitPrice") if name in detail}}
    return zero


def delete_invoice(realm: Realm, old: Json) -> None:
    """Raises `Refused` 6000 while payments are linked."""
    check_open(realm, old["TxnDate"])
    if old["LinkedTxn"]:
        raise Refused(
            "6000",
            "Business Validation Error: You cannot delete this transaction because it is linked to other transactions.",
            "",
        )
    realm.delete("Invoice", old["Id"])
    realm.settle_customer(old["CustomerRef"]["value"])


# --- payments ---


def allocations(payment: Json) -> dict[str, Decimal]:
    """Invoice id -> amount."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in payment.get("Line", ()):
        found[line["LinkedTxn"][0]["TxnId"]] += line["Amount"]
    return dict(found)


def payment(realm: Realm, wanted: Json, old: Json | None, fresh: Fresh) -> Json:
    """A payment ready to be stored. Raises `Refused`."""
    made = dict(wanted)
    made["CustomerRef"] = _customer(realm, wanted, fresh)
    total = f.amount(wanted, "TotalAmt")
    if total is None:
        raise Refused("2020", "Required parameter TotalAmt is missing in the request", "TotalAmt")
    if total < 0:
        raise Refused("6000", "Business Validation Error: Transaction amount must be 0 or greater", "TotalAmt")
    made["TotalAmt"] = total
    made["TxnDate"] = f.date(wanted, "TxnDate") or (old or {}).get("TxnDate") or realm.today().isoformat()
    check_open(realm, made["TxnDate"], (old or {}).get("TxnDate"))
    if old is not None and old["Id"] in realm.deposited and total != old["TotalAmt"]:
        raise deposited_fault()
    f.put(made, "PaymentRefNum", f.text(wanted, "PaymentRefNum", 21))
    f.put(made, "PrivateNote", f.text(wanted, "PrivateNote", 4000))
    f.put(made, "PaymentMethodRef", f.reference(realm, wanted, "PaymentMethodRef", "PaymentMethod", fresh=fresh))
    made["DepositToAccountRef"] = _deposit_account(realm, wanted, fresh)
    _currency(realm, wanted, made)
    made["ProcessPayment"] = f.flag(wanted, "ProcessPayment", False)
    wanted_lines = _wanted_allocations(realm, wanted, made["CustomerRef"]["value"], old, fresh)
    if not wanted_lines and old is None and realm.rules.auto_apply_payments:
        wanted_lines = _oldest_first(realm, made["CustomerRef"]["value"], total)
    if sum(wanted_lines.values(), ZERO) > total:
        raise Refused(
            "6000", "Business Validation Error: The amount applied is more than the amount of the payment", "Line"
        )
    _set_lines(made, wanted_lines)
    made["LinkedTxn"] = []
    return made


def _wanted_allocations(
    realm: Realm, wanted: Json, customer_id: str, old: Json | None, fresh: Fresh
) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    before = allocations(old) if old else {}
    for line in f.objects(wanted, "Line"):
        value = f.amount(line, "Amount", "Line.")
        links = f.objects(line, "LinkedTxn")
        if value is None or not links:
            missing = "Line.Amount" if value is None else "Line.LinkedTxn"
            raise Refused("2020", f"Required parameter {missing} is missing in the request", missing)
        for link in links[:1]:
            if link.get("TxnType") != "Invoice":
                raise Refused("2170", f"TxnType {link.get('TxnType')} cannot be linked here", "Line.LinkedTxn.TxnType")
            invoice_id = str(link.get("TxnId") or "")
            record = realm.get("Invoice", invoice_id)
            if record is None or ("Invoice", invoice_id) in fresh:
                raise Refused(
                    "2500", f"Invalid Reference Id : Line.LinkedTxn {invoice_id} is not an Invoice", "Line.LinkedTxn"
                )
            if record["CustomerRef"]["value"] != customer_id:
                raise Refused(
                    "620",
                    f"Transaction with id {invoice_id} cannot be linked: it belongs to another customer",
                    "Line.LinkedTxn",
                )
            found[invoice_id] += value
    for invoice_id, value in found.items():
        available = realm.tables["Invoice"][invoice_id]["Balance"] + before.get(invoice_id, ZERO)
        if value > available or value < 0:
            raise Refused(
                "6000",
                "Business Validation Error: The amount applied is more than the balance: "
                f"invoice {invoice_id}, {available}",
                "Line.Amount",
            )
    return {invoice_id: value for invoice_id, value in found.items() if value}


def _oldest_first(realm: Realm, customer_id: str, total: Decimal) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    theirs = [
        record for entity, record in realm.transactions_of(customer_id) if entity == "Invoice" and record["Balance"] > 0
    ]
    for record in sorted(theirs, key=lambda record: (record["TxnDate"], int(record["Id"]))):
        part = min(total, record["Balance"])
        if part > 0:
            found[record["Id"]] = part
            total -= part
    return found


def _deposit_account(realm: Realm, wanted: Json, fresh: Fresh) -> Json:
    found = f.reference(realm, wanted, "DepositToAccountRef", "Account", fresh=fresh)
    if found is None:
        return {"value": realm.undeposited_id}
    if realm.tables["Account"][found["value"]]["AccountType"] not in ("Bank", "Other Current Asset"):
        raise Refused(
            "6000", f"Business Validation Error: {found['name']} is not an account to deposit to", "DepositToAccountRef"
        )
    return found


def _set_lines(made: Json, wanted: dict[str, Decimal]) -> None:
    made["Line"] = [
        {"Amount": value, "LinkedTxn": [{"TxnId": invoice_id, "TxnType": "Invoice"}]}
        for invoice_id, value in wanted.items()
    ]
    made["UnappliedAmt"] = made["TotalAmt"] - sum(wanted.values(), ZERO)


def store_payment(realm: Realm, made: Json, old: Json | None) -> Json:
    """Save, carry the change to the invoices, and settle the customer's balance."""
    stored = realm.create("Payment", made) if old is None else realm.update("Payment", made)
    touched = set(allocations(stored)) | set(allocations(old) if old else ())
    _carry(realm, stored["Id"], touched, allocations(old) if old else {}, allocations(stored))
    for customer in {stored["CustomerRef"]["value"], (old or stored)["CustomerRef"]["value"]}:
        realm.settle_customer(customer)
    return realm.tables["Payment"][stored["Id"]]


def _carry(
    realm: Realm, payment_id: str, touched: Iterable[str], before: dict[str, Decimal], after: dict[str, Decimal]
) -> None:
    for invoice_id in touched:
        record = realm.tables["Invoice"][invoice_id]
        links = [link for link in record["LinkedTxn"] if link["TxnId"] != payment_id or link["TxnType"] != "Payment"]
        if after.get(invoice_id):
            links.append({"TxnId": payment_id, "TxnType": "Payment"})
        balance = record["Balance"] + before.get(invoice_id, ZERO) - after.get(invoice_id, ZERO)
        if balance != record["Balance"] or links != record["LinkedTxn"]:
            changed: dict[str, Any] = {**record, "LinkedTxn": links, "Balance": balance}
            realm.update("Invoice", changed, bump=realm.rules.payment_bumps_invoice)


def _reallocate(realm: Realm, old: Json, wanted: dict[str, Decimal]) -> None:
    """Change a payment's lines from the invoice's side (its void or a smaller total)."""
    made = dict(old)
    _set_lines(made, {key: value for key, value in wanted.items() if value})
    realm.update("Payment", made)


def deposited_fault() -> Refused:
    return Refused(
        "6540",
        "Deposited Transaction: this transaction has been deposited. If you want to change or delete it, you must edit "
        "the deposit it appears on and remove it first.",
        "",
    )


def void_payment(realm: Realm, old: Json) -> Json:
    """Amount 0, invoices open again. Raises `Refused` 6540 if it lies in a deposit."""
    check_open(realm, old["TxnDate"])
    if old["Id"] in realm.deposited:
        raise deposited_fault()
    made = {**old, "TotalAmt": ZERO, "PrivateNote": _voided_note(old)}
    _set_lines(made, {})
    return store_payment(realm, made, old)


def delete_payment(realm: Realm, old: Json) -> None:
    check_open(realm, old["TxnDate"])
    if old["Id"] in realm.deposited:
        raise deposited_fault()
    _carry(realm, old["Id"], allocations(old), allocations(old), {})
    realm.delete("Payment", old["Id"])
    realm.settle_customer(old["CustomerRef"]["value"])
