"""Every table in one place, so that the metadata is whole (migrations, tests); and which of them holds what."""

from collections.abc import Mapping
from typing import Any

from desktop.models.base import Base
from desktop.models.connection import (
    AppKey,
    Connection,
    ExternalLink,
    LeftOut,
    PaymentTwin,
    PullCursor,
    RemoteAccount,
    RemoteMethod,
)
from desktop.models.customer import Customer
from desktop.models.desk import Lease, Setting, User
from desktop.models.invoice import Invoice, InvoiceLine, NumberSeries, TaxCode
from desktop.models.item import Item, ItemAccount
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.work import ActivityRow, Intention, Notification, OutboxEntry, SyncStatus, WriteCall

RECORDS: Mapping[str, type[Any]] = {"customer": Customer, "item": Item, "invoice": Invoice, "payment": Payment}
"""The table of each kind of record that can be linked."""

__all__ = [
    "ActivityRow",
    "AppKey",
    "Base",
    "Connection",
    "Customer",
    "ExternalLink",
    "Intention",
    "Invoice",
    "InvoiceLine",
    "Item",
    "ItemAccount",
    "Lease",
    "LeftOut",
    "Notification",
    "NumberSeries",
    "OutboxEntry",
    "Payment",
    "PaymentAllocation",
    "PaymentTwin",
    "PullCursor",
    "RECORDS",
    "RemoteAccount",
    "RemoteMethod",
    "Setting",
    "SyncStatus",
    "TaxCode",
    "User",
    "WriteCall",
]
