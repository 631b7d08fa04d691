"""Where one can be in the window, as a value: what a button, a notification or a failure leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

PAGES = ("invoices", "customers", "items", "activity", "settings")
SETTINGS = (
    "integrations",
    "app_keys",
    "account_mapping",
    "tax_payments",
    "sync_settings",
    "import_data",
    "team",
    "backups",
    "appearance",
)


@dataclass(frozen=True, slots=True)
class Route:
    """A page, and what to show or do there."""

    page: str
    """One of `PAGES`."""
    sub: str = ""
    """Within settings: one of `SETTINGS`."""
    kind: str = ""
    """customer, item, invoice or payment: what the ids below are."""
    record_id: int | None = None
    """Show this record."""
    field: str = ""
    """Open its editor at this field ("number", "email"); in settings: what to jump to ("deposit", "tax"),
    or the one import that the wizard shall show ("customers")."""
    filter: str = ""
    """A chip of the list ("overdue", "needs_you")."""
    action: str = ""
    """Do this on arrival: "new", "link", "reconnect", "wizard"."""
    ids: tuple[int, ...] = ()
    """Show only these records (the items without an account)."""


class Navigator(Protocol):
    """Whoever can take the owner to another place: the main window."""

    def go(self, route: Route) -> None:
        """Show the place that `route` names."""
        ...


def settings(sub: str, *, ids: tuple[int, ...] = (), field: str = "", action: str = "") -> Route:
    """The route to a page of the settings."""
    return Route("settings", sub=sub, ids=ids, field=field, action=action)
