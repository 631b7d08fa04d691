"""What every part of a run needs: the database, the provider of the one connection, clock and chance."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.books.desk import Desk
from desktop.models.session import Database
from desktop.models.states import CompanyKey
from desktop.providers.base import Provider
from desktop.sync.leases import Leases, runner_lease


@dataclass(frozen=True, slots=True)
class Company:
    """The connected company, as the sync sees it."""

    db: Database
    provider: Provider
    connection_id: int
    key: CompanyKey
    desk: Desk
    leases: Leases

    @property
    def lease_name(self) -> str:
        """One runner per connection, whatever the number of desks (design 2.5)."""
        return runner_lease(self.connection_id)
