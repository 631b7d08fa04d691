"""Xero's invoices and payments: sums, statuses, and what a payment does to its invoice (contract 3.5, 3.6)."""

from __future__ import annotations

from decimal import Decimal

from desktop.sandbox import xero_fields as f
from desktop.sandbox import xero_names as names
from desktop.sandbox.service import Json
from desktop.sandbox.xero_books import ZERO, Organisation, cents, fold, places
from desktop.sandbox.xero_errors import (
    ARCHIVED,
    BAD_ACCOUNT,
    BAD_TAX,
    HAS_PAYMENT,
    LOCKED,
    NO_ACCOUNT,
    NO_CONTACT,
    NO_CURRENCY,
    NO_LINES,
    NOT_AUTHORISED,
    NOT_TO_CHANGE,
    NOT_TO_CREATE,
    NOT_VOIDABLE,
    NUMBER_TAKEN,
    PAYMENT_GONE,
    PLAN_LIMIT,
    TAX_FORBIDDEN,
    TOO_MUCH,
    YEAR_LOCKED,
    Invalid,
    Missing,
)

OPEN = ("DRAFT", "SUBMITTED", "AUTHORISED")
NEXT = {
    "DRAFT": ("DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"),
    "SUBMITTED": ("SUBMITTED", "AUTHORISED", "DELETED"),
    "AUTHORISED": ("AUTHORISED", "VOIDED"),
}
STATUSES = ("DRAFT", "SUBMITTED", "DELETED", "AUTHORISED", "PAID", "VOIDED")
LINE_TAXES = ("Exclusive", "Inclusive", "NoTax")


def check_open(org: Organisation, *days: str) -> None:
    """Raises `Invalid` for a day on or before a lock date."""
    found = org.lock_problem(*days)
    if found is not None:
        raise Invalid((YEAR_LOCKED if found[0] == "year" else LOCKED).format(day=found[1]))


# --- invoices ---


def find_invoice(org: Organisation, wanted: Json) -> Json | None:
    """By InvoiceID (unknown: 404 for all), then by number."""
    record_id = f.text(wanted, "InvoiceID")
    if record_id:
        found = org.get("Invoice", record_id) or org.keyed("invoice_number", record_id)
        if found is None:
            raise Missing(record_id)
        return found
    number = f.text(wanted, "InvoiceNumber")
    return org.keyed("invoice_number", number) if number else None


def invoice(org: Organisation, wanted: Json, old: Json | None, digits: int, extra_cents: int = 0) -> Json:
    """An invoice ready to be stored. Raises `Invalid`. `extra_cents` is tax that Xero invents (fault D9)."""
    status = _status(org, wanted, old)
    if old is not None and status in ("VOIDED", "DELETED"):
        return {**old, "Status": status, "AmountDue": ZERO}
    problems: list[str] = []
    made = dict(old) if old is not None else _new(org)
    made["Status"] = status
    if old is None and (f.text(wanted, "Type") or "ACCREC") != "ACCREC":
        problems.append("Only invoices of type ACCREC are imitated here.")
    if "Contact" in wanted or old is None:
        made["_contact"] = _contact(org, f.part(wanted, "Contact"))
    _number(org, wanted, made, old, problems)
    for field, most in (("Reference", 255), ("Url", 0)):
        if field in wanted:
            made[field] = f.text(wanted, field, most, problems)
    if "xero" in made["Url"].lower():
        problems.append("Url must not contain the word xero.")
    for field in ("Date", "DueDate"):
        if field in wanted:
            made[field] = f.day(wanted, field)
    made["Date"] = made["Date"] or org.clock.now().date().isoformat()
    _currency(org, wanted, made, problems)
    made["LineAmountTypes"] = f.choice(wanted, "LineAmountTypes", LINE_TAXES) or made["LineAmountTypes"]
    if "LineItems" in wanted or old is None:
        made["LineItems"] = _lines(org, f.objects(wanted, "LineItems"), made, digits, problems)
    else:
        _sum_lines(org, made)
    if "SentToContact" in wanted:
        made["SentToContact"] = bool(f.flag(wanted, "SentToContact"))
    if status in ("AUTHORISED", "SUBMITTED") and not made["DueDate"]:
        problems.append("The DueDate must be specified for an approved invoice.")
    if made["DueDate"] and made["DueDate"] < made["Date"]:
        problems.append("The due date cannot be before the invoice date.")
    if problems:
        raise Invalid(*problems)
    check_open(org, made["Date"], (old or {}).get("Date", ""))
    add_up(org, made, extra_cents)
    given = f.number(wanted, "Total")
    if given is not None and given != made["Total"] and old is None:
        raise Invalid("The invoice total does not equal the sum of the lines.")
    if made["Total"] < 0:
        raise Invalid("The invoice total cannot be negative.")
    return made


