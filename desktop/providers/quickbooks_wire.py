"""Our steps as QuickBooks payloads; pure. The other way round is `quickbooks_reading`.

Updates are sparse: only the fields named by the step are written, since a full one would blank what the
accountant keeps there (I6). The private note is written on creation only, for the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desktop.providers.base import Action, Step
from desktop.providers.quickbooks_reading import ENTITIES, TAXED, UNTAXED
from desktop.providers.records import (
    CompanySettings,
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    LineRecord,
    PaymentMethod,
    PaymentRecord,
    Record,
)
from desktop.providers.writing import exact_json, filled, merged, real_email, without_made_up

SERVICE = "QuickBooks"
US = frozenset({"", "US", "USA"})


@dataclass(frozen=True, slots=True)
class Company:
    """What the mapping must know of the company that is written to."""

    us: bool = True
    """US companies mark a line TAX or NON and name the rate once; others name a tax code per line."""
    multi_currency: bool = False
    methods: tuple[tuple[str, PaymentMethod], ...] = ()
    """(id, what it stands for) of the company's payment methods."""

    @classmethod
    def of(cls, settings: CompanySettings | None) -> Company:
        """From the settings as read; a US company with one currency if nothing is known yet."""
        if settings is None:
            return cls()
        return cls(
            us=settings.country.upper() in US,
            multi_currency=settings.multi_currency,
            methods=tuple((method.external_id, method.method) for method in settings.payment_methods),
        )


# --- JSON text ---


def encode(payload: Any) -> str:
    """`payload` as stable JSON text: the same payload always gives the same bytes.

    Raises InternalMistake if a made-up e-mail address would leave with it (I19).
    """
    return without_made_up(SERVICE, exact_json(payload))


def _ref(external_id: str) -> dict[str, str]:
    return {"value": external_id}


# --- one payload per kind: all fields of ours, by the record's own field names ---


def _customer_fields(customer: CustomerRecord) -> dict[str, dict[str, Any]]:
    address = customer.address
    return {
        "display_name": {"DisplayName": customer.display_name},
        "company_name": {"CompanyName": customer.company_name},
        "given_name": {"GivenName": customer.given_name},
        "family_name": {"FamilyName": customer.family_name},
        "email": {"PrimaryEmailAddr": {"Address": real_email(customer.email)}},
        "phone": {"PrimaryPhone": {"FreeFormNumber": customer.phone}},
        "address": {
            "BillAddr": {
                "Line1": address.line1,
                "Line2": address.line2,
                "City": address.city,
                "CountrySubDivisionCode": address.region,
                "PostalCode": address.postal_code,
                "Country": address.country,
            }
        },
        "active": {"Active": customer.active},
    }


def _item_fields(item: ItemRecord) -> dict[str, dict[str, Any]]:
    account = {"IncomeAccountRef": _ref(item.income_account_id)} if item.income_account_id else {}
    price = {"UnitPrice": item.unit_price} if item.unit_price is not None else {}
    return {
        "name": {"Name": item.name},
        "description": {"Description": item.description},
        "unit_price": price,
        "income_account_id": account,
        "taxable": {"Taxable": item.taxable},
        "active": {"Active": item.active},
        "sku": {"Sku": item.sku},
    }


def _invoice_fields(invoice: InvoiceRecord, company: Company) -> dict[str, dict[str, Any]]:
    lines = _lines_payload(invoice, company)
    return {
        "customer_id": {"CustomerRef": _ref(invoice.customer_id)},
        "number": {"DocNumber": invoice.number},
        "issued_on": {"TxnDate": invoice.issued_on.isoformat()},
        "due_on": {"DueDate": invoice.due_on.isoformat()} if invoice.due_on else {},
        "memo": {"CustomerMemo": {"value": invoice.memo}},
        "lines": lines,
        "discount": lines,
        "discount_percent": lines,
        "currency": _currency(invoice.currency, company),
    }


def _currency(currency: str, company: Company) -> dict[str, Any]:
    return {"CurrencyRef": _ref(currency)} if currency and company.multi_currency else {}


def invoice_tax_codes(invoice: InvoiceRecord) -> list[str]:
    """The tax codes that the taxed lines name, each once, TAX and NON left out."""
    codes = [line.tax_code_id for line in invoice.lines if line.tax_code_id]
    return sorted({code for code in codes if code not in (TAXED, UNTAXED)})


def _lines_payload(invoice: InvoiceRecord, company: Company) -> dict[str, Any]:
    lines = [_line(line, company) for line in invoice.lines]
    payload: dict[str, Any] = {"Line": lines}
    if invoice.discount or invoice.discount_percent:
        lines.append(_discount(invoice))
        if company.us:
            payload["ApplyTaxAfterDiscount"] = True
    if not company.us:
        payload["GlobalTaxCalculation"] = "TaxExcluded"
    elif codes := invoice_tax_codes(invoice):
        payload["TxnTaxDetail"] = {"TxnTaxCodeRef": _ref(codes[0])}
    return payload


