"""Imports every table, so that the metadata is whole wherever it is needed (migrations, tests)."""

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
    "RemoteAccount",
    "RemoteMethod",
    "Setting",
    "SyncStatus",
    "TaxCode",
    "User",
    "WriteCall",
]
