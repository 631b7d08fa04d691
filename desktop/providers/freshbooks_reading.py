"""FreshBooks payloads as our records; pure, strict, and never guessing (B3, B7).

Shapes and field rules: providers' contract, FreshBooks, sections 4 to 8. Ids come as numbers or as text, amounts
as text or as numbers; both are taken. Times have no zone and mean US Eastern time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from desktop.providers.base import MARKER
from desktop.providers.reading import Payload, Unreadable, day, text
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
    TaxCodeRecord,
)

EASTERN = ZoneInfo("America/New_York")
ACTIVE, DELETED, ARCHIVED = 0, 1, 2
METHODS: Mapping[str, PaymentMethod] = {
    "Cash": PaymentMethod.CASH,
    "Check": PaymentMethod.CHECK,
    "Credit Card": PaymentMethod.CARD,
    "Bank Transfer": PaymentMethod.BANK_TRANSFER,
    "Other": PaymentMethod.OTHER,
}
"""What our methods are called there (exact spelling, contract 8); the first of each kind is what is written."""
_MORE_METHODS: Mapping[str, PaymentMethod] = {
    "ACH": PaymentMethod.BANK_TRANSFER,
    **dict.fromkeys(
        ("Debit", "VISA", "MASTERCARD", "DISCOVER", "AMEX", "DINERS", "JCB"), PaymentMethod.CARD
    ),
}  # fmt: skip

_STAMP = re.compile(r"\[bc:([\w-]+(?:/\d+)?)\]")
_SKU = re.compile(r"BC-([\w-]+(?:/\d+)?)")


# --- fields ---


def id_of(payload: Payload, name: str) -> str:
    """The id at `name` as text; "" if absent or 0. Raises Unreadable for what is neither whole number nor text."""
    value = payload.get(name)
    if value is None or value == 0 or value == "0":
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Unreadable(f"{name} is not an id")
    return str(value)


def number(value: object, name: str) -> Decimal:
    """A decimal given as text or number. Raises Unreadable."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise Unreadable(f"{name} is not a number")
    try:
        found = Decimal(value)
    except InvalidOperation:
        raise Unreadable(f"{name} is not a number") from None
    if not found.is_finite() or abs(found.adjusted()) > 30:
        raise Unreadable(f"{name} is beyond all reason")
    return found


