"""QuickBooks payloads as our records; pure, strict, and never guessing (B3, B7).

Shapes and field rules: providers' contract, QuickBooks, sections 3 and 4. Only non-null attributes are
returned, so an absent text is "" and an absent amount None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from desktop.providers.base import MARKER
from desktop.providers.reading import Payload, Unreadable, day, instant, part, parts, text
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

ENTITIES = {
    Kind.CUSTOMER: "Customer",
    Kind.ITEM: "Item",
    Kind.INVOICE: "Invoice",
    Kind.PAYMENT: "Payment",
}
NOT_FOR_LINES = frozenset({"Category", "Group"})
"""Item types that can't stand on a line of ours: a category is a folder, a group can't be priced. A type that
nobody knows yet is kept: leaving it out would make its name look free."""
UNTAXED = "NON"
TAXED = "TAX"
"""The two line codes of US companies; elsewhere a line names a real tax code."""

NO_METHODS: Mapping[str, PaymentMethod] = MappingProxyType({})

_MARKER = re.compile(re.escape(MARKER) + r"[\w-]+(?:/\d+)?")


def flag(payload: Payload, name: str, default: bool) -> bool:
    """The boolean at `name`. Raises Unreadable for anything else."""
    value = payload.get(name, default)
    if not isinstance(value, bool):
        raise Unreadable(f"{name} is not true or false")
    return value


def money(payload: Payload, name: str) -> Decimal | None:
    """The number at `name`, exactly; None if absent. Raises Unreadable for anything else, text included."""
    value = payload.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise Unreadable(f"{name} is not a number")
    return Decimal(value)


def reference(payload: Payload, name: str) -> str | None:
    """The id that a reference names, None if absent."""
    return text(part(payload, name), "value") or None


def identity(payload: Payload) -> tuple[str, str]:
    """Id and SyncToken. Raises Unreadable if either is missing or no text: both are strings by contract."""
    external_id, version = text(payload, "Id"), text(payload, "SyncToken")
    if not external_id or not version:
        raise Unreadable("Id or SyncToken is missing")
    return external_id, version


def _updated(payload: Payload) -> datetime | None:
    return instant(part(payload, "MetaData").get("LastUpdatedTime"))


def _created(payload: Payload) -> datetime | None:
    return instant(part(payload, "MetaData").get("CreateTime"))


def _marker(payload: Payload) -> str:
    found = _MARKER.search(text(payload, "PrivateNote"))
    return found.group() if found else ""


def _voided(payload: Payload, total: Decimal | None) -> bool:
    """Voiding zeroes a transaction and puts "Voided" before its private note (contract 3.4)."""
    return total == 0 and text(payload, "PrivateNote").startswith("Voided")


def customer_from_payload(payload: Payload) -> CustomerRecord:
    """A customer; sub-customers and projects carry `parent_id`. Raises Unreadable."""
    external_id, version = identity(payload)
    address = part(payload, "BillAddr")
    return CustomerRecord(
        display_name=text(payload, "DisplayName"),
        external_id=external_id,
        version=version,
        given_name=text(payload, "GivenName"),
        family_name=text(payload, "FamilyName"),
        company_name=text(payload, "CompanyName"),
        email=text(part(payload, "PrimaryEmailAddr"), "Address"),
        phone=text(part(payload, "PrimaryPhone"), "FreeFormNumber"),
        address=Address(
            line1=text(address, "Line1"),
            line2=text(address, "Line2"),
            city=text(address, "City"),
            region=text(address, "CountrySubDivisionCode"),
            postal_code=text(address, "PostalCode"),
            country=text(address, "Country"),
        ),
        active=flag(payload, "Active", True),
        parent_id=reference(payload, "ParentRef"),
        updated_at=_updated(payload),
        created_at=_created(payload),
    )


def item_from_payload(payload: Payload) -> ItemRecord:
    """An item; sub-items show their full name as QuickBooks does ("Roofing:Gutters"). Raises Unreadable."""
    external_id, version = identity(payload)
    return ItemRecord(
        name=text(payload, "Name"),
        external_id=external_id,
        version=version,
        description=text(payload, "Description"),
        unit_price=money(payload, "UnitPrice"),
        income_account_id=reference(payload, "IncomeAccountRef"),
        taxable=flag(payload, "Taxable", False),
        active=flag(payload, "Active", True),
        sku=text(payload, "Sku"),
        updated_at=_updated(payload),
        created_at=_created(payload),
    )


def invoice_from_payload(payload: Payload) -> InvoiceRecord:
    """An invoice with its own totals; subtotal lines are QuickBooks' decoration and left out. Raises Unreadable."""
    external_id, version = identity(payload)
    issued_on, customer_id = day(payload, "TxnDate"), reference(payload, "CustomerRef")
    if issued_on is None or customer_id is None:
        raise Unreadable("an invoice without date or customer")
    tax = part(payload, "TxnTaxDetail")
    total = money(payload, "TotalAmt")
    lines: list[LineRecord] = []
    discount, percent = Decimal(0), None
    for line in parts(payload, "Line"):
        if text(line, "DetailType") == "DiscountLineDetail":
            discount += money(line, "Amount") or Decimal(0)
            percent = _discount_percent(line)
        else:
            lines.extend(_lines(line, reference(tax, "TxnTaxCodeRef")))
    return InvoiceRecord(
        number=text(payload, "DocNumber"),
        customer_id=customer_id,
        issued_on=issued_on,
        lines=tuple(lines),
        external_id=external_id,
        version=version,
        due_on=day(payload, "DueDate"),
        currency=reference(payload, "CurrencyRef") or "",
        discount=discount,
        discount_percent=percent,
        memo=text(part(payload, "CustomerMemo"), "value"),
        marker=_marker(payload),
        total=total,
        tax_total=money(tax, "TotalTax"),
        balance=money(payload, "Balance"),
        voided=_voided(payload, total),
        updated_at=_updated(payload),
        payment_ids=tuple(
            text(one, "TxnId") for one in parts(payload, "LinkedTxn") if text(one, "TxnType") == "Payment"
        ),
    )