def _new(org: Organisation) -> Json:
    return {
        "InvoiceID": org.new_id("Invoice"),
        "Type": "ACCREC",
        "InvoiceNumber": "",
        "Reference": "",
        "Url": "",
        "Date": "",
        "DueDate": "",
        "LineAmountTypes": "Exclusive",
        "CurrencyCode": org.currency,
        "SentToContact": False,
        "LineItems": [],
        "AmountPaid": ZERO,
        "FullyPaidOnDate": "",
    }


def _status(org: Organisation, wanted: Json, old: Json | None) -> str:
    """The status that the invoice shall have; refused where it may not go there."""
    asked = f.choice(wanted, "Status", STATUSES)
    if old is None:
        if asked not in ("", "DRAFT", "SUBMITTED", "AUTHORISED"):
            raise Invalid(NOT_TO_CREATE)
        found = asked or "DRAFT"
    else:
        before = old["Status"]
        if before not in OPEN or (asked and asked not in NEXT[before]):
            raise Invalid(NOT_TO_CHANGE)
        if org.paid(old["InvoiceID"]):
            raise Invalid(NOT_VOIDABLE.format(status=asked) if asked == "VOIDED" else HAS_PAYMENT)
        found = asked or before
        if found == "VOIDED":
            check_open(org, old["Date"])
    limit = org.rules.approve_limit
    if found == "AUTHORISED" and (old or {}).get("Status") != "AUTHORISED" and limit and org.approved() >= limit:
        raise Invalid(PLAN_LIMIT)
    return found


def _contact(org: Organisation, sent: Json) -> str:
    """The contact's id. Only ContactID leaves the contact alone: anything more edits it, a bare name may make one."""
    if not any(f.text(sent, name) for name in ("ContactID", "ContactNumber", "Name")):
        raise Invalid(NO_CONTACT)
    found = names.find_contact(org, sent)
    if found is not None and found["ContactStatus"] != "ACTIVE":
        raise Invalid(ARCHIVED)
    if found is None or set(sent) - {"ContactID", "ContactNumber"} - ({"Name"} if found else set()):
        found = org.put("Contact", names.contact(org, sent, found))
    return str(found["ContactID"])


def _number(org: Organisation, wanted: Json, made: Json, old: Json | None, problems: list[str]) -> None:
    number = f.text(wanted, "InvoiceNumber", 255, problems)
    if not number and not made["InvoiceNumber"]:
        used = [int(n[4:]) for n in _numbers(org) if n.startswith("INV-") and n[4:].isdigit()]
        number = f"INV-{max(used, default=0) + 1:04}"
    if number and fold(number) != fold(made["InvoiceNumber"]):
        holder = org.keyed("invoice_number", number)
        if holder is not None and holder["InvoiceID"] != (old or {}).get("InvoiceID"):
            problems.append(NUMBER_TAKEN)
    made["InvoiceNumber"] = number or made["InvoiceNumber"]


def _numbers(org: Organisation) -> list[str]:
    return [row["InvoiceNumber"] for row in org.tables["Invoice"].values()]


def _currency(org: Organisation, wanted: Json, made: Json, problems: list[str]) -> None:
    asked = f.text(wanted, "CurrencyCode")
    if asked and asked != org.currency and asked not in org.rules.currencies.split():
        problems.append(NO_CURRENCY.format(currency=asked))
    made["CurrencyCode"] = asked or made["CurrencyCode"]


def _lines(org: Organisation, sent: list[Json], made: Json, digits: int, problems: list[str]) -> list[Json]:
    if not sent:
        problems.append(NO_LINES)
    before = {line["LineItemID"]: line for line in made["LineItems"]}
    strict = made["Status"] != "DRAFT"
    return [_line(org, source, before, made, strict, digits, problems) for source in sent]


