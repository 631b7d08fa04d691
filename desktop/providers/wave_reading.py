"""Wave's nodes as our records; pure, strict, and never guessing (B3, B7).

Shapes: providers' contract, Wave, sections 3, 4 and 12. Decimals and money are texts in major units; an absent
text is null.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation

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

NODES = {Kind.CUSTOMER: "customer", Kind.ITEM: "product", Kind.INVOICE: "invoice", Kind.PAYMENT: "invoicePayment"}
"""The field of an answer that holds a record of the kind; also the field of `business` that reads one by its id."""
METHODS = {
    "CASH": PaymentMethod.CASH,
    "CHEQUE": PaymentMethod.CHECK,
    "CREDIT_CARD": PaymentMethod.CARD,
    "BANK_TRANSFER": PaymentMethod.BANK_TRANSFER,
    "OTHER": PaymentMethod.OTHER,
    "PAYPAL": PaymentMethod.OTHER,
    "UNSPECIFIED": PaymentMethod.OTHER,
}

_STAMP = re.compile(r"\s*\[bc:([\w-]+(?:/\d+)?)\]")
_DIGITS_MAX = 40


def flag(payload: Payload, name: str) -> bool:
    """The boolean at `name`, False if null. Raises Unreadable for anything else."""
    value = payload.get(name)
    if not isinstance(value, bool | None):
        raise Unreadable(f"{name} is not true or false")
    return bool(value)


def number(payload: Payload, name: str) -> Decimal | None:
    """The Decimal at `name`, exactly; None if null. Raises Unreadable for what is no number."""
    value = payload.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Unreadable(f"{name} is not a number")
    try:
        found = Decimal(value.replace(",", "") if isinstance(value, str) else value)
    except InvalidOperation:
        raise Unreadable(f"{name} is not a number") from None
    if not found.is_finite() or abs(found.adjusted()) > _DIGITS_MAX:
        raise Unreadable(f"{name} is beyond all reason")
    return found


def money(payload: Payload, name: str) -> Decimal:
    """The amount of a `Money`. Raises Unreadable if it is missing."""
    found = number(part(payload, name), "value")
    if found is None:
        raise Unreadable(f"{name} is missing")
    return found


def identity(payload: Payload) -> tuple[str, str]:
    """Id and, standing in for a version, the time of the last change. Raises Unreadable without an id."""
    external_id = text(payload, "id")
    if not external_id:
        raise Unreadable("id is missing")
    return external_id, text(payload, "modifiedAt")


def _id_of(payload: Payload, name: str) -> str:
    return text(part(payload, name), "id")


def customer_from_node(node: Payload) -> CustomerRecord:
    """A customer. Wave has no company field: a company is a customer of that name. Raises Unreadable."""
    external_id, version = identity(node)
    address = part(node, "address")
    province = text(part(address, "province"), "code")
    return CustomerRecord(
        display_name=text(node, "name"),
        external_id=external_id,
        version=version,
        given_name=text(node, "firstName"),
        family_name=text(node, "lastName"),
        email=text(node, "email"),
        phone=text(node, "phone") or text(node, "mobile"),
        address=Address(
            line1=text(address, "addressLine1"),
            line2=text(address, "addressLine2"),
            city=text(address, "city"),
            region=province.partition("-")[2] or province,
            postal_code=text(address, "postalCode"),
            country=text(part(address, "country"), "code"),
        ),
        active=not flag(node, "isArchived"),
        updated_at=instant(node.get("modifiedAt")),
        created_at=instant(node.get("createdAt")),
    )


def item_from_node(node: Payload) -> ItemRecord:
    """A product; one without an income account is not sold and needs mapping first. Raises Unreadable."""
    external_id, version = identity(node)
    return ItemRecord(
        name=text(node, "name"),
        external_id=external_id,
        version=version,
        description=text(node, "description"),
        unit_price=number(node, "unitPrice"),
        income_account_id=_id_of(node, "incomeAccount") or None,
        taxable=bool(parts(node, "defaultSalesTaxes")),
        active=not flag(node, "isArchived"),
        updated_at=instant(node.get("modifiedAt")),
        created_at=instant(node.get("createdAt")),
    )


def invoice_from_node(node: Payload) -> InvoiceRecord:
    """An invoice with Wave's own totals. It has no room for our stamp, so `marker` is "".

    SAVED means that it is in the books but was never sent: as far as we are concerned it is not finished, so it
    counts as a draft too. Raises Unreadable.
    """
    external_id, version = identity(node)
    issued_on, customer_id = day(node, "invoiceDate"), _id_of(node, "customer")
    if issued_on is None or not customer_id:
        raise Unreadable("an invoice without date or customer")
    percents = [number(one, "percentage") for one in parts(node, "discounts")]
    return InvoiceRecord(
        number=text(node, "invoiceNumber"),
        customer_id=customer_id,
        issued_on=issued_on,
        lines=tuple(_line(item) for item in parts(node, "items")),
        external_id=external_id,
        version=version,
        due_on=day(node, "dueDate"),
        currency=text(part(node, "currency"), "code"),
        discount=money(node, "discountTotal"),
        discount_percent=next((one for one in percents if one is not None), None),
        memo=text(node, "memo"),
        total=money(node, "total"),
        tax_total=money(node, "taxTotal"),
        balance=money(node, "amountDue"),
        draft=node.get("status") in ("DRAFT", "SAVED"),
        updated_at=instant(node.get("modifiedAt")),
    )


def _line(item: Payload) -> LineRecord:
    amount = money(item, "subtotal")
    quantity, price = number(item, "quantity"), number(item, "unitPrice")
    taxes = [_id_of(tax, "salesTax") for tax in parts(item, "taxes")]
    return LineRecord(
        description=text(item, "description"),
        quantity=Decimal(1) if quantity is None else quantity,
        unit_price=amount if price is None else price,
        amount=amount,
        item_id=_id_of(item, "product") or None,
        taxable=bool(taxes),
        tax_code_id=taxes[0] if taxes else None,
        income_account_id=_id_of(item, "account") or None,
    )


def payment_from_node(node: Payload, invoice: Payload | None = None) -> PaymentRecord:
    """A payment of one invoice: the one it names itself, or the `invoice` below which it was read.

    Raises Unreadable.
    """
    external_id, version = identity(node)
    of = invoice if invoice is not None else part(node, "invoice")
    paid_on, amount = day(node, "paymentDate"), number(node, "amount")
    invoice_id, customer_id = text(of, "id"), _id_of(of, "customer")
    if paid_on is None or amount is None or not invoice_id or not customer_id:
        raise Unreadable("a payment without date, amount or invoice")
    reference, marker = from_memo(text(node, "memo"))
    method = text(node, "paymentMethod").upper()
    return PaymentRecord(
        customer_id=customer_id,
        paid_on=paid_on,
        amount=amount,
        allocations=(Allocation(invoice_id, amount),),
        external_id=external_id,
        version=version,
        currency=text(part(of, "currency"), "code"),
        method=METHODS.get(method, PaymentMethod.OTHER),
        method_id=method or None,
        reference=reference,
        marker=marker,
        deposit_account_id=_id_of(node, "account") or None,
        updated_at=instant(node.get("modifiedAt")),
    )


def from_memo(memo: str) -> tuple[str, str]:
    """Reference and marker of a payment's memo "cheque 881 [bc:<uuid>]"."""
    found = _STAMP.search(memo)
    if found is None:
        return memo, ""
    return (memo[: found.start()] + memo[found.end() :]).strip(), MARKER + found.group(1)


def to_memo(reference: str, marker: str) -> str:
    """The memo that carries both; `from_memo` takes it apart again."""
    stamp = f"[bc:{marker.removeprefix(MARKER)}]" if marker else ""
    return f"{reference} {stamp}".strip()


def record_from_node(kind: Kind, node: object) -> Record:
    """The record of a known kind. Raises Unreadable."""
    if not isinstance(node, dict):
        raise Unreadable("not an object")
    if kind is Kind.CUSTOMER:
        return customer_from_node(node)
    if kind is Kind.ITEM:
        return item_from_node(node)
    if kind is Kind.INVOICE:
        return invoice_from_node(node)
    return payment_from_node(node)


def gone_record(kind: Kind, external_id: str) -> Record:
    """What is left of a deleted record: its id."""
    never = date.min
    if kind is Kind.PAYMENT:
        return PaymentRecord("", never, Decimal(0), external_id=external_id, voided=True)
    if kind is Kind.INVOICE:
        return InvoiceRecord("", "", never, external_id=external_id, voided=True)
    if kind is Kind.ITEM:
        return ItemRecord("", external_id=external_id, active=False)
    return CustomerRecord("", external_id=external_id, active=False)
