"""Our steps as Wave's mutations; pure. The other way round is `wave_reading`.

A patch names only the fields of the step, since what the bookkeeper keeps elsewhere is not ours (I6). There are
no idempotency keys: a customer carries our number, an invoice its own, a payment a mark in its memo (contract 7).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desktop.providers.base import Action, Step
from desktop.providers.records import (
    AccountKind,
    CompanySettings,
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    Kind,
    LineRecord,
    PaymentMethod,
    PaymentRecord,
    Record,
)
from desktop.providers.wave_documents import LETTERS, SHOWN, Entry
from desktop.providers.wave_places import country_code, province_code
from desktop.providers.wave_reading import METHODS, NODES, to_memo
from desktop.providers.writing import real_email, without_made_up

SERVICE = "Wave"
NO_ROOM = frozenset({"customer.company_name", "customer.active", "item.taxable", "item.sku"})
"""Fields of ours that Wave can't hold or doesn't let other programs write (contract 12): never part of a patch."""

_METHOD_IDS = {
    PaymentMethod.CASH: "CASH",
    PaymentMethod.CHECK: "CHEQUE",
    PaymentMethod.CARD: "CREDIT_CARD",
    PaymentMethod.BANK_TRANSFER: "BANK_TRANSFER",
    PaymentMethod.OTHER: "OTHER",
}


@dataclass(frozen=True, slots=True)
class Company:
    """What the mapping must know of the business that is written to."""

    id: str
    country: str = ""
    accounts: tuple[tuple[str, str], ...] = ()
    """(id, name) of the income accounts, for sentences."""
    deposits: tuple[str, ...] = ()
    """Ids of the accounts in use that payments can go to."""

    @classmethod
    def of(cls, settings: CompanySettings) -> Company:
        """From the settings as read."""
        return cls(
            id=settings.company.external_id,
            country=country_code(settings.country),
            accounts=tuple((one.external_id, one.name) for one in settings.accounts if one.kind is AccountKind.INCOME),
            deposits=tuple(
                one.external_id for one in settings.accounts if one.kind is AccountKind.DEPOSIT and one.active
            ),
        )

    def deposit_for(self, payment: PaymentRecord) -> str | None:
        """The account chosen for the payment, or the only one there is; nothing is guessed among several."""
        if payment.deposit_account_id:
            return payment.deposit_account_id
        return self.deposits[0] if len(self.deposits) == 1 else None


def encode(payload: Any) -> str:
    """`payload` as stable JSON text: the same payload always gives the same bytes.

    Raises InternalMistake if a made-up e-mail address would leave with it (I19).
    """
    return without_made_up(SERVICE, json.dumps(payload, separators=(",", ":")))


# --- one payload per kind: all fields of ours, by the record's own field names ---


def _customer_fields(customer: CustomerRecord, company: Company) -> dict[str, dict[str, Any]]:
    address = customer.address
    country = country_code(address.country, company.country if any((address.region, address.city)) else "")
    return {
        "display_name": {"name": customer.display_name},
        "given_name": {"firstName": customer.given_name or None},
        "family_name": {"lastName": customer.family_name or None},
        "email": {"email": real_email(customer.email) or None},
        "phone": {"phone": customer.phone or None},
        "address": {
            "address": {
                "addressLine1": address.line1 or None,
                "addressLine2": address.line2 or None,
                "city": address.city or None,
                "provinceCode": province_code(address.region, country) or None,
                "postalCode": address.postal_code or None,
                "countryCode": country or None,
            }
        },
    }


def _item_fields(item: ItemRecord) -> dict[str, dict[str, Any]]:
    return {
        "name": {"name": item.name},
        "description": {"description": item.description},
        "unit_price": {"unitPrice": f"{item.unit_price or 0:f}"},
        "income_account_id": {"incomeAccountId": item.income_account_id} if item.income_account_id else {},
    }


def _invoice_fields(invoice: InvoiceRecord) -> dict[str, dict[str, Any]]:
    """SAVED is as far as writing goes; that it was sent is said afterwards (contract 5, 9.7)."""
    discount = {"discounts": _discounts(invoice)}
    return {
        "customer_id": {"customerId": invoice.customer_id},
        "number": {"invoiceNumber": invoice.number},
        "issued_on": {"invoiceDate": invoice.issued_on.isoformat()},
        "due_on": {"dueDate": invoice.due_on.isoformat()} if invoice.due_on else {},
        "memo": {"memo": invoice.memo},
        "lines": {"items": [_line(line) for line in invoice.lines]},
        "discount": discount,
        "discount_percent": discount,
        "currency": {"currency": invoice.currency} if invoice.currency else {},
        "draft": {"status": "SAVED"},
    }


def _line(line: LineRecord) -> dict[str, Any]:
    """Everything is named: what is left out would be taken from the product (contract 9.8)."""
    return {
        "productId": line.item_id or "",
        "description": line.description,
        "quantity": f"{line.quantity:f}",
        "unitPrice": f"{line.unit_price:f}",
        "taxes": [{"salesTaxId": line.tax_code_id}] if line.tax_code_id else [],
    }


def _discounts(invoice: InvoiceRecord) -> list[dict[str, Any]]:
    if invoice.discount_percent:
        return [{"discountType": "PERCENTAGE", "percentage": f"{invoice.discount_percent:f}"}]
    return [{"discountType": "FIXED", "amount": f"{invoice.discount:f}"}] if invoice.discount else []


def _payment_fields(payment: PaymentRecord, company: Company) -> dict[str, dict[str, Any]]:
    account = company.deposit_for(payment)
    method = {"paymentMethod": method_id(payment)}
    return {
        "amount": {"amount": f"{payment.amount:f}"},
        "paid_on": {"paymentDate": payment.paid_on.isoformat()},
        "method": method,
        "method_id": method,
        "reference": {"memo": to_memo(payment.reference, payment.marker)},
        "deposit_account_id": {"paymentAccountId": account} if account else {},
    }


def method_id(payment: PaymentRecord) -> str:
    """Wave's own name of the payment's method."""
    return payment.method_id if payment.method_id in METHODS else _METHOD_IDS[payment.method]


def _fields(record: Record, company: Company) -> dict[str, dict[str, Any]]:
    if isinstance(record, CustomerRecord):
        return _customer_fields(record, company)
    if isinstance(record, ItemRecord):
        return _item_fields(record)
    if isinstance(record, InvoiceRecord):
        return _invoice_fields(record)
    return _payment_fields(record, company)


def create_input(step: Step, company: Company) -> dict[str, Any]:
    """Everything we know of a new record; what is empty is left out."""
    record = step.record
    known: dict[str, Any] = {}
    for fields in _fields(record, company).values():
        known.update(fields)
    wanted = {name: value for name, value in known.items() if value not in ("", None)}
    if isinstance(record, PaymentRecord):
        invoice = record.allocations[0].invoice_id if record.allocations else ""
        return {"invoiceId": invoice, **wanted, "exchangeRate": "1"}
    wanted = {"businessId": company.id, **wanted}
    if isinstance(record, CustomerRecord):
        address = {name: value for name, value in known["address"].items() if value}
        wanted["address"] = address
        if not address:
            del wanted["address"]
        wanted["displayId"] = f"BC-{step.ref.partition(':')[2]}"
    elif isinstance(record, ItemRecord):
        wanted["defaultSalesTaxIds"] = []
    return wanted


def patch_input(step: Step, company: Company) -> dict[str, Any]:
    """Exactly the fields that the step names; an empty text clears the field there."""
    known = _fields(step.record, company)
    wanted: dict[str, Any] = {"id": step.record.external_id or ""}
    for name in sorted(step.fields):
        wanted.update(known.get(name, {}))
    return wanted


_CREATE = {
    Kind.CUSTOMER: "customerCreate",
    Kind.ITEM: "productCreate",
    Kind.INVOICE: "invoiceCreate",
    Kind.PAYMENT: "invoicePaymentCreateManual",
}
_PATCH = {
    Kind.CUSTOMER: "customerPatch",
    Kind.ITEM: "productPatch",
    Kind.INVOICE: "invoicePatch",
    Kind.PAYMENT: "invoicePaymentPatch",
}
_DELETE = {
    Kind.CUSTOMER: ("customerDelete", "id"),
    Kind.ITEM: ("productArchive", "id"),
    Kind.INVOICE: ("invoiceDelete", "invoiceId"),
    Kind.PAYMENT: ("invoicePaymentDelete", "id"),
}
"""Wave knows no voiding: what is taken back is deleted; a product is archived."""


def shows(kind: Kind) -> str:
    return f"{NODES[kind]} {{ {SHOWN[kind]} }}"


def step_entry(step: Step, alias: str, company: Company) -> Entry:
    """The step as one mutation."""
    if step.action is Action.CREATE:
        return Entry(alias, _CREATE[step.kind], create_input(step, company), shows(step.kind))
    archives = isinstance(step.record, ItemRecord) and "active" in step.fields and not step.record.active
    if step.action is Action.UPDATE and not archives:
        return Entry(alias, _PATCH[step.kind], patch_input(step, company), shows(step.kind))
    mutation, name = _DELETE[step.kind]
    shown = shows(Kind.ITEM) if step.kind is Kind.ITEM else ""
    return Entry(alias, mutation, {name: step.record.external_id or ""}, shown)


def mark_sent(alias: str, invoice_id: str, sent_at: str) -> Entry:
    """Says that the invoice has left the house; we never make Wave e-mail it."""
    wanted = {"invoiceId": invoice_id, "sendMethod": "MARKED_SENT", "sentAt": sent_at}
    return Entry(alias, "invoiceMarkSent", wanted, "invoice { id status }")


def aliases(kinds: Sequence[Kind], inputs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Kind and index, and a few letters of what is sent: an answer to another call never fits (N11)."""
    mark = hashlib.sha256(json.dumps(list(inputs), sort_keys=True).encode()).hexdigest()[:8]
    return [f"{LETTERS[kind]}{at}_{mark}" for at, kind in enumerate(kinds)]
