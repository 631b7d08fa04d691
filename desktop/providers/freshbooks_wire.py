"""Our steps as FreshBooks requests; pure. The other way round is `freshbooks_reading`.

A PUT changes only the fields it names (I6), but `lines` replaces all lines. Our stamp: clients and payments bear it
in their note, items in `sku`; invoices have no room for one and go by their number (contract 10).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from desktop.providers.base import MARKER, Action, Step
from desktop.providers.freshbooks_faults import SERVICE
from desktop.providers.freshbooks_reading import ARCHIVED, DELETED, METHODS
from desktop.providers.records import (
    CompanySettings,
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    Kind,
    LineRecord,
    PaymentRecord,
    Record,
    TaxCodeRecord,
    name_of,
)
from desktop.providers.writing import merged, real_email, without_made_up

COUNTRIES = {
    "US": "United States", "USA": "United States", "CA": "Canada", "GB": "United Kingdom", "UK": "United Kingdom",
    "AU": "Australia", "NZ": "New Zealand", "IE": "Ireland", "DE": "Germany", "FR": "France", "MX": "Mexico",
}  # fmt: skip
"""FreshBooks holds names of countries, never codes (contract 5)."""
PATHS = {
    Kind.CUSTOMER: "users/clients",
    Kind.ITEM: "items/items",
    Kind.INVOICE: "invoices/invoices",
    Kind.PAYMENT: "payments/payments",
}
KEYS = {Kind.CUSTOMER: "client", Kind.ITEM: "item", Kind.INVOICE: "invoice", Kind.PAYMENT: "payment"}
LISTS = {Kind.CUSTOMER: "clients", Kind.ITEM: "items", Kind.INVOICE: "invoices", Kind.PAYMENT: "payments"}
MARK_SENT = '{"invoice":{"action_mark_as_sent":true}}'
"""Alone, without other fields, as the official client does (contract 7)."""


@dataclass(frozen=True, slots=True)
class Company:
    """What the mapping must know of the business that is written to."""

    currency: str = "USD"
    taxes: tuple[TaxCodeRecord, ...] = ()

    @classmethod
    def of(cls, settings: CompanySettings | None) -> Company:
        """From the settings as read."""
        return cls() if settings is None else cls(settings.home_currency, settings.tax_codes)

    def tax(self, external_id: str | None) -> TaxCodeRecord | None:
        """The tax of this id, if the business has it."""
        return next((tax for tax in self.taxes if tax.external_id == external_id), None)


@dataclass(frozen=True, slots=True)
class Request:
    """One write: where it goes and what it holds. `version` is what the record there should still look like.

    `name` is what the owner calls the record.
    """

    method: str
    path: str
    content: str = ""
    version: str = ""
    name: str = ""

    def encode(self) -> str:
        """As the text of a prepared call."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, separators=(",", ":"))

    @classmethod
    def decode(cls, body: str) -> Request:
        """From the text of a prepared call."""
        return cls(**json.loads(body))


def encode(payload: Any) -> str:
    """`payload` as stable JSON text. Raises InternalMistake if a made-up e-mail address would leave with it (I19)."""
    return without_made_up(SERVICE, json.dumps(payload, separators=(",", ":")))


def money(amount: Decimal, currency: str) -> dict[str, str]:
    """An amount as FreshBooks takes it: a decimal text of two places and its currency."""
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return {"amount": f"{amount:.{places}f}", "code": currency}


def plain(value: Decimal) -> str:
    """A quantity or percentage without trailing zeros."""
    return f"{value.normalize() + 0:f}"


def stamp(marker: str) -> str:
    """Our stamp as a note holds it; "" for none."""
    return f"[bc:{marker.removeprefix(MARKER)}]" if marker else ""


# --- one payload per kind: all fields of ours, by the record's own field names ---


def client_names(customer: CustomerRecord) -> dict[str, str]:
    """Firms have an organization, people a first and a last name, so that reading gives the display name back."""
    person = {"fname": customer.given_name.strip(), "lname": customer.family_name.strip()}
    shown = customer.display_name.strip()
    if customer.company_name.strip():
        return {"organization": shown, **person}
    if f"{person['fname']} {person['lname']}".strip() == shown:
        return {"organization": "", **person}
    if not any(person.values()) and " ".join(shown.split()) == shown:
        first, _, last = shown.rpartition(" ")
        return {"organization": "", "fname": first or last, "lname": last if first else ""}
    return {"organization": shown, **person}


def _customer_fields(customer: CustomerRecord) -> dict[str, dict[str, Any]]:
    names, address = client_names(customer), customer.address
    country = address.country.strip()
    return {
        "display_name": names,
        "company_name": names,
        "given_name": names,
        "family_name": names,
        "email": {"email": real_email(customer.email)},
        "phone": {"bus_phone": customer.phone},
        "address": {
            "p_street": address.line1,
            "p_street2": address.line2,
            "p_city": address.city,
            "p_province": address.region,
            "p_code": address.postal_code,
            "p_country": COUNTRIES.get(country.upper(), country),
        },
        "active": {"vis_state": 0 if customer.active else ARCHIVED},
    }


def _item_fields(item: ItemRecord, company: Company) -> dict[str, dict[str, Any]]:
    price = {"unit_cost": money(item.unit_price, company.currency)} if item.unit_price is not None else {}
    return {
        "name": {"name": item.name},
        "description": {"description": item.description},
        "unit_price": price,
        "active": {"vis_state": 0 if item.active else ARCHIVED},
    }


