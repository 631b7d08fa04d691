"""A desk with a clock that stands still, and short ways to write things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.desk import Desk
from desktop.books.invoices import InvoiceDraft, LineDraft, create_invoice, mark_sent
from desktop.books.items import ItemDraft, create_item
from desktop.clock import ManualClock, SeededEntropy
from desktop.models.session import Database
from desktop.models.states import CompanyKey, Switches
from desktop.models.tables import RECORDS, Connection, ExternalLink, OutboxEntry

START = datetime(2026, 6, 1, 9, tzinfo=UTC)
COMPANY = CompanyKey("quickbooks", "company-1")


class Office:
    """Books with a desk; every method is one unit of work."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database = database
        self.clock = clock
        self.desk = Desk(clock, SeededEntropy(1), "pat")

    def do(self, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with self.database.write() as session:
            return verb(session, self.desk, *args, **kwargs)

    def ask(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with self.database.read() as session:
            return query(session, *args, **kwargs)

    def customer(self, name: str = "Acme Plumbing", **fields: Any) -> int:
        return int(self.do(create_customer, CustomerDraft(name, **fields)))

    def item(self, name: str = "Labor", **fields: Any) -> int:
        return int(self.do(create_item, ItemDraft(name, **fields)))

    def draft(self, customer_id: int, *prices: str, **fields: Any) -> InvoiceDraft:
        lines = tuple(LineDraft(None, "work", Decimal(1), Decimal(price)) for price in prices or ("100",))
        draft = InvoiceDraft(customer_id, date(2026, 6, 1), date(2026, 7, 1), lines)
        return replace(draft, **fields)

    def invoice(self, customer_id: int, *prices: str, sent: bool = True, **fields: Any) -> int:
        invoice_id = int(self.do(create_invoice, self.draft(customer_id, *prices, **fields)))
        if sent:
            self.do(mark_sent, invoice_id)
        return invoice_id

    def row(self, table: Any, local_id: int) -> Any:
        with self.database.read() as session:
            return session.get_one(table, local_id)

    def connect(self, **switches: bool) -> int:
        """A live connection to `COMPANY` since now, Auto-Sync on unless told otherwise."""
        with self.database.write() as session:
            connection = Connection(
                live=1,
                provider=COMPANY.provider,
                environment="sandbox",
                company_id=COMPANY.company_id,
                state="connected",
                connected_at=self.clock.now(),
                switches=Switches(**{"auto": True, **switches}).to_json(),
            )
            session.add(connection)
            session.flush()
            return connection.id

    def link(self, kind: str, local_id: int, agreed_revision: int | None = None) -> None:
        """What a push leaves behind; agreed on the record's present revision unless told otherwise."""
        with self.database.write() as session:
            add_link(session, kind, local_id, agreed_revision, self.clock.now())

    def outbox(self) -> dict[tuple[str, int], OutboxEntry]:
        with self.database.read() as session:
            return {(entry.kind, entry.local_id): entry for entry in session.scalars(select(OutboxEntry))}

    def empty_outbox(self) -> None:
        with self.database.write() as session:
            for entry in session.scalars(select(OutboxEntry)):
                session.delete(entry)


def add_link(session: Session, kind: str, local_id: int, agreed_revision: int | None, now: datetime) -> None:
    if agreed_revision is None:
        agreed_revision = session.get_one(RECORDS[kind], local_id).revision
    session.add(
        ExternalLink(
            provider=COMPANY.provider,
            company_id=COMPANY.company_id,
            kind=kind,
            local_id=local_id,
            external_id=f"{kind}-{local_id}",
            agreed_revision=agreed_revision,
            linked_at=now,
            agreed_at=now,
        )
    )
