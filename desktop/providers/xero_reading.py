"""Xero payloads as our records; pure, strict, and never guessing (B3, B7).

Shapes and field rules: providers' contract, Xero, sections 2.4 and 3. Items and accounts go by their codes,
because lines and items name codes; everything else goes by Xero's own id.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from desktop.providers.base import MARKER
from desktop.providers.quickbooks_reading import flag, money
from desktop.providers.reading import Payload, Unreadable, part, parts, text
from desktop.providers.records import (
    Address,
    Allocation,
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    Kind,
    LineRecord,
    PaymentMethod,
    PaymentRecord,
    Record,
)

PLURALS = {Kind.CUSTOMER: "Contacts", Kind.ITEM: "Items", Kind.INVOICE: "Invoices", Kind.PAYMENT: "Payments"}
IDS = {Kind.CUSTOMER: "ContactID", Kind.ITEM: "Code", Kind.INVOICE: "InvoiceID", Kind.PAYMENT: "PaymentID"}
NO_ID = "00000000-0000-0000-0000-000000000000"
UNTAXED = "NONE"
NO_TEXT = "-"
"""Stands on a line that has no text of ours: an approved invoice needs one on every line."""

METHOD_WORDS = {
    PaymentMethod.CASH: "Cash",
    PaymentMethod.CHECK: "Check",
    PaymentMethod.CARD: "Card",
    PaymentMethod.BANK_TRANSFER: "Bank transfer",
}
"""Xero's payments have no method: it stands in words before the reference (M78)."""