def _line(
    org: Organisation, sent: Json, before: dict[str, Json], made: Json, strict: bool, digits: int, problems: list[str]
) -> Json:
    line_id = f.text(sent, "LineItemID")
    if line_id and line_id not in before:
        problems.append(f"The LineItemID '{line_id}' is not one of this document.")
    line: Json = {"LineItemID": line_id or org.new_id("Line"), "Tracking": before.get(line_id, {}).get("Tracking", [])}
    if "Tracking" in sent:
        line["Tracking"] = f.objects(sent, "Tracking")
    item = _line_item(org, sent, problems)
    sales: Json = item["SalesDetails"] if item else {}
    line["Description"] = f.text(sent, "Description", 4000, problems) or (item or {}).get("Description", "")
    if not line["Description"] and strict:
        problems.append("Description must not be empty for an approved invoice.")
    quantity, price = f.number(sent, "Quantity"), f.number(sent, "UnitAmount")
    price = sales.get("UnitPrice") if price is None else price
    if strict and (quantity is None or price is None):
        problems.append("Quantity and UnitAmount must be specified on each line of an approved invoice.")
    line["Quantity"] = places(ZERO if quantity is None else quantity, 4)
    line["UnitAmount"] = places(ZERO if price is None else price, digits)
    if item is not None:
        line["ItemCode"] = item["Code"]
    code = f.text(sent, "AccountCode") or sales.get("AccountCode", "")
    line["AccountCode"] = code
    account = names.usable_account(org, code) if code else None
    if code and account is None:
        problems.append(BAD_ACCOUNT.format(code=code))
    elif not code and strict:
        problems.append(NO_ACCOUNT)
    line["TaxType"] = f.text(sent, "TaxType") or sales.get("TaxType", "") or (account or {}).get("TaxType", "NONE")
    _check_tax(org, line, made, problems)
    _discount(line, sent, problems)
    given = f.number(sent, "TaxAmount")
    if given is not None:
        line["_tax"] = given
    return line


def _line_item(org: Organisation, sent: Json, problems: list[str]) -> Json | None:
    code = f.text(sent, "ItemCode", 30, problems)
    if not code:
        return None
    found = org.keyed("item_code", code)
    if found is None:
        problems.append(f"Item code '{code}' is not valid")
    return found


def _check_tax(org: Organisation, line: Json, made: Json, problems: list[str]) -> None:
    rate = org.get("TaxRate", line["TaxType"])
    if rate is None or rate["Status"] != "ACTIVE":
        problems.append(BAD_TAX)
    elif not rate["CanApplyToRevenue"]:
        problems.append(TAX_FORBIDDEN.format(tax=line["TaxType"], code=line["AccountCode"]))


def _discount(line: Json, sent: Json, problems: list[str]) -> None:
    """LineAmount = Quantity x UnitAmount less the line's discount, rounded half up."""
    whole = cents(line["Quantity"] * line["UnitAmount"])
    rate, amount = f.number(sent, "DiscountRate"), f.number(sent, "DiscountAmount")
    net = whole
    if rate:
        line["DiscountRate"] = rate
        net = cents(line["Quantity"] * line["UnitAmount"] * (1 - rate / 100))
    elif amount:
        line["DiscountAmount"] = cents(amount)
        net = whole - cents(amount)
    if (net < 0 < whole) or (net > whole and whole >= 0):
        problems.append("Discount must not be greater than the line total.")
    given = f.number(sent, "LineAmount")
    if given is not None and given != net:
        problems.append(f"The line total {given} does not match the expected line total {net}")
    line["LineAmount"] = net


def _sum_lines(org: Organisation, made: Json) -> None:
    made["LineItems"] = [dict(line) for line in made["LineItems"]]


