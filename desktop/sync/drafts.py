"""What our books keep of a customer or an item that comes in, from the service or from a file."""

from __future__ import annotations

from desktop.books.customers import CustomerDraft
from desktop.books.items import ItemDraft
from desktop.kinds import CustomerKind
from desktop.providers.records import CustomerRecord, ItemRecord


def draft_of_customer(
    record: CustomerRecord, kind: CustomerKind, reason: str = "", *, chosen: bool = False, notes: str = ""
) -> CustomerDraft:
    """The customer as `kind`, for `reason`; `chosen` says that the owner chose it."""
    where = record.address
    return CustomerDraft(
        display_name=record.display_name,
        kind=kind,
        given_name=record.given_name,
        family_name=record.family_name,
        company_name=record.company_name,
        email=record.email,
        phone=record.phone,
        line1=where.line1,
        line2=where.line2,
        city=where.city,
        region=where.region,
        postal_code=where.postal_code,
        country=where.country,
        notes=notes,
        active=record.active,
        kind_reason=reason,
        kind_chosen=chosen,
    )


def draft_of_item(record: ItemRecord) -> ItemDraft:
    """The item; its account is kept elsewhere."""
    return ItemDraft(
        name=record.name,
        description=record.description,
        unit_price=record.unit_price,
        taxable=record.taxable,
        sku=record.sku,
        active=record.active,
    )