def _line(line: LineRecord, company: Company) -> dict[str, Any]:
    detail: dict[str, Any] = {"ItemRef": _ref(line.item_id or ""), "Qty": line.quantity, "UnitPrice": line.unit_price}
    if company.us:
        taxed = line.taxable or line.tax_code_id not in (None, "", UNTAXED)
        detail["TaxCodeRef"] = _ref(TAXED if taxed and line.tax_code_id != UNTAXED else UNTAXED)
    elif line.tax_code_id:
        detail["TaxCodeRef"] = _ref(line.tax_code_id)
    payload = {"DetailType": "SalesItemLineDetail", "Amount": line.amount, "SalesItemLineDetail": detail}
    return payload | ({"Description": line.description} if line.description else {})


def _discount(invoice: InvoiceRecord) -> dict[str, Any]:
    detail: dict[str, Any] = {"PercentBased": False}
    if invoice.discount_percent:
        detail = {"PercentBased": True, "DiscountPercent": invoice.discount_percent}
    return {"DetailType": "DiscountLineDetail", "Amount": invoice.discount, "DiscountLineDetail": detail}


def _payment_fields(payment: PaymentRecord, company: Company) -> dict[str, dict[str, Any]]:
    lines = {
        "TotalAmt": payment.amount,
        "Line": [
            {"Amount": paid.amount, "LinkedTxn": [{"TxnId": paid.invoice_id, "TxnType": "Invoice"}]}
            for paid in payment.allocations
        ],
    }
    method = payment_method_id(payment, company)
    deposit = payment.deposit_account_id
    return {
        "customer_id": {"CustomerRef": _ref(payment.customer_id)},
        "amount": lines,
        "allocations": lines,
        "paid_on": {"TxnDate": payment.paid_on.isoformat()},
        "reference": {"PaymentRefNum": payment.reference},
        "method": {"PaymentMethodRef": _ref(method)} if method else {},
        "method_id": {"PaymentMethodRef": _ref(method)} if method else {},
        "deposit_account_id": {"DepositToAccountRef": _ref(deposit)} if deposit else {},
        "currency": _currency(payment.currency, company),
    }


def payment_method_id(payment: PaymentRecord, company: Company) -> str | None:
    """The company's own method for ours; None where it has none, and then the payment goes without."""
    return payment.method_id or next((found for found, ours in company.methods if ours is payment.method), None)


def _fields(record: Record, company: Company) -> dict[str, dict[str, Any]]:
    if isinstance(record, CustomerRecord):
        return _customer_fields(record)
    if isinstance(record, ItemRecord):
        return _item_fields(record)
    if isinstance(record, InvoiceRecord):
        return _invoice_fields(record, company)
    return _payment_fields(record, company)


def create_payload(record: Record, company: Company) -> dict[str, Any]:
    """Everything we know of a new record; what is empty is left out, so that QuickBooks' defaults apply."""
    payload = filled(
        {
            name: filled(value) if name in ("PrimaryEmailAddr", "PrimaryPhone", "BillAddr", "CustomerMemo") else value
            for name, value in merged(_fields(record, company).values()).items()
        }
    )
    if isinstance(record, (CustomerRecord, ItemRecord)) and payload.get("Active") is True:
        del payload["Active"]
    if isinstance(record, ItemRecord):
        payload["Type"] = "Service"
    if isinstance(record, InvoiceRecord):
        payload["EmailStatus"] = "NotSet"
    if isinstance(record, (InvoiceRecord, PaymentRecord)) and record.marker:
        payload["PrivateNote"] = record.marker
    return payload


def update_payload(step: Step, company: Company) -> dict[str, Any]:
    """A sparse update of exactly the fields that the step names; an empty text clears the field there."""
    known = _fields(step.record, company)
    payload = merged(known[name] for name in sorted(step.fields) if name in known)
    return {**_target(step.record), "sparse": True, **payload}


def _target(record: Record) -> dict[str, Any]:
    return {"Id": record.external_id or "", "SyncToken": record.version or ""}


def batch_element(step: Step, key: str, company: Company) -> dict[str, Any]:
    """The step as an entry of `BatchItemRequest` (contract 4.3).

    Names are never deleted in QuickBooks: deleting a customer or an item makes it inactive.
    """
    entity, target = ENTITIES[step.kind], _target(step.record)
    names = isinstance(step.record, (CustomerRecord, ItemRecord))
    if step.action is Action.CREATE:
        return {"bId": key, "operation": "create", entity: create_payload(step.record, company)}
    if step.action is Action.UPDATE:
        return {"bId": key, "operation": "update", entity: update_payload(step, company)}
    if names:
        return {"bId": key, "operation": "update", entity: {**target, "sparse": True, "Active": False}}
    if step.action is Action.DELETE:
        return {"bId": key, "operation": "delete", entity: target}
    if isinstance(step.record, PaymentRecord):
        return {"bId": key, "operation": "update", "optionsData": "void", entity: {**target, "sparse": True}}
    return {"bId": key, "operation": "void", entity: target}