def add_up(org: Organisation, made: Json, extra_cents: int = 0) -> None:
    """Tax is rounded on each line, then summed (contract 7)."""
    inclusive, no_tax = made["LineAmountTypes"] == "Inclusive", made["LineAmountTypes"] == "NoTax"
    tax = lines = ZERO
    for line in made["LineItems"]:
        rate = ZERO if no_tax else names.rate_of(org.tables["TaxRate"].get(line["TaxType"], {"TaxComponents": []}))
        share = rate / (100 + rate) if inclusive else rate / 100
        given: Decimal | None = line.get("_tax")
        line["TaxAmount"] = ZERO if no_tax else given if given is not None else cents(line["LineAmount"] * share)
        tax += line["TaxAmount"]
        lines += line["LineAmount"]
    tax += Decimal(extra_cents) / 100
    made["TotalTax"] = tax
    made["SubTotal"] = lines - (tax if inclusive else ZERO)
    made["Total"] = made["SubTotal"] + tax
    made["AmountDue"] = made["Total"] - made["AmountPaid"]


def store_invoice(org: Organisation, made: Json, old: Json | None) -> Json:
    """Save, and make the contact a customer."""
    stored = org.put("Invoice", made)
    person = org.tables["Contact"][stored["_contact"]]
    if not person["IsCustomer"] and stored["Status"] != "DELETED":
        org.put("Contact", {**person, "IsCustomer": True}, touch=False)
    return stored


# --- payments ---


def payment(org: Organisation, wanted: Json) -> Json:
    """A payment ready to be stored. Raises `Invalid`."""
    sent = f.part(wanted, "Invoice") or {"InvoiceNumber": f.text(wanted, "InvoiceNumber")}
    paid = find_invoice(org, sent)
    if paid is None:
        raise Invalid("A document must be specified: Invoice, CreditNote, Prepayment or Overpayment.")
    account = _deposit_account(org, f.part(wanted, "Account") or {"Code": f.text(wanted, "Code")})
    amount, on = f.number(wanted, "Amount"), f.day(wanted, "Date")
    problems: list[str] = []
    reference = f.text(wanted, "Reference", 255, problems)
    if not on:
        problems.append("Payment date must be specified.")
    if amount is None or amount <= 0 or amount != cents(amount):
        problems.append("Payment amount must be greater than zero.")
    if paid["Status"] not in ("AUTHORISED", "PAID"):
        problems.append(NOT_AUTHORISED)
    elif amount is not None and amount > paid["AmountDue"]:
        problems.append(TOO_MUCH)
    if problems:
        raise Invalid(*problems)
    check_open(org, on)
    return {
        "PaymentID": org.new_id("Payment"),
        "Date": on,
        "Amount": amount,
        "BankAmount": amount,
        "Reference": reference,
        "PaymentType": "ACCRECPAYMENT",
        "Status": "AUTHORISED",
        "_invoice": paid["InvoiceID"],
        "_account": account["AccountID"],
    }


def _deposit_account(org: Organisation, sent: Json) -> Json:
    record_id, code = f.text(sent, "AccountID"), f.text(sent, "Code")
    found = org.get("Account", record_id) if record_id else org.keyed("account_code", code) if code else None
    if found is None or not names.takes_payments(found):
        raise Invalid(f"{NO_ACCOUNT} A payment needs a bank account or one that is enabled for payments.")
    return found


def store_payment(org: Organisation, made: Json) -> Json:
    stored = org.put("Payment", made)
    settle(org, made["_invoice"])
    return stored


def delete_payment(org: Organisation, old: Json) -> Json:
    """Raises `Invalid` if it is deleted already, reconciled, or in a locked period."""
    if old["Status"] == "DELETED":
        raise Invalid(PAYMENT_GONE)
    if old["PaymentID"] in org.reconciled:
        raise Invalid("The payment has been reconciled and cannot be deleted.")
    check_open(org, old["Date"])
    stored = org.put("Payment", {**old, "Status": "DELETED"})
    settle(org, old["_invoice"])
    return stored


def settle(org: Organisation, invoice_id: str) -> None:
    """AmountPaid, AmountDue and status of an invoice from its payments."""
    record = org.tables["Invoice"][invoice_id]
    rows = org.paid(invoice_id)
    paid = sum((row["Amount"] for row in rows), ZERO)
    due = record["Total"] - paid
    status, last = ("PAID", max(row["Date"] for row in rows)) if rows and due <= 0 else ("AUTHORISED", "")
    changed = {"AmountPaid": paid, "AmountDue": due, "Status": status, "FullyPaidOnDate": last}
    org.put("Invoice", {**record, **changed})