def _invoice_fields(invoice: InvoiceRecord, company: Company) -> dict[str, dict[str, Any]]:
    currency = invoice.currency or company.currency
    days = {"create_date": invoice.issued_on.isoformat()}
    due = {} if invoice.due_on is None else {"due_offset_days": (invoice.due_on - invoice.issued_on).days}
    percent = discount_percent(invoice)
    discount = {"discount_value": plain(percent or Decimal(0))}
    return {
        "customer_id": {"customerid": _id(invoice.customer_id)},
        "number": {"invoice_number": invoice.number},
        "issued_on": {**days, **due},
        "due_on": due,
        "memo": {"notes": invoice.memo},
        "lines": {"lines": [_line(line, currency, company) for line in invoice.lines]},
        "discount": discount,
        "discount_percent": discount,
        "currency": {"currency_code": currency},
    }


def _id(external_id: str) -> int | str:
    return int(external_id) if external_id.isascii() and external_id.isdigit() else external_id


def _line(line: LineRecord, currency: str, company: Company) -> dict[str, Any]:
    """A line names its item and its tax by their words; FreshBooks' lines know no ids (contract 6 and 7)."""
    payload: dict[str, Any] = {
        "type": 0,
        "name": line.item_name,
        "description": line.description,
        "qty": plain(line.quantity),
        "unit_cost": money(line.unit_price, currency),
    }
    tax = company.tax(line.tax_code_id)
    if tax is not None and tax.rate:
        payload |= {"taxName1": tax.name, "taxAmount1": plain(tax.rate)}
    return payload


def discount_percent(invoice: InvoiceRecord) -> Decimal | None:
    """The percentage that takes off what the invoice's discount says, to three decimals; None if none does.

    FreshBooks knows no discount as an amount (contract 7).
    """
    subtotal = sum((line.amount for line in invoice.lines), Decimal(0))
    if not invoice.discount:
        return Decimal(0) if not invoice.discount_percent else invoice.discount_percent
    if not subtotal:
        return None
    guess = invoice.discount_percent or (invoice.discount * 100 / subtotal).quantize(Decimal("0.001"))
    cent = Decimal("0.01")
    return guess if abs(subtotal * guess / 100 - invoice.discount) <= cent / 2 and guess == round(guess, 3) else None


def _payment_fields(payment: PaymentRecord, company: Company) -> dict[str, dict[str, Any]]:
    note = " ".join(part for part in (stamp(payment.marker), payment.reference.strip()) if part)
    kind = {"type": payment_type(payment)}
    amount = {"amount": money(payment.amount, payment.currency or company.currency)}
    return {
        "amount": amount,
        "allocations": amount,
        "paid_on": {"date": payment.paid_on.isoformat()},
        "reference": {"note": note},
        "method": kind,
        "method_id": kind,
    }


def payment_type(payment: PaymentRecord) -> str:
    """FreshBooks' word for the way of paying."""
    if payment.method_id is not None and payment.method_id in METHODS:
        return payment.method_id
    return next(name for name, ours in METHODS.items() if ours is payment.method)


def _fields(record: Record, company: Company) -> dict[str, dict[str, Any]]:
    if isinstance(record, CustomerRecord):
        return _customer_fields(record)
    if isinstance(record, ItemRecord):
        return _item_fields(record, company)
    if isinstance(record, InvoiceRecord):
        return _invoice_fields(record, company)
    return _payment_fields(record, company)


def create_payload(record: Record, company: Company) -> dict[str, Any]:
    """Everything we know of a new record; what is empty is left out, so that FreshBooks' defaults apply."""
    payload = {k: v for k, v in merged(_fields(record, company).values()).items() if v not in ("", None)}
    if payload.get("vis_state") == 0:
        del payload["vis_state"]
    if isinstance(record, CustomerRecord) and record.marker:
        payload["note"] = stamp(record.marker)
    if isinstance(record, ItemRecord):
        sku = f"BC-{record.marker.removeprefix(MARKER)}" if record.marker else record.sku
        payload |= {"sku": sku} if sku else {}
    if isinstance(record, InvoiceRecord) and payload.get("discount_value") == "0":
        del payload["discount_value"]
    if isinstance(record, PaymentRecord) and record.allocations:
        payload["invoiceid"] = _id(record.allocations[0].invoice_id)
    return payload


def request_for(step: Step, account_id: str, company: Company) -> Request:
    """The step as one request. Deleting is soft there; an invoice goes by DELETE, the rest by `vis_state`.

    An UPDATE of nothing but `draft` has no content: all it asks is that the invoice be sent.
    """
    base, record, key = f"/accounting/account/{account_id}/{PATHS[step.kind]}", step.record, KEYS[step.kind]
    name = name_of(record)
    if step.action is Action.CREATE:
        return Request("POST", base, encode({key: create_payload(record, company)}), "", name)
    path, version = f"{base}/{record.external_id or ''}", record.version or ""
    if step.action is Action.UPDATE:
        known = _fields(record, company)
        payload = merged(known[field] for field in sorted(step.fields) if field in known)
        return Request("PUT", path, encode({key: payload}) if payload else "", version, name)
    if step.kind is Kind.INVOICE:
        return Request("DELETE", path, "", version, name)
    return Request("PUT", path, encode({key: {"vis_state": DELETED}}), version, name)