def _discount_percent(line: Payload) -> Decimal | None:
    detail = part(line, "DiscountLineDetail")
    return money(detail, "DiscountPercent") if flag(detail, "PercentBased", False) else None


def _lines(line: Payload, invoice_code: str | None) -> list[LineRecord]:
    kind = text(line, "DetailType")
    if kind == "SubTotalLineDetail":
        return []
    if kind == "GroupLineDetail":
        inner = parts(part(line, "GroupLineDetail"), "Line")
        return [record for entry in inner for record in _lines(entry, invoice_code)]
    detail = part(line, "SalesItemLineDetail")
    amount = money(line, "Amount") or Decimal(0)
    quantity, price = money(detail, "Qty"), money(detail, "UnitPrice")
    if not quantity and not price:
        quantity, price = Decimal(1), amount
    code = reference(detail, "TaxCodeRef")
    taxable = code not in (None, UNTAXED)
    return [
        LineRecord(
            description=text(line, "Description"),
            quantity=Decimal(1) if quantity is None else quantity,
            unit_price=amount if price is None else price,
            amount=amount,
            item_id=reference(detail, "ItemRef"),
            taxable=taxable,
            tax_code_id=(invoice_code if code == TAXED else code) if taxable else None,
        )
    ]


def payment_from_payload(payload: Payload, methods: Mapping[str, PaymentMethod] = NO_METHODS) -> PaymentRecord:
    """A payment with the invoices it pays; `methods` tells what the company's payment methods stand for."""
    external_id, version = identity(payload)
    paid_on, customer_id, amount = (
        day(payload, "TxnDate"),
        reference(payload, "CustomerRef"),
        money(payload, "TotalAmt"),
    )
    if paid_on is None or customer_id is None or amount is None:
        raise Unreadable("a payment without date, customer or amount")
    method_id = reference(payload, "PaymentMethodRef")
    return PaymentRecord(
        customer_id=customer_id,
        paid_on=paid_on,
        amount=amount,
        allocations=_allocations(payload),
        external_id=external_id,
        version=version,
        currency=reference(payload, "CurrencyRef") or "",
        method=methods.get(method_id or "", PaymentMethod.OTHER),
        method_id=method_id,
        reference=text(payload, "PaymentRefNum"),
        marker=_marker(payload),
        deposit_account_id=reference(payload, "DepositToAccountRef"),
        unapplied=money(payload, "UnappliedAmt") or Decimal(0),
        voided=_voided(payload, amount),
        updated_at=_updated(payload),
    )


def _allocations(payload: Payload) -> tuple[Allocation, ...]:
    found = []
    for line in parts(payload, "Line"):
        for linked in parts(line, "LinkedTxn"):
            if text(linked, "TxnType") == "Invoice":
                found.append(Allocation(text(linked, "TxnId"), money(line, "Amount") or Decimal(0)))
    return tuple(found)


def record_from_payload(
    kind: Kind,
    payload: object,
    methods: Mapping[str, PaymentMethod] = NO_METHODS,
) -> Record:
    """The record of a known kind. Raises Unreadable."""
    if not isinstance(payload, dict):
        raise Unreadable("not an object")
    if kind is Kind.CUSTOMER:
        return customer_from_payload(payload)
    if kind is Kind.ITEM:
        return item_from_payload(payload)
    if kind is Kind.INVOICE:
        return invoice_from_payload(payload)
    return payment_from_payload(payload, methods)


def gone_record(kind: Kind, payload: object) -> Record:
    """What is left of a deleted record: its id. Raises Unreadable unless QuickBooks says "Deleted"."""
    if not isinstance(payload, dict) or payload.get("status") != "Deleted":
        raise Unreadable("not a deletion")
    external_id, never = text(payload, "Id"), date.min
    if not external_id:
        raise Unreadable("a deletion without Id")
    if kind is Kind.PAYMENT:
        return PaymentRecord("", never, Decimal(0), external_id=external_id, voided=True)
    if kind is Kind.INVOICE:
        return InvoiceRecord("", "", never, external_id=external_id, voided=True)
    raise Unreadable("names are never deleted in QuickBooks")