def money(payload: Payload, name: str) -> Decimal | None:
    """The number of the money object at `name`; None if absent. Raises Unreadable."""
    value = payload.get(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is not an amount with its currency")
    return number(value.get("amount"), name)


def instant(value: object, zone: tzinfo = EASTERN) -> datetime | None:
    """A bare time of `zone`, which for accounting is US Eastern, in UTC; None where it makes no sense."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.strptime(value, "%Y-%m-%d %H:%M:%S")
        return moment.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def vis_state(payload: Payload) -> int:
    """0 active, 1 deleted, 2 archived; absent is active. Raises Unreadable for any other (B7)."""
    value = payload.get("vis_state", ACTIVE)
    found = int(value) if isinstance(value, str) and value.isdigit() else ACTIVE if value is None else value
    if isinstance(found, bool) or found not in (ACTIVE, DELETED, ARCHIVED):
        raise Unreadable("vis_state is not known")
    return int(found)


def stamp_in(note: str) -> str:
    """Our stamp in a note, as the rest of the program writes it; "" if there is none."""
    found = _STAMP.search(note)
    return f"{MARKER}{found.group(1)}" if found else ""


def without_stamp(note: str) -> str:
    """The note as people wrote it."""
    return " ".join(_STAMP.sub(" ", note).split()) if _STAMP.search(note) else note.strip()


def _identity(payload: Payload) -> tuple[str, str]:
    """Id, and the time of the last change as version: there is no better one (contract 10)."""
    external_id, version = id_of(payload, "id"), text(payload, "updated")
    if not external_id:
        raise Unreadable("id is missing")
    return external_id, version


# --- records ---


def display_name(payload: Payload) -> str:
    """What a client is called: FreshBooks has no such field."""
    person = f"{text(payload, 'fname')} {text(payload, 'lname')}".strip()
    return text(payload, "organization").strip() or person or text(payload, "email")


def customer_from_payload(payload: Payload) -> CustomerRecord:
    """A client. Raises Unreadable."""
    external_id, version = _identity(payload)
    return CustomerRecord(
        display_name=display_name(payload),
        external_id=external_id,
        version=version,
        given_name=text(payload, "fname"),
        family_name=text(payload, "lname"),
        company_name=text(payload, "organization"),
        email=text(payload, "email"),
        phone=text(payload, "bus_phone") or text(payload, "mob_phone") or text(payload, "home_phone"),
        address=Address(
            line1=text(payload, "p_street"),
            line2=text(payload, "p_street2"),
            city=text(payload, "p_city"),
            region=text(payload, "p_province"),
            postal_code=text(payload, "p_code"),
            country=text(payload, "p_country"),
        ),
        active=vis_state(payload) == ACTIVE,
        marker=stamp_in(text(payload, "note")),
        updated_at=instant(payload.get("updated")),
        created_at=instant(payload.get("signup_date"), UTC),
    )


def item_from_payload(payload: Payload) -> ItemRecord:
    """An item. Our stamp stands in `sku`, which FreshBooks' own screens don't show (contract 6). Raises Unreadable."""
    external_id, version = _identity(payload)
    sku = text(payload, "sku")
    ours = _SKU.fullmatch(sku)
    return ItemRecord(
        name=text(payload, "name"),
        external_id=external_id,
        version=version,
        description=text(payload, "description"),
        unit_price=money(payload, "unit_cost"),
        taxable=bool(id_of(payload, "tax1") or id_of(payload, "tax2")),
        active=vis_state(payload) == ACTIVE,
        sku="" if ours else sku,
        marker=f"{MARKER}{ours.group(1)}" if ours else "",
        updated_at=instant(payload.get("updated")),
    )


def invoice_from_payload(payload: Payload, taxes: Sequence[TaxCodeRecord] = ()) -> InvoiceRecord:
    """An invoice with its lines, which must be there. There is no void: a deleted one counts as such.

    Raises Unreadable.
    """
    external_id, version = _identity(payload)
    issued_on, customer_id = day(payload, "create_date"), id_of(payload, "customerid")
    if issued_on is None or not customer_id:
        raise Unreadable("an invoice without date or client")
    if not isinstance(payload.get("lines"), list):
        raise Unreadable("an invoice without lines")
    total, discount = money(payload, "amount"), abs(money(payload, "discount_total") or Decimal(0))
    percent = number(payload.get("discount_value") or "0", "discount_value")
    lines = tuple(_line(line, taxes) for line in payload["lines"])
    subtotal = sum((line.amount for line in lines), Decimal(0))
    return InvoiceRecord(
        number=text(payload, "invoice_number"),
        customer_id=customer_id,
        issued_on=issued_on,
        lines=lines,
        external_id=external_id,
        version=version,
        due_on=day(payload, "due_date"),
        currency=text(payload, "currency_code"),
        discount=discount,
        discount_percent=percent or None,
        memo=text(payload, "notes"),
        total=total,
        tax_total=None if total is None else total - subtotal + discount,
        balance=money(payload, "outstanding"),
        voided=vis_state(payload) == DELETED,
        draft=is_draft(payload),
        updated_at=instant(payload.get("updated")),
    )


def is_draft(payload: Payload) -> bool:
    """Not sent yet: neither in reports nor seen by the client (contract 7)."""
    state = text(payload, "v3_status").lower()
    if state:
        return state in ("draft", "created")
    return id_of(payload, "status") == "1"


def _line(line: object, taxes: Sequence[TaxCodeRecord]) -> LineRecord:
    if not isinstance(line, dict):
        raise Unreadable("a line is not an object")
    quantity = number(line.get("qty") if line.get("qty") is not None else 1, "qty")
    price = money(line, "unit_cost") or Decimal(0)
    amount = money(line, "amount")
    rates = [
        (text(line, f"taxName{place}"), number(line.get(f"taxAmount{place}") or 0, "taxAmount")) for place in ("1", "2")
    ]
    taxed = [(name, rate) for name, rate in rates if name and rate]
    codes = [code.external_id for code in taxes if (code.name, code.rate) in taxed] if len(taxed) == 1 else []
    return LineRecord(
        description=text(line, "description"),
        quantity=quantity,
        unit_price=price,
        amount=quantity * price if amount is None else amount,
        item_name=text(line, "name"),
        taxable=bool(taxed),
        tax_code_id=codes[0] if codes else None,
    )


def payment_from_payload(payload: Payload) -> PaymentRecord:
    """A payment: always of one invoice; what is over became a credit. Raises Unreadable."""
    external_id, version = _identity(payload)
    paid_on, amount, invoice_id = day(payload, "date"), money(payload, "amount"), id_of(payload, "invoiceid")
    if paid_on is None or amount is None:
        raise Unreadable("a payment without date or amount")
    kind, note, whole = text(payload, "type"), text(payload, "note"), payload.get("amount")
    return PaymentRecord(
        customer_id=id_of(payload, "clientid"),
        paid_on=paid_on,
        amount=amount,
        allocations=(Allocation(invoice_id, amount),) if invoice_id else (),
        external_id=external_id,
        version=version,
        currency=text(whole, "code") if isinstance(whole, dict) else "",
        method=METHODS.get(kind) or _MORE_METHODS.get(kind, PaymentMethod.OTHER),
        method_id=kind or None,
        reference=without_stamp(note),
        marker=stamp_in(note),
        voided=vis_state(payload) == DELETED,
        updated_at=instant(payload.get("updated")),
    )


def tax_from_payload(payload: Payload) -> TaxCodeRecord:
    """A tax; lines name it by name and percentage. Raises Unreadable."""
    external_id, _ = _identity(payload)
    rate = number(payload.get("amount") or "0", "amount")
    return TaxCodeRecord(external_id, text(payload, "name"), rate, vis_state(payload) == ACTIVE)


def record_from_payload(kind: Kind, payload: object, taxes: Sequence[TaxCodeRecord] = ()) -> Record:
    """The record of a known kind. Raises Unreadable."""
    if not isinstance(payload, dict):
        raise Unreadable("not an object")
    if kind is Kind.CUSTOMER:
        return customer_from_payload(payload)
    if kind is Kind.ITEM:
        return item_from_payload(payload)
    if kind is Kind.INVOICE:
        return invoice_from_payload(payload, taxes)
    return payment_from_payload(payload)


def eastern_day(moment: datetime, days: int = 0) -> str:
    """The Eastern calendar day of an instant, some days on, as filters want it."""
    return (moment.astimezone(EASTERN).date() + timedelta(days)).isoformat()
