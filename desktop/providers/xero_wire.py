"""Our steps as Xero payloads; pure. The other way round is `xero_reading`.

Updates name only the fields that the step names (I6). An invoice's lines are sent as a whole, and given the ids of
the lines that are there just before they leave: a line without its id would be deleted and made anew (contract 3.5).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from desktop.providers.base import Action, Step
from desktop.providers.records import (
    AccountKind,
    CompanySettings,
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    LineRecord,
    PaymentMethod,
    PaymentRecord,
)
from desktop.providers.writing import exact_json, filled, merged, real_email, without_made_up
from desktop.providers.xero_faults import SERVICE
from desktop.providers.xero_reading import METHOD_WORDS, NO_TEXT, UNTAXED, tag_of

CODE_MAX = 30
CENT = Decimal("0.01")
_UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Company:
    """What the mapping must know of the organisation that is written to."""

    deposit_account: str = ""
    """Where money goes for which no account was chosen: the default bank account's id."""
    default_tax: str = ""
    """The tax type of a taxable item."""
    rates: tuple[tuple[str, Decimal | None], ...] = ()
    closed_until: date | None = None
    currency: str = ""
    known: bool = False

    @classmethod
    def of(cls, settings: CompanySettings | None) -> Company:
        """From the settings as read; nothing is known yet without them."""
        if settings is None:
            return cls()
        places = [one for one in settings.accounts if one.kind is AccountKind.DEPOSIT and one.active]
        default = next((one for one in places if one.is_default), places[0] if places else None)
        taxes = [one.external_id for one in settings.tax_codes if one.active and one.rate]
        return cls(
            deposit_account=default.external_id if default else "",
            default_tax=taxes[0] if taxes else "",
            rates=tuple((one.external_id, one.rate) for one in settings.tax_codes),
            closed_until=settings.closed_until,
            currency=settings.home_currency,
            known=bool(settings.accounts),
        )


def encode(payload: Any) -> str:
    """`payload` as stable JSON text: the same payload always gives the same bytes.

    Raises InternalMistake if a made-up e-mail address would leave with it (I19).
    """
    return without_made_up(SERVICE, exact_json(payload))


# --- contacts ---


def _contact_fields(customer: CustomerRecord) -> dict[str, dict[str, Any]]:
    address = customer.address
    return {
        "display_name": {"Name": customer.display_name},
        "given_name": {"FirstName": customer.given_name},
        "family_name": {"LastName": customer.family_name},
        "email": {"EmailAddress": real_email(customer.email)},
        "phone": {
            "Phones": [
                {
                    "PhoneType": "DEFAULT",
                    "PhoneCountryCode": "",
                    "PhoneAreaCode": "",
                    "PhoneNumber": customer.phone,
                }
            ]
        },
        "address": {
            "Addresses": [
                {
                    "AddressType": "POBOX",
                    "AddressLine1": address.line1,
                    "AddressLine2": address.line2,
                    "City": address.city,
                    "Region": address.region,
                    "PostalCode": address.postal_code,
                    "Country": address.country,
                }
            ]
        },
        "active": {} if customer.active else {"ContactStatus": "ARCHIVED"},
    }


def contact_payload(step: Step) -> dict[str, Any]:
    """A new contact with what we know, or exactly the fields that the step names. Archiving is all of a deletion."""
    customer = step.record
    assert isinstance(customer, CustomerRecord)
    known = _contact_fields(customer)
    if step.action is Action.CREATE:
        payload = merged(known.values())
        payload["Phones"] = [row for row in (filled(row) for row in payload["Phones"]) if len(row) > 1]
        payload["Addresses"] = [row for row in (filled(row) for row in payload["Addresses"]) if len(row) > 1]
        return filled(payload)
    target = {"ContactID": customer.external_id or ""}
    if step.action in (Action.DELETE, Action.VOID):
        return {**target, "ContactStatus": "ARCHIVED"}
    return {**target, **merged(known[name] for name in sorted(step.fields) if name in known)}


# --- items ---


def item_code(item: ItemRecord) -> str:
    """The item's own number, or a code made of its name: stable, at most 30 characters, unique for all we know."""
    sku = item.sku.strip()
    if sku and len(sku) <= CODE_MAX:
        return sku
    plain = re.sub(r"[^A-Z0-9]+", "-", item.name.upper()).strip("-")[:21].strip("-")
    digest = hashlib.sha256(" ".join(item.name.casefold().split()).encode()).hexdigest()[:8].upper()
    return f"{plain}-{digest}" if plain else digest


def _item_fields(item: ItemRecord, company: Company) -> dict[str, dict[str, Any]]:
    tax = company.default_tax if item.taxable else UNTAXED
    return {
        "name": {"Name": item.name},
        "description": {"Description": item.description},
        "unit_price": {"UnitPrice": item.unit_price} if item.unit_price is not None else {},
        "income_account_id": {"AccountCode": item.income_account_id} if item.income_account_id else {},
        "taxable": {"TaxType": tax} if tax else {},
    }


