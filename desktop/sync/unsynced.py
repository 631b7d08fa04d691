"""The unsynced-customer alert: who is in the service but not here (M118-M128)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.models.connection import ExternalLink
from desktop.providers.records import CustomerRecord, Kind
from desktop.sync.company import Company
from desktop.sync.remote_lists import Progress, RemoteLists
from desktop.text import tr


@dataclass(frozen=True, slots=True)
class UnsyncedCustomers:
    """The count as it is now, and the first few names."""

    missing: int
    total: int
    names: tuple[str, ...]

    def sentence(self, service: str) -> str:
        """M120, word for word."""
        return tr(
            "{missing} of {total} customers in {service} are not yet imported into BlueClerk",
            missing=f"{self.missing:,}",
            total=f"{self.total:,}",
            service=service,
        )


async def unsynced_customers(
    company: Company, lists: RemoteLists, progress: Progress | None = None
) -> UnsyncedCustomers:
    """Counted anew from the shared list and our links at each call; fetches only when the list is older than 60 s."""
    records = await lists.customers.get(progress)
    return await company.db.in_read(lambda session: count_unsynced(session, company, records))


def count_unsynced(session: Session, company: Company, records: tuple[CustomerRecord, ...]) -> UnsyncedCustomers:
    """Active customers there, against our links."""
    linked = set(
        session.scalars(
            select(ExternalLink.external_id).where(
                ExternalLink.provider == company.key.provider,
                ExternalLink.company_id == company.key.company_id,
                ExternalLink.kind == Kind.CUSTOMER.value,
            )
        )
    )
    active = [record for record in records if record.active]
    missing = [record for record in active if record.external_id not in linked]
    return UnsyncedCustomers(len(missing), len(active), tuple(record.display_name for record in missing[:5]))