_SLASH_DATE = re.compile(r"^/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/$")
_ISO_DAY = re.compile(r"^(\d{4}-\d\d-\d\d)(?:T00:00:00)?$")
_TAG = re.compile(r"\s*\bBC-([A-Z2-7]{26})(?:-(\d{1,4}))?\s*$")
_METHOD = re.compile(r"^(credit card|card|cash|check|cheque|bank transfer)\b\s*", re.IGNORECASE)
_METHODS = {
    "credit card": PaymentMethod.CARD,
    "card": PaymentMethod.CARD,
    "cash": PaymentMethod.CASH,
    "check": PaymentMethod.CHECK,
    "cheque": PaymentMethod.CHECK,
    "bank transfer": PaymentMethod.BANK_TRANSFER,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# --- our stamp ---


def tag_of(marker: str) -> str:
    """Our stamp as it stands at the end of a Reference: short, and the whole uuid can be read back from it."""
    plain, _, generation = marker.removeprefix(MARKER).partition("/")
    try:
        packed = base64.b32encode(uuid.UUID(plain).bytes).decode("ascii").rstrip("=")
    except ValueError:
        return ""
    return f"BC-{packed}-{generation}" if generation else f"BC-{packed}"


def split_tag(reference: str) -> tuple[str, str]:
    """(the reference without our stamp, the marker that the stamp stands for or "")."""
    found = _TAG.search(reference)
    if found is None:
        return reference, ""
    plain = uuid.UUID(bytes=base64.b32decode(found[1] + "======"))
    generation = f"/{found[2]}" if found[2] else ""
    return reference[: found.start()], f"{MARKER}{plain}{generation}"


def split_method(words: str) -> tuple[PaymentMethod, str]:
    """(the way of paying that stands in front, the rest)."""
    found = _METHOD.match(words)
    if found is None:
        return PaymentMethod.OTHER, words
    return _METHODS[found[1].lower()], words[found.end() :]


# --- values ---


def instant(value: object) -> datetime | None:
    """An instant of the form `/Date(ms+0000)/`, the offset ignored (contract 2.4); None where it can't be read."""
    found = _SLASH_DATE.match(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int(found[1]))
    except OverflowError:
        return None


def day(payload: Payload, name: str) -> date | None:
    """A calendar date: midnight UTC of that day; None if absent. Raises Unreadable for anything else."""
    value = payload.get(name)
    if value is None or value == "":
        return None
    moment = instant(value)
    if moment is not None and moment.year >= 1900:
        return moment.date()
    found = _ISO_DAY.match(value) if isinstance(value, str) else None
    try:
        if found is not None and found[1] >= "1900":
            return date.fromisoformat(found[1])
    except ValueError:
        pass
    raise Unreadable(f"{name} is not a date")


def version_of(payload: Payload) -> str:
    """The time of the last change in milliseconds: Xero's records carry no version number."""
    moment = instant(payload.get("UpdatedDateUTC"))
    return "" if moment is None else str(int(moment.timestamp() * 1000))


def identity(payload: Payload, kind: Kind) -> str:
    """The id of a record. Raises Unreadable if it is missing, no text, or all zeros."""
    found = text(payload, IDS[kind])
    if not found or found == NO_ID:
        raise Unreadable(f"{IDS[kind]} is missing")
    return found


# --- records ---


def customer_from_payload(payload: Payload) -> CustomerRecord:
    """A contact; the mailing address counts, the street where that is empty. Raises Unreadable."""
    external_id = identity(payload, Kind.CUSTOMER)
    addresses = {text(row, "AddressType"): row for row in parts(payload, "Addresses")}
    phones = {text(row, "PhoneType"): row for row in parts(payload, "Phones")}
    found = (_address(addresses.get(kind, {})) for kind in ("POBOX", "STREET"))
    return CustomerRecord(
        display_name=text(payload, "Name"),
        external_id=external_id,
        version=version_of(payload),
        given_name=text(payload, "FirstName"),
        family_name=text(payload, "LastName"),
        email=text(payload, "EmailAddress"),
        phone=next((p for p in (_phone(phones.get(k, {})) for k in ("DEFAULT", "MOBILE", "DDI")) if p), ""),
        address=next((address for address in found if address != Address()), Address()),
        active=text(payload, "ContactStatus") in ("", "ACTIVE"),
        merged_into=text(payload, "MergedToContactID") or None,
        updated_at=instant(payload.get("UpdatedDateUTC")),
    )


def _address(row: Payload) -> Address:
    return Address(
        line1=text(row, "AddressLine1"),
        line2=text(row, "AddressLine2"),
        city=text(row, "City"),
        region=text(row, "Region"),
        postal_code=text(row, "PostalCode"),
        country=text(row, "Country"),
    )


def _phone(row: Payload) -> str:
    found = (text(row, name) for name in ("PhoneCountryCode", "PhoneAreaCode", "PhoneNumber"))
    return " ".join(one for one in found if one)


def item_from_payload(payload: Payload) -> ItemRecord:
    """An item; Xero has no inactive ones. Raises Unreadable."""
    code = identity(payload, Kind.ITEM)
    sales = part(payload, "SalesDetails")
    return ItemRecord(
        name=text(payload, "Name") or code,
        external_id=code,
        version=version_of(payload),
        description=text(payload, "Description"),
        unit_price=money(sales, "UnitPrice"),
        income_account_id=text(sales, "AccountCode") or None,
        taxable=text(sales, "TaxType") not in ("", UNTAXED),
        sku=code,
        updated_at=instant(payload.get("UpdatedDateUTC")),
    )


def invoice_from_payload(payload: Payload, rates: Mapping[str, Decimal | None]) -> InvoiceRecord:
    """A sales invoice with its own totals; `rates` are the tax types' percentages. Raises Unreadable."""
    external_id, status = identity(payload, Kind.INVOICE), text(payload, "Status")
    issued_on, customer_id = day(payload, "Date"), text(part(payload, "Contact"), "ContactID")
    if issued_on is None or not customer_id:
        raise Unreadable("an invoice without date or contact")
    read = [_line(line, rates) for line in parts(payload, "LineItems")]
    voided = status in ("VOIDED", "DELETED")
    return InvoiceRecord(
        number=text(payload, "InvoiceNumber"),
        customer_id=customer_id,
        issued_on=issued_on,
        lines=tuple(line for line, _ in read),
        external_id=external_id,
        version=version_of(payload),
        due_on=day(payload, "DueDate"),
        currency=text(payload, "CurrencyCode"),
        discount=sum((off for _, off in read), Decimal(0)),
        memo=text(payload, "Reference"),
        total=money(payload, "Total"),
        tax_total=money(payload, "TotalTax"),
        balance=Decimal(0) if voided else money(payload, "AmountDue"),
        voided=voided,
        draft=status in ("DRAFT", "SUBMITTED"),
        updated_at=instant(payload.get("UpdatedDateUTC")),
        payment_ids=tuple(filter(None, (text(row, "PaymentID") for row in parts(payload, "Payments")))),
    )


def _line(line: Payload, rates: Mapping[str, Decimal | None]) -> tuple[LineRecord, Decimal]:
    """The line before its discount, and that discount as money."""
    net = money(line, "LineAmount") or Decimal(0)
    quantity, price = money(line, "Quantity"), money(line, "UnitAmount")
    if quantity is None and price is None:
        quantity, price = Decimal(1), net
    quantity, price = Decimal(1) if quantity is None else quantity, net if price is None else price
    amount = (quantity * price).quantize(Decimal("0.01"), ROUND_HALF_UP)
    kind = text(line, "TaxType")
    rate = rates.get(kind)
    taxed = rate > 0 if rate is not None else kind not in ("", UNTAXED)
    description = text(line, "Description")
    record = LineRecord(
        description="" if description == NO_TEXT else description,
        quantity=quantity,
        unit_price=price,
        amount=amount,
        item_id=text(line, "ItemCode") or None,
        taxable=taxed,
        tax_code_id=kind if taxed else None,
        income_account_id=text(line, "AccountCode") or None,
    )
    return record, amount - net


def payment_from_payload(payload: Payload, invoice: Payload | None = None) -> PaymentRecord:
    """A payment with the one invoice it pays; `invoice` is where it was read on one. Raises Unreadable."""
    external_id = identity(payload, Kind.PAYMENT)
    paid = part(payload, "Invoice") if invoice is None else invoice
    paid_on, amount = day(payload, "Date"), money(payload, "Amount")
    invoice_id, customer_id = text(paid, "InvoiceID"), text(part(paid, "Contact"), "ContactID")
    if paid_on is None or amount is None or not invoice_id:
        raise Unreadable("a payment without date, amount or invoice")
    words, marker = split_tag(text(payload, "Reference"))
    method, reference = split_method(words)
    account = part(payload, "Account")
    return PaymentRecord(
        customer_id=customer_id,
        paid_on=paid_on,
        amount=amount,
        allocations=(Allocation(invoice_id, amount),),
        external_id=external_id,
        version=version_of(payload) or None,
        currency=text(paid, "CurrencyCode"),
        method=method,
        reference=reference,
        marker=marker,
        deposit_account_id=text(account, "Code") or text(account, "AccountID") or None,
        voided=text(payload, "Status") == "DELETED",
        updated_at=instant(payload.get("UpdatedDateUTC")),
    )


def record_from_payload(kind: Kind, payload: object, rates: Mapping[str, Decimal | None]) -> Record:
    """The record of a known kind. Raises Unreadable."""
    if not isinstance(payload, dict):
        raise Unreadable("not an object")
    if kind is Kind.CUSTOMER:
        return customer_from_payload(payload)
    if kind is Kind.ITEM:
        return item_from_payload(payload)
    if kind is Kind.INVOICE:
        return invoice_from_payload(payload, rates)
    return payment_from_payload(payload)


def flagged(payload: Payload, name: str) -> bool:
    """A boolean that may be missing."""
    return flag(payload, name, False)