def item_payload(step: Step, company: Company) -> dict[str, Any]:
    """An item; what concerns its sale stands in SalesDetails. Items are never inactive in Xero: that is left out."""
    item = step.record
    assert isinstance(item, ItemRecord)
    known = _item_fields(item, company)
    wanted = set(known) if step.action is Action.CREATE else {name for name in step.fields if name in known}
    payload: dict[str, Any] = {"Code": item.external_id or item_code(item)}
    payload |= merged(known[name] for name in ("name", "description") if name in wanted)
    sales = merged(known[name] for name in ("unit_price", "income_account_id", "taxable") if name in wanted)
    if step.action is Action.CREATE:
        payload = {**filled(payload), "IsSold": True}
    return {**payload, "SalesDetails": sales} if sales else payload


# --- invoices ---


def invoice_payload(step: Step) -> dict[str, Any]:
    """An approved invoice, or exactly the fields that the step names, or its new status."""
    invoice = step.record
    assert isinstance(invoice, InvoiceRecord)
    if step.action in (Action.VOID, Action.DELETE):
        return {"InvoiceID": invoice.external_id or "", "Status": "VOIDED"}
    known = _invoice_fields(invoice)
    if step.action is Action.UPDATE:
        fields = merged(known[name] for name in sorted(step.fields) if name in known)
        return {"InvoiceID": invoice.external_id or "", **fields}
    payload = {"Type": "ACCREC", **merged(known.values()), "LineAmountTypes": "Exclusive", "Status": "AUTHORISED"}
    return filled(payload)


def _invoice_fields(invoice: InvoiceRecord) -> dict[str, dict[str, Any]]:
    lines = {"LineItems": lines_payload(invoice)}
    return {
        "number": {"InvoiceNumber": invoice.number},
        "memo": {"Reference": invoice.memo},  # printed on the invoice: the owner's own words and nothing of ours
        "customer_id": {"Contact": {"ContactID": invoice.customer_id}},
        "issued_on": {"Date": invoice.issued_on.isoformat()},
        "due_on": {"DueDate": (invoice.due_on or invoice.issued_on).isoformat()},
        "currency": {"CurrencyCode": invoice.currency},
        "lines": lines,
        "discount": lines,
        "discount_percent": lines,
    }


def lines_payload(invoice: InvoiceRecord) -> list[dict[str, Any]]:
    """The lines; a discount on the whole is spread over them, to the cent, as Xero knows none on the invoice."""
    shares = discount_shares([line.amount for line in invoice.lines], invoice.discount)
    return [_line(line, share) for line, share in zip(invoice.lines, shares, strict=True)]


def _line(line: LineRecord, discount: Decimal) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "ItemCode": line.item_id or "",
        "Description": line.description or NO_TEXT,
        "Quantity": line.quantity,
        "UnitAmount": line.unit_price,
        "AccountCode": line.income_account_id or "",
        "TaxType": line.tax_code_id or UNTAXED,
    }
    if discount:
        payload["DiscountAmount"] = discount
    return filled(payload) | {"Quantity": line.quantity, "UnitAmount": line.unit_price}


def discount_shares(amounts: Sequence[Decimal], discount: Decimal) -> list[Decimal]:
    """`discount` in whole cents in proportion to the amounts: shares add up to it, the largest remainders gain."""
    total = sum(amounts, Decimal(0))
    if not discount or not total:
        return [Decimal(0)] * len(amounts)
    exact = [discount * amount / total for amount in amounts]
    shares = [share.quantize(CENT, ROUND_FLOOR) for share in exact]
    missing = int((discount - sum(shares, Decimal(0))) / CENT)
    order = sorted(range(len(amounts)), key=lambda at: shares[at] - exact[at])
    for at in order[:missing]:
        shares[at] += CENT
    return shares


def with_line_ids(sent: Sequence[Mapping[str, Any]], current: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines to send with the ids of those that are there: first by item and text, then by their place."""
    left = list(current)
    chosen: list[Mapping[str, Any] | None] = []
    for line in sent:
        same = [one for one in left if all(one.get(k) == line.get(k) for k in ("ItemCode", "Description"))]
        chosen.append(same[0] if same else None)
        if same:
            left.remove(same[0])
    found = []
    for line, match in zip(sent, chosen, strict=True):
        if match is None and left:
            match = left.pop(0)
        line_id = match.get("LineItemID") if match is not None else None
        found.append({"LineItemID": line_id, **line} if isinstance(line_id, str) else dict(line))
    return found


# --- payments ---


def payment_payload(payment: PaymentRecord, company: Company) -> dict[str, Any]:
    """A payment of one invoice; how it was paid and our stamp stand in its reference (M78)."""
    words = METHOD_WORDS.get(payment.method, "") if payment.method is not PaymentMethod.OTHER else ""
    reference = " ".join(part for part in (words, payment.reference, tag_of(payment.marker)) if part)
    allocation = payment.allocations[0]
    return {
        "Invoice": {"InvoiceID": allocation.invoice_id},
        "Account": account_payload(payment.deposit_account_id or company.deposit_account),
        "Date": payment.paid_on.isoformat(),
        "Amount": allocation.amount,
        "Reference": reference,
    }


def account_payload(account: str) -> dict[str, str]:
    """An account by its code; bank accounts may have none, and go by their id then."""
    return {"AccountID": account} if _UUID.match(account) else {"Code": account}


def decode(body: str) -> Any:
    """Our own stored text again, its numbers exact."""
    return json.loads(body, parse_float=Decimal)
